// SPDX-License-Identifier: Apache-2.0
// One NSF's session: opened, kept, opened again.
//
// The idea: a session is always either open or on its way; what ended it only decides how it is called
// meanwhile. Tries come at growing distances with some chance in them, so that many NSFs that were
// lost together do not come back together.
#include "south/internal.h"
#include "engine/nsf.h"
#include "io/tls.h"
#include "proto/netconf/netconf.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 500u
#define RETRY_MOST_MS 30000u

static void connect_now(void *context);

struct session *session_find(struct south *south, const char *name)
{
	for (struct session *s = south->session; s; s = s->next)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static void retry_later(struct session *s)
{
	unsigned shift = s->failures < 6 ? s->failures : 6;
	unsigned wait = RETRY_MS << shift;
	wait = wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS;
	uint16_t chance;
	pki_random(&chance, sizeof(chance));
	s->failures++;
	io_timer_set(s->retry, wait * 3 / 4 + (uint64_t)wait * chance / 2 / UINT16_MAX);
}

static void on_notification(void *context, const char *xml, size_t len, const char *event_time)
{
	(void)event_time; // the audit trail has the controller's time
	report_notification(context, xml, len);
}

// RFC 5277 section 2.1.1. Without it drift is only found by the comparison once a minute.
static void on_subscribed(void *context, const struct netconf_result *result,
			  const struct diags *errors)
{
	(void)errors;
	struct session *s = context;
	if (result->lost || !s->client)
		return;
	engine_nsf_connected(s->south->engine, s->name);
}

static void on_opened(void *context)
{
	struct session *s = context;
	static const char rpc[] = "<create-subscription xmlns=\"" NETCONF_NS_NOTIFICATION "\"/>";
	s->open = true;
	s->failures = 0;
	s->id = ++s->south->last_id ? s->south->last_id : ++s->south->last_id;
	netconf_client_send(s->client, &(struct netconf_call){.xml = rpc,
							      .timeout_ms = 10000,
							      .fn = on_subscribed,
							      .context = s});
}

static void on_closed(void *context, const struct diag *why)
{
	struct session *s = context;
	netconf_client_free(s->client);
	s->client = NULL;
	s->open = false;
	s->id = 0;
	bool refused = why && (why->code == DIAG_DENIED || why->code == DIAG_VALUE);
	engine_nsf_disconnected(s->south->engine, s->name, refused ? ENGINE_REFUSED : ENGINE_AWAY,
				why ? why->text : "it has ended the session");
	retry_later(s);
}

static void connect_now(void *context)
{
	struct session *s = context;
	struct io_tls_target target = {.tls = s->south->opt.tls, .expected_name = s->name};
	struct netconf_client_options options = {.opener = io_tls_connecting(&target),
						 .to = s->to,
						 .notification = on_notification,
						 .opened = on_opened,
						 .closed = on_closed,
						 .context = s};
	s->client = netconf_client_new(s->south->loop, &options);
}

static void disconnect(struct session *s)
{
	netconf_client_free(s->client);
	s->client = NULL;
	s->open = false;
	s->id = 0;
	io_timer_clear(s->retry);
}

void session_restart(struct session *s)
{
	disconnect(s);
	engine_nsf_disconnected(s->south->engine, s->name, ENGINE_AWAY,
				"its certificate was revoked");
	s->failures = 0;
	connect_now(s);
}

// --- the set of them ---

static bool address_of(const struct engine_peer *peer, struct io_address *out)
{
	struct arena arena;
	struct diags ignored; // the model has checked it
	arena_init(&arena);
	diags_init(&ignored, &arena);
	bool ok = io_address_parse(peer->address, peer->port, &ignored, out);
	arena_fini(&arena);
	return ok;
}

static void add(struct south *south, const struct engine_peer *peer, const struct io_address *to)
{
	struct session *s = base_oom(calloc(1, sizeof(*s)));
	*s = (struct session){.south = south,
			      .name = base_oom(strdup(peer->name)),
			      .to = *to,
			      .wanted = true,
			      .next = south->session};
	south->session = s;
	s->retry = io_timer_new(south->loop, connect_now, s);
	connect_now(s);
}

static void free_session(struct session *s)
{
	disconnect(s);
	io_timer_free(s->retry);
	free(s->name);
	free(s);
}

static void sweep(struct south *south)
{
	for (struct session **at = &south->session; *at;) {
		struct session *s = *at;
		if (s->wanted) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		engine_nsf_disconnected(south->engine, s->name, ENGINE_AWAY,
					"it is not managed any more");
		free_session(s);
	}
}

void session_configure(struct south *south, const struct engine_peer *peers, size_t len)
{
	for (struct session *s = south->session; s; s = s->next)
		s->wanted = false;
	for (size_t i = 0; i < len; i++) {
		struct session *s = session_find(south, peers[i].name);
		struct io_address to;
		if (!address_of(&peers[i], &to))
			continue;
		if (!s) {
			add(south, &peers[i], &to);
			continue;
		}
		s->wanted = true;
		if (io_address_equal(&s->to, &to))
			continue;
		s->to = to;
		disconnect(s);
		s->failures = 0;
		connect_now(s);
	}
	sweep(south);
}

void session_free_all(struct south *south)
{
	while (south->session) {
		struct session *s = south->session;
		south->session = s->next;
		free_session(s);
	}
}
