// SPDX-License-Identifier: Apache-2.0
// What a request selects of a tree. Between the files of the server.
#pragma once

#include "base/base.h"

struct diags;
struct netconf_rpc;
struct schema_node;
struct schema_view;
struct schema_xpath;

// Zero: everything.
struct netconf_filter {
	const struct schema_node *subtree; // in the request's tree
	struct schema_xpath *xpath;        // owned
	const char *path;                  // where the expression stands
};
// The <filter> of the operation, or what get-data has instead. False and diags: it is of another type, or no expression.
bool netconf_filter_read(struct netconf_rpc *rpc, struct netconf_filter *out) must_check;
void netconf_filter_fini(struct netconf_filter *filter);
// Applies the request's. False and diags.
bool netconf_filter_show(struct netconf_rpc *rpc, struct schema_view *view) must_check;
// False and diags: the expression gives no nodes, or takes too long.
bool netconf_filter_apply(const struct netconf_filter *filter, struct schema_view *view,
			  struct diags *diags) must_check;
