// SPDX-License-Identifier: Apache-2.0
// Netlink to nf_tables: batches that the kernel takes whole or not at all, and dumps.
#pragma once

#include "base/buf.h"
#include "base/arena.h"

struct mnl_socket;
struct nlmsghdr;
struct nlattr;

struct nft_socket {
	struct mnl_socket *nl;
	uint32_t port, seq;
	uint32_t commits; // transactions that the kernel has taken
	size_t send_most; // bytes of one batch
};

// 0 or a negative errno.
int nft_socket_open(struct nft_socket *socket) must_check;
void nft_socket_close(struct nft_socket *socket);
int nft_socket_fd(const struct nft_socket *socket) must_check;

// Called for each message of a dump, or that a batch echoes; its attributes begin behind the nfgenmsg. A negative errno
// ends a dump.
typedef int (*nft_dump_fn)(const struct nlmsghdr *message, void *context);

// What the kernel refused: a negative errno and whose message it was.
struct nft_fault {
	int error;
	uint32_t owner;
};

// The messages of one transaction. Every message has an owner: the index of the rule that it is for,
// or NFT_NO_OWNER.
struct nft_messages {
	struct buf buf;
	VEC(uint32_t) owner;
};
struct nft_errand;
// A transaction being written, or one of several.
struct nft_batch {
	struct arena *arena;
	struct nft_messages part;
	struct nlmsghdr *open;     // the message being written
	struct nft_socket *socket; // goes there in parts; NULL: as one transaction
	struct nft_errand
		*errand;        // the part before, on its way to the kernel; NULL: there was none
	struct nft_fault fault; // of a part
	nft_dump_fn heard;      // is told the rules that are deleted; NULL: nobody is
	void *context;
	void (*wrote)(void *context, const struct nlmsghdr *message); // sees each message; NULL
	void *writer;                                                 // its context
};
#define NFT_NO_OWNER UINT32_MAX
// A message must not be longer; attributes are written without asking for room.
#define NFT_MESSAGE_MOST 131072u

void nft_batch_init(struct nft_batch *batch, struct arena *arena);
void nft_batch_fini(struct nft_batch *batch);
// Opens a message of nf_tables for the inet family, NFT_MSG_..., with these flags beside
// NLM_F_REQUEST. Write attributes to it, then nft_batch_close it.
struct nlmsghdr *nft_batch_open(struct nft_batch *batch, uint16_t type, uint16_t flags,
				uint32_t owner) must_check;
void nft_batch_close(struct nft_batch *batch);

// Until the next run the batch goes to the kernel in parts, each a transaction of its own: for what nothing leads to
// yet. The kernel works off one part, in a thread of its own, while the next one is written; so the socket is not to be
// used for anything else until then. After a fault nothing more is sent.
void nft_batch_split(struct nft_batch *batch, struct nft_socket *socket);
// Rules whose deletion is written from here on are told whole when it is in force: NFT_MSG_DELRULE, with the counters as
// they are then. Until the batch ends.
void nft_batch_hear(struct nft_batch *batch, nft_dump_fn heard, void *context);
// Sends the batch and empties it. 0, or a negative errno and the first fault: then the kernel has
// done nothing of it (of the last part).
int nft_batch_run(struct nft_socket *socket, struct nft_batch *batch,
		  struct nft_fault *fault_out) must_check;

// What a dump asks for; NULL names are left out.
struct nft_dump {
	uint16_t type;            // NFT_MSG_GET...
	uint8_t family;           // NFPROTO_..., 0: inet
	bool single;              // one object instead of a list
	const char *table, *name; // of the table, and of the object or the chain of rules
	nft_dump_fn each;
	void *context;
};
// -EINTR when the tables changed meanwhile: begin again. -ENOENT when what was asked for is not there.
int nft_dump_run(struct nft_socket *socket, const struct nft_dump *dump) must_check;

// The attributes inside `nest`, one after the other: the first when `before` is NULL; NULL at the end.
const struct nlattr *nft_attr_next(const struct nlattr *nest,
				   const struct nlattr *before) must_check;

// The same for the attributes of a message, behind its nfgenmsg.
const struct nlattr *nft_message_next(const struct nlmsghdr *message,
				      const struct nlattr *before) must_check;

// The number of the last change of any table of the network namespace. 0 or a negative errno.
int nft_generation(struct nft_socket *socket, uint32_t *out) must_check;
// That number at some moment, and how many transactions of this socket the kernel had taken.
struct nft_moment {
	uint32_t changes, commits;
};
// Whether all changes since then were made by this socket. *now_out: the number of the last one.
bool nft_only_ours(struct nft_socket *socket, struct nft_moment since,
		   uint32_t *now_out) must_check;
