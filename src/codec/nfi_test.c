// SPDX-License-Identifier: Apache-2.0
// Reading the NSF-facing model leaf by leaf, its contradictions, the names of rules, and what cannot be
// written.
#include "codec/nfi_inner.h"
#include "codec/nfi.h"
#include "codec/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

// A policy of one rule with this content.
static char *policy_of(struct test_bench *b, const char *rule)
{
	return arena_printf(&b->arena,
			    "<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE "\">"
			    "<name>p</name><rules><name>r</name>%s</rules>"
			    "</i2nsf-security-policy>",
			    rule);
}

static char *conditions(struct test_bench *b, const char *condition)
{
	return policy_of(b, arena_printf(&b->arena, "<condition>%s</condition>", condition));
}

static void fail_with_diags(const struct test_bench *b, const char *about)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < b->diags.list.len; i++)
		diag_print(&b->diags.list.at[i], false, &text);
	fail_msg("%s\n%s", about, text.data);
}

static const char *printed(struct test_bench *b, const char *text)
{
	struct ir_document document;
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	if (!test_read(b, text, &document))
		fail_with_diags(b, text);
	for (size_t i = 0; i < document.policy.at[0].rule.len; i++) {
		if (i)
			buf_adds(&out, "; ");
		ir_rule_print(&document.policy.at[0].rule.at[i], &out);
	}
	return arena_strdup(&b->arena, out.data);
}

static void every_condition_is_read(void **state)
{
	static const struct {
		const char *xml, *rule;
	} cases[] = {
#define X(xml, rule) {xml, rule},
#include "codec/nfi_cases.def"
#undef X
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		const char *rule = printed(b, conditions(b, cases[i].xml));
		if (strcmp(rule, cases[i].rule) != 0)
			fail_msg("%s\n  is   %s\n  not  %s", cases[i].xml, rule, cases[i].rule);
	}
}

static void actions_are_read(void **state)
{
	static const struct {
		const char *xml, *rule;
	} cases[] = {
		{"<packet-action><ingress-action>drop</ingress-action></packet-action>",
		 "any packet -> drop"},
		{"<packet-action><egress-action>reject</egress-action></packet-action>",
		 "any packet -> reject"},
		{"<packet-action><ingress-action>pass</ingress-action>"
		 "<egress-action>pass</egress-action><log-action>rule-log</log-action></"
		 "packet-action>",
		 "any packet -> pass, log"},
		{"<flow-action><egress-action>tunnel-encapsulation</egress-action>"
		 "<log-action>session-log</log-action></flow-action>",
		 "any packet -> tunnel-encapsulation, log the session"},
		{"<packet-action><log-action>rule-log</log-action></packet-action>",
		 "any packet -> none, log"},
		{"<packet-action><ingress-action>drop</ingress-action></packet-action>"
		 "<flow-action><ingress-action>drop</ingress-action></flow-action>",
		 "any packet -> drop; any packet -> drop"},
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++)
		assert_string_equal(
			printed(b, policy_of(b, arena_printf(&b->arena, "<action>%s</action>",
							     cases[i].xml))),
			cases[i].rule);
	struct ir_document document;
	assert_true(test_read(b,
			      policy_of(b, "<action><flow-action><ingress-action>pass"
					   "</ingress-action></flow-action></action>"),
			      &document));
	assert_true(document.policy.at[0].rule.at[0].flow);
}

static void contradictions_are_errors(void **state)
{
	static const struct {
		const char *xml;
		enum diag_code code;
	} cases[] = {
		{"<action><packet-action><ingress-action>drop</ingress-action>"
		 "<egress-action>pass</egress-action></packet-action></action>",
		 DIAG_CONFLICT},
		{"<action><packet-action><ingress-action>drop</ingress-action></packet-action>"
		 "<flow-action><ingress-action>pass</ingress-action></flow-action></action>",
		 DIAG_CONFLICT},
		{"<action><advanced-action><content-security-control>ips</content-security-control>"
		 "</advanced-action></action>",
		 DIAG_UNSUPPORTED},
		{"<long-connection><enable>true</enable></long-connection>", DIAG_UNSUPPORTED},
		{"<action><packet-action><ingress-action>rate-limit</ingress-action></"
		 "packet-action>"
		 "</action>",
		 DIAG_MISSING},
		{"<condition><ddos><alert-packet-rate>0</alert-packet-rate></ddos></condition>",
		 DIAG_VALUE},
		{"<condition><ipv4><source-ipv4-range><start>192.0.2.9</start><end>192.0.2.1</end>"
		 "</source-ipv4-range></ipv4></condition>",
		 DIAG_VALUE},
		{"<condition><context><time><period><month>02-30</month></period>"
		 "<frequency>yearly</frequency></time></context></condition>",
		 DIAG_VALUE},
		{"<condition><layer-2><destination-mac-address>00:00:00:00:00:00"
		 "</destination-mac-address><source-mac-address>00:00:00:00:00:00</"
		 "source-mac-address>"
		 "<ethertype>arp</ethertype><source-mac-address-mask>00:00:00:55:55:55"
		 "</source-mac-address-mask></layer-2></condition>",
		 DIAG_UNSUPPORTED},
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct ir_document document;
		diags_init(&b->diags, &b->arena);
		assert_false(test_read(b, policy_of(b, cases[i].xml), &document));
		const struct diag *d = &b->diags.list.at[0];
		if (d->code != cases[i].code)
			fail_with_diags(b, cases[i].xml);
		assert_string_equal(d->file, "test.xml");
		assert_int_equal(d->line, 1);
		assert_non_null(d->path);
		assert_non_null(d->hint);
		assert_string_equal(d->rule, "r");
	}
}

static void rules_that_match_nothing_are_kept_with_a_warning(void **state)
{
	struct test_bench *b = *state;
	static const char *const cases[] = {
		"<ipv4><ihl>16</ihl></ipv4>",
		"<ipv4><protocol>17</protocol></ipv4><tcp><sequence-number>1</sequence-number></"
		"tcp>",
		"<ipv6><dscp>1</dscp></ipv6><icmp><version>icmpv4</version></icmp>",
		"<context><time><start-date-time>2026-01-02T00:00:00Z</start-date-time>"
		"<end-date-time>2026-01-01T00:00:00Z</end-date-time></time></context>",
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		diags_init(&b->diags, &b->arena);
		assert_string_equal(printed(b, conditions(b, cases[i])), "no packet -> none");
		assert_int_equal(b->diags.list.at[0].code, DIAG_EMPTY);
		assert_int_equal(b->diags.warnings, 1);
	}
}

static void disabled_rules_are_left_out_with_a_note(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	assert_true(test_read(
		b,
		"<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE "\"><name>p</name>"
		"<rules><name>a</name><enable>false</enable></rules>"
		"<rules><name>b</name></rules><rules><name>c</name><enable>true</enable></rules>"
		"<rule-group><groups><group-name>g</group-name><rule-name>b</rule-name>"
		"<enable>false</enable></groups></rule-group></i2nsf-security-policy>",
		&document));
	assert_int_equal(document.policy.at[0].rule.len, 1);
	assert_string_equal(document.policy.at[0].rule.at[0].name, "c");
	assert_int_equal(b->diags.list.len, 2);
	assert_int_equal(b->diags.list.at[0].severity, DIAG_NOTE);
	assert_non_null(strstr(b->diags.list.at[1].text, "rule group 'g'"));
}

static void policies_carry_their_strategy(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	assert_true(test_read(
		b,
		"<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE "\"><name>p</name>"
		"<priority-usage>priority-by-number</priority-usage>"
		"<resolution-strategy>pmre</resolution-strategy>"
		"<default-action>reject</default-action>"
		"<rules><name>a</name><description>why</description><priority>7</priority></rules>"
		"</i2nsf-security-policy>"
		"<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE
		"\"><name>q</name></i2nsf-security-policy>",
		&document));
	const struct ir_policy *p = &document.policy.at[0], *q = &document.policy.at[1];
	assert_int_equal(p->usage, IR_BY_NUMBER);
	assert_int_equal(p->resolution, IR_PMRE);
	assert_int_equal(p->default_action, IR_REJECT);
	assert_int_equal(p->rule.at[0].priority, 7);
	assert_string_equal(p->rule.at[0].description, "why");
	assert_string_equal(p->rule.at[0].file, "test.xml");
	assert_int_equal(q->default_action, IR_MIRROR); // the model's default
	assert_int_equal(q->resolution, IR_FMR);
}

// --- names ---

static void names_come_back(void **state)
{
	static const char *const parts[] = {"web", "a/b", "50%", "#1", "%2F", "", "x#2.1", "é/ü#"};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(parts); i++)
		for (size_t k = 0; k < array_len(parts); k++) {
			struct buf text cleanup(buf_fini);
			struct nfi_name name;
			buf_init(&text);
			nfi_name_write(parts[i], parts[k], &text);
			assert_true(nfi_name_read(text.data, &b->arena, &name));
			assert_string_equal(name.policy, parts[i]);
			assert_string_equal(name.rule, parts[k]);
			assert_int_equal(name.clause, 0);
			buf_adds(&text, "#2:3.17");
			assert_true(nfi_name_read(text.data, &b->arena, &name));
			assert_string_equal(name.rule, parts[k]);
			assert_int_equal(name.run, 2);
			assert_int_equal(name.clause, 3);
			assert_int_equal(name.part, 17);
		}
}

static void strange_names_are_not_taken_apart(void **state)
{
	static const char *const names[] = {"plain",     "a/b/c",     "a/b#",   "a/b#x",
					    "a/b#0",     "a/b#01",    "a/b#1.", "a/b#1.0",
					    "a/b#1x",    "a/b#1.2.3", "a/b#1:", "a/b#:1",
					    "a/b#1:2:3", "a/b#1.2:3", "a/b# 1"};
	struct test_bench *b = *state;
	struct nfi_name name;
	for (size_t i = 0; i < array_len(names); i++)
		if (nfi_name_read(names[i], &b->arena, &name))
			fail_msg("%s", names[i]);
}

// --- writing ---

static struct ir_rule rule_on(struct test_bench *b, enum ir_dim dim, u128 lo, u128 hi)
{
	struct ir_clause *clause = arena_new(&b->arena, struct ir_clause);
	bool good = ir_clause_narrow(clause, &b->arena, dim, algebra_set_one(&b->arena, lo, hi));
	assert_true(good);
	return (struct ir_rule){
		.policy = "p", .name = "r", .verdict = IR_DROP, .clause = clause, .clauses = 1};
}

static void assert_refused(struct test_bench *b, const struct ir_rule *rule, const char *about)
{
	diags_init(&b->diags, &b->arena);
	if (codec_nfi_can(rule, &b->diags))
		fail_msg("%s", about);
	assert_int_equal(b->diags.list.at[0].code, DIAG_UNSUPPORTED);
	assert_string_equal(b->diags.list.at[0].rule, "r");
	assert_non_null(b->diags.list.at[0].hint);
}

static void what_the_model_cannot_say_is_refused(void **state)
{
	struct test_bench *b = *state;
	static const struct {
		enum ir_dim dim;
		uint64_t lo, hi;
	} cases[] = {
		{IR_STATE, 0, 1},
		{IR_IN, 1, 1},
		{IR_OUT, 1, 1},
		{IR_SMAC, 1, 1},
		{IR_IHL, 4, 5},
		{IR_FRAGOFF, 0, 0},
		{IR_TCPOFFSET, 0, 6},
		{IR_ETHERTYPE, 0, 0x7fff},
		{IR_TCPSEQ, 0, 5000},
		{IR_DCCPSERVICE, 0, 5000},
		{IR_TIME, 0, 253402300800},
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		struct ir_rule rule = rule_on(b, cases[i].dim, cases[i].lo, cases[i].hi);
		assert_refused(b, &rule, ir_dim_info[cases[i].dim].key);
	}
	struct ir_rule rule = rule_on(b, IR_WDAY, 0, 1);
	assert_true(ir_clause_narrow(rule.clause, &b->arena, IR_MDAY,
				     algebra_set_one(&b->arena, 1, 1)));
	assert_refused(b, &rule, "week and month");
}

static void rates_and_opaque_conditions_are_checked(void **state)
{
	struct test_bench *b = *state;
	static const struct ir_rate rates[] = {
		{.packets = 1ull << 32}, {.flows = 1ull << 32}, {.bytes_x100 = 150}, {0}};
	for (size_t i = 0; i < array_len(rates); i++) {
		struct ir_rule rule = rule_on(b, IR_DPORT, 53, 53);
		rule.verdict = IR_RATE_LIMIT;
		rule.rate = rates[i];
		assert_refused(b, &rule, "rate");
	}
	static const char *values[] = {"no-such-thing", "TVo= depth=16 offset=0", "alice", "x=y"};
	static const char *namesakes[] = {"7 alice", "7 bob"};
	static struct ir_opaque opaques[] = {
		{IR_OPAQUE_APPLICATION, NULL, values, 1, false},
		{IR_OPAQUE_DEVICE, NULL, values, 1, false},
		{IR_OPAQUE_EVENT, NULL, values, 1, false},
		{IR_OPAQUE_PAYLOAD, NULL, values + 1, 1, false},
		{IR_OPAQUE_USER, NULL, values + 2, 1, false},
		{IR_OPAQUE_HEADER, NULL, values + 3, 1, false},
		{IR_OPAQUE_USER, NULL, namesakes, 2, false},
		{IR_OPAQUE_INDICATOR, NULL, values, 1, false},
		{IR_OPAQUE_URL, NULL, values, 0, false},
		{IR_OPAQUE_FOREIGN, NULL, values, 1, false},
		{IR_OPAQUE_FOREIGN, NULL, values, 1, true},
		{IR_OPAQUE_USER, NULL, namesakes, 1, true}, // it has no word for "not"
	};
	for (size_t i = 0; i < array_len(opaques); i++) {
		struct ir_rule rule = rule_on(b, IR_DPORT, 53, 53);
		rule.opaque = &opaques[i];
		rule.opaques = 1;
		assert_refused(b, &rule, ir_opaque_info[opaques[i].kind].name);
	}
}

static void a_default_action_must_be_sent(void **state)
{
	struct test_bench *b = *state;
	struct buf out cleanup(buf_fini);
	struct ir_ruleset none = {0};
	buf_init(&out);
	assert_false(codec_nfi_write(&none, &b->diags, &out));
	assert_int_equal(out.len, 0);
}

static void the_written_form_is_stable(void **state)
{
	struct test_bench *b = *state;
	struct buf out cleanup(buf_fini);
	struct ir_ruleset set = {.default_action = IR_DROP};
	struct ir_rule rule = rule_on(b, IR_DPORT, 443, 443);
	assert_true(ir_clause_narrow(rule.clause, &b->arena, IR_PROTO,
				     algebra_set_one(&b->arena, 6, 6)));
	assert_true(ir_clause_narrow(rule.clause, &b->arena, IR_DST4,
				     algebra_set_one(&b->arena, 0xc0000200, 0xc00002ff)));
	rule.verdict = IR_PASS;
	rule.flow = true;
	vec_push(&b->arena, &set.rule, rule);
	buf_init(&out);
	assert_true(codec_nfi_write(&set, &b->diags, &out));
	assert_string_equal(
		out.data,
		"<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE "\">\n"
		"  <name>bulwark</name>\n"
		"  <priority-usage>priority-by-order</priority-usage>\n"
		"  <resolution-strategy>fmr</resolution-strategy>\n"
		"  <default-action>drop</default-action>\n"
		"  <rules>\n"
		"    <name>p/r</name>\n"
		"    <condition>\n"
		"      <ipv4>\n"
		"        <destination-ipv4-network>192.0.2.0/24</destination-ipv4-network>\n"
		"      </ipv4>\n"
		"      <tcp>\n"
		"        <destination-port-number>\n"
		"          <lower-port>443</lower-port>\n"
		"          <upper-port>443</upper-port>\n"
		"        </destination-port-number>\n"
		"      </tcp>\n"
		"    </condition>\n"
		"    <action>\n"
		"      <flow-action>\n"
		"        <ingress-action>pass</ingress-action>\n"
		"      </flow-action>\n"
		"    </action>\n"
		"  </rules>\n"
		"</i2nsf-security-policy>\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_nfi, test_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_condition_is_read),
		TEST(actions_are_read),
		TEST(contradictions_are_errors),
		TEST(rules_that_match_nothing_are_kept_with_a_warning),
		TEST(disabled_rules_are_left_out_with_a_note),
		TEST(policies_carry_their_strategy),
		TEST(names_come_back),
		TEST(strange_names_are_not_taken_apart),
		TEST(what_the_model_cannot_say_is_refused),
		TEST(rates_and_opaque_conditions_are_checked),
		TEST(a_default_action_must_be_sent),
		TEST(the_written_form_is_stable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
