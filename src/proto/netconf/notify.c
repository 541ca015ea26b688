// SPDX-License-Identifier: Apache-2.0
// Notifications: who hears them, and the log from which they are heard later. There is one stream, NETCONF.
//
// The idea: what is told goes into a ring of bounded number and size, and to every subscriber; a replay is the same telling
// from the ring, behind the reply to its request and before anything new, so no notification is lost or doubled.
// It does not know what a notification means. RFC 5277 sections 2.1.1, 3.2.5, 3.3 and 3.6.
#include "proto/netconf/notify.h"
#include "base/moment.h"
#include "base/turn.h"
#include "io/loop.h"
#include "proto/netconf/guard.h"
#include "proto/netconf/netconf.h"
#include "schema/view.h"

#include <stdlib.h>
#include <string.h>

#define PATH "/notifications:create-subscription/"
// A filter is applied to every notification: it must cost next to nothing.
#define FILTER_STEPS 10000u
#define FILTER_BYTES 16384u

struct netconf_logged {
	int64_t time;
	size_t len;
	char xml[];
};

struct netconf_subscription {
	struct netconf_peer *peer;
	struct schema_tree *request;
	struct netconf_filter filter; // of it
	bool unfiltered;
	bool replays;               // what is told now is heard with the rest of the log
	struct netconf_rpc *replay; // that is under way, or NULL
	int64_t start, stop;        // 0: not given
	struct io_timer *timer;     // to `stop`
};

// --- the log ---

void netconf_log_init(struct netconf_server *server)
{
	server->log.since = moment_now();
}

static void log_drop_first(struct netconf_log *log)
{
	struct netconf_logged *first = log->at[log->first];
	log->bytes -= first->len;
	log->first = (log->first + 1) % log->cap;
	log->len--;
	log->dropped++;
	free(first);
}

void netconf_log_fini(struct netconf_server *server)
{
	while (server->log.len)
		log_drop_first(&server->log);
	free(server->log.at);
}

static void log_grow(struct netconf_log *log)
{
	size_t cap = log->cap ? log->cap * 2 : 16;
	struct netconf_logged **at = base_oom(calloc(cap, sizeof(struct netconf_logged *)));
	for (size_t i = 0; i < log->len; i++)
		at[i] = log->at[(log->first + i) % log->cap];
	free(log->at);
	log->at = at;
	log->first = 0;
	log->cap = cap;
}

static void log_add(struct netconf_server *server, int64_t time, const char *xml, size_t len)
{
	struct netconf_log *log = &server->log;
	const struct netconf_server_options *o = &server->options;
	if (len > o->log_bytes_most)
		return;
	while (log->len && (log->len >= o->log_most || log->bytes + len > o->log_bytes_most))
		log_drop_first(log);
	if (log->len == log->cap)
		log_grow(log);
	struct netconf_logged *one = base_oom(malloc(sizeof(*one) + len));
	one->time = time;
	one->len = len;
	memcpy(one->xml, xml, len);
	log->at[(log->first + log->len++) % log->cap] = one;
	log->bytes += len;
}

void netconf_streams_print(const struct netconf_server *server, struct buf *out)
{
	char since[MOMENT_TEXT];
	moment_print(server->log.since, since);
	buf_printf(out,
		   "<netconf xmlns=\"" NETCONF_NS_EVENTS "\"><streams><stream><name>NETCONF</name>"
		   "<description>all notifications</description>"
		   "<replaySupport>true</replaySupport>"
		   "<replayLogCreationTime>%s</replayLogCreationTime></stream></streams></netconf>",
		   since);
}

// --- telling ---

struct notification {
	struct netconf_server *server;
	const char *xml; // the event
	size_t len;
	bool parsed;
	struct schema_tree *tree; // of it, once a filter needs it; NULL: of no known module
	struct buf message;       // as it is sent
};

static void notification_init(struct notification *n, int64_t time)
{
	char text[MOMENT_TEXT];
	moment_print(time, text);
	buf_init(&n->message);
	buf_printf(&n->message,
		   "<notification xmlns=\"" NETCONF_NS_NOTIFICATION "\"><eventTime>%s</eventTime>",
		   text);
	buf_add(&n->message, n->xml, n->len);
	buf_adds(&n->message, "</notification>");
}

static void notification_fini(struct notification *n)
{
	schema_tree_free(n->tree);
	buf_fini(&n->message);
}

static void parse(struct notification *n)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	struct schema_input input = {.data = n->xml, .len = n->len, .format = SCHEMA_XML};
	arena_init(&arena);
	diags_init(&diags, &arena);
	n->parsed = true;
	if (!schema_parse_notification(n->server->options.schema, &input, &diags, &n->tree))
		n->tree = NULL;
}

// RFC 5277 section 3.6: a filter that selects any of it lets the whole event pass.
static bool passes(const struct netconf_subscription *s, struct notification *n)
{
	struct arena arena cleanup(arena_fini);
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	if (s->unfiltered || (!s->filter.subtree && !s->filter.xpath))
		return true;
	if (!n->parsed)
		parse(n);
	if (!n->tree)
		return false;
	struct schema_view_options options = {.steps = FILTER_STEPS};
	struct schema_view *view = schema_view_new(n->tree, &options);
	bool any = netconf_filter_apply(&s->filter, view, &ignored) && schema_view_any(view);
	schema_view_free(view);
	return any;
}

// A subscriber that does not read is let go: it cannot be told everything, and must not be told half of it.
static void tell(struct netconf_subscription *s, struct notification *n)
{
	struct netconf_peer *peer = s->peer;
	struct diag why = {.code = DIAG_LIMIT,
			   .text = "the subscriber does not read its notifications",
			   .hint = "subscribe again and read faster"};
	if (peer->ended || !passes(s, n) || !netconf_guard_hears(peer, n->xml, n->len))
		return;
	if (netconf_peer_waiting(peer) > peer->server->options.output_most) {
		netconf_peer_end_because(peer, &why);
		return;
	}
	peer->count.out_notifications++;
	peer->server->count.out_notifications++;
	netconf_peer_send(peer, n->message.data, n->message.len);
}

static void tell_all(struct netconf_server *server, struct notification *n)
{
	for (struct netconf_peer *p = server->peers, *next; p; p = next) {
		next = p->next;
		if (p->subscription && !p->subscription->replays)
			tell(p->subscription, n);
	}
}

void netconf_server_notify(struct netconf_server *server, const char *xml, size_t len, int64_t when)
{
	struct notification n = {.server = server, .xml = xml, .len = len};
	int64_t time = when ? when * MOMENT_SECOND : moment_now();
	turn_keep(); // filters have points, and sessions come and go at them
	notification_init(&n, time);
	log_add(server, time, xml, len);
	tell_all(server, &n);
	notification_fini(&n);
}

// --- subscriptions ---

void netconf_subscription_free(struct netconf_subscription *s)
{
	if (!s)
		return;
	if (s->replay)
		s->replay->replayed = NULL;
	io_timer_free(s->timer);
	netconf_filter_fini(&s->filter);
	schema_tree_free(s->request);
	free(s);
}

// Neither is filtered (RFC 5277 section 3.3.1).
static void tell_complete(struct netconf_subscription *s, const char *name)
{
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	buf_printf(&xml, "<%s xmlns=\"" NETCONF_NS_EVENTS "\"/>", name);
	struct notification n = {.server = s->peer->server, .xml = xml.data, .len = xml.len};
	notification_init(&n, moment_now());
	s->unfiltered = true;
	tell(s, &n);
	s->unfiltered = false;
	notification_fini(&n);
}

static void complete(struct netconf_subscription *s)
{
	tell_complete(s, "notificationComplete");
	s->peer->subscription = NULL;
	netconf_peer_idle_from_now(s->peer);
	netconf_subscription_free(s);
}

// The clock may have been set back meanwhile, and a timer has its limits: then it waits on.
static void wait_for_stop(void *context)
{
	struct netconf_subscription *s = context;
	const int64_t day = 24 * 3600 * MOMENT_SECOND;
	int64_t left = s->stop - moment_now();
	if (left <= 0)
		complete(s);
	else
		io_timer_set(s->timer, (uint64_t)((left < day ? left : day) / 1000 + 1));
}

// --- replay ---

static void tell_logged(struct netconf_subscription *s, const struct netconf_logged *one)
{
	if (one->time < s->start || (s->stop && one->time > s->stop))
		return;
	struct notification n = {.server = s->peer->server, .xml = one->xml, .len = one->len};
	notification_init(&n, one->time);
	tell(s, &n);
	notification_fini(&n);
}

// Between two of them others have their turns, and the log may move on; it must not lose what was not told yet.
static void tell_log(struct netconf_rpc *rpc)
{
	const struct netconf_log *log = &rpc->server->log;
	struct diag why = {.code = DIAG_LIMIT,
			   .text = "the log has moved on while it was replayed",
			   .hint = "ask for less of it"};
	for (size_t at = log->dropped; at < log->dropped + log->len; at++) {
		turn_keep();
		if (!rpc->replayed || rpc->replayed->peer->ended)
			return;
		if (at < log->dropped)
			netconf_peer_end_because(rpc->replayed->peer, &why);
		else
			tell_logged(rpc->replayed,
				    log->at[(log->first + (at - log->dropped)) % log->cap]);
		turn_share();
		turn_pause();
	}
}

static void op_replay(struct netconf_rpc *rpc)
{
	for (struct netconf_peer *p = rpc->server->peers; p; p = p->next)
		if (p->id == rpc->asker.session)
			rpc->replayed = p->subscription;
	struct netconf_subscription *s = rpc->replayed;
	if (s)
		s->replay = rpc;
	tell_log(rpc);
	turn_keep();
	s = rpc->replayed;
	if (s) {
		s->replay = NULL;
		s->replays = false;
		tell_complete(s, "replayComplete");
	}
	if (s && s->stop && !s->peer->ended)
		wait_for_stop(s);
	netconf_rpc_done(rpc);
}

// --- create-subscription ---

// False: the rpc is answered.
static bool check_stream(struct netconf_rpc *rpc)
{
	const char *stream = schema_get_value(rpc->node, "stream");
	if (stream && strcmp(stream, "NETCONF") != 0)
		netconf_rpc_error(rpc, DIAG_VALUE, PATH "stream", "subscribe to NETCONF",
				  "there is no stream \"%.64s\"", stream);
	else if (rpc->peer && rpc->peer->subscription)
		netconf_rpc_error(rpc, DIAG_IN_USE, NULL,
				  "open another session for another subscription",
				  "the session has a subscription");
	else
		return true;
	return false;
}

static bool read_moment(struct netconf_rpc *rpc, const char *leaf, int64_t *out)
{
	const char *text = schema_get_value(rpc->node, leaf);
	*out = 0;
	if (!text || moment_parse(text, out))
		return true;
	netconf_rpc_error(rpc, DIAG_VALUE, arena_printf(&rpc->arena, PATH "%s", leaf),
			  "write it like 2026-03-11T09:00:00Z", "there is no such moment");
	return false;
}

// RFC 5277 section 2.1.1 says which error each has. False: the rpc is answered.
static bool read_times(struct netconf_rpc *rpc, int64_t *start, int64_t *stop)
{
	if (!read_moment(rpc, "startTime", start) || !read_moment(rpc, "stopTime", stop))
		return false;
	bool has_start = schema_get(rpc->node, "startTime"),
	     has_stop = schema_get(rpc->node, "stopTime");
	if (has_stop && !has_start)
		netconf_rpc_error(rpc, DIAG_MISSING, PATH "startTime", "leave out stopTime",
				  "stopTime needs startTime");
	else if (has_start && *start > moment_now())
		netconf_rpc_error(rpc, DIAG_ELEMENT, PATH "startTime",
				  "leave it out to hear what will happen",
				  "startTime is in the future");
	else if (has_stop && *stop < *start)
		netconf_rpc_error(rpc, DIAG_ELEMENT, PATH "stopTime", "let it be later",
				  "stopTime is before startTime");
	else
		return true;
	return false;
}

// Takes the request and its filter.
static struct netconf_subscription *subscription_new(struct netconf_rpc *rpc)
{
	struct netconf_subscription *s = base_oom(calloc(1, sizeof(*s)));
	s->peer = rpc->peer;
	s->filter = rpc->filter;
	rpc->filter = (struct netconf_filter){0};
	s->request = rpc->tree;
	s->timer = io_timer_new(rpc->server->options.loop, wait_for_stop, s);
	rpc->tree = NULL;
	return s;
}

// False: the rpc is answered.
static bool read_filter(struct netconf_rpc *rpc)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (!netconf_filter_read(rpc, &rpc->filter)) {
		netconf_rpc_fail(rpc);
		return false;
	}
	if (rpc->filter.subtree)
		schema_any_text(rpc->filter.subtree, &text);
	if (text.len <= FILTER_BYTES)
		return true;
	netconf_rpc_error(rpc, DIAG_LIMIT, PATH "filter", "name less in it",
			  "a filter of notifications may have %u bytes", FILTER_BYTES);
	return false;
}

static void op_create_subscription(struct netconf_rpc *rpc)
{
	static const struct netconf_operation replay = {.fn = op_replay};
	struct netconf_server *server = rpc->server;
	struct netconf_peer *peer = rpc->peer;
	int64_t start, stop;
	turn_keep(); // the log and the session are what they are
	if (!check_stream(rpc) || !read_times(rpc, &start, &stop) || !read_filter(rpc))
		return;
	struct netconf_subscription *s = peer ? subscription_new(rpc) : NULL;
	if (s) {
		s->start = start;
		s->stop = stop;
		s->replays = schema_get(rpc->node, "startTime");
	}
	netconf_rpc_ok(rpc);
	if (!s)
		return;
	peer->subscription = s;
	// Behind the reply, so that no notification comes before it.
	if (s->replays)
		netconf_rpc_internal(server, &replay, peer->id);
}

const struct netconf_operation netconf_notify_operations[] = {
	{"notifications", "create-subscription", op_create_subscription, .writes = false},
	{0},
};
