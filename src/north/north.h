// SPDX-License-Identifier: Apache-2.0
// The controller's northern side: RESTCONF (RFC 8040) and NETCONF (RFC 6241) over TLS 1.3 with client certificates. The only
// folder that knows libmicrohttpd and GnuTLS.
#pragma once

#include "base/base.h"

struct diags;
struct engine;
struct io_ssh;
struct io_tls;
struct north;

// Limits; what is beyond them is refused or cut off.
#define NORTH_BODY_MOST (64u << 20)      // bytes of a request's body: 413
#define NORTH_BODY_ANONYMOUS (64u << 10) // without a certificate
#define NORTH_CONNECTIONS 512u           // at the same time
#define NORTH_CONNECTIONS_PEER 128u      // from one address
#define NORTH_HEADER_S 20u               // until a request's headers are there, TLS included
#define NORTH_REQUEST_S 300u             // until its answer is there
#define NORTH_IDLE_S 60u                 // between two requests
#define NORTH_STALL_S 30u // until a listener to events takes what is sent, at least every 15 s

struct north_options {
	struct engine *engine;         // borrowed
	const char *certificate, *key; // PEM files of the controller's own identity
	const char *ca, *crl;          // PEM files: whose client certificates are believed
	const char *const *listen;     // "ADDRESS:PORT", "[ADDRESS]:PORT"
	size_t listens;
	const char
		*recovery; // name of the operator whom access control does not bind; NULL: nobody
	// NETCONF (RFC 6241) over TLS on these addresses, port 6513 where none is given, with this identity (borrowed).
	const char *const *netconf;
	size_t netconfs;
	struct io_tls *netconf_tls;
	// Likewise over SSH, port 830, for those whose keys this lets in (borrowed).
	const char *const *netconf_ssh;
	size_t netconf_sshs;
	struct io_ssh *netconf_keys;
	unsigned workspaces; // requests that work on documents at the same time; 0: 4
};

// Listens and serves in threads of its own. NULL and diags on failure.
struct north *north_new(const struct north_options *options, struct diags *diags) must_check;
// Stops accepting, ends every connection. NULL is fine.
void north_free(struct north *north);
// Reads certificate, key, CA and revocation list again. Connections go on; those that are made from
// now on, and every request from now on, see the new ones. False and diags: all as before.
bool north_reload(struct north *north, struct diags *diags) must_check;
// Ends connections whose time is over; to be called about once a second.
void north_tick(struct north *north);
// The port that the i-th address got (for port 0), of RESTCONF and of NETCONF.
uint16_t north_port(const struct north *north, size_t i) must_check;
uint16_t north_netconf_port(const struct north *north, size_t i) must_check;
// Ends what a user whose certificate was revoked has open. From any thread.
void north_dismiss(struct north *north, const char *user);
