// SPDX-License-Identifier: Apache-2.0
// Diagnostics as rpc-error elements and back.
//
// The idea: the error-tag follows from the diag's code alone (base/diag.def); what RFC 6241 has no place for (the hint, the
// rule, the missing capability) goes into error-info under a name of our own, which other clients pass over.
// It does not decide whether something is an error. RFC 6241 section 4.3 and appendix A.
#include "proto/netconf/error.h"
#include "base/buf.h"
#include "base/map.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/path.h"
#include "proto/netconf/xml.h"

#include <stdio.h>
#include <string.h>

// Every other tag is of type "application".
static const struct {
	const char *tag, *type;
} types[] = {
	{"malformed-message", "rpc"},    {"missing-attribute", "rpc"},
	{"bad-attribute", "protocol"},   {"unknown-attribute", "protocol"},
	{"unknown-element", "protocol"}, {"unknown-namespace", "protocol"},
	{"lock-denied", "protocol"},     {"in-use", "protocol"},
	{"access-denied", "protocol"},   {"operation-not-supported", "protocol"},
};

static const char *type_of(const char *tag)
{
	for (size_t i = 0; i < array_len(types); i++)
		if (strcmp(types[i].tag, tag) == 0)
			return types[i].type;
	return "application";
}

static void add_yang_element(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "<%s xmlns=\"urn:ietf:params:xml:ns:yang:1\">", name);
	buf_add_xml(out, text);
	buf_printf(out, "</%s>", name);
}

static void add_path(const char *path, const struct map *namespaces, struct buf *out)
{
	if (!path)
		return;
	buf_adds(out, "<error-path");
	if (namespaces)
		netconf_path_declare(path, namespaces, out);
	buf_addc(out, '>');
	netconf_path_print(path, out);
	buf_adds(out, "</error-path>");
}

// --- error-info ---

// The last name of a path, without module and keys, from `path` up to `end`.
static void add_name(const char *element, const char *path, const char *end, struct buf *out)
{
	const char *name = path;
	for (const char *p = path; p < end && *p != '['; p++)
		if (*p == '/' || *p == ':')
			name = p + 1;
	buf_printf(out, "<%s>", element);
	for (; name < end && *name != '['; name++)
		buf_add_xml(out, (char[]){*name, '\0'});
	buf_printf(out, "</%s>", element);
}

// Tags whose error-info must name the element or the attribute: the last one of the path.
static void add_bad_name(const struct diag *diag, const char *tag, struct buf *out)
{
	const char *path = diag->path ? diag->path : "";
	const char *end = path + strlen(path), *attribute = strstr(path, "/@");
	// Only the last step: what stands behind the last "/", outside of keys.
	const char *step = path;
	for (const char *p = path; *p; p++) {
		if (*p == '\'' || *p == '"')
			p = strchr(p + 1, *p) ? strchr(p + 1, *p) : end - 1;
		else if (*p == '/' && p[1] != '@')
			step = p + 1;
	}
	if (!*path ||
	    (!strstr(tag, "-element") && !strstr(tag, "-attribute") && !strstr(tag, "-namespace")))
		return;
	if (attribute)
		add_name("bad-attribute", attribute + 2, end, out);
	add_name("bad-element", step, attribute ? attribute : end, out);
}

// What RFC 6241 appendix A and RFC 7950 section 15 want to be named beside the element.
static void add_subject(const struct diag *d, struct buf *out)
{
	if (d->code == DIAG_MISSING && !d->app_tag)
		buf_add_leaf(out, "bad-element", d->subject);
	else if (d->code == DIAG_UNKNOWN_NAMESPACE)
		buf_add_leaf(out, "bad-namespace", d->subject);
	else if (d->code == DIAG_LOCKED)
		buf_add_leaf(out, "session-id", d->subject);
	else if (d->app_tag && d->subject && strcmp(d->app_tag, "data-not-unique") == 0)
		add_yang_element(out, "non-unique", d->subject);
	else if (d->app_tag && d->subject && strcmp(d->app_tag, "missing-choice") == 0)
		add_yang_element(out, "missing-choice", d->subject);
}

static void add_info(const struct diag *d, const char *tag, struct buf *out)
{
	buf_adds(out, "<error-info>");
	if (d->code != DIAG_MISSING || d->app_tag || !d->subject)
		add_bad_name(d, tag, out);
	add_subject(d, out);
	buf_adds(out, "<diagnostic xmlns=\"" NETCONF_NS_DIAGNOSTIC "\">");
	buf_add_leaf(out, "code", diag_code_name(d->code));
	buf_add_leaf(out, "hint", d->hint);
	buf_add_leaf(out, "nsf", d->nsf);
	buf_add_leaf(out, "policy", d->policy);
	buf_add_leaf(out, "rule", d->rule);
	buf_add_leaf(out, "condition", d->condition);
	buf_add_leaf(out, "capability", d->capability);
	buf_adds(out, "</diagnostic></error-info>");
}

static void add_error(const struct diag *d, const struct map *namespaces, struct buf *out)
{
	const char *tag = diag_code_tag(d->code);
	buf_adds(out, "<rpc-error>");
	buf_add_leaf(out, "error-type", type_of(tag));
	buf_add_leaf(out, "error-tag", tag);
	buf_add_leaf(out, "error-severity", d->severity == DIAG_ERROR ? "error" : "warning");
	buf_add_leaf(out, "error-app-tag", d->app_tag);
	add_path(d->path, namespaces, out);
	buf_adds(out, "<error-message xml:lang=\"en\">");
	buf_add_xml(out, d->text);
	buf_adds(out, "</error-message>");
	add_info(d, tag, out);
	buf_adds(out, "</rpc-error>");
}

void netconf_errors_add(const struct diags *diags, const struct map *namespaces, struct buf *out)
{
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = &diags->list.at[i];
		if (d->severity != DIAG_NOTE)
			add_error(d, namespaces, out);
	}
}

// --- reading ---

static enum diag_code code_of_tag(const char *tag)
{
	if (strcmp(tag, diag_code_tag(DIAG_FAILED)) == 0)
		return DIAG_FAILED;
	for (enum diag_code c = 0; c < DIAG_CODES; c++)
		if (strcmp(tag, diag_code_tag(c)) == 0)
			return c;
	return DIAG_FAILED;
}

static enum diag_code code_of_name(const char *name, enum diag_code otherwise)
{
	for (enum diag_code c = 0; c < DIAG_CODES; c++)
		if (strcmp(name, diag_code_name(c)) == 0)
			return c;
	return otherwise;
}

static const char *text_in(const struct netconf_xml *parent, const char *uri, const char *name)
{
	struct netconf_xml child;
	return netconf_xml_child(parent, uri, name, &child) ? netconf_xml_text(&child) : NULL;
}

static void read_diagnostic(const struct netconf_xml *diagnostic, struct diag *d)
{
	const struct {
		const char *name, **member;
	} members[] = {{"hint", &d->hint},           {"nsf", &d->nsf},
		       {"policy", &d->policy},       {"rule", &d->rule},
		       {"condition", &d->condition}, {"capability", &d->capability}};
	const char *code = text_in(diagnostic, NETCONF_NS_DIAGNOSTIC, "code");
	if (code)
		d->code = code_of_name(code, d->code);
	for (size_t i = 0; i < array_len(members); i++)
		*members[i].member = text_in(diagnostic, NETCONF_NS_DIAGNOSTIC, members[i].name);
}

static void read_info(const struct netconf_xml *rpc_error, struct diag *d)
{
	struct netconf_xml info, diagnostic;
	if (!netconf_xml_child(rpc_error, NETCONF_NS_BASE, "error-info", &info))
		return;
	const char *session = text_in(&info, NETCONF_NS_BASE, "session-id");
	const char *uri = text_in(&info, NETCONF_NS_BASE, "bad-namespace");
	d->subject = session ? session : uri;
	if (netconf_xml_child(&info, NETCONF_NS_DIAGNOSTIC, "diagnostic", &diagnostic))
		read_diagnostic(&diagnostic, d);
	if (!d->hint && session)
		d->hint = arena_printf(info.arena, "session %s holds it", session);
}

void netconf_error_read(const struct netconf_xml *rpc_error, struct diags *diags)
{
	const char *tag = text_in(rpc_error, NETCONF_NS_BASE, "error-tag");
	const char *severity = text_in(rpc_error, NETCONF_NS_BASE, "error-severity");
	const char *message = text_in(rpc_error, NETCONF_NS_BASE, "error-message");
	const char *path = text_in(rpc_error, NETCONF_NS_BASE, "error-path");
	if (!tag)
		tag = "operation-failed";
	struct diag d = {.code = code_of_tag(tag),
			 .app_tag = text_in(rpc_error, NETCONF_NS_BASE, "error-app-tag"),
			 .path = path ? netconf_path_read(rpc_error->arena, path) : NULL};
	if (severity && strcmp(severity, "warning") == 0)
		d.severity = DIAG_WARNING;
	read_info(rpc_error, &d);
	if (!d.hint)
		d.hint = "the peer's log may say more";
	diag_add(diags, &d, "%s", message && *message ? message : tag);
}
