// SPDX-License-Identifier: Apache-2.0
// What the tests of the NSF-facing codec share: documents from text and back.
#pragma once

#include "codec/nfi.h"
#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <string.h>

struct nfi_bench {
	struct arena arena;
	struct diags diags;
	struct schema *schema;
};

static inline bool nfi_bench_init(struct nfi_bench *bench)
{
	arena_init(&bench->arena);
	diags_init(&bench->diags, &bench->arena);
	bench->schema = schema_open(
		NULL, (const char *const[]){CODEC_NFI_MODULE, "ietf-i2nsf-capability", NULL},
		&bench->diags);
	return bench->schema;
}

static inline void nfi_bench_fini(struct nfi_bench *bench)
{
	schema_free(bench->schema);
	arena_fini(&bench->arena);
}

// The tree of a text, validated; NULL and diags when it is not valid.
static inline struct schema_tree *nfi_bench_tree(struct nfi_bench *bench, const char *text)
{
	struct schema_tree *tree = schema_tree_new(bench->schema);
	struct schema_input input = {.file = "test.xml", .data = text, .len = strlen(text)};
	if (schema_parse(tree, &input, &bench->diags) && schema_validate(tree, &bench->diags))
		return tree;
	schema_tree_free(tree);
	return NULL;
}

static inline bool nfi_bench_read(struct nfi_bench *bench, const char *text,
				  struct ir_document *out)
{
	struct schema_tree *tree = nfi_bench_tree(bench, text);
	bool good = tree && codec_nfi_read(tree, &bench->arena, &bench->diags, out);
	schema_tree_free(tree);
	return good;
}

// The ruleset that comes back when this one is written and read.
static inline bool nfi_bench_round(struct nfi_bench *bench, const struct ir_ruleset *in,
				   struct ir_ruleset *out)
{
	struct buf text cleanup(buf_fini);
	struct ir_document document;
	buf_init(&text);
	if (!codec_nfi_write(in, &bench->diags, &text) ||
	    !nfi_bench_read(bench, text.data, &document))
		return false;
	ir_document_order(&document, &bench->arena, &bench->diags, out);
	return true;
}
