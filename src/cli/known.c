// SPDX-License-Identifier: Apache-2.0
// The questions of the analysis asked of the controller: about what is deployed, a revision, or FILEs that are sent along
// as a candidate and not kept. The controller answers; here it is said.
#include "cli/answer.h"
#include "cli/source.h"
#include "schema/schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// --- the input ---

// The FILEs as one JSON document.
static json_t *candidate(struct cli *cli)
{
	struct source_tree files;
	json_t *document = NULL;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (source_tree_load(cli, cli->arg, cli->args, &files)) {
		schema_print(files.tree, SCHEMA_JSON, 0, &text);
		document = json_loadb(text.data, text.len, 0, NULL);
	}
	source_tree_free(&files);
	return document;
}

static void put_text(const struct cli *cli, json_t *input, const char *option)
{
	const char *value = cli_option_value(cli, option, 0);
	if (value)
		json_object_set_new(input, option, json_string(value));
}

static void put_texts(const struct cli *cli, json_t *input, const char *option)
{
	const char *value;
	json_t *list = json_array();
	for (size_t i = 0; (value = cli_option_value(cli, option, i)); i++)
		json_array_append_new(list, json_string(value));
	json_object_set_new(input, option, list);
}

static bool put_number(struct cli *cli, json_t *input, const char *option, uint64_t most)
{
	uint64_t n;
	if (!cli_number(cli, option, most, 0, &n))
		return false;
	if (n)
		json_object_set_new(input, option, json_integer((json_int_t)n));
	return true;
}

// Whose rules: --revision N, --deployed, the FILEs, else `otherwise`.
static bool put_subject(struct cli *cli, json_t *input, const char *otherwise)
{
	uint64_t revision;
	if (!cli_number(cli, "revision", UINT32_MAX, 0, &revision))
		return false;
	if (revision)
		json_object_set_new(input, "of", json_integer((json_int_t)revision));
	else
		json_object_set_new(input, "of",
				    json_string(cli_has(cli, "deployed") ? "deployed" : otherwise));
	return true;
}

// What is asked, and how the answer is said. The FILEs are the candidate; `files` is the leaf that then says so.
struct question {
	const char *operation, *files;
	const char *otherwise; // whose rules `of` are when nothing says it
	const char *texts[2];  // options that may be given several times
	// Returns the exit code of an answer that finished.
	int (*say)(struct cli *cli, const json_t *output);
};

static bool fill_input(struct cli *cli, const struct question *q, json_t *input)
{
	json_t *document = NULL;
	put_text(cli, input, "nsf");
	put_text(cli, input, "where");
	for (size_t i = 0; i < array_len(q->texts) && q->texts[i]; i++)
		put_texts(cli, input, q->texts[i]);
	if (!put_number(cli, input, "timeout", 300) || !put_number(cli, input, "most", 1000) ||
	    (cli->args && !(document = candidate(cli))))
		return false;
	if (document) {
		json_object_set_new(input, "candidate", document);
		json_object_set_new(input, q->files, json_string("candidate"));
	}
	return json_object_get(input, "of") || put_subject(cli, input, q->otherwise);
}

// --- the answers ---

static int exit_of(const json_t *output, int otherwise)
{
	return strcmp(answer_text(output, "status"), "finished") ? CLI_BUDGET : otherwise;
}

static void say_notes(struct cli *cli, const json_t *output)
{
	size_t i;
	const json_t *note;
	json_array_foreach(json_object_get(output, "note"), i, note)
	{
		buf_printf(&cli->out, "%s  note: %s%s\n", cli_colour(cli, CLI_DIM),
			   json_string_value(note), cli_colour(cli, CLI_PLAIN));
	}
	if (strcmp(answer_text(output, "status"), "finished") != 0)
		buf_printf(&cli->out,
			   "%s?%s It did not finish: what is said is true, but there may be more. "
			   "Give it more --timeout, "
			   "or less --where.\n",
			   cli_colour(cli, CLI_YELLOW), cli_colour(cli, CLI_PLAIN));
}

static int ask(struct cli *cli, const struct question *q)
{
	int status;
	json_t *input = json_object();
	if (!fill_input(cli, q, input)) {
		json_decref(input);
		return cli_fail(cli);
	}
	json_t *output = answer_call(cli, q->operation, input, &status);
	if (!output)
		return status;
	status = exit_of(output, q->say(cli, output));
	if (cli->json)
		buf_clear(&cli->out);
	(void)cli_answer(cli, output);
	return status;
}

static const char *verdict_colour(const struct cli *cli, const char *verdict)
{
	return cli_colour(cli, !strcmp(verdict, "pass") || !strcmp(verdict, "rate-limit")
				       ? CLI_GREEN
				       : CLI_RED);
}

// "drop by policy/rule"
static void say_decision(struct cli *cli, const json_t *decision)
{
	const char *verdict = answer_text(decision, "verdict"),
		   *rule = answer_text(decision, "rule");
	buf_printf(&cli->out, "%s%s%s", verdict_colour(cli, verdict), verdict,
		   cli_colour(cli, CLI_PLAIN));
	if (*rule)
		buf_printf(&cli->out, " by %s/%s", answer_text(decision, "policy"), rule);
	else
		buf_adds(&cli->out, " where no rule decides");
}

static void say_causes(struct cli *cli, const json_t *finding)
{
	size_t i;
	const json_t *cause, *list = json_object_get(finding, "cause");
	json_array_foreach(list, i, cause)
	{
		buf_printf(&cli->out, "%s%s/%s", i ? ", " : ": ", answer_text(cause, "policy"),
			   answer_text(cause, "rule"));
	}
	uint64_t all = answer_number(finding, "causes"), listed = json_array_size(list);
	if (all > listed)
		buf_printf(&cli->out, " and %llu more", (unsigned long long)(all - listed));
	if (answer_true(finding, "by-default"))
		buf_adds(&cli->out, listed ? ", and the default action" : ": the default action");
}

static const struct kind {
	const char *name, *text;
	bool counts; // makes the exit code 1
} kinds[] = {
	{"empty", "matches no packet", true},
	{"shadowed", "only repeats what is said before it", true},
	{"conflicting", "never decides; before it stands what does otherwise", true},
	{"redundant", "is not needed; the same is done by", true},
	{"generalised", "is an exception to", false},
	{"correlated", "shares packets with later rules that do otherwise", false},
};

static bool say_finding(struct cli *cli, const json_t *finding)
{
	const struct kind *kind = &kinds[array_len(kinds) - 1];
	for (size_t i = 0; i < array_len(kinds); i++)
		if (!strcmp(kinds[i].name, answer_text(finding, "kind")))
			kind = &kinds[i];
	buf_printf(&cli->out, "%s%s%s %s%s/%s%s %s",
		   cli_colour(cli, kind->counts ? CLI_RED : CLI_CYAN), kind->counts ? "✗" : "·",
		   cli_colour(cli, CLI_PLAIN), cli_colour(cli, CLI_BOLD),
		   answer_text(finding, "policy"), answer_text(finding, "rule"),
		   cli_colour(cli, CLI_PLAIN), kind->text);
	say_causes(cli, finding);
	buf_addc(&cli->out, '\n');
	return kind->counts;
}

static int say_findings(struct cli *cli, const json_t *output)
{
	size_t i, counted = 0;
	const json_t *finding;
	json_array_foreach(json_object_get(output, "finding"), i, finding)
	{
		if (!answer_true(finding, "together"))
			counted += say_finding(cli, finding);
	}
	if (!counted)
		buf_printf(&cli->out, "%s no rule is dead, none is redundant\n",
			   answer_mark(cli, true));
	else if (answer_number(output, "removable"))
		buf_printf(&cli->out, "  %llu of them can be removed together.\n",
			   (unsigned long long)answer_number(output, "removable"));
	say_notes(cli, output);
	return counted ? CLI_NO : CLI_YES;
}

int cli_analyse(struct cli *cli)
{
	return ask(cli, &(struct question){"analyse", "of", "latest", .say = say_findings});
}

static void say_difference(struct cli *cli, const json_t *difference)
{
	buf_printf(&cli->out, "%s≠%s %s%s%s%s\n    ", cli_colour(cli, CLI_YELLOW),
		   cli_colour(cli, CLI_PLAIN), cli_colour(cli, CLI_BOLD),
		   answer_text(difference, "packets"), cli_colour(cli, CLI_PLAIN),
		   answer_true(difference, "exact") ? "" : " (some of these)");
	say_decision(cli, json_object_get(difference, "before"));
	buf_adds(&cli->out, " → ");
	say_decision(cli, json_object_get(difference, "after"));
	buf_printf(&cli->out, "\n    for example %s\n", answer_text(difference, "packet"));
}

static int say_comparison(struct cli *cli, const json_t *output)
{
	size_t i, listed = json_array_size(json_object_get(output, "difference"));
	const json_t *difference;
	json_array_foreach(json_object_get(output, "difference"), i, difference)
	{
		say_difference(cli, difference);
	}
	if (answer_true(output, "equal") && !exit_of(output, CLI_YES))
		buf_printf(&cli->out, "%s every packet fares the same\n", answer_mark(cli, true));
	if (answer_number(output, "differences") > listed)
		buf_printf(&cli->out, "  … and more: %llu pairs of rules differ (--most)\n",
			   (unsigned long long)answer_number(output, "differences"));
	say_notes(cli, output);
	return answer_true(output, "equal") ? CLI_YES : CLI_NO;
}

int cli_compare(struct cli *cli)
{
	return ask(cli, &(struct question){"compare", "with", "deployed", .say = say_comparison});
}

static void say_broken(struct cli *cli, const json_t *broken)
{
	buf_printf(&cli->out, "%s %s must %s pass: ", answer_mark(cli, false),
		   answer_text(broken, "guarantee"),
		   answer_true(broken, "must-pass") ? "always" : "never");
	say_decision(cli, broken);
	buf_printf(&cli->out, "\n    for example %s\n", answer_text(broken, "packet"));
}

static int say_guarantees(struct cli *cli, const json_t *output)
{
	size_t i;
	const json_t *broken;
	bool holds = answer_true(output, "holds");
	json_array_foreach(json_object_get(output, "broken"), i, broken)
	{
		say_broken(cli, broken);
	}
	if (holds)
		buf_printf(&cli->out, "%s all of it holds\n", answer_mark(cli, true));
	say_notes(cli, output);
	return holds ? CLI_YES : CLI_NO;
}

int cli_guarantee(struct cli *cli)
{
	return ask(cli, &(struct question){
				"assert", "of", "latest", {"always", "never"}, say_guarantees});
}

// --- who reaches whom ---

static void say_open(struct cli *cli, const json_t *open)
{
	size_t i;
	const json_t *condition;
	const char *replies = answer_text(open, "replies");
	buf_printf(&cli->out, "  %s %s%s", answer_mark(cli, true),
		   answer_true(open, "other-times") ? "at other times than: " : "",
		   answer_text(open, "packets"));
	if (answer_number(open, "version"))
		buf_printf(&cli->out, " (IPv%u)", (unsigned)answer_number(open, "version"));
	json_array_foreach(json_object_get(open, "condition"), i, condition)
	{
		buf_printf(&cli->out, "%s%s", i ? " and " : " if ", json_string_value(condition));
	}
	if (!answer_true(open, "every-host"))
		buf_adds(&cli->out, ", for some addresses only");
	if (strcmp(replies, "pass") != 0)
		buf_printf(&cli->out, ", replies %sare dropped",
			   strcmp(replies, "lost") != 0 ? "to some source ports " : "");
	buf_printf(&cli->out, "\n      for example %s\n", answer_text(open, "packet"));
}

static void say_blocked(struct cli *cli, const json_t *blocked)
{
	buf_printf(&cli->out, "  %s blocked: ", answer_mark(cli, false));
	say_decision(cli, blocked);
	buf_printf(&cli->out, ", on %s\n      for example %s\n", answer_text(blocked, "nsf"),
		   answer_text(blocked, "packet"));
}

static void say_way(struct cli *cli, const json_t *pair)
{
	size_t i;
	const json_t *nsf;
	const char *passes = answer_text(pair, "passes");
	buf_printf(&cli->out, "%s%s → %s%s", cli_colour(cli, CLI_BOLD), answer_text(pair, "from"),
		   answer_text(pair, "to"), cli_colour(cli, CLI_PLAIN));
	if (*passes)
		buf_printf(&cli->out, ": %s", !strcmp(passes, "all") ? "everything" : passes);
	json_array_foreach(json_object_get(pair, "way"), i, nsf)
	{
		buf_printf(&cli->out, "%s%s", i ? ", " : "   by ", json_string_value(nsf));
	}
	buf_addc(&cli->out, '\n');
}

static void say_pair(struct cli *cli, const json_t *pair)
{
	size_t i;
	const json_t *entry;
	if (answer_true(pair, "together"))
		return;
	say_way(cli, pair);
	json_array_foreach(json_object_get(pair, "open"), i, entry)
	{
		say_open(cli, entry);
	}
	json_array_foreach(json_object_get(pair, "blocked-by"), i, entry)
	{
		say_blocked(cli, entry);
	}
	if (answer_true(pair, "open-more") || answer_true(pair, "blocked-by-more"))
		buf_adds(&cli->out, "  … and more; narrow it with --where\n");
}

static int say_reach(struct cli *cli, const json_t *output)
{
	size_t i;
	const json_t *pair;
	json_array_foreach(json_object_get(output, "pair"), i, pair)
	{
		say_pair(cli, pair);
	}
	say_notes(cli, output);
	return CLI_YES;
}

int cli_reachable(struct cli *cli)
{
	return ask(cli, &(struct question){"reach", "of", "latest", {"from", "to"}, say_reach});
}
