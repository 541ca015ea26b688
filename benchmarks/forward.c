// SPDX-License-Identifier: Apache-2.0
// What a policy leaves of the forwarding rate: sets of rules in the manner of ClassBench, as this back end enforces them,
// beside the same rules as a linear chain of nf_tables, by iptables-nft and by iptables-legacy, all against a router
// without rules, in one run and in turns.
//
// Fair it is by these:
// - All rules pass and so does the default, everywhere: a dropped packet costs less than a forwarded one. (That every
//   packet was forwarded is checked.) Which rule decides, and so the way through the rules, stays what it was.
// - The time is that of the core that forwards, and only while it forwards (traffic.h): neither the sender nor the machine's
//   other work is in it. "Whole path" is source, router and sink together, on one core.
// - "uniform" packets lie each in a random rule; "late" ones are decided by the last hundredth of the rules or by the
//   default, as far as such packets are found. 65,536 (or 16,384 flows) and 1,024 different packets.
// - Protocols are those of the rules (UDP where a rule leaves it open), 54 to 86 bytes with the Ethernet header.
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

enum contender { OURS, LINEAR, IPTABLES_NFT, IPTABLES_LEGACY, CONTENDERS };
static const char *const contender_name[CONTENDERS] = {"ours", "linear", "iptables-nft",
						       "iptables-legacy"};

struct set {
	struct test_sets_spec spec;
	bool flow;
	struct arena arena;
	struct ir_ruleset rules;
	struct test_random random;
};

struct bench {
	struct traffic_router *bare, *tracking, *router[CONTENDERS];
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

static struct traffic_load uniform_load(struct set *set)
{
	struct traffic_frame *frame = arena_array(&set->arena, struct traffic_frame, UNIFORM);
	struct test_packet packet;
	size_t len = 0, most = set->flow ? FLOWS : UNIFORM;
	while (len < most) {
		size_t rule = test_random_below(&set->random, (uint32_t)set->rules.rule.len);
		if (test_packet_plain(&set->random, set->rules.rule.at[rule].clause, &packet))
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
				len % 4 ? set->rules.rule.at[rule].clause : NULL;
			is = test_packet_plain(&set->random, of, &packet) && is_late(set, &packet);
		}
		if (!is && !test_packet_plain(&set->random, NULL, &packet))
			continue;
		add_frame(&packet, frame, &len);
		late += is;
	}
	*late_out = (double)late / LATE;
	return (struct traffic_load){frame, len};
}

// --- sets and who enforces them ---

static void set_init(struct set *set, const struct test_sets_spec *spec, bool flow)
{
	*set = (struct set){.spec = *spec, .flow = flow, .random = {7}};
	arena_init(&set->arena);
	test_sets_make(&set->spec, &set->arena, &set->rules);
	set->rules.default_action = IR_PASS;
	for (size_t i = 0; i < set->rules.rule.len; i++) {
		set->rules.rule.at[i].verdict = IR_PASS;
		set->rules.rule.at[i].flow = flow;
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

static double spread(struct figure *f)
{
	double middle = median(f);
	return (f->ns[f->len - 1] - f->ns[0]) / middle * 100;
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
	struct figure bare, whole_bare, whole, of[CONTENDERS];
};

// The fast are measured in turns, so that what disturbs one disturbs all; the slow are so far off that a few rounds will do.
static void measure(struct bench *b, const struct set *set, const struct traffic_load *load,
		    struct figures *f)
{
	struct traffic_router *bare = set->flow ? b->tracking : b->bare;
	for (unsigned round = 0; round < ROUNDS; round++) {
		add(bare, load, TRAFFIC_ROUTER, &f->bare);
		add(b->router[OURS], load, TRAFFIC_ROUTER, &f->of[OURS]);
		add(bare, load, TRAFFIC_WHOLE, &f->whole_bare);
		add(b->router[OURS], load, TRAFFIC_WHOLE, &f->whole);
	}
	unsigned rounds = set->spec.rules > 10000 ? 1 : ROUNDS;
	for (unsigned who = LINEAR; who < CONTENDERS; who++)
		for (unsigned round = 0; round < rounds && b->router[who]; round++)
			add(b->router[who], load, TRAFFIC_ROUTER, &f->of[who]);
}

static void print(struct bench *b, const struct set *set, const char *traffic, struct figures *f)
{
	double bare = median(&f->bare), ours = median(&f->of[OURS]);
	printf("forward %s %zuk%s%s %s: %.3f of no rules (%.2f / %.2f Mpps, %.0f ns more, ",
	       test_sets_kind_name[set->spec.kind], set->spec.rules / 1000,
	       set->spec.family == 4 ? "" : " IPv6", set->flow ? " flows" : "", traffic,
	       bare / ours, 1e3 / ours, 1e3 / bare, ours - bare);
	printf("spread %.0f %%), whole path %.3f", spread(&f->of[OURS]),
	       median(&f->whole_bare) / median(&f->whole));
	for (unsigned who = LINEAR; who < CONTENDERS; who++)
		if (b->router[who])
			printf(", %s %.4f", contender_name[who], bare / median(&f->of[who]));
	printf("; %.1f times linear\n", median(&f->of[LINEAR]) / ours);
	fflush(stdout);
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

static void bench_kind(struct bench *b, enum test_sets_kind kind)
{
	struct test_sets_spec spec = {kind, 4, 1000, 1};
	for (; spec.rules <= 100000; spec.rules *= 10)
		if (spec.rules <= 10000 || kind == TEST_SETS_ACL || b->full)
			bench(b, &spec, false);
	spec.rules = 10000;
	bench(b, &spec, true);
	spec.family = 6;
	bench(b, &spec, false);
}

// Arguments: --full, or the kinds of sets to measure instead of all.
int main(int argc, char **argv)
{
	struct bench b = {.full = argc > 1 && !strcmp(argv[1], "--full")};
	if (!traffic_init())
		return 0;
	b.bare = traffic_open();
	b.tracking = tracking_router();
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		bool wanted = argc < 2 || b.full;
		for (int i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], test_sets_kind_name[kind]);
		if (wanted)
			bench_kind(&b, (enum test_sets_kind)kind);
	}
	traffic_close(b.bare);
	traffic_close(b.tracking);
	return 0;
}
