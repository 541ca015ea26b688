// SPDX-License-Identifier: Apache-2.0
// The controller over NETCONF: operators and tenants at their own datastores, in step with RESTCONF.
#include "north/netconf.h"
#include "io/net.h"
#include "io/transport.h"
#include "north/test.h"
#include "north/workers.h"
#include "proto/netconf/client.h"

#include <stdlib.h>
#include <string.h>

// --- connections that say who is there, without TLS ---

static struct io_transport_ops told; // plain bytes, and the peer of `who`

struct who {
	struct io_peer peer;
};
static const struct who alice = {{.name = "alice", .unit = "operator"}};
static const struct who bob = {{.name = "bob", .unit = "tenant-user", .organisation = "acme"}};
static const struct who carol = {{.name = "carol", .unit = "tenant-user", .organisation = "other"}};
static const struct who host = {{.name = "fw1", .unit = "nsf"}};
static const struct who *at_fd[1024];

static const struct io_peer *peer_of(const struct io_transport *transport)
{
	return &at_fd[transport->fd]->peer;
}

static struct io_transport *open_told(const void *context, int fd)
{
	struct io_transport *transport = io_plain_new(fd);
	at_fd[fd] = context;
	told = *transport->ops;
	told.peer = peer_of;
	transport->ops = &told;
	return transport;
}

struct side {
	struct bench *b;
	struct workers *workers;
	struct netconf_side *side;
	struct io_address address[4]; // alice, bob, carol, the host
};

static void listen_for(struct side *s, size_t i, const struct who *who)
{
	int fd;
	assert_true(io_address_parse("127.0.0.1:0", 0, &s->b->diags, &s->address[i]));
	assert_int_equal(io_listen(&s->address[i], &fd), 0);
	assert_int_equal(io_address_of(fd, &s->address[i]), 0);
	assert_int_equal(netconf_side_listen(s->side, (struct io_opener){open_told, who}, fd), 0);
}

static int set_up(void **state)
{
	struct side *s = base_oom(calloc(1, sizeof(*s)));
	void *bench;
	bench_set_up(&bench);
	s->b = bench;
	s->workers = workers_new(2, 2);
	struct netconf_side_options o = {
		.engine = s->b->engine, .workspaces = &s->b->workspaces, .workers = s->workers};
	s->side = netconf_side_new(&o, &s->b->diags);
	assert_non_null(s->side);
	listen_for(s, 0, &alice);
	listen_for(s, 1, &bob);
	listen_for(s, 2, &carol);
	listen_for(s, 3, &host);
	assert_true(netconf_side_start(s->side));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct side *s = *state;
	netconf_side_stop(s->side);
	workers_end(s->workers);
	netconf_side_free(s->side);
	workers_free(s->workers);
	void *bench = s->b;
	bench_tear_down(&bench);
	free(s);
	return 0;
}

static struct netconf_client *connect_as(struct side *s, size_t i)
{
	struct netconf_client_options o = {.opener = io_plain_opener(), .to = s->address[i]};
	return netconf_client_connect(&o, &s->b->diags);
}

// The data of the reply, in the bench's arena. NULL: errors, in the bench's diags.
static const char *call(struct side *s, struct netconf_client *client, const char *xml)
{
	struct netconf_result result;
	diags_init(&s->b->diags, &s->b->arena);
	if (!netconf_client_call(client, &(struct netconf_call){.xml = xml}, &s->b->diags, &result))
		return NULL;
	return arena_strndup(&s->b->arena, result.data, result.len);
}

static void expect(struct side *s, struct netconf_client *client, const char *xml, const char *text)
{
	const char *data = call(s, client, xml);
	if (!data)
		fail_msg("refused: %s", s->b->diags.list.at[0].text);
	if (!strstr(data, text))
		fail_msg("no %s in %s", text, data);
}

static void expect_error(struct side *s, struct netconf_client *client, const char *xml,
			 enum diag_code code)
{
	assert_null(call(s, client, xml));
	const struct diag *d = &s->b->diags.list.at[0];
	if (d->code != code)
		fail_msg("%d: %s", d->code, d->text);
}

#define GET_CONFIG(which) "<get-config><source><" which "/></source></get-config>"
#define EDIT(config) \
	"<edit-config><target><candidate/></target><config>" config "</config></edit-config>"
#define OFFICE(name)                                                                          \
	"<i2nsf-cfi-policy xmlns=\"" CFI_NS "\" xmlns:mi=\"urn:ietf:params:xml:ns:yang:ietf-" \
	"i2nsf-monitoring-interface\"><name>" name "</name><rules><name>r</name><condition>"  \
	"<firewall><transport-layer-protocol>mi:tcp</transport-layer-protocol></firewall>"    \
	"</condition><action><primary-action><action>pass</action></primary-action></action>" \
	"</rules></i2nsf-cfi-policy>"
#define SITE                                                            \
	"<sites xmlns=\"" NORTH_NAMESPACE "\"><site><name>attic</name>" \
	"<networks>10.9.0.0/16</networks></site></sites>"

// --- the tests ---

// Shows: RFC 6241 8.3 candidate and commit on the controller: a commit is a revision, seen over RESTCONF and back (OPS-7)
static void both_protocols_show_one_policy(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *c = connect_as(s, 0);
	expect(s, c, GET_CONFIG("running"), "<name>office</name>");
	expect(s, c, EDIT(OFFICE("branch")), "");
	assert_null(strstr(call(s, c, GET_CONFIG("running")), "branch"));
	expect(s, c, "<commit/>", "");
	assert_int_equal(ask(s->b, "GET", POLICY), 200);
	bench_expect(s->b, "branch");
	assert_int_equal(ask(s->b, "DELETE", POLICY "=branch"), 204);
	const char *now = call(s, c, GET_CONFIG("running"));
	assert_null(strstr(now, "branch"));
	assert_non_null(strstr(now, "office"));
	netconf_client_free(c);
}

static void a_candidate_outlives_changes_by_others(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *c = connect_as(s, 0);
	expect(s, c, EDIT(OFFICE("branch")), "");
	assert_int_equal(ask(s->b, "POST", DATA, bench_policy(s->b, "lab", 22)), 201);
	expect(s, c, GET_CONFIG("running"), "<name>lab</name>");
	expect(s, c, GET_CONFIG("candidate"), "<name>branch</name>");
	expect(s, c, "<commit/>", "");
	assert_int_equal(ask(s->b, "GET", POLICY), 200);
	bench_expect(s->b, "branch");
	netconf_client_free(c);
}

// Shows: RFC 8341 3.2.4 a tenant's session has datastores of its own (NSF-5)
static void tenants_are_apart(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *b = connect_as(s, 1), *c = connect_as(s, 2);
	assert_string_equal(call(s, b, GET_CONFIG("running")), "");
	expect(s, b, EDIT(OFFICE("acme-policy")), "");
	expect(s, b, "<commit/>", "");
	expect(s, b, GET_CONFIG("running"), "acme-policy");
	assert_string_equal(call(s, c, GET_CONFIG("candidate")), "");
	expect(s, c, "<lock><target><candidate/></target></lock>", ""); // its own
	expect_error(s, b, EDIT(SITE), DIAG_DENIED);
	expect_error(s, b,
		     "<enrolment-token xmlns=\"" NORTH_NAMESPACE
		     "\"><nsf-name>fw1</nsf-name></enrolment-token>",
		     DIAG_DENIED);
	assert_int_equal(ask(s->b, "GET", POLICY, .who = &bench_bob), 200);
	bench_expect(s->b, "acme-policy");
	netconf_client_free(b);
	netconf_client_free(c);
}

// Shows: RFC 8341 3.5.2 what is denied to a tenant over NETCONF is counted where operators see it, in both protocols
static void denials_are_counted(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *a = connect_as(s, 0), *b = connect_as(s, 1);
	expect_error(s, b, "<kill-session><session-id>1</session-id></kill-session>", DIAG_DENIED);
	expect_error(s, b, EDIT(SITE), DIAG_DENIED);
	expect(s, a, "<get><filter><nacm xmlns=\"" ACCESS_NAMESPACE "\"/></filter></get>",
	       "<denied-operations>1</denied-operations><denied-data-writes>1</"
	       "denied-data-writes>");
	assert_int_equal(ask(s->b, "GET", DATA "/" ACCESS_MODULE ":nacm/denied-operations"), 200);
	bench_expect(s->b, ":1");
	netconf_client_free(a);
	netconf_client_free(b);
}

static void hosts_are_not_let_in(void **state)
{
	struct side *s = *state;
	assert_null(connect_as(s, 3));
}

static void operators_write_sites(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *c = connect_as(s, 0);
	expect(s, c, EDIT(SITE), "");
	expect(s, c, "<validate><source><candidate/></source></validate>", "");
	expect(s, c, "<commit/>", "");
	assert_int_equal(ask(s->b, "GET", DATA "/" BWC ":sites"), 200);
	bench_expect(s->b, "attic");
	expect(s, c, EDIT(SITE), ""); // the same once more changes nothing
	expect(s, c, "<commit/>", "");
	expect(s, c,
	       EDIT(OFFICE("p") "<sites xmlns=\"" NORTH_NAMESPACE "\"><site><name>cellar"
				"</name><networks>10.8.0.0/16</networks></site></sites>"),
	       "");
	expect_error(s, c, "<commit/>", DIAG_UNSUPPORTED); // two documents
	netconf_client_free(c);
}

static void faults_of_a_policy_are_told(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *c = connect_as(s, 0);
	expect(s, c,
	       EDIT("<i2nsf-cfi-policy xmlns=\"" CFI_NS "\"><name>p</name><rules><name>r</name>"
		    "<condition><firewall><source>nobody-knows</source></firewall></condition>"
		    "<action><primary-action><action>pass</action></primary-action></action>"
		    "</rules></i2nsf-cfi-policy>"),
	       "");
	assert_null(call(s, c, "<commit/>"));
	assert_non_null(strstr(s->b->diags.list.at[0].text, "nobody-knows"));
	expect(s, c, "<discard-changes/>", "");
	netconf_client_free(c);
}

static void state_and_operations(void **state)
{
	struct side *s = *state;
	bench_documents(s->b);
	struct netconf_client *c = connect_as(s, 0);
	expect(s, c,
	       "<get><filter><nsfs xmlns=\"" NORTH_NAMESPACE "\"><nsf><name>fw1</name></nsf></nsfs>"
	       "</filter></get>",
	       "<name>fw1</name>");
	expect(s, c, "<get><filter><revisions xmlns=\"" NORTH_NAMESPACE "\"/></filter></get>",
	       "<revision>");
	expect(s, c, "<status xmlns=\"" NORTH_NAMESPACE "\"/>", "xmlns=\"" NORTH_NAMESPACE "\"");
	expect_error(s, c, "<plan xmlns=\"" NORTH_NAMESPACE "\"><revision>99</revision></plan>",
		     DIAG_ABSENT);
	assert_false(netconf_client_has(c, "urn:ietf:params:netconf:capability:startup:1.0"));
	assert_null(call(s, c, "<commit><confirmed/></commit>"));
	netconf_client_free(c);
}

// Shows: RFC 5277 2.1 the controller's events over NETCONF, a tenant's own only (NSF-2)
static void events_are_told(void **state)
{
	struct side *s = *state;
	struct netconf_client *c = connect_as(s, 0);
	expect(s, c,
	       "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>",
	       "");
	bench_documents(s->b);
	assert_true(netconf_client_wait(c, 20000));
	netconf_client_free(c);
}

static void a_revoked_user_is_dismissed(void **state)
{
	struct side *s = *state;
	struct netconf_client *a = connect_as(s, 0), *b = connect_as(s, 1);
	netconf_side_dismiss(s->side, "bob");
	assert_false(netconf_client_wait(b, 20000));
	assert_non_null(call(s, a, GET_CONFIG("running")));
	netconf_client_free(a);
	netconf_client_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_protocols_show_one_policy),
		TEST(a_candidate_outlives_changes_by_others),
		TEST(tenants_are_apart),
		TEST(denials_are_counted),
		TEST(hosts_are_not_let_in),
		TEST(operators_write_sites),
		TEST(faults_of_a_policy_are_told),
		TEST(state_and_operations),
		TEST(events_are_told),
		TEST(a_revoked_user_is_dismissed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
