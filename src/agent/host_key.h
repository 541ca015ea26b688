// SPDX-License-Identifier: Apache-2.0
// The key by which this host is known over SSH, and who may come in by SSH: files beside the certificates.
#pragma once

#include "priv/priv.h"

struct buf;
struct diags;

#define AGENT_HOST_KEY "ssh_host_key"
#define AGENT_AUTHORIZED "authorized_keys"

// Makes the directory and the key, each if it is missing. `user` (uid 0: nobody else) is who reads the key.
bool agent_host_key_make(const char *dir, const struct priv_user *user,
			 struct diags *diags) must_check;
// The public key and its fingerprint, a line each.
bool agent_host_key_print(const char *dir, struct diags *diags, struct buf *out) must_check;
