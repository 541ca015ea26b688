// SPDX-License-Identifier: Apache-2.0
// Somebody changes a tree in the kernel with nft(8): each change is found, with the kernel's rule and a packet that shows
// it, which fares by what was meant otherwise than by what is read back. What was taken back is proven again.
#include "backend/nft/live.h"
#include "backend/nft/nft.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "base/buf.h"
#include "base/diag.h"
#include "verify/test_sets.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define RULES 300
#define LEAF 8

static int set_up(void **state)
{
	const struct backend_nft_options options = {
		.shape = {.form = BACKEND_NFT_TREE, .leaf_most = LEAF, .budget_x10 = 100}};
	struct test_fixture *f = test_fixture_new(&options);
	test_sets_make(
		&(struct test_sets_spec){
			.kind = TEST_SETS_ACL, .family = 4, .rules = RULES, .seed = 1},
		&f->arena, &f->ruleset);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

// --- what somebody does ---

struct place { // a rule of the policy in a leaf
	const char *chain;
	uint64_t handle;
	uint32_t rule;
};

static bool in_leaf(const struct nft_dumped_chain *chain, size_t at, bool accepts)
{
	const struct nft_form *form = &chain->rule.at[at];
	return strstr(chain->name, NFT_NODE_CHAIN) && form->tag.known && form->tag.rule < RULES &&
	       form->act == (accepts ? ACT_ACCEPT : ACT_DROP);
}

// The n-th rule in a leaf that accepts, or that drops.
static struct place find(struct test_fixture *f, unsigned n, bool accepts)
{
	struct nft_table table;
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	for (size_t i = 0; i < table.chain.len; i++) {
		const struct nft_dumped_chain *chain = table.chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++)
			if (in_leaf(chain, k, accepts) && !n--)
				return (struct place){chain->name, chain->rule.at[k].handle,
						      chain->rule.at[k].tag.rule};
	}
	fail_msg("the tree has too few leaves");
	return (struct place){0};
}

static void run(struct test_fixture *f, const char *command, const struct place *at)
{
	char handle[24];
	snprintf(handle, sizeof(handle), "%" PRIu64, at->handle);
	const char *script = "";
	for (const char *c = command; *c; c++) {
		const char *more = *c != '%'     ? arena_strndup(&f->arena, c, 1)
				   : *++c == 'c' ? at->chain
						 : handle;
		script = arena_printf(&f->arena, "%s%s", script, more);
	}
	if (test_nft(script))
		fail_msg("nft does not take %s", script);
}

static enum ir_verdict verdict_of(struct test_fixture *f, const struct ir_ruleset *ruleset,
				  const char *witness)
{
	struct ir_packet packet;
	struct ir_outcome outcome;
	if (!ir_packet_parse(witness, time(NULL), &f->arena, &f->diags, &packet))
		fail_msg("%s cannot be read", witness);
	ir_eval(ruleset, &packet, &f->arena, &outcome);
	return outcome.verdict;
}

// %c: the leaf's chain, %h: the handle.
static const struct {
	const char *command;
	bool accepts; // of the rule that it is done to
	enum backend_change change;
} changes[] = {
	{"delete rule inet bulwark %c handle %h", true, BACKEND_MISSING},
	{"insert rule inet bulwark %c accept", false, BACKEND_FOREIGN},
	{"replace rule inet bulwark %c handle %h drop", true, BACKEND_CHANGED},
	{"replace rule inet bulwark %c handle %h tcp dport 1 accept", true, BACKEND_CHANGED},
	{"insert rule inet bulwark %c position %h drop", true, BACKEND_FOREIGN},
	{"flush chain inet bulwark %c", true, BACKEND_MISSING},
};

// Whether a packet shows it: rules that change no packet's fate are told, too.
static bool assert_told(struct test_fixture *f, size_t i, const struct place *at)
{
	struct backend_differences differences = {.arena = &f->arena};
	struct backend_state now;
	bool exact; // what is read back is all that is there
	bool kind = false, where = false, shown = false;
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	assert_int_equal(backend_nft_read_back(f->nft, &f->arena, &now), 0);
	exact = !now.strange.list.len;
	for (size_t k = 0; k < differences.list.len; k++) {
		const struct backend_difference *d = &differences.list.at[k];
		// In the place of a rule that has others like it elsewhere stands somebody else's.
		kind |= d->change == changes[i].change ||
			(changes[i].change == BACKEND_CHANGED && d->change == BACKEND_FOREIGN);
		where |= d->found && strstr(d->found, at->chain) && strstr(d->found, "handle ");
		shown |= d->witness != NULL;
		if (exact && d->witness &&
		    verdict_of(f, &f->ruleset, d->witness) ==
			    verdict_of(f, &now.ruleset, d->witness))
			fail_msg("'%s': %s fares the same", changes[i].command, d->witness);
	}
	if (!kind || (!where && changes[i].change != BACKEND_MISSING))
		fail_msg("'%s': %zu differences, kind %d, where %d", changes[i].command,
			 differences.list.len, kind, where);
	return shown;
}

static void changes_in_leaves_are_found(void **state)
{
	struct test_fixture *f = *state;
	for (size_t i = 0; i < array_len(changes); i++) {
		unsigned shown = 0;
		for (unsigned n = 0; n < 2; n++) {
			test_fixture_deploy(f);
			struct place at = find(f, n * 31, changes[i].accepts);
			run(f, changes[i].command, &at);
			shown += assert_told(f, i, &at);
		}
		if (!shown)
			fail_msg("'%s': no packet shows it", changes[i].command);
	}
	test_fixture_deploy(f);
}

// The same rules in other leaves: a branch of a map leads elsewhere.
static void changes_of_maps_are_found(void **state)
{
	struct test_fixture *f = *state;
	struct nft_table table;
	struct backend_differences differences = {.arena = &f->arena};
	test_fixture_deploy(f);
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	struct place at = {.chain = NULL};
	for (size_t i = 0; i < table.set.len && !at.chain; i++)
		if (strstr(table.set.at[i]->name, "-m"))
			at.chain = table.set.at[i]->name;
	assert_non_null(at.chain);
	static const char *const argv[] = {"nft", "flush", "map", "inet", "bulwark", NULL, NULL};
	const char *flush[array_len(argv)];
	memcpy(flush, argv, sizeof(argv));
	flush[5] = at.chain;
	assert_int_equal(test_run(NULL, flush), 0);
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	bool shown = false;
	for (size_t i = 0; i < differences.list.len; i++)
		shown |= differences.list.at[i].witness != NULL;
	assert_true(shown);
}

// --- our own changes ---

// The n-th place in the kernel of a rule, by its name.
static struct place find_rule(struct test_fixture *f, size_t rule)
{
	struct nft_table table;
	const char *name = f->ruleset.rule.at[rule].name;
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	for (size_t i = 0; i < table.chain.len; i++) {
		const struct nft_dumped_chain *chain = table.chain.at[i];
		for (size_t k = 0; k < chain->rule.len; k++) {
			const struct nft_tag *tag = &chain->rule.at[k].tag;
			if (tag->known && tag->name && !strcmp(tag->name, name))
				return (struct place){chain->name, chain->rule.at[k].handle,
						      tag->rule};
		}
	}
	fail_msg("%s is nowhere", name);
	return (struct place){0};
}

// What was changed is proven; what somebody does beside it is found, even if the kernel's number of changes did not tell.
static void our_changes_are_proven_by_themselves(void **state)
{
	struct test_fixture *f = *state;
	unsigned changed = 0;
	test_fixture_deploy(f);
	for (size_t i = 3; i < RULES && changed < 6; i += 13) {
		if (!test_fixture_turn(f, i)) {
			test_fixture_deploy(f);
			continue;
		}
		assert_true(f->nft->changed.known && f->nft->changed.form.len > 0);
		assert_int_equal(test_fixture_differences(f), 0);
		assert_int_equal(f->nft->changed.form.len, 0);
		if (test_fixture_turn(f, i)) {
			struct place at = find_rule(f, i);
			run(f, "delete rule inet bulwark %c handle %h", &at);
			f->nft->changed.at.changes += changed++ % 2; // as if it were our own
			assert_true(test_fixture_differences(f) > 0);
		}
		test_fixture_deploy(f);
	}
	assert_true(changed > 2);
}

// --- a copy of this process ---

struct said { // by the copy
	int error;
	size_t differences;
	unsigned reads;
	size_t len;         // of …
	const void *proven; // … this, in the fixture's arena
};

static void count_read(void *context)
{
	++*(unsigned *)context;
}

static struct said compare_in_copy(struct test_fixture *f)
{
	struct said said = {.error = 0};
	int pair[2];
	assert_int_equal(pipe(pair), 0);
	pid_t pid = fork();
	if (!pid) {
		struct backend_differences differences = {.arena = &f->arena};
		said.error = backend_nft_apart(f->nft, count_read, &said.reads);
		if (!said.error)
			said.error = backend_nft_compare(f->nft, &f->ruleset, &differences);
		said.differences = differences.list.len;
		struct buf proven;
		buf_init(&proven);
		backend_nft_proven(f->nft, &proven);
		said.len = proven.len;
		_exit(write(pair[1], &said, sizeof(said)) != sizeof(said) ||
		      write(pair[1], proven.data, proven.len) != (ssize_t)proven.len);
	}
	assert_int_equal(read(pair[0], &said, sizeof(said)), sizeof(said));
	char *proven = arena_alloc(&f->arena, said.len);
	for (size_t len = 0; len < said.len;) {
		ssize_t n = read(pair[0], proven + len, said.len - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	said.proven = proven;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pair[0]);
	close(pair[1]);
	return said;
}

static bool knows_all(struct test_fixture *f)
{
	uint32_t now;
	return f->nft->changed.known && nft_only_ours(&f->nft->socket, f->nft->changed.at, &now);
}

// What a copy has proven is a base for proofs of changes, unless something was changed by us since.
static void a_copy_proves_for_the_original(void **state)
{
	struct test_fixture *f = *state;
	struct place at = {.chain = ""};
	test_fixture_deploy(f);
	run(f, "add table inet other", &at);
	assert_false(knows_all(f));
	struct said said = compare_in_copy(f);
	assert_int_equal(said.error, 0);
	assert_int_equal(said.differences, 0);
	assert_int_equal(said.reads, 1);
	assert_false(knows_all(f));
	f->nft->live->reasons.known = false;
	backend_nft_adopt(f->nft, said.proven, said.len);
	assert_true(knows_all(f) && f->nft->changed.counted && f->nft->live->reasons.known);
	f->nft->live->places.of[3]++; // a copy counts for itself, too
	said = compare_in_copy(f);
	backend_nft_adopt(f->nft, said.proven, said.len);
	assert_true(knows_all(f) && !f->nft->changed.counted);
	f->nft->live->places.of[3]--;
	run(f, "add chain inet other c", &at);
	said = compare_in_copy(f);
	assert_true(test_fixture_turn(f, 3));
	backend_nft_adopt(f->nft, said.proven, said.len);
	assert_false(knows_all(f));
	assert_int_equal(test_fixture_differences(f), 0);
	assert_true(knows_all(f));
	at = find_rule(f, 3);
	run(f, "delete rule inet bulwark %c handle %h", &at);
	assert_true(compare_in_copy(f).differences > 0);
	run(f, "delete table inet other", &at);
	test_fixture_deploy(f);
}

static struct ir_rule flow_rule(struct test_fixture *f, enum ir_verdict verdict, u128 dscp)
{
	struct ir_rule rule = {
		.policy = "p", .name = ir_verdict_name[verdict], .flow = true, .verdict = verdict};
	rule.clauses = 1;
	rule.clause = arena_new(&f->arena, struct ir_clause);
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_DST4,
				     algebra_set_one(&f->arena, 0x80000000, 0x8000ffff)));
	assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_DSCP,
				     algebra_set_one(&f->arena, 0, dscp)));
	return rule;
}

// Of the two kernel rules of a clause the one in the flow's direction is hidden, the other is not.
static void a_direction_that_was_hidden_comes_back(void **state)
{
	struct test_fixture *f = *state;
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	vec_push(&f->arena, &f->ruleset.rule, flow_rule(f, IR_DROP, 9));
	vec_push(&f->arena, &f->ruleset.rule, flow_rule(f, IR_PASS, 5));
	test_fixture_deploy(f);
	size_t replaced = backend_nft_replaced(f->nft);
	test_fixture_take_out(f, 0);
	assert_int_equal(backend_nft_replaced(f->nft), replaced);
	assert_int_equal(test_fixture_differences(f), 0);
	test_fixture_insert(f, 0, flow_rule(f, IR_DROP, 9), 1);
	assert_int_equal(test_fixture_differences(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_in_leaves_are_found),
		cmocka_unit_test(changes_of_maps_are_found),
		cmocka_unit_test(our_changes_are_proven_by_themselves),
		cmocka_unit_test(a_copy_proves_for_the_original),
		cmocka_unit_test(a_direction_that_was_hidden_comes_back),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
