// SPDX-License-Identifier: Apache-2.0
// Help, completion and version, all made from the tables.
#include "cli/cli.h"

#include <jansson.h>
#include <string.h>

static const struct {
	const char *group, *title;
} groups[] = {
	{"offline", "On files, without any controller"},
	{"online", "On a controller"},
	{"keys", "Keys and certificates"},
	{"other", "Other"},
};

static void print_overview(struct cli *cli)
{
	struct buf *out = &cli->out;
	buf_printf(out,
		   "%sbulwark%s: one security policy for every firewall on the path, proven to be "
		   "enforced.\n",
		   cli_colour(cli, CLI_BOLD), cli_colour(cli, CLI_PLAIN));
	for (size_t g = 0; g < array_len(groups); g++) {
		buf_printf(out, "\n%s%s%s\n", cli_colour(cli, CLI_BOLD), groups[g].title,
			   cli_colour(cli, CLI_PLAIN));
		for (size_t i = 0; i < cli_commands_len; i++)
			if (!strcmp(cli_commands[i].group, groups[g].group))
				buf_printf(out, "  %s%-15s%s %s\n", cli_colour(cli, CLI_CYAN),
					   cli_commands[i].words, cli_colour(cli, CLI_PLAIN),
					   cli_commands[i].summary);
	}
	buf_adds(out, "\nBegin with: bulwark check policy.xml      More: bulwark help COMMAND, man "
		      "bulwark\n");
}

// Calls for each option of the command, those of the connection included.
static void each_option(const struct cli_command *command,
			void (*fn)(const struct cli_known_option *, void *), void *context)
{
	for (size_t i = 0; i < cli_options_len; i++)
		if (cli_takes(command, cli_options[i].name))
			fn(&cli_options[i], context);
}

static void print_option(const struct cli_known_option *option, void *context)
{
	struct cli *cli = context;
	const char *name =
		arena_printf(&cli->arena, "--%s%s%s", option->name, option->argument ? " " : "",
			     option->argument ? option->argument : "");
	buf_printf(&cli->out, "  %s%-26s%s %s\n", cli_colour(cli, CLI_CYAN), name,
		   cli_colour(cli, CLI_PLAIN), option->text);
}

static void print_command(struct cli *cli, const struct cli_command *command)
{
	struct buf *out = &cli->out;
	buf_printf(out, "%sbulwark %s%s %s%s\n\n%s\n", cli_colour(cli, CLI_BOLD), command->words,
		   cli_colour(cli, CLI_PLAIN), command->arguments,
		   *command->options ? " [OPTION…]" : "", command->summary);
	if (*command->help)
		buf_printf(out, "\n%s\n", command->help);
	if (*command->options) {
		buf_adds(out, "\nOptions\n");
		each_option(command, print_option, cli);
	}
}

// "policy" shows all commands that begin with the word.
int cli_help(struct cli *cli)
{
	if (!cli->args) {
		print_overview(cli);
		return CLI_YES;
	}
	const char *wanted = cli->args > 1
				     ? arena_printf(&cli->arena, "%s %s", cli->arg[0], cli->arg[1])
				     : cli->arg[0];
	size_t len = strlen(wanted), shown = 0;
	for (size_t i = 0; i < cli_commands_len; i++) {
		const char *words = cli_commands[i].words;
		if (strncmp(words, wanted, len) != 0 || !strchr(" ", words[len]))
			continue;
		if (shown++)
			buf_adds(&cli->out, "\n");
		print_command(cli, &cli_commands[i]);
	}
	if (shown)
		return CLI_YES;
	diag_add(&cli->diags,
		 &(struct diag){.code = DIAG_UNKNOWN_ELEMENT,
				.hint = "`bulwark help` lists the commands"},
		 "there is no command '%s'", wanted);
	return cli_fail(cli);
}

int cli_version(struct cli *cli)
{
	cli->json = cli_has(cli, "json");
	if (!cli_answer(cli, json_pack("{s:s}", "version", BULWARK_VERSION)))
		buf_adds(&cli->out, "bulwark " BULWARK_VERSION "\n");
	return CLI_YES;
}

static void add_word(const struct cli_known_option *option, void *context)
{
	buf_printf(context, " --%s", option->name);
}

static void complete_bash(struct buf *out)
{
	buf_adds(out, "_bulwark() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
		      "words=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n"
		      "\tlocal first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} options=\n"
		      "\tcase \"$first $second\" in\n");
	for (int pairs = 1; pairs >= 0; pairs--)
		for (size_t i = 0; i < cli_commands_len; i++) {
			const struct cli_command *c = &cli_commands[i];
			if (!!strchr(c->words, ' ') != pairs)
				continue;
			buf_printf(out, "\t\"%s%s\"*) options=\"", c->words, pairs ? "" : " ");
			each_option(c, add_word, out);
			buf_adds(out, "\" ;;\n");
		}
	buf_adds(out, "\tesac\n\tlocal commands=\"");
	for (size_t i = 0; i < cli_commands_len; i++)
		buf_printf(out, "%s%s", i ? "\n" : "", cli_commands[i].words);
	buf_adds(out,
		 "\"\n\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$options\" -- "
		 "\"$cur\"))\n"
		 "\telif [ \"$COMP_CWORD\" = 1 ]; then\n"
		 "\t\tCOMPREPLY=($(compgen -W \"$(cut -d' ' -f1 <<<\"$commands\" | sort -u)\" -- "
		 "\"$cur\"))\n"
		 "\telif [ \"$COMP_CWORD\" = 2 ] && grep -q \"^$first \" <<<\"$commands\"; then\n"
		 "\t\tCOMPREPLY=($(compgen -W \"$(sed -n \"s/^$first //p\" <<<\"$commands\")\" -- "
		 "\"$cur\"))\n"
		 "\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\n"
		 "complete -o filenames -F _bulwark bulwark\n");
}

static void complete_zsh(struct buf *out)
{
	buf_adds(out, "#compdef bulwark\nautoload -U +X bashcompinit && bashcompinit\n");
	complete_bash(out);
}

static void add_fish(const struct cli_known_option *option, void *context)
{
	struct {
		struct buf *out;
		const char *words;
	} *to = context;
	buf_printf(to->out, "complete -c bulwark -n '__fish_seen_subcommand_from %s' -l %s%s -d '",
		   to->words, option->name, option->argument ? " -r" : "");
	for (const char *p = option->text; *p; p++)
		buf_printf(to->out, *p == '\'' ? "\\%c" : "%c", *p);
	buf_adds(to->out, "'\n");
}

static void complete_fish(struct buf *out)
{
	for (size_t i = 0; i < cli_commands_len; i++) {
		const char *words = cli_commands[i].words, *space = strchr(words, ' ');
		struct {
			struct buf *out;
			const char *words;
		} to = {out, space ? space + 1 : words};
		if (space)
			buf_printf(out,
				   "complete -c bulwark -n '__fish_seen_subcommand_from %.*s' -f "
				   "-a %s -d \"%s\"\n",
				   (int)(space - words), words, space + 1, cli_commands[i].summary);
		else
			buf_printf(
				out,
				"complete -c bulwark -n __fish_use_subcommand -f -a %s -d \"%s\"\n",
				words, cli_commands[i].summary);
		if (space &&
		    (!i || strncmp(words, cli_commands[i - 1].words, (size_t)(space - words)) != 0))
			buf_printf(out, "complete -c bulwark -n __fish_use_subcommand -f -a %.*s\n",
				   (int)(space - words), words);
		each_option(&cli_commands[i], add_fish, &to);
	}
}

int cli_completion(struct cli *cli)
{
	static const struct {
		const char *shell;
		void (*print)(struct buf *);
	} shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	for (size_t i = 0; i < array_len(shells); i++)
		if (!strcmp(cli->arg[0], shells[i].shell)) {
			shells[i].print(&cli->out);
			return CLI_YES;
		}
	diag_add(&cli->diags, &(struct diag){.code = DIAG_VALUE, .hint = "give bash, zsh or fish"},
		 "there is no completion for '%s'", cli->arg[0]);
	return cli_fail(cli);
}
