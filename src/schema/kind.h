// SPDX-License-Identifier: Apache-2.0
// Kinds: what a node is in the model. One for each data node, operation and notification of the modules; they live as
// long as the schema, so that what is worked out about a kind can be kept by its number.
#pragma once

#include "schema/schema.h"

struct schema_kind;

// Highest number of a kind; they begin at 1.
uint32_t schema_kinds(const struct schema *schema) must_check;
uint32_t schema_kind_id(const struct schema_kind *kind) must_check;
const struct schema_kind *schema_kind(const struct schema_node *node) must_check;
// Below a kind (of an operation: in its input), or with NULL at the top; NULL when there is none of that name.
const struct schema_kind *schema_kind_find(const struct schema *schema,
					   const struct schema_kind *parent, const char *module,
					   const char *name) must_check;
// The i-th of those below (NULL: at the top), NULL behind the last.
const struct schema_kind *schema_kind_child(const struct schema *schema,
					    const struct schema_kind *parent,
					    uint32_t i) must_check;
// NULL at the top.
const struct schema_kind *schema_kind_parent(const struct schema_kind *kind) must_check;
const char *schema_kind_module(const struct schema_kind *kind) must_check;
enum schema_class {
	SCHEMA_CONTAINER, // without presence: it means nothing by itself (RFC 7950 section 7.5.1)
	SCHEMA_PRESENCE,
	SCHEMA_LIST,
	SCHEMA_LEAF_LIST,
	SCHEMA_LEAF,
	SCHEMA_ANY, // any-data and any-XML
	SCHEMA_RPC, // and action
	SCHEMA_NOTIFICATION
};
enum schema_class schema_kind_class(const struct schema_kind *kind) must_check;
bool schema_kind_is_key(const struct schema_kind *kind) must_check;
// A list or leaf-list in which the user says the order.
bool schema_kind_is_ordered(const struct schema_kind *kind) must_check;

// What the statement itself, or one around it, says by an extension of ietf-netconf-acm:
// default-deny-write or default-deny-all.
enum schema_guard { SCHEMA_GUARD_NONE, SCHEMA_GUARD_WRITE, SCHEMA_GUARD_ALL };
enum schema_guard schema_kind_guard(const struct schema_kind *kind) must_check;
