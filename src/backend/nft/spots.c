// SPDX-License-Identifier: Apache-2.0
// Kernel rules are told by their handles: we make and delete them, and never replace one. Boxes have none, so the maps that
// a change makes anew, or takes boxes from, are compared box by box with what they were, which stays known (known.h) until
// then.
#include "backend/nft/spots.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"

#include <stdlib.h>
#include <string.h>

size_t nft_numbers_count(const struct nft_numbers *numbers, uint32_t number)
{
	size_t n = 0;
	for (size_t i = 0; i < numbers->list.len; i++)
		n += numbers->list.at[i] == number;
	return n;
}

bool nft_spots_gone(const struct nft_spots_diff *diff, uint32_t number, uint32_t there)
{
	return nft_numbers_count(&diff->lost, number) == there &&
	       !nft_numbers_count(&diff->led, number);
}

// --- before ---

static struct algebra_set set_copy(struct arena *arena, struct algebra_set set)
{
	set.at = arena_memdup(arena, set.at, set.len * sizeof(*set.at));
	return set;
}

static const struct nft_reg *copy_regs(struct arena *arena, const struct nft_boxes *boxes)
{
	size_t bytes = boxes->fields * sizeof(*boxes->reg);
	return boxes->reg ? arena_memdup(arena, boxes->reg, bytes) : NULL;
}

// What it tests, and whose it is. A reason not to understand it is a constant.
static void copy_tests(struct arena *arena, const struct nft_form *form, struct nft_form *out)
{
	struct nft_match *match = arena_array(arena, struct nft_match, form->len);
	struct nft_test *open = arena_array(arena, struct nft_test, form->open_len);
	for (size_t i = 0; i < form->len; i++)
		match[i] = (struct nft_match){form->match[i].field,
					      set_copy(arena, form->match[i].set)};
	for (size_t i = 0; i < form->open_len; i++)
		open[i] = (struct nft_test){form->open[i].reg, set_copy(arena, form->open[i].set)};
	*out = (struct nft_form){
		.match = match,
		.len = form->len,
		.open = open,
		.open_len = form->open_len,
		.strange = form->strange,
		.act = form->act,
		.limited = form->limited,
		.named_set = form->named_set ? "" : NULL,
		.boxes = {.fields = form->boxes.fields,
			  .name = arena_strdup(arena, form->boxes.name),
			  .reg = copy_regs(arena, &form->boxes)},
		.tag = {.known = true, .rule = form->tag.rule, .clause = form->tag.clause}};
	memcpy(out->boxes.field, form->boxes.field, sizeof(out->boxes.field));
}

static bool was_touched(const struct nft_spots *spots, const char *name)
{
	for (size_t i = 0; i < spots->chain.len; i++)
		if (!strcmp(spots->chain.at[i].name, name))
			return true;
	return false;
}

void nft_spots_touch(struct backend_nft *nft, const struct nft_dumped_chain *is)
{
	struct nft_spots *spots = &nft->changed.spots;
	struct arena *a = &nft->changed.arena;
	if (!nft->changed.known)
		return;
	if (was_touched(spots, is->name)) {
		spots->again = true;
		return;
	}
	struct nft_spots_chain chain = {.name = arena_strdup(a, is->name),
					.rule = arena_array(a, struct nft_form, is->rule.len),
					.len = is->rule.len};
	for (size_t i = 0; i < is->rule.len; i++) {
		const struct nft_form *form = &is->rule.at[i];
		if (nft_turn_of(&nft->changed.turned, &form->tag) || form->act == ACT_BOXES)
			copy_tests(a, form, &chain.rule[i]);
		chain.rule[i].handle = form->handle;
		chain.rule[i].tag = (struct nft_tag){.known = form->tag.known,
						     .rule = form->tag.rule,
						     .clause = form->tag.clause};
	}
	vec_push(a, &spots->chain, chain);
}

bool nft_spots_read_map(struct backend_nft *nft, const char *name, struct arena *arena,
			struct nft_boxes *out)
{
	struct nft_live *live = nft->live;
	struct nft_table table;
	const char *full = arena_printf(arena, "%s%s", live->prefix, name);
	struct nft_part part = {.set = &full, .sets = 1, .known = &live->known};
	return !nft_table_read_part(&nft->socket, nft->table, &part, arena, &table) &&
	       table.set.len && !table.set.at[0]->strange &&
	       nft_map_boxes(table.set.at[0], live->prefix, NULL, arena, out) && out->len;
}

// What is known, or was, stays so until it is asked for.
static void keep_map(struct backend_nft *nft, const char *name)
{
	struct nft_changed *changed = &nft->changed;
	struct nft_known *known = &nft->live->known;
	struct nft_spots_map map = {.name = arena_strdup(&changed->arena, name)};
	const char *full = arena_printf(&changed->arena, "%s%s", nft->live->prefix, name);
	if (!nft_known_has(known, full) && !nft_known_was(known, full, &changed->arena) &&
	    nft_spots_read_map(nft, name, &changed->arena, &map.boxes))
		vec_push(&changed->arena, &changed->spots.map, map);
}

void nft_spots_take(struct backend_nft *nft, const struct nft_form *look_up)
{
	if (nft->changed.known)
		keep_map(nft, look_up->boxes.name);
}

void nft_spots_thin(struct backend_nft *nft, const struct nft_touched *touched)
{
	struct nft_spots *spots = &nft->changed.spots;
	spots->gates |= touched->gained.len > 0;
	for (size_t i = 0; i < touched->lost.list.len && nft->changed.known; i++) {
		const char *name = touched->lost.list.at[i].name;
		spots->gates |= nft_is_gate(name);
		if (nft_is_gate(name))
			continue;
		keep_map(nft, name);
		vec_push(&nft->changed.arena, &spots->thinned,
			 arena_strdup(&nft->changed.arena, name));
	}
}

void nft_spots_front(struct backend_nft *nft)
{
	struct nft_changed *changed = &nft->changed;
	const struct nft_pieces *pieces = &nft->live->piece;
	for (size_t i = 0; i < pieces->list.len && changed->known; i++)
		vec_push(&changed->arena, &changed->spots.front.list,
			 pieces->list.at[i].box.rule->tag.rule);
}

// --- what was and what is ---

// Of a set that was not read nobody knows what is in it.
static bool same_set(struct algebra_set a, struct algebra_set b)
{
	return a.len && algebra_set_equal(a, b);
}

bool nft_same_tests(const struct nft_form *a, const struct nft_form *b)
{
	if (!nft_form_same_matches(a, b) || a->open_len != b->open_len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!a->match[i].set.len)
			return false;
	for (size_t i = 0; i < a->open_len; i++)
		if (!nft_same_reg(&a->open[i].reg, &b->open[i].reg) ||
		    !same_set(a->open[i].set, b->open[i].set))
			return false;
	return true;
}

bool nft_same_look_up(const struct nft_form *a, const struct nft_form *b)
{
	bool same = a->act == ACT_BOXES && b->act == ACT_BOXES && nft_same_tests(a, b) &&
		    !a->strange == !b->strange &&
		    (!a->strange || !strcmp(a->strange, b->strange)) &&
		    a->boxes.fields == b->boxes.fields &&
		    !memcmp(a->boxes.field, b->boxes.field, sizeof(b->boxes.field)) &&
		    !a->boxes.reg == !b->boxes.reg;
	for (size_t f = 0; same && a->boxes.reg && f < a->boxes.fields; f++)
		same = nft_same_reg(&a->boxes.reg[f], &b->boxes.reg[f]);
	return same;
}

// What is known of a map has no names.
bool nft_same_outcome(const struct nft_box *a, const struct nft_box *b)
{
	const struct nft_direct *x = a->direct, *y = b->direct;
	if (!x || !y)
		return !x && !y && !strcmp(a->chain, b->chain);
	return x->accepts == y->accepts && x->tag.known == y->tag.known &&
	       x->tag.rule == y->tag.rule && x->tag.clause == y->tag.clause &&
	       x->tag.counts == y->tag.counts;
}

bool nft_spots_old_map(struct backend_nft *nft, const char *name, struct arena *arena,
		       struct nft_boxes *out)
{
	const struct nft_spots *spots = &nft->changed.spots;
	for (size_t i = 0; i < spots->map.len; i++)
		if (!strcmp(spots->map.at[i].name, name)) {
			*out = spots->map.at[i].boxes;
			return true;
		}
	const char *full = arena_printf(arena, "%s%s", nft->live->prefix, name);
	struct nft_known *known = &nft->live->known;
	struct nft_dumped_set *set = nft_known_was(known, full, arena);
	if (!set)
		set = nft_known_get(known, full, arena);
	return set && nft_map_boxes(set, nft->live->prefix, NULL, arena, out) && out->len;
}

// --- the difference ---

#define NOBODY NFT_TAG_HELPER

struct spot {
	const struct nft_form *look_up; // with a box; NULL: a kernel rule, with its handle
	const struct nft_box *box;
	uint64_t handle;
	uint32_t rule; // whose it is, or NOBODY
	size_t at;
};
struct spots {
	VEC(struct spot) list;
};

static uint32_t rule_of(const struct nft_tag *tag)
{
	return tag->known && tag->rule != NFT_TAG_HELPER ? tag->rule : NOBODY;
}

static void add_rule(struct spots *to, const struct nft_form *form, struct arena *arena)
{
	vec_push(arena, &to->list,
		 ((struct spot){
			 .handle = form->handle, .rule = rule_of(&form->tag), .at = to->list.len}));
}

static void add_boxes(struct spots *to, const struct nft_form *look_up,
		      const struct nft_boxes *boxes, struct arena *arena)
{
	for (size_t i = 0; i < boxes->len; i++) {
		const struct nft_box *box = &boxes->box[i];
		struct spot spot = {.look_up = look_up, .box = box, .at = to->list.len};
		spot.rule = box->direct ? rule_of(&box->direct->tag) : NOBODY;
		vec_push(arena, &to->list, spot);
	}
}

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

// Any order of what they are, whatever comes before them.
static int compare_spots(const struct spot *a, const struct spot *b)
{
	int order = by_number(a->look_up != NULL, b->look_up != NULL);
	if (order || !a->look_up)
		return order ? order : by_number(a->handle, b->handle);
	size_t fields = a->look_up->boxes.fields;
	order = by_number(fields, b->look_up->boxes.fields);
	if (!order)
		order = memcmp(a->box->range, b->box->range, fields * sizeof(*a->box->range));
	return order ? order : by_number(a->rule, b->rule);
}

static bool same_spot(const struct spot *a, const struct spot *b)
{
	return !compare_spots(a, b) &&
	       (!a->look_up ||
		(nft_same_outcome(a->box, b->box) &&
		 (a->look_up == b->look_up || nft_same_look_up(a->look_up, b->look_up))));
}

static int by_what_they_are(const void *x, const void *y)
{
	const struct spot *a = x, *b = y;
	int order = compare_spots(a, b);
	return order ? order : by_number(a->at, b->at);
}

// A chain of a rule to which boxes led that are gone.
struct target {
	const char *chain; // without the prefix
	uint32_t rule;
};

struct comparing {
	struct backend_nft *nft;
	struct arena *arena;
	VEC(struct target) target;
	struct nft_spots_diff *out;
};

static bool is_thinned(const struct comparing *c, const struct nft_form *form)
{
	const struct nft_spots *spots = &c->nft->changed.spots;
	for (size_t i = 0; i < spots->thinned.len; i++)
		if (!strcmp(spots->thinned.at[i], form->boxes.name))
			return true;
	return false;
}

static bool has_handle(const struct nft_form *rule, size_t len, uint64_t handle)
{
	for (size_t i = 0; i < len; i++)
		if (rule[i].handle == handle)
			return true;
	return false;
}

// The rules of a chain at one time, and what it is at the other.
struct chain_then {
	const struct nft_form *rule, *other;
	size_t len, others;
	bool before;
};

static bool add_chain(struct comparing *c, struct spots *to, const struct chain_then *chain)
{
	bool good = true;
	for (size_t i = 0; i < chain->len && good; i++) {
		const struct nft_form *form = &chain->rule[i];
		struct nft_boxes boxes;
		if (form->act != ACT_BOXES ||
		    (has_handle(chain->other, chain->others, form->handle) &&
		     !is_thinned(c, form))) {
			add_rule(to, form, c->arena);
			continue;
		}
		good = chain->before
			       ? nft_spots_old_map(c->nft, form->boxes.name, c->arena, &boxes)
			       : nft_spots_read_map(c->nft, form->boxes.name, c->arena, &boxes);
		if (good)
			add_boxes(to, form, &boxes, c->arena);
	}
	return good;
}

// The rule to whose chain boxes of this one lead.
static uint32_t rule_led_to(const struct backend_nft *nft, const char *chain)
{
	const struct nft_tree *tree = &nft->live->tree;
	const struct nft_changed *changed = &nft->changed;
	uint32_t target = nft_is_node(chain) ? nft_node_number(chain) : 0;
	for (size_t i = 0; i < changed->gone.len; i++)
		if (tree->target.at[changed->gone.at[i].in_tree] == target)
			return changed->gone.at[i].number;
	for (size_t i = 0; i < tree->rule.len; i++)
		if (tree->target.at[i] == target && tree->rule.at[i])
			return rule_of(&tree->rule.at[i]->tag);
	return NOBODY;
}

static bool is_target(const struct comparing *c, const char *chain)
{
	for (size_t i = 0; i < c->target.len; i++)
		if (!strcmp(c->target.at[i].chain, chain))
			return true;
	return false;
}

// NULL: it leads to none.
static const char *chain_of(const struct spot *spot)
{
	return spot->box && !spot->box->direct ? spot->box->chain : NULL;
}

static void add(struct comparing *c, struct nft_numbers *to, uint32_t rule)
{
	c->out->known &= rule != NOBODY;
	vec_push(c->arena, &to->list, rule);
}

// What is there.
static void note(struct comparing *c, struct nft_numbers *to, const struct spot *spot)
{
	const char *chain = chain_of(spot);
	uint32_t rule = chain ? rule_led_to(c->nft, chain) : spot->rule;
	if (chain)
		vec_push(c->arena, &c->out->led.list, rule);
	add(c, to, rule);
}

static void note_lost(struct comparing *c, const struct spot *spot)
{
	struct target target = {.chain = chain_of(spot), .rule = spot->rule};
	if (target.chain && is_target(c, target.chain))
		return;
	if (target.chain) {
		target.rule = rule_led_to(c->nft, target.chain);
		vec_push(c->arena, &c->target, target);
	}
	add(c, &c->out->lost, target.rule);
}

static int read_outlines(struct backend_nft *nft, const char *const *name, size_t n,
			 struct arena *arena, struct nft_table *out)
{
	const struct nft_part part = {.chain = name, .chains = n, .outline = true};
	return nft_table_read_part(&nft->socket, nft->table, &part, arena, out);
}

// Of a rule whose chain is gone, too, no box can lead there.
static bool find_led(struct comparing *c)
{
	size_t n = c->target.len;
	const char **name = arena_array(c->arena, const char *, n);
	struct nft_table table;
	for (size_t i = 0; i < n; i++)
		name[i] =
			arena_printf(c->arena, "%s%s", c->nft->live->prefix, c->target.at[i].chain);
	if (n && read_outlines(c->nft, name, n, c->arena, &table))
		return false;
	for (size_t i = 0; i < n; i++)
		if (nft_table_chain(&table, name[i]))
			vec_push(c->arena, &c->out->led.list, c->target.at[i].rule);
	return true;
}

// What is the same at both ends needs no sorting.
static void trim(struct spots *was, struct spots *is)
{
	size_t first = 0;
	while (was->list.len && is->list.len &&
	       same_spot(&was->list.at[was->list.len - 1], &is->list.at[is->list.len - 1]))
		was->list.len--, is->list.len--;
	while (first < was->list.len && first < is->list.len &&
	       same_spot(&was->list.at[first], &is->list.at[first]))
		first++;
	was->list.at += first;
	was->list.len -= first;
	is->list.at += first;
	is->list.len -= first;
}

static void sort(struct spots *spots)
{
	if (spots->list.len)
		qsort(spots->list.at, spots->list.len, sizeof(*spots->list.at), by_what_they_are);
}

// `from`: by place now of those that are in both, where they were + 1.
static void pair_up(struct comparing *c, const struct spots *was, const struct spots *is,
		    size_t *from, const struct spot **stays)
{
	size_t i = 0, k = 0;
	while (i < was->list.len || k < is->list.len) {
		const struct spot *a = i < was->list.len ? &was->list.at[i] : NULL,
				  *b = k < is->list.len ? &is->list.at[k] : NULL;
		int order = !a ? 1 : !b ? -1 : compare_spots(a, b);
		bool same = !order && same_spot(a, b);
		if (same) {
			from[b->at] = a->at + 1;
			stays[b->at] = b;
		} else if (order <= 0) {
			note_lost(c, a);
		}
		if (!same && order >= 0)
			note(c, &c->out->come, b);
		i += order <= 0;
		k += order >= 0;
	}
}

static void compare_chain(struct comparing *c, struct spots *was, struct spots *is)
{
	size_t all = is->list.len, last = 0;
	size_t *from = arena_array(c->arena, size_t, all);
	const struct spot **stays = arena_array(c->arena, const struct spot *, all);
	trim(was, is);
	sort(was);
	sort(is);
	pair_up(c, was, is, from, stays);
	for (size_t i = 0; i < all; i++) {
		if (from[i] && from[i] < last)
			note(c, &c->out->moved, stays[i]);
		last = from[i] > last ? from[i] : last;
	}
}

static bool compare_with(struct comparing *c, const struct nft_spots_chain *was,
			 const struct nft_dumped_chain *is)
{
	struct spots before = {0}, now = {0};
	if (!is || is->base)
		return false;
	const struct chain_then then = {was->rule, is->rule.at, was->len, is->rule.len, true},
				there = {is->rule.at, was->rule, is->rule.len, was->len, false};
	if (!add_chain(c, &before, &then) || !add_chain(c, &now, &there))
		return false;
	compare_chain(c, &before, &now);
	return true;
}

static bool looks_up(const struct nft_form *rule, size_t len, const char *map)
{
	for (size_t i = 0; i < len; i++)
		if (rule[i].boxes.name && !strcmp(rule[i].boxes.name, map))
			return true;
	return false;
}

// A map that has lost boxes is one that a touched chain looked up, or does now.
static bool is_compared(const struct nft_spots *spots, const struct nft_table *table,
			const char *map)
{
	for (size_t i = 0; i < spots->chain.len; i++) {
		const struct nft_spots_chain *was = &spots->chain.at[i];
		const struct nft_dumped_chain *is = nft_table_chain(table, was->name);
		if (looks_up(was->rule, was->len, map) ||
		    (is && looks_up(is->rule.at, is->rule.len, map)))
			return true;
	}
	return false;
}

int nft_spots_read(struct backend_nft *nft, struct arena *arena, struct nft_table *out)
{
	const struct nft_spots *spots = &nft->changed.spots;
	const char **name = arena_array(arena, const char *, spots->chain.len);
	for (size_t i = 0; i < spots->chain.len; i++)
		name[i] = spots->chain.at[i].name;
	return read_outlines(nft, name, spots->chain.len, arena, out);
}

void nft_spots_compare(struct backend_nft *nft, struct arena *arena, struct nft_spots_diff *out)
{
	const struct nft_spots *spots = &nft->changed.spots;
	struct comparing c = {.nft = nft, .arena = arena, .out = out};
	struct nft_table table;
	*out = (struct nft_spots_diff){.known = nft->changed.known};
	if (spots->chain.len || spots->thinned.len)
		out->known &= !nft_spots_read(nft, arena, &table);
	for (size_t i = 0; i < spots->thinned.len && out->known; i++)
		out->known &= is_compared(spots, &table, spots->thinned.at[i]);
	for (size_t i = 0; i < spots->chain.len && out->known; i++) {
		const struct nft_spots_chain *was = &spots->chain.at[i];
		out->known &= compare_with(&c, was, nft_table_chain(&table, was->name));
	}
	out->known = out->known && find_led(&c);
}
