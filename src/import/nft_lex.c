// SPDX-License-Identifier: Apache-2.0
// The lexer. A word is as long as can be: "10.0.0.1-10.0.0.9", "2001:db8::/32" and "redirect" are words alike; what is
// inside depends on where the word stands, so the parser of values looks there. Line ends are tokens, since they end
// rules.
#include "import/nft_lex.h"

#include <string.h>

static struct nft_token token(const struct nft_lexer *l, enum nft_token_kind kind, const char *at)
{
	return (struct nft_token){.kind = kind, .at = at, .end = l->at, .line = l->line};
}

static char peek(const struct nft_lexer *l, size_t ahead)
{
	return (size_t)(l->end - l->at) > ahead ? l->at[ahead] : '\0';
}

// nft 1.0.6 writes so behind the elements of sets whose type it has no name for.
static bool at_annotation(const struct nft_lexer *l)
{
	static const char annotation[] = "[invalid type]";
	size_t len = sizeof(annotation) - 1;
	return (size_t)(l->end - l->at) >= len && !memcmp(l->at, annotation, len);
}

static void skip_blanks(struct nft_lexer *l)
{
	for (; l->at < l->end; l->at++) {
		if (at_annotation(l))
			l->at = memchr(l->at, ']', (size_t)(l->end - l->at));
		else if (*l->at == '\\' && peek(l, 1) == '\n') {
			l->at++;
			l->line++;
		} else if (*l->at == '#') {
			const char *line_end = memchr(l->at, '\n', (size_t)(l->end - l->at));
			l->at = (line_end ? line_end : l->end) - 1;
		} else if (*l->at != ' ' && *l->at != '\t' && *l->at != '\r') {
			return;
		}
	}
}

static bool is_word(char c)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return letter || (c >= '0' && c <= '9') || (c && strchr("_./:*-\\", c));
}

static bool begins_word(const struct nft_lexer *l)
{
	char c = *l->at, next = peek(l, 1);
	if (c == ':')
		return next == ':';
	if (c == '@' || c == '$')
		return is_word(next) && next != '-' && next != '.';
	return is_word(c) && c != '-' && c != '.' && c != '/';
}

// @th,16,16: a place in a packet.
static bool is_place(const char *at, const struct nft_lexer *l)
{
	return l->at - at == 3 && at[0] == '@' && peek(l, 0) == ',' && memchr("ltni", at[1], 4) &&
	       memchr("lh", at[2], 2) && peek(l, 1) >= '0' && peek(l, 1) <= '9';
}

static struct nft_token lex_word(struct nft_lexer *l)
{
	const char *at = l->at++;
	while (l->at < l->end && is_word(*l->at) && !(*l->at == '\\' && peek(l, 1) == '\n'))
		l->at++;
	if (is_place(at, l))
		while (l->at < l->end && (*l->at == ',' || (*l->at >= '0' && *l->at <= '9')))
			l->at++;
	// "22:" in a map written by hand
	if (l->at - at > 1 && l->at[-1] == ':' && l->at[-2] != ':')
		l->at--;
	struct nft_token t = token(l, NFT_T_WORD, at);
	t.text = arena_strndup(l->arena, at, (size_t)(l->at - at));
	return t;
}

static struct nft_token lex_string(struct nft_lexer *l)
{
	const char *at = l->at++;
	while (l->at < l->end && *l->at != '"' && *l->at != '\n' && *l->at)
		l->at++;
	struct nft_token t = token(l, NFT_T_STRING, at);
	if (peek(l, 0) != '"') {
		t.kind = NFT_T_BAD;
		t.text = "a string without an end";
		return t;
	}
	t.text = arena_strndup(l->arena, at + 1, (size_t)(l->at - at) - 1);
	t.end = ++l->at;
	return t;
}

static struct nft_token lex_mark(struct nft_lexer *l)
{
	static const char *const marks[] = {"==", "!=", "<=", ">=", "<<", ">>", "{", "}",
					    "(",  ")",  ",",  "=",  "<",  ">",  "!", "&",
					    "|",  "^",  ":",  ".",  "-",  "+",  "/", "*"};
	const char *at = l->at;
	for (size_t i = 0; i < array_len(marks); i++) {
		size_t len = strlen(marks[i]);
		if ((size_t)(l->end - at) < len || memcmp(at, marks[i], len) != 0)
			continue;
		l->at += len;
		struct nft_token t = token(l, NFT_T_MARK, at);
		t.text = marks[i];
		return t;
	}
	struct nft_token t = token(l, NFT_T_BAD, at);
	unsigned char c = (unsigned char)*at;
	t.text = arena_printf(l->arena, c > ' ' && c < 127 ? "the character '%c'" : "byte 0x%02x",
			      c);
	return t;
}

struct nft_token nft_lex(struct nft_lexer *l)
{
	skip_blanks(l);
	const char *at = l->at;
	if (at >= l->end)
		return token(l, NFT_T_END, at);
	if (*at == '\n' || *at == ';') {
		l->at++;
		struct nft_token t = token(l, NFT_T_LINE, at);
		l->line += *at == '\n';
		return t;
	}
	if (*at == '"')
		return lex_string(l);
	return begins_word(l) ? lex_word(l) : lex_mark(l);
}
