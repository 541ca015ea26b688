// SPDX-License-Identifier: Apache-2.0
// Questions to the analysis engine about policies that the controller knows.
//
// The idea: whoever's rules are asked about, they become one ruleset here; from there on it is verify's work. A question
// is bounded in time and there are only so many at once, so that asking never keeps the controller from deploying.
#include "engine/questions.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "engine/asking.h"

#include <string.h>
#include <time.h>

#define THREADS 2u
#define MEMORY ((size_t)512 << 20)

// --- whose rules ---

// What happens on every NSF of the tenant where no rule decides; none when they do not agree.
static enum ir_verdict common_default(struct engine *engine, const struct engine_caller *caller,
				      struct arena *arena)
{
	struct view view;
	registry_view(engine, caller->tenant, arena, &view);
	enum ir_verdict common = view.nsf.len ? view.nsf.at[0].net.default_action : IR_NONE;
	for (size_t i = 0; i < view.nsf.len; i++)
		if (view.nsf.at[i].net.default_action != common)
			return IR_NONE;
	return common;
}

static bool revision_rules(struct engine *engine, const struct engine_caller *caller,
			   uint32_t revision, struct diags *diags, struct ir_ruleset *out)
{
	struct policy policy;
	if (!documents_policy(engine, caller->tenant, revision, diags->arena, diags, &policy))
		return false;
	*out = policy.ruleset;
	return true;
}

static bool latest_rules(struct engine *engine, const struct engine_caller *caller,
			 struct diags *diags, struct ir_ruleset *out)
{
	uint32_t latest = engine_document_id(engine, STORE_POLICY, caller->tenant);
	if (latest)
		return revision_rules(engine, caller, latest, diags, out);
	diag_error(diags, DIAG_ABSENT, NULL, "put a policy first", "the tenant %s has no policy",
		   caller->tenant);
	return false;
}

// Nothing deployed: no rules.
static bool deployed_rules(struct engine *engine, const struct engine_caller *caller,
			   struct diags *diags, struct ir_ruleset *out)
{
	struct store_tenant deployed;
	*out = (struct ir_ruleset){0};
	return !engine_deployed(engine, caller->tenant, &deployed) || !deployed.revision ||
	       revision_rules(engine, caller, deployed.revision, diags, out);
}

bool asking_policy(struct engine *engine, const struct engine_caller *caller,
		   const struct engine_subject *of, struct diags *diags, struct ir_ruleset *out)
{
	bool good = of->whose == ENGINE_DEPLOYED ? deployed_rules(engine, caller, diags, out)
		    : of->whose == ENGINE_CANDIDATE
			    ? documents_candidate(engine, of->document, of->len, diags, out)
		    : of->revision ? revision_rules(engine, caller, of->revision, diags, out)
				   : latest_rules(engine, caller, diags, out);
	if (good && out->default_action == IR_NONE)
		out->default_action = common_default(engine, caller, diags->arena);
	return good;
}

bool asking_deployed(struct engine *engine, const char *nsf, struct diags *diags,
		     struct ir_ruleset *out)
{
	struct store_deployed d;
	int rc = store_do(engine->store, deployed_get, nsf, diags->arena, &d);
	*out = (struct ir_ruleset){
		.default_action = IR_PASS}; // nothing of ours is there: it lets everything through
	if (rc < 0)
		return engine_store_failed(rc, diags);
	return rc || !d.ruleset_len || planning_intended(d.ruleset, d.ruleset_len, nsf, diags, out);
}

static bool rules_of(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_subject *of, struct diags *diags, struct ir_ruleset *out)
{
	struct ir_ruleset whole;
	if (!of->nsf)
		return asking_policy(engine, caller, of, diags, out);
	if (of->whose == ENGINE_DEPLOYED)
		return planning_is_nsf(engine, caller, of->nsf, diags) &&
		       asking_deployed(engine, of->nsf, diags, out);
	return asking_policy(engine, caller, of, diags, &whole) &&
	       planning_on_nsf(engine, caller, &whole, of->nsf, diags, out);
}

// --- bounds ---

static bool enter(struct engine *engine, struct diags *diags)
{
	pthread_mutex_lock(&engine->mutex);
	bool free = engine->questions < ENGINE_QUESTIONS_MOST;
	engine->questions += free;
	pthread_mutex_unlock(&engine->mutex);
	if (!free)
		diag_error(diags, DIAG_IN_USE, NULL,
			   "ask again in a while, or offline with the command line",
			   "%u questions are being worked on", ENGINE_QUESTIONS_MOST);
	return free;
}

bool asking_begin(struct engine *engine, const struct engine_question *question,
		  struct diags *diags, struct asking *out)
{
	unsigned seconds = question->seconds ? question->seconds : ENGINE_QUESTION_SECONDS;
	*out = (struct asking){.engine = engine, .options = verify_options_default(time(NULL))};
	out->options.threads = THREADS;
	out->options.memory = MEMORY;
	out->options.control = question->control ? question->control : &out->own;
	if (question->where) {
		if (!ir_clause_parse(question->where, "where", diags->arena, diags, &out->where,
				     NULL))
			return false;
		out->options.where = &out->where;
	}
	if (!enter(engine, diags))
		return false;
	out->deadline = deadline_new(&out->options.control->stop,
				     1000ull * (seconds < ENGINE_QUESTION_SECONDS_MOST
							? seconds
							: ENGINE_QUESTION_SECONDS_MOST));
	return true;
}

void asking_end(struct asking *asking)
{
	deadline_free(asking->deadline);
	pthread_mutex_lock(&asking->engine->mutex);
	asking->engine->questions--;
	pthread_mutex_unlock(&asking->engine->mutex);
}

// --- the questions ---

struct collecting {
	struct arena *arena;
	struct engine_findings *out;
};

// The finding's packet ends with the call.
static void collect(void *user, const struct verify_finding *finding)
{
	struct collecting *c = user;
	struct engine_finding kept = {.is = *finding};
	struct buf packet;
	buf_init(&packet);
	if (finding->packet) {
		ir_packet_print(finding->packet, &packet);
		kept.packet = arena_strdup(c->arena, packet.data);
		kept.is.packet = NULL;
	}
	buf_fini(&packet);
	vec_push(c->arena, &c->out->list, kept);
}

bool engine_findings(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_question *question, struct diags *diags,
		     struct engine_findings *out)
{
	struct ir_ruleset *ruleset = arena_new(diags->arena, struct ir_ruleset);
	struct asking asking;
	struct collecting collecting = {diags->arena, out};
	*out = (struct engine_findings){.ruleset = ruleset};
	if (!rules_of(engine, caller, &question->of, diags, ruleset) ||
	    !asking_begin(engine, question, diags, &asking))
		return false;
	verify_findings(ruleset, &asking.options, diags->arena, collect, &collecting,
			&out->summary);
	asking_end(&asking);
	return true;
}

bool engine_compare(struct engine *engine, const struct engine_caller *caller,
		    const struct engine_question *question, const struct engine_subject *with,
		    size_t most, struct diags *diags, struct verify_comparison *out)
{
	struct ir_ruleset *a = arena_new(diags->arena, struct ir_ruleset),
			  *b = arena_new(diags->arena, struct ir_ruleset);
	struct asking asking;
	if (!rules_of(engine, caller, &question->of, diags, a) ||
	    !rules_of(engine, caller, with, diags, b) ||
	    !asking_begin(engine, question, diags, &asking))
		return false;
	verify_compare(a, b, &asking.options, most, diags->arena, out);
	asking_end(&asking);
	return true;
}

static bool read_guarantees(const char *const *text, size_t n, bool always, struct diags *diags,
			    struct ir_ruleset *out)
{
	for (size_t i = 0; i < n; i++) {
		struct ir_clause clause;
		if (!ir_clause_parse(text[i], always ? "always" : "never", diags->arena, diags,
				     &clause, NULL))
			return false;
		vec_push(diags->arena, &out->rule,
			 verify_guarantee(text[i], &clause, always, diags->arena));
	}
	return true;
}

bool engine_assert(struct engine *engine, const struct engine_caller *caller,
		   const struct engine_question *question,
		   const struct engine_expectations *expected, struct diags *diags,
		   struct verify_assertion *out)
{
	struct ir_ruleset *ruleset = arena_new(diags->arena, struct ir_ruleset), guarantees = {0};
	struct asking asking;
	if (!read_guarantees(expected->always, expected->always_len, true, diags, &guarantees) ||
	    !read_guarantees(expected->never, expected->never_len, false, diags, &guarantees) ||
	    !rules_of(engine, caller, &question->of, diags, ruleset) ||
	    !asking_begin(engine, question, diags, &asking))
		return false;
	verify_assert(ruleset, guarantees.rule.at, guarantees.rule.len, &asking.options,
		      diags->arena, out);
	asking_end(&asking);
	return true;
}
