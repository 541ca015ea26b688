// SPDX-License-Identifier: Apache-2.0
// For tests: one document as a tree of libyang and as ours. Both fill in the same defaults in the same order, so the nodes
// are paired by walking through both.
#include "schema/node.h"
#include "schema/xpath_own.h"

#include <libyang/libyang.h>

#include <stdio.h>
#include <string.h>

// Libyang makes every container without presence; we only those that something asks about, and of no module of its own.
static bool is_extra(const struct lyd_node *lyd, const struct schema_node *node)
{
	bool same = node && !strcmp(lyd->schema->name, node_model(node)->name);
	return !same && lyd->schema->nodetype == LYS_CONTAINER && !lyd_child(lyd);
}

static void pair_up(struct own *own, struct lyd_node **first, const struct schema_node *node)
{
	struct lyd_node *next;
	for (struct lyd_node *it = *first; it; it = next) {
		next = it->next;
		if (is_extra(it, node)) {
			*first = it == *first ? next : *first;
			lyd_free_tree(it);
			continue;
		}
		assert_non_null(node);
		assert_string_equal(it->schema->name, node_model(node)->name);
		(void)map_put(&own->nodes, arena_printf(&own->arena, "%p", (void *)it),
			      (void *)(uintptr_t)node);
		struct lyd_node *child = lyd_child(it);
		if (node_is_inner(node))
			pair_up(own, &child, node_child(node));
		node = node->next;
	}
	assert_null(node);
}

void own_init(struct own *own, struct test *t, const char *document)
{
	*own = (struct own){0};
	arena_init(&own->arena);
	own->nodes.arena = &own->arena;
	if (lyd_parse_data_mem(t->schema->ctx, document, LYD_XML, LYD_PARSE_STRICT, 0, &own->lyd))
		fail_msg("libyang: %s", ly_errmsg(t->schema->ctx));
	own->tree = test_valid(t, document);
	own->root = own->tree->root;
	pair_up(own, &own->lyd, node_child(own->root));
}

void own_fini(struct own *own)
{
	lyd_free_all(own->lyd);
	schema_tree_free(own->tree);
	arena_fini(&own->arena);
}

const struct schema_node *own_of(const struct own *own, const struct lyd_node *node)
{
	char key[32];
	snprintf(key, sizeof(key), "%p", (const void *)node);
	return map_get(&own->nodes, key);
}
