// SPDX-License-Identifier: Apache-2.0
// `bulwark compile`: a policy for a target, if the target can do it.
#include "cli/compile.h"
#include "cli/explain.h"
#include "codec/acl.h"
#include "codec/cap.h"
#include "codec/nfi.h"
#include "place/place.h"
#include "verify/levels.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

#define LOWERED_FOR \
	(2 * 365 * (int64_t)86400) // how far calendar conditions are written out for nft

static bool within_capabilities(struct cli *cli, const struct ir_ruleset *ruleset)
{
	const char *path = cli_option_value(cli, "capabilities", 0);
	if (!path)
		return true;
	struct source_tree file;
	struct codec_cap_nsfs nsfs = {0};
	bool good = source_tree_load(cli, (char *const *)&path, 1, &file) &&
		    codec_cap_read(file.tree, &cli->arena, &cli->diags, &nsfs);
	for (size_t i = 0; good && i < nsfs.list.len; i++) {
		struct place_nsf nsf = {.name = nsfs.list.at[i].name,
					.cap = &nsfs.list.at[i].cap,
					.default_action = ruleset->default_action,
					.enabled = true};
		good = place_check(ruleset, &nsf, &cli->arena, &cli->diags);
	}
	source_tree_free(&file);
	return good;
}

static void lower(struct cli *cli, const struct ir_ruleset *ruleset, struct ir_ruleset *out)
{
	int64_t now = time(NULL);
	ir_ruleset_lower_time(ruleset, &cli->arena, now, now + LOWERED_FOR, out);
}

// The script is linear unless a form is asked for: nft has no words for some maps. What is drawn is what an agent would
// enforce.
static bool emit_nft(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out)
{
	struct ir_ruleset lowered;
	struct backend_nft_options options = {0};
	bool drawn = cli_has(cli, "dot");
	if (!explain_shape(cli, drawn ? BACKEND_NFT_AUTO : BACKEND_NFT_LINEAR, &options.shape))
		return false;
	lower(cli, ruleset, &lowered);
	return drawn ? backend_nft_dot(&lowered, &options, &cli->diags, out)
		     : backend_nft_print(&lowered, &options, &cli->diags, out);
}

static bool emit_nfi(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out)
{
	struct ir_ruleset levelled = *ruleset;
	struct verify_options options = verify_options_default(time(NULL));
	if (!verify_levels_give(&levelled, NULL, &options, &cli->arena))
		diag_add(
			&cli->diags, &(struct diag){.severity = DIAG_NOTE, .code = DIAG_LIMIT},
			"the rules need more than %u levels of priority: they are written by order",
			VERIFY_LEVELS_MOST);
	return codec_nfi_write(&levelled, &cli->diags, out);
}

static bool emit_acl(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out)
{
	return codec_acl_write(ruleset, &cli->diags, out);
}

static const struct target {
	const char *name;
	bool (*emit)(struct cli *cli, const struct ir_ruleset *ruleset, struct buf *out);
} targets[] = {{"nfi", emit_nfi}, {"nft", emit_nft}, {"acl", emit_acl}};

static const struct target *find_target(const char *name)
{
	for (size_t i = 0; i < array_len(targets); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	return NULL;
}

bool compile_knows(struct cli *cli, const char *target)
{
	if (find_target(target))
		return true;
	diag_error(&cli->diags, DIAG_UNSUPPORTED, NULL,
		   "give nfi (NSF-facing XML), nft (a script for nft) or acl (RFC 8519)",
		   "there is no target '%s'", target);
	return false;
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

static int failed(struct cli *cli)
{
	(void)!cli_fail(cli);
	return refused_only(cli) ? CLI_NO : CLI_BAD;
}

int compile_emit(struct cli *cli, const char *target, struct ir_ruleset *ruleset, struct buf *out)
{
	settle_default(cli, ruleset);
	if (within_capabilities(cli, ruleset) && find_target(target)->emit(cli, ruleset, out))
		return CLI_YES;
	return failed(cli);
}

static int explain(struct cli *cli, struct ir_ruleset *ruleset)
{
	struct ir_ruleset lowered;
	struct backend_nft_options options = {0};
	settle_default(cli, ruleset);
	lower(cli, ruleset, &lowered);
	if (within_capabilities(cli, ruleset) &&
	    explain_shape(cli, BACKEND_NFT_AUTO, &options.shape) &&
	    explain_say(cli, &lowered, &options))
		return CLI_YES;
	return failed(cli);
}

// Forms are nft's alone.
static bool options_fit(struct cli *cli, const char *target)
{
	static const char *const of_nft[] = {"form", "leaf", "budget", "explain", "dot"};
	for (size_t i = 0; i < array_len(of_nft); i++)
		if (cli_has(cli, of_nft[i]) && strcmp(target, "nft") != 0) {
			diag_error(&cli->diags, DIAG_VALUE, NULL, "give --to nft, or leave it out",
				   "--%s is about nft, not %s", of_nft[i], target);
			return false;
		}
	if (!cli_has(cli, "explain") || !cli_has(cli, "dot"))
		return true;
	diag_error(&cli->diags, DIAG_VALUE, NULL, "ask for one of them",
		   "--explain and --dot are two answers");
	return false;
}

int cli_compile(struct cli *cli)
{
	struct source source = {0};
	struct buf text;
	const char *target = cli_need_option(cli, "to");
	if (!target || !compile_knows(cli, target) || !options_fit(cli, target) ||
	    !source_load_arguments(cli, "capabilities", &source))
		return cli_fail(cli);
	if (cli_has(cli, "explain"))
		return explain(cli, &source.ruleset);
	buf_init(&text);
	int exit = compile_emit(cli, target, &source.ruleset, &text);
	if (exit == CLI_YES) {
		cli_report(cli);
		if (!cli_answer(cli, json_pack("{s:s, s:s, s:o}", "target", target, "text",
					       text.data, "diags", cli_diags_json(&cli->diags))))
			buf_add(&cli->out, text.data, text.len);
	}
	buf_fini(&text);
	return exit;
}
