// SPDX-License-Identifier: Apache-2.0
// `bulwark import`: what a ruleset of another system says, what of it is not modelled, and the same for another target.
#include "cli/compile.h"
#include "cli/words.h"

#include <jansson.h>
#include <string.h>

#define NAME_COLUMN 32

struct importing {
	struct cli *cli;
	const char *file, *from, *to; // to NULL: a listing
	struct import_result result;  // of a ruleset of chains
	struct source source;         // of a document, or with `to` of the chain that is exported
	enum import_format format;    // IMPORT_UNKNOWN: a document
	bool document;
};

// --- reading ---

static bool unknown_format(struct cli *cli, const char *name)
{
	diag_error(&cli->diags, DIAG_UNSUPPORTED, NULL,
		   "give iptables-save, ip6tables-save, nft, nft-json or acl",
		   "there is no format '%s'", name);
	return false;
}

static bool read_chains(struct importing *im, const struct buf *bytes)
{
	struct import_input input = {
		.file = im->file, .data = bytes->data, .len = bytes->len, .format = im->format};
	return import_read(&input, &im->cli->arena, &im->cli->diags, &im->result);
}

static bool read_file(struct importing *im)
{
	struct cli *cli = im->cli;
	im->format = im->from ? import_format_find(im->from) : IMPORT_UNKNOWN;
	if (im->from && im->format == IMPORT_UNKNOWN && strcmp(im->from, "acl") != 0)
		return unknown_format(cli, im->from);
	struct buf *bytes = source_read(cli, im->file);
	if (!bytes)
		return false;
	if (!im->from)
		im->format = import_recognise(bytes->data, bytes->len);
	im->document = im->format == IMPORT_UNKNOWN;
	bool good = im->document ? source_load_bytes(cli, im->file, bytes, &im->source)
				 : read_chains(im, bytes);
	buf_fini(bytes);
	return good;
}

// --- what was read ---

static bool is_listed(const struct importing *im, const struct import_chain *chain)
{
	return chain->filters && source_chain_wanted(im->cli, chain);
}

static const char *format_of(const struct importing *im)
{
	static const char *const names[] = {"iptables-save", "ip6tables-save", "nft", "nft-json"};
	for (size_t i = 0; i < array_len(names); i++)
		if (im->format == import_format_find(names[i]))
			return names[i];
	return "document";
}

static bool some_listed(struct importing *im)
{
	for (size_t i = 0; i < im->result.chain.len; i++)
		if (is_listed(im, &im->result.chain.at[i]))
			return true;
	// The same words as where one chain is needed.
	const char *taken;
	return !cli_has(im->cli, "chain") ||
	       source_chain_choose(im->cli, im->file, &im->result, &taken) != NULL;
}

static void print_chains(struct importing *im)
{
	struct cli *cli = im->cli;
	struct buf *out = &cli->out;
	const struct import_result *r = &im->result;
	buf_printf(out, "%s%s%s: %s in %s\n", cli_colour(cli, CLI_BOLD), im->file,
		   cli_colour(cli, CLI_PLAIN), words_count(cli, r->source_rules, "rule", "rules"),
		   words_count(cli, r->chain.len, "base chain", "base chains"));
	for (size_t i = 0; i < r->chain.len; i++) {
		const struct import_chain *chain = &r->chain.at[i];
		buf_printf(out, "  %-*s %-12s %s", NAME_COLUMN, source_chain_name(cli, chain),
			   chain->hook, words_count(cli, chain->source_rules, "rule", "rules"));
		if (chain->opaque_rules)
			buf_printf(out, ", %zu not wholly modelled", chain->opaque_rules);
		buf_adds(out, chain->filters ? "\n" : ", does not filter\n");
	}
}

static void print_gaps(struct importing *im)
{
	struct cli *cli = im->cli;
	struct buf *out = &cli->out;
	const struct import_result *r = &im->result;
	if (r->elsewhere)
		buf_printf(out, "  %s in tables that do not filter: not looked at\n",
			   words_count(cli, r->elsewhere, "rule", "rules"));
	if (r->unreached)
		buf_printf(out, "  %s in chains that no base chain reaches\n",
			   words_count(cli, r->unreached, "rule", "rules"));
	if (!r->gap.len) {
		buf_printf(out, "%s✓%s everything is modelled\n", cli_colour(cli, CLI_GREEN),
			   cli_colour(cli, CLI_PLAIN));
		return;
	}
	buf_printf(out, "%s!%s not modelled:\n", cli_colour(cli, CLI_YELLOW),
		   cli_colour(cli, CLI_PLAIN));
	for (size_t i = 0; i < r->gap.len; i++)
		buf_printf(out, "  %s: %s, the first at line %u\n", r->gap.at[i].what,
			   words_count(cli, r->gap.at[i].rules, "rule", "rules"),
			   r->gap.at[i].line);
}

static void print_rules(struct cli *cli, const char *title, const struct ir_rule *rule, size_t len)
{
	struct buf *out = &cli->out;
	buf_printf(out, "\n%s%s%s\n", cli_colour(cli, CLI_BOLD), title, cli_colour(cli, CLI_PLAIN));
	for (size_t i = 0; i < len; i++) {
		buf_printf(out, "  %-*s ", NAME_COLUMN, rule[i].name ? rule[i].name : "");
		ir_rule_print(&rule[i], out);
		if (rule[i].line)
			buf_printf(out, "  %s(line %u)%s", cli_colour(cli, CLI_DIM), rule[i].line,
				   cli_colour(cli, CLI_PLAIN));
		buf_addc(out, '\n');
	}
}

static void print_listing(struct importing *im)
{
	struct cli *cli = im->cli;
	if (im->document) {
		print_rules(cli, im->source.title, im->source.ruleset.rule.at,
			    im->source.ruleset.rule.len);
		return;
	}
	print_chains(im);
	print_gaps(im);
	for (size_t i = 0; i < im->result.chain.len; i++) {
		const struct import_chain *chain = &im->result.chain.at[i];
		if (is_listed(im, chain))
			print_rules(cli, source_chain_name(cli, chain), chain->policy.rule.at,
				    chain->policy.rule.len);
	}
}

// --- JSON ---

static json_t *rules_json(const struct ir_rule *rule, size_t len)
{
	json_t *list = json_array();
	for (size_t i = 0; i < len; i++) {
		struct buf text;
		buf_init(&text);
		ir_rule_print(&rule[i], &text);
		json_t *one = words_rule_json(&rule[i]);
		json_object_set_new(one, "text", words_text(text.data));
		json_object_set_new(one, "modelled", json_boolean(!rule[i].opaques));
		json_array_append_new(list, one);
		buf_fini(&text);
	}
	return list;
}

static json_t *chains_json(struct importing *im)
{
	json_t *list = json_array();
	for (size_t i = 0; i < im->result.chain.len; i++) {
		const struct import_chain *chain = &im->result.chain.at[i];
		json_t *one = json_pack("{s:o, s:o, s:s, s:s, s:b, s:I, s:I}", "chain",
					words_text(source_chain_name(im->cli, chain)), "table",
					words_text(chain->table), "family", chain->family, "hook",
					chain->hook, "filters", chain->filters, "rules",
					(json_int_t)chain->source_rules, "not-modelled",
					(json_int_t)chain->opaque_rules);
		if (!im->to && is_listed(im, chain))
			json_object_set_new(
				one, "list",
				rules_json(chain->policy.rule.at, chain->policy.rule.len));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *answer_json(struct importing *im, const char *text)
{
	const struct import_result *r = &im->result;
	json_t *gaps = json_array();
	for (size_t i = 0; i < r->gap.len; i++)
		json_array_append_new(gaps, json_pack("{s:o, s:I, s:I}", "what",
						      words_text(r->gap.at[i].what), "rules",
						      (json_int_t)r->gap.at[i].rules, "line",
						      (json_int_t)r->gap.at[i].line));
	json_t *value = json_pack(
		"{s:s, s:o, s:I, s:I, s:I, s:o, s:o}", "format", format_of(im), "file",
		words_text(im->file), "rules",
		(json_int_t)(im->document ? source_rules(&im->source.ruleset) : r->source_rules),
		"elsewhere", (json_int_t)r->elsewhere, "unreached", (json_int_t)r->unreached,
		"chains", chains_json(im), "gaps", gaps);
	if (im->document && !im->to)
		json_object_set_new(
			value, "list",
			rules_json(im->source.ruleset.rule.at, im->source.ruleset.rule.len));
	if (im->to)
		json_object_set_new(value, "target", words_text(im->to));
	if (im->to)
		json_object_set_new(value, "text", words_text(text));
	json_object_set_new(value, "diags", cli_diags_json(&im->cli->diags));
	return value;
}

// --- exporting ---

// What was not modelled, where the answer is the export.
static void note_gaps(struct importing *im)
{
	for (size_t i = 0; i < im->result.gap.len; i++) {
		const struct import_gap *gap = &im->result.gap.at[i];
		diag_add(&im->cli->diags,
			 &(struct diag){.severity = DIAG_NOTE,
					.code = DIAG_UNSUPPORTED,
					.file = im->file,
					.line = gap->line},
			 "not modelled: %s (%zu rule%s)", gap->what, gap->rules,
			 gap->rules == 1 ? "" : "s");
	}
}

static bool choose(struct importing *im)
{
	if (im->document)
		return true;
	const char *taken = NULL;
	const struct import_chain *chain =
		source_chain_choose(im->cli, im->file, &im->result, &taken);
	bool good = chain && source_of_chain(im->cli, im->file, chain, &im->source);
	im->source.taken = taken;
	source_say_taken(im->cli, &im->source);
	return good;
}

static int export_ruleset(struct importing *im)
{
	struct cli *cli = im->cli;
	struct buf text;
	note_gaps(im);
	if (!choose(im))
		return cli_fail(cli);
	buf_init(&text);
	int exit = compile_emit(cli, im->to, &im->source.ruleset, &text);
	if (exit == CLI_YES) {
		cli_report(cli);
		if (!cli_answer(cli, answer_json(im, text.data)))
			buf_add(&cli->out, text.data, text.len);
	}
	buf_fini(&text);
	return exit;
}

int cli_import(struct cli *cli)
{
	struct importing im = {.cli = cli,
			       .from = cli_option_value(cli, "from", 0),
			       .to = cli_option_value(cli, "to", 0)};
	if (im.to && !strcmp(im.to, "text"))
		im.to = NULL;
	if (!cli_need(cli, 1, false) || (im.to && !compile_knows(cli, im.to)))
		return cli_fail(cli);
	im.file = cli->arg[0];
	if (!read_file(&im) || (!im.document && !some_listed(&im)))
		return cli_fail(cli);
	if (im.to)
		return export_ruleset(&im);
	cli_report(cli);
	if (!cli_answer(cli, answer_json(&im, NULL)))
		print_listing(&im);
	return CLI_YES;
}
