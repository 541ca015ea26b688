// SPDX-License-Identifier: Apache-2.0
// A small NETCONF server on libnetconf2, for our client. Arguments: YANG folder, folder of certificates and keys, what it
// does ("tls" or "ssh": it listens; "tls-home" or "ssh-home": it calls, for one session), a port of 127.0.0.1, bytes of a
// label. Serves until it is killed; "ready" on standard output says that it has begun.
//
// It keeps one configuration, of test-box: edit-config replaces it, unless it says "forbidden"; one session at a time may
// lock it. create-subscription is followed by one notification. get-schema is left out: the library's own breaks.
#include <libnetconf2/log.h>
#include <libnetconf2/messages_server.h>
#include <libnetconf2/netconf.h>
#include <libnetconf2/session.h>
#include <libnetconf2/session_server.h>
#include <libnetconf2/session_server_ch.h>
#include <libyang/libyang.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000

static struct ly_ctx *ctx;
static const char *certificates;
static struct lyd_node *running;
static uint32_t holder;               // of the lock
static struct nc_session *subscriber; // to be notified

static char *joined(const char *dir, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

// --- operations ---

static struct nc_server_reply *error(NC_ERR tag)
{
	return nc_server_reply_err(nc_err(ctx, tag, NC_ERR_TYPE_APP));
}

static struct nc_server_reply *get_config(const struct lyd_node *rpc)
{
	struct lyd_node *reply = NULL, *data = NULL;
	lyd_dup_siblings(running, NULL, LYD_DUP_RECURSIVE, &data);
	lyd_dup_single(rpc, NULL, 0, &reply);
	lyd_new_any(reply, NULL, "data", data, 1, LYD_ANYDATA_DATATREE, 1, NULL);
	return nc_server_reply_data(reply, NC_WD_EXPLICIT, NC_PARAMTYPE_FREE);
}

static struct nc_server_reply *edit_config(struct lyd_node *rpc)
{
	struct ly_set *set = NULL;
	char *text = NULL;
	struct lyd_node *tree = NULL;
	if (lyd_find_xpath(rpc, "config", &set) || set->count != 1)
		return error(NC_ERR_OP_FAILED);
	lyd_any_value_str(set->dnodes[0], &text);
	ly_set_free(set, NULL);
	bool bad = lyd_parse_data_mem(ctx, text, LYD_XML, LYD_PARSE_STRICT, LYD_VALIDATE_NO_STATE,
				      &tree);
	free(text);
	if (bad) {
		lyd_free_all(tree);
		return nc_server_reply_err(
			nc_err(ctx, NC_ERR_UNKNOWN_ELEM, NC_ERR_TYPE_PROT, "frob"));
	}
	lyd_free_all(running);
	running = tree;
	return nc_server_reply_ok();
}

static struct nc_server_reply *lock(struct nc_session *session)
{
	if (holder)
		return nc_server_reply_err(nc_err(ctx, NC_ERR_LOCK_DENIED, holder));
	holder = nc_session_get_id(session);
	return nc_server_reply_ok();
}

static struct nc_server_reply *on_rpc(struct lyd_node *rpc, struct nc_session *session)
{
	const char *name = rpc->schema->name;
	if (!strcmp(name, "get-config"))
		return get_config(rpc);
	if (!strcmp(name, "edit-config"))
		return edit_config(rpc);
	if (!strcmp(name, "lock"))
		return lock(session);
	if (!strcmp(name, "create-subscription")) {
		nc_session_inc_notif_status(session);
		subscriber = session;
		return nc_server_reply_ok();
	}
	return error(NC_ERR_OP_NOT_SUPPORTED);
}

// --- TLS ---

static int server_certificate(const char *name, void *data, char **cert_path, char **cert_data,
			      char **key_path, char **key_data, NC_SSH_KEY_TYPE *type)
{
	(void)name;
	(void)data;
	(void)cert_data;
	(void)key_data;
	(void)type;
	*cert_path = joined(certificates, "server.pem");
	*key_path = joined(certificates, "server.key");
	return 0;
}

static int trusted(const char *name, void *data, char ***paths, int *path_count, char ***certs,
		   int *cert_count)
{
	(void)name;
	(void)data;
	(void)certs;
	(void)cert_count;
	*paths = malloc(sizeof(char *));
	(*paths)[0] = joined(certificates, "ca.pem");
	*path_count = 1;
	return 0;
}

// As cert-to-name wants it: 04 (SHA-256) and the digest.
static char *fingerprint_of_authority(void)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	static char text[3 * EVP_MAX_MD_SIZE + 3] = "04";
	char *path = joined(certificates, "ca.pem");
	FILE *file = fopen(path, "r");
	X509 *ca = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	if (!ca || !X509_digest(ca, EVP_sha256(), digest, &len))
		exit(1);
	for (unsigned i = 0; i < len; i++)
		snprintf(text + 2 + 3 * i, 4, ":%02x", digest[i]);
	X509_free(ca);
	fclose(file);
	free(path);
	return text;
}

static void tls_files(void)
{
	nc_server_tls_set_server_cert_clb(server_certificate, NULL, NULL);
	nc_server_tls_set_trusted_cert_list_clb(trusted, NULL, NULL);
}

static bool listen_tls(uint16_t port)
{
	tls_files();
	return !nc_server_add_endpt("main", NC_TI_OPENSSL) &&
	       !nc_server_endpt_set_address("main", "127.0.0.1") &&
	       !nc_server_endpt_set_port("main", port) &&
	       !nc_server_tls_endpt_set_server_cert("main", "server") &&
	       !nc_server_tls_endpt_add_trusted_cert_list("main", "authority") &&
	       !nc_server_tls_endpt_add_ctn("main", 1, fingerprint_of_authority(),
					    NC_TLS_CTN_COMMON_NAME, NULL);
}

static bool call_tls(const char *client)
{
	tls_files();
	return !nc_server_tls_ch_client_endpt_set_server_cert(client, "main", "server") &&
	       !nc_server_tls_ch_client_endpt_add_trusted_cert_list(client, "main", "authority") &&
	       !nc_server_tls_ch_client_endpt_add_ctn(client, "main", 1, fingerprint_of_authority(),
						      NC_TLS_CTN_COMMON_NAME, NULL);
}

// --- SSH ---

static int host_key(const char *name, void *data, char **path, char **content,
		    NC_SSH_KEY_TYPE *type)
{
	(void)name;
	(void)data;
	(void)content;
	(void)type;
	*path = joined(certificates, "host");
	return 0;
}

static bool ssh_files(void)
{
	char *key = joined(certificates, "admin.pub");
	nc_server_ssh_set_hostkey_clb(host_key, NULL, NULL);
	bool known = !nc_server_ssh_add_authkey_path(key, "admin");
	free(key);
	return known;
}

static bool listen_ssh(uint16_t port)
{
	return ssh_files() && !nc_server_add_endpt("main", NC_TI_LIBSSH) &&
	       !nc_server_endpt_set_address("main", "127.0.0.1") &&
	       !nc_server_endpt_set_port("main", port) &&
	       !nc_server_ssh_endpt_add_hostkey("main", "host", -1) &&
	       !nc_server_ssh_endpt_set_auth_methods("main", NC_SSH_AUTH_PUBLICKEY);
}

static bool call_ssh(const char *client)
{
	return ssh_files() &&
	       !nc_server_ssh_ch_client_endpt_add_hostkey(client, "main", "host", -1) &&
	       !nc_server_ssh_ch_client_endpt_set_auth_methods(client, "main",
							       NC_SSH_AUTH_PUBLICKEY);
}

// --- calling home ---

static struct nc_pollsession *sessions;

static int answered(const char *client, struct nc_session *session)
{
	(void)client;
	return nc_ps_add_session(sessions, session);
}

// A client of the library has one session, and is called again some time after that has ended.
static bool call_home(const char *client, bool ssh, uint16_t port)
{
	return !nc_server_ch_add_client(client) &&
	       !nc_server_ch_client_add_endpt(client, "main", ssh ? NC_TI_LIBSSH : NC_TI_OPENSSL) &&
	       !nc_server_ch_client_endpt_set_address(client, "main", "127.0.0.1") &&
	       !nc_server_ch_client_endpt_set_port(client, "main", port) &&
	       (ssh ? call_ssh(client) : call_tls(client)) &&
	       !nc_server_ch_client_set_conn_type(client, NC_CH_PERSIST) &&
	       !nc_connect_ch_client_dispatch(client, answered);
}

static bool begin(const char *what, uint16_t port)
{
	const bool ssh = !strncmp(what, "ssh", 3);
	if (strstr(what, "-home"))
		return call_home("home", ssh, port);
	return ssh ? listen_ssh(port) : listen_tls(port);
}

// --- serving ---

static void notify(void)
{
	struct lyd_node *event = NULL;
	char *time = NULL;
	if (!subscriber || ly_time_time2str(1700000000, NULL, &time) ||
	    lyd_new_path(NULL, ctx, "/test-box:rang/bell", "door", 0, &event))
		return;
	struct nc_server_notif *notification = nc_server_notif_new(event, time, NC_PARAMTYPE_FREE);
	nc_server_notif_send(subscriber, notification, WAIT_MS);
	nc_server_notif_free(notification);
	subscriber = NULL;
}

static void forget(struct nc_session *session)
{
	if (holder == nc_session_get_id(session))
		holder = 0;
	if (subscriber == session)
		subscriber = NULL;
}

static void serve(bool listens)
{
	for (;;) {
		struct nc_session *session = NULL;
		const int wait = nc_ps_session_count(sessions) ? 0 : 1000;
		if (listens && nc_accept(wait, &session) == NC_MSG_HELLO)
			nc_ps_add_session(sessions, session);
		int what = nc_ps_poll(sessions, 10, &session);
		if (what & NC_PSPOLL_SESSION_TERM) {
			forget(session);
			nc_ps_clear(sessions, 0, NULL);
		}
		if (what & NC_PSPOLL_RPC)
			notify();
	}
}

static void say_nothing(const struct nc_session *session, NC_VERB_LEVEL level, const char *text)
{
	(void)session;
	(void)level;
	(void)text;
}

static bool load(const char *dir)
{
	static const char *const modules[] = {"ietf-netconf", "notifications", "test-box"};
	static const char *all[] = {"*", NULL};
	if (ly_ctx_new(dir, 0, &ctx))
		return false;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (!ly_ctx_load_module(ctx, modules[i], NULL, all))
			return false;
	return true;
}

static void fill(size_t bytes)
{
	char *label = calloc(1, bytes + 1);
	memset(label, 'x', bytes);
	lyd_new_path(NULL, ctx, "/test-box:box/label", label, 0, &running);
	free(label);
}

int main(int argc, char **argv)
{
	if (argc != 6 || !load(argv[1])) {
		fputs("usage: interop_libnetconf2_server YANG-FOLDER CERTIFICATE-FOLDER "
		      "tls|ssh|tls-home|ssh-home PORT LABEL-BYTES\n",
		      stderr);
		return 2;
	}
	certificates = argv[2];
	ly_log_options(0);
	nc_set_print_clb_session(say_nothing);
	fill(strtoul(argv[5], NULL, 10));
	sessions = nc_ps_new();
	nc_set_global_rpc_clb(on_rpc);
	if (nc_server_init(ctx) || !begin(argv[3], (uint16_t)strtoul(argv[4], NULL, 10)))
		return 1;
	puts("ready");
	fflush(stdout);
	serve(!strstr(argv[3], "-home"));
}
