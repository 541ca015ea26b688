// SPDX-License-Identifier: Apache-2.0
// Maps come back as they were put in, whatever their ranges; and only so many are kept.
#include "backend/nft/encode.h"
#include "backend/nft/known.h"
#include "backend/nft/table.h"
#include "ir/test.h"

#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MAPS 300u

static u128 some_value(struct test_random *random, unsigned bits)
{
	u128 value = (u128)test_random_next(random) << 64 | test_random_next(random);
	return value & algebra_max(bits);
}

// Any range, a block of 2^n values, one value, or all of them.
static struct algebra_range some_range(struct test_random *random, unsigned bits, bool block)
{
	u128 lo = some_value(random, bits), hi = some_value(random, bits), all = algebra_max(bits);
	unsigned more = test_random_below(random, bits + 1);
	if (block && more == bits)
		return (struct algebra_range){0, all};
	if (block) {
		u128 rest = more ? algebra_max(more) : 0;
		return (struct algebra_range){lo & ~rest, lo | rest};
	}
	return lo < hi ? (struct algebra_range){lo, hi} : (struct algebra_range){hi, lo};
}

static const char *some_chain(struct test_random *random, struct arena *arena)
{
	return arena_printf(arena, "-n%u", test_random_below(random, 3) * 1000000007u);
}

// Accepts or drops by itself, for some rule or nobody.
static void decide(struct nft_dumped_set *set, struct test_random *random, struct arena *arena,
		   struct nft_box *box)
{
	const struct nft_direct direct = {
		.accepts = test_random_chance(random, 50),
		.tag = {.known = test_random_chance(random, 80),
			.rule = test_random_below(random, 4) * 1000000007u,
			.clause = test_random_below(random, 3),
			.counts = test_random_chance(random, 80)}};
	box->direct = nft_set_direct(set, &direct, arena);
	box->chain = box->direct->chain;
}

static struct nft_dumped_set *some_map(struct test_random *random, uint32_t number,
				       struct arena *arena)
{
	static const uint8_t bytes[] = {1, 2, 4, 6, 16};
	struct nft_dumped_set *set = arena_new(arena, struct nft_dumped_set);
	size_t len = test_random_below(random, 40),
	       fields = test_random_below(random, NFT_BOXES_FIELDS + 1);
	set->name = arena_printf(arena, number % 2 ? "g3-m%u" : "g3-m%u.0", number);
	set->flags = NFT_SET_MAP | NFT_SET_INTERVAL;
	set->fields = fields;
	set->worked_out = true;
	set->sure = fields && test_random_chance(random, 50);
	for (size_t f = 0; f < fields; f++) {
		set->field_bytes[f] = bytes[test_random_below(random, array_len(bytes))];
		set->key_bytes += (set->field_bytes[f] + 3u) / 4 * 4;
	}
	if (!fields)
		set->key_bytes = bytes[test_random_below(random, array_len(bytes))];
	set->counts = fields && test_random_chance(random, 50);
	bool block = test_random_chance(random, 60);
	set->branch = arena_array(arena, struct nft_branch, len);
	for (size_t i = 0; i < len && !fields; i++, set->branches++)
		set->branch[i] = (struct nft_branch){some_range(random, set->key_bytes * 8, block),
						     some_chain(random, arena)};
	for (size_t i = 0; i < len && fields; i++) {
		struct algebra_range *range = arena_array(arena, struct algebra_range, fields);
		for (size_t f = 0; f < fields; f++)
			range[f] = some_range(random, set->field_bytes[f] * 8u, block);
		struct nft_box box = {.range = range, .chain = some_chain(random, arena)};
		if (set->counts && test_random_chance(random, 60))
			decide(set, random, arena, &box);
		vec_push(arena, &set->box, box);
	}
	return set;
}

static void assert_same_range(struct algebra_range a, struct algebra_range b)
{
	assert_true(a.lo == b.lo && a.hi == b.hi);
}

static bool same_tag(const struct nft_tag *a, const struct nft_tag *b)
{
	return a->known == b->known && a->rule == b->rule && a->clause == b->clause &&
	       a->counts == b->counts;
}

static void assert_same(const struct nft_dumped_set *a, const struct nft_dumped_set *b)
{
	assert_string_equal(a->name, b->name);
	assert_true(a->flags == b->flags && a->key_bytes == b->key_bytes);
	assert_true(a->worked_out && a->sure == b->sure && a->fields == b->fields);
	assert_int_equal(a->counts, b->counts);
	assert_int_equal(a->box.len, b->box.len);
	assert_int_equal(a->branches, b->branches);
	assert_memory_equal(a->field_bytes, b->field_bytes, a->fields);
	for (size_t i = 0; i < a->branches; i++) {
		assert_same_range(a->branch[i].range, b->branch[i].range);
		assert_string_equal(a->branch[i].chain, b->branch[i].chain);
	}
	for (size_t i = 0; i < a->box.len; i++) {
		for (size_t f = 0; f < a->fields; f++)
			assert_same_range(a->box.at[i].range[f], b->box.at[i].range[f]);
		assert_string_equal(a->box.at[i].chain, b->box.at[i].chain);
		const struct nft_direct *direct = a->box.at[i].direct, *other = b->box.at[i].direct;
		assert_true(direct ? other && direct->accepts == other->accepts &&
					     same_tag(&direct->tag, &other->tag)
				   : !other);
	}
}

static void unpack(struct nft_dumped_set *set, struct arena *arena)
{
	struct nft_boxes boxes = {.len = 0};
	struct nft_map map = {.len = 0};
	if (set->fields)
		set->sure = nft_known_boxes(set, NULL, arena, &boxes);
	else
		nft_known_branches(set, NULL, arena, &map);
	set->box.at = boxes.box;
	set->box.len = boxes.len;
	set->branch = map.branch;
	set->branches = map.len;
	set->worked_out = true;
}

// Those that hold some of the values, in their order; one set for all fields.
static void assert_only_wanted(struct nft_dumped_set *is, const struct nft_dumped_set *set,
			       struct algebra_set wanted, struct arena *arena)
{
	const struct algebra_set *of[NFT_BOXES_FIELDS] = {NULL};
	struct nft_boxes boxes;
	size_t n = 0, field = set->fields - 1;
	of[field] = &wanted;
	assert_int_equal(nft_known_boxes(is, of, arena, &boxes), set->sure);
	for (size_t i = 0; i < set->box.len; i++) {
		struct algebra_range range = set->box.at[i].range[field];
		if (!algebra_set_overlaps(wanted, (struct algebra_set){&range, 1}))
			continue;
		assert_true(n < boxes.len);
		assert_string_equal(boxes.box[n].chain, set->box.at[i].chain);
		assert_same_range(boxes.box[n++].range[field], range);
	}
	assert_int_equal(n, boxes.len);
}

static void maps_come_back(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct nft_known known = {.prefix = "g3"};
	struct arena arena;
	struct nft_dumped_set *set[MAPS];
	arena_init(&arena);
	for (uint32_t i = 0; i < MAPS; i++) {
		set[i] = some_map(&random, i, &arena);
		nft_known_put(&known, set[i]);
		nft_known_put(&known, set[i]);
	}
	assert_int_equal(known.maps, MAPS);
	for (uint32_t i = 0; i < MAPS; i++) {
		struct nft_dumped_set *is = nft_known_get(&known, set[i]->name, &arena);
		assert_non_null(is);
		struct algebra_range some = some_range(&random, 32, false);
		if (is->fields)
			assert_only_wanted(is, set[i], (struct algebra_set){&some, 1}, &arena);
		unpack(is, &arena);
		assert_same(is, set[i]);
	}
	assert_int_equal(known.given, MAPS);
	nft_known_fini(&known);
	assert_true(!known.maps && !known.bytes);
	assert_null(nft_known_get(&known, set[0]->name, &arena));
	arena_fini(&arena);
}

static void only_maps_of_the_policy_are_kept(void **state)
{
	(void)state;
	static const char *const name[] = {
		"g4-m1", "g3-m",   "g3-m1.",   "g3-m01", "g3-s1",
		"g3",    "g3-m1x", "g3-m1.2x", "other",  "g3-m99999999999"};
	struct nft_known known = {.prefix = "g3"};
	struct arena arena;
	arena_init(&arena);
	struct nft_branch branch = {{1, 2}, "-n7"};
	struct nft_dumped_set set = {.flags = NFT_SET_MAP,
				     .key_bytes = 4,
				     .worked_out = true,
				     .branch = &branch,
				     .branches = 1};
	for (size_t i = 0; i < array_len(name); i++) {
		set.name = name[i];
		nft_known_put(&known, &set);
		assert_int_equal(known.maps, 0);
	}
	set.name = "g3-m1";
	branch.chain = "-n7x"; // of nobody's tree
	nft_known_put(&known, &set);
	branch.chain = "-n7";
	set.strange = "why";
	nft_known_put(&known, &set);
	set.strange = NULL;
	assert_int_equal(known.maps, 0);
	nft_known_put(&known, &set);
	assert_int_equal(known.maps, 1);
	nft_known_fini(&known);
	arena_fini(&arena);
}

static void what_was_not_asked_for_goes(void **state)
{
	(void)state;
	struct nft_known known = {.prefix = "g3"};
	struct arena arena;
	arena_init(&arena);
	size_t len = 60000;
	struct nft_dumped_set set = {.flags = NFT_SET_MAP, .key_bytes = 4, .worked_out = true};
	set.branch = arena_array(&arena, struct nft_branch, len);
	for (; set.branches < len; set.branches++)
		set.branch[set.branches] =
			(struct nft_branch){{set.branches * 2, set.branches * 2}, "-n7"};
	for (unsigned i = 0; i < 30; i++, known.turn++) {
		set.name = arena_printf(&arena, "g3-m%u", i);
		nft_known_put(&known, &set);
		assert_true(known.bytes <= NFT_KNOWN_MOST && known.maps);
		assert_non_null(nft_known_get(&known, "g3-m0", &arena));
	}
	assert_null(nft_known_get(&known, "g3-m1", &arena));
	assert_non_null(nft_known_get(&known, "g3-m29", &arena));
	nft_known_fini(&known);
	arena_fini(&arena);
}

// --- what our messages change ---

static void alter(void *known, const struct nlmsghdr *message)
{
	nft_known_alter(known, message);
}

static void delete_by_message(struct nft_known *known, uint16_t type, const char *name)
{
	struct nft_batch batch;
	struct arena arena;
	arena_init(&arena);
	nft_batch_init(&batch, &arena);
	batch.wrote = alter;
	batch.writer = known;
	nft_encode_delete(&batch, type, "bulwark", name);
	nft_batch_fini(&batch);
	arena_fini(&arena);
}

// It is not given as it is, but as it was before the first message, until all is settled.
static void changed_maps_are_kept_as_they_were(void **state)
{
	(void)state;
	struct nft_known known = {.prefix = "g3"};
	struct arena arena;
	arena_init(&arena);
	struct nft_branch branch = {{1, 2}, "-n7"};
	struct nft_dumped_set set = {.name = "g3-m1",
				     .flags = NFT_SET_MAP,
				     .key_bytes = 4,
				     .worked_out = true,
				     .branch = &branch,
				     .branches = 1};
	for (unsigned turn = 0; turn < 3; turn++) {
		branch.range.hi = 2 + turn;
		nft_known_put(&known, &set);
		assert_true(known.maps == 1 && nft_known_has(&known, "g3-m1"));
		delete_by_message(&known, NFT_MSG_DELSET, turn == 2 ? "g3-m2" : "g3-m1");
		assert_int_equal(nft_known_has(&known, "g3-m1"), turn == 2);
		struct nft_dumped_set *was = nft_known_was(&known, "g3-m1", &arena);
		assert_non_null(was);
		unpack(was, &arena);
		assert_true(was->branch[0].range.hi == 2);
	}
	nft_known_settle(&known);
	assert_null(nft_known_was(&known, "g3-m1", &arena));
	assert_true(nft_known_has(&known, "g3-m1"));
	nft_known_fini(&known);
	assert_false(nft_known_has(&known, "g3-m1"));
	arena_fini(&arena);
}

// --- chains ---

static struct algebra_range some_ports = {80, 443};

static struct nft_form simple_rule(struct nft_match *match)
{
	*match = (struct nft_match){F_DPORT, {&some_ports, 1}};
	return (struct nft_form){.match = match,
				 .len = 1,
				 .act = ACT_ACCEPT,
				 .tag = {.known = true, .rule = 7, .clause = 3}};
}

static bool is_kept(struct nft_known *known, const char *name, struct nft_form rule)
{
	struct arena arena cleanup(arena_fini);
	struct nft_dumped_chain chain = {.name = name}, is = {.base = false};
	arena_init(&arena);
	vec_push(&arena, &chain.rule, rule);
	nft_known_put_chain(known, &chain);
	bool kept = nft_known_get_chain(known, name, &arena, &is);
	if (kept)
		assert_true(is.rule.len == 1 && is.rule.at[0].act == rule.act &&
			    nft_form_same_matches(&is.rule.at[0], &rule) &&
			    is.rule.at[0].tag.rule == 7 && is.rule.at[0].tag.clause == 3);
	return kept;
}

// Whatever is not said of a rule that is kept, such a rule is read.
static void chains_of_simple_rules_are_kept(void **state)
{
	(void)state;
	struct nft_known known = {.prefix = "g3"};
	struct nft_match match;
	struct nft_form rule = simple_rule(&match), other[12];
	for (size_t i = 0; i < array_len(other); i++)
		other[i] = rule;
	other[0].limited = true;
	other[1].log.prefix = "p";
	other[2].log.to_group = true;
	other[3].guard = "s";
	other[4].named_set = "s";
	other[5].refresh_ms = 1;
	other[6].act = ACT_BRANCH;
	other[7].act = ACT_BOXES;
	other[8].strange = "why";
	other[9].tag.known = false;
	other[10].chain = "-7-do";
	other[11].tag.clause = 70000;
	for (size_t i = 0; i < array_len(other); i++)
		assert_false(is_kept(&known, "g3-n5", other[i]) || known.chains.chains);
	match.set.len = 0;
	assert_false(is_kept(&known, "g3-n5", rule));
	match.set.len = 1;
	assert_false(is_kept(&known, "g3", rule) || is_kept(&known, "g4-n5", rule) ||
		     is_kept(&known, "g3-n5x", rule) || is_kept(&known, "forward", rule));
	assert_true(is_kept(&known, "g3-n5", rule));
	delete_by_message(&known, NFT_MSG_DELCHAIN, "g3-n6");
	assert_int_equal(known.chains.chains, 1);
	delete_by_message(&known, NFT_MSG_DELCHAIN, "g3-n5");
	assert_int_equal(known.chains.chains, 0);
	nft_known_fini(&known);
	assert_int_equal(known.chains.bytes, 0);
}

static void chains_take_little_memory(void **state)
{
	(void)state;
	struct nft_known known = {.prefix = "g3"};
	struct nft_match match;
	struct nft_form rule = simple_rule(&match);
	struct arena arena;
	size_t most = 0;
	arena_init(&arena);
	for (unsigned i = 0; i < 300000; i++) {
		assert_true(is_kept(&known, arena_printf(&arena, "g3-n%u", i + 1), rule));
		most = known.chains.bytes > most ? known.chains.bytes : most;
	}
	assert_true(most <= NFT_KNOWN_CHAINS_MOST && most > NFT_KNOWN_CHAINS_MOST / 2);
	assert_true(known.chains.chains);
	nft_known_fini(&known);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_maps_are_kept_as_they_were),
		cmocka_unit_test(chains_of_simple_rules_are_kept),
		cmocka_unit_test(chains_take_little_memory),
		cmocka_unit_test(maps_come_back),
		cmocka_unit_test(only_maps_of_the_policy_are_kept),
		cmocka_unit_test(what_was_not_asked_for_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
