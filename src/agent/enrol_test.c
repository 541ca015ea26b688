// SPDX-License-Identifier: Apache-2.0
// Enrolment and renewal against a small HTTPS server with certificates of a real authority: the good case, impostors,
// refusals, and what a crash between two renames leaves.
#include "agent/enrol.h"
#include "agent/identity.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/test_dir.h"
#include "pki/pki.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct arena arena;
	struct diags diags;
	char dir[40];
	struct pki *pki;
	struct pki_token token;
	char token_text[PKI_TOKEN_TEXT];
	struct agent_config config;
	struct MHD_Daemon *server;
	char url[64];
	unsigned requests;      // that had a body
	const char *certifies;  // the name that certificates are issued for
	enum pki_role role;     // of the server
	enum pki_role evidence; // that the key for evidence is certified for
	struct buf body;
};

static char *in(struct world *world, const char *name)
{
	return arena_printf(&world->arena, "%s/%s", world->dir, name);
}

static char *read_text(struct world *world, const char *path)
{
	struct buf text;
	buf_init(&text);
	assert_int_equal(file_read(path, PKI_PEM_MOST, &text), 0);
	char *copy = arena_strdup(&world->arena, text.data);
	buf_fini(&text);
	return copy;
}

// --- the server: what a controller does ---

static char *answer_enrol(struct world *world, const json_t *input)
{
	struct diags diags;
	struct pki_token shown;
	struct buf chain, evidence, ca;
	diags_init(&diags, &world->arena);
	const char *text = json_string_value(json_object_get(input, "token"));
	if (text &&
	    (!pki_token_parse(text, &diags, &shown) || !pki_token_matches(&shown, &world->token)))
		return NULL;
	buf_init(&chain);
	buf_init(&evidence);
	buf_init(&ca);
	struct pki_subject subject = {.role = PKI_NSF, .name = world->certifies};
	assert_true(pki_issue(world->pki, &subject,
			      json_string_value(json_object_get(input, "csr")), &diags, &chain));
	subject.role = world->evidence;
	assert_true(pki_issue(world->pki, &subject,
			      json_string_value(json_object_get(input, "evidence-csr")), &diags,
			      &evidence));
	pki_ca(world->pki, &ca);
	json_t *output =
		json_pack("{s:{s:s,s:s,s:s}}", "bulwark-controller:output", "certificate",
			  chain.data, "evidence-certificate", evidence.data, "ca", ca.data);
	char *answer = json_dumps(output, 0);
	json_decref(output);
	buf_fini(&chain);
	buf_fini(&evidence);
	buf_fini(&ca);
	return answer;
}

static enum MHD_Result reply(struct MHD_Connection *connection, struct world *world)
{
	json_t *root = json_loadb(world->body.data, world->body.len, 0, NULL);
	char *text = answer_enrol(world, json_object_get(root, "bulwark-controller:input"));
	unsigned status = text ? 200 : 403;
	json_decref(root);
	if (!text)
		text = base_oom(strdup("{\"ietf-restconf:errors\":{\"error\":[{\"error-message\":"
				       "\"no such token\"}]}}"));
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *url,
			     const char *method, const char *version, const char *data, size_t *len,
			     void **request)
{
	struct world *world = context;
	(void)method, (void)version, (void)url;
	if (!*request) {
		*request = world;
		buf_clear(&world->body);
		return MHD_YES;
	}
	if (*len) {
		buf_add(&world->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	world->requests++;
	return reply(connection, world);
}

static void start_server(struct world *world, const char *const *address, size_t addresses)
{
	struct pki_subject subject = {
		.role = world->role, .name = "server", .address = address, .addresses = addresses};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unlink(in(world, "server.key"));
	unlink(in(world, "server.pem"));
	assert_true(pki_issue_files(world->pki, &subject, world->dir, &world->diags));
	world->server = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, serve, world,
		MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_HTTPS_MEM_KEY,
		read_text(world, in(world, "server.key")), MHD_OPTION_HTTPS_MEM_CERT,
		read_text(world, in(world, "server.pem")), MHD_OPTION_END);
	assert_non_null(world->server);
	unsigned port = MHD_get_daemon_info(world->server, MHD_DAEMON_INFO_BIND_PORT)->port;
	snprintf(world->url, sizeof(world->url), "https://127.0.0.1:%u", port);
}

static int setup(void **state)
{
	struct world *world = base_oom(calloc(1, sizeof(*world)));
	arena_init(&world->arena);
	diags_init(&world->diags, &world->arena);
	buf_init(&world->body);
	snprintf(world->dir, sizeof(world->dir), "/tmp/enrol-test.XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	assert_true(pki_init(in(world, "ca"), "Example", &world->diags));
	world->pki = pki_open(in(world, "ca"), &world->diags);
	assert_non_null(world->pki);
	unsigned char fingerprint[PKI_DIGEST];
	pki_ca_fingerprint(world->pki, fingerprint);
	pki_token_new(fingerprint, &world->token, world->token_text);
	world->config = (struct agent_config){.name = "edge-1",
					      .certificate_dir = in(world, "pki"),
					      .state_dir = in(world, "state"),
					      .listen = {{.address = "*:7000"}},
					      .listens = 1};
	world->certifies = "edge-1";
	world->evidence = PKI_EVIDENCE;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	if (world->server)
		MHD_stop_daemon(world->server);
	pki_close(world->pki);
	buf_fini(&world->body);
	test_dir_remove(world->dir);
	arena_fini(&world->arena);
	free(world);
	return 0;
}

static const char *const loopback[] = {"127.0.0.1"};

static bool enrol(struct world *world, const char *token)
{
	return agent_enrol_run(&(struct agent_enrol){.config = &world->config,
						     .controller = world->url,
						     .token = token},
			       &world->diags);
}

static bool has_identity(struct world *world)
{
	struct pki_identity who;
	struct pki_expect expect = {.roles = 1u << PKI_NSF, .name = "edge-1"};
	if (access(in(world, "pki/nsf.pem"), F_OK) < 0)
		return false;
	struct pki_trust *trust = pki_trust_load(in(world, "pki/ca.pem"), NULL, &world->diags);
	assert_non_null(trust);
	char *certificate = read_text(world, in(world, "pki/nsf.pem"));
	assert_int_equal(pki_verify_text(trust, certificate, time(NULL), &expect, &who), PKI_OK);
	assert_true(pki_key_matches(in(world, "pki/nsf.key"), certificate, &world->diags));
	pki_trust_free(trust);
	return true;
}

static void enrols_and_renews(void **state)
{
	struct world *world = *state;
	start_server(world, loopback, 1);
	assert_true(enrol(world, world->token_text));
	assert_true(has_identity(world));
	assert_non_null(strstr(world->body.data, "\"address\":\"127.0.0.1\""));
	assert_non_null(strstr(world->body.data, "\"port\":7000"));
	char *first = read_text(world, in(world, "pki/nsf.pem"));
	assert_true(enrol(world, NULL));
	assert_true(has_identity(world));
	assert_string_not_equal(first, read_text(world, in(world, "pki/nsf.pem")));
	assert_int_equal(world->requests, 2);
}

// One key for good, whatever certificates it gets.
static void the_key_for_evidence_stays(void **state)
{
	struct world *world = *state;
	start_server(world, loopback, 1);
	assert_true(enrol(world, world->token_text));
	char *key = read_text(world, in(world, "state/evidence.key"));
	char *first = read_text(world, in(world, "state/evidence.pem"));
	assert_true(pki_key_matches(in(world, "state/evidence.key"), first, &world->diags));
	assert_true(enrol(world, NULL));
	assert_string_equal(key, read_text(world, in(world, "state/evidence.key")));
	assert_string_not_equal(first, read_text(world, in(world, "state/evidence.pem")));
	// A certificate for something else is not taken.
	first = read_text(world, in(world, "state/evidence.pem"));
	world->evidence = PKI_NSF;
	assert_false(enrol(world, NULL));
	assert_string_equal(first, read_text(world, in(world, "state/evidence.pem")));
}

static void sends_nothing_to_impostors(void **state)
{
	struct world *world = *state;
	static const char *const elsewhere[] = {"127.0.0.2"};
	// Issued by the right authority, for another host.
	start_server(world, elsewhere, 1);
	assert_false(enrol(world, world->token_text));
	MHD_stop_daemon(world->server);
	// For this host, but not a controller.
	world->role = PKI_NSF;
	start_server(world, loopback, 1);
	assert_false(enrol(world, world->token_text));
	MHD_stop_daemon(world->server);
	// A controller of another authority.
	struct pki *right = world->pki;
	assert_true(pki_init(in(world, "other"), "Example", &world->diags));
	world->pki = pki_open(in(world, "other"), &world->diags);
	world->role = PKI_CONTROLLER;
	start_server(world, loopback, 1);
	assert_false(enrol(world, world->token_text));
	pki_close(right);
	assert_int_equal(world->requests, 0);
	assert_int_equal(world->diags.errors, 3);
	assert_false(has_identity(world));
}

static void takes_no_other_certificate(void **state)
{
	struct world *world = *state;
	start_server(world, loopback, 1);
	world->certifies = "edge-2";
	assert_false(enrol(world, world->token_text));
	assert_false(has_identity(world));
}

static void says_why(void **state)
{
	struct world *world = *state;
	struct pki_token other;
	char text[PKI_TOKEN_TEXT];
	snprintf(world->url, sizeof(world->url), "https://127.0.0.1:1");
	assert_false(enrol(world, "bw1.nonsense"));
	assert_int_equal(world->diags.list.at[0].code, DIAG_VALUE);
	assert_false(enrol(world, world->token_text));
	assert_int_equal(world->diags.list.at[1].code, DIAG_UNREACHABLE);
	start_server(world, loopback, 1);
	pki_token_new(world->token.fingerprint, &other, text);
	assert_false(enrol(world, text));
	assert_non_null(strstr(world->diags.list.at[2].text, "no such token"));
	assert_false(enrol(world, NULL)); // not enrolled yet
	assert_int_equal(world->diags.list.at[3].code, DIAG_IO);
	world->url[4] = ':'; // "http:"
	assert_false(enrol(world, world->token_text));
}

// After each step of agent_identity_finish.
static void crashes_are_mended(void **state)
{
	struct world *world = *state;
	struct priv_user nobody = {0, 0};
	start_server(world, loopback, 1);
	assert_true(enrol(world, world->token_text));
	char *first = read_text(world, in(world, "pki/nsf.pem"));
	struct buf csr;
	buf_init(&csr);
	for (int step = 0; step < 3; step++) {
		struct buf chain;
		buf_init(&chain);
		buf_clear(&csr);
		assert_true(agent_identity_begin(in(world, "pki"), "edge-1", &world->diags, &csr));
		struct pki_subject subject = {.role = PKI_NSF, .name = "edge-1"};
		assert_true(pki_issue(world->pki, &subject, csr.data, &world->diags, &chain));
		struct file_put put = {.path = in(world, "pki/nsf.pem.next"),
				       .data = chain.data,
				       .len = chain.len,
				       .mode = 0644};
		if (step > 0)
			assert_int_equal(file_put(&put), 0);
		if (step > 1)
			assert_int_equal(
				rename(in(world, "pki/nsf.key.next"), in(world, "pki/nsf.key")), 0);
		assert_true(agent_identity_mend(in(world, "pki"), &nobody, &world->diags));
		assert_true(has_identity(world));
		assert_string_equal(read_text(world, in(world, "pki/nsf.pem")),
				    step > 1 ? chain.data : first);
		assert_int_equal(access(in(world, "pki/nsf.key.next"), F_OK), -1);
		assert_int_equal(access(in(world, "pki/nsf.pem.next"), F_OK), -1);
		buf_fini(&chain);
	}
	buf_fini(&csr);
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(enrols_and_renews),          in_world(sends_nothing_to_impostors),
		in_world(takes_no_other_certificate), in_world(says_why),
		in_world(crashes_are_mended),         in_world(the_key_for_evidence_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
