// SPDX-License-Identifier: Apache-2.0
// The configuration datastores of the agent's NETCONF server. The one idea: front turns a valid tree into rules and asks;
// the enforcer decides, keeps and reverts. Whatever the enforcer refuses is an rpc-error of the commit.
// What it does not: sessions, locks, candidate (proto/netconf).
// RFC 6241 sections 7.9 (get), 8.3 (candidate), 8.4 (confirmed commit), 8.7 (startup).
#include "agent/front_internal.h"

#include "access/access.h"
#include "agent/channel.h"
#include "agent/sent.h"
#include "agent/xml.h"
#include "base/buf.h"
#include "cap/cap.h"
#include "codec/cap.h"
#include "io/transport.h"
#include "pki/pki.h"
#include "proto/netconf/server.h"
#include "schema/schema.h"
#include "schema/view.h"

#include <stdlib.h>
#include <string.h>

#define CAPABILITY_NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability"

// --- who ---

// The role of the certificate decides who is let in, and is the user's group; the name is the certificate's.
static bool user(void *context, const struct io_peer *peer, struct diags *diags,
		 struct access_who *out)
{
	const struct front *front = context;
	const char *recovery = front->start.recovery;
	enum pki_role role;
	if (peer->unit && peer->name && pki_role_parse(peer->unit, &role) &&
	    (role == PKI_CONTROLLER || role == PKI_OPERATOR)) {
		const char **group = arena_new(diags->arena, const char *);
		*group = pki_role_name[role];
		*out = (struct access_who){.name = peer->name, .group = group, .groups = 1};
		out->recovery =
			role == PKI_OPERATOR && recovery && strcmp(recovery, peer->name) == 0;
		return true;
	}
	diag_error(diags, DIAG_DENIED, NULL,
		   "use a certificate that was issued for a controller or an operator",
		   "the certificate of '%s' is for '%s', not for a controller",
		   peer->name ? peer->name : "nobody", peer->unit ? peer->unit : "nothing");
	return false;
}

// --- configuration ---

static void discard(void *context, const struct buf *bytes)
{
	(void)context;
	(void)bytes;
}

static bool validate(void *context, const struct schema_tree *tree, struct diags *diags)
{
	struct agent_sent *nothing = agent_sent_new();
	struct agent_sent_sink sink = {.rules = discard};
	enum ir_verdict action;
	(void)context;
	bool good = agent_sent_whole(nothing, tree, diags, &sink, &action);
	agent_sent_free(nothing);
	return good;
}

// --- commits ---

static void send_piece(struct front *front, enum agent_type type, const struct buf *bytes)
{
	agent_channel_push(
		front->channel,
		&(struct agent_message){.type = type, .piece = {bytes->data, bytes->len}});
}

static void send_rules(void *context, const struct buf *bytes)
{
	send_piece(context, AGENT_RULES, bytes);
}

static void send_text(struct front *front, const struct schema_tree *tree)
{
	struct schema_view *view = schema_view_new(tree, &(struct schema_view_options){0});
	cleanup(buf_fini) struct buf piece;
	bool more = true;
	buf_init(&piece);
	while (more) {
		more = schema_view_print_some(view, AGENT_PIECE, &piece);
		send_piece(front, AGENT_TEXT, &piece);
		buf_clear(&piece);
	}
	schema_view_free(view);
}

static struct agent_terms terms_of(const struct netconf_commit *commit)
{
	return (struct agent_terms){.confirmed = commit->confirmed,
				    .timeout = commit->timeout_s,
				    .persist = commit->persist};
}

static void ask_to(struct front *front, const struct netconf_commit *commit,
		   struct agent_message *message, struct netconf_reply *reply)
{
	front_ask(front, message, reply)->about =
		commit->confirmed ? FRONT_COMMIT_CONFIRMED : FRONT_COMMIT;
}

static void send_change(struct front *front, const struct netconf_commit *commit,
			const struct agent_change *change, struct netconf_reply *reply)
{
	struct agent_message message = {.type = AGENT_CHANGE, .change = *change};
	message.change.version = front->version;
	message.change.terms = terms_of(commit);
	ask_to(front, commit, &message, reply);
}

static void send_whole(struct front *front, const struct netconf_commit *commit,
		       struct diags *diags, struct netconf_reply *reply)
{
	struct agent_message message = {.type = AGENT_APPLY, .apply = {.terms = terms_of(commit)}};
	struct agent_sent_sink sink = {.rules = send_rules, .context = front};
	if (agent_sent_whole(front->sent, commit->tree, diags, &sink,
			     &message.apply.default_action)) {
		send_text(front, commit->tree);
		ask_to(front, commit, &message, reply);
	} else {
		agent_channel_send(front->channel, &(struct agent_message){.type = AGENT_FORGET});
		netconf_reply_errors(reply, diags);
	}
}

static void commit(void *context, const struct netconf_commit *commit, struct netconf_reply *reply)
{
	struct front *front = context;
	struct arena arena;
	struct diags diags;
	struct agent_change change;
	cleanup(buf_fini) struct buf rules;
	buf_init(&rules);
	arena_init(&arena);
	diags_init(&diags, &arena);
	switch (agent_sent_change(front->sent, commit->tree, commit->since, &arena, &diags, &rules,
				  &change)) {
	case AGENT_SEND_CHANGE:
		send_change(front, commit, &change, reply);
		break;
	case AGENT_SEND_WHOLE:
		send_whole(front, commit, &diags, reply);
		break;
	case AGENT_SEND_NOTHING:
		netconf_reply_errors(reply, &diags);
		break;
	}
	arena_fini(&arena);
}

static void confirm(void *context, const struct netconf_asker *asker, struct netconf_reply *reply)
{
	(void)asker;
	front_ask(context, &(struct agent_message){.type = AGENT_CONFIRM}, reply)->about =
		FRONT_CONFIRM;
}

static void cancel(void *context, const struct netconf_asker *asker, struct netconf_reply *reply)
{
	front_ask(
		context,
		&(struct agent_message){.type = AGENT_CANCEL, .session_ended = asker->session == 0},
		reply);
}

static void persist(void *context, const struct schema_tree *tree, struct netconf_reply *reply)
{
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	if (tree)
		schema_print(tree, SCHEMA_XML, 0, &text);
	front_ask(context,
		  &(struct agent_message){.type = AGENT_STARTUP, .text = tree ? text.data : NULL},
		  reply);
}

// --- state ---

// What the back end can do, in the words of the capability model.
static void print_capabilities(const struct front *front, struct buf *out)
{
	struct cap cap = {.bits = {{0}}};
	for (size_t i = 0; i < front->ops->capabilities_len; i++) {
		const struct backend_capability *one = &front->ops->capabilities[i];
		enum cap_set set;
		enum cap_identity identity;
		if (cap_set_find(one->leaf_list, &set) &&
		    cap_identity_find(one->identity, &identity))
			cap_add(&cap, set, identity);
	}
	codec_cap_write(front->start.name, &cap, out);
}

static void state(void *context, const struct netconf_get *get, struct netconf_reply *reply)
{
	struct front *front = context;
	struct buf *out = base_oom(calloc(1, sizeof(*out)));
	buf_init(out);
	if (netconf_get_wants(get, CAPABILITY_NAMESPACE, "nsf"))
		print_capabilities(front, out);
	if (netconf_get_wants(get, AGENT_NAMESPACE, "nsf-state")) {
		front_ask(front, &(struct agent_message){.type = AGENT_STATE}, reply)->before = out;
		return;
	}
	netconf_reply_data(reply, out->data, out->len);
	buf_fini(out);
	free(out);
}

static void event(void *context, const struct netconf_asker *asker, const char *what,
		  const struct diag *why)
{
	(void)context;
	front_log(why ? "4" : "6", "%s%s%s: %s%s%s",
		  asker && asker->user ? asker->user : "somebody",
		  asker && asker->address ? " at " : "",
		  asker && asker->address ? asker->address : "", what, why ? ": " : "",
		  why ? why->text : "");
}

const struct netconf_ops front_netconf_ops = {
	.user = user,
	.validate = validate,
	.commit = commit,
	.confirm = confirm,
	.cancel = cancel,
	.persist = persist,
	.state = state,
	.event = event,
};
