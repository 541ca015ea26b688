// SPDX-License-Identifier: Apache-2.0
// The engine against all packets of small worlds; and the checks against engines that err on purpose: whoever judges must be
// able to tell.
#include "verify/test.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 150, MUTANT_CASES = 400 };
#else
enum { CASES = 1500, MUTANT_CASES = 2000 };
#endif
#define DIMS 3

// --- engines that err ---

static void misses_difference(const struct ir_ruleset *a, const struct ir_ruleset *b,
			      const struct verify_options *options, size_t most,
			      struct arena *arena, struct verify_comparison *out)
{
	verify_test_naive.compare(a, b, options, most, arena, out);
	out->difference.len -= out->difference.len > 1;
}

static void calls_equal(const struct ir_ruleset *a, const struct ir_ruleset *b,
			const struct verify_options *options, size_t most, struct arena *arena,
			struct verify_comparison *out)
{
	verify_test_naive.compare(a, b, options, most, arena, out);
	*out = (struct verify_comparison){.status = VERIFY_DONE, .equal = true};
}

static void calls_exact(const struct ir_ruleset *a, const struct ir_ruleset *b,
			const struct verify_options *options, size_t most, struct arena *arena,
			struct verify_comparison *out)
{
	verify_test_naive.compare(a, b, options, most, arena, out);
	for (size_t i = 0; i < out->difference.len; i++)
		out->difference.at[i].exact = true;
}

static void mixes_packets(const struct ir_ruleset *a, const struct ir_ruleset *b,
			  const struct verify_options *options, size_t most, struct arena *arena,
			  struct verify_comparison *out)
{
	verify_test_naive.compare(a, b, options, most, arena, out);
	for (size_t i = 1; i < out->difference.len; i++)
		out->difference.at[i].packet = out->difference.at[i - 1].packet;
}

static void keeps_old_rule(const struct ir_ruleset *a, const struct verify_options *options,
			   const struct verify_edit *edit, size_t edits, size_t most,
			   struct arena *arena, struct verify_comparison *out)
{
	struct verify_edit changed = edit[0];
	changed.removed = 0;
	verify_test_naive.what_if(a, options, edits ? &changed : edit, edits ? 1 : 0, most, arena,
				  out);
}

// Hands findings on with a fault in them.
struct relay {
	verify_finding_fn found;
	void *user;
	size_t heard;
};

static void relay_without_default(void *user, const struct verify_finding *finding)
{
	struct relay *r = user;
	struct verify_finding f = *finding;
	f.by_default = false;
	r->found(r->user, &f);
}

static void relay_less_cause(void *user, const struct verify_finding *finding)
{
	struct relay *r = user;
	struct verify_finding f = *finding;
	if (f.causes > 1 && f.kind > VERIFY_REDUNDANT)
		f.causes = f.causes_all = f.causes - 1;
	r->found(r->user, &f);
}

static void relay_no_cause(void *user, const struct verify_finding *finding)
{
	struct relay *r = user;
	struct verify_finding f = *finding;
	if (f.kind == VERIFY_REDUNDANT || f.kind == VERIFY_SHADOWED)
		f.causes = f.causes_all = f.causes > 1;
	r->found(r->user, &f);
}

static void relay_more_together(void *user, const struct verify_finding *finding)
{
	struct relay *r = user;
	struct verify_finding f = *finding;
	f.together = finding->kind <= VERIFY_REDUNDANT && !finding->together;
	if (!finding->together)
		r->found(r->user, finding);
	if (f.together && r->heard++ == 0)
		r->found(r->user, &f);
}

static void relay_shadow(void *user, const struct verify_finding *finding)
{
	struct relay *r = user;
	struct verify_finding f = *finding;
	if (f.kind == VERIFY_CONFLICTING && f.causes > 1)
		f.kind = VERIFY_SHADOWED;
	r->found(r->user, &f);
}

static void relay_few(void *user, const struct verify_finding *finding)
{
	struct relay *r = user;
	if (finding->together || r->heard++ % 5 != 4)
		r->found(r->user, finding);
}

#define ERRING_FINDINGS(name, relay_fn)                                                          \
	static void name(const struct ir_ruleset *ruleset, const struct verify_options *options, \
			 struct arena *arena, verify_finding_fn found, void *user,               \
			 struct verify_summary *out)                                             \
	{                                                                                        \
		struct relay relay = {found, user, 0};                                           \
		verify_test_naive.findings(ruleset, options, arena, relay_fn, &relay, out);      \
	}
ERRING_FINDINGS(forgets_default, relay_without_default)
ERRING_FINDINGS(forgets_cause, relay_less_cause)
ERRING_FINDINGS(forgets_all_causes, relay_no_cause)
ERRING_FINDINGS(removes_more, relay_more_together)
ERRING_FINDINGS(calls_shadowed, relay_shadow)
ERRING_FINDINGS(forgets_findings, relay_few)

static void always_first(const struct ir_ruleset *a, const struct verify_options *options,
			 const struct ir_packet *const *packet, size_t packets, size_t *out)
{
	verify_test_naive.decides(a, options, packet, packets, out);
	for (size_t i = 0; i < packets; i++)
		out[i] = out[i] == 3 ? 2 : out[i];
}

static void never_broken(const struct ir_ruleset *ruleset, const struct ir_rule *guarantee,
			 size_t guarantees, const struct verify_options *options,
			 struct arena *arena, struct verify_assertion *out)
{
	(void)ruleset, (void)guarantee, (void)guarantees, (void)options, (void)arena;
	*out = (struct verify_assertion){.status = VERIFY_DONE};
}

static void units_by_name(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out)
{
	size_t *unit = arena_array(arena, size_t, ruleset->rule.len + 1);
	const struct ir_rule *rule = ruleset->rule.at;
	for (size_t i = 0; i < ruleset->rule.len; i++)
		unit[i] = i && !strcmp(rule[i - 1].name, rule[i].name) ? unit[i - 1] : i;
	*out = unit;
}

static const struct verify_test_engine erring[] = {
	{.name = "misses a difference", .compare = misses_difference},
	{.name = "calls all equal", .compare = calls_equal},
	{.name = "calls regions exact", .compare = calls_exact},
	{.name = "mixes packets up", .compare = mixes_packets},
	{.name = "keeps an old rule", .what_if = keeps_old_rule},
	{.name = "forgets the default", .findings = forgets_default},
	{.name = "forgets a cause", .findings = forgets_cause},
	{.name = "forgets causes that are needed", .findings = forgets_all_causes},
	{.name = "lets too many go together", .findings = removes_more},
	{.name = "calls conflicts shadowed", .findings = calls_shadowed},
	{.name = "forgets findings", .findings = forgets_findings},
	{.name = "names the wrong rule", .decides = always_first},
	{.name = "never sees a guarantee broken", .assert = never_broken},
	{.name = "joins units that differ", .units = units_by_name},
};

// --- the engine itself ---

static void engine_what_if(const struct ir_ruleset *a, const struct verify_options *options,
			   const struct verify_edit *edit, size_t edits, size_t most,
			   struct arena *arena, struct verify_comparison *out)
{
	struct verify_prepared *prepared = verify_prepare(a, options);
	*out = (struct verify_comparison){.status = VERIFY_OVER_BUDGET};
	if (prepared)
		verify_what_if(prepared, edit, edits, most, arena, out);
	verify_prepared_free(prepared);
}

static void engine_decides(const struct ir_ruleset *a, const struct verify_options *options,
			   const struct ir_packet *const *packet, size_t packets, size_t *out)
{
	struct verify_prepared *prepared = verify_prepare(a, options);
	for (size_t i = 0; i < packets; i++)
		out[i] = prepared ? verify_decides(prepared, packet[i]) : SIZE_MAX - 1;
	verify_prepared_free(prepared);
}

static const struct verify_test_engine real = {
	.name = "engine",
	.units = verify_units,
	.findings = verify_findings,
	.compare = verify_compare,
	.what_if = engine_what_if,
	.decides = engine_decides,
	.assert = verify_assert,
};

// --- running ---

struct running {
	struct test_random random;
	unsigned dims;
	size_t cases, too_large;
};

// Whether the engine is found wrong in one of so many cases.
static bool run(struct running *r, const struct verify_test_engine *engine, size_t cases,
		bool report)
{
	for (size_t i = 0; i < cases; i++) {
		struct arena arena;
		struct verify_test_case test;
		struct buf fault;
		arena_init(&arena);
		buf_init(&fault);
		verify_test_random(&r->random, &arena, r->dims, &test);
		enum verify_test_result result = verify_test_check(engine, &test, &fault);
		r->cases++;
		r->too_large += result == VERIFY_TEST_TOO_LARGE;
		if (result == VERIFY_TEST_WRONG && report) {
			printf("case %zu: %s\n", i, fault.data);
			verify_test_report(engine, &test);
		}
		buf_fini(&fault);
		arena_fini(&arena);
		if (result == VERIFY_TEST_WRONG)
			return true;
	}
	return false;
}

static bool all_are_noticed(struct running *r)
{
	for (size_t i = 0; i < array_len(erring); i++) {
		size_t before = r->cases;
		struct verify_test_engine engine = erring[i];
		if (engine.what_if) // is asked behind it
			engine.compare = verify_test_naive.compare;
		if (!run(r, &engine, MUTANT_CASES, false)) {
			printf("nobody noticed an engine that %s\n", erring[i].name);
			return false;
		}
		printf("an engine that %s: noticed in case %zu\n", erring[i].name,
		       r->cases - before);
	}
	return true;
}

// oracle_test [SEED [CASES [DIMENSIONS]]]
int main(int argc, char **argv)
{
	struct running r = {.dims = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : DIMS};
	size_t cases = argc > 2 ? strtoul(argv[2], NULL, 0) : CASES;
	r.random.state = test_random_seed(argc > 1 ? argv[1] : NULL);
	if (run(&r, &real, cases, true) || run(&r, &verify_test_naive, cases / 4, true))
		return 1;
	printf("%zu cases, %zu of them too large\n", r.cases, r.too_large);
	return !all_are_noticed(&r) || r.too_large * 4 > r.cases; // too many were not looked at
}
