// SPDX-License-Identifier: Apache-2.0
// The server's side of an SSH connection.
//
// The idea: one way in, and everything else is refused where libssh asks: a public key that the file names for this user,
// then one session channel, then the subsystem "netconf" on it. Refusals are counted, so that a peer can neither guess nor
// knock without end; the last one is what the log says when the peer gives up. Requests for an environment are refused
// without a word: every OpenSSH client makes them.
// It knows no passwords, certificates, shells, commands or forwarding. RFC 4252, RFC 4254, RFC 6242 section 3.
#include "io/ssh_internal.h"
#include "io/transport_fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPTS_MOST 6 // as sshd: an agent may hold several keys, and each one is a try
#define REFUSALS_MOST 16
#define ENVIRONMENTS_MOST 64
#define ROUNDS 16
#define SUBSYSTEM "netconf"

// --- refusing ---

static const char *user_of(const struct ssh_transport *t)
{
	return t->user ? t->user : "somebody";
}

static void refuse(struct ssh_transport *t, const char *fmt, ...) printf_like(2, 3);

static void refuse(struct ssh_transport *t, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->refused = arena_strdup(&t->arena, text);
	struct diag about = {.severity = DIAG_WARNING,
			     .code = DIAG_DENIED,
			     .text = t->refused,
			     .hint = IO_SSH_HINT_CLIENT};
	// Before the subsystem runs the end of the connection will tell.
	if (t->open)
		io_ssh_note(t->ssh, &about);
	if (++t->refusals > REFUSALS_MOST)
		io_fault(&t->head, DIAG_DENIED, IO_SSH_HINT_CLIENT,
			 "%s asks for too much that is not here; at last: %s", user_of(t), text);
}

static void refuse_login(struct ssh_transport *t, const char *user, const char *what)
{
	refuse(t, "'%.63s' may not come in: %s", user, what);
	if (++t->attempts >= ATTEMPTS_MOST)
		io_fault(&t->head, DIAG_DENIED, IO_SSH_HINT_CLIENT, "too many attempts; %s",
			 t->refused);
}

// --- authentication ---

static bool may_enter(struct ssh_transport *t, const char *user, ssh_key key)
{
	char text[IO_SSH_FINGERPRINT + 40];
	if (t->head.fault.text || !io_ssh_fingerprint_of(key, t->peer.fingerprint))
		return false;
	if (io_ssh_admit(t->ssh, user, &t->arena, &t->peer))
		return true;
	snprintf(text, sizeof(text), "the key %s is not authorised", t->peer.fingerprint);
	refuse_login(t, user, text);
	return false;
}

static int on_public_key(ssh_session session, const char *user, struct ssh_key_struct *key,
			 char state, void *context)
{
	struct ssh_transport *t = context;
	(void)session;
	if (state != SSH_PUBLICKEY_STATE_NONE && state != SSH_PUBLICKEY_STATE_VALID) {
		refuse_login(t, user, "it cannot sign with the key that it shows");
		return SSH_AUTH_DENIED;
	}
	if (!may_enter(t, user, key))
		return SSH_AUTH_DENIED;
	if (state == SSH_PUBLICKEY_STATE_VALID) {
		t->user = t->peer.name;
		t->refused = NULL;
	}
	return SSH_AUTH_SUCCESS;
}

static void on_other_login(struct ssh_transport *t, ssh_message message)
{
	const char *user = ssh_message_auth_user(message);
	switch (ssh_message_subtype(message)) {
	case SSH_AUTH_METHOD_NONE: // clients ask so which methods there are
		refuse_login(t, user ? user : "", "it shows no key");
		break;
	case SSH_AUTH_METHOD_PASSWORD:
		refuse_login(t, user ? user : "", "passwords are not accepted");
		break;
	default:
		refuse_login(t, user ? user : "", "only public keys are accepted");
	}
}

// --- channels ---

static ssh_channel on_channel(ssh_session session, void *context)
{
	struct ssh_transport *t = context;
	if (t->channel) {
		refuse(t, "'%s' asked for a second channel", user_of(t));
		return NULL;
	}
	t->channel = ssh_channel_new(session);
	return t->channel;
}

static const char *channel_kind(int subtype)
{
	switch (subtype) {
	case SSH_CHANNEL_DIRECT_TCPIP:
	case SSH_CHANNEL_FORWARDED_TCPIP:
		return "a forwarding of ports";
	case SSH_CHANNEL_X11:
		return "a forwarding of X11";
	case SSH_CHANNEL_AUTH_AGENT:
		return "a forwarding of its agent";
	default:
		return "a channel of an unknown kind";
	}
}

static bool begins_netconf(struct ssh_transport *t, ssh_message message)
{
	const char *name = ssh_message_channel_request_subsystem(message);
	if (!t->open && name && strcmp(name, SUBSYSTEM) == 0 &&
	    ssh_message_channel_request_channel(message) == t->channel)
		return true;
	refuse(t,
	       t->open ? "'%s' asked for another subsystem, %.40s"
		       : "'%s' asked for the subsystem %.40s; there is netconf only",
	       user_of(t), name ? name : "");
	return false;
}

// True: accepted and answered.
static bool on_channel_request(struct ssh_transport *t, ssh_message message)
{
	const char *command;
	switch (ssh_message_subtype(message)) {
	case SSH_CHANNEL_REQUEST_SUBSYSTEM:
		if (!begins_netconf(t, message))
			return false;
		t->open = ssh_message_channel_request_reply_success(message) == SSH_OK;
		return true;
	case SSH_CHANNEL_REQUEST_ENV:
		if (++t->environments > ENVIRONMENTS_MOST)
			io_fault(&t->head, DIAG_DENIED, IO_SSH_HINT_CLIENT,
				 "'%s' sends its environment without end", user_of(t));
		return false;
	case SSH_CHANNEL_REQUEST_SHELL:
		refuse(t, "'%s' asked for a shell; there is netconf only", user_of(t));
		return false;
	case SSH_CHANNEL_REQUEST_EXEC:
		command = ssh_message_channel_request_command(message);
		refuse(t, "'%s' asked to run a program (%.40s); there is netconf only", user_of(t),
		       command ? command : "");
		return false;
	case SSH_CHANNEL_REQUEST_PTY:
		refuse(t, "'%s' asked for a terminal; there is netconf only", user_of(t));
		return false;
	default:
		refuse(t, "'%s' asked for something that is not here", user_of(t));
		return false;
	}
}

// What the callbacks for keys and channels do not take. 1: libssh answers with a refusal, but to a service with consent.
static int on_message(ssh_session session, ssh_message message, void *context)
{
	struct ssh_transport *t = context;
	(void)session;
	switch (ssh_message_type(message)) {
	case SSH_REQUEST_AUTH:
		on_other_login(t, message);
		return 1;
	case SSH_REQUEST_CHANNEL_OPEN:
		refuse(t, "'%s' asked for %s", user_of(t),
		       channel_kind(ssh_message_subtype(message)));
		return 1;
	case SSH_REQUEST_CHANNEL:
		return on_channel_request(t, message) ? 0 : 1;
	case SSH_REQUEST_GLOBAL: // a keep-alive is answered by the refusal just as well
		if (ssh_message_subtype(message) != SSH_GLOBAL_REQUEST_KEEPALIVE)
			refuse(t, "'%s' asked for a forwarding of ports", user_of(t));
		return 1;
	default:
		return 1;
	}
}

// --- operations ---

enum step { EXCHANGE, LOGIN };

static enum io_result server_handshake(struct ssh_transport *t)
{
	enum io_result r = IO_OK;
	if (t->step == EXCHANGE) {
		io_ssh_listen_in(t);
		int rc = ssh_handle_key_exchange(t->session);
		io_ssh_listen_no_more();
		if (rc != SSH_OK)
			return rc == SSH_AGAIN ? io_ssh_wait(t) : io_ssh_broken(t);
		t->step = LOGIN;
	}
	for (int round = 0; round < ROUNDS && r == IO_OK && !t->open; round++)
		r = io_ssh_pump(t);
	if (t->head.fault.text)
		return IO_FAILED;
	if (t->open)
		return IO_OK;
	if (t->channel && ssh_channel_is_closed(t->channel))
		return io_ssh_broken(t);
	return r == IO_OK ? io_ssh_wait(t) : r;
}

struct io_transport *io_ssh_server(struct io_ssh *ssh, int fd)
{
	int own = -1;
	struct ssh_transport *t = io_ssh_transport_new(ssh, server_handshake, fd, &own);
	if (own < 0)
		return &t->head;
	if (!io_ssh_accept(ssh, t->session, own)) {
		io_fault(&t->head, DIAG_IO, "see whether the host key can be used",
			 "SSH cannot begin: %.200s", ssh_get_error(t->session));
		return &t->head;
	}
	t->server_callbacks = (struct ssh_server_callbacks_struct){
		.userdata = t,
		.auth_pubkey_function = on_public_key,
		.channel_open_request_session_function = on_channel};
	ssh_callbacks_init(&t->server_callbacks);
	ssh_set_server_callbacks(t->session, &t->server_callbacks);
	ssh_set_message_callback(t->session, on_message, t);
	ssh_set_auth_methods(t->session, SSH_AUTH_METHOD_PUBLICKEY);
	return &t->head;
}

static struct io_transport *open_server(const void *context, int fd)
{
	return io_ssh_server((struct io_ssh *)context, fd);
}

struct io_opener io_ssh_accepting(struct io_ssh *ssh)
{
	return (struct io_opener){.open = open_server, .context = ssh};
}
