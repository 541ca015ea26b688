// SPDX-License-Identifier: Apache-2.0
// The whole agent, in a network namespace of its own: what clients are told is compared with what this process reads from
// the kernel. The program to test is the argument.
#include "agent/held.h"
#include "agent/rig.h"
#include "backend/nft/nft.h"
#include "codec/nfi.h"
#include "io/loop.h"
#include "pki/pki.h"
#include "proto/netconf/client.h"
#include "schema/schema.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SUBSCRIBE "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>"
#define COMMIT "<commit/>"
#define CONFIRMED(seconds) \
	"<commit><confirmed/><confirm-timeout>" seconds "</confirm-timeout></commit>"
#define PERSISTENT "<commit><confirmed/><persist>id-1</persist></commit>"

static const char *program;

static int setup(void **state)
{
	struct rig *rig = base_oom(calloc(1, sizeof(*rig)));
	rig_init(rig, program);
	rig_start(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;
	if (rig->agent)
		rig_stop(rig, SIGTERM);
	rig_flush(rig);
	rig_fini(rig);
	free(rig);
	return 0;
}

static struct netconf_client *connect_as(struct rig *rig, const char *name)
{
	struct netconf_client *client = rig_connect(rig, name);
	assert_non_null(client);
	return client;
}

// What is in the kernel, read by this process and not by the agent.
static char *kernel_digest(struct rig *rig)
{
	struct backend_nft *nft;
	struct backend_state state = {.strange.arena = &rig->arena};
	char *digest = arena_alloc(&rig->arena, AGENT_DIGEST_TEXT);
	assert_int_equal(backend_nft_open(NULL, &rig->diags, &nft), 0);
	assert_int_equal(backend_nft_read_back(nft, &rig->arena, &state), 0);
	if (state.deployed)
		agent_digest(&state.ruleset, digest);
	backend_nft_close(nft);
	return digest;
}

// The rules of what the agent says is running, read by this process.
static void read_running(struct rig *rig, struct netconf_client *client, struct ir_ruleset *out)
{
	static const char *const modules[] = {CODEC_NFI_MODULE, "ietf-netconf-acm", NULL};
	const char *text =
		rig_must(rig, client, "<get-config><source><running/></source></get-config>");
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	struct ir_document document;
	struct ir_ruleset all;
	struct schema *schema = schema_open(NULL, modules, &rig->diags);
	assert_non_null(schema);
	struct schema_tree *tree = schema_tree_new(schema);
	assert_true(schema_parse(tree, &input, &rig->diags) && schema_validate(tree, &rig->diags) &&
		    codec_nfi_read(tree, &rig->arena, &rig->diags, &document));
	ir_document_order(&document, &rig->arena, &rig->diags, &all);
	ir_ruleset_lower_time(&all, &rig->arena, time(NULL), time(NULL) + 1000000, out);
	schema_tree_free(tree);
	schema_free(schema);
}

// What the kernel does is what the configuration says, as far as this process can tell, and the agent says so, too.
static void proven(struct rig *rig, struct netconf_client *client, const char *enforcement)
{
	struct backend_nft *nft;
	struct ir_ruleset running;
	struct backend_differences differences = {.arena = &rig->arena};
	read_running(rig, client, &running);
	assert_int_equal(backend_nft_open(NULL, &rig->diags, &nft), 0);
	assert_int_equal(backend_nft_compare(nft, &running, &differences), 0);
	assert_int_equal(differences.list.len, 0);
	backend_nft_close(nft);
	assert_string_equal(rig_state(rig, client, "enforcement"), enforcement);
	assert_string_not_equal(rig_state(rig, client, "policy-digest"), "");
	assert_string_equal(rig_state(rig, client, "enforced-digest"),
			    rig_state(rig, client, "policy-digest"));
	assert_non_null(strstr(rig_must(rig, client, "<verify xmlns=\"urn:bulwark:nsf\"/>"),
			       ">true</equal>"));
}

// --- privilege ---

static void privileges(void **state)
{
	struct rig *rig = *state;
	pid_t front = rig_front(rig);
	assert_true(front > 0);
	assert_string_equal(rig_status(rig, front, "Uid"), "65533\t65533\t65533\t65533");
	assert_string_equal(rig_status(rig, front, "CapPrm"), "0000000000000000");
	assert_string_equal(rig_status(rig, front, "CapEff"), "0000000000000000");
	assert_string_equal(rig_status(rig, front, "CapAmb"), "0000000000000000");
	assert_string_equal(rig_status(rig, front, "NoNewPrivs"), "1");
	assert_string_equal(rig_status(rig, front, "Seccomp"), "2");
	assert_string_equal(rig_status(rig, rig->agent, "CapEff"),
			    "0000000000001000"); // CAP_NET_ADMIN
	assert_string_equal(rig_status(rig, rig->agent, "CapPrm"),
			    "00000000000010e0"); // and to start and end front
	assert_string_equal(rig_status(rig, rig->agent, "CapBnd"), "00000000000010e0");
	assert_string_equal(rig_status(rig, rig->agent, "NoNewPrivs"), "1");
}

// --- commits ---

static void commits_and_survives(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	assert_string_equal(rig_state(rig, client, "enforcement"), "none");
	assert_string_equal(kernel_digest(rig), "");
	assert_non_null(strstr(rig_must(rig, client, "<get/>"),
			       "urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability"));
	rig_edit(rig, client, 0, 20);
	rig_must(rig, client, COMMIT);
	proven(rig, client, "enforced");
	assert_non_null(strstr(rig_must(rig, client, "<get/>"), "<name>rule-19</name>"));
	const char *digest = kernel_digest(rig);
	const char *running =
		rig_must(rig, client, "<get-config><source><running/></source></get-config>");
	netconf_client_free(client);
	// Ended in order: the rules stay; and what a restart finds equal it does not touch.
	rig_stop(rig, SIGTERM);
	assert_string_equal(kernel_digest(rig), digest);
	rig_start(rig);
	client = connect_as(rig, "controller");
	proven(rig, client, "enforced");
	assert_string_equal(
		rig_must(rig, client, "<get-config><source><running/></source></get-config>"),
		running);
	netconf_client_free(client);
	// After a reboot the kernel is empty.
	rig_stop(rig, SIGKILL);
	rig_shell(rig, "exec nft delete table inet bulwark");
	rig_start(rig);
	assert_string_equal(kernel_digest(rig), digest);
}

// The controller can compute the digest of what is intended by itself.
static void digests_can_be_recomputed(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	struct ir_ruleset set = {.default_action = IR_DROP}, lowered, normal;
	char digest[AGENT_DIGEST_TEXT];
	rig_edit(rig, client, 5, 1);
	rig_must(rig, client, COMMIT);
	struct ir_clause *clause = arena_new(&rig->arena, struct ir_clause);
	assert_true(ir_clause_narrow(clause, &rig->arena, IR_PROTO,
				     algebra_set_one(&rig->arena, 6, 6)));
	assert_true(ir_clause_narrow(clause, &rig->arena, IR_DPORT,
				     algebra_set_one(&rig->arena, 6, 6)));
	vec_push(&rig->arena, &set.rule,
		 (struct ir_rule){.policy = "p",
				  .name = "rule-5",
				  .flow = true,
				  .verdict = IR_PASS,
				  .clause = clause,
				  .clauses = 1});
	ir_ruleset_lower_time(&set, &rig->arena,
			      strtoll(rig_state(rig, client, "lowered-at"), NULL, 10),
			      strtoll(rig_state(rig, client, "horizon"), NULL, 10), &lowered);
	agent_digest(&lowered, digest);
	assert_string_equal(rig_state(rig, client, "intended-digest"), digest);
	backend_nft_normal(&lowered, &rig->arena, &normal);
	agent_digest(&normal, digest);
	assert_string_equal(rig_state(rig, client, "policy-digest"), digest);
	netconf_client_free(client);
}

static void refuses_what_it_cannot_do(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, 3);
	rig_must(rig, client, COMMIT);
	const char *digest = kernel_digest(rig);
	rig_must(rig, client,
		 "<edit-config><target><candidate/></target><default-operation>replace</"
		 "default-operation><config>"
		 "<i2nsf-security-policy "
		 "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface\"><name>p</"
		 "name>"
		 "<rules><name>web</name><condition><url-category><user-defined>example.com</"
		 "user-defined></url-category></condition>"
		 "<action><packet-action><ingress-action>drop</ingress-action></packet-action></"
		 "action></rules>"
		 "</i2nsf-security-policy></config></edit-config>");
	assert_null(rig_call(rig, client, COMMIT));
	assert_string_equal(kernel_digest(rig), digest);
	proven(rig, client, "enforced");
	netconf_client_free(client);
}

// --- confirmed commits ---

static void reverts_when_nobody_confirms(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller"),
			      *watcher = connect_as(rig, "controller");
	rig_must(rig, watcher, SUBSCRIBE);
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, COMMIT);
	const char *digest = kernel_digest(rig);
	rig_edit(rig, client, 100, 7);
	rig_must(rig, client, CONFIRMED("1"));
	assert_string_not_equal(kernel_digest(rig), digest);
	rig_await(rig, watcher, "<reason>timeout</reason>");
	assert_string_equal(kernel_digest(rig), digest);
	const char *running =
		rig_must(rig, client, "<get-config><source><running/></source></get-config>");
	assert_null(strstr(running, "rule-100"));
	assert_non_null(strstr(running, "rule-4"));
	proven(rig, client, "enforced");
	netconf_client_free(client);
	netconf_client_free(watcher);
}

static void confirms(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, PERSISTENT);
	proven(rig, client, "pending");
	netconf_client_free(client);
	client = connect_as(rig, "controller"); // another session
	rig_must(rig, client, "<commit><persist-id>id-1</persist-id></commit>");
	proven(rig, client, "enforced");
	netconf_client_free(client);
	rig_stop(rig, SIGKILL);
	rig_start(rig);
	client = connect_as(rig, "controller");
	proven(rig, client, "enforced");
	assert_non_null(strstr(rig_must(rig, client, "<get/>"), "rule-4"));
	netconf_client_free(client);
}

static void session_end_reverts(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller"),
			      *watcher = connect_as(rig, "controller");
	rig_must(rig, watcher, SUBSCRIBE);
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, CONFIRMED("600"));
	netconf_client_free(client);
	rig_await(rig, watcher, "<reason>session-end</reason>");
	assert_string_equal(kernel_digest(rig), "");
	assert_string_equal(rig_state(rig, watcher, "enforcement"), "none");
	netconf_client_free(watcher);
}

// --- crashes ---

// Until front is there again and serves.
static struct netconf_client *connect_again(struct rig *rig)
{
	uint64_t deadline = io_now() + 30000;
	struct netconf_client *client = NULL;
	while (!client && io_now() < deadline)
		client = rig_connect(rig, "controller");
	assert_non_null(client);
	return client;
}

static void front_is_killed(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, COMMIT);
	const char *digest = kernel_digest(rig);
	// A commit that only its session can confirm goes with it; one with an id does not.
	rig_edit(rig, client, 50, 9);
	rig_must(rig, client, CONFIRMED("600"));
	assert_int_equal(kill(rig_front(rig), SIGKILL), 0);
	netconf_client_free(client);
	client = connect_again(rig);
	assert_string_equal(kernel_digest(rig), digest);
	proven(rig, client, "enforced");
	rig_edit(rig, client, 50, 9);
	rig_must(rig, client, PERSISTENT);
	assert_int_equal(kill(rig_front(rig), SIGKILL), 0);
	netconf_client_free(client);
	client = connect_again(rig);
	proven(rig, client, "pending");
	assert_non_null(strstr(
		rig_must(rig, client, "<get-config><source><running/></source></get-config>"),
		"rule-58"));
	rig_must(rig, client, "<cancel-commit><persist-id>id-1</persist-id></cancel-commit>");
	assert_string_equal(kernel_digest(rig), digest);
	netconf_client_free(client);
}

static void wait_milliseconds(unsigned ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&time, NULL);
}

// What the writer tells of each commit that is not to be confirmed: before it asks, and when it was answered.
struct told {
	unsigned first; // number of the policy's first rule
	bool accepted;
};
enum { RULES = 200 };

// In a process of its own: edits and commits until the agent is gone.
static _Noreturn void commit_for_ever(struct rig *rig, unsigned first, int out)
{
	struct netconf_client *client = rig_connect(rig, "controller");
	bool ok = client != NULL;
	for (unsigned i = 0; ok; i++, first += RULES) {
		struct netconf_result result;
		struct told told = {.first = first};
		bool final = i % 3 != 0;
		rig_edit(rig, client, first, RULES);
		ok = !final || write(out, &told, sizeof(told)) == sizeof(told);
		ok = ok && netconf_client_call(
				   client,
				   &(struct netconf_call){.xml = final ? COMMIT : CONFIRMED("600")},
				   &rig->diags, &result);
		told.accepted = true;
		ok = ok && (!final || write(out, &told, sizeof(told)) == sizeof(told));
	}
	_exit(0);
}

// Starts the writer, kills the agent at a random instant, and reads what the writer told: the last policy that was
// accepted, and one that was asked for after it.
static void kill_in_the_middle(struct rig *rig, unsigned ms, unsigned first, unsigned *accepted,
			       unsigned *asked)
{
	int ends[2];
	struct told told;
	assert_int_equal(pipe(ends), 0);
	pid_t writer = fork();
	if (writer == 0) {
		freopen("/dev/null", "w", stderr);
		commit_for_ever(rig, first, ends[1]);
	}
	close(ends[1]);
	wait_milliseconds(ms);
	rig_stop(rig, SIGKILL);
	waitpid(writer, NULL, 0);
	while (read(ends[0], &told, sizeof(told)) == sizeof(told))
		*(told.accepted ? accepted : asked) = told.first;
	close(ends[0]);
}

// Afterwards what is configured is what is in the kernel, whole: the last policy that was accepted, or the one that was
// asked for and not answered. What was not confirmed is gone.
static void enforcer_is_killed(void **state)
{
	struct rig *rig = *state;
	unsigned seed = 20261121, accepted = 0, asked = 0;
	struct netconf_client *client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, RULES);
	rig_must(rig, client, COMMIT);
	netconf_client_free(client);
	for (unsigned round = 1; round <= 12; round++) {
		kill_in_the_middle(rig, 30 + (unsigned)rand_r(&seed) % 220, 100000 * round,
				   &accepted, &asked);
		assert_string_not_equal(kernel_digest(rig), ""); // never an open door
		rig_start(rig);
		client = connect_as(rig, "controller");
		proven(rig, client, "enforced");
		const char *running = rig_must(
			rig, client, "<get-config><source><running/></source></get-config>");
		unsigned rules = 0, first = (unsigned)strtoul(
					    strstr(running, "rule-") + strlen("rule-"), NULL, 10);
		for (const char *at = running; (at = strstr(at, "<rules>")); at++)
			rules++;
		assert_int_equal(rules, RULES);
		assert_true(first == accepted || first == asked);
		accepted = first;
		netconf_client_free(client);
	}
}

// The file of the confirmed policy is damaged: rules that are there stay; where there are none, nothing passes.
static void unreadable_state(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	char *path = arena_printf(&rig->arena, "%s/state/journal", rig->dir);
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, COMMIT);
	const char *digest = kernel_digest(rig);
	netconf_client_free(client);
	rig_stop(rig, SIGKILL);
	assert_int_equal(truncate(path, 100), 0);
	rig_start(rig);
	client = connect_as(rig, "controller");
	assert_string_equal(rig_state(rig, client, "enforcement"), "unknown");
	assert_string_equal(kernel_digest(rig), digest);
	netconf_client_free(client);
	rig_stop(rig, SIGKILL);
	rig_shell(rig, "exec nft delete table inet bulwark");
	rig_start(rig);
	struct ir_ruleset closed = {.default_action = IR_DROP};
	char expected[AGENT_DIGEST_TEXT];
	agent_digest(&closed, expected);
	assert_string_equal(kernel_digest(rig), expected);
	client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, COMMIT);
	proven(rig, client, "enforced");
	netconf_client_free(client);
}

// --- interference ---

static void drift_is_repaired(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, COMMIT);
	rig_must(rig, client, SUBSCRIBE);
	const char *digest = kernel_digest(rig);
	rig_shell(rig, "exec nft insert rule inet bulwark $(nft list chains inet | "
		       "sed -n 's/^\\tchain \\(.*\\) {/\\1/p' | head -n 1) accept");
	rig_await(rig, client, "<drift");
	rig_await(rig, client, "<repaired");
	assert_string_equal(kernel_digest(rig), digest);
	rig_shell(rig, "exec nft delete table inet bulwark");
	rig_await(rig, client, "<repaired");
	assert_string_equal(kernel_digest(rig), digest);
	proven(rig, client, "enforced");
	assert_string_equal(rig_state(rig, client, "repairs"), "2");
	// What others do in tables of their own is theirs.
	rig_shell(rig, "exec nft add table inet other");
	rig_shell(rig, "exec nft delete table inet other");
	assert_string_equal(rig_state(rig, client, "repairs"), "2");
	netconf_client_free(client);
}

// --- pinholes ---

#define PINHOLE(id, version, setup)                                                               \
	"<open-pinhole xmlns=\"urn:bulwark:nsf\"><id>" id "</id>" version                         \
	"<protocol>17</protocol><destination-port>5000</destination-port><lifetime>60</lifetime>" \
	"<setup-timeout>" setup "</setup-timeout></open-pinhole>"
#define IPV6 "<source>2001:db8::1</source><destination>2001:db8::2</destination>"
#define IPV4 "<source>192.0.2.1</source><destination>192.0.2.2</destination>"

static void pinholes(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = connect_as(rig, "controller");
	rig_edit(rig, client, 0, 5);
	rig_must(rig, client, COMMIT);
	rig_must(rig, client, SUBSCRIBE);
	rig_must(rig, client, PINHOLE("call", IPV6, "30"));
	rig_must(rig, client, PINHOLE("call", IPV6, "30"));              // again: its times anew
	assert_null(rig_call(rig, client, PINHOLE("call", IPV4, "30"))); // another flow
	assert_null(rig_call(
		rig, client,
		PINHOLE("mixed", "<source>192.0.2.1</source><destination>2001:db8::2</destination>",
			"30")));
	rig_must(rig, client, PINHOLE("short", IPV4, "1"));
	proven(rig, client, "enforced"); // pinholes are no part of the policy
	rig_await(rig, client, "<id>short</id><reason>unused</reason>");
	rig_stop(rig, SIGKILL); // it is kept by the kernel
	netconf_client_free(client);
	rig_start(rig);
	client = connect_as(rig, "controller");
	assert_non_null(strstr(rig_must(rig, client, "<get/>"),
			       "<id>call</id><source>2001:db8::1</source>"));
	rig_must(rig, client,
		 "<close-pinhole xmlns=\"urn:bulwark:nsf\"><id>call</id></close-pinhole>");
	assert_null(
		rig_call(rig, client,
			 "<close-pinhole xmlns=\"urn:bulwark:nsf\"><id>call</id></close-pinhole>"));
	netconf_client_free(client);
}

// --- who may ---

static void only_controllers_and_operators(void **state)
{
	struct rig *rig = *state;
	rig_certify(rig, "admin", PKI_OPERATOR);
	rig_certify(rig, "edge-2", PKI_NSF);
	netconf_client_free(connect_as(rig, "admin"));
	assert_null(rig_connect(rig, "edge-2"));
	netconf_client_free(connect_as(rig, "controller"));
}

#define NACM "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\""
#define GET_NACM \
	"<get-config><source><running/></source><filter><nacm " NACM "/></filter></get-config>"
#define FORBID                                                                                    \
	"<edit-config><target><candidate/></target><config><nacm " NACM                           \
	" xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\"><rule-list "                               \
	"yang:insert=\"first\"><name>first"                                                       \
	"</name><group>*</group><rule><name>verify</name><rpc-name>verify</rpc-name><action>deny" \
	"</action></rule><rule><name>nacm</name><path "                                           \
	"xmlns:n=\"urn:ietf:params:xml:ns:yang:ietf-netconf-acm\">/n:nacm</path>"                 \
	"<access-operations>create update delete</access-operations><action>deny</action></rule>" \
	"</rule-list></nacm></config></edit-config>"
#define MEND                                                                \
	"<edit-config><target><candidate/></target><config><nacm " NACM     \
	" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><rule-list " \
	"nc:operation=\"delete\"><name"                                     \
	">first</name></rule-list></nacm></config></edit-config>"

// An operator forbids the controllers an operation, and everybody to change the rules; only the recovery session mends it.
// Shows: RFC 8341 3.3.3 a recovery session is not bound by any rule
// Shows: RFC 8341 3.4.4 groups from certificates; rules outlive a restart
static void access_control(void **state)
{
	struct rig *rig = *state;
	const char *verify = "<verify xmlns=\"urn:bulwark:nsf\"/>";
	rig_certify(rig, "admin", PKI_OPERATOR);
	rig_certify(rig, "saviour", PKI_OPERATOR);
	struct netconf_client *admin = connect_as(rig, "admin");
	assert_non_null(strstr(rig_must(rig, admin, GET_NACM), "<group>operator</group>"));
	rig_must(rig, admin, FORBID);
	rig_must(rig, admin, COMMIT);
	netconf_client_free(admin);
	rig_stop(rig, SIGTERM);
	rig_start(rig);
	struct netconf_client *client = connect_as(rig, "controller");
	assert_null(rig_call(rig, client, verify));
	assert_null(rig_call(rig, client, MEND));
	struct netconf_client *saviour = connect_as(rig, "saviour");
	rig_must(rig, saviour, MEND);
	rig_must(rig, saviour, COMMIT);
	rig_must(rig, client, verify);
	netconf_client_free(saviour);
	netconf_client_free(client);
}

static void revoked_peers_stay_out(void **state)
{
	struct rig *rig = *state;
	struct buf xml;
	buf_init(&xml);
	rig_certify(rig, "old", PKI_CONTROLLER);
	netconf_client_free(connect_as(rig, "old"));
	struct netconf_client *client = connect_as(rig, "controller");
	assert_true(pki_revoke(rig->pki, "old", &rig->diags));
	buf_adds(&xml, "<update-trust xmlns=\"urn:bulwark:nsf\"><crl>");
	assert_true(pki_crl(rig->pki, &rig->diags, &xml));
	buf_adds(&xml, "</crl></update-trust>");
	rig_must(rig, client, xml.data);
	assert_null(rig_connect(rig, "old"));
	netconf_client_free(connect_as(rig, "controller"));
	// A list that would lock this function out is refused.
	assert_null(rig_call(
		rig, client,
		"<update-trust xmlns=\"urn:bulwark:nsf\"><crl>nonsense</crl></update-trust>"));
	assert_true(pki_revoke(rig->pki, "edge-1", &rig->diags));
	buf_clear(&xml);
	buf_adds(&xml, "<update-trust xmlns=\"urn:bulwark:nsf\"><crl>");
	assert_true(pki_crl(rig->pki, &rig->diags, &xml));
	buf_adds(&xml, "</crl></update-trust>");
	assert_null(rig_call(rig, client, xml.data));
	netconf_client_free(client);
	buf_fini(&xml);
	// The list is kept.
	rig_stop(rig, SIGTERM);
	rig_start(rig);
	assert_null(rig_connect(rig, "old"));
}

// The new certificate is for another name, which clients that expect the old one notice.
static void certificates_are_reloaded(void **state)
{
	struct rig *rig = *state;
	uint64_t deadline = io_now() + 30000;
	struct netconf_client *client = connect_as(rig, "controller"), *old = client;
	rig_certify(rig, "edge-9", PKI_NSF);
	char *key = arena_printf(&rig->arena, "%s/pki/nsf.key", rig->dir);
	assert_int_equal(rename(arena_printf(&rig->arena, "%s/edge-9.key", rig->dir), key), 0);
	assert_int_equal(rename(arena_printf(&rig->arena, "%s/edge-9.pem", rig->dir),
				arena_printf(&rig->arena, "%s/pki/nsf.pem", rig->dir)),
			 0);
	assert_int_equal(chown(key, 65533, 65533), 0);
	assert_int_equal(kill(rig->agent, SIGHUP), 0);
	for (client = rig_connect(rig, "controller"); client && io_now() < deadline;
	     client = rig_connect(rig, "controller"))
		netconf_client_free(client);
	assert_null(client);
	assert_string_equal(rig_state(rig, old, "enforcement"), "none"); // sessions go on
	netconf_client_free(old);
}

#define on_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	enum { SKIPPED = 77 };
	const struct CMUnitTest tests[] = {
		on_rig(privileges),
		on_rig(commits_and_survives),
		on_rig(digests_can_be_recomputed),
		on_rig(refuses_what_it_cannot_do),
		on_rig(reverts_when_nobody_confirms),
		on_rig(confirms),
		on_rig(session_end_reverts),
		on_rig(front_is_killed),
		on_rig(enforcer_is_killed),
		on_rig(unreadable_state),
		on_rig(drift_is_repaired),
		on_rig(pinholes),
		on_rig(only_controllers_and_operators),
		on_rig(access_control),
		on_rig(revoked_peers_stay_out),
		on_rig(certificates_are_reloaded),
	};
	if (argc < 2 || !rig_enter_namespace())
		return SKIPPED;
	program = argv[1];
	if (argc == 3)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
