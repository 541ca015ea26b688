// SPDX-License-Identifier: Apache-2.0
// Front's books against reading everything: random edits of policies in every strategy and usage, with entries that are
// parts of one rule, disabled ones and ties; what the enforcer has after the edits that were sent is what reading the whole
// configuration gives, and the configuration that it has kept is the same, in the same order.
#include "agent/sent.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/wire.h"
#include "codec/nfi.h"
#include "ir/test.h"
#include "schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const modules[] = {CODEC_NFI_MODULE, "ietf-netconf-acm", NULL};
#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "

enum { MOST = 2000 };

// Rules of the enforcer, as bytes.
struct enforcer {
	struct buf rule[MOST];
	size_t len;
	enum ir_verdict default_action;
};
struct world {
	struct schema *schema;
	struct schema_tree *tree, *kept; // of front; what a restart would make of what was kept
	struct agent_sent *sent;
	struct enforcer now, before;
	struct buf kept_before; // the text of `kept` before a pending commit
	size_t running, rollback;
	bool pending;
	struct test_random random;
	unsigned changes, wholes, refusals;
};

static int start(void **state)
{
	struct world *w = base_oom(calloc(1, sizeof(*w)));
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	w->schema = schema_open(NULL, modules, &diags);
	assert_non_null(w->schema);
	w->tree = schema_tree_new(w->schema);
	assert_true(schema_validate(w->tree, &diags));
	schema_keep(w->tree, schema_changes(w->tree));
	w->running = schema_changes(w->tree);
	w->kept = schema_tree_new(w->schema);
	w->sent = agent_sent_new();
	w->random.state = test_random_seed(NULL);
	buf_init(&w->kept_before);
	arena_fini(&arena);
	*state = w;
	return 0;
}

static void forget(struct enforcer *e)
{
	while (e->len)
		buf_fini(&e->rule[--e->len]);
}

static int stop(void **state)
{
	struct world *w = *state;
	forget(&w->now);
	forget(&w->before);
	buf_fini(&w->kept_before);
	agent_sent_free(w->sent);
	schema_tree_free(w->tree);
	schema_tree_free(w->kept);
	schema_free(w->schema);
	free(w);
	return 0;
}

// --- the enforcer ---

// Puts the rules that stand in the bytes in at this place.
static void take_rules(struct enforcer *e, size_t at, const void *data, size_t len)
{
	struct arena arena;
	struct wire_reader r = wire_reader(data, len);
	arena_init(&arena);
	for (; r.at < r.end; at++) {
		struct ir_rule rule;
		const unsigned char *from = r.at;
		assert_true(ir_rule_decode(&r, &arena, &rule) && e->len < MOST);
		memmove(&e->rule[at + 1], &e->rule[at], (e->len++ - at) * sizeof(*e->rule));
		buf_init(&e->rule[at]);
		buf_add(&e->rule[at], from, (size_t)(r.at - from));
	}
	arena_fini(&arena);
}

static void take_whole(void *context, const struct buf *bytes)
{
	struct enforcer *e = context;
	take_rules(e, e->len, bytes->data, bytes->len);
}

static void edit(struct enforcer *e, const struct agent_change *change)
{
	struct wire_reader r = wire_reader(change->rules.data, change->rules.len);
	struct arena arena;
	arena_init(&arena);
	assert_int_equal(change->before, e->len);
	for (size_t i = 0; i < change->edit.len; i++) {
		const struct backend_edit *edit = &change->edit.at[i];
		assert_true(edit->to + edit->removed <= e->len);
		for (size_t k = 0; k < edit->removed; k++)
			buf_fini(&e->rule[edit->to + k]);
		memmove(&e->rule[edit->to], &e->rule[edit->to + edit->removed],
			(e->len - edit->to - edit->removed) * sizeof(*e->rule));
		e->len -= edit->removed;
		for (size_t k = 0; k < edit->inserted; k++) {
			struct ir_rule rule;
			const unsigned char *from = r.at;
			assert_true(ir_rule_decode(&r, &arena, &rule));
			take_rules(e, edit->to + k, from, (size_t)(r.at - from));
		}
	}
	assert_true(wire_done(&r));
	arena_fini(&arena);
}

static void copy(struct enforcer *to, const struct enforcer *from)
{
	forget(to);
	for (; to->len < from->len; to->len++) {
		buf_init(&to->rule[to->len]);
		buf_add(&to->rule[to->len], from->rule[to->len].data, from->rule[to->len].len);
	}
	to->default_action = from->default_action;
}

// --- what should be ---

static bool read_all(const struct world *w, struct arena *arena, struct ir_ruleset *out)
{
	struct ir_document document;
	struct diags diags;
	diags_init(&diags, arena);
	if (!codec_nfi_read(w->tree, arena, &diags, &document))
		return false;
	ir_document_order(&document, arena, &diags, out);
	return !diags.errors;
}

static void assert_enforced(const struct world *w)
{
	struct arena arena;
	struct ir_ruleset all;
	struct buf one;
	arena_init(&arena);
	buf_init(&one);
	assert_true(read_all(w, &arena, &all));
	assert_int_equal(w->now.len, all.rule.len);
	assert_int_equal(w->now.default_action, all.default_action);
	for (size_t i = 0; i < all.rule.len; i++) {
		buf_clear(&one);
		ir_rule_encode(&all.rule.at[i], &one);
		assert_int_equal(one.len, w->now.rule[i].len);
		assert_memory_equal(one.data, w->now.rule[i].data, one.len);
	}
	buf_fini(&one);
	arena_fini(&arena);
}

static void assert_kept(const struct world *w)
{
	struct buf is, shall;
	buf_init(&is);
	buf_init(&shall);
	schema_print(w->kept, SCHEMA_XML, 0, &is);
	schema_print(w->tree, SCHEMA_XML, 0, &shall);
	assert_string_equal(is.data, shall.data);
	buf_fini(&is);
	buf_fini(&shall);
}

// --- what is edited ---

static const char *pick(struct world *w, const char *const *from, uint32_t n)
{
	return from[test_random_below(&w->random, n)];
}

static void put_rule(struct world *w, const char *operation, struct buf *out)
{
	static const char *const verdict[] = {"pass", "drop", "reject"};
	static const char *const suffix[] = {"",     "#1",   "#2",   "#1.1",
					     "#1.2", "#2.1", "#1:1", "#1:2"};
	uint32_t port = 1 + test_random_below(&w->random, 4);
	buf_printf(out, "<rules " NC "nc:operation=\"%s\"><name>p/r%u%s</name>", operation,
		   test_random_below(&w->random, 12), pick(w, suffix, array_len(suffix)));
	if (!strcmp(operation, "remove")) {
		buf_adds(out, "</rules>");
		return;
	}
	if (test_random_chance(&w->random, 70))
		buf_printf(out, "<priority>%u</priority>", 1 + test_random_below(&w->random, 3));
	if (test_random_chance(&w->random, 15))
		buf_printf(out, "<enable>%s</enable>",
			   test_random_chance(&w->random, 50) ? "false" : "true");
	buf_printf(out,
		   "<condition><ipv4><protocol>6</protocol></ipv4><tcp><destination-port-number>"
		   "<port-numbers><start>%u</start><end>%u</end></port-numbers>"
		   "</destination-port-number></tcp></condition>",
		   port, port + test_random_below(&w->random, 3));
	const char *action = pick(w, verdict, 3);
	buf_printf(out,
		   "<action><packet-action><ingress-action>%s</ingress-action></packet-action>",
		   action);
	if (test_random_chance(&w->random, 15))
		buf_printf(out, "<flow-action><ingress-action>%s</ingress-action></flow-action>",
			   action);
	buf_adds(out, "</action></rules>");
}

static void put_policy(struct world *w, const char *name, struct buf *out)
{
	static const char *const strategy[] = {"fmr", "lmr", "pmre", "pmrn"};
	static const char *const usage[] = {"priority-by-order", "priority-by-number"};
	static const char *const operation[] = {"merge", "replace", "replace", "remove"};
	buf_printf(out, "<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE "\"><name>%s</name>",
		   name);
	if (schema_tree_empty(w->tree) || test_random_chance(&w->random, 4))
		buf_printf(out,
			   "<priority-usage>%s</priority-usage><resolution-strategy>%s"
			   "</resolution-strategy>",
			   pick(w, usage, 2), pick(w, strategy, 4));
	buf_adds(out, "<default-action>drop</default-action>");
	for (unsigned n = test_random_below(&w->random, 4); n > 0; n--)
		put_rule(w, pick(w, operation, array_len(operation)), out);
	if (test_random_chance(&w->random, 3))
		buf_printf(out,
			   "<rule-group><group-name>g</group-name><enable>%s</enable></rule-group>",
			   test_random_chance(&w->random, 50) ? "false" : "true");
	buf_adds(out, "</i2nsf-security-policy>");
}

static void put_edit(struct world *w, struct buf *out)
{
	if (schema_tree_empty(w->tree) || test_random_chance(&w->random, 90))
		put_policy(w, CODEC_NFI_POLICY, out);
	if (schema_tree_empty(w->tree) || test_random_chance(&w->random, 30))
		put_policy(w, "other", out);
	if (test_random_chance(&w->random, 5))
		buf_printf(out,
			   "<nacm xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\">"
			   "<read-default>%s</read-default></nacm>",
			   test_random_chance(&w->random, 50) ? "deny" : "permit");
}

static bool apply(struct world *w, struct schema_tree *tree, const char *text, struct diags *diags)
{
	struct schema_tree *xml = schema_tree_new(w->schema);
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	if (!*text || schema_parse_edit(xml, &input, diags))
		return schema_edit_take(tree, xml, SCHEMA_OP_MERGE, NULL, diags);
	schema_tree_free(xml);
	return false;
}

// The candidate: some edits after another, of which those with faults are not made.
static void edit_candidate(struct world *w, struct diags *diags)
{
	for (unsigned n = 1 + test_random_below(&w->random, 3); n > 0; n--) {
		struct buf text;
		buf_init(&text);
		put_edit(w, &text);
		(void)!apply(w, w->tree, text.data, diags);
		buf_fini(&text);
	}
}

// --- commits ---

static void keep_text(struct world *w, const char *text, struct diags *diags)
{
	size_t errors = diags->errors;
	bool done = apply(w, w->kept, text, diags) && schema_validate(w->kept, diags);
	if (!done)
		fail_msg("%s: %s", diags->list.at[errors].text, text);
}

static void keep_whole(struct world *w, struct diags *diags)
{
	struct buf text;
	buf_init(&text);
	schema_tree_free(w->kept);
	w->kept = schema_tree_new(w->schema);
	schema_print(w->tree, SCHEMA_XML, 0, &text);
	struct schema_input input = {.data = text.data, .len = text.len, .format = SCHEMA_XML};
	assert_true(!text.len || schema_parse(w->kept, &input, diags));
	assert_true(schema_validate(w->kept, diags));
	buf_fini(&text);
}

static bool send_whole(struct world *w, struct diags *diags)
{
	struct enforcer *coming = base_oom(calloc(1, sizeof(*coming)));
	struct agent_sent_sink sink = {.rules = take_whole, .context = coming};
	bool good = agent_sent_whole(w->sent, w->tree, diags, &sink, &coming->default_action);
	if (good) {
		copy(&w->now, coming);
		keep_whole(w, diags);
		w->wholes++;
	}
	forget(coming);
	free(coming);
	return good;
}

static bool send(struct world *w, struct arena *arena, struct diags *diags)
{
	struct agent_change change;
	struct buf rules;
	bool good = true;
	buf_init(&rules);
	switch (agent_sent_change(w->sent, w->tree, w->running, arena, diags, &rules, &change)) {
	case AGENT_SEND_CHANGE:
		edit(&w->now, &change);
		keep_text(w, change.text, diags);
		w->changes++;
		break;
	case AGENT_SEND_WHOLE:
		good = send_whole(w, diags);
		break;
	case AGENT_SEND_NOTHING:
		good = false;
	}
	buf_fini(&rules);
	return good;
}

static void remember(struct world *w)
{
	copy(&w->before, &w->now);
	buf_clear(&w->kept_before);
	schema_print(w->kept, SCHEMA_XML, 0, &w->kept_before);
	w->rollback = w->running;
}

static void accept(struct world *w, bool confirmed)
{
	agent_sent_accepted(w->sent, confirmed);
	w->pending = confirmed;
	w->running = schema_changes(w->tree);
	schema_keep(w->tree, w->pending ? w->rollback : w->running);
}

static void revert(struct world *w)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	agent_sent_reverted(w->sent);
	schema_go(w->tree, w->rollback);
	w->running = w->rollback;
	w->pending = false;
	copy(&w->now, &w->before);
	keep_whole(w, &diags);
	arena_fini(&arena);
}

// The enforcer accepts what was sent, or refuses it; also because a pending commit was taken back before it came.
static void answer(struct world *w, const struct enforcer *was, bool confirmed, struct diags *diags)
{
	if (!test_random_chance(&w->random, 10)) {
		accept(w, confirmed);
		return;
	}
	bool reverted = w->pending && test_random_chance(&w->random, 50);
	if (reverted)
		revert(w);
	agent_sent_refused(w->sent);
	if (reverted)
		return;
	schema_go(w->tree, w->running);
	copy(&w->now, was);
	keep_whole(w, diags);
}

static void commit(struct world *w)
{
	struct arena arena;
	struct diags diags;
	struct ir_ruleset all;
	arena_init(&arena);
	diags_init(&diags, &arena);
	edit_candidate(w, &diags);
	size_t errors = diags.errors;
	bool valid = schema_validate(w->tree, &diags),
	     confirmed = test_random_chance(&w->random, 40);
	struct enforcer was = {0};
	copy(&was, &w->now);
	if (confirmed && !w->pending)
		remember(w);
	if (valid && send(w, &arena, &diags)) {
		assert_int_equal(diags.errors, errors);
		answer(w, &was, confirmed, &diags);
	} else {
		if (valid) {
			assert_false(read_all(w, &arena, &all));
			agent_sent_refused(w->sent);
			w->refusals++;
		}
		schema_go(w->tree, w->running);
	}
	forget(&was);
	arena_fini(&arena);
}

static void confirm(struct world *w)
{
	agent_sent_confirmed(w->sent);
	w->pending = false;
	schema_keep(w->tree, w->running);
}

static void any_edit(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 3000; i++) {
		if (w->pending && test_random_chance(&w->random, 20))
			revert(w);
		else if (w->pending && test_random_chance(&w->random, 20))
			confirm(w);
		else
			commit(w);
		if (schema_tree_empty(w->tree))
			continue;
		assert_enforced(w);
		assert_kept(w);
	}
	print_message("%u changes, %u whole, %u refused\n", w->changes, w->wholes, w->refusals);
	assert_true(w->changes > 1000 && w->refusals > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_edit, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
