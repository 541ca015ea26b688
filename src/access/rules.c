// SPDX-License-Identifier: Apache-2.0
// The configuration of ietf-netconf-acm as structs (RFC 8341 section 3.3).
//
// The idea: a rule that cannot be understood is refused here, so that nothing later has to guess what it was to forbid.
#include "access/internal.h"

#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

static const struct schema_node *find_nacm(const struct schema_tree *config)
{
	for (const struct schema_node *n = schema_first(config); n; n = schema_next(n))
		if (schema_is(n, ACCESS_MODULE, "nacm"))
			return n;
	return NULL;
}

bool access_is_configured(const struct schema_tree *config)
{
	const struct schema_node *nacm = find_nacm(config);
	if (nacm)
		schema_for_each_child (n, nacm)
			if (!schema_is_default(n) && strncmp(schema_name(n), "denied-", 7) != 0)
				return true;
	return false;
}

static bool says(const struct schema_node *parent, const char *name, const char *value,
		 bool otherwise)
{
	const char *found = parent ? schema_get_value(parent, name) : NULL;
	return found ? strcmp(found, value) == 0 : otherwise;
}

static bool is_all(const char *text)
{
	return strcmp(text, "*") == 0;
}

static struct access_names read_names(struct arena *arena, const struct schema_node *parent,
				      const char *name)
{
	struct access_names names = {0};
	schema_for_each_child (n, parent)
		if (strcmp(schema_name(n), name) == 0)
			vec_push(arena, &names.list, arena_strdup(arena, schema_value(n)));
	return names;
}

// --- rules ---

// Bits, in words; "*" and nothing are all of them.
static unsigned read_operations(const struct schema_node *rule)
{
	static const struct {
		const char *name;
		enum access_operation bit;
	} word[] = {{"create", ACCESS_CREATE},
		    {"read", ACCESS_READ},
		    {"update", ACCESS_UPDATE},
		    {"delete", ACCESS_DELETE},
		    {"exec", ACCESS_EXEC}};
	const char *text = schema_get_value(rule, "access-operations");
	unsigned bits = 0;
	if (!text || is_all(text))
		return ACCESS_ALL;
	while (*text) {
		size_t len = strcspn(text, " ");
		for (size_t i = 0; i < array_len(word); i++)
			if (strlen(word[i].name) == len && !strncmp(text, word[i].name, len))
				bits |= word[i].bit;
		text += len + strspn(text + len, " ");
	}
	return bits;
}

static bool read_path(struct access *access, const struct schema_node *leaf, struct diags *diags,
		      struct access_rule *rule)
{
	const char *fault = NULL;
	if (!access_path_parse(access->schema, schema_value(leaf), &access->arena, &rule->path,
			       &fault)) {
		diag_error(diags, DIAG_VALUE, schema_path(leaf, diags->arena),
			   "name data of the modules, such as "
			   "/ietf-netconf-acm:nacm/groups/group[name='x']",
			   "the path \"%.200s\" of this rule cannot be used: %s",
			   schema_value(leaf), fault);
		return false;
	}
	for (size_t i = 0; i < rule->path.test.len; i++)
		for (size_t k = 0; k < rule->path.test.at[i].key.len; k++)
			rule->personal |= !rule->path.test.at[i].key.at[k].value;
	return true;
}

static const char *name_or_any(struct arena *arena, const char *text)
{
	return !text || is_all(text) ? NULL : arena_strdup(arena, text);
}

static bool read_rule(struct access *access, const struct schema_node *node, struct diags *diags,
		      struct access_rule *rule)
{
	struct arena *arena = &access->arena;
	const char *operation = schema_get_value(node, "rpc-name");
	const char *notification = schema_get_value(node, "notification-name");
	const struct schema_node *path = schema_get(node, "path");
	*rule = (struct access_rule){
		.module = name_or_any(arena, schema_get_value(node, "module-name")),
		.about = operation      ? ACCESS_OPERATION
			 : notification ? ACCESS_NOTIFICATION
			 : path         ? ACCESS_DATA
					: ACCESS_ANYTHING,
		.name = name_or_any(arena, operation ? operation : notification),
		.operations = read_operations(node),
		.permit = says(node, "action", "permit", false),
	};
	return !path || read_path(access, path, diags, rule);
}

static bool too_many(const struct schema_node *rule, struct diags *diags)
{
	diag_error(diags, DIAG_LIMIT, schema_path(rule, diags->arena),
		   "let one rule speak for many entries: leave keys out of its path, or use $USER",
		   "there are more than %u rules", ACCESS_RULES_MOST);
	return false;
}

static bool read_list(struct access *access, const struct schema_node *node, struct diags *diags)
{
	struct access_list list = {.groups = read_names(&access->arena, node, "group")};
	bool good = true;
	for (size_t i = 0; i < list.groups.list.len; i++)
		list.any_group |= is_all(list.groups.list.at[i]);
	schema_for_each_child (n, node) {
		struct access_rule rule;
		if (strcmp(schema_name(n), "rule") != 0)
			continue;
		if (access->rules++ == ACCESS_RULES_MOST)
			return too_many(n, diags);
		good = read_rule(access, n, diags, &rule) && good;
		vec_push(&access->arena, &list.rule, rule);
	}
	vec_push(&access->arena, &access->list, list);
	return good;
}

// --- everything ---

static void read_groups(struct access *access, const struct schema_node *groups)
{
	schema_for_each_child (n, groups) {
		struct arena *arena = &access->arena;
		struct access_group group = {
			.name = arena_strdup(arena, schema_get_value(n, "name")),
			.users = {.arena = arena}};
		struct access_names users = read_names(arena, n, "user-name");
		for (size_t i = 0; i < users.list.len; i++)
			(void)map_put(&group.users, users.list.at[i],
				      (void *)(uintptr_t)users.list.at[i]);
		vec_push(arena, &access->group, group);
	}
}

static bool read_all(struct access *access, const struct schema_node *nacm, struct diags *diags)
{
	bool good = true;
	access->enabled = says(nacm, "enable-nacm", "true", true);
	access->read_default = says(nacm, "read-default", "permit", true);
	access->write_default = says(nacm, "write-default", "permit", false);
	access->exec_default = says(nacm, "exec-default", "permit", true);
	access->external_groups = says(nacm, "enable-external-groups", "true", true);
	if (!nacm)
		return true;
	schema_for_each_child (n, nacm) {
		if (strcmp(schema_name(n), "groups") == 0)
			read_groups(access, n);
		else if (strcmp(schema_name(n), "rule-list") == 0)
			good = access->rules <= ACCESS_RULES_MOST && read_list(access, n, diags) &&
			       good;
	}
	return good;
}

struct access *access_new(struct schema *schema, const struct schema_tree *config,
			  struct access_counts *counts, struct diags *diags)
{
	struct access *access = base_oom(calloc(1, sizeof(*access)));
	access->refs = 1;
	access->schema = schema;
	access->counts = counts;
	arena_init(&access->arena);
	if (read_all(access, find_nacm(config), diags))
		return access;
	access_free(access);
	return NULL;
}

void access_unref(struct access *access)
{
	if (--access->refs)
		return;
	arena_fini(&access->arena);
	free(access);
}

void access_free(struct access *access)
{
	if (!access)
		return;
	for (size_t i = 0; i < ACCESS_KEPT; i++) {
		access_user_unref(access->kept[i]);
		access->kept[i] = NULL;
	}
	access_unref(access);
}

void access_print_counts(const struct access_counts *counts, struct buf *out)
{
	buf_printf(out,
		   "<nacm xmlns=\"" ACCESS_NAMESPACE "\"><denied-operations>%u</denied-operations>"
		   "<denied-data-writes>%u</denied-data-writes>"
		   "<denied-notifications>%u</denied-notifications></nacm>",
		   counts->operations, counts->writes, counts->notifications);
}
