// SPDX-License-Identifier: Apache-2.0
// A ruleset of nftables as it was listed: what the readers of text and of JSON make, so that its meaning is worked out in
// one place. Plain data in one arena.
#pragma once

#include "base/arena.h"
#include "base/map.h"

struct buf;
struct diags;
struct import_input;

enum nft_kind {
	NFT_FIELD,     // text: its name in full, "ip saddr", "meta l4proto", "ct original ip saddr"
	NFT_VALUE,     // text: as written, numbers in decimal; "exists" and "missing" for truths
	NFT_PREFIX,    // item 0 a value; text: the length
	NFT_RANGE,     // items 0 and 1: values
	NFT_LIST,      // a,b: flags, all of them together
	NFT_SET,       // { a, b }: elements
	NFT_PAIR,      // key : data, an element of a map
	NFT_CONCAT,    // a . b
	NFT_BINARY,    // text: & | ^ << >>
	NFT_REFERENCE, // text: the name of a set, a map or (in data) of something else
	NFT_ANY,       // *: what no other element of its set matches
	NFT_MAP,       // item 0 is looked up in item 1
	NFT_DECISION,  // a verdict as data: `verdict`, text: a chain
};

enum nft_verdict {
	NFT_ACCEPT,
	NFT_DROP,
	NFT_CONTINUE,
	NFT_RETURN,
	NFT_JUMP,
	NFT_GOTO,
	NFT_REJECT, // only as a statement
	NFT_QUEUE,  // likewise
};

struct nft_expr {
	enum nft_kind kind;
	enum nft_verdict verdict;
	const char *text;
	struct nft_expr **item;
	size_t len;
};

enum nft_op { NFT_EQ, NFT_NE, NFT_LT, NFT_GT, NFT_LE, NFT_GE, NFT_ANY_OF, NFT_NONE_OF };

enum nft_stmt_kind {
	NFT_MATCH,  // left op right
	NFT_VMAP,   // left looked up in right; its data are verdicts
	NFT_DECIDE, // verdict; text: chain, or how a packet is rejected or queued
	NFT_LOG,
	NFT_NOTHING, // counts, comments
	NFT_EFFECT, // changes something, but not the verdict; left: what it reads or writes, or NULL
	NFT_CONDITION, // holds or not for reasons that are not about headers: limit, quota, ct count
	NFT_TARGET,    // may decide, nobody knows how: what the listing does not explain
	NFT_TRANSLATE, // snat, dnat, masquerade, redirect: accepts what it translates
};

struct nft_stmt {
	enum nft_stmt_kind kind;
	enum nft_verdict verdict;
	enum nft_op op;
	struct nft_expr *left, *right;
	const char *text; // EFFECT, CONDITION, TARGET, TRANSLATE: in full
	const char *gap;  // what to count it as
	bool breaks;      // EFFECT: what follows in the rule may not be reached
};

struct nft_rule {
	VEC(struct nft_stmt) stmt;
	const char *text;
	unsigned line;
};

struct nft_chain {
	const char *name;
	const char *type, *hook; // of a base chain
	int priority;
	bool drops; // the policy of a base chain
	unsigned line;
	VEC(struct nft_rule) rule;
};

struct nft_values; // a set's elements as ranges, worked out once (nft_value.c)

struct nft_set {
	const char *name;
	bool dynamic; // packets add and remove elements
	bool timeout;
	struct nft_expr *elements; // NFT_SET, never NULL
	unsigned line;
	struct nft_values *values;
};

struct nft_table {
	const char *family, *name;
	bool dormant;
	unsigned line;
	VEC(struct nft_chain *) chain;
	struct map chains, sets; // by name
	struct map changed;      // names of fields that a rule of the table writes
	struct map updated;      // names of sets that a rule of the table changes
};

struct nft_gap {
	const char *what;
	unsigned line;
};

struct nft_ruleset {
	struct arena *arena;
	const char *file;
	VEC(struct nft_table *) table;
	struct map tables;       // by "family name"
	VEC(struct nft_gap) gap; // noticed while reading
};

// Deeper nesting is refused.
#define NFT_DEPTH_MOST 32

// The readers. False when an error was added.
bool nft_text_read(const struct import_input *input, struct diags *diags,
		   struct nft_ruleset *out) must_check;
bool nft_json_read(const struct import_input *input, struct diags *diags,
		   struct nft_ruleset *out) must_check;

// Making nodes.
struct nft_expr *nft_expr_new(struct arena *arena, enum nft_kind kind, const char *text) must_check;
struct nft_expr *nft_expr_pair(struct arena *arena, enum nft_kind kind, struct nft_expr *a,
			       struct nft_expr *b) must_check;
// A value; numbers become decimal, so that both readers give the same text.
struct nft_expr *nft_value_new(struct arena *arena, const char *text) must_check;
// Whether it looks at the packet or at a set or map.
bool nft_expr_reads(const struct nft_expr *expr) must_check;
// A comparison without an operator: flags are tested for any of the given ones, all else for equality.
enum nft_op nft_op_implied(const struct nft_expr *left, const struct nft_expr *right) must_check;

// Finds or makes. NULL: there is one of the name already.
struct nft_table *nft_table_get(struct nft_ruleset *ruleset, const char *family, const char *name,
				unsigned line) must_check;
struct nft_table *nft_table_find(const struct nft_ruleset *ruleset, const char *family,
				 const char *name) must_check;
struct nft_chain *nft_chain_add(struct nft_ruleset *ruleset, struct nft_table *table,
				const char *name, unsigned line) must_check;
struct nft_set *nft_set_add(struct nft_ruleset *ruleset, struct nft_table *table, const char *name,
			    unsigned line) must_check;
struct nft_rule *nft_rule_add(struct nft_ruleset *ruleset, struct nft_chain *chain,
			      unsigned line) must_check;

void nft_expr_print(const struct nft_expr *expr, struct buf *out);
void nft_stmt_print(const struct nft_stmt *stmt, struct buf *out);
// The same as text in the arena, shortened when it is long.
const char *nft_stmt_text(struct arena *arena, const struct nft_stmt *stmt) must_check;
const char *nft_rule_text(struct arena *arena, const struct nft_rule *rule) must_check;
// At most this many bytes of a rule or a condition are kept; "..." ends what was longer.
#define NFT_TEXT_MOST 400
const char *nft_text_short(struct arena *arena, const char *text, size_t len) must_check;
