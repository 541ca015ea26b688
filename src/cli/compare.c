// SPDX-License-Identifier: Apache-2.0
// Differences in words: which packets, what happens to them on both sides and by which rule, and one packet to try.
#include "cli/compare.h"

#include <jansson.h>

#define LISTED 10

bool compare_most(struct cli *cli, size_t *out)
{
	uint64_t most;
	if (!cli_number(cli, "most", 1000000, cli_has(cli, "all") ? 1000000 : LISTED, &most))
		return false;
	*out = (size_t)most;
	return true;
}

static void print_region(struct cli *cli, const struct verify_difference *difference)
{
	if (!difference->exact)
		buf_adds(&cli->out, "some of: ");
	buf_adds(&cli->out, cli_colour(cli, CLI_BOLD));
	ir_clause_print(&difference->region, &cli->out);
	buf_adds(&cli->out, cli_colour(cli, CLI_PLAIN));
	if (difference->reply)
		buf_adds(&cli->out, ", packets against the flow's direction");
}

static void print_side(struct cli *cli, const struct compare_side *side, enum ir_verdict verdict,
		       const struct ir_rule *rule)
{
	buf_printf(&cli->out, "     %-4s ", side->label);
	words_decision(cli, verdict, rule, side->ruleset);
	buf_addc(&cli->out, '\n');
}

static void print_difference(struct cli *cli, size_t number, const struct compare_words *words,
			     const struct words_scope *scope,
			     const struct verify_difference *difference)
{
	buf_printf(&cli->out, "\n%3zu. ", number);
	words_verdict(cli, difference->verdict_a);
	buf_adds(&cli->out, " → ");
	words_verdict(cli, difference->verdict_b);
	buf_adds(&cli->out, "  ");
	print_region(cli, difference);
	buf_addc(&cli->out, '\n');
	print_side(cli, &words->a, difference->verdict_a, difference->rule_a);
	print_side(cli, &words->b, difference->verdict_b, difference->rule_b);
	buf_printf(&cli->out, "     %se.g. %s%s\n", cli_colour(cli, CLI_DIM),
		   words_packet(cli, scope, difference->packet), cli_colour(cli, CLI_PLAIN));
}

static bool is_begun(const struct ir_packet *packet)
{
	return (packet->has >> IR_STATE & 1) && (packet->value[IR_STATE] == IR_STATE_ESTABLISHED ||
						 packet->value[IR_STATE] == IR_STATE_RELATED);
}

// Whether a difference is about packets of flows that have begun, and nobody asked about the state.
static bool begun(const struct question *q, const struct verify_comparison *c)
{
	if (q->options.where && ir_clause_set(q->options.where, IR_STATE))
		return false;
	for (size_t i = 0; i < c->difference.len; i++) {
		const struct ir_packet *packet = c->difference.at[i].packet;
		if (packet->reply || is_begun(packet))
			return true;
	}
	return false;
}

static void print_answer(struct question *q, const struct compare_words *words,
			 const struct words_scope *scope, const struct verify_comparison *c)
{
	struct cli *cli = q->cli;
	bool found = c->difference.len > 0;
	size_t ways = c->differences > c->difference.len ? c->differences : c->difference.len;
	if (c->status == VERIFY_DONE && c->equal)
		buf_printf(&cli->out, "%s✓%s %s\n", cli_colour(cli, CLI_GREEN),
			   cli_colour(cli, CLI_PLAIN), words->equal);
	else if (found)
		buf_printf(&cli->out, "%s✗%s %s %s\n", cli_colour(cli, CLI_RED),
			   cli_colour(cli, CLI_PLAIN), words->different,
			   words_count(cli, ways, "kind of packets", "kinds of packets"));
	for (size_t i = 0; i < c->difference.len; i++)
		print_difference(cli, i + 1, words, scope, &c->difference.at[i]);
	if (ways > c->difference.len)
		buf_printf(&cli->out, "\n  … %s more (--most N)\n",
			   words_number(cli, ways - c->difference.len));
	if (found)
		buf_addc(&cli->out, '\n');
	if (words->notes)
		words_notes(cli, words->notes);
	words_notes(cli, &c->notes);
	if (begun(q, c))
		words_note(cli, "packets of flows that have begun are among these; --where "
				"state=new asks about beginnings only");
	if (c->status != VERIFY_DONE && !found)
		buf_adds(&cli->out, "no difference was found so far\n");
	question_say_unfinished(q, c->status);
}

static json_t *difference_json(struct cli *cli, const struct words_scope *scope,
			       const struct verify_difference *difference)
{
	struct buf region;
	buf_init(&region);
	ir_clause_print(&difference->region, &region);
	json_t *value = json_pack(
		"{s:o, s:o, s:o, s:b, s:b, s:s}", "a",
		words_decision_json(difference->verdict_a, difference->rule_a), "b",
		words_decision_json(difference->verdict_b, difference->rule_b), "region",
		words_text(region.data), "exact", difference->exact, "reply", difference->reply,
		"packet", words_packet(cli, scope, difference->packet));
	buf_fini(&region);
	return value;
}

static json_t *answer_json(struct cli *cli, const struct compare_words *words,
			   const struct words_scope *scope, const struct verify_comparison *c)
{
	json_t *list = json_array(), *notes = words_notes_json(&c->notes);
	for (size_t i = 0; words->notes && i < words->notes->list.len; i++)
		json_array_insert_new(notes, i, words_text(words->notes->list.at[i]));
	for (size_t i = 0; i < c->difference.len; i++)
		json_array_append_new(list, difference_json(cli, scope, &c->difference.at[i]));
	json_t *equal = c->difference.len          ? json_false()
			: c->status == VERIFY_DONE ? json_boolean(c->equal)
						   : json_null();
	return json_pack("{s:o, s:s, s:I, s:o, s:o, s:o}", "equal", equal, "status",
			 question_status_name(c->status), "differences", (json_int_t)c->differences,
			 "difference", list, "notes", notes, "diags", cli_diags_json(&cli->diags));
}

static struct words_scope scope_of(const struct compare_words *words)
{
	struct words_scope scope = {0};
	words_scope_add(&scope, words->a.ruleset);
	words_scope_add(&scope, words->b.ruleset);
	return scope;
}

json_t *compare_json(struct question *q, const struct compare_words *words,
		     const struct verify_comparison *comparison)
{
	struct words_scope scope = scope_of(words);
	return answer_json(q->cli, words, &scope, comparison);
}

void compare_print(struct question *q, const struct compare_words *words,
		   const struct verify_comparison *comparison)
{
	struct words_scope scope = scope_of(words);
	print_answer(q, words, &scope, comparison);
}

int compare_exit(const struct verify_comparison *comparison)
{
	return question_exit(comparison->status, comparison->equal ? CLI_YES : CLI_NO);
}

int compare_answer(struct question *q, const struct compare_words *words,
		   const struct verify_comparison *comparison)
{
	if (!cli_answer(q->cli, compare_json(q, words, comparison)))
		compare_print(q, words, comparison);
	return compare_exit(comparison);
}
