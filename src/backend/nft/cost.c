// SPDX-License-Identifier: Apache-2.0
// The cost model. It walks the chains as a packet would and adds up what was measured for each step, so it knows nothing of
// trees: the list, a tree and anything between are weighed by the same rules. Chains form a graph without circles; what a
// packet that nothing decides takes through a chain is found from the ends upwards, what it took to get to a chain from the
// main chain downwards, each way alike.
#include "backend/nft/cost.h"

#include <string.h>

// Nanoseconds on one core of an x86-64 server (Linux 6.18), over a router without rules: benchmarks/README.md says how such
// figures are made. Other machines differ by a factor that is about the same for all of them.
static const struct {
	double base;   // hook, base chain and its goto
	double enter;  // a chain, by jump or goto
	double rule;   // a rule, before its first test
	double test;   // one value, range or prefix
	double mask;   // of an IPv6 address that is looked up without its last bits; IPv4: nothing
	double header; // the three bytes that no later fragment has
	double match;  // what a rule does: counter and verdict
	double each_survivor; // a box that is still possible after a field but the last
	double each_box;
} ns = {.base = 35,
	.enter = 10,
	.rule = 7,
	.test = 8,
	.mask = 15,
	.header = 21,
	.match = 10,
	.each_survivor = 2,
	.each_box = 0.03};

// A lookup by the number of elements, each of which leads to a chain of its own.
struct point {
	double elements, ns;
};
static const struct point hashed[] = {{1, 44}, {1000, 51}, {10000, 85}, {50000, 213}};
static const struct point ranges[] = {{1, 60},     {16, 71},     {100, 103},
				      {1000, 175}, {10000, 304}, {50000, 524}};
#define BOXES_NS 65 // of a map over several fields, without its boxes

struct reached {
	const struct nft_chain *chain;
	struct nft_passing passing;
	unsigned depth;      // of chains below and with it
	double ways, arrive; // that lead here; what all of them take together
	bool counted;
};
struct nft_costs {
	const struct nft_program *program;
	struct arena *arena;
	struct map by_name;
	VEC(struct reached *) order; // whatever a chain leads to comes before it
};

static double larger(double a, double b)
{
	return a > b ? a : b;
}

uint64_t nft_cost_whole(double cost)
{
	return (uint64_t)(cost + 0.5);
}

// --- one step ---

static double along(const struct point *at, size_t len, double elements)
{
	for (size_t i = 1; i < len; i++)
		if (elements <= at[i].elements || i + 1 == len) {
			double slope =
				(at[i].ns - at[i - 1].ns) / (at[i].elements - at[i - 1].elements);
			return at[i].ns + slope * (elements - at[i].elements);
		}
	return at[0].ns;
}

double nft_cost_lookup(bool of_ranges, size_t elements)
{
	double n = elements ? (double)elements : 1;
	return of_ranges ? along(ranges, array_len(ranges), n)
			 : along(hashed, array_len(hashed), n);
}

// Of all values of the field.
static double share_of(enum nft_field field, const struct algebra_range *range, size_t len)
{
	double share = 0, all = (double)algebra_max(nft_field_info[field].bits) + 1;
	for (size_t i = 0; i < len; i++)
		share += ((double)(range[i].hi - range[i].lo) + 1) / all;
	return share;
}

static bool is_spread(enum nft_field field)
{
	enum ir_dim dim = nft_field_info[field].dim;
	return dim == IR_SRC4 || dim == IR_DST4 || dim == IR_SRC6 || dim == IR_DST6 ||
	       dim == IR_SPORT || dim == IR_DPORT;
}

// How many packets have it: addresses and ports are spread, of all else there are few kinds.
static double chance(const struct nft_match *match)
{
	double share = share_of(match->field, match->set.at, match->set.len);
	return share > 0.5 || is_spread(match->field) ? share : 0.5;
}

static double test_ns(const struct nft_match *match)
{
	if (match->field == F_HEADER)
		return ns.header;
	if (match->set.len <= 1 || match->field == F_STATE)
		return ns.test;
	for (size_t i = 0; i < match->set.len; i++)
		if (match->set.at[i].lo != match->set.at[i].hi)
			return nft_cost_lookup(true, match->set.len);
	return nft_cost_lookup(false, match->set.len);
}

// Until the first test that fails, or (`holds`) all of them.
static double tests_ns(const struct nft_form *form, bool holds)
{
	double sum = ns.rule, still = 1;
	for (size_t i = 0; i < form->len; i++) {
		sum += still * test_ns(&form->match[i]);
		still *= holds ? 1 : chance(&form->match[i]);
	}
	if (form->named_set)
		sum += still * nft_cost_lookup(false, 1);
	return sum;
}

static double map_ns(const struct nft_map *map)
{
	unsigned block = nft_map_block(map);
	bool interval = block == NFT_MAP_RANGES,
	     masked = block && !interval && nft_field_info[map->field].version == 6;
	return nft_cost_lookup(interval, map->len) + (masked ? ns.mask : 0);
}

static double boxes_ns(const struct nft_boxes *boxes)
{
	double survivors = 0;
	for (size_t i = 0; i < boxes->len; i++) {
		double still = 1;
		for (size_t f = 0; f + 1 < boxes->fields; f++) {
			still *= share_of(boxes->field[f], &boxes->box[i].range[f], 1);
			survivors += still;
		}
	}
	return BOXES_NS + ns.each_box * (double)boxes->len + ns.each_survivor * survivors;
}

static bool is_plain(const struct nft_form *form)
{
	return !form->len && !form->named_set && !form->limited;
}

// A goto that chooses a way of a node, with or without a test.
static bool is_way(const struct nft_form *form)
{
	return form->act == ACT_GOTO && nft_is_node(form->chain);
}

// One that asks all that nearly every rule asks: nearly every packet goes there.
static bool is_shortcut(const struct nft_form *form)
{
	return is_way(form) && form->len > 1;
}

// Nothing behind it is ever met.
static bool ends(const struct nft_form *form)
{
	bool decides = form->act != ACT_CONTINUE && form->act != ACT_JUMP && !nft_form_by_map(form);
	return decides && is_plain(form);
}

// What the rule takes a packet that goes on to the next one.
static double step_ns(const struct nft_form *form)
{
	if (form->act == ACT_BRANCH)
		return ns.rule + map_ns(&form->map);
	if (form->act == ACT_BOXES)
		return ns.rule + boxes_ns(&form->boxes);
	return tests_ns(form, is_shortcut(form));
}

// --- what lies below ---

static struct reached *reach(struct nft_costs *costs, const char *name);

typedef void (*each_fn)(void *context, struct reached *to);

static void each_target(struct nft_costs *costs, const struct nft_form *form, each_fn each,
			void *context)
{
	struct reached *to = form->chain ? reach(costs, form->chain) : NULL;
	if (to)
		each(context, to);
	if (nft_form_gate(form))
		return;
	for (size_t i = 0; form->act == ACT_BRANCH && i < form->map.len; i++)
		if ((to = reach(costs, form->map.branch[i].chain)))
			each(context, to);
	for (size_t i = 0; form->act == ACT_BOXES && i < form->boxes.len; i++)
		if ((to = reach(costs, form->boxes.box[i].chain)))
			each(context, to);
}

struct below {
	double usual, worst;
	size_t ways;
	unsigned depth;
};

static void look_below(void *context, struct reached *to)
{
	struct below *b = context;
	b->usual += ns.enter + to->passing.usual;
	b->worst = larger(b->worst, ns.enter + to->passing.worst);
	b->ways++;
	b->depth = to->depth > b->depth ? to->depth : b->depth;
}

// Ways of a node from the rule on, those of its misses among them: for addresses and ports that one more, for all else
// none, because packets without any of the values that are asked for are rare there.
static size_t ways_of(const struct nft_form *form, const struct below *b, size_t behind)
{
	bool map = form->act == ACT_BRANCH;
	enum nft_field field = map ? form->map.field : form->match[0].field;
	return (map ? b->ways : behind + 1) + is_spread(field);
}

// The rule, and what follows it (`rest`) where it lets the packet go on.
static struct nft_passing pass(const struct nft_form *form, const struct below *b,
			       struct nft_passing rest, size_t behind)
{
	double step = step_ns(form);
	if (is_way(form) && !form->len)
		return (struct nft_passing){step + b->usual, step + b->worst};
	if (is_shortcut(form))
		return (struct nft_passing){step + b->usual, step + larger(b->worst, rest.worst)};
	if (nft_form_gate(form))
		return (struct nft_passing){step + rest.usual, step + larger(b->worst, rest.worst)};
	if (form->act == ACT_BRANCH || is_way(form)) {
		size_t ways = ways_of(form, b, behind);
		double usual = b->usual + rest.usual * (double)(ways - b->ways);
		return (struct nft_passing){step + usual / (double)ways,
					    step + larger(b->worst, rest.worst)};
	}
	if (ends(form))
		return (struct nft_passing){step, step};
	bool into = form->act == ACT_JUMP && is_plain(form);
	return (struct nft_passing){step + (into ? b->usual : 0) + rest.usual,
				    step + (into ? b->worst : 0) + rest.worst};
}

static void pass_chain(struct nft_costs *costs, const struct nft_chain *chain, struct reached *out)
{
	struct nft_passing rest = {0};
	size_t behind = 0; // ways of the node
	for (size_t i = chain->rule.len; i-- > 0;) {
		const struct nft_form *form = &chain->rule.at[i];
		struct below b = {0};
		each_target(costs, form, look_below, &b);
		rest = pass(form, &b, rest, behind);
		behind = is_way(form) && form->len == 1 ? behind + 1 : 0;
		out->depth = b.depth > out->depth ? b.depth : out->depth;
	}
	out->depth++;
	out->passing = rest;
}

// NULL when the program has no such chain.
static struct reached *reach(struct nft_costs *costs, const char *name)
{
	struct reached *known = map_get(&costs->by_name, name);
	const struct nft_chain *chain =
		known ? known->chain : nft_program_find(costs->program, name);
	if (known || !chain)
		return known;
	struct reached *reached = arena_new(costs->arena, struct reached);
	reached->chain = chain;
	map_put(&costs->by_name, chain->name, reached);
	pass_chain(costs, chain, reached);
	vec_push(costs->arena, &costs->order, reached);
	return reached;
}

struct nft_costs *nft_costs_new(const struct nft_program *program, struct arena *arena)
{
	struct nft_costs *costs = arena_new(arena, struct nft_costs);
	*costs =
		(struct nft_costs){.program = program, .arena = arena, .by_name = {.arena = arena}};
	return costs;
}

struct nft_passing nft_costs_passing(struct nft_costs *costs, const struct nft_chain *chain)
{
	struct reached through = {.chain = chain};
	pass_chain(costs, chain, &through);
	return through.passing;
}

// --- what lies above ---

struct sum {
	double ways, ns;
};

struct arrival {
	double ways, ns;
};

static void arrive(void *context, struct reached *to)
{
	const struct arrival *a = context;
	to->ways += a->ways;
	to->arrive += a->ways * (a->ns + ns.enter);
}

static void add_rule(const struct nft_form *form, struct arrival at, struct sum *rule)
{
	if (!form->tag.known || !form->tag.counts || form->tag.rule >= NFT_TAG_HELPER)
		return;
	rule[form->tag.rule].ways += at.ways;
	rule[form->tag.rule].ns += at.ways * (at.ns + ns.match);
}

// All that the chain leads to, and the rules in it, are given what it took to get there.
static void spread(struct nft_costs *costs, const struct reached *from, struct sum *rule)
{
	struct arrival at = {from->ways, from->ways > 0 ? from->arrive / from->ways : 0};
	for (size_t i = 0; i < from->chain->rule.len; i++) {
		const struct nft_form *form = &from->chain->rule.at[i];
		struct arrival there = {
			at.ways,
			at.ns + (nft_form_by_map(form) ? step_ns(form) : tests_ns(form, true))};
		add_rule(form, there, rule);
		each_target(costs, form, arrive, &there);
		at.ns += step_ns(form);
		const struct reached *into =
			form->act == ACT_JUMP && is_plain(form) ? reach(costs, form->chain) : NULL;
		at.ns += into ? ns.enter + into->passing.usual : 0;
		if (ends(form))
			return;
	}
}

static uint32_t rules_of(const struct nft_costs *costs)
{
	uint32_t rules = 0;
	for (size_t i = 0; i < costs->order.len; i++) {
		const struct nft_chain *chain = costs->order.at[i]->chain;
		for (size_t k = 0; k < chain->rule.len; k++) {
			const struct nft_tag *tag = &chain->rule.at[k].tag;
			if (tag->known && tag->rule < NFT_TAG_HELPER && tag->rule >= rules)
				rules = tag->rule + 1;
		}
	}
	return rules;
}

struct backend_nft_cost nft_costs_program(struct nft_costs *costs)
{
	struct reached *top = reach(costs, "");
	uint32_t rules = rules_of(costs), met = 0;
	struct sum *rule = arena_array(costs->arena, struct sum, (size_t)rules + 1);
	double mean = 0, worst = ns.base + top->passing.worst + ns.match;
	top->ways = 1;
	top->arrive = ns.base;
	for (size_t i = costs->order.len; i-- > 0;)
		spread(costs, costs->order.at[i], rule);
	for (uint32_t i = 0; i < rules; i++)
		if (rule[i].ways > 0) {
			double one = rule[i].ns / rule[i].ways;
			worst = larger(worst, one);
			mean += one;
			met++;
		}
	return (struct backend_nft_cost){.mean_ns = nft_cost_whole(met ? mean / met : worst),
					 .worst_ns = nft_cost_whole(worst)};
}

// --- sizes ---

static void count_rule(const struct nft_form *form, struct backend_nft_size *size)
{
	size->kernel_rules++;
	size->maps += nft_form_by_map(form);
	size->elements += form->act == ACT_BRANCH ? form->map.len : 0;
	size->boxes += form->act == ACT_BOXES ? form->boxes.len : 0;
}

struct counting {
	struct nft_costs *costs;
	struct backend_nft_size *size;
};

static void count_chain(const struct counting *c, const struct nft_chain *chain);

static void count_target(void *context, struct reached *to)
{
	const struct counting *c = context;
	if (to->counted)
		return;
	to->counted = true;
	if (to->chain->direct)
		return;
	c->size->chains++;
	count_chain(c, to->chain);
}

static void count_chain(const struct counting *c, const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->rule.len; i++) {
		count_rule(&chain->rule.at[i], c->size);
		each_target(c->costs, &chain->rule.at[i], count_target, (void *)c);
	}
}

struct backend_nft_size nft_costs_size(struct nft_costs *costs, const struct nft_chain *chain,
				       bool own)
{
	struct backend_nft_size size = {.chains = own};
	struct reached below = {.chain = chain};
	pass_chain(costs, chain, &below);
	size.depth = below.depth;
	count_chain(&(struct counting){costs, &size}, chain);
	return size;
}
