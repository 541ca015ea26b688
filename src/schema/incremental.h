// SPDX-License-Identifier: Apache-2.0
// Validation of what has changed. Internal to this folder.
#pragma once

#include "schema/model.h"

// The tree was valid before what its undo log has. Defaults are brought up to date; that goes into the log, too.
bool incremental_validate(struct schema_tree *tree, struct diags *diags) must_check;
