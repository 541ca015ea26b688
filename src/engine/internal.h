// SPDX-License-Identifier: Apache-2.0
// Inside the engine: its parts and what they share.
#pragma once

#include "cap/cap.h"
#include "engine/engine.h"
#include "ir/ir.h"
#include "place/place.h"

#include <pthread.h>

struct schema;
struct schema_tree;
struct pool;

// --- threads that talk to NSFs (pool.c) ---

typedef void (*pool_fn)(void *context, size_t index);
struct pool *pool_new(unsigned threads);
void pool_free(struct pool *pool); // waits for what runs
// Runs fn(context, 0) .. fn(context, n - 1), several at once, and returns when all have ended.
void pool_each(struct pool *pool, size_t n, pool_fn fn, void *context);
// Runs fn(context, 0) some time.
void pool_run(struct pool *pool, pool_fn fn, void *context);

// --- NSFs (registry.c) ---

// One NSF that was ever configured while this process runs; never freed before the engine.
struct member {
	char *name;
	// Under engine.mutex:
	bool configured;
	enum engine_connection connection;
	char *reason, *software, *capabilities;
	int64_t last_seen, proven_at;
	bool proven, has_enforced;
	unsigned char enforced[ENGINE_DIGEST];
	struct cap cap;
	bool has_cap;
	bool has_evidence;          // that was not fetched yet
	bool collecting;            // somebody fetches it
	bool busy;                  // somebody changes or repairs it
	unsigned sessions, greeted; // how often it connected; the one in which it was greeted
	int64_t check_ms;           // monotonic time of the next comparison
	unsigned failures;
	struct arena report_arena; // of `report`
	struct engine_report report;
	int64_t report_at; // monotonic milliseconds; 0: there is none
};

// What the network document says of one NSF.
struct network_nsf {
	const char *name, *tenant;
	const char *address; // NULL only when it calls home
	const char *site;    // NULL: none
	uint16_t port;
	bool enabled, calls_home;
	const char *ssh_user;         // NULL: over TLS
	const char *const *host_keys; // over SSH; ends with NULL
	enum ir_verdict default_action;
	struct algebra_set guarded4, guarded6;
	struct member *member;
};
struct network {
	struct arena arena;
	uint32_t revision;
	VEC(struct network_nsf) nsf; // by name
};
// Reads a validated tree; false and diags when it contradicts itself.
bool network_read(const struct schema_tree *tree, struct diags *diags,
		  struct network *out) must_check;

// A copy of what is known of a tenant's NSFs (NULL: all) at one instant, in the arena, but for how they are reached.
struct view_nsf {
	struct network_nsf net;
	struct member *member;
	enum engine_connection connection;
	bool has_cap; // else `cap` is empty
	struct cap cap;
	unsigned char cap_digest[ENGINE_DIGEST];
};
struct view {
	uint32_t network; // revision
	VEC(struct view_nsf) nsf;
};
void registry_view(struct engine *engine, const char *tenant, struct arena *arena,
		   struct view *out);
// Puts a new network in force (takes it) and tells the NSF side.
void registry_use(struct engine *engine, struct network *network);
// NULL when it was never configured.
struct member *registry_find(struct engine *engine, const char *name);
// Waits until nobody else changes the NSF; then it is the caller's until registry_release.
void registry_acquire(struct engine *engine, struct member *member);
bool registry_try_acquire(struct engine *engine, struct member *member);
void registry_release(struct engine *engine, struct member *member);
// Whose policy it enforces; in the arena.
const char *registry_tenant(struct engine *engine, struct member *member, struct arena *arena);
// Has it compared with what is intended in so many milliseconds, or earlier if that was due.
void registry_want(struct engine *engine, struct member *member, int64_t in_ms);
bool registry_is_connected(struct engine *engine, struct member *member);
// Keeps a copy of a report and of what it proves.
void registry_report(struct engine *engine, struct member *member,
		     const struct engine_report *report, bool proven);
void registry_free(struct engine *engine);

// --- the engine ---

struct job_entry {
	uint32_t id;
	struct job_entry *next;
};

struct notice_entry; // watch.c

struct engine {
	struct engine_options opt;
	struct store *store;
	struct pool *pool;

	pthread_mutex_t mutex; // what stands below up to `documents`
	pthread_cond_t changed;
	struct network *network;
	struct member **member;
	size_t members;
	struct job_entry *queue;
	unsigned queued;
	uint32_t running; // job; 0: none
	const char *running_tenant;
	struct notice_entry *notice_first, *notice_last;
	size_t notices;
	unsigned questions; // being worked on
	bool stop;

	pthread_mutex_t documents; // the schema and writing of documents
	struct schema *schema;

	pthread_mutex_t pki;                // the authority and:
	unsigned char trust[ENGINE_DIGEST]; // of the revocation list that was spread last
	struct {
		pthread_mutex_t mutex;
		pthread_cond_t grown;
		uint64_t count; // events that were recorded by this process
	} trail;
	pthread_t deployer, watcher;
	bool has_deployer, has_watcher;
};

int64_t engine_clock_ms(void) must_check; // monotonic
// An error that the store has failed with; always false.
bool engine_store_failed(int rc, struct diags *diags);

// --- documents (documents.c) ---

bool documents_open(struct engine *engine, struct diags *diags) must_check;
// Takes the stored network over.
bool documents_network(struct engine *engine, struct diags *diags) must_check;
// The policy of a revision, in order, in the arena.
struct policy {
	uint32_t revision;
	struct ir_ruleset ruleset;
};
bool documents_policy(struct engine *engine, const char *tenant, uint32_t revision,
		      struct arena *arena, struct diags *diags, struct policy *out) must_check;
// The policy of a document that is not stored: XML or JSON.
bool documents_candidate(struct engine *engine, const char *text, size_t len, struct diags *diags,
			 struct ir_ruleset *out) must_check;
// What an NSF says that it can do.
bool documents_capabilities(struct engine *engine, const char *xml, struct arena *arena,
			    struct diags *diags, struct cap *out) must_check;

#include "engine/planning.h"

// --- deployments (submit.c, apply.c, phases.c) ---

// Whether the plan may be applied now, as far as can be known without asking the NSFs.
bool submit_possible(struct engine *engine, const struct plan_content *plan, bool allow_away,
		     struct diags *diags) must_check;

void *apply_thread(void *engine);
// After a restart, before any thread runs.
bool apply_recover(struct engine *engine, struct diags *diags) must_check;

// One NSF in a deployment.
struct target {
	struct member *member;
	const struct plan_target *plan;
	enum engine_step step;
	bool away, changed, held; // held: acquired
	uint32_t session;
	struct arena arena;
	struct diags diags;
};
struct deployment {
	struct engine *engine;
	struct arena *arena;
	struct diags *diags;
	struct store_job job;
	struct plan_content plan;
	struct target *target;
	size_t targets;
	unsigned timeout_ms;  // of one request
	int64_t committed_ms; // when the first NSF was asked to commit
};
void phase_survey(struct deployment *d);
bool phase_prepare(struct deployment *d) must_check;
bool phase_commit(struct deployment *d) must_check;
void phase_confirm(struct deployment *d);
void phase_abort(struct deployment *d);
// Records how far each NSF is.
void phase_record(struct deployment *d);

// --- proof (prove.c) ---

// Compares what is intended (empty: nothing) with a report, at the time `now`.
void prove(const struct ir_ruleset *intended, bool nothing, const struct engine_report *report,
	   int64_t now, struct arena *arena, struct engine_proof *out);
// Asks, compares and keeps the outcome. False and diags when it does not answer.
struct prove_request {
	struct member *member;
	struct engine_report *report_out; // in the arena of the diags; may be NULL
	const void *ruleset;
	size_t ruleset_len;
	bool read_back;
	unsigned timeout_ms;
};
bool prove_nsf(struct engine *engine, const struct prove_request *request, struct diags *diags,
	       struct engine_proof *out) must_check;

// --- keeping up (watch.c, reconcile.c) ---

void *watch_thread(void *engine);
void watch_free(struct engine *engine);
// Asks an NSF that has come what it can do and tells it whom not to trust; then compares what it
// enforces with what it should, and puts it right. The caller has acquired it. False and diags: it
// has to be tried again.
bool reconcile(struct engine *engine, struct member *member, struct diags *diags) must_check;

// --- evidence (evidence.c) ---
// Fetches and keeps the records of proofs that are new. One at a time for an NSF.
void evidence_collect(struct engine *engine, struct member *member);

// --- pinholes (pinhole.c) ---
void pinhole_closed(struct engine *engine, const char *nsf, const char *id, const char *reason);
// Closes what the NSF does not have any more: it may have ended while nobody listened.
void pinhole_compare(struct engine *engine, const char *nsf, const struct engine_report *report,
		     struct arena *arena);

// The NSFs of the tenant that stand between two addresses of one family.
void query_path(const struct view *view, int family, u128 source, u128 destination,
		struct arena *arena, struct engine_names *out);
