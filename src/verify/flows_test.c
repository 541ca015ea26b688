// SPDX-License-Identifier: Apache-2.0
// Flow logs: every form gives the same flows whatever pieces it comes in, answers are known as such, and what is no flow
// log has a diag that helps.
#include "verify/flows.h"
#include "base/buf.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1773219600 // 2026-03-11T09:00:00Z

struct fixture {
	struct arena arena;
	struct diags diags;
	struct buf said; // a line a flow
	size_t most;     // flows wanted
	size_t found;
};

static int start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	arena_init(&f->arena);
	diags_init(&f->diags, &f->arena);
	buf_init(&f->said);
	f->most = SIZE_MAX;
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;
	buf_fini(&f->said);
	arena_fini(&f->arena);
	free(f);
	return 0;
}

// What the log alone says: without what every first packet has.
static bool say(void *user, const struct verify_flow *flow)
{
	struct fixture *f = user;
	struct ir_packet packet = flow->packet;
	if (packet.time == NOW)
		packet.time = IR_TIME_UNSAID;
	packet.has &= ~((uint64_t)1 << IR_ETHERTYPE | (uint64_t)1 << IR_FRAGOFF |
			(uint64_t)1 << IR_TCPFLAGS);
	packet.opaque_holds = NULL;
	ir_packet_print(&packet, &f->said);
	buf_printf(&f->said, " %s %llu %llu\n", ir_verdict_name[flow->action],
		   (unsigned long long)flow->packets, (unsigned long long)flow->bytes);
	return ++f->found < f->most;
}

// Reads the log in pieces of this many bytes.
static bool read_log(struct fixture *f, const char *text, size_t piece,
		     struct verify_flow_count *count)
{
	struct verify_flow_log log = {
		.file = "log", .now = NOW, .diags = &f->diags, .found = say, .user = f};
	struct verify_flows *flows = verify_flows_new(&log);
	size_t len = strlen(text);
	bool good = true;
	buf_clear(&f->said);
	f->found = 0;
	diags_init(&f->diags, &f->arena);
	for (size_t at = 0; good && at < len; at += piece)
		good = verify_flows_feed(flows, text + at, len - at < piece ? len - at : piece);
	good = verify_flows_end(flows, count) && !f->diags.errors;
	verify_flows_free(flows);
	return good;
}

#define PLAIN "src=10.0.0.1,dst=192.0.2.9,proto=tcp,sport=40000,dport=443"

static void every_form_says_the_same(void **state)
{
	static const char *const forms[] = {
		"src,dst,proto,sport,dport,action,packets,bytes\n"
		"10.0.0.1,192.0.2.9,tcp,40000,443,pass,3,180\n",
		"\xef\xbb\xbf\"Source IP\";\"Destination IP\";Protocol;Src Port;Dst "
		"Port;Verdict;Pkts;"
		"Octets\r\n10.0.0.1;192.0.2.9;TCP;40000;443;Accepted;3;180\r\n",
		"sourceIPv4Address,destinationIPv4Address,protocolIdentifier,sourceTransportPort,"
		"destinationTransportPort,firewallEvent,packetDeltaCount,octetDeltaCount\n"
		"10.0.0.1,192.0.2.9,6,40000,443,1,3,180",
		"#fields\tid.orig_h\tid.resp_h\tproto\tid.orig_p\tid.resp_p\tverdict\torig_pkts\t"
		"orig_bytes\n#types\taddr\n10.0.0.1\t192.0.2.9\ttcp\t40000\t443\tpass\t3\t180\n",
		"sa,da,pr,sp,dp,unknown,action,ipkt,ibyt\n"
		"10.0.0.1, 192.0.2.9,\"TCP\",40000,443,\"a,\"\"b\",allow,3,180\n"
		"Summary\nflows,bytes\n1,180\n",
		"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets "
		"bytes start end action log-status\n"
		"2 1234 eni-1 10.0.0.1 192.0.2.9 40000 443 6 3 180 1773219600 1773219660 ACCEPT "
		"OK\n"
		"2 1234 eni-1 - - - - - - - 1773219600 1773219660 - NODATA\n",
		"2 1234 eni-1 10.0.0.1 192.0.2.9 40000 443 6 3 180 1773219600 1773219660 ACCEPT "
		"OK\n",
		"{\"src4_addr\":\"10.0.0.1\",\"dst4_addr\":\"192.0.2.9\",\"proto\":6,\"src_port\":"
		"40000,\"dst_port\":443,\"first\":\"2026-03-11T09:00:00.123\",\"in_packets\":3,"
		"\"in_bytes\":180,\"action\":\"pass\"}\n",
		"[\n {\n  \"type\" : \"FLOW\", \"label\":\"<{[\\\"}]>\",\n  \"sourceIPv4Address\" "
		": "
		"\"10.0.0.1\",\n  \"destinationIPv4Address\":\"192.0.2.9\", "
		"\"protocolIdentifier\": "
		"6 ,\n  \"sourceTransportPort\":40000,\"destinationTransportPort\":443,\n"
		"  \"packetDeltaCount\":3,\"octetDeltaCount\":180,\"firewallEvent\":1}\n]\n",
		"{\"event_type\":\"flow\",\"tags\":[1,{\"x\":null}],\"source\":{\"ip\":\"10.0.0."
		"1\","
		"\"port\":40000},\"destination\":{\"ip\":\"192.0.2.9\",\"port\":443},\"network\":{"
		"\"transport\":\"tcp\"},\"packets\":3,\"bytes\":180,\"event\":{\"action\":"
		"\"allowed\"}}",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(forms); i++)
		for (size_t piece = 1; piece < 400; piece = piece * 2 + 1) {
			struct verify_flow_count count;
			if (!read_log(f, forms[i], piece, &count) || count.faults)
				fail_msg("%s: %s", forms[i], f->diags.list.at[0].text);
			assert_string_equal(f->said.data, PLAIN " pass 3 180\n");
			assert_int_equal(count.flows, 1);
			assert_int_equal(count.faults, 0);
			assert_true(count.actions);
			assert_true(count.has >> IR_DPORT & 1 && !(count.has >> IR_IN & 1));
		}
}

static void values_mean_what_logs_mean(void **state)
{
	static const struct {
		const char *row, *said;
	} cases[] = {
		{"2001:db8::1,2001:db8::2,17,53,53,DROP,,",
		 "src=2001:db8::1,dst=2001:db8::2,proto=udp"
		 ",sport=53,dport=53 drop 0 0\n"},
		{"10.0.0.1,10.0.0.2,icmp,0,8.0,-,1,84",
		 "src=10.0.0.1,dst=10.0.0.2,proto=icmp,icmp-type=8 none 1 84\n"},
		{"10.0.0.1,10.0.0.2,1,0,769,deny,1,84",
		 "src=10.0.0.1,dst=10.0.0.2,proto=icmp,icmp-type=3,icmp-code=1 drop 1 84\n"},
		{"2001:db8::1,2001:db8::2,ICMP6,0,128.0,ok?,1,84",
		 "src=2001:db8::1,dst=2001:db8::2,proto=icmpv6,icmp-type=128 none 1 84\n"},
		{"10.0.0.1,10.0.0.2,47,0,0,permit,1.0,84.5",
		 "src=10.0.0.1,dst=10.0.0.2,proto=gre pass 1 84\n"},
		{"10.0.0.1,10.0.0.2,,,,,,", "src=10.0.0.1,dst=10.0.0.2 none 0 0\n"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct verify_flow_count count;
		const char *text = arena_printf(
			&f->arena, "src,dst,proto,sport,dport,action,packets,bytes\n%s",
			cases[i].row);
		assert_true(read_log(f, text, 4096, &count));
		assert_string_equal(f->said.data, cases[i].said);
	}
}

static void times_and_interfaces_are_read(void **state)
{
	static const char *const times[] = {"1773219600",          "1773219600.75",
					    "1773219600123",       "2026-03-11T09:00:00Z",
					    "2026-03-11 09:00:00", "2026-03-11T18:00:00+09:00"};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(times); i++) {
		struct verify_flow_count count;
		const char *text = arena_printf(&f->arena,
						"src,dst,start,in_if,out_if,tos\n10.0.0.1,10.0.0.2,"
						"%s,eth0,17,184\n",
						times[i]);
		assert_true(read_log(f, text, 4096, &count));
		assert_string_equal(f->said.data,
				    "src=10.0.0.1,dst=10.0.0.2,in=eth0,dscp=46 none 0 0\n");
	}
}

static void answers_are_known(void **state)
{
	static const char log[] = "src,dst,proto,sport,dport\n"
				  "10.0.0.1,192.0.2.9,tcp,40000,443\n"
				  "192.0.2.9,10.0.0.1,tcp,443,40000\n"
				  "192.0.2.9,10.0.0.1,tcp,443,40001\n"
				  "10.0.0.1,192.0.2.9,icmp,0,2048\n"
				  "192.0.2.9,10.0.0.1,icmp,0,0\n"
				  "192.0.2.9,10.0.0.1,icmp,0,2048\n";
	struct fixture *f = *state;
	struct verify_flow_count count;
	assert_true(read_log(f, log, 4096, &count));
	assert_int_equal(count.flows, 6);
	assert_int_equal(count.replies, 2);
	assert_string_equal(
		f->said.data, PLAIN
		" none 0 0\n"
		"src=192.0.2.9,dst=10.0.0.1,proto=tcp,sport=443,dport=40000,direction=reply none 0 "
		"0\n"
		"src=192.0.2.9,dst=10.0.0.1,proto=tcp,sport=443,dport=40001 none 0 0\n"
		"src=10.0.0.1,dst=192.0.2.9,proto=icmp,icmp-type=8 none 0 0\n"
		"src=192.0.2.9,dst=10.0.0.1,proto=icmp,icmp-type=0,direction=reply none 0 0\n"
		"src=192.0.2.9,dst=10.0.0.1,proto=icmp,icmp-type=8 none 0 0\n");
}

static void faults_are_told_by_line_and_passed_over(void **state)
{
	static const char log[] = "src,dst,proto,sport,dport\n"
				  "10.0.0.1,192.0.2.9,tcp,40000,443\n"
				  "10.0.0.1,192.0.2,tcp,40000,443\n"
				  "10.0.0.1,2001:db8::1,tcp,40000,443\n"
				  "10.0.0.1,192.0.2.9,tpc,40000,443\n"
				  "10.0.0.1,192.0.2.9,300,40000,443\n"
				  "10.0.0.1,192.0.2.9,tcp,70000,443\n"
				  "10.0.0.1\n"
				  "10.0.0.1,192.0.2.9,udp,1,2\n";
	struct fixture *f = *state;
	struct verify_flow_count count;
	assert_true(read_log(f, log, 7, &count));
	assert_int_equal(count.flows, 2);
	assert_int_equal(count.faults, 6);
	assert_int_equal(f->diags.warnings, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(f->diags.list.at[i].line, i + 3);
}

static void many_faults_are_counted(void **state)
{
	struct fixture *f = *state;
	struct verify_flow_count count;
	struct buf text;
	buf_init(&text);
	buf_adds(&text, "src,dst\n");
	for (int i = 0; i < 1000; i++)
		buf_adds(&text, "x,y\n");
	assert_true(read_log(f, text.data, 4096, &count));
	assert_int_equal(count.faults, 1000);
	assert_int_equal(f->diags.warnings, VERIFY_RECORD_FAULTS);
	buf_fini(&text);
}

static void what_is_no_log_is_refused(void **state)
{
	struct fixture *f = *state;
	struct verify_flow_count count;
	char *lines = arena_alloc(&f->arena, 3 * VERIFY_RECORD_MOST);
	memset(lines, 'x', 3 * VERIFY_RECORD_MOST - 1);
	const char *const bad[] = {"",
				   "\n\n",
				   "hello world\n",
				   "src,port\n1,2\n",
				   "<policy/>",
				   lines,
				   "{\"src\":\"10.0.0.1\",\"dst\":\"10.0.0.2\"} x",
				   "{} }"};
	for (size_t i = 0; i < array_len(bad); i++) {
		if (read_log(f, bad[i], 4096, &count))
			fail_msg("accepted: %.100s", bad[i]);
		assert_true(f->diags.errors == 1 && f->diags.list.at[0].hint);
	}
}

static void broken_objects_are_passed_over(void **state)
{
	struct fixture *f = *state;
	struct verify_flow_count count;
	char *wide = arena_alloc(&f->arena, VERIFY_RECORD_MOST + 100);
	memset(wide, 'x', VERIFY_RECORD_MOST + 10);
	const char *text = arena_printf(
		&f->arena,
		"{\"a\":1 \"b\":2}\n{\"a\" 1}\n{\"src\":\"%s\"}\n{\"src\":\"10.0.0.1\",\"dst\":"
		"\"10.0.0.2\"}\n{[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]}\n{\"src\":\"1",
		wide);
	assert_true(read_log(f, text, 1000, &count));
	assert_string_equal(f->said.data, "src=10.0.0.1,dst=10.0.0.2 none 0 0\n");
	assert_int_equal(count.faults, 5);
}

static void reading_stops_when_told(void **state)
{
	struct fixture *f = *state;
	struct verify_flow_count count;
	f->most = 2;
	assert_true(read_log(f,
			     "src,dst\n10.0.0.1,10.0.0.2\n10.0.0.3,10.0.0.4\n10.0.0.5,10.0.0.6\n",
			     5, &count));
	assert_int_equal(f->found, 2);
}

// Bytes of the forms, cut and mixed: flows or diags, never more than is in it.
static void any_bytes_are_survived(void **state)
{
	static const char *const bits[] = {"src,dst,sport\n",
					   "10.0.0.1,",
					   "::1",
					   "\n",
					   "\"",
					   ",",
					   "{",
					   "}",
					   "[",
					   "]",
					   "\"src\":",
					   "\"dst\":",
					   "\\",
					   "\\u",
					   "1",
					   "null",
					   "10.0.0.1,10.0.0.2,5\n",
					   "{\"src\":\"::1\",\"dst\":\"::1\"}",
					   " ",
					   "\"::1\"",
					   ":",
					   "Summary"};
	struct fixture *f = *state;
	unsigned seed = 8329;
	uint64_t flows = 0;
	for (int round = 0; round < 30000; round++) {
		char text[1024] = "src,dst,sport\n";
		size_t len = rand_r(&seed) % 2 ? strlen(text) : 0;
		struct verify_flow_count count;
		text[len] = '\0';
		for (int n = rand_r(&seed) % 20; n; n--)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
						bits[(size_t)rand_r(&seed) % array_len(bits)]);
		bool good = read_log(f, text, 1 + (size_t)rand_r(&seed) % 20, &count);
		assert_true(good || f->diags.errors);
		flows += count.flows;
		arena_fini(&f->arena);
		arena_init(&f->arena);
	}
	assert_true(flows > 1000);
	diags_init(&f->diags, &f->arena);
}

static void flows_are_grouped_by_the_rules_that_decide(void **state)
{
	struct fixture *f = *state;
	struct verify_flow_tally tally = {.arena = &f->arena};
	static struct ir_rule rule[200];
	struct verify_flow flow = {.packets = 2, .bytes = 100};
	struct ir_packet first = {0};
	flow.packet.flow = &first;
	for (unsigned i = 0; i < 10000; i++) {
		unsigned a = i % 200, b = a % 7;
		flow.line = i + 1;
		for (unsigned n = 0; n <= a; n++)
			verify_flow_tally_add(&tally, &flow,
					      (struct verify_flow_side){IR_PASS, &rule[a]},
					      (struct verify_flow_side){b ? IR_DROP : IR_NONE,
									b ? &rule[b] : NULL});
	}
	assert_int_equal(tally.group.len, 200);
	verify_flow_tally_sort(&tally);
	for (unsigned i = 0; i < 200; i++) {
		const struct verify_flow_group *group = &tally.group.at[i];
		assert_ptr_equal(group->a.rule, &rule[199 - i]);
		assert_int_equal(group->flows, 50 * (200 - i));
		assert_int_equal(group->bytes, group->flows * 100);
		assert_int_equal(group->example.line, 200 - i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_form_says_the_same, start, stop),
		cmocka_unit_test_setup_teardown(values_mean_what_logs_mean, start, stop),
		cmocka_unit_test_setup_teardown(times_and_interfaces_are_read, start, stop),
		cmocka_unit_test_setup_teardown(answers_are_known, start, stop),
		cmocka_unit_test_setup_teardown(faults_are_told_by_line_and_passed_over, start,
						stop),
		cmocka_unit_test_setup_teardown(many_faults_are_counted, start, stop),
		cmocka_unit_test_setup_teardown(what_is_no_log_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(broken_objects_are_passed_over, start, stop),
		cmocka_unit_test_setup_teardown(reading_stops_when_told, start, stop),
		cmocka_unit_test_setup_teardown(any_bytes_are_survived, start, stop),
		cmocka_unit_test_setup_teardown(flows_are_grouped_by_the_rules_that_decide, start,
						stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
