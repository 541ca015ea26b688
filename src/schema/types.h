// SPDX-License-Identifier: Apache-2.0
// Types that libyang knows better than the standard. Internal to this folder.
#pragma once

struct ly_ctx;

// After the modules are compiled, before facts about them are worked out.
void types_mend(const struct ly_ctx *ctx);
