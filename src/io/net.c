// SPDX-License-Identifier: Apache-2.0
// TCP addresses and sockets. The idea: an address is a sockaddr from the text on, so IPv4 and IPv6
// share every line below the parser; the unspecified IPv6 address listens for both. Names are not
// resolved.
#include "io/net.h"
#include "base/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define HINT                                                                        \
	"give a numeric address such as 192.0.2.1, 192.0.2.1:6513, 2001:db8::1 or " \
	"[2001:db8::1]:6513"

// Splits "host", "host:port", "[host]:port"; a bare IPv6 address has no port. Host and port are
// copies.
static bool split(const char *text, char host[static IO_ADDRESS_TEXT], char port[static 8])
{
	const char *end = text + strlen(text), *colon = strrchr(text, ':');
	const char *from = text, *to = end;
	if (*text == '[') {
		from = text + 1;
		to = strchr(from, ']');
		if (!to || (to[1] != '\0' && to[1] != ':'))
			return false;
		colon = to[1] == ':' ? to + 1 : NULL;
	} else if (colon && strchr(text, ':') == colon) {
		to = colon;
	} else {
		colon = NULL;
	}
	size_t host_len = (size_t)(to - from), port_len = colon ? (size_t)(end - colon - 1) : 0;
	if (!host_len || host_len >= IO_ADDRESS_TEXT || (colon && (!port_len || port_len > 5)))
		return false;
	memcpy(host, from, host_len);
	host[host_len] = '\0';
	memcpy(port, colon ? colon + 1 : "", port_len + 1);
	port[port_len] = '\0';
	return true;
}

static bool parse_port(const char *text, uint16_t *port_out)
{
	unsigned long v = 0;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (unsigned long)(*p - '0');
	}
	*port_out = (uint16_t)v;
	return v <= 65535;
}

static bool parse_host(const char *host, struct io_address *out)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *info = NULL;
	struct in_addr strict;
	if (strcmp(host, "*") == 0)
		host = "::";
	// The resolver also takes "1.2" and "0x7f.1": only four decimal numbers are an address
	// here.
	if (!strchr(host, ':') && inet_pton(AF_INET, host, &strict) != 1)
		return false;
	if (getaddrinfo(host, NULL, &hints, &info) != 0)
		return false;
	*out = (struct io_address){.len = info->ai_addrlen};
	memcpy(&out->sa, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(info);
	return true;
}

static void set_port(struct io_address *a, uint16_t port)
{
	if (a->sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&a->sa)->sin_port = htons(port);
}

bool io_address_parse(const char *text, uint16_t default_port, struct diags *diags,
		      struct io_address *out)
{
	char host[IO_ADDRESS_TEXT], port_text[8];
	uint16_t port = default_port;
	struct io_address a;
	if (!split(text, host, port_text) || (*port_text && !parse_port(port_text, &port)) ||
	    !parse_host(host, &a)) {
		diag_error(diags, DIAG_VALUE, NULL, HINT, "\"%.100s\" is not an address", text);
		return false;
	}
	set_port(&a, port);
	*out = a;
	return true;
}

uint16_t io_address_port(const struct io_address *a)
{
	if (a->sa.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->sa)->sin6_port);
	return a->sa.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)&a->sa)->sin_port)
					  : 0;
}

void io_address_print(const struct io_address *a, char out[static IO_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
	if (a->sa.ss_family != AF_INET6 && a->sa.ss_family != AF_INET) {
		snprintf(out, IO_ADDRESS_TEXT, "local");
		return;
	}
	if (getnameinfo((const struct sockaddr *)&a->sa, a->len, host, sizeof(host), NULL, 0,
			NI_NUMERICHOST) != 0)
		snprintf(host, sizeof(host), "?");
	snprintf(out, IO_ADDRESS_TEXT, a->sa.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		 io_address_port(a));
}

bool io_address_equal(const struct io_address *a, const struct io_address *b)
{
	if (a->sa.ss_family != b->sa.ss_family || io_address_port(a) != io_address_port(b))
		return false;
	if (a->sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *x = (const void *)&a->sa, *y = (const void *)&b->sa;
		return memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0 &&
		       x->sin6_scope_id == y->sin6_scope_id;
	}
	const struct sockaddr_in *x = (const void *)&a->sa, *y = (const void *)&b->sa;
	return a->sa.ss_family == AF_INET && x->sin_addr.s_addr == y->sin_addr.s_addr;
}

static bool is_any6(const struct io_address *a)
{
	const struct sockaddr_in6 *six = (const void *)&a->sa;
	return a->sa.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

bool io_address_is_any(const struct io_address *a)
{
	const struct sockaddr_in *four = (const void *)&a->sa;
	return is_any6(a) || (a->sa.ss_family == AF_INET && four->sin_addr.s_addr == INADDR_ANY);
}

int io_address_of(int fd, struct io_address *out)
{
	struct io_address a = {.len = sizeof(a.sa)};
	if (getsockname(fd, (struct sockaddr *)&a.sa, &a.len) < 0)
		return -errno;
	*out = a;
	return 0;
}

// --- sockets ---

static int tcp_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	return fd < 0 ? -errno : fd;
}

static int listen_on(int fd, const struct io_address *a)
{
	int on = 1, only6 = !is_any6(a);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (a->sa.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

int io_listen(const struct io_address *address, int *fd_out)
{
	struct io_address a = *address;
	int fd = tcp_socket(a.sa.ss_family);
	if (fd == -EAFNOSUPPORT && is_any6(&a)) {
		// A kernel without IPv6: every address is every IPv4 address.
		struct sockaddr_in any = {.sin_family = AF_INET,
					  .sin_port = htons(io_address_port(&a))};
		a = (struct io_address){.len = sizeof(any)};
		memcpy(&a.sa, &any, sizeof(any));
		fd = tcp_socket(AF_INET);
	}
	if (fd < 0)
		return fd;
	int rc = listen_on(fd, &a);
	if (rc < 0)
		close(fd);
	else
		*fd_out = fd;
	return rc;
}

static void no_delay(int fd)
{
	// Not every stream socket has it, and nothing depends on it but latency.
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

int io_connect_start(const struct io_address *to, const struct io_address *from, int *fd_out)
{
	int fd = tcp_socket(to->sa.ss_family), rc = 0;
	if (fd < 0)
		return fd;
	no_delay(fd);
	if (from && bind(fd, (const struct sockaddr *)&from->sa, from->len) < 0)
		rc = -errno;
	if (rc == 0 && connect(fd, (const struct sockaddr *)&to->sa, to->len) < 0 &&
	    errno != EINPROGRESS)
		rc = -errno;
	if (rc < 0)
		close(fd);
	else
		*fd_out = fd;
	return rc;
}

int io_connect_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

void io_descriptors(size_t wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	// What cannot be opened then is refused in words where it is opened.
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void io_keepalive(int fd, unsigned seconds)
{
	int idle = (int)(seconds / 3 ? seconds / 3 : 1), probes = 3;
	unsigned user_timeout = seconds * 1000;
	// A socket that is not TCP has none of these, and needs none.
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof(user_timeout));
}
