// SPDX-License-Identifier: Apache-2.0
// The process that talks to the network. The one idea: everything that needs a file is opened before the sandbox is
// entered; everything that comes from the network is read after it. Front holds no state that matters: it is told where
// things stand when it begins, and asks the enforcer for every change.
// What it does not: decide about policies (core.c), touch the kernel, write files.
#include "agent/front.h"

#include "agent/channel.h"
#include "agent/front_internal.h"
#include "agent/host_key.h"
#include "agent/sent.h"
#include "agent/xml.h"
#include "base/buf.h"
#include "io/loop.h"
#include "io/net.h"
#include "io/ssh.h"
#include "io/tls.h"
#include "priv/priv.h"
#include "proto/netconf/server.h"
#include "schema/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const modules[] = {
	"ietf-netconf",
	"notifications",
	"nc-notifications",
	"ietf-netconf-notifications",
	"ietf-netconf-acm",
	"ietf-netconf-monitoring",
	"ietf-netconf-with-defaults",
	"ietf-netconf-partial-lock",
	"ietf-netconf-nmda:with-defaults",
	"ietf-yang-library",
	"ietf-i2nsf-nsf-facing-interface",
	"ietf-i2nsf-capability",
	AGENT_MODULE,
	NULL,
};

// --- log ---

void front_log(const char *level, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "<%s>bulwark-nsf: front: %s\n", level, text);
}

void front_log_diags(const struct diags *diags)
{
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = &diags->list.at[i];
		front_log(d->severity == DIAG_ERROR ? "3" : "4", "%s%s%s%s%s",
			  d->file ? d->file : "", d->file ? ": " : "", d->text, d->hint ? "; " : "",
			  d->hint ? d->hint : "");
	}
}

// --- questions and answers ---

struct front_question *front_ask(struct front *front, struct agent_message *message,
				 struct netconf_reply *reply)
{
	struct front_question *question = base_oom(calloc(1, sizeof(*question)));
	*question = (struct front_question){
		.next = front->question, .id = ++front->last_id, .reply = reply};
	front->question = question;
	message->id = question->id;
	agent_channel_send(front->channel, message);
	return question;
}

static struct front_question *take_question(struct front *front, uint32_t id)
{
	for (struct front_question **at = &front->question; *at; at = &(*at)->next) {
		if ((*at)->id != id)
			continue;
		struct front_question *found = *at;
		*at = found->next;
		return found;
	}
	return NULL;
}

static void note_outcome(struct front *front, enum front_about about, bool done)
{
	bool commit = about == FRONT_COMMIT || about == FRONT_COMMIT_CONFIRMED;
	if (commit && done) {
		front->version++;
		agent_sent_accepted(front->sent, about == FRONT_COMMIT_CONFIRMED);
	} else if (commit) {
		agent_sent_refused(front->sent);
	} else if (about == FRONT_CONFIRM && done) {
		agent_sent_confirmed(front->sent);
	}
}

static void answer_result(struct front *front, const struct front_question *question,
			  const struct agent_message *message)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	note_outcome(front, question->about, message->result.ok);
	if (!message->result.ok)
		netconf_reply_errors(question->reply, &message->result.diags);
	else if (question->reload && !front_reload(front, &diags))
		netconf_reply_errors(question->reply, &diags);
	else
		netconf_reply_ok(question->reply);
	arena_fini(&arena);
}

static void answer(struct front *front, struct front_question *question,
		   const struct agent_message *message)
{
	struct buf text;
	buf_init(&text);
	if (question->before)
		buf_add(&text, question->before->data, question->before->len);
	if (message->type == AGENT_RESULT) {
		answer_result(front, question, message);
	} else if (message->type == AGENT_PROOF) {
		agent_xml_proof(&message->proof, &text);
		netconf_reply_data(question->reply, text.data, text.len);
	} else if (message->type == AGENT_RECORDS) {
		agent_xml_records(&message->records, &text);
		netconf_reply_data(question->reply, text.data, text.len);
	} else {
		agent_xml_report(&message->report, front->start.name, &text);
		netconf_reply_data(question->reply, text.data, text.len);
	}
	buf_fini(&text);
	if (question->before)
		buf_fini(question->before);
	free(question->before);
	free(question);
}

static void tell_subscribers(struct front *front, const struct agent_message *message)
{
	struct buf text;
	if (message->type == AGENT_REVERTED) {
		front->version++;
		agent_sent_reverted(front->sent);
	}
	buf_init(&text);
	agent_xml_notice(message, &text);
	netconf_server_notify(front->server, text.data, text.len, 0);
	buf_fini(&text);
	// Other reasons are answers to what the server itself has asked for.
	if (message->type == AGENT_REVERTED && message->reverted.reason == AGENT_TIMEOUT)
		netconf_server_reverted(front->server);
}

static void reload_as_told(struct front *front)
{
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (front_reload(front, &diags))
		front_log("5", "certificates and keys were read again");
	front_log_diags(&diags);
	arena_fini(&arena);
}

static void on_message(void *context, const struct agent_message *message)
{
	struct front *front = context;
	struct front_question *question = message->id ? take_question(front, message->id) : NULL;
	switch ((int)message->type) {
	case AGENT_RESULT:
	case AGENT_REPORT:
	case AGENT_PROOF:
	case AGENT_RECORDS:
		assert(question);
		answer(front, question, message);
		break;
	case AGENT_RELOAD:
		reload_as_told(front);
		break;
	case AGENT_START:
		break; // only the first one counts
	default:
		tell_subscribers(front, message);
	}
}

static void on_closed(void *context, const char *why)
{
	struct front *front = context;
	if (why)
		front_log("3", "the enforcer: %s", why);
	front->status = EXIT_FAILURE;
	io_loop_stop(front->loop);
}

// --- certificates and keys ---

static struct io_tls *load_tls(struct diags *diags)
{
	bool has_list = access(FRONT_CERTIFICATES "/crl.pem", F_OK) == 0;
	return io_tls_new(
		&(struct io_tls_files){.certificate = FRONT_CERTIFICATES "/nsf.pem",
				       .key = FRONT_CERTIFICATES "/nsf.key",
				       .ca = FRONT_CERTIFICATES "/ca.pem",
				       .crl = has_list ? FRONT_CERTIFICATES "/crl.pem" : NULL},
		diags);
}

static void on_note(void *context, const struct diag *what)
{
	(void)context;
	front_log(what->severity == DIAG_ERROR     ? "3"
		  : what->severity == DIAG_WARNING ? "4"
						   : "5",
		  "SSH: %s", what->text);
}

static struct io_ssh *load_ssh(struct diags *diags)
{
	static const char *const roles[] = {"controller", "operator", NULL};
	char fingerprint[IO_SSH_FINGERPRINT];
	struct io_ssh *ssh = io_ssh_new(
		&(struct io_ssh_options){.key = FRONT_CERTIFICATES "/" AGENT_HOST_KEY,
					 .authorized = FRONT_CERTIFICATES "/" AGENT_AUTHORIZED,
					 .roles = roles,
					 .note = on_note},
		diags);
	if (!ssh)
		return NULL;
	io_ssh_fingerprint(ssh, fingerprint);
	front_log("5", "the SSH host key is %s", fingerprint);
	return ssh;
}

static bool reload_tls(struct front *front, struct diags *diags)
{
	struct io_tls *tls = load_tls(diags);
	if (!tls)
		return false;
	io_tls_free(front->tls);
	front->tls = tls;
	return true;
}

// Neither waits for the other: a revocation counts whatever is wrong with keys.
bool front_reload(struct front *front, struct diags *diags)
{
	bool ssh = !front->ssh || io_ssh_reload(front->ssh, diags);
	bool tls = !front->tls || reload_tls(front, diags);
	return ssh && tls;
}

// --- beginning ---

static void serve_over(struct front *front, struct io_transport *transport)
{
	netconf_server_serve(front->server, &(struct netconf_connection){.transport = transport});
}

static void accepted_tls(void *context, int fd, const struct io_address *peer)
{
	struct front *front = context;
	(void)peer;
	serve_over(front, io_tls_server(front->tls, fd));
}

static void accepted_ssh(void *context, int fd, const struct io_address *peer)
{
	struct front *front = context;
	(void)peer;
	serve_over(front, io_ssh_server(front->ssh, fd));
}

static bool is_ssh(const struct front *front, unsigned listener)
{
	return front->start.over_ssh >> listener & 1;
}

// --- what was kept ---

static void take_kept(struct front *front, const struct agent_kept *piece)
{
	struct front_kept *kept = &front->kept[piece->which];
	if (piece->begins || !kept->texts) {
		kept->text = base_oom(realloc(kept->text, ++kept->texts * sizeof(*kept->text)));
		buf_init(&kept->text[kept->texts - 1]);
	}
	buf_add(&kept->text[kept->texts - 1], piece->data, piece->len);
}

static bool read_text(struct schema_tree *tree, const struct schema_input *input,
		      struct diags *diags)
{
	return !input->len || schema_parse(tree, input, diags);
}

static bool read_edit(const struct front *front, struct schema_tree *tree,
		      const struct schema_input *input, struct diags *diags)
{
	struct schema_tree *edit = schema_tree_new(front->schema);
	if (schema_parse_edit(edit, input, diags))
		return schema_edit_take(tree, edit, SCHEMA_OP_MERGE, NULL, diags);
	schema_tree_free(edit);
	return false;
}

// The texts go as soon as they are read.
static bool read_texts(const struct front *front, const struct front_kept *kept, const char *what,
		       struct schema_tree *tree, struct diags *diags)
{
	bool good = true;
	for (size_t i = 0; i < kept->texts; i++) {
		struct schema_input input = {.file = what,
					     .data = kept->text[i].data,
					     .len = kept->text[i].len,
					     .format = SCHEMA_XML};
		if (good)
			good = i ? read_edit(front, tree, &input, diags)
				 : read_text(tree, &input, diags);
		buf_fini(&kept->text[i]);
	}
	free(kept->text);
	return good && schema_validate(tree, diags);
}

// NULL where there was none, or where it is not valid any more.
static struct schema_tree *read_tree(struct front *front, enum agent_which which)
{
	static const char *const name[] = {"running", "rollback", "startup"};
	struct front_kept kept = front->kept[which];
	struct arena arena;
	struct diags diags;
	front->kept[which] = (struct front_kept){.texts = 0};
	if (!kept.texts)
		return NULL;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct schema_tree *tree = schema_tree_new(front->schema);
	if (!read_texts(front, &kept, name[which], tree, &diags)) {
		front_log("2",
			  "the %s configuration that was kept is not valid; it shows as empty, its "
			  "rules stay in force",
			  name[which]);
		front_log_diags(&diags);
		schema_tree_free(tree);
		tree = NULL;
	}
	arena_fini(&arena);
	return tree;
}

static struct schema_tree *read_rollback(struct front *front)
{
	struct schema_tree *tree = read_tree(front, AGENT_KEPT_ROLLBACK);
	return tree || !front->start.pending ? tree : schema_tree_new(front->schema);
}

static bool open_files(struct front *front, struct diags *diags)
{
	bool tls = false, ssh = false;
	for (size_t i = 0; i < front->start.endpoint.len; i++)
		*(front->start.endpoint.at[i].ssh ? &ssh : &tls) = true;
	for (unsigned i = 0; i < front->start.listeners; i++)
		*(is_ssh(front, i) ? &ssh : &tls) = true;
	front->schema = schema_open(FRONT_YANG, modules, diags);
	if (tls)
		front->tls = load_tls(diags);
	if (ssh)
		front->ssh = load_ssh(diags);
	return front->schema && !tls == !front->tls && !ssh == !front->ssh;
}

static bool serve(struct front *front, struct diags *diags)
{
	struct netconf_server_options options = {
		.loop = front->loop,
		.schema = front->schema,
		.ops = &front_netconf_ops,
		.context = front,
		.sessions_most = front->start.sessions,
		.keepalive_s = front->start.keepalive,
		.nacm = front_nacm,
		.running = front->kept[AGENT_KEPT_RUNNING].texts
				   ? read_tree(front, AGENT_KEPT_RUNNING)
				   : front_first_running(front),
		.startup = read_tree(front, AGENT_KEPT_STARTUP),
		.rollback = read_rollback(front),
		.persist = front->start.persist,
	};
	front->server = netconf_server_new(&options);
	front_handle_operations(front);
	for (unsigned i = 0; i < front->start.listeners; i++) {
		struct io_listener_options listener = {.fd = AGENT_FD_LISTEN + (int)i,
						       .accepted = is_ssh(front, i) ? accepted_ssh
										    : accepted_tls,
						       .context = front};
		int r = io_listener_new(front->loop, &listener, &front->listener[i]);
		if (r < 0) {
			diag_error(diags, DIAG_IO, NULL, "restart the agent",
				   "a listening socket: %s", strerror(-r));
			return false;
		}
	}
	int r = front_call_home(front);
	if (r < 0)
		diag_error(diags, DIAG_IO, NULL, "restart the agent", "calling home: %s",
			   strerror(-r));
	return r == 0;
}

// The order matters: files, then the sandbox, then the network.
static bool begin(struct front *front, struct diags *diags)
{
	static const char *const readable[] = {FRONT_CERTIFICATES, FRONT_YANG, NULL};
	if (!open_files(front, diags))
		return false;
	struct agent_channel_options channel = {.fd = AGENT_FD_CHANNEL,
						.sender = AGENT_ENFORCER,
						.message = on_message,
						.closed = on_closed,
						.context = front};
	int r = io_loop_new(&front->loop);
	if (r == 0)
		r = agent_channel_new(front->loop, &channel, &front->channel);
	if (r < 0) {
		diag_error(diags, DIAG_IO, NULL, "raise the limit of descriptors",
			   "the event loop: %s", strerror(-r));
		return false;
	}
	return priv_sandbox_enter(&(struct priv_sandbox){.readable = readable}, diags) &&
	       serve(front, diags);
}

// Configurations come in pieces, then what is to be served.
static bool receive_start(struct front *front)
{
	for (;;) {
		struct agent_message message;
		struct arena arena;
		arena_init(&arena);
		bool good =
			agent_channel_receive(AGENT_FD_CHANNEL, AGENT_ENFORCER, &arena, &message);
		if (good && message.type == AGENT_KEPT)
			take_kept(front, &message.kept);
		else if (good && message.type == AGENT_START)
			front->start = message.start;
		else
			return false;
		if (message.type == AGENT_START) {
			front->version = message.start.version;
			arena_join(&front->arena, &arena);
			return true;
		}
		arena_fini(&arena);
	}
}

// Everything that front holds goes with the process; what other processes see has to be in order, nothing else.
int agent_front_run(const struct backend_ops *ops)
{
	struct front front = {.ops = ops, .sent = agent_sent_new()};
	struct diags diags;
	arena_init(&front.arena);
	diags_init(&diags, &front.arena);
	if (!receive_start(&front)) {
		front_log("3", "this is started by bulwark-nsf only");
		return EXIT_FAILURE;
	}
	bool ok = begin(&front, &diags);
	front_log_diags(&diags);
	if (!ok)
		return EXIT_FAILURE;
	agent_channel_send(front.channel, &(struct agent_message){.type = AGENT_READY});
	int r = io_loop_run(front.loop);
	return r < 0 ? EXIT_FAILURE : front.status;
}
