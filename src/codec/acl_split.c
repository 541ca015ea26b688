// SPDX-License-Identifier: Apache-2.0
// An entry of an access control list holds one value where a clause holds a set, so a clause becomes a product: one
// prefix, one range of ports, one value of each other field a time. As on the NSF-facing interface (nfi_split.c) the
// product is never built; an entry is a position on each axis. What no number of entries can say is refused.
#include "codec/acl_split.h"

#include <assert.h>
#include <string.h>

// --- one dimension as pieces ---

static bool is_address(enum ir_dim dim)
{
	return dim >= IR_SRC4 && dim <= IR_DST6;
}

static bool is_port(enum ir_dim dim)
{
	return dim == IR_SPORT || dim == IR_DPORT;
}

static bool is_mac(enum ir_dim dim)
{
	return dim == IR_SMAC || dim == IR_DMAC;
}

static bool is_interface(enum ir_dim dim)
{
	return dim == IR_IN || dim == IR_OUT;
}

static bool is_full(const struct acl_axis *axis)
{
	return axis->piece.len > CODEC_ACL_PARTS_MOST;
}

static void push(struct acl_split *split, struct acl_axis *axis, struct acl_piece piece)
{
	if (!is_full(axis))
		vec_push(split->arena, &axis->piece, piece);
}

static unsigned ones(u128 mask)
{
	return (unsigned)(__builtin_popcountll((uint64_t)(mask >> 64)) +
			  __builtin_popcountll((uint64_t)mask));
}

// Addresses and MAC addresses. A prefix is told by its length.
static void push_masks(struct acl_split *split, struct acl_axis *axis, struct algebra_set set)
{
	struct nfi_masking how = {split->arena, ir_dim_info[axis->dim].bits, CODEC_ACL_PARTS_MOST};
	struct nfi_masked_list masks;
	for (size_t i = 0; is_address(axis->dim) && i < set.len; i++) {
		nfi_mask(&how, (struct algebra_set){&set.at[i], 1}, &masks);
		for (size_t k = 0; k < masks.list.len; k++)
			push(split, axis,
			     (struct acl_piece){.a = masks.list.at[k].value,
						.b = ones(masks.list.at[k].mask)});
	}
	if (is_address(axis->dim))
		return;
	nfi_mask(&how, set, &masks);
	for (size_t i = 0; i < masks.list.len; i++)
		push(split, axis,
		     (struct acl_piece){.a = masks.list.at[i].value, .b = masks.list.at[i].mask});
}

static void push_ports(struct acl_split *split, struct acl_axis *axis, struct algebra_set set)
{
	bool beyond = set.len == 2 && set.at[0].lo == 0 && set.at[1].hi == 65535 &&
		      set.at[1].lo - set.at[0].hi == 2;
	if (beyond) {
		push(split, axis, (struct acl_piece){.a = set.at[0].hi + 1, .beyond = true});
		return;
	}
	for (size_t i = 0; i < set.len; i++)
		push(split, axis, (struct acl_piece){.a = set.at[i].lo, .b = set.at[i].hi});
}

static void push_icmp(struct acl_split *split, struct acl_axis *axis, struct algebra_range r)
{
	struct nfi_icmp next;
	for (u128 v = r.lo; !is_full(axis) && nfi_icmp_next(r, &v, &next);)
		push(split, axis,
		     (struct acl_piece){.a = next.type,
					.b = next.code < 0 ? 256 : (u128)next.code});
}

static void push_values(struct acl_split *split, struct acl_axis *axis, struct algebra_range r)
{
	for (u128 v = r.lo; v <= r.hi && !is_full(axis); v++)
		push(split, axis, (struct acl_piece){.a = v});
}

static void push_pieces(struct acl_split *split, struct acl_axis *axis, struct algebra_set set)
{
	if (is_port(axis->dim)) {
		push_ports(split, axis, set);
		return;
	}
	if (is_address(axis->dim) || is_mac(axis->dim)) {
		push_masks(split, axis, set);
		return;
	}
	for (size_t i = 0; i < set.len; i++) {
		if (nfi_is_icmp(axis->dim))
			push_icmp(split, axis, set.at[i]);
		else
			push_values(split, axis, set.at[i]);
	}
}

// --- what cannot be said ---

// Whether it is the name of one interface: characters, then zeros.
static bool is_name(struct algebra_range r)
{
	char name[17] = "";
	u128 again;
	for (unsigned i = 0; i < 16; i++)
		name[i] = (char)(r.lo >> (120 - 8 * i));
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false; // XML has no such characters
	return r.lo == r.hi && acl_interface_value(name, &again) && again == r.lo;
}

static bool check_interfaces(const struct ir_rule *rule, const struct ir_cond *cond,
			     struct diags *diags)
{
	for (size_t i = 0; i < cond->set.len; i++)
		if (!is_name(cond->set.at[i])) {
			nfi_refuse(rule, acl_interface_leaf(cond->dim), "name each interface",
				   diags,
				   "an access control list names single interfaces, not all of a "
				   "kind");
			return false;
		}
	return true;
}

static bool is_known(enum ir_dim dim)
{
	return dim != IR_STATE && dim < IR_SCTPCHUNK;
}

static bool check_condition(const struct ir_rule *rule, const struct ir_cond *cond,
			    struct diags *diags)
{
	const char *key = ir_dim_info[cond->dim].key;
	if (!is_known(cond->dim)) {
		nfi_refuse(
			rule, key,
			cond->dim == IR_STATE
				? "an access control list judges each packet for itself: say it by "
				  "addresses, ports and flags, or leave the rule out"
				: "leave the rule out, or enforce it elsewhere",
			diags, "an access control list has no word for the condition '%s'", key);
		return false;
	}
	for (size_t i = 0; i < NFI_LEAVES; i++) {
		const struct nfi_leaf *leaf = &nfi_leaf[i];
		struct algebra_set set = cond->set;
		if (leaf->dim != cond->dim ||
		    (set.at[0].lo >= leaf->least && set.at[set.len - 1].hi <= leaf->most))
			continue;
		nfi_refuse(rule, key, "leave these values out", diags,
			   "an access control list holds %s from %u to %u only", leaf->name,
			   leaf->least, leaf->most);
		return false;
	}
	return !is_interface(cond->dim) || check_interfaces(rule, cond, diags);
}

static bool check(const struct acl_split *split, struct diags *diags)
{
	bool good = true;
	for (size_t i = 0; i < split->clause.len; i++)
		good &= check_condition(split->rule, &split->clause.cond[i], diags);
	return good;
}

// --- version and protocol ---

static enum nfi_box box_of(unsigned protocol)
{
	return protocol == 6                     ? NFI_TCP
	       : protocol == 17                  ? NFI_UDP
	       : protocol == 1 || protocol == 58 ? NFI_ICMP
						 : NFI_BOXES;
}

static void add_transports(struct acl_split *split, struct nfi_transport transport, bool family)
{
	nfi_transports_add(&split->transport, &split->clause, transport, family, split->arena);
}

// A protocol whose fields are asked for. False when the model has no container for them.
static bool add_inside(struct acl_split *split, unsigned protocol, struct diags *diags)
{
	enum nfi_box box = box_of(protocol);
	unsigned versions = ir_clause_versions(&split->clause), own = protocol == 1 ? 1 : 2;
	struct nfi_transport transport = {.protocol = -1, .box = box};
	if (box == NFI_BOXES) {
		nfi_refuse(split->rule, ir_dim_info[IR_PROTO].key,
			   "name the protocol TCP or UDP in the rule", diags,
			   "an access control list knows no ports or other fields of protocol %u",
			   protocol);
		return false;
	}
	if (box == NFI_ICMP && (versions & ~own)) {
		nfi_refuse(split->rule, "icmp", "name the IP version in the rule", diags,
			   "an access control list knows ICMP by its version only");
		return false;
	}
	add_transports(split, transport, box == NFI_ICMP || nfi_asks_layer3(&split->clause));
	return true;
}

static bool find_transports(struct acl_split *split, struct diags *diags)
{
	const struct ir_clause *clause = &split->clause;
	enum nfi_box header = nfi_header_box(split->rule);
	bool inside = ir_clause_asks_transport(clause) || header != NFI_BOXES;
	bool family = nfi_asks_layer3(clause);
	if (!ir_clause_versions(clause))
		return true;
	if (!inside && !ir_clause_set(clause, IR_PROTO)) {
		add_transports(split, (struct nfi_transport){.protocol = -1, .box = NFI_BOXES},
			       family);
		return true;
	}
	struct ir_protocols allowed = ir_clause_protocols(clause);
	for (unsigned p = 0; p < 256; p++) {
		bool fits = header == NFI_BOXES || box_of(p) == header;
		bool boxed = !family && (p == 6 || p == 17);
		struct nfi_transport said = {.protocol = (int)p, .box = NFI_BOXES};
		if (!fits || !(allowed.bit[p / 64] >> p % 64 & 1))
			continue;
		if (!inside && !boxed)
			add_transports(split, said, true);
		else if (!add_inside(split, p, diags))
			return false;
	}
	return true;
}

// --- opaque conditions ---

static const char *prefix_of(const struct ir_opaque *o, size_t i)
{
	static const char *const prefixes[] = {"ingress-interface ", "egress-interface "};
	const char *value = o->value[i];
	if (o->kind == IR_OPAQUE_HEADER) {
		const struct nfi_header *header = nfi_header_of(value);
		return header && header->box != NFI_SCTP ? header->prefix : NULL;
	}
	for (size_t k = 0; o->kind == IR_OPAQUE_FOREIGN && k < array_len(prefixes); k++)
		if (!strncmp(value, prefixes[k], strlen(prefixes[k])) && value[strlen(prefixes[k])])
			return prefixes[k];
	return NULL;
}

// Whether all values stand in one leaf.
static bool one_leaf(const struct ir_opaque *o)
{
	const char *first = o->len && !o->negated ? prefix_of(o, 0) : NULL;
	for (size_t i = 1; first && i < o->len; i++)
		if (prefix_of(o, i) != first)
			return false;
	return first;
}

// Options are 1 to 40 bytes; three of them are four characters of base64.
static bool header_fits(const struct ir_opaque *o)
{
	for (size_t i = 0; o->kind == IR_OPAQUE_HEADER && i < o->len; i++) {
		const char *prefix = prefix_of(o, i), *text = o->value[i] + strlen(prefix);
		size_t len = strlen(text),
		       pad = len > 1 ? (text[len - 1] == '=') + (text[len - 2] == '=') : 0;
		if (!nfi_is_base64(text) ||
		    (strstr(prefix, "options") && (len < 4 || len / 4 * 3 - pad > 40)))
			return false;
	}
	return true;
}

static bool leaf_taken(const struct acl_split *split, size_t at)
{
	const struct ir_rule *rule = split->rule;
	const char *prefix = prefix_of(&rule->opaque[at], 0);
	for (size_t i = 0; i < at; i++)
		if (prefix_of(&rule->opaque[i], 0) == prefix)
			return true;
	return (*prefix == 'i' && ir_clause_set(&split->clause, IR_IN)) ||
	       (*prefix == 'e' && ir_clause_set(&split->clause, IR_OUT));
}

static bool check_opaques(const struct acl_split *split, struct diags *diags)
{
	const struct ir_rule *rule = split->rule;
	for (size_t i = 0; i < rule->opaques; i++) {
		const struct ir_opaque *o = &rule->opaque[i];
		bool good = one_leaf(o) && header_fits(o);
		if (good && !leaf_taken(split, i))
			continue;
		const char *name = ir_opaque_info[o->kind].name;
		nfi_refuse(rule, name, "leave the rule out, or enforce it elsewhere", diags,
			   "an access control list has no %s for the condition '%s%s%s'",
			   good ? "second place" : "word", o->negated ? "not " : "", name,
			   o->len && o->kind == IR_OPAQUE_FOREIGN
				   ? arena_printf(split->arena, " %s", o->value[0])
				   : "");
		return false;
	}
	return true;
}

// --- the entries ---

static void add_axis(struct acl_split *split, const struct acl_axis *axis)
{
	assert(split->axes < array_len(split->axis));
	split->axis[split->axes++] = *axis;
	split->parts *= axis->n;
	if (split->parts > CODEC_ACL_PARTS_MOST)
		split->parts = CODEC_ACL_PARTS_MOST + 1;
}

static void find_axes(struct acl_split *split)
{
	split->parts = split->transport.list.len;
	for (size_t i = 0; i < split->clause.len; i++) {
		struct acl_axis axis = {.dim = split->clause.cond[i].dim};
		if (axis.dim == IR_FAMILY || axis.dim == IR_PROTO)
			continue;
		push_pieces(split, &axis, split->clause.cond[i].set);
		axis.n = axis.piece.len;
		add_axis(split, &axis);
	}
	for (size_t i = 0; i < split->rule->opaques; i++)
		add_axis(split, &(struct acl_axis){.dim = IR_DIMS,
						   .opaque = i,
						   .n = split->rule->opaque[i].len});
}

bool acl_split_init(struct acl_split *split, const struct ir_rule *rule,
		    const struct ir_clause *clause, struct diags *diags)
{
	struct arena *arena = split->arena;
	*split = (struct acl_split){.rule = rule, .clause = *clause, .arena = arena};
	if (!nfi_ip_types(&split->clause, arena))
		return true;
	nfi_clause_reduce(&split->clause, arena);
	if (!check(split, diags) || !check_opaques(split, diags) || !find_transports(split, diags))
		return false;
	find_axes(split);
	return true;
}

bool acl_split_next(struct acl_split *split)
{
	for (size_t i = split->axes; i-- > 0;) {
		if (++split->axis[i].at < split->axis[i].n)
			return true;
		split->axis[i].at = 0;
	}
	return ++split->at < split->transport.list.len;
}

const struct acl_piece *acl_split_piece(const struct acl_split *split, enum ir_dim dim)
{
	for (size_t i = 0; i < split->axes; i++)
		if (split->axis[i].dim == dim)
			return &split->axis[i].piece.at[split->axis[i].at];
	return NULL;
}

const char *acl_split_opaque(const struct acl_split *split, size_t opaque)
{
	const struct ir_opaque *o = &split->rule->opaque[opaque];
	size_t i = 0;
	while (split->axis[i].dim != IR_DIMS || split->axis[i].opaque != opaque)
		i++;
	return o->value[split->axis[i].at] + strlen(prefix_of(o, split->axis[i].at));
}
