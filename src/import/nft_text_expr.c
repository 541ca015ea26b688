// SPDX-License-Identifier: Apache-2.0
// Expressions of `nft list ruleset`. nft writes a comparison without a mark between its two sides, and the words of the
// right side can be keywords of the left ("ip protocol tcp tcp dport 22"), so the two sides are parsed differently. The name
// of a field is kept as one text; what it means is nft_field.c's business, so a field that nobody knows is still a field.
#include "import/nft_text.h"
#include "base/buf.h"

#include <string.h>

// --- fields ---

struct words {
	struct nft_parser *p;
	struct buf text;
};

static bool word_take(struct words *w)
{
	struct nft_parser *p = w->p;
	if (p->now.kind != NFT_T_WORD && p->now.kind != NFT_T_STRING)
		return nft_fail(p, NULL, "the name of a field is not complete");
	buf_printf(&w->text, "%s%s", w->text.len ? " " : "", p->now.text);
	nft_advance(p);
	return true;
}

static bool word_take_if(struct words *w, const char *const *texts, size_t n)
{
	return !nft_is_any(w->p, texts, n) || word_take(w);
}
#define WORD_TAKE_IF(w, ...)                                  \
	word_take_if((w), (const char *const[]){__VA_ARGS__}, \
		     array_len(((const char *const[]){__VA_ARGS__})))

// "mod 2 offset 3": a keyword and its number, if it is there.
static bool word_take_pair(struct words *w, const char *keyword)
{
	return !nft_is(w->p, keyword) || (word_take(w) && word_take(w));
}

static bool field_option(struct words *w)
{
	return word_take(w) && word_take(w) &&
	       WORD_TAKE_IF(w, "kind", "length", "size", "count", "left", "right", "tsval", "tsecr",
			    "type", "value", "ptr", "addr");
}

static bool field_chunk(struct words *w)
{
	return word_take(w) && word_take(w) &&
	       WORD_TAKE_IF(w, "type", "flags", "length", "tsn", "stream", "ssn", "ppid",
			    "init-tag", "a-rwnd", "num-outbound-streams", "num-inbound-streams",
			    "initial-tsn", "cum-tsn-ack", "num-gap-ack-blocks", "num-dup-tsns",
			    "lowest-tsn", "seqno", "new-cum-tsn");
}

static bool field_header(struct words *w)
{
	if (nft_is(w->p, "option"))
		return field_option(w);
	if (nft_is(w->p, "chunk"))
		return field_chunk(w);
	return word_take(w);
}

static bool field_arp(struct words *w)
{
	bool address = nft_is_one_of(w->p, "saddr", "daddr");
	return word_take(w) && (!address || word_take(w));
}

static bool field_ct(struct words *w)
{
	if (!WORD_TAKE_IF(w, "original", "reply"))
		return false;
	bool address = nft_is_one_of(w->p, "ip", "ip6");
	return word_take(w) && (!address || word_take(w));
}

static bool field_fib(struct words *w)
{
	while (word_take(w)) {
		if (!nft_take(w->p, "."))
			return word_take(w);
		buf_adds(&w->text, " .");
	}
	return false;
}

static bool field_rt(struct words *w)
{
	return WORD_TAKE_IF(w, "ip", "ip6") && word_take(w);
}

static bool field_socket(struct words *w)
{
	return word_take(w) && word_take_pair(w, "level");
}

static bool field_osf(struct words *w)
{
	return word_take_pair(w, "ttl") && word_take(w);
}

static bool field_ipsec(struct words *w)
{
	return word_take(w) && word_take_pair(w, "spnum") && WORD_TAKE_IF(w, "ip", "ip6") &&
	       word_take(w);
}

static bool field_numgen(struct words *w)
{
	return word_take(w) && word_take_pair(w, "mod") && word_take_pair(w, "offset");
}

static bool field_jhash(struct words *w)
{
	struct nft_expr *of = nft_parse_left(w->p);
	if (!of)
		return false;
	buf_addc(&w->text, ' ');
	nft_expr_print(of, &w->text);
	return word_take_pair(w, "mod") && word_take_pair(w, "seed") && word_take_pair(w, "offset");
}

static bool field_symhash(struct words *w)
{
	return word_take_pair(w, "mod") && word_take_pair(w, "offset");
}

static bool field_nothing(struct words *w)
{
	(void)w;
	return true;
}

typedef bool (*rest_fn)(struct words *w);
static const struct header {
	const char *word;
	rest_fn rest;
	const char *name; // when the word is not the first of the name
} headers[] = {
	{"ip", field_header, NULL},
	{"ip6", field_header, NULL},
	{"tcp", field_header, NULL},
	{"udp", field_header, NULL},
	{"udplite", field_header, NULL},
	{"sctp", field_header, NULL},
	{"dccp", field_header, NULL},
	{"th", field_header, NULL},
	{"icmp", field_header, NULL},
	{"icmpv6", field_header, NULL},
	{"igmp", field_header, NULL},
	{"ether", field_header, NULL},
	{"vlan", field_header, NULL},
	{"ah", field_header, NULL},
	{"esp", field_header, NULL},
	{"comp", field_header, NULL},
	{"frag", field_header, NULL},
	{"hbh", field_header, NULL},
	{"dst", field_header, NULL},
	{"mh", field_header, NULL},
	{"srh", field_header, NULL},
	{"exthdr", field_header, NULL},
	{"gre", field_header, NULL},
	{"geneve", field_header, NULL},
	{"vxlan", field_header, NULL},
	{"gretap", field_header, NULL},
	{"arp", field_arp, NULL},
	{"meta", field_header, NULL},
	{"ct", field_ct, NULL},
	{"fib", field_fib, NULL},
	{"rt", field_rt, NULL},
	{"socket", field_socket, NULL},
	{"osf", field_osf, NULL},
	{"ipsec", field_ipsec, NULL},
	{"numgen", field_numgen, NULL},
	{"jhash", field_jhash, NULL},
	{"symhash", field_symhash, NULL},
	{"iif", field_nothing, "meta iif"},
	{"oif", field_nothing, "meta oif"},
	{"iifname", field_nothing, "meta iifname"},
	{"oifname", field_nothing, "meta oifname"},
	{"iiftype", field_nothing, "meta iiftype"},
	{"oiftype", field_nothing, "meta oiftype"},
	{"iifgroup", field_nothing, "meta iifgroup"},
	{"oifgroup", field_nothing, "meta oifgroup"},
	{"ibrname", field_nothing, "meta ibrname"},
	{"obrname", field_nothing, "meta obrname"},
	{"mark", field_nothing, "meta mark"},
	{"skuid", field_nothing, "meta skuid"},
	{"skgid", field_nothing, "meta skgid"},
	{"cgroup", field_nothing, "meta cgroup"},
	{"rtclassid", field_nothing, "meta rtclassid"},
	{"nftrace", field_nothing, "meta nftrace"},
	{"pkttype", field_nothing, "meta pkttype"},
	{"cpu", field_nothing, "meta cpu"},
	{"l4proto", field_nothing, "meta l4proto"},
	{"nfproto", field_nothing, "meta nfproto"},
	{"protocol", field_nothing, "meta protocol"},
	{"priority", field_nothing, "meta priority"},
	{"length", field_nothing, "meta length"},
};

static const struct header *header_find(const struct nft_parser *p)
{
	for (size_t i = 0; i < array_len(headers); i++)
		if (nft_is(p, headers[i].word))
			return &headers[i];
	return NULL;
}

bool nft_begins_field(const struct nft_parser *p)
{
	bool place = p->now.kind == NFT_T_WORD && p->now.text[0] == '@' && strchr(p->now.text, ',');
	return place || header_find(p);
}

struct nft_expr *nft_parse_field(struct nft_parser *p)
{
	struct words w = {.p = p};
	const struct header *header = header_find(p);
	buf_init(&w.text);
	bool good = header && header->name ? true : word_take(&w);
	if (good && header && header->name) {
		buf_adds(&w.text, header->name);
		nft_advance(p);
	} else if (good && header) {
		good = header->rest(&w);
	}
	struct nft_expr *field =
		nft_expr_new(p->ruleset->arena, NFT_FIELD,
			     arena_strndup(p->ruleset->arena, w.text.data, w.text.len));
	buf_fini(&w.text);
	return good ? field : NULL;
}

// --- values ---

static bool begins_number(const char *text)
{
	return (*text >= '0' && *text <= '9') || (*text && strchr(text, ':'));
}

// A word with a prefix length or two ends in it; else it is a value.
static struct nft_expr *split_word(struct nft_parser *p, const char *word)
{
	struct arena *arena = p->ruleset->arena;
	const char *slash = strchr(word, '/');
	const char *dash = strchr(word, '-');
	if (dash && dash > word && begins_number(word) && begins_number(dash + 1)) {
		const char *low = arena_strndup(arena, word, (size_t)(dash - word));
		return nft_expr_pair(arena, NFT_RANGE, nft_value_new(arena, low),
				     nft_value_new(arena, dash + 1));
	}
	if (slash && slash > word && begins_number(word) && slash[1] >= '0' && slash[1] <= '9') {
		struct nft_expr *prefix = nft_expr_new(arena, NFT_PREFIX, slash + 1);
		prefix->item = arena_array(arena, struct nft_expr *, 1);
		prefix->item[0] =
			nft_value_new(arena, arena_strndup(arena, word, (size_t)(slash - word)));
		prefix->len = 1;
		return prefix;
	}
	return nft_value_new(arena, word);
}

static struct nft_expr *parse_value(struct nft_parser *p)
{
	struct arena *arena = p->ruleset->arena;
	struct nft_token t = p->now;
	if (t.kind != NFT_T_WORD && t.kind != NFT_T_STRING) {
		nft_fail(p, NULL, "a value is missing");
		return NULL;
	}
	if (t.kind == NFT_T_WORD && t.text[0] == '$') {
		nft_fail(p, NULL, "the variable %s has no value here", t.text);
		return NULL;
	}
	nft_advance(p);
	if (t.kind == NFT_T_WORD && t.text[0] == '@')
		return nft_expr_new(arena, NFT_REFERENCE, t.text + 1);
	struct nft_expr *value = t.kind == NFT_T_WORD ? split_word(p, t.text)
						      : nft_expr_new(arena, NFT_VALUE, t.text);
	if (!nft_is(p, "-") || value->kind != NFT_VALUE)
		return value;
	nft_advance(p);
	struct nft_expr *high = parse_value(p);
	return high ? nft_expr_pair(arena, NFT_RANGE, value, high) : NULL;
}

// --- sets ---

// What may stand behind a key: timeouts, counters, a comment. None of them says which packets are in the set.
static void skip_element_notes(struct nft_parser *p)
{
	if (!nft_is_one_of(p, "timeout", "expires", "comment", "counter", "limit", "quota", "last",
			   "ct"))
		return;
	while (p->now.kind == NFT_T_WORD || p->now.kind == NFT_T_STRING || nft_is(p, "/"))
		nft_advance(p);
}

static struct nft_expr *parse_data(struct nft_parser *p)
{
	struct nft_expr *data = nft_expr_new(p->ruleset->arena, NFT_DECISION, NULL);
	if (nft_parse_verdict(p, &data->verdict, &data->text))
		return p->bad ? NULL : data;
	return nft_parse_right(p);
}

static struct nft_expr *parse_key(struct nft_parser *p);

static struct nft_expr *parse_element(struct nft_parser *p)
{
	struct nft_expr *key = NULL;
	if (nft_is(p, "*")) {
		nft_advance(p);
		key = nft_expr_new(p->ruleset->arena, NFT_ANY, NULL);
	} else {
		key = parse_key(p);
	}
	if (!key)
		return NULL;
	skip_element_notes(p);
	if (!nft_take(p, ":"))
		return key;
	struct nft_expr *data = parse_data(p);
	skip_element_notes(p);
	return data ? nft_expr_pair(p->ruleset->arena, NFT_PAIR, key, data) : NULL;
}

struct items {
	struct arena *arena;
	VEC(struct nft_expr *) list;
};

static struct nft_expr *items_expr(struct items *items, enum nft_kind kind)
{
	struct nft_expr *expr = nft_expr_new(items->arena, kind, NULL);
	expr->item = items->list.at;
	expr->len = items->list.len;
	return expr;
}

struct nft_expr *nft_parse_set(struct nft_parser *p)
{
	struct items items = {.arena = p->ruleset->arena};
	if (!nft_open(p))
		return NULL;
	while (!nft_is(p, "}")) {
		struct nft_expr *element = parse_element(p);
		if (!element)
			return NULL;
		vec_push(items.arena, &items.list, element);
		if (!nft_take(p, ",") && !nft_is(p, "}")) {
			nft_fail(p, NULL, "a comma or } is missing behind an element of a set");
			return NULL;
		}
	}
	return nft_close(p) ? items_expr(&items, NFT_SET) : NULL;
}

struct nft_expr *nft_parse_lookup(struct nft_parser *p)
{
	if (nft_is(p, "{"))
		return nft_parse_set(p);
	const char *name = p->now.kind == NFT_T_WORD ? p->now.text : "";
	if (name[0] != '@') {
		nft_fail(p, NULL, "a set in braces or the @name of one is missing");
		return NULL;
	}
	nft_advance(p);
	return nft_expr_new(p->ruleset->arena, NFT_REFERENCE, name + 1);
}

// --- operators ---

enum side { LEFT, RIGHT, EITHER };

static struct nft_expr *parse_binary(struct nft_parser *p, enum side side, unsigned level);

static struct nft_expr *parse_in_brackets(struct nft_parser *p, enum side side)
{
	nft_advance(p);
	struct nft_expr *expr = parse_binary(p, side, 0);
	return expr && nft_expect(p, ")") ? expr : NULL;
}

static struct nft_expr *parse_primary(struct nft_parser *p, enum side side)
{
	if (p->depth >= NFT_DEPTH_MOST) {
		nft_fail(p, "write the expression with less nesting",
			 "an expression is nested deeper than %d levels", NFT_DEPTH_MOST);
		return NULL;
	}
	struct nft_expr *expr = NULL;
	p->depth++;
	if (nft_is(p, "("))
		expr = parse_in_brackets(p, side);
	else if (nft_is(p, "{") && side != LEFT)
		expr = nft_parse_set(p);
	else if (side != RIGHT && nft_begins_field(p))
		expr = nft_parse_field(p);
	else if (side == LEFT && p->now.kind != NFT_T_WORD)
		nft_fail(p, NULL, "this is no statement that nft prints");
	else
		expr = parse_value(p);
	p->depth--;
	return expr;
}

// The operators of a level; later levels bind closer.
static bool is_operator(const struct nft_parser *p, unsigned level)
{
	switch (level) {
	case 0:
		return nft_is_one_of(p, "|", "or");
	case 1:
		return nft_is_one_of(p, "^", "xor");
	case 2:
		return nft_is_one_of(p, "&", "and");
	default:
		return nft_is_one_of(p, "<<", ">>", "lshift", "rshift");
	}
}

static const char *operator_mark(const char *text)
{
	static const char *const words[][2] = {
		{"or", "|"}, {"xor", "^"}, {"and", "&"}, {"lshift", "<<"}, {"rshift", ">>"}};
	for (size_t i = 0; i < array_len(words); i++)
		if (!strcmp(words[i][0], text))
			return words[i][1];
	return text;
}

static struct nft_expr *parse_binary(struct nft_parser *p, enum side side, unsigned level)
{
	if (level == 4)
		return parse_primary(p, side);
	struct nft_expr *expr = parse_binary(p, side, level + 1);
	for (size_t n = 0; expr && is_operator(p, level); n++) {
		const char *mark = operator_mark(p->now.text);
		if (n == NFT_DEPTH_MOST) {
			nft_fail(p, "write the expression with fewer operators",
				 "more than %d operators stand in a row", NFT_DEPTH_MOST);
			return NULL;
		}
		nft_advance(p);
		struct nft_expr *right = parse_binary(p, side, level + 1);
		expr = right ? nft_expr_pair(p->ruleset->arena, NFT_BINARY, expr, right) : NULL;
		if (expr)
			expr->text = mark;
	}
	return expr;
}

static struct nft_expr *parse_joined(struct nft_parser *p, enum side side, const char *mark,
				     enum nft_kind kind)
{
	struct items items = {.arena = p->ruleset->arena};
	do {
		struct nft_expr *part = parse_binary(p, side, 0);
		if (!part)
			return NULL;
		vec_push(items.arena, &items.list, part);
	} while (nft_take(p, mark));
	return items.list.len == 1 ? items.list.at[0] : items_expr(&items, kind);
}

static struct nft_expr *parse_key(struct nft_parser *p)
{
	return parse_joined(p, RIGHT, ".", NFT_CONCAT);
}

static struct nft_expr *parse_mapped(struct nft_parser *p, enum side side)
{
	struct nft_expr *key = parse_joined(p, side, ".", NFT_CONCAT);
	if (!key || !nft_take(p, "map"))
		return key;
	struct nft_expr *in = nft_parse_lookup(p);
	return in ? nft_expr_pair(p->ruleset->arena, NFT_MAP, key, in) : NULL;
}

struct nft_expr *nft_parse_left(struct nft_parser *p)
{
	return parse_mapped(p, LEFT);
}

struct nft_expr *nft_parse_any(struct nft_parser *p)
{
	return parse_mapped(p, EITHER);
}

// "established,related": flags; a value alone; an element.
struct nft_expr *nft_parse_right(struct nft_parser *p)
{
	struct nft_expr *first = parse_key(p);
	if (!first || !nft_is(p, ",") || p->braces)
		return first;
	struct items items = {.arena = p->ruleset->arena};
	vec_push(items.arena, &items.list, first);
	while (nft_take(p, ",")) {
		struct nft_expr *next = parse_key(p);
		if (!next)
			return NULL;
		vec_push(items.arena, &items.list, next);
	}
	return items_expr(&items, NFT_LIST);
}
