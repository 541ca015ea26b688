// SPDX-License-Identifier: Apache-2.0
// Kernel rules as plain data, between the IR on one side and netlink or text on the other: compiling
// makes them, decoding reads them from the kernel, and two rules of equal form do the same.
#pragma once

#include "backend/nft/field.h"
#include "base/map.h"

// The packet's value (behind mask and shift, big-endian) is in the set. The set may be whole: then
// the test only asks that the value is there.
struct nft_match {
	enum nft_field field;
	struct algebra_set set;
};

enum nft_act {
	ACT_CONTINUE,
	ACT_ACCEPT,
	ACT_DROP,
	ACT_RETURN,
	ACT_JUMP,
	ACT_GOTO,
	ACT_RESET,       // reject with a TCP reset
	ACT_UNREACHABLE, // reject with ICMP port unreachable
	ACT_BRANCH,      // a verdict map
	ACT_BOXES,       // a verdict map over several fields
};

// What a register of the kernel holds: a place of the packet, perhaps masked and turned from host to
// network order. And a test of it, read from the kernel: the register's value is in the set.
struct nft_reg {
	bool loaded, turned;
	struct nft_place place;
	size_t bytes;
	u128 mask;
};
struct nft_test {
	struct nft_reg reg;
	struct algebra_set set;
};

// Whether both hold the same of any packet.
bool nft_same_reg(const struct nft_reg *a, const struct nft_reg *b) must_check;

// A verdict map: the packet's value (as in nft_match) chooses the chain where the packet goes on, as by goto. A value in no
// branch, or no such value at all: on to the next rule. The ranges ascend and do not overlap. Fields: all but F_STATE and
// F_KNOWN. Single values, and blocks of addresses of one size, are found by their hash (nft_map_block).
struct nft_branch {
	struct algebra_range range;
	const char *chain; // without the generation's prefix
};
struct nft_map {
	enum nft_field field;
	const char *name; // of the kernel's map, without the prefix: "-m3"
	struct nft_branch *branch;
	size_t len;
	const struct nft_reg
		*reg; // read from the kernel, `field` not known yet: ranges of this register
};

// A verdict map over several fields: the first box, in this order, that holds the packet's values leads on to its
// chain, as by goto. In no box, or without one of the fields: on to the next rule. Two fields or more, such as
// nft_boxes_field allows; their bytes, each padded to four, are at most 64. Boxes that overlap are not always taken.
#define NFT_BOXES_FIELDS 6
#define NFT_BOXES_SLOTS 16u // registers of four bytes
struct nft_form;
struct nft_direct;
struct nft_box {
	const struct algebra_range *range; // one a field; the whole range where the field is open
	const char *chain;
	// In the kernel the element itself accepts or drops, counts, and has the tag, as this rule: the only one of the
	// chain, which is not made there. Boxes in front (overlay.h) have no chain. NULL: it leads on, as by goto.
	const struct nft_form *rule;
	const struct nft_direct *direct; // the same, read from the kernel
};
struct nft_boxes {
	enum nft_field field[NFT_BOXES_FIELDS];
	size_t fields;
	const char *name; // of the kernel's map, without the prefix: "-m3"
	struct nft_box *box;
	size_t len;
	const struct nft_reg *reg; // read from the kernel, `field` not known yet: one a field
	// Of maps in front (overlay.h): each box is a rule. Read from the kernel it has no boxes, but the rules that they
	// are like.
	bool counts;
	struct nft_form *piece;
	size_t pieces;
};

// The rule goes on only while the rate (packets or bytes in `unit` seconds) is exceeded.
struct nft_limit {
	uint64_t rate, unit;
	uint32_t burst;
	bool bytes;
};

struct nft_log {
	const char *prefix; // NULL: no log
	bool to_group;
	uint16_t group;
};

// Whose kernel rule it is; kept in its user data. It names, it never means.
struct nft_tag {
	bool known;
	uint32_t rule, clause;     // indices, or one of the numbers below
	bool counts;               // its counter counts the packets that the rule applied to
	const char *policy, *name; // of the rule
};
#define NFT_TAG_DEFAULT 0xffffffffu
#define NFT_TAG_NO_FLOW 0xfffffffeu
#define NFT_TAG_HELPER 0xfffffffdu
// Of a rule of ours that is nobody's: it only leads on.
struct nft_tag nft_tag_helper(void) must_check;

// What is tested, in this order: matches (ascending fields), lookup and update of a named set,
// limit; what is done then: count, log, act.
struct nft_form {
	struct nft_match *match;
	size_t len;
	const char *
		guard; // the set in which the values of the first match come and go (overlay.h); else NULL
	const char *named_set; // the flow's protocol must be in this set …
	uint64_t refresh_ms;   // … and its element then lives for so long again
	bool limited;
	struct nft_limit limit;
	struct nft_log log;
	enum nft_act act;
	const char *chain;      // of ACT_JUMP, ACT_GOTO and gates, without the generation's prefix
	struct nft_map map;     // of ACT_BRANCH
	struct nft_boxes boxes; // of ACT_BOXES
	const char *strange;    // read from the kernel and not understood: why
	// Read from the kernel: tests whose fields the rule alone does not tell. While there are any (or map.reg,
	// boxes.reg) the form is strange; nft_form_resolve names them.
	const struct nft_test *open;
	size_t open_len;
	struct nft_tag tag;
	uint64_t handle, packets, bytes; // read from the kernel
};

// What an element does that decides by itself, and has counted. Elements of the same tag that do the same are taken to lead
// to the same chain; of those that are nobody's the chain is called like the map.
struct nft_direct {
	const char *chain; // NFT_DIRECT_CHAIN and something else
	bool accepts;
	struct nft_tag tag;
	uint64_t packets, bytes;
};
#define NFT_DIRECT_CHAIN "-n!"
struct nft_form nft_direct_form(const struct nft_direct *direct) must_check;

struct nft_chain {
	const char *name; // "" is the generation's main chain
	bool direct; // only boxes with its rule lead there, and the kernel has it in their elements
	VEC(struct nft_form) rule;
};

// The chains of one generation.
struct nft_program {
	struct arena *arena;
	VEC(struct nft_chain *) chain; // the main chain first
	struct map by_name;
	struct map names;           // that copies share …
	struct algebra_set *recent; // … and sets, by their hash
	bool unfragmented; // what is lifted from it need not hold for fragments behind the first
};

void nft_program_init(struct nft_program *program, struct arena *arena);
// A new, empty chain. Its name is borrowed.
struct nft_chain *nft_program_chain(struct nft_program *program, const char *name) must_check;
// NULL when there is none.
struct nft_chain *nft_program_find(const struct nft_program *program, const char *name) must_check;

// The chain of a box that decides by itself as it was read: new, or NULL when there is one already or the box leads on.
struct nft_chain *nft_direct_chain(struct nft_program *program,
				   const struct nft_box *box) must_check;

struct nft_some_forms {
	VEC(const struct nft_form *) list;
};

// Copies whose ranges and names are `to`'s own: a form, a chain's rules, all chains that `to` has not.
struct nft_form nft_form_copy(const struct nft_form *form, struct nft_program *to) must_check;
void nft_chain_copy(const struct nft_chain *chain, struct nft_program *to, struct nft_chain *out);
void nft_program_adopt(struct nft_program *to, const struct nft_program *from);

// Narrows the form by one more match (intersecting); keeps the order of fields.
void nft_form_match(struct nft_form *form, struct arena *arena, enum nft_field field,
		    struct algebra_set raw);
_Static_assert(NFT_FIELDS <= 64, "a bit a field");
// Bit: a field that it tests.
uint64_t nft_form_fields(const struct nft_form *form) must_check;
// NULL when the form does not test the field.
const struct algebra_set *nft_form_set(const struct nft_form *form,
				       enum nft_field field) must_check;
// Whether both have the same tests, one by one.
bool nft_form_same_matches(const struct nft_form *a, const struct nft_form *b) must_check;
// False: no packet matches both, as a look at one field after the other tells.
bool nft_form_may_meet(const struct nft_form *a, const struct nft_form *b) must_check;
// Of the flow, when it asks for one: 1 the original, 2 the reply; else 0.
uint32_t nft_form_direction(const struct nft_form *form) must_check;
// All branches are blocks of 2^n values, from a multiple of that on: n. The kernel finds a block by the hash of the value
// without its last n bits. NFT_MAP_RANGES: they are not, or the field is no address and they are not single values.
#define NFT_MAP_RANGES 255u
unsigned nft_map_block(const struct nft_map *map) must_check;
// Whether a map says where packets go.
bool nft_form_by_map(const struct nft_form *form) must_check;
// Whether it is nobody's and has packets leave its chain.
bool nft_form_leaves(const struct nft_form *form) must_check;
// How many branches or boxes its map has; 1: it has none.
size_t nft_form_parts(const struct nft_form *form) must_check;
// Whether what it looks up only says who goes to its chain (tree_gate.h). In the kernel that is a set, called "-gate" and a
// number, and a goto behind the lookup: of a map the kernel would check the chain, and all behind it, once for each element.
#define NFT_GATE_SET "-gate"
bool nft_is_gate(const char *name) must_check; // without the prefix
bool nft_form_gate(const struct nft_form *form) must_check;
// Makes it lead there.
void nft_gate_lead(struct nft_form *gate, const char *chain, struct arena *arena);
// Whether it accepts or drops at once, counts for its rule, and does nothing else.
bool nft_form_plain(const struct nft_form *form) must_check;
// Whether the kernel counts the packets that the rule is for: those of the policy, and what nobody says anything of.
bool nft_form_counts(const struct nft_form *form) must_check;
// The chain of clauses to which the rule jumps, from which packets may come back; NULL: it leads elsewhere, if at all.
const struct nft_chain *nft_form_clauses(const struct nft_program *program,
					 const struct nft_form *form) must_check;
// The rules of a chain, with the pieces of a map that counts in its place. Of those behind a rule that lets all packets with
// a transport header leave it is said, too, that they are for the others. What is not changed is shared.
void nft_chain_spread(const struct nft_form *rule, size_t len, struct arena *arena,
		      struct nft_chain *out);
// Leaves out tests that another test of the form implies.
void nft_form_tidy(struct nft_form *form);

// Whether two rules do the same, the chains that they lead to included. `names`: what a log entry begins with counts too.
// Chains of a decision tree are not followed (many ways lead to one of them); their names stand for them.
struct nft_form_of {
	const struct nft_program *program; // resolves chains
	const struct nft_form *form;
};
bool nft_form_same(struct nft_form_of a, struct nft_form_of b, bool names) must_check;

#define NFT_REJECT_CHAIN "-reject"
// Chains of a decision tree are called "-n" and a number: they only lead on (ACT_BRANCH, ACT_BOXES, ACT_GOTO) or hold
// rules of the policy, whose own chains ("-<rule>-do" and the like) are called otherwise.
#define NFT_NODE_CHAIN "-n"
bool nft_is_node(const char *chain) must_check; // false for NULL
