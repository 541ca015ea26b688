// SPDX-License-Identifier: Apache-2.0
// Cuts of long leaves, and their changes. A rule that goes leaves its map, which is made anew; one that comes is put where
// the order of rules that may match the same packet allows: into a map that is made anew anyway, else into one that has
// room, else beside one. Consecutive maps that are made anew are cut as a list of rules by itself, with the rules between
// that stand by themselves. When a packet comes to need much more time than when the leaf was cut as a whole, it is cut
// as a whole again.
#include "backend/nft/boxes.h"
#include "backend/nft/tree_cut.h"

#include <stdlib.h>
#include <string.h>

#define RULE_NS 22u   // to pass a rule by itself
#define ALONE_MOST 4u // rules by themselves between two maps, if these have room
#define SLACK_NS 150u // in addition to a quarter

struct cutting {
	struct nft_tree *tree;
	const struct nft_node *leaf;
	struct nft_cut *cut;
	struct arena *arena; // of new maps
	struct arena scratch;
	struct nft_touched *touched; // takes what maps lose
};

char *nft_group_name(const struct nft_node *leaf, const struct nft_group *group,
		     struct arena *arena)
{
	return arena_printf(arena, "-m%u.%u", leaf->number, group->map);
}

struct nft_cut *nft_cut_new(struct arena *arena)
{
	struct nft_cut *cut = arena_new(arena, struct nft_cut);
	cut->stale = true;
	return cut;
}

// --- rules to maps ---

// How many of the boxes are of each rule; they stand in the rules' order.
static void count_boxes(const struct nft_tree *tree, const struct nft_boxes *boxes,
			struct nft_placed *rule, size_t len)
{
	size_t k = 0;
	for (size_t i = 0; i < len; i++)
		for (; k < boxes->len &&
		       nft_node_number(boxes->box[k].chain) == tree->target.at[rule[i].entry.rule];
		     k++) {
			rule[i].boxes++;
			rule[i].direct = boxes->box[k].rule != NULL;
		}
}

static void add_group(struct cutting *c, struct nft_group group, const struct nft_entry *entry)
{
	size_t from = c->cut->rule.len;
	for (size_t i = 0; i < group.rules; i++)
		vec_push(c->tree->arena, &c->cut->rule, ((struct nft_placed){.entry = entry[i]}));
	if (group.map)
		count_boxes(c->tree, group.boxes, c->cut->rule.at + from, group.rules);
	vec_push(c->tree->arena, &c->cut->group, group);
}

// The rules become maps and rules by themselves, at the end of the cut.
static void cut_rules(struct cutting *c, struct nft_entries rules)
{
	while (rules.len) {
		struct nft_boxes *boxes = arena_new(c->arena, struct nft_boxes);
		struct nft_group group;
		size_t taken = nft_leaf_boxes(c->tree, c->leaf, rules, c->arena, &group, boxes);
		if (taken) {
			group.map = ++c->cut->maps;
			group.boxes = boxes;
		} else {
			group = (struct nft_group){.ns = RULE_NS};
			taken = 1;
		}
		group.rules = (uint32_t)taken;
		add_group(c, group, rules.at);
		rules.at += taken;
		rules.len -= taken;
	}
}

static uint64_t cost_of(const struct nft_cut *cut)
{
	uint64_t ns = 0;
	for (size_t i = 0; i < cut->group.len; i++)
		ns += cut->group.at[i].ns;
	return ns;
}

static void cut_whole(struct cutting *c)
{
	struct nft_cut *cut = c->cut;
	cut->rule.len = cut->group.len = 0;
	vec_reserve(c->tree->arena, &cut->rule, c->leaf->entry.len);
	cut_rules(c, nft_leaf_order(c->tree, c->leaf->entry, &c->scratch));
	cut->whole_ns = cost_of(cut);
	cut->whole_rules = cut->rule.len;
}

static bool is_costly(const struct nft_cut *cut)
{
	uint64_t ns = cost_of(cut);
	return ns > SLACK_NS &&
	       (ns - SLACK_NS) * cut->whole_rules * 4 > cut->whole_ns * cut->rule.len * 5;
}

// --- what goes ---

static void note_unled(struct cutting *c, const struct nft_placed *rule)
{
	if (c->touched && rule->boxes)
		vec_push(c->touched->arena, &c->touched->unled.list,
			 ((struct nft_share){rule->entry.rule, rule->boxes, rule->direct}));
}

// The group begins with this rule. A map that was only just made has led nowhere.
static void note_group_unled(struct cutting *c, const struct nft_group *group, size_t from)
{
	for (size_t i = from; group->map && !group->boxes && i < from + group->rules; i++)
		note_unled(c, &c->cut->rule.at[i]);
}

static void note_all_unled(struct cutting *c)
{
	size_t from = 0;
	for (size_t i = 0; i < c->cut->group.len; from += c->cut->group.at[i++].rules)
		note_group_unled(c, &c->cut->group.at[i], from);
}

// The group, which begins with this rule, before it is changed.
static void make_anew(struct cutting *c, struct nft_group *group, size_t from)
{
	if (!group->anew)
		note_group_unled(c, group, from);
	group->anew = true;
}

static bool same_box(const struct nft_box *a, const struct nft_box *b, size_t fields)
{
	return !strcmp(a->chain, b->chain) &&
	       !memcmp(a->range, b->range, fields * sizeof(*a->range));
}

// Whether the map is what it was but for the boxes that are gone; these.
static bool only_loses(const struct nft_boxes *were, const struct nft_boxes *are,
		       struct arena *arena, struct nft_boxes *lost)
{
	size_t k = 0;
	*lost = *were;
	lost->box = arena_array(arena, struct nft_box, were->len);
	lost->len = 0;
	for (size_t i = 0; i < were->len; i++)
		if (k < are->len && same_box(&were->box[i], &are->box[k], were->fields))
			k++;
		else
			lost->box[lost->len++] = were->box[i];
	return k == are->len;
}

static bool must_stay(const struct cutting *c, const struct nft_group *group,
		      const struct nft_placed *rule)
{
	bool counts = rule->direct && c->tree->rule.at[rule->entry.rule];
	return counts || (group->kind == BOXES_APART && rule->boxes > 1);
}

// The map's rules that stay; 0 when the others may not leave it by themselves: boxes of one rule that overlap might be taken
// for each other in a map of very many; and what they have counted would be lost.
static uint32_t find_left(struct cutting *c, const struct nft_group *group, size_t from,
			  const bool *gone, struct nft_placed *left)
{
	uint32_t n = 0;
	for (size_t i = from; i < from + group->rules; i++)
		if (!gone[i])
			left[n++] = c->cut->rule.at[i];
		else if (must_stay(c, group, &c->cut->rule.at[i]))
			return 0;
	return n;
}

// Rules leave the map, if it stays with the boxes of all others as they are.
static bool thin_out(struct cutting *c, struct nft_group *group, size_t from, const bool *gone)
{
	struct nft_placed *left = arena_array(&c->scratch, struct nft_placed, group->rules);
	struct nft_group thin = *group;
	struct nft_boxes are, lost;
	size_t boxes = 0;
	thin.rules = find_left(c, group, from, gone, left);
	if (!c->touched || !group->were || !thin.rules || thin.rules < c->tree->boxes_least / 2)
		return false;
	if (!nft_leaf_boxes_again(c->tree, c->leaf, &thin, left, &c->scratch, &are))
		return false;
	for (size_t i = from; i < from + group->rules; i++)
		boxes += gone[i] ? c->cut->rule.at[i].boxes : 0;
	if (!only_loses(group->were, &are, c->touched->arena, &lost) || lost.len != boxes)
		return false;
	lost.name = nft_group_name(c->leaf, group, c->touched->arena);
	vec_push(c->touched->arena, &c->touched->lost.list, lost);
	for (size_t i = from; i < from + group->rules; i++)
		if (gone[i])
			note_unled(c, &c->cut->rule.at[i]);
	group->ns = thin.ns;
	group->room = thin.room;
	return true;
}

// The same boxes in a map of another name, as its rules do or are something else.
static bool renew(struct cutting *c, struct nft_group *group, size_t from)
{
	struct nft_placed *rule = &c->cut->rule.at[from];
	struct nft_boxes *boxes = arena_new(c->arena, struct nft_boxes);
	if (!nft_leaf_boxes_again(c->tree, c->leaf, group, rule, c->arena, boxes))
		return false;
	note_group_unled(c, group, from);
	for (size_t i = 0; i < group->rules; i++)
		rule[i].boxes = 0;
	count_boxes(c->tree, boxes, rule, group->rules);
	group->map = ++c->cut->maps;
	group->boxes = boxes;
	group->turned = false;
	return true;
}

static bool stays(struct cutting *c, struct nft_group *group, size_t from, const bool *gone)
{
	bool some = group->rules && memchr(gone + from, true, group->rules);
	if (group->turned)
		return !some && renew(c, group, from);
	return !some || thin_out(c, group, from, gone);
}

static void take_gone(struct cutting *c, const bool *gone)
{
	struct nft_cut *cut = c->cut;
	size_t kept = 0, at = 0;
	for (size_t i = 0; i < cut->group.len; i++) {
		struct nft_group *group = &cut->group.at[i];
		size_t end = at + group->rules;
		if (!stays(c, group, at, gone))
			make_anew(c, group, at);
		group->were = NULL;
		for (; at < end; at++)
			if (gone[at])
				group->rules--;
			else
				cut->rule.at[kept++] = cut->rule.at[at];
	}
	cut->rule.len = kept;
}

static bool stands_in(const struct nft_group *group, const struct nft_placed *first, uint32_t rule)
{
	for (size_t i = 0; i < group->rules; i++)
		if (first[i].entry.rule == rule)
			return true;
	return false;
}

void nft_cut_turn(const struct nft_node *leaf, uint32_t rule)
{
	const struct nft_placed *first = leaf->cut->rule.at;
	for (size_t i = 0; i < leaf->cut->group.len; first += leaf->cut->group.at[i++].rules)
		if (leaf->cut->group.at[i].map && stands_in(&leaf->cut->group.at[i], first, rule))
			leaf->cut->group.at[i].turned = true;
}

void nft_cut_begin_removal(struct nft_tree *tree, const struct nft_node *leaf, uint32_t rule,
			   struct nft_touched *touched)
{
	const struct nft_placed *first = leaf->cut->rule.at;
	for (size_t i = 0; i < leaf->cut->group.len; first += leaf->cut->group.at[i++].rules) {
		struct nft_group *group = &leaf->cut->group.at[i];
		if (!group->map || group->were || touched->whole_maps ||
		    !stands_in(group, first, rule))
			continue;
		struct nft_boxes *were = arena_new(touched->arena, struct nft_boxes);
		if (nft_leaf_boxes_again(tree, leaf, group, first, touched->arena, were))
			group->were = were;
	}
}

// --- what comes ---

static void put_at(struct cutting *c, size_t at, struct nft_entry entry)
{
	struct nft_cut *cut = c->cut;
	vec_push(c->tree->arena, &cut->rule, ((struct nft_placed){.boxes = 0}));
	memmove(cut->rule.at + at + 1, cut->rule.at + at,
		(cut->rule.len - 1 - at) * sizeof(*cut->rule.at));
	cut->rule.at[at] = (struct nft_placed){.entry = entry};
}

static void put_into(struct cutting *c, size_t group, size_t from, size_t at,
		     struct nft_entry entry)
{
	make_anew(c, &c->cut->group.at[group], from);
	put_at(c, at, entry);
	c->cut->group.at[group].rules++;
}

// By itself, before the group.
static void put_beside(struct cutting *c, size_t group, size_t at, struct nft_entry entry)
{
	struct nft_cut *cut = c->cut;
	put_at(c, at, entry);
	vec_push(c->tree->arena, &cut->group, ((struct nft_group){.rules = 0}));
	memmove(cut->group.at + group + 1, cut->group.at + group,
		(cut->group.len - 1 - group) * sizeof(*cut->group.at));
	cut->group.at[group] = (struct nft_group){.rules = 1, .ns = RULE_NS, .anew = true};
}

// Where the order lets a rule stand: before any of the rules from `least` to `most` or, with the number of all, at the end.
struct room {
	size_t least, most;
};

static struct room room_for(const struct cutting *c, uint32_t rule)
{
	const struct nft_tree *tree = c->tree;
	struct room room = {0, c->cut->rule.len};
	for (size_t i = 0; i < c->cut->rule.len; i++) {
		uint32_t other = c->cut->rule.at[i].entry.rule;
		if (!nft_tree_meet(tree, other, rule))
			continue;
		if (tree->rank.at[other] < tree->rank.at[rule])
			room.least = i + 1;
		else if (room.most == c->cut->rule.len)
			room.most = i;
	}
	return room;
}

// How good it is to put the rule into the group; 0: not at all.
static uint32_t goodness(const struct cutting *c, const struct nft_group *group,
			 struct nft_entry entry)
{
	if (!group->map)
		return 0;
	if (group->anew)
		return UINT32_MAX;
	return nft_leaf_fits(c->tree, c->leaf, group, entry) ? group->room : 0;
}

// A group, and the number of the rule with which it begins.
struct found {
	size_t group, from;
};

// The best group in which there is room; its goodness.
static uint32_t best_group(const struct cutting *c, struct room room, struct nft_entry entry,
			   struct found *out)
{
	const struct nft_cut *cut = c->cut;
	size_t from = 0;
	uint32_t most = 0;
	bool found = false;
	for (size_t i = 0; i < cut->group.len; from += cut->group.at[i++].rules) {
		if (from + cut->group.at[i].rules < room.least || from > room.most)
			continue;
		uint32_t good = goodness(c, &cut->group.at[i], entry);
		if (!found || good > most)
			*out = (struct found){i, from};
		most = good > most ? good : most;
		found = true;
	}
	return most;
}

// Rules by themselves around the place before a group.
static size_t alone_beside(const struct nft_cut *cut, size_t group)
{
	size_t from = group, to = group;
	while (from && !cut->group.at[from - 1].map)
		from--;
	while (to < cut->group.len && !cut->group.at[to].map)
		to++;
	return to - from;
}

// Before a group or behind the last one, where the fewest rules stand by themselves; how many, SIZE_MAX: there is no place.
static size_t place_beside(const struct nft_cut *cut, struct room room, struct found *out)
{
	size_t from = 0, least = SIZE_MAX;
	for (size_t i = 0; i <= cut->group.len && from <= room.most; i++) {
		size_t alone = from >= room.least ? alone_beside(cut, i) : SIZE_MAX;
		if (alone < least)
			*out = (struct found){i, from};
		least = alone < least ? alone : least;
		from += i < cut->group.len ? cut->group.at[i].rules : 0;
	}
	return least;
}

// Into a map that is made anew anyway; else between two groups, while few rules stand there; else into the best map, or
// into one where it cuts that in two.
static void put_in_room(struct cutting *c, struct room room, struct nft_entry entry)
{
	struct found best = {0, 0}, beside = {0, 0};
	uint32_t good = best_group(c, room, entry, &best);
	size_t alone = place_beside(c->cut, room, &beside);
	if (good != UINT32_MAX && alone < (good ? ALONE_MOST : SIZE_MAX))
		put_beside(c, beside.group, beside.from, entry);
	else
		put_into(c, best.group, best.from, room.least > best.from ? room.least : best.from,
			 entry);
}

// There is no such place: the groups from the first rule that must come later to the last one that must come before are
// put in order anew, with it.
static void put_in_order(struct cutting *c, struct room room, struct nft_entry entry)
{
	struct nft_cut *cut = c->cut;
	struct found first = {SIZE_MAX, 0};
	size_t from = 0;
	for (size_t i = 0; i < cut->group.len; from += cut->group.at[i++].rules) {
		if (from + cut->group.at[i].rules <= room.most || from >= room.least)
			continue;
		make_anew(c, &cut->group.at[i], from);
		cut->group.at[i].mixed = true;
		if (first.group == SIZE_MAX)
			first = (struct found){i, from};
	}
	put_into(c, first.group, first.from, room.most, entry);
}

static void put_rule(struct cutting *c, struct nft_entry entry)
{
	struct room room = room_for(c, entry.rule);
	if (room.least <= room.most)
		put_in_room(c, room, entry);
	else
		put_in_order(c, room, entry);
}

// --- what is to be made anew ---

static int by_rank(const void *x, const void *y, void *context)
{
	const struct nft_tree *tree = context;
	const struct nft_entry *a = x, *b = y;
	return tree->rank.at[a->rule] < tree->rank.at[b->rule] ? -1 : a->rule != b->rule;
}

static struct nft_entries in_order(struct cutting *c, struct nft_entries rules)
{
	qsort_r(rules.at, rules.len, sizeof(*rules.at), by_rank, c->tree);
	return nft_leaf_order(c->tree, rules, &c->scratch);
}

// A copy of the cut as it was, from which it is put together again.
struct old {
	const struct nft_placed *rule;
	const struct nft_group *group;
	size_t groups, rules;
};

static struct old take_cut(struct cutting *c)
{
	struct nft_cut *cut = c->cut;
	struct old old = {
		arena_memdup(&c->scratch, cut->rule.at, cut->rule.len * sizeof(*cut->rule.at)),
		arena_memdup(&c->scratch, cut->group.at, cut->group.len * sizeof(*cut->group.at)),
		cut->group.len, cut->rule.len};
	cut->rule.len = cut->group.len = 0;
	return old;
}

static void keep_group(struct cutting *c, const struct nft_group *group,
		       const struct nft_placed *rule)
{
	for (size_t i = 0; i < group->rules; i++)
		vec_push(c->tree->arena, &c->cut->rule, rule[i]);
	vec_push(c->tree->arena, &c->cut->group, *group);
}

// So many groups from here on are cut together: those that are made anew, and rules by themselves between them and beside.
static size_t length_of_run(const struct old *old, size_t first, bool *anew_out, bool *mixed_out)
{
	size_t n = first;
	*anew_out = *mixed_out = false;
	for (; n < old->groups && (old->group[n].anew || !old->group[n].map); n++) {
		*anew_out |= old->group[n].anew;
		*mixed_out |= old->group[n].mixed;
	}
	return n - first;
}

static size_t count_rules(const struct nft_group *group, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += group[i].rules;
	return n;
}

static void cut_run(struct cutting *c, const struct nft_placed *rule, size_t len, bool mixed)
{
	struct nft_entries rules = {.at = arena_array(&c->scratch, struct nft_entry, len),
				    .len = len};
	for (size_t i = 0; i < len; i++)
		rules.at[i] = rule[i].entry;
	cut_rules(c, mixed ? in_order(c, rules) : rules);
}

static void cut_runs(struct cutting *c)
{
	struct old old = take_cut(c);
	size_t at = 0;
	for (size_t i = 0; i < old.groups;) {
		bool anew, mixed;
		size_t run = length_of_run(&old, i, &anew, &mixed), groups = anew ? run : 1,
		       rules = count_rules(&old.group[i], groups);
		if (anew)
			cut_run(c, &old.rule[at], rules, mixed);
		else
			keep_group(c, &old.group[i], &old.rule[at]);
		i += groups;
		at += rules;
	}
}

// --- what has changed ---

// A rule of the cut, and where.
struct standing {
	uint64_t rank;
	size_t at;
};

static int by_standing(const void *x, const void *y)
{
	const struct standing *a = x, *b = y;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static struct standing *standing_in(struct cutting *c)
{
	const struct nft_cut *cut = c->cut;
	struct standing *s = arena_array(&c->scratch, struct standing, cut->rule.len);
	for (size_t i = 0; i < cut->rule.len; i++)
		s[i] = (struct standing){c->tree->rank.at[cut->rule.at[i].entry.rule], i};
	qsort(s, cut->rule.len, sizeof(*s), by_standing);
	return s;
}

// Both lists are in the order of ranks.
static void compare(struct cutting *c, const struct standing *standing, bool *gone,
		    struct nft_entries *come)
{
	const struct nft_cut *cut = c->cut;
	const struct nft_entries *now = &c->leaf->entry;
	size_t k = 0;
	for (size_t i = 0; i < now->len; i++) {
		struct nft_entry entry = now->at[i];
		for (; k < cut->rule.len && standing[k].rank < c->tree->rank.at[entry.rule]; k++)
			gone[standing[k].at] = true;
		const struct nft_entry *was =
			k < cut->rule.len ? &cut->rule.at[standing[k].at].entry : NULL;
		if (was && was->rule == entry.rule && was->left == entry.left)
			k++;
		else
			vec_push(&c->scratch, come, entry);
	}
	for (; k < cut->rule.len; k++)
		gone[standing[k].at] = true;
}

static void change(struct cutting *c)
{
	struct nft_entries come = {0};
	bool *gone = arena_array(&c->scratch, bool, c->cut->rule.len);
	compare(c, standing_in(c), gone, &come);
	take_gone(c, gone);
	for (size_t i = 0; i < come.len; i++)
		put_rule(c, come.at[i]);
	cut_runs(c);
	if (is_costly(c->cut)) {
		note_all_unled(c);
		cut_whole(c);
	}
}

void nft_cut_update(struct nft_tree *tree, const struct nft_node *leaf, struct arena *arena,
		    struct nft_touched *touched)
{
	struct cutting c = {
		.tree = tree, .leaf = leaf, .cut = leaf->cut, .arena = arena, .touched = touched};
	bool is_long = !leaf->list && leaf->entry.len >= tree->boxes_least;
	if (!leaf->cut || !leaf->cut->stale)
		return;
	arena_init(&c.scratch);
	c.cut->stale = false;
	if (is_long && c.cut->group.len)
		change(&c);
	else {
		note_all_unled(&c);
		c.cut->rule.len = c.cut->group.len = 0;
	}
	if (is_long && !c.cut->group.len)
		cut_whole(&c);
	arena_fini(&c.scratch);
}
