// SPDX-License-Identifier: Apache-2.0
// The kernel against the interpreter: random rulesets are applied in a router between two ends, packets
// go through it, and every one must fare as ir_eval says: arrive, vanish, or be answered. So must the
// counters, and what is read back must be what was meant. A counterexample is made small and printed.
#include "backend/nft/nft.h"
#include "backend/nft/test_case.h"
#include "backend/nft/test_net.h"
#include "base/buf.h"
#include "base/diag.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECKS 40000
#define SHRINK_RUNS 4000
#define PACKETS_SHOWN 6

// A router of its own for what is not tracked: the kernel stops tracking, and putting fragments
// together, only some time after the last rule that needs it has gone.
struct oracle {
	struct test_net nets[2];
	struct backend_nft *nfts[2];
	struct test_net *net; // the case's
	struct backend_nft *nft;
	struct test_case *test; // that is running
	char fault[4096];       // what is wrong with it, and of which kind
	const char *kind;
};

__attribute__((format(printf, 3, 4))) static void fault(struct oracle *o, const char *kind,
							const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!o->fault[0]) {
		vsnprintf(o->fault, sizeof(o->fault), fmt, ap);
		o->kind = kind;
	}
	va_end(ap);
}

// --- what comes back ---

static u128 number(const uint8_t *bytes, size_t len)
{
	u128 v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | bytes[i];
	return v;
}

// Whether a TCP reset answers the packet: ports turned round, and the sequence number that RFC 9293
// section 3.5.2 wants.
static bool resets(const uint8_t *ip, size_t len, const struct test_packet *p)
{
	size_t head = p->version == 4 ? 20 : 40, from = p->version == 4 ? 12 : 8,
	       width = p->version == 4 ? 4 : 16;
	if (len < head + 20 || ip[0] >> 4 != p->version || ip[p->version == 4 ? 9 : 6] != 6 ||
	    p->proto != 6)
		return false;
	const uint8_t *tcp = ip + head;
	bool ends = number(ip + from, width) == p->dst &&
		    number(ip + from + width, width) == p->src && number(tcp, 2) == p->dport &&
		    number(tcp + 2, 2) == p->sport && tcp[13] & 4;
	uint32_t length = p->payload + TEST_TAIL + !!(p->tcp_flags & 2) + !!(p->tcp_flags & 1);
	uint32_t seq = (uint32_t)number(tcp + 4, 4), ack = (uint32_t)number(tcp + 8, 4);
	return ends && (p->tcp_flags & 16 ? seq == p->ack : ack == p->seq + length);
}

static void answered(struct oracle *o, enum test_side at, const uint8_t *frame, size_t len)
{
	uint32_t id;
	struct test_case *t = o->test;
	if (frame[0] & 1)
		return; // the router's own multicasts
	bool unreachable = test_frame_inner_id(frame, len, &id);
	for (size_t i = 0; i < t->item.len; i++) {
		struct test_item *item = &t->item.at[i];
		bool here = item->sent && item->packet.from_b == (at == SIDE_B) && !item->answered;
		if (here && (unreachable ? item->packet.id == id
					 : resets(frame + 14, len - 14, &item->packet))) {
			item->answered = true;
			return;
		}
	}
	struct buf hex;
	buf_init(&hex);
	for (size_t i = 14; i < len; i++)
		buf_printf(&hex, "%02x", frame[i]);
	fault(o, "answer", "an answer that belongs to no packet, at %s: %s",
	      at == SIDE_A ? "a" : "b", hex.data);
	buf_fini(&hex);
}

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct oracle *o = context;
	uint32_t id;
	if (!test_frame_id(frame, len, &id)) {
		answered(o, at, frame, len);
		return;
	}
	struct test_item *item = id && id <= o->test->item.len ? &o->test->item.at[id - 1] : NULL;
	if (item && item->packet.from_b == (at == SIDE_A) && !item->arrived)
		item->arrived = true;
	else
		answered(o, at, frame, len); // a short packet whose end is the end of its answer
}

static void check_item(struct oracle *o, const struct test_item *item)
{
	bool passes = item->verdict == IR_PASS || item->verdict == IR_RATE_LIMIT;
	bool rejected = item->verdict == IR_REJECT;
	const char *is = item->arrived ? "pass" : item->answered ? "reject" : "drop";
	bool wrong = item->arrived != passes || (item->answered && !rejected) ||
		     (rejected && item->answer_sure && !item->answered);
	if (!wrong)
		return;
	struct buf text;
	buf_init(&text);
	test_packet_print(&item->packet, &text);
	const char *flow = !item->dims.flow ? "none" : item->dims.reply ? "against it" : "along it";
	fault(o, "verdict",
	      "the interpreter says %s (%s), the kernel %s%s, for the packet\n  %s\n  state %u, "
	      "flow: %s%s",
	      ir_verdict_name[item->verdict], item->rule ? item->rule->name : "default", is,
	      item->arrived && item->answered ? " and reject" : "", text.data,
	      (unsigned)item->dims.value[IR_STATE], flow,
	      item->after_change ? ", after the change" : "");
	buf_fini(&text);
}

// --- running a case ---

static bool apply(struct oracle *o, const struct ir_ruleset *ruleset)
{
	struct arena arena;
	struct diags diags;
	struct buf text;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&text);
	int error = backend_nft_apply(o->nft, ruleset, &diags);
	for (size_t i = 0; i < diags.list.len; i++)
		diag_print(&diags.list.at[i], false, &text);
	if (error || diags.list.len)
		fault(o, "apply", "apply: %d\n%s", error, text.data);
	buf_fini(&text);
	arena_fini(&arena);
	return !error;
}

static void print_difference(const struct backend_difference *d, struct buf *out)
{
	buf_printf(out, "\n  %s %s/%s\n    intended %s\n    found    %s",
		   backend_change_name[d->change], d->policy ? d->policy : "-",
		   d->rule ? d->rule : "-", d->intended ? d->intended : "-",
		   d->found ? d->found : "-");
}

static void check_compare(struct oracle *o, struct arena *arena, const struct ir_ruleset *ruleset)
{
	struct backend_differences d = {.arena = arena};
	struct buf text;
	buf_init(&text);
	int error = backend_nft_compare(o->nft, ruleset, &d);
	for (size_t i = 0; i < d.list.len; i++)
		print_difference(&d.list.at[i], &text);
	if (error || d.list.len)
		fault(o, "compare", "compare: %d%s", error, text.data);
	buf_fini(&text);
}

static bool same_meaning(const struct ir_rule *a, const struct ir_rule *b)
{
	struct buf x, y;
	buf_init(&x);
	buf_init(&y);
	ir_rule_meaning(a, &x);
	ir_rule_meaning(b, &y);
	bool same = x.len == y.len && !memcmp(x.data, y.data, x.len);
	buf_fini(&y);
	buf_fini(&x);
	return same;
}

static void report_rule(struct oracle *o, const struct ir_rule *meant, const struct ir_rule *is)
{
	struct buf text;
	buf_init(&text);
	buf_adds(&text, "read back differs\n  meant ");
	ir_rule_print(meant, &text);
	buf_adds(&text, "\n  is    ");
	ir_rule_print(is, &text);
	fault(o, "meaning", "%s", text.data);
	buf_fini(&text);
}

static void check_read_back(struct oracle *o, struct arena *arena, const struct ir_ruleset *ruleset)
{
	struct backend_state state;
	struct ir_ruleset normal;
	struct buf text;
	int error = backend_nft_read_back(o->nft, arena, &state);
	backend_nft_normal(ruleset, arena, &normal);
	buf_init(&text);
	for (size_t i = 0; i < state.strange.list.len; i++)
		print_difference(&state.strange.list.at[i], &text);
	if (error || state.strange.list.len || !state.deployed ||
	    state.ruleset.default_action != normal.default_action ||
	    state.ruleset.rule.len != normal.rule.len)
		fault(o, "read back", "read back: %d, %zu rules of %zu%s", error,
		      state.ruleset.rule.len, normal.rule.len, text.data);
	buf_fini(&text);
	for (size_t i = 0; i < normal.rule.len && i < state.ruleset.rule.len; i++)
		if (!same_meaning(&normal.rule.at[i], &state.ruleset.rule.at[i]))
			report_rule(o, &normal.rule.at[i], &state.ruleset.rule.at[i]);
}

static void check_counters(struct oracle *o, struct arena *arena, unsigned which)
{
	struct backend_counters is;
	size_t n = o->test->ruleset[which].rule.len;
	uint64_t *meant = arena_array(arena, uint64_t, n + 1), by_default, no_flow;
	test_case_counts(o->test, which, meant, &by_default, &no_flow);
	if (backend_nft_counters(o->nft, arena, &is))
		fault(o, "counters", "no counters");
	for (size_t i = 0; i < n; i++) {
		uint64_t packets = i < is.rules ? is.rule[i].packets : 0;
		if (packets != meant[i])
			fault(o, "counters", "the counter of rule %zu says %llu, not %llu", i,
			      (unsigned long long)packets, (unsigned long long)meant[i]);
	}
	if (is.by_default.packets != by_default || is.no_flow.packets != no_flow)
		fault(o, "counters", "default %llu, not %llu; without a flow %llu, not %llu",
		      (unsigned long long)is.by_default.packets, (unsigned long long)by_default,
		      (unsigned long long)is.no_flow.packets, (unsigned long long)no_flow);
}

static void send_phase(struct oracle *o, bool after_change)
{
	uint8_t frame[TEST_FRAME_MOST];
	for (size_t i = 0; i < o->test->item.len; i++) {
		const struct test_item *item = &o->test->item.at[i];
		if (!item->sent || item->after_change != after_change)
			continue;
		size_t len = test_packet_frame(&item->packet, frame);
		test_net_send(o->net, item->packet.from_b ? SIDE_B : SIDE_A, frame, len);
	}
	test_net_collect(o->net, take, o);
}

// True when the case shows no difference; otherwise o->fault says the first.
static bool run(struct oracle *o, struct test_case *test)
{
	struct arena arena;
	arena_init(&arena);
	o->test = test;
	o->fault[0] = '\0';
	o->net = &o->nets[test->tracked];
	o->nft = o->nfts[test->tracked];
	test_net_enter(o->net);
	if (test->tracked)
		test_net_forget(o->net);
	test_case_judge(test, &arena, time(NULL));
	for (unsigned change = 0; change < 1u + test->tracked && !o->fault[0]; change++) {
		if (!apply(o, &test->ruleset[change]))
			break;
		check_compare(o, &arena, &test->ruleset[change]);
		check_read_back(o, &arena, &test->ruleset[change]);
		send_phase(o, change);
		for (size_t i = 0; i < test->item.len; i++)
			if (test->item.at[i].sent && test->item.at[i].after_change == change)
				check_item(o, &test->item.at[i]);
		check_counters(o, &arena, change);
	}
	arena_fini(&arena);
	return !o->fault[0];
}

// --- making a counterexample small ---

struct shrinking {
	struct oracle *oracle;
	struct test_case *test;
	const char *kind; // of the fault that is made small
	unsigned runs;
	bool smaller;
};

static bool still_wrong(struct shrinking *s)
{
	return s->runs++ < SHRINK_RUNS && !run(s->oracle, s->test) && s->oracle->kind == s->kind;
}

// Tries without the i-th of n items; keeps it so when the case is still wrong. The last argument of the
// items' type is their size.
static bool try_without(struct shrinking *s, void *items, size_t *n, size_t size, size_t i)
{
	char *at = (char *)items + i * size;
	void *kept = malloc(*n * size);
	memcpy(base_oom(kept), items, *n * size);
	memmove(at, at + size, (*n - i - 1) * size);
	--*n;
	bool good = still_wrong(s);
	if (!good) {
		++*n;
		memcpy(items, kept, *n * size);
	}
	free(kept);
	s->smaller |= good;
	return good;
}

static void shrink_rule(struct shrinking *s, struct ir_rule *rule)
{
	for (size_t i = rule->clauses; i-- > 0;)
		try_without(s, rule->clause, &rule->clauses, sizeof(*rule->clause), i);
	for (size_t i = 0; i < rule->clauses; i++)
		for (size_t k = rule->clause[i].len; k-- > 0;)
			try_without(s, rule->clause[i].cond, &rule->clause[i].len,
				    sizeof(struct ir_cond), k);
	struct ir_rule before = *rule;
	if (rule->log != IR_LOG_NONE) {
		rule->log = IR_LOG_NONE;
		if (!still_wrong(s))
			*rule = before;
	}
}

static void shrink_items(struct shrinking *s)
{
	for (size_t i = s->test->item.len; i-- > 0;) {
		s->test->item.at[i].left_out = true;
		if (!still_wrong(s))
			s->test->item.at[i].left_out = false;
	}
}

static void shrink(struct oracle *o, struct test_case *test)
{
	struct shrinking s = {.oracle = o, .test = test, .kind = o->kind};
	shrink_items(&s);
	do {
		s.smaller = false;
		for (unsigned k = 0; k < 2; k++) {
			struct ir_ruleset *r = &test->ruleset[k];
			for (size_t i = r->rule.len; i-- > 0;)
				try_without(&s, r->rule.at, &r->rule.len, sizeof(*r->rule.at), i);
			for (size_t i = 0; i < r->rule.len; i++)
				shrink_rule(&s, &r->rule.at[i]);
		}
	} while (s.smaller && s.runs < SHRINK_RUNS);
	(void)run(o, test);
}

static void print_case(const struct oracle *o, const struct test_case *test)
{
	struct buf text;
	buf_init(&text);
	for (unsigned k = 0; k < 1u + test->tracked; k++) {
		buf_printf(&text, "ruleset %u, default %s\n", k,
			   ir_verdict_name[test->ruleset[k].default_action]);
		for (size_t i = 0; i < test->ruleset[k].rule.len; i++) {
			const struct ir_rule *rule = &test->ruleset[k].rule.at[i];
			buf_printf(&text, "  %s%s: ", rule->name, rule->flow ? " (flow)" : "");
			ir_rule_print(rule, &text);
			buf_addc(&text, '\n');
		}
	}
	for (size_t i = 0, shown = 0; i < test->item.len && shown < PACKETS_SHOWN; i++) {
		if (!test->item.at[i].sent)
			continue;
		shown++;
		buf_printf(&text, "  packet %zu, flow %d: ", i, test->item.at[i].flow);
		test_packet_print(&test->item.at[i].packet, &text);
		buf_addc(&text, '\n');
	}
	printf("%s%s\n", text.data, o->fault);
	buf_fini(&text);
}

static uint64_t seed_of(int argc, char **argv)
{
	const char *from = argc > 1 ? argv[1] : getenv("BULWARK_SEED");
	return from ? strtoull(from, NULL, 0) : (uint64_t)time(NULL);
}

// oracle_test [SEED [CHECKS]]
int main(int argc, char **argv)
{
	struct oracle o = {0};
	struct test_random random = {.state = seed_of(argc, argv)};
	size_t wanted = argc > 2 ? strtoul(argv[2], NULL, 0) : CHECKS, checks = 0, cases = 0,
	       by[IR_VERDICTS] = {0};
	printf("seed %llu (BULWARK_SEED repeats it)\n", (unsigned long long)random.state);
	for (unsigned i = 0; i < 2; i++) {
		test_net_open(&o.nets[i]);
		if (backend_nft_open(NULL, &(struct diags){.arena = &(struct arena){0}},
				     &o.nfts[i]))
			return 77;
	}
	test_net_track();
	while (checks < wanted) {
		struct arena arena;
		struct test_case test;
		arena_init(&arena);
		test_case_random(&random, &arena, time(NULL), &test);
		if (!run(&o, &test)) {
			printf("case %zu: %s\n", cases, o.fault);
			shrink(&o, &test);
			print_case(&o, &test);
			return 1;
		}
		for (size_t i = 0; i < test.item.len; i++) {
			checks += test.item.at[i].sent;
			by[test.item.at[i].verdict] += test.item.at[i].sent;
		}
		cases++;
		arena_fini(&arena);
	}
	printf("%zu packets in %zu cases fared as they should: %zu passed, %zu dropped, %zu "
	       "rejected, %zu within a rate\n",
	       checks, cases, by[IR_PASS], by[IR_DROP], by[IR_REJECT], by[IR_RATE_LIMIT]);
	for (unsigned i = 2; i-- > 0;) {
		backend_nft_close(o.nfts[i]);
		test_net_close(&o.nets[i]);
	}
	return 0;
}
