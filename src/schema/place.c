// SPDX-License-Identifier: Apache-2.0
// Where something belongs, as an instance path, for diags. List entries are named by those keys that can be read.
#include "schema/value.h"

#include <libyang/libyang.h>
#include <stdarg.h>
#include <string.h>

static void add_predicates(const struct place *place, struct buf *out)
{
	const struct lysc_node *lys = place->model->schema;
	if (lys->nodetype != LYS_LIST)
		return;
	for (const struct lysc_node *key = lysc_node_child(lys); key && key->flags & LYS_KEY;
	     key = key->next) {
		doc_for_each_child(it, place->doc, place->item)
		{
			if (!doc_name_is(place->doc, it, key->name) || it->child)
				continue;
			size_t len;
			const char *value = doc_value(place->doc, it, &len);
			char quote = strchr(value, '\'') ? '"' : '\'';
			buf_printf(out, "[%s=%c%.100s%c]", key->name, quote, value, quote);
			break;
		}
	}
}

static void add_path(const struct place *place, struct buf *out)
{
	const struct lys_module *above = NULL;
	if (place->parent) {
		node_path(place->parent, out);
		above = node_model(place->parent)->mod;
	} else if (place->outer) {
		add_path(place->outer, out);
		above = place->outer->model ? place->outer->model->mod : NULL;
	}
	buf_addc(out, '/');
	if (!place->model) {
		buf_add(out, place->doc->text + place->item->name, place->item->name_len);
		return;
	}
	const struct lysc_node *lys = place->model->schema;
	if (lys->module != above)
		buf_printf(out, "%s:", lys->module->name);
	buf_adds(out, lys->name);
	add_predicates(place, out);
}

const char *place_path(const struct place *place)
{
	struct buf out;
	buf_init(&out);
	add_path(place, &out);
	const char *path = arena_strdup(&place->doc->arena, out.data);
	buf_fini(&out);
	return path;
}

void place_error(const struct place *place, enum diag_code code, const char *hint, const char *fmt,
		 ...)
{
	struct doc *doc = place->doc;
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(&doc->arena, fmt, ap);
	va_end(ap);
	diag_add(doc->diags,
		 &(struct diag){.code = code,
				.file = doc->file,
				.line = place->item->line,
				.path = place_path(place),
				.subject = doc_subject(doc, code, place->item),
				.hint = hint},
		 "%s", text);
}
