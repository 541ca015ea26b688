// SPDX-License-Identifier: Apache-2.0
// An engine's answers against all packets of a case: nothing claimed that is not so, nothing missed.
#include "verify/test.h"
#include "base/buf.h"
#include "base/diag.h"

#include <string.h>
#include <sys/types.h>

#define LIST_ALL 100000

struct checking {
	const struct verify_test_engine *engine;
	const struct verify_test_case *test;
	struct verify_test_space space;
	struct verify_options options;
	struct arena arena;
	struct buf *fault;
	bool wrong, too_large;
	bool truths; // conditions beside the header
};

static void wrong(struct checking *c, const char *fmt, ...) printf_like(2, 3);
static void wrong(struct checking *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!c->wrong)
		buf_adds(c->fault, arena_vprintf(&c->arena, fmt, ap));
	va_end(ap);
	c->wrong = true;
}

static const char *packet_text(struct checking *c, const struct ir_packet *packet)
{
	struct buf text;
	buf_init(&text);
	ir_packet_print(packet, &text);
	const char *copy = arena_strdup(&c->arena, text.data);
	buf_fini(&text);
	return copy;
}

// --- packets that an engine hands out ---

// The rule itself, not a copy: rates are known by the address of their rule.
static struct ir_ruleset alone(const struct ir_rule *rule)
{
	return (struct ir_ruleset){.rule = {.at = (struct ir_rule *)rule, .len = 1, .cap = 1}};
}

static bool matches(struct checking *c, const struct ir_rule *rule, const struct ir_packet *packet)
{
	struct ir_ruleset one = alone(rule);
	struct ir_outcome outcome;
	ir_eval(&one, packet, &c->arena, &outcome);
	return outcome.rule || outcome.logged.len;
}

// As verify_test_fate, of rules that lie in different places.
static struct verify_test_fate fate_of(const struct ir_rule *const *rule, size_t n,
				       enum ir_verdict default_action,
				       const struct ir_packet *packet)
{
	bool flows = false;
	for (size_t i = 0; i < n; i++) {
		struct ir_ruleset one = alone(rule[i]);
		struct verify_test_fate fate = verify_test_fate(&one, packet);
		flows |= rule[i]->flow;
		if (fate.rule == 0) {
			fate.rule = i;
			return fate;
		}
	}
	bool dropped = flows && !packet->flow;
	return (struct verify_test_fate){.verdict = dropped ? IR_DROP : default_action,
					 .rule = SIZE_MAX};
}

static bool packet_is_fine(struct checking *c, const struct ir_packet *packet, const char *what)
{
	static const struct ir_rule reads_packet = {.verdict = IR_PASS};
	if (!packet) {
		wrong(c, "%s: no packet", what);
		return false;
	}
	const char *strange = verify_test_strange(c->test, packet);
	if (strange)
		wrong(c, "%s: the packet %s is %s", what, packet_text(c, packet), strange);
	else if (c->test->where && !ir_clause_matches(c->test->where, &reads_packet, packet))
		wrong(c, "%s: the packet %s was not asked about", what, packet_text(c, packet));
	return !c->wrong;
}

// What a person pastes is the same packet.
static void check_text(struct checking *c, const struct ir_packet *packet)
{
	struct diags diags;
	struct ir_packet again;
	diags_init(&diags, &c->arena);
	const char *text = packet_text(c, packet);
	if (c->truths)
		return;
	if (!ir_packet_parse(text, packet->time, &c->arena, &diags, &again)) {
		wrong(c, "the packet %s cannot be read back", text);
		return;
	}
	struct verify_test_fate is = verify_test_fate(&c->test->a, packet),
				back = verify_test_fate(&c->test->a, &again);
	if (is.rule != back.rule || is.verdict != back.verdict)
		wrong(c, "the packet %s fares otherwise when it is read back", text);
}

// --- findings ---

struct heard {
	struct checking *c;
	const struct verify_test_units *units;
	const struct verify_test_findings *true_ones;
	VEC(struct verify_finding) list, together;
};

static void check_finding(struct checking *c, const struct verify_test_units *u,
			  const struct verify_test_findings *true_ones,
			  const struct verify_finding *f);

// A finding and its packet are good for the call only.
static void hear(void *user, const struct verify_finding *finding)
{
	struct heard *h = user;
	if (finding->together)
		vec_push(&h->c->arena, &h->together, *finding);
	else if (h->together.len)
		wrong(h->c, "a finding comes behind those of the last round");
	else
		vec_push(&h->c->arena, &h->list, *finding);
	if (!finding->together)
		check_finding(h->c, h->units, h->true_ones, finding);
}

static const struct verify_test_finding *find(const struct verify_test_findings *in,
					      enum verify_kind kind, size_t rule)
{
	for (size_t i = 0; i < in->list.len; i++)
		if (in->list.at[i].kind == kind && in->list.at[i].rule == rule)
			return &in->list.at[i];
	return NULL;
}

// The classes of packets that a unit must be rid of before it can be called this.
static bool is_its_own(const struct verify_test_units *u, const struct verify_test_finding *f,
		       size_t class)
{
	size_t unit = u->of[f->rule], by = u->fate[class].rule;
	if (f->kind == VERIFY_REDUNDANT)
		return by != SIZE_MAX && u->of[by] == unit;
	return u->space->class.at[class].match & u->list.at[unit].bits;
}

// Causes that together match all of the unit's packets.
static bool causes_suffice(const struct verify_test_units *u, const struct verify_test_finding *f,
			   const struct verify_finding *told)
{
	uint64_t bits = 0;
	bool all = true;
	for (size_t i = 0; i < told->causes; i++)
		bits |= u->list.at[u->of[told->cause[i]]].bits;
	for (size_t i = 0; i < u->space->class.len && all; i++)
		all = !is_its_own(u, f, i) || u->space->class.at[i].match & bits;
	return all;
}

static void check_causes(struct checking *c, const struct verify_test_units *u,
			 const struct verify_test_finding *f, const struct verify_finding *told)
{
	size_t all = (size_t)__builtin_popcountll(f->causes),
	       shown = told->causes_all < VERIFY_CAUSES_MOST ? told->causes_all
							     : VERIFY_CAUSES_MOST;
	bool right = told->causes_all <= all && told->causes == shown,
	     otherwise = f->kind != VERIFY_CONFLICTING;
	for (size_t i = 0; i < told->causes && right; i++) {
		right = told->cause[i] < 64 && f->causes >> told->cause[i] & 1 &&
			(!i || told->cause[i] > told->cause[i - 1]);
		otherwise |=
			right && verify_test_otherwise(u, u->of[told->cause[i]], u->of[f->rule]);
	}
	if (f->kind > VERIFY_REDUNDANT)
		right &= told->causes_all == all;
	else if (right && told->causes == told->causes_all && !f->by_default)
		right = otherwise && causes_suffice(u, f, told);
	if (!right)
		wrong(c, "%s %zu: the causes are of 0x%llx, not %zu of %zu: %zu %zu ...",
		      verify_kind_name[f->kind], f->rule, (unsigned long long)f->causes,
		      told->causes, told->causes_all, told->cause[0], told->cause[1]);
}

// --- a finding's packet ---

static bool unit_matches(struct checking *c, const struct verify_test_units *u, size_t unit,
			 const struct ir_packet *packet)
{
	for (size_t i = u->list.at[unit].rule; i < u->list.at[unit].end; i++)
		if (matches(c, &c->test->a.rule.at[i], packet))
			return true;
	return false;
}

// Whether some packet that both units match is decided by the first.
static bool decides_shared(const struct verify_test_units *u, size_t unit, size_t other)
{
	for (size_t i = 0; i < u->space->class.len; i++)
		if (u->fate[i].rule != SIZE_MAX && u->of[u->fate[i].rule] == unit &&
		    u->space->class.at[i].match & u->list.at[other].bits)
			return true;
	return false;
}

static bool shows_conflict(const struct verify_test_units *u, const struct verify_finding *f,
			   size_t by)
{
	bool is_cause = false;
	for (size_t i = 0; i < f->causes; i++)
		is_cause |= by != SIZE_MAX && u->of[f->cause[i]] == u->of[by];
	return is_cause && verify_test_otherwise(u, u->of[by], u->of[f->rule]);
}

static void check_shown(struct checking *c, const struct verify_test_units *u,
			const struct verify_finding *f)
{
	const char *kind = verify_kind_name[f->kind];
	bool conflict = f->kind == VERIFY_CONFLICTING,
	     shows = conflict || f->kind > VERIFY_REDUNDANT;
	if (!shows && f->packet)
		wrong(c, "%s %zu has a packet", kind, f->rule);
	if (!shows || c->wrong || !packet_is_fine(c, f->packet, kind))
		return;
	size_t by = verify_test_fate(&c->test->a, f->packet).rule, unit = u->of[f->rule];
	bool good = unit_matches(c, u, unit, f->packet);
	if (conflict)
		good = good && shows_conflict(u, f, by);
	else
		good = good && unit_matches(c, u, u->of[f->cause[0]], f->packet) &&
		       (!decides_shared(u, unit, u->of[f->cause[0]]) ||
			(by != SIZE_MAX && u->of[by] == unit));
	if (!good)
		wrong(c, "%s %zu: the packet %s does not show it", kind, f->rule,
		      packet_text(c, f->packet));
}

static void check_finding(struct checking *c, const struct verify_test_units *u,
			  const struct verify_test_findings *true_ones,
			  const struct verify_finding *f)
{
	const struct verify_test_finding *is = find(true_ones, f->kind, f->rule);
	if (!is) {
		wrong(c, "rule %zu is not %s", f->rule, verify_kind_name[f->kind]);
		return;
	}
	check_causes(c, u, is, f);
	if (f->by_default != is->by_default)
		wrong(c, "redundant %zu: by_default is not %d", f->rule, f->by_default);
	check_shown(c, u, f);
}

static bool *units_together(struct checking *c, const struct verify_test_units *u,
			    const struct heard *h, const struct verify_test_findings *true_ones)
{
	bool *gone = arena_array(&c->arena, bool, u->list.len + 1);
	for (size_t i = 0; i < h->together.len; i++) {
		const struct verify_finding *f = &h->together.at[i];
		const struct verify_test_unit *unit = &u->list.at[u->of[f->rule]];
		// What cannot go alone may do so when others have gone: then it is redundant.
		bool right = unit->lives ? f->kind == VERIFY_REDUNDANT
					 : f->kind < VERIFY_REDUNDANT &&
						   find(true_ones, f->kind, f->rule);
		if (!right || unit->rule != f->rule || gone[u->of[f->rule]])
			wrong(c, "rule %zu goes with others, but as %s", f->rule,
			      verify_kind_name[f->kind]);
		if (i && f->rule < h->together.at[i - 1].rule)
			wrong(c, "what can go together is not in the order of the rules");
		gone[u->of[f->rule]] = true;
	}
	return gone;
}

static void check_together(struct checking *c, const struct verify_test_units *u,
			   const struct heard *h, const struct verify_test_findings *true_ones)
{
	bool *gone = units_together(c, u, h, true_ones);
	if (!verify_test_may_go(u, gone))
		wrong(c, "the rules that can go together change something");
	for (size_t i = 0; i < u->list.len && !c->wrong; i++) {
		if (gone[i] || u->list.at[i].only_logs)
			continue;
		gone[i] = true;
		if (verify_test_may_go(u, gone))
			wrong(c, "rule %zu could go with the others, too", u->list.at[i].rule);
		gone[i] = false;
	}
}

static void check_findings(struct checking *c)
{
	struct verify_test_findings true_ones;
	struct verify_test_units u;
	struct verify_summary summary = {0};
	struct heard h = {.c = c, .units = &u, .true_ones = &true_ones};
	size_t count[VERIFY_KINDS] = {0};
	const struct verify_test_case *both = c->test;
	struct verify_test_case alone = *both;
	alone.b.rule.len = 0; // the engine does not know what that asks for
	verify_test_look(&c->space, &u);
	verify_test_findings(&u, &true_ones);
	c->test = &alone;
	c->engine->findings(&c->test->a, &c->options, &c->arena, hear, &h, &summary);
	c->test = both;
	if (summary.status != VERIFY_DONE)
		wrong(c, "findings: not done, but %d", (int)summary.status);
	for (size_t i = 0; i < h.list.len; i++) {
		count[h.list.at[i].kind]++;
		if (i && h.list.at[i].rule < h.list.at[i - 1].rule)
			wrong(c, "findings are not in the order of the rules");
	}
	for (size_t i = 0; i < true_ones.list.len; i++) {
		bool told = false;
		for (size_t k = 0; k < h.list.len; k++)
			told |= h.list.at[k].kind == true_ones.list.at[i].kind &&
				h.list.at[k].rule == true_ones.list.at[i].rule;
		if (!told)
			wrong(c, "rule %zu is %s, which is not told", true_ones.list.at[i].rule,
			      verify_kind_name[true_ones.list.at[i].kind]);
	}
	if (h.list.len != true_ones.list.len)
		wrong(c, "%zu findings instead of %zu", h.list.len, true_ones.list.len);
	if (memcmp(count, summary.count, sizeof(count)) != 0 || summary.removable != h.together.len)
		wrong(c, "the summary does not count what was told");
	check_together(c, &u, &h, &true_ones);
}

// --- differences ---

// B's rules where they came from: of the ruleset itself, or of A and the edits.
struct second {
	const struct ir_rule **rule;
	size_t len;
};

static size_t index_of(const struct second *b, const struct ir_rule *rule)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->rule[i] == rule)
			return i;
	return SIZE_MAX;
}

static struct verify_test_pair pair_of(struct checking *c, const struct second *b,
				       const struct ir_packet *packet)
{
	struct verify_test_fate fa = verify_test_fate(&c->test->a, packet),
				fb = fate_of(b->rule, b->len, c->test->b.default_action, packet);
	return (struct verify_test_pair){fa.rule, fb.rule, fa.verdict, fb.verdict, packet};
}

static bool same_pair(const struct verify_test_pair *x, const struct verify_test_pair *y)
{
	return x->a == y->a && x->b == y->b && x->verdict_a == y->verdict_a &&
	       x->verdict_b == y->verdict_b;
}

static struct verify_test_pair claimed(struct checking *c, const struct second *b,
				       const struct verify_difference *d)
{
	return (struct verify_test_pair){d->rule_a ? (size_t)(d->rule_a - c->test->a.rule.at)
						   : SIZE_MAX,
					 d->rule_b ? index_of(b, d->rule_b) : SIZE_MAX,
					 d->verdict_a, d->verdict_b, d->packet};
}

// Every packet of the region, not only one of each kind that the rules tell apart.
static void check_region(struct checking *c, const struct verify_difference *d,
			 const struct verify_test_pair *pair)
{
	static const struct ir_rule reads_packet = {.verdict = IR_PASS};
	struct verify_test_space space;
	struct arena arena;
	if (!ir_clause_matches(&d->region, &reads_packet, d->packet))
		wrong(c, "the packet %s is not of its region", packet_text(c, d->packet));
	if (!d->exact)
		return;
	arena_init(&arena);
	bool there = verify_test_space(c->test, &d->region, &arena, &space);
	for (size_t i = 0; there && i < space.class.len; i++) {
		const struct ir_packet *packet = space.class.at[i].packet;
		struct verify_test_fate a = verify_test_fate(&c->test->a, packet),
					b = verify_test_fate(&c->test->b, packet);
		struct verify_test_pair is = {a.rule, b.rule, a.verdict, b.verdict, packet};
		if (packet->reply == d->reply && !same_pair(&is, pair))
			wrong(c, "the region is not exact: %s", packet_text(c, packet));
	}
	arena_fini(&arena);
}

static void check_difference(struct checking *c, const struct second *b,
			     const struct verify_difference *d)
{
	if (!packet_is_fine(c, d->packet, "difference"))
		return;
	struct verify_test_pair told = claimed(c, b, d), is = pair_of(c, b, d->packet);
	if (d->rule_b && told.b == SIZE_MAX)
		wrong(c, "a difference names a rule that is not of B");
	else if (!same_pair(&told, &is))
		wrong(c, "rules %zd and %zd do not decide %s, but %zd and %zd", (ssize_t)told.a,
		      (ssize_t)told.b, packet_text(c, d->packet), (ssize_t)is.a, (ssize_t)is.b);
	else if (d->reply != d->packet->reply)
		wrong(c, "the packet goes the other way than the difference says");
	if (c->wrong)
		return;
	check_region(c, d, &told);
	check_text(c, d->packet);
}

static void check_listed(struct checking *c, const struct second *b,
			 const struct verify_test_pairs *pairs, const struct verify_comparison *is)
{
	for (size_t i = 0; i < is->difference.len && !c->wrong; i++) {
		struct verify_test_pair told = claimed(c, b, &is->difference.at[i]);
		bool known = false;
		check_difference(c, b, &is->difference.at[i]);
		for (size_t k = 0; k < pairs->list.len; k++)
			known |= same_pair(&told, &pairs->list.at[k]);
		if (!known)
			wrong(c, "rules %zd and %zd do not differ", (ssize_t)told.a,
			      (ssize_t)told.b);
	}
}

static void check_missed(struct checking *c, const struct second *b,
			 const struct verify_test_pairs *pairs, const struct verify_comparison *is)
{
	for (size_t k = 0; k < pairs->list.len && !c->wrong; k++) {
		bool known = false;
		for (size_t i = 0; i < is->difference.len; i++) {
			struct verify_test_pair told = claimed(c, b, &is->difference.at[i]);
			known |= same_pair(&told, &pairs->list.at[k]);
		}
		if (!known)
			wrong(c, "missed: rules %zd and %zd differ for %s",
			      (ssize_t)pairs->list.at[k].a, (ssize_t)pairs->list.at[k].b,
			      packet_text(c, pairs->list.at[k].packet));
	}
}

// All packets that fare otherwise are in a region of their pair.
static void check_complete(struct checking *c, const struct second *b,
			   const struct verify_comparison *is)
{
	static const struct ir_rule reads_packet = {.verdict = IR_PASS};
	for (size_t i = 0; i < c->space.class.len && !c->wrong; i++) {
		const struct ir_packet *packet = c->space.class.at[i].packet;
		struct verify_test_pair pair = pair_of(c, b, packet);
		bool held = !(packet->has >> IR_FAMILY & 1) || // may not have been asked for
			    verify_test_same(verify_test_fate(&c->test->a, packet),
					     verify_test_fate(&c->test->b, packet));
		for (size_t k = 0; k < is->difference.len && !held; k++) {
			const struct verify_difference *d = &is->difference.at[k];
			struct verify_test_pair told = claimed(c, b, d);
			bool way = packet->reply == d->reply, // replies may fare as their flow
				any = !d->exact && !d->region.len;
			held = same_pair(&told, &pair) &&
			       (any || (packet->reply && !d->reply) ||
				(way && ir_clause_matches(&d->region, &reads_packet, packet)));
		}
		if (!held)
			wrong(c, "no region holds %s", packet_text(c, packet));
	}
}

static void check_comparison(struct checking *c, const char *what, const struct second *b,
			     const struct verify_test_pairs *pairs,
			     const struct verify_comparison *is)
{
	if (is->status != VERIFY_DONE)
		wrong(c, "%s: not done, but %d", what, (int)is->status);
	else if (is->equal != !pairs->list.len)
		wrong(c, "%s: says %s", what, is->equal ? "equal" : "different");
	else if (is->differences != pairs->list.len)
		wrong(c, "%s: %zu pairs differ instead of %zu", what, is->differences,
		      pairs->list.len);
	check_listed(c, b, pairs, is);
	check_missed(c, b, pairs, is);
	check_complete(c, b, is);
}

static void check_few(struct checking *c, const struct verify_comparison *all)
{
	struct verify_comparison few;
	c->engine->compare(&c->test->a, &c->test->b, &c->options, 1, &c->arena, &few);
	bool right = few.equal == all->equal && few.differences == all->differences &&
		     !few.difference.len == !all->difference.len;
	for (size_t i = 1; i < few.difference.len && right; i++) // regions of one pair
		right = few.difference.at[i].rule_a == few.difference.at[0].rule_a &&
			few.difference.at[i].rule_b == few.difference.at[0].rule_b;
	if (!right)
		wrong(c, "compare: another answer when one difference is wanted");
}

static void check_compare(struct checking *c)
{
	struct verify_test_pairs pairs;
	struct verify_comparison is;
	struct second b = {arena_array(&c->arena, const struct ir_rule *, c->test->b.rule.len + 1),
			   c->test->b.rule.len};
	for (size_t i = 0; i < b.len; i++)
		b.rule[i] = &c->test->b.rule.at[i];
	verify_test_pairs(&c->space, &pairs);
	if (c->test->rewritten && pairs.list.len)
		wrong(c, "the rewriting of the test is not equal");
	c->engine->compare(&c->test->a, &c->test->b, &c->options, LIST_ALL, &c->arena, &is);
	check_comparison(c, "compare", &b, &pairs, &is);
	check_few(c, &is);
	if (!c->test->edit.len || !c->engine->what_if || c->wrong)
		return;
	b.rule = c->test->b_source.at;
	c->engine->what_if(&c->test->a, &c->options, c->test->edit.at, c->test->edit.len, LIST_ALL,
			   &c->arena, &is);
	check_comparison(c, "what if", &b, &pairs, &is);
}

// --- the rest ---

static void check_units(struct checking *c)
{
	size_t *is, *unit, n = c->test->a.rule.len;
	c->engine->units(&c->test->a, &c->arena, &is);
	verify_test_units(&c->test->a, &c->arena, &unit);
	if (memcmp(is, unit, n * sizeof(*unit)) != 0)
		wrong(c, "units are others");
}

static void check_decides(struct checking *c)
{
	size_t n = c->space.class.len, *is = arena_array(&c->arena, size_t, n + 1);
	const struct ir_packet **packet = arena_array(&c->arena, const struct ir_packet *, n + 1);
	for (size_t i = 0; i < n; i++)
		packet[i] = c->space.class.at[i].packet;
	c->engine->decides(&c->test->a, &c->options, packet, n, is);
	for (size_t i = 0; i < n; i++)
		if (is[i] != verify_test_fate(&c->test->a, packet[i]).rule)
			wrong(c, "rule %zd does not decide %s", (ssize_t)is[i],
			      packet_text(c, packet[i]));
}

static void check_broken(struct checking *c, const struct verify_broken *b)
{
	if (!packet_is_fine(c, b->packet, "guarantee"))
		return;
	struct verify_test_fate is = verify_test_fate(&c->test->a, b->packet);
	bool must_pass = b->guarantee->verdict == IR_PASS;
	bool passes = is.verdict == IR_PASS || is.verdict == IR_RATE_LIMIT;
	size_t by = b->by ? (size_t)(b->by - c->test->a.rule.at) : SIZE_MAX;
	if (!matches(c, b->guarantee, b->packet) || passes == must_pass || is.rule != by ||
	    is.verdict != b->verdict)
		wrong(c, "%s does not break the guarantee as is said", packet_text(c, b->packet));
}

static void check_assert(struct checking *c)
{
	struct verify_assertion is;
	const struct verify_test_case *t = c->test;
	c->engine->assert(&t->a, t->guarantee.at, t->guarantee.len, &c->options, &c->arena, &is);
	if (is.status != VERIFY_DONE)
		wrong(c, "assert: not done, but %d", (int)is.status);
	for (size_t i = 0; i < is.broken.len; i++)
		check_broken(c, &is.broken.at[i]);
	for (size_t g = 0; g < t->guarantee.len; g++) {
		size_t told = 0;
		for (size_t i = 0; i < is.broken.len; i++)
			told += is.broken.at[i].guarantee == &t->guarantee.at[g];
		if (told != verify_test_broken(&c->space, g))
			wrong(c, "guarantee %zu is told to be broken %zu times", g, told);
	}
}

static bool has_truths(const struct ir_ruleset *r)
{
	for (size_t i = 0; i < r->rule.len; i++)
		if (r->rule.at[i].opaques || r->rule.at[i].rate.packets)
			return true;
	return false;
}

// Looks at what one question is about only: what the other ruleset asks for (fragments, EtherTypes) is none of its business.
static bool look_at(struct checking *c, const struct verify_test_case *about)
{
	c->test = about;
	c->truths = has_truths(&about->a) || has_truths(&about->b);
	bool there = verify_test_space(about, NULL, &c->arena, &c->space);
	c->too_large |= !there;
	return there && !c->wrong;
}

enum verify_test_result verify_test_check(const struct verify_test_engine *engine,
					  const struct verify_test_case *test, struct buf *fault)
{
	struct checking c = {.engine = engine, .fault = fault};
	struct verify_test_case one = *test, two = *test, promised = *test;
	one.b.rule.len = promised.b.rule.len = 0;
	one.guarantee.len = two.guarantee.len = 0;
	arena_init(&c.arena);
	c.options = (struct verify_options){.from = test->from,
					    .until = test->until,
					    .where = test->where,
					    .threads = 1 + (unsigned)test->a.rule.len % 3};
	if (look_at(&c, &one) && engine->units)
		check_units(&c);
	if (!c.too_large && !c.wrong && engine->findings)
		check_findings(&c);
	if (!c.too_large && !c.wrong && engine->decides)
		check_decides(&c);
	if (engine->compare && look_at(&c, &two))
		check_compare(&c);
	if (engine->assert && test->guarantee.len && look_at(&c, &promised))
		check_assert(&c);
	arena_fini(&c.arena);
	return c.wrong       ? VERIFY_TEST_WRONG
	       : c.too_large ? VERIFY_TEST_TOO_LARGE
			     : VERIFY_TEST_RIGHT;
}
