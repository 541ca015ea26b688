// SPDX-License-Identifier: Apache-2.0
// TCP over IPv4 and IPv6: addresses, listening, connecting. Every descriptor is non-blocking and
// close-on-exec.
#pragma once

#include "base/base.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct diags;
struct io_loop;
struct io_listener;

struct io_address {
	struct sockaddr_storage sa;
	socklen_t len;
};
#define IO_ADDRESS_TEXT 80

// "192.0.2.1", "192.0.2.1:6513", "2001:db8::1", "[2001:db8::1]:6513", "fe80::1%eth0", "*:6513"
// (every address of both IP versions). Numeric only: name resolution blocks and can lie. A diag
// DIAG_VALUE on anything else.
bool io_address_parse(const char *text, uint16_t default_port, struct diags *diags,
		      struct io_address *out) must_check;
// As io_address_parse reads it, with the port.
void io_address_print(const struct io_address *address, char out[static IO_ADDRESS_TEXT]);
uint16_t io_address_port(const struct io_address *address) must_check;
// Every address of this host, as '*' is.
bool io_address_is_any(const struct io_address *address) must_check;
bool io_address_equal(const struct io_address *a, const struct io_address *b) must_check;
// Of a socket's own end (port 0 asked for: the port that it got). Negative errno.
int io_address_of(int fd, struct io_address *out) must_check;

// Negative errno.
int io_listen(const struct io_address *address, int *fd_out) must_check;
// Begins to connect, from `from` when it is not NULL; the descriptor becomes writable when that has
// ended: then ask io_connect_result (0 or negative errno).
int io_connect_start(const struct io_address *to, const struct io_address *from,
		     int *fd_out) must_check;
int io_connect_result(int fd) must_check;
// Lets this process and its children open so many descriptors, as far as the hard limit allows.
void io_descriptors(size_t wanted);
// A peer that has vanished without a word ends the connection within about so many seconds, idle or
// not.
void io_keepalive(int fd, unsigned seconds);

// Accepts on a listening descriptor, which may have come from another process; takes it. `accepted`
// owns the new descriptor.
struct io_listener_options {
	int fd;
	void (*accepted)(void *context, int fd, const struct io_address *peer); // required
	void *context;
};
int io_listener_new(struct io_loop *loop, const struct io_listener_options *options,
		    struct io_listener **listener_out) must_check;
void io_listener_free(struct io_listener *listener); // NULL is fine
