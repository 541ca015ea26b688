// SPDX-License-Identifier: Apache-2.0
// Decisions about data nodes (RFC 8341 section 3.4.5), each worked out once and kept.
//
// Sixteen bits a kind: for create, read, update and delete whether it is known and whether it is permitted, and the same
// for two questions about everything below.
#include "access/internal.h"

#include "schema/schema.h"

#include <string.h>

// What is kept has two bits each, the lower one says that it is known.
enum question { ASK_CREATE, ASK_READ, ASK_UPDATE, ASK_DELETE, ASK_READ_BELOW, ASK_WRITE_BELOW };

static bool is_kept(const struct access_state *state, uint32_t id, enum question q, bool *out)
{
	unsigned bits = (unsigned)state->decision[id] >> (2 * q);
	*out = bits & 2;
	return bits & 1;
}

static bool keep(struct access_state *state, uint32_t id, enum question q, bool answer)
{
	state->decision[id] |= (uint16_t)((answer ? 3u : 1u) << (2 * q));
	return answer;
}

// --- one node ---

static bool is_within(const struct schema_kind *kind, const struct schema_kind *top)
{
	while (kind && kind != top)
		kind = schema_kind_parent(kind);
	return kind == top; // NULL: the path "/"
}

static bool matches(const struct access_user_rule *r, const struct access_state *state,
		    const struct schema_kind *kind, enum access_operation operation)
{
	const struct access_rule *rule = r->rule;
	return (!rule->module || strcmp(rule->module, schema_kind_module(kind)) == 0) &&
	       (rule->about == ACCESS_ANYTHING ||
		(rule->about == ACCESS_DATA && is_within(kind, rule->path.kind) &&
		 access_passes(state, r->test))) &&
	       rule->operations & operation;
}

static bool work_out(const struct access_user *user, const struct access_state *state,
		     const struct schema_kind *kind, enum access_operation operation)
{
	if (user->unlimited) // steps 1 and 2
		return true;
	for (size_t i = 0; i < user->rule.len; i++) // steps 3 to 7
		if (matches(&user->rule.at[i], state, kind, operation))
			return user->rule.at[i].rule->permit;
	enum schema_guard guard = schema_kind_guard(kind); // step 8: no rule
	if (operation == ACCESS_READ)                      // steps 9 and 11
		return guard != SCHEMA_GUARD_ALL && user->access->read_default;
	return guard == SCHEMA_GUARD_NONE && user->access->write_default; // steps 10 and 12
}

bool access_decide(struct access_user *user, struct access_state *state,
		   const struct schema_kind *kind, enum access_operation operation)
{
	enum question q = operation == ACCESS_CREATE   ? ASK_CREATE
			  : operation == ACCESS_READ   ? ASK_READ
			  : operation == ACCESS_UPDATE ? ASK_UPDATE
						       : ASK_DELETE;
	uint32_t id = schema_kind_id(kind);
	bool answer;
	return is_kept(state, id, q, &answer)
		       ? answer
		       : keep(state, id, q, work_out(user, state, kind, operation));
}

// --- everything below ---

static bool decide_here(struct access_user *user, struct access_state *state,
			const struct schema_kind *kind, bool write)
{
	if (!write)
		return access_decide(user, state, kind, ACCESS_READ);
	return access_decide(user, state, kind, ACCESS_CREATE) &&
	       access_decide(user, state, kind, ACCESS_UPDATE) &&
	       access_decide(user, state, kind, ACCESS_DELETE);
}

static bool decide_children(struct access_user *user, struct access_state *state,
			    const struct schema_kind *kind, bool write)
{
	const struct schema *schema = user->access->schema;
	const struct schema_kind *child;
	for (uint32_t i = 0; (child = schema_kind_child(schema, kind, i)); i++)
		if (schema_kind_class(child) < SCHEMA_RPC &&
		    (access_anchor_up(user, child) == 0 ||
		     !access_decide_below(user, state, child, write)))
			return false;
	return true;
}

bool access_decide_below(struct access_user *user, struct access_state *state,
			 const struct schema_kind *kind, bool write)
{
	enum question q = write ? ASK_WRITE_BELOW : ASK_READ_BELOW;
	uint32_t id = schema_kind_id(kind);
	bool answer;
	if (user->unlimited)
		return true;
	if (is_kept(state, id, q, &answer))
		return answer;
	return keep(state, id, q,
		    decide_here(user, state, kind, write) &&
			    decide_children(user, state, kind, write));
}

// --- for others ---

bool access_reads_all(struct access_user *user)
{
	return user->unlimited || decide_children(user, user->root, NULL, false);
}

bool access_writes_all(struct access_user *user)
{
	return user->unlimited || decide_children(user, user->root, NULL, true);
}

bool access_may_read(void *look, const struct schema_node *node)
{
	struct access_look *l = look;
	const struct schema_kind *kind = schema_kind(node);
	// What is inside of any-data is shown with it; an entry without its keys would be none.
	return !kind || l->user->unlimited || schema_kind_is_key(kind) ||
	       access_decide(l->user, access_state_of(l, node), kind, ACCESS_READ);
}
