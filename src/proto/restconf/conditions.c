// SPDX-License-Identifier: Apache-2.0
// Preconditions (RFC 9110 section 13), in the order in which section 13.2.2 has them looked at.
#include "proto/restconf/restconf.h"

#include <string.h>

// Whether the tag is among those of a header; "*" is any of what exists. Weak tags are compared weakly
// where the header allows it (section 8.8.3.2).
static bool names(const char *header, const struct restconf_state *state, bool weakly)
{
	size_t len = state->tag ? strlen(state->tag) : 0;
	for (const char *p = header; *p;) {
		p += strspn(p, " \t,");
		if (*p == '*')
			return state->exists;
		bool weak = strncmp(p, "W/", 2) == 0;
		p += weak ? 2 : 0;
		if (len && state->exists && (!weak || weakly) && strncmp(p, state->tag, len) == 0)
			return true;
		p += *p == '"' ? 1 + strcspn(p + 1, "\"") : 0;
		p += strcspn(p, ",");
	}
	return false;
}

unsigned restconf_precondition(const struct restconf_request *r, const struct restconf_state *state)
{
	bool reads = r->method == RESTCONF_GET || r->method == RESTCONF_HEAD;
	if (r->if_match) {
		if (!names(r->if_match, state, false))
			return 412;
	} else if (r->unmodified_since && state->modified > r->unmodified_since) {
		return 412;
	}
	if (r->if_none_match) {
		if (!names(r->if_none_match, state, true))
			return 0;
		return !reads ? 412 : state->whole ? 304 : 0;
	}
	bool same = reads && state->whole && state->modified && r->modified_since &&
		    state->modified <= r->modified_since;
	return same ? 304 : 0;
}
