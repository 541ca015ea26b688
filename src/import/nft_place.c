// SPDX-License-Identifier: Apache-2.0
// How numbers of a field lie in a dimension of the IR. Where they do not lie there exactly, the rest becomes an
// alternative with a condition of which only the text is known, so that nothing is claimed that is not so.
#include "import/nft_match.h"

#include <string.h>

#define ALTERNATIVES_MOST 200000

const struct nft_opaques *nft_extend(struct nft_matcher *m, const struct nft_opaques *from,
				     const char *text, bool negated)
{
	if (!negated && m->last_to && m->last_from == from && !strcmp(m->last_text, text))
		return m->last_to;
	struct nft_opaques *to = arena_new(m->arena, struct nft_opaques);
	size_t len = from ? from->len : 0;
	to->serial = ++m->serials;
	to->at = arena_array(m->arena, struct ir_opaque, len + 1);
	if (len)
		memcpy(to->at, from->at, len * sizeof(*to->at));
	const char **value = arena_array(m->arena, const char *, 1);
	value[0] = text;
	to->at[len] = (struct ir_opaque){
		.kind = IR_OPAQUE_FOREIGN, .value = value, .len = 1, .negated = negated};
	to->len = len + 1;
	if (!negated) {
		m->last_from = from;
		m->last_to = to;
		m->last_text = text;
	}
	return to;
}

void nft_add(struct nft_matcher *m, struct nft_alternatives *to, struct nft_alternative one)
{
	if (to->list.len >= ALTERNATIVES_MOST)
		m->over = true;
	else
		vec_push(m->arena, &to->list, one);
}

static bool narrow(struct nft_matcher *m, struct nft_alternative *one, enum ir_dim dim,
		   struct algebra_set set)
{
	return ir_clause_narrow(&one->clause, m->arena, dim, set);
}

bool nft_narrow_one(struct nft_matcher *m, struct nft_alternative *one, enum ir_dim dim, u128 value)
{
	return narrow(m, one, dim, algebra_set_one(m->arena, value, value));
}

// --- dimensions ---

static struct algebra_set limited(struct nft_matcher *m, struct algebra_set set, u128 low,
				  u128 high)
{
	return algebra_set_intersect(m->arena, set, algebra_set_one(m->arena, low, high));
}

// Every number moved by `by` (down when `down`), which all of them allow.
static struct algebra_set moved(struct nft_matcher *m, struct algebra_set set, u128 by, bool down)
{
	struct algebra_builder b = {.arena = m->arena};
	for (size_t i = 0; i < set.len; i++)
		algebra_builder_add(&b, down ? set.at[i].lo - by : set.at[i].lo + by,
				    down ? set.at[i].hi - by : set.at[i].hi + by);
	return algebra_builder_take(&b);
}

static void place_in(struct nft_placing *p, struct nft_alternative one, enum ir_dim dim,
		     struct algebra_set set)
{
	if (narrow(p->m, &one, dim, set))
		nft_add(p->m, p->out, one);
}

static void place_byte(struct nft_placing *p, struct nft_alternative one)
{
	struct algebra_builder b = {.arena = p->m->arena};
	for (size_t i = 0; i < p->set.len; i++) {
		struct algebra_range r = p->set.at[i];
		if (p->field->how == NFT_HIGH_BYTE)
			algebra_builder_add(&b, r.lo << 8, r.hi << 8 | 0xff);
		for (unsigned high = 0; p->field->how == NFT_LOW_BYTE && high < 256; high++)
			algebra_builder_add(&b, high << 8 | r.lo, high << 8 | r.hi);
	}
	place_in(p, one, p->field->dim, algebra_builder_take(&b));
}

// Three flags and an offset in one number: for each offset set the flags that go with it.
static void place_fragment(struct nft_placing *p, struct nft_alternative one)
{
	struct algebra_set offsets[8];
	for (unsigned flags = 0; flags < 8; flags++)
		offsets[flags] =
			moved(p->m, limited(p->m, p->set, flags << 13, flags << 13 | 0x1fff),
			      flags << 13, true);
	for (unsigned flags = 0; flags < 8; flags++) {
		struct algebra_builder b = {.arena = p->m->arena};
		bool first = true;
		for (unsigned other = 0; other < flags; other++)
			first &= !algebra_set_equal(offsets[other], offsets[flags]);
		for (unsigned other = flags; other < 8; other++)
			if (algebra_set_equal(offsets[other], offsets[flags]))
				algebra_builder_add(&b, other, other);
		struct nft_alternative with = one;
		if (first && narrow(p->m, &with, IR_IPFLAGS, algebra_builder_take(&b)))
			place_in(p, with, IR_FRAGOFF, offsets[flags]);
	}
}

// The first header of IPv6 is the protocol where there are no extension headers; that there are none is a condition of its
// own, the same for all rules.
static void place_next_header(struct nft_placing *p, struct nft_alternative one)
{
	static const uint8_t extensions[] = {0, 43, 44, 51, 60, 135, 139, 140};
	struct nft_alternative behind = one;
	bool extended = false;
	for (size_t i = 0; i < array_len(extensions); i++)
		extended |= algebra_set_has(p->set, extensions[i]);
	const char *none = "no IPv6 extension headers";
	one.opaques = nft_extend(p->m, one.opaques, none, false);
	place_in(p, one, IR_PROTO, p->set);
	if (extended) {
		behind.opaques = nft_extend(p->m, behind.opaques, none, true);
		behind.opaques = nft_extend(p->m, behind.opaques, p->text, false);
		nft_add(p->m, p->out, behind);
	}
	p->m->gap = "ip6 nexthdr";
}

// The bytes where ports would be: of other protocols the IR does not have them.
static void place_ports(struct nft_placing *p, struct nft_alternative one)
{
	static const uint8_t have[] = {6, 17, 33, 132, 136};
	struct algebra_builder b = {.arena = p->m->arena};
	for (size_t i = 0; i < array_len(have); i++)
		algebra_builder_add(&b, have[i], have[i]);
	struct algebra_set with = algebra_builder_take(&b);
	struct nft_alternative other = one;
	if (narrow(p->m, &one, IR_PROTO, with))
		place_in(p, one, p->field->dim, p->set);
	if (!narrow(p->m, &other, IR_PROTO, algebra_set_complement(p->m->arena, with, 255)))
		return;
	other.opaques = nft_extend(p->m, other.opaques, p->text, false);
	nft_add(p->m, p->out, other);
	p->m->gap = "ports of protocols without ports";
}

static bool is_bridge(const struct nft_matcher *m)
{
	return !strcmp(m->table->family, "bridge");
}

static void place_ethertype(struct nft_placing *p, struct nft_alternative one)
{
	bool meta = !strncmp(p->field->name, "meta", 4);
	if (!meta && !is_bridge(p->m)) {
		place_in(p, one, IR_ETHERTYPE, p->set);
		return;
	}
	struct algebra_builder versions = {.arena = p->m->arena};
	struct algebra_builder ip = {.arena = p->m->arena};
	if (algebra_set_has(p->set, 0x0800))
		algebra_builder_add(&versions, 4, 4);
	if (algebra_set_has(p->set, 0x86dd))
		algebra_builder_add(&versions, 6, 6);
	algebra_builder_add(&ip, 0x0800, 0x0800);
	algebra_builder_add(&ip, 0x86dd, 0x86dd);
	struct algebra_set others =
		algebra_set_complement(p->m->arena, algebra_builder_take(&ip), 0xffff);
	place_in(p, one, IR_FAMILY, algebra_builder_take(&versions));
	if (is_bridge(p->m))
		place_in(p, one, IR_ETHERTYPE, algebra_set_intersect(p->m->arena, p->set, others));
}

static void place_version(struct nft_placing *p, struct nft_alternative one)
{
	struct algebra_builder b = {.arena = p->m->arena};
	if (algebra_set_has(p->set, 2))
		algebra_builder_add(&b, 4, 4);
	if (algebra_set_has(p->set, 10))
		algebra_builder_add(&b, 6, 6);
	place_in(p, one, IR_FAMILY, algebra_builder_take(&b));
}

static void place_length(struct nft_placing *p, struct nft_alternative one)
{
	struct nft_alternative six = one;
	if (nft_narrow_one(p->m, &one, IR_FAMILY, 4))
		place_in(p, one, IR_LENGTH, limited(p->m, p->set, 0, 65535));
	if (nft_narrow_one(p->m, &six, IR_FAMILY, 6))
		place_in(p, six, IR_LENGTH,
			 moved(p->m, limited(p->m, p->set, 40, 65535 + 40), 40, true));
}

static void place_weekday(struct nft_placing *p, struct nft_alternative one)
{
	struct algebra_builder b = {.arena = p->m->arena};
	for (unsigned day = 0; day < 7; day++)
		if (algebra_set_has(p->set, day))
			algebra_builder_add(&b, (day + 6) % 7, (day + 6) % 7);
	place_in(p, one, IR_WDAY, algebra_builder_take(&b));
}

const struct nft_state nft_state[] = {{1, IR_STATE_INVALID},
				      {2, IR_STATE_ESTABLISHED},
				      {4, IR_STATE_RELATED},
				      {8, IR_STATE_NEW},
				      {64, IR_STATE_UNTRACKED}};

const size_t nft_states = array_len(nft_state);

static void place_state(struct nft_placing *p, struct nft_alternative one)
{
	struct algebra_builder b = {.arena = p->m->arena};
	for (size_t i = 0; i < array_len(nft_state); i++)
		if (algebra_set_has(p->set, nft_state[i].bit))
			algebra_builder_add(&b, nft_state[i].state, nft_state[i].state);
	struct algebra_set set = algebra_builder_take(&b);
	if (set.len != 1 || set.at[0].lo != 0 || set.at[0].hi != IR_STATE_UNTRACKED)
		place_in(p, one, IR_STATE, set);
	else
		nft_add(p->m, p->out, one); // any state that there is
}

static void place_one(struct nft_placing *p, struct nft_alternative one)
{
	switch (p->field->how) {
	case NFT_WHOLE:
		place_in(p, one, p->field->dim, p->set);
		break;
	case NFT_HIGH_BYTE:
	case NFT_LOW_BYTE:
		place_byte(p, one);
		break;
	case NFT_FRAGMENT:
		place_fragment(p, one);
		break;
	case NFT_NEXT_HEADER:
		place_next_header(p, one);
		break;
	case NFT_PORTS:
		place_ports(p, one);
		break;
	case NFT_ETHERTYPE:
		place_ethertype(p, one);
		break;
	case NFT_VERSION:
		place_version(p, one);
		break;
	case NFT_LENGTH:
		place_length(p, one);
		break;
	case NFT_WEEKDAY:
		place_weekday(p, one);
		break;
	case NFT_STATE:
		place_state(p, one);
		break;
	}
}

void nft_place(struct nft_placing *p, const struct nft_alternatives *from)
{
	for (size_t i = 0; i < from->list.len && !p->m->over; i++) {
		struct nft_alternative one = from->list.at[i];
		if ((!p->field->version ||
		     nft_narrow_one(p->m, &one, IR_FAMILY, p->field->version)) &&
		    (!p->field->protocol ||
		     nft_narrow_one(p->m, &one, IR_PROTO, p->field->protocol)))
			place_one(p, one);
	}
}
