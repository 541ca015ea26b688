// SPDX-License-Identifier: Apache-2.0
// ietf-access-control-list (RFC 8519), both directions.
//
// Reading. Each list is a policy, its entries are packet rules in order, the first match decides. What happens to packets
// that no entry matches is for the device (RFC 8519 does not say), so there is no default action, and a note for each list
// that has no entry for every packet at its end. Where lists are applied to interfaces, only those are read, once for each
// set of interfaces and direction that they are applied to, limited to packets of these interfaces: `docs/why/acl.md`.
//
// Writing. A ruleset is written as one list of the name CODEC_ACL_LIST; names of its entries are those of rules on the
// NSF-facing interface (codec/nfi.h), shortened where they are too long for the model; the default action is the last
// entry, CODEC_ACL_DEFAULT. Reading a list of that name takes the names apart and joins the parts again.
#pragma once

#include "ir/ir.h"

struct buf;
struct diags;
struct schema_tree;

#define CODEC_ACL_LIST "bulwark"
#define CODEC_ACL_DEFAULT "default"
#define CODEC_ACL_MODULE "ietf-access-control-list"
#define CODEC_ACL_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-access-control-list"
// The most entries that one rule of ours may become; beyond it the rule is refused.
#define CODEC_ACL_PARTS_MOST 4096u
#define CODEC_ACL_NAME_MOST 64u // characters of a name

// Interfaces are defined by another model, and lists mostly come without it. Adds the interfaces that lists name and the
// tree does not define, with a note, so that the tree can be validated; refuses more lists than can be validated in time.
// The tree must know iana-if-type if it knows lists.
bool codec_acl_complete(struct schema_tree *tree, struct arena *arena,
			struct diags *diags) must_check;

// Every list of a validated tree. False when it added errors; what could be read is in `out` then, too. Strings are copied
// into the arena.
bool codec_acl_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct ir_document *out) must_check;

// One <acls> element, appended to `out`. Reading it gives the same meaning. What the model cannot say is an error
// DIAG_UNSUPPORTED a rule; then false, and `out` as before. Without a default action (IR_NONE) none is written.
bool codec_acl_write(const struct ir_ruleset *ruleset, struct diags *diags,
		     struct buf *out) must_check;
// Whether one rule can be written; errors as codec_acl_write adds them.
bool codec_acl_can(const struct ir_rule *rule, struct diags *diags) must_check;
