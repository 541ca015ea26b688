// SPDX-License-Identifier: Apache-2.0
// HTTP over TLS with libmicrohttpd: connections, limits, headers.
//
// The idea: one thread serves all connections and never waits. A request that is whole goes to a worker, and its
// connection is set aside until the answer is there; so is that of an event stream that has nothing to say. Each
// connection has a time by which it must have come further; a clock outside of the library shuts down what is late,
// whatever it is late with.
#include "io/net.h"
#include "io/ssh.h"
#include "io/tls.h"
#include "north/stream.h"
#include "north/tls.h"
#include "north/netconf.h"
#include "north/workers.h"
#include "proto/netconf/netconf.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define PORT_HTTPS 8443u
#define WORKSPACES 4u
#define WORKERS 32u      // some requests wait for NSFs
#define WORKERS_EACH 12u // at most so many of one client
#define STREAM_BLOCK (16u << 10)
#define STREAM_SOCKET (64 << 10) // what the kernel keeps for a listener

// An open connection; the daemon's socket context.
struct connection {
	struct north *north;
	int fd;
	int64_t deadline;        // seconds of the monotonic clock
	struct request *waiting; // that a worker has: the daemon does not look at the socket then
	struct connection *next, **back;
};

struct north {
	struct north_options opt;
	struct workspaces workspaces;
	struct tls *tls;
	struct workers *workers;
	struct netconf_side *netconf; // NULL: it is not served
	uint16_t *netconf_port;
	size_t netconf_ports;
	struct streams *streams;
	struct MHD_Daemon **daemon;
	uint16_t *port;
	size_t daemons;
	bool has_workspaces;
	pthread_mutex_t mutex;
	struct connection *connection;
};

// One request; the daemon's request context.
struct request {
	struct work work; // the first member
	struct north *north;
	struct MHD_Connection *mhd;
	struct exchange x;
	bool served;
	size_t body_most;
	bool too_big, ambiguous; // the body; where it ends
	bool hears_at_once;      // that it is too big: else only when all of it is sent
	VEC(struct restconf_argument) argument;
};

static int64_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

// --- connections and their time ---

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct north *north = context;
	struct connection *c = *socket_context;
	pthread_mutex_lock(&north->mutex);
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		c = *socket_context = base_oom(calloc(1, sizeof(*c)));
		c->north = north;
		c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		c->deadline = now() + NORTH_HEADER_S;
		c->next = north->connection;
		c->back = &north->connection;
		if (c->next)
			c->next->back = &c->next;
		north->connection = c;
	} else if (c) {
		*c->back = c->next;
		if (c->next)
			c->next->back = c->back;
		free(c);
		*socket_context = NULL;
	}
	pthread_mutex_unlock(&north->mutex);
}

// NULL: it was never noted.
static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void allow_time(struct MHD_Connection *mhd, unsigned seconds)
{
	struct connection *c = connection_of(mhd);
	if (!c)
		return;
	pthread_mutex_lock(&c->north->mutex);
	c->deadline = now() + seconds;
	pthread_mutex_unlock(&c->north->mutex);
}

static void set_waiting(struct MHD_Connection *mhd, struct request *r)
{
	struct connection *c = connection_of(mhd);
	if (!c)
		return;
	pthread_mutex_lock(&c->north->mutex);
	c->waiting = r;
	pthread_mutex_unlock(&c->north->mutex);
}

static bool has_left(int fd)
{
	struct pollfd socket = {.fd = fd, .events = POLLRDHUP};
	return poll(&socket, 1, 0) > 0 && socket.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

void north_tick(struct north *north)
{
	int64_t t = now();
	pthread_mutex_lock(&north->mutex);
	for (struct connection *c = north->connection; c; c = c->next) {
		if (c->deadline < t)
			shutdown(c->fd, SHUT_RDWR); // the daemon notices and closes it
		if (c->waiting && has_left(c->fd))
			atomic_store(&c->waiting->x.asked.stop, true);
	}
	pthread_mutex_unlock(&north->mutex);
}

// --- who asks ---

static void identify(struct north *north, struct MHD_Connection *mhd, struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	struct pki_identity identity = {0};
	const char *pem = NULL;
	enum pki_verdict verdict =
		info ? tls_peer(north->tls, info->tls_session, &x->arena, &identity, &pem)
		     : PKI_VERDICTS;
	if (verdict == PKI_OK) {
		x->certificate = pem;
		exchange_identify(
			x, &identity,
			MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Bulwark-Tenant"));
	} else if (verdict != PKI_VERDICTS) {
		x->caller.who = arena_strdup(&x->arena, identity.name);
		x->refused = pki_verdict_text(verdict);
		x->refused_hint = pki_verdict_hint(verdict);
	}
}

// --- the request ---

static enum MHD_Result keep_argument(void *context, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	(void)kind;
	struct request *r = context;
	struct restconf_argument a = {arena_strdup(&r->x.arena, name),
				      arena_strdup(&r->x.arena, value)};
	vec_push(&r->x.arena, &r->argument, a);
	return MHD_YES;
}

static const char *header(struct MHD_Connection *mhd, struct exchange *x, const char *name)
{
	return arena_strdup(&x->arena, MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name));
}

struct lines {
	const char *name;
	struct buf text;
};

static enum MHD_Result join_line(void *context, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	(void)kind;
	struct lines *lines = context;
	if (strcasecmp(name, lines->name) == 0)
		buf_printf(&lines->text, "%s%s", lines->text.len ? ", " : "", value ? value : "");
	return MHD_YES;
}

// A header that is a list may stand in several lines (RFC 9110 section 5.3).
static const char *list_header(struct MHD_Connection *mhd, struct exchange *x, const char *name)
{
	struct lines lines = {.name = name};
	buf_init(&lines.text);
	MHD_get_connection_values(mhd, MHD_HEADER_KIND, join_line, &lines);
	const char *text = lines.text.len ? arena_strdup(&x->arena, lines.text.data) : NULL;
	buf_fini(&lines.text);
	return text;
}

// RFC 9112 section 3.2.2: a URL with its authority is a path, too.
static const char *path_of(const char *url)
{
	if (strncasecmp(url, "https://", 8))
		return url;
	const char *path = strchr(url + 8, '/');
	return path ? path : "/";
}

// RFC 9112 section 6.3: who reads another length than we do sees other requests. Who is sending a body does not hear an
// answer if the connection ends under it; so of clients that are known, twice as much as is taken is read, and thrown away.
// Who asks first is told at once (RFC 9110 section 10.1.1).
static void read_length(struct request *r)
{
	struct exchange *x = &r->x;
	const char *length = list_header(r->mhd, x, MHD_HTTP_HEADER_CONTENT_LENGTH);
	r->body_most = x->anonymous ? NORTH_BODY_ANONYMOUS : NORTH_BODY_MOST;
	unsigned long long bytes = length ? strtoull(length, NULL, 10) : 0;
	r->too_big = bytes > r->body_most;
	r->hears_at_once = x->anonymous || bytes > 2ull * r->body_most ||
			   header(r->mhd, x, MHD_HTTP_HEADER_EXPECT);
	r->ambiguous = length && (strchr(length, ',') ||
				  header(r->mhd, x, MHD_HTTP_HEADER_TRANSFER_ENCODING));
}

static struct request *begin(struct north *north, struct MHD_Connection *mhd, const char *url,
			     const char *method)
{
	struct request *r = base_oom(calloc(1, sizeof(*r)));
	struct exchange *x = &r->x;
	r->north = north;
	r->mhd = mhd;
	exchange_init(x, north->opt.engine, &north->workspaces);
	identify(north, mhd, x);
	MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, keep_argument, r);
	x->raw = (struct restconf_raw){
		.method = arena_strdup(&x->arena, method),
		.path = arena_strdup(&x->arena, path_of(url)),
		.accept = list_header(mhd, x, MHD_HTTP_HEADER_ACCEPT),
		.content_type = header(mhd, x, MHD_HTTP_HEADER_CONTENT_TYPE),
		.if_match = list_header(mhd, x, MHD_HTTP_HEADER_IF_MATCH),
		.if_none_match = list_header(mhd, x, MHD_HTTP_HEADER_IF_NONE_MATCH),
		.if_modified_since = header(mhd, x, MHD_HTTP_HEADER_IF_MODIFIED_SINCE),
		.if_unmodified_since = header(mhd, x, MHD_HTTP_HEADER_IF_UNMODIFIED_SINCE),
		.host = header(mhd, x, MHD_HTTP_HEADER_HOST),
		.argument = r->argument.at,
		.arguments = r->argument.len,
	};
	read_length(r);
	return r;
}

static void take_body(struct request *r, const char *data, size_t len)
{
	r->too_big = r->too_big || r->x.body.len + len > r->body_most;
	if (!r->too_big)
		buf_add(&r->x.body, data, len);
}

// --- the answer ---

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value)
		MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct exchange *x)
{
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, x->type);
	add_header(response, MHD_HTTP_HEADER_LOCATION, x->location);
	add_header(response, MHD_HTTP_HEADER_ALLOW, x->allow);
	add_header(response, MHD_HTTP_HEADER_ETAG, x->tag);
	add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	add_header(response, "X-Content-Type-Options", "nosniff");
	add_header(response, "Accept-Patch", x->accept_patch);
	if (x->status < 300)
		add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
	time_t modified = (time_t)x->modified;
	struct tm tm;
	char date[40];
	if (modified && gmtime_r(&modified, &tm) &&
	    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		add_header(response, MHD_HTTP_HEADER_LAST_MODIFIED, date);
}

static enum MHD_Result queue_answer(struct MHD_Connection *mhd, struct exchange *x,
				    struct MHD_Response *response)
{
	add_headers(response, x);
	enum MHD_Result ok = MHD_queue_response(mhd, x->status, response);
	MHD_destroy_response(response);
	allow_time(mhd, NORTH_IDLE_S);
	return ok;
}

static enum MHD_Result send_answer(struct MHD_Connection *mhd, struct exchange *x)
{
	size_t len;
	char *data = buf_take(&x->out, &len);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(data);
		return MHD_NO;
	}
	return queue_answer(mhd, x, response);
}

// --- event streams ---

// The answer's context: freed with the answer.
struct listener {
	struct MHD_Connection *mhd;
	struct stream *stream;
};

static void set_listener_aside(void *context)
{
	MHD_suspend_connection(context);
}

static void wake_listener(void *context)
{
	MHD_resume_connection(context);
}

// A client that takes what it is sent, keep-alives at least, gets time to take more.
static ssize_t read_stream(void *context, uint64_t position, char *out, size_t most)
{
	(void)position;
	struct listener *l = context;
	allow_time(l->mhd, NORTH_STALL_S);
	ssize_t n = stream_read(l->stream, out, most);
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void end_stream(void *context)
{
	struct listener *l = context;
	stream_close(l->stream);
	free(l);
}

static enum MHD_Result send_stream(struct request *r)
{
	struct listener *l = base_oom(calloc(1, sizeof(*l)));
	int size = STREAM_SOCKET;
	int fd = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); // else it is the default
	l->mhd = r->mhd;
	struct stream_reader reader = {set_listener_aside, wake_listener, r->mhd};
	l->stream = stream_new(r->north->streams, r->x.stream, &reader);
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, l, end_stream);
	if (response)
		return queue_answer(r->mhd, &r->x, response);
	end_stream(l);
	return MHD_NO;
}

static enum MHD_Result refuse_body(struct MHD_Connection *mhd, struct request *r)
{
	struct exchange *x = &r->x;
	if (r->ambiguous)
		diag_error(&x->diags, DIAG_SYNTAX, NULL, "send one Content-Length or chunks",
			   "the request has several lengths");
	else
		diag_error(&x->diags, DIAG_LIMIT, NULL, "send less at once",
			   "the body is larger than %zu bytes", r->body_most);
	x->request.out = SCHEMA_JSON;
	x->status = r->ambiguous ? 400 : 413;
	exchange_errors(x);
	return send_answer(mhd, x);
}

// --- serving ---

static void serve(struct work *work)
{
	struct request *r = (struct request *)work;
	exchange_serve(&r->x);
	r->served = true;
	MHD_resume_connection(r->mhd);
}

static void set_aside(struct work *work)
{
	MHD_suspend_connection(((struct request *)work)->mhd);
}

static enum MHD_Result give_to_worker(struct request *r)
{
	r->x.raw.has_body = r->x.body.len > 0;
	r->work.run = serve;
	r->work.whose = r->x.caller.who;
	set_waiting(r->mhd, r);
	if (workers_take(r->north->workers, &r->work, set_aside))
		return MHD_YES;
	set_waiting(r->mhd, NULL);
	r->x.status = 503;
	return send_answer(r->mhd, &r->x);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *mhd, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *len, void **request_context)
{
	(void)version;
	struct request *r = *request_context;
	if (!r) {
		allow_time(mhd, NORTH_REQUEST_S);
		r = *request_context = begin(context, mhd, url, method);
		bool refused = r->ambiguous || (r->too_big && r->hears_at_once);
		return refused ? refuse_body(mhd, r) : MHD_YES;
	}
	if (*len) {
		take_body(r, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (r->too_big)
		return refuse_body(mhd, r);
	if (!r->served)
		return give_to_worker(r);
	bool streams = r->x.stream && r->x.request.method == RESTCONF_GET;
	return streams ? send_stream(r) : send_answer(mhd, &r->x);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
			 enum MHD_RequestTerminationCode how)
{
	(void)context;
	(void)how;
	struct request *r = *request_context;
	if (!r)
		return;
	set_waiting(mhd, NULL);
	exchange_fini(&r->x);
	free(r);
	*request_context = NULL;
}

// --- the daemons ---

// Paths and arguments stay as they came: keys may hold encoded slashes and commas.
static size_t keep_escapes(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context;
	(void)mhd;
	return strlen(text);
}

// Library folders do not log; what matters of TLS is answered or closed.
static void ignore_log(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static bool cannot_listen(const char *where, int rc, struct diags *diags)
{
	diag_error(diags, DIAG_IO, NULL, "is another program listening there?",
		   "cannot listen on %s: %s", where, strerror(-rc));
	return false;
}

// `port` is for where there is none; `port_out` the one that it got.
static bool listen_on(const char *where, uint16_t port, struct diags *diags, int *fd_out,
		      uint16_t *port_out)
{
	struct io_address address, own;
	if (!io_address_parse(where, port, diags, &address))
		return false;
	int rc = io_listen(&address, fd_out);
	if (rc)
		return cannot_listen(where, rc, diags);
	*port_out = io_address_of(*fd_out, &own) ? 0 : io_address_port(&own);
	return true;
}

static bool start(struct north *north, const char *where, struct diags *diags)
{
	int fd;
	if (!listen_on(where, PORT_HTTPS, diags, &fd, &north->port[north->daemons]))
		return false;
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_TLS | MHD_USE_ERROR_LOG,
		0, NULL, NULL, handle, north, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES,
		MHD_OPTION_HTTPS_CERT_CALLBACK, tls_callback(north->tls),
		MHD_OPTION_HTTPS_MEM_TRUST, tls_authorities(north->tls),
		MHD_OPTION_CONNECTION_LIMIT, NORTH_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		NORTH_CONNECTIONS_PEER, MHD_OPTION_CONNECTION_TIMEOUT, NORTH_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64u << 10),
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, north, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, north, MHD_OPTION_END);
	if (!daemon) {
		close(fd);
		diag_error(diags, DIAG_FAILED, NULL, "see the limits of threads and open files",
			   "the HTTPS server does not start on %s", where);
		return false;
	}
	north->daemon[north->daemons++] = daemon;
	return true;
}

static bool listen_netconf(struct north *north, const char *where, uint16_t port,
			   struct io_opener opener, struct diags *diags)
{
	int fd;
	if (!listen_on(where, port, diags, &fd, &north->netconf_port[north->netconf_ports]))
		return false;
	north->netconf_ports++;
	int rc = netconf_side_listen(north->netconf, opener, fd);
	return rc == 0 || cannot_listen(where, rc, diags);
}

// Those over TLS come first.
static bool open_netconf(struct north *north, struct diags *diags)
{
	const struct north_options *o = &north->opt;
	bool ok = true;
	for (size_t i = 0; i < o->netconfs && ok; i++)
		ok = listen_netconf(north, o->netconf[i], NETCONF_PORT_TLS,
				    io_tls_accepting(o->netconf_tls), diags);
	for (size_t i = 0; i < o->netconf_sshs && ok; i++)
		ok = listen_netconf(north, o->netconf_ssh[i], NETCONF_PORT_SSH,
				    io_ssh_accepting(o->netconf_keys), diags);
	return ok;
}

static bool start_netconf(struct north *north, struct diags *diags)
{
	struct netconf_side_options o = {.engine = north->opt.engine,
					 .workspaces = &north->workspaces,
					 .workers = north->workers};
	if (!north->opt.netconfs && !north->opt.netconf_sshs)
		return true;
	north->netconf = netconf_side_new(&o, diags);
	north->netconf_port = base_oom(calloc(north->opt.netconfs + north->opt.netconf_sshs,
					      sizeof(*north->netconf_port)));
	return north->netconf && open_netconf(north, diags) && netconf_side_start(north->netconf);
}

struct north *north_new(const struct north_options *options, struct diags *diags)
{
	struct north *north = base_oom(calloc(1, sizeof(*north)));
	north->opt = *options;
	pthread_mutex_init(&north->mutex, NULL);
	struct tls_files files = {options->certificate, options->key, options->ca, options->crl};
	north->tls = tls_new(&files, diags);
	north->daemon = base_oom(calloc(options->listens + 1, sizeof(struct MHD_Daemon *)));
	north->port = base_oom(calloc(options->listens + 1, sizeof(*north->port)));
	north->has_workspaces = north->tls != NULL;
	bool ok = north->tls &&
		  workspaces_init(&north->workspaces,
				  options->workspaces ? options->workspaces : WORKSPACES, diags);
	north->workspaces.recovery = options->recovery;
	north->workers = workers_new(WORKERS, WORKERS_EACH);
	if (!north->workers) {
		diag_error(diags, DIAG_FAILED, NULL,
			   "raise the limit of threads of the controller's user",
			   "the kernel gives no threads");
		ok = false;
	}
	north->streams = streams_new(options->engine, &north->workspaces);
	// NETCONF first: whoever gets an answer over HTTPS may count on all being there.
	ok = ok && start_netconf(north, diags);
	for (size_t i = 0; i < options->listens && ok; i++)
		ok = start(north, options->listen[i], diags);
	if (ok)
		return north;
	north_free(north);
	return NULL;
}

void north_free(struct north *north)
{
	if (!north)
		return;
	if (north->netconf)
		netconf_side_stop(north->netconf);
	// Then no connection is set aside, nor will be any more.
	if (north->workers)
		workers_end(north->workers);
	streams_end(north->streams);
	for (size_t i = 0; i < north->daemons; i++)
		MHD_stop_daemon(north->daemon[i]);
	streams_free(north->streams);
	netconf_side_free(north->netconf);
	workers_free(north->workers);
	if (north->has_workspaces)
		workspaces_fini(&north->workspaces);
	tls_free(north->tls);
	free(north->daemon);
	free(north->port);
	free(north->netconf_port);
	pthread_mutex_destroy(&north->mutex);
	free(north);
}

void north_dismiss(struct north *north, const char *user)
{
	if (north->netconf)
		netconf_side_dismiss(north->netconf, user);
}

uint16_t north_netconf_port(const struct north *north, size_t i)
{
	return north->netconf_port[i];
}

bool north_reload(struct north *north, struct diags *diags)
{
	return tls_reload(north->tls, diags);
}

uint16_t north_port(const struct north *north, size_t i)
{
	return north->port[i];
}
