// SPDX-License-Identifier: Apache-2.0
// Leaves to which several ways lead: those of neighbouring blocks in a large tree. Rules that are for one of the ways come
// and go, also where they take all packets of it, and what the tree does is what the list does. And what a rule of a leaf
// that is a map touches when it turns.
#include "backend/nft/form.h"
#include "backend/nft/test_walk.h"
#include "backend/nft/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HOSTS 40u // each of them a block …
#define PORTS 3u  // … for so many rules
#define FIRST 0x0a000001u

struct world {
	struct arena arena;
	struct nft_tree tree;
	VEC(uint32_t) list; // numbers of rules, in order
};

// For packets from a port, or from all (0), to some hosts.
static struct nft_form *to_hosts(struct world *w, uint32_t lo, uint32_t hi, uint16_t port)
{
	struct nft_form *form = arena_new(&w->arena, struct nft_form);
	form->act = port ? ACT_ACCEPT : ACT_DROP;
	form->tag = (struct nft_tag){.known = true, .counts = true, .rule = (uint32_t)w->list.len};
	nft_form_match(form, &w->arena, F_VERSION,
		       algebra_set_one(&w->arena, NFT_VERSION_4, NFT_VERSION_4));
	nft_form_match(form, &w->arena, F_PROTO, algebra_set_one(&w->arena, 17, 17));
	nft_form_match(form, &w->arena, F_HEADER, nft_field_domain(F_HEADER));
	if (port)
		nft_form_match(form, &w->arena, F_SPORT, algebra_set_one(&w->arena, port, port));
	nft_form_match(form, &w->arena, F_DST4, algebra_set_one(&w->arena, FIRST + lo, FIRST + hi));
	return form;
}

static void begin_as(struct world *w, const struct backend_nft_shape *shape)
{
	struct nft_rules list = {.own = NULL};
	*w = (struct world){.list = {0}};
	arena_init(&w->arena);
	for (uint32_t i = 0; i <= HOSTS * PORTS; i++) {
		uint32_t host = i / PORTS;
		struct nft_form *form = host < HOSTS
						? to_hosts(w, host, host, (uint16_t)(1 + i % PORTS))
						: arena_new(&w->arena, struct nft_form);
		form->act = ACT_ACCEPT;
		vec_push(&w->arena, &list.list, form);
		vec_push(&w->arena, &w->list, i);
	}
	nft_tree_build_as(&list, shape, &w->arena, &w->tree);
}

static void begin(struct world *w)
{
	const struct backend_nft_shape shape = {
		.form = BACKEND_NFT_MIXED, .large_least = 1, .sorted_least = 4};
	begin_as(w, &shape);
}

// Before all that are there.
static uint32_t put(struct world *w, const struct nft_form *form)
{
	struct nft_touched touched = {.arena = &w->arena};
	uint32_t rule = (uint32_t)w->tree.rule.len;
	nft_tree_add_rule(&w->tree, form, w->tree.rank.at[w->list.at[0]] - 1);
	assert_true(nft_tree_place(&w->tree, rule, &touched));
	vec_push(&w->arena, &w->list, rule);
	memmove(w->list.at + 1, w->list.at, (w->list.len - 1) * sizeof(rule));
	w->list.at[0] = rule;
	return rule;
}

// False: the tree is to be made anew.
static bool take(struct world *w, uint32_t rule)
{
	struct nft_touched touched = {.arena = &w->arena};
	size_t at = 0;
	while (w->list.at[at] != rule)
		at++;
	w->list.len--;
	memmove(w->list.at + at, w->list.at + at + 1, (w->list.len - at) * sizeof(rule));
	return nft_tree_remove(&w->tree, rule, &touched);
}

static struct nft_point packet_to(uint32_t host, uint16_t port)
{
	struct nft_point packet = {.has = 0};
	nft_point_set(&packet, F_VERSION, NFT_VERSION_4);
	nft_point_set(&packet, F_PROTO, 17);
	nft_point_set(&packet, F_HEADER, nft_field_domain(F_HEADER).at[0].lo);
	nft_point_set(&packet, F_SPORT, port);
	nft_point_set(&packet, F_DPORT, 1);
	nft_point_set(&packet, F_SRC4, 1);
	nft_point_set(&packet, F_DST4, FIRST + host);
	return packet;
}

static void assert_right(struct world *w)
{
	struct nft_program linear, tree;
	nft_program_init(&linear, &w->arena);
	nft_program_init(&tree, &w->arena);
	struct nft_chain *rules = nft_program_chain(&linear, "");
	for (size_t i = 0; i < w->list.len; i++)
		vec_push(&w->arena, &rules->rule, *w->tree.rule.at[w->list.at[i]]);
	nft_tree_program(&w->tree, &tree);
	for (uint32_t host = 0; host <= HOSTS; host++)
		for (uint16_t port = 1; port <= PORTS + 1; port++) {
			struct nft_point packet = packet_to(host, port);
			struct test_walk by_list, by_tree;
			test_walk_program(&linear, &packet, &by_list);
			test_walk_program(&tree, &packet, &by_tree);
			assert_true(test_walk_same(&by_list, &by_tree));
		}
}

// Some leaf to which several ways lead; the host of its first.
static const struct nft_node *find_leaf(const struct nft_node *node, uint32_t *host_out)
{
	const struct nft_node *found = NULL;
	for (size_t i = 0; i < node->part.len && !found; i++)
		found = find_leaf(node->part.at[i].root, host_out);
	for (size_t i = 0; i < node->way.len && !found; i++) {
		const struct nft_node *to = node->way.at[i].to;
		bool joined = node->field == F_DST4 && nft_is_leaf(to) && to->paths > 1;
		*host_out = joined ? (uint32_t)node->way.at[i].range.lo - FIRST : *host_out;
		found = joined ? to : find_leaf(to, host_out);
	}
	return found || !node->miss ? found : find_leaf(node->miss, host_out);
}

// In place, as nothing is left out of the leaf.
static void a_rule_for_one_way_goes_again(void **state)
{
	(void)state;
	struct world w;
	uint32_t host;
	begin(&w);
	assert_non_null(find_leaf(w.tree.root, &host));
	uint32_t rule = put(&w, to_hosts(&w, host, host, 0));
	assert_right(&w);
	assert_true(take(&w, rule));
	assert_right(&w);
	arena_fini(&w.arena);
}

// Each way ends with a rule of its own when the leaf is filled again, so what stands behind these is not there.
static void what_no_way_let_in_comes_back(void **state)
{
	(void)state;
	struct world w;
	uint32_t host, rule[HOSTS];
	begin(&w);
	const struct nft_node *leaf = find_leaf(w.tree.root, &host);
	assert_non_null(leaf);
	uint32_t ways = leaf->paths;
	uint32_t all = put(&w, to_hosts(&w, host, host + ways - 1, 0));
	for (uint32_t i = 0; i < ways; i++)
		rule[i] = put(&w, to_hosts(&w, host + i, host + i, 0));
	assert_right(&w);
	assert_true(take(&w, all));
	assert_right(&w);
	if (take(&w, rule[0]))
		assert_right(&w);
	arena_fini(&w.arena);
}

static void forget(void *context, const struct nft_chain *chain)
{
	(void)context;
	(void)chain;
}

// Turns some rule of a leaf that is one map: how many maps are made anew, and chains to which boxes lead.
static void turn(unsigned direct_least, size_t *maps_out, size_t *chains_out)
{
	const struct backend_nft_shape shape = {.form = BACKEND_NFT_TREE,
						.leaf_most = HOSTS * PORTS + 1,
						.direct_least = direct_least};
	const uint32_t rule = HOSTS;
	struct world w;
	struct nft_program before;
	begin_as(&w, &shape);
	nft_program_init(&before, &w.arena);
	nft_tree_program(&w.tree, &before); // makes the chains
	struct nft_touched touched = {.arena = &w.arena};
	struct nft_form *form = arena_memdup(&w.arena, w.tree.rule.at[rule], sizeof(*form));
	form->act = ACT_DROP;
	assert_true(nft_tree_turn(&w.tree, rule, form, &touched));
	nft_tree_emit_touched(&w.tree, &touched, forget, NULL);
	*maps_out = *chains_out = 0;
	for (size_t i = 0; i < touched.leaf.len; i++) {
		const struct nft_chain *now = &touched.leaf.at[i].now;
		*chains_out += !touched.leaf.at[i].leaf;
		for (size_t k = 0; k < now->rule.len; k++)
			*maps_out += now->rule.at[k].act == ACT_BOXES && now->rule.at[k].boxes.len;
	}
	assert_right(&w);
	arena_fini(&w.arena);
}

// In a small policy that is one kernel rule, whatever the map holds; a large one has not a chain for each rule.
static void a_rule_turns_in_its_chain_or_with_its_map(void **state)
{
	(void)state;
	size_t maps, chains;
	turn(0, &maps, &chains);
	assert_int_equal(maps, 0);
	assert_int_equal(chains, 1);
	turn(1, &maps, &chains);
	assert_int_equal(maps, 1);
	assert_int_equal(chains, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_for_one_way_goes_again),
		cmocka_unit_test(what_no_way_let_in_comes_back),
		cmocka_unit_test(a_rule_turns_in_its_chain_or_with_its_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
