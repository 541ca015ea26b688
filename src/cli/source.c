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

bool source_tree_load(struct cli *cli, char *const *file, size_t files, struct source_tree *out)
{
	*out = (struct source_tree){.schema = engine_load_schema(&cli->diags)};
	bool good = out->schema;
	if (good)
		out->tree = schema_tree_new(out->schema);
	for (size_t i = 0; i < files && out->tree; i++) {
		struct buf *bytes = source_read(cli, file[i]);
		good &= bytes != NULL;
		if (!bytes)
			continue;
		struct schema_input input = {
			.file = file[i], .data = bytes->data, .len = bytes->len};
		good &= schema_parse(out->tree, &input, &cli->diags);
		buf_fini(bytes);
	}
	return good && schema_validate(out->tree, &cli->diags);
}

void source_tree_free(struct source_tree *tree)
{
	schema_tree_free(tree->tree);
	schema_free(tree->schema);
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

bool source_default(struct cli *cli, size_t nth, struct ir_ruleset *ruleset)
{
	const char *text = cli_option_value(cli, "default-action", 0);
	static const enum ir_verdict allowed[] = {IR_PASS, IR_DROP, IR_REJECT};
	if (!text)
		return true;
	const char *comma = strchr(text, ',');
	size_t len =
		comma && cli_takes(cli->command, "with") ? (size_t)(comma - text) : strlen(text);
	if (nth && len < strlen(text)) {
		text = comma + 1;
		len = strlen(text);
	}
	for (size_t i = 0; i < array_len(allowed); i++)
		if (strlen(ir_verdict_name[allowed[i]]) == len &&
		    !strncmp(text, ir_verdict_name[allowed[i]], len)) {
			ruleset->default_action = allowed[i];
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
	struct import_result *import;
	bool *imported;
};

static bool import_file(struct reading *r, size_t i, enum import_format format)
{
	struct import_input input = {.file = r->file[i],
				     .data = r->bytes[i]->data,
				     .len = r->bytes[i]->len,
				     .format = format};
	r->imported[i] = true;
	return import_read(&input, &r->cli->arena, &r->cli->diags, &r->import[i]);
}

static bool read_all(struct reading *r)
{
	bool good = true;
	r->bytes = arena_array(&r->cli->arena, struct buf *, r->files);
	r->import = arena_array(&r->cli->arena, struct import_result, r->files);
	r->imported = arena_array(&r->cli->arena, bool, r->files);
	for (size_t i = 0; i < r->files; i++) {
		r->bytes[i] = source_read(r->cli, r->file[i]);
		good &= r->bytes[i] != NULL;
		enum import_format format =
			r->bytes[i] ? import_recognise(r->bytes[i]->data, r->bytes[i]->len)
				    : IMPORT_UNKNOWN;
		if (format != IMPORT_UNKNOWN)
			good &= import_file(r, i, format);
	}
	return good;
}

static void reading_fini(struct reading *r)
{
	for (size_t i = 0; i < r->files; i++)
		if (r->bytes[i])
			buf_fini(r->bytes[i]);
}

// Those that were not imported.
static bool load_documents(struct reading *r, struct source *out)
{
	struct cli *cli = r->cli;
	struct translate_options options = translate_options_default(time(NULL));
	struct engine_load load = {
		.translate = &options, .arena = &cli->arena, .diags = &cli->diags};
	struct schema_input *inputs = arena_array(&cli->arena, struct schema_input, r->files);
	size_t n = 0;
	for (size_t i = 0; i < r->files; i++)
		if (!r->imported[i])
			inputs[n++] = (struct schema_input){.file = r->file[i],
							    .data = r->bytes[i]->data,
							    .len = r->bytes[i]->len};
	out->documents = n;
	if (!n)
		return true;
	load.schema = engine_load_schema(&cli->diags);
	bool good = load.schema && engine_load(&load, inputs, n, &out->document);
	schema_free(load.schema);
	return good;
}

// The policies in first-match order.
static bool order(struct cli *cli, struct source *source)
{
	ir_document_order(&source->document, &cli->arena, &cli->diags, &source->ruleset);
	return !cli->diags.errors && source_default(cli, 0, &source->ruleset);
}

static void add_chain(struct cli *cli, struct source *source, const struct import_chain *chain)
{
	vec_push(&cli->arena, &source->chain, chain);
	vec_push(&cli->arena, &source->document.policy, chain->policy);
}

static const char *title_of(struct cli *cli, char *const *file, size_t files)
{
	return files == 1   ? file[0]
	       : files == 2 ? arena_printf(&cli->arena, "%s and %s", file[0], file[1])
			    : arena_printf(&cli->arena, "%s and %zu more", file[0], files - 1);
}

static const char *chain_title(struct cli *cli, const char *file, const struct import_chain *chain)
{
	return arena_printf(&cli->arena, "%s %s", file, source_chain_name(cli, chain));
}

static bool load_chains(struct reading *r, struct source *out)
{
	bool good = true;
	for (size_t i = 0; i < r->files; i++) {
		if (!r->imported[i])
			continue;
		const struct import_chain *chain =
			source_chain_choose(r->cli, r->file[i], &r->import[i], &out->taken);
		good &= chain != NULL;
		if (chain)
			add_chain(r->cli, out, chain);
		if (chain && r->files == 1)
			out->title = chain_title(r->cli, r->file[i], chain);
	}
	return good;
}

static bool add_each_chain(struct reading *r, struct source *out)
{
	for (size_t i = 0; i < r->files; i++)
		for (size_t k = 0; k < r->import[i].chain.len; k++) {
			const struct import_chain *chain = &r->import[i].chain.at[k];
			struct source *one = arena_new(&r->cli->arena, struct source);
			if (!chain->filters || !source_chain_wanted(r->cli, chain))
				continue;
			if (!source_of_chain(r->cli, r->file[i], chain, one))
				return false;
			vec_push(&r->cli->arena, &out->each, one);
		}
	return true;
}

bool source_load_side(struct cli *cli, char *const *file, size_t files, struct source *out)
{
	struct reading reading = {.cli = cli, .file = file, .files = files};
	*out = (struct source){.title = title_of(cli, file, files)};
	bool good = read_all(&reading) && load_documents(&reading, out) &&
		    load_chains(&reading, out) && order(cli, out) &&
		    (out->documents || add_each_chain(&reading, out));
	reading_fini(&reading);
	return good;
}

void source_say_taken(struct cli *cli, const struct source *source)
{
	for (size_t i = 0; i < source->chain.len; i++)
		source_chain_note(cli, source->chain.at[i]);
	if (source->taken)
		diag_add(&cli->diags,
			 &(struct diag){.severity = DIAG_NOTE,
					.code = DIAG_MISSING,
					.hint = "choose with --chain"},
			 "%s", source->taken);
}

bool source_load(struct cli *cli, char *const *file, size_t files, struct source *out)
{
	bool good = source_load_side(cli, file, files, out);
	source_say_taken(cli, out);
	return good;
}

bool source_load_arguments(struct cli *cli, const char *option, struct source *out)
{
	return cli_need(cli, 1, true) && source_stdin_once(cli, option) &&
	       source_load(cli, cli->arg, cli->args, out);
}

bool source_load_bytes(struct cli *cli, const char *file, struct buf *bytes, struct source *out)
{
	bool imported = false;
	char *name = (char *)file;
	struct reading reading = {
		.cli = cli, .file = &name, .files = 1, .bytes = &bytes, .imported = &imported};
	*out = (struct source){.title = file};
	return load_documents(&reading, out) && order(cli, out);
}

bool source_of_chain(struct cli *cli, const char *file, const struct import_chain *chain,
		     struct source *out)
{
	*out = (struct source){.title = chain_title(cli, file, chain)};
	add_chain(cli, out, chain);
	return order(cli, out);
}

// --- each by itself ---

static bool add_each(struct reading *r, size_t i, struct sources *out)
{
	const struct import_result *import = &r->import[i];
	struct cli *cli = r->cli;
	size_t before = out->list.len;
	for (size_t k = 0; k < import->chain.len; k++) {
		const struct import_chain *chain = &import->chain.at[k];
		bool named = cli_has(cli, "chain");
		if (!chain->filters || !source_chain_wanted(cli, chain) ||
		    (!named && !chain->source_rules))
			continue;
		struct source one;
		if (!source_of_chain(cli, r->file[i], chain, &one))
			return false;
		source_say_taken(cli, &one);
		vec_push(&cli->arena, &out->list, one);
	}
	// Nothing to look at is said as it is where one chain is needed.
	const char *taken;
	return out->list.len > before ||
	       source_chain_choose(cli, r->file[i], import, &taken) != NULL;
}

static bool load_each(struct reading *r, struct sources *out)
{
	struct source documents = {.title = title_of(r->cli, r->file, r->files)};
	bool good = load_documents(r, &documents);
	if (documents.documents && documents.documents < r->files)
		documents.title = "the policies";
	good = good && order(r->cli, &documents);
	if (documents.documents)
		vec_push(&r->cli->arena, &out->list, documents);
	for (size_t i = 0; good && i < r->files; i++)
		good = !r->imported[i] || add_each(r, i, out);
	return good;
}

bool source_load_each(struct cli *cli, char *const *file, size_t files, struct sources *out)
{
	struct reading reading = {.cli = cli, .file = file, .files = files};
	*out = (struct sources){0};
	bool good = read_all(&reading) && load_each(&reading, out);
	reading_fini(&reading);
	return good;
}

// --- about sources ---

unsigned source_versions(const struct source *source)
{
	unsigned versions = source->documents || !source->chain.len ? 3 : 0;
	for (size_t i = 0; i < source->chain.len; i++) {
		const char *family = source->chain.at[i]->family;
		versions |= !strcmp(family, "ip") ? 1 : !strcmp(family, "ip6") ? 2 : 3;
	}
	return versions;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

size_t source_rules(const struct ir_ruleset *ruleset)
{
	size_t n = 0;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i], *before = i ? rule - 1 : NULL;
		n += !before || !same_text(rule->name, before->name) ||
		     !same_text(rule->policy, before->policy);
	}
	return n;
}
