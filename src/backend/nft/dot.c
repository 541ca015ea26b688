// SPDX-License-Identifier: Apache-2.0
// The tree as a drawing for Graphviz: a node is a field, an edge the values that lead on, a leaf the rules that are left.
// Breadth first, so what is left out lies deep; wherever something is, a dashed node says how much.
#include "backend/nft/compile.h"
#include "backend/nft/text.h"
#include "backend/nft/tree_gate.h"
#include "base/buf.h"

#include <stdlib.h>

#define NODES_MOST 100u // drawn; beside each at most one for what is left out
#define WAYS_MOST 8u    // from one node
#define RANGES_MOST 3u  // on one edge
#define NAMES_MOST 4u   // in one leaf

struct drawing {
	const struct nft_tree *tree;
	struct buf *out;
	struct arena arena;
	bool *queued; // by number
	VEC(const struct nft_node *) queue;
	size_t left; // nodes that may still be queued
};

// --- words ---

static void put_more(struct buf *text, size_t shown, size_t all, const char *before)
{
	if (all > shown)
		buf_printf(text, "%s… %zu more", before, all - shown);
}

static void put_rule_name(const struct nft_tag *tag, struct buf *text)
{
	if (tag->rule == NFT_TAG_DEFAULT)
		buf_adds(text, "default");
	else if (tag->rule == NFT_TAG_NO_FLOW)
		buf_adds(text, "no flow: drop");
	else if (tag->name && *tag->name)
		buf_printf(text, "%s%s%s", tag->policy ? tag->policy : "",
			   tag->policy && *tag->policy ? "/" : "", tag->name);
	else
		buf_printf(text, "rule %u", tag->rule + 1);
}

static void put_leaf_text(const struct drawing *d, const struct nft_node *leaf, struct buf *text)
{
	size_t rules = leaf->entry.len;
	buf_printf(text, "%zu rule%s", rules, rules == 1 ? "" : "s");
	for (size_t i = 0; i < rules && i < NAMES_MOST; i++) {
		buf_addc(text, '\n');
		put_rule_name(&d->tree->rule.at[leaf->entry.at[i].rule]->tag, text);
	}
	put_more(text, NAMES_MOST, rules, "\n");
}

static void put_node_text(const struct drawing *d, const struct nft_node *node, struct buf *text)
{
	if (nft_is_leaf(node))
		put_leaf_text(d, node, text);
	else if (node->part.len)
		buf_printf(text, "%zu parts in turn", node->part.len);
	else if (node->gate)
		buf_printf(text, "any rule for it by\n%s?\n%zu %s",
			   nft_field_info[node->gate->field[0]].text, node->gate->box.len,
			   node->gate->fields == 1 ? "blocks" : "boxes");
	else
		buf_printf(text, "%s\n%zu way%s", nft_field_info[node->field].text, node->way.len,
			   node->way.len == 1 ? "" : "s");
}

// All ranges of the node that lead there.
static void put_ranges(const struct nft_node *from, const struct nft_node *to, struct buf *text)
{
	size_t n = 0;
	if (from->gate) {
		buf_adds(text, from->miss == to ? "no" : "maybe");
		return;
	}
	for (size_t i = 0; i < from->way.len; i++) {
		if (from->way.at[i].to != to || n++ >= RANGES_MOST)
			continue;
		buf_adds(text, n > 1 ? "\n" : "");
		(void)!nft_text_range(from->field, from->way.at[i].range, text);
	}
	put_more(text, RANGES_MOST, n, "\n");
	for (size_t i = 0; i < from->part.len; i++)
		if (from->part.at[i].root == to)
			buf_printf(text, "%zu: %zu rule%s", i + 1, from->part.at[i].len,
				   from->part.at[i].len == 1 ? "" : "s");
	if (from->miss == to)
		buf_adds(text, n ? "\nand others" : "others");
}

static void put_label(struct drawing *d, struct buf *text)
{
	buf_adds(d->out, "label=");
	buf_add_quoted(d->out, text->data);
	buf_adds(d->out, "];\n");
	buf_clear(text);
}

// --- nodes and edges ---

// Whether it is drawn.
static bool want(struct drawing *d, const struct nft_node *node)
{
	if (d->queued[node->number])
		return true;
	if (!d->left)
		return false;
	d->left--;
	d->queued[node->number] = true;
	vec_push(&d->arena, &d->queue, node);
	return true;
}

static void draw_node(struct drawing *d, const struct nft_node *node, struct buf *text)
{
	buf_printf(d->out, "    n%u [shape=%s, ", node->number,
		   nft_is_leaf(node) ? "box, style=filled, fillcolor=\"#dde8f5\"" : "ellipse");
	put_node_text(d, node, text);
	put_label(d, text);
}

static void draw_edge(struct drawing *d, const struct nft_node *from, const struct nft_node *to,
		      struct buf *text)
{
	buf_printf(d->out, "    n%u -> n%u [", from->number, to->number);
	put_ranges(from, to, text);
	put_label(d, text);
}

static void draw_rest(struct drawing *d, const struct nft_node *from, size_t left_out,
		      struct buf *text)
{
	if (!left_out)
		return;
	buf_printf(d->out, "    r%u [shape=plaintext, ", from->number);
	buf_printf(text, "… %zu more way%s", left_out, left_out == 1 ? "" : "s");
	put_label(d, text);
	buf_printf(d->out, "    n%u -> r%u [style=dashed];\n", from->number, from->number);
}

struct ends {
	const struct nft_node *drawn[WAYS_MOST];
	size_t len, left_out;
};

// One edge to each node, however many ways lead there.
static void find_end(struct drawing *d, struct ends *ends, const struct nft_node *to)
{
	for (size_t i = 0; i < ends->len; i++)
		if (ends->drawn[i] == to)
			return;
	if (ends->len < WAYS_MOST && want(d, to))
		ends->drawn[ends->len++] = to;
	else
		ends->left_out++;
}

static void draw(struct drawing *d, const struct nft_node *node, struct buf *text)
{
	struct ends ends = {.len = 0};
	draw_node(d, node, text);
	if (node->miss)
		find_end(d, &ends, node->miss);
	for (size_t i = 0; i < node->way.len; i++)
		find_end(d, &ends, node->way.at[i].to);
	for (size_t i = 0; i < node->part.len; i++)
		find_end(d, &ends, node->part.at[i].root);
	for (size_t i = 0; i < ends.len; i++)
		draw_edge(d, node, ends.drawn[i], text);
	draw_rest(d, node, ends.left_out, text);
}

// Its share of the nodes is what the parts before it have left.
static void draw_part(struct drawing *d, size_t i, struct buf *text)
{
	const struct nft_tree_part *part = &d->tree->root->part.at[i];
	size_t parts = d->tree->root->part.len - i, share = d->left / parts;
	size_t kept = d->left - share;
	buf_printf(d->out, "  subgraph cluster_%zu {\n    color=grey; label=", i);
	buf_printf(text, "part %zu: %zu rule%s", i + 1, part->len, part->len == 1 ? "" : "s");
	buf_add_quoted(d->out, text->data);
	buf_adds(d->out, ";\n");
	buf_clear(text);
	d->left = share;
	d->queue.len = 0;
	if (!want(d, part->root))
		buf_printf(d->out, "    n%u [label=\"not drawn\"];\n", part->root->number);
	for (size_t k = 0; k < d->queue.len; k++)
		draw(d, d->queue.at[k], text);
	d->left += kept;
	buf_adds(d->out, "  }\n");
}

static void draw_tree(const struct nft_tree *tree, struct buf *out)
{
	struct drawing d = {.tree = tree, .out = out, .left = NODES_MOST};
	struct buf text;
	buf_init(&text);
	arena_init(&d.arena);
	d.queued = arena_array(&d.arena, bool, (size_t)tree->numbers + 1);
	buf_adds(out, "digraph rules {\n  rankdir=LR; compound=true; node "
		      "[fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\", fontsize=9];\n");
	if (tree->overlay)
		buf_printf(out,
			   "  n0 [shape=box, label=\"rules that were put in last\"];\n"
			   "  n0 -> n%u [style=bold, label=\"undecided\"];\n",
			   tree->root->part.at[0].root->number);
	for (size_t i = 0; i < tree->root->part.len; i++)
		draw_part(&d, i, &text);
	for (size_t i = 1; i < tree->root->part.len; i++)
		buf_printf(out, "  n%u -> n%u [style=bold, label=\"undecided\"];\n",
			   tree->root->part.at[i - 1].root->number,
			   tree->root->part.at[i].root->number);
	buf_adds(out, "}\n");
	arena_fini(&d.arena);
	buf_fini(&text);
}

bool backend_nft_dot(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		     struct diags *diags, struct buf *out)
{
	static const struct backend_nft_options none;
	struct nft_program linear;
	struct nft_tree tree;
	struct arena arena;
	if (!backend_nft_check(lowered, diags))
		return false;
	options = options ? options : &none;
	arena_init(&arena);
	nft_program_init(&linear, &arena);
	nft_compile(lowered, options, &linear);
	nft_tree_build_from(&linear, &options->shape, &arena, &tree);
	draw_tree(&tree, out);
	arena_fini(&arena);
	return true;
}
