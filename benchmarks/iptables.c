// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/iptables.h"
#include "base/buf.h"

#include <netinet/in.h>

// Of a range that is a prefix; false for others.
static bool prefix_of(struct algebra_range range, unsigned *length_out)
{
	u128 free_bits = range.lo ^ range.hi;
	if ((free_bits & (free_bits + 1)) || (range.lo & free_bits))
		return false;
	for (*length_out = 32; free_bits; free_bits >>= 1)
		--*length_out;
	return true;
}

static bool put_prefix(const char *option, struct algebra_range range, struct buf *out)
{
	uint32_t address = (uint32_t)range.lo;
	unsigned length;
	if (!prefix_of(range, &length))
		return false;
	buf_printf(out, " %s %u.%u.%u.%u/%u", option, address >> 24, address >> 16 & 255,
		   address >> 8 & 255, address & 255, length);
	return true;
}

static bool put_ports(const char *option, struct algebra_range range, struct buf *out)
{
	buf_printf(out, " %s %u:%u", option, (unsigned)range.lo, (unsigned)range.hi);
	return true;
}

static bool put_condition(const struct ir_cond *cond, struct buf *out)
{
	if (cond->set.len != 1)
		return false;
	struct algebra_range range = cond->set.at[0];
	switch ((unsigned)cond->dim) {
	case IR_FAMILY:
		return range.lo == 4 && range.hi == 4;
	case IR_SRC4:
		return put_prefix("-s", range, out);
	case IR_DST4:
		return put_prefix("-d", range, out);
	case IR_PROTO: // written before the ports, see below
		return range.lo == range.hi;
	case IR_SPORT:
		return put_ports("--sport", range, out);
	case IR_DPORT:
		return put_ports("--dport", range, out);
	default:
		return false;
	}
}

// Ports need their protocol in front of them.
static bool put_protocol(const struct ir_clause *clause, struct buf *out)
{
	const struct algebra_set *protocol = ir_clause_set(clause, IR_PROTO);
	bool ports = ir_clause_set(clause, IR_SPORT) || ir_clause_set(clause, IR_DPORT);
	if (!protocol)
		return !ports;
	unsigned number = (unsigned)protocol->at[0].lo;
	buf_printf(out, " -p %u", number);
	return !ports || number == IPPROTO_TCP || number == IPPROTO_UDP;
}

static const char *target_of(enum ir_verdict verdict)
{
	return verdict == IR_PASS ? "ACCEPT" : "DROP";
}

static bool put_rule(const struct ir_rule *rule, struct buf *out)
{
	bool decides = rule->verdict == IR_PASS || rule->verdict == IR_DROP;
	if (!decides || rule->flow || rule->opaques || rule->log != IR_LOG_NONE ||
	    rule->clauses != 1 || ir_rule_has_rate(rule))
		return false;
	const struct ir_clause *clause = rule->clause;
	buf_adds(out, "-A FORWARD");
	bool good = put_protocol(clause, out);
	for (size_t i = 0; i < clause->len && good; i++)
		good = put_condition(&clause->cond[i], out);
	buf_printf(out, " -j %s\n", target_of(rule->verdict));
	return good;
}

size_t iptables_print(const struct ir_ruleset *ruleset, struct buf *out)
{
	size_t unsaid = 0;
	buf_printf(out, "*filter\n:FORWARD %s [0:0]\n", target_of(ruleset->default_action));
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		size_t begin = out->len;
		if (put_rule(&ruleset->rule.at[i], out))
			continue;
		out->len = begin;
		unsaid++;
	}
	buf_adds(out, "COMMIT\n");
	return unsaid;
}
