// SPDX-License-Identifier: Apache-2.0
// Reading piece by piece. The records of a document are many times what its tree takes; so when some hundred have come
// together, and the last is an entry of a list, everything complete is made into nodes. What is open around it becomes
// nodes, too, and stays open: what comes later is put into them.
//
// An entry can only be opened when it has its keys; until then, and in what is no list, records gather as ever. So a
// small document is never cut, and of a large one every fault is found as in one piece.
#include "schema/pieces.h"
#include "schema/text.h"

#include <libyang/libyang.h>

#include <string.h>

static const struct model_node *child_model(const struct doc *doc, const struct model_node *above,
					    uint32_t index)
{
	const struct item *item = &doc->item[index];
	const struct lys_module *mod = doc->ns.at[item->ns].mod;
	return mod ? model_child(above, mod, doc->text + item->name, item->name_len) : NULL;
}

// --- where the data begin ---

static bool is_config(const struct model_node *m)
{
	return m->kind & MODEL_ANY && !strcmp(m->name, "config") &&
	       (!strcmp(m->mod->name, "ietf-netconf") ||
		!strcmp(m->mod->name, "ietf-netconf-nmda"));
}

// The depth of the open <config> of an operation; 0: there is none.
static uint32_t config_of_rpc(const struct doc_cursor *c)
{
	const struct doc *doc = c->doc;
	const struct item *rpc = &doc->item[c->open[1]];
	const struct model_node *m = doc->schema->root;
	if (c->depth < 3 || !doc_name_is(doc, rpc, "rpc") || !rpc->ns ||
	    strcmp(doc_ns_text(doc, rpc), NS_NETCONF))
		return 0;
	for (uint32_t d = 2; d <= c->depth && m; d++) {
		m = child_model(doc, m, c->open[d]);
		if (m && is_config(m))
			return d;
	}
	return 0;
}

static bool find_base(struct pieces *p, const struct doc_cursor *c)
{
	if (p->where == PIECES_RPC) {
		p->base = config_of_rpc(c);
		return p->base;
	}
	p->base = c->depth && parse_unwrap(c->doc) != c->doc->item;
	return true;
}

// --- what can be taken ---

static bool has_keys(const struct doc *doc, uint32_t index, const struct model_node *list)
{
	for (uint32_t i = 0; i < list->keys; i++) {
		bool found = false;
		for (uint32_t it = doc->item[index].child; it && !found; it = doc->item[it].next)
			found = child_model(doc, list, it) == list->child[i];
		if (!found)
			return false;
	}
	return true;
}

// Whether the complete item is an entry, and all that is open around it can become nodes.
static bool can_take(const struct pieces *p, const struct doc_cursor *c, uint32_t index)
{
	const struct doc *doc = c->doc;
	const struct model_node *m = doc->schema->root;
	for (uint32_t d = p->base + 1; d <= c->depth; d++) {
		bool is_open = doc->item[c->open[d]].flags & ITEM_TAKEN;
		m = child_model(doc, m, c->open[d]);
		if (!m || !(m->kind & (MODEL_CONTAINER | MODEL_LIST)) ||
		    (!is_open && m->kind == MODEL_LIST && !has_keys(doc, c->open[d], m)))
			return false;
	}
	m = child_model(doc, m, index);
	return m && m->kind & (MODEL_LIST | MODEL_LEAF_LIST);
}

// --- taking ---

static void begin(struct pieces *p, struct doc_cursor *c)
{
	struct builder *b = p->builder;
	b->file = build_file(b->doc->schema, b->doc->file);
	c->doc->item[c->open[p->base]].flags |= ITEM_TAKEN;
	b->level[0] = (struct build_level){.item = c->open[p->base], .node = b->tree->root};
	b->levels = 1;
	p->begun = true;
}

// What has gathered in the innermost open node that there is, with what is open inside of it.
static void build_gathered(struct builder *b)
{
	const struct build_level *level = &b->level[b->levels - 1];
	bool outer = b->fresh;
	b->fresh = level->fresh;
	build_children(b, &b->doc->item[level->item], level->node);
	b->fresh = outer;
}

// Something that is open around could not become a node: it is skipped with all that it holds.
static bool is_lost(const struct pieces *p, const struct doc_cursor *c)
{
	size_t taken = 0;
	for (uint32_t d = p->base; d <= c->depth; d++)
		taken += (c->doc->item[c->open[d]].flags & ITEM_TAKEN) != 0;
	return p->builder->levels < taken;
}

// An open item has come to its end.
static void close_item(struct pieces *p, struct doc_cursor *c, uint32_t index)
{
	struct builder *b = p->builder;
	bool has_node = b->level[b->levels - 1].item == index;
	if (has_node)
		build_gathered(b);
	p->ended = index == c->open[p->base] && c->depth < p->base;
	if (has_node && !p->ended) {
		build_close(b);
		b->levels--;
	}
}

static bool take(void *context, struct doc_cursor *c, uint32_t index)
{
	struct pieces *p = context;
	struct doc *doc = c->doc;
	if (doc->item[index].flags & ITEM_TAKEN) {
		close_item(p, c, index);
		doc_release(c, p->base, p->ended ? p->base : c->depth);
		return true;
	}
	if (p->ended || (!p->begun && !find_base(p, c)) || !can_take(p, c, index))
		return false;
	if (!p->begun)
		begin(p, c);
	bool lost = is_lost(p, c);
	for (uint32_t d = p->base; d <= c->depth; d++)
		doc->item[c->open[d]].flags |= ITEM_TAKEN;
	if (!lost)
		build_gathered(p->builder);
	doc_release(c, p->base, c->depth);
	return true;
}

bool pieces_read(struct pieces *pieces, struct schema *schema, const struct schema_input *input,
		 struct diags *diags)
{
	struct doc_taker taker = {.take = take, .context = pieces, .piece = schema->piece};
	return doc_init_taking(pieces->builder->doc, schema, input, &taker, diags);
}
