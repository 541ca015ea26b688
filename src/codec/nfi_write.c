// SPDX-License-Identifier: Apache-2.0
// The IR to the NSF-facing model. Two passes: the first finds how many parts each rule takes and what
// cannot be said, so that nothing is written that is not whole; the second prints. The rate of a
// rate limit stands in condition/ddos, because the model's action has no place for it.
#include "codec/nfi_naming.h"
#include "codec/nfi_put.h"
#include "base/diag.h"

#include <assert.h>
#include <string.h>

// --- what stands beside the headers ---

static const struct nfi_list *list_of(enum ir_opaque_kind kind)
{
	for (size_t i = 0; i < NFI_LISTS; i++)
		if (nfi_list[i].kind == kind)
			return &nfi_list[i];
	return NULL;
}

// What to do about a value that the model cannot say.
static const char *hint_for(enum ir_opaque_kind kind, const struct nfi_list *list)
{
	if (kind == IR_OPAQUE_INDICATOR)
		return "the model has no place for indicators: give addresses in the feed, or URLs "
		       "as a "
		       "URL group";
	if (kind == IR_OPAQUE_PAYLOAD)
		return "the model takes one content a value, without depth, offset or distance";
	if (kind == IR_OPAQUE_FOREIGN)
		return "it came from an imported ruleset: say what it means in headers, or leave "
		       "the rule "
		       "where it is";
	if (list && list->user)
		return "give the number of the user or group, then the name";
	return "the model has other names for these: see its identities";
}

static bool check_values(const struct ir_rule *rule, const struct ir_opaque *o, struct diags *diags)
{
	const char *name = ir_opaque_info[o->kind].name;
	const struct nfi_list *list = list_of(o->kind);
	const struct nfi_header *first = o->len ? nfi_header_of(o->value[0]) : NULL;
	if (o->negated) {
		nfi_refuse(rule, name, "put a rule for those that it holds for before this one",
			   diags, "the NSF-facing model cannot say that '%s' does not hold", name);
		return false;
	}
	if (!o->len) {
		nfi_refuse(rule, name, "give it values, or remove the condition", diags,
			   "the condition '%s' names nothing", name);
		return false;
	}
	for (size_t i = 0; i < o->len; i++) {
		const char *value = o->value[i];
		bool header = o->kind == IR_OPAQUE_HEADER;
		if (header ? first && nfi_header_of(value) == first
			   : list && nfi_list_takes(list, value))
			continue;
		nfi_refuse(rule, name, hint_for(o->kind, list), diags,
			   "the NSF-facing model cannot say '%s' of the condition '%s'", value,
			   name);
		return false;
	}
	return true;
}

// Two names for one number: the number is the key.
static bool check_users(const struct ir_rule *rule, const struct ir_opaque *o, struct diags *diags)
{
	const struct nfi_list *list = list_of(o->kind);
	for (size_t i = 0; list && list->user && i < o->len; i++)
		for (size_t k = 0; k < i; k++) {
			size_t len = strcspn(o->value[i], " ");
			bool same = len == strcspn(o->value[k], " ") &&
				    !strncmp(o->value[i], o->value[k], len);
			if (!same || !strcmp(o->value[i], o->value[k]))
				continue;
			nfi_refuse(rule, ir_opaque_info[o->kind].name, "give each its own number",
				   diags, "'%s' and '%s' have the same number", o->value[k],
				   o->value[i]);
			return false;
		}
	return true;
}

// Two lists of one kind: the model has one place, where both would be alternatives.
static bool check_single(const struct ir_rule *rule, struct diags *diags)
{
	const struct nfi_header *header = NULL;
	for (size_t i = 0; i < rule->opaques; i++) {
		const struct ir_opaque *o = &rule->opaque[i];
		const struct nfi_header *this =
			o->kind == IR_OPAQUE_HEADER ? nfi_header_of(o->value[0]) : NULL;
		bool twice = this && header;
		for (size_t k = 0; k < i && !this; k++)
			twice |= rule->opaque[k].kind == o->kind;
		header = this ? this : header;
		if (!twice)
			continue;
		nfi_refuse(rule, ir_opaque_info[o->kind].name, "make two rules of it", diags,
			   "the NSF-facing model has place for one condition '%s' a rule",
			   ir_opaque_info[o->kind].name);
		return false;
	}
	return true;
}

static bool check_opaques(const struct ir_rule *rule, struct diags *diags)
{
	bool good = true;
	for (size_t i = 0; i < rule->opaques; i++)
		good &= check_values(rule, &rule->opaque[i], diags) &&
			check_users(rule, &rule->opaque[i], diags);
	return good && check_single(rule, diags);
}

static bool check_rate(const struct ir_rule *rule, struct diags *diags)
{
	const struct ir_rate *rate = &rule->rate;
	const char *fault = NULL;
	if (rate->bytes_x100 % 100)
		fault = "fractions of bytes per second";
	if (rate->packets > UINT32_MAX || rate->flows > UINT32_MAX ||
	    rate->bytes_x100 / 100 > UINT32_MAX)
		fault = "rates beyond 4294967295 per second";
	if (fault)
		nfi_refuse(rule, "ddos", "give whole numbers up to 4294967295", diags,
			   "the NSF-facing model has no %s", fault);
	if (rule->verdict == IR_RATE_LIMIT && !ir_rule_has_rate(rule)) {
		nfi_refuse(rule, "ddos", "give the rate", diags, "it limits to no rate");
		return false;
	}
	return !fault;
}

// The model has no place for the kind of an action that is none.
static bool check_action(const struct ir_rule *rule, struct diags *diags)
{
	bool idle = rule->flow && rule->verdict == IR_NONE && rule->log == IR_LOG_NONE;
	if (idle)
		nfi_refuse(rule, "flow-action", "remove the rule, or let it log", diags,
			   "it judges flows, but neither decides nor logs");
	return !idle;
}

struct count {
	size_t clauses, parts; // clauses that match something; parts of all of them
};

// False with errors.
static bool count_parts(const struct ir_rule *rule, struct diags *diags, struct count *out)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	struct count count = {0};
	if (!check_opaques(rule, diags) || !check_rate(rule, diags) || !check_action(rule, diags))
		return false;
	for (size_t i = 0; i < rule->clauses && count.parts <= CODEC_NFI_PARTS_MOST; i++) {
		struct nfi_split split = {.arena = &arena};
		if (!nfi_split_init(&split, rule, &rule->clause[i], diags))
			return false;
		count.clauses += split.parts > 0;
		count.parts += split.parts;
	}
	if (count.parts > CODEC_NFI_PARTS_MOST) {
		nfi_refuse(rule, NULL,
			   "use ranges of ports or addresses rather than of single-valued fields",
			   diags, "on the NSF-facing interface it would take more than %u rules",
			   CODEC_NFI_PARTS_MOST);
		return false;
	}
	*out = count;
	return true;
}

bool codec_nfi_can(const struct ir_rule *rule, struct diags *diags)
{
	struct count count;
	return count_parts(rule, diags, &count);
}

// --- rules ---

static void put_action(struct xml_out *out, const struct ir_rule *rule)
{
	const char *kind = rule->flow ? "flow-action" : "packet-action";
	if (rule->verdict == IR_NONE && rule->log == IR_LOG_NONE)
		return;
	xml_open(out, "action");
	xml_open(out, kind);
	if (rule->verdict != IR_NONE)
		xml_leaf(out, rule->verdict > IR_RATE_LIMIT ? "egress-action" : "ingress-action",
			 ir_verdict_name[rule->verdict]);
	if (rule->log != IR_LOG_NONE)
		xml_leaf(out, "log-action", rule->log == IR_LOG_RULE ? "rule-log" : "session-log");
	xml_close(out, kind);
	xml_close(out, "action");
}

struct writer {
	const struct ir_ruleset *ruleset;
	struct arena arena;
	struct count *count; // a rule
	struct nfi_naming naming;
	bool by_number;
};

static void put_part(struct xml_out *out, const struct nfi_split *split, const char *name,
		     bool by_number)
{
	const struct ir_rule *rule = split->rule;
	xml_open(out, "rules");
	xml_leaf(out, "name", name);
	if (rule->description)
		xml_leaf(out, "description", rule->description);
	if (by_number)
		xml_number(out, "priority", rule->priority);
	nfi_put_container(out, rule, "event");
	nfi_put_condition(out, split);
	put_action(out, rule);
	xml_close(out, "rules");
}

static void put_rule(struct writer *w, struct xml_out *out, const struct ir_rule *rule)
{
	struct arena arena cleanup(arena_fini);
	struct diags none;
	arena_init(&arena);
	diags_init(&none, &arena);
	for (size_t i = 0; i < rule->clauses; i++) {
		struct nfi_split split = {.arena = &arena};
		bool good = nfi_split_init(&split, rule, &rule->clause[i], &none);
		assert(good);
		if (!split.parts)
			continue;
		nfi_naming_clause(&w->naming, split.parts);
		do
			put_part(out, &split, nfi_naming_next(&w->naming), w->by_number);
		while (nfi_split_next(&split));
	}
}

static void note_rates(const struct ir_rule *rule, size_t parts, struct diags *diags)
{
	if (ir_rule_has_rate(rule) && parts > 1)
		diag_add(diags,
			 &(struct diag){.severity = DIAG_NOTE,
					.code = DIAG_UNSUPPORTED,
					.file = rule->file,
					.line = rule->line,
					.policy = rule->policy,
					.rule = rule->name,
					.condition = "ddos"},
			 "rule '%s' of policy '%s' becomes %zu rules: functions of other makers "
			 "measure its rate for each alone",
			 rule->name, rule->policy, parts);
}

static bool prepare(struct writer *w, struct diags *diags)
{
	const struct ir_ruleset *ruleset = w->ruleset;
	bool good = true;
	size_t parts = 0;
	w->count = arena_array(&w->arena, struct count, ruleset->rule.len);
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		good &= count_parts(rule, diags, &w->count[i]);
		note_rates(rule, w->count[i].parts, diags);
		parts += w->count[i].parts;
		nfi_naming_count(&w->naming, rule);
	}
	if (parts > IR_RULES_MOST) {
		diag_error(diags, DIAG_LIMIT, NULL, "split the policy",
			   "on the NSF-facing interface it would take more than %u rules",
			   IR_RULES_MOST);
		return false;
	}
	if (ruleset->default_action == IR_NONE || ruleset->default_action > IR_MIRROR) {
		diag_error(diags, DIAG_UNSUPPORTED, NULL,
			   "give pass, drop, reject or mirror as the default action",
			   "the default action '%s' cannot be sent",
			   ir_verdict_name[ruleset->default_action]);
		return false;
	}
	return good;
}

static bool by_number(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (!ruleset->rule.at[i].priority ||
		    (i && ruleset->rule.at[i].priority > ruleset->rule.at[i - 1].priority))
			return false;
	return ruleset->rule.len;
}

static void put_policy(struct writer *w, struct xml_out *out)
{
	xml_open_with(out, "i2nsf-security-policy", " xmlns=\"" CODEC_NFI_NAMESPACE "\"");
	xml_leaf(out, "name", CODEC_NFI_POLICY);
	xml_leaf(out, "priority-usage", w->by_number ? "priority-by-number" : "priority-by-order");
	xml_leaf(out, "resolution-strategy", "fmr");
	xml_leaf(out, "default-action", ir_verdict_name[w->ruleset->default_action]);
	for (size_t i = 0; i < w->ruleset->rule.len; i++) {
		nfi_naming_start(&w->naming, &w->ruleset->rule.at[i], w->count[i].parts > 1);
		put_rule(w, out, &w->ruleset->rule.at[i]);
	}
	xml_close(out, "i2nsf-security-policy");
}

bool codec_nfi_write(const struct ir_ruleset *ruleset, struct diags *diags, struct buf *out)
{
	struct writer w = {.ruleset = ruleset};
	arena_init(&w.arena);
	nfi_naming_init(&w.naming, &w.arena);
	bool good = prepare(&w, diags);
	w.by_number = by_number(ruleset);
	if (good)
		put_policy(&w, &(struct xml_out){.buf = out});
	nfi_naming_fini(&w.naming);
	arena_fini(&w.arena);
	return good;
}
