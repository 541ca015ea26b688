// SPDX-License-Identifier: Apache-2.0
// Seeing: status per NSF and per rule, revisions, events, and what the NSFs would do with a packet.
#include "cli/answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FOLLOW_NS 500000000

// Before the first policy there is nothing to prove.
static bool has_nothing(const json_t *nsf)
{
	return !answer_true(nsf, "proven") && !answer_number(nsf, "rules") &&
	       !answer_true(nsf, "pending");
}

static void print_nsf(struct cli *cli, const json_t *nsf)
{
	bool proven = answer_true(nsf, "proven");
	const char *connection = answer_text(nsf, "connection");
	buf_printf(&cli->out, "%s %s%-12s%s %-11s %5llu rules  %s",
		   has_nothing(nsf) ? "·" : answer_mark(cli, proven), cli_colour(cli, CLI_BOLD),
		   answer_text(nsf, "name"), cli_colour(cli, CLI_PLAIN), connection,
		   (unsigned long long)answer_number(nsf, "rules"),
		   proven             ? "proven at "
		   : has_nothing(nsf) ? "no policy yet"
				      : "not proven");
	if (proven)
		answer_time(answer_text(nsf, "proven-at"), &cli->out);
	if (answer_true(nsf, "pending"))
		buf_adds(&cli->out, "  (a change awaits its confirmation)");
	if (answer_true(nsf, "call-home"))
		buf_adds(&cli->out, "  (calls home)");
	const json_t *evidence = json_object_get(nsf, "evidence");
	if (*answer_text(evidence, "fault"))
		buf_printf(&cli->out, "  (its evidence does not hold: %s)",
			   answer_text(evidence, "fault"));
	else if (evidence)
		buf_printf(&cli->out, "  evidence %llu",
			   (unsigned long long)answer_number(evidence, "serial"));
	if (*answer_text(nsf, "reason"))
		buf_printf(&cli->out, "  %s", answer_text(nsf, "reason"));
	buf_addc(&cli->out, '\n');
}

static int status_of_all(struct cli *cli)
{
	int status;
	json_t *output = answer_call(cli, "status", NULL, &status);
	if (!output)
		return status;
	size_t i;
	const json_t *nsf;
	json_array_foreach(json_object_get(output, "nsf"), i, nsf)
	{
		if (!answer_true(nsf, "proven"))
			status = CLI_NO;
	}
	if (!cli->json) {
		buf_printf(&cli->out, "Revision %llu",
			   (unsigned long long)answer_number(output, "revision"));
		if (answer_number(output, "deployed-revision"))
			buf_printf(&cli->out, ", deployed %llu",
				   (unsigned long long)answer_number(output, "deployed-revision"));
		buf_adds(&cli->out,
			 answer_number(output, "running-job") ? ", a job is running\n" : "\n");
	}
	json_array_foreach(json_object_get(output, "nsf"), i, nsf)
	{
		if (!cli->json)
			print_nsf(cli, nsf);
	}
	(void)cli_answer(cli, json_incref(output));
	json_decref(output);
	return status;
}

static json_t *get_nsf(struct cli *cli, const char *name)
{
	json_t *answer = NULL;
	struct client *client = cli_controller(cli);
	const char *path = arena_printf(&cli->arena, "bulwark-controller:nsfs/nsf=%s", name);
	if (client && client_get(client, path, &cli->diags, &answer) && !answer)
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_ABSENT,
					.hint = "`bulwark nsf list` shows them"},
			 "there is no NSF '%s'", name);
	return answer;
}

static void print_rule(struct cli *cli, const json_t *rule)
{
	buf_printf(&cli->out, "  %s intended  %s pushed  %s read back  %10llu packets  %s/%s\n",
		   answer_mark(cli, *answer_text(rule, "intended")),
		   answer_mark(cli, answer_true(rule, "pushed")),
		   answer_mark(cli, answer_true(rule, "read-back-equal")),
		   (unsigned long long)answer_number(rule, "packets"), answer_text(rule, "policy"),
		   answer_text(rule, "rule"));
	buf_printf(&cli->out, "      %s%s%s\n", cli_colour(cli, CLI_DIM),
		   answer_text(rule, "intended"), cli_colour(cli, CLI_PLAIN));
}

static int status_of_one(struct cli *cli, const char *name)
{
	json_t *answer = get_nsf(cli, name);
	const json_t *nsf = answer_only(answer), *state = json_object_get(nsf, "state"), *rule;
	size_t i;
	if (!nsf)
		return cli_fail(cli);
	int status = answer_true(state, "proven") ? CLI_YES : CLI_NO;
	if (!cli->json) {
		buf_printf(&cli->out, "%s %s%s%s  %s\n", answer_mark(cli, status == CLI_YES),
			   cli_colour(cli, CLI_BOLD), name, cli_colour(cli, CLI_PLAIN),
			   answer_text(state, "connection"));
		json_array_foreach(json_object_get(state, "rule"), i, rule)
		{
			print_rule(cli, rule);
		}
	}
	(void)cli_answer(cli, json_incref((json_t *)nsf));
	json_decref(answer);
	return status;
}

int cli_status(struct cli *cli)
{
	return cli->args ? status_of_one(cli, cli->arg[0]) : status_of_all(cli);
}

int cli_nsf_list(struct cli *cli)
{
	int status = status_of_all(cli);
	return status == CLI_NO ? CLI_YES : status;
}

static void print_capabilities(struct cli *cli, const json_t *value, const char *name)
{
	size_t i;
	const json_t *item;
	const char *key;
	if (json_is_array(value)) {
		buf_printf(&cli->out, "  %s%s%s", cli_colour(cli, CLI_CYAN), name,
			   cli_colour(cli, CLI_PLAIN));
		json_array_foreach(value, i, item)
		{
			const char *text = json_string_value(item),
				   *colon = text ? strchr(text, ':') : NULL;
			buf_printf(&cli->out, " %s", colon ? colon + 1 : text ? text : "");
		}
		buf_addc(&cli->out, '\n');
	}
	json_object_foreach((json_t *)value, key, item)
	{
		print_capabilities(cli, item, key);
	}
}

int cli_nsf_show(struct cli *cli)
{
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	json_t *answer = get_nsf(cli, cli->arg[0]);
	const json_t *nsf = answer_only(answer), *state = json_object_get(nsf, "state"), *prefix;
	const json_t *ssh = json_object_get(nsf, "ssh");
	size_t i;
	if (!nsf)
		return cli_fail(cli);
	if (!cli_answer(cli, json_incref((json_t *)nsf))) {
		buf_printf(&cli->out, "%s%s%s  ", cli_colour(cli, CLI_BOLD), cli->arg[0],
			   cli_colour(cli, CLI_PLAIN));
		if (answer_true(nsf, "call-home"))
			buf_adds(&cli->out, "calls home");
		else
			buf_printf(&cli->out, "at %s port %llu", answer_text(nsf, "address"),
				   (unsigned long long)answer_number(ssh ? ssh : nsf, "port"));
		if (ssh)
			buf_printf(&cli->out, " over SSH as %s", answer_text(ssh, "user"));
		buf_printf(&cli->out, ", %s\n  %sguards%s", answer_text(state, "connection"),
			   cli_colour(cli, CLI_CYAN), cli_colour(cli, CLI_PLAIN));
		json_array_foreach(json_object_get(nsf, "guards"), i, prefix)
		{
			buf_printf(&cli->out, " %s", json_string_value(prefix));
		}
		buf_addc(&cli->out, '\n');
		print_capabilities(cli, json_object_get(state, "capabilities"), "");
	}
	json_decref(answer);
	return CLI_YES;
}

// --- lists ---

static json_t *get_list(struct cli *cli, const char *container, const char *list)
{
	struct client *client = cli_controller(cli);
	json_t *answer = NULL;
	const char *path = arena_printf(&cli->arena, "bulwark-controller:%s", container);
	if (!client || !client_get(client, path, &cli->diags, &answer))
		return NULL;
	json_t *items = json_incref(json_object_get(answer_only(answer), list));
	json_decref(answer);
	return items ? items : json_array();
}

int cli_revisions(struct cli *cli)
{
	json_t *list = get_list(cli, "revisions", "revision");
	size_t i;
	const json_t *r;
	if (!list)
		return cli_fail(cli);
	json_array_foreach(list, i, r)
	{
		buf_printf(&cli->out, "%s%5llu%s  ", cli_colour(cli, CLI_BOLD),
			   (unsigned long long)answer_number(r, "id"), cli_colour(cli, CLI_PLAIN));
		answer_time(answer_text(r, "time"), &cli->out);
		buf_printf(&cli->out, "  %-8s %-12s %s%s\n", answer_text(r, "kind"),
			   answer_text(r, "tenant"), answer_text(r, "author"),
			   answer_true(r, "deployed") ? "  deployed" : "");
	}
	if (cli->json)
		buf_clear(&cli->out);
	(void)cli_answer(cli, json_incref(list));
	json_decref(list);
	return CLI_YES;
}

static void print_event(struct cli *cli, const json_t *e)
{
	const char *outcome = answer_text(e, "outcome"), *nsf = answer_text(e, "nsf");
	enum cli_colour colour = !strcmp(outcome, "failure")   ? CLI_RED
				 : !strcmp(outcome, "success") ? CLI_GREEN
							       : CLI_YELLOW;
	answer_time(answer_text(e, "time"), &cli->out);
	buf_printf(&cli->out, "  %s%-8s%s %-14s %s%s%s%s\n", cli_colour(cli, colour), outcome,
		   cli_colour(cli, CLI_PLAIN), answer_text(e, "action"), nsf, *nsf ? "  " : "",
		   answer_text(e, "detail"),
		   *answer_text(e, "who")
			   ? arena_printf(&cli->arena, "  (%s)", answer_text(e, "who"))
			   : "");
}

int cli_events(struct cli *cli)
{
	uint64_t last = 0;
	do {
		json_t *list = get_list(cli, "events", "event");
		size_t i;
		const json_t *e;
		if (!list)
			return cli_fail(cli);
		if (cli_answer(cli, json_incref(list))) {
			json_decref(list);
			return CLI_YES;
		}
		json_array_foreach(list, i, e)
		{
			if (answer_number(e, "id") > last) {
				last = answer_number(e, "id");
				print_event(cli, e);
			}
		}
		json_decref(list);
		cli_flush(cli);
		if (cli_has(cli, "follow"))
			nanosleep(&(struct timespec){.tv_nsec = FOLLOW_NS}, NULL);
	} while (cli_has(cli, "follow"));
	return CLI_YES;
}

int cli_ask(struct cli *cli)
{
	int status;
	const char *packet = cli_need_option(cli, "packet");
	if (!packet)
		return cli_fail(cli);
	json_t *input =
		json_pack("{s:s, s:b}", "packet", packet, "deployed", cli_has(cli, "deployed"));
	json_t *output = answer_call(cli, "query", input, &status);
	if (!output)
		return status;
	size_t i;
	const json_t *nsf;
	json_array_foreach(json_object_get(output, "nsf"), i, nsf)
	{
		const char *rule = answer_text(nsf, "rule");
		buf_printf(&cli->out, "%-12s %s%-8s%s %s%s%s\n", answer_text(nsf, "name"),
			   cli_colour(cli, CLI_BOLD), answer_text(nsf, "verdict"),
			   cli_colour(cli, CLI_PLAIN), answer_text(nsf, "policy"),
			   *rule ? "/" : "no rule decides", rule);
	}
	if (cli->json)
		buf_clear(&cli->out);
	(void)cli_answer(cli, json_incref(output));
	json_decref(output);
	return CLI_YES;
}
