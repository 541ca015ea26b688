// SPDX-License-Identifier: Apache-2.0
// Prints what a YANG module demands of those that use it, to compare two modules, or a module with
// the facts that are kept of a standard.
//
// The idea: names, imports and texts "as written" come from libyang's parsed module, the effect of
// all groupings, augments, typedefs and features from the compiled one; LY_CTX_SET_PRIV_PARSED links
// each compiled node to the statement that it came from.
//
// It does not compare, and knows no module by name. RFC 7950.
#include "schema/facts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#include <inttypes.h>
#include <libyang/libyang.h>
#include <stdlib.h>

static void free_context(struct ly_ctx **ctx)
{
	ly_ctx_destroy(*ctx);
}

static void collect_messages(const struct ly_ctx *ctx, struct diags *diags)
{
	for (const struct ly_err_item *item = ly_err_first(ctx); item; item = item->next) {
		bool warning = item->level == LY_LLWRN;
		struct diag about = {
			.severity = warning ? DIAG_WARNING : DIAG_ERROR,
			.code = DIAG_SYNTAX,
			.path = item->path,
			.hint = warning ? NULL
					: "correct the module; RFC 7950 says what it may hold",
		};
		diag_add(diags, &about, "%s", item->msg);
	}
}

// --- the header ---

static void print_header(const struct lysp_module *parsed, struct buf *out)
{
	const struct lys_module *module = parsed->mod;
	buf_printf(out, "# module\t%s\n# namespace\t%s\n# prefix\t%s\n", module->name, module->ns,
		   module->prefix);
	if (module->revision)
		buf_printf(out, "# revision\t%s\n", module->revision);
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(parsed->imports, i)
	{
		// libyang adds imports of its own for the modules that it extends by itself.
		if (!(parsed->imports[i].flags & LYS_INTERNAL))
			buf_printf(out, "# import\t%s\tas\t%s\n", parsed->imports[i].name,
				   parsed->imports[i].prefix);
	}
	LY_ARRAY_FOR(parsed->extensions, i)
	buf_printf(out, "# extension\t%s\n", parsed->extensions[i].name);
	LY_ARRAY_FOR(parsed->exts, i)
	{
		if (!(parsed->exts[i].flags & LYS_INTERNAL))
			buf_printf(out, "# %s\t%s\n", parsed->exts[i].name,
				   parsed->exts[i].argument ? parsed->exts[i].argument : "");
	}
	LY_ARRAY_FOR(parsed->features, i)
	buf_printf(out, "# feature\t%s\n", parsed->features[i].name);
	LY_ARRAY_FOR(parsed->typedefs, i)
	buf_printf(out, "# typedef\t%s\n", parsed->typedefs[i].name);
	for (const struct lysp_node_grp *grp = parsed->groupings; grp; grp = grp->next)
		buf_printf(out, "# grouping\t%s\n", grp->name);
}

static void print_identities(const struct lysp_module *parsed, struct buf *out)
{
	LY_ARRAY_COUNT_TYPE i, j;
	LY_ARRAY_FOR(parsed->identities, i)
	{
		buf_printf(out, "identity\t%s\tbase\t", parsed->identities[i].name);
		LY_ARRAY_FOR(parsed->identities[i].bases, j)
		buf_printf(out, "%s%s", j ? "," : "", parsed->identities[i].bases[j]);
		buf_addc(out, '\n');
	}
}

// --- types ---

static bool is_unsigned(LY_DATA_TYPE type)
{
	return type == LY_TYPE_UINT8 || type == LY_TYPE_UINT16 || type == LY_TYPE_UINT32 ||
	       type == LY_TYPE_UINT64 || type == LY_TYPE_STRING || type == LY_TYPE_BINARY;
}

static void print_range(const char *name, const struct lysc_type *type,
			const struct lysc_range *range, struct buf *out)
{
	if (!range)
		return;
	buf_printf(out, " %s=", name);
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(range->parts, i)
	{
		buf_adds(out, i ? "|" : "");
		if (is_unsigned(type->basetype))
			buf_printf(out, "%" PRIu64 "..%" PRIu64, range->parts[i].min_u64,
				   range->parts[i].max_u64);
		else
			buf_printf(out, "%" PRId64 "..%" PRId64, range->parts[i].min_64,
				   range->parts[i].max_64);
	}
}

static void print_string_type(const struct lysc_type_str *type, struct buf *out)
{
	print_range("length", (const struct lysc_type *)type, type->length, out);
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(type->patterns, i)
	buf_printf(out, " pattern=%s", type->patterns[i]->expr);
}

// Enumerations and bits have the same items, told apart by the sign before the number.
static void print_items(const struct lysc_type_bitenum_item *items, char sign, struct buf *out)
{
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(items, i)
	{
		buf_printf(out, "%c%s%c", i ? ',' : ' ', items[i].name, sign);
		if (sign == '=')
			buf_printf(out, "%" PRId32, items[i].value);
		else
			buf_printf(out, "%" PRIu32, items[i].position);
	}
}

static void print_type(const struct lysc_type *type, struct buf *out);

static void print_union(const struct lysc_type_union *type, struct buf *out)
{
	buf_addc(out, '{');
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(type->types, i)
	{
		buf_adds(out, i ? " ; " : "");
		print_type(type->types[i], out);
	}
	buf_addc(out, '}');
}

static void print_bases(const struct lysc_type_identityref *type, struct buf *out)
{
	buf_adds(out, " base=");
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(type->bases, i)
	buf_printf(out, "%s%s:%s", i ? "," : "", type->bases[i]->module->name,
		   type->bases[i]->name);
}

// A range of decimals is printed in units of the last digit, as libyang holds it.
static void print_decimal(const struct lysc_type_dec *type, struct buf *out)
{
	buf_printf(out, " fraction-digits=%u", type->fraction_digits);
	print_range("range", (const struct lysc_type *)type, type->range, out);
}

static void print_leafref(const struct lysc_type_leafref *type, struct buf *out)
{
	buf_printf(out, " path=%s require-instance=%u", lyxp_get_expr(type->path),
		   type->require_instance);
}

static void print_type(const struct lysc_type *type, struct buf *out)
{
	static const char *const names[] = {
		[LY_TYPE_UNKNOWN] = "unknown",   [LY_TYPE_BINARY] = "binary",
		[LY_TYPE_UINT8] = "uint8",       [LY_TYPE_UINT16] = "uint16",
		[LY_TYPE_UINT32] = "uint32",     [LY_TYPE_UINT64] = "uint64",
		[LY_TYPE_STRING] = "string",     [LY_TYPE_BITS] = "bits",
		[LY_TYPE_BOOL] = "boolean",      [LY_TYPE_DEC64] = "decimal64",
		[LY_TYPE_EMPTY] = "empty",       [LY_TYPE_ENUM] = "enumeration",
		[LY_TYPE_IDENT] = "identityref", [LY_TYPE_INST] = "instance-identifier",
		[LY_TYPE_LEAFREF] = "leafref",   [LY_TYPE_UNION] = "union",
		[LY_TYPE_INT8] = "int8",         [LY_TYPE_INT16] = "int16",
		[LY_TYPE_INT32] = "int32",       [LY_TYPE_INT64] = "int64",
	};
	buf_adds(out, names[type->basetype]);
	switch (type->basetype) {
	case LY_TYPE_STRING:
		print_string_type((const struct lysc_type_str *)type, out);
		break;
	case LY_TYPE_BINARY:
		print_range("length", type, ((const struct lysc_type_bin *)type)->length, out);
		break;
	case LY_TYPE_BITS:
		print_items(((const struct lysc_type_bits *)type)->bits, '@', out);
		break;
	case LY_TYPE_ENUM:
		print_items(((const struct lysc_type_enum *)type)->enums, '=', out);
		break;
	case LY_TYPE_DEC64:
		print_decimal((const struct lysc_type_dec *)type, out);
		break;
	case LY_TYPE_IDENT:
		print_bases((const struct lysc_type_identityref *)type, out);
		break;
	case LY_TYPE_INST:
		buf_printf(out, " require-instance=%u",
			   ((const struct lysc_type_instanceid *)type)->require_instance);
		break;
	case LY_TYPE_LEAFREF:
		print_leafref((const struct lysc_type_leafref *)type, out);
		break;
	case LY_TYPE_UNION:
		print_union((const struct lysc_type_union *)type, out);
		break;
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
	case LY_TYPE_UINT64:
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_INT64:
		print_range("range", type, ((const struct lysc_type_num *)type)->range, out);
		break;
	case LY_TYPE_UNKNOWN:
	case LY_TYPE_BOOL:
	case LY_TYPE_EMPTY:
		break;
	}
}

// --- constraints ---

static void print_keys(const struct lysc_node *list, struct buf *out)
{
	const char *separator = "key=";
	const struct lysc_node *key = lysc_node_child(list);
	for (; key && lysc_is_key(key); key = key->next) {
		buf_printf(out, "%s%s", separator, key->name);
		separator = ",";
	}
	buf_adds(out, *separator == ',' ? " " : "");
}

static void print_default(const struct lysc_node *node, const struct lyd_value *value,
			  struct buf *out)
{
	if (value)
		buf_printf(out, "default=%s ", lyd_value_get_canonical(node->module->ctx, value));
}

static void print_defaults(const struct lysc_node *node, struct buf *out)
{
	if (node->nodetype == LYS_LEAF)
		print_default(node, ((const struct lysc_node_leaf *)node)->dflt, out);
	if (node->nodetype == LYS_CHOICE && ((const struct lysc_node_choice *)node)->dflt)
		buf_printf(out, "default=%s ", ((const struct lysc_node_choice *)node)->dflt->name);
	if (node->nodetype != LYS_LEAFLIST)
		return;
	struct lyd_value **values = ((const struct lysc_node_leaflist *)node)->dflts;
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(values, i)
	print_default(node, values[i], out);
}

static void print_units(const struct lysc_node *node, struct buf *out)
{
	const char *units = NULL;
	if (node->nodetype == LYS_LEAF)
		units = ((const struct lysc_node_leaf *)node)->units;
	if (node->nodetype == LYS_LEAFLIST)
		units = ((const struct lysc_node_leaflist *)node)->units;
	if (units)
		buf_printf(out, "units=%s ", units);
}

static void print_number_of_entries(const struct lysc_node *node, struct buf *out)
{
	uint32_t min = 0, max = 0;
	if (node->nodetype == LYS_LIST) {
		min = ((const struct lysc_node_list *)node)->min;
		max = ((const struct lysc_node_list *)node)->max;
	} else if (node->nodetype == LYS_LEAFLIST) {
		min = ((const struct lysc_node_leaflist *)node)->min;
		max = ((const struct lysc_node_leaflist *)node)->max;
	}
	if (min)
		buf_printf(out, "min-elements=%" PRIu32 " ", min);
	if (max && max != UINT32_MAX)
		buf_printf(out, "max-elements=%" PRIu32 " ", max);
	if ((node->nodetype & (LYS_LIST | LYS_LEAFLIST)) && lysc_is_userordered(node))
		buf_adds(out, "ordered-by=user ");
}

// On one line: white space between the tokens of an XPath expression is no fact, that in its strings is.
static void print_expression(const char *name, const char *text, struct buf *out)
{
	char quote = 0;
	buf_adds(out, name);
	for (; *text; text++) {
		const bool space = !quote && strchr(" \t\r\n", *text);
		if (*text == quote)
			quote = 0;
		else if (!quote && strchr("'\"", *text))
			quote = *text;
		if (!space)
			buf_addc(out, *text);
		else if (out->data[out->len - 1] != ' ')
			buf_addc(out, ' ');
	}
	buf_addc(out, ' ');
}

static void print_expressions(const struct lysc_node *node, struct buf *out)
{
	LY_ARRAY_COUNT_TYPE i;
	const struct lysp_node *statement = node->priv;
	if (statement && !(node->nodetype & (LYS_INPUT | LYS_OUTPUT)))
		LY_ARRAY_FOR(statement->iffeatures, i)
	buf_printf(out, "if-feature=%s ", statement->iffeatures[i].str);
	struct lysc_when **whens = lysc_node_when(node);
	LY_ARRAY_FOR(whens, i)
	print_expression("when=", lyxp_get_expr(whens[i]->cond), out);
	struct lysc_must *musts = lysc_node_musts(node);
	LY_ARRAY_FOR(musts, i)
	print_expression("must=", lyxp_get_expr(musts[i].cond), out);
}

static void print_status(const struct lysc_node *node, struct buf *out)
{
	if (node->flags & LYS_STATUS_DEPRC)
		buf_adds(out, "status=deprecated ");
	if (node->flags & LYS_STATUS_OBSLT)
		buf_adds(out, "status=obsolete ");
}

// What modules add to the language, as NACM's default-deny-write.
static void print_extensions(const struct lysc_node *node, struct buf *out)
{
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(node->exts, i)
	{
		const struct lysc_ext_instance *e = &node->exts[i];
		buf_printf(out, "%s:%s%s%s ", e->def->module->name, e->def->name,
			   e->argument ? "=" : "", e->argument ? e->argument : "");
	}
}

static void print_constraints(const struct lysc_node *node, struct buf *out)
{
	buf_adds(out, node->flags & LYS_MAND_TRUE ? "mandatory " : "");
	if (node->nodetype == LYS_CONTAINER && node->flags & LYS_PRESENCE)
		buf_adds(out, "presence ");
	if (node->nodetype == LYS_LIST)
		print_keys(node, out);
	print_defaults(node, out);
	print_units(node, out);
	print_number_of_entries(node, out);
	print_expressions(node, out);
	print_status(node, out);
	print_extensions(node, out);
}

// --- nodes ---

static const char *type_as_written(const struct lysc_node *node)
{
	if (node->nodetype == LYS_LEAF)
		return ((const struct lysp_node_leaf *)node->priv)->type.name;
	return ((const struct lysp_node_leaflist *)node->priv)->type.name;
}

static const char *config_of(const struct lysc_node *node)
{
	if (node->flags & LYS_CONFIG_W)
		return "rw";
	return node->flags & LYS_CONFIG_R ? "ro" : "-";
}

static const char *kind_of(const struct lysc_node *node)
{
	switch (node->nodetype) {
	case LYS_RPC:
		return "rpc";
	case LYS_INPUT:
		return "input";
	case LYS_OUTPUT:
		return "output";
	default:
		return lys_nodetype2str(node->nodetype);
	}
}

struct printing {
	const struct lys_module *module; // whose nodes are printed
	struct buf *out;
};

static LY_ERR print_node(struct lysc_node *node, void *context, ly_bool *skip)
{
	const struct printing *p = context;
	struct buf *out = p->out;
	*skip = 0;
	if (node->module != p->module)
		return LY_SUCCESS;
	char *path = base_oom(lysc_path(node, LYSC_PATH_LOG, NULL, 0));
	buf_printf(out, "%s\t%s\t%s\t", path, kind_of(node), config_of(node));
	free(path);
	if (node->nodetype & LYD_NODE_TERM) {
		buf_printf(out, "%s\t", type_as_written(node));
		print_type(node->nodetype == LYS_LEAF ? ((struct lysc_node_leaf *)node)->type
						      : ((struct lysc_node_leaflist *)node)->type,
			   out);
		buf_addc(out, '\t');
	} else {
		buf_adds(out, "\t\t");
	}
	print_constraints(node, out);
	buf_addc(out, '\n');
	return LY_SUCCESS;
}

// The module's own trees, and what it adds to those of others.
static bool print_nodes(const struct lys_module *module, struct buf *out)
{
	struct printing p = {module, out};
	const struct lys_module *other;
	bool failed = lysc_module_dfs_full(module, print_node, &p);
	for (uint32_t i = 0; (other = ly_ctx_get_module_iter(module->ctx, &i));)
		if (other != module && other->implemented)
			failed |= lysc_module_dfs_full(other, print_node, &p) != LY_SUCCESS;
	return !failed;
}

// --- what a module only lends ---

static bool has_nodes(const struct lys_module *module)
{
	const struct lysc_module *compiled = module->compiled;
	return compiled->data || compiled->rpcs || compiled->notifs;
}

// The beginning of a module that uses what this one lends.
static void add_borrower(const struct lys_module *module, const char *name, struct buf *out)
{
	buf_printf(out,
		   "module lent.%s {yang-version 1.1; namespace urn:lent:%s; prefix lent-to;"
		   "import %s {prefix %s;}",
		   name, name, module->name, module->prefix);
}

static bool print_borrower(const struct lys_module *module, const struct buf *text, struct buf *out)
{
	struct lys_module *borrower = NULL;
	return !lys_parse_mem(module->ctx, text->data, LYS_IN_YANG, &borrower) &&
	       print_nodes(borrower, out);
}

static bool print_typedefs(const struct lys_module *module, struct buf *out)
{
	const struct lysp_tpdf *typedefs = module->parsed->typedefs;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	add_borrower(module, "types", &text);
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(typedefs, i)
	buf_printf(&text, "leaf %s {type %s:%s;}", typedefs[i].name, module->prefix,
		   typedefs[i].name);
	buf_addc(&text, '}');
	return print_borrower(module, &text, out);
}

// As configuration if it can be that, else, because of lists without keys, as state.
static bool print_grouping(const struct lys_module *module, const char *name, struct buf *out)
{
	static const char *const kinds[] = {"true", "false"};
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < array_len(kinds); i++) {
		ly_err_clean(module->ctx, NULL);
		buf_clear(&text);
		add_borrower(module, name, &text);
		buf_printf(&text, "container grouping {config %s; uses %s:%s;}}", kinds[i],
			   module->prefix, name);
		if (print_borrower(module, &text, out))
			return true;
	}
	return false;
}

static bool print_lent(const struct lys_module *module, struct buf *out)
{
	if (has_nodes(module))
		return true;
	bool printed = print_typedefs(module, out);
	for (const struct lysp_node_grp *grp = module->parsed->groupings; grp; grp = grp->next)
		printed = printed && print_grouping(module, grp->name, out);
	return printed;
}

// --- the whole ---

static struct ly_ctx *new_context(const char *yang_dir)
{
	struct ly_ctx *ctx = NULL;
	const uint16_t options =
		LY_CTX_DISABLE_SEARCHDIR_CWD | LY_CTX_SET_PRIV_PARSED | LY_CTX_NO_YANGLIBRARY;
	return ly_ctx_new(yang_dir, options, &ctx) ? NULL : ctx;
}

// Turns all features of a module on, those of its imports first: libyang refuses a feature that needs
// one of another module that is off.
static LY_ERR enable_features(struct lys_module *module)
{
	LY_ARRAY_COUNT_TYPE i;
	LY_ARRAY_FOR(module->parsed->imports, i)
	if (enable_features(module->parsed->imports[i].module))
		return LY_EOTHER;
	const char *all[] = {"*", NULL};
	return module->parsed->features ? lys_set_implemented(module, all) : LY_SUCCESS;
}

static const struct lys_module *load(struct ly_ctx *ctx, const char *name)
{
	struct lys_module *module = ly_ctx_load_module(ctx, name, NULL, NULL);
	return module && !enable_features(module) ? module : NULL;
}

bool schema_facts(const char *yang_dir, const char *module, struct buf *out, struct diags *diags)
{
	const uint32_t log_options = ly_log_options(LY_LOSTORE);
	cleanup(free_context) struct ly_ctx *ctx = new_context(yang_dir);
	const struct lys_module *compiled = NULL;
	if (ctx) {
		compiled = load(ctx, module);
		collect_messages(ctx, diags);
	} else {
		diag_error(diags, DIAG_IO, NULL, "name the folder that holds the YANG modules",
			   "cannot read YANG modules from %s", yang_dir);
	}
	if (compiled) {
		print_header(compiled->parsed, out);
		print_identities(compiled->parsed, out);
		buf_adds(out,
			 "# path\tkind\tconfig\ttype as written\tresolved type\tconstraints\n");
		if (!print_nodes(compiled, out) || !print_lent(compiled, out)) {
			collect_messages(ctx, diags);
			compiled = NULL;
		}
	}
	ly_log_options(log_options);
	return compiled;
}
