// SPDX-License-Identifier: Apache-2.0
// Documents: what is accepted, and how it is read again.
//
// The idea: a revision is only stored when everything that will be done with it later has been done
// once: parsed, validated, translated (policy) or resolved (network). So a stored document can be
// trusted to load, and what cannot be loaded never becomes anybody's base.
#include "engine/internal.h"
#include "codec/cap.h"
#include "engine/load.h"
#include "pki/pki.h"
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const kind_name[STORE_KINDS] = {[STORE_POLICY] = "policy",
						   [STORE_NETWORK] = "sites and NSFs",
						   [STORE_ACCESS] = "access control"};

bool documents_open(struct engine *engine, struct diags *diags)
{
	static const char *const modules[] = {"ietf-i2nsf-cons-facing-interface",
					      "ietf-i2nsf-nsf-facing-interface",
					      "ietf-i2nsf-capability",
					      "bulwark-controller",
					      "ietf-netconf-acm",
					      NULL};
	engine->schema = schema_open(NULL, modules, diags);
	return engine->schema != NULL;
}

static struct schema_tree *parse(struct engine *engine, const char *xml, size_t len,
				 struct diags *diags)
{
	struct schema_tree *tree = schema_tree_new(engine->schema);
	struct schema_input input = {.data = xml, .len = len, .format = SCHEMA_XML};
	if ((!len || schema_parse(tree, &input, diags)) && schema_validate(tree, diags))
		return tree;
	schema_tree_free(tree);
	return NULL;
}

static bool translate_as(const struct schema_tree *tree, bool as_read, struct arena *arena,
			 struct diags *diags, struct ir_ruleset *out)
{
	struct translate_options options = translate_options_default(time(NULL));
	struct engine_load load = {
		.translate = &options, .arena = arena, .diags = diags, .as_read = as_read};
	struct ir_document document = {0};
	size_t errors = diags->errors;
	if (!engine_load_tree(&load, tree, &document))
		return false;
	ir_document_order(&document, arena, diags, out);
	return diags->errors == errors;
}

static bool translate(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		      struct ir_ruleset *out)
{
	return translate_as(tree, false, arena, diags, out);
}

// --- reading ---

bool engine_document(struct engine *engine, enum store_kind kind, const char *tenant,
		     struct arena *arena, struct diags *diags, struct store_revision *out)
{
	struct store_revision latest;
	int rc = store_do(engine->store, revision_latest, kind, tenant, &latest);
	if (rc == STORE_ABSENT) {
		*out = (struct store_revision){.kind = kind, .tenant = tenant, .document = ""};
		return true;
	}
	if (!rc)
		rc = store_do(engine->store, revision_get, latest.id, arena, out);
	return rc ? engine_store_failed(rc, diags) : true;
}

struct store_revision engine_document_latest(struct engine *engine, enum store_kind kind,
					     const char *tenant)
{
	struct store_revision latest = {0};
	(void)!store_do(engine->store, revision_latest, kind, tenant, &latest);
	return latest;
}

uint32_t engine_document_id(struct engine *engine, enum store_kind kind, const char *tenant)
{
	return engine_document_latest(engine, kind, tenant).id;
}

bool documents_policy(struct engine *engine, const char *tenant, uint32_t revision,
		      struct arena *arena, struct diags *diags, struct policy *out)
{
	struct store_revision r;
	int rc = store_do(engine->store, revision_get, revision, arena, &r);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	if (rc || r.kind != STORE_POLICY || strcmp(r.tenant, tenant)) {
		diag_error(diags, DIAG_ABSENT, NULL,
			   "see /bulwark-controller:revisions for those that there are",
			   "the tenant %s has no policy revision %u", tenant, revision);
		return false;
	}
	pthread_mutex_lock(&engine->documents);
	struct schema_tree *tree = parse(engine, r.document, r.len, diags);
	struct policy policy = {.revision = revision};
	bool ok = tree && translate(tree, arena, diags, &policy.ruleset);
	schema_tree_free(tree);
	pthread_mutex_unlock(&engine->documents);
	if (ok)
		*out = policy;
	return ok;
}

bool documents_candidate(struct engine *engine, const char *text, size_t len, struct diags *diags,
			 struct ir_ruleset *out)
{
	struct schema_input input = {.file = "candidate", .data = text, .len = len};
	size_t errors = diags->errors;
	pthread_mutex_lock(&engine->documents);
	struct schema_tree *tree = schema_tree_new(engine->schema);
	bool ok = schema_parse(tree, &input, diags) && schema_validate(tree, diags) &&
		  translate(tree, diags->arena, diags, out) && diags->errors == errors;
	schema_tree_free(tree);
	pthread_mutex_unlock(&engine->documents);
	return ok;
}

bool documents_capabilities(struct engine *engine, const char *xml, struct arena *arena,
			    struct diags *diags, struct cap *out)
{
	pthread_mutex_lock(&engine->documents);
	struct codec_cap_nsfs nsfs = {0};
	struct schema_tree *tree = parse(engine, xml, strlen(xml), diags);
	bool ok = tree && codec_cap_read(tree, arena, diags, &nsfs) && nsfs.list.len;
	schema_tree_free(tree);
	pthread_mutex_unlock(&engine->documents);
	if (ok)
		*out = nsfs.list.at[0].cap;
	return ok;
}

// --- writing ---

// Takes the network over when it stands in a revision.
static bool adopt(struct engine *engine, const struct schema_tree *tree, uint32_t revision,
		  struct diags *diags)
{
	struct network *net = base_oom(calloc(1, sizeof(*net)));
	if (!network_read(tree, diags, net)) {
		free(net);
		return false;
	}
	net->revision = revision;
	registry_use(engine, net);
	return true;
}

static bool acceptable(enum store_kind kind, const struct schema_tree *tree, struct diags *diags)
{
	if (kind == STORE_POLICY) {
		struct ir_ruleset ruleset = {0};
		return translate_as(tree, true, diags->arena, diags, &ruleset);
	}
	struct network net;
	if (kind == STORE_ACCESS)
		return true; // whoever decides by it has tried it
	if (!network_read(tree, diags, &net))
		return false;
	arena_fini(&net.arena);
	return true;
}

static bool stale(struct diags *diags)
{
	diag_error(diags, DIAG_STALE, NULL, "read the document again and repeat the change on it",
		   "somebody else has changed the document meanwhile");
	return false;
}

static bool add_revision(struct engine *engine, const struct engine_caller *caller,
			 const struct engine_put *put, struct diags *diags, uint32_t *id_out)
{
	bool is_policy = put->kind == STORE_POLICY;
	struct store_revision r = {.kind = put->kind,
				   .tenant = is_policy ? caller->tenant : ENGINE_TENANT_OPERATOR,
				   .author = caller->who,
				   .time = time(NULL),
				   .parent = put->base,
				   .document = put->xml,
				   .len = put->len};
	pki_sha256(put->xml, put->len, r.digest);
	struct store_revision latest;
	int rc = store_do(engine->store, revision_latest, r.kind, r.tenant, &latest);
	if (rc == 0 && latest.id == put->base &&
	    memcmp(latest.digest, r.digest, sizeof(r.digest)) == 0) {
		*id_out = latest.id;
		return true;
	}
	if (rc >= 0)
		rc = store_do(engine->store, revision_add, &r, id_out);
	if (rc == STORE_CONFLICT)
		return stale(diags);
	if (rc)
		return engine_store_failed(rc, diags);
	char detail[64];
	snprintf(detail, sizeof(detail), "revision %u of the %s", *id_out, kind_name[put->kind]);
	engine_record(
		engine, ENGINE_DOCUMENT,
		&(struct store_event){.who = caller->who, .tenant = r.tenant, .detail = detail});
	return true;
}

// What was taken out of the network keeps what it enforces; it is only forgotten here, and said so.
static void forget_gone(struct engine *engine, const char *who)
{
	struct arena arena;
	arena_init(&arena);
	struct store_deployeds all;
	struct view view;
	registry_view(engine, NULL, &arena, &view);
	int rc = store_do(engine->store, deployed_all, NULL, &arena, &all);
	for (size_t i = 0; rc == 0 && i < all.list.len; i++) {
		const struct store_deployed *d = &all.list.at[i];
		bool there = false;
		for (size_t k = 0; k < view.nsf.len; k++)
			there = there || strcmp(view.nsf.at[k].net.name, d->nsf) == 0;
		if (there || store_do(engine->store, deployed_forget, d->nsf))
			continue;
		engine_record(engine, ENGINE_NSF_FORGOTTEN,
			      &(struct store_event){.who = who,
						    .tenant = d->tenant,
						    .nsf = d->nsf,
						    .detail = "it goes on enforcing what it has"});
	}
	arena_fini(&arena);
}

// With the documents' mutex held.
static bool put_in_force(struct engine *engine, const struct engine_caller *caller,
			 const struct engine_put *put, struct diags *diags, uint32_t *revision_out)
{
	return add_revision(engine, caller, put, diags, revision_out) &&
	       (put->kind != STORE_NETWORK || adopt(engine, put->tree, *revision_out, diags));
}

// Nobody has to wait while it is looked at whether it is acceptable.
static bool put_tree(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_put *put, struct diags *diags, uint32_t *revision_out)
{
	if (!acceptable(put->kind, put->tree, diags))
		return false;
	pthread_mutex_lock(&engine->documents);
	bool ok = put_in_force(engine, caller, put, diags, revision_out);
	pthread_mutex_unlock(&engine->documents);
	return ok;
}

static bool put_text(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_put *put, struct diags *diags, uint32_t *revision_out)
{
	pthread_mutex_lock(&engine->documents);
	struct schema_tree *tree = parse(engine, put->xml, put->len, diags);
	struct engine_put read = *put;
	read.tree = tree;
	bool ok = tree && acceptable(put->kind, tree, diags) &&
		  put_in_force(engine, caller, &read, diags, revision_out);
	schema_tree_free(tree);
	pthread_mutex_unlock(&engine->documents);
	return ok;
}

bool engine_document_put(struct engine *engine, const struct engine_caller *caller,
			 const struct engine_put *put, struct diags *diags, uint32_t *revision_out)
{
	if (put->kind != STORE_POLICY && !caller->is_operator) {
		diag_error(diags, DIAG_DENIED, NULL, "ask an operator",
			   "only operators change the %s", kind_name[put->kind]);
		return false;
	}
	bool ok = put->tree ? put_tree(engine, caller, put, diags, revision_out)
			    : put_text(engine, caller, put, diags, revision_out);
	if (ok && put->kind == STORE_NETWORK)
		forget_gone(engine, caller->who);
	return ok;
}

// At start: the network that the store knows.
bool documents_network(struct engine *engine, struct diags *diags)
{
	struct store_revision r;
	if (!engine_document(engine, STORE_NETWORK, ENGINE_TENANT_OPERATOR, diags->arena, diags,
			     &r))
		return false;
	struct schema_tree *tree = parse(engine, r.document, r.len, diags);
	bool ok = tree && adopt(engine, tree, r.id, diags);
	schema_tree_free(tree);
	return ok;
}
