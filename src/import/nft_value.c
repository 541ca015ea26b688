// SPDX-License-Identifier: Apache-2.0
// Values of nftables as sets of numbers: words, addresses, names of interfaces, times, sets with all their elements. The
// elements of a named set are worked out once, whatever number of rules ask for them.
#include "import/nft_field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MOST 4096 // that a mask with holes may make

static const struct symbol {
	enum nft_type type;
	const char *word;
	unsigned number;
} symbols[] = {
#define X(type, word, number) {type, word, number},
#include "import/nft_symbol.def"
#undef X
};

static const struct {
	const char *word;
	unsigned number;
} protocols[] = {
#define X(word, number) {word, number},
#include "import/protocols.def"
#undef X
};

static bool find_protocol(const char *text, u128 *out)
{
	for (size_t i = 0; i < array_len(protocols); i++)
		if (!strcmp(protocols[i].word, text)) {
			*out = protocols[i].number;
			return true;
		}
	return false;
}

static bool find_symbol(const char *text, enum nft_type type, u128 *out)
{
	for (size_t i = 0; i < array_len(symbols); i++)
		if (symbols[i].type == type && !strcmp(symbols[i].word, text)) {
			*out = symbols[i].number;
			return true;
		}
	return false;
}

static bool read_number(const char *text, u128 *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	bool hex = text[0] == '0' && text[1] == 'x';
	unsigned long long v = strtoull(text, &end, hex ? 16 : 10);
	*out = v;
	return !errno && !*end;
}

static bool read_address(const char *text, int version, u128 *out)
{
	int family;
	return ir_address_parse(text, &family, out) && family == version;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

static bool read_mac(const char *text, u128 *out)
{
	u128 v = 0;
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);
		if (high < 0 || low < 0 || (i < 5 && text[2] != ':'))
			return false;
		v = v << 8 | (unsigned)(high * 16 + low);
	}
	*out = v;
	return true;
}

// Two digits, and what must stand behind them.
static bool two_digits(const char **text, char behind, unsigned *out)
{
	const char *t = *text;
	if (t[0] < '0' || t[0] > '9' || t[1] < '0' || t[1] > '9')
		return false;
	*out = (unsigned)((t[0] - '0') * 10 + t[1] - '0');
	if (behind && t[2] != behind)
		return false;
	*text = t + 2 + (behind != 0);
	return true;
}

// 08:00 or 08:00:30
static bool read_hour(const char *text, u128 *out)
{
	unsigned h, m, s = 0;
	if (!two_digits(&text, ':', &h) || !two_digits(&text, 0, &m))
		return false;
	if (*text == ':') {
		text++;
		if (!two_digits(&text, 0, &s))
			return false;
	}
	*out = h * 3600u + m * 60u + s;
	return !*text && h < 24 && m < 60 && s < 60;
}

// 2024-01-31 08:00:00
static bool read_time(const char *text, u128 *out)
{
	unsigned century, year, month, day;
	u128 second = 0;
	if (!two_digits(&text, 0, &century) || !two_digits(&text, '-', &year) ||
	    !two_digits(&text, '-', &month) || !two_digits(&text, 0, &day))
		return false;
	if (*text && (*text++ != ' ' || !read_hour(text, &second)))
		return false;
	year += century * 100;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*out = (u128)ir_days_from_civil(year, month, day) * 86400 + second;
	return true;
}

// "eth*" is all that begin so, "eth\*" the name with the star.
static bool read_name(const char *text, bool patterns, struct algebra_range *out)
{
	uint8_t low[16] = {0}, high[16] = {0};
	size_t len = 0;
	bool open = false;
	for (; *text && !open; text++) {
		open = *text == '*' && !text[1] && patterns;
		text += *text == '\\' && text[1];
		if (open)
			break;
		if (len == 15)
			return false;
		low[len] = high[len] = (uint8_t)*text;
		len++;
	}
	memset(high + len, open ? 0xff : 0, sizeof(high) - len);
	*out = (struct algebra_range){0, 0};
	for (size_t i = 0; i < 16; i++) {
		out->lo = out->lo << 8 | low[i];
		out->hi = out->hi << 8 | high[i];
	}
	return len || open;
}

static bool read_one(const char *text, enum nft_type type, u128 *out)
{
	switch (type) {
	case NFT_TYPE_IP4:
		return read_address(text, 4, out);
	case NFT_TYPE_IP6:
		return read_address(text, 6, out);
	case NFT_TYPE_MAC:
		return read_mac(text, out);
	case NFT_TYPE_HOUR:
		return read_hour(text, out) || read_number(text, out);
	case NFT_TYPE_TIME:
		return read_time(text, out);
	case NFT_TYPE_PROTO:
		return read_number(text, out) || find_protocol(text, out);
	case NFT_TYPE_NUMBER:
	case NFT_TYPE_PORT:
	case NFT_TYPE_ICMP:
	case NFT_TYPE_ICMP_CODE:
	case NFT_TYPE_ICMP6:
	case NFT_TYPE_ICMP6_CODE:
	case NFT_TYPE_TCP_FLAGS:
	case NFT_TYPE_STATE:
	case NFT_TYPE_DSCP:
	case NFT_TYPE_ECN:
	case NFT_TYPE_ETHERTYPE:
	case NFT_TYPE_NFPROTO:
	case NFT_TYPE_DAY:
	case NFT_TYPE_DCCP:
		return read_number(text, out) || find_symbol(text, type, out);
	case NFT_TYPE_NAME:
	case NFT_TYPE_INTERFACE:
		break;
	}
	return false;
}

bool nft_value_range(const char *text, enum nft_type type, struct algebra_range *out)
{
	u128 v;
	bool index = type == NFT_TYPE_INTERFACE && read_number(text, &v);
	if (type == NFT_TYPE_NAME || type == NFT_TYPE_INTERFACE)
		return !index && read_name(text, type == NFT_TYPE_NAME, out);
	if (!read_one(text, type, &v))
		return false;
	*out = (struct algebra_range){v, v};
	return true;
}

bool nft_number_of(const struct nft_expr *expr, const struct nft_field *field, u128 *out)
{
	struct algebra_range range;
	bool joins =
		expr->kind == NFT_LIST || (expr->kind == NFT_BINARY && !strcmp(expr->text, "|"));
	if (expr->kind == NFT_VALUE) {
		bool good = nft_value_range(expr->text, field->type, &range) &&
			    range.lo == range.hi && range.hi <= algebra_max(field->bits);
		*out = good ? range.lo : 0;
		return good;
	}
	u128 all = 0, one;
	for (size_t i = 0; joins && i < expr->len; i++) {
		if (!nft_number_of(expr->item[i], field, &one))
			return false;
		all |= one;
	}
	*out = all;
	return joins;
}

// --- sets ---

struct gather {
	struct nft_reader *reader;
	const struct nft_field *field;
	struct algebra_builder into;
};

static bool not_known(struct gather *g)
{
	g->reader->unknown = "values that are not known";
	return false;
}

static bool add_range(struct gather *g, u128 low, u128 high)
{
	if (high > algebra_max(g->field->bits) || low > high)
		return not_known(g);
	algebra_builder_add(&g->into, low, high);
	return true;
}

static bool add_value(struct gather *g, const struct nft_expr *expr)
{
	struct algebra_range range;
	return nft_value_range(expr->text, g->field->type, &range)
		       ? add_range(g, range.lo, range.hi)
		       : not_known(g);
}

static bool add_prefix(struct gather *g, const struct nft_expr *expr)
{
	u128 value, len;
	if (!nft_number_of(expr->item[0], g->field, &value) || !read_number(expr->text, &len) ||
	    len > g->field->bits)
		return not_known(g);
	u128 host = len == g->field->bits ? 0 : algebra_max(g->field->bits - (unsigned)len);
	return add_range(g, value & ~host, value | host);
}

static bool add_from_to(struct gather *g, const struct nft_expr *expr)
{
	u128 low, high;
	if (!nft_number_of(expr->item[0], g->field, &low) ||
	    !nft_number_of(expr->item[1], g->field, &high))
		return not_known(g);
	// A time of day past midnight, when the listing was made in another time zone.
	if (g->field->type == NFT_TYPE_HOUR && low > high)
		return add_range(g, low, 86399) && add_range(g, 0, high);
	return add_range(g, low, high);
}

static bool add_expr(struct gather *g, const struct nft_expr *expr);

static bool add_set(struct gather *g, const struct nft_expr *set)
{
	for (size_t i = 0; i < set->len; i++)
		if (!add_expr(g, set->item[i]))
			return false;
	return true;
}

// The elements of a named set, worked out when they are first asked for. NULL: they are not known.
static const struct nft_values *named_values(struct nft_reader *reader, const char *name,
					     const struct nft_field *field)
{
	struct nft_set *set = nft_set_find(reader, name);
	if (!set)
		return NULL;
	if (!set->values || set->values->type != field->type || set->values->bits != field->bits) {
		struct gather g = {
			.reader = reader, .field = field, .into = {.arena = reader->arena}};
		struct nft_values *values = arena_new(reader->arena, struct nft_values);
		values->type = field->type;
		values->bits = field->bits;
		values->known = add_set(&g, set->elements);
		values->set = algebra_builder_take(&g.into);
		set->values = values;
	}
	reader->unknown = set->values->known ? NULL : "values that are not known";
	return set->values->known ? set->values : NULL;
}

static bool add_expr(struct gather *g, const struct nft_expr *expr)
{
	u128 number;
	switch (expr->kind) {
	case NFT_VALUE:
		return add_value(g, expr);
	case NFT_PREFIX:
		return add_prefix(g, expr);
	case NFT_RANGE:
		return add_from_to(g, expr);
	case NFT_SET:
		return add_set(g, expr);
	case NFT_PAIR:
		return add_expr(g, expr->item[0]);
	case NFT_ANY:
		return add_range(g, 0, algebra_max(g->field->bits));
	case NFT_LIST:
	case NFT_BINARY:
		return nft_number_of(expr, g->field, &number) ? add_range(g, number, number)
							      : not_known(g);
	case NFT_REFERENCE: // sets are not elements of sets
	case NFT_FIELD:
	case NFT_CONCAT:
	case NFT_MAP:
	case NFT_DECISION:
		break;
	}
	return not_known(g);
}

bool nft_values_of(struct nft_reader *reader, const struct nft_expr *expr,
		   const struct nft_field *field, struct algebra_set *out)
{
	struct gather g = {.reader = reader, .field = field, .into = {.arena = reader->arena}};
	if (expr->kind == NFT_REFERENCE) {
		const struct nft_values *values = named_values(reader, expr->text, field);
		if (values)
			*out = values->set; // as it is, so that rules share it
		return values;
	}
	if (!add_expr(&g, expr))
		return false;
	*out = algebra_builder_take(&g.into);
	return true;
}

struct nft_set *nft_set_find(struct nft_reader *reader, const char *name)
{
	struct nft_set *set = map_get(&reader->table->sets, name);
	if (!set)
		reader->unknown = "sets that are not listed";
	else if (set->dynamic || map_get(&reader->table->updated, name))
		reader->unknown = "sets changed by packets";
	else
		return set;
	return NULL;
}

// --- masks ---

struct masking {
	struct algebra_builder into;
	unsigned low;       // the bits below this one are free
	unsigned free[128]; // the other free bits
	unsigned frees;
	size_t room;
};

static bool add_masked(struct masking *m, u128 value)
{
	if (m->frees >= 16 || m->room < (size_t)1 << m->frees)
		return false;
	m->room -= (size_t)1 << m->frees;
	for (unsigned k = 0; k < 1u << m->frees; k++) {
		u128 v = value;
		for (unsigned i = 0; i < m->frees; i++)
			v |= (u128)(k >> i & 1) << m->free[i];
		algebra_builder_add(&m->into, v, v | (m->low ? algebra_max(m->low) : 0));
	}
	return true;
}

bool nft_values_masked(struct arena *arena, unsigned bits, u128 mask, struct algebra_set of,
		       struct algebra_set *out)
{
	struct masking m = {.into = {.arena = arena}, .room = RANGES_MOST};
	while (m.low < bits && !(mask >> m.low & 1))
		m.low++;
	for (unsigned i = m.low; i < bits; i++)
		if (!(mask >> i & 1))
			m.free[m.frees++] = i;
	for (size_t i = 0; i < of.len; i++) {
		if (of.at[i].hi - of.at[i].lo > RANGES_MOST)
			return false;
		for (u128 v = of.at[i].lo; v <= of.at[i].hi; v++)
			if (!(v & ~mask) && !add_masked(&m, v))
				return false;
	}
	*out = algebra_builder_take(&m.into);
	return true;
}
