// SPDX-License-Identifier: Apache-2.0
// Jobs, their steps, the decision, and what is deployed.
//
// The idea: `decide` is the one instant that separates "it never happened" from "it will happen
// everywhere": the job's state, what every NSF shall enforce and the tenant's revision change in
// one transaction. Recovery after a crash needs to look at nothing else.
#include "store/sqlite.h"

#include <sqlite3.h>
#include <string.h>

static int find_key(struct sqlite *s, const char *tenant, const struct store_key *key, uint32_t *id)
{
	sqlite3_stmt *st = sqlite_bind(s, SQL_KEY_GET, "tt", tenant, key->key);
	int rc = sqlite_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : STORE_ABSENT;
	unsigned char request[STORE_DIGEST];
	sqlite_digest(st, 0, request);
	*id = sqlite_u32(st, 1);
	sqlite3_reset(st);
	return memcmp(request, key->request, STORE_DIGEST) ? STORE_CONFLICT : STORE_SAME;
}

static int insert_job(struct sqlite *s, const struct store_job *j, uint32_t *id)
{
	sqlite3_stmt *st = sqlite_bind(s, SQL_JOB_ADD, "ittibiiitt", (int64_t)j->kind, j->tenant,
				       j->author, j->created, j->plan, (size_t)STORE_DIGEST,
				       (int64_t)j->revision, (int64_t)j->confirm_timeout,
				       (int64_t)j->allow_away, j->persist, j->progress);
	if (!j->revision)
		sqlite3_bind_null(st, 6);
	int rc = sqlite_step(st);
	*id = (uint32_t)sqlite3_last_insert_rowid(s->db);
	return rc;
}

static int add_job(struct sqlite *s, const struct store_job *j, const struct store_key *key,
		   uint32_t *id)
{
	int rc = key->key ? find_key(s, j->tenant, key, id) : STORE_ABSENT;
	if (rc != STORE_ABSENT)
		return rc;
	rc = insert_job(s, j, id);
	if (rc || !key->key)
		return rc;
	return sqlite_run(s, SQL_KEY_ADD, "ttbi", j->tenant, key->key, key->request,
			  (size_t)STORE_DIGEST, (int64_t)*id);
}

int sqlite_job_add(struct store *store, const struct store_job *job, const struct store_key *key,
		   uint32_t *id_out)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	if (rc)
		return rc;
	uint32_t id = 0;
	rc = sqlite_end(s, add_job(s, job, key, &id));
	if (rc == 0 || rc == STORE_SAME)
		*id_out = id;
	return rc;
}

int sqlite_job_key(struct store *store, const char *tenant, const struct store_key *key,
		   uint32_t *id_out)
{
	if (!key->key)
		return STORE_ABSENT;
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = find_key(s, tenant, key, id_out);
	sqlite_unlock(s);
	return rc;
}

static void read_job(sqlite3_stmt *st, struct arena *arena, struct store_job *out)
{
	*out = (struct store_job){
		.id = sqlite_u32(st, 0),
		.kind = (enum store_job_kind)sqlite3_column_int(st, 1),
		.state = (enum store_job_state)sqlite3_column_int(st, 2),
		.tenant = sqlite_text(st, 3, arena),
		.author = sqlite_text(st, 4, arena),
		.created = sqlite3_column_int64(st, 5),
		.finished = sqlite3_column_int64(st, 6),
		.revision = sqlite_u32(st, 8),
		.confirm_timeout = sqlite_u32(st, 9),
		.allow_away = sqlite3_column_int(st, 10) != 0,
		.persist = sqlite_text(st, 11, arena),
		.progress = sqlite_text(st, 12, arena),
		.result = sqlite_text(st, 13, arena),
	};
	sqlite_digest(st, 7, out->plan);
	out->errors = sqlite_blob(st, 14, arena, &out->errors_len);
}

int sqlite_job_get(struct store *store, uint32_t id, struct arena *arena, struct store_job *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_JOB_GET, "i", (int64_t)id);
	int rc = sqlite_step(st);
	if (rc == 1)
		read_job(st, arena, out);
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_job_each(struct store *store, const struct store_query *query, store_job_fn fn,
		    void *context)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_JOB_EACH, "ti", query->tenant,
				       query->most ? (int64_t)query->most : -1);
	int rc;
	while ((rc = sqlite_step(st)) == 1) {
		struct store_job job;
		read_job(st, NULL, &job);
		fn(&job, context);
	}
	sqlite_unlock(s);
	return rc;
}

int sqlite_job_update(struct store *store, const struct store_job *j)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_JOB_UPDATE, "iittbi", (int64_t)j->state, j->finished,
			    j->progress, j->result, j->errors, j->errors_len, (int64_t)j->id);
	if (!rc && !sqlite_changes(s))
		rc = STORE_ABSENT;
	sqlite_unlock(s);
	return rc;
}

int sqlite_job_trim(struct store *store, const struct store_trim *trim)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_JOB_TRIM, "iii", trim->recent, trim->old, (int64_t)trim->most);
	sqlite_unlock(s);
	return rc;
}

int sqlite_steps_set(struct store *store, uint32_t job, const struct store_step *steps, size_t len)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	if (rc)
		return rc;
	for (size_t i = 0; i < len && !rc; i++)
		rc = sqlite_run(s, SQL_STEP_SET, "iti", (int64_t)job, steps[i].nsf,
				(int64_t)steps[i].step);
	return sqlite_end(s, rc);
}

int sqlite_steps(struct store *store, uint32_t job, struct arena *arena, struct store_steps *out)
{
	struct sqlite *s = sqlite_of(store);
	struct store_steps steps = {0};
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_STEPS, "i", (int64_t)job);
	int rc;
	while ((rc = sqlite_step(st)) == 1)
		vec_push(arena, &steps.list,
			 (struct store_step){.nsf = sqlite_text(st, 0, arena),
					     .step = sqlite3_column_int(st, 1)});
	sqlite_unlock(s);
	if (!rc)
		*out = steps;
	return rc;
}

// --- what is deployed ---

static int put_deployed(struct sqlite *s, const struct store_deployed *d)
{
	sqlite3_stmt *st = sqlite_bind(s, SQL_DEPLOYED_PUT, "ttiiibibb", d->nsf, d->tenant,
				       (int64_t)d->revision, (int64_t)d->job, (int64_t)d->pending,
				       d->digest, (size_t)STORE_DIGEST, d->time, d->ruleset,
				       d->ruleset_len, d->text, d->text_len);
	if (!d->revision)
		sqlite3_bind_null(st, 3);
	return sqlite_step(st);
}

static int decide(struct sqlite *s, const struct store_decision *d)
{
	int rc = sqlite_run(s, SQL_JOB_DECIDE, "i", (int64_t)d->job);
	if (!rc && sqlite_changes(s) != 1)
		rc = STORE_CONFLICT;
	for (size_t i = 0; i < d->len && !rc; i++)
		rc = put_deployed(s, &d->deployed[i]);
	if (rc)
		return rc;
	sqlite3_stmt *st = sqlite_bind(s, SQL_TENANT_PUT, "tiibi", d->tenant, (int64_t)d->revision,
				       (int64_t)d->job, d->plan, (size_t)STORE_DIGEST, d->time);
	if (!d->revision)
		sqlite3_bind_null(st, 2);
	return sqlite_step(st);
}

int sqlite_decide(struct store *store, const struct store_decision *decision)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	return rc ? rc : sqlite_end(s, decide(s, decision));
}

static void read_deployed(sqlite3_stmt *st, struct arena *arena, struct store_deployed *out)
{
	*out = (struct store_deployed){
		.nsf = sqlite_text(st, 0, arena),
		.tenant = sqlite_text(st, 1, arena),
		.revision = sqlite_u32(st, 2),
		.job = sqlite_u32(st, 3),
		.pending = sqlite3_column_int(st, 4) != 0,
		.time = sqlite3_column_int64(st, 6),
	};
	sqlite_digest(st, 5, out->digest);
	out->ruleset = sqlite_blob(st, 7, arena, &out->ruleset_len);
	out->text = sqlite_blob(st, 8, arena, &out->text_len);
}

int sqlite_deployed_get(struct store *store, const char *nsf, struct arena *arena,
			struct store_deployed *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_DEPLOYED_GET, "t", nsf);
	int rc = sqlite_step(st);
	if (rc == 1)
		read_deployed(st, arena, out);
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_deployed_all(struct store *store, const char *tenant, struct arena *arena,
			struct store_deployeds *out)
{
	struct sqlite *s = sqlite_of(store);
	struct store_deployeds all = {0};
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_DEPLOYED_ALL, "t", tenant);
	int rc;
	while ((rc = sqlite_step(st)) == 1) {
		struct store_deployed d;
		read_deployed(st, arena, &d);
		vec_push(arena, &all.list, d);
	}
	sqlite_unlock(s);
	if (!rc)
		*out = all;
	return rc;
}

int sqlite_deployed_settle(struct store *store, const char *nsf,
			   const unsigned char digest[static STORE_DIGEST])
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_DEPLOYED_SETTLE, "tb", nsf, digest, (size_t)STORE_DIGEST);
	if (!rc && !sqlite_changes(s))
		rc = STORE_CONFLICT;
	sqlite_unlock(s);
	return rc;
}

int sqlite_deployed_forget(struct store *store, const char *nsf)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_DEPLOYED_FORGET, "t", nsf);
	sqlite_unlock(s);
	return rc;
}

int sqlite_tenant_get(struct store *store, const char *tenant, struct store_tenant *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_TENANT_GET, "t", tenant);
	int rc = sqlite_step(st);
	if (rc == 1) {
		*out = (struct store_tenant){.tenant = tenant,
					     .revision = sqlite_u32(st, 0),
					     .job = sqlite_u32(st, 1),
					     .time = sqlite3_column_int64(st, 3)};
		sqlite_digest(st, 2, out->plan);
	}
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}
