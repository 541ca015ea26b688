// SPDX-License-Identifier: Apache-2.0
// Between the files of SSH.
#pragma once

#include "io/authorized.h"
#include "io/ssh.h"

// libssh marks what its message interface is made of as deprecated, and has nothing else that shows every request.
#define SSH_SUPPRESS_DEPRECATED
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

// What is spoken, in the order of preference: exchanges on Curve25519 and NIST curves, signatures without SHA-1, ciphers
// that authenticate by themselves, or in counter mode with the MAC outside.
#define IO_SSH_KEX \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384"
#define IO_SSH_SIGNATURES                                                                       \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512," \
	"rsa-sha2-256"
#define IO_SSH_CIPHERS                                                                            \
	"aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr," \
	"aes128-ctr"
#define IO_SSH_MACS "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"

// --- ssh.c ---
struct io_ssh *io_ssh_ref(struct io_ssh *ssh) must_check;
void io_ssh_unref(struct io_ssh *ssh);
// A copy of the private key, for ssh_key_free.
ssh_key io_ssh_key(struct io_ssh *ssh) must_check;
void io_ssh_key_drop(ssh_key *key); // for cleanup()
// Whether the session could be made from the host key and this descriptor, which it takes.
bool io_ssh_accept(struct io_ssh *ssh, ssh_session session, int fd) must_check;
// Who comes in as this user with the key of peer->fingerprint: fills in the rest, in the arena. False: nobody.
bool io_ssh_admit(struct io_ssh *ssh, const char *user, struct arena *arena,
		  struct io_peer *peer) must_check;
void io_ssh_note(struct io_ssh *ssh, const struct diag *what);
// Of a public or private key. False: libssh could not.
bool io_ssh_fingerprint_of(ssh_key key, char out[static IO_SSH_FINGERPRINT]) must_check;

// --- ssh_transport.c ---
#define IO_SSH_HINT_CLIENT "see whether this client was meant to come in"

struct ssh_transport {
	struct io_transport head;
	enum io_result (*handshake)(struct ssh_transport *t); // of the side
	struct io_ssh *ssh;
	ssh_session session;
	ssh_channel channel;
	struct io_peer peer;
	struct arena arena; // of what the peer says
	const char *user;
	bool open;             // the subsystem runs
	size_t in_flight;      // bytes that libssh has taken and the kernel has not
	bool shut;             // libssh takes no bytes until the peer lets it
	uint64_t shut_at;      // bytes that had come then
	uint64_t ended_at;     // bytes that had come when the peer was told the end
	unsigned step;         // client: of the handshake
	unsigned attempts;     // server: at authenticating
	unsigned refusals;     // server: requests that were refused
	unsigned environments; // server: variables that were offered
	const char *disagreed; // what libssh says of algorithms, in `arena`; NULL: nothing
	const char *refused;   // the last thing that was refused, in `arena`; NULL: nothing
	const struct io_ssh_target *target; // client: copies in `arena`
	struct ssh_counter_struct socket, raw;
	uint64_t settled_made, settled_gone; // of the counters when nothing waited
	struct ssh_server_callbacks_struct server_callbacks;
};

// With its session. `fd` is for epoll; libssh closes its descriptor when it likes, so it gets
// another one of the same socket: `*fd_out`, or -1 and a fault.
struct ssh_transport *io_ssh_transport_new(struct io_ssh *ssh,
					   enum io_result (*handshake)(struct ssh_transport *t),
					   int fd, int *fd_out) must_check;
// Around an exchange of keys: what cannot be agreed on is kept for the fault, because libssh forgets it.
void io_ssh_listen_in(struct ssh_transport *t);
void io_ssh_listen_no_more(void);
// Lets libssh do what it can without waiting. IO_OK: bytes have come; IO_WANT_*: nothing to do until then.
enum io_result io_ssh_pump(struct ssh_transport *t) must_check;
// What to wait for when libssh has nothing to do.
enum io_result io_ssh_wait(const struct ssh_transport *t) must_check;
// The fault that libssh has met, or IO_CLOSED.
enum io_result io_ssh_broken(struct ssh_transport *t) must_check;
