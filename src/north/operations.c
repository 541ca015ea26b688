// SPDX-License-Identifier: Apache-2.0
// Operations (RFC 8040 section 4.4.2): inputs out of a tree, outputs written straight.
//
// The idea: an input is copied out of its tree and the workspace given back before the engine is
// asked, because some answers wait for NSFs.
#include "north/call.h"

#include <stdlib.h>
#include <string.h>

static const struct restconf_top output = {NORTH_MODULE, NORTH_NAMESPACE, "output", NULL};

const char *call_text(const struct call *c, const char *name)
{
	const struct engine_names *values = map_get(&c->in.values, name);
	return values ? values->list.at[0] : NULL;
}

struct engine_names call_texts(const struct call *c, const char *name)
{
	const struct engine_names *values = map_get(&c->in.values, name);
	return values ? *values : (struct engine_names){0};
}

uint32_t call_number(const struct call *c, const char *name)
{
	const char *value = call_text(c, name);
	return value ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

bool call_flag(const struct call *c, const char *name)
{
	const char *value = call_text(c, name);
	return value && strcmp(value, "true") == 0;
}

void call_begin(struct call *c)
{
	restconf_begin(&c->out, &output, c->x->request.out, &c->x->out);
}

bool call_end(struct call *c)
{
	restconf_end(&c->out, &output);
	return true;
}

// --- plans and deployments ---

static struct engine_deploy deploy_of(const struct call *c)
{
	return (struct engine_deploy){.confirm_timeout = call_number(c, "confirm-timeout"),
				      .key = call_text(c, "idempotency-key"),
				      .allow_away = call_flag(c, "allow-away")};
}

static void write_diags(struct call *c, const char *list, const struct diags *diags, bool errors)
{
	uint32_t n = 0;
	restconf_list_open(&c->out, list);
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = &diags->list.at[i];
		if ((d->severity == DIAG_ERROR) != errors)
			continue;
		restconf_entry_open(&c->out);
		restconf_number(&c->out, "index", ++n);
		state_diag(&c->out, d);
		restconf_entry_close(&c->out);
	}
	restconf_list_close(&c->out);
}

static void write_change(struct call *c, const struct plan_change *change, uint32_t index)
{
	static const char *const kinds[] = {[PLAN_ADD] = "added",
					    [PLAN_REMOVE] = "removed",
					    [PLAN_CHANGE] = "changed",
					    [PLAN_MOVE] = "moved"};
	const struct ir_rule *rule = change->after ? change->after : change->before;
	struct buf words;
	buf_init(&words);
	if (change->kind == PLAN_CHANGE) {
		engine_rule_print(change->before, &words);
		buf_adds(&words, " -> ");
	}
	engine_rule_print(rule, &words);
	if (change->kind == PLAN_MOVE)
		buf_printf(&words, " (from place %zu to %zu)", change->before_at + 1,
			   change->after_at + 1);
	restconf_entry_open(&c->out);
	restconf_number(&c->out, "index", index);
	restconf_text(&c->out, "kind", kinds[change->kind]);
	restconf_text(&c->out, "policy", rule->policy);
	restconf_text(&c->out, "rule", rule->name);
	restconf_text(&c->out, "text", words.data);
	restconf_entry_close(&c->out);
	buf_fini(&words);
}

static void write_default(struct call *c, const struct plan_nsf *n, uint32_t index)
{
	bool nothing = !engine_default_name(n->intended);
	restconf_entry_open(&c->out);
	restconf_number(&c->out, "index", index);
	restconf_text(&c->out, "kind", "default-action");
	restconf_text(&c->out, "text",
		      nothing ? "nothing of ours decides any more"
			      : arena_printf(&c->x->arena, "where no rule decides: %s",
					     engine_default_name(n->intended)));
	restconf_entry_close(&c->out);
}

static void write_plan_nsf(struct call *c, const struct engine_plan_nsf *p)
{
	const struct plan_nsf *n = p->change;
	struct restconf_writer *out = &c->out;
	uint32_t index = 0;
	restconf_entry_open(out);
	restconf_text(out, "name", n->nsf);
	restconf_text(out, "connection", engine_connection_name[p->connection]);
	restconf_number(out, "added", (uint32_t)n->added);
	restconf_number(out, "removed", (uint32_t)n->removed);
	restconf_number(out, "changed", (uint32_t)n->changed);
	restconf_number(out, "moved", (uint32_t)n->moved);
	restconf_number(out, "unchanged", (uint32_t)n->unchanged);
	restconf_list_open(out, "change");
	for (size_t i = 0; i < n->change.len; i++)
		write_change(c, &n->change.at[i], ++index);
	if (n->default_changed)
		write_default(c, n, ++index);
	restconf_list_close(out);
	restconf_entry_close(out);
}

static bool plan(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_plan p = {0};
	if (!engine_plan(x->engine, &x->caller, call_number(c, "revision"), &x->diags, &p))
		return false;
	call_begin(c);
	restconf_hex(&c->out, "plan-hash", p.hash, STORE_DIGEST);
	restconf_number(&c->out, "revision", p.revision);
	restconf_list_open(&c->out, "nsf");
	for (size_t i = 0; i < p.nsf.len; i++)
		write_plan_nsf(c, &p.nsf.at[i]);
	restconf_list_close(&c->out);
	write_diags(c, "refusal", &p.refusals, true);
	write_diags(c, "warning", &p.refusals, false);
	return call_end(c);
}

static bool apply(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_deploy how = deploy_of(c);
	unsigned char hash[PKI_DIGEST];
	uint32_t job;
	if (!pki_digest_parse(call_text(c, "plan-hash"), hash)) // the model has checked it
		return false;
	if (!engine_apply(x->engine, &x->caller, hash, &how, &x->diags, &job))
		return false;
	call_begin(c);
	restconf_number(&c->out, "job", job);
	return call_end(c);
}

static bool rollback(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_deploy how = deploy_of(c);
	struct engine_rollback out = {0};
	if (!engine_rollback(x->engine, &x->caller, call_number(c, "revision"), &how, &x->diags,
			     &out))
		return false;
	call_begin(c);
	restconf_number(&c->out, "revision", out.revision);
	restconf_hex(&c->out, "plan-hash", out.hash, STORE_DIGEST);
	restconf_number(&c->out, "job", out.job);
	return call_end(c);
}

static bool withdraw(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_deploy how = deploy_of(c);
	uint32_t job;
	if (!engine_withdraw(x->engine, &x->caller, &how, &x->diags, &job))
		return false;
	call_begin(c);
	restconf_number(&c->out, "job", job);
	return call_end(c);
}

// --- what is enforced ---

static void write_proof(struct call *c, const struct engine_proof *p)
{
	static const char *const verdicts[] = {"proven", "different", "unreachable"};
	struct restconf_writer *out = &c->out;
	restconf_entry_open(out);
	restconf_text(out, "name", p->nsf);
	restconf_text(out, "result", verdicts[p->verdict]);
	restconf_number(out, "rules", p->rules);
	restconf_list_open(out, "difference");
	for (size_t i = 0; i < p->difference.len; i++) {
		restconf_entry_open(out);
		restconf_number(out, "index", (uint32_t)i + 1);
		restconf_text(out, "policy", p->difference.at[i].policy);
		restconf_text(out, "rule", p->difference.at[i].rule);
		restconf_text(out, "reason", p->difference.at[i].reason);
		restconf_entry_close(out);
	}
	restconf_list_close(out);
	restconf_list_open(out, "foreign");
	for (size_t i = 0; i < p->foreign.len; i++) {
		restconf_entry_open(out);
		restconf_number(out, "index", (uint32_t)i + 1);
		restconf_text(out, "text", p->foreign.at[i]);
		restconf_entry_close(out);
	}
	restconf_list_close(out);
	restconf_entry_close(out);
}

static bool verify(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_proofs proofs = {0};
	if (!engine_verify(x->engine, &x->caller, call_text(c, "nsf"), &x->diags, &proofs))
		return false;
	call_begin(c);
	restconf_list_open(&c->out, "nsf");
	for (size_t i = 0; i < proofs.list.len; i++)
		write_proof(c, &proofs.list.at[i]);
	restconf_list_close(&c->out);
	return call_end(c);
}

static void write_status_nsf(struct call *c, const struct engine_nsf_state *n)
{
	struct restconf_writer *out = &c->out;
	restconf_entry_open(out);
	restconf_text(out, "name", n->name);
	restconf_text(out, "connection", engine_connection_name[n->connection]);
	restconf_text(out, "reason", n->reason);
	if (n->calls_home)
		restconf_flag(out, "call-home", true);
	restconf_time(out, "last-seen", n->last_seen);
	restconf_number(out, "rules", n->rules);
	if (n->managed) {
		restconf_flag(out, "proven", n->proven);
		restconf_time(out, "proven-at", n->proven_at);
		restconf_flag(out, "pending", n->pending);
	}
	evidence_write_last(out, n->evidence);
	restconf_entry_close(out);
}

static bool status(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_nsf_states states = {0};
	struct engine_state_query query = {.tenant = x->caller.tenant};
	struct store_tenant deployed;
	if (!engine_nsf_states(x->engine, &query, &x->arena, &x->diags, &states))
		return false;
	uint32_t latest = engine_document_id(x->engine, STORE_POLICY, x->caller.tenant);
	uint32_t running = engine_running_job(x->engine, x->caller.tenant);
	call_begin(c);
	restconf_text(&c->out, "tenant", x->caller.tenant);
	if (latest)
		restconf_number(&c->out, "revision", latest);
	if (engine_deployed(x->engine, x->caller.tenant, &deployed) && deployed.revision) {
		restconf_number(&c->out, "deployed-revision", deployed.revision);
		restconf_hex(&c->out, "deployed-plan", deployed.plan, STORE_DIGEST);
	}
	if (running)
		restconf_number(&c->out, "running-job", running);
	restconf_list_open(&c->out, "nsf");
	for (size_t i = 0; i < states.list.len; i++)
		write_status_nsf(c, &states.list.at[i]);
	restconf_list_close(&c->out);
	return call_end(c);
}

static bool query(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_answers answers = {0};
	struct engine_query q = {.packet = call_text(c, "packet"),
				 .deployed = call_flag(c, "deployed")};
	if (!engine_query(x->engine, &x->caller, &q, &x->diags, &answers))
		return false;
	call_begin(c);
	restconf_list_open(&c->out, "nsf");
	for (size_t i = 0; i < answers.list.len; i++) {
		const struct engine_answer *a = &answers.list.at[i];
		restconf_entry_open(&c->out);
		restconf_text(&c->out, "name", a->nsf);
		restconf_text(&c->out, "verdict", a->verdict);
		restconf_text(&c->out, "policy", a->rule ? a->rule->policy : NULL);
		restconf_text(&c->out, "rule", a->rule ? a->rule->name : NULL);
		restconf_text(&c->out, "depends", a->depends ? a->depends->name : NULL);
		restconf_entry_close(&c->out);
	}
	restconf_list_close(&c->out);
	return call_end(c);
}

// --- pinholes ---

static uint8_t protocol_number(const char *name)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = {{"tcp", 6}, {"udp", 17}, {"dccp", 33}, {"sctp", 132}};
	for (size_t i = 0; i < array_len(protocols); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return protocols[i].number;
	return 0;
}

static bool open_pinhole(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_flow flow = {.source = call_text(c, "source"),
				   .destination = call_text(c, "destination"),
				   .protocol = call_text(c, "protocol"),
				   .protocol_number = protocol_number(call_text(c, "protocol")),
				   .has_source_port = call_text(c, "source-port") != NULL,
				   .source_port = (uint16_t)call_number(c, "source-port"),
				   .destination_port = (uint16_t)call_number(c, "destination-port"),
				   .lifetime = call_number(c, "lifetime"),
				   .idle = call_number(c, "idle-timeout")};
	const char *id;
	struct engine_names nsfs;
	if (!engine_pinhole_open(x->engine, &x->caller, &flow, &x->diags, &id, &nsfs))
		return false;
	call_begin(c);
	restconf_text(&c->out, "id", id);
	restconf_texts(&c->out, "nsf", nsfs.list.at, nsfs.list.len);
	return call_end(c);
}

static bool close_pinhole(struct call *c)
{
	return engine_pinhole_close(c->x->engine, &c->x->caller, call_text(c, "id"), &c->x->diags);
}

// --- certificates ---

static bool token(struct call *c)
{
	struct exchange *x = c->x;
	char token_text[ENGINE_TOKEN_TEXT];
	int64_t expires;
	struct buf ca;
	buf_init(&ca);
	bool ok = engine_token(x->engine, &x->caller, call_text(c, "nsf-name"),
			       call_number(c, "lifetime"), &x->diags, token_text, &expires) &&
		  engine_ca(x->engine, &x->diags, &ca);
	if (ok) {
		call_begin(c);
		restconf_text(&c->out, "token", token_text);
		restconf_time(&c->out, "expires", expires);
		restconf_text(&c->out, "ca", ca.data);
		ok = call_end(c);
	}
	buf_fini(&ca);
	return ok;
}

struct issued {
	struct buf certificate, evidence, ca;
};

static struct engine_certificates begin_issued(struct issued *issued)
{
	buf_init(&issued->certificate);
	buf_init(&issued->evidence);
	buf_init(&issued->ca);
	return (struct engine_certificates){&issued->certificate, &issued->evidence, &issued->ca};
}

static bool write_issued(struct call *c, bool ok, struct issued *issued)
{
	if (ok) {
		call_begin(c);
		restconf_text(&c->out, "certificate", issued->certificate.data);
		if (issued->evidence.len)
			restconf_text(&c->out, "evidence-certificate", issued->evidence.data);
		restconf_text(&c->out, "ca", issued->ca.data);
		ok = call_end(c);
	}
	buf_fini(&issued->certificate);
	buf_fini(&issued->evidence);
	buf_fini(&issued->ca);
	return ok;
}

static struct engine_keys keys_of(const struct call *c)
{
	return (struct engine_keys){.csr = call_text(c, "csr"),
				    .evidence = call_text(c, "evidence-csr")};
}

static bool enrol(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_names guards = call_texts(c, "guards");
	struct engine_enrol e = {.token = call_text(c, "token"),
				 .keys = keys_of(c),
				 .name = call_text(c, "name"),
				 .address = call_text(c, "address"),
				 .site = call_text(c, "site"),
				 .port = (uint16_t)call_number(c, "port"),
				 .guards = guards.list.at,
				 .guards_len = guards.list.len};
	struct issued issued;
	struct engine_certificates out = begin_issued(&issued);
	return write_issued(c, engine_enrol(x->engine, &e, &x->diags, &out), &issued);
}

static bool renew(struct call *c)
{
	struct exchange *x = c->x;
	struct engine_renew r = {.certificate = x->certificate, .keys = keys_of(c)};
	struct issued issued;
	struct engine_certificates out = begin_issued(&issued);
	bool ok = x->certificate && engine_renew(x->engine, &x->caller, &r, &x->diags, &out);
	return write_issued(c, ok, &issued);
}

static bool revoke(struct call *c)
{
	struct exchange *x = c->x;
	uint32_t revoked;
	if (!engine_revoke(x->engine, &x->caller, call_text(c, "name"), &x->diags, &revoked))
		return false;
	call_begin(c);
	restconf_number(&c->out, "revoked", revoked);
	return call_end(c);
}

// --- dispatch ---

static const struct {
	const char *name;
	bool (*fn)(struct call *c);
} operations[] = {
#define X(name, fn) {name, fn},
#include "north/operations.def"
#undef X
};

// The text of a leaf; the content of anydata.
static const char *input_value(const struct schema_node *node, struct arena *arena)
{
	if (schema_value(node))
		return arena_strdup(arena, schema_value(node));
	struct buf content;
	buf_init(&content);
	schema_any_text(node, &content);
	const char *copy = arena_strndup(arena, content.data, content.len);
	buf_fini(&content);
	return copy;
}

static void put_value(struct exchange *x, const char *name, const char *value, struct input *out)
{
	struct engine_names *values = map_get(&out->values, name);
	if (!values) {
		values = arena_new(&x->arena, struct engine_names);
		map_put(&out->values, arena_strdup(&x->arena, name), values);
	}
	vec_push(&x->arena, &values->list, value);
}

// Enrolment is open to those who show a token instead of a certificate.
static bool may_call(struct exchange *x, struct workspace *w)
{
	const char *name = strchr(x->request.path, ':') + 1;
	if (x->anonymous)
		return true;
	struct access_user *user = exchange_user(x, w);
	bool may = user && access_may_call(user, NORTH_MODULE, name, &x->diags);
	access_user_unref(user);
	return may;
}

static bool read_input(struct exchange *x, struct input *out)
{
	struct workspace *w = workspace_take(x->workspaces);
	struct schema_tree *tree = NULL;
	struct schema_input input = {
		.data = x->body.data, .len = x->body.len, .format = x->request.in};
	bool ok = may_call(x, w) &&
		  schema_parse_operation(w->schema, x->request.path, &input, &x->diags, &tree);
	out->values = (struct map){.arena = &x->arena};
	if (ok) {
		schema_for_each_child (n, schema_first(tree))
			put_value(x, schema_name(n), input_value(n, &x->arena), out);
		schema_tree_free(tree);
	}
	workspace_give(x->workspaces, w);
	return ok;
}

unsigned operation_call(struct exchange *x)
{
	static const char prefix[] = NORTH_MODULE ":";
	struct call c = {.x = x};
	const char *name = strncmp(x->request.path, prefix, sizeof(prefix) - 1) == 0
				   ? x->request.path + sizeof(prefix) - 1
				   : "";
	for (size_t i = 0; i < array_len(operations); i++) {
		if (strcmp(operations[i].name, name))
			continue;
		if (!read_input(x, &c.in) || !operations[i].fn(&c))
			return restconf_status(&x->diags);
		return x->out.len ? 200 : 204;
	}
	return exchange_refuse(
		x, 404,
		&(struct diag){.code = DIAG_ABSENT, .hint = "see " RESTCONF_PREFIX "/operations"},
		"there is no such operation");
}

// RFC 8040 section 3.3.2: a leaf of type empty each.
void operation_list(struct exchange *x)
{
	bool xml = x->request.out == SCHEMA_XML;
	buf_adds(&x->out, xml ? "<operations xmlns=\"" RESTCONF_NAMESPACE "\">"
			      : "{\"ietf-restconf:operations\":{");
	for (size_t i = 0; i < array_len(operations); i++) {
		const char *name = operations[i].name;
		if (xml)
			buf_printf(&x->out, "<%s xmlns=\"" NORTH_NAMESPACE "\"/>", name);
		else
			buf_printf(&x->out, "%s\"" NORTH_MODULE ":%s\":[null]", i ? "," : "", name);
	}
	buf_adds(&x->out, xml ? "</operations>\n" : "}}\n");
}
