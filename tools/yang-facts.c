// SPDX-License-Identifier: Apache-2.0
// yang-facts [--dir FOLDER] MODULE: prints the schema facts of a YANG module, to compare it with
// another one, or with what is kept of a standard. Exit code 0, 1 when the module does not compile
// or has a warning, 2 for a wrong call.
#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "schema/facts.h"

#include <getopt.h>
#include <stdio.h>

static int usage(FILE *to)
{
	fputs("usage: yang-facts [--dir FOLDER] MODULE\n", to);
	return 2;
}

static int print_facts(const char *dir, const char *module)
{
	struct arena arena;
	struct diags diags;
	struct buf out, messages;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&out);
	buf_init(&messages);
	const bool compiled = schema_facts(dir, module, &out, &diags);
	for (size_t i = 0; i < diags.list.len; i++)
		diag_print(&diags.list.at[i], false, &messages);
	fwrite(out.data, 1, out.len, stdout);
	fwrite(messages.data, 1, messages.len, stderr);
	buf_fini(&messages);
	buf_fini(&out);
	arena_fini(&arena);
	return !compiled || diags.list.len;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *dir = BULWARK_SOURCE_YANG_DIR;
	for (int option; (option = getopt_long(argc, argv, "d:h", options, NULL)) != -1;) {
		if (option == 'h')
			return usage(stdout), 0;
		if (option != 'd')
			return usage(stderr);
		dir = optarg;
	}
	return optind + 1 == argc ? print_facts(dir, argv[optind]) : usage(stderr);
}
