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

enum kind { KIND_TEXT = 2 };
static const char magic[8] = "bwnsf\x01\r\n"; // text-mode copies break it
enum { HEADER = sizeof(magic) + 1 + 8 + PKI_DIGEST };

char *agent_state_path(const char *dir, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", dir, name) < 0 ? base_oom(NULL) : path;
}

void agent_state_fault(struct diags *diags, const char *path, int error)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "make room on the disk and the state directory writable"},
		 "%s", strerror(-error));
}

void agent_state_broken(struct diags *diags, const char *path, const char *why)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "commit a policy, which replaces it; or restore it from a "
					"backup and restart the agent"},
		 "the state cannot be used: %s", why);
}

static bool io_fault(struct diags *diags, const char *path, int error)
{
	agent_state_fault(diags, path, error);
	return false;
}

static enum agent_found broken(struct diags *diags, const char *path, const char *why)
{
	agent_state_broken(diags, path, why);
	return AGENT_BROKEN;
}

// --- the frame ---

static bool put_file(const char *dir, const char *name, enum kind kind, const struct buf *body,
		     struct diags *diags)
{
	cleanup(base_free) char *path = agent_state_path(dir, name);
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
	cleanup(base_free) char *path = agent_state_path(dir, "startup");
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

bool agent_state_remove(const char *dir, const char *name, struct diags *diags)
{
	cleanup(base_free) char *path = agent_state_path(dir, name);
	int r = file_remove(path);
	return r == 0 || io_fault(diags, path, r);
}
