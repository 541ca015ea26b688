// SPDX-License-Identifier: Apache-2.0
// For tests: a directory that a test has made goes, with all that is in it.
#pragma once

#include <ftw.h>
#include <stdio.h>

static inline int test_dir_remove_one(const char *path, const struct stat *st, int type,
				      struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void test_dir_remove(const char *dir)
{
	nftw(dir, test_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
