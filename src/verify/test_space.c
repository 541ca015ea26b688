// SPDX-License-Identifier: Apache-2.0
// All packets of a case. Why representatives are all of them is said in test.h, by the same numbers as here.
#include "verify/test.h"

#include <assert.h>
#include <string.h>

#define TRUTHS_MOST 8 // distinct opaque conditions and rates of one case
#define DAY 86400

struct axis {
	VEC(struct algebra_set) set;
	VEC(u128) value; // representatives
};

struct verify_test_inner {
	struct axis axis[IR_DIMS];
	VEC(struct ir_clause) clock; // clauses that read it
	VEC(int64_t) time;
	VEC(const struct ir_opaque *) opaque;
	VEC(const struct ir_rule *) rate; // one rule for each distinct rate
	bool flows, states;
	enum ir_dim order[IR_TIME];
	VEC(struct ir_ruleset) single; // each rule alone
	size_t packets;
};

// The truths of one packet: its context.
struct truths {
	const struct verify_test_inner *inner;
	uint32_t bits;
};

struct walk {
	struct verify_test_space *space;
	struct verify_test_inner *inner;
	struct ir_packet packet;
	struct truths truths;
	struct arena scratch;
	bool too_many;
};

// --- step 5: truths ---

static bool same_opaque(const struct ir_opaque *a, const struct ir_opaque *b)
{
	bool same = a->kind == b->kind && a->len == b->len;
	for (size_t i = 0; same && i < a->len; i++)
		same = !strcmp(a->value[i], b->value[i]);
	return same;
}

static bool same_clause(const struct ir_clause *a, const struct ir_clause *b)
{
	bool same = a->len == b->len && a->clock == b->clock;
	for (size_t i = 0; same && i < a->len; i++)
		same = a->cond[i].dim == b->cond[i].dim &&
		       algebra_set_equal(a->cond[i].set, b->cond[i].set);
	return same;
}

static bool same_rate(const struct ir_rule *a, const struct ir_rule *b)
{
	bool same = a->rate.packets == b->rate.packets && a->rate.flows == b->rate.flows &&
		    a->rate.bytes_x100 == b->rate.bytes_x100 && a->clauses == b->clauses;
	for (size_t i = 0; same && i < a->clauses; i++)
		same = same_clause(&a->clause[i], &b->clause[i]);
	return same;
}

static bool opaque_holds(const struct ir_packet *packet, const struct ir_opaque *opaque,
			 bool *known_out)
{
	const struct truths *t = packet->context;
	for (size_t i = 0; i < t->inner->opaque.len; i++)
		if (same_opaque(t->inner->opaque.at[i], opaque)) {
			*known_out = true;
			return t->bits >> i & 1;
		}
	return false;
}

static bool rate_exceeded(const struct ir_packet *packet, const struct ir_rule *rule)
{
	const struct truths *t = packet->context;
	for (size_t i = 0; i < t->inner->rate.len; i++)
		if (same_rate(t->inner->rate.at[i], rule))
			return t->bits >> (t->inner->opaque.len + i) & 1;
	return false;
}

static bool conditional_rate(const struct ir_rule *rule)
{
	return rule->verdict != IR_RATE_LIMIT &&
	       (rule->rate.packets || rule->rate.flows || rule->rate.bytes_x100);
}

// --- collecting what can tell packets apart ---

static void add_clause(struct verify_test_space *s, const struct ir_clause *clause)
{
	struct ir_clause clock = {.clock = clause->clock};
	clock.cond = arena_array(s->arena, struct ir_cond, clause->len);
	for (size_t i = 0; i < clause->len; i++) {
		const struct ir_cond *cond = &clause->cond[i];
		if (ir_dim_info[cond->dim].kind == IR_KIND_CLOCK)
			clock.cond[clock.len++] = *cond;
		else
			vec_push(s->arena, &s->inner->axis[cond->dim].set, cond->set);
	}
	if (clock.len)
		vec_push(s->arena, &s->inner->clock, clock);
}

static void add_truths(struct verify_test_space *s, const struct ir_rule *rule)
{
	struct verify_test_inner *in = s->inner;
	for (size_t i = 0; i < rule->opaques; i++) {
		bool known = false;
		for (size_t k = 0; k < in->opaque.len; k++)
			known |= same_opaque(in->opaque.at[k], &rule->opaque[i]);
		if (!known)
			vec_push(s->arena, &in->opaque, &rule->opaque[i]);
	}
	bool known = !conditional_rate(rule);
	for (size_t k = 0; k < in->rate.len; k++)
		known |= same_rate(in->rate.at[k], rule);
	if (!known)
		vec_push(s->arena, &in->rate, rule);
}

// A rule that only logs must leave a trace, or nobody could see that it matches.
static void add_rule(struct verify_test_space *s, const struct ir_rule *rule, bool judges)
{
	struct ir_ruleset single = {0};
	struct ir_rule copy = *rule;
	if (copy.verdict == IR_NONE)
		copy.log = IR_LOG_RULE;
	vec_push(s->arena, &single.rule, copy);
	vec_push(s->arena, &s->inner->single, single);
	for (size_t i = 0; i < rule->clauses; i++)
		add_clause(s, &rule->clause[i]);
	add_truths(s, rule);
	s->inner->flows |= rule->flow && judges;
}

static void collect(struct verify_test_space *s)
{
	const struct verify_test_case *t = s->test;
	for (size_t i = 0; i < t->a.rule.len; i++)
		add_rule(s, &t->a.rule.at[i], true);
	for (size_t i = 0; i < t->b.rule.len; i++)
		add_rule(s, &t->b.rule.at[i], true);
	for (size_t i = 0; i < t->guarantee.len; i++)
		add_rule(s, &t->guarantee.at[i], t->guarantee.at[i].flow);
	if (t->where)
		add_clause(s, t->where);
	if (s->within)
		add_clause(s, s->within);
	s->inner->states = s->inner->axis[IR_STATE].set.len > 0;
}

// --- which packets exist ---

static bool has_ports(u128 proto)
{
	return proto == 6 || proto == 17 || proto == 33 || proto == 132 || proto == 136;
}

static bool has_dim(enum ir_dim dim, u128 family, u128 proto, u128 fragment)
{
	bool four = family == 4, whole = !fragment;
	if (!family) // not IP
		return dim == IR_IN || dim == IR_OUT || dim == IR_ETHERTYPE || dim == IR_SMAC ||
		       dim == IR_DMAC;
	switch ((int)dim) {
	case IR_SRC4:
	case IR_DST4:
	case IR_IHL:
	case IR_IPFLAGS:
	case IR_FRAGOFF:
	case IR_IPID:
		return four;
	case IR_SRC6:
	case IR_DST6:
	case IR_FLOWLABEL:
		return !four;
	case IR_SPORT:
	case IR_DPORT:
		return whole && has_ports(proto);
	case IR_ICMP4:
		return whole && four && proto == 1;
	case IR_ICMP6:
		return !four && proto == 58;
	case IR_TCPFLAGS:
	case IR_TCPSEQ:
	case IR_TCPACK:
	case IR_TCPOFFSET:
	case IR_TCPRESERVED:
	case IR_TCPWINDOW:
	case IR_TCPURGENT:
		return whole && proto == 6;
	case IR_UDPLEN:
		return whole && (proto == 17 || proto == 136);
	case IR_SCTPCHUNK:
		return whole && proto == 132;
	case IR_DCCPTYPE:
	case IR_DCCPOFFSET:
	case IR_DCCPSERVICE:
		return whole && proto == 33;
	default:
		return true;
	}
}

static bool fits_family(u128 family, u128 ethertype)
{
	return (ethertype == 0x0800) == (family == 4) && (ethertype == 0x86dd) == (family == 6);
}

// What lies behind the IP header: only the first fragment has it.
static bool is_transport(unsigned dim)
{
	return (dim >= IR_SPORT && dim <= IR_ICMP6) ||
	       (dim >= IR_TCPFLAGS && dim <= IR_DCCPSERVICE);
}

static bool is_fragment(const struct ir_packet *packet)
{
	return packet->has >> IR_FRAGOFF & 1 && packet->value[IR_FRAGOFF];
}

static void cut_transport(struct ir_packet *packet)
{
	for (unsigned d = 0; d < IR_DIMS; d++)
		if (is_transport(d) && is_fragment(packet))
			packet->has &= ~((uint64_t)1 << d);
}

// --- step 3: replies ---

static enum ir_dim other_end(enum ir_dim dim)
{
	static const enum ir_dim ends[][2] = {
		{IR_SRC4, IR_DST4}, {IR_SRC6, IR_DST6}, {IR_SPORT, IR_DPORT}};
	for (size_t i = 0; i < array_len(ends); i++) {
		if (ends[i][0] == dim)
			return ends[i][1];
		if (ends[i][1] == dim)
			return ends[i][0];
	}
	return dim;
}

// The type that answers a request; false: nothing does.
static bool answer_type(enum ir_dim dim, u128 *value)
{
	switch ((unsigned)(*value >> 8)) {
	case 8:
		*value -= 8 * 256;
		return dim == IR_ICMP4;
	case 13:
	case 15:
	case 17:
		*value += 256;
		return dim == IR_ICMP4;
	case 128:
		*value += 256;
		return dim == IR_ICMP6;
	default:
		return false;
	}
}

// The packet against the direction of the flow that begins with `first`; false when there is none.
static bool turn_round(const struct ir_packet *first, struct ir_packet *out)
{
	*out = *first;
	for (unsigned d = 0; d < IR_DIMS; d++)
		if (first->has >> d & 1)
			out->value[other_end((enum ir_dim)d)] = first->value[d];
	bool answered = true;
	if (out->has >> IR_ICMP4 & 1)
		answered = answer_type(IR_ICMP4, &out->value[IR_ICMP4]);
	if (out->has >> IR_ICMP6 & 1)
		answered = answer_type(IR_ICMP6, &out->value[IR_ICMP6]);
	return answered;
}

// --- steps 1 and 2: one value of each kind ---

struct signature {
	uint8_t bit[512];
	size_t len;
};
struct known {
	struct arena arena;
	VEC(struct signature) list; // of the values, or times, that were found
};

static void sign_sets(struct signature *to, const struct axis *axis, u128 value, bool there)
{
	for (size_t i = 0; i < axis->set.len; i++) {
		assert(to->len < sizeof(to->bit));
		to->bit[to->len++] = there && algebra_set_has(axis->set.at[i], value);
	}
}

static void sign_protocol(struct signature *to, const struct verify_test_inner *in, u128 value)
{
	for (unsigned d = 0; d < IR_TIME; d++)
		if (in->axis[d].set.len) {
			to->bit[to->len++] = has_dim((enum ir_dim)d, 4, value, 0);
			to->bit[to->len++] = has_dim((enum ir_dim)d, 6, value, 0);
		}
}

static void sign(const struct verify_test_inner *in, enum ir_dim dim, u128 value,
		 struct signature *to)
{
	u128 answer = value;
	to->len = 0;
	sign_sets(to, &in->axis[dim], value, true);
	if (dim == IR_PROTO)
		sign_protocol(to, in, value);
	if (dim == IR_FRAGOFF)
		to->bit[to->len++] = value > 0;
	if (dim == IR_ETHERTYPE)
		to->bit[to->len++] = (uint8_t)(value == 0x0800 ? 4 : value == 0x86dd ? 6 : 0);
	if (dim == IR_FAMILY || (dim == IR_STATE && in->states))
		to->bit[to->len++] = (uint8_t)value;
	if (in->flows && other_end(dim) != dim)
		sign_sets(to, &in->axis[other_end(dim)], value, true);
	if (in->flows && (dim == IR_ICMP4 || dim == IR_ICMP6)) {
		bool answered = answer_type(dim, &answer);
		to->bit[to->len++] = answered;
		sign_sets(to, &in->axis[dim], answer, answered);
	}
}

static bool is_new(struct known *known, const struct signature *is)
{
	for (size_t i = 0; i < known->list.len; i++)
		if (known->list.at[i].len == is->len &&
		    !memcmp(known->list.at[i].bit, is->bit, is->len))
			return false;
	vec_push(&known->arena, &known->list, *is);
	return true;
}

static void offer(struct verify_test_space *s, enum ir_dim dim, u128 value, struct known *known)
{
	struct signature is;
	if (value > algebra_max(ir_dim_info[dim].bits))
		return;
	sign(s->inner, dim, value, &is);
	if (is_new(known, &is))
		vec_push(s->arena, &s->inner->axis[dim].value, value);
}

static void offer_edge(struct verify_test_space *s, enum ir_dim dim, u128 edge, struct known *known)
{
	offer(s, dim, edge, known);
	if (dim == IR_ICMP4 || dim == IR_ICMP6) { // what is answered by this
		offer(s, dim, edge + 8 * 256, known);
		offer(s, dim, edge - 256, known);
	}
}

static void offer_edges(struct verify_test_space *s, enum ir_dim dim, const struct axis *from,
			struct known *known)
{
	for (size_t i = 0; i < from->set.len; i++)
		for (size_t k = 0; k < from->set.at[i].len; k++) {
			struct algebra_range r = from->set.at[i].at[k];
			offer_edge(s, dim, r.lo, known);
			if (r.hi < algebra_max(ir_dim_info[dim].bits))
				offer_edge(s, dim, r.hi + 1, known);
		}
}

static void offer_special(struct verify_test_space *s, enum ir_dim dim, struct known *known)
{
	static const uint8_t protocols[] = {6, 17, 1, 58, 132, 136, 33},
			     types[] = {8, 9, 13, 14, 15, 16, 17, 18, 128, 129};
	for (size_t i = 0; i < array_len(protocols) && dim == IR_PROTO; i++)
		offer(s, dim, protocols[i], known);
	static const uint16_t ethertypes[] = {0x0800, 0x86dd, 0x0806};
	for (size_t i = 0; i < array_len(ethertypes) && dim == IR_ETHERTYPE; i++)
		offer(s, dim, ethertypes[i], known);
	for (u128 v = 0; v <= 4 && dim == IR_STATE; v++)
		offer(s, dim, v, known);
	if (dim == IR_IN || dim == IR_OUT) // no interface is without a name
		offer(s, dim, (u128)'l' << 120 | (u128)'o' << 112, known);
	offer(s, dim, 0, known);
	if (dim == IR_FRAGOFF && s->inner->axis[dim].set.len)
		offer(s, dim, 1, known);
	for (size_t i = 0; i < array_len(types) && (dim == IR_ICMP4 || dim == IR_ICMP6); i++)
		offer(s, dim, types[i] * 256u, known);
}

static void find_values(struct verify_test_space *s, enum ir_dim dim)
{
	struct known known = {.list = {0}};
	arena_init(&known.arena);
	if (dim == IR_FAMILY) {
		offer(s, dim, 4, &known);
		offer(s, dim, 6, &known);
		if (s->inner->axis[IR_ETHERTYPE].set.len)
			offer(s, dim, 0, &known);
	} else {
		offer_special(s, dim, &known);
		offer_edges(s, dim, &s->inner->axis[dim], &known);
		if (other_end(dim) != dim)
			offer_edges(s, dim, &s->inner->axis[other_end(dim)], &known);
	}
	arena_fini(&known.arena);
}

// Dimensions that say which others there are come first, then those with one value.
static void find_order(struct verify_test_inner *in)
{
	static const enum ir_dim lead[] = {IR_FAMILY, IR_PROTO, IR_FRAGOFF};
	size_t n = 0;
	for (size_t i = 0; i < array_len(lead); i++)
		in->order[n++] = lead[i];
	for (unsigned many = 0; many < 2; many++)
		for (unsigned d = 0; d < IR_TIME; d++)
			if (d != IR_FAMILY && d != IR_PROTO && d != IR_FRAGOFF &&
			    (in->axis[d].value.len > 1) == many)
				in->order[n++] = (enum ir_dim)d;
	assert(n == IR_TIME);
}

// --- step 4: times ---

static void offer_time(struct verify_test_space *s, int64_t time, struct known *known)
{
	static const struct ir_rule reads_packet = {.verdict = IR_PASS};
	struct verify_test_inner *in = s->inner;
	struct ir_packet packet = {.time = time};
	struct signature is = {.len = 0};
	if (time < s->test->from || time >= s->test->until)
		return;
	for (size_t i = 0; i < in->clock.len; i++)
		is.bit[is.len++] = ir_clause_matches(&in->clock.at[i], &reads_packet, &packet);
	if (is_new(known, &is))
		vec_push(s->arena, &in->time, time);
}

static void offer_days(struct verify_test_space *s, const struct ir_clause *clause,
		       struct known *known)
{
	const struct algebra_set *hours = ir_clause_set(clause, IR_HOUR);
	for (int64_t day = s->test->from / DAY - 2; day <= s->test->until / DAY + 2; day++) {
		int64_t begin = day * DAY - clause->clock;
		offer_time(s, begin, known);
		for (size_t i = 0; hours && i < hours->len; i++) {
			offer_time(s, begin + (int64_t)hours->at[i].lo, known);
			offer_time(s, begin + (int64_t)hours->at[i].hi + 1, known);
		}
	}
}

static void find_times(struct verify_test_space *s)
{
	struct verify_test_inner *in = s->inner;
	struct known known = {.list = {0}};
	arena_init(&known.arena);
	offer_time(s, s->test->from, &known);
	for (size_t i = 0; i < in->clock.len; i++) {
		const struct algebra_set *times = ir_clause_set(&in->clock.at[i], IR_TIME);
		for (size_t k = 0; times && k < times->len; k++) {
			offer_time(s, (int64_t)times->at[k].lo, &known);
			if (times->at[k].hi < INT64_MAX)
				offer_time(s, (int64_t)times->at[k].hi + 1, &known);
		}
		offer_days(s, &in->clock.at[i], &known);
	}
	arena_fini(&known.arena);
}

// --- walking ---

static uint64_t matches(struct walk *w)
{
	uint64_t match = 0;
	for (size_t i = 0; i < w->inner->single.len; i++) {
		struct ir_outcome outcome;
		ir_eval(&w->inner->single.at[i], &w->packet, &w->scratch, &outcome);
		if (outcome.rule || outcome.logged.len)
			match |= (uint64_t)1 << i;
	}
	return match;
}

static const struct ir_packet *keep(struct walk *w)
{
	struct arena *arena = w->space->arena;
	struct ir_packet *packet = arena_memdup(arena, &w->packet, sizeof(w->packet));
	packet->context = arena_memdup(arena, &w->truths, sizeof(w->truths));
	if (packet->flow)
		packet->flow = arena_memdup(arena, packet->flow, sizeof(*packet->flow));
	return packet;
}

static bool asked_about(const struct walk *w)
{
	static const struct ir_rule reads_packet = {.verdict = IR_PASS};
	const struct ir_clause *where = w->space->test->where, *within = w->space->within;
	return (!where || ir_clause_matches(where, &reads_packet, &w->packet)) &&
	       (!within || ir_clause_matches(within, &reads_packet, &w->packet));
}

static void take(struct walk *w)
{
	struct verify_test_space *s = w->space;
	if (!asked_about(w))
		return;
	uint64_t match = matches(w);
	for (size_t i = s->class.len; i-- > 0;) {
		struct verify_test_class *c = &s->class.at[i];
		if (c->match == match && c->packet->reply == w->packet.reply &&
		    !c->packet->flow == !w->packet.flow) {
			c->packets++;
			return;
		}
	}
	vec_push(s->arena, &s->class, (struct verify_test_class){match, keep(w), 1});
}

static void take_all_times(struct walk *w)
{
	size_t truths = w->inner->opaque.len + w->inner->rate.len;
	w->packet.opaque_holds = opaque_holds;
	w->packet.rate_exceeded = rate_exceeded;
	w->packet.context = &w->truths;
	for (size_t i = 0; i < w->inner->time.len; i++)
		for (uint32_t bits = 0; bits < 1u << truths && !w->too_many; bits++) {
			w->packet.time = w->inner->time.at[i];
			w->truths.bits = bits;
			w->too_many |= ++w->inner->packets > VERIFY_TEST_PACKETS;
			take(w);
		}
}

static void take_state(struct walk *w, unsigned state, const struct ir_packet *flow, bool reply)
{
	w->packet.flow = flow;
	w->packet.reply = reply;
	ir_packet_set(&w->packet, IR_STATE, state);
	take_all_times(w);
}

// Packets that are not IP have no state.
static void take_other(struct walk *w)
{
	w->packet.flow = NULL;
	w->packet.reply = false;
	w->packet.has &= ~((uint64_t)1 << IR_STATE | (uint64_t)1 << IR_FAMILY);
	take_all_times(w);
}

static void take_along(struct walk *w, const struct ir_packet *first)
{
	bool states = w->inner->states, flows = w->inner->flows;
	w->packet = *first;
	cut_transport(&w->packet);
	take_state(w, IR_STATE_NEW, first, false);
	for (unsigned state = IR_STATE_ESTABLISHED; state <= IR_STATE_RELATED && states; state++)
		take_state(w, state, first, false);
	if (states || flows)
		take_state(w, IR_STATE_INVALID, NULL, false);
	if (states)
		take_state(w, IR_STATE_UNTRACKED, NULL, false);
}

static void take_against(struct walk *w, const struct ir_packet *first)
{
	if (!w->inner->flows || !turn_round(first, &w->packet))
		return;
	cut_transport(&w->packet);
	take_state(w, IR_STATE_ESTABLISHED, first, true);
	if (w->inner->states)
		take_state(w, IR_STATE_RELATED, first, true);
}

// Connection tracking makes the flow and the state together.
static void take_flows(struct walk *w)
{
	const struct ir_packet first = w->packet;
	if (first.value[IR_FAMILY]) {
		take_along(w, &first);
		take_against(w, &first);
	} else {
		take_other(w);
	}
	w->packet = first;
}

static void walk(struct walk *w, size_t depth)
{
	if (depth == IR_TIME) {
		take_flows(w);
		return;
	}
	enum ir_dim dim = w->inner->order[depth];
	u128 *v = w->packet.value;
	bool is =
		dim == IR_FAMILY || (dim != IR_STATE && has_dim(dim, v[IR_FAMILY], v[IR_PROTO], 0));
	w->packet.has &= ~((uint64_t)1 << dim);
	v[dim] = 0;
	if (!is)
		walk(w, depth + 1);
	for (size_t i = 0; is && i < w->inner->axis[dim].value.len && !w->too_many; i++) {
		u128 value = w->inner->axis[dim].value.at[i];
		if (dim == IR_ETHERTYPE && !fits_family(v[IR_FAMILY], value))
			continue;
		ir_packet_set(&w->packet, dim, value);
		walk(w, depth + 1);
	}
}

bool verify_test_space(const struct verify_test_case *test, const struct ir_clause *within,
		       struct arena *arena, struct verify_test_space *out)
{
	*out = (struct verify_test_space){.arena = arena, .test = test, .within = within};
	out->inner = arena_new(arena, struct verify_test_inner);
	collect(out);
	struct verify_test_inner *in = out->inner;
	if (in->single.len > VERIFY_TEST_RULES || in->opaque.len + in->rate.len > TRUTHS_MOST)
		return false;
	for (unsigned d = 0; d < IR_TIME; d++)
		find_values(out, (enum ir_dim)d);
	find_order(in);
	find_times(out);
	struct walk w = {.space = out, .inner = in, .truths = {.inner = in}};
	arena_init(&w.scratch);
	walk(&w, 0);
	arena_fini(&w.scratch);
	return !w.too_many;
}

// --- one packet of somebody else's ---

static const char *strange_flow(const struct ir_packet *packet)
{
	unsigned state = (unsigned)packet->value[IR_STATE];
	bool stateful = packet->has >> IR_STATE & 1;
	if (packet->reply && !packet->flow)
		return "a reply without a flow";
	if (!stateful)
		return NULL;
	if (state > IR_STATE_UNTRACKED)
		return "a connection state that does not exist";
	if (!packet->flow != (state >= IR_STATE_INVALID))
		return "flow and connection state do not fit";
	if (packet->reply && state == IR_STATE_NEW)
		return "a reply in state new";
	return NULL;
}

// The flow's first packet: itself, or the one that it answers.
static const char *strange_tuple(const struct ir_packet *packet)
{
	struct ir_packet back;
	const struct ir_packet *first = packet->flow;
	if (packet->reply && !turn_round(first, &back))
		return "a reply to what is not answered";
	for (unsigned d = 0; d < IR_DIMS; d++) {
		if (ir_dim_info[d].kind != IR_KIND_TUPLE ||
		    (is_transport(d) && is_fragment(packet)))
			continue;
		const struct ir_packet *is = packet->reply ? &back : first;
		if ((is->has >> d & 1) != (packet->has >> d & 1) ||
		    ((is->has >> d & 1) && is->value[d] != packet->value[d]))
			return "the flow's first packet does not fit the packet";
	}
	return NULL;
}

static bool is_asked_for(const struct ir_ruleset *ruleset, enum ir_dim dim)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		for (size_t k = 0; k < ruleset->rule.at[i].clauses; k++)
			if (ir_clause_set(&ruleset->rule.at[i].clause[k], dim))
				return true;
	return false;
}

static const char *strange_dims(const struct verify_test_case *test, const struct ir_packet *packet)
{
	const u128 *v = packet->value;
	bool fragment = is_fragment(packet);
	for (unsigned d = 0; d < IR_DIMS; d++) {
		bool clock = ir_dim_info[d].kind == IR_KIND_CLOCK, is = packet->has >> d & 1;
		bool may = has_dim((enum ir_dim)d, v[IR_FAMILY], v[IR_PROTO], fragment);
		if (is && (clock || !may))
			return "a dimension that such packets do not have";
		if (!is && !clock && may && is_asked_for(&test->a, (enum ir_dim)d))
			return "a dimension is missing that rules ask for";
	}
	return NULL;
}

const char *verify_test_strange(const struct verify_test_case *test, const struct ir_packet *packet)
{
	const u128 *v = packet->value;
	bool ip = packet->has >> IR_FAMILY & 1;
	if (ip && v[IR_FAMILY] != 4 && v[IR_FAMILY] != 6)
		return "an IP version that does not exist";
	if (!ip && !(packet->has >> IR_ETHERTYPE & 1))
		return "neither IP nor an EtherType";
	if (ip && !(packet->has >> IR_PROTO & 1))
		return "no protocol";
	if (packet->has >> IR_ETHERTYPE & 1 && !fits_family(v[IR_FAMILY], v[IR_ETHERTYPE]))
		return "EtherType and IP version do not fit";
	if (packet->time < test->from || packet->time >= test->until)
		return "outside of the time that was asked about";
	const char *strange = strange_dims(test, packet);
	strange = strange ? strange : strange_flow(packet);
	return strange || !packet->flow ? strange : strange_tuple(packet);
}
