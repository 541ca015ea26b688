// SPDX-License-Identifier: Apache-2.0
// `bulwark`: finds the command in the table, takes its options out of the arguments, runs it, prints what it answered.
// commands.def and options.def say everything that is particular to a command; nothing here does.
#include "cli/cli.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
#define X(words_, run_, group_, arguments_, options_, summary_, help_) \
	{.words = words_,                                              \
	 .run = run_,                                                  \
	 .group = group_,                                              \
	 .arguments = arguments_,                                      \
	 .options = options_,                                          \
	 .summary = summary_,                                          \
	 .help = help_},
#include "cli/commands.def"
#undef X
};
const size_t cli_commands_len = array_len(cli_commands);

const struct cli_known_option cli_options[] = {
#define X(name_, argument_, text_) {name_, argument_, text_},
#include "cli/options.def"
#undef X
};
const size_t cli_options_len = array_len(cli_options);

bool cli_takes(const struct cli_command *command, const char *name)
{
	size_t len = strlen(name);
	if (!strcmp(command->group, "online") &&
	    (!strcmp(name, "controller") || !strcmp(name, "identity") || !strcmp(name, "ca") ||
	     !strcmp(name, "as-tenant")))
		return true;
	for (const char *at = command->options; (at = strstr(at, name)); at += len)
		if ((at == command->options || at[-1] == ' ') && strchr(" *", at[len]))
			return true;
	return false;
}

static bool repeats(const struct cli_command *command, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = command->options; (at = strstr(at, name)); at += len)
		if ((at == command->options || at[-1] == ' ') && at[len] == '*')
			return true;
	return false;
}

// The longest command whose words the arguments begin with; *words_out says how many they are.
static const struct cli_command *find_command(size_t n, char **arg, size_t *words_out)
{
	for (size_t words = n < 2 ? n : 2; words; words--)
		for (size_t i = 0; i < cli_commands_len; i++) {
			const char *name = cli_commands[i].words, *space = strchr(name, ' ');
			size_t first = space ? (size_t)(space - name) : strlen(name);
			bool same = strlen(arg[0]) == first && !strncmp(arg[0], name, first);
			if (same && (words == 2) == !!space &&
			    (!space || !strcmp(arg[1], space + 1))) {
				*words_out = words;
				return &cli_commands[i];
			}
		}
	return NULL;
}

static const char *argument_of(const char *name, bool *known_out)
{
	*known_out = true;
	for (size_t i = 0; i < cli_options_len; i++)
		if (!strcmp(cli_options[i].name, name))
			return cli_options[i].argument;
	*known_out = false;
	return NULL;
}

static bool usage_error(struct cli *cli, const char *what, const char *about)
{
	diag_add(&cli->diags,
		 &(struct diag){.code = DIAG_VALUE,
				.hint = arena_printf(&cli->arena,
						     "`bulwark help %s` shows what it takes",
						     cli->command->words)},
		 "%s: %s", about, what);
	return false;
}

// "--name=value", "--name value" or "--name"; moves *i to the last argument used.
static bool take_option(struct cli *cli, size_t n, char **arg, size_t *i)
{
	char *equals = strchr(arg[*i], '=');
	const char *name =
		equals ? arena_strndup(&cli->arena, arg[*i] + 2, (size_t)(equals - arg[*i] - 2))
		       : arg[*i] + 2;
	bool known;
	const char *argument = argument_of(name, &known), *value = "";
	if (!known || !cli_takes(cli->command, name))
		return usage_error(cli, "there is no such option here", arg[*i]);
	if (argument && equals)
		value = equals + 1;
	else if (argument && *i + 1 < n)
		value = arg[++*i];
	else if (argument || equals)
		return usage_error(cli, argument ? "its value is missing" : "it takes no value",
				   arg[*i]);
	if (cli_has(cli, name) && !repeats(cli->command, name))
		return usage_error(cli, "it is given twice", arg[*i]);
	vec_push(&cli->arena, &cli->option, (struct cli_option){name, value});
	return true;
}

static bool take_arguments(struct cli *cli, size_t n, char **arg)
{
	bool options_end = false;
	cli->arg = arena_array(&cli->arena, char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (options_end || strncmp(arg[i], "-", 1) != 0 || !strcmp(arg[i], "-"))
			cli->arg[cli->args++] = arg[i];
		else if (!strcmp(arg[i], "--"))
			options_end = true;
		else if (strncmp(arg[i], "--", 2) != 0)
			return usage_error(cli, "options have two dashes", arg[i]);
		else if (!take_option(cli, n, arg, &i))
			return false;
	}
	return true;
}

const char *cli_option_value(const struct cli *cli, const char *name, size_t nth)
{
	for (size_t i = 0; i < cli->option.len; i++)
		if (!strcmp(cli->option.at[i].name, name) && !nth--)
			return cli->option.at[i].value;
	return NULL;
}

bool cli_has(const struct cli *cli, const char *name)
{
	return cli_option_value(cli, name, 0) != NULL;
}

bool cli_need(struct cli *cli, size_t args, bool more)
{
	if (cli->args == args || (more && cli->args > args))
		return true;
	return usage_error(cli, cli->args < args ? "an argument is missing" : "too many arguments",
			   cli->command->words);
}

const char *cli_need_option(struct cli *cli, const char *name)
{
	const char *value = cli_option_value(cli, name, 0);
	if (!value)
		(void)usage_error(cli, "this option is missing",
				  arena_printf(&cli->arena, "--%s", name));
	return value;
}

bool cli_number(struct cli *cli, const char *name, uint64_t most, uint64_t otherwise, uint64_t *out)
{
	const char *text = cli_option_value(cli, name, 0);
	char *end;
	*out = otherwise;
	if (!text)
		return true;
	uint64_t n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || n > most)
		return usage_error(cli,
				   arena_printf(&cli->arena, "give a number of at most %llu",
						(unsigned long long)most),
				   arena_printf(&cli->arena, "--%s %s", name, text));
	*out = n;
	return true;
}

const char *cli_colour(const struct cli *cli, enum cli_colour colour)
{
	static const char *const codes[CLI_COLOURS] = {
		"\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[36m"};
	return cli->colour ? codes[colour] : "";
}

json_t *cli_diags_json(const struct diags *diags)
{
	json_t *list = json_array();
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = &diags->list.at[i];
		const struct {
			const char *key, *value;
		} texts[] = {{"file", d->file},
			     {"path", d->path},
			     {"nsf", d->nsf},
			     {"policy", d->policy},
			     {"rule", d->rule},
			     {"condition", d->condition},
			     {"capability", d->capability},
			     {"text", d->text},
			     {"hint", d->hint}};
		json_t *one = json_pack("{s:s, s:s}", "severity", diag_severity_name(d->severity),
					"code", diag_code_name(d->code));
		if (d->line)
			json_object_set_new(one, "line", json_integer(d->line));
		for (size_t k = 0; k < array_len(texts); k++)
			if (texts[k].value) {
				json_t *text = json_string(texts[k].value);
				json_object_set_new(one, texts[k].key,
						    text ? text : json_string("(not UTF-8)"));
			}
		json_array_append_new(list, one);
	}
	return list;
}

bool cli_answer(struct cli *cli, json_t *value)
{
	if (!cli->json) {
		json_decref(value);
		return false;
	}
	char *text = json_dumps(value, JSON_INDENT(2));
	buf_adds(&cli->out, text);
	buf_addc(&cli->out, '\n');
	free(text);
	json_decref(value);
	return true;
}

void cli_report(struct cli *cli)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; !cli->json && i < cli->diags.list.len; i++)
		diag_print(&cli->diags.list.at[i], cli->colour_errors, &text);
	if (!cli->json && cli->diags.dropped)
		buf_printf(&text, "... and %zu more\n", cli->diags.dropped);
	fputs(text.data, stderr);
	buf_fini(&text);
}

int cli_fail(struct cli *cli)
{
	cli_report(cli);
	if (cli->json) {
		buf_clear(&cli->out);
		(void)cli_answer(cli, json_pack("{s:o}", "diags", cli_diags_json(&cli->diags)));
	}
	return CLI_BAD;
}

void cli_flush(struct cli *cli)
{
	fwrite(cli->out.data, 1, cli->out.len, stdout);
	fflush(stdout);
	buf_clear(&cli->out);
}

static bool wants_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

static bool asks_for_help(size_t n, char **arg)
{
	for (size_t i = 0; i < n && strcmp(arg[i], "--") != 0; i++)
		if (!strcmp(arg[i], "--help") || !strcmp(arg[i], "-h"))
			return true;
	return false;
}

// Words before options; "--help" anywhere turns into the help of what stands before it.
// Options may stand before the command, too: they go behind everything else. The order among them stays.
static char **command_first(struct cli *cli, size_t n, char **arg)
{
	char **turned = arena_array(&cli->arena, char *, n + 1);
	size_t options_end = 0;
	while (options_end < n && !strncmp(arg[options_end], "--", 2) && arg[options_end][2]) {
		bool known;
		bool apart =
			argument_of(arg[options_end] + 2, &known) && !strchr(arg[options_end], '=');
		options_end += apart && options_end + 1 < n ? 2 : 1;
	}
	if (options_end >= n)
		return arg;
	memcpy(turned, arg + options_end, (n - options_end) * sizeof(*arg));
	memcpy(turned + n - options_end, arg, options_end * sizeof(*arg));
	return turned;
}

static int run(struct cli *cli, size_t n, char **arg)
{
	static const char *const help[] = {"help"};
	size_t words = 0;
	if (n && !strcmp(arg[0], "--version"))
		arg[0] = "version";
	arg = command_first(cli, n, arg);
	const struct cli_command *command = n ? find_command(n, arg, &words) : NULL;
	if (!n || asks_for_help(n, arg)) {
		cli->command = find_command(1, (char *[]){(char *)help[0]}, &(size_t){0});
		cli->arg = arg;
		cli->args = command ? words : 0;
		return cli->command->run(cli);
	}
	cli->command = command ? command : find_command(1, (char *[]){(char *)help[0]}, &words);
	if (!command) {
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_UNKNOWN_ELEMENT,
					.hint = "`bulwark help` lists the commands"},
			 "there is no command '%s'", arg[0]);
		return cli_fail(cli);
	}
	if (!take_arguments(cli, n - words, arg + words))
		return cli_fail(cli);
	cli->json = cli_has(cli, "json");
	return command->run(cli);
}

static struct client *controller; // opened by the first command that asks for it

struct client *cli_controller(struct cli *cli)
{
	struct client_config config = {.url = cli_option_value(cli, "controller", 0),
				       .identity = cli_option_value(cli, "identity", 0),
				       .ca = cli_option_value(cli, "ca", 0),
				       .tenant = cli_option_value(cli, "as-tenant", 0)};
	if (!controller)
		controller = client_open(&config, &cli->diags);
	return controller;
}

int main(int argc, char **argv)
{
	struct cli cli = {.colour = wants_colour(STDOUT_FILENO),
			  .colour_errors = wants_colour(STDERR_FILENO)};
	base_give_memory_back();
	arena_init(&cli.arena);
	diags_init(&cli.diags, &cli.arena);
	buf_init(&cli.out);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int status = run(&cli, argc > 1 ? (size_t)argc - 1 : 0, argv + 1);
	cli_flush(&cli);
	client_close(controller);
	curl_global_cleanup();
	buf_fini(&cli.out);
	arena_fini(&cli.arena);
	return ferror(stdout) ? CLI_BAD : status;
}
