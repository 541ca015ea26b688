// SPDX-License-Identifier: Apache-2.0
// Revisions and plans.
//
// The idea: a revision is only ever added, and only on top of the latest one, so that two writers
// who started from the same version cannot both win.
#include "store/sqlite.h"

#include <sqlite3.h>
#include <string.h>

// A reference to no row is NULL in the database and 0 outside of it.
static sqlite3_stmt *bind_revision(struct sqlite *s, const struct store_revision *r)
{
	sqlite3_stmt *st = sqlite_bind(s, SQL_REVISION_ADD, "ittiibb", (int64_t)r->kind, r->tenant,
				       r->author, r->time, (int64_t)r->parent, r->digest,
				       (size_t)STORE_DIGEST, r->document, r->len);
	if (!r->parent)
		sqlite3_bind_null(st, 5);
	return st;
}

static int latest(struct sqlite *s, enum store_kind kind, const char *tenant,
		  struct store_revision *out)
{
	sqlite3_stmt *st = sqlite_bind(s, SQL_REVISION_LATEST, "it", (int64_t)kind, tenant);
	int rc = sqlite_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : STORE_ABSENT;
	*out = (struct store_revision){.id = sqlite_u32(st, 0), .kind = kind, .tenant = tenant};
	sqlite_digest(st, 1, out->digest);
	out->time = sqlite3_column_int64(st, 2);
	sqlite3_reset(st);
	return 0;
}

static int add(struct sqlite *s, const struct store_revision *r, uint32_t *id)
{
	struct store_revision last = {0};
	int rc = latest(s, r->kind, r->tenant, &last);
	if (rc < 0)
		return rc;
	if (last.id != r->parent)
		return STORE_CONFLICT;
	rc = sqlite_step(bind_revision(s, r));
	*id = (uint32_t)sqlite3_last_insert_rowid(s->db);
	return rc;
}

int sqlite_revision_add(struct store *store, const struct store_revision *r, uint32_t *id_out)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	if (rc)
		return rc;
	uint32_t id = 0;
	rc = sqlite_end(s, add(s, r, &id));
	if (!rc)
		*id_out = id;
	return rc;
}

static void read_revision(sqlite3_stmt *st, struct arena *arena, struct store_revision *out)
{
	*out = (struct store_revision){
		.id = sqlite_u32(st, 0),
		.kind = (enum store_kind)sqlite3_column_int(st, 1),
		.tenant = sqlite_text(st, 2, arena),
		.author = sqlite_text(st, 3, arena),
		.time = sqlite3_column_int64(st, 4),
		.parent = sqlite_u32(st, 5),
	};
	sqlite_digest(st, 6, out->digest);
	out->document = sqlite_blob(st, 7, arena, &out->len);
}

int sqlite_revision_get(struct store *store, uint32_t id, struct arena *arena,
			struct store_revision *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_REVISION_GET, "i", (int64_t)id);
	int rc = sqlite_step(st);
	if (rc == 1)
		read_revision(st, arena, out);
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_revision_latest(struct store *store, enum store_kind kind, const char *tenant,
			   struct store_revision *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = latest(s, kind, tenant, out);
	sqlite_unlock(s);
	return rc;
}

int sqlite_revision_each(struct store *store, const struct store_query *query, store_revision_fn fn,
			 void *context)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_REVISION_EACH, "ti", query->tenant,
				       query->most ? (int64_t)query->most : -1);
	int rc;
	while ((rc = sqlite_step(st)) == 1) {
		struct store_revision r;
		read_revision(st, NULL, &r);
		fn(&r, context);
	}
	sqlite_unlock(s);
	return rc;
}

int sqlite_tenants(struct store *store, struct arena *arena, const char ***out, size_t *len_out)
{
	struct sqlite *s = sqlite_of(store);
	VEC(const char *) names = {0};
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_TENANTS, "");
	int rc;
	while ((rc = sqlite_step(st)) == 1)
		vec_push(arena, &names, sqlite_text(st, 0, arena));
	sqlite_unlock(s);
	if (!rc) {
		*out = names.at;
		*len_out = names.len;
	}
	return rc;
}

int sqlite_plan_put(struct store *store, const struct store_plan *p)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	if (rc)
		return rc;
	sqlite3_stmt *st =
		sqlite_bind(s, SQL_PLAN_PUT, "btiib", p->hash, (size_t)STORE_DIGEST, p->tenant,
			    (int64_t)p->revision, p->time, p->content, p->len);
	if (!p->revision)
		sqlite3_bind_null(st, 3);
	rc = sqlite_step(st);
	if (!rc)
		rc = sqlite_run(s, SQL_PLAN_TRIM, "t", p->tenant);
	return sqlite_end(s, rc);
}

int sqlite_plan_get(struct store *store, const unsigned char hash[static STORE_DIGEST],
		    struct arena *arena, struct store_plan *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_PLAN_GET, "b", hash, (size_t)STORE_DIGEST);
	int rc = sqlite_step(st);
	if (rc == 1) {
		*out = (struct store_plan){.tenant = sqlite_text(st, 1, arena),
					   .revision = sqlite_u32(st, 2),
					   .time = sqlite3_column_int64(st, 3)};
		memcpy(out->hash, hash, STORE_DIGEST);
		out->content = sqlite_blob(st, 4, arena, &out->len);
	}
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}
