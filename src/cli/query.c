// SPDX-License-Identifier: Apache-2.0
// `bulwark query`: what happens to a packet, as the interpreter says, or to the flows of a log.
#include "cli/flows.h"
#include "cli/question.h"
#include "cli/words.h"

#include <jansson.h>
#include <time.h>

static json_t *depends_json(const struct ir_rule *rule)
{
	json_t *conditions = json_array();
	for (size_t i = 0; i < rule->opaques; i++)
		json_array_append_new(conditions,
				      json_pack("{s:s, s:o}", "condition",
						ir_opaque_info[rule->opaque[i].kind].name, "name",
						words_text(rule->opaque[i].name)));
	return json_pack("{s:s, s:s, s:s, s:o}", "policy", rule->policy, "rule", rule->name,
			 "verdict", ir_verdict_name[rule->verdict], "conditions", conditions);
}

static const char *verdict_of(const struct ir_outcome *outcome)
{
	return outcome->rule || outcome->no_flow ? ir_verdict_name[outcome->verdict] : "default";
}

static json_t *outcome_json(const struct ir_outcome *outcome, enum ir_verdict default_action)
{
	const struct ir_rule *rule = outcome->rule;
	json_t *answer = json_pack("{s:s, s:o, s:o}", "verdict", verdict_of(outcome), "policy",
				   words_text(rule ? rule->policy : NULL), "rule",
				   words_text(rule ? rule->name : NULL));
	if (!rule && default_action != IR_NONE)
		json_object_set_new(answer, "default-action",
				    json_string(ir_verdict_name[default_action]));
	if (outcome->no_flow)
		json_object_set_new(answer, "reason", json_string("the packet belongs to no flow"));
	if (outcome->depends)
		json_object_set_new(answer, "depends", depends_json(outcome->depends));
	return answer;
}

static void print_outcome(struct cli *cli, const struct ir_outcome *outcome,
			  enum ir_verdict default_action)
{
	struct buf *out = &cli->out;
	const struct ir_rule *rule = outcome->rule;
	buf_printf(out, "%s%s%s", cli_colour(cli, CLI_BOLD), verdict_of(outcome),
		   cli_colour(cli, CLI_PLAIN));
	if (rule) {
		buf_printf(out, " by rule '%s' of policy '%s'", rule->name, rule->policy);
		if (rule->file && rule->line)
			buf_printf(out, " (%s:%u)", rule->file, rule->line);
		buf_adds(out, "\n  ");
		ir_rule_print(rule, out);
	} else if (outcome->no_flow) {
		buf_adds(out, ": the packet belongs to no flow, and the policy judges flows");
	} else {
		buf_printf(out, ": no rule decides%s%s",
			   default_action == IR_NONE ? "" : "; the default action is ",
			   default_action == IR_NONE ? "" : ir_verdict_name[default_action]);
	}
	buf_addc(out, '\n');
	if (!outcome->depends)
		return;
	buf_printf(out,
		   "  but rule '%s' of policy '%s' would decide if its other conditions held:\n  ",
		   outcome->depends->name, outcome->depends->policy);
	ir_rule_print(outcome->depends, out);
	buf_addc(out, '\n');
}

static int query_packet(struct cli *cli, const struct source *source)
{
	struct ir_packet packet;
	struct ir_outcome outcome;
	if (!ir_packet_parse(cli_option_value(cli, "packet", 0), time(NULL), &cli->arena,
			     &cli->diags, &packet))
		return cli_fail(cli);
	ir_eval(&source->ruleset, &packet, &cli->arena, &outcome);
	cli_report(cli);
	if (!cli_answer(cli, outcome_json(&outcome, source->ruleset.default_action)))
		print_outcome(cli, &outcome, source->ruleset.default_action);
	return CLI_YES;
}

int cli_query(struct cli *cli)
{
	struct source source = {0};
	struct question question;
	bool flows = cli_has(cli, "flows");
	if (flows && cli_has(cli, "packet")) {
		diag_error(&cli->diags, DIAG_CONFLICT, NULL, "ask about one of them",
			   "--packet and --flows are given both");
		return cli_fail(cli);
	}
	if ((!flows && !cli_need_option(cli, "packet")) ||
	    !source_load_arguments(cli, "flows", &source) || !question_init(&question, cli))
		return cli_fail(cli);
	return flows ? flows_query(cli, &question, &source) : query_packet(cli, &source);
}
