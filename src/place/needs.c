// SPDX-License-Identifier: Apache-2.0
// What a rule needs of whoever enforces it: one row a dimension and capability, and the opaque
// conditions' own table. The NSF-facing interface decides what is needed, because that is how the
// rule will be asked for; what that model or the capability model has no word for, nobody can be
// asked for.
#include "place/place.h"

#include <string.h>

enum { V4 = 1, V6 = 2, ANY = 0 };

// `versions`: needed where the clause can be of that IP version; ANY: always. `protocol`: needed
// where it can be of that protocol; 0: always.
static const struct row {
	enum ir_dim dim;
	unsigned versions;
	uint8_t protocol;
	enum cap_set set;
	enum cap_identity identity;
	const char *condition;
} rows[] = {
#define X(dim, versions, protocol, set, identity, condition) \
	{dim, versions, protocol, set, identity, condition},
#include "place/needs.def"
#undef X
};

static void need(struct place_needs *needs, struct arena *arena, struct place_need n)
{
	for (size_t i = 0; i < needs->list.len; i++)
		if (needs->list.at[i].set == n.set && needs->list.at[i].identity == n.identity &&
		    !strcmp(needs->list.at[i].condition, n.condition))
			return;
	vec_push(arena, &needs->list, n);
}

static bool applies(const struct row *row, const struct ir_clause *clause, unsigned versions)
{
	return ir_clause_set(clause, row->dim) && (!row->versions || (row->versions & versions)) &&
	       (!row->protocol || ir_clause_allows_protocol(clause, row->protocol));
}

static bool any_code(const struct algebra_set *set)
{
	for (size_t i = 0; set && i < set->len; i++)
		if (set->at[i].lo % 256 || set->at[i].hi % 256 != 255)
			return false;
	return true;
}

static void clause_needs(const struct ir_clause *clause, struct arena *arena,
			 struct place_needs *out)
{
	unsigned versions = ir_clause_versions(clause);
	bool inside = ir_clause_asks_transport(clause); // which says the protocol, too
	for (size_t i = 0; i < array_len(rows); i++) {
		const struct row *row = &rows[i];
		bool implied = row->dim == IR_PROTO && inside;
		bool code = row->identity == CAP_CODE;
		if (!applies(row, clause, versions) || implied ||
		    (code && any_code(ir_clause_set(clause, row->dim))))
			continue;
		need(out, arena, (struct place_need){row->set, row->identity, row->condition});
	}
}

// The capability model calls one kind of device otherwise than the policy models.
static enum cap_identity identity_of(const char *value, enum cap_set set)
{
	enum cap_identity identity;
	if (!strcmp(value, "iot-device"))
		value = "iot";
	return cap_identity_find(value, &identity) && cap_allows(set, identity) ? identity
										: CAP_UNSPEAKABLE;
}

static void opaque_needs(const struct ir_opaque *opaque, struct arena *arena,
			 struct place_needs *out)
{
	const struct ir_opaque_info *info = &ir_opaque_info[opaque->kind];
	enum cap_set set;
	if (!info->leaf || opaque->negated) { // the set only fills the place
		need(out, arena, (struct place_need){CAP_SET_IPV4, CAP_UNSPEAKABLE, info->name});
		return;
	}
	if (!cap_set_find(info->leaf, &set))
		return;
	enum cap_identity identity = identity_of(info->capability, set);
	bool by_value = opaque->kind == IR_OPAQUE_DEVICE || opaque->kind == IR_OPAQUE_APPLICATION ||
			opaque->kind == IR_OPAQUE_EVENT || opaque->kind == IR_OPAQUE_ALARM;
	for (size_t i = 0; by_value && i < opaque->len; i++)
		need(out, arena,
		     (struct place_need){set, identity_of(opaque->value[i], set), info->name});
	if (!by_value)
		need(out, arena, (struct place_need){set, identity, info->name});
}

// Header fields that are no sets: their values say which.
static void header_needs(const struct ir_opaque *opaque, struct arena *arena,
			 struct place_needs *out)
{
	for (size_t i = 0; i < opaque->len; i++) {
		const char *value = opaque->value[i];
		struct place_need n = {CAP_SET_TCP, CAP_UNSPEAKABLE, "header"};
		if (!strncmp(value, "tcp/options=", 12))
			n = (struct place_need){CAP_SET_TCP, CAP_OPTIONS, "tcp/options"};
		else if (!strncmp(value, "sctp/chunk-length=", 18))
			n = (struct place_need){CAP_SET_SCTP, CAP_LENGTH, "sctp/chunk-length"};
		else if (!strncmp(value, "icmp/", 5))
			n = (struct place_need){CAP_SET_ICMPV4, CAP_UNSPEAKABLE,
						"icmp/rest-of-header"};
		need(out, arena, n);
	}
}

static void action_needs(const struct ir_rule *rule, struct arena *arena, struct place_needs *out)
{
	enum cap_set set =
		rule->verdict <= IR_RATE_LIMIT ? CAP_SET_INGRESS_ACTION : CAP_SET_EGRESS_ACTION;
	if (rule->verdict != IR_NONE)
		need(out, arena,
		     (struct place_need){set, identity_of(ir_verdict_name[rule->verdict], set),
					 "action"});
	if (rule->log != IR_LOG_NONE)
		need(out, arena,
		     (struct place_need){CAP_SET_LOG_ACTION,
					 rule->log == IR_LOG_RULE ? CAP_RULE_LOG : CAP_SESSION_LOG,
					 "log-action"});
}

static void rate_needs(const struct ir_rate *rate, struct arena *arena, struct place_needs *out)
{
	if (rate->packets)
		need(out, arena,
		     (struct place_need){CAP_SET_ANTI_DDOS, CAP_PACKET_RATE, "ddos/packet-rate"});
	if (rate->flows)
		need(out, arena,
		     (struct place_need){CAP_SET_ANTI_DDOS, CAP_FLOW_RATE, "ddos/flow-rate"});
	if (rate->bytes_x100)
		need(out, arena,
		     (struct place_need){CAP_SET_ANTI_DDOS, CAP_BYTE_RATE, "ddos/byte-rate"});
}

void place_needs(const struct ir_rule *rule, struct arena *arena, struct place_needs *out)
{
	*out = (struct place_needs){0};
	for (size_t i = 0; i < rule->clauses; i++)
		clause_needs(&rule->clause[i], arena, out);
	for (size_t i = 0; i < rule->opaques; i++) {
		if (rule->opaque[i].kind == IR_OPAQUE_HEADER && !rule->opaque[i].negated)
			header_needs(&rule->opaque[i], arena, out);
		else
			opaque_needs(&rule->opaque[i], arena, out);
	}
	rate_needs(&rule->rate, arena, out);
	action_needs(rule, arena, out);
}
