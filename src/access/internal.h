// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share.
#pragma once

#include "access/access.h"
#include "base/arena.h"
#include "base/map.h"
#include "schema/kind.h"

enum access_operation {
	ACCESS_CREATE = 1,
	ACCESS_READ = 2,
	ACCESS_UPDATE = 4,
	ACCESS_DELETE = 8,
	ACCESS_EXEC = 16,
	ACCESS_ALL = 31
};

// --- path.c: node-instance-identifier ---

struct access_key {
	const struct schema_kind *kind; // NULL: the value of a leaf-list
	const char *value;              // NULL: the user's name
};
// What a path demands of the instances of one list or leaf-list on its way.
struct access_test {
	const struct schema_kind *at;
	VEC(struct access_key) key;
};
struct access_path {
	const struct schema_kind *kind; // the last step's; NULL: "/", everything
	VEC(struct access_test) test;   // from the top down
};
// False, and `fault_out` says what is wrong with it.
bool access_path_parse(const struct schema *schema, const char *text, struct arena *arena,
		       struct access_path *out, const char **fault_out) must_check;

// --- rules.c ---

enum access_about { ACCESS_ANYTHING, ACCESS_OPERATION, ACCESS_NOTIFICATION, ACCESS_DATA };

struct access_rule {
	const char *module; // NULL: any
	enum access_about about;
	const char *name; // of an operation or notification; NULL: any
	struct access_path path;
	unsigned operations;
	bool permit;
	bool personal; // its path has $USER in it
};
struct access_names {
	VEC(const char *) list;
};
struct access_group {
	const char *name;
	struct map users; // by name, to themselves
};
struct access_list {
	struct access_names groups;
	bool any_group;
	VEC(struct access_rule) rule;
};

#define ACCESS_KEPT 16u // users with different rights that are kept

struct access {
	unsigned refs;
	struct schema *schema;
	struct access_counts *counts;
	struct arena arena;
	bool enabled, external_groups;
	bool read_default, write_default, exec_default; // permit?
	VEC(struct access_group) group;
	VEC(struct access_list) list;
	size_t rules;                          // in all lists
	struct access_user *kept[ACCESS_KEPT]; // the one used last first
};
void access_unref(struct access *access);

// --- user.c, state.c: one user's rights ---

// What the keys of the entries around a node make of it: the tests that they pass, of those of the user. Decisions
// depend on that and on the kind of the node, on nothing else.
struct access_state {
	size_t tests;
	const uint32_t *test; // ascending
	uint16_t *decision;   // by kind: two bits an operation, see decide.c
};

struct access_user_test {
	int64_t above; // the test of the same path that has to be passed above; -1: none
	const char **value;
	const struct access_key *key;
	size_t keys;
	int64_t next; // with the same first key and value; -1: none
};
// The tests at one kind, by the first key that they name.
struct access_anchor {
	const struct schema_kind *kind;
	VEC(const struct schema_kind *) lead; // NULL: the value of a leaf-list
	struct map first;                     // "number of lead:value" to 1 + the first test
};
struct access_user_rule {
	const struct access_rule *rule;
	int64_t test; // the last one of its path; -1: none
};

struct access_user {
	unsigned refs;
	struct access *access; // counted
	struct arena arena;
	const char *signature; // those with the same one have the same rights
	const char *name;
	bool unlimited;                    // no access control for this user, or for anybody
	VEC(struct access_user_rule) rule; // of the rule-lists that apply, in order
	VEC(struct access_user_test) test;
	VEC(struct access_anchor *) anchor;
	uint8_t *up; // by kind: levels up to the nearest anchor, see state.c
	struct map states;
	struct access_state *root; // nothing is passed
};

// state.c
// The tests at this kind; NULL: none.
struct access_anchor *access_anchor_of(const struct access_user *user,
				       const struct schema_kind *kind) must_check;
#define ACCESS_UNANCHORED 255u
unsigned access_anchor_up(struct access_user *user, const struct schema_kind *kind) must_check;
// The state of what is in `node`, and of the node itself, when that around it has `above`.
struct access_state *access_state_enter(struct access_user *user, struct access_state *above,
					const struct schema_node *node) must_check;
// The same without knowing what is around. NULL: what is at the top.
struct access_state *access_state_of(struct access_look *look,
				     const struct schema_node *node) must_check;
// Whether the state has this test; none (-1) is always passed.
bool access_passes(const struct access_state *state, int64_t test) must_check;
struct access_state *access_state_new(struct access_user *user, const uint32_t *test,
				      size_t tests) must_check;

// decide.c: section 3.4.5 for one operation on one kind of node in one state; each is worked out once.
bool access_decide(struct access_user *user, struct access_state *state,
		   const struct schema_kind *kind, enum access_operation operation) must_check;
// Whether everything from this kind on downwards may be read, or created, changed and deleted, whatever its keys.
bool access_decide_below(struct access_user *user, struct access_state *state,
			 const struct schema_kind *kind, bool write) must_check;
