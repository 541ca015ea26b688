// SPDX-License-Identifier: Apache-2.0
// `bulwark check`: is the policy valid, and what in it cannot be meant?
#include "cli/source.h"

#include <jansson.h>

int cli_check(struct cli *cli)
{
	struct source source = {0};
	bool good = source_load_arguments(cli, NULL, &source);
	int status = !good || cli->diags.errors ? CLI_BAD : cli->diags.warnings ? CLI_NO : CLI_YES;
	size_t policies = source.document.policy.len, rules = source_rules(&source.ruleset);
	cli_report(cli);
	if (cli_answer(cli, json_pack("{s:b, s:I, s:I, s:I, s:I, s:o}", "valid", status != CLI_BAD,
				      "policies", (json_int_t)policies, "rules", (json_int_t)rules,
				      "errors", (json_int_t)cli->diags.errors, "warnings",
				      (json_int_t)cli->diags.warnings, "diags",
				      cli_diags_json(&cli->diags))))
		return status;
	if (status == CLI_BAD)
		buf_printf(&cli->out, "%s✗%s %zu error%s\n", cli_colour(cli, CLI_RED),
			   cli_colour(cli, CLI_PLAIN), cli->diags.errors,
			   cli->diags.errors == 1 ? "" : "s");
	else
		buf_printf(&cli->out, "%s✓%s %zu polic%s, %zu rule%s: valid%s\n",
			   cli_colour(cli, CLI_GREEN), cli_colour(cli, CLI_PLAIN), policies,
			   policies == 1 ? "y" : "ies", rules, rules == 1 ? "" : "s",
			   status == CLI_NO ? ", with findings" : "");
	return status;
}
