// SPDX-License-Identifier: Apache-2.0
// NSFs for tests. What they report is computed from the text that they were sent, read by the codec,
// so that a proof in a test also goes through writing and reading of the NSF-facing model.
#include "engine/fake.h"
#include "base/buf.h"
#include "base/diag.h"
#include "codec/cap.h"
#include "engine/engine.h"
#include "engine/load.h"
#include "ir/digest.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR (366 * 86400)

static char *copy(const char *text, size_t len)
{
	return text && len ? base_oom(strndup(text, len)) : NULL;
}

static void set(char **to, char *text)
{
	free(*to);
	*to = text;
}

void fake_init(struct fake *fake, const char *const *names, size_t len)
{
	*fake = (struct fake){.len = len};
	assert(len <= FAKE_MOST);
	pthread_mutex_init(&fake->mutex, NULL);
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	fake->schema = engine_load_schema(&diags);
	assert(fake->schema);
	arena_fini(&arena);
	for (size_t i = 0; i < len; i++)
		fake->nsf[i] = (struct fake_nsf){.name = names[i], .fail_at = -1};
	struct cap all = {0};
	cap_add_all(&all);
	struct buf xml;
	size_t xml_len;
	buf_init(&xml);
	codec_cap_write("any", &all, &xml);
	fake->capabilities = buf_take(&xml, &xml_len);
	buf_fini(&xml);
}

void fake_fini(struct fake *fake)
{
	for (size_t i = 0; i < fake->len; i++) {
		struct fake_nsf *n = &fake->nsf[i];
		free(n->running);
		free(n->candidate);
		free(n->rollback);
		free(n->persist);
	}
	schema_free(fake->schema);
	free(fake->capabilities);
	pthread_mutex_destroy(&fake->mutex);
}

static struct fake_nsf *find(struct fake *fake, const char *name)
{
	for (size_t i = 0; i < fake->len; i++)
		if (strcmp(fake->nsf[i].name, name) == 0)
			return &fake->nsf[i];
	return NULL;
}

static void drop_session(struct fake_nsf *n)
{
	n->connected = false;
	n->locked = 0;
	set(&n->candidate, NULL);
}

// --- what it does ---

static void revert(struct fake_nsf *n)
{
	set(&n->running, n->rollback);
	n->rollback = NULL;
	set(&n->persist, NULL);
	n->pending = false;
}

static bool refuse(struct diags *diags, enum diag_code code, const char *text)
{
	diag_error(diags, code, NULL, "it is a test", "%s", text);
	return false;
}

static bool commit(struct fake_nsf *n, const struct engine_request *r)
{
	if (!n->pending)
		set(&n->rollback, n->running ? copy(n->running, strlen(n->running)) : NULL);
	set(&n->running, n->candidate ? copy(n->candidate, strlen(n->candidate)) : NULL);
	set(&n->persist, copy(r->persist, strlen(r->persist)));
	n->pending = true;
	n->commits++;
	return true;
}

static bool confirm(struct fake_nsf *n, const struct engine_request *r, struct diags *diags)
{
	if (!n->pending || strcmp(n->persist, r->persist))
		return refuse(diags, DIAG_VALUE, "no commit of this persist-id");
	set(&n->rollback, NULL);
	set(&n->persist, NULL);
	n->pending = false;
	return true;
}

static bool act(struct fake_nsf *n, const struct engine_request *r, struct diags *diags)
{
	switch (r->op) {
	case ENGINE_OP_LOCK:
		if (n->locked)
			return refuse(diags, DIAG_LOCKED, "somebody has the lock");
		n->locked = *r->session = n->session;
		return true;
	case ENGINE_OP_EDIT:
		assert(n->locked == n->session);
		set(&n->candidate, copy(r->text, r->len));
		return true;
	case ENGINE_OP_COMMIT:
		return commit(n, r);
	case ENGINE_OP_CONFIRM:
		return confirm(n, r, diags);
	case ENGINE_OP_CANCEL:
		if (n->pending && strcmp(n->persist, r->persist) == 0)
			revert(n);
		return true;
	case ENGINE_OP_UNLOCK:
		n->locked = 0;
		set(&n->candidate, NULL);
		return true;
	case ENGINE_OP_TRUST:
		n->trusts++;
		return true;
	case ENGINE_OP_PINHOLE_OPEN:
		snprintf(n->pinhole[n->pinholes++ % array_len(n->pinhole)], sizeof(n->pinhole[0]),
			 "%s", r->flow->id);
		return true;
	case ENGINE_OP_PINHOLE_CLOSE:
		n->pinholes -= n->pinholes > 0;
		return true;
	case ENGINE_OP_VALIDATE:
	case ENGINE_OPS:
		break;
	}
	return true;
}

static enum fake_fault fault_of(struct fake_nsf *n, int op)
{
	if (n->fail_at != op)
		return FAKE_FINE;
	if (n->fault != FAKE_GONE)
		n->fail_at = -1;
	return n->fault;
}

static bool request_locked(struct fake *fake, const struct engine_request *r, struct diags *diags)
{
	struct fake_nsf *n = find(fake, r->nsf);
	if (!n || !n->connected)
		return refuse(diags, DIAG_UNREACHABLE, "not connected");
	if (r->session && *r->session && *r->session != n->session)
		return refuse(diags, DIAG_UNREACHABLE, "the session is another");
	switch (fault_of(n, (int)r->op)) {
	case FAKE_REFUSES:
		return refuse(diags, DIAG_FAILED, "refused");
	case FAKE_LOSES:
		if (!act(n, r, diags))
			return false;
		drop_session(n);
		n->session++;
		n->connected = true;
		return refuse(diags, DIAG_UNREACHABLE, "the answer is lost");
	case FAKE_GONE:
		drop_session(n);
		return refuse(diags, DIAG_UNREACHABLE, "gone");
	case FAKE_FINE:
	case FAKE_LIES:
		break;
	}
	return act(n, r, diags);
}

static bool fake_request(void *context, const struct engine_request *r, struct diags *diags)
{
	struct fake *fake = context;
	if (fake->before)
		fake->before(fake->context, r);
	pthread_mutex_lock(&fake->mutex);
	bool ok = request_locked(fake, r, diags);
	pthread_mutex_unlock(&fake->mutex);
	return ok;
}

// --- what it reports ---

static bool read_rules(struct fake *fake, const char *text, struct diags *diags,
		       struct ir_ruleset *out)
{
	struct translate_options options = translate_options_default(time(NULL));
	struct engine_load load = {.schema = fake->schema,
				   .translate = &options,
				   .arena = diags->arena,
				   .diags = diags};
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	struct ir_document document;
	if (!engine_load(&load, &input, 1, &document))
		return false;
	ir_document_order(&document, diags->arena, diags, out);
	return true;
}

static bool report(struct fake *fake, struct fake_nsf *n, bool lies, struct diags *diags,
		   struct engine_report *out)
{
	*out = (struct engine_report){.software = "fake 1", .none = !n->running, .settled = true};
	out->persist = n->pending ? arena_strdup(diags->arena, n->persist) : NULL;
	for (size_t i = 0; i < n->pinholes && i < array_len(n->pinhole); i++)
		vec_push(diags->arena, &out->pinhole, n->pinhole[i]);
	if (!n->running)
		return true;
	struct ir_ruleset rules = {0}, lowered = {0};
	if (!read_rules(fake, n->running, diags, &rules))
		return false;
	out->lowered_at = time(NULL);
	out->horizon = out->lowered_at + YEAR;
	ir_ruleset_lower_time(&rules, diags->arena, out->lowered_at, out->horizon, &lowered);
	out->has_intended = out->has_enforced = true;
	struct ir_digest digest = ir_ruleset_digest(&lowered);
	memcpy(out->intended, digest.octet, sizeof(out->intended));
	memcpy(out->policy, digest.octet, sizeof(out->policy));
	memcpy(out->enforced, digest.octet, sizeof(out->enforced));
	out->enforced[0] ^= lies;
	for (size_t i = 0; i < lowered.rule.len; i++)
		vec_push(diags->arena, &out->rule,
			 (struct engine_report_rule){.policy = lowered.rule.at[i].policy,
						     .name = lowered.rule.at[i].name,
						     .enforced = !lies || i,
						     .packets = 10 + i,
						     .bytes = 1000 + i});
	return true;
}

static bool fake_report(void *context, const struct engine_report_request *r, struct diags *diags,
			struct engine_report *out)
{
	struct fake *fake = context;
	pthread_mutex_lock(&fake->mutex);
	struct fake_nsf *n = find(fake, r->nsf);
	enum fake_fault fault = !n             ? FAKE_GONE
				: r->read_back ? fault_of(n, FAKE_REPORT)
					       : FAKE_FINE;
	bool ok = n && n->connected && (fault == FAKE_FINE || fault == FAKE_LIES);
	if (fault == FAKE_GONE && n)
		drop_session(n);
	ok = ok ? report(fake, n, fault == FAKE_LIES, diags, out)
		: refuse(diags, DIAG_UNREACHABLE, "no report");
	pthread_mutex_unlock(&fake->mutex);
	return ok;
}

static bool fake_capabilities(void *context, const char *nsf, struct diags *diags, const char **out)
{
	struct fake *fake = context;
	pthread_mutex_lock(&fake->mutex);
	struct fake_nsf *n = find(fake, nsf);
	bool ok = n && n->connected;
	*out = arena_strdup(diags->arena, fake->capabilities);
	pthread_mutex_unlock(&fake->mutex);
	return ok || refuse(diags, DIAG_UNREACHABLE, "not connected");
}

// Behind the record that was named; 0 when it is not there.
static size_t find_record(const struct fake_nsf *n, const struct engine_evidence_request *r)
{
	char serial[40];
	snprintf(serial, sizeof(serial), "\"serial\":%llu,", (unsigned long long)r->serial);
	for (size_t i = 0; r->chain && i < n->records; i++)
		if (strstr(n->record[i].text, serial))
			return i + 1;
	return 0;
}

// Two a page, so that there are pages.
static bool fake_evidence(void *context, const struct engine_evidence_request *r,
			  struct diags *diags, struct engine_records *out)
{
	struct fake *fake = context;
	pthread_mutex_lock(&fake->mutex);
	struct fake_nsf *n = find(fake, r->nsf);
	bool ok = n && n->connected;
	*out = (struct engine_records){.certificate = ok ? n->certificate : NULL};
	size_t i = ok ? find_record(n, r) : 0;
	for (; ok && i < n->records && out->record.len < 2; i++)
		vec_push(diags->arena, &out->record, n->record[i]);
	out->more = ok && i < n->records;
	pthread_mutex_unlock(&fake->mutex);
	return ok || refuse(diags, DIAG_UNREACHABLE, "not connected");
}

static void fake_configure(void *context, const struct engine_peer *peers, size_t len)
{
	struct fake *fake = context;
	(void)peers;
	pthread_mutex_lock(&fake->mutex);
	fake->configured = len;
	pthread_mutex_unlock(&fake->mutex);
}

const struct engine_nsf_ops fake_ops = {
	.configure = fake_configure,
	.request = fake_request,
	.report = fake_report,
	.capabilities = fake_capabilities,
	.evidence = fake_evidence,
};

// --- what a test does to it ---

void fake_connect(struct fake *fake, size_t i)
{
	pthread_mutex_lock(&fake->mutex);
	struct fake_nsf *n = &fake->nsf[i];
	n->connected = true;
	n->session++;
	if (n->fault == FAKE_GONE)
		n->fail_at = -1;
	pthread_mutex_unlock(&fake->mutex);
	engine_nsf_connected(fake->engine, n->name);
}

void fake_disconnect(struct fake *fake, size_t i)
{
	pthread_mutex_lock(&fake->mutex);
	drop_session(&fake->nsf[i]);
	pthread_mutex_unlock(&fake->mutex);
	engine_nsf_disconnected(fake->engine, fake->nsf[i].name, ENGINE_AWAY, "unplugged");
}

void fake_fail(struct fake *fake, size_t i, int op, enum fake_fault fault)
{
	pthread_mutex_lock(&fake->mutex);
	fake->nsf[i].fail_at = op;
	fake->nsf[i].fault = fault;
	pthread_mutex_unlock(&fake->mutex);
}

void fake_revert(struct fake *fake, size_t i)
{
	pthread_mutex_lock(&fake->mutex);
	if (fake->nsf[i].pending)
		revert(&fake->nsf[i]);
	pthread_mutex_unlock(&fake->mutex);
}

bool fake_runs(struct fake *fake, size_t i, const char *text)
{
	pthread_mutex_lock(&fake->mutex);
	const char *running = fake->nsf[i].running;
	bool is = text ? running && strstr(running, text) : !running;
	pthread_mutex_unlock(&fake->mutex);
	return is;
}

bool fake_is_pending(struct fake *fake, size_t i)
{
	pthread_mutex_lock(&fake->mutex);
	bool is = fake->nsf[i].pending;
	pthread_mutex_unlock(&fake->mutex);
	return is;
}

void fake_put(struct fake *fake, size_t i, const char *running, const char *rollback,
	      const char *persist)
{
	pthread_mutex_lock(&fake->mutex);
	struct fake_nsf *n = &fake->nsf[i];
	set(&n->running, running ? base_oom(strdup(running)) : NULL);
	set(&n->rollback, rollback ? base_oom(strdup(rollback)) : NULL);
	set(&n->persist, persist ? base_oom(strdup(persist)) : NULL);
	n->pending = persist != NULL;
	pthread_mutex_unlock(&fake->mutex);
}

char *fake_running(struct fake *fake, size_t i)
{
	pthread_mutex_lock(&fake->mutex);
	const char *running = fake->nsf[i].running;
	char *text = running ? base_oom(strdup(running)) : NULL;
	pthread_mutex_unlock(&fake->mutex);
	return text;
}
