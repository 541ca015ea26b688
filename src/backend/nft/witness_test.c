// SPDX-License-Identifier: Apache-2.0
// In trees with gates, too, what somebody changes is told with a packet that shows it: nearly always when one of many
// packets by chance tells. And what is not sure is never guessed.
#include "backend/nft/compile.h"
#include "backend/nft/differ.h"
#include "backend/nft/test_change.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/test_walk.h"
#include "backend/nft/witness.h"
#include "base/diag.h"
#include "ir/turn.h"
#include "verify/test_sets.h"

#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW 1800000000
#define PACKETS 400
#define RULES 400
#define PLACES 12
#define POLICIES 2400
#define SHARE 80 // of a hundred changes that some packet tells, so many are shown at least

struct world {
	struct arena arena;
	struct test_random *random;
	bool tracked;
	struct ir_ruleset ruleset;
	struct nft_program list, tree;
	struct backend_differences differences;
};

static void begin(struct world *w, struct test_random *random)
{
	*w = (struct world){.random = random, .differences = {.arena = &w->arena}};
	arena_init(&w->arena);
	nft_program_init(&w->list, &w->arena);
	nft_program_init(&w->tree, &w->arena);
}

static void compile(struct world *w, const struct backend_nft_shape *shape)
{
	const struct backend_nft_options options = {.shape = *shape};
	nft_compile(&w->ruleset, NULL, &w->list);
	nft_compile_shaped(&w->ruleset, &options, &w->tree);
}

static void end(struct world *w)
{
	arena_fini(&w->arena);
}

// --- what is so ---

// What begins a flow, belongs to one, or to none. What cannot begin a flow is in none.
static void some_packet(struct world *w, struct ir_packet *out, struct ir_packet *first)
{
	struct test_packet p;
	unsigned state = test_random_below(w->random, 4);
	do
		test_packet_random(w->random, &w->ruleset, w->tracked, &p);
	while (w->tracked &&
	       ((p.proto == 6 && p.tcp_flags != 2) || (p.proto == 132 && p.chunk != 1)));
	test_packet_dims(&p, out);
	test_packet_tuple(out, first);
	out->time = NOW;
	ir_packet_set(out, IR_STATE, IR_STATE_INVALID);
	if (state == 3 || (w->tracked && (p.proto == 1 || p.proto == 58)))
		return;
	out->flow = first;
	out->reply = state == 2;
	ir_packet_set(out, IR_STATE, state ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	if (out->reply)
		ir_packet_turn(out, first);
}

static bool fares_otherwise(struct world *w)
{
	for (size_t i = 0; i < PACKETS; i++) {
		struct ir_packet packet, first;
		struct ir_outcome meant;
		const char *lost;
		some_packet(w, &packet, &first);
		enum ir_verdict is = test_program_verdict(&w->tree, &packet, &w->arena, &lost);
		ir_eval(&w->ruleset, &packet, &w->arena, &meant);
		if (meant.verdict == IR_RATE_LIMIT)
			meant.verdict = IR_PASS;
		if (!lost && is != meant.verdict)
			return true;
	}
	return false;
}

// --- what is told ---

struct tally {
	size_t differences, witnesses; // of changes, one or more
	size_t otherwise, shown;       // changes: some packet fares otherwise; and one is shown
	double most;                   // milliseconds
};

static double milliseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

// The engine, which is asked when the change has taken the last gate, tells a limit from none also by packets within it.
static bool tells_limits(const struct world *w)
{
	bool rate = false;
	for (size_t i = 0; i < w->ruleset.rule.len; i++)
		rate |= ir_rule_has_rate(&w->ruleset.rule.at[i]);
	return rate && !test_has_gate(&w->tree);
}

static void tell(struct world *w, const char *what, struct tally *tally)
{
	size_t witnesses = 0;
	double from = milliseconds();
	assert_int_equal(nft_differ(&w->ruleset, NULL, &w->tree, "g1", NULL, &w->differences), 0);
	double took = milliseconds() - from;
	for (size_t i = 0; i < w->differences.list.len; i++) {
		const char *witness = w->differences.list.at[i].witness;
		const char *fault =
			witness ? test_witness_fault(&w->ruleset, &w->tree, witness, &w->arena)
				: NULL;
		if (fault && !tells_limits(w))
			fail_msg("%s: %s: %s", what, witness, fault);
		witnesses += witness != NULL;
	}
	bool otherwise = fares_otherwise(w);
	if (otherwise && !w->differences.list.len)
		fail_msg("%s is not told", what);
	tally->differences += w->differences.list.len;
	tally->witnesses += witnesses;
	tally->otherwise += otherwise;
	tally->shown += otherwise && witnesses;
	tally->most = took > tally->most ? took : tally->most;
}

static void print(const char *what, const struct tally *tally)
{
	print_message("%s: of %zu that packets tell %zu are shown; %zu differences, %zu witnesses, "
		      "%.1f ms at most\n",
		      what, tally->otherwise, tally->shown, tally->differences, tally->witnesses,
		      tally->most);
}

static void change_places(const struct test_gate_change *change, int family)
{
	struct test_random random = {.state = 7};
	struct tally tally = {0};
	for (size_t n = 0; n < PLACES; n++) {
		struct world w;
		const struct test_sets_spec spec = {
			.kind = TEST_SETS_FW, .family = family, .rules = RULES, .seed = 5};
		begin(&w, &random);
		test_sets_make(&spec, &w.arena, &w.ruleset);
		compile(&w, &(struct backend_nft_shape){.form = BACKEND_NFT_MIXED});
		assert_true(test_has_gate(&w.tree));
		if (change->change(&w.arena, &w.tree, n))
			tell(&w, change->name, &tally);
		end(&w);
	}
	print(change->name, &tally);
	assert_true(tally.witnesses);
	assert_int_equal(tally.shown, tally.otherwise);
}

static void every_kind_of_change_is_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < TEST_GATE_CHANGES; i++)
		for (int family = 4; family <= 6; family += 2)
			change_places(&test_gate_change[i], family);
}

static void changes_by_chance_are_shown(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct tally tally = {0};
	size_t gated = 0;
	for (unsigned i = 0; i < POLICIES; i++) {
		struct world w;
		begin(&w, &random);
		w.tracked = test_random_chance(&random, 70);
		test_policy_hosts(&random, &w.arena, w.tracked, NOW, &w.ruleset);
		compile(&w, &(struct backend_nft_shape){
				    .form = BACKEND_NFT_MIXED,
				    .sorted_least = 4,
				    .leaf_most = 1u << test_random_below(&random, 4)});
		if (test_has_gate(&w.tree)) {
			test_program_change(&random, &w.arena, &w.tree);
			tell(&w, "a change by chance", &tally);
			gated++;
		}
		end(&w);
	}
	print("changes by chance", &tally);
	assert_true(gated > POLICIES / 8 && tally.otherwise > POLICIES / 80);
	assert_true(tally.shown * 100 >= tally.otherwise * SHARE);
}

// --- packets of an area ---

static void assert_in_area(const struct nft_area *area, const struct ir_packet *packet,
			   struct arena *arena)
{
	struct nft_point point;
	nft_point_of(packet, arena, &point);
	for (enum nft_field f = 0; f < NFT_FIELDS; f++) {
		if (!(area->has >> f & 1) || f == F_HEADER)
			continue;
		if (!nft_point_has(&point, f) || !algebra_set_has(area->set[f], point.value[f]))
			fail_msg("%s is not in the area", nft_field_info[f].text);
	}
}

// Of most rules there are packets, and they are the rule's.
static void packets_are_of_their_area(void **state)
{
	(void)state;
	struct test_random random = {.state = test_random_seed(NULL)};
	size_t made = 0, rules = 0;
	for (unsigned i = 0; i < 400; i++) {
		struct world w;
		begin(&w, &random);
		w.tracked = test_random_chance(&random, 70);
		test_policy_random(&random, &w.arena, w.tracked, NOW, &w.ruleset);
		nft_compile(&w.ruleset, NULL, &w.list);
		struct nft_some some = {
			.arena = &w.arena, .chance = 1, .tracked = w.tracked, .now = NOW};
		const struct nft_chain *list = nft_program_find(&w.list, "");
		for (size_t k = 0; k < list->rule.len; k++, rules++) {
			struct nft_area area;
			struct ir_packet packet;
			nft_area_of(&list->rule.at[k], &w.arena, &area);
			if (!nft_some_packet(&some, &area, &packet))
				continue;
			assert_in_area(&area, &packet, &w.arena);
			made++;
		}
		end(&w);
	}
	print_message("packets of %zu of %zu rules\n", made, rules);
	assert_true(made * 2 > rules);
}

// --- what is not sure ---

static struct nft_form asking(struct world *w, enum nft_field field, u128 lo, u128 hi)
{
	struct nft_form form = {.act = ACT_DROP};
	nft_form_match(&form, &w->arena, field, algebra_set_one(&w->arena, lo, hi));
	return form;
}

static bool sure(struct world *w, const char *packet, struct nft_form form)
{
	struct ir_packet read;
	struct diags diags;
	const char *lost;
	struct nft_chain *chain = nft_program_find(&w->tree, "");
	diags_init(&diags, &w->arena);
	chain->rule.len = 0;
	vec_push(&w->arena, &chain->rule, form);
	assert_true(ir_packet_parse(packet, NOW, &w->arena, &diags, &read));
	(void)test_program_verdict(&w->tree, &read, &w->arena, &lost);
	return !lost;
}

static void nothing_is_guessed(void **state)
{
	(void)state;
	static const char tcp[] = "src=192.0.2.1,dst=192.0.2.2,proto=tcp,sport=1,dport=2",
			  ping[] = "src=192.0.2.1,dst=192.0.2.2,icmp-type=8",
			  later[] = "src=192.0.2.1,dst=192.0.2.2,proto=tcp,fragment-offset=9";
	struct world w;
	begin(&w, NULL);
	nft_program_chain(&w.tree, "")->name = "";
	struct nft_form strange = {.act = ACT_DROP, .strange = "unknown"},
			set = {.act = ACT_DROP, .named_set = "s"},
			missing = {.act = ACT_JUMP, .chain = "-n9"},
			bytes = {.act = ACT_DROP, .limited = true},
			whole = asking(&w, F_HEADER, 0, algebra_max(24));
	bytes.limit = (struct nft_limit){.rate = 1, .unit = 1, .bytes = true};
	assert_false(sure(&w, tcp, strange));
	assert_false(sure(&w, tcp, set));
	assert_false(sure(&w, tcp, missing));
	assert_false(sure(&w, tcp, bytes));
	bytes.limit.burst = 65535;
	assert_true(sure(&w, tcp, bytes));
	assert_true(sure(&w, tcp, asking(&w, F_DPORT, 2, 2)));
	assert_true(sure(&w, ping, asking(&w, F_DPORT, 2, 2))); // has none
	assert_false(sure(&w, later, asking(&w, F_DPORT, 2, 2)));
	assert_true(sure(&w, later, whole));
	assert_true(sure(&w, ping, whole));
	assert_true(sure(&w, tcp, asking(&w, F_HEADER, 0x10002, 0x10002)));
	assert_false(sure(&w, ping, asking(&w, F_HEADER, 1, 2)));
	assert_false(sure(&w, tcp, asking(&w, F_TTL4, 1, 2))); // is not said
	assert_true(sure(&w, tcp, asking(&w, F_TTL6, 1, 2)));
	end(&w);
}

// What a rule does that nobody understands, nobody knows of any packet that comes to it.
static void a_strange_rule_leaves_no_witness(void **state)
{
	(void)state;
	struct world w;
	const struct test_sets_spec spec = {
		.kind = TEST_SETS_FW, .family = 4, .rules = RULES, .seed = 5};
	begin(&w, NULL);
	test_sets_make(&spec, &w.arena, &w.ruleset);
	compile(&w, &(struct backend_nft_shape){.form = BACKEND_NFT_MIXED});
	assert_true(test_gate_change[1].change(&w.arena, &w.tree, 0));
	test_chain_insert(&w.arena, nft_program_find(&w.tree, ""), 0,
			  (struct nft_form){.act = ACT_CONTINUE, .strange = "unknown"});
	assert_int_equal(nft_differ(&w.ruleset, NULL, &w.tree, "g1", NULL, &w.differences), 0);
	assert_true(w.differences.list.len > 1);
	for (size_t i = 0; i < w.differences.list.len; i++)
		assert_null(w.differences.list.at[i].witness);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_change_is_shown),
		cmocka_unit_test(changes_by_chance_are_shown),
		cmocka_unit_test(packets_are_of_their_area),
		cmocka_unit_test(nothing_is_guessed),
		cmocka_unit_test(a_strange_rule_leaves_no_witness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
