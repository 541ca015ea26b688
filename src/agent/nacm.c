// SPDX-License-Identifier: Apache-2.0
// The access control that an agent is shipped with (docs/why/access.md): its controllers and its operators may do
// everything, nobody else anything, whatever groups there will be. It stands in the first running configuration, so that it
// can be read and added to; a configuration without access control means the same.
#include "agent/front_internal.h"

#include "access/access.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <assert.h>

#define MAY_ALL(list, group)                                                                    \
	"<rule-list><name>" list "</name><group>" group "</group><rule><name>everything</name>" \
	"<action>permit</action></rule></rule-list>"

const char front_nacm[] =
	"<nacm xmlns=\"" ACCESS_NAMESPACE "\">"
	"<read-default>deny</read-default><exec-default>deny</exec-default>" MAY_ALL(
		"controllers", "controller") MAY_ALL("operators", "operator") "</nacm>";

struct schema_tree *front_first_running(const struct front *front)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	struct schema_tree *tree = schema_tree_new(front->schema);
	struct schema_input input = {
		.data = front_nacm, .len = sizeof(front_nacm) - 1, .format = SCHEMA_XML};
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool good = schema_parse(tree, &input, &diags) && schema_validate(tree, &diags);
	assert(good);
	return tree;
}
