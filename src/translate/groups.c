// SPDX-License-Identifier: Apache-2.0
// User and device groups: firewall/source and destination, context/users. The one idea: a group is
// resolved once, to branches for either side, and groups that are nothing but addresses are united
// (once a combination) to one set a version; only a group with MAC addresses or applications of its
// own needs branches of its own.
#include "translate/draft.h"

#include <inttypes.h>

struct group {
	const struct intent_group *given;
	bool device;
	const char *path;
	struct address_sets addresses;
	struct branches side[2]; // without the applications; none: it has neither address nor MAC
};

// User groups before device groups; NULL when there is none.
static const struct group *group_of(const struct context *context, const char *name)
{
	return map_get(&context->group, name);
}

// --- resolving every group of the document ---

// Which MAC addresses, all of the packet's side: both they and the addresses must hold.
static void narrow_to_macs(struct context *context, const struct intent_group *given,
			   enum side side, struct branches *branches)
{
	struct algebra_builder macs = {.arena = context->arena};
	for (size_t i = 0; i < given->mac.len; i++)
		algebra_builder_add(&macs, given->mac.at[i], given->mac.at[i]);
	struct algebra_set set = algebra_builder_take(&macs);
	if (!branches->len)
		branches_add(context->arena, branches, &(struct branch){0});
	for (size_t i = 0; i < branches->len; i++)
		(void)!ir_clause_narrow(&branches->at[i].clause, context->arena,
					side == SOURCE ? IR_SMAC : IR_DMAC, set);
}

static struct group *resolve(struct context *context, const struct intent_group *given, bool device)
{
	struct group *group = arena_new(context->arena, struct group);
	group->given = given;
	group->device = device;
	group->path = translate_path(context->arena,
				     device ? "endpoint-groups/device-group"
					    : "endpoint-groups/user-group",
				     given->name);
	struct address_owner owner = {given->place, group->path};
	group->addresses = addresses_union(context, &given->addresses, &owner);
	for (enum side side = SOURCE; side <= DESTINATION; side++) {
		addresses_branches(context, &group->addresses, side, &group->side[side]);
		if (given->mac.len)
			narrow_to_macs(context, given, side, &group->side[side]);
	}
	return group;
}

// The union type of firewall/source tries user groups first, so a user group hides a device group.
static void report_hidden(struct context *context, const struct group *user)
{
	diag_add(context->diags,
		 &(struct diag){.severity = DIAG_WARNING,
				.code = DIAG_CONFLICT,
				.file = user->given->place.file,
				.line = user->given->place.line,
				.path = user->path,
				.hint = "rename one of them"},
		 "\"%s\" is a user group and a device group: rules get the user group",
		 user->given->name);
}

void groups_prepare(struct context *context)
{
	const struct intent *intent = context->intent;
	for (size_t i = 0; i < intent->device_group.len; i++) {
		const struct intent_group *given = &intent->device_group.at[i];
		map_put(&context->group, given->name, resolve(context, given, true));
	}
	for (size_t i = 0; i < intent->user_group.len; i++) {
		const struct intent_group *given = &intent->user_group.at[i];
		struct group *group = resolve(context, given, false);
		if (map_put(&context->group, given->name, group))
			report_hidden(context, group);
	}
}

// --- one side of a rule ---

// All are groups of addresses only.
static const struct branches *plain_union(struct context *context, const struct intent_texts *names,
					  enum side side)
{
	if (names->len == 1)
		return &group_of(context, names->at[0])->side[side];
	const char *key =
		texts_key(context->arena, side == SOURCE ? "sources" : "destinations", names);
	struct branches *branches = map_get(&context->unions, key);
	if (branches)
		return branches;
	branches = arena_new(context->arena, struct branches);
	const struct address_sets **all =
		arena_array(context->arena, const struct address_sets *, names->len);
	for (size_t i = 0; i < names->len; i++)
		all[i] = &group_of(context, names->at[i])->addresses;
	struct address_sets sets = addresses_join(context, all, names->len);
	addresses_branches(context, &sets, side, branches);
	map_put(&context->unions, key, branches);
	return branches;
}

// A group of servers has the applications that traffic to it is of; whether traffic from a group is
// of an application cannot be told by the port it goes to.
static void add_special(struct draft *draft, const struct group *group, enum side side,
			struct branches *out)
{
	struct arena *arena = draft->context->arena;
	const struct intent_terms *given = &group->given->application;
	struct branches applications = {0}, both = {0};
	if (given->len && side == DESTINATION) {
		traffic_applications(draft, given, &applications);
	} else {
		struct branch any = {0};
		struct intent_texts texts = terms_texts(arena, given);
		if (given->len)
			any.opaque = draft_opaque(draft,
						  &(struct ir_opaque){IR_OPAQUE_APPLICATION,
								      group->given->name, texts.at,
								      texts.len, false});
		branches_add(arena, &applications, &any);
	}
	if (branches_and(draft, &group->side[side], &applications, &both))
		branches_append(arena, out, &both);
}

// Groups that have neither address nor MAC: only whoever knows the users can tell.
static void add_unknown(struct draft *draft, const struct intent_texts *names, enum side side,
			struct branches *out)
{
	struct arena *arena = draft->context->arena;
	const char *joined = texts_join(arena, names);
	if (side == DESTINATION) {
		draft_error(draft, DIAG_MISSING, "condition/firewall/destination",
			    "give the group a prefix or a range of addresses",
			    "destination without addresses: %.200s", joined);
		return;
	}
	struct intent_texts values = {0};
	for (size_t i = 0; i < names->len; i++)
		vec_push(arena, &values, arena_printf(arena, "name=%s", names->at[i]));
	struct ir_opaque opaque = {IR_OPAQUE_USER_GROUP, joined, values.at, values.len, false};
	struct branch branch = {.opaque = draft_opaque(draft, &opaque)};
	branches_add(arena, out, &branch);
}

static const char *side_path(enum side side)
{
	return side == SOURCE ? "condition/firewall/source" : "condition/firewall/destination";
}

static void side_branches(struct draft *draft, const struct intent_texts *names, enum side side,
			  struct branches *out)
{
	struct context *context = draft->context;
	struct intent_texts plain = {0}, unknown = {0};
	for (size_t i = 0; i < names->len; i++) {
		const struct group *group = group_of(context, names->at[i]);
		if (!group)
			draft_error(draft, DIAG_REFERENCE, side_path(side),
				    "define the group, or correct the name",
				    "there is no user or device group \"%.80s\"", names->at[i]);
		else if (!group->side[side].len)
			vec_push(context->arena, &unknown, names->at[i]);
		else if (group->given->mac.len || group->given->application.len)
			add_special(draft, group, side, out);
		else
			vec_push(context->arena, &plain, names->at[i]);
	}
	if (plain.len)
		branches_append(context->arena, out, plain_union(context, &plain, side));
	if (unknown.len && out->len && draft_has_rate(draft)) {
		// One rate cannot be shared by two rules, so what could be told is left untold, too.
		*out = (struct branches){0};
		unknown = *names;
	}
	if (unknown.len)
		add_unknown(draft, &unknown, side, out);
}

// Both sides' groups, as they are only together without a packet.
static void report_versions(struct draft *draft)
{
	struct arena *arena = draft->context->arena;
	const struct intent_firewall *given = &draft->rule->condition.firewall;
	draft_empty(draft, "condition/firewall/destination",
		    "give one of the groups addresses of the other IP version, too",
		    "source %.200s and destination %.200s have no IP version in common",
		    texts_join(arena, &given->source), texts_join(arena, &given->destination));
}

static void apply_side(struct draft *draft, const struct intent_texts *names, enum side side)
{
	struct branches branches = {0};
	if (!names->len)
		return;
	size_t errors = draft->context->diags->errors;
	side_branches(draft, names, side, &branches);
	if (draft->context->diags->errors > errors)
		return;
	if (side == DESTINATION && draft->rule->condition.firewall.source.len) {
		if (!draft_narrow(draft, &branches))
			report_versions(draft);
	} else {
		draft_and(draft, &branches, side_path(side));
	}
}

// --- context/users ---

static const char user_groups[] = "condition/context/users/group";

static const char *user_text(struct arena *arena, const struct intent_user *user)
{
	return arena_printf(arena, "%" PRIu32 "%s%s", user->id, user->name ? " " : "",
			    user->name ? user->name : "");
}

// Whether the addresses of a group of users are known.
static bool is_resolved(const struct context *context, const struct intent_user *user)
{
	const struct group *group = user->name ? group_of(context, user->name) : NULL;
	return group && !group->device && (group->addresses.v4.len || group->addresses.v6.len);
}

static void apply_users(struct draft *draft)
{
	struct arena *arena = draft->context->arena;
	const struct intent_context *given = &draft->rule->condition.context;
	struct intent_texts names = {0}, values = {0};
	for (size_t i = 0; i < given->user.len; i++) {
		const char *value = user_text(arena, &given->user.at[i]);
		vec_push(arena, &values, value);
		vec_push(arena, &names, given->user.at[i].name ? given->user.at[i].name : value);
	}
	if (values.len)
		draft_and_opaque(draft, IR_OPAQUE_USER, texts_join(arena, &names), &values);
}

// The groups without addresses (or all) as one opaque alternative.
static void add_open(struct draft *draft, bool all, struct branches *out)
{
	struct arena *arena = draft->context->arena;
	const struct intent_context *given = &draft->rule->condition.context;
	struct intent_texts names = {0}, values = {0};
	for (size_t i = 0; i < given->group.len; i++) {
		const struct intent_user *user = &given->group.at[i];
		if (!all && is_resolved(draft->context, user))
			continue;
		const char *value = user_text(arena, user);
		vec_push(arena, &values, value);
		vec_push(arena, &names, user->name ? user->name : value);
	}
	if (!values.len)
		return;
	struct ir_opaque opaque = {IR_OPAQUE_USER_GROUP, texts_join(arena, &names), values.at,
				   values.len, false};
	struct branch branch = {.opaque = draft_opaque(draft, &opaque)};
	branches_add(arena, out, &branch);
}

// Whether users with these addresses can be at the rule's source. If not, the source is where they
// are and not what they are known by.
static bool meet_source(struct draft *draft, const struct branches *users)
{
	struct branches both = {0};
	if (!draft->rule->condition.firewall.source.len || !users->len || !draft->branches.len ||
	    !branches_and(draft, &draft->branches, users, &both) || both.len)
		return true;
	draft_diag(draft, &(struct diag){.severity = DIAG_NOTE, .code = DIAG_CONFLICT}, user_groups,
		   "the users have other addresses than the source, so their addresses do not tell "
		   "who they are");
	return false;
}

static void apply_user_groups(struct draft *draft)
{
	const struct intent_context *given = &draft->rule->condition.context;
	struct intent_texts resolved = {0};
	struct branches known = {0};
	for (size_t i = 0; i < given->group.len; i++)
		if (is_resolved(draft->context, &given->group.at[i]))
			vec_push(draft->context->arena, &resolved, given->group.at[i].name);
	// One rate cannot be shared by two rules: then all of them are left to who knows the users.
	bool all = draft_has_rate(draft) && resolved.len < given->group.len;
	if (!all) {
		side_branches(draft, &resolved, SOURCE, &known);
		all = !meet_source(draft, &known);
	}
	if (all)
		known = (struct branches){0};
	add_open(draft, all, &known);
	if (given->group.len)
		draft_and(draft, &known, user_groups);
}

void groups_apply(struct draft *draft)
{
	const struct intent_firewall *given = &draft->rule->condition.firewall;
	apply_side(draft, &given->source, SOURCE);
	apply_users(draft);
	apply_user_groups(draft); // while the branches are those of the source
	apply_side(draft, &given->destination, DESTINATION);
}
