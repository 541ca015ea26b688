// SPDX-License-Identifier: Apache-2.0
// Rules that stand in front of a large tree until they come to their places: whatever order they come and go in, the proof
// finds the policy, and who passes a packet counts it.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_fixture.h"
#include "backend/nft/test_policy.h"
#include "verify/test_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define POLICIES 60u
#define FIREWALLS 20u
#define CHANGES 12u

static const struct backend_nft_options always = {.shape = {.overlay_least = 1, .direct_least = 1}};

static int set_up(void **state)
{
	*state = test_fixture_new(&always);
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

static void apply(struct test_fixture *f)
{
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(backend_nft_settle(f->nft, &f->ruleset, &f->diags), BACKEND_SETTLED);
}

static size_t differences(struct test_fixture *f, bool all)
{
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(
		(all ? backend_nft_compare : backend_nft_compare_changed)(f->nft, &f->ruleset, &d),
		0);
	return d.list.len;
}

static size_t in_front(const struct test_fixture *f)
{
	return f->nft->live ? f->nft->live->piece.list.len : 0;
}

// Whether some rule stands there behind pieces of others.
static bool behind_others(const struct test_fixture *f)
{
	const struct nft_live *live = f->nft->live;
	for (size_t i = 0; live && i < live->front.rule.len; i++)
		if (nft_overlay_helped(&live->tree, &live->piece, live->front.rule.at[i]))
			return true;
	return false;
}

// --- any rules, in any order ---

struct tally {
	unsigned changes, in_front, behind, settled;
};

enum kind { PLAIN, FIREWALL, PACKETS, FLOWS };

// Rules that meet many others.
static void make_firewall(struct test_random *random, struct arena *arena, struct ir_ruleset *out)
{
	const struct test_sets_spec spec = {TEST_SETS_FW, 4, 80 + test_random_below(random, 200),
					    test_random_next(random)};
	test_sets_make(&spec, arena, out);
}

static void make_policy(struct test_fixture *f, struct test_random *random, enum kind kind,
			struct ir_ruleset *out)
{
	if (kind == PLAIN)
		test_policy_plain(random, &f->arena, out);
	else if (kind == FIREWALL)
		make_firewall(random, &f->arena, out);
	else
		test_policy_random(random, &f->arena, kind == FLOWS, time(NULL), out);
}

// A few rules at a random place become others.
static struct backend_edit edit(struct test_fixture *f, struct test_random *random, enum kind kind)
{
	struct ir_ruleset others, out = {.default_action = f->ruleset.default_action};
	struct backend_edit e = {.inserted = test_random_below(random, 3)};
	size_t rules = f->ruleset.rule.len;
	make_policy(f, random, kind, &others);
	e.at = e.to = test_random_below(random, (uint32_t)rules + 1);
	e.removed = test_random_below(random, 3);
	e.removed = e.removed > rules - e.at ? rules - e.at : e.removed;
	e.inserted = e.inserted > others.rule.len ? others.rule.len : e.inserted;
	for (size_t i = 0; i < e.at; i++)
		vec_push(&f->arena, &out.rule, f->ruleset.rule.at[i]);
	for (size_t i = 0; i < e.inserted; i++)
		vec_push(&f->arena, &out.rule, others.rule.at[i]);
	for (size_t i = e.at + e.removed; i < rules; i++)
		vec_push(&f->arena, &out.rule, f->ruleset.rule.at[i]);
	f->ruleset = out;
	return e;
}

// What is read back is the policy's, and all of it can be said in the IR.
static void assert_read_back(struct test_fixture *f)
{
	struct backend_state state;
	assert_int_equal(backend_nft_read_back(f->nft, &f->arena, &state), 0);
	if (state.strange.list.len)
		fail_msg("%s", state.strange.list.at[0].found ? state.strange.list.at[0].found
							      : state.strange.list.at[0].intended);
}

enum { TURN_ANY, TURN_IN_FRONT, TURN_HELPING, TURNINGS };

static bool is_one(const struct nft_live *live, const struct nft_live_rule *rule, unsigned turning)
{
	return rule->forms && (turning == TURN_IN_FRONT
				       ? !live->tree.placed.at[rule->first]
				       : nft_overlay_helps(&live->tree, &live->piece, rule->first));
}

// A rule does the opposite: any, one that stands in front, or one that others stand behind.
static struct backend_edit turn(struct test_fixture *f, struct test_random *random)
{
	const struct nft_live *live = f->nft->live;
	size_t at = test_random_below(random, (uint32_t)f->ruleset.rule.len), i = at;
	unsigned turning = live ? test_random_below(random, TURNINGS) : TURN_ANY;
	while (turning != TURN_ANY && ++i < at + live->rule.len &&
	       !is_one(live, &live->rule.at[i % live->rule.len], turning))
		;
	at = i % f->ruleset.rule.len;
	struct ir_rule *rule = &f->ruleset.rule.at[at];
	rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
	return (struct backend_edit){at, 1, at, 1};
}

static void change(struct test_fixture *f, struct test_random *random, enum kind kind,
		   struct tally *tally)
{
	bool turns = kind == FIREWALL && f->ruleset.rule.len && test_random_below(random, 3);
	struct backend_edit e = turns ? turn(f, random) : edit(f, random, kind);
	int done = backend_nft_change(f->nft, &f->ruleset, &e, 1, &f->diags);
	tally->changes++;
	assert_int_equal(done, BACKEND_DONE);
	tally->in_front += in_front(f) > 0;
	tally->behind += behind_others(f);
	assert_int_equal(differences(f, test_random_below(random, 2)), 0);
	if (test_random_chance(random, 30))
		assert_read_back(f);
	if (test_random_below(random, 4))
		return;
	done = backend_nft_settle(f->nft, &f->ruleset, &f->diags);
	tally->settled += done == BACKEND_DONE;
	assert_true(done == BACKEND_DONE || done == BACKEND_SETTLED);
	assert_int_equal(differences(f, false), 0);
}

static void the_policy_is_found(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct tally tally = {0};
	for (unsigned i = 0; i < POLICIES; i++) {
		f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
		test_policy_plain(&random, &f->arena, &f->ruleset);
		apply(f);
		for (unsigned k = 0; k < CHANGES; k++)
			change(f, &random, PLAIN, &tally);
	}
	size_t replaced = backend_nft_replaced(f->nft);
	printf("%u changes, %zu by replacing all; %u times rules were in front, %u times they came "
	       "to their places\n",
	       tally.changes, replaced, tally.in_front, tally.settled);
	assert_true(tally.in_front > tally.changes / 8 && tally.settled);
	assert_true(replaced < tally.changes / 4);
}

// Rules stand behind pieces of others, which turn and go, too.
static void the_policy_is_found_behind_others(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = test_random_seed(NULL)};
	struct tally tally = {0};
	for (unsigned i = 0; i < FIREWALLS; i++) {
		make_policy(f, &random, FIREWALL, &f->ruleset);
		apply(f);
		for (unsigned k = 0; k < CHANGES; k++)
			change(f, &random, FIREWALL, &tally);
	}
	printf("%u changes, %zu by replacing all; %u times rules were in front, %u times behind "
	       "others\n",
	       tally.changes, backend_nft_replaced(f->nft), tally.in_front, tally.behind);
	assert_true(tally.behind > tally.changes / 32);
}

// Of all kinds, in all shapes. The kernel rules of a clause in a flow's two directions come and go each by itself.
static void change_policies(struct test_fixture *f, struct test_random random, unsigned policies)
{
	struct tally tally = {0};
	for (unsigned i = 0; i < policies; i++) {
		enum kind kind = i % 3 ? FLOWS : PACKETS;
		f->nft->options.shape = test_shape_random(&random);
		make_policy(f, &random, kind, &f->ruleset);
		assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
		for (unsigned k = 0; k < CHANGES; k++)
			change(f, &random, kind, &tally);
	}
	printf("%u changes, %zu by replacing all\n", tally.changes, backend_nft_replaced(f->nft));
}

// With 703, a rule turned in one chain that tested more in another: a set was left behind.
static void whatever_is_changed_is_read_back(void **state)
{
	change_policies(*state, (struct test_random){.state = 703}, POLICIES / 3);
	change_policies(*state, (struct test_random){.state = test_random_seed(NULL)}, POLICIES);
}

// --- rules one by one ---

static void insert(struct test_fixture *f, size_t at, struct ir_rule rule)
{
	test_fixture_insert(f, at, rule, 1);
	assert_int_equal(differences(f, false), 0);
}

static void take_out(struct test_fixture *f, size_t at)
{
	test_fixture_take_out(f, at);
	assert_int_equal(differences(f, false), 0);
}

static void assert_counted(struct test_fixture *f, const uint64_t *packets)
{
	struct backend_counters counters;
	assert_int_equal(backend_nft_counters(f->nft, &f->ruleset, &f->arena, &counters), 0);
	for (size_t i = 0; i < f->ruleset.rule.len; i++)
		assert_int_equal(i < counters.rules ? counters.rule[i].packets : 0, packets[i]);
}

static void settle(struct test_fixture *f)
{
	assert_int_equal(backend_nft_settle(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_int_equal(in_front(f), 0);
	assert_int_equal(differences(f, true), 0);
}

static void start(struct test_fixture *f)
{
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	vec_push(&f->arena, &f->ruleset.rule, test_fixture_rule(f, IR_PASS, 1, 9));
	apply(f);
}

// It has no kernel rules, so none of them tells where others stand before and behind it.
static void a_rule_without_packets_keeps_its_place(void **state)
{
	struct test_fixture *f = *state;
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	vec_push(&f->arena, &f->ruleset.rule,
		 ((struct ir_rule){.policy = "p", .name = "none", .verdict = IR_PASS}));
	apply(f);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	settle(f);
	test_fixture_insert(f, 2, test_fixture_rule(f, IR_PASS, 2, 5), 2);
	settle(f);
}

// What a rule counts in front it has counted at its place, too; and what another one has counted behind it.
static void counts_go_on(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	assert_int_equal(in_front(f), 2);                  // of both versions of IP
	insert(f, 1, test_fixture_rule(f, IR_PASS, 2, 5)); // without the ports of the one before
	assert_int_equal(in_front(f), 4);
	test_fixture_send(f, 3, 2);
	test_fixture_send(f, 4, 3);
	test_fixture_send(f, 7, 4);
	assert_counted(f, (uint64_t[]){2, 3, 4});
	settle(f);
	test_fixture_send(f, 3, 1);
	assert_counted(f, (uint64_t[]){3, 3, 4});
	insert(f, 0, test_fixture_rule(f, IR_DROP, 4, 4));
	test_fixture_send(f, 4, 1);
	test_fixture_send(f, 5, 1);
	assert_counted(f, (uint64_t[]){1, 3, 4, 4});
	take_out(f, 0);
	assert_int_equal(in_front(f), 0);
	test_fixture_send(f, 4, 1);
	assert_counted(f, (uint64_t[]){3, 5, 4});
	assert_int_equal(backend_nft_replaced(f->nft), 0);
}

// Fragments behind the first, which have no ports.
static void send_fragments(struct test_fixture *f, unsigned packets)
{
	const struct test_packet p = {.id = 1,
				      .version = 4,
				      .src = 0x20000001,
				      .dst = 0x80000001,
				      .proto = 17,
				      .fragment = 100,
				      .payload = 8,
				      .ttl = 64};
	test_fixture_send_of(f, p, packets);
}

static struct ir_rule rule_without_ports(struct test_fixture *f, enum ir_verdict verdict)
{
	struct ir_rule rule = test_fixture_rule(f, verdict, 0, 65535);
	rule.clause = arena_new(&f->arena, struct ir_clause);
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
				     algebra_set_one(&f->arena, 17, 17)));
	return rule;
}

// A rule without ports behind one with ports stands in front for packets with a header and for those without.
static void packets_without_a_header_are_found(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	insert(f, 1, rule_without_ports(f, IR_DROP));
	assert_int_equal(in_front(f), 2 + 2 * 3); // of both versions: less ports, more ports, none
	assert_int_equal(differences(f, true), 0);
	send_fragments(f, 5);
	test_fixture_send(f, 3, 2);
	test_fixture_send(f, 4, 3);
	assert_counted(f, (uint64_t[]){2, 8, 0});
	settle(f);
	send_fragments(f, 1);
	assert_counted(f, (uint64_t[]){2, 9, 0});
	assert_int_equal(backend_nft_replaced(f->nft), 0);
}

#define OTHERS 12u

// Rules that leave of a later one so much that it cannot stand apart from them.
static void start_with_others(struct test_fixture *f)
{
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	for (unsigned i = 0; i < OTHERS; i++) {
		struct ir_rule rule =
			test_fixture_rule(f, i % 2 ? IR_PASS : IR_DROP, i * 3, i * 3 + 1);
		assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_SPORT,
					     algebra_set_one(&f->arena, 900 + i, 1100 - i)));
		vec_push(&f->arena, &f->ruleset.rule, rule);
	}
	apply(f);
}

// Pieces of an earlier rule in front count for it, and do so no more when it turns, or the later rule goes.
static void others_decide_in_front_of_a_rule(void **state)
{
	struct test_fixture *f = *state;
	start_with_others(f);
	insert(f, OTHERS, rule_without_ports(f, IR_PASS));
	assert_true(behind_others(f));
	assert_int_equal(in_front(f), 2 * (OTHERS + 2));
	assert_int_equal(differences(f, true), 0);
	test_fixture_send(f, 4, 3);
	test_fixture_send(f, 5, 2);
	send_fragments(f, 1);
	assert_counted(f, (uint64_t[OTHERS + 1]){[1] = 3, [OTHERS] = 3});
	assert_true(test_fixture_turn(f, 1));
	assert_int_equal(in_front(f), 0);
	assert_int_equal(differences(f, true), 0);
	test_fixture_send(f, 4, 1);
	assert_counted(f, (uint64_t[OTHERS + 1]){[1] = 1, [OTHERS] = 3});
	assert_true(test_fixture_turn(f, OTHERS));
	assert_true(behind_others(f));
	test_fixture_send(f, 4, 1);
	assert_counted(f, (uint64_t[OTHERS + 1]){[1] = 2});
	take_out(f, OTHERS);
	assert_int_equal(in_front(f), 0);
	test_fixture_send(f, 4, 1);
	assert_counted(f, (uint64_t[OTHERS]){[1] = 3});
	assert_int_equal(backend_nft_replaced(f->nft), 0);
}

// A rule that stands in front turns there, apart or behind others, while there are lanes behind its own; then all come to
// their places. What the others have counted goes on.
static void turn_in_front(struct test_fixture *f, size_t at, size_t pieces)
{
	for (unsigned i = 0; i < NFT_OVERLAY_LANES; i++) {
		uint64_t counted[OTHERS + 1] = {[1] = i + 1, [OTHERS] = 1};
		assert_int_equal(in_front(f), pieces);
		assert_int_equal(differences(f, i % 2), 0);
		test_fixture_send(f, 4, 1);
		test_fixture_send(f, 8, 1);
		assert_counted(f, counted);
		assert_true(test_fixture_turn(f, at));
	}
	assert_int_equal(in_front(f), 0);
	assert_int_equal(differences(f, true), 0);
	test_fixture_send(f, 8, 1);
	assert_counted(f, (uint64_t[OTHERS + 1]){[1] = NFT_OVERLAY_LANES, [OTHERS] = 1});
	assert_int_equal(backend_nft_replaced(f->nft), 0);
}

static void a_rule_in_front_turns_there(void **state)
{
	struct test_fixture *f = *state;
	start_with_others(f);
	insert(f, OTHERS, test_fixture_rule(f, IR_DROP, 8, 8));
	assert_false(behind_others(f));
	turn_in_front(f, OTHERS, 2); // of both versions
}

static void a_rule_behind_others_turns_there(void **state)
{
	struct test_fixture *f = *state;
	start_with_others(f);
	insert(f, OTHERS, rule_without_ports(f, IR_PASS));
	assert_true(behind_others(f));
	turn_in_front(f, OTHERS, 2 * (OTHERS + 2));
}

// One that comes between them has packets of both: all come to their places.
static void a_rule_between_sends_all_to_their_places(void **state)
{
	struct test_fixture *f = *state;
	start_with_others(f);
	insert(f, OTHERS, rule_without_ports(f, IR_PASS));
	assert_true(behind_others(f));
	insert(f, 3, test_fixture_rule(f, IR_DROP, 4, 5));
	assert_int_equal(in_front(f), 0);
	assert_int_equal(differences(f, true), 0);
	assert_int_equal(backend_nft_replaced(f->nft), 0);
}

// A rule in front was cut because of one that goes: then it has its place, with all of its packets.
static void what_was_cut_comes_back(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	insert(f, 1, test_fixture_rule(f, IR_PASS, 2, 5));
	take_out(f, 0);
	assert_int_equal(in_front(f), 0);
	test_fixture_send(f, 3, 2);
	assert_counted(f, (uint64_t[]){2, 0});
}

static void logs_and_rejects_take_the_other_way(void **state)
{
	struct test_fixture *f = *state;
	struct ir_rule logged = test_fixture_rule(f, IR_DROP, 1, 3);
	logged.log = IR_LOG_RULE;
	start(f);
	insert(f, 0, logged);
	insert(f, 0, test_fixture_rule(f, IR_REJECT, 2, 2));
	assert_int_equal(in_front(f), 0);
	insert(f, 0, test_fixture_rule(f, IR_PASS, 1, 1));
	assert_int_equal(in_front(f), 2);
	insert(f, 2,
	       test_fixture_rule(f, IR_PASS, 2,
				 9)); // behind one that logs, which does not let it go on
	assert_int_equal(in_front(f), 4);
	assert_int_equal(differences(f, true), 0);
}

// --- the guard before the maps ---

// Which versions of IP it lets come to them.
static void assert_guard(struct test_fixture *f, bool v4, bool v6)
{
	struct nft_table table;
	bool is4 = false, is6 = false;
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	const char *name = arena_printf(&f->arena, "g%u" NFT_OVERLAY_GUARD, table.generation);
	const struct nft_dumped_set *set = map_get(&table.set_by_name, name);
	assert_non_null(set);
	for (size_t i = 0; i < set->element.len; i++) {
		is4 |= set->element.at[i].key == NFT_VERSION_4;
		is6 |= set->element.at[i].key == NFT_VERSION_6;
	}
	assert_int_equal(is4, v4);
	assert_int_equal(is6, v6);
	assert_int_equal(set->element.len, (size_t)v4 + v6);
}

static struct ir_rule rule_of_ipv6(struct test_fixture *f, u128 lo, u128 hi)
{
	struct ir_rule rule = test_fixture_rule(f, IR_DROP, lo, hi);
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_FAMILY,
				     algebra_set_one(&f->arena, 6, 6)));
	return rule;
}

// Packets pay for the maps only while something of their version stands in them.
static void the_guard_opens_and_shuts(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	assert_guard(f, false, false);
	insert(f, 0, rule_of_ipv6(f, 1, 3));
	assert_guard(f, false, true);
	insert(f, 1, test_fixture_rule(f, IR_DROP, 5, 6));
	assert_guard(f, true, true);
	take_out(f, 1);
	assert_guard(f, false, true);
	settle(f);
	assert_guard(f, false, false);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 7, 7));
	assert_guard(f, true, true);
	take_out(f, 0);
	assert_guard(f, false, false);
	assert_int_equal(differences(f, true), 0);
	assert_int_equal(backend_nft_replaced(f->nft), 0);
}

// --- what others do to the maps, and what is left when an agent dies ---

static void nft(struct test_fixture *f, const char *command)
{
	if (test_nft(command))
		fail_msg("nft does not take %s", command);
	assert_true(differences(f, true) > 0);
	apply(f);
	assert_int_equal(differences(f, true), 0);
	assert_guard(f, false, false);
}

static void others_at_the_guard_are_noticed(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	nft(f, "add element inet bulwark g1-guard { ipv4 }");
	nft(f, "add element inet bulwark g2-guard { 1 }");
	insert(f, 0, rule_of_ipv6(f, 1, 3));
	nft(f, "add element inet bulwark g3-guard { ipv4 }");
	insert(f, 0, rule_of_ipv6(f, 1, 3));
	nft(f, "delete element inet bulwark g4-guard { ipv6 }");
	insert(f, 0, rule_of_ipv6(f, 1, 3));
	nft(f, "flush chain inet bulwark g5-n0");
	nft(f, "insert rule inet bulwark g6-n0 accept");
}

// What has a tag of ours but stands where no packet comes would be in force when we open the guard.
static void others_behind_a_shut_guard_are_noticed(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	nft(f, "flush set inet bulwark g1-guard");
	insert(f, 0, rule_of_ipv6(f, 1, 3));
	nft(f, "add element inet bulwark g2-o2.1 { 10.0.0.1 . 10.0.0.2 . tcp : accept }");
}

static void reopen(struct test_fixture *f)
{
	backend_nft_close(f->nft);
	assert_int_equal(backend_nft_open(&always, &f->diags, &f->nft), 0);
}

// The agent dies behind each step of a change: the policy in force is the old one or the new one, and is said to be.
static void a_crash_leaves_one_of_the_policies(void **state)
{
	struct test_fixture *f = *state;
	struct ir_rule rule = test_fixture_rule(f, IR_DROP, 1, 3);
	start(f);
	struct ir_ruleset old = f->ruleset, new;
	rule.name = "new"; // who it is, the next agent knows by its name
	insert(f, 0, rule);
	new = f->ruleset;
	reopen(f); // rules are in front, nothing had to go
	assert_int_equal(differences(f, true), 0);
	f->ruleset = old;
	assert_true(differences(f, true) > 0);
	f->ruleset = new;
	apply(f);
	assert_guard(f, false, false);
	insert(f, 0, test_fixture_rule(f, IR_DROP, 4, 4));
	settle(f);
	nft(f, "add element inet bulwark g2-guard { ipv4, ipv6 }"); // it was still open
}

static void others_are_noticed(void **state)
{
	struct test_fixture *f = *state;
	start(f);
	nft(f, "add element inet bulwark g1-o2.1 { 10.0.0.1 . 10.0.0.2 . tcp : accept }");
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	nft(f, "flush map inet bulwark g2-o1.1");
	insert(f, 0, test_fixture_rule(f, IR_DROP, 1, 3));
	nft(f,
	    "delete element inet bulwark g3-o1.1 { 0.0.0.0/0 . 0.0.0.0/0 . 0-65535 . 1-3 . udp }\n"
	    "add element inet bulwark g3-o1.1 { 0.0.0.0/0 . 0.0.0.0/0 . 0-65535 . 1-3 . udp : drop "
	    "}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_without_packets_keeps_its_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(counts_go_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(packets_without_a_header_are_found, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(others_decide_in_front_of_a_rule, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_rule_in_front_turns_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rule_behind_others_turns_there, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_rule_between_sends_all_to_their_places, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_was_cut_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(logs_and_rejects_take_the_other_way, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_guard_opens_and_shuts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_at_the_guard_are_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_behind_a_shut_guard_are_noticed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_crash_leaves_one_of_the_policies, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(whatever_is_changed_is_read_back, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_policy_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_policy_is_found_behind_others, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
