// SPDX-License-Identifier: Apache-2.0
// Rules as one readable line: "IPv4 tcp from 192.0.2.0/24 to 198.51.100.7 dport 443 -> pass". For
// people; nothing parses it.
#include "ir/ir.h"
#include "base/buf.h"

#define VALUES_SHOWN 8

// The number of low bits that vary when the range is a prefix, or -1.
static int prefix_bits(struct algebra_range r)
{
	u128 size = r.hi - r.lo;
	if ((size & (size + 1)) || (r.lo & size))
		return -1;
	int bits = 0;
	for (; size; size >>= 1)
		bits++;
	return bits;
}

static bool is_address(enum ir_dim dim)
{
	return dim == IR_SRC4 || dim == IR_DST4 || dim == IR_SRC6 || dim == IR_DST6;
}

static void print_interfaces(struct algebra_range r, struct buf *out)
{
	ir_value_print(IR_IN, r.lo, out);
	if (r.lo != r.hi)
		buf_addc(out, '*');
}

static void print_range(enum ir_dim dim, struct algebra_range r, struct buf *out)
{
	int bits = is_address(dim) ? prefix_bits(r) : -1;
	if (dim == IR_IN || dim == IR_OUT) {
		print_interfaces(r, out);
		return;
	}
	if ((dim == IR_ICMP4 || dim == IR_ICMP6) && r.lo % 256 == 0 && r.hi == r.lo + 255) {
		buf_printf(out, "%u", (unsigned)r.lo >> 8);
		return;
	}
	ir_value_print(dim, r.lo, out);
	if (r.lo == r.hi)
		return;
	if (bits > 0) {
		buf_printf(out, "/%d", (int)ir_dim_info[dim].bits - bits);
		return;
	}
	buf_addc(out, '-');
	if (r.hi < algebra_max(ir_dim_info[dim].bits) || dim != IR_TIME)
		ir_value_print(dim, r.hi, out);
}

static void print_ranges(enum ir_dim dim, const struct algebra_range *at, size_t len,
			 struct buf *out)
{
	if (len != 1)
		buf_addc(out, '{');
	for (size_t i = 0; i < len && i < VALUES_SHOWN; i++) {
		if (i)
			buf_adds(out, ", ");
		print_range(dim, at[i], out);
	}
	if (len > VALUES_SHOWN)
		buf_printf(out, ", ... %zu more", len - VALUES_SHOWN);
	if (len != 1)
		buf_addc(out, '}');
}

// A set with both ends of the dimension has fewer gaps than ranges: they say it shorter.
static void print_gaps(enum ir_dim dim, struct algebra_set set, struct buf *out)
{
	struct algebra_range gaps[VALUES_SHOWN];
	size_t len = set.len - 1;
	for (size_t i = 0; i < len; i++)
		gaps[i] = (struct algebra_range){set.at[i].hi + 1, set.at[i + 1].lo - 1};
	buf_adds(out, "not ");
	print_ranges(dim, gaps, len, out);
}

// Whether the TCP flags are those with exactly `value` of the flags in `mask`. `in`: in the set, or outside of it.
static bool flags_by_mask(struct algebra_set set, bool in, unsigned *value, unsigned *mask)
{
	unsigned all = 255, any = 0, n = 0;
	for (unsigned v = 0; v < 256; v++) {
		if (algebra_set_has(set, v) != in)
			continue;
		all &= v;
		any |= v;
		n++;
	}
	*value = all;
	*mask = 255u & ~(all ^ any);
	return n && n == 1u << (8 - __builtin_popcount(*mask));
}

static bool print_flags_by_mask(struct algebra_set set, struct buf *out)
{
	unsigned value, mask;
	bool in = flags_by_mask(set, true, &value, &mask);
	if (!in && !flags_by_mask(set, false, &value, &mask))
		return false;
	buf_adds(out, in ? "" : "not ");
	ir_value_print(IR_TCPFLAGS, value, out);
	if (mask != 255) {
		buf_addc(out, '/');
		ir_value_print(IR_TCPFLAGS, mask, out);
	}
	return true;
}

void ir_set_print(enum ir_dim dim, struct algebra_set set, struct buf *out)
{
	bool ends = set.len > 1 && set.len - 1 <= VALUES_SHOWN && !set.at[0].lo &&
		    set.at[set.len - 1].hi == algebra_max(ir_dim_info[dim].bits);
	if (dim == IR_TCPFLAGS && set.len && print_flags_by_mask(set, out))
		return;
	if (ends)
		print_gaps(dim, set, out);
	else
		print_ranges(dim, set.at, set.len, out);
}

static const char *word_before(enum ir_dim dim)
{
	switch ((int)dim) {
	case IR_FAMILY:
	case IR_PROTO:
		return "";
	case IR_SRC4:
	case IR_SRC6:
		return "from ";
	case IR_DST4:
	case IR_DST6:
		return "to ";
	case IR_ICMP4:
	case IR_ICMP6:
		return "icmp type ";
	case IR_WDAY:
	case IR_MDAY:
	case IR_MMDD:
		return "on ";
	case IR_TIME:
		return "at ";
	default:
		return NULL;
	}
}

// The clock shows 00:00 when the period begins: in UTC that is at -clock.
static void print_hours(const struct ir_clause *clause, struct algebra_set set, struct buf *out)
{
	if (!clause->clock || set.len != 1 || set.at[0].lo) {
		buf_adds(out, "daily ");
		ir_set_print(IR_HOUR, set, out);
		buf_adds(out, " UTC");
		return;
	}
	int64_t from = ((-(int64_t)clause->clock) % 86400 + 86400) % 86400;
	int64_t to = (from + (int64_t)set.at[0].hi + 1) % 86400;
	buf_adds(out, "daily ");
	ir_value_print(IR_HOUR, (u128)from, out);
	buf_addc(out, '-');
	ir_value_print(IR_HOUR, (u128)to, out);
	buf_adds(out, " UTC");
}

void ir_clause_print(const struct ir_clause *clause, struct buf *out)
{
	if (!clause->len)
		buf_adds(out, "any packet");
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		const char *word = word_before(dim);
		if (i)
			buf_addc(out, ' ');
		if (dim == IR_HOUR) {
			print_hours(clause, clause->cond[i].set, out);
			continue;
		}
		if (word)
			buf_adds(out, word);
		else
			buf_printf(out, "%s ", ir_dim_info[dim].key);
		ir_set_print(dim, clause->cond[i].set, out);
	}
}

static void print_rate(const struct ir_rate *rate, struct buf *out)
{
	if (rate->packets)
		buf_printf(out, " %llu packets/s", (unsigned long long)rate->packets);
	if (rate->flows)
		buf_printf(out, " %llu flows/s", (unsigned long long)rate->flows);
	if (rate->bytes_x100)
		buf_printf(out, " %llu.%02u bytes/s", (unsigned long long)(rate->bytes_x100 / 100),
			   (unsigned)(rate->bytes_x100 % 100));
}

static void print_opaques(const struct ir_rule *rule, struct buf *out)
{
	for (size_t i = 0; i < rule->opaques; i++) {
		const struct ir_opaque *o = &rule->opaque[i];
		buf_printf(out, " if %s%s", o->negated ? "not " : "", ir_opaque_info[o->kind].name);
		if (o->name)
			buf_printf(out, " %s", o->name);
		else if (o->len)
			buf_printf(out, " %s%s", o->value[0], o->len > 1 ? ", ..." : "");
	}
}

void ir_rule_print(const struct ir_rule *rule, struct buf *out)
{
	if (!rule->clauses)
		buf_adds(out, "no packet");
	for (size_t i = 0; i < rule->clauses && i < VALUES_SHOWN; i++) {
		if (i)
			buf_adds(out, " | ");
		ir_clause_print(&rule->clause[i], out);
	}
	if (rule->clauses > VALUES_SHOWN)
		buf_printf(out, " | ... %zu more", rule->clauses - VALUES_SHOWN);
	print_opaques(rule, out);
	if (ir_rule_has_rate_condition(rule)) {
		buf_adds(out, " beyond");
		print_rate(&rule->rate, out);
	}
	buf_printf(out, " -> %s", ir_verdict_name[rule->verdict]);
	if (rule->verdict == IR_RATE_LIMIT)
		print_rate(&rule->rate, out);
	if (rule->log != IR_LOG_NONE)
		buf_adds(out, rule->log == IR_LOG_RULE ? ", log" : ", log the session");
}
