// SPDX-License-Identifier: Apache-2.0
// The peer of the NETCONF figures: the least server that Debian's libnetconf2 and libyang make, over TLS.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct netconf_peer_options {
	const char *yang_dir; // with the NSF-facing model
	const char *ca, *certificate, *key;
	const char *ca_fingerprint; // as libnetconf2 wants it: "04:" and the SHA-256 with colons
	uint16_t port;
	bool together; // all sessions at once, instead of one after the other
};
// Serves on 127.0.0.1, without end. edit-config goes to running: with default-operation
// replace the new tree takes the old one's place, else it is merged; then everything is validated, as libyang does it.
// get-config gives all of it. Returns on a failure only, having said why.
int netconf_peer_run(const struct netconf_peer_options *options);
