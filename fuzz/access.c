// SPDX-License-Identifier: Apache-2.0
// Rules of access control: whatever stands in /nacm is refused or decides, about every node of a policy, without keeping
// anything. Who may read or write everything meets no denial.
#include "access/access.h"
#include "fuzz/modules.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NFI "ietf-i2nsf-nsf-facing-interface"

static const char policy[] =
	"<i2nsf-security-policy xmlns=\"urn:ietf:params:xml:ns:yang:" NFI "\"><name>p</name><rules>"
	"<name>u</name><priority>1</priority></rules><rules><name>r</name><priority>2</priority>"
	"</rules></i2nsf-security-policy>";

static struct schema_tree *parse(struct schema *schema, const char *text, size_t len,
				 struct diags *diags)
{
	struct schema_tree *tree = schema_tree_new(schema);
	struct schema_input input = {.data = text, .len = len};
	if (schema_parse(tree, &input, diags))
		return tree;
	schema_tree_free(tree);
	return NULL;
}

static struct schema *open_schema(void)
{
	static const char *const modules[] = {NFI, ACCESS_MODULE, NULL};
	return fuzz_modules(modules);
}

static bool reads(struct access_look *look, const struct schema_node *node)
{
	bool all = access_may_read(look, node);
	schema_for_each_child (n, node)
		all = reads(look, n) && all;
	return all;
}

static void ask(struct schema *schema, struct access *access, struct diags *diags)
{
	static const char *const group[] = {"g", "operator"};
	struct access_who who = {.name = "u", .group = group, .groups = 2};
	struct access_user *user = access_user(access, &who);
	struct access_look look = {.user = user};
	struct schema_tree *none = schema_tree_new(schema),
			   *tree = parse(schema, policy, sizeof(policy) - 1, diags);
	assert(tree);
	bool all = reads(&look, schema_first(tree));
	assert(all || !access_reads_all(user));
	bool may = access_may_change(user, none, tree, diags) &&
		   access_may_change(user, tree, none, diags);
	assert(may || !access_writes_all(user));
	assert(access_may_change(user, tree, tree, diags));
	assert(access_may_call(user, "ietf-netconf", "close-session", diags));
	schema_tree_free(tree);
	schema_tree_free(none);
	access_user_unref(user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema *schema = open_schema();
	struct access_counts counts = {0};
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct schema_tree *config = parse(schema, (const char *)data, size, &diags);
	struct access *access = config ? access_new(schema, config, &counts, &diags) : NULL;
	assert(access || diags.errors);
	if (access)
		ask(schema, access, &diags);
	access_free(access);
	schema_tree_free(config);
	arena_fini(&arena);
	return 0;
}
