// SPDX-License-Identifier: Apache-2.0
// Diagnostics as rpc-error elements (RFC 6241 section 4.3) and back. What a struct diag has beyond them travels in
// error-info, so that between our own programs nothing is lost.
#pragma once

#include "base/diag.h"

struct buf;
struct map;
struct netconf_xml;

// Errors and warnings. `namespaces`: module name to namespace, for error-path; NULL: none is known.
void netconf_errors_add(const struct diags *diags, const struct map *namespaces, struct buf *out);
// Adds what an <rpc-error> says.
void netconf_error_read(const struct netconf_xml *rpc_error, struct diags *diags);
