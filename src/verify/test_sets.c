// SPDX-License-Identifier: Apache-2.0
// Large rulesets in the manner of ClassBench. The shares below follow what is published of its seeds: access lists have
// specific prefixes (most destinations are hosts or small networks), hardly any source ports and mostly exact destination
// ports; firewalls have wildcards in a third of the addresses and port ranges; IP chains lie between. Prefix lengths gather
// at what networks are handed out in (IPv4: 16, 24, 32; IPv6: 32, 48, 64, 128). Prefixes come from a pool that grows as a
// tree: a new one often lies in one that is there, down to NESTING_MOST levels. Ports come from a list that does not grow
// with the set, as a seed's do: so rules for any address are few however large the set is.
#include "verify/test_sets.h"

#include <stdlib.h>
#include <string.h>

#define NESTING_MOST 5
#define DISPLACED_PERCENT 2 // rules that stand behind wider ones: what findings are about

const char *const test_sets_kind_name[TEST_SETS_KINDS] = {"acl", "fw", "ipc"};

struct share {
	uint8_t value, percent;
};
enum port_class { PORT_ANY, PORT_HIGH, PORT_LOW, PORT_RANGE, PORT_EXACT };

struct shape {
	struct share src4[9], dst4[9], src6[8], dst6[8]; // prefix lengths
	struct share sport[5], dport[5];                 // enum port_class
	struct share proto[4];
	uint8_t pass_percent, nested_percent;
	uint16_t rules_per_prefix; // of the pool, in hundredths
};

static const struct shape shapes[TEST_SETS_KINDS] = {
	[TEST_SETS_ACL] =
		{.src4 = {{0, 6},
			  {8, 2},
			  {16, 10},
			  {20, 6},
			  {24, 22},
			  {27, 6},
			  {28, 6},
			  {30, 6},
			  {32, 36}},
		 .dst4 = {{0, 2},
			  {16, 6},
			  {20, 4},
			  {22, 4},
			  {24, 18},
			  {26, 4},
			  {28, 8},
			  {30, 8},
			  {32, 46}},
		 .src6 = {{0, 6},
			  {32, 12},
			  {40, 6},
			  {48, 20},
			  {56, 8},
			  {64, 30},
			  {96, 2},
			  {128, 16}},
		 .dst6 = {{0, 2},
			  {32, 6},
			  {40, 4},
			  {48, 16},
			  {56, 6},
			  {64, 24},
			  {112, 4},
			  {128, 38}},
		 .sport = {{PORT_ANY, 98}, {PORT_EXACT, 2}},
		 .dport = {{PORT_ANY, 12}, {PORT_HIGH, 4}, {PORT_RANGE, 8}, {PORT_EXACT, 76}},
		 .proto = {{6, 80}, {17, 14}, {1, 3}, {0, 3}},
		 .pass_percent = 75,
		 .nested_percent = 60,
		 .rules_per_prefix = 300},
	[TEST_SETS_FW] =
		{.src4 = {{0, 40}, {8, 4}, {16, 10}, {24, 16}, {28, 6}, {32, 24}},
		 .dst4 = {{0, 26}, {16, 8}, {20, 4}, {24, 20}, {28, 8}, {32, 34}},
		 .src6 = {{0, 40}, {32, 6}, {48, 16}, {64, 20}, {128, 18}},
		 .dst6 = {{0, 26}, {32, 6}, {48, 16}, {64, 22}, {128, 30}},
		 .sport = {{PORT_ANY, 80}, {PORT_HIGH, 12}, {PORT_RANGE, 4}, {PORT_EXACT, 4}},
		 .dport = {{PORT_ANY, 22},
			   {PORT_HIGH, 10},
			   {PORT_LOW, 2},
			   {PORT_RANGE, 20},
			   {PORT_EXACT, 46}},
		 .proto = {{6, 60}, {17, 25}, {1, 5}, {0, 10}},
		 .pass_percent = 50,
		 .nested_percent = 40,
		 .rules_per_prefix = 500},
	[TEST_SETS_IPC] =
		{.src4 = {{0, 14}, {8, 2}, {16, 12}, {22, 4}, {24, 22}, {27, 6}, {30, 6}, {32, 34}},
		 .dst4 = {{0, 14},
			  {12, 2},
			  {16, 10},
			  {22, 4},
			  {24, 22},
			  {28, 8},
			  {30, 6},
			  {32, 34}},
		 .src6 = {{0, 14}, {32, 10}, {40, 4}, {48, 20}, {64, 28}, {96, 2}, {128, 22}},
		 .dst6 = {{0, 14}, {32, 8}, {48, 20}, {56, 6}, {64, 24}, {128, 28}},
		 .sport = {{PORT_ANY, 72}, {PORT_HIGH, 6}, {PORT_RANGE, 4}, {PORT_EXACT, 18}},
		 .dport = {{PORT_ANY, 32}, {PORT_HIGH, 4}, {PORT_RANGE, 10}, {PORT_EXACT, 54}},
		 .proto = {{6, 62}, {17, 24}, {1, 6}, {0, 8}},
		 .pass_percent = 60,
		 .nested_percent = 50,
		 .rules_per_prefix = 400},
};

struct prefix {
	u128 value;
	uint8_t length, depth;
};
struct pool {
	struct prefix *at;
	size_t len;
};

struct making {
	struct test_random random;
	struct arena *arena;
	const struct test_sets_spec *spec;
	const struct shape *shape;
	struct pool src, dst;
	unsigned bits;
	uint16_t exact[150];
	struct algebra_range range[40];
	uint64_t *seen; // hashes of rules, open addressing
	size_t slots;
};

static uint32_t below(struct making *m, uint32_t n)
{
	return test_random_below(&m->random, n);
}

static unsigned choose(struct making *m, const struct share *from)
{
	unsigned n = below(m, 100);
	for (; n >= from->percent; from++)
		n -= from->percent;
	return from->value;
}

// --- prefixes ---

static u128 host_mask(unsigned bits, unsigned length)
{
	return length == bits ? 0 : algebra_max(bits) >> length;
}

static u128 some_bits(struct making *m)
{
	uint64_t high = test_random_next(&m->random), low = test_random_next(&m->random);
	// Hosts in a network have low numbers: most bits behind the network are zero.
	return (u128)high << 64 | (below(m, 100) < 70 ? low & 0xff : low);
}

static struct prefix fresh(struct making *m, unsigned length)
{
	bool four = m->bits == 32;
	u128 value = four ? (u128)test_random_next(&m->random) & 0xffffffff
			  : (u128)0x2001 << 112 | (some_bits(m) & algebra_max(112));
	if (four) // some sites hold most of what is spoken about
		value = (value & 0x00ffffff) | (u128)(10 + below(m, 24) * 8) << 24;
	return (struct prefix){value & ~host_mask(m->bits, length), (uint8_t)length, 1};
}

static struct prefix inside(struct making *m, const struct prefix *parent, unsigned length)
{
	u128 more = m->bits == 32 ? (u128)test_random_next(&m->random) & 0xffffffff : some_bits(m);
	u128 value = parent->value | (more & host_mask(m->bits, parent->length));
	return (struct prefix){value & ~host_mask(m->bits, length), (uint8_t)length,
			       (uint8_t)(parent->depth + 1)};
}

static void make_pool(struct making *m, const struct share *lengths, struct pool *out)
{
	size_t n = m->spec->rules * 100 / m->shape->rules_per_prefix + 16;
	out->at = arena_array(m->arena, struct prefix, n);
	for (; out->len < n; out->len++) {
		unsigned length = choose(m, lengths);
		const struct prefix *parent = NULL;
		for (unsigned tries = 0; out->len && tries < 8 && !parent; tries++) {
			const struct prefix *p = &out->at[below(m, (uint32_t)out->len)];
			if (p->length && p->length < length && p->depth < NESTING_MOST)
				parent = p;
		}
		bool nested = parent && below(m, 100) < m->shape->nested_percent;
		out->at[out->len] = nested ? inside(m, parent, length) : fresh(m, length);
	}
}

// --- rules ---

// What a site's services are: a set of any size speaks about the same few ports and ranges.
static void make_ports(struct making *m)
{
	static const uint16_t common[] = {80,  443, 22,   25,   53,   110,  143,  123,
					  161, 389, 636,  993,  995,  1433, 1521, 3306,
					  21,  23,  3389, 5432, 8080, 8443, 514,  500};
	for (size_t i = 0; i < array_len(m->exact); i++)
		m->exact[i] =
			i < array_len(common) ? common[i] : (uint16_t)(1024 + below(m, 30000));
	for (size_t i = 0; i < array_len(m->range); i++) {
		uint32_t from = below(m, 4) ? 1024 + below(m, 40000) : below(m, 1024);
		m->range[i] =
			(struct algebra_range){from, from + 1 + below(m, 1u << (2 + below(m, 12)))};
	}
}

static struct algebra_range some_ports(struct making *m, enum port_class kind)
{
	size_t most = below(m, 100) < 60 ? 24 : array_len(m->exact);
	uint16_t exact = m->exact[below(m, (uint32_t)most)];
	switch (kind) {
	case PORT_HIGH:
		return (struct algebra_range){1024, 65535};
	case PORT_LOW:
		return (struct algebra_range){0, 1023};
	case PORT_RANGE:
		return m->range[below(m, array_len(m->range))];
	case PORT_EXACT:
		return (struct algebra_range){exact, exact};
	case PORT_ANY:
	default:
		return (struct algebra_range){0, 65535};
	}
}

static void narrow(struct making *m, struct ir_clause *clause, enum ir_dim dim,
		   struct algebra_range r)
{
	if (!ir_clause_narrow(clause, m->arena, dim, algebra_set_one(m->arena, r.lo, r.hi)))
		abort(); // each dimension is narrowed once
}

static struct algebra_range of_prefix(const struct making *m, const struct prefix *p)
{
	return (struct algebra_range){p->value, p->value | host_mask(m->bits, p->length)};
}

// What a rule matches, before it is known to be new.
struct draft {
	struct algebra_range src, dst, sport, dport;
	unsigned proto;
	uint64_t specific; // bits that it fixes
	size_t at;         // in the order in which it was made
};

static uint64_t mix(uint64_t h, u128 value)
{
	struct test_random r = {h ^ (uint64_t)value ^ (uint64_t)(value >> 64) * 31};
	return test_random_next(&r);
}

static bool is_new(struct making *m, const struct draft *d)
{
	const struct algebra_range all[] = {d->src, d->dst, d->sport, d->dport};
	uint64_t h = mix(1, d->proto);
	for (size_t i = 0; i < array_len(all); i++)
		h = mix(mix(h, all[i].lo), all[i].hi);
	h |= 1;
	size_t at = h & (m->slots - 1);
	for (; m->seen[at]; at = (at + 1) & (m->slots - 1))
		if (m->seen[at] == h)
			return false;
	m->seen[at] = h;
	return true;
}

static unsigned port_bits(struct algebra_range r)
{
	unsigned bits = 16;
	for (u128 span = r.hi - r.lo; span; span >>= 1)
		bits--;
	return bits;
}

static struct draft some_draft(struct making *m)
{
	const struct prefix *src = &m->src.at[below(m, (uint32_t)m->src.len)],
			    *dst = &m->dst.at[below(m, (uint32_t)m->dst.len)];
	struct draft d = {.src = of_prefix(m, src), .dst = of_prefix(m, dst)};
	d.proto = choose(m, m->shape->proto);
	bool ports = d.proto == 6 || d.proto == 17;
	d.sport = some_ports(m, ports ? choose(m, m->shape->sport) : PORT_ANY);
	d.dport = some_ports(m, ports ? choose(m, m->shape->dport) : PORT_ANY);
	if (d.proto == 1 && m->spec->family == 6)
		d.proto = 58;
	d.specific = src->length * 32u / m->bits + dst->length * 32u / m->bits +
		     (d.proto ? 8u : 0) + port_bits(d.sport) + port_bits(d.dport);
	return d;
}

static int by_specific(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;
	if (x->specific != y->specific)
		return x->specific > y->specific ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void put(struct making *m, const struct draft *d, struct ir_ruleset *out)
{
	struct ir_rule rule = {.policy = test_sets_kind_name[m->spec->kind],
			       .name = arena_printf(m->arena, "r%zu", out->rule.len),
			       .clauses = 1};
	bool four = m->spec->family == 4;
	rule.verdict = below(m, 100) < m->shape->pass_percent ? IR_PASS : IR_DROP;
	rule.clause = arena_new(m->arena, struct ir_clause);
	narrow(m, rule.clause, IR_FAMILY,
	       (struct algebra_range){(u128)m->spec->family, (u128)m->spec->family});
	narrow(m, rule.clause, four ? IR_SRC4 : IR_SRC6, d->src);
	narrow(m, rule.clause, four ? IR_DST4 : IR_DST6, d->dst);
	if (d->proto)
		narrow(m, rule.clause, IR_PROTO, (struct algebra_range){d->proto, d->proto});
	narrow(m, rule.clause, IR_SPORT, d->sport);
	narrow(m, rule.clause, IR_DPORT, d->dport);
	vec_push(m->arena, &out->rule, rule);
}

void test_sets_make(const struct test_sets_spec *spec, struct arena *arena, struct ir_ruleset *out)
{
	struct making m = {.random = {spec->seed * 977 + (uint64_t)spec->kind},
			   .arena = arena,
			   .spec = spec,
			   .shape = &shapes[spec->kind],
			   .bits = spec->family == 4 ? 32 : 128};
	for (m.slots = 64; m.slots < spec->rules * 2; m.slots *= 2)
		;
	m.seen = calloc(m.slots, sizeof(*m.seen));
	struct draft *draft = calloc(spec->rules + 1, sizeof(*draft));
	if (!base_oom(m.seen) || !base_oom(draft))
		abort();
	make_ports(&m);
	make_pool(&m, spec->family == 4 ? m.shape->src4 : m.shape->src6, &m.src);
	make_pool(&m, spec->family == 4 ? m.shape->dst4 : m.shape->dst6, &m.dst);
	for (size_t i = 0; i < spec->rules; i++) {
		do
			draft[i] = some_draft(&m);
		while (!is_new(&m, &draft[i]));
		draft[i].at = i;
		if (below(&m, 100) < DISPLACED_PERCENT)
			draft[i].specific = below(&m, (uint32_t)draft[i].specific + 1);
	}
	qsort(draft, spec->rules, sizeof(*draft), by_specific);
	*out = (struct ir_ruleset){.default_action = IR_DROP};
	for (size_t i = 0; i < spec->rules; i++)
		put(&m, &draft[i], out);
	free(draft);
	free(m.seen);
}
