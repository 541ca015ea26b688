// SPDX-License-Identifier: Apache-2.0
// Packets that end before their transport header does, as whole packets and as first fragments (RFC 1858): they have only
// the fields that are there, and fare so in every form of the rules.
#include "backend/nft/open.h"
#include "backend/nft/test_oracle.h"
#include "backend/nft/test_policy.h"
#include "base/buf.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define POLICIES 100u
#define PACKETS 60u
#define LEFT_MOST 24u

struct shorts {
	struct test_oracle oracle;
	struct test_random random;
	struct test_packet packet[PACKETS]; // its number is in its IP header
	bool arrived[PACKETS];
	bool tracked; // by connections: such packets are invalid there
	size_t passed, dropped;
};

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct shorts *s = context;
	uint8_t meant[TEST_FRAME_MOST];
	bool four = frame[12] == 8;
	size_t number =
		four ? (size_t)frame[18] << 8 | frame[19] : (size_t)frame[16] << 8 | frame[17];
	if (len < 14 + 20 || number >= PACKETS)
		return;
	size_t sent = test_packet_frame(&s->packet[number], meant), from = four ? 26 : 22;
	if (len == sent && s->packet[number].from_b == (at == SIDE_A) &&
	    !memcmp(frame + from, meant + from, len - from))
		s->arrived[number] = true;
}

// Behind which connection tracking looks.
static unsigned least(uint8_t protocol)
{
	switch (protocol) {
	case 6:
		return 20;
	case 132:
		return 12;
	case 1:
	case 17:
	case 58:
		return 8;
	default:
		return 0; // it knows nothing of the header
	}
}

// Most end about where the ports do.
static void make_packet(struct shorts *s, const struct ir_ruleset *ruleset, unsigned number)
{
	struct test_packet *p = &s->packet[number];
	do
		test_packet_random(&s->random, ruleset, s->tracked, p);
	while (s->tracked && !least(p->proto));
	p->fragment = 0;
	p->ip_id = (uint16_t)number;
	p->flow_label = number;
	p->cut = true;
	p->left = (uint8_t)test_random_below(
		&s->random, test_random_chance(&s->random, 70) ? 6 : LEFT_MOST + 1);
	if (s->tracked && p->left >= least(p->proto))
		p->left = (uint8_t)(least(p->proto) - 1);
	p->ip_flags &= 6;
	if (p->left % 8 == 0 && p->left && !s->tracked) // more fragments follow
		p->ip_flags |= (uint8_t)test_random_below(&s->random, 2);
}

static bool judge(struct shorts *s, const struct ir_ruleset *ruleset, unsigned number)
{
	struct arena arena;
	struct ir_packet dims;
	struct ir_outcome outcome;
	arena_init(&arena);
	test_packet_dims(&s->packet[number], &dims);
	dims.time = time(NULL);
	if (s->tracked)
		ir_packet_set(&dims, IR_STATE, IR_STATE_INVALID);
	ir_eval(ruleset, &dims, &arena, &outcome);
	arena_fini(&arena);
	return ir_verdict_passes(outcome.verdict);
}

static void print(const struct shorts *s, const struct ir_ruleset *ruleset, unsigned number)
{
	struct buf text;
	buf_init(&text);
	test_packet_print(&s->packet[number], &text);
	buf_printf(&text, "\n%u bytes behind the IP header; the kernel %s it\n",
		   s->packet[number].left, s->arrived[number] ? "passes" : "does not pass");
	test_ruleset_print(ruleset, "ruleset", &text);
	puts(text.data);
	buf_fini(&text);
}

// False: links lost frames.
static bool send_all(struct shorts *s)
{
	memset(s->arrived, 0, sizeof(s->arrived));
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t frame[TEST_FRAME_MOST];
		size_t len = test_packet_frame(&s->packet[i], frame);
		test_net_send(s->oracle.net, s->packet[i].from_b ? SIDE_B : SIDE_A, frame, len);
	}
	return test_net_try_collect(s->oracle.net, take, s);
}

static bool run(struct shorts *s, const struct ir_ruleset *ruleset)
{
	for (unsigned i = 0; i < PACKETS; i++)
		make_packet(s, ruleset, i);
	if (!send_all(s) && !send_all(s)) {
		puts(TEST_NET_LOST);
		return false;
	}
	for (unsigned i = 0; i < PACKETS; i++) {
		bool passes = judge(s, ruleset, i);
		s->passed += passes;
		s->dropped += !passes;
		if (s->arrived[i] == passes)
			continue;
		print(s, ruleset, i);
		return false;
	}
	return true;
}

// short_test [SEED]
int main(int argc, char **argv)
{
	static struct shorts s;
	bool good = true;
	s.random.state = test_random_seed(argc > 1 ? argv[1] : NULL);
	test_oracle_open(&s.oracle);
	for (unsigned i = 0; i < POLICIES && good; i++) {
		struct arena arena;
		struct ir_ruleset ruleset;
		arena_init(&arena);
		s.tracked = i % 4 == 3;
		if (i % 3 == 0)
			test_policy_plain(&s.random, &arena, &ruleset);
		else if (i % 3 == 1)
			test_policy_about_one(&s.random, &arena, s.tracked, time(NULL), &ruleset);
		else
			test_policy_random(&s.random, &arena, s.tracked, time(NULL), &ruleset);
		test_oracle_enter(&s.oracle, s.tracked);
		s.oracle.nft->options.shape = test_shape_random(&s.random);
		good = test_oracle_deploy(&s.oracle, &ruleset, s.tracked);
		if (!good)
			puts(s.oracle.fault);
		good = good && run(&s, &ruleset);
		arena_fini(&arena);
	}
	test_oracle_close(&s.oracle);
	printf("%zu short packets passed, %zu did not\n", s.passed, s.dropped);
	return good && s.passed && s.dropped ? 0 : 1;
}
