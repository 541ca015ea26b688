// SPDX-License-Identifier: Apache-2.0
// Makes the manual page of `bulwarkd`: copies the text from standard input to standard output and puts
// what the tables of options and events say in the places of @OPTIONS@ and @EVENTS@. Runs while
// building; no part of the product.
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *argument, *preset, *help;
} options[] = {
#define X(name, argument, member, read, preset, help) {name, argument, preset, help},
#include "controller/options.def"
#undef X
};

static const struct {
	const char *action, *meaning;
} events[] = {
#define X(id, action, level, meaning) {action, meaning},
#include "engine/events.def"
#undef X
};

// Text in which roff finds nothing to act on.
static void put_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\' || *text == '-')
			fputs(*text == '-' ? "\\-" : "\\e", stdout);
		else
			putchar(*text);
	}
	putchar('\n');
}

static void put_options(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < array_len(options); i++) {
		printf(".It Fl -%s Ar %s\n", options[i].name, options[i].argument);
		put_text(options[i].help);
		if (options[i].preset)
			printf(".br\nThe default is\n.Ql %s .\n", options[i].preset);
	}
	puts(".El");
}

static void put_events(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < array_len(events); i++) {
		printf(".It Sy %s\n", events[i].action);
		put_text(events[i].meaning);
	}
	puts(".El");
}

int main(void)
{
	char line[512];
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "@OPTIONS@\n") == 0)
			put_options();
		else if (strcmp(line, "@EVENTS@\n") == 0)
			put_events();
		else
			fputs(line, stdout);
	}
	return 0;
}
