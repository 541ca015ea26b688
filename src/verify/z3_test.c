// SPDX-License-Identifier: Apache-2.0
// z3's opinion on rulesets that are too large to try all packets of. First against all packets of small rulesets, so that it
// can be trusted; then beside the engine: are two rulesets equal, which rules are dead, which redundant.
#include "verify/test.h"
#include "verify/test_sets.h"
#include "verify/test_z3.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
enum { SMALL = 10, LARGE_RULES = 150, POLICY_RULES = 60, ASKED = 15 };
#else
enum { SMALL = 40, LARGE_RULES = 1000, POLICY_RULES = 250, ASKED = 40 };
#endif
#define SECONDS 20     // for one answer of z3
#define ALL_SECONDS 15 // no further case is begun after that

// --- small ones ---

static bool headers_only(const struct verify_test_case *test)
{
	return test_z3_can(&test->a) && test_z3_can(&test->b) && !test->where;
}

static bool check_small(struct verify_test_case *test, struct arena *arena)
{
	struct verify_test_space space;
	struct verify_test_pairs pairs;
	if (!verify_test_space(test, NULL, arena, &space))
		return true;
	verify_test_pairs(&space, &pairs);
	int equal = test_z3_equal(&test->a, &test->b, SECONDS);
	if (equal == !pairs.list.len)
		return true;
	struct buf text;
	buf_init(&text);
	verify_test_print(test, &text);
	printf("z3 says %d, all packets say %d:\n%s", equal, !pairs.list.len, text.data);
	buf_fini(&text);
	return false;
}

static bool small_ones(struct test_random *random)
{
	size_t equal = 0;
	for (unsigned i = 0; i < SMALL;) {
		struct arena arena;
		struct verify_test_case test;
		arena_init(&arena);
		verify_test_random(random, &arena, 4, &test);
		bool asked = headers_only(&test), good = !asked || check_small(&test, &arena);
		i += asked;
		equal += asked && test.rewritten;
		arena_fini(&arena);
		if (!good)
			return false;
	}
	printf("%d small pairs of rulesets, %zu of them rewritten: z3 agrees\n", SMALL, equal);
	return true;
}

// --- large ones ---

struct tally {
	size_t equal, different, unknown, rules, dead, redundant;
};

static bool ask_equal(const char *what, const struct ir_ruleset *a, const struct ir_ruleset *b,
		      struct arena *arena, struct tally *tally)
{
	struct verify_options options = verify_options_default(0);
	struct verify_comparison is;
	verify_compare(a, b, &options, 3, arena, &is);
	int z3 = test_z3_equal(a, b, SECONDS);
	tally->equal += z3 == 1;
	tally->different += z3 == 0;
	tally->unknown += z3 < 0;
	if (is.status == VERIFY_DONE && (z3 < 0 || is.equal == z3))
		return true;
	printf("%s, %zu and %zu rules: the engine says %s (%d), z3 says %d\n", what, a->rule.len,
	       b->rule.len, is.equal ? "equal" : "different", (int)is.status, z3);
	return false;
}

struct dead {
	struct arena *arena;
	bool *is, *redundant;
};

static void hear(void *user, const struct verify_finding *f)
{
	struct dead *d = user;
	if (f->together)
		return;
	d->is[f->rule] |= f->kind <= VERIFY_CONFLICTING;
	d->redundant[f->rule] |= f->kind == VERIFY_REDUNDANT;
}

// Half of the rules that are asked about are found by the engine, if there are so many.
static size_t choose(struct test_random *random, const struct dead *d, size_t rules, size_t *out)
{
	size_t n = 0;
	for (size_t tries = 0; tries < 20 * rules && n < ASKED / 2; tries++) {
		size_t i = test_random_below(random, (uint32_t)rules);
		if (d->is[i] || d->redundant[i])
			out[n++] = i;
	}
	while (n < ASKED)
		out[n++] = test_random_below(random, (uint32_t)rules);
	return n;
}

// Rules are judged one by one: each has a name of its own.
static bool ask_findings(const char *what, struct test_random *random, struct ir_ruleset *a,
			 struct arena *arena, struct tally *tally)
{
	for (size_t i = 0; i < a->rule.len; i++)
		a->rule.at[i].name = arena_printf(arena, "r%zu", i);
	struct verify_options options = verify_options_default(0);
	struct verify_summary summary;
	size_t rule[ASKED];
	struct test_z3_life life[ASKED];
	struct dead d = {arena, arena_array(arena, bool, a->rule.len + 1),
			 arena_array(arena, bool, a->rule.len + 1)};
	verify_findings(a, &options, arena, hear, &d, &summary);
	size_t n = choose(random, &d, a->rule.len, rule);
	if (!test_z3_lives(a, rule, n, SECONDS, life)) {
		tally->unknown++;
		return summary.status == VERIFY_DONE;
	}
	for (size_t i = 0; i < n; i++) {
		tally->rules++;
		tally->dead += !life[i].lives;
		tally->redundant += life[i].redundant;
		if (d.is[rule[i]] == !life[i].lives && d.redundant[rule[i]] == life[i].redundant)
			continue;
		printf("%s, rule %zu of %zu: dead %d, redundant %d; z3 says lives %d, redundant "
		       "%d\n",
		       what, rule[i], a->rule.len, d.is[rule[i]], d.redundant[rule[i]],
		       life[i].lives, life[i].redundant);
		return false;
	}
	return summary.status == VERIFY_DONE;
}

// A set of the generator's, its rewriting and its edited copy.
static bool large_set(struct test_random *random, unsigned i, struct tally *tally)
{
	struct arena arena;
	struct ir_ruleset set, rewritten, edited;
	struct ir_packet packet;
	struct test_sets_spec spec = {(enum test_sets_kind)(i % TEST_SETS_KINDS), i % 2 ? 6 : 4,
				      LARGE_RULES, test_random_next(random) >> 32};
	const char *what = test_sets_kind_name[spec.kind];
	arena_init(&arena);
	test_sets_make(&spec, &arena, &set);
	struct test_sets_rewriting how = {spec.seed, 30};
	test_sets_rewrite_as(&set, &how, &arena, &rewritten);
	test_sets_edit(&rewritten, spec.seed, &arena, &edited, &packet);
	bool good = ask_equal(what, &set, &rewritten, &arena, tally) &&
		    ask_equal(what, &set, &edited, &arena, tally) &&
		    ask_findings(what, random, &edited, &arena, tally);
	arena_fini(&arena);
	return good;
}

// Many random rules about few values: most hide each other somewhere.
static bool policy(struct test_random *random, struct tally *tally)
{
	struct arena arena;
	struct ir_ruleset a = {.default_action = IR_DROP}, b = a;
	struct verify_test_world w = {.random = random, .arena = &arena, .families = 3};
	static const enum ir_dim dims[] = {IR_SRC4,  IR_DST4,  IR_SRC6, IR_PROTO,
					   IR_DPORT, IR_STATE, IR_IN};
	arena_init(&arena);
	for (; w.dims < array_len(dims); w.dims++)
		w.dim[w.dims] = dims[w.dims];
	while (a.rule.len < POLICY_RULES) {
		struct ir_rule rule = verify_test_rule(&w);
		rule.log = IR_LOG_NONE;
		rule.verdict = rule.verdict == IR_NONE ? IR_PASS : rule.verdict;
		if (rule.clauses && rule.clause[0].len < 3)
			continue; // a rule for nearly all packets leaves nothing to the others
		vec_push(&arena, &a.rule, rule);
		bool left_out = test_random_below(random, POLICY_RULES / 2) == 0;
		if (!left_out)
			vec_push(&arena, &b.rule, rule);
	}
	bool good = !test_z3_can(&a) || (ask_equal("policy", &a, &b, &arena, tally) &&
					 ask_findings("policy", random, &a, &arena, tally));
	arena_fini(&arena);
	return good;
}

static bool large_ones(struct test_random *random)
{
	struct tally t = {0};
	time_t end = time(NULL) + ALL_SECONDS;
	for (unsigned i = 0; i < 2 * TEST_SETS_KINDS && time(NULL) < end; i++)
		if (!large_set(random, i, &t) || !policy(random, &t))
			return false;
	printf("of large pairs %zu equal, %zu different; of %zu rules %zu dead, %zu redundant: z3 "
	       "agrees; "
	       "it did not know %zu answers in time\n",
	       t.equal, t.different, t.rules, t.dead, t.redundant, t.unknown);
	return t.equal && t.different && t.dead && t.redundant;
}

// z3_test [SEED]
int main(int argc, char **argv)
{
	struct test_random random = {.state = test_random_seed(argc > 1 ? argv[1] : NULL)};
	return !small_ones(&random) || !large_ones(&random);
}
