// SPDX-License-Identifier: Apache-2.0
// RESTCONF requests, one field a line: what is refused has a status and a hint, and errors can always be written in
// both formats.
#include "base/buf.h"
#include "proto/restconf/restconf.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The next line, NUL-terminated; an empty one is absent.
static const char *line(char **at)
{
	char *begin = *at, *end = begin ? strchr(begin, '\n') : NULL;
	*at = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return begin && *begin ? begin : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	char *at = arena_strndup(&arena, (const char *)data, size);
	const char *method = line(&at), *path = line(&at);
	struct restconf_raw raw = {.method = method ? method : "", .path = path ? path : ""};
	raw.accept = line(&at);
	raw.content_type = line(&at);
	raw.if_match = line(&at);
	raw.if_unmodified_since = line(&at);
	raw.if_none_match = raw.if_match;
	raw.if_modified_since = raw.if_unmodified_since;
	raw.has_body = raw.content_type != NULL;
	struct restconf_argument argument = {line(&at), line(&at)};
	raw.argument = &argument;
	raw.arguments = argument.name != NULL;
	struct restconf_request request;
	unsigned status = restconf_parse(&raw, &arena, &diags, &request);
	assert((status != 0) == (diags.errors != 0));
	assert(!status || (status >= 400 && diags.list.at[0].hint));
	struct restconf_state state = {
		.exists = true, .tag = "\"1-2\"", .modified = 1, .whole = true};
	if (!status)
		(void)!restconf_precondition(&request, &state);
	struct buf out;
	buf_init(&out);
	restconf_errors(&diags, &(struct restconf_style){SCHEMA_JSON, status, NULL, NULL}, &out);
	restconf_errors(&diags, &(struct restconf_style){SCHEMA_XML, status, NULL, NULL}, &out);
	buf_fini(&out);
	arena_fini(&arena);
	return 0;
}
