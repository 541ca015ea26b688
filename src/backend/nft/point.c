// SPDX-License-Identifier: Apache-2.0
// Where areas (area.c) say what may come somewhere, this says what does become of one packet: it is put to one kernel rule
// after the other, as the kernel does it. What cannot be told for sure is never guessed: the trace is lost.
#include "backend/nft/point.h"
#include "backend/nft/area.h"
#include "backend/nft/decode.h"

#include <string.h>

#define LOOKED_MOST 4000000u // rules and boxes of one trace; jumps may lead to one chain very often
#define BYTES_BURST 65535u   // below it a packet may be over a limit by its size alone

// --- packets ---

static bool of_transport(enum nft_field field)
{
	return field != F_HEADER && nft_field_info[field].dim < IR_DIMS &&
	       nft_field_info[field].side == OF_PACKET &&
	       ir_dim_is_transport(nft_field_info[field].dim);
}

void nft_point_set(struct nft_point *point, enum nft_field field, u128 value)
{
	point->has |= (uint64_t)1 << field;
	point->value[field] = value;
}

// Whether packets of its version and protocol have the field, if they have the header.
static bool belongs(const struct nft_point *point, enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	bool flow = info->side == OF_FLOW;
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	u128 version = point->value[flow ? F_FLOW_VERSION : F_VERSION],
	     protocol = point->value[flow ? F_FLOW_PROTO : F_PROTO];
	if ((flow || field == F_KNOWN) && !nft_point_has(point, F_FLOW_VERSION))
		return false;
	if (info->version && version != (info->version == 4 ? NFT_VERSION_4 : NFT_VERSION_6))
		return false;
	return !protocols.len || algebra_set_has(protocols, protocol);
}

struct pointing {
	struct arena *arena;
	struct nft_point *out;
};

static void put(struct pointing *p, enum nft_field field, u128 value)
{
	if (field == NFT_FIELDS || !belongs(p->out, field))
		return;
	struct algebra_set one = algebra_set_one(p->arena, value, value),
			   raw = nft_field_raw(field, p->arena, one);
	if (raw.len)
		nft_point_set(p->out, field, raw.at[0].lo);
}

// Version and protocol come first: they say which other fields there are.
static void put_tuple(struct pointing *p, const struct ir_packet *packet, enum nft_side side)
{
	static const enum ir_dim first[] = {IR_FAMILY, IR_PROTO};
	unsigned version = (unsigned)packet->value[IR_FAMILY];
	bool flow = side == OF_FLOW;
	nft_point_set(p->out, flow ? F_FLOW_VERSION : F_VERSION,
		      version == 6 ? NFT_VERSION_6 : NFT_VERSION_4);
	nft_point_set(p->out, flow ? F_FLOW_PROTO : F_PROTO, packet->value[IR_PROTO]);
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_info[dim].kind == IR_KIND_TUPLE && packet->has >> dim & 1 &&
		    dim != first[0] && dim != first[1])
			put(p, nft_field_of(dim, side, version, false), packet->value[dim]);
}

static void put_rest(struct pointing *p, const struct ir_packet *packet)
{
	unsigned version = (unsigned)packet->value[IR_FAMILY];
	bool response = packet->value[IR_DCCPTYPE] == 1;
	for (enum ir_dim dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_info[dim].kind == IR_KIND_PACKET && packet->has >> dim & 1)
			put(p, nft_field_of(dim, OF_PACKET, version, response), packet->value[dim]);
	if ((packet->has >> IR_SMAC | packet->has >> IR_DMAC) & 1)
		put(p, F_LINK, NFT_LINK_ETHERNET);
}

static void put_clock(struct pointing *p, int64_t time)
{
	if (time < 0)
		return;
	put(p, F_TIME, (u128)time);
	put(p, F_HOUR, (u128)(time % 86400));
	put(p, F_WDAY, (u128)((time / 86400 + 3) % 7)); // 1970-01-01 was a Thursday
}

void nft_point_of(const struct ir_packet *packet, struct arena *arena, struct nft_point *out)
{
	struct pointing p = {arena, out};
	const struct ir_packet *flow = packet->flow;
	bool fragment = packet->has >> IR_FRAGOFF & 1 && packet->value[IR_FRAGOFF];
	*out = (struct nft_point){0};
	put_tuple(&p, packet, OF_PACKET);
	put_rest(&p, packet);
	put_clock(&p, packet->time);
	if (!fragment) // bytes 1 to 3: of both ports
		nft_point_set(out, F_HEADER,
			      (packet->value[IR_SPORT] & 255) << 16 | packet->value[IR_DPORT]);
	if (!flow)
		return;
	put_tuple(&p, flow, OF_FLOW);
	nft_point_set(out, F_DIRECTION, packet->reply);
	if (packet->has >> IR_STATE & 1 && packet->value[IR_STATE] != IR_STATE_RELATED)
		nft_point_set(out, F_KNOWN, packet->value[IR_STATE] != IR_STATE_NEW);
}

// --- rules ---

static void lose(struct nft_trace *t, const char *why)
{
	if (!t->lost)
		t->lost = why;
}

// The packet's value; false: it has none. Without ports nothing says what the bytes of F_HEADER are.
static bool value_of(struct nft_trace *t, enum nft_field field, u128 *out)
{
	bool has = nft_point_has(t->point, field);
	t->read |= (uint64_t)1 << field;
	*out = t->point->value[field];
	if (!has && field != F_HEADER && belongs(t->point, field))
		lose(t, of_transport(field) ? "reads a transport header that may not be there"
					    : "reads what the packet does not say");
	return has;
}

static bool passes(struct nft_trace *t, const struct nft_match *match)
{
	u128 value;
	bool has = value_of(t, match->field, &value);
	if (!has && match->field == F_HEADER)
		return algebra_set_has(match->set, NFT_NO_HEADER);
	if (has && match->field == F_HEADER && !nft_point_has(t->point, F_SPORT) &&
	    !algebra_set_within(nft_field_domain(F_HEADER), match->set))
		lose(t, "reads what the packet does not say");
	return has && algebra_set_has(match->set, value);
}

static bool passes_all(struct nft_trace *t, const struct nft_form *form)
{
	for (size_t i = 0; i < form->len; i++)
		if (!passes(t, &form->match[i]))
			return false;
	return true;
}

static bool matches(struct nft_trace *t, const struct nft_form *form)
{
	if (!passes_all(t, form))
		return false;
	if (form->limited && !t->over && form->limit.bytes && form->limit.burst < BYTES_BURST)
		lose(t, "may be exceeded by the size of one packet");
	if (form->named_set)
		lose(t, "asks whether something is in a set that changes");
	return (t->over || !form->limited) && !form->named_set;
}

static const char *branch_of(struct nft_trace *t, const struct nft_map *map,
			     const struct algebra_range **range_out)
{
	u128 value;
	if (!value_of(t, map->field, &value))
		return NULL;
	size_t lo = 0, hi = map->len;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		t->looked++;
		if (map->branch[mid].range.hi < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == map->len || map->branch[lo].range.lo > value)
		return NULL;
	*range_out = &map->branch[lo].range;
	return map->branch[lo].chain;
}

static bool holds(const struct nft_box *box, size_t fields, const u128 *value)
{
	for (size_t f = 0; f < fields; f++)
		if (value[f] < box->range[f].lo || value[f] > box->range[f].hi)
			return false;
	return true;
}

static const char *box_of(struct nft_trace *t, const struct nft_boxes *boxes,
			  const struct algebra_range **range_out)
{
	u128 value[NFT_BOXES_FIELDS];
	for (size_t f = 0; f < boxes->fields; f++)
		if (!value_of(t, boxes->field[f], &value[f]))
			return NULL;
	for (size_t i = 0; i < boxes->len; i++) {
		t->looked++;
		if (!holds(&boxes->box[i], boxes->fields, value))
			continue;
		if (boxes->counts)
			lose(t, "leads to a rule, not to a chain");
		*range_out = boxes->box[i].range;
		return boxes->box[i].chain;
	}
	return NULL;
}

// All that is known of the packet.
static void make_path(struct nft_trace *t)
{
	struct nft_form *path = &t->path;
	size_t fields = (size_t)__builtin_popcountll(t->point->has);
	struct algebra_range *range = arena_array(t->arena, struct algebra_range, fields);
	path->match = arena_array(t->arena, struct nft_match, fields);
	for (uint64_t left = t->point->has; left; left &= left - 1) {
		enum nft_field f = (enum nft_field)__builtin_ctzll(left);
		range[path->len] = (struct algebra_range){t->point->value[f], t->point->value[f]};
		path->match[path->len] = (struct nft_match){f, {&range[path->len], 1}};
		path->len++;
	}
}

// What has a name already may tell that it is not for this packet; then the rest need not have one. NULL: so it is.
static const struct nft_form *name_tests(struct nft_trace *t, const struct nft_form *form)
{
	if (!nft_form_unnamed(form))
		return form;
	if (!passes_all(t, form))
		return NULL;
	struct nft_form *named = arena_new(t->arena, struct nft_form);
	if (!t->path.len)
		make_path(t);
	nft_form_resolve(form, &t->path, t->arena, named);
	return named;
}

// --- chains ---

enum fate { GOES_ON, LEAVES, DECIDED };

static enum fate decide(struct nft_trace *t, enum nft_act end)
{
	t->end = end;
	return DECIDED;
}

static enum fate give_up(struct nft_trace *t, const char *why)
{
	lose(t, why);
	return decide(t, ACT_CONTINUE);
}

static enum fate follow(struct nft_trace *t, const struct nft_chain *chain);

static enum fate lead_on(struct nft_trace *t, const struct nft_form *form, const char *to)
{
	const struct nft_chain *chain = nft_program_find(t->program, to);
	if (!chain) {
		lose(t, "leads to a chain that is not there");
		return form->act == ACT_GOTO ? decide(t, ACT_GOTO) : GOES_ON;
	}
	enum fate fate = follow(t, chain);
	return fate == DECIDED || form->act == ACT_JUMP ? fate : LEAVES;
}

static enum fate act_on(struct nft_trace *t, const struct nft_form *form)
{
	const struct algebra_range **range = &t->by[t->depth - 1].range;
	const char *to = form->act == ACT_BRANCH  ? branch_of(t, &form->map, range)
			 : form->act == ACT_BOXES ? box_of(t, &form->boxes, range)
						  : form->chain;
	switch (form->act) {
	case ACT_CONTINUE:
		return GOES_ON;
	case ACT_RETURN:
		return LEAVES;
	case ACT_JUMP:
	case ACT_GOTO:
	case ACT_BRANCH:
	case ACT_BOXES:
		return to ? lead_on(t, form, to) : GOES_ON;
	case ACT_ACCEPT:
	case ACT_DROP:
	case ACT_RESET:
	case ACT_UNREACHABLE:
		break;
	}
	return decide(t, form->act);
}

static enum fate step(struct nft_trace *t, const struct nft_form *form)
{
	const struct nft_form *named = name_tests(t, form);
	t->by[t->depth - 1] = (struct nft_taken){.form = form, .named = named};
	if (++t->looked > LOOKED_MOST)
		return give_up(t, "is behind too many rules");
	if (named && named->strange)
		return give_up(t, named->strange);
	bool match = named && matches(t, named);
	if (t->sees)
		t->sees(t, form, match);
	return match ? act_on(t, named) : GOES_ON;
}

// What `depth` says is only kept where the packet is decided.
static enum fate follow(struct nft_trace *t, const struct nft_chain *chain)
{
	enum fate fate = GOES_ON;
	if (t->depth == NFT_TRACE_DEPTH)
		return give_up(t, "is too deep in chains");
	t->depth++;
	for (size_t i = 0; fate == GOES_ON && i < chain->rule.len; i++)
		fate = step(t, &chain->rule.at[i]);
	if (fate == DECIDED)
		return fate;
	t->depth--;
	return GOES_ON;
}

static void begin(struct nft_trace *t)
{
	t->end = ACT_CONTINUE;
	t->lost = NULL;
	t->read = 0;
	t->depth = t->looked = t->path.len = 0;
}

void nft_trace_chain(struct nft_trace *trace, const struct nft_chain *chain)
{
	begin(trace);
	if (chain)
		(void)follow(trace, chain);
}

bool nft_trace_rule(struct nft_trace *trace, const struct nft_form *form)
{
	begin(trace);
	trace->depth = 1;
	return step(trace, form) == DECIDED;
}
