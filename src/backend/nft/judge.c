// SPDX-License-Identifier: Apache-2.0
// Which rule of a list a program's rule wants to be, and whether it does the same. Its tag says the first; the second is
// seen from what its statements and its own chains do.
#include "backend/nft/judge.h"
#include "backend/nft/encode.h"
#include "base/buf.h"

#include <string.h>

#define ACTION_DEPTH 6u
#define NONE SIZE_MAX

// --- which rule of the list ---

// As it is kept in the kernel, which has room for a part of long names.
static const char *name_of(const struct nft_tag *tag, struct arena *arena)
{
	struct buf text;
	buf_init(&text);
	nft_tag_comment(tag, &text);
	const char *name = arena_strndup(arena, text.data, text.len);
	buf_fini(&text);
	return name;
}

void nft_judge_init(struct nft_judge *j, const struct nft_program *list,
		    const struct nft_program *program, struct arena *arena)
{
	const struct nft_chain *main_chain = nft_program_find(list, "");
	*j = (struct nft_judge){.list = list,
				.program = program,
				.rule = main_chain ? main_chain->rule.at : NULL,
				.rules = main_chain ? main_chain->rule.len : 0,
				.arena = arena,
				.by_name = {.arena = arena},
				.limiter = {.arena = arena}};
	for (size_t i = 0; i < j->rules; i++)
		if (j->rule[i].tag.known && j->rule[i].tag.rule < IR_RULES_MOST &&
		    j->rule[i].tag.rule >= j->numbers)
			j->numbers = j->rule[i].tag.rule + 1;
	j->first = arena_array(j->arena, uint32_t, j->numbers);
	for (size_t i = 0; i < array_len(j->end); i++)
		j->end[i] = NONE;
	for (size_t i = j->rules; i-- > 0;) {
		const struct nft_tag *tag = &j->rule[i].tag;
		if (tag->known && tag->rule > NFT_TAG_HELPER)
			j->end[tag->rule - NFT_TAG_HELPER] = i;
		if (!tag->known || tag->rule >= j->numbers)
			continue;
		j->first[tag->rule] = (uint32_t)i + 1;
	}
}

static bool same_name(const struct nft_tag *a, const struct nft_tag *b, struct arena *arena)
{
	return (a->policy == b->policy && a->name == b->name) ||
	       !strcmp(name_of(a, arena), name_of(b, arena));
}

static void find_names(struct nft_judge *j)
{
	for (size_t i = j->rules; i-- > 0;) {
		const struct nft_tag *tag = &j->rule[i].tag;
		if (tag->known && tag->rule < j->numbers)
			map_put(&j->by_name, name_of(tag, j->arena), (void *)(uintptr_t)(i + 1));
	}
	j->named = true;
}

static size_t with_name(struct nft_judge *j, const char *name)
{
	if (!j->named)
		find_names(j);
	return (size_t)(uintptr_t)map_get(&j->by_name, name);
}

// The first form of the list's rule that the tag is of: by number when the names agree, else by name.
static size_t first_of(struct nft_judge *j, const struct nft_tag *tag, struct arena *arena)
{
	if (tag->rule >= NFT_TAG_HELPER)
		return j->end[tag->rule - NFT_TAG_HELPER];
	size_t at = tag->rule < j->numbers ? j->first[tag->rule] : 0;
	if (!at || !same_name(&j->rule[at - 1].tag, tag, arena))
		at = j->by_number ? 0 : with_name(j, name_of(tag, arena));
	return at ? at - 1 : NONE;
}

// The first form from `at` on that is not of an earlier clause of the rule.
static size_t clause_from(const struct nft_judge *j, size_t at, uint32_t rule, uint32_t clause)
{
	size_t lo = at, hi = j->rules;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct nft_tag *tag = &j->rule[mid].tag;
		if (tag->rule == rule && tag->clause < clause)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t nft_judge_rule(struct nft_judge *j, const struct nft_form *form)
{
	struct arena arena;
	if (!form->tag.known)
		return NONE;
	arena_init(&arena);
	size_t at = first_of(j, &form->tag, &arena);
	arena_fini(&arena);
	if (at == NONE || form->tag.rule >= NFT_TAG_HELPER)
		return at;
	uint32_t rule = j->rule[at].tag.rule, direction = nft_form_direction(form);
	at = clause_from(j, at, rule, form->tag.clause);
	for (; at < j->rules && j->rule[at].tag.rule == rule &&
	       j->rule[at].tag.clause == form->tag.clause;
	     at++)
		if (nft_form_direction(&j->rule[at]) == direction)
			return at;
	return NONE;
}

size_t nft_judge_first(const struct nft_judge *j, const struct nft_form *form)
{
	uint32_t rule = form->tag.rule;
	return form->tag.known && rule < j->numbers && j->first[rule] ? j->first[rule] - 1 : NONE;
}

// --- what it does ---

static bool same_log(const struct nft_log *a, const struct nft_log *b)
{
	if (!a->prefix || !b->prefix)
		return !a->prefix && !b->prefix;
	return !strcmp(a->prefix, b->prefix) && a->to_group == b->to_group &&
	       (!a->to_group || a->group == b->group);
}

static bool same_limit(const struct nft_limit *a, const struct nft_limit *b)
{
	return a->rate == b->rate && a->unit == b->unit && a->burst == b->burst &&
	       a->bytes == b->bytes;
}

static bool same_chain(struct nft_judge *j, const char *list, const char *program, unsigned depth);

// Whether they do the same for packets that match; `found` is the program's.
static bool same_action(struct nft_judge *j, const struct nft_form *rule,
			const struct nft_form *found, unsigned depth)
{
	bool leads = rule->act == ACT_JUMP || rule->act == ACT_GOTO;
	if (found->strange || found->named_set || rule->act != found->act ||
	    nft_form_by_map(rule) || rule->limited != found->limited ||
	    (rule->limited && !same_limit(&rule->limit, &found->limit)) ||
	    !same_log(&rule->log, &found->log) || rule->tag.counts != found->tag.counts)
		return false;
	return !leads || same_chain(j, rule->chain, found->chain, depth + 1);
}

static bool same_chain(struct nft_judge *j, const char *list, const char *program, unsigned depth)
{
	const struct nft_chain *a = list ? nft_program_find(j->list, list) : NULL,
			       *b = program ? nft_program_find(j->program, program) : NULL;
	if (!a || !b || depth > ACTION_DEPTH || a->rule.len != b->rule.len)
		return false;
	for (size_t i = 0; i < a->rule.len; i++) {
		const struct nft_form *rule = &a->rule.at[i], *found = &b->rule.at[i];
		bool counts = rule->tag.counts || found->tag.counts;
		if (!nft_form_same_matches(rule, found) || !same_action(j, rule, found, depth))
			return false;
		if (counts &&
		    first_of(j, &found->tag, j->arena) != first_of(j, &rule->tag, j->arena))
			return false;
	}
	return true;
}

static bool holds_limit(const struct nft_program *program, const char *name, unsigned depth)
{
	const struct nft_chain *chain = name ? nft_program_find(program, name) : NULL;
	for (size_t i = 0; chain && depth < ACTION_DEPTH && i < chain->rule.len; i++)
		if (chain->rule.at[i].limited ||
		    holds_limit(program, chain->rule.at[i].chain, depth + 1))
			return true;
	return false;
}

// A rate is counted at one place for all packets of its rule, and for no others.
static bool own_limiter(struct nft_judge *j, size_t rule, const struct nft_form *form)
{
	if (form->limited)
		return false;
	if (!holds_limit(j->program, form->chain, 0))
		return true;
	size_t whose = j->rule[rule].tag.rule;
	const char *of_rule = arena_printf(j->arena, "of %zu", whose),
		   *of_chain = arena_printf(j->arena, "at %s", form->chain);
	const char *chain = map_get(&j->limiter, of_rule), *is = map_get(&j->limiter, of_chain);
	if (!chain && !is) {
		map_put(&j->limiter, of_rule, (void *)(uintptr_t)form->chain);
		map_put(&j->limiter, of_chain, (void *)(uintptr_t)of_rule);
		return true;
	}
	return chain && is && !strcmp(chain, form->chain) && !strcmp(is, of_rule);
}

const char *nft_judge_action(struct nft_judge *j, size_t rule, const struct nft_form *form)
{
	if (form->tag.counts != j->rule[rule].tag.counts)
		return "is counted otherwise";
	if (!same_action(j, &j->rule[rule], form, 0))
		return "does something else";
	return own_limiter(j, rule, form) ? NULL : "is limited together with others, or apart";
}
