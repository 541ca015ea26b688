// SPDX-License-Identifier: Apache-2.0
// The decision tree: rules of the linear form, told apart by what they test, so that a packet meets a few of them only.
// A node sends a packet on by the value of one field; a leaf holds, in order, the rules that packets there can match, each
// without the tests that the way has answered. The parts of a sequence follow each other: a packet that no rule of a part
// decides goes on to the next. What the tree does is what the list does. Pure.
#pragma once

#include "backend/nft/hull.h"
#include "backend/nft/form.h"
#include "backend/nft/nft.h"

// A rule in a leaf: its number, and which of its matches are still to be tested (bit i: match i).
struct nft_entry {
	uint32_t rule, left;
};
struct nft_entries { // a vector
	struct nft_entry *at;
	size_t len, cap;
};
#define NFT_NO_RULE UINT32_MAX

// Packets that nearly all rules are for are asked all that where it begins; where it ends that way is taken already.
enum nft_shortcut {
	NFT_SHORTCUT_NONE,
	NFT_SHORTCUT_BEGINS,
	NFT_SHORTCUT_INSIDE,
	NFT_SHORTCUT_ENDS
};
struct nft_way {
	struct algebra_range range;
	struct nft_node *to;
	uint32_t rules; // that went there when it was made
};
// A sub-tree of some rules, in their order.
struct nft_tree_part {
	uint32_t *rule;
	size_t len, cap;
	struct nft_node *root;
	enum nft_kind kind; // of a part of the whole tree
};
struct nft_node {
	uint32_t number;         // of its chain
	uint32_t refs;           // ways, misses and parts that lead to it
	enum nft_field field;    // NFT_FIELDS: a leaf, a sequence or a gate
	VEC(struct nft_way) way; // ranges ascend; several may lead to one node
	struct nft_node *miss;   // packets of no way, or without the field; NULL: there are none
	struct nft_entries entry;
	struct nft_entries hidden; // rules that come to the leaf, but are never met there
	bool list;                 // of a leaf: one after the other, whatever they are
	bool lacks; // of a leaf: behind a rule that is met on only some of its ways, others are not even hidden
	bool common;                // of a node: nearly all rules go its way of the most rules …
	enum nft_shortcut shortcut; // … and these go past it
	struct nft_gate *gate;      // tells who goes the only way (tree_gate.h); NULL: it is none
	VEC(struct nft_tree_part) part; // of a sequence; a leaf has none
	uint32_t closer;     // of a sequence: behind this rule none is in a part; or NFT_NO_RULE
	size_t made;         // rules in the leaf when it was built
	struct nft_cut *cut; // of a leaf that is long, or was (tree_cut.h)
	uint32_t has;        // bit i: packets there always have nft_split_field[i]
	const struct nft_node *host; // in whose chain its rules stand; &nft_main_node: the main one
	uint32_t paths; // ways from the root that lead here, each counted; UINT32_MAX: very many
};

extern const struct nft_node nft_main_node; // as a host: the main chain
enum nft_targeted { NFT_TARGET_NONE, NFT_TARGET_CHAIN, NFT_TARGET_DIRECT };
struct nft_tree {
	struct arena *arena;
	VEC(const struct nft_form *) rule; // by number; borrowed; NULL: gone
	VEC(uint64_t) asks;                // by number: bit f: it asks for field f
	VEC(uint64_t) rank;                // by number: the place in the list, with room between
	VEC(bool) placed;                  // by number: it stands in the tree
	VEC(struct nft_hull) hull;         // by number: roughly where its packets are
	VEC(uint32_t) leaves;              // by number: that it stood in when it was placed
	VEC(uint32_t) target;              // by number: of the chain to which its boxes lead …
	VEC(uint8_t) targeted;             // … which has been emitted: enum nft_targeted
	struct nft_node *root;             // a sequence
	uint32_t overlay; // edition of the maps in front of it (overlay.h); 0: there are none
	uint32_t numbers; // given to nodes
	bool direct;      // boxes may decide by themselves
	bool large;       // there are to be few chains
	unsigned boxes_least, sorted_least, blocks_least;
	size_t entries; // in leaves
};

// From rules in order, of which the last decides every packet. They are borrowed.
struct nft_rules {
	VEC(const struct nft_form *) list;
	const struct nft_program *own; // with the chains of their own; NULL: they have none
};
// The rules of the main chain of a linear program.
struct nft_rules nft_rules_of(const struct nft_program *linear, struct arena *arena) must_check;
// Places for the rules of a list and some that come later.
size_t nft_tree_room(size_t rules) must_check;
// In the form that the shape says, BACKEND_NFT_AUTO as BACKEND_NFT_MIXED.
void nft_tree_build_as(const struct nft_rules *rules, const struct backend_nft_shape *shape,
		       struct arena *arena, struct nft_tree *out);
// The same, but BACKEND_NFT_AUTO is the cheapest form (pick.h).
void nft_tree_build(const struct nft_rules *rules, const struct backend_nft_shape *shape,
		    struct arena *arena, struct nft_tree *out);
// The same of the main chain of a linear program.
void nft_tree_build_from(const struct nft_program *linear, const struct backend_nft_shape *shape,
			 struct arena *arena, struct nft_tree *out);
// The chains of the tree: whatever a chain leads to comes before it, the main chain at last. Good for the call only.
typedef void (*nft_chain_fn)(void *context, const struct nft_chain *chain);
void nft_tree_emit(struct nft_tree *tree, nft_chain_fn each, void *context);
// The same as a program, behind the chains that it has.
void nft_tree_program(struct nft_tree *tree, struct nft_program *program);
// And behind them the chains that its rules have for themselves in the linear form (shape.c).
void nft_shape_program(const struct nft_program *linear, struct nft_tree *tree,
		       struct nft_program *program);

// --- changes (tree_change.c) ---

// Leaves that are changed, each once, with their rules as they were before and as they are. Maps that stay are only named
// there, without boxes.
struct nft_touched_leaf {
	struct nft_node *leaf; // NULL: the chain to which a rule's boxes lead
	struct nft_chain was, now;
};
// A rule to whose chain so many boxes led, of maps that are gone; or that they were.
struct nft_share {
	uint32_t rule, boxes;
	bool direct;
};
struct nft_unled {
	VEC(struct nft_share) list;
};
// Of maps that stay, some boxes.
struct nft_some_boxes {
	VEC(struct nft_boxes) list;
};
struct nft_touched {
	struct arena *arena;
	VEC(struct nft_touched_leaf) leaf;
	struct nft_unled unled;
	struct nft_some_boxes lost;  // of rules that leave their map
	VEC(struct nft_form) gained; // maps of gates, with what they get for rules that come
	bool whole_maps;             // maps that lose rules are made anew
};
// Takes the rule out. False when the tree would have to be built anew: then it is of no use any more.
bool nft_tree_remove(struct nft_tree *tree, uint32_t rule, struct nft_touched *touched) must_check;
// A rule of the list, with the next number and a rank that says its place; not in the tree yet. Then in it; where that will
// not do, false and nothing is done.
void nft_tree_add_rule(struct nft_tree *tree, const struct nft_form *form, uint64_t rank);
bool nft_tree_place(struct nft_tree *tree, uint32_t rule, struct nft_touched *touched) must_check;
// The rule's packets fare as the form says, which is for the same packets and decides them if the rule did; borrowed. False
// as in removing.
bool nft_tree_may_turn(const struct nft_tree *tree, uint32_t rule,
		       const struct nft_form *form) must_check;
bool nft_tree_turn(struct nft_tree *tree, uint32_t rule, const struct nft_form *form,
		   struct nft_touched *touched) must_check;
// Whether both rules are there, and a packet may be in both.
bool nft_tree_meet(const struct nft_tree *tree, uint32_t a, uint32_t b) must_check;
// The leaf's rules, as they stand in its host's chain; maps are only named.
void nft_tree_emit_leaf(struct nft_tree *tree, const struct nft_node *leaf, struct arena *arena,
			struct nft_chain *to);
// When all is changed: what the leaves have become; and the chains to which their boxes lead and that were not emitted yet.
void nft_tree_emit_touched(struct nft_tree *tree, struct nft_touched *touched, nft_chain_fn each,
			   void *context);
// Numbers nodes, counts paths and the leaves of rules, and finds hosts.
void nft_tree_finish(struct nft_tree *tree);
// The rules of the chain in which a node's stand, without the branches of its map; as nft_tree_emit makes them. The touched
// leaves have been emitted.
void nft_tree_emit_chain(struct nft_tree *tree, const struct nft_node *host,
			 const struct nft_touched *touched, struct nft_chain *to);

#define NFT_JUMPS_MOST 5u   // ways that are tested one after the other, without a map
#define NFT_SPLIT_FIELDS 31 // a bit each in 32
// What of a packet is known where a way has led.
struct nft_path {
	uint8_t version[2]; // 4 or 6, 0: not known; by side
	bool protocols_known[2];
	uint64_t protocols[2][4]; // bit p % 64 of word p / 64
	bool header;              // it has a transport header
	bool link;                // it came over Ethernet
	bool flow;                // it has a flow
	uint32_t split;           // bit i: nft_split_field[i] is in range[i]
	uint32_t held; // bit i: some rules ask for nft_split_field[i] as packets here have it
	struct algebra_range range[NFT_SPLIT_FIELDS];
};
extern const enum nft_field nft_split_field[NFT_SPLIT_FIELDS];

// --- between the files of the tree ---

bool nft_is_leaf(const struct nft_node *node) must_check;
// The bit of nft_node.has, 0 for other fields; of all that packets on the way have.
uint32_t nft_split_bit(enum nft_field field) must_check;
uint32_t nft_path_fields(const struct nft_path *path) must_check;

struct nft_split {
	enum nft_field field;
	VEC(struct algebra_range) range;
	bool covers; // there are no other values
	bool blocks; // of one size
	bool gate;   // for whom there is a rule that asks for the field, and for whom not
};
struct nft_splitting {
	const struct nft_tree *tree;
	const struct nft_path *path;
	const struct nft_entries *entries;
	unsigned leaf_most;
	size_t copies_most; // entries of all ways together
	size_t across_most; // rules of a range that has values which no rule asks for
	bool exact;         // only single values, each by itself
	bool common_only;   // only what nearly every rule asks
	bool few;           // in few ways
	bool gates;         // first of all: those for whom some rule has an address, and the others
};
// The best field to tell the rules apart by, and the ranges in which its values go together. False when no field is of
// any use. The ranges live in `arena`.
bool nft_split_choose(const struct nft_splitting *s, struct arena *arena,
		      struct nft_split *out) must_check;
enum { NFT_HAS_SRC = 1, NFT_HAS_DST = 2 };
// Which small sets of addresses the rule asks for; which of them packets have, as some rules do.
uint32_t nft_split_addresses(const struct nft_form *form) must_check;
// The rule asks for this address, and for none of the sides that packets have as some other rule asks.
bool nft_split_gated(const struct nft_form *form, enum nft_field address, uint32_t held) must_check;
// The other address, or port.
enum nft_field nft_field_beside(enum nft_field field) must_check;
uint32_t nft_path_held(const struct nft_path *path) must_check;
// The rule with all of its tests.
struct nft_entry nft_entry_of(const struct nft_tree *tree, uint32_t rule) must_check;
// Nothing behind the last of so many rules is ever met.
bool nft_entries_closed(const struct nft_tree *tree, const struct nft_entry *at,
			size_t len) must_check;
bool nft_form_decides(const struct nft_form *form) must_check;
// Boxes of the rule decide by themselves instead of leading to its chain: they may in this tree, it does no more than an
// element of a map can, and stands in few leaves, as all its maps are to be made anew when it is turned.
bool nft_tree_direct(const struct nft_tree *tree, uint32_t rule) must_check;
// The same when it does what the form does.
bool nft_tree_direct_as(const struct nft_tree *tree, uint32_t rule,
			const struct nft_form *form) must_check;
bool nft_form_needs_no_flow(const struct nft_form *form) must_check; // of packets without a flow
// Whatever the rule matches in a leaf, one of so many before it has matched.
bool nft_entries_take_all_of(const struct nft_tree *tree, const struct nft_entry *at, size_t len,
			     struct nft_entry entry) must_check;
bool nft_range_within(struct algebra_range inner, struct algebra_range outer) must_check;
// Of the chain with this number, of a node or a rule's boxes, within the generation.
char *nft_node_name(uint32_t number, struct arena *arena) must_check;
uint32_t nft_node_number(const char *name) must_check;
char *nft_node_map_name(const struct nft_node *node, struct arena *arena) must_check;
#define NFT_RANK_STEP ((uint64_t)1 << 32)
// The rule with those of its tests that are left.
struct nft_form nft_entry_form(const struct nft_tree *tree, struct nft_entry entry,
			       struct arena *arena) must_check;
// The set of the field's values that the entry's rule still asks for; NULL: it does not ask. *bit_out: of the match, or 0.
const struct algebra_set *nft_entry_set(const struct nft_tree *tree, struct nft_entry entry,
					enum nft_field field, uint32_t *bit_out) must_check;
void nft_path_follow(struct nft_path *path, enum nft_field field, struct algebra_range range);
// Packets there always have the field, once what it needs is known.
bool nft_path_has(const struct nft_path *path, enum nft_field field) must_check;
// The field that must be split by before this one; itself when nothing is missing.
enum nft_field nft_path_needs(const struct nft_path *path, enum nft_field field) must_check;
