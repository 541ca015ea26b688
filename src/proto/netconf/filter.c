// SPDX-License-Identifier: Apache-2.0
// What a request selects of a tree: a subtree filter or an XPath expression. RFC 6241 sections 6 and 8.9; RFC 8526
// section 3.1.1.
#include "proto/netconf/filter.h"
#include "proto/netconf/expression.h"
#include "proto/netconf/netconf.h"
#include "proto/netconf/xml.h"
#include "schema/view.h"
#include "schema/xpath.h"

#include <string.h>

static const char *path_in(struct netconf_rpc *rpc, const char *name)
{
	return arena_printf(&rpc->arena, "%s/%s", schema_path(rpc->node, &rpc->arena), name);
}

// Of the element that has it; `text` NULL: as its content. False and diags.
static bool read_expression(struct netconf_rpc *rpc, const char *element, const char *text,
			    struct netconf_filter *out)
{
	struct netconf_xml operation, e;
	if (!netconf_expression_operation(rpc, &operation))
		return false;
	bool more = netconf_xml_first(&operation, &e);
	while (more && !netconf_xml_is(&e, e.uri, element))
		more = netconf_xml_next(&operation, &e);
	// Without the element only prefixes of the operation are known.
	if (!more)
		e = operation;
	if (!text)
		text = netconf_xml_text(&e);
	out->xpath = netconf_expression_read(rpc, &e, text ? text : "", out->path);
	return out->xpath;
}

bool netconf_filter_read(struct netconf_rpc *rpc, struct netconf_filter *out)
{
	const struct schema_node *filter = schema_get(rpc->node, "filter");
	const char *type = filter ? schema_attribute(rpc->tree, filter, "type") : NULL;
	const char *select = filter ? schema_attribute(rpc->tree, filter, "select") : NULL;
	*out = (struct netconf_filter){0};
	if (schema_get(rpc->node, "xpath-filter")) {
		out->path = path_in(rpc, "xpath-filter");
		return read_expression(rpc, "xpath-filter", NULL, out);
	}
	if (!filter) {
		out->subtree = schema_get(rpc->node, "subtree-filter");
		return true;
	}
	if (!type || strcmp(type, "subtree") == 0) {
		out->subtree = filter;
		return true;
	}
	out->path = path_in(rpc, "filter/@select");
	if (strcmp(type, "xpath") != 0)
		diag_error(&rpc->diags, DIAG_BAD_ATTRIBUTE, path_in(rpc, "filter/@type"),
			   "allowed: subtree, xpath", "\"%.64s\" is no type of filter", type);
	else if (!select)
		diag_error(&rpc->diags, DIAG_MISSING_ATTRIBUTE, out->path,
			   "write select=\"/prefix:name\"",
			   "a filter of type xpath has no expression");
	else
		return read_expression(rpc, "filter", select, out);
	return false;
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
		netconf_expression_place(rpc, before, rpc->filter.path);
	return good;
}
