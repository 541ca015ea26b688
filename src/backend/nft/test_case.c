// SPDX-License-Identifier: Apache-2.0
// The model of connection tracking: a flow is there once its first packet was passed; packets of its
// tuple belong to it, turned round or not; what cannot begin a flow has none. Packets whose treatment
// this does not tell (odd SCTP chunks, what comes after a reset) are not sent.
#include "backend/nft/test_case.h"
#include "backend/nft/test_policy.h"

#include <string.h>

#define ALONE 60
#define FLOWS 8

// --- making ---

static struct test_item *add(struct test_case *test, struct arena *arena,
			     const struct test_packet *packet, int flow)
{
	vec_push(arena, &test->item,
		 (struct test_item){.packet = *packet, .flow = flow, .about = -1, .sent = true});
	struct test_item *item = &test->item.at[test->item.len - 1];
	item->packet.id = (uint32_t)test->item.len;
	return item;
}

static struct test_packet turned(const struct test_packet *p)
{
	struct test_packet t = *p;
	t.from_b = !p->from_b;
	t.src = p->dst;
	t.dst = p->src;
	t.sport = p->dport;
	t.dport = p->sport;
	t.ttl = 60;
	memcpy(t.smac, (const uint8_t[]){2, 0, 0, 0, 0, 0x77}, 6);
	return t;
}

static void make_about(struct test_case *test, size_t at, size_t about)
{
	struct test_item *item = &test->item.at[at];
	uint8_t frame[TEST_FRAME_MOST];
	size_t len = test_packet_frame(&test->item.at[about].packet, frame) - 14;
	// Without the tail, so that the error's own number is the only one.
	len = len > TEST_TAIL ? len - TEST_TAIL : len;
	len = len > sizeof(item->inner) ? sizeof(item->inner) : len;
	memcpy(item->inner, frame + 14, len);
	item->packet.inner_len = (uint16_t)len;
	item->about = (int)about;
}

// An error that the receiver of the packet sends.
static void add_error(struct test_case *test, struct arena *arena, size_t about, int flow)
{
	struct test_packet e = turned(&test->item.at[about].packet);
	e.proto = e.version == 4 ? 1 : 58;
	e.type = e.version == 4 ? 3 : 1;
	e.code = e.version == 4 ? 1 : 3;
	e.sport = e.dport = 0;
	e.payload = 0;
	e.bad_checksum = false;
	add(test, arena, &e, flow);
	make_about(test, test->item.len - 1, about);
}

static uint32_t tcp_length(const struct test_packet *p)
{
	return p->payload + TEST_TAIL + (p->tcp_flags & 2 ? 1u : 0) + (p->tcp_flags & 1 ? 1u : 0);
}

static void add_next(struct test_case *test, struct arena *arena, struct test_packet *p,
		     struct test_packet *other, uint8_t flags, int flow)
{
	p->tcp_flags = flags;
	p->ack = flags & 16 ? other->seq : 0;
	add(test, arena, p, flow);
	p->seq += tcp_length(p);
}

static void add_tcp(struct test_case *test, struct test_random *random, struct arena *arena,
		    struct test_packet first, int flow)
{
	struct test_packet there = first, back = turned(&first);
	back.seq = (uint32_t)test_random_next(random);
	there.payload = back.payload = 4;
	add_next(test, arena, &there, &back, 2, flow);
	size_t begin = test->item.len - 1;
	if (test_random_chance(random, 20))
		add_error(test, arena, begin, flow);
	add_next(test, arena, &back, &there, 18, flow);
	add_next(test, arena, &there, &back, 16, flow);
	add_next(test, arena, &back, &there, 24, flow);
	if (test_random_chance(random, 40))
		add_error(test, arena, test->item.len - 1, flow);
	struct test_packet broken = there;
	broken.bad_checksum = true;
	if (test_random_chance(random, 30))
		add(test, arena, &broken, flow);
	size_t change = test->item.len;
	add_next(test, arena, &there, &back, 24, flow);
	add_next(test, arena, &back, &there, 16, flow);
	for (size_t i = change; i < test->item.len; i++)
		test->item.at[i].after_change = true;
}

static void add_talk(struct test_case *test, struct test_random *random, struct arena *arena,
		     struct test_packet first, int flow)
{
	struct test_packet back = turned(&first);
	if (first.proto == 1)
		back.type = 0;
	if (first.proto == 58)
		back.type = 129;
	add(test, arena, &first, flow);
	if (test_random_chance(random, 30))
		add(test, arena, &first, flow);
	if (test_random_chance(random, 30))
		add_error(test, arena, test->item.len - 1, flow);
	add(test, arena, &back, flow);
	if (test_random_chance(random, 30))
		add_error(test, arena, test->item.len - 1, flow);
	add(test, arena, &first, flow);
	add(test, arena, &back, flow)->after_change = true;
	add(test, arena, &first, flow)->after_change = true;
}

size_t test_case_add(struct test_case *test, struct arena *arena, const struct test_packet *packet,
		     int flow)
{
	add(test, arena, packet, flow);
	return test->item.len - 1;
}

void test_case_add_flow(struct test_case *test, struct test_random *random, struct arena *arena,
			const struct test_packet *first, int flow)
{
	if (first->proto == 6)
		add_tcp(test, random, arena, *first, flow);
	else
		add_talk(test, random, arena, *first, flow);
}

static void add_random_flow(struct test_case *test, struct test_random *random, struct arena *arena,
			    int flow)
{
	struct test_packet p;
	do
		test_packet_random(random, &test->ruleset[0], true, &p);
	while (p.proto != 6 && p.proto != 17 && p.proto != 1 && p.proto != 58 && p.proto != 136);
	p.bad_checksum = false;
	p.payload %= 64;
	if (p.proto == 1 || p.proto == 58) {
		p.type = p.proto == 1 ? 8 : 128;
		p.code = 0;
	}
	test_case_add_flow(test, random, arena, &p, flow);
}

struct backend_nft_shape test_shape_random(struct test_random *random)
{
	static const unsigned leaves[] = {0, 1, 2, 4, 8}, budgets[] = {0, 10, 12, 20, 100},
			      boxes[] = {0, 1, 2, 4}, sorted[] = {0, 4, 8}, blocks[] = {0, 1, 4};
	return (struct backend_nft_shape){
		.form = test_random_chance(random, 30)
				? BACKEND_NFT_MIXED
				: test_random_below(random, BACKEND_NFT_MIXED + 1),
		.boxes_least = boxes[test_random_below(random, array_len(boxes))],
		.overlay_least = test_random_below(random, 2),
		.direct_least = test_random_below(random, 2),
		.large_least = test_random_below(random, 2),
		.sorted_least = sorted[test_random_below(random, array_len(sorted))],
		.blocks_least = blocks[test_random_below(random, array_len(blocks))],
		.beside_least = test_random_below(random, 2),
		.leaf_most = leaves[test_random_below(random, array_len(leaves))],
		.budget_x10 = budgets[test_random_below(random, array_len(budgets))]};
}

static struct backend_edit random_edit(struct test_random *random, const struct ir_ruleset *from,
				       const struct ir_ruleset *to, size_t at)
{
	size_t left = from->rule.len - at, skip = test_random_below(random, (uint32_t)left + 1);
	struct backend_edit edit = {.at = at + skip, .to = to->rule.len + skip};
	edit.removed = test_random_below(random, 3);
	if (edit.removed > left - skip)
		edit.removed = left - skip;
	edit.inserted = test_random_below(random, 3);
	return edit;
}

static void copy_rules(struct arena *arena, const struct ir_ruleset *from, size_t at, size_t end,
		       struct ir_ruleset *to)
{
	for (size_t i = at; i < end; i++)
		vec_push(arena, &to->rule, from->rule.at[i]);
}

// The second ruleset becomes the first with a few rules removed and some of its own put in.
static void edit_first(struct test_random *random, struct arena *arena, struct test_case *test)
{
	const struct ir_ruleset *first = &test->ruleset[0], own = test->ruleset[1];
	struct ir_ruleset out = {.default_action = first->default_action};
	size_t at = 0;
	test->edits = 1 + test_random_below(random, array_len(test->edit));
	for (size_t i = 0; i < test->edits; i++) {
		struct backend_edit *edit = &test->edit[i];
		*edit = random_edit(random, first, &out, at);
		copy_rules(arena, first, at, edit->at, &out);
		for (size_t k = 0; k < edit->inserted && own.rule.len; k++)
			vec_push(arena, &out.rule,
				 own.rule.at[test_random_below(random, (uint32_t)own.rule.len)]);
		edit->inserted = out.rule.len - edit->to;
		at = edit->at + edit->removed;
	}
	copy_rules(arena, first, at, first->rule.len, &out);
	if (!out.rule.len) {
		test->edits = 0; // packets are aimed at rules
		return;
	}
	test->ruleset[1] = out;
	test->shape[1] = test->shape[0];
	test->detours = test_random_below(random, TEST_DETOURS_MOST + 1);
	test->settles = test_random_below(random, 1u << (2 * TEST_DETOURS_MOST + 1));
}

void test_case_random(struct test_random *random, struct arena *arena, int64_t now,
		      struct test_case *out)
{
	*out = (struct test_case){.tracked = test_random_chance(random, 75)};
	out->changes = out->tracked;
	bool plain = test_random_chance(random, 25),
	     hosts = !plain && test_random_chance(random, 25);
	for (unsigned i = 0; i < 2; i++) {
		if (plain)
			test_policy_plain(random, arena, &out->ruleset[i]);
		else if (hosts)
			test_policy_hosts(random, arena, out->tracked, now, &out->ruleset[i]);
		else if (test_random_chance(random, 10))
			test_policy_about_one(random, arena, out->tracked, now, &out->ruleset[i]);
		else
			test_policy_random(random, arena, out->tracked, now, &out->ruleset[i]);
		out->shape[i] = test_shape_random(random);
	}
	if (out->changes && test_random_chance(random, 60))
		edit_first(random, arena, out);
	for (unsigned i = 0; i < ALONE; i++) {
		struct test_packet p;
		bool second = out->tracked && test_random_chance(random, 20);
		test_packet_random(random, &out->ruleset[second], out->tracked, &p);
		add(out, arena, &p, -1)->after_change = second;
	}
	for (int i = 0; i < FLOWS && out->tracked; i++)
		add_random_flow(out, random, arena, i);
}

// --- connection tracking ---

struct flow {
	const struct test_item *first;
	bool there, seen_reply, odd;
};

struct model {
	struct arena *arena;
	VEC(struct flow) flow;
};

static bool portless(const struct test_packet *p)
{
	return p->proto != 6 && p->proto != 17 && p->proto != 132 && p->proto != 136;
}

static bool icmp(const struct test_packet *p)
{
	return p->proto == (p->version == 4 ? 1 : 58);
}

static bool same_ends(const struct test_packet *a, const struct test_packet *b)
{
	bool ports = portless(a) || (a->sport == b->sport && a->dport == b->dport);
	return a->version == b->version && a->proto == b->proto && a->src == b->src &&
	       a->dst == b->dst && ports;
}

static uint8_t answer_type(const struct test_packet *p)
{
	switch (p->type) {
	case 8:
		return 0;
	case 128:
		return 129;
	case 139:
		return 140;
	default:
		return (uint8_t)(p->type + 1);
	}
}

static bool in_flow(const struct test_packet *first, const struct test_packet *p, bool *reply_out)
{
	struct test_packet back = turned(p);
	if (icmp(p)) {
		bool same = first->echo_id == p->echo_id && first->code == p->code;
		*reply_out = same && same_ends(first, &back) && p->type == answer_type(first);
		return *reply_out || (same && same_ends(first, p) && first->type == p->type);
	}
	*reply_out = same_ends(first, &back);
	return *reply_out || same_ends(first, p);
}

static struct flow *find(struct model *m, const struct test_packet *p, bool *reply_out)
{
	for (size_t i = m->flow.len; i-- > 0;)
		if (m->flow.at[i].there && in_flow(&m->flow.at[i].first->packet, p, reply_out))
			return &m->flow.at[i];
	return NULL;
}

static struct flow *flow_of(struct model *m, const struct test_item *item)
{
	for (size_t i = 0; i < m->flow.len; i++) {
		bool reply;
		if (m->flow.at[i].there &&
		    in_flow(&m->flow.at[i].first->packet, &item->packet, &reply))
			return &m->flow.at[i];
	}
	return NULL;
}

enum begins { BEGINS, BEGINS_NOT, IS_UNTRACKED, NOBODY_KNOWS };

static enum begins tcp_begins(uint8_t flags)
{
	unsigned counted = flags & 0x37u; // without push and the congestion bits
	bool valid = counted == 2 || counted == 0x22 || counted == 16 || counted == 0x30;
	return valid ? BEGINS : BEGINS_NOT;
}

static enum begins icmp_begins(const struct test_packet *p)
{
	if (p->version == 4)
		return p->type == 8 || p->type == 13 || p->type == 15 || p->type == 17 ? BEGINS
										       : BEGINS_NOT;
	if ((p->type >= 130 && p->type <= 136) || p->type == 143)
		return IS_UNTRACKED;
	return p->type == 128 || p->type == 139 ? BEGINS : BEGINS_NOT;
}

static enum begins begins(const struct test_packet *p)
{
	if (p->proto == 6)
		return tcp_begins(p->tcp_flags);
	if (icmp(p))
		return icmp_begins(p);
	if (p->proto == 132)
		return p->chunk == 1 ? BEGINS : p->chunk == 0 ? BEGINS_NOT : NOBODY_KNOWS;
	// Older kernels follow the states of DCCP, newer ones do not know it.
	return p->proto == 33 ? NOBODY_KNOWS : BEGINS;
}

static bool checked_sum(const struct test_packet *p)
{
	return p->proto == 6 || p->proto == 17 || p->proto == 132 || p->proto == 136 || icmp(p);
}

// --- judging ---

struct judging {
	struct model model;
	const struct ir_ruleset *ruleset;
	struct test_item *item;
	struct ir_packet *dims;
	int64_t now;
};

static void set_state(struct judging *j, unsigned state, const struct test_item *first, bool reply)
{
	ir_packet_set(j->dims, IR_STATE, state);
	j->dims->reply = reply;
	if (first) {
		struct ir_packet dims;
		test_packet_dims(&first->packet, &dims);
		test_packet_tuple(&dims, &j->item->first);
		j->dims->flow = &j->item->first;
	}
}

static bool evaluate(struct judging *j)
{
	struct ir_outcome outcome;
	ir_eval(j->ruleset, j->dims, j->model.arena, &outcome);
	j->item->verdict = outcome.verdict;
	j->item->rule = outcome.rule;
	return outcome.verdict == IR_PASS || outcome.verdict == IR_RATE_LIMIT;
}

static void judge_first(struct judging *j)
{
	enum begins how = begins(&j->item->packet);
	j->item->sent = how != NOBODY_KNOWS;
	if (how == BEGINS_NOT)
		set_state(j, IR_STATE_INVALID, NULL, false);
	else if (how == IS_UNTRACKED)
		set_state(j, IR_STATE_UNTRACKED, NULL, false);
	else
		set_state(j, IR_STATE_NEW, j->item, false);
	bool passes = evaluate(j);
	if (how == BEGINS && passes)
		vec_push(j->model.arena, &j->model.flow,
			 (struct flow){.first = j->item, .there = true});
}

// What a reset has closed, and odd flags in a known connection, are beyond the model.
static bool plain(const struct flow *flow, const struct test_item *item)
{
	const struct test_packet *p = &item->packet;
	if (p->proto == 6 && (item->flow < 0 || item->flow != flow->first->flow))
		return false;
	bool usual =
		p->tcp_flags == 2 || p->tcp_flags == 18 || p->tcp_flags == 16 || p->tcp_flags == 24;
	return !flow->odd && (p->proto != 6 || usual) && p->proto != 132;
}

static void judge_known(struct judging *j, struct flow *flow, bool reply)
{
	j->item->sent = plain(flow, j->item);
	if (!j->item->sent)
		return;
	flow->seen_reply |= reply;
	set_state(j, flow->seen_reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW, flow->first, reply);
	evaluate(j);
	flow->odd |= j->item->packet.proto == 6 && j->item->verdict == IR_REJECT;
}

static void judge_error(struct judging *j, const struct test_case *test)
{
	const struct test_item *about = &test->item.at[j->item->about];
	struct flow *flow = flow_of(&j->model, about);
	bool reply = false;
	if (!about->sent || (flow && flow->odd)) {
		j->item->sent = false;
		return;
	}
	// The packet it is about went one way, the error goes the other.
	if (flow)
		(void)in_flow(&flow->first->packet, &about->packet, &reply);
	if (flow)
		set_state(j, IR_STATE_RELATED, flow->first, !reply);
	else
		set_state(j, IR_STATE_INVALID, NULL, false);
	evaluate(j);
}

static bool surely_answered(const struct test_packet *p)
{
	if (p->bad_checksum || p->fragment || p->inner)
		return false;
	if (icmp(p))
		return p->type == (p->version == 4 ? 8 : 128);
	// The kernel answers only packets whose checksum it can verify, or that are known to have none.
	static const uint8_t sure[] = {6, 17, 50, 132, 136};
	if (!memchr(sure, p->proto, sizeof(sure)))
		return false;
	return p->proto != 6 || !(p->tcp_flags & 4);
}

static void judge(struct judging *j, const struct test_case *test)
{
	struct test_item *item = j->item;
	bool reply = false;
	item->packet.inner = item->about >= 0 ? item->inner : NULL;
	test_packet_dims(&item->packet, &item->dims);
	item->dims.time = j->now;
	item->answer_sure = surely_answered(&item->packet);
	struct flow *flow = find(&j->model, &item->packet, &reply);
	if (!test->tracked) {
		evaluate(j);
	} else if (item->packet.bad_checksum && checked_sum(&item->packet)) {
		set_state(j, IR_STATE_INVALID, NULL, false);
		evaluate(j);
	} else if (item->about >= 0) {
		judge_error(j, test);
	} else if (flow) {
		judge_known(j, flow, reply);
	} else {
		judge_first(j);
	}
}

void test_case_judge(struct test_case *test, struct arena *arena, int64_t now)
{
	struct judging j = {.model = {.arena = arena}, .now = now};
	for (unsigned change = 0; change < 2; change++)
		for (size_t i = 0; i < test->item.len; i++) {
			j.item = &test->item.at[i];
			if (j.item->after_change != change)
				continue;
			j.item->sent = !j.item->left_out;
			if (!j.item->sent)
				continue;
			j.item->arrived = j.item->answered = false;
			j.dims = &j.item->dims;
			j.ruleset = &test->ruleset[change];
			judge(&j, test);
		}
}

static bool applied(const struct ir_rule *rule, const struct ir_packet *packet)
{
	bool rate = rule->rate.packets || rule->rate.flows || rule->rate.bytes_x100;
	if (rate && rule->verdict != IR_RATE_LIMIT)
		return false; // the rates of these tests are never exceeded
	for (size_t i = 0; i < rule->clauses; i++)
		if (ir_clause_matches(&rule->clause[i], rule, packet))
			return true;
	return false;
}

void test_case_counts(const struct test_case *test, unsigned which, uint64_t *counts,
		      uint64_t *by_default, uint64_t *no_flow)
{
	const struct ir_ruleset *ruleset = &test->ruleset[which];
	bool flow_rules = false;
	*by_default = *no_flow = 0;
	for (size_t r = 0; r < ruleset->rule.len; r++) {
		counts[r] = 0;
		flow_rules |= ruleset->rule.at[r].flow;
	}
	for (size_t i = 0; i < test->item.len; i++) {
		const struct test_item *item = &test->item.at[i];
		if (!item->sent || item->after_change != which)
			continue;
		for (size_t r = 0; r < ruleset->rule.len; r++) {
			const struct ir_rule *rule = &ruleset->rule.at[r];
			counts[r] += applied(rule, &item->dims);
			if (rule == item->rule)
				break;
		}
		if (!item->rule && flow_rules && !item->dims.flow)
			++*no_flow;
		else if (!item->rule)
			++*by_default;
	}
}
