// SPDX-License-Identifier: Apache-2.0
// TLS 1.3, both sides authenticated by certificates, over OpenSSL. The only folder that knows
// OpenSSL's TLS.
#pragma once

#include "io/transport.h"

struct diags;
struct io_tls;

// PEM files. The certificate file holds the own certificate first, then intermediate ones.
struct io_tls_files {
	const char *certificate;
	const char *key;
	const char *ca;  // who may have issued the peer's certificate
	const char *crl; // optional; once given, it must cover every issuer of a peer
};

// Reads the files. NULL and diags (file, text, hint) when one is missing, malformed, expired, or
// the key does not belong to the certificate. Thread-safe as a whole: connections may be made in
// any thread while another reloads. SIGPIPE is ignored in the whole process from then on, because
// OpenSSL writes with write(2).
struct io_tls *io_tls_new(const struct io_tls_files *files, struct diags *diags) must_check;
// Reads the files again: connections made from now on use them, running ones go on as they are.
// False and diags: all as before.
bool io_tls_reload(struct io_tls *tls, struct diags *diags) must_check;
// Transports made from it go on.
void io_tls_free(struct io_tls *tls);

// Take the connected descriptor. The peer must show a certificate that `ca` issued, valid now and
// not revoked; else the handshake fails with a fault that says which. The client also demands that
// the certificate is for `expected_name`: a DNS name, or an IP address, among its subject
// alternative names (a DNS name also as common name if it has none). With NULL any name will do: then
// the caller looks at the peer before it says anything.
struct io_transport *io_tls_server(struct io_tls *tls, int fd) must_check;
struct io_transport *io_tls_client(struct io_tls *tls, int fd,
				   const char *expected_name) must_check;

// The same as openers.
struct io_tls_target {
	struct io_tls *tls;
	const char *expected_name;
};
struct io_opener io_tls_accepting(struct io_tls *tls) must_check;
struct io_opener io_tls_connecting(const struct io_tls_target *target) must_check;
