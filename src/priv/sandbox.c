// SPDX-License-Identifier: Apache-2.0
// The sandbox of a process that parses bytes from the network: it works with what it was given. The one idea: two
// independent walls. Landlock says which files exist for it, seccomp which system calls; what one of them misses on an
// older kernel, the other still refuses.
// What it does not: limit memory or processor time; the service manager does.
// landlock(7), seccomp(2).
#include "priv/priv.h"

#include "base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Parts of Landlock that are newer than the build's headers; names of our own where those lack them.
enum {
	ACCESS_ABI_1 = (1 << 13) - 1, // execute … make_sym
	ACCESS_REFER = 1 << 13,       // ABI 2
	ACCESS_TRUNCATE = 1 << 14,    // ABI 3
	ACCESS_IOCTL = 1 << 15,       // ABI 5
	NET_BIND_CONNECT = 3,         // ABI 4
	SCOPE_ABSTRACT_SIGNAL = 3,    // ABI 6
	READ_FILE = LANDLOCK_ACCESS_FS_READ_FILE,
	READ_DIR = LANDLOCK_ACCESS_FS_READ_DIR,
};
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

static bool fault(struct diags *diags, const char *what, int error)
{
	diag_error(diags, DIAG_UNSUPPORTED, NULL,
		   "use a kernel with CONFIG_SECURITY_LANDLOCK and CONFIG_SECCOMP_FILTER, and name "
		   "landlock in its lsm= list",
		   "the sandbox cannot be entered: %s: %s", what, strerror(error));
	return false;
}

// --- files ---

static size_t describe(int abi, struct ruleset_attr *attr)
{
	attr->fs = ACCESS_ABI_1 | (abi >= 2 ? ACCESS_REFER : 0) | (abi >= 3 ? ACCESS_TRUNCATE : 0) |
		   (abi >= 5 ? ACCESS_IOCTL : 0);
	attr->net = abi >= 4 ? NET_BIND_CONNECT : 0;
	attr->scoped = abi >= 6 ? SCOPE_ABSTRACT_SIGNAL : 0;
	return abi >= 6 ? sizeof(*attr) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int allow_reading(int ruleset, const char *path)
{
	struct stat st;
	cleanup(base_close) int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	struct landlock_path_beneath_attr rule = {
		.allowed_access = S_ISDIR(st.st_mode) ? READ_FILE | READ_DIR : READ_FILE,
		.parent_fd = fd,
	};
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

static bool restrict_files(const struct priv_sandbox *sandbox, struct diags *diags)
{
	struct ruleset_attr attr;
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return fault(diags, "Landlock", errno);
	size_t size = describe(abi, &attr);
	cleanup(base_close) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return fault(diags, "Landlock", errno);
	for (const char *const *path = sandbox->readable; *path; path++) {
		int r = allow_reading(ruleset, *path);
		if (r < 0)
			return fault(diags, *path, -r);
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return fault(diags, "Landlock", errno);
	return true;
}

// --- system calls ---

static const int allowed[] = {
	// descriptors that it has
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(fstat),
	SCMP_SYS(lseek),
	SCMP_SYS(fcntl),
	SCMP_SYS(getdents64),
	// files, as far as Landlock lets it
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(newfstatat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	// sockets that it has
	SCMP_SYS(accept4),
	SCMP_SYS(accept),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	// waiting
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(signalfd4),
	SCMP_SYS(futex),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	// time, chance, memory
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(sysinfo),
	// itself
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(getrusage),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
};

// Memory yes, code no.
static int allow_unless_executable(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

// abort() signals the own process.
static int allow_own_signals(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int fill(scmp_filter_ctx filter)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < array_len(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = allow_unless_executable(filter, SCMP_SYS(mmap));
	if (r == 0)
		r = allow_unless_executable(filter, SCMP_SYS(mprotect));
	return r == 0 ? allow_own_signals(filter) : r;
}

static bool restrict_calls(struct diags *diags)
{
	scmp_filter_ctx filter = base_oom(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
	int r = fill(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r == 0 || fault(diags, "seccomp", -r);
}

bool priv_sandbox_enter(const struct priv_sandbox *sandbox, struct diags *diags)
{
	// Without core dumps: keys are in the memory.
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return fault(diags, "prctl", errno);
	return restrict_files(sandbox, diags) && restrict_calls(diags);
}
