// SPDX-License-Identifier: Apache-2.0
// Inside the folder: the controller's own identity and whom it believes, replaced while it serves.
#pragma once

#include "pki/pki.h"

struct arena;
struct diags;
struct tls;
struct gnutls_session_int;

struct tls_files {
	const char *certificate, *key, *ca, *crl;
};
// NULL and diags on failure.
struct tls *tls_new(const struct tls_files *files, struct diags *diags) must_check;
// False and diags: all as before.
bool tls_reload(struct tls *tls, struct diags *diags) must_check;
void tls_free(struct tls *tls);
// Certificates of authorities, as PEM; lives as long as the tls.
const char *tls_authorities(const struct tls *tls) must_check;
// What MHD_OPTION_HTTPS_CERT_CALLBACK takes. There is one set of identities a process.
void *tls_callback(struct tls *tls) must_check;
// Judges the certificate that the peer of a session has shown. PKI_VERDICTS: it has shown none.
// `pem_out` (arena) is written when it could be read.
enum pki_verdict tls_peer(struct tls *tls, struct gnutls_session_int *session, struct arena *arena,
			  struct pki_identity *out, const char **pem_out) must_check;
