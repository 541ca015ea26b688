// SPDX-License-Identifier: Apache-2.0
// Writing kernel rules. One register is enough: each match loads, masks and compares. Numbers that
// the kernel keeps in host order are turned round before they are compared by size, because it
// compares bytes.
#include "backend/nft/boxes.h"
#include "backend/nft/encode.h"
#include "backend/nft/table.h"

#include <assert.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define REGISTER NFT_REG_1

// --- expressions ---

// At the rule's end.
static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *x = base_oom(nftnl_expr_alloc(name));
	nftnl_rule_add_expr(rule, x);
	return x;
}

static void put_load_to(struct nftnl_rule *rule, const struct nft_field_info *info, uint32_t reg)
{
	struct nftnl_expr *x;
	switch (info->place.source) {
	case SOURCE_META:
		x = add(rule, "meta");
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, info->place.key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg);
		break;
	case SOURCE_CT:
		x = add(rule, "ct");
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, info->place.key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, reg);
		if (info->place.key >= NFT_CT_SRC && info->place.key != NFT_CT_PROTOCOL)
			nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
		break;
	case SOURCE_PAYLOAD:
	default:
		x = add(rule, "payload");
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, info->place.key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, info->place.offset);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, info->bytes);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg);
		break;
	}
}

static void put_load(struct nftnl_rule *rule, const struct nft_field_info *info)
{
	put_load_to(rule, info, REGISTER);
}

static void put_mask(struct nftnl_rule *rule, const void *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *x = add(rule, "bitwise");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, REGISTER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, REGISTER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

static void put_turn(struct nftnl_rule *rule, uint32_t len)
{
	struct nftnl_expr *x = add(rule, "byteorder");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SREG, REGISTER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_DREG, REGISTER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, len);
}

static void put_cmp(struct nftnl_rule *rule, enum nft_cmp_ops op, const void *data, uint32_t len)
{
	struct nftnl_expr *x = add(rule, "cmp");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, REGISTER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len);
}

void nft_to_bytes(u128 value, size_t len, uint8_t out[static 16])
{
	for (size_t i = len; i-- > 0; value >>= 8)
		out[i] = (uint8_t)value;
}

static void put_cmp_number(struct nftnl_rule *rule, enum nft_cmp_ops op, u128 value, uint32_t len)
{
	uint8_t bytes[16];
	nft_to_bytes(value, len, bytes);
	put_cmp(rule, op, bytes, len);
}

static void put_range(struct nftnl_rule *rule, enum nft_range_ops op, u128 lo, u128 hi,
		      uint32_t len)
{
	uint8_t bytes[16];
	struct nftnl_expr *x = add(rule, "range");
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_SREG, REGISTER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_OP, op);
	nft_to_bytes(lo, len, bytes);
	nftnl_expr_set(x, NFTNL_EXPR_RANGE_FROM_DATA, bytes, len);
	nft_to_bytes(hi, len, bytes);
	nftnl_expr_set(x, NFTNL_EXPR_RANGE_TO_DATA, bytes, len);
}

// `leads`: the element's verdict is what is done.
static void put_lookup(struct nftnl_rule *rule, const char *set, bool leads)
{
	struct nftnl_expr *x = add(rule, "lookup");
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, REGISTER);
	if (leads)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

// --- matches ---

// How a set is tested: by one comparison where that will do.
enum test {
	TEST_ANY,
	TEST_EQUAL,
	TEST_UNEQUAL,
	TEST_UP_TO,
	TEST_FROM,
	TEST_RANGE,
	TEST_PREFIX,
	TEST_OUTSIDE,
	TEST_SET
};

// Bits that the values of a prefix have of their own; 0: the range is none, or is tested as well as a range. What the kernel
// finds by a mask and a comparison it does not call functions for, as it does for ranges.
static unsigned prefix_bits(enum nft_field field, struct algebra_range range)
{
	u128 last = range.hi - range.lo;
	unsigned bits = 0;
	if (!nft_field_is_address(field) || last & (last + 1) || range.lo & last)
		return 0;
	while (last >> bits & 1)
		bits++;
	bool whole = nft_field_info[field].place.source == SOURCE_PAYLOAD && !(bits % 8);
	return nft_field_info[field].version == 4 || whole ? bits : 0;
}

static enum test test_of(const struct nft_match *match)
{
	struct algebra_set set = match->set;
	u128 max = algebra_max(nft_field_info[match->field].bits);
	if (set.len == 1) {
		bool low = !set.at[0].lo, high = set.at[0].hi == max;
		return set.at[0].lo == set.at[0].hi           ? TEST_EQUAL
		       : low && high                          ? TEST_ANY
		       : low                                  ? TEST_UP_TO
		       : high                                 ? TEST_FROM
		       : prefix_bits(match->field, set.at[0]) ? TEST_PREFIX
							      : TEST_RANGE;
	}
	if (set.len == 2 && !set.at[0].lo && set.at[1].hi == max)
		return set.at[1].lo - set.at[0].hi == 2 ? TEST_UNEQUAL : TEST_OUTSIDE;
	return TEST_SET;
}

// The kernel's connection state is one bit of five.
static void put_state(struct nftnl_rule *rule, struct algebra_set states)
{
	uint32_t mask = 0, zero = 0;
	for (unsigned s = 0; s < NFT_STATES; s++)
		if (algebra_set_has(states, s))
			mask |= nft_state_bit(s);
	put_mask(rule, &mask, sizeof(mask));
	put_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void put_known(struct nftnl_rule *rule, bool known)
{
	uint32_t mask = IPS_CONFIRMED, zero = 0;
	put_mask(rule, &mask, sizeof(mask));
	put_cmp(rule, known ? NFT_CMP_NEQ : NFT_CMP_EQ, &zero, sizeof(zero));
}

static void put_narrow(struct nftnl_rule *rule, const struct nft_field_info *info)
{
	if (info->order == HOST)
		put_turn(rule, info->bytes);
	if (info->bits == info->bytes * 8)
		return;
	uint8_t mask[16];
	nft_to_bytes(algebra_max(info->bits) << info->shift, info->bytes, mask);
	put_mask(rule, mask, info->bytes);
}

static void put_test(struct nftnl_rule *rule, const struct nft_match *match, const char *set_name)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	const struct algebra_range *r = match->set.at;
	unsigned shift = info->shift;
	uint32_t len = info->bytes;
	switch (set_name ? TEST_SET : test_of(match)) {
	case TEST_ANY:
		put_cmp_number(rule, NFT_CMP_GTE, 0, len);
		break;
	case TEST_EQUAL:
		put_cmp_number(rule, NFT_CMP_EQ, r[0].lo << shift, len);
		break;
	case TEST_UNEQUAL:
		put_cmp_number(rule, NFT_CMP_NEQ, (r[0].hi + 1) << shift, len);
		break;
	case TEST_UP_TO:
		put_cmp_number(rule, NFT_CMP_LTE, r[0].hi << shift, len);
		break;
	case TEST_FROM:
		put_cmp_number(rule, NFT_CMP_GTE, r[0].lo << shift, len);
		break;
	case TEST_PREFIX:
	case TEST_RANGE:
		put_range(rule, NFT_RANGE_EQ, r[0].lo << shift, r[0].hi << shift, len);
		break;
	case TEST_OUTSIDE:
		put_range(rule, NFT_RANGE_NEQ, (r[0].hi + 1) << shift, (r[1].lo - 1) << shift, len);
		break;
	case TEST_SET:
		put_lookup(rule, set_name, false);
		break;
	}
}

// What was loaded goes on without its last bits.
static void put_block(struct nftnl_rule *rule, const struct nft_field_info *info, unsigned bits)
{
	uint8_t mask[16];
	nft_to_bytes(algebra_max(info->bits) & ~algebra_max(bits), info->bytes, mask);
	put_mask(rule, mask, info->bytes);
}

// As nft(8) writes it: the first bytes, where they are loaded as quickly as all, or all behind a mask.
static void put_prefix(struct nftnl_rule *rule, const struct nft_match *match)
{
	struct nft_field_info part = nft_field_info[match->field];
	u128 value = match->set.at[0].lo;
	unsigned bits = prefix_bits(match->field, match->set.at[0]);
	bool masked =
		part.version == 4 && (bits < 16 || bits % 8 || part.place.source == SOURCE_CT);
	if (masked) {
		put_load(rule, &part);
		put_block(rule, &part, bits);
	} else {
		part.bytes = (uint8_t)(part.bytes - bits / 8);
		value >>= bits;
		put_load(rule, &part);
	}
	put_cmp_number(rule, NFT_CMP_EQ, value, part.bytes);
}

static void put_match(struct nftnl_rule *rule, const struct nft_match *match, const char *set_name)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	if (!set_name && test_of(match) == TEST_PREFIX) {
		put_prefix(rule, match);
		return;
	}
	put_load(rule, info);
	if (match->field == F_STATE) {
		put_state(rule, match->set);
	} else if (match->field == F_KNOWN) {
		put_known(rule, algebra_set_has(match->set, 1));
	} else {
		put_narrow(rule, info);
		put_test(rule, match, set_name);
	}
}

// --- the sets and chains that rules use ---

const char *nft_full_name(const struct nft_encoder *e, const char *name, char out[static NFT_NAME])
{
	size_t len = strlen(e->prefix), rest = strlen(name);
	assert(len + rest > 0 && len + rest < NFT_NAME);
	memcpy(out, e->prefix, len);
	memcpy(out + len, name, rest + 1);
	return out;
}

static char *content_of(struct arena *arena, const struct nft_match *match)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	struct buf buf;
	buf_init(&buf);
	buf_printf(&buf, "%u %u %u %u:", info->type, info->bytes, info->bits, info->shift);
	for (size_t i = 0; i < match->set.len; i++)
		buf_printf(&buf, "%016llx%016llx-%016llx%016llx,",
			   (unsigned long long)(match->set.at[i].lo >> 64),
			   (unsigned long long)match->set.at[i].lo,
			   (unsigned long long)(match->set.at[i].hi >> 64),
			   (unsigned long long)match->set.at[i].hi);
	char *content = arena_strndup(arena, buf.data, buf.len);
	buf_fini(&buf);
	return content;
}

// A set in the kernel, and how many rules look it up.
struct used_set {
	const char *name;
	uint32_t uses;
};

static bool needs_set(const struct nft_match *match)
{
	return match->field != F_STATE && match->field != F_KNOWN && test_of(match) == TEST_SET;
}

// The name of the set that the match looks up, made when it is new; NULL when it looks up none.
static const char *set_for(struct nft_encoder *e, const struct nft_match *match, uint32_t owner)
{
	if (!needs_set(match))
		return NULL;
	char *content = content_of(e->arena, match);
	struct used_set *set = map_get(&e->set_by_content, content);
	if (!set || !set->uses) {
		set = arena_new(e->arena, struct used_set);
		set->name = arena_printf(e->arena, "%s-s%u", e->prefix, ++e->sets);
		map_put(&e->set_by_content, content, set);
		nft_encode_match_set(e, match, set->name, owner);
	}
	set->uses++;
	return set->name;
}

static void unuse_sets(struct nft_encoder *e, const struct nft_form *form)
{
	for (size_t i = 0; i < form->len; i++) {
		struct used_set *set =
			needs_set(&form->match[i])
				? map_get(&e->set_by_content, content_of(e->arena, &form->match[i]))
				: NULL;
		if (set && set->uses && !--set->uses)
			nft_encode_delete(e->batch, NFT_MSG_DELSET, e->table, set->name);
	}
}

// The chain of its own to which the rule leads, and how many rules do; NULL when there is none.
static const struct nft_chain *own_chain(struct nft_encoder *e, const struct nft_form *form,
					 uint32_t **uses_out)
{
	const struct nft_chain *chain =
		e->own && form->chain ? nft_program_find(e->own, form->chain) : NULL;
	if (!chain)
		return NULL;
	*uses_out = map_get(&e->uses_of_chain, chain->name);
	if (!*uses_out) {
		*uses_out = arena_new(e->arena, uint32_t);
		map_put(&e->uses_of_chain, chain->name, *uses_out);
	}
	return chain;
}

static void use_chain(struct nft_encoder *e, const struct nft_form *form)
{
	uint32_t *uses;
	const struct nft_chain *chain = own_chain(e, form, &uses);
	if (chain && !(*uses)++) {
		nft_encode_empty(e, chain);
		nft_encode_rules(e, chain);
	}
}

// First its rules, then what they looked up and led to, then the chain.
static void unuse_chain(struct nft_encoder *e, const struct nft_form *form)
{
	uint32_t *uses;
	char name[NFT_NAME];
	const struct nft_chain *chain = own_chain(e, form, &uses);
	if (!chain || !*uses || --*uses)
		return;
	(void)nft_full_name(e, chain->name, name);
	nft_encode_delete_rule(e->batch, e->table, name, 0);
	for (size_t i = 0; i < chain->rule.len; i++)
		nft_encode_unused(e, &chain->rule.at[i]);
	nft_encode_delete(e->batch, NFT_MSG_DELCHAIN, e->table, name);
}

void nft_encode_unused(struct nft_encoder *e, const struct nft_form *form)
{
	unuse_sets(e, form);
	unuse_chain(e, form);
}

// --- statements ---

static void put_timer(struct nftnl_rule *rule, const struct nft_form *form)
{
	put_load(rule, &nft_field_info[F_FLOW_PROTO]);
	put_lookup(rule, form->named_set, false);
	struct nftnl_expr *x = add(rule, "dynset");
	nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, form->named_set);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, REGISTER);
	nftnl_expr_set_u64(x, NFTNL_EXPR_DYNSET_TIMEOUT, form->refresh_ms);
}

static void put_limit(struct nftnl_rule *rule, const struct nft_limit *limit)
{
	struct nftnl_expr *x = add(rule, "limit");
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, limit->rate);
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, limit->unit);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, limit->burst);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE,
			   limit->bytes ? NFT_LIMIT_PKT_BYTES : NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
}

static void put_log(struct nftnl_rule *rule, const struct nft_log *log)
{
	struct nftnl_expr *x = add(rule, "log");
	nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, log->prefix);
	if (log->to_group)
		nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, log->group);
	else
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOG_LEVEL, NFT_LOGLEVEL_WARNING);
}

// `chain` NULL: it leads to none.
static void put_verdict(struct nftnl_rule *rule, uint32_t code, const char *chain)
{
	struct nftnl_expr *x = add(rule, "immediate");
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, code);
	if (chain)
		nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}

static void put_reject(struct nftnl_rule *rule, bool reset)
{
	struct nftnl_expr *x = add(rule, "reject");
	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE,
			   reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, reset ? 0 : NFT_REJECT_ICMPX_PORT_UNREACH);
}

static void put_branch(struct nft_encoder *e, struct nftnl_rule *rule, const struct nft_map *map)
{
	char name[NFT_NAME];
	const struct nft_field_info *info = &nft_field_info[map->field];
	unsigned block = nft_map_block(map);
	put_load(rule, info);
	put_narrow(rule, info);
	if (block && block != NFT_MAP_RANGES)
		put_block(rule, info, block);
	put_lookup(rule, nft_full_name(e, map->name, name), !nft_is_gate(map->name));
}

// The key stands in registers of four bytes, from the first one on.
static void put_boxes(struct nft_encoder *e, struct nftnl_rule *rule, const struct nft_boxes *boxes)
{
	for (size_t f = 0; f < boxes->fields; f++)
		put_load_to(rule, &nft_field_info[boxes->field[f]],
			    (uint32_t)(NFT_REG32_00 + nft_boxes_slots(boxes, f)));
	char name[NFT_NAME];
	put_lookup(rule, nft_full_name(e, boxes->name, name), !nft_is_gate(boxes->name));
}

static void put_act(struct nft_encoder *e, struct nftnl_rule *rule, const struct nft_form *form)
{
	char name[NFT_NAME];
	const char *chain = form->chain ? nft_full_name(e, form->chain, name) : NULL;
	switch (form->act) {
	case ACT_CONTINUE:
		break;
	case ACT_BRANCH:
		put_branch(e, rule, &form->map);
		break;
	case ACT_BOXES:
		put_boxes(e, rule, &form->boxes);
		break;
	case ACT_ACCEPT:
		put_verdict(rule, NF_ACCEPT, NULL);
		break;
	case ACT_DROP:
		put_verdict(rule, NF_DROP, NULL);
		break;
	case ACT_RETURN:
		put_verdict(rule, (uint32_t)NFT_RETURN, NULL);
		break;
	case ACT_JUMP:
		put_verdict(rule, (uint32_t)NFT_JUMP, chain);
		break;
	case ACT_GOTO:
		put_verdict(rule, (uint32_t)NFT_GOTO, chain);
		break;
	case ACT_RESET:
	case ACT_UNREACHABLE:
		put_reject(rule, form->act == ACT_RESET);
		break;
	}
	if (nft_form_gate(form))
		put_verdict(rule, (uint32_t)NFT_GOTO, chain);
}

static void put_expressions(struct nft_encoder *e, struct nftnl_rule *rule,
			    const struct nft_form *form, const char *const *sets)
{
	for (size_t i = 0; i < form->len; i++)
		put_match(rule, &form->match[i], sets[i]);
	if (form->named_set)
		put_timer(rule, form);
	if (form->limited)
		put_limit(rule, &form->limit);
	if (nft_form_counts(form))
		(void)add(rule, "counter");
	if (form->log.prefix)
		put_log(rule, &form->log);
	put_act(e, rule, form);
}

static struct nftnl_rule *rule_in(const char *table, const char *chain)
{
	struct nftnl_rule *rule = base_oom(nftnl_rule_alloc());
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	return rule;
}

static void put_tag(struct nftnl_rule *rule, const struct nft_tag *tag)
{
	struct buf bytes;
	buf_init(&bytes);
	nft_tag_bytes(tag, &bytes);
	if (bytes.len)
		nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, bytes.data, (uint32_t)bytes.len);
	buf_fini(&bytes);
}

// Frees it.
static void write_rule(struct nft_batch *batch, uint16_t type, uint16_t flags, uint32_t owner,
		       struct nftnl_rule *rule)
{
	nftnl_rule_nlmsg_build_payload(nft_batch_open(batch, type, flags, owner), rule);
	nft_batch_close(batch);
	nftnl_rule_free(rule);
}

void nft_encode_rule_at(struct nft_encoder *e, const char *chain, const struct nft_form *form,
			enum nft_spot spot, uint64_t handle)
{
	static const uint16_t flags[] = {
		[SPOT_END] = NLM_F_CREATE | NLM_F_APPEND,
		[SPOT_BEFORE] = NLM_F_CREATE,
	};
	const char *sets[NFT_FIELDS] = {0};
	char guard[NFT_NAME];
	for (size_t i = 0; i < form->len; i++)
		sets[i] = !i && form->guard ? nft_full_name(e, form->guard, guard)
					    : set_for(e, &form->match[i], form->tag.rule);
	use_chain(e, form);
	struct nftnl_rule *rule = rule_in(e->table, chain);
	if (spot != SPOT_END)
		nftnl_rule_set_u64(rule, NFTNL_RULE_POSITION, handle);
	put_expressions(e, rule, form, sets);
	put_tag(rule, &form->tag);
	write_rule(e->batch, NFT_MSG_NEWRULE, flags[spot], form->tag.rule, rule);
}

void nft_encode_rule(struct nft_encoder *e, const char *chain, const struct nft_form *form)
{
	if (form->guard)
		nft_encode_guard(e, form);
	if (form->act == ACT_BRANCH)
		nft_encode_map(e, &form->map, form->tag.rule);
	if (form->act == ACT_BOXES)
		nft_encode_boxes(e, &form->boxes, form->tag.rule);
	nft_encode_rule_at(e, chain, form, SPOT_END, 0);
}

// --- tables, chains, deletion ---

// Frees it.
static void write_table(struct nft_batch *batch, uint16_t type, uint16_t flags,
			struct nftnl_table *table)
{
	nftnl_table_nlmsg_build_payload(nft_batch_open(batch, type, flags, NFT_NO_OWNER), table);
	nft_batch_close(batch);
	nftnl_table_free(table);
}

static struct nftnl_table *table_of(const char *name)
{
	struct nftnl_table *table = base_oom(nftnl_table_alloc());
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
	return table;
}

void nft_encode_table(struct nft_batch *batch, const char *name)
{
	struct nftnl_table *table = table_of(name);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, 0); // awake
	write_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
}

static struct nftnl_chain *chain_in(const char *table, const char *name)
{
	struct nftnl_chain *chain = base_oom(nftnl_chain_alloc());
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	return chain;
}

// Frees it.
static void write_chain(struct nft_batch *batch, uint16_t type, uint16_t flags,
			struct nftnl_chain *chain)
{
	nftnl_chain_nlmsg_build_payload(nft_batch_open(batch, type, flags, NFT_NO_OWNER), chain);
	nft_batch_close(batch);
	nftnl_chain_free(chain);
}

void nft_encode_chain(struct nft_batch *batch, const char *table, const char *name, uint16_t flags)
{
	write_chain(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | flags, chain_in(table, name));
}

void nft_encode_empty(struct nft_encoder *e, const struct nft_chain *chain)
{
	char name[NFT_NAME];
	if (!chain->direct)
		nft_encode_chain(e->batch, e->table, nft_full_name(e, chain->name, name),
				 NLM_F_EXCL);
}

void nft_encode_rules(struct nft_encoder *e, const struct nft_chain *chain)
{
	char name[NFT_NAME];
	(void)nft_full_name(e, chain->name, name);
	for (size_t i = 0; i < chain->rule.len && !chain->direct; i++)
		nft_encode_rule(e, name, &chain->rule.at[i]);
}

void nft_encode_program(struct nft_encoder *e, const struct nft_program *program)
{
	for (size_t i = 0; i < program->chain.len; i++)
		nft_encode_empty(e, program->chain.at[i]);
	for (size_t i = 0; i < program->chain.len; i++)
		nft_encode_rules(e, program->chain.at[i]);
}

void nft_encode_base(struct nft_batch *batch, const char *table, const char *name, bool drop)
{
	struct nftnl_chain *chain = chain_in(table, name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_FORWARD);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, 0);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, drop ? NF_DROP : NF_ACCEPT);
	write_chain(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, chain);
}

void nft_encode_delete(struct nft_batch *batch, uint16_t type, const char *table, const char *name)
{
	if (type == NFT_MSG_DELSET)
		nft_write_set(batch, type, 0, NFT_NO_OWNER, nft_set_in(table, name));
	else if (type == NFT_MSG_DELCHAIN)
		write_chain(batch, type, 0, chain_in(table, name));
	else
		write_table(batch, type, 0, table_of(table));
}

void nft_encode_delete_rule(struct nft_batch *batch, const char *table, const char *chain,
			    uint64_t handle)
{
	struct nftnl_rule *rule = rule_in(table, chain);
	if (handle)
		nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, handle);
	write_rule(batch, NFT_MSG_DELRULE, 0, NFT_NO_OWNER, rule);
}

// By its attributes, as libnftnl leaves out types that it does not know.
void nft_encode_delete_other(struct nft_batch *batch, const char *table,
			     const struct nft_other *other)
{
	struct nlmsghdr *nlh = nft_batch_open(batch, other->delete, 0, NFT_NO_OWNER);
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, other->name);
	if (other->delete == NFT_MSG_DELOBJ)
		mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htobe32(other->type));
	nft_batch_close(batch);
}
