// SPDX-License-Identifier: Apache-2.0
// The one way in: bytes, tree, validated tree, intent, IR. Several inputs are parsed into one tree, so that references
// between files resolve and a name that two files define is found; each model's codec then takes what is its own.
#include "engine/load.h"
#include "base/diag.h"
#include "codec/acl.h"
#include "codec/cfi.h"
#include "codec/nfi.h"
#include "intent/intent.h"
#include "schema/schema.h"

#define CFI_MODULE "ietf-i2nsf-cons-facing-interface"

struct schema *engine_load_schema(struct diags *diags)
{
	static const char *const modules[] = {
		CFI_MODULE,       CODEC_NFI_MODULE, "ietf-i2nsf-capability",
		CODEC_ACL_MODULE, "iana-if-type",   NULL};
	return schema_open(NULL, modules, diags);
}

// Rules take the form in which they come back from an NSF, so that who compares them there and here
// compares bytes.
static void append(const struct engine_load *load, const struct ir_document *from,
		   struct ir_document *to)
{
	for (size_t i = 0; i < from->policy.len; i++) {
		const struct ir_policy *policy = &from->policy.at[i];
		for (size_t k = 0; k < policy->rule.len && !load->as_read; k++)
			codec_nfi_normal(&policy->rule.at[k], load->arena, &policy->rule.at[k]);
		vec_push(load->arena, &to->policy, *policy);
	}
}

bool engine_load_tree(const struct engine_load *load, const struct schema_tree *tree,
		      struct ir_document *out)
{
	struct intent intent = {0};
	struct ir_document customer = {0}, nsf = {0}, lists = {0};
	bool good = codec_cfi_read(tree, load->arena, load->diags, &intent) &&
		    translate_intent(&intent, load->translate, load->arena, load->diags, &customer);
	good &= codec_nfi_read(tree, load->arena, load->diags, &nsf);
	good &= codec_acl_read(tree, load->arena, load->diags, &lists);
	*out = (struct ir_document){0};
	append(load, &customer, out);
	append(load, &nsf, out);
	append(load, &lists, out);
	return good;
}

bool engine_load(const struct engine_load *load, const struct schema_input *inputs, size_t n,
		 struct ir_document *out)
{
	struct schema_tree *tree = schema_tree_new(load->schema);
	bool good = true;
	*out = (struct ir_document){0};
	for (size_t i = 0; i < n; i++)
		good &= schema_parse(tree, &inputs[i], load->diags);
	if (good && n && schema_tree_empty(tree)) {
		diag_add(load->diags,
			 &(struct diag){.code = DIAG_MISSING,
					.file = inputs[0].file,
					.hint = "give a document of " CFI_MODULE
						", " CODEC_NFI_MODULE " or " CODEC_ACL_MODULE},
			 "there is nothing in it");
		good = false;
	}
	// A tree with holes would only add errors that follow from those above.
	good = good && codec_acl_complete(tree, load->arena, load->diags) &&
	       schema_validate(tree, load->diags) && engine_load_tree(load, tree, out);
	schema_tree_free(tree);
	return good;
}
