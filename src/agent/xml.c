// SPDX-License-Identifier: Apache-2.0
// What the agent says, as XML. Printed directly: thirteen times cheaper than building a tree to print, and a read of
// a large policy's state is frequent. A test validates what comes out against the module.
#include "agent/xml.h"

#include "base/buf.h"
#include "ir/ir.h"

#include <assert.h>
#include <inttypes.h>

static void text(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(out, "<%s>", name);
	buf_add_xml(out, value);
	buf_printf(out, "</%s>", name);
}

static void number(struct buf *out, const char *name, uint64_t value)
{
	buf_printf(out, "<%s>%" PRIu64 "</%s>", name, value, name);
}

static void truth(struct buf *out, const char *name, bool value)
{
	text(out, name, value ? "true" : "false");
}

static void date(struct buf *out, const char *name, int64_t time)
{
	char printed[32];
	if (!time)
		return;
	ir_time_print(time, printed);
	text(out, name, printed);
}

static void open_element(struct buf *out, const char *name)
{
	buf_printf(out, "<%s xmlns=\"" AGENT_NAMESPACE "\">", name);
}

// `attribute` goes into each element's tag.
static void differences(struct buf *out, const struct backend_differences *list,
			const char *attribute)
{
	for (size_t i = 0; i < list->list.len; i++) {
		const struct backend_difference *d = &list->list.at[i];
		buf_printf(out, "<difference%s>", attribute);
		text(out, "kind", backend_change_name[d->change]);
		text(out, "policy", d->policy);
		text(out, "rule", d->rule);
		text(out, "intended", d->intended);
		text(out, "found", d->found);
		text(out, "witness", d->witness);
		buf_adds(out, "</difference>");
	}
}

// As the models have them: nothing of the times where there is no policy.
static void digests(struct buf *out, const struct agent_digests *d)
{
	number(out, "generation", d->generation);
	text(out, "intended-digest", d->intended);
	text(out, "policy-digest", d->policy);
	text(out, "enforced-digest", d->enforced);
}

static void times(struct buf *out, const struct agent_digests *d)
{
	if (!d->policy)
		return;
	buf_printf(out, "<lowered-at>%" PRId64 "</lowered-at><horizon>%" PRId64 "</horizon>",
		   d->lowered_at, d->horizon);
}

static void other(struct buf *out, const struct backend_other *o)
{
	buf_adds(out, "<foreign>");
	text(out, "kind", backend_other_name[o->kind]);
	text(out, "where", o->where);
	text(out, "rule", o->rule);
	text(out, "witness", o->witness);
	buf_adds(out, "</foreign>");
}

static void rule(struct buf *out, const struct agent_rule_state *rule, size_t index)
{
	buf_adds(out, "<rule>");
	number(out, "index", index);
	text(out, "policy", rule->policy);
	text(out, "name", rule->name);
	text(out, "digest", rule->digest);
	truth(out, "enforced", rule->enforced);
	number(out, "packets", rule->count.packets);
	number(out, "bytes", rule->count.bytes);
	text(out, "difference", rule->difference);
	buf_adds(out, "</rule>");
}

static void address(struct buf *out, const char *name, int family, u128 value)
{
	buf_printf(out, "<%s>", name);
	ir_value_print(family == 6 ? IR_SRC6 : IR_SRC4, value, out);
	buf_printf(out, "</%s>", name);
}

static void pinhole(struct buf *out, const struct backend_pinhole_state *state)
{
	const struct backend_pinhole *p = &state->pinhole;
	buf_adds(out, "<pinhole>");
	text(out, "id", p->name);
	address(out, "source", p->family, p->src);
	address(out, "destination", p->family, p->dst);
	number(out, "protocol", p->proto);
	if (p->sport.len)
		number(out, "source-port", (uint64_t)p->sport.at[0].lo);
	if (p->dport.len)
		number(out, "destination-port", (uint64_t)p->dport.at[0].lo);
	if (p->dport.len && p->dport.at[0].hi != p->dport.at[0].lo)
		number(out, "last-destination-port", (uint64_t)p->dport.at[0].hi);
	text(out, "state", state->count.packets ? "active" : "waiting");
	number(out, "lifetime-left", state->lifetime > 0 ? (uint64_t)state->lifetime : 0);
	number(out, "idle-left", state->idle_ms / 1000);
	number(out, "packets", state->count.packets);
	number(out, "bytes", state->count.bytes);
	buf_adds(out, "</pinhole>");
}

static void event(struct buf *out, const struct agent_event_entry *entry)
{
	buf_adds(out, "<event>");
	number(out, "sequence", entry->sequence);
	date(out, "time", entry->time);
	text(out, "kind", entry->kind);
	text(out, "text", entry->text);
	buf_adds(out, "</event>");
}

static void pending(struct buf *out, const struct agent_report *report)
{
	if (!report->pending)
		return;
	buf_adds(out, "<pending>");
	text(out, "persist-id", report->persist);
	number(out, "seconds-left", report->seconds_left);
	buf_adds(out, "</pending>");
}

void agent_xml_report(const struct agent_report *report, const char *name, struct buf *out)
{
	open_element(out, "nsf-state");
	text(out, "name", name);
	text(out, "version", BULWARK_VERSION);
	date(out, "boot-time", report->boot_time);
	text(out, "enforcement", agent_enforcement_name[report->enforcement]);
	digests(out, &report->digests);
	date(out, "verified-at", report->verified_at);
	times(out, &report->digests);
	pending(out, report);
	number(out, "repairs", report->repairs);
	for (size_t i = 0; i < report->rule.len; i++)
		rule(out, &report->rule.at[i], i);
	differences(out, &report->differences, "");
	for (size_t i = 0; i < report->others.list.len; i++)
		other(out, &report->others.list.at[i]);
	for (size_t i = 0; i < report->pinholes.list.len; i++)
		pinhole(out, &report->pinholes.list.at[i]);
	for (size_t i = 0; i < report->event.len; i++)
		event(out, &report->event.at[i]);
	buf_adds(out, "</nsf-state>");
}

static void in_namespace(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	open_element(out, name);
	buf_add_xml(out, value);
	buf_printf(out, "</%s>", name);
}

static void number_in_namespace(struct buf *out, const char *name, int64_t value)
{
	open_element(out, name);
	buf_printf(out, "%" PRId64 "</%s>", value, name);
}

// The output stands at the top of the reply, so each element names its namespace.
void agent_xml_proof(const struct agent_proof *proof, struct buf *out)
{
	const struct agent_digests *d = &proof->digests;
	in_namespace(out, "equal", proof->equal ? "true" : "false");
	in_namespace(out, "intended-digest", d->intended);
	in_namespace(out, "policy-digest", d->policy);
	in_namespace(out, "enforced-digest", d->enforced);
	if (d->policy) {
		number_in_namespace(out, "lowered-at", d->lowered_at);
		number_in_namespace(out, "horizon", d->horizon);
	}
	number_in_namespace(out, "generation", d->generation);
	differences(out, &proof->differences, " xmlns=\"" AGENT_NAMESPACE "\"");
}

void agent_xml_records(const struct agent_records *records, struct buf *out)
{
	in_namespace(out, "certificate", records->certificate);
	for (size_t i = 0; i < records->record.len; i++) {
		open_element(out, "record");
		text(out, "text", records->record.at[i].text);
		text(out, "signature", records->record.at[i].signature);
		buf_adds(out, "</record>");
	}
	in_namespace(out, "more", records->more ? "true" : "false");
}

void agent_xml_notice(const struct agent_message *notice, struct buf *out)
{
	switch ((int)notice->type) {
	case AGENT_COMMITTED:
		open_element(out, "committed");
		text(out, "policy-digest", notice->committed.digest);
		number(out, "generation", notice->committed.generation);
		buf_adds(out, "</committed>");
		break;
	case AGENT_REVERTED:
		open_element(out, "reverted");
		text(out, "reason", agent_reason_name[notice->reverted.reason]);
		text(out, "policy-digest", notice->reverted.digest);
		buf_adds(out, "</reverted>");
		break;
	case AGENT_DRIFT:
		open_element(out, "drift");
		differences(out, &notice->drift.differences, "");
		number(out, "differences", notice->drift.total);
		buf_adds(out, "</drift>");
		break;
	case AGENT_REPAIRED:
		open_element(out, "repaired");
		number(out, "generation", notice->repaired.generation);
		number(out, "milliseconds", notice->repaired.milliseconds);
		buf_adds(out, "</repaired>");
		break;
	case AGENT_PROVEN:
		open_element(out, "evidence");
		number(out, "serial", notice->proven.serial);
		text(out, "trigger", evidence_trigger_name[notice->proven.trigger]);
		text(out, "result", evidence_result_name[notice->proven.result]);
		buf_adds(out, "</evidence>");
		break;
	case AGENT_CLOSED:
		open_element(out, "pinhole-closed");
		text(out, "id", notice->closed.name);
		text(out, "reason", agent_closed_name[notice->closed.reason]);
		buf_adds(out, "</pinhole-closed>");
		break;
	default:
		assert(false);
	}
}
