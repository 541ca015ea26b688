// SPDX-License-Identifier: Apache-2.0
// Writing of data resources (RFC 8040 sections 4.4 to 4.7).
//
// The idea: each request becomes an edit on a copy of the asker's document; the engine validates and
// translates the result before it becomes a revision. Somebody else's change in between is noticed by
// the revision number, and the edit is made again on the new one.
//
// The datastore stands for the documents that the body speaks about: a body with policies alone
// replaces or merges the policies and leaves sites and NSFs as they are, and the other way round.
#include "north/internal.h"

#include <string.h>

#define TRIES 4
#define NC " xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" nc:operation=\""

struct writing {
	struct exchange *x;
	struct workspace *w;
	struct path path; // of the target; no steps: the datastore
	struct path full; // of what is written: the target, or for POST its new child
	enum store_kind kind;
	const struct document *base;
	struct schema_tree *tree; // the document being changed
	bool is_new;              // the resource was not there before
};

static unsigned refuse(struct writing *w, unsigned status, enum diag_code code, const char *hint,
		       const char *text)
{
	return exchange_refuse(w->x, status,
			       &(struct diag){.code = code, .path = w->path.text, .hint = hint},
			       text);
}

// --- the body ---

// What stands between the outermost braces.
static bool strip_object(const struct buf *body, const char **inner, size_t *len)
{
	const char *p = body->data, *end = body->data + body->len;
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	while (end > p && strchr(" \t\r\n", end[-1]))
		end--;
	if (end - p < 2 || *p != '{' || end[-1] != '}')
		return false;
	*inner = p + 1;
	*len = (size_t)(end - p - 2);
	return true;
}

// XML without its prolog: what stands around it is an element, too.
static void strip_prolog(const struct buf *body, const char **inner, size_t *len)
{
	const char *p = body->data;
	p += strspn(p, "\xef\xbb\xbf \t\r\n");
	if (strncmp(p, "<?xml", 5) == 0) {
		const char *end = strstr(p, "?>");
		p = end ? end + 2 : p;
	}
	*inner = p;
	*len = body->len - (size_t)(p - body->data);
}

static bool parse_wrapped(struct writing *w, const struct path_wrap *wrap, struct diags *diags,
			  struct schema_tree *tree)
{
	struct buf text;
	buf_init(&text);
	path_wrap(wrap, w->w, &text);
	struct schema_input input = {.data = text.data, .len = text.len, .format = wrap->format};
	bool ok = schema_parse_edit(tree, &input, diags);
	buf_fini(&text);
	return ok;
}

// Reads the body below the first `n` steps of the path.
static struct schema_tree *parse_body(struct writing *w, size_t n)
{
	struct exchange *x = w->x;
	struct path_wrap wrap = {.path = &w->path, .n = n, .format = x->request.in};
	if (x->request.in == SCHEMA_XML)
		strip_prolog(&x->body, &wrap.content, &wrap.len);
	else if (!strip_object(&x->body, &wrap.content, &wrap.len)) {
		(void)refuse(w, 400, DIAG_SYNTAX, "send one JSON object",
			     "the body is no JSON object");
		return NULL;
	}
	struct schema_tree *tree = schema_tree_new(w->w->schema);
	struct diags first;
	diags_init(&first, &x->arena);
	if (parse_wrapped(w, &wrap, &first, tree))
		return tree;
	// In JSON it depends on its type whether a key of an ancestor is a number or a text.
	struct diags second;
	diags_init(&second, &x->arena);
	wrap.bare_numbers = true;
	if (wrap.format == SCHEMA_JSON && n && parse_wrapped(w, &wrap, &second, tree))
		return tree;
	schema_tree_free(tree);
	for (size_t i = 0; i < first.list.len; i++) {
		struct diag d = first.list.at[i];
		d.line = n ? 0 : d.line; // the wrapping is not the client's
		diag_add(&x->diags, &d, "%s", d.text);
	}
	return NULL;
}

// --- which document ---

static bool kind_of(const char *module, const char *name, enum store_kind *out)
{
	bool is_network = strcmp(module, NORTH_MODULE) == 0 &&
			  (strcmp(name, "sites") == 0 || strcmp(name, "nsfs") == 0);
	*out = is_network ? STORE_NETWORK : STORE_POLICY;
	return is_network || strcmp(module, NORTH_CFI) == 0;
}

// Of everything that stands in a tree; refused when it is not one document, or no configuration.
static unsigned kind_of_tree(struct writing *w, const struct schema_tree *tree)
{
	bool first = true;
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n)) {
		enum store_kind kind;
		if (!kind_of(schema_module(n), schema_name(n), &kind))
			return refuse(w, 405, DIAG_UNSUPPORTED,
				      "only policies, sites and NSFs can be written",
				      "this cannot be written");
		if (!first && kind != w->kind)
			return refuse(w, 400, DIAG_UNSUPPORTED,
				      "send policies in one request, sites and NSFs in another",
				      "a request can change one document only");
		w->kind = kind;
		first = false;
	}
	return 0;
}

static unsigned open_document(struct writing *w)
{
	struct exchange *x = w->x;
	if (w->kind == STORE_NETWORK && !x->caller.is_operator)
		return refuse(w, 403, DIAG_DENIED, "ask an operator",
			      "sites and NSFs are the operator's");
	const char *tenant = w->kind == STORE_POLICY ? x->caller.tenant : ENGINE_TENANT_OPERATOR;
	w->base = workspace_document(w->w, x->engine, w->kind, tenant, &x->diags);
	if (!w->base)
		return restconf_status(&x->diags);
	w->tree = schema_tree_copy(w->base->tree);
	return 0;
}

// --- the edit ---

static const struct schema_node *given(const struct schema_tree *tree, const char *path)
{
	const struct schema_node *n = schema_find(tree, path);
	return n && !schema_is_default(n) ? n : NULL;
}

// Every list entry on the way must be there; containers come by themselves.
static unsigned check_parents(struct writing *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!w->path.step.at[i].key.len)
			continue;
		const char *path = path_prefix(&w->path, i + 1, &w->x->arena);
		if (!schema_find(w->tree, path))
			return exchange_refuse(w->x, 404,
					       &(struct diag){.code = DIAG_ABSENT,
							      .path = path,
							      .hint = "create it first"},
					       "there is no such resource");
	}
	return 0;
}

// The element as an edit: its text with an operation in it, in its ancestors.
static bool edit_node(struct writing *w, const char *element, size_t len, const char *operation)
{
	struct exchange *x = w->x;
	struct buf content;
	buf_init(&content);
	size_t name = 1 + strcspn(element + 1, " />\t\r\n");
	buf_add(&content, element, name);
	buf_printf(&content, NC "%s\"", operation);
	buf_add(&content, element + name, len - name);
	struct path_wrap wrap = {.path = &w->full,
				 .n = w->full.step.len - 1,
				 .format = SCHEMA_XML,
				 .content = content.data,
				 .len = content.len};
	struct schema_tree *edit = schema_tree_new(w->w->schema);
	bool ok = parse_wrapped(w, &wrap, &x->diags, edit) &&
		  schema_edit(w->tree, edit, SCHEMA_OP_MERGE, &x->diags);
	schema_tree_free(edit);
	buf_fini(&content);
	return ok;
}

static unsigned edit_by_body(struct writing *w, struct schema_tree *body, const char *operation)
{
	const struct schema_node *node = schema_find(body, w->full.text);
	if (!node)
		return refuse(w, 400, DIAG_VALUE,
			      "send the resource that the path names, with the same keys",
			      "the body is not the resource of the path");
	struct buf text;
	buf_init(&text);
	schema_print_node(node, SCHEMA_XML, 0, &text);
	if (!text.len) { // a container with nothing in it
		const struct path_step *last = &w->full.step.at[w->full.step.len - 1];
		buf_printf(&text, "<%s xmlns=\"%s\"/>", last->name,
			   workspace_namespace(w->w, last->module));
	}
	bool ok = edit_node(w, text.data, text.len, operation);
	buf_fini(&text);
	return ok ? 0 : restconf_status(&w->x->diags);
}

static unsigned put(struct writing *w, struct schema_tree *body)
{
	w->full = w->path;
	unsigned status = check_parents(w, w->path.step.len - 1);
	w->is_new = !given(w->tree, w->path.text);
	return status ? status : edit_by_body(w, body, "replace");
}

static unsigned patch(struct writing *w, struct schema_tree *body)
{
	w->full = w->path;
	unsigned status = check_parents(w, w->path.step.len);
	const struct path_step *last = &w->path.step.at[w->path.step.len - 1];
	if (!status && !last->key.len && !schema_find(w->tree, w->path.text))
		status = refuse(w, 404, DIAG_ABSENT, "create it with PUT or POST",
				"there is no such resource");
	return status ? status : edit_by_body(w, body, "merge");
}

// The one node that a POST creates: below the target, beside its keys.
static const struct schema_node *new_child(struct writing *w, struct schema_tree *body)
{
	const struct schema_node *n = schema_first(body);
	if (w->path.step.len) {
		const struct schema_node *parent = schema_find(body, w->path.text);
		n = parent ? schema_child(parent) : NULL;
	}
	const struct path_step *last =
		w->path.step.len ? &w->path.step.at[w->path.step.len - 1] : NULL;
	const struct schema_node *found = NULL;
	for (; n; n = schema_next(n)) {
		bool is_key = schema_is_default(n);
		for (size_t k = 0; last && k < last->key.len; k++)
			is_key = is_key || strcmp(schema_name(n), last->key.at[k].name) == 0;
		if (is_key)
			continue;
		if (found)
			return NULL;
		found = n;
	}
	return found;
}

static unsigned post(struct writing *w, struct schema_tree *body)
{
	struct exchange *x = w->x;
	const struct schema_node *child = new_child(w, body);
	if (!child || !path_parse(schema_path(child, &x->arena), &x->arena, &w->full))
		return refuse(w, 400, DIAG_VALUE, "send one resource that shall be created",
			      "the body does not hold exactly one new resource");
	unsigned status = check_parents(w, w->path.step.len);
	if (status)
		return status;
	if (given(w->tree, w->full.text))
		return exchange_refuse(x, 409,
				       &(struct diag){.code = DIAG_EXISTS,
						      .path = w->full.text,
						      .hint = "change it with PUT or PATCH"},
				       "this resource is there already");
	w->is_new = true;
	return edit_by_body(w, body, "create");
}

static unsigned delete (struct writing *w)
{
	struct exchange *x = w->x;
	w->full = w->path;
	if (!given(w->tree, w->path.text))
		return refuse(w, 404, DIAG_ABSENT, "read its parent to see what there is",
			      "there is no such resource");
	const struct path_step *last = &w->path.step.at[w->path.step.len - 1];
	struct buf element;
	buf_init(&element);
	const char *uri = workspace_namespace(w->w, last->module);
	buf_printf(&element, "<%s xmlns=\"%s\">", last->name, uri);
	for (size_t k = 0; k < last->key.len; k++) {
		bool is_leaf_list = strcmp(last->key.at[k].name, ".") == 0;
		if (!is_leaf_list)
			buf_printf(&element, "<%s>", last->key.at[k].name);
		buf_add_xml(&element, last->key.at[k].value);
		if (!is_leaf_list)
			buf_printf(&element, "</%s>", last->key.at[k].name);
	}
	buf_printf(&element, "</%s>", last->name);
	bool ok = edit_node(w, element.data, element.len, "delete");
	buf_fini(&element);
	return ok ? 0 : restconf_status(&x->diags);
}

// --- the datastore as the target ---

static unsigned write_datastore(struct writing *w, struct schema_tree *body)
{
	struct exchange *x = w->x;
	if (x->request.method == RESTCONF_POST)
		return post(w, body);
	if (x->request.method == RESTCONF_PATCH)
		return schema_edit(w->tree, body, SCHEMA_OP_MERGE, &x->diags)
			       ? 0
			       : restconf_status(&x->diags);
	schema_tree_free(w->tree);
	w->tree = schema_tree_copy(body);
	return 0;
}

// --- one try ---

static unsigned commit(struct writing *w)
{
	struct exchange *x = w->x;
	struct buf xml;
	buf_init(&xml);
	schema_print(w->tree, SCHEMA_XML, 0, &xml);
	struct engine_put put = {
		.kind = w->kind, .base = w->base->id, .xml = xml.data, .len = xml.len};
	uint32_t revision;
	bool ok = engine_document_put(x->engine, &x->caller, &put, &x->diags, &revision);
	buf_fini(&xml);
	if (!ok)
		return restconf_status(&x->diags);
	if (!w->is_new)
		return 204;
	x->location =
		arena_printf(&x->arena, RESTCONF_PREFIX "/data%s", path_uri(&w->full, &x->arena));
	return 201;
}

static unsigned apply(struct writing *w, struct schema_tree *body)
{
	if (!w->path.step.len)
		return write_datastore(w, body);
	switch (w->x->request.method) {
	case RESTCONF_PUT:
		return put(w, body);
	case RESTCONF_PATCH:
		return patch(w, body);
	case RESTCONF_POST:
		return post(w, body);
	case RESTCONF_GET:
	case RESTCONF_HEAD:
	case RESTCONF_DELETE:
	case RESTCONF_OPTIONS:
	case RESTCONF_OTHER:
		break;
	}
	return delete (w);
}

static unsigned read_path(struct writing *w)
{
	struct exchange *x = w->x;
	if (!*x->request.path)
		return x->request.method == RESTCONF_DELETE
			       ? refuse(w, 405, DIAG_UNSUPPORTED, "delete what is below it",
					"the datastore itself cannot be deleted")
			       : 0;
	const char *instance =
		schema_restconf_path(w->w->schema, x->request.path, &x->arena, &x->diags);
	if (!instance)
		return x->diags.list.at[0].code == DIAG_VALUE ? 400 : 404;
	if (!path_parse(instance, &x->arena, &w->path))
		return refuse(w, 404, DIAG_VALUE, "keys may not hold both kinds of quotes",
			      "the path cannot be taken apart");
	if (kind_of(w->path.step.at[0].module, w->path.step.at[0].name, &w->kind))
		return 0;
	return refuse(w, 405, DIAG_UNSUPPORTED, "only policies, sites and NSFs can be written",
		      "this is state and cannot be written");
}

static unsigned read_body(struct writing *w, struct schema_tree **out)
{
	if (w->x->request.method == RESTCONF_DELETE)
		return 0;
	bool is_post = w->x->request.method == RESTCONF_POST;
	size_t n = w->path.step.len;
	*out = parse_body(w, is_post || !n ? n : n - 1);
	return *out ? kind_of_tree(w, *out) : restconf_status(&w->x->diags);
}

static unsigned try_once(struct writing *w)
{
	struct schema_tree *body = NULL;
	unsigned status = read_path(w);
	if (!status)
		status = read_body(w, &body);
	if (!status)
		status = open_document(w);
	if (!status)
		status = apply(w, body);
	if (!status)
		status = commit(w);
	schema_tree_free(body);
	schema_tree_free(w->tree);
	return status;
}

unsigned data_write(struct exchange *x)
{
	unsigned status = 500;
	for (int i = 0; i < TRIES; i++) {
		struct writing w = {.x = x, .w = workspace_take(x->workspaces)};
		diags_init(&x->diags, &x->arena);
		status = try_once(&w);
		workspace_give(x->workspaces, w.w);
		bool lost = x->diags.list.len && x->diags.list.at[0].code == DIAG_STALE;
		if (!lost || x->request.if_match)
			break;
	}
	if (status < 300)
		x->tag = exchange_tag(x, &x->modified);
	return status;
}
