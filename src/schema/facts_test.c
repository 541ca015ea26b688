// SPDX-License-Identifier: Apache-2.0
// Facts of small modules, written for each test into a folder of its own.
#include "schema/facts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct diags diags;
	struct buf out;
	char dir[32];
	char *file;
};

static int set_up(void **state)
{
	struct fixture *f = base_oom(calloc(1, sizeof(*f)));
	arena_init(&f->arena);
	diags_init(&f->diags, &f->arena);
	buf_init(&f->out);
	strncpy(f->dir, "/tmp/facts-test-XXXXXX", sizeof(f->dir) - 1);
	assert_non_null(mkdtemp(f->dir));
	f->file = arena_printf(&f->arena, "%s/m.yang", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_remove(f->file), 0);
	assert_int_equal(rmdir(f->dir), 0);
	buf_fini(&f->out);
	arena_fini(&f->arena);
	free(f);
	return 0;
}

// The facts of a module with this body.
static bool facts(struct fixture *f, const char *body)
{
	char *text = arena_printf(
		&f->arena, "module m {yang-version 1.1; namespace urn:m; prefix p; %s}", body);
	struct file_put put = {.path = f->file, .data = text, .len = strlen(text), .mode = 0600};
	assert_int_equal(file_put(&put), 0);
	return schema_facts(f->dir, "m", &f->out, &f->diags);
}

static void assert_line(const struct fixture *f, const char *line)
{
	size_t len = strlen(line);
	for (const char *at = f->out.data; (at = strstr(at, line)); at += len) {
		if ((at == f->out.data || at[-1] == '\n') && at[len] == '\n')
			return;
	}
	fail_msg("no line '%s' in:\n%s", line, f->out.data);
}

static void header(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(f,
			  "import ietf-inet-types {prefix inet;} revision 2024-02-01; "
			  "feature one; typedef t {type inet:host;} grouping g {leaf l {type t;}} "
			  "identity a; identity b; identity c {base a; base b;} "
			  "leaf n {type empty;}"));
	assert_string_equal(f->out.data,
			    "# module\tm\n# namespace\turn:m\n# prefix\tp\n# revision\t2024-02-01\n"
			    "# import\tietf-inet-types\tas\tinet\n# feature\tone\n# typedef\tt\n"
			    "# grouping\tg\nidentity\ta\tbase\t\nidentity\tb\tbase\t\n"
			    "identity\tc\tbase\ta,b\n"
			    "# path\tkind\tconfig\ttype as written\tresolved type\tconstraints\n"
			    "/m:n\tleaf\trw\tempty\tempty\t\n");
	assert_int_equal(f->diags.list.len, 0);
}

static void types(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(
		f,
		"identity a; typedef t {type string {length 2..4;}} "
		"leaf s {type t {pattern '[a-z]*';}} leaf n {type int8 {range '-3..-1|5';}} "
		"leaf u {type uint64 {range '1..max';}} leaf b {type binary {length 3;}} "
		"leaf d {type decimal64 {fraction-digits 2;}} leaf i {type identityref {base a;}} "
		"leaf e {type enumeration {enum x; enum y {value 7;}}} leaf x {type boolean;} "
		"leaf z {type empty;} leaf f {type bits {bit q {position 4;} bit r;}} "
		"leaf o {type union {type t; type leafref {path /p:s;}}} "
		"leaf p {type instance-identifier {require-instance false;}}"));
	assert_line(f, "/m:s\tleaf\trw\tt\tstring length=2..4 pattern=[a-z]*\t");
	assert_line(f, "/m:n\tleaf\trw\tint8\tint8 range=-3..-1|5..5\t");
	assert_line(f, "/m:u\tleaf\trw\tuint64\tuint64 range=1..18446744073709551615\t");
	assert_line(f, "/m:b\tleaf\trw\tbinary\tbinary length=3..3\t");
	assert_line(f, "/m:d\tleaf\trw\tdecimal64\tdecimal64 fraction-digits=2\t");
	assert_line(f, "/m:i\tleaf\trw\tidentityref\tidentityref base=m:a\t");
	assert_line(f, "/m:e\tleaf\trw\tenumeration\tenumeration x=0,y=7\t");
	assert_line(f, "/m:x\tleaf\trw\tboolean\tboolean\t");
	assert_line(f, "/m:z\tleaf\trw\tempty\tempty\t");
	assert_line(f, "/m:f\tleaf\trw\tbits\tbits q@4,r@5\t");
	assert_line(f, "/m:o\tleaf\trw\tunion\t"
		       "union{string length=2..4 ; leafref path=/p:s require-instance=1}\t");
	assert_line(f, "/m:p\tleaf\trw\tinstance-identifier\t"
		       "instance-identifier require-instance=0\t");
}

static void constraints(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(
		f,
		"feature one; leaf a {type int8; default 4; units ms;} "
		"leaf b {if-feature one; when '../a > 1'; must '. > 1'; must '. < 9'; type int8;} "
		"list l {key 'x y'; min-elements 1; max-elements 3; ordered-by user; "
		"leaf z {type int8;} leaf y {type int8;} leaf x {type int8; mandatory true;}} "
		"leaf-list m {type int8; default 1; default 2;} "
		"choice c {default d; case d {leaf d {type int8;}}} "
		"container s {config false; leaf t {type int8;}}"));
	assert_line(f, "/m:a\tleaf\trw\tint8\tint8\tdefault=4 units=ms ");
	assert_line(
		f,
		"/m:b\tleaf\trw\tint8\tint8\tif-feature=one when=../a > 1 must=. > 1 must=. < 9 ");
	assert_line(f, "/m:l\tlist\trw\t\t\tmandatory key=x,y min-elements=1 max-elements=3 "
		       "ordered-by=user ");
	assert_line(f, "/m:l/x\tleaf\trw\tint8\tint8\tmandatory ");
	assert_line(f, "/m:l/z\tleaf\trw\tint8\tint8\t");
	assert_line(f, "/m:m\tleaf-list\trw\tint8\tint8\tdefault=1 default=2 ");
	assert_line(f, "/m:c\tchoice\trw\t\t\tdefault=d ");
	assert_line(f, "/m:s/t\tleaf\tro\tint8\tint8\t");
}

static void extensions_presence_and_status(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(f, "extension e {argument a;} p:e top; "
			     "container c {presence 'it is there'; status deprecated; p:e x; "
			     "leaf o {type int8; status obsolete;}} container d;"));
	assert_line(f, "# extension\te");
	assert_line(f, "# p:e\ttop");
	assert_line(f, "/m:c\tcontainer\trw\t\t\tpresence status=deprecated m:e=x ");
	assert_line(f, "/m:c/o\tleaf\trw\tint8\tint8\tstatus=obsolete ");
	assert_line(f, "/m:d\tcontainer\trw\t\t\t");
}

static void white_space_in_expressions(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(f, "leaf a {type string; must \". =\n  'x  y'  or\t. = 'z'\";}"));
	assert_line(f, "/m:a\tleaf\trw\tstring\tstring\tmust=. = 'x  y' or . = 'z' ");
}

// The facts of a module with this body, beside a module n with that one.
static bool facts_beside(struct fixture *f, const char *other, const char *body)
{
	const char *text = arena_printf(
		&f->arena, "module n {yang-version 1.1; namespace urn:n; prefix n; %s}", other);
	const struct file_put put = {.path = arena_printf(&f->arena, "%s/n.yang", f->dir),
				     .data = text,
				     .len = strlen(text),
				     .mode = 0600};
	assert_int_equal(file_put(&put), 0);
	const bool told = facts(f, body);
	assert_int_equal(file_remove(put.path), 0);
	return told;
}

static void features_of_imports(void **state)
{
	struct fixture *f = *state;
	assert_true(facts_beside(f, "feature one; grouping g {leaf l {if-feature one; type int8;}}",
				 "import n {prefix n;} feature two {if-feature n:one;} uses n:g; "
				 "leaf k {if-feature two; type int8;}"));
	assert_line(f, "/m:l\tleaf\trw\tint8\tint8\tif-feature=one ");
	assert_line(f, "/m:k\tleaf\trw\tint8\tint8\tif-feature=two ");
}

static void operations(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(f, "rpc r {input {leaf i {type int8;}} output {leaf o {type int8;}}} "
			     "notification n {leaf v {type int8;}}"));
	assert_line(f, "/m:r\trpc\t-\t\t\t");
	assert_line(f, "/m:r/input\tinput\t-\t\t\t");
	assert_line(f, "/m:r/input/i\tleaf\t-\tint8\tint8\t");
	assert_line(f, "/m:r/output/o\tleaf\t-\tint8\tint8\t");
	assert_line(f, "/m:n\tnotification\t-\t\t\t");
	assert_line(f, "/m:n/v\tleaf\t-\tint8\tint8\t");
}

static void nodes_in_other_modules(void **state)
{
	struct fixture *f = *state;
	assert_true(facts_beside(f, "container c {leaf own {type int8;}}",
				 "import n {prefix n;} leaf l {type int8;} "
				 "augment /n:c {when 'n:own = 1'; leaf k {type int8;}}"));
	assert_line(f, "/m:l\tleaf\trw\tint8\tint8\t");
	assert_line(f, "/n:c/m:k\tleaf\trw\tint8\tint8\twhen=n:own = 1 ");
	assert_null(strstr(f->out.data, "own\tleaf"));
}

static void what_is_only_lent(void **state)
{
	struct fixture *f = *state;
	static const char lends[] = "typedef t {type int8 {range 1..2;} default 2;} "
				    "grouping g {leaf l {type t; mandatory true;} "
				    "list m {leaf e {type empty;}} notification n;} "
				    "grouping c {leaf f {type t; default 1;}}";
	assert_true(facts(f, lends));
	assert_line(f, "/lent.types:t\tleaf\trw\tp:t\tint8 range=1..2\tdefault=2 ");
	assert_line(f, "/lent.g:grouping/l\tleaf\tro\tt\tint8 range=1..2\tmandatory ");
	assert_line(f, "/lent.g:grouping/m\tlist\tro\t\t\tordered-by=user ");
	assert_line(f, "/lent.g:grouping/n\tnotification\t-\t\t\t");
	assert_line(f, "/lent.c:grouping/f\tleaf\trw\tt\tint8 range=1..2\tdefault=1 ");
	buf_clear(&f->out);
	assert_true(facts(f, arena_printf(&f->arena, "%s leaf own {type t;}", lends)));
	assert_null(strstr(f->out.data, "/lent."));
}

static void broken_module(void **state)
{
	struct fixture *f = *state;
	assert_false(facts(f, "leaf a {type nothing;}"));
	assert_int_equal(f->out.len, 0);
	assert_true(f->diags.errors > 0);
	assert_non_null(f->diags.list.at[0].hint);
}

static void warning_is_told(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(f, "leaf a {type int8; must '../nowhere = 1';}"));
	assert_int_equal(f->diags.errors, 0);
	assert_true(f->diags.warnings > 0);
}

static void no_module_and_no_folder(void **state)
{
	struct fixture *f = *state;
	assert_true(facts(f, ""));
	buf_clear(&f->out);
	assert_false(schema_facts(f->dir, "other", &f->out, &f->diags));
	size_t before = f->diags.errors;
	assert_true(before > 0);
	assert_false(schema_facts("/nowhere", "m", &f->out, &f->diags));
	assert_int_equal(f->diags.errors, before + 1);
	assert_int_equal(f->diags.list.at[f->diags.list.len - 1].code, DIAG_IO);
	assert_int_equal(f->out.len, 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(header),
		WITH_FOLDER(types),
		WITH_FOLDER(constraints),
		WITH_FOLDER(extensions_presence_and_status),
		WITH_FOLDER(white_space_in_expressions),
		WITH_FOLDER(features_of_imports),
		WITH_FOLDER(operations),
		WITH_FOLDER(nodes_in_other_modules),
		WITH_FOLDER(what_is_only_lent),
		WITH_FOLDER(broken_module),
		WITH_FOLDER(warning_is_told),
		WITH_FOLDER(no_module_and_no_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
