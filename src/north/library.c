// SPDX-License-Identifier: Apache-2.0
// Which modules there are (RFC 8525) and what of RESTCONF is offered (RFC 8040 section 9).
#include "north/stream.h"

#include "schema/library.h"

#include <string.h>

#define MONITORING "urn:ietf:params:xml:ns:yang:ietf-restconf-monitoring"

static const char *const capabilities[] = {
	"urn:ietf:params:restconf:capability:defaults:1.0?basic-mode=explicit",
	"urn:ietf:params:restconf:capability:depth:1.0",
	"urn:ietf:params:restconf:capability:fields:1.0",
	"urn:ietf:params:restconf:capability:filter:1.0",
	"urn:ietf:params:restconf:capability:replay:1.0",
	"urn:ietf:params:restconf:capability:with-defaults:1.0",
	"urn:ietf:params:restconf:capability:with-operational-defaults:1.0",
	"urn:ietf:params:restconf:capability:yang-patch:1.0",
};

static void write_monitoring(struct exchange *x, struct buf *out)
{
	buf_adds(out, "<restconf-state xmlns=\"" MONITORING "\"><capabilities>");
	for (size_t i = 0; i < array_len(capabilities); i++)
		buf_printf(out, "<capability>%s</capability>", capabilities[i]);
	buf_adds(out, "</capabilities>");

	stream_list(x, out);
	buf_adds(out, "</restconf-state>");
}

void library_write(struct exchange *x, const struct schema *schema, const char *name,
		   struct buf *out)
{
	static const char *const datastores[] = {"running", "operational", NULL};
	if (!name || strcmp(name, "yang-library") == 0)
		schema_library_print(schema, datastores, out);
	if (!name || strcmp(name, "modules-state") == 0)
		schema_modules_state_print(schema, out);
	if (!name || strcmp(name, "restconf-state") == 0)
		write_monitoring(x, out);
}
