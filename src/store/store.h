// SPDX-License-Identifier: Apache-2.0
// What the controller must not forget: revisions, plans, jobs, what is deployed on which NSF, the
// audit trail, tokens, pinholes. One operation is one transaction: when it has returned 0 it
// survives a power cut, and before that nothing of it is there. Thread-safe.
//
// Results: 0; STORE_ABSENT, STORE_CONFLICT, STORE_SAME where an operation documents them; a
// negative errno when the database itself fails (disk full, I/O error).
#pragma once

#include "store/record.h"

struct diags;

enum store_result { STORE_ABSENT = 1, STORE_CONFLICT, STORE_SAME };

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
	// Forgets jobs that have ended, with their steps and keys.
	int (*job_trim)(struct store *store, const struct store_trim *trim);
	// All of them in one transaction.
	int (*steps_set)(struct store *store, uint32_t job, const struct store_step *steps,
			 size_t len);
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
	// Those behind this id, oldest first.
	int (*event_after)(struct store *store, uint64_t id, const struct store_query *query,
			   store_event_fn fn, void *context);

	// All of them in one transaction. The outcome of each: 0; STORE_SAME, it is there; STORE_CONFLICT, another one of
	// this number is. Beyond 10000 of an NSF the oldest go.
	int (*evidence_add)(struct store *store, const struct store_evidence *evidence, size_t len,
			    int *outcome_out);
	// The one that came last. STORE_ABSENT: none.
	int (*evidence_last)(struct store *store, const char *nsf, struct arena *arena,
			     struct store_evidence *out);
	int (*evidence_each)(struct store *store, const struct store_evidence_query *query,
			     store_evidence_fn fn, void *context);

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
