// SPDX-License-Identifier: Apache-2.0
// Batches: one sendmsg is one transaction. Only the last message asks for an acknowledgement; the
// kernel reports every message that fails, and it works the batch off before sendmsg returns, so
// whatever there is to read is there then. Errors are assigned to rules by sequence number. Where a batch may go in parts,
// sendmsg is called in a thread: writing messages takes nearly as long as what the kernel does with them.
#include "backend/nft/netlink.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SEND_WANTED (16 << 20)
#define RECEIVE_WANTED (16 << 20)
#define RECEIVE_BYTES 65536u
#define SEND_LEAST 65536u
#define PART_BYTES (2u << 20) // of a batch that may be split
#define TRIES 100             // a millisecond after each other
#define PATIENCE 10           // seconds for an answer of the kernel

// As much as may be had: SO_*BUFFORCE needs CAP_NET_ADMIN over the whole machine.
static void widen(int fd, int force, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

static size_t send_room(int fd)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &len) < 0 || bytes < (int)SEND_LEAST)
		return SEND_LEAST;
	return (size_t)bytes - 4096; // the kernel keeps a little for itself
}

int nft_socket_open(struct nft_socket *s)
{
	struct timeval patience = {.tv_sec = PATIENCE};
	*s = (struct nft_socket){.nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
	if (!s->nl)
		return -errno;
	if (mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int error = -errno;
		nft_socket_close(s);
		return error;
	}
	int fd = mnl_socket_get_fd(s->nl);
	widen(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_WANTED);
	widen(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_WANTED);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	s->port = mnl_socket_get_portid(s->nl);
	s->send_most = send_room(fd);
	return 0;
}

void nft_socket_close(struct nft_socket *s)
{
	if (s->nl)
		mnl_socket_close(s->nl);
	*s = (struct nft_socket){0};
}

int nft_socket_fd(const struct nft_socket *s)
{
	return mnl_socket_get_fd(s->nl);
}

// --- parts of batches ---

// `put`: nftnl_batch_begin or nftnl_batch_end.
static void put_frame(struct nft_batch *batch, struct nlmsghdr *(*put)(char *, uint32_t))
{
	struct nlmsghdr *nlh = put(buf_reserve(&batch->part.buf, NFT_MESSAGE_MOST), 0);
	buf_advance(&batch->part.buf, nlh->nlmsg_len);
	vec_push(batch->arena, &batch->part.owner, NFT_NO_OWNER);
}

static void empty(struct nft_batch *batch)
{
	buf_clear(&batch->part.buf);
	batch->part.owner.len = 0;
	put_frame(batch, nftnl_batch_begin);
}

// Numbers the messages and has the last one before the end acknowledged. Returns its number.
static uint32_t number(struct nft_socket *s, struct nft_messages *part)
{
	uint32_t first = s->seq + 1;
	struct nlmsghdr *before = NULL, *last = NULL;
	for (size_t at = 0, i = 0; at < part->buf.len; i++) {
		struct nlmsghdr *nlh = (void *)(part->buf.data + at);
		nlh->nlmsg_seq = first + (uint32_t)i;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
		before = last;
		last = nlh;
	}
	assert(before && last);
	before->nlmsg_flags |= NLM_F_ACK;
	s->seq = last->nlmsg_seq;
	return before->nlmsg_seq;
}

// ENOBUFS: the kernel had no memory for the message at that moment.
static bool comes_again(int error, unsigned *tries)
{
	static const struct timespec moment = {.tv_nsec = 1000000};
	if (error != ENOBUFS)
		return error == EINTR;
	(void)nanosleep(&moment, NULL);
	return ++*tries < TRIES;
}

static int send_all(const struct nft_socket *s, const void *data, size_t len)
{
	unsigned tries = 0;
	int error;
	do
		error = mnl_socket_sendto(s->nl, data, len) < 0 ? errno : 0;
	while (error && comes_again(error, &tries));
	return -error;
}

// A part that is sent. While a thread does it nobody else touches the errand, nor the socket.
struct nft_errand {
	const struct nft_batch *batch; // where echoes go
	struct nft_socket *socket;
	struct nft_messages part;
	uint32_t first, wanted; // numbers of the first message, and of the one to be acknowledged
	bool acknowledged;
	struct nft_fault fault;
	bool under_way, aside; // until it is finished; in a thread
	pthread_t thread;
};

static bool is_echo(const struct nft_batch *batch, const struct nlmsghdr *nlh)
{
	return batch->heard && nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE) &&
	       mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nfgenmsg);
}

static void take_answer(struct nft_errand *e, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);
	uint32_t at = nlh->nlmsg_seq - e->first;
	if (at >= e->part.owner.len)
		return; // of an earlier request
	if (is_echo(e->batch, nlh))
		(void)e->batch->heard(nlh, e->batch->context);
	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*answer))
		return;
	if (!answer->error && nlh->nlmsg_seq == e->wanted)
		e->acknowledged = true;
	if (answer->error && !e->fault.error)
		e->fault = (struct nft_fault){answer->error, e->part.owner.at[at]};
}

// Everything that is there to read; a lost message can only be one of many errors.
static void take_answers(struct nft_errand *e)
{
	char room[RECEIVE_BYTES] __attribute__((aligned(8)));
	for (;;) {
		ssize_t got = recv(nft_socket_fd(e->socket), room, sizeof(room), MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (got <= 0)
			return;
		int left = (int)got;
		for (const struct nlmsghdr *nlh = (void *)room; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			take_answer(e, nlh);
	}
}

// The batch's part becomes an errand, and the batch goes on with an empty one.
static void begin(struct nft_batch *batch, struct nft_socket *s)
{
	if (!batch->errand) {
		batch->errand = arena_new(batch->arena, struct nft_errand);
		buf_init(&batch->errand->part.buf);
	}
	struct nft_errand *e = batch->errand;
	struct nft_messages room = e->part;
	put_frame(batch, nftnl_batch_end);
	*e = (struct nft_errand){.batch = batch,
				 .socket = s,
				 .part = batch->part,
				 .first = s->seq + 1,
				 .fault = {.owner = NFT_NO_OWNER},
				 .under_way = true};
	e->wanted = number(s, &e->part);
	batch->part = room;
	empty(batch);
}

static void *run_errand(void *context)
{
	struct nft_errand *e = context;
	int error = send_all(e->socket, e->part.buf.data, e->part.buf.len);
	if (!error)
		take_answers(e);
	if (!error)
		error = e->fault.error ? e->fault.error : e->acknowledged ? 0 : -EIO;
	e->fault.error = error;
	return NULL;
}

// Without a thread it takes longer, that is all.
static void send_aside(struct nft_errand *e)
{
	e->aside = !pthread_create(&e->thread, NULL, run_errand, e);
	if (!e->aside)
		(void)run_errand(e);
}

static void finish(struct nft_batch *batch)
{
	struct nft_errand *e = batch->errand;
	if (!e || !e->under_way)
		return;
	if (e->aside)
		pthread_join(e->thread, NULL);
	e->under_way = false;
	e->socket->commits += !e->fault.error;
	batch->fault = e->fault;
}

// --- batches ---

void nft_batch_init(struct nft_batch *batch, struct arena *arena)
{
	*batch = (struct nft_batch){.arena = arena, .fault.owner = NFT_NO_OWNER};
	buf_init(&batch->part.buf);
	empty(batch);
}

void nft_batch_fini(struct nft_batch *batch)
{
	finish(batch);
	if (batch->errand)
		buf_fini(&batch->errand->part.buf);
	buf_fini(&batch->part.buf);
}

void nft_batch_split(struct nft_batch *batch, struct nft_socket *s)
{
	batch->socket = s;
}

void nft_batch_hear(struct nft_batch *batch, nft_dump_fn heard, void *context)
{
	batch->heard = heard;
	batch->context = context;
}

// Before the next message makes the part larger than it should be. At most one part is on its way.
static void send_when_full(struct nft_batch *batch)
{
	size_t most = batch->socket->send_most < PART_BYTES ? batch->socket->send_most : PART_BYTES;
	if (batch->part.buf.len + NFT_MESSAGE_MOST < most)
		return;
	finish(batch);
	if (batch->fault.error) {
		empty(batch);
		return;
	}
	begin(batch, batch->socket);
	send_aside(batch->errand);
}

struct nlmsghdr *nft_batch_open(struct nft_batch *batch, uint16_t type, uint16_t flags,
				uint32_t owner)
{
	assert(!batch->open);
	if (batch->socket)
		send_when_full(batch);
	bool echo = batch->heard && type == NFT_MSG_DELRULE;
	struct nlmsghdr *nlh =
		nftnl_nlmsg_build_hdr(buf_reserve(&batch->part.buf, NFT_MESSAGE_MOST), type,
				      NFPROTO_INET, (uint16_t)(flags | (echo ? NLM_F_ECHO : 0)), 0);
	batch->open = nlh;
	vec_push(batch->arena, &batch->part.owner, owner);
	return nlh;
}

void nft_batch_close(struct nft_batch *batch)
{
	assert(batch->open && batch->open->nlmsg_len <= NFT_MESSAGE_MOST);
	if (batch->wrote)
		batch->wrote(batch->writer, batch->open);
	buf_advance(&batch->part.buf, NLMSG_ALIGN(batch->open->nlmsg_len));
	batch->open = NULL;
}

int nft_batch_run(struct nft_socket *s, struct nft_batch *batch, struct nft_fault *fault_out)
{
	finish(batch);
	if (!batch->fault.error && batch->part.owner.len > 1) {
		begin(batch, s);
		(void)run_errand(batch->errand);
		finish(batch);
	}
	*fault_out = batch->fault;
	empty(batch);
	batch->socket = NULL;
	batch->fault = (struct nft_fault){.owner = NFT_NO_OWNER};
	return fault_out->error;
}

// --- dumps ---

static void put_request(struct nft_socket *s, const struct nft_dump *dump, char *room)
{
	struct nlmsghdr *nlh =
		nftnl_nlmsg_build_hdr(room, dump->type, dump->family ? dump->family : NFPROTO_INET,
				      dump->single ? NLM_F_ACK : NLM_F_DUMP, ++s->seq);
	if (dump->table)
		mnl_attr_put_strz(nlh, 1, dump->table);
	if (dump->name)
		mnl_attr_put_strz(nlh, dump->type == NFT_MSG_GETCHAIN ? NFTA_CHAIN_NAME : 2,
				  dump->name);
}

enum { DUMP_MORE = 1 };

// DUMP_MORE while further messages are to come, 0 at the end.
static int take_dumped(const struct nft_socket *s, const struct nft_dump *dump,
		       const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != s->seq)
		return DUMP_MORE;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
		return mnl_nlmsg_get_payload_len(nlh) < sizeof(*e) ? -EBADMSG : e->error;
	}
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	int error = dump->each(nlh, dump->context);
	return error ? error : DUMP_MORE;
}

int nft_dump_run(struct nft_socket *s, const struct nft_dump *dump)
{
	char room[RECEIVE_BYTES] __attribute__((aligned(8)));
	put_request(s, dump, room);
	int status = send_all(s, room, ((struct nlmsghdr *)room)->nlmsg_len);
	if (status)
		return status;
	status = DUMP_MORE;
	while (status == DUMP_MORE) {
		ssize_t got = recv(nft_socket_fd(s), room, sizeof(room), 0);
		// What is dumped waits for room; what there was none for belonged to an earlier request.
		if (got < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		int left = (int)got;
		for (const struct nlmsghdr *nlh = (void *)room;
		     status == DUMP_MORE && mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			status = take_dumped(s, dump, nlh);
	}
	return status;
}

const struct nlattr *nft_attr_next(const struct nlattr *nest, const struct nlattr *before)
{
	const char *end = (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
	const struct nlattr *at = before ? mnl_attr_next(before) : mnl_attr_get_payload(nest);
	return mnl_attr_ok(at, (int)(end - (const char *)at)) ? at : NULL;
}

const struct nlattr *nft_message_next(const struct nlmsghdr *message, const struct nlattr *before)
{
	const char *end = mnl_nlmsg_get_payload_tail(message);
	const struct nlattr *at =
		before ? mnl_attr_next(before)
		       : mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
	return mnl_attr_ok(at, (int)(end - (const char *)at)) ? at : NULL;
}

static int take_generation(const struct nlmsghdr *nlh, void *context)
{
	const struct nlattr *attr;
	uint32_t *out = context;
	for (attr = nft_message_next(nlh, NULL); attr; attr = nft_message_next(nlh, attr))
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID && mnl_attr_get_payload_len(attr) == 4)
			*out = ntohl(mnl_attr_get_u32(attr));
	return 0;
}

int nft_generation(struct nft_socket *s, uint32_t *out)
{
	const struct nft_dump dump = {
		.type = NFT_MSG_GETGEN, .single = true, .each = take_generation, .context = out};
	return nft_dump_run(s, &dump);
}

bool nft_only_ours(struct nft_socket *s, struct nft_moment since, uint32_t *now_out)
{
	return !nft_generation(s, now_out) &&
	       *now_out - since.changes == s->commits - since.commits;
}
