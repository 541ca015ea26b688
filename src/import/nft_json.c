// SPDX-License-Identifier: Apache-2.0
// `nft -j list ruleset`: an array of objects, each a table, chain, set, map or rule. JSON has no lines of its own; an
// object's line is counted in the input, so that a listing that is laid out over many lines has useful ones.
#include "import/nft_json.h"
#include "base/diag.h"
#include "import/import.h"

#include <jansson.h>
#include <string.h>

#define HINT "give the whole output of nft -j list ruleset, as it is"

bool nft_json_fail(struct nft_json *j, const char *fmt, ...)
{
	if (j->bad)
		return false;
	j->bad = true;
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(j->ruleset->arena, fmt, ap);
	va_end(ap);
	diag_add(j->diags,
		 &(struct diag){.code = DIAG_SYNTAX,
				.file = j->ruleset->file,
				.line = j->line,
				.hint = HINT},
		 "%s", text);
	return false;
}

const char *nft_json_text(struct nft_json *j, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_string(value))
		return arena_strdup(j->ruleset->arena, json_string_value(value));
	if (json_is_integer(value))
		return arena_printf(j->ruleset->arena, "%lld",
				    (long long)json_integer_value(value));
	return NULL;
}

// --- lines ---

struct lines {
	const char *at, *end;
	unsigned line;
	unsigned depth;
};

static void skip_string(struct lines *l)
{
	for (l->at++; l->at < l->end && *l->at != '"'; l->at++)
		l->at += *l->at == '\\';
}

// Goes to the next { that is two levels deep: an object of the array. The input is known to be well-formed.
static unsigned next_object(struct lines *l)
{
	for (; l->at < l->end; l->at++) {
		if (*l->at == '"')
			skip_string(l);
		else if (*l->at == '\n')
			l->line++;
		else if (*l->at == '}' || *l->at == ']')
			l->depth--;
		else if ((*l->at == '{' || *l->at == '[') && l->depth++ == 2) {
			l->at++;
			return l->line;
		}
	}
	return l->line;
}

// --- objects ---

struct names {
	const char *family, *table, *name;
};

static bool read_names(struct nft_json *j, const json_t *v, struct names *out)
{
	*out = (struct names){nft_json_text(j, v, "family"), nft_json_text(j, v, "table"),
			      nft_json_text(j, v, "name")};
	if (!out->family || !out->table)
		return nft_json_fail(j, "an object without family or table");
	j->table = nft_table_get(j->ruleset, out->family, out->table, j->line);
	return true;
}

static bool has_flag(const json_t *v, const char *flag)
{
	const json_t *flags = json_object_get(v, "flags");
	for (size_t i = 0; json_is_array(flags) && i < json_array_size(flags); i++) {
		const char *is = json_string_value(json_array_get(flags, i));
		if (is && !strcmp(is, flag))
			return true;
	}
	return json_is_string(flags) && !strcmp(json_string_value(flags), flag);
}

static bool read_table(struct nft_json *j, const json_t *v)
{
	const char *family = nft_json_text(j, v, "family"), *name = nft_json_text(j, v, "name");
	if (!family || !name)
		return nft_json_fail(j, "a table without family or name");
	j->table = nft_table_get(j->ruleset, family, name, j->line);
	j->table->dormant |= has_flag(v, "dormant");
	bool known = j->table->dormant || has_flag(v, "owner") || has_flag(v, "persist");
	if (json_object_get(v, "flags") && !known)
		// nft 1.0.6 writes a letter for every flag there is.
		vec_push(j->ruleset->arena, &j->ruleset->gap,
			 (struct nft_gap){
				 "flags of a table that this JSON does not spell out: if it is "
				 "dormant, it filters nothing (list it as text)",
				 j->line});
	return true;
}

static bool read_chain(struct nft_json *j, const json_t *v)
{
	struct names names;
	if (!read_names(j, v, &names))
		return false;
	struct nft_chain *chain =
		names.name ? nft_chain_add(j->ruleset, j->table, names.name, j->line) : NULL;
	if (!chain)
		return nft_json_fail(j, "a chain without name, or twice in its table");
	chain->type = nft_json_text(j, v, "type");
	chain->hook = nft_json_text(j, v, "hook");
	chain->priority = (int)json_integer_value(json_object_get(v, "prio"));
	const char *policy = nft_json_text(j, v, "policy");
	chain->drops = policy && !strcmp(policy, "drop");
	if (chain->hook && !chain->type)
		return nft_json_fail(j, "a base chain without type");
	return true;
}

static bool read_set(struct nft_json *j, const json_t *v)
{
	struct names names;
	if (!read_names(j, v, &names))
		return false;
	struct nft_set *set =
		names.name ? nft_set_add(j->ruleset, j->table, names.name, j->line) : NULL;
	if (!set)
		return nft_json_fail(j, "a set without name, or twice in its table");
	set->dynamic = has_flag(v, "dynamic");
	set->timeout = has_flag(v, "timeout");
	const json_t *elements = json_object_get(v, "elem");
	struct nft_expr *read = elements ? nft_json_set(j, elements) : NULL;
	if (read)
		set->elements = read;
	return !j->bad;
}

static bool read_rule(struct nft_json *j, const json_t *v)
{
	struct names names;
	if (!read_names(j, v, &names))
		return false;
	const char *name = nft_json_text(j, v, "chain");
	struct nft_chain *chain = name ? map_get(&j->table->chains, name) : NULL;
	const json_t *stmts = json_object_get(v, "expr");
	if (!chain || !json_is_array(stmts))
		return nft_json_fail(j, "a rule without statements, or of a chain that is not "
					"listed before it");
	struct nft_rule *rule = nft_rule_add(j->ruleset, chain, j->line);
	for (size_t i = 0; i < json_array_size(stmts); i++)
		if (!nft_json_stmt(j, json_array_get(stmts, i), rule))
			return false;
	rule->text = nft_rule_text(j->ruleset->arena, rule);
	return true;
}

static bool read_object(struct nft_json *j, const json_t *object)
{
	static const struct {
		const char *key;
		bool (*read)(struct nft_json *j, const json_t *v);
	} kinds[] = {{"table", read_table},
		     {"chain", read_chain},
		     {"set", read_set},
		     {"map", read_set},
		     {"rule", read_rule}};
	static const char *const commands[] = {"add",     "replace", "create", "insert", "delete",
					       "destroy", "flush",   "reset",  "rename"};
	for (size_t i = 0; i < array_len(kinds); i++) {
		const json_t *v = json_object_get(object, kinds[i].key);
		if (v)
			return kinds[i].read(j, v);
	}
	for (size_t i = 0; i < array_len(commands); i++)
		if (json_object_get(object, commands[i]))
			return nft_json_fail(j, "'%s' belongs to a script, not to a listing",
					     commands[i]);
	// counters, helpers, flow tables and the like decide no packet
	return json_is_object(object) ||
	       nft_json_fail(j, "the array nftables holds something that is no object");
}

static bool read_array(struct nft_json *j, const json_t *root, struct lines *lines)
{
	const json_t *array = json_object_get(root, "nftables");
	j->line = 1;
	if (!json_is_array(array))
		return nft_json_fail(j, "there is no array 'nftables'");
	bool first = *json_object_iter_key(json_object_iter((json_t *)(uintptr_t)root)) == 'n';
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *object = json_array_get(array, i);
		j->line = first && json_is_object(object) ? next_object(lines) : 1;
		if (!read_object(j, object))
			return false;
	}
	return true;
}

bool nft_json_read(const struct import_input *input, struct diags *diags, struct nft_ruleset *out)
{
	struct nft_json j = {.ruleset = out, .diags = diags};
	struct lines lines = {input->data, input->data + input->len, 1, 0};
	json_error_t error;
	json_t *root = json_loadb(input->data, input->len, 0, &error);
	if (!root) {
		j.line = error.line > 0 ? (unsigned)error.line : 1;
		return nft_json_fail(&j, "%s", error.text);
	}
	bool good = read_array(&j, root, &lines);
	json_decref(root);
	return good;
}
