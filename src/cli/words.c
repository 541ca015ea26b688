// SPDX-License-Identifier: Apache-2.0
// Rules, verdicts and packets in words and in JSON.
#include "cli/words.h"
#include "verify/verify.h"

#include <jansson.h>
#include <string.h>

static void print_name(const struct ir_rule *rule, struct buf *out)
{
	if (rule->name)
		buf_printf(out, "'%s'", rule->name);
	else
		buf_adds(out, "a rule without a name");
}

static void print_verdict(const struct cli *cli, enum ir_verdict verdict, struct buf *out)
{
	enum cli_colour colour = ir_verdict_passes(verdict)                   ? CLI_GREEN
				 : verdict == IR_DROP || verdict == IR_REJECT ? CLI_RED
									      : CLI_CYAN;
	buf_printf(out, "%s%s%s", cli_colour(cli, colour),
		   verdict == IR_NONE ? "default" : ir_verdict_name[verdict],
		   cli_colour(cli, CLI_PLAIN));
}

void words_rule(struct cli *cli, const struct ir_rule *rule)
{
	print_name(rule, &cli->out);
	if (rule->file && rule->line)
		buf_printf(&cli->out, " (%s:%u)", rule->file, rule->line);
}

void words_rule_beside(const struct cli *cli, const struct ir_rule *rule,
		       const struct ir_rule *beside, struct buf *out)
{
	bool same = beside && beside->file && rule->file && !strcmp(beside->file, rule->file);
	print_name(rule, out);
	buf_adds(out, " (");
	if (same && rule->line)
		buf_printf(out, "line %u, ", rule->line);
	else if (rule->file && rule->line)
		buf_printf(out, "%s:%u, ", rule->file, rule->line);
	if (rule->verdict == IR_NONE)
		buf_adds(out, rule->log == IR_LOG_NONE ? "no action" : "log");
	else
		print_verdict(cli, rule->verdict, out);
	buf_addc(out, ')');
}

void words_verdict(struct cli *cli, enum ir_verdict verdict)
{
	print_verdict(cli, verdict, &cli->out);
}

void words_decision(struct cli *cli, enum ir_verdict verdict, const struct ir_rule *rule,
		    const struct ir_ruleset *ruleset)
{
	words_verdict(cli, verdict);
	if (rule) {
		buf_adds(&cli->out, " by ");
		words_rule(cli, rule);
	} else if (verdict == IR_NONE || verdict != ruleset->default_action) {
		buf_adds(&cli->out, verdict == IR_DROP
					    ? " (the packet belongs to no flow, and the policy "
					      "judges flows)"
					    : " (no rule decides)");
	} else {
		buf_adds(&cli->out, " by default (no rule decides)");
	}
}

void words_note(struct cli *cli, const char *note)
{
	buf_printf(&cli->out, "%snote: %s%s\n", cli_colour(cli, CLI_DIM), note,
		   cli_colour(cli, CLI_PLAIN));
}

void words_notes(struct cli *cli, const struct verify_notes *notes)
{
	for (size_t i = 0; i < notes->list.len; i++)
		words_note(cli, notes->list.at[i]);
}

const char *words_number(struct cli *cli, uint64_t n)
{
	char digits[32], grouped[48];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	size_t to = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			grouped[to++] = ',';
		grouped[to++] = digits[i];
	}
	grouped[to] = '\0';
	return arena_strdup(&cli->arena, grouped);
}

const char *words_count(struct cli *cli, uint64_t n, const char *one, const char *many)
{
	return arena_printf(&cli->arena, "%s %s", words_number(cli, n), n == 1 ? one : many);
}

static uint64_t dims_of(const struct ir_rule *rule)
{
	uint64_t dims = 0;
	for (size_t i = 0; i < rule->clauses; i++)
		for (size_t k = 0; k < rule->clause[i].len; k++)
			dims |= (uint64_t)1 << rule->clause[i].cond[k].dim;
	return dims;
}

void words_scope_add(struct words_scope *scope, const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		scope->opaques |= ruleset->rule.at[i].opaques > 0;
		scope->dims |= dims_of(&ruleset->rule.at[i]);
	}
}

void words_packet_print(const struct words_scope *scope, const struct ir_packet *packet,
			struct buf *out)
{
	struct ir_packet plain = *packet;
	struct ir_truths truths;
	size_t before = out->len;
	for (unsigned i = 0; i < IR_DIMS; i++)
		if (ir_dim_info[i].kind == IR_KIND_PACKET && i != IR_STATE)
			plain.has &= ~(~scope->dims & (uint64_t)1 << i);
	if (!(scope->dims >> IR_TIME))
		plain.time = IR_TIME_UNSAID;
	if (!scope->opaques && plain.opaque_holds == ir_truths_hold) {
		truths = *(const struct ir_truths *)plain.context;
		truths.all_known = false;
		plain.context = &truths;
	}
	ir_packet_print(&plain, out);
	// A packet of which there is nothing to say has its time at least.
	plain.time = packet->time;
	if (out->len == before)
		ir_packet_print(&plain, out);
}

const char *words_packet(struct cli *cli, const struct words_scope *scope,
			 const struct ir_packet *packet)
{
	struct buf text;
	buf_init(&text);
	words_packet_print(scope, packet, &text);
	const char *kept = arena_strdup(&cli->arena, text.data);
	buf_fini(&text);
	return kept;
}

json_t *words_text(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();
	return value ? value : json_string("(not UTF-8)");
}

json_t *words_rule_json(const struct ir_rule *rule)
{
	if (!rule)
		return json_null();
	json_t *value =
		json_pack("{s:o, s:o, s:s}", "policy", words_text(rule->policy), "rule",
			  words_text(rule->name), "verdict", ir_verdict_name[rule->verdict]);
	if (rule->file && rule->line) {
		json_object_set_new(value, "file", words_text(rule->file));
		json_object_set_new(value, "line", json_integer(rule->line));
	}
	return value;
}

json_t *words_decision_json(enum ir_verdict verdict, const struct ir_rule *rule)
{
	json_t *value = rule ? words_rule_json(rule) : json_pack("{s:n, s:n}", "policy", "rule");
	json_object_set_new(value, "verdict",
			    json_string(verdict == IR_NONE ? "default" : ir_verdict_name[verdict]));
	return value;
}

json_t *words_notes_json(const struct verify_notes *notes)
{
	json_t *list = json_array();
	for (size_t i = 0; i < notes->list.len; i++)
		json_array_append_new(list, words_text(notes->list.at[i]));
	return list;
}
