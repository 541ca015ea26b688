// SPDX-License-Identifier: Apache-2.0
// What files of the state directory have in common, and the simplest of them, `startup`: the startup configuration. It is
// replaced whole and carries its length and SHA-256, so that it is either what was written or known as broken. The
// policy is in `journal` (journal.h).
#pragma once

#include "base/base.h"

struct arena;
struct diags;

// Bytes of one file.
#define AGENT_STATE_MOST (1200u << 20)

enum agent_found { AGENT_FOUND, AGENT_ABSENT, AGENT_BROKEN };

// BROKEN adds a diag that names the file and what to do. The text lives in the arena.
enum agent_found agent_startup_read(const char *dir, struct arena *arena, struct diags *diags,
				    const char **out) must_check;
// NULL removes it. False and a diag when it could not be written; the old one is then still there.
bool agent_startup_write(const char *dir, const char *text, struct diags *diags) must_check;

// The path of a file in the directory; free it.
char *agent_state_path(const char *dir, const char *name) must_check;
bool agent_state_remove(const char *dir, const char *name, struct diags *diags) must_check;
// Add the diag of a file that cannot be written, or used.
void agent_state_fault(struct diags *diags, const char *path, int error);
void agent_state_broken(struct diags *diags, const char *path, const char *why);
