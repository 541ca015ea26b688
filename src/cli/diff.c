// SPDX-License-Identifier: Apache-2.0
// `bulwark diff`: are two policies the same, and where not, or for which recorded flows not?
#include "cli/compare.h"
#include "cli/flows.h"
#include "cli/source.h"

#include <jansson.h>
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
	if (!source_load_side(cli, names.list.at, names.list.len, out))
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

static struct compare_words words_of(struct diff *d)
{
	struct cli *cli = d->cli;
	return (struct compare_words){
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
}

static void ask(struct diff *d, struct verify_comparison *out)
{
	question_begin(&d->question, "comparing");
	verify_compare(&d->a.ruleset, &d->b.ruleset, &d->question.options, d->most, &d->cli->arena,
		       out);
	question_end(&d->question);
}

static int compare(struct diff *d)
{
	struct verify_comparison comparison = {0};
	struct compare_words words = words_of(d);
	cli_report(d->cli);
	ask(d, &comparison);
	return compare_answer(&d->question, &words, &comparison);
}

// --- all chains of two rulesets ---

static bool same_chain(const struct source *a, const struct source *b)
{
	const struct import_chain *x = a->chain.at[0], *y = b->chain.at[0];
	return !strcmp(x->family, y->family) && !strcmp(x->table, y->table) &&
	       !strcmp(x->name, y->name);
}

static const struct source *chain_like(const struct source *side, const struct source *chain)
{
	for (size_t i = 0; i < side->each.len; i++)
		if (same_chain(side->each.at[i], chain))
			return side->each.at[i];
	return NULL;
}

// Chains that only one of them has cannot be compared, which is a difference by itself.
static bool report_alone(struct diff *d, const struct source *side, const struct source *other)
{
	bool alone = false;
	for (size_t i = 0; i < side->each.len; i++) {
		if (chain_like(other, side->each.at[i]))
			continue;
		alone = true;
		diag_add(&d->cli->diags,
			 &(struct diag){.severity = DIAG_WARNING,
					.code = DIAG_ABSENT,
					.file = side->each.at[i]->title,
					.hint = "choose chains to compare with --chain"},
			 "only one side has this chain");
	}
	return alone;
}

// Different is known for sure; not finished is worse than equal.
static int worse(int a, int b)
{
	return a == CLI_NO || b == CLI_NO ? CLI_NO : a > b ? a : b;
}

static bool compare_chain(struct diff *d, const struct source *a, const struct source *b,
			  json_t *list, int *exit)
{
	struct verify_comparison comparison = {0};
	d->a = *a;
	d->b = *b;
	d->notes = (struct verify_notes){0};
	const struct question asked = d->question; // the next chain may see other packets
	if (!settle_defaults(d) || !restrict_versions(d))
		return false;
	struct compare_words words = words_of(d);
	ask(d, &comparison);
	d->question.where = asked.where;
	d->question.options.where = asked.options.where;
	*exit = worse(*exit, compare_exit(&comparison));
	if (!d->cli->json)
		compare_print(&d->question, &words, &comparison);
	json_t *one = compare_json(&d->question, &words, &comparison);
	json_object_set_new(one, "chain", json_string(source_chain_name(d->cli, a->chain.at[0])));
	json_object_del(one, "diags"); // they are of all chains
	json_array_append_new(list, one);
	return true;
}

static json_t *chains_json(struct cli *cli, json_t *list, int exit)
{
	return json_pack("{s:o, s:O, s:o}", "equal",
			 exit == CLI_NO    ? json_false()
			 : exit == CLI_YES ? json_true()
					   : json_null(),
			 "chains", list, "diags", cli_diags_json(&cli->diags));
}

static int compare_chains(struct diff *d)
{
	struct cli *cli = d->cli;
	const struct source a = d->a, b = d->b;
	int exit = report_alone(d, &a, &b) | report_alone(d, &b, &a) ? CLI_NO : CLI_YES;
	json_t *list = json_array();
	bool good = true;
	for (size_t i = 0; i < a.each.len; i++)
		source_say_taken(cli, a.each.at[i]);
	for (size_t i = 0; i < b.each.len; i++)
		source_say_taken(cli, b.each.at[i]);
	cli_report(cli);
	for (size_t i = 0; i < a.each.len && good; i++) {
		const struct source *other = chain_like(&b, a.each.at[i]);
		good = !other || compare_chain(d, a.each.at[i], other, list, &exit);
	}
	if (good)
		(void)cli_answer(cli, chains_json(cli, list, exit));
	json_decref(list);
	return good ? exit : cli_fail(cli);
}

// Two dumps without --chain: what differs may be in any chain.
static bool has_chains(const struct diff *d)
{
	return d->a.each.len > 1 && d->b.each.len > 1 && !cli_has(d->cli, "chain");
}

static void say_taken(struct diff *d)
{
	source_say_taken(d->cli, &d->a);
	source_say_taken(d->cli, &d->b);
}

int cli_diff(struct cli *cli)
{
	struct diff d = {.cli = cli};
	if (!cli_need(cli, 2, false) || !stdin_once(cli) || !question_init(&d.question, cli) ||
	    !compare_most(cli, &d.most) || !load_side(cli, cli->arg[0], &d.a) ||
	    !load_side(cli, cli->arg[1], &d.b))
		return cli_fail(cli);
	bool flows = cli_has(cli, "flows");
	if (!flows && has_chains(&d))
		return compare_chains(&d);
	say_taken(&d);
	if (!settle_defaults(&d))
		return cli_fail(cli);
	if (flows)
		return flows_diff(cli, &d.question, &d.a, &d.b);
	return restrict_versions(&d) ? compare(&d) : cli_fail(cli);
}
