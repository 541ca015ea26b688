// SPDX-License-Identifier: Apache-2.0
// Files of the state directory. The one idea: a file is believed only when its digest fits, and never half.
// Layout: magic, kind, length of the body (8 octets), SHA-256 of the body, body.
// What it does not: decide what a missing or broken file means; core.c does.
#include "agent/state.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/wire.h"
#include "pki/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { KIND_POLICY = 1, KIND_TEXT = 2 };
static const char magic[8] = "bwnsf\x01\r\n"; // text-mode copies break it
enum { HEADER = sizeof(magic) + 1 + 8 + PKI_DIGEST };

static char *path_of(const char *dir, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", dir, name) < 0 ? base_oom(NULL) : path;
}

static bool io_fault(struct diags *diags, const char *path, int error)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "make room on the disk and the state directory writable"},
		 "%s", strerror(-error));
	return false;
}

static enum agent_found broken(struct diags *diags, const char *path, const char *why)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "commit a policy, which replaces it; or restore it from a "
					"backup and restart the agent"},
		 "the state cannot be used: %s", why);
	return AGENT_BROKEN;
}

// --- the frame ---

static bool put_file(const char *dir, const char *name, enum kind kind, const struct buf *body,
		     struct diags *diags)
{
	cleanup(base_free) char *path = path_of(dir, name);
	cleanup(buf_fini) struct buf file;
	unsigned char digest[PKI_DIGEST];
	buf_init(&file);
	pki_sha256(body->data, body->len, digest);
	buf_add(&file, magic, sizeof(magic));
	wire_put_u8(&file, (uint8_t)kind);
	wire_put_u64(&file, body->len);
	buf_add(&file, digest, sizeof(digest));
	buf_add(&file, body->data, body->len);
	int r = file_put(&(struct file_put){.path = path,
					    .data = file.data,
					    .len = file.len,
					    .mode = 0600,
					    .how = FILE_REPLACE});
	return r == 0 || io_fault(diags, path, r);
}

static const char *check_frame(const struct buf *file, enum kind kind)
{
	if (file->len < HEADER)
		return "it is too short";
	if (memcmp(file->data, magic, sizeof(magic)) != 0)
		return "it is not a state file of this version";
	struct wire_reader r = wire_reader(file->data + sizeof(magic), HEADER - sizeof(magic));
	uint8_t found = wire_u8(&r);
	uint64_t len = wire_u64(&r);
	unsigned char digest[PKI_DIGEST];
	pki_sha256(file->data + HEADER, file->len - HEADER, digest);
	if (found != kind || len != file->len - HEADER ||
	    !pki_equal(digest, file->data + HEADER - PKI_DIGEST, PKI_DIGEST))
		return "its digest does not fit its content";
	return NULL;
}

static enum agent_found get_file(const char *path, enum kind kind, struct buf *file,
				 struct diags *diags)
{
	int r = file_read(path, AGENT_STATE_MOST, file);
	if (r == -ENOENT)
		return AGENT_ABSENT;
	const char *why = r < 0 ? strerror(-r) : check_frame(file, kind);
	return why ? broken(diags, path, why) : AGENT_FOUND;
}

// --- policies ---

bool agent_policy_write(const char *dir, const char *name, const struct agent_policy *policy,
			struct diags *diags)
{
	cleanup(buf_fini) struct buf body;
	buf_init(&body);
	wire_put_u64(&body, (uint64_t)policy->lowered_at);
	wire_put_u64(&body, (uint64_t)policy->horizon);
	wire_put_u32(&body, policy->generation);
	wire_put_text(&body, policy->running);
	ir_ruleset_encode(&policy->ruleset, &body);
	return put_file(dir, name, KIND_POLICY, &body, diags);
}

enum agent_found agent_policy_read(const char *dir, const char *name, struct arena *arena,
				   struct diags *diags, struct agent_policy *out)
{
	cleanup(base_free) char *path = path_of(dir, name);
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	enum agent_found found = get_file(path, KIND_POLICY, &file, diags);
	if (found != AGENT_FOUND)
		return found;
	struct wire_reader r = wire_reader(file.data + HEADER, file.len - HEADER);
	struct agent_policy policy = {.lowered_at = (int64_t)wire_u64(&r)};
	policy.horizon = (int64_t)wire_u64(&r);
	policy.generation = wire_u32(&r);
	policy.running = wire_text(&r, arena);
	if (!ir_ruleset_decode(&r, arena, &policy.ruleset) || !wire_done(&r) || !policy.running)
		return broken(diags, path, "its content is of another version");
	*out = policy;
	return AGENT_FOUND;
}

// --- startup ---

bool agent_startup_write(const char *dir, const char *text, struct diags *diags)
{
	if (!text)
		return agent_state_remove(dir, "startup", diags);
	cleanup(buf_fini) struct buf body;
	buf_init(&body);
	wire_put_text(&body, text);
	return put_file(dir, "startup", KIND_TEXT, &body, diags);
}

enum agent_found agent_startup_read(const char *dir, struct arena *arena, struct diags *diags,
				    const char **out)
{
	cleanup(base_free) char *path = path_of(dir, "startup");
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	enum agent_found found = get_file(path, KIND_TEXT, &file, diags);
	if (found != AGENT_FOUND)
		return found;
	struct wire_reader r = wire_reader(file.data + HEADER, file.len - HEADER);
	const char *text = wire_text(&r, arena);
	if (!text || !wire_done(&r))
		return broken(diags, path, "its content is of another version");
	*out = text;
	return AGENT_FOUND;
}

// --- names ---

static int sync_directory(const char *dir)
{
	cleanup(base_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

bool agent_state_rename(const char *dir, const char *from, const char *to, struct diags *diags)
{
	cleanup(base_free) char *old = path_of(dir, from);
	cleanup(base_free) char *new = path_of(dir, to);
	int r = rename(old, new) < 0 ? -errno : sync_directory(dir);
	return r == 0 || io_fault(diags, new, r);
}

bool agent_state_remove(const char *dir, const char *name, struct diags *diags)
{
	cleanup(base_free) char *path = path_of(dir, name);
	int r = file_remove(path);
	return r == 0 || io_fault(diags, path, r);
}

bool agent_state_exists(const char *dir, const char *name)
{
	cleanup(base_free) char *path = path_of(dir, name);
	return access(path, F_OK) == 0;
}
