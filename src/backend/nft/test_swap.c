// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_swap.h"
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/test_net.h"
#include "backend/nft/test_policy.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 200u
#define FRAMES 2048u    // different packets
#define OFTEN 7         // changes of a rule that turns until it gets its place: lanes fill up, too
#define PACKETS_MOST 50 // times as many as are wanted, when the replacing takes its time

const char *const test_swap_kind[TEST_SWAP_KINDS] = {"dropped by both", "passed by A",
						     "passed by B", "passed by both"};

struct frame {
	uint8_t data[TEST_FRAME_MOST];
	size_t len;
	unsigned kind;
	uint64_t sent, arrived;
};

struct running {
	const struct test_swap *swap;
	struct arena arena;
	struct test_random random;
	struct ir_ruleset policy[2];
	VEC(struct backend_edit) edit[2]; // to B, to A
	struct test_net net;
	struct backend_nft *nft;
	struct frame *frame;
	unsigned anew, in_front, behind;
	sem_t due;            // a replacement is
	atomic_bool replaced; // all of them are done
};

// --- policies ---

// Rules with sets of their own, so that there is much to make and to delete.
static void add_large_sets(struct running *r, size_t rules)
{
	for (size_t i = 0; i < rules; i++) {
		struct ir_rule rule = {.policy = "swap",
				       .name = "large set",
				       .verdict = i & 1 ? IR_DROP : IR_PASS,
				       .clause = arena_new(&r->arena, struct ir_clause),
				       .clauses = 1};
		struct algebra_builder set = {.arena = &r->arena};
		for (unsigned k = 0; k < 30; k++) {
			u128 lo = 0xc0000000u + (i * 64 + k * 2) * 256u;
			algebra_builder_add(&set, lo, lo + 100);
		}
		if (!ir_clause_narrow(rule.clause, &r->arena, IR_DST4, algebra_builder_take(&set)))
			abort();
		vec_push(&r->arena, &r->policy[0].rule, rule);
	}
}

static void make_first(struct running *r)
{
	struct ir_ruleset *to = &r->policy[0], some;
	size_t rules = r->swap->rules;
	add_large_sets(r, rules / 20);
	for (int family = 4; family <= 6; family += 2) {
		struct test_sets_spec spec = {r->swap->firewall ? TEST_SETS_FW : TEST_SETS_ACL,
					      family, rules * 19 / 40, 5};
		test_sets_make(&spec, &r->arena, &some);
		for (size_t i = 0; i < some.rule.len; i++)
			vec_push(&r->arena, &to->rule, some.rule.at[i]);
	}
	for (size_t i = 0; i < to->rule.len; i++)
		to->rule.at[i].flow =
			!r->swap->packets_only && i * 8 / to->rule.len % 4 == 3; // some parts
}

// The rule of A at `at`, changed in one of three ways; true: it (or nothing) stands for it in B.
static struct backend_edit edit_one(struct running *r, size_t at)
{
	struct ir_ruleset *b = &r->policy[1];
	struct ir_rule rule = r->policy[0].rule.at[at];
	struct backend_edit edit = {at, 1, b->rule.len, 0};
	unsigned how = r->swap->turns ? 1 : test_random_below(&r->random, 3);
	if (how == 0)
		return edit; // taken out
	rule.verdict = rule.verdict == IR_PASS ? IR_DROP : IR_PASS;
	vec_push(&r->arena, &b->rule, rule);
	edit.inserted = 1;
	if (how == 1)
		return edit; // replaced
	edit.removed = 0;    // put in front of the old
	return edit;
}

static void make_second(struct running *r)
{
	const struct ir_ruleset *a = &r->policy[0];
	for (size_t i = 0; i < a->rule.len; i++) {
		bool stays = true;
		bool more = !r->swap->one_edit || !r->edit[0].len;
		if (more && !test_random_below(&r->random, r->swap->edited_one_in)) {
			struct backend_edit e = edit_one(r, i),
					    back = {e.to, e.inserted, e.at, e.removed};
			vec_push(&r->arena, &r->edit[0], e);
			vec_push(&r->arena, &r->edit[1], back);
			stays = !e.removed;
		}
		if (stays)
			vec_push(&r->arena, &r->policy[1].rule, a->rule.at[i]);
	}
}

// --- traffic ---

static bool passes(struct running *r, unsigned which, const struct test_packet *packet)
{
	struct ir_packet dims, first;
	struct ir_outcome outcome;
	test_packet_dims(packet, &dims);
	test_packet_tuple(&dims, &first);
	dims.flow = &first;
	ir_eval(&r->policy[which], &dims, &r->arena, &outcome);
	return ir_verdict_passes(outcome.verdict);
}

// Half of them lie in rules that were edited.
static const struct ir_clause *some_clause(struct running *r, unsigned number)
{
	unsigned which = number % 2;
	const struct ir_ruleset *policy = &r->policy[which];
	size_t rule = test_random_below(&r->random, (uint32_t)policy->rule.len);
	size_t edits = r->edit[which].len;
	if (number % 4 < 2 && edits)
		rule = r->edit[which].at[test_random_below(&r->random, (uint32_t)edits)].at;
	return rule < policy->rule.len ? policy->rule.at[rule].clause : NULL;
}

static void make_frames(struct running *r)
{
	for (uint32_t i = 0; i < FRAMES; i++) {
		struct frame *f = &r->frame[i];
		struct test_packet p;
		while (!test_packet_plain(&r->random, some_clause(r, i), &p))
			;
		p.id = i;
		memcpy(p.smac, test_mac_host[SIDE_A], 6);
		f->len = test_packet_frame(&p, f->data);
		f->kind = (unsigned)passes(r, 0, &p) | (unsigned)passes(r, 1, &p) << 1;
	}
}

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct running *r = context;
	uint32_t number;
	if (at == SIDE_B && test_frame_id(frame, len, &number) && number < FRAMES)
		r->frame[number].arrived++;
}

static void *run_traffic(void *context)
{
	struct running *r = context;
	uint64_t total = 0, wanted = r->swap->packets, each = wanted / r->swap->replacements;
	while ((!r->replaced || total < wanted) && total < wanted * PACKETS_MOST) {
		for (unsigned i = 0; i < AT_ONCE; i++, total++) {
			struct frame *f = &r->frame[total % FRAMES];
			test_net_send(&r->net, SIDE_A, f->data, f->len);
			f->sent++;
			if (total % each == 0)
				sem_post(&r->due);
		}
		test_net_collect(&r->net, take, r);
	}
	return NULL;
}

// --- replacing ---

static bool stand_behind_others(const struct nft_live *live)
{
	for (size_t i = 0; i < live->front.rule.len; i++)
		if (nft_overlay_helped(&live->tree, &live->piece, live->front.rule.at[i]))
			return true;
	return false;
}

static bool replace(struct running *r, unsigned by, bool delta)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	size_t replaced = backend_nft_replaced(r->nft);
	bool change = delta && (by || r->swap->turns || !r->swap->one_edit);
	int done = change ? backend_nft_change(r->nft, &r->policy[by], r->edit[!by].at,
					       r->edit[!by].len, &diags)
			  : backend_nft_apply(r->nft, &r->policy[by], &diags);
	r->anew += (unsigned)(backend_nft_replaced(r->nft) - replaced);
	if (done == BACKEND_DONE && delta && r->nft->live->front.rule.len) {
		r->in_front++;
		r->behind += stand_behind_others(r->nft->live);
		if (r->swap->turns ? !(r->in_front % OFTEN) : r->in_front % 2)
			done = backend_nft_settle(r->nft, &r->policy[by], &diags);
	}
	for (size_t i = 0; i < diags.list.len; i++)
		printf("%s\n", diags.list.at[i].text);
	bool good = (done == BACKEND_DONE || done == BACKEND_SETTLED) && !diags.list.len;
	arena_fini(&arena);
	return good;
}

static cpu_set_t only_cpu(unsigned cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return cpus;
}

// The traffic on the first processor, the replacing on the last.
static void start(struct running *r, pthread_t *sender)
{
	pthread_attr_t attributes;
	cpu_set_t first = only_cpu(0), last = only_cpu((unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1);
	pthread_attr_init(&attributes);
	(void)pthread_attr_setaffinity_np(&attributes, sizeof(first), &first);
	(void)sched_setaffinity(0, sizeof(last), &last);
	if (sem_init(&r->due, 0, 0) || pthread_create(sender, &attributes, run_traffic, r))
		exit(1);
	pthread_attr_destroy(&attributes);
}

static void replace_all(struct running *r, struct test_swap_result *out)
{
	pthread_t sender;
	bool good = replace(r, 1, false);
	start(r, &sender);
	for (unsigned i = 0; i < r->swap->replacements && good; i++) {
		sem_wait(&r->due);
		good = replace(r, i % 2, r->swap->delta);
	}
	r->replaced = true;
	pthread_join(sender, NULL);
	out->replaced = good;
	out->anew = r->anew;
	out->in_front = r->in_front;
	out->behind = r->behind;
}

static void count(const struct running *r, struct test_swap_result *out)
{
	for (size_t i = 0; i < FRAMES; i++) {
		const struct frame *f = &r->frame[i];
		out->sent[f->kind] += f->sent;
		out->arrived[f->kind] += f->arrived;
		if (f->kind == 0 || f->arrived > f->sent)
			out->wrong += f->arrived;
		else if (f->kind == 3)
			out->wrong += f->sent - f->arrived;
	}
}

void test_swap_run(const struct test_swap *swap, struct test_swap_result *out)
{
	struct running *r = base_oom(calloc(1, sizeof(*r)));
	*out = (struct test_swap_result){0};
	*r = (struct running){.swap = swap, .random = {swap->rules + swap->shape.form}};
	arena_init(&r->arena);
	test_net_open(&r->net);
	struct backend_nft_options options = {.shape = swap->shape};
	if (backend_nft_open(&options, &(struct diags){.arena = &r->arena}, &r->nft))
		exit(77);
	for (unsigned i = 0; i < 2; i++)
		r->policy[i].default_action = swap->default_action;
	make_first(r);
	make_second(r);
	r->frame = base_oom(calloc(FRAMES, sizeof(*r->frame)));
	make_frames(r);
	replace_all(r, out);
	count(r, out);
	backend_nft_close(r->nft);
	test_net_close(&r->net);
	arena_fini(&r->arena);
	free(r->frame);
	free(r);
}

bool test_swap_good(const struct test_swap_result *result)
{
	bool good = result->replaced && !result->wrong && result->sent[0] && result->sent[3],
	     met = false;
	for (unsigned kind = 1; kind < 3; kind++) {
		bool both = result->arrived[kind] && result->arrived[kind] < result->sent[kind];
		good &= both || !result->sent[kind];
		met |= both;
	}
	return good && met;
}
