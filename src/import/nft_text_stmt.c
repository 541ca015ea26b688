// SPDX-License-Identifier: Apache-2.0
// Rules of `nft list ruleset`: statements one after the other to the end of the line. A statement that is not known is not
// an error: up to the next verdict it becomes a condition of which only the text is known.
#include "import/nft_text.h"
#include "base/buf.h"

#include <string.h>

struct stmts {
	struct nft_parser *p;
	struct nft_table *table;
	struct nft_rule *rule;
	struct nft_stmt *at; // the one being parsed
};

// --- verdicts ---

static const struct {
	const char *word;
	enum nft_verdict verdict;
} verdicts[] = {{"accept", NFT_ACCEPT}, {"drop", NFT_DROP},  {"continue", NFT_CONTINUE},
		{"return", NFT_RETURN}, {"jump", NFT_JUMP},  {"goto", NFT_GOTO},
		{"reject", NFT_REJECT}, {"queue", NFT_QUEUE}};

static bool find_verdict(const struct nft_parser *p, enum nft_verdict *out)
{
	for (size_t i = 0; i < array_len(verdicts); i++)
		if (nft_is(p, verdicts[i].word)) {
			*out = verdicts[i].verdict;
			return true;
		}
	return false;
}

bool nft_parse_verdict(struct nft_parser *p, enum nft_verdict *verdict, const char **chain)
{
	enum nft_verdict found;
	*chain = NULL;
	if (!find_verdict(p, &found) || found == NFT_REJECT || found == NFT_QUEUE)
		return false;
	nft_advance(p);
	*verdict = found;
	if (found == NFT_JUMP || found == NFT_GOTO)
		*chain = nft_take_name(p, "the name of a chain");
	return true;
}

// Everything up to a verdict or the rule's end; what is in braces belongs to it.
static bool skip_to_verdict(struct nft_parser *p)
{
	enum nft_verdict ignored;
	unsigned braces = p->braces;
	while (!p->bad && (p->braces > braces ||
			   (!nft_ends(p) && !find_verdict(p, &ignored) && !nft_is(p, "comment")))) {
		if (p->now.kind == NFT_T_END)
			return nft_fail(p, NULL, "a closing brace is missing");
		if (nft_is(p, "{")) {
			(void)nft_open(p);
			continue;
		}
		if (nft_is(p, "}"))
			p->braces--;
		nft_advance(p);
	}
	return !p->bad;
}

static const char *first_words(struct stmts *s, const char *text)
{
	return arena_strndup(s->p->ruleset->arena, text, strcspn(text, " "));
}

// The whole statement is its text.
static bool take_as_text(struct stmts *s, enum nft_stmt_kind kind)
{
	struct nft_parser *p = s->p;
	const char *from = p->now.at;
	nft_advance(p);
	if (!skip_to_verdict(p))
		return false;
	s->at->kind = kind;
	s->at->text = nft_source(p, from);
	s->at->gap = first_words(s, s->at->text);
	return true;
}

// --- statements by their first word ---

static bool parse_counter(struct stmts *s)
{
	struct nft_parser *p = s->p;
	nft_advance(p);
	s->at->kind = NFT_NOTHING;
	s->at->text = "counter";
	if (nft_take(p, "name")) {
		if (!nft_begins_field(p))
			return nft_take_name(p, "the name of a counter");
		s->at->left = nft_parse_left(p);
		s->at->kind = NFT_EFFECT;
		s->at->gap = "counter by map";
		s->at->breaks = true;
		s->at->text = "counter name";
		return s->at->left;
	}
	while (nft_is_one_of(p, "packets", "bytes")) {
		nft_advance(p);
		nft_advance(p);
	}
	return true;
}

static bool parse_last(struct stmts *s)
{
	nft_advance(s->p);
	if (nft_take(s->p, "used"))
		nft_advance(s->p);
	s->at->kind = NFT_NOTHING;
	s->at->text = "last";
	return true;
}

static void take_log_flags(struct nft_parser *p)
{
	bool of_header = nft_is_one_of(p, "tcp", "ip");
	nft_advance(p);
	if (!of_header)
		return;
	do
		nft_advance(p);
	while (nft_take(p, ","));
}

static bool parse_log(struct stmts *s)
{
	struct nft_parser *p = s->p;
	nft_advance(p);
	s->at->kind = NFT_LOG;
	s->at->text = "log";
	while (!p->bad) {
		if (nft_take(p, "flags")) {
			take_log_flags(p);
		} else if (nft_is_one_of(p, "prefix", "level", "group", "snaplen",
					 "queue-threshold")) {
			nft_advance(p);
			if (nft_ends(p))
				return nft_fail(p, NULL, "what is logged is not complete");
			nft_advance(p);
		} else {
			return true;
		}
	}
	return false;
}

// "limit name lim1", "quota name tcp dport map @m"
static bool parse_named(struct stmts *s, const char *keyword)
{
	struct nft_parser *p = s->p;
	struct arena *arena = p->ruleset->arena;
	if (nft_begins_field(p)) {
		struct buf text;
		s->at->left = nft_parse_left(p);
		if (!s->at->left)
			return false;
		buf_init(&text);
		nft_expr_print(s->at->left, &text);
		s->at->text = arena_printf(arena, "%s name %s", keyword,
					   nft_text_short(arena, text.data, text.len));
		buf_fini(&text);
		return true;
	}
	const char *name = nft_take_name(p, "a name");
	if (name)
		s->at->text = arena_printf(arena, "%s name %s", keyword, name);
	return name;
}

static void take_words(struct nft_parser *p, struct buf *text, unsigned most)
{
	for (; most && p->now.kind == NFT_T_WORD; most--) {
		buf_printf(text, " %s", p->now.text);
		nft_advance(p);
	}
}

// rate over 10 mbytes/second burst 3 kbytes; five packets are nft's own choice and left out.
static void take_limit(struct nft_parser *p, struct buf *text)
{
	if (nft_take(p, "over"))
		buf_adds(text, " over");
	bool bytes = !strchr(p->now.kind == NFT_T_WORD ? p->now.text : "/", '/');
	take_words(p, text, bytes ? 2 : 1);
	if (!nft_take(p, "burst"))
		return;
	size_t len = text->len;
	buf_adds(text, " burst");
	take_words(p, text, 2);
	if (!strcmp(text->data + len, " burst 5 packets")) {
		text->len = len;
		text->data[len] = '\0';
	}
}

static bool parse_limit(struct stmts *s)
{
	struct nft_parser *p = s->p;
	struct buf text;
	nft_advance(p);
	s->at->kind = NFT_CONDITION;
	s->at->gap = "limit";
	if (nft_take(p, "name"))
		return parse_named(s, "limit");
	if (!nft_expect(p, "rate"))
		return false;
	buf_init(&text);
	buf_adds(&text, "limit rate");
	take_limit(p, &text);
	s->at->text = arena_strndup(p->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return true;
}

static bool parse_quota(struct stmts *s)
{
	struct nft_parser *p = s->p;
	struct buf text;
	nft_advance(p);
	s->at->kind = NFT_CONDITION;
	s->at->gap = "quota";
	if (nft_take(p, "name"))
		return parse_named(s, "quota");
	buf_init(&text);
	buf_adds(&text, nft_take(p, "over") ? "quota over" : "quota");
	nft_take(p, "until");
	take_words(p, &text, 2);
	if (nft_take(p, "used")) {
		nft_advance(p);
		nft_advance(p);
	}
	s->at->text = arena_strndup(p->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return true;
}

static bool parse_reject(struct stmts *s)
{
	struct nft_parser *p = s->p;
	nft_advance(p);
	s->at->kind = NFT_DECIDE;
	s->at->verdict = NFT_REJECT;
	s->at->text = "";
	if (!nft_take(p, "with"))
		return true;
	const char *type = nft_take_name(p, "the kind of answer");
	nft_take(p, "type");
	const char *code = type ? nft_take_name(p, "the kind of answer") : NULL;
	if (code)
		s->at->text = arena_printf(p->ruleset->arena, "with %s %s", type, code);
	return code;
}

static bool parse_queue(struct stmts *s)
{
	if (!take_as_text(s, NFT_DECIDE))
		return false;
	s->at->verdict = NFT_QUEUE;
	const char *rest = strchr(s->at->text, ' ');
	s->at->text = rest ? rest + 1 : "";
	return true;
}

static bool parse_notrack(struct stmts *s)
{
	nft_advance(s->p);
	s->at->kind = NFT_EFFECT;
	s->at->text = s->at->gap = "notrack";
	return true;
}

static bool parse_flow(struct stmts *s)
{
	if (!take_as_text(s, NFT_EFFECT))
		return false;
	s->at->gap = "flow offload";
	return true;
}

static void changes(struct stmts *s, const char *what)
{
	map_put(&s->table->changed, what, (void *)(uintptr_t)1);
}

// { ip saddr timeout 10s limit rate 1/second : 5 }: the key is what matters.
static bool parse_set_key(struct stmts *s, const char *what)
{
	struct nft_parser *p = s->p;
	struct buf text;
	if (!nft_open(p))
		return false;
	s->at->left = nft_parse_left(p);
	if (!s->at->left)
		return false;
	for (unsigned braces = p->braces; !nft_is(p, "}") || p->braces > braces;) {
		if (p->now.kind == NFT_T_END || p->bad)
			return nft_fail(p, NULL, "a closing brace is missing");
		if (nft_is(p, "{"))
			(void)nft_open(p);
		else if (nft_is(p, "}"))
			(void)nft_close(p);
		else
			nft_advance(p);
	}
	buf_init(&text);
	nft_expr_print(s->at->left, &text);
	s->at->text = arena_printf(p->ruleset->arena, "%s { %s }", what,
				   nft_text_short(p->ruleset->arena, text.data, text.len));
	buf_fini(&text);
	s->at->kind = NFT_EFFECT;
	s->at->breaks = true;
	return nft_close(p);
}

static bool parse_update(struct stmts *s)
{
	struct nft_parser *p = s->p;
	const char *how = p->now.text;
	nft_advance(p);
	const char *name = p->now.kind == NFT_T_WORD && p->now.text[0] == '@' ? p->now.text : NULL;
	if (!name)
		return nft_fail(p, NULL, "the @name of a set is missing");
	nft_advance(p);
	map_put(&s->table->updated, name + 1, (void *)(uintptr_t)1);
	s->at->gap = "sets changed by packets";
	return parse_set_key(s, arena_printf(p->ruleset->arena, "%s %s", how, name));
}

static bool parse_meter(struct stmts *s)
{
	struct nft_parser *p = s->p;
	nft_advance(p);
	const char *name = nft_take_name(p, "the name of a meter");
	if (nft_take(p, "size"))
		nft_advance(p);
	s->at->gap = "meter";
	return name && parse_set_key(s, arena_printf(p->ruleset->arena, "meter %s", name));
}

static bool parse_translate(struct stmts *s)
{
	return take_as_text(s, NFT_TRANSLATE);
}

static bool parse_target(struct stmts *s)
{
	return take_as_text(s, NFT_TARGET);
}

static bool parse_synproxy(struct stmts *s)
{
	struct nft_parser *p = s->p;
	struct buf text;
	buf_init(&text);
	buf_adds(&text, "synproxy");
	nft_advance(p);
	while (nft_is_one_of(p, "name", "mss", "wscale", "timestamp", "sack-perm")) {
		bool has_value = nft_is_one_of(p, "name", "mss", "wscale");
		take_words(p, &text, 1);
		const char *value = has_value ? nft_take_name(p, "a value") : NULL;
		if (value)
			buf_printf(&text, " %s", value);
	}
	s->at->kind = NFT_TARGET;
	s->at->gap = "synproxy";
	s->at->text = arena_strndup(p->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return !p->bad;
}

static bool parse_effect(struct stmts *s)
{
	if (!take_as_text(s, NFT_EFFECT))
		return false;
	s->at->breaks = true;
	return true;
}

// Matches and targets of iptables that nft has no words for.
static bool parse_xt(struct stmts *s)
{
	if (!take_as_text(s, NFT_TARGET))
		return false;
	if (!strncmp(s->at->text, "xt match", 8))
		s->at->kind = NFT_CONDITION;
	return true;
}

static bool parse_comment(struct stmts *s)
{
	nft_advance(s->p);
	s->at->kind = NFT_NOTHING;
	const char *text = nft_take_name(s->p, "a comment");
	if (text)
		s->at->text = arena_printf(s->p->ruleset->arena, "comment \"%s\"", text);
	return text;
}

// --- comparisons, lookups and writing to fields ---

static bool parse_write(struct stmts *s, struct nft_expr *left)
{
	struct nft_parser *p = s->p;
	struct nft_expr *value = nft_parse_any(p);
	while (value && nft_take(p, ","))
		if (!nft_parse_any(p))
			return false;
	if (!value)
		return false;
	struct buf text;
	buf_init(&text);
	nft_expr_print(left, &text);
	s->at->gap = arena_printf(p->ruleset->arena, "%s set",
				  nft_text_short(p->ruleset->arena, text.data, text.len));
	buf_adds(&text, " set ");
	nft_expr_print(value, &text);
	s->at->kind = NFT_EFFECT;
	s->at->left = left;
	s->at->breaks = nft_expr_reads(value);
	s->at->text = nft_text_short(p->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	if (left->kind == NFT_FIELD)
		changes(s, left->text);
	return true;
}

static bool take_op(struct nft_parser *p, enum nft_op *op)
{
	static const struct {
		const char *mark;
		enum nft_op op;
	} ops[] = {{"==", NFT_EQ}, {"!=", NFT_NE}, {"<", NFT_LT},     {">", NFT_GT},
		   {"<=", NFT_LE}, {">=", NFT_GE}, {"!", NFT_NONE_OF}};
	for (size_t i = 0; i < array_len(ops); i++)
		if (nft_take(p, ops[i].mark)) {
			*op = ops[i].op;
			return true;
		}
	return false;
}

static bool parse_match(struct stmts *s, struct nft_expr *left)
{
	struct nft_parser *p = s->p;
	bool given = take_op(p, &s->at->op);
	s->at->kind = NFT_MATCH;
	s->at->left = left;
	s->at->right = nft_parse_right(p);
	if (!s->at->right)
		return false;
	if (!nft_is(p, "/")) {
		if (!given)
			s->at->op = nft_op_implied(left, s->at->right);
		return true;
	}
	nft_advance(p);
	struct nft_expr *mask = nft_parse_right(p);
	if (!mask)
		return false;
	s->at->left = nft_expr_pair(p->ruleset->arena, NFT_BINARY, left, mask);
	s->at->left->text = "&";
	s->at->op = given ? s->at->op : NFT_EQ;
	return true;
}

static bool parse_ct_count(struct stmts *s, const struct nft_expr *left)
{
	struct nft_parser *p = s->p;
	(void)left;
	bool over = nft_take(p, "over");
	const char *n = nft_take_name(p, "a number");
	s->at->kind = NFT_CONDITION;
	s->at->gap = "ct count";
	if (n)
		s->at->text =
			arena_printf(p->ruleset->arena, "ct count %s%s", over ? "over " : "", n);
	return n;
}

static bool parse_about_field(struct stmts *s)
{
	struct nft_parser *p = s->p;
	struct nft_expr *left = nft_parse_left(p);
	if (!left)
		return false;
	if (left->kind == NFT_FIELD && !strcmp(left->text, "ct count"))
		return parse_ct_count(s, left);
	if (nft_take(p, "set"))
		return parse_write(s, left);
	if (!nft_take(p, "vmap"))
		return parse_match(s, left);
	s->at->kind = NFT_VMAP;
	s->at->left = left;
	s->at->right = nft_parse_lookup(p);
	return s->at->right;
}

// --- the rule ---

static const struct {
	const char *word;
	bool (*parse)(struct stmts *s);
} statements[] = {{"counter", parse_counter},
		  {"last", parse_last},
		  {"log", parse_log},
		  {"limit", parse_limit},
		  {"quota", parse_quota},
		  {"reject", parse_reject},
		  {"queue", parse_queue},
		  {"notrack", parse_notrack},
		  {"flow", parse_flow},
		  {"add", parse_update},
		  {"update", parse_update},
		  {"delete", parse_update},
		  {"meter", parse_meter},
		  {"snat", parse_translate},
		  {"dnat", parse_translate},
		  {"masquerade", parse_translate},
		  {"redirect", parse_translate},
		  {"synproxy", parse_synproxy},
		  {"fwd", parse_target},
		  {"dup", parse_effect},
		  {"tproxy", parse_effect},
		  {"reset", parse_effect},
		  {"xt", parse_xt},
		  {"comment", parse_comment}};

static bool parse_unknown(struct stmts *s)
{
	struct nft_parser *p = s->p;
	if (p->now.kind != NFT_T_WORD || p->now.text[0] == '$')
		return nft_fail(p, NULL, "a statement cannot begin with '%.*s'",
				(int)(p->now.end - p->now.at), p->now.at);
	if (!take_as_text(s, NFT_CONDITION))
		return false;
	if (nft_ends(p) || nft_is(p, "comment"))
		s->at->kind = NFT_TARGET;
	return true;
}

static bool parse_stmt(struct stmts *s)
{
	struct nft_parser *p = s->p;
	for (size_t i = 0; i < array_len(statements); i++)
		if (nft_is(p, statements[i].word))
			return statements[i].parse(s);
	if (nft_parse_verdict(p, &s->at->verdict, &s->at->text)) {
		s->at->kind = NFT_DECIDE;
		return !p->bad;
	}
	if (nft_begins_field(p) || nft_is(p, "("))
		return parse_about_field(s);
	return parse_unknown(s);
}

bool nft_parse_rule(struct nft_parser *p, struct nft_chain *chain)
{
	const char *from = p->now.at;
	struct nft_rule *rule = nft_rule_add(p->ruleset, chain, p->now.line);
	struct stmts s = {.p = p, .table = p->table, .rule = rule};
	while (!p->bad && !nft_ends(p)) {
		struct nft_stmt stmt = {0};
		s.at = &stmt;
		if (!parse_stmt(&s))
			return nft_fail(p, NULL, "this rule is not complete");
		vec_push(p->ruleset->arena, &rule->stmt, stmt);
	}
	rule->text = nft_source(p, from);
	return !p->bad;
}
