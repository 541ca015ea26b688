// SPDX-License-Identifier: Apache-2.0
// The functions that XPath 1.0 has (section 4). Those of YANG are in xpath_yang.c.
#include "schema/text.h"
#include "base/buf.h"
#include "schema/xpath_call.h"

#include <libyang/libyang.h>

#include <limits.h>
#include <math.h>
#include <string.h>

static const struct xpath_function functions[] = {
#define X(id, name, least, most, type, need, of_nodes) \
	{(name), (least), (most), (type), (need), (of_nodes), xpath_call_##id},
#include "schema/xpath_call.def"
#undef X
};

const struct xpath_function *xpath_function_find(const char *name, size_t len)
{
	for (size_t i = 0; i < array_len(functions); i++)
		if (strlen(functions[i].name) == len && !memcmp(functions[i].name, name, len))
			return &functions[i];
	return NULL;
}

// --- arguments ---

// Of functions that are about the context node without an argument.
static const char *text_or_own(CALL)
{
	(void)out;
	return call->args ? xpath_evaluate_text(e, call->args, here)
			  : xpath_item_text(e, here->item);
}

static const char *second_text(CALL)
{
	(void)out;
	return xpath_evaluate_text(e, call->args->next, here);
}

static const char *copy(struct xpath_eval *e, const char *text, size_t len)
{
	const char *kept = arena_strndup(&e->arena, text, len);
	xpath_spend_text(e, len);
	return kept;
}

// --- sets ---

void xpath_call_last(CALL)
{
	(void)e, (void)call;
	out->number = (double)here->size;
}

void xpath_call_position(CALL)
{
	(void)e, (void)call;
	out->number = (double)here->position;
}

void xpath_call_count(CALL)
{
	struct xpath_value set;
	xpath_evaluate(e, call->args, here, &set);
	out->number = (double)set.nodes.len;
	xpath_value_fini(e, &set);
}

void xpath_call_sum(CALL)
{
	struct xpath_value set;
	xpath_evaluate(e, call->args, here, &set);
	for (size_t i = 0; i < set.nodes.len && xpath_spend(e, 1); i++)
		out->number += xpath_text_number(xpath_item_text(e, set.nodes.at[i]));
	xpath_value_fini(e, &set);
}

// The model of the first node, or of the context node; NULL: of none, or of a node without a name.
static const struct model_node *named(CALL)
{
	(void)out;
	uintptr_t item = here->item;
	if (call->args) {
		struct xpath_value set;
		xpath_evaluate(e, call->args, here, &set);
		item = xpath_set_first(e, &set.nodes);
		xpath_value_fini(e, &set);
	}
	const struct model_node *model = item ? node_model(item_node(item)) : NULL;
	return model && model->schema && !item_is_text(item) ? model : NULL;
}

void xpath_call_local_name(CALL)
{
	const struct model_node *model = named(e, call, here, out);
	out->text = model ? model->name : "";
}

void xpath_call_namespace_uri(CALL)
{
	const struct model_node *model = named(e, call, here, out);
	out->text = model ? model->mod->ns : "";
}

void xpath_call_name(CALL)
{
	const struct model_node *model = named(e, call, here, out);
	out->text = model ? arena_printf(&e->arena, "%s:%s", model->mod->name, model->name) : "";
	xpath_spend_text(e, strlen(out->text));
}

// --- texts ---

void xpath_call_string(CALL)
{
	out->text = text_or_own(e, call, here, out);
}

void xpath_call_concat(CALL)
{
	struct buf all cleanup(buf_fini);
	buf_init(&all);
	for (struct xpath_expr *arg = call->args; arg && !e->failed; arg = arg->next)
		buf_adds(&all, xpath_evaluate_text(e, arg, here));
	out->text = copy(e, all.data, all.len);
}

void xpath_call_starts_with(CALL)
{
	const char *text = text_or_own(e, call, here, out),
		   *start = second_text(e, call, here, out);
	out->truth = !strncmp(text, start, strlen(start));
}

void xpath_call_contains(CALL)
{
	const char *text = text_or_own(e, call, here, out);
	out->truth = strstr(text, second_text(e, call, here, out));
}

void xpath_call_substring_before(CALL)
{
	const char *text = text_or_own(e, call, here, out),
		   *at = strstr(text, second_text(e, call, here, out));
	out->text = at ? copy(e, text, (size_t)(at - text)) : "";
}

void xpath_call_substring_after(CALL)
{
	const char *text = text_or_own(e, call, here, out), *word = second_text(e, call, here, out),
		   *at = strstr(text, word);
	out->text = at ? at + strlen(word) : "";
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static const char *next_character(const char *p)
{
	p++;
	while (continues(*p))
		p++;
	return p;
}

static double round_half_up(double n)
{
	return isfinite(n) ? floor(n + 0.5) : n;
}

// Characters count from 1; those at a position not below the rounded start and below start plus length.
void xpath_call_substring(CALL)
{
	const char *text = text_or_own(e, call, here, out), *from = NULL;
	struct xpath_expr *length = call->args->next->next;
	double start = round_half_up(xpath_evaluate_number(e, call->args->next, here));
	double end =
		length ? start + round_half_up(xpath_evaluate_number(e, length, here)) : INFINITY;
	const char *p = text;
	for (double at = 1; *p && !(at >= end); p = next_character(p), at++)
		if (!from && at >= start)
			from = p;
	bool any = from && start <= INFINITY && end >= -INFINITY; // neither is NaN
	out->text = any ? copy(e, from, (size_t)(p - from)) : "";
}

void xpath_call_string_length(CALL)
{
	const char *text = text_or_own(e, call, here, out);
	for (; *text; text++)
		out->number += !continues(*text);
}

void xpath_call_normalize_space(CALL)
{
	const char *text = text_or_own(e, call, here, out);
	struct buf words cleanup(buf_fini);
	buf_init(&words);
	for (; *text; text++) {
		if (!text_is_space(*text))
			buf_addc(&words, *text);
		else if (words.len && text[1] && !text_is_space(text[1]))
			buf_addc(&words, ' ');
	}
	out->text = copy(e, words.data, words.len);
}

// The place of a character in a text, counted in characters; -1: it is not there.
static int place_of(const char *p, size_t len, const char *in)
{
	int at = 0;
	for (const char *q = in; *q; q = next_character(q), at++)
		if (!strncmp(q, p, len))
			return at;
	return -1;
}

static const char *character_at(const char *text, int at)
{
	while (*text && at--)
		text = next_character(text);
	return text;
}

void xpath_call_translate(CALL)
{
	const char *text = text_or_own(e, call, here, out), *from = second_text(e, call, here, out),
		   *to = xpath_evaluate_text(e, call->args->next->next, here);
	struct buf all cleanup(buf_fini);
	buf_init(&all);
	size_t cost = strlen(from) / 16 + 1;
	for (const char *end; *text && xpath_spend(e, cost); text = end) {
		end = next_character(text);
		int at = place_of(text, (size_t)(end - text), from);
		const char *with = at < 0 ? text : character_at(to, at);
		if (*with)
			buf_add(&all, with, (size_t)(next_character(with) - with));
	}
	out->text = copy(e, all.data, all.len);
}

// --- truths and numbers ---

void xpath_call_boolean(CALL)
{
	out->truth = xpath_evaluate_truth(e, call->args, here);
}

void xpath_call_negation(CALL)
{
	out->truth = !xpath_evaluate_truth(e, call->args, here);
}

void xpath_call_truth(CALL)
{
	(void)e, (void)call, (void)here;
	out->truth = true;
}

void xpath_call_falsehood(CALL)
{
	(void)e, (void)call, (void)here;
	out->truth = false;
}

void xpath_call_number(CALL)
{
	out->number = call->args ? xpath_evaluate_number(e, call->args, here)
				 : xpath_text_number(xpath_item_text(e, here->item));
}

void xpath_call_floor_of(CALL)
{
	out->number = floor(xpath_evaluate_number(e, call->args, here));
}

void xpath_call_ceiling(CALL)
{
	out->number = ceil(xpath_evaluate_number(e, call->args, here));
}

void xpath_call_round_of(CALL)
{
	out->number = round_half_up(xpath_evaluate_number(e, call->args, here));
}
