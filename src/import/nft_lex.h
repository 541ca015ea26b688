// SPDX-License-Identifier: Apache-2.0
// Tokens of `nft list ruleset`.
#pragma once

#include "base/arena.h"

enum nft_token_kind {
	NFT_T_END,
	NFT_T_LINE, // the end of a line, or ;
	NFT_T_WORD, // names, numbers, addresses, prefixes, ranges, @names
	NFT_T_STRING,
	NFT_T_MARK, // punctuation
	NFT_T_BAD,  // text: what is wrong
};

struct nft_token {
	enum nft_token_kind kind;
	const char *text;     // STRING: without its quotes
	const char *at, *end; // in the input
	unsigned line;
};

struct nft_lexer {
	struct arena *arena;
	const char *at, *end;
	unsigned line;
};

// The next token. Comments, blanks and continued lines are skipped.
struct nft_token nft_lex(struct nft_lexer *lexer) must_check;
