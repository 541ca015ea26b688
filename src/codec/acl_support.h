// SPDX-License-Identifier: Apache-2.0
// What the tests of access control lists share: documents from text and back.
#pragma once

#include "codec/acl.h"
#include "base/buf.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <string.h>

struct acl_bench {
	struct arena arena;
	struct diags diags;
	struct schema *schema;
};

static inline bool acl_bench_init(struct acl_bench *bench)
{
	arena_init(&bench->arena);
	diags_init(&bench->diags, &bench->arena);
	bench->schema = schema_open(
		NULL, (const char *const[]){CODEC_ACL_MODULE, "iana-if-type", NULL}, &bench->diags);
	return bench->schema;
}

static inline void acl_bench_fini(struct acl_bench *bench)
{
	schema_free(bench->schema);
	arena_fini(&bench->arena);
}

static inline bool acl_bench_read(struct acl_bench *bench, const char *text,
				  struct ir_document *out)
{
	struct schema_tree *tree = schema_tree_new(bench->schema);
	struct schema_input input = {.file = "test.xml", .data = text, .len = strlen(text)};
	bool good = schema_parse(tree, &input, &bench->diags) &&
		    codec_acl_complete(tree, &bench->arena, &bench->diags) &&
		    schema_validate(tree, &bench->diags) &&
		    codec_acl_read(tree, &bench->arena, &bench->diags, out);
	schema_tree_free(tree);
	return good;
}

// The ruleset that comes back when this one is written and read.
static inline bool acl_bench_round(struct acl_bench *bench, const struct ir_ruleset *in,
				   struct ir_ruleset *out)
{
	struct buf text cleanup(buf_fini);
	struct ir_document document;
	buf_init(&text);
	if (!codec_acl_write(in, &bench->diags, &text) ||
	    !acl_bench_read(bench, text.data, &document))
		return false;
	ir_document_order(&document, &bench->arena, &bench->diags, out);
	return true;
}
