// SPDX-License-Identifier: Apache-2.0
// A base chain and all that it jumps to as one first-match list.
//
// The one idea: packets under way are a list of groups, each some opaque conditions and the clauses of the packets for which
// they hold. A rule's packets are those groups met with its condition. A jump walks the other chain with them; what comes
// back needs no thought, as what was decided there stands earlier in the list. Only return and goto take packets away from
// the rest of a chain: their clauses are subtracted, and of what they take only under opaque conditions A and B, the part
// with not-A, and that with A and not-B, stays.
//
// A base chain's policy decides what returns from it. Chains that loop, and what grows beyond the limits, are refused.
#include "import/flatten.h"
#include "base/diag.h"
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct group {
	const struct ir_opaque *opaque;
	size_t opaques;
	struct import_clauses packets;
};
struct groups {
	VEC(struct group) list;
};

// Whether every packet that gets into a chain is decided in it.
enum closing { NOT_KNOWN, CLOSES, LETS_OUT };

struct walk {
	struct import_table *table;
	const struct map *index; // name to struct import_body
	struct arena *arena;
	struct diags *diags;
	const struct import_body *base;
	struct import_chain *out;
	bool **emitted;        // by chain and entry
	enum closing *closing; // by chain
	bool fragments;
	size_t steps, memory, depth;
};

static void refuse(const struct walk *w, enum diag_code code, unsigned line, const char *text,
		   const char *hint)
{
	diag_add(w->diags,
		 &(struct diag){.code = code, .file = w->table->file, .line = line, .hint = hint},
		 "%s", text);
}

// `work`: clauses looked at.
static bool within_limits(struct walk *w, size_t work, unsigned line)
{
	w->steps += work + 1;
	if (w->steps <= IMPORT_STEPS_MOST && w->out->policy.rule.len < IR_RULES_MOST &&
	    w->arena->total - w->memory <= IMPORT_MEMORY_MOST)
		return true;
	refuse(w, DIAG_LIMIT, line,
	       "the chains make too many rules when they are written out as one list",
	       "import fewer chains at a time, or jump and return less often to here");
	return false;
}

// --- opaque conditions ---

static bool opaque_same(const struct ir_opaque *a, const struct ir_opaque *b)
{
	if (a->kind != b->kind || a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->value[i], b->value[i]) != 0)
			return false;
	return true;
}

// A group with one more condition that must hold (or, with `negated`, must not). False when that contradicts the others.
static bool group_require(struct group *group, const struct ir_opaque *opaque, bool negated,
			  struct arena *arena)
{
	bool want = opaque->negated != negated;
	for (size_t i = 0; i < group->opaques; i++)
		if (opaque_same(&group->opaque[i], opaque))
			return group->opaque[i].negated == want;
	struct ir_opaque *list = arena_array(arena, struct ir_opaque, group->opaques + 1);
	if (group->opaques)
		memcpy(list, group->opaque, group->opaques * sizeof(*list));
	list[group->opaques] = *opaque;
	list[group->opaques].negated = want;
	group->opaque = list;
	group->opaques++;
	return true;
}

// --- packets of a rule ---

// At some hooks packets have no incoming or no outgoing interface; filters then see an empty name, value 0.
static enum ir_dim absent_interface(const char *hook)
{
	if (!strcmp(hook, "input") || !strcmp(hook, "prerouting") || !strcmp(hook, "ingress"))
		return IR_OUT;
	if (!strcmp(hook, "output") || !strcmp(hook, "egress"))
		return IR_IN;
	return IR_DIMS;
}

// A router counts down before its forward hook: the packet came with one more. What comes with 0 or 1 gets nowhere.
static struct algebra_set counted_up(struct arena *arena, struct algebra_set set)
{
	struct algebra_builder up = {.arena = arena};
	for (size_t i = 0; i < set.len; i++)
		if (set.at[i].lo < 255)
			algebra_builder_add(&up, set.at[i].lo ? set.at[i].lo + 1 : 0,
					    set.at[i].hi < 255 ? set.at[i].hi + 1 : 255);
	return algebra_builder_take(&up);
}

// The condition as it is at the base chain's hook, put on the clause. False: it matches nothing there.
static bool cond_at_hook(const struct walk *w, const struct ir_cond *cond, struct ir_clause *out)
{
	struct algebra_set set = cond->set;
	if (cond->dim == absent_interface(w->base->hook))
		return algebra_set_has(set, 0);
	if (cond->dim == IR_TTL && !strcmp(w->base->hook, "forward"))
		set = counted_up(w->arena, set);
	return ir_clause_narrow(out, w->arena, cond->dim, set);
}

static bool clause_at_hook(const struct walk *w, const struct ir_clause *clause,
			   struct ir_clause *out)
{
	enum ir_dim absent = absent_interface(w->base->hook);
	bool forwards = !strcmp(w->base->hook, "forward"), same = true;
	for (size_t i = 0; i < clause->len; i++)
		same &= clause->cond[i].dim != absent &&
			!(forwards && clause->cond[i].dim == IR_TTL);
	*out = *clause;
	if (same)
		return true;
	*out = (struct ir_clause){.clock = clause->clock};
	for (size_t i = 0; i < clause->len; i++)
		if (!cond_at_hook(w, &clause->cond[i], out))
			return false;
	return true;
}

static bool meet_clause(struct walk *w, const struct ir_clause *with, unsigned line,
			const struct import_clauses *from, struct import_clauses *out)
{
	for (size_t i = 0; i < from->list.len; i++) {
		struct ir_clause both = from->list.at[i];
		if (!import_clocks_agree(&both, with)) {
			refuse(w, DIAG_UNSUPPORTED, line,
			       "times of day of different time zones meet in one path",
			       "give the times of all rules in one zone");
			return false;
		}
		if (ir_clause_overlaps(&both, with) && ir_clause_and(&both, w->arena, with) &&
		    !import_clause_impossible(&both))
			vec_push(w->arena, &out->list, both);
	}
	return true;
}

// The rule's clauses within those of the group. The parts are disjoint only if the rule's clauses are.
static bool meet_clauses(struct walk *w, const struct import_rule *rule,
			 const struct import_clauses *from, struct import_clauses *out)
{
	for (size_t i = 0; i < rule->clauses; i++) {
		struct ir_clause here;
		if (clause_at_hook(w, &rule->clause[i], &here) &&
		    !meet_clause(w, &here, rule->line, from, out))
			return false;
		if (!within_limits(w, from->list.len, rule->line))
			return false;
	}
	return true;
}

// The packets under way that the rule matches.
static bool meet(struct walk *w, const struct import_rule *rule, const struct groups *from,
		 struct groups *out)
{
	for (size_t i = 0; i < from->list.len; i++) {
		struct group group = from->list.at[i];
		bool possible = true;
		for (size_t k = 0; k < rule->opaques && possible; k++)
			possible = group_require(&group, &rule->opaque[k], false, w->arena);
		if (!possible)
			continue;
		group.packets = (struct import_clauses){0};
		if (!meet_clauses(w, rule, &from->list.at[i].packets, &group.packets))
			return false;
		if (group.packets.list.len)
			vec_push(w->arena, &out->list, group);
	}
	return true;
}

// --- what a return or a goto leaves ---

static bool subtract_clause(struct walk *w, struct import_clauses *from,
			    const struct ir_clause *away, unsigned line)
{
	struct import_clauses left = {0};
	for (size_t i = 0; i < from->list.len; i++) {
		if (!import_clause_subtract(&from->list.at[i], away, w->fragments, w->arena,
					    &left)) {
			refuse(w, DIAG_UNSUPPORTED, line,
			       "times of day of different time zones meet in one path",
			       "give the times of all rules in one zone");
			return false;
		}
		if (!within_limits(w, 1, line))
			return false;
	}
	*from = left;
	return true;
}

// Those of the group for which the conditions do not all hold: not A, then A and not B, ...
static void keep_under_opaques(struct walk *w, const struct import_rule *rule,
			       const struct group *inside, struct groups *out)
{
	struct group holds = *inside;
	for (size_t i = 0; i < rule->opaques; i++) {
		struct group fails = holds;
		if (group_require(&fails, &rule->opaque[i], true, w->arena))
			vec_push(w->arena, &out->list, fails);
		if (!group_require(&holds, &rule->opaque[i], false, w->arena))
			return;
	}
}

static bool subtract_from_group(struct walk *w, const struct import_rule *rule,
				const struct group *group, struct groups *out)
{
	struct group outside = *group;
	for (size_t i = 0; i < rule->clauses; i++) {
		struct ir_clause here;
		if (!clause_at_hook(w, &rule->clause[i], &here))
			continue;
		struct group inside = *group;
		inside.packets = (struct import_clauses){0};
		if (!meet_clause(w, &here, rule->line, &outside.packets, &inside.packets) ||
		    !subtract_clause(w, &outside.packets, &here, rule->line))
			return false;
		if (inside.packets.list.len)
			keep_under_opaques(w, rule, &inside, out);
	}
	if (outside.packets.list.len)
		vec_push(w->arena, &out->list, outside);
	return true;
}

static bool subtract(struct walk *w, const struct import_rule *rule, struct groups *live)
{
	struct groups left = {0};
	for (size_t i = 0; i < live->list.len; i++)
		if (!subtract_from_group(w, rule, &live->list.at[i], &left))
			return false;
	*live = left;
	return true;
}

// --- the walk ---

struct frame {
	const struct import_body *body;
	const char *prefix; // of the names of its rules
	struct groups live;
};

struct effect {
	enum ir_verdict verdict;
	enum ir_log log;
};

static void emit(struct walk *w, const struct frame *f, const struct import_rule *rule,
		 struct effect effect, const struct groups *matched)
{
	for (size_t i = 0; i < matched->list.len; i++) {
		const struct group *group = &matched->list.at[i];
		struct ir_rule made = {.policy = w->out->policy.name,
				       .description = rule->text,
				       .file = w->table->file,
				       .line = rule->line,
				       .verdict = effect.verdict,
				       .log = effect.log,
				       .clause = group->packets.list.at,
				       .clauses = group->packets.list.len,
				       .opaques = group->opaques};
		made.name =
			arena_printf(w->arena, "%s%s %u", f->prefix, f->body->name, rule->number);
		made.opaque = arena_memdup(w->arena, group->opaque,
					   group->opaques * sizeof(*group->opaque));
		vec_push(w->arena, &w->out->policy.rule, made);
		w->emitted[f->body - w->table->chain.at][rule - f->body->rule.at] = true;
	}
}

static bool walk_chain(struct walk *w, struct frame *f);

static bool walk_into(struct walk *w, const struct frame *f, const struct import_rule *rule,
		      const struct groups *matched)
{
	struct frame next = {.body = map_get(w->index, rule->to), .live = *matched};
	next.prefix = arena_printf(w->arena, "%s%s %u > ", f->prefix, f->body->name, rule->number);
	if (w->depth == IMPORT_DEPTH_MOST) {
		refuse(w, DIAG_LIMIT, rule->line, "chains jump deeper than 64 levels",
		       "put the rules of some of these chains where they are jumped to");
		return false;
	}
	w->depth++;
	bool good = walk_chain(w, &next);
	w->depth--;
	return good;
}

static bool takes_all(const struct import_rule *rule)
{
	for (size_t i = 0; !rule->opaques && i < rule->clauses; i++)
		if (!rule->clause[i].len)
			return true;
	return false;
}

static bool closes(struct walk *w, const char *name);

static enum closing find_closing(struct walk *w, const struct import_body *body)
{
	for (size_t i = 0; i < body->rule.len; i++) {
		const struct import_rule *rule = &body->rule.at[i];
		bool goes = rule->target == IMPORT_GOTO;
		if (rule->target == IMPORT_RETURN || (goes && !closes(w, rule->to)))
			return LETS_OUT;
		if (takes_all(rule) && (rule->target == IMPORT_VERDICT || goes ||
					(rule->target == IMPORT_JUMP && closes(w, rule->to))))
			return CLOSES;
	}
	return LETS_OUT;
}

// Chains that are reached have no loops, and no more depth than reach_chain has seen.
static bool closes(struct walk *w, const char *name)
{
	const struct import_body *body = map_get(w->index, name);
	enum closing *is = &w->closing[body - w->table->chain.at];
	if (*is == NOT_KNOWN)
		*is = find_closing(w, body);
	return *is == CLOSES;
}

static bool walk_rule(struct walk *w, struct frame *f, const struct import_rule *rule)
{
	bool in_base = f->body == w->base;
	bool leaves = rule->target == IMPORT_RETURN || rule->target == IMPORT_GOTO;
	bool jumps = rule->target == IMPORT_JUMP || rule->target == IMPORT_GOTO;
	struct groups matched = {0};
	if (!meet(w, rule, &f->live, &matched))
		return false;
	if (!matched.list.len)
		return true;
	if (rule->target == IMPORT_VERDICT)
		emit(w, f, rule, (struct effect){rule->verdict, rule->log}, &matched);
	else if (rule->log != IR_LOG_NONE)
		emit(w, f, rule, (struct effect){IR_NONE, rule->log}, &matched);
	if (jumps && !walk_into(w, f, rule, &matched))
		return false;
	if (leaves && in_base)
		emit(w, f, rule, (struct effect){.verdict = w->base->policy}, &matched);
	bool decided = in_base || (rule->target == IMPORT_GOTO && closes(w, rule->to));
	return !leaves || decided || subtract(w, rule, &f->live);
}

static bool walk_chain(struct walk *w, struct frame *f)
{
	for (size_t i = 0; i < f->body->rule.len && f->live.list.len; i++)
		if (!within_limits(w, 0, f->body->rule.at[i].line) ||
		    !walk_rule(w, f, &f->body->rule.at[i]))
			return false;
	return true;
}

// --- what is reached ---

enum mark { UNSEEN, ON_PATH, SEEN };

struct reach {
	struct walk *w;
	enum mark *mark; // by chain
	size_t depth;
};

static bool reach_chain(struct reach *r, const struct import_body *body, unsigned line)
{
	enum mark *mark = &r->mark[body - r->w->table->chain.at];
	if (*mark == SEEN)
		return true;
	if (*mark == ON_PATH || r->depth > IMPORT_DEPTH_MOST) {
		bool loop = *mark == ON_PATH;
		refuse(r->w, loop ? DIAG_CONSTRAINT : DIAG_LIMIT, line,
		       loop ? "a chain jumps back to itself" : "chains jump deeper than 64 levels",
		       loop ? "take the jump out; no kernel accepts such a ruleset"
			    : "put the rules of some of these chains where they are jumped to");
		return false;
	}
	*mark = ON_PATH;
	r->depth++;
	bool good = true;
	for (size_t i = 0; i < body->rule.len && good; i++)
		if (body->rule.at[i].to)
			good = reach_chain(r, map_get(r->w->index, body->rule.at[i].to),
					   body->rule.at[i].line);
	r->depth--;
	*mark = SEEN;
	return good;
}

// Entries with one number are one rule of the source.
static bool begins_rule(const struct import_body *body, size_t i)
{
	return !i || body->rule.at[i].number != body->rule.at[i - 1].number;
}

static size_t count_rules(const struct import_body *body)
{
	size_t n = 0;
	for (size_t i = 0; i < body->rule.len; i++)
		n += begins_rule(body, i);
	return n;
}

static size_t count_opaque(const struct import_body *body)
{
	size_t n = 0;
	bool counted = false;
	for (size_t i = 0; i < body->rule.len; i++) {
		counted = counted && !begins_rule(body, i);
		n += body->rule.at[i].opaques && !counted;
		counted |= body->rule.at[i].opaques > 0;
	}
	return n;
}

// Rules with an effect that no packet gets to on any path stand at the end, matching nothing, so that analysis names them.
static void emit_unmatched(struct walk *w, const enum mark *mark)
{
	struct groups nothing = {0};
	vec_push(w->arena, &nothing.list, (struct group){0});
	for (size_t c = 0; c < w->table->chain.len; c++) {
		struct frame f = {.body = &w->table->chain.at[c], .prefix = ""};
		for (size_t i = 0; mark[c] == SEEN && i < f.body->rule.len; i++) {
			const struct import_rule *rule = &f.body->rule.at[i];
			bool decides = rule->target == IMPORT_VERDICT;
			if (!w->emitted[c][i] && (decides || rule->log != IR_LOG_NONE))
				emit(w, &f, rule,
				     (struct effect){decides ? rule->verdict : IR_NONE, rule->log},
				     &nothing);
		}
	}
}

static void emit_policy(struct walk *w)
{
	struct ir_rule rule = {
		.policy = w->out->policy.name,
		.description = w->base->policy_text,
		.file = w->table->file,
		.line = w->base->line,
		.verdict = w->base->policy,
		.clause = arena_memdup(w->arena, &w->table->sees, sizeof(w->table->sees)),
		.clauses = 1};
	rule.name = arena_printf(w->arena, "%s policy", w->base->name);
	vec_push(w->arena, &w->out->policy.rule, rule);
}

static bool flatten_base(struct walk *w, const enum mark *mark)
{
	struct frame f = {.body = w->base, .prefix = ""};
	struct group all = {0};
	vec_push(w->arena, &all.packets.list, w->table->sees);
	vec_push(w->arena, &f.live.list, all);
	w->emitted = arena_array(w->arena, bool *, w->table->chain.len);
	for (size_t c = 0; c < w->table->chain.len; c++) {
		w->emitted[c] = arena_array(w->arena, bool, w->table->chain.at[c].rule.len);
		if (mark[c] != SEEN)
			continue;
		w->out->source_rules += count_rules(&w->table->chain.at[c]);
		w->out->opaque_rules += count_opaque(&w->table->chain.at[c]);
	}
	if (!walk_chain(w, &f))
		return false;
	emit_unmatched(w, mark);
	emit_policy(w);
	return true;
}

// --- the table ---

static bool asks_fragments(const struct import_table *table)
{
	for (size_t c = 0; c < table->chain.len; c++)
		for (size_t i = 0; i < table->chain.at[c].rule.len; i++)
			for (size_t k = 0; k < table->chain.at[c].rule.at[i].clauses; k++)
				if (ir_clause_set(&table->chain.at[c].rule.at[i].clause[k],
						  IR_FRAGOFF))
					return true;
	return false;
}

static bool jumps_resolve(struct walk *w, const struct import_body *body)
{
	bool good = true;
	for (size_t i = 0; i < body->rule.len; i++) {
		const struct import_rule *rule = &body->rule.at[i];
		const struct import_body *to = rule->to ? map_get(w->index, rule->to) : NULL;
		if (!rule->to || (to && !to->hook))
			continue;
		refuse(w, DIAG_REFERENCE, rule->line,
		       arena_printf(w->arena,
				    to ? "chain %s is a base chain; no rule can jump to it"
				       : "there is no chain %s in this table",
				    rule->to),
		       to ? "jump to a chain without a hook"
			  : "give the whole output of the tool, with the lines that declare "
			    "chains");
		good = false;
	}
	return good;
}

static bool index_chains(struct walk *w, struct map *index)
{
	bool good = true;
	for (size_t c = 0; c < w->table->chain.len; c++) {
		struct import_body *body = &w->table->chain.at[c];
		w->table->source_rules += count_rules(body);
		if (map_put(index, body->name, body)) {
			refuse(w, DIAG_DUPLICATE, body->line,
			       arena_printf(w->arena, "chain %s is declared twice in one table",
					    body->name),
			       "give the output of one run of the tool");
			good = false;
		}
	}
	for (size_t c = 0; c < w->table->chain.len; c++)
		good &= jumps_resolve(w, &w->table->chain.at[c]);
	return good;
}

static bool flatten_chain(struct walk *w, const struct import_body *base, bool *reached,
			  struct import_result *out)
{
	const struct import_table *table = w->table;
	struct reach r = {.w = w, .mark = arena_array(w->arena, enum mark, table->chain.len)};
	if (!reach_chain(&r, base, base->line))
		return false;
	for (size_t c = 0; c < table->chain.len; c++)
		reached[c] |= r.mark[c] == SEEN;
	if (!table->filters)
		return true;
	struct import_chain chain = {.family = table->family,
				     .table = table->name,
				     .name = base->name,
				     .hook = base->hook,
				     .filters = true};
	chain.policy.name = arena_printf(w->arena, "%s %s", table->name, base->name);
	w->base = base;
	w->out = &chain;
	if (!flatten_base(w, r.mark))
		return false;
	vec_push(w->arena, &out->chain, chain);
	return true;
}

bool import_flatten(struct import_table *table, struct arena *arena, struct diags *diags,
		    struct import_result *out)
{
	struct map index = {.arena = arena};
	struct walk w = {.table = table, .index = &index, .arena = arena, .diags = diags};
	w.memory = arena->total;
	bool *reached = arena_array(arena, bool, table->chain.len);
	if (!index_chains(&w, &index))
		return false;
	w.fragments = asks_fragments(table);
	w.closing = arena_array(arena, enum closing, table->chain.len);
	for (size_t c = 0; c < table->chain.len; c++)
		if (table->chain.at[c].hook &&
		    !flatten_chain(&w, &table->chain.at[c], reached, out))
			return false;
	out->source_rules += table->source_rules;
	for (size_t c = 0; table->filters && c < table->chain.len; c++)
		out->unreached += reached[c] ? 0 : count_rules(&table->chain.at[c]);
	if (!table->filters)
		out->elsewhere += table->source_rules;
	return true;
}

#define GAPS_MOST 500

void import_gap_add(struct import_result *result, struct arena *arena, const char *what,
		    unsigned line)
{
	if (result->gap.len >=
	    GAPS_MOST) // hostile input must not make the list a search of its own
		what = "other things";
	for (size_t i = result->gap.len; i-- > 0;)
		if (!strcmp(result->gap.at[i].what, what)) {
			result->gap.at[i].rules++;
			return;
		}
	vec_push(arena, &result->gap, (struct import_gap){what, 1, line});
}
