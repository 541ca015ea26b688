// SPDX-License-Identifier: Apache-2.0
// One ruleset asked often: who decides, and what edits do, against the full comparison and against all packets there are.
#include "verify/test_hand.h"
#include "verify/test_sets.h"
#include "verify/test.h"

#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 80, RULES = 300, EDITS = 40 };
#else
enum { CASES = 600, RULES = 1000, EDITS = 150 };
#endif

struct fixture {
	struct arena arena;
	struct ir_ruleset set;
	struct verify_options options;
	struct verify_prepared *prepared;
	struct verify_comparison is;
};

static void begin(struct fixture *f, const char *rules)
{
	arena_init(&f->arena);
	f->set = test_rules(rules, IR_DROP, &f->arena);
	f->options = test_options();
	f->prepared = verify_prepare(&f->set, &f->options);
	assert_non_null(f->prepared);
}

static void end(struct fixture *f)
{
	verify_prepared_free(f->prepared);
	arena_fini(&f->arena);
}

static void edit(struct fixture *f, const struct verify_edit *edits, size_t n)
{
	verify_what_if(f->prepared, edits, n, 10, &f->arena, &f->is);
	assert_int_equal(f->is.status, VERIFY_DONE);
}

static const char *const RULES_BY_HAND = "action=pass,name=a,src=10.0.0.0/8,dport=22\n"
					 "action=drop,name=b,dport=22\n"
					 "action=pass,name=c,dport=1-100";

static void nothing_changes_nothing(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, RULES_BY_HAND);
	edit(&f, NULL, 0);
	assert_true(f.is.equal);
	struct ir_rule covered = test_rule("action=drop,dport=22,src=11.0.0.0/8", &f.arena);
	edit(&f, &(struct verify_edit){2, 0, &covered, 1}, 1);
	assert_true(f.is.equal);
	edit(&f, &(struct verify_edit){1, 1, &f.set.rule.at[1], 1}, 1);
	assert_true(f.is.equal);
	end(&f);
}

static void a_rule_goes(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, RULES_BY_HAND);
	edit(&f, &(struct verify_edit){1, 1, NULL, 0}, 1);
	assert_int_equal(f.is.differences, 1);
	assert_ptr_equal(f.is.difference.at[0].rule_a, &f.set.rule.at[1]);
	assert_ptr_equal(f.is.difference.at[0].rule_b, &f.set.rule.at[2]);
	edit(&f, &(struct verify_edit){0, 3, NULL, 0}, 1);
	assert_int_equal(f.is.differences, 2);
	for (size_t i = 0; i < f.is.difference.len; i++)
		assert_null(f.is.difference.at[i].rule_b);
	end(&f);
}

// Its ends are no ends of the rules that are there.
static void a_rule_comes(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, RULES_BY_HAND);
	struct ir_rule rule = test_rule(
		"action=pass,name=new,src=11.1.2.0/24,dst=192.0.2.1,dport=20-30", &f.arena);
	edit(&f, &(struct verify_edit){1, 0, &rule, 1}, 1);
	assert_int_equal(f.is.differences, 1);
	assert_int_equal(f.is.difference.len, 1);
	const struct verify_difference *d = &f.is.difference.at[0];
	assert_ptr_equal(d->rule_a, &f.set.rule.at[1]);
	assert_ptr_equal(d->rule_b, &rule);
	assert_true(d->exact);
	assert_string_equal(test_words(&d->region, &f.arena),
			    "from 11.1.2.0/24 to 192.0.2.1 dport 22");
	edit(&f, &(struct verify_edit){3, 0, &rule, 1}, 1);
	assert_true(f.is.equal);
	end(&f);
}

static void a_rule_moves(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, RULES_BY_HAND);
	const struct verify_edit up[] = {{0, 0, &f.set.rule.at[1], 1}, {1, 1, NULL, 0}};
	edit(&f, up, 2);
	assert_int_equal(f.is.differences, 1);
	assert_ptr_equal(f.is.difference.at[0].rule_a, &f.set.rule.at[0]);
	assert_ptr_equal(f.is.difference.at[0].rule_b, &f.set.rule.at[1]);
	assert_string_equal(test_words(&f.is.difference.at[0].region, &f.arena),
			    "from 10.0.0.0/8 dport 22");
	end(&f);
}

// With it goes what drops packets without a flow: that concerns packets that the rule does not match.
static void the_last_flow_rule_goes(void **unused)
{
	(void)unused;
	struct fixture f;
	arena_init(&f.arena);
	f.set = test_rules("action=pass,name=f,flow=yes,src=10.0.0.0/8", IR_PASS, &f.arena);
	f.options = test_options();
	f.prepared = verify_prepare(&f.set, &f.options);
	edit(&f, &(struct verify_edit){0, 1, NULL, 0}, 1);
	assert_int_equal(f.is.differences, 1);
	assert_null(f.is.difference.at[0].packet->flow);
	end(&f);
}

// --- who decides ---

static size_t decides(const struct fixture *f, const struct ir_packet *packet)
{
	struct ir_outcome outcome;
	struct arena arena;
	arena_init(&arena);
	ir_eval(&f->set, packet, &arena, &outcome);
	size_t rule = outcome.rule ? (size_t)(outcome.rule - f->set.rule.at) : SIZE_MAX;
	assert_int_equal(verify_decides(f->prepared, packet), rule);
	arena_fini(&arena);
	return rule;
}

static bool holds(const struct ir_packet *packet, const struct ir_opaque *opaque, bool *known)
{
	(void)opaque;
	*known = packet->context != NULL;
	return *known && *(const bool *)packet->context;
}

// Packets that no point stands for are decided all the same.
static void odd_packets_are_decided(void **unused)
{
	(void)unused;
	struct fixture f;
	begin(&f, "action=pass,name=u,users/user=alice,dport=22\n"
		  "action=drop,name=t,dport=22,time=2026-11-01T00:00:00Z..2026-12-01T00:00:00Z\n"
		  "action=pass,name=s,dport=22,state=established");
	struct ir_packet packet = {.time = TEST_NOW};
	bool yes = true, no = false;
	assert_int_equal(decides(&f, &packet), SIZE_MAX);
	ir_packet_set(&packet, IR_FAMILY, 4);
	ir_packet_set(&packet, IR_PROTO, 6);
	ir_packet_set(&packet, IR_DPORT, 22);
	assert_int_equal(decides(&f, &packet), 1); // the user is not known
	packet.opaque_holds = holds;
	packet.context = &yes;
	assert_int_equal(decides(&f, &packet), 0);
	packet.context = &no;
	assert_int_equal(decides(&f, &packet), 1);
	packet.time = 100; // long before what was asked about
	assert_int_equal(decides(&f, &packet), SIZE_MAX);
	ir_packet_set(&packet, IR_STATE, IR_STATE_ESTABLISHED);
	assert_int_equal(decides(&f, &packet), 2);
	end(&f);
}

// --- against the full comparison ---

static void apply(const struct ir_ruleset *from, const struct verify_edit *edit,
		  struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = from->default_action};
	for (size_t i = 0; i <= from->rule.len; i++) {
		for (size_t k = 0; i == edit->at && k < edit->inserts; k++)
			vec_push(arena, &out->rule, edit->insert[k]);
		if (i < from->rule.len && (i < edit->at || i >= edit->at + edit->removed))
			vec_push(arena, &out->rule, from->rule.at[i]);
	}
}

// `other`: rules whose ends are no ends of the set's.
static struct verify_edit some_edit(struct test_random *random, const struct ir_ruleset *set,
				    const struct ir_ruleset *other, struct ir_rule *rule)
{
	uint32_t n = (uint32_t)set->rule.len, at = test_random_below(random, n);
	const struct ir_ruleset *from = test_random_chance(random, 25) ? other : set;
	*rule = from->rule.at[test_random_below(random, (uint32_t)from->rule.len)];
	if (test_random_chance(random, 60))
		rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
	bool removes = test_random_chance(random, 60);
	bool inserts = !removes || test_random_chance(random, 40);
	if (removes && inserts && test_random_chance(random, 50)) {
		*rule = set->rule.at[at];
		rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
	}
	size_t removed = removes ? 1 + test_random_below(random, 2) : 0;
	if (at + removed > n)
		removed = n - at;
	return (struct verify_edit){at, removed, rule, inserts};
}

static void edits_are_comparisons(void **unused)
{
	(void)unused;
	struct test_random random = {7};
	for (unsigned kind = 0; kind < TEST_SETS_KINDS; kind++) {
		struct fixture f;
		begin(&f, "");
		verify_prepared_free(f.prepared);
		test_sets_make(&(struct test_sets_spec){kind, 4, RULES, 3}, &f.arena, &f.set);
		f.prepared = verify_prepare(&f.set, &f.options);
		struct ir_ruleset other;
		test_sets_make(&(struct test_sets_spec){kind, 4, RULES, 4}, &f.arena, &other);
		for (int i = 0; i < EDITS; i++) {
			struct arena arena;
			struct ir_rule rule;
			struct ir_ruleset after;
			struct verify_comparison full;
			arena_init(&arena);
			struct verify_edit e = some_edit(&random, &f.set, &other, &rule);
			apply(&f.set, &e, &arena, &after);
			verify_compare(&f.set, &after, &f.options, 10, &arena, &full);
			verify_what_if(f.prepared, &e, 1, 10, &arena, &f.is);
			assert_int_equal(f.is.status, full.status);
			assert_int_equal(f.is.differences, full.differences);
			assert_int_equal(f.is.equal, full.equal);
			arena_fini(&arena);
		}
		end(&f);
	}
}

// --- against all packets ---

static void what_if(const struct ir_ruleset *a, const struct verify_options *options,
		    const struct verify_edit *edits, size_t n, size_t most, struct arena *arena,
		    struct verify_comparison *out)
{
	struct verify_prepared *prepared = verify_prepare(a, options);
	assert_non_null(prepared);
	verify_what_if(prepared, edits, n, most, arena, out);
	verify_prepared_free(prepared);
}

static void decide_all(const struct ir_ruleset *a, const struct verify_options *options,
		       const struct ir_packet *const *packet, size_t packets, size_t *out)
{
	struct verify_prepared *prepared = verify_prepare(a, options);
	assert_non_null(prepared);
	for (size_t i = 0; i < packets; i++)
		out[i] = verify_decides(prepared, packet[i]);
	verify_prepared_free(prepared);
}

static const struct verify_test_engine engine = {.name = "what-if",
						 .compare =
							 verify_compare, // what-if stands beside it
						 .what_if = what_if,
						 .decides = decide_all};

static void random_cases(void **unused)
{
	(void)unused;
	test_engine(&engine, CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(nothing_changes_nothing),
					   TEST(a_rule_goes),
					   TEST(a_rule_comes),
					   TEST(a_rule_moves),
					   TEST(the_last_flow_rule_goes),
					   TEST(odd_packets_are_decided),
					   TEST(edits_are_comparisons),
					   TEST(random_cases)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
