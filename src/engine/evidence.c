// SPDX-License-Identifier: Apache-2.0
// Evidence of proofs, fetched from NSFs and kept.
//
// The idea: every record is checked as it comes, and kept whatever comes of it, with what is wrong about it. What is here
// already says where to go on, so nothing is lost when either side was away, and nothing is fetched twice.
#include "engine/internal.h"
#include "base/buf.h"
#include "evidence/evidence.h"
#include "pki/pki.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS 20000u
#define PAGES_MOST 200u // at a time; an NSF that has more without end is not asked for it at once

struct intake {
	struct engine *engine;
	struct member *member;
	const char *tenant;
	struct arena *arena; // of what lasts
	struct pki_trust *trust;
	struct evidence_link last;
	const char *fault; // of the last record, so that the same is not told again and again
};

static void tell(struct intake *in, enum engine_event_kind kind, const char *detail)
{
	engine_record(in->engine, kind,
		      &(struct store_event){.who = in->member->name,
					    .tenant = in->tenant,
					    .nsf = in->member->name,
					    .outcome = kind == ENGINE_EVIDENCE_BAD,
					    .detail = detail});
}

static void complain(struct intake *in, const char *fault)
{
	if (!in->fault || strcmp(in->fault, fault) != 0)
		tell(in, ENGINE_EVIDENCE_BAD, fault);
	in->fault = arena_strdup(in->arena, fault);
}

static struct pki_trust *own_trust(struct engine *engine, struct arena *arena)
{
	cleanup(buf_fini) struct buf ca, list;
	struct diags ignored; // then no certificate is to be believed
	buf_init(&ca);
	buf_init(&list);
	diags_init(&ignored, arena);
	if (!engine->opt.pki)
		return NULL;
	pthread_mutex_lock(&engine->pki);
	pki_ca(engine->opt.pki, &ca);
	bool ok = pki_crl(engine->opt.pki, &ignored, &list);
	pthread_mutex_unlock(&engine->pki);
	return ok ? pki_trust_new(ca.data, list.data, &ignored) : NULL;
}

// Where the store has ended.
static bool find_last(struct intake *in, struct diags *diags)
{
	struct store_evidence kept;
	int rc = store_do(in->engine->store, evidence_last, in->member->name, in->arena, &kept);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	if (rc == STORE_ABSENT)
		return true;
	in->fault = kept.fault;
	snprintf(in->last.chain, sizeof(in->last.chain), "%s", kept.chain);
	evidence_digest(kept.record, strlen(kept.record), in->last.digest);
	in->last.serial = kept.serial;
	in->last.time = kept.time;
	return true;
}

// --- one record ---

// NULL: it is to be believed.
static const char *fault_of(struct intake *in, const struct evidence_record *r,
			    const struct engine_record *item, const char *certificate,
			    struct diags *diags)
{
	struct diags why;
	diags_init(&why, diags->arena);
	bool follows = evidence_follows(&in->last, r, item->text, &why);
	if (strcmp(r->nsf, in->member->name) != 0)
		return "it speaks of another NSF";
	if (!in->trust)
		return "this controller has no certificate authority to check it against";
	bool is_signed =
		evidence_signed(r, item->text, item->signature, certificate, in->trust, &why);
	return follows && is_signed ? NULL : why.list.at[0].text;
}

// Base64 and PEM are no more than this; what is more would have to be shown to people and programs.
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!strchr("\r\n\t", *text) && (*text < ' ' || *text > '~'))
			return false;
	return true;
}

// A record as it is kept; false: it is none.
static bool read_item(struct intake *in, const struct engine_record *item, const char *certificate,
		      struct diags *diags, struct store_evidence *out)
{
	struct evidence_record r;
	struct diags why;
	diags_init(&why, diags->arena);
	if (!evidence_read(item->text, strlen(item->text), &why, &r)) {
		complain(in, why.list.at[0].text);
		return false;
	}
	if (!is_plain(item->signature) || (certificate && !is_plain(certificate))) {
		complain(in, "a signature or a certificate that is no plain text");
		return false;
	}
	*out = (struct store_evidence){.nsf = in->member->name,
				       .tenant = in->tenant,
				       .chain = r.chain,
				       .serial = r.serial,
				       .time = r.time,
				       .received = time(NULL),
				       .commit = r.commit,
				       .trigger = evidence_trigger_name[r.trigger],
				       .result = evidence_result_name[r.result],
				       .differences = r.differences,
				       .intended = r.intended,
				       .fault = fault_of(in, &r, item, certificate, diags),
				       .record = item->text,
				       .signature = item->signature,
				       .certificate = certificate};
	return true;
}

static bool matters(const struct store_evidence *e)
{
	return strcmp(e->trigger, evidence_trigger_name[EVIDENCE_COMMIT]) == 0 ||
	       strcmp(e->result, evidence_result_name[EVIDENCE_EQUAL]) != 0;
}

static void tell_about(struct intake *in, const struct store_evidence *e, int outcome)
{
	if (outcome == STORE_SAME)
		return;
	const char *fault =
		outcome == STORE_CONFLICT ? "there is another record of the same number" : e->fault;
	if (fault)
		complain(in, fault);
	else
		in->fault = NULL;
	if (!fault && matters(e))
		tell(in, ENGINE_EVIDENCE,
		     arena_printf(in->arena, "number %" PRIu64 ", %s: %s", e->serial, e->trigger,
				  e->result));
}

// --- all that are new ---

// False: they cannot all be read or kept.
static bool keep_page(struct intake *in, const struct engine_records *page, struct diags *diags)
{
	struct store_evidence *kept =
		arena_array(diags->arena, struct store_evidence, page->record.len + 1);
	int *outcome = arena_array(diags->arena, int, page->record.len + 1);
	size_t n = 0;
	while (n < page->record.len &&
	       read_item(in, &page->record.at[n], page->certificate, diags, &kept[n]))
		n++;
	int rc = store_do(in->engine->store, evidence_add, kept, n, outcome);
	for (size_t i = 0; i < n && !rc; i++)
		tell_about(in, &kept[i], outcome[i]);
	return !rc && n == page->record.len;
}

// False: nothing more is to be had now.
static bool take_page(struct intake *in)
{
	struct arena arena cleanup(arena_fini);
	struct diags
		diags; // an NSF that does not know of evidence, or is away: asked again when it has news
	struct engine_records page = {.certificate = NULL};
	struct engine_evidence_request request = {.nsf = in->member->name,
						  .chain = in->last.serial ? in->last.chain : NULL,
						  .serial = in->last.serial,
						  .timeout_ms = TIMEOUT_MS};
	arena_init(&arena);
	diags_init(&diags, &arena);
	return in->engine->opt.nsf->evidence(in->engine->opt.nsf_context, &request, &diags,
					     &page) &&
	       keep_page(in, &page, &diags) && page.more && page.record.len;
}

void evidence_collect(struct engine *engine, struct member *member)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct intake in = {.engine = engine,
			    .member = member,
			    .arena = &arena,
			    .tenant = registry_tenant(engine, member, &arena),
			    .trust = own_trust(engine, &arena)};
	unsigned pages = find_last(&in, &diags) ? 0 : PAGES_MOST;
	while (pages < PAGES_MOST && take_page(&in))
		pages++;
	pki_trust_free(in.trust);
}

int engine_each_evidence(struct engine *engine, const struct store_evidence_query *query,
			 store_evidence_fn fn, void *context)
{
	return store_do(engine->store, evidence_each, query, fn, context);
}
