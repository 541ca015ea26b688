// SPDX-License-Identifier: Apache-2.0
// Writing nft(8)'s language. Numbers rather than names, so that no name table decides the meaning, and
// raw payload where nft's words mean something else (`tcp flags` tests bits) or would have nft test the
// version once more, which the way to the rule has done. nft infers the type of a flow's ports from
// `ct l3proto` and `ct protocol`, so both stand before them.
#include "backend/nft/text.h"
#include "backend/nft/area.h"
#include "base/buf.h"
#include "ir/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000000ull
#define SHOWN_MOST 800 // bytes of a rule in a message

static void put_ip4(u128 value, struct buf *out)
{
	struct in_addr address = {.s_addr = htonl((uint32_t)value)};
	char text[INET_ADDRSTRLEN];
	buf_adds(out, inet_ntop(AF_INET, &address, text, sizeof(text)));
}

static void put_ip6(u128 value, struct buf *out)
{
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];
	for (size_t i = 16; i-- > 0; value >>= 8)
		address.s6_addr[i] = (uint8_t)value;
	buf_adds(out, inet_ntop(AF_INET6, &address, text, sizeof(text)));
}

static void put_mac(u128 value, struct buf *out)
{
	for (int i = 5; i >= 0; i--)
		buf_printf(out, "%02x%s", (unsigned)(value >> (8 * i)) & 0xff, i ? ":" : "");
}

static void put_number(u128 value, struct buf *out)
{
	if (value >> 64)
		buf_printf(out, "0x%" PRIx64 "%016" PRIx64, (uint64_t)(value >> 64),
			   (uint64_t)value);
	else
		buf_printf(out, "%" PRIu64, (uint64_t)value);
}

// Up to the first zero byte; false when something else follows.
static bool put_name(u128 value, const char *end, struct buf *out)
{
	char name[17] = "";
	for (size_t i = 16; i-- > 0; value >>= 8)
		name[i] = (char)value;
	size_t len = strlen(name);
	bool good = len > 0 && len < 16;
	for (size_t i = 0; i < 16; i++) {
		if (i >= len && name[i])
			good = false;
		if (i < len && (name[i] < '!' || name[i] > '~' || strchr("\"\\*$", name[i])))
			good = false;
	}
	buf_printf(out, "\"%s%s\"", name, end);
	return good;
}

static bool put_value(enum nft_text_kind kind, u128 value, struct buf *out)
{
	switch (kind) {
	case TEXT_IP4:
		put_ip4(value, out);
		return true;
	case TEXT_IP6:
		put_ip6(value, out);
		return true;
	case TEXT_MAC:
		put_mac(value, out);
		return true;
	case TEXT_NAME:
		return put_name(value, "", out);
	case TEXT_VERSION:
		buf_adds(out, value == NFT_VERSION_4 ? "ipv4" : "ipv6");
		return value == NFT_VERSION_4 || value == NFT_VERSION_6;
	case TEXT_DIRECTION:
		buf_adds(out, value ? "reply" : "original");
		return true;
	case TEXT_NUMBER:
	case TEXT_STATE:
	case TEXT_KNOWN:
	case TEXT_TIME:
		break;
	}
	put_number(value, out);
	return true;
}

// All names that begin alike: "eth*".
static bool put_names(struct algebra_range r, struct buf *out)
{
	unsigned bits = 0;
	while (bits < 120 && !(r.lo >> bits & 0xff) && (r.hi >> bits & 0xff) == 0xff)
		bits += 8;
	bool good = bits && (r.lo >> bits) == (r.hi >> bits);
	return put_name(r.lo, "*", out) && good;
}

static bool put_range(enum nft_text_kind kind, struct algebra_range r, struct buf *out)
{
	if (r.lo == r.hi)
		return put_value(kind, r.lo, out);
	if (kind == TEXT_NAME)
		return put_names(r, out);
	bool good = put_value(kind, r.lo, out);
	buf_addc(out, '-');
	return put_value(kind, r.hi, out) && good;
}

bool nft_text_range(enum nft_field field, struct algebra_range range, struct buf *out)
{
	return put_range(nft_field_info[field].kind, range, out);
}

// How a field is said in a rule.
struct words {
	char text[32];
	enum nft_text_kind kind;
	bool raw; // by the place of its bits
};

static bool only(const struct nft_form *form, enum nft_field field, u128 value)
{
	const struct algebra_set *set = nft_form_set(form, field);
	return set && set->len == 1 && set->at[0].lo == value && set->at[0].hi == value;
}

// Whether nft adds a test of its own to its word for the field.
static bool adds_test(const struct nft_form *form, enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	if (info->place.source != SOURCE_PAYLOAD)
		return false;
	if (info->place.key == NFT_PAYLOAD_LL_HEADER)
		return !only(form, F_LINK, NFT_LINK_ETHERNET);
	return info->place.key == NFT_PAYLOAD_NETWORK_HEADER &&
	       !only(form, F_VERSION, info->version == 4 ? NFT_VERSION_4 : NFT_VERSION_6);
}

// For readers (not `exact`) nft's word is better.
static struct words words_of(const struct nft_form *form, enum nft_field field, bool exact)
{
	static const char *const base[] = {
		[NFT_PAYLOAD_LL_HEADER] = "ll", [NFT_PAYLOAD_NETWORK_HEADER] = "nh"};
	const struct nft_field_info *info = &nft_field_info[field];
	struct words w = {.kind = info->kind, .raw = exact && adds_test(form, field)};
	unsigned at = (info->place.offset + info->bytes) * 8u - info->shift - info->bits;
	if (w.raw) {
		w.kind = TEXT_NUMBER;
		(void)snprintf(w.text, sizeof(w.text), "@%s,%u,%u", base[info->place.key], at,
			       info->bits);
	} else {
		(void)snprintf(w.text, sizeof(w.text), "%s", info->text);
	}
	return w;
}

static bool put_set(const struct nft_match *match, enum nft_text_kind kind, struct buf *out)
{
	struct algebra_set set = match->set;
	bool braces =
		     set.len != 1 || (match->field == F_FLOW_PROTO && set.at[0].lo != set.at[0].hi),
	     good = set.len > 0;
	buf_adds(out, braces ? "{ " : "");
	for (size_t i = 0; i < set.len; i++) {
		buf_adds(out, i ? ", " : "");
		good &= put_range(kind, set.at[i], out);
		if (kind == TEXT_NAME && set.len > 1 && set.at[i].lo != set.at[i].hi)
			good = false; // no patterns in sets
	}
	buf_adds(out, braces ? " }" : "");
	return good;
}

// The single gap of a set that has one, else false: "!= 7" says more than two ranges.
static bool gap(const struct nft_match *match, struct algebra_range *out)
{
	struct algebra_set set = match->set;
	u128 max = algebra_max(nft_field_info[match->field].bits);
	if (set.len != 2 || set.at[0].lo || set.at[1].hi != max)
		return false;
	*out = (struct algebra_range){set.at[0].hi + 1, set.at[1].lo - 1};
	return true;
}

static void put_states(struct algebra_set set, struct buf *out)
{
	static const char *const names[NFT_STATES] = {"new", "established", "related", "invalid",
						      "untracked"};
	const char *comma = "";
	for (unsigned s = 0; s < NFT_STATES; s++)
		if (algebra_set_has(set, s)) {
			buf_printf(out, "%s%s", comma, names[s]);
			comma = ",";
		}
}

// nft multiplies seconds to nanoseconds, so the end is said as the first second behind it.
static bool put_time(struct algebra_set set, struct buf *out)
{
	if (set.len != 1) {
		buf_printf(out, "meta time in %zu ranges", set.len);
		return false;
	}
	struct algebra_range r = set.at[0];
	buf_printf(out, "meta time >= %" PRIu64, (uint64_t)(r.lo / SECOND));
	if (r.hi != UINT64_MAX)
		buf_printf(out, " meta time < %" PRIu64, (uint64_t)(r.hi / SECOND) + 1);
	return true;
}

static bool put_match(const struct nft_match *match, const struct words *w, struct buf *out)
{
	struct algebra_set set = match->set;
	struct algebra_range hole;
	if (w->kind == TEXT_TIME)
		return put_time(set, out);
	if (match->field == F_HEADER && algebra_set_has(set, NFT_NO_HEADER)) {
		buf_adds(out, "no transport header");
		return false;
	}
	if (w->kind == TEXT_KNOWN) {
		buf_adds(out,
			 algebra_set_has(set, 1) ? "ct status confirmed" : "ct status ! confirmed");
		return set.len == 1 && set.at[0].lo == set.at[0].hi;
	}
	buf_printf(out, "%s ", w->text);
	if (w->kind == TEXT_STATE) {
		put_states(set, out);
		return set.len > 0;
	}
	if (set.len == 1 && !set.at[0].lo &&
	    set.at[0].hi == algebra_max(nft_field_info[match->field].bits)) {
		buf_adds(out, ">= 0");
		return w->kind == TEXT_NUMBER;
	}
	if (gap(match, &hole)) {
		buf_adds(out, "!= ");
		return put_range(w->kind, hole, out) &&
		       (w->kind != TEXT_NAME || hole.lo == hole.hi);
	}
	return put_set(match, w->kind, out);
}

static bool of_ports(enum nft_field field)
{
	return field >= F_FLOW_SPORT && field <= F_FLOW_ICMP6;
}

static bool has_ports(const struct nft_form *form, enum nft_field *out)
{
	for (size_t i = 0; i < form->len; i++)
		if (of_ports(form->match[i].field)) {
			*out = form->match[i].field;
			return true;
		}
	for (size_t f = 0; form->act == ACT_BOXES && f < form->boxes.fields; f++)
		if (of_ports(form->boxes.field[f])) {
			*out = form->boxes.field[f];
			return true;
		}
	*out = form->map.field;
	return form->act == ACT_BRANCH && of_ports(*out);
}

static bool reads(const struct nft_form *form, enum nft_field field)
{
	for (size_t f = 0; form->act == ACT_BOXES && f < form->boxes.fields; f++)
		if (form->boxes.field[f] == field)
			return true;
	return nft_form_set(form, field) != NULL;
}

static void put_version_hint(const struct nft_form *form, unsigned version, struct buf *out)
{
	bool v4 = reads(form, F_FLOW_SRC4) || reads(form, F_FLOW_DST4) || version == 4,
	     v6 = reads(form, F_FLOW_SRC6) || reads(form, F_FLOW_DST6) || version == 6;
	buf_adds(out, v4   ? "ct l3proto ipv4 "
		      : v6 ? "ct l3proto ipv6 "
			   : "ct l3proto { ipv4, ipv6 } ");
}

// What nft needs to know before it takes a flow's port, in this order: what the rule does not test itself, where it would.
// Before its match i.
static void put_hints(const struct nft_form *form, size_t i, struct buf *out)
{
	unsigned from = i ? form->match[i - 1].field + 1u : 0,
		 to = i < form->len ? form->match[i].field : NFT_FIELDS;
	enum nft_field field;
	if (!has_ports(form, &field))
		return;
	const struct nft_field_info *info = &nft_field_info[field];
	if (from <= F_FLOW_VERSION && F_FLOW_VERSION < to)
		put_version_hint(form, info->version, out);
	if (from > F_FLOW_PROTO || F_FLOW_PROTO >= to)
		return;
	struct nft_match protocols = {F_FLOW_PROTO, nft_protocols_set(info->protocols)};
	buf_adds(out, "ct protocol ");
	(void)put_set(&protocols, TEXT_NUMBER, out);
	buf_addc(out, ' ');
}

static bool put_limit(const struct nft_limit *limit, struct buf *out)
{
	const char *what = limit->bytes ? " bytes" : "";
	buf_printf(out, "limit rate over %" PRIu64 "%s/", limit->rate, what);
	if (limit->unit == 1)
		buf_adds(out, "second");
	else
		buf_printf(out, "%" PRIu64 " seconds", limit->unit);
	buf_printf(out, " burst %" PRIu32 " %s", limit->burst, limit->bytes ? "bytes" : "packets");
	return limit->unit == 1;
}

static void put_fields(const struct nft_form *form, bool exact, struct buf *out)
{
	for (size_t f = 0; f < form->boxes.fields; f++)
		buf_printf(out, "%s%s", f ? " . " : "",
			   words_of(form, form->boxes.field[f], exact).text);
}

static bool is_masked(const struct nft_map *map)
{
	unsigned block = nft_map_block(map);
	return block && block != NFT_MAP_RANGES;
}

static void put_found(const struct nft_form *form, const char *prefix, const char *name,
		      struct buf *out)
{
	if (nft_form_gate(form))
		buf_printf(out, " @%s%s goto %s%s", prefix, name, prefix, form->chain);
	else
		buf_printf(out, " vmap @%s%s", prefix, name);
}

static void put_branch(const struct nft_form *form, const char *prefix, bool exact, struct buf *out)
{
	const struct nft_map *map = &form->map;
	struct words w = words_of(form, map->field, exact);
	buf_adds(out, w.text);
	if (is_masked(map)) {
		u128 max = algebra_max(nft_field_info[map->field].bits);
		buf_adds(out, " & ");
		(void)put_value(w.kind, max & ~algebra_max(nft_map_block(map)), out);
	}
	put_found(form, prefix, map->name, out);
}

static void put_act(const struct nft_form *form, const char *prefix, bool exact, struct buf *out)
{
	static const char *const words[] = {
		[ACT_CONTINUE] = "",
		[ACT_ACCEPT] = "accept",
		[ACT_DROP] = "drop",
		[ACT_RETURN] = "return",
		[ACT_JUMP] = "jump ",
		[ACT_GOTO] = "goto ",
		[ACT_RESET] = "reject with tcp reset",
		[ACT_UNREACHABLE] = "reject with icmpx port-unreachable",
		[ACT_BRANCH] = "",
		[ACT_BOXES] = "",
	};
	buf_adds(out, words[form->act]);
	if (form->act == ACT_JUMP || form->act == ACT_GOTO)
		buf_printf(out, "%s%s", prefix, form->chain ? form->chain : "");
	if (form->act == ACT_BOXES && !form->boxes.reg) {
		put_fields(form, exact, out);
		put_found(form, prefix, form->boxes.name, out);
	}
	if (form->act == ACT_BRANCH && !form->map.name)
		buf_adds(out, "vmap");
	else if (form->act == ACT_BRANCH && form->map.field < NFT_FIELDS)
		put_branch(form, prefix, exact, out);
}

// Between the parts of a rule that begins at `from`.
static struct buf *next(struct buf *out, size_t from)
{
	if (out->len > from && out->data[out->len - 1] != ' ')
		buf_addc(out, ' ');
	return out;
}

static bool put_rule(const struct nft_form *form, const char *prefix, bool exact, struct buf *out)
{
	bool good = !form->strange;
	size_t from = out->len;
	for (size_t i = 0; i < form->len; i++) {
		struct words w = words_of(form, form->match[i].field, exact);
		put_hints(form, i, next(out, from));
		good &= put_match(&form->match[i], &w, out);
	}
	put_hints(form, form->len, next(out, from));
	if (form->named_set && !form->refresh_ms)
		buf_printf(next(out, from), "@%s", form->named_set);
	else if (form->named_set)
		buf_printf(next(out, from),
			   "ct protocol @%s update @%s { ct protocol timeout %" PRIu64 "ms }",
			   form->named_set, form->named_set, form->refresh_ms);
	if (form->limited)
		good &= put_limit(&form->limit, next(out, from));
	if (nft_form_counts(form))
		buf_adds(next(out, from), "counter");
	if (form->log.prefix)
		buf_printf(next(out, from), "log prefix \"%s\"", form->log.prefix);
	if (form->log.prefix && form->log.to_group)
		buf_printf(out, " group %u", form->log.group);
	if (form->act != ACT_CONTINUE)
		put_act(form, prefix, exact, next(out, from));
	return good;
}

bool nft_text_rule(const struct nft_form *form, const char *prefix, struct buf *out)
{
	return put_rule(form, prefix, true, out);
}

// --- maps ---

// NULL: nft has no name for it.
static const char *type_name(uint8_t type)
{
	static const struct {
		uint8_t type;
		const char *text;
	} names[] = {{2, "nf_proto"},   {12, "inet_proto"},   {7, "ipv4_addr"},
		     {8, "ipv6_addr"},  {13, "inet_service"}, {41, "ifname"},
		     {9, "ether_addr"}, {10, "ether_type"}};
	for (size_t i = 0; i < array_len(names); i++)
		if (names[i].type == type)
			return names[i].text;
	return NULL;
}

static bool put_key_type(const struct nft_form *form, struct buf *out)
{
	const struct nft_field_info *info = &nft_field_info[form->map.field];
	struct words w = words_of(form, form->map.field, true);
	const char *type = w.raw ? NULL : type_name(info->type);
	buf_printf(out, "\t\t%s %s%s\n", type ? "type" : "typeof", type ? type : w.text,
		   nft_form_gate(form) ? "" : " : verdict");
	// nft shifts values in the middle of a byte, where we compare them in their place.
	return !info->shift && info->kind != TEXT_TIME;
}

// Fields that nft has no name for, or would only take with a test of its own, are not said.
static bool put_boxes(const struct nft_form *form, const char *prefix, struct buf *out)
{
	const struct nft_boxes *boxes = &form->boxes;
	bool good = true;
	bool gate = nft_form_gate(form);
	buf_printf(out, "\t%s %s%s {\n\t\ttype ", gate ? "set" : "map", prefix, boxes->name);
	for (size_t f = 0; f < boxes->fields; f++) {
		const char *type = type_name(nft_field_info[boxes->field[f]].type);
		good &= type && !words_of(form, boxes->field[f], true).raw;
		buf_printf(out, "%s%s", f ? " . " : "", type ? type : "integer");
	}
	buf_printf(out, "%s\n\t\tflags interval\n", gate ? "" : " : verdict");
	for (size_t i = 0; i < boxes->len; i++) {
		buf_adds(out, i ? ",\n\t\t\t     " : "\t\telements = { ");
		for (size_t f = 0; f < boxes->fields; f++) {
			buf_adds(out, f ? " . " : "");
			good &= put_range(nft_field_info[boxes->field[f]].kind,
					  boxes->box[i].range[f], out);
		}
		if (!gate)
			buf_printf(out, " : goto %s%s", prefix, boxes->box[i].chain);
	}
	buf_adds(out, boxes->len ? " }\n\t}\n" : "\t}\n");
	return good;
}

bool nft_text_map(const struct nft_form *form, const char *prefix, struct buf *out)
{
	const struct nft_map *map = &form->map;
	if (form->act == ACT_BOXES)
		return put_boxes(form, prefix, out);
	enum nft_text_kind kind = words_of(form, map->field, true).kind;
	bool gate = nft_form_gate(form);
	buf_printf(out, "\t%s %s%s {\n", gate ? "set" : "map", prefix, map->name);
	bool good = put_key_type(form, out);
	bool ranges = nft_map_block(map) == NFT_MAP_RANGES;
	if (ranges)
		buf_adds(out, "\t\tflags interval\n");
	for (size_t i = 0; i < map->len; i++) {
		struct algebra_range r = map->branch[i].range;
		buf_adds(out, i ? ",\n\t\t\t     " : "\t\telements = { ");
		good &= ranges ? put_range(kind, r, out) : put_value(kind, r.lo, out);
		if (!gate)
			buf_printf(out, " : goto %s%s", prefix, map->branch[i].chain);
	}
	buf_adds(out, map->len ? " }\n\t}\n" : "\t}\n");
	return good;
}

// --- for messages ---

static void show(const struct nft_program *program, const struct nft_form *form, unsigned depth,
		 struct buf *out)
{
	bool complete = put_rule(form, "", false, out);
	if (form->strange)
		buf_printf(out, " (%s)", form->strange);
	else if (!complete)
		buf_adds(out, " (not in nft's words)");
	const struct nft_chain *chain = form->chain ? nft_program_find(program, form->chain) : NULL;
	if (!chain || depth > 3 || !strcmp(form->chain, NFT_REJECT_CHAIN))
		return;
	buf_adds(out, " { ");
	for (size_t i = 0; i < chain->rule.len && out->len < SHOWN_MOST; i++) {
		buf_adds(out, i ? "; " : "");
		show(program, &chain->rule.at[i], depth + 1, out);
	}
	buf_adds(out, " }");
}

char *nft_text_shown(const struct nft_program *program, const struct nft_form *form,
		     struct arena *arena)
{
	struct buf buf;
	buf_init(&buf);
	show(program, form, 0, &buf);
	if (buf.len > SHOWN_MOST) {
		buf.len = SHOWN_MOST;
		buf.data[buf.len] = '\0';
		buf_adds(&buf, " ...");
	}
	char *text = arena_strndup(arena, buf.data, buf.len);
	buf_fini(&buf);
	return text;
}

char *nft_text_packet(const struct ir_packet *packet, struct arena *arena)
{
	struct buf buf;
	buf_init(&buf);
	ir_packet_print(packet, &buf);
	char *text = arena_strndup(arena, buf.data ? buf.data : "", buf.len);
	buf_fini(&buf);
	return text;
}
