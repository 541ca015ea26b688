// SPDX-License-Identifier: Apache-2.0
// Certificates: one-time tokens, enrolment, renewal, revocation.
//
// The idea: a token is for one name and one use, and only its hash is kept. The certificate is handed
// out after the token has been marked as used, so that two who show it at once get one certificate.
#include "engine/internal.h"
#include "base/buf.h"
#include "pki/pki.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool has_authority(struct engine *engine, struct diags *diags)
{
	if (engine->opt.pki)
		return true;
	diag_error(diags, DIAG_UNSUPPORTED, NULL,
		   "start the controller with the authority's directory",
		   "this controller has no certificate authority");
	return false;
}

static bool operator_only(struct engine *engine, const struct engine_caller *caller,
			  struct diags *diags)
{
	if (caller->is_operator)
		return has_authority(engine, diags);
	diag_error(diags, DIAG_DENIED, NULL, "ask an operator", "this is the operators' to do");
	return false;
}

bool engine_ca(struct engine *engine, struct diags *diags, struct buf *out)
{
	if (!has_authority(engine, diags))
		return false;
	pthread_mutex_lock(&engine->pki);
	pki_ca(engine->opt.pki, out);
	pthread_mutex_unlock(&engine->pki);
	return true;
}

// --- tokens ---

bool engine_token(struct engine *engine, const struct engine_caller *caller, const char *nsf,
		  unsigned lifetime, struct diags *diags, char text_out[static ENGINE_TOKEN_TEXT],
		  int64_t *expires_out)
{
	if (!operator_only(engine, caller, diags))
		return false;
	unsigned char fingerprint[PKI_DIGEST];
	pthread_mutex_lock(&engine->pki);
	pki_ca_fingerprint(engine->opt.pki, fingerprint);
	pthread_mutex_unlock(&engine->pki);
	struct pki_token token;
	static_assert(ENGINE_TOKEN_TEXT >= PKI_TOKEN_TEXT, "a token must fit");
	pki_token_new(fingerprint, &token, text_out);
	struct store_token kept = {.id = token.id,
				   .nsf = nsf,
				   .tenant = caller->tenant,
				   .expires = time(NULL) + lifetime};
	memcpy(kept.hash, token.hash, STORE_DIGEST);
	int rc = store_do(engine->store, token_add, &kept);
	if (rc)
		return engine_store_failed(rc, diags);
	*expires_out = kept.expires;
	engine_record(
		engine, ENGINE_TOKEN,
		&(struct store_event){.who = caller->who, .tenant = caller->tenant, .nsf = nsf});
	return true;
}

// What does not fit is not told apart to who shows it: only a wrong name or time of a token that is
// otherwise known is named.
static bool token_good(struct engine *engine, const struct engine_enrol *e, struct diags *diags,
		       struct store_token *kept)
{
	static const char hint[] = "ask an operator for a new token";
	struct pki_token shown;
	if (!pki_token_parse(e->token, diags, &shown))
		return false;
	int rc = store_do(engine->store, token_get, shown.id, diags->arena, kept);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	struct pki_token ours = {0};
	memcpy(ours.id, shown.id, sizeof(ours.id));
	if (rc == 0)
		memcpy(ours.hash, kept->hash, sizeof(ours.hash));
	memcpy(ours.fingerprint, shown.fingerprint, sizeof(ours.fingerprint));
	bool match = pki_token_matches(&shown, &ours) && rc == 0;
	const char *why = !match                        ? "the token is not known"
			  : strcmp(kept->nsf, e->name)  ? "the token is for another name"
			  : kept->expires <= time(NULL) ? "the token has expired"
			  : kept->used                  ? "the token was used before"
							: NULL;
	if (why)
		diag_error(diags, DIAG_DENIED, NULL, hint, "%s", why);
	return !why;
}

static bool issue(struct engine *engine, const struct engine_enrol *e, struct diags *diags,
		  struct buf *out, struct buf *evidence_out)
{
	struct store_token kept;
	const char *address[] = {e->address};
	struct pki_subject subject = {.role = PKI_NSF,
				      .name = e->name,
				      .address = address,
				      .addresses = 1},
			   witness = {.role = PKI_EVIDENCE, .name = e->name};
	if (!token_good(engine, e, diags, &kept) ||
	    !pki_issue(engine->opt.pki, &subject, e->keys.csr, diags, out))
		return false;
	if (e->keys.evidence &&
	    !pki_issue(engine->opt.pki, &witness, e->keys.evidence, diags, evidence_out))
		return false;
	int rc = store_do(engine->store, token_use, kept.id);
	if (rc == STORE_CONFLICT)
		diag_error(diags, DIAG_DENIED, NULL, "ask an operator for a new token",
			   "the token was used before");
	else if (rc)
		return engine_store_failed(rc, diags);
	return !rc;
}

// --- the entry in the network document ---

static void write_entry(const struct engine_enrol *e, bool is_new, const char *tenant,
			struct buf *out)
{
	buf_adds(out, "<nsfs xmlns=\"urn:bulwark:yang:controller\"><nsf><name>");
	buf_add_xml(out, e->name);
	buf_adds(out, "</name><address>");
	buf_add_xml(out, e->address);
	buf_printf(out, "</address><port>%u</port>", e->port);
	if (is_new) {
		buf_adds(out, "<tenant>");
		buf_add_xml(out, tenant);
		buf_adds(out, "</tenant>");
	}
	if (e->site && is_new) {
		buf_adds(out, "<site>");
		buf_add_xml(out, e->site);
		buf_adds(out, "</site>");
	}
	for (size_t i = 0; i < e->guards_len && is_new; i++) {
		buf_adds(out, "<guards>");
		buf_add_xml(out, e->guards[i]);
		buf_adds(out, "</guards>");
	}
	buf_adds(out, "</nsf></nsfs>");
}

static bool edited(struct engine *engine, const struct store_revision *base,
		   const struct buf *entry, struct diags *diags, struct buf *out)
{
	struct schema_tree *tree = schema_tree_new(engine->schema);
	struct schema_tree *edit = schema_tree_new(engine->schema);
	struct schema_input old = {.data = base->document, .len = base->len, .format = SCHEMA_XML};
	struct schema_input new = {.data = entry->data, .len = entry->len, .format = SCHEMA_XML};
	bool ok = (!base->len || schema_parse(tree, &old, diags)) &&
		  schema_parse_edit(edit, &new, diags) &&
		  schema_edit(tree, edit, SCHEMA_OP_MERGE, diags);
	if (ok)
		schema_print(tree, SCHEMA_XML, 0, out);
	schema_tree_free(tree);
	schema_tree_free(edit);
	return ok;
}

static bool enter_once(struct engine *engine, const struct engine_enrol *e, const char *tenant,
		       struct diags *diags)
{
	struct engine_caller self = {
		.who = e->name, .tenant = ENGINE_TENANT_OPERATOR, .is_operator = true};
	struct store_revision base;
	if (!engine_document(engine, STORE_NETWORK, ENGINE_TENANT_OPERATOR, diags->arena, diags,
			     &base))
		return false;
	struct member *known = registry_find(engine, e->name);
	struct buf entry, document;
	buf_init(&entry);
	buf_init(&document);
	write_entry(e, !known || !known->configured, tenant, &entry);
	pthread_mutex_lock(&engine->documents);
	bool ok = edited(engine, &base, &entry, diags, &document);
	pthread_mutex_unlock(&engine->documents);
	struct engine_put put = {
		.kind = STORE_NETWORK, .base = base.id, .xml = document.data, .len = document.len};
	uint32_t revision;
	ok = ok && engine_document_put(engine, &self, &put, diags, &revision);
	buf_fini(&entry);
	buf_fini(&document);
	return ok;
}

// Somebody may change the document at the same time.
static bool enter(struct engine *engine, const struct engine_enrol *e, const char *tenant,
		  struct diags *diags)
{
	for (int tries = 0; tries < 5; tries++) {
		struct diags attempt;
		diags_init(&attempt, diags->arena);
		if (enter_once(engine, e, tenant, &attempt))
			return true;
		bool again = attempt.list.len == 1 && attempt.list.at[0].code == DIAG_STALE;
		for (size_t i = 0; i < attempt.list.len && (!again || tries == 4); i++)
			diag_add(diags, &attempt.list.at[i], "%s", attempt.list.at[i].text);
		if (!again)
			return false;
	}
	return false;
}

static const char *tenant_of_token(struct engine *engine, const char *token, struct diags *diags)
{
	struct pki_token shown;
	struct store_token kept;
	bool known = pki_token_parse(token, diags, &shown) &&
		     store_do(engine->store, token_get, shown.id, diags->arena, &kept) == 0;
	return known ? kept.tenant : ENGINE_TENANT_DEFAULT;
}

bool engine_enrol(struct engine *engine, const struct engine_enrol *enrol, struct diags *diags,
		  const struct engine_certificates *out)
{
	if (!has_authority(engine, diags))
		return false;
	cleanup(buf_fini) struct buf chain, evidence;
	buf_init(&chain);
	buf_init(&evidence);
	pthread_mutex_lock(&engine->pki);
	bool ok = issue(engine, enrol, diags, &chain, &evidence);
	pthread_mutex_unlock(&engine->pki);
	ok = ok && enter(engine, enrol, tenant_of_token(engine, enrol->token, diags), diags) &&
	     engine_ca(engine, diags, out->ca);
	if (ok) {
		buf_add(out->certificate, chain.data, chain.len);
		buf_add(out->evidence, evidence.data, evidence.len);
	}
	engine_record(engine, ok ? ENGINE_ENROLLED : ENGINE_ENROL_REFUSED,
		      &(struct store_event){
			      .who = enrol->name,
			      .nsf = enrol->name,
			      .outcome = !ok,
			      .detail = ok || !diags->list.len ? NULL : diags->list.at[0].text});
	return ok;
}

// --- renewal and revocation ---

// Who has the key of an NSF's sessions must not get another one to sign evidence with: without a token it stays the same
// key. A refusal stops nothing else.
static void certify_evidence(struct engine *engine, const struct engine_renew *renew,
			     struct arena *arena, struct buf *out)
{
	struct pki_identity who;
	struct diags why;
	diags_init(&why, arena);
	if (!renew->keys.evidence || !pki_identify(renew->certificate, &why, &who) ||
	    who.role != PKI_NSF)
		return;
	struct pki_subject subject = {.role = PKI_EVIDENCE, .name = who.name};
	pthread_mutex_lock(&engine->pki);
	bool ok = pki_certify_again(engine->opt.pki, &subject, renew->keys.evidence, &why, out);
	pthread_mutex_unlock(&engine->pki);
	if (!ok)
		engine_record(engine, ENGINE_EVIDENCE_BAD,
			      &(struct store_event){.who = who.name,
						    .nsf = who.name,
						    .outcome = 1,
						    .detail = why.list.at[0].text});
}

bool engine_renew(struct engine *engine, const struct engine_caller *caller,
		  const struct engine_renew *renew, struct diags *diags,
		  const struct engine_certificates *out)
{
	if (!has_authority(engine, diags))
		return false;
	pthread_mutex_lock(&engine->pki);
	bool ok = pki_renew(engine->opt.pki, renew->certificate, renew->keys.csr, 0, diags,
			    out->certificate);
	pthread_mutex_unlock(&engine->pki);
	if (!ok || !engine_ca(engine, diags, out->ca))
		return false;
	certify_evidence(engine, renew, diags->arena, out->evidence);
	engine_record(engine, ENGINE_RENEWED,
		      &(struct store_event){.who = caller->who, .tenant = caller->tenant});
	return true;
}

// To the controller's own doors, and to every NSF.
static void spread_trust(struct engine *engine, const char *revoked)
{
	if (engine->opt.trust_changed)
		engine->opt.trust_changed(engine->opt.context, revoked);
	pthread_mutex_lock(&engine->mutex);
	for (size_t i = 0; i < engine->members; i++) {
		engine->member[i]->greeted = 0; // so that it is told the new list
		engine->member[i]->check_ms = 0;
	}
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->mutex);
}

struct count {
	const char *name;
	int64_t now;
	uint32_t n;
};

static void count_valid(const struct pki_entry *entry, void *context)
{
	struct count *c = context;
	c->n += strcmp(entry->identity.name, c->name) == 0 && !entry->revoked &&
		entry->identity.not_after > c->now;
}

bool engine_revoke(struct engine *engine, const struct engine_caller *caller, const char *name,
		   struct diags *diags, uint32_t *revoked_out)
{
	if (!operator_only(engine, caller, diags))
		return false;
	struct count count = {.name = name, .now = time(NULL)};
	pthread_mutex_lock(&engine->pki);
	pki_each(engine->opt.pki, count_valid, &count);
	bool ok = pki_revoke(engine->opt.pki, name, diags);
	pthread_mutex_unlock(&engine->pki);
	if (!ok)
		return false;
	*revoked_out = count.n;
	engine_record(engine, ENGINE_REVOKED,
		      &(struct store_event){.who = caller->who, .detail = name});
	spread_trust(engine, name);
	return true;
}

bool engine_issue_files(struct engine *engine, const struct pki_subject *subject, const char *dir,
			struct diags *diags)
{
	if (!has_authority(engine, diags))
		return false;
	pthread_mutex_lock(&engine->pki);
	bool ok = pki_issue_files(engine->opt.pki, subject, dir, diags);
	pthread_mutex_unlock(&engine->pki);
	return ok;
}

void engine_trust_check(struct engine *engine)
{
	if (!engine->opt.pki)
		return;
	struct arena arena;
	struct diags ignored; // tried again the next time, long before the list is out of date
	arena_init(&arena);
	diags_init(&ignored, &arena);
	struct buf list;
	buf_init(&list);
	unsigned char digest[ENGINE_DIGEST];
	pthread_mutex_lock(&engine->pki);
	bool ok = pki_crl(engine->opt.pki, &ignored, &list);
	pki_sha256(list.data, list.len, digest);
	bool changed = ok && memcmp(digest, engine->trust, sizeof(digest));
	memcpy(engine->trust, digest, sizeof(digest));
	pthread_mutex_unlock(&engine->pki);
	buf_fini(&list);
	arena_fini(&arena);
	if (changed)
		spread_trust(engine, NULL);
}
