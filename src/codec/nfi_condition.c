// SPDX-License-Identifier: Apache-2.0
// Conditions of the NSF-facing model: headers to exact sets, everything else to opaque conditions.
// The one idea: a rule starts as the clause of every packet; each leaf narrows all its clauses, and
// lists of alternatives (frames, an ICMP message of both versions) multiply them. A clause that nothing
// is left of goes.
#include "codec/nfi_read.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

// --- layer 2 ---

static void read_layer2(struct nfi_reader *r, const struct schema_node *condition,
			struct nfi_clauses *c)
{
	struct nfi_clauses frames = {0};
	bool any = false;
	schema_for_each_child (frame, condition) {
		struct ir_clause clause = {0};
		if (strcmp(schema_name(frame), "layer-2") != 0)
			continue;
		any = true;
		if (nfi_read_frame(r, frame, &clause))
			vec_push(r->arena, &frames.list, clause);
	}
	if (!any)
		return;
	nfi_clauses_join(&frames.list.at, &frames.list.len, r->arena);
	frames.list.cap = frames.list.len;
	nfi_multiply(r, c, &frames);
}

// --- layer 3 ---

// The number in `protocol`, or -1.
static int read_layer3(struct nfi_reader *r, const struct schema_node *condition,
		       struct nfi_clauses *c)
{
	const struct schema_node *v4 = schema_get(condition, nfi_box_name[NFI_IPV4]);
	const struct schema_node *v6 = schema_get(condition, nfi_box_name[NFI_IPV6]);
	if (!v4 && !v6)
		return -1;
	return nfi_read_ip(r, v4 ? v4 : v6, v4 ? 4 : 6, c);
}

// --- layer 4 ---

// UDP-Lite's ports are UDP's, where layer 3 says that it is UDP-Lite.
static void read_layer4(struct nfi_reader *r, const struct schema_node *condition, int protocol,
			struct nfi_clauses *c)
{
	static const unsigned numbers[NFI_BOXES] = {
		[NFI_TCP] = 6, [NFI_UDP] = 17, [NFI_SCTP] = 132, [NFI_DCCP] = 33};
	for (unsigned box = NFI_TCP; box <= NFI_ICMP; box++) {
		const struct schema_node *node = schema_get(condition, nfi_box_name[box]);
		if (!node)
			continue;
		if (box == NFI_ICMP) {
			nfi_read_icmp(r, node, c);
			return;
		}
		unsigned number = box == NFI_UDP && protocol == 136 ? 136 : numbers[box];
		nfi_narrow(r, c, IR_PROTO, algebra_set_one(r->arena, number, number));
		nfi_read_ports(r, schema_get(node, "source-port-number"), IR_SPORT, c);
		nfi_read_ports(r, schema_get(node, "destination-port-number"), IR_DPORT, c);
		nfi_read_leaves(r, node, (enum nfi_box)box, c);
		return;
	}
}

// --- opaque conditions and rates ---

static const char *opaque_value(struct nfi_reader *r, const struct nfi_list *list,
				const struct schema_node *node)
{
	if (!list->user)
		return arena_strdup(r->arena, schema_identity(node));
	const char *id = schema_get_value(node, "id"), *name = schema_get_value(node, "name");
	return arena_printf(r->arena, "%s%s%s", id, name ? " " : "", name ? name : "");
}

static void read_list(struct nfi_reader *r, const struct schema_node *container,
		      const struct nfi_list *list, struct nfi_opaques *out)
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

static void read_lists(struct nfi_reader *r, const struct schema_node *parent,
		       struct nfi_opaques *out)
{
	if (!parent)
		return;
	for (size_t i = 0; i < NFI_LISTS; i++) {
		const struct schema_node *container = schema_get(parent, nfi_list[i].container);
		if (container)
			read_list(r, container, &nfi_list[i], out);
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
	uint64_t rate = node ? strtoull(schema_value(node), NULL, 10) : 0;
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

static void read_time(struct nfi_reader *r, const struct schema_node *context,
		      struct nfi_clauses *c)
{
	const struct schema_node *time = context ? schema_get(context, "time") : NULL;
	struct ir_clause when = {0};
	if (!time)
		return;
	struct nfi_clauses periods = {0};
	if (nfi_read_time(r, time, &when))
		vec_push(r->arena, &periods.list, when);
	nfi_multiply(r, c, &periods);
}

static void read_packets(struct nfi_reader *r, const struct schema_node *condition,
			 struct nfi_clauses *c)
{
	read_layer2(r, condition, c);
	int protocol = read_layer3(r, condition, c);
	read_layer4(r, condition, protocol, c);
	read_time(r, schema_get(condition, "context"), c);
}

void nfi_read_conditions(struct nfi_reader *r, const struct schema_node *rules)
{
	const struct schema_node *condition = schema_get(rules, "condition");
	struct nfi_clauses c = {0};
	struct nfi_opaques opaques = {0};
	vec_push(r->arena, &c.list, (struct ir_clause){0});
	read_lists(r, rules, &opaques);
	if (condition) {
		read_packets(r, condition, &c);
		read_lists(r, condition, &opaques);
		read_lists(r, schema_get(condition, "context"), &opaques);
		nfi_read_headers(r, condition, &opaques);
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
