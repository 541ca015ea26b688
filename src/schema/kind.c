// SPDX-License-Identifier: Apache-2.0
// Kinds of nodes for other folders: the facts of model.c behind a face that shows nothing of libyang.
#include "schema/kind.h"

#include "schema/node.h"

#include <libyang/libyang.h>
#include <string.h>

static const struct model_node *model(const struct schema_kind *kind)
{
	return (const struct model_node *)kind;
}

// The root is the parent of what stands at the top; nobody else knows it.
static const struct schema_kind *public(const struct model_node *m)
{
	return m && m->schema ? (const struct schema_kind *)m : NULL;
}

static const struct model_node *inside(const struct schema *schema,
				       const struct schema_kind *parent)
{
	return parent ? model(parent) : schema->root;
}

uint32_t schema_kinds(const struct schema *schema)
{
	return (uint32_t)schema->models.len - 1;
}

uint32_t schema_kind_id(const struct schema_kind *kind)
{
	return model(kind)->id;
}

const struct schema_kind *schema_kind(const struct schema_node *node)
{
	return public(node_model(node));
}

const struct schema_kind *schema_kind_find(const struct schema *schema,
					   const struct schema_kind *parent, const char *module,
					   const char *name)
{
	const struct lys_module *mod = map_get(&schema->by_name, module);
	return mod ? public(model_child(inside(schema, parent), mod, name, strlen(name))) : NULL;
}

const struct schema_kind *schema_kind_child(const struct schema *schema,
					    const struct schema_kind *parent, uint32_t i)
{
	const struct model_node *m = inside(schema, parent);
	return i < m->children ? public(m->child[i]) : NULL;
}

const struct schema_kind *schema_kind_parent(const struct schema_kind *kind)
{
	return public(model(kind)->parent);
}

const char *schema_kind_module(const struct schema_kind *kind)
{
	return model(kind)->mod->name;
}

enum schema_class schema_kind_class(const struct schema_kind *kind)
{
	const struct lysc_node *lys = model(kind)->schema;
	switch (lys->nodetype) {
	case LYS_CONTAINER:
		return lys->flags & LYS_PRESENCE ? SCHEMA_PRESENCE : SCHEMA_CONTAINER;
	case LYS_LIST:
		return SCHEMA_LIST;
	case LYS_LEAFLIST:
		return SCHEMA_LEAF_LIST;
	case LYS_LEAF:
		return SCHEMA_LEAF;
	case LYS_NOTIF:
		return SCHEMA_NOTIFICATION;
	case LYS_RPC:
	case LYS_ACTION:
		return SCHEMA_RPC;
	default:
		return SCHEMA_ANY;
	}
}

bool schema_kind_is_key(const struct schema_kind *kind)
{
	return model(kind)->is_key;
}

bool schema_kind_is_ordered(const struct schema_kind *kind)
{
	const struct lysc_node *lys = model(kind)->schema;
	return lys->nodetype & (LYS_LIST | LYS_LEAFLIST) && lys->flags & LYS_ORDBY_USER;
}

// --- extensions of ietf-netconf-acm ---

static enum schema_guard own_guard(const struct lysc_node *lys)
{
	enum schema_guard guard = SCHEMA_GUARD_NONE;
	for (size_t i = 0; i < LY_ARRAY_COUNT(lys->exts); i++) {
		const struct lysc_ext *def = lys->exts[i].def;
		if (strcmp(def->module->name, "ietf-netconf-acm") != 0)
			continue;
		if (!strcmp(def->name, "default-deny-all"))
			return SCHEMA_GUARD_ALL;
		if (!strcmp(def->name, "default-deny-write"))
			guard = SCHEMA_GUARD_WRITE;
	}
	return guard;
}

enum schema_guard schema_kind_guard(const struct schema_kind *kind)
{
	enum schema_guard guard = SCHEMA_GUARD_NONE;
	for (const struct lysc_node *lys = model(kind)->schema; lys; lys = lys->parent) {
		enum schema_guard own = own_guard(lys);
		guard = own > guard ? own : guard;
	}
	return guard;
}
