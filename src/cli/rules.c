// SPDX-License-Identifier: Apache-2.0
// Options to edits. Every option says one change of the ruleset as it is; a place goes with the change before it. What is
// taken away and what is put in are sorted by their places at the end, so that several changes are one question.
#include "cli/rules.h"

#include <stdlib.h>
#include <string.h>

// --- finding rules ---

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool is_named(const struct ir_rule *rule, const char *name)
{
	size_t policy = rule->policy ? strlen(rule->policy) : 0;
	return same_text(rule->name, name) ||
	       (policy && !strncmp(name, rule->policy, policy) && name[policy] == '/' &&
		same_text(rule->name, name + policy + 1));
}

static bool is_at(const struct ir_rule *rule, const char *name)
{
	const char *colon = strrchr(name, ':');
	char *end;
	if (!colon || !colon[1] || !rule->line)
		return false;
	unsigned long line = strtoul(colon + 1, &end, 10);
	size_t file = (size_t)(colon - name);
	return !*end && line == rule->line &&
	       (!file ||
		(rule->file && strlen(rule->file) == file && !strncmp(rule->file, name, file)));
}

static void find(struct cli *cli, const struct ir_ruleset *ruleset, const char *name, bool by_line,
		 struct rules_spans *out)
{
	size_t *unit;
	verify_units(ruleset, &cli->arena, &unit);
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		if (by_line ? !is_at(rule, name) : !is_named(rule, name))
			continue;
		struct rules_span *last = out->list.len ? &out->list.at[out->list.len - 1] : NULL;
		if (last && last->at + last->len == i && (by_line || unit[i] == unit[last->at]))
			last->len++;
		else
			vec_push(&cli->arena, &out->list, (struct rules_span){i, 1});
	}
}

static bool refuse(struct cli *cli, enum diag_code code, const char *hint, const char *text)
{
	diag_add(&cli->diags, &(struct diag){.code = code, .hint = hint}, "%s", text);
	return false;
}

static bool not_clear(struct cli *cli, const struct ir_ruleset *ruleset, const char *name,
		      const struct rules_spans *found)
{
	const struct ir_rule *a = &ruleset->rule.at[found->list.at[0].at],
			     *b = &ruleset->rule.at[found->list.at[1].at];
	return refuse(cli, DIAG_CONFLICT,
		      arena_printf(&cli->arena,
				   "say POLICY/NAME or FILE:LINE: %s/%s (%s:%u), %s/%s "
				   "(%s:%u)",
				   a->policy, a->name, a->file ? a->file : "", a->line, b->policy,
				   b->name, b->file ? b->file : "", b->line),
		      arena_printf(&cli->arena, "several rules are named '%s'", name));
}

bool rules_find(struct cli *cli, const struct ir_ruleset *ruleset, const char *name,
		struct rules_spans *out)
{
	struct rules_spans found = {0};
	find(cli, ruleset, name, false, &found);
	if (found.list.len > 1)
		return not_clear(cli, ruleset, name, &found);
	if (!found.list.len)
		find(cli, ruleset, name, true, &found);
	*out = found;
	return found.list.len ||
	       refuse(cli, DIAG_REFERENCE, "say the name of a rule, POLICY/NAME, or FILE:LINE",
		      arena_printf(&cli->arena, "there is no rule '%s'", name));
}

// --- changes ---

// What is put in before rule `at`, in the order in which it was said.
struct insertion {
	size_t at, said;
	const struct ir_rule *rule;
	size_t rules;
};

struct editing {
	struct cli *cli;
	const struct ir_ruleset *ruleset;
	bool *removed; // by rule
	VEC(struct insertion) put;
	bool placed;    // the change before has its place
	bool placeable; // it can have one: it puts something in
};

static bool find_one(struct editing *e, const char *name, struct rules_span *out)
{
	struct rules_spans found;
	if (!rules_find(e->cli, e->ruleset, name, &found))
		return false;
	if (found.list.len > 1)
		return refuse(
			e->cli, DIAG_CONFLICT, "say the name of the rule",
			arena_printf(&e->cli->arena, "'%s' is reached in several places", name));
	*out = found.list.at[0];
	return true;
}

static bool take_away(struct editing *e, struct rules_span span)
{
	for (size_t i = span.at; i < span.at + span.len; i++) {
		if (e->removed[i])
			return refuse(e->cli, DIAG_DUPLICATE, "say each change once",
				      arena_printf(&e->cli->arena,
						   "rule '%s' is removed, moved or set twice",
						   e->ruleset->rule.at[i].name
							   ? e->ruleset->rule.at[i].name
							   : "?"));
		e->removed[i] = true;
	}
	return true;
}

static void put(struct editing *e, size_t at, const struct ir_rule *rule, size_t rules)
{
	vec_push(&e->cli->arena, &e->put, (struct insertion){at, e->put.len, rule, rules});
}

static bool take_remove(struct editing *e, const char *value)
{
	struct rules_spans found;
	e->placeable = false;
	if (!rules_find(e->cli, e->ruleset, value, &found))
		return false;
	for (size_t i = 0; i < found.list.len; i++)
		if (!take_away(e, found.list.at[i]))
			return false;
	return true;
}

// Whether the text has the key at its beginning or behind a comma.
static bool has_key(const char *text, const char *key)
{
	for (const char *at = text; (at = strstr(at, key)); at++)
		if (at == text || at[-1] == ',')
			return true;
	return false;
}

// A rule that does not say what it judges is as the others are.
static bool judges_flows(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (ruleset->rule.at[i].flow)
			return true;
	return false;
}

static bool take_add(struct editing *e, const char *value)
{
	struct ir_rule *rule = arena_new(&e->cli->arena, struct ir_rule);
	if (!ir_rule_parse(value, "--add", &e->cli->arena, &e->cli->diags, rule))
		return false;
	if (same_text(rule->name, "--add"))
		rule->name = "the added rule";
	if (!has_key(value, "flow="))
		rule->flow = judges_flows(e->ruleset);
	rule->policy = "--add";
	put(e, 0, rule, 1);
	e->placeable = true;
	e->placed = false;
	return true;
}

static bool take_move(struct editing *e, const char *value)
{
	struct rules_span span;
	if (!find_one(e, value, &span) || !take_away(e, span))
		return false;
	put(e, 0, &e->ruleset->rule.at[span.at], span.len);
	e->placeable = true;
	e->placed = false;
	return true;
}

// "RULE,action=drop": the name up to the comma before a key that a rule has.
static bool cut_set(struct editing *e, const char *value, const char **name_out,
		    const char **rest_out)
{
	static const char *const keys[] = {",action=", ",log="};
	for (const char *at = value; (at = strchr(at, ',')); at++)
		for (size_t i = 0; i < array_len(keys); i++)
			if (!strncmp(at, keys[i], strlen(keys[i]))) {
				*name_out =
					arena_strndup(&e->cli->arena, value, (size_t)(at - value));
				*rest_out = at + 1;
				return true;
			}
	return refuse(e->cli, DIAG_SYNTAX, "write --set 'RULE,action=drop', or log=rule|session|no",
		      arena_printf(&e->cli->arena, "--set %s says nothing to set", value));
}

static bool put_changed(struct editing *e, struct rules_span span, const struct ir_rule *to,
			bool action, bool log)
{
	struct ir_rule *rule = arena_memdup(&e->cli->arena, &e->ruleset->rule.at[span.at],
					    span.len * sizeof(*rule));
	for (size_t i = 0; i < span.len; i++) {
		if (action) {
			rule[i].verdict = to->verdict;
			rule[i].rate = (struct ir_rate){0};
		}
		if (log)
			rule[i].log = to->log;
	}
	if (!take_away(e, span))
		return false;
	put(e, span.at, rule, span.len);
	return true;
}

static bool take_set(struct editing *e, const char *value)
{
	const char *name, *rest;
	struct rules_spans found;
	struct ir_rule to;
	e->placeable = false;
	if (!cut_set(e, value, &name, &rest))
		return false;
	bool action = has_key(rest, "action="), log = has_key(rest, "log=");
	const char *whole = action ? rest : arena_printf(&e->cli->arena, "%s,action=none", rest);
	if (!ir_rule_parse(whole, "--set", &e->cli->arena, &e->cli->diags, &to))
		return false;
	if (to.clause[0].len || to.opaques)
		return refuse(e->cli, DIAG_UNSUPPORTED,
			      "to change conditions, --remove the rule and --add another",
			      "--set changes action and log only");
	if (!rules_find(e->cli, e->ruleset, name, &found))
		return false;
	for (size_t i = 0; i < found.list.len; i++)
		if (!put_changed(e, found.list.at[i], &to, action, log))
			return false;
	return true;
}

static bool place(struct editing *e, size_t at)
{
	if (!e->placeable || e->placed)
		return refuse(e->cli, DIAG_CONFLICT, "write it behind the --add or --move it is of",
			      "a place (--before, --after, --first, --last) stands without a rule");
	e->put.at[e->put.len - 1].at = at;
	e->placed = true;
	return true;
}

static bool take_place(struct editing *e, const char *option, const char *value)
{
	struct rules_span span;
	if (!strcmp(option, "first"))
		return place(e, 0);
	if (!strcmp(option, "last"))
		return place(e, e->ruleset->rule.len);
	if (!find_one(e, value, &span))
		return false;
	return place(e, !strcmp(option, "before") ? span.at : span.at + span.len);
}

static bool take_option(struct editing *e, const char *option, const char *value)
{
	static const struct {
		const char *name;
		bool (*take)(struct editing *e, const char *value);
	} changes[] = {
		{"remove", take_remove}, {"add", take_add}, {"move", take_move}, {"set", take_set}};
	static const char *const places[] = {"before", "after", "first", "last"};
	for (size_t i = 0; i < array_len(changes); i++)
		if (!strcmp(changes[i].name, option))
			return changes[i].take(e, value);
	for (size_t i = 0; i < array_len(places); i++)
		if (!strcmp(places[i], option))
			return take_place(e, option, value);
	return true;
}

static int by_place(const void *x, const void *y)
{
	const struct insertion *a = x, *b = y;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->said < b->said ? -1 : a->said > b->said;
}

// One edit: what is put in at `at`, and what is taken away from there on.
static struct verify_edit edit_at(struct editing *e, size_t at, size_t *next)
{
	struct verify_edit edit = {.at = at};
	VEC(struct ir_rule) rules = {0};
	for (; *next < e->put.len && e->put.at[*next].at == at; (*next)++)
		for (size_t i = 0; i < e->put.at[*next].rules; i++)
			vec_push(&e->cli->arena, &rules, e->put.at[*next].rule[i]);
	size_t n = e->ruleset->rule.len;
	// Up to the next place where something is put in.
	while (at + edit.removed < n && e->removed[at + edit.removed] &&
	       (!edit.removed || *next == e->put.len || e->put.at[*next].at > at + edit.removed))
		edit.removed++;
	edit.insert = rules.at;
	edit.inserts = rules.len;
	return edit;
}

static void make_edits(struct editing *e, struct rules_edits *out)
{
	size_t next = 0;
	if (e->put.len)
		qsort(e->put.at, e->put.len, sizeof(*e->put.at), by_place);
	for (size_t at = 0; at <= e->ruleset->rule.len;) {
		bool here = next < e->put.len && e->put.at[next].at == at;
		if (!here && (at == e->ruleset->rule.len || !e->removed[at])) {
			at++;
			continue;
		}
		struct verify_edit edit = edit_at(e, at, &next);
		vec_push(&e->cli->arena, &out->list, edit);
		at += edit.removed ? edit.removed : 1;
	}
}

bool rules_edits(struct cli *cli, const struct ir_ruleset *ruleset, struct rules_edits *out)
{
	struct editing e = {.cli = cli, .ruleset = ruleset};
	struct rules_edits edits = {0};
	e.removed = arena_array(&cli->arena, bool, ruleset->rule.len + 1);
	for (size_t i = 0; i < cli->option.len; i++)
		if (!take_option(&e, cli->option.at[i].name, cli->option.at[i].value))
			return false;
	make_edits(&e, &edits);
	if (!edits.list.len)
		return refuse(cli, DIAG_MISSING, "give --remove, --add, --move or --set",
			      "there is no change to ask about");
	*out = edits;
	return true;
}
