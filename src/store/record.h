// SPDX-License-Identifier: Apache-2.0
// What is stored, record by record. Every record carries its tenant. Times are seconds since 1970.
#pragma once

#include "base/arena.h"

#define STORE_DIGEST 32u // bytes of a SHA-256 digest

// Which document a revision belongs to.
enum store_kind { STORE_POLICY, STORE_NETWORK, STORE_ACCESS, STORE_KINDS };

// A version of a tenant's document. Never changes.
struct store_revision {
	uint32_t id; // given by the store, ascending
	enum store_kind kind;
	const char *tenant, *author;
	int64_t time;    // seconds since 1970
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

// Which jobs are forgotten of those that have ended: the ones that ended before `old`, and in each tenant all but the newest
// `most`; but none that ended at `recent` or later, and none by which an NSF or a tenant was told what is in force.
struct store_trim {
	int64_t old, recent; // seconds since 1970
	uint32_t most;
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

// A record of a proof, as an NSF has signed it, and what was found out about it when it came.
struct store_evidence {
	uint64_t id; // given by the store, ascending
	const char *nsf, *tenant, *chain;
	uint64_t serial;        // in the chain
	int64_t time, received; // as it says; when it came
	const char *commit;     // to the store only: persist-id that names the job; may be NULL
	uint32_t
		job; // from the store: of that commit, or of the same intended digest; 0: not known
	const char *trigger, *result;
	uint32_t differences;
	const char *intended;           // digest; NULL: nothing
	const char *fault;              // why it is not to be believed; NULL: it is
	const char *record, *signature; // as they came
	const char *certificate;        // NULL: there was none
};
// Which, oldest first, or newest first.
struct store_evidence_query {
	const char *tenant, *nsf; // NULL: all
	int64_t from, until;      // by the time that they say; until 0: no end
	uint64_t after;           // only larger ids
	unsigned most;            // rows; 0: all
	bool newest;
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
typedef void (*store_evidence_fn)(const struct store_evidence *evidence, void *context);
typedef void (*store_pinhole_fn)(const struct store_pinhole *pinhole, void *context);

// Which rows, newest first.
struct store_query {
	const char *tenant; // NULL: all
	unsigned most;      // rows; 0: all
};
