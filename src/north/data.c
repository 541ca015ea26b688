// SPDX-License-Identifier: Apache-2.0
// Reading of data resources (RFC 8040 sections 3.5 and 4.3).
//
// The idea: what is configured is a tree that is kept, what is state is written as XML for the one
// request and read into a tree; then both are one tree, and every path and format follows from it.
// Only what the path can reach is made.
#include "north/internal.h"

#include <string.h>

struct reading {
	struct exchange *x;
	struct workspace *w;
	struct path path; // no steps: the datastore
	struct schema_tree *tree;
	bool borrowed; // the tree is the workspace's
};

static bool is_top(const struct reading *r, const char *module, const char *name)
{
	if (!r->path.step.len)
		return true;
	const struct path_step *s = &r->path.step.at[0];
	return strcmp(s->module, module) == 0 && (!name || strcmp(s->name, name) == 0);
}

static bool add_document(struct reading *r, enum store_kind kind)
{
	struct exchange *x = r->x;
	const char *tenant = kind == STORE_POLICY ? x->caller.tenant : ENGINE_TENANT_OPERATOR;
	const struct document *d = workspace_document(r->w, x->engine, kind, tenant, &x->diags);
	if (!d)
		return false;
	if (!r->tree) {
		r->tree = d->tree;
		r->borrowed = true;
		return true;
	}
	if (r->borrowed) {
		r->tree = schema_tree_copy(r->tree);
		r->borrowed = false;
	}
	return schema_edit(r->tree, d->tree, SCHEMA_OP_MERGE, &x->diags);
}

static bool add_state(struct reading *r)
{
	struct exchange *x = r->x;
	const struct path_step *top = r->path.step.len ? &r->path.step.at[0] : NULL;
	const struct path_step *below = r->path.step.len > 1 ? &r->path.step.at[1] : NULL;
	struct state_want want = {.module = top ? top->module : NULL,
				  .name = top ? top->name : NULL,
				  .nsf = below && below->key.len ? below->key.at[0].value : NULL,
				  .rules = true};
	struct buf xml;
	buf_init(&xml);
	bool ok = state_write(x, r->w, &want, &xml);
	if (ok && xml.len) {
		struct schema_tree *state = schema_tree_new(r->w->schema);
		struct schema_input input = {
			.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
		ok = schema_parse(state, &input, &x->diags);
		if (r->tree && r->borrowed)
			r->tree = schema_tree_copy(r->tree);
		r->borrowed = false;
		if (ok && r->tree)
			ok = schema_edit(r->tree, state, SCHEMA_OP_MERGE, &x->diags);
		if (r->tree)
			schema_tree_free(state);
		else
			r->tree = state;
	}
	buf_fini(&xml);
	return ok;
}

// Tenants see the state of their own NSFs, not what the operator has configured.
static bool gather(struct reading *r)
{
	bool config = r->x->request.content != RESTCONF_NONCONFIG;
	bool state = r->x->request.content != RESTCONF_CONFIG;
	if (config && is_top(r, NORTH_CFI, NULL) && !add_document(r, STORE_POLICY))
		return false;
	bool network = is_top(r, NORTH_MODULE, "sites") || is_top(r, NORTH_MODULE, "nsfs");
	if (config && network && r->x->caller.is_operator && !add_document(r, STORE_NETWORK))
		return false;
	bool stateless = is_top(r, NORTH_CFI, NULL) && r->path.step.len;
	if (state && !stateless && !add_state(r))
		return false;
	if (!r->tree)
		r->tree = schema_tree_new(r->w->schema);
	return true;
}

// --- printing ---

static void print_datastore(const struct reading *r, unsigned flags, struct buf *out)
{
	enum schema_format format = r->x->request.out;
	struct buf inner;
	buf_init(&inner);
	schema_print(r->tree, format, flags, &inner);
	if (format == SCHEMA_XML)
		buf_printf(out, "<data xmlns=\"" RESTCONF_NAMESPACE "\">%s</data>\n", inner.data);
	else
		buf_printf(out, "{\"ietf-restconf:data\":%s}\n", inner.len ? inner.data : "{}");
	buf_fini(&inner);
}

static bool same_list(const struct schema_node *a, const struct schema_node *b)
{
	return strcmp(schema_name(a), schema_name(b)) == 0 &&
	       strcmp(schema_module(a), schema_module(b)) == 0;
}

// A list or leaf-list as a whole: JSON holds its entries in one array, XML could only hold one
// (RFC 8040 section 4.3).
static unsigned print_list(struct reading *r, const struct schema_node *first, unsigned flags,
			   struct buf *out)
{
	if (r->x->request.out == SCHEMA_XML)
		return exchange_refuse(
			r->x, 400,
			&(struct diag){.code = DIAG_VALUE,
				       .path = r->path.text,
				       .hint = "name one entry by its key, or ask for "
					       "JSON"},
			"XML cannot hold several entries without their parent");
	struct buf one;
	buf_init(&one);
	bool any = false;
	for (const struct schema_node *n = first; n; n = schema_next(n)) {
		if (!same_list(first, n))
			continue;
		buf_clear(&one);
		schema_print_node(n, SCHEMA_JSON, flags, &one);
		// {"m:list":[ENTRY]}: what stands between the brackets goes into one array.
		const char *open = strchr(one.data, '['), *close = strrchr(one.data, ']');
		if (!open || !close)
			continue;
		if (any)
			buf_addc(out, ',');
		else
			buf_add(out, one.data, (size_t)(open + 1 - one.data));
		buf_add(out, open + 1, (size_t)(close - open - 1));
		any = true;
	}
	buf_adds(out, "]}\n");
	buf_fini(&one);
	return 200;
}

static unsigned not_found(struct reading *r)
{
	return exchange_refuse(r->x, 404,
			       &(struct diag){.code = DIAG_ABSENT,
					      .path = r->path.text,
					      .hint = "read its parent to see what there is"},
			       "there is no such resource");
}

static bool is_whole_list(const struct reading *r, const struct schema_node *node)
{
	const struct path_step *last = &r->path.step.at[r->path.step.len - 1];
	if (last->key.len)
		return false;
	struct arena arena;
	arena_init(&arena);
	const char *path = schema_path(node, &arena);
	bool is = path[0] && path[strlen(path) - 1] == ']';
	arena_fini(&arena);
	return is;
}

static unsigned print(struct reading *r, struct buf *out)
{
	unsigned flags = r->x->request.defaults ? SCHEMA_PRINT_DEFAULTS : 0;
	if (!r->path.step.len) {
		print_datastore(r, flags, out);
		return 200;
	}
	const struct schema_node *node = schema_find(r->tree, r->path.text);
	if (!node)
		return not_found(r);
	if (is_whole_list(r, node))
		return print_list(r, node, flags, out);
	schema_print_node(node, r->x->request.out, flags, out);
	if (!out->len) // nothing in it is given
		return not_found(r);
	buf_addc(out, '\n');
	return 200;
}

static unsigned finish(struct reading *r)
{
	struct exchange *x = r->x;
	struct buf whole;
	buf_init(&whole);
	unsigned status = print(r, &whole);
	if (status == 200 && x->request.depth)
		restconf_prune(x->request.out, whole.data, whole.len, x->request.depth, &x->out);
	else if (status == 200)
		buf_add(&x->out, whole.data, whole.len);
	buf_fini(&whole);
	return status;
}

static unsigned read_path(struct reading *r)
{
	struct exchange *x = r->x;
	if (!*x->request.path)
		return 0;
	const char *instance =
		schema_restconf_path(r->w->schema, x->request.path, &x->arena, &x->diags);
	if (!instance)
		return x->diags.list.at[0].code == DIAG_VALUE ? 400 : 404;
	if (path_parse(instance, &x->arena, &r->path))
		return 0;
	return exchange_refuse(x, 404,
			       &(struct diag){.code = DIAG_VALUE,
					      .hint = "keys may not hold both kinds of quotes"},
			       "the path cannot be taken apart");
}

unsigned data_get(struct exchange *x)
{
	struct reading r = {.x = x, .w = workspace_take(x->workspaces)};
	unsigned status = read_path(&r);
	if (!status)
		status = gather(&r) ? finish(&r) : restconf_status(&x->diags);
	if (r.tree && !r.borrowed)
		schema_tree_free(r.tree);
	workspace_give(x->workspaces, r.w);
	x->tag = exchange_tag(x, &x->modified);
	return status;
}
