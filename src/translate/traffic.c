// SPDX-License-Identifier: Apache-2.0
// Transport protocol, ports, ICMP messages (firewall) and applications (context, device groups).
// The one idea: an application is recognised by the ports that IANA registered for it (RFC 6335) and
// only by them, which every rule that relies on it says; where the rule's own ports say otherwise,
// nothing but a look into the traffic can tell, and the application stays an opaque condition.
#include "translate/draft.h"

#include <netinet/in.h>

static const struct {
	enum intent_term application;
	uint8_t protocol;
	uint16_t port;
} registered[] = {
#define X(application, protocol, port) {application, protocol, port},
#include "translate/applications.def"
#undef X
};

struct icmp_codes {
	uint8_t type, first, last;
};
static const struct {
	enum intent_term message;
	struct icmp_codes v4, v6;
} messages[] = {
#define X(message, type4, first4, last4, type6, first6, last6) \
	{message, {type4, first4, last4}, {type6, first6, last6}},
#include "translate/icmp.def"
#undef X
};

// --- what the firewall condition says ---

// Without a name it is not DCCP, too: hardly anything speaks it, and Linux tracks no ports of it, so that every such rule
// would be refused for a protocol that nobody meant.
static struct algebra_set protocols_of(struct arena *arena, enum intent_term transport)
{
	static const struct {
		enum intent_term term;
		uint8_t protocol;
	} table[] = {{INTENT_TCP, IPPROTO_TCP},
		     {INTENT_UDP, IPPROTO_UDP},
		     {INTENT_SCTP, IPPROTO_SCTP},
		     {INTENT_DCCP, IPPROTO_DCCP}};
	struct algebra_builder all = {.arena = arena};
	for (size_t i = 0; i < array_len(table); i++)
		if (transport == table[i].term ||
		    (transport == INTENT_NO_TERM && table[i].term != INTENT_DCCP))
			algebra_builder_add(&all, table[i].protocol, table[i].protocol);
	return algebra_builder_take(&all);
}

static bool ports_are_ranges(struct draft *draft, const struct intent_firewall *given)
{
	for (size_t i = 0; i < given->ports.len; i++) {
		const struct intent_ports *range = &given->ports.at[i];
		if (range->start <= range->end)
			continue;
		draft_error(draft, DIAG_VALUE, "condition/firewall/range-port-number",
			    "exchange start and end",
			    "the range of ports ends at %u, before its start %u", range->end,
			    range->start);
		return false;
	}
	return true;
}

static void apply_ports(struct draft *draft, const struct intent_firewall *given)
{
	struct arena *arena = draft->context->arena;
	struct branch branch = {0};
	struct algebra_builder ports = {.arena = arena};
	if (!ports_are_ranges(draft, given))
		return;
	for (size_t i = 0; i < given->ports.len; i++)
		algebra_builder_add(&ports, given->ports.at[i].start, given->ports.at[i].end);
	struct algebra_set set = algebra_builder_take(&ports);
	struct algebra_set protocols = protocols_of(arena, given->transport);
	bool possible = ir_clause_narrow(&branch.clause, arena, IR_PROTO, protocols) &&
			(!set.len || ir_clause_narrow(&branch.clause, arena, IR_DPORT, set));
	draft_and(draft, &(struct branches){.at = &branch, .len = possible},
		  "condition/firewall/range-port-number");
}

static void add_message(struct algebra_builder *to, const struct icmp_codes *codes)
{
	unsigned type = codes->type * 256u;
	algebra_builder_add(to, type + codes->first, type + codes->last);
}

static void apply_icmp(struct draft *draft, const struct intent_terms *given)
{
	struct arena *arena = draft->context->arena;
	struct algebra_builder v4 = {.arena = arena}, v6 = {.arena = arena};
	for (size_t i = 0; i < given->len; i++) {
		for (size_t k = 0; k < array_len(messages); k++) {
			if (messages[k].message != given->at[i])
				continue;
			add_message(&v4, &messages[k].v4);
			add_message(&v6, &messages[k].v6);
		}
	}
	struct branch branch[2] = {0};
	bool possible =
		ir_clause_narrow(&branch[0].clause, arena, IR_ICMP4, algebra_builder_take(&v4)) &&
		ir_clause_narrow(&branch[1].clause, arena, IR_ICMP6, algebra_builder_take(&v6));
	draft_and(draft, &(struct branches){.at = branch, .len = possible ? 2 : 0},
		  "condition/firewall/icmp/message");
}

static void apply_firewall(struct draft *draft)
{
	const struct intent_firewall *given = &draft->rule->condition.firewall;
	bool ports = given->transport != INTENT_NO_TERM || given->ports.len;
	if (ports && given->icmp.len)
		draft_error(draft, DIAG_CONFLICT, "condition/firewall/icmp/message",
			    "make two rules of it, one for ICMP and one for the ports",
			    "ICMP messages have neither transport protocol nor ports, but the rule "
			    "asks for both");
	else if (given->icmp.len)
		apply_icmp(draft, &given->icmp);
	else if (ports)
		apply_ports(draft, given);
}

// --- applications ---

static bool in_ranges(const struct intent_firewall *given, uint16_t port)
{
	for (size_t i = 0; i < given->ports.len; i++)
		if (port >= given->ports.at[i].start && port <= given->ports.at[i].end)
			return true;
	return !given->ports.len;
}

static bool in_protocol(enum intent_term transport, uint8_t protocol)
{
	return transport == INTENT_NO_TERM ||
	       (transport == INTENT_TCP && protocol == IPPROTO_TCP) ||
	       (transport == INTENT_UDP && protocol == IPPROTO_UDP);
}

static bool is_listed(const struct intent_terms *terms, enum intent_term term)
{
	for (size_t i = 0; i < terms->len; i++)
		if (terms->at[i] == term)
			return true;
	return false;
}

// Whether the rule's own ports leave the application one that is registered for it.
static bool application_has_port(const struct intent_firewall *given, enum intent_term application)
{
	for (size_t i = 0; i < array_len(registered); i++)
		if (registered[i].application == application &&
		    in_protocol(given->transport, registered[i].protocol) &&
		    in_ranges(given, registered[i].port))
			return true;
	return false;
}

// Whether one of the applications is registered for a port of the range: who lists 80 and 8080 for
// http means http on 8080, too, and no port tells that.
static bool range_has_application(const struct intent_ports *range,
				  const struct intent_terms *applications)
{
	for (size_t i = 0; i < array_len(registered); i++)
		if (is_listed(applications, registered[i].application) &&
		    registered[i].port >= range->start && registered[i].port <= range->end)
			return true;
	return false;
}

static bool decided_by_port(const struct draft *draft, const struct intent_terms *applications)
{
	const struct intent_firewall *given = &draft->rule->condition.firewall;
	if (!draft->context->options->applications_by_port)
		return false;
	for (size_t i = 0; i < applications->len; i++)
		if (!application_has_port(given, applications->at[i]))
			return false;
	for (size_t i = 0; i < given->ports.len; i++)
		if (!range_has_application(&given->ports.at[i], applications))
			return false;
	return true;
}

static void add_ports(struct arena *arena, const struct intent_terms *applications,
		      uint8_t protocol, struct branches *out)
{
	struct algebra_builder ports = {.arena = arena};
	for (size_t i = 0; i < array_len(registered); i++)
		if (registered[i].protocol == protocol &&
		    is_listed(applications, registered[i].application))
			algebra_builder_add(&ports, registered[i].port, registered[i].port);
	struct branch branch = {0};
	if (ir_clause_narrow(&branch.clause, arena, IR_DPORT, algebra_builder_take(&ports)) &&
	    ir_clause_narrow(&branch.clause, arena, IR_PROTO,
			     algebra_set_one(arena, protocol, protocol)))
		branches_add(arena, out, &branch);
}

void traffic_applications(struct draft *draft, const struct intent_terms *applications,
			  struct branches *out)
{
	struct arena *arena = draft->context->arena;
	if (decided_by_port(draft, applications)) {
		add_ports(arena, applications, IPPROTO_TCP, out);
		add_ports(arena, applications, IPPROTO_UDP, out);
		for (size_t i = 0; i < applications->len; i++)
			if (!is_listed(&draft->by_port, applications->at[i]))
				vec_push(arena, &draft->by_port, applications->at[i]);
		return;
	}
	struct intent_texts values = terms_texts(arena, applications);
	struct ir_opaque opaque = {IR_OPAQUE_APPLICATION, NULL, values.at, values.len, false};
	struct branch branch = {.opaque = draft_opaque(draft, &opaque)};
	branches_add(arena, out, &branch);
}

void traffic_apply(struct draft *draft)
{
	const struct intent_terms *applications = &draft->rule->condition.context.application;
	struct branches branches = {0};
	apply_firewall(draft);
	if (!applications->len)
		return;
	traffic_applications(draft, applications, &branches);
	draft_and(draft, &branches, "condition/context/application/protocol");
}
