// SPDX-License-Identifier: Apache-2.0
// A session of the client library libnetconf2. It parses every reply with the modules that the server has given it.
#include "peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// It complains of every module that it asks for in vain.
static void say_nothing(const struct nc_session *session, NC_VERB_LEVEL level, const char *text)
{
	(void)session;
	(void)level;
	(void)text;
}

void peer_init(void)
{
	nc_client_init();
	nc_set_print_clb_session(say_nothing);
}

struct nc_session *peer_dial(unsigned port, const struct peer_files *files)
{
	assert_int_equal(nc_client_tls_set_cert_key_paths(files->certificate, files->key), 0);
	assert_int_equal(nc_client_tls_set_trusted_ca_paths(files->ca, NULL), 0);
	struct nc_session *session = nc_connect_tls("127.0.0.1", (uint16_t)port, NULL);
	assert_non_null(session);
	return session;
}

static int any_host(const char *host, ssh_session ssh, void *data)
{
	(void)host;
	(void)ssh;
	(void)data;
	return 0;
}

struct nc_session *peer_dial_ssh(unsigned port, const char *user, const char *key)
{
	char public[160];
	snprintf(public, sizeof(public), "%s.pub", key);
	nc_client_ssh_set_auth_hostkey_check_clb(any_host, NULL);
	nc_client_ssh_set_auth_pref(NC_SSH_AUTH_PUBLICKEY, 3);
	assert_int_equal(nc_client_ssh_set_username(user), 0);
	if (!nc_client_ssh_get_keypair_count())
		assert_int_equal(nc_client_ssh_add_keypair(public, key), 0);
	struct nc_session *session = nc_connect_ssh("127.0.0.1", (uint16_t)port, NULL);
	assert_non_null(session);
	return session;
}

// --- being called ---

void peer_listen(unsigned port, const struct peer_files *files)
{
	assert_int_equal(nc_client_tls_ch_set_cert_key_paths(files->certificate, files->key), 0);
	assert_int_equal(nc_client_tls_ch_set_trusted_ca_paths(files->ca, NULL), 0);
	assert_int_equal(nc_client_tls_ch_add_bind_listen("127.0.0.1", (uint16_t)port), 0);
}

void peer_listen_ssh(unsigned port, const char *user, const char *key)
{
	char public[160];
	snprintf(public, sizeof(public), "%s.pub", key);
	nc_client_ssh_ch_set_auth_hostkey_check_clb(any_host, NULL);
	nc_client_ssh_ch_set_auth_pref(NC_SSH_AUTH_PUBLICKEY, 3);
	assert_int_equal(nc_client_ssh_ch_set_username(user), 0);
	assert_int_equal(nc_client_ssh_ch_add_keypair(public, key), 0);
	assert_int_equal(nc_client_ssh_ch_add_bind_listen("127.0.0.1", (uint16_t)port), 0);
}

struct nc_session *peer_called(void)
{
	struct nc_session *session = NULL;
	assert_int_equal(nc_accept_callhome(PEER_WAIT_MS, NULL, &session), 1);
	return session;
}

unsigned peer_free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

// --- asking ---

char peer_reply[1 << 20];

static void keep(const struct lyd_node *tree)
{
	char *text = NULL;
	size_t len = strlen(peer_reply);
	if (!tree)
		return;
	assert_int_equal(
		lyd_print_mem(&text, tree, LYD_XML,
			      LYD_PRINT_SHRINK | LYD_PRINT_WITHSIBLINGS | LYD_PRINT_WD_EXPLICIT),
		LY_SUCCESS);
	snprintf(peer_reply + len, sizeof(peer_reply) - len, "%s", text ? text : "");
	free(text);
}

void peer_ask(struct nc_session *session, struct nc_rpc *rpc)
{
	struct lyd_node *envelope = NULL, *content = NULL;
	uint64_t id;
	assert_non_null(rpc);
	assert_int_equal(nc_send_rpc(session, rpc, PEER_WAIT_MS, &id), NC_MSG_RPC);
	assert_int_equal(nc_recv_reply(session, rpc, id, PEER_WAIT_MS, &envelope, &content),
			 NC_MSG_REPLY);
	peer_reply[0] = '\0';
	keep(envelope);
	keep(content);
	lyd_free_all(envelope);
	lyd_free_all(content);
	nc_rpc_free(rpc);
}

void peer_has(const char *part)
{
	if (!strstr(peer_reply, part))
		fail_msg("no %s in %s", part, peer_reply);
}

void peer_has_not(const char *part)
{
	if (strstr(peer_reply, part))
		fail_msg("%s in %s", part, peer_reply);
}

void peer_ok(struct nc_session *session, struct nc_rpc *rpc)
{
	peer_ask(session, rpc);
	peer_has("<ok");
	peer_has_not("<rpc-error");
}

void peer_refused(struct nc_session *session, struct nc_rpc *rpc, const char *tag)
{
	char wanted[100];
	peer_ask(session, rpc);
	snprintf(wanted, sizeof(wanted), "<error-tag>%s</error-tag>", tag);
	peer_has(wanted);
	peer_has("<error-severity>error</error-severity>");
	peer_has("<error-message");
}

struct nc_rpc *peer_edit(const char *config)
{
	return nc_rpc_edit(NC_DATASTORE_CANDIDATE, NC_RPC_EDIT_DFLTOP_MERGE,
			   NC_RPC_EDIT_TESTOPT_UNKNOWN, NC_RPC_EDIT_ERROPT_UNKNOWN, config,
			   NC_PARAMTYPE_CONST);
}

struct nc_rpc *peer_operation(const char *xml)
{
	return nc_rpc_act_generic_xml(xml, NC_PARAMTYPE_CONST);
}

struct nc_rpc *peer_commit(void)
{
	return nc_rpc_commit(0, 0, NULL, NULL, NC_PARAMTYPE_CONST);
}

struct nc_rpc *peer_get_config(NC_DATASTORE source)
{
	return nc_rpc_getconfig(source, NULL, NC_WD_UNKNOWN, NC_PARAMTYPE_CONST);
}

void peer_hear(struct nc_session *session, const char *part)
{
	struct lyd_node *envelope = NULL, *op = NULL;
	assert_int_equal(nc_recv_notif(session, PEER_WAIT_MS, &envelope, &op), NC_MSG_NOTIF);
	peer_reply[0] = '\0';
	keep(envelope);
	keep(op);
	lyd_free_all(envelope);
	lyd_free_all(op);
	peer_has("<eventTime>");
	peer_has(part);
}
