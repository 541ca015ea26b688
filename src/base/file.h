// SPDX-License-Identifier: Apache-2.0
// Whole files: read with a limit, written so that a crash at any instant leaves the old file or the
// new one.
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct buf;

// Appends the file's content to `out`. 0, -EFBIG beyond `most` bytes, -EISDIR, or another negative
// errno; nothing is appended on failure.
int file_read(const char *path, size_t most, struct buf *out) must_check;

enum file_mode { FILE_REPLACE, FILE_NEW };
struct file_put {
	const char *path;
	const void *data;
	size_t len;
	mode_t mode;        // permission bits, whatever the umask
	enum file_mode how; // FILE_NEW: -EEXIST when the file is there
};
// Writes "PATH.new" beside it, syncs, renames, syncs the directory. One writer a path at a time. 0
// or a negative errno.
int file_put(const struct file_put *put) must_check;
// Removes the file and syncs the directory; 0 also when it is not there.
int file_remove(const char *path) must_check;
