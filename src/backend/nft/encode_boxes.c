// SPDX-License-Identifier: Apache-2.0
// Maps over several fields as netlink messages. The kernel finds the element that was added first of those that hold the
// values, so the order of the messages is the order of the boxes (docs/why/nft-boxes.md).
#include "backend/nft/boxes.h"
#include "backend/nft/encode.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define TYPE_BITS 6    // of one field in the type of a concatenation …
#define TYPE_FIELDS 5u // … which nft(8) shows up to here

// What nft(8) lists the keys as.
static uint32_t type_of(const struct nft_boxes *boxes)
{
	uint32_t type = 0;
	for (size_t f = 0; f < boxes->fields; f++)
		type = type << TYPE_BITS | nft_field_info[boxes->field[f]].type;
	return boxes->fields <= TYPE_FIELDS ? type : 0;
}

// One corner of the box: all its lowest values, or all its highest.
static void put_corner(struct nftnl_set_elem *element, uint16_t attribute,
		       const struct nft_boxes *boxes, const struct nft_box *box, bool high)
{
	uint8_t key[NFT_BOXES_FIELDS * 16] = {0}, value[16];
	uint32_t at = 0;
	for (size_t f = 0; f < boxes->fields; f++) {
		uint32_t bytes = nft_field_info[boxes->field[f]].bytes;
		nft_to_bytes(high ? box->range[f].hi : box->range[f].lo, bytes, value);
		memcpy(key + at, value, bytes);
		at += (bytes + 3) / 4 * 4;
	}
	nftnl_set_elem_set(element, attribute, key, at);
}

// What the box does; it gets its counter from the map.
static void put_outcome(struct nft_encoder *e, struct nftnl_set_elem *element,
			const struct nft_box *box)
{
	const struct nft_form *rule = box->rule;
	char name[NFT_NAME];
	struct buf tag;
	if (!rule) {
		nft_element_goto(element, nft_full_name(e, box->chain, name));
		return;
	}
	nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_VERDICT,
			       rule->act == ACT_ACCEPT ? NF_ACCEPT : NF_DROP);
	buf_init(&tag);
	nft_tag_bytes(&rule->tag, &tag);
	if (tag.len)
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_USERDATA, tag.data, (uint32_t)tag.len);
	buf_fini(&tag);
}

void nft_encode_box_elements(struct nft_encoder *e, uint16_t type, const struct nft_boxes *boxes,
			     uint32_t owner)
{
	char name[NFT_NAME];
	struct nft_elements to = {.batch = e->batch,
				  .table = e->table,
				  .set = nft_full_name(e, boxes->name, name),
				  .type = type,
				  .owner = owner};
	for (size_t i = 0; i < boxes->len; i++) {
		struct nftnl_set_elem *element = base_oom(nftnl_set_elem_alloc());
		put_corner(element, NFTNL_SET_ELEM_KEY, boxes, &boxes->box[i], false);
		put_corner(element, NFTNL_SET_ELEM_KEY_END, boxes, &boxes->box[i], true);
		if (type == NFT_MSG_NEWSETELEM && !nft_is_gate(boxes->name))
			put_outcome(e, element, &boxes->box[i]);
		nft_elements_add(&to, element);
	}
	nft_elements_end(&to);
}

void nft_encode_more(struct nft_encoder *e, const struct nft_form *gate)
{
	if (gate->act == ACT_BRANCH)
		nft_encode_branches(e, NFT_MSG_NEWSETELEM, &gate->map, false, NFT_NO_OWNER);
	else
		nft_encode_box_elements(e, NFT_MSG_NEWSETELEM, &gate->boxes, NFT_NO_OWNER);
}

static bool decides_somewhere(const struct nft_boxes *boxes)
{
	for (size_t i = 0; i < boxes->len; i++)
		if (boxes->box[i].rule)
			return true;
	return false;
}

void nft_encode_boxes(struct nft_encoder *e, const struct nft_boxes *boxes, uint32_t owner)
{
	char name[NFT_NAME];
	size_t slots = nft_boxes_slots(boxes, boxes->fields);
	assert(boxes->fields >= 2 && boxes->fields <= NFT_BOXES_FIELDS && slots <= NFT_BOXES_SLOTS);
	for (size_t f = 0; f < boxes->fields; f++)
		assert(nft_boxes_field(boxes->field[f]));
	struct nftnl_set *set = nft_set_in(e->table, nft_full_name(e, boxes->name, name));
	bool gate = nft_is_gate(boxes->name);
	uint8_t bytes[NFT_BOXES_FIELDS];
	for (size_t f = 0; f < boxes->fields; f++)
		bytes[f] = nft_field_info[boxes->field[f]].bytes;
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS,
			  NFT_SET_INTERVAL | NFT_SET_CONCAT | (gate ? 0u : NFT_SET_MAP));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type_of(boxes));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)slots * 4);
	nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, bytes, (uint32_t)boxes->fields);
	if (!gate)
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
	nftnl_set_set_u32(set, NFTNL_SET_ID, ++e->ids);
	if (boxes->counts || decides_somewhere(boxes)) // every element gets one
		nftnl_set_add_expr(set, base_oom(nftnl_expr_alloc("counter")));
	nft_write_set(e->batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, owner, set);
	nft_encode_box_elements(e, NFT_MSG_NEWSETELEM, boxes, owner);
}
