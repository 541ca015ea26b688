// SPDX-License-Identifier: Apache-2.0
// The expressions (when, must) and references (leafref) of schema nodes, prepared. Internal to this folder.
#pragma once

#include "schema/node.h"

struct lysc_type_leafref;

// Which module a prefix of an expression means, for struct schema_xpath_names; the context are libyang's prefixes.
const char *rules_module(void *context, const char *prefix);
// The node's own rules and references.
void rules_add(struct schema *schema, struct model_node *m);
// Tells the nodes that they look at; after rules_add of all nodes.
void rules_watch(struct schema *schema, struct model_node *m);
// In which order defaults under a `when` have to be settled; after all facts are known.
void rules_rank(struct model_node *const *all, size_t len);

void rules_free(struct schema *schema);

// Whether the rule holds for this node (or for the dummy that stands for it); a fault of the expression counts as no.
bool rules_hold(const struct model_rule *rule, const struct schema_node *node) must_check;
// Whether some target of the leafref's path has the leaf's value.
bool rules_names(const struct schema_node *leaf, const struct lysc_type_leafref *type) must_check;
// Whether the `when`s of a node that is absent would let it stand there, also those of the choices and cases around it.
bool rules_allow(struct schema_tree *tree, struct schema_node *parent,
		 const struct lysc_node *lys) must_check;
