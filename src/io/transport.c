// SPDX-License-Identifier: Apache-2.0
// What all transports share: keeping the first fault.
#include "io/transport_fault.h"

#include <stdarg.h>
#include <stdio.h>

enum io_result io_fault(struct io_transport *transport, enum diag_code code, const char *hint,
			const char *fmt, ...)
{
	if (transport->fault.text)
		return IO_FAILED;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(transport->fault_text, sizeof(transport->fault_text), fmt, ap);
	va_end(ap);
	transport->fault = (struct diag){.code = code, .text = transport->fault_text, .hint = hint};
	return IO_FAILED;
}
