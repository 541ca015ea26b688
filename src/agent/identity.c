// SPDX-License-Identifier: Apache-2.0
// Key and certificate change together. Two files cannot be renamed at once; the one idea is an order in which every crash
// can be mended: the new certificate is beside (nsf.pem.next), then the key is renamed, then the certificate. Who finds
// nsf.pem.next knows by whether it fits nsf.key if it has to be finished or forgotten.
#include "agent/identity.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "pki/pki.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HINT "make the certificate directory writable for root, with room on the disk"

static char *path_of(const char *dir, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", dir, name) < 0 ? base_oom(NULL) : path;
}

static bool fault(struct diags *diags, const char *path, int error)
{
	diag_add(diags, &(struct diag){.code = DIAG_IO, .file = path, .hint = HINT}, "%s",
		 strerror(-error));
	return false;
}

static bool put(const char *dir, const char *name, const char *text, struct diags *diags)
{
	cleanup(base_free) char *path = path_of(dir, name);
	int r = file_put(&(struct file_put){.path = path,
					    .data = text,
					    .len = strlen(text),
					    .mode = 0644,
					    .how = FILE_REPLACE});
	return r == 0 || fault(diags, path, r);
}

static bool forget(const char *dir, const char *name, struct diags *diags)
{
	cleanup(base_free) char *path = path_of(dir, name);
	int r = file_remove(path);
	return r == 0 || fault(diags, path, r);
}

static bool move(const char *dir, const char *from, const char *to, struct diags *diags)
{
	cleanup(base_free) char *old = path_of(dir, from);
	cleanup(base_free) char *new = path_of(dir, to);
	return rename(old, new) == 0 || fault(diags, new, -errno);
}

bool agent_identity_begin(const char *dir, const char *name, struct diags *diags, struct buf *out)
{
	cleanup(base_free) char *key = path_of(dir, "nsf.key.next");
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return fault(diags, dir, -errno);
	return forget(dir, "nsf.pem.next", diags) && forget(dir, "nsf.key.next", diags) &&
	       pki_key_new(key, diags) && pki_request(key, name, diags, out);
}

static bool hand_over(const char *dir, const char *name, const struct priv_user *user,
		      struct diags *diags)
{
	cleanup(base_free) char *path = path_of(dir, name);
	return !user->uid || chown(path, user->uid, user->gid) == 0 || fault(diags, path, -errno);
}

bool agent_identity_finish(const char *dir, const char *certificate, const char *ca,
			   const struct priv_user *user, struct diags *diags)
{
	cleanup(base_free) char *key = path_of(dir, "nsf.key.next");
	return pki_key_matches(key, certificate, diags) &&
	       hand_over(dir, "nsf.key.next", user, diags) && put(dir, "ca.pem", ca, diags) &&
	       put(dir, "nsf.pem.next", certificate, diags) &&
	       move(dir, "nsf.key.next", "nsf.key", diags) &&
	       move(dir, "nsf.pem.next", "nsf.pem", diags);
}

// Whether the certificate beside belongs to the key in use; why not is of no interest.
static bool fits(const char *dir, const char *certificate)
{
	struct arena arena;
	struct diags ignored;
	cleanup(base_free) char *key = path_of(dir, "nsf.key");
	arena_init(&arena);
	diags_init(&ignored, &arena);
	bool ok = pki_key_matches(key, certificate, &ignored);
	arena_fini(&arena);
	return ok;
}

bool agent_identity_mend(const char *dir, const struct priv_user *user, struct diags *diags)
{
	cleanup(base_free) char *next = path_of(dir, "nsf.pem.next");
	cleanup(buf_fini) struct buf certificate;
	buf_init(&certificate);
	int r = file_read(next, PKI_PEM_MOST, &certificate);
	if (r < 0 && r != -ENOENT)
		return fault(diags, next, r);
	if (r == 0 && fits(dir, certificate.data))
		return hand_over(dir, "nsf.key", user, diags) &&
		       move(dir, "nsf.pem.next", "nsf.pem", diags);
	return forget(dir, "nsf.pem.next", diags) && forget(dir, "nsf.key.next", diags);
}
