// SPDX-License-Identifier: Apache-2.0
// Endpoint groups of consumer-facing policies as addresses, so that a network can be asked about in the policy's own words.
// Groups that are more than addresses (MAC addresses, applications) are not taken: they are no place in a network.
#include "cli/reach_file.h"
#include "cli/source.h"
#include "codec/cfi.h"
#include "intent/intent.h"

#include <string.h>

static struct algebra_range prefix_range(const struct intent_prefix *prefix, unsigned bits)
{
	u128 host = bits == prefix->length ? 0 : algebra_max(bits - prefix->length);
	u128 first = prefix->address & ~host & algebra_max(bits);
	return (struct algebra_range){first, first | host};
}

static void add_range(struct algebra_builder *to, const struct intent_range *range)
{
	if (range->start <= range->end)
		algebra_builder_add(to, range->start, range->end);
}

static struct reach_group group_of(const struct intent_group *given, struct arena *arena)
{
	struct algebra_builder v4 = {.arena = arena}, v6 = {.arena = arena};
	const struct intent_addresses *a = &given->addresses;
	for (size_t i = 0; i < a->prefix4.len; i++) {
		struct algebra_range r = prefix_range(&a->prefix4.at[i], 32);
		algebra_builder_add(&v4, r.lo, r.hi);
	}
	for (size_t i = 0; i < a->prefix6.len; i++) {
		struct algebra_range r = prefix_range(&a->prefix6.at[i], 128);
		algebra_builder_add(&v6, r.lo, r.hi);
	}
	for (size_t i = 0; i < a->range4.len; i++)
		add_range(&v4, &a->range4.at[i]);
	for (size_t i = 0; i < a->range6.len; i++)
		add_range(&v6, &a->range6.at[i]);
	return (struct reach_group){given->name, algebra_builder_take(&v4),
				    algebra_builder_take(&v6)};
}

static void take_groups(struct cli *cli, const struct intent *intent, struct reach_file *out)
{
	for (size_t i = 0; i < intent->user_group.len; i++)
		if (!intent->user_group.at[i].mac.len)
			vec_push(&cli->arena, &out->group,
				 group_of(&intent->user_group.at[i], &cli->arena));
	for (size_t i = 0; i < intent->device_group.len; i++)
		if (!intent->device_group.at[i].application.len)
			vec_push(&cli->arena, &out->group,
				 group_of(&intent->device_group.at[i], &cli->arena));
}

bool reach_groups_load(struct cli *cli, const char *path, struct reach_file *out)
{
	struct source_tree file;
	struct intent intent = {0};
	bool good = source_tree_load(cli, (char *const *)&path, 1, &file) &&
		    codec_cfi_read(file.tree, &cli->arena, &cli->diags, &intent);
	if (good)
		take_groups(cli, &intent, out);
	source_tree_free(&file);
	return good;
}
