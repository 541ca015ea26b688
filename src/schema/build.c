// SPDX-License-Identifier: Apache-2.0
// From the records of a document to a tree of data nodes.
//
// Each item is looked up in the model and made into one node, so every fault is found where it stands and the work goes
// on behind it. Equal nodes are found by an index; containers that several inputs share become one. The children of
// something that cannot be placed are skipped.
// What it does not do: anything that needs the whole tree (validate.c), attributes (attr.c).
#include "schema/build.h"
#include "schema/any.h"
#include "schema/attr.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MOST 16u

uint16_t build_file(struct schema_tree *tree, const char *file)
{
	if (!file)
		return 0;
	for (size_t i = 1; i < tree->files.len; i++)
		if (!strcmp(tree->files.at[i], file))
			return (uint16_t)i;
	if (tree->files.len >= UINT16_MAX)
		return 0;
	vec_push(&tree->arena, &tree->files, arena_strdup(&tree->arena, file));
	return (uint16_t)(tree->files.len - 1);
}

// --- what is not in the model ---

// The module in which this name would be known here.
static const struct lys_module *name_elsewhere(const struct model_node *parent,
					       const struct doc *doc, const struct item *item)
{
	for (uint32_t i = 0; i < parent->children; i++)
		if (doc_name_is(doc, item, parent->child[i]->schema->name))
			return parent->child[i]->schema->module;
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
		if (!(parent->child[i]->schema->nodetype & (LYS_RPC | LYS_NOTIF | LYS_ACTION)))
			buf_printf(&out, "%s%s", n++ ? ", " : "", parent->child[i]->schema->name);
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
		text_guess_offer(&guess, parent->child[i]->schema->name);
	const char *hint = list_children(doc, parent);
	if (mod)
		hint = arena_printf(&doc->arena, "here it belongs to the module %s (namespace %s)",
				    mod->name, mod->ns);
	else if (guess.best)
		hint = arena_printf(&doc->arena, "did you mean \"%s\"? %s", guess.best, hint);
	const char *above =
		parent->schema ? parent->schema->name : doc->ns.at[place->item->ns].mod->name;
	place_error(place, DIAG_UNKNOWN_ELEMENT, hint, "\"%s\" has no \"%.*s\"", above,
		    (int)place->item->name_len, name);
}

// --- what all nodes share ---

static struct model_mark mark_of(const struct builder *b, const struct item *item)
{
	return (struct model_mark){.line = item->line & ((1u << 30) - 1), .file = b->file};
}

static void duplicate(const struct builder *b, const struct place *place,
		      const struct lyd_node *other)
{
	struct model_mark mark = model_mark(other);
	const char *file = b->tree->files.at[mark.file];
	const char *where = arena_printf(&place->doc->arena, "%s%sline %u", file ? file : "",
					 file ? ", " : "", mark.line);
	const char *hint =
		arena_printf(&place->doc->arena,
			     "the other one stands at %s; remove or rename one of them", where);
	place_error(place, DIAG_DUPLICATE, hint,
		    "a second \"%s\" that is the same as the one at %s", place->model->schema->name,
		    where);
}

// Takes a new node into the tree's books; false when there is an equal one, and then it is gone.
static bool admit(struct builder *b, const struct place *place, struct lyd_node *node)
{
	model_set_mark(node, mark_of(b, place->item));
	struct lyd_node *other = index_put(&b->index, node);
	if (other) {
		duplicate(b, place, other);
		if (node->parent)
			tree_unlink(b->tree, node);
		lyd_free_tree(node);
		return false;
	}
	if (!node->parent)
		tree_link_top(b->tree, node);
	if (!b->fresh)
		vec_push(&b->doc->arena, &b->grown, node);
	attr_read(b, place, node);
	return true;
}

static bool structure_ok(const struct place *place)
{
	const struct item *item = place->item;
	bool is_list = place->model->schema->nodetype == LYS_LIST;
	const char *hint = NULL;
	if (item->flags & ITEM_TEXT)
		hint = "remove the text, or put it into one of the elements inside";
	else if (place->doc->json && is_list && !(item->flags & ITEM_IN_ARRAY))
		hint = "write the entries as one array: [ { ... }, ... ]";
	else if (place->doc->json && !is_list && (item->flags & ITEM_IN_ARRAY))
		hint = "write the object itself, without [ ]";
	else if (place->doc->json && item->kind != ITEM_OBJECT)
		hint = "write an object: { ... }";
	if (hint)
		place_error(place, DIAG_SYNTAX, hint, "\"%s\" holds other elements, not a value",
			    place->model->schema->name);
	return !hint;
}

static void descend(struct builder *b, const struct place *place, struct lyd_node *node, bool fresh)
{
	bool outer = b->fresh;
	b->fresh = fresh;
	build_children(b, place->item, node);
	b->fresh = outer;
}

// --- containers, lists ---

static void build_container(struct builder *b, const struct place *place, struct lyd_node *parent)
{
	const struct lysc_node *lys = place->model->schema;
	struct lyd_node *node = index_find(&b->index, parent, lys);
	if (!structure_ok(place))
		return;
	if (node && model_mark(node).file == b->file) {
		duplicate(b, place, node);
		return;
	}
	if (node) {
		descend(b, place, node, false);
		return;
	}
	if (lyd_new_inner(parent, lys->module, lys->name, b->tree->is_output, &node))
		place_error(place, DIAG_FAILED, "report this", "%s",
			    model_libyang_message(b->doc->schema, &b->doc->arena));
	else if (admit(b, place, node))
		descend(b, place, node, true);
}

// The values of the keys in the model's order, and the items that they come from.
struct entry_keys {
	const char *value[KEYS_MOST];
	const struct item *item[KEYS_MOST];
	const struct model_node *model[KEYS_MOST];
	size_t len;
};

static const struct item *find_item(const struct doc *doc, const struct item *parent,
				    const struct lysc_node *lys)
{
	doc_for_each_child(it, doc, parent) if (doc->ns.at[it->ns].mod == lys->module &&
						doc_name_is(doc, it, lys->name)) return it;
	return NULL;
}

static bool read_keys(const struct place *place, struct entry_keys *keys)
{
	struct doc *doc = place->doc;
	const struct lysc_node *lys = place->model->schema;
	bool good = true;
	for (const struct lysc_node *key = lysc_node_child(lys); key && key->flags & LYS_KEY;
	     key = key->next) {
		assert(keys->len < KEYS_MOST);
		struct place at = {.doc = doc,
				   .item = find_item(doc, place->item, key),
				   .model = key->priv,
				   .outer = place};
		if (!at.item) {
			place_error(place, DIAG_MISSING,
				    arena_printf(&doc->arena, "add \"%s\"", key->name),
				    "an entry of \"%s\" has no key \"%s\"", lys->name, key->name);
			good = false;
			continue;
		}
		const char *value = value_read(&at);
		good = good && value;
		keys->value[keys->len] = arena_strdup(&doc->arena, value);
		keys->model[keys->len] = at.model;
		keys->item[keys->len++] = at.item;
	}
	return good;
}

static void refuse_keys(const struct place *place, const struct entry_keys *keys)
{
	struct doc *doc = place->doc;
	for (size_t i = 0; i < keys->len; i++) {
		const struct lysc_node *lys = keys->model[i]->schema;
		struct place at = {
			.doc = doc, .item = keys->item[i], .model = keys->model[i], .outer = place};
		int result = lyd_value_validate(doc->schema->ctx, lys, keys->value[i],
						strlen(keys->value[i]), NULL, NULL, NULL);
		if (result && result != LY_EINCOMPLETE)
			value_refused(&at, keys->value[i]);
	}
}

static void mark_keys(struct builder *b, struct lyd_node *node, const struct entry_keys *keys)
{
	struct lyd_node *key = lyd_child(node);
	for (size_t i = 0; i < keys->len; i++, key = key->next) {
		model_set_mark(key, mark_of(b, keys->item[i]));
		index_put(&b->index, key);
	}
}

static void build_list(struct builder *b, const struct place *place, struct lyd_node *parent)
{
	const struct lysc_node *lys = place->model->schema;
	struct entry_keys keys = {0};
	struct lyd_node *node = NULL;
	if (!structure_ok(place) || !read_keys(place, &keys))
		return;
	const char **v = keys.value;
	// Further arguments than there are keys are ignored.
	if (lyd_new_list(parent, lys->module, lys->name, b->tree->is_output, &node, v[0], v[1],
			 v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13],
			 v[14], v[15])) {
		refuse_keys(place, &keys);
		return;
	}
	if (!admit(b, place, node))
		return;
	mark_keys(b, node, &keys);
	descend(b, place, node, true);
}

// --- values ---

static void build_value(struct builder *b, const struct place *place, struct lyd_node *parent)
{
	const struct lysc_node *lys = place->model->schema;
	struct lyd_node *node = NULL;
	if (lys->flags & LYS_KEY && parent) {
		// The entry has it already; only a second one is left to be found.
		if (find_item(place->doc, &place->doc->item[place->item->parent], lys) !=
		    place->item)
			duplicate(b, place, index_find(&b->index, parent, lys));
		return;
	}
	if (attr_is_deletion(b, place))
		return;
	const char *value = value_read(place);
	if (!value)
		return;
	if (lyd_new_term(parent, lys->module, lys->name, value, b->tree->is_output, &node))
		value_refused(place, value);
	else
		(void)admit(b, place, node);
}

static void build_any(struct builder *b, const struct place *place, struct lyd_node *parent)
{
	struct lyd_node *node = NULL;
	struct buf text;
	buf_init(&text);
	doc_copy_content(place->doc, place->item, &text);
	node = any_new(b->tree, parent, place->model->schema, text.data, place->doc->json);
	(void)admit(b, place, node);
	buf_fini(&text);
}

// --- everything ---

static bool is_state(const struct lysc_node *lys)
{
	return lys->flags & LYS_CONFIG_R;
}

static bool allowed_here(struct builder *b, const struct place *place, struct lyd_node *parent)
{
	const struct lysc_node *lys = place->model->schema;
	if (lys->nodetype & (LYS_RPC | LYS_NOTIF | LYS_ACTION)) {
		place_error(place, DIAG_UNKNOWN_ELEMENT, "only data can stand here",
			    "\"%s\" is %s, not data", lys->name,
			    lys->nodetype == LYS_NOTIF ? "a notification" : "an operation");
		return false;
	}
	if (b->edit && is_state(lys)) {
		place_error(place, DIAG_UNKNOWN_ELEMENT, "leave it out",
			    "\"%s\" is state and cannot be configured", lys->name);
		return false;
	}
	bool again = place->item->flags & ITEM_ARRAY_START;
	struct lyd_node *other = again ? tree_find_child(b->tree, parent, place->model) : NULL;
	if (other && model_mark(other).file == b->file && !(lys->flags & LYS_KEY)) {
		duplicate(b, place, other);
		return false;
	}
	return true;
}

static void build_known(struct builder *b, const struct place *place, struct lyd_node *parent)
{
	const struct lysc_node *lys = place->model->schema;
	if (!allowed_here(b, place, parent))
		return;
	if (place->item->flags & ITEM_NO_VALUES) {
		if (!(lys->nodetype & (LYS_LIST | LYS_LEAFLIST)))
			place_error(place, DIAG_SYNTAX, "write it without [ ]",
				    "\"%s\" is no array", lys->name);
		return;
	}
	switch (lys->nodetype) {
	case LYS_CONTAINER:
		build_container(b, place, parent);
		break;
	case LYS_LIST:
		build_list(b, place, parent);
		break;
	case LYS_LEAF:
	case LYS_LEAFLIST:
		build_value(b, place, parent);
		break;
	default:
		build_any(b, place, parent);
	}
}

static void build_item(struct builder *b, const struct item *item, struct lyd_node *parent)
{
	struct doc *doc = b->doc;
	const struct model_node *above = parent ? model_inside(b->tree, parent) : doc->schema->root;
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
	build_known(b, &place, parent);
}

void build_children(struct builder *b, const struct item *item, struct lyd_node *parent)
{
	doc_for_each_child(it, b->doc, item)
	{
		if (b->doc->diags->list.len >= DIAGS_MOST)
			return;
		build_item(b, it, parent);
	}
}

// Containers without presence that hold nothing mean nothing, and later stages need not tell them from those that are
// filled in with defaults. At the top they stay: they say what the document is about.
static void prune(struct schema_tree *tree, struct lyd_node *first)
{
	struct lyd_node *next;
	for (struct lyd_node *it = first; it; it = next) {
		next = it->next;
		prune(tree, lyd_child(it));
		bool plain = it->schema->nodetype == LYS_CONTAINER &&
			     !(it->schema->flags & LYS_PRESENCE);
		if (plain && it->parent && !lyd_child(it))
			tree_free_node(tree, it);
	}
}

bool build_end(struct builder *b)
{
	bool good = b->doc->diags->errors == b->errors;
	for (size_t i = b->grown.len; !good && i--;)
		tree_free_node(b->tree, b->grown.at[i]);
	if (good && !b->edit && !b->tree->is_operation)
		prune(b->tree, b->tree->first);
	index_fini(&b->index);
	return good;
}
