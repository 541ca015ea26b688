// SPDX-License-Identifier: Apache-2.0
// What a server says of its modules. RFC 8525 (also the older modules-state), RFC 6022 section 3.1.
//
// The text of a module is printed from what was compiled, so it is what is in force, and needs no file; comments are lost.
// One module set and one schema: all datastores have the same modules. There are no deviations.
#include "schema/library.h"
#include "base/buf.h"
#include "schema/model.h"

#include <libyang/libyang.h>

#include <stdlib.h>
#include <string.h>

#define NS_LIBRARY "urn:ietf:params:xml:ns:yang:ietf-yang-library"
#define NS_DATASTORES "urn:ietf:params:xml:ns:yang:ietf-datastores"

static const char *submodule_revision(const struct lysp_submodule *sub)
{
	return sub->revs ? sub->revs[0].date : "";
}

// --- the parts that both forms have ---

static void add_features(const struct lys_module *mod, struct buf *out)
{
	const struct lysp_feature *feature = NULL;
	uint32_t index = 0;
	while ((feature = lysp_feature_next(feature, mod->parsed, &index)))
		if (feature->flags & LYS_FENABLED)
			buf_add_leaf(out, "feature", feature->name);
}

// Where the text is: a leaf of this name.
static void add_location(const char *leaf, const char *texts, const char *name,
			 const char *revision, struct buf *out)
{
	if (!texts)
		return;
	buf_printf(out, "<%s>", leaf);
	buf_add_xml(out, texts);
	buf_printf(out, "/%s%s%s.yang</%s>", name, *revision ? "@" : "", revision, leaf);
}

static void add_submodules(const struct lys_module *mod, const char *texts, bool older,
			   struct buf *out)
{
	for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(mod->parsed->includes); i++) {
		const struct lysp_submodule *sub = mod->parsed->includes[i].submodule;
		const char *revision = submodule_revision(sub);
		buf_adds(out, "<submodule>");
		buf_add_leaf(out, "name", sub->name);
		if (older || *revision)
			buf_add_leaf(out, "revision", revision);
		add_location(older ? "schema" : "location", texts, sub->name, revision, out);
		buf_adds(out, "</submodule>");
	}
}

static void add_module(const struct lys_module *mod, const char *texts, struct buf *out)
{
	const char *tag = mod->implemented ? "module" : "import-only-module";
	buf_printf(out, "<%s>", tag);
	buf_add_leaf(out, "name", mod->name);
	// A key of what is imported only, there empty if there is none.
	if (mod->revision || !mod->implemented)
		buf_add_leaf(out, "revision", mod->revision ? mod->revision : "");
	buf_add_leaf(out, "namespace", mod->ns);
	add_location("location", texts, mod->name, mod->revision ? mod->revision : "", out);
	add_submodules(mod, texts, false, out);
	if (mod->implemented)
		add_features(mod, out);
	buf_printf(out, "</%s>", tag);
}

static void add_older_module(const struct lys_module *mod, const char *texts, struct buf *out)
{
	buf_adds(out, "<module>");
	buf_add_leaf(out, "name", mod->name);
	buf_add_leaf(out, "revision", mod->revision ? mod->revision : "");
	add_location("schema", texts, mod->name, mod->revision ? mod->revision : "", out);
	buf_add_leaf(out, "namespace", mod->ns);
	if (mod->implemented)
		add_features(mod, out);
	buf_add_leaf(out, "conformance-type", mod->implemented ? "implement" : "import");
	add_submodules(mod, texts, true, out);
	buf_adds(out, "</module>");
}

// --- the whole ---

static void add_set(const struct schema *schema, const char *texts, struct buf *out)
{
	const struct lys_module *mod;
	buf_adds(out, "<module-set><name>all</name>");
	for (int implemented = 1; implemented >= 0; implemented--)
		for (uint32_t i = 0; (mod = model_next_module(schema, &i));)
			if (mod->implemented == implemented)
				add_module(mod, texts, out);
	buf_adds(out, "</module-set><schema><name>all</name><module-set>all</module-set></schema>");
}

void schema_library_print(const struct schema *schema, const char *const *datastores,
			  const char *texts, struct buf *out)
{
	char id[17];
	schema_content_id(schema, id);
	buf_adds(out, "<yang-library xmlns=\"" NS_LIBRARY "\">");
	add_set(schema, texts, out);
	for (; *datastores; datastores++)
		buf_printf(out,
			   "<datastore><name xmlns:ds=\"" NS_DATASTORES "\">ds:%s</name>"
			   "<schema>all</schema></datastore>",
			   *datastores);
	buf_add_leaf(out, "content-id", id);
	buf_adds(out, "</yang-library>");
}

void schema_modules_state_print(const struct schema *schema, const char *texts, struct buf *out)
{
	const struct lys_module *mod;
	char id[17];
	schema_content_id(schema, id);
	buf_adds(out, "<modules-state xmlns=\"" NS_LIBRARY "\">");
	buf_add_leaf(out, "module-set-id", id);
	for (uint32_t i = 0; (mod = model_next_module(schema, &i));)
		add_older_module(mod, texts, out);
	buf_adds(out, "</modules-state>");
}

void schema_features_print(const struct schema *schema, const char *module, struct buf *out)
{
	const struct lys_module *mod = ly_ctx_get_module_implemented(schema->ctx, module);
	const struct lysp_feature *feature = NULL;
	uint32_t index = 0;
	const char *comma = "";
	while (mod && (feature = lysp_feature_next(feature, mod->parsed, &index)))
		if (feature->flags & LYS_FENABLED) {
			buf_printf(out, "%s%s", comma, feature->name);
			comma = ",";
		}
}

// --- texts ---

static unsigned version_of(uint8_t version)
{
	return version == LYS_VERSION_1_1 ? 11 : 10;
}

void schema_modules_about(const struct schema *schema, schema_about_fn fn, void *context)
{
	const struct lys_module *mod;
	for (uint32_t i = 0; (mod = model_next_module(schema, &i));) {
		struct schema_module_about about = {mod->name, mod->revision ? mod->revision : "",
						    mod->ns, mod->implemented,
						    version_of(mod->parsed->version)};
		fn(&about, context);
		for (LY_ARRAY_COUNT_TYPE s = 0; s < LY_ARRAY_COUNT(mod->parsed->includes); s++) {
			const struct lysp_submodule *sub = mod->parsed->includes[s].submodule;
			about.name = sub->name;
			about.revision = submodule_revision(sub);
			about.version = version_of(sub->version);
			fn(&about, context);
		}
	}
}

struct wanted {
	const char *name, *revision;
	const struct lys_module *mod;
	const struct lysp_submodule *sub;
	unsigned found;
};

static bool is_wanted(const struct wanted *w, const char *name, const char *revision)
{
	return !strcmp(name, w->name) &&
	       (!w->revision || !strcmp(revision ? revision : "", w->revision));
}

static void look_in(struct wanted *w, const struct lys_module *mod)
{
	if (is_wanted(w, mod->name, mod->revision)) {
		w->found++;
		w->mod = mod;
	}
	for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(mod->parsed->includes); i++) {
		const struct lysp_submodule *sub = mod->parsed->includes[i].submodule;
		if (!is_wanted(w, sub->name, submodule_revision(sub)))
			continue;
		w->found++;
		w->sub = sub;
	}
}

static void print_text(const struct wanted *w, struct buf *out)
{
	struct ly_out *to = NULL;
	char *text = NULL;
	if (ly_out_new_memory(&text, 0, &to))
		abort(); // memory
	LY_ERR failed = w->mod ? lys_print_module(to, w->mod, LYS_OUT_YANG, 0, 0)
			       : lys_print_submodule(to, w->sub, LYS_OUT_YANG, 0, 0);
	ly_out_free(to, NULL, 0);
	if (failed)
		abort(); // memory: what was parsed can be printed
	buf_adds(out, text);
	free(text);
}

unsigned schema_module_text(const struct schema *schema, const char *name, const char *revision,
			    struct buf *out)
{
	struct wanted w = {.name = name, .revision = revision};
	const struct lys_module *mod;
	for (uint32_t i = 0; (mod = model_next_module(schema, &i));)
		look_in(&w, mod);
	if (w.found == 1)
		print_text(&w, out);
	return w.found;
}
