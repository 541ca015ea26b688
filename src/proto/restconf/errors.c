// SPDX-License-Identifier: Apache-2.0
// Diagnostics as RESTCONF says them: status and errors document (RFC 8040 sections 7 and 7.1), and the
// small resources whose content is fixed.
#include "proto/restconf/restconf.h"
#include "base/buf.h"
#include "proto/restconf/text.h"

#include <string.h>

#define CONTROLLER "bulwark-controller"
#define CONTROLLER_NAMESPACE "urn:bulwark:yang:controller"

// RFC 8040 section 7 gives some error-tags several statuses; what is the server's own fault is 500.
static const struct {
	enum diag_code code;
	unsigned status;
} statuses[] = {
	{DIAG_REFERENCE, 409},   {DIAG_CHOICE, 409},      {DIAG_EXISTS, 409},
	{DIAG_ABSENT, 409},      {DIAG_CONSTRAINT, 412},  {DIAG_LIMIT, 413},
	{DIAG_UNSUPPORTED, 501}, {DIAG_CAPABILITY, 501},  {DIAG_PLACE, 412},
	{DIAG_DENIED, 403},      {DIAG_LOCKED, 409},      {DIAG_IN_USE, 409},
	{DIAG_RESOURCE, 409},    {DIAG_UNREACHABLE, 412}, {DIAG_TIMEOUT, 500},
	{DIAG_STALE, 412},       {DIAG_DRIFT, 412},       {DIAG_IO, 500},
	{DIAG_FAILED, 500},
};

unsigned restconf_status(const struct diags *diags)
{
	for (size_t i = 0; i < diags->list.len; i++) {
		if (diags->list.at[i].severity != DIAG_ERROR)
			continue;
		for (size_t k = 0; k < array_len(statuses); k++)
			if (statuses[k].code == diags->list.at[i].code)
				return statuses[k].status;
		return 400;
	}
	return 500;
}

static const char *type_of(const struct diag *d)
{
	bool is_protocol = d->code == DIAG_SYNTAX || d->code == DIAG_DENIED ||
			   d->code == DIAG_LIMIT || d->code == DIAG_STALE;
	return is_protocol ? "protocol" : "application";
}

// --- JSON and XML by hand: the documents are small and fixed ---

struct field {
	const char *name, *value;
};

// Errors that are being written.
struct errors {
	const struct diags *diags;
	const struct restconf_style *style;
	bool in_patch;
};

// The table of RFC 8040 section 7 has one tag for 404; creating what is there is "resource-denied" in RESTCONF (section
// 4.4.1), but "data-exists" in a YANG Patch (RFC 8072 appendix A.1.1).
static const char *tag_of(const struct errors *e, const struct diag *d)
{
	if (!e->in_patch && e->style->status == 404)
		return "invalid-value";
	return d->code == DIAG_EXISTS && !e->in_patch ? "resource-denied" : diag_code_tag(d->code);
}

// Members that have a value; `first` says whether none was written before.
static void fields(enum schema_format format, const struct field *f, size_t n, struct buf *out)
{
	bool first = true;
	for (size_t i = 0; i < n; i++) {
		if (!f[i].value)
			continue;
		if (format == SCHEMA_XML) {
			buf_printf(out, "<%s>", f[i].name);
			text_xml(out, f[i].value);
			buf_printf(out, "</%s>", f[i].name);
			continue;
		}
		buf_printf(out, "%s\"%s\":", first ? "" : ",", f[i].name);
		text_json(out, f[i].value);
		first = false;
	}
}

#define MODULES_MOST 8u // of one path that are declared

// The module names that stand as prefixes in an instance path, each once.
static size_t path_modules(const char *path, struct arena *arena,
			   const char *out[static MODULES_MOST])
{
	size_t n = 0;
	for (const char *p = path; (p = strchr(p, '/')) && n < MODULES_MOST; p++) {
		size_t len = strcspn(p + 1, ":/[");
		bool known = p[1 + len] != ':';
		for (size_t i = 0; i < n; i++)
			known = known || (strlen(out[i]) == len && !strncmp(out[i], p + 1, len));
		if (!known)
			out[n++] = arena_strndup(arena, p + 1, len);
	}
	return n;
}

// One name of a path, up to `end`, with a prefix (RFC 7950 section 9.13); `*module` is that of the names before.
static void qualified(const char *name, const char *end, struct arena *arena, const char **module,
		      struct buf *out)
{
	const char *colon = memchr(name, ':', (size_t)(end - name));
	if (colon)
		*module = arena_strndup(arena, name, (size_t)(colon - name));
	bool bare = !colon && *module && name < end && !strchr("@.0123456789", *name);
	text_xml(out, arena_printf(arena, "%s%s%.*s", bare ? *module : "", bare ? ":" : "",
				   (int)(end - name), name));
}

static void qualified_path(const char *path, struct arena *arena, struct buf *out)
{
	const char *module = NULL;
	for (const char *p = path; *p;) {
		size_t plain = strcspn(p, "/['\"");
		text_xml(out, arena_strndup(arena, p, plain));
		p += plain;
		if (*p == '\'' || *p == '"') {
			const char *end = strchr(p + 1, *p);
			end = end ? end + 1 : p + strlen(p);
			text_xml(out, arena_strndup(arena, p, (size_t)(end - p)));
			p = end;
		} else if (*p) {
			buf_addc(out, *p++);
			size_t len = strcspn(p, "/[]=");
			qualified(p, p + len, arena, &module, out);
			p += len;
		}
	}
}

// An instance-identifier needs the namespaces of its prefixes, which are module names.
static void xml_path(const char *path, const struct restconf_style *style, struct buf *out)
{
	struct arena arena;
	arena_init(&arena);
	const char *modules[MODULES_MOST];
	size_t n = path_modules(path, &arena, modules);
	buf_adds(out, "<error-path");
	for (size_t i = 0; i < n && style->fn; i++) {
		const char *uri = style->fn(style->context, modules[i]);
		if (uri)
			buf_printf(out, " xmlns:%s=\"%s\"", modules[i], uri);
	}
	buf_addc(out, '>');
	qualified_path(path, &arena, out);
	buf_adds(out, "</error-path>");
	arena_fini(&arena);
}

// What the standard has no place for.
#define INFO_FIELDS(d)                                                                       \
	{                                                                                    \
		{"code", diag_code_name((d)->code)}, {"hint", (d)->hint}, {"nsf", (d)->nsf}, \
			{"policy", (d)->policy}, {"rule", (d)->rule},                        \
			{"condition", (d)->condition},                                       \
		{                                                                            \
			"capability", (d)->capability                                        \
		}                                                                            \
	}

static void error_xml(const struct errors *e, const struct diag *d, struct buf *out)
{
	const struct field head[] = {{"error-type", type_of(d)},
				     {"error-tag", tag_of(e, d)},
				     {"error-app-tag", d->app_tag}};
	const struct field message[] = {{"error-message", d->text}}, info[] = INFO_FIELDS(d);
	buf_adds(out, "<error>");
	fields(SCHEMA_XML, head, array_len(head), out);
	if (d->path)
		xml_path(d->path, e->style, out);
	fields(SCHEMA_XML, message, 1, out);
	buf_adds(out, "<error-info><diag xmlns=\"" CONTROLLER_NAMESPACE "\">");
	fields(SCHEMA_XML, info, array_len(info), out);
	buf_adds(out, "</diag></error-info></error>");
}

static void error_json(const struct errors *e, const struct diag *d, struct buf *out)
{
	const struct field head[] = {{"error-type", type_of(d)},
				     {"error-tag", tag_of(e, d)},
				     {"error-app-tag", d->app_tag},
				     {"error-path", d->path},
				     {"error-message", d->text}},
			   info[] = INFO_FIELDS(d);
	buf_addc(out, '{');
	fields(SCHEMA_JSON, head, array_len(head), out);
	buf_adds(out, ",\"error-info\":{\"" CONTROLLER ":diag\":{");
	fields(SCHEMA_JSON, info, array_len(info), out);
	buf_adds(out, "}}}");
}

static void error_list(const struct errors *e, struct buf *out)
{
	bool xml = e->style->format == SCHEMA_XML, first = true;
	buf_adds(out, xml ? "" : "\"error\":[");
	for (size_t i = 0; i < e->diags->list.len; i++) {
		const struct diag *d = &e->diags->list.at[i];
		if (d->severity != DIAG_ERROR)
			continue;
		if (!xml && !first)
			buf_addc(out, ',');
		first = false;
		if (xml)
			error_xml(e, d, out);
		else
			error_json(e, d, out);
	}
	buf_adds(out, xml ? "" : "]");
}

void restconf_errors(const struct diags *diags, const struct restconf_style *style, struct buf *out)
{
	struct errors errors = {.diags = diags, .style = style};
	bool xml = style->format == SCHEMA_XML;
	buf_adds(out,
		 xml ? "<errors xmlns=\"" RESTCONF_NAMESPACE "\">" : "{\"ietf-restconf:errors\":{");
	error_list(&errors, out);
	buf_adds(out, xml ? "</errors>\n" : "}}\n");
}

// --- YANG Patch ---

#define PATCH_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-yang-patch"

static void patch_outcome(const struct errors *e, const char *edit_id, struct buf *out)
{
	bool xml = e->style->format == SCHEMA_XML;
	if (!e->diags->errors) {
		buf_adds(out, xml ? "<ok/>" : ",\"ok\":[null]");
		return;
	}
	if (edit_id) {
		const struct field id[] = {{"edit-id", edit_id}};
		buf_adds(out, xml ? "<edit-status><edit>" : ",\"edit-status\":{\"edit\":[{");
		fields(e->style->format, id, 1, out);
	}
	buf_adds(out, xml ? "<errors>" : ",\"errors\":{");
	error_list(e, out);
	buf_adds(out, xml ? "</errors>" : "}");
	if (edit_id)
		buf_adds(out, xml ? "</edit></edit-status>" : "}]}");
}

void restconf_patch_status(const struct restconf_patch_status *status,
			   const struct restconf_style *style, struct buf *out)
{
	struct errors errors = {.diags = status->diags, .style = style, .in_patch = true};
	bool xml = style->format == SCHEMA_XML;
	const struct field id[] = {{"patch-id", status->patch_id}};
	buf_adds(out, xml ? "<yang-patch-status xmlns=\"" PATCH_NAMESPACE "\">"
			  : "{\"ietf-yang-patch:yang-patch-status\":{");
	fields(style->format, id, 1, out);
	patch_outcome(&errors, status->edit_id, out);
	buf_adds(out, xml ? "</yang-patch-status>\n" : "}}\n");
}

// --- resources with fixed content ---

void restconf_host_meta(enum schema_format format, struct buf *out)
{
	if (format == SCHEMA_XML)
		buf_adds(out, "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>"
			      "<Link rel='restconf' href='" RESTCONF_PREFIX "'/></XRD>\n");
	else
		buf_adds(out,
			 "{\"links\":[{\"rel\":\"restconf\",\"href\":\"" RESTCONF_PREFIX "\"}]}\n");
}

static const struct {
	const char *name, *xml, *json;
} entries[] = {
	{"data", "<data/>", "\"data\":{}"},
	{"operations", "<operations/>", "\"operations\":{}"},
	{"yang-library-version",
	 "<yang-library-version>" RESTCONF_LIBRARY_VERSION "</yang-library-version>",
	 "\"yang-library-version\":\"" RESTCONF_LIBRARY_VERSION "\""},
};

// Which of the entries the request wants, as bits; `fields` names them with semicolons between.
static bool read_entries(const struct restconf_request *r, struct diags *diags, unsigned *out)
{
	*out = r->depth == 1 ? 0 : (1u << array_len(entries)) - 1;
	unsigned named = 0;
	for (const char *p = r->fields ? r->fields : ""; *p;) {
		size_t len = strcspn(p, ";"), i = 0;
		while (i < array_len(entries) &&
		       (strlen(entries[i].name) != len || strncmp(entries[i].name, p, len) != 0))
			i++;
		if (i == array_len(entries)) {
			diag_error(diags, DIAG_VALUE, NULL,
				   "here there are data, operations and yang-library-version",
				   "fields names \"%.*s\", which is not known here", (int)len, p);
			return false;
		}
		named |= 1u << i;
		p += len;
		p += *p == ';';
	}
	*out &= r->fields ? named : ~0u;
	return true;
}

bool restconf_root(const struct restconf_request *request, struct diags *diags, struct buf *out)
{
	bool xml = request->out == SCHEMA_XML, first = true;
	unsigned wanted;
	if (!read_entries(request, diags, &wanted))
		return false;
	buf_adds(out, xml ? "<restconf xmlns=\"" RESTCONF_NAMESPACE "\">"
			  : "{\"ietf-restconf:restconf\":{");
	for (size_t i = 0; i < array_len(entries); i++) {
		if (!(wanted & 1u << i))
			continue;
		if (!xml && !first)
			buf_addc(out, ',');
		first = false;
		buf_adds(out, xml ? entries[i].xml : entries[i].json);
	}
	buf_adds(out, xml ? "</restconf>\n" : "}}\n");
	return true;
}

void restconf_library_version(enum schema_format format, struct buf *out)
{
	if (format == SCHEMA_XML)
		buf_adds(out, "<yang-library-version xmlns=\"" RESTCONF_NAMESPACE
			      "\">" RESTCONF_LIBRARY_VERSION "</yang-library-version>\n");
	else
		buf_adds(out, "{\"ietf-restconf:yang-library-version\":\"" RESTCONF_LIBRARY_VERSION
			      "\"}\n");
}
