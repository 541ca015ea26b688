// SPDX-License-Identifier: Apache-2.0
// Values as iptables prints them: numbers, ranges, addresses with masks of any form, interfaces, names of protocols and ICMP
// types. Nothing is looked up: a host name is no value here.
#include "import/iptables.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MASK_HOLES_MOST 12 // zero bits left of one bits: 4096 ranges

bool import_ipt_number(const char *text, uint64_t most, uint64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	size_t len = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	if (!len || len > 16 || digits[len])
		return false;
	uint64_t value = strtoull(digits, NULL, hex ? 16 : 10);
	if (value > most)
		return false;
	*out = value;
	return true;
}

const char *import_ipt_item(const char **at, struct arena *arena)
{
	if (!*at)
		return NULL;
	size_t len = strcspn(*at, ",");
	const char *item = arena_strndup(arena, *at, len);
	*at = (*at)[len] ? *at + len + 1 : NULL;
	return item;
}

static bool range_end(const char *text, size_t len, uint64_t most, uint64_t *out)
{
	char copy[24];
	if (!len)
		return true;
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return import_ipt_number(copy, most, out);
}

bool import_ipt_range(const char *text, uint64_t most, struct algebra_range *out)
{
	const char *colon = strchr(text, ':');
	uint64_t lo = 0, hi = most;
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	if (!*text || !range_end(text, len, most, &lo))
		return false;
	if (colon && !range_end(colon + 1, strlen(colon + 1), most, &hi))
		return false;
	if (!colon)
		hi = lo;
	*out = (struct algebra_range){lo, hi};
	return lo <= hi;
}

bool import_ipt_numbers(const char *text, uint64_t most, struct arena *arena,
			struct algebra_set *out)
{
	struct algebra_builder set = {.arena = arena};
	const char *at = text, *item;
	while ((item = import_ipt_item(&at, arena))) {
		struct algebra_range range;
		if (!import_ipt_range(item, most, &range))
			return false;
		algebra_builder_add(&set, range.lo, range.hi);
	}
	*out = algebra_builder_take(&set);
	return true;
}

// --- addresses ---

static bool address(const char *text, bool v6, u128 *out)
{
	int family;
	return ir_address_parse(text, &family, out) && (family == 6) == v6;
}

static bool mask_of(const char *text, bool v6, u128 *out)
{
	unsigned bits = v6 ? 128 : 32;
	uint64_t prefix;
	if (!import_ipt_number(text, bits, &prefix))
		return address(text, v6, out);
	u128 all = algebra_max(bits);
	*out = prefix ? all ^ (prefix == bits ? 0 : all >> prefix) : 0;
	return true;
}

// All values that agree with `value` in the bits of the mask.
static bool add_masked(struct algebra_builder *set, unsigned bits, u128 value, u128 mask)
{
	u128 free_bits = algebra_max(bits) & ~mask;
	u128 tail = free_bits & ~(free_bits + 1); // its lowest ones
	u128 holes = free_bits & ~tail;
	unsigned count = 0;
	for (u128 h = holes; h; h &= h - 1)
		count++;
	if (count > MASK_HOLES_MOST)
		return false;
	u128 in_holes = 0;
	do { // each way to fill the holes, as a counter that skips all other bits
		u128 lo = (value & mask) | in_holes;
		algebra_builder_add(set, lo, lo | tail);
		in_holes = (in_holes - holes) & holes;
	} while (in_holes);
	return true;
}

static bool add_address(const char *text, bool v6, struct arena *arena, struct algebra_builder *set)
{
	const char *slash = strchr(text, '/');
	const char *host =
		arena_strndup(arena, text, slash ? (size_t)(slash - text) : strlen(text));
	u128 value, mask = algebra_max(v6 ? 128 : 32);
	if (!address(host, v6, &value) || (slash && !mask_of(slash + 1, v6, &mask)))
		return false;
	return add_masked(set, v6 ? 128 : 32, value, mask);
}

bool import_ipt_addresses(const char *text, bool v6, struct arena *arena, struct algebra_set *out)
{
	struct algebra_builder set = {.arena = arena};
	const char *at = text, *item;
	while ((item = import_ipt_item(&at, arena)))
		if (!add_address(item, v6, arena, &set))
			return false;
	*out = algebra_builder_take(&set);
	return true;
}

bool import_ipt_address_range(const char *text, bool v6, struct arena *arena,
			      struct algebra_set *out)
{
	const char *dash = strchr(text, '-');
	const char *first = arena_strndup(arena, text, dash ? (size_t)(dash - text) : strlen(text));
	u128 lo, hi;
	if (!address(first, v6, &lo) || !address(dash ? dash + 1 : first, v6, &hi) || lo > hi)
		return false;
	*out = algebra_set_one(arena, lo, hi);
	return true;
}

// --- the link ---

bool import_ipt_interface(const char *text, struct arena *arena, struct algebra_set *out)
{
	size_t len = strlen(text);
	bool open = len && text[len - 1] == '+';
	u128 lo = 0;
	len -= open;
	if (len > 15 || (!len && !open))
		return false;
	for (size_t i = 0; i < 16; i++)
		lo = lo << 8 | (i < len ? (unsigned char)text[i] : 0);
	u128 rest = len ? algebra_max((unsigned)(128 - 8 * len)) : algebra_max(128);
	*out = algebra_set_one(arena, lo, open ? lo | rest : lo);
	return true;
}

bool import_ipt_mac(const char *text, u128 *out)
{
	u128 value = 0;
	for (unsigned i = 0; i < 6; i++) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");
		if (digits < 1 || digits > 2 || text[digits] != (i < 5 ? ':' : '\0'))
			return false;
		value = value << 8 | strtoul(text, NULL, 16);
		text += digits + 1;
	}
	*out = value;
	return true;
}

// --- names ---

bool import_ipt_protocol(const char *text, uint8_t *out)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {
#define X(name, number) {name, number},
#include "import/protocols.def"
#undef X
	};
	uint64_t number = 0;
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcasecmp(text, names[i].name)) {
			*out = names[i].number;
			return true;
		}
	if (!import_ipt_number(text, 255, &number))
		return false;
	*out = (uint8_t)number;
	return true;
}

static bool icmp_number(const char *text, uint64_t *type, uint64_t *first, uint64_t *last)
{
	const char *slash = strchr(text, '/');
	*first = 0;
	*last = 255;
	if (!*text || slash == text ||
	    !range_end(text, slash ? (size_t)(slash - text) : strlen(text), 255, type))
		return false;
	if (!slash)
		return true;
	if (!import_ipt_number(slash + 1, 255, first))
		return false;
	*last = *first;
	return true;
}

bool import_ipt_icmp(const char *text, bool v6, struct arena *arena, struct algebra_set *out)
{
	static const struct {
		unsigned version;
		const char *name;
		uint8_t type, first, last;
	} names[] = {
#define X(version, name, type, first, last) {version, name, type, first, last},
#include "import/icmp.def"
#undef X
	};
	uint64_t type, first, last;
	*out = algebra_set_one(arena, 0, 65535);
	if (!v6 && !strcasecmp(text, "any"))
		return true;
	for (size_t i = 0; i < array_len(names); i++)
		if ((names[i].version == 6) == v6 && !strcasecmp(text, names[i].name)) {
			*out = algebra_set_one(arena, names[i].type * 256u + names[i].first,
					       names[i].type * 256u + names[i].last);
			return true;
		}
	if (!icmp_number(text, &type, &first, &last))
		return false;
	if (v6 || type != 255) // the kernel takes 255 for any type
		*out = algebra_set_one(arena, type * 256 + first, type * 256 + last);
	return true;
}
