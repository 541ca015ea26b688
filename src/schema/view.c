// SPDX-License-Identifier: Apache-2.0
// Showing a tree. A walk over it that can stop between two nodes decides node by node what is shown; the writers (write.c)
// make text of it. So a large tree is printed piece by piece, and nothing of it stands in memory twice.
//
// The idea: what is only shown when something in it is (a default container, what leads to a selection or to state) is
// opened late, when that something is there. An entry that is shown in part has its keys written as it is opened.
//
// RFC 6241 section 6 (selection), RFC 6243 (defaults), RFC 8040 section 4.8 (content, depth, fields), RFC 8341 section
// 3.2.4 (what may be seen).
#include "schema/view.h"
#include "base/buf.h"
#include "base/turn.h"
#include "schema/select.h"
#include "schema/write.h"
#include "schema/xpath.h"

#include <libyang/libyang.h>

#include <stdlib.h>

#define LOOKED_MOST 4096u // nodes in one piece: where little of much is shown

struct level {
	struct write_level write;
	const struct schema_node *node; // NULL: the top
	const struct schema_node *next; // of its children, to be looked at
	struct selection_few few;       // or these, from `few_at` on
	size_t few_at;
	bool is_few;
	unsigned depth;
	bool whole;                         // all below is selected
	bool has_keys;                      // its keys are written as it is opened
	const struct model_node *leaf_list; // the last one that was trimmed or not:
	bool trimmed;
};

struct schema_view {
	const struct schema_tree *tree;
	struct schema_view_options options;
	struct selection selection;
	bool selects;
	struct select_roots roots; // shown without what is above them; none: the top-level nodes
	size_t root;               // the next
	struct level *level;       // those that the walk is in, outermost (the top) first
	size_t levels, level_cap;
	size_t opened; // of these, how many are written
	bool begun, ended;
};

struct schema_view *schema_view_new(const struct schema_tree *tree,
				    const struct schema_view_options *options)
{
	struct schema_view *view = base_oom(calloc(1, sizeof(*view)));
	view->tree = tree;
	view->options = *options;
	view->selection.visible = options->visible;
	view->selection.context = options->context;
	view->selection.most = options->steps ? options->steps : SELECT_STEPS_MOST;
	return view;
}

void schema_view_free(struct schema_view *view)
{
	if (!view)
		return;
	selection_fini(&view->selection);
	free(view->roots.at);
	free(view->level);
	free(view);
}

// --- selecting ---

bool schema_view_subtree(struct schema_view *view, const struct schema_node *filter,
			 struct diags *diags)
{
	view->selects = true;
	return select_subtree(&view->selection, view->tree, filter, diags);
}

static void select_node(void *context, const struct schema_node *node)
{
	struct selection *selection = context;
	selection_add(selection, node, SELECTED_WHOLE);
	for (const struct schema_node *it = node_parent(node); it; it = node_parent(it)) {
		if (selection_of(selection, it))
			return; // and so have those above
		selection_add(selection, it, SELECTED_PART);
	}
}

bool schema_view_xpath(struct schema_view *view, struct schema_xpath *xpath, struct diags *diags)
{
	struct schema_xpath_place root = {.node = view->tree->root,
					  .visible = view->options.visible,
					  .context = view->options.context,
					  .steps = view->options.steps};
	view->selects = true;
	return schema_xpath_nodes(xpath, &root, select_node, &view->selection, diags);
}

void schema_view_node(struct schema_view *view, const struct schema_node *node)
{
	struct select_roots *roots = &view->roots;
	if (roots->len == roots->cap) {
		roots->cap = roots->cap ? roots->cap * 2 : 1;
		roots->at = base_oom(realloc(roots->at, roots->cap * sizeof(*roots->at)));
	}
	roots->at[roots->len++] = node;
}

bool schema_view_fields(struct schema_view *view, const char *fields, struct diags *diags)
{
	view->selects = true;
	return select_fields(&view->selection, view->tree, &view->roots, fields, diags);
}

// --- what is shown ---

static bool is_state(const struct schema_node *node)
{
	return node_model(node)->is_state;
}

static bool has_content(const struct schema_view *view, const struct schema_node *node)
{
	switch (view->options.content) {
	case SCHEMA_CONTENT_CONFIG:
		return !is_state(node);
	case SCHEMA_CONTENT_STATE:
		return is_state(node) || node_model(node)->holds_state;
	case SCHEMA_CONTENT_ALL:
	default:
		return true;
	}
}

static bool has_value(const struct schema_node *first, const char *value)
{
	for (const struct schema_node *it = first; it; it = node_next_of_kind(it))
		if (it->value == value)
			return true;
	return false;
}

// A leaf-list equals its defaults as a whole or not at all (RFC 7950 section 7.7.2). `first` is its first value.
static bool equals_defaults(const struct schema_node *first)
{
	const struct model_node *m = node_model(first);
	bool by_user = lysc_is_userordered(m->schema);
	size_t i = 0;
	for (const struct schema_node *it = first; it; it = node_next_of_kind(it), i++) {
		if (i == m->ndefaults || (by_user && it->value != m->defaults[i].text))
			return false;
	}
	if (i != m->ndefaults)
		return false;
	for (i = 0; i < m->ndefaults; i++)
		if (!has_value(first, m->defaults[i].text))
			return false;
	return true;
}

static bool is_trimmed(struct level *level, const struct schema_node *node)
{
	const struct model_node *m = node_model(node);
	if (node->is_default)
		return true;
	if (m->kind == MODEL_LEAF)
		return m->ndefaults && node->value == m->defaults[0].text;
	if (level->leaf_list != m) {
		level->leaf_list = m;
		level->trimmed = equals_defaults(node);
	}
	return level->trimmed;
}

// RFC 6243 section 2, for leafs and leaf-lists.
static bool has_value_to_show(const struct schema_view *view, struct level *level,
			      const struct schema_node *node)
{
	switch (view->options.defaults) {
	case SCHEMA_DEFAULTS_EXPLICIT:
		return !(node->is_default) || is_state(node);
	case SCHEMA_DEFAULTS_TRIM:
		return !is_trimmed(level, node);
	case SCHEMA_DEFAULTS_ALL:
	case SCHEMA_DEFAULTS_ALL_TAGGED:
	default:
		return true;
	}
}

// What a child of this level is to the selection, and on which level of depth it stands.
struct chosen {
	enum selected selected;
	unsigned depth;
	bool is_root;
};

static struct chosen choose(const struct schema_view *view, const struct level *level,
			    const struct schema_node *node)
{
	struct chosen chosen = {.selected = SELECTED_WHOLE, .depth = level->depth + 1};
	chosen.is_root = !level->node && view->roots.len;
	if (chosen.is_root) {
		chosen.selected = view->selects ? SELECTED_PART : SELECTED_WHOLE;
	} else if (!level->whole) {
		chosen.selected = selection_of(&view->selection, node);
		chosen.depth = 1;
	}
	// What is dear to know is asked last.
	if (chosen.selected && !(has_content(view, node) && selection_sees(&view->selection, node)))
		chosen.selected = SELECTED_NOT;
	return chosen;
}

// A root, or a leaf that is not left out as a default.
static bool shows_leaf(const struct schema_view *view, struct level *level,
		       const struct schema_node *node, const struct chosen *chosen)
{
	return chosen->is_root || node_is_any(node) || has_value_to_show(view, level, node);
}

// Whether a container or entry is only shown when something in it is.
static bool is_late(const struct schema_view *view, const struct schema_node *node,
		    const struct chosen *chosen)
{
	if (chosen->is_root)
		return false;
	return chosen->selected == SELECTED_PART ||
	       (node->is_default && node_model(node)->kind == MODEL_CONTAINER) ||
	       (view->options.content == SCHEMA_CONTENT_STATE && !is_state(node));
}

static struct level level_of(const struct schema_view *view, const struct schema_node *node,
			     const struct chosen *chosen)
{
	bool whole = chosen->selected == SELECTED_WHOLE;
	bool only_state = view->options.content == SCHEMA_CONTENT_STATE && !is_state(node);
	return (struct level){.node = node,
			      .next = node_child(node),
			      .depth = chosen->depth,
			      .whole = whole,
			      .has_keys = node_model(node)->kind == MODEL_LIST &&
					  (!whole || only_state)};
}

// Where depth ends: whether something in there would be shown, were it not too deep.
static bool holds_something(const struct schema_view *view, struct level *level)
{
	for (const struct schema_node *it = level->next; it; it = it->next) {
		struct chosen chosen = choose(view, level, it);
		if (!chosen.selected)
			continue;
		if (!(node_is_inner(it))) {
			if (shows_leaf(view, level, it, &chosen))
				return true;
			continue;
		}
		struct level inside = level_of(view, it, &chosen);
		if (!is_late(view, it, &chosen) || holds_something(view, &inside))
			return true;
	}
	return false;
}

static struct level top_of(const struct schema_view *view)
{
	return (struct level){.next = view->roots.len ? NULL : node_child(view->tree->root),
			      .whole = !view->selects};
}

bool schema_view_any(const struct schema_view *view)
{
	struct level top = top_of(view);
	for (size_t i = 0; i < view->roots.len; i++)
		if (choose(view, &top, view->roots.at[i]).selected)
			return true;
	return holds_something(view, &top);
}

// --- the walk ---

static void push(struct schema_view *view, const struct level *level)
{
	if (view->levels == view->level_cap) {
		view->level_cap = view->level_cap ? view->level_cap * 2 : 16;
		view->level =
			base_oom(realloc(view->level, view->level_cap * sizeof(*view->level)));
	}
	struct level *pushed = &view->level[view->levels++];
	*pushed = *level;
	if (!level->whole && level->next)
		pushed->is_few = selection_few(&view->selection, level->next->parent, &pushed->few);
}

static bool is_tagged(const struct schema_view *view, const struct schema_node *node)
{
	return view->options.defaults == SCHEMA_DEFAULTS_ALL_TAGGED && node->is_default;
}

static void write_keys(const struct schema_view *view, const struct write *w, struct level *level)
{
	for (const struct schema_node *it = node_child(level->node); it && node_is_key(it);
	     it = it->next)
		if (selection_sees(&view->selection, it))
			write_value(w, &level->write, it, false);
}

// Writes the beginnings of all levels that the walk is in.
static void open_levels(struct schema_view *view, const struct write *w)
{
	for (; view->opened < view->levels; view->opened++) {
		struct level *level = &view->level[view->opened];
		write_open(w, &level[-1].write, level->node, &level->write);
		if (level->has_keys)
			write_keys(view, w, level);
	}
}

static void enter(struct schema_view *view, const struct write *w, const struct schema_node *node,
		  const struct chosen *chosen)
{
	struct level level = level_of(view, node, chosen);
	bool late = is_late(view, node, chosen);
	if (view->options.depth && chosen->depth == view->options.depth && level.whole) {
		late = late && !holds_something(view, &level);
		level.next = NULL;
	}
	push(view, &level);
	if (!late)
		open_levels(view, w);
}

static void look_at(struct schema_view *view, const struct write *w, const struct schema_node *node)
{
	struct level *level = &view->level[view->levels - 1];
	struct chosen chosen = choose(view, level, node);
	bool too_deep = view->options.depth && chosen.depth > view->options.depth;
	if (!chosen.selected || too_deep)
		return;
	if (node_is_inner(node)) {
		enter(view, w, node, &chosen);
	} else if (level->has_keys && node_is_key(node)) {
		open_levels(view, w);
	} else if (shows_leaf(view, level, node, &chosen)) {
		open_levels(view, w);
		write_value(w, &level->write, node, is_tagged(view, node));
	}
}

static const struct schema_node *next_node(struct schema_view *view)
{
	struct level *level = &view->level[view->levels - 1];
	if (view->levels == 1 && view->roots.len)
		return view->root < view->roots.len ? view->roots.at[view->root++] : NULL;
	if (level->is_few)
		return level->few_at < level->few.len ? level->few.at[level->few_at++] : NULL;
	const struct schema_node *node = level->next;
	level->next = node ? node->next : NULL;
	return node;
}

static void leave(struct schema_view *view, const struct write *w)
{
	struct level *level = &view->level[--view->levels];
	if (!view->levels) {
		write_top_close(w, &level->write);
		view->ended = true;
	} else if (view->opened > view->levels) {
		write_close(w, &level->write);
		view->opened--;
	}
}

static void begin(struct schema_view *view, const struct write *w)
{
	struct level top = top_of(view);
	write_top_open(w, &top.write);
	push(view, &top);
	view->opened = 1;
	view->begun = true;
}

bool schema_view_print_some(struct schema_view *view, size_t enough, struct buf *out)
{
	struct write w = {.out = out,
			  .json = view->options.format == SCHEMA_JSON,
			  .indented = view->options.indent};
	size_t start = out->len, looked = 0;
	if (!view->begun)
		begin(view, &w);
	while (!view->ended && out->len - start < enough && looked++ < LOOKED_MOST) {
		const struct schema_node *node = next_node(view);
		if (node)
			look_at(view, &w, node);
		else
			leave(view, &w);
	}
	return !view->ended;
}

void schema_view_print(struct schema_view *view, struct buf *out)
{
	while (schema_view_print_some(view, SIZE_MAX, out))
		turn_pause();
}

// --- all of it ---

static void print_whole(const struct schema_tree *tree, const struct schema_node *node,
			const struct schema_view_options *options, struct buf *out)
{
	struct schema_view *view = schema_view_new(tree, options);
	if (node)
		schema_view_node(view, node);
	schema_view_print(view, out);
	schema_view_free(view);
}

static struct schema_view_options options_of(enum schema_format format, unsigned flags)
{
	bool all = flags & SCHEMA_PRINT_DEFAULTS;
	return (struct schema_view_options){
		.format = format,
		.defaults = all ? SCHEMA_DEFAULTS_ALL : SCHEMA_DEFAULTS_EXPLICIT,
		.indent = flags & SCHEMA_PRINT_INDENT,
	};
}

void schema_print(const struct schema_tree *tree, enum schema_format format, unsigned flags,
		  struct buf *out)
{
	struct schema_view_options options = options_of(format, flags);
	print_whole(tree, NULL, &options, out);
}

void schema_print_node(const struct schema_node *node, enum schema_format format, unsigned flags,
		       struct buf *out)
{
	struct schema_view_options options = options_of(format, flags);
	print_whole(NULL, node, &options, out);
}
