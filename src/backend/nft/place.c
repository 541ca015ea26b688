// SPDX-License-Identifier: Apache-2.0
// Which field a rule reads when it reads a place: the same bytes are a port or an ICMP type, an IPv4
// identification or an IPv6 length, and only tests of version and protocol tell: the rule's own, which
// are named first, or those on the way to it. A rule that reads without either is strange.
#include "backend/nft/boxes.h"
#include "backend/nft/reading.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

const char nft_unnamed[] = "tests a part of the packet that Bulwark does not test";

struct naming {
	struct arena *arena;
	struct nft_form *form;       // gets the matches
	const struct nft_form *path; // NULL: nothing is known of the way
	struct nft_test *open;       // what has no name; room for NFT_TESTS_MOST
	size_t open_len;
};

// What the rule's tests and those before it say of a field; where both cannot be, what the rule's say: on that way it
// matches nothing, and reads what it reads on others. False: nothing.
static bool known(const struct naming *n, enum nft_field field, struct algebra_set *out)
{
	const struct algebra_set *own = nft_form_set(n->form, field),
				 *before = n->path ? nft_form_set(n->path, field) : NULL;
	if (own && before) {
		struct algebra_set both = algebra_set_intersect(n->arena, *own, *before);
		*out = both.len ? both : *own;
	} else if (own || before) {
		*out = own ? *own : *before;
	}
	return own || before;
}

static bool only_version(const struct naming *n, enum nft_field field, uint8_t version)
{
	u128 raw = version == 4 ? NFT_VERSION_4 : NFT_VERSION_6;
	struct algebra_set set;
	return known(n, field, &set) && set.len == 1 && set.at[0].lo == raw && set.at[0].hi == raw;
}

static bool version_fits(const struct naming *n, const struct nft_field_info *info)
{
	if (!info->version)
		return true;
	if (info->side == OF_PACKET)
		return only_version(n, F_VERSION, info->version);
	if (info->place.key != NFT_CT_PROTO_DST)
		return true; // the key itself says the version
	bool v4 = info->version == 4;
	struct algebra_set any;
	return only_version(n, F_FLOW_VERSION, info->version) ||
	       known(n, v4 ? F_FLOW_SRC4 : F_FLOW_SRC6, &any) ||
	       known(n, v4 ? F_FLOW_DST4 : F_FLOW_DST6, &any);
}

static bool protocols_fit(const struct naming *n, const struct nft_field_info *info)
{
	struct algebra_set needed = nft_protocols_set(info->protocols), is;
	enum nft_field field = info->side == OF_FLOW ? F_FLOW_PROTO : F_PROTO;
	return !needed.len || (known(n, field, &is) && is.len && algebra_set_within(is, needed));
}

static bool fits(const struct naming *n, const struct nft_reg *reg,
		 const struct nft_field_info *info)
{
	return info->place.source == reg->place.source && info->place.key == reg->place.key &&
	       version_fits(n, info) && protocols_fit(n, info);
}

// The bits that the mask leaves, counted from the place's first bit; false when they are not in one piece.
static bool window(const struct nft_reg *reg, unsigned *first_out, unsigned *width_out,
		   unsigned *shift_out)
{
	unsigned shift = 0, width = 0, total = (unsigned)reg->bytes * 8;
	while (shift < total && !(reg->mask >> shift & 1))
		shift++;
	while (shift + width < total && reg->mask >> (shift + width) & 1)
		width++;
	if (!width || reg->mask != algebra_max(width) << shift)
		return false;
	*shift_out = shift;
	*width_out = width;
	*first_out = total - shift - width + reg->place.offset * 8u;
	return true;
}

static struct algebra_set shifted(struct arena *arena, struct algebra_set set, unsigned shift,
				  unsigned width)
{
	struct algebra_builder b = {.arena = arena};
	u128 step = ((u128)1 << shift) - 1, max = algebra_max(width);
	for (size_t i = 0; i < set.len; i++) {
		u128 lo = (set.at[i].lo >> shift) + ((set.at[i].lo & step) != 0),
		     hi = set.at[i].hi >> shift;
		if (hi > max)
			hi = max;
		if (lo <= hi)
			algebra_builder_add(&b, lo, hi);
	}
	return algebra_builder_take(&b);
}

// A mask with holes on one byte: by trying all values.
static bool enumerated(struct arena *arena, const struct nft_test *test,
		       const struct nft_field_info *info, struct algebra_set *out)
{
	struct algebra_builder b = {.arena = arena};
	if (test->reg.bytes != 1 || info->bits != 8 || info->bytes != 1 ||
	    info->place.offset != test->reg.place.offset)
		return false;
	for (unsigned v = 0; v < 256; v++)
		if (algebra_set_has(test->set, v & test->reg.mask))
			algebra_builder_add(&b, v, v);
	*out = algebra_builder_take(&b);
	return true;
}

// The test as a set of the field's values; false when the place is not the field or its first bits.
static bool as_field(struct arena *arena, const struct nft_test *test,
		     const struct nft_field_info *info, struct algebra_set *out)
{
	unsigned first, width, shift;
	unsigned begins = info->place.offset * 8u + info->bytes * 8u - info->shift - info->bits;
	if (!window(&test->reg, &first, &width, &shift))
		return enumerated(arena, test, info, out);
	bool guard = info->dim == IR_DIMS;
	if (first != begins || width > info->bits || (guard && width != info->bits))
		return false;
	bool whole = width == test->reg.bytes * 8;
	*out = whole ? test->set : shifted(arena, test->set, shift, width);
	if (width < info->bits)
		*out = nft_widened(arena, *out, info->bits - width);
	return true;
}

static struct algebra_set states_of(struct arena *arena, const struct nft_test *test)
{
	struct algebra_builder b = {.arena = arena};
	for (unsigned s = 0; s < NFT_STATES; s++)
		if (algebra_set_has(test->set, nft_state_bit(s) & test->reg.mask))
			algebra_builder_add(&b, s, s);
	return algebra_builder_take(&b);
}

static bool known_of(struct arena *arena, const struct nft_test *test, struct algebra_set *out)
{
	struct algebra_builder b = {.arena = arena};
	if (test->reg.mask != IPS_CONFIRMED)
		return false;
	for (unsigned known = 0; known < 2; known++)
		if (algebra_set_has(test->set, known ? IPS_CONFIRMED : 0))
			algebra_builder_add(&b, known, known);
	*out = algebra_builder_take(&b);
	return true;
}

static bool named(const struct naming *n, const struct nft_test *test, enum nft_field field,
		  struct algebra_set *out)
{
	const struct nft_field_info *info = &nft_field_info[field];
	if (!fits(n, &test->reg, info))
		return false;
	if (field == F_STATE) {
		*out = states_of(n->arena, test);
		return true;
	}
	if (field == F_KNOWN)
		return known_of(n->arena, test, out);
	return as_field(n->arena, test, info, out);
}

static bool depends_on_others(const struct nft_test *test)
{
	return test->reg.place.source == SOURCE_PAYLOAD ||
	       (test->reg.place.source == SOURCE_CT && (test->reg.place.key == NFT_CT_PROTO_SRC ||
							test->reg.place.key == NFT_CT_PROTO_DST));
}

static bool name_test(struct naming *n, const struct nft_test *test)
{
	struct algebra_set set;
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (named(n, test, (enum nft_field)f, &set)) {
			nft_form_match(n->form, n->arena, (enum nft_field)f, set);
			return true;
		}
	return false;
}

// nft(8) reads neighbouring fields in one load when each has one value: takes the first of them off.
static bool take_head(struct naming *n, const struct nft_test *test, enum nft_field field,
		      struct nft_test *rest)
{
	const struct nft_field_info *info = &nft_field_info[field];
	bool whole_bytes = info->bits == info->bytes * 8;
	if (info->dim == IR_DIMS || info->place.source != SOURCE_PAYLOAD ||
	    info->place.offset != test->reg.place.offset || !whole_bytes ||
	    info->bytes >= test->reg.bytes)
		return false;
	unsigned left = (unsigned)(test->reg.bytes - info->bytes) * 8;
	u128 value = test->set.at[0].lo;
	struct nft_test head = *test;
	*rest = *test;
	head.reg.bytes = info->bytes;
	head.reg.mask = algebra_max(info->bits);
	head.set = nft_values(n->arena, value >> left, value >> left);
	rest->reg.place.offset = (uint8_t)(rest->reg.place.offset + info->bytes);
	rest->reg.bytes -= info->bytes;
	rest->reg.mask = algebra_max(left);
	rest->set = nft_values(n->arena, value & rest->reg.mask, value & rest->reg.mask);
	struct algebra_set set;
	if (!named(n, &head, field, &set))
		return false;
	nft_form_match(n->form, n->arena, field, set);
	return true;
}

static bool name_neighbours(struct naming *n, const struct nft_test *test)
{
	struct nft_test rest;
	bool single = test->set.len == 1 && test->set.at[0].lo == test->set.at[0].hi &&
		      test->reg.mask == algebra_max((unsigned)test->reg.bytes * 8);
	for (unsigned f = 0; single && f < NFT_FIELDS; f++)
		if (take_head(n, test, (enum nft_field)f, &rest))
			return name_test(n, &rest) || name_neighbours(n, &rest);
	return false;
}

static void name_tests(struct naming *n, const struct nft_test *test, size_t len, bool dependent)
{
	for (size_t i = 0; i < len; i++)
		if (depends_on_others(&test[i]) == dependent && !name_test(n, &test[i]) &&
		    !name_neighbours(n, &test[i]))
			n->open[n->open_len++] = test[i];
}

// --- maps ---

// The ranges of a register's values as ranges of the field's; what the mask never leaves is left out.
static bool branches_as_field(struct arena *arena, const struct nft_map *map,
			      const struct nft_field_info *info, struct nft_map *out)
{
	*out = *map;
	out->branch = arena_array(arena, struct nft_branch, map->len);
	out->len = 0;
	struct algebra_set set;
	if (!as_field(arena, &(struct nft_test){*map->reg, {0}}, info, &set))
		return false;
	for (size_t i = 0; i < map->len; i++) {
		struct nft_test test = {*map->reg, {&map->branch[i].range, 1}};
		if (!as_field(arena, &test, info, &set) || set.len > 1)
			return false;
		if (set.len)
			out->branch[out->len++] =
				(struct nft_branch){set.at[0], map->branch[i].chain};
	}
	return true;
}

static bool map_named(struct naming *n, enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	struct nft_map *map = &n->form->map, of_field;
	const struct nft_reg *reg = map->reg;
	if (field == F_STATE || field == F_KNOWN || !fits(n, reg, info))
		return false;
	bool same = reg->place.offset == info->place.offset && reg->bytes == info->bytes &&
		    info->bits == info->bytes * 8 && reg->mask == algebra_max(info->bits);
	if (!same && !branches_as_field(n->arena, map, info, &of_field))
		return false;
	if (!same)
		*map = of_field;
	map->field = field;
	map->reg = NULL;
	return true;
}

static void name_map(struct naming *n)
{
	for (unsigned f = 0; f < NFT_FIELDS && n->form->map.reg; f++)
		(void)map_named(n, (enum nft_field)f);
}

static bool box_field_named(const struct naming *n, const struct nft_reg *reg, enum nft_field *out)
{
	for (unsigned f = 0; f < NFT_FIELDS; f++) {
		const struct nft_field_info *info = &nft_field_info[f];
		if (nft_boxes_field((enum nft_field)f) && fits(n, reg, info) &&
		    reg->place.offset == info->place.offset && reg->bytes == info->bytes) {
			*out = (enum nft_field)f;
			return true;
		}
	}
	return false;
}

static void name_boxes(struct naming *n)
{
	struct nft_boxes *boxes = &n->form->boxes, named = *boxes;
	for (size_t f = 0; boxes->reg && f < boxes->fields; f++)
		if (!box_field_named(n, &boxes->reg[f], &named.field[f]))
			return;
	named.reg = NULL;
	*boxes = named;
}

// --- the whole ---

static void name_all(struct naming *n, const struct nft_test *test, size_t len)
{
	struct nft_test open[NFT_TESTS_MOST];
	n->open = open;
	name_tests(n, test, len, false);
	name_tests(n, test, len, true);
	name_map(n);
	name_boxes(n);
	n->form->open = arena_memdup(n->arena, open, n->open_len * sizeof(*open));
	n->form->open_len = n->open_len;
	if (!n->form->strange && (n->open_len || n->form->map.reg || n->form->boxes.reg))
		n->form->strange = nft_unnamed;
	nft_form_tidy(n->form);
}

void nft_name_tests(struct nft_reading *r)
{
	struct naming n = {.arena = r->arena, .form = r->form};
	name_all(&n, r->test, r->tests);
}

bool nft_form_unnamed(const struct nft_form *form)
{
	bool open = form->open_len || form->map.reg || form->boxes.reg;
	return open && (!form->strange || form->strange == nft_unnamed);
}

void nft_form_resolve(const struct nft_form *form, const struct nft_form *path, struct arena *arena,
		      struct nft_form *out)
{
	*out = *form;
	if (!form->open_len && !form->map.reg && !form->boxes.reg)
		return;
	struct naming n = {.arena = arena, .form = out, .path = path};
	// Tidying works in place.
	out->match = arena_memdup(arena, form->match, form->len * sizeof(*form->match));
	if (form->strange == nft_unnamed)
		out->strange = NULL;
	name_all(&n, form->open, form->open_len);
}
