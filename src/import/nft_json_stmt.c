// SPDX-License-Identifier: Apache-2.0
// Statements of nft's JSON, each an object with one member. They become what the text's parser makes of the same statement.
#include "import/nft_json.h"
#include "base/buf.h"

#include <jansson.h>
#include <string.h>

struct reading {
	struct nft_json *j;
	struct nft_stmt *at;
	const char *key;
	const json_t *value;
};

static const char *print(struct reading *r, const char *before, const struct nft_expr *expr,
			 const char *after)
{
	struct buf text;
	buf_init(&text);
	buf_adds(&text, before);
	nft_expr_print(expr, &text);
	buf_adds(&text, after);
	const char *result = nft_text_short(r->j->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return result;
}

static bool read_match(struct reading *r)
{
	static const struct {
		const char *name;
		enum nft_op op;
	} ops[] = {{"==", NFT_EQ}, {"!=", NFT_NE}, {"<", NFT_LT},      {">", NFT_GT},
		   {"<=", NFT_LE}, {">=", NFT_GE}, {"in", NFT_ANY_OF}, {"!", NFT_NONE_OF}};
	const char *name = nft_json_text(r->j, r->value, "op");
	const json_t *left = json_object_get(r->value, "left");
	const json_t *right = json_object_get(r->value, "right");
	size_t i = 0;
	while (name && i < array_len(ops) && strcmp(name, ops[i].name) != 0)
		i++;
	if (!name || i == array_len(ops) || !left || !right)
		return nft_json_fail(r->j, "a comparison that nft does not print");
	r->at->kind = NFT_MATCH;
	r->at->op = ops[i].op;
	r->at->left = nft_json_expr(r->j, left);
	r->at->right = r->at->left ? nft_json_expr(r->j, right) : NULL;
	return r->at->right;
}

static bool read_vmap(struct reading *r)
{
	const json_t *key = json_object_get(r->value, "key");
	const json_t *data = json_object_get(r->value, "data");
	if (!key || !data)
		return nft_json_fail(r->j, "a verdict map without key or data");
	r->at->kind = NFT_VMAP;
	r->at->left = nft_json_expr(r->j, key);
	r->at->right = r->at->left ? nft_json_lookup(r->j, data) : NULL;
	return r->at->right;
}

static bool read_log(struct reading *r)
{
	r->at->kind = NFT_LOG;
	r->at->text = "log";
	return true;
}

static bool read_nothing(struct reading *r)
{
	r->at->kind = NFT_NOTHING;
	r->at->text = arena_strdup(r->j->ruleset->arena, r->key);
	return true;
}

// "counter": a name, counts, or a map that gives a name.
static bool read_counter(struct reading *r)
{
	const json_t *map = json_object_get(r->value, "map");
	if (!map)
		return read_nothing(r);
	r->at->kind = NFT_EFFECT;
	r->at->gap = "counter by map";
	r->at->text = "counter name";
	r->at->breaks = true;
	r->at->left = nft_json_expr(r->j, r->value);
	return r->at->left;
}

// "limit": "lim1", or {"map": ...}
static bool read_named(struct reading *r)
{
	r->at->kind = NFT_CONDITION;
	r->at->gap = arena_strdup(r->j->ruleset->arena, r->key);
	if (json_is_string(r->value)) {
		r->at->text = arena_printf(r->j->ruleset->arena, "%s name %s", r->key,
					   json_string_value(r->value));
		return true;
	}
	r->at->left = nft_json_expr(r->j, r->value);
	if (r->at->left)
		r->at->text = print(r, arena_printf(r->j->ruleset->arena, "%s name ", r->key),
				    r->at->left, "");
	return r->at->left;
}

static bool is_named(const struct reading *r)
{
	return json_is_string(r->value) || json_object_get(r->value, "map");
}

static bool read_limit(struct reading *r)
{
	if (is_named(r))
		return read_named(r);
	const char *rate = nft_json_text(r->j, r->value, "rate");
	const char *per = nft_json_text(r->j, r->value, "per");
	const char *unit = nft_json_text(r->j, r->value, "rate_unit");
	const char *burst = nft_json_text(r->j, r->value, "burst");
	const char *burst_unit = nft_json_text(r->j, r->value, "burst_unit");
	bool over = json_is_true(json_object_get(r->value, "inv"));
	bool usual = !burst || !strcmp(burst, "0") || (!unit && !strcmp(burst, "5"));
	if (!rate || !per)
		return nft_json_fail(r->j, "a limit without rate");
	r->at->kind = NFT_CONDITION;
	r->at->gap = "limit";
	r->at->text =
		arena_printf(r->j->ruleset->arena, "limit rate%s %s%s%s/%s", over ? " over" : "",
			     rate, unit ? " " : "", unit ? unit : "", per);
	if (!usual)
		r->at->text = arena_printf(r->j->ruleset->arena, "%s burst %s %s", r->at->text,
					   burst, burst_unit ? burst_unit : "packets");
	return true;
}

static bool read_quota(struct reading *r)
{
	if (is_named(r))
		return read_named(r);
	const char *value = nft_json_text(r->j, r->value, "val");
	const char *unit = nft_json_text(r->j, r->value, "val_unit");
	bool over = json_is_true(json_object_get(r->value, "inv"));
	r->at->kind = NFT_CONDITION;
	r->at->gap = "quota";
	r->at->text = arena_printf(r->j->ruleset->arena, "quota%s %s %s", over ? " over" : "",
				   value ? value : "0", unit ? unit : "bytes");
	return true;
}

static bool read_ct_count(struct reading *r)
{
	const char *value = nft_json_text(r->j, r->value, "val");
	bool over = json_is_true(json_object_get(r->value, "inv"));
	r->at->kind = NFT_CONDITION;
	r->at->gap = "ct count";
	r->at->text = arena_printf(r->j->ruleset->arena, "ct count %s%s", over ? "over " : "",
				   value ? value : "0");
	return true;
}

static bool read_reject(struct reading *r)
{
	const char *type = nft_json_text(r->j, r->value, "type");
	const char *code = nft_json_text(r->j, r->value, "expr");
	r->at->kind = NFT_DECIDE;
	r->at->verdict = NFT_REJECT;
	r->at->text = type ? arena_printf(r->j->ruleset->arena, "with %s%s%s", type,
					  code ? " " : "", code ? code : "")
			   : "";
	return true;
}

static void changes(struct reading *r, const char *what)
{
	map_put(&r->j->table->changed, what, (void *)(uintptr_t)1);
}

static bool read_mangle(struct reading *r)
{
	const json_t *key = json_object_get(r->value, "key");
	const json_t *value = json_object_get(r->value, "value");
	struct nft_expr *left = key ? nft_json_expr(r->j, key) : NULL;
	struct nft_expr *to = left && value ? nft_json_expr(r->j, value) : NULL;
	if (!to)
		return nft_json_fail(r->j, "a change without key or value");
	r->at->kind = NFT_EFFECT;
	r->at->left = left;
	r->at->breaks = nft_expr_reads(to);
	r->at->gap = print(r, "", left, " set");
	r->at->text = print(r, print(r, "", left, " set "), to, "");
	if (left->kind == NFT_FIELD)
		changes(r, left->text);
	return true;
}

// "set" and "map": {"op": "add", "elem": ..., "set": "@dyn"}
static bool read_update(struct reading *r)
{
	const char *op = nft_json_text(r->j, r->value, "op");
	const char *name = nft_json_text(r->j, r->value, r->key);
	const json_t *elem = json_object_get(r->value, "elem");
	struct nft_expr *left = elem ? nft_json_expr(r->j, elem) : NULL;
	if (!op || !name || !left)
		return nft_json_fail(r->j, "a change of a set without set or element");
	map_put(&r->j->table->updated, name + (*name == '@'), (void *)(uintptr_t)1);
	r->at->kind = NFT_EFFECT;
	r->at->left = left;
	r->at->breaks = true;
	r->at->gap = "sets changed by packets";
	r->at->text =
		print(r, arena_printf(r->j->ruleset->arena, "%s %s { ", op, name), left, " }");
	return true;
}

static bool read_meter(struct reading *r)
{
	const char *name = nft_json_text(r->j, r->value, "name");
	const json_t *key = json_object_get(r->value, "key");
	r->at->kind = NFT_EFFECT;
	r->at->breaks = true;
	r->at->gap = "meter";
	r->at->left = key ? nft_json_expr(r->j, key) : NULL;
	if (!r->at->left)
		return nft_json_fail(r->j, "a meter without key");
	r->at->text = print(r, arena_printf(r->j->ruleset->arena, "meter %s { ", name ? name : ""),
			    r->at->left, " }");
	return true;
}

static const char *dumped(struct reading *r)
{
	if (json_is_null(r->value))
		return arena_strdup(r->j->ruleset->arena, r->key);
	char *text = json_dumps(r->value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	const char *result = arena_printf(r->j->ruleset->arena, "%s %s", r->key, text ? text : "");
	free(text);
	return nft_text_short(r->j->ruleset->arena, result, strlen(result));
}

static bool read_as(struct reading *r, enum nft_stmt_kind kind)
{
	r->at->kind = kind;
	r->at->text = dumped(r);
	r->at->gap = arena_strdup(r->j->ruleset->arena, r->key);
	return true;
}

// "queue num 1-3 bypass,fanout"
static bool read_queue(struct reading *r)
{
	const json_t *num = json_object_get(r->value, "num");
	struct nft_expr *of = num ? nft_json_expr(r->j, num) : NULL;
	r->at->kind = NFT_DECIDE;
	r->at->verdict = NFT_QUEUE;
	r->at->text = of ? print(r, "to ", of, "") : "";
	return !r->j->bad;
}

static bool read_notrack(struct reading *r)
{
	r->at->kind = NFT_EFFECT;
	r->at->text = r->at->gap = "notrack";
	return true;
}

static bool read_flow(struct reading *r)
{
	(void)read_as(r, NFT_EFFECT);
	r->at->gap = "flow offload";
	return true;
}

// "ct helper": "ftp-h" is what the text calls ct helper set "ftp-h".
static bool read_object_of_flow(struct reading *r)
{
	(void)read_as(r, NFT_EFFECT);
	r->at->breaks = !json_is_string(r->value);
	r->at->gap = arena_printf(r->j->ruleset->arena, "%s set", r->key);
	changes(r, arena_strdup(r->j->ruleset->arena, r->key));
	return true;
}

static bool read_translate(struct reading *r)
{
	return read_as(r, NFT_TRANSLATE);
}

static bool read_target(struct reading *r)
{
	return read_as(r, NFT_TARGET);
}

// "synproxy mss 1460 wscale 7 timestamp", or the name of one
static bool read_synproxy(struct reading *r)
{
	static const char *const numbers[] = {"mss", "wscale"};
	const json_t *flags = json_object_get(r->value, "flags");
	struct arena *arena = r->j->ruleset->arena;
	const char *text = "synproxy";
	if (json_is_string(r->value))
		text = arena_printf(arena, "synproxy name %s", json_string_value(r->value));
	for (size_t i = 0; i < array_len(numbers); i++) {
		const char *n = nft_json_text(r->j, r->value, numbers[i]);
		text = n ? arena_printf(arena, "%s %s %s", text, numbers[i], n) : text;
	}
	for (size_t i = 0; i < 2 && json_is_array(flags); i++) {
		const char *flag = json_string_value(json_array_get(flags, i));
		text = flag ? arena_printf(arena, "%s %s", text, flag) : text;
	}
	(void)read_as(r, NFT_TARGET);
	r->at->text = text;
	return true;
}

static bool read_effect(struct reading *r)
{
	(void)read_as(r, NFT_EFFECT);
	r->at->breaks = true;
	return true;
}

static bool read_xt(struct reading *r)
{
	const char *type = json_is_object(r->value) ? nft_json_text(r->j, r->value, "type") : NULL;
	bool match = type && !strcmp(type, "match");
	return read_as(r, match ? NFT_CONDITION : NFT_TARGET);
}

static const struct {
	const char *key;
	bool (*read)(struct reading *r);
} statements[] = {{"match", read_match},
		  {"vmap", read_vmap},
		  {"log", read_log},
		  {"counter", read_counter},
		  {"last", read_nothing},
		  {"limit", read_limit},
		  {"quota", read_quota},
		  {"ct count", read_ct_count},
		  {"reject", read_reject},
		  {"mangle", read_mangle},
		  {"set", read_update},
		  {"map", read_update},
		  {"meter", read_meter},
		  {"queue", read_queue},
		  {"notrack", read_notrack},
		  {"flow", read_flow},
		  {"ct helper", read_object_of_flow},
		  {"ct timeout", read_object_of_flow},
		  {"ct expectation", read_object_of_flow},
		  {"snat", read_translate},
		  {"dnat", read_translate},
		  {"masquerade", read_translate},
		  {"redirect", read_translate},
		  {"synproxy", read_synproxy},
		  {"fwd", read_target},
		  {"dup", read_effect},
		  {"tproxy", read_effect},
		  {"reset", read_effect},
		  {"xt", read_xt}};

static bool read_statement(struct reading *r)
{
	for (size_t i = 0; i < array_len(statements); i++)
		if (!strcmp(statements[i].key, r->key))
			return statements[i].read(r);
	return read_target(r); // nobody here knows whether it decides
}

bool nft_json_stmt(struct nft_json *j, const json_t *value, struct nft_rule *rule)
{
	struct nft_stmt stmt = {0};
	json_t *object = (json_t *)(uintptr_t)value;
	const char *key = json_object_iter_key(json_object_iter(object));
	struct reading r = {.j = j, .at = &stmt, .key = key};
	if (!key)
		return nft_json_fail(j, "a statement of a rule is not an object with a member");
	r.value = json_object_get(value, key);
	if (nft_json_verdict(j, value, &stmt.verdict, &stmt.text))
		stmt.kind = NFT_DECIDE;
	else if (!read_statement(&r))
		return nft_json_fail(j, "the statement '%s' is not complete", key);
	vec_push(j->ruleset->arena, &rule->stmt, stmt);
	return !j->bad;
}
