// SPDX-License-Identifier: Apache-2.0
// What a model demands of the children of one node: mandatory (RFC 7950 sections 7.6.5 and 7.9.4), min- and max-elements
// (7.7.5), unique (7.8.3), one case of a choice (7.9). What stands under a `when` that does not hold is not demanded,
// nor what belongs to a case that is not in use.
#include "base/buf.h"
#include "base/turn.h"
#include "schema/report.h"
#include "schema/rules.h"
#include "schema/validate.h"
#include "schema/value.h"

#include <libyang/libyang.h>
#include <string.h>

// Above a node that is absent there is only its parent to point at.
static void report_absent(struct check *v, const struct schema_node *parent,
			  const struct lysc_node *lys, struct diag about)
{
	struct buf path;
	const char *kind = lys->nodetype == LYS_CHOICE ? "one of the alternatives of " : "";
	bool same = node_model(parent)->mod == lys->module;
	buf_init(&path);
	node_path(parent, &path);
	buf_printf(&path, "/%s%s%s", same ? "" : lys->module->name, same ? "" : ":", lys->name);
	about.path = path.data;
	report(v->tree, parent, &about, v->diags, "%s%s\"%s\" is missing",
	       parent->parent ? "" : "at the top of the document, ", kind, lys->name);
	buf_fini(&path);
}

// --- choices ---

// A given node of the choice, and one of another case.
struct chosen {
	const struct schema_node *node, *other;
	const struct lysc_node *lys_case;
};

static const struct schema_node *first_given(const struct schema_node *node)
{
	while (node && node->is_default)
		node = node_next_of_kind(node);
	return node;
}

static struct chosen find_chosen(const struct schema_node *parent, const struct lysc_node *choice)
{
	struct chosen c = {0};
	for (const struct schema_node *it = node_child(parent); it && !c.other;
	     it = node_next_kind(it)) {
		const struct lysc_node *lys_case = model_case(node_model(it)->schema, choice);
		const struct schema_node *node =
			lys_case && lys_case != c.lys_case ? first_given(it) : NULL;
		if (node && c.node) {
			c.other = node;
		} else if (node) {
			c.node = node;
			c.lys_case = lys_case;
		}
	}
	return c;
}

static void add_alternatives(const struct lysc_node *choice, struct buf *out)
{
	const struct lysc_node *it = NULL;
	unsigned n = 0;
	while ((it = lys_getnext(it, choice, NULL, 0)) && n < 20)
		buf_printf(out, "%s%s", n++ ? ", " : "", it->name);
}

static void choice_missing(struct check *v, const struct schema_node *parent,
			   const struct lysc_node *choice)
{
	struct buf hint;
	buf_init(&hint);
	buf_adds(&hint, "give one of: ");
	add_alternatives(choice, &hint);
	// RFC 7950 section 15.6.
	struct diag about = {.code = v->tree->is_operation ? DIAG_MISSING : DIAG_CHOICE,
			     .app_tag = "missing-choice",
			     .subject = choice->name,
			     .hint = hint.data};
	report_absent(v, parent, choice, about);
	buf_fini(&hint);
}

static void check_choice(struct check *v, struct schema_node *parent,
			 const struct lysc_node *choice);

static void check_choices(struct check *v, struct schema_node *parent,
			  const struct lysc_node *above, const struct lys_module *top)
{
	const struct lysc_node *it = NULL;
	uint32_t options = LYS_GETNEXT_WITHCHOICE;
	while ((it = lys_getnext(it, above, top ? top->compiled : NULL, options)))
		if (it->nodetype == LYS_CHOICE)
			check_choice(v, parent, it);
}

static void check_choice(struct check *v, struct schema_node *parent,
			 const struct lysc_node *choice)
{
	struct chosen c = find_chosen(parent, choice);
	if (c.other)
		report(v->tree, c.other,
		       &(struct diag){.code = DIAG_CONFLICT, .hint = "remove one of the two"},
		       v->diags, "\"%s\" and \"%s\" exclude each other (choice \"%s\")",
		       node_model(c.node)->name, node_model(c.other)->name, choice->name);
	else if (c.node)
		check_choices(v, parent, c.lys_case, NULL);
	else if (choice->flags & LYS_MAND_TRUE && rules_allow(v->tree, parent, choice))
		choice_missing(v, parent, choice);
}

// Whether all cases around this node are those in use.
static bool in_use(const struct schema_node *parent, const struct lysc_node *lys)
{
	for (; lys->parent && (lys->parent->nodetype & (LYS_CASE | LYS_CHOICE)); lys = lys->parent)
		if (lys->parent->nodetype == LYS_CHOICE &&
		    find_chosen(parent, lys->parent).lys_case != lys)
			return false;
	return true;
}

// --- how many ---

static void wrong_number(struct check *v, const struct schema_node *parent,
			 const struct lysc_node *lys, uint32_t count, uint32_t limit)
{
	struct buf hint;
	bool few = count < limit;
	buf_init(&hint);
	buf_printf(&hint, few ? "give at least %u" : "give at most %u", limit);
	// RFC 7950 sections 15.2 and 15.3.
	struct diag about = {.code = few && !count ? DIAG_MISSING : DIAG_CONSTRAINT,
			     .app_tag = few ? "too-few-elements" : "too-many-elements",
			     .hint = hint.data};
	if (!count)
		report_absent(v, parent, lys, about);
	else
		report(v->tree, parent, &about, v->diags, "%u of \"%s\" are too %s", count,
		       lys->name, few ? "few" : "many");
	buf_fini(&hint);
}

static void check_number(struct check *v, struct schema_node *parent, const struct model_node *m)
{
	const struct lysc_node *lys = m->schema;
	const struct lysc_node_list *list = (const struct lysc_node_list *)lys;
	const struct lysc_node_leaflist *leaf_list = (const struct lysc_node_leaflist *)lys;
	bool is_list = lys->nodetype == LYS_LIST;
	uint32_t min = is_list ? list->min : leaf_list->min,
		 max = is_list ? list->max : leaf_list->max;
	if (!min && (!max || max == UINT32_MAX))
		return;
	uint32_t count = (uint32_t)node_count(parent, m);
	if (max && count > max)
		wrong_number(v, parent, lys, count, max);
	else if (count < min && in_use(parent, lys) && rules_allow(v->tree, parent, lys))
		wrong_number(v, parent, lys, count, min);
}

// --- unique ---

// The value of a leaf somewhere below the entry, by its path in the model; defaults count.
static const char *value_below(const struct schema_node *entry, const struct model_node *leaf)
{
	const struct model_node *chain[SCHEMA_DEPTH_MOST];
	size_t n = 0;
	for (const struct model_node *m = leaf; m->id != entry->model && n < array_len(chain);
	     m = m->parent)
		chain[n++] = m;
	const struct schema_node *at = entry;
	while (at && n)
		at = node_find(at, chain[--n]);
	if (at)
		return at->value;
	return leaf->ndefaults ? leaf->defaults[0].text : NULL;
}

// All values in one text; false when one is absent, and then the entry is like no other.
static bool unique_key(const struct schema_node *entry, struct lysc_node_leaf **leaves,
		       struct buf *key)
{
	buf_clear(key);
	for (size_t i = 0; i < LY_ARRAY_COUNT(leaves); i++) {
		const char *value = value_below(entry, leaves[i]->priv);
		if (!value)
			return false;
		buf_printf(key, "%zu:%s", strlen(value), value);
	}
	return true;
}

static void not_unique(struct check *v, const struct schema_node *entry,
		       const struct schema_node *other, struct lysc_node_leaf **leaves)
{
	struct buf names, hint, subject;
	buf_init(&names);
	buf_init(&hint);
	buf_init(&subject);
	node_path(other, &subject);
	for (size_t i = 0; i < LY_ARRAY_COUNT(leaves); i++)
		buf_printf(&names, "%s%s", i ? ", " : "", leaves[i]->name);
	buf_printf(&hint, "change %s here or in ", names.data);
	node_path(other, &hint);
	// RFC 7950 section 15.1.
	struct diag about = {.code = DIAG_CONSTRAINT,
			     .app_tag = "data-not-unique",
			     .subject = subject.data,
			     .hint = hint.data};
	report(v->tree, entry, &about, v->diags, "two entries of \"%s\" have the same %s",
	       node_model(entry)->name, names.data);
	buf_fini(&names);
	buf_fini(&hint);
	buf_fini(&subject);
}

static void check_unique(struct check *v, const struct schema_node *first,
			 struct lysc_node_leaf **leaves)
{
	struct arena arena;
	struct buf key;
	arena_init(&arena);
	buf_init(&key);
	struct map seen = {.arena = &arena};
	for (const struct schema_node *it = first; it; it = node_next_of_kind(it)) {
		turn_point();
		if (!unique_key(it, leaves, &key))
			continue;
		const struct schema_node *other = map_get(&seen, key.data);
		if (other)
			not_unique(v, it, other, leaves);
		else
			(void)map_put(&seen, arena_strdup(&arena, key.data), (void *)(uintptr_t)it);
	}
	buf_fini(&key);
	arena_fini(&arena);
}

static void check_uniques(struct check *v, const struct schema_node *parent,
			  const struct model_node *m)
{
	struct lysc_node_leaf ***uniques = ((const struct lysc_node_list *)m->schema)->uniques;
	const struct schema_node *first = uniques ? node_find(parent, m) : NULL;
	for (size_t i = 0; first && i < LY_ARRAY_COUNT(uniques); i++)
		check_unique(v, first, uniques[i]);
}

// --- all of it ---

static void check_mandatory(struct check *v, struct schema_node *parent, const struct model_node *m)
{
	const struct lysc_node *lys = m->schema;
	if (!(lys->flags & LYS_MAND_TRUE) || lys->flags & LYS_KEY || node_find(parent, m))
		return;
	if (!in_use(parent, lys) || !rules_allow(v->tree, parent, lys))
		return;
	struct buf hint;
	buf_init(&hint);
	buf_printf(&hint, "add \"%s\"", lys->name);
	if (lys->nodetype == LYS_LEAF) {
		buf_adds(&hint, ": ");
		value_describe(lys, &hint);
	}
	report_absent(v, parent, lys, (struct diag){.code = DIAG_MISSING, .hint = hint.data});
	buf_fini(&hint);
}

// State is only demanded inside of state.
static bool is_demanded(const struct schema_node *parent, const struct model_node *m)
{
	return !(m->kind & MODEL_OPERATION) && (!m->is_state || node_model(parent)->is_state);
}

void demands_check(struct check *v, struct schema_node *parent, const struct model_node *m)
{
	for (uint32_t i = 0; i < m->children; i++) {
		const struct model_node *child = m->child[i];
		const struct lysc_node *lys = child->schema;
		if (!is_demanded(parent, child))
			continue;
		if (lys->nodetype & (LYS_LIST | LYS_LEAFLIST))
			check_number(v, parent, child);
		else if (lys->nodetype & (LYS_LEAF | LYD_NODE_ANY))
			check_mandatory(v, parent, child);
		if (lys->nodetype == LYS_LIST)
			check_uniques(v, parent, child);
	}
	const struct schema *schema = v->tree->schema;
	for (size_t i = 0; !m->schema && i < schema->modules.len; i++)
		check_choices(v, parent, NULL, schema->modules.at[i]);
	if (m->schema && m->has_choices)
		check_choices(v, parent, m->schema, NULL);
}
