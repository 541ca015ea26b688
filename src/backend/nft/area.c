// SPDX-License-Identifier: Apache-2.0
// Areas over the fields that kernel rules test. The one idea: whatever a condition implies is said, so that a field that is
// missing never has to be spoken of; packets without it are those of another version, protocol, without a flow or without
// a header. Fields are taken as independent beyond that, which can only make two areas differ that no packet tells apart.
#include "backend/nft/area.h"

#include <assert.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static_assert(NFT_FIELDS <= 64, "an area keeps one bit a field");

static const struct algebra_range flow_states[] = {{IR_STATE_NEW, IR_STATE_RELATED}},
				  version4[] = {{NFT_VERSION_4, NFT_VERSION_4}},
				  version6[] = {{NFT_VERSION_6, NFT_VERSION_6}},
				  header_or_none[] = {{0, NFT_NO_HEADER}};

static bool has(const struct nft_area *area, enum nft_field field)
{
	return area->has >> field & 1;
}

struct algebra_set nft_area_domain(enum nft_field field)
{
	return field == F_HEADER ? (struct algebra_set){header_or_none, 1}
				 : nft_field_domain(field);
}

static bool has_flow(const struct nft_area *area)
{
	return has(area, F_STATE) &&
	       algebra_set_within(area->set[F_STATE], (struct algebra_set){flow_states, 1});
}

bool nft_any_flow(const struct nft_match *match)
{
	return match->field == F_STATE &&
	       algebra_set_equal(match->set, (struct algebra_set){flow_states, 1});
}

void nft_area_all(struct nft_area *area)
{
	area->has = 0;
	area->never = false;
}

void nft_area_assign(struct nft_area *area, const struct nft_area *from)
{
	area->has = from->has;
	area->never = from->never;
	for (uint64_t left = from->has; left; left &= left - 1) {
		unsigned f = (unsigned)__builtin_ctzll(left);
		area->set[f] = from->set[f];
	}
}

struct nft_area *nft_area_dup(const struct nft_area *area, struct arena *arena)
{
	struct nft_area *copy = arena_new(arena, struct nft_area);
	nft_area_assign(copy, area);
	return copy;
}

struct nft_area *nft_area_copy(const struct nft_area *area, struct arena *arena)
{
	struct nft_area *copy = nft_area_dup(area, arena);
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (has(area, f))
			copy->set[f].at = arena_memdup(arena, area->set[f].at,
						       area->set[f].len * sizeof(*area->set[f].at));
	return copy;
}

static void put(struct nft_area *area, struct arena *arena, enum nft_field field,
		struct algebra_set set)
{
	bool there = has(area, field);
	struct algebra_set before = there ? area->set[field] : nft_area_domain(field);
	if (algebra_set_within(before, set)) {
		if (!there)
			return;
		set = before;
	} else if (!algebra_set_within(set, before)) {
		set = algebra_set_intersect(arena, before, set);
	}
	area->has |= (uint64_t)1 << field;
	area->set[field] = set;
	area->never |= !set.len;
}

// A packet has the version of its flow.
static void equate_versions(struct nft_area *area, struct arena *arena)
{
	if (!has_flow(area))
		return;
	if (has(area, F_VERSION))
		put(area, arena, F_FLOW_VERSION, area->set[F_VERSION]);
	if (has(area, F_FLOW_VERSION))
		put(area, arena, F_VERSION, area->set[F_FLOW_VERSION]);
}

void nft_area_narrow(struct nft_area *area, struct arena *arena, enum nft_field field,
		     struct algebra_set set)
{
	const struct nft_field_info *info = &nft_field_info[field];
	bool flow = info->side == OF_FLOW;
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	put(area, arena, field, set);
	if (info->version)
		put(area, arena, flow ? F_FLOW_VERSION : F_VERSION,
		    (struct algebra_set){info->version == 4 ? version4 : version6, 1});
	if (protocols.len)
		put(area, arena, flow ? F_FLOW_PROTO : F_PROTO, protocols);
	if (flow || field == F_KNOWN)
		put(area, arena, F_STATE, (struct algebra_set){flow_states, 1});
	equate_versions(area, arena);
}

void nft_area_form(struct nft_area *area, struct arena *arena, const struct nft_form *form)
{
	for (size_t i = 0; i < form->len; i++)
		nft_area_narrow(area, arena, form->match[i].field, form->match[i].set);
}

void nft_area_of(const struct nft_form *form, struct arena *arena, struct nft_area *out)
{
	nft_area_all(out);
	nft_area_form(out, arena, form);
}

void nft_areas_add(struct nft_areas *areas, const struct nft_form *form, struct arena *arena)
{
	struct nft_area area;
	size_t n = 0;
	nft_area_of(form, arena, &area);
	bool held = area.never;
	for (size_t i = 0; i < areas->list.len && !held; i++)
		held = nft_area_within(&area, areas->list.at[i]);
	if (held)
		return;
	for (size_t i = 0; i < areas->list.len; i++)
		if (!nft_area_within(areas->list.at[i], &area))
			areas->list.at[n++] = areas->list.at[i];
	areas->list.len = n;
	vec_push(arena, &areas->list, nft_area_dup(&area, arena));
}

void nft_areas_around(const struct nft_areas *areas, struct arena *arena, struct nft_area *out)
{
	nft_area_all(out);
	if (!areas->list.len)
		return;
	nft_area_assign(out, areas->list.at[0]);
	for (size_t i = 1; i < areas->list.len; i++)
		out->has &= areas->list.at[i]->has;
	for (uint64_t left = out->has; left; left &= left - 1) {
		unsigned f = (unsigned)__builtin_ctzll(left);
		for (size_t i = 1; i < areas->list.len; i++)
			out->set[f] =
				algebra_set_union(arena, out->set[f], areas->list.at[i]->set[f]);
	}
}

void nft_area_and(struct nft_area *area, struct arena *arena, const struct nft_area *other)
{
	for (uint64_t left = other->has; left; left &= left - 1) {
		unsigned f = (unsigned)__builtin_ctzll(left);
		put(area, arena, f, other->set[f]);
	}
	area->never |= other->never;
	equate_versions(area, arena);
}

static bool lies_in(const struct nft_area *area, enum nft_field field, struct algebra_set set)
{
	return has(area, field) && algebra_set_within(area->set[field], set);
}

bool nft_area_has_field(const struct nft_area *area, enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	bool flow = info->side == OF_FLOW;
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	const struct algebra_range *version = info->version == 4 ? version4 : version6;
	if (info->version &&
	    !lies_in(area, flow ? F_FLOW_VERSION : F_VERSION, (struct algebra_set){version, 1}))
		return false;
	return !protocols.len || lies_in(area, flow ? F_FLOW_PROTO : F_PROTO, protocols);
}

// Version and protocol, which seldom tell areas apart, come last.
bool nft_area_meets(const struct nft_area *a, const struct nft_area *b)
{
	uint64_t both = a->has & b->has;
	while (both) {
		unsigned f = 63u - (unsigned)__builtin_clzll(both);
		if (!algebra_set_overlaps(a->set[f], b->set[f]))
			return false;
		both &= ~((uint64_t)1 << f);
	}
	return !a->never && !b->never;
}

bool nft_area_within(const struct nft_area *a, const struct nft_area *b)
{
	if (a->never)
		return true;
	if (b->never || b->has & ~a->has)
		return false;
	for (uint64_t left = b->has; left; left &= left - 1) {
		unsigned f = (unsigned)__builtin_ctzll(left);
		if (!algebra_set_within(a->set[f], b->set[f]))
			return false;
	}
	return true;
}

bool nft_area_equal(const struct nft_area *a, const struct nft_area *b)
{
	return nft_area_within(a, b) && nft_area_within(b, a);
}

static bool has_header(const struct nft_area *area)
{
	return lies_in(area, F_HEADER, nft_field_domain(F_HEADER));
}

static bool of_ethernet(const struct nft_area *area)
{
	static const struct algebra_range link = {NFT_LINK_ETHERNET, NFT_LINK_ETHERNET};
	return lies_in(area, F_LINK, (struct algebra_set){&link, 1});
}

static const char *unguarded(const struct nft_area *area, enum nft_field field)
{
	const struct nft_place *place = &nft_field_info[field].place;
	if (place->source != SOURCE_PAYLOAD || field == F_HEADER)
		return NULL;
	// Connection tracking puts fragments together.
	if (place->key == NFT_PAYLOAD_TRANSPORT_HEADER && !has_header(area) && !has_flow(area))
		return "reads a transport header that may not be there";
	if (place->key == NFT_PAYLOAD_LL_HEADER && !of_ethernet(area))
		return "reads an Ethernet header that may not be there";
	return NULL;
}

const char *nft_area_unguarded(const struct nft_area *area, const struct nft_form *form)
{
	const char *why = form->act == ACT_BRANCH ? unguarded(area, form->map.field) : NULL;
	for (size_t i = 0; form->act == ACT_BOXES && i < form->boxes.fields && !why; i++)
		why = unguarded(area, form->boxes.field[i]);
	for (size_t i = 0; i < form->len && !why; i++)
		why = unguarded(area, form->match[i].field);
	return why;
}

void nft_area_any_header(struct nft_area *area)
{
	for (unsigned f = 0; f < NFT_FIELDS; f++) {
		const struct nft_place *place = &nft_field_info[f].place;
		if (has(area, f) && f != F_HEADER && place->source == SOURCE_PAYLOAD &&
		    place->key == NFT_PAYLOAD_TRANSPORT_HEADER)
			return;
	}
	area->has &= ~((uint64_t)1 << F_HEADER);
}

// --- what is outside ---

static struct algebra_set outside(enum nft_field field, struct algebra_set set, struct arena *arena)
{
	struct algebra_set all = nft_area_domain(field);
	u128 max = all.at[all.len - 1].hi;
	return algebra_set_intersect(arena, algebra_set_complement(arena, set, max), all);
}

static void cut(struct nft_area *rest, const struct nft_area *b, enum nft_field field,
		struct arena *arena, struct nft_areas *out)
{
	if (rest->never ||
	    (has(rest, field) && algebra_set_within(rest->set[field], b->set[field])))
		return;
	struct nft_area *piece = nft_area_dup(rest, arena);
	nft_area_narrow(piece, arena, field, outside(field, b->set[field], arena));
	if (!piece->never)
		vec_push(arena, &out->list, piece);
	nft_area_narrow(rest, arena, field, b->set[field]);
}

// What makes a field be there comes before it: whether there is a flow first of all.
void nft_area_minus(const struct nft_area *a, const struct nft_area *b, struct arena *arena,
		    struct nft_areas *out)
{
	struct nft_area rest;
	nft_area_assign(&rest, a);
	if (b->never) {
		if (!a->never)
			vec_push(arena, &out->list, nft_area_dup(a, arena));
		return;
	}
	if (has(b, F_STATE))
		cut(&rest, b, F_STATE, arena, out);
	for (uint64_t left = b->has & ~((uint64_t)1 << F_STATE); left; left &= left - 1)
		cut(&rest, b, (enum nft_field)__builtin_ctzll(left), arena, out);
}

// --- as matches ---

static size_t list_matches(const struct nft_area *area, uint64_t fields, struct nft_match *match)
{
	size_t n = 0;
	for (; fields; fields &= fields - 1) {
		unsigned f = (unsigned)__builtin_ctzll(fields);
		match[n++] = (struct nft_match){f, area->set[f]};
	}
	return n;
}

struct nft_form nft_area_as_form(const struct nft_area *area,
				 struct nft_match match[static NFT_FIELDS])
{
	return (struct nft_form){.match = match, .len = list_matches(area, area->has, match)};
}

static void again(const struct nft_area *area, uint64_t fields, struct arena *arena,
		  struct nft_area *out)
{
	nft_area_all(out);
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (fields >> f & 1)
			nft_area_narrow(out, arena, f, area->set[f]);
}

// Whether it is of flows that the fields speak, so that the version is the flow's.
static bool is_of_flows(const struct nft_area *area)
{
	bool more = false;
	for (unsigned f = 0; f < NFT_FIELDS; f++) {
		if (has(area, f) && f != F_FLOW_VERSION && nft_field_info[f].side == OF_FLOW)
			return true;
		more |= has(area, f) && f != F_STATE && f != F_VERSION && f != F_FLOW_VERSION;
	}
	return !more && has(area, F_STATE) &&
	       nft_any_flow(&(struct nft_match){F_STATE, area->set[F_STATE]});
}

// A field goes when the others imply it: what stands before the fields that need it is tried first.
void nft_area_matches(const struct nft_area *area, struct arena *arena, struct nft_form *form)
{
	static const enum nft_field orders[2][5] = {
		{F_FLOW_VERSION, F_VERSION, F_STATE, F_PROTO, F_FLOW_PROTO},
		{F_STATE, F_VERSION, F_FLOW_VERSION, F_PROTO, F_FLOW_PROTO}};
	const enum nft_field *implied = orders[is_of_flows(area)];
	uint64_t fields = area->has;
	for (size_t i = 0; i < array_len(orders[0]); i++) {
		struct nft_area without;
		if (!has(area, implied[i]))
			continue;
		again(area, fields & ~((uint64_t)1 << implied[i]), arena, &without);
		if (nft_area_equal(&without, area))
			fields &= ~((uint64_t)1 << implied[i]);
	}
	form->match = arena_array(arena, struct nft_match, (size_t)__builtin_popcountll(fields));
	form->len = list_matches(area, fields, form->match);
	// The kernel is asked for a header by a load that fails without; it cannot be asked for none.
	if (has(area, F_HEADER) && !has_header(area) && !form->strange)
		form->strange = "is for packets without a transport header";
}
