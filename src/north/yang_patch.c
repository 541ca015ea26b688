// SPDX-License-Identifier: Apache-2.0
// YANG Patch (RFC 8072): a sequence of edits on one document, all or none.
//
// The idea: each edit is a change like that of a request of its own; the first that fails ends the patch, and nothing
// of it remains.
#include "north/edit.h"
#include "schema/patch.h"

#include <string.h>

struct patching {
	struct writing *w;
	const struct schema_patch_edit *edit;
	struct schema_resource target;
	bool exists;
};

static unsigned refuse(struct patching *p, unsigned status, enum diag_code code, const char *hint,
		       const char *text)
{
	return exchange_refuse(p->w->x, status,
			       &(struct diag){.code = code, .path = p->target.path, .hint = hint},
			       text);
}

// The target continues the request's; "/" is the request's itself (RFC 8072 section 2.4).
static unsigned read_target(struct patching *p)
{
	struct exchange *x = p->w->x;
	if (*p->edit->target != '/') {
		diag_error(&x->diags, DIAG_VALUE, NULL, "begin with a slash",
			   "\"%.200s\" is no target", p->edit->target);
		return 400;
	}
	if (!schema_resource_read(p->w->w->schema, &p->w->target, p->edit->target, &x->arena,
				  &x->diags, &p->target))
		return 400;
	if (!p->target.step.len)
		return refuse(p, 400, DIAG_VALUE, "name data below it",
			      "the datastore itself cannot be a target");
	if (p->target.kind == SCHEMA_LIST || p->target.kind == SCHEMA_LEAF_LIST)
		return refuse(p, 400, DIAG_VALUE, "name one entry by its key",
			      "a list as a whole cannot be a target");
	return edit_open(p->w, &p->target);
}

// Whether the target is there as the operation needs it.
static unsigned check_target(struct patching *p)
{
	enum schema_patch_operation op = p->edit->operation;
	bool deletes = op == SCHEMA_PATCH_DELETE, removes = op == SCHEMA_PATCH_REMOVE;
	bool is_new = op == SCHEMA_PATCH_CREATE || op == SCHEMA_PATCH_INSERT;
	if ((deletes || removes) && p->target.is_key)
		return refuse(p, 400, DIAG_VALUE, "delete the entry", "a key cannot be deleted");
	if (is_new && p->exists)
		return refuse(p, 409, DIAG_EXISTS, "use replace or merge to change it",
			      "this resource is there already");
	// RFC 8072 erratum 5131.
	if ((deletes || op == SCHEMA_PATCH_MOVE) && !p->exists)
		return edit_absent(p->w, &p->target,
				   deletes ? "use remove to delete it only if it is there"
					   : "use insert to create it");
	if (removes)
		return 0;
	return edit_check_parents(p->w, &p->target, p->target.step.len - 1);
}

static const enum schema_operation operations[] = {
	[SCHEMA_PATCH_CREATE] = SCHEMA_OP_CREATE, [SCHEMA_PATCH_DELETE] = SCHEMA_OP_DELETE,
	[SCHEMA_PATCH_INSERT] = SCHEMA_OP_CREATE, [SCHEMA_PATCH_MERGE] = SCHEMA_OP_MERGE,
	[SCHEMA_PATCH_MOVE] = SCHEMA_OP_MERGE,    [SCHEMA_PATCH_REPLACE] = SCHEMA_OP_REPLACE,
	[SCHEMA_PATCH_REMOVE] = SCHEMA_OP_REMOVE};

static unsigned apply(struct patching *p)
{
	const struct schema_patch_edit *e = p->edit;
	struct schema_resource point;
	struct change c = {.target = &p->target,
			   .mark = {.operation = operations[e->operation], .where = e->where},
			   .value = e->value.data ? &e->value : NULL};
	if (e->operation == SCHEMA_PATCH_REMOVE && !p->exists)
		return 0;
	unsigned status = 0;
	if (e->point) {
		status = edit_read_point(p->w, &p->target, e->point, &point);
		c.mark.point = &point;
	}
	return status ? status : edit_change(p->w, &c);
}

static unsigned apply_edit(struct patching *p)
{
	unsigned status = read_target(p);
	if (status)
		return status;
	p->exists = edit_exists(p->w, &p->target);
	status = check_target(p);
	return status ? status : apply(p);
}

unsigned edit_yang_patch(struct writing *w, struct restconf_patch_status *status_out)
{
	struct exchange *x = w->x;
	struct schema_patch patch;
	struct schema_input input = {
		.data = x->body.data, .len = x->body.len, .format = x->request.in};
	bool good = schema_patch_read(w->w->schema, &input, &x->arena, &x->diags, &patch);
	status_out->patch_id = patch.id;
	if (!good)
		return restconf_status(&x->diags);
	for (size_t i = 0; i < patch.edit.len; i++) {
		struct patching p = {.w = w, .edit = &patch.edit.at[i]};
		unsigned status = apply_edit(&p);
		if (!status)
			continue;
		status_out->edit_id = p.edit->id;
		return status;
	}
	return 0;
}
