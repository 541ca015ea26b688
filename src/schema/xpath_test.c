// SPDX-License-Identifier: Apache-2.0
// XPath held against libyang: random expressions over random documents, and examples of each function and of what is
// refused. Where libyang 2.1.30 is known to be wrong, the random expressions leave it out and examples say what is right.
#include "schema/xpath.h"
#include "schema/node.h"
#include "schema/random.h"
#include "schema/test.h"
#include "schema/xpath_own.h"
#include "schema/xpath_tree.h"

#include <libyang/libyang.h>

#include <stdlib.h>
#include <string.h>

// --- trees ---

struct pair {
	struct test *t;
	struct own own;
	struct lyd_node *lyd;
	unsigned skipped; // libyang had no answer
};

static void pair_init(struct pair *p, struct test *t, const char *document)
{
	*p = (struct pair){.t = t};
	own_init(&p->own, t, document);
	p->lyd = p->own.lyd;
}

static void pair_fini(struct pair *p)
{
	own_fini(&p->own);
}

// --- evaluating ---

static void add_line(void *context, const struct schema_node *node)
{
	struct buf *out = context;
	node_path(node, out);
	buf_addc(out, '\n');
}

static struct schema_xpath *compiled(struct test *t, const char *text)
{
	struct schema_xpath *xpath =
		schema_xpath_parse(t->schema, text, &schema_xpath_by_module, &t->diags);
	if (!xpath)
		test_has_diag(t, DIAG_CODES, text);
	return xpath;
}

static const char *nodes(struct test *t, const struct schema_node *at, const char *text)
{
	struct schema_xpath *xpath = compiled(t, text);
	struct schema_xpath_place place = {.node = at};
	buf_clear(&t->buf);
	if (!schema_xpath_nodes(xpath, &place, add_line, &t->buf, &t->diags))
		test_has_diag(t, DIAG_CODES, text);
	schema_xpath_free(xpath);
	return t->buf.data;
}

static bool truth(struct test *t, const struct schema_node *at, const char *text)
{
	struct schema_xpath *xpath = compiled(t, text);
	struct schema_xpath_place place = {.node = at};
	bool result = false;
	if (!schema_xpath_true(xpath, &place, &result, &t->diags))
		test_has_diag(t, DIAG_CODES, text);
	schema_xpath_free(xpath);
	return result;
}

// --- random expressions ---

static const char *const names[] = {
	"policy", "name",  "usage",  "rule",     "priority", "source", "colour", "kind",   "port",
	"low",    "high",  "tag",    "serial",   "label",    "time",   "often",  "period", "day",
	"length", "unit",  "action", "verdict",  "limit",    "prefix", "host",   "groups", "user",
	"mail",   "owner", "device", "settings", "mode",     "level",  "memory", "size",   "state",
	"event",  "text",  "step",   "id",       NULL};
// The text of others has white space with libyang; reading a literal as a union, it loses memory.
static const char *const leafs[] = {"name",  "usage", "low",  "high", "serial", "label",
				    "often", "day",   "host", "mail", "owner",  "verdict",
				    "mode",  "level", "size", "text", NULL};
static const char *const literals[] = {"u0", "u1", "p0", "r0",     "pass", "1",  "10",
				       "",   "a",  "60", "weekly", "safe", "m1", NULL};

static const char *one(struct random *r, const char *const *words)
{
	unsigned n = 0;
	while (words[n])
		n++;
	return words[random_below(r, n)];
}

static void write_expr(struct random *r, struct buf *out, unsigned depth);
static void write_path(struct random *r, struct buf *out, unsigned depth, bool absolute);

// Not by position: libyang counts the nodes of several parents together.
static void write_predicate(struct random *r, struct buf *out, unsigned depth)
{
	buf_addc(out, '[');
	switch (random_below(r, 4)) {
	case 0:
		buf_printf(out, "test-net:%s='%s'", one(r, leafs), one(r, literals));
		break;
	case 1:
		buf_printf(out, "test-net:name='%s'", one(r, literals));
		break;
	default:
		write_expr(r, out, depth);
	}
	buf_addc(out, ']');
}

static void write_step(struct random *r, struct buf *out, unsigned depth)
{
	static const char *const axes[] = {
		"descendant::",        "descendant-or-self::", "self::",
		"ancestor::",          "ancestor-or-self::",   "parent::",
		"following-sibling::", "preceding-sibling::",  NULL};
	switch (random_below(r, 12)) {
	case 0:
		buf_adds(out, "..");
		return;
	case 1:
		buf_adds(out, ".");
		return;
	case 2:
		buf_adds(out, "*");
		break;
	case 3:
		buf_printf(out, "%stest-net:%s", one(r, axes), one(r, names));
		break;
	case 4:
		buf_adds(out, random_below(r, 2) ? "descendant::*" : "following-sibling::*");
		break;
	default:
		buf_printf(out, "test-net:%s", one(r, names));
	}
	if (depth && !random_below(r, 4))
		write_predicate(r, out, depth - 1);
}

static const char *const starts[] = {"policy",
				     "policy/test-net:rule",
				     "policy/test-net:rule/test-net:port",
				     "groups/test-net:user",
				     "groups/test-net:device",
				     "settings",
				     "state",
				     NULL};

static void write_path(struct random *r, struct buf *out, unsigned depth, bool absolute)
{
	unsigned steps = 1 + random_below(r, 3);
	if (absolute && random_below(r, 3)) {
		buf_printf(out, "/test-net:%s", one(r, starts));
		if (depth && !random_below(r, 3))
			write_predicate(r, out, depth - 1);
		steps--;
	} else if (absolute) {
		buf_addc(out, '/');
	}
	for (unsigned i = 0; i < steps; i++) {
		if (i || (absolute && out->data[out->len - 1] != '/'))
			buf_addc(out, '/');
		bool again = strstr(out->data, "descendant"); // it counts twice what it meets twice
		if (!random_below(r, 4) && (i || absolute) && !again)
			buf_printf(out, "/test-net:%s", one(r, names)); // not .., of texts
		else
			write_step(r, out, depth);
	}
}

static void write_value(struct random *r, struct buf *out, unsigned depth);

static void write_leafs(struct random *r, struct buf *out, unsigned depth)
{
	write_path(r, out, depth, random_below(r, 2));
	buf_printf(out, "%s/test-net:%s", random_below(r, 3) ? "" : "/", one(r, leafs));
}

static void write_call(struct random *r, struct buf *out, unsigned depth)
{
	static const char *const of_nodes[] = {"local-name", "string", "normalize-space", NULL};
	static const char *const of_two[] = {"substring-before", "substring-after", "concat", NULL};
	static const char *const of_one[] = {"string", "normalize-space", NULL};
	switch (random_below(r, 4)) {
	case 0:
	case 1:
		buf_printf(out, "%s(", one(r, of_nodes));
		write_leafs(r, out, depth);
		break;
	case 2:
		buf_printf(out, "%s(", one(r, of_two));
		write_value(r, out, depth);
		buf_adds(out, ", ");
		write_value(r, out, depth);
		break;
	default:
		buf_printf(out, "%s(", one(r, of_one));
		write_value(r, out, depth);
	}
	buf_addc(out, ')');
}

static void write_both(struct random *r, struct buf *out, unsigned depth,
		       const char *const *operators,
		       void (*write)(struct random *, struct buf *, unsigned))
{
	buf_addc(out, '(');
	write(r, out, depth - 1);
	buf_adds(out, one(r, operators));
	write(r, out, depth - 1);
	buf_addc(out, ')');
}

// A text, or nodes.
static void write_value(struct random *r, struct buf *out, unsigned depth)
{
	switch (random_below(r, depth ? 4 : 2)) {
	case 0:
		buf_printf(out, "'%s'", one(r, literals));
		break;
	case 1:
		write_leafs(r, out, depth ? depth - 1 : 0);
		break;
	default:
		write_call(r, out, depth - 1);
	}
}

// A number that is one: libyang takes NaN for true, and for less than itself.
static void write_number(struct random *r, struct buf *out, unsigned depth)
{
	static const char *const operators[] = {" + ", " - ", " * ", NULL};
	switch (random_below(r, depth ? 4 : 2)) {
	case 0:
		buf_printf(out, "%u", random_below(r, 4));
		break;
	case 1:
		buf_adds(out, "count(");
		write_path(r, out, depth ? depth - 1 : 0, random_below(r, 2));
		buf_addc(out, ')');
		break;
	case 2:
		buf_adds(out, "string-length(");
		write_value(r, out, depth - 1);
		buf_addc(out, ')');
		break;
	default:
		write_both(r, out, depth, operators, write_number);
	}
}

static void write_expr(struct random *r, struct buf *out, unsigned depth)
{
	static const char *const orders[] = {" < ", " <= ", " > ", " >= ", NULL},
				 *const equals[] = {" = ", " != ", NULL},
				 *const truths[] = {" and ", " or ", NULL},
				 *const calls[] = {"contains", "starts-with", NULL};
	switch (random_below(r, depth ? 9 : 1)) {
	case 0:
		write_path(r, out, depth ? depth - 1 : 0, random_below(r, 2));
		break;
	case 1:
		write_both(r, out, depth, truths, write_expr);
		break;
	case 2:
		buf_adds(out, random_below(r, 2) ? "not(" : "boolean(");
		write_expr(r, out, depth - 1);
		buf_addc(out, ')');
		break;
	case 3:
		buf_printf(out, "%s(", one(r, calls));
		write_value(r, out, depth - 1);
		buf_adds(out, ", ");
		write_value(r, out, depth - 1);
		buf_addc(out, ')');
		break;
	case 4:
		write_both(r, out, depth, orders, write_number);
		break;
	case 5:
		write_both(r, out, depth, equals, write_number);
		break;
	default:
		write_both(r, out, depth, equals, write_value);
	}
}

static const struct lyd_node *lyd_any(struct random *r, const struct lyd_node *first)
{
	const struct lyd_node *node = first;
	for (unsigned n = random_below(r, 6); n && node->next; n--)
		node = node->next;
	const struct lyd_node *child = lyd_child(node);
	return child && random_below(r, 3) ? lyd_any(r, child) : node;
}

static void check_truth(struct pair *p, const struct lyd_node *at, const char *text)
{
	ly_bool expected = 0;
	bool actual = truth(p->t, own_of(&p->own, at), text);
	if (lyd_eval_xpath3(at, NULL, text, LY_VALUE_JSON, NULL, NULL, &expected))
		p->skipped++;
	else if (actual != (bool)expected) {
		char *path = lyd_path(at, LYD_PATH_STD, NULL, 0);
		fail_msg("%s at %s: %d instead of %d", text, path, actual, expected);
	}
}

static bool stands_before(const char *lines, size_t at)
{
	const char *line = lines + at, *found = lines;
	while ((found = strstr(found, line)) != line)
		if (found == lines || found[-1] == '\n')
			return true;
		else
			found++;
	return false;
}

static void buf_truncate(struct buf *buf, size_t len)
{
	buf->len = len;
	buf->data[len] = '\0';
}

static void check_nodes(struct pair *p, const struct lyd_node *at, const char *text)
{
	struct ly_set *set = NULL;
	struct buf expected;
	buf_init(&expected);
	buf_printf(&expected, "(%s)[not(..)]", text);
	bool has_root = truth(p->t, own_of(&p->own, at), expected.data);
	buf_clear(&expected);
	if (has_root) { // it leaves the root out
		buf_fini(&expected);
		return;
	}
	// Sometimes it takes the result of a predicate for that of the path.
	if (lyd_find_xpath3(at, p->lyd, text, NULL, &set)) {
		p->skipped++;
		buf_fini(&expected);
		return;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		size_t before = expected.len;
		add_line(&expected, own_of(&p->own, set->dnodes[i]));
		if (stands_before(expected.data, before)) // it repeats nodes that it comes to twice
			buf_truncate(&expected, before);
	}
	ly_set_free(set, NULL);
	const char *actual = nodes(p->t, own_of(&p->own, at), text);
	if (strcmp(actual, expected.data) != 0) {
		char *path = lyd_path(at, LYD_PATH_STD, NULL, 0);
		const char *a = actual, *b = expected.data;
		for (; *a && *a == *b; a++)
			b++;
		fail_msg("%s at %s, after %zu bytes:\n%.150s instead of\n%.150s", text, path,
			 (size_t)(a - actual), a, b);
	}
	buf_fini(&expected);
}

// Shows: RFC 7950 6.4 XPath evaluations
static void random_expressions_are_what_libyang_says(void **state)
{
	struct test *t = *state;
	struct random r = {.state = 7};
	struct buf text;
	buf_init(&text);
	for (unsigned d = 0; d < 60; d++) {
		struct pair p;
		buf_clear(&text);
		random_document(&r, &text);
		pair_init(&p, t, text.data);
		for (unsigned i = 0; i < 150; i++) {
			const struct lyd_node *at = lyd_any(&r, p.lyd);
			buf_clear(&text);
			if (i % 2) {
				write_expr(&r, &text, 3);
				check_truth(&p, at, text.data);
			} else {
				write_path(&r, &text, 2, random_below(&r, 3));
				check_nodes(&p, at, text.data);
			}
			test_forget(t);
		}
		assert_in_range(p.skipped, 0, 10);
		pair_fini(&p);
	}
	buf_fini(&text);
}

// --- examples ---

static const char example[] =
	"<policy " NET "><name>p</name><usage>number</usage>"
	"<rule><name>a</name><priority>10</priority><source>u1</source><source>u2</source>"
	"<colour>red</colour><kind xmlns:tt=\"urn:test:types\">tt:secure-web</kind>"
	"<port><low>1</low><high>2</high></port><port><low>3</low><high>4</high></port>"
	"<action><verdict>pass</verdict><limit>1.5</limit></action></rule>"
	"<rule><name>b</name><priority>9</priority><action><verdict>drop</verdict></action></rule>"
	"<rule><name>c</name><action><verdict>drop</verdict></action></rule></policy>"
	"<policy " NET "><name>q</name><rule><name>d</name><action><verdict>drop</verdict>"
	"</action></rule><rule><name>e</name><action><verdict>pass</verdict></action></rule>"
	"</policy>"
	"<groups " NET "><user><name>u1</name><mail>m</mail></user><user><name>u2</name></user>"
	"<device><name>d</name><owner>u2</owner></device></groups>"
	"<settings " NET
	"><where xmlns:t=\"urn:test:net\">/t:groups/t:user[t:name='u1']/t:mail[.='m']"
	"</where></settings><state " NET "><uptime>3</uptime><event><text> x  y </text></event>"
	"<event><text>\xc3\xa9"
	"2</text></event></state>";

static void each_is(struct test *t, const char *const (*pairs)[2])
{
	struct pair p;
	pair_init(&p, t, example);
	for (; (*pairs)[0]; pairs++) {
		// "name name" stands for lines that end so.
		const char *actual = nodes(t, p.own.root, (*pairs)[0]), *want = (*pairs)[1];
		const char *line = actual;
		for (; *line && *want; line = strchr(line, '\n') + 1) {
			size_t len = strcspn(want, " "), has = strcspn(line, "\n");
			if (has < len || strncmp(line + has - len, want, len) != 0)
				break;
			want += len + (want[len] == ' ');
		}
		if (*line || *want)
			fail_msg("%s:\n%s", (*pairs)[0], actual);
	}
	pair_fini(&p);
}

// Shows: RFC 6241 8.9 XPath filters, paths
static void paths(void **state)
{
	static const char *const pairs[][2] = {
		{"/", "policy[name='p'] policy[name='q'] groups settings state"},
		{"/ | /state | //uptime", "policy[name='p'] policy[name='q'] groups settings "
					  "state uptime"},
		{"/test-net:state/uptime", "uptime"},
		{"/state/uptime", "uptime"},
		{"//rule[2]", "rule[name='b'] rule[name='e']"},
		{"(//rule)[2]", "rule[name='b']"},
		{"//rule[last()]", "rule[name='c'] rule[name='e']"},
		{"//rule[position() < 2]/name", "[name='a']/name [name='d']/name"},
		{"/policy[name='p']/rule[name='b']", "rule[name='b']"},
		{"/policy[name='p']/rule['b'=name]/priority", "[name='b']/priority"},
		{"/policy/rule[name='e']", "rule[name='e']"},
		{"/policy[name='p']/rule[name='b'][1]", "rule[name='b']"},
		{"/policy[name='p']/rule[1][name='b']", ""},
		{"/policy[name='p']/rule[name='a']/port[low='3'][high='4']", "[high='4']"},
		{"/policy[name='p']/rule[name='a']/port[high='04' and low='03']", "[high='4']"},
		{"/policy[name='p']/rule[name='a']/port[high='04'][low='03']", "[high='4']"},
		{"//source[. = 'u2']", "source[.='u2']"},
		{"//rule[limit]", ""},
		{"//rule[action/limit = '1.50']", "rule[name='a']"},
		{"//rule[colour = 'test-net:red']", "rule[name='a']"},
		{"//user[name = //device/owner]", "user[name='u2']"},
		{"/groups/user[name = /groups/device[name = 'd']/owner]", "user[name='u2']"},
		{"//owner/..", "device[name='d']"},
		{"//owner/../../user", "user[name='u1'] user[name='u2']"},
		{"//rule[name='b']/following-sibling::*", "rule[name='c']"},
		{"//rule[name='b']/preceding-sibling::rule", "rule[name='a']"},
		{"//rule[name='c']/preceding-sibling::rule[1]", "rule[name='b']"},
		{"//owner/ancestor::*[1]", "device[name='d']"},
		{"//owner/ancestor-or-self::*", "groups device[name='d'] owner"},
		{"//rule[name='e']/preceding::rule[name='d']/name", "[name='d']/name"},
		{"//device/following::uptime | //device/name", "device[name='d']/name uptime"},
		{"//rule[name='c']/preceding::low[1]", "[low='3'][high='4']/low"},
		{"//rule[name='a']/following::name[2]", "[name='c']/name"},
		{"//low[. = 1]/ancestor::*[2]", "rule[name='a']"},
		{"//rule[priority = //priority][2]", "rule[name='b']"},
		{"//user[name = //source | //owner]/name", "[name='u1']/name [name='u2']/name"},
		{"//device[owner = /groups/user[mail or true()]/name]", "device[name='d']"},
		{"//user | //device | //user", "user[name='u1'] user[name='u2'] device[name='d']"},
		{"//uptime/text()", "uptime"},
		{"//uptime/text()/..", "uptime"},
		{"//uptime/@x", ""},
		{"//comment() | //processing-instruction('x')", ""},
		{"child::state/descendant-or-self::node()",
		 "state uptime event[1] text event[2] text"},
		{"/policy[name='p']/test-net:*", "name usage [name='a'] [name='b'] [name='c']"},
		{NULL, NULL}};
	each_is(*state, pairs);
}

// Shows: RFC 7950 10.3 deref
// Shows: RFC 7950 10.4 derived-from and derived-from-or-self
// Shows: RFC 7950 10.2 re-match
// Shows: RFC 7950 10.5 enum-value
static void functions_of_yang(void **state)
{
	static const char *const pairs[][2] = {
		{"deref(//owner)", "user[name='u2']/name"},
		{"deref(//owner)/../mail", ""},
		{"deref(//source[.='u1'])/../mail", "mail[.='m']"},
		{"deref(/settings/where)", "mail[.='m']"},
		{"deref(//uptime)", ""},
		{"//rule[derived-from(kind, 'test-types:web')]", "rule[name='a']"},
		{"//rule[derived-from(kind, 'test-types:secure-web')]", ""},
		{"//rule[derived-from-or-self(kind, 'test-types:secure-web')]", "rule[name='a']"},
		{"//rule[derived-from(colour, 'colour')]", "rule[name='a']"},
		{"//rule[derived-from(kind, 'test-types:mail') or derived-from(name, 'x')]", ""},
		{"//rule[enum-value(action/verdict) = 1]", "[name='b'] [name='c'] [name='d']"},
		{"//rule[enum-value(priority) > 0]", ""},
		{"//rule[bit-is-set(name, 'a')]", ""},
		{"//user[re-match(name, 'u\\d')]", "[name='u1'] [name='u2']"},
		{"//user[re-match(name, '[a-z-[t]][^2]')]", "[name='u1']"},
		{"//user[re-match(name, 'u')]", ""},
		{"//user[re-match(name, '[^\\c]*|u(1|3)+')]", "[name='u1']"},
		{"//text[re-match(., '\\p{Ll}\\w{1,2}')]", "text"},
		{"//rule[name = current()//owner]", ""},
		{NULL, NULL}};
	each_is(*state, pairs);
}

static void core_functions(void **state)
{
	static const char *const truths[] = {"count(//rule) = 5",
					     "sum(//low) = 4",
					     "sum(//name) != sum(//name)",
					     "string(1 div 0) = 'Infinity'",
					     "string(-1 div 0) = '-Infinity'",
					     "string(0 div 0) = 'NaN'",
					     "string(0.1) = '0.1'",
					     "string(-0.5) = '-0.5'",
					     "string(1000000000000) = '1000000000000'",
					     "string(1 div 3) = '0.3333333333333333'",
					     "string(-0) = '0'",
					     "number(' 12.5 ') = 12.5",
					     "string(number('1e3')) = 'NaN'",
					     "string(number('.')) = 'NaN'",
					     "number('5.') = 5",
					     "not(number('') = 0)",
					     "not(0 div 0)",
					     "'' = string(/nothing)",
					     "7 mod 3 = 1",
					     "-7 mod 3 = -1",
					     "2 + 3 * 4 - 1 = 13",
					     "- - 2 = 2",
					     "6 div 2 div 3 = 1",
					     "1 < 2 = true()",
					     "round(2.5) = 3",
					     "round(-2.5) = -2",
					     "floor(-1.5) = -2",
					     "ceiling(1.2) = 2",
					     "concat('a', 1, true()) = 'a1true'",
					     "starts-with('abc', 'ab')",
					     "contains('abc', 'bc')",
					     "substring-before('a/b/c', '/') = 'a'",
					     "substring-after('a/b/c', '/') = 'b/c'",
					     "substring('12345', 1.5, 2.6) = '234'",
					     "substring('12345', 0, 3) = '12'",
					     "substring('12345', 0 div 0, 3) = ''",
					     "substring('12345', 2) = '2345'",
					     "substring('12345', -42, 1 div 0) = '12345'",
					     "string-length(//event[2]/text) = 2",
					     "substring(//event[2]/text, 2) = '2'",
					     "normalize-space(//event/text) = 'x y'",
					     "translate('bar', 'abc', 'AB') = 'BAr'",
					     "translate(//event[2]/text, '\xc3\xa9', 'e') = 'e2'",
					     "local-name(//low) = 'low'",
					     "name(//low) = 'test-net:low'",
					     "namespace-uri(//low) = 'urn:test:net'",
					     "name() = ''",
					     "boolean('false')",
					     "//priority = 9",
					     "//priority != 9",
					     "not(//priority = 11)",
					     "//low < //low",
					     "not(//low < 1)",
					     "3 >= //low",
					     "//low = '03'",
					     "//nothing = false()",
					     "not(//nothing != 'a')",
					     "'b' != //rule/name",
					     "string(//user[2]) = 'u2'",
					     "string(//groups) = 'u1mu2du2'",
					     "true() and not(false())",
					     "true() or 1",
					     "/policy[name = 'p']/rule/name = 'b'",
					     "position() = last()",
					     NULL};
	struct test *t = *state;
	struct pair p;
	pair_init(&p, t, example);
	for (size_t i = 0; truths[i]; i++)
		if (!truth(t, p.own.root, truths[i]))
			fail_msg("%s", truths[i]);
	pair_fini(&p);
}

static void reach_is_the_highest_level_looked_at(void **state)
{
	static const struct {
		const char *text;
		unsigned reach;
	} cases[] = {
		{"a/b = 'c'", 0},
		{". >= ../low", 1},
		{"../../usage = 'number'", 2},
		{"../a and not(../b)", 1},
		{"count(a/b/../../..) < 3", 1},
		{"../x[../y]/z", 1},
		{"../x[../../y]/z", 2},
		{"x[current()/../y]", 1},
		{"current()/../../y", 2},
		{".//x/../y", 0},
		{"concat(a, ../../../b)", 3},
		{"/a", MODEL_ANYWHERE},
		{"a[//b]", MODEL_ANYWHERE},
		{"ancestor::a", MODEL_ANYWHERE},
		{"following-sibling::a", MODEL_ANYWHERE},
		{"deref(.)/../a", MODEL_ANYWHERE},
		{"(../a)/b", MODEL_ANYWHERE},
	};
	struct test *t = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct schema_xpath *xpath = compiled(t, cases[i].text);
		if (xpath_reach(xpath) != cases[i].reach)
			fail_msg("%s: %u", cases[i].text, xpath_reach(xpath));
		schema_xpath_free(xpath);
	}
}

// --- refusals ---

static void refuses(struct test *t, const char *text, const char *parts)
{
	struct schema_xpath *xpath =
		schema_xpath_parse(t->schema, text, &schema_xpath_by_module, &t->diags);
	if (xpath)
		fail_msg("accepted: %s", text);
	test_has_diag(t, t->diags.list.at[0].code, parts);
	test_forget(t);
}

static void bad_expressions_are_refused(void **state)
{
	struct test *t = *state;
	refuses(t, "", "the end at character 1 is not expected");
	refuses(t, "/a[", "the end at character 4");
	refuses(t, "/a]", "\"]\" at character 3 is not expected");
	refuses(t, "a b", "\"b\" at character 3 is not expected");
	refuses(t, "'a", "\"'a\" at character 1 begins a text that does not end");
	refuses(t, "$x", "is a variable");
	refuses(t, "a #", "\"#\" at character 3 cannot stand here");
	refuses(t, "x:a", "\"x:a\" at character 1 has a prefix that is not known");
	refuses(t, "test-net:", "is a prefix without a name");
	refuses(t, "up::a", "is no axis");
	refuses(t, "foo(1)", "\"foo(\" at character 1 is no function");
	refuses(t, "count()", "does not take that many");
	refuses(t, "count(1)", "is asked about something that is no set of nodes");
	refuses(t, "a | 1", "\"|\" at character 3 stands beside");
	refuses(t, "'a'/b", "stands behind what is no set of nodes");
	refuses(t, "1 +", "the end at character 4");
	struct buf deep;
	buf_init(&deep);
	for (unsigned i = 0; i < 30000; i++)
		buf_adds(&deep, "a[");
	refuses(t, deep.data, "is nested too deep");
	buf_clear(&deep);
	for (unsigned i = 0; i < 10000; i++)
		buf_adds(&deep, "1+");
	buf_addc(&deep, '1');
	refuses(t, deep.data, "is nested too deep");
	buf_clear(&deep);
	for (unsigned i = 0; i < 30000; i++)
		buf_addc(&deep, '(');
	refuses(t, deep.data, "is nested too deep");
	buf_clear(&deep);
	for (unsigned i = 0; i < 30000; i++)
		buf_addc(&deep, '-');
	refuses(t, deep.data, "is nested too deep");
	for (unsigned i = 0; i < 7000; i++)
		buf_adds(&deep, "aaaaaaaaaa");
	refuses(t, deep.data, "more than 65536 bytes");
	buf_fini(&deep);
}

static void stops(struct test *t, const struct schema_node *at, const char *text,
		  enum diag_code code, const char *parts)
{
	struct schema_xpath *xpath = compiled(t, text);
	struct schema_xpath_place place = {.node = at};
	bool result;
	if (schema_xpath_true(xpath, &place, &result, &t->diags))
		fail_msg("it ended: %s", text);
	test_has_diag(t, code, parts);
	test_forget(t);
	schema_xpath_free(xpath);
}

static void hostile_expressions_end(void **state)
{
	struct test *t = *state;
	struct buf text;
	buf_init(&text);
	for (unsigned p = 0; p < 50; p++) {
		buf_printf(&text, "<policy " NET "><name>p%u</name>", p);
		for (unsigned i = 0; i < 50; i++)
			buf_printf(&text,
				   "<rule><name>r%u</name><action><verdict>pass</verdict>"
				   "</action></rule>",
				   i);
		buf_adds(&text, "</policy>");
	}
	buf_adds(&text, "<settings " NET "/>");
	struct pair p;
	pair_init(&p, t, text.data);
	const struct schema_node *root = p.own.root;
	stops(t, root, "//*[count(//*) = 1]", DIAG_LIMIT, "too many nodes");
	stops(t, root, "count(//*/following::*/preceding::*)", DIAG_LIMIT, "too many nodes");
	stops(t, root, "//*[re-match('aaaaaaaaaaaaaaa', '(a|a)*[bc]') or not(.)]", DIAG_LIMIT,
	      "too many nodes");
	stops(t, root, "//*[translate(/, 'x', /) = '']", DIAG_LIMIT, "XPath|too m");
	pair_fini(&p);
	buf_fini(&text);
}

static void bad_patterns_are_refused(void **state)
{
	static const char *const patterns[][2] = {{"(", "parentheses"},
						  {"a**", "one quantifier follows another"},
						  {"*a", "nothing before"},
						  {"[a", "not closed"},
						  {"[]", "empty"},
						  {"[[:alpha:]]", "must be written \\["},
						  {"\\q", "an escape"},
						  {"\\p{IsGreek}", "no blocks"},
						  {"a{x}", "braces"},
						  {"(?i)a", "nothing before"},
						  {"a]", "closed that is not open"},
						  {"[\\S]", "cannot stand in brackets"}};
	struct test *t = *state;
	struct pair p;
	pair_init(&p, t, example);
	for (size_t i = 0; i < array_len(patterns); i++) {
		buf_clear(&t->buf);
		buf_printf(&t->buf, "re-match('a', '%s')", patterns[i][0]);
		char *text = strdup(t->buf.data);
		stops(t, p.own.root, text, DIAG_VALUE, patterns[i][1]);
		free(text);
	}
	stops(t, p.own.root, "re-match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', '(a|a)*')",
	      DIAG_LIMIT, "takes too long");
	pair_fini(&p);
}

static void what_is_no_set_is_no_filter(void **state)
{
	struct test *t = *state;
	struct schema_xpath *xpath = compiled(t, "count(//*)");
	struct pair p;
	pair_init(&p, t, example);
	struct schema_xpath_place place = {.node = p.own.root};
	assert_false(schema_xpath_nodes(xpath, &place, add_line, &t->buf, &t->diags));
	test_has_diag(t, DIAG_VALUE, "count(//*)|gives no nodes");
	schema_xpath_free(xpath);
	pair_fini(&p);
}

static bool not_low(void *context, const struct schema_node *node)
{
	(void)context;
	return strcmp(node_model(node)->name, "port") != 0;
}

// Shows: RFC 8341 3.2.4 a filter does not find what may not be read
static void hidden_nodes_are_not_found(void **state)
{
	static const char *const texts[] = {
		"//low",
		"/policy/rule/port",
		"//rule[port]",
		"//*[. = '4'][local-name() = 'high']",
		"/policy[name='p']/rule[name='a']/port[low='1'][high='2']",
		"//name[following::low = '3']",
		"//rule[contains(., '34')]"};
	struct test *t = *state;
	struct pair p;
	pair_init(&p, t, example);
	struct schema_xpath_place place = {.node = p.own.root, .visible = not_low};
	for (size_t i = 0; i < array_len(texts); i++) {
		assert_string_not_equal(nodes(t, p.own.root, texts[i]), "");
		struct schema_xpath *xpath = compiled(t, texts[i]);
		buf_clear(&t->buf);
		assert_true(schema_xpath_nodes(xpath, &place, add_line, &t->buf, &t->diags));
		assert_string_equal(t->buf.data, "");
		schema_xpath_free(xpath);
	}
	pair_fini(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_expressions_are_what_libyang_says),
		TEST(paths),
		TEST(functions_of_yang),
		TEST(core_functions),
		TEST(reach_is_the_highest_level_looked_at),
		TEST(bad_expressions_are_refused),
		TEST(hostile_expressions_end),
		TEST(bad_patterns_are_refused),
		TEST(what_is_no_set_is_no_filter),
		TEST(hidden_nodes_are_not_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
