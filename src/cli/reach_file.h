// SPDX-License-Identifier: Apache-2.0
// What `bulwark reach` is asked about: a network file, or a single ruleset between two sets of addresses.
#pragma once

#include "cli/cli.h"
#include "verify/reach.h"

#define REACH_FILE_BYTES ((size_t)4 << 20)
#define REACH_ZONES_MOST 256
#define REACH_NSFS_MOST 256

// Addresses under a name, beside zones: groups of the network file.
struct reach_group {
	const char *name;
	struct algebra_set v4, v6;
};
struct reach_file {
	struct verify_network network;
	VEC(struct reach_group) group;
};
// Reads and checks the file and all that it names. False when there were errors, each with its line.
bool reach_file_load(struct cli *cli, const char *path, struct reach_file *out) must_check;
// Appends the user and device groups of a consumer-facing document. False when there were errors.
bool reach_groups_load(struct cli *cli, const char *path, struct reach_file *out) must_check;
// The line (from 1) at which the value of a JSON pointer (RFC 6901; no escapes) stands in a well-formed text.
unsigned reach_json_line(const char *text, const char *pointer) must_check;
