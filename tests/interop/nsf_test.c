// SPDX-License-Identifier: Apache-2.0
// A real bulwark-nsf and the client library libnetconf2, over TLS, in a network namespace; it is called, and calls.
// Argument: bulwark-nsf.
#include "peer.h"

#include "agent/config.h"
#include "agent/rig.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PORT 6513
#define HOME_PORT 4335
#define NFI "urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface"
#define POLICY(inside)                                            \
	"<i2nsf-security-policy xmlns=\"" NFI "\"><name>p</name>" \
	"<default-action>pass</default-action>" inside "</"       \
	"i2nsf-security-policy>"
#define RULE(name, action)                                                           \
	"<rules><name>" name "</name><action><packet-action><ingress-action>" action \
	"</ingress-action></packet-action></action></rules>"

static struct rig rig;
static struct nc_session *session;

static const char *file(const char *name)
{
	return arena_printf(&rig.arena, "%s/%s", rig.dir, name);
}

static struct peer_files controller(void)
{
	return (struct peer_files){file("ca.pem"), file("controller.pem"), file("controller.key")};
}

static int setup(void **state)
{
	(void)state;
	struct peer_files files = controller();
	session = peer_dial(PORT, &files);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nc_session_free(session, NULL);
	return 0;
}

// Shows: RFC 6022 3.1 libnetconf2 compiles the I2NSF modules that bulwark-nsf gives it
static void modules(void **state)
{
	(void)state;
	const struct ly_ctx *ctx = nc_session_get_ctx(session);
	static const char *const name[] = {"ietf-i2nsf-nsf-facing-interface",
					   "ietf-i2nsf-capability", "bulwark-nsf",
					   "ietf-netconf-monitoring"};
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!ly_ctx_get_module_implemented(ctx, name[i]))
			fail_msg("%s is not there", name[i]);
}

// Shows: RFC 6241 7.7 get of bulwark-nsf: capabilities, state and monitoring in one valid document
static void state_is_valid(void **state)
{
	(void)state;
	peer_ask(session, nc_rpc_get(NULL, NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("netconf-state");
	peer_has("<username>controller</username>");
	peer_has("nsf-state");
	peer_has_not("<rpc-error");
}

// Shows: RFC 6241 8.3 a policy goes into the kernel by the candidate of bulwark-nsf, driven by libnetconf2
static void a_policy_is_enforced(void **state)
{
	(void)state;
	peer_ok(session, nc_rpc_lock(NC_DATASTORE_CANDIDATE));
	peer_ok(session, peer_edit(POLICY(RULE("r1", "drop"))));
	peer_ok(session, nc_rpc_validate(NC_DATASTORE_CANDIDATE, NULL, NC_PARAMTYPE_CONST));
	peer_ok(session, nc_rpc_commit(1, 60, NULL, NULL, NC_PARAMTYPE_CONST));
	peer_ok(session, peer_commit());
	peer_ok(session, nc_rpc_unlock(NC_DATASTORE_CANDIDATE));
	peer_ask(session, peer_get_config(NC_DATASTORE_RUNNING));
	peer_has("<name>r1</name>");
	peer_has("drop</ingress-action>");
	peer_refused(session, peer_edit(POLICY(RULE("r2", "explode"))), "invalid-value");
	peer_has("explode");
	peer_ok(session, peer_edit(POLICY(RULE("r1", "pass"))));
	peer_ok(session, peer_commit());
	peer_ask(session, peer_get_config(NC_DATASTORE_RUNNING));
	peer_has("pass</ingress-action>");
}

// Shows: RFC 8071 3.1 bulwark-nsf calls libnetconf2, which does on that session what it does on any
static void it_calls_home(void **state)
{
	(void)state;
	struct nc_session *called = peer_called();
	peer_ask(called, nc_rpc_get(NULL, NC_WD_UNKNOWN, NC_PARAMTYPE_CONST));
	peer_has("nsf-state");
	peer_ok(called, peer_edit(POLICY(RULE("called", "drop"))));
	peer_ok(called, peer_commit());
	peer_ask(session, peer_get_config(NC_DATASTORE_RUNNING));
	peer_has("<name>called</name>");
	nc_session_free(called, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(it_calls_home), // first: a call that nobody takes is given up
		T(modules),
		T(state_is_valid),
		T(a_policy_is_enforced),
	};
	if (argc != 2) {
		fputs("usage: interop_nsf_test BULWARK-NSF\n", stderr);
		return 2;
	}
	if (!rig_enter_namespace()) {
		puts("needs root");
		return 77;
	}
	peer_init();
	rig_init(&rig, argv[1]);
	struct peer_files files = controller();
	peer_listen(HOME_PORT, &files);
	rig_shell(&rig, arena_printf(&rig.arena, "echo call-home = 127.0.0.1:%d >>%s/%s", HOME_PORT,
				     rig.dir, AGENT_CONFIG_FILE));
	rig_start(&rig);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_stop(&rig, SIGTERM);
	rig_fini(&rig);
	nc_client_destroy();
	return failed;
}
