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
	struct schema_resource target;
	struct schema_view_options view;
	struct schema_tree *tree;
	bool borrowed; // the tree is the workspace's
	struct access_look look;
};

// Whether the target is, or is in, this top-level node; NULL: any of the module.
static bool is_top(const struct reading *r, const char *module, const char *name)
{
	if (!r->target.step.len)
		return true;
	const struct schema_step *s = &r->target.step.at[0];
	return strcmp(s->module, module) == 0 && (!name || strcmp(s->name, name) == 0);
}

static bool add_document(struct reading *r, enum store_kind kind)
{
	struct exchange *x = r->x;
	const char *tenant = exchange_owner(x, kind);
	if (!tenant)
		return true;
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
	const struct schema_step *top = r->target.step.len ? &r->target.step.at[0] : NULL;
	const struct schema_step *below = r->target.step.len > 1 ? &r->target.step.at[1] : NULL;
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

// Nothing of a policy is state.
static bool is_policy(const struct reading *r)
{
	return r->target.step.len && is_top(r, NORTH_CFI, NULL);
}

// Tenants see the state of their own NSFs, not what the operator has configured.
static bool gather(struct reading *r)
{
	bool config = r->view.content != SCHEMA_CONTENT_STATE;
	bool state = r->view.content != SCHEMA_CONTENT_CONFIG;
	if (config && is_top(r, NORTH_CFI, NULL) && !add_document(r, STORE_POLICY))
		return false;
	bool network = is_top(r, NORTH_MODULE, "sites") || is_top(r, NORTH_MODULE, "nsfs");
	if (config && network && !add_document(r, STORE_NETWORK))
		return false;
	if (config && is_top(r, ACCESS_MODULE, "nacm") && !add_document(r, STORE_ACCESS))
		return false;
	if (state && !is_policy(r) && !add_state(r))
		return false;
	if (!r->tree)
		r->tree = schema_tree_new(r->w->schema);
	return true;
}

// --- what is asked for ---

static unsigned absent(struct reading *r)
{
	return exchange_refuse(r->x, 404,
			       &(struct diag){.code = DIAG_ABSENT,
					      .path = r->target.path,
					      .hint = "read its parent to see what there is"},
			       "there is no such resource");
}

// The entries of a whole list: JSON holds them in one array, XML could only hold one (RFC 8040
// section 4.3).
static unsigned check_list(struct reading *r)
{
	bool whole = r->target.kind == SCHEMA_LIST || r->target.kind == SCHEMA_LEAF_LIST;
	if (!whole || r->x->request.out != SCHEMA_XML)
		return 0;
	return exchange_refuse(r->x, 400,
			       &(struct diag){.code = DIAG_VALUE,
					      .path = r->target.path,
					      .hint = "name one entry by its key, or ask for JSON"},
			       "XML cannot hold several entries without their parent");
}

// A leaf with its default is there (section 3.5.4), a container that is empty is not.
static bool is_there(const struct reading *r, const struct schema_node *node)
{
	bool all = r->view.defaults == SCHEMA_DEFAULTS_ALL ||
		   r->view.defaults == SCHEMA_DEFAULTS_ALL_TAGGED;
	return node && (all || r->target.kind != SCHEMA_CONTAINER || !schema_is_default(node));
}

// What may not be read is not there (RFC 8040 section 4.3); of a whole list each entry is looked at when it is shown.
static bool is_visible(struct reading *r, const struct schema_node *node)
{
	bool whole = r->target.kind == SCHEMA_LIST || r->target.kind == SCHEMA_LEAF_LIST;
	for (const struct schema_node *n = whole ? schema_parent(node) : node; n;
	     n = schema_parent(n))
		if (!access_may_read(&r->look, n))
			return false;
	return true;
}

static unsigned preconditions(struct reading *r)
{
	struct exchange *x = r->x;
	unsigned documents = exchange_documents(&r->target);
	x->tag = exchange_tag(x, documents, &x->modified);
	struct restconf_state state = {
		.exists = true,
		.tag = x->tag,
		.modified = x->modified,
		.whole = documents && (is_policy(r) || r->view.content == SCHEMA_CONTENT_CONFIG)};
	unsigned status = restconf_precondition(&x->request, &state);
	return status != 412
		       ? status
		       : exchange_refuse(x, 412,
					 &(struct diag){.code = DIAG_STALE,
							.path = r->target.path,
							.hint = "leave the precondition out"},
					 "the data is not in the state that the request names");
}

// --- printing ---

static void select_nodes(const struct reading *r, struct schema_view *view,
			 const struct schema_node *first)
{
	bool whole = r->target.kind == SCHEMA_LIST || r->target.kind == SCHEMA_LEAF_LIST;
	for (const struct schema_node *n = first; n; n = whole ? schema_next(n) : NULL)
		if (schema_is(n, schema_module(first), schema_name(first)))
			schema_view_node(view, n);
}

static void print_view(const struct reading *r, struct schema_view *view)
{
	struct buf *out = &r->x->out;
	bool whole = !r->target.step.len, xml = r->x->request.out == SCHEMA_XML;
	if (whole)
		buf_adds(out, xml ? "<data xmlns=\"" RESTCONF_NAMESPACE "\">"
				  : "{\"ietf-restconf:data\":");
	schema_view_print(view, out);
	buf_adds(out, !whole ? "\n" : xml ? "</data>\n" : "}\n");
}

static bool is_nothing(const struct buf *out)
{
	return out->len <= 1 || strcmp(out->data, "{}\n") == 0;
}

static unsigned print(struct reading *r)
{
	struct exchange *x = r->x;
	const struct schema_node *node =
		schema_resource_find(r->tree, &r->target, r->target.step.len);
	unsigned status = check_list(r);
	if (!status && r->target.step.len && !(is_there(r, node) && is_visible(r, node)))
		status = absent(r);
	if (!status)
		status = preconditions(r);
	if (status)
		return status;
	struct schema_view *view = schema_view_new(r->tree, &r->view);
	select_nodes(r, view, node);
	if (x->request.fields && !schema_view_fields(view, x->request.fields, &x->diags))
		status = 400;
	else
		print_view(r, view);
	schema_view_free(view);
	if (!status && r->target.step.len && is_nothing(&x->out))
		status = absent(r);
	return status ? status : 200;
}

// --- requests ---

static struct schema_view_options view_of(const struct restconf_request *request)
{
	struct schema_view_options view = {.format = request->out,
					   .defaults = request->defaults,
					   .content = request->content,
					   .depth = request->depth};
	if (request->datastore == RESTCONF_RUNNING)
		view.content = SCHEMA_CONTENT_CONFIG;
	// RFC 8342 section 5.3: defaults that are in use are there.
	if (request->datastore == RESTCONF_OPERATIONAL && !request->has_defaults)
		view.defaults = SCHEMA_DEFAULTS_ALL;
	return view;
}

static unsigned read_target(struct exchange *x, struct workspace *w, struct schema_resource *out)
{
	if (schema_resource_read(w->schema, NULL, x->request.path, &x->arena, &x->diags, out))
		return 0;
	return x->diags.list.at[0].code == DIAG_UNKNOWN_ELEMENT ? 404 : 400;
}

static bool look(struct reading *r)
{
	r->look.user = exchange_user(r->x, r->w);
	if (!r->look.user || access_reads_all(r->look.user))
		return r->look.user;
	r->view.visible = access_may_read;
	r->view.context = &r->look;
	return true;
}

unsigned data_get(struct exchange *x)
{
	struct reading r = {
		.x = x, .w = workspace_take(x->workspaces), .view = view_of(&x->request)};
	unsigned status = read_target(x, r.w, &r.target);
	if (!status)
		status = look(&r) && gather(&r) ? print(&r) : restconf_status(&x->diags);
	access_user_unref(r.look.user);
	if (r.tree && !r.borrowed)
		schema_tree_free(r.tree);
	workspace_give(x->workspaces, r.w);
	return status;
}

unsigned data_options(struct exchange *x)
{
	struct workspace *w = workspace_take(x->workspaces);
	struct schema_resource target;
	unsigned status = read_target(x, w, &target);
	if (!status) {
		bool writable =
			edit_is_writable(&target) && x->request.datastore != RESTCONF_OPERATIONAL;
		x->allow = restconf_allow_data(&target, writable);
		if (restconf_allows(x->allow, "PATCH"))
			x->accept_patch = RESTCONF_JSON ", " RESTCONF_XML ", " RESTCONF_PATCH_JSON
							", " RESTCONF_PATCH_XML;
	}
	workspace_give(x->workspaces, w);
	return status ? status : 204;
}
