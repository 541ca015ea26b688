// SPDX-License-Identifier: Apache-2.0
// Rulesets of other systems to IR, so that people can come with what they have: iptables-save, ip6tables-save, nft list
// ruleset as text and as JSON. Nothing is lost in silence: what the IR does not model becomes an opaque condition (foreign,
// with its text), and the report counts it.
#pragma once

#include "ir/ir.h"

struct diags;

// One path of packets through the ruleset: a base chain with all that it jumps to, flattened. `policy` has one policy whose
// rules are in first-match order, packet rules, each with its file and line; name: the chain and its number ("FORWARD
// 12"; "FORWARD 12 > LOGDROP 2" through jumps), description: its text. The chain's own policy is the last rule, limited to
// the packets that the ruleset sees (IPv4 for iptables-save), so that the default action stays IR_NONE. The time to live is
// that with which a packet comes, one more than a forward hook sees.
struct import_chain {
	const char *family; // "ip", "ip6", "inet", "bridge", "netdev", "arp"
	const char *table, *name;
	const char *hook; // "input", "forward", "output", "prerouting", ...
	bool filters;     // may decide packets of a filter hook: what analysis takes
	struct ir_policy policy;
	size_t source_rules; // rules of the source that it reaches
	size_t opaque_rules; // of these, with conditions or targets that are opaque
};
// What was not modelled: "-m recent: 3 rules", where first.
struct import_gap {
	const char *what;
	size_t rules;
	unsigned line; // of the first
};
struct import_result {
	VEC(struct import_chain) chain;
	VEC(struct import_gap) gap;
	size_t source_rules; // all of them, in every table
	size_t elsewhere; // in tables that do not filter (nat, mangle, raw): read, listed as gaps, not in chains
	size_t unreached; // in chains that no base chain reaches
};

enum import_format {
	IMPORT_UNKNOWN,
	IMPORT_IPTABLES,
	IMPORT_IP6TABLES,
	IMPORT_NFT,
	IMPORT_NFT_JSON
};
// By its first bytes; IMPORT_UNKNOWN when it is none of these. iptables-save and ip6tables-save are told apart by the
// program's name in the comment, else by the addresses, else IPv4.
enum import_format import_recognise(const char *data, size_t len) must_check;
// "iptables-save", "ip6tables-save", "nft", "nft-json"; IMPORT_UNKNOWN for other names.
enum import_format import_format_find(const char *name) must_check;

struct import_input {
	const char *file; // for messages
	const char *data; // need not end with NUL
	size_t len;
	enum import_format format;
};
// False when errors were added (each with line and what to do); then nothing of `out` is to be used. Everything is in the
// arena, nothing borrows the input.
bool import_read(const struct import_input *input, struct arena *arena, struct diags *diags,
		 struct import_result *out) must_check;
