// SPDX-License-Identifier: Apache-2.0
// Giving up privilege: capabilities, users, children that never had any, and the sandbox of what parses bytes from the
// network. The only folder that knows libcap, libseccomp and Landlock. Everything here is one-way.
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct diags;

// --- users ---

struct priv_user {
	uid_t uid;
	gid_t gid;
};
// "65533", "65533:65533" (UID:GID) or a name of the user database (its group is the user's own). Not root. A diag
// otherwise.
bool priv_user_parse(const char *text, struct diags *diags, struct priv_user *out) must_check;

// --- capabilities ---

// Numbers of linux/capability.h.
struct priv_caps {
	const int *effective;
	size_t effective_len;
	const int *held; // kept, but effective only within priv_spawn and priv_kill
	size_t held_len;
};
// Gives up every other capability for good, for this process and all it starts: permitted, effective, inheritable,
// ambient and bounding set; no new privileges by exec. 0 or a negative errno (-EPERM: one is to be kept that is not
// there).
int priv_keep(const struct priv_caps *caps) must_check;

// --- children ---

#define PRIV_FDS_MOST 16u
struct priv_spawn {
	int exe;                 // O_PATH descriptor of the program, as priv_self opens it
	const char *const *argv; // NULL-terminated; argv[0] is what shows in ps
	const int
		*fd; // become 3, 4, … of the child; every other descriptor above 2 is closed there
	size_t fds;
	const struct priv_user *user; // NULL: it stays who it is, for user namespaces with one user
};
// Starts the program as that user with no capability, no group but its own, an empty environment, /dev/null as standard
// input and no way to new privileges; it is killed when the calling thread ends. 0 or a negative errno, of the child's
// steps too.
int priv_spawn(const struct priv_spawn *spawn, pid_t *pid_out) must_check;
// Of the running program. Negative errno.
int priv_self(int *fd_out) must_check;
// Sends a signal to a child that runs as another user. 0 or a negative errno.
int priv_kill(pid_t pid, int signal_number) must_check;

// --- the sandbox ---

struct priv_sandbox {
	const char *const *
		readable; // NULL-terminated: directories (and what is below) and files that may be read
};
// From now on this process (call it before other threads start) can
// - read what was named, and open no other file, nor write, make or remove any (Landlock);
// - use the sockets and descriptors that it has, accept connections, and make no socket (seccomp);
// - start no program and no process, change no identity, map nothing executable, trace or signal nobody but itself.
// What is refused fails with EPERM or EACCES. A diag, and false, when the kernel cannot do one of it: the caller must
// then not go on. Old kernels that know Landlock without its newer parts are fine; seccomp covers those.
bool priv_sandbox_enter(const struct priv_sandbox *sandbox, struct diags *diags) must_check;
