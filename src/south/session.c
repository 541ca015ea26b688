// SPDX-License-Identifier: Apache-2.0
// One NSF's session: opened, kept, opened again.
//
// The idea: a session is always either open or on its way; what ended it only decides how it is called
// meanwhile. Tries come at growing distances with some chance in them, so that many NSFs that were
// lost together do not come back together.
#include "south/internal.h"
#include "engine/nsf.h"
#include "io/ssh.h"
#include "io/tls.h"
#include "proto/netconf/netconf.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 500u
#define RETRY_MOST_MS 30000u
#define HELD_MS 10000u
#define CHALLENGE_MS 2000u

struct session *session_find(struct south *south, const char *name)
{
	return map_get(&south->by_name, name);
}

struct session *session_by_key(struct south *south, const char *fingerprint)
{
	for (struct session *s = south->session; s; s = s->next)
		for (const char *const *key = s->host_keys; s->calls_home && *key; key++)
			if (strcmp(*key, fingerprint) == 0)
				return s;
	return NULL;
}

bool session_is_nsf(const struct io_peer *peer, struct diags *diags)
{
	enum pki_role role;
	if (peer && peer->name && peer->unit && pki_role_parse(peer->unit, &role) &&
	    role == PKI_NSF)
		return true;
	diag_error(diags, DIAG_DENIED, NULL, "use a certificate that was issued for an NSF",
		   "the certificate of '%.64s' is for '%.64s', not for an NSF",
		   peer && peer->name ? peer->name : "nobody",
		   peer && peer->unit ? peer->unit : "nothing");
	return false;
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
	io_backoff_holds(&s->backoff, io_now());
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
	if (s->rival)
		call_give(s->rival, s);
	else if (!s->calls_home)
		io_timer_set(s->timer, io_backoff_next(&s->backoff, io_now(), io_chance()));
}

static bool on_admit(void *context, const struct io_peer *peer, struct diags *diags)
{
	(void)context; // TLS has proven the name
	return session_is_nsf(peer, diags);
}

static struct netconf_client_options told_of(struct session *s)
{
	return (struct netconf_client_options){.notification = on_notification,
					       .opened = on_opened,
					       .closed = on_closed,
					       .context = s};
}

// Over SSH the host key has proven that it is the one; over TLS a name and a role have to.
static void connect_now(struct session *s)
{
	struct io_tls_target tls = {.tls = s->south->opt.tls, .expected_name = s->name};
	struct io_ssh_target ssh = {
		.ssh = s->south->opt.ssh, .user = s->ssh_user, .pins = s->host_keys};
	struct netconf_client_options options = told_of(s);
	options.opener = s->ssh_user ? io_ssh_connecting(&ssh) : io_tls_connecting(&tls);
	options.to = s->to;
	options.admit = s->ssh_user ? NULL : on_admit;
	s->client = netconf_client_new(s->south->loop, &options);
}

static void disconnect(struct session *s)
{
	if (s->rival)
		call_refuse(s->rival, "the NSF is not managed so any more");
	netconf_client_free(s->client);
	s->client = NULL;
	s->open = false;
	s->id = 0;
	io_timer_clear(s->timer);
}

static bool has_door(const struct session *s)
{
	const struct south_options *o = &s->south->opt;
	return s->ssh_user ? o->call_homes_ssh : o->call_homes;
}

// Connects, or waits for a call.
static void begin(struct session *s)
{
	struct south *south = s->south;
	s->backoff.failures = 0;
	if (!s->calls_home)
		connect_now(s);
	else
		engine_nsf_disconnected(south->engine, s->name, ENGINE_AWAY,
					has_door(s) ? "it has not called yet"
						    : "this controller takes no such calls: set "
						      "call-home or call-home-ssh");
}

void session_restart(struct session *s)
{
	disconnect(s);
	engine_nsf_disconnected(s->south->engine, s->name,
				s->calls_home ? ENGINE_REFUSED : ENGINE_AWAY,
				"its certificate was revoked");
	s->backoff.failures = 0;
	if (!s->calls_home)
		connect_now(s);
}

// --- calls ---

void session_take(struct session *s, struct netconf_client *client)
{
	struct netconf_client_options options = told_of(s);
	io_timer_clear(s->timer);
	s->client = client;
	netconf_client_rebind(client, &options);
	if (netconf_client_is_open(client))
		on_opened(s);
}

// Any answer shows that the session lives.
static void on_challenged(void *context, const struct netconf_result *result,
			  const struct diags *errors)
{
	struct session *s = context;
	(void)errors;
	if (!result->lost && s->rival)
		call_refuse(s->rival, "the NSF is connected already, and answers");
}

void session_challenge(struct session *s)
{
	static const char nothing[] = "<get-config><source><running/></source>"
				      "<filter type=\"subtree\"/></get-config>";
	netconf_client_send(s->client, &(struct netconf_call){
					       .xml = nothing, .fn = on_challenged, .context = s});
	io_timer_set(s->timer, CHALLENGE_MS);
}

// A host that is gone acknowledges nothing; one that is busy does.
static void judge(struct session *s)
{
	struct call_in *rival = s->rival;
	if (!rival)
		return;
	if (s->client && netconf_client_is_heard(s->client)) {
		call_refuse(rival, "the NSF is connected already");
		return;
	}
	s->rival = NULL;
	disconnect(s);
	engine_nsf_disconnected(s->south->engine, s->name, ENGINE_AWAY,
				"it has called anew; the old connection is dead");
	call_give(rival, s);
}

static void due(void *context)
{
	struct session *s = context;
	if (s->calls_home)
		judge(s);
	else
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

static void use_ssh(struct session *s, const struct engine_peer *peer)
{
	free(s->ssh_user);
	base_texts_free(s->host_keys);
	s->ssh_user = peer->ssh_user ? base_oom(strdup(peer->ssh_user)) : NULL;
	s->host_keys = base_texts_copy(peer->host_keys);
}

static bool same_keys(const char *const *a, const char *const *b)
{
	size_t i = 0;
	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

static bool same_ssh(const struct session *s, const struct engine_peer *peer)
{
	if (!s->ssh_user || !peer->ssh_user)
		return !s->ssh_user && !peer->ssh_user;
	return strcmp(s->ssh_user, peer->ssh_user) == 0 && same_keys(s->host_keys, peer->host_keys);
}

static void add(struct south *south, const struct engine_peer *peer, const struct io_address *to)
{
	struct session *s = base_oom(calloc(1, sizeof(*s)));
	*s = (struct session){
		.south = south,
		.name = base_oom(strdup(peer->name)),
		.to = *to,
		.wanted = true,
		.calls_home = peer->calls_home,
		.backoff = {.first_ms = RETRY_MS, .most_ms = RETRY_MOST_MS, .held_ms = HELD_MS},
		.next = south->session};
	use_ssh(s, peer);
	south->session = s;
	s->timer = io_timer_new(south->loop, due, s);
	begin(s);
}

static void free_session(struct session *s)
{
	disconnect(s);
	io_timer_free(s->timer);
	free(s->name);
	free(s->ssh_user);
	base_texts_free(s->host_keys);
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

// Keeps the session if it is still what is wanted.
static void change(struct session *s, const struct engine_peer *peer, const struct io_address *to)
{
	s->wanted = true;
	bool same = s->calls_home == peer->calls_home && same_ssh(s, peer) &&
		    (s->calls_home || io_address_equal(&s->to, to));
	s->to = *to;
	if (same)
		return;
	disconnect(s);
	s->calls_home = peer->calls_home;
	use_ssh(s, peer);
	begin(s);
}

static void name_all(struct south *south)
{
	arena_fini(&south->names);
	arena_init(&south->names);
	south->by_name = (struct map){.arena = &south->names};
	for (struct session *s = south->session; s; s = s->next)
		map_put(&south->by_name, s->name, s);
}

void session_configure(struct south *south, const struct engine_peer *peers, size_t len)
{
	for (struct session *s = south->session; s; s = s->next)
		s->wanted = false;
	for (size_t i = 0; i < len; i++) {
		struct session *s = session_find(south, peers[i].name);
		struct io_address to = {.len = 0};
		if (!peers[i].calls_home && !address_of(&peers[i], &to))
			continue;
		if (s)
			change(s, &peers[i], &to);
		else
			add(south, &peers[i], &to);
	}
	sweep(south);
	name_all(south);
}

void session_free_all(struct south *south)
{
	while (south->session) {
		struct session *s = south->session;
		south->session = s->next;
		free_session(s);
	}
}
