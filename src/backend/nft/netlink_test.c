// SPDX-License-Identifier: Apache-2.0
// What the kernel or a signal may do to a batch: a message is refused in the middle of a policy, sending is interrupted, the
// kernel has no memory for a moment, the process dies on the way. mnl_socket_sendto is taken over by the linker for
// that (meson.build).
#include "backend/nft/netlink.h"
#include "backend/nft/nft.h"
#include "backend/nft/test_fixture.h"
#include "base/diag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RULES 10000u
#define REFUSED 7000u

ssize_t __real_mnl_socket_sendto(const struct mnl_socket *nl, const void *data, size_t len);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *data, size_t len);

static struct {
	int error;        // that sending fails with …
	unsigned left;    // … so often
	const char *rule; // whose messages are spoilt
	unsigned sent, acknowledged;
	unsigned batches,
		last; // the process dies before it sends what comes behind the last; 0: it lives
} kernel;

// No chain is called as it says then.
static void spoil(struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	for (attr = nft_message_next(nlh, NULL); attr; attr = nft_message_next(nlh, attr))
		if (mnl_attr_get_type(attr) == NFTA_RULE_CHAIN)
			*(char *)mnl_attr_get_payload(attr) = '?';
}

static void look_at(struct nlmsghdr *nlh)
{
	const uint16_t new_rule = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE;
	kernel.acknowledged += (nlh->nlmsg_flags & NLM_F_ACK) != 0;
	if (kernel.rule && nlh->nlmsg_type == new_rule &&
	    memmem(nlh, nlh->nlmsg_len, kernel.rule, strlen(kernel.rule)))
		spoil(nlh);
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *data, size_t len)
{
	if (kernel.left) {
		kernel.left--;
		errno = kernel.error;
		return -1;
	}
	if (kernel.last && kernel.batches++ == kernel.last)
		_exit(0);
	char *copy = base_oom(malloc(len));
	memcpy(copy, data, len);
	for (size_t at = 0; at < len;) {
		struct nlmsghdr *nlh = (void *)(copy + at);
		look_at(nlh);
		kernel.sent++;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	ssize_t sent = __real_mnl_socket_sendto(nl, copy, len);
	free(copy);
	return sent;
}

static void make_rules(struct test_fixture *f)
{
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	for (unsigned i = 0; i < RULES; i++) {
		struct ir_rule rule = test_fixture_rule(f, IR_PASS, i + 1, i + 1);
		rule.policy = "office";
		rule.name = arena_printf(&f->arena, "rule-%u-", i);
		vec_push(&f->arena, &f->ruleset.rule, rule);
	}
}

static int set_up(void **state)
{
	struct test_fixture *f = test_fixture_new(NULL);
	memset(&kernel, 0, sizeof(kernel));
	make_rules(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

static void assert_in_force(struct test_fixture *f, const struct ir_ruleset *ruleset)
{
	struct backend_differences differences = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, ruleset, &differences), 0);
	assert_int_equal(differences.list.len, 0);
}

// The rule is named, and what was in force before still is, without anything of the new policy.
static void refused_rules_are_named(void **state)
{
	struct test_fixture *f = *state;
	struct ir_ruleset before = {.default_action = IR_DROP};
	vec_push(&f->arena, &before.rule, f->ruleset.rule.at[0]);
	assert_int_equal(backend_nft_apply(f->nft, &before, &f->diags), BACKEND_DONE);
	kernel.rule = arena_printf(&f->arena, "rule-%u-", REFUSED);
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), -ENOENT);
	assert_int_equal(f->diags.list.len, 1);
	const struct diag *diag = &f->diags.list.at[0];
	assert_string_equal(diag->policy, "office");
	assert_string_equal(diag->rule, kernel.rule);
	assert_non_null(strstr(diag->text, "the kernel refuses the rule"));
	assert_in_force(f, &before);
	kernel.rule = NULL;
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_in_force(f, &f->ruleset);
}

// Of tens of thousands of messages a few are acknowledged: the last one of each batch.
static void few_messages_are_acknowledged(void **state)
{
	struct test_fixture *f = *state;
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	assert_true(kernel.sent > RULES);
	assert_in_range(kernel.acknowledged, 1, 20);
}

static void sending_is_tried_again(void **state)
{
	struct test_fixture *f = *state;
	static const int errors[] = {EINTR, ENOBUFS};
	for (size_t i = 0; i < array_len(errors); i++) {
		kernel.error = errors[i];
		kernel.left = 20;
		assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
		assert_int_equal(kernel.left, 0);
		assert_in_force(f, &f->ruleset);
	}
}

// It is not tried for ever.
static void no_memory_at_all_is_an_error(void **state)
{
	struct test_fixture *f = *state;
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	kernel.error = ENOBUFS;
	kernel.left = UINT32_MAX;
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), -ENOBUFS);
	assert_non_null(strstr(f->diags.list.at[0].text, "No buffer space"));
	kernel.left = 0;
	assert_in_force(f, &f->ruleset);
}

// --- an agent that dies ---

// UDP of IPv4.
static void count(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	size_t *arrived = context;
	*arrived += at == SIDE_B && len > 42 && frame[12] == 0x08 && !frame[13] && frame[23] == 17;
}

static size_t arrive(struct test_fixture *f, uint16_t port)
{
	size_t arrived = 0;
	test_fixture_frames(f, port, 3);
	test_net_collect(&f->net, count, &arrived);
	return arrived;
}

// Another process puts the ruleset in force and dies behind so many messages to the kernel. False: it came to the end.
static bool apply_and_die(const struct ir_ruleset *ruleset, unsigned last)
{
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct arena arena;
		struct diags diags;
		struct backend_nft *nft;
		arena_init(&arena);
		diags_init(&diags, &arena);
		kernel.last = last;
		if (backend_nft_open(NULL, &diags, &nft) || backend_nft_apply(nft, ruleset, &diags))
			_exit(2);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

// Wherever it dies, packets fare by the old policy or by the new one, and who comes next cleans up.
static void who_dies_leaves_a_policy(void **state)
{
	struct test_fixture *f = *state;
	struct ir_ruleset other = {.default_action = IR_DROP};
	bool died = true;
	unsigned steps = 0;
	f->ruleset.rule.len = 2000;
	for (unsigned i = 0; i < 1000; i++)
		vec_push(&f->arena, &other.rule, f->ruleset.rule.at[i]);
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	for (; died; steps++) {
		died = apply_and_die(steps % 2 ? &f->ruleset : &other, steps + 1);
		assert_int_equal(arrive(f, 500), 3);
		assert_int_equal(arrive(f, 3000), 0);
	}
	print_message("it died %u times\n", steps - 1);
	assert_true(steps > 4);
	assert_int_equal(backend_nft_apply(f->nft, &other, &f->diags), BACKEND_DONE);
	assert_in_force(f, &other);
	assert_int_equal(arrive(f, 1500), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused_rules_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(few_messages_are_acknowledged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sending_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_memory_at_all_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_dies_leaves_a_policy, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
