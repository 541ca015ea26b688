// SPDX-License-Identifier: Apache-2.0
// What the proof behind a change of ours takes as read: maps that nobody has changed since. Whoever changes
// them, they are read again.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "base/diag.h"
#include "ir/test.h"
#include "verify/test_sets.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RULES 400
#define EDITS 60

static void deploy(struct test_fixture *f)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	assert_int_equal(differences.list.len, 0);
}

// Gates, blocks of addresses, and leaves that are maps over several fields.
static int set_up(void **state)
{
	const struct backend_nft_options options = {
		.shape = {.form = BACKEND_NFT_MIXED, .sorted_least = 16}};
	struct test_fixture *f = test_fixture_new(&options);
	test_sets_make(
		&(struct test_sets_spec){
			.kind = TEST_SETS_FW, .family = 4, .rules = RULES, .seed = 1},
		&f->arena, &f->ruleset);
	deploy(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

static struct nft_known *known_of(struct test_fixture *f)
{
	return &f->nft->live->known;
}

// False: everything was replaced.
static bool flip(struct test_fixture *f, size_t at)
{
	struct ir_rule *rule = &f->ruleset.rule.at[at];
	const struct backend_edit edit = {at, 1, at, 1};
	rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
	size_t replaced = backend_nft_replaced(f->nft);
	assert_int_equal(backend_nft_change(f->nft, &f->ruleset, &edit, 1, &f->diags),
			 BACKEND_DONE);
	return backend_nft_replaced(f->nft) == replaced;
}

static size_t found(struct test_fixture *f)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare_changed(f->nft, &f->ruleset, &differences), 0);
	return differences.list.len;
}

static void run(const char *script)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};
	if (test_run(script, argv))
		fail_msg("nft does not take %s", script);
}

static void read_all(struct test_fixture *f, struct nft_table *out)
{
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, out), 0);
}

// --- maps that are known ---

static void assert_same_map(const struct nft_dumped_set *a, const struct nft_dumped_set *b)
{
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->key_bytes, b->key_bytes);
	assert_int_equal(a->fields, b->fields);
	assert_int_equal(a->sure, b->sure);
	assert_int_equal(a->box.len, b->box.len);
	assert_int_equal(a->branches, b->branches);
	for (size_t i = 0; i < a->branches; i++) {
		assert_true(a->branch[i].range.lo == b->branch[i].range.lo &&
			    a->branch[i].range.hi == b->branch[i].range.hi);
		assert_string_equal(a->branch[i].chain, b->branch[i].chain);
	}
	for (size_t i = 0; i < a->box.len; i++) {
		assert_memory_equal(a->box.at[i].range, b->box.at[i].range,
				    a->fields * sizeof(struct algebra_range));
		assert_string_equal(a->box.at[i].chain, b->box.at[i].chain);
	}
}

// How many of the kernel's maps are known, all of them as they are.
static size_t assert_known_so(struct test_fixture *f)
{
	struct nft_table table;
	size_t n = 0;
	read_all(f, &table);
	for (size_t i = 0; i < table.set.len; i++) {
		const struct nft_dumped_set *set = table.set.at[i],
					    *known = nft_known_get(known_of(f), set->name,
								   &f->arena);
		if (known)
			assert_same_map(known, set);
		n += known != NULL;
	}
	assert_int_equal(n, known_of(f)->maps);
	return n;
}

// Turns a rule, takes one out, or puts one like another one in.
static void edit(struct test_fixture *f, struct test_random *random)
{
	size_t at = test_random_below(random, (uint32_t)f->ruleset.rule.len);
	switch (test_random_below(random, 3)) {
	case 0:
		(void)!flip(f, at);
		break;
	case 1:
		test_fixture_take_out(f, at);
		break;
	default:
		test_fixture_insert(f, at, f->ruleset.rule.at[(at + 7) % f->ruleset.rule.len], 1);
	}
}

static void maps_are_known_as_they_are(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t forgotten = 0, most = 0;
	for (unsigned i = 0; i < EDITS; i++) {
		size_t before = known_of(f)->maps;
		edit(f, &random);
		size_t after = assert_known_so(f);
		forgotten += after && after < before;
		assert_int_equal(found(f), 0);
		after = assert_known_so(f);
		most = after > most ? after : most;
	}
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	assert_int_equal(differences.list.len, 0);
	assert_true(most > 4 && forgotten);
	deploy(f);
}

static void known_maps_are_not_read(void **state)
{
	struct test_fixture *f = *state;
	assert_true(flip(f, 3));
	assert_int_equal(found(f), 0);
	size_t maps = known_of(f)->maps;
	uint64_t given = known_of(f)->given;
	assert_true(maps);
	assert_true(flip(f, 3));
	assert_int_equal(found(f), 0);
	assert_int_equal(known_of(f)->maps, maps);
	assert_true(known_of(f)->given >= given + maps);
}

// A map of addresses in ranges, of which one goes, comes or leads elsewhere.
static struct nft_dumped_set *some_map(struct test_fixture *f)
{
	struct nft_table table;
	read_all(f, &table);
	for (size_t i = 0; i < table.set.len; i++) {
		struct nft_dumped_set *set = table.set.at[i];
		if (set->branches > 2 && set->key_bytes == 4)
			return set;
	}
	fail_msg("there is no such map");
	return NULL;
}

static const char *address(struct arena *arena, u128 value)
{
	unsigned v = (unsigned)value;
	return arena_printf(arena, "%u.%u.%u.%u", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
}

static const char *element(struct test_fixture *f, const struct nft_dumped_set *map,
			   struct algebra_range range, const char *chain)
{
	const char *lo = address(&f->arena, range.lo), *hi = address(&f->arena, range.hi);
	return arena_printf(&f->arena, "element inet bulwark %s { %s%s%s : goto %s%s }\n",
			    map->name, lo, range.lo == range.hi ? "" : "-",
			    range.lo == range.hi ? "" : hi, f->nft->live->prefix, chain);
}

static const char *element_goes(struct test_fixture *f)
{
	const struct nft_dumped_set *map = some_map(f);
	return arena_printf(&f->arena, "delete %s",
			    element(f, map, map->branch[1].range, map->branch[1].chain));
}

static const char *verdict_changes(struct test_fixture *f)
{
	const struct nft_dumped_set *map = some_map(f);
	const char *other = map->branch[1].chain;
	for (size_t i = 0; i < map->branches; i++)
		if (strcmp(map->branch[i].chain, other) != 0)
			other = map->branch[i].chain;
	return arena_printf(&f->arena, "delete %sadd %s",
			    element(f, map, map->branch[1].range, map->branch[1].chain),
			    element(f, map, map->branch[1].range, other));
}

static const char *element_comes(struct test_fixture *f)
{
	const struct nft_dumped_set *map = some_map(f);
	struct algebra_range free = {0, 0};
	for (size_t i = 0; i + 1 < map->branches; i++)
		if (map->branch[i].range.hi + 1 < map->branch[i + 1].range.lo)
			free.lo = free.hi = map->branch[i].range.hi + 1;
	return arena_printf(&f->arena, "add %s", element(f, map, free, map->branch[0].chain));
}

// Between two changes of ours.
static void changes_of_others_are_found(void **state)
{
	struct test_fixture *f = *state;
	static const char *(*const doing[])(struct test_fixture *) = {element_goes, verdict_changes,
								      element_comes};
	for (size_t i = 0; i < array_len(doing); i++)
		for (unsigned walking = 0; walking < 2; walking++) {
			deploy(f);
			assert_true(flip(f, 3));
			assert_int_equal(found(f), 0);
			assert_true(assert_known_so(f));
			if (walking)
				assert_true(flip(f, 3));
			run(doing[i](f));
			assert_true(walking || flip(f, 3));
			size_t n = found(f);
			// An element that leads where its packets fare as they should is none.
			assert_true(n || doing[i] == element_comes);
			assert_int_equal(known_of(f)->maps, 0);
		}
	deploy(f);
}

// What somebody did, and undid, is read again as well.
static void whatever_others_do_all_is_forgotten(void **state)
{
	struct test_fixture *f = *state;
	assert_true(flip(f, 3));
	assert_int_equal(found(f), 0);
	assert_true(known_of(f)->maps);
	run("add table inet other\ndelete table inet other\n");
	assert_true(flip(f, 3));
	assert_int_equal(found(f), 0);
	assert_int_equal(known_of(f)->maps, 0);
	assert_true(flip(f, 3));
	assert_int_equal(found(f), 0);
	assert_true(assert_known_so(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_known_as_they_are),
		cmocka_unit_test(known_maps_are_not_read),
		cmocka_unit_test(changes_of_others_are_found),
		cmocka_unit_test(whatever_others_do_all_is_forgotten),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
