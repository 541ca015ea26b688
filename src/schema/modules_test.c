// SPDX-License-Identifier: Apache-2.0
// The modules in yang/ themselves: each compiles without a warning, those that libyang carries, too,
// have the facts of what it carries, documents of the I2NSF models validate, libyang understands the
// messages of NETCONF with our ietf-netconf, and takes the configuration of a server that calls home.
// Arguments: folder of the modules, folder of valid documents, and, if it is there, the folder of
// other people's policies, of which each is valid together with its datastore.xml.
#include "schema/facts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"

#include <dirent.h>
#include <libyang/libyang.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *yang_dir, *valid_dir, *others_dir;

// Calls `fn` for each file of the folder whose name ends so; gives back how many there are.
static size_t for_each_file(const char *dir, const char *suffix,
			    void (*fn)(const char *, const char *))
{
	size_t files = 0;
	DIR *stream = opendir(dir);
	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream));) {
		const char *end = strrchr(entry->d_name, '.');
		if (end && end != entry->d_name && !strcmp(end, suffix)) {
			fn(dir, entry->d_name);
			files++;
		}
	}
	closedir(stream);
	return files;
}

static void assert_compiles(const char *dir, const char *name)
{
	struct arena arena;
	struct diags diags;
	struct buf out, messages;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&out);
	buf_init(&messages);
	const char *module = arena_strndup(&arena, name, strcspn(name, ".@"));
	bool compiled = schema_facts(dir, module, &out, &diags);
	for (size_t i = 0; i < diags.list.len; i++)
		diag_print(&diags.list.at[i], false, &messages);
	if (!compiled || diags.list.len)
		fail_msg("%s: %s", name, messages.data);
	buf_fini(&messages);
	buf_fini(&out);
	arena_fini(&arena);
}

static void modules_compile_without_warning(void **state)
{
	(void)state;
	assert_true(for_each_file(yang_dir, ".yang", assert_compiles) > 10);
}

// --- what libyang carries in itself ---

static char *module_path(const char *dir, const char *module, struct arena *arena)
{
	return arena_printf(arena, "%s/%s.yang", dir, module);
}

static void write_modules(const struct ly_ctx *ctx, const char *dir, struct arena *arena)
{
	const struct lys_module *mod;
	for (uint32_t i = 0; (mod = ly_ctx_get_module_iter(ctx, &i));) {
		struct ly_out *out = NULL;
		assert_int_equal(ly_out_new_filepath(module_path(dir, mod->name, arena), &out), 0);
		assert_int_equal(lys_print_module(out, mod, LYS_OUT_YANG, 0, 0), 0);
		ly_out_free(out, NULL, 0);
	}
}

static void remove_modules(const struct ly_ctx *ctx, const char *dir, struct arena *arena)
{
	const struct lys_module *mod;
	for (uint32_t i = 0; (mod = ly_ctx_get_module_iter(ctx, &i));)
		assert_int_equal(file_remove(module_path(dir, mod->name, arena)), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void assert_same_facts(const char *dir, const char *module, struct arena *arena)
{
	struct diags diags;
	struct buf carried, ours;
	diags_init(&diags, arena);
	buf_init(&carried);
	buf_init(&ours);
	assert_true(schema_facts(dir, module, &carried, &diags));
	assert_true(schema_facts(yang_dir, module, &ours, &diags));
	assert_string_equal(ours.data, carried.data);
	buf_fini(&ours);
	buf_fini(&carried);
}

// Of the published modules that come with libyang, those that it can be without stand here, with the same facts.
static void carried_modules_are_replaced(void **state)
{
	(void)state;
	struct arena arena;
	struct ly_ctx *all = NULL, *least = NULL;
	const struct lys_module *mod;
	char dir[] = "/tmp/modules-test-XXXXXX";
	arena_init(&arena);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(ly_ctx_new(NULL, LY_CTX_DISABLE_SEARCHDIRS, &all), 0);
	assert_int_equal(
		ly_ctx_new(NULL, LY_CTX_DISABLE_SEARCHDIRS | LY_CTX_NO_YANGLIBRARY, &least), 0);
	write_modules(all, dir, &arena);
	for (uint32_t i = 0; (mod = ly_ctx_get_module_iter(all, &i));) {
		const bool ours = !access(module_path(yang_dir, mod->name, &arena), F_OK);
		if (ours != !ly_ctx_get_module(least, mod->name, mod->revision))
			fail_msg("%s: %s", mod->name, ours ? "is never used" : "is not replaced");
		if (ours)
			assert_same_facts(dir, mod->name, &arena);
	}
	remove_modules(all, dir, &arena);
	ly_ctx_destroy(least);
	ly_ctx_destroy(all);
	arena_fini(&arena);
}

static struct ly_ctx *context(const char *const *modules)
{
	struct ly_ctx *ctx = NULL;
	assert_int_equal(ly_ctx_new(yang_dir, LY_CTX_DISABLE_SEARCHDIR_CWD, &ctx), LY_SUCCESS);
	const char *all[] = {"*", NULL};
	for (; *modules; modules++) {
		if (!ly_ctx_load_module(ctx, *modules, NULL, all))
			fail_msg("%s: %s", *modules, ly_errmsg(ctx));
	}
	return ctx;
}

// --- documents ---

static struct ly_ctx *i2nsf;

static struct lyd_node *parse(const char *dir, const char *name)
{
	char path[4096];
	struct buf text;
	buf_init(&text);
	assert_true((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path));
	assert_int_equal(file_read(path, 1 << 20, &text), 0);
	struct lyd_node *tree = NULL;
	const LYD_FORMAT format = strstr(name, ".json") ? LYD_JSON : LYD_XML;
	if (lyd_parse_data_mem(i2nsf, text.data, format, LYD_PARSE_STRICT | LYD_PARSE_ONLY, 0,
			       &tree))
		fail_msg("%s: %s %s", name, ly_errmsg(i2nsf), ly_errpath(i2nsf));
	buf_fini(&text);
	return tree;
}

static void assert_tree_valid(struct lyd_node *tree, const char *name)
{
	if (lyd_validate_all(&tree, NULL, LYD_VALIDATE_NO_STATE, NULL))
		fail_msg("%s: %s %s", name, ly_errmsg(i2nsf), ly_errpath(i2nsf));
	lyd_free_all(tree);
}

static void assert_valid(const char *dir, const char *name)
{
	assert_tree_valid(parse(dir, name), name);
}

static void assert_valid_with_datastore(const char *dir, const char *name)
{
	struct lyd_node *tree = parse(dir, name);
	if (strcmp(name, "datastore.xml"))
		assert_int_equal(
			lyd_merge_siblings(&tree, parse(dir, "datastore.xml"), LYD_MERGE_DESTRUCT),
			LY_SUCCESS);
	assert_tree_valid(tree, name);
}

static void documents_are_valid(void **state)
{
	(void)state;
	i2nsf = context((const char *const[]){"ietf-i2nsf-cons-facing-interface",
					      "ietf-i2nsf-nsf-facing-interface",
					      "ietf-i2nsf-monitoring-interface", NULL});
	assert_true(for_each_file(valid_dir, ".xml", assert_valid) >= 2);
	assert_true(for_each_file(valid_dir, ".json", assert_valid) >= 1);
	if (others_dir && !access(others_dir, R_OK))
		assert_true(for_each_file(others_dir, ".xml", assert_valid_with_datastore) > 1);
	ly_ctx_destroy(i2nsf);
}

// --- NETCONF ---

// Whether libyang takes the content of an <rpc> as an operation and finds it valid.
static bool understood(const struct ly_ctx *ctx, const char *content)
{
	struct arena arena;
	arena_init(&arena);
	const char *text =
		arena_printf(&arena,
			     "<rpc xmlns='urn:ietf:params:xml:ns:netconf:base:1.0' message-id='1'>"
			     "%s</rpc>",
			     content);
	struct ly_in *in = NULL;
	assert_int_equal(ly_in_new_memory(text, &in), LY_SUCCESS);
	struct lyd_node *envelope = NULL, *operation = NULL;
	LY_ERR fault =
		lyd_parse_op(ctx, NULL, in, LYD_XML, LYD_TYPE_RPC_NETCONF, &envelope, &operation);
	if (!fault)
		fault = lyd_validate_op(operation, NULL, LYD_TYPE_RPC_YANG, NULL);
	lyd_free_all(operation);
	lyd_free_all(envelope);
	ly_in_free(in, 0);
	arena_fini(&arena);
	return !fault;
}

static struct ly_ctx *netconf_context(void)
{
	return context((const char *const[]){
		"ietf-netconf", "notifications", "nc-notifications", "ietf-netconf-with-defaults",
		"ietf-netconf-monitoring", "ietf-netconf-notifications", NULL});
}

static void operations_are_understood(void **state)
{
	(void)state;
	static const char *const operations[] = {
		"<get/>",
		"<get><filter type='subtree'><top xmlns='urn:x'/></filter></get>",
		"<get><filter type='xpath' select='/m:netconf-state' "
		"xmlns:m='urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring'/></get>",
		"<get><with-defaults "
		"xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults'>"
		"report-all</with-defaults></get>",
		"<get-config><source><running/></source>"
		"<filter type='subtree'><top xmlns='urn:x'><name/></top></filter></get-config>",
		"<get-config><source><candidate/></source></get-config>",
		"<edit-config><target><candidate/></target><default-operation>none</"
		"default-operation>"
		"<test-option>test-then-set</test-option><error-option>rollback-on-error"
		"</error-option><config><top xmlns='urn:x' "
		"xmlns:nc='urn:ietf:params:xml:ns:netconf:"
		"base:1.0' nc:operation='delete'/></config></edit-config>",
		"<edit-config><target><running/></target><url>file:///x</url></edit-config>",
		"<copy-config><target><startup/></target><source><running/></source></copy-config>",
		"<copy-config><target><running/></target><source><config/></source></copy-config>",
		"<delete-config><target><startup/></target></delete-config>",
		"<lock><target><candidate/></target></lock>",
		"<unlock><target><running/></target></unlock>",
		"<validate><source><candidate/></source></validate>",
		"<validate><source><config><top xmlns='urn:x'/></config></source></validate>",
		"<commit/>",
		"<commit><confirmed/><confirm-timeout>30</confirm-timeout><persist>t</persist></"
		"commit>",
		"<commit><persist-id>t</persist-id></commit>",
		"<cancel-commit><persist-id>t</persist-id></cancel-commit>",
		"<discard-changes/>",
		"<close-session/>",
		"<kill-session><session-id>4</session-id></kill-session>",
		"<create-subscription xmlns='urn:ietf:params:xml:ns:netconf:notification:1.0'>"
		"<stream>NETCONF</stream><filter type='subtree'><e xmlns='urn:x'/></filter>"
		"<startTime>2030-01-01T00:00:00Z</startTime></create-subscription>",
		"<get-schema xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring'>"
		"<identifier>ietf-netconf</identifier><format>yang</format></get-schema>",
	};
	struct ly_ctx *ctx = netconf_context();
	for (size_t i = 0; i < array_len(operations); i++) {
		if (!understood(ctx, operations[i]))
			fail_msg("%s: %s", operations[i], ly_errmsg(ctx));
	}
	ly_ctx_destroy(ctx);
}

static void wrong_operations_are_refused(void **state)
{
	(void)state;
	static const char *const operations[] = {
		"<no-such/>",
		"<get-config/>",
		"<get-config><source><running/><candidate/></source></get-config>",
		"<edit-config><target><candidate/></target></edit-config>",
		"<edit-config><target><startup/></target><config/></edit-config>",
		"<edit-config><target><candidate/></target><default-operation>delete"
		"</default-operation><config/></edit-config>",
		"<lock><target><url>file:///x</url></target></lock>",
		"<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>",
		"<kill-session/>",
		"<kill-session><session-id>0</session-id></kill-session>",
	};
	const uint32_t log_options = ly_log_options(0);
	struct ly_ctx *ctx = netconf_context();
	for (size_t i = 0; i < array_len(operations); i++) {
		if (understood(ctx, operations[i]))
			fail_msg("accepted: %s", operations[i]);
	}
	ly_ctx_destroy(ctx);
	ly_log_options(log_options);
}

// --- configuration of a NETCONF server ---

// Imports first, so that a feature finds those that it needs.
static struct ly_ctx *server_context(void)
{
	return context((const char *const[]){
		"ietf-crypto-types", "ietf-truststore", "ietf-keystore", "ietf-tcp-common",
		"ietf-tcp-client", "ietf-tcp-server", "ietf-ssh-common", "ietf-ssh-server",
		"ietf-tls-common", "ietf-tls-server", "ietf-netconf-server", NULL});
}

#define HOST_KEY                                                              \
	"\"server-identity\":{\"host-key\":[{\"name\":\"a\",\"public-key\":{" \
	"\"central-keystore-reference\":\"k\"}}]}"
#define CALL_HOME(address, algorithm, more)                                                      \
	"{\"ietf-keystore:keystore\":{\"asymmetric-keys\":{\"asymmetric-key\":[{\"name\":\"k\"," \
	"\"public-key-format\":\"ietf-crypto-types:ssh-public-key-format\","                     \
	"\"public-key\":\"AAAA\",\"hidden-private-key\":[null]}]}},"                             \
	"\"ietf-netconf-server:netconf-server\":{\"call-home\":{\"netconf-client\":[{"           \
	"\"name\":\"c\",\"endpoints\":{\"endpoint\":[{\"name\":\"e\",\"ssh\":{"                  \
	"\"tcp-client-parameters\":{" address "},\"ssh-server-parameters\":{" HOST_KEY           \
	",\"transport-params\":{\"host-key\":{\"host-key-alg\":[\"" algorithm "\"]}}},"          \
	"\"netconf-server-parameters\":{}}}]}" more "}]}}}"
#define PERSISTENT ",\"connection-type\":{\"persistent\":{}}"
#define CLIENT "\"remote-address\":\"192.0.2.1\""

static bool takes_configuration(const struct ly_ctx *ctx, const char *json)
{
	struct lyd_node *tree = NULL;
	const LY_ERR fault = lyd_parse_data_mem(ctx, json, LYD_JSON, LYD_PARSE_STRICT,
						LYD_VALIDATE_NO_STATE, &tree);
	lyd_free_all(tree);
	return !fault;
}

static void call_home_configuration(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		CALL_HOME("", "ssh-ed25519", PERSISTENT), // no address
		CALL_HOME(CLIENT, "no-such", PERSISTENT), // no algorithm of the registry
		CALL_HOME(CLIENT, "ssh-ed25519", ""),     // no type of connection
		CALL_HOME(CLIENT ",\"remote-port\":65536", "ssh-rsa", PERSISTENT),
	};
	struct ly_ctx *ctx = server_context();
	if (!takes_configuration(ctx, CALL_HOME(CLIENT, "ssh-ed25519", PERSISTENT)) ||
	    !takes_configuration(ctx, CALL_HOME(CLIENT, "own@example.org", PERSISTENT)))
		fail_msg("%s %s", ly_errmsg(ctx), ly_errpath(ctx));
	const uint32_t log_options = ly_log_options(0);
	for (size_t i = 0; i < array_len(wrong); i++)
		if (takes_configuration(ctx, wrong[i]))
			fail_msg("accepted: %s", wrong[i]);
	ly_log_options(log_options);
	ly_ctx_destroy(ctx);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	yang_dir = argv[1];
	valid_dir = argv[2];
	others_dir = argc > 3 ? argv[3] : NULL;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_compile_without_warning),
		cmocka_unit_test(carried_modules_are_replaced),
		cmocka_unit_test(documents_are_valid),
		cmocka_unit_test(operations_are_understood),
		cmocka_unit_test(wrong_operations_are_refused),
		cmocka_unit_test(call_home_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
