// SPDX-License-Identifier: Apache-2.0
// The reader of `nft -j list ruleset`, shared by its files.
#pragma once

#include "import/nft_ast.h"

struct json_t;

struct nft_json {
	struct nft_ruleset *ruleset;
	struct nft_table *table;
	struct diags *diags;
	unsigned line; // of the object being read
	unsigned depth;
	bool bad;
};

// Adds an error once. False, for `return`.
bool nft_json_fail(struct nft_json *j, const char *fmt, ...) printf_like(2, 3);
// The text of a member that is a string or a number; NULL when it is absent or neither.
const char *nft_json_text(struct nft_json *j, const struct json_t *object,
			  const char *key) must_check;

// nft_json_expr.c. NULL: an error was added.
struct nft_expr *nft_json_expr(struct nft_json *j, const struct json_t *value);
struct nft_expr *nft_json_set(struct nft_json *j, const struct json_t *array);
// "@name", or {"set": [...]}, or the elements themselves.
struct nft_expr *nft_json_lookup(struct nft_json *j, const struct json_t *value);
// {"jump": {"target": "x"}}: false when it is no verdict.
bool nft_json_verdict(struct nft_json *j, const struct json_t *value, enum nft_verdict *verdict,
		      const char **chain);

// nft_json_stmt.c
bool nft_json_stmt(struct nft_json *j, const struct json_t *value, struct nft_rule *rule);
