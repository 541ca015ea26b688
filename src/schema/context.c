// SPDX-License-Identifier: Apache-2.0
// Opening a set of modules: where they are found, what of their imports is implemented, and what the set is called.
//
// A module that only lends types stays an import; one that defines identities is implemented, because values may name
// them (RFC 7950 section 9.10.2).
#include "base/buf.h"
#include "base/file.h"
#include "schema/canonical.h"
#include "schema/rules.h"
#include "schema/text.h"
#include "schema/types.h"

#include <errno.h>
#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *default_dir(void)
{
	const char *dir = getenv("BULWARK_YANG_DIR");
	if (dir && *dir)
		return dir;
	return access(BULWARK_SOURCE_YANG_DIR, R_OK | X_OK) ? BULWARK_YANG_DIR
							    : BULWARK_SOURCE_YANG_DIR;
}

static bool report(struct schema *schema, const char *dir, const char *module, struct diags *diags)
{
	const struct ly_err_item *item = schema->ctx ? ly_err_first(schema->ctx) : NULL;
	for (; item; item = item->next)
		if (item->level == LY_LLERR)
			diag_add(diags,
				 &(struct diag){
					 .code = DIAG_FAILED,
					 .path = item->path,
					 .hint = "check the YANG modules and BULWARK_YANG_DIR"},
				 "module %s from %s: %s", module, dir, item->msg);
	if (!diags->errors)
		diag_error(diags, DIAG_FAILED, NULL, "check the YANG modules and BULWARK_YANG_DIR",
			   "module %s from %s cannot be used", module, dir);
	if (schema->ctx)
		ly_err_clean(schema->ctx, NULL);
	return false;
}

static bool implement_imports(struct schema *schema, const char *dir, struct diags *diags)
{
	static const char *all[] = {"*", NULL};
	struct lys_module *mod;
	uint32_t index = 0;
	while ((mod = (struct lys_module *)(uintptr_t)ly_ctx_get_module_iter(schema->ctx,
									     &index))) {
		if (!mod->implemented && LY_ARRAY_COUNT(mod->identities) &&
		    lys_set_implemented(mod, all))
			return report(schema, dir, mod->name, diags);
	}
	return true;
}

#define PIECE 512u             // records, of 60 bytes each
#define MODULE_MOST (4u << 20) // bytes of one module

static void free_module(void *data, void *context)
{
	(void)context;
	free(data);
}

// libyang would resolve the folder's real path, which a process that was handed only a descriptor of it may not walk.
static LY_ERR read_module(const char *name, const char *revision, const char *submodule,
			  const char *submodule_revision, void *context, LYS_INFORMAT *format_out,
			  const char **data_out, ly_module_imp_data_free_clb *free_out)
{
	struct buf text, path;
	size_t len;
	const char *file = submodule ? submodule : name;
	const char *date = submodule ? submodule_revision : revision;
	buf_init(&path);
	buf_init(&text);
	// A revision that an import asks for may stand beside the one that is in use.
	buf_printf(&path, "%s/%s@%s.yang", (const char *)context, file, date ? date : "");
	int failed = date ? file_read(path.data, MODULE_MOST, &text) : -ENOENT;
	if (failed) {
		buf_clear(&path);
		buf_printf(&path, "%s/%s.yang", (const char *)context, file);
		failed = file_read(path.data, MODULE_MOST, &text);
	}
	if (!failed) {
		*format_out = LYS_IN_YANG;
		*data_out = buf_take(&text, &len);
		*free_out = free_module;
	}
	buf_fini(&text);
	buf_fini(&path);
	return failed ? LY_ENOTFOUND : LY_SUCCESS;
}

// What no server of ours does, and so no module may offer.
#define NETCONF_DEFAULT \
	"ietf-netconf:candidate,confirmed-commit,rollback-on-error,validate,startup,xpath"

// "NAME" or "NAME:FEATURE,FEATURE".
struct wanted {
	const char *name;
	VEC(const char *) features; // ends in NULL
};

static struct wanted wanted(const char *text, struct arena *arena)
{
	struct wanted w = {0};
	if (!strcmp(text, "ietf-netconf"))
		text = NETCONF_DEFAULT;
	const char *at = strchr(text, ':');
	w.name = arena_strndup(arena, text, at ? (size_t)(at - text) : strlen(text));
	if (!at)
		vec_push(arena, &w.features, "*");
	while (at && *++at) {
		size_t len = strcspn(at, ",");
		vec_push(arena, &w.features, arena_strndup(arena, at, len));
		at += len;
		if (!*at)
			break;
	}
	vec_push(arena, &w.features, NULL);
	return w;
}

static bool load(struct schema *schema, const char *dir, const char *const *modules,
		 struct diags *diags)
{
	if (access(dir, R_OK | X_OK)) {
		diag_error(diags, DIAG_IO, NULL,
			   "set BULWARK_YANG_DIR to the folder of the YANG modules",
			   "the folder %s of YANG modules cannot be read", dir);
		return false;
	}
	// Of the modules that libyang carries in itself, ours replace those that can be replaced.
	if (ly_ctx_new(NULL, LY_CTX_DISABLE_SEARCHDIRS | LY_CTX_NO_YANGLIBRARY, &schema->ctx))
		return report(schema, dir, "set", diags);
	ly_ctx_set_module_imp_clb(schema->ctx, read_module, arena_strdup(&schema->arena, dir));
	for (; *modules; modules++) {
		struct wanted w = wanted(*modules, &schema->arena);
		if (!ly_ctx_load_module(schema->ctx, w.name, NULL, w.features.at))
			return report(schema, dir, w.name, diags);
	}
	return implement_imports(schema, dir, diags);
}

static void digest_module(const char *name, const char *revision, const char *ns, bool implemented,
			  void *context)
{
	const char *part[] = {name, revision, ns, implemented ? "1" : "0"};
	uint64_t *h = context;
	for (size_t i = 0; i < array_len(part); i++) {
		for (const char *p = part[i] ? part[i] : ""; *p; p++)
			*h = (*h ^ (unsigned char)*p) * 0x100000001b3u;
		*h = (*h ^ 0xff) * 0x100000001b3u;
	}
}

struct schema *schema_open(const char *yang_dir, const char *const *modules, struct diags *diags)
{
	struct schema *schema = base_oom(calloc(1, sizeof(*schema)));
	arena_init(&schema->arena);
	schema->by_namespace.arena = schema->by_name.arena = schema->identities.arena =
		&schema->arena;
	vec_push(&schema->arena, &schema->files, NULL);
	schema->piece = PIECE;
	ly_log_options(LY_LOSTORE);
	if (!load(schema, yang_dir ? yang_dir : default_dir(), modules, diags)) {
		schema_free(schema);
		return NULL;
	}
	// Only the last message is wanted from here on.
	ly_log_options(LY_LOSTORE_LAST);
	ly_err_clean(schema->ctx, NULL);
	types_mend(schema->ctx);
	model_build(schema);
	if (schema->models.len > NODE_MODELS_MOST) {
		diag_error(diags, DIAG_LIMIT, NULL, "load fewer modules at once",
			   "the modules define %zu nodes; %u are allowed", schema->models.len,
			   NODE_MODELS_MOST);
		schema_free(schema);
		return NULL;
	}
	uint64_t digest = 0xcbf29ce484222325u;
	schema_modules(schema, digest_module, &digest);
	snprintf(schema->content_id, sizeof(schema->content_id), "%016llx",
		 (unsigned long long)digest);
	return schema;
}

void schema_free(struct schema *schema)
{
	if (!schema)
		return;
	rules_free(schema);
	canonical_free(schema->canonical);
	node_store_fini(schema);
	ly_ctx_destroy(schema->ctx);
	arena_fini(&schema->arena);
	free(schema);
}

const struct lys_module *text_module(const struct schema *schema, const char *text, bool by_name)
{
	return map_get(by_name ? &schema->by_name : &schema->by_namespace, text);
}

// What libyang cannot be without, whatever the set.
static bool is_libyangs(const struct lys_module *mod)
{
	static const char *const names[] = {"yang", "ietf-yang-metadata", "ietf-yang-schema-mount",
					    "ietf-yang-structure-ext", "default"};
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcmp(mod->name, names[i]))
			return true;
	return false;
}

static bool imports(const struct lys_module *mod, const struct lys_module *other)
{
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(mod->parsed->imports, i)
	{
		const struct lysp_import *import = &mod->parsed->imports[i];
		if (import->module == other && !(import->flags & LYS_INTERNAL))
			return true;
	}
	return false;
}

// A module that one of the set imports belongs to the set, too: who compiles the set needs its text.
static bool is_in_set(const struct schema *schema, const struct lys_module *mod)
{
	const struct lys_module *user;
	if (!is_libyangs(mod))
		return true;
	for (uint32_t i = 0; (user = ly_ctx_get_module_iter(schema->ctx, &i));)
		if (!is_libyangs(user) && imports(user, mod))
			return true;
	return false;
}

const struct lys_module *model_next_module(const struct schema *schema, uint32_t *index)
{
	const struct lys_module *mod;
	while ((mod = ly_ctx_get_module_iter(schema->ctx, index)))
		if (is_in_set(schema, mod))
			return mod;
	return NULL;
}

void schema_modules(const struct schema *schema, schema_module_fn fn, void *context)
{
	const struct lys_module *mod;
	uint32_t index = 0;
	while ((mod = model_next_module(schema, &index)))
		fn(mod->name, mod->revision, mod->ns, mod->implemented, context);
}

void schema_content_id(const struct schema *schema, char out[static 17])
{
	memcpy(out, schema->content_id, 17);
}
