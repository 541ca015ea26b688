// SPDX-License-Identifier: Apache-2.0
// What the engine asks for, as NETCONF operations (RFC 6241 sections 7 and 8, module bulwark-nsf).
//
// The idea: each step of the engine is a fixed list of operations that are sent one behind another;
// the first that is refused is the step's answer.
#include "south/internal.h"
#include "base/buf.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/xml.h"
#include "schema/schema.h"

#include <inttypes.h>
#include <string.h>

#define NSF "urn:bulwark:nsf"
#define BASE " xmlns=\"" NETCONF_NS_BASE "\""

static const char *const lock_rpcs[] = {"<lock" BASE "><target><candidate/></target></lock>",
					"<lock" BASE "><target><running/></target></lock>"};
static const char *const unlock_rpcs[] = {"<discard-changes" BASE "/>",
					  "<unlock" BASE "><target><running/></target></unlock>",
					  "<unlock" BASE "><target><candidate/></target></unlock>"};
static const char *const validate_rpcs[] = {"<validate" BASE
					    "><source><candidate/></source></validate>"};

struct step {
	struct south *south;
	const struct engine_request *request;
	struct diags *diags;
};

static bool run(const struct step *s, const char *const *rpc, size_t rpcs, bool take_session)
{
	struct call call = {.south = s->south,
			    .nsf = s->request->nsf,
			    .session = s->request->session,
			    .take_session = take_session,
			    .rpc = rpc,
			    .rpcs = rpcs,
			    .timeout_ms = s->request->timeout_ms,
			    .diags = s->diags};
	return call_run(&call);
}

static bool run_one(const struct step *s, const char *rpc)
{
	return run(s, &rpc, 1, false);
}

// A session that ended before its time may have left changes in the candidate, which then cannot be
// locked (RFC 6241 section 8.3.5.2): thrown away, and tried once more.
static bool lock(const struct step *s)
{
	struct diags first;
	diags_init(&first, s->diags->arena);
	struct step attempt = *s;
	attempt.diags = &first;
	if (run(&attempt, lock_rpcs, array_len(lock_rpcs), true))
		return true;
	struct diags ignored;
	diags_init(&ignored, s->diags->arena);
	attempt.diags = &ignored;
	bool cleaned = run(&attempt, unlock_rpcs, array_len(unlock_rpcs), false);
	(void)cleaned; // each of the three may be refused for good reasons
	return run(s, lock_rpcs, array_len(lock_rpcs), true);
}

// --- edit: the policies become those of the request, and nothing else is touched ---

#define POLICY "i2nsf-security-policy"
#define POLICY_NS "urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface"
#define OPERATION(name) " xmlns:nc=\"" NETCONF_NS_BASE "\" nc:operation=\"" name "\""

// The next start tag of a policy; NULL: none.
static const char *find_policy(const char *text)
{
	static const char tag[] = "<" POLICY;
	while (text && (text = strstr(text, tag)))
		if (strchr(" >", text[sizeof(tag) - 1]))
			return text;
		else
			text++;
	return NULL;
}

// Our own writing: the name stands first in a policy.
static bool has_policy(const char *text, const char *name)
{
	struct buf wanted cleanup(buf_fini);
	bool found = false;
	buf_init(&wanted);
	buf_adds(&wanted, "<name>");
	buf_add_xml(&wanted, name);
	buf_adds(&wanted, "</name>");
	while (!found && (text = find_policy(text))) {
		text = strchr(text, '>');
		if (!text)
			break;
		text += 1 + strspn(text + 1, " \t\r\n");
		found = strncmp(text, wanted.data, wanted.len) == 0;
	}
	return found;
}

static void add_replaced(struct buf *rpc, const char *text)
{
	static const size_t tag = sizeof("<" POLICY) - 1;
	for (const char *p; (p = find_policy(text)); text = p + tag) {
		buf_add(rpc, text, (size_t)(p + tag - text));
		buf_adds(rpc, OPERATION("replace"));
	}
	buf_adds(rpc, text);
}

// What stands in the candidate and is not wanted any more. The content of <data> has no root of its own.
static void add_removed(const struct step *s, const struct buf *data, const char *text,
			struct buf *rpc)
{
	struct netconf_xml root = {.arena = s->diags->arena, .content = {data->data, data->len}};
	struct netconf_xml policy, name;
	for (bool more = data->len && netconf_xml_first(&root, &policy); more;
	     more = netconf_xml_next(&root, &policy)) {
		if (!netconf_xml_is(&policy, POLICY_NS, POLICY) ||
		    !netconf_xml_child(&policy, POLICY_NS, "name", &name))
			continue;
		const char *value = netconf_xml_text(&name);
		if (!value || has_policy(text, value))
			continue;
		buf_adds(rpc, "<" POLICY " xmlns=\"" POLICY_NS "\"" OPERATION("remove") "><name>");
		buf_add_xml(rpc, value);
		buf_adds(rpc, "</name></" POLICY ">");
	}
}

static bool get_policies(const struct step *s, struct buf *data)
{
	const char *rpc =
		"<get-config" BASE "><source><candidate/></source><filter type=\"subtree\">"
		"<" POLICY " xmlns=\"" POLICY_NS "\"><name/></" POLICY "></filter>"
		"</get-config>";
	struct call call = {.south = s->south,
			    .nsf = s->request->nsf,
			    .session = s->request->session,
			    .rpc = &rpc,
			    .rpcs = 1,
			    .timeout_ms = s->request->timeout_ms,
			    .diags = s->diags,
			    .data = data};
	return call_run(&call);
}

static bool edit(const struct step *s)
{
	const char *text = s->request->text ? s->request->text : "";
	struct buf rpc cleanup(buf_fini), data cleanup(buf_fini);
	buf_init(&rpc);
	buf_init(&data);
	buf_adds(&rpc, "<edit-config" BASE "><target><candidate/></target>"
		       "<error-option>rollback-on-error</error-option><config>");
	if (!get_policies(s, &data))
		return false;
	add_removed(s, &data, text, &rpc);
	add_replaced(&rpc, text);
	buf_adds(&rpc, "</config></edit-config>");
	return run_one(s, rpc.data);
}

static bool commit(const struct step *s)
{
	return run_one(s, arena_printf(s->diags->arena,
				       "<commit" BASE "><confirmed/><confirm-timeout>%u"
				       "</confirm-timeout><persist>%s</persist></commit>",
				       s->request->confirm_timeout, s->request->persist));
}

static bool confirm(const struct step *s)
{
	return run_one(s, arena_printf(s->diags->arena,
				       "<commit" BASE "><persist-id>%s</persist-id></commit>",
				       s->request->persist));
}

// Refused with invalid-value: no commit of this id waits (RFC 6241 section 8.4.4.1), so there is
// nothing to cancel.
static bool cancel(const struct step *s)
{
	struct diags answer;
	diags_init(&answer, s->diags->arena);
	struct step attempt = *s;
	attempt.diags = &answer;
	if (run_one(&attempt, arena_printf(s->diags->arena,
					   "<cancel-commit" BASE "><persist-id>%s</persist-id>"
					   "</cancel-commit>",
					   s->request->persist)))
		return true;
	bool nothing = answer.list.len && answer.list.at[0].code == DIAG_VALUE;
	for (size_t i = 0; i < answer.list.len && !nothing; i++)
		diag_add(s->diags, &answer.list.at[i], "%s", answer.list.at[i].text);
	return nothing;
}

static bool trust(const struct step *s)
{
	struct buf rpc;
	buf_init(&rpc);
	buf_adds(&rpc, "<update-trust xmlns=\"" NSF "\"><crl>");
	buf_add_xml(&rpc, s->request->text);
	buf_adds(&rpc, "</crl></update-trust>");
	bool ok = run_one(s, rpc.data);
	buf_fini(&rpc);
	return ok;
}

static void add_address(struct buf *rpc, const char *name, const char *address)
{
	buf_printf(rpc, "<%s>%s</%s>", name, address, name);
}

static bool open_pinhole(const struct step *s)
{
	const struct engine_flow *f = s->request->flow;
	struct buf rpc;
	buf_init(&rpc);
	buf_printf(&rpc, "<open-pinhole xmlns=\"" NSF "\"><id>%s</id>", f->id);
	add_address(&rpc, "source", f->source);
	add_address(&rpc, "destination", f->destination);
	buf_printf(&rpc, "<protocol>%u</protocol>", f->protocol_number);
	if (f->has_source_port)
		buf_printf(&rpc, "<source-port>%u</source-port>", f->source_port);
	buf_printf(&rpc,
		   "<destination-port>%u</destination-port><lifetime>%u</lifetime>"
		   "<idle-timeout>%u</idle-timeout></open-pinhole>",
		   f->destination_port, f->lifetime, f->idle);
	bool ok = run_one(s, rpc.data);
	buf_fini(&rpc);
	return ok;
}

static bool close_pinhole(const struct step *s)
{
	struct diags answer;
	diags_init(&answer, s->diags->arena);
	struct step attempt = *s;
	attempt.diags = &answer;
	if (run_one(&attempt, arena_printf(s->diags->arena,
					   "<close-pinhole xmlns=\"" NSF "\"><id>%s</id>"
					   "</close-pinhole>",
					   s->request->flow->id)))
		return true;
	enum diag_code code = answer.list.len ? answer.list.at[0].code : DIAG_FAILED;
	bool nothing = code == DIAG_ABSENT || code == DIAG_REFERENCE;
	for (size_t i = 0; i < answer.list.len && !nothing; i++)
		diag_add(s->diags, &answer.list.at[i], "%s", answer.list.at[i].text);
	return nothing;
}

static bool request(void *context, const struct engine_request *r, struct diags *diags)
{
	struct step s = {.south = context, .request = r, .diags = diags};
	switch (r->op) {
	case ENGINE_OP_LOCK:
		return lock(&s);
	case ENGINE_OP_EDIT:
		return edit(&s);
	case ENGINE_OP_VALIDATE:
		return run(&s, validate_rpcs, array_len(validate_rpcs), false);
	case ENGINE_OP_COMMIT:
		return commit(&s);
	case ENGINE_OP_CONFIRM:
		return confirm(&s);
	case ENGINE_OP_CANCEL:
		return cancel(&s);
	case ENGINE_OP_UNLOCK:
		return run(&s, unlock_rpcs, array_len(unlock_rpcs), false);
	case ENGINE_OP_TRUST:
		return trust(&s);
	case ENGINE_OP_PINHOLE_OPEN:
		return open_pinhole(&s);
	case ENGINE_OP_PINHOLE_CLOSE:
		return close_pinhole(&s);
	case ENGINE_OPS:
		break;
	}
	return false;
}

// --- reports ---

static struct schema *take_parser(struct south *south, unsigned *at)
{
	pthread_mutex_lock(&south->parsers);
	for (;;) {
		for (*at = 0; *at < south->parser_count; ++*at)
			if (!south->parser_used[*at])
				break;
		if (*at < south->parser_count)
			break;
		pthread_cond_wait(&south->parser_free, &south->parsers);
	}
	south->parser_used[*at] = true;
	pthread_mutex_unlock(&south->parsers);
	return south->parser[*at];
}

static void give_parser(struct south *south, unsigned at)
{
	pthread_mutex_lock(&south->parsers);
	south->parser_used[at] = false;
	pthread_cond_signal(&south->parser_free);
	pthread_mutex_unlock(&south->parsers);
}

static bool get(struct south *south, const struct engine_report_request *r, const char *rpc,
		struct diags *diags, struct buf *out)
{
	struct call call = {.south = south,
			    .nsf = r->nsf,
			    .rpc = &rpc,
			    .rpcs = 1,
			    .timeout_ms = r->timeout_ms,
			    .diags = diags,
			    .data = out};
	return call_run(&call);
}

static bool report(void *context, const struct engine_report_request *r, struct diags *diags,
		   struct engine_report *out)
{
	struct south *south = context;
	struct buf data;
	buf_init(&data);
	bool ok = !r->read_back || get(south, r, "<verify xmlns=\"" NSF "\"/>", diags, &data);
	buf_clear(&data);
	ok = ok && get(south, r,
		       "<get" BASE "><filter type=\"subtree\"><nsf-state xmlns=\"" NSF "\"/>"
		       "</filter></get>",
		       diags, &data);
	if (ok) {
		unsigned at;
		struct schema *schema = take_parser(south, &at);
		ok = report_read(schema, data.data, data.len, diags, out);
		give_parser(south, at);
	}
	buf_fini(&data);
	return ok;
}

static bool capabilities(void *context, const char *nsf, struct diags *diags, const char **out)
{
	struct engine_report_request r = {.nsf = nsf, .timeout_ms = 20000};
	struct buf data;
	buf_init(&data);
	bool ok = get(context, &r,
		      "<get" BASE "><filter type=\"subtree\">"
		      "<nsf xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability\"/>"
		      "</filter></get>",
		      diags, &data);
	if (ok)
		*out = arena_strndup(diags->arena, data.data, data.len);
	buf_fini(&data);
	return ok;
}

// --- evidence ---

static void take_record(const struct netconf_xml *record, struct arena *arena,
			struct engine_records *out)
{
	struct netconf_xml text, signature;
	if (!netconf_xml_child(record, NSF, "text", &text) ||
	    !netconf_xml_child(record, NSF, "signature", &signature))
		return;
	struct engine_record item = {.text = netconf_xml_text(&text),
				     .signature = netconf_xml_text(&signature)};
	if (item.text && item.signature)
		vec_push(arena, &out->record, item);
}

// The content of <rpc-reply> has no root of its own.
static void take_records(const struct buf *data, struct arena *arena, struct engine_records *out)
{
	struct netconf_xml root = {.arena = arena, .content = {data->data, data->len}}, child;
	*out = (struct engine_records){.certificate = NULL};
	for (bool more = data->len && netconf_xml_first(&root, &child); more;
	     more = netconf_xml_next(&root, &child)) {
		if (netconf_xml_is(&child, NSF, "certificate"))
			out->certificate = netconf_xml_text(&child);
		else if (netconf_xml_is(&child, NSF, "record"))
			take_record(&child, arena, out);
		else if (netconf_xml_is(&child, NSF, "more"))
			out->more = netconf_xml_text(&child) &&
				    strcmp(netconf_xml_text(&child), "true") == 0;
	}
}

static bool evidence(void *context, const struct engine_evidence_request *r, struct diags *diags,
		     struct engine_records *out)
{
	struct engine_report_request to = {.nsf = r->nsf, .timeout_ms = r->timeout_ms};
	cleanup(buf_fini) struct buf rpc, data;
	buf_init(&rpc);
	buf_init(&data);
	buf_adds(&rpc, "<get-evidence xmlns=\"" NSF "\">");
	if (r->chain)
		buf_printf(&rpc, "<chain>%s</chain><serial>%" PRIu64 "</serial>", r->chain,
			   r->serial);
	buf_adds(&rpc, "</get-evidence>");
	if (!get(context, &to, rpc.data, diags, &data))
		return false;
	take_records(&data, diags->arena, out);
	return true;
}

const struct engine_nsf_ops south_ops = {
	.configure = south_configure,
	.request = request,
	.report = report,
	.capabilities = capabilities,
	.evidence = evidence,
};
