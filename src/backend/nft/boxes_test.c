// SPDX-License-Identifier: Apache-2.0
// Filling maps over several fields, against the plain rules of the kernel on spaces that are small enough to try all points;
// programs of such maps are proven, lifted, and told from others.
#include "backend/nft/boxes.h"
#include "backend/nft/compile.h"
#include "backend/nft/decode.h"
#include "backend/nft/flatten.h"
#include "backend/nft/test_walk.h"
#include "base/base.h"

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define SIDE 12u // values of each field
#define ROUNDS 300

static const enum nft_field fields[] = {F_PROTO, F_ETHERTYPE, F_DPORT};
static const char *const chains[] = {"-n0", "-n1", "-n2"};
#define FIELDS array_len(fields)

struct world {
	struct test_random random;
	struct arena arena;
};

static struct nft_box random_box(struct world *w, unsigned side)
{
	struct algebra_range *range = arena_array(&w->arena, struct algebra_range, FIELDS);
	for (size_t f = 0; f < FIELDS; f++) {
		u128 a = test_random_below(&w->random, side),
		     b = test_random_below(&w->random, side);
		range[f] = (struct algebra_range){a < b ? a : b, a < b ? b : a};
		if (test_random_chance(&w->random, 20))
			range[f] = (struct algebra_range){
				0, algebra_max(nft_field_info[fields[f]].bits)};
		else if (test_random_chance(&w->random, 50))
			range[f].hi = range[f].lo;
	}
	return (struct nft_box){.range = range,
				.chain = chains[test_random_below(&w->random, array_len(chains))]};
}

static bool holds(const struct nft_box *box, const u128 *point)
{
	for (size_t f = 0; f < FIELDS; f++)
		if (point[f] < box->range[f].lo || point[f] > box->range[f].hi)
			return false;
	return true;
}

static const char *first(const struct nft_box *box, size_t len, const u128 *point)
{
	for (size_t i = 0; i < len; i++)
		if (holds(&box[i], point))
			return box[i].chain;
	return NULL;
}

static bool overlap(const struct nft_box *a, const struct nft_box *b)
{
	for (size_t f = 0; f < FIELDS; f++)
		if (a->range[f].lo > b->range[f].hi || b->range[f].lo > a->range[f].hi)
			return false;
	return true;
}

static bool refused(const struct nft_box *box, size_t len, const struct nft_box *new)
{
	u128 low[FIELDS], high[FIELDS];
	for (size_t f = 0; f < FIELDS; f++) {
		low[f] = new->range[f].lo;
		high[f] = new->range[f].hi;
	}
	return first(box, len, low) || first(box, len, high);
}

static bool apart(const struct nft_box *box, size_t len)
{
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < i; k++)
			if (overlap(&box[i], &box[k]) && strcmp(box[i].chain, box[k].chain) != 0)
				return false;
	return true;
}

// The prefixes that a range of the last field splits into, by taking the largest that fits, again and again.
static size_t prefixes(struct algebra_range r)
{
	size_t n = 0;
	for (u128 at = r.lo; at <= r.hi; n++) {
		u128 size = 1 << 16;
		while (at % size || at + size - 1 > r.hi)
			size /= 2;
		at += size;
	}
	return n;
}

static size_t all_prefixes(const struct nft_box *box, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += prefixes(box[i].range[FIELDS - 1]);
	return n;
}

static void assert_same_meaning(const struct nft_box *meant, size_t len, const struct nft_boxes *is)
{
	static const u128 edge = 200; // all above the side are alike
	for (unsigned i = 0; i < (SIDE + 1) * (SIDE + 1) * (SIDE + 1); i++) {
		u128 point[] = {i % (SIDE + 1), i / (SIDE + 1) % (SIDE + 1),
				i / (SIDE + 1) / (SIDE + 1)};
		for (size_t f = 0; f < FIELDS; f++)
			point[f] = point[f] == SIDE ? edge : point[f];
		const char *a = first(meant, len, point), *b = first(is->box, is->len, point);
		assert_true(a == b || (a && b && !strcmp(a, b)));
	}
}

static void assert_taken(const struct nft_boxes *is)
{
	for (size_t i = 0; i < is->len; i++)
		assert_false(refused(is->box, i, &is->box[i]));
}

static void a_filled_map_means_what_was_added(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum nft_boxes_kind kind = round % 2 ? BOXES_ORDERED : BOXES_APART;
		struct nft_filling *filling = nft_filling_new(kind, fields, FIELDS, &w->arena);
		struct nft_box added[80];
		struct nft_boxes is = {0}, before;
		size_t len = 0;
		for (size_t i = 0; i < array_len(added); i++) {
			struct nft_box box = random_box(w, SIDE);
			before = is;
			if (nft_filling_add(filling, &box, 1 + round % 9))
				added[len++] = box;
			nft_filling_take(filling, &is);
			if (!len || memcmp(&added[len - 1], &box, sizeof(box)) != 0)
				assert_int_equal(is.len, before.len);
			assert_true(is.len - before.len <= 1 + round % 9);
		}
		assert_true(len > 3);
		assert_taken(&is);
		assert_same_meaning(added, len, &is);
		if (kind == BOXES_APART)
			assert_true(apart(is.box, is.len));
		else
			assert_true(all_prefixes(is.box, is.len) <= NFT_BOXES_PIECES);
	}
}

// A box is left as it is exactly when nothing stands against it, and refused when the rest is in too many parts.
static void boxes_are_cut_only_where_they_must(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum nft_boxes_kind kind = round % 2 ? BOXES_ORDERED : BOXES_APART;
		struct nft_filling *filling = nft_filling_new(kind, fields, FIELDS, &w->arena);
		struct nft_boxes is = {0};
		for (size_t i = 0; i < 60; i++) {
			struct nft_box box = random_box(w, SIDE), with[401];
			size_t before = is.len;
			bool stands = !refused(is.box, is.len, &box);
			assert_true(is.len < array_len(with));
			if (is.len)
				memcpy(with, is.box, is.len * sizeof(box));
			with[is.len] = box;
			stands &= kind == BOXES_ORDERED
					  ? all_prefixes(with, is.len + 1) <= NFT_BOXES_PIECES
					  : apart(with, is.len + 1);
			bool added = nft_filling_add(filling, &box, 1);
			nft_filling_take(filling, &is);
			bool same =
				added && is.len == before + 1 && is.box[before].range == box.range;
			assert_int_equal(same, stands);
		}
	}
}

static void many_boxes_are_found(void **state)
{
	struct world *w = *state;
	enum { MANY = 3000 };
	struct nft_filling *filling = nft_filling_new(BOXES_APART, fields, FIELDS, &w->arena);
	struct nft_boxes is = {0};
	for (unsigned i = 0; i < MANY; i++) {
		struct nft_box box = random_box(w, 256);
		struct algebra_range *range =
			arena_memdup(&w->arena, box.range, sizeof(*range) * FIELDS);
		size_t before = is.len;
		for (size_t f = 0; f < FIELDS; f++) // narrow enough that many stand side by side
			range[f].hi = range[f].lo + test_random_below(&w->random, 6);
		range[0].hi = range[0].hi > 255 ? 255 : range[0].hi;
		box.range = range;
		bool stands = !refused(is.box, is.len, &box);
		for (size_t k = 0; k < is.len && stands; k++)
			stands = !overlap(&box, &is.box[k]) || !strcmp(box.chain, is.box[k].chain);
		bool added = nft_filling_add(filling, &box, 1);
		nft_filling_take(filling, &is);
		assert_int_equal(added && is.len == before + 1 && is.box[before].range == range,
				 stands);
	}
	assert_true(is.len > MANY / 2);
}

static void what_is_sure_is_known(void **state)
{
	struct world *w = *state;
	unsigned bits[FIELDS], sure[2] = {0, 0};
	for (size_t f = 0; f < FIELDS; f++)
		bits[f] = nft_field_info[fields[f]].bits;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct nft_box box[400];
		size_t len = round % 2 ? 20 + round / 4 : array_len(box);
		unsigned side = 1u << (2 + round % 6);
		for (size_t i = 0; i < len; i++) {
			box[i] = random_box(w, side);
			if (round % 3)
				box[i].chain = chains[0];
		}
		bool meant = all_prefixes(box, len) <= NFT_BOXES_PIECES || apart(box, len);
		assert_int_equal(nft_boxes_sure(box, len, bits, FIELDS, &w->arena), meant);
		sure[meant]++;
	}
	assert_true(sure[0] > 10 && sure[1] > 10);
}

// --- programs ---

#define RULES 30
#define PACKETS 60

struct programs {
	struct ir_ruleset ruleset;
	struct nft_program list, boxes;
};
static const enum nft_field of_rule[] = {F_DST4, F_DPORT, F_SRC4};

static void narrow(struct world *w, struct ir_rule *rule, enum ir_dim dim, u128 lo, u128 hi)
{
	assert_true(
		ir_clause_narrow(rule->clause, &w->arena, dim, algebra_set_one(&w->arena, lo, hi)));
}

static void add_rule(struct world *w, struct programs *p, uint32_t number)
{
	static const enum ir_verdict verdicts[] = {IR_PASS, IR_DROP, IR_REJECT};
	static const enum ir_dim dims[] = {IR_SRC4, IR_DST4, IR_DPORT};
	struct ir_rule rule = {.policy = "p",
			       .name = arena_printf(&w->arena, "r%u", number),
			       .verdict = verdicts[test_random_below(&w->random, 3)],
			       .clause = arena_new(&w->arena, struct ir_clause),
			       .clauses = 1};
	narrow(w, &rule, IR_FAMILY, 4, 4);
	narrow(w, &rule, IR_PROTO, 6, 6);
	for (size_t i = 0; i < array_len(dims); i++) {
		uint32_t lo = test_random_below(&w->random, 40),
			 by = test_random_below(&w->random, 20);
		if (dims[i] == IR_DPORT || test_random_chance(&w->random, 70))
			narrow(w, &rule, dims[i], lo,
			       lo + (test_random_chance(&w->random, 50) ? by : 0));
	}
	vec_push(&w->arena, &p->ruleset.rule, rule);
}

static bool in_map(enum nft_field field)
{
	for (size_t i = 0; i < array_len(of_rule); i++)
		if (of_rule[i] == field)
			return true;
	return false;
}

static struct nft_box box_of_rule(struct world *w, struct programs *p, size_t index)
{
	const struct nft_form *form = &nft_program_find(&p->list, "")->rule.at[index];
	struct algebra_range *range =
		arena_array(&w->arena, struct algebra_range, array_len(of_rule));
	for (size_t f = 0; f < array_len(of_rule); f++) {
		const struct algebra_set *set = nft_form_set(form, of_rule[f]);
		range[f] = set ? set->at[0]
			       : (struct algebra_range){
					 0, algebra_max(nft_field_info[of_rule[f]].bits)};
	}
	struct nft_chain *leaf =
		nft_program_chain(&p->boxes, arena_printf(&w->arena, "-n%zu", index + 1));
	struct nft_form does = *form;
	does.len = 0;
	vec_push(&w->arena, &leaf->rule, does);
	return (struct nft_box){.range = range, .chain = leaf->name};
}

static void push_map(struct world *w, struct programs *p, struct nft_filling *filling)
{
	const struct nft_form *rule = &nft_program_find(&p->list, "")->rule.at[0];
	struct nft_chain *top = nft_program_find(&p->boxes, "");
	struct nft_form form = {.act = ACT_BOXES,
				.tag = {.known = true, .rule = NFT_TAG_HELPER},
				.boxes = {.fields = array_len(of_rule),
					  .name = arena_printf(&w->arena, "-m%zu", top->rule.len)}};
	memcpy(form.boxes.field, of_rule, sizeof(of_rule));
	for (size_t i = 0; i < rule->len; i++)
		if (!in_map(rule->match[i].field))
			nft_form_match(&form, &w->arena, rule->match[i].field, rule->match[i].set);
	nft_filling_take(filling, &form.boxes);
	vec_push(&w->arena, &top->rule, form);
}

// The maps in a chain of their own for the packets that have the fields: the last rules leave nothing of these.
static void close_maps(struct world *w, struct programs *p)
{
	struct nft_chain *top = nft_program_find(&p->boxes, ""),
			 *maps = nft_program_chain(&p->boxes, "-n0");
	struct nft_form on = top->rule.at[0];
	size_t n = 1;
	on.act = ACT_GOTO;
	on.chain = "-n0";
	for (size_t i = 0; i < top->rule.len; i++) {
		struct nft_form form = top->rule.at[i];
		form.len = form.act == ACT_BOXES ? 0 : form.len;
		if (form.act == ACT_BOXES)
			vec_push(&w->arena, &maps->rule, form);
		else
			top->rule.at[n++] = form;
	}
	top->rule.at[0] = on;
	top->rule.len = n;
}

static void add_last_rules(struct world *w, struct programs *p)
{
	static const uint32_t from[] = {0, 30000, UINT16_MAX + 1};
	for (size_t i = 0; i < 2; i++) {
		struct ir_rule rule = {.policy = "p",
				       .name = i ? "last" : "last but one",
				       .verdict = IR_PASS,
				       .clause = arena_new(&w->arena, struct ir_clause),
				       .clauses = 1};
		narrow(w, &rule, IR_FAMILY, 4, 4);
		narrow(w, &rule, IR_PROTO, 6, 6);
		narrow(w, &rule, IR_DPORT, from[i], from[i + 1] - 1);
		vec_push(&w->arena, &p->ruleset.rule, rule);
	}
}

// Every rule is a box; a map that takes no more is followed by the next one.
static void make_programs(struct world *w, struct programs *p)
{
	*p = (struct programs){.ruleset = {.default_action = IR_DROP}};
	for (uint32_t i = 0; i < RULES - 2; i++)
		add_rule(w, p, i);
	add_last_rules(w, p);
	nft_program_init(&p->list, &w->arena);
	nft_program_init(&p->boxes, &w->arena);
	nft_compile(&p->ruleset, NULL, &p->list);
	const struct nft_chain *rules = nft_program_find(&p->list, "");
	struct nft_chain *top = nft_program_chain(&p->boxes, "");
	struct nft_filling *filling =
		nft_filling_new(BOXES_ORDERED, of_rule, array_len(of_rule), &w->arena);
	for (size_t i = 0; i < RULES; i++) {
		struct nft_box box = box_of_rule(w, p, i);
		if (nft_filling_add(filling, &box, 8))
			continue;
		push_map(w, p, filling);
		filling = nft_filling_new(BOXES_ORDERED, of_rule, array_len(of_rule), &w->arena);
		assert_true(nft_filling_add(filling, &box, 1));
	}
	push_map(w, p, filling);
	for (size_t i = RULES; i < rules->rule.len; i++)
		vec_push(&w->arena, &top->rule, rules->rule.at[i]);
	for (size_t i = 1; i < p->list.chain.len; i++)
		*nft_program_chain(&p->boxes, p->list.chain.at[i]->name) = *p->list.chain.at[i];
}

static bool differ(struct world *w, const struct nft_program *a, const struct nft_program *b,
		   const struct nft_program *aim, bool matched)
{
	for (size_t i = 0; i < PACKETS; i++) {
		struct nft_point packet;
		struct test_walk by_a, by_b;
		test_fields_random(&w->random, nft_program_find(aim, ""), &packet);
		test_walk_program(a, &packet, &by_a);
		test_walk_program(b, &packet, &by_b);
		if (by_a.end != by_b.end || (matched && !test_walk_same(&by_a, &by_b)))
			return true;
	}
	return false;
}

// Whether the list says all in rules that are understood; then it does what the program does.
static bool lifted(struct world *w, const struct programs *p)
{
	struct nft_list list;
	nft_flatten(&p->boxes, &w->arena, &list);
	assert_false(list.over);
	const struct nft_chain *rules = nft_program_find(&list.program, "");
	for (size_t i = 0; i < rules->rule.len; i++)
		if (rules->rule.at[i].strange)
			return false;
	assert_false(differ(w, &p->boxes, &list.program, &p->list, false));
	return true;
}

static void maps_are_proven_and_lifted(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < 60; round++) {
		struct programs p;
		struct nft_proof proof;
		make_programs(w, &p);
		if (round % 2)
			close_maps(w, &p);
		assert_false(differ(w, &p.list, &p.boxes, &p.list, true));
		nft_prove(&p.list, &p.boxes, &w->arena, &proof);
		assert_false(proof.over);
		assert_int_equal(proof.misfit.len, 0);
		assert_true(lifted(w, &p));
	}
}

static void change_boxes(struct world *w, struct nft_boxes *boxes)
{
	struct nft_box *box = arena_memdup(&w->arena, boxes->box, boxes->len * sizeof(*boxes->box));
	uint32_t n = (uint32_t)boxes->len, a = test_random_below(&w->random, n),
		 b = test_random_below(&w->random, n);
	struct algebra_range *range =
		arena_memdup(&w->arena, box[a].range, boxes->fields * sizeof(*range));
	struct nft_box kept = box[a];
	boxes->box = box;
	switch (test_random_below(&w->random, 4)) {
	case 0:
		box[a] = box[b];
		box[b] = kept;
		break;
	case 1:
		box[a].chain = box[b].chain;
		break;
	case 2:
		box[a] = box[--boxes->len];
		break;
	default:
		range[1].hi = range[1].hi > 100 ? range[1].hi - 5 : range[1].hi + 5;
		box[a].range = range;
	}
}

// What some packet can tell, the proof tells; and what is lifted then is what the program does.
static void changed_maps_are_noticed(void **state)
{
	struct world *w = *state;
	unsigned told = 0, clear = 0;
	for (unsigned round = 0; round < 150; round++) {
		struct programs p;
		struct nft_proof proof;
		make_programs(w, &p);
		change_boxes(w, &nft_program_find(&p.boxes, "")->rule.at[0].boxes);
		bool differs = differ(w, &p.list, &p.boxes, &p.list, true);
		nft_prove(&p.list, &p.boxes, &w->arena, &proof);
		if (differs)
			assert_true(proof.misfit.len || proof.over);
		told += differs;
		clear += lifted(w, &p);
	}
	assert_true(told > 10 && clear > 10);
}

// The maps stand in a part that is jumped to, and some of their rules let packets fall off its end.
static void make_part(struct world *w, struct programs *p)
{
	struct nft_chain *top = nft_program_find(&p->boxes, ""),
			 *part = nft_program_chain(&p->boxes, "-n0");
	struct nft_form jump = {
		.act = ACT_JUMP, .chain = "-n0", .tag = {.known = true, .rule = NFT_TAG_HELPER}};
	size_t n = 0;
	for (size_t i = 0; i < top->rule.len; i++)
		if (top->rule.at[i].act == ACT_BOXES)
			vec_push(&w->arena, &part->rule, top->rule.at[i]);
		else
			top->rule.at[++n] = top->rule.at[i];
	top->rule.at[0] = jump;
	top->rule.len = n + 1;
	for (size_t i = 0; i < p->boxes.chain.len; i++) {
		struct nft_chain *leaf = p->boxes.chain.at[i];
		if (nft_is_node(leaf->name) && leaf != part && test_random_chance(&w->random, 40))
			nft_form_match(&leaf->rule.at[0], &w->arena, F_TTL4,
				       algebra_set_one(&w->arena, 0, 127));
	}
}

static void packets_that_fall_off_pass_later_boxes_by(void **state)
{
	struct world *w = *state;
	unsigned clear = 0;
	for (unsigned round = 0; round < 40; round++) {
		struct programs p;
		make_programs(w, &p);
		make_part(w, &p);
		clear += lifted(w, &p);
	}
	assert_true(clear > 10);
}

// The kernel reads ports even of fragments that have none: who does not test for the header is told so.
static void maps_need_the_header(void **state)
{
	struct world *w = *state;
	struct programs p;
	struct nft_proof proof;
	struct nft_list list;
	make_programs(w, &p);
	struct nft_chain *top = nft_program_find(&p.boxes, "");
	for (size_t i = 0; i < top->rule.len; i++)
		for (size_t k = 0; top->rule.at[i].act == ACT_BOXES && k < top->rule.at[i].len; k++)
			if (top->rule.at[i].match[k].field == F_HEADER)
				top->rule.at[i].len = k;
	nft_prove(&p.list, &p.boxes, &w->arena, &proof);
	assert_true(proof.misfit.len > 0);
	nft_flatten(&p.boxes, &w->arena, &list);
	bool strange = false;
	for (size_t i = 0; i < nft_program_find(&list.program, "")->rule.len; i++)
		strange |= nft_program_find(&list.program, "")->rule.at[i].strange != NULL;
	assert_true(strange);
}

// --- registers ---

struct load {
	uint32_t base, offset, bytes, reg;
};

static void put_load(struct nftnl_rule *rule, const struct load *load)
{
	struct nftnl_expr *x = nftnl_expr_alloc("payload");
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, load->base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, load->offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, load->bytes);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, load->reg);
	nftnl_rule_add_expr(rule, x);
}

static void put_lookup(struct nftnl_rule *rule, uint32_t reg)
{
	struct nftnl_expr *x = nftnl_expr_alloc("lookup");
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, "g1-m0");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, reg);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	nftnl_rule_add_expr(rule, x);
}

// A rule of these loads and a lookup, read for TCP over IPv4.
static struct nft_form read_rule(struct world *w, const struct load *load, size_t loads,
				 uint32_t reg, struct nft_dumped_set *map)
{
	char *room = arena_alloc(&w->arena, 4096);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct map sets = {.arena = &w->arena};
	struct nft_form form = {0}, path = {0}, out;
	struct nftnl_rule *rule = nftnl_rule_alloc();
	for (size_t i = 0; i < loads; i++)
		put_load(rule, &load[i]);
	put_lookup(rule, reg);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
	map_put(&sets, "g1-m0", map);
	const struct nft_decoder decoder = {.arena = &w->arena, .sets = &sets, .prefix = "g1"};
	nft_decode_rule(&decoder, mnl_nlmsg_get_payload(nlh), &form);
	nft_form_match(&path, &w->arena, F_VERSION,
		       algebra_set_one(&w->arena, NFT_VERSION_4, NFT_VERSION_4));
	nft_form_match(&path, &w->arena, F_PROTO, algebra_set_one(&w->arena, 6, 6));
	nft_form_resolve(&form, &path, &w->arena, &out);
	return out;
}

// What a register holds is what was written last to any of its bytes.
static void registers_hold_what_was_written_last(void **state)
{
	struct world *w = *state;
	enum { TH = NFT_PAYLOAD_TRANSPORT_HEADER, NH = NFT_PAYLOAD_NETWORK_HEADER };
	static const struct {
		struct load load[3];
		size_t loads;
		uint32_t reg;
		uint8_t bytes[2];
		bool good;
	} rules[] = {
		{{{TH, 2, 2, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_01}}, 2, NFT_REG_1, {2, 4}, true},
		{{{NH, 16, 4, NFT_REG32_06}, {TH, 2, 2, NFT_REG32_05}},
		 2,
		 NFT_REG32_05,
		 {2, 4},
		 true},
		{{{TH, 2, 2, NFT_REG_2}, {NH, 16, 4, NFT_REG32_05}}, 2, NFT_REG32_04, {2, 4}, true},
		{{{TH, 2, 2, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_01}},
		 2,
		 NFT_REG32_01,
		 {2, 4},
		 false},
		{{{TH, 2, 2, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_02}},
		 2,
		 NFT_REG_1,
		 {2, 4},
		 false},
		{{{TH, 2, 2, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_01}},
		 2,
		 NFT_REG_1,
		 {4, 4},
		 false},
		{{{TH, 2, 2, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_01}, {NH, 4, 16, NFT_REG_1}},
		 3,
		 NFT_REG_1,
		 {2, 4},
		 false},
		{{{TH, 2, 2, NFT_REG32_01}, {NH, 16, 4, NFT_REG32_02}, {NH, 4, 8, NFT_REG32_00}},
		 3,
		 NFT_REG32_01,
		 {2, 4},
		 false},
		{{{NH, 0, 8, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_01}},
		 2,
		 NFT_REG32_00,
		 {8, 4},
		 false},
		{{{TH, 0, 3, NFT_REG32_00}, {NH, 16, 4, NFT_REG32_01}},
		 2,
		 NFT_REG_1,
		 {3, 4},
		 false},
		{{{NH, 16, 4, NFT_REG32_14}, {TH, 2, 2, NFT_REG32_15}},
		 2,
		 NFT_REG32_14,
		 {4, 2},
		 true},
		{{{NH, 12, 4, NFT_REG32_15}, {NH, 4, 16, NFT_REG32_15}},
		 2,
		 NFT_REG32_15,
		 {4, 4},
		 false},
	};
	for (size_t i = 0; i < array_len(rules); i++) {
		struct nft_dumped_set map = {.name = "g1-m0", .fields = 2, .flags = NFT_SET_MAP};
		memcpy(map.field_bytes, rules[i].bytes, sizeof(rules[i].bytes));
		struct nft_form form =
			read_rule(w, rules[i].load, rules[i].loads, rules[i].reg, &map);
		if (rules[i].good != !form.strange)
			fail_msg("rule %zu: %s", i, form.strange ? form.strange : "not strange");
		bool port_first = rules[i].bytes[0] == 2;
		if (!rules[i].good)
			continue;
		assert_int_equal(form.boxes.field[0], port_first ? F_DPORT : F_DST4);
		assert_int_equal(form.boxes.field[1], port_first ? F_DST4 : F_DPORT);
	}
}

static int begin(void **state)
{
	static struct world w;
	w = (struct world){.random = {.state = test_random_seed(NULL)}};
	arena_init(&w.arena);
	*state = &w;
	return 0;
}

static int finish(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(a_filled_map_means_what_was_added),
		TEST(boxes_are_cut_only_where_they_must),
		TEST(many_boxes_are_found),
		TEST(what_is_sure_is_known),
		TEST(maps_are_proven_and_lifted),
		TEST(changed_maps_are_noticed),
		TEST(packets_that_fall_off_pass_later_boxes_by),
		TEST(maps_need_the_header),
		TEST(registers_hold_what_was_written_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
