// SPDX-License-Identifier: Apache-2.0
// The facts of a compiled YANG module: everything that two implementations must agree on, and no
// prose, one line each. Two modules with the same facts take the same documents.
#pragma once

#include "base/base.h"

struct buf;
struct diags;

// Compiles `module` of `yang_dir` with what it imports, all features on, and appends its facts to
// `out` as tab-separated lines:
//   # module NAME, # namespace, # prefix, # revision, # import NAME as PREFIX, # extension,
//   # PREFIX:EXTENSION ARGUMENT where the module itself has one, # feature, # typedef, # grouping,
//   each in the order of the module;
//   identity NAME base BASES, the bases as written, separated by commas;
//   one line a compiled node, in schema order: path, kind, config (rw, ro; - in operations and
//   notifications), type as written, type as resolved, constraints (a space after each); first the
//   module's own nodes, then those that it adds to other modules, and if it has none of its own,
//   each of its typedefs and groupings, as used by modules "lent.types" and "lent.GROUPING".
// False and diags when the module does not compile. What libyang warns of becomes a warning, and is
// no failure. Not for two threads at once: libyang's log options are those of the process.
bool schema_facts(const char *yang_dir, const char *module, struct buf *out,
		  struct diags *diags) must_check;
