// SPDX-License-Identifier: Apache-2.0
// Kinds of nodes for other folders: the facts of model.c behind a face that shows nothing of libyang.
#include "schema/kind.h"

#include "schema/model.h"

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
	return schema->nodes;
}

uint32_t schema_kind_id(const struct schema_kind *kind)
{
	return model(kind)->id;
}

const struct schema_kind *schema_kind(const struct schema_node *node)
{
	const struct lyd_node *data = node_data(node);
	return data->schema ? public(model_of(data)) : NULL;
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

const char *schema_kind_name(const struct schema_kind *kind)
{
	return model(kind)->schema->name;
}

const char *schema_kind_module(const struct schema_kind *kind)
{
	return model(kind)->schema->module->name;
}

bool schema_kind_is_plain(const struct schema_kind *kind)
{
	const struct lysc_node *lys = model(kind)->schema;
	return lys->nodetype == LYS_CONTAINER && !(lys->flags & LYS_PRESENCE);
}

bool schema_kind_is_data(const struct schema_kind *kind)
{
	return !(model(kind)->schema->nodetype & (LYS_RPC | LYS_ACTION | LYS_NOTIF));
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
