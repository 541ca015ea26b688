// SPDX-License-Identifier: Apache-2.0
// What NETCONF asks of the engine: a commit is a new revision of one document, state is written as RESTCONF writes it, an
// operation is the one of RESTCONF with its input and output in XML.
//
// The idea: a piece of work carries its own exchange, done by a worker, and comes back to the loop with the answer, so that
// the loop never waits for the database or an NSF.
#include "base/arena.h"
#include "north/netconf.h"
#include "north/workers.h"
#include "proto/netconf/server.h"
#include "proto/netconf/xml.h"

#include <stdlib.h>
#include <string.h>

struct job {
	struct work work; // first
	struct domain *domain;
	struct netconf_reply *reply;
	struct exchange x;
	bool ok;
	struct engine_put put; // of a commit
	uint32_t revision;
	VEC(const char *) state; // top-level nodes that are asked for
	bool rules;
};

// --- there and back ---

static struct job *job_new(struct domain *domain, const struct netconf_asker *asker,
			   struct netconf_reply *reply)
{
	struct job *job = base_oom(calloc(1, sizeof(*job)));
	job->domain = domain;
	job->reply = reply;
	domain_exchange(domain, &job->x, domain->tenant ? PKI_TENANT_USER : PKI_OPERATOR,
			asker->user, domain->tenant);
	if (asker->who)
		job->x.access = access_who_copy(asker->who, &job->x.arena);
	return job;
}

// The data as children of <rpc-reply>, each with its namespace.
static void answer_output(struct job *job)
{
	struct netconf_xml root;
	struct buf out cleanup(buf_fini);
	const char *fault;
	buf_init(&out);
	if (job->x.out.len &&
	    netconf_xml_parse(&job->x.arena,
			      (struct netconf_xml_span){job->x.out.data, job->x.out.len}, &root,
			      &fault))
		netconf_xml_add_children(&root, &out);
	netconf_reply_data(job->reply, out.data ? out.data : "", out.len);
}

static void finished(void *context)
{
	struct job *job = context;
	if (job->ok && job->revision)
		job->domain->id[job->put.kind] = job->revision;
	if (!job->ok && !job->x.diags.errors)
		diag_error(&job->x.diags, DIAG_FAILED, NULL, "see the controller's log",
			   "the request failed");
	if (!job->ok)
		netconf_reply_errors(job->reply, &job->x.diags);
	else if (job->state.len)
		netconf_reply_data(job->reply, job->x.out.data ? job->x.out.data : "",
				   job->x.out.len);
	else
		answer_output(job);
	exchange_fini(&job->x);
	free(job);
}

static void come_back(struct job *job, bool ok)
{
	job->ok = ok;
	domain_post(job->domain, finished, job);
}

static void nothing(struct work *work)
{
	(void)work;
}

static void start(struct job *job, void (*run)(struct work *work))
{
	job->work.run = run;
	job->work.whose = job->x.caller.who;
	if (!workers_take(domain_options(job->domain)->workers, &job->work, nothing))
		come_back(job, false);
}

// --- commit ---

static void run_commit(struct work *work)
{
	struct job *job = (struct job *)work;
	struct exchange *x = &job->x;
	come_back(job,
		  engine_document_put(x->engine, &x->caller, &job->put, &x->diags, &job->revision));
}

static enum store_kind kind_of(const struct schema_node *node)
{
	while (schema_parent(node))
		node = schema_parent(node);
	const char *module = schema_module(node);
	return strcmp(module, NORTH_CFI) == 0       ? STORE_POLICY
	       : strcmp(module, ACCESS_MODULE) == 0 ? STORE_ACCESS
						    : STORE_NETWORK;
}

// Of a removed node the parent tells, unless it stood at the top.
static unsigned kinds_changed(const struct netconf_commit *c)
{
	unsigned kinds = 0;
	for (size_t i = c->since; i < schema_changes(c->tree); i++) {
		struct schema_change change = schema_change(c->tree, i);
		kinds |= 1u << kind_of(change.parent ? change.parent : change.node);
	}
	return kinds;
}

static bool choose_document(struct job *job, unsigned kinds)
{
	struct diags *diags = &job->x.diags;
	for (unsigned k = 0; k < STORE_KINDS; k++) {
		if (kinds != 1u << k)
			continue;
		job->put.kind = k;
		job->put.base = job->domain->id[k];
		if (domain_owner(job->domain, k))
			return true;
		diag_error(diags, DIAG_DENIED, NULL, "ask an operator",
			   "this belongs to the operators");
		return false;
	}
	diag_error(diags, DIAG_UNSUPPORTED, NULL,
		   "commit policy, sites and NSFs, and access control one after the other",
		   "one commit changes one document");
	return false;
}

static void print_document(struct job *job, const struct schema_tree *tree)
{
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		if (kind_of(n) == job->put.kind && !schema_is_default(n))
			schema_print_node(n, SCHEMA_XML, 0, &job->x.body);
	job->put.xml = job->x.body.data ? job->x.body.data : "";
	job->put.len = job->x.body.len;
}

void work_commit(void *context, const struct netconf_commit *commit, struct netconf_reply *reply)
{
	struct job *job = job_new(context, commit->asker, reply);
	unsigned kinds = kinds_changed(commit);
	if (!kinds) {
		job->ok = true;
		finished(job);
	} else if (!choose_document(job, kinds)) {
		finished(job);
	} else {
		print_document(job, commit->tree);
		start(job, run_commit);
	}
}

// --- state ---

static void run_state(struct work *work)
{
	struct job *job = (struct job *)work;
	struct exchange *x = &job->x;
	struct workspace *w = workspace_take(x->workspaces);
	bool ok = true;
	for (size_t i = 0; i < job->state.len && ok; i++) {
		struct state_want want = {
			.module = NORTH_MODULE, .name = job->state.at[i], .rules = job->rules};
		ok = state_write(x, w, &want, &x->out);
	}
	workspace_give(x->workspaces, w);
	come_back(job, ok);
}

void work_state(void *context, const struct netconf_get *get, struct netconf_reply *reply)
{
	struct job *job = job_new(context, get->asker, reply);
	for (size_t i = 0; state_name(i); i++)
		if (netconf_get_wants(get, NORTH_NAMESPACE, state_name(i)))
			vec_push(&job->x.arena, &job->state, state_name(i));
	// The counters of rules are asked of the NSFs, so only who names them waits for that.
	job->rules = get->filter_xml && strstr(get->filter_xml, "rule");
	if (job->state.len) {
		start(job, run_state);
		return;
	}
	job->ok = true;
	finished(job);
}

// --- operations ---

static void run_operation(struct work *work)
{
	struct job *job = (struct job *)work;
	come_back(job, operation_call(&job->x) < 300);
}

struct handled {
	struct domain *domain;
	const char *path;
};

static void operation(void *context, const struct netconf_request *request,
		      struct netconf_reply *reply)
{
	const struct handled *handled = context;
	struct job *job = job_new(handled->domain, request->asker, reply);
	struct buf *body = &job->x.body;
	buf_adds(body, "<input xmlns=\"" NORTH_NAMESPACE "\">");
	schema_for_each_child (it, request->rpc)
		if (!schema_is_default(it))
			schema_print_node(it, SCHEMA_XML, 0, body);
	buf_adds(body, "</input>");
	job->x.request = (struct restconf_request){.method = RESTCONF_POST,
						   .resource = RESTCONF_OPERATION,
						   .path = handled->path,
						   .in = SCHEMA_XML,
						   .out = SCHEMA_XML};
	start(job, run_operation);
}

void work_operations(struct domain *domain)
{
#define X(name, function) name,
	static const char *const names[] = {
#include "north/operations.def"
	};
#undef X
	for (size_t i = 0; i < array_len(names); i++) {
		// For hosts that ask over HTTPS with, or without, the certificate that they show.
		if (strcmp(names[i], "enrol") == 0 || strcmp(names[i], "renew") == 0)
			continue;
		struct arena *arena = domain_arena(domain);
		struct handled *handled = arena_new(arena, struct handled);
		*handled =
			(struct handled){domain, arena_printf(arena, NORTH_MODULE ":%s", names[i])};
		struct netconf_handler handler = {NORTH_MODULE, names[i], operation, handled};
		netconf_server_handle(domain->server, &handler);
	}
}
