// SPDX-License-Identifier: Apache-2.0
// What is enforced: proofs, states of NSFs and rules, and what would happen to a packet.
#pragma once

#include "engine/engine.h"

enum engine_verdict { ENGINE_IS_PROVEN, ENGINE_IS_DIFFERENT, ENGINE_IS_UNREACHABLE };
struct engine_difference {
	const char *policy, *rule, *reason; // names may be NULL
};
struct engine_proof {
	const char *nsf;
	enum engine_verdict verdict;
	uint32_t rules; // intended
	VEC(struct engine_difference) difference;
	VEC(const char *)
	foreign; // what others have put beside the policy, in words; no difference
};
struct engine_proofs {
	VEC(struct engine_proof) list;
};
// Reads back from the kernels and compares. `nsf` NULL: all of the tenant.
bool engine_verify(struct engine *engine, const struct engine_caller *caller, const char *nsf,
		   struct diags *diags, struct engine_proofs *out) must_check;

// A rule in words; the name of a default action, NULL when there is none.
void engine_rule_print(const struct ir_rule *rule, struct buf *out);
const char *engine_default_name(const struct ir_ruleset *ruleset) must_check;

struct engine_rule_state {
	const struct ir_rule *rule;
	bool pushed, compared, equal; // equal counts only when it was compared
	uint64_t packets, bytes;
};
struct engine_nsf_state {
	const char *name, *tenant;
	enum engine_connection connection;
	const char *reason, *software, *capabilities; // NULL when not known
	int64_t last_seen, proven_at;                 // 0: never
	uint32_t revision;                            // 0: nothing of ours
	bool calls_home;                              // it opens the connection
	bool managed;                                 // it was told something
	bool has_enforced, proven, pending;
	unsigned char intended[STORE_DIGEST], enforced[STORE_DIGEST];
	const struct store_evidence *evidence; // that came last; NULL: none
	uint32_t rules;                        // intended
	VEC(struct engine_rule_state) rule;
};
struct engine_nsf_states {
	VEC(struct engine_nsf_state) list;
};
struct engine_state_query {
	const char *tenant, *nsf; // NULL: all
	bool rules;               // with rules and fresh counters: asks the NSFs
};
bool engine_nsf_states(struct engine *engine, const struct engine_state_query *query,
		       struct arena *arena, struct diags *diags,
		       struct engine_nsf_states *out) must_check;
// What the tenant's NSFs were told last; false: never anything.
bool engine_deployed(struct engine *engine, const char *tenant,
		     struct store_tenant *out) must_check;
// Rows of the store, as there. 0 or a negative errno.
int engine_each_revision(struct engine *engine, const struct store_query *query,
			 store_revision_fn fn, void *context) must_check;
int engine_each_job(struct engine *engine, const struct store_query *query, store_job_fn fn,
		    void *context) must_check;
int engine_job_steps(struct engine *engine, uint32_t job, struct arena *arena,
		     struct store_steps *out) must_check;
int engine_each_event(struct engine *engine, const struct store_query *query, store_event_fn fn,
		      void *context) must_check;
// Those behind this id, oldest first.
int engine_events_after(struct engine *engine, uint64_t id, const struct store_query *query,
			store_event_fn fn, void *context) must_check;
// Waits until an event was recorded or somebody has woken it since it returned `seen` (0 at first), at most so long. For
// one waiter.
uint64_t engine_events_wait(struct engine *engine, uint64_t seen, unsigned ms) must_check;
void engine_events_wake(struct engine *engine);
int engine_each_pinhole(struct engine *engine, const struct store_query *query, store_pinhole_fn fn,
			void *context) must_check;
// Records of proofs.
int engine_each_evidence(struct engine *engine, const struct store_evidence_query *query,
			 store_evidence_fn fn, void *context) must_check;
// The deployment of the tenant that is going on; 0: none.
uint32_t engine_running_job(struct engine *engine, const char *tenant) must_check;

struct engine_answer {
	const char *nsf;
	const char *verdict;
	const struct ir_rule *rule, *depends; // NULL: none
};
struct engine_answers {
	VEC(struct engine_answer) list;
};
struct engine_query {
	const char *packet;
	bool deployed; // ask what is deployed, else the latest revision
};
bool engine_query(struct engine *engine, const struct engine_caller *caller,
		  const struct engine_query *query, struct diags *diags,
		  struct engine_answers *out) must_check;
