// SPDX-License-Identifier: Apache-2.0
// One request from the moment in which it is whole: may this asker do this, and who answers it.
//
// The idea: nothing of HTTP is here, so that every answer can be tested without a server. Who has no
// certificate reaches host-meta and one operation; everything else needs a role.
#include "north/stream.h"

#include <stdio.h>
#include <string.h>

void exchange_init(struct exchange *x, struct engine *engine, struct workspaces *workspaces)
{
	*x = (struct exchange){.engine = engine, .workspaces = workspaces, .anonymous = true};
	arena_init(&x->arena);
	diags_init(&x->diags, &x->arena);
	buf_init(&x->body);
	buf_init(&x->out);
	x->caller = (struct engine_caller){.who = "nobody", .tenant = ENGINE_TENANT_DEFAULT};
	x->access = (struct access_who){.name = "nobody"};
}

void exchange_fini(struct exchange *x)
{
	arena_fini(&x->arena);
	buf_fini(&x->body);
	buf_fini(&x->out);
}

// The role, and for users of a tenant which one it is.
static void set_groups(struct exchange *x, const struct pki_identity *identity)
{
	const char *recovery = x->workspaces->recovery;
	const char **group = arena_array(&x->arena, const char *, 2);
	bool is_tenant = identity->role == PKI_TENANT_USER;
	group[0] = pki_role_name[identity->role];
	group[1] = is_tenant ? arena_printf(&x->arena, "tenant:%s", x->caller.tenant) : NULL;
	x->access = (struct access_who){.name = x->caller.who,
					.group = group,
					.groups = is_tenant ? 2 : 1,
					.recovery = identity->role == PKI_OPERATOR && recovery &&
						    strcmp(recovery, identity->name) == 0};
}

void exchange_identify(struct exchange *x, const struct pki_identity *identity,
		       const char *ask_tenant)
{
	x->anonymous = false;
	x->role = identity->role;
	bool is_operator = identity->role == PKI_OPERATOR;
	const char *tenant = is_operator && ask_tenant ? ask_tenant : ENGINE_TENANT_DEFAULT;
	if (identity->role == PKI_TENANT_USER)
		tenant = identity->tenant;
	x->caller = (struct engine_caller){.who = arena_strdup(&x->arena, identity->name),
					   .tenant = arena_strdup(&x->arena, tenant),
					   .is_operator = is_operator};
	set_groups(x, identity);
}

unsigned exchange_refuse(struct exchange *x, unsigned status, const struct diag *about,
			 const char *text)
{
	diag_add(&x->diags, about, "%s", text);
	return status;
}

unsigned exchange_documents(const struct schema_resource *resource)
{
	unsigned policy = 1u << STORE_POLICY, network = 1u << STORE_NETWORK,
		 access = 1u << STORE_ACCESS;
	if (!resource->step.len)
		return policy | network | access;
	if (!resource->config)
		return 0;
	const char *module = resource->step.at[0].module;
	return strcmp(module, NORTH_CFI) == 0       ? policy
	       : strcmp(module, ACCESS_MODULE) == 0 ? access
						    : network;
}

const char *exchange_tag(struct exchange *x, unsigned documents, int64_t *modified_out)
{
	struct engine *e = x->engine;
	const char *tag = NULL;
	*modified_out = 0;
	for (unsigned i = 0; i < STORE_KINDS; i++) {
		enum store_kind kind = (enum store_kind)i;
		const char *tenant =
			kind == STORE_POLICY ? x->caller.tenant : ENGINE_TENANT_OPERATOR;
		if (!(documents & 1u << i))
			continue;
		struct store_revision latest = engine_document_latest(e, kind, tenant);
		*modified_out = latest.time > *modified_out ? latest.time : *modified_out;
		tag = arena_printf(&x->arena, "%s%s%u", tag ? tag : "", tag ? "-" : "", latest.id);
	}
	return tag ? arena_printf(&x->arena, "\"%s\"", tag) : NULL;
}

// --- who may do what ---

static bool is_open(const struct exchange *x)
{
	const struct restconf_request *r = &x->request;
	return r->resource == RESTCONF_HOST_META ||
	       (r->resource == RESTCONF_OPERATION && strcmp(r->path, NORTH_MODULE ":enrol") == 0);
}

static bool is_for_everybody(const struct exchange *x)
{
	return x->request.resource == RESTCONF_OPERATION &&
	       strcmp(x->request.path, NORTH_MODULE ":renew") == 0;
}

static void record_denied(struct exchange *x)
{
	engine_record(x->engine, ENGINE_DENIED,
		      &(struct store_event){.who = x->caller.who,
					    .tenant = x->caller.tenant,
					    .outcome = 1,
					    .detail = x->refused ? x->refused : x->raw.path});
}

// Who is let in; what they may do there is access control's to say (guard.c). 0, or the status that says no.
static unsigned authorise(struct exchange *x)
{
	if (is_open(x))
		return 0;
	if (x->anonymous && !x->refused)
		return exchange_refuse(x, 401,
				       &(struct diag){.code = DIAG_DENIED,
						      .hint = "show a client certificate of this "
							      "controller's authority"},
				       "a client certificate is needed for this");
	bool may = !x->anonymous &&
		   (x->role == PKI_OPERATOR || x->role == PKI_TENANT_USER || is_for_everybody(x));
	if (may)
		return 0;
	if (x->refused) {
		record_denied(x);
		return exchange_refuse(x, 401,
				       &(struct diag){.code = DIAG_DENIED, .hint = x->refused_hint},
				       x->refused);
	}
	return exchange_refuse(x, 403,
			       &(struct diag){.code = DIAG_DENIED,
					      .hint = "use a certificate of an operator or of a "
						      "tenant's user"},
			       "this role may not do this");
}

// --- dispatch ---

static unsigned options(struct exchange *x)
{
	if (x->request.resource == RESTCONF_DATA)
		return data_options(x);
	x->allow = restconf_allow(x->request.resource);
	return 204;
}

static unsigned answer(struct exchange *x)
{
	struct restconf_request *r = &x->request;
	if (r->method == RESTCONF_OPTIONS)
		return options(x);
	switch (r->resource) {
	case RESTCONF_HOST_META:
		x->type = r->out == SCHEMA_XML ? RESTCONF_XRD : RESTCONF_JRD;
		restconf_host_meta(r->out, &x->out);
		return 200;
	case RESTCONF_ROOT:
		return restconf_root(r, &x->diags, &x->out) ? 200 : 400;
	case RESTCONF_LIBRARY:
		restconf_library_version(r->out, &x->out);
		return 200;
	case RESTCONF_OPERATIONS:
		operation_list(x);
		return 200;
	case RESTCONF_OPERATION:
		return operation_call(x);
	case RESTCONF_DATA:
		return r->method == RESTCONF_GET || r->method == RESTCONF_HEAD ? data_get(x)
									       : data_write(x);
	case RESTCONF_STREAM:
		return stream_open(x);
	case RESTCONF_SCHEMA:
		return library_text(x);
	case RESTCONF_NOTHING:
		break;
	}
	return 404;
}

void exchange_errors(struct exchange *x)
{
	struct workspace *w = workspace_take(x->workspaces);
	buf_clear(&x->out);
	if (!x->diags.errors)
		diag_error(&x->diags, DIAG_FAILED, NULL, "see the controller's log",
			   "the request failed");
	struct restconf_style style = {x->request.out, x->status, workspace_namespace, w};
	restconf_errors(&x->diags, &style, &x->out);
	workspace_give(x->workspaces, w);
	x->type = restconf_media_type(x->request.out);
	x->location = NULL;
}

void exchange_serve(struct exchange *x)
{
	unsigned status = restconf_parse(&x->raw, &x->arena, &x->diags, &x->request);
	if (status == 405)
		x->allow = restconf_allow(x->request.resource);
	if (!status)
		status = authorise(x);
	if (!status)
		status = answer(x);
	if (status == 403)
		record_denied(x);
	x->status = status;
	if (status >= 400 && !x->is_answered)
		exchange_errors(x);
	else if (!x->type && x->out.len)
		x->type = restconf_media_type(x->request.out);
}
