// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/sockets.h"
#include "benchmarks/figure.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW 512u // datagrams that are sent before reading
#define AT_ONCE 64u // messages that one call hands over
#define PORTS 65536u
#define ROOM \
	(4 << 20) // of a receiving socket, in bytes: a window, however its datagrams are spread

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
// Where a datagram comes from, beside its socket.
union origin {
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};
struct datagram {
	const struct traffic_frame *frame;
	uint16_t from, to; // ports
};
struct sockets {
	struct datagram *datagram; // each window by source port: these go through one socket
	size_t len, next;
	bool four;
	int ready;                  // epoll, of those that receive
	int from[PORTS], to[PORTS]; // by port; 0: none
};

__attribute__((noreturn)) static void broken(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

// --- what a frame says ---

#define ETHERNET 14u
#define IPV4 20u
#define IPV6 40u
#define UDP 8u

static size_t header_of(const struct sockets *s)
{
	return ETHERNET + (s->four ? IPV4 : IPV6);
}

static uint16_t port_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_address(const struct sockets *s, const struct datagram *d, union address *out)
{
	const uint8_t *ip = d->frame->data + ETHERNET;
	if (s->four) {
		out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(d->to)};
		memcpy(&out->v4.sin_addr, ip + 16, 4);
	} else {
		out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(d->to)};
		memcpy(&out->v6.sin6_addr, ip + 24, 16);
	}
}

static void put_origin(const struct sockets *s, const struct datagram *d, struct msghdr *message)
{
	const uint8_t *ip = d->frame->data + ETHERNET;
	struct in_pktinfo v4 = {0};
	struct in6_pktinfo v6 = {0};
	memcpy(&v4.ipi_spec_dst, ip + 12, 4);
	memcpy(&v6.ipi6_addr, ip + 8, 16);
	size_t len = s->four ? sizeof(v4) : sizeof(v6);
	message->msg_controllen = CMSG_SPACE(len);
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	control->cmsg_level = s->four ? IPPROTO_IP : IPPROTO_IPV6;
	control->cmsg_type = s->four ? IP_PKTINFO : IPV6_PKTINFO;
	control->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(control), s->four ? (void *)&v4 : (void *)&v6, len);
}

// --- opening ---

static int bound(const struct sockets *s, uint16_t port)
{
	union address address = {0};
	int family = s->four ? AF_INET : AF_INET6, yes = 1;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		broken("socket");
	if (s->four)
		address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	else
		address.v6 =
			(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	// Lets the source say addresses that are not its own.
	if (setsockopt(fd, s->four ? IPPROTO_IP : IPPROTO_IPV6,
		       s->four ? IP_TRANSPARENT : IPV6_TRANSPARENT, &yes, sizeof(yes)) < 0 ||
	    bind(fd, &address.any, s->four ? sizeof(address.v4) : sizeof(address.v6)) < 0)
		broken("bind");
	return fd;
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		broken("setns");
}

static void open_sources(struct sockets *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (!s->from[s->datagram[i].from])
			s->from[s->datagram[i].from] = bound(s, s->datagram[i].from);
}

static void open_sink(struct sockets *s, uint16_t port)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = bound(s, port)};
	int room = ROOM;
	if (setsockopt(event.data.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    epoll_ctl(s->ready, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
		broken("a receiving socket");
	s->to[port] = event.data.fd;
}

static int by_source(const void *x, const void *y)
{
	const struct datagram *a = x, *b = y;
	return a->from - b->from;
}

static void take_load(struct sockets *s, const struct traffic_load *load)
{
	s->len = load->len;
	s->datagram = base_oom(calloc(load->len, sizeof(*s->datagram)));
	s->four = load->frame[0].data[ETHERNET] >> 4 == 4;
	for (size_t i = 0; i < load->len; i++) {
		const uint8_t *udp = load->frame[i].data + header_of(s);
		s->datagram[i] = (struct datagram){&load->frame[i], port_at(udp), port_at(udp + 2)};
	}
	for (size_t i = 0; i < s->len; i += WINDOW)
		qsort(s->datagram + i, s->len - i < WINDOW ? s->len - i : WINDOW,
		      sizeof(*s->datagram), by_source);
}

struct sockets *sockets_open(int source, int sink, const struct traffic_load *load)
{
	struct sockets *s = base_oom(calloc(1, sizeof(*s)));
	take_load(s, load);
	if ((s->ready = epoll_create1(EPOLL_CLOEXEC)) < 0)
		broken("epoll");
	enter(source);
	open_sources(s);
	enter(sink);
	for (size_t i = 0; i < s->len; i++)
		if (!s->to[s->datagram[i].to])
			open_sink(s, s->datagram[i].to);
	return s;
}

void sockets_close(struct sockets *s)
{
	for (size_t port = 0; port < PORTS; port++) {
		if (s->from[port])
			close(s->from[port]);
		if (s->to[port])
			close(s->to[port]);
	}
	close(s->ready);
	free(s->datagram);
	free(s);
}

// --- sending and receiving ---

static void send_run(const struct sockets *s, const struct datagram *d, unsigned n)
{
	struct mmsghdr message[AT_ONCE] = {0};
	struct iovec part[AT_ONCE];
	union address to[AT_ONCE];
	union origin origin[AT_ONCE];
	size_t header = header_of(s) + UDP;
	for (unsigned i = 0; i < n; i++) {
		struct msghdr *m = &message[i].msg_hdr;
		part[i] = (struct iovec){(void *)(d[i].frame->data + header),
					 d[i].frame->len - header};
		put_address(s, &d[i], &to[i]);
		*m = (struct msghdr){.msg_name = &to[i],
				     .msg_namelen = s->four ? sizeof(to->v4) : sizeof(to->v6),
				     .msg_iov = &part[i],
				     .msg_iovlen = 1,
				     .msg_control = &origin[i],
				     .msg_controllen = sizeof(origin[i])};
		put_origin(s, &d[i], m);
	}
	if (sendmmsg(s->from[d->from], message, n, 0) != (int)n)
		broken("sendmmsg");
}

static unsigned send_window(struct sockets *s)
{
	const struct datagram *d = s->datagram + s->next;
	size_t left = s->len - s->next;
	unsigned len = left < WINDOW ? (unsigned)left : WINDOW;
	for (unsigned i = 0, n; i < len; i += n) {
		for (n = 1; i + n < len && n < AT_ONCE && d[i + n].from == d[i].from;)
			n++;
		send_run(s, d + i, n);
	}
	s->next = (s->next + len) % s->len;
	return len;
}

static unsigned receive_from(int fd)
{
	struct mmsghdr message[AT_ONCE] = {0};
	struct iovec part[AT_ONCE];
	char data[AT_ONCE][TRAFFIC_FRAME_MOST];
	for (unsigned i = 0; i < AT_ONCE; i++) {
		part[i] = (struct iovec){data[i], sizeof(data[i])};
		message[i].msg_hdr = (struct msghdr){.msg_iov = &part[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(fd, message, AT_ONCE, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN)
		broken("recvmmsg");
	return n < 0 ? 0 : (unsigned)n;
}

static unsigned receive(const struct sockets *s)
{
	struct epoll_event event[AT_ONCE];
	unsigned received = 0;
	for (int n; (n = epoll_wait(s->ready, event, AT_ONCE, 0)) > 0;)
		for (int i = 0; i < n; i++)
			received += receive_from(event[i].data.fd);
	return received;
}

struct sockets_count sockets_run(struct sockets *s, double seconds)
{
	struct sockets_count count = {0};
	double begin = figure_seconds();
	do {
		count.sent += send_window(s);
		count.received += receive(s);
	} while (figure_seconds() - begin < seconds);
	return count;
}
