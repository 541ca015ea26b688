// SPDX-License-Identifier: Apache-2.0
// Actions and rates: the verdict, what is logged, and the rates of ddos/rate-limit and limit. With
// rate-limit they are what may pass; with any other action they are a condition, the traffic being
// more than that. Every verdict of a customer is about flows (docs/why/translation.md).
#include "translate/draft.h"

#include <inttypes.h>

static enum ir_verdict verdict_of(struct draft *draft)
{
	static const enum ir_verdict table[INTENT_TERMS] = {
		[INTENT_PASS] = IR_PASS,
		[INTENT_DROP] = IR_DROP,
		[INTENT_REJECT] = IR_REJECT,
		[INTENT_MIRROR] = IR_MIRROR,
		[INTENT_RATE_LIMIT] = IR_RATE_LIMIT,
		[INTENT_INVOKE_SIGNALING] = IR_INVOKE_SIGNALING,
		[INTENT_TUNNEL_ENCAPSULATION] = IR_TUNNEL_ENCAPSULATION,
		[INTENT_FORWARDING] = IR_FORWARDING,
		[INTENT_TRANSFORMATION] = IR_TRANSFORMATION,
	};
	enum intent_term action = draft->rule->action;
	enum ir_verdict verdict = table[action];
	if (action == INTENT_NO_TERM)
		draft_error(draft, DIAG_MISSING, "action/primary-action/action", "give an action",
			    "the rule has no action");
	else if (verdict == IR_NONE)
		draft_error(draft, DIAG_VALUE, "action/primary-action/action",
			    "give the action itself: pass, drop, reject, mirror, rate-limit, ...",
			    "%s is a class of actions", intent_term_name(action));
	return verdict;
}

static enum ir_log log_of(enum intent_term log)
{
	if (log == INTENT_NO_TERM)
		return IR_LOG_NONE;
	// "log-action" asks for any log; the rule's is the lesser one.
	return log == INTENT_SESSION_LOG ? IR_LOG_SESSION : IR_LOG_RULE;
}

// 0 when it is not given, or wrong.
static uint64_t threshold(struct draft *draft, const char *leaf, const struct intent_number *given,
			  uint64_t most)
{
	if (!given->given)
		return 0;
	if (given->value && given->value <= most)
		return given->value;
	draft_error(draft, DIAG_VALUE,
		    arena_printf(draft->context->arena, "condition/ddos/rate-limit/%s", leaf),
		    given->value ? "give a rate that a network can reach"
				 : "give at least 1, or take it out and use drop or pass",
		    "%s cannot be %" PRIu64, leaf, given->value);
	return 0;
}

static uint64_t limit(struct draft *draft)
{
	const struct intent_integer *given = &draft->rule->limit;
	if (!given->given)
		return 0;
	if (draft->rule->action != INTENT_RATE_LIMIT)
		draft_error(draft, DIAG_CONFLICT, "action/primary-action/limit",
			    "use the action rate-limit, or take the limit out",
			    "a limit beside the action %s", intent_term_name(draft->rule->action));
	else if (given->value <= 0)
		draft_error(draft, DIAG_VALUE, "action/primary-action/limit",
			    "give a limit above 0, or use the action drop",
			    "nothing can pass within the limit");
	else
		return (uint64_t)given->value;
	return 0;
}

static struct ir_rate rate_of(struct draft *draft)
{
	const struct intent_ddos *given = &draft->rule->condition.ddos;
	struct ir_rate rate = {
		.packets =
			threshold(draft, "packet-rate-threshold", &given->packet_rate, UINT64_MAX),
		.flows = threshold(draft, "flow-rate-threshold", &given->flow_rate, UINT64_MAX),
	};
	uint64_t bytes =
		100 * threshold(draft, "byte-rate-threshold", &given->byte_rate, UINT64_MAX / 100);
	uint64_t most = limit(draft);
	// Both are limits: the lower one holds.
	rate.bytes_x100 = !bytes || (most && most < bytes) ? most : bytes;
	return rate;
}

void action_apply(struct draft *draft)
{
	size_t errors = draft->context->diags->errors;
	draft->base.verdict = verdict_of(draft);
	draft->base.log = log_of(draft->rule->log);
	draft->base.rate = rate_of(draft);
	if (draft->base.verdict == IR_RATE_LIMIT && !ir_rule_has_rate(&draft->base) &&
	    draft->context->diags->errors == errors)
		draft_error(draft, DIAG_MISSING, "action/primary-action/limit",
			    "give a limit in bytes per second, or a threshold in "
			    "condition/ddos/rate-limit",
			    "rate-limit without a rate");
}
