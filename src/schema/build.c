// SPDX-License-Identifier: Apache-2.0
// From the records of a document to a tree of data nodes.
//
// Each item is looked up in the model and made into one node, so every fault is found where it stands and the work goes
// on behind it. Equal nodes are found in the tree; containers that several inputs share become one. The children of
// something that cannot be placed are skipped.
// What it does not do: anything that needs the whole tree (validate.c), attributes (attr.c).
#include "schema/build.h"
#include "base/turn.h"
#include "schema/any.h"
#include "schema/attr.h"
#include "schema/report.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <string.h>

unsigned build_file(struct schema *schema, const char *file)
{
	if (!file)
		return 0;
	for (size_t i = 1; i < schema->files.len; i++)
		if (!strcmp(schema->files.at[i], file))
			return (unsigned)i;
	if (schema->files.len >= NODE_FILES_MOST)
		return 0;
	vec_push(&schema->arena, &schema->files, arena_strdup(&schema->arena, file));
	return (unsigned)schema->files.len - 1;
}

// --- what is not in the model ---

// The module in which this name would be known here.
static const struct lys_module *name_elsewhere(const struct model_node *parent,
					       const struct doc *doc, const struct item *item)
{
	for (uint32_t i = 0; i < parent->children; i++)
		if (doc_name_is(doc, item, parent->child[i]->name))
			return parent->child[i]->mod;
	return NULL;
}

static void unknown_namespace(const struct place *place, const struct model_node *parent)
{
	struct doc *doc = place->doc;
	const char *ns = doc_ns_text(doc, place->item),
		   *hint = "use the namespace of one of the modules that are loaded";
	const struct lys_module *mod = name_elsewhere(parent, doc, place->item);
	if (mod && doc->json)
		hint = arena_printf(&doc->arena, "write \"%s:%.*s\"", mod->name,
				    (int)place->item->name_len, doc->text + place->item->name);
	else if (mod)
		hint = arena_printf(&doc->arena, "write xmlns=\"%s\"", mod->ns);
	if (ns)
		place_error(place, DIAG_UNKNOWN_NAMESPACE, hint, "the %s \"%.200s\" is not known",
			    doc->json ? "module" : "namespace", ns);
	else
		place_error(place, DIAG_UNKNOWN_NAMESPACE, hint, "\"%.*s\" has no %s",
			    (int)place->item->name_len, doc->text + place->item->name,
			    doc->json ? "module" : "namespace");
}

static const char *list_children(struct doc *doc, const struct model_node *parent)
{
	struct buf out;
	unsigned n = 0;
	buf_init(&out);
	buf_adds(&out, "known here: ");
	for (uint32_t i = 0; i < parent->children && n < 30; i++)
		if (!(parent->child[i]->kind & MODEL_OPERATION))
			buf_printf(&out, "%s%s", n++ ? ", " : "", parent->child[i]->name);
	if (!n)
		buf_adds(&out, "nothing");
	const char *text = arena_strdup(&doc->arena, out.data);
	buf_fini(&out);
	return text;
}

static void unknown_element(const struct place *place, const struct model_node *parent)
{
	struct doc *doc = place->doc;
	const char *name = doc->text + place->item->name;
	struct text_guess guess = text_guess(name, place->item->name_len);
	const struct lys_module *mod = name_elsewhere(parent, doc, place->item);
	for (uint32_t i = 0; i < parent->children; i++)
		text_guess_offer(&guess, parent->child[i]->name);
	const char *hint = list_children(doc, parent);
	if (mod)
		hint = arena_printf(&doc->arena, "here it belongs to the module %s (namespace %s)",
				    mod->name, mod->ns);
	else if (guess.best)
		hint = arena_printf(&doc->arena, "did you mean \"%s\"? %s", guess.best, hint);
	const char *above = parent->schema ? parent->name : doc->ns.at[place->item->ns].mod->name;
	place_error(place, DIAG_UNKNOWN_ELEMENT, hint, "\"%s\" has no \"%.*s\"", above,
		    (int)place->item->name_len, name);
}

// --- what all nodes share ---

void build_origin(const struct builder *b, const struct item *item, struct schema_node *node)
{
	node->line = item->line < NODE_LINE_MOST ? item->line & NODE_LINE_MOST : NODE_LINE_MOST;
	node->file = b->file & (NODE_FILES_MOST - 1);
}

static void duplicate(const struct builder *b, const struct place *place,
		      const struct schema_node *other)
{
	const char *file = b->tree->schema->files.at[other->file];
	const char *where = arena_printf(&place->doc->arena, "%s%sline %u", file ? file : "",
					 file ? ", " : "", (unsigned)other->line);
	const char *hint =
		arena_printf(&place->doc->arena,
			     "the other one stands at %s; remove or rename one of them", where);
	place_error(place, DIAG_DUPLICATE, hint,
		    "a second \"%s\" that is the same as the one at %s", place->model->name, where);
}

// Puts a new node into the tree; false when there is an equal one (`other`), and then the new one is gone.
static bool admit(struct builder *b, const struct place *place, struct schema_node *node,
		  const struct schema_node *other)
{
	if (other) {
		duplicate(b, place, other);
		node_free(node);
		return false;
	}
	build_origin(b, place->item, node);
	node_add(place->parent, node);
	if (!b->fresh)
		vec_push(&b->doc->arena, &b->grown, node);
	attr_read(b, place, node);
	return true;
}

#define TEXT_HINT "remove the text, or put it into one of the elements inside"
#define NO_VALUE "\"%s\" holds other elements, not a value"

static bool structure_ok(const struct place *place)
{
	const struct item *item = place->item;
	bool is_list = place->model->kind == MODEL_LIST;
	const char *hint = NULL;
	if (item->flags & ITEM_TEXT)
		hint = TEXT_HINT;
	else if (place->doc->json && is_list && !(item->flags & ITEM_IN_ARRAY))
		hint = "write the entries as one array: [ { ... }, ... ]";
	else if (place->doc->json && !is_list && (item->flags & ITEM_IN_ARRAY))
		hint = "write the object itself, without [ ]";
	else if (place->doc->json && item->kind != ITEM_OBJECT)
		hint = "write an object: { ... }";
	if (hint)
		place_error(place, DIAG_SYNTAX, hint, NO_VALUE, place->model->name);
	return !hint;
}

static void descend(struct builder *b, const struct place *place, struct schema_node *node,
		    bool fresh)
{
	bool outer = b->fresh;
	if (place->item->flags & ITEM_TAKEN)
		b->level[b->levels++] =
			(struct build_level){.item = (uint32_t)(place->item - b->doc->item),
					     .node = node,
					     .fresh = fresh};
	b->fresh = fresh;
	build_children(b, place->item, node);
	b->fresh = outer;
}

static void note_hollow(struct builder *b, struct schema_node *node)
{
	if (node_is_plain_container(node) && !node_child(node))
		vec_push(&b->doc->arena, &b->hollow, node);
}

void build_close(struct builder *b)
{
	const struct build_level *level = &b->level[b->levels - 1];
	// Since it was opened there may have been text between what is in it.
	if (b->doc->item[level->item].flags & ITEM_TEXT)
		report(b->tree, level->node, &(struct diag){.code = DIAG_SYNTAX, .hint = TEXT_HINT},
		       b->doc->diags, NO_VALUE, node_model(level->node)->name);
	note_hollow(b, level->node);
}

// --- containers, lists ---

static void build_container(struct builder *b, const struct place *place)
{
	struct schema_node *node = node_find(place->parent, place->model);
	if (!structure_ok(place))
		return;
	if (node && node->file == b->file) {
		duplicate(b, place, node);
		return;
	}
	bool is_new = !node;
	if (is_new) {
		node = node_new(b->doc->schema, place->model);
		(void)admit(b, place, node, NULL);
	}
	descend(b, place, node, is_new);
	if (!(place->item->flags & ITEM_TAKEN))
		note_hollow(b, node);
}

// The values of the keys in the model's order, counted, and the items that they come from.
struct entry_keys {
	const char *value[NODE_KEYS_MOST];
	enum value_form form[NODE_KEYS_MOST];
	const struct item *item[NODE_KEYS_MOST];
	size_t len;
	bool bad;
};

static const struct item *find_item(const struct doc *doc, const struct item *parent,
				    const struct model_node *model)
{
	doc_for_each_child(it, doc, parent) if (doc->ns.at[it->ns].mod == model->mod &&
						doc_name_is(doc, it, model->name)) return it;
	return NULL;
}

static const char *read_key(const struct place *at, enum value_form *form_out)
{
	const char *text = value_read(at);
	if (!text)
		return NULL;
	const char *value = canonical_add(at->doc->schema, at->model, text, strlen(text), form_out);
	if (!value)
		value_refused(at, text);
	return value;
}

static void key_missing(const struct place *entry, const struct model_node *key)
{
	struct doc *doc = entry->doc;
	diag_add(doc->diags,
		 &(struct diag){.code = DIAG_MISSING,
				.file = doc->file,
				.line = entry->item->line,
				.path = place_path(entry),
				.subject = key->name,
				.hint = arena_printf(&doc->arena, "add \"%s\"", key->name)},
		 "an entry of \"%s\" has no key \"%s\"", entry->model->name, key->name);
}

static void read_keys(const struct place *place, struct entry_keys *keys)
{
	struct doc *doc = place->doc;
	const struct model_node *list = place->model;
	for (; keys->len < list->keys; keys->len++) {
		const struct model_node *model = list->child[keys->len];
		struct place at = {.doc = doc,
				   .item = find_item(doc, place->item, model),
				   .model = model,
				   .outer = place};
		keys->item[keys->len] = at.item;
		keys->value[keys->len] = NULL;
		if (at.item)
			keys->value[keys->len] = read_key(&at, &keys->form[keys->len]);
		else
			key_missing(place, model);
		keys->bad |= !keys->value[keys->len];
	}
}

static void forget_keys(struct builder *b, struct entry_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++)
		if (keys->value[i])
			intern_unref(&b->doc->schema->values, keys->value[i]);
}

// The keys' values go over to the new nodes.
static void add_keys(struct builder *b, const struct place *place, struct schema_node *entry,
		     const struct entry_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++) {
		struct place at = {.doc = b->doc,
				   .item = keys->item[i],
				   .model = place->model->child[i],
				   .outer = place};
		struct schema_node *key = node_new(b->doc->schema, at.model);
		node_set_value(key, keys->value[i], keys->form[i]);
		build_origin(b, at.item, key);
		node_add(entry, key);
		attr_read(b, &at, key);
	}
}

static void build_list(struct builder *b, const struct place *place)
{
	struct entry_keys keys = {0};
	if (!structure_ok(place))
		return;
	read_keys(place, &keys);
	if (keys.bad) {
		forget_keys(b, &keys);
		return;
	}
	const struct schema_node *other =
		place->model->identified ? node_find_entry(place->parent, place->model, keys.value)
					 : NULL;
	struct schema_node *node = node_new(b->doc->schema, place->model);
	add_keys(b, place, node, &keys);
	if (admit(b, place, node, other))
		descend(b, place, node, true);
}

// --- values ---

static bool is_first_key(struct builder *b, const struct place *place)
{
	const struct item *entry = &place->doc->item[place->item->parent];
	if (!(entry->flags & ITEM_TAKEN))
		return find_item(place->doc, entry, place->model) == place->item;
	// Those before may be gone.
	struct build_level *level = &b->level[b->levels - 1];
	uint32_t bit = 1u << place->model->ordinal, before = level->keys;
	level->keys |= bit;
	return !(before & bit);
}

static void build_value(struct builder *b, const struct place *place)
{
	const struct model_node *m = place->model;
	enum value_form form;
	if (m->is_key) {
		// The entry has it already; only a second one is left to be found.
		if (!is_first_key(b, place))
			duplicate(b, place, node_find(place->parent, m));
		return;
	}
	if (attr_is_deletion(b, place))
		return;
	const char *text = value_read(place);
	if (!text)
		return;
	const char *value = canonical_add(b->doc->schema, m, text, strlen(text), &form);
	if (!value) {
		value_refused(place, text);
		return;
	}
	struct schema_node *node = node_new(b->doc->schema, m);
	node_set_value(node, value, form);
	(void)admit(b, place, node, node_find_same(place->parent, node));
}

static void set_any_text(struct schema_node *node, const struct place *place)
{
	struct buf text cleanup(buf_fini);
	size_t len;
	buf_init(&text);
	doc_copy_content(place->doc, place->item, &text);
	char *content = buf_take(&text, &len);
	any_set(node, content, len, place->doc->json);
	turn_free(content, len);
}

static void build_any(struct builder *b, const struct place *place)
{
	struct schema_node *node = node_new(b->doc->schema, place->model);
	if (place->item->flags & ITEM_TAKEN) {
		any_set_tree(node, b->content);
		b->content = NULL;
	} else {
		set_any_text(node, place);
	}
	(void)admit(b, place, node, node_find(place->parent, place->model));
}

// --- everything ---

static bool allowed_here(struct builder *b, const struct place *place)
{
	const struct model_node *m = place->model;
	if (m->kind & MODEL_OPERATION) {
		place_error(place, DIAG_UNKNOWN_ELEMENT, "only data can stand here",
			    "\"%s\" is %s, not data", m->name,
			    m->kind == MODEL_NOTIFICATION ? "a notification" : "an operation");
		return false;
	}
	if (b->edit && m->is_state) {
		place_error(place, DIAG_UNKNOWN_ELEMENT, "leave it out",
			    "\"%s\" is state and cannot be configured", m->name);
		return false;
	}
	bool again = place->item->flags & ITEM_ARRAY_START;
	const struct schema_node *other = again ? node_find(place->parent, m) : NULL;
	if (other && other->file == b->file && !m->is_key) {
		duplicate(b, place, other);
		return false;
	}
	return true;
}

static void build_known(struct builder *b, const struct place *place)
{
	const struct model_node *m = place->model;
	if (!allowed_here(b, place))
		return;
	if (place->item->flags & ITEM_NO_VALUES) {
		if (!(m->kind & (MODEL_LIST | MODEL_LEAF_LIST)))
			place_error(place, DIAG_SYNTAX, "write it without [ ]",
				    "\"%s\" is no array", m->name);
		return;
	}
	switch (m->kind) {
	case MODEL_CONTAINER:
		build_container(b, place);
		break;
	case MODEL_LIST:
		build_list(b, place);
		break;
	case MODEL_LEAF:
	case MODEL_LEAF_LIST:
		build_value(b, place);
		break;
	default:
		build_any(b, place);
	}
}

static void build_item(struct builder *b, const struct item *item, struct schema_node *parent)
{
	struct doc *doc = b->doc;
	const struct model_node *above = node_model(parent);
	const struct lys_module *mod = doc->ns.at[item->ns].mod;
	struct place place = {.doc = doc, .item = item, .parent = parent};
	if (!mod) {
		unknown_namespace(&place, above);
		return;
	}
	struct model_node *model = model_child(above, mod, doc->text + item->name, item->name_len);
	if (!model) {
		unknown_element(&place, above);
		return;
	}
	place.model = model;
	build_known(b, &place);
}

void build_children(struct builder *b, const struct item *item, struct schema_node *parent)
{
	doc_for_each_child(it, b->doc, item)
	{
		if (b->doc->diags->list.len >= DIAGS_MOST)
			return;
		turn_point();
		build_item(b, it, parent);
	}
}

// Containers without presence that hold nothing mean nothing, and later stages need not tell them from those that are
// filled in with defaults. At the top they stay: they say what the document is about.
static void prune(const struct builder *b)
{
	for (size_t i = 0; i < b->hollow.len; i++) {
		struct schema_node *up, *it = b->hollow.at[i];
		for (; it->parent->parent && node_is_plain_container(it) && !node_child(it);
		     it = up) {
			up = it->parent;
			node_delete(it);
		}
	}
}

bool build_end(struct builder *b)
{
	bool good = b->doc->diags->errors == b->errors;
	for (size_t i = b->grown.len; !good && i--;)
		node_delete(b->grown.at[i]);
	if (good && !b->edit && !b->tree->is_operation)
		prune(b);
	return good;
}
