// SPDX-License-Identifier: Apache-2.0
// What a program on libnetconf2 and libyang does for edit-config and get-config when it does nothing else.
#include "benchmarks/netconf_peer.h"

#include <libyang/libyang.h>
#define NC_ENABLED_SSH
#define NC_ENABLED_TLS
#include <nc_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lyd_node *running;
static const struct netconf_peer_options *files;

static const struct lyd_node *child(const struct lyd_node *parent, const char *name)
{
	for (const struct lyd_node *it = lyd_child(parent); it; it = it->next)
		if (it->schema && !strcmp(it->schema->name, name))
			return it;
	return NULL;
}

static struct nc_server_reply *failed(const char *what)
{
	fprintf(stderr, "the peer: %s: %s\n", what, ly_errmsg(LYD_CTX(running)));
	return nc_server_reply_err(nc_err(LYD_CTX(running), NC_ERR_OP_FAILED, NC_ERR_TYPE_APP));
}

static struct nc_server_reply *edit_config(struct lyd_node *rpc)
{
	struct lyd_node_any *config = (struct lyd_node_any *)(uintptr_t)child(rpc, "config");
	const struct lyd_node *operation = child(rpc, "default-operation");
	struct lyd_node *tree = config->value.tree;
	config->value.tree = NULL;
	if (operation && !strcmp(lyd_get_value(operation), "replace")) {
		lyd_free_all(running);
		running = tree;
	} else if (lyd_merge_siblings(&running, tree, LYD_MERGE_DESTRUCT)) {
		return failed("merge");
	}
	if (lyd_validate_all(&running, LYD_CTX(rpc), LYD_VALIDATE_NO_STATE, NULL))
		return failed("validate");
	return nc_server_reply_ok();
}

static struct nc_server_reply *get_config(struct lyd_node *rpc)
{
	struct lyd_node *data = NULL;
	const struct lys_module *mod = rpc->schema->module;
	if (lyd_dup_single(rpc, NULL, 0, &data) ||
	    lyd_new_any(data, mod, "data", running, 0, LYD_ANYDATA_DATATREE, 1, NULL))
		return failed("get-config");
	return nc_server_reply_data(data, NC_WD_EXPLICIT, NC_PARAMTYPE_DUP_AND_FREE);
}

static struct nc_server_reply *serve(struct lyd_node *rpc, struct nc_session *session)
{
	(void)session;
	if (!strcmp(rpc->schema->name, "edit-config"))
		return edit_config(rpc);
	if (!strcmp(rpc->schema->name, "get-config"))
		return get_config(rpc);
	return nc_server_reply_err(nc_err(LYD_CTX(rpc), NC_ERR_OP_NOT_SUPPORTED, NC_ERR_TYPE_APP));
}

static int own_certificate(const char *name, void *context, char **certificate,
			   char **certificate_data, char **key, char **key_data,
			   NC_SSH_KEY_TYPE *type)
{
	(void)name, (void)context, (void)certificate_data, (void)key_data, (void)type;
	*certificate = strdup(files->certificate);
	*key = strdup(files->key);
	return 0;
}

// Nobody beside whom the authority vouches for; libnetconf2 asks all the same.
static int trusted_certificates(const char *name, void *context, char ***paths, int *paths_len,
				char ***data, int *data_len)
{
	(void)name, (void)context, (void)paths, (void)data;
	*paths_len = *data_len = 0;
	return 0;
}

static int listen_here(void)
{
	const struct netconf_peer_options *o = files;
	nc_server_tls_set_server_cert_clb(own_certificate, NULL, NULL);
	nc_server_tls_set_trusted_cert_list_clb(trusted_certificates, NULL, NULL);
	return nc_server_add_endpt("peer", NC_TI_OPENSSL) ||
	       nc_server_endpt_set_address("peer", "127.0.0.1") ||
	       nc_server_endpt_set_port("peer", o->port) ||
	       nc_server_tls_endpt_set_server_cert("peer", "own") ||
	       nc_server_tls_endpt_set_trusted_ca_paths("peer", o->ca, NULL) ||
	       nc_server_tls_endpt_add_ctn("peer", 1, o->ca_fingerprint, NC_TLS_CTN_COMMON_NAME,
					   NULL);
}

// Polls as libnetconf2's own example does; the session's end makes room for the next.
static void serve_session(struct nc_session *session)
{
	struct nc_pollsession *sessions = nc_ps_new();
	int what = 0;
	if (nc_ps_add_session(sessions, session))
		abort();
	do {
		what = nc_ps_poll(sessions, 100, NULL);
	} while (!(what & (NC_PSPOLL_SESSION_TERM | NC_PSPOLL_SESSION_ERROR)));
	nc_ps_clear(sessions, 1, NULL);
	nc_ps_free(sessions);
}

// Accepts and serves by turns, as libnetconf2's own example does with one thread.
static void serve_together(void)
{
	struct nc_pollsession *sessions = nc_ps_new();
	struct nc_session *session = NULL;
	for (;;) {
		if (nc_accept(0, &session) == NC_MSG_HELLO && nc_ps_add_session(sessions, session))
			abort();
		struct nc_session *which = NULL;
		int what = nc_ps_session_count(sessions) ? nc_ps_poll(sessions, 0, &which) : 0;
		if (what & (NC_PSPOLL_SESSION_TERM | NC_PSPOLL_SESSION_ERROR)) {
			nc_ps_del_session(sessions, which);
			nc_session_free(which, NULL);
		}
	}
}

static void say_nothing(const struct nc_session *session, NC_VERB_LEVEL level, const char *text)
{
	(void)session, (void)level, (void)text;
}

int netconf_peer_run(const struct netconf_peer_options *options)
{
	static const char *const modules[] = {"ietf-netconf", "ietf-i2nsf-nsf-facing-interface",
					      "ietf-i2nsf-capability"};
	static const char *features[] = {"*", NULL};
	struct ly_ctx *ctx = NULL;
	struct nc_session *session = NULL;
	files = options;
	if (ly_ctx_new(options->yang_dir, 0, &ctx))
		return 1;
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
		if (!ly_ctx_load_module(ctx, modules[i], NULL, features))
			return 1;
	nc_set_global_rpc_clb(serve);
	nc_set_print_clb_session(say_nothing);
	if (nc_server_init(ctx) || listen_here()) {
		fprintf(stderr, "the peer cannot listen\n");
		return 1;
	}
	if (options->together)
		serve_together();
	for (;;)
		if (nc_accept(1000, &session) == NC_MSG_HELLO)
			serve_session(session);
}
