// SPDX-License-Identifier: Apache-2.0
// Placement in three steps a unit (the rules of one policy and name): what it needs, on whose path it
// lies, and whether those who lack something matter. What lets traffic through must be understood by
// everyone on the path; what stops it must be stopped by someone on every path.
#include "place/place.h"
#include "place/zones.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/map.h"

#include <string.h>

struct unit {
	VEC(size_t) rule; // indices into the ruleset
	struct place_needs needs;
	bool stops; // every rule of it drops or rejects
};

struct placement {
	const struct place_input *in;
	struct arena *arena;
	struct diags *diags;
	struct place_result *out;
	VEC(struct unit) unit;
	struct place_zones zones[2]; // IPv4 and IPv6; made when first needed
	bool zoned;
	// Of the unit at hand:
	bool *on_path, *able, *matters; // a function
	bool *placed;                   // a rule and function, rule-major
};

static const struct ir_rule *first_rule(const struct placement *p, const struct unit *unit)
{
	return &p->in->ruleset->rule.at[unit->rule.at[0]];
}

// --- units ---

static void merge_needs(struct placement *p, struct unit *unit, const struct ir_rule *rule)
{
	struct place_needs more;
	place_needs(rule, p->arena, &more);
	for (size_t i = 0; i < more.list.len; i++) {
		const struct place_need *n = &more.list.at[i];
		bool there = false;
		for (size_t k = 0; k < unit->needs.list.len; k++) {
			const struct place_need *m = &unit->needs.list.at[k];
			there |= m->set == n->set && m->identity == n->identity &&
				 !strcmp(m->condition, n->condition);
		}
		if (!there)
			vec_push(p->arena, &unit->needs.list, *n);
	}
}

static void find_units(struct placement *p)
{
	struct map known = {.arena = p->arena};
	const struct ir_ruleset *ruleset = p->in->ruleset;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		char *key = arena_printf(p->arena, "%zu %s/%s", strlen(rule->policy), rule->policy,
					 rule->name);
		// The map keeps the index plus one: the vector may move.
		size_t at = (size_t)(uintptr_t)map_get(&known, key);
		if (!at) {
			vec_push(p->arena, &p->unit, (struct unit){.stops = true});
			at = p->unit.len;
			(void)!map_put(&known, key, (void *)(uintptr_t)at);
		}
		struct unit *unit = &p->unit.at[at - 1];
		vec_push(p->arena, &unit->rule, i);
		unit->stops &= rule->verdict == IR_DROP || rule->verdict == IR_REJECT;
		merge_needs(p, unit, rule);
	}
}

// --- paths ---

static bool rule_crosses(const struct ir_rule *rule, const struct place_nsf *nsf)
{
	for (size_t i = 0; i < rule->clauses; i++)
		if (place_crosses(&rule->clause[i], 4, nsf->guarded4) ||
		    place_crosses(&rule->clause[i], 6, nsf->guarded6))
			return true;
	return false;
}

// Which rules of the unit are seen by which functions.
static bool find_paths(struct placement *p, const struct unit *unit)
{
	bool any = false;
	for (size_t n = 0; n < p->in->nsfs; n++) {
		const struct place_nsf *nsf = &p->in->nsf[n];
		p->on_path[n] = false;
		for (size_t i = 0; i < unit->rule.len && nsf->enabled; i++) {
			size_t r = unit->rule.at[i];
			bool crosses = rule_crosses(&p->in->ruleset->rule.at[r], nsf);
			p->placed[r * p->in->nsfs + n] = crosses;
			p->on_path[n] |= crosses;
		}
		any |= p->on_path[n];
	}
	return any;
}

static bool is_able(const struct unit *unit, const struct cap *cap)
{
	for (size_t i = 0; i < unit->needs.list.len; i++)
		if (!cap_has(cap, unit->needs.list.at[i].set, unit->needs.list.at[i].identity))
			return false;
	return true;
}

// Notes who lacks something on a path where nobody can stop the traffic.
static void look_at_path(const struct place_mask *path, void *context)
{
	struct placement *p = context;
	for (size_t n = 0; n < p->in->nsfs; n++)
		if ((path->word[n / 64] >> n % 64 & 1) && p->able[n])
			return;
	for (size_t n = 0; n < p->in->nsfs; n++)
		if (path->word[n / 64] >> n % 64 & 1)
			p->matters[n] = true;
}

static void look_at_rule(struct placement *p, const struct ir_rule *rule)
{
	if (!p->zoned) {
		place_zones_make(p->in, 4, p->arena, &p->zones[0]);
		place_zones_make(p->in, 6, p->arena, &p->zones[1]);
		p->zoned = true;
	}
	for (size_t i = 0; i < rule->clauses; i++)
		for (unsigned v = 0; v < 2; v++)
			place_paths(&p->zones[v], &rule->clause[i], v ? 6 : 4, look_at_path, p);
}

// Whose lack of a capability refuses the unit. True when nobody's does.
static bool find_lacks(struct placement *p, const struct unit *unit)
{
	bool all_able = true, good = true;
	for (size_t n = 0; n < p->in->nsfs; n++) {
		p->able[n] = p->on_path[n] && is_able(unit, p->in->nsf[n].cap);
		all_able &= p->able[n] || !p->on_path[n];
		p->matters[n] = p->on_path[n] && !p->able[n] && !unit->stops;
	}
	for (size_t i = 0; i < unit->rule.len && unit->stops && !all_able; i++)
		look_at_rule(p, &p->in->ruleset->rule.at[unit->rule.at[i]]);
	for (size_t n = 0; n < p->in->nsfs; n++)
		good &= !p->matters[n];
	return good;
}

// --- refusals ---

static const char *who_can(const struct placement *p, const struct place_need *need)
{
	struct buf names cleanup(buf_fini);
	size_t n = 0;
	buf_init(&names);
	for (size_t i = 0; i < p->in->nsfs; i++)
		if (p->in->nsf[i].enabled && cap_has(p->in->nsf[i].cap, need->set, need->identity))
			buf_printf(&names, "%s%s", n++ ? ", " : "", p->in->nsf[i].name);
	if (need->identity == CAP_UNSPEAKABLE)
		return "no function can be asked for this over the NSF-facing interface: state the "
		       "rule without it";
	if (n)
		return arena_printf(p->arena,
				    "%s %s it: put %s on this path, or state the rule "
				    "without the condition",
				    names.data, n == 1 ? "has" : "have",
				    n == 1 ? "it" : "one of them");
	return arena_printf(p->arena, "add %s to the path, or state the rule without the condition",
			    cap_set_info[need->set].function);
}

static void report_lack(struct placement *p, const struct ir_rule *rule, size_t n,
			const struct place_need *need)
{
	const struct place_nsf *nsf = &p->in->nsf[n];
	bool speakable = need->identity != CAP_UNSPEAKABLE;
	const char *identity = speakable ? cap_identity_name(need->identity) : NULL;
	diag_add(p->diags,
		 &(struct diag){.code = DIAG_CAPABILITY,
				.file = rule->file,
				.line = rule->line,
				.nsf = nsf->name,
				.policy = rule->policy,
				.rule = rule->name,
				.condition = need->condition,
				.capability = identity,
				.hint = who_can(p, need)},
		 "'%s' cannot enforce rule '%s' of policy '%s': its condition '%s' needs %s%s%s%s",
		 nsf->name, rule->name, rule->policy, need->condition,
		 speakable ? "the capability '" : "a capability that the model has no word for",
		 speakable ? identity : "", speakable ? "' in " : "",
		 speakable ? cap_set_info[need->set].name : "");
	vec_push(p->arena, &p->out->refusal,
		 (struct place_refusal){rule->policy, rule->name, n, *need});
}

static void refuse_unit(struct placement *p, const struct unit *unit)
{
	for (size_t n = 0; n < p->in->nsfs; n++)
		for (size_t i = 0; i < unit->needs.list.len && p->matters[n]; i++) {
			const struct place_need *need = &unit->needs.list.at[i];
			if (!cap_has(p->in->nsf[n].cap, need->set, need->identity))
				report_lack(p, first_rule(p, unit), n, need);
		}
}

static void print_side(const struct ir_clause *clause, enum ir_dim four, enum ir_dim six,
		       struct buf *out)
{
	const struct algebra_set *v4 = ir_clause_set(clause, four),
				 *v6 = ir_clause_set(clause, six);
	if (v4)
		ir_set_print(four, *v4, out);
	else if (v6)
		ir_set_print(six, *v6, out);
	else
		buf_adds(out, "any address");
}

static void report_no_path(struct placement *p, const struct unit *unit)
{
	const struct ir_rule *rule = first_rule(p, unit);
	struct buf from cleanup(buf_fini), to cleanup(buf_fini);
	const struct ir_clause *clause = NULL;
	buf_init(&from);
	buf_init(&to);
	for (size_t i = 0; i < unit->rule.len && !clause; i++)
		if (p->in->ruleset->rule.at[unit->rule.at[i]].clauses)
			clause = &p->in->ruleset->rule.at[unit->rule.at[i]].clause[0];
	print_side(clause, IR_SRC4, IR_SRC6, &from);
	print_side(clause, IR_DST4, IR_DST6, &to);
	diag_add(p->diags,
		 &(struct diag){
			 .code = DIAG_PLACE,
			 .file = rule->file,
			 .line = rule->line,
			 .policy = rule->policy,
			 .rule = rule->name,
			 .hint = "register a function that guards one of the two networks, and "
				 "not both"},
		 "no function stands on the path of rule '%s' of policy '%s', from %s to %s",
		 rule->name, rule->policy, from.data, to.data);
	vec_push(p->arena, &p->out->refusal,
		 (struct place_refusal){
			 .policy = rule->policy, .rule = rule->name, .nsf = SIZE_MAX});
}

// --- the result ---

static void keep(struct placement *p, const struct unit *unit, bool placed)
{
	const struct ir_rule *rule = first_rule(p, unit);
	size_t nsfs = p->in->nsfs;
	for (size_t n = 0; n < nsfs; n++) {
		bool enforced = placed && p->able[n];
		for (size_t i = 0; i < unit->rule.len && !enforced; i++)
			p->placed[unit->rule.at[i] * nsfs + n] = false;
		if (placed && p->on_path[n])
			vec_push(p->arena, &p->out->assignment,
				 (struct place_assignment){rule->policy, rule->name, n, enforced});
	}
}

static bool matches_nothing(const struct placement *p, const struct unit *unit)
{
	for (size_t i = 0; i < unit->rule.len; i++)
		if (p->in->ruleset->rule.at[unit->rule.at[i]].clauses)
			return false;
	return true;
}

static bool place_unit(struct placement *p, const struct unit *unit)
{
	if (matches_nothing(p, unit))
		return true;
	bool seen = find_paths(p, unit);
	bool good = seen && find_lacks(p, unit);
	if (!seen)
		report_no_path(p, unit);
	else if (!good)
		refuse_unit(p, unit);
	keep(p, unit, good);
	return good;
}

static void fill_rulesets(struct placement *p)
{
	const struct ir_ruleset *ruleset = p->in->ruleset;
	size_t nsfs = p->in->nsfs;
	p->out->nsf = arena_array(p->arena, struct ir_ruleset, nsfs);
	for (size_t n = 0; n < nsfs; n++) {
		p->out->nsf[n].default_action = p->in->nsf[n].default_action;
		for (size_t i = 0; i < ruleset->rule.len; i++)
			if (p->placed[i * nsfs + n])
				vec_push(p->arena, &p->out->nsf[n].rule, ruleset->rule.at[i]);
	}
}

// What every function needs, whatever its rules: rules are sent in order with the strategy fmr and an
// explicit default action.
static bool check_nsf(const struct place_nsf *nsf, struct diags *diags)
{
	enum cap_identity action;
	const char *name = ir_verdict_name[nsf->default_action];
	bool good = cap_identity_find(name, &action) &&
		    cap_has(nsf->cap, CAP_SET_DEFAULT_ACTION, action);
	if (!good)
		diag_add(diags,
			 &(struct diag){.code = DIAG_CAPABILITY,
					.nsf = nsf->name,
					.condition = "default-action",
					.capability = name,
					.hint = "choose a default action that it has"},
			 "'%s' does not have the default action '%s'", nsf->name, name);
	if (cap_has(nsf->cap, CAP_SET_RESOLUTION, CAP_FMR))
		return good;
	diag_add(diags,
		 &(struct diag){
			 .code = DIAG_CAPABILITY,
			 .nsf = nsf->name,
			 .condition = "resolution-strategy",
			 .capability = "fmr",
			 .hint = "use a function in which the first matching rule can decide"},
		 "'%s' does not have the resolution strategy 'fmr'", nsf->name);
	return false;
}

bool place_rules(const struct place_input *in, struct arena *arena, struct diags *diags,
		 struct place_result *out)
{
	struct placement p = {.in = in, .arena = arena, .diags = diags, .out = out};
	bool good = true;
	*out = (struct place_result){0};
	p.on_path = arena_array(arena, bool, in->nsfs);
	p.able = arena_array(arena, bool, in->nsfs);
	p.matters = arena_array(arena, bool, in->nsfs);
	p.placed = arena_array(arena, bool, in->nsfs * in->ruleset->rule.len);
	for (size_t n = 0; n < in->nsfs; n++)
		good &= !in->nsf[n].enabled || check_nsf(&in->nsf[n], diags);
	find_units(&p);
	for (size_t i = 0; i < p.unit.len; i++)
		good &= place_unit(&p, &p.unit.at[i]);
	fill_rulesets(&p);
	return good;
}

bool place_check(const struct ir_ruleset *ruleset, const struct place_nsf *nsf, struct arena *arena,
		 struct diags *diags)
{
	struct place_result result = {0};
	struct place_input in = {.ruleset = ruleset, .nsf = nsf, .nsfs = 1};
	struct placement p = {.in = &in,
			      .arena = arena,
			      .diags = diags,
			      .out = &result,
			      .matters = &(bool){true}};
	bool good = check_nsf(nsf, diags);
	find_units(&p);
	for (size_t i = 0; i < p.unit.len; i++) {
		refuse_unit(&p, &p.unit.at[i]);
		good &= is_able(&p.unit.at[i], nsf->cap);
	}
	return good;
}
