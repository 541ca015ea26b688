// SPDX-License-Identifier: Apache-2.0
// XPath expressions in requests: their prefixes are those that are declared where the expression stands (RFC 6241 section
// 8.9.5.1). Between the files of the server.
#pragma once

#include "proto/netconf/server_internal.h"

struct netconf_xml;
struct schema_xpath;
struct schema_xpath_place;

// The operation of the request as it came, to look for declarations; in the rpc's arena. False and diags: the two readers
// of XML do not agree on the message.
bool netconf_expression_operation(struct netconf_rpc *rpc,
				  struct netconf_xml *operation_out) must_check;
// The diags from number `from` on are about an expression at `path`: a bad value there, unless it takes too long.
void netconf_expression_place(struct netconf_rpc *rpc, size_t from, const char *path);
// Calls `fn` for each node that it selects. False and a diag at `path`: it gives no nodes, or takes too long.
bool netconf_expression_nodes(struct netconf_rpc *rpc, struct schema_xpath *xpath,
			      const struct schema_xpath_place *place,
			      void (*fn)(void *context, const struct schema_node *node),
			      void *context, const char *path) must_check;
// NULL and a diag at `path`: it is no expression, or has a prefix that is not declared at `element`.
struct schema_xpath *netconf_expression_read(struct netconf_rpc *rpc,
					     const struct netconf_xml *element, const char *text,
					     const char *path) must_check;
