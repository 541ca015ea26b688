// SPDX-License-Identifier: Apache-2.0
// For system tests: a network namespace with a real agent in it, its authority, and NETCONF clients.
#pragma once

#include "base/diag.h"
#include "base/buf.h"
#include "ir/ir.h"

#include <sys/types.h>

struct netconf_client;
struct pki;

struct rig {
	struct arena arena;
	struct diags diags;
	char dir[40];
	const char *program; // bulwark-nsf
	struct pki *pki;
	pid_t agent;        // 0: not running
	int notify;         // socket on which the agent says that it is ready
	struct buf notices; // notifications that clients got, one a line
};

// Moves this process into a network namespace of its own with loopback up. False when it may not.
bool rig_enter_namespace(void) must_check;
void rig_init(struct rig *rig, const char *program);
void rig_fini(struct rig *rig); // ends the agent

// Starts the agent and waits until it is ready.
void rig_start(struct rig *rig);
// Ends it by this signal and waits for that.
void rig_stop(struct rig *rig, int signal_number);
// Takes what the agent, which does not run, has left in the kernel: the namespace is shared by the tests.
void rig_flush(struct rig *rig);
// Runs a line of the shell, which must succeed.
void rig_shell(struct rig *rig, const char *line);
// The process that talks to the network.
pid_t rig_front(const struct rig *rig) must_check;
// A line of /proc/PID/status, without its name and tab; in the arena.
const char *rig_status(struct rig *rig, pid_t pid, const char *field) must_check;

// Certificate and key of this name and role in the rig's directory; the agent's are made by rig_init.
void rig_certify(struct rig *rig, const char *name, int role);
// A session with that certificate; NULL and diags when it is refused.
struct netconf_client *rig_connect(struct rig *rig, const char *name) must_check;
// The answer's content, or NULL and diags.
const char *rig_call(struct rig *rig, struct netconf_client *client, const char *xml) must_check;
// The same, which must succeed.
const char *rig_must(struct rig *rig, struct netconf_client *client, const char *xml);
// Waits until a notification has this text in it.
void rig_await(struct rig *rig, struct netconf_client *client, const char *text);

// The whole candidate becomes a policy of n rules, from number `first` on.
void rig_edit(struct rig *rig, struct netconf_client *client, unsigned first, unsigned n);
// Value of a leaf of nsf-state, or "" when it is not there.
const char *rig_state(struct rig *rig, struct netconf_client *client, const char *leaf);
