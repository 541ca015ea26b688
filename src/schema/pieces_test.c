// SPDX-License-Identifier: Apache-2.0
// Reading in pieces: whatever a document is, whole or spoilt, cutting it anywhere gives the same tree with the same lines,
// or the same faults.
#include "schema/model.h"
#include "schema/random.h"
#include "schema/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETCONF "urn:ietf:params:xml:ns:netconf:base:1.0"

struct reading {
	bool good;
	struct schema_tree *tree;
	struct diags diags;
};

static struct reading read_by(struct test *t, const struct buf *text, bool edit, uint32_t piece)
{
	struct reading r = {.tree = schema_tree_new(t->schema)};
	struct schema_input input = {.file = "test", .data = text->data, .len = text->len};
	diags_init(&r.diags, &t->arena);
	t->schema->piece = piece;
	r.good = edit ? schema_parse_edit(r.tree, &input, &r.diags)
		      : schema_parse(r.tree, &input, &r.diags);
	return r;
}

// --- the same? ---

static const char *text_of(struct test *t, const struct diag *diag)
{
	buf_clear(&t->buf);
	diag_print(diag, false, &t->buf);
	return arena_strdup(&t->arena, t->buf.data);
}

static bool has_diag(struct test *t, const struct reading *r, const char *text)
{
	for (size_t i = 0; i < r->diags.list.len; i++)
		if (!strcmp(text_of(t, &r->diags.list.at[i]), text))
			return true;
	return false;
}

// Where the text breaks off, or an element turns out to be none, what stands before that may have been looked into.
static bool is_broken(const struct reading *r)
{
	for (size_t i = 0; i < r->diags.list.len; i++) {
		enum diag_code code = r->diags.list.at[i].code;
		if (code == DIAG_SYNTAX || code == DIAG_LIMIT || code == DIAG_UNKNOWN_NAMESPACE ||
		    code == DIAG_UNKNOWN_ATTRIBUTE)
			return true;
	}
	return false;
}

static bool same_faults(struct test *t, const struct reading *whole, const struct reading *cut)
{
	for (size_t i = 0; i < whole->diags.list.len; i++)
		if (!has_diag(t, cut, text_of(t, &whole->diags.list.at[i])))
			return false;
	return is_broken(whole) || whole->diags.list.len == cut->diags.list.len;
}

static void add_lines(const struct schema_tree *tree, const struct schema_node *node,
		      struct buf *out)
{
	for (; node; node = schema_next(node)) {
		buf_printf(out, "%s %u,", schema_name(node), schema_node_line(tree, node));
		add_lines(tree, schema_child(node), out);
	}
}

static char *shown(const struct schema_tree *tree)
{
	struct buf out;
	buf_init(&out);
	schema_print(tree, SCHEMA_XML, 0, &out);
	add_lines(tree, schema_first(tree), &out);
	size_t len;
	char *text = buf_take(&out, &len);
	buf_fini(&out);
	return text;
}

static void compare(struct test *t, const struct buf *text, bool edit, uint32_t piece)
{
	struct reading whole = read_by(t, text, edit, UINT32_MAX),
		       cut = read_by(t, text, edit, piece);
	char *expected = shown(whole.tree), *got = shown(cut.tree);
	if (whole.good != cut.good || strcmp(expected, got) || !same_faults(t, &whole, &cut)) {
		for (size_t i = 0; i < whole.diags.list.len; i++)
			print_error("whole: %s", text_of(t, &whole.diags.list.at[i]));
		for (size_t i = 0; i < cut.diags.list.len; i++)
			print_error("cut: %s", text_of(t, &cut.diags.list.at[i]));
		fail_msg("pieces of %u, edit %d: %s\nwhole %s\ncut   %s", piece, edit, text->data,
			 expected, got);
	}
	free(expected);
	free(got);
	schema_tree_free(whole.tree);
	schema_tree_free(cut.tree);
}

// --- documents ---

static void to_json(struct test *t, struct buf *text)
{
	struct reading r = read_by(t, text, false, UINT32_MAX);
	buf_clear(text);
	schema_print(r.tree, SCHEMA_JSON, SCHEMA_PRINT_INDENT, text);
	schema_tree_free(r.tree);
}

static void wrap(struct buf *text)
{
	struct buf inside;
	buf_init(&inside);
	buf_adds(&inside, "<config xmlns=\"" NETCONF "\">\n");
	buf_add(&inside, text->data, text->len);
	buf_adds(&inside, "</config>\n");
	buf_fini(text);
	*text = inside;
}

// Copies, moves or drops a part, or changes a byte.
static void spoil(struct random *r, struct buf *text)
{
	static const char bytes[] = "<>/&\"'{}[],: \nxab1\xff";
	size_t from = random_below(r, (unsigned)text->len), to = from + random_below(r, 40);
	struct buf out;
	to = to < text->len ? to : text->len;
	buf_init(&out);
	buf_add(&out, text->data, from);
	switch (random_below(r, 4)) {
	case 0:
		buf_add(&out, text->data + from, to - from);
		buf_add(&out, text->data + from, text->len - from);
		break;
	case 1:
		buf_add(&out, text->data + to, text->len - to);
		break;
	case 2:
		buf_addc(&out, bytes[random_below(r, sizeof(bytes) - 1)]);
		buf_add(&out, text->data + from, text->len - from);
		break;
	default:
		buf_addc(&out, bytes[random_below(r, sizeof(bytes) - 1)]);
		buf_add(&out, text->data + from + 1, text->len - from - 1);
	}
	buf_fini(text);
	*text = out;
}

// Twice the same element, as well-formed text: an entry, a key, a container.
static void repeat(struct random *r, struct buf *text)
{
	static const char *const ends[] = {"</name>",   "</user>", "</rule>", "</time>",
					   "</policy>", "</low>",  "</port>"};
	const char *close = ends[random_below(r, array_len(ends))],
		   *at = strstr(text->data + random_below(r, (unsigned)text->len), close);
	char open[16];
	snprintf(open, sizeof(open), "<%.*s", (int)strlen(close) - 3, close + 2);
	const char *begin = at;
	while (begin && begin > text->data && strncmp(begin, open, strlen(open)))
		begin--;
	if (!begin || strncmp(begin, open, strlen(open)))
		return;
	at += strlen(close);
	struct buf out;
	buf_init(&out);
	buf_add(&out, text->data, (size_t)(at - text->data));
	buf_add(&out, begin, (size_t)(at - begin));
	buf_adds(&out, at);
	buf_fini(text);
	*text = out;
}

static void pieces_make_the_same_tree(void **state)
{
	struct test *t = *state;
	struct random r = {20261121};
	for (unsigned i = 0; i < 4000; i++) {
		struct buf text cleanup(buf_fini);
		buf_init(&text);
		random_document(&r, &text);
		if (!text.len)
			continue;
		switch (random_below(&r, 4)) {
		case 0:
			to_json(t, &text);
			break;
		case 1:
			wrap(&text);
			break;
		case 2:
			repeat(&r, &text);
			break;
		default:
			break;
		}
		for (unsigned faults = random_below(&r, 3); faults; faults--)
			spoil(&r, &text);
		compare(t, &text, random_below(&r, 2), 1 + random_below(&r, 12));
		arena_fini(&t->arena);
		arena_init(&t->arena);
	}
}

// --- operations ---

#define CFI "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\""

static void write_rpc(struct buf *out, unsigned rules, const char *last)
{
	buf_adds(out,
		 "<rpc xmlns=\"" NETCONF "\" message-id=\"7\"><edit-config><target><candidate/>"
		 "</target><config>\n<i2nsf-cfi-policy " CFI "><name>p</name>\n");
	for (unsigned i = 0; i < rules; i++)
		buf_printf(out,
			   "<rules><name>r%u</name><action><primary-action><action>%s</action>"
			   "</primary-action></action></rules>\n",
			   i, i + 1 < rules ? "drop" : last);
	buf_adds(out, "</i2nsf-cfi-policy></config></edit-config></rpc>");
}

static struct schema_tree *read_rpc(struct test *t, unsigned rules, const char *last)
{
	struct buf text cleanup(buf_fini);
	struct schema_tree *rpc = NULL;
	const char *id, *attributes;
	buf_init(&text);
	write_rpc(&text, rules, last);
	struct schema_input input = {.data = text.data, .len = text.len};
	test_forget(t);
	assert_true(
		schema_parse_rpc(t->schema, &input, &t->arena, &t->diags, &rpc, &id, &attributes));
	assert_string_equal(id, "7");
	assert_non_null(schema_get(schema_get(schema_first(rpc), "target"), "candidate"));
	return rpc;
}

static void the_config_of_an_operation_is_read_with_it(void **state)
{
	struct test *t = *state;
	static const char *const modules[] = {"ietf-netconf", "ietf-i2nsf-cons-facing-interface",
					      NULL};
	schema_free(t->schema);
	t->schema = schema_open(SCHEMA_YANG, modules, &t->diags);
	assert_non_null(t->schema);
	for (unsigned rules = 1; rules <= 3000; rules += 2999) {
		struct schema_tree *rpc = read_rpc(t, rules, "pass"), *edit = NULL;
		const struct schema_node *config = schema_get(schema_first(rpc), "config");
		assert_true(schema_any_tree(t->schema, config, &t->diags, &edit));
		char path[128];
		snprintf(path, sizeof(path),
			 "/ietf-i2nsf-cons-facing-interface:i2nsf-cfi-policy[name='p']/rules[name="
			 "'r%u']/action/primary-action/action",
			 rules - 1);
		assert_string_equal(schema_identity(schema_find(edit, path)), "pass");
		schema_tree_free(edit);
		schema_tree_free(rpc);
		// What is wrong in there is told to who uses it, as ever.
		rpc = read_rpc(t, rules, "nonsense");
		config = schema_get(schema_first(rpc), "config");
		assert_false(schema_any_tree(t->schema, config, &t->diags, &edit));
		assert_int_equal(t->diags.errors, 1);
		test_has_diag(t, DIAG_VALUE, "nonsense|/rules[name='r");
		schema_tree_free(rpc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces_make_the_same_tree, test_setup,
						test_teardown),
		cmocka_unit_test_setup_teardown(the_config_of_an_operation_is_read_with_it,
						test_setup, test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
