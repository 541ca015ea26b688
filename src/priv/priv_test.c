// SPDX-License-Identifier: Apache-2.0
// Every check runs in a process of its own, which gives up privilege and then tries what must be refused. It reports the
// number of the first attempt that went wrong by its exit status.
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "priv/priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct priv_user nobody = {65533, 65533};

// Ends the child with the line that failed; 250 and above are kept for the sanitizers.
#define must(condition)                                                                \
	do {                                                                           \
		if (!(condition)) {                                                    \
			dprintf(2, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, \
				strerror(errno));                                      \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)
#define refused(call) must((call) == -1 && (errno == EPERM || errno == EACCES))

static void in_child(void (*fn)(void *context), void *context)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fn(context);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

// --- the sandbox ---

struct room {
	char dir[32], readable[64], other[64];
	int listener, pipe_end;
};

static void enter(const struct room *room)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	must(priv_sandbox_enter(
		&(struct priv_sandbox){.readable = (const char *const[]){room->readable, NULL}},
		&diags));
	must(diags.errors == 0);
}

static void try_files(void *context)
{
	const struct room *room = context;
	char made[96];
	snprintf(made, sizeof(made), "%s/made", room->dir);
	enter(room);
	must(open(room->readable, O_RDONLY) >= 0);
	refused(open(room->readable, O_RDWR));
	refused(open(room->readable, O_WRONLY | O_TRUNC));
	refused(open(room->other, O_RDONLY));
	refused(open("/etc/passwd", O_RDONLY));
	refused(open("/proc/self/status", O_RDONLY));
	refused(open(room->dir, O_RDONLY | O_DIRECTORY));
	refused(open(made, O_WRONLY | O_CREAT, 0600));
	refused(unlink(room->readable));
	refused(rename(room->readable, made));
	refused(mkdir(made, 0700));
	refused(symlink(room->readable, made));
	refused(truncate(room->readable, 0));
	refused(chmod(room->readable, 0666));
}

static void try_network(void *context)
{
	const struct room *room = context;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	enter(room);
	refused(socket(AF_INET, SOCK_STREAM, 0));
	refused(socket(AF_INET6, SOCK_DGRAM, 0));
	refused(socket(AF_NETLINK, SOCK_RAW, 0));
	refused(socket(AF_UNIX, SOCK_STREAM, 0));
	refused(connect(room->listener, (struct sockaddr *)&to, sizeof(to)));
	refused(bind(room->listener, (struct sockaddr *)&to, sizeof(to)));
	must(accept4(room->listener, NULL, NULL, SOCK_NONBLOCK) == -1 &&
	     errno == EAGAIN); // what it is for
	must(write(room->pipe_end, "x", 1) == 1);
}

static void try_processes(void *context)
{
	const struct room *room = context;
	char *argv[] = {"/bin/true", NULL};
	enter(room);
	refused(execve(argv[0], argv, NULL));
	refused(fork());
	refused(syscall(SYS_clone3, NULL, 0));
	refused(kill(getppid(), 0));
	refused(syscall(SYS_tgkill, getppid(), getppid(), 0));
	refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	refused(syscall(SYS_pidfd_open, getppid(), 0));
	refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
	refused(syscall(SYS_unshare, 0x10000000));
	refused(setuid(0));
	refused(setgid(0));
	refused(prctl(PR_SET_DUMPABLE, 1));
}

static void try_kernel(void *context)
{
	const struct room *room = context;
	enter(room);
	refused(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
				MAP_FAILED
			? -1
			: 0);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(page != MAP_FAILED);
	refused(mprotect(page, 4096, PROT_READ | PROT_EXEC));
	refused(mount("x", "/", "tmpfs", 0, NULL));
	refused(syscall(SYS_bpf, 0, NULL, 0));
	refused(syscall(SYS_init_module, NULL, 0, ""));
	refused(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
	refused(syscall(SYS_io_uring_setup, 1, NULL));
	refused(syscall(SYS_userfaultfd, 0));
	refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	refused(syscall(SYS_memfd_create, "x", 0));
	refused(ioctl(room->pipe_end, 0));
}

static void put(const char *path)
{
	assert_int_equal(
		file_put(&(struct file_put){.path = path, .data = "x", .len = 1, .mode = 0666}), 0);
}

static void sandbox(void **state)
{
	(void)state;
	struct room room;
	int ends[2];
	snprintf(room.dir, sizeof(room.dir), "/tmp/priv-test.XXXXXX");
	assert_non_null(mkdtemp(room.dir));
	snprintf(room.readable, sizeof(room.readable), "%s/readable", room.dir);
	snprintf(room.other, sizeof(room.other), "%s/other", room.dir);
	put(room.readable);
	put(room.other);
	room.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(listen(room.listener, 1), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	room.pipe_end = ends[1];
	in_child(try_files, &room);
	in_child(try_network, &room);
	in_child(try_processes, &room);
	in_child(try_kernel, &room);
	close(room.listener);
	close(ends[0]);
	close(ends[1]);
	unlink(room.readable);
	unlink(room.other);
	rmdir(room.dir);
}

static void sandbox_needs_its_files(void **state)
{
	(void)state;
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	pid_t pid = fork();
	if (pid == 0) {
		const char *const readable[] = {"/nowhere/at/all", NULL};
		_exit(priv_sandbox_enter(&(struct priv_sandbox){.readable = readable}, &diags) ? 1
											       : 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	arena_fini(&arena);
}

// --- capabilities and children; as root only ---

static void status_of(pid_t pid, struct buf *out)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	must(file_read(path, 65536, out) == 0);
}

static void keep_one(void *context)
{
	(void)context;
	const int effective[] = {CAP_NET_ADMIN}, held[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
	must(priv_keep(&(struct priv_caps){
		     .effective = effective, .effective_len = 1, .held = held, .held_len = 3}) ==
	     0);
	struct buf status;
	buf_init(&status);
	status_of(getpid(), &status);
	must(strstr(status.data, "CapEff:\t0000000000001000\n"));
	must(strstr(status.data, "CapPrm:\t00000000000010e0\n"));
	must(strstr(status.data, "CapBnd:\t00000000000010e0\n"));
	must(strstr(status.data, "NoNewPrivs:\t1\n"));
	refused(setresuid(1, 1, 1));
	refused(mount("x", "/", "tmpfs", 0, NULL));
	buf_fini(&status);
	const int more[] = {CAP_SYS_ADMIN};
	must(priv_keep(&(struct priv_caps){.effective = more, .effective_len = 1}) == -EPERM);
}

// The grandchild proves what it is; see main.
static void spawn_and_read(const struct priv_user *user)
{
	int self, ends[2];
	pid_t pid;
	must(priv_self(&self) == 0 && pipe2(ends, O_CLOEXEC) == 0);
	const char *const argv[] = {"priv-test", "--child", NULL};
	must(priv_spawn(
		     &(struct priv_spawn){
			     .exe = self, .argv = argv, .fd = &ends[1], .fds = 1, .user = user},
		     &pid) == 0);
	close(ends[1]);
	struct buf status;
	buf_init(&status);
	ssize_t n;
	while ((n = read(ends[0], buf_reserve(&status, 4096), 4096)) > 0)
		buf_advance(&status, (size_t)n);
	int how;
	must(waitpid(pid, &how, 0) == pid && WIFEXITED(how) && WEXITSTATUS(how) == 0);
	must(strstr(status.data,
		    user ? "Uid:\t65533\t65533\t65533\t65533\n" : "Uid:\t0\t0\t0\t0\n"));
	must(!user || strstr(status.data, "Gid:\t65533\t65533\t65533\t65533\n"));
	must(!user || strstr(status.data, "Groups:\t \n"));
	must(strstr(status.data, "CapPrm:\t0000000000000000\n"));
	must(strstr(status.data, "CapEff:\t0000000000000000\n"));
	must(strstr(status.data, "NoNewPrivs:\t1\n"));
	buf_fini(&status);
}

static void spawn_with_held_capabilities(void *context)
{
	(void)context;
	const int held[] = {CAP_SETUID, CAP_SETGID};
	must(priv_keep(&(struct priv_caps){.held = held, .held_len = 2}) == 0);
	spawn_and_read(&nobody);
	spawn_and_read(&nobody); // and again: it is still held
	spawn_and_read(NULL);
	refused(setresuid(1, 1, 1));
}

static void capabilities(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(keep_one, NULL);
	in_child(spawn_with_held_capabilities, NULL);
}

static void spawn_reports_failure(void **state)
{
	(void)state;
	int bad = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	const char *const argv[] = {"x", NULL};
	assert_int_equal(priv_spawn(&(struct priv_spawn){.exe = bad, .argv = argv}, &pid), -EACCES);
	close(bad);
}

static void users(void **state)
{
	(void)state;
	static const char *const bad[] = {"",           "0",  "0:5",   "5:0",          "root", "-1",
					  "4294967295", "5:", "5:6:7", "no such user", "5 "};
	struct arena arena;
	struct diags diags;
	struct priv_user user;
	arena_init(&arena);
	diags_init(&diags, &arena);
	assert_true(priv_user_parse("65533", &diags, &user));
	assert_true(user.uid == 65533 && user.gid == 65533);
	assert_true(priv_user_parse("7:9", &diags, &user));
	assert_true(user.uid == 7 && user.gid == 9);
	assert_true(priv_user_parse("nobody", &diags, &user));
	for (size_t i = 0; i < array_len(bad); i++)
		assert_false(priv_user_parse(bad[i], &diags, &user));
	assert_int_equal(diags.errors, array_len(bad));
	arena_fini(&arena);
}

// What priv_spawn has made of this process, to descriptor 3; nothing else may be open.
static int report_as_child(void)
{
	struct buf status;
	buf_init(&status);
	status_of(getpid(), &status);
	must(write(3, status.data, status.len) == (ssize_t)status.len);
	must(fcntl(4, F_GETFD) == -1 && errno == EBADF);
	must(!getenv("PATH") && clearenv() == 0);
	int death = 0;
	must(prctl(PR_GET_PDEATHSIG, &death) == 0 && death == SIGKILL);
	buf_fini(&status);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--child") == 0)
		return report_as_child();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sandbox),      cmocka_unit_test(sandbox_needs_its_files),
		cmocka_unit_test(capabilities), cmocka_unit_test(spawn_reports_failure),
		cmocka_unit_test(users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
