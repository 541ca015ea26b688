// SPDX-License-Identifier: Apache-2.0
// The audit trail, enrolment tokens, what is known of NSFs, pinholes.
#include "store/sqlite.h"

#include <sqlite3.h>

#define EVENTS_MOST 100000
#define EVENTS_SLACK 1000 // forgetting is done once for so many new ones

int sqlite_event_add(struct store *store, const struct store_event *e)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	if (rc)
		return rc;
	rc = sqlite_run(s, SQL_EVENT_ADD, "ittttit", e->time, e->who, e->tenant, e->action, e->nsf,
			(int64_t)e->outcome, e->detail);
	int64_t id = sqlite3_last_insert_rowid(s->db);
	if (!rc && id > EVENTS_MOST && id % EVENTS_SLACK == 0)
		rc = sqlite_run(s, SQL_EVENT_TRIM, "i", id - EVENTS_MOST);
	return sqlite_end(s, rc);
}

static int give_events(sqlite3_stmt *st, store_event_fn fn, void *context)
{
	int rc;
	while ((rc = sqlite_step(st)) == 1)
		fn(&(struct store_event){.id = (uint64_t)sqlite3_column_int64(st, 0),
					 .time = sqlite3_column_int64(st, 1),
					 .who = sqlite_text(st, 2, NULL),
					 .tenant = sqlite_text(st, 3, NULL),
					 .action = sqlite_text(st, 4, NULL),
					 .nsf = sqlite_text(st, 5, NULL),
					 .outcome = sqlite3_column_int(st, 6),
					 .detail = sqlite_text(st, 7, NULL)},
		   context);
	return rc;
}

static int64_t limit_of(const struct store_query *query)
{
	return query->most ? (int64_t)query->most : -1;
}

int sqlite_event_each(struct store *store, const struct store_query *query, store_event_fn fn,
		      void *context)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = give_events(sqlite_bind(s, SQL_EVENT_EACH, "ti", query->tenant, limit_of(query)),
			     fn, context);
	sqlite_unlock(s);
	return rc;
}

int sqlite_event_after(struct store *store, uint64_t id, const struct store_query *query,
		       store_event_fn fn, void *context)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = give_events(
		sqlite_bind(s, SQL_EVENT_AFTER, "iti", (int64_t)id, query->tenant, limit_of(query)),
		fn, context);
	sqlite_unlock(s);
	return rc;
}

int sqlite_token_add(struct store *store, const struct store_token *t)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_TOKEN_ADD, "tttbi", t->id, t->nsf, t->tenant, t->hash,
			    (size_t)STORE_DIGEST, t->expires);
	sqlite_unlock(s);
	return rc;
}

int sqlite_token_get(struct store *store, const char *id, struct arena *arena,
		     struct store_token *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_TOKEN_GET, "t", id);
	int rc = sqlite_step(st);
	if (rc == 1) {
		*out = (struct store_token){.id = sqlite_text(st, 0, arena),
					    .nsf = sqlite_text(st, 1, arena),
					    .tenant = sqlite_text(st, 2, arena),
					    .expires = sqlite3_column_int64(st, 4),
					    .used = sqlite3_column_int(st, 5) != 0};
		sqlite_digest(st, 3, out->hash);
	}
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_token_use(struct store *store, const char *id)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_TOKEN_USE, "t", id);
	if (!rc && !sqlite_changes(s))
		rc = STORE_CONFLICT;
	sqlite_unlock(s);
	return rc;
}

int sqlite_nsf_put(struct store *store, const struct store_nsf *n)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_NSF_PUT, "ttitt", n->name, n->tenant, n->last_seen, n->software,
			    n->capabilities);
	sqlite_unlock(s);
	return rc;
}

static void read_nsf(sqlite3_stmt *st, struct arena *arena, struct store_nsf *out)
{
	*out = (struct store_nsf){.name = sqlite_text(st, 0, arena),
				  .tenant = sqlite_text(st, 1, arena),
				  .last_seen = sqlite3_column_int64(st, 2),
				  .software = sqlite_text(st, 3, arena),
				  .capabilities = sqlite_text(st, 4, arena)};
}

int sqlite_nsf_get(struct store *store, const char *name, struct arena *arena,
		   struct store_nsf *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_NSF_GET, "t", name);
	int rc = sqlite_step(st);
	if (rc == 1)
		read_nsf(st, arena, out);
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_nsf_all(struct store *store, struct arena *arena, struct store_nsfs *out)
{
	struct sqlite *s = sqlite_of(store);
	struct store_nsfs all = {0};
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_NSF_ALL, "");
	int rc;
	while ((rc = sqlite_step(st)) == 1) {
		struct store_nsf n;
		read_nsf(st, arena, &n);
		vec_push(arena, &all.list, n);
	}
	sqlite_unlock(s);
	if (!rc)
		*out = all;
	return rc;
}

int sqlite_nsf_forget(struct store *store, const char *name)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_NSF_FORGET, "t", name);
	sqlite_unlock(s);
	return rc;
}

int sqlite_pinhole_put(struct store *store, const struct store_pinhole *p)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_PINHOLE_PUT, "tttttitii", p->id, p->tenant, p->author, p->flow,
			    p->nsfs, (int64_t)p->state, p->reason, p->opened, p->expires);
	sqlite_unlock(s);
	return rc;
}

static void read_pinhole(sqlite3_stmt *st, struct arena *arena, struct store_pinhole *out)
{
	*out = (struct store_pinhole){
		.id = sqlite_text(st, 0, arena),
		.tenant = sqlite_text(st, 1, arena),
		.author = sqlite_text(st, 2, arena),
		.flow = sqlite_text(st, 3, arena),
		.nsfs = sqlite_text(st, 4, arena),
		.state = (enum store_pinhole_state)sqlite3_column_int(st, 5),
		.reason = sqlite_text(st, 6, arena),
		.opened = sqlite3_column_int64(st, 7),
		.expires = sqlite3_column_int64(st, 8),
	};
}

int sqlite_pinhole_get(struct store *store, const char *id, struct arena *arena,
		       struct store_pinhole *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_PINHOLE_GET, "t", id);
	int rc = sqlite_step(st);
	if (rc == 1)
		read_pinhole(st, arena, out);
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_pinhole_each(struct store *store, const struct store_query *query, store_pinhole_fn fn,
			void *context)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_PINHOLE_EACH, "ti", query->tenant,
				       query->most ? (int64_t)query->most : -1);
	int rc;
	while ((rc = sqlite_step(st)) == 1) {
		struct store_pinhole p;
		read_pinhole(st, NULL, &p);
		fn(&p, context);
	}
	sqlite_unlock(s);
	return rc;
}
