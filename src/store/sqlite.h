// SPDX-License-Identifier: Apache-2.0
// Inside the folder: the connection and the few calls that every operation is made of.
#pragma once

#include "store/store.h"

#include <pthread.h>

struct sqlite3;
struct sqlite3_stmt;

enum sqlite_id {
#define X(id, sql) SQL_##id,
#include "store/statements.def"
#undef X
	SQL_STATEMENTS
};

struct sqlite {
	struct store store; // first: a store is its sqlite
	struct sqlite3 *db;
	struct sqlite3_stmt *statement[SQL_STATEMENTS];
	pthread_mutex_t mutex;
	int lock; // descriptor of the lock file, or -1
};

static inline struct sqlite *sqlite_of(struct store *store)
{
	return (struct sqlite *)store;
}

// A result code of SQLite as a negative errno.
int sqlite_errno(int code) must_check;

// Resets the statement and binds: i int64_t, t text or NULL, b bytes and their size_t.
struct sqlite3_stmt *sqlite_bind(struct sqlite *s, enum sqlite_id id, const char *kinds,
				 ...) must_check;
// One step: 1 a row, 0 no (further) row, negative errno.
int sqlite_step(struct sqlite3_stmt *statement) must_check;
// Binds and runs a statement without rows. 0 or negative errno.
int sqlite_run(struct sqlite *s, enum sqlite_id id, const char *kinds, ...) must_check;
// Rows that the last statement changed.
int sqlite_changes(struct sqlite *s) must_check;

// Takes the mutex and begins; `end` commits when `result` is 0, else rolls back, and gives it back.
int sqlite_begin(struct sqlite *s) must_check;
int sqlite_end(struct sqlite *s, int result) must_check;
void sqlite_lock(struct sqlite *s);
void sqlite_unlock(struct sqlite *s);

// Columns. With an arena copies, without one borrowed until the next step.
const char *sqlite_text(struct sqlite3_stmt *statement, int column, struct arena *arena) must_check;
const void *sqlite_blob(struct sqlite3_stmt *statement, int column, struct arena *arena,
			size_t *len_out) must_check;
void sqlite_digest(struct sqlite3_stmt *statement, int column,
		   unsigned char out[static STORE_DIGEST]);
uint32_t sqlite_u32(struct sqlite3_stmt *statement, int column) must_check;

// The operations: documents.c, jobs.c, records.c.
#define X(name) extern __typeof__(*((struct store_ops *)0)->name) sqlite_##name;
#include "store/operations.def"
#undef X
