// SPDX-License-Identifier: Apache-2.0
// What keys in paths cost: one look into a hash an entry, not one comparison a rule and node.
//
// The idea: of everything that stands around a node, only which tests its entries pass can change a decision. That set
// is the node's state. Most entries pass none and share the state of what is around them; each other set is made once, with
// its own decisions by kind.
// Nodes without such an entry around them have the root state; `up` says for each kind how far above the nearest list is
// that some path asks about.
#include "access/internal.h"

#include "base/buf.h"
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UP_NEVER 1u // in `up`: no test at or above; n + 2: n levels up

// --- states ---

struct access_state *access_state_new(struct access_user *user, const uint32_t *test, size_t tests)
{
	struct access_state *state = arena_new(&user->arena, struct access_state);
	state->test = arena_memdup(&user->arena, test, tests * sizeof(*test));
	state->tests = tests;
	state->decision =
		arena_array(&user->arena, uint16_t, schema_kinds(user->access->schema) + 1);
	return state;
}

bool access_passes(const struct access_state *state, int64_t test)
{
	for (size_t i = 0; i < state->tests; i++)
		if (state->test[i] == test)
			return true;
	return test < 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

struct passed {
	VEC(uint32_t) list;
};

// The state of these tests and those of `above`.
static struct access_state *state_with(struct access_user *user, const struct access_state *above,
				       struct passed *passed, struct arena *arena)
{
	struct buf name cleanup(buf_fini);
	buf_init(&name);
	for (size_t i = 0; i < above->tests; i++)
		vec_push(arena, &passed->list, above->test[i]);
	qsort(passed->list.at, passed->list.len, sizeof(passed->list.at[0]), by_number);
	for (size_t i = 0; i < passed->list.len; i++)
		buf_printf(&name, "%u,", passed->list.at[i]);
	struct access_state *state = map_get(&user->states, name.data);
	if (state)
		return state;
	state = access_state_new(user, passed->list.at, passed->list.len);
	(void)map_put(&user->states, arena_strdup(&user->arena, name.data), state);
	return state;
}

// --- entering an entry ---

static const char *key_value(const struct schema_node *node, const struct schema_kind *key)
{
	if (!key)
		return schema_value(node);
	schema_for_each_child (n, node)
		if (schema_kind(n) == key)
			return schema_value(n);
	return NULL;
}

static bool is_passed(const struct access_user_test *test, const struct access_state *above,
		      const struct schema_node *node)
{
	for (size_t i = 0; i < test->keys; i++) {
		const char *value = key_value(node, test->key[i].kind);
		if (!value || strcmp(value, test->value[i]) != 0)
			return false;
	}
	return access_passes(above, test->above);
}

struct access_anchor *access_anchor_of(const struct access_user *user,
				       const struct schema_kind *kind)
{
	for (size_t i = 0; i < user->anchor.len; i++)
		if (user->anchor.at[i]->kind == kind)
			return user->anchor.at[i];
	return NULL;
}

static struct access_state *enter(struct access_user *user, const struct access_anchor *anchor,
				  struct access_state *above, const struct schema_node *node)
{
	struct passed passed = {0};
	struct arena arena cleanup(arena_fini);
	char slot[512];
	arena_init(&arena);
	for (size_t i = 0; i < anchor->lead.len; i++) {
		const char *value = key_value(node, anchor->lead.at[i]);
		const char *name = slot;
		if (!value)
			continue;
		if ((size_t)snprintf(slot, sizeof(slot), "%zu:%s", i, value) >= sizeof(slot))
			name = arena_printf(&arena, "%zu:%s", i, value);
		int64_t t = (int64_t)(uintptr_t)map_get(&anchor->first, name) - 1;
		for (; t >= 0; t = user->test.at[t].next)
			if (is_passed(&user->test.at[t], above, node))
				vec_push(&arena, &passed.list, (uint32_t)t);
	}
	return passed.list.len ? state_with(user, above, &passed, &arena) : above;
}

struct access_state *access_state_enter(struct access_user *user, struct access_state *above,
					const struct schema_node *node)
{
	const struct schema_kind *kind = schema_kind(node);
	if (!kind || access_anchor_up(user, kind) != 0)
		return above;
	return enter(user, access_anchor_of(user, kind), above, node);
}

// --- finding a node's state ---

static unsigned find_up(struct access_user *user, const struct schema_kind *kind)
{
	unsigned up = 0;
	for (; kind; kind = schema_kind_parent(kind), up++)
		if (access_anchor_of(user, kind))
			return up + 2;
	return UP_NEVER;
}

unsigned access_anchor_up(struct access_user *user, const struct schema_kind *kind)
{
	uint8_t *up = &user->up[schema_kind_id(kind)];
	if (!*up)
		*up = (uint8_t)find_up(user, kind);
	return *up == UP_NEVER ? ACCESS_UNANCHORED : *up - 2u;
}

static struct access_state *state_of_anchor(struct access_look *look,
					    const struct schema_node *node)
{
	unsigned depth = 0;
	for (const struct schema_node *n = node; n; n = schema_parent(n))
		depth++;
	struct access_memo *memo = &look->memo[depth % array_len(look->memo)];
	if (memo->node != node)
		*memo = (struct access_memo){
			node, access_state_enter(look->user,
						 access_state_of(look, schema_parent(node)), node)};
	return (struct access_state *)(uintptr_t)memo->state;
}

struct access_state *access_state_of(struct access_look *look, const struct schema_node *node)
{
	const struct schema_kind *kind = node ? schema_kind(node) : NULL;
	unsigned up = kind ? access_anchor_up(look->user, kind) : ACCESS_UNANCHORED;
	if (up == ACCESS_UNANCHORED)
		return look->user->root;
	while (up-- && node)
		node = schema_parent(node);
	return node ? state_of_anchor(look, node) : look->user->root;
}
