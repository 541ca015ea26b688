// SPDX-License-Identifier: Apache-2.0
// Records of proofs, as data and as the answer of the operation that finds them.
//
// The idea: a record goes out as the line that the NSF has signed; what stands beside it is only for finding it.
#include "north/call.h"

#include "ir/period.h"

#include <stdlib.h>
#include <string.h>

static void keep(const struct store_evidence *e, void *context)
{
	struct evidence_rows *rows = context;
	struct arena *a = rows->arena;
	struct store_evidence copy = *e;
	copy.nsf = arena_strdup(a, e->nsf);
	copy.tenant = arena_strdup(a, e->tenant);
	copy.chain = arena_strdup(a, e->chain);
	copy.trigger = arena_strdup(a, e->trigger);
	copy.result = arena_strdup(a, e->result);
	copy.fault = arena_strdup(a, e->fault);
	copy.record = arena_strdup(a, e->record);
	copy.signature = arena_strdup(a, e->signature);
	copy.certificate = arena_strdup(a, e->certificate);
	vec_push(a, &rows->row, copy);
}

int evidence_read_rows(struct exchange *x, const struct store_evidence_query *query,
		       struct evidence_rows *out)
{
	*out = (struct evidence_rows){.arena = &x->arena};
	int rc = engine_each_evidence(x->engine, query, keep, out);
	for (size_t i = 0, j = out->row.len; query->newest && i + 1 < j; i++) {
		struct store_evidence swapped = out->row.at[i];
		out->row.at[i] = out->row.at[--j];
		out->row.at[j] = swapped;
	}
	return rc;
}

static void write_row(struct restconf_writer *out, const struct store_evidence *e)
{
	restconf_entry_open(out);
	restconf_big(out, "id", e->id);
	restconf_text(out, "nsf", e->nsf);
	restconf_text(out, "tenant", e->tenant);
	restconf_text(out, "chain", e->chain);
	restconf_big(out, "serial", e->serial);
	restconf_time(out, "time", e->time);
	restconf_time(out, "received", e->received);
	if (e->job)
		restconf_number(out, "job", e->job);
	restconf_text(out, "trigger", e->trigger);
	restconf_text(out, "result", e->result);
	restconf_number(out, "differences", e->differences);
	restconf_text(out, "fault", e->fault);
	restconf_text(out, "record", e->record);
	restconf_text(out, "signature", e->signature);
	restconf_entry_close(out);
}

void evidence_write_rows(struct restconf_writer *out, const struct evidence_rows *rows)
{
	restconf_list_open(out, "record");
	for (size_t i = 0; i < rows->row.len; i++)
		write_row(out, &rows->row.at[i]);
	restconf_list_close(out);
}

void evidence_write_last(struct restconf_writer *out, const struct store_evidence *last)
{
	if (!last)
		return;
	restconf_open(out, "evidence");
	restconf_big(out, "serial", last->serial);
	restconf_time(out, "time", last->time);
	restconf_text(out, "result", last->result);
	restconf_text(out, "fault", last->fault);
	restconf_close(out, "evidence");
}

// --- the operation ---

// Each certificate once.
static void write_certificates(struct call *c, const struct evidence_rows *rows)
{
	struct map seen = {.arena = &c->x->arena};
	VEC(const char *) list = {.len = 0};
	for (size_t i = 0; i < rows->row.len; i++) {
		const char *pem = rows->row.at[i].certificate;
		if (pem && !map_put(&seen, pem, &seen))
			vec_push(&c->x->arena, &list, pem);
	}
	restconf_texts(&c->out, "certificate", list.at, list.len);
}

static bool read_time(struct call *c, const char *name, int64_t *out)
{
	const char *text = call_text(c, name);
	if (!text || ir_time_parse(text, out))
		return true;
	diag_error(&c->x->diags, DIAG_VALUE, NULL, "give it as 2026-03-11T09:00:00Z",
		   "%s: not a time", name);
	return false;
}

bool call_evidence(struct call *c)
{
	struct exchange *x = c->x;
	const char *after = call_text(c, "after");
	struct store_evidence_query query = {.tenant = tenant_seen(x),
					     .nsf = call_text(c, "nsf"),
					     .after = after ? strtoull(after, NULL, 10) : 0,
					     .newest = !after,
					     .most = call_number(c, "most")};
	struct evidence_rows rows;
	if (!read_time(c, "from", &query.from) || !read_time(c, "until", &query.until))
		return false;
	int rc = evidence_read_rows(x, &query, &rows);
	if (rc) {
		diag_error(&x->diags, DIAG_IO, NULL,
			   "see that the disk of the state directory is healthy and not full",
			   "the controller's database failed: %s", strerror(-rc));
		return false;
	}
	call_begin(c);
	evidence_write_rows(&c->out, &rows);
	write_certificates(c, &rows);
	return call_end(c);
}
