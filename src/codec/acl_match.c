// SPDX-License-Identifier: Apache-2.0
// Conditions of one entry of an access control list. The header fields are those of the NSF-facing model, read by the
// same code; the difference is that a container with nothing in it is no condition (RFC 8519 section 4.1, `matches`).
#include "codec/acl_inner.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

static bool says_something(const struct schema_node *node)
{
	if (schema_value(node))
		return !schema_is_default(node);
	schema_for_each_child (child, node)
		if (says_something(child))
			return true;
	return false;
}

// The container of a header, if there is a condition in it. One with nothing in it is none; trees do not even keep it.
static const struct schema_node *box_of(const struct schema_node *matches, const char *name)
{
	const struct schema_node *node = schema_get(matches, name);
	return node && says_something(node) ? node : NULL;
}

static void read_frame(struct nfi_reader *r, const struct schema_node *matches,
		       struct nfi_clauses *c)
{
	const struct schema_node *eth = box_of(matches, "eth");
	struct nfi_clauses frames = {0};
	struct ir_clause clause = {0};
	if (!eth)
		return;
	if (nfi_read_frame(r, eth, &clause))
		vec_push(r->arena, &frames.list, clause);
	nfi_multiply(r, c, &frames);
}

static void read_ip(struct nfi_reader *r, const struct schema_node *matches, struct nfi_clauses *c)
{
	for (unsigned family = 4; family <= 6; family += 2) {
		const struct schema_node *ip = box_of(matches, family == 4 ? "ipv4" : "ipv6");
		if (ip)
			nfi_read_ip(r, ip, family, c);
	}
}

static void read_transport(struct nfi_reader *r, const struct schema_node *node, enum nfi_box box,
			   struct nfi_clauses *c)
{
	unsigned protocol = box == NFI_TCP ? 6 : 17;
	nfi_narrow(r, c, IR_PROTO, algebra_set_one(r->arena, protocol, protocol));
	nfi_read_ports(r, schema_get(node, "source-port"), IR_SPORT, c);
	nfi_read_ports(r, schema_get(node, "destination-port"), IR_DPORT, c);
	nfi_read_leaves(r, node, box, c);
}

static void read_layer4(struct nfi_reader *r, const struct schema_node *matches,
			struct nfi_clauses *c)
{
	static const enum nfi_box boxes[] = {NFI_TCP, NFI_UDP, NFI_ICMP};
	for (size_t i = 0; i < array_len(boxes); i++) {
		const struct schema_node *node = box_of(matches, nfi_box_name[boxes[i]]);
		if (node && boxes[i] == NFI_ICMP)
			nfi_read_icmp(r, node, c);
		else if (node)
			read_transport(r, node, boxes[i], c);
	}
}

static void read_interface(struct nfi_reader *r, const struct schema_node *matches, enum ir_dim dim,
			   struct nfi_clauses *c, struct nfi_opaques *opaques)
{
	const char *leaf = acl_interface_leaf(dim), *name = schema_get_value(matches, leaf);
	u128 value;
	if (!name)
		return;
	if (acl_interface_value(name, &value)) {
		nfi_narrow(r, c, dim, algebra_set_one(r->arena, value, value));
		return;
	}
	const char **values = arena_array(r->arena, const char *, 1);
	values[0] = arena_printf(r->arena, "%s %s", leaf, name);
	vec_push(r->arena, &opaques->list,
		 (struct ir_opaque){IR_OPAQUE_FOREIGN, NULL, values, 1, false});
}

void acl_read_matches(struct nfi_reader *r, const struct schema_node *matches)
{
	struct nfi_clauses c = {0};
	struct nfi_opaques opaques = {0};
	vec_push(r->arena, &c.list, (struct ir_clause){0});
	if (matches) {
		read_frame(r, matches, &c);
		read_ip(r, matches, &c);
		read_layer4(r, matches, &c);
		nfi_read_headers(r, matches, &opaques);
		read_interface(r, matches, IR_IN, &c, &opaques);
		read_interface(r, matches, IR_OUT, &c, &opaques);
	}
	for (size_t i = 0; i < c.list.len; i++)
		nfi_clause_reduce(&c.list.at[i], r->arena);
	r->rule->clause = c.list.at;
	r->rule->clauses = c.list.len;
	r->rule->opaque = opaques.list.at;
	r->rule->opaques = opaques.list.len;
}
