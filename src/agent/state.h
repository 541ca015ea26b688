// SPDX-License-Identifier: Apache-2.0
// What the enforcer keeps on disk. Files of the state directory:
//   confirmed  the policy that is in force for good
//   pending    the policy of a confirmed commit that awaits its confirmation
//   next       one that is being put into force; means nothing after a crash
//   startup    the startup configuration, text only
// Each is replaced whole and carries its length and SHA-256, so that it is either what was written or known as broken.
#pragma once

#include "ir/ir.h"

struct diags;

// Bytes of one file.
#define AGENT_STATE_MOST (600u << 20)

struct agent_policy {
	struct ir_ruleset ruleset; // in order of decision, as committed
	const char *running;       // the configuration that it was read from
	int64_t lowered_at,
		horizon; // the arguments of ir_ruleset_lower_time that made what is in the kernel
	uint32_t generation;
};

enum agent_found { AGENT_FOUND, AGENT_ABSENT, AGENT_BROKEN };
// BROKEN adds a diag that names the file and what to do. Texts and the ruleset live in the arena.
enum agent_found agent_policy_read(const char *dir, const char *name, struct arena *arena,
				   struct diags *diags, struct agent_policy *out) must_check;
// False and a diag when it could not be written; the old file is then still there.
bool agent_policy_write(const char *dir, const char *name, const struct agent_policy *policy,
			struct diags *diags) must_check;

enum agent_found agent_startup_read(const char *dir, struct arena *arena, struct diags *diags,
				    const char **out) must_check;
// NULL removes it.
bool agent_startup_write(const char *dir, const char *text, struct diags *diags) must_check;

// Renames within the directory and syncs it.
bool agent_state_rename(const char *dir, const char *from, const char *to,
			struct diags *diags) must_check;
bool agent_state_remove(const char *dir, const char *name, struct diags *diags) must_check;
bool agent_state_exists(const char *dir, const char *name) must_check;
