// SPDX-License-Identifier: Apache-2.0
// Which modules there are (RFC 8525) and what of RESTCONF is offered (RFC 8040 section 9).
#include "north/internal.h"

#include <string.h>

#define LIBRARY "urn:ietf:params:xml:ns:yang:ietf-yang-library"
#define MONITORING "urn:ietf:params:xml:ns:yang:ietf-restconf-monitoring"
#define DATASTORES "urn:ietf:params:xml:ns:yang:ietf-datastores"

struct listing {
	struct buf *out;
	bool implemented; // which of the two kinds is being listed
};

static void write_module(const char *name, const char *revision, const char *namespace_uri,
			 bool implemented, void *context)
{
	struct listing *l = context;
	if (implemented != l->implemented)
		return;
	const char *tag = implemented ? "module" : "import-only-module";
	buf_printf(l->out, "<%s><name>%s</name>", tag, name);
	if ((revision && *revision) || !implemented)
		buf_printf(l->out, "<revision>%s</revision>", revision ? revision : "");
	buf_adds(l->out, "<namespace>");
	buf_add_xml(l->out, namespace_uri);
	buf_printf(l->out, "</namespace></%s>", tag);
}

static void write_library(const struct schema *schema, struct buf *out)
{
	char id[17];
	schema_content_id(schema, id);
	struct listing l = {.out = out, .implemented = true};
	buf_adds(out, "<yang-library xmlns=\"" LIBRARY "\"><module-set><name>all</name>");
	schema_modules(schema, write_module, &l);
	l.implemented = false;
	schema_modules(schema, write_module, &l);
	buf_adds(out, "</module-set><schema><name>all</name><module-set>all</module-set></schema>"
		      "<datastore><name xmlns:ds=\"" DATASTORES "\">ds:running</name>"
		      "<schema>all</schema></datastore>");
	buf_printf(out, "<content-id>%s</content-id></yang-library>", id);
}

static void write_monitoring(struct buf *out)
{
	buf_adds(out,
		 "<restconf-state xmlns=\"" MONITORING "\"><capabilities>"
		 "<capability>urn:ietf:params:restconf:capability:defaults:1.0?basic-mode=explicit"
		 "</capability>"
		 "<capability>urn:ietf:params:restconf:capability:depth:1.0</capability>"
		 "<capability>urn:ietf:params:restconf:capability:with-defaults:1.0</capability>"
		 "</capabilities></restconf-state>");
}

void library_write(const struct schema *schema, const char *name, struct buf *out)
{
	if (!name || strcmp(name, "yang-library") == 0)
		write_library(schema, out);
	if (!name || strcmp(name, "restconf-state") == 0)
		write_monitoring(out);
}
