// SPDX-License-Identifier: Apache-2.0
// Tokens of an XPath expression (XPath 1.0 section 3.7). Whether `*` and the words and, or, div, mod are operators is
// known from the token before them; what a name is, from what follows it.
#include "schema/text.h"
#include "schema/xpath_tree.h"

#include <string.h>

// Behind these tokens an operand begins, so that no operator can stand there.
static bool wants_operand(enum xpath_token before)
{
	switch (before) {
	case TOKEN_NAME:
	case TOKEN_STAR:
	case TOKEN_LITERAL:
	case TOKEN_NUMBER:
	case TOKEN_DOT:
	case TOKEN_DOTS:
	case TOKEN_CLOSE:
	case TOKEN_UNBRACKET:
		return false;
	case TOKEN_END:
	case TOKEN_AXIS:
	case TOKEN_FUNCTION:
	case TOKEN_SLASH:
	case TOKEN_SLASHES:
	case TOKEN_AT:
	case TOKEN_COMMA:
	case TOKEN_OPEN:
	case TOKEN_BRACKET:
	case TOKEN_OR:
	case TOKEN_AND:
	case TOKEN_EQ:
	case TOKEN_NE:
	case TOKEN_LT:
	case TOKEN_LE:
	case TOKEN_GT:
	case TOKEN_GE:
	case TOKEN_PLUS:
	case TOKEN_MINUS:
	case TOKEN_TIMES:
	case TOKEN_DIV:
	case TOKEN_MOD:
	case TOKEN_UNION:
	default:
		return true;
	}
}

static size_t skip_space(const char *text, size_t at)
{
	while (text_is_space(text[at]))
		at++;
	return at;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void read_number(struct xpath_lexer *l)
{
	while (is_digit(l->text[l->at]))
		l->at++;
	if (l->text[l->at] == '.')
		l->at++;
	while (is_digit(l->text[l->at]))
		l->at++;
	l->token = TOKEN_NUMBER;
	l->word = l->text + l->begin;
	l->len = l->at - l->begin;
}

static void read_literal(struct xpath_lexer *l)
{
	const char *open = l->text + l->begin, *close = strchr(open + 1, *open);
	if (!close) {
		l->fault = "begins a text that does not end";
		return;
	}
	l->token = TOKEN_LITERAL;
	l->word = open + 1;
	l->len = (size_t)(close - open - 1);
	l->at = l->begin + l->len + 2;
}

static size_t name_length(const char *text)
{
	size_t len = 0;
	if (text_is_name_start(*text))
		while (text_is_name(text[len]))
			len++;
	return len;
}

static bool read_operator_name(struct xpath_lexer *l)
{
	static const struct {
		const char *name;
		enum xpath_token token;
	} names[] = {{"or", TOKEN_OR}, {"and", TOKEN_AND}, {"div", TOKEN_DIV}, {"mod", TOKEN_MOD}};
	for (size_t i = 0; i < array_len(names); i++)
		if (strlen(names[i].name) == l->len && !memcmp(names[i].name, l->word, l->len)) {
			l->token = names[i].token;
			return true;
		}
	return false;
}

// [prefix:]name or prefix:*, and what it is by what follows.
static void read_name(struct xpath_lexer *l)
{
	const char *p = l->text + l->begin;
	l->token = TOKEN_NAME;
	l->word = p;
	l->len = name_length(p);
	if (p[l->len] == ':' && p[l->len + 1] != ':') {
		l->prefix = p;
		l->prefix_len = l->len;
		l->word = p + l->len + 1;
		l->len = name_length(l->word);
		if (!l->len && *l->word == '*') {
			l->token = TOKEN_STAR;
			l->len = 1;
		}
		if (!l->len)
			l->fault = "is a prefix without a name";
	}
	l->at = (size_t)(l->word - l->text) + l->len;
	size_t next = skip_space(l->text, l->at);
	if (l->token == TOKEN_STAR)
		return;
	if (l->text[next] == '(') {
		l->token = TOKEN_FUNCTION;
		l->at = next + 1;
	} else if (l->text[next] == ':' && l->text[next + 1] == ':') {
		l->token = TOKEN_AXIS;
		l->at = next + 2;
	}
}

static void read_symbol(struct xpath_lexer *l, bool operand)
{
	static const struct {
		char text[3];
		enum xpath_token token;
	} symbols[] = {{"//", TOKEN_SLASHES},  {"..", TOKEN_DOTS}, {"!=", TOKEN_NE},
		       {"<=", TOKEN_LE},       {">=", TOKEN_GE},   {"/", TOKEN_SLASH},
		       {".", TOKEN_DOT},       {"@", TOKEN_AT},    {",", TOKEN_COMMA},
		       {"(", TOKEN_OPEN},      {")", TOKEN_CLOSE}, {"[", TOKEN_BRACKET},
		       {"]", TOKEN_UNBRACKET}, {"=", TOKEN_EQ},    {"<", TOKEN_LT},
		       {">", TOKEN_GT},        {"+", TOKEN_PLUS},  {"-", TOKEN_MINUS},
		       {"|", TOKEN_UNION},     {"*", TOKEN_TIMES}};
	for (size_t i = 0; i < array_len(symbols); i++) {
		size_t len = strlen(symbols[i].text);
		if (strncmp(l->text + l->begin, symbols[i].text, len) != 0)
			continue;
		l->token = symbols[i].token;
		if (l->token == TOKEN_TIMES && operand)
			l->token = TOKEN_STAR;
		l->at = l->begin + len;
		return;
	}
	l->fault = l->text[l->begin] == '$' ? "is a variable, and there are none"
					    : "cannot stand here";
}

void xpath_next(struct xpath_lexer *l)
{
	bool operand = wants_operand(l->token);
	l->begin = l->at = skip_space(l->text, l->at);
	l->prefix = l->word = NULL;
	l->prefix_len = l->len = 0;
	const char *p = l->text + l->begin;
	l->token = TOKEN_END;
	if (!*p)
		return;
	l->word = p;
	l->len = name_length(p);
	if (!operand && l->len && read_operator_name(l))
		l->at += l->len;
	else if (l->len)
		read_name(l);
	else if (is_digit(*p) || (*p == '.' && is_digit(p[1])))
		read_number(l);
	else if (*p == '"' || *p == '\'')
		read_literal(l);
	else
		read_symbol(l, operand);
}
