// SPDX-License-Identifier: Apache-2.0
// The commands that need no controller: is a policy valid, what does it do with a packet, what is it for a target. They go
// the same way as the controller: engine_load, ir_document_order, and from there to the interpreter or an emitter.
#include "cli/cli.h"
#include "backend/nft/nft.h"
#include "base/file.h"
#include "codec/cap.h"
#include "codec/nfi.h"
#include "engine/load.h"
#include "place/place.h"
#include "schema/schema.h"

#include <jansson.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOWERED_FOR \
	(2 * 365 * (int64_t)86400) // how far calendar conditions are written out for nft

static struct buf *read_file(struct cli *cli, const char *path)
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

// All files as one document in first-match order. False when there were errors.
static bool load_files(struct cli *cli, struct schema *schema, struct ir_document *document,
		       struct ir_ruleset *ruleset)
{
	struct translate_options options = translate_options_default(time(NULL));
	struct engine_load load = {.schema = schema,
				   .translate = &options,
				   .arena = &cli->arena,
				   .diags = &cli->diags};
	struct schema_input *inputs = arena_array(&cli->arena, struct schema_input, cli->args);
	struct buf **file = arena_array(&cli->arena, struct buf *, cli->args);
	bool good = true;
	for (size_t i = 0; i < cli->args; i++) {
		file[i] = read_file(cli, cli->arg[i]);
		good &= file[i] != NULL;
		if (file[i])
			inputs[i] = (struct schema_input){
				.file = cli->arg[i], .data = file[i]->data, .len = file[i]->len};
	}
	good = good && engine_load(&load, inputs, cli->args, document);
	if (good) {
		ir_document_order(document, &cli->arena, &cli->diags, ruleset);
		good = !cli->diags.errors;
	}
	for (size_t i = 0; i < cli->args; i++)
		if (file[i])
			buf_fini(file[i]);
	return good;
}

struct loaded {
	struct ir_document document;
	struct ir_ruleset ruleset;
};

// Standard input can be read once.
static bool stdin_once(struct cli *cli)
{
	size_t n = 0;
	for (size_t i = 0; i < cli->args; i++)
		n += !strcmp(cli->arg[i], "-");
	const char *capabilities = cli_option_value(cli, "capabilities", 0);
	n += capabilities && !strcmp(capabilities, "-");
	if (n > 1)
		diag_error(&cli->diags, DIAG_DUPLICATE, NULL,
			   "name it once, and files for the rest",
			   "standard input (-) is named %zu times", n);
	return n <= 1;
}

static bool load(struct cli *cli, struct loaded *out)
{
	if (!cli_need(cli, 1, true) || !stdin_once(cli))
		return false;
	struct schema *schema = engine_load_schema(&cli->diags);
	bool good = schema && load_files(cli, schema, &out->document, &out->ruleset);
	schema_free(schema);
	return good;
}

// --- check ---

static size_t count_names(const struct ir_ruleset *ruleset)
{
	size_t n = 0;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i], *before = i ? rule - 1 : NULL;
		n += !before || strcmp(rule->name, before->name) != 0 ||
		     strcmp(rule->policy, before->policy) != 0;
	}
	return n;
}

int cli_check(struct cli *cli)
{
	struct loaded loaded = {0};
	bool good = load(cli, &loaded);
	int status = !good || cli->diags.errors ? CLI_BAD : cli->diags.warnings ? CLI_NO : CLI_YES;
	size_t policies = loaded.document.policy.len, rules = count_names(&loaded.ruleset);
	cli_report(cli);
	if (cli_answer(cli, json_pack("{s:b, s:I, s:I, s:I, s:I, s:o}", "valid", status != CLI_BAD,
				      "policies", (json_int_t)policies, "rules", (json_int_t)rules,
				      "errors", (json_int_t)cli->diags.errors, "warnings",
				      (json_int_t)cli->diags.warnings, "diags",
				      cli_diags_json(&cli->diags))))
		return status;
	if (status == CLI_BAD)
		buf_printf(&cli->out, "%s✗%s %zu error%s\n", cli_colour(cli, CLI_RED),
			   cli_colour(cli, CLI_PLAIN), cli->diags.errors,
			   cli->diags.errors == 1 ? "" : "s");
	else
		buf_printf(&cli->out, "%s✓%s %zu polic%s, %zu rule%s: valid%s\n",
			   cli_colour(cli, CLI_GREEN), cli_colour(cli, CLI_PLAIN), policies,
			   policies == 1 ? "y" : "ies", rules, rules == 1 ? "" : "s",
			   status == CLI_NO ? ", with findings" : "");
	return status;
}

// --- query ---

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *depends_json(const struct ir_rule *rule)
{
	json_t *conditions = json_array();
	for (size_t i = 0; i < rule->opaques; i++)
		json_array_append_new(conditions,
				      json_pack("{s:s, s:o}", "condition",
						ir_opaque_info[rule->opaque[i].kind].name, "name",
						text_or_null(rule->opaque[i].name)));
	return json_pack("{s:s, s:s, s:s, s:o}", "policy", rule->policy, "rule", rule->name,
			 "verdict", ir_verdict_name[rule->verdict], "conditions", conditions);
}

static const char *verdict_of(const struct ir_outcome *outcome)
{
	return outcome->rule || outcome->no_flow ? ir_verdict_name[outcome->verdict] : "default";
}

static json_t *outcome_json(const struct ir_outcome *outcome, enum ir_verdict default_action)
{
	const struct ir_rule *rule = outcome->rule;
	json_t *answer = json_pack("{s:s, s:o, s:o}", "verdict", verdict_of(outcome), "policy",
				   text_or_null(rule ? rule->policy : NULL), "rule",
				   text_or_null(rule ? rule->name : NULL));
	if (!rule && default_action != IR_NONE)
		json_object_set_new(answer, "default-action",
				    json_string(ir_verdict_name[default_action]));
	if (outcome->no_flow)
		json_object_set_new(answer, "reason", json_string("the packet belongs to no flow"));
	if (outcome->depends)
		json_object_set_new(answer, "depends", depends_json(outcome->depends));
	return answer;
}

static void print_outcome(struct cli *cli, const struct ir_outcome *outcome,
			  enum ir_verdict default_action)
{
	struct buf *out = &cli->out;
	const struct ir_rule *rule = outcome->rule;
	buf_printf(out, "%s%s%s", cli_colour(cli, CLI_BOLD), verdict_of(outcome),
		   cli_colour(cli, CLI_PLAIN));
	if (rule) {
		buf_printf(out, " by rule '%s' of policy '%s'", rule->name, rule->policy);
		if (rule->file && rule->line)
			buf_printf(out, " (%s:%u)", rule->file, rule->line);
		buf_adds(out, "\n  ");
		ir_rule_print(rule, out);
	} else if (outcome->no_flow) {
		buf_adds(out, ": the packet belongs to no flow, and the policy judges flows");
	} else {
		buf_printf(out, ": no rule decides%s%s",
			   default_action == IR_NONE ? "" : "; the default action is ",
			   default_action == IR_NONE ? "" : ir_verdict_name[default_action]);
	}
	buf_addc(out, '\n');
	if (!outcome->depends)
		return;
	buf_printf(out,
		   "  but rule '%s' of policy '%s' would decide if its other conditions held:\n  ",
		   outcome->depends->name, outcome->depends->policy);
	ir_rule_print(outcome->depends, out);
	buf_addc(out, '\n');
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

int cli_query(struct cli *cli)
{
	struct loaded loaded = {0};
	struct ir_packet packet;
	const char *text = cli_need_option(cli, "packet");
	if (!text || !load(cli, &loaded) || !chosen_default(cli, &loaded.ruleset.default_action) ||
	    !ir_packet_parse(text, time(NULL), &cli->arena, &cli->diags, &packet))
		return cli_fail(cli);
	struct ir_outcome outcome;
	ir_eval(&loaded.ruleset, &packet, &cli->arena, &outcome);
	if (!cli_answer(cli, outcome_json(&outcome, loaded.ruleset.default_action)))
		print_outcome(cli, &outcome, loaded.ruleset.default_action);
	return CLI_YES;
}

// --- compile ---

static bool within_capabilities(struct cli *cli, const struct ir_ruleset *ruleset)
{
	const char *path = cli_option_value(cli, "capabilities", 0);
	if (!path)
		return true;
	struct buf *file = read_file(cli, path);
	struct schema *schema = file ? engine_load_schema(&cli->diags) : NULL;
	struct schema_tree *tree = schema ? schema_tree_new(schema) : NULL;
	struct codec_cap_nsfs nsfs = {0};
	bool good = false;
	if (tree) {
		struct schema_input input = {.file = path, .data = file->data, .len = file->len};
		good = schema_parse(tree, &input, &cli->diags) &&
		       schema_validate(tree, &cli->diags) &&
		       codec_cap_read(tree, &cli->arena, &cli->diags, &nsfs);
	}
	for (size_t i = 0; good && i < nsfs.list.len; i++) {
		struct place_nsf nsf = {.name = nsfs.list.at[i].name,
					.cap = &nsfs.list.at[i].cap,
					.default_action = ruleset->default_action,
					.enabled = true};
		good = place_check(ruleset, &nsf, &cli->arena, &cli->diags);
	}
	schema_tree_free(tree);
	schema_free(schema);
	if (file)
		buf_fini(file);
	return good;
}

static bool emit_nft(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out)
{
	struct ir_ruleset lowered;
	int64_t now = time(NULL);
	ir_ruleset_lower_time(ruleset, &cli->arena, now, now + LOWERED_FOR, &lowered);
	return backend_nft_print(&lowered, NULL, &cli->diags, out);
}

static bool emit_nfi(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out)
{
	return codec_nfi_write(ruleset, &cli->diags, out);
}

static const struct target {
	const char *name;
	bool (*emit)(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out);
} targets[] = {{"nfi", emit_nfi}, {"nft", emit_nft}};

static const struct target *chosen_target(struct cli *cli)
{
	const char *name = cli_need_option(cli, "to");
	for (size_t i = 0; name && i < array_len(targets); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	if (name)
		diag_error(&cli->diags, DIAG_UNSUPPORTED, NULL,
			   "give nfi (NSF-facing XML) or nft (a script for nft)",
			   "there is no target '%s'", name);
	return NULL;
}

// An NSF-facing policy without a default action would mirror what no rule decides, so there is always one.
static void settle_default(struct cli *cli, struct ir_ruleset *ruleset)
{
	if (ruleset->default_action != IR_NONE)
		return;
	ruleset->default_action = IR_DROP;
	diag_add(&cli->diags,
		 &(struct diag){.severity = DIAG_NOTE,
				.code = DIAG_MISSING,
				.hint = "choose with --default-action pass|drop|reject"},
		 "no default action was given: what no rule decides is dropped");
}

// Whether nothing is wrong with the input: only the target cannot do what it asks for.
static bool refused_only(const struct cli *cli)
{
	for (size_t i = 0; i < cli->diags.list.len; i++) {
		const struct diag *d = &cli->diags.list.at[i];
		if (d->severity == DIAG_ERROR && d->code != DIAG_CAPABILITY &&
		    d->code != DIAG_UNSUPPORTED)
			return false;
	}
	return true;
}

int cli_compile(struct cli *cli)
{
	struct loaded loaded = {0};
	struct buf text;
	const struct target *target = chosen_target(cli);
	if (!target || !load(cli, &loaded) || !chosen_default(cli, &loaded.ruleset.default_action))
		return cli_fail(cli);
	settle_default(cli, &loaded.ruleset);
	buf_init(&text);
	bool good = within_capabilities(cli, &loaded.ruleset) &&
		    target->emit(cli, &loaded.ruleset, &text);
	if (good) {
		cli_report(cli);
		if (!cli_answer(cli, json_pack("{s:s, s:s, s:o}", "target", target->name, "text",
					       text.data, "diags", cli_diags_json(&cli->diags))))
			buf_add(&cli->out, text.data, text.len);
	}
	buf_fini(&text);
	if (good)
		return CLI_YES;
	(void)!cli_fail(cli);
	return refused_only(cli) ? CLI_NO : CLI_BAD;
}
