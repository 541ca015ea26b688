// SPDX-License-Identifier: Apache-2.0
// What a request selects of a tree: a subtree filter or an XPath expression. RFC 6241 sections 6 and 8.9.
#include "proto/netconf/filter.h"
#include "proto/netconf/expression.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/xml.h"
#include "schema/view.h"
#include "schema/xpath.h"

#include <string.h>

static const char *attribute_path(struct netconf_rpc *rpc, const char *attribute)
{
	return arena_printf(&rpc->arena, "%s/filter/@%s", schema_path(rpc->node, &rpc->arena),
			    attribute);
}

// NULL and diags.
static struct schema_xpath *read_select(struct netconf_rpc *rpc, const char *select)
{
	struct netconf_xml operation, e;
	if (!netconf_expression_operation(rpc, &operation))
		return NULL;
	bool more = netconf_xml_first(&operation, &e);
	while (more && !netconf_xml_is(&e, e.uri, "filter"))
		more = netconf_xml_next(&operation, &e);
	// Without the element only prefixes of the operation are known.
	if (!more)
		e = operation;
	return netconf_expression_read(rpc, &e, select, attribute_path(rpc, "select"));
}

bool netconf_filter_read(struct netconf_rpc *rpc, struct netconf_filter *out)
{
	const struct schema_node *filter = schema_get(rpc->node, "filter");
	const char *type = filter ? schema_attribute(rpc->tree, filter, "type") : NULL;
	const char *select = filter ? schema_attribute(rpc->tree, filter, "select") : NULL;
	*out = (struct netconf_filter){0};
	if (!type || strcmp(type, "subtree") == 0) {
		out->subtree = filter;
		return true;
	}
	if (strcmp(type, "xpath") != 0)
		diag_error(&rpc->diags, DIAG_BAD_ATTRIBUTE, attribute_path(rpc, "type"),
			   "allowed: subtree, xpath", "\"%.64s\" is no type of filter", type);
	else if (!select)
		diag_error(&rpc->diags, DIAG_MISSING_ATTRIBUTE, attribute_path(rpc, "select"),
			   "write select=\"/prefix:name\"",
			   "a filter of type xpath has no expression");
	else
		out->xpath = read_select(rpc, select);
	return out->xpath;
}

void netconf_filter_fini(struct netconf_filter *filter)
{
	schema_xpath_free(filter->xpath);
	*filter = (struct netconf_filter){0};
}

bool netconf_filter_apply(const struct netconf_filter *filter, struct schema_view *view,
			  struct diags *diags)
{
	if (filter->subtree)
		return schema_view_subtree(view, filter->subtree, diags);
	return !filter->xpath || schema_view_xpath(view, filter->xpath, diags);
}

bool netconf_filter_show(struct netconf_rpc *rpc, struct schema_view *view)
{
	size_t before = rpc->diags.list.len;
	bool good = netconf_filter_apply(&rpc->filter, view, &rpc->diags);
	if (rpc->filter.xpath)
		netconf_expression_place(rpc, before, attribute_path(rpc, "select"));
	return good;
}
