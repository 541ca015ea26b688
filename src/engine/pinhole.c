// SPDX-License-Identifier: Apache-2.0
// Pinholes: one flow let through on every NSF of its path for as long as it lasts.
//
// The idea: the NSFs keep the time. The controller opens on all of the path or on none, and when one
// NSF says that the flow has ended, it closes the others; if it is down, each closes by itself.
#include "engine/internal.h"
#include "base/buf.h"
#include "pki/pki.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS 10000u
#define PINHOLE_SETTLED_S 60 // longer than opening one and asking for a report take together

static const char *encode(const struct engine_flow *f, struct arena *arena)
{
	return arena_printf(arena, "%s %u %s %d %s %u %u %u", f->protocol, f->protocol_number,
			    f->source, f->has_source_port ? f->source_port : -1, f->destination,
			    f->destination_port, f->lifetime, f->idle);
}

bool engine_flow_decode(const char *text, struct arena *arena, struct engine_flow *out)
{
	char protocol[8], source[64], destination[64];
	int source_port;
	unsigned number, port, lifetime, idle;
	if (sscanf(text, "%7s %u %63s %d %63s %u %u %u", protocol, &number, source, &source_port,
		   destination, &port, &lifetime, &idle) != 8)
		return false;
	*out = (struct engine_flow){.source = arena_strdup(arena, source),
				    .destination = arena_strdup(arena, destination),
				    .protocol = arena_strdup(arena, protocol),
				    .protocol_number = (uint8_t)number,
				    .has_source_port = source_port >= 0,
				    .source_port = (uint16_t)source_port,
				    .destination_port = (uint16_t)port,
				    .lifetime = lifetime,
				    .idle = idle};
	return true;
}

static void split(const char *lines, struct arena *arena, struct engine_names *out)
{
	for (const char *p = lines, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!end)
			return;
		vec_push(arena, &out->list, arena_strndup(arena, p, (size_t)(end - p)));
	}
}

// --- the same request to several NSFs ---

struct round {
	struct engine *engine;
	enum engine_op op;
	const struct engine_flow *flow;
	const struct engine_names *nsf;
	struct item {
		struct arena arena;
		struct diags diags;
		bool ok;
	} * item;
};

static void ask(void *context, size_t index)
{
	struct round *r = context;
	uint32_t session = 0;
	struct engine_request request = {.op = r->op,
					 .nsf = r->nsf->list.at[index],
					 .session = &session,
					 .flow = r->flow,
					 .timeout_ms = TIMEOUT_MS};
	struct item *item = &r->item[index];
	item->ok = r->engine->opt.nsf->request(r->engine->opt.nsf_context, &request, &item->diags);
}

static bool ask_all(struct round *r, struct diags *diags)
{
	size_t n = r->nsf->list.len;
	bool ok = true;
	r->item = arena_array(diags->arena, struct item, n + 1);
	for (size_t i = 0; i < n; i++) {
		arena_init(&r->item[i].arena);
		diags_init(&r->item[i].diags, &r->item[i].arena);
	}
	pool_each(r->engine->pool, n, ask, r);
	for (size_t i = 0; i < n; i++) {
		ok = ok && r->item[i].ok;
		for (size_t k = 0; k < r->item[i].diags.list.len; k++) {
			struct diag about = r->item[i].diags.list.at[k];
			about.nsf = r->nsf->list.at[i];
			diag_add(diags, &about, "%s: %s", about.nsf, about.text);
		}
		arena_fini(&r->item[i].arena);
	}
	return ok;
}

// --- opening ---

static bool find_path(struct engine *engine, const struct engine_caller *caller,
		      const struct engine_flow *flow, struct diags *diags, struct engine_names *out)
{
	int family, other;
	u128 source, destination;
	if (!ir_address_parse(flow->source, &family, &source) ||
	    !ir_address_parse(flow->destination, &other, &destination) || family != other) {
		diag_error(diags, DIAG_VALUE, NULL, "give two addresses of one IP version",
			   "%s and %s are no endpoints of one flow", flow->source,
			   flow->destination);
		return false;
	}
	struct view view;
	registry_view(engine, caller->tenant, diags->arena, &view);
	query_path(&view, family, source, destination, diags->arena, out);
	if (!out->list.len)
		diag_error(diags, DIAG_PLACE, NULL,
			   "see that one of the addresses is among an NSF's guards and the other "
			   "is not",
			   "no NSF of the tenant stands between %s and %s", flow->source,
			   flow->destination);
	for (size_t i = 0; i < out->list.len; i++) {
		struct member *m = registry_find(engine, out->list.at[i]);
		if (!registry_is_connected(engine, m))
			diag_add(diags,
				 &(struct diag){.code = DIAG_UNREACHABLE,
						.nsf = m->name,
						.hint = "try again when it is back"},
				 "the NSF %s is on the path and not connected", m->name);
	}
	return !diags->errors;
}

static const char *join(const struct engine_names *names, struct arena *arena)
{
	struct buf lines;
	buf_init(&lines);
	for (size_t i = 0; i < names->list.len; i++)
		buf_printf(&lines, "%s\n", names->list.at[i]);
	const char *text = arena_strdup(arena, lines.data);
	buf_fini(&lines);
	return text;
}

static void record(struct engine *engine, enum engine_event_kind kind,
		   const struct store_pinhole *p, const char *who, const char *nsf)
{
	struct arena arena;
	arena_init(&arena);
	engine_record(engine, kind,
		      &(struct store_event){.who = who,
					    .tenant = p->tenant,
					    .nsf = nsf,
					    .detail = arena_printf(&arena, "%s: %s%s%s", p->id,
								   p->flow, p->reason ? ": " : "",
								   p->reason ? p->reason : "")});
	arena_fini(&arena);
}

// Whatever came of it, no NSF that said yes is left open.
static void undo(struct engine *engine, const struct engine_flow *flow,
		 const struct engine_names *names, struct store_pinhole *p, struct arena *arena)
{
	struct diags ignored;
	diags_init(&ignored, arena);
	struct round back = {
		.engine = engine, .op = ENGINE_OP_PINHOLE_CLOSE, .flow = flow, .nsf = names};
	bool closed = ask_all(&back, &ignored);
	p->state = STORE_CLOSED;
	p->reason = closed ? "could not be opened everywhere"
			   : "could not be opened everywhere; some NSFs close it by themselves";
}

bool engine_pinhole_open(struct engine *engine, const struct engine_caller *caller,
			 const struct engine_flow *flow, struct diags *diags, const char **id_out,
			 struct engine_names *nsfs_out)
{
	struct arena *arena = diags->arena;
	struct engine_names names = {0};
	if (!find_path(engine, caller, flow, diags, &names))
		return false;
	uint64_t number;
	pki_random(&number, sizeof(number));
	struct engine_flow ours = *flow;
	ours.id = arena_printf(arena, "ph-%016" PRIx64, number);
	struct store_pinhole p = {.id = ours.id,
				  .tenant = caller->tenant,
				  .author = caller->who,
				  .flow = encode(flow, arena),
				  .nsfs = join(&names, arena),
				  .opened = time(NULL),
				  .expires = time(NULL) + flow->lifetime};
	int rc = store_do(engine->store, pinhole_put, &p);
	if (rc)
		return engine_store_failed(rc, diags);
	struct round r = {
		.engine = engine, .op = ENGINE_OP_PINHOLE_OPEN, .flow = &ours, .nsf = &names};
	bool ok = ask_all(&r, diags);
	p.state = STORE_OPEN;
	if (!ok)
		undo(engine, &ours, &names, &p, arena);
	rc = store_do(engine->store, pinhole_put, &p);
	if (rc)
		return engine_store_failed(rc, diags);
	if (!ok)
		return false;
	record(engine, ENGINE_PINHOLE_OPENED, &p, caller->who, NULL);
	*id_out = ours.id;
	*nsfs_out = names;
	return true;
}

// --- closing ---

static bool find(struct engine *engine, const char *tenant, const char *id, struct diags *diags,
		 struct store_pinhole *out)
{
	int rc = store_do(engine->store, pinhole_get, id, diags->arena, out);
	if (rc < 0)
		return engine_store_failed(rc, diags);
	if (rc == 0 && (!tenant || strcmp(out->tenant, tenant) == 0) && out->state != STORE_CLOSED)
		return true;
	diag_error(diags, DIAG_ABSENT, "/bulwark-controller:pinholes",
		   "see /bulwark-controller:pinholes for those that are open",
		   "there is no open pinhole %s", id);
	return false;
}

static bool close_on(struct engine *engine, const struct store_pinhole *p, const char *but,
		     struct diags *diags)
{
	struct engine_names all = {0}, names = {0};
	split(p->nsfs, diags->arena, &all);
	for (size_t i = 0; i < all.list.len; i++)
		if (!but || strcmp(all.list.at[i], but))
			vec_push(diags->arena, &names.list, all.list.at[i]);
	struct engine_flow flow = {.id = p->id};
	struct round r = {
		.engine = engine, .op = ENGINE_OP_PINHOLE_CLOSE, .flow = &flow, .nsf = &names};
	return ask_all(&r, diags);
}

bool engine_pinhole_close(struct engine *engine, const struct engine_caller *caller, const char *id,
			  struct diags *diags)
{
	struct store_pinhole p;
	if (!find(engine, caller->tenant, id, diags, &p) || !close_on(engine, &p, NULL, diags))
		return false;
	p.state = STORE_CLOSED;
	p.reason = "requested";
	int rc = store_do(engine->store, pinhole_put, &p);
	if (rc)
		return engine_store_failed(rc, diags);
	record(engine, ENGINE_PINHOLE_CLOSED, &p, caller->who, NULL);
	return true;
}

struct news {
	struct engine *engine;
	char *nsf, *id, *reason;
};

static void close_others(void *context, size_t index)
{
	(void)index;
	struct news *n = context;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct store_pinhole p;
	if (find(n->engine, NULL, n->id, &diags, &p)) {
		p.state = STORE_CLOSED;
		p.reason = n->reason;
		int rc = store_do(n->engine->store, pinhole_put, &p);
		bool others = rc == 0 && close_on(n->engine, &p, n->nsf, &diags);
		record(n->engine, ENGINE_PINHOLE_CLOSED, &p, others ? n->nsf : ENGINE_SELF, n->nsf);
	}
	arena_fini(&arena);
	free(n->nsf);
	free(n->id);
	free(n->reason);
	free(n);
}

void pinhole_closed(struct engine *engine, const char *nsf, const char *id, const char *reason)
{
	if (!id)
		return;
	struct news *n = base_oom(calloc(1, sizeof(*n)));
	*n = (struct news){.engine = engine,
			   .nsf = base_oom(strdup(nsf)),
			   .id = base_oom(strdup(id)),
			   .reason = base_oom(strdup(reason ? reason : "it has ended"))};
	pool_run(engine->pool, close_others, n);
}

struct missing {
	struct arena *arena;
	int64_t before; // only what was opened by then can be in the report
	const char *nsf;
	const struct engine_report *report;
	struct engine_names id;
};

static bool is_on(const char *nsfs, const char *nsf)
{
	size_t len = strlen(nsf);
	for (const char *p = nsfs, *end; (end = strchr(p, '\n')); p = end + 1)
		if ((size_t)(end - p) == len && strncmp(p, nsf, len) == 0)
			return true;
	return false;
}

static void note_missing(const struct store_pinhole *p, void *context)
{
	struct missing *m = context;
	if (p->state != STORE_OPEN || p->opened > m->before || !is_on(p->nsfs, m->nsf))
		return;
	for (size_t i = 0; i < m->report->pinhole.len; i++)
		if (strcmp(m->report->pinhole.at[i], p->id) == 0)
			return;
	vec_push(m->arena, &m->id.list, arena_strdup(m->arena, p->id));
}

void pinhole_compare(struct engine *engine, const char *nsf, const struct engine_report *report,
		     struct arena *arena)
{
	struct missing m = {.arena = arena,
			    .before = time(NULL) - PINHOLE_SETTLED_S,
			    .nsf = nsf,
			    .report = report};
	if (store_do(engine->store, pinhole_each, &(struct store_query){0}, note_missing, &m))
		return; // compared again the next time
	for (size_t i = 0; i < m.id.list.len; i++)
		pinhole_closed(engine, nsf, m.id.list.at[i], "it ended while nobody listened");
}
