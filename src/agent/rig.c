// SPDX-License-Identifier: Apache-2.0
// The rig of the system tests. It is all real: processes, TLS, kernel. Whatever must work fails the test when it does not.
#include "agent/rig.h"

#include "agent/config.h"
#include "base/file.h"
#include "base/test_dir.h"
#include "codec/nfi.h"
#include "io/net.h"
#include "io/tls.h"
#include "pki/pki.h"
#include "proto/netconf/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_MS = 30000, AWAIT_MS = 30000 };

#define must(condition)                                  \
	do {                                             \
		if (!(condition))                        \
			fail(rig, __LINE__, #condition); \
	} while (0)

static _Noreturn void fail(const struct rig *rig, int line, const char *condition)
{
	fprintf(stderr, "rig.c:%d: %s\n", line, condition);
	for (size_t i = 0; i < rig->diags.list.len; i++)
		fprintf(stderr, "%s: %s\n",
			rig->diags.list.at[i].file ? rig->diags.list.at[i].file : "",
			rig->diags.list.at[i].text);
	if (rig->agent)
		kill(rig->agent, SIGKILL);
	exit(EXIT_FAILURE);
}

bool rig_enter_namespace(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	close(fd);
	return up;
}

static char *in(struct rig *rig, const char *name)
{
	return arena_printf(&rig->arena, "%s/%s", rig->dir, name);
}

static void put_text(struct rig *rig, const char *name, const char *text)
{
	must(file_put(&(struct file_put){
		     .path = in(rig, name), .data = text, .len = strlen(text), .mode = 0644}) == 0);
}

// --- certificates ---

void rig_certify(struct rig *rig, const char *name, int role)
{
	static const char *const address[] = {"::1", "127.0.0.1"};
	struct pki_subject subject = {
		.role = (enum pki_role)role, .name = name, .address = address, .addresses = 2};
	must(pki_issue_files(rig->pki, &subject, rig->dir, &rig->diags));
}

static void make_authority(struct rig *rig)
{
	struct buf text;
	buf_init(&text);
	must(pki_init(in(rig, "ca"), "Example", &rig->diags));
	rig->pki = pki_open(in(rig, "ca"), &rig->diags);
	must(rig->pki);
	pki_ca(rig->pki, &text);
	must(mkdir(in(rig, "pki"), 0755) == 0);
	put_text(rig, "ca.pem", text.data);
	put_text(rig, "pki/ca.pem", text.data);
	buf_fini(&text);
	rig_certify(rig, "edge-1", PKI_NSF);
	must(rename(in(rig, "edge-1.key"), in(rig, "pki/nsf.key")) == 0);
	must(rename(in(rig, "edge-1.pem"), in(rig, "pki/nsf.pem")) == 0);
}

// --- the agent ---

static int open_notify(struct rig *rig)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", rig->dir);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	return fd;
}

void rig_init(struct rig *rig, const char *program)
{
	*rig = (struct rig){.program = program};
	arena_init(&rig->arena);
	diags_init(&rig->diags, &rig->arena);
	buf_init(&rig->notices);
	snprintf(rig->dir, sizeof(rig->dir), "/tmp/agent-rig.XXXXXX");
	must(mkdtemp(rig->dir));
	make_authority(rig);
	rig_certify(rig, "controller", PKI_CONTROLLER);
	put_text(rig, AGENT_CONFIG_FILE, "name = edge-1\nstate = state\nrecovery = saviour\n");
	rig->notify = open_notify(rig);
}

void rig_fini(struct rig *rig)
{
	if (rig->agent)
		rig_stop(rig, SIGKILL);
	pki_close(rig->pki);
	close(rig->notify);
	test_dir_remove(rig->dir);
	buf_fini(&rig->notices);
	arena_fini(&rig->arena);
}

static _Noreturn void become_agent(struct rig *rig)
{
	int log = open(in(rig, "log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	dup2(log, STDERR_FILENO);
	setenv("NOTIFY_SOCKET", in(rig, "notify"), 1);
	execl(rig->program, rig->program, "--config", rig->dir, (char *)NULL);
	_exit(127);
}

void rig_flush(struct rig *rig)
{
	pid_t pid = fork();
	int status = 1;
	if (pid == 0) {
		freopen("/dev/null", "w", stdout);
		execl(rig->program, rig->program, "--config", rig->dir, "--flush", (char *)NULL);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

void rig_shell(struct rig *rig, const char *line)
{
	pid_t pid = fork();
	int status = 1;
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static void print_log(struct rig *rig)
{
	struct buf log;
	buf_init(&log);
	if (file_read(in(rig, "log"), 1 << 20, &log) == 0)
		fputs(log.data, stderr);
	buf_fini(&log);
}

void rig_start(struct rig *rig)
{
	char text[64] = "";
	while (recv(rig->notify, text, sizeof(text), MSG_DONTWAIT) > 0)
		; // of one that was killed
	rig->agent = fork();
	must(rig->agent >= 0);
	if (rig->agent == 0)
		become_agent(rig);
	struct pollfd wait = {.fd = rig->notify, .events = POLLIN};
	if (poll(&wait, 1, READY_MS) != 1)
		print_log(rig);
	must(recv(rig->notify, text, sizeof(text) - 1, MSG_DONTWAIT) > 0 &&
	     strncmp(text, "READY=1", 7) == 0);
}

void rig_stop(struct rig *rig, int signal_number)
{
	int status;
	must(kill(rig->agent, signal_number) == 0);
	must(waitpid(rig->agent, &status, 0) == rig->agent);
	rig->agent = 0;
	if (signal_number == SIGTERM && status != 0)
		print_log(rig);
	must(signal_number != SIGTERM || status == 0); // ended in order
}

const char *rig_status(struct rig *rig, pid_t pid, const char *field)
{
	struct buf text;
	buf_init(&text);
	const char *value = NULL;
	if (file_read(arena_printf(&rig->arena, "/proc/%d/status", pid), 65536, &text) == 0) {
		const char *at = strstr(text.data, arena_printf(&rig->arena, "\n%s:\t", field));
		at = at ? strchr(at, '\t') + 1 : NULL;
		value = at ? arena_strndup(&rig->arena, at, strcspn(at, "\n")) : NULL;
	}
	buf_fini(&text);
	return value;
}

pid_t rig_front(const struct rig *rig)
{
	struct rig *mutable = (struct rig *)(uintptr_t)rig;
	DIR *proc = opendir("/proc");
	pid_t found = 0;
	must(proc);
	for (const struct dirent *e; !found && (e = readdir(proc));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		const char *parent = pid > 0 ? rig_status(mutable, pid, "PPid") : NULL;
		if (parent && strtol(parent, NULL, 10) == rig->agent)
			found = pid;
	}
	closedir(proc);
	return found;
}

// --- sessions ---

static void notified(void *context, const char *xml, size_t len, const char *event_time)
{
	struct rig *rig = context;
	(void)event_time;
	buf_add(&rig->notices, xml, len);
	buf_addc(&rig->notices, '\n');
}

struct netconf_client *rig_connect(struct rig *rig, const char *name)
{
	struct io_tls_files files = {.certificate =
					     in(rig, arena_printf(&rig->arena, "%s.pem", name)),
				     .key = in(rig, arena_printf(&rig->arena, "%s.key", name)),
				     .ca = in(rig, "ca.pem")};
	struct io_tls *tls = io_tls_new(&files, &rig->diags);
	must(tls);
	struct io_tls_target target = {.tls = tls, .expected_name = "edge-1"};
	struct netconf_client_options options = {
		.opener = io_tls_connecting(&target), .notification = notified, .context = rig};
	must(io_address_parse("[::1]:6513", 0, &rig->diags, &options.to));
	struct netconf_client *client = netconf_client_connect(&options, &rig->diags);
	io_tls_free(tls); // the session goes on
	return client;
}

const char *rig_call(struct rig *rig, struct netconf_client *client, const char *xml)
{
	struct netconf_result result;
	if (!netconf_client_call(client, &(struct netconf_call){.xml = xml}, &rig->diags, &result))
		return NULL;
	return arena_strndup(&rig->arena, result.data, result.len);
}

const char *rig_must(struct rig *rig, struct netconf_client *client, const char *xml)
{
	const char *answer = rig_call(rig, client, xml);
	if (!answer)
		print_log(rig);
	must(answer);
	return answer;
}

void rig_await(struct rig *rig, struct netconf_client *client, const char *text)
{
	const char *found;
	while (!(found = strstr(rig->notices.data, text))) {
		size_t before = rig->notices.len;
		must(netconf_client_wait(client, AWAIT_MS));
		if (rig->notices.len == before)
			fprintf(stderr, "waited for %s\n", text);
		must(rig->notices.len > before);
	}
	// Later ones may have come with it.
	buf_consume(&rig->notices, (size_t)(strchr(found, '\n') + 1 - rig->notices.data));
}

// --- policies ---

static void add_rule(struct rig *rig, struct ir_ruleset *set, unsigned number)
{
	struct ir_clause *clause = arena_new(&rig->arena, struct ir_clause);
	unsigned port = 1 + number % 65535;
	must(ir_clause_narrow(clause, &rig->arena, IR_PROTO, algebra_set_one(&rig->arena, 6, 6)));
	must(ir_clause_narrow(clause, &rig->arena, IR_DPORT,
			      algebra_set_one(&rig->arena, port, port)));
	vec_push(&rig->arena, &set->rule,
		 (struct ir_rule){.policy = "p",
				  .name = arena_printf(&rig->arena, "rule-%u", number),
				  .flow = true,
				  .verdict = IR_PASS,
				  .clause = clause,
				  .clauses = 1});
}

void rig_edit(struct rig *rig, struct netconf_client *client, unsigned first, unsigned n)
{
	struct ir_ruleset set = {.default_action = IR_DROP};
	struct buf xml;
	buf_init(&xml);
	buf_adds(&xml, "<edit-config><target><candidate/></target><default-operation>replace</"
		       "default-operation><config>");
	for (unsigned i = 0; i < n; i++)
		add_rule(rig, &set, first + i);
	must(codec_nfi_write(&set, &rig->diags, &xml));
	buf_adds(&xml, "</config></edit-config>");
	rig_must(rig, client, xml.data);
	buf_fini(&xml);
}

const char *rig_state(struct rig *rig, struct netconf_client *client, const char *leaf)
{
	const char *all = rig_must(rig, client,
				   "<get><filter type=\"subtree\"><nsf-state "
				   "xmlns=\"urn:bulwark:nsf\"/></filter></get>");
	const char *open = strstr(all, arena_printf(&rig->arena, "<%s>", leaf));
	if (!open)
		return "";
	open += strlen(leaf) + 2;
	return arena_strndup(&rig->arena, open, strcspn(open, "<"));
}
