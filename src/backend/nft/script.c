// SPDX-License-Identifier: Apache-2.0
// Whole scripts for nft(8): what a back end would have made, as text.
#include "backend/nft/text.h"
#include "base/buf.h"
#include "base/diag.h"

#include <limits.h>
#include <string.h>

static void split_clause(struct arena *arena, const struct ir_clause *clause, struct ir_rule *rule)
{
	const struct algebra_set *time = ir_clause_set(clause, IR_TIME);
	for (size_t i = 0; i < (time ? time->len : 1); i++) {
		struct ir_clause one = ir_clause_copy(clause, arena);
		if (time &&
		    !ir_clause_narrow(&one, arena, IR_TIME,
				      algebra_set_one(arena, time->at[i].lo, time->at[i].hi)))
			continue;
		rule->clause[rule->clauses++] = one;
	}
}

static struct ir_rule split_rule(struct arena *arena, const struct ir_rule *rule)
{
	struct ir_rule out = *rule;
	size_t most = 0;
	for (size_t i = 0; i < rule->clauses; i++) {
		const struct algebra_set *time = ir_clause_set(&rule->clause[i], IR_TIME);
		most += time ? time->len : 1;
	}
	out.clause = arena_array(arena, struct ir_clause, most);
	out.clauses = 0;
	for (size_t i = 0; i < rule->clauses; i++)
		split_clause(arena, &rule->clause[i], &out);
	return out;
}

void nft_text_split(const struct ir_ruleset *lowered, struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = lowered->default_action};
	for (size_t i = 0; i < lowered->rule.len; i++)
		vec_push(arena, &out->rule, split_rule(arena, &lowered->rule.at[i]));
}

struct script {
	const char *prefix;
	struct diags *diags;
	struct buf *out;
	bool good, maps_good;
};

static void put_comment(const struct nft_tag *tag, struct buf *out)
{
	if (!tag->name || !*tag->name)
		return;
	buf_adds(out, " comment \"");
	const char *parts[] = {tag->policy ? tag->policy : "",
			       tag->policy && *tag->policy ? "/" : "", tag->name};
	size_t left = 120;
	for (size_t i = 0; i < array_len(parts); i++)
		for (const char *c = parts[i]; *c && left; c++, left--)
			buf_addc(out, (unsigned char)*c < ' ' || strchr("\"\\$", *c) ? '_' : *c);
	buf_addc(out, '"');
}

static void check(struct script *s, const struct nft_form *form, bool good)
{
	if (good)
		return;
	s->good = false;
	struct diag about = {
		.code = DIAG_UNSUPPORTED,
		.policy = form->tag.policy,
		.rule = form->tag.name,
		.hint = "give rates in whole bytes and interfaces by name, or apply it directly"};
	diag_add(s->diags, &about, "nft: the language of nft has no words for this rule");
}

// Maps are nobody's fault, and what is said of one is true of all.
static void check_map(struct script *s, const char *map, bool good)
{
	if (good || !s->maps_good)
		return;
	s->good = s->maps_good = false;
	diag_error(s->diags, DIAG_UNSUPPORTED, NULL,
		   "print the linear form, which means the same, or apply it directly",
		   "nft: the language of nft has no words for the map '%s' of this form", map);
}

static void put_rule(struct script *s, const struct nft_form *form)
{
	buf_adds(s->out, "\t\t");
	bool good = nft_text_rule(form, s->prefix, s->out);
	put_comment(&form->tag, s->out);
	buf_addc(s->out, '\n');
	check(s, form, good);
}

// Maps name chains, and chains name maps: nft makes all chains first.
static void put_chain(struct script *s, const struct nft_chain *chain)
{
	for (size_t i = 0; i < chain->rule.len; i++) {
		const struct nft_form *form = &chain->rule.at[i];
		if (nft_form_by_map(form))
			check_map(s, form->act == ACT_BRANCH ? form->map.name : form->boxes.name,
				  nft_text_map(form, s->prefix, s->out));
	}
	buf_printf(s->out, "\tchain %s%s {\n", s->prefix, chain->name);
	for (size_t i = 0; i < chain->rule.len; i++)
		put_rule(s, &chain->rule.at[i]);
	buf_adds(s->out, "\t}\n");
}

bool nft_text_program(const struct nft_program *program, const char *prefix, struct diags *diags,
		      struct buf *out)
{
	struct script s = {
		.prefix = prefix, .diags = diags, .out = out, .good = true, .maps_good = true};
	for (size_t i = program->chain.len; i-- > 0;)
		put_chain(&s, program->chain.at[i]);
	return s.good;
}

bool backend_nft_print(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		       struct diags *diags, struct buf *out)
{
	if (!backend_nft_check(lowered, diags))
		return false;
	const char *table = options && options->table ? options->table : "bulwark";
	struct arena arena;
	struct nft_program program;
	struct ir_ruleset split;
	arena_init(&arena);
	nft_program_init(&program, &arena);
	nft_text_split(lowered, &arena, &split);
	if (options) {
		// Nobody puts rules into a script's maps later.
		struct backend_nft_options whole = *options;
		whole.shape.overlay_least = UINT_MAX;
		nft_compile_shaped(&split, &whole, &program);
	} else {
		nft_compile(&split, NULL, &program);
	}
	buf_printf(out,
		   "#!/usr/sbin/nft -f\n# Load with TZ=UTC: hours are meant in UTC.\ntable inet "
		   "%s\ndelete table inet %s\n"
		   "table inet %s {\n",
		   table, table, table);
	bool good = nft_text_program(&program, "g1", diags, out);
	buf_adds(out, "\tchain pinholes {\n\t}\n\tchain forward {\n"
		      "\t\ttype filter hook forward priority filter; policy drop;\n"
		      "\t\tgoto g1\n\t}\n}\n");
	arena_fini(&arena);
	return good;
}
