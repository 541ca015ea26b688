// SPDX-License-Identifier: Apache-2.0
// Header fields as ietf-packet-fields has them, to exact sets: what the NSF-facing model and access control lists share.
// A field narrows all clauses; alternatives multiply them; a clause that nothing is left of goes.
#include "codec/nfi_read.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static struct algebra_set one(struct nfi_reader *r, u128 value)
{
	return algebra_set_one(r->arena, value, value);
}

void nfi_narrow(struct nfi_reader *r, struct nfi_clauses *c, enum ir_dim dim,
		struct algebra_set set)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->list.len; i++) {
		struct ir_clause clause = c->list.at[i];
		if (ir_clause_narrow(&clause, r->arena, dim, set))
			c->list.at[kept++] = clause;
	}
	c->list.len = kept;
}

// Every clause with every alternative.
void nfi_multiply(struct nfi_reader *r, struct nfi_clauses *c,
		  const struct nfi_clauses *alternatives)
{
	struct nfi_clauses product = {0};
	for (size_t i = 0; i < c->list.len; i++)
		for (size_t k = 0; k < alternatives->list.len; k++) {
			struct ir_clause clause = c->list.at[i];
			if (ir_clause_and(&clause, r->arena, &alternatives->list.at[k]))
				vec_push(r->arena, &product.list, clause);
		}
	*c = product;
}

// --- layer 2 ---

static uint64_t mac(const char *text)
{
	uint64_t value = 0;
	for (; *text; text += 2 + (text[2] == ':'))
		value = value << 8 | strtoul((char[]){text[0], text[1], 0}, NULL, 16);
	return value;
}

// All values that agree with `value` where `mask` has ones. The low free bits make ranges, the others
// multiply them.
static bool masked(struct nfi_reader *r, uint64_t value, uint64_t mask, struct algebra_set *out)
{
	const uint64_t all = (uint64_t)algebra_max(48);
	uint64_t low = 0, free_bits = all & ~mask;
	while (low < all && (free_bits & (low + 1)))
		low = low << 1 | 1;
	uint64_t high = free_bits & ~low, at = 0;
	if ((1ull << __builtin_popcountll(high)) > NFI_MASK_RANGES_MOST)
		return false;
	struct algebra_builder builder = {.arena = r->arena};
	do {
		uint64_t lo = (value & mask) | at;
		algebra_builder_add(&builder, lo, lo | low);
		at = (at - high) & high; // the next subset of the bits of `high`
	} while (at);
	*out = algebra_builder_take(&builder);
	return true;
}

static bool refuse_mask(struct nfi_reader *r, const struct schema_node *frame, const char *leaf,
			const char *mask, bool alone)
{
	nfi_fault(r,
		  &(struct nfi_fault){.code = alone ? DIAG_MISSING : DIAG_UNSUPPORTED,
				      .node = frame,
				      .condition = leaf,
				      .hint = alone ? "give the address, or leave the mask out"
						    : "use masks whose ones stand together"},
		  alone ? "the mask '%s' stands without its %s"
			: "the mask '%s' of %s stands for too many ranges",
		  mask, leaf);
	return false;
}

static bool narrow_mac(struct nfi_reader *r, const struct schema_node *frame, const char *leaf,
		       struct ir_clause *clause)
{
	const char *value = schema_get_value(frame, leaf);
	const char *mask = schema_get_value(frame, arena_printf(r->arena, "%s-mask", leaf));
	struct algebra_set set;
	if (!value)
		return !mask || refuse_mask(r, frame, leaf, mask, true);
	if (!masked(r, mac(value), mask ? mac(mask) : (uint64_t)algebra_max(48), &set))
		return refuse_mask(r, frame, leaf, mask, false);
	return ir_clause_narrow(clause, r->arena, leaf[0] == 's' ? IR_SMAC : IR_DMAC, set);
}

static unsigned ethertype(const char *text)
{
	static const struct {
		const char *name;
		unsigned value;
	} names[] = {
#define X(name, value) {name, value},
#include "codec/ethertypes.def"
#undef X
	};
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcmp(names[i].name, text))
			return names[i].value;
	return (unsigned)number(text);
}

// The EtherTypes of IP are the IP version, which every function knows how to match.
static bool narrow_ethertype(struct nfi_reader *r, unsigned type, struct ir_clause *clause)
{
	if (nfi_is_ip_type(type))
		return ir_clause_narrow(clause, r->arena, IR_FAMILY,
					one(r, type == 0x0800 ? 4 : 6));
	return ir_clause_narrow(clause, r->arena, IR_ETHERTYPE, one(r, type));
}

bool nfi_read_frame(struct nfi_reader *r, const struct schema_node *frame, struct ir_clause *out)
{
	const char *type = schema_get_value(frame, "ethertype");
	return narrow_mac(r, frame, "destination-mac-address", out) &&
	       narrow_mac(r, frame, "source-mac-address", out) &&
	       (!type || narrow_ethertype(r, ethertype(type), out));
}

// --- leaves that are one field ---

static uint32_t bits(enum ir_dim dim, const char *text)
{
	uint32_t value = 0;
	for (const struct nfi_bit *bit = nfi_bits(dim); bit->name; bit++) {
		size_t len = strlen(bit->name);
		for (const char *at = text; (at = strstr(at, bit->name)); at += len)
			if ((at == text || at[-1] == ' ') && (!at[len] || at[len] == ' '))
				value |= bit->value;
	}
	return value;
}

static void read_leaf(struct nfi_reader *r, const struct schema_node *box,
		      const struct nfi_leaf *leaf, struct nfi_clauses *c)
{
	struct algebra_builder builder = {.arena = r->arena};
	bool any = false;
	schema_for_each_child (node, box) {
		if (strcmp(schema_name(node), leaf->name) != 0)
			continue;
		const char *text = schema_value(node);
		uint64_t value = leaf->form == NFI_BITS ? bits(leaf->dim, text) : number(text);
		any = true;
		// The model allows values that the field cannot have: no packet has them.
		if (value <= algebra_max(ir_dim_info[leaf->dim].bits))
			algebra_builder_add(&builder, value, value);
	}
	if (any)
		nfi_narrow(r, c, leaf->dim, algebra_builder_take(&builder));
}

void nfi_read_leaves(struct nfi_reader *r, const struct schema_node *node, enum nfi_box box,
		     struct nfi_clauses *c)
{
	for (size_t i = 0; i < NFI_LEAVES; i++)
		if (nfi_leaf[i].box == box)
			read_leaf(r, node, &nfi_leaf[i], c);
}

// --- layer 3 ---

static bool address(const char *text, u128 *out)
{
	int family;
	return ir_address_parse(text, &family, out);
}

static void add_prefix(struct nfi_reader *r, const struct schema_node *node, unsigned width,
		       struct algebra_builder *builder)
{
	const char *text = schema_value(node), *slash = strchr(text, '/');
	u128 value;
	if (!slash || !address(arena_strndup(r->arena, text, (size_t)(slash - text)), &value)) {
		nfi_fault(r,
			  &(struct nfi_fault){.code = DIAG_VALUE,
					      .node = node,
					      .hint = "give an address, '/', and a length"},
			  "'%s' is no prefix", text);
		return;
	}
	unsigned free_bits = width - (unsigned)number(slash + 1);
	u128 span = free_bits ? algebra_max(free_bits) : 0;
	algebra_builder_add(builder, value & ~span, value | span);
}

static void add_range(struct nfi_reader *r, const struct schema_node *node,
		      struct algebra_builder *builder)
{
	const char *from = schema_get_value(node, "start"), *to = schema_get_value(node, "end");
	u128 lo, hi;
	if (!address(from, &lo) || !address(to, &hi) || lo > hi) {
		nfi_fault(r,
			  &(struct nfi_fault){.code = DIAG_VALUE,
					      .node = node,
					      .hint = "give the lower address as start"},
			  "the range from %s to %s has no address", from, to);
		return;
	}
	algebra_builder_add(builder, lo, hi);
}

static void read_addresses(struct nfi_reader *r, const struct schema_node *box, enum ir_dim dim,
			   struct nfi_clauses *c)
{
	struct algebra_builder builder = {.arena = r->arena};
	const char *side = dim == IR_SRC4 || dim == IR_SRC6 ? "source-" : "destination-";
	size_t len = strlen(side);
	bool any = false;
	schema_for_each_child (node, box) {
		const char *name = schema_name(node), *last = strrchr(name, '-');
		if (strncmp(name, side, len) != 0)
			continue;
		any = true;
		if (!strcmp(last, "-network"))
			add_prefix(r, node, ir_dim_info[dim].bits, &builder);
		else
			add_range(r, node, &builder);
	}
	if (any)
		nfi_narrow(r, c, dim, algebra_builder_take(&builder));
}

int nfi_read_ip(struct nfi_reader *r, const struct schema_node *node, unsigned family,
		struct nfi_clauses *c)
{
	nfi_narrow(r, c, IR_FAMILY, one(r, family));
	nfi_read_leaves(r, node, family == 4 ? NFI_IPV4 : NFI_IPV6, c);
	read_addresses(r, node, family == 4 ? IR_SRC4 : IR_SRC6, c);
	read_addresses(r, node, family == 4 ? IR_DST4 : IR_DST6, c);
	const char *protocol = schema_get_value(node, "protocol");
	if (protocol)
		nfi_narrow(r, c, IR_PROTO, one(r, number(protocol)));
	return protocol ? (int)number(protocol) : -1;
}

// --- layer 4 ---

static void add_operator(const char *operator, uint64_t port, struct algebra_builder *builder)
{
	if (!operator|| !strcmp(operator, "eq"))
		algebra_builder_add(builder, port, port);
	else if (!strcmp(operator, "lte"))
		algebra_builder_add(builder, 0, port);
	else if (!strcmp(operator, "gte"))
		algebra_builder_add(builder, port, 65535);
	if (operator&& !strcmp(operator, "neq") && port)
		algebra_builder_add(builder, 0, port - 1);
	if (operator&& !strcmp(operator, "neq") && port < 65535)
		algebra_builder_add(builder, port + 1, 65535);
}

void nfi_read_ports(struct nfi_reader *r, const struct schema_node *node, enum ir_dim dim,
		    struct nfi_clauses *c)
{
	struct algebra_builder builder = {.arena = r->arena};
	if (!node)
		return;
	const char *lower = schema_get_value(node, "lower-port");
	const char *upper = schema_get_value(node, "upper-port");
	const char *port = schema_get_value(node, "port");
	if (lower && upper)
		algebra_builder_add(&builder, number(lower), number(upper));
	if (port)
		add_operator(schema_get_value(node, "operator"), number(port), &builder);
	schema_for_each_child (list, node)
		if (!strcmp(schema_name(list), "port-numbers"))
			algebra_builder_add(&builder, number(schema_get_value(list, "start")),
					    number(schema_get_value(list, "end")));
	struct algebra_set set = algebra_builder_take(&builder);
	if (set.len)
		nfi_narrow(r, c, dim, set);
}

// One version's message: any code or type that is not given.
static void add_icmp(struct nfi_reader *r, const struct schema_node *node, unsigned family,
		     struct nfi_clauses *out)
{
	const char *type = schema_get_value(node, "type"), *code = schema_get_value(node, "code");
	struct algebra_builder builder = {.arena = r->arena};
	struct ir_clause clause = {0};
	uint64_t first = type ? number(type) : 0, last = type ? first : 255;
	for (uint64_t t = first; t <= last; t++)
		algebra_builder_add(&builder, t * 256 + (code ? number(code) : 0),
				    t * 256 + (code ? number(code) : 255));
	if (ir_clause_narrow(&clause, r->arena, IR_FAMILY, one(r, family)) &&
	    ir_clause_narrow(&clause, r->arena, IR_PROTO, one(r, family == 4 ? 1 : 58)) &&
	    ir_clause_narrow(&clause, r->arena, family == 4 ? IR_ICMP4 : IR_ICMP6,
			     algebra_builder_take(&builder)))
		vec_push(r->arena, &out->list, clause);
}

void nfi_read_icmp(struct nfi_reader *r, const struct schema_node *node, struct nfi_clauses *c)
{
	const char *version = schema_get_value(node, "version");
	struct nfi_clauses messages = {0};
	if (!version || !strcmp(version, "icmpv4"))
		add_icmp(r, node, 4, &messages);
	if (!version || !strcmp(version, "icmpv6"))
		add_icmp(r, node, 6, &messages);
	nfi_multiply(r, c, &messages);
}

void nfi_read_headers(struct nfi_reader *r, const struct schema_node *condition,
		      struct nfi_opaques *out)
{
	for (size_t i = 0; i < array_len(nfi_header); i++) {
		const struct nfi_header *header = &nfi_header[i];
		const struct schema_node *box = schema_get(condition, nfi_box_name[header->box]);
		const char *text = box ? schema_get_value(box, header->leaf) : NULL;
		if (!text)
			continue;
		const char **value = arena_array(r->arena, const char *, 1);
		value[0] = arena_printf(r->arena, "%s%s", header->prefix, text);
		vec_push(r->arena, &out->list,
			 (struct ir_opaque){IR_OPAQUE_HEADER, NULL, value, 1, false});
	}
}
