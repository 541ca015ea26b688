// SPDX-License-Identifier: Apache-2.0
// The operations that ask the analysis engine: analyse, compare, assert, reach.
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
					.seconds = call_number(c, "timeout"),
					.control = &c->x->asked};
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

// --- reach ---

static const char *condition_text(const struct verify_condition *condition, struct arena *arena)
{
	const struct ir_opaque *o = condition->opaque;
	if (!o)
		return arena_printf(arena, "the rate of '%s' is %sexceeded", condition->rate->name,
				    condition->holds ? "" : "not ");
	const char *value = o->name ? o->name : o->len ? o->value[0] : NULL;
	const char *text = arena_printf(arena, "%s%s", condition->holds ? "" : "not ",
					ir_opaque_info[o->kind].name);
	return value ? arena_printf(arena, "%s '%s'%s", text, value,
				    !o->name && o->len > 1 ? " and others" : "")
		     : text;
}

static void write_conditions(struct call *c, const struct verify_service *s)
{
	struct engine_names names = {0};
	for (size_t i = 0; i < s->condition.len; i++)
		vec_push(&c->x->arena, &names.list,
			 condition_text(&s->condition.at[i], &c->x->arena));
	restconf_texts(&c->out, "condition", names.list.at, names.list.len);
}

static void write_service(struct call *c, const struct verify_service *s, size_t index)
{
	static const char *const replies[] = {"pass", "some-lost", "lost"};
	struct buf words;
	buf_init(&words);
	ir_clause_print(&s->clause, &words);
	restconf_entry_open(&c->out);
	restconf_number(&c->out, "index", (uint32_t)index);
	restconf_text(&c->out, "packets", words.data);
	if (s->versions != 3)
		restconf_number(&c->out, "version", s->versions == 1 ? 4 : 6);
	write_conditions(c, s);
	restconf_flag(&c->out, "every-host", s->every_host);
	restconf_flag(&c->out, "other-times", s->other_times);
	restconf_text(&c->out, "replies", replies[s->replies]);
	write_packet(c, s->walk ? s->walk->packet : NULL);
	restconf_entry_close(&c->out);
	buf_fini(&words);
}

static void write_blocker(struct call *c, const struct engine_reach *answer,
			  const struct verify_blocker *b, size_t index)
{
	restconf_entry_open(&c->out);
	restconf_number(&c->out, "index", (uint32_t)index);
	restconf_text(&c->out, "nsf", answer->network->nsf.at[b->step.nsf].name);
	write_decision(c, b->step.verdict, b->step.rule);
	write_packet(c, b->walk->packet);
	restconf_entry_close(&c->out);
}

// How much passes is only sure when all was looked at. The network is a tree: there is one way at the most.
static void write_between(struct call *c, const struct engine_reach *answer,
			  const struct verify_pair *pair)
{
	struct engine_names way = {0};
	if (answer->reach.status == VERIFY_DONE && !pair->together)
		restconf_text(&c->out, "passes",
			      pair->none  ? "nothing"
			      : pair->all ? "all"
					  : "some");
	for (size_t i = 0; pair->way.len && i < pair->way.at[0].legs; i++)
		vec_push(&c->x->arena, &way.list,
			 answer->network->nsf.at[pair->way.at[0].leg[i].nsf].name);
	restconf_texts(&c->out, "way", way.list.at, way.list.len);
}

static void write_pair(struct call *c, const struct engine_reach *answer, size_t index)
{
	const struct verify_pair *pair = &answer->reach.pair.at[index];
	struct restconf_writer *out = &c->out;
	restconf_entry_open(out);
	restconf_number(out, "index", (uint32_t)index + 1);
	restconf_text(out, "from", answer->from[pair->from].name);
	restconf_text(out, "to", answer->to[pair->to].name);
	restconf_flag(out, "together", pair->together);
	write_between(c, answer, pair);
	restconf_list_open(out, "open");
	for (size_t i = 0; i < pair->open.len; i++)
		write_service(c, &pair->open.at[i], i + 1);
	restconf_list_close(out);
	restconf_flag(out, "open-more", pair->open_more);
	restconf_list_open(out, "blocked-by");
	for (size_t i = 0; i < pair->blocker.len; i++)
		write_blocker(c, answer, &pair->blocker.at[i], i + 1);
	restconf_list_close(out);
	restconf_flag(out, "blocked-by-more", pair->blocker_more);
	restconf_entry_close(out);
}

static bool no_nsf(struct call *c)
{
	if (!call_text(c, "nsf"))
		return true;
	diag_error(&c->x->diags, DIAG_VALUE, "/bulwark-controller:nsf",
		   "leave it out, or name it in from or to", "reach is asked of all NSFs");
	return false;
}

bool call_reach(struct call *c)
{
	struct engine_question q;
	struct engine_reach answer;
	struct engine_names from = call_texts(c, "from"), to = call_texts(c, "to");
	struct engine_ends senders = {from.list.at, from.list.len},
			   receivers = {to.list.at, to.list.len};
	if (!no_nsf(c) || !question(c, &q) ||
	    !engine_reach(c->x->engine, &c->x->caller, &q, &senders, &receivers, &c->x->diags,
			  &answer))
		return false;
	call_begin(c);
	write_answered(c, answer.reach.status, &answer.reach.notes);
	restconf_list_open(&c->out, "pair");
	for (size_t i = 0; i < answer.reach.pair.len; i++)
		write_pair(c, &answer, i);
	restconf_list_close(&c->out);
	return call_end(c);
}
