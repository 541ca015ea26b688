// SPDX-License-Identifier: Apache-2.0
// Files to rulesets, for all commands that need no controller. Documents go the same way as the controller's: engine_load,
// ir_document_order.
#include "cli/source.h"
#include "base/file.h"
#include "engine/load.h"
#include "schema/schema.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct buf *source_read(struct cli *cli, const char *path)
{
	struct buf *file = arena_new(&cli->arena, struct buf);
	buf_init(file);
	int error = file_read(!strcmp(path, "-") ? "/dev/stdin" : path, SCHEMA_BYTES_MOST, file);
	if (!error)
		return file;
	diag_add(&cli->diags,
		 &(struct diag){.code = error == -EFBIG ? DIAG_LIMIT : DIAG_IO,
				.file = path,
				.hint = error == -EFBIG ? "split the document"
							: "check the name and the permissions"},
		 "the file cannot be read: %s", strerror(-error));
	buf_fini(file);
	return NULL;
}

bool source_stdin_once(struct cli *cli, const char *option)
{
	size_t n = 0;
	const char *value;
	for (size_t i = 0; i < cli->args; i++)
		n += !strcmp(cli->arg[i], "-");
	for (size_t i = 0; option && (value = cli_option_value(cli, option, i)); i++)
		n += !strcmp(value, "-");
	if (n > 1)
		diag_error(&cli->diags, DIAG_DUPLICATE, NULL,
			   "name it once, and files for the rest",
			   "standard input (-) is named %zu times", n);
	return n <= 1;
}

static bool chosen_default(struct cli *cli, enum ir_verdict *action)
{
	const char *text = cli_option_value(cli, "default-action", 0);
	static const enum ir_verdict allowed[] = {IR_PASS, IR_DROP, IR_REJECT};
	if (!text)
		return true;
	for (size_t i = 0; i < array_len(allowed); i++)
		if (!strcmp(text, ir_verdict_name[allowed[i]])) {
			*action = allowed[i];
			return true;
		}
	diag_error(&cli->diags, DIAG_VALUE, NULL, "give pass, drop or reject",
		   "'%s' is not a default action", text);
	return false;
}

// The files being read, and what they are.
struct reading {
	struct cli *cli;
	char *const *file;
	size_t files;
	struct buf **bytes; // NULL: could not be read
};

static bool read_all(struct reading *r)
{
	bool good = true;
	r->bytes = arena_array(&r->cli->arena, struct buf *, r->files);
	for (size_t i = 0; i < r->files; i++)
		good &= (r->bytes[i] = source_read(r->cli, r->file[i])) != NULL;
	return good;
}

static void reading_fini(struct reading *r)
{
	for (size_t i = 0; i < r->files; i++)
		if (r->bytes[i])
			buf_fini(r->bytes[i]);
}

static bool load_documents(struct reading *r, struct source *out)
{
	struct cli *cli = r->cli;
	struct translate_options options = translate_options_default(time(NULL));
	struct engine_load load = {.schema = engine_load_schema(&cli->diags),
				   .translate = &options,
				   .arena = &cli->arena,
				   .diags = &cli->diags};
	struct schema_input *inputs = arena_array(&cli->arena, struct schema_input, r->files);
	for (size_t i = 0; i < r->files; i++)
		inputs[i] = (struct schema_input){
			.file = r->file[i], .data = r->bytes[i]->data, .len = r->bytes[i]->len};
	out->files = r->files;
	bool good = load.schema && engine_load(&load, inputs, r->files, &out->document);
	schema_free(load.schema);
	return good;
}

// The policies in first-match order.
static bool order(struct cli *cli, struct source *source)
{
	ir_document_order(&source->document, &cli->arena, &cli->diags, &source->ruleset);
	return !cli->diags.errors && chosen_default(cli, &source->ruleset.default_action);
}

static const char *title_of(struct cli *cli, char *const *file, size_t files)
{
	return files == 1   ? file[0]
	       : files == 2 ? arena_printf(&cli->arena, "%s and %s", file[0], file[1])
			    : arena_printf(&cli->arena, "%s and %zu more", file[0], files - 1);
}

bool source_load(struct cli *cli, char *const *file, size_t files, struct source *out)
{
	struct reading reading = {.cli = cli, .file = file, .files = files};
	*out = (struct source){.title = title_of(cli, file, files)};
	bool good = read_all(&reading) && load_documents(&reading, out) && order(cli, out);
	reading_fini(&reading);
	return good;
}

bool source_load_arguments(struct cli *cli, const char *option, struct source *out)
{
	return cli_need(cli, 1, true) && source_stdin_once(cli, option) &&
	       source_load(cli, cli->arg, cli->args, out);
}

bool source_load_each(struct cli *cli, char *const *file, size_t files, struct sources *out)
{
	struct source one;
	bool good = source_load(cli, file, files, &one);
	vec_push(&cli->arena, &out->list, one);
	return good;
}
