// SPDX-License-Identifier: Apache-2.0
// Findings in words and in JSON.
#include "cli/finding.h"

#include <jansson.h>

#define CAUSES_SHOWN 3

// "'a' (line 3, drop), 'b' (line 9, pass) and 7 more"
static void say_causes(const struct finding_words *w, const struct verify_finding *finding,
		       struct buf *out)
{
	bool all = finding->causes <= CAUSES_SHOWN || cli_has(w->cli, "all");
	size_t shown = all ? finding->causes : CAUSES_SHOWN;
	size_t more = finding->causes_all - shown;
	const struct ir_rule *rules = w->ruleset->rule.at;
	for (size_t i = 0; i < shown; i++) {
		bool last = i + 1 == shown && !more;
		buf_adds(out, !i ? "" : last ? " and " : ", ");
		words_rule_beside(w->cli, &rules[finding->cause[i]], &rules[finding->rule], out);
	}
	if (more)
		buf_printf(out, " and %zu more", more);
}

static void say_redundant(const struct finding_words *w, const struct verify_finding *finding,
			  struct buf *out)
{
	buf_adds(out, " changes nothing: without it ");
	say_causes(w, finding, out);
	if (finding->causes && finding->by_default)
		buf_adds(out, " and ");
	if (finding->by_default)
		buf_adds(out, "the default action");
	buf_adds(out, " would do the same");
}

static void say(const struct finding_words *w, const struct verify_finding *finding,
		struct buf *out)
{
	bool one = finding->causes_all == 1;
	words_rule_beside(w->cli, &w->ruleset->rule.at[finding->rule], NULL, out);
	switch (finding->kind) {
	case VERIFY_EMPTY:
		buf_adds(out, " matches no packet");
		break;
	case VERIFY_SHADOWED:
		buf_adds(out, " only repeats what is said before it by ");
		say_causes(w, finding, out);
		break;
	case VERIFY_CONFLICTING:
		buf_adds(out, " never decides, and means otherwise: before it ");
		say_causes(w, finding, out);
		buf_printf(out, " decide%s all its packets", one ? "s" : "");
		break;
	case VERIFY_REDUNDANT:
		say_redundant(w, finding, out);
		break;
	case VERIFY_GENERALISED:
		buf_adds(out, " is an exception to ");
		say_causes(w, finding, out);
		break;
	case VERIFY_CORRELATED:
		buf_adds(out, " must stay before ");
		say_causes(w, finding, out);
		buf_adds(out, ": they share packets");
		break;
	case VERIFY_KINDS:
		break;
	}
}

enum cli_colour finding_colour(enum verify_kind kind)
{
	switch (kind) {
	case VERIFY_CONFLICTING:
		return CLI_RED;
	case VERIFY_EMPTY:
	case VERIFY_SHADOWED:
	case VERIFY_REDUNDANT:
		return CLI_YELLOW;
	case VERIFY_GENERALISED:
	case VERIFY_CORRELATED:
	case VERIFY_KINDS:
		break;
	}
	return CLI_CYAN;
}

void finding_print(const struct finding_words *w, const struct verify_finding *finding,
		   struct buf *out)
{
	bool information =
		finding->kind == VERIFY_GENERALISED || finding->kind == VERIFY_CORRELATED;
	const char *plain = cli_colour(w->cli, CLI_PLAIN);
	buf_printf(out, "%s%s%s ", cli_colour(w->cli, finding_colour(finding->kind)),
		   information ? "·" : "✗", plain);
	say(w, finding, out);
	buf_addc(out, '\n');
	if (!finding->packet)
		return;
	buf_printf(out, "    %se.g. ", cli_colour(w->cli, CLI_DIM));
	words_packet_print(&w->scope, finding->packet, out);
	buf_printf(out, "%s\n", plain);
}

const char *finding_text(const struct finding_words *w, const struct verify_finding *finding)
{
	struct buf text;
	buf_init(&text);
	say(w, finding, &text);
	const char *kept = arena_strdup(&w->cli->arena, text.data);
	buf_fini(&text);
	return kept;
}

json_t *finding_json(const struct finding_words *w, const struct verify_finding *finding)
{
	json_t *value = words_rule_json(&w->ruleset->rule.at[finding->rule]);
	json_t *causes = json_array();
	for (size_t i = 0; i < finding->causes; i++)
		json_array_append_new(causes,
				      words_rule_json(&w->ruleset->rule.at[finding->cause[i]]));
	json_object_set_new(value, "kind", json_string(verify_kind_name[finding->kind]));
	json_object_set_new(value, "source", words_text(w->title));
	json_object_set_new(value, "causes", causes);
	json_object_set_new(value, "causes-all", json_integer((json_int_t)finding->causes_all));
	json_object_set_new(value, "by-default", json_boolean(finding->by_default));
	json_object_set_new(value, "packet",
			    words_text(finding->packet
					       ? words_packet(w->cli, &w->scope, finding->packet)
					       : NULL));
	return value;
}
