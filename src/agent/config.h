// SPDX-License-Identifier: Apache-2.0
// The agent's configuration: DIR/bulwark-nsf.conf, lines of "key = value". options.def lists the keys.
#pragma once

#include "agent/message.h"
#include "priv/priv.h"

#define AGENT_CONFIG_FILE "bulwark-nsf.conf"
#define AGENT_PORT 6513
#define AGENT_PORT_SSH 830

struct agent_listen {
	const char *address; // as io_address_parse reads it
	bool ssh;            // else TLS
};

struct agent_config {
	const char *name;
	struct agent_listen listen[AGENT_LISTENERS_MOST];
	size_t listens;
	struct agent_endpoint endpoint[AGENT_ENDPOINTS_MOST];
	size_t endpoints;
	bool last_connected;
	const char *recovery; // user whom access control does not bind; NULL: nobody
	uint32_t call_wait, keepalive, sessions; // seconds, seconds, number
	uint32_t proof_every;                    // seconds; 0: never
	const char *state_dir, *certificate_dir,
		*yang_dir;      // absolute, or relative to the working directory
	const char *controller; // URL; NULL: not known
	const char *address;    // that the controller shall reach this host by; NULL: not known
	struct priv_user user;  // of front
	bool keep_open;
	int log_group; // of NFLOG; -1: the kernel's log
};

uint16_t agent_listen_port(const struct agent_listen *listen) must_check; // where it names none
// Whether somebody is to be reached by, or to be called with, certificates.
bool agent_config_uses_tls(const struct agent_config *config) must_check;
bool agent_config_uses_ssh(const struct agent_config *config) must_check;

// Reads the file; relative paths are relative to `dir`. Texts live in the arena of diags. Every fault is reported.
bool agent_config_read(const char *dir, struct diags *diags, struct agent_config *out) must_check;
