// SPDX-License-Identifier: Apache-2.0
// The reader of iptables-save: for each match and target, which packets the imported rule decides; and what it makes of
// files that are old, odd, damaged or hostile.
#include "import/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void read_well(struct test_box *b, const char *text, bool v6)
{
	bool good = test_read(b, text, strlen(text), v6 ? IMPORT_IP6TABLES : IMPORT_IPTABLES);
	test_print_diags(b);
	assert_true(good);
}

static void assert_verdict(struct test_box *b, const char *chain, const char *packet,
			   enum ir_verdict verdict)
{
	struct ir_outcome out = test_outcome(b, chain, packet);
	if (out.verdict != verdict || out.depends)
		fail_msg("%s %s: %s, not %s%s", chain, packet, ir_verdict_name[out.verdict],
			 ir_verdict_name[verdict], out.depends ? "; depends" : "");
}

// --- one match, one packet ---

// 'y': the rule decides it; 'n': it does not; '?': that depends on an opaque condition.
static char answer(struct test_box *b, const char *match, const char *packet, bool v6)
{
	struct ir_outcome out;
	read_well(b,
		  arena_printf(&b->arena,
			       "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
			       ":OUTPUT ACCEPT [0:0]\n-A FORWARD %s -j DROP\nCOMMIT\n",
			       match),
		  v6);
	out = test_outcome(b, "FORWARD", packet);
	return out.depends ? '?' : out.verdict == IR_DROP ? 'y' : 'n';
}

static char answer4(struct test_box *b, const struct test_sample *s)
{
	return answer(b, s->rule, s->packet, false);
}

static char answer6(struct test_box *b, const struct test_sample *s)
{
	return answer(b, s->rule, s->packet, true);
}

#define TCP "src=10.1.2.3,dst=192.0.2.9,proto=tcp,sport=40000,dport=22,in=eth0,out=eth1"
#define UDP "src=10.1.2.3,dst=192.0.2.9,proto=udp,sport=53,dport=5353,in=eth0,out=eth1"
#define PING "src=10.1.2.3,dst=192.0.2.9,proto=icmp,icmp-type=8,in=eth0,out=eth1"
#define TCP6 "src=2001:db8::1,dst=2001:db8:1::9,proto=tcp,sport=40000,dport=22,in=eth0,out=eth1"
#define PING6 "src=2001:db8::1,dst=2001:db8:1::9,proto=icmpv6,icmp-type=128"

static void basic_options(void **state)
{
	static const struct test_sample samples[] = {
		{"", TCP, 'y'},
		{"", TCP6, 'n'},
		{"-s 10.0.0.0/8", TCP, 'y'},
		{"-s 10.0.0.0/255.0.0.0", TCP, 'y'},
		{"-s 10.1.2.3", TCP, 'y'},
		{"-s 10.1.2.3/32 -d 192.0.2.8/31", TCP, 'y'},
		{"-s 10.1.2.4/32", TCP, 'n'},
		{"! -s 10.0.0.0/8", TCP, 'n'},
		{"-s ! 10.0.0.0/8", TCP, 'n'},
		{"! --source 11.0.0.0/8", TCP, 'y'},
		{"-s 10.9.9.9,10.1.2.3", TCP, 'y'},
		{"-s 0.0.2.3/0.255.255.255", TCP, 'n'},
		{"-s 0.1.2.3/0.255.255.255", TCP, 'y'},
		{"-s 10.0.2.3/255.0.255.255", TCP, 'y'},
		{"-s 10.0.2.4/255.0.255.255", TCP, 'n'},
		{"-s 0.0.2.3/0.0.255.255", TCP, '?'}, // 65536 ranges
		{"-s 0.0.0.0/0", TCP, 'y'},
		{"-s host.example", TCP, '?'},
		{"-i eth0", TCP, 'y'},
		{"-i eth", TCP, 'n'},
		{"-i eth+", TCP, 'y'},
		{"-i +", TCP, 'y'},
		{"! -i eth+", TCP, 'n'},
		{"-i ! eth0", TCP, 'n'},
		{"-o eth0", TCP, 'n'},
		{"! -o eth0 -i eth0", TCP, 'y'},
		{"-i a-name-of-sixteen", TCP, '?'},
		{"-p tcp", TCP, 'y'},
		{"-p 6", TCP, 'y'},
		{"-p TCP", TCP, 'y'},
		{"-p udp", TCP, 'n'},
		{"! -p udp", TCP, 'y'},
		{"-p ! tcp", TCP, 'n'},
		{"-p all", TCP, 'y'},
		{"-p 0", UDP, 'y'},
		{"-p igmp", "src=10.1.2.3,dst=224.0.0.1,proto=2", 'y'},
		{"-p frobnicate", TCP, '?'},
		{"-f", TCP ",fragment-offset=0", 'n'},
		{"-f", "src=10.1.2.3,dst=192.0.2.9,proto=tcp,fragment-offset=185", 'y'},
		{"! -f", "src=10.1.2.3,dst=192.0.2.9,proto=tcp,fragment-offset=185", 'n'},
		{"-c 17 1204 -p tcp", TCP, 'y'},
		{"-6 -p tcp", TCP, 'n'},
		{"-4 -p tcp", TCP, 'y'},
		{"--no-such-option 7", TCP, '?'},
		{"!", TCP, '?'},
	};
	test_ask(*state, samples, array_len(samples), answer4);
}

static void transport_matches(void **state)
{
	static const struct test_sample samples[] = {
		{"-p tcp -m tcp --dport 22", TCP, 'y'},
		{"-p tcp -m tcp --dport 22", UDP, 'n'},
		{"-p tcp --dport 22", TCP, 'y'}, // without -m
		{"-p tcp -m tcp ! --dport 22", TCP, 'n'},
		{"-p tcp -m tcp --dport ! 22", TCP, 'n'},
		{"-p tcp -m tcp ! --dport 23", TCP, 'y'},
		{"-p tcp -m tcp ! --dport 23", PING, 'n'},
		{"-p tcp -m tcp --dport :22 --sport 1024:", TCP, 'y'},
		{"-p tcp -m tcp --dport 1:21", TCP, 'n'},
		{"-p tcp -m tcp --dport ssh", TCP, '?'},
		{"-p tcp -m tcp --dport 30:20", TCP, '?'},
		{"-p tcp -m tcp --dport 70000", TCP, '?'},
		{"-p udp -m udp --sport 53 --dport 5353", UDP, 'y'},
		{"-p udp -m udp --sport 53 --dport 5353", TCP, 'n'},
		{"-p sctp -m sctp --dport 9", "src=10.1.2.3,dst=1.1.1.1,proto=sctp,sport=1,dport=9",
		 'y'},
		{"-p sctp -m sctp --chunk-types all DATA",
		 "src=10.1.2.3,dst=1.1.1.1,proto=sctp,sport=1,dport=9", '?'},
		{"-p sctp -m sctp --chunk-types all DATA", TCP, 'n'},
		{"-p dccp -m dccp --dport 9 --dccp-types REQUEST,RESPONSE",
		 "src=10.1.2.3,dst=1.1.1.1,proto=dccp,sport=1,dport=9,dccp-type=1", 'y'},
		{"-p dccp -m dccp ! --dccp-types INVALID",
		 "src=10.1.2.3,dst=1.1.1.1,proto=dccp,sport=1,dport=9,dccp-type=12", 'n'},
		{"-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", TCP ",tcp-flags=syn", 'y'},
		{"-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", TCP ",tcp-flags=syn+ece", 'y'},
		{"-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", TCP ",tcp-flags=syn+ack", 'n'},
		{"-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", TCP ",tcp-flags=ack", 'y'},
		{"-p tcp -m tcp --tcp-flags ALL NONE", TCP ",tcp-flags=ece", 'y'},
		{"-p tcp -m tcp --tcp-flags ALL NONE", TCP ",tcp-flags=fin", 'n'},
		{"-p tcp -m tcp --tcp-flags SYN ACK", TCP ",tcp-flags=syn", 'n'}, // can never be
		{"-p tcp -m tcp --tcp-flags SYN,BAD SYN", TCP ",tcp-flags=syn", '?'},
		{"-p tcp -m tcp --syn", TCP ",tcp-flags=syn", 'y'},
		{"-p tcp -m tcp ! --syn", TCP ",tcp-flags=syn", 'n'},
		{"-p tcp -m tcp --tcp-option 5", TCP, '?'},
		{"-p tcp -m tcp ! --tcp-option 5 --dport 22", TCP, '?'},
		{"-p tcp -m multiport --dports 21:23,80", TCP, 'y'},
		{"-p tcp -m multiport --dports 21,23,80", TCP, 'n'},
		{"-p tcp -m multiport ! --dports 21,23,80", TCP, 'y'},
		{"-p tcp -m multiport --dports ! 21,23,80", TCP, 'y'},
		{"-p tcp -m multiport --sports 22", TCP, 'n'},
		{"-p tcp -m multiport --ports 22", TCP, 'y'},
		{"-p tcp -m multiport --ports 40000", TCP, 'y'},
		{"-p tcp -m multiport --ports 1", TCP, 'n'},
		{"-p tcp -m multiport ! --ports 22", TCP, 'n'},
		{"-p tcp -m multiport ! --ports 1,2", TCP, 'y'},
		{"-p tcp -m multiport --ports 0:65535", TCP, 'y'},
		{"-p icmp -m icmp --icmp-type 8", PING, 'y'},
		{"-p icmp -m icmp --icmp-type echo-request", PING, 'y'},
		{"-p icmp -m icmp --icmp-type PING", PING, 'y'},
		{"-p icmp -m icmp --icmp-type 8/1", PING, 'n'},
		{"-p icmp -m icmp --icmp-type any", PING, 'y'},
		{"-p icmp -m icmp --icmp-type 255", PING, 'y'},
		{"-p icmp -m icmp ! --icmp-type any", PING, 'n'},
		{"-p icmp -m icmp ! --icmp-type 3", PING, 'y'},
		{"-p icmp -m icmp ! --icmp-type 3", TCP, 'n'},
		{"-p icmp -m icmp --icmp-type 3/4",
		 "src=10.1.2.3,dst=1.1.1.1,proto=icmp,icmp-type=3,icmp-code=4", 'y'},
		{"-p icmp -m icmp --icmp-type host-prohibited",
		 "src=10.1.2.3,dst=1.1.1.1,proto=icmp,icmp-type=3,icmp-code=10", 'y'},
		{"-p icmp -m icmp --icmp-type nonsense", PING, '?'},
	};
	test_ask(*state, samples, array_len(samples), answer4);
}

static void other_matches(void **state)
{
	static const struct test_sample samples[] = {
		{"-m state --state NEW", TCP, 'y'},
		{"-m state --state RELATED,ESTABLISHED", TCP, 'n'},
		{"-m conntrack --ctstate RELATED,ESTABLISHED", TCP ",state=related", 'y'},
		{"-m conntrack ! --ctstate RELATED,ESTABLISHED", TCP, 'y'},
		{"-m conntrack --ctstate UNTRACKED", TCP ",state=untracked", 'y'},
		{"-m conntrack --ctstate INVALID", TCP ",state=invalid", 'y'},
		{"-m conntrack --ctstate ESTABLISHED,DNAT", TCP ",state=established", 'y'},
		{"-m conntrack --ctstate ESTABLISHED,DNAT", TCP, '?'},
		{"-m conntrack --ctstate SNAT,DNAT", TCP, '?'},
		{"-m conntrack ! --ctstate NEW,DNAT", TCP, 'n'},
		{"-m conntrack ! --ctstate NEW,DNAT", TCP ",state=related", '?'},
		{"-m conntrack --ctstate SLEEPING", TCP, '?'},
		{"-m conntrack --ctdir ORIGINAL", TCP, '?'},
		{"-m conntrack --ctorigsrc 10.0.0.0/8 --ctstate RELATED", TCP, 'n'},
		{"-m mac --mac-source 00:53:00:aa:bb:cc", TCP ",smac=00:53:00:aa:bb:cc", 'y'},
		{"-m mac ! --mac-source 00:53:00:AA:BB:CC", TCP ",smac=00:53:00:aa:bb:cc", 'n'},
		{"-m mac --mac-source 00:53", TCP ",smac=00:53:00:aa:bb:cc", '?'},
		{"-m iprange --src-range 10.1.2.0-10.1.2.9", TCP, 'y'},
		{"-m iprange --src-range 10.1.2.4-10.1.2.9", TCP, 'n'},
		{"-m iprange ! --dst-range 10.1.2.4-10.1.2.9", TCP, 'y'},
		{"-m iprange --dst-range 10.1.2.9-10.1.2.4", TCP, '?'},
		{"-m set --match-set blocked src", TCP, '?'},
		{"-m length --length 40:100", TCP ",length=100", 'y'},
		{"-m length ! --length 100", TCP ",length=100", 'n'},
		// The packet came with one more than the forward chain sees.
		{"-m ttl --ttl-lt 5", TCP ",ttl=5", 'y'},
		{"-m ttl --ttl-lt 5", TCP ",ttl=6", 'n'},
		{"-m ttl --ttl-gt 5", TCP ",ttl=7", 'y'},
		{"-m ttl --ttl-eq 255", TCP ",ttl=255", 'n'},
		{"-m ttl ! --ttl-eq 5", TCP ",ttl=6", 'n'},
		{"-m ttl --ttl-lt 0", TCP ",ttl=0", 'n'},
		{"-m dscp --dscp 0x2e", TCP ",dscp=46", 'y'},
		{"-m dscp --dscp-class AF21", TCP ",dscp=18", 'y'},
		{"-m dscp --dscp-class CS1", TCP ",dscp=8", 'y'},
		{"-m dscp ! --dscp-class EF", TCP ",dscp=46", 'n'},
		{"-m dscp --dscp-class XX", TCP ",dscp=46", '?'},
		{"-m tos --tos 0x10/0x3f", TCP ",dscp=4,ecn=0", 'y'},
		{"-m tos --tos Minimize-Delay", TCP ",dscp=20,ecn=0", 'y'},
		{"-m tos --tos 0x10", TCP ",dscp=20,ecn=0", 'n'},
		{"-m tos ! --tos 0x12/0xff", TCP ",dscp=4,ecn=1", 'y'},
		{"-m tos ! --tos 0x12/0xff", TCP ",dscp=4,ecn=2", 'n'},
		{"-m tos --tos 0x11/0x10", TCP ",dscp=4,ecn=1", 'n'}, // a bit outside of the mask
		{"-p tcp -m ecn --ecn-tcp-cwr", TCP ",tcp-flags=ack+cwr", 'y'},
		{"-p tcp -m ecn ! --ecn-tcp-ece", TCP ",tcp-flags=ack+cwr", 'y'},
		{"-m ecn --ecn-ip-ect 2", TCP ",ecn=2", 'y'},
		{"-m time --timestart 08:00 --timestop 10:00:00", TCP, 'y'},
		{"-m time --timestart 09:00:01 --timestop 10:00:00", TCP, 'n'},
		{"-m time --timestart 22:00 --timestop 06:00", TCP, 'n'},
		{"-m time --timestart 22:00 --timestop 09:00", TCP, 'y'},
		{"-m time --weekdays Mon,Wed", TCP, 'y'},
		{"-m time ! --weekdays Mon,Wed", TCP, 'n'},
		{"-m time --weekdays 3 --monthdays 10,11", TCP, 'y'},
		{"-m time --monthdays ! 11", TCP, 'n'},
		{"-m time --datestart 2026-03-11T09:00:00", TCP, 'y'},
		{"-m time --datestart 2026-03-11T09:00:01", TCP, 'n'},
		{"-m time --datestart 2026 --datestop 2027-01", TCP, 'y'},
		{"-m time --datestop 2026-03-11T08:59:59 --utc", TCP, 'n'},
		{"-m time --timestart 00:00:00 --timestop 23:59:59 --kerneltz", TCP, '?'},
		{"-m time --timestart 25:00", TCP, '?'},
		{"-m comment --comment \"a -j in it, and \\\"quotes\\\"\"", TCP, 'y'},
		{"-m comment --comment -j -p tcp", TCP, 'y'},
		{"-m addrtype --dst-type MULTICAST", "src=10.1.2.3,dst=224.0.0.5,proto=tcp", 'y'},
		{"-m addrtype ! --dst-type MULTICAST", "src=10.1.2.3,dst=224.0.0.5,proto=tcp", 'n'},
		{"-m addrtype --dst-type LOCAL", TCP, '?'},
		{"-m limit --limit 3/min --limit-burst 2 -p tcp", TCP, '?'},
		{"-m limit --limit 3/min -p udp", TCP, 'n'},
		{"-m string --string \"-j DROP\" --algo bm --to 65535", TCP, '?'},
		{"-m string --string -j --algo bm -p udp", TCP, 'n'},
		{"-m never-heard-of-it --x 1 ! --y 2 -p udp", TCP, 'n'},
		{"-m never-heard-of-it --x 1 ! --y 2", TCP, '?'},
		{"-m tcp --dport 22", UDP, 'n'},
	};
	test_ask(*state, samples, array_len(samples), answer4);
}

static void matches_of_ip6tables(void **state)
{
	static const struct test_sample samples[] = {
		{"", TCP6, 'y'},
		{"", TCP, 'n'},
		{"-s 2001:db8::/64 -p tcp -m tcp --dport 22", TCP6, 'y'},
		{"! -s 2001:db8::/64", TCP6, 'n'},
		{"-s ::1/::ffff", TCP6, '?'},
		{"-s 2001:db8::1/ffff:ffff::ffff", TCP6, '?'},
		{"-s 2001:db8::/ffff:ffff::", TCP6, 'y'},
		{"-p ipv6-icmp -m icmp6 --icmpv6-type 128", PING6, 'y'},
		{"-p icmpv6 -m icmp6 --icmpv6-type echo-request", PING6, 'y'},
		{"-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4", PING6, 'y'},
		{"-p ipv6-icmp -m ipv6-icmp --icmpv6-type neighbor-solicitation", PING6, 'n'},
		{"-m hl --hl-eq 254", TCP6 ",ttl=255", 'y'},
		{"-m hl --hl-gt 253", TCP6 ",ttl=254", 'n'},
		{"-m length --length 0:60", TCP6 ",length=20", 'y'},
		{"-m length --length 0:60", TCP6 ",length=21", 'n'},
		{"-m length --length 10", TCP6 ",length=10", 'n'},
		{"-m length ! --length 10", TCP6 ",length=10", 'y'},
		{"-m rt --rt-type 0", TCP6, '?'},
		{"-m frag --fragmore", TCP6, '?'},
		{"-m ipv6header --header frag --soft", TCP6, '?'},
		{"-m iprange --src-range 2001:db8::-2001:db8::f", TCP6, 'y'},
		{"-m addrtype --dst-type MULTICAST", "src=2001:db8::1,dst=ff02::1,proto=tcp", 'y'},
		{"-f", TCP6, '?'},
	};
	test_ask(*state, samples, array_len(samples), answer6);
}

// --- targets ---

static void read_rules(struct test_box *b, const char *rules)
{
	read_well(b,
		  arena_printf(&b->arena,
			       "*filter\n:INPUT DROP [1:2]\n:FORWARD ACCEPT [0:0]\n"
			       ":OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n:other - [0:0]\n%sCOMMIT\n",
			       rules),
		  false);
}

static const struct ir_rule *first_rule(const struct test_box *b, const char *chain)
{
	return &test_chain(b, chain)->policy.rule.at[0];
}

static void verdicts(void **state)
{
	struct test_box *b = *state;
	read_rules(b, "-A INPUT -p tcp -j ACCEPT\n");
	assert_verdict(b, "INPUT", TCP, IR_PASS);
	assert_verdict(b, "INPUT", UDP, IR_DROP); // the policy
	assert_verdict(b, "INPUT", TCP6, IR_NONE);
	assert_int_equal(b->result.gap.len, 0);
	read_rules(b, "-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n"
		      "-A FORWARD -j REJECT --reject-with tcp-reset\n-A FORWARD -j REJECT\n");
	assert_verdict(b, "FORWARD", TCP, IR_REJECT);
	assert_int_equal(test_gap(b, "-j REJECT --reject-with icmp-host-prohibited"), 1);
	assert_int_equal(b->result.gap.len, 1);
	read_rules(b, "-A FORWARD -p tcp -j TARPIT\n");
	assert_verdict(b, "FORWARD", TCP, IR_DROP);
	assert_int_equal(test_gap(b, "-j TARPIT as drop"), 1);
}

static void logs_decide_nothing(void **state)
{
	struct test_box *b = *state;
	static const char *const logs[] = {"LOG --log-prefix \"in: \" --log-level 4", "NFLOG",
					   "ULOG", "AUDIT --type drop"};
	for (size_t i = 0; i < array_len(logs); i++) {
		read_rules(b, arena_printf(&b->arena, "-A FORWARD -p tcp -j %s\n", logs[i]));
		assert_int_equal(first_rule(b, "FORWARD")->verdict, IR_NONE);
		assert_int_equal(test_outcome(b, "FORWARD", TCP).logged.len, 1);
		assert_verdict(b, "FORWARD", TCP, IR_PASS);
		assert_int_equal(b->result.gap.len, 0);
	}
}

static void changes_decide_nothing_but_are_gaps(void **state)
{
	struct test_box *b = *state;
	read_rules(b, "-A FORWARD -j MARK --set-xmark 0x1/0xff\n-A FORWARD -j TCPMSS\n"
		      "-A FORWARD -m recent --set --name x\n-A FORWARD -p udp\n");
	assert_verdict(b, "FORWARD", TCP, IR_PASS);
	assert_int_equal(test_gap(b, "-j MARK"), 1);
	assert_int_equal(test_gap(b, "-j TCPMSS"), 1);
	assert_int_equal(test_gap(b, "-m recent"), 1);
	assert_int_equal(test_chain(b, "FORWARD")->policy.rule.len, 1);
	assert_int_equal(test_chain(b, "FORWARD")->source_rules, 4);
	assert_int_equal(test_chain(b, "FORWARD")->opaque_rules, 1);
}

// A mark that a rule in between may have set is another truth; else the same words are the same truth.
static void marks_are_the_same_until_they_change(void **state)
{
	struct test_box *b = *state;
	for (unsigned changes = 0; changes < 2; changes++) {
		read_rules(b, arena_printf(&b->arena,
					   "-A FORWARD -m mark --mark 0x1 -j ACCEPT\n%s"
					   "-A FORWARD -m mark --mark 0x1 -j DROP\n",
					   changes ? "-A FORWARD -j MARK --set-mark 1\n" : ""));
		const struct ir_policy *policy = &test_chain(b, "FORWARD")->policy;
		bool same = !strcmp(policy->rule.at[0].opaque[0].value[0],
				    policy->rule.at[1].opaque[0].value[0]);
		assert_int_equal(same, !changes);
	}
	read_rules(b, "-A FORWARD -m limit --limit 1/sec -j ACCEPT\n"
		      "-A FORWARD -m limit --limit 1/sec -j DROP\n");
	const struct ir_policy *policy = &test_chain(b, "FORWARD")->policy;
	assert_string_equal(policy->rule.at[1].opaque[0].value[0],
			    "FORWARD 2: -m limit --limit 1/sec");
	assert_string_not_equal(policy->rule.at[0].opaque[0].value[0],
				policy->rule.at[1].opaque[0].value[0]);
}

static enum ir_verdict when(struct test_box *b, const char *packet, const char *truths)
{
	return test_outcome(b, "FORWARD", arena_printf(&b->arena, "%s,%s", packet, truths)).verdict;
}

static void others_decide(void **state)
{
	struct test_box *b = *state;
	read_rules(b, "-A FORWARD -p tcp -j NFQUEUE --queue-num 3 --queue-bypass\n");
	assert_int_equal(when(b, TCP, "others=no"), IR_DROP);
	assert_int_equal(when(b, TCP,
			      "foreign=\"FORWARD 1: -j NFQUEUE --queue-num 3 --queue-bypass "
			      "accepts\""),
			 IR_PASS);
	read_rules(b, "-A FORWARD -p tcp -j SOMETHING --x\n-A FORWARD -j REJECT\n");
	assert_int_equal(when(b, TCP, "others=no"), IR_REJECT);
	assert_int_equal(when(b, TCP, "foreign=\"FORWARD 1: -j SOMETHING --x accepts\""), IR_PASS);
	assert_int_equal(when(b, TCP, "foreign=\"FORWARD 1: -j SOMETHING --x drops\""), IR_DROP);
	assert_int_equal(test_gap(b, "-j SOMETHING"), 1);
	assert_int_equal(test_chain(b, "FORWARD")->source_rules, 2);
	assert_int_equal(test_chain(b, "FORWARD")->opaque_rules, 1);
}

static void chains_jump_and_return(void **state)
{
	struct test_box *b = *state;
	read_rules(b, "-A FORWARD -p tcp -j mine\n-A FORWARD -p udp -g mine\n-A FORWARD -j DROP\n"
		      "-A mine -p tcp -m tcp --dport 80 -j ACCEPT\n"
		      "-A mine -m set --match-set good src -j RETURN\n"
		      "-A mine -p tcp -m tcp --dport 25 -j REJECT\n"
		      "-A other -j mine\n");
	const char *good = "foreign=\"-m set --match-set good src\"";
	assert_int_equal(when(b, "src=10.0.0.1,dst=10.0.0.2,proto=tcp,dport=80", good), IR_PASS);
	assert_int_equal(when(b, "src=10.0.0.1,dst=10.0.0.2,proto=tcp,dport=25", good), IR_DROP);
	assert_int_equal(when(b, "src=10.0.0.1,dst=10.0.0.2,proto=tcp,dport=25", "others=no"),
			 IR_REJECT);
	assert_int_equal(when(b, "src=10.0.0.1,dst=10.0.0.2,proto=udp,dport=25", good), IR_PASS);
	assert_int_equal(b->result.unreached, 1);
	assert_int_equal(b->result.source_rules, 7);
	const struct ir_rule *rule = first_rule(b, "FORWARD");
	assert_string_equal(rule->name, "FORWARD 1 > mine 1");
	assert_string_equal(rule->description, "-A mine -p tcp -m tcp --dport 80 -j ACCEPT");
	assert_string_equal(rule->file, "dump");
	assert_int_equal(rule->line, 10);
}

static void interfaces_are_absent_where_a_hook_has_none(void **state)
{
	struct test_box *b = *state;
	read_rules(b, "-A OUTPUT -j mine\n-A INPUT -j mine\n-A mine ! -i lo -j REJECT\n");
	assert_verdict(b, "OUTPUT", "src=10.0.0.1,dst=10.0.0.2,proto=tcp,out=lo", IR_REJECT);
	assert_verdict(b, "INPUT", "src=10.0.0.1,dst=10.0.0.2,proto=tcp,in=lo", IR_DROP);
	assert_verdict(b, "INPUT", "src=10.0.0.1,dst=10.0.0.2,proto=tcp,in=eth0", IR_REJECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(basic_options, test_start, test_stop),
		cmocka_unit_test_setup_teardown(transport_matches, test_start, test_stop),
		cmocka_unit_test_setup_teardown(other_matches, test_start, test_stop),
		cmocka_unit_test_setup_teardown(matches_of_ip6tables, test_start, test_stop),
		cmocka_unit_test_setup_teardown(verdicts, test_start, test_stop),
		cmocka_unit_test_setup_teardown(logs_decide_nothing, test_start, test_stop),
		cmocka_unit_test_setup_teardown(changes_decide_nothing_but_are_gaps, test_start,
						test_stop),
		cmocka_unit_test_setup_teardown(marks_are_the_same_until_they_change, test_start,
						test_stop),
		cmocka_unit_test_setup_teardown(others_decide, test_start, test_stop),
		cmocka_unit_test_setup_teardown(chains_jump_and_return, test_start, test_stop),
		cmocka_unit_test_setup_teardown(interfaces_are_absent_where_a_hook_has_none,
						test_start, test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
