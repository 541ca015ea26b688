// SPDX-License-Identifier: Apache-2.0
// Whole files. The one idea: a name never refers to a file that is not complete and on the disk.
// What it does not: lock against a second writer; its callers own their directories.
#include "base/file.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t most, struct buf *out)
{
	size_t before = out->len;
	for (;;) {
		ssize_t n = read(fd, buf_reserve(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		buf_advance(out, (size_t)n);
		if (out->len - before > most)
			return -EFBIG;
	}
}

int file_read(const char *path, size_t most, struct buf *out)
{
	cleanup(base_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct buf content;
	buf_init(&content);
	int r = read_all(fd, most, &content);
	if (r == 0)
		buf_add(out, content.data, content.len);
	buf_fini(&content);
	return r;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_directory_of(const char *path)
{
	cleanup(base_free) char *copy = base_oom(strdup(path));
	cleanup(base_close) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_aside(const char *aside, const struct file_put *put)
{
	if (unlink(aside) < 0 && errno != ENOENT)
		return -errno;
	cleanup(base_close) int fd =
		open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, put->mode);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, put->mode) < 0)
		return -errno;
	int r = write_all(fd, put->data, put->len);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_put(const struct file_put *put)
{
	struct buf aside;
	buf_init(&aside);
	buf_printf(&aside, "%s.new", put->path);
	int r = write_aside(aside.data, put);
	unsigned flags = put->how == FILE_NEW ? RENAME_NOREPLACE : 0;
	if (r == 0 && renameat2(AT_FDCWD, aside.data, AT_FDCWD, put->path, flags) < 0)
		r = -errno;
	if (r < 0)
		unlink(aside.data);
	buf_fini(&aside);
	return r < 0 ? r : sync_directory_of(put->path);
}

int file_remove(const char *path)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_directory_of(path);
}
