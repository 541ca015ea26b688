// SPDX-License-Identifier: Apache-2.0
// Evidence of a real agent, in a network namespace of its own: what is committed, changed by somebody, repaired and proven
// now and then leaves records that check as an auditor would check them, and front cannot make one. The program to test
// is the argument.
#include "agent/evidence.h"
#include "agent/rig.h"
#include "base/buf.h"
#include "base/file.h"
#include "pki/pki.h"
#include "proto/netconf/client.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SUBSCRIBE "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>"
#define NSF "urn:bulwark:nsf"

static const char *program;

static char *in(struct rig *rig, const char *name)
{
	return arena_printf(&rig->arena, "%s/%s", rig->dir, name);
}

static void certify(struct rig *rig)
{
	struct pki_subject subject = {.role = PKI_EVIDENCE, .name = "edge-1"};
	cleanup(buf_fini) struct buf request, chain;
	buf_init(&request);
	buf_init(&chain);
	assert_true(agent_evidence_request(in(rig, "state"), "edge-1", &rig->diags, &request));
	assert_true(pki_issue(rig->pki, &subject, request.data, &rig->diags, &chain));
	assert_true(agent_evidence_certify(in(rig, "state"), chain.data, &rig->diags));
}

static int setup(void **state)
{
	struct rig *rig = base_oom(calloc(1, sizeof(*rig)));
	static const char conf[] = "name = edge-1\nstate = state\nproof-every = 1\n";
	rig_init(rig, program);
	assert_int_equal(file_put(&(struct file_put){.path = in(rig, "bulwark-nsf.conf"),
						     .data = conf,
						     .len = sizeof(conf) - 1,
						     .mode = 0644}),
			 0);
	certify(rig);
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

// The content of the element that begins at *at, as text; *at moves behind it. NULL: there is none.
static const char *take(struct rig *rig, const char **at, const char *name)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {
		{"&quot;", '"'}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}};
	const char *open = arena_printf(&rig->arena, "<%s", name), *begin = strstr(*at, open);
	if (!begin)
		return NULL;
	begin = strchr(begin, '>') + 1;
	const char *end = strchr(begin, '<');
	char *text = arena_alloc(&rig->arena, (size_t)(end - begin) + 1), *to = text;
	while (begin < end) {
		size_t skip = 1;
		*to = *begin;
		for (size_t i = 0; i < array_len(entities); i++)
			if (strncmp(begin, entities[i].entity, strlen(entities[i].entity)) == 0) {
				*to = entities[i].c;
				skip = strlen(entities[i].entity);
			}
		begin += skip;
		to++;
	}
	*at = end;
	return text;
}

// Everything that the agent has, checked. Returns how often each trigger and result occurred.
struct tally {
	unsigned trigger[EVIDENCE_TRIGGERS], result[EVIDENCE_RESULTS], all;
	struct evidence_record last;
};
static struct tally check(struct rig *rig, struct netconf_client *client)
{
	const char *answer = rig_must(rig, client, "<get-evidence xmlns=\"" NSF "\"/>"),
		   *at = answer, *certificate = take(rig, &at, "certificate"), *text;
	struct pki_trust *trust = pki_trust_load(in(rig, "ca.pem"), NULL, &rig->diags);
	struct evidence_link link = {.serial = 0};
	struct tally tally = {.all = 0};
	while ((text = take(rig, &at, "text"))) {
		const char *signature = take(rig, &at, "signature");
		assert_true(evidence_read(text, strlen(text), &rig->diags, &tally.last));
		assert_true(evidence_signed(&tally.last, text, signature, certificate, trust,
					    &rig->diags));
		assert_true(evidence_follows(&link, &tally.last, text, &rig->diags));
		tally.trigger[tally.last.trigger]++;
		tally.result[tally.last.result]++;
		tally.all++;
	}
	assert_int_equal(tally.last.serial, tally.all);
	pki_trust_free(trust);
	return tally;
}

// CUS-4, NSF-2, NSF-13
static void what_happens_is_recorded(void **state)
{
	struct rig *rig = *state;
	struct netconf_client *client = rig_connect(rig, "controller");
	assert_non_null(client);
	rig_must(rig, client, SUBSCRIBE);
	rig_edit(rig, client, 0, 3);
	rig_must(rig, client, "<commit><confirmed/><persist>bulwark-77</persist></commit>");
	rig_must(rig, client, "<commit><persist-id>bulwark-77</persist-id></commit>");
	rig_await(rig, client, "<trigger>commit</trigger><result>equal</result>");
	struct tally before = check(rig, client);
	assert_int_equal(before.trigger[EVIDENCE_START], 1);
	assert_int_equal(before.trigger[EVIDENCE_COMMIT], 1);
	// Somebody adds a rule of his own.
	rig_shell(rig, "exec nft insert rule inet bulwark $(nft list chains inet | "
		       "sed -n '/table inet bulwark/,/^}/s/^\\tchain \\(.*\\) {.*/\\1/p' | "
		       "head -1) accept");
	rig_await(rig, client, "<trigger>change</trigger><result>different</result>");
	rig_await(rig, client, "<trigger>repair</trigger><result>equal</result>");
	// And nobody does anything.
	rig_await(rig, client, "<trigger>periodic</trigger><result>equal</result>");
	struct tally after = check(rig, client);
	assert_true(after.trigger[EVIDENCE_PERIODIC] >= 1);
	assert_true(after.result[EVIDENCE_DIFFERENT] >= 1);
	assert_string_equal(after.last.commit, "bulwark-77");
	assert_string_equal(after.last.intended, rig_state(rig, client, "intended-digest"));
	assert_string_equal(after.last.back_end, "nft");
	// Behind a record stand the later ones only.
	const char *rest =
		rig_must(rig, client,
			 arena_printf(&rig->arena,
				      "<get-evidence xmlns=\"" NSF "\"><chain>%s</chain>"
				      "<serial>%llu</serial></get-evidence>",
				      after.last.chain, (unsigned long long)after.last.serial - 1));
	assert_int_equal(strstr(rest, "\"serial\"") != NULL, false);
	assert_non_null(strstr(rest, arena_printf(&rig->arena, "&quot;serial&quot;:%llu,",
						  (unsigned long long)after.last.serial)));
	// A restart goes on with the chain.
	netconf_client_free(client);
	rig_stop(rig, SIGKILL);
	rig_start(rig);
	client = rig_connect(rig, "controller");
	struct tally again = check(rig, client);
	assert_int_equal(again.trigger[EVIDENCE_START], 2);
	assert_string_equal(again.last.chain, after.last.chain);
	netconf_client_free(client);
}

// Who takes front over gets no key to sign with: neither by its user nor by its descriptors.
static void front_has_no_key(void **state)
{
	struct rig *rig = *state;
	const char *key = in(rig, "state/evidence.key");
	struct stat st;
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	pid_t pid = fork();
	int status = 1;
	if (pid == 0)
		_exit(setgid(65533) || setuid(65533) || access(key, R_OK) == 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define on_rig(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {on_rig(what_happens_is_recorded),
					   on_rig(front_has_no_key)};
	enum { SKIPPED = 77 };
	if (argc < 2 || !rig_enter_namespace())
		return SKIPPED;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
