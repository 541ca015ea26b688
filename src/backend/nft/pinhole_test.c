// SPDX-License-Identifier: Apache-2.0
// Pinholes with real packets: they let one flow through, both ways, and close by themselves; and the
// other things that only time tells: rates, logs, and the edges of time windows.
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_net.h"
#include "backend/nft/test_packet.h"
#include "base/diag.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PATIENCE 30 // seconds; reached only when something is broken
#define LOG_GROUP 77

struct fixture {
	struct test_net net;
	struct backend_nft *nft;
	struct arena arena;
	struct diags diags;
	struct ir_ruleset ruleset; // in force
	uint32_t id;
	bool arrived;
	unsigned answers;
};

static const struct backend_nft_options options = {.log_to_group = true, .log_group = LOG_GROUP};

static int set_up(void **state)
{
	struct fixture *f = base_oom(calloc(1, sizeof(*f)));
	arena_init(&f->arena);
	diags_init(&f->diags, &f->arena);
	test_net_open(&f->net);
	assert_int_equal(backend_nft_open(&options, &f->diags, &f->nft), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	backend_nft_close(f->nft);
	test_net_close(&f->net);
	arena_fini(&f->arena);
	free(f);
	return 0;
}

// --- packets ---

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct fixture *f = context;
	uint32_t id;
	if (test_frame_id(frame, len, &id) && id == f->id)
		f->arrived = true;
	else
		f->answers += at == SIDE_A;
}

static bool passes(struct fixture *f, struct test_packet p)
{
	uint8_t frame[TEST_FRAME_MOST];
	p.id = ++f->id;
	f->arrived = false;
	test_net_send(&f->net, p.from_b ? SIDE_B : SIDE_A, frame, test_packet_frame(&p, frame));
	test_net_collect(&f->net, take, f);
	return f->arrived;
}

static struct test_packet from_a(uint8_t version, uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct test_packet p = {.version = version,
				.proto = proto,
				.sport = sport,
				.dport = dport,
				.ttl = 64,
				.tcp_flags = 2};
	p.src = version == 4 ? 0x20000001u : (u128)0x2000 << 112 | 1;
	p.dst = version == 4 ? 0x80000001u : (u128)0x3000 << 112 | 1;
	memcpy(p.smac, test_mac_host[SIDE_A], 6);
	return p;
}

static struct test_packet back(struct test_packet p)
{
	struct test_packet t = p;
	t.from_b = true;
	t.src = p.dst;
	t.dst = p.src;
	t.sport = p.dport;
	t.dport = p.sport;
	t.tcp_flags = 18;
	return t;
}

static bool error_passes(struct fixture *f, struct test_packet about)
{
	uint8_t frame[TEST_FRAME_MOST];
	size_t len = test_packet_frame(&about, frame);
	struct test_packet e = back(about);
	e.proto = about.version == 4 ? 1 : 58;
	e.type = about.version == 4 ? 3 : 1;
	e.code = about.version == 4 ? 1 : 3;
	e.inner = frame + 14;
	e.inner_len = (uint16_t)(len - 14 - TEST_TAIL);
	return passes(f, e);
}

// --- policies ---

static struct ir_rule rule_of(struct fixture *f, const char *name, enum ir_verdict verdict,
			      uint8_t proto)
{
	struct ir_rule rule = {.policy = "call",
			       .name = name,
			       .verdict = verdict,
			       .clause = arena_new(&f->arena, struct ir_clause),
			       .clauses = 1};
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
				     algebra_set_one(&f->arena, proto, proto)));
	return rule;
}

static void deploy(struct fixture *f, const struct ir_rule *rules, size_t n,
		   enum ir_verdict default_action)
{
	f->ruleset = (struct ir_ruleset){.default_action = default_action};
	for (size_t i = 0; i < n; i++)
		vec_push(&f->arena, &f->ruleset.rule, rules[i]);
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(f->diags.list.len, 0);
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &d), 0);
	assert_int_equal(d.list.len, 0);
}

// --- pinholes ---

static struct backend_pinhole pinhole_for(struct fixture *f, const struct test_packet *p,
					  uint32_t seconds)
{
	struct backend_pinhole hole = {.name = "call 1",
				       .family = p->version,
				       .src = p->src,
				       .dst = p->dst,
				       .proto = p->proto,
				       .end = (int64_t)now() + seconds,
				       .setup = seconds,
				       .idle = seconds};
	if (p->proto != 50)
		hole.dport = algebra_set_one(&f->arena, p->dport, p->dport + 1u);
	return hole;
}

static void open_hole(struct fixture *f, const struct backend_pinhole *hole)
{
	assert_int_equal(backend_nft_pinhole_open(f->nft, hole, &f->diags), BACKEND_DONE);
	assert_int_equal(f->diags.list.len, 0);
}

static struct backend_pinhole_state only_hole(struct fixture *f)
{
	struct backend_pinholes list = {.arena = &f->arena};
	assert_int_equal(backend_nft_pinhole_list(f->nft, &list), 0);
	assert_int_equal(list.list.len, 1);
	return list.list.at[0];
}

static void wait_until_closed(struct fixture *f)
{
	for (double deadline = now() + PATIENCE; !only_hole(f).closed;)
		assert_true(now() < deadline);
}

static void assert_one_flow(struct fixture *f, struct test_packet p)
{
	struct backend_pinhole hole = pinhole_for(f, &p, 60);
	struct test_packet other = p;
	other.dst += 1;
	assert_false(passes(f, p));
	open_hole(f, &hole);
	assert_false(passes(f, back(p))); // nobody has called yet
	assert_true(passes(f, p));
	assert_true(passes(f, back(p)));
	assert_true(error_passes(f, p));
	assert_false(passes(f, other));
	deploy(f, NULL, 0, IR_DROP);
	assert_true(passes(f, p)); // it outlives the policy
	struct backend_pinhole_state state = only_hole(f);
	assert_false(state.closed);
	assert_string_equal(state.pinhole.name, "call 1");
	assert_true(state.pinhole.dst == p.dst && state.pinhole.src == p.src &&
		    state.pinhole.proto == p.proto);
	assert_int_equal(state.count.packets, 4);
	assert_in_range(state.lifetime, 1, 60);
	assert_in_range(state.idle_ms, 1, 60000);
	assert_int_equal(backend_nft_pinhole_close(f->nft, "call 1", &f->diags), BACKEND_DONE);
	assert_false(passes(f, p));
	assert_false(passes(f, back(p)));
}

static void a_pinhole_lets_one_flow_through(void **state)
{
	struct fixture *f = *state;
	static const uint8_t protocols[] = {17, 6, 50};
	deploy(f, NULL, 0, IR_DROP);
	for (uint8_t version = 4; version <= 6; version += 2)
		for (size_t i = 0; i < array_len(protocols); i++)
			assert_one_flow(
				f, from_a(version, protocols[i], 4000, (uint16_t)(5000 + 10 * i)));
}

static void a_pinhole_closes_when_nobody_talks(void **state)
{
	struct fixture *f = *state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct test_packet p = from_a(version, 17, 4001, 5100);
		struct backend_pinhole hole = pinhole_for(f, &p, 600);
		hole.idle = 1;
		open_hole(f, &hole);
		assert_true(passes(f, p));
		assert_true(only_hole(f).idle_ms <= 1000);
		wait_until_closed(f);
		assert_false(passes(f, p));
		assert_false(passes(f, back(p)));
		hole.setup = 1;
		open_hole(f, &hole); // the closed one gives way
		wait_until_closed(f);
		assert_false(passes(f, p));
		assert_int_equal(backend_nft_pinhole_purge(f->nft), 0);
	}
}

// Packets that follow each other closely keep it open longer than its idle time.
static void talking_keeps_a_pinhole_open(void **state)
{
	struct fixture *f = *state;
	struct test_packet p = from_a(6, 17, 4002, 5200);
	struct backend_pinhole hole = pinhole_for(f, &p, 600);
	hole.idle = 1;
	open_hole(f, &hole);
	double begin = now(), before = begin;
	while (now() - begin < 2) {
		bool passed = passes(f, p);
		double after = now();
		if (after - before > 0.9)
			break; // this machine is too slow to tell
		assert_true(passed);
		before = after;
	}
	assert_int_equal(backend_nft_pinhole_close(f->nft, hole.name, &f->diags), BACKEND_DONE);
}

static void a_pinhole_closes_when_its_time_is_over(void **state)
{
	struct fixture *f = *state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct test_packet p = from_a(version, 6, 4003, 5300);
		struct backend_pinhole hole = pinhole_for(f, &p, 2);
		hole.idle = hole.setup = 600;
		open_hole(f, &hole);
		for (double before = now();; before = now()) {
			bool passed = passes(f, p);
			if (now() < (double)hole.end)
				assert_true(passed);
			if (before >= (double)hole.end) {
				assert_false(passed);
				break;
			}
		}
		assert_false(passes(f, back(p)));
		assert_true(only_hole(f).closed);
		assert_int_equal(only_hole(f).lifetime, 0);
		assert_int_equal(backend_nft_pinhole_purge(f->nft), 0);
	}
	struct backend_pinholes list = {.arena = &f->arena};
	assert_int_equal(backend_nft_pinhole_list(f->nft, &list), 0);
	assert_int_equal(list.list.len, 0);
}

static void faults_are_refused(void **state)
{
	struct fixture *f = *state;
	struct test_packet p = from_a(4, 17, 4004, 5400);
	struct backend_pinhole good = pinhole_for(f, &p, 60), bad[8];
	open_hole(f, &good);
	assert_int_equal(backend_nft_pinhole_open(f->nft, &good, &f->diags), BACKEND_REFUSED);
	for (size_t i = 0; i < array_len(bad); i++) {
		bad[i] = good;
		bad[i].name = "other";
	}
	bad[0].name = "";
	bad[1].name = "a name that is by far too long for a name, longer than sixty-four bytes";
	bad[2].family = 5;
	bad[3].src = (u128)1 << 100;
	bad[4].proto = 50;
	bad[5].idle = 0;
	bad[6].end = -1;
	bad[7].dport = algebra_set_one(&f->arena, 80, 65536);
	for (size_t i = 0; i < array_len(bad); i++)
		assert_int_equal(backend_nft_pinhole_open(f->nft, &bad[i], &f->diags),
				 BACKEND_REFUSED);
	assert_int_equal(backend_nft_pinhole_close(f->nft, "other", &f->diags), BACKEND_REFUSED);
	assert_int_equal(f->diags.errors, array_len(bad) + 2);
	assert_int_equal(backend_nft_pinhole_close(f->nft, good.name, &f->diags), BACKEND_DONE);
	diags_init(&f->diags, &f->arena);
}

// --- the way to them ---

static const struct nft_dumped_chain *base_chain(struct fixture *f)
{
	struct nft_table table;
	assert_int_equal(
		nft_table_read(&f->nft->socket, "bulwark", NFT_PINHOLES, &f->arena, &table), 0);
	return nft_table_chain(&table, NFT_BASE_CHAIN);
}

static void assert_frame(struct fixture *f, size_t rules, size_t differences)
{
	const struct ir_ruleset none = {.default_action = IR_DROP};
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(base_chain(f)->rule.len, rules);
	assert_int_equal(backend_nft_compare(f->nft, &none, &d), 0);
	assert_int_equal(d.list.len, differences);
}

static void close_hole(struct fixture *f, const char *name)
{
	assert_int_equal(backend_nft_pinhole_close(f->nft, name, &f->diags), BACKEND_DONE);
}

// A packet pays for the jump to them, so it is there with the first one and goes with the last.
static void only_pinholes_are_led_to(void **state)
{
	struct fixture *f = *state;
	struct test_packet p = from_a(4, 17, 4006, 5600);
	struct backend_pinhole one = pinhole_for(f, &p, 60), two = one;
	two.name = "call 2";
	deploy(f, NULL, 0, IR_DROP);
	assert_frame(f, 1, 0);
	open_hole(f, &one);
	assert_frame(f, 2, 0);
	open_hole(f, &two);
	close_hole(f, one.name);
	assert_frame(f, 2, 0);
	assert_true(passes(f, p));
	close_hole(f, two.name);
	assert_frame(f, 1, 0);
	one.setup = 1;
	open_hole(f, &one);
	wait_until_closed(f);
	deploy(f, NULL, 0, IR_DROP);
	assert_frame(f, 2, 0);
	open_hole(f, &two);
	assert_int_equal(backend_nft_pinhole_purge(f->nft), 0);
	assert_frame(f, 2, 0);
	close_hole(f, two.name);
	assert_frame(f, 1, 0);
}

// What an agent that died has left is known to the next one.
static void the_next_agent_finds_the_pinholes(void **state)
{
	struct fixture *f = *state;
	struct test_packet p = from_a(4, 17, 4007, 5700);
	struct backend_pinhole hole = pinhole_for(f, &p, 60);
	deploy(f, NULL, 0, IR_DROP);
	open_hole(f, &hole);
	backend_nft_close(f->nft);
	assert_int_equal(backend_nft_open(&options, &f->diags, &f->nft), 0);
	assert_true(passes(f, p));
	assert_frame(f, 2, 0);
	deploy(f, NULL, 0, IR_DROP);
	assert_true(passes(f, p));
	assert_frame(f, 2, 0);
	close_hole(f, hole.name);
	assert_frame(f, 1, 0);
}

static void tamper(struct fixture *f, const char *command, size_t rules, size_t differences)
{
	assert_int_equal(test_nft(command), 0);
	assert_frame(f, rules, differences);
	deploy(f, NULL, 0, IR_DROP);
}

static void others_at_the_jump_are_noticed(void **state)
{
	struct fixture *f = *state;
	struct test_packet p = from_a(4, 17, 4008, 5800);
	struct backend_pinhole hole = pinhole_for(f, &p, 60);
	deploy(f, NULL, 0, IR_DROP);
	tamper(f, "insert rule inet bulwark forward jump pinholes", 2, 1);
	// Rules that are no pinholes are not led to, and go.
	tamper(f, "add rule inet bulwark pinholes accept", 1, 1);
	assert_frame(f, 1, 0);
	open_hole(f, &hole);
	tamper(f, "add rule inet bulwark forward jump pinholes", 3, 1);
	tamper(f, "flush chain inet bulwark pinholes", 2, 2); // its timer is left
	assert_frame(f, 1, 0);
	open_hole(f, &hole);
	tamper(f,
	       arena_printf(&f->arena, "delete rule inet bulwark forward handle %llu",
			    (unsigned long long)base_chain(f)->rule.at[0].handle),
	       1, 1);
	assert_frame(f, 2, 0);
	assert_true(passes(f, p));
	close_hole(f, hole.name);
}

static void without_a_policy_pinholes_change_nothing(void **state)
{
	struct fixture *f = *state;
	struct test_packet p = from_a(4, 17, 4005, 5500), other = from_a(6, 6, 1, 2);
	struct backend_pinhole hole = pinhole_for(f, &p, 60);
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_clear(f->nft, &f->diags), BACKEND_DONE);
	open_hole(f, &hole);
	assert_true(passes(f, p));
	assert_true(passes(f, other));
	assert_int_equal(backend_nft_compare(f->nft, NULL, &d), 0);
	assert_int_equal(d.list.len, 0);
	deploy(f, NULL, 0, IR_DROP);
	assert_true(passes(f, p));
	assert_false(passes(f, other));
	assert_int_equal(backend_nft_pinhole_close(f->nft, hole.name, &f->diags), BACKEND_DONE);
}

// --- rates ---

static unsigned passed_of(struct fixture *f, struct test_packet p, unsigned n)
{
	unsigned passed = 0;
	for (unsigned i = 0; i < n; i++, p.sport++)
		passed += passes(f, p);
	return passed;
}

// Ten a second, in bursts of five: of many at once about five pass, and what passes later the clock allows.
static void rate_limits_hold(void **state)
{
	struct fixture *f = *state;
	struct ir_rule packets = rule_of(f, "slow", IR_RATE_LIMIT, 17),
		       flows = rule_of(f, "few", IR_RATE_LIMIT, 6),
		       bytes = rule_of(f, "narrow", IR_RATE_LIMIT, 50);
	packets.rate.packets = 10;
	flows.rate.flows = 10;
	flows.flow = true;
	bytes.rate.bytes_x100 = 150; // 1.5 bytes a second beside the burst of 65535
	const struct ir_rule rules[] = {packets, flows, bytes};
	deploy(f, rules, 3, IR_DROP);
	double begin = now();
	unsigned passed = passed_of(f, from_a(4, 17, 100, 1), 300);
	assert_in_range(passed, 5, (unsigned)(5 + 10 * (now() - begin) + 1));
	begin = now();
	passed = passed_of(f, from_a(6, 6, 100, 1), 300);
	assert_in_range(passed, 5, (unsigned)(5 + 10 * (now() - begin) + 1));
	struct test_packet big = from_a(4, 50, 0, 0);
	big.payload = 1000;
	passed = passed_of(f, big, 300);
	assert_in_range(passed, 60, 70); // 65535 bytes of 1032
}

static void rate_conditions_hold(void **state)
{
	struct fixture *f = *state;
	struct ir_rule flood = rule_of(f, "flood", IR_DROP, 17),
		       pass = rule_of(f, "rest", IR_PASS, 17);
	flood.rate.packets = 10;
	const struct ir_rule rules[] = {flood, pass};
	deploy(f, rules, 2, IR_DROP);
	double begin = now();
	unsigned passed = passed_of(f, from_a(6, 17, 100, 1), 300);
	assert_in_range(passed, 5, (unsigned)(5 + 10 * (now() - begin) + 1));
	struct backend_counters counters;
	assert_int_equal(backend_nft_counters(f->nft, &f->ruleset, &f->arena, &counters), 0);
	assert_int_equal(counters.rule[0].packets, 300 - passed);
	assert_int_equal(counters.rule[1].packets, passed);
}

// --- time ---

// A window of one second, met by packets before, in and after it.
static void windows_are_exact_to_the_second(void **state)
{
	struct fixture *f = *state;
	static const enum ir_dim dims[] = {IR_TIME, IR_HOUR};
	for (size_t i = 0; i < array_len(dims); i++) {
		int64_t at = (int64_t)now() + 2, value = dims[i] == IR_HOUR ? at % 86400 : at;
		struct ir_rule rule = rule_of(f, "now", IR_PASS, 17);
		bool before = false, inside = false;
		assert_true(ir_clause_narrow(rule.clause, &f->arena, dims[i],
					     algebra_set_one(&f->arena, (u128)value, (u128)value)));
		deploy(f, &rule, 1, IR_DROP);
		for (int64_t second = 0; second <= at;) {
			double begin = now();
			second = (int64_t)begin;
			bool passed = passes(f, from_a(4, 17, 1, 1));
			// On the edge, and the second of the day is only as exact as the timer tick.
			if ((int64_t)now() != second || begin - (double)second < 0.05)
				continue;
			assert_int_equal(passed, second == at);
			before |= second < at;
			inside |= second == at;
		}
		assert_true(before && inside);
	}
}

// --- logs ---

static struct mnl_socket *log_socket(void)
{
	char room[256];
	struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
	struct nfulnl_msg_config_mode mode = {.copy_mode = NFULNL_COPY_META};
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_non_null(nl);
	assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->version = NFNETLINK_V0;
	nfg->res_id = __builtin_bswap16(LOG_GROUP);
	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, __builtin_bswap32(1)); // each at once
	assert_true(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0);
	return nl;
}

// How many entries with this beginning are there.
static unsigned entries(struct mnl_socket *nl, const char *prefix)
{
	char room[65536];
	unsigned n = 0;
	for (ssize_t got; (got = mnl_socket_recvfrom(nl, room, sizeof(room))) > 0;) {
		int left = (int)got;
		for (const struct nlmsghdr *nlh = (void *)room; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			n += memmem(nlh, nlh->nlmsg_len, prefix, strlen(prefix) + 1) != NULL;
	}
	return n;
}

static void logs_tell_packets_and_sessions(void **state)
{
	struct fixture *f = *state;
	struct mnl_socket *nl = log_socket();
	struct ir_rule each = rule_of(f, "each", IR_DROP, 17),
		       session = rule_of(f, "session", IR_PASS, 6),
		       seen = rule_of(f, "seen", IR_NONE, 6);
	each.log = seen.log = IR_LOG_RULE;
	session.log = IR_LOG_SESSION;
	session.flow = true;
	const struct ir_rule rules[] = {each, seen, session};
	deploy(f, rules, 3, IR_DROP);
	struct test_packet udp = from_a(4, 17, 1, 1), tcp = from_a(6, 6, 1, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_false(passes(f, udp));
	assert_int_equal(entries(nl, "bulwark call/each "), 3);
	assert_true(passes(f, tcp));
	assert_true(passes(f, tcp));
	assert_true(passes(f, back(tcp)));
	assert_int_equal(entries(nl, "bulwark call/session "), 1);
	tcp.sport++;
	assert_true(passes(f, tcp));
	assert_true(passes(f, back(tcp)));
	assert_int_equal(entries(nl, "bulwark call/seen "), 2);
	mnl_socket_close(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pinhole_lets_one_flow_through),
		cmocka_unit_test(a_pinhole_closes_when_nobody_talks),
		cmocka_unit_test(talking_keeps_a_pinhole_open),
		cmocka_unit_test(a_pinhole_closes_when_its_time_is_over),
		cmocka_unit_test(faults_are_refused),
		cmocka_unit_test(only_pinholes_are_led_to),
		cmocka_unit_test(the_next_agent_finds_the_pinholes),
		cmocka_unit_test(others_at_the_jump_are_noticed),
		cmocka_unit_test(without_a_policy_pinholes_change_nothing),
		cmocka_unit_test(rate_limits_hold),
		cmocka_unit_test(rate_conditions_hold),
		cmocka_unit_test(windows_are_exact_to_the_second),
		cmocka_unit_test(logs_tell_packets_and_sessions),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
