// SPDX-License-Identifier: Apache-2.0
// Lifting guesses and compiling decides: a few kernel rules are taken for one rule of the IR, that
// rule is compiled, and only when the very same kernel rules come out of it was the guess right. So
// this file may be simple without ever saying of the kernel what is not so. Names come from user data;
// nothing else does.
#include "backend/nft/lift.h"
#include "backend/nft/text.h"
#include "base/buf.h"

#include <string.h>

#define LIFT_INDEX 0u

struct lifting {
	const struct nft_program *program;
	const struct nft_chain *main_chain;
	struct arena *arena;
	struct ir_ruleset *out;
	struct backend_differences *strange;
	uint32_t last_tag; // of the rule that was lifted last
	bool tagged, flow_rules;
};

void nft_lift_program(const struct nft_table *table, uint32_t generation, struct nft_program *out)
{
	char *prefix = nft_generation_name(generation, out->arena);
	size_t len = strlen(prefix);
	for (size_t i = 0; i < table->chain.len; i++) {
		const struct nft_dumped_chain *from = table->chain.at[i];
		uint32_t of;
		if (!nft_generation_of(from->name, &of) || of != generation || from->base)
			continue;
		struct nft_chain *chain = nft_program_chain(out, from->name + len);
		chain->rule.at = from->rule.at;
		chain->rule.len = chain->rule.cap = from->rule.len;
	}
}

// --- what a rule does ---

static bool is_reject(const struct nft_chain *chain)
{
	return chain->rule.len == 2 && chain->rule.at[0].act == ACT_RESET &&
	       chain->rule.at[1].act == ACT_UNREACHABLE;
}

static void guess_rate(const struct nft_form *form, struct ir_rule *rule)
{
	const struct nft_limit *limit = &form->limit;
	if (limit->bytes)
		rule->rate.bytes_x100 =
			limit->unit && limit->unit <= 100 ? limit->rate * (100 / limit->unit) : 0;
	else if (nft_form_set(form, F_KNOWN))
		rule->rate.flows = limit->rate;
	else
		rule->rate.packets = limit->rate;
}

static void guess_action(struct lifting *l, const struct nft_form *form, unsigned depth,
			 struct ir_rule *rule);

static void guess_chain(struct lifting *l, const struct nft_chain *chain, unsigned depth,
			struct ir_rule *rule)
{
	bool limits = false, ends = false;
	for (size_t i = 0; i < chain->rule.len; i++) {
		const struct nft_form *form = &chain->rule.at[i];
		if (form->limited)
			guess_rate(form, rule);
		limits |= form->limited;
		ends = !form->limited;
		guess_action(l, form, depth + 1, rule);
	}
	if (limits && ends)
		rule->verdict = IR_RATE_LIMIT;
}

static void guess_action(struct lifting *l, const struct nft_form *form, unsigned depth,
			 struct ir_rule *rule)
{
	const struct nft_chain *chain =
		form->chain ? nft_program_find(l->program, form->chain) : NULL;
	if (form->log.prefix && !form->limited)
		rule->log = nft_form_set(form, F_KNOWN) ? IR_LOG_SESSION : IR_LOG_RULE;
	else if (form->log.prefix)
		rule->log = IR_LOG_RULE;
	if (form->act == ACT_ACCEPT)
		rule->verdict = IR_PASS;
	else if (form->act == ACT_DROP)
		rule->verdict = IR_DROP;
	else if (chain && is_reject(chain))
		rule->verdict = IR_REJECT;
	else if (chain && depth < 4)
		guess_chain(l, chain, depth, rule);
}

// --- which packets ---

static bool of_flow(const struct nft_form *form)
{
	for (size_t i = 0; i < form->len; i++)
		if (nft_field_info[form->match[i].field].side == OF_FLOW)
			return true;
	return false;
}

// Guards have no dimension, or in a flow rule that of a tuple which is not the flow's.
static bool guards(const struct nft_match *match, bool flow)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	if (info->dim == IR_DIMS)
		return true;
	return flow && info->side == OF_PACKET && ir_dim_info[info->dim].kind == IR_KIND_TUPLE;
}

static bool guess_clause(struct lifting *l, const struct nft_form *form, struct ir_clause *out)
{
	bool flow = of_flow(form);
	*out = (struct ir_clause){0};
	for (size_t i = 0; i < form->len; i++) {
		const struct nft_match *match = &form->match[i];
		struct algebra_set set;
		if (guards(match, flow))
			continue;
		if (!nft_field_value(match->field, l->arena, match->set, &set) ||
		    !ir_clause_narrow(out, l->arena, nft_field_info[match->field].dim, set))
			return false;
	}
	return true;
}

static bool direction_is(const struct nft_form *form, unsigned direction)
{
	const struct algebra_set *set = nft_form_set(form, F_DIRECTION);
	return set && set->len == 1 && set->at[0].lo == direction && set->at[0].hi == direction;
}

// The clauses of `n` kernel rules; a rule against the flow's direction belongs to the one before it.
static bool guess_clauses(struct lifting *l, const struct nft_form *form, size_t n,
			  struct ir_rule *rule)
{
	rule->clause = arena_array(l->arena, struct ir_clause, n);
	rule->flow = n && of_flow(&form[0]);
	for (size_t i = 0; i < n; i++) {
		if (direction_is(&form[i], 1))
			continue;
		if (!guess_clause(l, &form[i], &rule->clause[rule->clauses++]))
			return false;
	}
	return rule->clauses > 0;
}

// --- guess and check ---

// One after the other, so that each key tells where it ends.
static void key_of(const struct nft_program *program, const struct nft_form *form, size_t n,
		   struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		nft_form_key(program, &form[i], false, out);
}

static bool same(struct lifting *l, const struct nft_form *form, size_t n,
		 const struct nft_program *other, const struct nft_chain *chain)
{
	struct buf a, b;
	buf_init(&a);
	buf_init(&b);
	key_of(l->program, form, n, &a);
	key_of(other, chain->rule.at, chain->rule.len, &b);
	bool equal = chain->rule.len == n && a.len == b.len && !memcmp(a.data, b.data, a.len);
	buf_fini(&b);
	buf_fini(&a);
	return equal;
}

static bool confirmed(struct lifting *l, const struct ir_rule *rule, const struct nft_form *form,
		      size_t n)
{
	struct arena arena;
	struct nft_program program;
	arena_init(&arena);
	nft_program_init(&program, &arena);
	struct nft_chain *chain = nft_program_chain(&program, "");
	nft_compile_rule(&program, NULL, rule, LIFT_INDEX, chain);
	bool equal = same(l, form, n, &program, chain);
	arena_fini(&arena);
	return equal;
}

static const struct nft_chain *dispatched(struct lifting *l, const struct nft_form *form)
{
	const struct nft_chain *chain =
		form->chain ? nft_program_find(l->program, form->chain) : NULL;
	if (form->len || form->act != ACT_JUMP || !chain || !chain->rule.len)
		return NULL;
	// Clauses lead somewhere; what stands first in the other chains does not, or has a limit.
	return !chain->rule.at[0].limited && chain->rule.at[0].act != ACT_CONTINUE ? chain : NULL;
}

// Tries to take `n` kernel rules of the main chain for one rule of the IR.
static bool guess(struct lifting *l, const struct nft_form *form, size_t n, struct ir_rule *out)
{
	struct ir_rule rule = {.policy = form->tag.policy ? form->tag.policy : "",
			       .name = form->tag.name ? form->tag.name : ""};
	const struct nft_chain *chain = dispatched(l, form);
	const struct nft_form *clauses = chain ? chain->rule.at : form;
	size_t count = chain ? chain->rule.len : n;
	guess_action(l, &clauses[0], 0, &rule);
	if (!guess_clauses(l, clauses, count, &rule))
		return false;
	nft_normal_rule(&rule, l->arena, out);
	return out->clauses > 0 && confirmed(l, out, form, n);
}

static void add_strange(struct lifting *l, enum backend_change change, const struct nft_form *form,
			const char *intended)
{
	vec_push(l->strange->arena, &l->strange->list,
		 (struct backend_difference){
			 .change = change,
			 .policy = form ? form->tag.policy : NULL,
			 .rule = form ? form->tag.name : NULL,
			 .intended = intended,
			 .found = form ? nft_text_shown(l->program, form, l->strange->arena)
				       : NULL});
}

// Neighbours that user data gives to one rule and that do the same are clauses of one rule.
static bool joins(const struct lifting *l, const struct nft_form *form, const struct ir_rule *rule)
{
	if (!l->tagged || !form->tag.known || form->tag.rule != l->last_tag || !l->out->rule.len)
		return false;
	const struct ir_rule *before = &l->out->rule.at[l->out->rule.len - 1];
	return rule->verdict != IR_NONE && !ir_rule_has_rate(rule) && !ir_rule_has_rate(before) &&
	       before->flow == rule->flow && before->verdict == rule->verdict &&
	       before->log == rule->log;
}

static void add_rule(struct lifting *l, const struct nft_form *form, const struct ir_rule *rule)
{
	l->flow_rules |= rule->flow;
	if (!joins(l, form, rule)) {
		vec_push(l->arena, &l->out->rule, *rule);
	} else {
		struct ir_rule *before = &l->out->rule.at[l->out->rule.len - 1];
		struct ir_clause *all =
			arena_array(l->arena, struct ir_clause, before->clauses + rule->clauses);
		memcpy(all, before->clause, before->clauses * sizeof(*all));
		memcpy(all + before->clauses, rule->clause, rule->clauses * sizeof(*all));
		before->clause = all;
		before->clauses += rule->clauses;
	}
	l->last_tag = form->tag.rule;
	l->tagged = form->tag.known;
}

// Lifts what begins at `at`; returns how many kernel rules it took.
static size_t lift_one(struct lifting *l, size_t at, size_t end)
{
	const struct nft_form *form = &l->main_chain->rule.at[at];
	struct ir_rule rule;
	bool paired = at + 1 < end && direction_is(form, 0) && direction_is(form + 1, 1);
	if (paired && guess(l, form, 2, &rule) && ir_verdict_passes(rule.verdict)) {
		add_rule(l, form, &rule);
		return 2;
	}
	if (guess(l, form, 1, &rule)) {
		add_rule(l, form, &rule);
		return 1;
	}
	add_strange(l, BACKEND_FOREIGN, form, NULL);
	l->tagged = false;
	return 1;
}

// --- the end of the chain ---

static bool lift_default(struct lifting *l, const struct nft_form *form)
{
	static const enum ir_verdict verdicts[] = {IR_PASS, IR_DROP, IR_REJECT};
	for (size_t i = 0; i < array_len(verdicts); i++) {
		struct arena arena;
		struct nft_program program;
		arena_init(&arena);
		nft_program_init(&program, &arena);
		struct nft_chain *chain = nft_program_chain(&program, "");
		nft_compile_end(&program, false, verdicts[i], chain);
		bool equal = same(l, form, 1, &program, chain);
		arena_fini(&arena);
		if (equal) {
			l->out->default_action = verdicts[i];
			return true;
		}
	}
	return false;
}

static bool is_no_flow(const struct lifting *l, const struct nft_form *form)
{
	const struct algebra_set *state = nft_form_set(form, F_STATE);
	return form->len == 1 && state &&
	       algebra_set_equal(*state,
				 algebra_set_one(l->arena, IR_STATE_INVALID, IR_STATE_UNTRACKED)) &&
	       form->act == ACT_DROP && !form->limited && !form->log.prefix && !form->strange &&
	       !form->named_set;
}

void nft_lift(const struct nft_program *program, struct arena *arena, struct ir_ruleset *out,
	      struct backend_differences *strange)
{
	struct lifting l = {.program = program, .arena = arena, .out = out, .strange = strange};
	*out = (struct ir_ruleset){.default_action = IR_NONE};
	l.main_chain = nft_program_find(program, "");
	size_t n = l.main_chain ? l.main_chain->rule.len : 0;
	const struct nft_form *form = n ? l.main_chain->rule.at : NULL;
	size_t end = n && lift_default(&l, &form[n - 1]) ? n - 1 : n;
	if (end == n)
		add_strange(&l, BACKEND_MISSING, NULL, "a default action at the end");
	bool no_flow = end && is_no_flow(&l, &form[end - 1]);
	size_t rules = end - no_flow;
	for (size_t i = 0; i < rules;)
		i += lift_one(&l, i, rules);
	if (l.flow_rules && !no_flow)
		add_strange(&l, BACKEND_MISSING, NULL, "the drop of packets without a flow");
	if (!l.flow_rules && no_flow)
		(void)lift_one(&l, end - 1, end);
}
