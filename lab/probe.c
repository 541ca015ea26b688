// SPDX-License-Identifier: Apache-2.0
// Traffic for the lab: real flows between real sockets, and what became of them.
//   probe serve tcp:443 udp:5004 …          echoes what it gets, on IPv4 and IPv6; on SIGTERM prints "PORT COUNT" per port
//   probe try PROTO SOURCE DESTINATION PORT [MS]
//                                           one flow; prints pass, drop or reject (PROTO tcp, udp or icmp; PORT 0 for icmp)
//   probe beat SOURCE DESTINATION PORT INTERVAL_US COUNT
//                                           UDP datagrams at a steady pace; prints sent, echoed and refused, and the longest
//                                           silence between two echoes
// It sends only to the addresses it is given, so many packets as it is told, and stops by itself.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SERVICES_MOST 64
#define DEFAULT_WAIT_MS 400

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned long number(const char *text)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || *end || end == text) {
		fprintf(stderr, "probe: '%s' is not a number\n", text);
		exit(2);
	}
	return n;
}

static socklen_t address(const char *text, unsigned port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		return sizeof(out->v4);
	}
	if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		return sizeof(out->v6);
	}
	fprintf(stderr, "probe: '%s' is not an address\n", text);
	exit(2);
}

// --- serve ---

struct service {
	bool tcp;
	unsigned port;
	unsigned long count; // connections or datagrams
};

static int open_service(const char *text, struct service *service)
{
	service->tcp = !strncmp(text, "tcp:", 4);
	if (!service->tcp && strncmp(text, "udp:", 4) != 0) {
		fprintf(stderr, "probe: '%s': give tcp:PORT or udp:PORT\n", text);
		exit(2);
	}
	service->port = (unsigned)number(text + 4);
	int fd = socket(AF_INET6, (service->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	int off = 0, on = 1;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)service->port)};
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) || (service->tcp && listen(fd, 128)))
		die(text);
	return fd;
}

static void echo_stream(int listener)
{
	char data[2048];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	// One exchange a connection, and nobody may hold up the others.
	struct timeval limit = {.tv_usec = 200000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ssize_t n = recv(fd, data, sizeof(data), 0);
	if (n > 0 && send(fd, data, (size_t)n, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "probe: echo: %s\n", strerror(errno));
	close(fd);
}

// The answer leaves from the address that was asked.
static void echo_datagrams(int fd, struct service *service)
{
	char data[2048];
	for (int i = 0; i < 64; i++) {
		struct sockaddr_in6 peer;
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&peer,
				     &len);
		if (n < 0)
			return;
		service->count++;
		if (sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, len) < 0 &&
		    errno != EPERM)
			fprintf(stderr, "probe: echo: %s\n", strerror(errno));
	}
}

static int serve(int n, char **names)
{
	static struct service services[SERVICES_MOST];
	struct pollfd polls[SERVICES_MOST + 1];
	if (n < 1 || n > SERVICES_MOST)
		return 2;
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	for (int i = 0; i < n; i++)
		polls[i] = (struct pollfd){.fd = open_service(names[i], &services[i]),
					   .events = POLLIN};
	polls[n] = (struct pollfd){.fd = signalfd(-1, &stop, SFD_CLOEXEC), .events = POLLIN};
	puts("ready");
	fflush(stdout);
	while (!(polls[n].revents & POLLIN)) {
		if (poll(polls, (nfds_t)n + 1, -1) < 0)
			die("poll");
		for (int i = 0; i < n; i++) {
			if (!(polls[i].revents & POLLIN))
				continue;
			if (services[i].tcp) {
				services[i].count++;
				echo_stream(polls[i].fd);
			} else {
				echo_datagrams(polls[i].fd, &services[i]);
			}
		}
	}
	for (int i = 0; i < n; i++)
		printf("%s:%u %lu\n", services[i].tcp ? "tcp" : "udp", services[i].port,
		       services[i].count);
	return 0;
}

// --- try ---

static const char *verdict_of(int error)
{
	switch (error) {
	case 0:
		return "pass";
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES:
	case ECONNRESET:
		return "reject";
	default:
		return "drop";
	}
}

static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now = now_us();
	int ms = now >= deadline ? 0 : (int)((deadline - now + 999) / 1000);
	if (poll(&p, 1, ms) <= 0)
		return ETIMEDOUT;
	int error = 0;
	socklen_t len = sizeof(error);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static int exchange(int fd, uint64_t deadline)
{
	char byte = 'x';
	int error = send(fd, &byte, 1, MSG_NOSIGNAL) < 0 ? errno : wait_for(fd, POLLIN, deadline);
	if (!error && recv(fd, &byte, 1, MSG_DONTWAIT) < 0)
		error = errno;
	return error;
}

static int try_flow(int type, const union address *from, const union address *to, uint64_t deadline)
{
	socklen_t len = from->any.sa_family == AF_INET ? sizeof(from->v4) : sizeof(from->v6);
	int fd = socket(from->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0 || bind(fd, &from->any, len))
		die("source address");
	// An ICMP error ends the attempt at once instead of being noted only.
	setsockopt(fd, from->any.sa_family == AF_INET ? SOL_IP : SOL_IPV6,
		   from->any.sa_family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on));
	int error = connect(fd, &to->any, len) ? errno : 0;
	if (error == EINPROGRESS)
		error = wait_for(fd, POLLOUT, deadline);
	if (!error)
		error = exchange(fd, deadline);
	close(fd);
	return error;
}

static int try_icmp(const union address *from, const union address *to, uint64_t deadline)
{
	bool v4 = from->any.sa_family == AF_INET;
	socklen_t len = v4 ? sizeof(from->v4) : sizeof(from->v6);
	int fd = socket(from->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	int on = 1;
	struct icmphdr echo4 = {.type = ICMP_ECHO};
	struct icmp6_hdr echo6 = {.icmp6_type = ICMP6_ECHO_REQUEST};
	if (fd < 0 || bind(fd, &from->any, len) || connect(fd, &to->any, len))
		die("icmp");
	setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on));
	ssize_t sent = v4 ? send(fd, &echo4, sizeof(echo4), 0) : send(fd, &echo6, sizeof(echo6), 0);
	int error = sent < 0 ? errno : wait_for(fd, POLLIN, deadline);
	close(fd);
	return error;
}

static int try(int n, char **arg)
{
	union address from, to;
	if (n < 4)
		return 2;
	uint64_t deadline = now_us() + 1000 * (n > 4 ? number(arg[4]) : DEFAULT_WAIT_MS);
	address(arg[1], 0, &from);
	address(arg[2], (unsigned)number(arg[3]), &to);
	int error = !strcmp(arg[0], "icmp")  ? try_icmp(&from, &to, deadline)
		    : !strcmp(arg[0], "tcp") ? try_flow(SOCK_STREAM, &from, &to, deadline)
					     : try_flow(SOCK_DGRAM, &from, &to, deadline);
	puts(verdict_of(error));
	return 0;
}

// --- beat ---

struct beat {
	unsigned long sent, echoed, refused;
	uint64_t last_echo, longest;
};

static void collect(int fd, struct beat *b)
{
	char data[64];
	for (;;) {
		ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && errno == ECONNREFUSED) {
			b->refused++;
			continue;
		}
		if (n < 0)
			return;
		uint64_t now = now_us();
		if (b->echoed++ && now - b->last_echo > b->longest)
			b->longest = now - b->last_echo;
		b->last_echo = now;
	}
}

static int beat(int n, char **arg)
{
	union address from, to;
	if (n < 5)
		return 2;
	socklen_t len = address(arg[0], 0, &from);
	address(arg[1], (unsigned)number(arg[2]), &to);
	uint64_t interval = number(arg[3]), next = now_us();
	unsigned long count = number(arg[4]);
	struct beat b = {0};
	int fd = socket(from.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, &from.any, len) || connect(fd, &to.any, len))
		die("beat");
	while (b.sent < count) {
		uint64_t now = now_us();
		if (now >= next) {
			b.refused += send(fd, &b.sent, sizeof(b.sent), 0) < 0;
			b.sent++;
			next += interval;
			continue;
		}
		struct timespec wait = {.tv_nsec = (long)(next - now) * 1000};
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ppoll(&p, 1, &wait, NULL);
		collect(fd, &b);
	}
	for (uint64_t end = now_us() + 300000; now_us() < end && b.echoed < b.sent;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		poll(&p, 1, 50);
		collect(fd, &b);
	}
	printf("sent %lu echoed %lu refused %lu longest-silence-us %llu\n", b.sent, b.echoed,
	       b.refused, (unsigned long long)b.longest);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 2;
	if (argc > 1 && !strcmp(argv[1], "serve"))
		status = serve(argc - 2, argv + 2);
	else if (argc > 1 && !strcmp(argv[1], "try"))
		status = try(argc - 2, argv + 2);
	else if (argc > 1 && !strcmp(argv[1], "beat"))
		status = beat(argc - 2, argv + 2);
	if (status == 2)
		fprintf(stderr,
			"usage: probe serve PROTO:PORT… | try PROTO SOURCE DESTINATION PORT [MS] | "
			"beat SOURCE DESTINATION PORT INTERVAL_US COUNT\n");
	return status;
}
