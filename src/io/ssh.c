// SPDX-License-Identifier: Apache-2.0
// SSH identities: the own key, and who may come in.
//
// The idea: files are read whole and then swapped in under a lock; a transport asks at the moment it needs to know, so a key
// that was taken out of the file does not come in any more, even on a connection that waits at the door. What cannot be read
// lets nobody in. It does not know connections. RFC 4253 section 8, RFC 4252 section 7.
#include "io/ssh_internal.h"
#include "base/buf.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_FILE_MOST 16384
#define AUTHORIZED_MOST (256u * 1024)
#define HINT_FILE "make it there and readable for this user"

// The list of one state of the file.
struct trust {
	struct arena arena;
	struct io_authorized authorized;
	struct stat stamp; // of the file; zero: it was not there
	bool broken;       // it could not be read, so the list is empty
};

struct io_ssh {
	atomic_uint refs;
	char *key_file, *authorized_file;
	const char *const *roles;
	char *tenant_role;
	void (*note)(void *context, const struct diag *what);
	void *context;
	pthread_mutex_t lock; // guards what follows
	ssh_key key;
	ssh_bind bind;       // server
	struct trust *trust; // server
};

static bool bad_file(struct diags *diags, const char *file, const char *hint, const char *text)
{
	struct diag about = {.code = DIAG_IO, .file = file, .hint = hint};
	diag_add(diags, &about, "%s", text);
	return false;
}

// --- keys ---

void io_ssh_key_drop(ssh_key *key)
{
	ssh_key_free(*key);
}

bool io_ssh_fingerprint_of(ssh_key key, char out[static IO_SSH_FINGERPRINT])
{
	unsigned char *hash = NULL;
	size_t len = 0;
	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0)
		return false;
	char *text = base_oom(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len));
	snprintf(out, IO_SSH_FINGERPRINT, "%s", text);
	ssh_string_free_char(text);
	ssh_clean_pubkey_hash(&hash);
	return true;
}

// "TYPE BASE64"
static void print_public(ssh_key key, struct buf *out)
{
	char *base64 = NULL;
	int rc = ssh_pki_export_pubkey_base64(key, &base64);
	assert(rc == SSH_OK);
	buf_printf(out, "%s %s", ssh_key_type_to_char(ssh_key_type(key)), base64);
	ssh_string_free_char(base64);
}

// The same measure for our key as for those of others.
static bool good_key(ssh_key key, const char *file, struct diags *diags)
{
	char ignored[IO_SSH_FINGERPRINT];
	const char *fault = NULL;
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	print_public(key, &text);
	char *base64 = strchr(text.data, ' ');
	*base64++ = '\0';
	if (io_ssh_public_read(text.data, base64, &fault, ignored))
		return true;
	struct diag about = {.code = DIAG_VALUE, .file = file, .hint = IO_SSH_KEY_HINT};
	diag_add(diags, &about, "the key (%s) %s", text.data, fault);
	return false;
}

static void warn_mode(const char *file, struct diags *diags)
{
	struct stat st;
	if (stat(file, &st) < 0 || !(st.st_mode & 077))
		return;
	struct diag about = {.severity = DIAG_WARNING,
			     .code = DIAG_DENIED,
			     .file = file,
			     .hint = "chmod 0600 it"};
	diag_add(diags, &about, "others than its owner can reach the key");
}

static ssh_key load_key(const char *file, struct diags *diags)
{
	ssh_key key = NULL;
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	int rc = file_read(file, KEY_FILE_MOST, &text);
	if (rc < 0) {
		bad_file(diags, file, HINT_FILE, strerror(-rc));
		return NULL;
	}
	if (ssh_pki_import_privkey_base64(text.data, NULL, NULL, NULL, &key) != SSH_OK) {
		bad_file(diags, file, "it must hold a private key without a passphrase",
			 "this is no key that can be used");
		return NULL;
	}
	warn_mode(file, diags);
	if (good_key(key, file, diags))
		return key;
	ssh_key_free(key);
	return NULL;
}

bool io_ssh_key_new(const char *path, struct diags *diags)
{
	cleanup(io_ssh_key_drop) ssh_key key = NULL;
	char *text = NULL;
	if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK ||
	    ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) != SSH_OK)
		return bad_file(diags, path, "see whether the system gives random numbers",
				"a key cannot be made");
	int rc = file_put(&(struct file_put){
		.path = path, .data = text, .len = strlen(text), .mode = 0600, .how = FILE_NEW});
	explicit_bzero(text, strlen(text));
	ssh_string_free_char(text);
	return rc == 0 || bad_file(diags, path, "use a directory that can be written, with room",
				   strerror(-rc));
}

// --- who may come in ---

static void free_trust(struct trust *trust)
{
	if (trust)
		arena_fini(&trust->arena);
	free(trust);
}

static bool read_trust(const struct io_ssh *ssh, struct diags *diags, struct trust *trust)
{
	const char *file = ssh->authorized_file;
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	// The stamp first: what is written meanwhile is read once more.
	int rc = stat(file, &trust->stamp) < 0 ? -errno : file_read(file, AUTHORIZED_MOST, &text);
	if (rc < 0)
		return bad_file(diags, file, HINT_FILE, strerror(-rc));
	if (trust->stamp.st_mode & 022)
		return bad_file(diags, file, "chmod go-w it",
				"others than its owner can write it, so nobody comes in");
	struct io_authorized_text in = {.file = file, .text = text.data, .roles = ssh->roles};
	in.tenant_role = ssh->tenant_role;
	io_authorized_parse(&in, &trust->arena, diags, &trust->authorized);
	return true;
}

static struct trust *load_trust(const struct io_ssh *ssh, struct diags *diags)
{
	struct trust *trust = base_oom(calloc(1, sizeof(*trust)));
	arena_init(&trust->arena);
	trust->broken = !read_trust(ssh, diags, trust);
	return trust;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void note_all(struct io_ssh *ssh, const struct diags *diags)
{
	for (size_t i = 0; i < diags->list.len; i++)
		io_ssh_note(ssh, &diags->list.at[i]);
}

static void swap_trust(struct io_ssh *ssh, struct trust *fresh)
{
	pthread_mutex_lock(&ssh->lock);
	struct trust *old = ssh->trust;
	ssh->trust = fresh;
	pthread_mutex_unlock(&ssh->lock);
	free_trust(old);
}

static bool has_changed(struct io_ssh *ssh)
{
	struct stat now = {0};
	bool there = stat(ssh->authorized_file, &now) == 0;
	pthread_mutex_lock(&ssh->lock);
	// What is not there stays a fault, which was told when it was met first.
	bool changed = !is_same(&now, &ssh->trust->stamp) || (!there && !ssh->trust->broken);
	pthread_mutex_unlock(&ssh->lock);
	return changed;
}

static void read_again(struct io_ssh *ssh)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct trust *fresh = load_trust(ssh, &diags);
	struct diag about = {.severity = DIAG_NOTE, .file = ssh->authorized_file};
	if (!fresh->broken)
		diag_add(&diags, &about, "it has changed; %zu keys may come in",
			 fresh->authorized.key.len);
	swap_trust(ssh, fresh);
	note_all(ssh, &diags);
}

bool io_ssh_admit(struct io_ssh *ssh, const char *user, struct arena *arena, struct io_peer *peer)
{
	if (has_changed(ssh))
		read_again(ssh);
	pthread_mutex_lock(&ssh->lock);
	const struct io_authorized_key *key =
		io_authorized_find(&ssh->trust->authorized, user, peer->fingerprint);
	if (key) {
		peer->name = arena_strdup(arena, key->name);
		peer->unit = arena_strdup(arena, key->role);
		peer->organisation = arena_strdup(arena, key->tenant);
	}
	pthread_mutex_unlock(&ssh->lock);
	return key != NULL;
}

void io_ssh_note(struct io_ssh *ssh, const struct diag *what)
{
	if (ssh->note)
		ssh->note(ssh->context, what);
}

// --- the server's part of libssh ---

static void set_bind(ssh_bind bind, enum ssh_bind_options_e option, const void *value)
{
	// These are constants that libssh either knows or does not.
	int rc = ssh_bind_options_set(bind, option, value);
	assert(rc == SSH_OK);
}

static ssh_bind bind_new(ssh_key key)
{
	ssh_bind bind = base_oom(ssh_bind_new());
	set_bind(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &(bool){false});
	set_bind(bind, SSH_BIND_OPTIONS_KEY_EXCHANGE, IO_SSH_KEX);
	set_bind(bind, SSH_BIND_OPTIONS_CIPHERS_C_S, IO_SSH_CIPHERS);
	set_bind(bind, SSH_BIND_OPTIONS_CIPHERS_S_C, IO_SSH_CIPHERS);
	set_bind(bind, SSH_BIND_OPTIONS_HMAC_C_S, IO_SSH_MACS);
	set_bind(bind, SSH_BIND_OPTIONS_HMAC_S_C, IO_SSH_MACS);
	set_bind(bind, SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, IO_SSH_SIGNATURES);
	set_bind(bind, SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, IO_SSH_SIGNATURES);
	// Libssh leaves a smaller key without any answer; the file of those that may come in has none.
	set_bind(bind, SSH_BIND_OPTIONS_RSA_MIN_SIZE, &(int){1024});
	set_bind(bind, SSH_BIND_OPTIONS_BANNER, "bulwark");
	set_bind(bind, SSH_BIND_OPTIONS_IMPORT_KEY, base_oom(ssh_key_dup(key)));
	return bind;
}

bool io_ssh_accept(struct io_ssh *ssh, ssh_session session, int fd)
{
	pthread_mutex_lock(&ssh->lock);
	int rc = ssh_bind_accept_fd(ssh->bind, session, fd);
	pthread_mutex_unlock(&ssh->lock);
	return rc == SSH_OK;
}

// --- life ---

static bool reload_key(struct io_ssh *ssh, struct diags *diags)
{
	ssh_key key = load_key(ssh->key_file, diags);
	if (!key)
		return false;
	ssh_bind bind = ssh->authorized_file ? bind_new(key) : NULL;
	pthread_mutex_lock(&ssh->lock);
	ssh_key old_key = ssh->key;
	ssh_bind old_bind = ssh->bind;
	ssh->key = key;
	ssh->bind = bind;
	pthread_mutex_unlock(&ssh->lock);
	ssh_key_free(old_key);
	if (old_bind)
		ssh_bind_free(old_bind);
	return true;
}

bool io_ssh_reload(struct io_ssh *ssh, struct diags *diags)
{
	bool broken = false;
	if (ssh->authorized_file) {
		struct trust *fresh = load_trust(ssh, diags);
		broken = fresh->broken;
		swap_trust(ssh, fresh);
	}
	return reload_key(ssh, diags) && !broken;
}

struct io_ssh *io_ssh_new(const struct io_ssh_options *options, struct diags *diags)
{
	struct io_ssh *ssh = base_oom(calloc(1, sizeof(*ssh)));
	atomic_init(&ssh->refs, 1);
	pthread_mutex_init(&ssh->lock, NULL);
	signal(SIGPIPE, SIG_IGN);
	ssh->key_file = base_oom(strdup(options->key));
	ssh->roles = base_texts_copy(options->roles);
	if (options->tenant_role)
		ssh->tenant_role = base_oom(strdup(options->tenant_role));
	if (options->authorized) {
		ssh->authorized_file = base_oom(strdup(options->authorized));
		// Nobody may come in yet; that is no reason not to start.
		ssh->trust = load_trust(ssh, diags);
	}
	if (!reload_key(ssh, diags)) {
		io_ssh_free(ssh);
		return NULL;
	}
	ssh->note = options->note;
	ssh->context = options->context;
	return ssh;
}

struct io_ssh *io_ssh_ref(struct io_ssh *ssh)
{
	atomic_fetch_add(&ssh->refs, 1);
	return ssh;
}

void io_ssh_unref(struct io_ssh *ssh)
{
	if (atomic_fetch_sub(&ssh->refs, 1) != 1)
		return;
	ssh_key_free(ssh->key);
	if (ssh->bind)
		ssh_bind_free(ssh->bind);
	free_trust(ssh->trust);
	base_texts_free(ssh->roles);
	free(ssh->tenant_role);
	free(ssh->key_file);
	free(ssh->authorized_file);
	pthread_mutex_destroy(&ssh->lock);
	free(ssh);
}

void io_ssh_free(struct io_ssh *ssh)
{
	if (!ssh)
		return;
	ssh->note = NULL;
	io_ssh_unref(ssh);
}

// --- what others ask ---

ssh_key io_ssh_key(struct io_ssh *ssh)
{
	pthread_mutex_lock(&ssh->lock);
	ssh_key key = base_oom(ssh_key_dup(ssh->key));
	pthread_mutex_unlock(&ssh->lock);
	return key;
}

void io_ssh_public(struct io_ssh *ssh, struct buf *out)
{
	cleanup(io_ssh_key_drop) ssh_key key = io_ssh_key(ssh);
	print_public(key, out);
}

void io_ssh_fingerprint(struct io_ssh *ssh, char out[static IO_SSH_FINGERPRINT])
{
	cleanup(io_ssh_key_drop) ssh_key key = io_ssh_key(ssh);
	bool ok = io_ssh_fingerprint_of(key, out);
	assert(ok);
}
