// SPDX-License-Identifier: Apache-2.0
// The pure half of the back end, without a kernel: the normal form keeps the meaning, lifting undoes
// compiling, what cannot be enforced is refused with its reason, and no bytes make decoding stumble.
#include "backend/nft/compile.h"
#include "backend/nft/decode.h"
#include "backend/nft/encode.h"
#include "backend/nft/lift.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/text.h"
#include "base/buf.h"
#include "base/diag.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1773219600 // 2026-03-11T09:00:00Z
#define RULESETS 400
#define MUTATIONS 60

static int start(void **state)
{
	*state = base_oom(calloc(1, sizeof(struct arena)));
	arena_init(*state);
	return 0;
}

static int stop(void **state)
{
	arena_fini(*state);
	free(*state);
	return 0;
}

// --- the table of fields ---

static void fields_agree_with_the_ir(void **state)
{
	struct arena *a = *state;
	for (unsigned f = 0; f < NFT_FIELDS; f++) {
		const struct nft_field_info *info = &nft_field_info[f];
		if (info->dim == IR_DIMS)
			continue;
		struct ir_cond cond = {info->dim, algebra_set_one(a, 6, 6)};
		struct ir_clause clause = {.cond = &cond, .len = info->dim != IR_FAMILY};
		unsigned versions = ir_clause_versions(&clause);
		if (versions != 3)
			assert_int_equal(versions, info->version == 4 ? 1 : 2);
		struct algebra_set protocols = nft_protocols_set(info->protocols);
		for (unsigned p = 0; p < 256 && info->dim != IR_PROTO; p++) {
			bool has = !protocols.len || algebra_set_has(protocols, p);
			// Flows of DCCP have no ports.
			if (info->protocols != FLOW_PORTS || p != 33)
				assert_int_equal(has,
						 ir_clause_allows_protocol(&clause, (uint8_t)p));
		}
		assert_true(info->bits + info->shift <= info->bytes * 8);
	}
}

// --- rates and names ---

static void limits_are_exact_or_refused(void **state)
{
	(void)state;
	struct nft_limit l;
	assert_true(nft_limit_of(1, false, &l) && l.rate == 1 && l.unit == 1 && l.burst == 1);
	assert_true(nft_limit_of(1000000000, false, &l) && l.burst == 5);
	assert_false(nft_limit_of(1000000001, false, &l));
	assert_true(nft_limit_of(12500, true, &l) && l.rate == 125 && l.unit == 1 && l.bytes);
	assert_true(nft_limit_of(1, true, &l) && l.rate == 1 && l.unit == 100);
	assert_true(nft_limit_of(250, true, &l) && l.rate == 5 && l.unit == 2);
	assert_true(nft_limit_of(1800000000000u, true, &l) && l.rate == 18000000000u);
	assert_false(nft_limit_of(1900000000000u, true, &l));
	assert_false(nft_limit_of(UINT64_MAX, true, &l));
	assert_false(nft_limit_of(UINT64_MAX, false, &l));
}

static void log_prefixes_fit(void **state)
{
	struct arena *a = *state;
	char name[200];
	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa9", 2); // é
	name[198] = '\0';
	struct ir_rule rule = {.policy = "a \"b\"\n$c", .name = name};
	char *prefix = nft_log_prefix(&rule, a);
	assert_in_range(strlen(prefix), 100, NFT_LOG_PREFIX_MOST);
	assert_memory_equal(prefix, "bulwark a _b___c/", 17);
	assert_int_equal(prefix[strlen(prefix) - 1], ' ');
	assert_int_equal((unsigned char)prefix[strlen(prefix) - 2], 0xa9); // a whole character
}

// --- the normal form ---

static void assert_same_outcome(const struct ir_ruleset *x, const struct ir_ruleset *y,
				const struct test_item *item, struct arena *arena)
{
	struct ir_outcome a, b;
	ir_eval(x, &item->dims, arena, &a);
	ir_eval(y, &item->dims, arena, &b);
	if (a.verdict == b.verdict && (!a.rule == !b.rule || a.no_flow))
		return;
	struct buf text;
	buf_init(&text);
	test_packet_print(&item->packet, &text);
	fail_msg("%s: %s before, %s after", text.data, ir_verdict_name[a.verdict],
		 ir_verdict_name[b.verdict]);
}

static void the_normal_form_keeps_the_meaning(void **state)
{
	(void)state;
	struct test_random random = {.state = 1};
	for (unsigned i = 0; i < RULESETS; i++) {
		struct arena arena;
		struct test_case test;
		struct ir_ruleset normal, again;
		struct buf a, b;
		arena_init(&arena);
		buf_init(&a);
		buf_init(&b);
		test_case_random(&random, &arena, NOW, &test);
		test_case_judge(&test, &arena, NOW);
		backend_nft_normal(&test.ruleset[0], &arena, &normal);
		for (size_t k = 0; k < test.item.len; k++)
			if (test.item.at[k].sent)
				assert_same_outcome(&test.ruleset[0], &normal, &test.item.at[k],
						    &arena);
		backend_nft_normal(&normal, &arena, &again);
		ir_ruleset_encode(&normal, &a);
		ir_ruleset_encode(&again, &b);
		assert_true(a.len == b.len && !memcmp(a.data, b.data, a.len));
		buf_fini(&b);
		buf_fini(&a);
		arena_fini(&arena);
	}
}

static void assert_lifts(struct arena *arena, const struct ir_ruleset *ruleset)
{
	struct nft_program program;
	struct ir_ruleset normal, lifted;
	struct backend_differences strange = {.arena = arena};
	nft_program_init(&program, arena);
	nft_compile(ruleset, NULL, &program);
	nft_lift(&program, arena, &lifted, &strange, NULL);
	if (strange.list.len)
		fail_msg("strange: %s", strange.list.at[0].found);
	backend_nft_normal(ruleset, arena, &normal);
	assert_int_equal(lifted.rule.len, normal.rule.len);
	assert_int_equal(lifted.default_action, normal.default_action);
	for (size_t i = 0; i < normal.rule.len; i++) {
		struct buf a, b;
		buf_init(&a);
		buf_init(&b);
		ir_rule_meaning(&normal.rule.at[i], &a);
		ir_rule_meaning(&lifted.rule.at[i], &b);
		assert_true(a.len == b.len && !memcmp(a.data, b.data, a.len));
		buf_fini(&b);
		buf_fini(&a);
	}
}

static void lifting_undoes_compiling(void **state)
{
	(void)state;
	struct test_random random = {.state = 2};
	for (unsigned i = 0; i < RULESETS; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		test_policy_random(&random, &arena, i % 2, NOW, &ruleset);
		assert_lifts(&arena, &ruleset);
		arena_fini(&arena);
	}
}

// --- refusals ---

static struct ir_ruleset one_rule(struct arena *a, enum ir_dim dim, u128 lo, u128 hi)
{
	struct ir_ruleset ruleset = {.default_action = IR_DROP};
	struct ir_rule rule = {.policy = "p",
			       .name = "r",
			       .verdict = IR_PASS,
			       .clauses = 1,
			       .clause = arena_new(a, struct ir_clause)};
	assert_true(ir_clause_narrow(rule.clause, a, dim, algebra_set_one(a, lo, hi)));
	vec_push(a, &ruleset.rule, rule);
	return ruleset;
}

static void assert_refused(struct arena *a, const struct ir_ruleset *ruleset, enum diag_code code)
{
	struct diags diags;
	struct buf script;
	diags_init(&diags, a);
	buf_init(&script);
	assert_false(backend_nft_check(ruleset, &diags));
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.list.at[0].code, code);
	assert_non_null(diags.list.at[0].hint);
	if (ruleset->rule.len && ruleset->default_action == IR_DROP)
		assert_string_equal(diags.list.at[0].rule, "r");
	assert_false(backend_nft_print(ruleset, NULL, &diags, &script));
	buf_fini(&script);
}

static void assert_accepted(struct arena *a, const struct ir_ruleset *ruleset)
{
	struct diags diags;
	diags_init(&diags, a);
	if (!backend_nft_check(ruleset, &diags))
		fail_msg("%s", diags.list.at[0].text);
}

static void actions_it_lacks_are_refused(void **state)
{
	struct arena *a = *state;
	static const enum ir_verdict can[] = {IR_NONE, IR_PASS, IR_DROP, IR_REJECT};
	for (unsigned v = 0; v < IR_VERDICTS; v++) {
		struct ir_ruleset r = one_rule(a, IR_DPORT, 80, 80), d = {.default_action = v};
		bool known = false, end = v == IR_PASS || v == IR_DROP || v == IR_REJECT;
		for (size_t i = 0; i < array_len(can); i++)
			known |= can[i] == v;
		r.rule.at[0].verdict = v;
		if (known)
			assert_accepted(a, &r);
		else
			assert_refused(a, &r, v == IR_RATE_LIMIT ? DIAG_MISSING : DIAG_CAPABILITY);
		if (end)
			assert_accepted(a, &d);
		else
			assert_refused(a, &d, DIAG_CAPABILITY);
	}
}

static void opaque_conditions_are_refused(void **state)
{
	struct arena *a = *state;
	for (unsigned i = 0; i < 2 * IR_OPAQUES; i++) {
		struct ir_opaque opaque = {.kind = i / 2, .name = "x", .negated = i % 2};
		struct ir_ruleset r = one_rule(a, IR_DPORT, 80, 80);
		r.rule.at[0].opaque = &opaque;
		r.rule.at[0].opaques = 1;
		assert_refused(a, &r, DIAG_CAPABILITY);
	}
}

static void what_the_kernel_cannot_tell_is_refused(void **state)
{
	struct arena *a = *state;
	struct ir_ruleset r = one_rule(a, IR_HOUR, 0, 100);
	assert_accepted(a, &r);
	r.rule.at[0].clause->clock = 3600;
	assert_refused(a, &r, DIAG_UNSUPPORTED);
	r = one_rule(a, IR_MDAY, 1, 5);
	assert_refused(a, &r, DIAG_UNSUPPORTED);
	r = one_rule(a, IR_STATE, 3, 6);
	assert_refused(a, &r, DIAG_VALUE);
	r = one_rule(a, IR_TTL, 0, 0);
	assert_refused(a, &r, DIAG_EMPTY);
	r = one_rule(a, IR_FRAGOFF, 1, 0x1fff);
	assert_accepted(a, &r);
	r.rule.at[0].flow = true;
	assert_refused(a, &r, DIAG_CAPABILITY);
	r = one_rule(a, IR_IPFLAGS, 2, 3); // don't fragment, whatever follows
	r.rule.at[0].flow = true;
	assert_accepted(a, &r);
	r = one_rule(a, IR_DPORT, 80, 80);
	r.rule.at[0].flow = true; // of DCCP, too: conntrack knows no ports of it
	assert_refused(a, &r, DIAG_CAPABILITY);
	assert_true(ir_clause_narrow(r.rule.at[0].clause, a, IR_PROTO, algebra_set_one(a, 17, 33)));
	assert_refused(a, &r, DIAG_CAPABILITY);
	assert_true(ir_clause_narrow(r.rule.at[0].clause, a, IR_PROTO, algebra_set_one(a, 17, 32)));
	assert_accepted(a, &r);
	r = one_rule(a, IR_DCCPSERVICE, 80, 80);
	r.rule.at[0].flow = true;
	assert_refused(a, &r, DIAG_CAPABILITY);
	r = one_rule(a, IR_IHL, 5, 5);
	r.rule.at[0].flow = true;
	assert_true(
		ir_clause_narrow(r.rule.at[0].clause, a, IR_FLOWLABEL, algebra_set_one(a, 1, 1)));
	assert_refused(a, &r, DIAG_EMPTY);
	r = one_rule(a, IR_DPORT, 80, 80);
	r.rule.at[0].rate.bytes_x100 = UINT64_MAX;
	assert_refused(a, &r, DIAG_CAPABILITY);
}

// --- the script ---

// nft takes a flow's port only behind version and protocol, in this order, whichever of them the way to a rule has tested.
static void ports_of_flows_stand_behind_what_they_need(void **state)
{
	struct arena *a = *state;
	for (unsigned tests = 0; tests < 4; tests++) {
		struct nft_form form = {.act = ACT_DROP};
		struct buf text;
		buf_init(&text);
		nft_form_match(&form, a, F_PROTO, algebra_set_one(a, 6, 6));
		nft_form_match(&form, a, F_FLOW_DPORT, algebra_set_one(a, 22, 22));
		if (tests & 1)
			nft_form_match(&form, a, F_FLOW_VERSION,
				       algebra_set_one(a, NFT_VERSION_6, NFT_VERSION_6));
		if (tests & 2)
			nft_form_match(&form, a, F_FLOW_PROTO, algebra_set_one(a, 6, 6));
		assert_true(nft_text_rule(&form, "g1", &text));
		const char *version = strstr(text.data, "ct l3proto"),
			   *protocol = strstr(text.data, "ct protocol"),
			   *port = strstr(text.data, "ct original proto-dst 22");
		assert_true(version && version < protocol && protocol < port);
		assert_null(strstr(version + 1, "ct l3proto"));
		assert_null(strstr(protocol + 1, "ct protocol"));
		buf_fini(&text);
	}
}

static void scripts_say_the_rules(void **state)
{
	struct arena *a = *state;
	struct ir_ruleset r = one_rule(a, IR_DPORT, 80, 81);
	struct diags diags;
	struct buf script;
	diags_init(&diags, a);
	buf_init(&script);
	r.rule.at[0].flow = true;
	r.rule.at[0].log = IR_LOG_RULE;
	assert_true(ir_clause_narrow(r.rule.at[0].clause, a, IR_PROTO, algebra_set_one(a, 6, 6)));
	assert_true(ir_clause_narrow(
		r.rule.at[0].clause, a, IR_SRC6,
		algebra_set_one(a, (u128)0x20010db8 << 96, ((u128)0x20010db8 << 96) + 255)));
	assert_true(backend_nft_print(&r, NULL, &diags, &script));
	assert_string_equal(
		script.data,
		"#!/usr/sbin/nft -f\n"
		"# Load with TZ=UTC: hours are meant in UTC.\n"
		"table inet bulwark\n"
		"delete table inet bulwark\n"
		"table inet bulwark {\n"
		"\tchain g1 {\n"
		"\t\tct l3proto ipv6 ct protocol 6 ct original ip6 saddr 2001:db8::-2001:db8::ff "
		"ct original proto-dst 80-81 counter log prefix \"bulwark p/r \" accept comment "
		"\"p/r\"\n"
		"\t\tct state invalid,untracked counter drop\n"
		"\t\tcounter drop\n"
		"\t}\n"
		"\tchain pinholes {\n"
		"\t}\n"
		"\tchain forward {\n"
		"\t\ttype filter hook forward priority filter; policy drop;\n"
		"\t\tgoto g1\n"
		"\t}\n"
		"}\n");
	buf_fini(&script);
	struct ir_ruleset odd = one_rule(a, IR_DPORT, 80, 80);
	odd.rule.at[0].verdict = IR_RATE_LIMIT;
	odd.rule.at[0].rate.bytes_x100 = 150; // nft has no fractions
	buf_init(&script);
	assert_false(backend_nft_print(&odd, NULL, &diags, &script));
	assert_int_equal(diags.list.at[0].code, DIAG_UNSUPPORTED);
	buf_fini(&script);
}

// --- bytes ---

// The rules of a ruleset as messages, without the sets that they look up.
static void encode_all(struct arena *arena, const struct ir_ruleset *ruleset,
		       struct nft_program *program, struct nft_batch *batch)
{
	struct nft_encoder encoder = {.arena = arena,
				      .batch = batch,
				      .table = "bulwark",
				      .prefix = "g1",
				      .set_by_content = {.arena = arena}};
	nft_program_init(program, arena);
	nft_compile(ruleset, NULL, program);
	for (size_t i = 0; i < program->chain.len; i++)
		for (size_t k = 0; k < program->chain.at[i]->rule.len; k++)
			nft_encode_rule(&encoder, program->chain.at[i]->name,
					&program->chain.at[i]->rule.at[k]);
}

static const struct nlattr *attribute(const struct nlmsghdr *nlh, uint16_t type)
{
	for (const struct nlattr *attr = nft_message_next(nlh, NULL); attr;
	     attr = nft_message_next(nlh, attr))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static void decode(struct arena *arena, const struct nlmsghdr *nlh, const struct map *sets,
		   struct nft_form *form)
{
	struct nft_decoder decoder = {.arena = arena, .sets = sets, .prefix = "g1"};
	const struct nlattr *expressions = attribute(nlh, NFTA_RULE_EXPRESSIONS),
			    *data = attribute(nlh, NFTA_RULE_USERDATA);
	*form = (struct nft_form){0};
	nft_decode_rule(&decoder, expressions, form);
	nft_decode_counter(expressions, form);
	if (data)
		nft_decode_tag(arena, mnl_attr_get_payload(data), mnl_attr_get_payload_len(data),
			       &form->tag);
}

static bool is_rule(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE);
}

// Rules without sets come back from their messages as they were, names too.
static void assert_decodes(struct arena *arena, const struct nft_form *form,
			   const struct nft_form *is, const struct nft_program *program)
{
	if (!nft_form_same((struct nft_form_of){program, form}, (struct nft_form_of){program, is},
			   true))
		fail_msg("%s\nis decoded as\n%s", nft_text_shown(program, form, arena),
			 nft_text_shown(program, is, arena));
	assert_int_equal(is->tag.rule, form->tag.rule);
	assert_int_equal(is->tag.clause, form->tag.clause);
	assert_int_equal(is->tag.counts, form->tag.counts);
}

static void mutate(struct test_random *random, char *bytes, size_t len)
{
	for (unsigned i = 0, n = 1 + test_random_below(random, 4); i < n; i++)
		bytes[test_random_below(random, (uint32_t)len)] = (char)test_random_next(random);
}

// Damaged behind the headers of the message and of its attributes: what a strange kernel might say.
static void decode_damaged(struct arena *arena, struct test_random *random,
			   const struct nlmsghdr *nlh, const struct map *sets,
			   const struct nft_form *path)
{
	for (unsigned i = 0; i < MUTATIONS; i++) {
		struct nft_form form, resolved;
		char *copy = malloc(nlh->nlmsg_len);
		memcpy(base_oom(copy), nlh, nlh->nlmsg_len);
		mutate(random, copy + 20, nlh->nlmsg_len - 20);
		decode(arena, (struct nlmsghdr *)copy, sets, &form);
		nft_form_resolve(&form, path, arena, &resolved);
		free(copy);
	}
}

static void bytes_are_decoded_or_strange(void **state)
{
	(void)state;
	struct test_random random = {.state = 3};
	for (unsigned i = 0; i < RULESETS / 10; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		struct nft_program program;
		struct nft_batch batch;
		arena_init(&arena);
		nft_batch_init(&batch, &arena);
		struct map no_sets = {.arena = &arena};
		test_policy_random(&random, &arena, i % 2, NOW, &ruleset);
		encode_all(&arena, &ruleset, &program, &batch);
		size_t chain = 0, rule = 0;
		for (size_t at = 0; at < batch.part.buf.len;) {
			const struct nlmsghdr *nlh = (void *)(batch.part.buf.data + at);
			at += NLMSG_ALIGN(nlh->nlmsg_len);
			if (!is_rule(nlh))
				continue;
			while (rule == program.chain.at[chain]->rule.len) {
				chain++;
				rule = 0;
			}
			const struct nft_form *form = &program.chain.at[chain]->rule.at[rule++];
			struct nft_form is;
			decode(&arena, nlh, &no_sets, &is);
			if (!is.strange ||
			    strcmp(is.strange, "a set that Bulwark does not use") != 0)
				assert_decodes(&arena, form, &is, &program);
			decode_damaged(&arena, &random, nlh, &no_sets, NULL);
		}
		nft_batch_fini(&batch);
		arena_fini(&arena);
	}
}

// What a way to a map of the field tells, so that its place has one meaning.
static struct nft_form way_to(struct arena *a, const struct nft_field_info *info)
{
	struct nft_form way = {0};
	bool flow = info->side == OF_FLOW;
	u128 version = info->version == 4 ? NFT_VERSION_4 : NFT_VERSION_6;
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	if (info->version)
		nft_form_match(&way, a, flow ? F_FLOW_VERSION : F_VERSION,
			       algebra_set_one(a, version, version));
	if (protocols.len)
		nft_form_match(&way, a, flow ? F_FLOW_PROTO : F_PROTO, protocols);
	return way;
}

// A map as the kernel would show it.
static struct nft_dumped_set *dumped(struct arena *a, const struct nft_map *map)
{
	const struct nft_field_info *info = &nft_field_info[map->field];
	struct nft_dumped_set *set = arena_new(a, struct nft_dumped_set);
	*set = (struct nft_dumped_set){
		.name = "g1-m0", .flags = NFT_SET_MAP | NFT_SET_INTERVAL, .key_bytes = info->bytes};
	for (size_t i = map->len; i-- > 0;) {
		struct algebra_range r = map->branch[i].range;
		vec_push(a, &set->element,
			 (struct nft_element){
				 .key = r.lo << info->shift,
				 .chain = arena_printf(a, "g1%s", map->branch[i].chain)});
		if (r.hi != algebra_max(info->bits))
			vec_push(a, &set->element,
				 (struct nft_element){.key = (r.hi + 1) << info->shift,
						      .end = true});
	}
	return set;
}

static void assert_map_decodes(struct arena *a, enum nft_field field)
{
	struct test_random random = {.state = field};
	u128 max = algebra_max(nft_field_info[field].bits);
	struct nft_branch to[] = {
		{{0, max / 4}, "-n0"}, {{max / 4 + 1, max / 4 + 1}, "-n1"}, {{max, max}, "-n0"}};
	struct nft_form form = {.act = ACT_BRANCH,
				.map = {.field = field, .name = "-m0", .branch = to, .len = 3},
				.tag = {.known = true}},
			way = way_to(a, &nft_field_info[field]), read, is;
	struct nft_batch batch;
	struct nft_encoder encoder = {.arena = a,
				      .batch = &batch,
				      .table = "bulwark",
				      .prefix = "g1",
				      .set_by_content = {.arena = a}};
	struct map sets = {.arena = a};
	struct nft_program none;
	map_put(&sets, "g1-m0", dumped(a, &form.map));
	nft_program_init(&none, a);
	nft_batch_init(&batch, a);
	size_t at = batch.part.buf.len;
	nft_encode_rule_at(&encoder, "g1", &form, SPOT_END, 0);
	const struct nlmsghdr *nlh = (void *)(batch.part.buf.data + at);
	decode(a, nlh, &sets, &read);
	nft_form_resolve(&read, &way, a, &is);
	assert_decodes(a, &form, &is, &none);
	assert_null(is.strange);
	decode_damaged(a, &random, nlh, &sets, &way);
	nft_batch_fini(&batch);
}

static void maps_of_all_fields_are_decoded(void **state)
{
	for (unsigned f = 0; f < NFT_FIELDS; f++)
		if (f != F_STATE && f != F_KNOWN)
			assert_map_decodes(*state, (enum nft_field)f);
}

// Which maps are looked up by hash.
static void blocks_are_of_one_size_and_of_addresses(void **state)
{
	(void)state;
	const u128 last = algebra_max(128);
	const struct {
		enum nft_field field;
		struct algebra_range range[2];
		unsigned block;
	} maps[] = {
		{F_DST4, {{0, 0xffff}, {0x20000, 0x2ffff}}, 16},
		{F_FLOW_SRC6, {{0, last >> 64}, {last - (last >> 64), last}}, 64},
		{F_SRC4, {{6, 7}, {8, 9}}, 1},
		{F_SRC6, {{0, last >> 1}, {(last >> 1) + 1, last}}, 127},
		{F_SRC4, {{7, 7}, {9, 9}}, 0},
		{F_SRC4, {{7, 8}, {9, 10}}, NFT_MAP_RANGES},          // begin between
		{F_SRC4, {{8, 10}, {12, 14}}, NFT_MAP_RANGES},        // three values each
		{F_SRC4, {{8, 11}, {12, 13}}, NFT_MAP_RANGES},        // of two sizes
		{F_SRC4, {{8, 11}, {12, 12}}, NFT_MAP_RANGES},        // and a single value
		{F_DPORT, {{0, 1023}, {1024, 2047}}, NFT_MAP_RANGES}, // no addresses
		{F_DPORT, {{80, 80}, {443, 443}}, 0},
	};
	for (size_t i = 0; i < array_len(maps); i++) {
		struct nft_branch branch[] = {{maps[i].range[0], "-n1"}, {maps[i].range[1], "-n2"}};
		struct nft_map map = {.field = maps[i].field, .branch = branch, .len = 2};
		assert_int_equal(nft_map_block(&map), maps[i].block);
	}
	struct nft_branch all = {{0, UINT32_MAX}, "-n1"};
	assert_int_equal(
		nft_map_block(&(struct nft_map){.field = F_SRC4, .branch = &all, .len = 1}),
		NFT_MAP_RANGES); // a mask leaves something
	assert_int_equal(nft_map_block(&(struct nft_map){.field = F_SRC4}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields_agree_with_the_ir, start, stop),
		cmocka_unit_test(limits_are_exact_or_refused),
		cmocka_unit_test(blocks_are_of_one_size_and_of_addresses),
		cmocka_unit_test_setup_teardown(log_prefixes_fit, start, stop),
		cmocka_unit_test(the_normal_form_keeps_the_meaning),
		cmocka_unit_test(lifting_undoes_compiling),
		cmocka_unit_test_setup_teardown(actions_it_lacks_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(opaque_conditions_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(what_the_kernel_cannot_tell_is_refused, start,
						stop),
		cmocka_unit_test_setup_teardown(ports_of_flows_stand_behind_what_they_need, start,
						stop),
		cmocka_unit_test_setup_teardown(scripts_say_the_rules, start, stop),
		cmocka_unit_test(bytes_are_decoded_or_strange),
		cmocka_unit_test_setup_teardown(maps_of_all_fields_are_decoded, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
