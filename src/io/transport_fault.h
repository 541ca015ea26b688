// SPDX-License-Identifier: Apache-2.0
// How a transport says why it failed.
#pragma once

#include "io/transport.h"

#define IO_HINT_PEER "see whether the peer runs and what it logs"

// Sets the fault; the first one stays. `hint` is a constant. Always IO_FAILED.
enum io_result io_fault(struct io_transport *transport, enum diag_code code, const char *hint,
			const char *fmt, ...) printf_like(4, 5);
