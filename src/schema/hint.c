// SPDX-License-Identifier: Apache-2.0
// What a type allows, in words: the hint of every diag about a value.
#include "schema/text.h"
#include "schema/value.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <string.h>

#define LISTED_MOST 24u

// --- single types ---

static void add_i64(struct buf *out, int64_t v, unsigned digits)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, scale = 1;
	for (unsigned i = 0; i < digits; i++)
		scale *= 10;
	buf_printf(out, "%s%llu", v < 0 ? "-" : "", (unsigned long long)(u / scale));
	if (digits && u % scale)
		buf_printf(out, ".%0*llu", (int)digits, (unsigned long long)(u % scale));
}

static void add_range(struct buf *out, const struct lysc_range *range, bool is_signed,
		      unsigned digits)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(range->parts); i++) {
		const struct lysc_range_part *p = &range->parts[i];
		buf_adds(out, i ? " or " : "");
		if (is_signed)
			add_i64(out, p->min_64, digits);
		else
			buf_printf(out, "%llu", (unsigned long long)p->min_u64);
		if (p->min_u64 == p->max_u64)
			continue;
		buf_adds(out, " to ");
		if (is_signed)
			add_i64(out, p->max_64, digits);
		else
			buf_printf(out, "%llu", (unsigned long long)p->max_u64);
	}
}

static void describe_integer(const struct lysc_type *type, struct buf *out)
{
	static const char *const plain[] = {[LY_TYPE_UINT8] = "0 to 255",
					    [LY_TYPE_UINT16] = "0 to 65535",
					    [LY_TYPE_UINT32] = "0 to 4294967295",
					    [LY_TYPE_UINT64] = "0 to 18446744073709551615",
					    [LY_TYPE_INT8] = "-128 to 127",
					    [LY_TYPE_INT16] = "-32768 to 32767",
					    [LY_TYPE_INT32] = "-2147483648 to 2147483647",
					    [LY_TYPE_INT64] =
						    "-9223372036854775808 to 9223372036854775807"};
	const struct lysc_range *range = ((const struct lysc_type_num *)type)->range;
	bool is_signed = type->basetype == LY_TYPE_INT8 || type->basetype == LY_TYPE_INT16 ||
			 type->basetype == LY_TYPE_INT32 || type->basetype == LY_TYPE_INT64;
	buf_adds(out, "a whole number: ");
	if (range)
		add_range(out, range, is_signed, 0);
	else
		buf_adds(out, plain[type->basetype]);
}

static void describe_decimal(const struct lysc_type_dec *type, struct buf *out)
{
	buf_printf(out, "a decimal number with up to %u digits behind the point",
		   type->fraction_digits);
	if (type->range) {
		buf_adds(out, ": ");
		add_range(out, type->range, true, type->fraction_digits);
	}
}

static const char *known_text(const struct lysc_type_str *type)
{
	// Types that libyang treats by code are known by the plugin, the rest by their pattern.
	static const struct {
		const char *plugin, *pattern, *text;
	} known[] = {
		{"ipv4-address", NULL, "an IPv4 address such as 192.0.2.1"},
		{"ipv6-address", NULL, "an IPv6 address such as 2001:db8::1"},
		{"ipv4-prefix", NULL, "an IPv4 prefix such as 192.0.2.0/24"},
		{"ipv6-prefix", NULL, "an IPv6 prefix such as 2001:db8::/32"},
		{"date-and-time", NULL,
		 "a date and time such as 2026-01-31T08:00:00Z or 2026-01-31T08:00:00+09:00"},
		{"xpath", NULL, "an XPath 1.0 expression"},
		{NULL, "[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}",
		 "a MAC address such as 00:00:5e:00:53:01"},
		{NULL, "(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
		 "a time of day such as 08:00:00Z or 08:00:00+09:00"},
		{NULL, "[a-zA-Z]{2}-[a-zA-Z0-9]{2,3}", "an ISO 3166-2 region such as KR-11"},
	};
	const char *plugin = type->plugin->id ? type->plugin->id : "";
	const char *pattern = LY_ARRAY_COUNT(type->patterns) ? type->patterns[0]->expr : "";
	for (size_t i = 0; i < array_len(known); i++) {
		bool by_plugin = known[i].plugin && strstr(plugin, known[i].plugin);
		bool by_pattern = known[i].pattern &&
				  !strncmp(pattern, known[i].pattern, strlen(known[i].pattern));
		if (by_plugin || by_pattern)
			return known[i].text;
	}
	return NULL;
}

static void describe_string(const struct lysc_type_str *type, struct buf *out)
{
	const char *known = known_text(type);
	buf_adds(out, known ? known : "a text");
	if (known)
		return;
	if (type->length) {
		buf_adds(out, " of ");
		add_range(out, type->length, false, 0);
		buf_adds(out, " characters");
	}
	for (size_t i = 0; i < LY_ARRAY_COUNT(type->patterns); i++)
		buf_printf(out, "%s %.200s",
			   type->patterns[i]->inverted ? ", not of the form" : ", of the form",
			   type->patterns[i]->expr);
}

// --- sets of names ---

struct name_list {
	struct buf *out;
	unsigned n;
};

static void list_name(struct name_list *list, const char *module, const char *name)
{
	if (++list->n > LISTED_MOST)
		return;
	buf_adds(list->out, list->n == 1 ? "" : ", ");
	if (module)
		buf_printf(list->out, "%s:", module);
	buf_adds(list->out, name);
}

static void list_end(struct name_list *list)
{
	if (list->n > LISTED_MOST)
		buf_printf(list->out, " and %u more", list->n - LISTED_MOST);
}

static void describe_names(const struct lysc_type *type, struct buf *out)
{
	const struct lysc_type_enum *e = (const struct lysc_type_enum *)type;
	const struct lysc_type_bits *b = (const struct lysc_type_bits *)type;
	bool bits = type->basetype == LY_TYPE_BITS;
	struct name_list list = {.out = out};
	buf_adds(out, bits ? "any of " : "one of ");
	size_t n = bits ? LY_ARRAY_COUNT(b->bits) : LY_ARRAY_COUNT(e->enums);
	for (size_t i = 0; i < n; i++)
		list_name(&list, NULL, bits ? b->bits[i].name : e->enums[i].name);
	list_end(&list);
}

#define IDENTITIES_MOST 512u

// All identities that the type takes, each once, however many ways lead to it.
struct identity_set {
	const struct lysc_type_identityref *type;
	const struct lysc_ident *at[IDENTITIES_MOST];
	size_t len;
};

static bool takes(const struct lysc_type_identityref *type, const struct lysc_ident *identity)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(type->bases); i++)
		if (lyplg_type_identity_isderived(type->bases[i], identity))
			return false;
	return identity->module->implemented;
}

// libyang lists only what is derived directly.
static void collect(struct identity_set *set, const struct lysc_ident *base)
{
	for (size_t i = 0; i < LY_ARRAY_COUNT(base->derived); i++) {
		const struct lysc_ident *identity = base->derived[i];
		bool seen = set->len == IDENTITIES_MOST;
		for (size_t k = 0; k < set->len && !seen; k++)
			seen = set->at[k] == identity;
		if (seen)
			continue;
		set->at[set->len++] = identity;
		collect(set, identity);
	}
}

static void identities(struct identity_set *set, const struct lysc_type_identityref *type)
{
	set->type = type;
	set->len = 0;
	collect(set, type->bases[0]);
	size_t kept = 0;
	for (size_t i = 0; i < set->len; i++)
		if (takes(type, set->at[i]))
			set->at[kept++] = set->at[i];
	set->len = kept;
}

// Identities of the leaf's own module need no prefix.
static void describe_identity(const struct lysc_type_identityref *type,
			      const struct lys_module *mod, struct buf *out)
{
	struct name_list list = {.out = out};
	struct identity_set set;
	identities(&set, type);
	buf_adds(out, "one of ");
	for (size_t i = 0; i < set.len; i++)
		list_name(&list, set.at[i]->module == mod ? NULL : set.at[i]->module->name,
			  set.at[i]->name);
	list_end(&list);
}

static void describe(const struct lysc_type *type, const struct lys_module *mod, struct buf *out)
{
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	switch (type->basetype) {
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
	case LY_TYPE_UINT64:
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_INT64:
		describe_integer(type, out);
		return;
	case LY_TYPE_DEC64:
		describe_decimal((const struct lysc_type_dec *)type, out);
		return;
	case LY_TYPE_BOOL:
		buf_adds(out, "true or false");
		return;
	case LY_TYPE_EMPTY:
		buf_adds(out, "no value at all");
		return;
	case LY_TYPE_BINARY:
		buf_adds(out, "bytes in base64 such as TVo=");
		return;
	case LY_TYPE_INST:
		buf_adds(out, "the path of a node such as /module:name[key='value']");
		return;
	case LY_TYPE_ENUM:
	case LY_TYPE_BITS:
		describe_names(type, out);
		return;
	case LY_TYPE_IDENT:
		describe_identity((const struct lysc_type_identityref *)type, mod, out);
		return;
	case LY_TYPE_LEAFREF:
		describe(((const struct lysc_type_leafref *)type)->realtype, mod, out);
		return;
	case LY_TYPE_UNION:
		for (size_t i = 0; i < LY_ARRAY_COUNT(u->types); i++) {
			buf_adds(out, i ? ", or " : "");
			describe(u->types[i], mod, out);
		}
		return;
	case LY_TYPE_STRING:
	case LY_TYPE_UNKNOWN:
		break;
	}
	describe_string((const struct lysc_type_str *)type, out);
}

void value_describe(const struct lysc_node *leaf, struct buf *out)
{
	describe(((const struct lysc_node_leaf *)leaf)->type, leaf->module, out);
}

// --- what was meant ---

static void offer_names(const struct lysc_type *type, struct text_guess *guess)
{
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	const struct lysc_type_enum *e = (const struct lysc_type_enum *)type;
	struct identity_set set = {0};
	if (type->basetype == LY_TYPE_IDENT)
		identities(&set, (const struct lysc_type_identityref *)type);
	else if (type->basetype == LY_TYPE_LEAFREF)
		offer_names(((const struct lysc_type_leafref *)type)->realtype, guess);
	for (size_t i = 0; i < set.len; i++)
		text_guess_offer(guess, set.at[i]->name);
	for (size_t i = 0; type->basetype == LY_TYPE_UNION && i < LY_ARRAY_COUNT(u->types); i++)
		offer_names(u->types[i], guess);
	for (size_t i = 0; type->basetype == LY_TYPE_ENUM && i < LY_ARRAY_COUNT(e->enums); i++)
		text_guess_offer(guess, e->enums[i].name);
}

// An identity of that very name in another module: only the prefix is wrong.
static bool hint_prefix(const struct place *place, const struct lysc_type *type, const char *name,
			struct buf *hint)
{
	struct identity_set set = {0};
	if (type->basetype == LY_TYPE_IDENT)
		identities(&set, (const struct lysc_type_identityref *)type);
	for (size_t i = 0; i < set.len; i++) {
		const struct lys_module *mod = set.at[i]->module;
		if (strcmp(set.at[i]->name, name))
			continue;
		if (place->doc->json)
			buf_printf(hint, "write %s:%s; ", mod->name, name);
		else
			buf_printf(hint, "write prefix:%s and declare xmlns:prefix=\"%s\"; ", name,
				   mod->ns);
		return true;
	}
	return false;
}

void value_refused(const struct place *place, const char *value)
{
	struct doc *doc = place->doc;
	const struct lysc_node *lys = place->model->schema;
	const struct lysc_type *type = ((const struct lysc_node_leaf *)lys)->type;
	const char *reason = model_libyang_message(doc->schema, &doc->arena);
	const char *colon = strchr(value, ':'), *name = colon ? colon + 1 : value;
	struct text_guess guess = text_guess(name, strlen(name));
	struct buf hint;
	buf_init(&hint);
	offer_names(type, &guess);
	if (!hint_prefix(place, type, name, &hint) && guess.best)
		buf_printf(&hint, "did you mean \"%s\"? ", guess.best);
	buf_adds(&hint, "allowed: ");
	value_describe(lys, &hint);
	place_error(place, DIAG_VALUE, hint.data, "\"%.200s\" is no valid value of \"%s\": %.300s",
		    value, lys->name, reason);
	buf_fini(&hint);
}
