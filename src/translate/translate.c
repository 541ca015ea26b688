// SPDX-License-Identifier: Apache-2.0
// Intent to IR: prepares what rules share, then takes the rules one by one. The one idea: conditions
// are independent, each narrows the rule being drafted (draft.h), and every fault is reported before
// it gives up, so that one run shows them all. It does not order rules (ir_document_order) and does
// not know who will enforce them (place). RFC 8329 section 7: event, condition, action.
#include "translate/draft.h"

#include <string.h>

struct translate_options translate_options_default(int64_t now)
{
	return (struct translate_options){.now = now, .applications_by_port = true};
}

// --- names ---

struct named_entry {
	const char *name;
	struct intent_place place;
};

static void check_name(struct context *context, const char *list, const struct named_entry *entry,
		       struct map *seen)
{
	const char *name = entry->name ? entry->name : "";
	const char *path = translate_path(context->arena, list,
					  arena_strndup(context->arena, name, TRANSLATE_NAME_MOST));
	struct diag about = {.file = entry->place.file, .line = entry->place.line, .path = path};
	if (!entry->name) {
		about.code = DIAG_MISSING;
		about.hint = "give it a name";
		diag_add(context->diags, &about, "an entry without a name");
	} else if (strlen(name) > TRANSLATE_NAME_MOST) {
		about.code = DIAG_LIMIT;
		about.hint = "choose a shorter name";
		diag_add(context->diags, &about, "a name of %zu bytes: the most are %u",
			 strlen(name), TRANSLATE_NAME_MOST);
	} else if (map_put(seen, name, (void *)(uintptr_t)name)) {
		about.code = DIAG_DUPLICATE;
		about.hint = "rename one of them";
		diag_add(context->diags, &about, "the name \"%.80s\" stands twice", name);
	}
}

#define CHECK_NAMES(context, list, vector)                                        \
	do {                                                                      \
		struct map seen_ = {.arena = (context)->arena};                   \
		for (size_t i_ = 0; i_ < (vector)->len; i_++)                     \
			check_name((context), (list),                             \
				   &(struct named_entry){(vector)->at[i_].name,   \
							 (vector)->at[i_].place}, \
				   &seen_);                                       \
	} while (0)

static bool names_are_good(struct context *context)
{
	const struct intent *intent = context->intent;
	size_t errors = context->diags->errors;
	CHECK_NAMES(context, "endpoint-groups/user-group", &intent->user_group);
	CHECK_NAMES(context, "endpoint-groups/device-group", &intent->device_group);
	CHECK_NAMES(context, "endpoint-groups/url-group", &intent->url_group);
	CHECK_NAMES(context, "endpoint-groups/voice-group", &intent->voice_group);
	CHECK_NAMES(context, "threat-prevention/threat-feed-list", &intent->feed);
	CHECK_NAMES(context, "threat-prevention/payload-content", &intent->payload);
	CHECK_NAMES(context, "i2nsf-cfi-policy", &intent->policy);
	for (size_t i = 0; i < intent->policy.len; i++)
		CHECK_NAMES(context, "i2nsf-cfi-policy/rules", &intent->policy.at[i].rule);
	return context->diags->errors == errors;
}

// --- policies ---

static void translate_rule(struct draft *draft, struct ir_policy *out)
{
	const struct intent_rule *rule = draft->rule;
	branches_add(draft->context->arena, &draft->branches, &(struct branch){0});
	draft->base = (struct ir_rule){
		.policy = draft->policy->name,
		.name = rule->name,
		.file = rule->place.file,
		.line = rule->place.line,
		.priority = (uint8_t)(rule->priority.given ? rule->priority.value : 0),
		.flow = true,
	};
	action_apply(draft);
	groups_apply(draft);
	traffic_apply(draft);
	locations_apply(draft);
	feeds_apply(draft);
	content_apply(draft);
	period_apply(draft);
	draft_finish(draft, out);
}

_Static_assert(INTENT_PMRN - INTENT_FMR == (int)IR_PMRN, "both name the strategies in this order");

static enum ir_resolution resolution_of(enum intent_term term)
{
	return term == INTENT_NO_TERM ? IR_FMR : (enum ir_resolution)(term - INTENT_FMR);
}

static struct ir_policy translate_policy(struct context *context,
					 const struct intent_policy *policy)
{
	struct ir_policy out = {
		.name = policy->name,
		.resolution = resolution_of(policy->resolution),
		.usage = policy->usage == INTENT_BY_NUMBER ? IR_BY_NUMBER : IR_BY_ORDER,
		.default_action = IR_NONE,
	};
	for (size_t i = 0; i < policy->rule.len; i++) {
		struct draft draft = {
			.context = context, .policy = policy, .rule = &policy->rule.at[i]};
		if (draft_exhausted(&draft))
			break;
		translate_rule(&draft, &out);
	}
	return out;
}

static void context_init(struct context *context)
{
	struct map empty = {.arena = context->arena};
	context->arena_before = context->arena->total;
	context->group = context->url_group = context->voice_group = context->payload = empty;
	context->feed = context->location = context->unions = empty;
}

bool translate_intent(const struct intent *intent, const struct translate_options *options,
		      struct arena *arena, struct diags *diags, struct ir_document *out)
{
	struct context context = {
		.intent = intent, .options = options, .arena = arena, .diags = diags};
	struct ir_document document = {0};
	size_t errors = diags->errors;
	context_init(&context);
	if (!names_are_good(&context))
		return false;
	groups_prepare(&context);
	locations_prepare(&context);
	feeds_prepare(&context);
	content_prepare(&context);
	for (size_t i = 0; i < intent->policy.len; i++)
		vec_push(arena, &document.policy,
			 translate_policy(&context, &intent->policy.at[i]));
	if (diags->errors > errors)
		return false;
	*out = document;
	return true;
}
