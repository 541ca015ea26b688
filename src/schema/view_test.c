// SPDX-License-Identifier: Apache-2.0
// Views of random documents held against libyang: whole prints against its own, selections and cuts against a tree of
// its from which a few plain lines have pruned the rest. And: pieces of any size are the whole.
#include "schema/view.h"
#include "schema/random.h"
#include "schema/test.h"
#include "schema/xpath.h"

#include <libyang/libyang.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- libyang's side, in a context of its own ---

struct oracle {
	struct test *t;
	struct ly_ctx *ctx;
	struct buf document;
	struct schema_tree *tree;
	struct lyd_node *lyd;
};

static struct oracle *oracle_new(struct test *t)
{
	struct oracle *o = calloc(1, sizeof(*o));
	o->t = t;
	buf_init(&o->document);
	assert_int_equal(ly_ctx_new(SCHEMA_TESTDATA, LY_CTX_NO_YANGLIBRARY, &o->ctx), LY_SUCCESS);
	assert_int_equal(ly_ctx_set_searchdir(o->ctx, SCHEMA_YANG), LY_SUCCESS);
	assert_non_null(ly_ctx_load_module(o->ctx, "test-types", NULL, NULL));
	assert_non_null(ly_ctx_load_module(o->ctx, "test-net", NULL, NULL));
	assert_non_null(ly_ctx_load_module(o->ctx, "ietf-netconf-with-defaults", NULL, NULL));
	return o;
}

static void oracle_next(struct oracle *o, struct random *r)
{
	schema_tree_free(o->tree);
	lyd_free_all(o->lyd);
	o->lyd = NULL;
	buf_clear(&o->document);
	random_document(r, &o->document);
	o->tree = test_valid(o->t, o->document.data);
	if (lyd_parse_data_mem(o->ctx, o->document.data, LYD_XML, LYD_PARSE_STRICT, 0, &o->lyd))
		fail_msg("libyang: %s", ly_errmsg(o->ctx));
}

static void oracle_free(struct oracle *o)
{
	schema_tree_free(o->tree);
	lyd_free_all(o->lyd);
	ly_ctx_destroy(o->ctx);
	buf_fini(&o->document);
	free(o);
}

static const uint32_t modes[] = {
	[SCHEMA_DEFAULTS_EXPLICIT] = LYD_PRINT_WD_EXPLICIT,
	[SCHEMA_DEFAULTS_TRIM] = LYD_PRINT_WD_TRIM,
	[SCHEMA_DEFAULTS_ALL] = LYD_PRINT_WD_ALL,
	[SCHEMA_DEFAULTS_ALL_TAGGED] = LYD_PRINT_WD_IMPL_TAG,
};

static char *oracle_print(const struct lyd_node *lyd, LYD_FORMAT format, uint32_t flags)
{
	char *text = NULL;
	if (!lyd)
		return strdup(format == LYD_JSON ? "{}" : "");
	assert_int_equal(lyd_print_mem(&text, lyd, format, flags | LYD_PRINT_WITHSIBLINGS),
			 LY_SUCCESS);
	return text ? text : strdup("");
}

static const char *show(struct oracle *o, const struct schema_view_options *options)
{
	struct schema_view *view = schema_view_new(o->tree, options);
	buf_clear(&o->t->buf);
	schema_view_print(view, &o->t->buf);
	schema_view_free(view);
	return o->t->buf.data;
}

static void check_json(struct oracle *o, enum schema_with_defaults mode, bool indent)
{
	struct schema_view_options options = {
		.format = SCHEMA_JSON, .defaults = mode, .indent = indent};
	char *expected =
		oracle_print(o->lyd, LYD_JSON, modes[mode] | (indent ? 0 : LYD_PRINT_SHRINK));
	assert_string_equal(show(o, &options), expected);
	free(expected);
}

// Libyang takes the module's namespace for that of the attribute.
static void rename_tags(struct buf *xml)
{
	static const char own[] = "urn:ietf:params:xml:ns:netconf:default:1.0",
			  its[] = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";
	struct buf out;
	buf_init(&out);
	const char *p = xml->data;
	for (const char *at; (at = strstr(p, own)); p = at + sizeof(own) - 1) {
		buf_add(&out, p, (size_t)(at - p));
		buf_adds(&out, its);
	}
	buf_adds(&out, p);
	buf_fini(xml);
	*xml = out;
}

// Prefixes and white space may differ, so both are read and written by libyang.
static void check_xml(struct oracle *o, enum schema_with_defaults mode, bool indent)
{
	struct schema_view_options options = {.defaults = mode, .indent = indent};
	char *expected = oracle_print(o->lyd, LYD_XML, modes[mode]), *actual;
	struct lyd_node *back = NULL;
	(void)show(o, &options);
	rename_tags(&o->t->buf);
	if (lyd_parse_data_mem(o->ctx, o->t->buf.data, LYD_XML, LYD_PARSE_STRICT | LYD_PARSE_ONLY,
			       0, &back))
		fail_msg("libyang: %s of %s", ly_errmsg(o->ctx), o->t->buf.data);
	actual = oracle_print(back, LYD_XML, LYD_PRINT_WD_IMPL_TAG | LYD_PRINT_KEEPEMPTYCONT);
	assert_string_equal(actual, expected);
	lyd_free_all(back);
	free(expected);
	free(actual);
}

// Shows: RFC 6243 2 the four ways of retrieving defaults
// Shows: RFC 7951 5 data in JSON
static void whole_is_what_libyang_prints(void **state)
{
	struct oracle *o = oracle_new(*state);
	struct random r = {.state = 1};
	for (unsigned i = 0; i < 200; i++) {
		oracle_next(o, &r);
		for (enum schema_with_defaults m = 0; m <= SCHEMA_DEFAULTS_ALL_TAGGED; m++) {
			// Only the metadata have other line breaks.
			check_json(o, m, i % 2 && m != SCHEMA_DEFAULTS_ALL_TAGGED);
			check_xml(o, m, i % 2);
		}
	}
	oracle_free(o);
}

static void pieces_are_the_whole(void **state)
{
	struct oracle *o = oracle_new(*state);
	struct random r = {.state = 2};
	struct buf pieces;
	buf_init(&pieces);
	for (unsigned i = 0; i < 20; i++) {
		oracle_next(o, &r);
		struct schema_view_options options = {.format = i % 2 ? SCHEMA_JSON : SCHEMA_XML,
						      .defaults = i % 4,
						      .indent = i % 3 == 0};
		const char *whole = show(o, &options);
		for (size_t size = 1; size < strlen(whole) + 2; size += 1 + size / 16) {
			struct schema_view *view = schema_view_new(o->tree, &options);
			buf_clear(&pieces);
			size_t before = 0;
			while (schema_view_print_some(view, size, &pieces)) {
				assert_true(pieces.len - before >= size);
				assert_true(pieces.len - before < size + 300);
				before = pieces.len;
			}
			schema_view_free(view);
			assert_string_equal(pieces.data, whole);
		}
	}
	buf_fini(&pieces);
	oracle_free(o);
}

// --- pruning ---

typedef bool (*keep_fn)(const struct lyd_node *node, const void *context);

// Frees what is not kept and has nothing below it that is kept; true when something stays. Keys go with their entry.
static bool prune(struct lyd_node **first, keep_fn keep, const void *context)
{
	struct lyd_node *next;
	bool any = false;
	for (struct lyd_node *it = *first; it; it = next) {
		next = it->next;
		if (keep(it, context)) {
			any = true;
			continue;
		}
		if (lysc_is_key(it->schema))
			continue;
		struct lyd_node *child = lyd_child(it);
		if (child && prune(&child, keep, context)) {
			any = true;
			continue;
		}
		if (it == *first)
			*first = next;
		lyd_free_tree(it);
	}
	return any;
}

static void check_pruned(struct oracle *o, struct schema_view *view, struct lyd_node *left)
{
	char *expected = oracle_print(left, LYD_JSON, LYD_PRINT_WD_ALL | LYD_PRINT_SHRINK);
	buf_clear(&o->t->buf);
	schema_view_print(view, &o->t->buf);
	assert_string_equal(o->t->buf.data, expected);
	free(expected);
	schema_view_free(view);
	lyd_free_all(left);
}

static struct lyd_node *copy(const struct oracle *o)
{
	struct lyd_node *all = NULL;
	if (o->lyd)
		assert_int_equal(lyd_dup_siblings(o->lyd, NULL,
						  LYD_DUP_RECURSIVE | LYD_DUP_WITH_FLAGS, &all),
				 LY_SUCCESS);
	return all;
}

static const struct schema_view_options everything = {.format = SCHEMA_JSON,
						      .defaults = SCHEMA_DEFAULTS_ALL};

static struct schema_view *view_all(const struct oracle *o)
{
	return schema_view_new(o->tree, &everything);
}

// --- fields and filters ---

#define PATHS_MOST 4
struct paths {
	char text[PATHS_MOST][128];
	unsigned len;
};

static void pick_path(struct random *r, const struct lyd_node *first, char *out)
{
	const struct lyd_node *node = first;
	unsigned n = 0;
	*out = '\0';
	for (const struct lyd_node *it = first; it; it = it->next)
		n++;
	for (n = random_below(r, n); n; n--)
		node = node->next;
	const struct lyd_node *child = lyd_child(node);
	size_t len = (size_t)snprintf(out, 64, "/%s", node->schema->name);
	if (child && random_below(r, 4))
		pick_path(r, child, out + len);
}

static bool is_under(const char *path, const char *top)
{
	size_t len = strlen(top);
	return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

static bool is_selected(const struct lyd_node *node, const void *context)
{
	const struct paths *paths = context;
	char path[256], plain[256], *to = plain;
	if (node->flags & LYD_DEFAULT && node->schema->nodetype == LYS_CONTAINER &&
	    !lyd_child(node))
		return false; // it means nothing
	assert_non_null(lysc_path(node->schema, LYSC_PATH_DATA, path, sizeof(path)));
	for (const char *p = path; *p; p++) { // "/test-net:a/b" is "/a/b"
		*to++ = *p;
		if (*p == ':')
			to = plain + 1;
	}
	*to = '\0';
	for (unsigned i = 0; i < paths->len; i++)
		if (is_under(plain, paths->text[i]))
			return true;
	return false;
}

static void write_fields(const struct paths *paths, struct buf *out)
{
	for (unsigned i = 0; i < paths->len; i++) {
		buf_printf(out, "%stest-net:", i ? ";" : "");
		const char *p = paths->text[i] + 1;
		const char *slash = strchr(p, '/');
		if (slash && i % 2) // a(b/c)
			buf_printf(out, "%.*s(%s)", (int)(slash - p), p, slash + 1);
		else
			buf_adds(out, p);
	}
}

static void write_filter(const char *path, struct buf *out)
{
	const char *end = strchrnul(path + 1, '/');
	int len = (int)(end - path - 1);
	buf_printf(out, "<%.*s " NET ">", len, path + 1);
	if (*end)
		write_filter(end, out);
	buf_printf(out, "</%.*s>", len, path + 1);
}

static struct schema_tree *carry(struct test *t, const struct paths *paths)
{
	struct schema_tree *rpc = NULL;
	buf_clear(&t->buf);
	buf_printf(&t->buf, "<restart " NET "><reason>x</reason><config>");
	for (unsigned i = 0; i < paths->len; i++)
		write_filter(paths->text[i], &t->buf);
	buf_adds(&t->buf, "</config></restart>");
	const char *id, *attributes;
	struct buf message;
	buf_init(&message);
	buf_printf(&message,
		   "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\" "
		   "message-id=\"1\">%s</rpc>",
		   t->buf.data);
	struct schema_input input = {.data = message.data, .len = message.len};
	assert_true(
		schema_parse_rpc(t->schema, &input, &t->arena, &t->diags, &rpc, &id, &attributes));
	buf_fini(&message);
	return rpc;
}

static void check_selection(struct oracle *o, const struct paths *paths)
{
	struct buf fields;
	buf_init(&fields);
	write_fields(paths, &fields);
	struct schema_view *view = view_all(o);
	if (!schema_view_fields(view, fields.data, &o->t->diags))
		test_has_diag(o->t, DIAG_CODES, fields.data);
	struct lyd_node *left = copy(o);
	prune(&left, is_selected, paths);
	check_pruned(o, view, left);
	// The same names as a subtree filter.
	struct schema_tree *rpc = carry(o->t, paths);
	view = view_all(o);
	assert_true(
		schema_view_subtree(view, schema_get(schema_first(rpc), "config"), &o->t->diags));
	left = copy(o);
	prune(&left, is_selected, paths);
	check_pruned(o, view, left);
	schema_tree_free(rpc);
	buf_fini(&fields);
}

// Shows: RFC 8040 4.8.3 fields selects a subset of a resource
// Shows: RFC 6241 6.2 subtree filters select and contain
static void selections_are_what_pruning_leaves(void **state)
{
	struct oracle *o = oracle_new(*state);
	struct random r = {.state = 3};
	for (unsigned i = 0; i < 200; i++) {
		oracle_next(o, &r);
		struct paths paths = {.len = 1 + random_below(&r, PATHS_MOST)};
		const struct lyd_node *first = o->lyd;
		while (strcmp(first->schema->module->name, "test-net") != 0)
			first = first->next;
		for (unsigned p = 0; p < paths.len; p++)
			pick_path(&r, first, paths.text[p]);
		check_selection(o, &paths);
	}
	oracle_free(o);
}

static void refuses_fields(struct test *t, const char *fields, const char *parts)
{
	struct schema_tree *tree = schema_tree_new(t->schema);
	struct schema_view *view = schema_view_new(tree, &everything);
	assert_false(schema_view_fields(view, fields, &t->diags));
	test_has_diag(t, DIAG_VALUE, parts);
	test_forget(t);
	schema_view_free(view);
	schema_tree_free(tree);
}

static void bad_fields_are_refused(void **state)
{
	struct test *t = *state;
	refuses_fields(t, "", "is no name");
	refuses_fields(t, "test-net:settings(", "\"\" at character 19|is no name");
	refuses_fields(t, "test-net:settings(mode", "a ) is missing");
	refuses_fields(t, "test-net:settings)", "\")|\" at character 18|not expected");
	refuses_fields(t, "settings(mode;;on)", "at character 15|is no name");
	refuses_fields(t, "settings/mod", "\"mod\" at character 10|is not known");
	refuses_fields(t, "none:settings", "\"none:settings\" at character 1");
	refuses_fields(t, "settings/mode/", "is no name");
	buf_clear(&t->buf);
	for (unsigned i = 0; i < 100000; i++)
		buf_adds(&t->buf, "a(");
	struct schema_tree *tree = schema_tree_new(t->schema);
	struct schema_view *view = schema_view_new(tree, &everything);
	assert_false(schema_view_fields(view, t->buf.data, &t->diags));
	test_has_diag(t, DIAG_LIMIT, "more than");
	schema_view_free(view);
	schema_tree_free(tree);
}

// --- cuts ---

static bool is_of_content(const struct lyd_node *node, const void *context)
{
	const enum schema_content *content = context;
	bool is_state = node->schema->flags & LYS_CONFIG_R;
	return is_state == (*content == SCHEMA_CONTENT_STATE) &&
	       !(node->schema->nodetype & (LYS_CONTAINER | LYS_LIST));
}

static void cut_at(struct lyd_node *first, unsigned depth)
{
	struct lyd_node *next;
	for (struct lyd_node *it = first; it; it = next) {
		next = it->next;
		if (depth) {
			cut_at(lyd_child(it), depth - 1);
			continue;
		}
		// What was not empty is shown as if it were.
		struct lyd_node *up = lyd_parent(it);
		lyd_free_tree(it);
		for (; up; up = lyd_parent(up))
			up->flags &= ~(uint32_t)LYD_DEFAULT;
	}
}

// Shows: RFC 8040 4.8.1 content selects configuration or state
// Shows: RFC 8040 4.8.2 depth limits the levels of a reply
static void cuts_are_what_pruning_leaves(void **state)
{
	struct oracle *o = oracle_new(*state);
	struct random r = {.state = 4};
	for (unsigned i = 0; i < 100; i++) {
		oracle_next(o, &r);
		struct schema_view_options options = everything;
		options.content = SCHEMA_CONTENT_STATE;
		struct lyd_node *left = copy(o);
		prune(&left, is_of_content, &options.content);
		check_pruned(o, schema_view_new(o->tree, &options), left);
		options.content = SCHEMA_CONTENT_ALL;
		options.depth = 1 + random_below(&r, 4);
		left = copy(o);
		cut_at(left, options.depth);
		check_pruned(o, schema_view_new(o->tree, &options), left);
	}
	oracle_free(o);
}

static bool hide_name(void *context, const struct schema_node *node)
{
	return strcmp(schema_name(node), context) != 0;
}

static bool has_other_name(const struct lyd_node *node, const void *context)
{
	for (const struct lyd_node *it = node; it; it = lyd_parent(it))
		if (!strcmp(it->schema->name, context))
			return false;
	return !(node->schema->nodetype & (LYS_CONTAINER | LYS_LIST)) || !lyd_child(node);
}

// Shows: RFC 8341 3.2.4 what may not be read is left out
static void hidden_is_left_out(void **state)
{
	static const char *const names[] = {"rule", "tag", "low", "server", "state", "usage"};
	struct oracle *o = oracle_new(*state);
	struct random r = {.state = 5};
	for (unsigned i = 0; i < 60; i++) {
		oracle_next(o, &r);
		const char *name = names[i % array_len(names)];
		struct schema_view_options options = everything;
		options.visible = hide_name;
		options.context = (void *)(uintptr_t)name;
		buf_clear(&o->t->buf);
		struct schema_view *view = schema_view_new(o->tree, &options);
		schema_view_print(view, &o->t->buf);
		schema_view_free(view);
		buf_clear(&o->document);
		buf_printf(&o->document, "\"%s\":", name);
		assert_null(strstr(o->t->buf.data, o->document.data));
		if (!strcmp(name, "low")) // a key, without which libyang does not print
			continue;
		struct lyd_node *left = copy(o);
		prune(&left, has_other_name, name);
		check_pruned(o, schema_view_new(o->tree, &options), left);
	}
	oracle_free(o);
}

// --- examples ---

static const char settings[] = "<groups " NET "><user><name>u</name><mail>m</mail></user>"
			       "<device><name>d</name><owner>u</owner></device></groups>"
			       "<settings " NET "><mode>safe</mode><level>3</level></settings>"
			       "<state " NET "><uptime>3</uptime></state>";

struct example {
	const char *node;   // the resource; NULL: all
	const char *fields; // NULL: none
	struct schema_view_options options;
	const char *expected;
};

static void expect(struct test *t, const struct example *e)
{
	struct schema_tree *tree = test_valid(t, settings);
	struct schema_view *view = schema_view_new(tree, &e->options);
	if (e->node)
		schema_view_node(view, schema_find(tree, e->node));
	if (e->fields)
		assert_true(schema_view_fields(view, e->fields, &t->diags));
	bool any = schema_view_any(view);
	buf_clear(&t->buf);
	schema_view_print(view, &t->buf);
	assert_string_equal(t->buf.data, e->expected);
	assert_int_equal(any, t->buf.len > 2);
	schema_view_free(view);
	schema_tree_free(tree);
}

#define SETTINGS "/test-net:settings"
#define GROUPS "/test-net:groups"

// Shows: RFC 6243 3 explicit, trim, report-all and report-all-tagged in XML
// Shows: RFC 8040 4.8.9 with-defaults, tagged by metadata in JSON
static void defaults_are_shown_as_asked(void **state)
{
	static const struct example examples[] = {
		{SETTINGS, .expected = "<settings " NET "><mode>safe</mode><level>3</level>"
				       "</settings>"},
		{SETTINGS, .options = {.defaults = SCHEMA_DEFAULTS_TRIM},
		 .expected = "<settings " NET "><level>3</level></settings>"},
		{SETTINGS, .options = {.defaults = SCHEMA_DEFAULTS_ALL},
		 .expected = "<settings " NET "><mode>safe</mode><level>3</level>"
			     "<memory><size>16</size></memory></settings>"},
		{SETTINGS "/memory", .options = {.defaults = SCHEMA_DEFAULTS_ALL_TAGGED},
		 .expected = "<memory " NET "><size xmlns:wd=\"urn:ietf:params:xml:ns:netconf:"
			     "default:1.0\" wd:default=\"true\">16</size></memory>"},
		{SETTINGS,
		 .options = {.format = SCHEMA_JSON, .defaults = SCHEMA_DEFAULTS_ALL_TAGGED},
		 .expected = "{\"test-net:settings\":{\"mode\":\"safe\",\"level\":[3],\"memory\":"
			     "{\"size\":16,\"@size\":{\"ietf-netconf-with-defaults:default\":true}"
			     "}}}"},
		// A resource is shown even when it is a default (RFC 8040 section 3.5.4).
		{SETTINGS "/memory/size", .options = {.format = SCHEMA_JSON},
		 .expected = "{\"test-net:size\":16}"},
	};
	for (size_t i = 0; i < array_len(examples); i++)
		expect(*state, &examples[i]);
}

// Shows: RFC 8040 4.8.2 depth counts from what fields names
// Shows: RFC 8040 4.8.1 content=nonconfig and content=config
static void resources_are_cut(void **state)
{
	static const struct example examples[] = {
		{GROUPS, .options = {.format = SCHEMA_JSON, .depth = 1},
		 .expected = "{\"test-net:groups\":{}}"},
		{GROUPS, .options = {.format = SCHEMA_JSON, .depth = 2},
		 .expected = "{\"test-net:groups\":{\"user\":[{}],\"device\":[{}]}}"},
		{GROUPS,
		 "device/owner",
		 {.format = SCHEMA_JSON, .depth = 1},
		 "{\"test-net:groups\":{\"device\":[{\"name\":\"d\",\"owner\":\"u\"}]}}"},
		{GROUPS "/user[name='u']",
		 "mail",
		 {0},
		 "<user " NET "><name>u</name><mail>m</mail></user>"},
		{GROUPS,
		 "user(name;mail);device(name)",
		 {0},
		 "<groups " NET "><user><name>u</name><mail>m</mail></user>"
		 "<device><name>d</name></device></groups>"},
		{GROUPS, .options = {.content = SCHEMA_CONTENT_STATE}, .expected = ""},
		{NULL, .options = {.content = SCHEMA_CONTENT_STATE},
		 .expected = "<state " NET "><uptime>3</uptime></state>"},
		{NULL,
		 "test-net:state;settings/mode",
		 {.content = SCHEMA_CONTENT_CONFIG},
		 "<settings " NET "><mode>safe</mode></settings>"},
		{NULL, "settings/on", {.format = SCHEMA_JSON}, "{}"},
		{NULL, "settings/on", {0}, ""},
	};
	for (size_t i = 0; i < array_len(examples); i++)
		expect(*state, &examples[i]);
}

// Shows: RFC 6241 8.9.5.1 an XPath filter selects nodes, their ancestors and keys
static void expressions_select(void **state)
{
	static const char *const cases[][2] = {
		{"/settings/mode", "<settings " NET "><mode>safe</mode></settings>"},
		{"//mail", "<groups " NET "><user><name>u</name><mail>m</mail></user></groups>"},
		{"//device[owner = 'u']",
		 "<groups " NET "><device><name>d</name><owner>u</owner></device></groups>"},
		{"//user/name | //owner", "<groups " NET "><user><name>u</name></user><device>"
					  "<name>d</name><owner>u</owner></device></groups>"},
		{"/groups | /groups/user/name",
		 "<groups " NET "><user><name>u</name><mail>m</mail></user>"
		 "<device><name>d</name><owner>u</owner></device></groups>"},
		{"/groups/device/*[. = 'u']",
		 "<groups " NET "><device><name>d</name><owner>u</owner></device></groups>"},
		{"//nothing", ""},
		{"/ | /settings", settings},
	};
	struct test *t = *state;
	struct schema_tree *tree = test_valid(t, settings);
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_view *view = schema_view_new(tree, &(struct schema_view_options){0});
		struct schema_xpath *xpath = schema_xpath_parse(t->schema, cases[i][0],
								&schema_xpath_by_module, &t->diags);
		assert_true(schema_view_xpath(view, xpath, &t->diags));
		buf_clear(&t->buf);
		schema_view_print(view, &t->buf);
		assert_string_equal(t->buf.data, cases[i][1]);
		schema_view_free(view);
		schema_xpath_free(xpath);
	}
	schema_tree_free(tree);
}

static void several_entries_are_one_list(void **state)
{
	struct test *t = *state;
	struct schema_tree *tree =
		test_valid(t, "<groups " NET
			      "><user><name>a</name></user><user><name>b</name></user></groups>");
	struct schema_view_options options = {.format = SCHEMA_JSON};
	struct schema_view *view = schema_view_new(tree, &options);
	schema_for_each_child (it, schema_find(tree, GROUPS))
		schema_view_node(view, it);
	buf_clear(&t->buf);
	schema_view_print(view, &t->buf);
	assert_string_equal(t->buf.data, "{\"test-net:user\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
	schema_view_free(view);
	schema_tree_free(tree);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_is_what_libyang_prints),
		TEST(pieces_are_the_whole),
		TEST(selections_are_what_pruning_leaves),
		TEST(bad_fields_are_refused),
		TEST(cuts_are_what_pruning_leaves),
		TEST(hidden_is_left_out),
		TEST(defaults_are_shown_as_asked),
		TEST(resources_are_cut),
		TEST(expressions_select),
		TEST(several_entries_are_one_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
