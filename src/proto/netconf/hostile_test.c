// SPDX-License-Identifier: Apache-2.0
// Clients that mean no good, against a server in a process of its own. Each gets its error or is let go; a session beside
// it goes on being answered; the server's memory stays within a generous bound, measured from outside.
#include "base/file.h"
#include "proto/netconf/test_peer.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB (1u << 20)
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_FACTOR 4u // what is freed is kept for a while
#else
#define MEMORY_FACTOR 1u
#endif
#define BESIDE 10u // answers that the other session gets after each attack

static struct {
	struct test_world world; // its loop is this process's
	struct io_loop *server_loop;
	pid_t server;
	struct test_peer good, bad;
	unsigned answers; // of the good one
	bool ringing;     // notifications are wanted
} w;

// --- the server ---

static void ring(void *context)
{
	static const char rang[] = "<rang " BOX "><bell>front door, for a long time</bell></rang>";
	struct io_timer **timer = context;
	for (int i = 0; i < 1000; i++)
		netconf_server_notify(w.world.box.server, rang, sizeof(rang) - 1, 0);
	io_timer_set(*timer, 10);
}

static void serve(void)
{
	static struct io_timer *timer;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	timer = io_timer_new(w.server_loop, ring, &timer);
	if (w.ringing)
		io_timer_set(timer, 10);
	_exit(io_loop_run(w.server_loop) < 0);
}

static void set_up(bool ringing)
{
	struct netconf_server_options o = {.message_most = 128u * MB,
					   .incoming_most = 200u * MB,
					   .output_most = 4u * MB,
					   .stall_ms = 2000,
					   .hello_ms = 2000,
					   .handshake_ms = 2000};
	memset(&w, 0, sizeof(w));
	test_world_init(&w.world, &o);
	w.server_loop = w.world.loop;
	w.ringing = ringing;
	w.server = fork();
	if (w.server == 0)
		serve();
	// The loop is the server's from here on, but for the end.
	assert_int_equal(io_loop_new(&w.world.loop), 0);
	io_timer_free(w.world.guard);
	w.world.guard = NULL;
	test_peer_open(&w.good, &w.world);
}

static int setup(void **state)
{
	(void)state;
	set_up(false);
	return 0;
}

static int setup_ringing(void **state)
{
	(void)state;
	set_up(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_peer_fini(&w.good);
	if (w.bad.world)
		test_peer_fini(&w.bad);
	kill(w.server, SIGKILL);
	assert_int_equal(waitpid(w.server, NULL, 0), w.server);
	io_loop_free(w.world.loop);
	w.world.loop = w.server_loop;
	test_world_fini(&w.world);
	return 0;
}

static unsigned memory_mb(void)
{
	char path[40];
	struct buf status cleanup(buf_fini);
	buf_init(&status);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)w.server);
	assert_int_equal(file_read(path, 65536, &status), 0);
	return (unsigned)(strtoul(strstr(status.data, "VmHWM:") + 6, NULL, 10) / 1024);
}

// Descriptors that the server has open.
static unsigned descriptors(void)
{
	char path[40];
	unsigned n = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)w.server);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

// --- the good one ---

// The server is there, and answers whoever behaves.
static void still_served(void)
{
	for (unsigned i = 0; i < BESIDE; i++)
		test_has(test_ask(&w.good, "<get-config><source><running/></source></get-config>"),
			 "<data");
	w.answers += BESIDE;
}

// --- the bad one ---

static void write_bytes(struct test_peer *p, const char *data, size_t len)
{
	while (io_stream_queued(p->stream) > 4u * MB && !p->closed)
		test_step(&w.world);
	io_stream_write(p->stream, data, len);
}

static void write_filled(struct test_peer *p, size_t len, const char *with)
{
	struct buf piece cleanup(buf_fini);
	size_t one = strlen(with);
	buf_init(&piece);
	while (piece.len < 64u * 1024)
		buf_add(&piece, with, one);
	for (size_t sent = 0; sent < len; sent += piece.len)
		write_bytes(p, piece.data, piece.len);
}

static void forget_bad(void)
{
	test_peer_fini(&w.bad);
	w.bad = (struct test_peer){.world = NULL};
}

// Ends what `bad` does: it was let go. The other one was answered meanwhile.
static void is_let_go(void)
{
	while (!w.bad.closed)
		still_served();
	still_served();
	forget_bad();
}

static void connect_bad(void)
{
	test_peer_open(&w.bad, &w.world);
}

// Shows: RFC 6242 4.2 bytes that are no frame end the session
static void malformed_frames(void **state)
{
	static const char *const bytes[] = {
		"#5\nhello",     "\n##\n",           "\n#0\n",
		"\n#-1\n<rpc/>", "\n#4294967296\nx", "\n#4294967295\nx",
		"\n#3\nabc#3",   "\n#1 \nx",         "\n#00000000000000000000000000000001\nx",
	};
	(void)state;
	for (size_t i = 0; i < array_len(bytes); i++) {
		connect_bad();
		test_peer_write(&w.bad, bytes[i]);
		is_let_go();
	}
}

static void no_hello_or_another(void **state)
{
	static const char *const bytes[] = {
		"<rpc " BASE " message-id=\"1\"><get/></rpc>" EOM,
		"<hello " BASE
		"><capabilities><capability>urn:x</capability></capabilities></hello>" EOM,
		"<!DOCTYPE h [<!ENTITY a \"b\">]><hello " BASE "/>" EOM,
		"\n#10\n<hello/>\n##\n" EOM,
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n" EOM,
		"", // says nothing
	};
	(void)state;
	for (size_t i = 0; i < array_len(bytes); i++) {
		test_peer_connect(&w.bad, &w.world, "admin");
		test_peer_write(&w.bad, bytes[i]);
		is_let_go();
	}
	test_peer_connect(&w.bad, &w.world, "admin");
	write_filled(&w.bad, 2u * MB, "<hello>"); // without an end
	is_let_go();
	assert_true(memory_mb() < 300 * MEMORY_FACTOR);
}

// A hundred connections that say nothing, and go by themselves when their time is over.
static void silent_connections(void **state)
{
	int fd[100];
	char byte;
	(void)state;
	for (size_t i = 0; i < array_len(fd); i++)
		assert_int_equal(io_connect_start(&w.world.address, NULL, &fd[i]), 0);
	still_served();
	for (size_t i = 0; i < array_len(fd); i++) {
		while (read(fd[i], &byte, 1) < 0)
			still_served();
		close(fd[i]);
	}
}

static void refused_with(const char *message, const char *tag)
{
	struct buf frame cleanup(buf_fini);
	buf_init(&frame);
	netconf_frame(NETCONF_CHUNKED, message, strlen(message), &frame);
	write_bytes(&w.bad, frame.data, frame.len);
	const char *reply = test_receive(&w.bad);
	test_has(reply, tag);
	still_served();
}

#define RPC(content) "<rpc " BASE " message-id=\"1\">" content "</rpc>"
#define EDIT(content)                                                                  \
	RPC("<edit-config><target><candidate/></target><config>" content "</config></" \
	    "edit-config>")

static void bad_xml(void **state)
{
	static const char bomb[] =
		"<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
		"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;\">]>";
	(void)state;
	connect_bad();
	refused_with(arena_printf(&w.world.arena, "%s%s", bomb,
				  EDIT("<box " BOX "><label>&d;</label></box>")),
		     "malformed-message");
	refused_with(EDIT("<box " BOX "><label>&d;</label></box>"), "malformed-message");
	refused_with(EDIT("<box xmlns=\"urn:nobody\"/>"), "unknown-namespace");
	refused_with(EDIT("<x:box/>"), "unknown-namespace");
	refused_with(EDIT("<box " BOX "><nothing/></box>"), "unknown-element");
	refused_with(RPC("<format-disk/>"), "operation-not-supported");
	refused_with(RPC(""), "rpc-error");
	refused_with("<rpc " BASE "><get/></rpc>", "missing-attribute");
	refused_with("\xff\xfe<\0r\0p\0c\0", "malformed-message");
}

static char *repeated(const char *what, size_t times)
{
	struct buf out;
	buf_init(&out);
	for (size_t i = 0; i < times; i++)
		buf_adds(&out, what);
	char *text = arena_strndup(&w.world.arena, out.data, out.len);
	buf_fini(&out);
	return text;
}

// Each is within the limit of a message, and costs far more to hold than to send if nobody looks.
static void deep_and_wide_xml(void **state)
{
	struct arena *a = &w.world.arena;
	(void)state;
	connect_bad();
	refused_with(
		arena_printf(a, EDIT("%s%s"), repeated("<a>", 200000), repeated("</a>", 200000)),
		"rpc-error");
	refused_with(arena_printf(a, EDIT("<box " BOX ">%s</box>"), repeated("<item/>", 200000)),
		     "rpc-error");
	refused_with(arena_printf(a, RPC("<get><filter type=\"subtree\">%s</filter></get>"),
				  repeated("<box " BOX "><item>", 50000)),
		     "too-big");
	refused_with(arena_printf(a, EDIT("<box " BOX " %s/>"), repeated("a='1' ", 100000)),
		     "rpc-error");
	struct buf names cleanup(buf_fini);
	buf_init(&names);
	for (unsigned i = 0; i < 50000; i++)
		buf_printf(&names, "xmlns:n%u=\"urn:%u\" ", i, i);
	refused_with(arena_printf(a, EDIT("<box " BOX " %s/>"), names.data), "rpc-error");
	refused_with(arena_printf(a, EDIT("<%s/>"), repeated("name", MB)), "rpc-error");
	refused_with(arena_printf(a, EDIT("<box " BOX "><level>%s</level></box>"),
				  repeated("9", 4u * MB)),
		     "too-big");
	assert_true(memory_mb() < 600 * MEMORY_FACTOR);
}

static void one_byte_at_a_time(void **state)
{
	struct buf frame cleanup(buf_fini);
	const char *message = RPC("<get-config><source><running/></source></get-config>");
	(void)state;
	buf_init(&frame);
	connect_bad();
	netconf_frame(NETCONF_CHUNKED, message, strlen(message), &frame);
	for (size_t i = 0; i < frame.len; i++) {
		write_bytes(&w.bad, frame.data + i, 1);
		test_step(&w.world);
		if (i % 16 == 0)
			still_served();
	}
	test_has(test_receive(&w.bad), "<data");
}

// A hundred megabytes in one request: nonsense, one value, and a good part of a real configuration.
static void huge_requests(void **state)
{
	(void)state;
	connect_bad();
	size_t pieces = 100u * MB / (64u * 1024);
	struct buf piece cleanup(buf_fini);
	static const char *const with[] = {"<nothing><a>1</a></nothing>", "x",
					   "<item><name>n</name><size>5</size></item>"};
	static const char *const open[] = {"", "<box " BOX "><label>", "<box " BOX ">"};
	static const char *const close[] = {"", "</label></box>", "</box>"};
	buf_init(&piece);
	for (size_t i = 0; i < array_len(with); i++) {
		buf_clear(&piece);
		while (piece.len < 64u * 1024)
			buf_adds(&piece, with[i]);
		struct buf edge cleanup(buf_fini);
		buf_init(&edge);
		const char *begin =
			arena_printf(&w.world.arena,
				     "<rpc " BASE " message-id=\"1\"><edit-config><target>"
				     "<candidate/></target><config>%s",
				     open[i]);
		const char *end =
			arena_printf(&w.world.arena, "%s</config></edit-config></rpc>", close[i]);
		netconf_frame_begin(NETCONF_CHUNKED, strlen(begin), &edge);
		buf_adds(&edge, begin);
		write_bytes(&w.bad, edge.data, edge.len);
		for (size_t k = 0; k < pieces; k++) {
			buf_clear(&edge);
			netconf_frame_begin(NETCONF_CHUNKED, piece.len, &edge);
			write_bytes(&w.bad, edge.data, edge.len);
			write_bytes(&w.bad, piece.data, piece.len);
		}
		still_served();
		buf_clear(&edge);
		netconf_frame(NETCONF_CHUNKED, end, strlen(end), &edge);
		write_bytes(&w.bad, edge.data, edge.len);
		unsigned beside = w.answers;
		while (w.bad.seen == w.bad.message.len)
			still_served();
		test_has(test_receive(&w.bad), "rpc-error");
		// While so much was read the other one had its turns.
		assert_true(i == 1 || w.answers - beside >= 2 * BESIDE);
	}
	assert_true(memory_mb() < 1800 * MEMORY_FACTOR);
}

static void beyond_the_limit(void **state)
{
	(void)state;
	connect_bad();
	test_peer_write(&w.bad, "\n#100000000\n");
	write_filled(&w.bad, 100000000, "x");
	is_let_go();
	connect_bad();
	test_peer_write(&w.bad, "\n#134217729\n");
	is_let_go();
}

// Ten that each send most of a message and then nothing: together more than the server takes.
static void many_halves(void **state)
{
	struct test_peer many[10];
	unsigned gone = 0;
	(void)state;
	for (size_t i = 0; i < array_len(many); i++) {
		test_peer_open(&many[i], &w.world);
		test_peer_write(&many[i], "\n#60000000\n");
		write_filled(&many[i], 40000000, "x");
		while (io_stream_queued(many[i].stream) && !many[i].closed)
			still_served();
	}
	for (size_t i = 0; i < array_len(many); i++) {
		while (gone < 5 && i == array_len(many) - 1 && !many[i].closed)
			still_served();
		gone += many[i].closed;
	}
	assert_true(gone >= 5); // 200 MB are five of them
	assert_true(memory_mb() < 700 * MEMORY_FACTOR);
	for (size_t i = 0; i < array_len(many); i++)
		test_peer_fini(&many[i]);
}

// It asks for much, subscribes to everything, and reads nothing.
static void never_reads(void **state)
{
	(void)state;
	unsigned before = descriptors();
	connect_bad();
	test_ok(&w.bad, "<create-subscription "
			"xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>");
	w.bad.deaf = true;
	for (unsigned i = 0; i < 2000; i++)
		test_send(&w.bad, "<get-config><source><running/></source></get-config>");
	while (descriptors() >
	       before) // what has been let go is not to be seen by who does not read
		still_served();
	forget_bad();
	assert_true(memory_mb() < 300 * MEMORY_FACTOR);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(malformed_frames),
		T(no_hello_or_another),
		T(silent_connections),
		T(bad_xml),
		T(deep_and_wide_xml),
		T(one_byte_at_a_time),
		T(huge_requests),
		T(beyond_the_limit),
		T(many_halves),
		cmocka_unit_test_setup_teardown(never_reads, setup_ringing, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
