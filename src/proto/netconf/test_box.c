// SPDX-License-Identifier: Apache-2.0
// A server for tests. Box items named "refused" are refused by the application; a commit of an item "slow" waits.
#include "proto/netconf/test_box.h"
#include "access/access.h"
#include "io/loop.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS "urn:test:box"

static void give(struct test_box *box, struct netconf_reply *reply)
{
	struct diag why = {.code = DIAG_CAPABILITY, .rule = "r1", .hint = "try something else"};
	if (box->fails)
		netconf_reply_error(reply, &why, "the box cannot do that");
	else if (box->held_data.len)
		netconf_reply_data(reply, box->held_data.data, box->held_data.len);
	else
		netconf_reply_ok(reply);
}

static void ask(struct test_box *box, struct netconf_reply *reply)
{
	if (!box->later) {
		give(box, reply);
		return;
	}
	assert(!box->held);
	box->held = reply;
}

void test_box_answer(struct test_box *box)
{
	struct netconf_reply *reply = box->held;
	assert(reply);
	box->held = NULL;
	give(box, reply);
}

static bool validate(void *context, const struct schema_tree *tree, struct diags *diags)
{
	(void)context;
	const char *path = "/test-box:box/item[name='refused']";
	if (!schema_find(tree, path))
		return true;
	diag_error(diags, DIAG_PLACE, path, "name it otherwise", "the box does not like this item");
	return false;
}

static bool refuse(const struct schema_tree *tree, struct netconf_reply *reply)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool refused = !validate(NULL, tree, &diags);
	if (refused)
		netconf_reply_errors(reply, &diags);
	arena_fini(&arena);
	return refused;
}

static void revert(void *context)
{
	struct test_box *box = context;
	netconf_server_reverted(box->server);
}

static void commit(void *context, const struct netconf_commit *c, struct netconf_reply *reply)
{
	struct test_box *box = context;
	assert(c->tree && c->asker->session);
	if (refuse(c->tree, reply))
		return;
	buf_printf(&box->asked, "commit%s%s", c->confirmed ? " confirmed" : "",
		   c->follow_up ? " again" : "");
	if (c->confirmed)
		buf_printf(&box->asked, " %u", c->timeout_s);
	if (c->persist)
		buf_printf(&box->asked, " as %s", c->persist);
	buf_addc(&box->asked, ';');
	if (box->own_timer && c->confirmed)
		io_timer_set(box->timer, c->timeout_s * 1000);
	else
		io_timer_clear(box->timer);
	ask(box, reply);
}

static void confirm(void *context, const struct netconf_asker *asker, struct netconf_reply *reply)
{
	struct test_box *box = context;
	assert(asker->session);
	buf_adds(&box->asked, "confirm;");
	io_timer_clear(box->timer);
	ask(box, reply);
}

static void cancel(void *context, const struct netconf_asker *asker, struct netconf_reply *reply)
{
	struct test_box *box = context;
	buf_adds(&box->asked, asker->session ? "cancel;" : "cancel of a lost session;");
	io_timer_clear(box->timer);
	ask(box, reply);
}

static void persist(void *context, const struct schema_tree *tree, struct netconf_reply *reply)
{
	struct test_box *box = context;
	buf_adds(&box->asked, tree ? "persist;" : "persist nothing;");
	ask(box, reply);
}

static void state(void *context, const struct netconf_get *get, struct netconf_reply *reply)
{
	struct buf xml cleanup(buf_fini);
	(void)context;
	buf_init(&xml);
	if (netconf_get_wants(get, NS, "uptime"))
		buf_adds(&xml, "<uptime xmlns=\"" NS "\"><seconds>77</seconds></uptime>");
	if (netconf_get_wants(get, NS, "box"))
		buf_adds(&xml, "<box xmlns=\"" NS "\"><load><percent>12</percent></load></box>");
	netconf_reply_data(reply, xml.data, xml.len);
}

// The common name is the user; everybody is a member of "people" unless the name says otherwise.
static bool user(void *context, const struct io_peer *peer, struct diags *diags,
		 struct access_who *out)
{
	static const char *const people[] = {"people"};
	(void)context;
	(void)diags;
	*out = (struct access_who){.name = peer->name, .group = people};
	out->groups = strncmp(peer->name, "guest", 5) != 0;
	out->recovery = strcmp(peer->name, "root") == 0;
	return true;
}

#define PEOPLE_MAY                                                                         \
	"<nacm xmlns=\"" ACCESS_NAMESPACE "\"><rule-list><name>people</name><group>people" \
	"</group><rule><name>all</name><action>permit</action></rule></rule-list></nacm>"

static void event(void *context, const struct netconf_asker *asker, const char *what,
		  const struct diag *why)
{
	struct test_box *box = context;
	buf_printf(&box->events, "%u %s: %s: %s\n", asker->session, asker->user, what,
		   why ? why->text : "");
}

static void echo(void *context, const struct netconf_request *request, struct netconf_reply *reply)
{
	struct test_box *box = context;
	buf_clear(&box->held_data);
	buf_adds(&box->held_data, "<text xmlns=\"" NS "\">");
	buf_add_xml(&box->held_data, schema_get_value(request->rpc, "text"));
	buf_adds(&box->held_data, "</text>");
	ask(box, reply);
	if (!box->held)
		buf_clear(&box->held_data);
}

static void nothing(void *context, const struct netconf_request *request,
		    struct netconf_reply *reply)
{
	(void)request;
	ask(context, reply);
}

static const struct netconf_ops ops = {
	.user = user,
	.validate = validate,
	.commit = commit,
	.confirm = confirm,
	.cancel = cancel,
	.persist = persist,
	.state = state,
	.event = event,
};

struct schema *test_box_schema(void)
{
	static const char *const modules[] = {"ietf-netconf",
					      "notifications",
					      "nc-notifications",
					      "ietf-netconf-notifications",
					      "ietf-netconf-monitoring",
					      "ietf-netconf-with-defaults",
					      "ietf-netconf-partial-lock",
					      "ietf-netconf-acm",
					      "ietf-yang-library",
					      "ietf-netconf-nmda:with-defaults",
					      "test-box",
					      "test-borrower",
					      NULL};
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct schema *schema = schema_open(TEST_YANG_DIR, modules, &diags);
	if (!schema)
		fprintf(stderr, "%s\n", diags.list.at[0].text);
	assert(schema);
	return schema;
}

struct schema_tree *test_box_tree(struct schema *schema, const char *xml)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	struct schema_tree *tree = schema_tree_new(schema);
	struct schema_input input = {.data = xml, .len = strlen(xml), .format = SCHEMA_XML};
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool ok = schema_parse(tree, &input, &diags);
	assert(ok);
	return tree;
}

void test_box_init(struct test_box *box, const struct netconf_server_options *options)
{
	struct netconf_server_options o = *options;
	*box = (struct test_box){.loop = options->loop};
	arena_init(&box->arena);
	diags_init(&box->diags, &box->arena);
	buf_init(&box->asked);
	buf_init(&box->events);
	buf_init(&box->held_data);
	box->timer = io_timer_new(box->loop, revert, box);
	box->schema = o.schema ? o.schema : test_box_schema();
	o.schema = box->schema;
	o.ops = &ops;
	o.context = box;
	if (!o.nacm)
		o.nacm = PEOPLE_MAY;
	box->server = netconf_server_new(&o);
	netconf_server_handle(box->server,
			      &(struct netconf_handler){"test-box", "echo", echo, box});
	netconf_server_handle(box->server,
			      &(struct netconf_handler){"test-box", "nothing", nothing, box});
}

void test_box_fini(struct test_box *box)
{
	netconf_server_free(box->server);
	io_timer_free(box->timer);
	schema_free(box->schema);
	buf_fini(&box->asked);
	buf_fini(&box->events);
	buf_fini(&box->held_data);
	arena_fini(&box->arena);
}
