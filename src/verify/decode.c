// SPDX-License-Identifier: Apache-2.0
// From points and boxes back to packets and conditions. A packet gets what its protocol has and nothing else, so that
// ir_eval sees what a kernel would see; where no rule cares, values that people know.
#include "verify/lower.h"
#include "ir/turn.h"

#include <stdlib.h>
#include <string.h>

// --- atoms at a point ---

static uint32_t atom_at(const struct verify_slice *slice, const struct verify_axis *axis,
			const uint64_t *point)
{
	if (axis->span)
		return algebra_lo(point[axis->slot]);
	uint64_t words[ALGEBRA_CELLS];
	uint32_t w = 0;
	(void)algebra_read(&slice->shape, point, axis->slot, words);
	while (!words[w])
		w++;
	return w * 64 + (uint32_t)__builtin_ctzll(words[w]);
}

// An interface's, as the IR has it.
static u128 name_of(const char *name)
{
	u128 value = 0;
	for (unsigned i = 0; i < 16; i++)
		value = value << 8 | (unsigned char)(i < strlen(name) ? name[i] : 0);
	return value;
}

// Values that say something to people, tried before any other.
static bool preferred(unsigned dim, size_t nth, u128 *out)
{
	static const uint64_t proto[] = {6, 17, 1, 58}, port[] = {40000, 443, 80, 22},
			      flags[] = {2, 16, 18},
			      v4[] = {0xC0000201, 0xC6336407, 0xCB007105, 0x0A000001};
	static const struct {
		enum ir_dim dim;
		const uint64_t *value;
		size_t n;
	} table[] = {{IR_PROTO, proto, 4},    {IR_SPORT, port, 4}, {IR_DPORT, port + 1, 3},
		     {IR_TCPFLAGS, flags, 3}, {IR_SRC4, v4, 4},    {IR_DST4, v4 + 1, 3}};
	for (size_t i = 0; i < array_len(table); i++)
		if (table[i].dim == dim && nth < table[i].n) {
			*out = table[i].value[nth];
			return true;
		}
	if ((dim == IR_IN || dim == IR_OUT) && nth < 5) {
		*out = name_of((const char *const[]){"eth0", "eth1", "lo", "a", "A"}[nth]);
		return true;
	}
	if ((dim == IR_SRC6 || dim == IR_DST6) && nth < 2) {
		*out = (u128)0x20010db8 << 96 | (nth + (dim == IR_DST6)) << 4 | 1;
		return true;
	}
	return false;
}

static bool holds_value(const struct verify_axis *axis, uint32_t atom, u128 value)
{
	for (size_t i = axis->span ? atom : 0; i < axis->pieces; i++) {
		if (verify_piece(axis, i).atom == atom && value >= verify_piece(axis, i).lo &&
		    value <= verify_piece(axis, i).hi)
			return true;
		if (axis->span)
			return false;
	}
	return false;
}

static u128 some_value(const struct verify_axis *axis, uint32_t atom)
{
	u128 value;
	for (size_t nth = 0; preferred(axis->dim, nth, &value); nth++)
		if (holds_value(axis, atom, value))
			return value;
	size_t i = axis->span ? atom : 0;
	while (verify_piece(axis, i).atom != atom)
		i++;
	bool address =
		axis->dim >= IR_SRC4 && axis->dim <= IR_DST6; // not the network's own address
	return verify_piece(axis, i).lo +
	       (address && verify_piece(axis, i).hi - verify_piece(axis, i).lo > 1);
}

static const struct verify_axis *axis_of(const struct verify_slice *slice, unsigned dim)
{
	for (size_t a = 0; a < slice->axes; a++)
		if (slice->axis[a].dim == dim)
			return &slice->axis[a];
	return NULL;
}

// --- packets ---

struct point {
	const struct verify_space *space;
	const struct verify_slice *slice;
	const uint64_t *at;
};

static u128 value_or(const struct point *p, enum ir_dim dim, u128 otherwise)
{
	const struct verify_axis *axis = axis_of(p->slice, dim);
	return axis ? some_value(axis, atom_at(p->slice, axis, p->at)) : otherwise;
}

static void put(const struct point *p, struct ir_packet *packet, enum ir_dim dim, u128 otherwise)
{
	ir_packet_set(packet, dim, value_or(p, dim, otherwise));
}

// The tuple of the flow's first packet.
static void put_tuple(const struct point *p, struct ir_packet *first)
{
	int family = p->slice->family;
	if (!family)
		return;
	ir_packet_set(first, IR_FAMILY, (u128)family);
	u128 site = (u128)0x20010db8 << 96;
	put(p, first, family == 4 ? IR_SRC4 : IR_SRC6, family == 4 ? 0xC0000201 : site | 1);
	put(p, first, family == 4 ? IR_DST4 : IR_DST6, family == 4 ? 0xC6336407 : site | 0x11);
	put(p, first, IR_PROTO, 6);
	unsigned proto = (unsigned)first->value[IR_PROTO];
	if (ir_dim_is_of(IR_SPORT, proto)) {
		put(p, first, IR_SPORT, 40000);
		put(p, first, IR_DPORT, 80);
	}
	if (family == 4 && ir_dim_is_of(IR_ICMP4, proto))
		put(p, first, IR_ICMP4, 8 * 256);
	if (family == 6 && ir_dim_is_of(IR_ICMP6, proto))
		put(p, first, IR_ICMP6, 128 * 256);
}

static bool packet_has(const struct point *p, const struct ir_packet *packet, enum ir_dim dim)
{
	unsigned proto = packet->has >> IR_PROTO & 1 ? (unsigned)packet->value[IR_PROTO] : 0;
	bool first = !(packet->has >> IR_FRAGOFF & 1) || !packet->value[IR_FRAGOFF];
	unsigned version = p->slice->family == 4 ? 1 : 2;
	if (!p->slice->family)
		return verify_of_any_frame(dim);
	if (dim == IR_DCCPSERVICE && packet->value[IR_DCCPTYPE] > IR_DCCP_SERVICE_LAST)
		return false;
	return (ir_dim_versions(dim) & version) && ir_dim_is_of(dim, proto) &&
	       (first || !ir_dim_is_transport(dim));
}

static void drop_transport(struct ir_packet *packet)
{
	for (unsigned dim = 0; dim < IR_DIMS; dim++)
		if (ir_dim_is_transport(dim))
			packet->has &= ~((uint64_t)1 << dim);
}

// A value for what some rule asks for, but none of this slice.
static u128 usual(unsigned dim)
{
	switch ((int)dim) {
	case IR_IN:
		return name_of("eth0");
	case IR_OUT:
		return name_of("eth1");
	case IR_LENGTH:
		return 60;
	case IR_TTL:
		return 64;
	case IR_IHL:
	case IR_TCPOFFSET:
		return 5;
	default:
		return 0;
	}
}

static void put_packet_dims(const struct point *p, struct ir_packet *packet)
{
	static const uint16_t ethertype[] = {0x0806, 0x0800, 0x86dd}; // of family 0, 4, 6
	if (p->slice->family)
		put(p, packet, IR_STATE, p->slice->reply ? IR_STATE_ESTABLISHED : IR_STATE_NEW);
	if (p->space->ethertypes)
		put(p, packet, IR_ETHERTYPE,
		    ethertype[p->slice->family / 2 - (p->slice->family != 0)]);
	if ((p->space->dims >> IR_FRAGOFF & 1) && p->slice->family == 4)
		put(p, packet, IR_FRAGOFF, 0);
	if (packet->has >> IR_FRAGOFF & 1 && packet->value[IR_FRAGOFF])
		drop_transport(packet);
	for (unsigned dim = IR_IN; dim < IR_TIME; dim++)
		if ((p->space->dims >> dim & 1) && dim != IR_ETHERTYPE && dim != IR_FRAGOFF &&
		    packet_has(p, packet, dim))
			put(p, packet, dim, usual(dim));
}

// --- truths ---

// What of a packet's truths is known: the point's. `told` is for people.
struct known {
	struct ir_truths told; // first: it is the packet's context
	const struct verify_space *space;
	bool *holds; // by truth
};

// By address; copies of what the space was made of by what they say.
static uint32_t number_of(const struct verify_space *space, const struct verify_truth *truth)
{
	const void *subject = truth->opaque ? (const void *)truth->opaque : truth->rate;
	size_t lo = 0, hi = space->subjects;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if ((uintptr_t)space->subject[mid].at < (uintptr_t)subject)
			lo = mid + 1;
		else
			hi = mid;
	}
	bool found = lo < space->subjects && space->subject[lo].at == subject;
	return found ? space->subject[lo].truth : verify_truth_find(space, truth);
}

static bool opaque_holds(const struct ir_packet *packet, const struct ir_opaque *opaque,
			 bool *known_out)
{
	const struct known *known = packet->context;
	uint32_t number = number_of(known->space, &(struct verify_truth){.opaque = opaque});
	*known_out = true;
	return number != UINT32_MAX && known->holds[number];
}

static bool rate_exceeded(const struct ir_packet *packet, const struct ir_rule *rule)
{
	const struct known *known = packet->context;
	uint32_t number = number_of(known->space, &(struct verify_truth){.rate = rule});
	return number != UINT32_MAX && known->holds[number];
}

// What holds, and for kinds of which nothing holds, just that.
static void tell(const struct verify_space *space, struct known *known, struct arena *arena)
{
	bool there[IR_OPAQUES] = {0}, holds[IR_OPAQUES] = {0};
	for (size_t i = 0; i < space->truth.len; i++) {
		const struct ir_opaque *o = space->truth.at[i].opaque;
		if (!o && known->holds[i])
			vec_push(arena, &known->told.exceeded, space->truth.at[i].rate);
		if (!o)
			continue;
		there[o->kind] = true;
		holds[o->kind] |= known->holds[i];
		if (known->holds[i])
			vec_push(arena, &known->told.told,
				 (struct ir_told){o->kind, o->name  ? o->name
							   : o->len ? o->value[0]
								    : "yes"});
	}
	for (unsigned kind = 0; kind < IR_OPAQUES; kind++)
		if (there[kind] && !holds[kind])
			vec_push(arena, &known->told.told,
				 (struct ir_told){(enum ir_opaque_kind)kind, "none"});
}

static void put_truths(const struct point *p, struct ir_packet *packet, struct arena *arena)
{
	struct known *known = arena_new(arena, struct known);
	known->space = p->space;
	known->holds = arena_array(arena, bool, p->space->truth.len);
	for (size_t i = 0; i < p->space->truth.len; i++)
		known->holds[i] = value_or(p, IR_DIMS + (unsigned)i, 0) != 0;
	tell(p->space, known, arena);
	packet->opaque_holds = opaque_holds;
	packet->rate_exceeded = rate_exceeded;
	packet->over_rate = known->told.exceeded.len > 0;
	packet->context = known;
}

const struct ir_packet *verify_packet(const struct verify_space *space,
				      const struct verify_slice *slice, const uint64_t *point,
				      struct arena *arena)
{
	struct point p = {space, slice, point};
	struct ir_packet *first = arena_new(arena, struct ir_packet),
			 *packet = arena_new(arena, struct ir_packet);
	put_tuple(&p, first);
	if (slice->reply)
		ir_packet_reply(first, packet);
	else
		*packet = *first;
	put_packet_dims(&p, packet);
	packet->reply = slice->reply;
	packet->time = (int64_t)value_or(&p, IR_TIME, (u128)space->from);
	u128 state = slice->family ? packet->value[IR_STATE] : IR_STATE_UNTRACKED;
	packet->flow = state == IR_STATE_INVALID || state == IR_STATE_UNTRACKED ? NULL : first;
	put_truths(&p, packet, arena);
	return packet;
}

uint32_t verify_eval(const struct ir_ruleset *ruleset, const struct ir_packet *packet,
		     struct arena *arena)
{
	struct ir_outcome outcome;
	ir_eval(ruleset, packet, arena, &outcome);
	if (outcome.rule)
		return (uint32_t)(outcome.rule - ruleset->rule.at);
	return outcome.no_flow ? VERIFY_NO_FLOW : VERIFY_DEFAULT;
}

// --- points for packets ---

static bool atom_of(const struct verify_axis *axis, u128 value, uint32_t *out)
{
	size_t i = verify_piece_from(axis, value);
	if (i == axis->pieces || verify_piece(axis, i).lo > value)
		return false;
	*out = verify_piece(axis, i).atom;
	return true;
}

static bool value_of(const struct verify_slice *slice, const struct ir_packet *packet, unsigned dim,
		     u128 *out)
{
	bool tuple = dim < IR_DIMS && ir_dim_info[dim].kind == IR_KIND_TUPLE;
	bool lacking = dim < IR_TIME &&
		       !(packet->has >> dim & 1); // a later fragment has no ports, its flow has
	const struct ir_packet *read =
		tuple && packet->flow && (slice->reply || lacking) ? packet->flow : packet;
	*out = dim == IR_TIME ? (u128)packet->time : dim < IR_TIME ? read->value[dim] : 0;
	return dim == IR_TIME || (dim < IR_TIME && read->has >> dim & 1);
}

// What the packet's callbacks say of a truth. False: unknown.
static bool truth_of(const struct verify_space *space, const struct ir_packet *packet,
		     size_t number, u128 *out)
{
	const struct verify_truth *truth = &space->truth.at[number];
	bool known = truth->rate != NULL, holds;
	if (known)
		holds = packet->rate_exceeded ? packet->rate_exceeded(packet, truth->rate)
					      : packet->over_rate;
	else
		holds = packet->opaque_holds && packet->opaque_holds(packet, truth->opaque, &known);
	*out = holds;
	return known;
}

bool verify_point(const struct verify_space *space, const struct verify_slice *slice,
		  const struct ir_packet *packet, uint64_t *point_out)
{
	int family = packet->has >> IR_FAMILY & 1 ? (int)packet->value[IR_FAMILY] : 0;
	if (family != slice->family || (slice->reply && (!packet->reply || !packet->flow)))
		return false;
	memset(point_out, 0, slice->shape.cells * sizeof(*point_out));
	if (!slice->axes)
		point_out[0] = 1;
	for (size_t a = 0; a < slice->axes; a++) {
		const struct verify_axis *axis = &slice->axis[a];
		u128 value;
		uint32_t atom = 0;
		bool there = axis->dim < IR_DIMS
				     ? value_of(slice, packet, axis->dim, &value)
				     : truth_of(space, packet, axis->dim - IR_DIMS, &value);
		// A packet without a transport dimension may be at any atom of it: boxes that ask for it
		// ask for the protocol, too.
		if (there ? !atom_of(axis, value, &atom) : !ir_dim_is_transport(axis->dim))
			return false;
		if (axis->span)
			point_out[axis->slot] = algebra_span(atom, atom);
		else
			algebra_put(&slice->shape, point_out, axis->slot, atom);
	}
	return true;
}

// --- regions ---

static bool atom_in(const struct verify_slice *slice, const struct verify_axis *axis,
		    const uint64_t *box, uint32_t atom)
{
	return algebra_has(&slice->shape, box, axis->slot, atom);
}

static struct algebra_set set_of_span(const struct verify_axis *axis, uint64_t span,
				      struct arena *arena)
{
	struct algebra_builder builder = {.arena = arena};
	for (size_t i = algebra_lo(span), k; i <= algebra_hi(span); i = k + 1) {
		for (k = i; k < algebra_hi(span) &&
			    verify_piece(axis, k).hi + 1 == verify_piece(axis, k + 1).lo;
		     k++)
			;
		algebra_builder_add(&builder, verify_piece(axis, i).lo, verify_piece(axis, k).hi);
	}
	return algebra_builder_take(&builder);
}

// False when the box has all of the axis.
static bool set_of(const struct verify_slice *slice, const struct verify_axis *axis,
		   const uint64_t *box, struct arena *arena, struct algebra_set *out)
{
	struct algebra_builder builder = {.arena = arena};
	bool whole = true;
	if (axis->span) {
		*out = set_of_span(axis, box[axis->slot], arena);
		return algebra_lo(box[axis->slot]) || algebra_hi(box[axis->slot]) + 1 < axis->atoms;
	}
	for (size_t i = 0; i < axis->pieces; i++) {
		if (atom_in(slice, axis, box, verify_piece(axis, i).atom))
			algebra_builder_add(&builder, verify_piece(axis, i).lo,
					    verify_piece(axis, i).hi);
		else
			whole = false;
	}
	*out = algebra_builder_take(&builder);
	return !whole;
}

bool verify_region(const struct verify_space *space, const struct verify_slice *slice,
		   const uint64_t *box, struct arena *arena, struct ir_clause *out)
{
	(void)space;
	bool exact = true;
	*out = (struct ir_clause){0};
	for (size_t a = 0; a < slice->axes; a++) {
		struct algebra_set set;
		if (!set_of(slice, &slice->axis[a], box, arena, &set))
			continue;
		if (slice->axis[a].dim >= IR_DIMS)
			exact = false;
		else
			exact &= ir_clause_narrow(out, arena, slice->axis[a].dim, set);
	}
	u128 family = (u128)slice->family;
	if (family && ir_clause_versions(out) == 3)
		exact &= ir_clause_narrow(out, arena, IR_FAMILY,
					  algebra_set_one(arena, family, family));
	return exact;
}
