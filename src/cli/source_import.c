// SPDX-License-Identifier: Apache-2.0
// Rulesets of other systems as sources: what of them was not modelled, and which of their chains is meant.
#include "cli/source.h"

#include <string.h>

void source_chain_note(struct cli *cli, const struct import_chain *chain)
{
	if (chain->opaque_rules)
		diag_add(&cli->diags,
			 &(struct diag){.severity = DIAG_NOTE,
					.code = DIAG_UNSUPPORTED,
					.file = chain->policy.rule.at[0].file,
					.hint = "`bulwark import` lists them"},
			 "%s: %zu of %zu rules have parts that are not modelled; these may hold or "
			 "not",
			 source_chain_name(cli, chain), chain->opaque_rules, chain->source_rules);
}

// Of iptables there is one family a file; tables of nft say theirs.
static bool says_family(const struct import_chain *chain)
{
	static const char *const tables[] = {"filter", "nat", "mangle", "raw", "security"};
	bool ip = !strcmp(chain->family, "ip") || !strcmp(chain->family, "ip6");
	for (size_t i = 0; ip && i < array_len(tables); i++)
		if (!strcmp(chain->table, tables[i]))
			return false;
	return true;
}

const char *source_chain_name(struct cli *cli, const struct import_chain *chain)
{
	return says_family(chain) ? arena_printf(&cli->arena, "%s/%s/%s", chain->family,
						 chain->table, chain->name)
				  : arena_printf(&cli->arena, "%s/%s", chain->table, chain->name);
}

// `text` is what stands before the last `n` slashes' worth of names.
static bool is_named(const struct import_chain *chain, const char *text)
{
	const char *parts[] = {chain->family, chain->table, chain->name};
	size_t slashes = 0;
	for (const char *at = text; *at; at++)
		slashes += *at == '/';
	if (slashes > 2)
		return !strcmp(text, chain->name);
	for (size_t i = 2 - slashes; i < 3; i++) {
		size_t len = strlen(parts[i]);
		if (strncmp(text, parts[i], len) != 0 || text[len] != (i < 2 ? '/' : '\0'))
			return !strcmp(text, chain->name);
		text += len + 1;
	}
	return true;
}

bool source_chain_wanted(const struct cli *cli, const struct import_chain *chain)
{
	const char *name;
	for (size_t i = 0; (name = cli_option_value(cli, "chain", i)); i++)
		if (is_named(chain, name))
			return true;
	return !cli_has(cli, "chain");
}

struct choice {
	struct cli *cli;
	const char *file;
	const struct import_result *result;
};

static const char *list_of(const struct choice *c, const struct import_chain *but)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < c->result->chain.len; i++) {
		const struct import_chain *chain = &c->result->chain.at[i];
		if (chain->filters && chain != but && (!but || chain->source_rules))
			buf_printf(&text, "%s%s (%zu rule%s)", text.len ? ", " : "",
				   source_chain_name(c->cli, chain), chain->source_rules,
				   chain->source_rules == 1 ? "" : "s");
	}
	const char *list = arena_strdup(&c->cli->arena, text.len ? text.data : "none");
	buf_fini(&text);
	return list;
}

static const struct import_chain *refuse(const struct choice *c, enum diag_code code,
					 const char *what)
{
	diag_add(&c->cli->diags,
		 &(struct diag){.code = code,
				.file = c->file,
				.hint = arena_printf(&c->cli->arena,
						     "choose with --chain; filtering chains: %s",
						     list_of(c, NULL))},
		 "%s", what);
	return NULL;
}

static const struct import_chain *choose_named(const struct choice *c)
{
	const struct import_chain *found = NULL;
	size_t n = 0;
	for (size_t i = 0; i < c->result->chain.len; i++) {
		const struct import_chain *chain = &c->result->chain.at[i];
		if (chain->filters && source_chain_wanted(c->cli, chain)) {
			found = n++ ? found : chain;
		}
	}
	if (n == 1)
		return found;
	return refuse(c, n ? DIAG_CONFLICT : DIAG_REFERENCE,
		      arena_printf(&c->cli->arena,
				   n ? "--chain %s is the name of several filtering chains"
				     : "there is no filtering chain '%s'",
				   cli_option_value(c->cli, "chain", 0)));
}

// Of several chains the one with most rules: a router's forwards, a server's input; of equals the one that forwards.
static size_t rank(const struct import_chain *chain)
{
	return chain->source_rules * 4 + (!strcmp(chain->hook, "forward") ? 2u
					  : !strcmp(chain->hook, "input") ? 1u
									  : 0u);
}

const struct import_chain *source_chain_choose(struct cli *cli, const char *file,
					       const struct import_result *result,
					       const char **taken_out)
{
	struct choice c = {cli, file, result};
	const struct import_chain *best = NULL;
	size_t with_rules = 0;
	if (cli_has(cli, "chain"))
		return choose_named(&c);
	for (size_t i = 0; i < result->chain.len; i++) {
		const struct import_chain *chain = &result->chain.at[i];
		if (!chain->filters)
			continue;
		with_rules += chain->source_rules > 0;
		if (!best || rank(chain) > rank(best))
			best = chain;
	}
	if (!best)
		return refuse(&c, DIAG_MISSING, "the ruleset has no chain that filters packets");
	if (with_rules > 1)
		*taken_out = arena_printf(&cli->arena, "taken is the chain %s of %s; others: %s",
					  source_chain_name(cli, best), file, list_of(&c, best));
	return best;
}
