// SPDX-License-Identifier: Apache-2.0
// A real agent with a thousand rules, of which one at a time is changed, added and removed over NETCONF: the kernel, read
// by this process, does what the configuration says, the journal grows by what was changed, and a kill leaves what was
// accepted. The program to test is the argument.
#include "agent/held.h"
#include "agent/rig.h"
#include "backend/nft/nft.h"
#include "codec/nfi.h"
#include "ir/test.h"
#include "proto/netconf/client.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { RULES = 1000, CHANGES = 12, MOST = RULES + CHANGES };

static const char *program;

struct world {
	struct rig rig;
	struct netconf_client *client;
	struct test_random random;
	unsigned number[MOST], port[MOST]; // of the rules, in order
	size_t len;
	unsigned last;
};

static int setup(void **state)
{
	struct world *w = base_oom(calloc(1, sizeof(*w)));
	rig_init(&w->rig, program);
	rig_start(&w->rig);
	w->random.state = test_random_seed(NULL);
	w->client = rig_connect(&w->rig, "controller");
	assert_non_null(w->client);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	netconf_client_free(w->client);
	rig_stop(&w->rig, SIGTERM);
	rig_flush(&w->rig);
	rig_fini(&w->rig);
	free(w);
	return 0;
}

static void add_rule(struct world *w, struct ir_ruleset *set, unsigned number, unsigned port)
{
	struct arena *arena = &w->rig.arena;
	struct ir_clause *clause = arena_new(arena, struct ir_clause);
	assert_true(ir_clause_narrow(clause, arena, IR_PROTO, algebra_set_one(arena, 6, 6)) &&
		    ir_clause_narrow(clause, arena, IR_DPORT, algebra_set_one(arena, port, port)));
	vec_push(arena, &set->rule,
		 (struct ir_rule){.policy = "p",
				  .name = arena_printf(arena, "rule-%u", number),
				  .verdict = number % 3 ? IR_PASS : IR_REJECT,
				  .clause = clause,
				  .clauses = 1});
}

// What the kernel does is what the rules of the model do.
static void kernel_agrees(struct world *w)
{
	struct backend_nft *nft;
	struct ir_ruleset expected = {.default_action = IR_DROP};
	struct backend_differences differences = {.arena = &w->rig.arena};
	for (size_t i = 0; i < w->len; i++)
		add_rule(w, &expected, w->number[i], w->port[i]);
	assert_int_equal(backend_nft_open(NULL, &w->rig.diags, &nft), 0);
	assert_int_equal(backend_nft_compare(nft, &expected, &differences), 0);
	assert_int_equal(differences.list.len, 0);
	backend_nft_close(nft);
}

// Puts this into the candidate: rules of the policy that has them all, or nothing but the removal of one.
static void edit(struct world *w, const struct ir_ruleset *set, const char *removed)
{
	struct buf xml;
	buf_init(&xml);
	buf_adds(&xml, "<edit-config><target><candidate/></target><config>");
	if (removed)
		buf_printf(&xml,
			   "<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE
			   "\"><name>%s</name>"
			   "<rules xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
			   "nc:operation=\"delete\"><name>p/%s</name></rules>"
			   "</i2nsf-security-policy>",
			   CODEC_NFI_POLICY, removed);
	else
		assert_true(codec_nfi_write(set, &w->rig.diags, &xml));
	buf_adds(&xml, "</config></edit-config>");
	rig_must(&w->rig, w->client, xml.data);
	buf_fini(&xml);
}

static void begin(struct world *w)
{
	struct ir_ruleset all = {.default_action = IR_DROP};
	for (; w->len < RULES; w->len++) {
		w->number[w->len] = ++w->last;
		w->port[w->len] = w->last;
		add_rule(w, &all, w->last, w->last);
	}
	edit(w, &all, NULL);
	rig_must(&w->rig, w->client, "<commit/>");
	kernel_agrees(w);
}

static void remove_one(struct world *w)
{
	size_t at = test_random_below(&w->random, (uint32_t)w->len);
	edit(w, NULL, arena_printf(&w->rig.arena, "rule-%u", w->number[at]));
	memmove(&w->number[at], &w->number[at + 1], (--w->len - at) * sizeof(*w->number));
	memmove(&w->port[at], &w->port[at + 1], (w->len - at) * sizeof(*w->port));
}

// Another port for a rule that there is, or a new one behind all.
static void put_one(struct world *w, bool new)
{
	struct ir_ruleset one = {.default_action = IR_DROP};
	size_t at = new ? w->len++ : test_random_below(&w->random, (uint32_t)w->len);
	if (new)
		w->number[at] = ++w->last;
	w->port[at] = 20000 + test_random_below(&w->random, 20000);
	add_rule(w, &one, w->number[at], w->port[at]);
	edit(w, &one, NULL);
}

static void change_one(struct world *w, unsigned turn)
{
	if (turn % 3 == 2)
		remove_one(w);
	else
		put_one(w, turn % 3 == 1);
}

static off_t journal_size(struct world *w)
{
	struct stat st;
	assert_int_equal(stat(arena_printf(&w->rig.arena, "%s/state/journal", w->rig.dir), &st), 0);
	return st.st_size;
}

static const char *running(struct world *w)
{
	return rig_must(&w->rig, w->client, "<get-config><source><running/></source></get-config>");
}

static void restart(struct world *w)
{
	netconf_client_free(w->client);
	rig_stop(&w->rig, SIGKILL);
	rig_start(&w->rig);
	w->client = rig_connect(&w->rig, "controller");
	assert_non_null(w->client);
}

static void one_rule_at_a_time(void **state)
{
	struct world *w = *state;
	begin(w);
	off_t whole = journal_size(w);
	for (unsigned turn = 0; turn < CHANGES; turn++) {
		off_t before = journal_size(w);
		change_one(w, turn);
		rig_must(&w->rig, w->client, "<commit/>");
		kernel_agrees(w);
		assert_in_range(journal_size(w) - before, 1, whole / 50);
	}
	const char *before = running(w);
	restart(w);
	assert_string_equal(running(w), before);
	kernel_agrees(w);
	change_one(w, 0); // front does not know what was sent before it was there
	rig_must(&w->rig, w->client, "<commit/>");
	kernel_agrees(w);
}

static void pending_changes_go_back(void **state)
{
	struct world *w = *state;
	begin(w);
	const char *before = running(w);
	struct world was = *w;
	for (unsigned turn = 0; turn < 3; turn++) {
		change_one(w, turn);
		rig_must(&w->rig, w->client,
			 turn ? "<commit><confirmed/><persist>id</persist>"
				"<persist-id>id</persist-id></commit>"
			      : "<commit><confirmed/><persist>id</persist></commit>");
		kernel_agrees(w);
	}
	rig_must(&w->rig, w->client, "<cancel-commit><persist-id>id</persist-id></cancel-commit>");
	memcpy(w->number, was.number, sizeof(was.number));
	memcpy(w->port, was.port, sizeof(was.port));
	w->len = was.len;
	kernel_agrees(w);
	assert_string_equal(running(w), before);
	// And what comes after is a change of that.
	off_t size = journal_size(w);
	change_one(w, 0);
	rig_must(&w->rig, w->client, "<commit/>");
	kernel_agrees(w);
	assert_in_range(journal_size(w) - size, 1, size / 50);
}

#define on_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	enum { SKIPPED = 77 };
	const struct CMUnitTest tests[] = {
		on_world(one_rule_at_a_time),
		on_world(pending_changes_go_back),
	};
	if (argc < 2 || !rig_enter_namespace())
		return SKIPPED;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
