// SPDX-License-Identifier: Apache-2.0
// What an enforcement back end is: it takes a ruleset of the IR and makes something enforce it, and it says what is
// really enforced. The agent knows back ends only by this table; src/backend/nft is the first.
//
// Rulesets given to a back end are lowered (ir_ruleset_lower_time): of the CLOCK dimensions only IR_TIME, IR_HOUR and
// IR_WDAY occur, with clock 0.
#pragma once

#include "ir/ir.h"

struct backend; // one open back end; every kind has its own contents
struct buf;
struct diags;

// What a function that can be refused returns; everything below 0 is a negative errno of the surroundings. In both
// cases the diags say why, and what was in force before still is.
enum { BACKEND_DONE = 0, BACKEND_REFUSED = 1, BACKEND_ANEW = 2, BACKEND_SETTLED = 3 };

// Rules [at, at + removed) of the ruleset as it was are replaced by rules [to, to + inserted) of the new one. Edits rise and
// do not overlap.
struct backend_edit {
	size_t at, removed, to, inserted;
};

// A capability of ietf-i2nsf-capability: the identity and the leaf-list of `nsf` (by its last name) that may hold it.
struct backend_capability {
	const char *leaf_list, *identity;
};

struct backend_count {
	uint64_t packets, bytes;
};

// Counts since the policy in force was applied, or since the change that brought the rule. `rule[i]` belongs to the
// i-th rule of the ruleset in force. Where this process has not put it in force, what the kernel still knows: not what
// changes have taken away with kernel rules that are gone.
struct backend_counters {
	struct backend_count *rule;
	size_t rules;
	struct backend_count by_default; // decided by the default action
	struct backend_count no_flow;    // dropped because no flow was known
};

enum backend_change {
	BACKEND_MISSING,   // intended, not enforced
	BACKEND_CHANGED,   // enforced differently
	BACKEND_FOREIGN,   // enforced, not intended
	BACKEND_REORDERED, // enforced, but at another place in the order
};
extern const char *const backend_change_name[]; // "missing", …

// One difference between what is intended and what is enforced. Texts are readable, names as the policy has them; NULL
// where there is none (the base chain has no policy, a foreign rule no intended text).
struct backend_difference {
	enum backend_change change;
	const char *policy, *rule;
	const char *intended, *found; // `found` says where: the chain and the handle of the rule
	const char *
		witness; // a packet that fares otherwise, as `bulwark query` reads it; NULL: none is known
};
struct backend_differences {
	struct arena *arena;
	VEC(struct backend_difference) list;
};

// What is enforced, lifted from the enforcement itself. Everything in force is either in `ruleset` or in `strange`.
struct backend_state {
	bool deployed; // a policy is in force
	struct ir_ruleset ruleset;
	struct backend_differences strange;
};

// One flow that is let through before the policy is asked: CUS-3. It opens towards `dst`; replies and related ICMP
// errors pass too. It closes by itself when `end` has come, when no packet of it was seen for `idle` seconds, or when
// the first packet does not come within `setup` seconds.
struct backend_pinhole {
	const char *name; // 1..64 bytes, one pinhole a name
	int family;       // 4 or 6
	u128 src, dst;
	uint8_t proto;
	struct algebra_set sport, dport; // empty: any; only with protocols that have ports
	int64_t end;                     // seconds since 1970 UTC
	uint32_t setup, idle;            // seconds, 1 or more
};
struct backend_pinhole_state {
	struct backend_pinhole pinhole;
	bool closed;
	int64_t lifetime; // seconds until `end`, 0 when it has come
	uint32_t idle_ms; // milliseconds until it closes when no packet comes
	struct backend_count count;
};
struct backend_pinholes {
	struct arena *arena;
	VEC(struct backend_pinhole_state) list;
};

// What others have put where our policy is enforced, and what it does to packets that the policy passes. It is theirs: it
// is told, not repaired.
enum backend_other_kind {
	BACKEND_OTHER_DROPS, // a rule, or the policy of a chain, drops packets that pass by ours
	BACKEND_OTHER_UNKNOWN // it cannot be said what it does: it may drop packets, change them, or send them elsewhere
};
extern const char *const backend_other_name[]; // "drops", "unknown"
struct backend_other {
	enum backend_other_kind kind;
	const char *where;   // "table ip filter, chain FORWARD (priority 0), handle 5"
	const char *rule;    // as it is printed, or why it is not judged
	const char *witness; // a packet that it drops and our policy passes; NULL: none is known
};
struct backend_others {
	struct arena *arena;
	VEC(struct backend_other) list;
};

struct backend_ops {
	const char *name; // required: as it is configured, "nft"

	// Required: what it can enforce; agrees with what `check` refuses.
	const struct backend_capability *capabilities;
	size_t capabilities_len;

	// Required: opens the enforcement point of the calling process (its network namespace); changes nothing in it.
	// 0 or a negative errno with a diag.
	int (*open)(struct diags *diags, struct backend **out);
	// Required: lets go of it; what is enforced stays.
	void (*close)(struct backend *backend);

	// Required: whether every rule can be enforced exactly as it is meant; a diag for each that cannot. Pure.
	bool (*check)(const struct backend *backend, const struct ir_ruleset *lowered,
		      struct diags *diags);
	// Required: replaces the policy in force by this one; at every moment one of the two is in force, whole.
	int (*apply)(struct backend *backend, const struct ir_ruleset *lowered,
		     struct diags *diags);
	// Optional: makes the policy in force, which is the one of the last apply or change, into `lowered` by these edits.
	// Mostly costs what the edits touch, not what the policy holds; counters of the other rules go on. BACKEND_ANEW: it
	// cannot (nothing is in force that this process applied): apply it instead.
	int (*change)(struct backend *backend, const struct ir_ruleset *lowered,
		      const struct backend_edit *edit, size_t edits, struct diags *diags);
	// Optional: gives what quick changes have put elsewhere the place where it belongs; for when nothing else is to be
	// done. The policy in force is and stays `lowered`. BACKEND_SETTLED: there was nothing to do.
	int (*settle)(struct backend *backend, const struct ir_ruleset *lowered,
		      struct diags *diags);
	// Required: withdraws everything that the back end has made, pinholes too; nothing of it remains.
	int (*clear)(struct backend *backend, struct diags *diags);

	// Required: what is enforced now. 0 or a negative errno.
	int (*read_back)(struct backend *backend, struct arena *arena, struct backend_state *out);
	// Required: reads back and compares with what is intended (NULL: nothing shall be deployed). The list is empty
	// exactly when it is proven that every packet fares as is meant, is counted, logged and limited by the rules
	// that are meant, and nothing foreign is there. 0 or a negative errno; -EOVERFLOW: too much work to tell.
	int (*compare)(struct backend *backend, const struct ir_ruleset *lowered,
		       struct backend_differences *out);
	// Optional: the same answer, given that the last compare (or this) found everything equal to the policy before
	// the last change: looks only at what changes since then, ours and others', can have touched.
	int (*compare_changed)(struct backend *backend, const struct ir_ruleset *lowered,
			       struct backend_differences *out);
	// Optional, all or none: comparing in a copy of this process (fork) while this one goes on. In the copy, where all
	// descriptors are closed: from now on it is of use for compare and read_back only, and `read` is called when compare
	// has read all that it judges. 0 or a negative errno.
	int (*apart)(struct backend *backend, void (*read)(void *context), void *context);
	// In the copy, when compare has found everything equal: for `adopt`, appended.
	void (*proven)(const struct backend *backend, struct buf *out);
	// In the original, which has neither applied nor changed nor settled anything since the copy was made: as if its own
	// compare had found that.
	void (*adopt)(struct backend *backend, const void *proven, size_t len);
	// Optional: what others have put beside the policy in force, which is `lowered`. Asked again while nothing has
	// changed in the kernel, it costs nothing. 0 or a negative errno.
	int (*others)(struct backend *backend, const struct ir_ruleset *lowered,
		      struct backend_others *out);
	// Required: of the policy in force, which is `lowered`. 0 or a negative errno.
	int (*counters)(struct backend *backend, const struct ir_ruleset *lowered,
			struct arena *arena, struct backend_counters *out);

	// Required: a descriptor that becomes readable when what is enforced may have been changed by somebody.
	int (*watch_fd)(const struct backend *backend);
	// Required: empties it; true when somebody else than this back end has changed (or may have changed) something.
	bool (*watch_drain)(struct backend *backend);

	// Optional, all or none: pinholes. They are no part of the policy and outlive its replacement.
	int (*pinhole_open)(struct backend *backend, const struct backend_pinhole *pinhole,
			    struct diags *diags);
	// Closes it at once. BACKEND_REFUSED and a diag when there is none of that name.
	int (*pinhole_close)(struct backend *backend, const char *name, struct diags *diags);
	// Open ones and those that have closed by themselves since the last purge. 0 or a negative errno.
	int (*pinhole_list)(struct backend *backend, struct backend_pinholes *out);
	// Removes what closed pinholes have left behind. 0 or a negative errno.
	int (*pinhole_purge)(struct backend *backend);
};
