// SPDX-License-Identifier: Apache-2.0
// The controller's RESTCONF interface (RFC 8040) from the command line's side: one connection, mutual TLS, JSON both ways.
#pragma once

#include "base/base.h"

struct arena;
struct diags;
struct json_t; // jansson's value; owned by whom it is handed to (json_decref)

struct client; // one controller; not thread-safe

struct client_config {
	const char *
		url; // https://HOST:PORT; NULL: environment BULWARK_CONTROLLER, else https://localhost:8443
	const char *
		identity; // PREFIX of PREFIX.pem and PREFIX.key; NULL: BULWARK_IDENTITY, else ~/.config/bulwark/identity
	const char *ca;     // NULL: BULWARK_CA, else ca.pem beside the identity
	const char *tenant; // NULL: the certificate's own
};

// NULL and diags when a file of the identity is missing or the URL is not one.
struct client *client_open(const struct client_config *config, struct diags *diags) must_check;
void client_close(struct client *client);

// Operation "bulwark-controller:NAME". `input` (may be NULL) is consumed. *output_out is the content of the output, an
// empty object where there is none. False and diags (those of the controller, or DIAG_UNREACHABLE) on failure.
bool client_call(struct client *client, const char *name, struct json_t *input, struct diags *diags,
		 struct json_t **output_out) must_check;
// GET of {+restconf}/data/PATH. A resource that is not there gives NULL and true.
bool client_get(struct client *client, const char *path, struct diags *diags,
		struct json_t **value_out) must_check;

struct client_edit {
	const char *method; // PUT, POST, PATCH or DELETE
	const char *path;   // below {+restconf}/data/; "" is the datastore
	const char *body;   // NULL for DELETE
	size_t len;
	bool xml; // else JSON
};
bool client_edit(struct client *client, const struct client_edit *edit,
		 struct diags *diags) must_check;
