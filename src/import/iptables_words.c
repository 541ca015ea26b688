// SPDX-License-Identifier: Apache-2.0
// Lines as words and back: blanks separate, "..." keeps them, \ inside quotes takes the next character as it is, the way
// iptables-restore reads what iptables-save wrote.
#include "import/iptables.h"
#include "base/buf.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// Appends the word that starts at `i`; returns where it ends, or SIZE_MAX when its quote is not closed.
static size_t read_word(const char *line, size_t len, size_t i, struct buf *word, bool *quoted)
{
	bool inside = false;
	for (; i < len && (inside || !is_blank(line[i])); i++) {
		if (line[i] == '"') {
			inside = !inside;
			*quoted = true;
		} else if (inside && line[i] == '\\' && i + 1 < len) {
			buf_addc(word, line[++i]);
		} else {
			buf_addc(word, line[i]);
		}
	}
	return inside ? SIZE_MAX : i;
}

bool import_ipt_split(const char *line, size_t len, struct arena *arena, struct ipt_words *out)
{
	struct buf word cleanup(buf_fini);
	buf_init(&word);
	for (size_t i = 0; i < len;) {
		if (is_blank(line[i])) {
			i++;
			continue;
		}
		bool quoted = false;
		buf_clear(&word);
		i = read_word(line, len, i, &word, &quoted);
		if (i == SIZE_MAX)
			return false;
		vec_push(arena, &out->list,
			 (struct ipt_word){arena_strndup(arena, word.data, word.len), quoted});
	}
	return true;
}

const char *import_ipt_join(const struct ipt_rule *rule, size_t from, size_t to)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = from; i < to; i++) {
		const struct ipt_word *word = &rule->words.list.at[i];
		if (i > from)
			buf_addc(&text, ' ');
		if (word->quoted)
			buf_add_quoted(&text, word->text);
		else
			buf_adds(&text, word->text);
	}
	return arena_strndup(rule->reader->arena, text.data, text.len);
}
