// SPDX-License-Identifier: Apache-2.0
// The operations that ask the analysis engine: analyse, compare, assert.
#include "north/call.h"
#include "engine/questions.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_name[] = {[VERIFY_DONE] = "finished",
					  [VERIFY_STOPPED] = "stopped",
					  [VERIFY_OVER_BUDGET] = "over-budget"};

static bool no_candidate(struct call *c)
{
	diag_error(&c->x->diags, DIAG_MISSING, "/bulwark-controller:candidate",
		   "put the document there", "the candidate is asked about, but there is none");
	return false;
}

static bool subject(struct call *c, const char *leaf, struct engine_subject *out)
{
	const char *of = call_text(c, leaf);
	*out = (struct engine_subject){.nsf = call_text(c, "nsf")};
	if (!strcmp(of, "deployed"))
		out->whose = ENGINE_DEPLOYED;
	else if (strcmp(of, "latest") != 0 && strcmp(of, "candidate") != 0)
		out->revision = (uint32_t)strtoul(of, NULL, 10);
	if (strcmp(of, "candidate") != 0)
		return true;
	out->whose = ENGINE_CANDIDATE;
	out->document = call_text(c, "candidate");
	out->len = out->document ? strlen(out->document) : 0;
	return out->document || no_candidate(c);
}

static bool question(struct call *c, struct engine_question *out)
{
	*out = (struct engine_question){.where = call_text(c, "where"),
					.seconds = call_number(c, "timeout")};
	return subject(c, "of", &out->of);
}

static void write_answered(struct call *c, enum verify_status status,
			   const struct verify_notes *notes)
{
	restconf_text(&c->out, "status", status_name[status]);
	restconf_texts(&c->out, "note", notes->list.at, notes->list.len);
}

static void write_rule(struct call *c, const struct ir_rule *rule)
{
	restconf_text(&c->out, "policy", rule ? rule->policy : NULL);
	restconf_text(&c->out, "rule", rule ? rule->name : NULL);
}

static void write_decision(struct call *c, enum ir_verdict verdict, const struct ir_rule *rule)
{
	restconf_text(&c->out, "verdict",
		      !rule && verdict == IR_NONE ? "default" : ir_verdict_name[verdict]);
	write_rule(c, rule);
}

static void write_packet(struct call *c, const struct ir_packet *packet)
{
	if (!packet)
		return;
	struct buf text;
	buf_init(&text);
	ir_packet_print(packet, &text);
	restconf_text(&c->out, "packet", text.data);
	buf_fini(&text);
}

// --- analyse ---

static void write_finding(struct call *c, const struct ir_ruleset *ruleset,
			  const struct engine_finding *finding, size_t index)
{
	const struct verify_finding *f = &finding->is;
	struct restconf_writer *out = &c->out;
	restconf_entry_open(out);
	restconf_number(out, "index", (uint32_t)index);
	restconf_text(out, "kind", verify_kind_name[f->kind]);
	write_rule(c, &ruleset->rule.at[f->rule]);
	restconf_flag(out, "by-default", f->by_default);
	restconf_flag(out, "together", f->together);
	restconf_number(out, "causes", (uint32_t)f->causes_all);
	restconf_list_open(out, "cause");
	for (size_t i = 0; i < f->causes; i++) {
		restconf_entry_open(out);
		restconf_number(out, "index", (uint32_t)i + 1);
		write_rule(c, &ruleset->rule.at[f->cause[i]]);
		restconf_entry_close(out);
	}
	restconf_list_close(out);
	restconf_text(out, "packet", finding->packet);
	restconf_entry_close(out);
}

bool call_analyse(struct call *c)
{
	struct engine_question q;
	struct engine_findings findings;
	if (!question(c, &q) ||
	    !engine_findings(c->x->engine, &c->x->caller, &q, &c->x->diags, &findings))
		return false;
	call_begin(c);
	write_answered(c, findings.summary.status, &findings.summary.notes);
	restconf_number(&c->out, "removable", (uint32_t)findings.summary.removable);
	restconf_list_open(&c->out, "finding");
	for (size_t i = 0; i < findings.list.len; i++)
		write_finding(c, findings.ruleset, &findings.list.at[i], i + 1);
	restconf_list_close(&c->out);
	return call_end(c);
}

// --- compare ---

static void write_difference(struct call *c, const struct verify_difference *d, size_t index)
{
	struct restconf_writer *out = &c->out;
	struct buf words;
	buf_init(&words);
	ir_clause_print(&d->region, &words);
	restconf_entry_open(out);
	restconf_number(out, "index", (uint32_t)index);
	restconf_open(out, "before");
	write_decision(c, d->verdict_a, d->rule_a);
	restconf_close(out, "before");
	restconf_open(out, "after");
	write_decision(c, d->verdict_b, d->rule_b);
	restconf_close(out, "after");
	restconf_text(out, "packets", words.data);
	restconf_flag(out, "exact", d->exact);
	restconf_flag(out, "replies", d->reply);
	write_packet(c, d->packet);
	restconf_entry_close(out);
	buf_fini(&words);
}

bool call_compare(struct call *c)
{
	struct engine_question q;
	struct engine_subject with;
	struct verify_comparison answer = {0};
	if (!question(c, &q) || !subject(c, "with", &with) ||
	    !engine_compare(c->x->engine, &c->x->caller, &q, &with, call_number(c, "most"),
			    &c->x->diags, &answer))
		return false;
	call_begin(c);
	write_answered(c, answer.status, &answer.notes);
	restconf_flag(&c->out, "equal", answer.equal);
	restconf_number(&c->out, "differences", (uint32_t)answer.differences);
	restconf_list_open(&c->out, "difference");
	for (size_t i = 0; i < answer.difference.len; i++)
		write_difference(c, &answer.difference.at[i], i + 1);
	restconf_list_close(&c->out);
	return call_end(c);
}

// --- assert ---

static void write_broken(struct call *c, const struct verify_broken *b, size_t index)
{
	restconf_entry_open(&c->out);
	restconf_number(&c->out, "index", (uint32_t)index);
	restconf_text(&c->out, "guarantee", b->guarantee->name);
	restconf_flag(&c->out, "must-pass", b->guarantee->verdict == IR_PASS);
	write_decision(c, b->verdict, b->by);
	write_packet(c, b->packet);
	restconf_entry_close(&c->out);
}

bool call_assert(struct call *c)
{
	struct engine_question q;
	struct verify_assertion answer = {0};
	struct engine_names always = call_texts(c, "always"), never = call_texts(c, "never");
	struct engine_expectations expected = {always.list.at, never.list.at, always.list.len,
					       never.list.len};
	if (!question(c, &q) ||
	    !engine_assert(c->x->engine, &c->x->caller, &q, &expected, &c->x->diags, &answer))
		return false;
	call_begin(c);
	write_answered(c, answer.status, &answer.notes);
	restconf_flag(&c->out, "holds", answer.status == VERIFY_DONE && !answer.broken.len);
	restconf_list_open(&c->out, "broken");
	for (size_t i = 0; i < answer.broken.len; i++)
		write_broken(c, &answer.broken.at[i], i + 1);
	restconf_list_close(&c->out);
	return call_end(c);
}
