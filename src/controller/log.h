// SPDX-License-Identifier: Apache-2.0
// Events of engine/events.def as lines on standard error.
#pragma once

#include "engine/engine.h"

struct diags;

// "2026-11-21T10:00:00Z notice applied tenant=default who=alice success: job 3: …"; under systemd's
// journal "<5>applied …" instead. Thread-safe.
void log_event(void *context, enum engine_event_kind kind, const struct store_event *event);
// Findings at start and at reload.
void log_diags(const struct diags *diags);
