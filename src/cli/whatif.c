// SPDX-License-Identifier: Apache-2.0
// `bulwark whatif`: what would this change of rules change for packets?
#include "cli/compare.h"
#include "cli/rules.h"
#include "cli/source.h"

#include <string.h>

// The ruleset as it would be.
static struct ir_ruleset edited(struct cli *cli, const struct ir_ruleset *ruleset,
				const struct rules_edits *edits)
{
	struct ir_ruleset out = {.default_action = ruleset->default_action};
	size_t next = 0;
	for (size_t at = 0; at <= ruleset->rule.len;) {
		const struct verify_edit *edit =
			next < edits->list.len && edits->list.at[next].at == at
				? &edits->list.at[next++]
				: NULL;
		for (size_t i = 0; edit && i < edit->inserts; i++)
			vec_push(&cli->arena, &out.rule, edit->insert[i]);
		if (edit && edit->removed) {
			at += edit->removed;
			continue;
		}
		if (at < ruleset->rule.len)
			vec_push(&cli->arena, &out.rule, ruleset->rule.at[at]);
		at++;
	}
	return out;
}

static int ask(struct question *q, const struct source *source, const struct rules_edits *edits,
	       size_t most)
{
	struct cli *cli = q->cli;
	struct verify_comparison comparison = {.status = VERIFY_OVER_BUDGET};
	struct ir_ruleset after = edited(cli, &source->ruleset, edits);
	struct compare_words words = {.a = {"now", source->title, &source->ruleset},
				      .b = {"then", source->title, &after},
				      .equal = "the change changes nothing: every packet fares as "
					       "before",
				      .different = "the change changes what happens to"};
	cli_report(cli);
	question_begin(q, "comparing");
	struct verify_prepared *prepared = verify_prepare(&source->ruleset, &q->options);
	if (prepared)
		verify_what_if(prepared, edits->list.at, edits->list.len, most, &cli->arena,
			       &comparison);
	else if (atomic_load(&q->control.stop))
		comparison.status = VERIFY_STOPPED;
	question_end(q);
	int exit = compare_answer(q, &words, &comparison);
	verify_prepared_free(prepared);
	return exit;
}

int cli_whatif(struct cli *cli)
{
	struct source source;
	struct question question;
	struct rules_edits edits;
	size_t most;
	if (!question_init(&question, cli) || !compare_most(cli, &most) ||
	    !source_load_arguments(cli, NULL, &source) ||
	    !rules_edits(cli, &source.ruleset, &edits))
		return cli_fail(cli);
	return ask(&question, &source, &edits, most);
}
