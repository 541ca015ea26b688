// SPDX-License-Identifier: Apache-2.0
// NETCONF over SSH, our client (the blocking form) and our server in another thread. What SSH refuses is tested in io.
#include "io/ssh.h"
#include "proto/netconf/client.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/test_ssh.h"

#include <pthread.h>
#include <string.h>

static struct test_world w;
static struct test_ssh ssh;
static struct arena arena;
static struct diags diags;
static pthread_t thread;

static void *run_server(void *context)
{
	return io_loop_run(w.loop) ? context : NULL;
}

static int setup(void **state)
{
	(void)state;
	test_world_init(&w, NULL);
	test_ssh_init(&ssh, &w);
	arena_init(&arena);
	diags_init(&diags, &arena);
	return pthread_create(&thread, NULL, run_server, &w);
}

static void stop(void *context)
{
	io_loop_stop(context);
}

static void stop_server(void)
{
	if (thread) {
		io_post(w.loop, stop, w.loop);
		pthread_join(thread, NULL);
	}
	thread = 0;
}

static int teardown(void **state)
{
	(void)state;
	stop_server();
	arena_fini(&arena);
	test_ssh_fini(&ssh, &w);
	test_world_fini(&w);
	return 0;
}

static struct netconf_client *connect_as(const char *user, const char *const *pins)
{
	struct io_ssh_target target = {.ssh = ssh.client, .user = user, .pins = pins};
	struct netconf_client_options o = {.opener = io_ssh_connecting(&target), .to = ssh.address};
	return netconf_client_connect(&o, &diags);
}

static struct netconf_client *connect_usual(void)
{
	struct netconf_client *c = connect_as("admin", ssh.pin);
	if (!c)
		fail_msg("%s", diags.list.at[0].text);
	return c;
}

static void must(struct netconf_client *c, const char *xml, struct netconf_result *result)
{
	if (!netconf_client_call(c, &(struct netconf_call){.xml = xml}, &diags, result))
		fail_msg("%.40s: %s", xml, diags.list.at[0].text);
}

// Shows: RFC 6242 3.1 hello, requests and close-session over the SSH subsystem
static void a_whole_session(void **state)
{
	struct netconf_client *c = connect_usual();
	struct netconf_result r;
	(void)state;
	assert_true(netconf_client_has(c, NETCONF_BASE_1_1));
	assert_true(netconf_client_has(c, NETCONF_CAP_CANDIDATE));
	must(c,
	     "<edit-config><target><candidate/></target><config><box " BOX
	     "><label>over ssh</label></box></config></edit-config>",
	     &r);
	must(c, "<commit/>", &r);
	must(c, "<get-config><source><running/></source></get-config>", &r);
	test_has(r.data, "<label>over ssh</label>");
	must(c, "<close-session/>", &r);
	netconf_client_free(c);
	stop_server();
	test_has(w.box.events.data, "1 admin: session opened");
}

// More than any window or buffer holds, there and back.
static void a_large_configuration(void **state)
{
	enum { PAGES = 100, BYTES = 50000 };
	struct netconf_client *c = connect_usual();
	struct netconf_result r;
	struct buf xml cleanup(buf_fini);
	(void)state;
	buf_init(&xml);
	buf_adds(&xml, "<edit-config><target><candidate/></target><config><box " BOX ">");
	for (int i = 0; i < PAGES; i++)
		buf_printf(&xml, "<page><number>%d</number><text>%0*d</text></page>", i, BYTES, i);
	buf_adds(&xml, "</box></config></edit-config>");
	must(c, xml.data, &r);
	must(c, "<get-config><source><candidate/></source></get-config>", &r);
	assert_in_range(r.len, PAGES * BYTES, PAGES * BYTES + 10000);
	netconf_client_free(c);
}

static void wrong_host_key_is_told(void **state)
{
	char own[IO_SSH_FINGERPRINT];
	(void)state;
	io_ssh_fingerprint(ssh.client, own);
	const char *const pins[] = {own, NULL};
	assert_null(connect_as("admin", pins));
	test_has(diags.list.at[0].text, "the server's host key is SHA256:");
	test_has(diags.list.at[0].text, own);
	assert_int_equal(diags.list.at[0].code, DIAG_DENIED);
}

static void wrong_user_is_told_and_logged(void **state)
{
	(void)state;
	assert_null(connect_as("nobody", ssh.pin));
	test_has(diags.list.at[0].text, "does not let 'nobody' in with our key SHA256:");
	stop_server();
	test_event(&w, "connection failed: 'nobody' may not come in: the key SHA256:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(a_whole_session),
		T(a_large_configuration),
		T(wrong_host_key_is_told),
		T(wrong_user_is_told_and_logged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
