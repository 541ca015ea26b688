// SPDX-License-Identifier: Apache-2.0
// Order without waiting for time: marker frames of an unused EtherType follow the packets through the
// same queues. One goes from each end to the router; when it is there, everything before it has been
// forwarded, dropped or answered; then the router sends one to each end behind all that. A link drops what it is given until
// the kernel has made its queue active, some time after it is up: so markers are sent again until they come through, and no
// frame before one has gone each way. What a link drops later, because a processor is flooded, is told by its counters.
#include "backend/nft/test_net.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK 0x88b5
#define PATIENCE 20000 // milliseconds; reached only when something is broken
#define AGAIN 50       // milliseconds after which a marker is sent again

const uint8_t test_mac_host[2][6] = {{2, 0, 0, 0, 0, 0x0a}, {2, 0, 0, 0, 0, 0x0b}};
const uint8_t test_mac_nsf[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
const char *const test_interface[2] = {"nsf0", "nsf1"};

__attribute__((noreturn)) static void broken(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

int test_run(const char *input, const char *const argv[])
{
	int pipes[2], status;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		broken("pipe");
	pid_t child = fork();
	if (!child) {
		dup2(pipes[0], 0);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(pipes[0]);
	size_t len = input ? strlen(input) : 0;
	for (size_t at = 0; at < len;) {
		ssize_t n = write(pipes[1], input + at, len - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(pipes[1]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		broken(argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int here(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		broken("network namespace");
	return fd;
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		broken("setns");
}

static void set(const char *name, const char *value)
{
	char path[256];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t ignored = write(fd, value, strlen(value));
		(void)ignored;
		close(fd);
	}
}

static void ip(const char *commands)
{
	static const char *const argv[] = {"ip", "-batch", "-", NULL};
	if (test_run(commands, argv))
		broken("ip");
}

static void ip6(const char *commands)
{
	static const char *const argv[] = {"ip", "-6", "-batch", "-", NULL};
	if (test_run(commands, argv))
		broken("ip -6");
}

// Whatever comes from one end goes to the other; the main table is for the router's own answers.
static void set_up_crossing(void)
{
	ip("rule add iif nsf0 lookup 101\n"
	   "rule add iif nsf1 lookup 102\n"
	   "route add default via 172.9.2.2 dev nsf1 table 101\n"
	   "route add default via 10.9.1.2 dev nsf0 table 102\n");
	ip6("rule add iif nsf0 lookup 101\n"
	    "rule add iif nsf1 lookup 102\n"
	    "route add default via fd00:9:2::2 dev nsf1 table 101\n"
	    "route add default via fd00:9:1::2 dev nsf0 table 102\n"
	    "route add default via fd00:9:1::2 dev nsf0\n");
}

static int raw_socket(const char *interface, uint16_t protocol)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1,
	    room = 256 << 20;
	address.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		broken(interface);
	return fd;
}

static void set_up_router(void)
{
	ip("addr add 10.9.1.1/24 dev nsf0\n"
	   "addr add 172.9.2.1/24 dev nsf1\n"
	   "addr add fd00:9:1::1/64 dev nsf0 nodad\n"
	   "addr add fd00:9:2::1/64 dev nsf1 nodad\n"
	   "link set nsf0 up\nlink set nsf1 up\nlink set lo up\n"
	   "neigh add 10.9.1.2 lladdr 02:00:00:00:00:0a dev nsf0 nud permanent\n"
	   "neigh add 172.9.2.2 lladdr 02:00:00:00:00:0b dev nsf1 nud permanent\n"
	   "neigh add fd00:9:1::2 lladdr 02:00:00:00:00:0a dev nsf0 nud permanent\n"
	   "neigh add fd00:9:2::2 lladdr 02:00:00:00:00:0b dev nsf1 nud permanent\n"
	   "route add 0.0.0.0/1 via 10.9.1.2 dev nsf0\n"
	   "route add 128.0.0.0/1 via 172.9.2.2 dev nsf1\n"
	   "route add 2000::/4 via fd00:9:1::2 dev nsf0\n"
	   "route add 3000::/4 via fd00:9:2::2 dev nsf1\n");
	set_up_crossing();
	set("ipv4/ip_forward", "1");
	set("ipv6/conf/all/forwarding", "1");
	set("ipv4/conf/all/rp_filter", "0");
	set("ipv4/conf/nsf0/rp_filter", "0");
	set("ipv4/conf/nsf1/rp_filter", "0");
	set("ipv4/conf/all/send_redirects", "0");
	set("ipv4/conf/nsf0/send_redirects", "0");
	set("ipv4/conf/nsf1/send_redirects", "0");
	// Answers to rejected packets must not be rationed.
	set("ipv4/icmp_ratelimit", "0");
	set("ipv4/icmp_ratemask", "0");
	set("ipv4/icmp_msgs_per_sec", "1000000");
	set("ipv4/icmp_msgs_burst", "1000000");
	set("ipv6/icmp/ratelimit", "0");
	set("ipv6/icmp/ratemask", "255");
	set("netfilter/nf_conntrack_tcp_be_liberal", "1");
}

static void pin(void)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET((unsigned)sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		broken("sched_setaffinity");
}

static void make_link(int ns, enum test_side side)
{
	char command[256];
	const char *host = side == SIDE_A ? "a0" : "b0";
	const uint8_t *m = test_mac_nsf[side], *h = test_mac_host[side];
	snprintf(command, sizeof(command),
		 "link add %s address %02x:%02x:%02x:%02x:%02x:%02x type veth peer name %s address "
		 "%02x:%02x:%02x:%02x:%02x:%02x netns /proc/%d/fd/%d\n",
		 test_interface[side], m[0], m[1], m[2], m[3], m[4], m[5], host, h[0], h[1], h[2],
		 h[3], h[4], h[5], (int)getpid(), ns);
	ip(command);
}

static int open_counters(void)
{
	int fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		broken("counters of links");
	return fd;
}

static int set_up_end(int ns, const char *interface, int *counters_out)
{
	char command[64], name[64];
	enter(ns);
	*counters_out = open_counters();
	snprintf(name, sizeof(name), "ipv6/conf/%s/disable_ipv6", interface);
	set(name, "1");
	snprintf(command, sizeof(command), "link set %s up\n", interface);
	ip(command);
	return raw_socket(interface, ETH_P_ALL);
}

static int new_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		puts("skipped: network namespaces need privileges");
		exit(77);
	}
	return here();
}

// --- sending and receiving ---

static int64_t now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// A link that is full says so, from Linux 6.8 on.
static void send_frame(struct test_net *net, int fd, const void *frame, size_t len)
{
	for (int64_t until = 0; send(fd, frame, len, 0) != (ssize_t)len;) {
		until = until ? until : now() + PATIENCE;
		if ((errno != EINTR && errno != ENOBUFS) || now() > until)
			broken("a link takes no frames");
		net->refused += errno == ENOBUFS;
	}
}

static void send_mark(struct test_net *net, int fd, const uint8_t *to, const uint8_t *from)
{
	uint8_t frame[60] = {0};
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = MARK >> 8;
	frame[13] = MARK & 0xff;
	memcpy(frame + 14, &net->marks, sizeof(net->marks));
	send_frame(net, fd, frame, sizeof(frame));
}

struct receiving {
	int fd;
	enum test_side side;
	unsigned number; // of the marker
	test_frame_fn each;
	void *context;
};

// Receives until the marker; everything else goes to `each`. False: nothing came for a while.
static bool receive_to_mark(const struct receiving *r)
{
	uint8_t frame[65536];
	for (;;) {
		ssize_t got = recv(r->fd, frame, sizeof(frame), 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
			struct pollfd p = {.fd = r->fd, .events = POLLIN};
			if (!poll(&p, 1, AGAIN))
				return false;
			continue;
		}
		if (got < 0)
			broken("recv");
		bool mark = got >= 18 && frame[12] == MARK >> 8 && frame[13] == (MARK & 0xff);
		if (mark && !memcmp(frame + 14, &r->number, sizeof(r->number)))
			return true;
		if (!mark && r->each)
			r->each(r->side, frame, (size_t)got, r->context);
	}
}

// Sends the marker from one socket to the other, again where it does not come.
static void pass_mark(struct test_net *net, int from, const uint8_t *source,
		      const uint8_t *destination, const struct receiving *r)
{
	int64_t until = now() + PATIENCE;
	do {
		if (now() > until) {
			fprintf(stderr,
				"no frame comes through between the router and side %c: nothing is "
				"tested\n",
				r->side == SIDE_A ? 'a' : 'b');
			exit(1);
		}
		send_mark(net, from, destination, source);
	} while (!receive_to_mark(r));
}

static void exchange_marks(struct test_net *net, test_frame_fn each, void *context)
{
	net->marks++;
	for (unsigned side = 0; side < 2; side++)
		pass_mark(net, net->raw[side], test_mac_host[side], test_mac_nsf[side],
			  &(struct receiving){net->inner[side], side, net->marks, NULL, NULL});
	for (unsigned side = 0; side < 2; side++)
		pass_mark(net, net->inner[side], test_mac_nsf[side], test_mac_host[side],
			  &(struct receiving){net->raw[side], side, net->marks, each, context});
}

// Of a line of /proc/net/dev behind the name: the twelfth number is of frames that were to be sent and were dropped.
static uint64_t dropped_of(const char *line)
{
	for (unsigned i = 0; i < 11; i++) {
		line += strspn(line, " ");
		line += strcspn(line, " \n");
	}
	return strtoull(line, NULL, 10);
}

// Frames that the links have dropped without saying so to who sent them.
static uint64_t lost(const struct test_net *net)
{
	uint64_t dropped = 0;
	for (unsigned i = 0; i < array_len(net->counters); i++) {
		char text[4096];
		ssize_t len = pread(net->counters[i], text, sizeof(text) - 1, 0);
		if (len < 0)
			broken("counters of links");
		text[len] = '\0';
		for (const char *at = strchr(text, ':'); at; at = strchr(at + 1, ':'))
			dropped += dropped_of(at + 1);
	}
	return dropped - net->refused;
}

// --- the three ---

void test_net_open(struct test_net *net)
{
	*net = (struct test_net){.home = here()};
	int a = new_namespace(), b = new_namespace();
	net->nsf = new_namespace();
	net->counters[2] = open_counters();
	pin();
	make_link(a, SIDE_A);
	make_link(b, SIDE_B);
	set_up_router();
	for (int side = 0; side < 2; side++)
		net->inner[side] = raw_socket(test_interface[side], MARK);
	net->raw[SIDE_A] = set_up_end(a, "a0", &net->counters[SIDE_A]);
	net->raw[SIDE_B] = set_up_end(b, "b0", &net->counters[SIDE_B]);
	enter(net->nsf);
	close(a);
	close(b);
	exchange_marks(net, NULL, NULL);
	net->lost = lost(net);
}

void test_net_enter(const struct test_net *net)
{
	enter(net->nsf);
}

void test_net_close(struct test_net *net)
{
	for (int side = 0; side < 2; side++) {
		close(net->raw[side]);
		close(net->inner[side]);
	}
	for (unsigned i = 0; i < array_len(net->counters); i++)
		close(net->counters[i]);
	enter(net->home);
	close(net->home);
	close(net->nsf);
}

void test_net_send(struct test_net *net, enum test_side from, const void *frame, size_t len)
{
	send_frame(net, net->raw[from], frame, len);
}

bool test_net_try_collect(struct test_net *net, test_frame_fn each, void *context)
{
	uint64_t before = net->lost;
	exchange_marks(net, each, context);
	net->lost = lost(net);
	return net->lost == before;
}

void test_net_collect(struct test_net *net, test_frame_fn each, void *context)
{
	if (!test_net_try_collect(net, each, context)) {
		fputs(TEST_NET_LOST "\n", stderr);
		exit(1);
	}
}

int test_nft(const char *script)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};
	return test_run(script, argv);
}

void test_net_track(void)
{
	if (test_nft("table inet tracking {\n chain c {\n  type filter hook prerouting priority 0\n"
		     "  ct state new counter\n }\n}\n"))
		broken("nft");
}

void test_net_forget(struct test_net *net)
{
	(void)net;
	char room[8192];
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		broken("netlink");
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(nl, room, sizeof(room)) < 0)
		broken("forgetting connections");
	mnl_socket_close(nl);
}
