// SPDX-License-Identifier: Apache-2.0
// The client's side of an SSH connection.
//
// The idea: the handshake is a list of steps; libssh says of each that it is done, that it must wait, or that it has failed,
// and a failure is told in words of the operator: whose key, what is wrong, what to do. The server's key is compared with
// pins before anything is shown of ourselves. No file of the user that runs the program is read.
// RFC 4253 section 8, RFC 4252 section 7, RFC 6242 section 3.
#include "io/ssh_internal.h"
#include "io/transport_fault.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// --- the server's identity ---

// Who answers says under which name to log in.
static enum io_result find_user(struct ssh_transport *t)
{
	const char *user = t->target->user_of(t->target->context, t->peer.fingerprint);
	if (!user)
		return io_fault(&t->head, DIAG_DENIED, "register it with its host key",
				"the host key %s is nobody's here", t->peer.fingerprint);
	t->user = arena_strdup(&t->arena, user);
	return IO_OK;
}

static bool is_pinned(const struct ssh_transport *t)
{
	for (const char *const *pin = t->target->pins; *pin; pin++)
		if (strcmp(*pin, t->peer.fingerprint) == 0)
			return true;
	return false;
}

static enum io_result judge_server(struct ssh_transport *t)
{
	cleanup(io_ssh_key_drop) ssh_key key = NULL;
	if (ssh_get_server_publickey(t->session, &key) != SSH_OK ||
	    !io_ssh_fingerprint_of(key, t->peer.fingerprint))
		return io_fault(&t->head, DIAG_DENIED, IO_HINT_PEER,
				"the server shows no host key");
	if (t->target->user_of)
		return find_user(t);
	if (is_pinned(t))
		return IO_OK;
	return io_fault(
		&t->head, DIAG_DENIED,
		"this may be another machine; if its key was changed on purpose, pin the new one",
		"the server's host key is %s, not the one that is pinned, %s", t->peer.fingerprint,
		t->target->pins[0] ? t->target->pins[0] : "none");
}

// --- steps ---

static enum io_result after(struct ssh_transport *t, int rc)
{
	if (rc == SSH_OK)
		return IO_OK;
	return rc == SSH_AGAIN ? io_ssh_wait(t) : io_ssh_broken(t);
}

static enum io_result connect_session(struct ssh_transport *t)
{
	io_ssh_listen_in(t);
	int rc = ssh_connect(t->session);
	io_ssh_listen_no_more();
	enum io_result r = after(t, rc);
	// libssh makes a descriptor blocking that it finds connected.
	int flags = fcntl(t->head.fd, F_GETFL);
	if (flags < 0 || fcntl(t->head.fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return io_fault(&t->head, DIAG_IO, IO_HINT_PEER, "the connection broke");
	return r == IO_OK ? judge_server(t) : r;
}

// On the way to the acceptance the server says which signatures it takes (RFC 8308), which libssh must know for RSA keys.
static enum io_result ask_service(struct ssh_transport *t)
{
	return after(t, ssh_service_request(t->session, "ssh-userauth"));
}

static enum io_result log_in(struct ssh_transport *t)
{
	char own[IO_SSH_FINGERPRINT];
	cleanup(io_ssh_key_drop) ssh_key key = io_ssh_key(t->ssh);
	int rc = ssh_userauth_publickey(t->session, t->user, key);
	if (rc == SSH_AUTH_SUCCESS)
		return IO_OK;
	if (rc == SSH_AUTH_AGAIN)
		return io_ssh_wait(t);
	if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL)
		return io_ssh_broken(t);
	io_ssh_fingerprint(t->ssh, own);
	return io_fault(&t->head, DIAG_DENIED, "put our public key into its authorized_keys",
			"the server does not let '%.63s' in with our key %s", t->user, own);
}

static enum io_result open_channel(struct ssh_transport *t)
{
	if (!t->channel)
		t->channel = base_oom(ssh_channel_new(t->session));
	return after(t, ssh_channel_open_session(t->channel));
}

static enum io_result ask_netconf(struct ssh_transport *t)
{
	int rc = ssh_channel_request_subsystem(t->channel, "netconf");
	if (rc != SSH_ERROR || ssh_get_error_code(t->session) != SSH_REQUEST_DENIED)
		return after(t, rc);
	return io_fault(&t->head, DIAG_DENIED,
			"see whether this is the port of its NETCONF server, usually 830",
			"the server has no subsystem netconf for '%.63s'", t->user);
}

static enum io_result (*const steps[])(struct ssh_transport *t) = {
	connect_session, ask_service, log_in, open_channel, ask_netconf};

static enum io_result client_handshake(struct ssh_transport *t)
{
	while (t->step < array_len(steps)) {
		enum io_result r = steps[t->step](t);
		if (r != IO_OK)
			return r;
		t->step++;
	}
	t->open = true;
	return IO_OK;
}

// --- life ---

// Nothing that a server asks of its client is granted.
static int on_message(ssh_session session, ssh_message message, void *context)
{
	(void)session, (void)message, (void)context;
	return 1;
}

static void set(ssh_session session, enum ssh_options_e option, const void *value)
{
	// These are constants that libssh either knows or does not, and names that were checked.
	int rc = ssh_options_set(session, option, value);
	assert(rc == SSH_OK);
}

static void set_options(ssh_session session, const char *user, int fd)
{
	set(session, SSH_OPTIONS_PROCESS_CONFIG, &(bool){false});
	set(session, SSH_OPTIONS_SSH_DIR, "/nonexistent");
	set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	set(session, SSH_OPTIONS_HOST, "netconf");
	set(session, SSH_OPTIONS_FD, &fd);
	set(session, SSH_OPTIONS_USER, user);
	set(session, SSH_OPTIONS_KEY_EXCHANGE, IO_SSH_KEX);
	set(session, SSH_OPTIONS_HOSTKEYS, IO_SSH_SIGNATURES);
	set(session, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, IO_SSH_SIGNATURES);
	set(session, SSH_OPTIONS_CIPHERS_C_S, IO_SSH_CIPHERS);
	set(session, SSH_OPTIONS_CIPHERS_S_C, IO_SSH_CIPHERS);
	set(session, SSH_OPTIONS_HMAC_C_S, IO_SSH_MACS);
	set(session, SSH_OPTIONS_HMAC_S_C, IO_SSH_MACS);
	set(session, SSH_OPTIONS_RSA_MIN_SIZE, &(int){IO_SSH_RSA_LEAST});
}

static const struct io_ssh_target *copy_target(struct arena *arena,
					       const struct io_ssh_target *target)
{
	size_t n = 0;
	while (target->pins && target->pins[n])
		n++;
	const char **pins = arena_array(arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		pins[i] = arena_strdup(arena, target->pins[i]);
	struct io_ssh_target *copy = arena_new(arena, struct io_ssh_target);
	*copy = (struct io_ssh_target){.user = arena_strdup(arena, target->user),
				       .pins = pins,
				       .user_of = target->user_of,
				       .context = target->context};
	return copy;
}

struct io_transport *io_ssh_client(const struct io_ssh_target *target, int fd)
{
	int own = -1;
	struct ssh_transport *t = io_ssh_transport_new(target->ssh, client_handshake, fd, &own);
	t->target = copy_target(&t->arena, target);
	t->user = t->target->user;
	if (own < 0)
		return &t->head;
	set_options(t->session, t->user ? t->user : "nobody", own);
	ssh_set_message_callback(t->session, on_message, t);
	return &t->head;
}

static struct io_transport *open_client(const void *context, int fd)
{
	return io_ssh_client(context, fd);
}

struct io_opener io_ssh_connecting(const struct io_ssh_target *target)
{
	return (struct io_opener){.open = open_client, .context = target};
}
