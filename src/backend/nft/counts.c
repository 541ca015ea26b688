// SPDX-License-Identifier: Apache-2.0
// Deletions ask for an echo, which the kernel makes when the transaction is already in force. It has all of the rule, the
// counter and the user data too.
#include "backend/nft/counts.h"
#include "backend/nft/decode.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

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

void nft_counts_add(struct nft_counts *counts, const struct nft_form *form)
{
	const struct backend_count more = {form->packets, form->bytes};
	if (!form->tag.known || !form->tag.counts || !more.packets)
		return;
	struct backend_count *to = counter_of(counts, form->tag.rule);
	if (to)
		sum(to, more);
}

void nft_set_count(const struct nft_dumped_set *set, struct nft_counts *counts)
{
	for (size_t i = 0; set->counts && i < set->box.len; i++)
		nft_counts_add(counts, set->box.at[i].rule);
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
