// SPDX-License-Identifier: Apache-2.0
// The FILEs of the offline commands, of any kind and mixed: consumer-facing and NSF-facing policies, access control lists,
// rulesets of iptables and nft. What each is, its content says.
#pragma once

#include "cli/cli.h"
#include "import/import.h"

// Policies that are judged as one ruleset.
struct source {
	const char *title; // the files, and the chain where one was taken: "fw.save filter/FORWARD"
	struct ir_document document;
	struct ir_ruleset ruleset;              // in first-match order; --default-action is in it
	VEC(const struct import_chain *) chain; // those that are in the document
	size_t documents;                       // files that are policies, not rulesets of chains
	const char *taken; // which chain was taken where others could be meant; or NULL
	// Where all files are imported rulesets: every filtering chain that may be meant, as a source of its own.
	VEC(const struct source *) each;
};
struct sources {
	VEC(struct source) list;
};

// All files as one: documents first, then from each imported ruleset the chain that --chain names, or the obvious one.
// False when there were errors.
bool source_load(struct cli *cli, char *const *file, size_t files, struct source *out) must_check;
// The same, but what is said of the chain that was taken waits for source_say_taken.
bool source_load_side(struct cli *cli, char *const *file, size_t files,
		      struct source *out) must_check;
void source_say_taken(struct cli *cli, const struct source *source);
// The documents as one, and every filtering chain that has rules (or those that --chain names) as one of its own.
bool source_load_each(struct cli *cli, char *const *file, size_t files,
		      struct sources *out) must_check;
// source_load of the command's arguments, at least one; the values of the option (or NULL) are files, too, of which only
// one can be standard input.
bool source_load_arguments(struct cli *cli, const char *option, struct source *out) must_check;
bool source_stdin_once(struct cli *cli, const char *option) must_check;

// A document that has been read already; one chain by itself.
bool source_load_bytes(struct cli *cli, const char *file, struct buf *bytes,
		       struct source *out) must_check;
bool source_of_chain(struct cli *cli, const char *file, const struct import_chain *chain,
		     struct source *out) must_check;

// Puts --default-action into the ruleset. With diff it may be two with a comma between, one a side: `nth` says which.
bool source_default(struct cli *cli, size_t nth, struct ir_ruleset *ruleset) must_check;

// The IP versions that the ruleset is about: bit 0 IPv4, bit 1 IPv6. Chains of the families ip and ip6 see no other
// packets, whatever their rules say.
unsigned source_versions(const struct source *source) must_check;
// How many rules there are in the words of their authors: consecutive rules of one policy and name are one.
size_t source_rules(const struct ir_ruleset *ruleset) must_check;

// The whole of one file, "-" is standard input; buf_fini it. NULL and a diag when it cannot be read.
struct buf *source_read(struct cli *cli, const char *path) must_check;

// Documents as one valid tree. False and diags otherwise; source_tree_free in any case.
struct source_tree {
	struct schema *schema;
	struct schema_tree *tree;
};
bool source_tree_load(struct cli *cli, char *const *file, size_t files,
		      struct source_tree *out) must_check;
void source_tree_free(struct source_tree *tree);

// --- rulesets of other systems (source_import.c) ---

// A note when the chain has rules that are not wholly modelled.
void source_chain_note(struct cli *cli, const struct import_chain *chain);
// "filter/FORWARD"; with the family before it where it is not of iptables: "inet/filter/forward".
const char *source_chain_name(struct cli *cli, const struct import_chain *chain) must_check;
// Whether --chain names it; without --chain: true.
bool source_chain_wanted(const struct cli *cli, const struct import_chain *chain) must_check;
// The one chain of the file that is meant; *taken_out: what is to be said when others could be meant. NULL and a diag when
// that is not clear.
const struct import_chain *source_chain_choose(struct cli *cli, const char *file,
					       const struct import_result *result,
					       const char **taken_out) must_check;
