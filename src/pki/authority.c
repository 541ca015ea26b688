// SPDX-License-Identifier: Apache-2.0
// A certificate authority in a directory: made, opened, and asked for certificates. The one idea:
// order of writing. A new authority is built aside and renamed into place; a certificate enters the
// index before anybody has it; what follows from the index is mended when the directory is opened.
// What it does not: intermediate authorities, hardware keys.
// RFC 5280, RFC 2986.
#include "pki/authority.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { ADDRESSES_MOST = 64 };

// --- making ---

static bool put_text(const char *dir, const char *name, const struct buf *text, struct diags *diags)
{
	cleanup(base_free) char *path = pki_path(dir, name, "");
	int r = file_put(&(struct file_put){.path = path,
					    .data = text->data,
					    .len = text->len,
					    .mode = 0644,
					    .how = FILE_REPLACE});
	return r == 0 ||
	       pki_file_fault(diags, path, r, "make room on the disk or the directory writable");
}

static bool fill(struct pki *pki, struct diags *diags)
{
	cleanup(buf_fini) struct buf pem;
	buf_init(&pem);
	cleanup(base_free) char *key_path = pki_path(pki->dir, "ca.key", "");
	cleanup(base_free) char *issued = pki_path(pki->dir, "issued", "");
	pki->key = pki_key_make(diags);
	if (!pki->key || !pki_key_write(pki->key, key_path, diags))
		return false;
	pki->certificate =
		pki_certificate_make(&(struct pki_make){.organisation = pki->organisation,
							.key = pki->key,
							.signer = pki->key,
							.now = time(NULL)},
				     diags);
	if (!pki->certificate)
		return false;
	pki_certificate_print(pki->certificate, &pem);
	if (mkdir(issued, 0755) < 0)
		return pki_file_fault(diags, issued, -errno, "see whether the file system works");
	return put_text(pki->dir, "ca.pem", &pem, diags) && pki_index_write(pki, diags) &&
	       pki_list_refresh(pki, time(NULL), diags);
}

static void forget(struct pki *pki)
{
	EVP_PKEY_free(pki->key);
	X509_free(pki->certificate);
	arena_fini(&pki->arena);
	base_close(&pki->lock);
	free(pki->dir);
}

static void remove_aside(const char *dir)
{
	static const char *const name[] = {"ca.key", "ca.pem", "crl.pem", "index"};
	for (size_t i = 0; i < array_len(name); i++) {
		cleanup(base_free) char *path = pki_path(dir, name[i], "");
		unlink(path);
	}
	cleanup(base_free) char *issued = pki_path(dir, "issued", "");
	rmdir(issued);
	rmdir(dir);
}

static int rename_into_place(const char *aside, const char *dir)
{
	if (rename(aside, dir) < 0) // onto nothing, or onto an empty directory
		return -errno;
	cleanup(base_free) char *copy = base_oom(strdup(dir));
	cleanup(base_close) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

bool pki_init(const char *dir, const char *organisation, struct diags *diags)
{
	if (!pki_tenant_check(organisation, diags))
		return false;
	struct pki pki = {.lock = -1, .dir = pki_path(dir, "", "")};
	arena_init(&pki.arena);
	snprintf(pki.organisation, sizeof(pki.organisation), "%s", organisation);
	size_t end = strlen(pki.dir);
	while (end > 1 && pki.dir[end - 1] == '/')
		pki.dir[--end] = '\0';
	cleanup(base_free) char *target = pki.dir;
	pki.dir = NULL;
	bool ok = false;
	if (asprintf(&pki.dir, "%s.XXXXXX", target) < 0)
		pki.dir = base_oom(NULL);
	if (!mkdtemp(pki.dir)) {
		ok = pki_file_fault(diags, target, -errno,
				    "make the directory above it, or choose one that is writable");
		goto out;
	}
	ok = fill(&pki, diags);
	int r = ok ? rename_into_place(pki.dir, target) : 0;
	if (r == -ENOTEMPTY || r == -EEXIST || r == -ENOTDIR) {
		diag_add(diags,
			 &(struct diag){.code = DIAG_EXISTS,
					.file = target,
					.hint = "choose another directory; an authority is never "
						"overwritten"},
			 "it exists and is not an empty directory");
		ok = false;
	} else if (r < 0) {
		ok = pki_file_fault(diags, target, r, "choose a directory that is writable");
	}
	if (!ok)
		remove_aside(pki.dir);
out:
	forget(&pki);
	return ok;
}

// --- opening ---

static bool take_lock(struct pki *pki, struct diags *diags)
{
	cleanup(base_free) char *path = pki_path(pki->dir, "lock", "");
	pki->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (pki->lock < 0)
		return pki_file_fault(
			diags, path, -errno,
			"name a directory that 'bulwark pki init' made and that you may write to");
	if (flock(pki->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	diag_add(diags,
		 &(struct diag){.code = DIAG_LOCKED,
				.file = pki->dir,
				.hint = "try again; if a controller has it open for long, ask the "
					"controller instead"},
		 "another process is using this authority");
	return false;
}

static bool read_certificate(struct pki *pki, struct diags *diags)
{
	cleanup(base_free) char *path = pki_path(pki->dir, "ca.pem", "");
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	int r = file_read(path, PKI_PEM_MOST, &text);
	if (r < 0)
		return pki_file_fault(diags, path, r,
				      "name a directory that 'bulwark pki init' made");
	pki->certificate = pki_certificate_read(text.data, diags);
	if (!pki->certificate)
		return false;
	bool ours = X509_check_private_key(pki->certificate, pki->key) == 1 &&
		    X509_check_ca(pki->certificate) == 1;
	int len = X509_NAME_get_text_by_NID(X509_get_subject_name(pki->certificate),
					    NID_organizationName, pki->organisation,
					    sizeof(pki->organisation));
	ERR_clear_error();
	if (ours && len > 0)
		return true;
	diag_add(diags,
		 &(struct diag){.code = DIAG_CONFLICT,
				.file = path,
				.hint = "restore ca.pem and ca.key from the same backup"},
		 "the certificate is not this authority's");
	return false;
}

struct pki *pki_open(const char *dir, struct diags *diags)
{
	struct pki *pki = base_oom(calloc(1, sizeof(*pki)));
	pki->lock = -1;
	pki->dir = base_oom(strdup(dir));
	arena_init(&pki->arena);
	cleanup(base_free) char *key_path = pki_path(dir, "ca.key", "");
	if (take_lock(pki, diags) && (pki->key = pki_key_read(key_path, diags)) &&
	    read_certificate(pki, diags) && pki_index_read(pki, diags) &&
	    pki_list_refresh(pki, time(NULL), diags))
		return pki;
	pki_close(pki);
	return NULL;
}

void pki_close(struct pki *pki)
{
	if (!pki)
		return;
	forget(pki);
	free(pki);
}

void pki_ca(const struct pki *pki, struct buf *out)
{
	pki_certificate_print(pki->certificate, out);
}

void pki_ca_fingerprint(const struct pki *pki, unsigned char out[static PKI_DIGEST])
{
	unsigned len = 0;
	int ok = X509_digest(pki->certificate, EVP_sha256(), out, &len);
	assert(ok == 1 && len == PKI_DIGEST);
}

// --- issuing ---

static bool is_address(const char *text)
{
	unsigned char bytes[16];
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool check_subject(const struct pki_subject *subject, struct diags *diags)
{
	bool ok = pki_name_check(subject->name, diags);
	if (subject->tenant)
		ok &= pki_tenant_check(subject->tenant, diags);
	if (!subject->tenant != (subject->role != PKI_TENANT_USER)) {
		diag_error(diags, DIAG_MISSING, NULL,
			   "name the tenant for tenant-user, and for no other role",
			   "a certificate for %s with%s a tenant", pki_role_name[subject->role],
			   subject->tenant ? "" : "out");
		ok = false;
	}
	if (subject->days > PKI_DAYS_MOST || subject->addresses > ADDRESSES_MOST) {
		diag_error(diags, DIAG_LIMIT, NULL, "ask for at most 3650 days and 64 addresses",
			   "a validity or a list of addresses that is too long");
		ok = false;
	}
	for (size_t i = 0; ok && i < subject->addresses; i++) {
		if (is_address(subject->address[i]))
			continue;
		diag_error(diags, DIAG_VALUE, NULL,
			   "give IPv4 or IPv6 addresses without prefix length, zone or port",
			   "'%.80s' is not an IP address", subject->address[i]);
		ok = false;
	}
	return ok;
}

// Signed, in the index, and on the disk; in this order.
static bool issue(struct pki *pki, const struct pki_subject *subject, EVP_PKEY *key,
		  struct diags *diags, struct buf *chain_out)
{
	struct pki_entry entry = {.revoked = 0};
	pki_auto(X509) made =
		pki_certificate_make(&(struct pki_make){.subject = subject,
							.organisation = pki->organisation,
							.key = key,
							.issuer = pki->certificate,
							.signer = pki->key,
							.now = time(NULL)},
				     diags);
	if (!made)
		return false;
	if (!pki_certificate_identity(made, &entry.identity))
		return pki_library_fault(diags,
					 "the certificate that was made cannot be read back");
	vec_push(&pki->arena, &pki->entry, entry);
	if (!pki_index_write(pki, diags)) {
		pki->entry.len--;
		return false;
	}
	cleanup(buf_fini) struct buf pem;
	buf_init(&pem);
	pki_certificate_print(made, &pem);
	char name[PKI_SERIAL_TEXT + 16];
	snprintf(name, sizeof(name), "issued/%s.pem", entry.identity.serial);
	if (!put_text(pki->dir, name, &pem, diags))
		return false;
	buf_add(chain_out, pem.data, pem.len);
	pki_certificate_print(pki->certificate, chain_out);
	return true;
}

bool pki_issue(struct pki *pki, const struct pki_subject *subject, const char *request,
	       struct diags *diags, struct buf *chain_out)
{
	if (!check_subject(subject, diags))
		return false;
	pki_auto(X509_REQ) read = pki_request_read(request, diags);
	return read && issue(pki, subject, X509_REQ_get0_pubkey(read), diags, chain_out);
}

bool pki_issue_files(struct pki *pki, const struct pki_subject *subject, const char *dir,
		     struct diags *diags)
{
	if (!check_subject(subject, diags))
		return false;
	cleanup(base_free) char *key_path = pki_path(dir, subject->name, ".key");
	cleanup(base_free) char *path = pki_path(dir, subject->name, ".pem");
	cleanup(buf_fini) struct buf chain;
	buf_init(&chain);
	pki_auto(EVP_PKEY) key = pki_key_make(diags);
	if (!key || !pki_key_write(key, key_path, diags))
		return false;
	bool ok = issue(pki, subject, key, diags, &chain);
	if (ok) {
		int r = file_put(&(struct file_put){.path = path,
						    .data = chain.data,
						    .len = chain.len,
						    .mode = 0644,
						    .how = FILE_NEW});
		ok = r == 0 ||
		     pki_file_fault(diags, path, r,
				    "move the old certificate away, or choose another directory");
	}
	if (!ok)
		unlink(key_path);
	return ok;
}

// --- renewing ---

static size_t read_addresses(X509 *certificate, char text[static ADDRESSES_MOST][INET6_ADDRSTRLEN])
{
	pki_auto(GENERAL_NAMES) names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t found = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && found < ADDRESSES_MOST; i++) {
		int kind;
		const ASN1_STRING *bytes =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
		if (kind != GEN_IPADD)
			continue;
		int len = ASN1_STRING_length(bytes), family = len == 4 ? AF_INET : AF_INET6;
		if ((len == 4 || len == 16) &&
		    inet_ntop(family, ASN1_STRING_get0_data(bytes), text[found], INET6_ADDRSTRLEN))
			found++;
	}
	return found;
}

static bool may_renew(struct pki *pki, X509 *certificate, struct pki_identity *identity,
		      struct diags *diags)
{
	int64_t now = time(NULL);
	enum pki_verdict verdict = PKI_OK;
	if (!pki_signed_by(certificate, pki->certificate))
		verdict = PKI_UNKNOWN_ISSUER;
	else if (!pki_certificate_identity(certificate, identity))
		verdict = PKI_BAD_CERTIFICATE;
	else if (identity->role == PKI_EVIDENCE)
		verdict = PKI_WRONG_ROLE; // its key stays: pki_certify_again
	else if (now > identity->not_after)
		verdict = PKI_EXPIRED;
	const struct pki_entry *entry =
		verdict == PKI_OK ? pki_index_find(pki, identity->serial) : NULL;
	if (verdict == PKI_OK && (!entry || entry->revoked))
		verdict = entry ? PKI_REVOKED : PKI_UNKNOWN_ISSUER;
	if (verdict == PKI_OK)
		return true;
	diag_error(diags, DIAG_DENIED, NULL, pki_verdict_hint(verdict), "%s",
		   pki_verdict_text(verdict));
	return false;
}

bool pki_renew(struct pki *pki, const char *certificate, const char *request, unsigned days,
	       struct diags *diags, struct buf *chain_out)
{
	pki_auto(X509) old = pki_certificate_read(certificate, diags);
	struct pki_identity identity;
	if (!old || !may_renew(pki, old, &identity, diags))
		return false;
	char text[ADDRESSES_MOST][INET6_ADDRSTRLEN];
	const char *address[ADDRESSES_MOST];
	size_t addresses = read_addresses(old, text);
	for (size_t i = 0; i < addresses; i++)
		address[i] = text[i];
	return pki_issue(pki,
			 &(struct pki_subject){.role = identity.role,
					       .name = identity.name,
					       .tenant = identity.role == PKI_TENANT_USER
								 ? identity.tenant
								 : NULL,
					       .address = address,
					       .addresses = addresses,
					       .days = days},
			 request, diags, chain_out);
}

// --- the same key again ---

static bool was_for(const struct pki *pki, const struct pki_entry *entry, const EVP_PKEY *key)
{
	char name[PKI_SERIAL_TEXT + 16];
	struct arena arena cleanup(arena_fini);
	struct diags ignored; // what cannot be read proves nothing
	cleanup(buf_fini) struct buf text;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	buf_init(&text);
	snprintf(name, sizeof(name), "issued/%s.pem", entry->identity.serial);
	cleanup(base_free) char *path = pki_path(pki->dir, name, "");
	if (file_read(path, PKI_PEM_MOST, &text) < 0)
		return false;
	pki_auto(X509) old = pki_certificate_read(text.data, &ignored);
	return old && EVP_PKEY_eq(X509_get0_pubkey(old), key) == 1;
}

static bool was_certified(const struct pki *pki, const struct pki_subject *subject,
			  const EVP_PKEY *key)
{
	for (size_t i = pki->entry.len; i; i--) {
		const struct pki_entry *entry = &pki->entry.at[i - 1];
		if (!entry->revoked && entry->identity.role == subject->role &&
		    strcmp(entry->identity.name, subject->name) == 0 && was_for(pki, entry, key))
			return true;
	}
	return false;
}

bool pki_certify_again(struct pki *pki, const struct pki_subject *subject, const char *request,
		       struct diags *diags, struct buf *chain_out)
{
	pki_auto(X509_REQ) read = pki_request_read(request, diags);
	if (!read || !check_subject(subject, diags))
		return false;
	EVP_PKEY *key = X509_REQ_get0_pubkey(read);
	if (was_certified(pki, subject, key))
		return issue(pki, subject, key, diags, chain_out);
	diag_error(diags, DIAG_DENIED, NULL, "enrol again with a token",
		   "this key was not certified for %s before, or was revoked", subject->name);
	return false;
}
