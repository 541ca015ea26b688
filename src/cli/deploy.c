// SPDX-License-Identifier: Apache-2.0
// The one path of writes as a person walks it: plan, apply what was planned, watch the job, see that it is proven.
#include "cli/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HASH_SHOWN 16 // digits of a plan's hash that are shown
#define HASH_LEAST 8  // and that suffice to name it

// --- plan ---

static void print_change(struct cli *cli, const json_t *change)
{
	static const struct {
		const char *kind, *sign;
		enum cli_colour colour;
	} kinds[] = {{"added", "+", CLI_GREEN},
		     {"removed", "-", CLI_RED},
		     {"changed", "~", CLI_YELLOW},
		     {"moved", ">", CLI_CYAN},
		     {"default-action", "=", CLI_CYAN}};
	const char *kind = answer_text(change, "kind"), *rule = answer_text(change, "rule");
	for (size_t i = 0; i < array_len(kinds); i++)
		if (!strcmp(kind, kinds[i].kind))
			buf_printf(&cli->out, "    %s%s%s %s%s%s  %s%s%s\n",
				   cli_colour(cli, kinds[i].colour), kinds[i].sign,
				   cli_colour(cli, CLI_PLAIN),
				   *rule ? answer_text(change, "policy") : "default",
				   *rule ? "/" : "", rule, cli_colour(cli, CLI_DIM),
				   answer_text(change, "text"), cli_colour(cli, CLI_PLAIN));
}

static void print_planned(struct cli *cli, const json_t *nsf)
{
	buf_printf(&cli->out, "\n  %s%s%s  %s, +%llu -%llu ~%llu >%llu, %llu unchanged\n",
		   cli_colour(cli, CLI_BOLD), answer_text(nsf, "name"), cli_colour(cli, CLI_PLAIN),
		   answer_text(nsf, "connection"), (unsigned long long)answer_number(nsf, "added"),
		   (unsigned long long)answer_number(nsf, "removed"),
		   (unsigned long long)answer_number(nsf, "changed"),
		   (unsigned long long)answer_number(nsf, "moved"),
		   (unsigned long long)answer_number(nsf, "unchanged"));
	size_t i;
	const json_t *change;
	json_array_foreach(json_object_get(nsf, "change"), i, change)
	{
		print_change(cli, change);
	}
}

static void print_finding(struct cli *cli, const json_t *finding, enum cli_colour colour)
{
	buf_printf(&cli->out, "  %s%s%s %s\n", cli_colour(cli, colour),
		   colour == CLI_RED ? "refused" : "note", cli_colour(cli, CLI_PLAIN),
		   answer_text(finding, "text"));
	if (*answer_text(finding, "hint"))
		buf_printf(&cli->out, "          %s\n", answer_text(finding, "hint"));
}

static void print_findings(struct cli *cli, const json_t *list, enum cli_colour colour)
{
	size_t i;
	const json_t *finding;
	if (json_array_size(list))
		buf_addc(&cli->out, '\n');
	const char *before = "";
	json_array_foreach(list, i, finding)
	{
		// What holds for several NSFs is said once.
		if (strcmp(before, answer_text(finding, "text")) != 0)
			print_finding(cli, finding, colour);
		before = answer_text(finding, "text");
	}
}

int cli_plan(struct cli *cli)
{
	uint64_t revision;
	int status;
	if (!cli_need(cli, 0, false) || !cli_number(cli, "revision", UINT32_MAX, 0, &revision))
		return cli_fail(cli);
	json_t *plan = answer_call(
		cli, "plan", revision ? json_pack("{s:I}", "revision", (json_int_t)revision) : NULL,
		&status);
	if (!plan)
		return status;
	const json_t *refusals = json_object_get(plan, "refusal"), *nsf;
	size_t i, changes = 0;
	status = json_array_size(refusals) ? CLI_NO : CLI_YES;
	if (cli_answer(cli, json_incref(plan))) {
		json_decref(plan);
		return status;
	}
	buf_printf(&cli->out, "%sPlan %.*s%s for revision %llu\n", cli_colour(cli, CLI_BOLD),
		   HASH_SHOWN, answer_text(plan, "plan-hash"), cli_colour(cli, CLI_PLAIN),
		   (unsigned long long)answer_number(plan, "revision"));
	json_array_foreach(json_object_get(plan, "nsf"), i, nsf)
	{
		print_planned(cli, nsf);
		changes += json_array_size(json_object_get(nsf, "change"));
	}
	print_findings(cli, json_object_get(plan, "warning"), CLI_YELLOW);
	print_findings(cli, refusals, CLI_RED);
	if (status == CLI_NO)
		buf_adds(&cli->out, "\nNothing can be deployed until these rules are changed or an "
				    "NSF can enforce them.\n");
	else
		buf_printf(&cli->out, "\n%s: bulwark apply %.*s\n",
			   changes ? "Deploy it with" : "Nothing changes; prove it with",
			   HASH_SHOWN, answer_text(plan, "plan-hash"));
	json_decref(plan);
	return status;
}

// --- jobs ---

static bool ended(const json_t *job)
{
	const char *state = answer_text(job, "state");
	return !strcmp(state, "done") || !strcmp(state, "failed");
}

static void print_steps(struct cli *cli, const json_t *job, struct buf *shown)
{
	struct buf now;
	size_t i;
	const json_t *nsf;
	buf_init(&now);
	buf_printf(&now, "%s", answer_text(job, "state"));
	json_array_foreach(json_object_get(job, "nsf"), i, nsf)
	{
		buf_printf(&now, "%s%s %s", i ? ", " : ": ", answer_text(nsf, "name"),
			   answer_text(nsf, "step"));
	}
	if (strcmp(now.data, shown->data) != 0 && !cli->json) {
		buf_printf(&cli->out, "  %s%s%s\n", cli_colour(cli, CLI_DIM), now.data,
			   cli_colour(cli, CLI_PLAIN));
		cli_flush(cli);
		buf_clear(shown);
		buf_adds(shown, now.data);
	}
	buf_fini(&now);
}

static json_t *get_job(struct cli *cli, uint64_t id)
{
	json_t *answer = NULL;
	struct client *client = cli_controller(cli);
	const char *path = arena_printf(&cli->arena, "bulwark-controller:jobs/job=%llu",
					(unsigned long long)id);
	if (client && client_get(client, path, &cli->diags, &answer) && !answer)
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_ABSENT,
					.hint = "`bulwark events` shows what was done"},
			 "there is no job %llu", (unsigned long long)id);
	return answer;
}

static int report_job(struct cli *cli, const json_t *job)
{
	bool done = !strcmp(answer_text(job, "state"), "done");
	const json_t *error;
	size_t i;
	if (cli_answer(cli, json_incref((json_t *)job)))
		return done ? CLI_YES : CLI_BAD;
	buf_printf(&cli->out, "%s %s\n", answer_mark(cli, done), answer_text(job, "result"));
	json_array_foreach(json_object_get(job, "error"), i, error)
	{
		print_finding(cli, error, CLI_RED);
	}
	return done ? CLI_YES : CLI_BAD;
}

static int follow_job(struct cli *cli, uint64_t id, bool wait)
{
	struct buf shown;
	int status = CLI_BAD;
	buf_init(&shown);
	for (;;) {
		json_t *answer = get_job(cli, id);
		const json_t *job = answer_only(answer);
		if (!job) {
			status = cli_fail(cli);
			break;
		}
		print_steps(cli, job, &shown);
		bool over = ended(job) || !wait;
		if (over)
			status = ended(job) ? report_job(cli, job) : CLI_YES;
		if (over && !ended(job) && cli_answer(cli, json_incref((json_t *)job)))
			status = CLI_YES;
		json_decref(answer);
		if (over)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	buf_fini(&shown);
	return status;
}

int cli_job(struct cli *cli)
{
	char *end;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	uint64_t id = strtoull(cli->arg[0], &end, 10);
	if (*end || end == cli->arg[0]) {
		diag_error(&cli->diags, DIAG_VALUE, NULL, "give the number that apply printed",
			   "'%s' is not a job", cli->arg[0]);
		return cli_fail(cli);
	}
	return follow_job(cli, id, !cli_has(cli, "no-wait"));
}

static bool deployment_options(struct cli *cli, json_t *input)
{
	uint64_t timeout;
	if (!cli_number(cli, "confirm-timeout", 3600, 0, &timeout))
		return false;
	if (timeout)
		json_object_set_new(input, "confirm-timeout", json_integer((json_int_t)timeout));
	if (cli_has(cli, "allow-away"))
		json_object_set_new(input, "allow-away", json_true());
	return true;
}

// Calls an operation that starts a job, and waits for it. Consumes the input.
static int start_job(struct cli *cli, const char *operation, json_t *input)
{
	int status;
	if (!deployment_options(cli, input)) {
		json_decref(input);
		return cli_fail(cli);
	}
	json_t *output = answer_call(cli, operation, input, &status);
	if (!output)
		return status;
	uint64_t id = answer_number(output, "job");
	bool wait = !cli_has(cli, "no-wait");
	if (!wait && !cli_answer(cli, json_incref(output)))
		buf_printf(&cli->out, "job %llu\n", (unsigned long long)id);
	json_decref(output);
	return wait ? follow_job(cli, id, true) : CLI_YES;
}

// The whole hash of the plan that begins with these digits: that of the plan as it would be made now, so a plan that
// has gone stale is found out before anything is asked for. NULL and a status on failure.
static char *whole_hash(struct cli *cli, const char *digits, int *status_out)
{
	size_t len = strlen(digits);
	if (len == 64)
		return arena_strdup(&cli->arena, digits);
	if (len < HASH_LEAST) {
		diag_error(&cli->diags, DIAG_VALUE, NULL, "give at least the first 8 digits",
			   "'%s' is no plan's hash", digits);
		*status_out = cli_fail(cli);
		return NULL;
	}
	json_t *plan = answer_call(cli, "plan", NULL, status_out);
	char *hash = plan ? arena_strdup(&cli->arena, answer_text(plan, "plan-hash")) : NULL;
	json_decref(plan);
	if (!hash || !strncmp(hash, digits, len))
		return hash;
	diag_error(&cli->diags, DIAG_STALE, NULL,
		   "see with `bulwark plan` what would change now, and apply that",
		   "the plan that would be made now is %.*s, not %s", HASH_SHOWN, hash, digits);
	*status_out = cli_fail(cli);
	return NULL;
}

int cli_apply(struct cli *cli)
{
	int status;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	const char *hash = whole_hash(cli, cli->arg[0], &status);
	return hash ? start_job(cli, "apply", json_pack("{s:s}", "plan-hash", hash)) : status;
}

int cli_rollback(struct cli *cli)
{
	char *end;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	json_int_t revision = (json_int_t)strtoll(cli->arg[0], &end, 10);
	if (*end || revision < 1) {
		diag_error(&cli->diags, DIAG_VALUE, NULL, "`bulwark revisions` lists them",
			   "'%s' is not a revision", cli->arg[0]);
		return cli_fail(cli);
	}
	return start_job(cli, "rollback", json_pack("{s:I}", "revision", revision));
}

int cli_withdraw(struct cli *cli)
{
	return cli_need(cli, 0, false) ? start_job(cli, "withdraw", json_object()) : cli_fail(cli);
}

// --- verify ---

static bool print_verification(struct cli *cli, const json_t *nsf)
{
	const char *result = answer_text(nsf, "result");
	bool proven = !strcmp(result, "proven");
	size_t i;
	const json_t *difference;
	buf_printf(&cli->out, "%s %-12s %s, %llu rules read back\n", answer_mark(cli, proven),
		   answer_text(nsf, "name"), result,
		   (unsigned long long)answer_number(nsf, "rules"));
	json_array_foreach(json_object_get(nsf, "difference"), i, difference)
	{
		buf_printf(&cli->out, "    %s/%s  %s\n", answer_text(difference, "policy"),
			   answer_text(difference, "rule"), answer_text(difference, "reason"));
	}
	json_array_foreach(json_object_get(nsf, "foreign"), i, difference)
	{
		buf_printf(&cli->out, "    rules of others: %s\n", answer_text(difference, "text"));
	}
	return proven;
}

int cli_verify(struct cli *cli)
{
	int status;
	json_t *input = cli->args ? json_pack("{s:s}", "nsf", cli->arg[0]) : NULL;
	json_t *output = answer_call(cli, "verify", input, &status);
	if (!output)
		return status;
	size_t i;
	const json_t *nsf;
	json_array_foreach(json_object_get(output, "nsf"), i, nsf)
	{
		if (!print_verification(cli, nsf))
			status = CLI_NO;
	}
	if (cli->json)
		buf_clear(&cli->out);
	(void)cli_answer(cli, json_incref(output));
	json_decref(output);
	return status;
}
