// SPDX-License-Identifier: Apache-2.0
// `bulwark assert`: do the guarantees hold? A guarantee is a condition whose packets must always pass, or never; it is said
// on the command line, in a text of lines, or by a policy whose rules say what must happen to their packets. It is about
// flows, unless it says a state.
#include "cli/question.h"
#include "cli/source.h"
#include "cli/words.h"

#include <jansson.h>
#include <string.h>

struct guarantees {
	struct cli *cli;
	struct question question;
	struct source source;
	struct words_scope scope;
	VEC(struct ir_rule) rule;
	const struct verify_broken **broken; // by rule; NULL: it is not
	struct verify_notes notes;
	bool flows; // some are about what begins flows without saying so
};

// --- reading ---

static void begin_flows(struct guarantees *g, struct ir_clause *clause)
{
	struct arena *arena = &g->cli->arena;
	if (ir_clause_set(clause, IR_STATE))
		return;
	// A set that the clause does not restrict yet leaves something of it.
	g->flows |= ir_clause_narrow(clause, arena, IR_STATE,
				     algebra_set_one(arena, IR_STATE_NEW, IR_STATE_NEW));
}

// "always" or "never" and a condition, as one guarantee.
static bool add_condition(struct guarantees *g, bool always, const char *condition,
			  const char *file, unsigned line)
{
	struct cli *cli = g->cli;
	struct ir_clause clause;
	struct ir_opaques opaque = {0};
	const char *word = always ? "always" : "never";
	const char *what = file ? arena_printf(&cli->arena, "%s:%u: %s", file, line, word)
				: arena_printf(&cli->arena, "--%s", word);
	if (!ir_clause_parse(condition, what, &cli->arena, &cli->diags, &clause, &opaque))
		return false;
	const char *name = arena_printf(&cli->arena, "%s %s", word, *condition ? condition : "any");
	struct ir_rule rule = verify_guarantee(name, &clause, always, &cli->arena);
	rule.file = file;
	rule.line = line;
	rule.opaque = opaque.list.at;
	rule.opaques = opaque.list.len;
	vec_push(&cli->arena, &g->rule, rule);
	return true;
}

static bool add_options(struct guarantees *g)
{
	bool good = true;
	for (size_t i = 0; i < g->cli->option.len; i++) {
		const struct cli_option *option = &g->cli->option.at[i];
		bool always = !strcmp(option->name, "always");
		if (always || !strcmp(option->name, "never"))
			good &= add_condition(g, always, option->value, NULL, 0);
	}
	return good;
}

// The condition behind "always" or "never" at the beginning of the line; NULL when it begins otherwise.
static const char *condition_of(const char *line, bool *always_out)
{
	static const char *const words[] = {"never", "always"};
	for (size_t i = 0; i < array_len(words); i++) {
		size_t len = strlen(words[i]);
		if (strncmp(line, words[i], len) != 0 || !strchr(" \t", line[len]))
			continue;
		*always_out = i;
		line += len;
		return line + strspn(line, " \t");
	}
	return NULL;
}

static char *trimmed(char *line)
{
	line += strspn(line, " \t\r");
	size_t len = strlen(line);
	while (len && strchr(" \t\r", line[len - 1]))
		line[--len] = '\0';
	return line;
}

// Documents begin with < or {, rulesets are known by their first lines; anything else is lines.
static bool is_text(const struct buf *file)
{
	const char *at = file->data + strspn(file->data, " \t\r\n\xef\xbb\xbf");
	return *at != '<' && *at != '{' &&
	       import_recognise(file->data, file->len) == IMPORT_UNKNOWN;
}

static bool add_line(struct guarantees *g, const char *file, unsigned number, char *line)
{
	bool always;
	line = trimmed(line);
	if (!*line || *line == '#')
		return true;
	const char *condition = condition_of(line, &always);
	if (condition)
		return add_condition(g, always, condition, file, number);
	diag_add(&g->cli->diags,
		 &(struct diag){.code = DIAG_SYNTAX,
				.file = file,
				.line = number,
				.hint = "write 'always CONDITION' or 'never CONDITION'"},
		 "'%.60s' is no guarantee", line);
	return false;
}

static bool add_text(struct guarantees *g, const char *file, const struct buf *bytes)
{
	char *rest = arena_strndup(&g->cli->arena, bytes->data, bytes->len), *line;
	bool good = true;
	for (unsigned number = 1; (line = strsep(&rest, "\n")); number++)
		good &= add_line(g, file, number, line);
	return good;
}

// A rule that neither passes nor blocks says nothing that could be held to it.
static void add_rule(struct guarantees *g, const struct ir_rule *rule)
{
	struct ir_rule kept = *rule;
	bool says = ir_verdict_passes(rule->verdict) || rule->verdict == IR_DROP ||
		    rule->verdict == IR_REJECT;
	kept.clause =
		arena_memdup(&g->cli->arena, rule->clause, rule->clauses * sizeof(*rule->clause));
	for (size_t i = 0; i < kept.clauses && !kept.flow; i++)
		begin_flows(g, &kept.clause[i]);
	if (says)
		vec_push(&g->cli->arena, &g->rule, kept);
	else
		vec_push(&g->cli->arena, &g->notes.list,
			 arena_printf(
				 &g->cli->arena,
				 "rule '%s' (%s) is no guarantee: it neither passes nor blocks",
				 rule->name ? rule->name : "?", ir_verdict_name[rule->verdict]));
}

static bool add_file(struct guarantees *g, const char *file)
{
	struct source source;
	struct buf *bytes = source_read(g->cli, file);
	bool good = bytes != NULL, text = bytes && is_text(bytes);
	if (text)
		good = add_text(g, file, bytes);
	if (bytes)
		buf_fini(bytes);
	if (!good || text)
		return good;
	if (!source_load(g->cli, (char *const *)&file, 1, &source))
		return false;
	for (size_t i = 0; i < source.ruleset.rule.len; i++)
		add_rule(g, &source.ruleset.rule.at[i]);
	return true;
}

static bool read_guarantees(struct guarantees *g)
{
	const char *file;
	bool good = add_options(g);
	for (size_t i = 0; (file = cli_option_value(g->cli, "guarantees", i)); i++) {
		if (!strcmp(file, "-")) {
			diag_error(&g->cli->diags, DIAG_UNSUPPORTED, NULL, "write it into a file",
				   "guarantees are not read from standard input");
			return false;
		}
		good &= add_file(g, file);
	}
	if (good && !g->rule.len) {
		diag_error(&g->cli->diags, DIAG_MISSING, NULL,
			   "give --always CONDITION, --never CONDITION or --guarantees FILE",
			   "there is no guarantee to hold the policy to");
		return false;
	}
	return good;
}

// --- answering ---

static void print_guarantee(struct guarantees *g, size_t i, bool done)
{
	struct cli *cli = g->cli;
	const struct ir_rule *rule = &g->rule.at[i];
	const struct verify_broken *broken = g->broken[i];
	enum cli_colour colour = broken ? CLI_RED : done ? CLI_GREEN : CLI_YELLOW;
	buf_printf(&cli->out, "%s%s%s ", cli_colour(cli, colour),
		   broken ? "✗"
		   : done ? "✓"
			  : "?",
		   cli_colour(cli, CLI_PLAIN));
	words_rule(cli, rule);
	buf_adds(&cli->out, broken ? " is broken: " : done ? " holds\n" : " is not known\n");
	if (!broken)
		return;
	words_decision(cli, broken->verdict, broken->by, &g->source.ruleset);
	buf_printf(&cli->out, "\n    %se.g. %s%s\n", cli_colour(cli, CLI_DIM),
		   words_packet(cli, &g->scope, broken->packet), cli_colour(cli, CLI_PLAIN));
}

static void print_answer(struct guarantees *g, const struct verify_assertion *assertion)
{
	struct cli *cli = g->cli;
	bool done = assertion->status == VERIFY_DONE, open = false, answer = false;
	size_t broken = assertion->broken.len;
	for (size_t i = 0; i < g->rule.len; i++) {
		print_guarantee(g, i, done);
		open |= g->broken[i] && g->broken[i]->verdict == IR_NONE;
		answer |= g->broken[i] && g->broken[i]->packet->reply;
	}
	if (broken)
		buf_printf(&cli->out, "%s✗%s %zu of %s broken\n", cli_colour(cli, CLI_RED),
			   cli_colour(cli, CLI_PLAIN), broken,
			   words_count(cli, g->rule.len, "guarantee is", "guarantees are"));
	else if (done)
		buf_printf(&cli->out, "%s✓%s %s\n", cli_colour(cli, CLI_GREEN),
			   cli_colour(cli, CLI_PLAIN),
			   words_count(cli, g->rule.len, "guarantee holds", "guarantees hold"));
	if (answer)
		vec_push(&cli->arena, &g->notes.list,
			 "a flow passes when its answers do, too (direction=reply); with state=new "
			 "only what begins it is looked at");
	if (open)
		vec_push(&cli->arena, &g->notes.list,
			 "where no rule decides, --default-action says what happens");
	words_notes(cli, &g->notes);
	words_notes(cli, &assertion->notes);
	question_say_unfinished(&g->question, assertion->status);
}

static json_t *guarantee_json(struct guarantees *g, size_t i, bool done)
{
	const struct ir_rule *rule = &g->rule.at[i];
	const struct verify_broken *broken = g->broken[i];
	json_t *value = words_rule_json(rule);
	json_object_set_new(value, "must",
			    json_string(ir_verdict_passes(rule->verdict) ? "pass" : "not pass"));
	json_object_del(value, "verdict");
	json_object_set_new(value, "holds",
			    broken ? json_false()
			    : done ? json_true()
				   : json_null());
	if (!broken)
		return value;
	json_object_set_new(value, "by", words_decision_json(broken->verdict, broken->by));
	json_object_set_new(value, "packet",
			    words_text(words_packet(g->cli, &g->scope, broken->packet)));
	return value;
}

static json_t *answer_json(struct guarantees *g, const struct verify_assertion *assertion)
{
	bool done = assertion->status == VERIFY_DONE;
	json_t *list = json_array(), *notes = words_notes_json(&assertion->notes);
	for (size_t i = 0; i < g->rule.len; i++)
		json_array_append_new(list, guarantee_json(g, i, done));
	for (size_t i = 0; i < g->notes.list.len; i++)
		json_array_insert_new(notes, i, words_text(g->notes.list.at[i]));
	json_t *hold = assertion->broken.len ? json_false() : done ? json_true() : json_null();
	return json_pack("{s:o, s:s, s:I, s:o, s:o, s:o}", "hold", hold, "status",
			 question_status_name(assertion->status), "broken",
			 (json_int_t)assertion->broken.len, "guarantees", list, "notes", notes,
			 "diags", cli_diags_json(&g->cli->diags));
}

static int ask(struct guarantees *g)
{
	struct cli *cli = g->cli;
	struct verify_assertion assertion = {0};
	cli_report(cli);
	if (g->flows)
		vec_push(&cli->arena, &g->notes.list,
			 "packet rules that say no state are taken as guarantees for packets that "
			 "begin a flow");
	words_scope_add(&g->scope, &g->source.ruleset);
	words_scope_add(&g->scope, &(struct ir_ruleset){.rule = {g->rule.at, g->rule.len, 0}});
	question_begin(&g->question, "checking guarantees");
	verify_assert(&g->source.ruleset, g->rule.at, g->rule.len, &g->question.options,
		      &cli->arena, &assertion);
	question_end(&g->question);
	g->broken = arena_array(&cli->arena, const struct verify_broken *, g->rule.len);
	for (size_t i = 0; i < assertion.broken.len; i++)
		g->broken[assertion.broken.at[i].guarantee - g->rule.at] = &assertion.broken.at[i];
	if (!cli_answer(cli, answer_json(g, &assertion)))
		print_answer(g, &assertion);
	return question_exit(assertion.status, assertion.broken.len ? CLI_NO : CLI_YES);
}

int cli_assert(struct cli *cli)
{
	struct guarantees g = {.cli = cli};
	if (!question_init(&g.question, cli) || !source_load_arguments(cli, NULL, &g.source) ||
	    !read_guarantees(&g) ||
	    !question_only_versions(&g.question, source_versions(&g.source), g.source.title,
				    &g.notes))
		return cli_fail(cli);
	return ask(&g);
}
