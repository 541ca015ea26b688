// SPDX-License-Identifier: Apache-2.0
// A reader for the envelopes of NETCONF messages: elements, attributes and text where they stand, namespaces resolved.
// What is inside <config> and <data> goes on to schema as bytes. Everything borrows from the message.
#pragma once

#include "base/arena.h"

struct buf;
struct netconf_xml_scope;

struct netconf_xml_span {
	const char *at;
	size_t len;
};

struct netconf_xml {
	struct arena *arena;
	struct netconf_xml_span name;           // without prefix
	const char *uri;                        // namespace; "" for none
	struct netconf_xml_span tag_name;       // as written
	struct netconf_xml_span attributes;     // as written
	struct netconf_xml_span outer;          // the element as written
	struct netconf_xml_span content;        // between its tags; empty for <x/>
	const struct netconf_xml_scope *scope;  // namespaces in force inside
	const struct netconf_xml_scope *around; // and where it stands
};

// The root of a message. Its tags are checked to match throughout; document types and NULs are refused. False:
// `fault_out` is a constant that says why.
bool netconf_xml_parse(struct arena *arena, struct netconf_xml_span message,
		       struct netconf_xml *root_out, const char **fault_out) must_check;
// The first child, and from one child to the next. False: there is none, or its tag is bad.
bool netconf_xml_first(const struct netconf_xml *parent, struct netconf_xml *child_out) must_check;
bool netconf_xml_next(const struct netconf_xml *parent, struct netconf_xml *child) must_check;
// The child of that name; false when there is none.
bool netconf_xml_child(const struct netconf_xml *parent, const char *uri, const char *name,
		       struct netconf_xml *child_out) must_check;

bool netconf_xml_is(const struct netconf_xml *element, const char *uri,
		    const char *name) must_check;
// Its text, references and CDATA resolved, without white space at both ends, in the arena. NULL when it has elements.
const char *netconf_xml_text(const struct netconf_xml *element) must_check;
// What a prefix means inside the element; NULL when it is not declared.
const char *netconf_xml_namespace(const struct netconf_xml *element, const char *prefix) must_check;
// The value of an attribute without a prefix, in the arena; NULL when it is absent.
const char *netconf_xml_attribute(const struct netconf_xml *element, const char *name) must_check;
// Appends the element with the namespaces in force around it declared in it, so that it can stand alone.
void netconf_xml_add(const struct netconf_xml *element, struct buf *out);
// Likewise every child.
void netconf_xml_add_children(const struct netconf_xml *element, struct buf *out);
