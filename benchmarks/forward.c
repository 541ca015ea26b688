// SPDX-License-Identifier: Apache-2.0
// What a policy leaves of the forwarding rate: sets of rules in the manner of ClassBench, as this back end enforces them,
// beside the same rules as a linear chain of nf_tables, by iptables-nft and by iptables-legacy, all against a router
// without rules, in one run and in turns.
//
// Fair it is by these:
// - All rules pass and so does the default, everywhere: a dropped packet costs less than a forwarded one. (That every
//   packet was forwarded is checked.) Which rule decides, and so the way through the rules, stays what it was.
// - Three lanes (traffic.h). "Sockets" is the rate that a user sees: programs at both ends send and receive UDP datagrams
//   by ordinary sockets. "Whole path" leaves out the programs and the ends' sockets, "router alone" all but the core that
//   forwards, and only while it forwards.
// - "uniform" packets lie each in a random rule; "late" ones are decided by the last hundredth of the rules or by the
//   default, as far as such packets are found. 65,536 (or 16,384 flows) and 1,024 different packets.
// - Packets are small and UDP, so the sets, most of whose rules are for TCP, are taken with the two exchanged. Ports that a
//   rule leaves open are of a few, spread evenly: the programs have a socket for each.
// - Counters are on everywhere (iptables cannot do without).
// Flow rules are held against a router without rules that tracks connections.
#include "backend/nft/nft.h"
#include "backend/nft/test_net.h"
#include "backend/nft/test_policy.h"
#include "base/buf.h"
#include "base/diag.h"
#include "benchmarks/figure.h"
#include "benchmarks/iptables.h"
#include "benchmarks/traffic.h"
#include "verify/test_sets.h"

#include <stdlib.h>
#include <string.h>

#define UNIFORM 65536
#define FLOWS 16384
#define LATE 1024
#define ROUNDS 3
#define SECONDS 0.1
#define LOOKS 200000u // at rules, to find a packet that a late rule decides
#define PORTS 16u     // where rules do not say which

enum { TCP = 6, UDP = 17 };

enum contender { OURS, LINEAR, IPTABLES_NFT, IPTABLES_LEGACY, CONTENDERS };
static const char *const contender_name[CONTENDERS] = {"ours", "linear", "iptables-nft",
						       "iptables-legacy"};

struct set {
	struct test_sets_spec spec;
	bool flow;
	struct arena arena;
	struct ir_ruleset rules;
	struct ir_clause any; // packets of the set's family
	struct test_random random;
};

struct bench {
	struct traffic_router *bare, *tracking, *router[CONTENDERS];
	char *const *asked; // kinds and variants; nothing of either asks for all of it
	bool full;
};

__attribute__((noreturn)) static void fail(const char *what)
{
	printf("%s failed\n", what);
	exit(1);
}

// --- packets ---

static void add_frame(const struct test_packet *packet, struct traffic_frame *frame, size_t *len)
{
	uint8_t data[TEST_FRAME_MOST];
	frame[*len].len = (uint16_t)test_packet_frame(packet, data);
	if (frame[*len].len > TRAFFIC_FRAME_MOST)
		fail("a small packet");
	memcpy(frame[*len].data, data, frame[*len].len);
	++*len;
}

// One of a few, if the rule has any of them.
static uint16_t port_of(struct set *set, const struct ir_clause *clause, enum ir_dim dim)
{
	const struct algebra_set *wanted = ir_clause_set(clause, dim);
	uint32_t first = test_random_below(&set->random, PORTS);
	for (uint32_t i = 0; i < PORTS; i++) {
		uint32_t port = (first + i) % PORTS * (65536 / PORTS) + 1000;
		if (!wanted || algebra_set_has(*wanted, port))
			return (uint16_t)port;
	}
	return (uint16_t)(wanted->at[0].lo ? wanted->at[0].lo : wanted->at[0].hi);
}

// False when the clause is for no such packet.
static bool some_packet(struct set *set, const struct ir_clause *clause, struct test_packet *out)
{
	const struct algebra_set *protocol = ir_clause_set(clause, IR_PROTO);
	if ((protocol && !algebra_set_has(*protocol, UDP)) ||
	    !test_packet_plain(&set->random, clause, out))
		return false;
	out->proto = UDP;
	out->sport = port_of(set, clause, IR_SPORT);
	out->dport = port_of(set, clause, IR_DPORT);
	return true;
}

static struct traffic_load uniform_load(struct set *set)
{
	struct traffic_frame *frame = arena_array(&set->arena, struct traffic_frame, UNIFORM);
	struct test_packet packet;
	size_t len = 0, most = set->flow ? FLOWS : UNIFORM;
	while (len < most) {
		size_t rule = test_random_below(&set->random, (uint32_t)set->rules.rule.len);
		if (some_packet(set, set->rules.rule.at[rule].clause, &packet))
			add_frame(&packet, frame, &len);
	}
	return (struct traffic_load){frame, len};
}

static size_t late_from(const struct set *set)
{
	return set->rules.rule.len - set->rules.rule.len / 100 - 1;
}

static bool is_late(const struct set *set, const struct test_packet *packet)
{
	struct arena arena;
	struct ir_packet dims;
	struct ir_outcome outcome;
	arena_init(&arena);
	test_packet_dims(packet, &dims);
	dims.flow = &dims;
	ir_eval(&set->rules, &dims, &arena, &outcome);
	arena_fini(&arena);
	return !outcome.rule || outcome.rule >= set->rules.rule.at + late_from(set);
}

static struct traffic_load late_load(struct set *set, double *late_out)
{
	struct traffic_frame *frame = arena_array(&set->arena, struct traffic_frame, LATE);
	size_t len = 0, late = 0, last = set->rules.rule.len - late_from(set);
	size_t tries = LOOKS / set->rules.rule.len;
	while (len < LATE) {
		struct test_packet packet;
		bool is = false;
		for (size_t i = 0; i < tries && !is; i++) {
			size_t rule =
				late_from(set) + test_random_below(&set->random, (uint32_t)last);
			const struct ir_clause *of =
				len % 4 ? set->rules.rule.at[rule].clause : &set->any;
			is = some_packet(set, of, &packet) && is_late(set, &packet);
		}
		if (!is && !some_packet(set, &set->any, &packet))
			continue;
		add_frame(&packet, frame, &len);
		late += is;
	}
	*late_out = (double)late / LATE;
	return (struct traffic_load){frame, len};
}

// --- sets and who enforces them ---

static void exchange_tcp_and_udp(struct ir_clause *clause, struct arena *arena)
{
	for (size_t i = 0; i < clause->len; i++) {
		struct ir_cond *cond = &clause->cond[i];
		u128 is = cond->set.at[0].lo;
		if (cond->dim == IR_PROTO && (is == TCP || is == UDP))
			cond->set = algebra_set_one(arena, TCP + UDP - is, TCP + UDP - is);
	}
}

static void set_init(struct set *set, const struct test_sets_spec *spec, bool flow)
{
	*set = (struct set){.spec = *spec, .flow = flow, .random = {7}};
	arena_init(&set->arena);
	test_sets_make(&set->spec, &set->arena, &set->rules);
	u128 family = (u128)spec->family;
	if (!ir_clause_narrow(&set->any, &set->arena, IR_FAMILY,
			      algebra_set_one(&set->arena, family, family)))
		fail("a clause");
	set->rules.default_action = IR_PASS;
	for (size_t i = 0; i < set->rules.rule.len; i++) {
		set->rules.rule.at[i].verdict = IR_PASS;
		set->rules.rule.at[i].flow = flow;
		exchange_tcp_and_udp(set->rules.rule.at[i].clause, &set->arena);
	}
}

static void load_backend(const struct set *set, enum backend_nft_form form)
{
	struct backend_nft_options options = {.shape = {.form = form}};
	struct backend_nft *nft;
	struct diags diags;
	struct arena arena;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (backend_nft_open(&options, &diags, &nft) || backend_nft_apply(nft, &set->rules, &diags))
		fail(diags.list.len ? diags.list.at[0].text : "apply");
	backend_nft_close(nft);
	arena_fini(&arena);
}

static void load_iptables(const struct set *set, const char *program)
{
	struct buf text;
	buf_init(&text);
	size_t unsaid = iptables_print(&set->rules, &text);
	if (unsaid)
		printf("%s: %zu of %zu rules are left out, it has no words for them\n", program,
		       unsaid, set->rules.rule.len);
	if (test_run(text.data, (const char *const[]){program, NULL}))
		fail(program);
	buf_fini(&text);
}

static void load(const struct set *set, enum contender who)
{
	switch (who) {
	case OURS:
		load_backend(set, BACKEND_NFT_AUTO);
		break;
	case LINEAR:
		load_backend(set, BACKEND_NFT_LINEAR);
		break;
	case IPTABLES_NFT:
		load_iptables(set, "iptables-nft-restore");
		break;
	case IPTABLES_LEGACY:
		load_iptables(set, "iptables-legacy-restore");
		break;
	case CONTENDERS:
	default:
		break;
	}
}

// --- measuring ---

struct figure {
	double ns[ROUNDS];
	unsigned len;
};

static double median(struct figure *f)
{
	figure_sort(f->ns, f->len);
	return f->ns[f->len / 2];
}

static void add(struct traffic_router *router, const struct traffic_load *load,
		enum traffic_lane lane, struct figure *f)
{
	struct traffic_rate rate = traffic_measure(router, load, lane, SECONDS);
	if (rate.forwarded < 0.99)
		fail("forwarding all that comes");
	f->ns[f->len++] = rate.ns;
}

struct figures {
	struct figure bare[TRAFFIC_LANES], ours[TRAFFIC_LANES];
	struct figure other[CONTENDERS]; // the router alone
};

// The fast are measured in turns, so that what disturbs one disturbs all; the slow are so far off that a few rounds will do.
static void measure(struct bench *b, const struct set *set, const struct traffic_load *load,
		    struct figures *f)
{
	struct traffic_router *bare = set->flow ? b->tracking : b->bare;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned lane = 0; lane < TRAFFIC_LANES; lane++) {
			add(bare, load, (enum traffic_lane)lane, &f->bare[lane]);
			add(b->router[OURS], load, (enum traffic_lane)lane, &f->ours[lane]);
		}
	unsigned rounds = set->spec.rules > 10000 ? 1 : ROUNDS;
	for (unsigned who = LINEAR; who < CONTENDERS; who++)
		for (unsigned round = 0; round < rounds && b->router[who]; round++)
			add(b->router[who], load, TRAFFIC_ROUTER, &f->other[who]);
}

// What issue 5 asks for; 0: nothing.
static double target_of(const struct set *set)
{
	bool acl = set->spec.kind == TEST_SETS_ACL;
	if (set->spec.rules == 10000)
		return acl ? 0.65 : 0.55;
	return acl && set->spec.rules == 100000 ? 0.5 : 0;
}

static void print_name(const struct set *set, const char *traffic)
{
	printf("forward %s %zuk%s%s %s", test_sets_kind_name[set->spec.kind],
	       set->spec.rules / 1000, set->spec.family == 4 ? "" : " IPv6",
	       set->flow ? " flows" : "", traffic);
}

static void print_lane(const struct set *set, const char *traffic, enum traffic_lane lane,
		       struct figures *f)
{
	static const char *const name[TRAFFIC_LANES] = {"router alone", "whole path", "sockets"};
	double bare = median(&f->bare[lane]), ours = median(&f->ours[lane]);
	print_name(set, traffic);
	printf(", %s: %.3f of no rules", name[lane], bare / ours);
	if (target_of(set) > 0)
		printf(" (target %.2f)", target_of(set));
	printf(", %.2f of %.2f Mpps, %.0f ns more than %.0f\n", 1e3 / ours, 1e3 / bare, ours - bare,
	       bare);
}

static void print_others(struct bench *b, const struct set *set, const char *traffic,
			 struct figures *f)
{
	double bare = median(&f->bare[TRAFFIC_ROUTER]), ours = median(&f->ours[TRAFFIC_ROUTER]);
	print_name(set, traffic);
	printf(", router alone: %.1f times linear", median(&f->other[LINEAR]) / ours);
	for (unsigned who = LINEAR; who < CONTENDERS; who++)
		if (b->router[who])
			printf(", %s %.4f of no rules", contender_name[who],
			       bare / median(&f->other[who]));
	printf("\n");
	fflush(stdout);
}

static void print(struct bench *b, const struct set *set, const char *traffic, struct figures *f)
{
	for (unsigned lane = 0; lane < TRAFFIC_LANES; lane++)
		print_lane(set, traffic, (enum traffic_lane)lane, f);
	print_others(b, set, traffic, f);
}

static void enforce(struct bench *b, const struct set *set)
{
	for (unsigned who = 0; who < CONTENDERS; who++) {
		b->router[who] = NULL;
		if (who > LINEAR && (set->flow || set->spec.family != 4))
			continue; // they have no flow rules in our sense, and IPv6 is another table
		b->router[who] = traffic_open();
		load(set, (enum contender)who);
	}
}

static void withdraw(struct bench *b)
{
	for (unsigned who = 0; who < CONTENDERS; who++)
		if (b->router[who])
			traffic_close(b->router[who]);
}

static void bench(struct bench *b, const struct test_sets_spec *spec, bool flow)
{
	struct figures uniform = {0}, late = {0};
	struct traffic_load load;
	struct set set;
	char name[48];
	double share;
	set_init(&set, spec, flow);
	enforce(b, &set);
	load = uniform_load(&set);
	measure(b, &set, &load, &uniform);
	print(b, &set, "uniform", &uniform);
	load = late_load(&set, &share);
	measure(b, &set, &load, &late);
	snprintf(name, sizeof(name), "late (%.0f %% are)", share * 100);
	print(b, &set, name, &late);
	withdraw(b);
	arena_fini(&set.arena);
}

static struct traffic_router *tracking_router(void)
{
	struct traffic_router *router = traffic_open();
	// A chain that nothing leads to makes the kernel track connections.
	static const char tracks[] = "table inet track {\n chain never {\n  ct state new\n }\n}\n";
	if (test_run(tracks, (const char *const[]){"nft", "-f", "-", NULL}))
		fail("nft");
	return router;
}

static const char *const variant_name[] = {"1k", "10k", "100k", "flows", "IPv6"};

// Whether this one of so many names is asked for.
static bool is_asked(const struct bench *b, const char *const *name, size_t len, size_t which)
{
	bool others = false;
	for (size_t i = 0; b->asked[i]; i++)
		for (size_t k = 0; k < len; k++) {
			if (strcmp(b->asked[i], name[k]) != 0)
				continue;
			if (k == which)
				return true;
			others = true;
		}
	return !others;
}

static void bench_variant(struct bench *b, const struct test_sets_spec *spec, size_t variant)
{
	if (is_asked(b, variant_name, array_len(variant_name), variant))
		bench(b, spec, variant == 3);
}

static void bench_kind(struct bench *b, enum test_sets_kind kind)
{
	struct test_sets_spec spec = {kind, 4, 1000, 1};
	for (size_t i = 0; i < 3; i++, spec.rules *= 10)
		if (spec.rules <= 10000 || kind == TEST_SETS_ACL || b->full)
			bench_variant(b, &spec, i);
	spec.rules = 10000;
	bench_variant(b, &spec, 3);
	spec.family = 6;
	bench_variant(b, &spec, 4);
}

// Arguments: --full, or which kinds of sets and which variants to measure instead of all.
int main(int argc, char **argv)
{
	struct bench b = {.asked = argv + 1, .full = argc > 1 && !strcmp(argv[1], "--full")};
	if (!traffic_init())
		return 0;
	b.bare = traffic_open();
	b.tracking = tracking_router();
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++)
		if (is_asked(&b, test_sets_kind_name, TEST_SETS_KINDS, kind))
			bench_kind(&b, (enum test_sets_kind)kind);
	traffic_close(b.bare);
	traffic_close(b.tracking);
	return 0;
}
