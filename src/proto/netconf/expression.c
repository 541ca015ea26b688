// SPDX-License-Identifier: Apache-2.0
// XPath expressions in requests. The message is read once more for the declarations around an expression, as data nodes
// do not keep them.
#include "proto/netconf/expression.h"
#include "proto/netconf/xml.h"
#include "schema/xpath.h"

#include <string.h>

bool netconf_expression_operation(struct netconf_rpc *rpc, struct netconf_xml *operation_out)
{
	struct netconf_xml root;
	const char *fault = "it has no operation";
	struct netconf_xml_span message = {rpc->message, rpc->message_len};
	if (netconf_xml_parse(&rpc->arena, message, &root, &fault) &&
	    netconf_xml_first(&root, operation_out))
		return true;
	diag_error(&rpc->diags, DIAG_SYNTAX, NULL, "write the message more simply",
		   "the message is not understood: %s", fault);
	return false;
}

void netconf_expression_place(struct netconf_rpc *rpc, size_t from, const char *path)
{
	for (size_t i = from; i < rpc->diags.list.len; i++) {
		struct diag *d = &rpc->diags.list.at[i];
		d->path = path;
		if (d->code != DIAG_LIMIT)
			d->code = DIAG_VALUE;
	}
}

struct names {
	const struct netconf_server *server;
	const struct netconf_xml *element;
};

static const char *module_of(void *context, const char *prefix)
{
	const struct names *names = context;
	const char *uri = netconf_xml_namespace(names->element, prefix);
	return uri ? map_get(&names->server->modules, uri) : NULL;
}

struct schema_xpath *netconf_expression_read(struct netconf_rpc *rpc,
					     const struct netconf_xml *element, const char *text,
					     const char *path)
{
	struct names context = {rpc->server, element};
	struct schema_xpath_names names = {.module = module_of, .context = &context};
	size_t before = rpc->diags.list.len;
	struct schema_xpath *xpath =
		schema_xpath_parse(rpc->server->options.schema, text, &names, &rpc->diags);
	netconf_expression_place(rpc, before, path);
	return xpath;
}

bool netconf_expression_nodes(struct netconf_rpc *rpc, struct schema_xpath *xpath,
			      const struct schema_xpath_place *place,
			      void (*fn)(void *context, const struct schema_node *node),
			      void *context, const char *path)
{
	size_t before = rpc->diags.list.len;
	bool good = schema_xpath_nodes(xpath, place, fn, context, &rpc->diags);
	netconf_expression_place(rpc, before, path);
	return good;
}
