// SPDX-License-Identifier: Apache-2.0
// Sessions to the NSFs: NETCONF over mutual TLS or SSH, one kept open to each, on a loop in a thread of its
// own. What the engine asks for goes through struct engine_nsf_ops.
#pragma once

#include "engine/nsf.h"

struct io_ssh;
struct io_tls;
struct diags;
struct engine;
struct south;

struct south_options {
	struct io_tls *tls;           // borrowed; who we are and whom we trust
	struct io_ssh *ssh;           // borrowed; who we are over SSH; NULL: nobody
	const char *const *call_home; // addresses where NSFs may call (RFC 8071)
	size_t call_homes;
	const char *const *call_home_ssh; // likewise over SSH
	size_t call_homes_ssh;
	unsigned parsers; // reports that are read at the same time; 0: 4
};

// The thread runs from south_start on; before it, NSFs that are configured wait. NULL and diags on
// failure.
struct south *south_new(const struct south_options *options, struct diags *diags) must_check;
// `engine` is told of sessions and notifications; it must outlive the thread.
bool south_start(struct south *south, struct engine *engine, struct diags *diags) must_check;
// Ends every session and the thread. Requests that wait are answered before: nothing must be asked
// after.
void south_stop(struct south *south);
void south_free(struct south *south); // NULL is fine
// Ends the session with the NSF of this name and begins anew, with the trust as it is now.
void south_renew(struct south *south, const char *nsf);

extern const struct engine_nsf_ops south_ops; // its context is the struct south
