// SPDX-License-Identifier: Apache-2.0
// Whether a leafref has its target. The values of all targets are collected once into a set, where libyang evaluates an
// expression for each leafref: with ten thousand rules over hundreds of groups that is the difference between a
// millisecond and a quarter of a second.
//
// What it does not do: leafrefs with predicates and instance-identifiers; for those libyang is asked.
#include "schema/refs.h"
#include "base/buf.h"
#include "schema/doc.h"
#include "schema/report.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <stdlib.h>
#include <string.h>

// Behind so many diags nobody reads what could have been meant, and finding it out takes its time.
#define EXPLAINED_MOST 50u

// The values at one target, seen from one place. Canonical values are shared by libyang's dictionary: pointers suffice.
struct refs_values {
	const struct model_ref *ref;
	const struct lyd_node *from; // NULL: the top
	const char **slot;
	size_t len, cap;
};

void refs_init(struct refs *refs, struct schema_tree *tree)
{
	*refs = (struct refs){.tree = tree};
	arena_init(&refs->arena);
}

void refs_fini(struct refs *refs)
{
	for (size_t i = 0; i < refs->sets.len; i++)
		free(refs->sets.at[i]->slot);
	arena_fini(&refs->arena);
}

// --- the set ---

static const char **find(const struct refs_values *set, const char *value)
{
	uint64_t h = (uintptr_t)value * 0x9e3779b97f4a7c15u;
	for (size_t i = (h ^ h >> 32) & (set->cap - 1);; i = (i + 1) & (set->cap - 1))
		if (!set->slot[i] || set->slot[i] == value)
			return &set->slot[i];
}

static void put(struct refs_values *set, const char *value)
{
	if (set->len * 2 >= set->cap) {
		struct refs_values old = *set;
		set->cap = old.cap ? old.cap * 2 : 64;
		set->slot = base_oom(calloc(set->cap, sizeof(*set->slot)));
		for (size_t i = 0; i < old.cap; i++)
			if (old.slot[i])
				*find(set, old.slot[i]) = old.slot[i];
		free(old.slot);
	}
	const char **slot = find(set, value);
	set->len += !*slot;
	*slot = value;
}

static void collect(struct refs_values *set, const struct lyd_node *first, uint32_t step)
{
	const struct lysc_node *lys = set->ref->down[step]->schema;
	bool last = step + 1 == set->ref->steps;
	for (const struct lyd_node *it = first; it; it = it->next) {
		if (it->schema != lys)
			continue;
		if (last)
			put(set, lyd_get_value(it));
		else
			collect(set, lyd_child(it), step + 1);
	}
}

static const struct lyd_node *start(const struct model_ref *ref, const struct lyd_node *leaf)
{
	const struct lyd_node *from = ref->absolute ? NULL : leaf;
	for (unsigned i = 0; i < ref->up && from; i++)
		from = lyd_parent(from);
	return from;
}

static struct refs_values *values(struct refs *refs, const struct model_ref *ref,
				  const struct lyd_node *leaf)
{
	const struct lyd_node *from = start(ref, leaf);
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
	free(set->slot);
	*set = (struct refs_values){.ref = ref, .from = from};
	collect(set, from ? lyd_child(from) : refs->tree->first, 0);
	return set;
}

// --- one leaf ---

static bool ask_libyang(struct refs *refs, struct lyd_node *leaf)
{
	const struct lysc_type *type = ((const struct lysc_node_leaf *)leaf->schema)->type;
	struct lyd_node_term *term = (struct lyd_node_term *)leaf;
	struct ly_err_item *err = NULL;
	int result = type->plugin->validate(LYD_CTX(leaf), type, leaf, refs->tree->first,
					    &term->value, &err);
	ly_err_free(err);
	ly_err_clean(refs->tree->schema->ctx, NULL);
	return !result;
}

bool refs_resolve(struct refs *refs, struct lyd_node *leaf)
{
	const struct model_node *m = model_of(leaf);
	if (!m->nrefs)
		return ask_libyang(refs, leaf);
	const char *value = lyd_get_value(leaf);
	for (uint32_t i = 0; i < m->nrefs; i++) {
		const struct refs_values *set = values(refs, &m->refs[i], leaf);
		if (set->cap && *find(set, value))
			return true;
	}
	return false;
}

// --- what could be named ---

// What the target is called among people: the list whose key it is, else the leaf.
static const char *target_noun(const struct model_node *target)
{
	bool is_key = target->schema->flags & LYS_KEY;
	return is_key ? target->parent->schema->name : target->schema->name;
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

static void add_defined(struct refs *refs, struct lyd_node *leaf, struct buf *hint)
{
	const struct model_node *m = model_of(leaf);
	VEC(const char *) names = {0};
	const char *value = lyd_get_value(leaf);
	struct text_guess guess = text_guess(value, strlen(value));
	for (uint32_t i = 0; i < m->nrefs; i++) {
		const struct refs_values *set = values(refs, &m->refs[i], leaf);
		for (size_t k = 0; k < set->cap; k++)
			if (set->slot[k])
				vec_push(&refs->arena, &names, set->slot[k]);
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

void refs_report(struct refs *refs, struct lyd_node *leaf, struct diags *diags)
{
	const struct model_node *m = model_of(leaf);
	struct buf nouns, hint;
	buf_init(&nouns);
	buf_init(&hint);
	add_nouns(m, &nouns);
	if (m->nrefs && diags->list.len < EXPLAINED_MOST)
		add_defined(refs, leaf, &hint);
	else
		buf_adds(&hint, "name something that exists");
	report(refs->tree, leaf, &(struct diag){.code = DIAG_REFERENCE, .hint = hint.data}, diags,
	       "no %s named \"%.200s\" (%s)", m->nrefs ? nouns.data : "node", lyd_get_value(leaf),
	       m->schema->name);
	buf_fini(&nouns);
	buf_fini(&hint);
}
