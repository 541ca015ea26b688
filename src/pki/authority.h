// SPDX-License-Identifier: Apache-2.0
// The authority's directory, as the files of this folder see it.
#pragma once

#include "pki/internal.h"

#include "base/arena.h"

struct pki {
	char *dir;
	int lock;
	EVP_PKEY *key;
	X509 *certificate;
	char organisation[PKI_TENANT_MOST + 1];
	struct arena arena; // of the index
	VEC(struct pki_entry) entry;
};

// --- the index (index.c) ---
bool pki_index_read(struct pki *pki, struct diags *diags) must_check;
bool pki_index_write(struct pki *pki, struct diags *diags) must_check;
struct pki_entry *pki_index_find(struct pki *pki, const char *serial) must_check;

// --- the revocation list (list.c) ---
// Signs it when it is missing, lacks a revocation of the index, or half of its time has passed at
// `now`.
bool pki_list_refresh(struct pki *pki, int64_t now, struct diags *diags) must_check;
