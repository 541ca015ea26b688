// SPDX-License-Identifier: Apache-2.0
// Maps over several fields in the kernel: they come back as they went in, packets follow the first box, the kernel takes
// what filling says that it takes, and what nft(8) does to a map is seen.
#include "backend/nft/boxes.h"
#include "backend/nft/compile.h"
#include "backend/nft/lift.h"
#include "backend/nft/netlink.h"
#include "backend/nft/open.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_program.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PACKETS 60

// --- packets ---

// Boxes as rules of the IR and as one map.
struct layout {
	bool flow;
	unsigned version;
	size_t fields;
	enum ir_dim dim[4];
};
struct plan {
	const struct layout *layout;
	enum nft_field field[4];
	struct nft_filling *filling;
	struct ir_ruleset ruleset;
	struct nft_program program;
};

static void make_packets(struct fixture *f, bool flow, struct test_case *test)
{
	struct ir_ruleset other; // packets are drawn from its values
	*test = (struct test_case){.tracked = flow};
	test_policy_random(&f->random, &f->arena, flow, time(NULL), &other);
	for (int i = 0; i < PACKETS; i++) {
		struct test_packet p;
		test_packet_random(&f->random, &other, flow, &p);
		(void)test_case_add(test, &f->arena, &p, -1);
	}
}

// Around a value of some packet: it alone, up to some distance, or everything. Ports are never open, so that a packet
// without any is in no rule and in no box.
static struct algebra_range range_around(struct fixture *f, enum ir_dim dim, u128 value)
{
	u128 max = algebra_max(ir_dim_info[dim].bits), least = dim == IR_SPORT || dim == IR_DPORT;
	if (test_random_chance(&f->random, 35))
		return (struct algebra_range){least, max};
	if (value < least)
		value = least;
	u128 by = test_random_chance(&f->random, 40) ? 0
						     : (u128)1 << test_random_below(&f->random, 16);
	return (struct algebra_range){value - least > by ? value - by : least,
				      max - value > by ? value + by : max};
}

static struct ir_rule rule_of(struct fixture *f, const struct layout *l, bool passes)
{
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .verdict = passes ? IR_PASS : IR_DROP,
			       .flow = l->flow,
			       .clauses = 1,
			       .clause = arena_new(&f->arena, struct ir_clause)};
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_FAMILY,
				     algebra_set_one(&f->arena, l->version, l->version)));
	if (l->dim[l->fields - 1] == IR_DPORT)
		assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
					     nft_protocols_set(l->flow ? FLOW_PORTS : PORTS)));
	return rule;
}

static void add_box(struct fixture *f, struct plan *p, const struct test_case *test)
{
	const struct layout *l = p->layout;
	struct ir_packet dims;
	struct algebra_range *range = arena_array(&f->arena, struct algebra_range, l->fields);
	bool passes = test_random_chance(&f->random, 50);
	struct ir_rule rule = rule_of(f, l, passes);
	uint32_t which = test_random_below(&f->random, (uint32_t)test->item.len);
	test_packet_dims(&test->item.at[which].packet, &dims);
	for (size_t i = 0; i < l->fields; i++) {
		enum ir_dim dim = l->dim[i];
		u128 value = dims.has >> dim & 1 ? dims.value[dim]
						 : test_random_next(&f->random) & 0xffff;
		range[i] = range_around(f, dim, value);
		assert_true(ir_clause_narrow(rule.clause, &f->arena, dim,
					     algebra_set_one(&f->arena, range[i].lo, range[i].hi)));
	}
	const struct nft_box box = {.range = range, .chain = passes ? "-n0" : "-n1"};
	if (nft_filling_add(p->filling, &box, 20))
		vec_push(&f->arena, &p->ruleset.rule, rule);
}

static bool of_box(const struct plan *p, enum nft_field field)
{
	for (size_t i = 0; i < p->layout->fields; i++)
		if (p->field[i] == field)
			return true;
	return false;
}

// The tests of a rule but those that the map does: what is left guards it.
static struct nft_form guarded(struct fixture *f, const struct plan *p)
{
	struct nft_program scratch;
	struct ir_rule rule = p->ruleset.rule.at[0];
	struct nft_form form = {.act = ACT_BOXES};
	nft_program_init(&scratch, &f->arena);
	struct nft_chain *chain = nft_program_chain(&scratch, "");
	nft_compile_rule(&scratch, NULL, &rule, 0, chain);
	for (size_t i = 0; i < chain->rule.at[0].len; i++)
		if (!of_box(p, chain->rule.at[0].match[i].field))
			nft_form_match(&form, &f->arena, chain->rule.at[0].match[i].field,
				       chain->rule.at[0].match[i].set);
	return form;
}

static void make_program(struct fixture *f, struct plan *p)
{
	nft_program_init(&p->program, &f->arena);
	struct nft_chain *top = nft_program_chain(&p->program, ""),
			 *pass = nft_program_chain(&p->program, "-n0"),
			 *drop = nft_program_chain(&p->program, "-n1");
	struct nft_form form = guarded(f, p);
	form.boxes = (struct nft_boxes){.fields = p->layout->fields, .name = "-m0"};
	memcpy(form.boxes.field, p->field, p->layout->fields * sizeof(p->field[0]));
	nft_filling_take(p->filling, &form.boxes);
	test_rule_push(f, top, form);
	nft_compile_end(&p->program, p->layout->flow, p->ruleset.default_action, top);
	test_rule_push(f, pass, (struct nft_form){.act = ACT_ACCEPT});
	test_rule_push(f, drop, (struct nft_form){.act = ACT_DROP});
}

static void make_plan(struct fixture *f, const struct layout *l, enum nft_boxes_kind kind,
		      size_t boxes, const struct test_case *test, struct plan *p)
{
	*p = (struct plan){.layout = l, .ruleset = {.default_action = IR_REJECT}};
	for (size_t i = 0; i < l->fields; i++)
		p->field[i] =
			nft_field_of(l->dim[i], l->flow ? OF_FLOW : OF_PACKET, l->version, false);
	p->filling = nft_filling_new(kind, p->field, l->fields, &f->arena);
	for (size_t i = 0; i < boxes || !p->ruleset.rule.len; i++)
		add_box(f, p, test);
	make_program(f, p);
}

static void assert_followed(struct fixture *f, const struct layout *l, unsigned round)
{
	struct test_case test;
	struct plan plan;
	make_packets(f, l->flow, &test);
	make_plan(f, l, round % 2 ? BOXES_ORDERED : BOXES_APART, round % 3 ? 10 : 500, &test,
		  &plan);
	test_oracle_enter(&f->oracle, l->flow);
	for (int by_nft = 0; by_nft < 2; by_nft++) {
		if (!by_nft)
			test_program_load(f, &plan.program);
		else if (!test_program_script(f, &plan.program))
			fail_msg("nft(8) has no words for a map");
		// nft(8) wants the version tested before a flow's ports.
		if (!by_nft || !l->flow || l->fields == 2)
			test_program_assert(f, &plan.program);
		test.ruleset[0] = plan.ruleset;
		if (!test_oracle_packets(&f->oracle, &test)) {
			test_oracle_print(&f->oracle, &test);
			fail_msg("%s", f->oracle.fault);
		}
	}
}

static const struct layout layouts[] = {
	{false, 4, 4, {IR_SRC4, IR_DST4, IR_SPORT, IR_DPORT}},
	{false, 6, 4, {IR_SRC6, IR_DST6, IR_SPORT, IR_DPORT}},
	{true, 4, 4, {IR_SRC4, IR_DST4, IR_SPORT, IR_DPORT}},
	{true, 6, 4, {IR_SRC6, IR_DST6, IR_SPORT, IR_DPORT}},
	{false, 4, 2, {IR_SRC4, IR_DST4}},
	{false, 6, 2, {IR_DST6, IR_SRC6}},
	{true, 4, 2, {IR_DST4, IR_SRC4}},
	{true, 6, 3, {IR_DST6, IR_SRC6, IR_DPORT}},
};

static void packets_follow_the_first_box(void **state)
{
	struct fixture *f = *state;
	for (unsigned round = 0; round < 4; round++)
		for (size_t i = 0; i < array_len(layouts); i++)
			assert_followed(f, &layouts[i], round);
}

// --- one map ---

static struct nft_box box_of(struct fixture *f, const char *chain, struct algebra_range address,
			     struct algebra_range port)
{
	const struct algebra_range range[] = {port, address};
	return (struct nft_box){.range = arena_memdup(&f->arena, range, sizeof(range)),
				.chain = chain};
}

static struct nft_form boxes_form(struct fixture *f, const struct nft_box *box, size_t len,
				  bool guards)
{
	struct nft_form form = {.act = ACT_BOXES,
				.boxes = {.field = {F_DPORT, F_DST4},
					  .fields = 2,
					  .name = "-m0",
					  .box = arena_memdup(&f->arena, box, len * sizeof(*box)),
					  .len = len},
				.tag = {.known = true}};
	if (guards) {
		nft_form_match(&form, &f->arena, F_VERSION,
			       algebra_set_one(&f->arena, NFT_VERSION_4, NFT_VERSION_4));
		nft_form_match(&form, &f->arena, F_PROTO, algebra_set_one(&f->arena, 6, 6));
	}
	return form;
}

static void load_boxes(struct fixture *f, const struct nft_form *form)
{
	struct nft_program program;
	test_oracle_enter(&f->oracle, false);
	nft_program_init(&program, &f->arena);
	test_rule_push(f, nft_program_chain(&program, ""), *form);
	test_rule_push(f, nft_program_chain(&program, "-n0"), (struct nft_form){.act = ACT_ACCEPT});
	test_rule_push(f, nft_program_chain(&program, "-n1"), (struct nft_form){.act = ACT_DROP});
	test_program_load(f, &program);
}

static struct nft_form read_boxes(struct fixture *f)
{
	static const char *const names[] = {"g1"};
	const struct nft_part part = {.chain = names, .chains = 1};
	struct nft_table table;
	assert_int_equal(
		nft_table_read_part(&f->oracle.nft->socket, "bulwark", &part, &f->arena, &table),
		0);
	struct nft_program found;
	nft_program_init(&found, &f->arena);
	nft_lift_program(&table, 1, &found);
	assert_int_equal(found.chain.at[0]->rule.len, 1);
	return found.chain.at[0]->rule.at[0];
}

static void assert_boxes(struct fixture *f, const struct nft_form *meant)
{
	struct nft_form is = read_boxes(f);
	test_form_assert(f, meant, &is);
}

// --- what the kernel takes ---

static int change(struct fixture *f, const struct nft_form *form, uint16_t type,
		  const struct nft_box *box)
{
	struct nft_batch batch;
	struct nft_fault fault;
	struct nft_encoder encoder = test_encoder(f, &batch, "g1");
	struct nft_boxes one = form->boxes;
	one.box = (struct nft_box *)box;
	one.len = 1;
	nft_batch_init(&batch, &f->arena);
	nft_encode_box_elements(&encoder, type, &one, 0);
	int error = nft_batch_run(&f->oracle.nft->socket, &batch, &fault);
	nft_batch_fini(&batch);
	return error;
}

static struct nft_box small_box(struct fixture *f)
{
	uint32_t port = test_random_below(&f->random, 40),
		 size = 1u << test_random_below(&f->random, 4),
		 net = test_random_below(&f->random, 64) / size * size;
	struct algebra_range ports = {port, port + test_random_below(&f->random, 30)},
			     nets = {net, net + size - 1};
	uint32_t open = test_random_below(&f->random, 10); // not both: nothing would come behind
	if (open == 0)
		ports = (struct algebra_range){0, UINT16_MAX};
	if (open == 1)
		nets = (struct algebra_range){0, UINT32_MAX};
	return box_of(f, test_random_chance(&f->random, 50) ? "-n0" : "-n1", nets, ports);
}

// Tries both with a random box: whole, then what filling leaves of it.
static void try_box(struct fixture *f, struct nft_form *form, struct nft_filling *filling)
{
	struct nft_box box = small_box(f);
	size_t before = form->boxes.len;
	bool added = nft_filling_add(filling, &box, 1);
	nft_filling_take(filling, &form->boxes);
	bool more = form->boxes.len > before;
	bool whole = added && more && form->boxes.box[before].range == box.range;
	assert_int_equal(change(f, form, NFT_MSG_NEWSETELEM, &box), whole ? 0 : -EEXIST);
	if (more && !whole)
		assert_int_equal(change(f, form, NFT_MSG_NEWSETELEM, &form->boxes.box[before]), 0);
}

static void the_kernel_takes_what_filling_takes(void **state)
{
	struct fixture *f = *state;
	struct nft_form form = boxes_form(f, NULL, 0, true);
	struct nft_filling *filling =
		nft_filling_new(BOXES_ORDERED, form.boxes.field, form.boxes.fields, &f->arena);
	load_boxes(f, &form);
	assert_boxes(f, &form);
	for (unsigned i = 0; i < 120; i++)
		try_box(f, &form, filling);
	assert_true(form.boxes.len > 15);
	assert_boxes(f, &form);
}

// Boxes go from the middle, and others come behind the last one.
static void boxes_change_in_place(void **state)
{
	struct fixture *f = *state;
	struct nft_form form = boxes_form(f, NULL, 0, true);
	load_boxes(f, &form);
	for (unsigned round = 0; round < 2; round++) {
		struct nft_filling *filling = nft_filling_new(BOXES_ORDERED, form.boxes.field,
							      form.boxes.fields, &f->arena);
		for (size_t i = 0; i < form.boxes.len; i++)
			assert_true(nft_filling_add(filling, &form.boxes.box[i], 1));
		for (unsigned i = 0; i < 40; i++)
			try_box(f, &form, filling);
		assert_boxes(f, &form);
		struct nft_box *left = arena_array(&f->arena, struct nft_box, form.boxes.len);
		size_t len = 0;
		for (size_t i = 0; i < form.boxes.len; i++)
			if (test_random_chance(&f->random, 60))
				left[len++] = form.boxes.box[i];
			else
				assert_int_equal(
					change(f, &form, NFT_MSG_DELSETELEM, &form.boxes.box[i]),
					0);
		assert_true(len < form.boxes.len);
		form.boxes.box = left;
		form.boxes.len = len;
		assert_boxes(f, &form);
	}
}

// --- what is read ---

// More than the kernel looks at in one step: which of two overlapping boxes is found depends on its version.
static void boxes_that_are_not_sure_are_strange(void **state)
{
	struct fixture *f = *state;
	enum { MANY = NFT_BOXES_PIECES + 1 };
	const char *const last[] = {"-n0", "-n1"};
	for (size_t len = MANY - 1; len <= MANY; len++)
		for (size_t chain = 0; chain < 2; chain++) {
			struct nft_box box[MANY];
			for (size_t i = 0; i < len; i++)
				box[i] = box_of(f, "-n0", (struct algebra_range){i, i},
						(struct algebra_range){7, 9});
			box[len - 1] = box_of(f, last[chain], (struct algebra_range){0, UINT32_MAX},
					      (struct algebra_range){0, UINT16_MAX});
			struct nft_form form = boxes_form(f, box, len, true);
			load_boxes(f, &form);
			if (len < MANY || !chain)
				assert_boxes(f, &form);
			else
				assert_non_null(read_boxes(f).strange);
		}
}

static void the_way_tells_what_is_read(void **state)
{
	struct fixture *f = *state;
	const struct nft_box box =
		box_of(f, "-n0", (struct algebra_range){1, 9}, (struct algebra_range){80, 80});
	struct nft_form form = boxes_form(f, &box, 1, false), path = boxes_form(f, NULL, 0, true),
			is;
	load_boxes(f, &form);
	struct nft_form found = read_boxes(f);
	assert_non_null(found.strange);
	nft_form_resolve(&found, NULL, &f->arena, &is);
	assert_non_null(is.strange);
	nft_form_resolve(&found, &path, &f->arena, &is);
	test_form_assert(f, &form, &is);
	// The same bytes are no port of another protocol.
	path.len = 0;
	nft_form_match(&path, &f->arena, F_VERSION,
		       algebra_set_one(&f->arena, NFT_VERSION_4, NFT_VERSION_4));
	nft_form_resolve(&found, &path, &f->arena, &is);
	assert_non_null(is.strange);
}

#define MAP "inet bulwark g1-m0 "
#define ALL "{ 0-65535 . 0.0.0.0-255.255.255.255 "

static struct nft_form as_it_was(struct fixture *f)
{
	const struct nft_box box[] = {
		box_of(f, "-n0", (struct algebra_range){0x0a000001, 0x0a000001},
		       (struct algebra_range){80, 80}),
		box_of(f, "-n1", (struct algebra_range){0x0a000000, 0x0a0000ff},
		       (struct algebra_range){22, 90}),
		box_of(f, "-n0", (struct algebra_range){0, UINT32_MAX},
		       (struct algebra_range){0, UINT16_MAX})};
	return boxes_form(f, box, array_len(box), true);
}

static void drop_box(struct nft_form *form, size_t at)
{
	form->boxes.len--;
	memmove(form->boxes.box + at, form->boxes.box + at + 1,
		(form->boxes.len - at) * sizeof(*form->boxes.box));
}

// What is left of the map after each of them; `strange`: something that no map of ours is.
static void tampered_boxes_are_read_as_they_are(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *command, *rule; // put in the rule's place
		bool strange;
		int gone;            // -1: none
		const char *new_end; // a chain where all else goes
		enum nft_field field;
	} tampers[] = {
		{"delete element " MAP "{ 80 . 10.0.0.1 }", NULL, false, 0, NULL, 0},
		{"delete element " MAP "{ 22-90 . 10.0.0.0-10.0.0.255 }", NULL, false, 1, NULL, 0},
		{"delete element " MAP ALL "}", NULL, false, 2, NULL, 0},
		{"delete element " MAP ALL "}\nadd element " MAP ALL ": goto g1-n1 }", NULL, false,
		 2, "-n1", 0},
		{"", "th sport . ip daddr vmap @g1-m0", false, -1, NULL, F_SPORT},
		{"", "th dport . ip saddr vmap @g1-m0", false, -1, NULL, F_SRC4},
		{"delete element " MAP ALL "}\nadd element " MAP "{ 7 . 11.0.0.1 : drop }", NULL,
		 true, 0, NULL, 0},
		{"delete element " MAP ALL "}\nadd element " MAP "{ 7 . 11.0.0.1 : jump g1-n1 }",
		 NULL, true, 0, NULL, 0},
		{"add map inet bulwark g1-t { type inet_service . ipv4_addr : verdict; flags "
		 "interval,timeout; }",
		 "th dport . ip daddr vmap @g1-t", true, 0, NULL, 0},
		{"add map inet bulwark g1-h { type inet_service . ipv4_addr : verdict; }",
		 "th dport . ip daddr vmap @g1-h", true, 0, NULL, 0},
		{"add map inet bulwark other { type inet_service . ipv4_addr : verdict; flags "
		 "interval; }",
		 "th dport . ip daddr vmap @other", true, 0, NULL, 0},
		{"add set inet bulwark g1-s { type inet_service . ipv4_addr; flags interval; }",
		 "th dport . ip daddr @g1-s accept", true, 0, NULL, 0},
		{"add set inet bulwark g1-gate1 { type inet_service . ipv4_addr; flags interval; }",
		 "th dport . ip daddr @g1-gate1 accept", true, 0, NULL, 0},
		{"add set inet bulwark g1-gate2 { type inet_service . ipv4_addr; flags "
		 "interval,timeout; }",
		 "th dport . ip daddr @g1-gate2 goto g1-n1", true, 0, NULL, 0},
		{"add set inet bulwark g1-gate3 { type ipv4_addr; flags timeout; }",
		 "ip daddr @g1-gate3 goto g1-n1", true, 0, NULL, 0},
		{"add set inet bulwark g1-gate4 { type ipv4_addr; }",
		 "ip daddr @g1-gate4 jump g1-n1", true, 0, NULL, 0},
		{"add set inet bulwark g1-gate5 { type ipv4_addr; }",
		 "ip daddr != @g1-gate5 goto g1-n1", true, 0, NULL, 0},
		{"add set inet bulwark g1-gate6 { type ipv4_addr; }", "ip daddr @g1-gate6 counter",
		 true, 0, NULL, 0},
	};
	for (size_t i = 0; i < array_len(tampers); i++) {
		struct nft_form form = as_it_was(f);
		load_boxes(f, &form);
		struct nft_form is = read_boxes(f);
		test_form_assert(f, &form, &is);
		char *script = arena_printf(&f->arena, "%s\n", tampers[i].command);
		if (tampers[i].rule)
			script = arena_printf(
				&f->arena,
				"%sreplace rule inet bulwark g1 handle %llu meta nfproto ipv4 meta "
				"l4proto 6 %s\n",
				script, (unsigned long long)is.handle, tampers[i].rule);
		if (test_nft(script))
			fail_msg("nft does not take: %s", script);
		is = read_boxes(f);
		if (tampers[i].strange != (is.strange != NULL))
			fail_msg("after '%s': %s", script, is.strange ? is.strange : "not strange");
		if (tampers[i].strange)
			continue;
		if (tampers[i].gone >= 0)
			drop_box(&form, (size_t)tampers[i].gone);
		if (tampers[i].new_end)
			form.boxes.box[form.boxes.len++].chain = tampers[i].new_end;
		if (tampers[i].field == F_SPORT)
			form.boxes.field[0] = F_SPORT;
		if (tampers[i].field == F_SRC4)
			form.boxes.field[1] = F_SRC4;
		test_form_assert(f, &form, &is);
	}
}

// --- gates ---

static size_t assert_gates(struct fixture *f, const struct nft_program *tree)
{
	struct nft_program found;
	size_t gates = 0;
	test_program_read(f, &found);
	for (size_t i = 0; i < tree->chain.len; i++)
		for (size_t k = 0; k < tree->chain.at[i]->rule.len; k++) {
			const struct nft_form *gate = &tree->chain.at[i]->rule.at[k], *is;
			if (!nft_form_gate(gate))
				continue;
			is = &nft_program_find(&found, tree->chain.at[i]->name)->rule.at[k];
			assert_true(nft_form_gate(is));
			assert_int_equal(is->act, gate->act);
			assert_string_equal(is->chain, gate->chain);
			assert_int_equal(is->map.len, gate->map.len);
			assert_int_equal(is->boxes.len, gate->boxes.len);
			gates++;
		}
	return gates;
}

// A gate is a set and a goto, of boxes or of blocks, as we write it and as nft(8) does. (It has no words for most boxes.)
static void gates_are_read_as_they_are(void **state)
{
	struct fixture *f = *state;
	size_t gates[2][2] = {0}, scripts = 0; // of boxes, of blocks; by netlink, by nft
	for (unsigned i = 0; i < 40; i++) {
		struct backend_nft_options options = {.shape = {.form = BACKEND_NFT_MIXED,
								.sorted_least = 4,
								.blocks_least = i % 2,
								.direct_least = 1}};
		struct ir_ruleset ruleset;
		struct nft_program tree;
		test_oracle_enter(&f->oracle, false);
		test_policy_hosts(&f->random, &f->arena, false, time(NULL), &ruleset);
		nft_program_init(&tree, &f->arena);
		nft_compile_shaped(&ruleset, &options, &tree);
		test_program_load(f, &tree);
		gates[i % 2][0] += assert_gates(f, &tree);
		if (!test_program_script(f, &tree))
			continue;
		gates[i % 2][1] += assert_gates(f, &tree);
		scripts++;
	}
	print_message("%zu gates of boxes, %zu of blocks or boxes; %zu and %zu in %zu scripts\n",
		      gates[0][0], gates[1][0], gates[0][1], gates[1][1], scripts);
	assert_true(gates[0][0] && gates[1][0] && gates[1][1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_programs_begin, test_programs_finish)
	const struct CMUnitTest tests[] = {
		TEST(packets_follow_the_first_box), TEST(the_kernel_takes_what_filling_takes),
		TEST(boxes_change_in_place),        TEST(boxes_that_are_not_sure_are_strange),
		TEST(the_way_tells_what_is_read),   TEST(tampered_boxes_are_read_as_they_are),
		TEST(gates_are_read_as_they_are),
	};
	return cmocka_run_group_tests(tests, test_programs_open, test_programs_close);
}
