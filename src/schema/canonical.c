// SPDX-License-Identifier: Apache-2.0
// Canonical values by libyang's types, called directly: no data node is made. What was canonized before is remembered, as
// most values of a long list are few.
#include "schema/canonical.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>

#include <stdlib.h>
#include <string.h>

#define CACHE 4096u

// Both texts are counted, so that their addresses stay theirs.
struct canonical_cache {
	struct remembered {
		const struct model_node *model;
		const char *text, *canonical;
		enum value_form form;
	} slot[CACHE];
};

enum value_form canonical_form_of_type(const struct lysc_type *type)
{
	switch ((unsigned)type->basetype) {
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_BOOL:
		return FORM_LITERAL;
	case LY_TYPE_EMPTY:
		return FORM_EMPTY;
	case LY_TYPE_IDENT:
		return FORM_IDENTITY;
	case LY_TYPE_INST:
		return FORM_PATH;
	case LY_TYPE_STRING:
		return type->plugin->id && strstr(type->plugin->id, "xpath") ? FORM_PATH
									     : FORM_STRING;
	default:
		return FORM_STRING;
	}
}

enum value_form canonical_form(const struct lyd_value *value)
{
	while (value->realtype->basetype == LY_TYPE_UNION)
		value = &value->subvalue->value;
	return canonical_form_of_type(value->realtype);
}

static const struct lysc_type *type_of(const struct model_node *model)
{
	return ((const struct lysc_node_leaf *)model->schema)->type;
}

// LY_EINCOMPLETE is good: it says that a reference was not followed.
static bool store(const struct model_node *model, const struct lysc_type *type, const char *text,
		  size_t len, struct lyd_value *value)
{
	const struct ly_ctx *ctx = model->mod->ctx;
	struct ly_err_item *err = NULL;
	int result = type->plugin->store(ctx, type, text, len, 0, LY_VALUE_JSON, NULL,
					 LYD_HINT_DATA, model->schema, value, NULL, &err);
	ly_err_free(err);
	return !result || result == LY_EINCOMPLETE;
}

// --- values that are what is written ---

static bool in_range(const struct lysc_range *range, uint64_t value)
{
	for (size_t i = 0; range && i < LY_ARRAY_COUNT(range->parts); i++)
		if (value >= range->parts[i].min_u64 && value <= range->parts[i].max_u64)
			return true;
	return !range;
}

// Digits without a superfluous zero, within what the type holds.
static bool is_plain_number(const struct lysc_type *type, const char *text, size_t len)
{
	static const uint64_t most[] = {[LY_TYPE_UINT8] = UINT8_MAX,
					[LY_TYPE_UINT16] = UINT16_MAX,
					[LY_TYPE_UINT32] = UINT32_MAX};
	uint64_t value = 0;
	if (!len || len > 10 || (*text == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	return value <= most[type->basetype] &&
	       in_range(((const struct lysc_type_num *)type)->range, value);
}

static bool is_plain_string(const struct lysc_type *type)
{
	const struct lysc_type_str *string = (const struct lysc_type_str *)type;
	return type->plugin->store == lyplg_type_store_string && !string->patterns &&
	       !string->length;
}

// What long lists mostly hold is judged without libyang: then the text is its canonical form.
static bool is_plain(const struct lysc_type *type, const char *text, size_t len,
		     enum value_form *form_out)
{
	switch ((unsigned)type->basetype) {
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
		*form_out = FORM_LITERAL;
		return is_plain_number(type, text, len);
	case LY_TYPE_STRING:
		*form_out = FORM_STRING;
		return is_plain_string(type);
	case LY_TYPE_LEAFREF:
		return is_plain(((const struct lysc_type_leafref *)type)->realtype, text, len,
				form_out);
	default:
		return false;
	}
}

// --- values of all types ---

static const char *canonize(struct schema *schema, const struct model_node *model, const char *text,
			    size_t len, enum value_form *form_out)
{
	const struct lysc_type *type = type_of(model);
	struct lyd_value value = {0};
	if (!store(model, type, text, len, &value)) {
		// Once more, for its words.
		(void)lyd_value_validate(schema->ctx, model->schema, text, len, NULL, NULL, NULL);
		return NULL;
	}
	const char *canonical = lyd_value_get_canonical(schema->ctx, &value);
	*form_out = canonical_form(&value);
	canonical = intern_add(&schema->values, canonical, strlen(canonical));
	value.realtype->plugin->free(schema->ctx, &value);
	return canonical;
}

static struct remembered *slot_of(struct schema *schema, const struct model_node *model,
				  const char *text)
{
	if (!schema->canonical)
		schema->canonical = base_oom(calloc(1, sizeof(*schema->canonical)));
	uint64_t h = ((uintptr_t)text ^ (uint64_t)model->id << 40) * 0x9e3779b97f4a7c15u;
	return &schema->canonical->slot[h >> 32 & (CACHE - 1)];
}

static void remember(struct schema *schema, const struct model_node *model, const char *text,
		     size_t len, const char *canonical, enum value_form form)
{
	text = intern_add(&schema->values, text, len);
	struct remembered *r = slot_of(schema, model, text);
	if (r->text) {
		intern_unref(&schema->values, r->text);
		intern_unref(&schema->values, r->canonical);
	}
	*r = (struct remembered){model, text, intern_ref(canonical), form};
}

const char *canonical_add(struct schema *schema, const struct model_node *model, const char *text,
			  size_t len, enum value_form *form_out)
{
	if (is_plain(type_of(model), text, len, form_out))
		return intern_add(&schema->values, text, len);
	const char *known = intern_find(&schema->values, text, len);
	const struct remembered *r = known ? slot_of(schema, model, known) : NULL;
	if (r && r->text == known && r->model == model) {
		*form_out = r->form;
		return intern_ref(r->canonical);
	}
	const char *canonical = canonize(schema, model, text, len, form_out);
	// What nobody had until now may be one of many that come only once.
	if (known && canonical)
		remember(schema, model, text, len, canonical, *form_out);
	return canonical;
}

const char *canonical_find(struct schema *schema, const struct model_node *model, const char *text,
			   size_t len)
{
	struct lyd_value value = {0};
	if (!store(model, type_of(model), text, len, &value))
		return NULL;
	const char *canonical = lyd_value_get_canonical(schema->ctx, &value);
	canonical = intern_find(&schema->values, canonical, strlen(canonical));
	value.realtype->plugin->free(schema->ctx, &value);
	return canonical;
}

bool canonical_takes(const struct model_node *model, const struct lysc_type *type, const char *text)
{
	struct lyd_value value = {0};
	if (!store(model, type, text, strlen(text), &value))
		return false;
	value.realtype->plugin->free(model->mod->ctx, &value);
	return true;
}

void canonical_free(struct canonical_cache *cache)
{
	free(cache);
}
