// SPDX-License-Identifier: Apache-2.0
// Rulesets as SMT-LIB 2. A dimension is a bit vector; a condition is a disjunction of ranges and what the dimension implies
// (a port: a protocol that has ports), said here anew from the protocols themselves.
#include "verify/test_z3.h"
#include "base/buf.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void put_value(struct buf *out, unsigned bits, u128 value)
{
	buf_adds(out, "#b");
	for (unsigned i = bits; i-- > 0;)
		buf_addc(out, value >> i & 1 ? '1' : '0');
}

static bool says_nothing_odd(const struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		if (ir_dim_info[dim].kind == IR_KIND_CLOCK || dim == IR_FRAGOFF ||
		    dim == IR_ETHERTYPE)
			return false;
	}
	return true;
}

bool test_z3_can(const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		bool rate = rule->rate.packets || rule->rate.flows || rule->rate.bytes_x100;
		if (rule->flow || rule->opaques || (rate && rule->verdict != IR_RATE_LIMIT))
			return false;
		for (size_t k = 0; k < rule->clauses; k++)
			if (!says_nothing_odd(&rule->clause[k]))
				return false;
	}
	return true;
}

void test_z3_begin(struct buf *script)
{
	buf_adds(script, "(set-logic QF_BV)\n");
	for (unsigned d = 0; d < IR_TIME; d++)
		buf_printf(script, "(declare-const d%u (_ BitVec %u))\n", d, ir_dim_info[d].bits);
	buf_printf(script, "(assert (or (= d%u #x04) (= d%u #x06)))\n", IR_FAMILY, IR_FAMILY);
	buf_printf(script, "(assert (bvule d%u #b100))\n", IR_STATE);
}

static void put_range(struct buf *out, enum ir_dim dim, struct algebra_range r)
{
	unsigned bits = ir_dim_info[dim].bits;
	if (r.lo == r.hi) {
		buf_printf(out, " (= d%u ", dim);
		put_value(out, bits, r.lo);
		buf_addc(out, ')');
		return;
	}
	buf_adds(out, " (and (bvule ");
	put_value(out, bits, r.lo);
	buf_printf(out, " d%u) (bvule d%u ", dim, dim);
	put_value(out, bits, r.hi);
	buf_adds(out, "))");
}

static void put_protocol(struct buf *out, unsigned family, const uint8_t *protocols)
{
	if (family)
		buf_printf(out, " (= d%u #x%02x)", IR_FAMILY, family);
	if (!protocols)
		return;
	buf_adds(out, " (or false");
	for (; *protocols; protocols++)
		buf_printf(out, " (= d%u #x%02x)", IR_PROTO, *protocols);
	buf_addc(out, ')');
}

static void put_implied(struct buf *out, enum ir_dim dim)
{
	static const uint8_t ports[] = {6, 17, 33, 132, 136, 0}, tcp[] = {6, 0}, icmp[] = {1, 0},
			     icmp6[] = {58, 0}, udp[] = {17, 136, 0}, sctp[] = {132, 0},
			     dccp[] = {33, 0};
	if (dim == IR_SRC4 || dim == IR_DST4 || (dim >= IR_IHL && dim <= IR_IPID))
		put_protocol(out, 4, NULL);
	else if (dim == IR_SRC6 || dim == IR_DST6 || dim == IR_FLOWLABEL)
		put_protocol(out, 6, NULL);
	else if (dim == IR_SPORT || dim == IR_DPORT)
		put_protocol(out, 0, ports);
	else if (dim == IR_ICMP4)
		put_protocol(out, 4, icmp);
	else if (dim == IR_ICMP6)
		put_protocol(out, 6, icmp6);
	else if (dim >= IR_TCPFLAGS && dim <= IR_TCPURGENT)
		put_protocol(out, 0, tcp);
	else if (dim == IR_UDPLEN)
		put_protocol(out, 0, udp);
	else if (dim == IR_SCTPCHUNK)
		put_protocol(out, 0, sctp);
	else if (dim >= IR_DCCPTYPE && dim <= IR_DCCPSERVICE)
		put_protocol(out, 0, dccp);
}

static void put_clause(struct buf *out, const struct ir_clause *clause)
{
	buf_adds(out, " (and true");
	for (size_t i = 0; i < clause->len; i++) {
		const struct ir_cond *cond = &clause->cond[i];
		buf_adds(out, " (or false");
		for (size_t k = 0; k < cond->set.len; k++)
			put_range(out, cond->dim, cond->set.at[k]);
		buf_addc(out, ')');
		put_implied(out, cond->dim);
	}
	buf_addc(out, ')');
}

// Verdicts and limits as one number.
static uint64_t treatment(const struct ir_rule *rule)
{
	uint64_t rate =
		rule->verdict == IR_RATE_LIMIT
			? rule->rate.packets * 131 + rule->rate.flows * 31 + rule->rate.bytes_x100
			: 0;
	return rate << 8 | (uint64_t)rule->verdict;
}

// A constant of its own for every step: z3 looks into definitions that stand in each other again and again.
static void name_step(struct buf *out, const char *name, char step, size_t i)
{
	const char *type = step == 'v' ? "(_ BitVec 64)" : "Bool";
	buf_printf(out, "(declare-const %s.%c.%zu %s)(assert (= %s.%c.%zu ", name, step, i, type,
		   name, step, i);
}

void test_z3_ruleset(const struct ir_ruleset *ruleset, const char *name, struct buf *out)
{
	size_t n = ruleset->rule.len;
	name_step(out, name, 'b', 0);
	buf_adds(out, "false))\n");
	name_step(out, name, 'v', n);
	buf_printf(out, "(_ bv%u 64)))\n", (unsigned)ruleset->default_action);
	for (size_t i = 0; i < n; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		name_step(out, name, 'm', i);
		buf_adds(out, "(or false");
		for (size_t k = 0; k < rule->clauses; k++)
			put_clause(out, &rule->clause[k]);
		buf_adds(out, ")))\n");
		name_step(out, name, 'b', i + 1);
		buf_printf(out, "(or %s.b.%zu (and %s %s.m.%zu))))\n", name, i,
			   rule->verdict == IR_NONE ? "false" : "true", name, i);
	}
	for (size_t i = n; i-- > 0;) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		name_step(out, name, 'v', i);
		buf_printf(out, "(ite (and %s %s.m.%zu) (_ bv%llu 64) %s.v.%zu)))\n",
			   rule->verdict == IR_NONE ? "false" : "true", name, i,
			   (unsigned long long)treatment(rule), name, i + 1);
	}
}

// --- the program ---

static int script_file(const struct buf *script)
{
	int fd = memfd_create("script", 0);
	for (size_t done = 0; fd >= 0 && done < script->len;) {
		ssize_t n = write(fd, script->data + done, script->len - done);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool only_known_words(const char *text)
{
	static const char *const words[] = {"sat\n", "unsat\n", "unknown\n", "timeout\n"};
	while (*text) {
		size_t len = 0;
		for (size_t i = 0; i < array_len(words); i++)
			if (!strncmp(text, words[i], strlen(words[i])))
				len = strlen(words[i]);
		if (!len)
			return false;
		text += len;
	}
	return true;
}

static void read_all(int fd, struct buf *out)
{
	ssize_t n;
	do {
		n = read(fd, buf_reserve(out, 4096), 4096);
		if (n > 0)
			buf_advance(out, (size_t)n);
	} while (n > 0);
}

bool test_z3_ask(const struct buf *script, unsigned seconds, struct buf *out)
{
	char limit[32];
	snprintf(limit, sizeof(limit), "-T:%u", seconds);
	char *argv[] = {"z3", "-in", "-smt2", limit, NULL};
	posix_spawn_file_actions_t actions;
	int in = script_file(script), answer[2], status = -1;
	pid_t child;
	if (in < 0 || pipe2(answer, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, answer[1], 1);
	int error = posix_spawnp(&child, "z3", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(in);
	close(answer[1]);
	if (!error) {
		read_all(answer[0], out);
		waitpid(child, &status, 0);
	}
	close(answer[0]);
	return !error && only_known_words(out->data);
}

int test_z3_equal(const struct ir_ruleset *a, const struct ir_ruleset *b, unsigned seconds)
{
	struct buf script, answer;
	buf_init(&script);
	buf_init(&answer);
	test_z3_begin(&script);
	test_z3_ruleset(a, "a", &script);
	test_z3_ruleset(b, "b", &script);
	buf_adds(&script, "(assert (not (= a.v.0 b.v.0)))\n(check-sat)\n");
	bool good = test_z3_ask(&script, seconds, &answer);
	int equal = !good                               ? -1
		    : !strncmp(answer.data, "unsat", 5) ? 1
		    : !strncmp(answer.data, "sat", 3)   ? 0
							: -1;
	buf_fini(&answer);
	buf_fini(&script);
	return equal;
}

static void put_life(const struct ir_ruleset *ruleset, size_t i, struct buf *script)
{
	buf_printf(script, "(push)(assert (and a.m.%zu (not a.b.%zu)))(check-sat)", i, i);
	buf_printf(script, "(assert (not (= a.v.%zu (_ bv%llu 64))))(check-sat)(pop)\n", i + 1,
		   (unsigned long long)treatment(&ruleset->rule.at[i]));
}

bool test_z3_lives(const struct ir_ruleset *ruleset, const size_t *rule, size_t rules,
		   unsigned seconds, struct test_z3_life *out)
{
	struct buf script, answer;
	buf_init(&script);
	buf_init(&answer);
	test_z3_begin(&script);
	test_z3_ruleset(ruleset, "a", &script);
	for (size_t i = 0; i < rules; i++)
		put_life(ruleset, rule[i], &script);
	bool good = test_z3_ask(&script, seconds, &answer);
	const char *at = answer.data;
	for (size_t i = 0; i < 2 * rules && good; i++) {
		bool sat = !strncmp(at, "sat\n", 4), unsat = !strncmp(at, "unsat\n", 6);
		good = sat || unsat;
		if (i % 2)
			out[i / 2].redundant = out[i / 2].lives && unsat;
		else
			out[i / 2].lives = sat;
		at += sat ? 4 : 6;
	}
	buf_fini(&answer);
	buf_fini(&script);
	return good;
}
