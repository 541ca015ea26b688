// SPDX-License-Identifier: Apache-2.0
// Validation of what has changed. Internal to this folder.
#pragma once

#include "schema/model.h"

// The tree was valid at this position of its log. Defaults are brought up to date; that goes into the log, too.
bool incremental_validate(struct schema_tree *tree, size_t valid, struct diags *diags) must_check;
