// SPDX-License-Identifier: Apache-2.0
// Messages as bytes. The one idea: one function for both directions. A `struct coder` either writes a member or reads
// it, so that encoder and decoder cannot come apart; the reader keeps the sticky error of base/wire.
// Strict: enumerations in range, truth 0 or 1, sets as the algebra has them, nothing behind the end.
// What it does not: framing (channel.c) and judging the contents (core.c).
#include "agent/message.h"

#include "base/buf.h"
#include "base/wire.h"

#include <assert.h>
#include <string.h>

const struct agent_type_info agent_type_info[AGENT_TYPES] = {
#define X(code, sender, text) [code] = {#code, sender},
#include "agent/messages.def"
#undef X
};
const char *const agent_reason_name[AGENT_REASONS] = {
	[AGENT_TIMEOUT] = "timeout",
	[AGENT_SESSION_END] = "session-end",
	[AGENT_RESTART] = "restart",
	[AGENT_CANCELLED] = "cancelled",
};
const char *const agent_closed_name[AGENT_CLOSEDS] = {
	[AGENT_REQUESTED] = "requested", [AGENT_LIFETIME] = "lifetime", [AGENT_IDLE] = "idle",
	[AGENT_UNUSED] = "unused",       [AGENT_FLUSHED] = "flushed",
};
const char *const agent_enforcement_name[AGENT_ENFORCEMENTS] = {
	[AGENT_NONE] = "none",       [AGENT_ENFORCED] = "enforced", [AGENT_DRIFTED] = "drifted",
	[AGENT_PENDING] = "pending", [AGENT_UNKNOWN] = "unknown",
};

// Exactly one of `out` (writing) and `in` (reading) is used.
struct coder {
	struct buf *out;
	struct wire_reader in;
	struct arena *arena;
};

// --- values ---

#define INTEGER(bits)                                                \
	static void code_u##bits(struct coder *c, uint##bits##_t *v) \
	{                                                            \
		if (c->out)                                          \
			wire_put_u##bits(c->out, *v);                \
		else                                                 \
			*v = wire_u##bits(&c->in);                   \
	}
INTEGER(8)
INTEGER(32)
INTEGER(64)
#undef INTEGER

static void code_u128(struct coder *c, u128 *v)
{
	if (c->out)
		wire_put_u128(c->out, *v);
	else
		*v = wire_u128(&c->in);
}

static void code_i64(struct coder *c, int64_t *v)
{
	uint64_t u = (uint64_t)*v;
	code_u64(c, &u);
	*v = (int64_t)u;
}

// A number below `limit`.
static unsigned code_below(struct coder *c, unsigned v, unsigned limit)
{
	uint8_t u = (uint8_t)v;
	code_u8(c, &u);
	if (u < limit)
		return u;
	assert(!c->out);
	c->in.bad = true;
	return 0;
}

static void code_bool(struct coder *c, bool *v)
{
	*v = code_below(c, *v, 2) == 1;
}

static void code_text(struct coder *c, const char **text)
{
	if (c->out)
		wire_put_text(c->out, *text);
	else
		*text = wire_text(&c->in, c->arena);
}

static void code_needed_text(struct coder *c, const char **text)
{
	code_text(c, text);
	if (!*text)
		c->in.bad = true;
}

static void code_bytes(struct coder *c, const void **data, size_t *len)
{
	if (c->out)
		wire_put_bytes(c->out, *data, *len);
	else
		*data = wire_bytes(&c->in, len);
}

// The number of items of a list: what is written, or what can be read.
static size_t code_count(struct coder *c, size_t len, size_t least)
{
	if (!c->out)
		return wire_count(&c->in, least);
	assert(len <= UINT32_MAX);
	wire_put_u32(c->out, (uint32_t)len);
	return len;
}

// Lists: `at`, `len`, `cap` of any VEC; the items are made when reading.
#define code_list(c, vec, least, code_item)                                             \
	do {                                                                            \
		size_t n_ = code_count((c), (vec)->len, (least));                       \
		if (!(c)->out) {                                                        \
			(vec)->at = arena_alloc((c)->arena, n_ * sizeof((vec)->at[0])); \
			(vec)->len = (vec)->cap = n_;                                   \
		}                                                                       \
		for (size_t i_ = 0; i_ < n_ && !(c)->in.bad; i_++)                      \
			code_item((c), &(vec)->at[i_]);                                 \
	} while (0)

// --- parts ---

static void code_diag(struct coder *c, struct diag *diag)
{
	diag->severity = code_below(c, diag->severity, DIAG_NOTE + 1);
	diag->code = code_below(c, diag->code, DIAG_CODES);
	code_text(c, &diag->path);
	code_text(c, &diag->nsf);
	code_text(c, &diag->policy);
	code_text(c, &diag->rule);
	code_text(c, &diag->condition);
	code_text(c, &diag->capability);
	code_needed_text(c, &diag->text);
	code_text(c, &diag->hint);
}

static void code_diags(struct coder *c, struct diags *diags)
{
	if (!c->out) {
		diags_init(diags, c->arena);
		size_t n = code_count(c, 0, 34);
		if (n > DIAGS_MOST)
			c->in.bad = true;
		for (size_t i = 0; i < n && !c->in.bad; i++) {
			struct diag diag = {.code = DIAG_FAILED};
			code_diag(c, &diag);
			if (!c->in.bad)
				diag_add(diags, &diag, "%s", diag.text);
		}
		return;
	}
	(void)code_count(c, diags->list.len, 34);
	for (size_t i = 0; i < diags->list.len; i++)
		code_diag(c, &diags->list.at[i]);
}

static void code_difference(struct coder *c, struct backend_difference *d)
{
	d->change = code_below(c, d->change, BACKEND_REORDERED + 1);
	code_text(c, &d->policy);
	code_text(c, &d->rule);
	code_text(c, &d->intended);
	code_text(c, &d->found);
	code_text(c, &d->witness);
}

static void code_differences(struct coder *c, struct backend_differences *differences)
{
	if (!c->out)
		differences->arena = c->arena;
	code_list(c, &differences->list, 21, code_difference);
}

static void code_digests(struct coder *c, struct agent_digests *digests)
{
	code_text(c, &digests->intended);
	code_text(c, &digests->policy);
	code_text(c, &digests->enforced);
	code_i64(c, &digests->lowered_at);
	code_i64(c, &digests->horizon);
	code_u32(c, &digests->generation);
}

static void code_counter(struct coder *c, struct backend_count *count)
{
	code_u64(c, &count->packets);
	code_u64(c, &count->bytes);
}

static void code_range(struct coder *c, struct algebra_range *range)
{
	code_u128(c, &range->lo);
	code_u128(c, &range->hi);
}

// Canonical and within a port's 16 bits.
static void code_ports(struct coder *c, struct algebra_set *set)
{
	size_t n = code_count(c, set->len, 32);
	struct algebra_range *range =
		c->out ? NULL : arena_array(c->arena, struct algebra_range, n);
	for (size_t i = 0; i < n && !c->in.bad; i++) {
		struct algebra_range r = c->out ? set->at[i] : (struct algebra_range){0, 0};
		code_range(c, &r);
		if (c->out)
			continue;
		if (r.lo > r.hi || r.hi > UINT16_MAX || (i && range[i - 1].hi + 1 >= r.lo))
			c->in.bad = true;
		range[i] = r;
	}
	if (!c->out)
		*set = (struct algebra_set){.at = range, .len = n};
}

static void code_pinhole(struct coder *c, struct backend_pinhole *pinhole)
{
	code_needed_text(c, &pinhole->name);
	pinhole->family = code_below(c, pinhole->family == 6, 2) ? 6 : 4;
	code_u128(c, &pinhole->src);
	code_u128(c, &pinhole->dst);
	code_u8(c, &pinhole->proto);
	code_ports(c, &pinhole->sport);
	code_ports(c, &pinhole->dport);
	code_i64(c, &pinhole->end);
	code_u32(c, &pinhole->setup);
	code_u32(c, &pinhole->idle);
	u128 most = algebra_max(pinhole->family == 6 ? 128 : 32);
	if (pinhole->src > most || pinhole->dst > most)
		c->in.bad = true;
}

static void code_other(struct coder *c, struct backend_other *other)
{
	other->kind = code_below(c, other->kind, BACKEND_OTHER_UNKNOWN + 1);
	code_needed_text(c, &other->where);
	code_needed_text(c, &other->rule);
	code_text(c, &other->witness);
}

static void code_pinhole_state(struct coder *c, struct backend_pinhole_state *state)
{
	code_pinhole(c, &state->pinhole);
	code_bool(c, &state->closed);
	code_i64(c, &state->lifetime);
	code_u32(c, &state->idle_ms);
	code_counter(c, &state->count);
}

static void code_rule(struct coder *c, struct agent_rule_state *rule)
{
	code_text(c, &rule->policy);
	code_text(c, &rule->name);
	code_text(c, &rule->digest);
	code_text(c, &rule->difference);
	code_bool(c, &rule->enforced);
	code_counter(c, &rule->count);
}

static void code_event(struct coder *c, struct agent_event_entry *event)
{
	code_u64(c, &event->sequence);
	code_i64(c, &event->time);
	code_needed_text(c, &event->kind);
	code_needed_text(c, &event->text);
}

uint16_t agent_endpoint_port(const struct agent_endpoint *endpoint)
{
	return endpoint->ssh ? AGENT_PORT_CALL_HOME_SSH : AGENT_PORT_CALL_HOME;
}

// --- bodies ---

static void code_endpoint(struct coder *c, struct agent_endpoint *endpoint)
{
	code_u8(c, &endpoint->controller);
	code_bool(c, &endpoint->ssh);
	code_needed_text(c, &endpoint->address);
}

static void code_start(struct coder *c, struct agent_start *start)
{
	code_needed_text(c, &start->name);
	start->listeners = (uint8_t)code_below(c, start->listeners, AGENT_LISTENERS_MOST + 1);
	code_u8(c, &start->over_ssh);
	code_u32(c, &start->sessions);
	code_text(c, &start->recovery);
	code_list(c, &start->endpoint, 5, code_endpoint);
	code_bool(c, &start->last_connected);
	code_u32(c, &start->call_wait);
	code_u32(c, &start->keepalive);
	code_bool(c, &start->pending);
	code_text(c, &start->persist);
	code_u32(c, &start->version);
}

static void code_kept(struct coder *c, struct agent_kept *kept)
{
	kept->which = code_below(c, kept->which, AGENT_KEPTS);
	code_bool(c, &kept->begins);
	code_bytes(c, &kept->data, &kept->len);
}

static void code_terms(struct coder *c, struct agent_terms *terms)
{
	code_bool(c, &terms->confirmed);
	code_u32(c, &terms->timeout);
	code_text(c, &terms->persist);
}

static void code_apply(struct coder *c, struct agent_apply *apply)
{
	apply->default_action = code_below(c, apply->default_action, IR_VERDICTS);
	code_terms(c, &apply->terms);
}

static void code_size(struct coder *c, size_t *size)
{
	uint32_t v = (uint32_t)*size;
	code_u32(c, &v);
	*size = v;
}

// `to` follows from the edits before.
static void code_edit(struct coder *c, struct backend_edit *edit)
{
	code_size(c, &edit->at);
	code_size(c, &edit->removed);
	code_size(c, &edit->inserted);
}

static void place_edits(struct coder *c, struct agent_change *change)
{
	size_t end = 0, len = change->before; // of what is replaced; of what there is then
	for (size_t i = 0; i < change->edit.len && !c->in.bad; i++) {
		struct backend_edit *e = &change->edit.at[i];
		e->to = len - change->before + e->at;
		len = len + e->inserted - e->removed;
		if (e->at < end + (i > 0) || (!e->removed && !e->inserted) ||
		    e->at + e->removed > change->before || e->inserted > IR_RULES_MOST)
			c->in.bad = true;
		end = e->at + e->removed;
	}
	if (len > IR_RULES_MOST || change->before > IR_RULES_MOST)
		c->in.bad = true;
}

static void code_change(struct coder *c, struct agent_change *change)
{
	code_u32(c, &change->version);
	code_u32(c, &change->before);
	code_list(c, &change->edit, 12, code_edit);
	if (change->edit.len > AGENT_EDITS_MOST)
		c->in.bad = true;
	if (!c->out)
		place_edits(c, change);
	code_bytes(c, &change->rules.data, &change->rules.len);
	code_needed_text(c, &change->text);
	code_terms(c, &change->terms);
}

static void code_report(struct coder *c, struct agent_report *report)
{
	code_i64(c, &report->boot_time);
	code_i64(c, &report->verified_at);
	report->enforcement = code_below(c, report->enforcement, AGENT_ENFORCEMENTS);
	code_digests(c, &report->digests);
	code_bool(c, &report->pending);
	code_text(c, &report->persist);
	code_u32(c, &report->seconds_left);
	code_u32(c, &report->repairs);
	code_list(c, &report->rule, 33, code_rule);
	code_differences(c, &report->differences);
	if (!c->out)
		report->others.arena = c->arena;
	code_list(c, &report->others.list, 13, code_other);
	if (!c->out)
		report->pinholes.arena = c->arena;
	code_list(c, &report->pinholes.list, 84, code_pinhole_state);
	code_list(c, &report->event, 24, code_event);
}

static void code_proof(struct coder *c, struct agent_proof *proof)
{
	code_bool(c, &proof->equal);
	code_digests(c, &proof->digests);
	code_differences(c, &proof->differences);
}

static void code_ask(struct coder *c, struct agent_evidence_ask *ask)
{
	code_text(c, &ask->chain);
	code_u64(c, &ask->serial);
}

static void code_record(struct coder *c, struct agent_record *record)
{
	code_needed_text(c, &record->text);
	code_needed_text(c, &record->signature);
}

static void code_records(struct coder *c, struct agent_records *records)
{
	code_text(c, &records->certificate);
	code_list(c, &records->record, 8, code_record);
	code_bool(c, &records->more);
}

static void code_told(struct coder *c, struct agent_message *m)
{
	switch ((int)m->type) {
	case AGENT_COMMITTED:
		code_text(c, &m->committed.digest);
		code_u32(c, &m->committed.generation);
		break;
	case AGENT_REVERTED:
		m->reverted.reason = code_below(c, m->reverted.reason, AGENT_REASONS);
		code_text(c, &m->reverted.digest);
		break;
	case AGENT_DRIFT:
		code_differences(c, &m->drift.differences);
		code_u32(c, &m->drift.total);
		break;
	case AGENT_REPAIRED:
		code_u32(c, &m->repaired.generation);
		code_u32(c, &m->repaired.milliseconds);
		break;
	case AGENT_CLOSED:
		code_needed_text(c, &m->closed.name);
		m->closed.reason = code_below(c, m->closed.reason, AGENT_CLOSEDS);
		break;
	case AGENT_PROVEN:
		code_u64(c, &m->proven.serial);
		m->proven.trigger = code_below(c, m->proven.trigger, EVIDENCE_TRIGGERS);
		m->proven.result = code_below(c, m->proven.result, EVIDENCE_RESULTS);
		break;
	default: // without a body
		break;
	}
}

static void code_body(struct coder *c, struct agent_message *m)
{
	switch ((int)m->type) {
	case AGENT_START:
		code_start(c, &m->start);
		break;
	case AGENT_KEPT:
		code_kept(c, &m->kept);
		break;
	case AGENT_TEXT:
	case AGENT_RULES:
		code_bytes(c, &m->piece.data, &m->piece.len);
		break;
	case AGENT_APPLY:
		code_apply(c, &m->apply);
		break;
	case AGENT_CHANGE:
		code_change(c, &m->change);
		break;
	case AGENT_CANCEL:
		code_bool(c, &m->session_ended);
		break;
	case AGENT_STARTUP:
		code_text(c, &m->text);
		break;
	case AGENT_CLOSE:
		code_needed_text(c, &m->text);
		break;
	case AGENT_OPEN:
		code_pinhole(c, &m->pinhole);
		break;
	case AGENT_TRUST:
		code_text(c, &m->trust.ca);
		code_text(c, &m->trust.crl);
		break;
	case AGENT_RESULT:
		code_bool(c, &m->result.ok);
		code_diags(c, &m->result.diags);
		break;
	case AGENT_REPORT:
		code_report(c, &m->report);
		break;
	case AGENT_PROOF:
		code_proof(c, &m->proof);
		break;
	case AGENT_EVIDENCE:
		code_ask(c, &m->ask);
		break;
	case AGENT_RECORDS:
		code_records(c, &m->records);
		break;
	default:
		code_told(c, m);
	}
}

static void code_message(struct coder *c, struct agent_message *m)
{
	m->type = code_below(c, m->type, AGENT_TYPES);
	code_u32(c, &m->id);
	if (!c->in.bad)
		code_body(c, m);
}

void agent_message_encode(const struct agent_message *message, struct buf *out)
{
	struct agent_message copy = *message; // the coder takes what it may also write
	struct coder c = {.out = out};
	code_message(&c, &copy);
	assert(!c.in.bad);
}

bool agent_message_decode(const void *data, size_t len, struct arena *arena,
			  struct agent_message *out)
{
	struct coder c = {.in = wire_reader(data, len), .arena = arena};
	struct agent_message message = {.id = 0};
	code_message(&c, &message);
	if (c.in.bad || !wire_done(&c.in))
		return false;
	*out = message;
	return true;
}
