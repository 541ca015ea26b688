// SPDX-License-Identifier: Apache-2.0
// Records of proofs. The idea: a number of a chain has one record for good; whoever brings another one for it is told so.
#include "store/sqlite.h"

#include <sqlite3.h>
#include <string.h>

#define EVIDENCE_MOST 10000 // of an NSF

// STORE_ABSENT: the number is new.
static int compare(struct sqlite *s, const struct store_evidence *e)
{
	sqlite3_stmt *st =
		sqlite_bind(s, SQL_EVIDENCE_SAME, "tti", e->nsf, e->chain, (int64_t)e->serial);
	int rc = sqlite_step(st);
	bool same = rc == 1 && strcmp(sqlite_text(st, 0, NULL), e->record) == 0;
	sqlite3_reset(st);
	return rc < 0 ? rc : rc == 0 ? STORE_ABSENT : same ? STORE_SAME : STORE_CONFLICT;
}

static int add(struct sqlite *s, const struct store_evidence *e)
{
	int rc = compare(s, e);
	if (rc != STORE_ABSENT)
		return rc;
	rc = e->certificate ? sqlite_run(s, SQL_SIGNER_ADD, "t", e->certificate) : 0;
	if (rc)
		return rc;
	rc = sqlite_run(s, SQL_EVIDENCE_ADD, "tttiiitttittttt", e->nsf, e->tenant, e->chain,
			(int64_t)e->serial, e->time, e->received, e->commit, e->trigger, e->result,
			(int64_t)e->differences, e->intended, e->fault, e->record, e->signature,
			e->certificate);
	if (!rc)
		rc = sqlite_run(s, SQL_EVIDENCE_TRIM, "ti", e->nsf, (int64_t)EVIDENCE_MOST);
	return rc;
}

int sqlite_evidence_add(struct store *store, const struct store_evidence *e, size_t len,
			int *outcome_out)
{
	struct sqlite *s = sqlite_of(store);
	int rc = sqlite_begin(s);
	if (rc)
		return rc;
	for (size_t i = 0; i < len && rc >= 0; i++)
		rc = outcome_out[i] = add(s, &e[i]);
	return sqlite_end(s, rc < 0 ? rc : 0);
}

static void read_row(sqlite3_stmt *st, struct arena *arena, struct store_evidence *out)
{
	*out = (struct store_evidence){
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.nsf = sqlite_text(st, 1, arena),
		.tenant = sqlite_text(st, 2, arena),
		.chain = sqlite_text(st, 3, arena),
		.serial = (uint64_t)sqlite3_column_int64(st, 4),
		.time = sqlite3_column_int64(st, 5),
		.received = sqlite3_column_int64(st, 6),
		.job = sqlite_u32(st, 7),
		.trigger = sqlite_text(st, 8, arena),
		.result = sqlite_text(st, 9, arena),
		.differences = sqlite_u32(st, 10),
		.intended = sqlite_text(st, 11, arena),
		.fault = sqlite_text(st, 12, arena),
		.record = sqlite_text(st, 13, arena),
		.signature = sqlite_text(st, 14, arena),
		.certificate = sqlite_text(st, 15, arena),
	};
}

int sqlite_evidence_last(struct store *store, const char *nsf, struct arena *arena,
			 struct store_evidence *out)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st = sqlite_bind(s, SQL_EVIDENCE_LAST, "t", nsf);
	int rc = sqlite_step(st);
	if (rc == 1)
		read_row(st, arena, out);
	sqlite3_reset(st);
	sqlite_unlock(s);
	return rc == 1 ? 0 : rc == 0 ? STORE_ABSENT : rc;
}

int sqlite_evidence_each(struct store *store, const struct store_evidence_query *q,
			 store_evidence_fn fn, void *context)
{
	struct sqlite *s = sqlite_of(store);
	sqlite_lock(s);
	sqlite3_stmt *st =
		sqlite_bind(s, q->newest ? SQL_EVIDENCE_NEWEST : SQL_EVIDENCE_EACH, "ttiiii",
			    q->tenant, q->nsf, q->from, q->until ? q->until : INT64_MAX,
			    (int64_t)q->after, q->most ? (int64_t)q->most : -1);
	int rc;
	while ((rc = sqlite_step(st)) == 1) {
		struct store_evidence e;
		read_row(st, NULL, &e);
		fn(&e, context);
	}
	sqlite_unlock(s);
	return rc;
}
