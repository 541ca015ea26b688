// SPDX-License-Identifier: Apache-2.0
// The key by which this host is known over SSH. The one idea: it is made once, where it is used, and a file that is there is
// never replaced; who wants another key puts another file.
#include "agent/host_key.h"

#include "base/buf.h"
#include "base/diag.h"
#include "io/ssh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fault(struct diags *diags, const char *path)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "make the certificate directory writable for root"},
		 "%s", strerror(errno));
	return false;
}

bool agent_host_key_make(const char *dir, const struct priv_user *user, struct diags *diags)
{
	const char *path = arena_printf(diags->arena, "%s/" AGENT_HOST_KEY, dir);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return fault(diags, dir);
	if (access(path, F_OK) != 0 && !io_ssh_key_new(path, diags))
		return false;
	if (user->uid && lchown(path, user->uid, user->gid) < 0)
		return fault(diags, path);
	return true;
}

bool agent_host_key_print(const char *dir, struct diags *diags, struct buf *out)
{
	char fingerprint[IO_SSH_FINGERPRINT];
	struct io_ssh_options options = {
		.key = arena_printf(diags->arena, "%s/" AGENT_HOST_KEY, dir)};
	struct io_ssh *ssh = io_ssh_new(&options, diags);
	if (!ssh)
		return false;
	io_ssh_fingerprint(ssh, fingerprint);
	io_ssh_public(ssh, out);
	buf_printf(out, "\n%s\n", fingerprint);
	io_ssh_free(ssh);
	return true;
}
