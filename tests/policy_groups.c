// SPDX-License-Identifier: Apache-2.0
// Whether all that a customer's rule names is in the IR that came of it: every group as a whole, every
// pair of a source and a destination, every port; and nothing beside them. The reading of the intent is
// a second one, straight from addresses and ports, which shares no code with the translation.
//
// It leaves out what the translation's own tests cover: MAC addresses, applications, ICMP messages; and
// where locations, users or threat feeds narrow a rule it asks only that nothing is added.
#include "policy_oracle.h"

#include <string.h>

#define EDGES_MOST 64 // of one side of a rule, at each of which all of the other side are tried

struct point {
	unsigned version;
	u128 address;
	bool in; // the side's groups have it
};

struct side {
	bool source, any, whole;   // whole: the groups' addresses alone say who it is
	struct algebra_set set[2]; // of IPv4 and of IPv6
	VEC(struct point) edge;
};

struct look {
	struct policy_document *document;
	struct arena *arena;
	struct policy_unit *unit;
	struct side side[2]; // source, destination
};

static enum ir_dim address_dim(bool source, unsigned version)
{
	return source ? (version == 4 ? IR_SRC4 : IR_SRC6) : (version == 4 ? IR_DST4 : IR_DST6);
}

// --- what is asked for ---

static const struct intent_group *find_group(const struct intent *intent, const char *name)
{
	for (size_t i = 0; i < intent->user_group.len; i++)
		if (!strcmp(intent->user_group.at[i].name, name))
			return &intent->user_group.at[i];
	for (size_t i = 0; i < intent->device_group.len; i++)
		if (!strcmp(intent->device_group.at[i].name, name))
			return &intent->device_group.at[i];
	return NULL;
}

static struct algebra_set addresses4(struct arena *arena, const struct intent_addresses *given)
{
	struct algebra_builder b = {.arena = arena};
	for (size_t i = 0; i < given->prefix4.len; i++) {
		u128 hosts = ((u128)1 << (32 - given->prefix4.at[i].length)) - 1;
		u128 first = given->prefix4.at[i].address & ~hosts;
		algebra_builder_add(&b, first, first | hosts);
	}
	for (size_t i = 0; i < given->range4.len; i++)
		algebra_builder_add(&b, given->range4.at[i].start, given->range4.at[i].end);
	return algebra_builder_take(&b);
}

static struct algebra_set addresses6(struct arena *arena, const struct intent_addresses *given)
{
	struct algebra_builder b = {.arena = arena};
	for (size_t i = 0; i < given->prefix6.len; i++) {
		unsigned length = given->prefix6.at[i].length;
		u128 hosts = length ? ((u128)1 << (128 - length)) - 1 : ~(u128)0;
		u128 first = given->prefix6.at[i].address & ~hosts;
		algebra_builder_add(&b, first, first | hosts);
	}
	for (size_t i = 0; i < given->range6.len; i++)
		algebra_builder_add(&b, given->range6.at[i].start, given->range6.at[i].end);
	return algebra_builder_take(&b);
}

static void add_group(struct look *look, struct side *side, const struct intent_group *group)
{
	for (unsigned v = 0; v < 2; v++) {
		struct algebra_set set = v ? addresses6(look->arena, &group->addresses)
					   : addresses4(look->arena, &group->addresses);
		side->set[v] = algebra_set_union(look->arena, side->set[v], set);
		if (set.len)
			vec_push(look->arena, &look->unit->group,
				 (struct policy_group){.name = group->name,
						       .source = side->source,
						       .version = v ? 6 : 4,
						       .addresses = set});
	}
}

static bool is_geographic(const struct intent_geography *given)
{
	return given->country || given->region || given->city;
}

static void ask(struct look *look, bool source)
{
	const struct intent_condition *c = &look->unit->asked->condition;
	const struct intent_texts *names = source ? &c->firewall.source : &c->firewall.destination;
	struct side *side = &look->side[!source];
	side->source = source;
	side->any = !names->len;
	side->whole = !c->feed.len && !(source && c->context.group.len) &&
		      !is_geographic(source ? &c->context.source : &c->context.destination);
	for (size_t i = 0; i < names->len; i++) {
		const struct intent_group *group =
			find_group(&look->document->intent, names->at[i]);
		if (!group) {
			policy_fault(look->document, "no group '%s'", names->at[i]);
			continue;
		}
		size_t before = look->unit->group.len;
		add_group(look, side, group);
		// One that is told by its MAC addresses alone may have any address.
		side->any |= before == look->unit->group.len;
	}
}

// --- what is there ---

// What the unit's clauses allow in this dimension, taken together.
static struct algebra_set found(const struct look *look, enum ir_dim dim, unsigned version)
{
	struct algebra_builder b = {.arena = look->arena};
	for (size_t i = 0; i < look->unit->rule.len; i++) {
		const struct ir_rule *rule =
			&look->document->ordered.rule.at[look->unit->rule.at[i]];
		for (size_t k = 0; k < rule->clauses; k++) {
			const struct ir_clause *clause = &rule->clause[k];
			const struct algebra_set *set = ir_clause_set(clause, dim);
			if (!(ir_clause_versions(clause) & (version == 4 ? 1u : 2u)))
				continue;
			if (!set)
				algebra_builder_add(&b, 0, algebra_max(ir_dim_info[dim].bits));
			for (size_t r = 0; set && r < set->len; r++)
				algebra_builder_add(&b, set->at[r].lo, set->at[r].hi);
		}
	}
	return algebra_builder_take(&b);
}

static bool allows(const struct ir_clause *clause, enum ir_dim dim, u128 value)
{
	const struct algebra_set *set = ir_clause_set(clause, dim);
	return !set || algebra_set_has(*set, value);
}

// Whether some clause of the unit takes these addresses, and the port unless it is negative.
static bool covers(const struct look *look, const struct point *from, const struct point *to,
		   int32_t port)
{
	unsigned version = from->version;
	for (size_t i = 0; i < look->unit->rule.len; i++) {
		const struct ir_rule *rule =
			&look->document->ordered.rule.at[look->unit->rule.at[i]];
		for (size_t k = 0; k < rule->clauses; k++) {
			const struct ir_clause *c = &rule->clause[k];
			if (ir_clause_versions(c) & (version == 4 ? 1u : 2u) &&
			    allows(c, address_dim(true, version), from->address) &&
			    allows(c, address_dim(false, version), to->address) &&
			    (port < 0 || allows(c, IR_DPORT, (u128)port)))
				return true;
		}
	}
	return false;
}

// --- comparing ---

static bool possible(const struct side *side, unsigned version)
{
	return side->any || side->set[version == 6].len;
}

static void print_set(enum ir_dim dim, struct algebra_set set, struct buf *out)
{
	buf_clear(out);
	ir_set_print(dim, set, out);
}

static void check_whole(struct look *look, unsigned version)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < look->unit->group.len; i++) {
		const struct policy_group *group = &look->unit->group.at[i];
		enum ir_dim dim = address_dim(group->source, version);
		print_set(dim, group->addresses, &text);
		if (group->version == version && look->side[!group->source].whole &&
		    !algebra_set_within(group->addresses, found(look, dim, version)))
			policy_fault(look->document,
				     "rule '%s' does not have all of group '%s': %s",
				     look->unit->name, group->name, text.data);
	}
	for (unsigned s = 0; s < 2; s++) {
		const struct side *side = &look->side[s];
		enum ir_dim dim = address_dim(side->source, version);
		struct algebra_set is = found(look, dim, version);
		print_set(dim, is, &text);
		if (!side->any && !algebra_set_within(is, side->set[version == 6]))
			policy_fault(look->document,
				     "rule '%s' has addresses that none of its groups has: %s",
				     look->unit->name, text.data);
	}
}

static void add_edge(struct look *look, struct side *side, unsigned version, u128 address)
{
	if (side->edge.len < EDGES_MOST)
		vec_push(look->arena, &side->edge,
			 (struct point){version, address,
					side->any ||
						algebra_set_has(side->set[version == 6], address)});
}

// First and last address of each range of each group, and their neighbours.
static void find_edges(struct look *look, struct side *side, unsigned version)
{
	u128 max = algebra_max(version == 4 ? 32 : 128);
	side->edge.len = 0;
	if (side->any)
		add_edge(look, side, version, max / 3);
	for (size_t i = 0; i < look->unit->group.len; i++) {
		const struct policy_group *group = &look->unit->group.at[i];
		if (group->source != side->source || group->version != version)
			continue;
		for (size_t k = 0; k < group->addresses.len; k++) {
			const struct algebra_range *r = &group->addresses.at[k];
			add_edge(look, side, version, r->lo);
			add_edge(look, side, version, r->hi);
			if (r->lo)
				add_edge(look, side, version, r->lo - 1);
			if (r->hi < max)
				add_edge(look, side, version, r->hi + 1);
		}
	}
}

static void check_pair(struct look *look, const struct point *from, const struct point *to,
		       int32_t port)
{
	if (covers(look, from, to, port) == (from->in && to->in))
		return;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	ir_value_print(address_dim(true, from->version), from->address, &text);
	buf_adds(&text, " to ");
	ir_value_print(address_dim(false, from->version), to->address, &text);
	if (port >= 0)
		buf_printf(&text, " port %d", (int)port);
	policy_fault(look->document, "rule '%s' should %smatch %s", look->unit->name,
		     from->in && to->in ? "" : "not ", text.data);
}

// Applications narrow the ports.
static bool has_application(const struct look *look)
{
	const struct intent_condition *c = &look->unit->asked->condition;
	bool has = c->context.application.len > 0;
	for (size_t i = 0; i < c->firewall.destination.len; i++) {
		const struct intent_group *group =
			find_group(&look->document->intent, c->firewall.destination.at[i]);
		has |= group && group->application.len;
	}
	return has;
}

static void check_pairs(struct look *look, unsigned version)
{
	const struct intent_firewall *given = &look->unit->asked->condition.firewall;
	bool ports = given->ports.len && !has_application(look);
	find_edges(look, &look->side[0], version);
	find_edges(look, &look->side[1], version);
	for (size_t i = 0; i < look->side[0].edge.len; i++)
		for (size_t k = 0; k < look->side[1].edge.len; k++) {
			const struct point *from = &look->side[0].edge.at[i],
					   *to = &look->side[1].edge.at[k];
			for (size_t p = 0; p < given->ports.len && ports; p++) {
				check_pair(look, from, to, given->ports.at[p].start);
				check_pair(look, from, to, given->ports.at[p].end);
			}
			if (!ports)
				check_pair(look, from, to, -1);
		}
}

static void check_ports(struct look *look, unsigned version)
{
	const struct intent_firewall *given = &look->unit->asked->condition.firewall;
	struct algebra_builder b = {.arena = look->arena};
	struct algebra_set is = found(look, IR_DPORT, version);
	for (size_t i = 0; i < given->ports.len; i++)
		algebra_builder_add(&b, given->ports.at[i].start, given->ports.at[i].end);
	struct algebra_set wanted = algebra_builder_take(&b);
	if (!given->ports.len)
		return;
	if (!algebra_set_within(is, wanted) ||
	    (!has_application(look) && !algebra_set_within(wanted, is)))
		policy_fault(look->document, "rule '%s' does not have the ports that it names",
			     look->unit->name);
}

bool policy_unit_empty(const struct policy_document *document, const struct policy_unit *unit)
{
	size_t clauses = 0;
	for (size_t i = 0; i < unit->rule.len; i++)
		clauses += document->ordered.rule.at[unit->rule.at[i]].clauses;
	return !clauses;
}

// A rule that matches nothing must say so.
static void check_empty(struct policy_document *document, const struct policy_unit *unit)
{
	for (size_t i = 0; i < document->diags.list.len; i++) {
		const struct diag *d = &document->diags.list.at[i];
		if ((d->code == DIAG_EMPTY || d->code == DIAG_TIME_OVER) && d->rule &&
		    !strcmp(d->rule, unit->name))
			return;
	}
	policy_fault(document, "rule '%s' matches nothing, and no warning says so", unit->name);
}

static bool allowed(const struct look *look, uint8_t protocol, unsigned version)
{
	for (size_t i = 0; i < look->unit->rule.len; i++) {
		const struct ir_rule *rule =
			&look->document->ordered.rule.at[look->unit->rule.at[i]];
		for (size_t k = 0; k < rule->clauses; k++)
			if ((ir_clause_versions(&rule->clause[k]) & (version == 4 ? 1u : 2u)) &&
			    ir_clause_allows_protocol(&rule->clause[k], protocol))
				return true;
	}
	return false;
}

// Ports are of TCP, UDP and SCTP, unless another protocol is named.
static void check_protocols(struct look *look, unsigned version)
{
	static const struct {
		enum intent_term term;
		uint8_t number;
	} transports[] = {{INTENT_TCP, 6}, {INTENT_UDP, 17}, {INTENT_SCTP, 132}, {INTENT_DCCP, 33}};
	const struct intent_firewall *given = &look->unit->asked->condition.firewall;
	if (!given->ports.len && given->transport == INTENT_NO_TERM)
		return;
	for (unsigned p = 0; p < 256; p++) {
		bool wanted = false, is = allowed(look, (uint8_t)p, version);
		for (size_t i = 0; i < array_len(transports); i++)
			wanted |= p == transports[i].number &&
				  (given->transport == transports[i].term ||
				   (given->transport == INTENT_NO_TERM &&
				    transports[i].term != INTENT_DCCP));
		if (is != wanted && (is || !has_application(look)))
			policy_fault(look->document, "rule '%s' should %stake protocol %u",
				     look->unit->name, wanted ? "" : "not ", p);
	}
}

static void check_unit(struct policy_document *document, struct policy_unit *unit)
{
	if (policy_unit_empty(document, unit)) {
		check_empty(document, unit);
		return;
	}
	struct look look = {.document = document, .arena = &document->arena, .unit = unit};
	ask(&look, true);
	ask(&look, false);
	for (unsigned version = 4; version <= 6; version += 2) {
		bool there = possible(&look.side[0], version) && possible(&look.side[1], version);
		if (!there && found(&look, IR_DPORT, version).len)
			policy_fault(document, "rule '%s' has IPv%u, for which it has no pair",
				     unit->name, version);
		if (!there)
			continue;
		check_whole(&look, version);
		check_protocols(&look, version);
		if (!look.side[0].whole || !look.side[1].whole)
			continue;
		check_pairs(&look, version);
		check_ports(&look, version);
	}
	// A version that only one side has can match nothing.
	size_t kept = 0;
	for (size_t i = 0; i < unit->group.len; i++) {
		struct policy_group *group = &unit->group.at[i];
		group->narrowed = !look.side[0].whole || !look.side[1].whole;
		if (possible(&look.side[group->source], group->version))
			unit->group.at[kept++] = *group;
	}
	unit->group.len = kept;
}

// What has opaque conditions is refused, and may have left a group to whoever can tell them.
static bool is_plain(const struct policy_document *document, const struct policy_unit *unit)
{
	for (size_t i = 0; i < unit->rule.len; i++)
		if (document->ordered.rule.at[unit->rule.at[i]].opaques)
			return false;
	return true;
}

void policy_check_groups(struct policy_document *document)
{
	for (size_t i = 0; i < document->unit.len; i++)
		if (document->unit.at[i].asked && is_plain(document, &document->unit.at[i]))
			check_unit(document, &document->unit.at[i]);
}
