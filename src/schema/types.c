// SPDX-License-Identifier: Apache-2.0
// Types that libyang knows better than the standard: node-instance-identifier (RFC 8341 section 3.5.2) is a path whose keys
// may be compared with the variable $USER, which libyang 2.1.30 refuses. It is taken as what it is derived from, an XPath
// expression; whoever works with such a path says what else is wrong with it (access/path.c).
#include "schema/types.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <string.h>

static const struct lyplg_type path = {
	.id = "bulwark - node-instance-identifier, an xpath1.0",
	.store = lyplg_type_store_xpath10,
	.compare = lyplg_type_compare_simple,
	.print = lyplg_type_print_xpath10,
	.duplicate = lyplg_type_dup_xpath10,
	.free = lyplg_type_free_xpath10,
	.lyb_data_len = -1,
};

static LY_ERR mend(struct lysc_node *node, void *context, ly_bool *dfs_continue)
{
	(void)context;
	(void)dfs_continue;
	if (!(node->nodetype & LYD_NODE_TERM))
		return LY_SUCCESS;
	struct lysc_type *type = ((struct lysc_node_leaf *)node)->type;
	if (type->plugin->id && strstr(type->plugin->id, "node-instance-identifier"))
		type->plugin = (struct lyplg_type *)(uintptr_t)&path;
	return LY_SUCCESS;
}

void types_mend(const struct ly_ctx *ctx)
{
	const struct lys_module *mod;
	uint32_t index = 0;
	while ((mod = ly_ctx_get_module_iter(ctx, &index)))
		if (mod->implemented && mod->compiled)
			(void)lysc_module_dfs_full(mod, mend, NULL);
}
