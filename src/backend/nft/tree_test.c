// SPDX-License-Identifier: Apache-2.0
// The tree does what the list does: random rulesets in all forms and budgets, packets aimed at the edges of their rules,
// walked through both. And large sets become small trees.
#include "backend/nft/compile.h"
#include "backend/nft/cost.h"
#include "backend/nft/live.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_walk.h"
#include "backend/nft/tree.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AGAIN_MOST 10  // times as many rules as there are
#define DEPTH_MOST 15u // 16 in the kernel, of which one is the base chain

static const char *form_name[] = {"auto", "linear", "hash", "tree", "mixed"};

struct tried {
	struct arena *arena;
	struct test_random *random;
	const struct ir_ruleset *ruleset;
	struct backend_nft_options options;
	size_t packets, put_to;
};

static void compare_walks(struct tried *t)
{
	struct nft_program linear, shaped;
	nft_program_init(&linear, t->arena);
	nft_program_init(&shaped, t->arena);
	nft_compile(t->ruleset, &t->options, &linear);
	nft_compile_shaped(t->ruleset, &t->options, &shaped);
	const struct nft_chain *rules = nft_program_find(&linear, "");
	for (size_t i = 0; i < t->packets; i++) {
		struct nft_point packet;
		struct test_walk by_list, by_tree;
		test_fields_random(t->random, rules, &packet);
		test_walk_program(&linear, &packet, &by_list);
		test_walk_program(&shaped, &packet, &by_tree);
		t->put_to += by_tree.rules;
		assert_true(by_tree.depth_most <= DEPTH_MOST);
		if (test_walk_same(&by_list, &by_tree))
			continue;
		fail_msg("%s, leaf %u, budget %u: the list ends with %d after %zu rules that "
			 "match, the tree with %d after %zu",
			 form_name[t->options.shape.form], t->options.shape.leaf_most,
			 t->options.shape.budget_x10, by_list.end, by_list.len, by_tree.end,
			 by_tree.len);
	}
}

static void random_rulesets(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 400; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		bool tracked = test_random_chance(&random, 70);
		if (i % 8 == 0)
			test_policy_about_one(&random, &arena, tracked, 1800000000, &ruleset);
		else if (i % 8 == 1)
			test_policy_hosts(&random, &arena, tracked, 1800000000, &ruleset);
		else
			test_policy_random(&random, &arena, tracked, 1800000000, &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 60};
		t.options.shape = test_shape_random(&random);
		compare_walks(&t);
		arena_fini(&arena);
	}
}

static void make_set(const struct test_sets_spec *spec, bool flow, struct arena *arena,
		     struct ir_ruleset *out)
{
	test_sets_make(spec, arena, out);
	for (size_t i = 0; i < out->rule.len; i++)
		out->rule.at[i].flow = flow;
}

static void large_sets(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 12; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		struct test_sets_spec spec = {.kind = i % TEST_SETS_KINDS,
					      .family = i / 3 % 2 ? 6 : 4,
					      .rules = 600,
					      .seed = test_random_next(&random)};
		make_set(&spec, i / 6, &arena, &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 3000};
		t.options.shape = test_shape_random(&random);
		compare_walks(&t);
		arena_fini(&arena);
	}
}

static size_t maps_of_blocks(const struct nft_program *program)
{
	size_t n = 0;
	for (size_t i = 0; i < program->chain.len; i++)
		for (size_t k = 0; k < program->chain.at[i]->rule.len; k++) {
			const struct nft_form *form = &program->chain.at[i]->rule.at[k];
			unsigned block = form->act == ACT_BRANCH ? nft_map_block(&form->map) : 0;
			n += block && block != NFT_MAP_RANGES;
		}
	return n;
}

// Whatever the version and whether packets or flows are asked.
static void addresses_are_told_by_blocks(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 4; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		struct nft_program program;
		struct test_sets_spec spec = {.kind = TEST_SETS_ACL,
					      .family = i % 2 ? 6 : 4,
					      .rules = 1000,
					      .seed = test_random_next(&random)};
		arena_init(&arena);
		make_set(&spec, i / 2, &arena, &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 3000};
		t.options.shape.form = BACKEND_NFT_MIXED;
		nft_program_init(&program, &arena);
		nft_compile_shaped(&ruleset, &t.options, &program);
		assert_true(maps_of_blocks(&program) > 0);
		compare_walks(&t);
		arena_fini(&arena);
	}
}

// A packet meets few of thousands of rules, and the tree keeps to its budget.
static void few_rules_are_met(void **state)
{
	(void)state;
	static const unsigned met_most[TEST_SETS_KINDS] = {
		[TEST_SETS_ACL] = 50, [TEST_SETS_FW] = 120, [TEST_SETS_IPC] = 120};
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		struct nft_program linear;
		struct nft_tree tree;
		arena_init(&arena);
		nft_program_init(&linear, &arena);
		struct test_sets_spec spec = {.kind = kind, .family = 4, .rules = 3000, .seed = 7};
		test_sets_make(&spec, &arena, &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 1000};
		t.options.shape.form = BACKEND_NFT_MIXED;
		compare_walks(&t);
		print_message("%s: a packet meets %zu rules\n", test_sets_kind_name[kind],
			      t.put_to / t.packets);
		assert_true(t.put_to / t.packets < met_most[kind]);
		nft_compile(&ruleset, &t.options, &linear);
		nft_tree_build_from(&linear, &t.options.shape, &arena, &tree);
		assert_true(tree.entries < 7 * ruleset.rule.len);
		arena_fini(&arena);
	}
}

// --- rules that ask for anything ---

// Of what the main chain and all nodes hold, rules one after the other.
static size_t longest_list(const struct nft_program *program)
{
	size_t most = 0;
	for (size_t i = 0; i < program->chain.len; i++) {
		const struct nft_chain *chain = program->chain.at[i];
		size_t tested = 0;
		for (size_t k = 0; k < chain->rule.len; k++)
			tested += !nft_form_by_map(&chain->rule.at[k]);
		most = tested > most ? tested : most;
	}
	return most;
}

static void ask_for(struct arena *arena, enum ir_dim dim, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = IR_DROP};
	for (unsigned i = 0; i < 60; i++) {
		struct ir_rule rule = {.policy = "p", .name = "r", .clauses = 1};
		rule.verdict = i % 3 ? IR_PASS : IR_DROP;
		rule.clause = arena_new(arena, struct ir_clause);
		if (dim == IR_TCPFLAGS)
			assert_true(ir_clause_narrow(rule.clause, arena, IR_PROTO,
						     algebra_set_one(arena, 6, 6)));
		assert_true(ir_clause_narrow(rule.clause, arena, dim,
					     algebra_set_one(arena, i + 1, i + 1)));
		vec_push(arena, &out->rule, rule);
	}
}

// Not by addresses and ports only: whatever many rules ask for leads to short leaves.
static void all_that_many_ask_for_splits(void **state)
{
	(void)state;
	static const enum ir_dim dims[] = {IR_SRC4, IR_DST6,     IR_DPORT,  IR_PROTO, IR_ICMP4,
					   IR_SMAC, IR_DMAC,     IR_LENGTH, IR_TTL,   IR_ICMP6,
					   IR_DSCP, IR_TCPFLAGS, IR_IN};
	struct test_random random = {.state = 1};
	for (size_t i = 0; i < array_len(dims); i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		struct nft_program shaped;
		arena_init(&arena);
		nft_program_init(&shaped, &arena);
		ask_for(&arena, dims[i], &ruleset);
		struct tried t = {
			.arena = &arena, .random = &random, .ruleset = &ruleset, .packets = 200};
		compare_walks(&t);
		nft_compile_shaped(&ruleset, &t.options, &shaped);
		print_message("%s: %zu\n", ir_dim_info[dims[i]].key, longest_list(&shaped));
		assert_in_range(longest_list(&shaped), 0, 16);
		arena_fini(&arena);
	}
}

// --- changes ---

struct changing {
	struct arena *arena;
	struct test_random *random;
	struct nft_tree tree;
	VEC(uint32_t) list; // numbers of the rules there are, in order
	struct nft_program linear;
	struct nft_chain *rules; // of `linear`
	size_t done, anew, gained, thinned;
	struct map map; // by name: boxes of the kernel's maps, as the changes have made them
};

static void list_rules(struct changing *c)
{
	c->rules->rule.len = 0;
	for (size_t i = 0; i < c->list.len; i++)
		vec_push(c->arena, &c->rules->rule, *c->tree.rule.at[c->list.at[i]]);
}

// --- the kernel's maps ---

static void ignore_chain(void *context, const struct nft_chain *chain)
{
	(void)context, (void)chain;
}

static int by_range(const void *x, const void *y)
{
	const struct nft_box *a = x, *b = y;
	return a->range->lo < b->range->lo ? -1 : a->range->lo > b->range->lo;
}

// Blocks of a gate are boxes with one field. False: the form looks up no such map.
static bool map_of(struct changing *c, const struct nft_form *form, struct nft_boxes *out)
{
	bool blocks = form->act == ACT_BRANCH && nft_form_gate(form);
	*out = form->boxes;
	if (!blocks)
		return form->act == ACT_BOXES && !form->boxes.counts;
	*out = (struct nft_boxes){.field = {form->map.field}, .fields = 1, .name = form->map.name};
	out->box = arena_array(c->arena, struct nft_box, form->map.len);
	for (; out->len < form->map.len; out->len++)
		out->box[out->len] = (struct nft_box){.range = &form->map.branch[out->len].range,
						      .chain = form->map.branch[out->len].chain};
	return true;
}

static void put_map(struct changing *c, const struct nft_boxes *boxes)
{
	map_put(&c->map, boxes->name, arena_memdup(c->arena, boxes, sizeof(*boxes)));
}

static void fill_maps(struct changing *c)
{
	struct nft_program program;
	struct nft_boxes boxes;
	c->map = (struct map){.arena = c->arena};
	nft_program_init(&program, c->arena);
	nft_tree_program(&c->tree, &program);
	for (size_t i = 0; i < program.chain.len; i++)
		for (size_t k = 0; k < program.chain.at[i]->rule.len; k++)
			if (map_of(c, &program.chain.at[i]->rule.at[k], &boxes))
				put_map(c, &boxes);
}

static bool same_box(const struct nft_box *a, const struct nft_box *b, size_t fields)
{
	return !strcmp(a->chain, b->chain) &&
	       !memcmp(a->range, b->range, fields * sizeof(*a->range));
}

// A deletion names the first element that holds the lowest corner.
static void lose_box(struct nft_boxes *from, const struct nft_box *box)
{
	size_t i = 0, f = 0;
	while (i < from->len && f < from->fields) {
		const struct algebra_range *r = &from->box[i].range[f];
		bool holds = r->lo <= box->range[f].lo && box->range[f].lo <= r->hi;
		f = holds ? f + 1 : 0;
		i += !holds;
	}
	assert_true(i < from->len && same_box(&from->box[i], box, from->fields));
	from->len--;
	memmove(from->box + i, from->box + i + 1, (from->len - i) * sizeof(*from->box));
}

static void gain(struct changing *c, const struct nft_form *form)
{
	struct nft_boxes gained;
	assert_true(map_of(c, form, &gained));
	struct nft_boxes *to = map_get(&c->map, gained.name);
	struct nft_box *all = arena_array(c->arena, struct nft_box, to->len + gained.len);
	memcpy(all, to->box, to->len * sizeof(*all));
	memcpy(all + to->len, gained.box, gained.len * sizeof(*all));
	to->box = all;
	to->len += gained.len;
	if (to->fields == 1) // which come in any order, as a hash does
		qsort(all, to->len, sizeof(*all), by_range);
	c->gained += gained.len;
}

// As a change would be sent to the kernel.
static void change_maps(struct changing *c, struct nft_touched *touched)
{
	nft_tree_emit_touched(&c->tree, touched, ignore_chain, NULL);
	for (size_t i = 0; i < touched->leaf.len; i++) {
		const struct nft_chain *now = &touched->leaf.at[i].now;
		for (size_t k = 0; k < now->rule.len; k++)
			if (now->rule.at[k].act == ACT_BOXES && now->rule.at[k].boxes.len)
				put_map(c, &now->rule.at[k].boxes);
	}
	for (size_t i = 0; i < touched->gained.len; i++)
		gain(c, &touched->gained.at[i]);
	for (size_t i = 0; i < touched->lost.list.len; i++) {
		const struct nft_boxes *lost = &touched->lost.list.at[i];
		for (size_t k = 0; k < lost->len; k++)
			lose_box(map_get(&c->map, lost->name), &lost->box[k]);
		c->thinned++;
	}
}

// What the tree says of its maps is what changes have made of them.
static void check_maps(struct changing *c, const struct nft_program *program)
{
	for (size_t i = 0; i < program->chain.len; i++)
		for (size_t k = 0; k < program->chain.at[i]->rule.len; k++) {
			struct nft_boxes boxes;
			if (!map_of(c, &program->chain.at[i]->rule.at[k], &boxes))
				continue;
			const struct nft_boxes *is = map_get(&c->map, boxes.name);
			assert_non_null(is);
			assert_int_equal(is->len, boxes.len);
			for (size_t b = 0; b < is->len; b++)
				assert_true(same_box(&is->box[b], &boxes.box[b], is->fields));
		}
}

// --- one change ---

static void build(struct changing *c, const struct nft_chain *rules,
		  const struct backend_nft_shape *shape)
{
	struct nft_rules list = {.own = NULL};
	for (size_t i = 0; i < rules->rule.len; i++)
		vec_push(c->arena, &list.list, &rules->rule.at[i]);
	nft_tree_build(&list, shape, c->arena, &c->tree);
	c->list.len = 0;
	for (size_t i = 0; i < rules->rule.len; i++)
		vec_push(c->arena, &c->list, (uint32_t)i);
	fill_maps(c);
}

// The last rule decides everything; it stays.
static bool take_one(struct changing *c, struct nft_touched *touched)
{
	size_t at = test_random_below(c->random, (uint32_t)c->list.len - 1);
	uint32_t rule = c->list.at[at];
	memmove(c->list.at + at, c->list.at + at + 1, (c->list.len - at - 1) * sizeof(rule));
	c->list.len--;
	return nft_tree_remove(&c->tree, rule, touched);
}

static bool put_one(struct changing *c, const struct nft_chain *more, struct nft_touched *touched)
{
	size_t at = test_random_below(c->random, (uint32_t)c->list.len);
	uint64_t behind = at ? c->tree.rank.at[c->list.at[at - 1]] : 0,
		 before = c->tree.rank.at[c->list.at[at]];
	const struct nft_form *form =
		&more->rule.at[test_random_below(c->random, (uint32_t)more->rule.len)];
	vec_push(c->arena, &c->list, 0);
	memmove(c->list.at + at + 1, c->list.at + at, (c->list.len - 1 - at) * sizeof(*c->list.at));
	c->list.at[at] = (uint32_t)c->tree.rule.len;
	nft_tree_add_rule(&c->tree, form, behind + (before - behind) / 2);
	return nft_tree_place(&c->tree, c->list.at[at], touched);
}

// A rule accepts what it dropped, or the other way round.
static bool turn_one(struct changing *c, struct nft_touched *touched)
{
	uint32_t rule = c->list.at[test_random_below(c->random, (uint32_t)c->list.len - 1)];
	struct nft_form *form =
		arena_memdup(c->arena, c->tree.rule.at[rule], sizeof(struct nft_form));
	form->act = form->act == ACT_ACCEPT ? ACT_DROP : ACT_ACCEPT;
	if (!nft_form_decides(c->tree.rule.at[rule]))
		return !nft_tree_may_turn(&c->tree, rule, form);
	return nft_tree_may_turn(&c->tree, rule, form) &&
	       nft_tree_turn(&c->tree, rule, form, touched);
}

static bool change_one(struct changing *c, const struct nft_chain *more,
		       struct nft_touched *touched)
{
	uint32_t how = c->list.len < 3 ? 0 : test_random_below(c->random, 3);
	return how == 0   ? put_one(c, more, touched)
	       : how == 1 ? take_one(c, touched)
			  : turn_one(c, touched);
}

// With packets for some of these rules.
static void compare_changed(struct changing *c, const struct backend_nft_shape *shape,
			    const struct nft_chain *aim)
{
	struct nft_program shaped;
	nft_program_init(&shaped, c->arena);
	nft_tree_program(&c->tree, &shaped);
	check_maps(c, &shaped);
	for (size_t i = 0; i < 40; i++) {
		struct nft_point packet;
		struct test_walk by_list, by_tree;
		test_fields_random(c->random, aim, &packet);
		test_walk_program(&c->linear, &packet, &by_list);
		test_walk_program(&shaped, &packet, &by_tree);
		if (!test_walk_same(&by_list, &by_tree))
			fail_msg("%s, leaf %u, after %zu changes: the list matches %zu rules, the "
				 "tree %zu",
				 form_name[shape->form], shape->leaf_most, c->done, by_list.len,
				 by_tree.len);
	}
}

static void build_anew(struct changing *c, const struct backend_nft_shape *shape)
{
	struct nft_chain *now = arena_new(c->arena, struct nft_chain);
	list_rules(c);
	for (size_t k = 0; k < c->rules->rule.len; k++)
		vec_push(c->arena, &now->rule, c->rules->rule.at[k]);
	build(c, now, shape);
}

static void begin(struct changing *c, const struct nft_chain *first,
		  const struct backend_nft_shape *shape)
{
	nft_program_init(&c->linear, c->arena);
	c->rules = nft_program_chain(&c->linear, "");
	build(c, first, shape);
}

static void change_often(struct changing *c, const struct backend_nft_shape *shape,
			 const struct nft_chain *more, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		struct nft_touched touched = {.arena = c->arena};
		bool in_place = change_one(c, more, &touched);
		if (in_place)
			change_maps(c, &touched);
		list_rules(c);
		c->done += in_place;
		c->anew += !in_place;
		if (in_place) {
			compare_changed(c, shape, c->rules);
			continue;
		}
		build_anew(c, shape);
	}
}

static void trees_are_changed(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t done = 0, anew = 0;
	for (unsigned i = 0; i < 60; i++) {
		struct arena arena;
		struct ir_ruleset ruleset[2];
		struct nft_program program[2];
		arena_init(&arena);
		bool tracked = test_random_chance(&random, 70), large = i % 3 == 0;
		for (unsigned k = 0; k < 2; k++) {
			struct test_sets_spec spec = {.kind = i / 3 % TEST_SETS_KINDS,
						      .family = 4,
						      .rules = 150,
						      .seed = test_random_next(&random)};
			if (large)
				make_set(&spec, tracked, &arena, &ruleset[k]);
			else
				test_policy_random(&random, &arena, tracked, 1800000000,
						   &ruleset[k]);
			nft_program_init(&program[k], &arena);
			nft_compile(&ruleset[k], NULL, &program[k]);
		}
		struct changing c = {.arena = &arena, .random = &random};
		struct backend_nft_shape shape = test_shape_random(&random);
		begin(&c, nft_program_find(&program[0], ""), &shape);
		change_often(&c, &shape, nft_program_find(&program[1], ""), 30);
		done += c.done;
		anew += c.anew;
		arena_fini(&arena);
	}
	print_message("%zu changes in place, %zu trees built anew\n", done, anew);
	assert_true(done > 15 * anew);
}

// What nothing decides is one leaf, for other versions too: once it has become a map by a rule for IPv4, these pass by it to
// the default action as before.
static void maps_ask_what_all_packets_have(void **state)
{
	(void)state;
	struct arena arena;
	struct test_random random = {.state = 1};
	struct ir_ruleset ruleset;
	struct nft_program program;
	const struct backend_nft_shape shape = {
		.form = BACKEND_NFT_TREE, .leaf_most = 2, .boxes_least = 2};
	struct test_sets_spec spec = {.kind = TEST_SETS_ACL, .family = 4, .rules = 150, .seed = 7};
	struct algebra_range net = {0x7f000000, 0x7f00ffff}; // no rule of the set is for it
	arena_init(&arena);
	make_set(&spec, true, &arena, &ruleset);
	nft_program_init(&program, &arena);
	nft_compile(&ruleset, NULL, &program);
	struct changing c = {.arena = &arena, .random = &random};
	nft_program_init(&c.linear, &arena);
	c.rules = nft_program_chain(&c.linear, "");
	struct nft_chain *rules = nft_program_find(&program, "");
	rules->rule.at[rules->rule.len - 2] = rules->rule.at[rules->rule.len - 1];
	rules->rule.len--; // without the drop of packets that have no flow
	build(&c, rules, &shape);
	struct nft_form form = {.act = ACT_ACCEPT, .tag = {.known = true, .rule = 0}};
	form.tag.counts = true;
	nft_form_match(&form, &arena, F_FLOW_DST4, algebra_set_one(&arena, net.lo, net.hi));
	struct nft_chain more = {.name = ""}, rest = {.name = ""};
	vec_push(&arena, &more.rule, form);
	vec_push(&arena, &rest.rule, (struct nft_form){.act = ACT_DROP});
	for (unsigned i = 0; i < 20; i++) {
		struct nft_touched touched = {.arena = &arena};
		assert_true(put_one(&c, &more, &touched));
		change_maps(&c, &touched);
		list_rules(&c);
		compare_changed(&c, &shape, &rest);
	}
	arena_fini(&arena);
}

// --- changes of sequences ---

// Jumps of chains that are not the main one.
static size_t count_deep_jumps(struct changing *c)
{
	struct nft_program program;
	size_t n = 0;
	nft_program_init(&program, c->arena);
	nft_tree_program(&c->tree, &program);
	for (size_t i = 0; i < program.chain.len; i++)
		for (size_t k = 0; *program.chain.at[i]->name && k < program.chain.at[i]->rule.len;
		     k++) {
			const struct nft_form *form = &program.chain.at[i]->rule.at[k];
			n += form->act == ACT_JUMP && nft_is_node(form->chain);
		}
	return n;
}

static struct nft_chain *rules_of(const struct test_sets_spec *spec, struct arena *arena)
{
	struct ir_ruleset ruleset;
	struct nft_program *program = arena_new(arena, struct nft_program);
	test_sets_make(spec, arena, &ruleset);
	nft_program_init(program, arena);
	nft_compile(&ruleset, NULL, program);
	return nft_program_find(program, "");
}

// The tree of a set of rules, as a program.
static void make_program(struct changing *c, const struct test_sets_spec *spec,
			 struct nft_program *out)
{
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED};
	build(c, rules_of(spec, c->arena), &shape);
	nft_program_init(out, c->arena);
	nft_tree_program(&c->tree, out);
}

// One rule asks for version, protocol and header, and nothing else leads where it does.
static void what_nearly_all_ask_is_asked_once(void **state)
{
	(void)state;
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_ACL, .family = 4, .rules = 1000, .seed = 7};
	struct arena arena;
	struct nft_program program;
	struct changing c = {.arena = &arena};
	size_t to = 0;
	arena_init(&arena);
	make_program(&c, &spec, &program);
	const struct nft_form *first = &nft_program_find(&program, "")->rule.at[0];
	assert_int_equal(first->act, ACT_GOTO);
	assert_non_null(nft_form_set(first, F_VERSION));
	assert_non_null(nft_form_set(first, F_PROTO));
	assert_non_null(nft_form_set(first, F_HEADER));
	for (size_t i = 0; i < program.chain.len; i++)
		for (size_t k = 0; k < program.chain.at[i]->rule.len; k++) {
			const struct nft_form *form = &program.chain.at[i]->rule.at[k];
			to += form->chain && !strcmp(form->chain, first->chain);
		}
	assert_int_equal(to, 1);
	arena_fini(&arena);
}

struct checking {
	const struct nft_program *program;
	struct arena *arena;
	struct map done; // by name: rules that the kernel looks at from there on
};

static double looked_at(struct checking *c, const char *name);

static double led_to(struct checking *c, const struct nft_form *form)
{
	double n = form->chain ? looked_at(c, form->chain) : 0;
	for (size_t i = 0; form->act == ACT_BRANCH && !form->chain && i < form->map.len; i++)
		n += looked_at(c, form->map.branch[i].chain);
	for (size_t i = 0; form->act == ACT_BOXES && !form->chain && i < form->boxes.len; i++)
		n += form->boxes.counts ? 0 : looked_at(c, form->boxes.box[i].chain);
	return n;
}

static double looked_at(struct checking *c, const char *name)
{
	const struct nft_chain *chain = nft_program_find(c->program, name);
	double *known = map_get(&c->done, name), n = 0;
	if (known || !chain)
		return known ? *known : 0;
	for (size_t i = 0; i < chain->rule.len; i++)
		n += 1 + led_to(c, &chain->rule.at[i]);
	map_put(&c->done, name, arena_memdup(c->arena, &n, sizeof(n)));
	return n;
}

// A kernel that does not remember which chains it has checked checks one again for each rule and element that leads there.
static void little_is_checked_again(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		const struct test_sets_spec spec = {
			.kind = kind, .family = 4, .rules = 5000, .seed = 7};
		struct arena arena;
		struct nft_program program;
		struct changing c = {.arena = &arena};
		double rules = 0;
		arena_init(&arena);
		make_program(&c, &spec, &program);
		for (size_t k = 0; k < program.chain.len; k++)
			rules += (double)program.chain.at[k]->rule.len;
		struct checking checking = {&program, &arena, {.arena = &arena}};
		double looked = looked_at(&checking, "");
		print_message("%.0f rules, %.0f looked at\n", rules, looked);
		assert_true(looked < AGAIN_MOST * rules);
		arena_fini(&arena);
	}
}

// Rules enter and leave the parts of sequences wherever their packets come to some.
static void sequences_are_changed(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t done = 0, anew = 0, blocks = 0;
	for (unsigned i = 0; i < 2 * TEST_SETS_KINDS; i++) {
		unsigned kind = i / 2;
		const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED,
							.blocks_least = i % 2};
		struct arena arena;
		arena_init(&arena);
		struct test_sets_spec spec = {.kind = kind, .family = 4, .rules = 2500, .seed = 7};
		struct changing c = {.arena = &arena, .random = &random};
		begin(&c, rules_of(&spec, &arena), &shape);
		assert_true(count_deep_jumps(&c) > 1);
		spec.seed = test_random_next(&random);
		change_often(&c, &shape, rules_of(&spec, &arena), 40);
		done += c.done;
		anew += c.anew;
		blocks += i % 2 ? c.gained : 0;
		arena_fini(&arena);
	}
	print_message("%zu changes in place, %zu trees built anew, gates gained %zu blocks\n", done,
		      anew, blocks);
	assert_true(done > 4 * anew && blocks);
}

// What stands behind a rule that takes all packets that come to a sequence is in none of its parts, so when that rule goes
// the tree is made anew; others go in place.
static void what_was_left_out_comes_back(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED};
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_FW, .family = 4, .rules = 1000, .seed = 7};
	struct arena arena;
	arena_init(&arena);
	struct nft_chain *rules = rules_of(&spec, &arena);
	size_t middle = rules->rule.len / 2;
	struct nft_form all = {.act = ACT_DROP, .tag = {.known = true, .rule = 5000}};
	nft_form_match(&all, &arena, F_PROTO, algebra_set_one(&arena, 6, 6));
	rules->rule.at[middle] = all;
	struct changing c = {.arena = &arena, .random = &random};
	begin(&c, rules, &shape);
	list_rules(&c);
	compare_changed(&c, &shape, c.rules);
	struct nft_touched touched = {.arena = &arena};
	assert_true(nft_tree_remove(&c.tree, (uint32_t)middle - 1, &touched));
	assert_false(nft_tree_remove(&c.tree, (uint32_t)middle, &touched));
	arena_fini(&arena);
}

// --- changes of leaves of maps ---

struct maps {
	size_t all, made; // of the leaves that were touched; of these, made anew
};

static void count_maps(struct changing *c, struct nft_touched *touched, struct maps *maps)
{
	change_maps(c, touched);
	for (size_t i = 0; i < touched->leaf.len; i++) {
		const struct nft_chain *now = &touched->leaf.at[i].now;
		for (size_t k = 0; k < now->rule.len; k++) {
			maps->all += now->rule.at[k].act == ACT_BOXES;
			maps->made += now->rule.at[k].boxes.len != 0;
		}
	}
}

static uint64_t mean_cost(struct changing *c, struct nft_tree *tree)
{
	struct nft_program program;
	nft_program_init(&program, c->arena);
	nft_tree_program(tree, &program);
	return nft_costs_program(nft_costs_new(&program, c->arena)).mean_ns;
}

// What a packet takes then and in a tree made anew from the same rules, where those stand in front that nothing holds back
// any more.
static void compare_costs(struct changing *c, const struct backend_nft_shape *shape)
{
	struct nft_rules rules = {.own = NULL};
	struct nft_tree fresh;
	list_rules(c);
	for (size_t i = 0; i < c->rules->rule.len; i++)
		vec_push(c->arena, &rules.list, &c->rules->rule.at[i]);
	nft_tree_build(&rules, shape, c->arena, &fresh);
	uint64_t changed = mean_cost(c, &c->tree), anew = mean_cost(c, &fresh);
	print_message("%" PRIu64 " ns, made anew %" PRIu64 "\n", changed, anew);
	assert_true(changed * 4 <= anew * 5);
}

static void change_and_count(struct changing *c, const struct backend_nft_shape *shape,
			     const struct nft_chain *more, struct maps *maps)
{
	for (unsigned i = 0; i < 900; i++) {
		struct nft_touched touched = {.arena = c->arena};
		if (change_one(c, more, &touched)) {
			count_maps(c, &touched, maps);
			continue;
		}
		build_anew(c, shape);
	}
}

// A change makes few of a leaf's maps anew, and the leaf does not get worse by changes.
static void maps_stay(void **state)
{
	(void)state;
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED, .leaf_most = 2000};
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_FW, .family = 4, .rules = 3000, .seed = 7};
	struct test_random random = {.state = test_random_seed(NULL)};
	struct arena arena;
	struct ir_ruleset ruleset;
	struct nft_program program;
	struct maps maps = {0};
	arena_init(&arena);
	test_sets_make(&spec, &arena, &ruleset);
	nft_program_init(&program, &arena);
	nft_compile(&ruleset, NULL, &program);
	struct nft_chain *rules = nft_program_find(&program, "");
	struct changing c = {.arena = &arena, .random = &random};
	nft_program_init(&c.linear, &arena);
	c.rules = nft_program_chain(&c.linear, "");
	build(&c, rules, &shape);
	change_and_count(&c, &shape, rules, &maps);
	print_message("of %zu maps %zu were made anew, %zu lost boxes\n", maps.all, maps.made,
		      c.thinned);
	assert_true(maps.made * 4 <= maps.all && c.thinned);
	compare_costs(&c, &shape);
	compare_changed(&c, &shape, c.rules);
	arena_fini(&arena);
}

static void ports_are_known_behind_protocols(void **state)
{
	(void)state;
	struct nft_path path = {.split = 0};
	assert_int_equal(nft_path_needs(&path, F_DPORT), F_PROTO);
	nft_path_follow(&path, F_PROTO, (struct algebra_range){6, 6});
	assert_int_equal(nft_path_needs(&path, F_DPORT), F_HEADER);
	nft_path_follow(&path, F_HEADER, (struct algebra_range){0, 0xffffff});
	assert_int_equal(nft_path_needs(&path, F_DPORT), F_DPORT);
	assert_int_equal(nft_path_needs(&path, F_TCPFLAGS), F_TCPFLAGS);
	path = (struct nft_path){.header = true};
	nft_path_follow(&path, F_PROTO, (struct algebra_range){5, 255});
	assert_int_equal(nft_path_needs(&path, F_DPORT), F_PROTO);
	assert_int_equal(nft_path_needs(&path, F_SMAC), F_LINK);
	nft_path_follow(&path, F_LINK, (struct algebra_range){1, 1});
	assert_int_equal(nft_path_needs(&path, F_SMAC), F_SMAC);
	assert_false(nft_path_has(&path, F_SMAC));
}

static struct ir_rule state_rule(struct arena *arena, enum ir_verdict verdict, u128 lo, u128 hi)
{
	struct ir_rule rule = {.policy = "p",
			       .name = "known",
			       .verdict = verdict,
			       .clause = arena_new(arena, struct ir_clause),
			       .clauses = 1};
	assert_true(ir_clause_narrow(rule.clause, arena, IR_STATE, algebra_set_one(arena, lo, hi)));
	return rule;
}

static size_t ask_for_state(const struct nft_program *program)
{
	size_t n = 0;
	for (size_t i = 0; i < program->chain.len; i++)
		for (size_t k = 0; k < program->chain.at[i]->rule.len; k++)
			n += nft_form_set(&program->chain.at[i]->rule.at[k], F_STATE) != NULL;
	return n;
}

// "Established, related: accept; invalid: drop" before all others, as nearly every firewall begins.
static void make_stateful(const struct test_sets_spec *spec, struct arena *arena,
			  struct nft_program *out)
{
	struct ir_ruleset set = {.default_action = IR_DROP}, ruleset = {.default_action = IR_DROP};
	test_sets_make(spec, arena, &set);
	vec_push(arena, &ruleset.rule,
		 state_rule(arena, IR_PASS, IR_STATE_ESTABLISHED, IR_STATE_RELATED));
	vec_push(arena, &ruleset.rule,
		 state_rule(arena, IR_DROP, IR_STATE_INVALID, IR_STATE_INVALID));
	for (size_t i = 0; i < set.rule.len; i++)
		vec_push(arena, &ruleset.rule, set.rule.at[i]);
	nft_program_init(out, arena);
	nft_compile(&ruleset, NULL, out);
}

static void known_connections_are_judged_first(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED};
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		const struct test_sets_spec spec = {
			.kind = kind, .family = 4, .rules = 400, .seed = 7};
		struct arena arena;
		struct nft_program list, tree;
		struct changing c = {.arena = &arena, .random = &random};
		arena_init(&arena);
		make_stateful(&spec, &arena, &list);
		const struct nft_chain *rules = nft_program_find(&list, ""), *front;
		begin(&c, rules, &shape);
		nft_program_init(&tree, &arena);
		nft_tree_program(&c.tree, &tree);
		front = nft_program_find(&tree, "");
		assert_int_equal(ask_for_state(&tree), 2);
		for (size_t i = 0; i < 2; i++)
			assert_true(nft_form_set(&front->rule.at[i], F_STATE));
		change_often(&c, &shape, rules, 60);
		assert_true(c.done > c.anew);
		arena_fini(&arena);
	}
}

// Rules that come before those stand in the list, too, but not very many: then all is one tree.
static void what_stands_in_front_stays_short(void **state)
{
	(void)state;
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_ACL, .family = 4, .rules = 400, .seed = 7};
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED};
	struct arena arena;
	struct nft_program list;
	struct changing c = {.arena = &arena};
	size_t put = 0;
	arena_init(&arena);
	make_stateful(&spec, &arena, &list);
	const struct nft_chain *rules = nft_program_find(&list, "");
	begin(&c, rules, &shape);
	for (bool in_place = true; in_place; put++) {
		struct nft_touched touched = {.arena = &arena};
		uint32_t number = (uint32_t)c.tree.rule.len;
		nft_tree_add_rule(&c.tree, &rules->rule.at[2 + put],
				  c.tree.rank.at[0] - NFT_RANK_STEP / 2 + put);
		in_place = nft_tree_place(&c.tree, number, &touched);
		if (in_place)
			nft_tree_emit_touched(&c.tree, &touched, ignore_chain, NULL);
	}
	assert_true(put > 10 && put < 60);
	arena_fini(&arena);
}

// Rules are compiled in blocks; the default action stands once behind them all.
static void the_end_stands_once(void **state)
{
	(void)state;
	static const size_t rules[] = {0, 1, 999, 1000, 1001, 2000};
	for (size_t i = 0; i < array_len(rules); i++) {
		struct arena arena;
		struct ir_ruleset ruleset = {.default_action = IR_DROP};
		const struct backend_nft_options options = {.shape = {.form = BACKEND_NFT_LINEAR}};
		const struct test_sets_spec spec = {
			.kind = TEST_SETS_ACL, .family = 4, .rules = 2000, .seed = 7};
		size_t ends = 0;
		arena_init(&arena);
		test_sets_make(&spec, &arena, &ruleset);
		ruleset.rule.len = rules[i];
		struct nft_live *live = nft_live_new(&ruleset, &options, 1);
		for (size_t k = 0; k < live->tree.rule.len; k++)
			ends += live->tree.rule.at[k]->tag.rule == NFT_TAG_DEFAULT;
		assert_int_equal(ends, 1);
		nft_live_free(live);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_known_behind_protocols),
		cmocka_unit_test(random_rulesets),
		cmocka_unit_test(large_sets),
		cmocka_unit_test(addresses_are_told_by_blocks),
		cmocka_unit_test(few_rules_are_met),
		cmocka_unit_test(all_that_many_ask_for_splits),
		cmocka_unit_test(trees_are_changed),
		cmocka_unit_test(maps_ask_what_all_packets_have),
		cmocka_unit_test(what_nearly_all_ask_is_asked_once),
		cmocka_unit_test(little_is_checked_again),
		cmocka_unit_test(sequences_are_changed),
		cmocka_unit_test(what_was_left_out_comes_back),
		cmocka_unit_test(maps_stay),
		cmocka_unit_test(known_connections_are_judged_first),
		cmocka_unit_test(what_stands_in_front_stays_short),
		cmocka_unit_test(the_end_stands_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
