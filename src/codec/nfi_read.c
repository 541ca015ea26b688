// SPDX-License-Identifier: Apache-2.0
// The NSF-facing model to the IR: policies, rules and their actions; conditions are nfi_condition.c's.
// What the agent cannot do as it stands is an error, never left out: a rule that is read means what
// the document says. The parts that codec_nfi_write made of one rule become one again.
#include "codec/nfi_read.h"
#include "base/map.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

void nfi_fault(struct nfi_reader *r, const struct nfi_fault *fault, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	diag_add(r->diags,
		 &(struct diag){.severity = fault->severity,
				.code = fault->code,
				.file = schema_node_file(r->tree, fault->node),
				.line = schema_node_line(r->tree, fault->node),
				.path = schema_path(fault->node, r->arena),
				.policy = r->rule->policy,
				.rule = r->rule->name,
				.condition = fault->condition,
				.hint = fault->hint},
		 "%s", text);
}

static bool is_true(const struct schema_node *node, const char *leaf)
{
	const char *value = schema_get_value(node, leaf);
	return value && !strcmp(value, "true");
}

static bool is_false(const struct schema_node *node, const char *leaf)
{
	const char *value = schema_get_value(node, leaf);
	return value && !strcmp(value, "false");
}

static const char *identity_of(const struct schema_node *node, const char *leaf)
{
	const struct schema_node *child = schema_get(node, leaf);
	return child ? schema_identity(child) : NULL;
}

// --- actions ---

struct action {
	bool given;
	enum ir_verdict verdict;
	enum ir_log log;
};

static enum ir_verdict verdict_of(const char *name)
{
	for (unsigned v = 1; name && v < IR_VERDICTS; v++)
		if (!strcmp(ir_verdict_name[v], name))
			return (enum ir_verdict)v;
	return IR_NONE;
}

static struct action read_action(struct nfi_reader *r, const struct schema_node *node)
{
	const char *ingress = node ? identity_of(node, "ingress-action") : NULL;
	const char *egress = node ? identity_of(node, "egress-action") : NULL;
	const char *log = node ? identity_of(node, "log-action") : NULL;
	if (ingress && egress && strcmp(ingress, egress) != 0)
		nfi_fault(r,
			  &(struct nfi_fault){
				  .code = DIAG_CONFLICT,
				  .node = node,
				  .hint = "give one of them, or the same action for both"},
			  "ingress-action '%s' and egress-action '%s' of one rule differ", ingress,
			  egress);
	return (struct action){
		.given = ingress || egress || log,
		.verdict = verdict_of(ingress ? ingress : egress),
		.log = !log                          ? IR_LOG_NONE
		       : !strcmp(log, "session-log") ? IR_LOG_SESSION
						     : IR_LOG_RULE,
	};
}

static void refuse_advanced(struct nfi_reader *r, const struct schema_node *action)
{
	const struct schema_node *advanced = schema_get(action, "advanced-action");
	if (!advanced)
		return;
	schema_for_each_child (leaf, advanced)
		nfi_fault(
			r,
			&(struct nfi_fault){
				.code = DIAG_UNSUPPORTED,
				.node = leaf,
				.condition = "advanced-action",
				.hint = "send the rule to a function that has this capability"},
			"the action '%s' (%s) hands traffic to a further function, which this one "
			"cannot",
			schema_identity(leaf), schema_name(leaf));
}

// Packet and flow action of one rule, if both are given, must be the same; then it is two rules.
static bool read_actions(struct nfi_reader *r, const struct schema_node *rules)
{
	const struct schema_node *node = schema_get(rules, "action");
	if (!node)
		return false;
	struct action packet = read_action(r, schema_get(node, "packet-action"));
	struct action flow = read_action(r, schema_get(node, "flow-action"));
	bool both = packet.given && flow.given;
	refuse_advanced(r, node);
	if (both && (packet.verdict != flow.verdict || packet.log != flow.log))
		nfi_fault(r,
			  &(struct nfi_fault){.code = DIAG_CONFLICT,
					      .node = node,
					      .hint = "make two rules of it, one of each kind"},
			  "packet-action and flow-action of one rule differ");
	struct action chosen = packet.given ? packet : flow;
	r->rule->flow = flow.given && !packet.given;
	r->rule->verdict = chosen.verdict;
	r->rule->log = chosen.log;
	return both;
}

static void check_rate_limit(struct nfi_reader *r, const struct schema_node *rules)
{
	if (r->rule->verdict == IR_RATE_LIMIT && !ir_rule_has_rate(r->rule))
		nfi_fault(r,
			  &(struct nfi_fault){
				  .code = DIAG_MISSING,
				  .node = rules,
				  .condition = "ddos",
				  .hint = "give the rate as condition/ddos/alert-packet-rate, "
					  "alert-byte-rate or alert-flow-rate"},
			  "the action rate-limit needs a rate");
}

static void refuse_long_connection(struct nfi_reader *r, const struct schema_node *rules)
{
	const struct schema_node *node = schema_get(rules, "long-connection");
	if (node && is_true(node, "enable"))
		nfi_fault(r,
			  &(struct nfi_fault){.code = DIAG_UNSUPPORTED,
					      .node = node,
					      .condition = "long-connection",
					      .hint = "remove long-connection; connections live as "
						      "long as they are used"},
			  "long-connection is not supported");
}

// --- rules ---

static struct ir_rule start_rule(struct nfi_reader *r, const struct schema_node *rules,
				 const char *policy)
{
	return (struct ir_rule){
		.policy = policy,
		.name = arena_strdup(r->arena, schema_get_value(rules, "name")),
		.description = arena_strdup(r->arena, schema_get_value(rules, "description")),
		.file = arena_strdup(r->arena, schema_node_file(r->tree, rules)),
		.line = schema_node_line(r->tree, rules),
		.priority = codec_nfi_priority(rules),
	};
}

static void warn_empty(struct nfi_reader *r, const struct schema_node *rules)
{
	if (!r->rule->clauses)
		nfi_fault(r,
			  &(struct nfi_fault){.severity = DIAG_WARNING,
					      .code = DIAG_EMPTY,
					      .node = rules,
					      .hint = "check its conditions against each other"},
			  "no packet can match rule '%s'", r->rule->name);
}

static void read_rule(struct nfi_reader *r, const struct schema_node *rules,
		      struct ir_policy *policy)
{
	struct ir_rule rule = start_rule(r, rules, policy->name);
	size_t errors = r->diags->errors;
	r->rule = &rule;
	nfi_read_conditions(r, rules);
	bool both = read_actions(r, rules);
	check_rate_limit(r, rules);
	refuse_long_connection(r, rules);
	if (r->diags->errors > errors)
		return;
	warn_empty(r, rules);
	vec_push(r->arena, &policy->rule, rule);
	rule.flow = true;
	if (both)
		vec_push(r->arena, &policy->rule, rule);
}

static void note_disabled(struct nfi_reader *r, const struct schema_node *rules,
			  const struct schema_node *group)
{
	struct ir_rule about = {.name = schema_get_value(rules, "name")};
	r->rule = &about;
	nfi_fault(r,
		  &(struct nfi_fault){
			  .severity = DIAG_NOTE, .code = DIAG_EMPTY, .node = group ? group : rules},
		  "rule '%s' is disabled%s%s%s and left out", about.name,
		  group ? " by the rule group '" : "",
		  group ? schema_get_value(group, "group-name") : "", group ? "'" : "");
}

// Rules that a disabled group names: name -> node of the group.
static struct map disabled_by_group(struct nfi_reader *r, const struct schema_node *policy)
{
	struct map disabled = {.arena = r->arena};
	const struct schema_node *groups = schema_get(policy, "rule-group");
	if (!groups)
		return disabled;
	schema_for_each_child (group, groups) {
		if (!is_false(group, "enable"))
			continue;
		schema_for_each_child (leaf, group)
			if (!strcmp(schema_name(leaf), "rule-name"))
				(void)!map_put(&disabled, schema_value(leaf),
					       (void *)(uintptr_t)group);
	}
	return disabled;
}

// --- policies ---

static enum ir_resolution resolution_of(const char *name)
{
	return !name                   ? IR_FMR
	       : !strcmp(name, "lmr")  ? IR_LMR
	       : !strcmp(name, "pmre") ? IR_PMRE
	       : !strcmp(name, "pmrn") ? IR_PMRN
				       : IR_FMR;
}

static enum ir_verdict read_default(struct nfi_reader *r, const struct schema_node *node)
{
	const struct schema_node *leaf = schema_get(node, "default-action");
	enum ir_verdict verdict = leaf ? verdict_of(schema_identity(leaf)) : IR_MIRROR;
	struct ir_rule about = {.policy = schema_get_value(node, "name")};
	r->rule = &about;
	if (verdict == IR_RATE_LIMIT)
		nfi_fault(
			r,
			&(struct nfi_fault){.code = DIAG_UNSUPPORTED,
					    .node = leaf,
					    .hint = "use pass, drop, reject or mirror, and a rule "
						    "for the rate"},
			"a default action has no place for the rate of rate-limit");
	return verdict;
}

void codec_nfi_frame(const struct schema_tree *tree, const struct schema_node *node,
		     struct arena *arena, struct diags *diags, struct codec_nfi_frame *out)
{
	struct nfi_reader r = {.tree = tree, .arena = arena, .diags = diags};
	const char *usage = identity_of(node, "priority-usage");
	*out = (struct codec_nfi_frame){
		.tree = tree,
		.node = node,
		.policy = {.name = arena_strdup(arena, schema_get_value(node, "name")),
			   .resolution = resolution_of(identity_of(node, "resolution-strategy")),
			   .usage = usage && !strcmp(usage, "priority-by-number") ? IR_BY_NUMBER
										  : IR_BY_ORDER,
			   .default_action = read_default(&r, node)},
		.disabled = disabled_by_group(&r, node),
	};
	out->parts = !strcmp(out->policy.name, CODEC_NFI_POLICY);
}

bool codec_nfi_is_on(const struct codec_nfi_frame *frame, const struct schema_node *rules)
{
	return !is_false(rules, "enable") &&
	       !map_get(&frame->disabled, schema_get_value(rules, "name"));
}

uint8_t codec_nfi_priority(const struct schema_node *rules)
{
	const char *priority = schema_get_value(rules, "priority");
	return priority ? (uint8_t)strtoul(priority, NULL, 10) : 0;
}

const char *codec_nfi_unit(const struct codec_nfi_frame *frame, const struct schema_node *rules,
			   struct arena *arena)
{
	struct nfi_name name;
	if (!frame->parts || !nfi_name_read(schema_get_value(rules, "name"), arena, &name) ||
	    !name.clause)
		return NULL;
	return arena_printf(arena, "%u/%u/%s/%s", codec_nfi_priority(rules), name.run, name.policy,
			    name.rule);
}

static void read_entry(struct nfi_reader *r, const struct codec_nfi_frame *frame,
		       const struct schema_node *rules, struct ir_policy *policy)
{
	if (codec_nfi_is_on(frame, rules))
		read_rule(r, rules, policy);
	else
		note_disabled(r, rules, map_get(&frame->disabled, schema_get_value(rules, "name")));
}

void codec_nfi_read_rules(const struct codec_nfi_frame *frame,
			  const struct schema_node *const *rules, size_t n, struct arena *arena,
			  struct diags *diags, struct ir_policy *out)
{
	struct nfi_reader r = {.tree = frame->tree, .arena = arena, .diags = diags};
	*out = frame->policy;
	for (size_t i = 0; i < n; i++)
		read_entry(&r, frame, rules[i], out);
	if (frame->parts)
		nfi_policy_join(out, arena);
}

struct entries {
	VEC(const struct schema_node *) list;
};

static void read_policy(const struct schema_tree *tree, const struct schema_node *node,
			struct arena *arena, struct diags *diags, struct ir_document *out)
{
	struct codec_nfi_frame frame;
	struct ir_policy policy;
	struct entries entries = {0};
	codec_nfi_frame(tree, node, arena, diags, &frame);
	schema_for_each_child (child, node)
		if (!strcmp(schema_name(child), "rules"))
			vec_push(arena, &entries.list, child);
	codec_nfi_read_rules(&frame, entries.list.at, entries.list.len, arena, diags, &policy);
	vec_push(arena, &out->policy, policy);
}

bool codec_nfi_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct ir_document *out)
{
	size_t errors = diags->errors;
	*out = (struct ir_document){0};
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node))
		if (schema_is(node, CODEC_NFI_MODULE, "i2nsf-security-policy"))
			read_policy(tree, node, arena, diags, out);
	return diags->errors == errors;
}
