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

// "NAME@REVISION.yang"; the revision may be left out.
unsigned library_text(struct exchange *x)
{
	const char *path = x->request.path, *end = strstr(path, ".yang"), *at = strchr(path, '@');
	unsigned found = 0;
	if (end && !end[5]) {
		const char *name = arena_strndup(&x->arena, path, (size_t)((at ? at : end) - path));
		const char *revision =
			at ? arena_strndup(&x->arena, at + 1, (size_t)(end - at - 1)) : NULL;
		struct workspace *w = workspace_take(x->workspaces);
		found = schema_module_text(w->schema, name, revision, &x->out);
		workspace_give(x->workspaces, w);
	}
	if (found == 1) {
		x->type = RESTCONF_YANG;
		return 200;
	}
	diag_error(&x->diags, DIAG_ABSENT, NULL,
		   "ietf-yang-library:yang-library lists those that there are",
		   "there is no module \"%.100s\"", path);
	return 404;
}

void library_write(struct exchange *x, const struct schema *schema, const char *name,
		   struct buf *out)
{
	static const char *const datastores[] = {"running", "operational", NULL};
	const char *host = x->raw.host;
	const char *texts = arena_printf(&x->arena, "%s%s" RESTCONF_SCHEMAS, host ? "https://" : "",
					 host ? host : "");
	if (!name || strcmp(name, "yang-library") == 0)
		schema_library_print(schema, datastores, texts, out);
	if (!name || strcmp(name, "modules-state") == 0)
		schema_modules_state_print(schema, texts, out);
	if (!name || strcmp(name, "restconf-state") == 0)
		write_monitoring(x, out);
}
