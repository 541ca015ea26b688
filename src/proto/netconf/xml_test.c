// SPDX-License-Identifier: Apache-2.0
// The envelope reader, and rpc-errors there and back.
#include "proto/netconf/error.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/xml.h"
#include "base/buf.h"
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static bool parse(const char *text, struct netconf_xml *root)
{
	const char *fault = NULL;
	bool ok = netconf_xml_parse(&arena, (struct netconf_xml_span){text, strlen(text)}, root,
				    &fault);
	assert_int_equal(ok, fault == NULL);
	return ok;
}

static void root(const char *text, struct netconf_xml *out)
{
	if (!parse(text, out))
		fail_msg("refused: %s", text);
}

static void names_and_namespaces(void **state)
{
	struct netconf_xml r, c;
	(void)state;
	root("\xef\xbb\xbf <?x?><p:a xmlns:p='urn:p' xmlns=\"urn:d\"><b/> <p:c "
	     "xmlns:p=\"urn:q\"></p:c>"
	     "<d xmlns=\"\"/></p:a> <!-- > -->",
	     &r);
	assert_true(netconf_xml_is(&r, "urn:p", "a"));
	assert_true(netconf_xml_first(&r, &c));
	assert_true(netconf_xml_is(&c, "urn:d", "b"));
	assert_true(netconf_xml_next(&r, &c));
	assert_true(netconf_xml_is(&c, "urn:q", "c"));
	assert_true(netconf_xml_next(&r, &c));
	assert_true(netconf_xml_is(&c, "", "d"));
	assert_false(netconf_xml_next(&r, &c));
	assert_true(netconf_xml_child(&r, "urn:q", "c", &c));
	assert_false(netconf_xml_child(&r, "urn:q", "b", &c));
}

static void text_and_attributes(void **state)
{
	struct netconf_xml r;
	(void)state;
	root("<a x = '1&lt;&#65;&#x20ac;' y=\"'>'\">  a&amp;<!-- - -->b<![CDATA[<&]]>&#10;</a>",
	     &r);
	assert_string_equal(netconf_xml_text(&r), "a&b<&");
	assert_string_equal(netconf_xml_attribute(&r, "x"), "1<A\xe2\x82\xac");
	assert_string_equal(netconf_xml_attribute(&r, "y"), "'>'");
	assert_null(netconf_xml_attribute(&r, "z"));
	root("<a>x<b/></a>", &r);
	assert_null(netconf_xml_text(&r));
	root("<a>&nbsp;</a>", &r);
	assert_null(netconf_xml_text(&r));
	root("<a>&#0;</a>", &r);
	assert_null(netconf_xml_text(&r));
	root("<a>&#xd800;</a>", &r);
	assert_null(netconf_xml_text(&r));
	root("<a>&#99999999999;</a>", &r);
	assert_null(netconf_xml_text(&r));
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"<a>",
		"</a>",
		"<a></b>",
		"<a/><b/>",
		"<a/>x",
		"x<a/>",
		"<a",
		"<a x='></a>",
		"<a x></a>",
		"<a x=1></a>",
		"<a x='1'y='2'/>",
		"<a x='1' x='2'/>",
		"<p:a/>",
		"<a x='<'/>",
		"<!DOCTYPE a><a/>",
		"<a><!ENTITY b 'c'></a>",
		"<a><!-- </a>",
		"<a><![CDATA[</a>",
		"<a x='&e;'/>",
		"<a x='\x01'/>",
		"<a x='\xff'/>",
		"<a x='\xc0\xaf'/>",
		"<1a/>",
		"<a 1='x'/>",
		"<![CDATA[x]]><a/>",
		"< a/>",
		"<a></a",
		"<",
		"<a></a ",
		"<a><?x </a>",
		"<a x='\xed\xa0\x80'/>",
		"<a x='\xe2\x82'/>",
	};
	struct netconf_xml r;
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++)
		if (parse(bad[i], &r))
			fail_msg("accepted: %s", bad[i]);
	const char *fault;
	assert_false(
		netconf_xml_parse(&arena, (struct netconf_xml_span){"<a>\0</a>", 8}, &r, &fault));
}

static void depth_is_limited(void **state)
{
	struct buf deep cleanup(buf_fini);
	struct netconf_xml r;
	(void)state;
	buf_init(&deep);
	for (int i = 0; i < 2000; i++)
		buf_adds(&deep, "<a>");
	assert_false(parse(deep.data, &r));
}

static void handing_on_keeps_namespaces(void **state)
{
	struct netconf_xml r;
	struct buf out cleanup(buf_fini);
	(void)state;
	buf_init(&out);
	root("<r xmlns='urn:d' xmlns:p='urn:p' xmlns:q='urn:&amp;'><a p:x='1'/><p:b "
	     "xmlns:p='urn:o' xmlns=''>t</p:b></r>",
	     &r);
	netconf_xml_add_children(&r, &out);
	assert_string_equal(out.data,
			    "<a xmlns:q=\"urn:&amp;\" xmlns:p=\"urn:p\" xmlns=\"urn:d\" p:x='1'/>"
			    "<p:b xmlns:q=\"urn:&amp;\" xmlns:p='urn:o' xmlns=''>t</p:b>");
}

// --- errors ---

static const char *rpc_error(const struct diag *d)
{
	struct buf out cleanup(buf_fini);
	struct map namespaces = {.arena = &arena};
	buf_init(&out);
	map_put(&namespaces, "mod", (char *)(uintptr_t) "urn:mod");
	struct diags diags;
	diags_init(&diags, &arena);
	diag_add(&diags, d, "%s", d->text);
	netconf_errors_add(&diags, &namespaces, &out);
	return arena_strdup(&arena, out.data);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
}

// Shows: RFC 6241 A error-type, error-tag, error-path and error-info of each kind of error
static void errors_as_rfc_6241_wants(void **state)
{
	(void)state;
	const char *xml = rpc_error(&(struct diag){.code = DIAG_UNKNOWN_ELEMENT,
						   .path = "/mod:a/b[k='/x:y']/mod:c[.='1']",
						   .text = "what <is> this",
						   .hint = "x"});
	has(xml, "<error-type>protocol</error-type><error-tag>unknown-element</error-tag>"
		 "<error-severity>error</error-severity>");
	has(xml,
	    "<error-path "
	    "xmlns:mod=\"urn:mod\">/mod:a/mod:b[mod:k=&apos;/x:y&apos;]/mod:c[.=&apos;1&apos;]</"
	    "error-path>");
	has(xml, "<error-message xml:lang=\"en\">what &lt;is&gt; this</error-message>");
	has(xml, "<error-info><bad-element>c</bad-element><diagnostic");
	xml = rpc_error(&(struct diag){
		.code = DIAG_MISSING_ATTRIBUTE, .path = "/rpc/@message-id", .text = "x"});
	has(xml, "<error-type>rpc</error-type><error-tag>missing-attribute</error-tag>");
	has(xml, "<bad-attribute>message-id</bad-attribute><bad-element>rpc</bad-element>");
	xml = rpc_error(&(struct diag){.code = DIAG_LOCKED, .subject = "4", .text = "x"});
	has(xml, "<error-tag>lock-denied</error-tag>");
	has(xml, "<error-info><session-id>4</session-id>");
	xml = rpc_error(&(struct diag){.code = DIAG_UNKNOWN_NAMESPACE,
				       .path = "/mod:a/b",
				       .subject = "urn:x",
				       .text = "x"});
	has(xml, "<bad-element>b</bad-element><bad-namespace>urn:x</bad-namespace>");
	xml = rpc_error(&(struct diag){.severity = DIAG_WARNING, .code = DIAG_VALUE, .text = "x"});
	has(xml, "<error-type>application</error-type><error-tag>invalid-value</error-tag>"
		 "<error-severity>warning</error-severity>");
}

// Shows: RFC 7950 15 error-app-tag and error-info of broken constraints
static void errors_as_rfc_7950_wants(void **state)
{
	(void)state;
	const char *xml = rpc_error(&(struct diag){.code = DIAG_CONSTRAINT,
						   .app_tag = "data-not-unique",
						   .subject = "/mod:a[k='1']/b",
						   .text = "x"});
	has(xml, "<error-severity>error</error-severity>"
		 "<error-app-tag>data-not-unique</error-app-tag>");
	has(xml, "<non-unique xmlns=\"urn:ietf:params:xml:ns:yang:1\">/mod:a[k=&apos;1&apos;]/b<");
	xml = rpc_error(&(struct diag){.code = DIAG_REFERENCE,
				       .app_tag = "missing-choice",
				       .subject = "either",
				       .text = "x"});
	has(xml, "<missing-choice xmlns=\"urn:ietf:params:xml:ns:yang:1\">either<");
}

static void read_error(const char *inside, struct diags *diags)
{
	struct netconf_xml r;
	const char *text = arena_printf(&arena, "<rpc-error xmlns='%s'>%s</rpc-error>",
					NETCONF_NS_BASE, inside);
	root(text, &r);
	diags_init(diags, &arena);
	netconf_error_read(&r, diags);
	assert_int_equal(diags->list.len, 1);
}

static void every_code_comes_back(void **state)
{
	(void)state;
	for (enum diag_code code = 0; code < DIAG_CODES; code++) {
		struct diag d = {.severity = code % 2 ? DIAG_ERROR : DIAG_WARNING,
				 .code = code,
				 .path = "/mod:a[k='\"&<']",
				 .nsf = "fw",
				 .policy = "p & q",
				 .rule = "r",
				 .condition = "c",
				 .capability = "cap",
				 .app_tag = "must-violation",
				 .text = "text with <marks>",
				 .hint = "do \"this\""};
		struct diags diags;
		struct netconf_xml outer, r;
		const char *xml = arena_printf(&arena, "<rpc-reply xmlns='%s'>%s</rpc-reply>",
					       NETCONF_NS_BASE, rpc_error(&d));
		root(xml, &outer);
		assert_true(netconf_xml_first(&outer, &r));
		diags_init(&diags, &arena);
		netconf_error_read(&r, &diags);
		const struct diag *got = &diags.list.at[0];
		assert_int_equal(got->code, code);
		assert_int_equal(got->severity, d.severity);
		assert_string_equal(got->path, d.path);
		assert_string_equal(got->text, d.text);
		assert_string_equal(got->hint, d.hint);
		assert_string_equal(got->nsf, d.nsf);
		assert_string_equal(got->policy, d.policy);
		assert_string_equal(got->rule, d.rule);
		assert_string_equal(got->condition, d.condition);
		assert_string_equal(got->capability, d.capability);
		assert_string_equal(got->app_tag, d.app_tag);
	}
}

static void errors_of_others(void **state)
{
	struct diags diags;
	(void)state;
	read_error("", &diags);
	assert_int_equal(diags.list.at[0].code, DIAG_FAILED);
	assert_string_equal(diags.list.at[0].text, "operation-failed");
	read_error("<error-tag>rollback-failed</error-tag><error-message>no way</error-message>",
		   &diags);
	assert_int_equal(diags.list.at[0].code, DIAG_FAILED);
	assert_string_equal(diags.list.at[0].text, "no way");
	read_error("<error-tag>lock-denied</error-tag><error-info><session-id>9</session-id></"
		   "error-info>",
		   &diags);
	assert_int_equal(diags.list.at[0].code, DIAG_LOCKED);
	assert_string_equal(diags.list.at[0].hint, "session 9 holds it");
	read_error("<error-tag>data-missing</error-tag><error-severity>error</error-severity>",
		   &diags);
	assert_string_equal(diag_code_tag(diags.list.at[0].code), "data-missing");
	assert_non_null(diags.list.at[0].hint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(names_and_namespaces),
		T(text_and_attributes),
		T(refused),
		T(depth_is_limited),
		T(handing_on_keeps_namespaces),
		T(errors_as_rfc_6241_wants),
		T(errors_as_rfc_7950_wants),
		T(every_code_comes_back),
		T(errors_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
