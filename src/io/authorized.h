// SPDX-License-Identifier: Apache-2.0
// Who may come in over SSH: lines in the format of OpenSSH's authorized_keys. Pure.
#pragma once

#include "base/diag.h"
#include "io/ssh.h"

#define IO_SSH_RSA_LEAST 3072 // bits
#define IO_SSH_KEY_HINT "use an Ed25519 or ECDSA key, or an RSA key of 3072 bits or more"

struct io_authorized_key {
	const char *name, *role;
	const char *tenant; // NULL: its role has none
	char fingerprint[IO_SSH_FINGERPRINT];
};

struct io_authorized {
	VEC(struct io_authorized_key) key;
};

struct io_authorized_text {
	const char *file; // for diags
	const char *text; // ends with NUL
	const char *const *roles;
	const char *tenant_role; // NULL: none has a tenant
};

// Reads what can be read, into the arena; each line that is refused is an error.
void io_authorized_parse(const struct io_authorized_text *in, struct arena *arena,
			 struct diags *diags, struct io_authorized *out);
// The entry of this name and key, else NULL.
const struct io_authorized_key *io_authorized_find(const struct io_authorized *authorized,
						   const char *name,
						   const char *fingerprint) must_check;

// The fingerprint of a public key of this type. False: `fault_out` is a constant that says why it is not accepted.
bool io_ssh_public_read(const char *type, const char *base64, const char **fault_out,
			char out[static IO_SSH_FINGERPRINT]) must_check;
bool io_ssh_public_type(const char *type) must_check; // one that io_ssh_public_read accepts
