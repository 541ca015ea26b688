// SPDX-License-Identifier: Apache-2.0
// The parser of `nft list ruleset`, shared by its files: one token ahead, recursive descent, the first error ends it.
#pragma once

#include "import/nft_ast.h"
#include "import/nft_lex.h"

struct nft_parser {
	struct nft_lexer lexer;
	struct nft_token now;  // not taken yet
	const char *taken_end; // where the last token that was taken ends
	struct nft_ruleset *ruleset;
	struct nft_table *table;
	struct diags *diags;
	unsigned braces; // inside of these, line ends are blanks
	unsigned depth;
	bool bad;
};

void nft_advance(struct nft_parser *p);
// Whether a word (not a string) or mark of this text comes next; take also takes it.
bool nft_is(const struct nft_parser *p, const char *text) must_check;
bool nft_take(struct nft_parser *p, const char *text);
bool nft_is_any(const struct nft_parser *p, const char *const *texts, size_t n) must_check;
// A word or a string, and nothing else. NULL: an error was added.
const char *nft_take_name(struct nft_parser *p, const char *what);
bool nft_ends(const struct nft_parser *p) must_check; // a line end, a closing brace or the end
// The error of the parser; only the first is added. False, for `return`.
bool nft_fail(struct nft_parser *p, const char *hint, const char *fmt, ...) printf_like(3, 4);
bool nft_expect(struct nft_parser *p, const char *text);
// For something that stands in braces: line ends are blanks until nft_close.
bool nft_open(struct nft_parser *p);
bool nft_close(struct nft_parser *p);
// Takes everything to the end of the line, whatever braces stand in it.
void nft_skip_line(struct nft_parser *p);
// What was taken since `from`, blanks made one; shortened like every text.
const char *nft_source(const struct nft_parser *p, const char *from) must_check;

// nft_text_expr.c. NULL: an error was added.
bool nft_begins_field(const struct nft_parser *p) must_check;
struct nft_expr *nft_parse_field(struct nft_parser *p);
struct nft_expr *nft_parse_left(struct nft_parser *p);   // what is compared, looked up or written
struct nft_expr *nft_parse_right(struct nft_parser *p);  // what it is compared to
struct nft_expr *nft_parse_any(struct nft_parser *p);    // either: what is written to a field
struct nft_expr *nft_parse_set(struct nft_parser *p);    // { elements }
struct nft_expr *nft_parse_lookup(struct nft_parser *p); // { elements } or @name

// nft_text_stmt.c
bool nft_parse_rule(struct nft_parser *p, struct nft_chain *chain);
// "jump there", "accept": false when it is no verdict.
bool nft_parse_verdict(struct nft_parser *p, enum nft_verdict *verdict, const char **chain);

// Where only a part of a line is known: 2 words or 20.
#define nft_is_one_of(p, ...)                               \
	nft_is_any((p), (const char *const[]){__VA_ARGS__}, \
		   array_len(((const char *const[]){__VA_ARGS__})))
