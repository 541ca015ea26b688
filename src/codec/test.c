// SPDX-License-Identifier: Apache-2.0
// The way of a document for tests: one table a codec says which functions and modules are its.
#include "codec/test.h"
#include "codec/acl.h"
#include "codec/nfi.h"
#include "codec/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

const struct test_codec test_nfi = {.modules = {CODEC_NFI_MODULE, "ietf-i2nsf-capability"},
				    .read = codec_nfi_read,
				    .write = codec_nfi_write};
const struct test_codec test_acl = {.modules = {CODEC_ACL_MODULE, "iana-if-type"},
				    .complete = codec_acl_complete,
				    .read = codec_acl_read,
				    .write = codec_acl_write};

bool test_bench_init(struct test_bench *bench, const struct test_codec *codec)
{
	bench->codec = codec;
	arena_init(&bench->arena);
	diags_init(&bench->diags, &bench->arena);
	bench->schema = schema_open(NULL, codec->modules, &bench->diags);
	return bench->schema;
}

void test_bench_fini(struct test_bench *bench)
{
	schema_free(bench->schema);
	arena_fini(&bench->arena);
}

static int start(void **state, const struct test_codec *codec)
{
	struct test_bench *bench = base_oom(malloc(sizeof(*bench)));
	*state = bench;
	return test_bench_init(bench, codec) ? 0 : -1;
}

int test_start_nfi(void **state)
{
	return start(state, &test_nfi);
}

int test_start_acl(void **state)
{
	return start(state, &test_acl);
}

int test_stop(void **state)
{
	test_bench_fini(*state);
	free(*state);
	return 0;
}

struct schema_tree *test_tree(struct test_bench *bench, const char *text)
{
	struct schema_tree *tree = schema_tree_new(bench->schema);
	struct schema_input input = {.file = "test.xml", .data = text, .len = strlen(text)};
	bool (*complete)(struct schema_tree *, struct arena *, struct diags *) =
		bench->codec->complete;
	if (schema_parse(tree, &input, &bench->diags) &&
	    (!complete || complete(tree, &bench->arena, &bench->diags)) &&
	    schema_validate(tree, &bench->diags))
		return tree;
	schema_tree_free(tree);
	return NULL;
}

bool test_read(struct test_bench *bench, const char *text, struct ir_document *out)
{
	struct schema_tree *tree = test_tree(bench, text);
	bool good = tree && bench->codec->read(tree, &bench->arena, &bench->diags, out);
	schema_tree_free(tree);
	return good;
}

bool test_round(struct test_bench *bench, const struct ir_ruleset *in, struct ir_ruleset *out)
{
	struct buf text cleanup(buf_fini);
	struct ir_document document;
	buf_init(&text);
	if (!bench->codec->write(in, &bench->diags, &text) ||
	    !test_read(bench, text.data, &document))
		return false;
	ir_document_order(&document, &bench->arena, &bench->diags, out);
	return true;
}

const char *test_said(const struct test_bench *bench)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < bench->diags.list.len; i++)
		diag_print(&bench->diags.list.at[i], false, &text);
	return arena_strdup(bench->diags.arena, text.data);
}

void test_fail_with(const struct test_bench *bench, const struct test_mismatch *m)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_adds(&text, test_said(bench));
	random_print_rules(m->before, &text);
	if (m->packet) {
		buf_printf(&text, "came back as\n");
		random_print_rules(m->after, &text);
		random_print_packet(m->packet, &text);
		buf_printf(&text, "was %s\nis  %s\n", m->was, m->is);
	}
	fail_msg("%s", text.data);
}

struct ir_clause *test_usual_clause(struct test_bench *bench, const struct test_usual *usual)
{
	struct ir_clause *clause = arena_new(&bench->arena, struct ir_clause);
	for (; usual->hi; usual++)
		assert_true(ir_clause_narrow(clause, &bench->arena, usual->dim,
					     algebra_set_one(&bench->arena, usual->lo, usual->hi)));
	return clause;
}
