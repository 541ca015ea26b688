// SPDX-License-Identifier: Apache-2.0
// What changing one rule costs a real agent, in policies of 1k, 10k and 100k rules like access lists, and with --full in
// those of 100k like firewalls and IP chains: from the request over TLS to the kernel's acknowledgement, and to the answer
// that it is in force, proven and on the disk; the memory of its two processes; the same while full proofs are being made;
// and in one process, what of it the enforcer does: books (lowering, digests), journal, kernel, proof. Each policy in a
// namespace of its own.
#include "agent/core.h"
#include "agent/journal.h"
#include "agent/rig.h"
#include "agent/sent.h"
#include "agent/state.h"
#include "backend/nft/nft.h"
#include "benchmarks/figure.h"
#include "codec/nfi.h"
#include "proto/netconf/client.h"
#include "schema/schema.h"
#include "verify/test_sets.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGES = 60, SECONDS_MOST = 20 };

struct series {
	double of[CHANGES];
	size_t len;
};
struct bench {
	struct rig rig;
	struct ir_ruleset rules;
	struct test_random random;
	unsigned thousands;
	enum test_sets_kind kind;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	printf("%s failed\n", what);
	exit(1);
}

static void print(const struct bench *b, const char *what, double value, const char *unit,
		  const char *beside)
{
	char text[80];
	snprintf(text, sizeof(text), "agent, %uk %s rules: %s", b->thousands,
		 test_sets_kind_name[b->kind], what);
	figure_print(text, value, unit, beside);
}

static void print_series(const struct bench *b, const char *what, struct series *s)
{
	char beside[64];
	figure_sort(s->of, s->len);
	snprintf(beside, sizeof(beside), "worst of %zu: %.3f ms", s->len, s->of[s->len - 1] * 1e3);
	print(b, what, s->of[s->len / 2] * 1e3, "ms", beside);
}

static void add(struct series *s, double seconds)
{
	s->of[s->len++] = seconds;
}

// Slow ones are not measured so often.
static bool enough(const struct series *s, double since)
{
	return s->len == CHANGES || (s->len && figure_seconds() - since > SECONDS_MOST);
}

// Some rule does the opposite.
static size_t turn_one(struct bench *b)
{
	size_t at = test_random_below(&b->random, (uint32_t)b->rules.rule.len);
	struct ir_rule *rule = &b->rules.rule.at[at];
	rule->verdict = rule->verdict == IR_PASS ? IR_DROP : IR_PASS;
	return at;
}

// --- a real agent ---

static void put_config(struct bench *b, const struct ir_ruleset *rules, const char *operation,
		       struct buf *out)
{
	buf_printf(out,
		   "<edit-config><target><candidate/></target><default-operation>%s"
		   "</default-operation><config>",
		   operation);
	check(codec_nfi_write(rules, &b->rig.diags, out), "writing rules");
	buf_adds(out, "</config></edit-config>");
}

// rig_must with more patience: a proof of 100k rules may take its time.
static void must(struct bench *b, struct netconf_client *client, const char *xml)
{
	struct netconf_result result;
	struct netconf_call call = {.xml = xml, .timeout_ms = 600000};
	if (netconf_client_call(client, &call, &b->rig.diags, &result))
		return;
	rig_stop(&b->rig, SIGKILL);
	printf("the agent said: %s\n", b->rig.diags.list.at[0].text);
	exit(1);
}

static double commit(struct bench *b, struct netconf_client *client, const char *edit,
		     double *edited_out)
{
	double begin = figure_seconds();
	must(b, client, edit);
	*edited_out = figure_seconds() - begin;
	begin = figure_seconds();
	must(b, client, "<commit/>");
	return figure_seconds() - begin;
}

static void print_memory(struct bench *b, const char *what, pid_t pid)
{
	char beside[64];
	snprintf(beside, sizeof(beside), "at its peak %.0f MB",
		 strtod(rig_status(&b->rig, pid, "VmHWM"), NULL) / 1024);
	print(b, what, strtod(rig_status(&b->rig, pid, "VmRSS"), NULL) / 1024, "MB", beside);
}

static void print_both(struct bench *b)
{
	print_memory(b, "memory, front", rig_front(&b->rig));
	print_memory(b, "memory, enforcer", b->rig.agent);
}

// Hears the kernel tell of each transaction when it is done, as it is acknowledged then. The new rule is in force with the
// last one that brings a rule or an element; what comes behind takes away what no packet comes to any more.
struct hearing {
	int fd;
	pthread_t thread;
	_Atomic uint64_t in_force, last; // nanoseconds
};

static bool brings(const char *room, ssize_t len)
{
	size_t left = len > 0 ? (size_t)len : 0;
	for (const struct nlmsghdr *h = (const void *)room; NLMSG_OK(h, left);
	     h = NLMSG_NEXT(h, left)) {
		unsigned type = NFNL_MSG_TYPE(h->nlmsg_type);
		if (type == NFT_MSG_NEWRULE || type == NFT_MSG_NEWSETELEM)
			return true;
	}
	return false;
}

static void *hear(void *context)
{
	struct hearing *h = context;
	_Alignas(struct nlmsghdr) char room[1 << 16];
	for (;;) {
		ssize_t len = recv(h->fd, room, sizeof(room), 0);
		h->last = (uint64_t)(figure_seconds() * 1e9);
		if (brings(room, len))
			h->in_force = h->last;
	}
	return NULL;
}

static void start_hearing(struct hearing *h)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES;
	h->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	check(h->fd >= 0 && !bind(h->fd, (struct sockaddr *)&address, sizeof(address)) &&
		      !setsockopt(h->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) &&
		      !pthread_create(&h->thread, NULL, hear, h),
	      "hearing the kernel");
}

static void stop_hearing(struct hearing *h)
{
	pthread_cancel(h->thread);
	pthread_join(h->thread, NULL);
	close(h->fd);
}

struct turned {
	double begin, edited, committed; // when it began; how long each took
};

static struct turned turn_over_netconf(struct bench *b, struct netconf_client *client)
{
	struct turned turned;
	struct ir_ruleset one = {.default_action = IR_DROP};
	struct buf xml;
	buf_init(&xml);
	one.rule.at = &b->rules.rule.at[turn_one(b)];
	one.rule.len = 1;
	put_config(b, &one, "merge", &xml);
	turned.begin = figure_seconds();
	turned.committed = commit(b, client, xml.data, &turned.edited);
	buf_fini(&xml);
	return turned;
}

static void change_over_netconf(struct bench *b, struct netconf_client *client)
{
	struct series edits = {.len = 0}, commits = {.len = 0}, both = {.len = 0},
		      acknowledged = {.len = 0}, in_force = {.len = 0};
	struct hearing hearing = {.fd = -1};
	start_hearing(&hearing);
	double since = figure_seconds();
	while (!enough(&both, since)) {
		struct turned one = turn_over_netconf(b, client);
		add(&in_force, (double)hearing.in_force / 1e9 - one.begin);
		add(&acknowledged, (double)hearing.last / 1e9 - one.begin);
		add(&edits, one.edited);
		add(&commits, one.committed);
		add(&both, one.edited + one.committed);
	}
	print_series(b, "one rule edited", &edits);
	print_series(b, "and committed, to the answer", &commits);
	print_series(b, "both", &both);
	print_series(b, "both, until the kernel acknowledges it", &in_force);
	print_series(b, "both, and that the old rule is gone", &acknowledged);
	stop_hearing(&hearing);
}

// Another session asks for a full proof again and again.
struct asking {
	struct netconf_client *client;
	pthread_t thread;
	struct series proofs;
	_Atomic bool enough;
	bool failed;
};

static void *ask(void *context)
{
	struct asking *a = context;
	while (!a->enough && a->proofs.len < CHANGES && !a->failed) {
		struct netconf_result result;
		struct netconf_call call = {.xml = "<verify xmlns=\"urn:bulwark:nsf\"/>",
					    .timeout_ms = 600000};
		struct arena arena;
		struct diags diags;
		arena_init(&arena);
		diags_init(&diags, &arena);
		double begin = figure_seconds();
		a->failed = !netconf_client_call(a->client, &call, &diags, &result) ||
			    !strstr(result.data, ">true</equal>");
		add(&a->proofs, figure_seconds() - begin);
		arena_fini(&arena);
	}
	return NULL;
}

static void change_beside_proofs(struct bench *b, struct netconf_client *client)
{
	struct series both = {.len = 0};
	struct asking asking = {.client = rig_connect(&b->rig, "controller")};
	check(asking.client && !pthread_create(&asking.thread, NULL, ask, &asking),
	      "another session");
	double since = figure_seconds();
	while (!enough(&both, since))
		add(&both, turn_over_netconf(b, client).committed);
	asking.enough = true;
	pthread_join(asking.thread, NULL);
	check(!asking.failed, "a proof that was asked for");
	netconf_client_free(asking.client);
	print_series(b, "one rule committed beside full proofs", &both);
	print_series(b, "  these, each asked for behind the other", &asking.proofs);
}

static void measure_agent(struct bench *b)
{
	struct netconf_client *client;
	struct buf xml;
	double edited;
	rig_start(&b->rig);
	client = rig_connect(&b->rig, "controller");
	check(client, "a session");
	buf_init(&xml);
	put_config(b, &b->rules, "replace", &xml);
	double committed = commit(b, client, xml.data, &edited);
	buf_fini(&xml);
	print(b, "all rules edited", edited, "s", "");
	print(b, "all rules committed", committed, "s", "");
	print_both(b);
	change_over_netconf(b, client);
	print_both(b);
	change_beside_proofs(b, client);
	netconf_client_free(client);
	rig_stop(&b->rig, SIGTERM);
	rig_flush(&b->rig);
}

// --- front alone: what a commit changes ---

static void discard(void *context, const struct buf *bytes)
{
	(void)context;
	(void)bytes;
}

static void edit_tree(struct bench *b, struct schema *schema, struct schema_tree *tree,
		      const struct ir_ruleset *rules)
{
	struct buf xml;
	struct schema_tree *edit = schema_tree_new(schema);
	buf_init(&xml);
	check(codec_nfi_write(rules, &b->rig.diags, &xml), "writing rules");
	struct schema_input input = {.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
	check(schema_parse_edit(edit, &input, &b->rig.diags) &&
		      schema_edit_take(tree, edit, SCHEMA_OP_MERGE, NULL, &b->rig.diags) &&
		      schema_validate(tree, &b->rig.diags),
	      "an edit");
	buf_fini(&xml);
}

static double change_tree(struct bench *b, struct schema *schema, struct schema_tree *tree,
			  struct agent_sent *sent)
{
	struct ir_ruleset one = {.default_action = IR_DROP};
	struct agent_change change;
	struct buf rules;
	size_t since = schema_changes(tree);
	buf_init(&rules);
	one.rule.at = &b->rules.rule.at[turn_one(b)];
	one.rule.len = 1;
	edit_tree(b, schema, tree, &one);
	double begin = figure_seconds();
	check(agent_sent_change(sent, tree, since, &b->rig.arena, &b->rig.diags, &rules, &change) ==
		      AGENT_SEND_CHANGE,
	      "a change");
	double took = figure_seconds() - begin;
	agent_sent_accepted(sent, false);
	schema_keep(tree, schema_changes(tree));
	buf_fini(&rules);
	return took;
}

static void measure_front(struct bench *b)
{
	static const char *const modules[] = {CODEC_NFI_MODULE, NULL};
	struct schema *schema = schema_open(NULL, modules, &b->rig.diags);
	struct schema_tree *tree = schema_tree_new(schema);
	struct agent_sent *sent = agent_sent_new();
	struct agent_sent_sink sink = {.rules = discard};
	struct series changes = {.len = 0};
	enum ir_verdict action;
	edit_tree(b, schema, tree, &b->rules);
	schema_keep(tree, schema_changes(tree));
	double begin = figure_seconds();
	check(agent_sent_whole(sent, tree, &b->rig.diags, &sink, &action), "reading all");
	print(b, "front, all rules read", figure_seconds() - begin, "s", "");
	agent_sent_accepted(sent, false);
	while (changes.len < CHANGES)
		add(&changes, change_tree(b, schema, tree, sent));
	print_series(b, "front, what a commit changes", &changes);
	agent_sent_free(sent);
	schema_tree_free(tree);
	schema_free(schema);
}

// --- the enforcer alone ---

static struct {
	double kernel, proof;
	unsigned anew;
} spent;

static int timed_apply(struct backend *backend, const struct ir_ruleset *lowered,
		       struct diags *diags)
{
	double begin = figure_seconds();
	int r = backend_nft_ops.apply(backend, lowered, diags);
	spent.kernel += figure_seconds() - begin;
	spent.anew++;
	return r;
}

static int timed_change(struct backend *backend, const struct ir_ruleset *lowered,
			const struct backend_edit *edit, size_t edits, struct diags *diags)
{
	double begin = figure_seconds();
	int r = backend_nft_ops.change(backend, lowered, edit, edits, diags);
	spent.kernel += figure_seconds() - begin;
	return r;
}

static int timed_compare(struct backend *backend, const struct ir_ruleset *lowered,
			 struct backend_differences *out)
{
	double begin = figure_seconds();
	int r = backend_nft_ops.compare(backend, lowered, out);
	spent.proof += figure_seconds() - begin;
	return r;
}

static int timed_compare_changed(struct backend *backend, const struct ir_ruleset *lowered,
				 struct backend_differences *out)
{
	double begin = figure_seconds();
	int r = backend_nft_ops.compare_changed(backend, lowered, out);
	spent.proof += figure_seconds() - begin;
	return r;
}

static int64_t wall(void *context)
{
	(void)context;
	return time(NULL);
}

static uint64_t monotonic(void *context)
{
	(void)context;
	return (uint64_t)(figure_seconds() * 1e3);
}

static void tell(void *context, const struct agent_message *message)
{
	(void)context;
	(void)message;
}

static void answer(struct bench *b, struct agent_core *core, const struct agent_message *ask)
{
	struct agent_message got;
	agent_core_answer(core, ask, &b->rig.arena, &got);
	check(got.result.ok, "a commit");
}

static void send_all(struct bench *b, struct agent_core *core)
{
	struct buf bytes;
	struct agent_message text = {.type = AGENT_TEXT, .piece = {"<config/>", 9}};
	buf_init(&bytes);
	for (size_t i = 0; i < b->rules.rule.len; i++)
		ir_rule_encode(&b->rules.rule.at[i], &bytes);
	struct agent_message rules = {.type = AGENT_RULES, .piece = {bytes.data, bytes.len}};
	check(agent_core_take(core, &rules) && agent_core_take(core, &text), "sending rules");
	buf_fini(&bytes);
	answer(b, core,
	       &(struct agent_message){.type = AGENT_APPLY, .apply = {.default_action = IR_DROP}});
}

// The message that turns a rule. What it holds lives in the arena and in `rules`.
static struct agent_message make_change(struct bench *b, struct buf *rules, uint32_t version)
{
	struct backend_edit *edit = arena_new(&b->rig.arena, struct backend_edit);
	size_t at = turn_one(b);
	*edit = (struct backend_edit){at, 1, at, 1};
	buf_clear(rules);
	ir_rule_encode(&b->rules.rule.at[at], rules);
	return (struct agent_message){
		.type = AGENT_CHANGE,
		.change = {.version = version,
			   .before = (uint32_t)b->rules.rule.len,
			   .edit = {.at = edit, .len = 1, .cap = 1},
			   .rules = {rules->data, rules->len},
			   .text = "<config><some><five><hundred><bytes/></hundred></five></some>"
				   "</config>"}};
}

static struct agent_core *start_core(struct bench *b, const struct agent_point *point)
{
	struct agent_core *core =
		agent_core_new(&(struct agent_core_options){.point = *point,
							    .state_dir = b->rig.dir,
							    .certificate_dir = b->rig.dir,
							    .wall = wall,
							    .monotonic = monotonic,
							    .tell = tell});
	check(agent_core_start(core, &b->rig.diags), "starting");
	return core;
}

static void change_in_core(struct bench *b, struct agent_core *core)
{
	struct series all = {.len = 0}, kernel = {.len = 0}, proof = {.len = 0};
	struct buf rules;
	buf_init(&rules);
	double since = figure_seconds();
	spent.anew = 0;
	while (!enough(&all, since)) {
		struct agent_start start = {.name = NULL};
		agent_core_describe(core, &start);
		struct agent_message message = make_change(b, &rules, start.version);
		spent.kernel = spent.proof = 0;
		double begin = figure_seconds();
		answer(b, core, &message);
		add(&all, figure_seconds() - begin);
		add(&kernel, spent.kernel);
		add(&proof, spent.proof);
	}
	print_series(b, "enforcer, one rule changed", &all);
	print_series(b, "  of it the kernel", &kernel);
	print(b, "  of these put there as a whole", spent.anew, "", "");
	print_series(b, "  of it the proof", &proof);
	buf_fini(&rules);
}

// The same change of a policy that is in no kernel, and of the journal in an empty directory.
static void change_books(struct bench *b, const struct agent_point *point)
{
	struct series books = {.len = 0}, journal = {.len = 0};
	struct agent_held *held = agent_held_new(), *none;
	struct agent_journal *file;
	struct buf rules;
	bool unfinished;
	buf_init(&rules);
	for (size_t i = 0; i < b->rules.rule.len; i++)
		ir_rule_encode(&b->rules.rule.at[i], &rules);
	check(agent_held_add(held, &(struct agent_piece){rules.data, rules.len}), "reading");
	held->running.base = "";
	agent_held_prepare(held, point);
	check(agent_journal_open(b->rig.dir, &b->rig.diags, &file, &none, &unfinished) ==
			      AGENT_ABSENT &&
		      agent_journal_whole(file, held, &b->rig.diags) &&
		      agent_journal_confirm(file, &b->rig.diags),
	      "a journal");
	for (uint32_t i = 0; i < CHANGES; i++) {
		struct agent_message message = make_change(b, &rules, 0);
		struct agent_edits edits, back;
		double begin = figure_seconds();
		check(agent_held_read(held, &message.change, &b->rig.diags, &edits), "reading");
		agent_held_edit(held, &edits, point, &b->rig.arena, &back);
		add(&books, figure_seconds() - begin);
		begin = figure_seconds();
		check(agent_journal_change(file, &message.change, i, &b->rig.diags) &&
			      agent_journal_confirm(file, &b->rig.diags),
		      "writing");
		add(&journal, figure_seconds() - begin);
	}
	print_series(b, "  of it books", &books);
	print_series(b, "  of it the journal, waiting for the disk twice", &journal);
	agent_journal_close(file);
	agent_held_free(held);
	buf_fini(&rules);
}

static void remove_journal(struct bench *b)
{
	check(agent_state_remove(b->rig.dir, "journal", &b->rig.diags), "tidying up");
}

static void measure_core(struct bench *b)
{
	struct backend_ops ops = backend_nft_ops;
	struct agent_point point = {.ops = &ops, .normal = backend_nft_normal};
	ops.apply = timed_apply;
	ops.compare = timed_compare;
	ops.change = ops.change ? timed_change : NULL;
	ops.compare_changed = ops.compare_changed ? timed_compare_changed : NULL;
	check(ops.open(&b->rig.diags, &point.backend) == 0, "the back end");
	struct agent_core *core = start_core(b, &point);
	send_all(b, core);
	change_in_core(b, core);
	agent_core_free(core);
	remove_journal(b);
	change_books(b, &point);
	remove_journal(b);
	check(ops.clear(point.backend, &b->rig.diags) == 0, "clearing");
	ops.close(point.backend);
}

static int measure(enum test_sets_kind kind, unsigned rules)
{
	struct bench b = {.thousands = rules / 1000, .kind = kind, .random = {.state = 1}};
	if (!rig_enter_namespace()) {
		printf("this needs root\n");
		return 1;
	}
	rig_init(&b.rig, BENCH_NSF);
	test_sets_make(&(struct test_sets_spec){kind, 4, rules, 1}, &b.rig.arena, &b.rules);
	measure_front(&b);
	measure_agent(&b);
	measure_core(&b);
	rig_fini(&b.rig);
	return 0;
}

// Argument: --full.
int main(int argc, char **argv)
{
	static const struct {
		enum test_sets_kind kind;
		unsigned rules;
	} of[] = {{TEST_SETS_ACL, 1000},
		  {TEST_SETS_ACL, 10000},
		  {TEST_SETS_ACL, 100000},
		  {TEST_SETS_FW, 100000},
		  {TEST_SETS_IPC, 100000}};
	bool full = argc > 1 && !strcmp(argv[1], "--full");
	for (size_t i = 0; i < (full ? array_len(of) : 3); i++) {
		int status = 1;
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0)
			exit(measure(of[i].kind, of[i].rules));
		if (waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	return 0;
}
