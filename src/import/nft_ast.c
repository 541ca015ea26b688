// SPDX-License-Identifier: Apache-2.0
// Making the parts of a listed ruleset, and writing them as nft would. Both readers go through here, so that a condition has
// one text whichever of the two it came from: that text is what an opaque condition is known by.
#include "import/nft_ast.h"
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nft_expr *nft_expr_new(struct arena *arena, enum nft_kind kind, const char *text)
{
	struct nft_expr *expr = arena_new(arena, struct nft_expr);
	expr->kind = kind;
	expr->text = text;
	return expr;
}

struct nft_expr *nft_expr_pair(struct arena *arena, enum nft_kind kind, struct nft_expr *a,
			       struct nft_expr *b)
{
	struct nft_expr *expr = nft_expr_new(arena, kind, NULL);
	expr->item = arena_array(arena, struct nft_expr *, 2);
	expr->item[0] = a;
	expr->item[1] = b;
	expr->len = 2;
	return expr;
}

// "1h30m" in seconds, as JSON has it.
static bool read_duration(const char *text, unsigned long long *out)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	unsigned long long all = 0;
	size_t i = 0;
	if (*text < '0' || *text > '9')
		return false;
	for (; *text; text++) {
		char *end;
		unsigned long long n = strtoull(text, &end, 10);
		for (; i < array_len(units) && *end != units[i].unit; i++)
			continue;
		if (end == text || i == array_len(units) || n > UINT32_MAX)
			return false;
		all += n * units[i++].seconds;
		text = end;
	}
	*out = all;
	return true;
}

struct nft_expr *nft_value_new(struct arena *arena, const char *text)
{
	char *end;
	bool hex = text[0] == '0' && text[1] == 'x';
	errno = 0;
	unsigned long long v = hex ? strtoull(text, &end, 16) : 0;
	if ((hex && !errno && !*end) || read_duration(text, &v))
		text = arena_printf(arena, "%llu", v);
	return nft_expr_new(arena, NFT_VALUE, text);
}

bool nft_expr_reads(const struct nft_expr *expr)
{
	if (expr->kind == NFT_FIELD || expr->kind == NFT_MAP || expr->kind == NFT_REFERENCE)
		return true;
	for (size_t i = 0; i < expr->len; i++)
		if (nft_expr_reads(expr->item[i]))
			return true;
	return false;
}

enum nft_op nft_op_implied(const struct nft_expr *left, const struct nft_expr *right)
{
	static const char *const flags[] = {"tcp flags", "ct state", "ct status", "ct label"};
	bool plain = right->kind == NFT_VALUE || right->kind == NFT_LIST;
	for (size_t i = 0; plain && left->kind == NFT_FIELD && i < array_len(flags); i++)
		if (!strcmp(left->text, flags[i]))
			return NFT_ANY_OF;
	return NFT_EQ;
}

// --- tables ---

struct nft_table *nft_table_find(const struct nft_ruleset *ruleset, const char *family,
				 const char *name)
{
	char key[512];
	snprintf(key, sizeof(key), "%s %s", family, name);
	return map_get(&ruleset->tables, key);
}

struct nft_table *nft_table_get(struct nft_ruleset *ruleset, const char *family, const char *name,
				unsigned line)
{
	struct nft_table *table = nft_table_find(ruleset, family, name);
	if (table)
		return table;
	table = arena_new(ruleset->arena, struct nft_table);
	table->family = family;
	table->name = name;
	table->line = line;
	table->chains.arena = table->sets.arena = table->changed.arena = table->updated.arena =
		ruleset->arena;
	ruleset->tables.arena = ruleset->arena;
	map_put(&ruleset->tables, arena_printf(ruleset->arena, "%s %s", family, name), table);
	vec_push(ruleset->arena, &ruleset->table, table);
	return table;
}

struct nft_chain *nft_chain_add(struct nft_ruleset *ruleset, struct nft_table *table,
				const char *name, unsigned line)
{
	if (map_get(&table->chains, name))
		return NULL;
	struct nft_chain *chain = arena_new(ruleset->arena, struct nft_chain);
	chain->name = name;
	chain->line = line;
	map_put(&table->chains, name, chain);
	vec_push(ruleset->arena, &table->chain, chain);
	return chain;
}

struct nft_set *nft_set_add(struct nft_ruleset *ruleset, struct nft_table *table, const char *name,
			    unsigned line)
{
	if (map_get(&table->sets, name))
		return NULL;
	struct nft_set *set = arena_new(ruleset->arena, struct nft_set);
	set->name = name;
	set->line = line;
	set->elements = nft_expr_new(ruleset->arena, NFT_SET, NULL);
	map_put(&table->sets, name, set);
	return set;
}

struct nft_rule *nft_rule_add(struct nft_ruleset *ruleset, struct nft_chain *chain, unsigned line)
{
	vec_push(ruleset->arena, &chain->rule, (struct nft_rule){.line = line});
	return &chain->rule.at[chain->rule.len - 1];
}

// --- printing ---

static void print_list(const struct nft_expr *expr, const char *between, struct buf *out)
{
	for (size_t i = 0; i < expr->len; i++) {
		buf_adds(out, i ? between : "");
		nft_expr_print(expr->item[i], out);
	}
}

static const char *const verdict_name[] = {
	[NFT_ACCEPT] = "accept", [NFT_DROP] = "drop",  [NFT_CONTINUE] = "continue",
	[NFT_RETURN] = "return", [NFT_JUMP] = "jump",  [NFT_GOTO] = "goto",
	[NFT_REJECT] = "reject", [NFT_QUEUE] = "queue"};

static void print_verdict(enum nft_verdict verdict, const char *text, struct buf *out)
{
	buf_adds(out, verdict_name[verdict]);
	if (text && *text)
		buf_printf(out, " %s", text);
}

static void print_set(const struct nft_expr *expr, struct buf *out)
{
	buf_adds(out, "{ ");
	print_list(expr, ", ", out);
	buf_adds(out, " }");
}

static void print_binary(const struct nft_expr *expr, struct buf *out)
{
	buf_addc(out, '(');
	nft_expr_print(expr->item[0], out);
	buf_printf(out, " %s ", expr->text);
	nft_expr_print(expr->item[1], out);
	buf_addc(out, ')');
}

void nft_expr_print(const struct nft_expr *expr, struct buf *out)
{
	switch (expr->kind) {
	case NFT_FIELD:
	case NFT_VALUE:
		buf_adds(out, expr->text);
		break;
	case NFT_PREFIX:
		nft_expr_print(expr->item[0], out);
		buf_printf(out, "/%s", expr->text);
		break;
	case NFT_RANGE:
		print_list(expr, "-", out);
		break;
	case NFT_LIST:
		print_list(expr, ",", out);
		break;
	case NFT_SET:
		print_set(expr, out);
		break;
	case NFT_PAIR:
		print_list(expr, " : ", out);
		break;
	case NFT_CONCAT:
		print_list(expr, " . ", out);
		break;
	case NFT_BINARY:
		print_binary(expr, out);
		break;
	case NFT_REFERENCE:
		buf_printf(out, "@%s", expr->text);
		break;
	case NFT_ANY:
		buf_addc(out, '*');
		break;
	case NFT_MAP:
		print_list(expr, " map ", out);
		break;
	case NFT_DECISION:
		print_verdict(expr->verdict, expr->text, out);
		break;
	}
}

static void print_match(const struct nft_stmt *stmt, struct buf *out)
{
	static const char *const op[] = {
		[NFT_EQ] = " == ", [NFT_NE] = " != ", [NFT_LT] = " < ",   [NFT_GT] = " > ",
		[NFT_LE] = " <= ", [NFT_GE] = " >= ", [NFT_ANY_OF] = " ", [NFT_NONE_OF] = " ! "};
	nft_expr_print(stmt->left, out);
	bool implied = stmt->op == nft_op_implied(stmt->left, stmt->right);
	buf_adds(out, implied ? " " : op[stmt->op]);
	nft_expr_print(stmt->right, out);
}

void nft_stmt_print(const struct nft_stmt *stmt, struct buf *out)
{
	switch (stmt->kind) {
	case NFT_MATCH:
		print_match(stmt, out);
		break;
	case NFT_VMAP:
		nft_expr_print(stmt->left, out);
		buf_adds(out, " vmap ");
		nft_expr_print(stmt->right, out);
		break;
	case NFT_DECIDE:
		print_verdict(stmt->verdict, stmt->text, out);
		break;
	case NFT_LOG:
	case NFT_NOTHING:
	case NFT_EFFECT:
	case NFT_CONDITION:
	case NFT_TARGET:
	case NFT_TRANSLATE:
		buf_adds(out, stmt->text);
		break;
	}
}

// What is cut off still tells two texts apart.
const char *nft_text_short(struct arena *arena, const char *text, size_t len)
{
	if (len <= NFT_TEXT_MOST)
		return arena_strndup(arena, text, len);
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
	return arena_printf(arena, "%.*s... (%016llx)", NFT_TEXT_MOST, text,
			    (unsigned long long)hash);
}

const char *nft_stmt_text(struct arena *arena, const struct nft_stmt *stmt)
{
	struct buf text;
	buf_init(&text);
	nft_stmt_print(stmt, &text);
	const char *result = nft_text_short(arena, text.data, text.len);
	buf_fini(&text);
	return result;
}

const char *nft_rule_text(struct arena *arena, const struct nft_rule *rule)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < rule->stmt.len; i++) {
		buf_adds(&text, i ? " " : "");
		nft_stmt_print(&rule->stmt.at[i], &text);
	}
	const char *result = nft_text_short(arena, text.data, text.len);
	buf_fini(&text);
	return result;
}
