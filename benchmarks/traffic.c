// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/traffic.h"
#include "backend/nft/test_net.h"
#include "benchmarks/figure.h"
#include "benchmarks/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 192 // frames: what a veth works off in three turns; its ring holds a little more
#define TURN 0.002  // seconds that a turn may take before it counts as long

struct traffic_router {
	char name[IFNAMSIZ]; // of its interface towards the source
	int ns, from, to;    // network namespaces: its own, the source's, the sink's
	int source;          // packet socket in that of the source
	int sink;            // any socket in that of the sink
	int counters[2];     // of the router: IPv4, IPv6
	clockid_t clock;     // of the thread that forwards
};

__attribute__((noreturn)) static void broken(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

// Onto the last core (the first takes most of a machine's interrupts), before whatever else runs there. Threads of this
// kind do not interrupt each other.
static void seize_core(pid_t thread)
{
	struct sched_param first = {.sched_priority = 1};
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	if (sched_setaffinity(thread, sizeof(cpus), &cpus) < 0 ||
	    sched_setscheduler(thread, SCHED_FIFO, &first) < 0)
		broken("a core for forwarding");
}

static void release_core(const cpu_set_t *before)
{
	struct sched_param none = {0};
	if (sched_setscheduler(0, SCHED_OTHER, &none) < 0 ||
	    sched_setaffinity(0, sizeof(*before), before) < 0)
		broken("giving the core back");
}

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		broken(path);
	close(fd);
}

// --- making a router ---

static int new_namespace(void)
{
	int fd;
	if (unshare(CLONE_NEWNET) < 0 ||
	    (fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
		broken("network namespace");
	return fd;
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		broken("setns");
}

static void ip(const char *commands)
{
	if (test_run(commands, (const char *const[]){"ip", "-batch", "-", NULL}))
		broken("ip");
}

static void offload(int fd, const char *interface, uint32_t command, bool on)
{
	struct ethtool_value value = {command, on};
	struct ifreq request = {.ifr_data = (char *)&value};
	memcpy(request.ifr_name, interface, strlen(interface) + 1);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		broken("ethtool");
}

// sysfs shows the network namespace in which it was mounted.
static void set_threaded(const char *interface)
{
	char path[64];
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		broken("sysfs");
	snprintf(path, sizeof(path), "/sys/class/net/%s/threaded", interface);
	put(path, "1");
	umount2("/sys", MNT_DETACH);
}

static bool is_named(const char *pid, const char *begins)
{
	char path[300], name[64] = "";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
		  !strncmp(name, begins, strlen(begins));
	if (fd >= 0)
		close(fd);
	return is;
}

// The kernel thread of the interface, known by its name: the process's number is in it, so no other has it.
static pid_t thread_of(const char *interface)
{
	char begins[IFNAMSIZ + 8];
	pid_t found = 0;
	DIR *all = opendir("/proc");
	if (!all)
		broken("/proc");
	snprintf(begins, sizeof(begins), "napi/%s-", interface);
	for (struct dirent *entry; !found && (entry = readdir(all));)
		if (is_named(entry->d_name, begins))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	closedir(all);
	if (!found)
		broken(begins);
	return found;
}

static void set_up_links(const struct traffic_router *router)
{
	char commands[1024];
	int me = (int)getpid();
	snprintf(commands, sizeof(commands),
		 "link add %s address 02:00:00:00:00:01 type veth peer name from0 netns "
		 "/proc/%d/fd/%d\n"
		 "link add out0 type veth peer name to0 netns /proc/%d/fd/%d\n"
		 "addr add 198.18.1.1/24 dev %s\naddr add 198.18.2.1/24 dev out0\n"
		 "link set %s up\nlink set out0 up\nlink set lo up\n"
		 "neigh add 198.18.2.2 lladdr 02:00:00:00:00:0c dev out0 nud permanent\n"
		 "route add default via 198.18.2.2 dev out0\n",
		 router->name, me, router->from, me, router->to, router->name, router->name);
	ip(commands);
	snprintf(commands, sizeof(commands),
		 "addr add fd00:9:1::1/64 dev %s nodad\naddr add fd00:9:2::1/64 dev out0 "
		 "nodad\n"
		 "neigh add fd00:9:2::2 lladdr 02:00:00:00:00:0c dev out0 nud permanent\n"
		 "route add default via fd00:9:2::2 dev out0\n",
		 router->name);
	ip(commands);
	put("/proc/sys/net/ipv4/ip_forward", "1");
	put("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	snprintf(commands, sizeof(commands), "/proc/sys/net/ipv4/conf/%s/rp_filter", router->name);
	put(commands, "0");
}

static void set_up_thread(struct traffic_router *router)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		broken("socket");
	offload(fd, router->name, ETHTOOL_SGRO, true); // gives the veth a ring
	close(fd);
	set_threaded(router->name);
	pid_t thread = thread_of(router->name);
	seize_core(thread);
	if (clock_getcpuclockid(thread, &router->clock))
		broken(router->name);
}

static int source_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), yes = 1;
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	address.sll_ifindex = (int)if_nametoindex("from0");
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		broken("packet socket");
	return fd;
}

// Sends whatever there is to the router.
static void set_up_source(struct traffic_router *router)
{
	enter(router->from);
	ip("link set lo up\nlink set from0 up\naddr add 198.18.1.2/24 dev from0\n"
	   "neigh add 198.18.1.1 lladdr 02:00:00:00:00:01 dev from0 nud permanent\n"
	   "route add default via 198.18.1.1\n"
	   "addr add fd00:9:1::2/64 dev from0 nodad\n"
	   "neigh add fd00:9:1::1 lladdr 02:00:00:00:00:01 dev from0 nud permanent\n"
	   "route add default via fd00:9:1::1\n");
	router->source = source_socket();
}

// Takes whatever comes for its own, once it is addressed to its interface.
static void set_up_sink(struct traffic_router *router)
{
	enter(router->to);
	ip("link set lo up\nlink set to0 up\n"
	   "route add local 0.0.0.0/0 dev lo\nroute add local ::/0 dev lo\n");
	put("/proc/sys/net/ipv4/conf/to0/rp_filter", "0");
	put("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put("/proc/sys/net/ipv4/conf/to0/accept_local", "1");
	router->sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (router->sink < 0)
		broken("socket");
}

bool traffic_init(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		puts("not measured: namespaces need privileges");
		return false;
	}
	return true;
}

struct traffic_router *traffic_open(void)
{
	static unsigned opened;
	struct traffic_router *router = base_oom(calloc(1, sizeof(*router)));
	snprintf(router->name, sizeof(router->name), "n%d.%u", (int)getpid(), opened++);
	router->from = new_namespace();
	router->to = new_namespace();
	router->ns = new_namespace();
	set_up_links(router);
	set_up_thread(router);
	router->counters[0] = open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC);
	router->counters[1] = open("/proc/thread-self/net/snmp6", O_RDONLY | O_CLOEXEC);
	set_up_sink(router);
	set_up_source(router);
	enter(router->ns);
	return router;
}

void traffic_close(struct traffic_router *router)
{
	const int fds[] = {router->source, router->sink, router->counters[0], router->counters[1],
			   router->ns,     router->from, router->to};
	for (size_t i = 0; i < array_len(fds); i++)
		close(fds[i]);
	free(router);
}

// --- measuring ---

// The next `n` of the load, from `at` on.
static void send_some(int fd, const struct traffic_load *load, size_t at, unsigned n)
{
	struct mmsghdr message[AT_ONCE] = {0};
	struct iovec part[AT_ONCE];
	for (unsigned i = 0; i < n; i++) {
		const struct traffic_frame *f = &load->frame[(at + i) % load->len];
		part[i] = (struct iovec){(void *)f->data, f->len};
		message[i].msg_hdr = (struct msghdr){.msg_iov = &part[i], .msg_iovlen = 1};
	}
	if (sendmmsg(fd, message, n, 0) != (int)n)
		broken("sendmmsg");
}

static double read_clock(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t) < 0)
		broken("clock of a thread");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// The number at this place, from 1, behind a name.
static uint64_t counter(int fd, const char *name, unsigned place)
{
	char text[8192];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	char *at = strstr(text, name);
	if (!at)
		broken("counters of forwarding");
	uint64_t count = 0;
	for (at += strlen(name); place; place--)
		count = strtoull(at, &at, 10);
	return count;
}

static uint64_t forwarded(const struct traffic_router *router)
{
	return counter(router->counters[0], "\nIp: ", 6) +
	       counter(router->counters[1], "Ip6OutForwDatagrams", 1);
}

// Turns of sending and, when the sender makes way, forwarding. Returns how many packets that were.
static uint64_t run(const struct traffic_router *router, const struct traffic_load *load,
		    double seconds)
{
	uint64_t sent = 0;
	unsigned n = 6; // more when that takes little time
	for (double begin = figure_seconds(), last = begin; last - begin < seconds;) {
		send_some(router->source, load, sent, n);
		sent += n;
		sched_yield();
		double now = figure_seconds();
		if (now - last < TURN && n < AT_ONCE)
			n *= 2;
		last = now;
	}
	return sent;
}

static struct traffic_rate measure_frames(const struct traffic_router *router,
					  const struct traffic_load *load, clockid_t clock,
					  double seconds)
{
	(void)run(router, load, seconds / 2);
	uint64_t before = forwarded(router);
	double begin = read_clock(clock);
	uint64_t sent = run(router, load, seconds);
	double took = read_clock(clock) - begin;
	uint64_t packets = forwarded(router) - before;
	return (struct traffic_rate){.ns = took * 1e9 / (double)packets,
				     .forwarded = (double)packets / (double)sent};
}

// The router sends to this address; a sink that has another one drops what comes, and nothing more is done there.
static void let_arrive(const struct traffic_router *router, bool arrive)
{
	struct ifreq request = {.ifr_name = "to0", .ifr_hwaddr = {.sa_family = ARPHRD_ETHER}};
	const uint8_t address[6] = {2, 0, 0, 0, 0, arrive ? 0x0c : 0x0d};
	memcpy(request.ifr_hwaddr.sa_data, address, sizeof(address));
	if (ioctl(router->sink, SIOCSIFHWADDR, &request) < 0)
		broken("the sink's address");
}

static struct traffic_rate measure_datagrams(const struct traffic_router *router,
					     const struct traffic_load *load, double seconds)
{
	struct sockets *s = sockets_open(router->from, router->to, load);
	let_arrive(router, true);
	(void)sockets_run(s, seconds / 2);
	double begin = read_clock(CLOCK_THREAD_CPUTIME_ID);
	struct sockets_count count = sockets_run(s, seconds);
	double took = read_clock(CLOCK_THREAD_CPUTIME_ID) - begin;
	let_arrive(router, false);
	sockets_close(s);
	enter(router->ns);
	return (struct traffic_rate){.ns = took * 1e9 / (double)count.received,
				     .forwarded = (double)count.received / (double)count.sent};
}

struct traffic_rate traffic_measure(struct traffic_router *router, const struct traffic_load *load,
				    enum traffic_lane lane, double seconds)
{
	struct traffic_rate rate;
	clockid_t clock = lane == TRAFFIC_WHOLE ? CLOCK_THREAD_CPUTIME_ID : router->clock;
	offload(router->source, "from0", ETHTOOL_STSO,
		lane != TRAFFIC_ROUTER); // without: by the ring
	cpu_set_t before_that;
	if (sched_getaffinity(0, sizeof(before_that), &before_that) < 0)
		broken("sched_getaffinity");
	seize_core(0);
	if (lane == TRAFFIC_SOCKETS)
		rate = measure_datagrams(router, load, seconds);
	else
		rate = measure_frames(router, load, clock, seconds);
	release_core(&before_that);
	return rate;
}
