// SPDX-License-Identifier: Apache-2.0
// Attributes of data elements: `operation` (RFC 6241 section 7.2), `insert`, `key` and `value` (RFC 7950 section 7.8.6).
// They go into the node's mark, so that an edit costs no memory beyond its tree. In data there are none.
#include "schema/attr.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <stdio.h>
#include <string.h>

static const char *const operations[] = {
	[SCHEMA_OP_NONE] = "none",       [SCHEMA_OP_MERGE] = "merge",
	[SCHEMA_OP_REPLACE] = "replace", [SCHEMA_OP_CREATE] = "create",
	[SCHEMA_OP_DELETE] = "delete",   [SCHEMA_OP_REMOVE] = "remove"};
static const char *const inserts[] = {[INSERT_LAST] = "last",
				      [INSERT_FIRST] = "first",
				      [INSERT_BEFORE] = "before",
				      [INSERT_AFTER] = "after"};

// Attributes that say nothing about the data: xml:lang and the like, hints for schema tools.
static bool is_harmless(const char *ns)
{
	return ns && (!strcmp(ns, "http://www.w3.org/XML/1998/namespace") ||
		      !strcmp(ns, "http://www.w3.org/2001/XMLSchema-instance"));
}

static bool attr_is(const struct doc *doc, const struct doc_attr *attr, const char *ns,
		    const char *name)
{
	const char *own = doc->ns.at[attr->ns].text;
	return own && !strcmp(own, ns) && attr->name_len == strlen(name) &&
	       !memcmp(doc->text + attr->name, name, attr->name_len);
}

static void attr_error(const struct place *place, enum diag_code code, const char *name,
		       const char *hint, const char *text)
{
	const char *path = arena_printf(&place->doc->arena, "%s/@%s", place_path(place), name);
	diag_add(place->doc->diags,
		 &(struct diag){.code = code,
				.file = place->doc->file,
				.line = place->item->line,
				.path = path,
				.hint = hint},
		 "%s", text);
}

void attr_set_anchor(struct schema_tree *tree, struct lyd_node *node, const char *text)
{
	struct arena *arena = &tree->arena;
	(void)map_put(&tree->anchors, arena_printf(arena, "%p", (void *)node),
		      arena_strdup(arena, text));
}

const char *attr_anchor(const struct schema_tree *tree, const struct lyd_node *node)
{
	char key[32];
	snprintf(key, sizeof(key), "%p", (const void *)node);
	return model_mark(node).anchored ? map_get(&tree->anchors, key) : NULL;
}

static void read_operation(const struct place *place, const char *value, struct model_mark *mark)
{
	for (unsigned i = SCHEMA_OP_MERGE; i < array_len(operations); i++)
		if (!strcmp(operations[i], value)) {
			mark->operation = (1 + i) & 15;
			return;
		}
	attr_error(place, DIAG_BAD_ATTRIBUTE, "operation",
		   "allowed: merge, replace, create, delete, remove",
		   arena_printf(&place->doc->arena, "\"%.100s\" is no operation", value));
}

static void read_insert(const struct place *place, const char *value, struct model_mark *mark)
{
	const struct lysc_node *lys = place->model->schema;
	if (!lysc_is_userordered(lys)) {
		attr_error(place, DIAG_BAD_ATTRIBUTE, "insert", "remove it",
			   arena_printf(&place->doc->arena, "the order of \"%s\" is not the user's",
					lys->name));
		return;
	}
	for (unsigned i = INSERT_LAST; i < array_len(inserts); i++)
		if (!strcmp(inserts[i], value)) {
			mark->insert = i & 7;
			return;
		}
	attr_error(place, DIAG_BAD_ATTRIBUTE, "insert", "allowed: first, last, before, after",
		   arena_printf(&place->doc->arena, "\"%.100s\" is no place to insert at", value));
}

// True when it was one of an edit.
static bool read_one(struct builder *b, const struct place *place, struct lyd_node *node,
		     const struct doc_attr *attr)
{
	struct model_mark mark = model_mark(node);
	const char *anchor = node->schema->nodetype == LYS_LIST ? "key" : "value";
	if (attr_is(b->doc, attr, NS_NETCONF, "operation")) {
		read_operation(place, doc_attr_value(b->doc, attr), &mark);
	} else if (attr_is(b->doc, attr, NS_YANG, "insert")) {
		read_insert(place, doc_attr_value(b->doc, attr), &mark);
	} else if (attr_is(b->doc, attr, NS_YANG, anchor)) {
		mark.anchored = 1;
		attr_set_anchor(b->tree, node, doc_attr_value(b->doc, attr));
	} else {
		return false;
	}
	model_set_mark(node, mark);
	return true;
}

// The <filter> of get and get-config is the one element whose model has attributes (RFC 6241, ietf-netconf).
static bool read_filter(struct builder *b, struct lyd_node *node, const struct doc_attr *attr)
{
	const struct doc *doc = b->doc;
	bool is_filter = b->tree->is_operation && node->schema->nodetype == LYS_ANYXML &&
			 !strcmp(node->schema->name, "filter");
	if (!is_filter || attr->ns)
		return false;
	static const char *const names[] = {"type", "select"};
	for (size_t i = 0; i < array_len(names); i++) {
		if (attr->name_len != strlen(names[i]) ||
		    memcmp(doc->text + attr->name, names[i], attr->name_len))
			continue;
		struct arena *arena = &b->tree->arena;
		const char *key = arena_printf(arena, "%p/%s", (void *)node, names[i]);
		(void)map_put(&b->tree->anchors, key,
			      arena_strdup(arena, doc_attr_value(b->doc, attr)));
		return true;
	}
	return false;
}

const char *schema_attribute(const struct schema_tree *tree, const struct schema_node *node,
			     const char *name)
{
	char key[64];
	snprintf(key, sizeof(key), "%p/%s", (const void *)node, name);
	return map_get(&tree->anchors, key);
}

static void check_anchor(const struct place *place, const struct lyd_node *node)
{
	struct model_mark mark = model_mark(node);
	bool relative = mark.insert == INSERT_BEFORE || mark.insert == INSERT_AFTER;
	const char *anchor = node->schema->nodetype == LYS_LIST ? "key" : "value";
	if (relative && !mark.anchored)
		attr_error(place, DIAG_MISSING_ATTRIBUTE, anchor, "say which entry is meant",
			   arena_printf(&place->doc->arena,
					"insert=\"%s\" needs the attribute \"%s\"",
					inserts[mark.insert], anchor));
}

void attr_read(struct builder *b, const struct place *place, struct lyd_node *node)
{
	const struct doc *doc = b->doc;
	for (uint32_t i = 0; i < place->item->attrs; i++) {
		const struct doc_attr *attr = &doc->attr.at[place->item->attr + i];
		if (is_harmless(doc->ns.at[attr->ns].text) ||
		    (b->edit && read_one(b, place, node, attr)) || read_filter(b, node, attr))
			continue;
		const char *name =
			arena_strndup(&b->doc->arena, doc->text + attr->name, attr->name_len);
		attr_error(place, DIAG_UNKNOWN_ATTRIBUTE, name,
			   b->edit ? "allowed in an edit: operation, insert, key, value"
				   : "remove it",
			   arena_printf(&b->doc->arena,
					"\"%s\" has an attribute \"%s\" that is not known",
					node->schema->name, name));
	}
	if (b->edit)
		check_anchor(place, node);
}

// --- leaves that are deleted without their value ---

const struct model_deletion *attr_deletions(const struct schema_tree *tree,
					    const struct lyd_node *parent)
{
	char key[32];
	snprintf(key, sizeof(key), "%p", (const void *)parent);
	return !parent || model_mark(parent).deletes ? map_get(&tree->deletions, key) : NULL;
}

void attr_add_deletion(struct schema_tree *tree, struct lyd_node *parent,
		       const struct model_deletion *deletion)
{
	struct arena *arena = &tree->arena;
	struct model_deletion *copy = arena_memdup(arena, deletion, sizeof(*deletion));
	copy->next = (struct model_deletion *)(uintptr_t)attr_deletions(tree, parent);
	(void)map_put(&tree->deletions, arena_printf(arena, "%p", (void *)parent), copy);
	if (!parent)
		return;
	struct model_mark mark = model_mark(parent);
	mark.deletes = 1;
	model_set_mark(parent, mark);
}

bool attr_is_deletion(struct builder *b, const struct place *place)
{
	const struct item *item = place->item;
	const struct doc_attr *attr =
		b->edit ? doc_attr_find(b->doc, item, NS_NETCONF, "operation") : NULL;
	if (!attr || !attr->ns || place->model->schema->nodetype != LYS_LEAF || item->child ||
	    item->flags & ITEM_TEXT)
		return false;
	const char *operation = doc_attr_value(b->doc, attr);
	bool must_exist = !strcmp(operation, "delete");
	if (!must_exist && strcmp(operation, "remove"))
		return false;
	struct model_deletion deletion = {.model = (struct model_node *)(uintptr_t)place->model,
					  .must_exist = must_exist,
					  .line = item->line,
					  .file = b->file};
	attr_add_deletion(b->tree, (struct lyd_node *)(uintptr_t)place->parent, &deletion);
	return true;
}
