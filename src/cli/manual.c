// SPDX-License-Identifier: Apache-2.0
// Makes the manual page of `bulwark`: copies the text from standard input to standard output and puts what the tables of
// commands and options say in the places of @COMMANDS@ and @OPTIONS@. Runs while building; it is no part of the product.
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *words, *group, *arguments, *options, *summary, *help;
} commands[] = {
#define X(words, run, group, arguments, options, summary, help) \
	{words, group, arguments, options, summary, help},
#include "cli/commands.def"
#undef X
};

static const struct {
	const char *name, *argument, *text;
} options[] = {
#define X(name, argument, text) {name, argument, text},
#include "cli/options.def"
#undef X
};

static const struct {
	const char *group, *title;
} groups[] = {
	{"offline", "On files, without any controller"},
	{"online", "On a controller"},
	{"keys", "Keys and certificates"},
	{"other", "Other"},
};

// Text in which roff finds nothing to act on; a line does not begin with its control characters.
static void put_text(const char *text, size_t len)
{
	if (len && (*text == '.' || *text == '\''))
		fputs("\\&", stdout);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '-')
			fputs("\\-", stdout);
		else if (!strncmp(text + i, "…", 3)) {
			fputs("...", stdout);
			i += 2;
		} else {
			putchar(text[i]);
		}
	}
}

static void put_line(const char *text)
{
	put_text(text, strlen(text));
	putchar('\n');
}

// Lines that begin with two spaces are examples, as in the help on the terminal.
static void put_help(const char *help)
{
	bool example = false;
	while (*help) {
		size_t len = strcspn(help, "\n");
		bool this = !strncmp(help, "  ", 2);
		if (this != example && len)
			puts(this ? ".Bd -literal -offset indent" : ".Ed");
		if (len)
			example = this;
		if (!len)
			puts(example ? "" : ".Pp");
		else
			put_text(help + (this ? 2 : 0), len - (this ? 2 : 0));
		if (len)
			putchar('\n');
		help += len + (help[len] == '\n');
	}
	if (example)
		puts(".Ed");
}

static void put_command(size_t i)
{
	printf(".It Cm %s", commands[i].words);
	if (*commands[i].arguments) {
		fputs(" Ar ", stdout);
		put_text(commands[i].arguments, strlen(commands[i].arguments));
	}
	for (const char *at = commands[i].options; *at;) {
		size_t len = strcspn(at, " "), name = len - (at[len - 1] == '*');
		printf(" Oo Fl \\-%.*s Oc", (int)name, at);
		at += len + (at[len] == ' ');
	}
	putchar('\n');
	put_line(commands[i].summary);
	if (*commands[i].help)
		puts(".Pp");
	put_help(commands[i].help);
}

static void put_commands(void)
{
	for (size_t g = 0; g < array_len(groups); g++) {
		printf(".Ss %s\n.Bl -tag -width indent\n", groups[g].title);
		for (size_t i = 0; i < array_len(commands); i++)
			if (!strcmp(commands[i].group, groups[g].group))
				put_command(i);
		puts(".El");
	}
}

static void put_options(void)
{
	for (size_t i = 0; i < array_len(options); i++) {
		printf(".It Fl \\-%s", options[i].name);
		if (options[i].argument) {
			fputs(" Ar ", stdout);
			put_text(options[i].argument, strlen(options[i].argument));
		}
		putchar('\n');
		put_line(options[i].text);
	}
}

int main(void)
{
	char line[1024];
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "@COMMANDS@\n"))
			put_commands();
		else if (!strcmp(line, "@OPTIONS@\n"))
			put_options();
		else
			fputs(line, stdout);
	}
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
