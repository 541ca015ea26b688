// SPDX-License-Identifier: Apache-2.0
// Maps over several fields as netlink messages. The kernel finds the element that was added first of those that hold the
// values, so the order of the messages is the order of the boxes (docs/why/nft-boxes.md).
#include "backend/nft/boxes.h"
#include "backend/nft/encode.h"
#include "backend/nft/put.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define ELEMENTS_BYTES 40000u // of one message; an attribute holds 65535
#define TYPE_BITS 6           // of one field in the type of a concatenation …
#define TYPE_FIELDS 5u        // … which nft(8) shows up to here

// What nft(8) lists the keys as.
static uint32_t type_of(const struct nft_boxes *boxes)
{
	uint32_t type = 0;
	for (size_t f = 0; f < boxes->fields; f++)
		type = type << TYPE_BITS | nft_field_info[boxes->field[f]].type;
	return boxes->fields <= TYPE_FIELDS ? type : 0;
}

static void put_description(struct nlmsghdr *nlh, const struct nft_boxes *boxes)
{
	struct nlattr *desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	struct nlattr *concat = mnl_attr_nest_start(nlh, NFTA_SET_DESC_CONCAT);
	for (size_t f = 0; f < boxes->fields; f++) {
		struct nlattr *field = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
		nft_put_u32(nlh, NFTA_SET_FIELD_LEN, nft_field_info[boxes->field[f]].bytes);
		mnl_attr_nest_end(nlh, field);
	}
	mnl_attr_nest_end(nlh, concat);
	mnl_attr_nest_end(nlh, desc);
}

// One corner of the box: all its lowest values, or all its highest.
static void put_corner(struct nlmsghdr *nlh, uint16_t type, const struct nft_boxes *boxes,
		       const struct nft_box *box, bool high)
{
	uint8_t key[NFT_BOXES_FIELDS * 16] = {0}, value[16];
	size_t at = 0;
	for (size_t f = 0; f < boxes->fields; f++) {
		size_t bytes = nft_field_info[boxes->field[f]].bytes;
		nft_to_bytes(high ? box->range[f].hi : box->range[f].lo, bytes, value);
		memcpy(key + at, value, bytes);
		at += (bytes + 3) / 4 * 4;
	}
	nft_put_data(nlh, type, key, at);
}

// What the box does; it gets its counter from the map.
static void put_outcome(struct nft_encoder *e, struct nlmsghdr *nlh, const struct nft_box *box)
{
	const struct nft_form *rule = box->rule;
	char name[NFT_NAME];
	if (!rule) {
		nft_put_verdict_data(nlh, NFTA_SET_ELEM_DATA, (uint32_t)NFT_GOTO,
				     nft_full_name(e, box->chain, name));
		return;
	}
	nft_put_verdict_data(nlh, NFTA_SET_ELEM_DATA, rule->act == ACT_ACCEPT ? NF_ACCEPT : NF_DROP,
			     NULL);
	nft_tag_put(nlh, NFTA_SET_ELEM_USERDATA, &rule->tag);
}

static void put_box(struct nft_encoder *e, struct nlmsghdr *nlh, const struct nft_boxes *boxes,
		    const struct nft_box *box, bool new)
{
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	put_corner(nlh, NFTA_SET_ELEM_KEY, boxes, box, false);
	put_corner(nlh, NFTA_SET_ELEM_KEY_END, boxes, box, true);
	if (new && !nft_is_gate(boxes->name))
		put_outcome(e, nlh, box);
	mnl_attr_nest_end(nlh, element);
}

// As many as one message holds, from `at` on; returns the first one that is left.
static size_t encode_some(struct nft_encoder *e, uint16_t type, const struct nft_boxes *boxes,
			  size_t at, uint32_t owner)
{
	bool new = type == NFT_MSG_NEWSETELEM;
	char name[NFT_NAME];
	struct nlmsghdr *nlh =
		nft_batch_open(e->batch, type, new ? NLM_F_CREATE | NLM_F_EXCL : 0, owner);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, e->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, nft_full_name(e, boxes->name, name));
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (; at < boxes->len && nlh->nlmsg_len < ELEMENTS_BYTES; at++)
		put_box(e, nlh, boxes, &boxes->box[at], new);
	mnl_attr_nest_end(nlh, list);
	nft_batch_close(e->batch);
	return at;
}

void nft_encode_box_elements(struct nft_encoder *e, uint16_t type, const struct nft_boxes *boxes,
			     uint32_t owner)
{
	for (size_t at = 0; at < boxes->len;)
		at = encode_some(e, type, boxes, at, owner);
}

void nft_encode_more(struct nft_encoder *e, const struct nft_form *gate)
{
	if (gate->act == ACT_BRANCH)
		nft_encode_branches(e, NFT_MSG_NEWSETELEM, &gate->map, false, NFT_NO_OWNER);
	else
		nft_encode_box_elements(e, NFT_MSG_NEWSETELEM, &gate->boxes, NFT_NO_OWNER);
}

// That every element has.
static void put_counter(struct nlmsghdr *nlh)
{
	struct nlattr *expression = mnl_attr_nest_start(nlh, NFTA_SET_EXPR);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
	mnl_attr_nest_end(nlh, expression);
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
	struct nlmsghdr *nlh =
		nft_batch_open(e->batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, owner);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, e->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, nft_full_name(e, boxes->name, name));
	bool gate = nft_is_gate(boxes->name);
	nft_put_u32(nlh, NFTA_SET_FLAGS,
		    NFT_SET_INTERVAL | NFT_SET_CONCAT | (gate ? 0u : NFT_SET_MAP));
	nft_put_u32(nlh, NFTA_SET_KEY_TYPE, type_of(boxes));
	nft_put_u32(nlh, NFTA_SET_KEY_LEN, (uint32_t)slots * 4);
	if (!gate)
		nft_put_u32(nlh, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	nft_put_u32(nlh, NFTA_SET_ID, ++e->ids);
	put_description(nlh, boxes);
	if (boxes->counts || decides_somewhere(boxes))
		put_counter(nlh);
	nft_batch_close(e->batch);
	nft_encode_box_elements(e, NFT_MSG_NEWSETELEM, boxes, owner);
}
