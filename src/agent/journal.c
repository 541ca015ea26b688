// SPDX-License-Identifier: Apache-2.0
// The journal (journal.h). The one idea: a record is believed only when its digest, which is also over the record before
// it, fits; a record behind which there is nothing may be torn, because nobody was told of it before it was on the disk.
// Layout: a head of magic, 32 octets by chance and the length that the file had when it got its name (8 octets); then
// records: length of the body (8 octets), digest (32), check (8), body.
//   digest: SHA-256 over the digest before (of the first: SHA-256 of the head), SHA-256 of the body, and the length
//   check: the first octets of SHA-256 over length and digest; so a length that was damaged is not taken for a torn record
// What it does not: decide what is confirmed or reverted (commit.c).
#include "agent/journal.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/wire.h"
#include "pki/pki.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { KIND_WHOLE = 1, KIND_CHANGE, KIND_CONFIRM, KIND_REVERT, KIND_LOST };
static const char magic[8] = "bwnsf\x02\r\n"; // text-mode copies break it
enum { CHECK = 8, FRAME = 8 + PKI_DIGEST + CHECK, HEAD = sizeof(magic) + PKI_DIGEST + 8 };
#define SLACK (1u << 20) // bytes of changes that are never too many

struct agent_journal {
	char *path, *dir;
	int fd; // -1: not open
	bool lost;
	bool torn;     // there may be something behind the end
	bool unnamed;  // it is not certain that the name leads to this file after a crash
	uint64_t end;  // of the last record; 0: there is no file, or none that can be added to
	uint64_t size; // of the last WHOLE
	uint32_t open; // records that are neither confirmed nor reverted …
	uint32_t owed; // … of which the last so many are reverted, which the file does not say yet
	unsigned char chain[PKI_DIGEST];
};

// --- records as bytes ---

void agent_journal_frame(unsigned char chain[static PKI_DIGEST], const void *body, size_t len,
			 struct buf *out)
{
	unsigned char digest[PKI_DIGEST];
	cleanup(buf_fini) struct buf sum;
	buf_init(&sum);
	buf_add(&sum, chain, PKI_DIGEST);
	pki_sha256(body, len, digest);
	buf_add(&sum, digest, PKI_DIGEST);
	wire_put_u64(&sum, len);
	pki_sha256(sum.data, sum.len, chain);
	buf_clear(&sum);
	wire_put_u64(&sum, len);
	buf_add(&sum, chain, PKI_DIGEST);
	pki_sha256(sum.data, sum.len, digest);
	buf_add(out, sum.data, sum.len);
	buf_add(out, digest, CHECK);
}

static void put_record(unsigned char chain[static PKI_DIGEST], const struct buf *body,
		       struct buf *out)
{
	agent_journal_frame(chain, body->data, body->len, out);
	buf_add(out, body->data, body->len);
}

static void put_kind(enum kind kind, struct buf *body)
{
	wire_put_u8(body, (uint8_t)kind);
}

static void put_whole(const struct agent_held *held, struct buf *body)
{
	put_kind(KIND_WHOLE, body);
	wire_put_u64(body, (uint64_t)held->lowered_at);
	wire_put_u64(body, (uint64_t)held->horizon);
	wire_put_u32(body, held->generation);
	wire_put_u8(body, (uint8_t)held->lowered.default_action);
	wire_put_text(body, held->running.base);
	wire_put_u32(body, (uint32_t)held->running.edit.len);
	for (size_t i = 0; i < held->running.edit.len; i++)
		wire_put_text(body, held->running.edit.at[i]);
	for (size_t i = 0; i < held->rule.len; i++)
		ir_rule_encode(held->rule.at[i], body);
}

// --- reading ---

struct record {
	const char *body;
	size_t len;
	uint64_t end; // in the file
};
struct past {
	VEC(struct record) record; // of policies and changes that were not reverted
	size_t confirmed;          // of them
	bool lost;
	struct arena *arena;
};

static enum kind kind_of(const struct record *record)
{
	return record->len ? (enum kind)(unsigned char)record->body[0] : 0;
}

// What the record does to the list of those that count; false when that cannot be.
static bool take_record(struct past *past, const struct record *record)
{
	struct wire_reader r = wire_reader(record->body, record->len);
	enum kind kind = wire_u8(&r);
	size_t open = past->record.len - past->confirmed;
	switch ((int)kind) {
	case KIND_WHOLE:
	case KIND_CHANGE:
		vec_push(past->arena, &past->record, *record);
		return true;
	case KIND_CONFIRM:
		past->confirmed = past->record.len;
		past->lost = false;
		return open && wire_done(&r);
	case KIND_REVERT: {
		uint32_t n = wire_u32(&r);
		if (!n || n > open || !wire_done(&r))
			return false;
		past->record.len -= n;
		return true;
	}
	case KIND_LOST:
		past->lost = true;
		return !past->record.len && wire_done(&r);
	default:
		return false;
	}
}

// A record that the disk has only in part: without its frame, or with zeros that nobody wrote at the frame's end.
static bool is_torn(const char *at, size_t left)
{
	static const char zero[CHECK];
	return left < FRAME || !memcmp(at + FRAME - CHECK, zero, CHECK);
}

enum next { NEXT_RECORD, NEXT_END, NEXT_DAMAGED };

static enum next next_record(const struct buf *file, struct agent_journal *journal,
			     struct record *out)
{
	const char *at = file->data + journal->end;
	size_t left = file->len - journal->end;
	unsigned char chain[PKI_DIGEST], check[PKI_DIGEST];
	if (!left || is_torn(at, left))
		return NEXT_END;
	struct wire_reader r = wire_reader(at, FRAME);
	uint64_t len = wire_u64(&r);
	pki_sha256(at, FRAME - CHECK, check);
	if (memcmp(check, at + FRAME - CHECK, CHECK) != 0)
		return NEXT_DAMAGED;
	if (len > left - FRAME)
		return NEXT_END;
	cleanup(buf_fini) struct buf expected;
	buf_init(&expected);
	memcpy(chain, journal->chain, sizeof(chain));
	agent_journal_frame(chain, at + FRAME, len, &expected);
	if (memcmp(expected.data, at, FRAME) != 0)
		return len == left - FRAME ? NEXT_END : NEXT_DAMAGED;
	memcpy(journal->chain, chain, sizeof(chain));
	journal->end += FRAME + len;
	*out = (struct record){at + FRAME, len, journal->end};
	return NEXT_RECORD;
}

static const char *read_records(const struct buf *file, struct agent_journal *journal,
				struct past *past)
{
	struct record record;
	enum next next;
	if (file->len < HEAD || memcmp(file->data, magic, sizeof(magic)) != 0)
		return "it is not a journal of this version";
	struct wire_reader r = wire_reader(file->data + HEAD - 8, 8);
	uint64_t first = wire_u64(&r);
	pki_sha256(file->data, HEAD, journal->chain);
	journal->end = HEAD;
	while ((next = next_record(file, journal, &record)) == NEXT_RECORD)
		if (!take_record(past, &record))
			return "it has a record that cannot follow the one before it";
	if (next == NEXT_DAMAGED || journal->end < first)
		return "a record's digest does not fit its content";
	return past->lost ? "what was in force before was lost" : NULL;
}

static struct agent_held *read_whole(const struct record *record)
{
	struct agent_held *held = agent_held_new();
	struct wire_reader r = wire_reader(record->body + 1, record->len - 1);
	held->lowered_at = (int64_t)wire_u64(&r);
	held->horizon = (int64_t)wire_u64(&r);
	held->generation = wire_u32(&r);
	uint8_t action = wire_u8(&r);
	held->running.base = wire_text(&r, &held->arena);
	uint32_t edits = wire_count(&r, 4);
	for (uint32_t i = 0; i < edits && !r.bad; i++)
		vec_push(&held->arena, &held->running.edit, wire_text(&r, &held->arena));
	if (!r.bad && action < IR_VERDICTS && held->running.base &&
	    agent_held_add(held, &(struct agent_piece){r.at, (size_t)(r.end - r.at)})) {
		held->lowered.default_action = action;
		return held;
	}
	agent_held_free(held);
	return NULL;
}

static bool replay(struct agent_held *held, const struct record *record)
{
	struct arena arena;
	struct agent_message message;
	struct wire_reader r = wire_reader(record->body + 1, record->len - 1);
	arena_init(&arena);
	held->generation = wire_u32(&r);
	bool good = !r.bad &&
		    agent_message_decode(r.at, (size_t)(r.end - r.at), &arena, &message) &&
		    message.type == AGENT_CHANGE && agent_held_replay(held, &message.change);
	arena_fini(&arena);
	return good;
}

// The policy that was confirmed last: the last whole one, and its changes.
static const char *read_policy(const struct past *past, struct agent_held **out)
{
	size_t at = past->confirmed;
	if (!at)
		return NULL;
	while (at && kind_of(&past->record.at[at - 1]) != KIND_WHOLE)
		at--;
	struct agent_held *held = at ? read_whole(&past->record.at[at - 1]) : NULL;
	bool good = held;
	for (; good && at < past->confirmed; at++)
		good = replay(held, &past->record.at[at]);
	if (good) {
		*out = held;
		return NULL;
	}
	agent_held_free(held);
	return "its content is of another version";
}

static uint64_t size_of_whole(const struct past *past)
{
	for (size_t i = past->record.len; i-- > 0;)
		if (kind_of(&past->record.at[i]) == KIND_WHOLE)
			return past->record.at[i].len;
	return 0;
}

static const char *read_file(struct agent_journal *journal, const struct buf *file,
			     struct agent_held **held_out)
{
	struct arena arena;
	arena_init(&arena);
	struct past past = {.arena = &arena};
	const char *why = read_records(file, journal, &past);
	if (!why)
		why = read_policy(&past, held_out);
	journal->open = (uint32_t)(past.record.len - past.confirmed);
	journal->size = size_of_whole(&past);
	journal->torn = journal->end < file->len;
	arena_fini(&arena);
	return why;
}

static int open_file(struct agent_journal *journal)
{
	journal->fd = open(journal->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return journal->fd < 0 ? -errno : 0;
}

enum agent_found agent_journal_open(const char *dir, struct diags *diags,
				    struct agent_journal **out, struct agent_held **held_out,
				    bool *unfinished_out)
{
	struct agent_journal *journal = base_oom(calloc(1, sizeof(*journal)));
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	journal->path = agent_state_path(dir, "journal");
	journal->dir = base_oom(strdup(dir));
	journal->fd = -1;
	*out = journal;
	*held_out = NULL;
	*unfinished_out = false;
	int r = file_read(journal->path, AGENT_STATE_MOST, &file);
	if (r == -ENOENT)
		return AGENT_ABSENT;
	const char *why = r < 0 ? strerror(-r) : read_file(journal, &file, held_out);
	if (!why && (r = open_file(journal)) < 0)
		why = strerror(-r);
	if (!why) {
		*unfinished_out = journal->open;
		return AGENT_FOUND;
	}
	agent_held_free(*held_out);
	*held_out = NULL;
	journal->lost = true;
	journal->end = 0;
	agent_state_broken(diags, journal->path, why);
	return AGENT_BROKEN;
}

void agent_journal_close(struct agent_journal *journal)
{
	if (!journal)
		return;
	base_close(&journal->fd);
	free(journal->path);
	free(journal->dir);
	free(journal);
}

void agent_journal_lost(struct agent_journal *journal)
{
	journal->lost = true;
}

// --- writing ---

// `from`: behind the end.
static int write_at(const struct agent_journal *journal, size_t from, const struct buf *bytes)
{
	for (size_t done = 0; done < bytes->len;) {
		ssize_t n = pwrite(journal->fd, bytes->data + done, bytes->len - done,
				   (off_t)(journal->end + from + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

// Nothing that does not count is to stay behind the end.
static int cut(struct agent_journal *journal)
{
	if (ftruncate(journal->fd, (off_t)journal->end) < 0 || fdatasync(journal->fd) < 0)
		return -errno;
	journal->torn = false;
	return 0;
}

static int write_record(struct agent_journal *journal, const struct buf *body)
{
	unsigned char chain[PKI_DIGEST];
	cleanup(buf_fini) struct buf head;
	buf_init(&head);
	memcpy(chain, journal->chain, sizeof(chain));
	agent_journal_frame(chain, body->data, body->len, &head);
	int r = journal->torn ? cut(journal) : 0;
	if (r < 0)
		return r;
	journal->torn = true;
	r = write_at(journal, 0, &head);
	if (r == 0)
		r = write_at(journal, head.len, body);
	if (r == 0 && fdatasync(journal->fd) < 0)
		r = -errno;
	if (r < 0) {
		(void)cut(journal); // else the next one does it
		return r;
	}
	journal->torn = false;
	journal->end += head.len + body->len;
	memcpy(journal->chain, chain, sizeof(chain));
	return 0;
}

static int sync_name(struct agent_journal *journal)
{
	cleanup(base_close) int fd = open(journal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	journal->unnamed = false;
	return 0;
}

static bool is_ours(const struct agent_journal *journal)
{
	struct stat open_one, named;
	return journal->fd >= 0 && fstat(journal->fd, &open_one) == 0 &&
	       stat(journal->path, &named) == 0 && open_one.st_ino == named.st_ino &&
	       open_one.st_dev == named.st_dev;
}

// A new file with these records, in the place of what there is. `chain` is that of the last record. When it has the name
// already, but that may be lost again, it is used, and nothing counts until that is settled.
static int replace(struct agent_journal *journal, const struct buf *file,
		   const unsigned char chain[static PKI_DIGEST])
{
	int r = file_put(&(struct file_put){.path = journal->path,
					    .data = file->data,
					    .len = file->len,
					    .mode = 0600,
					    .how = FILE_REPLACE});
	if (r < 0 && (journal->fd < 0 || is_ours(journal)))
		return r;
	journal->unnamed = r < 0;
	base_close(&journal->fd);
	memcpy(journal->chain, chain, PKI_DIGEST);
	journal->end = file->len;
	journal->open = journal->owed = 0;
	journal->torn = false;
	return open_file(journal);
}

// The bytes of a new file with these records. `chain_out` is that of the last.
static void put_file(const struct buf *body, size_t bodies,
		     unsigned char chain_out[static PKI_DIGEST], struct buf *out)
{
	uint64_t len = HEAD;
	unsigned char chance[PKI_DIGEST];
	for (size_t i = 0; i < bodies; i++)
		len += FRAME + body[i].len;
	pki_random(chance, sizeof(chance));
	buf_add(out, magic, sizeof(magic));
	buf_add(out, chance, sizeof(chance));
	wire_put_u64(out, len);
	pki_sha256(out->data, HEAD, chain_out);
	for (size_t i = 0; i < bodies; i++)
		put_record(chain_out, &body[i], out);
}

static int put_records(struct agent_journal *journal, const struct buf *body, size_t bodies)
{
	unsigned char chain[PKI_DIGEST];
	cleanup(buf_fini) struct buf file;
	buf_init(&file);
	put_file(body, bodies, chain, &file);
	return replace(journal, &file, chain);
}

// The first record is there as soon as the file is: without it, it is damaged.
static int begin(struct agent_journal *journal, const struct buf *first)
{
	cleanup(buf_fini) struct buf lost;
	buf_init(&lost);
	put_kind(KIND_LOST, &lost);
	const struct buf body[] = {lost, *first};
	return journal->lost ? put_records(journal, body, 2) : put_records(journal, first, 1);
}

static int pay(struct agent_journal *journal)
{
	cleanup(buf_fini) struct buf body;
	buf_init(&body);
	if (!journal->owed)
		return 0;
	put_kind(KIND_REVERT, &body);
	wire_put_u32(&body, journal->owed);
	int r = write_record(journal, &body);
	if (r < 0)
		return r;
	journal->open -= journal->owed;
	journal->owed = 0;
	return 0;
}

static bool add(struct agent_journal *journal, const struct buf *body, struct diags *diags)
{
	int r = journal->unnamed ? sync_name(journal) : 0;
	if (r == 0 && journal->fd < 0 && journal->end)
		r = open_file(journal);
	if (r == 0 && journal->fd < 0)
		r = begin(journal, body);
	else if (r == 0 && (r = pay(journal)) == 0)
		r = write_record(journal, body);
	if (r < 0)
		agent_state_fault(diags, journal->path, r);
	return r == 0;
}

bool agent_journal_whole(struct agent_journal *journal, const struct agent_held *held,
			 struct diags *diags)
{
	cleanup(buf_fini) struct buf body;
	buf_init(&body);
	put_whole(held, &body);
	if (!add(journal, &body, diags))
		return false;
	journal->size = body.len;
	journal->open++;
	return true;
}

bool agent_journal_change(struct agent_journal *journal, const struct agent_change *change,
			  uint32_t generation, struct diags *diags)
{
	cleanup(buf_fini) struct buf body;
	buf_init(&body);
	put_kind(KIND_CHANGE, &body);
	wire_put_u32(&body, generation);
	agent_message_encode(&(struct agent_message){.type = AGENT_CHANGE, .change = *change},
			     &body);
	if (!add(journal, &body, diags))
		return false;
	journal->open++;
	return true;
}

bool agent_journal_confirm(struct agent_journal *journal, struct diags *diags)
{
	cleanup(buf_fini) struct buf body;
	buf_init(&body);
	put_kind(KIND_CONFIRM, &body);
	if (!add(journal, &body, diags))
		return false;
	journal->open = 0;
	journal->lost = false;
	return true;
}

void agent_journal_revert(struct agent_journal *journal, uint32_t n)
{
	assert(n <= journal->open - journal->owed);
	journal->owed += n;
	if (journal->fd >= 0)
		(void)pay(journal);
}

void agent_journal_forget(struct agent_journal *journal)
{
	agent_journal_revert(journal, journal->open - journal->owed);
}

bool agent_journal_grown(const struct agent_journal *journal)
{
	return journal->fd >= 0 && journal->end > 2 * journal->size + SLACK;
}

bool agent_journal_rewrite(struct agent_journal *journal, const struct agent_held *held,
			   struct diags *diags)
{
	struct buf body[2];
	assert(journal->open == journal->owed);
	buf_init(&body[0]);
	buf_init(&body[1]);
	put_whole(held, &body[0]);
	put_kind(KIND_CONFIRM, &body[1]);
	int r = put_records(journal, body, 2);
	if (r < 0)
		agent_state_fault(diags, journal->path, r);
	else
		journal->size = body[0].len;
	buf_fini(&body[0]);
	buf_fini(&body[1]);
	return r == 0;
}
