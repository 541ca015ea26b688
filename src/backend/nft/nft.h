// SPDX-License-Identifier: Apache-2.0
// The nft back end: a lowered ruleset as a decision tree of the kernel's nf_tables, in a table of our own, and back.
// Needs CAP_NET_ADMIN in the user namespace that owns the network namespace, nothing else. Not thread-safe.
#pragma once

#include "backend/backend.h"

struct buf;
struct backend_nft;

extern const struct backend_ops backend_nft_ops;

// How the rules stand in the kernel (docs/why/nft-tree.md). Whatever is chosen, the meaning is the same.
enum backend_nft_form {
	BACKEND_NFT_AUTO,   // what the cost model finds cheapest; of more than 1,000 rules mixed
	BACKEND_NFT_LINEAR, // one after the other
	BACKEND_NFT_HASH, // one hash map on exact values in front, the others behind it one after the other
	BACKEND_NFT_TREE,  // one decision tree
	BACKEND_NFT_MIXED, // consecutive parts, each with a form of its own
};
struct backend_nft_shape {
	enum backend_nft_form form;
	unsigned
		boxes_least; // rules of a leaf from which they become one map over several fields; 0: 17
	unsigned
		overlay_least; // rules from which those that are put in stand in front at first; 0: 8000
	unsigned large_least;  // rules from which there are to be few chains; 0: 20,000
	unsigned sorted_least; // rules of a list that is sorted by addresses, and has gates; 0: 64
	unsigned blocks_least; // boxes of a gate that are blocks of its address instead; 0: 2000
	unsigned direct_least; // rules from which boxes accept and drop by themselves; 0: 8000
	unsigned beside_least; // rules of which parts are built by several threads; 0: 5000
	unsigned leaf_most;    // rules in a leaf; 0: 8, from large_least on 16
	unsigned
		budget_x10; // kernel rules at most for each rule of the linear form, in tenths; 0: 60 and some more
};

// Zeroed is the default: table `bulwark`, logs to the kernel log, the cheapest form.
struct backend_nft_options {
	const char *table;  // 1..32 letters, digits or underscores, a letter first; NULL: "bulwark"
	bool log_to_group;  // log by NFLOG instead of the kernel log …
	uint16_t log_group; // … to this group
	struct backend_nft_shape shape;
};

// Opens netlink sockets in the calling process's network namespace and subscribes to changes; the table is not touched.
// `options` NULL is the default. 0, or a negative errno with a diag.
int backend_nft_open(const struct backend_nft_options *options, struct diags *diags,
		     struct backend_nft **out) must_check;
void backend_nft_close(struct backend_nft *nft);

// The rest is what backend.h says of the members of the same names.
extern const struct backend_capability backend_nft_capabilities[];
extern const size_t backend_nft_capabilities_len;
bool backend_nft_check(const struct ir_ruleset *lowered, struct diags *diags) must_check;
int backend_nft_apply(struct backend_nft *nft, const struct ir_ruleset *lowered,
		      struct diags *diags) must_check;
int backend_nft_change(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       const struct backend_edit *edit, size_t edits,
		       struct diags *diags) must_check;
// How many changes could not be made in place up to now, so that everything was replaced.
size_t backend_nft_replaced(const struct backend_nft *nft) must_check;
int backend_nft_settle(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       struct diags *diags) must_check;
int backend_nft_clear(struct backend_nft *nft, struct diags *diags) must_check;
int backend_nft_read_back(struct backend_nft *nft, struct arena *arena,
			  struct backend_state *out) must_check;
int backend_nft_compare(struct backend_nft *nft, const struct ir_ruleset *lowered,
			struct backend_differences *out) must_check;
int backend_nft_compare_changed(struct backend_nft *nft, const struct ir_ruleset *lowered,
				struct backend_differences *out) must_check;
int backend_nft_apart(struct backend_nft *nft, void (*read)(void *context),
		      void *context) must_check;
void backend_nft_proven(const struct backend_nft *nft, struct buf *out);
void backend_nft_adopt(struct backend_nft *nft, const void *proven, size_t len);
int backend_nft_others(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       struct backend_others *out) must_check;
int backend_nft_counters(struct backend_nft *nft, const struct ir_ruleset *lowered,
			 struct arena *arena, struct backend_counters *out) must_check;
int backend_nft_watch_fd(const struct backend_nft *nft) must_check;
bool backend_nft_watch_drain(struct backend_nft *nft) must_check;
int backend_nft_pinhole_open(struct backend_nft *nft, const struct backend_pinhole *pinhole,
			     struct diags *diags) must_check;
int backend_nft_pinhole_close(struct backend_nft *nft, const char *name,
			      struct diags *diags) must_check;
int backend_nft_pinhole_list(struct backend_nft *nft, struct backend_pinholes *out) must_check;
int backend_nft_pinhole_purge(struct backend_nft *nft) must_check;

// The normal form in which read_back hands out rulesets: every clause says what its conditions imply (an IPv4 address
// means family 4, a port a protocol that has ports), says it once and for one family, and rules and clauses that no
// packet can match are gone. The meaning stays. Two rulesets of which this back end makes the same kernel rules have
// equal bytes (ir_rule_meaning of each rule) in this form.
void backend_nft_normal(const struct ir_ruleset *lowered, struct arena *arena,
			struct ir_ruleset *out);

// The script for nft(8) that enforces the same ruleset; in the linear form when `options` is NULL. False, with diags, when
// the ruleset is refused or nft has no words for a rule or a map of it. Load it with TZ=UTC.
bool backend_nft_print(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		       struct diags *diags, struct buf *out) must_check;

// --- what a form costs (docs/why/nft-tree.md) ---

struct backend_nft_size {
	size_t kernel_rules, chains, maps;
	size_t elements; // of maps over one field
	size_t boxes;    // of maps over several
	unsigned depth;  // chains that a packet goes through, each from the one before
};
// Nanoseconds that the policy adds to forwarding a packet, as a model says: read it by size, not to the digit.
struct backend_nft_cost {
	uint64_t mean_ns;  // of a packet that some rule decides, every rule alike
	uint64_t worst_ns; // of one on the longest way
};
// Rules that stand together; a packet that none of them decides goes on to the next part.
struct backend_nft_part {
	const char
		*form; // "list", "hash", "tree", "boxes"; "front" for rules that are put in later
	size_t listed; // rules that the linear form would have for it
	struct backend_nft_size size;
	uint64_t passed_ns, worst_ns; // of a packet that nothing in it decides: usually, at most
};
struct backend_nft_weighed {
	const char *form;
	struct backend_nft_cost cost;
};
struct backend_nft_explanation {
	const char *form; // "linear", "hash", "tree" or "mixed"
	size_t rules;     // of the policy
	struct backend_nft_size size, linear_size;
	struct backend_nft_cost cost, linear_cost;
	VEC(struct backend_nft_weighed)
	weighed; // all forms of a small ruleset, of which it has the cheapest
	VEC(struct backend_nft_part) part;
};
// The form that the ruleset would be enforced in, in `arena`. False, with diags, when the ruleset is refused.
bool backend_nft_explain(const struct ir_ruleset *lowered,
			 const struct backend_nft_options *options, struct diags *diags,
			 struct arena *arena, struct backend_nft_explanation *out) must_check;
// The same as a graph for Graphviz, of some 200 nodes at most; it says what it leaves out.
bool backend_nft_dot(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		     struct diags *diags, struct buf *out) must_check;
