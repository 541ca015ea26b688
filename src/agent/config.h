// SPDX-License-Identifier: Apache-2.0
// The agent's configuration: DIR/bulwark-nsf.conf, lines of "key = value". options.def lists the keys.
#pragma once

#include "agent/message.h"
#include "priv/priv.h"

#define AGENT_CONFIG_FILE "bulwark-nsf.conf"
#define AGENT_PORT 6513

struct agent_config {
	const char *name;
	const char *listen[AGENT_LISTENERS_MOST]; // addresses as io_address_parse reads them
	size_t listens;
	struct agent_endpoint endpoint[AGENT_ENDPOINTS_MOST];
	size_t endpoints;
	bool last_connected;
	const char *recovery; // user whom access control does not bind; NULL: nobody
	uint32_t call_wait, keepalive, sessions; // seconds, seconds, number
	const char *state_dir, *certificate_dir,
		*yang_dir;      // absolute, or relative to the working directory
	const char *controller; // URL; NULL: not known
	const char *address;    // that the controller shall reach this host by; NULL: not known
	struct priv_user user;  // of front
	bool keep_open;
	int log_group; // of NFLOG; -1: the kernel's log
};

// Reads the file; relative paths are relative to `dir`. Texts live in the arena of diags. Every fault is reported.
bool agent_config_read(const char *dir, struct diags *diags, struct agent_config *out) must_check;
