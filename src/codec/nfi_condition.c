// SPDX-License-Identifier: Apache-2.0
// Conditions of the NSF-facing model: headers to exact sets, everything else to opaque conditions.
// The one idea: a rule starts as the clause of every packet; each leaf narrows all its clauses, and
// lists of alternatives (frames, an ICMP message of both versions) multiply them. A clause that nothing
// is left of goes.
#include "codec/nfi_read.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

struct clauses {
	VEC(struct ir_clause) list;
};

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static struct algebra_set one(struct nfi_reader *r, u128 value)
{
	return algebra_set_one(r->arena, value, value);
}

static void narrow(struct nfi_reader *r, struct clauses *c, enum ir_dim dim, struct algebra_set set)
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
static void multiply(struct nfi_reader *r, struct clauses *c, const struct clauses *alternatives)
{
	struct clauses product = {0};
	for (size_t i = 0; i < c->list.len; i++)
		for (size_t k = 0; k < alternatives->list.len; k++) {
			struct ir_clause clause = c->list.at[i];
			if (ir_clause_and(&clause, r->arena, &alternatives->list.at[k]))
				vec_push(r->arena, &product.list, clause);
		}
	*c = product;
}

// --- layer 2 ---

#define MAC_RANGES_MOST 4096u

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
	if ((1ull << __builtin_popcountll(high)) > MAC_RANGES_MOST)
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

static bool narrow_mac(struct nfi_reader *r, const struct schema_node *frame, const char *leaf,
		       struct ir_clause *clause)
{
	const char *value = schema_get_value(frame, leaf);
	const char *mask = schema_get_value(frame, arena_printf(r->arena, "%s-mask", leaf));
	struct algebra_set set;
	if (!masked(r, mac(value), mask ? mac(mask) : (uint64_t)algebra_max(48), &set)) {
		nfi_fault(r,
			  &(struct nfi_fault){.code = DIAG_UNSUPPORTED,
					      .node = frame,
					      .condition = leaf,
					      .hint = "use masks whose ones stand together"},
			  "the mask '%s' of %s stands for too many ranges", mask, leaf);
		return false;
	}
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

static void read_layer2(struct nfi_reader *r, const struct schema_node *condition,
			struct clauses *c)
{
	struct clauses frames = {0};
	bool any = false;
	schema_for_each_child (frame, condition) {
		struct ir_clause clause = {0};
		if (strcmp(schema_name(frame), "layer-2") != 0)
			continue;
		any = true;
		if (narrow_mac(r, frame, "destination-mac-address", &clause) &&
		    narrow_mac(r, frame, "source-mac-address", &clause) &&
		    narrow_ethertype(r, ethertype(schema_get_value(frame, "ethertype")), &clause))
			vec_push(r->arena, &frames.list, clause);
	}
	if (!any)
		return;
	nfi_clauses_join(&frames.list.at, &frames.list.len, r->arena);
	frames.list.cap = frames.list.len;
	multiply(r, c, &frames);
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
		      const struct nfi_leaf *leaf, struct clauses *c)
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
		narrow(r, c, leaf->dim, algebra_builder_take(&builder));
}

static void read_leaves(struct nfi_reader *r, const struct schema_node *node, enum nfi_box box,
			struct clauses *c)
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
			   struct clauses *c)
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
		narrow(r, c, dim, algebra_builder_take(&builder));
}

// The number in `protocol`, or -1.
static int read_layer3(struct nfi_reader *r, const struct schema_node *condition, struct clauses *c)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		enum nfi_box box = family == 4 ? NFI_IPV4 : NFI_IPV6;
		const struct schema_node *node = schema_get(condition, nfi_box_name[box]);
		if (!node)
			continue;
		narrow(r, c, IR_FAMILY, one(r, family));
		read_leaves(r, node, box, c);
		read_addresses(r, node, family == 4 ? IR_SRC4 : IR_SRC6, c);
		read_addresses(r, node, family == 4 ? IR_DST4 : IR_DST6, c);
		const char *protocol = schema_get_value(node, "protocol");
		if (protocol)
			narrow(r, c, IR_PROTO, one(r, number(protocol)));
		return protocol ? (int)number(protocol) : -1;
	}
	return -1;
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

static void read_ports(struct nfi_reader *r, const struct schema_node *box, enum ir_dim dim,
		       struct clauses *c)
{
	const struct schema_node *node =
		schema_get(box, dim == IR_SPORT ? "source-port-number" : "destination-port-number");
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
		narrow(r, c, dim, set);
}

// One version's message: any code or type that is not given.
static void add_icmp(struct nfi_reader *r, const struct schema_node *node, unsigned family,
		     struct clauses *out)
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

static void read_icmp(struct nfi_reader *r, const struct schema_node *node, struct clauses *c)
{
	const char *version = schema_get_value(node, "version");
	struct clauses messages = {0};
	if (!version || !strcmp(version, "icmpv4"))
		add_icmp(r, node, 4, &messages);
	if (!version || !strcmp(version, "icmpv6"))
		add_icmp(r, node, 6, &messages);
	multiply(r, c, &messages);
}

// UDP-Lite's ports are UDP's, where layer 3 says that it is UDP-Lite.
static void read_layer4(struct nfi_reader *r, const struct schema_node *condition, int protocol,
			struct clauses *c)
{
	static const unsigned numbers[NFI_BOXES] = {
		[NFI_TCP] = 6, [NFI_UDP] = 17, [NFI_SCTP] = 132, [NFI_DCCP] = 33};
	for (unsigned box = NFI_TCP; box <= NFI_ICMP; box++) {
		const struct schema_node *node = schema_get(condition, nfi_box_name[box]);
		if (!node)
			continue;
		if (box == NFI_ICMP) {
			read_icmp(r, node, c);
			return;
		}
		bool lite = box == NFI_UDP && protocol == 136;
		narrow(r, c, IR_PROTO, one(r, lite ? 136 : numbers[box]));
		read_ports(r, node, IR_SPORT, c);
		read_ports(r, node, IR_DPORT, c);
		read_leaves(r, node, (enum nfi_box)box, c);
		return;
	}
}

// --- opaque conditions and rates ---

struct opaques {
	VEC(struct ir_opaque) list;
};

static const char *opaque_value(struct nfi_reader *r, const struct nfi_list *list,
				const struct schema_node *node)
{
	if (!list->user)
		return arena_strdup(r->arena, schema_identity(node));
	const char *id = schema_get_value(node, "id"), *name = schema_get_value(node, "name");
	return arena_printf(r->arena, "%s%s%s", id, name ? " " : "", name ? name : "");
}

static void read_list(struct nfi_reader *r, const struct schema_node *container,
		      const struct nfi_list *list, struct opaques *out)
{
	VEC(const char *) value = {0};
	schema_for_each_child (node, container)
		if (!strcmp(schema_name(node), list->leaf))
			vec_push(r->arena, &value, opaque_value(r, list, node));
	if (!value.len)
		return;
	const char *name = schema_get_value(container, "description");
	vec_push(r->arena, &out->list,
		 (struct ir_opaque){list->kind, arena_strdup(r->arena, name), value.at, value.len,
				    false});
}

static void read_lists(struct nfi_reader *r, const struct schema_node *parent, struct opaques *out)
{
	if (!parent)
		return;
	for (size_t i = 0; i < NFI_LISTS; i++) {
		const struct schema_node *container = schema_get(parent, nfi_list[i].container);
		if (container)
			read_list(r, container, &nfi_list[i], out);
	}
}

static void read_headers(struct nfi_reader *r, const struct schema_node *condition,
			 struct opaques *out)
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

static int by_kind(const void *a, const void *b)
{
	const struct ir_opaque *x = a, *y = b;
	return (int)x->kind - (int)y->kind;
}

static uint64_t read_rate(struct nfi_reader *r, const struct schema_node *ddos, const char *leaf)
{
	const struct schema_node *node = schema_get(ddos, leaf);
	uint64_t rate = node ? number(schema_value(node)) : 0;
	if (node && !rate)
		nfi_fault(r,
			  &(struct nfi_fault){.code = DIAG_VALUE,
					      .node = node,
					      .condition = "ddos",
					      .hint = "give a rate from 1, or leave the leaf out"},
			  "a rate of 0 is always exceeded");
	return rate;
}

static void read_rates(struct nfi_reader *r, const struct schema_node *condition)
{
	const struct schema_node *ddos = schema_get(condition, "ddos");
	if (!ddos)
		return;
	r->rule->rate = (struct ir_rate){
		.packets = read_rate(r, ddos, "alert-packet-rate"),
		.flows = read_rate(r, ddos, "alert-flow-rate"),
		.bytes_x100 = read_rate(r, ddos, "alert-byte-rate") * 100,
	};
}

// --- the whole ---

static void read_time(struct nfi_reader *r, const struct schema_node *context, struct clauses *c)
{
	const struct schema_node *time = context ? schema_get(context, "time") : NULL;
	struct ir_clause when = {0};
	if (!time)
		return;
	struct clauses periods = {0};
	if (nfi_read_time(r, time, &when))
		vec_push(r->arena, &periods.list, when);
	multiply(r, c, &periods);
}

static void read_packets(struct nfi_reader *r, const struct schema_node *condition,
			 struct clauses *c)
{
	read_layer2(r, condition, c);
	int protocol = read_layer3(r, condition, c);
	read_layer4(r, condition, protocol, c);
	read_time(r, schema_get(condition, "context"), c);
}

void nfi_read_conditions(struct nfi_reader *r, const struct schema_node *rules)
{
	const struct schema_node *condition = schema_get(rules, "condition");
	struct clauses c = {0};
	struct opaques opaques = {0};
	vec_push(r->arena, &c.list, (struct ir_clause){0});
	read_lists(r, rules, &opaques);
	if (condition) {
		read_packets(r, condition, &c);
		read_lists(r, condition, &opaques);
		read_lists(r, schema_get(condition, "context"), &opaques);
		read_headers(r, condition, &opaques);
		read_rates(r, condition);
	}
	for (size_t i = 0; i < c.list.len; i++)
		nfi_clause_reduce(&c.list.at[i], r->arena);
	if (opaques.list.len)
		qsort(opaques.list.at, opaques.list.len, sizeof(*opaques.list.at), by_kind);
	r->rule->clause = c.list.at;
	r->rule->clauses = c.list.len;
	r->rule->opaque = opaques.list.at;
	r->rule->opaques = opaques.list.len;
}
