// SPDX-License-Identifier: Apache-2.0
// `bulwark check`: is the policy valid, which of its rules do nothing, and which contradict each other? Findings are printed
// as the engine finds them; those about lines of imported rulesets that several jumps lead to, when all paths are known.
// What is only for information (exceptions, and rules whose order matters) comes behind them and does not count, unless
// --strict says so.
#include "cli/finding.h"
#include "cli/lines.h"

#include <jansson.h>

#define SHOWN_MOST 50 // findings of each source that are printed without --all
#define NAMED_MOST 10 // rules that can be removed, and lines that do nothing on some paths

// All sources together.
struct check {
	struct cli *cli;
	struct question question;
	struct sources sources;
	struct lines lines;
	size_t policies, rules;
	size_t count[VERIFY_KINDS], partial, removable;
	enum verify_status status;
	struct map said; // notes
	json_t *findings, *removables, *lines_json, *notes;
	bool all;  // --all
	bool tell; // matters of information one by one
};

// One of them.
struct source_check {
	struct check *check;
	struct finding_words words;
	bool chain;            // of an imported ruleset
	size_t shown, hidden;  // findings
	size_t named, unnamed; // rules that can be removed
	bool unclear; // some of them are lines with other paths: nothing is said of the set
	json_t *removables;
	struct buf information, removable;
};

static bool is_information(enum verify_kind kind)
{
	return kind == VERIFY_GENERALISED || kind == VERIFY_CORRELATED;
}

static void take_removable(struct source_check *s, const struct verify_finding *finding)
{
	const struct ir_rule *rule = &s->words.ruleset->rule.at[finding->rule];
	struct cli *cli = s->check->cli;
	const struct line *line = s->chain ? lines_find(&s->check->lines, rule) : NULL;
	s->unclear |= line && line->paths > 1;
	if (cli->json)
		json_array_append_new(s->removables, words_rule_json(rule));
	if (s->named >= NAMED_MOST && !s->check->all) {
		s->unnamed++;
		return;
	}
	buf_printf(&s->removable, "%s'%s'", s->named++ ? ", " : "", rule->name ? rule->name : "?");
}

// What was found on one of several paths is kept until all are known.
static void take_path(struct source_check *s, struct line *line,
		      const struct verify_finding *finding)
{
	line->found[finding->kind]++;
	// A path on which it means otherwise says the most.
	if (s->check->cli->json || (line->example && (line->shown == VERIFY_CONFLICTING ||
						      finding->kind != VERIFY_CONFLICTING)))
		return;
	line->shown = finding->kind;
	line->example = finding_text(&s->words, finding);
}

static void print_now(struct source_check *s, const struct verify_finding *finding)
{
	if (!s->check->all && s->shown >= SHOWN_MOST) {
		s->hidden++;
		return;
	}
	finding_print(&s->words, finding, &s->check->cli->out);
	question_flush(&s->check->question);
	s->shown++;
}

// The last rule of a chain is its policy: it stands for no rule that could be removed.
static bool is_chain_policy(const struct source_check *s, const struct verify_finding *finding)
{
	return s->chain && finding->rule + 1 == s->words.ruleset->rule.len;
}

static void take_finding(void *user, const struct verify_finding *finding)
{
	struct source_check *s = user;
	if (is_chain_policy(s, finding))
		return;
	struct check *check = s->check;
	const struct ir_rule *rule = &s->words.ruleset->rule.at[finding->rule];
	bool information = is_information(finding->kind);
	struct line *line = s->chain && !information ? lines_find(&check->lines, rule) : NULL;
	if (finding->together) {
		take_removable(s, finding);
		return;
	}
	if (check->cli->json)
		json_array_append_new(check->findings, finding_json(&s->words, finding));
	if (line)
		take_path(s, line, finding);
	if (line && line->paths > 1)
		return;
	check->count[finding->kind]++;
	if (check->cli->json)
		return;
	if (!information)
		print_now(s, finding);
	else if (check->tell)
		finding_print(&s->words, finding, &s->information);
}

static void print_cut(struct cli *cli, size_t hidden)
{
	if (hidden)
		buf_printf(&cli->out, "  … %s more (--all)\n", words_number(cli, hidden));
}

// Chains of one ruleset mostly have the same notes: each is said once.
static void print_notes(struct check *check, const struct verify_notes *notes)
{
	for (size_t i = 0; i < notes->list.len; i++) {
		check->said.arena = &check->cli->arena;
		if (!map_put(&check->said, notes->list.at[i], check))
			words_note(check->cli, notes->list.at[i]);
	}
}

static void print_rest(struct source_check *s, const struct verify_summary *summary)
{
	struct cli *cli = s->check->cli;
	print_cut(cli, s->hidden);
	buf_add(&cli->out, s->information.data, s->information.len);
	if (s->named && !s->unclear) {
		buf_printf(&cli->out, "  %s can be removed together without any change: %s",
			   words_count(cli, s->named + s->unnamed, "rule", "rules"),
			   s->removable.data);
		if (s->unnamed)
			buf_printf(&cli->out, " and %zu more (--all)", s->unnamed);
		buf_addc(&cli->out, '\n');
	}
	print_notes(s->check, &summary->notes);
}

static size_t rules_of(const struct source *source)
{
	return source->chain.len ? source->chain.at[0]->source_rules
				 : source_rules(&source->ruleset);
}

static void check_source(struct check *check, const struct source *source)
{
	struct cli *cli = check->cli;
	struct source_check s = {.check = check,
				 .chain = source->chain.len > 0,
				 .words = {cli, &source->ruleset, source->title, {0}}};
	struct verify_summary summary = {0};
	s.removables = json_array();
	buf_init(&s.information);
	buf_init(&s.removable);
	words_scope_add(&s.words.scope, &source->ruleset);
	if (check->sources.list.len > 1 && !cli->json)
		buf_printf(&cli->out, "%s%s%s: %s\n", cli_colour(cli, CLI_BOLD), source->title,
			   cli_colour(cli, CLI_PLAIN),
			   words_count(cli, rules_of(source), "rule", "rules"));
	verify_findings(&source->ruleset, &check->question.options, &cli->arena, take_finding, &s,
			&summary);
	if (!cli->json)
		print_rest(&s, &summary);
	question_flush(&check->question);
	if (summary.status != VERIFY_DONE)
		check->status = summary.status;
	if (!s.unclear) {
		check->removable += s.named + s.unnamed;
		json_array_extend(check->removables, s.removables);
	}
	json_decref(s.removables);
	for (size_t i = 0; i < summary.notes.list.len; i++)
		json_array_append_new(check->notes, words_text(summary.notes.list.at[i]));
	buf_fini(&s.information);
	buf_fini(&s.removable);
}

// --- lines with several paths ---

static size_t paths_found(const struct line *line)
{
	size_t n = 0;
	for (unsigned i = 0; i < VERIFY_KINDS; i++)
		n += line->found[i];
	return n;
}

static void print_line(struct check *check, const struct line *line, enum verify_kind kind)
{
	struct cli *cli = check->cli;
	bool partial = kind == VERIFY_KINDS;
	buf_printf(&cli->out, "%s%s%s '%s' (%s:%u, ", cli_colour(cli, finding_colour(kind)),
		   partial ? "·" : "✗", cli_colour(cli, CLI_PLAIN), lines_name(line),
		   line->rule->file, line->rule->line);
	words_verdict(cli, line->rule->verdict);
	if (partial)
		buf_printf(&cli->out, ") does nothing on %zu of its %zu paths\n", paths_found(line),
			   line->paths);
	else
		buf_printf(&cli->out, ") %s on any of its %zu paths, e.g.:\n    %s\n",
			   kind == VERIFY_REDUNDANT ? "changes nothing" : "never decides",
			   line->paths, line->example);
}

static json_t *line_json(const struct line *line, enum verify_kind kind)
{
	json_t *value = words_rule_json(line->rule);
	json_object_set_new(value, "rule", words_text(lines_name(line)));
	json_object_set_new(value, "kind",
			    kind == VERIFY_KINDS ? json_null()
						 : json_string(verify_kind_name[kind]));
	json_object_set_new(value, "paths", json_integer((json_int_t)line->paths));
	json_object_set_new(value, "without-effect", json_integer((json_int_t)paths_found(line)));
	return value;
}

// Lines that do nothing at all, or (`partial`) on some of their paths.
static void tell_lines(struct check *check, bool partial)
{
	size_t shown = 0, hidden = 0, most = partial ? NAMED_MOST : SHOWN_MOST;
	for (size_t i = 0; i < check->lines.list.len; i++) {
		const struct line *line = check->lines.list.at[i];
		enum verify_kind kind = lines_kind(line);
		if (line->paths < 2 || !paths_found(line) || (kind == VERIFY_KINDS) != partial)
			continue;
		if (partial)
			check->partial++;
		else
			check->count[kind]++;
		if (check->cli->json)
			json_array_append_new(check->lines_json, line_json(line, kind));
		else if (check->all || shown++ < most)
			print_line(check, line, kind);
		else
			hidden++;
	}
	print_cut(check->cli, hidden);
}

static void check_all(struct check *check)
{
	size_t many = 0;
	check->lines.arena = &check->cli->arena;
	for (size_t i = 0; i < check->sources.list.len; i++)
		if (check->sources.list.at[i].chain.len)
			lines_add(&check->lines, &check->sources.list.at[i].ruleset);
	question_begin(&check->question, "checking");
	for (size_t i = 0; i < check->sources.list.len; i++)
		if (check->status == VERIFY_DONE)
			check_source(check, &check->sources.list.at[i]);
	question_end(&check->question);
	for (size_t i = 0; i < check->lines.list.len; i++)
		many += check->lines.list.at[i]->paths > 1 && paths_found(check->lines.list.at[i]);
	if (many && !check->cli->json)
		buf_printf(&check->cli->out, "%sRules that several jumps lead to%s\n",
			   cli_colour(check->cli, CLI_BOLD), cli_colour(check->cli, CLI_PLAIN));
	tell_lines(check, false);
	tell_lines(check, true);
}

// --- the answer ---

static size_t findings(const struct check *check, bool information)
{
	size_t n = information ? check->partial : 0;
	for (unsigned i = 0; i < VERIFY_KINDS; i++)
		if (is_information((enum verify_kind)i) == information)
			n += check->count[i];
	return n;
}

static json_t *answer_json(const struct check *check, int exit)
{
	json_t *counts = json_object();
	for (size_t i = 0; i < VERIFY_KINDS; i++)
		json_object_set_new(counts, verify_kind_name[i],
				    json_integer((json_int_t)check->count[i]));
	json_object_set_new(counts, "on-some-paths", json_integer((json_int_t)check->partial));
	return json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:o, s:O, s:O, s:O, s:O, s:o}", "valid",
			 exit != CLI_BAD, "status", question_status_name(check->status), "policies",
			 (json_int_t)check->policies, "rules", (json_int_t)check->rules, "errors",
			 (json_int_t)check->cli->diags.errors, "warnings",
			 (json_int_t)check->cli->diags.warnings, "counts", counts, "findings",
			 check->findings, "lines", check->lines_json, "removable",
			 check->removables, "notes", check->notes, "diags",
			 cli_diags_json(&check->cli->diags));
}

// ": 2 shadowed, 1 redundant", of findings or of matters of information.
static void print_counts(const struct check *check, bool information, const char *mark)
{
	struct cli *cli = check->cli;
	for (unsigned i = 0; i < VERIFY_KINDS; i++) {
		if (!check->count[i] || is_information((enum verify_kind)i) != information)
			continue;
		buf_printf(&cli->out, "%s%s %s", mark, words_number(cli, check->count[i]),
			   verify_kind_name[i]);
		mark = ", ";
	}
	if (information && check->partial)
		buf_printf(&cli->out, "%s%s without effect on some paths", mark,
			   words_number(cli, check->partial));
}

static void print_findings(const struct check *check)
{
	struct cli *cli = check->cli;
	if (findings(check, false))
		print_counts(check, false, ": ");
	else
		buf_adds(&cli->out,
			 check->status == VERIFY_DONE ? ": valid" : ": no finding so far");
	if (check->removable)
		buf_printf(&cli->out, "; %s can be removed together",
			   words_number(cli, check->removable));
	if (cli->diags.warnings)
		buf_adds(&cli->out, ", with warnings");
	if (findings(check, true)) {
		print_counts(check, true, "; for information: ");
		buf_adds(&cli->out, check->tell ? "" : " (--all lists them)");
	}
	buf_addc(&cli->out, '\n');
}

static void print_summary(const struct check *check, int exit)
{
	struct cli *cli = check->cli;
	bool good = !findings(check, false) && !(cli_has(cli, "strict") && findings(check, true));
	if (exit == CLI_BAD) {
		buf_printf(&cli->out, "%s✗%s %s\n", cli_colour(cli, CLI_RED),
			   cli_colour(cli, CLI_PLAIN),
			   words_count(cli, cli->diags.errors, "error", "errors"));
		return;
	}
	bool open = good && check->status != VERIFY_DONE;
	buf_printf(&cli->out, "%s%s%s %s, %s",
		   cli_colour(cli, open   ? CLI_YELLOW
				   : good ? CLI_GREEN
					  : CLI_RED),
		   open   ? "?"
		   : good ? "✓"
			  : "✗",
		   cli_colour(cli, CLI_PLAIN),
		   words_count(cli, check->policies, "policy", "policies"),
		   words_count(cli, check->rules, "rule", "rules"));
	print_findings(check);
	question_say_unfinished(&check->question, check->status);
}

static int check_exit(const struct check *check, bool good)
{
	const struct cli *cli = check->cli;
	if (!good || cli->diags.errors)
		return CLI_BAD;
	bool found = cli->diags.warnings || findings(check, false) ||
		     (cli_has(cli, "strict") && findings(check, true));
	return question_exit(check->status, found ? CLI_NO : CLI_YES);
}

static int answer(struct check *check, bool good)
{
	int exit = check_exit(check, good);
	if (!cli_answer(check->cli, answer_json(check, exit)))
		print_summary(check, exit);
	json_decref(check->findings);
	json_decref(check->removables);
	json_decref(check->lines_json);
	json_decref(check->notes);
	return exit;
}

int cli_check(struct cli *cli)
{
	struct check check = {.cli = cli,
			      .all = cli_has(cli, "all"),
			      .tell = cli_has(cli, "all") || cli_has(cli, "strict"),
			      .findings = json_array(),
			      .removables = json_array(),
			      .lines_json = json_array(),
			      .notes = json_array()};
	bool good = cli_need(cli, 1, true) && source_stdin_once(cli, NULL) &&
		    question_init(&check.question, cli) &&
		    source_load_each(cli, cli->arg, cli->args, &check.sources);
	for (size_t i = 0; i < check.sources.list.len; i++) {
		check.policies += check.sources.list.at[i].document.policy.len;
		check.rules += rules_of(&check.sources.list.at[i]);
	}
	cli_report(cli);
	if (good)
		check_all(&check);
	return answer(&check, good);
}
