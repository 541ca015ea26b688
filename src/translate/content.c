// SPDX-License-Identifier: Apache-2.0
// Conditions that no header decides: URLs, payloads, viruses, voice, device types, events. The one
// idea: each becomes an opaque condition that carries all of its content, names resolved, so that
// whoever enforces it needs nothing else and whoever cannot is able to say what is missing. A group
// with nothing in it matches nothing.
#include "translate/draft.h"

#include "base/buf.h"

#include <inttypes.h>

void content_prepare(struct context *context)
{
	const struct intent *intent = context->intent;
	for (size_t i = 0; i < intent->url_group.len; i++)
		map_put(&context->url_group, intent->url_group.at[i].name,
			&intent->url_group.at[i]);
	for (size_t i = 0; i < intent->voice_group.len; i++)
		map_put(&context->voice_group, intent->voice_group.at[i].name,
			&intent->voice_group.at[i]);
	for (size_t i = 0; i < intent->payload.len; i++)
		map_put(&context->payload, intent->payload.at[i].name, &intent->payload.at[i]);
}

// A condition that names groups of values, once they are resolved.
struct named {
	enum ir_opaque_kind kind;
	const char *where;
	const struct intent_texts *names;
	struct intent_texts values;
};

static void apply_named(struct draft *draft, const struct named *named)
{
	const char *joined = texts_join(draft->context->arena, named->names);
	if (named->values.len)
		draft_and_opaque(draft, named->kind, joined, &named->values);
	else
		draft_empty(draft, named->where, "fill the group, or take the condition out",
			    "there is nothing in %.80s", joined);
}

static void report_missing(struct draft *draft, const char *where, const char *name)
{
	draft_error(draft, DIAG_REFERENCE, where, "define it, or correct the name",
		    "there is no \"%.80s\"", name);
}

// --- lists of texts: URL groups and voice groups ---

static void apply_lists(struct draft *draft, struct named named, const struct map *lists)
{
	struct arena *arena = draft->context->arena;
	if (!named.names->len)
		return;
	for (size_t i = 0; i < named.names->len; i++) {
		const struct intent_list *list = map_get(lists, named.names->at[i]);
		if (!list) {
			report_missing(draft, named.where, named.names->at[i]);
			return;
		}
		for (size_t k = 0; k < list->value.len; k++)
			vec_push(arena, &named.values, list->value.at[k]);
	}
	apply_named(draft, &named);
}

static void apply_voice(struct draft *draft)
{
	const struct intent_condition *given = &draft->rule->condition;
	const struct map *groups = &draft->context->voice_group;
	apply_lists(draft,
		    (struct named){IR_OPAQUE_VOICE_SOURCE,
				   "condition/voice/source-id",
				   &given->voice_source,
				   {0}},
		    groups);
	apply_lists(draft,
		    (struct named){IR_OPAQUE_VOICE_DESTINATION,
				   "condition/voice/destination-id",
				   &given->voice_destination,
				   {0}},
		    groups);
	if (given->voice_agent.len)
		draft_and_opaque(draft, IR_OPAQUE_VOICE_AGENT, NULL, &given->voice_agent);
}

static void apply_urls(struct draft *draft)
{
	const char *name = draft->rule->condition.url_group;
	struct intent_texts names = {&name, 1, 1};
	if (name)
		apply_lists(draft,
			    (struct named){
				    IR_OPAQUE_URL, "condition/url-category/url-name", &names, {0}},
			    &draft->context->url_group);
}

// --- payloads ---

// "TVo= depth=16 offset=0; cG93 distance=0"
static const char *payload_text(struct arena *arena, const struct intent_payload *payload)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < payload->content.len; i++) {
		const struct intent_content *content = &payload->content.at[i];
		buf_printf(&text, "%s%s", i ? "; " : "", content->content);
		if (content->depth.given)
			buf_printf(&text, " depth=%" PRIu64, content->depth.value);
		if (content->offset.given)
			buf_printf(&text, " offset=%" PRId64, content->offset.value);
		if (content->distance.given)
			buf_printf(&text, " distance=%" PRId64, content->distance.value);
	}
	const char *copy = arena_strndup(arena, text.data, text.len);
	buf_fini(&text);
	return copy;
}

static void apply_payloads(struct draft *draft)
{
	struct arena *arena = draft->context->arena;
	struct named named = {IR_OPAQUE_PAYLOAD,
			      "condition/payload/content",
			      &draft->rule->condition.payload,
			      {0}};
	if (!named.names->len)
		return;
	for (size_t i = 0; i < named.names->len; i++) {
		const struct intent_payload *payload =
			map_get(&draft->context->payload, named.names->at[i]);
		if (!payload) {
			report_missing(draft, named.where, named.names->at[i]);
			return;
		}
		if (payload->content.len)
			vec_push(arena, &named.values, payload_text(arena, payload));
	}
	apply_named(draft, &named);
}

// --- what needs no resolving ---

static void apply_texts(struct draft *draft, enum ir_opaque_kind kind,
			const struct intent_texts *values)
{
	if (values->len)
		draft_and_opaque(draft, kind, NULL, values);
}

static void apply_terms(struct draft *draft, enum ir_opaque_kind kind,
			const struct intent_terms *terms)
{
	struct intent_texts values = terms_texts(draft->context->arena, terms);
	apply_texts(draft, kind, &values);
}

void content_apply(struct draft *draft)
{
	const struct intent_condition *given = &draft->rule->condition;
	apply_urls(draft);
	apply_payloads(draft);
	apply_texts(draft, IR_OPAQUE_ANTI_VIRUS, &given->virus_profile);
	apply_texts(draft, IR_OPAQUE_ANTI_VIRUS_EXCEPTION, &given->virus_exception);
	apply_voice(draft);
	apply_terms(draft, IR_OPAQUE_DEVICE, &given->context.device);
	apply_terms(draft, IR_OPAQUE_EVENT, &draft->rule->event);
	apply_terms(draft, IR_OPAQUE_ALARM, &draft->rule->alarm);
}
