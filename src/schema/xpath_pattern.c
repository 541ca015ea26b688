// SPDX-License-Identifier: Apache-2.0
// Regular expressions of XML Schema (XSD part 2 appendix F), which YANG's patterns are, for re-match(): written anew for
// PCRE2. What means something else there, or nothing here, is refused by name.
#include "base/buf.h"
#include "schema/xpath_eval.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATTERN_BYTES_MOST 4096u
#define MATCH_STEPS_MOST 1000000u
#define STEP_NANOSECONDS 10u // what a step elsewhere takes

struct xpath_pattern {
	char *text;
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

struct writer {
	const char *at;
	struct buf out;
	unsigned depth; // of classes that are taken from classes
	const char *fault;
};

static bool refuse(struct writer *w, const char *why)
{
	if (!w->fault)
		w->fault = why;
	return false;
}

// What stands for a class of XML Schema: inside of brackets, and as brackets of its own.
static const struct {
	char letter;
	const char *inside;
} classes[] = {
	{'s', " \\t\\n\\r"},
	{'d', "\\p{Nd}"},
	{'w', "\\p{L}\\p{M}\\p{N}\\p{S}"},
	{'i', "\\p{L}_:"},
	{'c', "\\p{L}\\p{N}_:.\\-\\x{B7}"},
};

static const char *class_of(char letter)
{
	for (size_t i = 0; i < array_len(classes); i++)
		if (classes[i].letter == letter)
			return classes[i].inside;
	return NULL;
}

// \p{Lu}, \P{Lu}: the categories of Unicode. Blocks ("Is...") are not known to PCRE2.
static bool write_category(struct writer *w)
{
	size_t len = strcspn(w->at, "}");
	if (w->at[1] != '{' || !w->at[len] || len < 3 || len > 4)
		return refuse(w, "only categories such as \\p{Lu} can be named, no blocks");
	buf_addc(&w->out, '\\');
	buf_add(&w->out, w->at, len + 1);
	w->at += len + 1;
	return true;
}

// What follows a backslash.
static bool write_escape(struct writer *w, bool inside)
{
	char c = *w->at;
	const char *class = class_of(c), *negated = class_of((char)(c | 0x20));
	if (c == 'p' || c == 'P')
		return write_category(w);
	if (c && strchr("nrt\\|.?*+(){}-[]^$", c)) {
		buf_addc(&w->out, '\\');
		buf_addc(&w->out, c);
	} else if (class) {
		buf_printf(&w->out, inside ? "%s" : "[%s]", class);
	} else if (negated && !inside) {
		buf_printf(&w->out, "[^%s]", negated);
	} else {
		return refuse(w, negated ? "a negated class cannot stand in brackets"
					 : "an escape is not known");
	}
	w->at++;
	return true;
}

static bool write_class(struct writer *w);

// "-[...]" at the end of a class takes something out of it: what comes next must not be of that.
static bool write_subtraction(struct writer *w, size_t begin)
{
	struct buf class = w->out;
	buf_init(&w->out);
	buf_add(&w->out, class.data, begin);
	buf_adds(&w->out, "(?:(?!");
	w->at++; // the bracket is read by the class
	bool good = ++w->depth < 8 ? write_class(w) : refuse(w, "classes are nested too deep");
	buf_printf(&w->out, ")%s])", class.data + begin);
	buf_fini(&class);
	if (good && *w->at != ']')
		return refuse(w, "brackets are not closed");
	w->at++;
	return good;
}

static bool write_class(struct writer *w)
{
	size_t begin = w->out.len;
	buf_addc(&w->out, *w->at++);
	if (*w->at == '^')
		buf_addc(&w->out, *w->at++);
	if (*w->at == ']')
		return refuse(w, "brackets are empty");
	while (*w->at && *w->at != ']') {
		char c = *w->at;
		if (c == '-' && w->at[1] == '[')
			return write_subtraction(w, begin);
		if (c == '[')
			return refuse(w, "a bracket in brackets must be written \\[");
		w->at++;
		if (c == '\\') {
			if (!write_escape(w, true))
				return false;
			continue;
		}
		if (c == '^' || c == '$')
			buf_addc(&w->out, '\\');
		buf_addc(&w->out, c);
	}
	if (!*w->at)
		return refuse(w, "brackets are not closed");
	buf_addc(&w->out, *w->at++);
	return true;
}

// ?, *, + or {n,m}. One alone: in XML Schema nothing is lazy or possessive.
static bool write_quantifier(struct writer *w)
{
	size_t len = 1;
	if (*w->at == '{') {
		size_t low = strspn(w->at + 1, "0123456789");
		len += low;
		len += w->at[len] == ',';
		len += strspn(w->at + len, "0123456789");
		if (!low || w->at[len] != '}')
			return refuse(w, "braces are for {n}, {n,} and {n,m}");
		len++;
	}
	buf_add(&w->out, w->at, len);
	w->at += len;
	return !*w->at || !strchr("?*+{", *w->at) || refuse(w, "one quantifier follows another");
}

static bool write_pattern(struct writer *w)
{
	bool atom = false; // something that can be repeated stands before
	while (*w->at) {
		char c = *w->at;
		bool quantifies = strchr("?*+{", c);
		if (quantifies && !atom)
			return refuse(w, "a quantifier has nothing before it");
		atom = !quantifies && c != '(' && c != '|';
		if (quantifies) {
			if (!write_quantifier(w))
				return false;
			continue;
		}
		if (c == '[') {
			if (!write_class(w))
				return false;
			continue;
		}
		w->at++;
		if (c == '\\') {
			if (!write_escape(w, false))
				return false;
		} else if (c == '.') {
			buf_adds(&w->out, "[^\\n\\r]");
		} else if (c == ']' || c == '}') {
			return refuse(w, "a bracket or brace is closed that is not open");
		} else {
			if (c == '^' || c == '$')
				buf_addc(&w->out, '\\');
			buf_addc(&w->out, c);
		}
	}
	return true;
}

static void compile(struct xpath_pattern *pattern, struct writer *w)
{
	int error = 0;
	size_t at = 0;
	pattern->code = pcre2_compile((PCRE2_SPTR)w->out.data, w->out.len,
				      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
					      PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C,
				      &error, &at, NULL);
	if (!pattern->code) {
		refuse(w, "parentheses or ranges are wrong");
		return;
	}
	pattern->data = base_oom(pcre2_match_data_create(1, NULL));
	pattern->context = base_oom(pcre2_match_context_create(NULL));
	pcre2_set_match_limit(pattern->context, MATCH_STEPS_MOST);
	pcre2_set_depth_limit(pattern->context, 10000);
}

struct xpath_pattern *xpath_pattern_new(struct xpath_eval *e, const char *text)
{
	struct xpath_pattern *pattern = base_oom(calloc(1, sizeof(*pattern)));
	struct writer w = {.at = text};
	buf_init(&w.out);
	pattern->text = base_oom(strdup(text));
	if (strlen(text) > PATTERN_BYTES_MOST)
		refuse(&w, "it is too long");
	else if (write_pattern(&w))
		compile(pattern, &w);
	buf_fini(&w.out);
	if (!w.fault)
		return pattern;
	xpath_fail(
		e, DIAG_VALUE, "write a regular expression of XML Schema",
		arena_printf(&e->arena, "the pattern \"%.100s\" of re-match(): %s", text, w.fault));
	xpath_pattern_free(pattern);
	return NULL;
}

void xpath_pattern_free(struct xpath_pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_match_context_free(pattern->context);
	pcre2_match_data_free(pattern->data);
	pcre2_code_free(pattern->code);
	free(pattern->text);
	free(pattern);
}

bool xpath_pattern_is(const struct xpath_pattern *pattern, const char *text)
{
	return !strcmp(pattern->text, text);
}

static uint64_t nanoseconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// PCRE2 does not tell how many steps it took, so time is what is charged.
bool xpath_pattern_match(struct xpath_eval *e, const struct xpath_pattern *pattern,
			 const char *text)
{
	uint64_t begin = nanoseconds();
	int result = pcre2_match(pattern->code, (PCRE2_SPTR)text, strlen(text), 0, 0, pattern->data,
				 pattern->context);
	(void)xpath_spend(e, (size_t)(nanoseconds() - begin) / STEP_NANOSECONDS);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		xpath_fail(e, DIAG_LIMIT, "use a simpler pattern",
			   "the pattern of re-match() takes too long");
	return result >= 0;
}
