// SPDX-License-Identifier: Apache-2.0
// What the readers of this folder have in common: a table of chains as its source wrote it, and how a base chain with all
// that it jumps to becomes one first-match list.
#pragma once

#include "import/import.h"

enum import_target {
	IMPORT_CONTINUE, // to the next rule; logs at the most
	IMPORT_VERDICT,
	IMPORT_JUMP,   // what does not get a verdict there comes back
	IMPORT_GOTO,   // what does not get a verdict there goes back to the caller of this chain
	IMPORT_RETURN, // to the caller; in a base chain: its policy
};

// Matches packets that any of the clauses matches and for which all opaque conditions hold. No clause: matches nothing;
// one without conditions: everything. A rule of the source that says several things in turn (a verdict map; a match that
// is either modelled or opaque) becomes several of these with the same `number`.
struct import_rule {
	struct ir_clause *clause;
	size_t clauses;
	struct ir_opaque *opaque;
	size_t opaques;
	enum import_target target;
	enum ir_verdict verdict; // IMPORT_VERDICT
	enum ir_log log;
	const char *to;  // IMPORT_JUMP, IMPORT_GOTO: the chain's name
	unsigned number; // in its chain, from 1
	unsigned line;
	const char *text; // as its source has it, without blanks at its ends
};

struct import_body {
	const char *name;
	const char *hook;       // of a base chain, else NULL
	enum ir_verdict policy; // of a base chain
	const char *policy_text;
	unsigned line;
	VEC(struct import_rule) rule; // numbers rise
};

struct import_table {
	const char *file, *family, *name;
	bool filters;
	struct ir_clause sees; // packets that its chains see at all: IPv4 for iptables
	VEC(struct import_body) chain;
	size_t source_rules; // set by import_flatten
};

// Beyond these a ruleset is refused: jumps within jumps; rules and clauses looked at on all paths; memory that one
// flattened table takes.
#define IMPORT_DEPTH_MOST 64
#define IMPORT_STEPS_MOST 4000000
#define IMPORT_MEMORY_MOST ((size_t)512 << 20)

// Flattens every base chain of the table into out->chain, and counts its rules in source_rules, and in unreached or (of a
// table that does not filter) elsewhere. False and diags: a jump to nowhere, a loop, too large. Everything is in the arena;
// the rules borrow names, texts and sets from the table.
bool import_flatten(struct import_table *table, struct arena *arena, struct diags *diags,
		    struct import_result *out) must_check;

// Counts a rule with something that is not modelled.
void import_gap_add(struct import_result *result, struct arena *arena, const char *what,
		    unsigned line);

// --- sets of packets (subtract.c) ---

struct import_clauses {
	VEC(struct ir_clause) list;
};
// Adds to `out` the packets of `from` that `away` does not match, as disjoint clauses. A packet that lacks a dimension
// matches no condition on it; what lacks one is told by IP version, protocol and (when `fragments`) fragment offset. False
// when the two have clocks that differ: the caller says so.
bool import_clause_subtract(const struct ir_clause *from, const struct ir_clause *away,
			    bool fragments, struct arena *arena,
			    struct import_clauses *out) must_check;
// Whether the two can be put together by ir_clause_and.
bool import_clocks_agree(const struct ir_clause *a, const struct ir_clause *b) must_check;
// The values of the dimension that are not in the set; none that no packet has, unless they are all that is left.
struct algebra_set import_set_others(struct arena *arena, enum ir_dim dim,
				     struct algebra_set set) must_check;
// Whether no packet can match, whatever its values.
bool import_clause_impossible(const struct ir_clause *clause) must_check;
