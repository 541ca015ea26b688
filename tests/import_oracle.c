// SPDX-License-Identifier: Apache-2.0
// The kernel as the judge of what is said about imported rulesets: a ruleset is loaded in a router, saved by its own program
// and imported; so is an edited copy. What verify_compare says of the two is then tried: each witness packet goes through
// the router under one and under the other, and must fare as the difference says.
#include "import_rules.h"
#include "backend/nft/test_oracle.h"
#include "base/buf.h"
#include "base/diag.h"
#include "import/import.h"
#include "verify/verify.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef DUMPS
#error "DUMPS: where real rulesets are"
#endif
#define CASES 80
#define DIFFERENCES 60
// Witnesses in all, or the test has lost its point; most are of the dumps, if these are beside the source tree.
#define SENT_LEAST 10

struct oracle {
	struct test_net net;
	struct test_random random;
	struct arena arena; // of one case
	size_t differences, sent, not_sendable, unsure, equal;
	const char *dumps;
};

struct side {
	char *text;       // as it is loaded
	struct buf saved; // as its program prints it
	struct import_result imported;
	struct ir_ruleset rules;
};

struct witness {
	const struct verify_difference *difference;
	struct test_packet packet;
	bool arrived;
};
struct witnesses {
	VEC(struct witness) list;
};

__attribute__((noreturn)) static void broken(const char *what, const char *text)
{
	printf("%s\n%s\n", what, text);
	exit(1);
}

// --- loading and saving ---

static void save(const char *const argv[], struct buf *out)
{
	int pipes[2], status = 0;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		broken("pipe", "");
	pid_t child = fork();
	if (!child) {
		dup2(pipes[1], 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(pipes[1]);
	ssize_t n;
	do {
		n = read(pipes[0], buf_reserve(out, 65536), 65536);
		if (n > 0)
			buf_advance(out, (size_t)n);
	} while (n > 0);
	close(pipes[0]);
	if (child < 0 || waitpid(child, &status, 0) < 0 || status)
		broken(argv[0], "cannot save");
}

static void load(const struct import_kind *kind, const char *text)
{
	static const char *const flush[] = {"nft", "flush", "ruleset", NULL};
	if (test_run(NULL, flush) || test_run(text, kind->load))
		broken(kind->load[0], text);
}

static void import_side(struct oracle *o, const struct import_kind *kind, struct side *s)
{
	struct diags diags;
	diags_init(&diags, &o->arena);
	load(kind, s->text);
	buf_init(&s->saved);
	save(kind->save, &s->saved);
	struct import_input input = {.file = kind->name,
				     .data = s->saved.data,
				     .len = s->saved.len,
				     .format = import_recognise(s->saved.data, s->saved.len)};
	if (!import_read(&input, &o->arena, &diags, &s->imported))
		broken("cannot be imported", s->saved.data);
	const struct import_chain *forward = NULL;
	for (size_t i = 0; i < s->imported.chain.len; i++)
		if (s->imported.chain.at[i].hook && s->imported.chain.at[i].filters &&
		    !strcmp(s->imported.chain.at[i].hook, "forward"))
			forward = &s->imported.chain.at[i];
	if (!forward)
		broken("no chain that forwards", s->saved.data);
	s->rules = (struct ir_ruleset){.default_action = IR_NONE};
	for (size_t i = 0; i < forward->policy.rule.len; i++)
		vec_push(&o->arena, &s->rules.rule, forward->policy.rule.at[i]);
}

// --- witnesses as frames ---

static u128 name_value(const char *text)
{
	u128 v = 0;
	for (size_t i = 0, len = strlen(text); i < 16; i++)
		v = v << 8 | (i < len ? (uint8_t)text[i] : 0);
	return v;
}

static void narrow(struct oracle *o, struct ir_clause *clause, enum ir_dim dim, u128 lo, u128 hi)
{
	if (!ir_clause_narrow(clause, &o->arena, dim, algebra_set_one(&o->arena, lo, hi)))
		broken("no packet is left", ir_dim_info[dim].key);
}

static void narrow_out(struct oracle *o, struct ir_clause *clause, enum ir_dim dim, u128 lo,
		       u128 hi)
{
	struct algebra_set out = algebra_set_one(&o->arena, lo, hi);
	u128 max = algebra_max(ir_dim_info[dim].bits);
	if (!ir_clause_narrow(clause, &o->arena, dim, algebra_set_complement(&o->arena, out, max)))
		broken("no packet is left", ir_dim_info[dim].key);
}

// First packets that the router of test_net.h forwards from a to b.
static struct ir_clause forwarded(struct oracle *o, int family)
{
	struct ir_clause c = {0};
	narrow(o, &c, IR_FAMILY, (u128)family, (u128)family);
	enum ir_dim ends[] = {family == 4 ? IR_SRC4 : IR_SRC6, family == 4 ? IR_DST4 : IR_DST6};
	for (size_t i = 0; i < 2; i++) {
		if (family == 6) {
			u128 from = (u128)(i ? 0x3000 : 0x2000) << 112;
			narrow(o, &c, ends[i], from, from | algebra_max(124));
			continue;
		}
		narrow(o, &c, ends[i], 0x01000000 + i, 0xdfffffff - i);
		narrow_out(o, &c, ends[i], 0x7f000000, 0x7fffffff);
		narrow_out(o, &c, ends[i], 0x0a090100, 0x0a0901ff);
		narrow_out(o, &c, ends[i], 0xac090200, 0xac0902ff);
	}
	narrow(o, &c, IR_STATE, IR_STATE_NEW, IR_STATE_NEW);
	narrow(o, &c, IR_IN, name_value(test_interface[0]), name_value(test_interface[0]));
	narrow(o, &c, IR_OUT, name_value(test_interface[1]), name_value(test_interface[1]));
	return c;
}

// Whether connection tracking surely takes it for the first packet of a flow. It looks for a type in the other version's
// ICMP, too, but that is no ICMP.
static bool begins_flow(const struct test_packet *p)
{
	if (p->proto == 6)
		return (p->tcp_flags & 0x17) == 2;
	if (p->proto == (p->version == 4 ? 58 : 1))
		return false;
	if (p->proto == 1 || p->proto == 58)
		return p->type == (p->version == 4 ? 8 : 128) && !p->code;
	return p->proto == 17 || p->proto == 50 || p->proto == 99;
}

static u128 value_or(const struct ir_packet *packet, enum ir_dim dim, u128 otherwise)
{
	return packet->has >> dim & 1 ? packet->value[dim] : otherwise;
}

static struct test_packet frame_of(const struct ir_packet *w)
{
	bool four = w->value[IR_FAMILY] == 4;
	struct test_packet p = {.version = four ? 4 : 6, .ttl = 64};
	u128 icmp = value_or(w, four ? IR_ICMP4 : IR_ICMP6, four ? 8 << 8 : 128 << 8);
	p.src = w->value[four ? IR_SRC4 : IR_SRC6];
	p.dst = w->value[four ? IR_DST4 : IR_DST6];
	p.proto = (uint8_t)w->value[IR_PROTO];
	p.sport = (uint16_t)value_or(w, IR_SPORT, 40000);
	p.dport = (uint16_t)value_or(w, IR_DPORT, 80);
	p.type = (uint8_t)(icmp >> 8);
	p.code = (uint8_t)icmp;
	p.tcp_flags = (uint8_t)value_or(w, IR_TCPFLAGS, 2);
	p.dscp = (uint8_t)value_or(w, IR_DSCP, 0);
	p.ttl = (uint8_t)value_or(w, IR_TTL, 64);
	if (p.ttl < 2) // what no rule asks for is handed out as zero
		p.ttl = 64;
	memcpy(p.smac, test_mac_host[SIDE_A], 6);
	return p;
}

static bool asked_for(const struct ir_ruleset *r, enum ir_dim dim)
{
	for (size_t i = 0; i < r->rule.len; i++)
		for (size_t k = 0; k < r->rule.at[i].clauses; k++)
			if (ir_clause_set(&r->rule.at[i].clause[k], dim))
				return true;
	return false;
}

// Whether the frame is the packet in everything that a rule asks for.
static bool is_it(const struct test_packet *p, const struct ir_packet *w, const struct side s[2])
{
	struct ir_packet dims;
	test_packet_dims(p, &dims);
	for (unsigned d = 0; d < IR_TIME; d++) {
		if (d == IR_STATE || (!asked_for(&s[0].rules, d) && !asked_for(&s[1].rules, d)))
			continue;
		if ((dims.has >> d & 1) != (w->has >> d & 1) ||
		    ((dims.has >> d & 1) && dims.value[d] != w->value[d]))
			return false;
	}
	return true;
}

// Whether the verdict hangs on a condition that the kernel may see otherwise: what is not modelled, or a rate.
static bool is_sure(struct oracle *o, const struct ir_packet *w, const struct ir_ruleset *r,
		    enum ir_verdict verdict)
{
	struct ir_packet unknown = *w;
	struct ir_outcome outcome;
	unknown.opaque_holds = NULL;
	unknown.rate_exceeded = NULL;
	unknown.over_rate = false;
	ir_eval(r, &unknown, &o->arena, &outcome);
	return !outcome.depends && outcome.verdict == verdict;
}

static void take_witness(struct oracle *o, const struct side s[2],
			 const struct verify_difference *d, struct witnesses *out)
{
	struct witness w = {.difference = d, .packet = frame_of(d->packet)};
	w.packet.id = (uint32_t)out->list.len + 1;
	o->differences++;
	if (!is_sure(o, d->packet, &s[0].rules, d->verdict_a) ||
	    !is_sure(o, d->packet, &s[1].rules, d->verdict_b))
		o->unsure++;
	else if (!begins_flow(&w.packet) || !is_it(&w.packet, d->packet, s) ||
		 w.packet.src == w.packet.dst)
		o->not_sendable++;
	else
		vec_push(&o->arena, &out->list, w);
}

// --- sending ---

// The router's answer to a packet may go to b, too, and end as the packet does: it comes from the router.
static bool comes_from(const uint8_t *ip, size_t len, const struct test_packet *p)
{
	size_t from = p->version == 4 ? 12 : 8, width = p->version == 4 ? 4 : 16;
	u128 source = 0;
	for (size_t i = 0; i < width && len >= from + width; i++)
		source = source << 8 | ip[from + i];
	return source == p->src;
}

static void arrive(enum test_side at, const uint8_t *frame, size_t len, void *context)
{
	struct witnesses *w = context;
	uint32_t id;
	if (at == SIDE_B && test_frame_id(frame, len, &id) && id && id <= w->list.len &&
	    comes_from(frame + 14, len - 14, &w->list.at[id - 1].packet))
		w->list.at[id - 1].arrived = true;
}

static const char *text_of(struct oracle *o, const struct ir_packet *packet)
{
	struct buf text;
	buf_init(&text);
	ir_packet_print(packet, &text);
	const char *copy = arena_strdup(&o->arena, text.data);
	buf_fini(&text);
	return copy;
}

static void fail(struct oracle *o, const struct side s[2], const struct witness *w, bool second)
{
	const struct verify_difference *d = w->difference;
	const struct ir_rule *rule = second ? d->rule_b : d->rule_a;
	printf("under the %s ruleset the kernel %s\n  %s\nbut %s says %s\n--- first\n%s\n--- "
	       "second\n%s\n",
	       second ? "second" : "first", w->arrived ? "passes" : "does not pass",
	       text_of(o, d->packet), rule ? rule->name : "the default",
	       ir_verdict_name[second ? d->verdict_b : d->verdict_a], s[0].saved.data,
	       s[1].saved.data);
	exit(1);
}

static void send_all(struct oracle *o, const struct import_kind *kind, const struct side s[2],
		     struct witnesses *w, bool second)
{
	uint8_t frame[TEST_FRAME_MOST];
	load(kind, s[second].text);
	test_net_forget(&o->net);
	for (size_t i = 0; i < w->list.len; i++) {
		w->list.at[i].arrived = false;
		test_net_send(&o->net, SIDE_A, frame,
			      test_packet_frame(&w->list.at[i].packet, frame));
	}
	test_net_collect(&o->net, arrive, w);
	for (size_t i = 0; i < w->list.len; i++) {
		const struct verify_difference *d = w->list.at[i].difference;
		enum ir_verdict verdict = second ? d->verdict_b : d->verdict_a;
		bool passes = verdict == IR_PASS || verdict == IR_RATE_LIMIT || verdict == IR_NONE;
		if (w->list.at[i].arrived != passes)
			fail(o, s, &w->list.at[i], second);
	}
}

// --- a case ---

static void compare(struct oracle *o, const struct import_kind *kind, const struct side s[2],
		    int family)
{
	struct verify_options options = verify_options_default(time(NULL));
	struct ir_clause where = forwarded(o, family);
	struct verify_comparison is;
	struct witnesses w = {0};
	options.where = &where;
	verify_compare(&s[0].rules, &s[1].rules, &options, DIFFERENCES, &o->arena, &is);
	if (is.status != VERIFY_DONE)
		broken("the comparison was not done", s[0].saved.data);
	o->equal += is.equal;
	for (size_t i = 0; i < is.difference.len; i++)
		if (!is.difference.at[i].reply)
			take_witness(o, s, &is.difference.at[i], &w);
	if (!w.list.len)
		return;
	send_all(o, kind, s, &w, false);
	send_all(o, kind, s, &w, true);
	o->sent += w.list.len;
}

static void run_case(struct oracle *o, const struct import_kind *kind, char *first, char *second)
{
	struct side s[2] = {{.text = first}, {.text = second}};
	for (unsigned i = 0; i < 2; i++)
		import_side(o, kind, &s[i]);
	for (int family = 4; family <= 6; family += 2)
		if (kind->families & (family == 4 ? 1 : 2))
			compare(o, kind, s, family);
	for (unsigned i = 0; i < 2; i++)
		buf_fini(&s[i].saved);
}

static void random_case(struct oracle *o, const struct import_kind *kind)
{
	struct import_lines lines = {.arena = &o->arena}, edited = {.arena = &o->arena};
	import_rules_make(kind, &o->random, &lines);
	import_rules_edit(kind, &o->random, &lines, &edited);
	run_case(o, kind, import_rules_text(kind, &lines), import_rules_text(kind, &edited));
}

static void real_case(struct oracle *o, const char *file)
{
	struct import_lines lines = {.arena = &o->arena}, edited = {.arena = &o->arena};
	if (!import_rules_read(arena_printf(&o->arena, "%s/%s", DUMPS, file), &lines)) {
		printf("%s is not here: left out\n", file);
		return;
	}
	import_rules_edit(&import_kinds[0], &o->random, &lines, &edited);
	run_case(o, &import_kinds[0], import_rules_text(&import_kinds[0], &lines),
		 import_rules_text(&import_kinds[0], &edited));
}

// import_oracle [SEED [CASES]]
int main(int argc, char **argv)
{
	static const char *const real[] = {"shorewall.iptables-save", "veroneau.iptables-save"};
	struct oracle o = {.random = {.state = test_random_seed(argc > 1 ? argv[1] : NULL)}};
	size_t cases = argc > 2 ? strtoul(argv[2], NULL, 0) : CASES;
	test_net_open(&o.net);
	for (size_t i = 0; i < cases; i++) {
		arena_init(&o.arena);
		size_t which = i % (IMPORT_KINDS + 1);
		if (which < IMPORT_KINDS)
			random_case(&o, &import_kinds[which]);
		else
			real_case(&o, real[i / (IMPORT_KINDS + 1) % array_len(real)]);
		arena_fini(&o.arena);
	}
	test_net_close(&o.net);
	printf("%zu cases, %zu comparisons equal; %zu differences: %zu witnesses fared as was "
	       "said, %zu "
	       "hang on what is not modelled, %zu begin no flow\n",
	       cases, o.equal, o.differences, o.sent, o.unsure, o.not_sendable);
	return cases >= CASES && o.sent < SENT_LEAST;
}
