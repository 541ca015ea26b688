// SPDX-License-Identifier: Apache-2.0
// What carries bytes over a connected descriptor: TLS (io/tls.h), plain bytes, or another (SSH)
// with these operations. A transport never blocks and knows no loop: io/stream.h drives it on a
// loop.
#pragma once

#include "base/diag.h"

struct io_transport;

// Who is at the other end, as its certificate says. Strings live as long as the transport; NULL
// when absent.
struct io_peer {
	const char *name; // common name
	const char *organisation, *unit;
	const char *const *san; // subject alternative names: DNS names and IP addresses as text
	size_t sans;
	const char *serial;   // hex digits
	char fingerprint[65]; // SHA-256 of the certificate, lower-case hex digits
	int64_t not_after;    // seconds since 1970 UTC
};

enum io_result {
	IO_OK,
	IO_WANT_READ,  // call again when the descriptor is readable
	IO_WANT_WRITE, // call again when it is writable
	IO_CLOSED,     // the peer ended the connection in order
	IO_FAILED,     // `fault` of the transport says why
};

struct io_transport_ops {
	const char *name; // required: "tls", "ssh", "plain"
	// Required. One step of the opening; IO_OK: bytes may flow and the peer is known.
	enum io_result (*handshake)(struct io_transport *transport);
	// Required. Reads at most `len` (> 0) bytes, writes at least one when IO_OK.
	enum io_result (*read)(struct io_transport *transport, void *data, size_t len,
			       size_t *got_out);
	enum io_result (*write)(struct io_transport *transport, const void *data, size_t len,
				size_t *put_out);
	// Optional. Tells the peer that no more will come; tried once before closing.
	void (*shutdown)(struct io_transport *transport);
	// Optional: for those whose peer, told so, ends the connection, because ending it first would look like a fault
	// to it. Does what is still to be done until then, one step at a time; IO_OK: call again at once. IO_CLOSED,
	// IO_FAILED: there is nothing more to wait for.
	enum io_result (*await_end)(struct io_transport *transport);
	// Optional. After the handshake; NULL: the transport does not know.
	const struct io_peer *(*peer)(const struct io_transport *transport);
	// Required. Also closes the descriptor.
	void (*free)(struct io_transport *transport);
};

// The head of every transport. `fault`: code, text and hint point to constants or into fault_text.
struct io_transport {
	const struct io_transport_ops *ops;
	int fd;
	// Set by an operation that has taken in what concerns another one, or has not looked at all it has taken in: the
	// descriptor will not tell, so both are to be called again. Whoever does so clears it.
	bool again;
	struct diag fault;
	char fault_text[320];
};

// How a descriptor becomes a transport: what a listener or a client is given, so that it need not know which
// transports there are. `context` is borrowed as long as the opener is used.
struct io_opener {
	// Takes the connected (or still connecting) descriptor. Never NULL.
	struct io_transport *(*open)(const void *context, int fd);
	const void *context;
};

// Bytes as they are, without a handshake (Unix sockets, tests). Takes the connected descriptor.
struct io_transport *io_plain_new(int fd) must_check;
struct io_opener io_plain_opener(void) must_check;
