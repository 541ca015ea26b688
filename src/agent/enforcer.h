// SPDX-License-Identifier: Apache-2.0
// The process that holds the privilege: drives the core, starts front and listens for nobody.
#pragma once

#include "agent/config.h"
#include "agent/held.h"

// Runs until SIGTERM or SIGINT; what is enforced stays in force. Returns the exit status.
int agent_enforcer_run(const struct agent_config *config, const struct agent_point *point);
// Takes the state directory for this process, making it when it is missing. The descriptor holds the lock until the
// process ends; negative and a diag when another one has it.
int agent_enforcer_lock(const struct agent_config *config, struct diags *diags) must_check;
