// SPDX-License-Identifier: Apache-2.0
// What judges the analysis: random cases over a shrunken header, all packets of it, the answers that the definitions in
// verify.h then have, and checks of somebody else's answers against them. Nothing here knows how the engine works.
#pragma once

#include "ir/test.h"
#include "verify/verify.h"

struct buf;

// --- cases (test_case.c, test_edit.c) ---

struct verify_test_case {
	struct ir_ruleset a, b;
	VEC(struct verify_edit) edit; // that make B of A; none: B came about otherwise
	VEC(const struct ir_rule *)
	b_source;       // with edits: for each rule of B where it is from (A or an edit)
	bool rewritten; // B was made of A by steps that keep the meaning
	VEC(struct ir_rule) guarantee;
	const struct ir_clause *where; // or NULL
	int64_t from, until;
};
// `dims_most`: how many header dimensions its rules speak about.
void verify_test_random(struct test_random *random, struct arena *arena, unsigned dims_most,
			struct verify_test_case *out);
// B anew: `a` edited (known edits), rewritten, copied or something else altogether.
struct verify_test_world;
void verify_test_second(struct verify_test_world *world, struct verify_test_case *test);
struct ir_rule verify_test_rule(struct verify_test_world *world) must_check;
void verify_test_print(const struct verify_test_case *test, struct buf *out);
struct verify_test_world {
	struct test_random *random;
	struct arena *arena;
	enum ir_dim dim[8];
	unsigned dims;
	unsigned families; // bit 0: IPv4, bit 1: IPv6
	unsigned flow_percent, opaque_percent, rate_percent, time_percent;
	int64_t now;
	unsigned named; // rules, until now
	struct ir_rule last;
};

// --- all packets (test_space.c) ---

// A set of packets that ir_eval tells apart from others, as one of them. The bits of `match`: which rules it matches, those
// of A, then of B, then the guarantees.
struct verify_test_class {
	uint64_t match;
	const struct ir_packet *packet;
	size_t packets; // representatives that fare so
};
#define VERIFY_TEST_RULES 64
#define VERIFY_TEST_PACKETS 300000

// Every packet there is, as one representative of each set of packets that no condition of the case tells apart:
//   1. A condition reads a dimension only by asking whether its value is in a set. So values of a dimension that are in the
//      same sets of all rules of that dimension are one value; a representative of each such class of values, and all
//      combinations of them, are all packets that ir_eval can tell apart.
//   2. What is in the same sets is found among the first values of ranges and the values behind their ends: between two
//      of these no set begins or ends.
//   3. A flow's reply has addresses and ports turned round, so there the sets of both ends count for both.
//   4. Times likewise: the conditions of a clause on the clock can change only where one of its ranges, a day or the
//      question begins or ends.
//   5. Opaque conditions and rates: all combinations of truths, one truth for each distinct condition.
// Which packets exist: IP of version 4 or 6 with the dimensions that its protocol has (a fragment has none of the
// transport header, its flow has), and others when a rule asks for EtherTypes; new, established and related ones belong to a
// flow (either way when the rulesets have flow rules, else its own), invalid, untracked and other ones to none.
struct verify_test_space {
	struct arena *arena;
	const struct verify_test_case *test;
	const struct ir_clause *within; // or NULL: these packets only
	VEC(struct verify_test_class) class;
	struct verify_test_inner *inner;
};
// False when there are more than VERIFY_TEST_PACKETS of them or too many rules for the bits.
bool verify_test_space(const struct verify_test_case *test, const struct ir_clause *within,
		       struct arena *arena, struct verify_test_space *out) must_check;
// Whether the packet could be one of that space at all: its dimensions, flow and time fit together.
const char *verify_test_strange(const struct verify_test_case *test,
				const struct ir_packet *packet) must_check; // NULL: no

// --- what is true (test_truth.c) ---

// What happens to a packet.
struct verify_test_fate {
	enum ir_verdict verdict;
	struct ir_rate rate; // with rate-limit
	enum ir_log log;     // of the rule that decides
	uint64_t logged;     // which rules that only log have logged it
	size_t rule;         // that decides; SIZE_MAX: none
};
struct verify_test_fate verify_test_fate(const struct ir_ruleset *ruleset,
					 const struct ir_packet *packet) must_check;
// Verdict and rate alone, as rulesets are compared.
bool verify_test_same(struct verify_test_fate a, struct verify_test_fate b) must_check;
void verify_test_units(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out);

// A's units among all packets.
struct verify_test_unit {
	size_t rule, end; // its rules
	bool lives, only_logs;
	uint64_t bits; // a bit a rule
};
struct verify_test_units {
	const struct verify_test_space *space;
	VEC(struct verify_test_unit) list;
	size_t *of;                    // rule -> its number in the list
	struct verify_test_fate *fate; // of each class
};
void verify_test_look(const struct verify_test_space *space, struct verify_test_units *out);
// Whether the effect of two units (indices in the list) is otherwise; of what only logs the log counts.
bool verify_test_otherwise(const struct verify_test_units *units, size_t a, size_t b) must_check;
// What happens to a class of packets without the rules of these units; `rule` and `logged` count as in the whole ruleset.
struct verify_test_fate verify_test_without(const struct verify_test_units *units, const bool *gone,
					    size_t class) must_check;
// Whether every packet fares and is logged as before.
bool verify_test_may_go(const struct verify_test_units *units, const bool *gone) must_check;

struct verify_test_finding {
	enum verify_kind kind;
	size_t rule;     // its unit's first
	uint64_t causes; // a bit a unit (its first rule): all that there are
	bool by_default;
};
struct verify_test_findings {
	VEC(struct verify_test_finding) list;
};
// Without `together`, in the order of the rules.
void verify_test_findings(const struct verify_test_units *units, struct verify_test_findings *out);

// Rules of A and B (SIZE_MAX: none) that decide packets which fare differently.
struct verify_test_pair {
	size_t a, b;
	enum ir_verdict verdict_a, verdict_b;
	const struct ir_packet *packet;
};
struct verify_test_pairs {
	VEC(struct verify_test_pair) list;
};
void verify_test_pairs(const struct verify_test_space *space, struct verify_test_pairs *out);
// Whether the guarantee (an index) is broken.
bool verify_test_broken(const struct verify_test_space *space, size_t guarantee) must_check;

// --- answers under test (test_check.c) ---

struct verify_test_engine {
	const char *name;
	void (*units)(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out);
	void (*findings)(const struct ir_ruleset *ruleset, const struct verify_options *options,
			 struct arena *arena, verify_finding_fn found, void *user,
			 struct verify_summary *out);
	void (*compare)(const struct ir_ruleset *a, const struct ir_ruleset *b,
			const struct verify_options *options, size_t most, struct arena *arena,
			struct verify_comparison *out);
	// Prepares A, asks, frees.
	void (*what_if)(const struct ir_ruleset *a, const struct verify_options *options,
			const struct verify_edit *edit, size_t edits, size_t most,
			struct arena *arena, struct verify_comparison *out);
	// For all packets of the list.
	void (*decides)(const struct ir_ruleset *a, const struct verify_options *options,
			const struct ir_packet *const *packet, size_t packets, size_t *out);
	void (*assert)(const struct ir_ruleset *ruleset, const struct ir_rule *guarantee,
		       size_t guarantees, const struct verify_options *options, struct arena *arena,
		       struct verify_assertion *out);
};
// The obvious way: all packets of the space, one by one. What a real engine must equal, and what the checks are tested
// with.
extern const struct verify_test_engine verify_test_naive;

enum verify_test_result { VERIFY_TEST_RIGHT, VERIFY_TEST_WRONG, VERIFY_TEST_TOO_LARGE };
// Asks everything that the engine has a function for. WRONG: `fault` says what.
enum verify_test_result verify_test_check(const struct verify_test_engine *engine,
					  const struct verify_test_case *test,
					  struct buf *fault) must_check;
// Makes a case with a fault small and prints it with its fault.
void verify_test_report(const struct verify_test_engine *engine, struct verify_test_case *test);
