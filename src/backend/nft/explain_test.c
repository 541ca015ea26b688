// SPDX-License-Identifier: Apache-2.0
// What is said of a form: costs of chains that can be added up by hand, sizes that are those of the program, drawings that
// Graphviz can read, whatever the ruleset and the form.
#include "backend/nft/compile.h"
#include "backend/nft/cost.h"
#include "backend/nft/overlay.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_policy.h"
#include "base/buf.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void make_set(enum test_sets_kind kind, size_t rules, struct arena *arena,
		     struct ir_ruleset *out)
{
	struct test_sets_spec spec = {.kind = kind, .family = 4, .rules = rules, .seed = 5};
	test_sets_make(&spec, arena, out);
}

static struct backend_nft_explanation explain(const struct ir_ruleset *ruleset,
					      struct backend_nft_shape shape, struct arena *arena)
{
	struct backend_nft_options options = {.shape = shape};
	struct backend_nft_explanation out;
	struct diags diags;
	diags_init(&diags, arena);
	assert_true(backend_nft_explain(ruleset, &options, &diags, arena, &out));
	return out;
}

// --- costs ---

static struct nft_form rule(uint32_t number, enum nft_act act, const char *chain)
{
	struct nft_tag tag = {.known = true, .rule = number, .counts = true};
	return (struct nft_form){.act = act, .chain = chain, .tag = tag};
}

static void add_port(struct nft_program *p, struct nft_chain *to, struct nft_form form, u128 port)
{
	nft_form_match(&form, p->arena, F_DPORT, algebra_set_one(p->arena, port, port));
	vec_push(p->arena, &to->rule, form);
}

static void costs_add_up(void **state)
{
	(void)state;
	struct arena arena;
	struct nft_program p;
	arena_init(&arena);
	nft_program_init(&p, &arena);
	struct nft_chain *top = nft_program_chain(&p, ""), *leaf = nft_program_chain(&p, "-n1");
	for (uint32_t i = 0; i < 3; i++)
		add_port(&p, leaf, rule(i, ACT_ACCEPT, NULL), i);
	struct nft_costs *costs = nft_costs_new(&p, &arena);
	struct nft_passing alone = nft_costs_passing(costs, leaf);
	assert_int_equal((int)alone.worst, 3 * (7 + 8));
	assert_int_equal((int)alone.usual, 3 * (7 + 8));

	// The list behind two jumps, of which one is a test.
	struct nft_form jump = {.act = ACT_JUMP, .chain = "-n1"};
	add_port(&p, top, (struct nft_form){.act = ACT_GOTO, .chain = "-n1"}, 80);
	vec_push(&arena, &top->rule, jump);
	vec_push(&arena, &top->rule, rule(NFT_TAG_DEFAULT, ACT_DROP, NULL));
	struct nft_passing through = nft_costs_passing(costs, top);
	unsigned test = 7 + 8, list = 10 + 3 * test, on = test + 7 + list + 7;
	assert_int_equal((int)through.worst, on);
	assert_int_equal((int)through.usual, test + (list + (on - test)) / 2.0);
	struct backend_nft_cost cost = nft_costs_program(costs);
	assert_int_equal(cost.worst_ns, 35 + on + 10);
	// Both ways are alike; a rule is met 1, 2 or 3 tests behind the entry.
	double entry = (test + 10 + test + 7 + 10) / 2.0;
	assert_int_equal(cost.mean_ns, (int)(35 + entry + 2 * test + 10 + 0.5));
	arena_fini(&arena);
}

// Maps cost more the larger they are, ranges more than values; blocks of IPv4 addresses cost as values do.
static void maps_cost(void **state)
{
	(void)state;
	double last[3] = {0};
	for (size_t n = 1; n < 100000; n *= 10) {
		struct arena arena;
		struct nft_program p;
		double now[3];
		arena_init(&arena);
		nft_program_init(&p, &arena);
		struct nft_chain *leaf = nft_program_chain(&p, "-n1");
		vec_push(&arena, &leaf->rule, rule(0, ACT_ACCEPT, NULL));
		for (unsigned wide = 0; wide < 3; wide++) {
			static const u128 more[] = {0, 2, 3}; // of four values
			struct nft_chain chain = {.name = ""};
			struct nft_form form = {.act = ACT_BRANCH};
			form.map = (struct nft_map){
				F_DST4, "-m1", arena_array(&arena, struct nft_branch, n), n, NULL};
			for (size_t i = 0; i < n; i++)
				form.map.branch[i] =
					(struct nft_branch){{i * 4, i * 4 + more[wide]}, "-n1"};
			vec_push(&arena, &chain.rule, form);
			now[wide] = nft_costs_passing(nft_costs_new(&p, &arena), &chain).worst;
			assert_true(now[wide] > last[wide]);
			last[wide] = now[wide];
		}
		assert_true(now[1] > now[0] && now[2] == now[0]);
		arena_fini(&arena);
	}
}

// What was measured with such sets (docs/why/nft-tree.md) is met within a factor.
static void the_tree_is_cheaper(void **state)
{
	(void)state;
	static const unsigned times[TEST_SETS_KINDS] = {20, 6, 10};
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		make_set(kind, 1000, &arena, &ruleset);
		struct backend_nft_explanation e =
			explain(&ruleset, (struct backend_nft_shape){0}, &arena);
		print_message("%s: %zu kernel rules, %llu ns, worst %llu ns; linear %llu, %llu\n",
			      test_sets_kind_name[kind], e.size.kernel_rules,
			      (unsigned long long)e.cost.mean_ns,
			      (unsigned long long)e.cost.worst_ns,
			      (unsigned long long)e.linear_cost.mean_ns,
			      (unsigned long long)e.linear_cost.worst_ns);
		assert_int_equal(e.rules, 1000);
		assert_true(e.cost.mean_ns * times[kind] < e.linear_cost.mean_ns);
		assert_true(e.cost.worst_ns < e.linear_cost.worst_ns);
		arena_fini(&arena);
	}
}

static void linear_is_linear(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset ruleset;
	arena_init(&arena);
	make_set(TEST_SETS_ACL, 300, &arena, &ruleset);
	struct backend_nft_shape shape = {.form = BACKEND_NFT_LINEAR};
	struct backend_nft_explanation e = explain(&ruleset, shape, &arena);
	assert_string_equal(e.form, "linear");
	assert_int_equal(e.part.len, 1);
	assert_int_equal(e.part.at[0].listed, e.size.kernel_rules);
	assert_memory_equal(&e.size, &e.linear_size, sizeof(e.size));
	assert_memory_equal(&e.cost, &e.linear_cost, sizeof(e.cost));
	arena_fini(&arena);
}

static void assert_cheapest(const struct ir_ruleset *ruleset, struct arena *arena)
{
	struct backend_nft_explanation is =
		explain(ruleset, (struct backend_nft_shape){.form = BACKEND_NFT_AUTO}, arena);
	assert_true(is.weighed.len > 1);
	for (unsigned form = BACKEND_NFT_LINEAR; form <= BACKEND_NFT_MIXED; form++) {
		struct backend_nft_shape shape = {.form = form};
		struct backend_nft_explanation other = explain(ruleset, shape, arena);
		assert_int_equal(other.weighed.len, 0);
		assert_true(is.cost.mean_ns <= other.cost.mean_ns);
	}
}

// Whatever a ruleset is about, no form that could be asked for is expected to be cheaper.
static void the_cheapest_form_is_taken(void **state)
{
	(void)state;
	static const size_t rules[] = {1, 5, 20, 50, 200, 1000};
	struct test_random random = {.state = test_random_seed(NULL)};
	struct ir_ruleset ruleset;
	struct arena arena;
	for (size_t i = 0; i < array_len(rules) * TEST_SETS_KINDS; i++) {
		arena_init(&arena);
		make_set(i % TEST_SETS_KINDS, rules[i / TEST_SETS_KINDS], &arena, &ruleset);
		assert_cheapest(&ruleset, &arena);
		arena_fini(&arena);
	}
	for (unsigned i = 0; i < 100; i++) {
		arena_init(&arena);
		if (i % 2)
			test_policy_random(&random, &arena, i % 3, 1800000000, &ruleset);
		else
			test_policy_about_one(&random, &arena, i % 3, 1800000000, &ruleset);
		assert_cheapest(&ruleset, &arena);
		arena_fini(&arena);
	}
}

// --- sizes ---

static void compare_sizes(const struct ir_ruleset *ruleset,
			  const struct backend_nft_options *options, struct arena *arena)
{
	struct backend_nft_explanation e = explain(ruleset, options->shape, arena);
	struct nft_program shaped, linear;
	size_t chains = 0, rules = 0, maps = 0, of_parts = 0, listed = 0;
	nft_program_init(&shaped, arena);
	nft_compile_shaped(ruleset, options, &shaped);
	for (size_t i = 0; i < shaped.chain.len; i++) {
		const struct nft_chain *chain = shaped.chain.at[i];
		chains += !chain->direct;
		for (size_t k = 0; k < chain->rule.len && !chain->direct; k++) {
			rules++;
			maps += nft_form_by_map(&chain->rule.at[k]);
		}
	}
	for (size_t i = 0; i < e.part.len; i++) {
		of_parts += e.part.at[i].size.kernel_rules;
		listed += e.part.at[i].listed;
		assert_true(e.part.at[i].passed_ns <= e.part.at[i].worst_ns);
	}
	assert_int_equal(e.size.chains, chains);
	assert_int_equal(e.size.kernel_rules, rules);
	assert_int_equal(e.size.maps, maps);
	assert_true(of_parts <= rules && rules <= of_parts + e.part.len); // and a jump to each
	nft_program_init(&linear, arena);
	nft_compile(ruleset, options, &linear);
	assert_int_equal(listed, nft_program_find(&linear, "")->rule.len);
	assert_true(e.cost.mean_ns <= e.cost.worst_ns);
}

// --- drawings ---

struct reader {
	const char *at;
	unsigned depth;
	size_t nodes, edges;
	char declared[1000][16], end[4000][16];
	size_t ends;
};

static void read_name(struct reader *r, char out[static 16])
{
	size_t n = strspn(r->at, "abcdefghijklmnopqrstuvwxyz0123456789_");
	assert_true(n > 0 && n < 16);
	memcpy(out, r->at, n);
	out[n] = '\0';
	r->at += n;
	r->at += strspn(r->at, " ");
}

// What lies between, its quotes in pairs; behind `stop`.
static void read_until(struct reader *r, char stop)
{
	bool quoted = false;
	for (; *r->at && (quoted || *r->at != stop); r->at++) {
		if (quoted && *r->at == '\\')
			r->at++;
		else if (*r->at == '"')
			quoted = !quoted;
		assert_true(quoted || !strchr("{}", *r->at));
	}
	assert_int_equal(*r->at, stop);
	r->at++;
}

static void read_statement(struct reader *r)
{
	char name[16];
	if (!strncmp(r->at, "subgraph cluster_", 17)) {
		r->at = strchr(r->at, '{') + 1;
		r->depth++;
		return;
	}
	read_name(r, name);
	bool edge = !strncmp(r->at, "-> ", 3);
	bool node = (*name == 'n' || *name == 'r') && name[1] >= '0' && name[1] <= '9';
	if (edge) {
		r->at += 3;
		assert_true(r->ends + 2 < array_len(r->end));
		memcpy(r->end[r->ends++], name, sizeof(name));
		read_name(r, r->end[r->ends++]);
		r->edges++;
	} else if (node) {
		assert_true(r->nodes < array_len(r->declared));
		memcpy(r->declared[r->nodes++], name, sizeof(name));
	}
	read_until(r, ';');
}

static bool is_declared(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->nodes; i++)
		if (!strcmp(r->declared[i], name))
			return true;
	return false;
}

static void read_drawing(const char *text, size_t *nodes_out)
{
	static struct reader r;
	static const char start[] = "digraph rules {";
	assert_memory_equal(text, start, sizeof(start) - 1);
	r = (struct reader){.at = text + sizeof(start) - 1, .depth = 1};
	while (r.depth) {
		r.at += strspn(r.at, " \n");
		if (*r.at == '}') {
			r.at++;
			r.depth--;
		} else {
			read_statement(&r);
		}
	}
	assert_string_equal(r.at, "\n");
	for (size_t i = 0; i < r.ends; i++)
		if (!is_declared(&r, r.end[i]))
			fail_msg("%s is not declared", r.end[i]);
	*nodes_out = r.nodes;
}

static size_t draw(const struct ir_ruleset *ruleset, const struct backend_nft_options *options,
		   struct arena *arena)
{
	struct diags diags;
	struct buf out;
	size_t nodes;
	diags_init(&diags, arena);
	buf_init(&out);
	assert_true(backend_nft_dot(ruleset, options, &diags, &out));
	read_drawing(out.data, &nodes);
	buf_fini(&out);
	return nodes;
}

static void large_drawings_are_cut(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset ruleset;
	struct diags diags;
	struct buf out;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&out);
	make_set(TEST_SETS_ACL, 1000, &arena, &ruleset);
	for (size_t i = 0; i < ruleset.rule.len; i++)
		ruleset.rule.at[i].name = "a \"name\\ with {braces} -> and; more";
	size_t nodes = draw(&ruleset, NULL, &arena);
	assert_true(nodes > 20 && nodes <= 200);
	assert_true(backend_nft_dot(&ruleset, NULL, &diags, &out));
	assert_non_null(strstr(out.data, "more ways"));
	buf_fini(&out);
	arena_fini(&arena);
}

static void random_rulesets(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	for (unsigned i = 0; i < 300; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		test_policy_random(&random, &arena, test_random_chance(&random, 70), 1800000000,
				   &ruleset);
		struct backend_nft_options options = {.shape = test_shape_random(&random)};
		compare_sizes(&ruleset, &options, &arena);
		assert_true(draw(&ruleset, &options, &arena) > 0);
		arena_fini(&arena);
	}
}

// Maps in front of large trees are said, drawn and weighed; a script, which nobody changes, has none.
static void rules_in_front_are_said(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset acl;
	struct diags diags;
	struct buf dot, script;
	const struct backend_nft_options options = {
		.shape = {.form = BACKEND_NFT_MIXED, .overlay_least = 1}};
	const struct backend_nft_shape mixed = {.form = BACKEND_NFT_MIXED};
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&dot);
	buf_init(&script);
	test_sets_make(&(struct test_sets_spec){TEST_SETS_ACL, 4, 300, 1}, &arena, &acl);
	struct backend_nft_explanation with = explain(&acl, options.shape, &arena),
				       without = explain(&acl, mixed, &arena);
	assert_string_equal(with.part.at[0].form, "front");
	assert_int_equal(with.part.at[0].size.maps, NFT_OVERLAY_MAPS);
	assert_true(with.part.at[0].passed_ns > 0);
	assert_string_equal(with.form, without.form);
	assert_int_equal(with.part.len, without.part.len + 1);
	assert_true(with.cost.mean_ns > without.cost.mean_ns);
	assert_true(backend_nft_dot(&acl, &options, &diags, &dot));
	assert_non_null(strstr(dot.data, "n0 -> n"));
	assert_true(backend_nft_print(&acl, &options, &diags, &script));
	assert_null(strstr(script.data, "g1-o"));
	buf_fini(&dot);
	buf_fini(&script);
	arena_fini(&arena);
}

// A gate is drawn as the question that it is.
static void gates_are_drawn(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset fw;
	struct diags diags;
	struct buf dot;
	const struct backend_nft_options options = {.shape = {.form = BACKEND_NFT_MIXED}};
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&dot);
	test_sets_make(&(struct test_sets_spec){TEST_SETS_FW, 4, 1000, 1}, &arena, &fw);
	assert_true(backend_nft_dot(&fw, &options, &diags, &dot));
	assert_non_null(strstr(dot.data, "any rule for it by\nip daddr?\n"));
	assert_non_null(strstr(dot.data, "[label=\"maybe\"]"));
	assert_non_null(strstr(dot.data, "[label=\"no\"]"));
	buf_fini(&dot);
	arena_fini(&arena);
}

static void bad_rulesets_are_refused(void **state)
{
	(void)state;
	struct arena arena;
	struct ir_ruleset ruleset;
	struct backend_nft_explanation explanation;
	struct diags diags;
	struct buf out;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&out);
	make_set(TEST_SETS_ACL, 5, &arena, &ruleset);
	ruleset.rule.at[2].verdict = IR_MIRROR;
	assert_false(backend_nft_explain(&ruleset, NULL, &diags, &arena, &explanation));
	assert_int_equal(diags.errors, 1);
	assert_false(backend_nft_dot(&ruleset, NULL, &diags, &out));
	assert_int_equal(diags.errors, 2);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cheapest_form_is_taken),
		cmocka_unit_test(costs_add_up),
		cmocka_unit_test(maps_cost),
		cmocka_unit_test(the_tree_is_cheaper),
		cmocka_unit_test(linear_is_linear),
		cmocka_unit_test(large_drawings_are_cut),
		cmocka_unit_test(random_rulesets),
		cmocka_unit_test(rules_in_front_are_said),
		cmocka_unit_test(gates_are_drawn),
		cmocka_unit_test(bad_rulesets_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
