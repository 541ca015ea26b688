// SPDX-License-Identifier: Apache-2.0
// What a network security function can do: for each leaf-list of ietf-i2nsf-capability the
// identities that stand in it.
#pragma once

#include "base/base.h"

enum cap_identity {
#define X(code, name, bases) code,
#include "cap/identities.def"
#undef X
	CAP_IDENTITIES
};
// "The model has no word for it": where an identity is asked for, no function ever has this one.
#define CAP_UNSPEAKABLE CAP_IDENTITIES

enum cap_set {
#define X(code, name, containers, base, function) code,
#include "cap/sets.def"
#undef X
	CAP_SETS
};

struct cap_set_info {
	const char *name;       // of the leaf-list
	const char *containers; // between the list nsf and it, separated by '/'; "" is none
	enum cap_identity base; // that its values derive from
	const char *function;   // what kind of function offers it, for hints
};
extern const struct cap_set_info cap_set_info[CAP_SETS];

// Plain data; zeroed is a function that can do nothing.
struct cap {
	uint64_t bits[CAP_SETS][2];
};

const char *cap_identity_name(enum cap_identity identity) must_check;
// False when the model has no such identity.
bool cap_identity_find(const char *name, enum cap_identity *out) must_check;
// False when there is no such leaf-list.
bool cap_set_find(const char *name, enum cap_set *out) must_check;
// Whether the model allows the identity in the set: it derives from the set's base and is not the
// base itself.
bool cap_allows(enum cap_set set, enum cap_identity identity) must_check;

void cap_add(struct cap *cap, enum cap_set set, enum cap_identity identity);
bool cap_has(const struct cap *cap, enum cap_set set, enum cap_identity identity) must_check;
bool cap_equal(const struct cap *a, const struct cap *b) must_check;
// Everything that the model has a word for.
void cap_add_all(struct cap *cap);
