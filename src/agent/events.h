// SPDX-License-Identifier: Apache-2.0
// What has happened: the last events, for the state that clients read.
#pragma once

#include "agent/message.h"

enum agent_event {
#define X(code, kind, level, text) code,
#include "agent/events.def"
#undef X
	AGENT_EVENTS
};
struct agent_event_info {
	const char *kind;
	int level; // of syslog(3)
};
extern const struct agent_event_info agent_event_info[AGENT_EVENTS];

#define AGENT_EVENTS_KEPT 100u
#define AGENT_EVENT_TEXT 240u

struct agent_events; // a ring
struct agent_events *agent_events_new(void) must_check;
void agent_events_free(struct agent_events *events);
// The text is cut at AGENT_EVENT_TEXT bytes.
void agent_events_add(struct agent_events *events, int64_t time, enum agent_event event,
		      const char *text);
// Oldest first; texts are borrowed until the next is added.
void agent_events_list(const struct agent_events *events, struct arena *arena,
		       struct agent_report *out);
