// SPDX-License-Identifier: Apache-2.0
// Whether a leafref has its target. A target that is the key of a list is looked up; of others all values are collected
// once into a set, so that no leafref costs a walk of its own. For a path with predicates the expression is evaluated.
#include "schema/refs.h"
#include "base/buf.h"
#include "base/turn.h"
#include "schema/marks.h"
#include "schema/path.h"
#include "schema/report.h"
#include "schema/rules.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

// Behind so many diags nobody reads what could have been meant, and finding it out takes its time.
#define EXPLAINED_MOST 50u

// The values at one target, seen from one place. Canonical values are interned: pointers suffice.
struct refs_values {
	const struct model_ref *ref;
	const struct schema_node *from;
	struct marks values;
};

void refs_init(struct refs *refs, struct schema_tree *tree)
{
	*refs = (struct refs){.tree = tree};
	arena_init(&refs->arena);
}

void refs_fini(struct refs *refs)
{
	for (size_t i = 0; i < refs->sets.len; i++)
		marks_fini(&refs->sets.at[i]->values);
	arena_fini(&refs->arena);
}

static void collect(struct refs_values *set, const struct schema_node *parent, uint32_t step)
{
	bool last = step + 1 == set->ref->steps;
	node_for_each_of(it, parent, set->ref->down[step])
	{
		turn_point();
		if (last)
			(void)marks_add(&set->values, it->value);
		else
			collect(set, it, step + 1);
	}
}

static const struct schema_node *start(const struct refs *refs, const struct model_ref *ref,
				       const struct schema_node *leaf)
{
	const struct schema_node *from = ref->absolute ? refs->tree->root : leaf;
	for (unsigned i = 0; i < ref->up && from->parent; i++)
		from = from->parent;
	return from;
}

static struct refs_values *values(struct refs *refs, const struct model_ref *ref,
				  const struct schema_node *leaf)
{
	const struct schema_node *from = start(refs, ref, leaf);
	struct refs_values *set = NULL;
	for (size_t i = 0; i < refs->sets.len && !set; i++)
		if (refs->sets.at[i]->ref == ref)
			set = refs->sets.at[i];
	if (set && set->from == from)
		return set;
	if (!set) {
		set = arena_new(&refs->arena, struct refs_values);
		vec_push(&refs->arena, &refs->sets, set);
	}
	marks_fini(&set->values);
	*set = (struct refs_values){.ref = ref, .from = from, .values.plain = true};
	collect(set, from, 0);
	return set;
}

// --- one leaf ---

static bool type_resolves(struct refs *refs, const struct schema_node *leaf,
			  const struct lysc_type *type);

// The first type of the union that takes the value, and has its target, is the value's.
static bool union_resolves(struct refs *refs, const struct schema_node *leaf,
			   const struct lysc_type_union *type)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(type->types); i++)
		if (canonical_takes(node_model(leaf), type->types[i], leaf->value) &&
		    type_resolves(refs, leaf, type->types[i]))
			return true;
	return false;
}

static bool type_resolves(struct refs *refs, const struct schema_node *leaf,
			  const struct lysc_type *type)
{
	const struct lysc_type_leafref *ref = (const struct lysc_type_leafref *)type;
	if (type->basetype == LY_TYPE_UNION)
		return union_resolves(refs, leaf, (const struct lysc_type_union *)type);
	if (type->basetype == LY_TYPE_INST)
		return !((const struct lysc_type_instanceid *)type)->require_instance ||
		       path_find(refs->tree, leaf->value);
	if (type->basetype == LY_TYPE_LEAFREF)
		return !ref->require_instance || rules_names(leaf, ref);
	return true;
}

// The value is looked up where the last steps are a list by its only key, below containers.
static bool find_directly(struct refs *refs, const struct model_ref *ref,
			  const struct schema_node *leaf, bool *found_out)
{
	const struct schema_node *at = start(refs, ref, leaf);
	uint32_t i = 0;
	for (; at && i < ref->steps && ref->down[i]->kind == MODEL_CONTAINER; i++)
		at = node_find(at, ref->down[i]);
	bool is_key = i + 2 == ref->steps && ref->down[i]->keys == 1 && ref->down[i + 1]->is_key;
	*found_out = is_key && at && node_find_entry(at, ref->down[i], &leaf->value);
	return is_key;
}

bool refs_resolve(struct refs *refs, struct schema_node *leaf)
{
	const struct model_node *m = node_model(leaf);
	bool found = false;
	if (!m->nrefs)
		return type_resolves(refs, leaf, ((const struct lysc_node_leaf *)m->schema)->type);
	for (uint32_t i = 0; i < m->nrefs && !found; i++) {
		if (find_directly(refs, &m->refs[i], leaf, &found))
			continue;
		const struct refs_values *set = values(refs, &m->refs[i], leaf);
		found = marks_has(&set->values, leaf->value);
	}
	return found;
}

// --- what could be named ---

// What the target is called among people: the list whose key it is, else the leaf.
static const char *target_noun(const struct model_node *target)
{
	bool is_key = target->is_key;
	return is_key ? target->parent->name : target->name;
}

static void add_nouns(const struct model_node *m, struct buf *out)
{
	for (uint32_t i = 0; i < m->nrefs; i++)
		buf_printf(out, "%s%s", i ? " or " : "", target_noun(m->refs[i].target));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_defined(struct refs *refs, struct schema_node *leaf, struct buf *hint)
{
	const struct model_node *m = node_model(leaf);
	VEC(const char *) names = {0};
	const char *value = leaf->value;
	struct text_guess guess = text_guess(value, strlen(value));
	for (uint32_t i = 0; i < m->nrefs; i++) {
		const struct refs_values *set = values(refs, &m->refs[i], leaf);
		for (size_t k = 0; k < set->values.cap; k++)
			if (set->values.slot[k])
				vec_push(&refs->arena, &names, (const char *)set->values.slot[k]);
	}
	if (!names.len) {
		buf_adds(hint, "none is defined; define it, or load the document that does");
		return;
	}
	qsort(names.at, names.len, sizeof(*names.at), by_text);
	for (size_t i = 0; i < names.len; i++)
		text_guess_offer(&guess, names.at[i]);
	if (guess.best)
		buf_printf(hint, "did you mean \"%s\"? ", guess.best);
	buf_adds(hint, "defined: ");
	for (size_t i = 0; i < names.len && i < 20; i++)
		buf_printf(hint, "%s%.80s", i ? ", " : "", names.at[i]);
	if (names.len > 20)
		buf_printf(hint, " and %zu more", names.len - 20);
}

void refs_report(struct refs *refs, struct schema_node *leaf, struct diags *diags)
{
	const struct model_node *m = node_model(leaf);
	struct buf nouns, hint;
	buf_init(&nouns);
	buf_init(&hint);
	add_nouns(m, &nouns);
	if (m->nrefs && diags->list.len < EXPLAINED_MOST)
		add_defined(refs, leaf, &hint);
	else
		buf_adds(&hint, "name something that exists");
	// RFC 7950 section 15.5.
	struct diag about = {
		.code = DIAG_REFERENCE, .app_tag = "instance-required", .hint = hint.data};
	report(refs->tree, leaf, &about, diags, "no %s named \"%.200s\" (%s)",
	       m->nrefs ? nouns.data : "node", leaf->value, m->name);
	buf_fini(&nouns);
	buf_fini(&hint);
}
