// SPDX-License-Identifier: Apache-2.0
// The engine: documents become revisions, revisions plans, plans deployments, and what the NSFs
// enforce is compared with what is intended. It knows no protocol: NSFs are reached through struct
// engine_nsf_ops, whoever asks calls these functions. Thread-safe unless said otherwise.
//
// Functions that return bool add diags with a hint when they return false. Results live in the
// arena that is given, which is also that of the diags.
#pragma once

#include "engine/nsf.h"
#include "plan/plan.h"
#include "base/diag.h"
#include "store/store.h"

struct buf;
struct pki;
struct schema_tree;
struct engine;

enum engine_event_kind {
#define X(id, action, level, meaning) id,
#include "engine/events.def"
#undef X
	ENGINE_EVENTS
};
struct engine_event_info {
	const char *action, *meaning;
	int level;
};
extern const struct engine_event_info engine_event_info[ENGINE_EVENTS];

// Who asks.
struct engine_caller {
	const char *who;    // the name in the certificate
	const char *tenant; // whose policy it is about
	bool is_operator;   // may do what concerns all tenants
};
#define ENGINE_TENANT_DEFAULT "default"
#define ENGINE_TENANT_OPERATOR "operator" // whose the network document is
#define ENGINE_SELF "bulwarkd"            // who the engine itself is in the audit trail

struct engine_options {
	struct store *store;              // borrowed
	struct pki *pki;                  // borrowed, used by the engine alone; NULL: no enrolment
	const struct engine_nsf_ops *nsf; // borrowed
	void *nsf_context;
	unsigned workers; // threads that talk to NSFs; 0: 16
	// Jobs that have ended beyond so many a tenant, or so many days ago, are forgotten; 0: no such bound.
	unsigned jobs_most, jobs_days;
	unsigned pause_ms; // waits so long before every decision: for rehearsing crashes
	// Optional: for the log. Any thread; must not call the engine.
	void (*log)(void *context, enum engine_event_kind kind, const struct store_event *event);
	// Optional: the authority's list has changed: read it again, and end sessions with who has this
	// name.
	void (*trust_changed)(void *context, const char *revoked);
	void *context;
};

// Recovers what a crash left, starts the threads and tells the NSF side whom to keep in touch with.
// NULL and diags on failure.
struct engine *engine_new(const struct engine_options *options, struct diags *diags) must_check;
// Waits for what the threads are at; a deployment before its decision is taken back. NSFs are asked
// until then and never after; what they tell is ignored from then on. Nobody else may call any more.
void engine_stop(struct engine *engine);
void engine_free(struct engine *engine); // stops if need be; NULL is fine
// Records an event; `about->time` 0 is now, `who` NULL the engine itself.
void engine_record(struct engine *engine, enum engine_event_kind kind,
		   const struct store_event *about);

// --- documents ---

// The document in force; len 0 and id 0 when there is none.
bool engine_document(struct engine *engine, enum store_kind kind, const char *tenant,
		     struct arena *arena, struct diags *diags,
		     struct store_revision *out) must_check;
// Its number and the time when it was accepted alone; 0: there is none.
struct store_revision engine_document_latest(struct engine *engine, enum store_kind kind,
					     const char *tenant) must_check;
uint32_t engine_document_id(struct engine *engine, enum store_kind kind,
			    const char *tenant) must_check;
struct engine_put {
	enum store_kind kind; // but STORE_POLICY only for operators
	uint32_t base; // the revision that it was made from; another one in force: DIAG_STALE
	const char *xml;
	size_t len;
	// The same as a validated tree, of a schema that nobody else uses meanwhile; NULL: the text is read.
	const struct schema_tree *tree;
};
// A new revision, if it is valid and can be translated. The same content as before: no new one.
bool engine_document_put(struct engine *engine, const struct engine_caller *caller,
			 const struct engine_put *put, struct diags *diags,
			 uint32_t *revision_out) must_check;

// --- plans and deployments ---

struct engine_plan_nsf {
	enum engine_connection connection;
	const struct plan_nsf *change;
};
struct engine_plan {
	unsigned char hash[STORE_DIGEST];
	uint32_t revision; // 0: takes everything off
	VEC(struct engine_plan_nsf) nsf;
	struct diags refusals; // errors: what cannot be enforced; warnings beside them
};
// Computes and stores the plan of a revision (0: the latest). True also with refusals.
bool engine_plan(struct engine *engine, const struct engine_caller *caller, uint32_t revision,
		 struct diags *diags, struct engine_plan *out) must_check;

#define ENGINE_QUEUE_MOST 64u
#define ENGINE_KEY_HOURS 24u // so long, at least, an idempotency key holds after its job has ended
struct engine_deploy {
	unsigned confirm_timeout; // seconds
	const char *key;          // idempotency; NULL: none
	bool allow_away;
};
// Puts it into the queue. Refused at once when it is known that it cannot be done.
bool engine_apply(struct engine *engine, const struct engine_caller *caller,
		  const unsigned char hash[static STORE_DIGEST], const struct engine_deploy *how,
		  struct diags *diags, uint32_t *job_out) must_check;
struct engine_rollback {
	uint32_t revision, job; // the new revision
	unsigned char hash[STORE_DIGEST];
};
bool engine_rollback(struct engine *engine, const struct engine_caller *caller, uint32_t revision,
		     const struct engine_deploy *how, struct diags *diags,
		     struct engine_rollback *out) must_check;
bool engine_withdraw(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_deploy *how, struct diags *diags,
		     uint32_t *job_out) must_check;

// Forgets jobs, with their keys, as the options say; to be called now and then.
void engine_forget_jobs(struct engine *engine);

// How far an NSF is in a job; the names are those of the model.
enum engine_step {
#define X(id, name) id,
#include "engine/steps.def"
#undef X
	ENGINE_STEPS
};
extern const char *const engine_step_name[ENGINE_STEPS];

// The diags of a job, from store_job.errors.
bool engine_diags_decode(const void *data, size_t len, struct diags *out) must_check;

// --- pinholes ---

struct engine_names {
	VEC(const char *) list;
};
// `flow->id` is not used. On all NSFs of the path or on none.
bool engine_pinhole_open(struct engine *engine, const struct engine_caller *caller,
			 const struct engine_flow *flow, struct diags *diags, const char **id_out,
			 struct engine_names *nsfs_out) must_check;
bool engine_pinhole_close(struct engine *engine, const struct engine_caller *caller, const char *id,
			  struct diags *diags) must_check;
// The flow of a store_pinhole.
bool engine_flow_decode(const char *text, struct arena *arena, struct engine_flow *out) must_check;

// --- certificates ---

#define ENGINE_TOKEN_TEXT 192u
bool engine_token(struct engine *engine, const struct engine_caller *caller, const char *nsf,
		  unsigned lifetime, struct diags *diags, char text_out[static ENGINE_TOKEN_TEXT],
		  int64_t *expires_out) must_check;
// Requests for certificates, PEM. `evidence`: for the key that an NSF signs evidence with; NULL: none.
struct engine_keys {
	const char *csr, *evidence;
};
// What they become; appended. `evidence` stays empty where none was asked for, or the key is not the one of before.
struct engine_certificates {
	struct buf *certificate, *evidence, *ca;
};
struct engine_enrol {
	struct engine_keys keys;
	const char *token, *name, *address, *site; // site may be NULL
	uint16_t port;
	const char *const *guards;
	size_t guards_len;
};
bool engine_enrol(struct engine *engine, const struct engine_enrol *enrol, struct diags *diags,
		  const struct engine_certificates *out) must_check;
struct engine_renew {
	const char *certificate; // of the caller, PEM
	struct engine_keys keys;
};
bool engine_renew(struct engine *engine, const struct engine_caller *caller,
		  const struct engine_renew *renew, struct diags *diags,
		  const struct engine_certificates *out) must_check;
bool engine_revoke(struct engine *engine, const struct engine_caller *caller, const char *name,
		   struct diags *diags, uint32_t *revoked_out) must_check;
bool engine_ca(struct engine *engine, struct diags *diags, struct buf *out) must_check;
// The authority's pki_issue_files, beside everything else that uses it.
struct pki_subject;
bool engine_issue_files(struct engine *engine, const struct pki_subject *subject, const char *dir,
			struct diags *diags) must_check;
// Has the revocation list signed anew when it is due, and tells everybody; to be called now and then.
void engine_trust_check(struct engine *engine);

#include "engine/enforced.h"
