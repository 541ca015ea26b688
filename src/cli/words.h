// SPDX-License-Identifier: Apache-2.0
// How the answers about rules and packets read, for all offline commands.
#pragma once

#include "cli/cli.h"
#include "ir/ir.h"

struct json_t;
struct verify_notes;

// 'name' (file:line)
void words_rule(struct cli *cli, const struct ir_rule *rule);
// 'name' (file:line, drop); "line 12" for the place when the file is that of the rule beside it.
void words_rule_beside(const struct cli *cli, const struct ir_rule *rule,
		       const struct ir_rule *beside, struct buf *out);
// The verdict in its colour; IR_NONE is "default".
void words_verdict(struct cli *cli, enum ir_verdict verdict);
// "drop by 'name' (file:line)", "default: no rule decides", ...
void words_decision(struct cli *cli, enum ir_verdict verdict, const struct ir_rule *rule,
		    const struct ir_ruleset *ruleset);
// What was left out of an answer; nothing when nothing was.
void words_note(struct cli *cli, const char *note);
void words_notes(struct cli *cli, const struct verify_notes *notes);
const char *words_number(struct cli *cli, uint64_t n) must_check; // "1,234"
// "1 rule", "2 rules", "1 policy".
const char *words_count(struct cli *cli, uint64_t n, const char *one, const char *many) must_check;

// What packets need to say so that the rulesets can be asked again: who and to whom, other headers and the time only when
// some condition is about them, and that unnamed conditions do not hold only when there are any.
struct words_scope {
	uint64_t dims;
	bool opaques;
};
void words_scope_add(struct words_scope *scope, const struct ir_ruleset *ruleset);
void words_packet_print(const struct words_scope *scope, const struct ir_packet *packet,
			struct buf *out);
const char *words_packet(struct cli *cli, const struct words_scope *scope,
			 const struct ir_packet *packet) must_check;

// {"policy", "rule", "file", "line", "verdict"}, null for no rule.
struct json_t *words_rule_json(const struct ir_rule *rule) must_check;
// {"verdict", "policy", "rule", "file", "line"}: as query answers, of one side.
struct json_t *words_decision_json(enum ir_verdict verdict, const struct ir_rule *rule) must_check;
struct json_t *words_notes_json(const struct verify_notes *notes) must_check;
struct json_t *words_text(const char *text) must_check; // null when NULL
