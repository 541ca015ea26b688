// SPDX-License-Identifier: Apache-2.0
// Between tls.c and tls_transport.c.
#pragma once

struct io_tls;
struct ssl_st; // OpenSSL's SSL

// A connection with the files as they are now. The caller frees it.
struct ssl_st *io_tls_ssl(struct io_tls *tls);
