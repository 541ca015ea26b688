// SPDX-License-Identifier: Apache-2.0
// What the controller must not forget: revisions, plans, jobs, what is deployed on which NSF, the
// audit trail, tokens, pinholes. One operation is one transaction: when it has returned 0 it
// survives a power cut, and before that nothing of it is there. Thread-safe.
//
// Results: 0; STORE_ABSENT, STORE_CONFLICT, STORE_SAME where an operation documents them; a
// negative errno when the database itself fails (disk full, I/O error).
#pragma once

#include "base/arena.h"

struct diags;

enum store_result { STORE_ABSENT = 1, STORE_CONFLICT, STORE_SAME };

#define STORE_DIGEST 32u // bytes of a SHA-256 digest

// Which document a revision belongs to.
enum store_kind { STORE_POLICY, STORE_NETWORK };

// A version of a tenant's document. Never changes.
struct store_revision {
	uint32_t id; // given by the store, ascending
	enum store_kind kind;
	const char *tenant, *author;
	int64_t time;    // seconds since 1970, as everywhere here
	uint32_t parent; // 0: the first of its kind and tenant
	unsigned char digest[STORE_DIGEST];
	const void *document;
	size_t len;
};

struct store_plan {
	unsigned char hash[STORE_DIGEST];
	const char *tenant;
	uint32_t revision; // of the policy; 0: withdraws everything
	int64_t time;
	const void *content;
	size_t len;
};

enum store_job_kind { STORE_APPLY, STORE_ROLLBACK, STORE_WITHDRAW, STORE_JOB_KINDS };
enum store_job_state {
	STORE_QUEUED,
	STORE_RUNNING,    // nothing is decided: after a crash it is undone
	STORE_CONFIRMING, // decided: after a crash it is completed
	STORE_DONE,
	STORE_FAILED,
	STORE_JOB_STATES
};

struct store_job {
	uint32_t id; // given by the store, ascending
	enum store_job_kind kind;
	enum store_job_state state;
	const char *tenant, *author;
	int64_t created, finished; // finished: 0 while it is not
	unsigned char plan[STORE_DIGEST];
	uint32_t revision;
	uint32_t confirm_timeout; // seconds
	bool allow_away;
	const char *persist; // persist-id of its confirmed commits
	const char *progress, *result;
	const void *errors; // encoded by the engine
	size_t errors_len;
};

// A request that a job came from: the same key twice is the same request.
struct store_key {
	const char *key; // NULL: none
	unsigned char request[STORE_DIGEST];
};

struct store_step {
	const char *nsf;
	int step; // the engine's
};
struct store_steps {
	VEC(struct store_step) list;
};

// What an NSF was told to enforce.
struct store_deployed {
	const char *nsf, *tenant;
	uint32_t revision; // 0: nothing of ours
	uint32_t job;
	bool pending; // it has not said yet that it does
	unsigned char digest[STORE_DIGEST];
	const void *ruleset; // encoded IR
	size_t ruleset_len;
	const void *text; // as it is sent
	size_t text_len;
	int64_t time;
};
struct store_deployeds {
	VEC(struct store_deployed) list;
};

// The instant from which a job is carried through. All of it or nothing.
struct store_decision {
	uint32_t job, revision;
	const char *tenant;
	unsigned char plan[STORE_DIGEST];
	int64_t time;
	const struct store_deployed *deployed;
	size_t len;
};

// What a tenant's NSFs were told last.
struct store_tenant {
	const char *tenant;
	uint32_t revision; // 0: nothing
	uint32_t job;
	unsigned char plan[STORE_DIGEST];
	int64_t time;
};

struct store_event {
	uint64_t id; // given by the store, ascending
	int64_t time;
	const char *who, *tenant, *action, *nsf, *detail; // nsf and detail may be NULL
	int outcome;                                      // 0 success, 1 failure, 2 unknown
};

struct store_token {
	const char *id, *nsf, *tenant;
	unsigned char hash[STORE_DIGEST];
	int64_t expires;
	bool used;
};

// What is known of an NSF beside its configuration.
struct store_nsf {
	const char *name, *tenant;
	int64_t last_seen; // 0: never
	const char *software;
	const char *capabilities; // XML, as it sent them; NULL: not known
};
struct store_nsfs {
	VEC(struct store_nsf) list;
};

enum store_pinhole_state { STORE_OPENING, STORE_OPEN, STORE_CLOSED };
struct store_pinhole {
	const char *id, *tenant, *author;
	const char *flow; // as the engine encodes it
	const char *nsfs; // names, one a line
	enum store_pinhole_state state;
	const char *reason;
	int64_t opened, expires;
};

// Rows go to a function one by one; strings and bytes live as long as the call. It must not use the
// store.
typedef void (*store_revision_fn)(const struct store_revision *revision, void *context);
typedef void (*store_job_fn)(const struct store_job *job, void *context);
typedef void (*store_event_fn)(const struct store_event *event, void *context);
typedef void (*store_pinhole_fn)(const struct store_pinhole *pinhole, void *context);

// Which rows, newest first.
struct store_query {
	const char *tenant; // NULL: all
	unsigned most;      // rows; 0: all
};

struct store;

// Each is required. `*_out` values that are structs have their strings and bytes in the arena.
struct store_ops {
	void (*close)(struct store *store);

	// Adds a revision when `parent` is the latest of its kind and tenant, else STORE_CONFLICT.
	int (*revision_add)(struct store *store, const struct store_revision *revision,
			    uint32_t *id_out);
	// STORE_ABSENT: no such number; of that tenant or not is the caller's question.
	int (*revision_get)(struct store *store, uint32_t id, struct arena *arena,
			    struct store_revision *out);
	// Only id, digest and time (the document is not read). STORE_ABSENT: there is none.
	int (*revision_latest)(struct store *store, enum store_kind kind, const char *tenant,
			       struct store_revision *out);
	// Without documents.
	int (*revision_each)(struct store *store, const struct store_query *query,
			     store_revision_fn fn, void *context);
	// Tenants that have a policy.
	int (*tenants)(struct store *store, struct arena *arena, const char ***out,
		       size_t *len_out);

	// The same hash again changes nothing but its time. Plans that are old and not deployed are
	// forgotten beyond 256 a tenant.
	int (*plan_put)(struct store *store, const struct store_plan *plan);
	int (*plan_get)(struct store *store, const unsigned char hash[static STORE_DIGEST],
			struct arena *arena, struct store_plan *out);

	// A queued job. STORE_SAME: `key` was used with this request, *id_out is that job.
	// STORE_CONFLICT: it was used with another.
	int (*job_add)(struct store *store, const struct store_job *job,
		       const struct store_key *key, uint32_t *id_out);
	// The job that a request of this tenant came to: as job_add, STORE_ABSENT when it is new.
	int (*job_key)(struct store *store, const char *tenant, const struct store_key *key,
		       uint32_t *id_out);
	int (*job_get)(struct store *store, uint32_t id, struct arena *arena,
		       struct store_job *out);
	int (*job_each)(struct store *store, const struct store_query *query, store_job_fn fn,
			void *context);
	// Takes state, finished, progress, result and errors from `job`. Not for the step to
	// STORE_CONFIRMING, which is `decide`.
	int (*job_update)(struct store *store, const struct store_job *job);
	int (*step_set)(struct store *store, uint32_t job, const struct store_step *step);
	int (*steps)(struct store *store, uint32_t job, struct arena *arena,
		     struct store_steps *out);
	// Job to STORE_CONFIRMING, every `deployed` and the tenant's state, in one transaction.
	// STORE_CONFLICT when the job is not STORE_RUNNING.
	int (*decide)(struct store *store, const struct store_decision *decision);

	int (*deployed_get)(struct store *store, const char *nsf, struct arena *arena,
			    struct store_deployed *out);
	// Of all tenants (NULL) or one; without ruleset and text.
	int (*deployed_all)(struct store *store, const char *tenant, struct arena *arena,
			    struct store_deployeds *out);
	// Clears `pending` if what is deployed is still of this digest; else STORE_CONFLICT.
	int (*deployed_settle)(struct store *store, const char *nsf,
			       const unsigned char digest[static STORE_DIGEST]);
	int (*deployed_forget)(struct store *store, const char *nsf);
	int (*tenant_get)(struct store *store, const char *tenant, struct store_tenant *out);

	// Events beyond the newest 100000 are forgotten.
	int (*event_add)(struct store *store, const struct store_event *event);
	int (*event_each)(struct store *store, const struct store_query *query, store_event_fn fn,
			  void *context);

	int (*token_add)(struct store *store, const struct store_token *token);
	int (*token_get)(struct store *store, const char *id, struct arena *arena,
			 struct store_token *out);
	// STORE_CONFLICT: it was used before.
	int (*token_use)(struct store *store, const char *id);

	int (*nsf_put)(struct store *store, const struct store_nsf *nsf);
	int (*nsf_get)(struct store *store, const char *name, struct arena *arena,
		       struct store_nsf *out);
	int (*nsf_all)(struct store *store, struct arena *arena, struct store_nsfs *out);
	int (*nsf_forget)(struct store *store, const char *name);

	int (*pinhole_put)(struct store *store, const struct store_pinhole *pinhole);
	int (*pinhole_get)(struct store *store, const char *id, struct arena *arena,
			   struct store_pinhole *out);
	int (*pinhole_each)(struct store *store, const struct store_query *query,
			    store_pinhole_fn fn, void *context);
};

struct store {
	const struct store_ops *ops;
};

// store_do(s, job_get, id, arena, &job): an operation of whatever store it is.
#define store_do(store, op, ...) ((store)->ops->op((store), __VA_ARGS__))

// SQLite in a file, made when it is absent; the directory must exist. One process at a time. NULL
// and diags when it is damaged, of a later version, not ours or in use. ":memory:" is for tests.
struct store *store_sqlite_open(const char *path, struct diags *diags) must_check;
void store_close(struct store *store); // NULL is fine
