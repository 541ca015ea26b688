// SPDX-License-Identifier: Apache-2.0
// The agent's certificate and key as a pair of files: nsf.key and nsf.pem, and ca.pem.
#pragma once

#include "priv/priv.h"

struct buf;
struct diags;

// Makes the directory when it is missing, a new key beside the one in use and a request for it, appended to `out`.
bool agent_identity_begin(const char *dir, const char *name, struct diags *diags,
			  struct buf *out) must_check;
// Takes the certificate for that key, and the authority, into use. `user` (uid 0: nobody else) is who reads the key.
bool agent_identity_finish(const char *dir, const char *certificate, const char *ca,
			   const struct priv_user *user, struct diags *diags) must_check;
// Finishes or forgets what a crash has left half done. False when it cannot.
bool agent_identity_mend(const char *dir, const struct priv_user *user,
			 struct diags *diags) must_check;
