// SPDX-License-Identifier: Apache-2.0
// Texts that are kept once and counted: equal texts are equal pointers. Internal to this folder.
#pragma once

#include "base/base.h"

// Zeroed is empty.
struct intern {
	const char **slot;
	size_t len, cap;
};

void intern_fini(struct intern *intern);
// The one text that is equal to this; counted once more.
const char *intern_add(struct intern *intern, const char *text, size_t len) must_check;
// The same without counting; NULL: there is none.
const char *intern_find(const struct intern *intern, const char *text, size_t len) must_check;
const char *intern_ref(const char *text) must_check;
void intern_unref(struct intern *intern, const char *text);
// A counted text that is like no other, for those too long to be compared; intern_ref and intern_unref take it, too.
const char *intern_lone(const char *text, size_t len) must_check;
size_t intern_length(const char *text) must_check;
