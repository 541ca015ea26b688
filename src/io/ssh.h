// SPDX-License-Identifier: Apache-2.0
// SSH as a transport, over libssh: one channel, the subsystem "netconf" (RFC 6242), public keys and nothing else. The only
// folder that knows libssh.
#pragma once

#include "io/transport.h"

struct buf;
struct diags;
struct io_ssh;

#define IO_SSH_FINGERPRINT 64 // "SHA256:" and 43 characters, as ssh-keygen -l prints it
#define IO_SSH_NAME_MOST 63

// Who this side is, and whom it lets in. Every string is copied.
struct io_ssh_options {
	const char *key;        // file of the private key: a server's host key, or a client's own
	const char *authorized; // server: file of the keys that may come in; NULL: this is a client
	const char *const *roles; // that may stand in that file; ends with NULL
	const char *tenant_role;  // the one of them that has tenant=TENANT beside it; NULL: none
	// Optional. For the log: a change of the file was noticed, a line of it or a request was
	// refused. In the thread that drives the connection; lives as long as the call.
	void (*note)(void *context, const struct diag *what);
	void *context;
};

// Reads the files. NULL and diags when the key is missing, malformed, too weak or asks for a passphrase. A line of
// `authorized` that cannot be understood is an error in diags and lets nobody in; the other lines count, so that taking a
// key out always takes effect. The file is read again whenever it has changed; while it cannot be read, or others than its
// owner can write it, nobody comes in. SIGPIPE is ignored in the whole process from then on. Thread-safe as a whole.
struct io_ssh *io_ssh_new(const struct io_ssh_options *options, struct diags *diags) must_check;
// Reads the files again, for connections from now on. False and diags: the key is as before.
bool io_ssh_reload(struct io_ssh *ssh, struct diags *diags) must_check;
// Transports made from it go on; no note follows.
void io_ssh_free(struct io_ssh *ssh); // NULL is fine
// The public key of `key`: "ssh-ed25519 AAAA…", and its fingerprint.
void io_ssh_public(struct io_ssh *ssh, struct buf *out);
void io_ssh_fingerprint(struct io_ssh *ssh, char out[static IO_SSH_FINGERPRINT]);

// A new Ed25519 key in a file of mode 0600 that appears whole or not at all. An existing file is refused.
bool io_ssh_key_new(const char *path, struct diags *diags) must_check;
// "SHA256:…", as it is or made of a line "TYPE BASE64 [COMMENT]". False and a diag DIAG_VALUE.
bool io_ssh_pin_parse(const char *text, struct diags *diags,
		      char out[static IO_SSH_FINGERPRINT]) must_check;

// Takes the connected descriptor. The peer's `name` is the user, `unit` the role, `organisation` the tenant if
// its role has one, `fingerprint` that of the key.
struct io_transport *io_ssh_server(struct io_ssh *ssh, int fd) must_check;

struct io_ssh_target {
	struct io_ssh *ssh;
	const char *user;
	const char *const *pins; // fingerprints of the host keys that are right; ends with NULL
	// Instead of those two, where it is not known who answers (call home): the user's name at the server with this
	// host key; NULL: it is nobody's. Borrowed as long as the handshake goes on.
	const char *(*user_of)(void *context, const char *fingerprint);
	void *context;
};
// Takes the descriptor. The handshake fails when the server shows another host key. The peer's `fingerprint` is that of the
// host key.
struct io_transport *io_ssh_client(const struct io_ssh_target *target, int fd) must_check;

// The same as openers.
struct io_opener io_ssh_accepting(struct io_ssh *ssh) must_check;
struct io_opener io_ssh_connecting(const struct io_ssh_target *target) must_check;
