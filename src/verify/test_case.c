// SPDX-License-Identifier: Apache-2.0
// Random rules over a shrunken header: few values in few dimensions, so that rules meet, hide and undo each other often,
// and all packets can be tried.
#include "verify/test.h"
#include "base/buf.h"

#include <string.h>

#define RULES_MOST 9
#define DAY 86400
#define NOW 1773187200 // 2026-03-11T00:00:00Z, a Wednesday

static uint32_t below(struct verify_test_world *w, uint32_t n)
{
	return test_random_below(w->random, n);
}

static bool chance(struct verify_test_world *w, unsigned percent)
{
	return test_random_chance(w->random, percent);
}

// --- sets ---

static u128 v6(uint64_t high, uint64_t low)
{
	return (u128)high << 64 | low;
}

// The first of the few values that rules of this dimension speak about, the step between them, and how many there are.
struct scale {
	u128 base, step;
	unsigned values;
};

static struct scale scale_of(enum ir_dim dim)
{
	switch ((int)dim) {
	case IR_SRC4:
		return (struct scale){0x0a000008, 1, 8};
	case IR_DST4:
		return (struct scale){0x0a00000c, 1, 4};
	case IR_SRC6: // in the lower half, and across the middle
		return (struct scale){v6(0x20010db800000000, 8), 1, 8};
	case IR_DST6:
		return (struct scale){v6(0x20010db800000000, 0), (u128)1 << 64, 4};
	case IR_SPORT:
	case IR_DPORT:
		return (struct scale){0, 1, 8};
	case IR_ICMP4:
		return (struct scale){0, 256, 20};
	case IR_ICMP6:
		return (struct scale){127 * 256, 256, 4};
	case IR_SMAC:
	case IR_DMAC:
		return (struct scale){0x020000000000u, 1, 4};
	case IR_LENGTH:
		return (struct scale){60, 20, 4};
	case IR_TTL:
		return (struct scale){63, 1, 3};
	default:
		return (struct scale){0, 1, 6};
	}
}

static void add_range(struct verify_test_world *w, enum ir_dim dim, struct algebra_builder *b)
{
	struct scale s = scale_of(dim);
	u128 max = algebra_max(ir_dim_info[dim].bits);
	unsigned at = below(w, s.values), span = below(w, s.values - at);
	u128 lo = s.base + at * s.step, hi = lo + s.step - 1;
	switch (below(w, 6)) {
	case 0: // to the end
		hi = max;
		break;
	case 1: // from the beginning
		lo = 0;
		break;
	case 2: // a prefix
		lo &= ~((u128)1 << below(w, 3));
		hi = lo | ((u128)s.step * (1u << below(w, 3)) - 1);
		break;
	default:
		hi += span * s.step;
	}
	algebra_builder_add(b, lo, lo > hi ? lo : hi > max ? max : hi);
}

static u128 name_value(const char *text, uint8_t fill)
{
	u128 v = 0;
	for (size_t i = 0, len = strlen(text); i < 16; i++)
		v = v << 8 | (i < len ? (uint8_t)text[i] : fill);
	return v;
}

static void add_interface(struct verify_test_world *w, struct algebra_builder *b)
{
	static const char *const names[] = {"eth0", "eth1", "wan"};
	const char *name = chance(w, 20) ? "eth" : names[below(w, array_len(names))];
	bool open = strlen(name) == 3 && name[0] == 'e';
	algebra_builder_add(b, name_value(name, 0), name_value(name, open ? 0xff : 0));
}

// Flags as people ask for them: those of a mask have a value.
static void add_flags(struct verify_test_world *w, struct algebra_builder *b)
{
	static const uint8_t masks[] = {2, 18, 16, 4, 19};
	unsigned mask = masks[below(w, array_len(masks))], value = below(w, 32) & mask;
	for (unsigned v = 0; v < 256; v++)
		if ((v & mask) == value)
			algebra_builder_add(b, v, v);
}

static void add_protocol(struct verify_test_world *w, struct algebra_builder *b)
{
	static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 58, 132};
	unsigned p = protocols[below(w, array_len(protocols))];
	algebra_builder_add(b, p, chance(w, 10) ? p + 11 : p);
}

static void add_time(struct verify_test_world *w, enum ir_dim dim, struct algebra_builder *b)
{
	int64_t lo = w->now + (int64_t)below(w, 8) * 21600,
		hi = lo + 3599 + (int64_t)below(w, 6) * 21600;
	unsigned weekday = below(w, 7), hour = below(w, 8) * 10800,
		 hours = 3599 + below(w, 6) * 3600;
	switch ((int)dim) {
	case IR_TIME:
		algebra_builder_add(b, (u128)lo, chance(w, 20) ? algebra_max(64) : (u128)hi);
		break;
	case IR_HOUR:
		algebra_builder_add(b, hour, hour + hours >= DAY ? DAY - 1 : hour + hours);
		break;
	case IR_WDAY:
		algebra_builder_add(b, weekday, weekday + below(w, 7 - weekday));
		break;
	case IR_MDAY:
		algebra_builder_add(b, 10 + below(w, 4), 13);
		break;
	default:
		algebra_builder_add(b, 310 + below(w, 3), 312 + below(w, 20));
	}
}

static void add_some(struct verify_test_world *w, enum ir_dim dim, struct algebra_builder *b)
{
	static const uint16_t ethertypes[] = {0x0800, 0x86dd, 0x0806, 0x8100};
	unsigned ethertype = ethertypes[below(w, array_len(ethertypes))], state = below(w, 5);
	if (ir_dim_info[dim].kind == IR_KIND_CLOCK)
		add_time(w, dim, b);
	else if (dim == IR_IN || dim == IR_OUT)
		add_interface(w, b);
	else if (dim == IR_TCPFLAGS)
		add_flags(w, b);
	else if (dim == IR_PROTO)
		add_protocol(w, b);
	else if (dim == IR_FAMILY)
		algebra_builder_add(b, chance(w, 50) ? 4 : 6, 6);
	else if (dim == IR_ETHERTYPE)
		algebra_builder_add(b, ethertype, ethertype);
	else if (dim == IR_STATE)
		algebra_builder_add(b, state, state + below(w, 5 - state));
	else
		add_range(w, dim, b);
}

static struct algebra_set some_set(struct verify_test_world *w, enum ir_dim dim)
{
	struct algebra_builder b = {.arena = w->arena};
	for (unsigned i = 0, n = chance(w, 70) ? 1 : 2 + below(w, 2); i < n; i++)
		add_some(w, dim, &b);
	struct algebra_set set = algebra_builder_take(&b);
	u128 max = dim == IR_FAMILY ? 6 : algebra_max(ir_dim_info[dim].bits);
	struct algebra_set rest = algebra_set_complement(w->arena, set, max);
	bool clock = ir_dim_info[dim].kind == IR_KIND_CLOCK && dim != IR_TIME;
	return rest.len && !clock && chance(w, 12) ? rest : set;
}

// --- clauses ---

static bool fits(const struct verify_test_world *w, enum ir_dim dim, unsigned family)
{
	bool four = dim == IR_SRC4 || dim == IR_DST4 || dim == IR_ICMP4 || dim == IR_FRAGOFF,
	     six = dim == IR_SRC6 || dim == IR_DST6 || dim == IR_ICMP6;
	return four ? family == 4 : !six || family == 6 || !(w->families & 1);
}

static void narrow(struct verify_test_world *w, struct ir_clause *clause, enum ir_dim dim)
{
	struct ir_clause before = *clause;
	if (!ir_clause_narrow(clause, w->arena, dim, some_set(w, dim)))
		*clause = before;
}

static struct ir_clause some_clause(struct verify_test_world *w)
{
	static const enum ir_dim clocks[] = {IR_TIME, IR_HOUR, IR_WDAY, IR_MDAY, IR_MMDD};
	static const int32_t offsets[] = {0, 3600, -64800};
	struct ir_clause clause = {0};
	unsigned family = w->families == 3 ? (chance(w, 50) ? 4 : 6) : w->families == 1 ? 4 : 6;
	for (unsigned i = 0; i < w->dims; i++)
		if (chance(w, 55) && (fits(w, w->dim[i], family) || chance(w, 3)))
			narrow(w, &clause, w->dim[i]);
	if (w->families == 3 && chance(w, 25))
		narrow(w, &clause, IR_FAMILY);
	if (chance(w, w->time_percent)) {
		narrow(w, &clause, clocks[below(w, array_len(clocks))]);
		if (chance(w, 30))
			narrow(w, &clause, IR_HOUR);
		clause.clock = offsets[below(w, array_len(offsets))];
	}
	return clause;
}

// --- rules ---

static enum ir_verdict some_verdict(struct verify_test_world *w)
{
	unsigned n = below(w, 100);
	return n < 40   ? IR_PASS
	       : n < 72 ? IR_DROP
	       : n < 82 ? IR_REJECT
	       : n < 88 ? IR_RATE_LIMIT
	       : n < 95 ? IR_NONE
			: (enum ir_verdict)(IR_MIRROR + (int)below(w, IR_VERDICTS - IR_MIRROR));
}

static void add_opaques(struct verify_test_world *w, struct ir_rule *rule)
{
	static const char *const values[][2] = {{"a", NULL}, {"b", "c"}, {"-m recent", NULL}};
	static const enum ir_opaque_kind kinds[] = {IR_OPAQUE_URL, IR_OPAQUE_URL,
						    IR_OPAQUE_FOREIGN};
	rule->opaques = 1 + chance(w, 30);
	rule->opaque = arena_array(w->arena, struct ir_opaque, rule->opaques);
	for (size_t i = 0; i < rule->opaques; i++) {
		unsigned which = (below(w, 2) + (unsigned)i) % 3;
		struct ir_opaque *o = &rule->opaque[i];
		*o = (struct ir_opaque){.kind = kinds[which], .negated = chance(w, 30)};
		o->len = values[which][1] ? 2 : 1;
		o->value = arena_memdup(w->arena, values[which], sizeof(values[which]));
		o->name = chance(w, 50) ? "some" : NULL;
	}
}

static void add_name(struct verify_test_world *w, struct ir_rule *rule)
{
	bool again = w->named && chance(w, 15);
	rule->policy = again ? w->last.policy : chance(w, 60) ? "p" : "q";
	rule->name = again ? w->last.name : arena_printf(w->arena, "r%u", w->named++);
	if (!again || chance(w, 30))
		return;
	rule->verdict = w->last.verdict;
	rule->rate = w->last.rate;
	rule->flow = w->last.flow;
	rule->log = w->last.log;
}

struct ir_rule verify_test_rule(struct verify_test_world *w)
{
	struct ir_rule rule = {.flow = chance(w, w->flow_percent), .verdict = some_verdict(w)};
	if (rule.verdict == IR_RATE_LIMIT || chance(w, w->rate_percent))
		rule.rate.packets = 10 + 10 * below(w, 2);
	if (rule.verdict == IR_NONE || chance(w, 8))
		rule.log = chance(w, 80) ? IR_LOG_RULE : IR_LOG_SESSION;
	add_name(w, &rule);
	rule.clauses = chance(w, 2) ? 0 : chance(w, 75) ? 1 : 2 + below(w, 2);
	rule.clause = arena_array(w->arena, struct ir_clause, rule.clauses);
	for (size_t i = 0; i < rule.clauses; i++)
		rule.clause[i] = some_clause(w);
	if (chance(w, w->opaque_percent))
		add_opaques(w, &rule);
	w->last = rule;
	return rule;
}

// --- worlds ---

static void add_dim(struct verify_test_world *w, enum ir_dim dim)
{
	for (unsigned i = 0; i < w->dims; i++)
		if (w->dim[i] == dim)
			return;
	w->dim[w->dims++] = dim;
}

static void add_dims(struct verify_test_world *w, unsigned most)
{
	static const enum ir_dim any[] = {IR_SRC4,  IR_SRC6,     IR_DST4,    IR_DST6,      IR_PROTO,
					  IR_SPORT, IR_DPORT,    IR_DPORT,   IR_STATE,     IR_STATE,
					  IR_IN,    IR_TCPFLAGS, IR_ICMP4,   IR_ICMP6,     IR_DSCP,
					  IR_SMAC,  IR_LENGTH,   IR_FRAGOFF, IR_ETHERTYPE, IR_TTL};
	unsigned wanted = 2 + below(w, most - 1);
	if (chance(w, 70))
		add_dim(w, w->families & 1 ? IR_SRC4 : IR_SRC6);
	if (chance(w, 70))
		add_dim(w, w->families & 2 ? IR_DST6 : IR_DST4);
	while (w->dims < wanted) {
		enum ir_dim dim = any[below(w, array_len(any))];
		if (fits(w, dim, w->families == 2 ? 6 : 4) || w->families == 3)
			add_dim(w, dim);
	}
}

static struct verify_test_world some_world(struct test_random *random, struct arena *arena,
					   unsigned dims_most)
{
	struct verify_test_world w = {.random = random, .arena = arena, .now = NOW};
	w.families = (unsigned[]){1, 1, 2, 3}[below(&w, 4)];
	w.flow_percent = (unsigned[]){0, 0, 100, 50}[below(&w, 4)];
	w.opaque_percent = chance(&w, 25) ? 30 : 0;
	w.rate_percent = chance(&w, 15) ? 20 : 0;
	w.time_percent = chance(&w, 20) ? 40 : 0;
	add_dims(&w, dims_most);
	return w;
}

static struct ir_clause *some_where(struct verify_test_world *w)
{
	struct ir_clause *where = arena_new(w->arena, struct ir_clause);
	unsigned percent = w->time_percent;
	w->time_percent = 0; // `from` and `until` say the time
	*where = some_clause(w);
	w->time_percent = percent;
	return where;
}

void verify_test_random(struct test_random *random, struct arena *arena, unsigned dims_most,
			struct verify_test_case *out)
{
	static const enum ir_verdict defaults[] = {IR_NONE, IR_DROP, IR_PASS, IR_REJECT};
	struct verify_test_world w = some_world(random, arena, dims_most);
	*out = (struct verify_test_case){.from = w.now + (int64_t)below(&w, 2) * 5000};
	out->until = out->from + (int64_t[]){1, 40000, 2 * DAY, 20 * DAY}[below(&w, 4)];
	out->a.default_action = defaults[below(&w, array_len(defaults))];
	for (unsigned i = 0, n = 1 + below(&w, RULES_MOST); i < n; i++)
		vec_push(arena, &out->a.rule, verify_test_rule(&w));
	verify_test_second(&w, out);
	for (unsigned i = 0; i < 2 && chance(&w, 60); i++) {
		struct ir_rule g = verify_test_rule(&w);
		g.rate = (struct ir_rate){0};
		g.verdict = chance(&w, 50) ? IR_PASS : IR_DROP;
		g.flow = g.verdict == IR_PASS && chance(&w, 40);
		vec_push(arena, &out->guarantee, g);
	}
	if (chance(&w, 15))
		out->where = some_where(&w);
}

void verify_test_print(const struct verify_test_case *test, struct buf *out)
{
	test_ruleset_print(&test->a, "A", out);
	test_ruleset_print(&test->b, "B", out);
	buf_printf(out, "time %lld to %lld\n", (long long)test->from, (long long)test->until);
	if (test->where) {
		buf_adds(out, "where ");
		ir_clause_print(test->where, out);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < test->guarantee.len; i++) {
		buf_printf(out, "guarantee %zu: ", i);
		ir_rule_print(&test->guarantee.at[i], out);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < test->edit.len; i++)
		buf_printf(out, "edit at %zu: %zu go, %zu come\n", test->edit.at[i].at,
			   test->edit.at[i].removed, test->edit.at[i].inserts);
}
