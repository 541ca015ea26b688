// SPDX-License-Identifier: Apache-2.0
// Facts about the schema's nodes, worked out once when the modules are compiled: children by name, what a value looks
// like, which nodes validation must look at. The rest of this folder asks here instead of searching libyang's lists.
//
// What it does not do: expressions and references; they are in rules.c.
#include "schema/canonical.h"
#include "schema/rules.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MODEL_CONTAINER == LYS_CONTAINER && MODEL_LEAF == LYS_LEAF &&
		       MODEL_LIST == LYS_LIST && MODEL_LEAF_LIST == LYS_LEAFLIST &&
		       MODEL_ANY == LYD_NODE_ANY && MODEL_RPC == LYS_RPC &&
		       MODEL_ACTION == LYS_ACTION && MODEL_NOTIFICATION == LYS_NOTIF,
	       "kinds of nodes are libyang's");

static void describe(struct model_node *m, const struct lysc_node *lys)
{
	m->schema = lys;
	m->name = lys->name;
	m->mod = lys->module;
	m->kind = lys->nodetype;
	m->is_key = lys->flags & LYS_KEY;
	m->is_state = lys->flags & LYS_CONFIG_R;
	m->is_plain_container = lys->nodetype == LYS_CONTAINER && !(lys->flags & LYS_PRESENCE);
	m->identified = lys->nodetype & (LYS_LIST | LYS_LEAFLIST) && !lysc_is_dup_inst_list(lys);
	const struct lysc_node *key = lys->nodetype == LYS_LIST ? lysc_node_child(lys) : NULL;
	for (; key && key->flags & LYS_KEY; key = key->next)
		m->keys++;
}

static struct model_node *new_node(struct schema *schema, const struct lysc_node *lys,
				   struct model_node *parent)
{
	struct model_node *m = arena_new(&schema->arena, struct model_node);
	m->parent = parent;
	m->depth = parent ? parent->depth + 1 : 0;
	m->id = (uint32_t)schema->models.len;
	vec_push(&schema->arena, &schema->models, m);
	if (lys)
		describe(m, lys);
	return m;
}

// --- children by name ---

static uint32_t name_hash(const struct lys_module *mod, const char *name, size_t len)
{
	uint32_t h = (uint32_t)((uintptr_t)mod >> 4);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x01000193u;
	return h ^ h >> 15;
}

static struct model_slot *slots_new(struct arena *arena, size_t children, uint32_t *slots_out)
{
	uint32_t n = 4;
	while (n < children * 2)
		n *= 2;
	*slots_out = n;
	return arena_array(arena, struct model_slot, n);
}

static void slot_put(struct model_slot *slot, uint32_t slots, struct model_node *node)
{
	const struct lysc_node *lys = node->schema;
	uint32_t i = name_hash(lys->module, lys->name, strlen(lys->name)) & (slots - 1);
	while (slot[i].node)
		i = (i + 1) & (slots - 1);
	slot[i] = (struct model_slot){.name = lys->name, .mod = lys->module, .node = node};
}

struct model_node *model_child(const struct model_node *parent, const struct lys_module *mod,
			       const char *name, size_t len)
{
	uint32_t mask = parent->slots - 1;
	if (!parent->slots)
		return NULL;
	for (uint32_t i = name_hash(mod, name, len) & mask; parent->slot[i].node;
	     i = (i + 1) & mask) {
		const struct model_slot *slot = &parent->slot[i];
		if (slot->mod == mod && !strncmp(slot->name, name, len) && !slot->name[len])
			return slot->node;
	}
	return NULL;
}

// --- values ---

static unsigned type_traits(const struct lysc_type *type)
{
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	const struct lysc_type_leafref *ref = (const struct lysc_type_leafref *)type;
	unsigned traits = 0;
	switch ((unsigned)type->basetype) {
	case LY_TYPE_IDENT:
		return VALUE_IDENTITY;
	case LY_TYPE_INST:
		return VALUE_PATH |
		       (((const struct lysc_type_instanceid *)type)->require_instance ? VALUE_REFERS
										      : 0);
	case LY_TYPE_LEAFREF:
		return (type_traits(ref->realtype) & ~(unsigned)VALUE_REFERS) |
		       (ref->require_instance ? VALUE_REFERS : 0);
	case LY_TYPE_UNION:
		for (size_t i = 0; i < LY_ARRAY_COUNT(u->types); i++)
			traits |= type_traits(u->types[i]);
		return traits;
	case LY_TYPE_STRING:
		return type->plugin->id && strstr(type->plugin->id, "xpath") ? VALUE_PATH : 0;
	default:
		return 0;
	}
}

static struct model_default default_of(struct schema *schema, const struct lyd_value *value)
{
	const char *text = lyd_value_get_canonical(schema->ctx, value);
	return (struct model_default){.text = intern_add(&schema->values, text, strlen(text)),
				      .form = canonical_form(value)};
}

static void add_defaults(struct schema *schema, struct model_node *m)
{
	const struct lysc_node *lys = m->schema;
	bool is_leaf = lys->nodetype == LYS_LEAF;
	struct lyd_value *one = is_leaf ? ((const struct lysc_node_leaf *)lys)->dflt : NULL,
			 **many = is_leaf ? NULL : ((const struct lysc_node_leaflist *)lys)->dflts;
	size_t n = is_leaf ? one != NULL : LY_ARRAY_COUNT(many);
	struct model_default *list = arena_array(&schema->arena, struct model_default, n);
	for (size_t i = 0; i < n; i++)
		list[i] = default_of(schema, is_leaf ? one : many[i]);
	m->defaults = list;
	m->ndefaults = (uint32_t)n;
}

// --- the walk ---

struct walk {
	struct schema *schema;
	VEC(struct model_node *) all; // parents before children
};

static void add_node(struct walk *walk, const struct lysc_node *lys, struct model_node *parent);

static void set_children(struct schema *schema, struct model_node *m, struct model_node **child,
			 size_t len)
{
	m->child = child;
	m->children = (uint32_t)len;
	if (len)
		m->slot = slots_new(&schema->arena, len, &m->slots);
	for (size_t i = 0; i < len; i++) {
		child[i]->ordinal = (uint32_t)i;
		slot_put(m->slot, m->slots, child[i]);
	}
}

static void add_children(struct walk *walk, struct model_node *m)
{
	VEC(struct model_node *) list = {0};
	const struct lysc_node *lys = NULL;
	while ((lys = lys_getnext(lys, m->schema, NULL, 0))) {
		add_node(walk, lys, m);
		vec_push(&walk->schema->arena, &list, (struct model_node *)lys->priv);
	}
	set_children(walk->schema, m, list.at, list.len);
}

static void add_node(struct walk *walk, const struct lysc_node *lys, struct model_node *parent)
{
	struct model_node *m = new_node(walk->schema, lys, parent);
	((struct lysc_node *)(uintptr_t)lys)->priv = m;
	vec_push(&walk->schema->arena, &walk->all, m);
	if (lys->nodetype & LYD_NODE_TERM) {
		m->traits = type_traits(((const struct lysc_node_leaf *)lys)->type);
		add_defaults(walk->schema, m);
	}
	if (lys->nodetype & LYD_NODE_INNER)
		add_children(walk, m);
}

static int by_name(const void *a, const void *b)
{
	const struct lys_module *const *m = a, *const *n = b;
	return strcmp((*m)->name, (*n)->name);
}

static void add_identities(struct schema *schema, const struct lys_module *mod)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(mod->identities); i++) {
		struct lysc_ident *id = &mod->identities[i];
		(void)map_put(&schema->identities,
			      arena_printf(&schema->arena, "%s:%s", mod->name, id->name), id);
	}
}

static void find_modules(struct schema *schema)
{
	const struct lys_module *mod;
	uint32_t index = 0;
	while ((mod = ly_ctx_get_module_iter(schema->ctx, &index))) {
		if (!mod->implemented || !mod->compiled)
			continue;
		vec_push(&schema->arena, &schema->modules, mod);
		(void)map_put(&schema->by_namespace, mod->ns, (void *)(uintptr_t)mod);
		(void)map_put(&schema->by_name, mod->name, (void *)(uintptr_t)mod);
		add_identities(schema, mod);
	}
	qsort(schema->modules.at, schema->modules.len, sizeof(*schema->modules.at), by_name);
}

// By name, which is the order of trees at their top.
static void add_modules(struct walk *walk)
{
	struct schema *schema = walk->schema;
	struct arena *arena = &schema->arena;
	VEC(struct model_node *) top = {0};
	find_modules(schema);
	for (size_t i = 0; i < schema->modules.len; i++) {
		const struct lys_module *mod = schema->modules.at[i];
		const struct lysc_node *lys = NULL;
		while ((lys = lys_getnext(lys, NULL, mod->compiled, 0))) {
			add_node(walk, lys, schema->root);
			vec_push(arena, &top, (struct model_node *)lys->priv);
		}
	}
	set_children(schema, schema->root, top.at, top.len);
}

// --- what validation looks at ---

static bool in_choice(const struct lysc_node *lys)
{
	return lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE));
}

static bool demands(const struct lysc_node *lys)
{
	const struct lysc_node_list *list = (const struct lysc_node_list *)lys;
	const struct lysc_node_leaflist *leaf_list = (const struct lysc_node_leaflist *)lys;
	if (lys->nodetype == LYS_LIST)
		return list->min || (list->max && list->max != UINT32_MAX) || list->uniques;
	if (lys->nodetype == LYS_LEAFLIST)
		return leaf_list->min || (leaf_list->max && leaf_list->max != UINT32_MAX);
	// A container without presence is filled in, and then looked into.
	return lys->nodetype != LYS_CONTAINER && lys->flags & LYS_MAND_TRUE;
}

static void mark_uniques(const struct lysc_node *lys)
{
	const struct lysc_node_list *list = (const struct lysc_node_list *)lys;
	for (size_t i = 0; i < LY_ARRAY_COUNT(list->uniques); i++)
		for (size_t k = 0; k < LY_ARRAY_COUNT(list->uniques[i]); k++)
			((struct model_node *)list->uniques[i][k]->priv)->in_unique = true;
}

// Children come behind their parents in the list, so going backwards every child is known before its parent.
static void conclude(struct model_node *m)
{
	const struct lysc_node *lys = m->schema;
	bool filled_inside = false;
	m->checked |= m->nrules || (m->traits & VALUE_REFERS);
	for (uint32_t i = 0; i < m->children; i++) {
		const struct model_node *child = m->child[i];
		if (child->schema->nodetype & (LYS_RPC | LYS_NOTIF | LYS_ACTION))
			continue;
		filled_inside |= child->filled;
		m->fills |= child->fills;
		m->holds_state |= child->holds_state || child->schema->flags & LYS_CONFIG_R;
		m->has_choices |= in_choice(child->schema);
		m->demanding |= demands(child->schema) || in_choice(child->schema);
		m->checked |= child->checked;
	}
	m->checked |= m->demanding || filled_inside;
	if (!lys)
		return;
	if (lys->nodetype == LYS_LIST)
		mark_uniques(lys);
	// A container without presence is made real where something may have to be found in it, or is asked about it.
	bool asked_for = m->nwatchers || m->nrules > m->nwhens || (lys->flags & LYS_MAND_TRUE);
	m->filled = m->ndefaults || (m->is_plain_container && (filled_inside || asked_for));
	m->checked |= m->filled;
	m->fills |= m->filled;
}

void model_build(struct schema *schema)
{
	struct walk walk = {.schema = schema};
	vec_push(&schema->arena, &schema->models, NULL);
	schema->root = new_node(schema, NULL, NULL);
	add_modules(&walk);
	for (size_t i = 0; i < walk.all.len; i++)
		rules_add(schema, walk.all.at[i]);
	for (size_t i = 0; i < walk.all.len; i++)
		rules_watch(schema, walk.all.at[i]);
	for (size_t i = walk.all.len; i--;)
		conclude(walk.all.at[i]);
	conclude(schema->root);
	rules_rank(walk.all.at, walk.all.len);
}

const struct lysc_node *model_case(const struct lysc_node *lys, const struct lysc_node *choice)
{
	for (; in_choice(lys); lys = lys->parent)
		if (lys->parent == choice)
			return lys;
	return NULL;
}

const char *model_libyang_message(struct schema *schema, struct arena *arena)
{
	const struct ly_err_item *item = ly_err_last(schema->ctx);
	const char *text =
		arena_strdup(arena, item && item->msg ? item->msg : "libyang refused it");
	ly_err_clean(schema->ctx, NULL);
	return text;
}
