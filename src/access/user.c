// SPDX-License-Identifier: Apache-2.0
// One user's rights, and what they say about operations and notifications (RFC 8341 sections 3.4.4 and 3.4.6).
//
// The idea: which rules a user meets depends on the rule-lists of its groups alone (and on its name where a path says
// $USER), so those who meet the same rules share one struct, whatever their number.
// It does not decide about data; that is in decide.c.
#include "access/internal.h"

#include "base/buf.h"
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

struct access_who access_who_copy(const struct access_who *who, struct arena *arena)
{
	struct access_who copy = *who;
	const char **group = arena_array(arena, const char *, who->groups);
	for (size_t i = 0; i < who->groups; i++)
		group[i] = arena_strdup(arena, who->group[i]);
	copy.group = group;
	copy.name = arena_strdup(arena, who->name);
	return copy;
}

// --- groups and rule-lists ---

static bool has_name(const struct access_names *names, const char *name)
{
	for (size_t i = 0; i < names->list.len; i++)
		if (strcmp(names->list.at[i], name) == 0)
			return true;
	return false;
}

// Section 3.4.4 step 4: those that list the user, and those that the transport tells of.
static struct access_names groups_of(const struct access *access, const struct access_who *who,
				     struct arena *arena)
{
	struct access_names groups = {0};
	for (size_t i = 0; i < access->group.len; i++)
		if (map_get(&access->group.at[i].users, who->name))
			vec_push(arena, &groups.list, access->group.at[i].name);
	for (size_t i = 0; access->external_groups && i < who->groups; i++)
		vec_push(arena, &groups.list, who->group[i]);
	return groups;
}

// Steps 5 and 6: who is in no group meets no rule, not even those for all groups.
static bool applies(const struct access_list *list, const struct access_names *groups)
{
	if (list->any_group)
		return groups->list.len > 0;
	for (size_t i = 0; i < groups->list.len; i++)
		if (has_name(&list->groups, groups->list.at[i]))
			return true;
	return false;
}

static bool is_personal(const struct access_list *list)
{
	for (size_t i = 0; i < list->rule.len; i++)
		if (list->rule.at[i].personal)
			return true;
	return false;
}

// The rule-lists by their numbers, and the name where it matters.
static void sign(const struct access *access, const struct access_who *who, struct arena *arena,
		 struct buf *out)
{
	struct access_names groups = groups_of(access, who, arena);
	bool personal = false;
	if (!access->enabled || who->recovery) {
		buf_adds(out, "*");
		return;
	}
	for (size_t i = 0; i < access->list.len; i++) {
		if (!applies(&access->list.at[i], &groups))
			continue;
		buf_printf(out, "%zu,", i);
		personal |= is_personal(&access->list.at[i]);
	}
	if (personal)
		buf_printf(out, "=%s", who->name);
}

// --- the tests of the keys in paths ---

static struct access_anchor *anchor_at(struct access_user *user, const struct schema_kind *kind)
{
	struct access_anchor *anchor = access_anchor_of(user, kind);
	if (anchor)
		return anchor;
	anchor = arena_new(&user->arena, struct access_anchor);
	*anchor = (struct access_anchor){.kind = kind, .first = {.arena = &user->arena}};
	vec_push(&user->arena, &user->anchor, anchor);
	return anchor;
}

static size_t lead_of(struct access_user *user, struct access_anchor *anchor,
		      const struct schema_kind *key)
{
	size_t i = 0;
	while (i < anchor->lead.len && anchor->lead.at[i] != key)
		i++;
	if (i == anchor->lead.len)
		vec_push(&user->arena, &anchor->lead, key);
	return i;
}

static int64_t add_test(struct access_user *user, const struct access_test *from, int64_t above)
{
	struct access_user_test test = {.above = above, .key = from->key.at, .keys = from->key.len};
	test.value = arena_array(&user->arena, const char *, test.keys);
	for (size_t i = 0; i < test.keys; i++)
		test.value[i] = from->key.at[i].value ? from->key.at[i].value : user->name;
	struct access_anchor *anchor = anchor_at(user, from->at);
	const char *slot = arena_printf(&user->arena, "%zu:%s",
					lead_of(user, anchor, test.key[0].kind), test.value[0]);
	size_t id = user->test.len;
	test.next = (int64_t)(uintptr_t)map_put(&anchor->first, slot, (void *)(id + 1)) - 1;
	vec_push(&user->arena, &user->test, test);
	return (int64_t)id;
}

static void add_rule(struct access_user *user, const struct access_rule *rule)
{
	int64_t last = -1;
	for (size_t i = 0; i < rule->path.test.len; i++)
		last = add_test(user, &rule->path.test.at[i], last);
	vec_push(&user->arena, &user->rule, (struct access_user_rule){.rule = rule, .test = last});
}

// --- life ---

static void add_lists(struct access_user *user, const struct access_who *who)
{
	const struct access *access = user->access;
	struct access_names groups = groups_of(access, who, &user->arena);
	for (size_t i = 0; i < access->list.len; i++) {
		const struct access_list *list = &access->list.at[i];
		for (size_t k = 0; applies(list, &groups) && k < list->rule.len; k++)
			add_rule(user, &list->rule.at[k]);
	}
}

static struct access_user *user_new(struct access *access, const struct access_who *who,
				    const char *signature)
{
	struct access_user *user = base_oom(calloc(1, sizeof(*user)));
	user->refs = 1;
	user->access = access;
	access->refs++;
	arena_init(&user->arena);
	user->states.arena = &user->arena;
	user->signature = arena_strdup(&user->arena, signature);
	user->name = arena_strdup(&user->arena, who->name);
	user->unlimited = signature[0] == '*';
	if (!user->unlimited)
		add_lists(user, who);
	user->up = arena_array(&user->arena, uint8_t, schema_kinds(access->schema) + 1);
	user->root = access_state_new(user, NULL, 0);
	return user;
}

void access_user_unref(struct access_user *user)
{
	if (!user || --user->refs)
		return;
	access_unref(user->access);
	arena_fini(&user->arena);
	free(user);
}

// Puts the user first among those kept; the last one has to go when it is new.
static struct access_user *keep(struct access *access, struct access_user *user, size_t place)
{
	if (place == ACCESS_KEPT)
		access_user_unref(access->kept[--place]);
	memmove(access->kept + 1, access->kept, place * sizeof(access->kept[0]));
	access->kept[0] = user;
	return user;
}

struct access_user *access_user(struct access *access, const struct access_who *who)
{
	struct arena arena cleanup(arena_fini);
	struct buf signature cleanup(buf_fini);
	size_t i = 0;
	arena_init(&arena);
	buf_init(&signature);
	sign(access, who, &arena, &signature);
	const char *text = signature.len ? signature.data : "";
	while (i < ACCESS_KEPT && access->kept[i] && strcmp(access->kept[i]->signature, text) != 0)
		i++;
	bool found = i < ACCESS_KEPT && access->kept[i];
	struct access_user *user = found ? access->kept[i] : user_new(access, who, text);
	keep(access, user, i);
	user->refs++;
	return user;
}

// --- operations and notifications ---

static bool is_about(const struct access_rule *rule, enum access_about about, const char *module,
		     const char *name, enum access_operation operation)
{
	return (!rule->module || strcmp(rule->module, module) == 0) &&
	       (rule->about == ACCESS_ANYTHING ||
		(rule->about == about && (!rule->name || strcmp(rule->name, name) == 0))) &&
	       rule->operations & operation;
}

// 1: permitted, 0: denied, -1: no rule matches.
static int by_rules(const struct access_user *user, enum access_about about, const char *module,
		    const char *name, enum access_operation operation)
{
	for (size_t i = 0; i < user->rule.len; i++)
		if (is_about(user->rule.at[i].rule, about, module, name, operation))
			return user->rule.at[i].rule->permit;
	return -1;
}

static bool is_guarded(const struct access_user *user, const char *module, const char *name)
{
	const struct schema_kind *kind = schema_kind_find(user->access->schema, NULL, module, name);
	return kind && schema_kind_guard(kind) == SCHEMA_GUARD_ALL;
}

// Steps 4 to 10, which operations and notifications have in common. Below 0: nothing is said about it.
static int by_rules_and_guard(const struct access_user *user, enum access_about about,
			      const char *module, const char *name, enum access_operation operation)
{
	int verdict = by_rules(user, about, module, name, operation);
	return verdict < 0 && is_guarded(user, module, name) ? 0 : verdict;
}

static bool is_base(const char *module, const char *name, const char *operation)
{
	return strcmp(module, "ietf-netconf") == 0 && strcmp(name, operation) == 0;
}

// RFC 8341 section 3.4.4.
static bool may_call(const struct access_user *user, const char *module, const char *operation)
{
	if (user->unlimited) // steps 1 and 2
		return true;
	if (is_base(module, operation, "close-session")) // step 3
		return true;
	int verdict = by_rules_and_guard(user, ACCESS_OPERATION, module, operation, ACCESS_EXEC);
	if (verdict >= 0)
		return verdict;
	if (is_base(module, operation, "kill-session") ||
	    is_base(module, operation, "delete-config")) // step 11
		return false;
	return user->access->exec_default; // step 12
}

bool access_may_call(struct access_user *user, const char *module, const char *operation,
		     struct diags *diags)
{
	if (may_call(user, module, operation))
		return true;
	user->access->counts->operations++;
	diag_error(diags, DIAG_DENIED, arena_printf(diags->arena, "/%s:%s", module, operation),
		   "a rule in /ietf-netconf-acm:nacm can permit it", "this user may not call %s",
		   operation);
	return false;
}

// Section 3.4.6.
static bool may_notify(const struct access_user *user, const char *module, const char *notification)
{
	if (user->unlimited) // steps 1 and 2
		return true;
	if (strcmp(module, "nc-notifications") == 0 &&
	    (strcmp(notification, "replayComplete") == 0 ||
	     strcmp(notification, "notificationComplete") == 0)) // step 3
		return true;
	int verdict =
		by_rules_and_guard(user, ACCESS_NOTIFICATION, module, notification, ACCESS_READ);
	return verdict >= 0 ? verdict : user->access->read_default; // step 11
}

bool access_may_notify(struct access_user *user, const char *module, const char *notification)
{
	if (may_notify(user, module, notification))
		return true;
	user->access->counts->notifications++;
	return false;
}
