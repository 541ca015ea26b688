// SPDX-License-Identifier: Apache-2.0
// The ring of the last events.
#include "agent/events.h"

#include <stdio.h>
#include <stdlib.h>

const struct agent_event_info agent_event_info[AGENT_EVENTS] = {
#define X(code, kind, level, text) [code] = {kind, level},
#include "agent/events.def"
#undef X
};

struct agent_events {
	uint64_t last; // sequence number of the newest; 0: none
	struct {
		int64_t time;
		enum agent_event event;
		char text[AGENT_EVENT_TEXT];
	} kept[AGENT_EVENTS_KEPT];
};

struct agent_events *agent_events_new(void)
{
	return base_oom(calloc(1, sizeof(struct agent_events)));
}

void agent_events_free(struct agent_events *events)
{
	free(events);
}

void agent_events_add(struct agent_events *events, int64_t time, enum agent_event event,
		      const char *text)
{
	size_t at = ++events->last % AGENT_EVENTS_KEPT;
	events->kept[at].time = time;
	events->kept[at].event = event;
	snprintf(events->kept[at].text, sizeof(events->kept[at].text), "%s", text);
}

void agent_events_list(const struct agent_events *events, struct arena *arena,
		       struct agent_report *out)
{
	uint64_t first = events->last > AGENT_EVENTS_KEPT ? events->last - AGENT_EVENTS_KEPT : 0;
	for (uint64_t sequence = first + 1; sequence <= events->last; sequence++) {
		size_t at = sequence % AGENT_EVENTS_KEPT;
		vec_push(arena, &out->event,
			 (struct agent_event_entry){
				 .sequence = sequence,
				 .time = events->kept[at].time,
				 .kind = agent_event_info[events->kept[at].event].kind,
				 .text = events->kept[at].text});
	}
}
