// SPDX-License-Identifier: Apache-2.0
// The readers of nft listings: for each kind of match and statement, which packets the imported rule decides; that text and
// JSON of one ruleset mean the same; and what becomes of input that is damaged, hostile or large. The samples in testdata/
// were printed by nft 1.0.6.
#include "import/test.h"
#include "base/buf.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static void read_well(struct test_box *b, const char *text)
{
	bool good = test_read(b, text, strlen(text), IMPORT_NFT);
	test_print_diags(b);
	if (!good)
		fail_msg("%.3000s", text);
}

// --- one rule, one packet ---

#define TCP "src=10.1.2.3,dst=192.0.2.9,proto=tcp,sport=40000,dport=22,in=eth0,out=wan7"
#define SYN TCP ",tcp-flags=syn,state=new"
#define UDP "src=10.1.2.3,dst=192.0.2.9,proto=udp,sport=53,dport=5353,in=eth0,out=wan7"
#define PING "src=10.1.2.3,dst=192.0.2.9,proto=icmp,icmp-type=8,icmp-code=0,in=eth0,out=wan7"
#define TCP6 "src=2001:db8::1,dst=2001:db8:1::9,proto=tcp,sport=40000,dport=22,in=eth0,out=wan7"
#define PING6 "src=2001:db8::1,dst=2001:db8:1::9,proto=icmpv6,icmp-type=128,icmp-code=0"

// 'y': the rule drops it; 'r': it rejects it; 'n': neither; '?': that depends on an opaque condition.
static char answer(struct test_box *b, const struct test_sample *s)
{
	read_well(b, arena_printf(&b->arena,
				  "table inet t {\n"
				  "set nets { type ipv4_addr; flags interval\n elements = { "
				  "10.0.0.0/8,\n 192.0.2.1-192.0.2.9 comment \"x\" } }\n"
				  "set none { type ipv4_addr\n }\n"
				  "set ports { type inet_service\n elements = { 3, 60000 } }\n"
				  "set pairs { type ipv4_addr . inet_service; flags interval\n "
				  "elements = { 10.1.0.0/16 . 20-30, 10.9.9.9 . 80 } }\n"
				  "set dyn { type ipv4_addr; flags dynamic,timeout; }\n"
				  "map ways { type inet_service : verdict\n elements = { 22 : "
				  "drop, 80 : accept, 5353 : jump out } }\n"
				  "map rest { type ipv4_addr : verdict; flags interval; elements = "
				  "{ 10.0.0.0/9 : accept, * : drop } }\n"
				  "chain out {\n drop\n }\n"
				  "chain f {\n type filter hook forward priority filter;\n"
				  "%s\n }\n}\n",
				  s->rule));
	struct ir_outcome out = test_outcome(b, "f", s->packet);
	return out.depends                ? '?'
	       : out.verdict == IR_REJECT ? 'r'
	       : out.verdict == IR_DROP   ? 'y'
					  : 'n';
}

static void addresses(void **state)
{
	static const struct test_sample samples[] = {
		{"ip saddr 10.1.2.3 drop", TCP, 'y'},
		{"ip saddr 10.1.2.3 drop", TCP6, 'n'},
		{"ip saddr != 10.1.2.3 drop", TCP, 'n'},
		{"ip saddr != 10.1.2.4 drop", TCP, 'y'},
		{"ip saddr != 10.1.2.4 drop", TCP6, 'n'},
		{"ip daddr 192.0.2.0/24 drop", TCP, 'y'},
		{"ip daddr 192.0.2.0-192.0.2.8 drop", TCP, 'n'},
		{"ip daddr { 192.0.2.9, 198.51.100.1 } drop", TCP, 'y'},
		{"ip saddr @nets ip daddr @nets drop", TCP, 'y'},
		{"ip saddr != @nets drop", TCP, 'n'},
		{"ip saddr @none drop", TCP, 'n'},
		{"ip saddr != @none drop", TCP, 'y'},
		{"ip saddr @dyn drop", TCP, '?'},
		{"ip saddr @dyn drop", TCP6, 'n'},
		{"ip saddr & 255.0.255.255 == 10.0.2.3 drop", TCP, 'y'},
		{"ip saddr & 255.0.255.255 != 10.0.2.3 drop", TCP, 'n'},
		{"ip saddr & 0.0.0.255 == 0.0.0.3 drop", TCP, '?'},
		{"ip saddr & 255.254.0.0 { 10.0.0.0, 0.0.0.0 } drop", TCP, 'y'},
		{"ip6 saddr 2001:db8::/32 drop", TCP6, 'y'},
		{"ip6 daddr != { ::1, 2001:db8:1::1-2001:db8:1::8 } drop", TCP6, 'y'},
		{"ip6 saddr & ::ffff == ::1 drop", TCP6, '?'},
		{"ip6 saddr & ::ffff == ::1 drop", TCP, 'n'},
		{"ether saddr 02:00:00:00:00:0a drop", TCP ",smac=02:00:00:00:00:0a", 'y'},
		{"ether daddr { 02:00:00:00:00:01-02:00:00:00:00:09 } drop",
		 TCP ",dmac=02:00:00:00:00:0a", 'n'},
	};
	test_ask(*state, samples, array_len(samples), answer);
}

static void transport(void **state)
{
	static const struct test_sample samples[] = {
		{"tcp dport 22 drop", TCP, 'y'},
		{"tcp dport 5353 drop", UDP, 'n'},
		{"tcp dport != 22 drop", UDP, 'n'},
		{"tcp dport { 20-30, 80 } drop", TCP6, 'y'},
		{"tcp dport != { 20-30, 80 } drop", TCP, 'n'},
		{"tcp dport > 21 drop", TCP, 'y'},
		{"tcp dport <= 21 drop", TCP, 'n'},
		{"tcp dport & 255 == 22 drop", TCP, 'y'},
		{"tcp dport ssh drop", TCP, 'y'},
		{"tcp dport no-such-service drop", TCP, '?'},
		{"th dport { 22, 5353 } drop", TCP, 'y'},
		{"th dport 5353 drop", UDP, 'y'},
		{"th dport 5353 drop", PING, '?'},
		{"meta l4proto { tcp, udp } th dport 5353 drop", PING, 'n'},
		{"meta l4proto . th dport { tcp . 22, udp . 5000-6000 } drop", UDP, 'y'},
		{"meta l4proto . th dport { tcp . 22, udp . 53 } drop", UDP, 'n'},
		{"udp sport . udp dport { 53 . 5353 } drop", UDP, 'y'},
		{"meta l4proto != tcp drop", PING6, 'y'},
		{"ip protocol tcp drop", TCP6, 'n'},
		{"ip protocol 6 drop", TCP, 'y'},
		{"ip6 nexthdr tcp drop", TCP6, '?'},
		{"ip6 nexthdr udp drop", TCP6, 'n'},
		{"icmp type echo-request drop", PING, 'y'},
		{"icmp type 3-5 drop", PING, 'n'},
		{"icmp type != echo-reply drop", PING, 'y'},
		{"icmp type echo-request drop", PING6, 'n'},
		{"icmp code net-unreachable drop", PING, 'y'},
		{"icmp type . icmp code { echo-request . 1 } drop", PING, 'n'},
		{"icmp type echo-request icmp code 0 drop", PING, 'y'},
		{"icmpv6 type { echo-request, nd-router-advert } drop", PING6, 'y'},
		{"icmpv6 type echo-request drop", PING, 'n'},
		{"tcp flags syn drop", SYN, 'y'},
		{"tcp flags ack,fin drop", SYN, 'n'},
		{"tcp flags syn,ack drop", SYN, 'y'},
		{"tcp flags == syn drop", SYN, 'y'},
		{"tcp flags == syn | ack drop", SYN, 'n'},
		{"tcp flags != syn drop", SYN, 'n'},
		{"tcp flags ! ack,fin drop", SYN, 'y'},
		{"tcp flags syn / fin,syn,rst,ack drop", SYN, 'y'},
		{"tcp flags != syn / fin,syn,rst,ack drop", SYN, 'n'},
		{"tcp flags & (fin | syn | rst | ack) == syn drop", SYN, 'y'},
		{"tcp flags & (syn | ack) == { ack, syn | ack } drop", SYN, 'n'},
		{"tcp flags { syn, syn | ack } drop", SYN, 'y'},
		{"sctp dport 22 drop", TCP, 'n'},
		{"udp length 20 drop", UDP, 'n'},
	};
	test_ask(*state, samples, array_len(samples), answer);
}

static void network(void **state)
{
	static const struct test_sample samples[] = {
		{"iifname \"eth*\" drop", TCP, 'y'},
		{"iifname \"eth\\*\" drop", TCP, 'n'},
		{"iifname != \"eth0\" drop", TCP, 'n'},
		{"oifname { \"wan*\", \"lan0\" } drop", TCP, 'y'},
		{"iif \"eth0\" oif != \"eth0\" drop", TCP, 'y'},
		{"iif 7 drop", TCP, '?'},
		{"iifname . ip saddr { \"eth0\" . 10.0.0.0/8 } drop", TCP, 'y'},
		{"meta nfproto ipv6 drop", TCP, 'n'},
		{"meta protocol ip drop", TCP, 'y'},
		{"meta protocol != ip drop", TCP6, 'y'},
		{"ct state new,related drop", SYN, 'y'},
		{"ct state established,related drop", SYN, 'n'},
		{"ct state { new, untracked } drop", SYN, 'y'},
		{"ct state != new drop", SYN, 'n'},
		{"ct state ! established drop", SYN, 'y'},
		{"ct state == new drop", SYN, 'y'},
		{"ct state new | established drop", SYN, 'n'},
		{"ct state & (new | established) == new drop", SYN, 'y'},
		{"ip dscp ef drop", TCP ",dscp=46", 'y'},
		{"ip dscp != { cs1, 46 } drop", TCP ",dscp=46", 'n'},
		{"ip6 dscp af11 drop", TCP6 ",dscp=10", 'y'},
		{"ip ttl < 5 drop", TCP ",ttl=4", 'y'},
		{"ip6 hoplimit 254 drop", TCP6 ",ttl=255", 'y'}, // it came with one more
		{"ip length 100-200 drop", TCP ",length=150", 'y'},
		{"meta length 100-200 drop", TCP ",length=150", 'y'},
		{"meta length 100-200 drop", TCP6 ",length=161", 'n'},
		{"meta length 100-200 drop", TCP6 ",length=60", 'y'},
		{"ip frag-off & 0x1fff != 0 drop", TCP ",ip-flags=1,fragment-offset=0", 'n'},
		{"ip frag-off & 0x3fff != 0 drop", TCP ",ip-flags=1,fragment-offset=0", 'y'},
		{"ip frag-off & 0x3fff != 0 drop", TCP ",ip-flags=2,fragment-offset=0", 'n'},
		{"ip frag-off 0x4000 drop", TCP ",ip-flags=2,fragment-offset=0", 'y'},
		{"meta hour \"08:00\"-\"10:00\" drop", TCP, 'y'},
		{"meta hour != \"08:00\"-\"10:00\" drop", TCP, 'n'},
		{"meta hour \"22:00\"-\"09:30\" drop", TCP, 'y'},
		{"meta day \"Wednesday\" drop", TCP, 'y'},
		{"meta day 1-2 drop", TCP, 'n'},
		{"meta time < \"2026-03-11 09:00:00\" drop", TCP, 'n'},
		{"meta time \"2026-03-11 09:00:00\"-\"2026-03-12\" drop", TCP, 'y'},
	};
	test_ask(*state, samples, array_len(samples), answer);
}

static void sets_and_maps(void **state)
{
	static const struct test_sample samples[] = {
		{"ip saddr . tcp dport { 10.1.2.3 . 22, 10.1.2.4 . 23 } drop", TCP, 'y'},
		{"ip saddr . tcp dport @pairs drop", TCP, 'y'},
		{"ip saddr . tcp dport != @pairs drop", TCP, 'n'},
		{"ip daddr . tcp dport != @pairs drop", TCP, 'y'},
		{"ip daddr . tcp dport != @pairs drop", UDP, 'n'},
		{"tcp dport vmap @ways", TCP, 'y'},
		{"udp dport vmap @ways", UDP, 'y'},
		{"tcp dport vmap @ways", UDP, 'n'},
		{"tcp dport vmap { 22 : continue, 23 : drop }\n tcp dport 22 drop", TCP, 'y'},
		{"tcp dport vmap { 22 : return, 23 : drop }\n tcp dport 22 drop", TCP, 'n'},
		{"tcp dport vmap { 0-21 : accept, 22 : goto out }\n accept", TCP, 'y'},
		{"ip saddr vmap @rest", TCP, 'n'},
		{"ip daddr vmap @rest", TCP, 'y'},
		{"ip daddr vmap @rest", TCP6, 'n'},
		{"ip saddr . tcp dport vmap { 10.1.2.3 . 22 : drop }", TCP, 'y'},
		{"ip saddr . tcp dport vmap { 10.1.2.3 . 23 : accept, * : drop }", TCP, 'y'},
		{"ip saddr . tcp dport vmap { 10.1.2.3 . 22 : accept, * : drop }", TCP, 'n'},
		{"ct state vmap { established : accept, new : drop }", SYN, 'y'},
		{"tcp flags & (syn | ack) vmap { syn : drop, syn | ack : accept }", SYN, 'y'},
		{"meta mark vmap { 0x1 : drop, 0x2 : accept }", TCP, '?'},
		{"ip length @ports\n ip ttl @ports drop", TCP ",ttl=3", '?'},
		{"ip saddr vmap @nowhere", TCP, '?'},
		{"add @none { ip daddr }\n ip saddr @none drop", TCP, '?'},
	};
	test_ask(*state, samples, array_len(samples), answer);
}

static void statements(void **state)
{
	static const struct test_sample samples[] = {
		{"counter packets 1 bytes 2 drop comment \"a { b\"", TCP, 'y'},
		{"log prefix \"x y\" level info flags tcp sequence,options group 3 drop", TCP, 'y'},
		{"log flags all counter accept\n drop", TCP, 'n'},
		{"reject", TCP, 'r'},
		{"reject with tcp reset", TCP, 'r'},
		{"reject with tcp reset", UDP, 'n'},
		{"reject with icmp host-unreachable", TCP, 'r'},
		{"reject with icmp host-unreachable", TCP6, 'n'},
		{"reject with icmpv6 no-route", TCP, 'n'},
		{"limit rate 5/second burst 10 packets drop", TCP, '?'},
		{"limit rate over 10 mbytes/second burst 3 kbytes drop", TCP, '?'},
		{"limit name \"slow\" tcp dport 23 drop", TCP, 'n'},
		{"quota over 25 mbytes used 3 bytes drop", TCP, '?'},
		{"ct count over 20 drop", TCP, '?'},
		{"queue num 1-3 bypass", TCP, '?'},
		{"queue flags bypass to 3", TCP, '?'},
		{"meta mark set 0x1 drop", TCP, 'y'},
		{"ct mark set meta mark & 0xff drop", TCP, '?'},
		{"ip dscp set cs1 drop", TCP6, 'n'},
		{"ip dscp set cs1\n ip dscp cs1 drop", TCP ",dscp=1", '?'},
		{"tcp option maxseg size set 1400 drop", UDP, 'n'},
		{"tcp option maxseg size 1-500 drop", TCP, '?'},
		{"notrack drop", TCP, 'y'},
		{"flow add @ft\n drop", TCP, 'y'},
		{"meter m size 65535 { ip saddr timeout 1m limit rate 1/second } drop", TCP, '?'},
		{"update @dyn { ip saddr timeout 10s limit rate 1/second } drop", TCP, '?'},
		{"counter name tcp dport map { 22 : \"a\" } drop", TCP, '?'},
		{"counter name tcp dport map { 22 : \"a\" } drop", UDP, 'n'},
		{"synproxy mss 1460 wscale 7", TCP, '?'},
		{"something new here drop", TCP, '?'},
		{"jump out", TCP, 'y'},
		{"goto out\n accept", TCP, 'y'},
		{"continue\n drop", TCP, 'y'},
		{"return\n drop", TCP, 'n'},
		{"fib saddr . iif oif missing drop", TCP, '?'},
		{"socket transparent 1 drop", TCP, '?'},
		{"rt type 0 drop", TCP, '?'},
		{"exthdr hbh exists drop", TCP, 'n'},
		{"@nh,8,8 & 0xf0 == 0x10 drop", TCP, '?'},
		{"ip saddr 10.1.2.3 @nh,128,32 0xc0000209 drop", TCP, 'y'},
		{"meta nfproto ipv4 @nh,48,8 & 0xe0 <= 0x20 drop", TCP ",ip-flags=2", 'n'},
		{"meta nfproto ipv4 @nh,48,8 & 0xe0 <= 0x40 drop", TCP ",ip-flags=2", 'y'},
		{"meta nfproto ipv4 @nh,48,8 & 0xe0 != 0x41 drop", TCP ",ip-flags=2", 'y'},
		{"@th,8,24 >= 0x0 tcp dport 22 drop", TCP, 'y'},
		{"meta l4proto tcp @th,8,24 >= 0x0 drop", TCP, '?'},
		{"meta l4proto tcp @th,16,16 { 22, 80-90 } drop", TCP, 'y'},
		{"meta l4proto { tcp, icmp } @th,16,16 22 drop", TCP, '?'},
		{"meta iiftype ether ether saddr 02:00:00:00:00:0a drop",
		 TCP ",smac=02:00:00:00:00:0a", 'y'},
		{"numgen random mod 2 < 1 drop", TCP, '?'},
		{"jhash ip saddr . tcp dport mod 4 seed 0x1 2 drop", TCP, '?'},
		{"ct original ip saddr 10.0.0.1 ct direction original drop", TCP, '?'},
		{"ct original proto-dst { 0x50 [invalid type]-0x51 [invalid type] } drop", TCP,
		 '?'},
		{"xt match \"recent\" drop", TCP, '?'},
		{"xt target \"CHECKSUM\"", TCP, '?'},
	};
	test_ask(*state, samples, array_len(samples), answer);
}

// --- whole rulesets ---

static void read_file(const char *name, struct buf *out)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", BULWARK_TESTDATA, name);
	assert_int_equal(file_read(path, 1 << 20, out), 0);
}

static void assert_same_rules(const struct import_chain *a, const struct import_chain *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->source_rules, b->source_rules);
	assert_int_equal(a->opaque_rules, b->opaque_rules);
	assert_int_equal(a->policy.rule.len, b->policy.rule.len);
	for (size_t i = 0; i < a->policy.rule.len; i++) {
		struct buf x cleanup(buf_fini), y cleanup(buf_fini);
		buf_init(&x);
		buf_init(&y);
		ir_rule_meaning(&a->policy.rule.at[i], &x);
		ir_rule_meaning(&b->policy.rule.at[i], &y);
		if (x.len != y.len || memcmp(x.data, y.data, x.len) != 0)
			fail_msg("%s: text and JSON differ: %s", a->policy.rule.at[i].name,
				 a->policy.rule.at[i].description);
	}
}

static void text_and_json(void **state)
{
	static const char *const names[] = {"statements", "operators", "gateway"};
	struct test_box *b = *state;
	for (size_t n = 0; n < array_len(names); n++) {
		struct buf text cleanup(buf_fini), json cleanup(buf_fini);
		buf_init(&text);
		buf_init(&json);
		read_file(arena_printf(&b->arena, "%s.nft", names[n]), &text);
		read_file(arena_printf(&b->arena, "%s.json", names[n]), &json);
		assert_int_equal(import_recognise(text.data, text.len), IMPORT_NFT);
		assert_int_equal(import_recognise(json.data, json.len), IMPORT_NFT_JSON);
		assert_true(test_read(b, text.data, text.len, IMPORT_NFT));
		struct import_result of_text = b->result;
		assert_true(test_read(b, json.data, json.len, IMPORT_NFT_JSON));
		assert_int_equal(of_text.chain.len, b->result.chain.len);
		assert_int_equal(of_text.source_rules, b->result.source_rules);
		assert_int_equal(of_text.elsewhere, b->result.elsewhere);
		assert_int_equal(of_text.unreached, b->result.unreached);
		assert_int_equal(of_text.gap.len, b->result.gap.len);
		for (size_t i = 0; i < of_text.gap.len; i++)
			assert_int_equal(test_gap(b, of_text.gap.at[i].what),
					 of_text.gap.at[i].rules);
		for (size_t i = 0; i < of_text.chain.len; i++)
			assert_same_rules(&of_text.chain.at[i], &b->result.chain.at[i]);
	}
}

static void assert_outcome(struct test_box *b, const char *chain, const char *packet,
			   const char *rule, enum ir_verdict verdict)
{
	struct ir_outcome out = test_outcome(b, chain, packet);
	assert_non_null(out.rule);
	assert_string_equal(out.rule->name, rule);
	assert_int_equal(out.verdict, verdict);
}

static void a_gateway(void **state)
{
	struct test_box *b = *state;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	read_file("gateway.nft", &text);
	assert_true(test_read(b, text.data, text.len, IMPORT_NFT));
	assert_int_equal(b->result.chain.len, 4);
	assert_int_equal(b->result.source_rules, 27);
	assert_int_equal(b->result.elsewhere, 5);
	assert_int_equal(b->result.unreached, 1);
	assert_int_equal(test_gap(b, "limit"), 1);
	assert_int_equal(test_gap(b, "rules of family arp"), 1);
	assert_outcome(b, "input", "src=10.0.0.9,dst=10.0.0.1,proto=tcp,dport=22,state=new",
		       "input 5 > ssh 1", IR_PASS);
	assert_outcome(b, "input", "src=10.3.0.9,dst=10.0.0.25,proto=tcp,dport=25,state=new",
		       "input 5 > mail 1", IR_PASS);
	assert_outcome(b, "input", "src=10.3.0.9,dst=10.0.0.26,proto=tcp,dport=25,state=new",
		       "input 5", IR_DROP);
	assert_outcome(b, "forward", "src=10.2.0.9,dst=10.0.0.26,proto=tcp,dport=80,in=x,out=y",
		       "forward 3", IR_REJECT);
	assert_outcome(b, "late", "src=10.2.0.9,dst=198.51.100.7,proto=tcp,dport=80", "late 1",
		       IR_DROP);
	struct ir_outcome out = test_outcome(b, "late", "src=::1,dst=::2,proto=tcp");
	assert_int_equal(out.rule->line, 78);
	assert_string_equal(out.rule->description, "policy accept");
	assert_string_equal(out.rule->name, "late policy");
}

// At some hooks packets have no incoming or no outgoing interface; nft then sees an empty name.
static void absent_interfaces(void **state)
{
	struct test_box *b = *state;
	read_well(b, "table ip t {\n chain shared {\n  iifname != \"lo\" drop\n }\n"
		     " chain i {\n  type filter hook input priority 0\n  oifname \"x\" drop\n"
		     "  oifname != \"x\" reject\n }\n"
		     " chain o {\n  type filter hook output priority 0\n  jump shared\n }\n}\n");
	assert_outcome(b, "i", "src=10.0.0.1,dst=10.0.0.2,proto=tcp", "i 2", IR_REJECT);
	assert_outcome(b, "o", "src=10.0.0.1,dst=10.0.0.2,proto=tcp", "o 1 > shared 1", IR_DROP);
}

// Two rates of one text are two rates; a set that no packet changes is one set.
static void told_apart(void **state)
{
	struct test_box *b = *state;
	read_well(b, "table ip t {\n chain f {\n  type filter hook forward priority 0\n"
		     "  limit rate 1/second accept\n  limit rate 1/second drop\n"
		     "  ct mark 1 accept\n  ct mark 1 drop\n }\n}\n");
	const struct ir_rule *rule = test_chain(b, "f")->policy.rule.at;
	assert_string_not_equal(rule[0].opaque[0].value[0], rule[1].opaque[0].value[0]);
	assert_string_equal(rule[2].opaque[0].value[0], rule[3].opaque[0].value[0]);
}

// A goto to a chain that decides everything takes nothing away, so that conditions do not multiply.
static void many_gotos(void **state)
{
	struct test_box *b = *state;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_adds(&text,
		 "table ip t {\n chain end {\n  tcp dport 1 accept\n  drop\n }\n chain f {\n  "
		 "type filter hook forward priority 0\n  goto main\n }\n chain main {\n");
	for (unsigned i = 0; i < 200; i++)
		buf_printf(&text, "  ct mark %u meta mark %u tcp sport %u goto end\n", i, i + 1, i);
	buf_adds(&text, "  tcp dport 22 drop\n }\n}\n");
	read_well(b, text.data);
	assert_int_equal(test_chain(b, "f")->policy.rule.len, 200 * 2 + 3);
	assert_outcome(b, "f", "src=10.0.0.1,dst=10.0.0.2,proto=tcp,sport=500,dport=22",
		       "f 1 > main 201", IR_DROP);
}

static void dormant_tables(void **state)
{
	struct test_box *b = *state;
	read_well(b, "table ip t {\n flags dormant\n chain f {\n  type filter hook forward "
		     "priority 0; policy drop;\n  drop\n }\n}\n");
	assert_int_equal(b->result.chain.len, 0);
	assert_int_equal(b->result.elsewhere, 1);
	assert_int_equal(test_gap(b, "rules of dormant tables"), 1);
}

// --- input that is refused ---

static void assert_refused(struct test_box *b, const char *text, unsigned line)
{
	size_t before = b->diags.list.len;
	enum import_format format = *text == '{' ? IMPORT_NFT_JSON : IMPORT_NFT;
	if (test_read(b, text, strlen(text), format))
		fail_msg("read: %s", text);
	assert_true(b->diags.list.len > before);
	assert_non_null(b->diags.list.at[before].hint);
	if (b->diags.list.at[before].line != line)
		fail_msg("%s: line %u", text, b->diags.list.at[before].line);
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{"define x = 10.0.0.1\n", 1},
		{"table ip t {\n}\ninclude \"x\"\n", 3},
		{"flush ruleset\n", 1},
		{"add rule ip t c accept\n", 1},
		{"table ip t {\n chain c {\n  ip saddr $net drop\n }\n}\n", 3},
		{"table ip t {\n chain c {\n  $rule\n }\n}\n", 3},
		{"table ip t {\n chain c {\n  ip saddr\n }\n}\n", 3},
		{"table ip t {\n chain c {\n  tcp dport { 22 drop\n }\n}\n", 3},
		{"table ip t {\n chain c {\n  tcp dport 22 drop }\n", 4},
		{"table ip t {\n chain c {\n  jump\n }\n}\n", 3},
		{"table ip t {\n chain c {\n  type filter hook input priority 0\n  jump d\n }\n}\n",
		 4},
		{"table ip t {\n chain c {\n  type filter hook input priority 0\n  goto c\n }\n}\n",
		 4},
		{"table ip t {\n chain c {\n }\n chain c {\n }\n}\n", 4},
		{"table ip t {\n set c {\n }\n map c {\n }\n}\n", 4},
		{"table ip t {\n nonsense\n}\n", 2},
		{"nonsense\n", 1},
		{"table ip t {\n chain c {\n  log prefix \"x\n }\n}\n", 3},
		{"table ip t {\n chain c {\n  \x01\n }\n}\n", 3},
		{"{", 1},
		{"{\n\"x\": []}", 1},
		{"{\"nftables\": [\n{\"rule\": {}}]}", 2},
		{"{\"nftables\": [\n1]}", 1},
		{"{\"nftables\": [{\"metainfo\": {}},\n{\"add\": {\"table\": {}}}]}", 2},
		{"{\"nftables\": [{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": "
		 "\"c\"}},\n\n{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", "
		 "\"expr\": [{\"match\": {\"op\": \"==\"}}]}}]}",
		 3},
	};
	for (size_t i = 0; i < array_len(cases); i++)
		assert_refused(*state, cases[i].text, cases[i].line);
}

static char *repeated(struct test_box *b, const char *text, size_t times)
{
	size_t len = strlen(text);
	char *all = arena_alloc(&b->arena, len * times + 1);
	for (size_t i = 0; i < times; i++)
		memcpy(all + i * len, text, len);
	return all;
}

static void nested_too_deep(void **state)
{
	struct test_box *b = *state;
	const char *rule = "table ip t {\n chain c {\n  type filter hook input priority 0\n";
	assert_refused(b, arena_printf(&b->arena, "%s%s", rule, repeated(b, "(", 100000)), 4);
	assert_refused(b, arena_printf(&b->arena, "%sip saddr %s", rule, repeated(b, "{", 100000)),
		       4);
	assert_refused(
		b, arena_printf(&b->arena, "%sip saddr 1%s", rule, repeated(b, "|1", 100000)), 4);
	assert_refused(b,
		       arena_printf(&b->arena, "%smeta mark set 1%s", rule,
				    repeated(b, " map { 1 : ip saddr", 100000)),
		       4);
	const char *open = repeated(b, "{\"concat\":[", 1000);
	const char *close = repeated(b, "]}", 1000);
	const char *chain = "{\"nftables\": [{\"chain\": {\"family\": \"ip\", \"table\": \"t\", "
			    "\"name\": \"c\"}}, {\"rule\": {\"family\": \"ip\", \"table\": \"t\", "
			    "\"chain\": \"c\", \"expr\": [{\"match\": {\"op\": \"==\", \"left\": ";
	assert_refused(
		b, arena_printf(&b->arena, "%s%s1%s, \"right\": 1}}]}}]}", chain, open, close), 1);
}

// --- damaged and hostile input ---

struct damage {
	struct test_random random;
	enum import_format format;
	const char *data;
	size_t len;
};

// Whatever it is: either it is read, or there is an error with a hint.
static void read_any(const char *data, size_t len, enum import_format format)
{
	struct test_box b;
	test_box_init(&b);
	char *copy = malloc(len ? len : 1); // so that reads beyond the end are seen
	memcpy(base_oom(copy), data, len);
	bool good = test_read(&b, copy, len, format);
	free(copy);
	assert_true(good || b.diags.errors);
	for (size_t i = 0; i < b.diags.list.len; i++)
		assert_non_null(b.diags.list.at[i].hint);
	for (size_t i = 0; good && i < b.result.chain.len; i++)
		for (size_t k = 0; k < b.result.chain.at[i].policy.rule.len; k++) {
			struct buf text cleanup(buf_fini);
			buf_init(&text);
			ir_rule_print(&b.result.chain.at[i].policy.rule.at[k], &text);
		}
	test_box_fini(&b);
}

static void truncate_all(const struct damage *d)
{
	for (size_t len = 0; len < d->len; len++)
		read_any(d->data, len, d->format);
}

static void mutate(struct damage *d, unsigned times)
{
	static const char odd[] = "{}()\",.;:@$*-/|&!=<>#\\\n 09azAZ\x00\xff";
	char *copy = malloc(d->len);
	for (unsigned n = 0; n < times; n++) {
		size_t len = d->len;
		memcpy(base_oom(copy), d->data, len);
		for (unsigned k = 0; k < 1 + n % 4; k++) {
			size_t at = test_random_below(&d->random, (uint32_t)len);
			size_t cut = 1 + test_random_below(&d->random, 20);
			if (test_random_chance(&d->random, 50) || at + cut >= len) {
				copy[at] = odd[test_random_below(&d->random, sizeof(odd) - 1)];
			} else {
				memmove(copy + at, copy + at + cut, len - at - cut);
				len -= cut;
			}
		}
		read_any(copy, len, d->format);
	}
	free(copy);
}

static void damaged(void **state)
{
	(void)state;
	static const char *const names[] = {"gateway.nft", "gateway.json", "operators.nft",
					    "operators.json"};
	for (size_t i = 0; i < array_len(names); i++) {
		struct buf text cleanup(buf_fini);
		buf_init(&text);
		read_file(names[i], &text);
		struct damage d = {.random = {test_random_seed(NULL)},
				   .format = i % 2 ? IMPORT_NFT_JSON : IMPORT_NFT,
				   .data = text.data,
				   .len = text.len};
		if (i < 2)
			truncate_all(&d);
		mutate(&d, 1500);
	}
}

// --- large input ---

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void large(void **state)
{
	struct test_box *b = *state;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_adds(&text, "table inet t {\n set big {\n  type ipv4_addr\n  elements = { ");
	for (unsigned i = 0; i < 50000; i++)
		buf_printf(&text, "%s10.%u.%u.%u", i ? ",\n\t\t" : "", i >> 15, i >> 7 & 255,
			   i * 2 & 255);
	buf_adds(&text, " }\n }\n chain f {\n  type filter hook forward priority 0\n");
	for (unsigned i = 0; i < 6000; i++)
		buf_printf(&text,
			   "  ip saddr @big ip daddr 192.0.%u.%u tcp dport { %u, %u-%u } counter "
			   "packets 0 bytes 0 drop\n",
			   i >> 8, i & 255, i, i + 10, i + 20);
	buf_adds(&text, " }\n}\n");
	double from = seconds();
	read_well(b, text.data);
	assert_int_equal(b->result.source_rules, 6000);
	assert_int_equal(test_chain(b, "f")->policy.rule.len, 6001);
	assert_true(seconds() - from <
		    20); // it takes 0.1; sanitizers and busy machines take longer
	assert_true(b->arena.total < 100u << 20);
	assert_outcome(b, "f", "src=10.0.1.2,dst=192.0.0.5,proto=tcp,dport=5", "f 6", IR_DROP);
}

// Combinations that grow without end are refused, not computed.
static void too_many_combinations(void **state)
{
	struct test_box *b = *state;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_adds(&text, "table ip t {\n chain f {\n  type filter hook forward priority 0\n");
	for (unsigned k = 0; k < 4; k++) {
		buf_adds(&text, "  ip saddr . ip daddr { ");
		for (unsigned i = 0; i < 300; i++)
			buf_printf(&text, "%s10.%u.0.0/16 . 10.0.%u.0/24", i ? ", " : "",
				   (i * 7 + k) & 255, i & 255);
		buf_adds(&text, " } ");
	}
	buf_adds(&text, "tcp sport . udp dport { 1 . 2 } drop\n }\n}\n");
	read_any(text.data, text.len, IMPORT_NFT);
	assert_non_null(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses, test_start, test_stop),
		cmocka_unit_test_setup_teardown(transport, test_start, test_stop),
		cmocka_unit_test_setup_teardown(network, test_start, test_stop),
		cmocka_unit_test_setup_teardown(sets_and_maps, test_start, test_stop),
		cmocka_unit_test_setup_teardown(statements, test_start, test_stop),
		cmocka_unit_test_setup_teardown(text_and_json, test_start, test_stop),
		cmocka_unit_test_setup_teardown(a_gateway, test_start, test_stop),
		cmocka_unit_test_setup_teardown(absent_interfaces, test_start, test_stop),
		cmocka_unit_test_setup_teardown(told_apart, test_start, test_stop),
		cmocka_unit_test_setup_teardown(many_gotos, test_start, test_stop),
		cmocka_unit_test_setup_teardown(dormant_tables, test_start, test_stop),
		cmocka_unit_test_setup_teardown(refused, test_start, test_stop),
		cmocka_unit_test_setup_teardown(nested_too_deep, test_start, test_stop),
		cmocka_unit_test_setup_teardown(damaged, test_start, test_stop),
		cmocka_unit_test_setup_teardown(large, test_start, test_stop),
		cmocka_unit_test_setup_teardown(too_many_combinations, test_start, test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
