// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_walk.h"
#include "base/diag.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

// --- walking ---

static void sees(struct nft_trace *trace, const struct nft_form *form, bool matches)
{
	struct test_walk *out = trace->user;
	out->rules++;
	if (trace->depth > out->depth_most)
		out->depth_most = (unsigned)trace->depth;
	if (!matches)
		return;
	out->maps += form->act == ACT_BRANCH;
	out->box_maps += form->act == ACT_BOXES;
	out->boxes += form->act == ACT_BOXES ? form->boxes.len : 0;
	if (form->tag.known && form->tag.counts && out->len < array_len(out->matched))
		out->matched[out->len++] = form->tag.rule;
}

void test_walk_program(const struct nft_program *program, const struct nft_point *packet,
		       struct test_walk *out)
{
	struct arena arena;
	struct nft_trace trace = {
		.program = program, .point = packet, .arena = &arena, .sees = sees, .user = out};
	*out = (struct test_walk){.end = ACT_CONTINUE};
	arena_init(&arena);
	nft_trace_chain(&trace, nft_program_find(program, ""));
	out->end = trace.end;
	arena_fini(&arena);
}

bool test_walk_same(const struct test_walk *a, const struct test_walk *b)
{
	return a->len == b->len && !memcmp(a->matched, b->matched, a->len * sizeof(*a->matched)) &&
	       a->end == b->end;
}

// --- verdicts ---

enum ir_verdict test_program_verdict(const struct nft_program *program,
				     const struct ir_packet *packet, struct arena *arena,
				     const char **lost_out)
{
	struct nft_point point;
	struct nft_trace trace = {
		.program = program, .point = &point, .arena = arena, .over = packet->over_rate};
	nft_point_of(packet, arena, &point);
	nft_trace_chain(&trace, nft_program_find(program, ""));
	*lost_out = trace.lost;
	return trace.end == ACT_ACCEPT                                  ? IR_PASS
	       : trace.end == ACT_RESET || trace.end == ACT_UNREACHABLE ? IR_REJECT
									: IR_DROP;
}

const char *test_witness_fault(const struct ir_ruleset *ruleset, const struct nft_program *program,
			       const char *witness, struct arena *arena)
{
	struct ir_packet packet;
	struct ir_outcome meant;
	struct diags diags;
	const char *lost;
	diags_init(&diags, arena);
	if (!ir_packet_parse(witness, IR_TIME_UNSAID, arena, &diags, &packet))
		return diags.list.at[0].text;
	enum ir_verdict is = test_program_verdict(program, &packet, arena, &lost);
	ir_eval(ruleset, &packet, arena, &meant);
	if (meant.verdict == IR_RATE_LIMIT)
		meant.verdict = packet.over_rate ? IR_DROP : IR_PASS;
	return lost ? lost : meant.verdict == is ? "no difference" : NULL;
}

// --- packets ---

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
		     struct nft_point *out)
{
	bool flow = s->side == OF_FLOW;
	enum nft_field protocol = flow ? F_FLOW_PROTO : F_PROTO;
	unsigned proto = random_protocol(random, form, protocol);
	nft_point_set(out, flow ? F_FLOW_VERSION : F_VERSION,
		      s->version == 6 ? NFT_VERSION_6 : NFT_VERSION_4);
	nft_point_set(out, protocol, proto);
	for (enum nft_field f = 0; f < NFT_FIELDS; f++)
		if (!nft_point_has(out, f) && may_have(s, f, proto))
			nft_point_set(out, f, aimed_value(random, form, f));
}

// Connection tracking puts fragments together, so where there is a flow there is a header; and a flow has the version of
// its packets.
void test_fields_random(struct test_random *random, const struct nft_chain *rules,
			struct nft_point *out)
{
	const struct nft_form *form =
		&rules->rule.at[test_random_below(random, (uint32_t)rules->rule.len)];
	bool flow = test_random_chance(random, 90);
	struct side side = {OF_PACKET, wants_v6(random, form) ? 6 : 4,
			    flow || test_random_chance(random, 50)};
	*out = (struct nft_point){0};
	set_side(random, form, &side, out);
	side.side = OF_FLOW;
	if (flow)
		set_side(random, form, &side, out);
	if (flow)
		nft_point_set(out, F_KNOWN, any_value(random, F_KNOWN));
	nft_point_set(out, F_STATE,
		      flow ? test_random_below(random, 3) : 3 + test_random_below(random, 2));
}
