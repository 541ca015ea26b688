// SPDX-License-Identifier: Apache-2.0
// The functions that YANG adds to XPath (RFC 7950 section 10).
#include "schema/xpath_call.h"

#include <libyang/libyang.h>

#include <math.h>
#include <string.h>

// The first node of the first argument; NULL: there is none.
static const struct schema_node *first_node(CALL)
{
	struct xpath_value set;
	(void)out;
	xpath_evaluate(e, call->args, here, &set);
	uintptr_t first = xpath_set_first(e, &set.nodes);
	xpath_value_fini(e, &set);
	return first ? item_node(first) : NULL;
}

void xpath_call_current(CALL)
{
	(void)call, (void)here;
	xpath_set_add(e, &out->nodes, (uintptr_t)e->current);
}

// --- re-match ---

static const struct xpath_pattern *pattern_of(struct xpath_eval *e, struct xpath_expr *call,
					      const char *text)
{
	if (call->cached && xpath_pattern_is(call->cached, text))
		return call->cached;
	struct xpath_pattern *pattern = xpath_spend(e, 1000) ? xpath_pattern_new(e, text) : NULL;
	if (!pattern)
		return NULL;
	if (!call->cached)
		vec_push(&e->xpath->arena, &e->xpath->matchers, call);
	xpath_pattern_free(call->cached);
	call->cached = pattern;
	return pattern;
}

void xpath_call_re_match(CALL)
{
	const char *text = xpath_evaluate_text(e, call->args, here);
	const char *wanted = xpath_evaluate_text(e, call->args->next, here);
	const struct xpath_pattern *pattern = pattern_of(e, call, wanted);
	out->truth = pattern && xpath_pattern_match(e, pattern, text);
}

// --- types ---

// The type itself, or one that it may stand for, of this base; NULL: none.
static const struct lysc_type *type_of_base(const struct lysc_type *type, LY_DATA_TYPE base)
{
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	const struct lysc_type *found = NULL;
	if (type->basetype == base)
		return type;
	if (type->basetype == LY_TYPE_LEAFREF)
		return type_of_base(((const struct lysc_type_leafref *)type)->realtype, base);
	if (type->basetype != LY_TYPE_UNION)
		return NULL;
	for (size_t i = 0; i < LY_ARRAY_COUNT(u->types) && !found; i++)
		found = type_of_base(u->types[i], base);
	return found;
}

static const struct lysc_type *leaf_type(const struct schema_node *node, LY_DATA_TYPE base)
{
	if (!node || !node_is_term(node) || !node->value)
		return NULL;
	return type_of_base(((const struct lysc_node_leaf *)node_model(node)->schema)->type, base);
}

// --- deref ---

struct target {
	struct xpath_eval *e;
	const struct model_ref *ref;
	const char *value;
	struct xpath_set *out;
};

// The key of an entry leads to it at once; other targets are compared.
static void follow(const struct target *t, const struct schema_node *at, uint32_t step)
{
	const struct model_node *model = t->ref->down[step];
	bool is_last = step + 1 == t->ref->steps;
	bool by_key = !is_last && model->kind == MODEL_LIST && model->keys == 1 &&
		      t->ref->down[step + 1] == model->child[0];
	if (by_key) {
		const struct schema_node *entry = node_find_entry(at, model, &t->value);
		if (entry)
			follow(t, entry, step + 1);
		return;
	}
	for (const struct schema_node *it = node_find(at, model); it && xpath_spend(t->e, 1);
	     it = node_next_of_kind(it)) {
		if (!is_last)
			follow(t, it, step + 1);
		else if (it->value == t->value)
			xpath_set_add(t->e, t->out, (uintptr_t)it);
	}
}

static void follow_ref(struct xpath_eval *e, const struct model_ref *ref,
		       const struct schema_node *leaf, struct xpath_set *out)
{
	const struct schema_node *at = ref->absolute ? e->root : leaf;
	for (unsigned up = ref->absolute ? 0 : ref->up; up && at; up--)
		at = at->parent;
	struct target target = {.e = e, .ref = ref, .value = leaf->value, .out = out};
	if (at)
		follow(&target, at, 0);
}

static const char *leafref_prefix(void *context, const char *prefix)
{
	const struct lysc_prefix *prefixes = context;
	for (size_t i = 0; i < LY_ARRAY_COUNT(prefixes); i++)
		if (prefixes[i].prefix && !strcmp(prefixes[i].prefix, prefix))
			return prefixes[i].mod->name;
	return NULL;
}

static struct schema_xpath *leafref_path(struct xpath_eval *e, const struct lysc_type *type,
					 const struct schema_node *leaf)
{
	const struct lysc_type_leafref *ref = (const struct lysc_type_leafref *)type;
	struct schema_xpath *xpath = e->xpath;
	for (size_t i = 0; i < xpath->leafrefs.len; i++)
		if (xpath->leafrefs.at[i].type == type)
			return xpath->leafrefs.at[i].path;
	struct schema_xpath_names names = {.module = leafref_prefix,
					   .context = ref->prefixes,
					   .home = node_model(leaf)->mod->name};
	struct schema_xpath *path =
		schema_xpath_parse(xpath->schema, lyxp_get_expr(ref->path), &names, e->diags);
	vec_push(&xpath->arena, &xpath->leafrefs, (struct xpath_leafref){type, path});
	e->failed |= !path;
	return path;
}

// What a path gives that stands at the leaf.
static void follow_path(struct xpath_eval *e, struct schema_xpath *path,
			const struct schema_node *leaf, struct xpath_value *out)
{
	struct schema_xpath *xpath = e->xpath;
	const struct schema_node *current = e->current;
	struct xpath_here here = {.item = (uintptr_t)leaf, .position = 1, .size = 1};
	bool follows = e->follows;
	e->xpath = path;
	e->current = leaf;
	e->follows = true;
	xpath_evaluate(e, path->expr, &here, out);
	e->xpath = xpath;
	e->current = current;
	e->follows = follows;
}

static void keep_equal(struct xpath_set *set, const char *value)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->len; i++)
		if (node_value(item_node(set->at[i])) == value)
			set->at[kept++] = set->at[i];
	set->len = kept;
}

// RFC 7951 section 6.11 is how a tree keeps an instance-identifier: prefixes are the names of modules.
static void follow_instance(struct xpath_eval *e, const struct schema_node *leaf,
			    struct xpath_value *out)
{
	struct schema_xpath *path = schema_xpath_parse(e->xpath->schema, leaf->value,
						       &schema_xpath_by_module, e->diags);
	e->failed |= !path;
	if (path && path->expr->type == XPATH_NODES)
		follow_path(e, path, leaf, out);
	schema_xpath_free(path);
}

static void leave_out_hidden(const struct xpath_eval *e, struct xpath_set *set)
{
	size_t kept = 0;
	for (size_t i = 0; e->place->visible && i < set->len; i++) {
		bool seen = true;
		for (const struct schema_node *it = item_node(set->at[i]); seen && it->parent;
		     it = it->parent)
			seen = e->place->visible(e->place->context, it);
		if (seen)
			set->at[kept++] = set->at[i];
	}
	set->len = e->place->visible ? kept : set->len;
}

void xpath_call_deref(CALL)
{
	const struct schema_node *leaf = first_node(e, call, here, out);
	const struct model_node *model = leaf ? node_model(leaf) : NULL;
	const struct lysc_type *type = leaf_type(leaf, LY_TYPE_LEAFREF);
	if (!leaf || !node_is_term(leaf) || !leaf->value)
		return;
	for (uint32_t i = 0; i < model->nrefs; i++)
		follow_ref(e, &model->refs[i], leaf, &out->nodes);
	if (!model->nrefs && type) {
		struct schema_xpath *path = leafref_path(e, type, leaf);
		if (path)
			follow_path(e, path, leaf, out);
		keep_equal(&out->nodes, leaf->value);
	} else if (!model->nrefs && leaf_type(leaf, LY_TYPE_INST) && leaf->form == FORM_PATH) {
		follow_instance(e, leaf, out);
	}
	xpath_set_unite(e, &out->nodes);
	out->nodes.unordered |= out->nodes.len > 1;
	leave_out_hidden(e, &out->nodes);
}

// --- identities ---

static bool is_derived(const struct lysc_ident *base, const struct lysc_ident *from)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(base->derived); i++)
		if (base->derived[i] == from || is_derived(base->derived[i], from))
			return true;
	return false;
}

// "prefix:name", or a name of the home module, else of the module of the node that is asked about.
static const struct lysc_ident *identity(struct xpath_eval *e, const char *text,
					 const struct schema_node *node)
{
	const char *colon = strchr(text, ':');
	const struct lys_module *mod =
		xpath_module(e->xpath, text, colon ? (size_t)(colon - text) : 0);
	if (!mod && !colon)
		mod = node_model(node)->mod;
	const char *full =
		arena_printf(&e->arena, "%s:%s", mod ? mod->name : "", colon ? colon + 1 : text);
	xpath_spend_text(e, strlen(full));
	return map_get(&e->xpath->schema->identities, full);
}

static bool some_derived(bool or_self, CALL)
{
	struct xpath_value set;
	bool found = false;
	const char *text = xpath_evaluate_text(e, call->args->next, here);
	(void)out;
	xpath_evaluate(e, call->args, here, &set);
	for (size_t i = 0; i < set.nodes.len && !found && xpath_spend(e, 1); i++) {
		const struct schema_node *node = item_node(set.nodes.at[i]);
		const struct lysc_ident *own = node_identity(node);
		const struct lysc_ident *base = own ? identity(e, text, node) : NULL;
		found = base && ((or_self && own == base) || is_derived(base, own));
	}
	xpath_value_fini(e, &set);
	return found;
}

void xpath_call_derived_from(CALL)
{
	out->truth = some_derived(false, e, call, here, out);
}

void xpath_call_derived_from_or_self(CALL)
{
	out->truth = some_derived(true, e, call, here, out);
}

// --- enumerations and bits ---

void xpath_call_enum_value(CALL)
{
	const struct schema_node *leaf = first_node(e, call, here, out);
	const struct lysc_type *type = leaf_type(leaf, LY_TYPE_ENUM);
	const struct lysc_type_bitenum_item *enums =
		type ? ((const struct lysc_type_enum *)type)->enums : NULL;
	out->number = NAN;
	for (size_t i = 0; i < LY_ARRAY_COUNT(enums); i++)
		if (!strcmp(enums[i].name, leaf->value))
			out->number = enums[i].value;
}

void xpath_call_bit_is_set(CALL)
{
	const struct schema_node *leaf = first_node(e, call, here, out);
	const char *bit = xpath_evaluate_text(e, call->args->next, here);
	const char *word = leaf_type(leaf, LY_TYPE_BITS) ? leaf->value : "";
	for (size_t len; *word && !out->truth; word += len + (word[len] == ' ')) {
		len = strcspn(word, " ");
		out->truth = strlen(bit) == len && !memcmp(word, bit, len);
	}
}
