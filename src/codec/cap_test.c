// SPDX-License-Identifier: Apache-2.0
// Capabilities to a document and back.
#include "codec/cap.h"
#include "codec/nfi.h"
#include "codec/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct cap round_trip(struct test_bench *b, const char *name, const struct cap *cap)
{
	struct buf text cleanup(buf_fini);
	struct codec_cap_nsfs nsfs;
	buf_init(&text);
	codec_cap_write(name, cap, &text);
	struct schema_tree *tree = test_tree(b, text.data);
	assert_non_null(tree);
	assert_true(codec_cap_read(tree, &b->arena, &b->diags, &nsfs));
	schema_tree_free(tree);
	assert_int_equal(nsfs.list.len, 1);
	assert_string_equal(nsfs.list.at[0].name, name);
	return nsfs.list.at[0].cap;
}

static void all_and_nothing_come_back(void **state)
{
	struct cap all = {0}, none = {0};
	cap_add_all(&all);
	struct cap back = round_trip(*state, "edge <1> & co", &all);
	assert_true(cap_equal(&back, &all));
	back = round_trip(*state, "none", &none);
	assert_true(cap_equal(&back, &none));
}

static void each_leaf_list_alone_comes_back(void **state)
{
	for (unsigned s = 0; s < CAP_SETS; s++) {
		struct cap all = {0}, one = {0};
		cap_add_all(&all);
		one.bits[s][0] = all.bits[s][0];
		one.bits[s][1] = all.bits[s][1];
		struct cap back = round_trip(*state, "one", &one);
		assert_true(cap_equal(&back, &one));
	}
}

static void several_functions_are_read(void **state)
{
	struct test_bench *b = *state;
	struct codec_cap_nsfs nsfs;
	struct schema_tree *tree = test_tree(
		b, "<nsf xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability\">"
		   "<nsf-name>a</nsf-name><condition-capabilities><generic-nsf-capabilities>"
		   "<tcp-capability>destination-port-number</tcp-capability>"
		   "</generic-nsf-capabilities></condition-capabilities></nsf>"
		   "<nsf xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability\">"
		   "<nsf-name>b</nsf-name></nsf>");
	assert_non_null(tree);
	assert_true(codec_cap_read(tree, &b->arena, &b->diags, &nsfs));
	schema_tree_free(tree);
	assert_int_equal(nsfs.list.len, 2);
	assert_true(cap_has(&nsfs.list.at[0].cap, CAP_SET_TCP, CAP_DESTINATION_PORT_NUMBER));
	assert_false(cap_has(&nsfs.list.at[0].cap, CAP_SET_UDP, CAP_DESTINATION_PORT_NUMBER));
	assert_string_equal(nsfs.list.at[1].name, "b");
}

static void a_document_without_functions_is_an_error(void **state)
{
	struct test_bench *b = *state;
	struct codec_cap_nsfs nsfs;
	struct schema_tree *tree = schema_tree_new(b->schema);
	assert_false(codec_cap_read(tree, &b->arena, &b->diags, &nsfs));
	schema_tree_free(tree);
	assert_int_equal(b->diags.list.at[0].code, DIAG_MISSING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_nfi, test_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_and_nothing_come_back),
		TEST(each_leaf_list_alone_comes_back),
		TEST(several_functions_are_read),
		TEST(a_document_without_functions_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
