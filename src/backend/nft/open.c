// SPDX-License-Identifier: Apache-2.0
// Opening and closing, counters, and watching for changes by others. The watching socket has a filter
// that drops what our own port id caused; what arrives there was somebody else. It does not listen while a whole policy is
// put in force. Losing notifications counts as a change.
#include "backend/nft/open.h"
#include "backend/nft/live.h"
#include "backend/nft/table.h"
#include "base/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCH_BYTES 65536u
#define MISSED NLMSG_NOOP // a message to ourselves: somebody may have changed something

static bool good_name(const char *name)
{
	size_t len = strlen(name);
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
		   *all = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	return len && len <= 32 && strchr(letters, name[0]) && strspn(name, all) == len;
}

static int filter_own(int fd, uint32_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = array_len(code), .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int subscribe(int fd, int option)
{
	int group = NFNLGRP_NFTABLES;
	return setsockopt(fd, SOL_NETLINK, option, &group, sizeof(group)) < 0 ? -errno : 0;
}

// Filter first, subscribe then: nothing of our own slips in between.
static int open_watch(uint32_t port, int *out)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	int error = filter_own(fd, port);
	if (!error && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		error = -errno;
	if (!error)
		error = subscribe(fd, NETLINK_ADD_MEMBERSHIP);
	if (error)
		close(fd);
	else
		*out = fd;
	return error;
}

int backend_nft_open(const struct backend_nft_options *options, struct diags *diags,
		     struct backend_nft **out)
{
	const char *table = options && options->table ? options->table : "bulwark";
	if (!good_name(table)) {
		diag_error(diags, DIAG_VALUE, NULL, "use 1 to 32 letters, digits and underscores",
			   "nft: '%s' is no name for a table", table);
		return -EINVAL;
	}
	struct backend_nft *nft = base_oom(calloc(1, sizeof(*nft)));
	arena_init(&nft->others.arena);
	nft_changed_init(&nft->changed);
	nft->watch = -1;
	if (options)
		nft->options = *options;
	memcpy(nft->table, table, strlen(table) + 1);
	nft->options.table = nft->table;
	int error = nft_socket_open(&nft->socket);
	if (!error)
		error = open_watch(nft->socket.port, &nft->watch);
	if (error) {
		nft_add_error(diags, error, "opening netlink");
		backend_nft_close(nft);
		return error;
	}
	*out = nft;
	return 0;
}

// The old socket belongs to the original, and so does what is known of its transactions.
int backend_nft_apart(struct backend_nft *nft, void (*read)(void *context), void *context)
{
	uint32_t commits = nft->socket.commits;
	int error = nft_socket_open(&nft->socket);
	nft->socket.commits = commits;
	nft->watch = -1;
	nft->apart.read = read;
	nft->apart.context = context;
	return error;
}

void backend_nft_close(struct backend_nft *nft)
{
	if (!nft)
		return;
	nft_live_free(nft->live);
	base_close(&nft->watch);
	nft_socket_close(&nft->socket);
	arena_fini(&nft->others.arena);
	nft_changed_fini(&nft->changed);
	free(nft);
}

// --- watching ---

int backend_nft_watch_fd(const struct backend_nft *nft)
{
	return nft->watch;
}

// As long as anybody listens the kernel writes every object down that changes: a third of the time that a policy takes,
// for messages that the filter drops. So nobody listens meanwhile; the kernel's number of changes tells whether there
// were others.
void nft_watch_pause(struct backend_nft *nft)
{
	nft->pause.known = !nft_generation(&nft->socket, &nft->pause.since.changes);
	nft->pause.since.commits = nft->socket.commits;
	(void)subscribe(nft->watch, NETLINK_DROP_MEMBERSHIP);
}

// A message to itself makes the descriptor readable.
static void tell_missed(struct backend_nft *nft)
{
	struct sockaddr_nl self;
	socklen_t len = sizeof(self);
	const struct nlmsghdr missed = {.nlmsg_len = sizeof(missed), .nlmsg_type = MISSED};
	if (!getsockname(nft->watch, (struct sockaddr *)&self, &len))
		(void)sendto(nft->watch, &missed, sizeof(missed), 0, (struct sockaddr *)&self, len);
}

void nft_watch_resume(struct backend_nft *nft)
{
	uint32_t now;
	bool listens = !subscribe(nft->watch, NETLINK_ADD_MEMBERSHIP),
	     alone = nft->pause.known && nft_only_ours(&nft->socket, nft->pause.since, &now);
	if (!listens || !alone)
		tell_missed(nft);
}

// Every object's first attribute is its table; the number of a generation has none.
static bool concerns(const struct backend_nft *nft, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	size_t len = strlen(nft->table) + 1;
	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    (nlh->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) || nfg->nfgen_family != NFPROTO_INET)
		return false;
	for (attr = nft_message_next(nlh, NULL); attr; attr = nft_message_next(nlh, attr))
		if (mnl_attr_get_type(attr) == 1)
			return mnl_attr_get_payload_len(attr) == len &&
			       !memcmp(mnl_attr_get_payload(attr), nft->table, len);
	return false;
}

bool backend_nft_watch_drain(struct backend_nft *nft)
{
	char room[WATCH_BYTES] __attribute__((aligned(8)));
	bool changed = false;
	for (;;) {
		ssize_t got = recv(nft->watch, room, sizeof(room), MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			changed |= errno == ENOBUFS;
		if (got < 0 && errno != ENOBUFS)
			return changed;
		if (got > (ssize_t)sizeof(room)) {
			changed = true; // cut off: who knows
			continue;
		}
		int left = got < 0 ? 0 : (int)got;
		for (const struct nlmsghdr *nlh = (void *)room; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			changed |= nlh->nlmsg_type == MISSED || concerns(nft, nlh);
	}
}

// --- counters ---

int nft_read_counts(struct backend_nft *nft, uint32_t generation, struct nft_counts *counts)
{
	struct nft_table table = {0};
	int error = nft_table_read(&nft->socket, nft->table, NFT_COUNTERS, counts->arena, &table);
	uint32_t of, wanted = generation ? generation : table.generation;
	for (size_t i = 0; !error && i < table.chain.len; i++) {
		const struct nft_dumped_chain *chain = table.chain.at[i];
		if (!nft_generation_of(chain->name, &of) || of != wanted)
			continue;
		for (size_t k = 0; k < chain->rule.len; k++)
			nft_counts_add(counts, &chain->rule.at[k]);
	}
	for (size_t i = 0; !error && i < table.set.len; i++)
		if (nft_generation_of(table.set.at[i]->name, &of) && of == wanted)
			nft_set_count(table.set.at[i], counts);
	return error;
}

size_t backend_nft_replaced(const struct backend_nft *nft)
{
	return nft->replaced;
}

// Who has put a policy in force himself knows the number of each rule, and what was counted in kernel rules that are gone.
int backend_nft_counters(struct backend_nft *nft, const struct ir_ruleset *lowered,
			 struct arena *arena, struct backend_counters *out)
{
	const struct nft_live *live = nft->live;
	struct nft_counts counts = {
		.arena = arena, .numbers = live ? live->numbers : IR_RULES_MOST, .named = !live};
	int error = nft_read_counts(nft, 0, &counts);
	if (live)
		nft_counts_join(&counts, &live->counts);
	size_t rules = live ? live->rule.len : lowered->rule.len;
	*out = (struct backend_counters){.rule = arena_array(arena, struct backend_count, rules),
					 .rules = rules,
					 .by_default = counts.by_default,
					 .no_flow = counts.no_flow};
	for (size_t i = 0; live && i < rules; i++)
		out->rule[i] = nft_counts_of(&counts, live->rule.at[i].number);
	if (!live)
		nft_counts_place(&counts, lowered, arena, out->rule);
	return error;
}

// --- as a back end ---

static struct backend_nft *of(const struct backend *backend)
{
	return (struct backend_nft *)backend;
}

static int ops_open(struct diags *diags, struct backend **out)
{
	struct backend_nft *nft;
	int error = backend_nft_open(NULL, diags, &nft);
	if (!error)
		*out = (struct backend *)nft;
	return error;
}

static int ops_change(struct backend *backend, const struct ir_ruleset *lowered,
		      const struct backend_edit *edit, size_t edits, struct diags *diags)
{
	return backend_nft_change(of(backend), lowered, edit, edits, diags);
}

static int ops_settle(struct backend *backend, const struct ir_ruleset *lowered,
		      struct diags *diags)
{
	return backend_nft_settle(of(backend), lowered, diags);
}

static void ops_close(struct backend *backend)
{
	backend_nft_close(of(backend));
}

static bool ops_check(const struct backend *backend, const struct ir_ruleset *lowered,
		      struct diags *diags)
{
	(void)backend;
	return backend_nft_check(lowered, diags);
}

static int ops_apply(struct backend *backend, const struct ir_ruleset *lowered, struct diags *diags)
{
	return backend_nft_apply(of(backend), lowered, diags);
}

static int ops_clear(struct backend *backend, struct diags *diags)
{
	return backend_nft_clear(of(backend), diags);
}

static int ops_read_back(struct backend *backend, struct arena *arena, struct backend_state *out)
{
	return backend_nft_read_back(of(backend), arena, out);
}

static int ops_compare(struct backend *backend, const struct ir_ruleset *lowered,
		       struct backend_differences *out)
{
	return backend_nft_compare(of(backend), lowered, out);
}

static int ops_compare_changed(struct backend *backend, const struct ir_ruleset *lowered,
			       struct backend_differences *out)
{
	return backend_nft_compare_changed(of(backend), lowered, out);
}

static int ops_apart(struct backend *backend, void (*read)(void *context), void *context)
{
	return backend_nft_apart(of(backend), read, context);
}

static void ops_proven(const struct backend *backend, struct buf *out)
{
	backend_nft_proven((const struct backend_nft *)backend, out);
}

static void ops_adopt(struct backend *backend, const void *proven, size_t len)
{
	backend_nft_adopt(of(backend), proven, len);
}

static int ops_others(struct backend *backend, const struct ir_ruleset *lowered,
		      struct backend_others *out)
{
	return backend_nft_others(of(backend), lowered, out);
}

static int ops_counters(struct backend *backend, const struct ir_ruleset *lowered,
			struct arena *arena, struct backend_counters *out)
{
	return backend_nft_counters(of(backend), lowered, arena, out);
}

static int ops_watch_fd(const struct backend *backend)
{
	return backend_nft_watch_fd(of(backend));
}

static bool ops_watch_drain(struct backend *backend)
{
	return backend_nft_watch_drain(of(backend));
}

static int ops_pinhole_open(struct backend *backend, const struct backend_pinhole *pinhole,
			    struct diags *diags)
{
	return backend_nft_pinhole_open(of(backend), pinhole, diags);
}

static int ops_pinhole_close(struct backend *backend, const char *name, struct diags *diags)
{
	return backend_nft_pinhole_close(of(backend), name, diags);
}

static int ops_pinhole_list(struct backend *backend, struct backend_pinholes *out)
{
	return backend_nft_pinhole_list(of(backend), out);
}

static int ops_pinhole_purge(struct backend *backend)
{
	return backend_nft_pinhole_purge(of(backend));
}

enum {
	CAPABILITIES = 0
#define X(leaf_list, identity) +1
#include "backend/nft/capability.def"
#undef X
};

const struct backend_ops backend_nft_ops = {
	.name = "nft",
	.capabilities = backend_nft_capabilities,
	.capabilities_len = CAPABILITIES,
	.open = ops_open,
	.close = ops_close,
	.check = ops_check,
	.apply = ops_apply,
	.change = ops_change,
	.settle = ops_settle,
	.clear = ops_clear,
	.read_back = ops_read_back,
	.compare = ops_compare,
	.compare_changed = ops_compare_changed,
	.apart = ops_apart,
	.proven = ops_proven,
	.adopt = ops_adopt,
	.others = ops_others,
	.counters = ops_counters,
	.watch_fd = ops_watch_fd,
	.watch_drain = ops_watch_drain,
	.pinhole_open = ops_pinhole_open,
	.pinhole_close = ops_pinhole_close,
	.pinhole_list = ops_pinhole_list,
	.pinhole_purge = ops_pinhole_purge,
};
