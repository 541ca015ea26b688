// SPDX-License-Identifier: Apache-2.0
// For import.c only: one reader a format, each with the contract of import_read.
#pragma once

#include "import/import.h"

bool import_iptables_read(const struct import_input *input, struct arena *arena,
			  struct diags *diags, struct import_result *out) must_check;
bool import_nft_read(const struct import_input *input, struct arena *arena, struct diags *diags,
		     struct import_result *out) must_check;
bool import_nft_json_read(const struct import_input *input, struct arena *arena,
			  struct diags *diags, struct import_result *out) must_check;
