// SPDX-License-Identifier: Apache-2.0
// `bulwark diff`: are two policies the same, and where not, or for which recorded flows not?
#include "cli/compare.h"
#include "cli/flows.h"
#include "cli/source.h"

#include <string.h>
#include <unistd.h>

struct diff {
	struct cli *cli;
	struct question question;
	struct source a, b;
	size_t most;
	struct verify_notes notes;
};

struct names {
	VEC(char *) list;
};

// "rules.xml,groups.xml" are two files, unless there is one of that name; --with goes with both sides.
static void side_files(struct cli *cli, char *argument, struct names *out)
{
	const char *with;
	char *rest = arena_strdup(&cli->arena, argument), *name;
	if (!access(argument, F_OK))
		vec_push(&cli->arena, &out->list, argument);
	else
		while ((name = strsep(&rest, ",")))
			if (*name)
				vec_push(&cli->arena, &out->list, name);
	for (size_t i = 0; (with = cli_option_value(cli, "with", i)); i++)
		vec_push(&cli->arena, &out->list, (char *)with);
}

static bool load_side(struct cli *cli, char *argument, struct source *out)
{
	struct names names = {0};
	side_files(cli, argument, &names);
	if (!source_load(cli, names.list.at, names.list.len, out))
		return false;
	if (names.list.len > 1 && !access(argument, F_OK))
		out->title = argument;
	return true;
}

static bool stdin_once(struct cli *cli)
{
	size_t n = !strcmp(cli->arg[0], "-") + !strcmp(cli->arg[1], "-");
	const char *flows = cli_option_value(cli, "flows", 0);
	n += flows && !strcmp(flows, "-");
	if (n > 1)
		diag_error(&cli->diags, DIAG_DUPLICATE, NULL,
			   "name it once, and files for the rest",
			   "standard input (-) is named %zu times", n);
	return n <= 1;
}

// --default-action says it of both sides, or with a comma of each.
static bool settle_defaults(struct diff *d)
{
	return source_default(d->cli, 0, &d->a.ruleset) && source_default(d->cli, 1, &d->b.ruleset);
}

// A ruleset of iptables sees IPv4 only: nothing else can be compared with it.
static bool restrict_versions(struct diff *d)
{
	unsigned a = source_versions(&d->a), b = source_versions(&d->b);
	if (a & b)
		return question_only_versions(&d->question, a & b,
					      a == (a & b) ? d->a.title : d->b.title, &d->notes);
	diag_error(&d->cli->diags, DIAG_CONFLICT, NULL,
		   "give rulesets that see packets of the same IP version",
		   "one of them sees IPv4 only, the other IPv6 only");
	return false;
}

static int compare(struct diff *d)
{
	struct cli *cli = d->cli;
	struct verify_comparison comparison = {0};
	struct compare_words words = {
		.a = {"A", d->a.title, &d->a.ruleset},
		.b = {"B", d->b.title, &d->b.ruleset},
		.equal = arena_printf(
			&cli->arena,
			"equal: every packet gets the same verdict (A %s, %s; B %s, %s)",
			d->a.title, words_count(cli, source_rules(&d->a.ruleset), "rule", "rules"),
			d->b.title, words_count(cli, source_rules(&d->b.ruleset), "rule", "rules")),
		.different = arena_printf(&cli->arena, "A (%s) and B (%s) differ for", d->a.title,
					  d->b.title),
		.notes = &d->notes};
	cli_report(cli);
	question_begin(&d->question, "comparing");
	verify_compare(&d->a.ruleset, &d->b.ruleset, &d->question.options, d->most, &cli->arena,
		       &comparison);
	question_end(&d->question);
	return compare_answer(&d->question, &words, &comparison);
}

int cli_diff(struct cli *cli)
{
	struct diff d = {.cli = cli};
	if (!cli_need(cli, 2, false) || !stdin_once(cli) || !question_init(&d.question, cli) ||
	    !compare_most(cli, &d.most) || !load_side(cli, cli->arg[0], &d.a) ||
	    !load_side(cli, cli->arg[1], &d.b) || !settle_defaults(&d))
		return cli_fail(cli);
	if (cli_has(cli, "flows"))
		return flows_diff(cli, &d.question, &d.a, &d.b);
	return restrict_versions(&d) ? compare(&d) : cli_fail(cli);
}
