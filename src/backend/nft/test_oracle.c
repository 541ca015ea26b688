// SPDX-License-Identifier: Apache-2.0
// A case in the kernel: the ruleset is applied in a router between two ends, the packets go through it,
// and every one must fare as ir_eval says: arrive, vanish, or be answered. So must the counters, and
// what is read back must be what was meant.
#include "backend/nft/open.h"
#include "backend/nft/test_oracle.h"
#include "base/buf.h"
#include "base/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((format(printf, 3, 4))) static void fault(struct test_oracle *o, const char *kind,
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

// Whether a TCP reset answers the packet: ports turned round, and the number that RFC 9293 section 3.5.2 wants: its
// acknowledgement as the sequence number, or where it has none an acknowledgement of all of it.
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
	bool acknowledges = tcp[13] & 16;
	return ends && (p->tcp_flags & 16 ? !acknowledges && seq == p->ack
					  : acknowledges && ack == p->seq + length);
}

// Resets of two packets may look alike: one belongs to the one that is to be rejected, if any is. Which rule has rejected
// one, the counters tell.
static struct test_item *find_answered(struct test_oracle *o, const uint8_t *frame, size_t len)
{
	struct test_case *t = o->test;
	uint32_t id;
	bool unreachable = test_frame_inner_id(frame, len, &id);
	struct test_item *found = NULL;
	for (size_t i = 0; i < t->item.len; i++) {
		struct test_item *item = &t->item.at[i];
		if (item->sent && item->after_change == o->after_change && !item->answered &&
		    (unreachable ? item->packet.id == id
				 : resets(frame + 14, len - 14, &item->packet)) &&
		    (!found || (item->verdict == IR_REJECT && found->verdict != IR_REJECT)))
			found = item;
	}
	return found;
}

static void answered(struct test_oracle *o, enum test_side at, const uint8_t *frame, size_t len)
{
	if (frame[0] & 1)
		return; // the router's own multicasts
	struct test_item *item = find_answered(o, frame, len);
	if (item) {
		item->answered = true;
		return;
	}
	struct buf hex;
	buf_init(&hex);
	for (size_t i = 14; i < len; i++)
		buf_printf(&hex, "%02x", frame[i]);
	fault(o, "answer", "an answer that belongs to no packet, at %s: %s",
	      at == SIDE_A ? "a" : "b", hex.data);
	buf_fini(&hex);
}

// A short packet's answer may hold all of it, and then ends as it ends.
static bool comes_from(const uint8_t *ip, size_t len, const struct test_packet *p)
{
	size_t from = p->version == 4 ? 12 : 8, width = p->version == 4 ? 4 : 16;
	return len >= from + width && number(ip + from, width) == p->src;
}

static void take(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct test_oracle *o = context;
	uint32_t id;
	if (!test_frame_id(frame, len, &id)) {
		answered(o, at, frame, len);
		return;
	}
	struct test_item *item = id && id <= o->test->item.len ? &o->test->item.at[id - 1] : NULL;
	if (item && item->packet.from_b == (at == SIDE_A) && !item->arrived &&
	    comes_from(frame + 14, len - 14, &item->packet))
		item->arrived = true;
	else
		answered(o, at, frame, len);
}

static void check_item(struct test_oracle *o, const struct test_item *item)
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

static void print_difference(const struct backend_difference *d, struct buf *out)
{
	buf_printf(out, "\n  %s %s/%s\n    intended %s\n    found    %s",
		   backend_change_name[d->change], d->policy ? d->policy : "-",
		   d->rule ? d->rule : "-", d->intended ? d->intended : "-",
		   d->found ? d->found : "-");
}

static void check_compare(struct test_oracle *o, const struct ir_ruleset *ruleset)
{
	struct arena arena;
	struct backend_differences d = {.arena = &arena};
	struct buf text;
	arena_init(&arena);
	buf_init(&text);
	int error = backend_nft_compare_changed(o->nft, ruleset, &d);
	if (!error && !d.list.len)
		error = backend_nft_compare(o->nft, ruleset, &d);
	for (size_t i = 0; i < d.list.len; i++)
		print_difference(&d.list.at[i], &text);
	if (error || d.list.len)
		fault(o, "compare", "compare: %d%s", error, text.data);
	buf_fini(&text);
	arena_fini(&arena);
}

// To the second ruleset (1) or back (0), for the number-th time.
static int change(struct test_oracle *o, unsigned to, unsigned number, struct diags *diags)
{
	const struct test_case *t = o->test;
	struct backend_edit edit[array_len(t->edit)];
	for (size_t i = 0; i < t->edits; i++) {
		const struct backend_edit e = t->edit[i];
		edit[i] = to ? e : (struct backend_edit){e.to, e.inserted, e.at, e.removed};
	}
	int done = backend_nft_change(o->nft, &t->ruleset[to], edit, t->edits, diags);
	if (done != BACKEND_DONE || !(t->settles >> number & 1))
		return done;
	done = backend_nft_settle(o->nft, &t->ruleset[to], diags);
	o->settled += done == BACKEND_DONE;
	return done == BACKEND_SETTLED ? BACKEND_DONE : done;
}

static int change_to_second(struct test_oracle *o, struct diags *diags)
{
	int done = change(o, 1, 0, diags);
	for (unsigned i = 0; i < 2 * o->test->detours && done == BACKEND_DONE; i++) {
		check_compare(o, &o->test->ruleset[!(i % 2)]);
		done = change(o, i % 2, i + 1, diags);
	}
	return done;
}

static int put_in_force(struct test_oracle *o, const struct ir_ruleset *ruleset, bool edited,
			struct diags *diags)
{
	size_t replaced = backend_nft_replaced(o->nft);
	int done = edited ? change_to_second(o, diags) : BACKEND_ANEW;
	o->edited = done == BACKEND_DONE;
	o->changed += o->edited && backend_nft_replaced(o->nft) == replaced;
	return done == BACKEND_ANEW ? backend_nft_apply(o->nft, ruleset, diags) : done;
}

static bool apply(struct test_oracle *o, const struct ir_ruleset *ruleset, bool edited)
{
	struct arena arena;
	struct diags diags;
	struct buf text;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&text);
	int error = put_in_force(o, ruleset, edited, &diags);
	for (size_t i = 0; i < diags.list.len; i++)
		diag_print(&diags.list.at[i], false, &text);
	if (error || diags.list.len)
		fault(o, "apply", "apply: %d\n%s", error, text.data);
	buf_fini(&text);
	arena_fini(&arena);
	return !error;
}

// What was read back says of every packet what the policy says.
static void check_read_back(struct test_oracle *o, struct arena *arena, bool after_change)
{
	struct backend_state state;
	struct buf text;
	int error = backend_nft_read_back(o->nft, arena, &state);
	buf_init(&text);
	for (size_t i = 0; i < state.strange.list.len; i++)
		print_difference(&state.strange.list.at[i], &text);
	if (error || state.strange.list.len || !state.deployed)
		fault(o, "read back", "read back: %d%s", error, text.data);
	buf_fini(&text);
	for (size_t i = 0; i < o->test->item.len && !error && state.deployed; i++) {
		const struct test_item *item = &o->test->item.at[i];
		struct ir_outcome outcome;
		if (!item->sent || item->after_change != after_change)
			continue;
		ir_eval(&state.ruleset, &item->dims, arena, &outcome);
		if (outcome.verdict != item->verdict)
			fault(o, "read back",
			      "packet %zu: the policy says %s, what was read back %s", i,
			      ir_verdict_name[item->verdict], ir_verdict_name[outcome.verdict]);
	}
}

// Rules that a change has left alone have counted before it, too.
static void add_counts_before(const struct test_case *t, struct arena *arena, uint64_t *counts,
			      uint64_t *by_default, uint64_t *no_flow)
{
	size_t n = t->ruleset[0].rule.len, at = 0, to = 0;
	uint64_t *before = arena_array(arena, uint64_t, n + 1), one, other;
	test_case_counts(t, 0, before, &one, &other);
	*by_default += one;
	*no_flow += other;
	for (size_t i = 0; i <= t->edits; i++) {
		size_t end = i < t->edits ? t->edit[i].at : n;
		for (; at < end; at++, to++)
			counts[to] += before[at];
		at = i < t->edits ? end + t->edit[i].removed : at;
		to = i < t->edits ? t->edit[i].to + t->edit[i].inserted : to;
	}
}

static void check_counters(struct test_oracle *o, struct arena *arena, unsigned which)
{
	struct backend_counters is;
	size_t n = o->test->ruleset[which].rule.len;
	uint64_t *meant = arena_array(arena, uint64_t, n + 1), by_default, no_flow;
	test_case_counts(o->test, which, meant, &by_default, &no_flow);
	if (o->edited)
		add_counts_before(o->test, arena, meant, &by_default, &no_flow);
	if (backend_nft_counters(o->nft, &o->test->ruleset[which], arena, &is))
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

// Rules that have counted where they stood first go on where they belong.
static void check_settled(struct test_oracle *o, struct arena *arena, unsigned which)
{
	const struct ir_ruleset *ruleset = &o->test->ruleset[which];
	struct diags diags;
	diags_init(&diags, arena);
	int done = backend_nft_settle(o->nft, ruleset, &diags);
	o->settled += done == BACKEND_DONE;
	if (done != BACKEND_DONE && done != BACKEND_SETTLED)
		fault(o, "settle", "settle: %d", done);
	if (done != BACKEND_DONE)
		return;
	check_compare(o, ruleset);
	check_read_back(o, arena, which);
	check_counters(o, arena, which);
}

#define TRIES 8 // where links lose frames

// What links lose is not misjudged.
static void send_phase(struct test_oracle *o, bool after_change)
{
	uint8_t frame[TEST_FRAME_MOST];
	o->after_change = after_change;
	for (size_t i = 0; i < o->test->item.len; i++) {
		const struct test_item *item = &o->test->item.at[i];
		if (!item->sent || item->after_change != after_change)
			continue;
		size_t len = test_packet_frame(&item->packet, frame);
		test_net_send(o->net, item->packet.from_b ? SIDE_B : SIDE_A, frame, len);
	}
	o->lost |= !test_net_try_collect(o->net, take, o);
}

// --- the router ---

void test_oracle_open(struct test_oracle *o)
{
	*o = (struct test_oracle){0};
	for (unsigned i = 0; i < 2; i++) {
		test_net_open(&o->nets[i]);
		if (backend_nft_open(NULL, &(struct diags){.arena = &(struct arena){0}},
				     &o->nfts[i]))
			exit(77);
	}
	test_net_track();
}

void test_oracle_close(struct test_oracle *o)
{
	for (unsigned i = 2; i-- > 0;) {
		backend_nft_close(o->nfts[i]);
		test_net_close(&o->nets[i]);
	}
}

void test_oracle_enter(struct test_oracle *o, bool tracked)
{
	o->net = &o->nets[tracked];
	o->nft = o->nfts[tracked];
	o->fault[0] = '\0';
	test_net_enter(o->net);
	if (tracked)
		test_net_forget(o->net);
}

bool test_oracle_deploy(struct test_oracle *o, const struct ir_ruleset *lowered, bool tracked)
{
	test_oracle_enter(o, tracked);
	return apply(o, lowered, false);
}

static void run(struct test_oracle *o, struct test_case *test)
{
	struct arena arena;
	arena_init(&arena);
	test_oracle_enter(o, test->tracked);
	test_case_judge(test, &arena, time(NULL));
	for (unsigned change = 0; change < 1u + test->changes && !o->fault[0]; change++) {
		o->nft->options.shape = test->shape[change];
		if (!apply(o, &test->ruleset[change], change && test->edits))
			break;
		check_compare(o, &test->ruleset[change]);
		check_read_back(o, &arena, change);
		send_phase(o, change);
		for (size_t i = 0; i < test->item.len; i++)
			if (test->item.at[i].sent && test->item.at[i].after_change == change)
				check_item(o, &test->item.at[i]);
		check_counters(o, &arena, change);
		if (o->edited)
			check_settled(o, &arena, change);
	}
	arena_fini(&arena);
}

static void run_packets(struct test_oracle *o, struct test_case *test)
{
	struct arena arena;
	arena_init(&arena);
	test_case_judge(test, &arena, time(NULL));
	send_phase(o, false);
	for (size_t i = 0; i < test->item.len; i++)
		if (test->item.at[i].sent && !test->item.at[i].after_change)
			check_item(o, &test->item.at[i]);
	arena_fini(&arena);
}

// Once more where frames were lost, whatever was found: it may be for want of them.
static bool run_until_whole(struct test_oracle *o, struct test_case *test,
			    void (*once)(struct test_oracle *o, struct test_case *test))
{
	o->test = test;
	for (unsigned i = 0; i < TRIES; i++) {
		if (i && test->tracked)
			test_net_forget(o->net);
		o->lost = false;
		o->fault[0] = '\0';
		once(o, test);
		if (!o->lost)
			return !o->fault[0];
	}
	o->fault[0] = '\0';
	fault(o, "lost", "%s", TEST_NET_LOST);
	return false;
}

bool test_oracle_run(struct test_oracle *o, struct test_case *test)
{
	return run_until_whole(o, test, run);
}

bool test_oracle_packets(struct test_oracle *o, struct test_case *test)
{
	return run_until_whole(o, test, run_packets);
}
