// SPDX-License-Identifier: Apache-2.0
// What bulwarkd was told: flags, then a configuration file, then defaults.
#pragma once

#include "base/arena.h"

struct buf;
struct diags;

struct config_list {
	VEC(const char *) list;
};

struct config {
	const char *state, *pki, *name, *certificate, *key; // certificate and key may be NULL
	const char *recovery;                               // may be NULL
	struct config_list listen, netconf, netconf_ssh, call_home, call_home_ssh, address;
	unsigned workers, pause_ms, keep_jobs, keep_days;
	bool help, version, ssh_key; // print something and end
};

// Texts live in the arena of the diags. Every fault is reported.
bool config_read(int argc, char **argv, struct diags *diags, struct config *out) must_check;
void config_help(struct buf *out);
