// SPDX-License-Identifier: Apache-2.0
// Reading of the envelope of a YANG Patch (RFC 8072 section 2.5).
//
// The idea: its model is no data of any datastore, small and fixed, so it is read straight from the records of the
// document; a table says which member may stand with which operation.
#include "schema/patch.h"
#include "base/buf.h"
#include "schema/doc.h"

#include <string.h>

#define MODULE "ietf-yang-patch"
#define NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-yang-patch"

struct reader {
	struct doc *doc;
	struct arena *arena;
};

static const char *const operations[] = {
	[SCHEMA_PATCH_CREATE] = "create", [SCHEMA_PATCH_DELETE] = "delete",
	[SCHEMA_PATCH_INSERT] = "insert", [SCHEMA_PATCH_MERGE] = "merge",
	[SCHEMA_PATCH_MOVE] = "move",     [SCHEMA_PATCH_REPLACE] = "replace",
	[SCHEMA_PATCH_REMOVE] = "remove"};
static const char *const wheres[] = {[SCHEMA_ANYWHERE] = "",
				     [SCHEMA_LAST] = "last",
				     [SCHEMA_FIRST] = "first",
				     [SCHEMA_BEFORE] = "before",
				     [SCHEMA_AFTER] = "after"};

static int index_of(const char *value, const char *const *names, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (*names[i] && strcmp(names[i], value) == 0)
			return (int)i;
	return -1;
}

// In JSON members take the namespace from those around them (RFC 7951 section 4).
static bool is_ours(const struct doc *doc, const struct item *item, bool top)
{
	const char *ns = item->ns ? doc->ns.at[item->ns].text : NULL;
	if (doc->json && !top && !ns)
		return true;
	return ns && strcmp(ns, doc->json ? MODULE : NAMESPACE) == 0;
}

static const char *text_of(struct reader *r, const struct item *item)
{
	size_t len;
	bool is_text = r->doc->json ? item->kind == ITEM_STRING && !(item->flags & ITEM_IN_ARRAY)
				    : !item->child;
	if (is_text)
		return arena_strdup(r->arena, doc_value(r->doc, item, &len));
	doc_error(r->doc, DIAG_VALUE, item, "write a string", "\"%.*s\" holds a text",
		  (int)item->name_len, r->doc->text + item->name);
	return NULL;
}

// The one child of that name; NULL: none, or an error that was told.
static const struct item *member(struct reader *r, const struct item *parent, const char *name)
{
	const struct item *found = NULL;
	doc_for_each_child(it, r->doc, parent)
	{
		if (!doc_name_is(r->doc, it, name))
			continue;
		if (found) {
			doc_error(r->doc, DIAG_DUPLICATE, it, "give it once", "\"%s\" stands twice",
				  name);
			return NULL;
		}
		found = it;
	}
	return found;
}

static const char *text_member(struct reader *r, const struct item *parent, const char *name,
			       bool mandatory)
{
	const struct item *item = member(r, parent, name);
	if (!item && mandatory)
		doc_error(r->doc, DIAG_MISSING, parent, arena_printf(r->arena, "add \"%s\"", name),
			  "there is no \"%s\"", name);
	return item ? text_of(r, item) : NULL;
}

// Every child is one of these names, and ours.
static void check_names(struct reader *r, const struct item *parent, const char *const *names,
			size_t len)
{
	doc_for_each_child(it, r->doc, parent)
	{
		bool known = false;
		for (size_t i = 0; i < len; i++)
			known = known || doc_name_is(r->doc, it, names[i]);
		if (!known)
			doc_error(r->doc, DIAG_UNKNOWN_ELEMENT, it,
				  "RFC 8072 section 3 has the names", "\"%.*s\" is not known here",
				  (int)it->name_len, r->doc->text + it->name);
		else if (!is_ours(r->doc, it, false))
			doc_error(r->doc, DIAG_UNKNOWN_NAMESPACE, it,
				  "use that of " MODULE ", " NAMESPACE,
				  "\"%.*s\" is in another namespace", (int)it->name_len,
				  r->doc->text + it->name);
	}
}

// --- edits ---

static void read_operation(struct reader *r, const struct item *item, struct schema_patch_edit *out)
{
	const char *text = text_member(r, item, "operation", true);
	int i = text ? index_of(text, operations, array_len(operations)) : 0;
	if (i < 0)
		doc_error(r->doc, DIAG_VALUE, item,
			  "allowed: create, delete, insert, merge, move, replace, remove",
			  "\"%.100s\" is no operation", text);
	else
		out->operation = (enum schema_patch_operation)i;
}

static void not_with(struct reader *r, const struct item *item, const char *what,
		     const struct schema_patch_edit *edit)
{
	doc_error(r->doc, DIAG_UNKNOWN_ELEMENT, item, "leave it out", "\"%s\" has no \"%s\"",
		  operations[edit->operation], what);
}

static void read_place(struct reader *r, const struct item *item, struct schema_patch_edit *out)
{
	bool places = out->operation == SCHEMA_PATCH_INSERT || out->operation == SCHEMA_PATCH_MOVE;
	const char *where = text_member(r, item, "where", false);
	out->point = text_member(r, item, "point", false);
	int i = where ? index_of(where, wheres, array_len(wheres)) : SCHEMA_LAST;
	if (i < 0) {
		doc_error(r->doc, DIAG_VALUE, item, "allowed: before, after, first, last",
			  "\"%.100s\" is no place", where);
		return;
	}
	out->where = places ? (enum schema_where)i : SCHEMA_ANYWHERE;
	bool relative = out->where == SCHEMA_BEFORE || out->where == SCHEMA_AFTER;
	if (where && !places)
		not_with(r, item, "where", out);
	if (out->point && !relative)
		doc_error(r->doc, DIAG_UNKNOWN_ELEMENT, item, "give where before or after, too",
			  "a point is of insert and move before or after it");
	if (relative && !out->point)
		doc_error(r->doc, DIAG_MISSING, item, "add \"point\"", "\"%s\" needs a point",
			  where);
}

static void read_value(struct reader *r, const struct item *item, struct schema_patch_edit *out)
{
	static const bool has_value[] = {[SCHEMA_PATCH_CREATE] = true,
					 [SCHEMA_PATCH_INSERT] = true,
					 [SCHEMA_PATCH_MERGE] = true,
					 [SCHEMA_PATCH_REPLACE] = true,
					 [SCHEMA_PATCH_REMOVE] = false};
	const struct item *value = member(r, item, "value");
	if (value && !has_value[out->operation]) {
		not_with(r, value, "value", out);
	} else if (!value && has_value[out->operation]) {
		doc_error(r->doc, DIAG_MISSING, item, "add the resource as \"value\"",
			  "there is no \"value\"");
	} else if (value) {
		struct buf text;
		buf_init(&text);
		doc_copy_content(r->doc, value, &text);
		out->value = (struct schema_input){
			.data = arena_memdup(r->arena, text.len ? text.data : "", text.len + 1),
			.len = text.len,
			.format = r->doc->json ? SCHEMA_JSON : SCHEMA_XML};
		buf_fini(&text);
	}
}

static void read_edit(struct reader *r, const struct item *item, struct schema_patch *patch)
{
	static const char *const names[] = {"edit-id", "operation", "target",
					    "point",   "where",     "value"};
	struct schema_patch_edit edit = {0};
	size_t errors = r->doc->diags->errors;
	check_names(r, item, names, array_len(names));
	edit.id = text_member(r, item, "edit-id", true);
	edit.target = text_member(r, item, "target", true);
	read_operation(r, item, &edit);
	if (r->doc->diags->errors != errors)
		return;
	read_place(r, item, &edit);
	read_value(r, item, &edit);
	for (size_t i = 0; i < patch->edit.len; i++)
		if (strcmp(patch->edit.at[i].id, edit.id) == 0)
			doc_error(r->doc, DIAG_DUPLICATE, item, "give every edit an id of its own",
				  "two edits are called \"%.100s\"", edit.id);
	vec_push(r->arena, &patch->edit, edit);
}

static void read_patch(struct reader *r, const struct item *top, struct schema_patch *out)
{
	static const char *const names[] = {"patch-id", "comment", "edit"};
	check_names(r, top, names, array_len(names));
	out->id = text_member(r, top, "patch-id", true);
	out->comment = text_member(r, top, "comment", false);
	doc_for_each_child(it, r->doc, top)
	{
		if (!doc_name_is(r->doc, it, "edit") || it->flags & ITEM_NO_VALUES)
			continue;
		if (r->doc->diags->list.len >= DIAGS_MOST)
			return;
		if (r->doc->json && (it->kind != ITEM_OBJECT || !(it->flags & ITEM_IN_ARRAY)))
			doc_error(r->doc, DIAG_SYNTAX, it, "write objects: [ { ... }, ... ]",
				  "the edits are no array of objects");
		else
			read_edit(r, it, out);
	}
}

static const struct item *find_patch(struct doc *doc)
{
	const struct item *top = doc_first(doc, doc->item);
	if (top && !top->next && doc_name_is(doc, top, "yang-patch") && is_ours(doc, top, true) &&
	    (!doc->json || top->kind == ITEM_OBJECT))
		return top;
	doc_error(doc, DIAG_SYNTAX, top ? top : doc->item,
		  doc->json ? "send {\"" MODULE ":yang-patch\": { ... }}"
			    : "send <yang-patch xmlns=\"" NAMESPACE "\">",
		  "the body is no YANG Patch");
	return NULL;
}

bool schema_patch_read(struct schema *schema, const struct schema_input *input, struct arena *arena,
		       struct diags *diags, struct schema_patch *out)
{
	struct doc doc;
	size_t errors = diags->errors;
	*out = (struct schema_patch){0};
	if (doc_init(&doc, schema, input, diags)) {
		struct reader r = {.doc = &doc, .arena = arena};
		const struct item *top = find_patch(&doc);
		if (top)
			read_patch(&r, top, out);
	}
	doc_fini(&doc);
	return diags->errors == errors;
}
