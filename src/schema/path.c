// SPDX-License-Identifier: Apache-2.0
// Instance paths, as schema_path writes them: names with modules, keys and values in quotes, positions. A module may be
// left out where it is the one of the step before. Values are canonized, so that "[n='07']" finds 7.
#include "schema/path.h"
#include "schema/text.h"

#include <stdlib.h>
#include <string.h>

struct path {
	const char *at;
	const struct schema_tree *tree;
	struct schema_node *node;
};

static void skip_space(const char **p)
{
	while (text_is_space(**p))
		(*p)++;
}

static size_t name_length(const char *p)
{
	size_t len = 0;
	if (text_is_name_start(*p))
		while (text_is_name(p[len]))
			len++;
	return len;
}

// "name" or "prefix:name"; what the prefix means is not asked: names of keys are those of the list. False: no name.
static bool read_name(const char **p, const char **name_out, size_t *len_out)
{
	size_t len = name_length(*p);
	if (len && (*p)[len] == ':') {
		*p += len + 1;
		len = name_length(*p);
	}
	*name_out = *p;
	*len_out = len;
	*p += len;
	return len;
}

static bool read_quoted(const char **p, const char **text_out, size_t *len_out)
{
	char quote = **p;
	const char *close = quote == '\'' || quote == '"' ? strchr(*p + 1, quote) : NULL;
	if (!close)
		return false;
	*text_out = *p + 1;
	*len_out = (size_t)(close - *p) - 1;
	*p = close + 1;
	return true;
}

static bool skip_char(const char **p, char c)
{
	skip_space(p);
	bool is = **p == c;
	*p += is;
	skip_space(p);
	return is;
}

// --- predicates ---

static const struct model_node *key_named(const struct model_node *list, const char *name,
					  size_t len)
{
	for (uint32_t i = 0; i < list->keys; i++)
		if (!strncmp(list->child[i]->name, name, len) && !list->child[i]->name[len])
			return list->child[i];
	return NULL;
}

// One "[key='v']" or "[.='v']": the value comes to its place in `values`.
static bool read_predicate(const char **p, struct schema *schema, const struct model_node *model,
			   const char **values, bool *given)
{
	const char *name, *text;
	size_t name_len, len;
	const struct model_node *leaf = model;
	if (!skip_char(p, '['))
		return false;
	if (model->kind == MODEL_LEAF_LIST) {
		if (!skip_char(p, '.'))
			return false;
	} else if (!read_name(p, &name, &name_len) || !(leaf = key_named(model, name, name_len))) {
		return false;
	}
	size_t i = model->kind == MODEL_LEAF_LIST ? 0 : leaf->ordinal;
	if (!skip_char(p, '=') || !read_quoted(p, &text, &len) || !skip_char(p, ']') || given[i])
		return false;
	given[i] = true;
	values[i] = canonical_find(schema, leaf, text, len);
	return true;
}

struct schema_node *path_find_values(const struct schema_node *parent,
				     const struct model_node *model, const char *const *values)
{
	if (model->identified)
		return node_find_entry(parent, model, values);
	node_for_each_of(it, parent, model) if (it->value == values[0]) return it;
	return NULL;
}

static struct schema_node *by_predicates(const struct schema_node *parent,
					 const struct model_node *model, const char **p)
{
	const char *values[NODE_KEYS_MOST] = {0};
	bool given[NODE_KEYS_MOST] = {0};
	size_t n = node_values_of(model);
	for (size_t i = 0; i < n; i++)
		if (!read_predicate(p, node_schema(parent), model, values, given))
			return NULL;
	for (size_t i = 0; i < n; i++)
		if (!values[i])
			return NULL;
	return n ? path_find_values(parent, model, values) : NULL;
}

struct schema_node *path_find_entry(const struct schema_node *parent,
				    const struct model_node *model, const char *predicates)
{
	struct schema_node *node = by_predicates(parent, model, &predicates);
	return *predicates ? NULL : node;
}

struct schema_node *path_find_value(const struct schema_node *parent,
				    const struct model_node *model, const char *value)
{
	const char *known = canonical_find(node_schema(parent), model, value, strlen(value));
	return known ? path_find_values(parent, model, &known) : NULL;
}

// "[3]"
static struct schema_node *by_position(const struct schema_node *parent,
				       const struct model_node *model, const char **p)
{
	char *end;
	unsigned long n = strtoul(*p + 1, &end, 10);
	if (*end != ']')
		return NULL;
	*p = end + 1;
	node_for_each_of(it, parent, model) if (n-- == 1) return it;
	return NULL;
}

// --- steps ---

static const struct model_node *read_model(struct path *path, const struct model_node *above)
{
	const struct schema *schema = path->tree->schema;
	const struct lys_module *mod = above->mod;
	size_t len = name_length(path->at);
	if (len && path->at[len] == ':') {
		char *name = base_oom(strndup(path->at, len));
		mod = text_module(schema, name, true);
		free(name);
		path->at += len + 1;
		len = name_length(path->at);
	}
	const struct model_node *model = mod && len ? model_child(above, mod, path->at, len) : NULL;
	path->at += len;
	return model;
}

// True: the node has become the one that the step names.
static bool step(struct path *path)
{
	if (node_is_term(path->node) || node_is_any(path->node) || *path->at++ != '/')
		return false;
	struct schema_node *parent = path->node;
	const struct model_node *above = node_model(parent), *model = read_model(path, above);
	if (!model)
		return false;
	bool many = model->kind & (MODEL_LIST | MODEL_LEAF_LIST);
	if (*path->at != '[')
		path->node = node_find(parent, model);
	else if (many && path->at[1] >= '0' && path->at[1] <= '9')
		path->node = by_position(parent, model, &path->at);
	else
		path->node = many ? by_predicates(parent, model, &path->at) : NULL;
	return path->node;
}

struct schema_node *path_find(const struct schema_tree *tree, const char *path)
{
	struct path p = {.at = path, .tree = tree, .node = tree->root};
	do {
		if (!step(&p))
			return NULL;
	} while (*p.at);
	return p.node;
}
