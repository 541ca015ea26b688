// SPDX-License-Identifier: Apache-2.0
// The query parameter `fields` (RFC 8040 section 4.8.3): "name;module:name/name(name;name/name)". It becomes the same
// pattern of nested names as a subtree filter, so that one way of selecting serves both.
//
// A name without a module is of the module above it, or at the top of a datastore of whichever module has it.
#include "schema/select.h"
#include "schema/text.h"

#include <string.h>

struct reader {
	struct schema *schema;
	const char *text, *at;
	unsigned depth;
	struct arena arena;
	struct diags *diags;
};

#define HINT_FORM \
	"write names with / between parent and child, ; between fields, and ( ) around several"

static bool refuse(struct reader *r, const char *hint, const char *what)
{
	size_t len = strcspn(r->at, ";/()");
	int shown = len > 64 ? 64 : (int)len + (!len && *r->at);
	diag_error(r->diags, DIAG_VALUE, NULL, hint, "fields: \"%.*s\" at character %zu %s", shown,
		   r->at, (size_t)(r->at - r->text) + 1, what);
	return false;
}

static const struct model_node *find_child(const struct model_node *parent, const char *name,
					   size_t len)
{
	for (uint32_t i = 0; i < parent->children; i++) {
		const struct model_node *child = parent->child[i];
		bool is_data = !(child->kind & MODEL_OPERATION);
		bool own = !parent->mod || child->mod == parent->mod;
		if (is_data && own && strlen(child->name) == len && !memcmp(child->name, name, len))
			return child;
	}
	return NULL;
}

// [module:]name
static const struct model_node *read_name(struct reader *r, const struct model_node *parent)
{
	size_t len = strcspn(r->at, ";/()");
	const char *colon = memchr(r->at, ':', len);
	const struct model_node *found = NULL;
	if (!colon) {
		found = find_child(parent, r->at, len);
	} else {
		const char *name = arena_strndup(&r->arena, r->at, (size_t)(colon - r->at));
		const struct lys_module *mod = text_module(r->schema, name, true);
		len = (size_t)(r->at + len - colon - 1);
		found = mod ? model_child(parent, mod, colon + 1, len) : NULL;
	}
	if (!len)
		(void)refuse(r, HINT_FORM, "is no name");
	else if (!found)
		(void)refuse(r, "name what the model has there, as name or module:name",
			     "is not known there");
	return found;
}

static bool read_list(struct reader *r, struct pick *parent, const struct model_node *model);

// name *("/" name) ["(" list ")"]
static bool read_path(struct reader *r, struct pick *parent, const struct model_node *model)
{
	for (bool more = true; more;) {
		model = read_name(r, model);
		if (!model)
			return false;
		struct pick *pick = arena_new(&r->arena, struct pick);
		r->at += strcspn(r->at, ";/()");
		more = *r->at == '/';
		pick->kind = more || *r->at == '(' ? PICK_CONTAINMENT : PICK_SELECTION;
		pick->model = model;
		pick_add(parent, pick);
		parent = pick;
		r->at += more;
		if (more && ++r->depth > SCHEMA_DEPTH_MOST)
			return refuse(r, HINT_FORM, "is nested too deep");
	}
	if (*r->at != '(')
		return true;
	r->at++;
	if (!read_list(r, parent, model))
		return false;
	if (*r->at != ')')
		return refuse(r, HINT_FORM, "is where a ) is missing");
	r->at++;
	return true;
}

static bool read_list(struct reader *r, struct pick *parent, const struct model_node *model)
{
	unsigned depth = r->depth + 1;
	if (depth > SCHEMA_DEPTH_MOST)
		return refuse(r, HINT_FORM, "is nested too deep");
	for (;; r->at++) {
		r->depth = depth;
		if (!read_path(r, parent, model))
			return false;
		if (*r->at != ';')
			return true;
	}
}

static const struct model_node *model_at(const struct schema_tree *tree,
					 const struct select_roots *roots)
{
	return roots->len ? node_model(roots->at[0]) : tree->schema->root;
}

bool select_fields(struct selection *selection, const struct schema_tree *tree,
		   const struct select_roots *roots, const char *fields, struct diags *diags)
{
	struct reader r = {.schema = tree->schema, .text = fields, .at = fields, .diags = diags};
	struct pick top = {.kind = PICK_CONTAINMENT};
	arena_init(&r.arena);
	bool good = strlen(fields) <= SCHEMA_TEXT_MOST;
	if (!good)
		diag_error(diags, DIAG_LIMIT, NULL, "name what is above the fields instead",
			   "fields: more than %u bytes", SCHEMA_TEXT_MOST);
	good = good && read_list(&r, &top, model_at(tree, roots));
	if (good && *r.at)
		good = refuse(&r, HINT_FORM, "is not expected");
	if (good && !roots->len)
		good = pick_select(selection, tree->root, &top, diags);
	for (size_t i = 0; good && i < roots->len; i++)
		good = pick_select(selection, roots->at[i], &top, diags);
	arena_fini(&r.arena);
	return good;
}
