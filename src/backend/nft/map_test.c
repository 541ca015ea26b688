// SPDX-License-Identifier: Apache-2.0
// Verdict maps in the kernel: programs with maps come back as they went in, packets follow them, what somebody does to
// a map is seen, and a rule behind a branch is read by what the branch has told.
#include "backend/nft/compile.h"
#include "backend/nft/encode.h"
#include "backend/nft/lift.h"
#include "backend/nft/open.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_program.h"
#include "backend/nft/text.h"
#include "base/buf.h"
#include "base/diag.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PACKETS 40
#define PROGRAMS 40

static struct nft_form branch(enum nft_field field, const char *name, struct nft_branch *to,
			      size_t len)
{
	return (struct nft_form){.act = ACT_BRANCH,
				 .map = {.field = field, .name = name, .branch = to, .len = len}};
}

// --- rulesets of one dimension ---

// Ranges of one dimension that do not overlap, each with a verdict, as rules and as one map.
struct split {
	enum ir_dim dim;
	enum nft_field field;
	bool flow;
	unsigned version; // 0: any
	VEC(struct algebra_range) range;
	struct ir_ruleset ruleset;
	struct nft_program program;
};

// Where ranges begin: at the packets' values, beside them and at the ends.
static size_t cuts_of(struct fixture *f, const struct split *s, const struct test_case *test,
		      size_t wanted, u128 **out)
{
	size_t n = 0, most = test->item.len * 2 + wanted + 1;
	u128 max = algebra_max(ir_dim_info[s->dim].bits), *cut = arena_array(&f->arena, u128, most);
	cut[n++] = 0;
	for (size_t i = 0; i < test->item.len; i++) {
		struct ir_packet dims;
		test_packet_dims(&test->item.at[i].packet, &dims);
		if (!(dims.has >> s->dim & 1))
			continue;
		cut[n++] = dims.value[s->dim];
		if (dims.value[s->dim] < max)
			cut[n++] = dims.value[s->dim] + 1;
	}
	while (n < wanted)
		cut[n++] =
			((u128)test_random_next(&f->random) << 64 | test_random_next(&f->random)) &
			max;
	algebra_values_sort(cut, n);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!kept || cut[kept - 1] != cut[i])
			cut[kept++] = cut[i];
	*out = cut;
	return kept;
}

static struct algebra_set raw_of(struct fixture *f, const struct split *s,
				 struct algebra_range range)
{
	return nft_field_raw(s->field, &f->arena, algebra_set_one(&f->arena, range.lo, range.hi));
}

// Some of the blocks of one size in which values lie.
static void make_blocks(struct fixture *f, struct split *s, const u128 *cut, size_t n)
{
	u128 last = algebra_max(1 + test_random_below(&f->random, ir_dim_info[s->dim].bits - 1));
	for (size_t i = 0; i < n; i++) {
		struct algebra_range range = {cut[i] & ~last, cut[i] | last};
		bool new = !i || (cut[i - 1] | last) != range.hi;
		if (new && (!s->range.len || test_random_chance(&f->random, 80)))
			vec_push(&f->arena, &s->range, range);
	}
}

// Most ranges reach to the next one, some end before it, some are left out; `single` values or blocks only if that is asked
// for.
enum kind { RANGES, SINGLE, BLOCKS, KINDS };
static void make_ranges(struct fixture *f, struct split *s, const struct test_case *test,
			size_t wanted, enum kind kind)
{
	u128 *cut, max = algebra_max(ir_dim_info[s->dim].bits);
	size_t n = cuts_of(f, s, test, wanted, &cut);
	if (kind == BLOCKS)
		make_blocks(f, s, cut, n);
	for (size_t i = 0; i < n && kind != BLOCKS; i++) {
		u128 behind = i + 1 < n ? cut[i + 1] - 1 : max;
		bool whole = test_random_chance(&f->random, 70) && kind == RANGES;
		struct algebra_range range = {cut[i], whole ? behind : cut[i]};
		if (test_random_chance(&f->random, 80) && raw_of(f, s, range).len == 1)
			vec_push(&f->arena, &s->range, range);
	}
}

static void make_rules(struct fixture *f, struct split *s)
{
	struct arena *a = &f->arena;
	s->ruleset = (struct ir_ruleset){.default_action = IR_REJECT};
	for (size_t i = 0; i < s->range.len; i++) {
		struct ir_rule rule = {.policy = "p",
				       .name = "r",
				       .verdict = i % 2 ? IR_PASS : IR_DROP,
				       .flow = s->flow,
				       .clauses = 1,
				       .clause = arena_new(a, struct ir_clause)};
		bool good =
			ir_clause_narrow(rule.clause, a, s->dim,
					 algebra_set_one(a, s->range.at[i].lo, s->range.at[i].hi));
		if (s->version)
			good &= ir_clause_narrow(rule.clause, a, IR_FAMILY,
						 algebra_set_one(a, s->version, s->version));
		assert_true(good);
		vec_push(a, &s->ruleset.rule, rule);
	}
}

// Takes the match of the field out of the kernel rule of one rule: what is left guards the map.
static struct nft_form guards_of(struct fixture *f, const struct split *s, size_t index)
{
	struct nft_program scratch;
	nft_program_init(&scratch, &f->arena);
	struct nft_chain *chain = nft_program_chain(&scratch, "");
	nft_compile_rule(&scratch, NULL, &s->ruleset.rule.at[index], (uint32_t)index, chain);
	assert_int_equal(chain->rule.len, 1);
	struct nft_form guards = {0};
	for (size_t i = 0; i < chain->rule.at[0].len; i++)
		if (chain->rule.at[0].match[i].field != s->field)
			nft_form_match(&guards, &f->arena, chain->rule.at[0].match[i].field,
				       chain->rule.at[0].match[i].set);
	return guards;
}

static void make_program(struct fixture *f, struct split *s)
{
	struct nft_branch *to = arena_array(&f->arena, struct nft_branch, s->range.len);
	for (size_t i = 0; i < s->range.len; i++)
		to[i] = (struct nft_branch){raw_of(f, s, s->range.at[i]).at[0],
					    i % 2 ? "-n0" : "-n1"};
	nft_program_init(&s->program, &f->arena);
	struct nft_chain *top = nft_program_chain(&s->program, ""),
			 *pass = nft_program_chain(&s->program, "-n0"),
			 *drop = nft_program_chain(&s->program, "-n1");
	struct nft_form form = branch(s->field, "-m0", to, s->range.len),
			guards = guards_of(f, s, 0);
	form.match = guards.match;
	form.len = guards.len;
	test_rule_push(f, top, form);
	nft_compile_end(&s->program, s->flow, s->ruleset.default_action, top);
	test_rule_push(f, pass, (struct nft_form){.act = ACT_ACCEPT});
	test_rule_push(f, drop, (struct nft_form){.act = ACT_DROP});
}

// --- following ---

static void make_packets(struct fixture *f, const struct split *s, struct test_case *test)
{
	struct ir_ruleset other; // packets are drawn from its values
	*test = (struct test_case){.tracked = s->flow};
	test_policy_random(&f->random, &f->arena, s->flow, time(NULL), &other);
	for (int i = 0; i < PACKETS; i++) {
		struct test_packet p;
		test_packet_random(&f->random, &other, s->flow, &p);
		(void)test_case_add(test, &f->arena, &p, -1);
	}
}

static bool is_masked(const struct nft_map *map)
{
	unsigned block = nft_map_block(map);
	return block && block != NFT_MAP_RANGES;
}

static void assert_followed(struct fixture *f, struct split *s, size_t ranges, enum kind kind)
{
	struct test_case test;
	s->field = nft_field_of(s->dim, s->flow ? OF_FLOW : OF_PACKET, s->version ? s->version : 4,
				false);
	make_packets(f, s, &test);
	make_ranges(f, s, &test, ranges, kind);
	assert_true(s->range.len > 0);
	make_rules(f, s);
	make_program(f, s);
	assert_int_equal(kind == BLOCKS, is_masked(&s->program.chain.at[0]->rule.at[0].map));
	test_oracle_enter(&f->oracle, s->flow);
	test_program_load(f, &s->program);
	test_program_assert(f, &s->program);
	test.ruleset[0] = s->ruleset;
	if (!test_oracle_packets(&f->oracle, &test)) {
		test_oracle_print(&f->oracle, &test);
		fail_msg("%s: %s", ir_dim_info[s->dim].key, f->oracle.fault);
	}
	if (test_program_script(f, &s->program))
		test_program_assert(f, &s->program);
	else
		assert_true(s->dim == IR_DSCP || s->dim == IR_IN || s->dim == IR_OUT);
}

// Every kind of place: meta, conntrack, headers; whole values, parts of bytes, numbers that are counted down.
static void packets_follow_maps(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum ir_dim dim;
		bool flow;
		unsigned version;
	} of[] = {{IR_FAMILY, false, 0},  {IR_PROTO, false, 0},    {IR_SRC4, false, 0},
		  {IR_DST4, false, 0},    {IR_SRC6, false, 0},     {IR_DST6, false, 0},
		  {IR_SPORT, false, 0},   {IR_DPORT, false, 0},    {IR_ICMP4, false, 0},
		  {IR_ICMP6, false, 0},   {IR_IN, false, 0},       {IR_OUT, false, 0},
		  {IR_SMAC, false, 0},    {IR_DSCP, false, 4},     {IR_DSCP, false, 6},
		  {IR_ECN, false, 4},     {IR_LENGTH, false, 4},   {IR_FLOWLABEL, false, 6},
		  {IR_FRAGOFF, false, 4}, {IR_TCPFLAGS, false, 0}, {IR_ETHERTYPE, false, 0},
		  {IR_PROTO, true, 0},    {IR_SRC4, true, 0},      {IR_DST4, true, 0},
		  {IR_SRC6, true, 0},     {IR_DST6, true, 0},      {IR_DPORT, true, 0},
		  {IR_ICMP4, true, 0},    {IR_SPORT, true, 0}};
	for (size_t i = 0; i < array_len(of) * KINDS; i++) {
		size_t k = i / KINDS;
		struct split s = {.dim = of[k].dim, .flow = of[k].flow, .version = of[k].version};
		enum kind kind = i % KINDS;
		enum nft_side side = s.flow ? OF_FLOW : OF_PACKET;
		if (kind != BLOCKS || nft_field_is_address(nft_field_of(
					      s.dim, side, s.version ? s.version : 4, false)))
			assert_followed(f, &s, k % 3 ? 1 : 40, kind);
	}
}

// --- what the way tells ---

static struct nft_form goes(enum nft_act act, const char *chain)
{
	return (struct nft_form){.act = act, .chain = chain};
}

static struct algebra_set one(struct fixture *f, u128 lo, u128 hi)
{
	return algebra_set_one(&f->arena, lo, hi);
}

// Version, protocol and port are asked for once each, in chains of their own; the leaf reads another port.
static void make_tree(struct fixture *f, struct nft_program *program)
{
	static struct nft_branch version[] = {{{NFT_VERSION_4, NFT_VERSION_4}, "-n1"},
					      {{NFT_VERSION_6, NFT_VERSION_6}, "-n2"}},
				 protocol[] = {{{6, 6}, "-n3"},
					       {{17, 17}, "-n3"},
					       {{33, 33}, "-n3"}},
				 port[] = {{{0, 1023}, "-n4"}, {{1024, 65535}, "-n5"}},
				 address[] = {{{0, 0}, "-n4"}, {{1, UINT32_MAX}, "-n5"}};
	struct nft_chain *chain[6];
	static const char *const names[] = {"", "-n1", "-n2", "-n3", "-n4", "-n5"};
	nft_program_init(program, &f->arena);
	for (size_t i = 0; i < 6; i++)
		chain[i] = nft_program_chain(program, names[i]);
	test_rule_push(f, chain[0], branch(F_VERSION, "-m0", version, 2));
	test_rule_push(f, chain[1], branch(F_SRC4, "-m1", address, 2));
	test_rule_push(f, chain[2], branch(F_PROTO, "-m2", protocol, 3));
	test_rule_push(f, chain[3], branch(F_DPORT, "-m3", port, 2));
	struct nft_form leaf = goes(ACT_ACCEPT, NULL);
	nft_form_match(&leaf, &f->arena, F_SPORT, one(f, 7, 70));
	test_rule_push(f, chain[4], leaf);
	test_rule_push(f, chain[4], goes(ACT_GOTO, "-n5"));
	test_rule_push(f, chain[5], goes(ACT_DROP, NULL));
}

static const struct nft_form *found_form(const struct nft_program *program, const char *chain,
					 size_t at)
{
	const struct nft_chain *c = nft_program_find(program, chain);
	assert_non_null(c);
	assert_true(at < c->rule.len);
	return &c->rule.at[at];
}

static void assert_resolved(struct fixture *f, const struct nft_program *found,
			    const struct nft_program *meant, const struct nft_form *path)
{
	static const struct {
		const char *chain;
		size_t at;
	} open[] = {{"-n3", 0}, {"-n4", 0}};
	for (size_t i = 0; i < array_len(open); i++) {
		struct nft_form form;
		nft_form_resolve(found_form(found, open[i].chain, open[i].at), path, &f->arena,
				 &form);
		test_form_assert(f, found_form(meant, open[i].chain, open[i].at), &form);
	}
}

static void a_branch_tells_what_comes_behind_it(void **state)
{
	struct fixture *f = *state;
	struct nft_program meant, found;
	struct nft_form path = {0}, form;
	test_oracle_enter(&f->oracle, false);
	make_tree(f, &meant);
	test_program_load(f, &meant);
	test_program_read(f, &found);
	test_form_assert(f, found_form(&meant, "", 0), found_form(&found, "", 0));
	test_form_assert(f, found_form(&meant, "-n2", 0), found_form(&found, "-n2", 0));
	test_form_assert(f, found_form(&meant, "-n4", 1), found_form(&found, "-n4", 1));
	static const char *const unclear[] = {"-n1", "-n3", "-n4"};
	for (size_t i = 0; i < array_len(unclear); i++) {
		assert_non_null(found_form(&found, unclear[i], 0)->strange);
		nft_form_resolve(found_form(&found, unclear[i], 0), NULL, &f->arena, &form);
		assert_non_null(form.strange);
	}
	nft_form_match(&path, &f->arena, F_VERSION, one(f, NFT_VERSION_4, NFT_VERSION_4));
	nft_form_resolve(found_form(&found, "-n1", 0), &path, &f->arena, &form);
	test_form_assert(f, found_form(&meant, "-n1", 0), &form);
	struct nft_form ports = path, icmp = path;
	nft_form_match(&ports, &f->arena, F_PROTO, one(f, 6, 6));
	assert_resolved(f, &found, &meant, &ports);
	// The same bytes are something else of another protocol.
	nft_form_match(&icmp, &f->arena, F_PROTO, one(f, 1, 1));
	nft_form_resolve(found_form(&found, "-n4", 0), &icmp, &f->arena, &form);
	assert_null(form.strange);
	assert_non_null(nft_form_set(&form, F_ICMP4));
	assert_null(nft_form_set(&form, F_SPORT));
	nft_form_resolve(found_form(&found, "-n3", 0), &icmp, &f->arena, &form);
	assert_non_null(form.strange);
}

// Packets of both versions come to a leaf of one protocol. A rule there that is for one of them reads the same for all.
static void a_rule_reads_the_same_where_it_matches_nothing(void **state)
{
	struct fixture *f = *state;
	struct nft_program meant, found;
	test_oracle_enter(&f->oracle, false);
	nft_program_init(&meant, &f->arena);
	struct nft_form echo = goes(ACT_ACCEPT, NULL);
	nft_form_match(&echo, &f->arena, F_VERSION, one(f, NFT_VERSION_4, NFT_VERSION_4));
	nft_form_match(&echo, &f->arena, F_ICMP4, one(f, 0x0800, 0x0800));
	test_rule_push(f, nft_program_chain(&meant, ""), echo);
	test_program_load(f, &meant);
	test_program_read(f, &found);
	assert_non_null(found_form(&found, "", 0)->strange);
	for (u128 version = 0; version < 256; version++) {
		struct nft_form path = {0}, form;
		nft_form_match(&path, &f->arena, F_VERSION, one(f, version, version));
		nft_form_match(&path, &f->arena, F_PROTO, one(f, 1, 1));
		nft_form_resolve(found_form(&found, "", 0), &path, &f->arena, &form);
		test_form_assert(f, &echo, &form);
	}
}

// What a tree tests on the way to a rule.
static bool tested_before(const struct nft_match *match)
{
	bool whole = match->set.len == 1 && !match->set.at[0].lo && match->set.at[0].hi == 255;
	return match->field == F_VERSION || match->field == F_PROTO || match->field == F_LINK ||
	       match->field == F_FLOW_VERSION || (match->field == F_FLOW_PROTO && !whole);
}

static struct nft_form part_of(struct fixture *f, const struct nft_form *form, bool before)
{
	struct nft_form out = before ? (struct nft_form){0} : *form;
	out.match = NULL;
	out.len = 0;
	for (size_t i = 0; i < form->len; i++)
		if (tested_before(&form->match[i]) == before)
			nft_form_match(&out, &f->arena, form->match[i].field, form->match[i].set);
	return out;
}

// The rules of the main chain, each in a leaf of its own that does not test what the way to it has tested.
static void make_leaves(struct fixture *f, const struct nft_program *linear,
			struct nft_program *out, struct nft_form *path)
{
	nft_program_init(out, &f->arena);
	const struct nft_chain *rules = linear->chain.at[0];
	struct nft_chain *top = nft_program_chain(out, "");
	for (size_t i = 1; i < linear->chain.len; i++)
		nft_program_chain(out, linear->chain.at[i]->name)->rule = linear->chain.at[i]->rule;
	for (size_t i = 0; i < rules->rule.len; i++) {
		char *name = arena_printf(&f->arena, "-n%zu", i);
		path[i] = part_of(f, &rules->rule.at[i], true);
		struct nft_form to = path[i];
		to.act = ACT_GOTO;
		to.chain = name;
		test_rule_push(f, top, to);
		struct nft_chain *leaf = nft_program_chain(out, name);
		vec_push(&f->arena, &leaf->rule, part_of(f, &rules->rule.at[i], false));
	}
}

// The form with all that the way tells, too: nft may test some of it once more.
static struct nft_form with_path(struct fixture *f, const struct nft_form *form,
				 const struct nft_form *path)
{
	struct nft_form out;
	nft_form_resolve(form, path, &f->arena, &out);
	for (size_t i = 0; i < path->len; i++)
		nft_form_match(&out, &f->arena, path->match[i].field, path->match[i].set);
	nft_form_tidy(&out);
	return out;
}

static void assert_leaves(struct fixture *f, const struct nft_program *meant,
			  const struct nft_form *path, bool exact)
{
	struct nft_program found;
	test_program_read(f, &found);
	for (size_t i = 0; i < meant->chain.at[0]->rule.len; i++) {
		const char *name = arena_printf(&f->arena, "-n%zu", i);
		struct nft_form is, leaf = *found_form(meant, name, 0);
		if (exact) {
			nft_form_resolve(found_form(&found, name, 0), &path[i], &f->arena, &is);
		} else {
			is = with_path(f, found_form(&found, name, 0), &path[i]);
			leaf = with_path(f, &leaf, &path[i]);
		}
		// What it leads to is compared elsewhere.
		is.chain = leaf.chain = NULL;
		test_form_assert(f, &leaf, &is);
	}
}

static void leaves_need_not_test_again(void **state)
{
	struct fixture *f = *state;
	unsigned scripts = 0;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct ir_ruleset ruleset, split;
		struct nft_program linear, tree;
		test_oracle_enter(&f->oracle, i % 2);
		test_policy_random(&f->random, &f->arena, i % 2, time(NULL), &ruleset);
		nft_text_split(&ruleset, &f->arena, &split);
		nft_program_init(&linear, &f->arena);
		nft_compile(&split, NULL, &linear);
		struct nft_form *path =
			arena_array(&f->arena, struct nft_form, linear.chain.at[0]->rule.len);
		make_leaves(f, &linear, &tree, path);
		test_program_load(f, &tree);
		assert_leaves(f, &tree, path, true);
		if (!test_program_script(f, &tree))
			continue;
		assert_leaves(f, &tree, path, false);
		scripts++;
	}
	assert_true(scripts > PROGRAMS / 4);
}

// --- changes in place ---

// The chain and its rules, read alone.
static void read_chain(struct fixture *f, const char *chain, struct nft_program *out)
{
	const char *const names[] = {arena_printf(&f->arena, "g1%s", chain), "g1-none"};
	const struct nft_part part = {.chain = names, .chains = 2};
	struct nft_table table;
	assert_int_equal(
		nft_table_read_part(&f->oracle.nft->socket, "bulwark", &part, &f->arena, &table),
		0);
	assert_int_equal(table.chain.len, 1);
	nft_program_init(out, &f->arena);
	nft_lift_program(&table, 1, out);
}

static void change_map(struct fixture *f, const struct nft_map *map, struct nft_branch *gone,
		       size_t gone_len, struct nft_branch *new, size_t new_len)
{
	struct nft_batch batch;
	struct nft_encoder encoder = test_encoder(f, &batch, "g1");
	struct nft_map less = *map, more = *map;
	bool ranges = nft_map_block(map) == NFT_MAP_RANGES;
	less.branch = gone;
	less.len = gone_len;
	more.branch = new;
	more.len = new_len;
	nft_batch_init(&batch, &f->arena);
	nft_encode_branches(&encoder, NFT_MSG_DELSETELEM, &less, ranges, 0);
	nft_encode_branches(&encoder, NFT_MSG_NEWSETELEM, &more, ranges, 0);
	test_batch_run(f, &batch);
}

static struct nft_branch *many(struct fixture *f, size_t n, u128 width, const char *chain)
{
	struct nft_branch *branch = arena_array(&f->arena, struct nft_branch, n);
	for (size_t i = 0; i < n; i++)
		branch[i] = (struct nft_branch){{i * 16, i * 16 + width - 1}, chain};
	return branch;
}

static void make_one_map(struct fixture *f, struct nft_branch *to, size_t len,
			 struct nft_program *out)
{
	nft_program_init(out, &f->arena);
	struct nft_chain *top = nft_program_chain(out, "");
	struct nft_form form = branch(F_FLOW_DST6, "-m0", to, len);
	test_rule_push(f, top, form);
	nft_compile_end(out, false, IR_DROP, top);
	test_rule_push(f, nft_program_chain(out, "-n0"), goes(ACT_ACCEPT, NULL));
	test_rule_push(f, nft_program_chain(out, "-n1"), goes(ACT_DROP, NULL));
	test_program_load(f, out);
	test_program_assert(f, out);
}

static void assert_map_is(struct fixture *f, struct nft_branch *to, size_t len)
{
	struct nft_program found;
	read_chain(f, "", &found);
	struct nft_form meant = branch(F_FLOW_DST6, "-m0", to, len);
	meant.tag.known = true;
	test_form_assert(f, &meant, found_form(&found, "", 0));
}

static void ranges_change_in_place(void **state)
{
	struct fixture *f = *state;
	struct nft_program program;
	enum { LEN = 1000 };
	struct nft_branch *to = many(f, LEN, 16, "-n0"); // each begins where the last one ends
	to[0].range.lo = 1;                              // so they are no blocks
	test_oracle_enter(&f->oracle, true);
	make_one_map(f, to, LEN, &program);
	struct nft_map map = program.chain.at[0]->rule.at[0].map;
	struct nft_branch old = to[500], halves[] = {{{8000, 8003}, "-n1"}, {{8004, 8015}, "-n0"}};
	change_map(f, &map, &old, 1, halves, 2);
	struct nft_branch *now = arena_array(&f->arena, struct nft_branch, LEN + 1);
	memcpy(now, to, 500 * sizeof(*to));
	memcpy(now + 500, halves, sizeof(halves));
	memcpy(now + 502, to + 501, (LEN - 501) * sizeof(*to));
	assert_map_is(f, now, LEN + 1);
	change_map(f, &map, halves, 2, &old, 1);
	assert_map_is(f, to, LEN);
	struct nft_branch last = to[LEN - 1], end = last;
	end.range.hi = algebra_max(128);
	change_map(f, &map, &last, 1, &end, 1);
	to[LEN - 1] = end;
	assert_map_is(f, to, LEN);
	to[LEN - 1] = last;
	change_map(f, &map, &end, 1, &last, 1);
	to[0].chain = "-n1";
	change_map(f, &map, to, 1, to, 1);
	assert_map_is(f, to, LEN);
}

// More than a small socket buffer takes at once.
static void large_maps_go_in_parts(void **state)
{
	struct fixture *f = *state;
	struct nft_program program;
	enum { LEN = 100000 };
	struct nft_branch *to = many(f, LEN, 15, "-n0");
	test_oracle_enter(&f->oracle, true);
	size_t most = f->oracle.nft->socket.send_most;
	f->oracle.nft->socket.send_most = 200000;
	make_one_map(f, to, LEN, &program);
	f->oracle.nft->socket.send_most = most;
	assert_map_is(f, to, LEN);
}

static void single_values_change_in_place(void **state)
{
	struct fixture *f = *state;
	struct nft_program program;
	struct nft_branch *to = many(f, nft_map_room(3) + 1, 1, "-n0");
	test_oracle_enter(&f->oracle, true);
	make_one_map(f, to, 3, &program);
	struct nft_map map = program.chain.at[0]->rule.at[0].map;
	change_map(f, &map, NULL, 0, to + 3, nft_map_room(3) - 3);
	assert_map_is(f, to, nft_map_room(3));
	struct nft_branch old = to[7];
	to[7].chain = "-n1";
	change_map(f, &map, &old, 1, to + 7, 1);
	assert_map_is(f, to, nft_map_room(3));
	change_map(f, &map, to + 2, nft_map_room(3) - 2, NULL, 0);
	assert_map_is(f, to, 2);
}

static void rules_come_where_they_shall(void **state)
{
	struct fixture *f = *state;
	struct nft_program program, found;
	test_oracle_enter(&f->oracle, false);
	nft_program_init(&program, &f->arena);
	struct nft_chain *top = nft_program_chain(&program, "");
	test_rule_push(f, top, goes(ACT_DROP, NULL));
	test_rule_push(f, top, goes(ACT_ACCEPT, NULL));
	test_program_load(f, &program);
	read_chain(f, "", &found);
	uint64_t first = found_form(&found, "", 0)->handle,
		 second = found_form(&found, "", 1)->handle;
	static const struct {
		enum nft_spot spot;
		bool second;
	} at[] = {
		{SPOT_BEFORE, false}, {SPOT_BEFORE, true}, {SPOT_END, false}, {SPOT_BEFORE, false}};
	static const uint8_t order[] = {0, 3, 255, 1, 255, 2};
	struct nft_batch batch;
	struct nft_encoder encoder = test_encoder(f, &batch, "g1");
	nft_batch_init(&batch, &f->arena);
	for (unsigned i = 0; i < array_len(at); i++) {
		struct nft_form form = goes(ACT_DROP, NULL);
		nft_form_match(&form, &f->arena, F_PROTO, one(f, i, i));
		nft_encode_rule_at(&encoder, "g1", &form, at[i].spot,
				   at[i].second ? second : first);
	}
	test_batch_run(f, &batch);
	read_chain(f, "", &found);
	assert_int_equal(nft_program_find(&found, "")->rule.len, array_len(order));
	for (size_t i = 0; i < array_len(order); i++) {
		const struct algebra_set *set = nft_form_set(found_form(&found, "", i), F_PROTO);
		assert_int_equal(set ? (int)set->at[0].lo : 255, order[i]);
	}
}

// --- tampering ---

#define V4 "meta nfproto ipv4 "

// What somebody does to a map of ranges, and what is then read: strange, or these branches.
struct tampering {
	const char *command;
	bool strange;
	size_t len;
	struct nft_branch branch[3];
};
static const struct tampering of_ranges[] = {
	{"add element inet bulwark g1-m0 { 10.0.0.0/8 : goto g1-n1 }",
	 false,
	 3,
	 {{{0x0a000000, 0x0affffff}, "-n1"},
	  {{0x0b000000, 0x0bffffff}, "-n0"},
	  {{0x0d000000, 0x0dfffffe}, "-n1"}}},
	{"delete element inet bulwark g1-m0 { 11.0.0.0/8 }",
	 false,
	 1,
	 {{{0x0d000000, 0x0dfffffe}, "-n1"}}},
	{"delete element inet bulwark g1-m0 { 11.0.0.0/8 }\n"
	 "add element inet bulwark g1-m0 { 11.0.0.0/8 : goto g1-n1 }",
	 false,
	 2,
	 {{{0x0b000000, 0x0bffffff}, "-n1"}, {{0x0d000000, 0x0dfffffe}, "-n1"}}},
	{"delete element inet bulwark g1-m0 { 11.0.0.0/8 }\n"
	 "add element inet bulwark g1-m0 { 11.0.0.0-11.0.0.8 : goto other }",
	 false,
	 2,
	 {{{0x0b000000, 0x0b000008}, "other"}, {{0x0d000000, 0x0dfffffe}, "-n1"}}},
	{"flush map inet bulwark g1-m0", false, 0, {{{0, 0}, NULL}}},
	{"add element inet bulwark g1-m0 { 10.0.0.1 : jump g1-n1 }", true, 0, {{{0, 0}, NULL}}},
	{"add element inet bulwark g1-m0 { 10.0.0.1 : accept }", true, 0, {{{0, 0}, NULL}}},
	{"add element inet bulwark g1-m0 { 10.0.0.1 : continue }", true, 0, {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h ip daddr vmap @g1-any", true, 0, {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h ip daddr vmap { 10.0.0.1 : goto g1-n1 }",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h ip daddr vmap @other", true, 0, {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h ip daddr vmap @g1-timed",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h ip daddr vmap @g1-counted",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h meta mark set ip daddr map @g1-marks",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
};

// The same of blocks of 2^24 addresses.
static const struct tampering of_blocks[] = {
	{"add element inet bulwark g1-m0 { 10.0.0.0 : goto g1-n1 }",
	 false,
	 3,
	 {{{0x0a000000, 0x0affffff}, "-n1"},
	  {{0x0b000000, 0x0bffffff}, "-n0"},
	  {{0x0d000000, 0x0dffffff}, "-n1"}}},
	{"add element inet bulwark g1-m0 { 10.0.0.1 : goto g1-n1 }", // no masked value is that
	 false,
	 2,
	 {{{0x0b000000, 0x0bffffff}, "-n0"}, {{0x0d000000, 0x0dffffff}, "-n1"}}},
	{"delete element inet bulwark g1-m0 { 11.0.0.0 }",
	 false,
	 1,
	 {{{0x0d000000, 0x0dffffff}, "-n1"}}},
	{"replace rule inet bulwark g1 handle %h " V4 "ip daddr & 255.128.0.0 vmap @g1-m0",
	 false,
	 2,
	 {{{0x0b000000, 0x0b7fffff}, "-n0"}, {{0x0d000000, 0x0d7fffff}, "-n1"}}},
	{"replace rule inet bulwark g1 handle %h " V4 "ip daddr & 254.0.0.0 vmap @g1-m0",
	 false,
	 0,
	 {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h " V4 "ip daddr & 255.255.0.0 vmap @g1-wide",
	 false,
	 2,
	 {{{0x0b000000, 0x0b01ffff}, "-n0"}, {{0x0b050000, 0x0b05ffff}, "-n1"}}},
	{"replace rule inet bulwark g1 handle %h ip daddr vmap @g1-m0",
	 false,
	 2,
	 {{{0x0b000000, 0x0b000000}, "-n0"}, {{0x0d000000, 0x0d000000}, "-n1"}}},
	{"replace rule inet bulwark g1 handle %h " V4 "ip daddr & 255.0.0.255 vmap @g1-m0",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h " V4 "ip daddr & 0.255.255.255 vmap @g1-m0",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
	{"replace rule inet bulwark g1 handle %h " V4 "ip daddr ^ 1.0.0.0 vmap @g1-m0",
	 true,
	 0,
	 {{{0, 0}, NULL}}},
};

static void tamper(const char *command, uint64_t handle)
{
	struct buf script;
	buf_init(&script);
	buf_adds(&script,
		 "table inet bulwark {\n chain other {\n }\n"
		 " map other { type ipv4_addr : verdict; elements = { 10.0.0.1 : goto g1-n1 } }\n"
		 " map g1-timed { type ipv4_addr : verdict; flags timeout; elements = { 10.0.0.1 "
		 "timeout 1h : goto g1-n1 } }\n"
		 " map g1-counted { type ipv4_addr : verdict; counter; elements = { 10.0.0.1 : "
		 "goto g1-n1 } }\n"
		 " map g1-any { type ipv4_addr : verdict; elements = { 10.0.0.1 : goto g1-n1, * : "
		 "goto g1-n0 } }\n"
		 " map g1-wide { type ipv4_addr : verdict; flags interval; elements = { "
		 "11.0.0.0-11.1.0.7 : goto g1-n0, 11.2.0.1-11.2.0.9 : goto g1-n1, "
		 "11.4.0.1-11.5.0.0 : goto g1-n1 } }\n"
		 " map g1-marks { type ipv4_addr : mark; elements = { 10.0.0.1 : 7 } }\n}\n");
	for (const char *c = command; *c; c++) {
		if (c[0] == '%' && c[1] == 'h')
			buf_printf(&script, "%llu", (unsigned long long)handle);
		else
			buf_addc(&script, *c);
		c += *c == '%';
	}
	buf_addc(&script, '\n');
	if (test_nft(script.data))
		fail_msg("nft does not take:\n%s", script.data);
	buf_fini(&script);
}

static void assert_tampered(struct fixture *f, const struct nft_program *program,
			    const struct nft_form *form, const struct tampering *how)
{
	struct nft_program found;
	test_program_load(f, program);
	read_chain(f, "", &found);
	test_form_assert(f, form, found_form(&found, "", 0));
	tamper(how->command, found_form(&found, "", 0)->handle);
	read_chain(f, "", &found);
	const struct nft_form *is = found_form(&found, "", 0);
	if (how->strange != (is->strange != NULL))
		fail_msg("after '%s': %s", how->command, is->strange ? is->strange : "not strange");
	if (how->strange)
		return;
	struct nft_form meant = *form;
	meant.map.name = is->map.name;
	meant.map.branch = (struct nft_branch *)how->branch;
	meant.map.len = how->len;
	test_form_assert(f, &meant, is);
}

static void assert_all_tampered(struct fixture *f, struct nft_branch *to,
				const struct tampering *how, size_t len)
{
	struct nft_program program;
	nft_program_init(&program, &f->arena);
	struct nft_form form = branch(F_DST4, "-m0", to, 2);
	nft_form_match(&form, &f->arena, F_VERSION, one(f, NFT_VERSION_4, NFT_VERSION_4));
	test_rule_push(f, nft_program_chain(&program, ""), form);
	test_rule_push(f, nft_program_chain(&program, "-n0"), goes(ACT_ACCEPT, NULL));
	test_rule_push(f, nft_program_chain(&program, "-n1"), goes(ACT_DROP, NULL));
	form.tag.known = true;
	for (size_t i = 0; i < len; i++)
		assert_tampered(f, &program, &form, &how[i]);
}

static void tampered_maps_are_read_as_they_are(void **state)
{
	struct fixture *f = *state;
	struct nft_branch ranges[] = {{{0x0b000000, 0x0bffffff}, "-n0"},
				      {{0x0d000000, 0x0dfffffe}, "-n1"}},
			  blocks[] = {{{0x0b000000, 0x0bffffff}, "-n0"},
				      {{0x0d000000, 0x0dffffff}, "-n1"}};
	test_oracle_enter(&f->oracle, false);
	assert_all_tampered(f, ranges, of_ranges, array_len(of_ranges));
	assert_all_tampered(f, blocks, of_blocks, array_len(of_blocks));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_programs_begin, test_programs_finish)
	const struct CMUnitTest tests[] = {
		TEST(packets_follow_maps),
		TEST(a_branch_tells_what_comes_behind_it),
		TEST(a_rule_reads_the_same_where_it_matches_nothing),
		TEST(leaves_need_not_test_again),
		TEST(ranges_change_in_place),
		TEST(large_maps_go_in_parts),
		TEST(single_values_change_in_place),
		TEST(rules_come_where_they_shall),
		TEST(tampered_maps_are_read_as_they_are),
	};
	return cmocka_run_group_tests(tests, test_programs_open, test_programs_close);
}
