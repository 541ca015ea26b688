// SPDX-License-Identifier: Apache-2.0
// Text that becomes trees. The first byte chooses what it is read as: a document, an edit of a small policy, an rpc, a
// RESTCONF path, a YANG Patch, a RESTCONF body. What is refused has a reason and a remedy; what is accepted and printed is
// read as the same; a refused edit leaves no trace.
#include "base/buf.h"
#include "fuzz/modules.h"
#include "schema/patch.h"
#include "schema/resource.h"
#include "schema/view.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] =
	"<i2nsf-cfi-policy "
	"xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\"><name>p</name>"
	"<rules><name>a</name><condition><firewall><source>g</source></firewall></"
	"condition><action><primary-action>"
	"<action>drop</action></primary-action></action></rules></i2nsf-cfi-policy>"
	"<endpoint-groups "
	"xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\"><user-group><name>"
	"g</name>"
	"<ipv4-prefix>10.0.0.0/8</ipv4-prefix></user-group></endpoint-groups>";

static struct schema *open_schema(void)
{
	static const char *const modules[] = {"ietf-i2nsf-cons-facing-interface", "ietf-netconf",
					      NULL};
	return fuzz_modules(modules);
}

static void check_diags(const struct diags *diags, bool good)
{
	assert(good == !diags->errors);
	for (size_t i = 0; i < diags->list.len; i++)
		assert(diags->list.at[i].text && diags->list.at[i].hint);
}

static void print(const struct schema_tree *tree, enum schema_format format, unsigned flags,
		  struct buf *out)
{
	buf_clear(out);
	schema_print(tree, format, flags, out);
}

static void read_again(struct schema *schema, const struct schema_tree *tree,
		       enum schema_format format)
{
	struct arena arena cleanup(arena_fini);
	struct buf once cleanup(buf_fini), twice cleanup(buf_fini);
	struct diags diags;
	struct schema_tree *again = schema_tree_new(schema);
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&once);
	buf_init(&twice);
	print(tree, format, 0, &once);
	struct schema_input input = {.data = once.data, .len = once.len, .format = format};
	// A tree without anything prints as nothing, which is no document.
	if (once.len > 2) {
		bool good = schema_parse(again, &input, &diags);
		assert(good);
		print(again, format, 0, &twice);
		assert(!strcmp(once.data, twice.data));
	}
	schema_tree_free(again);
}

static void read_document(struct schema *schema, const struct schema_input *input,
			  struct diags *diags)
{
	struct schema_tree *tree = schema_tree_new(schema);
	bool good = schema_parse(tree, input, diags);
	check_diags(diags, good);
	assert(good || !schema_first(tree));
	if (good) {
		read_again(schema, tree, SCHEMA_XML);
		read_again(schema, tree, SCHEMA_JSON);
		check_diags(diags, schema_validate(tree, diags));
	}
	schema_tree_free(tree);
}

static void read_edit(struct schema *schema, const struct schema_input *input,
		      enum schema_operation op, struct diags *diags)
{
	struct schema_tree *tree = schema_tree_new(schema), *edit = schema_tree_new(schema);
	struct buf before cleanup(buf_fini), after cleanup(buf_fini);
	struct schema_input start = {.data = policy, .len = sizeof(policy) - 1};
	buf_init(&before);
	buf_init(&after);
	bool good = schema_parse(tree, &start, diags) && schema_validate(tree, diags);
	assert(good);
	print(tree, SCHEMA_XML, SCHEMA_PRINT_DEFAULTS, &before);
	good = schema_parse_edit(edit, input, diags) && schema_edit(tree, edit, op, diags);
	check_diags(diags, good);
	if (good && !schema_validate(tree, diags))
		schema_go(tree, 0);
	if (diags->errors) {
		print(tree, SCHEMA_XML, SCHEMA_PRINT_DEFAULTS, &after);
		assert(!strcmp(before.data, after.data));
	}
	schema_tree_free(tree);
	schema_tree_free(edit);
}

static void read_rpc(struct schema *schema, const struct schema_input *input, struct diags *diags)
{
	struct schema_tree *rpc = NULL;
	const char *id, *attributes;
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	bool good = schema_parse_rpc(schema, input, diags->arena, diags, &rpc, &id, &attributes);
	check_diags(diags, good);
	const struct schema_node *filter = good ? schema_get(schema_first(rpc), "filter") : NULL;
	if (filter) {
		struct schema_tree *tree = schema_tree_new(schema);
		struct schema_input start = {.data = policy, .len = sizeof(policy) - 1};
		good = schema_parse(tree, &start, diags);
		assert(good);
		struct schema_view_options options = {.indent = true};
		struct schema_view *view = schema_view_new(tree, &options);
		if (schema_view_subtree(view, filter, diags))
			schema_view_print(view, &out);
		schema_view_free(view);
		schema_tree_free(tree);
	}
	schema_tree_free(rpc);
}

// A line with a path, then a body for it.
static void read_resource(struct schema *schema, const struct schema_input *input,
			  struct arena *arena, struct diags *diags)
{
	const char *end = memchr(input->data, '\n', input->len);
	size_t len = end ? (size_t)(end - input->data) : input->len;
	struct schema_resource resource;
	if (!schema_resource_read(schema, NULL, arena_strndup(arena, input->data, len), arena,
				  diags, &resource) ||
	    !end || !resource.step.len)
		return;
	struct schema_tree *edit = schema_tree_new(schema), *tree = schema_tree_new(schema);
	struct schema_input body = {.data = end + 1, .len = input->len - len - 1};
	const struct schema_node *node =
		schema_resource_parse(edit, &resource, resource.step.len - 1, &body, diags);
	check_diags(diags, node != NULL);
	if (node) {
		struct buf uri cleanup(buf_fini);
		struct schema_resource again;
		buf_init(&uri);
		schema_resource_uri(node, &uri);
		assert(schema_resource_read(schema, NULL, uri.data, arena, diags, &again));
		assert(schema_resource_find(edit, &again, again.step.len) == node);
		schema_edit_mark(edit, node, &(struct schema_mark){.operation = SCHEMA_OP_REPLACE});
		check_diags(diags, schema_edit(tree, edit, SCHEMA_OP_MERGE, diags));
	}
	schema_tree_free(tree);
	schema_tree_free(edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema *schema = open_schema();
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (!size)
		return 0;
	struct schema_input input = {
		.file = "fuzz", .data = (const char *)data + 1, .len = size - 1};
	switch ((uint8_t)(*data - '0') % 10) {
	case 0:
	case 1:
		read_document(schema, &input, &diags);
		break;
	case 2:
		read_edit(schema, &input, SCHEMA_OP_MERGE, &diags);
		break;
	case 3:
		read_edit(schema, &input, SCHEMA_OP_REPLACE, &diags);
		break;
	case 4:
		read_edit(schema, &input, SCHEMA_OP_NONE, &diags);
		break;
	case 5:
	case 6:
		read_rpc(schema, &input, &diags);
		break;
	case 7: {
		char *path = arena_strndup(&arena, input.data, input.len);
		struct schema_resource resource;
		check_diags(&diags,
			    schema_resource_read(schema, NULL, path, &arena, &diags, &resource));
		break;
	}
	case 8: {
		struct schema_patch patch;
		check_diags(&diags, schema_patch_read(schema, &input, &arena, &diags, &patch));
		break;
	}
	default:
		read_resource(schema, &input, &arena, &diags);
	}
	return 0;
}
