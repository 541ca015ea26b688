// SPDX-License-Identifier: Apache-2.0
// Expressions of nft's JSON. Every object has one member that says what it is; fields become the names that the text has.
#include "import/nft_json.h"
#include "base/buf.h"

#include <jansson.h>
#include <string.h>

static struct nft_expr *field(struct nft_json *j, const char *name)
{
	return nft_expr_new(j->ruleset->arena, NFT_FIELD, name);
}

// "a b c" of the members that are there.
static const char *join(struct nft_json *j, const json_t *object, const char *first,
			const char *const *keys)
{
	struct buf text;
	buf_init(&text);
	buf_adds(&text, first);
	for (; *keys; keys++) {
		const char *part = nft_json_text(j, object, *keys);
		if (part)
			buf_printf(&text, "%s%s", text.len ? " " : "", part);
	}
	const char *result = arena_strndup(j->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return result;
}
#define JOIN(j, object, first, ...) \
	join((j), (object), (first), (const char *const[]){__VA_ARGS__, NULL})

static struct nft_expr *read_payload(struct nft_json *j, const json_t *v)
{
	if (!json_object_get(v, "base"))
		return field(j, JOIN(j, v, "", "protocol", "field"));
	const char *base = nft_json_text(j, v, "base"), *offset = nft_json_text(j, v, "offset"),
		   *len = nft_json_text(j, v, "len");
	return field(j, arena_printf(j->ruleset->arena, "@%s,%s,%s", base ? base : "",
				     offset ? offset : "", len ? len : ""));
}

static struct nft_expr *read_meta(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "meta", "key"));
}

static struct nft_expr *read_ct(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "ct", "dir", "family", "key"));
}

static struct nft_expr *read_fib(struct nft_json *j, const json_t *v)
{
	const json_t *flags = json_object_get(v, "flags");
	struct buf text;
	buf_init(&text);
	buf_adds(&text, "fib");
	size_t n = json_is_array(flags) ? json_array_size(flags) : 0;
	for (size_t i = 0; i < n; i++) {
		const char *flag = json_string_value(json_array_get(flags, i));
		buf_printf(&text, "%s %s", i ? " ." : "", flag ? flag : "");
	}
	if (json_is_string(flags))
		buf_printf(&text, " %s", json_string_value(flags));
	const char *name = arena_strndup(j->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return field(j, JOIN(j, v, name, "result"));
}

static struct nft_expr *read_rt(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "rt", "family", "key"));
}

static struct nft_expr *read_socket(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "socket", "key"));
}

static struct nft_expr *read_osf(struct nft_json *j, const json_t *v)
{
	const char *ttl = nft_json_text(j, v, "ttl");
	return field(j, JOIN(j, v, ttl ? "osf ttl" : "osf", "ttl", "key"));
}

static struct nft_expr *read_ipsec(struct nft_json *j, const json_t *v)
{
	bool numbered = json_integer_value(json_object_get(v, "spnum")) != 0;
	const char *name = JOIN(j, v, "ipsec", "dir");
	if (numbered)
		name = JOIN(j, v, arena_printf(j->ruleset->arena, "%s spnum", name), "spnum");
	return field(j, JOIN(j, v, name, "family", "key"));
}

static struct nft_expr *read_exthdr(struct nft_json *j, const json_t *v)
{
	bool whole = !json_object_get(v, "field");
	return field(j, JOIN(j, v, whole ? "exthdr" : "", "name", "field"));
}

static struct nft_expr *read_tcp_option(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "tcp option", "name", "base", "offset", "len", "field"));
}

static struct nft_expr *read_ip_option(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "ip option", "name", "field"));
}

static struct nft_expr *read_sctp_chunk(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "sctp chunk", "name", "field"));
}

static struct nft_expr *read_dccp_option(struct nft_json *j, const json_t *v)
{
	return field(j, JOIN(j, v, "dccp option", "type"));
}

static const char *with_number(struct nft_json *j, const json_t *v, const char *name,
			       const char *key)
{
	if (!json_integer_value(json_object_get(v, key)))
		return name;
	return JOIN(j, v, arena_printf(j->ruleset->arena, "%s %s", name, key), key);
}

static struct nft_expr *read_numgen(struct nft_json *j, const json_t *v)
{
	const char *name = with_number(j, v, JOIN(j, v, "numgen", "mode"), "mod");
	return field(j, with_number(j, v, name, "offset"));
}

static struct nft_expr *read_symhash(struct nft_json *j, const json_t *v)
{
	return field(j, with_number(j, v, with_number(j, v, "symhash", "mod"), "offset"));
}

static struct nft_expr *read_jhash(struct nft_json *j, const json_t *v)
{
	const json_t *of = json_object_get(v, "expr");
	struct nft_expr *expr = of ? nft_json_expr(j, of) : NULL;
	if (!expr)
		return NULL;
	struct buf text;
	buf_init(&text);
	nft_expr_print(expr, &text);
	const char *name = arena_printf(j->ruleset->arena, "jhash %s", text.data);
	buf_fini(&text);
	name = with_number(j, v, with_number(j, v, name, "mod"), "seed");
	return field(j, with_number(j, v, name, "offset"));
}

static struct nft_expr *read_prefix(struct nft_json *j, const json_t *v)
{
	const char *len = nft_json_text(j, v, "len");
	const json_t *addr = json_object_get(v, "addr");
	struct nft_expr *value = addr && len ? nft_json_expr(j, addr) : NULL;
	if (!value)
		return NULL;
	struct nft_expr *prefix = nft_expr_new(j->ruleset->arena, NFT_PREFIX, len);
	prefix->item = arena_array(j->ruleset->arena, struct nft_expr *, 1);
	prefix->item[0] = value;
	prefix->len = 1;
	return prefix;
}

static struct nft_expr *read_items(struct nft_json *j, const json_t *array, enum nft_kind kind)
{
	size_t n = json_is_array(array) ? json_array_size(array) : 0;
	struct nft_expr *expr = nft_expr_new(j->ruleset->arena, kind, NULL);
	expr->item = arena_array(j->ruleset->arena, struct nft_expr *, n);
	for (; expr->len < n; expr->len++) {
		struct nft_expr *item = nft_json_expr(j, json_array_get(array, expr->len));
		if (!item)
			return NULL;
		expr->item[expr->len] = item;
	}
	return n ? expr : NULL;
}

static struct nft_expr *read_range(struct nft_json *j, const json_t *v)
{
	return json_array_size(v) == 2 ? read_items(j, v, NFT_RANGE) : NULL;
}

static struct nft_expr *read_concat(struct nft_json *j, const json_t *v)
{
	return read_items(j, v, NFT_CONCAT);
}

static struct nft_expr *read_map(struct nft_json *j, const json_t *v)
{
	const json_t *key = json_object_get(v, "key"), *data = json_object_get(v, "data");
	struct nft_expr *left = key && data ? nft_json_expr(j, key) : NULL;
	struct nft_expr *in = left ? nft_json_lookup(j, data) : NULL;
	return in ? nft_expr_pair(j->ruleset->arena, NFT_MAP, left, in) : NULL;
}

static struct nft_expr *read_elem(struct nft_json *j, const json_t *v)
{
	const json_t *value = json_object_get(v, "val");
	return value ? nft_json_expr(j, value) : NULL;
}

static struct nft_expr *read_binary(struct nft_json *j, const char *op, const json_t *v)
{
	struct nft_expr *items = read_items(j, v, NFT_LIST), *expr = items ? items->item[0] : NULL;
	if (!items || items->len < 2 || items->len > NFT_DEPTH_MOST)
		return NULL;
	for (size_t i = 1; i < items->len; i++) {
		expr = nft_expr_pair(j->ruleset->arena, NFT_BINARY, expr, items->item[i]);
		expr->text = op;
	}
	return expr;
}

bool nft_json_verdict(struct nft_json *j, const json_t *value, enum nft_verdict *verdict,
		      const char **chain)
{
	static const struct {
		const char *key;
		enum nft_verdict verdict;
	} names[] = {{"accept", NFT_ACCEPT}, {"drop", NFT_DROP}, {"continue", NFT_CONTINUE},
		     {"return", NFT_RETURN}, {"jump", NFT_JUMP}, {"goto", NFT_GOTO}};
	for (size_t i = 0; i < array_len(names); i++) {
		const json_t *is = json_object_get(value, names[i].key);
		if (!is)
			continue;
		*verdict = names[i].verdict;
		*chain = NULL;
		if (names[i].verdict != NFT_JUMP && names[i].verdict != NFT_GOTO)
			return true;
		*chain = nft_json_text(j, is, "target");
		if (!*chain)
			nft_json_fail(j, "a %s has no target", names[i].key);
		return true;
	}
	return false;
}

static struct nft_expr *read_set(struct nft_json *j, const json_t *v)
{
	return nft_json_set(j, v);
}

typedef struct nft_expr *(*read_fn)(struct nft_json *j, const json_t *v);
static const struct {
	const char *key;
	read_fn read;
} readers[] = {{"payload", read_payload},
	       {"meta", read_meta},
	       {"ct", read_ct},
	       {"prefix", read_prefix},
	       {"range", read_range},
	       {"set", read_set},
	       {"concat", read_concat},
	       {"elem", read_elem},
	       {"map", read_map},
	       {"fib", read_fib},
	       {"rt", read_rt},
	       {"socket", read_socket},
	       {"osf", read_osf},
	       {"ipsec", read_ipsec},
	       {"exthdr", read_exthdr},
	       {"tcp option", read_tcp_option},
	       {"ip option", read_ip_option},
	       {"sctp chunk", read_sctp_chunk},
	       {"dccp option", read_dccp_option},
	       {"numgen", read_numgen},
	       {"jhash", read_jhash},
	       {"symhash", read_symhash}};

static struct nft_expr *read_object(struct nft_json *j, const json_t *value)
{
	static const char *const ops[] = {"&", "|", "^", "<<", ">>"};
	for (size_t i = 0; i < array_len(readers); i++) {
		const json_t *inner = json_object_get(value, readers[i].key);
		if (inner)
			return readers[i].read(j, inner);
	}
	for (size_t i = 0; i < array_len(ops); i++)
		if (json_object_get(value, ops[i]))
			return read_binary(j, ops[i], json_object_get(value, ops[i]));
	struct nft_expr *decision = nft_expr_new(j->ruleset->arena, NFT_DECISION, NULL);
	if (nft_json_verdict(j, value, &decision->verdict, &decision->text))
		return decision;
	// A newer nft may have more of them; what is in there is not known, but that there is something is.
	const char *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)value));
	if (!key)
		return NULL;
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	struct nft_expr *unknown = field(
		j, nft_text_short(j->ruleset->arena, text ? text : key, strlen(text ? text : key)));
	free(text);
	return unknown;
}

static struct nft_expr *read_string(struct nft_json *j, const char *text)
{
	if (text[0] == '@')
		return nft_expr_new(j->ruleset->arena, NFT_REFERENCE,
				    arena_strdup(j->ruleset->arena, text + 1));
	// nft 1.0.6 writes "0x35 [invalid type]" where it has no name for a type
	size_t len = strcspn(text, " ");
	if (!strcmp(text + len, " [invalid type]"))
		return nft_value_new(j->ruleset->arena,
				     arena_strndup(j->ruleset->arena, text, len));
	return nft_expr_new(j->ruleset->arena, NFT_VALUE, arena_strdup(j->ruleset->arena, text));
}

static struct nft_expr *read_value(struct nft_json *j, const json_t *value)
{
	if (json_is_string(value))
		return read_string(j, json_string_value(value));
	if (json_is_integer(value))
		return nft_expr_new(j->ruleset->arena, NFT_VALUE,
				    arena_printf(j->ruleset->arena, "%lld",
						 (long long)json_integer_value(value)));
	if (json_is_boolean(value))
		return nft_expr_new(j->ruleset->arena, NFT_VALUE,
				    json_is_true(value) ? "exists" : "missing");
	if (json_is_array(value))
		return read_items(j, value, NFT_LIST);
	return json_is_object(value) ? read_object(j, value) : NULL;
}

struct nft_expr *nft_json_expr(struct nft_json *j, const json_t *value)
{
	if (j->depth >= NFT_DEPTH_MOST) {
		nft_json_fail(j, "an expression is nested deeper than %d levels", NFT_DEPTH_MOST);
		return NULL;
	}
	j->depth++;
	struct nft_expr *expr = read_value(j, value);
	j->depth--;
	if (!expr || j->bad)
		nft_json_fail(j, "an expression that nft does not print");
	return j->bad ? NULL : expr;
}

// --- sets ---

static struct nft_expr *read_element(struct nft_json *j, const json_t *value)
{
	const char *text = json_string_value(value);
	if (text && !strcmp(text, "*"))
		return nft_expr_new(j->ruleset->arena, NFT_ANY, NULL);
	if (!json_is_array(value))
		return nft_json_expr(j, value);
	struct nft_expr *key = read_element(j, json_array_get(value, 0));
	struct nft_expr *data = key ? nft_json_expr(j, json_array_get(value, 1)) : NULL;
	return data ? nft_expr_pair(j->ruleset->arena, NFT_PAIR, key, data) : NULL;
}

struct nft_expr *nft_json_set(struct nft_json *j, const json_t *array)
{
	struct nft_expr *set = nft_expr_new(j->ruleset->arena, NFT_SET, NULL);
	size_t n = json_is_array(array) ? json_array_size(array) : 0;
	set->item = arena_array(j->ruleset->arena, struct nft_expr *, n);
	for (; set->len < n; set->len++) {
		const json_t *item = json_array_get(array, set->len);
		bool pair = json_is_array(item);
		if (pair && (json_array_size(item) != 2 || json_is_array(json_array_get(item, 0))))
			nft_json_fail(j, "an element of a map is no key and value");
		struct nft_expr *element = j->bad ? NULL : read_element(j, item);
		if (!element)
			return NULL;
		set->item[set->len] = element;
	}
	return set;
}

struct nft_expr *nft_json_lookup(struct nft_json *j, const json_t *value)
{
	if (json_is_array(value))
		return nft_json_set(j, value);
	struct nft_expr *expr = nft_json_expr(j, value);
	if (expr && expr->kind != NFT_SET && expr->kind != NFT_REFERENCE)
		nft_json_fail(j, "a set or the @name of one is expected");
	return j->bad ? NULL : expr;
}
