// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the consumer-facing model, and where things stood. The one idea: a single table (terms.def) makes the
// enumeration and both lookups. What a term means is the translation's business, how it is spelt in
// a document the codec's.
#include "intent/intent.h"

#include <assert.h>
#include <string.h>

static const struct {
	enum intent_vocabulary vocabulary;
	const char *name;
} terms[INTENT_TERMS] = {
	[INTENT_NO_TERM] = {0, ""},
#define X(code, vocabulary, name) [code] = {vocabulary, name},
#include "intent/terms.def"
#undef X
};

const char *intent_term_name(enum intent_term term)
{
	assert(term >= 0 && term < INTENT_TERMS);
	return terms[term].name;
}

enum intent_term intent_term_find(enum intent_vocabulary vocabulary, const char *name)
{
	for (size_t i = INTENT_NO_TERM + 1; i < INTENT_TERMS; i++)
		if (terms[i].vocabulary == vocabulary && !strcmp(terms[i].name, name))
			return (enum intent_term)i;
	return INTENT_NO_TERM;
}

bool intent_vocabulary_monitoring(enum intent_vocabulary vocabulary)
{
	return vocabulary >= INTENT_TRANSPORT && vocabulary <= INTENT_SYSTEM_ALARM;
}

unsigned intent_rule_line(const struct intent_rule *rule, size_t member)
{
	for (size_t i = 0; i < rule->mark.len; i++)
		if (rule->mark.at[i].member == member)
			return rule->mark.at[i].line;
	return rule->place.line;
}
