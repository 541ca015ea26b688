// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_walk.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

// --- walking ---

// No packet is over a limit.
static bool matches(const struct nft_form *form, const struct test_fields *packet)
{
	for (size_t i = 0; i < form->len; i++) {
		const struct nft_match *m = &form->match[i];
		if (!packet->has[m->field] || !algebra_set_has(m->set, packet->value[m->field]))
			return false;
	}
	return !form->limited;
}

static const char *branch_of(const struct nft_map *map, const struct test_fields *packet)
{
	u128 value = packet->value[map->field];
	for (size_t i = 0; packet->has[map->field] && i < map->len; i++)
		if (map->branch[i].range.lo <= value && value <= map->branch[i].range.hi)
			return map->branch[i].chain;
	return NULL;
}

static const char *box_of(const struct nft_boxes *boxes, const struct test_fields *packet)
{
	for (size_t i = 0; i < boxes->len; i++) {
		size_t f = 0;
		for (; f < boxes->fields; f++) {
			struct algebra_range r = boxes->box[i].range[f];
			u128 value = packet->value[boxes->field[f]];
			if (!packet->has[boxes->field[f]] || value < r.lo || value > r.hi)
				break;
		}
		if (f == boxes->fields)
			return boxes->box[i].chain;
	}
	return NULL;
}

static bool walk_chain(const struct nft_program *program, const struct nft_chain *chain,
		       const struct test_fields *packet, struct test_walk *out);

// Whether the packet is decided, or its chain left, by this rule.
static bool step(const struct nft_program *program, const struct nft_form *form,
		 const struct test_fields *packet, struct test_walk *out, bool *decided_out)
{
	out->maps += form->act == ACT_BRANCH;
	out->box_maps += form->act == ACT_BOXES;
	out->boxes += form->act == ACT_BOXES ? form->boxes.len : 0;
	const char *to = form->act == ACT_BRANCH  ? branch_of(&form->map, packet)
			 : form->act == ACT_BOXES ? box_of(&form->boxes, packet)
			 : form->act == ACT_GOTO || form->act == ACT_JUMP ? form->chain
									  : NULL;
	if (form->tag.known && form->tag.counts && out->len < array_len(out->matched))
		out->matched[out->len++] = form->tag.rule;
	const struct nft_chain *chain = to ? nft_program_find(program, to) : NULL;
	if (chain) {
		*decided_out = walk_chain(program, chain, packet, out);
		return *decided_out || form->act != ACT_JUMP;
	}
	if (form->act == ACT_CONTINUE || form->act == ACT_JUMP || nft_form_by_map(form))
		return false;
	out->end = form->act;
	*decided_out = true;
	return true;
}

static bool walk_chain(const struct nft_program *program, const struct nft_chain *chain,
		       const struct test_fields *packet, struct test_walk *out)
{
	bool decided = false;
	if (++out->depth > out->depth_most)
		out->depth_most = out->depth;
	for (size_t i = 0; i < chain->rule.len; i++) {
		out->rules++;
		if (matches(&chain->rule.at[i], packet) &&
		    step(program, &chain->rule.at[i], packet, out, &decided))
			break;
	}
	out->depth--;
	return decided;
}

void test_walk_program(const struct nft_program *program, const struct test_fields *packet,
		       struct test_walk *out)
{
	*out = (struct test_walk){.end = ACT_CONTINUE};
	(void)walk_chain(program, nft_program_find(program, ""), packet, out);
}

bool test_walk_same(const struct test_walk *a, const struct test_walk *b)
{
	return a->len == b->len && !memcmp(a->matched, b->matched, a->len * sizeof(*a->matched)) &&
	       a->end == b->end;
}

// --- packets ---

static void set(struct test_fields *out, enum nft_field field, u128 value)
{
	out->has[field] = true;
	out->value[field] = value;
}

static u128 any_value(struct test_random *random, enum nft_field field)
{
	u128 value = (u128)test_random_next(random) << 64 | test_random_next(random),
	     max = nft_field_domain(field).at[0].hi;
	return max == algebra_max(128) ? value : value % (max + 1);
}

// An edge of the rule's set, or next to it, or anything.
static u128 aimed_value(struct test_random *random, const struct nft_form *form,
			enum nft_field field)
{
	const struct algebra_set *asked = nft_form_set(form, field);
	if (!asked || !asked->len || test_random_chance(random, 10))
		return any_value(random, field);
	struct algebra_range r = asked->at[test_random_below(random, (uint32_t)asked->len)];
	u128 max = nft_field_domain(field).at[0].hi;
	switch (test_random_below(random, 8)) {
	case 0:
		return r.hi < max ? r.hi + 1 : r.hi;
	case 1:
		return r.lo ? r.lo - 1 : r.lo;
	case 2:
	case 3:
		return r.hi;
	case 4:
	case 5:
		return r.lo + (r.hi - r.lo) / 2;
	default:
		return r.lo;
	}
}

static const uint8_t protocols[] = {6, 17, 1, 58, 132, 47};

static uint8_t random_protocol(struct test_random *random, const struct nft_form *form,
			       enum nft_field field)
{
	if (nft_form_set(form, field))
		return (uint8_t)aimed_value(random, form, field);
	return protocols[test_random_below(random, array_len(protocols))];
}

static bool fits(const struct nft_field_info *info, unsigned version, unsigned protocol)
{
	struct algebra_set needed = nft_protocols_set(info->protocols);
	return (!info->version || info->version == version) &&
	       (!needed.len || algebra_set_has(needed, protocol));
}

static bool wants_v6(struct test_random *random, const struct nft_form *form)
{
	bool v6 = nft_form_set(form, F_SRC6) || nft_form_set(form, F_DST6) ||
		  nft_form_set(form, F_FLOW_SRC6) || nft_form_set(form, F_FLOW_DST6);
	return test_random_chance(random, 10) ? !v6 : v6;
}

struct side {
	enum nft_side side;
	unsigned version; // 4 or 6
	bool header;      // of transport
};

static bool may_have(const struct side *s, enum nft_field field, unsigned proto)
{
	const struct nft_field_info *info = &nft_field_info[field];
	bool transport = info->place.source == SOURCE_PAYLOAD &&
			 info->place.key == NFT_PAYLOAD_TRANSPORT_HEADER;
	bool of_state = field == F_STATE || field == F_KNOWN;
	return info->side == s->side && !of_state && fits(info, s->version, proto) &&
	       (!transport || s->header);
}

static void set_side(struct test_random *random, const struct nft_form *form, const struct side *s,
		     struct test_fields *out)
{
	bool flow = s->side == OF_FLOW;
	enum nft_field protocol = flow ? F_FLOW_PROTO : F_PROTO;
	unsigned proto = random_protocol(random, form, protocol);
	set(out, flow ? F_FLOW_VERSION : F_VERSION,
	    s->version == 6 ? NFT_VERSION_6 : NFT_VERSION_4);
	set(out, protocol, proto);
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		if (!out->has[f] && may_have(s, f, proto))
			set(out, f, aimed_value(random, form, f));
}

// Connection tracking puts fragments together, so where there is a flow there is a header; and a flow has the version of
// its packets.
void test_fields_random(struct test_random *random, const struct nft_chain *rules,
			struct test_fields *out)
{
	const struct nft_form *form =
		&rules->rule.at[test_random_below(random, (uint32_t)rules->rule.len)];
	bool flow = test_random_chance(random, 90);
	struct side side = {OF_PACKET, wants_v6(random, form) ? 6 : 4,
			    flow || test_random_chance(random, 50)};
	*out = (struct test_fields){.has = {false}};
	set_side(random, form, &side, out);
	side.side = OF_FLOW;
	if (flow)
		set_side(random, form, &side, out);
	if (flow)
		set(out, F_KNOWN, any_value(random, F_KNOWN));
	set(out, F_STATE, flow ? test_random_below(random, 3) : 3 + test_random_below(random, 2));
}
