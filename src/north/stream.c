// SPDX-License-Identifier: Apache-2.0
// Event streams (RFC 8040 section 6, RFC 5277): the controller's events as server-sent events.
//
// The idea: the trail of events in the store is the queue. A stream is a place in it and a small buffer, so a listener
// that is slow costs no memory and delays nobody; one that does not read at all is cut off by the clock of its connection.
// One thread reads what is new once for all and writes it into the buffers that have room.
//
// It does not send `id`, `event` or `retry`, which RESTCONF leaves aside; what was missed is asked for by start-time.
#include "north/stream.h"
#include "ir/period.h"
#include "schema/xpath.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_FULL (32u << 10) // no further events beyond this
#define BATCH 64u
#define RECENT 256u // events that are kept for all
#define KEEP_ALIVE_S 15
#define TICK_MS 1000u

struct stream {
	struct streams *hub;
	struct stream_options opt;
	struct access_who who;
	struct stream_reader reader;
	struct arena arena; // of what the options point to
	struct stream *next;
	// Of the thread alone.
	struct schema_xpath *filter; // NULL: none
	uint64_t at;                 // number of the last event that it has seen
	int64_t spoke;
	bool over; // nothing more will come
	// Shared.
	pthread_mutex_t mutex; // of what follows
	struct buf out;
	size_t taken; // of it
	bool waits, ended, closed;
};

struct event_list {
	struct arena arena;
	VEC(struct store_event) list;
};

struct streams {
	struct engine *engine;
	struct workspaces *workspaces;
	pthread_t thread;
	pthread_mutex_t mutex;  // of what follows
	struct stream *arrived; // they go over to the thread
	bool stops;
	// Of the thread alone.
	struct stream *first;
	struct event_list recent; // the newest events, for those who are not behind
	uint64_t newest;
	struct schema *schema; // for filters; NULL until somebody has one
};

// --- events ---

static void keep(const struct store_event *e, void *context)
{
	struct event_list *list = context;
	struct store_event copy = *e;
	copy.who = arena_strdup(&list->arena, e->who);
	copy.tenant = arena_strdup(&list->arena, e->tenant);
	copy.action = arena_strdup(&list->arena, e->action);
	copy.nsf = arena_strdup(&list->arena, e->nsf);
	copy.detail = arena_strdup(&list->arena, e->detail);
	vec_push(&list->arena, &list->list, copy);
}

static void list_init(struct event_list *list)
{
	*list = (struct event_list){0};
	arena_init(&list->arena);
}

static void read_after(struct streams *s, uint64_t id, unsigned most, struct event_list *out)
{
	struct store_query query = {.most = most};
	// What cannot be read now is tried again at the next event or second.
	if (engine_events_after(s->engine, id, &query, keep, out))
		out->list.len = 0;
}

static void keep_id(const struct store_event *e, void *context)
{
	*(uint64_t *)context = e->id;
}

static uint64_t last_event(struct engine *engine)
{
	uint64_t id = 0;
	struct store_query query = {.most = 1};
	return engine_each_event(engine, &query, keep_id, &id) ? 0 : id;
}

static void refresh(struct streams *s)
{
	if (s->recent.list.len >= RECENT) {
		arena_fini(&s->recent.arena);
		list_init(&s->recent);
	}
	size_t before = s->recent.list.len;
	read_after(s, s->newest, RECENT, &s->recent);
	if (s->recent.list.len > before)
		s->newest = s->recent.list.at[s->recent.list.len - 1].id;
}

// --- one event as text ---

static void write_leaves(struct restconf_writer *w, const struct store_event *e)
{
	restconf_big(w, "id", e->id);
	restconf_text(w, "who", e->who);
	restconf_text(w, "tenant", e->tenant);
	restconf_text(w, "nsf", e->nsf);
	restconf_text(w, "outcome", state_outcome(e->outcome));
	restconf_text(w, "detail", e->detail);
}

void stream_notification(const struct store_event *e, enum schema_format format, struct buf *out)
{
	struct restconf_top top = {NORTH_MODULE, NORTH_NAMESPACE, e->action, NULL};
	struct restconf_writer w;
	restconf_begin(&w, &top, format, out);
	write_leaves(&w, e);
	restconf_end(&w, &top);
}

// Section 6.4: XML as RFC 5277 has it, JSON as ietf-restconf:notification.
static void write_message(const struct store_event *e, enum schema_format format, struct buf *out)
{
	struct buf inner;
	char when[32];
	buf_init(&inner);
	stream_notification(e, format, &inner);
	ir_time_print(e->time, when);
	size_t len = inner.len - 1; // without the newline at its end
	if (format == SCHEMA_XML)
		buf_printf(
			out,
			"<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">"
			"<eventTime>%s</eventTime>%.*s</notification>",
			when, (int)len, inner.data);
	else
		buf_printf(out, "{\"ietf-restconf:notification\":{\"eventTime\":\"%s\",%.*s}}",
			   when, (int)len - 2, inner.data + 1);
	buf_fini(&inner);
}

// Lines of a text are lines of data; a carriage return would end one, too.
static void frame(const char *text, struct buf *out)
{
	buf_adds(out, "data: ");
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			buf_adds(out, "\ndata: ");
		else if (*p == '\r')
			buf_adds(out, "&#13;");
		else
			buf_addc(out, *p);
	}
	buf_adds(out, "\n\n");
}

// --- the thread ---

static void say(struct stream *s, const char *text)
{
	pthread_mutex_lock(&s->mutex);
	buf_adds(&s->out, text);
	pthread_mutex_unlock(&s->mutex);
	s->spoke = time(NULL);
}

static bool is_wanted(const struct stream *s, const struct store_event *e)
{
	return (!s->opt.tenant || strcmp(e->tenant, s->opt.tenant) == 0) &&
	       (!s->opt.replays || e->time >= s->opt.start) &&
	       (!s->opt.stop || e->time <= s->opt.stop);
}

// RFC 8341 section 3.4.6. What cannot be decided is not sent.
static bool may_hear(struct stream *s, const struct store_event *e)
{
	struct workspaces *all = s->hub->workspaces;
	struct workspace *w = workspace_take(all);
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct access_user *user = workspace_user(w, all, s->hub->engine, s->opt.who, &diags);
	bool may = user && access_may_notify(user, NORTH_MODULE, e->action);
	access_user_unref(user);
	arena_fini(&arena);
	workspace_give(all, w);
	return may;
}

// False: it has been compiled once already when the request was read, so this does not happen with a sane disk.
static bool compile_filter(struct stream *s)
{
	struct streams *hub = s->hub;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (!hub->schema)
		hub->schema = workspace_schema(&diags);
	if (hub->schema)
		s->filter = schema_xpath_parse(hub->schema, s->opt.filter, &schema_xpath_by_module,
					       &diags);
	arena_fini(&arena);
	return s->filter;
}

// Section 4.8.4: the notification without its envelope, from the root. An expression that asks for too much ends the
// stream rather than leave something out.
static bool passes(struct stream *s, const struct store_event *e)
{
	struct arena arena;
	struct diags diags;
	struct buf xml;
	struct schema_tree *tree = NULL;
	bool result = false;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&xml);
	stream_notification(e, SCHEMA_XML, &xml);
	struct schema_input input = {.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
	s->over = !schema_parse_notification(s->hub->schema, &input, &diags, &tree);
	if (!s->over) {
		struct schema_xpath_place place = {.node = schema_root(tree)};
		s->over = !schema_xpath_true(s->filter, &place, &result, &diags);
	}
	schema_tree_free(tree);
	buf_fini(&xml);
	arena_fini(&arena);
	return result && !s->over;
}

static void offer(struct stream *s, const struct store_event *e)
{
	s->at = e->id;
	if (s->over || !is_wanted(s, e) || !may_hear(s, e) || (s->filter && !passes(s, e)))
		return;
	struct buf message, framed;
	buf_init(&message);
	buf_init(&framed);
	write_message(e, s->opt.format, &message);
	frame(message.data, &framed);
	say(s, framed.data);
	buf_fini(&framed);
	buf_fini(&message);
}

static bool has_room(struct stream *s)
{
	pthread_mutex_lock(&s->mutex);
	bool room = s->out.len - s->taken < BUFFER_FULL;
	pthread_mutex_unlock(&s->mutex);
	return room;
}

// From what is kept for all, if that reaches far enough back. True when the stream has seen everything.
static bool feed_recent(struct stream *s)
{
	const struct event_list *recent = &s->hub->recent;
	if (s->at >= s->hub->newest)
		return true;
	if (!recent->list.len || recent->list.at[0].id > s->at + 1)
		return false;
	for (size_t i = 0; i < recent->list.len && has_room(s); i++)
		if (recent->list.at[i].id > s->at)
			offer(s, &recent->list.at[i]);
	return s->at >= s->hub->newest;
}

// One batch out of the store. True: there may be more.
static bool feed_old(struct stream *s)
{
	struct event_list list;
	list_init(&list);
	read_after(s->hub, s->at, BATCH, &list);
	for (size_t i = 0; i < list.list.len; i++)
		offer(s, &list.list.at[i]);
	bool more = list.list.len > 0;
	arena_fini(&list.arena);
	return more;
}

// Wakes the reader if there is something for it.
static void pass_on(struct stream *s)
{
	pthread_mutex_lock(&s->mutex);
	s->ended = s->ended || s->over;
	bool wake = s->waits && !s->closed && (s->out.len > s->taken || s->ended);
	if (wake) {
		s->waits = false;
		s->reader.wake(s->reader.context);
	}
	pthread_mutex_unlock(&s->mutex);
}

// At most one batch of what is old, so that nobody waits for somebody's replay. True: it wants more at once.
static bool feed(struct stream *s)
{
	bool done = feed_recent(s), again = false;
	if (!done && has_room(s))
		again = feed_old(s) && has_room(s);
	int64_t now = time(NULL);
	if (s->opt.stop && now > s->opt.stop && s->at >= s->hub->newest)
		s->over = true;
	if (now - s->spoke >= KEEP_ALIVE_S)
		say(s, ":\n\n");
	pass_on(s);
	return again;
}

static void free_stream(struct stream *s)
{
	schema_xpath_free(s->filter);
	pthread_mutex_destroy(&s->mutex);
	buf_fini(&s->out);
	arena_fini(&s->arena);
	free(s);
}

// Takes over who has come since the last time.
static void adopt(struct streams *hub)
{
	pthread_mutex_lock(&hub->mutex);
	struct stream *arrived = hub->arrived;
	hub->arrived = NULL;
	pthread_mutex_unlock(&hub->mutex);
	for (struct stream *s = arrived, *next; s; s = next) {
		next = s->next;
		s->next = hub->first;
		hub->first = s;
		if (s->opt.filter && !compile_filter(s))
			s->over = true;
	}
}

static bool is_closed(struct stream *s)
{
	pthread_mutex_lock(&s->mutex);
	bool closed = s->closed;
	pthread_mutex_unlock(&s->mutex);
	return closed;
}

static bool stops(struct streams *hub)
{
	pthread_mutex_lock(&hub->mutex);
	bool stop = hub->stops;
	pthread_mutex_unlock(&hub->mutex);
	return stop;
}

// True: somebody wants more at once.
static bool feed_all(struct streams *hub)
{
	bool again = false;
	adopt(hub);
	if (hub->first)
		refresh(hub);
	for (struct stream **at = &hub->first, *s; (s = *at);) {
		if (is_closed(s)) {
			*at = s->next;
			free_stream(s);
			continue;
		}
		again = feed(s) || again;
		at = &s->next;
	}
	return again;
}

static void *run(void *context)
{
	struct streams *hub = context;
	uint64_t seen = 0;
	while (!stops(hub))
		if (!feed_all(hub))
			seen = engine_events_wait(hub->engine, seen, TICK_MS);
	return NULL;
}

struct streams *streams_new(struct engine *engine, struct workspaces *workspaces)
{
	struct streams *hub = base_oom(calloc(1, sizeof(*hub)));
	hub->engine = engine;
	hub->workspaces = workspaces;
	pthread_mutex_init(&hub->mutex, NULL);
	list_init(&hub->recent);
	hub->newest = last_event(engine);
	if (pthread_create(&hub->thread, NULL, run, hub))
		abort(); // as without memory: the process has just started
	return hub;
}

void streams_end(struct streams *hub)
{
	if (!hub)
		return;
	pthread_mutex_lock(&hub->mutex);
	hub->stops = true;
	pthread_mutex_unlock(&hub->mutex);
	engine_events_wake(hub->engine);
	pthread_join(hub->thread, NULL);
	adopt(hub);
	for (struct stream *s = hub->first; s; s = s->next) {
		s->over = true;
		pass_on(s);
	}
}

void streams_free(struct streams *hub)
{
	if (!hub)
		return;
	adopt(hub);
	for (struct stream *s = hub->first, *next; s; s = next) {
		next = s->next;
		free_stream(s);
	}
	schema_free(hub->schema);
	arena_fini(&hub->recent.arena);
	pthread_mutex_destroy(&hub->mutex);
	free(hub);
}

// --- listeners ---

struct stream *stream_new(struct streams *hub, const struct stream_options *options,
			  const struct stream_reader *reader)
{
	struct stream *s = base_oom(calloc(1, sizeof(*s)));
	*s = (struct stream){.hub = hub,
			     .opt = *options,
			     .reader = *reader,
			     .at = options->replays ? 0 : last_event(hub->engine),
			     .spoke = time(NULL)};
	arena_init(&s->arena);
	s->opt.tenant = arena_strdup(&s->arena, options->tenant);
	s->opt.filter = arena_strdup(&s->arena, options->filter);
	s->who = access_who_copy(options->who, &s->arena);
	s->opt.who = &s->who;
	pthread_mutex_init(&s->mutex, NULL);
	buf_init(&s->out);
	buf_adds(&s->out, ":\n\n"); // so that the answer's head is not kept back
	pthread_mutex_lock(&hub->mutex);
	s->ended = hub->stops;
	s->next = hub->arrived;
	hub->arrived = s;
	pthread_mutex_unlock(&hub->mutex);
	engine_events_wake(hub->engine); // to be fed at once
	return s;
}

ssize_t stream_read(struct stream *s, char *out, size_t most)
{
	pthread_mutex_lock(&s->mutex);
	size_t left = s->out.len - s->taken, n = left < most ? left : most;
	bool was_full = left >= BUFFER_FULL;
	memcpy(out, s->out.data + s->taken, n);
	s->taken += n;
	if (s->taken == s->out.len) {
		buf_clear(&s->out);
		s->taken = 0;
	}
	ssize_t got = n ? (ssize_t)n : s->ended ? -1 : 0;
	s->waits = got == 0;
	if (s->waits)
		s->reader.wait(s->reader.context);
	pthread_mutex_unlock(&s->mutex);
	if (was_full)
		engine_events_wake(s->hub->engine); // there is room again
	return got;
}

void stream_close(struct stream *s)
{
	pthread_mutex_lock(&s->mutex);
	s->closed = true; // the thread frees it
	pthread_mutex_unlock(&s->mutex);
}

// --- requests ---

#define NAME "NETCONF"

static unsigned refuse(struct exchange *x, unsigned status, const char *hint, const char *text)
{
	return exchange_refuse(x, status, &(struct diag){.code = DIAG_VALUE, .hint = hint}, text);
}

static unsigned read_times(struct exchange *x, struct stream_options *out)
{
	static const char hint[] = "give a date and time such as 2026-01-31T12:00:00Z";
	const struct restconf_request *r = &x->request;
	out->replays = r->start_time != NULL;
	if (r->start_time && !ir_time_parse(r->start_time, &out->start))
		return refuse(x, 400, hint, "the start-time is no date and time");
	if (r->stop_time && !ir_time_parse(r->stop_time, &out->stop))
		return refuse(x, 400, hint, "the stop-time is no date and time");
	if (out->replays && out->start > time(NULL))
		return refuse(x, 400, "leave it out to hear what is new",
			      "the start-time has not come yet");
	if (r->stop_time && out->stop <= out->start)
		return refuse(x, 400, "give a later one",
			      "the stop-time is not later than the start-time");
	return 0;
}

static bool check_filter(struct exchange *x, const char *filter)
{
	struct workspace *w = workspace_take(x->workspaces);
	struct schema_xpath *xpath =
		schema_xpath_parse(w->schema, filter, &schema_xpath_by_module, &x->diags);
	schema_xpath_free(xpath);
	workspace_give(x->workspaces, w);
	return xpath;
}

unsigned stream_open(struct exchange *x)
{
	const struct restconf_request *r = &x->request;
	struct stream_options *options = arena_new(&x->arena, struct stream_options);
	*options =
		(struct stream_options){.format = r->out,
					.tenant = x->caller.is_operator ? NULL : x->caller.tenant,
					.who = &x->access,
					.filter = r->filter};
	if (strcmp(r->path, NAME) != 0) {
		diag_error(&x->diags, DIAG_ABSENT, NULL,
			   "ietf-restconf-monitoring:restconf-state/streams lists those that there "
			   "are",
			   "there is no stream \"%.100s\"", r->path);
		return 404;
	}
	if (r->filter && !check_filter(x, r->filter))
		return 400;
	unsigned status = read_times(x, options);
	if (status)
		return status;
	x->stream = options;
	x->type = RESTCONF_EVENTS;
	return 200;
}

static void write_access(struct exchange *x, const char *encoding, const char *suffix,
			 struct buf *out)
{
	const char *host = x->raw.host;
	buf_printf(out, "<access><encoding>%s</encoding><location>%s", encoding,
		   host ? "https://" : "");
	buf_add_xml(out, host ? host : "");
	buf_printf(out, RESTCONF_STREAMS "/" NAME "%s</location></access>", suffix);
}

static void keep_time(const struct store_event *e, void *context)
{
	*(int64_t *)context = e->time;
}

void stream_list(struct exchange *x, struct buf *out)
{
	int64_t oldest = 0;
	char when[32];
	struct store_query query = {.most = 1};
	buf_adds(out, "<streams><stream><name>" NAME "</name><description>"
		      "What the controller has done and noticed.</description>"
		      "<replay-support>true</replay-support>");
	if (engine_events_after(x->engine, 0, &query, keep_time, &oldest) == 0 && oldest) {
		ir_time_print(oldest, when);
		buf_printf(out, "<replay-log-creation-time>%s</replay-log-creation-time>", when);
	}
	write_access(x, "xml", "", out);
	write_access(x, "json", "-JSON", out);
	buf_adds(out, "</stream></streams>");
}
