// SPDX-License-Identifier: Apache-2.0
// Attributes of data elements: `operation` (RFC 6241 section 7.2), `insert`, `key` and `value` (RFC 7950 section 7.8.6),
// `default` (RFC 6243).
// They go into the node, so that an edit costs no memory beyond its tree. In data there are none.
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

void attr_set_anchor(struct schema_tree *tree, struct schema_node *node, const char *text)
{
	struct arena *arena = &tree->arena;
	(void)map_put(&tree->anchors, arena_printf(arena, "%p", (void *)node),
		      arena_strdup(arena, text));
}

const char *attr_anchor(const struct schema_tree *tree, const struct schema_node *node)
{
	char key[32];
	if (!tree->anchors.len)
		return NULL;
	snprintf(key, sizeof(key), "%p", (const void *)node);
	return map_get(&tree->anchors, key);
}

static void read_operation(const struct place *place, const char *value, struct schema_node *node)
{
	for (unsigned i = SCHEMA_OP_MERGE; i < array_len(operations); i++) {
		if (strcmp(operations[i], value))
			continue;
		node->operation = (1 + i) & 7;
		if (place->model->is_key && i >= SCHEMA_OP_DELETE)
			attr_error(place, DIAG_BAD_ATTRIBUTE, "operation",
				   "give the operation to the entry",
				   arena_printf(&place->doc->arena,
						"\"%s\" is a key, which goes with its entry",
						place->model->name));
		return;
	}
	attr_error(place, DIAG_BAD_ATTRIBUTE, "operation",
		   "allowed: merge, replace, create, delete, remove",
		   arena_printf(&place->doc->arena, "\"%.100s\" is no operation", value));
}

static void read_insert(const struct place *place, const char *value, struct schema_node *node)
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
			node->insert = i & 7;
			return;
		}
	attr_error(place, DIAG_BAD_ATTRIBUTE, "insert", "allowed: first, last, before, after",
		   arena_printf(&place->doc->arena, "\"%.100s\" is no place to insert at", value));
}

static const char *anchor_name(const struct schema_node *node)
{
	return node_model(node)->kind == MODEL_LIST ? "key" : "value";
}

// True when it was one of an edit.
static bool read_one(struct builder *b, const struct place *place, struct schema_node *node,
		     const struct doc_attr *attr)
{
	if (attr_is(b->doc, attr, NS_NETCONF, "operation")) {
		read_operation(place, doc_attr_value(b->doc, attr), node);
	} else if (attr_is(b->doc, attr, NS_YANG, "insert")) {
		read_insert(place, doc_attr_value(b->doc, attr), node);
	} else if (attr_is(b->doc, attr, NS_YANG, anchor_name(node))) {
		attr_set_anchor(b->tree, node, doc_attr_value(b->doc, attr));
	} else {
		return attr_is(b->doc, attr, NS_DEFAULT, "default");
	}
	return true;
}

// The <filter> of get and get-config is the one element whose model has attributes (RFC 6241, ietf-netconf).
static bool read_filter(struct builder *b, struct schema_node *node, const struct doc_attr *attr)
{
	const struct doc *doc = b->doc;
	bool is_filter = b->tree->is_operation && node_is_any(node) &&
			 !strcmp(node_model(node)->name, "filter");
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

static void check_anchor(const struct schema_tree *tree, const struct place *place,
			 const struct schema_node *node)
{
	bool relative = node->insert == INSERT_BEFORE || node->insert == INSERT_AFTER;
	if (relative && !attr_anchor(tree, node))
		attr_error(place, DIAG_MISSING_ATTRIBUTE, anchor_name(node),
			   "say which entry is meant",
			   arena_printf(&place->doc->arena,
					"insert=\"%s\" needs the attribute \"%s\"",
					inserts[node->insert], anchor_name(node)));
}

// RFC 6243 section 4.5.2: a leaf that is tagged goes back to its default, which its value has to be; that is to remove it.
static void read_default(const struct place *place, struct schema_node *node)
{
	const struct doc_attr *attr = doc_attr_find(place->doc, place->item, NS_DEFAULT, "default");
	const struct model_node *m = place->model;
	const char *value = attr ? doc_attr_value(place->doc, attr) : "false";
	if (!strcmp(value, "false") || !strcmp(value, "0"))
		return;
	if (strcmp(value, "true") && strcmp(value, "1"))
		attr_error(place, DIAG_BAD_ATTRIBUTE, "default", "allowed: true, false",
			   arena_printf(&place->doc->arena, "\"%.100s\" is no boolean", value));
	else if (node->operation > 1 + SCHEMA_OP_CREATE)
		attr_error(place, DIAG_BAD_ATTRIBUTE, "default", "leave one of the two out",
			   "what is deleted has no default");
	else if (m->kind != MODEL_LEAF || !m->ndefaults || node->value != m->defaults[0].text)
		attr_error(place, DIAG_VALUE, "default", "leave the attribute out",
			   arena_printf(&place->doc->arena,
					"the value of \"%s\" is not its default", m->name));
	node->operation = (1 + SCHEMA_OP_REMOVE) & 7;
}

void attr_read(struct builder *b, const struct place *place, struct schema_node *node)
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
			   b->edit ? "allowed in an edit: operation, insert, key, value, default"
				   : "remove it",
			   arena_printf(&b->doc->arena,
					"\"%s\" has an attribute \"%s\" that is not known",
					node_model(node)->name, name));
	}
	if (!b->edit)
		return;
	check_anchor(b->tree, place, node);
	read_default(place, node);
}

// --- leaves that are deleted without their value ---

const struct model_deletion *attr_deletions(const struct schema_tree *tree,
					    const struct schema_node *parent)
{
	char key[32];
	if (!tree->deletions.len)
		return NULL;
	snprintf(key, sizeof(key), "%p", (const void *)parent);
	return map_get(&tree->deletions, key);
}

void attr_add_deletion(struct schema_tree *tree, struct schema_node *parent,
		       const struct model_deletion *deletion)
{
	struct arena *arena = &tree->arena;
	struct model_deletion *copy = arena_memdup(arena, deletion, sizeof(*deletion));
	copy->next = (struct model_deletion *)(uintptr_t)attr_deletions(tree, parent);
	(void)map_put(&tree->deletions, arena_printf(arena, "%p", (void *)parent), copy);
}

bool attr_is_deletion(struct builder *b, const struct place *place)
{
	const struct item *item = place->item;
	const struct doc_attr *attr =
		b->edit ? doc_attr_find(b->doc, item, NS_NETCONF, "operation") : NULL;
	if (!attr || !attr->ns || place->model->kind != MODEL_LEAF || place->model->is_key ||
	    item->child || item->flags & ITEM_TEXT)
		return false;
	const char *operation = doc_attr_value(b->doc, attr);
	bool must_exist = !strcmp(operation, "delete");
	if (!must_exist && strcmp(operation, "remove"))
		return false;
	struct model_deletion deletion = {.model = (struct model_node *)(uintptr_t)place->model,
					  .must_exist = must_exist,
					  .line = item->line,
					  .file = b->file};
	attr_add_deletion(b->tree, place->parent, &deletion);
	return true;
}
