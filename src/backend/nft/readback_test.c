// SPDX-License-Identifier: Apache-2.0
// What is read back: scripts printed for nft(8) mean what was meant; whatever somebody does to the table
// behind our back is found, named and noticed, and the next apply repairs it.
#include "backend/nft/nft.h"
#include "backend/nft/open.h"
#include "backend/nft/table.h"
#include "backend/nft/test_fixture.h"
#include "backend/nft/test_policy.h"
#include "backend/nft/text.h"
#include "base/buf.h"
#include "base/diag.h"
#include "verify/verify.h"

#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SCRIPTS 60
#define SEED 8329

static struct ir_clause one_cond(struct arena *arena, enum ir_dim dim, u128 lo, u128 hi)
{
	struct ir_clause clause = {0};
	assert_true(ir_clause_narrow(&clause, arena, dim, algebra_set_one(arena, lo, hi)));
	return clause;
}

static void add_rule(struct test_fixture *f, const char *name, enum ir_verdict verdict, bool flow,
		     u128 port)
{
	struct ir_rule rule = {
		.policy = "office", .name = name, .verdict = verdict, .flow = flow, .clauses = 1};
	rule.clause = arena_new(&f->arena, struct ir_clause);
	*rule.clause = one_cond(&f->arena, IR_DPORT, port, port + 7);
	if (flow) // of TCP or UDP
		assert_true(ir_clause_narrow(rule.clause, &f->arena, IR_PROTO,
					     algebra_set_one(&f->arena, 6, 17)));
	vec_push(&f->arena, &f->ruleset.rule, rule);
}

// Six rules of different kinds.
static void make_ruleset(struct test_fixture *f)
{
	f->ruleset = (struct ir_ruleset){.default_action = IR_DROP};
	add_rule(f, "mail", IR_PASS, true, 25);
	add_rule(f, "web", IR_PASS, true, 80);
	add_rule(f, "games", IR_REJECT, false, 3074);
	add_rule(f, "video", IR_RATE_LIMIT, true, 5004);
	f->ruleset.rule.at[3].rate.packets = 1000;
	add_rule(f, "watched", IR_NONE, false, 22);
	f->ruleset.rule.at[4].log = IR_LOG_SESSION;
	add_rule(f, "odd", IR_DROP, false, 6000);
	struct algebra_builder b = {.arena = &f->arena};
	for (u128 port = 7000; port < 7100; port += 9)
		algebra_builder_add(&b, port, port + 1);
	f->ruleset.rule.at[5].clause->cond[0].set = algebra_builder_take(&b);
}

static int set_up(void **state)
{
	struct test_fixture *f = test_fixture_new(NULL);
	make_ruleset(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	test_fixture_free(*state);
	return 0;
}

// --- scripts ---

// One rule a clause, where that means the same: so does a script that carries no user data come back.
static void flatten(const struct ir_ruleset *in, struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = in->default_action};
	for (size_t i = 0; i < in->rule.len; i++) {
		struct ir_rule rule = in->rule.at[i];
		bool shares = rule.verdict == IR_NONE || ir_rule_has_rate(&rule);
		for (size_t k = 0; k < (shares ? 1 : rule.clauses); k++) {
			struct ir_rule one = rule;
			if (!shares) {
				one.clause = &rule.clause[k];
				one.clauses = 1;
			}
			vec_push(arena, &out->rule, one);
		}
	}
}

static void assert_same_rule(const struct ir_rule *meant, const struct ir_rule *is)
{
	struct buf a, b;
	buf_init(&a);
	buf_init(&b);
	ir_rule_meaning(meant, &a);
	ir_rule_meaning(is, &b);
	bool same = a.len == b.len && !memcmp(a.data, b.data, a.len);
	if (!same) {
		buf_clear(&a);
		buf_clear(&b);
		ir_rule_print(meant, &a);
		ir_rule_print(is, &b);
		fail_msg("meant %s\n   is %s", a.data, b.data);
	}
	buf_fini(&b);
	buf_fini(&a);
}

static void assert_means(struct test_fixture *f, struct arena *arena,
			 const struct ir_ruleset *meant)
{
	struct ir_ruleset split, normal, flat, found;
	struct backend_state state;
	nft_text_split(meant, arena, &split);
	backend_nft_normal(&split, arena, &normal);
	flatten(&normal, arena, &flat);
	assert_int_equal(backend_nft_read_back(f->nft, arena, &state), 0);
	if (state.strange.list.len)
		fail_msg("strange: %s", state.strange.list.at[0].found);
	assert_true(state.deployed);
	flatten(&state.ruleset, arena, &found);
	assert_int_equal(found.default_action, flat.default_action);
	assert_int_equal(found.rule.len, flat.rule.len);
	for (size_t i = 0; i < flat.rule.len; i++)
		assert_same_rule(&flat.rule.at[i], &found.rule.at[i]);
}

// Interfaces by patterns or ranges are beyond nft's sets; everything else of the generator is not.
static bool sayable(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		for (size_t k = 0; k < ruleset->rule.at[i].clauses; k++)
			if (ir_clause_set(&ruleset->rule.at[i].clause[k], IR_IN) ||
			    ir_clause_set(&ruleset->rule.at[i].clause[k], IR_OUT))
				return false;
	return true;
}

// A policy and the script that says it.
struct printed {
	struct arena arena;
	struct diags diags;
	struct ir_ruleset ruleset;
	struct buf script;
};

static void begin(struct printed *p, struct test_random *random, bool flows)
{
	arena_init(&p->arena);
	diags_init(&p->diags, &p->arena);
	buf_init(&p->script);
	test_policy_random(random, &p->arena, flows, time(NULL), &p->ruleset);
}

static void finish(struct printed *p)
{
	buf_fini(&p->script);
	arena_fini(&p->arena);
}

static void scripts_mean_what_was_meant(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = SEED};
	for (unsigned i = 0; i < SCRIPTS; i++) {
		struct printed p;
		begin(&p, &random, i % 2);
		bool good = backend_nft_print(&p.ruleset, NULL, &p.diags, &p.script);
		if (sayable(&p.ruleset))
			assert_true(good);
		if (good) {
			if (test_nft(p.script.data))
				fail_msg("nft does not take:\n%s", p.script.data);
			assert_means(f, &p.arena, &p.ruleset);
		}
		finish(&p);
	}
}

// Without names of rules not all of the others are lifted. The comparison takes each rate for a truth of its own, and asks
// about packets of flows that conntrack does not make.
static bool comparable(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++)
		if (ruleset->rule.at[i].flow || ir_rule_has_rate(&ruleset->rule.at[i]))
			return false;
	return true;
}

// Scripts do not say whose a kernel rule is, so what is compared is what happens to packets.
static void assert_equal_verdicts(struct test_fixture *f, struct arena *arena,
				  const struct ir_ruleset *meant)
{
	struct backend_state state;
	struct verify_comparison is;
	struct verify_options options = verify_options_default(time(NULL));
	struct ir_cond alive = {.dim = IR_TTL, .set = algebra_set_one(arena, 1, 255)};
	struct ir_clause forwarded = {.cond = &alive, .len = 1};
	options.where = &forwarded;
	assert_int_equal(backend_nft_read_back(f->nft, arena, &state), 0);
	if (state.strange.list.len)
		fail_msg("strange: %s", state.strange.list.at[0].found);
	assert_true(state.deployed);
	verify_compare(meant, &state.ruleset, &options, 1, arena, &is);
	assert_int_equal(is.status, VERIFY_DONE);
	if (!is.equal) {
		struct buf words;
		buf_init(&words);
		ir_packet_print(is.difference.at[0].packet, &words);
		fail_msg("meant %s, is %s: %s", ir_verdict_name[is.difference.at[0].verdict_a],
			 ir_verdict_name[is.difference.at[0].verdict_b], words.data);
	}
}

// Forms with maps, as far as nft has words for them.
static void scripts_of_trees_mean_the_same(void **state)
{
	struct test_fixture *f = *state;
	struct test_random random = {.state = SEED};
	size_t loaded = 0;
	for (unsigned i = 0; i < SCRIPTS; i++) {
		struct printed p;
		begin(&p, &random, i % 2);
		struct backend_nft_options options = {
			.shape = {.form = BACKEND_NFT_TREE, .leaf_most = 1}};
		if (backend_nft_print(&p.ruleset, &options, &p.diags, &p.script)) {
			if (test_nft(p.script.data))
				fail_msg("nft does not take:\n%s", p.script.data);
			if (comparable(&p.ruleset))
				assert_equal_verdicts(f, &p.arena, &p.ruleset);
			loaded++;
		} else {
			assert_true(p.diags.errors > 0);
		}
		finish(&p);
	}
	print_message("%zu of %u scripts loaded\n", loaded, SCRIPTS);
	assert_true(loaded > SCRIPTS / 4);
}

// --- tampering ---

static const struct nft_form *found_rule(struct test_fixture *f, struct arena *arena,
					 const char *name, struct nft_table *table)
{
	assert_int_equal(nft_table_read(&f->nft->socket, "bulwark", NFT_ALL, arena, table), 0);
	const struct nft_dumped_chain *chain =
		nft_table_chain(table, nft_generation_name(table->generation, arena));
	for (size_t i = 0; i < chain->rule.len; i++)
		if (chain->rule.at[i].tag.name && !strcmp(chain->rule.at[i].tag.name, name))
			return &chain->rule.at[i];
	fail_msg("no rule %s", name);
	return NULL;
}

// Runs nft's command with %g as the generation's chain and %h as the handle of a rule.
static int tamper(struct test_fixture *f, const char *command, const char *rule)
{
	struct arena arena;
	struct nft_table table;
	struct buf script;
	arena_init(&arena);
	buf_init(&script);
	const struct nft_form *form = found_rule(f, &arena, rule ? rule : "web", &table);
	for (const char *c = command; *c; c++) {
		if (c[0] == '%' && c[1] == 'g')
			buf_printf(&script, "g%u", table.generation);
		else if (c[0] == '%' && c[1] == 'h')
			buf_printf(&script, "%llu", (unsigned long long)form->handle);
		else
			buf_addc(&script, *c);
		c += *c == '%';
	}
	int status = test_nft(script.data);
	buf_fini(&script);
	arena_fini(&arena);
	return status;
}

static bool noticed(struct test_fixture *f)
{
	struct pollfd p = {.fd = backend_nft_watch_fd(f->nft), .events = POLLIN};
	return poll(&p, 1, 0) == 1 && backend_nft_watch_drain(f->nft);
}

static void deploy(struct test_fixture *f)
{
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_apply(f->nft, &f->ruleset, &f->diags), BACKEND_DONE);
	if (f->diags.list.len)
		fail_msg("%s", f->diags.list.at[0].text);
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &d), 0);
	if (d.list.len)
		fail_msg("not repaired: %s",
			 d.list.at[0].found ? d.list.at[0].found : d.list.at[0].intended);
}

#define EXPECTED_MOST 8
struct expected {
	bool there;
	enum backend_change change;
	const char *rule; // NULL: of the frame, or foreign
};

static void print_differences(const struct backend_differences *d)
{
	for (size_t i = 0; i < d->list.len; i++) {
		const struct backend_difference *one = &d->list.at[i];
		print_message("  %s %s: intended %s, found %s\n", backend_change_name[one->change],
			      one->rule ? one->rule : "-", one->intended ? one->intended : "-",
			      one->found ? one->found : "-");
	}
}

// Some of the n differences that there must be are expected by name, up to the first empty one.
static void assert_found(struct test_fixture *f, const char *command,
			 const struct expected *expected, size_t n)
{
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &d), 0);
	if (d.list.len != n)
		print_differences(&d);
	for (size_t i = 0; i < EXPECTED_MOST && expected[i].there; i++) {
		bool there = false;
		for (size_t k = 0; k < d.list.len; k++)
			there |= d.list.at[k].change == expected[i].change &&
				 (!expected[i].rule
					  ? !d.list.at[k].rule
					  : d.list.at[k].rule &&
						    !strcmp(d.list.at[k].rule, expected[i].rule));
		if (!there)
			fail_msg("after '%s': no %s %s among %zu", command,
				 backend_change_name[expected[i].change],
				 expected[i].rule ? expected[i].rule : "", d.list.len);
	}
	if (d.list.len != n)
		fail_msg("after '%s': %zu differences, not %zu", command, d.list.len, n);
}

// What somebody does, and what is then found. %g is the chain of the policy, %h the rule `of`.
static const struct {
	const char *command, *of;
	struct expected expected[EXPECTED_MOST];
	size_t n;
} tampers[] = {
	{"delete rule inet bulwark %g handle %h", "web", {{true, BACKEND_MISSING, "web"}}, 1},
	{"delete rule inet bulwark %g handle %h",
	 "video",
	 {{true, BACKEND_MISSING, "video"}, {true, BACKEND_FOREIGN, NULL}},
	 2},
	{"insert rule inet bulwark %g accept", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"insert rule inet bulwark forward accept", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"add rule inet bulwark pinholes accept", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"replace rule inet bulwark %g handle %h udp dport 1 drop",
	 "web",
	 {{true, BACKEND_CHANGED, "web"}},
	 1},
	{"add rule inet bulwark %g-3-do accept", NULL, {{true, BACKEND_CHANGED, "video"}}, 1},
	{"flush chain inet bulwark %g-3-do", NULL, {{true, BACKEND_CHANGED, "video"}}, 1},
	{"flush chain inet bulwark %g-reject", NULL, {{true, BACKEND_CHANGED, "games"}}, 1},
	{"chain inet bulwark forward { policy accept ; }",
	 NULL,
	 {{true, BACKEND_CHANGED, NULL}},
	 1},
	{"flush chain inet bulwark forward",
	 NULL,
	 {{true, BACKEND_MISSING, NULL},
	  {true, BACKEND_MISSING, "web"},
	  {true, BACKEND_FOREIGN, NULL}},
	 13},
	{"flush chain inet bulwark forward\ndelete chain inet bulwark forward\n"
	 "add chain inet bulwark forward { type filter hook output priority 5; policy "
	 "drop; }",
	 NULL,
	 {{true, BACKEND_CHANGED, NULL}, {true, BACKEND_MISSING, "web"}},
	 14},
	{"add chain inet bulwark g999999999\nadd chain inet bulwark g1",
	 NULL,
	 {{true, BACKEND_FOREIGN, NULL}},
	 2},
	{"add table inet bulwark { flags dormant; }", NULL, {{true, BACKEND_CHANGED, NULL}}, 1},
	{"add chain inet bulwark mine { type filter hook input priority 0; }",
	 NULL,
	 {{true, BACKEND_FOREIGN, NULL}},
	 1},
	{"add chain inet bulwark %g-mine", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"add set inet bulwark mine { type ipv4_addr; }", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"add counter inet bulwark mine", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"delete table inet bulwark", NULL, {{true, BACKEND_MISSING, NULL}}, 1},
	{"add rule inet bulwark %g meta mark set 1", NULL, {{true, BACKEND_FOREIGN, NULL}}, 1},
	{"delete rule inet bulwark %g handle %h\nadd rule inet bulwark %g meta l4proto { "
	 "tcp, udp, dccp, sctp, "
	 "udplite } @th,8,24 >= 0 th dport 3074-3081 goto %g-reject",
	 "games",
	 {{true, BACKEND_REORDERED, "games"}},
	 1},
	{"flush chain inet bulwark %g",
	 NULL,
	 {{true, BACKEND_MISSING, "mail"},
	  {true, BACKEND_MISSING, "web"},
	  {true, BACKEND_MISSING, "games"},
	  {true, BACKEND_MISSING, "video"},
	  {true, BACKEND_MISSING, "watched"},
	  {true, BACKEND_MISSING, "odd"},
	  {true, BACKEND_MISSING, "default action"},
	  {true, BACKEND_MISSING, "packets without a flow"}},
	 14},
};

static void tampering_is_found_and_repaired(void **state)
{
	struct test_fixture *f = *state;
	assert_true(noticed(f)); // the scripts
	deploy(f);
	assert_false(noticed(f));
	for (size_t i = 0; i < array_len(tampers); i++) {
		assert_int_equal(tamper(f, tampers[i].command, tampers[i].of), 0);
		if (!noticed(f))
			fail_msg("'%s' was not noticed", tampers[i].command);
		assert_found(f, tampers[i].command, tampers[i].expected, tampers[i].n);
		deploy(f);
		assert_false(noticed(f));
	}
}

// With the rights over a network namespace only, and so with small socket buffers.
static void a_user_namespace_suffices(void **state)
{
	(void)state;
	int status;
	pid_t child = fork();
	if (!child) {
		struct arena arena;
		struct diags diags;
		struct backend_nft *own;
		struct ir_ruleset ruleset = {.default_action = IR_DROP};
		arena_init(&arena);
		diags_init(&diags, &arena);
		struct backend_differences d = {.arena = &arena};
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
		    backend_nft_open(NULL, &diags, &own))
			_exit(77);
		for (u128 i = 0; i < 20000; i++) {
			struct ir_rule rule = {.policy = "p",
					       .name = "r",
					       .verdict = IR_PASS,
					       .flow = true,
					       .clauses = 1};
			rule.clause = arena_new(&arena, struct ir_clause);
			*rule.clause = one_cond(&arena, IR_DST6, i << 64, i << 64 | 9);
			vec_push(&arena, &ruleset.rule, rule);
		}
		bool good = !backend_nft_apply(own, &ruleset, &diags) &&
			    !backend_nft_apply(own, &ruleset, &diags) && !diags.list.len &&
			    !backend_nft_compare(own, &ruleset, &d) && !d.list.len &&
			    !backend_nft_watch_drain(own);
		_exit(!good);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void sets_in_use_cannot_be_changed(void **state)
{
	struct test_fixture *f = *state;
	deploy(f);
	assert_int_not_equal(tamper(f, "add element inet bulwark %g-s1 { 1 }", NULL), 0);
	assert_int_not_equal(tamper(f, "flush set inet bulwark %g-s1", NULL), 0);
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &d), 0);
	assert_int_equal(d.list.len, 0);
}

static void what_others_do_meanwhile_is_told(void **state)
{
	struct test_fixture *f = *state;
	deploy(f);
	assert_false(noticed(f));
	nft_watch_pause(f->nft);
	assert_int_equal(tamper(f, "insert rule inet bulwark %g accept", NULL), 0);
	assert_false(noticed(f));
	nft_watch_resume(f->nft);
	assert_true(noticed(f));
	deploy(f);
	nft_watch_pause(f->nft);
	nft_watch_resume(f->nft);
	assert_false(noticed(f));
	assert_int_equal(tamper(f, "insert rule inet bulwark %g accept", NULL), 0);
	assert_true(noticed(f));
}

static void other_tables_are_none_of_ours(void **state)
{
	struct test_fixture *f = *state;
	deploy(f);
	assert_int_equal(test_nft("table inet other {\n chain c {\n }\n}\ntable ip bulwark {\n}\n"),
			 0);
	struct pollfd p = {.fd = backend_nft_watch_fd(f->nft), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_false(backend_nft_watch_drain(f->nft));
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &d), 0);
	assert_int_equal(d.list.len, 0);
}

static void clearing_leaves_nothing(void **state)
{
	struct test_fixture *f = *state;
	struct backend_state now;
	struct backend_differences d = {.arena = &f->arena};
	deploy(f);
	assert_int_equal(backend_nft_compare(f->nft, NULL, &d), 0);
	assert_true(d.list.len > 0);
	assert_int_equal(backend_nft_clear(f->nft, &f->diags), BACKEND_DONE);
	assert_int_equal(backend_nft_clear(f->nft, &f->diags), BACKEND_DONE);
	assert_int_equal(backend_nft_read_back(f->nft, &f->arena, &now), 0);
	assert_false(now.deployed);
	assert_int_equal(now.strange.list.len, 0);
	d.list.len = 0;
	assert_int_equal(backend_nft_compare(f->nft, NULL, &d), 0);
	assert_int_equal(d.list.len, 0);
	assert_int_not_equal(test_nft("list table inet bulwark"), 0);
}

// What the kernel refuses must leave no trace; a name that is too long for a log is one thing it takes.
static void refused_rulesets_change_nothing(void **state)
{
	struct test_fixture *f = *state;
	struct ir_ruleset bad = f->ruleset;
	deploy(f);
	bad.default_action = IR_MIRROR;
	assert_int_equal(backend_nft_apply(f->nft, &bad, &f->diags), BACKEND_REFUSED);
	assert_int_equal(f->diags.errors, 1);
	struct backend_differences d = {.arena = &f->arena};
	assert_int_equal(backend_nft_compare(f->nft, &f->ruleset, &d), 0);
	assert_int_equal(d.list.len, 0);
	assert_false(noticed(f));
	diags_init(&f->diags, &f->arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_mean_what_was_meant),
		cmocka_unit_test(scripts_of_trees_mean_the_same),
		cmocka_unit_test(tampering_is_found_and_repaired),
		cmocka_unit_test(sets_in_use_cannot_be_changed),
		cmocka_unit_test(a_user_namespace_suffices),
		cmocka_unit_test(what_others_do_meanwhile_is_told),
		cmocka_unit_test(other_tables_are_none_of_ours),
		cmocka_unit_test(clearing_leaves_nothing),
		cmocka_unit_test(refused_rulesets_change_nothing),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
