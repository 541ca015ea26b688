// SPDX-License-Identifier: Apache-2.0
// Which packets a rule is the first for, as elements of the maps in front of the tree. It is worked out with areas, as the
// proof works (area.h), and then said in the maps' fields, or not at all. Packets with a transport header and those without
// have maps of their own: a rule without ports and one with ports part in them.
#include "backend/nft/overlay.h"
#include "backend/nft/boxes.h"
#include "backend/nft/ways.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 64u // for which one box stands

// For packets with a transport header, of whatever protocol, and for those without; these are met behind a rule that has all
// others leave.
static const struct {
	enum nft_field field[NFT_BOXES_FIELDS];
	size_t fields;
	u128 version;
	bool header;
} kinds[NFT_OVERLAY_KINDS] = {
	{{F_SRC4, F_DST4, F_SPORT, F_DPORT, F_PROTO}, 5, NFT_VERSION_4, true},
	{{F_SRC4, F_DST4, F_PROTO}, 3, NFT_VERSION_4, false},
	{{F_SRC6, F_DST6, F_SPORT, F_DPORT, F_PROTO}, 5, NFT_VERSION_6, true},
	{{F_SRC6, F_DST6, F_PROTO}, 3, NFT_VERSION_6, false},
};

// --- the maps ---

static size_t kind_of(size_t map)
{
	return map % NFT_OVERLAY_KINDS;
}

static size_t map_of(size_t lane, size_t kind)
{
	return lane * NFT_OVERLAY_KINDS + kind;
}

static void describe(const struct nft_tree *tree, size_t map, struct arena *arena,
		     struct nft_boxes *out)
{
	size_t kind = kind_of(map);
	*out = (struct nft_boxes){.fields = kinds[kind].fields, .counts = true};
	memcpy(out->field, kinds[kind].field, sizeof(out->field));
	out->name = arena_printf(arena, NFT_OVERLAY_NAME "%zu.%u", map + 1, tree->overlay);
}

static void look_up(const struct nft_tree *tree, bool header, struct arena *arena,
		    struct nft_chain *to)
{
	for (size_t i = 0; i < NFT_OVERLAY_MAPS; i++) {
		struct nft_form form = {.act = ACT_BOXES, .tag = nft_tag_helper()};
		u128 version = kinds[kind_of(i)].version;
		if (kinds[kind_of(i)].header != header)
			continue;
		nft_form_match(&form, arena, F_VERSION, algebra_set_one(arena, version, version));
		if (header)
			nft_form_match(&form, arena, F_HEADER, nft_field_domain(F_HEADER));
		describe(tree, i, arena, &form.boxes);
		vec_push(arena, &to->rule, form);
	}
}

void nft_overlay_front(const struct nft_tree *tree, struct arena *arena, struct nft_chain *to)
{
	struct nft_form leave = {.act = ACT_RETURN, .tag = nft_tag_helper()};
	nft_form_match(&leave, arena, F_HEADER, nft_field_domain(F_HEADER));
	look_up(tree, true, arena, to);
	vec_push(arena, &to->rule, leave);
	look_up(tree, false, arena, to);
}

struct nft_form nft_overlay_guard(struct arena *arena)
{
	struct nft_form form = {.act = ACT_JUMP,
				.chain = NFT_OVERLAY_CHAIN,
				.guard = NFT_OVERLAY_GUARD,
				.tag = nft_tag_helper()};
	nft_form_match(&form, arena, F_VERSION, (struct algebra_set){0});
	return form;
}

struct algebra_set nft_overlay_versions(const struct nft_pieces *pieces, struct arena *arena)
{
	struct algebra_builder b = {.arena = arena};
	for (size_t i = 0; i < pieces->list.len; i++) {
		u128 version = kinds[kind_of(pieces->list.at[i].map)].version;
		algebra_builder_add(&b, version, version);
	}
	return algebra_builder_take(&b);
}

static void add_of_map(size_t map, const struct nft_pieces *pieces, struct nft_boxes *out)
{
	for (size_t i = 0; i < pieces->list.len; i++)
		if (pieces->list.at[i].map == map)
			out->box[out->len++] = pieces->list.at[i].box;
}

void nft_overlay_map(const struct nft_tree *tree, size_t map, const struct nft_pieces *pieces,
		     struct arena *arena, struct nft_boxes *out)
{
	describe(tree, map, arena, out);
	out->box = arena_array(arena, struct nft_box, pieces->list.len);
	add_of_map(map, pieces, out);
}

// --- areas as boxes ---

static bool says(const struct nft_area *area, enum nft_field field)
{
	return area->has >> field & 1;
}

static bool is_axis(size_t kind, enum nft_field field)
{
	for (size_t f = 0; f < kinds[kind].fields; f++)
		if (kinds[kind].field[f] == field)
			return true;
	return false;
}

static bool within(const struct nft_area *area, enum nft_field field, struct algebra_set set)
{
	return says(area, field) && algebra_set_within(area->set[field], set);
}

// Of the packets, some or all have a header; they all have one where a port is asked for.
static bool has_header(const struct nft_area *area)
{
	return !says(area, F_HEADER) ||
	       algebra_set_overlaps(area->set[F_HEADER], nft_field_domain(F_HEADER));
}

static bool has_none(const struct nft_area *area)
{
	return !says(area, F_HEADER) || algebra_set_has(area->set[F_HEADER], NFT_NO_HEADER);
}

static bool is_sayable(const struct nft_area *area, size_t kind)
{
	struct algebra_set headers = nft_field_domain(F_HEADER);
	bool whole = !says(area, F_HEADER) || algebra_set_within(headers, area->set[F_HEADER]);
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (says(area, f) && f != F_VERSION && f != F_HEADER && !is_axis(kind, f))
			return false;
	bool ports = says(area, F_SPORT) || says(area, F_DPORT);
	return !kinds[kind].header || (whole && (!ports || within(area, F_HEADER, headers)));
}

static bool has_version(const struct nft_area *area, u128 version)
{
	return !says(area, F_VERSION) || algebra_set_has(area->set[F_VERSION], version);
}

// All combinations of the area's ranges.
static bool add_boxes(const struct nft_area *area, size_t map, const struct nft_form *rule,
		      struct arena *arena, struct nft_pieces *out)
{
	const struct algebra_set *set[NFT_BOXES_FIELDS];
	const enum nft_field *fields = kinds[kind_of(map)].field;
	size_t n = 1, len = kinds[kind_of(map)].fields;
	for (size_t f = 0; f < len && n <= NFT_OVERLAY_CUT; f++) {
		enum nft_field field = fields[f];
		set[f] = says(area, field) ? &area->set[field] : NULL;
		n *= set[f] ? set[f]->len : 1;
	}
	if (n > NFT_OVERLAY_CUT)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct algebra_range *range =
			arena_array(arena, struct algebra_range, NFT_BOXES_FIELDS);
		nft_boxes_combination(fields, set, len, i, range);
		vec_push(arena, &out->list,
			 ((struct nft_piece){.map = map, .box = {.range = range, .rule = rule}}));
	}
	return true;
}

// In the maps of one lane.
static bool add_area(const struct nft_area *area, size_t lane, const struct nft_form *rule,
		     struct arena *arena, struct nft_pieces *out)
{
	for (size_t i = 0; i < NFT_OVERLAY_KINDS; i++)
		if (has_version(area, kinds[i].version) &&
		    (kinds[i].header ? has_header(area) : has_none(area)) &&
		    (!is_sayable(area, i) || !add_boxes(area, map_of(lane, i), rule, arena, out)))
			return false;
	return true;
}

// --- which rules may ---

static int by_rank(const void *x, const void *y, void *context)
{
	const struct nft_tree *tree = context;
	uint64_t a = tree->rank.at[*(const uint32_t *)x], b = tree->rank.at[*(const uint32_t *)y];
	return a < b ? -1 : a > b;
}

void nft_overlay_sort(const struct nft_tree *tree, struct nft_waiting *rules)
{
	if (rules->rule.len)
		qsort_r(rules->rule.at, rules->rule.len, sizeof(*rules->rule.at), by_rank,
			(void *)tree);
}

// An IPv6 packet whose headers cannot be followed has no protocol, and no map finds it; nor does a rule that asks for one.
static bool is_found(const struct nft_area *rule)
{
	return !has_version(rule, NFT_VERSION_6) || says(rule, F_PROTO) || !has_none(rule);
}

#define EARLIER_MOST NFT_BOXES_PIECES // rules that meet it; of more than these …
#define EARLIER_FEW 64u               // … it hardly ever stands apart

// A rule that is to come to the front.
struct coming {
	const struct nft_tree *tree;
	const struct nft_pieces *there;
	struct arena *arena;
	uint32_t rule;
	struct nft_area whole;
	struct nft_waiting earlier;                 // rules that meet it, in order
	struct nft_pieces *out;                     // of rules that come with it, and its own …
	size_t before;                              // … from here on
	size_t lane;                                // that is tried
	struct nft_areas left;                      // that no earlier rule has
	struct nft_filling *map[NFT_OVERLAY_KINDS]; // of the lane
	size_t filled[NFT_OVERLAY_KINDS];           // boxes that are pieces already
};

// False: very many, or it is not before what stands behind.
static bool find_earlier(struct coming *c, uint32_t new_from)
{
	const struct nft_tree *tree = c->tree;
	for (uint32_t i = 0; i < tree->rule.len; i++) {
		bool later = tree->rank.at[i] > tree->rank.at[c->rule],
		     in_front = !tree->placed.at[i] && i < new_from;
		if (i == c->rule || (later && !in_front) || !nft_tree_meet(tree, i, c->rule))
			continue;
		if (later || !nft_takes(tree->rule.at[i]) || c->earlier.rule.len == EARLIER_MOST)
			return false;
		vec_push(c->arena, &c->earlier.rule, i);
	}
	nft_overlay_sort(tree, &c->earlier);
	return true;
}

// --- what earlier rules leave ---

static void subtract(struct coming *c, const struct nft_form *form)
{
	struct nft_areas from = c->left;
	struct nft_area by;
	nft_area_of(form, c->arena, &by);
	c->left = (struct nft_areas){0};
	for (size_t i = 0; i < from.list.len; i++)
		if (nft_area_meets(from.list.at[i], &by))
			nft_area_minus(from.list.at[i], &by, c->arena, &c->left);
		else
			vec_push(c->arena, &c->left.list, from.list.at[i]);
}

// The packets that are in no earlier rule; false when that is too much.
static bool find_left(struct coming *c)
{
	if (c->earlier.rule.len > EARLIER_FEW)
		return false;
	vec_push(c->arena, &c->left.list, &c->whole);
	for (size_t i = 0; i < c->earlier.rule.len; i++) {
		subtract(c, c->tree->rule.at[c->earlier.rule.at[i]]);
		if (c->left.list.len > NFT_OVERLAY_CUT)
			return false;
	}
	return true;
}

// As few boxes.
static bool stand_apart(struct coming *c)
{
	for (size_t i = 0; i < c->left.list.len; i++)
		if (!add_area(c->left.list.at[i], c->lane, c->tree->rule.at[c->rule], c->arena,
			      c->out) ||
		    c->out->list.len - c->before > NFT_OVERLAY_CUT)
			return false;
	return true;
}

// --- behind what earlier rules have ---

// What the lane's map will hold.
static void boxes_of(const struct coming *c, size_t kind, struct nft_boxes *out)
{
	size_t map = map_of(c->lane, kind);
	describe(c->tree, map, c->arena, out);
	out->box = arena_array(c->arena, struct nft_box, c->there->list.len + c->out->list.len);
	add_of_map(map, c->there, out);
	add_of_map(map, c->out, out);
}

static void fill(struct coming *c)
{
	for (size_t i = 0; i < NFT_OVERLAY_KINDS; i++) {
		struct nft_boxes boxes;
		boxes_of(c, i, &boxes);
		c->map[i] = nft_filling_again(BOXES_ORDERED, &boxes, c->arena);
		c->filled[i] = boxes.len;
	}
}

// The boxes of an earlier rule, or of the rule itself, behind all that are there.
static bool put_behind(struct coming *c, const struct nft_form *form)
{
	struct nft_pieces whole = {{0}};
	struct nft_area area;
	nft_area_assign(&area, &c->whole);
	nft_area_form(&area, c->arena, form);
	if (!area.never && !add_area(&area, c->lane, form, c->arena, &whole))
		return false;
	for (size_t i = 0; i < whole.list.len; i++)
		if (!nft_filling_add(c->map[kind_of(whole.list.at[i].map)], &whole.list.at[i].box,
				     PARTS_MOST))
			return false;
	return true;
}

// Whether the box can be read back: what is cut from a box of all protocols may ask for ports where there are none.
static bool is_readable(size_t kind, const struct algebra_range *range)
{
	bool ports = false;
	struct algebra_set with_ports = nft_protocols_set(PORTS), protocols = {0};
	for (size_t f = 0; f < kinds[kind].fields; f++) {
		enum nft_field field = kinds[kind].field[f];
		bool whole = !range[f].lo && range[f].hi == algebra_max(nft_field_info[field].bits);
		ports |= (field == F_SPORT || field == F_DPORT) && !whole;
		if (field == F_PROTO)
			protocols = (struct algebra_set){(struct algebra_range *)&range[f], 1};
	}
	return !ports || algebra_set_within(protocols, with_ports);
}

// What the filling has made of them: some are cut, or lie in others.
static bool take_boxes(struct coming *c, const struct nft_form *form)
{
	for (size_t i = 0; i < NFT_OVERLAY_KINDS; i++) {
		struct nft_boxes boxes;
		nft_filling_take(c->map[i], &boxes);
		for (; c->filled[i] < boxes.len; c->filled[i]++) {
			struct algebra_range *range =
				arena_array(c->arena, struct algebra_range, NFT_BOXES_FIELDS);
			memcpy(range, boxes.box[c->filled[i]].range,
			       kinds[i].fields * sizeof(*range));
			if (!is_readable(i, range))
				return false;
			vec_push(c->arena, &c->out->list,
				 ((struct nft_piece){.map = map_of(c->lane, i),
						     .box = {.range = range, .rule = form}}));
		}
	}
	return true;
}

// All of its packets, as boxes of the earlier rules that have some of them, and then its own: the first one that holds a
// packet is found.
static bool stand_behind(struct coming *c)
{
	fill(c);
	for (size_t i = 0; i <= c->earlier.rule.len; i++) {
		uint32_t rule = i < c->earlier.rule.len ? c->earlier.rule.at[i] : c->rule;
		const struct nft_form *form = c->tree->rule.at[rule];
		if (!nft_form_plain(form) || !put_behind(c, form) || !take_boxes(c, form))
			return false;
	}
	return true;
}

// --- the whole ---

static bool are_sure(const struct coming *c)
{
	for (size_t i = 0; i < NFT_OVERLAY_KINDS; i++) {
		struct nft_boxes boxes;
		unsigned bits[NFT_BOXES_FIELDS];
		boxes_of(c, i, &boxes);
		for (size_t f = 0; f < boxes.fields; f++)
			bits[f] = nft_field_info[boxes.field[f]].bits;
		if (!nft_boxes_sure(boxes.box, boxes.len, bits, boxes.fields, c->arena))
			return false;
	}
	return true;
}

static bool stand_in_lane(struct coming *c, bool apart)
{
	c->out->list.len = c->before;
	if (apart && stand_apart(c))
		return are_sure(c);
	c->out->list.len = c->before;
	return stand_behind(c) && are_sure(c);
}

// With the boxes of these pieces, behind all that the lane has.
static bool stand_again(struct coming *c, const struct nft_pieces *own)
{
	const struct nft_form *form = c->tree->rule.at[c->rule];
	c->out->list.len = c->before;
	fill(c);
	for (size_t i = 0; i < own->list.len; i++) {
		struct nft_box box = {.range = own->list.at[i].box.range, .rule = form};
		if (!nft_filling_add(c->map[kind_of(own->list.at[i].map)], &box, PARTS_MOST))
			return false;
	}
	return take_boxes(c, form) && are_sure(c);
}

static bool find_pieces(struct coming *c, uint32_t new_from)
{
	if (c->whole.never)
		return true;
	if (!is_found(&c->whole) || !find_earlier(c, new_from))
		return false;
	bool apart = find_left(c);
	for (c->lane = 0; c->lane < NFT_OVERLAY_LANES; c->lane++)
		if (stand_in_lane(c, apart))
			return true;
	return false;
}

static struct coming coming(const struct nft_tree *tree, const struct nft_pieces *there,
			    uint32_t rule, struct arena *arena, struct nft_pieces *out)
{
	return (struct coming){.tree = tree,
			       .there = there,
			       .arena = arena,
			       .rule = rule,
			       .out = out,
			       .before = out->list.len};
}

static void name_pieces(struct coming *c)
{
	for (size_t i = c->before; i < c->out->list.len; i++)
		c->out->list.at[i].rule = c->rule;
}

bool nft_overlay_cut(const struct nft_tree *tree, const struct nft_pieces *there, uint32_t rule,
		     uint32_t new_from, struct arena *arena, struct nft_pieces *out)
{
	struct coming c = coming(tree, there, rule, arena, out);
	nft_area_of(tree->rule.at[rule], arena, &c.whole);
	if (!nft_form_plain(tree->rule.at[rule]) || !find_pieces(&c, new_from))
		return false;
	name_pieces(&c);
	return true;
}

bool nft_overlay_again(const struct nft_tree *tree, const struct nft_pieces *there,
		       const struct nft_pieces *leaving, uint32_t was, uint32_t rule,
		       struct arena *arena, struct nft_pieces *out)
{
	struct nft_pieces own = {{0}};
	struct coming c = coming(tree, there, rule, arena, out);
	for (size_t i = 0; i < leaving->list.len; i++)
		if (leaving->list.at[i].rule == was)
			vec_push(arena, &own.list, leaving->list.at[i]);
	if (!nft_form_plain(tree->rule.at[rule]))
		return false;
	bool found = !own.list.len;
	c.lane = found ? 0 : own.list.at[0].map / NFT_OVERLAY_KINDS;
	while (!found && ++c.lane < NFT_OVERLAY_LANES)
		found = stand_again(&c, &own);
	if (found)
		name_pieces(&c);
	return found;
}

bool nft_overlay_needs(const struct nft_tree *tree, const struct nft_waiting *front, uint32_t rule)
{
	for (size_t i = 0; i < front->rule.len; i++) {
		uint32_t other = front->rule.at[i];
		if (tree->rank.at[other] > tree->rank.at[rule] && nft_tree_meet(tree, other, rule))
			return true;
	}
	return false;
}

bool nft_overlay_helps(const struct nft_tree *tree, const struct nft_pieces *there, uint32_t rule)
{
	for (size_t i = 0; i < there->list.len; i++) {
		const struct nft_piece *piece = &there->list.at[i];
		if (piece->rule != rule && piece->box.rule == tree->rule.at[rule])
			return true;
	}
	return false;
}

bool nft_overlay_helped(const struct nft_tree *tree, const struct nft_pieces *there, uint32_t rule)
{
	for (size_t i = 0; i < there->list.len; i++) {
		const struct nft_piece *piece = &there->list.at[i];
		if (piece->rule == rule && piece->box.rule != tree->rule.at[rule])
			return true;
	}
	return false;
}
