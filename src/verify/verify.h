// SPDX-License-Identifier: Apache-2.0
// The analysis engine: exact answers about rulesets, never sampled. Equal, different (with packets that show it), dead
// rules and why, what a change changes. What ir_eval says of a packet is the definition; every packet that is handed out
// was put to it first.
//
// What an answer rests on:
// - Conditions that are not about headers (struct ir_opaque) and exceeded rates are unknown truths, one for each distinct
//   condition: an answer holds however they turn out, as if they were independent of each other.
// - Time is looked at from `from` to `until`.
// - Packets are those that begin or continue a flow (and those of no flow), replies where a ruleset judges them apart;
//   first fragments only, unless a rule asks for fragments. What else a question left out is in its `notes`.
#pragma once

#include "ir/ir.h"

#include <stdatomic.h>

// Shared with other threads: a timer, a signal handler, a progress line.
struct verify_control {
	_Atomic bool stop;            // set it, and the question ends soon with VERIFY_STOPPED
	_Atomic uint64_t done, total; // how far it is, in units of its own; total 0: not known yet
};

struct verify_options {
	int64_t from, until;            // seconds since 1970 UTC, from < until
	const struct ir_clause *where;  // only these packets; NULL: all
	size_t memory;                  // bytes that the question may take; 0: VERIFY_MEMORY
	unsigned threads;               // 0: one for each processor
	struct verify_control *control; // or NULL
};
#define VERIFY_MEMORY ((size_t)2 << 30)
#define VERIFY_YEARS 2 // how far ahead verify_options_default looks
struct verify_options verify_options_default(int64_t now) must_check;

// Outcomes. Whatever is not VERIFY_DONE: what was found until then is true, that nothing else is to be found is not known.
enum verify_status { VERIFY_DONE, VERIFY_STOPPED, VERIFY_OVER_BUDGET };

// What an answer does not speak about: "conditions that are not modelled: foreign (3 rules)". One sentence each.
struct verify_notes {
	VEC(const char *) list;
};

// A unit is what its author calls one rule: consecutive rules of one policy and name that are alike in verdict, rate, log
// and kind (packet or flow rule); a rule without a name is one by itself. Findings name a unit by the index of its first
// rule in the ruleset. *out: for each rule the index of its unit's first rule.
void verify_units(const struct ir_ruleset *ruleset, struct arena *arena, size_t **out);

// --- findings about one ruleset (findings.c) ---

// "The same" and "otherwise" mean the effect: verdict, rate (with rate-limit) and log. A unit lives when it decides some
// packet, or, when it only logs, some packet gets to it. A unit that only logs can be EMPTY, SHADOWED (rules that decide
// and log likewise match its packets) or CONFLICTING, nothing else.
enum verify_kind {
	VERIFY_EMPTY, // matches no packet at any time asked about
	VERIFY_SHADOWED, // does not live: it only repeats what earlier rules say that match all its packets and do the same
	// does not live: earlier rules decide all its packets, and some of them, of which no earlier rule says the same,
	// otherwise
	VERIFY_CONFLICTING,
	VERIFY_REDUNDANT, // lives, but without it later rules or the default would do the same
	// Lives, and a later unit that lives and does otherwise
	VERIFY_GENERALISED, // - matches all its packets and more: it is an exception
	VERIFY_CORRELATED, // - matches some of its packets: their order matters where no earlier rule decides
	VERIFY_KINDS
};
extern const char *const verify_kind_name[VERIFY_KINDS]; // "empty", "shadowed", ...

#define VERIFY_CAUSES_MOST 8
struct verify_finding {
	enum verify_kind kind;
	size_t rule; // its unit
	// Units, in order. SHADOWED: a few that do the same and together match all its packets. CONFLICTING: a few that
	// together match them all, each decides some of them, at least one does otherwise. REDUNDANT: a few that take all
	// its packets, each some; none when the default takes some, too. GENERALISED, CORRELATED: the later rules, all of
	// them counted.
	size_t cause[VERIFY_CAUSES_MOST];
	size_t causes, causes_all; // in `cause`, and in truth
	bool by_default;           // REDUNDANT: the default action, too, stands in for it
	// Second round: is in a set that can be removed as a whole without any packet faring (or being logged) otherwise, to
	// which no other rule that decides can be added.
	bool together;
	// CONFLICTING: one that both match and one of the causes decides otherwise. GENERALISED, CORRELATED: one that it and
	// the first cause match, decided by it if there is such. Else NULL. ir_eval has confirmed what is said of it.
	const struct ir_packet *packet;
};
// Called by the thread that asked, in the order of the rules, as soon as it is known; `finding` is good for the call.
typedef void (*verify_finding_fn)(void *user, const struct verify_finding *finding);

struct verify_summary {
	enum verify_status status;
	size_t count[VERIFY_KINDS],
		removable; // findings of each kind; size of the set that can go together
	struct verify_notes notes;
};
// Rules are judged one at a time; which of them can go together is known when all are. Then, in a second round, again in the
// order of the rules, findings with `together` name the set: kind and rule, no causes. A rule that can only go because
// others of the set go was not found before and comes as REDUNDANT.
void verify_findings(const struct ir_ruleset *ruleset, const struct verify_options *options,
		     struct arena *arena, verify_finding_fn found, void *user,
		     struct verify_summary *out);

// --- two rulesets (compare.c) ---

// One way in which they differ: the packets of `region` (not always all of them, see `exact`) that rule_a decides in A
// and rule_b in B. A pair of rules has one or several regions, next to each other in the list; together they hold all of
// the pair's packets (replies that fare as their flow does are not named apart).
struct verify_difference {
	enum ir_verdict verdict_a, verdict_b;  // IR_NONE: no rule decides and there is no default
	const struct ir_rule *rule_a, *rule_b; // of the rulesets given; NULL: the default
	struct ir_clause region; // a box around such packets, in words by ir_clause_print
	bool exact;              // every packet of the region fares so
	bool reply; // packets against the flow's direction; `region` is about themselves
	const struct ir_packet *packet; // fares so: ir_eval has confirmed it
};
struct verify_comparison {
	enum verify_status status;
	bool equal; // with VERIFY_DONE it is the answer; else it only says that nothing was found yet
	VEC(struct verify_difference) difference; // of at most `most` pairs, the widest first
	size_t differences; // pairs of deciding rules that differ; those listed and others
	struct verify_notes notes;
};
// With more pairs than VERIFY_PAIRS_MOST they are no longer counted: the status is VERIFY_OVER_BUDGET, `differences` a
// lower bound, and the widest are those of the first rules of A.
#define VERIFY_PAIRS_MOST 250000u
// Equal means: the same verdict (with rate-limit: the same rate) for every packet. Which rule logs is not compared. Every
// pair that differs is named when there are no more than `most`. The answer does not depend on the number of threads.
void verify_compare(const struct ir_ruleset *a, const struct ir_ruleset *b,
		    const struct verify_options *options, size_t most, struct arena *arena,
		    struct verify_comparison *out);

// --- one ruleset, asked again and again (whatif.c) ---

// Opaque, heap; borrows the ruleset. NULL: over the budget or stopped.
struct verify_prepared;
struct verify_prepared *verify_prepare(const struct ir_ruleset *ruleset,
				       const struct verify_options *options) must_check;
void verify_prepared_free(struct verify_prepared *prepared);
// Which rule decides; SIZE_MAX: the default. Only for packets whose opaque conditions and rates are known.
size_t verify_decides(const struct verify_prepared *prepared,
		      const struct ir_packet *packet) must_check;

// Rules [at, at + removed) are replaced by `insert`. A moved rule is two edits. Edits: rising, not overlapping.
struct verify_edit {
	size_t at, removed;
	const struct ir_rule *insert;
	size_t inserts;
};
// What the edited ruleset does otherwise; A is the ruleset as it was, B as it would be. rule_b of a difference points into
// the ruleset or into the edits' rules.
void verify_what_if(const struct verify_prepared *prepared, const struct verify_edit *edit,
		    size_t edits, size_t most, struct arena *arena, struct verify_comparison *out);

// --- guarantees (guarantee.c; CUS-1) ---

// Packets of a guarantee's condition must pass (its verdict is pass or rate-limit) or must not (any other verdict).
// Rate-limit counts as passing; everything else, no verdict at all included, as not passing. One that fails only when a
// truth turns out some way is broken; the packet tells which. A guarantee that is a flow rule is about flows: they must
// pass both ways, or not begin (only the first packet is looked at).
struct verify_broken {
	const struct ir_rule *guarantee;
	const struct ir_rule *by; // the rule of the ruleset that breaks it; NULL: the default
	enum ir_verdict verdict;  // what happens to the packet instead
	const struct ir_packet *packet;
};
struct verify_assertion {
	enum verify_status status;
	VEC(struct verify_broken) broken; // at most one a guarantee
	struct verify_notes notes;
};
// What people mean by "always" and "never" of a condition: flows; with a connection state in it, packets.
struct ir_rule verify_guarantee(const char *name, const struct ir_clause *clause, bool always,
				struct arena *arena) must_check;
void verify_assert(const struct ir_ruleset *ruleset, const struct ir_rule *guarantee,
		   size_t guarantees, const struct verify_options *options, struct arena *arena,
		   struct verify_assertion *out);
