// SPDX-License-Identifier: Apache-2.0
// Changing the policy in force by a few rules, in three transactions: the maps that leaves will look up, where nothing
// leads to them; the rules that leave and enter leaves, all in one step for every packet; what nobody uses any
// more. Which kernel rule is which is read from the leaves' chains: when they are not as they were made, or when the tree
// cannot be changed in place, the policy is replaced as a whole (apply.c). Rules that are put into a large policy stand in
// maps in front of it (overlay.h), to which they come in a transaction before these three, until they are given their
// places.
#include "backend/nft/front.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "base/diag.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define EDITS_MOST 64u // rules that enter or leave

// A rule that has gone, to whose chain boxes led; its number in the tree.
struct old_target {
	uint32_t number;
	const struct nft_form *rule;
};

struct change {
	struct backend_nft *nft;
	struct nft_live *live;
	const struct ir_ruleset *lowered;
	const struct backend_edit *edit;
	size_t edits;
	struct arena arena;
	struct nft_batch batch;
	struct nft_touched touched;
	VEC(struct nft_chain) to; // what the leaves' chains are to be
	struct nft_table table;   // what they are
	VEC(const char *) old_map;
	VEC(const char *) old_counts; // of these those that count, by their full names
	VEC(struct old_target) old_target;
	VEC(const struct nft_form *) moved;
	VEC(struct nft_live_rule) removed;
	struct nft_waiting leaving;   // the tree, and are still there
	VEC(struct nft_chain) made;   // kernel rules of those that are inserted
	size_t flow_rules;            // there were
	struct nft_waiting added;     // by their numbers in the tree
	struct nft_pieces put, taken; // what comes into the maps in front and goes from them
	struct nft_pieces cut; // of the only rule that turns there, as those of what it was …
	const struct nft_form **was; // … these kernel rules; NULL: it was not cut
	bool again;                  // the only rule turns where it stands, in front …
	struct nft_pieces stay;      // … behind these of others
	struct algebra_set guarded;  // versions of IP for which there was something in them
	bool fold, placed;           // what stands in front is to come to its place, some has
	bool emptied;                // the maps in front are made anew …
	struct nft_chain old_front;  // … instead of those that are looked up here
};

// --- the books ---

static void note_removed(struct change *c)
{
	for (size_t i = 0; i < c->edits; i++)
		for (size_t k = 0; k < c->edit[i].removed; k++)
			vec_push(&c->arena, &c->removed, c->live->rule.at[c->edit[i].at + k]);
}

static bool leave_tree(struct change *c)
{
	bool good = true;
	for (size_t i = 0; i < c->leaving.rule.len && good; i++)
		good = nft_tree_remove(&c->live->tree, c->leaving.rule.at[i], &c->touched);
	c->leaving.rule.len = 0;
	return good;
}

// One that turns in front leaves the tree when it is in force there, any other at once.
static bool take_form(struct change *c, uint32_t rule)
{
	struct nft_tree *tree = &c->live->tree;
	if (tree->targeted.at[rule] == NFT_TARGET_CHAIN)
		vec_push(&c->arena, &c->old_target, (struct old_target){rule, tree->rule.at[rule]});
	nft_changed_add(c->nft, tree->rule.at[rule], false);
	nft_places_doubt(&c->live->places, &tree->rule.at[rule]->tag);
	c->fold |= nft_overlay_needs(tree, &c->live->front, rule) ||
		   (!c->again && nft_overlay_helped(tree, &c->live->piece, rule));
	if (!tree->placed.at[rule]) {
		nft_front_take(c->live, rule, &c->arena, &c->taken,
			       c->again ? &c->stay : &c->taken);
		return true;
	}
	vec_push(&c->arena, &c->leaving.rule, rule);
	return c->was || leave_tree(c);
}

static bool take_rule(struct change *c, const struct nft_live_rule *rule)
{
	nft_gone_add(c->nft, rule);
	for (uint32_t i = rule->first; i < rule->first + rule->forms; i++)
		if (!take_form(c, i))
			return false;
	return true;
}

// A rank behind the rules before, which leaves as much room to each that is still to come before the next that has one;
// false when there is too little. Rules without kernel rules, as those that are still to come, have none.
static bool rank_at(const struct nft_live *live, size_t at, size_t forms, uint64_t *out)
{
	size_t before = at, next = at + 1;
	while (before && !live->rule.at[before - 1].forms)
		before--;
	while (next < live->rule.len && !live->rule.at[next].forms)
		next++;
	uint64_t lo = before ? live->rule.at[before - 1].end : 0,
		 hi = next < live->rule.len ? live->rule.at[next].rank : live->end,
		 steps = next - at + 1;
	if (hi <= lo || (hi - lo) / steps < forms + 2)
		return false;
	*out = lo + (hi - lo) / steps - forms;
	return true;
}

// The rule's forms and chains, as the policy's own.
static void compile(struct change *c, const struct ir_rule *rule, uint32_t number,
		    struct nft_chain *out)
{
	struct nft_live *live = c->live;
	struct nft_program made;
	struct nft_chain forms = {.name = ""};
	nft_program_init(&made, &c->arena);
	nft_compile_rule(&made, &live->options, rule, number, &forms);
	nft_program_adopt(&live->program, &made);
	nft_chain_copy(&forms, &live->program, out);
}

static void compile_all(struct change *c)
{
	for (size_t i = 0; i < c->edits; i++)
		for (size_t at = c->edit[i].to; at < c->edit[i].to + c->edit[i].inserted; at++) {
			struct nft_chain forms = {.name = ""};
			compile(c, &c->lowered->rule.at[at], c->live->rule.at[at].number, &forms);
			vec_push(&c->arena, &c->made, forms);
		}
}

static bool put_rule(struct change *c, size_t at, const struct nft_chain *forms)
{
	struct nft_live *live = c->live;
	struct nft_live_rule *rule = &live->rule.at[at];
	rule->first = (uint32_t)live->tree.rule.len;
	rule->forms = (uint32_t)forms->rule.len;
	if (!rank_at(live, at, forms->rule.len, &rule->rank))
		return false;
	rule->end = rule->rank + rule->forms;
	for (size_t i = 0; i < forms->rule.len; i++) {
		nft_changed_add(c->nft, &forms->rule.at[i], true);
		vec_push(&c->arena, &c->added.rule, (uint32_t)live->tree.rule.len);
		nft_tree_add_rule(&live->tree, &forms->rule.at[i], rule->rank + i);
	}
	return true;
}

// --- rules that do something else for the same packets ---

static bool has_same_packets(const struct change *c, const struct nft_live_rule *was,
			     const struct nft_chain *forms)
{
	if (was->forms != forms->rule.len)
		return false;
	for (uint32_t i = 0; i < was->forms; i++)
		if (!nft_tree_may_turn(&c->live->tree, was->first + i, &forms->rule.at[i]))
			return false;
	return true;
}

static bool turn_rule(struct change *c, size_t at, const struct nft_live_rule *was,
		      const struct nft_chain *forms)
{
	struct nft_live_rule *rule = &c->live->rule.at[at];
	rule->first = was->first;
	rule->forms = was->forms;
	rule->rank = was->rank;
	rule->end = was->end;
	nft_turned_add(c->nft, was->number, rule->number, was->forms);
	for (uint32_t i = 0; i < was->forms; i++) {
		nft_changed_add(c->nft, &forms->rule.at[i], false);
		nft_places_doubt(&c->live->places, &c->live->tree.rule.at[was->first + i]->tag);
		nft_places_doubt(&c->live->places, &forms->rule.at[i].tag);
		if (!nft_tree_turn(&c->live->tree, was->first + i, &forms->rule.at[i], &c->touched))
			return false;
	}
	return true;
}

// What stands in front or may come there is changed there: the kernel need not check the table then. So is what stands there
// for packets of others.
static bool is_for_front(struct change *c, const struct nft_live_rule *rule)
{
	const struct nft_tree *tree = &c->live->tree;
	bool one = c->removed.len == 1 && c->made.len == 1, cut = tree->overlay;
	uint32_t waiting = 0;
	for (uint32_t i = rule->first; i < rule->first + rule->forms; i++) {
		if (nft_overlay_helps(tree, &c->live->piece, i))
			return true;
		waiting += !tree->placed.at[i];
	}
	if (waiting) {
		c->again = one && waiting == rule->forms;
		return true;
	}
	c->cut.list.len = 0;
	for (uint32_t i = rule->first; i < rule->first + rule->forms && cut; i++)
		cut = nft_overlay_cut(tree, &c->live->piece, i, (uint32_t)tree->rule.len, &c->arena,
				      &c->cut);
	if (cut && one)
		c->was = arena_memdup(&c->arena, &tree->rule.at[rule->first],
				      rule->forms * sizeof(*c->was));
	return cut;
}

// Whether each new rule is for the packets of one that goes.
static bool may_turn(struct change *c, const struct backend_edit *edit,
		     const struct nft_live_rule *removed, const struct nft_chain *made)
{
	bool may = edit->removed == edit->inserted;
	for (size_t i = 0; i < edit->removed && may; i++)
		may = has_same_packets(c, &removed[i], &made[i]) && !is_for_front(c, &removed[i]);
	return may;
}

// --- what comes to the front ---

// The pieces that were cut to see whether the rule is for the front: now they are of what it has become.
static void take_cut(struct change *c)
{
	for (size_t i = 0; i < c->cut.list.len; i++) {
		struct nft_piece piece = c->cut.list.at[i];
		piece.rule = c->added.rule.at[piece.rule - c->removed.at[0].first];
		for (size_t k = 0; k < c->added.rule.len; k++)
			if (piece.box.rule == c->was[k])
				piece.box.rule = c->live->tree.rule.at[c->added.rule.at[k]];
		vec_push(&c->arena, &c->put.list, piece);
	}
}

static bool cut_added(struct change *c)
{
	const struct nft_waiting *added = &c->added;
	for (size_t i = 0; i < added->rule.len; i++)
		if (!nft_overlay_cut(&c->live->tree, &c->live->piece, added->rule.at[i],
				     added->rule.at[0], &c->arena, &c->put))
			return false;
	return true;
}

// A rule that stands in front turns there: packets find it when its old pieces have gone. What it stands behind stays.
static bool put_again(struct change *c)
{
	const struct nft_waiting none = {{0}};
	uint32_t was = c->removed.at[0].first, is = c->added.rule.at[0];
	for (uint32_t i = 0; i < c->added.rule.len; i++)
		if (!nft_overlay_again(&c->live->tree, &c->live->piece, &c->taken, was + i, is + i,
				       &c->arena, &c->put))
			return false;
	for (size_t i = 0; i < c->stay.list.len; i++)
		c->stay.list.at[i].rule += is - was;
	nft_front_add(c->live, &none, &c->stay);
	return true;
}

static bool put_in_front(struct change *c)
{
	if (c->again)
		return put_again(c);
	if (!c->was)
		return cut_added(c);
	take_cut(c);
	return true;
}

// Pieces that are to go and pieces that come must not meet in one map: the kernel compares them.
static bool stand_in_front(struct change *c)
{
	if (!c->live->tree.overlay || c->fold || (c->taken.list.len && !c->again) ||
	    c->live->front.rule.len + c->added.rule.len > NFT_OVERLAY_RULES)
		return false;
	return put_in_front(c) && c->live->piece.list.len + c->put.list.len <= NFT_OVERLAY_PIECES;
}

// Without edits, a rule that has no place in this tree stays in front.
static bool place(struct change *c, const struct nft_waiting *waiting)
{
	struct nft_tree *tree = &c->live->tree;
	for (size_t i = 0; i < waiting->rule.len; i++) {
		uint32_t rule = waiting->rule.at[i];
		bool was_in_front = !c->added.rule.len || rule < c->added.rule.at[0],
		     placed = nft_tree_place(tree, rule, &c->touched);
		if (!placed && c->edits)
			return false;
		if (placed && was_in_front) {
			nft_changed_add(c->nft, tree->rule.at[rule], true);
			nft_front_leave(c->live, rule);
		}
		c->placed |= placed;
	}
	return true;
}

// Rules that were put in stay in front, or all that stand there come to their places in the tree.
static bool place_rules(struct change *c)
{
	struct nft_waiting waiting;
	bool filled = c->taken.list.len || c->live->piece.list.len;
	if (!c->fold && !c->added.rule.len)
		return true;
	if (stand_in_front(c)) {
		nft_front_add(c->live, &c->added, &c->put);
		return true;
	}
	c->put.list.len = 0;
	if (!leave_tree(c))
		return false;
	nft_front_waiting(c->live, &c->added, &c->arena, &waiting);
	if (!place(c, &waiting))
		return false;
	c->emptied = filled && (c->placed || c->edits);
	if (c->emptied) {
		nft_spots_front(c->nft);
		c->taken.list.len = 0;
		return nft_front_empty(c->live, &c->arena, &c->old_front);
	}
	return true;
}

// An edit's rules turn, or go; those that come are put in later, when all have gone.
static bool turn_or_take(struct change *c, const struct backend_edit *edit,
			 const struct nft_live_rule *removed, const struct nft_chain *made)
{
	bool turns = may_turn(c, edit, removed, made), good = true;
	for (size_t i = 0; i < edit->removed && good; i++)
		good = turns ? turn_rule(c, edit->to + i, &removed[i], &made[i])
			     : take_rule(c, &removed[i]);
	return good;
}

static bool put_rules(struct change *c)
{
	const struct nft_chain *made = c->made.at;
	for (size_t i = 0; i < c->edits; i++)
		for (size_t at = c->edit[i].to; at < c->edit[i].to + c->edit[i].inserted; at++) {
			bool turned = c->live->rule.at[at].forms;
			if (!turned && !put_rule(c, at, made))
				return false;
			made++;
		}
	return true;
}

static bool change_tree(struct change *c)
{
	const struct nft_live_rule *removed = c->removed.at;
	c->touched.whole_maps = c->removed.len > 1;
	compile_all(c);
	const struct nft_chain *made = c->made.at;
	for (size_t i = 0; i < c->edits; i++) {
		if (!turn_or_take(c, &c->edit[i], removed, made))
			return false;
		removed += c->edit[i].removed;
		made += c->edit[i].inserted;
	}
	return put_rules(c) && place_rules(c);
}

// --- what a leaf's chain becomes ---

static const char *map_of(const struct nft_form *form)
{
	return form->act == ACT_BOXES    ? form->boxes.name
	       : form->act == ACT_BRANCH ? form->map.name
					 : "";
}

// A clause of a flow rule is two rules, in the flow's direction and against it, and either may be hidden in a leaf.
static bool same_rule(const struct nft_form *a, const struct nft_form *b)
{
	return !strcmp(map_of(a), map_of(b)) && a->tag.known == b->tag.known &&
	       a->tag.rule == b->tag.rule && a->tag.clause == b->tag.clause && a->act == b->act &&
	       nft_form_direction(a) == nft_form_direction(b);
}

static bool is_in(const struct nft_chain *chain, size_t from, const struct nft_form *form)
{
	for (size_t i = from; i < chain->rule.len; i++)
		if (same_rule(&chain->rule.at[i], form))
			return true;
	return false;
}

static char *host_name(struct change *c, const struct nft_node *host)
{
	if (host == &nft_main_node)
		return arena_strdup(&c->arena, c->live->prefix);
	return arena_printf(&c->arena, "%s%s", c->live->prefix,
			    nft_node_name(host->number, &c->arena));
}

static char *chain_of(struct change *c, const struct nft_touched_leaf *touched)
{
	if (touched->leaf)
		return host_name(c, touched->leaf->host);
	return arena_printf(&c->arena, "%s%s", c->live->prefix, touched->was.name);
}

// A rule that goes at one place of its chain and comes at another uses twice what it looks up, until the first has gone. In
// other chains it may look up other sets.
static void note_moved(struct change *c, const struct nft_form *there, const char *chain)
{
	for (size_t i = 0; i < c->touched.leaf.len; i++) {
		const struct nft_chain *was = &c->touched.leaf.at[i].was;
		if (strcmp(chain_of(c, &c->touched.leaf.at[i]), chain) != 0)
			continue;
		for (size_t k = 0; k < was->rule.len; k++)
			if (same_rule(&was->rule.at[k], there)) {
				vec_push(&c->arena, &c->moved, &was->rule.at[k]);
				return;
			}
	}
}

static void put_in(struct change *c, const struct nft_chain *to, size_t k, enum nft_spot spot,
		   uint64_t handle)
{
	nft_encode_rule_at(&c->live->encoder, to->name, &to->rule.at[k], spot, handle);
	nft_places_add(&c->live->places, &to->rule.at[k], 1);
}

static void take_map(struct change *c, const struct nft_form *look_up)
{
	char *full = arena_printf(&c->arena, "%s%s", c->live->prefix, look_up->boxes.name);
	const struct nft_dumped_set *set = map_get(&c->table.set_by_name, full);
	vec_push(&c->arena, &c->old_map, look_up->boxes.name);
	nft_spots_take(c->nft, look_up);
	if (set && set->counts)
		vec_push(&c->arena, &c->old_counts, full);
}

// Rules of `is` that are not in `to` go, those of `to` that are not in `is` come before the next that stays.
static void turn_into(struct change *c, const struct nft_dumped_chain *is,
		      const struct nft_chain *to)
{
	size_t k = 0;
	if (strcmp(to->name + strlen(c->live->prefix), NFT_OVERLAY_CHAIN) != 0)
		nft_spots_touch(c->nft, is);
	for (size_t i = 0; i < is->rule.len; i++) {
		const struct nft_form *there = &is->rule.at[i];
		if (!is_in(to, k, there)) {
			nft_encode_delete_rule(&c->batch, c->nft->table, to->name, there->handle);
			nft_places_add(&c->live->places, there, -1);
			if (there->act == ACT_BOXES)
				take_map(c, there);
			else if (is_in(to, 0, there))
				note_moved(c, there, to->name);
			continue;
		}
		for (; !same_rule(&to->rule.at[k], there); k++)
			put_in(c, to, k, SPOT_BEFORE, there->handle);
		k++;
	}
	for (; k < to->rule.len; k++)
		put_in(c, to, k, SPOT_END, 0);
}

static bool was_in_leaf(const struct change *c, const struct nft_form *form)
{
	for (size_t i = 0; i < c->touched.leaf.len; i++)
		if (is_in(&c->touched.leaf.at[i].was, 0, form))
			return true;
	return false;
}

// Whether the chain is what was made: everything in it is in the new one, or was in a leaf that is touched, or in front.
static bool as_made(const struct change *c, const struct nft_dumped_chain *is,
		    const struct nft_chain *to)
{
	for (size_t i = 0; i < is->rule.len; i++)
		if (!is_in(to, 0, &is->rule.at[i]) && !was_in_leaf(c, &is->rule.at[i]) &&
		    !is_in(&c->old_front, 0, &is->rule.at[i]))
			return false;
	return true;
}

static bool has_map(const struct nft_dumped_chain *is, const struct nft_form *form)
{
	for (size_t i = 0; i < is->rule.len; i++)
		if (is->rule.at[i].act == ACT_BOXES && same_rule(&is->rule.at[i], form))
			return true;
	return false;
}

// Maps that are to stay are looked up there; only new ones come with their boxes.
static bool has_kept(const struct nft_dumped_chain *is, const struct nft_chain *to)
{
	for (size_t i = 0; i < to->rule.len; i++)
		if (to->rule.at[i].act == ACT_BOXES && !to->rule.at[i].boxes.len &&
		    !to->rule.at[i].boxes.counts && !has_map(is, &to->rule.at[i]))
			return false;
	return true;
}

// What the host's chain is to be; each once.
static void add_host(struct change *c, const struct nft_node *host)
{
	struct nft_chain to = {.name = host_name(c, host)};
	for (size_t i = 0; i < c->to.len; i++)
		if (!strcmp(c->to.at[i].name, to.name))
			return;
	nft_tree_emit_chain(&c->live->tree, host, &c->touched, &to);
	vec_push(&c->arena, &c->to, to);
}

// The maps in front are made anew, so others are looked up.
static void add_front(struct change *c)
{
	struct nft_chain to = {
		.name = arena_printf(&c->arena, "%s" NFT_OVERLAY_CHAIN, c->live->prefix)};
	nft_overlay_front(&c->live->tree, &c->arena, &to);
	vec_push(&c->arena, &c->to, to);
}

static void add_chain(struct change *c, const struct nft_touched_leaf *touched)
{
	struct nft_chain to = touched->now;
	to.name = chain_of(c, touched);
	vec_push(&c->arena, &c->to, to);
}

// What the chains of the touched leaves are, and what they are to be.
static bool read_chains(struct change *c)
{
	for (size_t i = 0; i < c->touched.leaf.len; i++)
		if (c->touched.leaf.at[i].leaf)
			add_host(c, c->touched.leaf.at[i].leaf->host);
		else
			add_chain(c, &c->touched.leaf.at[i]);
	if (c->emptied)
		add_front(c);
	const char **name = arena_array(&c->arena, const char *, c->to.len);
	struct nft_part part = {.chain = name, .chains = c->to.len, .outline = true};
	for (size_t i = 0; i < c->to.len; i++)
		name[i] = c->to.at[i].name;
	if (part.chains &&
	    nft_table_read_part(&c->nft->socket, c->nft->table, &part, &c->arena, &c->table))
		return false;
	for (size_t i = 0; i < c->to.len; i++) {
		const struct nft_dumped_chain *is = nft_table_chain(&c->table, c->to.at[i].name);
		if (!is || !as_made(c, is, &c->to.at[i]) || !has_kept(is, &c->to.at[i]))
			return false;
	}
	return true;
}

static void change_leaves(struct change *c)
{
	for (size_t i = 0; i < c->to.len; i++)
		turn_into(c, nft_table_chain(&c->table, c->to.at[i].name), &c->to.at[i]);
}

// Maps that the leaves will look up.
static void make_maps(struct change *c)
{
	for (size_t i = 0; i < c->to.len; i++) {
		const struct nft_dumped_chain *is = nft_table_chain(&c->table, c->to.at[i].name);
		const struct nft_chain *to = &c->to.at[i];
		for (size_t k = 0; k < to->rule.len; k++)
			if (to->rule.at[k].act == ACT_BOXES && !has_map(is, &to->rule.at[k])) {
				nft_encode_boxes(&c->live->encoder, &to->rule.at[k].boxes,
						 NFT_NO_OWNER);
				nft_live_leads(c->live, &to->rule.at[k].boxes);
			}
	}
}

// --- what nobody uses any more ---

// The rule of the tree with this number: there, or gone with this change.
static const struct nft_form *rule_of(const struct change *c, uint32_t number)
{
	for (size_t i = 0; i < c->old_target.len; i++)
		if (c->old_target.at[i].number == number)
			return c->old_target.at[i].rule;
	return c->live->tree.rule.at[number];
}

// Of rules to which no boxes lead any more.
static void remove_targets(struct change *c, const struct nft_numbers *gone)
{
	struct nft_tree *tree = &c->live->tree;
	struct nft_encoder *encoder = &c->live->encoder;
	char name[NFT_NAME];
	for (size_t i = 0; i < gone->list.len; i++) {
		uint32_t rule = gone->list.at[i];
		struct nft_form alone = *rule_of(c, rule);
		tree->targeted.at[rule] = NFT_TARGET_NONE;
		(void)nft_full_name(encoder, nft_node_name(tree->target.at[rule], &c->arena), name);
		nft_encode_delete_rule(&c->batch, c->nft->table, name, 0);
		alone.len = 0;
		nft_places_add(&c->live->places, &alone, -1);
		nft_encode_unused(encoder, &alone);
		nft_encode_delete(&c->batch, NFT_MSG_DELCHAIN, c->nft->table, name);
	}
}

static void remove_leftovers(struct change *c)
{
	struct nft_encoder *encoder = &c->live->encoder;
	char name[NFT_NAME];
	for (size_t i = 0; i < c->old_map.len; i++)
		nft_encode_delete(&c->batch, NFT_MSG_DELSET, c->nft->table,
				  nft_full_name(encoder, c->old_map.at[i], name));
	for (size_t i = 0; i < c->moved.len; i++)
		nft_encode_unused(encoder, c->moved.at[i]);
	struct nft_numbers gone = {{0}};
	for (size_t i = 0; i < c->touched.leaf.len; i++) {
		const struct nft_touched_leaf *t = &c->touched.leaf.at[i];
		for (size_t k = 0; k < t->was.rule.len; k++) {
			const struct nft_form *was = &t->was.rule.at[k];
			if (was->act != ACT_BOXES && !is_in(&t->now, 0, was))
				nft_encode_unused(encoder, was);
		}
	}
	nft_live_leads_no_more(c->live, &c->touched.unled, &c->arena, &gone);
	remove_targets(c, &gone);
}

// --- the whole ---

static bool can_be_changed(const struct change *c)
{
	size_t rules = c->removed.len;
	for (size_t i = 0; i < c->edits; i++)
		rules += c->edit[i].inserted;
	return rules <= EDITS_MOST && c->live->default_action == c->lowered->default_action &&
	       c->live->arena.total < c->live->grown;
}

// The drop of packets without a flow stands at the end when there are flow rules.
static bool end_stays(const struct change *c)
{
	return !c->flow_rules == !c->live->flow_rules;
}

static int run(struct change *c)
{
	struct nft_fault fault;
	return nft_batch_run(&c->nft->socket, &c->batch, &fault);
}

static void encode_lost(struct change *c)
{
	const struct nft_some_boxes *lost = &c->touched.lost;
	for (size_t i = 0; i < lost->list.len; i++)
		nft_encode_box_elements(&c->live->encoder, NFT_MSG_DELSETELEM, &lost->list.at[i],
					NFT_NO_OWNER);
}

static void encode_gained(struct change *c)
{
	for (size_t i = 0; i < c->touched.gained.len; i++)
		nft_encode_more(&c->live->encoder, &c->touched.gained.at[i]);
}

// What was counted in maps that go; no packet comes there any more.
static bool keep_counts(struct change *c)
{
	struct nft_table table;
	struct nft_part part = {.set = c->old_counts.at, .sets = c->old_counts.len};
	if (!part.sets)
		return true;
	if (nft_table_read_part(&c->nft->socket, c->nft->table, &part, &c->arena, &table))
		return false;
	for (size_t i = 0; i < table.set.len; i++)
		nft_set_count(table.set.at[i], &c->live->counts);
	return true;
}

static void encode_front(struct change *c, const struct nft_pieces *pieces,
			 struct algebra_set guarded)
{
	nft_front_encode(c->live, NFT_MSG_NEWSETELEM, pieces, &c->arena);
	nft_front_encode_guard(c->live, NFT_MSG_NEWSETELEM, guarded, c->guarded, &c->arena);
}

// A new element is found when the transaction is over, a little after a rule has gone with it. So rules come to the front
// before others go, and those in front go at last: a packet is always judged by the old policy or the new one. They come
// before it is even found out what others leave in the tree: this is what somebody waits for. That the
// guard lets packets see the maps in front is right at any time; that it does not is right while no element is needed: it
// opens with the first one, and closes when what the last ones did is done by rules or is to be done no more. Boxes of a
// gate are right before any rule needs them, too; one rule that comes alone need not wait for them.
static bool change_kernel(struct change *c)
{
	bool alone = c->added.rule.len == 1 && !c->removed.len && !c->emptied;
	struct algebra_set guarded = nft_overlay_versions(&c->live->piece, &c->arena);
	nft_live_attend(c->live, &c->batch);
	if (!c->emptied)
		encode_front(c, &c->put, guarded);
	if (run(c) || !leave_tree(c))
		return false;
	nft_tree_emit_touched(&c->live->tree, &c->touched, nft_live_encode_chain, c->live);
	if (!read_chains(c))
		return false;
	make_maps(c);
	if (c->emptied)
		encode_front(c, &c->live->piece, guarded);
	if (!alone)
		encode_gained(c);
	if (run(c))
		return false;
	change_leaves(c);
	if (alone)
		encode_gained(c);
	nft_spots_thin(c->nft, &c->touched);
	if (run(c) || !keep_counts(c))
		return false;
	nft_front_encode(c->live, NFT_MSG_DELSETELEM, &c->taken, &c->arena);
	nft_front_encode_guard(c->live, NFT_MSG_DELSETELEM, c->guarded, guarded, &c->arena);
	encode_lost(c);
	remove_leftovers(c);
	return !run(c);
}

static bool admitted(struct change *c, struct diags *diags)
{
	struct ir_ruleset some = {.default_action = c->lowered->default_action};
	for (size_t i = 0; i < c->edits; i++)
		for (size_t k = 0; k < c->edit[i].inserted; k++)
			vec_push(&c->arena, &some.rule, c->lowered->rule.at[c->edit[i].to + k]);
	return backend_nft_check(&some, diags) && !nft_weekday_off(&some, diags);
}

static bool change_in_place(struct change *c)
{
	return can_be_changed(c) && change_tree(c) && end_stays(c) && change_kernel(c);
}

// No edits: only what stands in front comes to its place.
static int change(struct backend_nft *nft, const struct ir_ruleset *lowered,
		  const struct backend_edit *edit, size_t edits, struct diags *diags)
{
	struct change c = {.nft = nft,
			   .live = nft->live,
			   .lowered = lowered,
			   .edit = edit,
			   .edits = edits,
			   .fold = !edits};
	arena_init(&c.arena);
	c.touched.arena = &c.arena;
	nft_batch_init(&c.batch, &c.arena);
	c.live->encoder.batch = &c.batch;
	c.live->encoder.table = nft->table;
	c.flow_rules = c.live->flow_rules;
	c.guarded = nft_overlay_versions(&c.live->piece, &c.arena);
	int result = BACKEND_REFUSED;
	if (admitted(&c, diags)) {
		note_removed(&c);
		nft_live_edit(c.live, lowered, edit, edits);
		result = !change_in_place(&c) ? BACKEND_ANEW
			 : edits || c.placed  ? BACKEND_DONE
					      : BACKEND_SETTLED;
	}
	nft_batch_fini(&c.batch);
	arena_fini(&c.arena);
	return result == BACKEND_ANEW ? nft_replace_edited(nft, lowered, diags) : result;
}

int backend_nft_change(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       const struct backend_edit *edit, size_t edits, struct diags *diags)
{
	if (!nft->live)
		return BACKEND_ANEW;
	return edits ? change(nft, lowered, edit, edits, diags) : BACKEND_DONE;
}

int backend_nft_settle(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       struct diags *diags)
{
	if (!nft->live || !nft->live->front.rule.len)
		return BACKEND_SETTLED;
	return change(nft, lowered, NULL, 0, diags);
}
