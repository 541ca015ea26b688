// SPDX-License-Identifier: Apache-2.0
// Certificates for tests, made in memory and written as PEM files. Any failure ends the test
// program.
#pragma once

#include "base/base.h"

struct test_ca;

// An authority that signs for a day, and its certificate as a file.
struct test_ca *test_ca_new(const char *name, const char *path) must_check;
void test_ca_free(struct test_ca *ca);

struct test_cert {
	const char *name;  // common name
	const char *unit;  // organizational unit; NULL: none
	const char *san;   // as OpenSSL's configuration spells it: "DNS:a,IP:127.0.0.1"; NULL: none
	long begins, ends; // seconds from now; both 0: valid for a day
	const char *file, *key_file;
};
// Issues a certificate with a new key; returns its serial number.
long test_ca_issue(struct test_ca *ca, const struct test_cert *cert);
// Publishes a revocation list with `revoked` (0: none), valid until `ends` seconds from now.
void test_ca_publish(struct test_ca *ca, const char *path, long revoked, long ends);
