// SPDX-License-Identifier: Apache-2.0
// Kernel rules as data. The key of a form is what comparing rests on: it holds everything that a rule
// does, follows jumps instead of naming chains, and leaves out names, handles and counters. Pure.
#include "backend/nft/area.h"
#include "base/buf.h"
#include "base/wire.h"

#include <assert.h>
#include <string.h>

#define DEPTH_MOST 6        // deeper jumps are none of ours
#define RULES_MOST 4000000u // behind one rule; more are none of ours

// Where a key is being written.
struct key {
	const struct nft_program *program;
	struct buf *out;
	bool names;
	unsigned depth, rules;
};

void nft_program_init(struct nft_program *program, struct arena *arena)
{
	*program = (struct nft_program){
		.arena = arena, .by_name = {.arena = arena}, .names = {.arena = arena}};
}

struct nft_chain *nft_program_chain(struct nft_program *program, const char *name)
{
	struct nft_chain *chain = arena_new(program->arena, struct nft_chain);
	chain->name = name;
	vec_push(program->arena, &program->chain, chain);
	map_put(&program->by_name, name, chain);
	return chain;
}

struct nft_chain *nft_program_find(const struct nft_program *program, const char *name)
{
	return map_get(&program->by_name, name);
}

void nft_form_match(struct nft_form *form, struct arena *arena, enum nft_field field,
		    struct algebra_set raw)
{
	size_t at = 0;
	while (at < form->len && form->match[at].field < field)
		at++;
	bool there = at < form->len && form->match[at].field == field;
	// A copy: forms that were copied from one another share their matches.
	struct nft_match *more = arena_array(arena, struct nft_match, form->len + 1);
	if (at)
		memcpy(more, form->match, at * sizeof(*more));
	if (form->len > at + there)
		memcpy(more + at + 1, form->match + at + there,
		       (form->len - at - there) * sizeof(*more));
	if (there)
		raw = algebra_set_intersect(arena, form->match[at].set, raw);
	more[at] = (struct nft_match){field, raw};
	form->match = more;
	form->len += !there;
}

uint32_t nft_form_direction(const struct nft_form *form)
{
	const struct algebra_set *set = nft_form_set(form, F_DIRECTION);
	return set && set->len == 1 && set->at[0].lo == set->at[0].hi ? (uint32_t)set->at[0].lo + 1
								      : 0;
}

bool nft_form_by_map(const struct nft_form *form)
{
	return form->act == ACT_BRANCH || form->act == ACT_BOXES;
}

bool nft_form_leaves(const struct nft_form *form)
{
	return form->act == ACT_RETURN && form->tag.known && form->tag.rule == NFT_TAG_HELPER;
}

size_t nft_form_parts(const struct nft_form *form)
{
	return form->act == ACT_BRANCH  ? form->map.len
	       : form->act == ACT_BOXES ? form->boxes.len
					: 1;
}

bool nft_is_gate(const char *name)
{
	return !strncmp(name, NFT_GATE_SET, strlen(NFT_GATE_SET));
}

bool nft_form_gate(const struct nft_form *form)
{
	return nft_form_by_map(form) && form->chain;
}

void nft_gate_lead(struct nft_form *gate, const char *chain, struct arena *arena)
{
	struct nft_map *map = &gate->map;
	struct nft_boxes *boxes = &gate->boxes;
	gate->chain = chain;
	map->branch = arena_memdup(arena, map->branch, map->len * sizeof(*map->branch));
	boxes->box = arena_memdup(arena, boxes->box, boxes->len * sizeof(*boxes->box));
	for (size_t i = 0; i < map->len; i++)
		map->branch[i].chain = chain;
	for (size_t i = 0; i < boxes->len; i++)
		boxes->box[i].chain = chain;
}

const struct algebra_set *nft_form_set(const struct nft_form *form, enum nft_field field)
{
	for (size_t i = 0; i < form->len; i++)
		if (form->match[i].field == field)
			return &form->match[i].set;
	return NULL;
}

uint64_t nft_form_fields(const struct nft_form *form)
{
	uint64_t fields = 0;
	for (size_t i = 0; i < form->len; i++)
		fields |= (uint64_t)1 << form->match[i].field;
	return fields;
}

bool nft_form_same_matches(const struct nft_form *a, const struct nft_form *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (a->match[i].field != b->match[i].field ||
		    !algebra_set_equal(a->match[i].set, b->match[i].set))
			return false;
	return true;
}

bool nft_same_reg(const struct nft_reg *a, const struct nft_reg *b)
{
	return a->loaded == b->loaded && a->turned == b->turned &&
	       a->place.source == b->place.source && a->place.key == b->place.key &&
	       a->place.offset == b->place.offset && a->bytes == b->bytes && a->mask == b->mask;
}

bool nft_form_may_meet(const struct nft_form *a, const struct nft_form *b)
{
	for (size_t i = 0, k = 0; i < a->len && k < b->len;) {
		enum nft_field x = a->match[i].field, y = b->match[k].field;
		if (x == y && !algebra_set_overlaps(a->match[i].set, b->match[k].set))
			return false;
		i += x <= y;
		k += y <= x;
	}
	return true;
}

unsigned nft_map_block(const struct nft_map *map)
{
	const struct nft_branch *branch = map->branch;
	u128 last = map->len ? branch[0].range.hi - branch[0].range.lo : 0; // of a block, from 0 on
	unsigned bits = 0;
	while (bits < 128 && last >> bits & 1)
		bits++;
	bool masked = bits && last >> (bits - 1) == 1 && nft_field_is_address(map->field) &&
		      bits < nft_field_info[map->field].bits;
	if (last && !masked)
		return NFT_MAP_RANGES;
	for (size_t i = 0; i < map->len; i++)
		if (branch[i].range.lo & last || branch[i].range.hi - branch[i].range.lo != last)
			return NFT_MAP_RANGES;
	return bits;
}

// Clauses lead somewhere; what stands first in the other chains of a rule does not, or has a limit.
const struct nft_chain *nft_form_clauses(const struct nft_program *program,
					 const struct nft_form *form)
{
	const struct nft_chain *chain = form->act == ACT_JUMP && form->chain
						? nft_program_find(program, form->chain)
						: NULL;
	bool some = chain && chain->rule.len && !chain->rule.at[0].limited &&
		    chain->rule.at[0].act != ACT_CONTINUE;
	return some ? chain : NULL;
}

bool nft_form_plain(const struct nft_form *form)
{
	return (form->act == ACT_ACCEPT || form->act == ACT_DROP) && !form->strange &&
	       !form->limited && !form->named_set && !form->log.prefix && form->tag.known &&
	       form->tag.counts;
}

bool nft_form_counts(const struct nft_form *form)
{
	return !form->tag.known || form->tag.counts;
}

struct nft_form nft_direct_form(const struct nft_direct *direct)
{
	return (struct nft_form){.act = direct->accepts ? ACT_ACCEPT : ACT_DROP,
				 .tag = direct->tag,
				 .packets = direct->packets,
				 .bytes = direct->bytes};
}

struct nft_chain *nft_direct_chain(struct nft_program *program, const struct nft_box *box)
{
	if (!box->direct || nft_program_find(program, box->chain))
		return NULL;
	struct nft_chain *chain = nft_program_chain(program, box->chain);
	chain->direct = true;
	vec_reserve(program->arena, &chain->rule, 1);
	vec_push(program->arena, &chain->rule, nft_direct_form(box->direct));
	return chain;
}

static bool is_spread(const struct nft_form *form)
{
	return form->act == ACT_BOXES && form->boxes.counts && !form->strange;
}

// Behind it there are only packets without a transport header.
static bool lets_headers_leave(const struct nft_form *form)
{
	return nft_form_leaves(form) && !form->limited && !form->named_set && !form->strange &&
	       form->len == 1 && form->match[0].field == F_HEADER &&
	       algebra_set_equal(form->match[0].set, nft_field_domain(F_HEADER));
}

static struct nft_form spread_piece(const struct nft_form *piece, bool headless,
				    struct arena *arena)
{
	struct nft_form form = *piece;
	if (headless)
		nft_form_match(&form, arena, F_HEADER,
			       algebra_set_one(arena, NFT_NO_HEADER, NFT_NO_HEADER));
	return form;
}

void nft_chain_spread(const struct nft_form *rule, size_t len, struct arena *arena,
		      struct nft_chain *out)
{
	size_t first = 0;
	bool headless = false;
	while (first < len && !is_spread(&rule[first]))
		first++;
	out->rule.at = (struct nft_form *)rule;
	out->rule.len = out->rule.cap = len;
	if (first == len)
		return;
	out->rule.at = NULL;
	out->rule.len = out->rule.cap = 0;
	for (size_t i = 0; i < len; i++) {
		const struct nft_form *form = &rule[i];
		headless |= lets_headers_leave(form);
		for (size_t k = 0; is_spread(form) && k < form->boxes.pieces; k++)
			vec_push(arena, &out->rule,
				 spread_piece(&form->boxes.piece[k], headless, arena));
		if (!is_spread(form))
			vec_push(arena, &out->rule, *form);
	}
}

static void drop_match(struct nft_form *form, enum nft_field field)
{
	for (size_t i = 0; i < form->len; i++)
		if (form->match[i].field == field) {
			memmove(form->match + i, form->match + i + 1,
				(form->len - i - 1) * sizeof(*form->match));
			form->len--;
			return;
		}
}

static bool whole(const struct nft_match *match)
{
	u128 max = algebra_max(nft_field_info[match->field].bits);
	return match->set.len == 1 && !match->set.at[0].lo && match->set.at[0].hi == max;
}

// The address of a flow is there only in flows of its version, so the version need not be tested too.
static void drop_implied_version(struct nft_form *form)
{
	const struct algebra_set *version = nft_form_set(form, F_FLOW_VERSION);
	bool v4 = nft_form_set(form, F_FLOW_SRC4) || nft_form_set(form, F_FLOW_DST4);
	bool v6 = nft_form_set(form, F_FLOW_SRC6) || nft_form_set(form, F_FLOW_DST6);
	if (version && v4 != v6 && algebra_set_has(*version, v4 ? NFT_VERSION_4 : NFT_VERSION_6))
		drop_match(form, F_FLOW_VERSION);
}

// Every flow has a version: 4 or 6 says no more than that there is a flow.
static bool any_version(const struct nft_match *match)
{
	return match->field == F_FLOW_VERSION && algebra_set_has(match->set, NFT_VERSION_4) &&
	       algebra_set_has(match->set, NFT_VERSION_6);
}

// A match that tests nothing but that there is a flow goes when another one of the flow stays.
static void drop_implied_flow(struct nft_form *form)
{
	size_t of_flow = 0;
	for (size_t i = 0; i < form->len; i++)
		of_flow += nft_field_info[form->match[i].field].side == OF_FLOW;
	for (size_t i = 0; i < form->len && of_flow > 1; i++)
		if (nft_field_info[form->match[i].field].side == OF_FLOW &&
		    (whole(&form->match[i]) || any_version(&form->match[i]))) {
			drop_match(form, form->match[i].field);
			of_flow--;
			i--;
		}
}

void nft_form_tidy(struct nft_form *form)
{
	drop_implied_version(form);
	drop_implied_flow(form);
}

static void key_chain(struct key *key, const char *name);

static void key_matches(const struct nft_form *form, struct buf *out)
{
	wire_put_u8(out, (uint8_t)form->len);
	for (size_t i = 0; i < form->len; i++) {
		struct algebra_set set = form->match[i].set;
		wire_put_u8(out, (uint8_t)form->match[i].field);
		wire_put_u32(out, (uint32_t)set.len);
		for (size_t k = 0; k < set.len; k++) {
			wire_put_u128(out, set.at[k].lo);
			wire_put_u128(out, set.at[k].hi);
		}
	}
}

static void key_limit(const struct nft_limit *limit, struct buf *out)
{
	wire_put_u64(out, limit->rate);
	wire_put_u64(out, limit->unit);
	wire_put_u32(out, limit->burst);
	wire_put_u8(out, limit->bytes);
}

static void key_map(const struct nft_map *map, struct buf *out)
{
	wire_put_u8(out, (uint8_t)map->field);
	wire_put_u32(out, (uint32_t)map->len);
	for (size_t i = 0; i < map->len; i++) {
		wire_put_u128(out, map->branch[i].range.lo);
		wire_put_u128(out, map->branch[i].range.hi);
		wire_put_text(out, map->branch[i].chain);
	}
}

static void key_boxes(const struct nft_boxes *boxes, struct buf *out)
{
	wire_put_u8(out, (uint8_t)boxes->fields);
	for (size_t f = 0; f < boxes->fields; f++)
		wire_put_u8(out, (uint8_t)boxes->field[f]);
	wire_put_u32(out, (uint32_t)boxes->len);
	for (size_t i = 0; i < boxes->len; i++) {
		for (size_t f = 0; f < boxes->fields; f++) {
			wire_put_u128(out, boxes->box[i].range[f].lo);
			wire_put_u128(out, boxes->box[i].range[f].hi);
		}
		wire_put_text(out, boxes->box[i].chain);
	}
}

static void key_rule(struct key *key, const struct nft_form *form)
{
	struct buf *out = key->out;
	key_matches(form, out);
	wire_put_text(out, form->strange);
	wire_put_text(out, form->named_set);
	wire_put_u64(out, form->refresh_ms);
	wire_put_u8(out, form->limited);
	if (form->limited)
		key_limit(&form->limit, out);
	wire_put_u8(out, form->log.prefix != NULL);
	if (form->log.prefix && key->names) {
		wire_put_text(out, form->log.prefix);
		wire_put_u32(out, form->log.to_group ? form->log.group : UINT32_MAX);
	}
	wire_put_u8(out, (uint8_t)form->act);
	if (form->act == ACT_JUMP || form->act == ACT_GOTO)
		key_chain(key, form->chain);
	if (form->act == ACT_BRANCH)
		key_map(&form->map, out);
	if (form->act == ACT_BOXES)
		key_boxes(&form->boxes, out);
}

bool nft_is_node(const char *chain)
{
	return chain && !strncmp(chain, NFT_NODE_CHAIN, strlen(NFT_NODE_CHAIN));
}

static void key_chain(struct key *key, const char *name)
{
	const struct nft_chain *chain =
		name && !nft_is_node(name) ? nft_program_find(key->program, name) : NULL;
	bool ours = chain && key->depth < DEPTH_MOST && key->rules < RULES_MOST;
	wire_put_u8(key->out, ours);
	if (!ours) {
		wire_put_text(key->out, name);
		return;
	}
	key->depth++;
	wire_put_u32(key->out, (uint32_t)chain->rule.len);
	for (size_t i = 0; i < chain->rule.len && key->rules < RULES_MOST; i++, key->rules++)
		key_rule(key, &chain->rule.at[i]);
	key->depth--;
}

bool nft_form_same(struct nft_form_of a, struct nft_form_of b, bool names)
{
	struct buf key_a, key_b;
	buf_init(&key_a);
	buf_init(&key_b);
	key_rule(&(struct key){.program = a.program, .out = &key_a, .names = names}, a.form);
	key_rule(&(struct key){.program = b.program, .out = &key_b, .names = names}, b.form);
	bool same = key_a.len == key_b.len && !memcmp(key_a.data, key_b.data, key_a.len);
	buf_fini(&key_b);
	buf_fini(&key_a);
	return same;
}
