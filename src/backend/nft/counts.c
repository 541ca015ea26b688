// SPDX-License-Identifier: Apache-2.0
// Deletions ask for an echo, which the kernel makes when the transaction is already in force. It has all of the rule, the
// counter and the user data too.
#include "backend/nft/counts.h"
#include "backend/nft/decode.h"
#include "backend/nft/encode.h"
#include "base/buf.h"
#include "base/map.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static void sum(struct backend_count *to, struct backend_count more)
{
	to->packets += more.packets;
	to->bytes += more.bytes;
}

// NULL for a number that no rule can have.
static struct backend_count *counter_of(struct nft_counts *c, uint32_t number)
{
	if (number == NFT_TAG_DEFAULT)
		return &c->by_default;
	if (number == NFT_TAG_NO_FLOW)
		return &c->no_flow;
	if (number >= c->numbers)
		return NULL;
	while (number >= c->rule.len)
		vec_push(c->arena, &c->rule, ((struct backend_count){0, 0}));
	return &c->rule.at[number];
}

// As the kernel keeps them: long names are cut.
static const char *names_of(const struct nft_tag *tag, struct arena *arena)
{
	struct buf buf;
	buf_init(&buf);
	nft_tag_comment(tag, &buf);
	const char *names = arena_strndup(arena, buf.data, buf.len);
	buf_fini(&buf);
	return names;
}

static void set_who(struct nft_counts *counts, const struct nft_tag *tag)
{
	while (counts->who.len < counts->rule.len)
		vec_push(counts->arena, &counts->who, NULL);
	if (!counts->who.at[tag->rule])
		counts->who.at[tag->rule] = names_of(tag, counts->arena);
}

void nft_counts_add(struct nft_counts *counts, const struct nft_form *form)
{
	const struct backend_count more = {form->packets, form->bytes};
	if (!form->tag.known || !form->tag.counts || !more.packets)
		return;
	struct backend_count *to = counter_of(counts, form->tag.rule);
	if (to)
		sum(to, more);
	if (to && counts->named && form->tag.rule < counts->rule.len)
		set_who(counts, &form->tag);
}

void nft_set_count(const struct nft_dumped_set *set, struct nft_counts *counts)
{
	for (size_t i = 0; i < set->direct.len; i++) {
		const struct nft_form form = nft_direct_form(set->direct.at[i]);
		nft_counts_add(counts, &form);
	}
}

void nft_counts_join(struct nft_counts *counts, const struct nft_counts *more)
{
	for (size_t i = 0; i < more->rule.len; i++)
		sum(counter_of(counts, (uint32_t)i), more->rule.at[i]);
	sum(&counts->by_default, more->by_default);
	sum(&counts->no_flow, more->no_flow);
}

void nft_counts_set(struct nft_counts *counts, uint32_t number, struct backend_count count)
{
	struct backend_count *to = counter_of(counts, number);
	if (to)
		*to = count;
}

struct backend_count nft_counts_of(const struct nft_counts *counts, uint32_t number)
{
	return number < counts->rule.len ? counts->rule.at[number] : (struct backend_count){0, 0};
}

static const char **names_of_all(const struct ir_ruleset *lowered, struct arena *arena)
{
	const char **names = arena_array(arena, const char *, lowered->rule.len);
	for (size_t i = 0; i < lowered->rule.len; i++) {
		const struct ir_rule *rule = &lowered->rule.at[i];
		const struct nft_tag tag = {.policy = rule->policy, .name = rule->name};
		names[i] = names_of(&tag, arena);
	}
	return names;
}

static bool are_places(const struct nft_counts *counts, const char *const *names, size_t len)
{
	for (size_t i = 0; i < counts->who.len; i++)
		if (counts->who.at[i] && (i >= len || strcmp(names[i], counts->who.at[i]) != 0))
			return false;
	return true;
}

// Of rules that share their names none counts anything.
static void place_by_names(const struct nft_counts *counts, const char *const *names, size_t len,
			   struct arena *arena, struct backend_count *out)
{
	struct map place = {.arena = arena};
	static struct backend_count shared;
	for (size_t i = 0; i < len; i++)
		if (map_put(&place, names[i], &out[i]))
			map_put(&place, names[i], &shared);
	for (size_t i = 0; i < counts->who.len; i++) {
		struct backend_count *to =
			counts->who.at[i] ? map_get(&place, counts->who.at[i]) : NULL;
		if (to && to != &shared)
			sum(to, counts->rule.at[i]);
	}
}

void nft_counts_place(const struct nft_counts *counts, const struct ir_ruleset *lowered,
		      struct arena *arena, struct backend_count *out)
{
	size_t len = lowered->rule.len;
	const char **names = names_of_all(lowered, arena);
	bool places = are_places(counts, names, len);
	for (size_t i = 0; i < len; i++)
		out[i] = places ? nft_counts_of(counts, (uint32_t)i) : (struct backend_count){0, 0};
	if (!places)
		place_by_names(counts, names, len, arena, out);
}

static int take_deleted(const struct nlmsghdr *nlh, void *context)
{
	struct arena arena;
	struct nft_form form = {0};
	arena_init(&arena);
	nft_decode_counted(&arena, nlh, &form);
	nft_counts_add(context, &form);
	arena_fini(&arena);
	return 0;
}

void nft_counts_keep(struct nft_counts *counts, struct nft_batch *batch)
{
	nft_batch_hear(batch, take_deleted, counts);
}
