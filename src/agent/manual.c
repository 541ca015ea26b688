// SPDX-License-Identifier: Apache-2.0
// Makes the manual page of `bulwark-nsf`: copies the text from standard input to standard output and puts what the tables
// of settings and events say in the places of @SETTINGS@ and @EVENTS@. Runs while building; no part of the product.
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *key, *otherwise, *text;
} settings[] = {
#define X(key, read, otherwise, text) {key, otherwise, text},
#include "agent/options.def"
#undef X
};

static const struct {
	const char *kind, *text;
} events[] = {
#define X(code, kind, level, text) {kind, text},
#include "agent/events.def"
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

static void put_settings(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < array_len(settings); i++) {
		printf(".It Sy %s\n", settings[i].key);
		put_text(settings[i].text);
		if (settings[i].otherwise)
			printf("The default is\n.Ql %s .\n", settings[i].otherwise);
	}
	puts(".El");
}

static void put_events(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < array_len(events); i++) {
		printf(".It Sy %s\n", events[i].kind);
		put_text(events[i].text);
	}
	puts(".El");
}

int main(void)
{
	char line[512];
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "@SETTINGS@\n") == 0)
			put_settings();
		else if (strcmp(line, "@EVENTS@\n") == 0)
			put_events();
		else
			fputs(line, stdout);
	}
	return 0;
}
