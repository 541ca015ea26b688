// SPDX-License-Identifier: Apache-2.0
// Which field a rule reads when it reads a place: the same bytes are a port or an ICMP type, an IPv4
// identification or an IPv6 length, and only the rule's own tests of version and protocol tell. So
// those are named first. A rule that reads without saying of which protocol is strange.
#include "backend/nft/reading.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

static bool only_version(const struct algebra_set *set, uint8_t version)
{
	u128 raw = version == 4 ? NFT_VERSION_4 : NFT_VERSION_6;
	return set && set->len == 1 && set->at[0].lo == raw && set->at[0].hi == raw;
}

static bool version_fits(const struct nft_form *form, const struct nft_field_info *info)
{
	if (!info->version)
		return true;
	if (info->side == OF_PACKET)
		return only_version(nft_form_set(form, F_VERSION), info->version);
	if (info->place.key != NFT_CT_PROTO_DST)
		return true; // the key itself says the version
	bool v4 = info->version == 4;
	return only_version(nft_form_set(form, F_FLOW_VERSION), info->version) ||
	       nft_form_set(form, v4 ? F_FLOW_SRC4 : F_FLOW_SRC6) ||
	       nft_form_set(form, v4 ? F_FLOW_DST4 : F_FLOW_DST6);
}

static bool protocols_fit(const struct nft_form *form, const struct nft_field_info *info)
{
	struct algebra_set needed = nft_protocols_set(info->protocols);
	const struct algebra_set *is =
		nft_form_set(form, info->side == OF_FLOW ? F_FLOW_PROTO : F_PROTO);
	return !needed.len || (is && is->len && algebra_set_within(*is, needed));
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
	*out = shifted(arena, test->set, shift, width);
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

static bool named(struct nft_reading *r, const struct nft_test *test, enum nft_field field,
		  struct algebra_set *out)
{
	const struct nft_field_info *info = &nft_field_info[field];
	if (info->place.source != test->reg.place.source ||
	    info->place.key != test->reg.place.key || !version_fits(r->form, info) ||
	    !protocols_fit(r->form, info))
		return false;
	if (field == F_STATE) {
		*out = states_of(r->arena, test);
		return true;
	}
	if (field == F_KNOWN)
		return known_of(r->arena, test, out);
	return as_field(r->arena, test, info, out);
}

static bool depends_on_others(const struct nft_test *test)
{
	return test->reg.place.source == SOURCE_PAYLOAD ||
	       (test->reg.place.source == SOURCE_CT && (test->reg.place.key == NFT_CT_PROTO_SRC ||
							test->reg.place.key == NFT_CT_PROTO_DST));
}

static bool name_test(struct nft_reading *r, const struct nft_test *test)
{
	struct algebra_set set;
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (named(r, test, (enum nft_field)f, &set)) {
			nft_form_match(r->form, r->arena, (enum nft_field)f, set);
			return true;
		}
	return false;
}

// nft(8) reads neighbouring fields in one load when each has one value: takes the first of them off.
static bool take_head(struct nft_reading *r, const struct nft_test *test, enum nft_field field,
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
	head.set = nft_values(r->arena, value >> left, value >> left);
	rest->reg.place.offset = (uint8_t)(rest->reg.place.offset + info->bytes);
	rest->reg.bytes -= info->bytes;
	rest->reg.mask = algebra_max(left);
	rest->set = nft_values(r->arena, value & rest->reg.mask, value & rest->reg.mask);
	struct algebra_set set;
	if (!named(r, &head, field, &set))
		return false;
	nft_form_match(r->form, r->arena, field, set);
	return true;
}

static bool name_neighbours(struct nft_reading *r, const struct nft_test *test)
{
	struct nft_test rest;
	bool single = test->set.len == 1 && test->set.at[0].lo == test->set.at[0].hi &&
		      test->reg.mask == algebra_max((unsigned)test->reg.bytes * 8);
	for (unsigned f = 0; single && f < NFT_FIELDS; f++)
		if (take_head(r, test, (enum nft_field)f, &rest))
			return name_test(r, &rest) || name_neighbours(r, &rest);
	return false;
}

static void name_tests(struct nft_reading *r, bool dependent)
{
	for (size_t i = 0; i < r->test.len; i++)
		if (depends_on_others(&r->test.at[i]) == dependent &&
		    !name_test(r, &r->test.at[i]) && !name_neighbours(r, &r->test.at[i]))
			nft_strange(r, "tests a part of the packet that Bulwark does not test");
}

void nft_name_tests(struct nft_reading *r)
{
	name_tests(r, false);
	name_tests(r, true);
}
