// SPDX-License-Identifier: Apache-2.0
// For the tests of translate: intents as literals, and what a packet meets after the translation.
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "intent/intent.h"
#include "ir/ir.h"
#include "translate/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define LIST_OF(type, ...)                                                                       \
	{                                                                                        \
		.at = (type[]){__VA_ARGS__}, .len = sizeof((type[]){__VA_ARGS__}) / sizeof(type) \
	}
#define TEXTS(...) LIST_OF(const char *, __VA_ARGS__)
#define TERMS(...) LIST_OF(enum intent_term, __VA_ARGS__)
#define GIVEN(value_)                            \
	{                                        \
		.given = true, .value = (value_) \
	}
// One policy of these rules.
#define RULES(...)                    \
	LIST_OF(struct intent_policy, \
		{.name = "p", .rule = LIST_OF(struct intent_rule, __VA_ARGS__)})

// 2026-03-11 09:00:00 UTC, a Wednesday.
#define TEST_NOW 1773219600

struct fixture {
	struct arena arena;
	struct diags diags;
	struct translate_options options;
	struct ir_document document;
	struct ir_ruleset rules;
	bool translated;
};

static inline int fixture_open(void **state)
{
	static struct fixture f;
	f = (struct fixture){.options = translate_options_default(TEST_NOW)};
	arena_init(&f.arena);
	diags_init(&f.diags, &f.arena);
	*state = &f;
	return 0;
}

static inline int fixture_close(void **state)
{
	struct fixture *f = *state;
	arena_fini(&f->arena);
	return 0;
}

static inline void translate(struct fixture *f, const struct intent *intent)
{
	diags_init(&f->diags, &f->arena);
	f->rules = (struct ir_ruleset){0};
	f->translated = translate_intent(intent, &f->options, &f->arena, &f->diags, &f->document);
	assert_int_equal(f->translated, f->diags.errors == 0);
	if (f->translated)
		ir_document_order(&f->document, &f->arena, &f->diags, &f->rules);
}

static inline struct ir_outcome outcome(struct fixture *f, const char *packet)
{
	struct ir_packet parsed;
	struct ir_outcome out;
	if (!ir_packet_parse(packet, TEST_NOW, &f->arena, &f->diags, &parsed))
		fail_msg("not a packet: %s", packet);
	ir_eval(&f->rules, &parsed, &f->arena, &out);
	return out;
}

// The name of the rule that decides; "-" when none does, "?NAME" when that hangs on an opaque condition.
static inline const char *decides(struct fixture *f, const char *packet)
{
	struct ir_outcome out = outcome(f, packet);
	if (out.rule)
		return out.rule->name;
	return out.depends ? arena_printf(&f->arena, "?%s", out.depends->name) : "-";
}

static inline const struct diag *find_diag(const struct fixture *f, enum diag_code code)
{
	for (size_t i = 0; i < f->diags.list.len; i++)
		if (f->diags.list.at[i].code == code)
			return &f->diags.list.at[i];
	return NULL;
}

// Translates and expects this diag and nothing else; returns it.
static inline const struct diag *expect_diag(struct fixture *f, const struct intent *intent,
					     enum diag_severity severity, enum diag_code code)
{
	translate(f, intent);
	for (size_t i = 0; i < f->diags.list.len; i++)
		if (f->diags.list.at[i].code != code)
			print_error("unexpected: %s\n", f->diags.list.at[i].text);
	assert_int_equal(f->diags.list.len, 1);
	const struct diag *diag = &f->diags.list.at[0];
	assert_int_equal(diag->code, code);
	assert_int_equal(diag->severity, severity);
	assert_non_null(diag->text);
	if (severity == DIAG_ERROR)
		assert_non_null(diag->hint);
	return diag;
}

// The only opaque condition of the rule at this place.
static inline const struct ir_opaque *only_opaque(const struct fixture *f, size_t rule)
{
	assert_true(rule < f->rules.rule.len);
	assert_int_equal(f->rules.rule.at[rule].opaques, 1);
	return &f->rules.rule.at[rule].opaque[0];
}

static inline void assert_values(const struct ir_opaque *opaque, size_t n,
				 const char *const *expected)
{
	assert_int_equal(opaque->len, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(opaque->value[i], expected[i]);
}
#define assert_opaque(opaque, kind_, ...)                                 \
	do {                                                              \
		const char *const expected_[] = {__VA_ARGS__};            \
		assert_int_equal((opaque)->kind, (kind_));                \
		assert_values((opaque), array_len(expected_), expected_); \
	} while (0)
