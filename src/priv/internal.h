// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share.
#pragma once

#include "base/base.h"

// Makes a held capability effective or not. -EPERM when it is not held.
int priv_raise(int cap, bool on) must_check;
