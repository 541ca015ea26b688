// SPDX-License-Identifier: Apache-2.0
// How long the kernel takes to get a policy and to say it back: rules with ranges, and rules that look up
// one of up to 1000 different sets; both IP versions; beside them nft(8) with the same rules as a script.
// The kernel finds a table's sets by walking a list, so very many different sets cost quadratic time.
// Runs in a network namespace of its own.
#include "backend/nft/nft.h"
#include "base/buf.h"
#include "base/diag.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIFFERENT_SETS 1000

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void narrow(struct arena *arena, struct ir_clause *clause, enum ir_dim dim,
		   struct algebra_set set)
{
	if (!ir_clause_narrow(clause, arena, dim, set))
		abort();
}

static void add_rule(struct arena *arena, unsigned i, bool sets, struct ir_ruleset *out)
{
	struct ir_rule rule = {.policy = "bench",
			       .name = arena_printf(arena, "rule %u", i),
			       .flow = true,
			       .verdict = i % 3 ? IR_PASS : IR_DROP,
			       .clause = arena_new(arena, struct ir_clause),
			       .clauses = 1};
	bool v6 = i & 1;
	u128 net = v6 ? ((u128)0x20010db8u << 96 | (u128)i << 64) : 0x0a000000u + i * 256u;
	narrow(arena, rule.clause, v6 ? IR_SRC6 : IR_SRC4, algebra_set_one(arena, net, net + 255));
	narrow(arena, rule.clause, IR_PROTO, algebra_set_one(arena, 6, 6));
	struct algebra_builder ports = {.arena = arena};
	unsigned from = 1 + i % (sets ? DIFFERENT_SETS : 60000);
	for (unsigned k = 0; k < (sets ? 5 : 1); k++)
		algebra_builder_add(&ports, from + k * 7, from + k * 7 + k);
	narrow(arena, rule.clause, IR_DPORT, algebra_builder_take(&ports));
	vec_push(arena, &out->rule, rule);
}

static double load_by_nft(const struct ir_ruleset *ruleset, struct arena *arena)
{
	char name[] = "/tmp/bulwark-bench-XXXXXX";
	struct buf script;
	struct diags diags;
	int status = 0;
	diags_init(&diags, arena);
	buf_init(&script);
	int fd = mkstemp(name);
	if (fd < 0 || !backend_nft_print(ruleset, NULL, &diags, &script) ||
	    write(fd, script.data, script.len) != (ssize_t)script.len)
		exit(1);
	close(fd);
	double begin = seconds();
	pid_t child = fork();
	if (!child) {
		execlp("nft", "nft", "-f", name, NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	double took = seconds() - begin;
	unlink(name);
	buf_fini(&script);
	return status ? -1 : took;
}

struct figures {
	double first, again, read, compare, counters, clear, peer;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("%s failed\n", what);
	exit(1);
}

static struct figures measure(struct backend_nft *nft, const struct ir_ruleset *ruleset,
			      struct arena *arena)
{
	struct figures f;
	struct diags diags;
	struct backend_state state;
	struct backend_differences differences = {.arena = arena};
	struct backend_counters counters;
	diags_init(&diags, arena);
	double t[7];
	t[0] = seconds();
	check(!backend_nft_apply(nft, ruleset, &diags), "apply");
	t[1] = seconds();
	check(!backend_nft_apply(nft, ruleset, &diags) && !diags.list.len, "apply");
	t[2] = seconds();
	check(!backend_nft_read_back(nft, arena, &state) && !state.strange.list.len &&
		      state.ruleset.rule.len == ruleset->rule.len,
	      "read back");
	t[3] = seconds();
	check(!backend_nft_compare(nft, ruleset, &differences) && !differences.list.len, "compare");
	t[4] = seconds();
	check(!backend_nft_counters(nft, arena, &counters), "counters");
	t[5] = seconds();
	check(!backend_nft_clear(nft, &diags), "clear");
	t[6] = seconds();
	f = (struct figures){
		t[1] - t[0], t[2] - t[1], t[3] - t[2], t[4] - t[3], t[5] - t[4], t[6] - t[5], 0};
	f.peer = load_by_nft(ruleset, arena);
	check(!backend_nft_clear(nft, &diags), "clear");
	return f;
}

static void bench(struct backend_nft *nft, unsigned rules, bool sets)
{
	struct arena arena;
	struct ir_ruleset ruleset = {.default_action = IR_DROP};
	arena_init(&arena);
	for (unsigned i = 0; i < rules; i++)
		add_rule(&arena, i, sets, &ruleset);
	struct figures f = measure(nft, &ruleset, &arena);
	const char *what = sets ? "with sets" : "with ranges";
	printf("nft load %u rules %s: %.0f ms (nft -f: %.0f ms, ratio %.2f)\n", rules, what,
	       f.first * 1e3, f.peer * 1e3, f.peer > 0 ? f.first / f.peer : 0);
	printf("nft replace %u rules %s: %.0f ms\n", rules, what, f.again * 1e3);
	printf("nft read back %u rules %s into IR: %.0f ms\n", rules, what, f.read * 1e3);
	printf("nft compare %u rules %s: %.0f ms\n", rules, what, f.compare * 1e3);
	printf("nft counters of %u rules %s: %.0f ms\n", rules, what, f.counters * 1e3);
	arena_fini(&arena);
}

int main(void)
{
	struct arena arena;
	struct diags diags;
	struct backend_nft *nft;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (unshare(CLONE_NEWNET) < 0) {
		puts("nft load: not measured, network namespaces need privileges");
		return 0;
	}
	if (backend_nft_open(NULL, &diags, &nft))
		return 1;
	static const unsigned sizes[] = {1000, 10000};
	for (size_t i = 0; i < array_len(sizes); i++) {
		bench(nft, sizes[i], false);
		bench(nft, sizes[i], true);
	}
	backend_nft_close(nft);
	arena_fini(&arena);
	return 0;
}
