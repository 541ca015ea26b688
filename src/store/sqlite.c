// SPDX-License-Identifier: Apache-2.0
// The SQLite store: opening, checking, migrating, and the calls that the operations are made of.
//
// The idea: one connection behind one mutex, write-ahead log with a sync at every commit. Every
// operation is one transaction of prepared statements, so that a process that is killed at any
// instant leaves each operation done or not done. A lock file keeps a second process out.
#include "store/sqlite.h"
#include "base/diag.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x42756c77 // "Bulw"

// Each script brings the database from version i to i + 1. Scripts never change; new ones are
// added.
static const char *const migrations[] = {
#include "store/migration_1.inc"
#include "store/migration_2.inc"
#include "store/migration_3.inc"
};

static const char *const statements[SQL_STATEMENTS] = {
#define X(id, sql) [SQL_##id] = sql,
#include "store/statements.def"
#undef X
};

int sqlite_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_NOMEM:
		abort();
	default:
		return -EIO;
	}
}

static void bind_values(sqlite3_stmt *st, const char *kinds, va_list ap)
{
	int rc = SQLITE_OK;
	for (int i = 1; kinds[i - 1]; i++) {
		const char *text;
		const void *data;
		switch (kinds[i - 1]) {
		case 'i':
			rc |= sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 't':
			text = va_arg(ap, const char *);
			rc |= sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
			break;
		default:
			assert(kinds[i - 1] == 'b');
			data = va_arg(ap, const void *);
			rc |= sqlite3_bind_blob64(st, i, data, va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
	assert(rc == SQLITE_OK);
}

sqlite3_stmt *sqlite_bind(struct sqlite *s, enum sqlite_id id, const char *kinds, ...)
{
	sqlite3_stmt *st = s->statement[id];
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	va_list ap;
	va_start(ap, kinds);
	bind_values(st, kinds, ap);
	va_end(ap);
	return st;
}

int sqlite_step(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	sqlite3_reset(st);
	return sqlite_errno(rc);
}

int sqlite_run(struct sqlite *s, enum sqlite_id id, const char *kinds, ...)
{
	sqlite3_stmt *st = s->statement[id];
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	va_list ap;
	va_start(ap, kinds);
	bind_values(st, kinds, ap);
	va_end(ap);
	int rc = sqlite_step(st);
	assert(rc <= 0);
	return rc;
}

int sqlite_changes(struct sqlite *s)
{
	return sqlite3_changes(s->db);
}

void sqlite_lock(struct sqlite *s)
{
	pthread_mutex_lock(&s->mutex);
}

void sqlite_unlock(struct sqlite *s)
{
	pthread_mutex_unlock(&s->mutex);
}

int sqlite_begin(struct sqlite *s)
{
	sqlite_lock(s);
	int rc = sqlite_run(s, SQL_BEGIN, "");
	if (rc < 0)
		sqlite_unlock(s);
	return rc;
}

int sqlite_end(struct sqlite *s, int result)
{
	int rc = result ? result : sqlite_run(s, SQL_COMMIT, "");
	// Some faults have rolled back already; then there is nothing more to do.
	if (rc && !sqlite3_get_autocommit(s->db) && sqlite_run(s, SQL_ROLLBACK, "") < 0)
		rc = rc < 0 ? rc : -EIO;
	sqlite_unlock(s);
	return rc;
}

const char *sqlite_text(sqlite3_stmt *st, int column, struct arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	return arena ? arena_strdup(arena, text) : text;
}

const void *sqlite_blob(sqlite3_stmt *st, int column, struct arena *arena, size_t *len_out)
{
	const void *data = sqlite3_column_blob(st, column);
	*len_out = (size_t)sqlite3_column_bytes(st, column);
	return arena && data ? arena_memdup(arena, data, *len_out) : data;
}

void sqlite_digest(sqlite3_stmt *st, int column, unsigned char out[static STORE_DIGEST])
{
	size_t len;
	const void *data = sqlite_blob(st, column, NULL, &len);
	memset(out, 0, STORE_DIGEST);
	if (len == STORE_DIGEST)
		memcpy(out, data, len);
}

uint32_t sqlite_u32(sqlite3_stmt *st, int column)
{
	return (uint32_t)sqlite3_column_int64(st, column);
}

// --- opening ---

static const char hint_damaged[] =
	"stop the controller, put the database back from a backup, or move it away and state "
	"sites, "
	"NSFs and policies anew; the NSFs go on enforcing what they have";

static bool pragma(struct sqlite *s, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *st = NULL;
	bool ok = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK;
	int rc = ok ? sqlite3_step(st) : SQLITE_ERROR;
	const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (out && size) {
		strncpy(out, text ? text : "", size - 1);
		out[size - 1] = '\0';
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool execute(struct sqlite *s, const char *sql, const char *path, struct diags *diags)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	int code = sqlite_errno(sqlite3_errcode(s->db));
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = code == -EBADMSG ? hint_damaged
							 : "see that the directory is writable and "
							   "the disk is not full"},
		 "the database cannot be used: %s", sqlite3_errmsg(s->db));
	return false;
}

// A file of another program, a damaged one, one of a later version: refused, never written to.
static bool check(struct sqlite *s, const char *path, struct diags *diags, unsigned *version_out)
{
	char id[32], version[32], verdict[128], objects[32];
	struct diag about = {.code = DIAG_IO, .file = path, .hint = hint_damaged};
	if (!pragma(s, "PRAGMA application_id", id, sizeof(id)) ||
	    !pragma(s, "PRAGMA user_version", version, sizeof(version)) ||
	    !pragma(s, "SELECT count(*) FROM sqlite_schema", objects, sizeof(objects)) ||
	    !pragma(s, "PRAGMA quick_check(1)", verdict, sizeof(verdict))) {
		diag_add(diags, &about, "the database is damaged: %s", sqlite3_errmsg(s->db));
		return false;
	}
	if (strcmp(verdict, "ok")) {
		diag_add(diags, &about, "the database is damaged: %s", verdict);
		return false;
	}
	bool fresh = strcmp(objects, "0") == 0;
	if (!fresh && strtol(id, NULL, 10) != APPLICATION_ID) {
		about.hint = "name another state directory";
		diag_add(diags, &about, "this is a database of another program");
		return false;
	}
	*version_out = (unsigned)strtoul(version, NULL, 10);
	if (*version_out > array_len(migrations)) {
		about.code = DIAG_UNSUPPORTED;
		about.hint = "run the version of the controller that wrote it, or a later one";
		diag_add(diags, &about,
			 "the database has version %u, this program knows up to version %zu",
			 *version_out, array_len(migrations));
		return false;
	}
	return true;
}

static bool migrate(struct sqlite *s, unsigned version, const char *path, struct diags *diags)
{
	for (unsigned v = version; v < array_len(migrations); v++) {
		char mark[96];
		snprintf(mark, sizeof(mark),
			 "PRAGMA application_id = %d; PRAGMA user_version = %u; COMMIT;",
			 APPLICATION_ID, v + 1);
		if (!execute(s, "BEGIN IMMEDIATE", path, diags) ||
		    !execute(s, migrations[v], path, diags) || !execute(s, mark, path, diags))
			return false;
	}
	return true;
}

static bool prepare(struct sqlite *s, const char *path, struct diags *diags)
{
	for (unsigned i = 0; i < SQL_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->statement[i], NULL) == SQLITE_OK)
			continue;
		diag_add(diags, &(struct diag){.code = DIAG_IO, .file = path, .hint = hint_damaged},
			 "the database does not have the tables that its version says: %s",
			 sqlite3_errmsg(s->db));
		return false;
	}
	return true;
}

// flock, not SQLite's own lock: it is there before the first byte is read and ends with the
// process.
static bool take_lock(struct sqlite *s, const char *path, struct diags *diags)
{
	if (strcmp(path, ":memory:") == 0)
		return true;
	char *name = arena_printf(diags->arena, "%s.lock", path);
	s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	bool used = s->lock >= 0 && errno == EWOULDBLOCK;
	diag_add(diags,
		 &(struct diag){.code = used ? DIAG_IN_USE : DIAG_IO,
				.file = name,
				.hint = used ? "stop the controller that runs on this state "
					       "directory, or name another"
					     : "make the state directory and let the controller's "
					       "user write to it"},
		 "the database cannot be opened: %s",
		 used ? "another process has it open" : strerror(errno));
	return false;
}

static bool open_database(struct sqlite *s, const char *path, struct diags *diags)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_PRIVATECACHE;
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
		diag_add(diags,
			 &(struct diag){.code = DIAG_IO,
					.file = path,
					.hint = "let the controller's user read and write it"},
			 "the database cannot be opened: %s", sqlite3_errmsg(s->db));
		return false;
	}
	sqlite3_busy_timeout(s->db, 5000);
	unsigned version;
	return check(s, path, diags, &version) &&
	       execute(s,
		       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		       "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		       "PRAGMA wal_autocheckpoint = 1000;",
		       path, diags) &&
	       migrate(s, version, path, diags) && prepare(s, path, diags);
}

void sqlite_close(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	for (unsigned i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->db);
	base_close(&s->lock);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static const struct store_ops ops = {
#define X(name) .name = sqlite_##name,
#include "store/operations.def"
#undef X
};

struct store *store_sqlite_open(const char *path, struct diags *diags)
{
	struct sqlite *s = base_oom(calloc(1, sizeof(*s)));
	s->store.ops = &ops;
	s->lock = -1;
	pthread_mutex_init(&s->mutex, NULL);
	mode_t mask = umask(077); // what the database makes beside itself is the owner's alone
	bool ok = take_lock(s, path, diags) && open_database(s, path, diags);
	umask(mask);
	if (ok)
		return &s->store;
	sqlite_close(&s->store);
	return NULL;
}

void store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
}
