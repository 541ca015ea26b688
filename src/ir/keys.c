// SPDX-License-Identifier: Apache-2.0
// Keys and values as people type them. A value is read as a set, so that a packet's single value and a condition's prefix
// or range are one thing; who wants one value asks whether the set has one.
#include "ir/keys.h"
#include "base/buf.h"
#include "base/diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HINT_PAIRS                                            \
	"write key=value pairs with commas between, such as " \
	"src=192.0.2.1,dst=198.51.100.7,proto=tcp,dport=22"

// --- pairs and items ---

// The end of what stands in quotes at `at`: the closing quote, or the final NUL.
static char *quote_end(char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return at;
}

// The next of the characters `ends` that is not in quotes, or the final NUL. Quotes open where a value begins only.
static char *find_end(char *at, const char *ends)
{
	bool begins = false, key = true;
	for (; *at; at++) {
		if (begins && *at == '"') {
			at = quote_end(at);
			if (!*at)
				return at;
		} else if (strchr(ends, *at)) {
			return at;
		}
		begins = (key && *at == '=') || *at == '|';
		key &= *at != '=';
	}
	return at;
}

void ir_pair_cut(const struct ir_reader *reader, char **rest, struct ir_pair *out)
{
	char *at = *rest + strspn(*rest, " "), *end = find_end(at, ",");
	*rest = *end ? end + 1 : NULL;
	*end = '\0';
	*out = (struct ir_pair){.key = *at ? at : NULL};
	if (!*at)
		return;
	char *equals = strchr(at, '=');
	if (!equals) {
		diag_add(reader->diags, &(struct diag){.code = DIAG_SYNTAX, .hint = HINT_PAIRS},
			 "%s: '%s' has no '='", reader->what, at);
		return;
	}
	out->negated = equals > at && equals[-1] == '!';
	equals[out->negated ? -1 : 0] = '\0';
	out->value = equals + 1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Takes the escapes out of [at, end), in place; returns the length.
static size_t unescape(char *at, const char *end)
{
	char *to = at, *start = at;
	while (at < end) {
		if (*at == '\\' && end - at >= 4 && at[1] == 'x' && hex_digit(at[2]) >= 0 &&
		    hex_digit(at[3]) >= 0) {
			*to++ = (char)(hex_digit(at[2]) * 16 + hex_digit(at[3]));
			at += 4;
			continue;
		}
		if (*at == '\\' && end - at >= 2)
			at++;
		*to++ = *at++;
	}
	return (size_t)(to - start);
}

bool ir_item_cut(char **rest, bool whole, struct ir_item *out)
{
	char *at = *rest, *end;
	bool quoted = *at == '"';
	if (quoted) {
		end = quote_end(at++);
		if (!*end || (end[1] && (whole || end[1] != '|')))
			return false;
		*rest = end[1] ? end + 2 : NULL;
	} else {
		end = whole ? at + strlen(at) : at + strcspn(at, "|");
		*rest = *end ? end + 1 : NULL;
	}
	out->text = at;
	out->quoted = quoted;
	out->len = quoted ? unescape(at, end) : (size_t)(end - at);
	at[out->len] = '\0';
	return true;
}

// The bytes of the UTF-8 character at `text`; 0 when there is none.
static size_t character(const char *text, size_t len)
{
	unsigned char c = (unsigned char)*text;
	size_t size = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;
	if (size > len || (c >= 0x80 && c < 0xc2) || c > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

static bool is_plain(const char *text, size_t len)
{
	if (!len || text[0] == '"' || text[0] == ' ' || text[len - 1] == '*')
		return false;
	for (size_t i = 0, size; i < len; i += size) {
		size = character(text + i, len - i);
		if (!size || (unsigned char)text[i] < 0x20 || text[i] == 0x7f ||
		    strchr(",|", text[i]))
			return false;
	}
	return true;
}

void ir_item_print(const char *text, size_t len, struct buf *out)
{
	if (is_plain(text, len)) {
		buf_add(out, text, len);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];
		size_t size = character(text + i, len - i);
		if (!size || c < 0x20 || c == 0x7f) {
			buf_printf(out, "\\x%02x", c);
			i++;
			continue;
		}
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		buf_add(out, text + i, size);
		i += size;
	}
	buf_addc(out, '"');
}

bool ir_refuse_value(const struct ir_reader *reader, const char *key, const char *value,
		     const char *hint)
{
	diag_add(reader->diags, &(struct diag){.code = DIAG_VALUE, .hint = hint},
		 "%s: '%s' is not a value of '%s'", reader->what, value, key);
	return false;
}

// --- values ---

static u128 max_of(enum ir_dim dim)
{
	return algebra_max(ir_dim_info[dim].bits);
}

// Decimal, or hexadecimal behind 0x; up to the character `stop`, where *end_out then points.
static bool number(const char *text, uint64_t max, char stop, uint64_t *out, char **end_out)
{
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, end_out, hex ? 16 : 10);
	return !errno && (!**end_out || **end_out == stop) && *out <= max;
}

// "22" or "1024-65535"
static bool numbers(const char *text, uint64_t max, struct algebra_builder *out)
{
	uint64_t lo, hi;
	char *end;
	if (!number(text, max, '-', &lo, &end))
		return false;
	hi = lo;
	if (*end && !number(end + 1, max, '\0', &hi, &end))
		return false;
	if (hi < lo)
		return false;
	algebra_builder_add(out, lo, hi);
	return true;
}

static bool read_number(const struct ir_key *key, const struct ir_item *item,
			struct algebra_builder *out, enum ir_dim *dim_out)
{
	*dim_out = key->dim;
	return numbers(item->text, (uint64_t)max_of(key->dim), out);
}

static bool read_icmp(const struct ir_key *key, const struct ir_item *item,
		      struct algebra_builder *out, enum ir_dim *dim_out)
{
	*dim_out = key->dim;
	return numbers(item->text, 255, out);
}

// "a", "a/len" or "a-b"
static bool read_address(const struct ir_key *key, const struct ir_item *item,
			 struct algebra_builder *out, enum ir_dim *dim_out)
{
	char text[2 * 48];
	int family, family_to;
	u128 lo, hi, host = 0;
	uint64_t prefix;
	if (item->len >= sizeof(text))
		return false;
	memcpy(text, item->text, item->len + 1);
	char *mark = text + strcspn(text, "/-"), kind = *mark, *end;
	*mark = '\0';
	if (!ir_address_parse(text, &family, &lo))
		return false;
	*dim_out = family == 4 ? key->dim : key->dim6;
	unsigned bits = ir_dim_info[*dim_out].bits;
	hi = lo;
	if (kind == '-' && (!ir_address_parse(mark + 1, &family_to, &hi) || family_to != family))
		return false;
	if (kind == '/') {
		if (!number(mark + 1, bits, '\0', &prefix, &end))
			return false;
		host = prefix < bits ? algebra_max(bits - (unsigned)prefix) : 0;
	}
	if (hi < lo)
		return false;
	algebra_builder_add(out, lo & ~host, hi | host);
	return true;
}

static bool read_protocol(const struct ir_key *key, const struct ir_item *item,
			  struct algebra_builder *out, enum ir_dim *dim_out)
{
	uint8_t protocol;
	*dim_out = key->dim;
	if (!ir_protocol_parse(item->text, &protocol))
		return numbers(item->text, 255, out);
	algebra_builder_add(out, protocol, protocol);
	return true;
}

static bool read_mac(const struct ir_key *key, const struct ir_item *item,
		     struct algebra_builder *out, enum ir_dim *dim_out)
{
	u128 v = 0;
	*dim_out = key->dim;
	if (item->len != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		int digit = hex_digit(item->text[i]);
		if (i % 3 == 2 ? item->text[i] != ':' : digit < 0)
			return false;
		if (i % 3 != 2)
			v = v << 4 | (unsigned)digit;
	}
	algebra_builder_add(out, v, v);
	return true;
}

// "eth0", or "eth*": every name that begins so.
static bool read_interface(const struct ir_key *key, const struct ir_item *item,
			   struct algebra_builder *out, enum ir_dim *dim_out)
{
	size_t len = item->len;
	bool begins = len && item->text[len - 1] == '*' && !item->quoted;
	u128 lo = 0, hi = 0;
	*dim_out = key->dim;
	len -= begins;
	if (len > 16 || !item->len)
		return false;
	for (size_t i = 0; i < 16; i++) {
		lo = lo << 8 | (i < len ? (unsigned char)item->text[i] : 0);
		hi = hi << 8 | (i < len ? (unsigned char)item->text[i] : begins ? 255 : 0);
	}
	algebra_builder_add(out, lo, hi);
	return true;
}

// "syn+ack" or "none", up to the character `stop`.
static bool flags(const char *text, const char *stop, unsigned *out)
{
	static const char *const names[8] = {"fin", "syn", "rst", "psh",
					     "ack", "urg", "ece", "cwr"};
	*out = 0;
	if (stop - text == 4 && !strncasecmp(text, "none", 4))
		return true;
	do {
		size_t len = strcspn(text, "+|"), left = (size_t)(stop - text);
		int bit = -1;
		len = len < left ? len : left;
		for (int i = 0; i < 8; i++)
			if (len == 3 && !strncasecmp(text, names[i], 3))
				bit = i;
		if (bit < 0)
			return false;
		*out |= 1u << bit;
		text += len + 1;
	} while (text <= stop);
	return true;
}

// "syn": this flag and no other. "syn/syn+ack": of the flags behind the slash exactly those before it.
static bool read_flags(const struct ir_key *key, const struct ir_item *item,
		       struct algebra_builder *out, enum ir_dim *dim_out)
{
	const char *slash = strchr(item->text, '/'), *end = item->text + item->len;
	unsigned value, mask = 255;
	*dim_out = key->dim;
	if (!flags(item->text, slash ? slash : end, &value) ||
	    (slash && !flags(slash + 1, end, &mask)) || (value & ~mask))
		return false;
	for (unsigned all = 0; all < 256; all++)
		if ((all & mask) == value)
			algebra_builder_add(out, all, all);
	return true;
}

static bool read_state(const struct ir_key *key, const struct ir_item *item,
		       struct algebra_builder *out, enum ir_dim *dim_out)
{
	static const char *const names[] = {"new", "established", "related", "invalid",
					    "untracked"};
	*dim_out = key->dim;
	for (unsigned i = 0; i < array_len(names); i++)
		if (!strcasecmp(item->text, names[i])) {
			algebra_builder_add(out, i, i);
			return true;
		}
	return false;
}

static bool read_family(const struct ir_key *key, const struct ir_item *item,
			struct algebra_builder *out, enum ir_dim *dim_out)
{
	bool good = !strcmp(item->text, "4") || !strcmp(item->text, "6");
	*dim_out = key->dim;
	if (good)
		algebra_builder_add(out, (unsigned)(*item->text - '0'),
				    (unsigned)(*item->text - '0'));
	return good;
}

static const struct ir_key keys[] = {
	{"src", IR_SRC4, IR_SRC6, read_address, "give an IPv4 or IPv6 address"},
	{"dst", IR_DST4, IR_DST6, read_address, "give an IPv4 or IPv6 address"},
	{"proto", IR_PROTO, IR_DIMS, read_protocol,
	 "give tcp, udp, icmp, icmpv6, sctp, dccp, ... or a number 0..255"},
	{"icmp-type", IR_DIMS, IR_DIMS, read_icmp, "give a number 0..255"},
	{"icmp-code", IR_DIMS, IR_DIMS, read_icmp, "give a number 0..255"},
	{"tcp-flags", IR_TCPFLAGS, IR_DIMS, read_flags,
	 "give flags with + between, such as syn+ack, or none"},
	{"smac", IR_SMAC, IR_DIMS, read_mac, "give six bytes, such as 00:53:00:aa:bb:cc"},
	{"dmac", IR_DMAC, IR_DIMS, read_mac, "give six bytes, such as 00:53:00:aa:bb:cc"},
	{"in", IR_IN, IR_DIMS, read_interface, "give an interface name of 1 to 15 characters"},
	{"out", IR_OUT, IR_DIMS, read_interface, "give an interface name of 1 to 15 characters"},
	{"state", IR_STATE, IR_DIMS, read_state,
	 "give new, established, related, invalid or untracked"},
	{"family", IR_FAMILY, IR_DIMS, read_family, "give 4 or 6"},
};

bool ir_key_find(const char *name, struct ir_key *out)
{
	for (size_t i = 0; i < array_len(keys); i++)
		if (!strcmp(keys[i].name, name)) {
			*out = keys[i];
			return true;
		}
	for (unsigned i = IR_PROTO; i < IR_TIME; i++) {
		const struct ir_dim_info *info = &ir_dim_info[i];
		if (i == IR_ICMP4 || i == IR_ICMP6 || strcmp(info->key, name) != 0)
			continue;
		*out = (struct ir_key){info->key, (enum ir_dim)i, IR_DIMS, read_number, info->text};
		return true;
	}
	return false;
}

bool ir_key_read(const struct ir_key *key, const struct ir_item *item, struct arena *arena,
		 enum ir_dim *dim_out, struct algebra_set *out)
{
	struct algebra_builder builder = {.arena = arena};
	// Only the names of interfaces may hold a NUL.
	if (key->read != read_interface && strlen(item->text) != item->len)
		return false;
	if (!key->read(key, item, &builder, dim_out))
		return false;
	*out = algebra_builder_take(&builder);
	return true;
}

uint32_t ir_opaque_kinds(const char *key)
{
	uint32_t kinds = 0;
	for (unsigned i = 0; i < IR_OPAQUES; i++) {
		const char *name = ir_opaque_info[i].name, *last = strrchr(name, '/');
		if (!strcmp(key, name))
			return 1u << i;
		if (last && !strcmp(key, last + 1))
			kinds |= 1u << i;
	}
	return kinds;
}
