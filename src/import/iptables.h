// SPDX-License-Identifier: Apache-2.0
// For the reader of iptables-save and ip6tables-save only: a rule while it is read.
#pragma once

#include "import/flatten.h"

#include "base/map.h"

// A word of a line. Quoted words are values, never options.
struct ipt_word {
	const char *text;
	bool quoted;
};
struct ipt_words {
	VEC(struct ipt_word) list;
};

// One way in which a rule can match; most rules have one.
struct ipt_branch {
	VEC(struct ir_clause) clause; // any
	VEC(struct ir_opaque) opaque; // all
};

// An opaque condition whose truth another rule may change (a mark, a set): two rules that ask it then ask two things.
struct ipt_changeable {
	const char *module, *place;
	const char **value;
};

struct ipt_reader {
	const struct import_input *input;
	size_t at;
	unsigned line;
	bool v6, listing; // `listing`: as iptables -S prints it, without tables
	struct arena *arena;
	struct diags *diags;
	size_t errors_before;
	struct import_result *result;
	struct import_table *table; // that is open, or NULL
	unsigned table_line;
	struct map chains; // of the table: name to index + 1
	struct map tables; // names of all tables seen
	VEC(struct ipt_changeable) changeable;
	VEC(const char *) changed; // modules whose truths rules of this table change
};

struct ipt_rule {
	struct ipt_reader *reader;
	struct ipt_words words;
	const char *chain, *text;
	unsigned number;
	VEC(struct ipt_branch) branch;
	int protocol;          // as -p says it, not negated; -1: not said
	const char *module;    // being read
	VEC(const char *) gap; // what is not modelled, each once
	bool target_seen;
	enum import_target target;
	enum ir_verdict verdict;
	enum ir_log log;
	const char *to;
	const char *asks;  // NFQUEUE and unknown targets: who decides
	bool may_continue; // that decides, or leaves it to the next rule
};

// --- iptables_words.c ---

// Splits a line at blanks; "..." with \ before any character is one word. False: a quote is not closed.
bool import_ipt_split(const char *line, size_t len, struct arena *arena,
		      struct ipt_words *out) must_check;
// The words from `from` to before `to` as text.
const char *import_ipt_join(const struct ipt_rule *rule, size_t from, size_t to) must_check;

// --- iptables_rule.c: what matches and targets are made of ---

// Reads the words behind the chain. Always succeeds: what is not understood becomes an opaque condition.
void import_ipt_rule_read(struct ipt_rule *rule, size_t from);
// Narrows every clause to the set, or with `negated` to what is outside of it and has the dimension.
void import_ipt_narrow(struct ipt_rule *rule, enum ir_dim dim, struct algebra_set set,
		       bool negated);
// Every clause becomes one for each alternative. False, and nothing done, when they become too many.
bool import_ipt_either(struct ipt_rule *rule, const struct ir_clause *alternative,
		       size_t alternatives) must_check;
// Every branch becomes two: one with the condition on the dimension, one with what lies outside of it and the opaque
// condition. False when they become too many.
bool import_ipt_or_opaque(struct ipt_rule *rule, enum ir_dim dim, struct algebra_set set,
			  const char *text) must_check;
// A condition that is not modelled: its text (without the !) and the module that is counted as a gap.
void import_ipt_opaque(struct ipt_rule *rule, const char *module, const char *text, bool negated);
void import_ipt_gap(struct ipt_rule *rule, const char *what);

// --- iptables_values.c: false when the text is not one ---

// Decimal or 0x hexadecimal, at most `most`.
bool import_ipt_number(const char *text, uint64_t most, uint64_t *out) must_check;
// "a", "a:b", ":b", "a:" within 0..most.
bool import_ipt_range(const char *text, uint64_t most, struct algebra_range *out) must_check;
// "a,b:c".
bool import_ipt_numbers(const char *text, uint64_t most, struct arena *arena,
			struct algebra_set *out) must_check;
// "10.0.0.0/8,10.1.0.0/255.255.0.255" of the family; also false when a mask makes more than 4096 ranges.
bool import_ipt_addresses(const char *text, bool v6, struct arena *arena,
			  struct algebra_set *out) must_check;
// "a-b" or "a".
bool import_ipt_address_range(const char *text, bool v6, struct arena *arena,
			      struct algebra_set *out) must_check;
// "eth0", "eth+"; the whole dimension for "+".
bool import_ipt_interface(const char *text, struct arena *arena,
			  struct algebra_set *out) must_check;
bool import_ipt_mac(const char *text, u128 *out) must_check;
// A name or a number; 0 for "all".
bool import_ipt_protocol(const char *text, uint8_t *out) must_check;
// "8", "3/1", "echo-request", "any": type * 256 + code.
bool import_ipt_icmp(const char *text, bool v6, struct arena *arena,
		     struct algebra_set *out) must_check;
// The next item of a list at `*at` (separated by commas) as text of its own; NULL at the end.
const char *import_ipt_item(const char **at, struct arena *arena) must_check;

// --- iptables_match.c ---

// How many words follow this option of a module that is modelled; -1: it is not.
int import_ipt_option_words(const char *module, const char *option) must_check;
// Reads the options of a module, words `from` to before `to`.
void import_ipt_module_read(struct ipt_rule *rule, size_t from, size_t to);

// --- iptables_time.c ---

// The module `time`, as a whole. False when it is not modelled; then nothing is changed.
bool import_ipt_time_read(struct ipt_rule *rule, size_t from, size_t to) must_check;

// --- iptables_target.c ---

// The target and its options, words `from` to the end.
void import_ipt_target_read(struct ipt_rule *rule, size_t from, bool go);
