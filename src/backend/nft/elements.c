// SPDX-License-Identifier: Apache-2.0
// What the elements of a set mean. The kernel takes the last element that is not above the key: a value
// is in the set when that one begins an interval, and a map leads where that one leads. Worked out once
// for each set, as many rules may share it. Pure.
#include "backend/nft/boxes.h"
#include "backend/nft/known.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

static int by_key(const void *x, const void *y)
{
	const struct nft_element *a = x, *b = y;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (int)b->end - (int)a->end;
}

// What the i-th of the sorted elements stands for; false: nothing.
static bool range_at(const struct nft_dumped_set *set, size_t i, struct algebra_range *out)
{
	const struct nft_element *e = &set->element.at[i];
	bool last = i + 1 == set->element.len;
	if (e->end || (!last && e[1].key == e->key))
		return false;
	u128 behind = last ? algebra_max(set->key_bytes * 8) : e[1].key - 1;
	*out = (struct algebra_range){e->key, set->flags & NFT_SET_INTERVAL ? behind : e->key};
	return true;
}

static void sort(struct nft_dumped_set *set)
{
	if (set->element.len)
		qsort(set->element.at, set->element.len, sizeof(*set->element.at), by_key);
	set->worked_out = true;
}

struct algebra_set nft_set_values(struct nft_dumped_set *set, struct arena *arena)
{
	struct algebra_builder b = {.arena = arena};
	struct algebra_range range;
	if (set->worked_out)
		return set->values;
	sort(set);
	for (size_t i = 0; i < set->element.len; i++)
		if (range_at(set, i, &range))
			algebra_builder_add(&b, range.lo, range.hi);
	set->values = algebra_builder_take(&b);
	return set->values;
}

bool nft_wanted(const struct algebra_set *const *wanted, const struct algebra_range *range,
		size_t fields)
{
	for (size_t f = 0; f < fields; f++)
		if (wanted[f] &&
		    !algebra_set_overlaps(*wanted[f], (struct algebra_set){&range[f], 1}))
			return false;
	return true;
}

static void work_out(struct nft_dumped_set *map, const char *prefix, struct arena *arena)
{
	struct algebra_range range;
	sort(map);
	map->branch = arena_array(arena, struct nft_branch, map->element.len);
	for (size_t i = 0; i < map->element.len; i++)
		if (range_at(map, i, &range))
			map->branch[map->branches++] = (struct nft_branch){
				range, nft_chain_within(prefix, map->element.at[i].chain)};
}

static void keep_branches(const struct algebra_set *wanted, struct arena *arena,
			  struct nft_map *map)
{
	struct nft_branch *kept = arena_array(arena, struct nft_branch, map->len);
	size_t n = 0;
	for (size_t i = 0; i < map->len; i++)
		if (nft_wanted(&wanted, &map->branch[i].range, 1))
			kept[n++] = map->branch[i];
	map->branch = kept;
	map->len = n;
}

void nft_map_branches(struct nft_dumped_set *set, const char *prefix,
		      const struct algebra_set *wanted, struct arena *arena, struct nft_map *out)
{
	if (set->packed) {
		nft_known_branches(set, wanted, arena, out);
		return;
	}
	if (!set->worked_out)
		work_out(set, prefix, arena);
	out->branch = set->branch;
	out->len = set->branches;
	if (wanted)
		keep_branches(wanted, arena, out);
}

static bool work_out_boxes(struct nft_dumped_set *map, const char *prefix, struct arena *arena)
{
	unsigned bits[NFT_BOXES_FIELDS];
	for (size_t f = 0; f < map->fields; f++)
		bits[f] = map->field_bytes[f] * 8u;
	for (size_t i = 0; i < map->box.len; i++)
		map->box.at[i].chain = nft_chain_within(prefix, map->box.at[i].chain);
	return !(map->flags & NFT_SET_MAP) ||
	       nft_boxes_sure(map->box.at, map->box.len, bits, map->fields, arena);
}

static void keep_boxes(const struct algebra_set *const *wanted, struct arena *arena,
		       struct nft_boxes *boxes)
{
	struct nft_box *kept = arena_array(arena, struct nft_box, boxes->len);
	size_t n = 0;
	for (size_t i = 0; i < boxes->len; i++)
		if (nft_wanted(wanted, boxes->box[i].range, boxes->fields))
			kept[n++] = boxes->box[i];
	boxes->box = kept;
	boxes->len = n;
}

bool nft_map_boxes(struct nft_dumped_set *set, const char *prefix,
		   const struct algebra_set *const *wanted, struct arena *arena,
		   struct nft_boxes *out)
{
	out->fields = set->fields;
	if (set->packed)
		return nft_known_boxes(set, wanted, arena, out);
	if (!set->worked_out)
		set->sure = work_out_boxes(set, prefix, arena);
	set->worked_out = true;
	out->box = set->box.at;
	out->len = set->box.len;
	if (wanted)
		keep_boxes(wanted, arena, out);
	return set->sure;
}

static const char *name_direct(const struct nft_dumped_set *set, const struct nft_direct *direct,
			       struct arena *arena)
{
	const struct nft_tag *tag = &direct->tag;
	if (!tag->known)
		return arena_printf(arena, NFT_DIRECT_CHAIN "%d %s", direct->accepts, set->name);
	return arena_printf(arena, NFT_DIRECT_CHAIN "%d%d.%u.%u", direct->accepts, tag->counts,
			    tag->rule, tag->clause);
}

static bool same_direct(const struct nft_direct *a, const struct nft_direct *b)
{
	return a->accepts == b->accepts && a->tag.known == b->tag.known &&
	       a->tag.rule == b->tag.rule && a->tag.clause == b->tag.clause &&
	       a->tag.counts == b->tag.counts;
}

const struct nft_direct *nft_set_direct(struct nft_dumped_set *set,
					const struct nft_direct *element, struct arena *arena)
{
	struct nft_direct *last = set->direct.len ? set->direct.at[set->direct.len - 1] : NULL;
	if (last && same_direct(last, element)) {
		last->packets += element->packets;
		last->bytes += element->bytes;
		return last;
	}
	last = arena_memdup(arena, element, sizeof(*element));
	last->chain = name_direct(set, element, arena);
	vec_push(arena, &set->direct, last);
	return last;
}

const char *nft_chain_within(const char *prefix, const char *name)
{
	size_t len = strlen(prefix);
	if (!name || strncmp(name, prefix, len) != 0)
		return name;
	return name[len] == '\0' || name[len] == '-' ? name + len : name;
}
