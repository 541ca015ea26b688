// SPDX-License-Identifier: Apache-2.0
// Placement on small topologies, and against a naive search over single addresses.
#include "place/place.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static unsigned seed;

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

// Two sites and a hosted function before one of them: site 1 is 10.1/16 and 2001:db8:1::/48 behind
// "edge1"; site 2 is 10.2/16 and 2001:db8:2::/48 behind "edge2"; "hosted" stands before site 2, too.
struct world {
	struct arena arena;
	struct diags diags;
	struct cap full;
	struct cap poor; // no TCP ports, no logging, no periodic time
	struct place_nsf nsf[3];
	struct ir_ruleset ruleset;
};

static struct algebra_set prefix(struct world *w, const char *address, unsigned free_bits)
{
	int family;
	u128 value;
	bool good = ir_address_parse(address, &family, &value);
	assert_true(good);
	return algebra_set_one(&w->arena, value, value + algebra_max(free_bits));
}

static struct place_nsf site(struct world *w, const char *name, unsigned number)
{
	char v4[32], v6[32];
	snprintf(v4, sizeof(v4), "10.%u.0.0", number);
	snprintf(v6, sizeof(v6), "2001:db8:%u::", number);
	return (struct place_nsf){.name = name,
				  .cap = &w->full,
				  .guarded4 = prefix(w, v4, 16),
				  .guarded6 = prefix(w, v6, 80),
				  .default_action = IR_DROP,
				  .enabled = true};
}

static void add_some(struct cap *cap)
{
	static const struct {
		enum cap_set set;
		enum cap_identity identity;
	} some[] = {
		{CAP_SET_IPV4, CAP_SOURCE_ADDRESS}, {CAP_SET_IPV4, CAP_DESTINATION_ADDRESS},
		{CAP_SET_IPV6, CAP_SOURCE_ADDRESS}, {CAP_SET_IPV6, CAP_DESTINATION_ADDRESS},
		{CAP_SET_INGRESS_ACTION, CAP_PASS}, {CAP_SET_INGRESS_ACTION, CAP_DROP},
		{CAP_SET_DEFAULT_ACTION, CAP_DROP}, {CAP_SET_RESOLUTION, CAP_FMR},
	};
	for (size_t i = 0; i < array_len(some); i++)
		cap_add(cap, some[i].set, some[i].identity);
}

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	cap_add_all(&w->full);
	add_some(&w->poor);
	w->nsf[0] = site(w, "edge1", 1);
	w->nsf[1] = site(w, "edge2", 2);
	w->nsf[2] = site(w, "hosted", 2);
	*state = w;
	seed = 8329;
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;
	arena_fini(&w->arena);
	free(w);
	return 0;
}

struct spec {
	const char *name;
	enum ir_verdict verdict;
	const char *src, *dst; // a /16 or /48 prefix, or NULL
	unsigned dport;        // 0: none
};

static struct ir_rule *add(struct world *w, struct spec s)
{
	struct ir_clause *clause = arena_new(&w->arena, struct ir_clause);
	bool good = true;
	const char *side[2] = {s.src, s.dst};
	for (int i = 0; i < 2; i++) {
		if (!side[i])
			continue;
		bool six = strchr(side[i], ':');
		enum ir_dim dim = six ? (i ? IR_DST6 : IR_SRC6) : (i ? IR_DST4 : IR_SRC4);
		good &= ir_clause_narrow(clause, &w->arena, dim, prefix(w, side[i], six ? 80 : 16));
	}
	if (s.dport) {
		good &= ir_clause_narrow(clause, &w->arena, IR_PROTO,
					 algebra_set_one(&w->arena, 6, 6));
		good &= ir_clause_narrow(clause, &w->arena, IR_DPORT,
					 algebra_set_one(&w->arena, s.dport, s.dport));
	}
	assert_true(good);
	vec_push(&w->arena, &w->ruleset.rule,
		 (struct ir_rule){.policy = "p",
				  .name = s.name,
				  .verdict = s.verdict,
				  .clause = clause,
				  .clauses = 1});
	return &w->ruleset.rule.at[w->ruleset.rule.len - 1];
}

static struct place_result place(struct world *w, bool good)
{
	struct place_result result;
	struct place_input in = {&w->ruleset, w->nsf, array_len(w->nsf)};
	assert_int_equal(place_rules(&in, &w->arena, &w->diags, &result), good);
	assert_int_equal(w->diags.errors > 0, !good);
	return result;
}

// "edge1: a b; edge2: b; hosted: ;"
static void assert_placed(struct world *w, const struct place_result *result, const char *expected)
{
	char text[512] = "";
	size_t len = 0;
	for (size_t n = 0; n < array_len(w->nsf); n++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s:", w->nsf[n].name);
		for (size_t i = 0; i < result->nsf[n].rule.len; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %s",
						result->nsf[n].rule.at[i].name);
		len += (size_t)snprintf(text + len, sizeof(text) - len, ";");
	}
	assert_string_equal(text, expected);
}

static void rules_go_where_their_packets_pass(void **state)
{
	struct world *w = *state;
	add(w, (struct spec){"one-to-two", IR_PASS, "10.1.0.0", "10.2.0.0", 0});
	add(w, (struct spec){"outside-to-one", IR_PASS, "192.168.0.0", "10.1.0.0", 0});
	add(w, (struct spec){"two-to-outside6", IR_PASS, "2001:db8:2::", "2001:db8:9::", 0});
	add(w, (struct spec){"all", IR_PASS, NULL, NULL, 0});
	struct place_result r = place(w, true);
	assert_placed(w, &r,
		      "edge1: one-to-two outside-to-one all;"
		      "edge2: one-to-two two-to-outside6 all;"
		      "hosted: one-to-two two-to-outside6 all;");
	assert_int_equal(r.assignment.len, 3 + 1 + 2 + 3);
	assert_int_equal(r.nsf[0].default_action, IR_DROP);
}

static void traffic_inside_a_site_has_no_path(void **state)
{
	struct world *w = *state;
	add(w, (struct spec){"inside", IR_DROP, "10.1.0.0", "10.1.0.0", 0});
	struct place_result r = place(w, false);
	assert_placed(w, &r, "edge1:;edge2:;hosted:;");
	const struct diag *d = &w->diags.list.at[0];
	assert_int_equal(d->code, DIAG_PLACE);
	assert_string_equal(d->rule, "inside");
	assert_non_null(strstr(d->text, "10.1.0.0/16"));
	assert_int_equal(r.refusal.at[0].nsf, SIZE_MAX);
}

static void versions_do_not_mix(void **state)
{
	struct world *w = *state;
	w->nsf[0].guarded6 = (struct algebra_set){0};
	add(w, (struct spec){"six", IR_PASS, "2001:db8:1::", "2001:db8:2::", 0});
	struct place_result r = place(w, true);
	assert_placed(w, &r, "edge1:;edge2: six;hosted: six;");
}

static void disabled_functions_are_not_there(void **state)
{
	struct world *w = *state;
	w->nsf[1].enabled = w->nsf[2].enabled = false;
	add(w, (struct spec){"one-to-two", IR_PASS, "10.1.0.0", "10.2.0.0", 0});
	struct place_result r = place(w, true);
	assert_placed(w, &r, "edge1: one-to-two;edge2:;hosted:;");
}

static void passing_needs_everyone_on_the_path(void **state)
{
	struct world *w = *state;
	w->nsf[1].cap = &w->poor;
	add(w, (struct spec){"web", IR_PASS, "10.1.0.0", "10.2.0.0", 443});
	add(w, (struct spec){"plain", IR_PASS, "10.1.0.0", "10.2.0.0", 0});
	struct place_result r = place(w, false);
	assert_placed(w, &r, "edge1: plain;edge2: plain;hosted: plain;");
	assert_int_equal(w->diags.errors, 1);
	const struct diag *d = &w->diags.list.at[0];
	assert_int_equal(d->code, DIAG_CAPABILITY);
	assert_string_equal(d->nsf, "edge2");
	assert_string_equal(d->rule, "web");
	assert_string_equal(d->condition, "tcp/destination-port-number");
	assert_string_equal(d->capability, "destination-port-number");
	assert_non_null(strstr(d->hint, "edge1, hosted have it"));
	assert_int_equal(r.refusal.len, 1);
	assert_int_equal(r.refusal.at[0].need.set, CAP_SET_TCP);
}

static void stopping_needs_someone_on_every_path(void **state)
{
	struct world *w = *state;
	w->nsf[1].cap = &w->poor;
	add(w, (struct spec){"no-telnet", IR_DROP, NULL, "10.2.0.0", 23});
	struct place_result r = place(w, true);
	assert_placed(w, &r, "edge1: no-telnet;edge2:;hosted: no-telnet;");
	size_t left_out = 0;
	for (size_t i = 0; i < r.assignment.len; i++)
		left_out += !r.assignment.at[i].enforced;
	assert_int_equal(left_out, 1);
}

static void stopping_fails_where_nobody_can(void **state)
{
	struct world *w = *state;
	w->nsf[1].cap = w->nsf[2].cap = &w->poor; // from outside to site 2 nobody can
	add(w, (struct spec){"no-telnet", IR_DROP, NULL, "10.2.0.0", 23});
	struct place_result r = place(w, false);
	assert_placed(w, &r, "edge1:;edge2:;hosted:;");
	assert_int_equal(r.refusal.len, 2);
}

static void stopping_one_pair_of_sites_can_be_done_at_one_end(void **state)
{
	struct world *w = *state;
	w->nsf[1].cap = w->nsf[2].cap = &w->poor; // but edge1 sees all between the two sites
	add(w, (struct spec){"no-telnet", IR_DROP, "10.1.0.0", "10.2.0.0", 23});
	struct place_result r = place(w, true);
	assert_placed(w, &r, "edge1: no-telnet;edge2:;hosted:;");
}

static void rules_of_one_name_stand_or_fall_together(void **state)
{
	struct world *w = *state;
	w->nsf[1].cap = &w->poor;
	add(w, (struct spec){"both", IR_PASS, "10.1.0.0", "10.2.0.0", 443});
	add(w, (struct spec){"both", IR_PASS, "192.168.0.0", "10.1.0.0", 0});
	struct place_result r = place(w, false);
	assert_placed(w, &r, "edge1:;edge2:;hosted:;");
}

static void a_missing_default_action_is_an_error(void **state)
{
	struct world *w = *state;
	w->nsf[1].cap = &w->poor;
	w->nsf[1].default_action = IR_REJECT;
	(void)place(w, false);
	assert_string_equal(w->diags.list.at[0].condition, "default-action");
	assert_string_equal(w->diags.list.at[0].nsf, "edge2");
}

static void a_rule_that_matches_nothing_goes_nowhere(void **state)
{
	struct world *w = *state;
	add(w, (struct spec){"nothing", IR_DROP, NULL, NULL, 0})->clauses = 0;
	struct place_result r = place(w, true);
	assert_placed(w, &r, "edge1:;edge2:;hosted:;");
}

static void opaque_conditions_name_what_would_do(void **state)
{
	struct world *w = *state;
	static const char *urls[] = {"example.com"}, *devices[] = {"iot-device", "tablet"};
	static struct ir_opaque opaque[] = {{IR_OPAQUE_URL, "sns", urls, 1, false},
					    {IR_OPAQUE_DEVICE, NULL, devices, 2, false}};
	struct ir_rule *rule = add(w, (struct spec){"sns", IR_DROP, "10.1.0.0", "10.2.0.0", 0});
	rule->opaque = opaque;
	rule->opaques = 2;
	for (int i = 0; i < 3; i++)
		w->nsf[i].cap = &w->poor;
	struct place_result r = place(w, false);
	assert_int_equal(r.refusal.len, 9); // URL, two kinds of devices, on three functions
	assert_string_equal(w->diags.list.at[0].capability, "user-defined");
	assert_non_null(strstr(w->diags.list.at[0].hint, "add a web filter"));
	assert_string_equal(w->diags.list.at[1].capability, "iot");
	assert_string_equal(w->diags.list.at[2].capability, "tablet");
}

static void needs_follow_version_and_protocol(void **state)
{
	struct world *w = *state;
	struct place_needs needs;
	struct ir_rule *rule = add(w, (struct spec){"r", IR_RATE_LIMIT, NULL, NULL, 22});
	rule->rate.packets = 100;
	rule->log = IR_LOG_SESSION;
	place_needs(rule, &w->arena, &needs);
	assert_int_equal(needs.list.len, 4);
	assert_int_equal(needs.list.at[0].identity, CAP_DESTINATION_PORT_NUMBER);
	assert_int_equal(needs.list.at[0].set, CAP_SET_TCP);
	assert_int_equal(needs.list.at[1].identity, CAP_PACKET_RATE);
	assert_int_equal(needs.list.at[2].identity, CAP_RATE_LIMIT);
	assert_int_equal(needs.list.at[3].identity, CAP_SESSION_LOG);
	struct ir_clause *clause = arena_new(&w->arena, struct ir_clause);
	assert_true(
		ir_clause_narrow(clause, &w->arena, IR_PROTO, algebra_set_one(&w->arena, 47, 47)));
	rule->clause = clause;
	place_needs(rule, &w->arena, &needs);
	assert_int_equal(needs.list.at[0].identity, CAP_NEXT_HEADER);
	assert_int_equal(needs.list.at[0].set, CAP_SET_IPV4);
	assert_int_equal(needs.list.at[1].set, CAP_SET_IPV6);
	assert_true(
		ir_clause_narrow(clause, &w->arena, IR_STATE, algebra_set_one(&w->arena, 0, 1)));
	place_needs(rule, &w->arena, &needs);
	assert_int_equal(needs.list.at[2].identity, CAP_UNSPEAKABLE);
}

static void every_dimension_needs_something(void **state)
{
	struct world *w = *state;
	for (unsigned d = 0; d < IR_DIMS; d++) {
		struct ir_clause clause = {0};
		struct ir_rule rule = {.clause = &clause, .clauses = 1};
		struct place_needs needs;
		u128 value = d == IR_FAMILY ? 4 : d == IR_PROTO ? 6 : 1;
		assert_true(ir_clause_narrow(&clause, &w->arena, (enum ir_dim)d,
					     algebra_set_one(&w->arena, value, value)));
		place_needs(&rule, &w->arena, &needs);
		assert_true(needs.list.len > 0);
		for (size_t i = 0; i < needs.list.len; i++)
			assert_true(needs.list.at[i].identity == CAP_UNSPEAKABLE ||
				    cap_allows(needs.list.at[i].set, needs.list.at[i].identity));
	}
}

// What nobody can be asked for is refused, also where a function lacks nothing that has a name.
static void foreign_and_negated_conditions_are_refused(void **state)
{
	struct world *w = *state;
	static const char *value = "7 alice";
	static struct ir_opaque opaques[] = {{IR_OPAQUE_FOREIGN, NULL, &value, 1, false},
					     {IR_OPAQUE_FOREIGN, NULL, &value, 1, true},
					     {IR_OPAQUE_HEADER, NULL, &value, 1, true},
					     {IR_OPAQUE_USER, NULL, &value, 1, true}};
	for (size_t i = 0; i < array_len(opaques); i++)
		for (unsigned verdict = IR_PASS; verdict <= IR_DROP; verdict++) {
			w->ruleset.rule.len = 0;
			struct ir_rule *rule =
				add(w, (struct spec){"odd", verdict, "10.1.0.0", "10.2.0.0", 80});
			struct place_input in = {&w->ruleset, w->nsf, 3};
			struct place_result result;
			size_t before = w->diags.errors;
			rule->opaque = &opaques[i];
			rule->opaques = 1;
			assert_false(place_rules(&in, &w->arena, &w->diags, &result));
			assert_true(w->diags.errors > before);
			const struct diag *diag = &w->diags.list.at[before];
			assert_int_equal(diag->code, DIAG_CAPABILITY);
			assert_string_equal(diag->condition, ir_opaque_info[opaques[i].kind].name);
			assert_null(diag->capability);
			assert_int_equal(result.nsf[0].rule.len, 0);
		}
}

static void one_function_is_checked_without_topology(void **state)
{
	struct world *w = *state;
	add(w, (struct spec){"web", IR_PASS, NULL, NULL, 443});
	w->nsf[0].cap = &w->poor;
	assert_false(place_check(&w->ruleset, &w->nsf[0], &w->arena, &w->diags));
	assert_int_equal(w->diags.errors, 1);
	assert_true(place_check(&w->ruleset, &w->nsf[1], &w->arena, &w->diags));
}

// --- against single addresses ---

static struct algebra_set random_set(struct world *w)
{
	struct algebra_builder builder = {.arena = &w->arena};
	for (unsigned i = 1 + pick(2); i > 0; i--) {
		u128 lo = pick(16);
		algebra_builder_add(&builder, lo, lo + pick(16 - (unsigned)lo));
	}
	return algebra_builder_take(&builder);
}

static bool guards(const struct place_nsf *nsf, unsigned address)
{
	return algebra_set_has(nsf->guarded4, address);
}

// Whether the drop rule is stopped somewhere on every path that has functions.
static bool covered(const struct world *w, const struct algebra_set *src,
		    const struct algebra_set *dst)
{
	for (unsigned s = 0; s < 16; s++)
		for (unsigned d = 0; d < 16; d++) {
			bool seen = false, stopped = false;
			for (int n = 0; n < 3; n++) {
				bool on = guards(&w->nsf[n], s) != guards(&w->nsf[n], d);
				seen |= on;
				stopped |= on && w->nsf[n].cap == &w->full;
			}
			if (algebra_set_has(*src, s) && algebra_set_has(*dst, d) && seen &&
			    !stopped)
				return false;
		}
	return true;
}

static bool on_some_path(const struct place_nsf *nsf, const struct algebra_set *src,
			 const struct algebra_set *dst)
{
	for (unsigned s = 0; s < 16; s++)
		for (unsigned d = 0; d < 16; d++)
			if (algebra_set_has(*src, s) && algebra_set_has(*dst, d) &&
			    guards(nsf, s) != guards(nsf, d))
				return true;
	return false;
}

static void placement_equals_a_search_over_addresses(void **state)
{
	struct world *w = *state;
	for (int round = 0; round < 500; round++) {
		bool touched = false;
		w->ruleset = (struct ir_ruleset){0};
		diags_init(&w->diags, &w->arena);
		for (int n = 0; n < 3; n++) {
			w->nsf[n].guarded4 = random_set(w);
			w->nsf[n].cap = pick(2) ? &w->full : &w->poor;
		}
		struct algebra_set src = random_set(w), dst = random_set(w);
		struct ir_rule *rule = add(w, (struct spec){"r", IR_DROP, NULL, NULL, 23});
		assert_true(ir_clause_narrow(rule->clause, &w->arena, IR_SRC4, src));
		assert_true(ir_clause_narrow(rule->clause, &w->arena, IR_DST4, dst));
		for (int n = 0; n < 3; n++)
			touched |= on_some_path(&w->nsf[n], &src, &dst);
		bool good = touched && covered(w, &src, &dst);
		struct place_result r = place(w, good);
		for (int n = 0; n < 3; n++)
			assert_int_equal(r.nsf[n].rule.len,
					 good && w->nsf[n].cap == &w->full &&
						 on_some_path(&w->nsf[n], &src, &dst));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rules_go_where_their_packets_pass),
		TEST(traffic_inside_a_site_has_no_path),
		TEST(versions_do_not_mix),
		TEST(disabled_functions_are_not_there),
		TEST(passing_needs_everyone_on_the_path),
		TEST(stopping_needs_someone_on_every_path),
		TEST(stopping_fails_where_nobody_can),
		TEST(stopping_one_pair_of_sites_can_be_done_at_one_end),
		TEST(rules_of_one_name_stand_or_fall_together),
		TEST(a_missing_default_action_is_an_error),
		TEST(a_rule_that_matches_nothing_goes_nowhere),
		TEST(opaque_conditions_name_what_would_do),
		TEST(needs_follow_version_and_protocol),
		TEST(every_dimension_needs_something),
		TEST(foreign_and_negated_conditions_are_refused),
		TEST(one_function_is_checked_without_topology),
		TEST(placement_equals_a_search_over_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
