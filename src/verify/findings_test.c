// SPDX-License-Identifier: Apache-2.0
// Findings: small worlds against all their packets, and rulesets written by hand for every kind.
#include "verify/test.h"
#include "verify/test_sets.h"
#include "base/buf.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1795000000 // 2026-11-18

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 100 };
#else
enum { CASES = 700 };
#endif

static const char *seed;

// --- against all packets ---

static void small_worlds(void **state)
{
	(void)state;
	static const struct verify_test_engine engine = {
		.name = "findings", .units = verify_units, .findings = verify_findings};
	struct test_random random = {.state = test_random_seed(seed)};
	for (size_t i = 0; i < CASES; i++) {
		struct arena arena;
		struct verify_test_case test;
		struct buf fault;
		arena_init(&arena);
		buf_init(&fault);
		verify_test_random(&random, &arena, 3, &test);
		bool wrong = verify_test_check(&engine, &test, &fault) == VERIFY_TEST_WRONG;
		if (wrong) {
			printf("case %zu: %s\n", i, fault.data);
			verify_test_report(&engine, &test);
		}
		assert_false(wrong);
		buf_fini(&fault);
		arena_fini(&arena);
	}
}

// --- written by hand ---

// Rules as for ir_rule_parse; "log " before one: it only logs; "10/s " before one: while 10 packets/s are exceeded.
static struct ir_rule rule_of(const char *text, struct arena *arena)
{
	struct diags diags;
	struct ir_rule rule;
	diags_init(&diags, arena);
	bool only_logs = !strncmp(text, "log ", 4), rate = !strncmp(text, "10/s ", 5);
	text += only_logs ? 4 : rate ? 5 : 0;
	if (!ir_rule_parse(text, "rule", arena, &diags, &rule))
		fail_msg("cannot be read: %s", text);
	if (only_logs) {
		rule.verdict = IR_NONE;
		rule.log = IR_LOG_RULE;
	}
	rule.rate.packets = rate ? 10 : 0;
	return rule;
}

static void write_finding(void *user, const struct verify_finding *f)
{
	struct buf *out = user;
	buf_printf(out, "%s%zu %s", out->len ? "; " : "", f->rule,
		   f->together ? "goes" : verify_kind_name[f->kind]);
	for (size_t i = 0; i < f->causes; i++)
		buf_printf(out, " %zu", f->cause[i]);
	if (f->by_default)
		buf_adds(out, " default");
	bool shows = f->kind == VERIFY_CONFLICTING || f->kind > VERIFY_REDUNDANT;
	assert_int_equal(f->packet != NULL, shows && !f->together);
}

struct row {
	enum ir_verdict default_action;
	const char *rules[6];
	const char *findings;
};

static void check_row(const struct row *row)
{
	struct arena arena;
	struct buf text;
	struct ir_ruleset set = {.default_action = row->default_action};
	struct verify_options options = verify_options_default(NOW);
	struct verify_summary summary;
	arena_init(&arena);
	buf_init(&text);
	for (size_t i = 0; i < array_len(row->rules) && row->rules[i]; i++)
		vec_push(&arena, &set.rule, rule_of(row->rules[i], &arena));
	verify_findings(&set, &options, &arena, write_finding, &text, &summary);
	assert_int_equal(summary.status, VERIFY_DONE);
	assert_string_equal(text.len ? text.data : "", row->findings);
	buf_fini(&text);
	arena_fini(&arena);
}

static void check_rows(const struct row *row, size_t rows)
{
	for (size_t i = 0; i < rows; i++)
		check_row(&row[i]);
}

#define A "action=pass,name=a,"
#define B "action=pass,name=b,"
#define C "action=pass,name=c,"
#define NO_A "action=drop,name=a,"
#define NO_B "action=drop,name=b,"
#define NO_C "action=drop,name=c,"

static void dead_rules(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{IR_DROP, {A "src=10.0.0.0/8", B "src=10.1.0.0/16"}, "1 shadowed 0; 1 goes"},
		{IR_DROP, {A "src=2001:db8::/32", B "src=2001:db8:1::/48"}, "1 shadowed 0; 1 goes"},
		{IR_DROP, {A "src=10.0.0.0/8", NO_B "src=10.1.0.0/16"}, "1 conflicting 0; 1 goes"},
		{IR_DROP,
		 {A "src=2001:db8::/32", NO_B "src=2001:db8:1::/48,proto=udp"},
		 "1 conflicting 0; 1 goes"},
		{IR_DROP, {A "src=10.0.0.0/8", B "src=2001:db8::/32"}, ""},
		// by several, of which only one does otherwise; when 2 is gone, the default does what 1 does
		{IR_DROP,
		 {A "src=10.0.0.0/9", NO_B "src=10.128.0.0/9", C "src=10.0.0.0/8,dport=22"},
		 "2 conflicting 0 1; 1 goes; 2 goes"},
		// an exception before a rule and its repetition is no conflict; without that rule it is one
		{IR_DROP,
		 {NO_A "src=10.1.0.0/24", B "src=10.0.0.0/8", C "src=10.1.0.0/16"},
		 "0 generalised 1; 2 shadowed 1; 2 goes"},
		// groups, and a unit of several rules
		{IR_DROP, {A "src=10.0.0.1|10.0.0.3", B "src=10.0.0.3"}, "1 shadowed 0; 1 goes"},
		{IR_DROP, {A "src=10.0.0.1|10.0.0.3", B "src=10.0.0.2"}, ""},
		{IR_DROP,
		 {A "src=10.0.0.0/9", A "src=10.128.0.0/9", B "src=10.0.0.0/8,proto=tcp"},
		 "2 shadowed 0; 2 goes"},
		{IR_DROP,
		 {A "dport=80", B "proto=tcp,dport=80", C "proto=icmp"},
		 "1 shadowed 0; 1 goes"},
		// a time that is over, none that is to come
		{IR_DROP, {A "src=10.0.0.1,time=..2020-01-01T00:00:00Z"}, "0 empty; 0 goes"},
		{IR_DROP,
		 {A "src=10.0.0.1,time=2026-12-01T00:00:00Z..2026-12-02T00:00:00Z",
		  B "src=10.0.0.1,time=2026-12-01T12:00:00Z..2026-12-01T13:00:00Z"},
		 "1 shadowed 0; 1 goes"},
	};
	check_rows(rows, array_len(rows));
}

static void redundant_rules(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{IR_DROP, {NO_A "src=10.0.0.0/8"}, "0 redundant default; 0 goes"},
		{IR_PASS, {A "src=10.0.0.0/8"}, "0 redundant default; 0 goes"},
		{IR_DROP, {"action=reject,name=a,src=10.0.0.0/8"}, ""},
		{IR_DROP, {A "src=10.1.0.0/16", B "src=10.0.0.0/8"}, "0 redundant 1; 0 goes"},
		{IR_DROP,
		 {A "src=2001:db8:1::/48", B "src=2001:db8::/32"},
		 "0 redundant 1; 0 goes"},
		{IR_DROP,
		 {A "src=10.0.0.0/8", B "src=10.0.0.0/9", C "src=10.128.0.0/9"},
		 "0 redundant 1 2; 1 shadowed 0; 2 shadowed 0; 1 goes; 2 goes"},
		// 0 stands before 1, which is dead; when 1 goes, so can 0
		{IR_DROP,
		 {A "src=10.1.0.0/16", NO_B "src=10.1.2.0/24", C "src=10.0.0.0/8"},
		 "1 conflicting 0; 0 goes; 1 goes"},
		// each alone, but not both
		{IR_DROP,
		 {A "src=10.0.0.1", B "src=10.0.0.1"},
		 "0 redundant 1; 1 shadowed 0; 0 goes"},
	};
	check_rows(rows, array_len(rows));
}

static void overlapping_rules(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{IR_DROP,
		 {A "src=10.1.0.0/16", NO_B "src=10.0.0.0/8", C ""},
		 "0 generalised 1; 1 generalised 2"},
		{IR_DROP,
		 {A "src=10.0.0.0/8", NO_B "dst=192.0.2.0/24", C ""},
		 "0 correlated 1; 1 generalised 2"},
		{IR_DROP,
		 {A "src=2001:db8::/32", NO_B "dport=23", "action=reject,name=c"},
		 "0 generalised 2; 0 correlated 1; 1 generalised 2"},
		// more general by several boxes of one unit
		{IR_DROP,
		 {A "src=10.0.0.0/8", NO_B "src=10.0.0.0/9", NO_B "src=10.128.0.0-11.0.0.0", C ""},
		 "0 generalised 1; 1 generalised 3"},
		// a rule that decides nothing is no partner
		{IR_DROP,
		 {A "src=10.0.0.0/8", NO_B "src=10.1.0.0/16", NO_C "dst=192.0.2.1"},
		 "0 correlated 2; 1 conflicting 0; 2 redundant default; 1 goes; 2 goes"},
	};
	check_rows(rows, array_len(rows));
}

static void beside_headers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		// an opaque condition may not hold: it does not shadow, but itself it does
		{IR_DROP,
		 {NO_A "users/user=mallory,src=10.0.0.0/8", B "src=10.1.0.0/16"},
		 "0 correlated 1"},
		{IR_DROP,
		 {A "users/user=alice,src=10.0.0.0/8", B "users/user=alice,src=10.1.0.0/16"},
		 "1 shadowed 0; 1 goes"},
		{IR_DROP,
		 {A "users/user=alice,src=10.0.0.0/8", B "users/user=bob,src=10.1.0.0/16"},
		 ""},
		{IR_DROP,
		 {A "src=10.0.0.0/8", NO_B "users/user=alice,src=10.1.0.0/16"},
		 "1 conflicting 0; 1 goes"},
		{IR_DROP, {"10/s " NO_A "src=10.0.0.0/8", B "src=10.0.0.0/8"}, "0 generalised 1"},
		{IR_DROP,
		 {"10/s " A "src=10.0.0.0/8", "10/s " NO_B "src=10.0.0.0/8"},
		 "1 conflicting 0; 1 goes"},
		// packets of no flow are for packet rules only
		{IR_DROP, {A "flow=yes,proto=tcp", B "proto=tcp"}, "0 redundant 1; 0 goes"},
		{IR_DROP,
		 {A "proto=tcp", B "flow=yes,src=10.0.0.1,proto=udp", C "flow=yes,proto=udp"},
		 "1 redundant 2; 1 goes"},
		// the last flow rule also says that packets of no flow are dropped
		{IR_PASS, {A "flow=yes,proto=tcp"}, ""},
		{IR_PASS,
		 {A "flow=yes,proto=tcp", B "flow=yes,proto=udp"},
		 "0 redundant default; 1 redundant default; 0 goes"},
	};
	check_rows(rows, array_len(rows));
}

static void rules_that_log(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{IR_DROP, {"log " A "src=10.0.0.0/8", B "src=10.0.0.0/8"}, ""},
		{IR_DROP,
		 {A "src=10.0.0.0/8", "log " B "src=10.0.0.0/8"},
		 "1 conflicting 0; 1 goes"},
		{IR_DROP,
		 {A "log=rule,src=10.0.0.0/8", "log " B "src=10.0.0.0/8"},
		 "1 shadowed 0; 1 goes"},
		{IR_DROP,
		 {"log " A "src=10.0.0.0/8,time=..2020-01-01T00:00:00Z"},
		 "0 empty; 0 goes"},
		{IR_DROP,
		 {A "src=10.0.0.0/8", B "log=rule,src=10.1.0.0/16"},
		 "1 conflicting 0; 1 goes"},
		{IR_DROP, {A "log=rule,src=10.1.0.0/16", B "src=10.0.0.0/8"}, "0 generalised 1"},
		// without 0 some of its packets would be logged, unless 1 has none of them
		{IR_DROP,
		 {A "src=10.1.0.0/16", "log " B "src=10.1.2.0-10.2.0.0", C "src=10.0.0.0/8"},
		 ""},
		{IR_DROP,
		 {A "src=10.1.0.0/16", "log " B "src=10.2.0.0/24", C "src=10.0.0.0/8"},
		 "0 redundant 2; 0 goes"},
	};
	check_rows(rows, array_len(rows));
}

static void names_make_units(void **state)
{
	(void)state;
	static const char *const rules[] = {A "src=10.0.0.1", A "src=10.0.0.2", NO_A "src=10.0.0.3",
					    B "src=10.0.0.4", A "src=10.0.0.5"};
	static const size_t expected[] = {0, 0, 2, 3, 4, 5, 6};
	struct arena arena;
	struct ir_ruleset set = {0};
	size_t *unit;
	arena_init(&arena);
	for (size_t i = 0; i < array_len(rules); i++)
		vec_push(&arena, &set.rule, rule_of(rules[i], &arena));
	for (int i = 0; i < 2; i++) { // without a name
		vec_push(&arena, &set.rule, rule_of(A "src=10.0.0.6", &arena));
		set.rule.at[set.rule.len - 1].name = NULL;
	}
	verify_units(&set, &arena, &unit);
	assert_memory_equal(unit, expected, sizeof(expected));
	arena_fini(&arena);
}

// --- budgets and threads ---

struct heard {
	struct buf text;
	size_t findings, stop_after;
	struct verify_control *control;
};

static void hear(void *user, const struct verify_finding *finding)
{
	struct heard *h = user;
	struct verify_finding f = *finding;
	buf_printf(&h->text, "%d %zu %zu %zu %d%d ", (int)f.kind, f.rule, f.causes, f.causes_all,
		   f.by_default, f.together);
	for (size_t i = 0; i < f.causes; i++)
		buf_printf(&h->text, "%zu ", f.cause[i]);
	if (f.packet)
		ir_packet_print(f.packet, &h->text);
	if (++h->findings == h->stop_after)
		atomic_store(&h->control->stop, true);
}

static void large(struct arena *arena, size_t rules, struct ir_ruleset *out)
{
	test_sets_make(&(struct test_sets_spec){TEST_SETS_FW, 4, rules, 3}, arena, out);
}

static void threads_say_the_same(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset set;
	char *first = NULL;
	arena_init(&arena);
	large(&arena, 1500, &set);
	for (unsigned threads = 1; threads <= 5; threads += 2) {
		struct verify_control control = {0};
		struct heard h = {0};
		struct verify_summary summary;
		struct verify_options options = verify_options_default(NOW);
		options.threads = threads;
		options.control = &control;
		buf_init(&h.text);
		verify_findings(&set, &options, &arena, hear, &h, &summary);
		assert_int_equal(summary.status, VERIFY_DONE);
		assert_true(summary.count[VERIFY_CORRELATED] > 100 && summary.removable > 10);
		assert_int_equal(control.done, control.total);
		if (first)
			assert_string_equal(h.text.data, first);
		else
			first = arena_strdup(&arena, h.text.data);
		buf_fini(&h.text);
	}
	arena_fini(&arena);
}

static void stops_midway(void **state)
{
	(void)state;
	static const size_t after[] = {1, 100, 1000};
	struct arena arena;
	struct ir_ruleset set;
	arena_init(&arena);
	large(&arena, 1500, &set);
	for (size_t i = 0; i < array_len(after); i++) {
		struct verify_control control = {0};
		struct heard h = {.stop_after = after[i], .control = &control};
		struct verify_summary summary;
		struct verify_options options = verify_options_default(NOW);
		options.threads = 3;
		options.control = &control;
		buf_init(&h.text);
		verify_findings(&set, &options, &arena, hear, &h, &summary);
		assert_int_equal(summary.status, VERIFY_STOPPED);
		assert_true(h.findings >= after[i] && h.findings < 3000);
		assert_int_equal(summary.removable, 0);
		buf_fini(&h.text);
	}
	arena_fini(&arena);
}

static void stopped_before_and_out_of_memory(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset set;
	struct verify_control control = {.stop = true};
	struct heard h = {0};
	struct verify_summary summary;
	struct verify_options options = verify_options_default(NOW);
	arena_init(&arena);
	buf_init(&h.text);
	large(&arena, 1500, &set);
	options.control = &control;
	verify_findings(&set, &options, &arena, hear, &h, &summary);
	assert_int_equal(summary.status, VERIFY_STOPPED);
	options.control = NULL;
	options.memory = 10000;
	verify_findings(&set, &options, &arena, hear, &h, &summary);
	assert_int_equal(summary.status, VERIFY_OVER_BUDGET);
	assert_int_equal(h.findings, 0);
	set.rule.len = 0;
	options.memory = 0;
	verify_findings(&set, &options, &arena, hear, &h, &summary);
	assert_int_equal(summary.status, VERIFY_DONE);
	assert_int_equal(h.findings, 0);
	buf_fini(&h.text);
	arena_fini(&arena);
}

// Wide boxes across each other, so that covers take many parts.
static void across(struct arena *arena, struct ir_ruleset *out)
{
	static const enum ir_dim dims[] = {IR_SRC4, IR_DST4, IR_SPORT, IR_DPORT};
	struct test_random random = {.state = 8};
	*out = (struct ir_ruleset){.default_action = IR_DROP};
	for (size_t i = 0; i < 200; i++) {
		struct ir_rule rule = rule_of("action=pass,proto=tcp", arena);
		rule.name = arena_printf(arena, "r%zu", i);
		rule.verdict = i % 2 ? IR_PASS : IR_DROP;
		for (size_t d = 0; d < array_len(dims); d++) {
			u128 lo = test_random_below(&random, 30000), hi = lo + 35000;
			assert_true(ir_clause_narrow(rule.clause, arena, dims[d],
						     algebra_set_one(arena, lo, hi)));
		}
		vec_push(arena, &out->rule, rule);
	}
}

static void undecided_is_said(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset set;
	size_t undecided = 0, all = 0;
	arena_init(&arena);
	across(&arena, &set);
	for (size_t memory = 16000; memory <= 1 << 20; memory += memory / 4) {
		struct heard h = {0};
		struct verify_summary summary;
		struct verify_options options = verify_options_default(NOW);
		options.threads =
			32; // each has lists of its own: what they take is more than the boxes do
		options.memory = memory;
		buf_init(&h.text);
		verify_findings(&set, &options, &arena, hear, &h, &summary);
		bool decided = summary.status == VERIFY_DONE;
		all = decided ? h.findings : all;
		if (summary.status == VERIFY_OVER_BUDGET && h.findings) {
			assert_non_null(strstr(summary.notes.list.at[summary.notes.list.len - 1],
					       "budget"));
			undecided++;
		}
		buf_fini(&h.text);
	}
	assert_true(undecided > 0 && all > 0);
	arena_fini(&arena);
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? argv[1] : NULL;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_worlds),
		cmocka_unit_test(dead_rules),
		cmocka_unit_test(redundant_rules),
		cmocka_unit_test(overlapping_rules),
		cmocka_unit_test(beside_headers),
		cmocka_unit_test(rules_that_log),
		cmocka_unit_test(names_make_units),
		cmocka_unit_test(threads_say_the_same),
		cmocka_unit_test(stops_midway),
		cmocka_unit_test(stopped_before_and_out_of_memory),
		cmocka_unit_test(undecided_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
