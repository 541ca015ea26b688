// SPDX-License-Identifier: Apache-2.0
// Records and bundles of evidence: whatever is read as a record prints as the same bytes.
#include "base/buf.h"
#include "base/diag.h"
#include "evidence/evidence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_record(const char *text, size_t len, struct diags *diags)
{
	struct evidence_record record;
	cleanup(buf_fini) struct buf again;
	buf_init(&again);
	if (!evidence_read(text, len, diags, &record))
		return;
	evidence_print(&record, &again);
	assert(again.len == len && memcmp(again.data, text, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	struct evidence_bundle bundle;
	arena_init(&arena);
	diags_init(&diags, &arena);
	try_record((const char *)data, len, &diags);
	char *copy = arena_alloc(&arena, len + 1);
	memcpy(copy, data, len);
	if (!evidence_bundle_read(copy, len, &diags, &bundle))
		return 0;
	for (size_t i = 0; i < bundle.item.len; i++)
		try_record(bundle.item.at[i].text, strlen(bundle.item.at[i].text), &diags);
	return 0;
}
