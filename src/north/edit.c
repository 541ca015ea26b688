// SPDX-License-Identifier: Apache-2.0
// Writing of data resources (RFC 8040 sections 4.4 to 4.7).
//
// The idea: each request becomes an edit on the asker's document as this workspace has it; what was
// changed is validated, and the engine translates the result before it becomes a revision. Else the
// edit is taken back. Somebody else's change in between is noticed by the revision number, and the
// edit is made again on the new one.
//
// The datastore stands for the documents that the body speaks about: a body with policies alone
// replaces or merges the policies and leaves sites and NSFs as they are, and the other way round.
#include "north/edit.h"

#include <string.h>

#define TRIES 4

static unsigned refuse_at(struct writing *w, unsigned status, const struct diag *about,
			  const char *text)
{
	return exchange_refuse(w->x, status, about, text);
}

static unsigned refuse(struct writing *w, unsigned status, enum diag_code code, const char *hint,
		       const char *text)
{
	return refuse_at(w, status,
			 &(struct diag){.code = code, .path = w->target.path, .hint = hint}, text);
}

unsigned edit_absent(struct writing *w, const struct schema_resource *resource, const char *hint)
{
	return refuse_at(w, 404,
			 &(struct diag){.code = DIAG_ABSENT, .path = resource->path, .hint = hint},
			 "there is no such resource");
}

// --- which document ---

// False: it is no part of a document.
static bool kind_of(const char *module, const char *name, enum store_kind *out)
{
	bool is_network = strcmp(module, NORTH_MODULE) == 0 &&
			  (strcmp(name, "sites") == 0 || strcmp(name, "nsfs") == 0);
	bool is_access = strcmp(module, ACCESS_MODULE) == 0;
	*out = is_network ? STORE_NETWORK : is_access ? STORE_ACCESS : STORE_POLICY;
	return is_network || is_access || strcmp(module, NORTH_CFI) == 0;
}

bool edit_is_writable(const struct schema_resource *resource)
{
	enum store_kind kind;
	return !resource->step.len ||
	       (resource->config && resource->kind != SCHEMA_LIST &&
		resource->kind != SCHEMA_LEAF_LIST &&
		kind_of(resource->step.at[0].module, resource->step.at[0].name, &kind));
}

static unsigned open_document(struct writing *w)
{
	struct exchange *x = w->x;
	const char *tenant = exchange_owner(x, w->kind);
	if (!tenant)
		return refuse(w, 403, DIAG_DENIED, "ask an operator",
			      w->kind == STORE_ACCESS ? "access control is the operators'"
						      : "sites and NSFs are the operator's");
	w->user = exchange_user(x, w->w);
	struct document *d =
		w->user ? workspace_document(w->w, x->engine, w->kind, tenant, &x->diags) : NULL;
	if (!d)
		return restconf_status(&x->diags);
	w->base = d->id;
	w->tree = d->tree;
	w->begun = schema_changes(d->tree);
	schema_keep(d->tree, w->begun);
	return 0;
}

static unsigned open_for(struct writing *w, const char *module, const char *name, const char *path)
{
	enum store_kind kind;
	if (!kind_of(module, name, &kind))
		return refuse_at(w, 405,
				 &(struct diag){.code = DIAG_UNSUPPORTED,
						.path = path,
						.hint = "only policies, sites, NSFs and "
							"access control can be written"},
				 "this cannot be written");
	if (w->has_kind && kind != w->kind)
		return refuse_at(w, 400,
				 &(struct diag){.code = DIAG_CONFLICT,
						.path = path,
						.hint = "send policies in one request, sites and "
							"NSFs in another"},
				 "a request can change one document only");
	w->kind = kind;
	w->has_kind = true;
	return w->tree ? 0 : open_document(w);
}

unsigned edit_open(struct writing *w, const struct schema_resource *resource)
{
	struct exchange *x = w->x;
	const struct schema_step *top = &resource->step.at[0];
	if (resource->config || !edit_is_writable(resource))
		return open_for(w, top->module, top->name, resource->path);
	x->allow = restconf_allow_data(resource, false);
	return refuse(w, 405, DIAG_UNSUPPORTED, "only configuration can be written",
		      "this is state and cannot be written");
}

// The documents that a body for the datastore speaks about: one.
static unsigned open_for_body(struct writing *w, const struct schema_tree *body)
{
	unsigned status = 0;
	for (const struct schema_node *n = schema_first(body); n && !status; n = schema_next(n))
		status =
			open_for(w, schema_module(n), schema_name(n), schema_path(n, &w->x->arena));
	if (status || w->tree)
		return status;
	return refuse(w, 400, DIAG_MISSING,
		      "name what is meant; resources can be deleted one by one",
		      "the body says nothing about any data");
}

// --- the edit ---

bool edit_exists(const struct writing *w, const struct schema_resource *resource)
{
	const struct schema_node *n = schema_resource_find(w->tree, resource, resource->step.len);
	return n && !schema_is_default(n);
}

unsigned edit_check_parents(struct writing *w, const struct schema_resource *resource, size_t steps)
{
	for (size_t i = 0; i < steps; i++) {
		if (!resource->step.at[i].key.len || schema_resource_find(w->tree, resource, i + 1))
			continue;
		const char *path = schema_resource_path(resource, i + 1, &w->x->arena);
		return refuse_at(w, 404,
				 &(struct diag){.code = DIAG_ABSENT,
						.path = path,
						.hint = "create it first"},
				 "there is no such resource");
	}
	return 0;
}

static bool same_step(const struct schema_step *a, const struct schema_step *b, bool with_keys)
{
	if (strcmp(a->module, b->module) != 0 || strcmp(a->name, b->name) != 0)
		return false;
	for (size_t i = 0; with_keys && i < a->key.len; i++)
		if (strcmp(a->key.at[i].value, b->key.at[i].value) != 0)
			return false;
	return true;
}

// Another entry of the same list.
static bool is_beside(const struct schema_resource *a, const struct schema_resource *b)
{
	if (a->kind != b->kind || a->step.len != b->step.len)
		return false;
	for (size_t i = 0; i < a->step.len; i++)
		if (!same_step(&a->step.at[i], &b->step.at[i], i + 1 < a->step.len))
			return false;
	return true;
}

unsigned edit_read_point(struct writing *w, const struct schema_resource *target, const char *point,
			 struct schema_resource *out)
{
	struct exchange *x = w->x;
	const char *hint = "give the path of an entry of the same list that is there";
	if (!schema_resource_read(w->w->schema, NULL, point, &x->arena, &x->diags, out))
		return 400;
	if (is_beside(target, out) && edit_exists(w, out))
		return 0;
	return refuse_at(w, 400,
			 &(struct diag){.code = DIAG_VALUE, .path = out->path, .hint = hint},
			 "the point is no entry beside the target");
}

static unsigned check_order(struct writing *w, const struct schema_resource *target)
{
	if (target->ordered_by_user)
		return 0;
	return refuse_at(w, 400,
			 &(struct diag){.code = DIAG_VALUE,
					.path = target->path,
					.hint = "leave insert and point out"},
			 "the order of this is not the user's");
}

static unsigned edit(struct writing *w, const struct schema_tree *edit_tree,
		     enum schema_operation operation)
{
	struct diags *diags = &w->x->diags;
	struct schema_veto veto = {access_may_edit, w->user};
	return schema_edit_if(w->tree, edit_tree, operation, &veto, diags) ? 0
									   : restconf_status(diags);
}

static const struct schema_node *read_change(struct writing *w, const struct change *c,
					     struct schema_tree *tree)
{
	struct diags *diags = &w->x->diags;
	size_t steps = c->target->step.len;
	const struct schema_node *node =
		schema_resource_parse(tree, c->target, steps - 1, c->value, diags);
	if (!node || schema_resource_find(tree, c->target, steps) == node)
		return node;
	(void)refuse_at(w, 400,
			&(struct diag){.code = DIAG_VALUE,
				       .path = c->target->path,
				       .hint = "send the resource that the path names, with the "
					       "same keys"},
			"the body is not the resource of the path");
	return NULL;
}

unsigned edit_change(struct writing *w, const struct change *c)
{
	struct diags *diags = &w->x->diags;
	struct schema_tree *tree = schema_tree_new(w->w->schema);
	unsigned status = c->mark.where ? check_order(w, c->target) : 0;
	if (status) {
	} else if (!c->value) {
		status = schema_resource_edit(tree, c->target, &c->mark, diags)
				 ? edit(w, tree, SCHEMA_OP_MERGE)
				 : restconf_status(diags);
	} else {
		const struct schema_node *node = read_change(w, c, tree);
		if (node)
			schema_edit_mark(tree, node, &c->mark);
		status = node ? edit(w, tree, SCHEMA_OP_MERGE) : restconf_status(diags);
	}
	schema_tree_free(tree);
	return status;
}

// --- the methods ---

static struct schema_input body_of(const struct writing *w)
{
	const struct exchange *x = w->x;
	return (struct schema_input){
		.data = x->body.data, .len = x->body.len, .format = x->request.in};
}

// What the query says about the place of the target.
static unsigned read_place(struct writing *w, const struct schema_resource *target,
			   struct schema_mark *mark)
{
	const struct restconf_request *r = &w->x->request;
	mark->where = r->insert;
	if (!r->insert)
		return 0;
	unsigned status = check_order(w, target);
	if (status || !r->point)
		return status;
	struct schema_resource *point = arena_new(&w->x->arena, struct schema_resource);
	mark->point = point;
	return edit_read_point(w, target, r->point, point);
}

static unsigned put(struct writing *w)
{
	struct schema_input body = body_of(w);
	struct change c = {
		.target = &w->target, .mark = {.operation = SCHEMA_OP_REPLACE}, .value = &body};
	unsigned status = edit_check_parents(w, &w->target, w->target.step.len - 1);
	if (!status)
		status = read_place(w, &w->target, &c.mark);
	w->is_new = !status && !edit_exists(w, &w->target);
	return status ? status : edit_change(w, &c);
}

static unsigned patch(struct writing *w)
{
	struct schema_input body = body_of(w);
	struct change c = {
		.target = &w->target, .mark = {.operation = SCHEMA_OP_MERGE}, .value = &body};
	unsigned status = edit_check_parents(w, &w->target, w->target.step.len);
	if (!status && !w->target.plain && !edit_exists(w, &w->target))
		status = edit_absent(w, &w->target, "create it with PUT or POST");
	return status ? status : edit_change(w, &c);
}

static unsigned delete (struct writing *w)
{
	struct change c = {.target = &w->target, .mark = {.operation = SCHEMA_OP_DELETE}};
	if (!edit_exists(w, &w->target))
		return edit_absent(w, &w->target, "read its parent to see what there is");
	return edit_change(w, &c);
}

// The path of a new node, and what it names.
static bool locate(struct writing *w, const struct schema_node *node, struct schema_resource *out)
{
	struct exchange *x = w->x;
	struct buf uri;
	buf_init(&uri);
	schema_resource_uri(node, &uri);
	w->location = arena_strdup(&x->arena, uri.data);
	buf_fini(&uri);
	return schema_resource_read(w->w->schema, NULL, w->location, &x->arena, &x->diags, out);
}

static unsigned create(struct writing *w, struct schema_tree *tree, const struct schema_node *node)
{
	struct schema_resource child;
	struct schema_mark mark = {.operation = SCHEMA_OP_CREATE};
	if (!locate(w, node, &child))
		return 400;
	unsigned status = edit_open(w, &child);
	if (!status)
		status = edit_check_parents(w, &child, w->target.step.len);
	if (!status)
		status = read_place(w, &child, &mark);
	if (!status && edit_exists(w, &child))
		status = refuse_at(w, 409,
				   &(struct diag){.code = DIAG_EXISTS,
						  .path = child.path,
						  .hint = "change it with PUT or PATCH"},
				   "this resource is there already");
	if (status)
		return status;
	w->is_new = true;
	schema_edit_mark(tree, node, &mark);
	return edit(w, tree, SCHEMA_OP_MERGE);
}

static unsigned post(struct writing *w)
{
	struct diags *diags = &w->x->diags;
	struct schema_input body = body_of(w);
	struct schema_tree *tree = schema_tree_new(w->w->schema);
	const struct schema_node *node =
		schema_resource_parse(tree, &w->target, w->target.step.len, &body, diags);
	unsigned status = node ? create(w, tree, node) : restconf_status(diags);
	schema_tree_free(tree);
	return status;
}

// PUT and PATCH of the whole datastore.
static unsigned write_datastore(struct writing *w, enum schema_operation operation)
{
	struct exchange *x = w->x;
	struct schema_input body = body_of(w);
	struct schema_tree *tree = schema_tree_new(w->w->schema);
	unsigned status = schema_parse_edit(tree, &body, &x->diags) ? open_for_body(w, tree)
								    : restconf_status(&x->diags);
	if (!status)
		status = edit(w, tree, operation);
	schema_tree_free(tree);
	return status;
}

// --- one try ---

static unsigned check_method(struct writing *w)
{
	struct exchange *x = w->x;
	bool writable =
		edit_is_writable(&w->target) && x->request.datastore != RESTCONF_OPERATIONAL;
	const char *allow = restconf_allow_data(&w->target, writable);
	if (restconf_allows(allow, x->raw.method))
		return 0;
	x->allow = allow;
	bool whole = w->target.kind == SCHEMA_LIST || w->target.kind == SCHEMA_LEAF_LIST;
	if (writable || whole)
		return refuse(w, 405, DIAG_UNSUPPORTED,
			      whole ? "name one entry by its key"
				    : "the header Allow says which do",
			      "this method does not fit this resource");
	return refuse(w, 405, DIAG_UNSUPPORTED,
		      "only policies, sites, NSFs and access control can be written",
		      w->target.config ? "this cannot be written"
				       : "this is state and cannot be written");
}

static unsigned preconditions(struct writing *w)
{
	struct exchange *x = w->x;
	if (!x->request.if_match && !x->request.if_none_match && !x->request.unmodified_since)
		return 0;
	struct restconf_state state = {.exists = !w->target.step.len || edit_exists(w, &w->target)};
	state.tag = exchange_tag(x, exchange_documents(&w->target), &state.modified);
	if (!restconf_precondition(&x->request, &state))
		return 0;
	return refuse(w, 412, DIAG_STALE, "read it again and repeat the change on it",
		      "the data is not in the state that the request names");
}

static unsigned apply_one(struct writing *w)
{
	bool whole = !w->target.step.len;
	switch (w->x->request.method) {
	case RESTCONF_PUT:
		return whole ? write_datastore(w, SCHEMA_OP_REPLACE) : put(w);
	case RESTCONF_PATCH:
		return whole ? write_datastore(w, SCHEMA_OP_MERGE) : patch(w);
	case RESTCONF_POST:
		return post(w);
	case RESTCONF_GET:
	case RESTCONF_HEAD:
	case RESTCONF_DELETE:
	case RESTCONF_OPTIONS:
	case RESTCONF_OTHER:
		break;
	}
	return delete (w);
}

// Rules with paths that name nothing are refused before anything is decided by them.
static bool can_be_used(struct writing *w)
{
	struct access_counts counts = {0};
	struct access *access = access_new(w->w->schema, w->tree, &counts, &w->x->diags);
	access_free(access);
	return access;
}

static unsigned commit(struct writing *w)
{
	struct exchange *x = w->x;
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	if (!schema_validate(w->tree, &x->diags) || (w->kind == STORE_ACCESS && !can_be_used(w)))
		return restconf_status(&x->diags);
	schema_print(w->tree, SCHEMA_XML, 0, &xml);
	struct engine_put put = {
		.kind = w->kind, .base = w->base, .xml = xml.data, .len = xml.len, .tree = w->tree};
	uint32_t revision;
	if (!engine_document_put(x->engine, &x->caller, &put, &x->diags, &revision))
		return restconf_status(&x->diags);
	workspace_renew(w->w, w->kind, revision);
	if (!w->is_new)
		return 204;
	x->location = arena_printf(&x->arena, RESTCONF_PREFIX "/data%s",
				   w->location ? w->location : x->request.path);
	return 201;
}

static unsigned try_once(struct writing *w, struct restconf_patch_status *patch_status)
{
	struct exchange *x = w->x;
	if (!schema_resource_read(w->w->schema, NULL, x->request.path, &x->arena, &x->diags,
				  &w->target))
		return x->diags.list.at[0].code == DIAG_UNKNOWN_ELEMENT ? 404 : 400;
	unsigned status = check_method(w);
	if (!status && w->target.step.len)
		status = edit_open(w, &w->target);
	if (!status)
		status = preconditions(w);
	if (!status)
		status = x->request.yang_patch ? edit_yang_patch(w, patch_status) : apply_one(w);
	if (!status && !w->tree)
		return 204; // a patch without edits
	return status ? status : commit(w);
}

// RFC 8072 section 2.2: also a success has a body.
static unsigned answer_patch(struct exchange *x, unsigned status,
			     struct restconf_patch_status *patch_status)
{
	if (!patch_status->patch_id)
		return status;
	struct workspace *w = workspace_take(x->workspaces);
	patch_status->diags = &x->diags;
	struct restconf_style style = {x->request.out, status, workspace_namespace, w};
	restconf_patch_status(patch_status, &style, &x->out);
	workspace_give(x->workspaces, w);
	x->is_answered = true;
	return status < 300 ? 200 : status;
}

unsigned data_write(struct exchange *x)
{
	unsigned status = 500;
	struct restconf_patch_status patch_status;
	struct schema_resource target = {0};
	for (int i = 0; i < TRIES; i++) {
		struct writing w = {.x = x, .w = workspace_take(x->workspaces)};
		diags_init(&x->diags, &x->arena);
		patch_status = (struct restconf_patch_status){0};
		status = try_once(&w, &patch_status);
		if (w.tree && status >= 300)
			schema_go(w.tree, w.begun);
		access_user_unref(w.user);
		workspace_give(x->workspaces, w.w);
		target = w.target;
		bool lost = x->diags.list.len && x->diags.list.at[0].code == DIAG_STALE;
		if (!lost || x->request.if_match || x->request.unmodified_since)
			break;
	}
	if (status < 300)
		x->tag = exchange_tag(x, exchange_documents(&target), &x->modified);
	return x->request.yang_patch ? answer_patch(x, status, &patch_status) : status;
}
