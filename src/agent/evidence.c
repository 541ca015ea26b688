// SPDX-License-Identifier: Apache-2.0
// Keeping signed records of proofs. The one idea: the file is only ever appended to, and it is synced before anything of
// it is given out: a crash can take away what nobody has seen, and nothing else.
// What it does not: decide when something is proven and what is said about it; proof.c does.
#include "agent/evidence.h"

#include "agent/state.h"
#include "base/buf.h"
#include "base/file.h"
#include "pki/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

// One record in `text`: where it and its signature stand.
struct place {
	char chain[EVIDENCE_CHAIN];
	uint64_t serial;
	size_t begin, record, record_len, signature, signature_len, end;
};

struct agent_evidence {
	char *path, *certificate, *name;
	struct pki_signer *signer;
	struct utsname system;
	int fd; // appends
	bool dirty;
	struct buf text;    // of the file
	struct arena arena; // of what follows
	VEC(struct place) place;
	char chain[EVIDENCE_CHAIN], previous[EVIDENCE_DIGEST]; // of the next record
	uint64_t serial;                                       // of the last; 0: none in this chain
};

static bool io_fault(struct diags *diags, const char *path, int error)
{
	agent_state_fault(diags, path, error);
	return false;
}

// --- reading what is there ---

// The rest of the line at `at` behind `word`; false: it does not begin so, or is not whole.
static bool take_line(const struct buf *text, size_t *at, const char *word, size_t *begin_out,
		      size_t *len_out)
{
	size_t len = strlen(word);
	const char *begin = text->data + *at, *end = memchr(begin, '\n', text->len - *at);
	if (!end || (size_t)(end - begin) < len || memcmp(begin, word, len) != 0)
		return false;
	*begin_out = *at + len;
	*len_out = (size_t)(end - begin) - len;
	*at = (size_t)(end - text->data) + 1;
	return true;
}

static bool take_record(struct agent_evidence *e, size_t *at)
{
	struct place place = {.begin = *at};
	struct arena arena cleanup(arena_fini);
	struct diags ignored; // that it cannot be read is all there is to know
	struct evidence_record record;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	size_t end = *at;
	if (!take_line(&e->text, &end, "record ", &place.record, &place.record_len) ||
	    !take_line(&e->text, &end, "signature ", &place.signature, &place.signature_len) ||
	    !evidence_read(e->text.data + place.record, place.record_len, &ignored, &record))
		return false;
	*at = place.end = end;
	place.serial = record.serial;
	snprintf(place.chain, sizeof(place.chain), "%s", record.chain);
	vec_push(&e->arena, &e->place, place);
	e->serial = strcmp(record.nsf, e->name) == 0 ? record.serial : 0;
	return true;
}

// How much of the text is whole records.
static size_t find_records(struct agent_evidence *e)
{
	size_t at = 0;
	arena_fini(&e->arena);
	arena_init(&e->arena);
	e->place.at = NULL;
	e->place.len = e->place.cap = 0;
	while (at < e->text.len && take_record(e, &at))
		;
	return at;
}

static void begin_chain(struct agent_evidence *e)
{
	unsigned char random[PKI_DIGEST];
	char digits[PKI_DIGEST_TEXT];
	pki_random(random, sizeof(random));
	pki_digest_text(random, digits);
	snprintf(e->chain, sizeof(e->chain), "%.*s", EVIDENCE_CHAIN - 1, digits);
	memset(e->previous, '0', EVIDENCE_DIGEST - 1);
	e->previous[EVIDENCE_DIGEST - 1] = '\0';
}

static void go_on(struct agent_evidence *e)
{
	if (!e->serial) {
		begin_chain(e);
		return;
	}
	const struct place *last = &e->place.at[e->place.len - 1];
	snprintf(e->chain, sizeof(e->chain), "%s", last->chain);
	evidence_digest(e->text.data + last->record, last->record_len, e->previous);
}

static bool read_file(struct agent_evidence *e, struct diags *diags)
{
	int r = file_read(e->path, 2 * AGENT_EVIDENCE_KEPT, &e->text);
	if (r < 0 && r != -ENOENT)
		return io_fault(diags, e->path, r);
	size_t whole = find_records(e);
	if (whole < e->text.len)
		e->serial = 0; // who has seen what is cut must not meet its numbers again
	go_on(e);
	e->fd = open(e->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->fd < 0)
		return io_fault(diags, e->path, -errno);
	if (whole < e->text.len && ftruncate(e->fd, (off_t)whole) < 0)
		return io_fault(diags, e->path, -errno);
	e->text.len = whole;
	e->text.data[whole] = '\0';
	return true;
}

static bool make_key(const char *path, struct diags *diags)
{
	return access(path, F_OK) == 0 || pki_key_new(path, diags);
}

struct agent_evidence *agent_evidence_open(const char *state_dir, const char *name,
					   struct diags *diags)
{
	struct agent_evidence *e = base_oom(calloc(1, sizeof(*e)));
	cleanup(base_free) char *key = agent_state_path(state_dir, AGENT_EVIDENCE_KEY);
	e->path = agent_state_path(state_dir, "evidence");
	e->certificate = agent_state_path(state_dir, AGENT_EVIDENCE_CERTIFICATE);
	e->name = base_oom(strdup(name));
	e->fd = -1;
	buf_init(&e->text);
	arena_init(&e->arena);
	uname(&e->system);
	if (make_key(key, diags) && (e->signer = pki_signer_open(key, diags)) &&
	    read_file(e, diags))
		return e;
	agent_evidence_free(e);
	return NULL;
}

void agent_evidence_free(struct agent_evidence *e)
{
	if (!e)
		return;
	pki_signer_free(e->signer);
	base_close(&e->fd);
	buf_fini(&e->text);
	arena_fini(&e->arena);
	free(e->path);
	free(e->certificate);
	free(e->name);
	free(e);
}

// --- adding ---

static int append(struct agent_evidence *e, const char *data, size_t len)
{
	ssize_t written = write(e->fd, data, len);
	if (written == (ssize_t)len)
		return 0;
	int error = written < 0 ? -errno : -ENOSPC;
	// What was written of it must not stand before the next.
	return ftruncate(e->fd, (off_t)e->text.len) < 0 ? -errno : error;
}

// The older half goes; if that cannot be written now, it is tried again with the next record.
static void forget_oldest(struct agent_evidence *e)
{
	size_t i = 0;
	while (e->text.len - e->place.at[i].end > AGENT_EVIDENCE_KEPT / 2)
		i++;
	size_t gone = e->place.at[i].end;
	struct file_put put = {.path = e->path,
			       .data = e->text.data + gone,
			       .len = e->text.len - gone,
			       .mode = 0600,
			       .how = FILE_REPLACE};
	if (file_put(&put) < 0)
		return;
	int fd = open(e->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	base_close(&e->fd);
	e->fd = fd;
	buf_consume(&e->text, gone);
	(void)find_records(e);
}

bool agent_evidence_add(struct agent_evidence *e, const struct evidence_record *found,
			struct diags *diags, uint64_t *serial_out)
{
	struct evidence_record record = *found;
	cleanup(buf_fini) struct buf text, lines;
	buf_init(&text);
	buf_init(&lines);
	record.nsf = e->name;
	record.chain = e->chain;
	record.serial = e->serial + 1;
	record.previous = e->previous;
	record.key = pki_signer_key(e->signer);
	record.kernel = e->system.release;
	evidence_print(&record, &text);
	buf_printf(&lines, "record %s\nsignature ", text.data);
	pki_sign(e->signer, text.data, text.len, &lines);
	buf_addc(&lines, '\n');
	int r = append(e, lines.data, lines.len);
	if (r < 0)
		return io_fault(diags, e->path, r);
	size_t at = e->text.len;
	buf_add(&e->text, lines.data, lines.len);
	bool taken = take_record(e, &at); // as it will be read after a restart
	if (!taken)
		return io_fault(diags, e->path, -EINVAL);
	e->dirty = true;
	evidence_digest(text.data, text.len, e->previous);
	if (e->text.len > AGENT_EVIDENCE_KEPT)
		forget_oldest(e);
	*serial_out = e->serial;
	return true;
}

unsigned agent_evidence_chance(const struct agent_evidence *e)
{
	char two[3] = {e->previous[0], e->previous[1], '\0'};
	return (unsigned)strtoul(two, NULL, 16);
}

// --- giving out ---

static size_t find_place(const struct agent_evidence *e, const struct agent_evidence_ask *asked)
{
	for (size_t i = e->place.len; asked->chain && i; i--)
		if (e->place.at[i - 1].serial == asked->serial &&
		    strcmp(e->place.at[i - 1].chain, asked->chain) == 0)
			return i;
	return 0;
}

void agent_evidence_list(struct agent_evidence *e, const struct agent_evidence_ask *asked,
			 struct arena *arena, struct agent_records *out)
{
	cleanup(buf_fini) struct buf pem;
	buf_init(&pem);
	*out = (struct agent_records){.certificate = NULL};
	if (e->dirty && fdatasync(e->fd) < 0)
		return; // what may be lost was not seen
	e->dirty = false;
	if (file_read(e->certificate, PKI_PEM_MOST, &pem) == 0)
		out->certificate = arena_strndup(arena, pem.data, pem.len);
	size_t i = find_place(e, asked);
	for (; i < e->place.len && out->record.len < AGENT_EVIDENCE_ASKED; i++) {
		const struct place *p = &e->place.at[i];
		vec_push(arena, &out->record,
			 (struct agent_record){
				 .text = arena_strndup(arena, e->text.data + p->record,
						       p->record_len),
				 .signature = arena_strndup(arena, e->text.data + p->signature,
							    p->signature_len)});
	}
	out->more = i < e->place.len;
}

// --- the certificate ---

bool agent_evidence_request(const char *state_dir, const char *name, struct diags *diags,
			    struct buf *out)
{
	cleanup(base_free) char *key = agent_state_path(state_dir, AGENT_EVIDENCE_KEY);
	if (mkdir(state_dir, 0700) < 0 && errno != EEXIST)
		return io_fault(diags, state_dir, -errno);
	return make_key(key, diags) && pki_request(key, name, diags, out);
}

bool agent_evidence_certify(const char *state_dir, const char *certificate, struct diags *diags)
{
	cleanup(base_free) char *key = agent_state_path(state_dir, AGENT_EVIDENCE_KEY);
	cleanup(base_free) char *path = agent_state_path(state_dir, AGENT_EVIDENCE_CERTIFICATE);
	if (!pki_key_matches(key, certificate, diags))
		return false;
	int r = file_put(&(struct file_put){.path = path,
					    .data = certificate,
					    .len = strlen(certificate),
					    .mode = 0644,
					    .how = FILE_REPLACE});
	return r == 0 || io_fault(diags, path, r);
}
