// SPDX-License-Identifier: Apache-2.0
// What others put into the forward hook is found, and said to drop what we pass exactly when it does: the packet that is
// named as the witness passes by our policy, and the kernel drops it.
#include "backend/nft/nft.h"
#include "backend/nft/test_fixture.h"
#include "base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

// TCP to ports 80-89 from 10.0.0.0/8, nothing else.
static void make_ruleset(struct test_fixture *f)
{
	struct ir_clause *clause = arena_new(&f->arena, struct ir_clause);
	struct arena *a = &f->arena;
	assert_true(
		ir_clause_narrow(clause, a, IR_SRC4, algebra_set_one(a, 0x0a000000, 0x0affffff)));
	assert_true(ir_clause_narrow(clause, a, IR_PROTO, algebra_set_one(a, 6, 6)));
	assert_true(ir_clause_narrow(clause, a, IR_DPORT, algebra_set_one(a, 80, 89)));
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	vec_push(a, &f->ruleset.rule,
		 (struct ir_rule){.policy = "office",
				  .name = "web",
				  .verdict = IR_PASS,
				  .clause = clause,
				  .clauses = 1});
}

static int set_up(void **state)
{
	struct test_fixture *f = test_fixture_new(NULL);
	make_ruleset(f);
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

static struct backend_others others(struct test_fixture *f)
{
	struct backend_others found = {.arena = &f->arena};
	assert_int_equal(backend_nft_others(f->nft, &f->ruleset, &found), 0);
	return found;
}

static void assert_witness(struct test_fixture *f, const struct backend_other *other)
{
	struct ir_packet packet;
	struct ir_outcome outcome;
	assert_non_null(other->witness);
	assert_true(ir_packet_parse(other->witness, time(NULL), &f->arena, &f->diags, &packet));
	ir_eval(&f->ruleset, &packet, &f->arena, &outcome);
	assert_int_equal(outcome.verdict, IR_PASS);
}

// A table of somebody, and what is to be found: its number of rules that drop what we pass, of those that nobody can
// judge, and a part of what is said of the first.
static const struct {
	const char *script;
	unsigned drops, unknown;
	const char *where, *witness;
} tables[] = {
	{"table ip other { chain f { type filter hook forward priority 0; policy accept; }\n}\n", 0,
	 0, NULL, NULL},
	{"table ip other { chain f { type filter hook input priority 0; policy drop; }\n}\n", 0, 0,
	 NULL, NULL},
	{"table ip other { chain f { type filter hook forward priority -5; ip saddr 10.0.0.1 tcp "
	 "dport 80 drop; }\n}\n",
	 1, 0, "table ip other, chain f (priority -5), handle ", "src=10.0.0.1,"},
	{"table inet other { chain f { type filter hook forward priority 5; tcp dport 443 drop; "
	 "ip saddr 192.0.2.1 drop; }\n}\n",
	 0, 0, NULL, NULL},
	{"table inet other { chain f { type filter hook forward priority 5; policy drop; }\n}\n", 1,
	 0, "its policy", "src=10."},
	{"table ip6 other { chain f { type filter hook forward priority 5; policy drop; }\n}\n", 0,
	 0, NULL, NULL},
	{"table ip other { chain f { type filter hook forward priority 0; ip saddr 10.0.0.0/8 "
	 "accept; tcp dport 80-89 drop; }\n}\n",
	 0, 0, NULL, NULL},
	{"table ip other { chain u { tcp dport 80-88 return; tcp dport 80-89 drop; }\n"
	 "chain f { type filter hook forward priority 0; jump u; }\n}\n",
	 1, 0, "chain u (", "dport=89,"},
	{"table ip other { chain u { tcp dport 80-88 accept; }\n"
	 "chain f { type filter hook forward priority 0; policy drop; goto u; }\n}\n",
	 1, 0, "", "dport=89,"},
	{"table ip other { chain f { type filter hook forward priority -150; meta mark set 1; "
	 "}\n}\n",
	 0, 1, "table ip other, chain f (priority -150), handle ", NULL},
	{"table ip other { chain f { type filter hook forward priority 0; meta mark set 1; "
	 "ct state new tcp dport { 22, 81 } reject with tcp reset; }\n}\n",
	 1, 1, NULL, NULL},
	{"table ip other { chain f { type filter hook forward priority 0; tcp dport vmap { 80 : "
	 "drop, "
	 "81 : accept }; }\n}\n",
	 0, 1, "chain f (priority 0), handle ", NULL},
	{"table ip other { set s { type ipv4_addr; flags timeout; }\nchain f { type filter hook "
	 "forward "
	 "priority 0; ip saddr @s drop; }\n}\n",
	 0, 1, "chain f (priority 0), handle ", NULL},
	{"table ip other { chain f { type filter hook forward priority 0; limit rate over "
	 "10/second "
	 "drop; }\n}\n",
	 0, 1, "table ip other, chain f (priority 0)", NULL},
	{"table ip other { chain f { type filter hook prerouting priority -300; policy drop; }\n"
	 "chain g { type filter hook postrouting priority 300; policy drop; }\n}\n",
	 0, 0, NULL, NULL},
	{"table ip other { chain f { type filter hook forward priority 0; meta mark set 1; "
	 "ip saddr 10.1.1.1 meta mark set 2; tcp dport 80 meta mark set 3; }\n}\n",
	 0, 3, NULL, NULL},
	{"table ip other { flags dormant; chain f { type filter hook forward priority 0; policy "
	 "drop; }\n}\n",
	 0, 0, NULL, NULL},
};

static void assert_found(struct test_fixture *f, size_t i)
{
	struct backend_others found = others(f);
	unsigned drops = 0, unknown = 0;
	for (size_t k = 0; k < found.list.len; k++) {
		const struct backend_other *other = &found.list.at[k];
		drops += other->kind == BACKEND_OTHER_DROPS;
		unknown += other->kind == BACKEND_OTHER_UNKNOWN;
		if (other->kind == BACKEND_OTHER_DROPS)
			assert_witness(f, other);
	}
	if (drops != tables[i].drops || unknown != tables[i].unknown)
		fail_msg("%s: %u that drop, %u unknown; the first: %s: %s", tables[i].script, drops,
			 unknown, found.list.len ? found.list.at[0].where : "-",
			 found.list.len ? found.list.at[0].rule : "-");
	if (tables[i].where && !strstr(found.list.at[0].where, tables[i].where))
		fail_msg("%s is at %s", tables[i].script, found.list.at[0].where);
	if (tables[i].witness && !strstr(found.list.at[0].witness, tables[i].witness))
		fail_msg("%s: %s", tables[i].script, found.list.at[0].witness);
}

static void rules_of_others_are_found(void **state)
{
	struct test_fixture *f = *state;
	assert_int_equal(others(f).list.len, 0);
	for (size_t i = 0; i < array_len(tables); i++) {
		test_fixture_run(tables[i].script);
		assert_found(f, i);
		assert_found(f, i); // what is known is known
		test_fixture_run(
			!strncmp(tables[i].script, "table ip ", 9)     ? "delete table ip other"
			: !strncmp(tables[i].script, "table ip6 ", 10) ? "delete table ip6 other"
								       : "delete table inet other");
		assert_int_equal(others(f).list.len, 0);
	}
}

// They are not nf_tables', so the kernel's number of changes does not tell that they came.
static void the_old_iptables_is_named(void **state)
{
	struct test_fixture *f = *state;
	assert_int_equal(others(f).list.len, 0);
	if (test_run("", (const char *const[]){"iptables-legacy", "-A", "FORWARD", "-s", "10.0.0.1",
					       "-j", "DROP", NULL}))
		skip(); // a kernel without it
	struct backend_others found = others(f);
	assert_int_equal(found.list.len, 1);
	assert_int_equal(found.list.at[0].kind, BACKEND_OTHER_UNKNOWN);
	assert_string_equal(found.list.at[0].where, "table filter of iptables");
}

// They are no difference, and none is repaired.
static void they_are_no_drift(void **state)
{
	struct test_fixture *f = *state;
	struct backend_differences differences = {.arena = &f->arena};
	test_fixture_run("table ip other { chain f { type filter hook forward priority 0; policy "
			 "drop; }\n}\n");
	assert_int_equal(others(f).list.len, 1);
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &differences), 0);
	assert_int_equal(differences.list.len, 0);
	test_fixture_run("delete table ip other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_others_are_found),
		cmocka_unit_test(they_are_no_drift),
		cmocka_unit_test(the_old_iptables_is_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
