// SPDX-License-Identifier: Apache-2.0
// The operations of bulwark-nsf: each reads its input and becomes one message. What the module checks (ranges, lengths,
// mandatory leafs) is not checked again; what it cannot say (two addresses of one IP version) is.
#include "agent/front_internal.h"

#include "agent/xml.h"
#include "base/buf.h"
#include "base/file.h"
#include "pki/pki.h"
#include "proto/netconf/server.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static uint32_t number_of(const struct schema_node *input, const char *name, uint32_t otherwise)
{
	const char *value = schema_get_value(input, name);
	return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static struct algebra_set ports(struct arena *arena, uint32_t first, uint32_t last)
{
	return first || last ? algebra_set_one(arena, first, last) : (struct algebra_set){.len = 0};
}

static bool has_ports(uint8_t proto)
{
	enum { TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDP_LITE = 136 };
	return proto == TCP || proto == UDP || proto == DCCP || proto == SCTP || proto == UDP_LITE;
}

static const char *read_pinhole(const struct schema_node *input, struct arena *arena,
				struct backend_pinhole *out)
{
	uint32_t first = number_of(input, "destination-port", 0);
	int family = 0;
	*out = (struct backend_pinhole){
		.name = schema_get_value(input, "id"),
		.proto = (uint8_t)number_of(input, "protocol", 0),
		.sport = ports(arena, number_of(input, "source-port", 0),
			       number_of(input, "source-port", 0)),
		.dport = ports(arena, first, number_of(input, "last-destination-port", first)),
		.end = time(NULL) + number_of(input, "lifetime", 1),
		.setup = number_of(input, "setup-timeout", 30),
		.idle = number_of(input, "idle-timeout", 60),
	};
	if (!ir_address_parse(schema_get_value(input, "source"), &out->family, &out->src) ||
	    !ir_address_parse(schema_get_value(input, "destination"), &family, &out->dst))
		return "an address that cannot be read";
	if (family != out->family)
		return "the source and the destination are of different IP versions";
	if ((out->sport.len || out->dport.len) && !has_ports(out->proto))
		return "this protocol has no ports";
	return NULL;
}

static void open_pinhole(void *context, const struct netconf_request *request,
			 struct netconf_reply *reply)
{
	struct arena arena;
	struct agent_message message = {.type = AGENT_OPEN};
	arena_init(&arena);
	const char *fault = read_pinhole(request->rpc, &arena, &message.pinhole);
	if (fault)
		netconf_reply_error(reply,
				    &(struct diag){.code = DIAG_VALUE,
						   .hint = "correct the flow and ask again"},
				    "%s", fault);
	else
		front_ask(context, &message, reply);
	arena_fini(&arena);
}

static void close_pinhole(void *context, const struct netconf_request *request,
			  struct netconf_reply *reply)
{
	front_ask(context,
		  &(struct agent_message){.type = AGENT_CLOSE,
					  .text = schema_get_value(request->rpc, "id")},
		  reply);
}

static void verify(void *context, const struct netconf_request *request,
		   struct netconf_reply *reply)
{
	(void)request;
	front_ask(context, &(struct agent_message){.type = AGENT_VERIFY}, reply);
}

static void get_evidence(void *context, const struct netconf_request *request,
			 struct netconf_reply *reply)
{
	const char *serial = schema_get_value(request->rpc, "serial");
	front_ask(
		context,
		&(struct agent_message){.type = AGENT_EVIDENCE,
					.ask = {.chain = schema_get_value(request->rpc, "chain"),
						.serial = serial ? strtoull(serial, NULL, 10) : 0}},
		reply);
}

// --- trust ---

static void read_pem(const char *name, struct buf *out)
{
	int r = file_read(name, PKI_PEM_MOST, out);
	if (r < 0)
		buf_clear(out); // then it is not there, which pki_trust_new judges
}

// The new files together with the old ones must do, for this agent's own certificate too.
static bool is_acceptable(const char *ca, const char *crl, struct diags *diags)
{
	cleanup(buf_fini) struct buf old_ca;
	cleanup(buf_fini) struct buf old_crl;
	cleanup(buf_fini) struct buf own;
	buf_init(&old_ca);
	buf_init(&old_crl);
	buf_init(&own);
	read_pem(FRONT_CERTIFICATES "/ca.pem", &old_ca);
	read_pem(FRONT_CERTIFICATES "/crl.pem", &old_crl);
	read_pem(FRONT_CERTIFICATES "/nsf.pem", &own);
	struct pki_trust *trust =
		pki_trust_new(ca ? ca : old_ca.data, crl ? crl : old_crl.data, diags);
	if (!trust)
		return false;
	struct pki_identity who;
	enum pki_verdict verdict = pki_verify_text(trust, own.data, time(NULL), NULL, &who);
	pki_trust_free(trust);
	if (verdict == PKI_OK)
		return true;
	diag_error(diags, DIAG_CONFLICT, NULL, "renew this function's certificate first",
		   "under these this function would not be trusted: %s", pki_verdict_text(verdict));
	return false;
}

static void update_trust(void *context, const struct netconf_request *request,
			 struct netconf_reply *reply)
{
	const char *ca = schema_get_value(request->rpc, "ca"),
		   *crl = schema_get_value(request->rpc, "crl");
	const struct front *front = context;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	// Whom keys let in certificates do not concern.
	if (!front->tls)
		netconf_reply_ok(reply);
	else if (!is_acceptable(ca, crl, &diags))
		netconf_reply_errors(reply, &diags);
	else
		front_ask(context,
			  &(struct agent_message){.type = AGENT_TRUST,
						  .trust = {.ca = ca, .crl = crl}},
			  reply)
			->reload = true;
	arena_fini(&arena);
}

void front_handle_operations(struct front *front)
{
	static const struct {
		const char *rpc;
		void (*fn)(void *context, const struct netconf_request *request,
			   struct netconf_reply *reply);
	} operation[] = {
		{"open-pinhole", open_pinhole},
		{"close-pinhole", close_pinhole},
		{"verify", verify},
		{"get-evidence", get_evidence},
		{"update-trust", update_trust},
	};
	for (size_t i = 0; i < array_len(operation); i++)
		netconf_server_handle(front->server,
				      &(struct netconf_handler){.module = AGENT_MODULE,
								.rpc = operation[i].rpc,
								.fn = operation[i].fn,
								.context = front});
}
