// SPDX-License-Identifier: Apache-2.0
// Flattened chains against an interpreter that follows jumps, gotos and returns one by one; subtraction against what
// it means for single packets; and the limits.
#include "import/flatten.h"
#include "import/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static unsigned pick(struct test_box *b, unsigned n)
{
	return test_random_below(&b->random, n);
}

// --- random clauses and packets over few values ---

static const enum ir_dim dims[] = {IR_FAMILY, IR_SRC4,  IR_DST6,     IR_PROTO,   IR_SPORT, IR_DPORT,
				   IR_ICMP4,  IR_STATE, IR_TCPFLAGS, IR_FRAGOFF, IR_IN,    IR_OUT};

static u128 small_value(struct test_box *b, enum ir_dim dim)
{
	static const uint8_t protocols[] = {1, 6, 17, 47, 58, 132};
	if (dim == IR_FAMILY)
		return pick(b, 2) ? 4 : 6;
	if (dim == IR_PROTO)
		return protocols[pick(b, array_len(protocols))];
	return pick(b, dim == IR_STATE ? 5 : 6);
}

static struct algebra_set small_set(struct test_box *b, enum ir_dim dim)
{
	struct algebra_builder set = {.arena = &b->arena};
	for (unsigned n = pick(b, 2) + 1; n; n--) {
		u128 lo = small_value(b, dim);
		u128 hi = pick(b, 3) || dim == IR_FAMILY ? lo : lo + pick(b, 2);
		algebra_builder_add(&set, lo, hi);
	}
	struct algebra_set made = algebra_builder_take(&set);
	if (!pick(b, 4))
		made = algebra_set_complement(&b->arena, made, algebra_max(ir_dim_info[dim].bits));
	return made;
}

static struct ir_clause small_clause(struct test_box *b, unsigned most, bool fragments)
{
	struct ir_clause clause = {0};
	for (unsigned n = pick(b, most + 1); n; n--) {
		enum ir_dim dim = dims[pick(b, array_len(dims))];
		struct ir_clause narrower = ir_clause_copy(&clause, &b->arena);
		if ((fragments || dim != IR_FRAGOFF) &&
		    ir_clause_narrow(&narrower, &b->arena, dim, small_set(b, dim)))
			clause = narrower;
	}
	return clause;
}

static bool holds(const struct ir_packet *packet, const struct ir_opaque *opaque, bool *known_out)
{
	const unsigned *truths = packet->context;
	*known_out = true;
	return *truths >> (opaque->value[0][0] - 'A') & 1;
}

static void set_small(struct test_box *b, struct ir_packet *p, enum ir_dim dim)
{
	ir_packet_set(p, dim, small_value(b, dim));
}

// A packet as a stack makes them: what its version and protocol do not have, it lacks.
static struct ir_packet small_packet(struct test_box *b, bool fragments, const char *hook)
{
	struct ir_packet p = {.opaque_holds = holds};
	set_small(b, &p, IR_FAMILY);
	bool v4 = p.value[IR_FAMILY] == 4;
	set_small(b, &p, IR_PROTO);
	set_small(b, &p, v4 ? IR_SRC4 : IR_DST6);
	set_small(b, &p, IR_STATE);
	if (strcmp(hook, "output") != 0)
		set_small(b, &p, IR_IN);
	if (strcmp(hook, "input") != 0)
		set_small(b, &p, IR_OUT);
	unsigned offset = v4 && fragments ? pick(b, 2) * pick(b, 4) : 0;
	if (v4)
		ir_packet_set(&p, IR_FRAGOFF, offset);
	uint8_t proto = (uint8_t)p.value[IR_PROTO];
	if (offset)
		return p;
	if (proto == 6 || proto == 17 || proto == 132) {
		set_small(b, &p, IR_SPORT);
		set_small(b, &p, IR_DPORT);
	}
	if (proto == 6)
		set_small(b, &p, IR_TCPFLAGS);
	if (proto == 1 && v4)
		set_small(b, &p, IR_ICMP4);
	return p;
}

// --- subtraction ---

static size_t matching(const struct import_clauses *clauses, const struct ir_packet *packet)
{
	static const struct ir_rule rule;
	size_t n = 0;
	for (size_t i = 0; i < clauses->list.len; i++)
		n += ir_clause_matches(&clauses->list.at[i], &rule, packet);
	return n;
}

static void subtraction_is_exact(void **state)
{
	struct test_box *b = *state;
	static const struct ir_rule rule;
	for (unsigned round = 0; round < 4000; round++) {
		bool fragments = round % 2;
		struct ir_clause from = small_clause(b, 4, fragments);
		struct ir_clause away = small_clause(b, 4, fragments);
		struct import_clauses left = {0};
		assert_true(import_clause_subtract(&from, &away, fragments, &b->arena, &left));
		for (unsigned k = 0; k < 30; k++) {
			struct ir_packet p = small_packet(b, fragments, "forward");
			bool stays = ir_clause_matches(&from, &rule, &p) &&
				     !ir_clause_matches(&away, &rule, &p);
			assert_int_equal(matching(&left, &p), stays); // disjoint: never two
		}
	}
}

static void clocks_that_differ_are_not_subtracted(void **state)
{
	struct test_box *b = *state;
	struct ir_clause a = {.clock = 3600}, c = {0};
	struct import_clauses left = {0};
	struct algebra_set morning = algebra_set_one(&b->arena, 0, 40000);
	assert_true(ir_clause_narrow(&a, &b->arena, IR_HOUR, morning));
	assert_true(ir_clause_narrow(&c, &b->arena, IR_HOUR, morning));
	assert_false(import_clause_subtract(&a, &c, false, &b->arena, &left));
}

// --- chains ---

#define CHAINS 6

static void random_opaques(struct test_box *b, struct import_rule *rule)
{
	static const char *letter[] = {"A", "B", "C", "D"};
	rule->opaques = pick(b, 3) ? 0 : pick(b, 3);
	rule->opaque = arena_array(&b->arena, struct ir_opaque, rule->opaques);
	for (size_t i = 0; i < rule->opaques; i++)
		rule->opaque[i] = (struct ir_opaque){.kind = IR_OPAQUE_FOREIGN,
						     .value = &letter[pick(b, 4)],
						     .len = 1,
						     .negated = pick(b, 3) == 0};
}

static struct import_rule random_rule(struct test_box *b, unsigned chain, bool fragments)
{
	struct import_rule rule = {
		.target = pick(b, 5), .verdict = IR_PASS + pick(b, 3), .text = "-"};
	rule.clauses = pick(b, 8) ? 1 : pick(b, 4);
	rule.clause = arena_array(&b->arena, struct ir_clause, rule.clauses);
	for (size_t i = 0; i < rule.clauses; i++)
		rule.clause[i] = small_clause(b, 3, fragments);
	random_opaques(b, &rule);
	if (!pick(b, 6))
		rule.log = IR_LOG_RULE;
	bool jumps = rule.target == IMPORT_JUMP || rule.target == IMPORT_GOTO;
	if (jumps && chain + 1 == CHAINS)
		rule.target = IMPORT_RETURN;
	else if (jumps)
		rule.to = arena_printf(&b->arena, "c%u", chain + 1 + pick(b, CHAINS - chain - 1));
	return rule;
}

static struct import_table random_table(struct test_box *b, bool fragments)
{
	static const char *const hooks[] = {"input", "forward", "output"};
	struct import_table t = {.file = "t", .family = "inet", .name = "filter", .filters = true};
	for (unsigned c = 0; c < CHAINS; c++) {
		struct import_body body = {.name = arena_printf(&b->arena, "c%u", c),
					   .line = c + 1};
		if (!c) {
			body.hook = hooks[pick(b, 3)];
			body.policy = IR_PASS + pick(b, 2);
		}
		for (unsigned n = pick(b, 6) + 1; n; n--) {
			struct import_rule rule = random_rule(b, c, fragments);
			rule.number = (unsigned)body.rule.len + 1;
			rule.line = 100 * c + rule.number;
			vec_push(&b->arena, &body.rule, rule);
		}
		vec_push(&b->arena, &t.chain, body);
	}
	return t;
}

// Fragments are told apart only in a table that asks for them.
static bool asks_fragments(const struct import_table *t)
{
	for (size_t c = 0; c < t->chain.len; c++)
		for (size_t i = 0; i < t->chain.at[c].rule.len; i++)
			for (size_t k = 0; k < t->chain.at[c].rule.at[i].clauses; k++)
				if (ir_clause_set(&t->chain.at[c].rule.at[i].clause[k], IR_FRAGOFF))
					return true;
	return false;
}

// What an interface that is not there is to a filter: an empty name.
static struct ir_packet as_filtered(const struct ir_packet *packet)
{
	struct ir_packet p = *packet;
	if (!(p.has >> IR_IN & 1))
		ir_packet_set(&p, IR_IN, 0);
	if (!(p.has >> IR_OUT & 1))
		ir_packet_set(&p, IR_OUT, 0);
	return p;
}

static bool rule_applies(const struct import_rule *rule, const struct ir_packet *packet)
{
	static const struct ir_rule plain;
	bool known, matches = false;
	for (size_t i = 0; i < rule->clauses; i++)
		matches |= ir_clause_matches(&rule->clause[i], &plain, packet);
	for (size_t i = 0; i < rule->opaques; i++)
		matches &= holds(packet, &rule->opaque[i], &known) != rule->opaque[i].negated;
	return matches;
}

static const struct import_body *find(const struct import_table *t, const char *name)
{
	for (size_t c = 0; c < t->chain.len; c++)
		if (!strcmp(t->chain.at[c].name, name))
			return &t->chain.at[c];
	return NULL;
}

// IR_NONE: back to the caller. `logs` counts lines logged.
static enum ir_verdict interpret(const struct import_table *t, const struct import_body *body,
				 const struct ir_packet *packet, size_t *logs)
{
	for (size_t i = 0; i < body->rule.len; i++) {
		const struct import_rule *rule = &body->rule.at[i];
		enum ir_verdict verdict = IR_NONE;
		if (!rule_applies(rule, packet))
			continue;
		*logs += rule->log != IR_LOG_NONE;
		if (rule->target == IMPORT_VERDICT)
			return rule->verdict;
		if (rule->to)
			verdict = interpret(t, find(t, rule->to), packet, logs);
		if (verdict != IR_NONE)
			return verdict;
		if (rule->target == IMPORT_RETURN || rule->target == IMPORT_GOTO)
			return body->policy;
	}
	return body->policy;
}

static size_t unmatched_from(const struct import_chain *chain)
{
	size_t n = 0;
	for (size_t i = 0; i < chain->policy.rule.len; i++)
		n += chain->policy.rule.at[i].clauses > 0;
	return n;
}

static void chains_mean_what_they_did(void **state)
{
	struct test_box *b = *state;
	size_t decided[IR_VERDICTS] = {0}, rules = 0;
	for (unsigned round = 0; round < 1500; round++) {
		struct import_table t = random_table(b, round % 2);
		bool fragments = asks_fragments(&t);
		struct import_result result = {0};
		assert_true(import_flatten(&t, &b->arena, &b->diags, &result));
		assert_int_equal(result.chain.len, 1);
		struct import_chain *chain = &result.chain.at[0];
		assert_int_equal(chain->source_rules + result.unreached, result.source_rules);
		struct ir_ruleset ruleset = {.rule.at = chain->policy.rule.at,
					     .rule.len = chain->policy.rule.len};
		rules += unmatched_from(chain);
		for (unsigned k = 0; k < 30; k++) {
			struct ir_packet p = small_packet(b, fragments, chain->hook);
			unsigned truths = pick(b, 16);
			p.context = &truths;
			struct ir_packet seen = as_filtered(&p);
			struct ir_outcome outcome;
			size_t logs = 0;
			enum ir_verdict want = interpret(&t, &t.chain.at[0], &seen, &logs);
			ir_eval(&ruleset, &p, &b->arena, &outcome);
			assert_int_equal(outcome.verdict, want);
			assert_int_equal(outcome.logged.len, logs);
			decided[want]++;
		}
	}
	assert_true(decided[IR_PASS] > 5000 && decided[IR_DROP] > 5000 && decided[IR_REJECT] > 200);
	assert_true(rules > 5000);
}

// --- names, counts, limits ---

static struct import_body *add_chain(struct test_box *b, struct import_table *t, const char *name,
				     const char *hook)
{
	vec_push(&b->arena, &t->chain,
		 (struct import_body){.name = name,
				      .hook = hook,
				      .policy = hook ? IR_DROP : IR_NONE,
				      .policy_text = ":policy",
				      .line = 1});
	return &t->chain.at[t->chain.len - 1];
}

static void add_rule(struct test_box *b, struct import_body *body, struct import_rule rule)
{
	rule.number = (unsigned)body->rule.len + 1;
	rule.line = 10 * rule.number;
	rule.clauses = 1;
	rule.clause = arena_new(&b->arena, struct ir_clause);
	vec_push(&b->arena, &body->rule, rule);
}

static void names_show_the_path(void **state)
{
	struct test_box *b = *state;
	struct import_table t = {.file = "f", .name = "filter", .filters = true};
	struct import_result result = {0};
	struct import_body *body = add_chain(b, &t, "FORWARD", "forward");
	add_rule(b, body, (struct import_rule){.target = IMPORT_JUMP, .to = "LOGDROP"});
	add_rule(b, body, (struct import_rule){.target = IMPORT_RETURN, .text = "back"});
	body = add_chain(b, &t, "LOGDROP", NULL);
	add_rule(b, body, (struct import_rule){.log = IR_LOG_RULE});
	add_rule(b, body, (struct import_rule){.target = IMPORT_RETURN});
	add_rule(b, body, (struct import_rule){.target = IMPORT_VERDICT, .verdict = IR_PASS});
	body = add_chain(b, &t, "alone", NULL);
	add_rule(b, body, (struct import_rule){.target = IMPORT_VERDICT, .verdict = IR_PASS});
	assert_true(import_flatten(&t, &b->arena, &b->diags, &result));
	const struct import_chain *chain = &result.chain.at[0];
	assert_string_equal(chain->policy.name, "filter FORWARD");
	assert_int_equal(chain->policy.rule.len, 4);
	const struct ir_rule *rule = chain->policy.rule.at;
	assert_string_equal(rule[0].name, "FORWARD 1 > LOGDROP 1");
	assert_int_equal(rule[0].verdict, IR_NONE);
	assert_string_equal(rule[1].name, "FORWARD 2"); // the policy decides what returns
	assert_int_equal(rule[1].verdict, IR_DROP);
	assert_string_equal(rule[1].description, "back");
	assert_string_equal(rule[2].name, "LOGDROP 3"); // behind the return no packet is left
	assert_int_equal(rule[2].clauses, 0);
	assert_string_equal(rule[3].name, "FORWARD policy");
	assert_string_equal(rule[3].file, "f");
	assert_int_equal(result.source_rules, 6);
	assert_int_equal(result.unreached, 1);
	assert_int_equal(chain->source_rules, 5);
}

static const char *refusal(struct test_box *b, struct import_table *t, unsigned *line)
{
	struct import_result result = {0};
	size_t before = b->diags.list.len;
	assert_false(import_flatten(t, &b->arena, &b->diags, &result));
	assert_true(b->diags.list.len > before);
	const struct diag *diag = &b->diags.list.at[before];
	assert_non_null(diag->hint);
	*line = diag->line;
	return diag->text;
}

static void damage_is_refused_with_its_line(void **state)
{
	struct test_box *b = *state;
	unsigned line;
	struct import_table t = {.file = "f", .name = "filter", .filters = true};
	struct import_body *body = add_chain(b, &t, "in", "input");
	add_rule(b, body, (struct import_rule){.target = IMPORT_VERDICT, .verdict = IR_PASS});
	add_rule(b, body, (struct import_rule){.target = IMPORT_GOTO, .to = "nowhere"});
	assert_string_equal(refusal(b, &t, &line), "there is no chain nowhere in this table");
	assert_int_equal(line, 20);
	t.chain.at[0].rule.at[1].to = "in";
	assert_string_equal(refusal(b, &t, &line),
			    "chain in is a base chain; no rule can jump to it");
	t.chain.at[0].rule.at[1].to = "a";
	body = add_chain(b, &t, "a", NULL);
	add_rule(b, body, (struct import_rule){.target = IMPORT_JUMP, .to = "b"});
	body = add_chain(b, &t, "b", NULL);
	add_rule(b, body, (struct import_rule){.target = IMPORT_JUMP, .to = "a"});
	assert_string_equal(refusal(b, &t, &line), "a chain jumps back to itself");
	assert_int_equal(line, 10);
	t.chain.at[2].name = "a";
	assert_string_equal(refusal(b, &t, &line), "chain a is declared twice in one table");
}

static void doubling_paths_are_bounded(void **state)
{
	struct test_box *b = *state;
	unsigned line;
	for (unsigned verdict = 0; verdict < 2; verdict++) {
		struct import_table t = {.file = "f", .name = "filter", .filters = true};
		for (unsigned c = 0; c < 40; c++) {
			const char *next = arena_printf(&b->arena, "c%u", c + 1);
			struct import_body *body = add_chain(
				b, &t, arena_printf(&b->arena, "c%u", c), c ? NULL : "input");
			for (unsigned i = 0; i < 2 && c < 39; i++)
				add_rule(b, body,
					 (struct import_rule){.target = IMPORT_JUMP, .to = next});
			if (verdict)
				add_rule(b, body, (struct import_rule){.log = IR_LOG_RULE});
		}
		assert_non_null(strstr(refusal(b, &t, &line), "too many rules"));
	}
	struct import_table deep = {.file = "f", .name = "filter", .filters = true};
	for (unsigned c = 0; c < 80; c++)
		add_rule(b,
			 add_chain(b, &deep, arena_printf(&b->arena, "c%u", c), c ? NULL : "input"),
			 (struct import_rule){.target = IMPORT_JUMP,
					      .to = arena_printf(&b->arena, "c%u", c + 1)});
	(void)add_chain(b, &deep, "c80", NULL);
	assert_string_equal(refusal(b, &deep, &line), "chains jump deeper than 64 levels");
}

static void tables_that_do_not_filter_are_counted(void **state)
{
	struct test_box *b = *state;
	struct import_table t = {.file = "f", .name = "nat"};
	struct import_result result = {0};
	add_rule(b, add_chain(b, &t, "PREROUTING", "prerouting"),
		 (struct import_rule){.text = "-"});
	add_rule(b, add_chain(b, &t, "alone", NULL), (struct import_rule){.text = "-"});
	assert_true(import_flatten(&t, &b->arena, &b->diags, &result));
	assert_int_equal(result.chain.len, 0);
	assert_int_equal(result.elsewhere, 2);
	assert_int_equal(result.source_rules, 2);
	assert_int_equal(result.unreached, 0);
	import_gap_add(&result, &b->arena, "nat", 3);
	import_gap_add(&result, &b->arena, "nat", 9);
	assert_int_equal(result.gap.len, 1);
	assert_int_equal(result.gap.at[0].rules, 2);
	assert_int_equal(result.gap.at[0].line, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(subtraction_is_exact, test_start, test_stop),
		cmocka_unit_test_setup_teardown(clocks_that_differ_are_not_subtracted, test_start,
						test_stop),
		cmocka_unit_test_setup_teardown(chains_mean_what_they_did, test_start, test_stop),
		cmocka_unit_test_setup_teardown(names_show_the_path, test_start, test_stop),
		cmocka_unit_test_setup_teardown(damage_is_refused_with_its_line, test_start,
						test_stop),
		cmocka_unit_test_setup_teardown(doubling_paths_are_bounded, test_start, test_stop),
		cmocka_unit_test_setup_teardown(tables_that_do_not_filter_are_counted, test_start,
						test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
