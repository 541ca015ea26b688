// SPDX-License-Identifier: Apache-2.0
// What the proof behind a change of ours takes as read: maps that nobody has changed since, and the ways of rules that
// only do something else. Whoever changes them, they are read again, or the other proof is made.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "base/diag.h"
#include "ir/test.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define EDITS 60

static void deploy(struct test_fixture *f)
{
	test_fixture_deploy(f);
	assert_true(f->nft->changed.counted);
}

static struct nft_known *known_of(struct test_fixture *f)
{
	return &f->nft->live->known;
}

// The proof that walks; it reads.
static size_t found_by_walking(struct test_fixture *f)
{
	f->nft->changed.counted = false;
	size_t n = test_fixture_differences(f);
	f->nft->changed.counted = true;
	return n;
}

static bool turned_is_proven(struct test_fixture *f)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	return nft_turned_proven(f->nft, nft_live_places(f->nft->live, &arena));
}

// --- maps that are known ---

// Those of gates lead nowhere.
static void assert_same_chain(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_boxes(struct nft_dumped_set *known, const struct nft_dumped_set *set,
			      struct arena *arena)
{
	struct nft_boxes is = {.len = 0};
	assert_int_equal(nft_known_boxes(known, NULL, arena, &is), set->sure);
	assert_int_equal(is.len, set->box.len);
	for (size_t i = 0; i < is.len; i++) {
		assert_memory_equal(is.box[i].range, set->box.at[i].range,
				    set->fields * sizeof(struct algebra_range));
		assert_same_chain(is.box[i].chain, set->box.at[i].chain);
	}
}

static void assert_same_branches(struct nft_dumped_set *known, const struct nft_dumped_set *set,
				 struct arena *arena)
{
	struct nft_map is = {.len = 0};
	nft_known_branches(known, NULL, arena, &is);
	assert_int_equal(is.len, set->branches);
	for (size_t i = 0; i < is.len; i++) {
		assert_true(is.branch[i].range.lo == set->branch[i].range.lo &&
			    is.branch[i].range.hi == set->branch[i].range.hi);
		assert_same_chain(is.branch[i].chain, set->branch[i].chain);
	}
}

static void assert_same_map(struct nft_dumped_set *known, const struct nft_dumped_set *set,
			    struct arena *arena)
{
	assert_int_equal(known->flags, set->flags);
	assert_int_equal(known->key_bytes, set->key_bytes);
	assert_int_equal(known->fields, set->fields);
	(set->fields ? assert_same_boxes : assert_same_branches)(known, set, arena);
}

static void assert_same_rule(const struct nft_form *known, const struct nft_form *is)
{
	const struct nft_tag *a = &known->tag, *b = &is->tag;
	assert_true(nft_same_tests(known, is) && known->act == is->act);
	assert_true(known->strange == is->strange && a->known && b->known);
	assert_true(a->rule == b->rule && a->clause == b->clause && a->counts == b->counts);
	assert_same_chain(known->chain, is->chain);
}

// The same of chains.
static size_t assert_chains_known_so(struct test_fixture *f, const struct nft_table *table)
{
	size_t n = 0;
	for (size_t i = 0; i < table->chain.len; i++) {
		const struct nft_dumped_chain *is = table->chain.at[i];
		struct nft_dumped_chain known = {.base = false};
		if (!nft_known_get_chain(known_of(f), is->name, &f->arena, &known))
			continue;
		assert_int_equal(known.rule.len, is->rule.len);
		for (size_t k = 0; k < is->rule.len; k++)
			assert_same_rule(&known.rule.at[k], &is->rule.at[k]);
		n++;
	}
	assert_int_equal(n, known_of(f)->chains.chains);
	return n;
}

// How many of the kernel's maps are known, all of them as they are.
static size_t assert_known_so(struct test_fixture *f)
{
	struct nft_table table;
	size_t n = 0;
	test_fixture_read(f, &table);
	(void)!assert_chains_known_so(f, &table);
	for (size_t i = 0; i < table.set.len; i++) {
		const struct nft_dumped_set *set = table.set.at[i];
		struct nft_dumped_set *known = nft_known_get(known_of(f), set->name, &f->arena);
		if (known)
			assert_same_map(known, set, &f->arena);
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
		(void)!test_fixture_turn(f, at);
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
		assert_int_equal(i % 2 ? test_fixture_differences(f) : found_by_walking(f), 0);
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
	nft_known_fini(known_of(f));
	assert_true(test_fixture_turn(f, 3));
	assert_int_equal(found_by_walking(f), 0);
	size_t maps = known_of(f)->maps;
	uint64_t given = known_of(f)->given;
	assert_true(maps);
	assert_true(test_fixture_turn(f, 3));
	assert_int_equal(found_by_walking(f), 0);
	assert_int_equal(known_of(f)->maps, maps);
	assert_true(known_of(f)->given >= given + maps);
}

// All were read then, so none is behind the first change.
static void a_full_proof_leaves_maps_known(void **state)
{
	struct test_fixture *f = *state;
	deploy(f);
	size_t maps = known_of(f)->maps;
	assert_int_equal(assert_known_so(f), maps);
	assert_true(known_of(f)->chains.chains > TEST_FIXTURE_RULES / 8);
	uint64_t given = known_of(f)->given, chains = known_of(f)->chains.given;
	assert_true(test_fixture_turn(f, 3));
	assert_int_equal(found_by_walking(f), 0);
	assert_int_equal(known_of(f)->maps, maps);
	assert_true(known_of(f)->given > given);
	for (size_t i = 0; i < 150 && known_of(f)->chains.given == chains; i++) {
		test_fixture_take_out(f, 3 * i);
		f->nft->live->reasons.known = false;
		assert_int_equal(found_by_walking(f), 0);
	}
	assert_true(known_of(f)->chains.given > chains);
}

// A map of addresses in ranges, of which one goes, comes or leads elsewhere.
static struct nft_dumped_set *some_map(struct test_fixture *f)
{
	struct nft_table table;
	test_fixture_read(f, &table);
	for (size_t i = 0; i < table.set.len; i++) {
		struct nft_dumped_set *set = table.set.at[i];
		if (set->flags & NFT_SET_MAP && set->branches > 2 && set->key_bytes == 4)
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
			assert_true(test_fixture_turn(f, 3));
			assert_int_equal(found_by_walking(f), 0);
			assert_true(assert_known_so(f));
			if (walking)
				assert_true(test_fixture_turn(f, 3));
			test_fixture_run(doing[i](f));
			assert_true(walking || test_fixture_turn(f, 3));
			size_t n = test_fixture_differences(f);
			// An element that leads where its packets fare as they should is none.
			assert_true(n || doing[i] == element_comes);
			assert_true(assert_known_so(f));
		}
	deploy(f);
}

// What somebody did, and undid, is read again as well.
static void whatever_others_do_all_is_forgotten(void **state)
{
	struct test_fixture *f = *state;
	assert_true(test_fixture_turn(f, 3));
	assert_int_equal(found_by_walking(f), 0);
	assert_true(known_of(f)->maps && known_of(f)->chains.chains);
	test_fixture_run("add table inet other\ndelete table inet other\n");
	assert_true(test_fixture_turn(f, 3));
	uint64_t given = known_of(f)->given;
	assert_int_equal(test_fixture_differences(f), 0);
	assert_int_equal(known_of(f)->given, given);
	assert_true(f->nft->changed.counted);
	assert_true(test_fixture_turn(f, 3));
	assert_int_equal(found_by_walking(f), 0);
	assert_true(assert_known_so(f));
}

// --- rules that were turned ---

// The rule is turned; its first kernel rule in a chain beside others. False: it has none there.
struct spot {
	const char *chain;
	uint64_t handle, beside;
};
static bool find_spot(struct test_fixture *f, size_t rule, struct spot *out)
{
	struct nft_table table;
	uint32_t number = f->nft->live->rule.at[rule].number;
	test_fixture_read(f, &table);
	for (size_t i = 0; i < table.chain.len; i++) {
		const struct nft_dumped_chain *chain = table.chain.at[i];
		for (size_t k = 0; k < chain->rule.len && chain->rule.len > 1; k++)
			if (chain->rule.at[k].tag.known && chain->rule.at[k].tag.rule == number) {
				*out = (struct spot){chain->name, chain->rule.at[k].handle,
						     chain->rule.at[k ? 0 : 1].handle};
				return true;
			}
	}
	return false;
}

static size_t turn_one(struct test_fixture *f, size_t from, struct spot *out)
{
	for (size_t i = from; i < f->ruleset.rule.len; i++) {
		if (!test_fixture_turn(f, i)) {
			deploy(f);
			continue;
		}
		if (find_spot(f, i, out) && turned_is_proven(f)) {
			assert_true(test_fixture_differences(f) == 0 && test_fixture_turn(f, i) &&
				    find_spot(f, i, out));
			return i;
		}
		assert_int_equal(test_fixture_differences(f), 0);
	}
	fail_msg("no rule stands beside others");
	return 0;
}

// Each is found, also if the kernel's number of changes did not tell, but for what replaces another rule: that has the
// same handle then.
static void what_is_not_as_it_was_is_found(void **state)
{
	struct test_fixture *f = *state;
	static const struct {
		const char *verb, *where, *rule;
	} doing[] = {
		{"delete", "handle", ""},
		{"insert", "position", "drop"},
		{"replace", "handle", "accept"},
		{"replace", "handle", "drop"},
	};
	for (size_t i = 0; i < array_len(doing); i++)
		for (unsigned beside = 0; beside < 2; beside++) {
			struct spot at;
			deploy(f);
			(void)!turn_one(f, 3 + 20 * i, &at);
			assert_true(turned_is_proven(f));
			test_fixture_run(arena_printf(
				&f->arena, "%s rule inet bulwark %s %s %" PRIu64 " %s\n",
				doing[i].verb, at.chain, doing[i].where,
				beside ? at.beside : at.handle, doing[i].rule));
			assert_true(!turned_is_proven(f) || (beside && i > 1));
			assert_true(test_fixture_differences(f) > 0);
		}
	deploy(f);
}

// The set that the first turned rule with a test was read to ask for.
static struct algebra_set *set_noted(struct test_fixture *f)
{
	struct nft_spots *spots = &f->nft->changed.spots;
	for (size_t i = 0; i < spots->chain.len; i++)
		for (size_t k = 0; k < spots->chain.at[i].len; k++) {
			struct nft_form *form = &spots->chain.at[i].rule[k];
			if (form->len)
				return &form->match[0].set;
			if (form->open_len)
				return (struct algebra_set *)&form->open[0].set;
		}
	fail_msg("no rule that was turned tests anything");
	return NULL;
}

// It tests something else than what stood there; another rule stands where one did.
static void other_tests_and_rules_are_found(void **state)
{
	struct test_fixture *f = *state;
	struct spot at;
	deploy(f);
	(void)!turn_one(f, 3, &at);
	struct algebra_set *set = set_noted(f), is = *set;
	assert_true(turned_is_proven(f));
	*set = algebra_set_one(&f->arena, is.at[0].lo + 1, is.at[0].hi + 1);
	assert_false(turned_is_proven(f));
	set->len = 0;
	assert_false(turned_is_proven(f));
	*set = is;
	assert_true(turned_is_proven(f));
	test_fixture_run(arena_printf(&f->arena,
				      "insert rule inet bulwark %s position %" PRIu64 " drop\n"
				      "delete rule inet bulwark %s handle %" PRIu64 "\n",
				      at.chain, at.beside, at.chain, at.beside));
	assert_false(turned_is_proven(f));
	assert_true(test_fixture_differences(f) > 0);
	deploy(f);
}

// More kernel rules of it are somewhere than were turned; or nobody knows.
static void what_is_left_elsewhere_is_found(void **state)
{
	struct test_fixture *f = *state;
	struct spot at;
	(void)!turn_one(f, 3, &at);
	struct nft_turn *turn = &f->nft->changed.turned.rule.at[0];
	assert_true(turn->there && turn->there != NFT_PLACES_UNKNOWN);
	assert_true(turned_is_proven(f));
	turn->there++;
	assert_false(turned_is_proven(f));
	turn->there = NFT_PLACES_UNKNOWN;
	assert_false(turned_is_proven(f));
	turn->there = turn->found;
	assert_true(turned_is_proven(f));
	f->nft->changed.counted = false;
	assert_false(turned_is_proven(f));
	assert_int_equal(test_fixture_differences(f), 0);
	deploy(f);
}

static size_t rules_not_counted(const struct nft_live *live)
{
	size_t n = 0;
	for (size_t i = 0; i < live->rule.len; i++) {
		uint32_t number = live->rule.at[i].number;
		n += number < live->places.len && live->places.of[number] == NFT_PLACES_UNKNOWN;
	}
	return n;
}

// How many kernel rules there are is known of each rule, or it is known that nobody knows: of those that were turned in
// another way than in their place.
static void places_are_as_counted(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	unsigned turned = 0, in_front = 0;
	for (unsigned i = 0; i < EDITS; i++) {
		struct nft_table table;
		edit(f, &random);
		in_front += f->nft->live->front.rule.len > 0;
		turned += turned_is_proven(f);
		test_fixture_read(f, &table);
		assert_true(nft_places_hold(f->nft->live, &table));
		assert_int_equal(test_fixture_differences(f), 0);
		assert_true(nft_places_hold(f->nft->live, &table));
		assert_true(rules_not_counted(f->nft->live) <= TEST_FIXTURE_RULES / 20);
	}
	printf("%u turned in their place, rules in front %u times\n", turned, in_front);
	assert_true(turned || in_front > EDITS / 2);
	deploy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_known_as_they_are),
		cmocka_unit_test(known_maps_are_not_read),
		cmocka_unit_test(a_full_proof_leaves_maps_known),
		cmocka_unit_test(changes_of_others_are_found),
		cmocka_unit_test(whatever_others_do_all_is_forgotten),
		cmocka_unit_test(what_is_not_as_it_was_is_found),
		cmocka_unit_test(other_tests_and_rules_are_found),
		cmocka_unit_test(what_is_left_elsewhere_is_found),
		cmocka_unit_test(places_are_as_counted),
	};
	const struct CMUnitTest in_front[] = {
		cmocka_unit_test(places_are_as_counted),
	};
	return cmocka_run_group_tests(tests, test_fixture_firewall, test_fixture_end) +
	       cmocka_run_group_tests(in_front, test_fixture_front, test_fixture_end);
}
