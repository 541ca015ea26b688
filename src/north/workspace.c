// SPDX-License-Identifier: Apache-2.0
// Schemas for requests: a compiled schema serves one thread at a time, so a few are lent out.
//
// The idea: a revision never changes, so a tree that was read for its number stays right, and most
// requests find their document already parsed. A write changes that tree in place, and it becomes the
// new revision's, or the change is taken back.
#include "north/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const modules[] = {NORTH_CFI,
				      NORTH_MODULE,
				      "ietf-i2nsf-capability",
				      "ietf-netconf-acm",
				      "ietf-yang-library",
				      "ietf-restconf",
				      "ietf-restconf-monitoring",
				      "ietf-yang-patch",
				      NULL};

struct schema *workspace_schema(struct diags *diags)
{
	return schema_open(NULL, modules, diags);
}

bool workspaces_init(struct workspaces *w, unsigned len, struct diags *diags)
{
	*w = (struct workspaces){.len = len};
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->free, NULL);
	w->at = base_oom(calloc(len, sizeof(*w->at)));
	for (unsigned i = 0; i < len; i++) {
		w->at[i].schema = workspace_schema(diags);
		if (!w->at[i].schema)
			return false;
	}
	return true;
}

static void forget(struct document *d)
{
	schema_tree_free(d->tree);
	free(d->tenant);
	*d = (struct document){0};
}

void workspaces_fini(struct workspaces *w)
{
	for (unsigned i = 0; i < w->len; i++) {
		access_free(w->at[i].access);
		for (unsigned k = 0; k < STORE_KINDS; k++)
			forget(&w->at[i].document[k]);
		schema_free(w->at[i].schema);
	}
	free(w->at);
	pthread_mutex_destroy(&w->mutex);
	pthread_cond_destroy(&w->free);
}

struct workspace *workspace_take(struct workspaces *w)
{
	struct workspace *got = NULL;
	pthread_mutex_lock(&w->mutex);
	while (!got) {
		for (unsigned i = 0; i < w->len && !got; i++)
			if (!w->at[i].used)
				got = &w->at[i];
		if (!got)
			pthread_cond_wait(&w->free, &w->mutex);
	}
	got->used = true;
	pthread_mutex_unlock(&w->mutex);
	return got;
}

void workspace_give(struct workspaces *w, struct workspace *workspace)
{
	pthread_mutex_lock(&w->mutex);
	workspace->used = false;
	pthread_cond_signal(&w->free);
	pthread_mutex_unlock(&w->mutex);
}

static bool read_document(struct workspace *w, const struct store_revision *r, struct document *d,
			  struct diags *diags)
{
	struct schema_tree *tree = schema_tree_new(w->schema);
	struct schema_input input = {.data = r->document, .len = r->len, .format = SCHEMA_XML};
	if (r->kind == STORE_ACCESS && !r->len)
		input = (struct schema_input){
			.data = north_nacm, .len = strlen(north_nacm), .format = SCHEMA_XML};
	if ((input.len && !schema_parse(tree, &input, diags)) || !schema_validate(tree, diags)) {
		schema_tree_free(tree);
		return false;
	}
	*d = (struct document){.tree = tree, .id = r->id, .tenant = base_oom(strdup(r->tenant))};
	return true;
}

static void forget_access(struct workspace *w, enum store_kind kind)
{
	if (kind != STORE_ACCESS)
		return;
	access_free(w->access);
	w->access = NULL;
}

void workspace_renew(struct workspace *w, enum store_kind kind, uint32_t id)
{
	struct document *d = &w->document[kind];
	d->id = id;
	schema_keep(d->tree, schema_changes(d->tree));
	forget_access(w, kind);
	if (schema_tree_empty(d->tree)) // it may stand for another one, see read_document
		forget(d);
}

struct document *workspace_document(struct workspace *w, struct engine *engine,
				    enum store_kind kind, const char *tenant, struct diags *diags)
{
	struct document *d = &w->document[kind];
	if (d->tree && d->id == engine_document_id(engine, kind, tenant) &&
	    strcmp(d->tenant, tenant) == 0)
		return d;
	forget(d);
	forget_access(w, kind);
	struct store_revision r;
	if (!engine_document(engine, kind, tenant, diags->arena, diags, &r) ||
	    !read_document(w, &r, d, diags))
		return NULL;
	return d;
}

struct lookup {
	const char *module, *found;
};

static void match(const char *name, const char *revision, const char *namespace_uri,
		  bool implemented, void *context)
{
	(void)revision;
	(void)implemented;
	struct lookup *l = context;
	if (strcmp(name, l->module) == 0)
		l->found = namespace_uri;
}

const char *workspace_namespace(void *workspace, const char *module)
{
	struct lookup l = {.module = module};
	schema_modules(((struct workspace *)workspace)->schema, match, &l);
	return l.found;
}
