// SPDX-License-Identifier: Apache-2.0
// The controller's own certificate, when none was given: made by its own authority, renewed in time.
#pragma once

#include "base/base.h"

struct arena;
struct config;
struct diags;
struct engine;
struct io_ssh;
struct pki;

struct identity {
	const char *certificate, *key; // files
	bool own;                      // of our making
};

// At start: makes or renews the certificate if need be. Texts in the arena of the diags.
bool identity_open(const struct config *config, struct pki *pki, struct diags *diags,
		   struct identity *out) must_check;
// The key by which NSFs know this controller over SSH; made when it is missing.
struct io_ssh *identity_ssh(const struct config *config, struct diags *diags) must_check;
// What is served over SSH: a host key, made when it is missing, and who may come in.
struct io_ssh *identity_ssh_host(const struct config *config, struct diags *diags) must_check;
// While running: 1 when a new certificate is in the files, 0 when the old one is good, -1 and diags.
int identity_renew(const struct config *config, const struct identity *identity,
		   struct engine *engine, struct diags *diags) must_check;
