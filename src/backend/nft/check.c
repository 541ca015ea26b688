// SPDX-License-Identifier: Apache-2.0
// What this back end cannot enforce exactly as it is meant, said rule by rule before anything is sent
// to the kernel; and the table of what it can. What the table names is refused only within the limits
// that the diags state. Pure.
#include "backend/nft/compile.h"
#include "base/diag.h"

#define DCCP_NUMBER 33

const struct backend_capability backend_nft_capabilities[] = {
#define X(leaf_list_, identity_) {.leaf_list = leaf_list_, .identity = identity_},
#include "backend/nft/capability.def"
#undef X
};
const size_t backend_nft_capabilities_len = array_len(backend_nft_capabilities);

struct check {
	const struct ir_rule *rule; // NULL: the ruleset as a whole
	struct diags *diags;
	bool tracked; // connections are tracked, so fragments are put together first
	bool good;
};

struct fault {
	enum diag_code code;
	const char *condition, *capability, *text, *hint;
};

static void refuse(struct check *c, const struct fault *fault)
{
	struct diag about = {.code = fault->code,
			     .condition = fault->condition,
			     .capability = fault->capability,
			     .hint = fault->hint};
	if (c->rule) {
		about.policy = c->rule->policy;
		about.rule = c->rule->name;
		about.file = c->rule->file;
		about.line = c->rule->line;
	}
	diag_add(c->diags, &about, "nft: %s", fault->text);
	c->good = false;
}

static void check_opaques(struct check *c)
{
	for (size_t i = 0; i < c->rule->opaques; i++) {
		const struct ir_opaque *opaque = &c->rule->opaque[i];
		const struct ir_opaque_info *info = &ir_opaque_info[opaque->kind];
		bool asked = info->capability && !opaque->negated;
		refuse(c,
		       &(struct fault){
			       .code = DIAG_CAPABILITY,
			       .condition = info->name,
			       .capability = info->capability,
			       .text = "a condition that packet headers do not tell",
			       .hint = asked ? "place the rule on an NSF that has this capability"
					     : "no NSF can be asked for it: state the rule "
					       "without it"});
	}
}

static bool can_do(enum ir_verdict verdict)
{
	return verdict == IR_NONE || verdict == IR_PASS || verdict == IR_DROP ||
	       verdict == IR_REJECT || verdict == IR_RATE_LIMIT;
}

static void check_rate(struct check *c)
{
	const struct ir_rate *rate = &c->rule->rate;
	struct nft_limit limit;
	if (c->rule->verdict == IR_RATE_LIMIT && !ir_rule_has_rate(c->rule))
		refuse(c, &(struct fault){.code = DIAG_MISSING,
					  .condition = "rate-limit",
					  .text = "rate-limit without a rate",
					  .hint = "give a rate, or the action pass"});
	if ((rate->packets && !nft_limit_of(rate->packets, false, &limit)) ||
	    (rate->flows && !nft_limit_of(rate->flows, false, &limit)))
		refuse(c, &(struct fault){
				  .code = DIAG_CAPABILITY,
				  .capability = "packet-rate",
				  .text = "the kernel cannot count more than 1,000,000,000 packets "
					  "or flows a second",
				  .hint = "give a lower rate, or none"});
	if (rate->bytes_x100 && !nft_limit_of(rate->bytes_x100, true, &limit))
		refuse(c, &(struct fault){
				  .code = DIAG_CAPABILITY,
				  .capability = "byte-rate",
				  .text = "the kernel cannot count this byte rate exactly",
				  .hint = "give whole bytes a second, at most 18 gigabytes, or "
					  "hundredths below 1.8 megabytes"});
}

static void check_action(struct check *c)
{
	if (!can_do(c->rule->verdict))
		refuse(c, &(struct fault){
				  .code = DIAG_CAPABILITY,
				  .condition = "action",
				  .capability = ir_verdict_name[c->rule->verdict],
				  .text = "an action that nf_tables does not have",
				  .hint = "use pass, drop, reject or rate-limit here, or another "
					  "NSF"});
	check_rate(c);
}

// With connection tracking the kernel puts fragments together before a rule sees them.
static bool tells_fragments(const struct ir_cond *cond)
{
	if (cond->dim == IR_FRAGOFF)
		return true;
	if (cond->dim != IR_IPFLAGS)
		return false;
	for (unsigned flags = 0; flags < 8; flags++)
		if (algebra_set_has(cond->set, flags) != algebra_set_has(cond->set, flags ^ 1))
			return true;
	return false;
}

static void check_clock(struct check *c, const struct ir_clause *clause, const struct ir_cond *cond)
{
	bool shifted = clause->clock && (cond->dim == IR_HOUR || cond->dim == IR_WDAY);
	if (shifted || cond->dim == IR_MDAY || cond->dim == IR_MMDD)
		refuse(c, &(struct fault){
				  .code = DIAG_UNSUPPORTED,
				  .condition = ir_dim_info[cond->dim].key,
				  .text = "a time that was not lowered to UTC",
				  .hint = "lower the ruleset's time before it is handed over"});
}

static void check_flow_cond(struct check *c, const struct ir_clause *clause,
			    const struct ir_cond *cond)
{
	bool port = cond->dim == IR_SPORT || cond->dim == IR_DPORT;
	if (port && ir_clause_allows_protocol(clause, DCCP_NUMBER))
		refuse(c,
		       &(struct fault){.code = DIAG_CAPABILITY,
				       .condition = ir_dim_info[cond->dim].key,
				       .capability = "destination-port-number",
				       .text = "connection tracking knows no ports of DCCP flows",
				       .hint = "name the protocol, and use a packet-action for "
					       "DCCP ports"});
	if (cond->dim == IR_DCCPSERVICE)
		refuse(c,
		       &(struct fault){
			       .code = DIAG_CAPABILITY,
			       .condition = ir_dim_info[cond->dim].key,
			       .capability = "service-code",
			       .text = "only the first packets of a DCCP flow have a service code",
			       .hint = "use a packet-action for service codes"});
}

static void check_value(struct check *c, const struct ir_cond *cond)
{
	u128 highest = cond->set.at[cond->set.len - 1].hi;
	if (cond->dim == IR_STATE && highest >= NFT_STATES)
		refuse(c, &(struct fault){.code = DIAG_VALUE,
					  .condition = "state",
					  .text = "no such connection state",
					  .hint = "states are 0 new to 4 untracked"});
	if (cond->dim == IR_TTL && !highest)
		refuse(c,
		       &(struct fault){.code = DIAG_EMPTY,
				       .condition = "ttl",
				       .text = "a packet without time to live is never forwarded",
				       .hint = "give 1 to 255"});
}

static void check_cond(struct check *c, const struct ir_clause *clause, const struct ir_cond *cond)
{
	check_clock(c, clause, cond);
	if (c->rule->flow)
		check_flow_cond(c, clause, cond);
	if (c->tracked && tells_fragments(cond))
		refuse(c,
		       &(struct fault){
			       .code = DIAG_CAPABILITY,
			       .condition = ir_dim_info[cond->dim].key,
			       .capability = "fragment-offset",
			       .text = "where connections are tracked, fragments are put together "
				       "before the rules",
			       .hint = "use only packet-actions without state, or leave the "
				       "fragment condition out"});
	check_value(c, cond);
}

// Conditions on the packet that contradict each other: in a packet rule they match nothing, but against
// a flow's direction they are not asked, so a flow rule with them would still let replies through.
static void check_contradiction(struct check *c, const struct ir_clause *clause)
{
	size_t first = clause->len;
	while (first && ir_dim_info[clause->cond[first - 1].dim].kind != IR_KIND_TUPLE)
		first--;
	struct ir_clause packet = {.len = clause->len - first};
	if (packet.len)
		packet.cond = clause->cond + first;
	bool possible = false;
	for (unsigned p = 0; p < 256 && !possible; p++)
		possible = ir_clause_allows_protocol(&packet, (uint8_t)p);
	if (!possible || !ir_clause_versions(clause))
		refuse(c,
		       &(struct fault){
			       .code = DIAG_EMPTY,
			       .condition = "condition",
			       .text = "a flow rule whose conditions no packet can meet together",
			       .hint = "take out the conditions of the other IP version or "
				       "protocol"});
}

static bool tracks(const struct ir_rule *rule)
{
	bool yes = rule->flow || rule->log == IR_LOG_SESSION || rule->rate.flows;
	for (size_t i = 0; i < rule->clauses; i++)
		yes |= ir_clause_set(&rule->clause[i], IR_STATE) != NULL;
	return yes;
}

static void check_rule(struct check *c)
{
	check_opaques(c);
	check_action(c);
	for (size_t i = 0; i < c->rule->clauses && c->rule->flow; i++)
		check_contradiction(c, &c->rule->clause[i]);
	for (size_t i = 0; i < c->rule->clauses; i++)
		for (size_t k = 0; k < c->rule->clause[i].len; k++)
			check_cond(c, &c->rule->clause[i], &c->rule->clause[i].cond[k]);
}

bool backend_nft_check(const struct ir_ruleset *lowered, struct diags *diags)
{
	struct check c = {.diags = diags, .good = true};
	enum ir_verdict action = lowered->default_action;
	if (action != IR_PASS && action != IR_DROP && action != IR_REJECT)
		refuse(&c, &(struct fault){.code = DIAG_CAPABILITY,
					   .condition = "default-action",
					   .capability = ir_verdict_name[action],
					   .text = "a default action that nf_tables does not have",
					   .hint = "set default-action to pass, drop or reject"});
	for (size_t i = 0; i < lowered->rule.len; i++)
		c.tracked |= tracks(&lowered->rule.at[i]);
	for (size_t i = 0; i < lowered->rule.len; i++) {
		c.rule = &lowered->rule.at[i];
		check_rule(&c);
	}
	return c.good;
}
