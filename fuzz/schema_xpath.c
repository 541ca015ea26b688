// SPDX-License-Identifier: Apache-2.0
// XPath expressions: whatever they are, they are refused, stopped or evaluated; what is accepted gives nodes in document
// order and none of them twice.
#include "fuzz/modules.h"
#include "schema/node.h"
#include "schema/xpath.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema_node *root;

static struct schema_node *add(struct schema *schema, struct schema_node *parent,
			       const struct model_node *model, unsigned depth)
{
	static const char *const texts[] = {"a", "1", "b", ""};
	struct schema_node *node = node_new(schema, model);
	if (model->kind & MODEL_TERM) {
		const char *text = texts[(model->id + depth) % 4];
		node_set_value(node, intern_add(&schema->values, text, strlen(text)), FORM_STRING);
	}
	for (uint32_t i = 0; i < model->children && depth < 9; i++)
		if (i < 6 || model->child[i]->is_key)
			(void)add(schema, node, model->child[i], depth + 1);
	if (parent)
		node_add(parent, node);
	return node;
}

// The values need not be of their types: the evaluator takes them as texts.
static struct schema *open_schema(void)
{
	static const char *const modules[] = {"ietf-i2nsf-cons-facing-interface", NULL};
	struct schema *schema = fuzz_modules(modules);
	if (!root)
		root = add(schema, NULL, schema->root, 0);
	return schema;
}

struct seen {
	const struct schema_node *last;
	size_t count;
};

static void see(void *context, const struct schema_node *node)
{
	struct seen *seen = context;
	assert(node != seen->last && node->parent);
	seen->last = node;
	seen->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema *schema = open_schema();
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	const char *text = arena_strndup(&arena, (const char *)data, size);
	struct schema_xpath *xpath =
		schema_xpath_parse(schema, text, &schema_xpath_by_module, &diags);
	assert(!xpath == (diags.errors > 0));
	if (xpath) {
		struct schema_xpath_place place = {.node = root};
		struct seen seen = {0};
		bool result, good = schema_xpath_true(xpath, &place, &result, &diags);
		assert(good == !diags.errors);
		if (good && schema_xpath_nodes(xpath, &place, see, &seen, &diags))
			assert(result || !seen.count);
	}
	schema_xpath_free(xpath);
	return 0;
}
