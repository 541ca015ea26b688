// SPDX-License-Identifier: Apache-2.0
// Makes the manual page of bulwarkd or, with PAGE_OF_NSF, of bulwark-nsf: copies the text from standard input to standard
// output and puts what the program's tables of options and events say in the places of @OPTIONS@ and @EVENTS@, so that the
// page cannot lag behind them. Runs while building; no part of the product.
#include "base/base.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *head, *preset, *text;
};

static const struct row options[] = {
#ifdef PAGE_OF_NSF
#define X(key, read, otherwise, text) {".It Sy " key, otherwise, text},
#include "agent/options.def"
#else
#define X(name, argument, member, read, preset, help) \
	{".It Fl -" name " Ar " argument, preset, help},
#include "controller/options.def"
#endif
#undef X
};

static const struct row events[] = {
#define X(code, name, level, text) {".It Sy " name, NULL, text},
#ifdef PAGE_OF_NSF
#include "agent/events.def"
#else
#include "engine/events.def"
#endif
#undef X
};

// A line that begins with a dot would be a command.
static void put_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	putchar('\n');
}

static void put_rows(const struct row *row, size_t n)
{
	puts(".Bl -tag -width Ds");
	for (; n--; row++) {
		puts(row->head);
		put_text(row->text);
		if (row->preset)
			printf(".br\nThe default is\n.Ql %s .\n", row->preset);
	}
	puts(".El");
}

int main(void)
{
	char line[4096];
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "@OPTIONS@\n") == 0)
			put_rows(options, array_len(options));
		else if (strcmp(line, "@EVENTS@\n") == 0)
			put_rows(events, array_len(events));
		else
			fputs(line, stdout);
	}
	return ferror(stdin) || ferror(stdout);
}
