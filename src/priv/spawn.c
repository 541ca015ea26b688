// SPDX-License-Identifier: Apache-2.0
// Starting a child that never has any privilege. The one idea: the user is changed before the program is executed again,
// so not one instruction of the new image runs as root; the program is named by a descriptor, so that neither a path
// nor its permissions matter.
// What it does not: find out what the child does; watch it with io_child.
#include "priv/internal.h"
#include "priv/priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 3, HIGH_FD = 64 };

int priv_self(int *fd_out)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*fd_out = fd;
	return 0;
}

// First out of the way of the target numbers, then onto them.
static int place_descriptors(const struct priv_spawn *spawn, int *exe, int *report)
{
	int high[PRIV_FDS_MOST];
	for (size_t i = 0; i < spawn->fds; i++) {
		high[i] = fcntl(spawn->fd[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (high[i] < 0)
			return -errno;
	}
	*exe = fcntl(spawn->exe, F_DUPFD_CLOEXEC, HIGH_FD);
	*report = fcntl(*report, F_DUPFD_CLOEXEC, HIGH_FD);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (*exe < 0 || *report < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	for (size_t i = 0; i < spawn->fds; i++) {
		if (dup2(high[i], FIRST_FD + (int)i) < 0) // clears close-on-exec
			return -errno;
	}
	// The rest goes away with the exec.
	return close_range(FIRST_FD + (unsigned)spawn->fds, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno
											  : 0;
}

static int become(const struct priv_user *user)
{
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ? -EPERM : 0; // the way back must be shut
}

// Without new privileges the exec gives nothing back, to user 0 neither.
static int drop_all(void)
{
	cap_t none = base_oom(cap_init());
	int r = cap_set_proc(none) < 0 ? -errno : 0;
	cap_free(none);
	return r;
}

static int prepare_child(const struct priv_spawn *spawn, int *exe, int *report)
{
	sigset_t none;
	sigemptyset(&none);
	int r = place_descriptors(spawn, exe, report);
	if (r == 0)
		r = spawn->user ? become(spawn->user) : drop_all();
	if (r < 0)
		return r;
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return 0;
}

static _Noreturn void run_child(const struct priv_spawn *spawn, pid_t parent, int report)
{
	static char *const environment[] = {NULL};
	int exe = -1;
	int r = prepare_child(spawn, &exe, &report);
	if (r == 0 && getppid() != parent) // it died before PR_SET_PDEATHSIG
		_exit(EXIT_FAILURE);
	if (r == 0) {
		syscall(SYS_execveat, exe, "", spawn->argv, environment, AT_EMPTY_PATH);
		r = -errno;
	}
	ssize_t written = write(report, &r, sizeof(r));
	_exit(written == sizeof(r) ? EXIT_FAILURE : 2);
}

// Nothing comes when the exec has happened: the pipe closes with it.
static int read_report(int fd)
{
	int error = 0;
	ssize_t n;
	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == sizeof(error) ? error : 0;
}

static int raise_for_spawn(const struct priv_spawn *spawn, bool on)
{
	if (!spawn->user)
		return 0;
	int r = priv_raise(CAP_SETUID, on);
	return r < 0 ? r : priv_raise(CAP_SETGID, on);
}

static int fork_and_exec(const struct priv_spawn *spawn, pid_t *pid_out)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		close(report[0]);
		run_child(spawn, parent, report[1]);
	}
	int r = pid < 0 ? -errno : 0;
	close(report[1]);
	if (r == 0)
		r = read_report(report[0]);
	close(report[0]);
	if (pid > 0 && r < 0)
		waitpid(pid, NULL, 0);
	if (r == 0)
		*pid_out = pid;
	return r;
}

int priv_spawn(const struct priv_spawn *spawn, pid_t *pid_out)
{
	assert(spawn->fds <= PRIV_FDS_MOST && spawn->argv[0]);
	int r = raise_for_spawn(spawn, true);
	if (r == 0)
		r = fork_and_exec(spawn, pid_out);
	int lowered = raise_for_spawn(spawn, false);
	return r < 0 ? r : lowered;
}
