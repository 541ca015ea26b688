// SPDX-License-Identifier: Apache-2.0
// The state of the controller as data (module bulwark-controller).
//
// The idea: it is written by hand as XML, one writer a container, and read by the schema like any other
// document, so that what the model does not allow would be noticed at once.
#include "north/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EVENTS_SHOWN 1000u
#define ROWS_SHOWN 1000u
#define EVIDENCE_SHOWN 100u
#define CAPABILITY "urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability"

struct writing {
	struct exchange *x;
	struct workspace *w;
	const struct state_want *want;
	struct restconf_writer out;
};

static void begin(struct writing *s, const char *name, struct buf *out)
{
	struct restconf_top top = {NORTH_MODULE, NORTH_NAMESPACE, name,
				   "xmlns:cap=\"" CAPABILITY "\""};
	restconf_begin(&s->out, &top, SCHEMA_XML, out);
}

static void end(struct writing *s, const char *name)
{
	struct restconf_top top = {NORTH_MODULE, NORTH_NAMESPACE, name, NULL};
	restconf_end(&s->out, &top);
}

const char *tenant_seen(const struct exchange *x)
{
	return x->caller.is_operator ? NULL : x->caller.tenant;
}

// --- NSFs ---

// The same nodes as the NSF sent, in our module: `uses nsf-capabilities`.
static void write_capability_nodes(const struct schema_node *node, struct restconf_writer *out)
{
	schema_for_each_child (n, node) {
		const char *name = schema_name(n);
		if (strcmp(name, "nsf-name") == 0 || schema_is_default(n))
			continue;
		if (schema_value(n)) {
			char text[160];
			snprintf(text, sizeof(text), "cap:%s", schema_identity(n));
			restconf_text(out, name, text);
			continue;
		}
		restconf_open(out, name);
		write_capability_nodes(n, out);
		restconf_close(out, name);
	}
}

static void write_capabilities(struct writing *s, const char *xml)
{
	struct schema_tree *tree = schema_tree_new(s->w->schema);
	struct diags ignored; // it was read before it was stored
	diags_init(&ignored, &s->x->arena);
	struct schema_input input = {.data = xml, .len = strlen(xml), .format = SCHEMA_XML};
	const struct schema_node *nsf =
		schema_parse(tree, &input, &ignored) ? schema_first(tree) : NULL;
	if (nsf) {
		restconf_open(&s->out, "capabilities");
		write_capability_nodes(nsf, &s->out);
		restconf_close(&s->out, "capabilities");
	}
	schema_tree_free(tree);
}

static void write_rules(struct restconf_writer *out, const struct engine_nsf_state *n)
{
	struct buf words;
	buf_init(&words);
	restconf_list_open(out, "rule");
	for (size_t i = 0; i < n->rule.len; i++) {
		const struct engine_rule_state *r = &n->rule.at[i];
		buf_clear(&words);
		engine_rule_print(r->rule, &words);
		restconf_entry_open(out);
		restconf_number(out, "index", (uint32_t)i + 1);
		restconf_text(out, "policy", r->rule->policy);
		restconf_text(out, "rule", r->rule->name);
		restconf_text(out, "intended", words.data);
		restconf_flag(out, "pushed", r->pushed);
		if (r->compared)
			restconf_flag(out, "read-back-equal", r->equal);
		if (r->compared) {
			restconf_big(out, "packets", r->packets);
			restconf_big(out, "bytes", r->bytes);
		}
		restconf_entry_close(out);
	}
	restconf_list_close(out);
	buf_fini(&words);
}

static void write_nsf(struct writing *s, const struct engine_nsf_state *n)
{
	struct restconf_writer *out = &s->out;
	restconf_entry_open(out);
	restconf_text(out, "name", n->name);
	restconf_open(out, "state");
	restconf_text(out, "connection", engine_connection_name[n->connection]);
	restconf_text(out, "reason", n->reason);
	restconf_time(out, "last-seen", n->last_seen);
	restconf_text(out, "software", n->software);
	if (n->capabilities)
		write_capabilities(s, n->capabilities);
	if (n->revision)
		restconf_number(out, "intended-revision", n->revision);
	if (n->managed)
		restconf_hex(out, "intended-digest", n->intended, STORE_DIGEST);
	if (n->has_enforced)
		restconf_hex(out, "enforced-digest", n->enforced, STORE_DIGEST);
	if (n->managed) {
		restconf_flag(out, "proven", n->proven);
		restconf_time(out, "proven-at", n->proven_at);
		restconf_flag(out, "pending", n->pending);
	}
	evidence_write_last(out, n->evidence);
	write_rules(out, n);
	restconf_close(out, "state");
	restconf_entry_close(out);
}

static bool write_nsfs(struct writing *s, struct buf *out)
{
	struct engine_nsf_states states = {0};
	struct engine_state_query query = {.tenant = tenant_seen(s->x), .rules = s->want->rules};
	struct diags diags;
	diags_init(&diags, &s->x->arena);
	query.nsf = s->want->nsf;
	// An NSF that is not there is simply not in the data.
	if (!engine_nsf_states(s->x->engine, &query, &s->x->arena, &diags, &states))
		return true;
	begin(s, "nsfs", out);
	restconf_list_open(&s->out, "nsf");
	for (size_t i = 0; i < states.list.len; i++)
		write_nsf(s, &states.list.at[i]);
	restconf_list_close(&s->out);
	end(s, "nsfs");
	return true;
}

// --- rows of the store: newest first there, oldest first here ---

struct rows {
	struct arena *arena;
	VEC(struct store_revision) revision;
	VEC(struct store_job) job;
	VEC(struct store_event) event;
	VEC(struct store_pinhole) pinhole;
};

static void keep_revision(const struct store_revision *r, void *context)
{
	struct rows *rows = context;
	struct store_revision copy = *r;
	copy.tenant = arena_strdup(rows->arena, r->tenant);
	copy.author = arena_strdup(rows->arena, r->author);
	vec_push(rows->arena, &rows->revision, copy);
}

static void keep_job(const struct store_job *j, void *context)
{
	struct rows *rows = context;
	struct store_job copy = *j;
	copy.tenant = arena_strdup(rows->arena, j->tenant);
	copy.author = arena_strdup(rows->arena, j->author);
	copy.progress = arena_strdup(rows->arena, j->progress);
	copy.result = arena_strdup(rows->arena, j->result);
	copy.errors = j->errors_len ? arena_memdup(rows->arena, j->errors, j->errors_len) : NULL;
	vec_push(rows->arena, &rows->job, copy);
}

static void keep_event(const struct store_event *e, void *context)
{
	struct rows *rows = context;
	struct store_event copy = *e;
	copy.who = arena_strdup(rows->arena, e->who);
	copy.tenant = arena_strdup(rows->arena, e->tenant);
	copy.action = arena_strdup(rows->arena, e->action);
	copy.nsf = arena_strdup(rows->arena, e->nsf);
	copy.detail = arena_strdup(rows->arena, e->detail);
	vec_push(rows->arena, &rows->event, copy);
}

static void keep_pinhole(const struct store_pinhole *p, void *context)
{
	struct rows *rows = context;
	struct store_pinhole copy = *p;
	copy.id = arena_strdup(rows->arena, p->id);
	copy.tenant = arena_strdup(rows->arena, p->tenant);
	copy.flow = arena_strdup(rows->arena, p->flow);
	copy.nsfs = arena_strdup(rows->arena, p->nsfs);
	copy.reason = arena_strdup(rows->arena, p->reason);
	vec_push(rows->arena, &rows->pinhole, copy);
}

static bool failed(struct writing *s, int rc)
{
	if (rc)
		diag_error(&s->x->diags, DIAG_IO, NULL,
			   "see that the disk of the state directory is healthy and not full",
			   "the controller's database failed: %s", strerror(-rc));
	return rc != 0;
}

static void write_revision(struct writing *s, const struct store_revision *r)
{
	static const char *const kinds[STORE_KINDS] = {"policy", "network", "access"};
	struct restconf_writer *out = &s->out;
	struct store_tenant tenant;
	bool deployed = r->kind == STORE_POLICY &&
			engine_deployed(s->x->engine, r->tenant, &tenant) &&
			tenant.revision == r->id;
	restconf_entry_open(out);
	restconf_number(out, "id", r->id);
	restconf_text(out, "kind", kinds[r->kind]);
	restconf_text(out, "tenant", r->tenant);
	restconf_time(out, "time", r->time);
	restconf_text(out, "author", r->author);
	if (r->parent)
		restconf_number(out, "parent", r->parent);
	restconf_hex(out, "digest", r->digest, STORE_DIGEST);
	restconf_flag(out, "deployed", deployed);
	restconf_entry_close(out);
}

static bool write_revisions(struct writing *s, struct buf *out)
{
	struct rows rows = {.arena = &s->x->arena};
	struct store_query query = {.tenant = tenant_seen(s->x), .most = ROWS_SHOWN};
	if (failed(s, engine_each_revision(s->x->engine, &query, keep_revision, &rows)))
		return false;
	begin(s, "revisions", out);
	restconf_list_open(&s->out, "revision");
	for (size_t i = rows.revision.len; i; i--)
		write_revision(s, &rows.revision.at[i - 1]);
	restconf_list_close(&s->out);
	end(s, "revisions");
	return true;
}

void state_diag(struct restconf_writer *out, const struct diag *d)
{
	restconf_text(out, "severity", diag_severity_name(d->severity));
	restconf_text(out, "code", diag_code_name(d->code));
	restconf_text(out, "path", d->path);
	restconf_text(out, "nsf", d->nsf);
	restconf_text(out, "policy", d->policy);
	restconf_text(out, "rule", d->rule);
	restconf_text(out, "condition", d->condition);
	restconf_text(out, "capability", d->capability);
	restconf_text(out, "text", d->text);
	restconf_text(out, "hint", d->hint);
}

static void write_errors(struct writing *s, const struct store_job *j)
{
	struct diags diags;
	diags_init(&diags, &s->x->arena);
	if (!engine_diags_decode(j->errors, j->errors_len, &diags))
		return;
	restconf_list_open(&s->out, "error");
	for (size_t i = 0; i < diags.list.len; i++) {
		restconf_entry_open(&s->out);
		restconf_number(&s->out, "index", (uint32_t)i + 1);
		state_diag(&s->out, &diags.list.at[i]);
		restconf_entry_close(&s->out);
	}
	restconf_list_close(&s->out);
}

static void write_steps(struct writing *s, uint32_t job)
{
	struct store_steps steps;
	if (engine_job_steps(s->x->engine, job, &s->x->arena, &steps))
		return;
	restconf_list_open(&s->out, "nsf");
	for (size_t i = 0; i < steps.list.len; i++) {
		const struct store_step *step = &steps.list.at[i];
		if (step->step < 0 || step->step >= ENGINE_STEPS)
			continue;
		restconf_entry_open(&s->out);
		restconf_text(&s->out, "name", step->nsf);
		restconf_text(&s->out, "step", engine_step_name[step->step]);
		restconf_entry_close(&s->out);
	}
	restconf_list_close(&s->out);
}

static void write_job(struct writing *s, const struct store_job *j)
{
	static const char *const kinds[STORE_JOB_KINDS] = {"apply", "rollback", "withdraw"};
	static const char *const states[STORE_JOB_STATES] = {"queued", "running", "confirming",
							     "done", "failed"};
	struct restconf_writer *out = &s->out;
	restconf_entry_open(out);
	restconf_number(out, "id", j->id);
	restconf_text(out, "kind", kinds[j->kind]);
	restconf_text(out, "tenant", j->tenant);
	restconf_text(out, "author", j->author);
	restconf_time(out, "created", j->created);
	restconf_time(out, "finished", j->finished);
	restconf_text(out, "state", states[j->state]);
	restconf_hex(out, "plan-hash", j->plan, STORE_DIGEST);
	if (j->revision)
		restconf_number(out, "revision", j->revision);
	restconf_text(out, "progress", j->progress);
	restconf_text(out, "result", j->result);
	write_errors(s, j);
	write_steps(s, j->id);
	restconf_entry_close(out);
}

static bool write_jobs(struct writing *s, struct buf *out)
{
	struct rows rows = {.arena = &s->x->arena};
	struct store_query query = {.tenant = tenant_seen(s->x), .most = ROWS_SHOWN};
	if (failed(s, engine_each_job(s->x->engine, &query, keep_job, &rows)))
		return false;
	begin(s, "jobs", out);
	restconf_list_open(&s->out, "job");
	for (size_t i = rows.job.len; i; i--)
		write_job(s, &rows.job.at[i - 1]);
	restconf_list_close(&s->out);
	end(s, "jobs");
	return true;
}

const char *state_outcome(int outcome)
{
	static const char *const outcomes[] = {"success", "failure", "unknown"};
	return outcomes[outcome < 0 || outcome > 2 ? 2 : outcome];
}

static bool write_events(struct writing *s, struct buf *out)
{
	struct rows rows = {.arena = &s->x->arena};
	struct store_query query = {.tenant = tenant_seen(s->x), .most = EVENTS_SHOWN};
	if (failed(s, engine_each_event(s->x->engine, &query, keep_event, &rows)))
		return false;
	begin(s, "events", out);
	restconf_list_open(&s->out, "event");
	for (size_t i = rows.event.len; i; i--) {
		const struct store_event *e = &rows.event.at[i - 1];
		restconf_entry_open(&s->out);
		restconf_big(&s->out, "id", e->id);
		restconf_time(&s->out, "time", e->time);
		restconf_text(&s->out, "who", e->who);
		restconf_text(&s->out, "tenant", e->tenant);
		restconf_text(&s->out, "action", e->action);
		restconf_text(&s->out, "nsf", e->nsf);
		restconf_text(&s->out, "outcome", state_outcome(e->outcome));
		restconf_text(&s->out, "detail", e->detail);
		restconf_entry_close(&s->out);
	}
	restconf_list_close(&s->out);
	end(s, "events");
	return true;
}

static void write_flow(struct restconf_writer *out, const struct engine_flow *f)
{
	restconf_text(out, "source", f->source);
	if (f->has_source_port)
		restconf_number(out, "source-port", f->source_port);
	restconf_text(out, "destination", f->destination);
	restconf_number(out, "destination-port", f->destination_port);
	restconf_text(out, "protocol", f->protocol);
	restconf_number(out, "lifetime", f->lifetime);
	restconf_number(out, "idle-timeout", f->idle);
}

static void write_pinhole(struct writing *s, const struct store_pinhole *p)
{
	static const char *const states[] = {"opening", "open", "closed"};
	struct restconf_writer *out = &s->out;
	// The NSFs have closed it by then, whether or not they could say so.
	bool over = p->state != STORE_CLOSED && p->expires < time(NULL);
	struct engine_flow flow;
	restconf_entry_open(out);
	restconf_text(out, "id", p->id);
	restconf_text(out, "tenant", p->tenant);
	if (engine_flow_decode(p->flow, &s->x->arena, &flow))
		write_flow(out, &flow);
	restconf_time(out, "opened", p->opened);
	restconf_text(out, "state", states[over ? STORE_CLOSED : p->state]);
	restconf_text(out, "reason", over ? "lifetime" : p->reason);
	for (const char *name = p->nsfs, *line; (line = strchr(name, '\n')); name = line + 1)
		restconf_text(out, "nsf", arena_strndup(&s->x->arena, name, (size_t)(line - name)));
	restconf_entry_close(out);
}

static bool write_pinholes(struct writing *s, struct buf *out)
{
	struct rows rows = {.arena = &s->x->arena};
	struct store_query query = {.tenant = tenant_seen(s->x), .most = ROWS_SHOWN};
	if (failed(s, engine_each_pinhole(s->x->engine, &query, keep_pinhole, &rows)))
		return false;
	begin(s, "pinholes", out);
	restconf_list_open(&s->out, "pinhole");
	for (size_t i = rows.pinhole.len; i; i--)
		write_pinhole(s, &rows.pinhole.at[i - 1]);
	restconf_list_close(&s->out);
	end(s, "pinholes");
	return true;
}

static bool write_evidence(struct writing *s, struct buf *out)
{
	struct evidence_rows rows;
	struct store_evidence_query query = {
		.tenant = tenant_seen(s->x), .newest = true, .most = EVIDENCE_SHOWN};
	if (failed(s, evidence_read_rows(s->x, &query, &rows)))
		return false;
	begin(s, "evidence", out);
	evidence_write_rows(&s->out, &rows);
	end(s, "evidence");
	return true;
}

static const struct {
	const char *name;
	bool (*write)(struct writing *s, struct buf *out);
} writers[] = {
	{"nsfs", write_nsfs},     {"revisions", write_revisions}, {"jobs", write_jobs},
	{"events", write_events}, {"pinholes", write_pinholes},   {"evidence", write_evidence},
};

const char *state_name(size_t i)
{
	return i < array_len(writers) ? writers[i].name : NULL;
}

bool state_write(struct exchange *x, struct workspace *workspace, const struct state_want *want,
		 struct buf *out)
{
	struct writing s = {.x = x, .w = workspace, .want = want};
	bool ours = !want->module || strcmp(want->module, NORTH_MODULE) == 0;
	for (size_t i = 0; i < array_len(writers) && ours; i++)
		if ((!want->name || strcmp(want->name, writers[i].name) == 0) &&
		    !writers[i].write(&s, out))
			return false;
	if (x->caller.is_operator && (!want->module || !strcmp(want->module, ACCESS_MODULE)))
		access_print_counts(&x->workspaces->counts, out);
	if (!want->module || strcmp(want->module, NORTH_MODULE))
		library_write(x, workspace->schema, want->name, out);
	return true;
}
