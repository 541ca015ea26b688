// SPDX-License-Identifier: Apache-2.0
// The bodies of the enforcer's records, in a journal whose digests fit: what is read can be written anew and read again.
// Input: for each record the length of its body (2 octets) and the body.
#include "agent/journal.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/wire.h"
#include "pki/pki.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/fuzz-journal.XXXXXX";

static void leave(void)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/journal", dir);
	unlink(path);
	rmdir(dir);
}

static void put_file(const uint8_t *data, size_t size)
{
	char path[64];
	struct buf file;
	unsigned char chain[PKI_DIGEST];
	buf_init(&file);
	buf_add(&file, "bwnsf\x02\r\n", 8);
	while (file.len < 48)
		buf_addc(&file, '\0');
	pki_sha256(file.data, file.len, chain);
	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];
		len = len > size - 2 ? size - 2 : len;
		agent_journal_frame(chain, data + 2, len, &file);
		data += 2 + len;
		size -= 2 + len;
	}
	snprintf(path, sizeof(path), "%s/journal", dir);
	int r = file_put(
		&(struct file_put){.path = path, .data = file.data, .len = file.len, .mode = 0600});
	assert(r == 0);
	buf_fini(&file);
}

static enum agent_found read_file(struct diags *diags, struct agent_journal **journal_out,
				  struct agent_held **held_out)
{
	bool unfinished;
	enum agent_found found = agent_journal_open(dir, diags, journal_out, held_out, &unfinished);
	assert(found != AGENT_ABSENT && (found == AGENT_FOUND || !*held_out));
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	struct arena arena;
	struct diags diags;
	struct agent_journal *journal;
	struct agent_held *held, *again;
	if (!made && (!mkdtemp(dir) || atexit(leave)))
		abort();
	made = true;
	arena_init(&arena);
	diags_init(&diags, &arena);
	put_file(data, size);
	read_file(&diags, &journal, &held);
	if (held) {
		agent_journal_forget(journal);
		bool done = agent_journal_rewrite(journal, held, &diags);
		assert(done);
		agent_journal_close(journal);
		enum agent_found found = read_file(&diags, &journal, &again);
		assert(found == AGENT_FOUND && again && again->rule.len == held->rule.len &&
		       again->running.edit.len == held->running.edit.len);
		agent_held_free(again);
	}
	agent_held_free(held);
	agent_journal_close(journal);
	arena_fini(&arena);
	return 0;
}
