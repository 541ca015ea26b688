// SPDX-License-Identifier: Apache-2.0
// Packets, conditions and rules as text: every packet that is printed reads back as itself, what a condition says is what
// it matches, and bad words have a diag that helps.
#include "ir/turn.h"
#include "base/buf.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1773219600 // 2026-03-11T09:00:00Z

static unsigned seed;

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static int start(void **state)
{
	struct arena *a = malloc(sizeof(*a));
	arena_init(a);
	*state = a;
	seed = 8329;
	return 0;
}

static int stop(void **state)
{
	arena_fini(*state);
	free(*state);
	return 0;
}

// --- packets ---

static u128 any_value(enum ir_dim dim)
{
	u128 v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 16 | pick(65536);
	if (dim == IR_STATE)
		return pick(5);
	// Names of interfaces: sometimes one for real.
	if ((dim == IR_IN || dim == IR_OUT) && pick(2))
		return (u128)0x6574683000 << 88;
	return v & algebra_max(ir_dim_info[dim].bits);
}

static void put(struct ir_packet *packet, enum ir_dim dim)
{
	ir_packet_set(packet, dim, any_value(dim));
}

// The identity of a flow as it can be for real.
static void some_tuple(struct ir_packet *packet)
{
	unsigned family = pick(3) * 2 + 2; // 2: none
	if (family == 4 || family == 6) {
		ir_packet_set(packet, IR_FAMILY, family);
		if (pick(4))
			put(packet, family == 4 ? IR_SRC4 : IR_SRC6);
		if (pick(4))
			put(packet, family == 4 ? IR_DST4 : IR_DST6);
	}
	bool icmp = (family == 4 || family == 6) && pick(3) == 0;
	if (icmp) {
		ir_packet_set(packet, IR_PROTO, family == 4 ? 1 : 58);
		ir_packet_set(packet, family == 4 ? IR_ICMP4 : IR_ICMP6,
			      pick(20) * 256 + (pick(2) ? pick(256) : 0));
		return;
	}
	if (pick(4))
		ir_packet_set(packet, IR_PROTO, pick(8) ? 6 : pick(256));
	if (pick(2))
		put(packet, IR_SPORT);
	if (pick(2))
		put(packet, IR_DPORT);
}

static const char *const names[] = {"games",    "a,b",    "with \"quotes\"",
				    "a|b=c\\",  " space", "-m recent --name \"x,y\"",
				    "\x1b[31m", "é"};

static struct ir_truths *some_truths(struct arena *a)
{
	struct ir_truths *truths = arena_new(a, struct ir_truths);
	for (unsigned i = pick(3); i; i--)
		vec_push(a, &truths->told,
			 (struct ir_told){(enum ir_opaque_kind)pick(IR_OPAQUES),
					  names[pick(array_len(names))]});
	truths->all_known = pick(2);
	if (pick(2))
		vec_push(a, &truths->over, names[pick(array_len(names))]);
	return truths;
}

static void some_flow(struct arena *a, struct ir_packet *packet)
{
	struct ir_packet *first = arena_new(a, struct ir_packet);
	unsigned how = pick(5);
	packet->reply = how && pick(2);
	if (!how)
		return;
	if (how == 1)
		do
			some_tuple(first);
		while (!first->has);
	else if (packet->reply)
		ir_packet_turn(packet, first);
	else
		*first = *packet;
	packet->flow = first;
}

static struct ir_packet some_packet(struct arena *a)
{
	struct ir_packet packet = {.time = NOW + (int64_t)pick(100000000) * 40 - 2000000000,
				   .context = some_truths(a),
				   .opaque_holds = ir_truths_hold};
	struct ir_truths *truths = packet.context;
	some_tuple(&packet);
	for (unsigned i = IR_STATE; i < IR_TIME; i++)
		if (pick(8) == 0 || (i == IR_STATE && pick(2)))
			put(&packet, (enum ir_dim)i);
	packet.over_rate = pick(8) == 0;
	if (truths->over.len)
		packet.rate_exceeded = ir_truths_exceeded;
	some_flow(a, &packet);
	return packet;
}

static void assert_same_dims(const struct ir_packet *a, const struct ir_packet *b, enum ir_dim last)
{
	for (unsigned i = 0; i <= last; i++) {
		assert_int_equal(a->has >> i & 1, b->has >> i & 1);
		if (a->has >> i & 1)
			assert_true(a->value[i] == b->value[i]);
	}
}

static void assert_same_truths(const struct ir_truths *a, const struct ir_truths *b)
{
	assert_int_equal(a->all_known, b->all_known);
	assert_int_equal(a->told.len, b->told.len);
	for (size_t i = 0; i < a->told.len; i++) {
		assert_int_equal(a->told.at[i].kind, b->told.at[i].kind);
		assert_string_equal(a->told.at[i].value, b->told.at[i].value);
	}
	assert_int_equal(a->over.len, b->over.len);
	for (size_t i = 0; i < a->over.len; i++)
		assert_string_equal(a->over.at[i], b->over.at[i]);
}

static void printed_packets_read_back(void **state)
{
	struct arena *a = *state;
	unsigned flows = 0, replies = 0;
	for (int round = 0; round < 20000; round++) {
		struct ir_packet packet = some_packet(a), back;
		struct diags diags;
		struct buf text;
		buf_init(&text);
		diags_init(&diags, a);
		ir_packet_print(&packet, &text);
		if (!ir_packet_parse(text.data, 1, a, &diags, &back))
			fail_msg("%s: %s", text.data, diags.list.at[0].text);
		assert_same_dims(&packet, &back, IR_DCCPSERVICE);
		assert_true(packet.time == back.time);
		assert_int_equal(packet.reply, back.reply);
		assert_int_equal(packet.over_rate, back.over_rate);
		assert_true(packet.rate_exceeded == back.rate_exceeded);
		assert_int_equal(!packet.flow, !back.flow);
		if (packet.flow)
			assert_same_dims(packet.flow, back.flow, IR_ICMP6);
		assert_same_truths(packet.context, back.context);
		flows += packet.flow != NULL;
		replies += packet.reply;
		buf_fini(&text);
	}
	assert_true(flows > 10000 && replies > 5000);
}

static void packets_print_as_people_write_them(void **state)
{
	static const char *const same[] = {
		"src=192.0.2.1,dst=198.51.100.7,proto=tcp,sport=40000,dport=22",
		"src=2001:db8::1,dst=2001:db8::2,proto=icmpv6,icmp-type=128",
		"src=10.0.0.1,proto=tcp,sport=443,dport=5,state=new,tcp-flags=syn+ack,direction="
		"reply",
		"family=4,proto=udp,state=invalid,in=eth0,url-category=games,others=no",
		"src=10.0.0.1,dst=10.0.0.2,proto=icmp,icmp-type=3,icmp-code=1,state=related,first-"
		"src=10.0.0.9,first-dst=10.0.0.1,first-proto=tcp,first-dport=22",
		"src=10.0.0.1,state=new,flow=no,rate=over,foreign=\"-m recent --name "
		"\\\"x,y\\\"\""};
	struct arena *a = *state;
	for (size_t i = 0; i < array_len(same); i++) {
		struct ir_packet packet;
		struct diags diags;
		struct buf text;
		buf_init(&text);
		diags_init(&diags, a);
		assert_true(ir_packet_parse(same[i], IR_TIME_UNSAID, a, &diags, &packet));
		ir_packet_print(&packet, &text);
		assert_string_equal(text.data, same[i]);
		buf_fini(&text);
	}
}

static void rates_are_exceeded_by_meaning_or_name(void **state)
{
	struct arena *a = *state;
	struct ir_clause any = {0};
	struct ir_rule rule = {.name = "r", .rate.packets = 5, .clause = &any, .clauses = 1};
	struct ir_rule same = rule, other = rule;
	same.name = "s";
	other.rate.packets = 6;
	struct ir_truths truths = {0};
	struct ir_packet packet = {.context = &truths};
	assert_false(ir_truths_exceeded(&packet, &rule));
	vec_push(a, &truths.exceeded, &rule);
	assert_true(ir_truths_exceeded(&packet, &same));
	assert_false(ir_truths_exceeded(&packet, &other));
	other.name = "o";
	vec_push(a, &truths.over, "o");
	assert_true(ir_truths_exceeded(&packet, &other));
}

// --- conditions ---

static struct ir_packet packet_of(struct arena *a, const char *text)
{
	struct diags diags;
	struct ir_packet packet;
	diags_init(&diags, a);
	if (!ir_packet_parse(text, NOW, a, &diags, &packet))
		fail_msg("%s: %s", text, diags.list.at[0].text);
	return packet;
}

static void conditions_match_what_they_say(void **state)
{
	static const struct {
		const char *clause, *packet;
		bool matches;
	} cases[] = {
		{"", "src=10.0.0.1", true},
		{"any", "src=2001:db8::1,proto=udp", true},
		{"src=10.0.0.0/8", "src=10.255.0.1", true},
		{"src=10.0.0.0/8", "src=11.0.0.0", false},
		{"src=10.0.0.0/8", "src=2001:db8::1", false},
		{"src=10.1.2.3/8", "src=10.9.9.9", true},
		{"src=10.0.0.1-10.0.0.9|192.0.2.0/24", "src=10.0.0.9", true},
		{"src=10.0.0.1-10.0.0.9|192.0.2.0/24", "src=10.0.0.10", false},
		{"src=10.0.0.1-10.0.0.9|192.0.2.0/24", "src=192.0.2.255", true},
		{"src!=10.0.0.0/8", "src=11.0.0.0", true},
		{"src!=10.0.0.0/8", "src=10.0.0.0", false},
		{"src=10.0.0.0/8,src!=10.0.0.0/9", "src=10.128.0.0", true},
		{"src=10.0.0.0/8,src!=10.0.0.0/9", "src=10.127.0.0", false},
		{"dst=::/0", "dst=2001:db8::1", true},
		{"dst=::/0", "dst=10.0.0.1", false},
		{"dst=2001:db8::/32,proto=icmp,icmp-type=128",
		 "dst=2001:db8::1,proto=icmp,icmp-type=128", true},
		{"proto=icmp", "src=2001:db8::1,proto=icmpv6", true},
		{"proto=icmp", "src=10.0.0.1,proto=icmp", true},
		{"proto!=icmp", "src=2001:db8::1,proto=icmpv6", false},
		{"family=4,proto=icmp,icmp-type=3|8,icmp-code!=4",
		 "family=4,proto=icmp,icmp-type=3,icmp-code=4", false},
		{"family=4,proto=icmp,icmp-type=3|8,icmp-code!=4",
		 "family=4,proto=icmp,icmp-type=8", true},
		{"proto=icmpv6,icmp-type=133-137", "family=6,icmp-type=137,icmp-code=9", true},
		{"proto=tcp,dport=80|443-445", "proto=tcp,dport=444", true},
		{"proto=tcp|udp,dport!=80|443-445", "proto=udp,dport=444", false},
		{"dport!=80", "proto=icmp,family=4,icmp-type=8", false},
		{"state=established|related", "proto=tcp,state=related", true},
		{"state!=new", "proto=tcp", false},
		{"in=eth*", "in=eth12", true},
		{"in=eth*", "in=et", false},
		{"in!=eth0|lo", "in=eth1", true},
		{"in!=eth0|lo", "in=lo", false},
		{"tcp-flags=syn/syn+ack+fin+rst", "tcp-flags=syn+psh", true},
		{"tcp-flags=syn/syn+ack+fin+rst", "tcp-flags=syn+ack", false},
		{"tcp-flags=syn", "tcp-flags=syn+psh", false},
		{"tcp-flags=none|syn", "tcp-flags=none", true},
		{"smac=00:53:00:aa:BB:01", "smac=00:53:00:AA:bb:01", true},
		{"time=2026-03-11T09:00:00Z..", "src=10.0.0.1", true},
		{"time=..2026-03-11T09:00:00Z", "src=10.0.0.1", false},
		{"time=2026-03-11T08:00:00Z..2026-03-11T09:00:01Z", "src=10.0.0.1", true},
		{"time!=2026-03-11T09:00:00Z", "src=10.0.0.1", false},
		{"dscp=46,ttl=1-64", "dscp=46,ttl=64", true},
	};
	struct arena *a = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct ir_clause clause;
		struct diags diags;
		struct ir_rule rule = {.verdict = IR_PASS};
		struct ir_packet packet = packet_of(a, cases[i].packet);
		diags_init(&diags, a);
		if (!ir_clause_parse(cases[i].clause, "where", a, &diags, &clause, NULL))
			fail_msg("%s: %s", cases[i].clause, diags.list.at[0].text);
		if (ir_clause_matches(&clause, &rule, &packet) != cases[i].matches)
			fail_msg("%s: %s", cases[i].clause, cases[i].packet);
	}
}

static void conditions_of_other_kinds_are_kept(void **state)
{
	struct arena *a = *state;
	struct ir_clause clause;
	struct ir_opaques opaque = {0};
	struct diags diags;
	diags_init(&diags, a);
	assert_true(ir_clause_parse("url-category=games|\"a|b\",user!=alice", "where", a, &diags,
				    &clause, &opaque));
	assert_int_equal(opaque.list.len, 2);
	assert_int_equal(opaque.list.at[0].kind, IR_OPAQUE_URL);
	assert_int_equal(opaque.list.at[0].len, 2);
	assert_string_equal(opaque.list.at[0].value[1], "a|b");
	assert_true(opaque.list.at[1].negated && opaque.list.at[1].kind == IR_OPAQUE_USER);
}

static void bad_conditions_are_refused(void **state)
{
	static const char *const bad[] = {"src",
					  "src=",
					  "src=10.0.0.0/33",
					  "src=10.0.0.9-10.0.0.1",
					  "src=10.0.0.1-2001:db8::1",
					  "src=10.0.0.0/8|2001:db8::/32",
					  "src=10.0.0.0/8,dst=2001:db8::1",
					  "src=10.0.0.0/8,src=11.0.0.0/8",
					  "src!=0.0.0.0/0",
					  "dport=80-",
					  "dport=80-79",
					  "dport=-80",
					  "dport=80||81",
					  "dport=65536",
					  "proto=tpc",
					  "icmp-type=8",
					  "family=4,icmp-type=256",
					  "family=5",
					  "state=old",
					  "in=",
					  "in=interface-name-too-long",
					  "tcp-flags=syn/ack",
					  "tcp-flags=syn+",
					  "tcp-flags=/syn",
					  "time=yesterday..",
					  "time=2026-03-11T09:00:00Z..2026-03-11T09:00:00Z",
					  "user=alice",
					  "colour=blue",
					  "=x",
					  "!=x",
					  "dport=\"80",
					  "dport=\"80\"1",
					  "dport=\"8\\x000\"",
					  "direction=reply"};
	struct arena *a = *state;
	for (size_t i = 0; i < array_len(bad); i++) {
		struct ir_clause clause;
		struct diags diags;
		diags_init(&diags, a);
		if (ir_clause_parse(bad[i], "where", a, &diags, &clause, NULL))
			fail_msg("accepted: %s", bad[i]);
		assert_true(diags.errors == 1 && diags.list.at[0].hint);
		assert_int_equal(strncmp(diags.list.at[0].text, "where: ", 7), 0);
	}
}

static void addresses_are_added_to_sets(void **state)
{
	static const char *const bad[] = {"",           "10.0.0.1,dst=1", "a=b",
					  "10.0.0.1|x", "10.0.0.0/99",    "x"};
	struct arena *a = *state;
	struct algebra_set v4 = {0}, v6 = {0};
	struct diags diags;
	diags_init(&diags, a);
	assert_true(ir_addresses_parse("10.0.0.0/31", "networks", a, &diags, &v4, &v6));
	assert_true(ir_addresses_parse("10.0.0.9-10.0.0.10", "networks", a, &diags, &v4, &v6));
	assert_int_equal(v4.len, 2);
	assert_int_equal(v6.len, 0);
	assert_true(ir_addresses_parse("::/0", "networks", a, &diags, &v4, &v6));
	assert_int_equal(v4.len, 2);
	assert_true(v6.len == 1 && v6.at[0].lo == 0 && v6.at[0].hi == algebra_max(128));
	assert_true(ir_addresses_parse("0.0.0.0/0", "networks", a, &diags, &v4, &v6));
	assert_true(v4.len == 1 && v4.at[0].hi == algebra_max(32));
	assert_int_equal(diags.list.len, 0);
	for (size_t i = 0; i < array_len(bad); i++) {
		assert_false(ir_addresses_parse(bad[i], "networks", a, &diags, &v4, &v6));
		assert_int_equal(diags.errors, i + 1);
	}
	assert_true(ir_looks_like_addresses("10.0.0.0/99") && ir_looks_like_addresses("::1"));
	assert_false(ir_looks_like_addresses("dc") || ir_looks_like_addresses("a.example"));
}

// Random bytes out of what conditions are made of: a condition, or a diag.
static void no_text_is_neither_read_nor_refused(void **state)
{
	static const char *const bits[] = {
		"src", "=",  "!=",    ",",    "|",      "\"",   "\\x4", "10.0.0.1", "/",
		"-",   "22", "::1",   "tcp",  "action", "drop", "time", "in",       "*",
		"..",  "\\", "dport", "icmp", "user",   "name", "",     " ",        "proto"};
	struct arena *a = *state;
	unsigned good = 0;
	for (int round = 0; round < 50000; round++) {
		struct arena scratch;
		struct diags diags;
		struct ir_rule rule;
		struct ir_packet packet;
		char text[200] = "";
		size_t len = 0;
		for (unsigned n = 1 + pick(12); n; n--)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
						bits[pick(array_len(bits))]);
		arena_init(&scratch);
		diags_init(&diags, &scratch);
		bool read = ir_rule_parse(text, "add", &scratch, &diags, &rule);
		assert_int_equal(read, !diags.errors);
		good += read;
		size_t before = diags.errors;
		read = ir_packet_parse(text, NOW, &scratch, &diags, &packet);
		assert_int_equal(read, diags.errors == before);
		good += read;
		arena_fini(&scratch);
	}
	(void)a;
	assert_true(good > 100);
}

// --- rules ---

static void rules_are_read(void **state)
{
	struct arena *a = *state;
	struct ir_rule rule;
	struct diags diags;
	struct buf text;
	diags_init(&diags, a);
	buf_init(&text);
	assert_true(ir_rule_parse("action=reject,name=\"no, thanks\",flow=yes,log=session,"
				  "src=10.0.0.0/8,proto=tcp,dport=23,user=alice",
				  "add", a, &diags, &rule));
	ir_rule_print(&rule, &text);
	assert_string_equal(text.data, "from 10.0.0.0/8 tcp dport 23 if users/user alice -> "
				       "reject, log the session");
	assert_string_equal(rule.name, "no, thanks");
	assert_string_equal(rule.policy, "add");
	assert_true(rule.flow);
	buf_fini(&text);
	static const char *const bad[] = {"",
					  "src=10.0.0.0/8",
					  "action=allow",
					  "action!=drop",
					  "action=drop,action=pass",
					  "action=rate-limit",
					  "action=drop,log=yes",
					  "action=drop,flow=maybe",
					  "action=drop,name=",
					  "action=drop,sport=x"};
	for (size_t i = 0; i < array_len(bad); i++) {
		diags_init(&diags, a);
		if (ir_rule_parse(bad[i], "add", a, &diags, &rule))
			fail_msg("accepted: %s", bad[i]);
		assert_true(diags.errors == 1 && diags.list.at[0].hint);
	}
}

// What is everything but little, and flags by mask, are said as people say them.
static void sets_are_printed_the_short_way(void **state)
{
	struct arena *a = *state;
	static const struct {
		const char *where, *text;
	} samples[] = {
		{"dport!=53", "dport not 53"},
		{"dport!=53|80", "dport not {53, 80}"},
		{"dport=0-52|54-60", "dport {0-52, 54-60}"},
		{"in!=lo", "in not lo"},
		{"in=eth*|lo", "in {eth*, lo}"},
		{"src!=10.0.0.0/8", "from not 10.0.0.0/8"},
		{"proto!=tcp", "not tcp"},
		{"tcp-flags=syn", "tcp-flags syn"},
		{"tcp-flags!=syn", "tcp-flags not syn"},
		{"tcp-flags=syn/syn+ack", "tcp-flags syn/syn+ack"},
		{"tcp-flags!=syn/syn+ack", "tcp-flags not syn/syn+ack"},
		{"tcp-flags=none/fin+syn", "tcp-flags none/fin+syn"},
		{"tcp-flags=syn|fin+psh", "tcp-flags {syn, fin+psh}"},
	};
	for (size_t i = 0; i < array_len(samples); i++) {
		struct ir_clause clause;
		struct diags diags;
		struct buf text cleanup(buf_fini);
		buf_init(&text);
		diags_init(&diags, a);
		assert_true(ir_clause_parse(samples[i].where, "where", a, &diags, &clause, NULL));
		ir_clause_print(&clause, &text);
		assert_string_equal(text.data, samples[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(printed_packets_read_back, start, stop),
		cmocka_unit_test_setup_teardown(packets_print_as_people_write_them, start, stop),
		cmocka_unit_test_setup_teardown(rates_are_exceeded_by_meaning_or_name, start, stop),
		cmocka_unit_test_setup_teardown(conditions_match_what_they_say, start, stop),
		cmocka_unit_test_setup_teardown(conditions_of_other_kinds_are_kept, start, stop),
		cmocka_unit_test_setup_teardown(bad_conditions_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(addresses_are_added_to_sets, start, stop),
		cmocka_unit_test_setup_teardown(no_text_is_neither_read_nor_refused, start, stop),
		cmocka_unit_test_setup_teardown(rules_are_read, start, stop),
		cmocka_unit_test_setup_teardown(sets_are_printed_the_short_way, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
