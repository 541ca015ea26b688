// SPDX-License-Identifier: Apache-2.0
// Targets (-j, -g). Which of them end a packet's way is a table; what is not in it may do either, so that both are asked as
// opaque conditions. Targets that change a packet or its mark decide nothing, but are gaps: matches on what they change are
// opaque.
#include "import/iptables.h"

#include <string.h>

enum effect { ACCEPTS, DROPS, REJECTS, RETURNS, LOGS, CHANGES, DECIDES };

// `changes`: the match whose truth it may change for later rules of the table.
static const struct target {
	const char *name;
	enum effect effect;
	const char *changes;
} targets[] = {
	{"ACCEPT", ACCEPTS, NULL},
	{"DROP", DROPS, NULL},
	{"REJECT", REJECTS, NULL},
	{"RETURN", RETURNS, NULL},
	{"LOG", LOGS, NULL},
	{"ULOG", LOGS, NULL},
	{"NFLOG", LOGS, NULL},
	{"AUDIT", LOGS, NULL},
	{"TARPIT", DROPS, NULL}, // answers as it likes, and the packet ends
	{"CHAOS", DROPS, NULL},
	{"DELUDE", DROPS, NULL},
	{"STEAL", DROPS, NULL},
	{"QUEUE", DECIDES, NULL},
	{"NFQUEUE", DECIDES, NULL},
	{"ACCOUNT", CHANGES, NULL},
	{"CHECKSUM", CHANGES, NULL},
	{"CLASSIFY", CHANGES, NULL},
	{"CONNMARK", CHANGES, "connmark"},
	{"CONNSECMARK", CHANGES, NULL},
	{"CT", CHANGES, NULL},
	{"DNPT", CHANGES, NULL},
	{"DSCP", CHANGES, NULL},
	{"ECN", CHANGES, NULL},
	{"HL", CHANGES, NULL},
	{"HMARK", CHANGES, "mark"},
	{"IDLETIMER", CHANGES, NULL},
	{"IPMARK", CHANGES, "mark"},
	{"LED", CHANGES, NULL},
	{"MARK", CHANGES, "mark"},
	{"NOTRACK", CHANGES, NULL},
	{"RATEEST", CHANGES, NULL},
	{"SECMARK", CHANGES, NULL},
	{"SET", CHANGES, "set"},
	{"SNPT", CHANGES, NULL},
	{"SYSRQ", CHANGES, NULL},
	{"TCPMSS", CHANGES, NULL},
	{"TCPOPTSTRIP", CHANGES, NULL},
	{"TEE", CHANGES, NULL},
	{"TOS", CHANGES, NULL},
	{"TRACE", CHANGES, NULL},
	{"TTL", CHANGES, NULL},
};

static const struct target *find_target(const char *name)
{
	for (size_t i = 0; i < array_len(targets); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	return NULL;
}

static void decide(struct ipt_rule *rule, enum ir_verdict verdict)
{
	rule->target = IMPORT_VERDICT;
	rule->verdict = verdict;
}

// A reject answers in one way only: with what IR_REJECT says, or it is a gap.
static void read_reject(struct ipt_rule *rule, size_t from)
{
	static const char *const same[] = {"icmp-port-unreachable", "port-unreach",
					   "icmp6-port-unreachable", "tcp-reset", "tcp-rst"};
	decide(rule, IR_REJECT);
	if (from + 1 >= rule->words.list.len)
		return;
	const char *kind = rule->words.list.at[from + 1].text;
	for (size_t i = 0; i < array_len(same); i++)
		if (!strcmp(same[i], kind))
			return;
	import_ipt_gap(rule, arena_printf(rule->reader->arena, "-j REJECT --reject-with %s", kind));
}

static void read_change(struct ipt_rule *rule, const struct target *target)
{
	struct ipt_reader *r = rule->reader;
	import_ipt_gap(rule, arena_printf(r->arena, "-j %s", target->name));
	if (target->changes)
		vec_push(r->arena, &r->changed, target->changes);
	if (!strcmp(target->name, "CONNMARK")) // --restore-mark
		vec_push(r->arena, &r->changed, "mark");
}

// Somebody else decides: a program behind a queue, or a target that is not known.
static void read_decider(struct ipt_rule *rule, size_t from, bool may_continue)
{
	rule->asks = arena_printf(rule->reader->arena, "-j %s",
				  import_ipt_join(rule, from, rule->words.list.len));
	rule->may_continue = may_continue;
	import_ipt_gap(rule,
		       arena_printf(rule->reader->arena, "-j %s", rule->words.list.at[from].text));
}

static void read_known(struct ipt_rule *rule, const struct target *target, size_t from)
{
	switch (target->effect) {
	case ACCEPTS:
		decide(rule, IR_PASS);
		return;
	case DROPS:
		decide(rule, IR_DROP);
		if (strcmp(target->name, "DROP") != 0)
			import_ipt_gap(rule, arena_printf(rule->reader->arena, "-j %s as drop",
							  target->name));
		return;
	case REJECTS:
		read_reject(rule, from + 1);
		return;
	case RETURNS:
		rule->target = IMPORT_RETURN;
		return;
	case LOGS:
		rule->log = IR_LOG_RULE;
		return;
	case CHANGES:
		read_change(rule, target);
		return;
	case DECIDES:
	default:
		read_decider(rule, from, false);
	}
}

void import_ipt_target_read(struct ipt_rule *rule, size_t from, bool go)
{
	rule->target_seen = true;
	if (from >= rule->words.list.len) {
		import_ipt_gap(rule, "-j without a target");
		return;
	}
	const char *name = rule->words.list.at[from].text;
	const struct target *target = find_target(name);
	if (go || map_get(&rule->reader->chains, name)) {
		rule->target = go ? IMPORT_GOTO : IMPORT_JUMP;
		rule->to = name;
	} else if (target) {
		read_known(rule, target, from);
	} else {
		read_decider(rule, from, true);
	}
}
