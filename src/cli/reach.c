// SPDX-License-Identifier: Apache-2.0
// `bulwark reach`: who may reach whom, through one ruleset or through a network of them.
#include "cli/question.h"
#include "cli/reach_say.h"
#include "cli/source.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ENDS_MOST 256

struct ends {
	VEC(struct verify_end) list;
};

struct asking {
	struct cli *cli;
	struct reach_file file;
	struct ends from, to;
	struct question question;
	struct ir_clause service;
};

// --- ends ---

// The part of the addresses that lies in each zone.
static void put_parts(struct asking *a, const char *name, struct algebra_set v4,
		      struct algebra_set v6, struct ends *out)
{
	struct arena *arena = &a->cli->arena;
	size_t first = out->list.len;
	for (size_t i = 0; i < a->file.network.zone.len; i++) {
		const struct verify_zone *zone = &a->file.network.zone.at[i];
		struct verify_end end = {name, i, algebra_set_intersect(arena, zone->v4, v4),
					 algebra_set_intersect(arena, zone->v6, v6)};
		if (end.v4.len || end.v6.len)
			vec_push(arena, &out->list, end);
	}
	for (size_t i = first; out->list.len - first > 1 && i < out->list.len; i++)
		out->list.at[i].name =
			arena_printf(arena, "%s in %s", name,
				     a->file.network.zone.at[out->list.at[i].zone].name);
}

static void put_zone(struct asking *a, size_t i, struct ends *out)
{
	const struct verify_zone *zone = &a->file.network.zone.at[i];
	if (zone->v4.len || zone->v6.len)
		vec_push(&a->cli->arena, &out->list,
			 (struct verify_end){zone->name, i, zone->v4, zone->v6});
}

static bool put_named(struct asking *a, const char *name, struct ends *out)
{
	for (size_t i = 0; i < a->file.network.zone.len; i++)
		if (!strcmp(a->file.network.zone.at[i].name, name)) {
			put_zone(a, i, out);
			return true;
		}
	for (size_t i = 0; i < a->file.group.len; i++)
		if (!strcmp(a->file.group.at[i].name, name)) {
			put_parts(a, name, a->file.group.at[i].v4, a->file.group.at[i].v6, out);
			return true;
		}
	return false;
}

static bool put_end(struct asking *a, const char *option, const char *text, struct ends *out)
{
	struct algebra_set v4 = {0}, v6 = {0};
	size_t before = out->list.len;
	if (!put_named(a, text, out)) {
		if (!ir_looks_like_addresses(text)) {
			diag_error(&a->cli->diags, DIAG_REFERENCE, NULL,
				   "name a zone or a group of the network, or give addresses",
				   "--%s %s: there is no such zone or group", option, text);
			return false;
		}
		if (!ir_addresses_parse(text, arena_printf(&a->cli->arena, "--%s", option),
					&a->cli->arena, &a->cli->diags, &v4, &v6))
			return false;
		put_parts(a, text, v4, v6, out);
	}
	if (out->list.len == before)
		diag_error(&a->cli->diags, DIAG_EMPTY, NULL,
			   "give the zone networks, or a zone that is the \"rest\"",
			   "--%s %s: no zone has these addresses", option, text);
	return out->list.len > before;
}

// The option's values; all zones when there are none.
static bool read_ends(struct asking *a, const char *option, struct ends *out)
{
	const char *text;
	bool good = true;
	for (size_t i = 0; (text = cli_option_value(a->cli, option, i)); i++)
		good &= put_end(a, option, text, out);
	if (!cli_has(a->cli, option))
		for (size_t i = 0; i < a->file.network.zone.len; i++)
			put_zone(a, i, out);
	if (good && out->list.len > ENDS_MOST)
		diag_error(&a->cli->diags, DIAG_LIMIT, NULL, "ask about fewer",
			   "--%s: %zu are the limit", option, (size_t)ENDS_MOST);
	return good && out->list.len <= ENDS_MOST;
}

// --- a single ruleset ---

static bool single_end(struct asking *a, const char *option, struct algebra_set *v4,
		       struct algebra_set *v6)
{
	const char *text;
	bool good = true;
	for (size_t i = 0; (text = cli_option_value(a->cli, option, i)) && good; i++)
		good = ir_addresses_parse(text, arena_printf(&a->cli->arena, "--%s", option),
					  &a->cli->arena, &a->cli->diags, v4, v6);
	if (cli_has(a->cli, option))
		return good;
	*v4 = algebra_set_one(&a->cli->arena, 0, algebra_max(32));
	*v6 = algebra_set_one(&a->cli->arena, 0, algebra_max(128));
	return true;
}

static const char *single_name(const struct asking *a, const char *option)
{
	const char *first = cli_option_value(a->cli, option, 0);
	return !first                                ? "anybody"
	       : cli_option_value(a->cli, option, 1) ? arena_printf(&a->cli->arena, "%s, …", first)
						     : first;
}

// Two zones that may overlap, since the ends are named by addresses, and one NSF between them.
static bool make_single(struct asking *a)
{
	struct cli *cli = a->cli;
	struct verify_network *network = &a->file.network;
	struct source *source = arena_new(&cli->arena, struct source);
	static const struct verify_link links[] = {{0, NULL}, {1, NULL}};
	struct verify_zone zone[2] = {{.name = single_name(a, "from")},
				      {.name = single_name(a, "to")}};
	if (!source_load_arguments(cli, NULL, source) ||
	    !single_end(a, "from", &zone[0].v4, &zone[0].v6) ||
	    !single_end(a, "to", &zone[1].v4, &zone[1].v6))
		return false;
	vec_push(&cli->arena, &network->zone, zone[0]);
	vec_push(&cli->arena, &network->zone, zone[1]);
	vec_push(&cli->arena, &network->nsf,
		 (struct verify_nsf){source->title, NULL, &source->ruleset, links, 2});
	put_zone(a, 0, &a->from);
	put_zone(a, 1, &a->to);
	return true;
}

static bool make_network(struct asking *a, const char *path)
{
	if (a->cli->args) {
		diag_error(&a->cli->diags, DIAG_VALUE, NULL,
			   "name the policies in the network file, or leave out --network",
			   "with --network no FILE is taken");
		return false;
	}
	return reach_file_load(a->cli, path, &a->file) && read_ends(a, "from", &a->from) &&
	       read_ends(a, "to", &a->to);
}

// --- the question ---

// --from is a time for other commands: the common options are read without ours.
static bool read_common(struct asking *a)
{
	struct cli *cli = a->cli;
	const typeof(cli->option) kept = cli->option;
	memset(&cli->option, 0, sizeof(cli->option));
	for (size_t i = 0; i < kept.len; i++)
		if (strcmp(kept.at[i].name, "from") != 0)
			vec_push(&cli->arena, &cli->option, kept.at[i]);
	bool good = question_init(&a->question, cli);
	cli->option = kept;
	return good;
}

static bool read_question(struct asking *a)
{
	struct cli *cli = a->cli;
	const char *at = cli_option_value(cli, "at", 0),
		   *service = cli_option_value(cli, "service", 0);
	if (!read_common(a))
		return false;
	if (at && !ir_time_parse(at, &a->question.options.from)) {
		diag_error(&cli->diags, DIAG_VALUE, NULL,
			   "give date and time with a zone, such as 2026-03-11T09:00:00Z",
			   "--at %s is not a time", at);
		return false;
	}
	if (at)
		a->question.options.until = a->question.options.from + 1;
	if (!service)
		return true;
	a->question.options.where = &a->service;
	return ir_clause_parse(service, "--service", &cli->arena, &cli->diags, &a->service, NULL);
}

// 0 or 1; also when nothing is expected: 0.
static int as_expected(struct cli *cli, const struct verify_reach *reach)
{
	const char *expect = cli_option_value(cli, "expect", 0);
	bool pass = expect && !strcmp(expect, "pass"), good = true;
	for (size_t i = 0; expect && i < reach->pair.len; i++)
		good &= pass ? reach->pair.at[i].all : reach->pair.at[i].none;
	return good ? CLI_YES : CLI_NO;
}

static bool good_expectation(struct cli *cli)
{
	const char *expect = cli_option_value(cli, "expect", 0);
	if (!expect || !strcmp(expect, "pass") || !strcmp(expect, "drop"))
		return true;
	diag_error(&cli->diags, DIAG_VALUE, NULL, "give pass or drop", "--expect %s", expect);
	return false;
}

static void say(struct asking *a, const struct reach_answer *answer)
{
	struct cli *cli = a->cli;
	enum verify_status status = answer->reach->status;
	int expected = as_expected(cli, answer->reach);
	if (cli->json) {
		json_t *value = reach_say_json(answer);
		json_object_set_new(value, "status", json_string(question_status_name(status)));
		if (cli_has(cli, "expect"))
			json_object_set_new(value, "as-expected",
					    json_boolean(expected == CLI_YES));
		(void)cli_answer(cli, value);
		return;
	}
	if (cli_has(cli, "dot")) {
		reach_say_dot(answer);
		return;
	}
	reach_say_words(answer);
	words_notes(cli, &answer->reach->notes);
	if (cli_has(cli, "expect") && status == VERIFY_DONE)
		buf_printf(&cli->out, "\n%s%s%s\n",
			   cli_colour(cli, expected == CLI_YES ? CLI_GREEN : CLI_RED),
			   expected == CLI_YES ? "as expected" : "not as expected",
			   cli_colour(cli, CLI_PLAIN));
}

static int ask(struct asking *a)
{
	struct verify_reach reach;
	struct verify_reach_question question = {.network = &a->file.network,
						 .from = a->from.list.at,
						 .to = a->to.list.at,
						 .froms = a->from.list.len,
						 .tos = a->to.list.len,
						 .options = &a->question.options};
	struct reach_answer answer = {
		.cli = a->cli, .network = &a->file.network, .question = &question, .reach = &reach};
	for (size_t i = 0; i < a->file.network.nsf.len; i++)
		words_scope_add(&answer.scope, a->file.network.nsf.at[i].ruleset);
	question_begin(&a->question, "following the ways");
	verify_reach(&question, &a->cli->arena, &reach);
	question_end(&a->question);
	cli_report(a->cli);
	say(a, &answer);
	question_say_unfinished(&a->question, reach.status);
	return question_exit(reach.status, as_expected(a->cli, &reach));
}

int cli_reach(struct cli *cli)
{
	struct asking *a = arena_new(&cli->arena, struct asking);
	const char *network = cli_option_value(cli, "network", 0);
	a->cli = cli;
	if (!good_expectation(cli) || !read_question(a) ||
	    !(network ? make_network(a, network) : make_single(a)))
		return cli_fail(cli);
	return ask(a);
}
