// SPDX-License-Identifier: Apache-2.0
// Lifting guesses and compiling decides: a few kernel rules are taken for one rule of the IR, that
// rule is compiled, and only when the very same kernel rules come out of it was the guess right. So
// this file may be simple without ever saying of the kernel what is not so. Names come from user data;
// nothing else does.
#include "backend/nft/lift.h"
#include "backend/nft/flatten.h"
#include "backend/nft/text.h"

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
	bool no_flow; // a drop of packets without a flow stands at the end
	VEC(struct nft_origin) origin;
	const struct nft_chain *const *chain; // by rule of the main chain
};

static void lift_direct(const struct nft_chain *chain, struct nft_program *out)
{
	for (size_t i = 0; i < chain->rule.len; i++) {
		const struct nft_boxes *boxes = &chain->rule.at[i].boxes;
		for (size_t k = 0; k < boxes->len; k++)
			(void)!nft_direct_chain(out, &boxes->box[k]);
	}
}

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
		nft_chain_spread(from->rule.at, from->rule.len, out->arena, chain);
		lift_direct(chain, out);
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

// A rule of flows, whatever they are, says no more than that there is one. So may one of packets.
static bool of_any_flow(const struct lifting *l, const struct nft_form *form)
{
	bool says = false;
	for (size_t i = 0; i < form->len; i++)
		says |= nft_any_flow(&form->match[i]);
	return says && l->no_flow;
}

// Guards have no dimension, or in a flow rule that of a tuple which is not the flow's.
static bool guards(const struct nft_match *match, bool flow)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	if (info->dim == IR_DIMS)
		return true;
	return flow && info->side == OF_PACKET && ir_dim_info[info->dim].kind == IR_KIND_TUPLE;
}

static bool direction_is(const struct nft_form *form, unsigned direction)
{
	return nft_form_direction(form) == direction + 1;
}

// A test of the direction, with no other of the packet, says that a rule was for one direction only.
static bool tell_direction(struct lifting *l, const struct nft_form *form, struct ir_clause *out)
{
	for (size_t i = 0; i < out->len; i++)
		if (ir_dim_info[out->cond[i].dim].kind == IR_KIND_PACKET)
			return true;
	return !direction_is(form, 0) ||
	       ir_clause_narrow(out, l->arena, IR_STATE,
				algebra_set_one(l->arena, 0, NFT_STATES - 1));
}

// A field that the versions keep at different places says which one is meant, where nothing else does.
static bool say_version(struct lifting *l, const struct nft_form *form, struct ir_clause *out)
{
	for (size_t i = 0; i < form->len && ir_clause_versions(out) == 3; i++) {
		const struct nft_field_info *info = &nft_field_info[form->match[i].field];
		bool split = info->dim != IR_DIMS &&
			     nft_field_of(info->dim, info->side, 4, false) !=
				     nft_field_of(info->dim, info->side, 6, false);
		if (split &&
		    !ir_clause_narrow(out, l->arena, IR_FAMILY,
				      algebra_set_one(l->arena, info->version, info->version)))
			return false;
	}
	return true;
}

static bool guess_clause(struct lifting *l, const struct nft_form *form, bool flow,
			 struct ir_clause *out)
{
	bool any = flow && !of_flow(form);
	*out = (struct ir_clause){0};
	for (size_t i = 0; i < form->len; i++) {
		const struct nft_match *match = &form->match[i];
		struct algebra_set set;
		if (guards(match, flow) || (any && nft_any_flow(match)))
			continue;
		if (!nft_field_value(match->field, l->arena, match->set, &set) ||
		    !ir_clause_narrow(out, l->arena, nft_field_info[match->field].dim, set))
			return false;
	}
	return say_version(l, form, out) && (!flow || tell_direction(l, form, out));
}

// What is against the direction shows whether the version is the flow's or only what the packet's fields imply.
static bool narrow_version(struct lifting *l, const struct nft_form *against,
			   struct ir_clause *clause)
{
	struct nft_area area;
	struct algebra_set version;
	nft_area_of(against, l->arena, &area);
	if (!(area.has >> F_FLOW_VERSION & 1))
		return true;
	return nft_field_value(F_FLOW_VERSION, l->arena, area.set[F_FLOW_VERSION], &version) &&
	       ir_clause_narrow(clause, l->arena, IR_FAMILY, version);
}

// The clauses of `n` kernel rules; a rule against the flow's direction belongs to the one before it.
static bool guess_clauses(struct lifting *l, const struct nft_form *form, size_t n,
			  struct ir_rule *rule)
{
	rule->clause = arena_array(l->arena, struct ir_clause, n);
	for (size_t i = 0; i < n; i++) {
		struct ir_clause *clause = &rule->clause[rule->clauses];
		if (direction_is(&form[i], 1))
			continue;
		rule->clauses++;
		if (!guess_clause(l, &form[i], rule->flow, clause))
			return false;
		if (i + 1 < n && direction_is(&form[i + 1], 1) &&
		    !narrow_version(l, &form[i + 1], clause))
			return false;
	}
	return rule->clauses > 0;
}

// --- guess and check ---

static bool same_action(const struct nft_program *program, const struct nft_form *form,
			const struct nft_program *other, const struct nft_form *guessed)
{
	struct nft_form does = *form, would = *guessed;
	does.len = would.len = 0;
	return nft_form_same((struct nft_form_of){program, &does},
			     (struct nft_form_of){other, &would}, false);
}

static const struct nft_chain *dispatched(const struct nft_program *program,
					  const struct nft_form *form)
{
	return form->len ? NULL : nft_form_clauses(program, form);
}

// Some rules, and the program that has the chains they lead to.
struct rules {
	const struct nft_program *program;
	const struct nft_form *form;
	size_t n;
};

static bool same(struct rules is, struct rules would);

static bool same_clauses(const struct nft_program *program, const struct nft_form *form,
			 const struct nft_program *other, const struct nft_form *guessed)
{
	const struct nft_chain *a = dispatched(program, form), *b = dispatched(other, guessed);
	if (!a || !b || form->log.prefix || guessed->log.prefix || form->limited ||
	    guessed->limited || form->strange || form->named_set)
		return same_action(program, form, other, guessed);
	return same((struct rules){program, a->rule.at, a->rule.len},
		    (struct rules){other, b->rule.at, b->rule.len});
}

// The same packets, and the same is done with them.
static bool same(struct rules is, struct rules would)
{
	struct arena arena;
	bool equal = is.n == would.n;
	arena_init(&arena);
	for (size_t i = 0; equal && i < is.n; i++) {
		struct nft_area a, b;
		nft_area_of(&is.form[i], &arena, &a);
		nft_area_of(&would.form[i], &arena, &b);
		equal = nft_area_equal(&a, &b) &&
			same_clauses(is.program, &is.form[i], would.program, &would.form[i]);
	}
	arena_fini(&arena);
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
	bool equal = same((struct rules){l->program, form, n},
			  (struct rules){&program, chain->rule.at, chain->rule.len});
	arena_fini(&arena);
	return equal;
}

static bool guess_as(struct lifting *l, const struct nft_form *form, size_t n, bool flow,
		     struct ir_rule *out)
{
	struct ir_rule rule = {.policy = form->tag.policy ? form->tag.policy : "",
			       .name = form->tag.name ? form->tag.name : "",
			       .flow = flow};
	const struct nft_chain *chain = dispatched(l->program, form);
	const struct nft_form *clauses = chain ? chain->rule.at : form;
	size_t count = chain ? chain->rule.len : n;
	guess_action(l, &clauses[0], 0, &rule);
	if (!guess_clauses(l, clauses, count, &rule))
		return false;
	nft_normal_rule(&rule, l->arena, out);
	return out->clauses > 0 && confirmed(l, out, form, n);
}

// Tries to take `n` kernel rules of the main chain for one rule of the IR.
static bool guess(struct lifting *l, const struct nft_form *form, size_t n, struct ir_rule *out)
{
	const struct nft_chain *chain = dispatched(l->program, form);
	const struct nft_form *clauses = chain ? chain->rule.at : form;
	size_t count = chain ? chain->rule.len : n;
	bool flow = false, any = false;
	for (size_t i = 0; i < count; i++) {
		flow |= of_flow(&clauses[i]);
		any |= of_any_flow(l, &clauses[i]);
	}
	return ((flow || any) && guess_as(l, form, n, true, out)) ||
	       (!flow && guess_as(l, form, n, false, out));
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

static void add_origin(struct lifting *l, const struct nft_form *form)
{
	size_t at = (size_t)(form - l->main_chain->rule.at);
	vec_push(l->arena, &l->origin,
		 (struct nft_origin){l->chain ? l->chain[at] : l->main_chain, form});
}

static void add_rule(struct lifting *l, const struct nft_form *form, const struct ir_rule *rule)
{
	l->flow_rules |= rule->flow;
	if (!joins(l, form, rule)) {
		vec_push(l->arena, &l->out->rule, *rule);
		add_origin(l, form);
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

// A rule against the direction alone: that of a clause that no packet in the direction can meet.
static bool guess_against(struct lifting *l, const struct nft_form *form, struct ir_rule *out)
{
	struct nft_form *pair = arena_array(l->arena, struct nft_form, 2);
	pair[0] = pair[1] = *form;
	pair[0].match = arena_array(l->arena, struct nft_match, form->len);
	pair[0].len = 0;
	for (size_t i = 0; i < form->len; i++)
		if (form->match[i].field != F_DIRECTION)
			pair[0].match[pair[0].len++] = form->match[i];
	nft_form_match(&pair[0], l->arena, F_DIRECTION, algebra_set_one(l->arena, 0, 0));
	nft_form_match(&pair[0], l->arena, F_STATE,
		       algebra_set_one(l->arena, IR_STATE_INVALID, IR_STATE_INVALID));
	return guess(l, pair, 2, out);
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
	bool against = direction_is(form, 1);
	if (against ? guess_against(l, form, &rule) : guess(l, form, 1, &rule)) {
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
		bool equal = same((struct rules){l->program, form, 1},
				  (struct rules){&program, chain->rule.at, chain->rule.len});
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

static void lift_list(struct lifting *l)
{
	size_t n = l->main_chain ? l->main_chain->rule.len : 0;
	const struct nft_form *form = n ? l->main_chain->rule.at : NULL;
	size_t end = n && lift_default(l, &form[n - 1]) ? n - 1 : n;
	// Whatever stands in for an end that no packet comes to.
	bool closed = end == n && n && !form[n - 1].len && nft_takes(&form[n - 1]);
	if (closed)
		l->out->default_action = IR_DROP;
	else if (end == n)
		add_strange(l, BACKEND_MISSING, NULL, "a default action at the end");
	bool no_flow = end && is_no_flow(l, &form[end - 1]);
	size_t rules = end - no_flow;
	l->no_flow = no_flow;
	for (size_t i = 0; i < rules;)
		i += lift_one(l, i, rules);
	// Where packets without a flow are not dropped, what happens at the end is done by a rule.
	if (l->flow_rules && !no_flow && end < n) {
		(void)lift_one(l, end, n);
		l->out->default_action = IR_DROP;
	}
	if (!l->flow_rules && no_flow)
		(void)lift_one(l, end - 1, end);
	if (end < n || closed)
		add_origin(l, &form[end - (end == n)]);
}

static bool is_list(const struct nft_program *program)
{
	const struct nft_chain *chain = nft_program_find(program, "");
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (nft_leads_on(&chain->rule.at[i]))
			return false;
	return true;
}

static void lift_flattened(struct lifting *l, const struct nft_program *program)
{
	struct nft_list list;
	nft_flatten(program, l->arena, &list);
	l->program = &list.program;
	l->main_chain = nft_program_find(&list.program, "");
	l->chain = list.chain;
	if (list.over)
		add_strange(l, BACKEND_FOREIGN, NULL, "rules that can be followed");
	lift_list(l);
}

// A list is taken as it stands, if it can be.
void nft_lift(const struct nft_program *program, struct arena *arena, struct ir_ruleset *out,
	      struct backend_differences *strange, struct nft_origin **origin_out)
{
	struct lifting l = {.program = program, .arena = arena, .out = out, .strange = strange};
	size_t before = strange->list.len;
	*out = (struct ir_ruleset){.default_action = IR_NONE};
	l.main_chain = nft_program_find(program, "");
	if (is_list(program))
		lift_list(&l);
	if (!is_list(program) || strange->list.len > before) {
		strange->list.len = before;
		*out = (struct ir_ruleset){.default_action = IR_NONE};
		l = (struct lifting){.arena = arena, .out = out, .strange = strange};
		lift_flattened(&l, program);
	}
	if (origin_out)
		*origin_out = l.origin.at;
}
