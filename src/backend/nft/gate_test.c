// SPDX-License-Identifier: Apache-2.0
// Gates hold all packets of the rules that they are for, also of those that come later, and the kernel would take their
// boxes. What somebody else puts behind them is told.
#include "backend/nft/boxes.h"
#include "backend/nft/compile.h"
#include "backend/nft/differ.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_walk.h"
#include "backend/nft/tree_gate.h"
#include "ir/test.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 4u
#define RULES 2000
#define LATER 300u
#define HOSTS 60u    // policies whose rules ask for hosts
#define LINED_UP 20u // rules, of which half stand behind one that takes all

struct world {
	struct arena arena;
	struct ir_ruleset ruleset;
	struct nft_program linear;
	struct nft_tree tree;
	bool *seen; // nodes, by number
	VEC(const struct nft_node *) gate;
	size_t blocks; // gates of blocks
};

static const struct nft_chain *rules_of(struct world *w)
{
	return nft_program_find(&w->linear, "");
}

// A tree of some of the rules; every so manyth is left out.
static void build(struct world *w, const struct backend_nft_shape *shape, unsigned every)
{
	struct nft_rules some = {.own = NULL};
	nft_program_init(&w->linear, &w->arena);
	nft_compile(&w->ruleset, NULL, &w->linear);
	for (size_t i = 0; i < rules_of(w)->rule.len; i++)
		if (!every || i % every || i + 1 == rules_of(w)->rule.len)
			vec_push(&w->arena, &some.list, &rules_of(w)->rule.at[i]);
	nft_tree_build_as(&some, shape, &w->arena, &w->tree);
}

static void begin(struct world *w, const struct test_sets_spec *spec, unsigned every)
{
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED};
	*w = (struct world){.seen = NULL};
	arena_init(&w->arena);
	test_sets_make(spec, &w->arena, &w->ruleset);
	build(w, &shape, every);
}

// Of rules that ask for hosts, whose gates are blocks.
static void begin_hosts(struct world *w, struct test_random *random, unsigned every)
{
	const struct backend_nft_shape shape = {
		.form = BACKEND_NFT_MIXED, .sorted_least = 4, .blocks_least = 1, .direct_least = 1};
	*w = (struct world){.seen = NULL};
	arena_init(&w->arena);
	test_policy_hosts(random, &w->arena, false, 1800000000, &w->ruleset);
	build(w, &shape, every);
}

static void find_gates(struct world *w, const struct nft_node *node)
{
	if (w->seen[node->number])
		return;
	w->seen[node->number] = true;
	if (node->gate)
		vec_push(&w->arena, &w->gate, node);
	for (size_t i = 0; i < node->way.len; i++)
		find_gates(w, node->way.at[i].to);
	if (node->miss)
		find_gates(w, node->miss);
	for (size_t i = 0; i < node->part.len; i++)
		find_gates(w, node->part.at[i].root);
}

static void all_gates(struct world *w)
{
	w->gate.len = 0;
	w->seen = arena_array(&w->arena, bool, (size_t)w->tree.numbers + 1);
	find_gates(w, w->tree.root);
}

// --- what is below a node ---

static void mark_rules(const struct world *w, const struct nft_node *node, bool *rule, bool *seen)
{
	if (seen[node->number])
		return;
	seen[node->number] = true;
	for (size_t i = 0; i < node->entry.len; i++)
		rule[node->entry.at[i].rule] = true;
	for (size_t i = 0; i < node->way.len; i++)
		mark_rules(w, node->way.at[i].to, rule, seen);
	if (node->miss)
		mark_rules(w, node->miss, rule, seen);
	for (size_t i = 0; i < node->part.len; i++)
		mark_rules(w, node->part.at[i].root, rule, seen);
}

static bool *rules_below(struct world *w, const struct nft_node *node)
{
	bool *rule = arena_array(&w->arena, bool, w->tree.rule.len);
	mark_rules(w, node, rule, arena_array(&w->arena, bool, (size_t)w->tree.numbers + 1));
	return rule;
}

// --- boxes ---

static bool holds(const struct nft_box *box, const u128 *at, size_t fields)
{
	for (size_t f = 0; f < fields; f++)
		if (at[f] < box->range[f].lo || at[f] > box->range[f].hi)
			return false;
	return true;
}

static bool in_some(const struct nft_boxes *boxes, size_t len, const u128 *at)
{
	for (size_t i = 0; i < len; i++)
		if (holds(&boxes->box[i], at, boxes->fields))
			return true;
	return false;
}

// The lowest and the highest packet of each range of the address.
static void assert_held(const struct nft_boxes *boxes, const struct nft_form *form)
{
	const struct algebra_set *address = nft_form_set(form, boxes->field[0]);
	for (size_t i = 0; i < 2 * address->len; i++) {
		u128 at[NFT_BOXES_FIELDS];
		for (size_t f = 0; f < boxes->fields; f++) {
			const struct algebra_set *set = nft_form_set(form, boxes->field[f]);
			struct algebra_range all = {
				0, algebra_max(nft_field_info[boxes->field[f]].bits)};
			struct algebra_range r = !set ? all
						 : f  ? set->at[i % 2 ? set->len - 1 : 0]
						      : set->at[i / 2];
			at[f] = i % 2 ? r.hi : r.lo;
		}
		assert_true(in_some(boxes, boxes->len, at));
	}
}

// The kernel refuses an element whose lowest or highest corner lies in one that is there.
static void assert_taken(const struct nft_boxes *boxes)
{
	for (size_t i = 0; i < boxes->len; i++) {
		u128 low[NFT_BOXES_FIELDS], high[NFT_BOXES_FIELDS];
		for (size_t f = 0; f < boxes->fields; f++) {
			low[f] = boxes->box[i].range[f].lo;
			high[f] = boxes->box[i].range[f].hi;
		}
		assert_false(in_some(boxes, i, low));
		assert_false(in_some(boxes, i, high));
	}
}

static size_t check_gate(struct world *w, const struct nft_node *node)
{
	const struct nft_gate *gate = node->gate;
	struct nft_boxes boxes = {
		.fields = gate->fields, .box = gate->box.at, .len = gate->box.len};
	const bool *inside = rules_below(w, node->way.at[0].to),
		   *beside = rules_below(w, node->miss);
	size_t held = 0;
	memcpy(boxes.field, gate->field, sizeof(boxes.field));
	w->blocks += gate->fields == 1;
	assert_taken(&boxes);
	for (uint32_t i = 0; i < w->tree.rule.len; i++) {
		if (!inside[i] || !nft_gate_asks(gate, w->tree.rule.at[i]))
			continue;
		assert_false(beside[i]);
		assert_held(&boxes, w->tree.rule.at[i]);
		held++;
	}
	return held;
}

static size_t check_gates(struct world *w)
{
	size_t held = 0;
	all_gates(w);
	for (size_t i = 0; i < w->gate.len; i++)
		held += check_gate(w, w->gate.at[i]);
	return held;
}

// --- tests ---

static struct test_sets_spec spec_of(unsigned i, unsigned draw)
{
	return (struct test_sets_spec){.kind = i % TEST_SETS_KINDS,
				       .family = i / TEST_SETS_KINDS % 2 ? 6 : 4,
				       .rules = RULES,
				       .seed = test_random_seed(NULL) + draw};
}

static size_t check_sets(unsigned i, unsigned draw)
{
	struct world w;
	const struct test_sets_spec spec = spec_of(i, draw);
	begin(&w, &spec, 0);
	size_t held = check_gates(&w);
	print_message("%zu gates hold %zu rules\n", w.gate.len, held);
	assert_false(w.blocks);
	arena_fini(&w.arena);
	return held;
}

// Now and then a set has so few rules for anybody that no gate pays.
static void gates_hold_their_rules(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * TEST_SETS_KINDS; i++) {
		size_t held = 0;
		for (unsigned draw = 0; draw < DRAWS && !held; draw++)
			held = check_sets(i, draw);
		assert_true(held);
	}
}

static void blocks_hold_their_rules(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t held = 0, blocks = 0;
	for (unsigned i = 0; i < HOSTS; i++) {
		struct world w;
		begin_hosts(&w, &random, 0);
		held += check_gates(&w);
		blocks += w.blocks;
		arena_fini(&w.arena);
	}
	print_message("gates hold %zu rules, %zu of them are blocks\n", held, blocks);
	assert_true(held > HOSTS && blocks > HOSTS / 2);
}

struct come {
	size_t placed, gained;
};

// Those that were left out.
static void rules_come(struct world *w, unsigned every, struct come *come)
{
	uint64_t rank = 1;
	for (size_t k = 0; k + 1 < rules_of(w)->rule.len; k++) {
		struct nft_touched touched = {.arena = &w->arena};
		if (k % every) {
			rank += NFT_RANK_STEP;
			continue;
		}
		nft_tree_add_rule(&w->tree, &rules_of(w)->rule.at[k], rank + 1);
		come->placed += nft_tree_place(&w->tree, (uint32_t)w->tree.rule.len - 1, &touched);
		come->gained += touched.gained.len;
	}
	(void)check_gates(w);
}

// A rule that comes goes where its packets go, whose boxes are there then.
static void rules_that_come_are_held(void **state)
{
	(void)state;
	struct come come = {0};
	for (unsigned i = 0; i < 2 * TEST_SETS_KINDS; i++) {
		struct world w;
		const struct test_sets_spec spec = spec_of(i, 0);
		begin(&w, &spec, RULES / LATER);
		rules_come(&w, RULES / LATER, &come);
		arena_fini(&w.arena);
	}
	print_message("%zu rules placed, gates gained boxes %zu times\n", come.placed, come.gained);
	assert_true(come.placed > LATER && come.gained);
}

static void blocks_hold_rules_that_come(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct come come = {0};
	size_t blocks = 0;
	for (unsigned i = 0; i < HOSTS; i++) {
		struct world w;
		begin_hosts(&w, &random, 5);
		rules_come(&w, 5, &come);
		blocks += w.blocks;
		arena_fini(&w.arena);
	}
	print_message("%zu rules placed, gates gained blocks %zu times\n", come.placed,
		      come.gained);
	assert_true(come.placed > HOSTS && come.gained && blocks);
}

// For packets of TCP from a host or, every other one, to a host; or for all of them.
static struct nft_form rule_of_line(struct arena *arena, uint32_t i)
{
	bool all = i == LINED_UP / 2;
	uint32_t host = 0x0a000001 + 7 * i;
	struct nft_form form = {.act = all ? ACT_DROP : ACT_ACCEPT};
	nft_form_match(&form, arena, F_VERSION,
		       algebra_set_one(arena, NFT_VERSION_4, NFT_VERSION_4));
	nft_form_match(&form, arena, F_PROTO, algebra_set_one(arena, 6, 6));
	if (!all)
		nft_form_match(&form, arena, i % 2 ? F_DST4 : F_SRC4,
			       algebra_set_one(arena, host, host));
	return form;
}

// Those behind a rule that takes all packets of a way never came to the gates on it. When it goes they do, and their boxes
// are there then.
static void rules_that_come_back_are_held(void **state)
{
	(void)state;
	for (unsigned blocks = 0; blocks < 2; blocks++) {
		const struct backend_nft_shape shape = {.form = BACKEND_NFT_MIXED,
							.leaf_most = 4,
							.sorted_least = 4,
							.blocks_least = blocks,
							.direct_least = 1};
		struct world w = {.seen = NULL};
		struct nft_form rule[LINED_UP + 2];
		struct nft_rules list = {.own = NULL};
		struct nft_touched touched = {.arena = &w.arena};
		arena_init(&w.arena);
		for (uint32_t i = 0; i <= LINED_UP; i++)
			rule[i] = rule_of_line(&w.arena, i);
		rule[LINED_UP + 1] = (struct nft_form){.act = ACT_DROP};
		for (size_t i = 0; i < array_len(rule); i++)
			vec_push(&w.arena, &list.list, &rule[i]);
		nft_tree_build_as(&list, &shape, &w.arena, &w.tree);
		size_t held = check_gates(&w);
		assert_true(held);
		assert_true(nft_tree_remove(&w.tree, LINED_UP / 2, &touched));
		assert_true(touched.gained.len);
		assert_int_equal(check_gates(&w), LINED_UP);
		arena_fini(&w.arena);
	}
}

// --- somebody's rules in a tree with gates ---

// The outermost gate, and its place.
static struct nft_chain *find_gate(const struct nft_program *tree, size_t *at_out)
{
	for (size_t i = tree->chain.len; i-- > 0;)
		for (*at_out = 0; *at_out < tree->chain.at[i]->rule.len; ++*at_out)
			if (nft_form_gate(&tree->chain.at[i]->rule.at[*at_out]))
				return tree->chain.at[i];
	return NULL;
}

static size_t shown(struct world *w, const struct nft_program *tree,
		    const struct backend_differences *differences)
{
	size_t n = 0;
	for (size_t i = 0; i < differences->list.len; i++) {
		const char *witness = differences->list.at[i].witness;
		assert_true(!witness || !test_witness_fault(&w->ruleset, tree, witness, &w->arena));
		n += witness != NULL;
	}
	return n;
}

// More packets are followed behind a gate than come there. What somebody puts there, or what is gone, is told all the same,
// with packets that show it.
static void what_is_not_ours_is_told(void **state)
{
	(void)state;
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_FW, .family = 4, .rules = 600, .seed = 5};
	const struct backend_nft_options options = {.shape = {.form = BACKEND_NFT_MIXED}};
	for (unsigned i = 0; i < 3; i++) {
		struct world w;
		struct nft_program tree;
		size_t at = 0;
		begin(&w, &spec, 0);
		struct backend_differences differences = {.arena = &w.arena};
		nft_program_init(&tree, &w.arena);
		nft_compile_shaped(&w.ruleset, &options, &tree);
		struct nft_chain *chain = find_gate(&tree, &at);
		assert_non_null(chain);
		if (i)
			test_chain_insert(&w.arena, chain, at + i - 1,
					  (struct nft_form){.act = ACT_DROP});
		else
			chain->rule.len = at + 1;
		assert_int_equal(nft_differ(&w.ruleset, NULL, &tree, "g1", NULL, &differences), 0);
		assert_true(differences.list.len > 0);
		assert_true(shown(&w, &tree, &differences) > 0);
		arena_fini(&w.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_hold_their_rules),
		cmocka_unit_test(blocks_hold_their_rules),
		cmocka_unit_test(rules_that_come_are_held),
		cmocka_unit_test(blocks_hold_rules_that_come),
		cmocka_unit_test(rules_that_come_back_are_held),
		cmocka_unit_test(what_is_not_ours_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
