// SPDX-License-Identifier: Apache-2.0
// Getting a certificate from the controller.
#pragma once

#include "agent/config.h"

struct agent_enrol {
	const struct agent_config *config;
	const char *controller; // URL; NULL: the configuration's
	const char *
		address; // NULL: the configuration's, else the one that the controller is reached from
	const char *token; // NULL: renew, with the certificate in use
};
// False and diags; the files in use are then as they were.
bool agent_enrol_run(const struct agent_enrol *enrol, struct diags *diags) must_check;
