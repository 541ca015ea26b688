// SPDX-License-Identifier: Apache-2.0
// The analysis on large rulesets of our own generator (verify/test_sets.h): findings, equality with an edited copy and with
// a rewriting, what one changed rule changes, memory. Answers that are known are checked; times are held against the targets
// of the project ("0.40x": takes 0.40 of the target). Beside them z3 and a comparison of all pairs of rules, where they
// can follow. Every question is stopped when it takes too long, and then says so.
//   bench_verify           sizes up to 100k; the slowest combinations on IPv4 and all processors only
//   bench_verify --full    all combinations, and more patience
#include "benchmarks/figure.h"
#include "base/deadline.h"
#include "verify/test_sets.h"
#include "verify/test_z3.h"
#include "verify/verify.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 1000, MIDDLE = 10000, LARGE = 100000, CHANGES = 400 };
#define NOW 1773187200

struct bench {
	bool full;
	uint64_t patience_ms;
	double seconds[TEST_SETS_KINDS][2]; // findings by kind and version, for the ratio
	bool wrong;
};

struct set {
	struct test_sets_spec spec;
	struct arena arena;
	struct ir_ruleset rules;
};

static void set_init(struct set *set, unsigned kind, int family, size_t rules)
{
	*set = (struct set){.spec = {(enum test_sets_kind)kind, family, rules, 1}};
	arena_init(&set->arena);
	test_sets_make(&set->spec, &set->arena, &set->rules);
}

// --- one question, bounded ---

struct question {
	struct verify_control control;
	struct verify_options options;
	struct deadline *deadline;
	struct arena arena;
	double begin;
};

static void begin(struct question *q, const struct bench *b, unsigned threads)
{
	*q = (struct question){.options = verify_options_default(NOW)};
	q->options.threads = threads;
	q->options.control = &q->control;
	arena_init(&q->arena);
	q->deadline = deadline_new(&q->control.stop, b->patience_ms);
	q->begin = figure_seconds();
}

static double end(struct question *q)
{
	double took = figure_seconds() - q->begin;
	deadline_free(q->deadline);
	arena_fini(&q->arena);
	return took;
}

// What stands behind a figure: how it compares to the target, or that there is no answer; and what was found.
struct figure {
	const char *what;
	double value;
	const char *unit;
	double target; // 0: none
	enum verify_status status;
	const char *found; // or NULL
};

static void print(const struct figure *f)
{
	char held[128] = "";
	size_t len = 0;
	if (f->status != VERIFY_DONE)
		len = (size_t)snprintf(held, sizeof(held), "%s, no answer",
				       f->status == VERIFY_STOPPED ? "STOPPED" : "OVER BUDGET");
	else if (f->target > 0)
		len = (size_t)snprintf(held, sizeof(held), "target %g %s: %.2fx", f->target,
				       f->unit, f->value / f->target);
	if (f->found)
		snprintf(held + len, sizeof(held) - len, "%s%s", len ? " - " : "", f->found);
	figure_print(f->what, f->value, f->unit, held);
}

static const char *size_name(size_t rules)
{
	return rules == SMALL ? "1k" : rules == MIDDLE ? "10k" : "100k";
}

static const char *set_name(const struct set *set, char *out, size_t size)
{
	snprintf(out, size, "%s %s IPv%d", size_name(set->spec.rules),
		 test_sets_kind_name[set->spec.kind], set->spec.family);
	return out;
}

static void check(struct bench *b, bool right, const char *what)
{
	if (right)
		return;
	printf("WRONG: %s\n", what);
	b->wrong = true;
}

// --- findings ---

static void count(void *user, const struct verify_finding *finding)
{
	(void)finding;
	++*(size_t *)user;
}

static double ask_findings(const struct bench *b, const struct ir_ruleset *rules, unsigned threads,
			   struct verify_summary *summary)
{
	struct question q;
	size_t told = 0;
	begin(&q, b, threads);
	verify_findings(rules, &q.options, &q.arena, count, &told, summary);
	return end(&q);
}

static double findings(const struct bench *b, const struct set *set, unsigned threads)
{
	char name[48], what[96], found[64];
	struct verify_summary s;
	double target = set->spec.rules == MIDDLE ? 0.2 : set->spec.rules == LARGE ? 10 : 0;
	double took = ask_findings(b, &set->rules, threads, &s);
	size_t dead =
		s.count[VERIFY_EMPTY] + s.count[VERIFY_SHADOWED] + s.count[VERIFY_CONFLICTING];
	snprintf(what, sizeof(what), "findings %s, %s", set_name(set, name, sizeof(name)),
		 threads == 1 ? "1 thread" : "all threads");
	snprintf(found, sizeof(found), "%zu dead, %zu redundant", dead, s.count[VERIFY_REDUNDANT]);
	print(&(struct figure){what, took, "s", target, s.status, found});
	return s.status == VERIFY_DONE ? took : 0;
}

static void findings_of_size(struct bench *b, size_t rules)
{
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (int family = 4; family <= 6; family += 2) {
			struct set set;
			set_init(&set, kind, family, rules);
			if (rules < LARGE || b->full)
				findings(b, &set, 1);
			b->seconds[kind][family == 6] = findings(b, &set, 0);
			arena_fini(&set.arena);
		}
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		char what[64];
		const double *s = b->seconds[kind];
		snprintf(what, sizeof(what), "IPv6 to IPv4, findings %s %s", size_name(rules),
			 test_sets_kind_name[kind]);
		if (s[0] > 0 && s[1] > 0)
			print(&(struct figure){what, s[1] / s[0], "times", 4, VERIFY_DONE, NULL});
	}
}

// --- equality ---

static double ask_equal(const struct bench *b, const struct ir_ruleset *x,
			const struct ir_ruleset *y, struct verify_comparison *out)
{
	struct question q;
	begin(&q, b, 0);
	verify_compare(x, y, &q.options, 10, &q.arena, out);
	return end(&q);
}

static void edited(struct bench *b, struct set *set)
{
	char name[48], what[96], found[64];
	struct ir_ruleset copy;
	struct ir_packet packet;
	struct verify_comparison is;
	test_sets_edit(&set->rules, 2, &set->arena, &copy, &packet);
	double took = ask_equal(b, &set->rules, &copy, &is);
	snprintf(what, sizeof(what), "equality %s, edited copy", set_name(set, name, sizeof(name)));
	snprintf(found, sizeof(found), "%zu pairs of rules differ", is.differences);
	print(&(struct figure){what, took, "s", set->spec.rules == LARGE ? 10 : 0, is.status,
			       found});
	check(b, is.status != VERIFY_DONE || !is.equal, "an edited copy is called equal");
}

static void rewritten(struct bench *b, struct set *set, unsigned split_percent)
{
	char name[48], what[96], found[64];
	struct ir_ruleset copy;
	struct verify_comparison is;
	test_sets_rewrite_as(&set->rules, &(struct test_sets_rewriting){3, split_percent},
			     &set->arena, &copy);
	double took = ask_equal(b, &set->rules, &copy, &is);
	snprintf(what, sizeof(what), "equality %s, shuffled, %u %% split",
		 set_name(set, name, sizeof(name)), split_percent);
	snprintf(found, sizeof(found), "%zu rules", copy.rule.len);
	print(&(struct figure){what, took, "s", set->spec.rules == MIDDLE ? 1.4 : 0, is.status,
			       found});
	check(b, is.equal, "a rewriting is called different");
}

static void equality_of_size(struct bench *b, size_t rules)
{
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (int family = 4; family <= 6; family += 2) {
			struct set set;
			if (family == 6 && rules == LARGE && !b->full)
				continue;
			set_init(&set, kind, family, rules);
			edited(b, &set);
			rewritten(b, &set, 20);
			rewritten(b, &set, 100);
			arena_fini(&set.arena);
		}
}

// --- one rule changed ---

// A rule decided otherwise, taken out, or put in a second time elsewhere.
static struct verify_edit change(struct test_random *random, const struct ir_ruleset *rules,
				 struct ir_rule *rule)
{
	size_t at = test_random_below(random, (uint32_t)rules->rule.len);
	*rule = rules->rule.at[test_random_below(random, (uint32_t)rules->rule.len)];
	switch (test_random_below(random, 3)) {
	case 0:
		*rule = rules->rule.at[at];
		rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
		return (struct verify_edit){at, 1, rule, 1};
	case 1:
		return (struct verify_edit){at, 1, NULL, 0};
	default:
		rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
		return (struct verify_edit){at, 0, rule, 1};
	}
}

static size_t ask_changes(const struct bench *b, const struct set *set,
			  const struct verify_prepared *prepared, struct verify_control *control,
			  double *took)
{
	struct test_random random = {.state = 5};
	double until = figure_seconds() + (double)b->patience_ms / 1000;
	size_t n = 0;
	for (; n < CHANGES && figure_seconds() < until && !control->stop; n++) {
		struct arena arena;
		struct ir_rule rule;
		struct verify_comparison is;
		struct verify_edit edit = change(&random, &set->rules, &rule);
		arena_init(&arena);
		double from = figure_seconds();
		verify_what_if(prepared, &edit, 1, 10, &arena, &is);
		took[n] = figure_seconds() - from;
		arena_fini(&arena);
	}
	return n;
}

static void one_rule(struct bench *b, const struct set *set)
{
	char name[48], what[96];
	double took[CHANGES];
	struct question q;
	begin(&q, b, 0);
	struct verify_prepared *prepared = verify_prepare(&set->rules, &q.options);
	double ready = figure_seconds() - q.begin;
	size_t n = prepared ? ask_changes(b, set, prepared, &q.control, took) : 0;
	end(&q);
	verify_prepared_free(prepared);
	set_name(set, name, sizeof(name));
	snprintf(what, sizeof(what), "what-if %s, prepared once", name);
	print(&(struct figure){what, ready * 1e3, "ms", 0, prepared ? VERIFY_DONE : VERIFY_STOPPED,
			       NULL});
	if (!n)
		return;
	figure_sort(took, n);
	snprintf(what, sizeof(what), "what-if %s, one rule, median of %zu", name, n);
	print(&(struct figure){what, took[n / 2] * 1e3, "ms", 0, VERIFY_DONE, NULL});
	snprintf(what, sizeof(what), "what-if %s, one rule, p99", name);
	print(&(struct figure){what, took[n * 99 / 100] * 1e3, "ms",
			       set->spec.rules == LARGE ? 3 : 0, VERIFY_DONE, NULL});
}

static void one_rule_of_size(struct bench *b, size_t rules)
{
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (int family = 4; family <= 6; family += 2) {
			struct set set;
			if (family == 6 && !b->full)
				continue;
			set_init(&set, kind, family, rules);
			one_rule(b, &set);
			arena_fini(&set.arena);
		}
}

// --- memory ---

// A line "VmRSS: 123 kB" of the process's status, in megabytes.
static double status_mb(const char *key)
{
	char line[128];
	double mb = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			mb = strtod(line + strlen(key), NULL) / 1024;
	if (f)
		fclose(f);
	return mb;
}

static void forget_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");
	if (!f)
		return;
	fputs("5", f);
	fclose(f);
}

enum asked { ASK_FINDINGS, ASK_EDITED, ASK_REWRITTEN };

static void measure_memory(struct bench *b, const struct set *set, const struct ir_ruleset *copy,
			   enum asked asked)
{
	static const char *const names[] = {"findings", "edited copy", "rewriting"};
	char name[48], what[96];
	struct verify_summary summary = {0};
	struct verify_comparison is = {0};
	malloc_trim(0);
	forget_peak();
	double before = status_mb("VmRSS:");
	if (asked == ASK_FINDINGS)
		ask_findings(b, &set->rules, 0, &summary);
	else
		ask_equal(b, &set->rules, copy, &is);
	double more = status_mb("VmHWM:") - before;
	snprintf(what, sizeof(what), "memory %s, %s", set_name(set, name, sizeof(name)),
		 names[asked]);
	print(&(struct figure){what, more, "MB", 20,
			       asked == ASK_FINDINGS ? summary.status : is.status, NULL});
}

// In a process of its own, so that nothing that was freed before is used again unseen.
static void memory(struct bench *b, unsigned kind, enum asked asked)
{
	fflush(stdout);
	pid_t child = fork();
	if (child) {
		if (child > 0)
			waitpid(child, NULL, 0);
		return;
	}
	struct set set;
	struct ir_ruleset copy = {0};
	struct ir_packet packet;
	set_init(&set, kind, 4, LARGE);
	if (asked == ASK_EDITED)
		test_sets_edit(&set.rules, 2, &set.arena, &copy, &packet);
	if (asked == ASK_REWRITTEN)
		test_sets_rewrite_as(&set.rules, &(struct test_sets_rewriting){3, 20}, &set.arena,
				     &copy);
	measure_memory(b, &set, &copy, asked);
	fflush(stdout);
	_exit(0);
}

static void memory_of_all(struct bench *b)
{
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		for (unsigned asked = ASK_FINDINGS; asked <= ASK_REWRITTEN; asked++)
			if (b->full || asked == ASK_FINDINGS || kind == TEST_SETS_ACL)
				memory(b, kind, (enum asked)asked);
}

// --- peers ---

// All pairs, one with another: sees only what one single rule hides.
static size_t pairwise(const struct ir_ruleset *rules)
{
	size_t meets = 0;
	for (size_t i = 0; i < rules->rule.len; i++)
		for (size_t k = 0; k < i; k++)
			meets += ir_clause_overlaps(&rules->rule.at[i].clause[0],
						    &rules->rule.at[k].clause[0]);
	return meets;
}

static void print_peer(const struct set *set, const char *what, double ours, double theirs)
{
	char name[48], text[96], held[64];
	snprintf(text, sizeof(text), "peer %s, %s", set_name(set, name, sizeof(name)), what);
	snprintf(held, sizeof(held), "we take %.4f s: %.4fx", ours, ours / theirs);
	figure_print(text, theirs, "s", held);
}

static void peer_of_findings(struct bench *b, size_t rules)
{
	struct verify_summary summary;
	struct set set;
	set_init(&set, TEST_SETS_ACL, 4, rules);
	double ours = ask_findings(b, &set.rules, 1, &summary), from = figure_seconds();
	size_t meets = pairwise(&set.rules);
	double theirs = figure_seconds() - from;
	check(b, meets > 0, "no two rules meet");
	print_peer(&set, "findings: all pairs met, no more", ours, theirs);
	arena_fini(&set.arena);
}

static void peer_of_equality(struct bench *b)
{
	struct verify_comparison is;
	struct ir_ruleset copy;
	struct set set;
	set_init(&set, TEST_SETS_ACL, 4, SMALL);
	test_sets_rewrite_as(&set.rules, &(struct test_sets_rewriting){3, 20}, &set.arena, &copy);
	double ours = ask_equal(b, &set.rules, &copy, &is), from = figure_seconds();
	int equal = test_z3_equal(&set.rules, &copy, 60);
	double theirs = figure_seconds() - from;
	check(b, equal != 0, "z3 calls the rewriting different");
	if (equal < 0)
		puts("peer z3: no answer");
	else
		print_peer(&set, "equality: z3", ours, theirs);
	arena_fini(&set.arena);
}

int main(int argc, char **argv)
{
	struct bench b = {.full = argc > 1 && !strcmp(argv[1], "--full")};
	b.patience_ms = b.full ? 120000 : 10000;
	base_give_memory_back(); // as the programs do
	setvbuf(stdout, NULL, _IOLBF, 0);
	peer_of_findings(&b, SMALL);
	peer_of_findings(&b, MIDDLE);
	peer_of_equality(&b);
	for (size_t rules = SMALL; rules <= LARGE; rules *= 10)
		findings_of_size(&b, rules);
	for (size_t rules = MIDDLE; rules <= LARGE; rules *= 10) {
		equality_of_size(&b, rules);
		one_rule_of_size(&b, rules);
	}
	memory_of_all(&b);
	return b.wrong;
}
