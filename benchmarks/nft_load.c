// SPDX-License-Identifier: Apache-2.0
// How long the kernel takes to get a policy, to have one rule of it changed, and to say it back; how long the proof takes
// that it enforces what is meant; and the memory of the process that does it. Rules are those of access lists, firewalls
// and IP chains in the manner of ClassBench, and rules that look up one of 1000 different sets (the kernel finds a table's
// sets by walking a list). Beside it the same rules as a plain list, and nft(8) with them as a script. Each in a process and
// a network namespace of its own.
#include "backend/nft/nft.h"
#include "base/buf.h"
#include "base/diag.h"
#include "benchmarks/figure.h"
#include "verify/test_sets.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIFFERENT_SETS 1000
#define KINDS (TEST_SETS_KINDS + 1)
#define CHANGES 30

struct bench {
	const struct backend_ops *ops;
	struct backend *backend;
	struct arena arena;
	struct ir_ruleset rules;
	struct test_random random;
	char name[32];
	double applied; // seconds
	bool wrong;     // what is enforced was found to differ, or was not found out
	bool proven;    // by the last comparison
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("%s failed\n", what);
	exit(1);
}

static void print(struct bench *b, const char *what, double value, const char *unit,
		  const char *beside)
{
	char text[80];
	snprintf(text, sizeof(text), "nft %s: %s", b->name, what);
	figure_print(text, value, unit, beside);
}

// --- rules ---

static void add_set_rule(struct bench *b, unsigned i)
{
	struct ir_rule rule = {.policy = "bench",
			       .name = arena_printf(&b->arena, "rule %u", i),
			       .verdict = i % 3 ? IR_PASS : IR_DROP,
			       .clause = arena_new(&b->arena, struct ir_clause),
			       .clauses = 1};
	struct algebra_builder ports = {.arena = &b->arena};
	u128 net = 0x0a000000u + i * 256u;
	for (unsigned k = 0, from = 1 + i % DIFFERENT_SETS; k < 5; k++)
		algebra_builder_add(&ports, from + k * 7, from + k * 7 + k);
	check(ir_clause_narrow(rule.clause, &b->arena, IR_SRC4,
			       algebra_set_one(&b->arena, net, net + 255)) &&
		      ir_clause_narrow(rule.clause, &b->arena, IR_PROTO,
				       algebra_set_one(&b->arena, 6, 6)) &&
		      ir_clause_narrow(rule.clause, &b->arena, IR_DPORT,
				       algebra_builder_take(&ports)),
	      "making a rule");
	vec_push(&b->arena, &b->rules.rule, rule);
}

static void make_rules(struct bench *b, unsigned kind, int family, unsigned rules)
{
	struct test_sets_spec spec = {(enum test_sets_kind)kind, family, rules, 1};
	snprintf(b->name, sizeof(b->name), "%uk %s%s", rules / 1000,
		 kind < TEST_SETS_KINDS ? test_sets_kind_name[kind] : "sets",
		 family == 4 ? "" : " IPv6");
	b->rules = (struct ir_ruleset){.default_action = IR_DROP};
	if (kind < TEST_SETS_KINDS)
		test_sets_make(&spec, &b->arena, &b->rules);
	for (unsigned i = 0; kind == TEST_SETS_KINDS && i < rules; i++)
		add_set_rule(b, i);
}

// --- all of it ---

static double apply(struct bench *b)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	double begin = figure_seconds();
	check(b->ops->apply(b->backend, &b->rules, &diags) == BACKEND_DONE && !diags.list.len,
	      "apply");
	double took = figure_seconds() - begin;
	arena_fini(&arena);
	return took;
}

typedef int (*compare_fn)(struct backend *backend, const struct ir_ruleset *lowered,
			  struct backend_differences *out);

static void check_none(struct bench *b, const struct backend_differences *differences)
{
	if (!differences->list.len)
		return;
	const struct backend_difference *first = &differences->list.at[0];
	printf("%zu differences, the first: %s, intended '%.300s', found '%.300s'\n",
	       differences->list.len, backend_change_name[first->change],
	       first->intended ? first->intended : "", first->found ? first->found : "");
	b->wrong = true;
}

static double compare(struct bench *b, compare_fn how)
{
	struct arena arena;
	arena_init(&arena);
	struct backend_differences differences = {.arena = &arena};
	double begin = figure_seconds();
	int failed = how(b->backend, &b->rules, &differences);
	if (failed)
		printf("no proof: %s\n", strerror(-failed));
	b->wrong |= failed != 0;
	b->proven = !failed;
	check_none(b, &differences);
	double took = figure_seconds() - begin;
	arena_fini(&arena);
	return took;
}

static double read_back(struct bench *b)
{
	struct arena arena;
	struct backend_state state;
	arena_init(&arena);
	double begin = figure_seconds();
	check(!b->ops->read_back(b->backend, &arena, &state), "read back");
	check_none(b, &state.strange);
	double took = figure_seconds() - begin;
	arena_fini(&arena);
	return took;
}

static double read_counters(struct bench *b)
{
	struct arena arena;
	struct backend_counters counters;
	arena_init(&arena);
	double begin = figure_seconds();
	check(!b->ops->counters(b->backend, &b->rules, &arena, &counters), "counters");
	double took = figure_seconds() - begin;
	arena_fini(&arena);
	return took;
}

static void all_of_it(struct bench *b)
{
	char beside[64];
	double before = figure_peak_mb();
	b->applied = apply(b);
	print(b, "apply", b->applied, "s", "");
	snprintf(beside, sizeof(beside), "%.0f MB of it are the rules", before);
	print(b, "peak memory of apply", figure_peak_mb(), "MB", beside);
	print(b, "replace by itself", apply(b), "s", "");
	print(b, "read back into IR", read_back(b), "s", "");
	print(b, "read back and proven equal", compare(b, b->ops->compare), "s", "");
	print(b, "counters", read_counters(b), "s", "");
	print(b, "peak memory of all", figure_peak_mb(), "MB", "");
}

// --- one rule ---

struct series {
	double of[CHANGES];
	size_t len;
};

static void print_series(struct bench *b, const char *what, struct series *s, unsigned anew)
{
	char beside[64] = "";
	if (!s->len)
		return;
	figure_sort(s->of, s->len);
	snprintf(beside, sizeof(beside), "worst of %zu: %.3f ms%s", s->len, s->of[s->len - 1] * 1e3,
		 anew ? ", the others anew" : "");
	print(b, what, s->of[s->len / 2] * 1e3, "ms", beside);
}

// By turns a rule gets another verdict, one is taken out, and one put in.
static struct backend_edit edit(struct bench *b, unsigned turn)
{
	size_t len = b->rules.rule.len, at = test_random_below(&b->random, (uint32_t)len);
	struct ir_rule *rule = &b->rules.rule.at[at], copy = *rule;
	if (turn % 3 == 0) {
		rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
		return (struct backend_edit){at, 1, at, 1};
	}
	if (turn % 3 == 1) {
		memmove(rule, rule + 1, (len - at - 1) * sizeof(*rule));
		b->rules.rule.len--;
		return (struct backend_edit){at, 1, at, 0};
	}
	vec_push(&b->arena, &b->rules.rule, copy);
	rule = &b->rules.rule.at[at];
	memmove(rule + 1, rule, (len - at) * sizeof(*rule));
	copy.verdict = IR_DROP;
	*rule = copy;
	return (struct backend_edit){at, 0, at, 1};
}

static bool change(struct bench *b, unsigned turn, struct series *out)
{
	struct arena arena;
	struct diags diags;
	struct backend_edit made = edit(b, turn);
	arena_init(&arena);
	diags_init(&diags, &arena);
	size_t replaced = backend_nft_replaced((struct backend_nft *)b->backend);
	double begin = figure_seconds();
	int done = b->ops->change(b->backend, &b->rules, &made, 1, &diags);
	double took = figure_seconds() - begin;
	bool in_place = backend_nft_replaced((struct backend_nft *)b->backend) == replaced;
	if (in_place)
		out->of[out->len++] = took;
	check(done == BACKEND_DONE && !diags.list.len, "change");
	arena_fini(&arena);
	return in_place;
}

static void one_rule(struct bench *b)
{
	struct series changes = {0}, proofs = {0};
	unsigned anew = 0;
	for (unsigned turn = 0; turn < CHANGES; turn++) {
		if (change(b, turn, &changes)) {
			if (b->ops->compare_changed && b->proven)
				proofs.of[proofs.len++] = compare(b, b->ops->compare_changed);
			continue;
		}
		anew++;
		if (b->proven)
			(void)compare(b, b->ops->compare);
	}
	print_series(b, "one rule changed", &changes, anew);
	print_series(b, "proven equal after that", &proofs, 0);
	if (anew)
		print(b, "changes that had to replace everything", anew, "", "");
}

// --- what it is held against ---

static void print_peer(struct bench *b, const char *what, double took)
{
	char beside[64];
	snprintf(beside, sizeof(beside), "apply takes %.2f of that", b->applied / took);
	print(b, what, took, "s", beside);
}

// The least that so many kernel rules cost: one for each rule where that will do, behind each other in one chain.
static void peer_list(struct bench *b)
{
	const struct backend_nft_options options = {.shape = {.form = BACKEND_NFT_LINEAR}};
	struct bench list = {.ops = b->ops, .rules = b->rules};
	struct backend_nft *nft = NULL;
	struct diags diags;
	diags_init(&diags, &b->arena);
	check(!b->ops->clear(b->backend, &diags) && !backend_nft_open(&options, &diags, &nft),
	      "open for a list");
	list.backend = (struct backend *)nft;
	print_peer(b, "peer: as a plain list", apply(&list));
	check(!b->ops->clear(list.backend, &diags), "clear the list");
	b->ops->close(list.backend);
}

static double run_nft(const char *script)
{
	int status = 0;
	double begin = figure_seconds();
	pid_t child = fork();
	if (!child) {
		execlp("nft", "nft", "-f", script, NULL);
		_exit(127);
	}
	check(waitpid(child, &status, 0) == child && !status, "nft -f");
	return figure_seconds() - begin;
}

static void peer_nft(struct bench *b)
{
	char name[] = "/tmp/bulwark-bench-XXXXXX";
	struct buf script;
	struct diags diags;
	diags_init(&diags, &b->arena);
	buf_init(&script);
	int fd = mkstemp(name);
	check(fd >= 0 && backend_nft_print(&b->rules, NULL, &diags, &script) &&
		      write(fd, script.data, script.len) == (ssize_t)script.len,
	      "writing a script");
	close(fd);
	print_peer(b, "peer: the same by nft -f", run_nft(name));
	unlink(name);
	buf_fini(&script);
}

static bool bench(unsigned kind, int family, unsigned rules)
{
	struct bench b = {.ops = &backend_nft_ops, .random = {1}};
	struct diags diags;
	arena_init(&b.arena);
	diags_init(&diags, &b.arena);
	make_rules(&b, kind, family, rules);
	check(!unshare(CLONE_NEWNET) && !b.ops->open(&diags, &b.backend), "open");
	all_of_it(&b);
	one_rule(&b);
	peer_list(&b);
	peer_nft(&b);
	b.ops->close(b.backend);
	arena_fini(&b.arena);
	return !b.wrong;
}

static bool in_process(unsigned kind, int family, unsigned rules)
{
	int status = 0;
	pid_t child = fork();
	if (!child) {
		bool good = bench(kind, family, rules);
		fflush(stdout);
		_exit(!good);
	}
	return waitpid(child, &status, 0) == child && !status;
}

// Argument: --full.
int main(int argc, char **argv)
{
	bool good = true, full = argc > 1 && !strcmp(argv[1], "--full");
	base_give_memory_back(); // as the programs do
	if (unshare(CLONE_NEWNET) < 0) {
		puts("nft load: not measured, network namespaces need privileges");
		return 0;
	}
	for (unsigned kind = 0; kind < KINDS; kind++) {
		good &= in_process(kind, 4, 10000);
		if (kind == TEST_SETS_ACL || (full && kind < TEST_SETS_KINDS))
			good &= in_process(kind, 4, 100000);
		if (kind < TEST_SETS_KINDS)
			good &= in_process(kind, 6, 10000);
	}
	return !good;
}
