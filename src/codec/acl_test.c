// SPDX-License-Identifier: Apache-2.0
// Reading access control lists leaf by leaf, where they are applied, documents that the model does not allow, and what
// cannot be written.
#include "codec/acl.h"
#include "codec/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define TYPE "<type>mixed-eth-ipv4-ipv6-acl-type</type>"
#define ACT(action) "<actions><forwarding>" action "</forwarding></actions>"
#define ACE(name, matches, action) \
	"<ace><name>" name "</name><matches>" matches "</matches>" ACT(action) "</ace>"
#define LIST(name, aces) "<acl><name>" name "</name>" TYPE "<aces>" aces "</aces></acl>"
#define SETS(names) "<acl-sets>" names "</acl-sets>"
#define SET(name) "<acl-set><name>" name "</name></acl-set>"
#define INGRESS(id, names)             \
	"<interface><interface-id>" id \
	"</interface-id><ingress>" SETS(names) "</ingress></interface>"
#define EGRESS(id, names)                                                                  \
	"<interface><interface-id>" id "</interface-id><egress>" SETS(names) "</egress></" \
									     "interface>"

static bool read(struct test_bench *b, const char *content, struct ir_document *out)
{
	diags_init(&b->diags, &b->arena);
	return test_read(b,
			 arena_printf(&b->arena,
				      "<acls xmlns=\"" CODEC_ACL_NAMESPACE "\">%s</acls>", content),
			 out);
}

static const char *printed(struct test_bench *b, const struct ir_document *document)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	for (size_t i = 0; i < document->policy.len; i++) {
		const struct ir_policy *policy = &document->policy.at[i];
		buf_printf(&out, "%s%s%s\n", policy->name,
			   policy->default_action == IR_NONE ? "" : " else ",
			   policy->default_action == IR_NONE
				   ? ""
				   : ir_verdict_name[policy->default_action]);
		for (size_t k = 0; k < policy->rule.len; k++) {
			buf_printf(&out, "  %s|%s: ", policy->rule.at[k].policy,
				   policy->rule.at[k].name);
			ir_rule_print(&policy->rule.at[k], &out);
			buf_addc(&out, '\n');
		}
	}
	return arena_strdup(&b->arena, out.data);
}

static void assert_reads(struct test_bench *b, const char *content, const char *expected)
{
	struct ir_document document;
	if (!read(b, content, &document))
		fail_msg("%s\n%s", content, test_said(b));
	assert_string_equal(printed(b, &document), expected);
}

static bool has_diag(const struct test_bench *b, enum diag_severity severity, enum diag_code code)
{
	for (size_t i = 0; i < b->diags.list.len; i++)
		if (b->diags.list.at[i].severity == severity && b->diags.list.at[i].code == code)
			return true;
	return false;
}

// --- entries ---

static void every_condition_is_read(void **state)
{
	static const struct {
		const char *matches, *rule;
	} cases[] = {
#define X(matches, rule) {matches, rule},
#include "codec/acl_cases.def"
#undef X
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		const char *list = arena_printf(&b->arena, LIST("l", ACE("e", "%s", "drop")),
						cases[i].matches);
		assert_reads(b, list, arena_printf(&b->arena, "l\n  l|e: %s\n", cases[i].rule));
	}
}

static void actions_and_order_are_read(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	assert_true(read(
		b,
		LIST("l", ACE("z", "", "accept")
				  ACE("a", "", "reject") "<ace><name>m</name>"
							 "<actions><forwarding>drop</"
							 "forwarding><logging>log-syslog</logging>"
							 "</actions></ace>"),
		&document));
	const struct ir_rule *rule = document.policy.at[0].rule.at;
	assert_int_equal(document.policy.at[0].rule.len, 3);
	assert_string_equal(rule[0].name, "z");
	assert_int_equal(rule[0].verdict, IR_PASS);
	assert_int_equal(rule[0].log, IR_LOG_NONE);
	assert_int_equal(rule[1].verdict, IR_REJECT);
	assert_int_equal(rule[2].verdict, IR_DROP);
	assert_int_equal(rule[2].log, IR_LOG_RULE);
	assert_false(rule[0].flow);
	assert_int_equal(rule[2].line, 1);
	assert_string_equal(rule[2].file, "test.xml");
}

static void json_and_state_are_read(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	diags_init(&b->diags, &b->arena);
	assert_true(test_read(
		b,
		"{\"ietf-access-control-list:acls\":{\"acl\":[{\"name\":\"l\",\"type\":\"ipv4-acl-"
		"type\","
		"\"aces\":{\"ace\":[{\"name\":\"e\",\"matches\":{\"ipv4\":{\"ttl\":1}},\"actions\":"
		"{\"forwarding\":\"accept\"},\"statistics\":{\"matched-packets\":\"7\"}}]}}]}}",
		&document));
	assert_string_equal(printed(b, &document), "l\n  l|e: IPv4 ttl 1 -> pass\n");
}

static void notes_say_what_the_model_leaves_open(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	assert_true(read(b, LIST("l", ACE("e", "<ipv4><ttl>1</ttl></ipv4>", "drop")), &document));
	assert_true(has_diag(b, DIAG_NOTE, DIAG_MISSING)); // packets that no entry matches
	assert_true(read(b, LIST("l", ACE("e", "", "drop")), &document));
	assert_int_equal(b->diags.list.len, 0);
	assert_true(read(b,
			 "<acl><name>l</name><type>ipv4-acl-type</type><aces>" ACE(
				 "e", "", "drop") "</aces></acl>",
			 &document));
	assert_true(has_diag(b, DIAG_NOTE, DIAG_EMPTY)); // of every version
	assert_true(read(b, LIST("l", ACE("e", "<tcp><reserved>16</reserved></tcp>", "drop")),
			 &document));
	assert_true(has_diag(b, DIAG_WARNING, DIAG_EMPTY)); // no packet has it
}

// --- what the model, or sense, does not allow ---

static void faults_are_errors(void **state)
{
	static const struct {
		const char *content;
		enum diag_code code;
	} cases[] = {
		{"<acl><type>eth-acl-type</type></acl>", DIAG_MISSING},
		{"<acl><name></name></acl>", DIAG_VALUE},
		{"<acl><name>l</name><type>acl-base-type</type></acl>", DIAG_VALUE},
		{"<acl><name>l</name><type>accept</type></acl>", DIAG_VALUE},
		{LIST("l", "") LIST("l", ""), DIAG_DUPLICATE},
		{LIST("l", ACE("e", "", "drop") ACE("e", "", "drop")), DIAG_DUPLICATE},
		{LIST("l", ACE("e", "", "pass")), DIAG_VALUE},
		{LIST("l", "<ace><name>e</name></ace>"), DIAG_MISSING},
		{LIST("l",
		      "<ace><name>e</name><actions><logging>log-none</logging></actions></ace>"),
		 DIAG_MISSING},
		{"<acl><name>l</name><type>ipv4-acl-type</type><aces>" ACE(
			 "e", "<ipv6><ttl>1</ttl></ipv6>", "drop") "</aces></acl>",
		 DIAG_UNKNOWN_ELEMENT},
		{"<acl><name>l</name><aces>" ACE("e", "<ipv4><ttl>1</ttl></ipv4>",
						 "drop") "</aces></acl>",
		 DIAG_UNKNOWN_ELEMENT},
		{"<acl><name>l</name><type>ipv6-acl-type</type><aces>" ACE(
			 "e", "<eth><ethertype>arp</ethertype></eth>", "drop") "</aces></acl>",
		 DIAG_UNKNOWN_ELEMENT},
		{LIST("l", ACE("e", "<ipv4><ttl>1</ttl></ipv4><ipv6><ttl>1</ttl></ipv6>", "drop")),
		 DIAG_CONFLICT},
		{LIST("l",
		      ACE("e", "<tcp><reserved>1</reserved></tcp><udp><length>8</length></udp>",
			  "drop")),
		 DIAG_CONFLICT},
		{LIST("l", ACE("e", "<ipv4><offset>19</offset></ipv4>", "drop")), DIAG_VALUE},
		{LIST("l", ACE("e", "<ipv4><ihl>4</ihl></ipv4>", "drop")), DIAG_VALUE},
		{LIST("l", ACE("e", "<ipv4><flow-label>1</flow-label></ipv4>", "drop")),
		 DIAG_UNKNOWN_ELEMENT},
		{LIST("l", ACE("e", "<sctp/>", "drop")), DIAG_UNKNOWN_ELEMENT},
		{LIST("l", ACE("e", "<tcp><options></options></tcp>", "drop")), DIAG_VALUE},
		{LIST("l",
		      ACE("e",
			  "<tcp><source-port><lower-port>9</lower-port><upper-port>8</upper-port>"
			  "</source-port></tcp>",
			  "drop")),
		 DIAG_CONSTRAINT},
		{LIST("l",
		      ACE("e", "<tcp><source-port><lower-port>9</lower-port></source-port></tcp>",
			  "drop")),
		 DIAG_MISSING},
		{LIST("l", ACE("e",
			       "<tcp><source-port><operator>lt</operator><port>9</port></"
			       "source-port></tcp>",
			       "drop")),
		 DIAG_VALUE},
		{LIST("l", ACE("e",
			       "<eth><source-mac-address-mask>ff:ff:ff:00:00:00</"
			       "source-mac-address-mask></eth>",
			       "drop")),
		 DIAG_MISSING},
		{LIST("l", ACE("e",
			       "<eth><source-mac-address>00:00:00:00:00:00</source-mac-address>"
			       "<source-mac-address-mask>55:55:55:55:55:55</"
			       "source-mac-address-mask></eth>",
			       "drop")),
		 DIAG_UNSUPPORTED},
		{"<attachment-points>" INGRESS("eth0", SET("l")) "</attachment-points>",
		 DIAG_REFERENCE},
	};
	struct test_bench *b = *state;
	struct ir_document document;
	for (size_t i = 0; i < array_len(cases); i++) {
		if (read(b, cases[i].content, &document))
			fail_msg("%s", cases[i].content);
		if (!has_diag(b, DIAG_ERROR, cases[i].code))
			fail_msg("%s\n%s", cases[i].content, test_said(b));
	}
}

// --- where lists are applied ---

#define WEB "<tcp><destination-port><port>80</port></destination-port></tcp>"
#define TTL "<ipv4><ttl>1</ttl></ipv4>"

static void lists_are_limited_to_their_interfaces(void **state)
{
	struct test_bench *b = *state;
	assert_reads(
		b,
		LIST("a", ACE("web", WEB, "accept")) LIST("b", ACE("rest", "", "drop"))
			LIST("c", ACE("unused", "", "accept")) "<attachment-points>" INGRESS(
				"eth0", SET("a") SET("b")) INGRESS("eth1", SET("a") SET("b"))
				INGRESS("TenGigabitEthernet0/1", SET("b")) "</attachment-points>",
		"a\n"
		"  a|web: tcp dport 80 in {eth0, eth1} -> pass\n"
		"b in eth0 and 1 more\n"
		"  b in eth0 and 1 more|rest: in {eth0, eth1} -> drop\n"
		"b in TenGigabitEthernet0/1\n"
		"  b in TenGigabitEthernet0/1|rest: any packet if foreign "
		"ingress-interface TenGigabitEthernet0/1 -> drop\n");
	assert_true(has_diag(b, DIAG_NOTE, DIAG_EMPTY));     // the unused list
	assert_true(has_diag(b, DIAG_NOTE, DIAG_REFERENCE)); // interfaces that nobody defined
}

// Accepted at the way in, a packet is judged again at the way out.
static void both_directions_judge(void **state)
{
	struct test_bench *b = *state;
	assert_reads(b,
		     LIST("in", ACE("ttl", TTL, "reject") ACE("rest", "", "accept"))
			     LIST("out", ACE("web", WEB, "accept") ACE(
						 "rest", "",
						 "drop")) "<attachment-points>" INGRESS("eth0",
											SET("in"))
				     EGRESS("eth1", SET("out")) "</attachment-points>",
		     "in\n"
		     "  in|ttl: IPv4 in eth0 ttl 1 -> reject\n"
		     "  in|rest > web: tcp dport 80 in eth0 out eth1 -> pass\n"
		     "  in|rest > rest: in eth0 out eth1 -> drop\n"
		     "  in|rest: in eth0 -> pass\n"
		     "out\n"
		     "  out|web: tcp dport 80 out eth1 -> pass\n"
		     "  out|rest: out eth1 -> drop\n");
}

static void what_is_left_to_the_device_in_between_is_refused(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	assert_false(
		read(b,
		     LIST("in", ACE("rest", "", "accept"))
			     LIST("out", ACE("web", WEB, "accept")) "<attachment-points>" INGRESS(
				     "eth0", SET("in"))
				     EGRESS("eth1", SET("out")) "</attachment-points>",
		     &document));
	assert_true(has_diag(b, DIAG_ERROR, DIAG_UNSUPPORTED));
	assert_false(
		read(b,
		     LIST("in", ACE("web", WEB, "drop"))
			     LIST("out", ACE("rest", "", "drop")) "<attachment-points>" INGRESS(
				     "eth0", SET("in"))
				     EGRESS("eth1", SET("out")) "</attachment-points>",
		     &document));
	assert_true(has_diag(b, DIAG_ERROR, DIAG_UNSUPPORTED));
}

static void too_many_rules_are_refused(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (unsigned list = 0; list < 2; list++) {
		buf_printf(&text, "<acl><name>%s</name>" TYPE "<aces>", list ? "out" : "in");
		for (unsigned i = 0; i < 800; i++)
			buf_printf(&text, "<ace><name>%u</name>" ACT("accept") "</ace>", i);
		buf_adds(&text, "</aces></acl>");
	}
	buf_adds(&text, "<attachment-points>" INGRESS("eth0", SET("in"))
				EGRESS("eth1", SET("out")) "</attachment-points>");
	assert_false(read(b, text.data, &document));
	assert_int_equal(b->diags.errors, 1);
	assert_true(has_diag(b, DIAG_ERROR, DIAG_LIMIT));
}

static void interfaces_of_the_document_are_taken(void **state)
{
	struct test_bench *b = *state;
	struct ir_document document;
	const char *lists = "<acls xmlns=\"" CODEC_ACL_NAMESPACE
			    "\">" LIST("l", ACE("e", "<ingress-interface>eth0</ingress-interface>",
						"drop") ACE("d", "", "drop")) "</acls>";
	const char *interfaces =
		"<interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\"><interface>"
		"<name>eth0</name><type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">"
		"i:ethernetCsmacd</type></interface></interfaces>";
	diags_init(&b->diags, &b->arena);
	assert_true(test_read(b, arena_printf(&b->arena, "%s%s", lists, interfaces), &document));
	assert_int_equal(b->diags.list.len, 0);
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
	if (codec_acl_can(rule, &b->diags))
		fail_msg("%s", about);
	assert_int_equal(b->diags.list.at[0].code, DIAG_UNSUPPORTED);
	assert_string_equal(b->diags.list.at[0].rule, "r");
	assert_non_null(b->diags.list.at[0].hint);
}

static void conditions_without_a_word_are_refused(void **state)
{
	static const struct {
		enum ir_dim dim;
		uint64_t lo, hi;
	} cases[] = {
		{IR_STATE, 0, 1},          {IR_IN, 0, 255},        {IR_OUT, 7, 7},
		{IR_FRAGOFF, 0, 0},        {IR_TCPOFFSET, 0, 6},   {IR_IHL, 4, 5},
		{IR_ETHERTYPE, 0, 0x7fff}, {IR_TCPSEQ, 0, 5000},   {IR_SCTPCHUNK, 1, 1},
		{IR_DCCPTYPE, 1, 1},       {IR_DCCPSERVICE, 1, 1}, {IR_TIME, 0, 5},
		{IR_HOUR, 0, 5},           {IR_DPORT, 53, 53},     {IR_UDPLEN, 8, 8},
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct ir_rule rule = rule_on(b, cases[i].dim, cases[i].lo, cases[i].hi);
		assert_refused(b, &rule, ir_dim_info[cases[i].dim].key);
	}
}

static void actions_without_a_word_are_refused(void **state)
{
	struct test_bench *b = *state;
	struct ir_rule cases[] = {
		{.verdict = IR_NONE, .log = IR_LOG_RULE},
		{.verdict = IR_MIRROR},
		{.verdict = IR_PASS, .flow = true},
		{.verdict = IR_PASS, .log = IR_LOG_SESSION},
		{.verdict = IR_PASS, .rate = {.flows = 1}},
		{.verdict = IR_RATE_LIMIT},
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		cases[i].policy = "p";
		cases[i].name = "r";
		assert_refused(b, &cases[i], "action");
	}
	struct ir_ruleset set = {.default_action = IR_MIRROR};
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	assert_false(codec_acl_write(&set, &b->diags, &out));
	assert_int_equal(out.len, 0);
}

static void opaque_conditions_without_a_word_are_refused(void **state)
{
	static const char *url[] = {"example.com"}, *chunk[] = {"sctp/chunk-length=4"};
	static const char *option[] = {"tcp/options=AQ=="}, *none[] = {"tcp/options="};
	static const char *mixed[] = {"tcp/options=AQ==", "icmp/rest-of-header=AQ=="};
	static const char *other[] = {"-m recent --rcheck"}, *bad[] = {"tcp/options=A"};
	static struct ir_opaque opaques[] = {
		{IR_OPAQUE_URL, NULL, url, 1, false},
		{IR_OPAQUE_HEADER, NULL, chunk, 1, false},
		{IR_OPAQUE_HEADER, NULL, option, 1, true},
		{IR_OPAQUE_HEADER, NULL, none, 1, false},
		{IR_OPAQUE_HEADER, NULL, mixed, 2, false},
		{IR_OPAQUE_FOREIGN, NULL, other, 1, false},
		{IR_OPAQUE_HEADER, NULL, bad, 1, false},
		{IR_OPAQUE_HEADER, NULL, option, 0, false},
	};
	static struct ir_opaque rest = {IR_OPAQUE_HEADER, NULL, mixed + 1, 1, false};
	static struct ir_opaque twice[] = {{IR_OPAQUE_HEADER, NULL, option, 1, false},
					   {IR_OPAQUE_HEADER, NULL, option, 1, false}};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(opaques); i++) {
		struct ir_rule rule = rule_on(b, IR_TCPWINDOW, 53, 53);
		rule.opaque = &opaques[i];
		rule.opaques = 1;
		assert_refused(b, &rule, ir_opaque_info[opaques[i].kind].name);
	}
	struct ir_rule rule = rule_on(b, IR_TCPWINDOW, 53, 53);
	rule.opaque = twice;
	rule.opaques = 2;
	assert_refused(b, &rule, "two of one kind");
	rule = rule_on(b, IR_PROTO, 1, 1); // of either version of IP
	rule.opaque = &rest;
	rule.opaques = 1;
	assert_refused(b, &rule, "ICMP without its version");
}

static void the_written_form_is_stable(void **state)
{
	struct test_bench *b = *state;
	struct buf out cleanup(buf_fini);
	struct ir_ruleset set = {.default_action = IR_DROP};
	struct ir_rule rule = rule_on(b, IR_DPORT, 80, 81);
	bool good = ir_clause_narrow(rule.clause, &b->arena, IR_PROTO,
				     algebra_set_one(&b->arena, 6, 6)) &&
		    ir_clause_narrow(rule.clause, &b->arena, IR_DST4,
				     algebra_set_one(&b->arena, 0xc00002ff, 0xc0000300));
	assert_true(good);
	rule.verdict = IR_PASS;
	rule.log = IR_LOG_RULE;
	rule.name = "the name of this rule is longer than the name of an entry may ever be";
	vec_push(&b->arena, &set.rule, rule);
	buf_init(&out);
	assert_true(codec_acl_write(&set, &b->diags, &out));
	assert_int_equal(b->diags.list.len, 1); // the name
	const char *first = strstr(out.data, "<name>p/");
	assert_non_null(first);
	assert_int_equal(strcspn(first + 6, "#"), 1 + 1 + 11 + 17);
	assert_non_null(strstr(
		out.data,
		"#1.2</name>\n"
		"        <matches>\n"
		"          <ipv4>\n"
		"            <destination-ipv4-network>192.0.3.0/32</destination-ipv4-network>\n"
		"          </ipv4>\n"
		"          <tcp>\n"
		"            <destination-port>\n"
		"              <lower-port>80</lower-port>\n"
		"              <upper-port>81</upper-port>\n"
		"            </destination-port>\n"
		"          </tcp>\n"
		"        </matches>\n"
		"        <actions>\n"
		"          <forwarding>accept</forwarding>\n"
		"          <logging>log-syslog</logging>\n"
		"        </actions>\n"
		"      </ace>\n"
		"      <ace>\n"
		"        <name>default</name>\n"
		"        <actions>\n"
		"          <forwarding>drop</forwarding>\n"
		"        </actions>\n"
		"      </ace>\n"));
}

// What was read comes out in the same form where the model has a word for the whole.
static void masks_and_comparisons_stay_one_entry(void **state)
{
	static const char *const forms[] = {
		"<source-mac-address-mask>ff:ff:ff:00:00:00</source-mac-address-mask>",
		"<source-mac-address-mask>ff:ff:ff:ff:ff:fd</source-mac-address-mask>",
		"<source-mac-address-mask>f0:ff:ff:ff:ff:ff</source-mac-address-mask>",
		"<operator>neq</operator>",
		"<operator>lte</operator>",
		"<operator>gte</operator>",
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(forms); i++) {
		struct ir_document document;
		struct ir_ruleset set;
		struct buf out cleanup(buf_fini);
		buf_init(&out);
		const char *matches = arena_printf(
			&b->arena,
			i < 3 ? "<eth><source-mac-address>00:53:00:00:00:00</"
				"source-mac-address>%s</eth>"
			      : "<tcp><source-port>%s<port>99</port></source-port></tcp>",
			forms[i]);
		assert_true(
			read(b, arena_printf(&b->arena, LIST("l", ACE("e", "%s", "drop")), matches),
			     &document));
		ir_document_order(&document, &b->arena, &b->diags, &set);
		assert_true(codec_acl_write(&set, &b->diags, &out));
		if (!strstr(out.data, forms[i]) || !strstr(out.data, "<name>l/e</name>"))
			fail_msg("%s became %s", matches, out.data);
	}
}

// The type is the narrowest that all entries fit.
static void the_type_is_that_of_the_entries(void **state)
{
	static const struct {
		enum ir_dim dim[2];
		const char *type;
	} cases[] = {
		{{IR_SRC4, IR_TTL}, "<type>ipv4-acl-type<"},
		{{IR_FLOWLABEL, IR_DST6}, "<type>ipv6-acl-type<"},
		{{IR_SMAC, IR_DMAC}, "<type>eth-acl-type<"},
		{{IR_SMAC, IR_SRC4}, "<type>mixed-eth-ipv4-acl-type<"},
		{{IR_SRC6, IR_SMAC}, "<type>mixed-eth-ipv6-acl-type<"},
		{{IR_TTL, IR_DSCP}, "<type>mixed-eth-ipv4-ipv6-acl-type<"},
		{{IR_OUT, IR_IN}, "<type>mixed-eth-ipv4-ipv6-acl-type<"},
	};
	struct test_bench *b = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct ir_ruleset set = {0};
		struct buf out cleanup(buf_fini);
		buf_init(&out);
		u128 value = cases[i].dim[0] == IR_OUT ? (u128)'a' << 120 : 7;
		struct ir_rule rule = rule_on(b, cases[i].dim[0], value, value);
		bool left = ir_clause_narrow(rule.clause, &b->arena, cases[i].dim[1],
					     algebra_set_one(&b->arena, value, value));
		assert_true(left);
		vec_push(&b->arena, &set.rule, rule);
		assert_true(codec_acl_write(&set, &b->diags, &out));
		if (!strstr(out.data, cases[i].type))
			fail_msg("not %s: %s", cases[i].type, out.data);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_acl, test_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_condition_is_read),
		TEST(actions_and_order_are_read),
		TEST(json_and_state_are_read),
		TEST(notes_say_what_the_model_leaves_open),
		TEST(faults_are_errors),
		TEST(lists_are_limited_to_their_interfaces),
		TEST(both_directions_judge),
		TEST(what_is_left_to_the_device_in_between_is_refused),
		TEST(too_many_rules_are_refused),
		TEST(interfaces_of_the_document_are_taken),
		TEST(conditions_without_a_word_are_refused),
		TEST(actions_without_a_word_are_refused),
		TEST(opaque_conditions_without_a_word_are_refused),
		TEST(the_written_form_is_stable),
		TEST(masks_and_comparisons_stay_one_entry),
		TEST(the_type_is_that_of_the_entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
