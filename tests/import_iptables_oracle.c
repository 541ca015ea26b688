// SPDX-License-Identifier: Apache-2.0
// Imported iptables rulesets against the kernel: random rules are loaded by iptables-restore (in both of its forms), what
// iptables-save prints is imported, and packets aimed at the edges of the imported rules must fare in the kernel as
// ir_eval says.
//
//   import_iptables_oracle [SEED [CHECKS]]
#include "import_iptables.h"

#include "backend/nft/test_oracle.h"
#include "backend/nft/test_policy.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "import/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECKS 12000
#define ALONE 50
#define FLOWS 6

struct oracle {
	struct test_oracle kernel;
	struct test_random random;
	struct arena *arena; // of the case
	bool legacy, tracked;
	struct buf given[2], saved[2]; // IPv4, IPv6
	size_t rules[2];
	size_t checks, by[IR_VERDICTS], cases, rules_all;
};

__attribute__((noreturn)) static void broken(const struct oracle *o, const char *what)
{
	for (unsigned v = 0; v < 2; v++)
		printf("--- given\n%s--- saved\n%s", o->given[v].data, o->saved[v].data);
	printf("case %zu (%s, %s): %s\n", o->cases, o->legacy ? "legacy" : "nft",
	       o->tracked ? "tracked" : "not tracked", what);
	exit(1);
}

static const char *tool(const struct oracle *o, unsigned v, const char *action)
{
	return arena_printf(o->arena, "ip%stables-%s-%s", v ? "6" : "",
			    o->legacy ? "legacy" : "nft", action);
}

static void load(struct oracle *o, unsigned v, const char *rules)
{
	const char *const argv[] = {tool(o, v, "restore"), NULL};
	int status = test_run(rules, argv);
	if (status == 127) {
		puts("skipped: iptables is not installed");
		exit(77);
	}
	if (status)
		broken(o, arena_printf(o->arena, "%s: %d", argv[0], status));
}

static void save(struct oracle *o, unsigned v)
{
	char path[] = "/tmp/import-oracle-XXXXXX";
	int fd = mkstemp(path);
	const char *const argv[] = {tool(o, v, "save"), "-t", "filter", "-f", path, NULL};
	buf_clear(&o->saved[v]);
	bool good =
		fd >= 0 && !test_run(NULL, argv) && !file_read(path, (size_t)1 << 20, &o->saved[v]);
	close(fd);
	unlink(path);
	if (!good)
		broken(o, "nothing was saved");
}

// Appends the chain FORWARD of one IP version.
static void import(struct oracle *o, unsigned v, struct ir_ruleset *out)
{
	struct diags diags;
	struct import_result result;
	struct import_input input = {"saved", o->saved[v].data, o->saved[v].len,
				     import_recognise(o->saved[v].data, o->saved[v].len)};
	diags_init(&diags, o->arena);
	if (!import_read(&input, o->arena, &diags, &result))
		broken(o, diags.list.at[0].text);
	if (input.format != (v ? IMPORT_IP6TABLES : IMPORT_IPTABLES) ||
	    result.source_rules != o->rules[v])
		broken(o, "rules got lost");
	for (size_t i = 0; i < result.chain.len; i++) {
		const struct import_chain *chain = &result.chain.at[i];
		if (strcmp(chain->hook, "forward") != 0)
			continue;
		if (chain->opaque_rules)
			broken(o, "a match is opaque");
		for (size_t k = 0; k < chain->policy.rule.len; k++)
			vec_push(o->arena, &out->rule, chain->policy.rule.at[k]);
	}
}

static void prepare(struct oracle *o, struct ir_ruleset *out)
{
	struct iptables_kind kind = {.tracked = o->tracked, .now = time(NULL)};
	for (unsigned v = 0; v < 2; v++) {
		kind.v6 = v;
		buf_clear(&o->given[v]);
		buf_clear(&o->saved[v]);
		o->rules[v] = iptables_random(&o->random, &kind, &o->given[v]);
		o->rules_all += o->rules[v];
		load(o, v, o->given[v].data);
		save(o, v);
		import(o, v, out);
	}
}

static void flush(struct oracle *o)
{
	for (unsigned v = 0; v < 2; v++)
		load(o, v,
		     "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
		     ":OUTPUT ACCEPT [0:0]\nCOMMIT\n");
}

static void add_flow(struct oracle *o, struct test_case *test, int flow)
{
	struct test_packet p;
	do
		test_packet_random(&o->random, &test->ruleset[0], true, &p);
	while (p.proto != 6 && p.proto != 17 && p.proto != 1 && p.proto != 58 && p.proto != 136);
	p.bad_checksum = false;
	p.payload %= 64;
	p.code = 0;
	if (p.proto == 1 || p.proto == 58)
		p.type = p.proto == 1 ? 8 : 128;
	test_case_add_flow(test, &o->random, o->arena, &p, flow);
}

static bool asks_fragments(const struct ir_ruleset *ruleset)
{
	bool asks = false;
	for (size_t i = 0; i < ruleset->rule.len; i++)
		for (size_t k = 0; k < ruleset->rule.at[i].clauses; k++)
			asks |= ir_clause_set(&ruleset->rule.at[i].clause[k], IR_FRAGOFF) != NULL;
	return asks;
}

// What is not asked about later fragments: the kernel's short cut for comparisons in nf_tables reads ports where a fragment
// has payload, and the tcp match of x_tables drops what begins 8 bytes into the header. Where protocols have fields, what
// rules leave over is told of later fragments in IPv4 only, and when rules ask for them (src/import/README.md).
static bool is_told(const struct oracle *o, const struct ir_ruleset *ruleset,
		    const struct test_packet *p)
{
	bool bare = p->proto == 50 || p->proto == 99;
	if (!p->fragment)
		return true;
	return o->legacy && (p->proto != 6 || p->fragment > 1) &&
	       (bare || (p->version == 4 && asks_fragments(ruleset)));
}

static void add_packets(struct oracle *o, struct test_case *test)
{
	for (unsigned i = 0; i < ALONE; i++) {
		struct test_packet p;
		do
			test_packet_random(&o->random, &test->ruleset[0], o->tracked, &p);
		while (!is_told(o, &test->ruleset[0], &p));
		(void)test_case_add(test, o->arena, &p, -1);
	}
	for (int i = 0; i < FLOWS && o->tracked; i++)
		add_flow(o, test, i);
	for (size_t i = 0; i < test->item.len; i++)
		test->item.at[i].after_change = false; // there is none
}

static void run_case(struct oracle *o)
{
	struct test_case test = {.tracked = o->tracked};
	test_oracle_enter(&o->kernel, o->tracked);
	prepare(o, &test.ruleset[0]);
	add_packets(o, &test);
	if (!test_oracle_packets(&o->kernel, &test))
		broken(o, o->kernel.fault);
	for (size_t i = 0; i < test.item.len; i++) {
		o->checks += test.item.at[i].sent;
		o->by[test.item.at[i].verdict] += test.item.at[i].sent;
	}
	flush(o);
}

int main(int argc, char **argv)
{
	struct oracle o = {.random.state = test_random_seed(argc > 1 ? argv[1] : NULL)};
	size_t wanted = argc > 2 ? strtoul(argv[2], NULL, 0) : CHECKS;
	test_oracle_open(&o.kernel);
	for (unsigned v = 0; v < 2; v++) {
		buf_init(&o.given[v]);
		buf_init(&o.saved[v]);
	}
	for (; o.checks < wanted; o.cases++) {
		struct arena arena;
		arena_init(&arena);
		o.arena = &arena;
		o.legacy = test_random_chance(&o.random, 40);
		o.tracked = test_random_chance(&o.random, 60);
		run_case(&o);
		arena_fini(&arena);
	}
	printf("%zu packets through %zu imported rules in %zu cases fared as they should: %zu "
	       "passed, %zu "
	       "dropped, %zu rejected\n",
	       o.checks, o.rules_all, o.cases, o.by[IR_PASS], o.by[IR_DROP], o.by[IR_REJECT]);
	test_oracle_close(&o.kernel);
	for (unsigned v = 0; v < 2; v++) {
		buf_fini(&o.given[v]);
		buf_fini(&o.saved[v]);
	}
	return 0;
}
