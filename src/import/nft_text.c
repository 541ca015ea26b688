// SPDX-License-Identifier: Apache-2.0
// `nft list ruleset`: tables, chains, sets and maps. Everything else a table can hold (counters, helpers, flow tables)
// decides no packet and is passed over. Commands, variables and includes belong to scripts, not to listings, and are
// refused with what to do instead.
#include "import/nft_text.h"
#include "base/buf.h"
#include "base/diag.h"
#include "import/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HINT                                                          \
	"run it through nft -f (in a network namespace of its own), " \
	"then import what nft list ruleset prints"

// --- the parser's tools ---

bool nft_fail(struct nft_parser *p, const char *hint, const char *fmt, ...)
{
	if (p->bad)
		return false;
	p->bad = true;
	va_list ap;
	va_start(ap, fmt);
	const char *text =
		p->now.kind == NFT_T_BAD
			? arena_printf(p->ruleset->arena, "%s is not expected here", p->now.text)
			: arena_vprintf(p->ruleset->arena, fmt, ap);
	va_end(ap);
	diag_add(p->diags,
		 &(struct diag){.code = DIAG_SYNTAX,
				.file = p->ruleset->file,
				.line = p->now.line,
				.hint = hint ? hint : HINT},
		 "%s", text);
	return false;
}

void nft_advance(struct nft_parser *p)
{
	p->taken_end = p->now.end;
	do
		p->now = nft_lex(&p->lexer);
	while (p->braces && p->now.kind == NFT_T_LINE);
	if (p->now.kind == NFT_T_BAD)
		nft_fail(p, NULL, "%s", "");
}

bool nft_is(const struct nft_parser *p, const char *text)
{
	bool named = p->now.kind == NFT_T_WORD || p->now.kind == NFT_T_MARK;
	return named && !strcmp(p->now.text, text);
}

bool nft_take(struct nft_parser *p, const char *text)
{
	bool is = nft_is(p, text);
	if (is)
		nft_advance(p);
	return is;
}

bool nft_is_any(const struct nft_parser *p, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nft_is(p, texts[i]))
			return true;
	return false;
}

const char *nft_take_name(struct nft_parser *p, const char *what)
{
	struct nft_token t = p->now;
	if (t.kind != NFT_T_WORD && t.kind != NFT_T_STRING) {
		nft_fail(p, NULL, "%s is missing", what);
		return NULL;
	}
	nft_advance(p);
	return p->bad ? NULL : t.text;
}

bool nft_ends(const struct nft_parser *p)
{
	return p->now.kind == NFT_T_LINE || p->now.kind == NFT_T_END || nft_is(p, "}");
}

bool nft_expect(struct nft_parser *p, const char *text)
{
	return nft_take(p, text) || nft_fail(p, NULL, "'%s' is missing", text);
}

bool nft_open(struct nft_parser *p)
{
	p->braces++;
	return nft_expect(p, "{");
}

bool nft_close(struct nft_parser *p)
{
	if (!nft_is(p, "}"))
		return nft_fail(p, NULL, "a closing brace is missing");
	p->braces--;
	nft_advance(p);
	return !p->bad;
}

void nft_skip_line(struct nft_parser *p)
{
	unsigned braces = p->braces;
	while (!p->bad && p->now.kind != NFT_T_END && (p->braces > braces || !nft_ends(p))) {
		if (nft_is(p, "{"))
			p->braces++;
		else if (nft_is(p, "}"))
			p->braces--;
		nft_advance(p);
	}
}

const char *nft_source(const struct nft_parser *p, const char *from)
{
	struct buf text;
	buf_init(&text);
	for (const char *c = from; c < p->taken_end; c++) {
		bool blank = *c == ' ' || *c == '\t' || *c == '\n' || *c == '\r' || *c == '\\';
		bool quoted = *c == '\\' && c + 1 < p->taken_end && c[1] != '\n';
		if (!blank || quoted)
			buf_addc(&text, *c);
		else if (text.len && text.data[text.len - 1] != ' ')
			buf_addc(&text, ' ');
	}
	while (text.len && text.data[text.len - 1] == ' ')
		text.len--;
	const char *result = nft_text_short(p->ruleset->arena, text.data, text.len);
	buf_fini(&text);
	return result;
}

static void skip_lines(struct nft_parser *p)
{
	while (p->now.kind == NFT_T_LINE)
		nft_advance(p);
}

// { ... } over several lines, where line ends matter.
static bool open_block(struct nft_parser *p)
{
	skip_lines(p);
	return nft_expect(p, "{");
}

// Whether the block goes on; else its end is taken.
static bool in_block(struct nft_parser *p)
{
	skip_lines(p);
	if (p->bad || nft_take(p, "}"))
		return false;
	if (p->now.kind == NFT_T_END)
		return nft_fail(p, "give the whole output of nft list ruleset",
				"the input ends inside of a block");
	return true;
}

static bool end_line(struct nft_parser *p)
{
	return nft_ends(p) || nft_fail(p, NULL, "'%.*s' is not expected here",
				       (int)(p->now.end - p->now.at), p->now.at);
}

// --- chains ---

static bool parse_priority(struct nft_parser *p, struct nft_chain *chain)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {{"raw", -300},    {"mangle", -150}, {"dstnat", -100}, {"filter", 0},
		     {"security", 50}, {"srcnat", 100},  {"out", 100}};
	int sign = nft_take(p, "-") ? -1 : 1;
	const char *base = nft_take_name(p, "a priority");
	if (!base)
		return false;
	chain->priority = sign * (int)strtol(base, NULL, 10);
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcmp(names[i].name, base))
			chain->priority = names[i].value;
	if (!nft_is_one_of(p, "+", "-"))
		return true;
	sign = nft_is(p, "-") ? -1 : 1;
	nft_advance(p);
	const char *more = nft_take_name(p, "a number");
	chain->priority += more ? sign * (int)strtol(more, NULL, 10) : 0;
	return more;
}

// type filter hook input device "eth0" priority filter - 10
static bool parse_base(struct nft_parser *p, struct nft_chain *chain)
{
	nft_advance(p);
	chain->type = nft_take_name(p, "the type of the chain");
	chain->hook = nft_expect(p, "hook") ? nft_take_name(p, "the hook") : NULL;
	while (chain->hook && !p->bad && !nft_ends(p) && !nft_is(p, "priority")) {
		if (nft_is(p, "{"))
			return nft_skip_line(p), true;
		nft_advance(p);
	}
	return !p->bad && (!nft_take(p, "priority") || parse_priority(p, chain));
}

static bool parse_policy(struct nft_parser *p, struct nft_chain *chain)
{
	nft_advance(p);
	chain->drops = nft_is(p, "drop");
	if (!nft_is_one_of(p, "accept", "drop"))
		return nft_fail(p, "write policy accept or policy drop",
				"a chain's policy is accept or drop");
	nft_advance(p);
	return true;
}

static bool parse_chain_line(struct nft_parser *p, struct nft_chain *chain)
{
	if (nft_is(p, "type") && !chain->rule.len)
		return parse_base(p, chain);
	if (nft_is(p, "policy") && !chain->rule.len)
		return parse_policy(p, chain);
	if ((nft_is(p, "comment") || nft_is(p, "devices")) && !chain->rule.len)
		return nft_skip_line(p), !p->bad;
	return nft_parse_rule(p, chain);
}

static bool parse_chain(struct nft_parser *p)
{
	unsigned line = p->now.line;
	nft_advance(p);
	const char *name = nft_take_name(p, "the name of a chain");
	struct nft_chain *chain = name ? nft_chain_add(p->ruleset, p->table, name, line) : NULL;
	if (!chain)
		return nft_fail(p, "give the output of one run of nft",
				"there is a chain %s in this table already", name ? name : "");
	if (!open_block(p))
		return false;
	while (in_block(p))
		if (!parse_chain_line(p, chain) || !end_line(p))
			return false;
	return !p->bad;
}

// --- sets and maps ---

static void parse_flags(struct nft_parser *p, struct nft_set *set)
{
	do {
		nft_advance(p);
		set->dynamic |= nft_is(p, "dynamic");
		set->timeout |= nft_is(p, "timeout");
	} while (!p->bad && !nft_ends(p));
}

static bool parse_elements(struct nft_parser *p, struct nft_set *set)
{
	nft_advance(p);
	if (!nft_expect(p, "="))
		return false;
	struct nft_expr *elements = nft_parse_set(p);
	if (elements)
		set->elements = elements;
	return elements;
}

static bool parse_set_line(struct nft_parser *p, struct nft_set *set)
{
	if (nft_is(p, "elements"))
		return parse_elements(p, set);
	if (nft_is(p, "flags"))
		parse_flags(p, set);
	else
		nft_skip_line(p); // type, size, timeout, counters: they say nothing about packets
	return !p->bad;
}

static bool parse_set_block(struct nft_parser *p)
{
	unsigned line = p->now.line;
	nft_advance(p);
	const char *name = nft_take_name(p, "the name of a set");
	struct nft_set *set = name ? nft_set_add(p->ruleset, p->table, name, line) : NULL;
	if (!set)
		return nft_fail(p, "give the output of one run of nft",
				"there is a set or map %s in this table already", name ? name : "");
	if (!open_block(p))
		return false;
	while (in_block(p))
		if (!parse_set_line(p, set) || !end_line(p))
			return false;
	return !p->bad;
}

// --- tables ---

static bool parse_table_flags(struct nft_parser *p)
{
	do {
		nft_advance(p);
		p->table->dormant |= nft_is(p, "dormant");
	} while (!p->bad && !nft_ends(p));
	return !p->bad;
}

static bool is_command(const struct nft_parser *p)
{
	return nft_is_one_of(p, "define", "redefine", "undefine", "include", "add", "create",
			     "insert", "replace", "delete", "destroy", "flush", "list", "reset",
			     "rename", "import", "export", "monitor");
}

static bool refuse_command(struct nft_parser *p)
{
	return nft_fail(p, HINT, "'%s' belongs to a script, not to a listing", p->now.text);
}

static bool parse_table_line(struct nft_parser *p)
{
	if (nft_is(p, "chain"))
		return parse_chain(p);
	if (nft_is(p, "set") || nft_is(p, "map"))
		return parse_set_block(p);
	if (nft_is(p, "flags"))
		return parse_table_flags(p);
	if (is_command(p))
		return refuse_command(p);
	// nothing else decides packets
	if (!nft_is_one_of(p, "comment", "counter", "quota", "limit", "ct", "synproxy", "secmark",
			   "flowtable", "meter", "tunnel"))
		return nft_fail(p, NULL, "'%.*s' is nothing that a table holds",
				(int)(p->now.end - p->now.at), p->now.at);
	nft_skip_line(p);
	return !p->bad;
}

static bool parse_table(struct nft_parser *p)
{
	static const char *const families[] = {"ip", "ip6", "inet", "arp", "bridge", "netdev"};
	unsigned line = p->now.line;
	nft_advance(p);
	const char *family = "ip";
	if (nft_is_any(p, families, array_len(families))) {
		family = p->now.text;
		nft_advance(p);
	}
	const char *name = nft_take_name(p, "the name of a table");
	if (!name || !open_block(p))
		return false;
	p->table = nft_table_get(p->ruleset, family, name, line);
	while (in_block(p))
		if (!parse_table_line(p) || !end_line(p))
			return false;
	return !p->bad;
}

bool nft_text_read(const struct import_input *input, struct diags *diags, struct nft_ruleset *out)
{
	struct nft_parser p = {.ruleset = out, .diags = diags};
	p.lexer = (struct nft_lexer){out->arena, input->data, input->data + input->len, 1};
	nft_advance(&p);
	skip_lines(&p);
	while (!p.bad && p.now.kind != NFT_T_END) {
		if (nft_is(&p, "table"))
			(void)(parse_table(&p) && (end_line(&p), 1));
		else if (is_command(&p) || (p.now.kind == NFT_T_WORD && p.now.text[0] == '$'))
			(void)refuse_command(&p);
		else
			(void)nft_fail(&p, NULL, "a table is expected here");
		skip_lines(&p);
	}
	return !p.bad;
}
