// SPDX-License-Identifier: Apache-2.0
// The index of an authority: every certificate that was ever signed. The one idea: a certificate is
// in the index before anybody gets it, so that whatever is out there can be listed and revoked; a
// line is never removed.
//
// One line: SERIAL FINGERPRINT NOT-BEFORE NOT-AFTER REVOKED ROLE NAME TENANT, times in seconds
// since 1970, the tenant last because it may hold spaces. The file is rewritten whole: 200 bytes a
// certificate.
#include "pki/authority.h"

#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "bulwark-pki 1\n"
enum { INDEX_MOST = 256 << 20 };

static bool parse_line(const char *line, struct pki_entry *out)
{
	struct pki_identity *id = &out->identity;
	char role[16];
	int tenant = 0;
	int n = sscanf(line,
		       "%40[0-9A-F] %64[0-9a-f] %" SCNd64 " %" SCNd64 " %" SCNd64
		       " %15[a-z-] %63[A-Za-z0-9._-] %n",
		       id->serial, id->fingerprint, &id->not_before, &id->not_after, &out->revoked,
		       role, id->name, &tenant);
	size_t len = n == 7 && tenant ? strlen(line + tenant) : 0;
	if (!len || len > PKI_TENANT_MOST || !pki_role_parse(role, &id->role))
		return false;
	snprintf(id->tenant, sizeof(id->tenant), "%s", line + tenant);
	return true;
}

static bool broken(const char *path, unsigned line, struct diags *diags)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_SYNTAX,
				.file = path,
				.line = line,
				.hint = "restore the file from a backup; without it certificates "
					"could not be revoked"},
		 "the index of the authority is damaged");
	return false;
}

static bool parse(struct pki *pki, const char *path, char *text, struct diags *diags)
{
	if (strncmp(text, HEADER, strlen(HEADER)) != 0)
		return broken(path, 1, diags);
	unsigned number = 1;
	for (char *line = text + strlen(HEADER), *end; *line; line = end + 1) {
		struct pki_entry entry;
		number++;
		end = strchr(line, '\n');
		if (!end)
			return broken(path, number, diags);
		*end = '\0';
		if (!parse_line(line, &entry))
			return broken(path, number, diags);
		vec_push(&pki->arena, &pki->entry, entry);
	}
	return true;
}

bool pki_index_read(struct pki *pki, struct diags *diags)
{
	cleanup(base_free) char *path = pki_path(pki->dir, "index", "");
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	int r = file_read(path, INDEX_MOST, &text);
	if (r < 0)
		return pki_file_fault(diags, path, r,
				      "name a directory that 'bulwark pki init' made");
	return parse(pki, path, text.data, diags);
}

bool pki_index_write(struct pki *pki, struct diags *diags)
{
	cleanup(base_free) char *path = pki_path(pki->dir, "index", "");
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	buf_adds(&text, HEADER);
	for (size_t i = 0; i < pki->entry.len; i++) {
		const struct pki_entry *entry = &pki->entry.at[i];
		const struct pki_identity *id = &entry->identity;
		buf_printf(&text, "%s %s %" PRId64 " %" PRId64 " %" PRId64 " %s %s %s\n",
			   id->serial, id->fingerprint, id->not_before, id->not_after,
			   entry->revoked, pki_role_name[id->role], id->name, id->tenant);
	}
	int r = file_put(&(struct file_put){.path = path,
					    .data = text.data,
					    .len = text.len,
					    .mode = 0644,
					    .how = FILE_REPLACE});
	return r == 0 || pki_file_fault(diags, path, r,
					"make room on the disk or the directory writable; nothing "
					"was issued or revoked");
}

struct pki_entry *pki_index_find(struct pki *pki, const char *serial)
{
	for (size_t i = 0; i < pki->entry.len; i++) {
		if (strcmp(pki->entry.at[i].identity.serial, serial) == 0)
			return &pki->entry.at[i];
	}
	return NULL;
}

void pki_each(const struct pki *pki, pki_entry_fn fn, void *context)
{
	for (size_t i = 0; i < pki->entry.len; i++)
		fn(&pki->entry.at[i], context);
}
