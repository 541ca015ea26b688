// SPDX-License-Identifier: Apache-2.0
// While packets run, the policy is replaced again and again. A packet that both policies pass must
// always arrive, one that both drop never, whatever stands in between: large sets, many rules, flow
// rules, default drop and default pass.
#include "backend/nft/nft.h"
#include "backend/nft/test_net.h"
#include "backend/nft/test_packet.h"
#include "base/diag.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKETS 100000u
#define PACKETS_MOST 5000000u
#define REPLACEMENTS 20u
#define AT_ONCE 200u
#define FILLING 300u // rules that match none of the packets
#define KINDS 4u
#define VARIANTS 32u // of each kind: both versions, packet and flow rules

// What the policies A and B do with a kind of packets, known by its ports.
static const struct {
	const char *name;
	bool pass[2];
} kinds[KINDS] = {
	{"passed by both", {true, true}},
	{"dropped by both", {false, false}},
	{"passed by A", {true, false}},
	{"passed by B", {false, true}},
};

struct traffic {
	struct test_net net;
	struct {
		uint8_t data[TEST_FRAME_MOST];
		size_t len;
	} frame[KINDS][VARIANTS];
	uint64_t sent[KINDS], arrived[KINDS];
	sem_t due;            // a replacement is
	atomic_bool replaced; // all of them are done
};

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct traffic *t = context;
	uint32_t kind;
	if (at == SIDE_B && test_frame_id(frame, len, &kind) && kind < KINDS)
		t->arrived[kind]++;
}

static void make_frames(struct traffic *t)
{
	for (uint32_t kind = 0; kind < KINDS; kind++)
		for (unsigned v = 0; v < VARIANTS; v++) {
			bool v6 = v & 1, flow = v & 2;
			struct test_packet p = {
				.id = kind, .version = v6 ? 6 : 4, .proto = 17, .ttl = 64};
			p.src = v6 ? (u128)0x2000 << 112 | v : 0x20000000u + v;
			p.dst = v6 ? (u128)0x3000 << 112 | v : 0x80000000u + v;
			p.sport = (uint16_t)(1000 + v);
			p.dport = (uint16_t)(1000 * (kind + 1) + flow);
			memcpy(p.smac, test_mac_host[SIDE_A], 6);
			t->frame[kind][v].len = test_packet_frame(&p, t->frame[kind][v].data);
		}
}

static void *run_traffic(void *context)
{
	struct traffic *t = context;
	uint64_t total = 0;
	while ((!t->replaced || total < PACKETS) && total < PACKETS_MOST) {
		for (unsigned i = 0; i < AT_ONCE; i++, total++) {
			unsigned kind = i % KINDS, v = (unsigned)(total / KINDS) % VARIANTS;
			test_net_send(&t->net, SIDE_A, t->frame[kind][v].data,
				      t->frame[kind][v].len);
			t->sent[kind]++;
			if (total % (PACKETS / REPLACEMENTS) == 0)
				sem_post(&t->due);
		}
		test_net_collect(&t->net, take, t);
	}
	return NULL;
}

// --- policies ---

static struct ir_rule rule_for(struct arena *arena, const char *name, enum ir_verdict verdict,
			       bool flow)
{
	return (struct ir_rule){.policy = "swap",
				.name = name,
				.verdict = verdict,
				.flow = flow,
				.clause = arena_new(arena, struct ir_clause),
				.clauses = 1};
}

static void narrow(struct arena *arena, struct ir_rule *rule, enum ir_dim dim,
		   struct algebra_set set)
{
	if (!ir_clause_narrow(rule->clause, arena, dim, set))
		abort();
}

// Rules with sets of their own, so that there is much to make and to delete.
static void add_filling(struct arena *arena, struct ir_ruleset *out, unsigned which)
{
	for (unsigned i = 0; i < FILLING; i++) {
		struct ir_rule rule = rule_for(arena, "filling", IR_DROP, i & 1);
		struct algebra_builder b = {.arena = arena};
		for (unsigned k = 0; k < 30; k++) {
			u128 lo = 0xc0000000u + (i * 64 + k * 2 + which) * 256u;
			algebra_builder_add(&b, lo, lo + 100);
		}
		narrow(arena, &rule, IR_DST4, algebra_builder_take(&b));
		vec_push(arena, &out->rule, rule);
	}
}

static void make_policy(struct arena *arena, unsigned which, enum ir_verdict default_action,
			struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = default_action};
	add_filling(arena, out, which);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned flow = 0; flow < 2; flow++) {
			enum ir_verdict verdict = kinds[kind].pass[which] ? IR_PASS : IR_DROP;
			struct ir_rule rule = rule_for(arena, kinds[kind].name, verdict, flow);
			u128 port = 1000 * (kind + 1) + flow;
			narrow(arena, &rule, IR_PROTO, algebra_set_one(arena, 17, 17));
			narrow(arena, &rule, IR_DPORT, algebra_set_one(arena, port, port));
			if (verdict != default_action)
				vec_push(arena, &out->rule, rule);
		}
}

// --- running ---

static cpu_set_t only_cpu(unsigned cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return cpus;
}

// The traffic on the first processor, the replacing on the last.
static void start(struct traffic *t, pthread_t *sender)
{
	pthread_attr_t attributes;
	cpu_set_t first = only_cpu(0), last = only_cpu((unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	pthread_attr_init(&attributes);
	(void)pthread_attr_setaffinity_np(&attributes, sizeof(first), &first);
	(void)sched_setaffinity(0, sizeof(last), &last);
	if (sem_init(&t->due, 0, 0) || pthread_create(sender, &attributes, run_traffic, t))
		exit(1);
	pthread_attr_destroy(&attributes);
}

static bool replace(struct backend_nft *nft, const struct ir_ruleset *policy)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool good = backend_nft_apply(nft, policy, &diags) == BACKEND_DONE;
	for (size_t i = 0; i < diags.list.len; i++)
		printf("%s\n", diags.list.at[i].text);
	good &= !diags.list.len;
	arena_fini(&arena);
	return good;
}

static bool verdict_on(const struct traffic *t, enum ir_verdict default_action)
{
	bool good = t->arrived[0] == t->sent[0] && !t->arrived[1];
	for (unsigned kind = 0; kind < KINDS; kind++)
		printf("default %s: %s: %llu of %llu arrived\n", ir_verdict_name[default_action],
		       kinds[kind].name, (unsigned long long)t->arrived[kind],
		       (unsigned long long)t->sent[kind]);
	// The traffic must have met both policies.
	for (unsigned kind = 2; kind < KINDS; kind++)
		good &= t->arrived[kind] && t->arrived[kind] < t->sent[kind];
	return good;
}

static bool run(enum ir_verdict default_action)
{
	struct traffic *t = base_oom(calloc(1, sizeof(*t)));
	struct arena arena;
	struct ir_ruleset policy[2];
	struct backend_nft *nft;
	pthread_t sender;
	arena_init(&arena);
	test_net_open(&t->net);
	if (backend_nft_open(NULL, &(struct diags){.arena = &arena}, &nft))
		exit(77);
	make_frames(t);
	for (unsigned i = 0; i < 2; i++)
		make_policy(&arena, i, default_action, &policy[i]);
	bool good = replace(nft, &policy[1]);
	start(t, &sender);
	for (unsigned i = 0; i < REPLACEMENTS && good; i++) {
		sem_wait(&t->due);
		good = replace(nft, &policy[i % 2]);
	}
	t->replaced = true;
	pthread_join(sender, NULL);
	good &= verdict_on(t, default_action);
	backend_nft_close(nft);
	test_net_close(&t->net);
	arena_fini(&arena);
	free(t);
	return good;
}

int main(void)
{
	bool good = run(IR_DROP);
	good &= run(IR_PASS);
	return !good;
}
