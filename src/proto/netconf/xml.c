// SPDX-License-Identifier: Apache-2.0
// A reader for the envelopes of NETCONF messages.
//
// The idea: one pass over the whole message checks that tags match, so that from then on an element is just two positions
// and its children are found by counting tags. Nothing is built for what nobody asks about: a reply of 100 MB costs a scan
// for '<'.
// It does not check characters, attributes of elements that are never looked at, or entities in their text: schema does
// that with the data. XML 1.0 and Namespaces in XML 1.0, as far as an envelope needs them; RFC 6241 section 3.
#include "proto/netconf/xml.h"
#include "base/buf.h"

#include <assert.h>
#include <string.h>

#define DEPTH_MOST 1000
#define ATTRIBUTES_MOST 576 // as many as the reader of schema allows, declarations among them

struct netconf_xml_scope {
	const struct netconf_xml_scope *next;
	struct netconf_xml_span prefix; // empty: the default namespace
	const char *uri;
};

typedef struct netconf_xml_span span; // only here, where nearly every line has one

enum tag_kind { TAG_START, TAG_EMPTY, TAG_END, TAG_TEXT, TAG_NONE, TAG_BAD };

struct tag {
	span name, attributes;
	const char *begin, *end; // from '<' to behind '>'
	const char *fault;
};

static span span_of(const char *from, const char *to)
{
	return (span){from, (size_t)(to - from)};
}

static const char *end_of(span s)
{
	return s.at + s.len;
}

static bool equal(span a, span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool is_text(span s, const char *text)
{
	return equal(s, (span){text, strlen(text)});
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == ':' || (unsigned char)c >= 0x80;
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

// A name does not begin with a digit, '-' or '.'.
static const char *skip_name(const char *at, const char *end)
{
	if (at < end && ((*at >= '0' && *at <= '9') || *at == '-' || *at == '.'))
		return at;
	while (at < end && is_name(*at))
		at++;
	return at;
}

// --- tags ---

static enum tag_kind bad(struct tag *tag, const char *fault)
{
	tag->fault = fault;
	return TAG_BAD;
}

// Behind the next `mark`, or NULL.
static const char *behind(const char *at, const char *end, const char *mark)
{
	const char *p = memmem(at, (size_t)(end - at), mark, strlen(mark));
	return p ? p + strlen(mark) : NULL;
}

static bool begins(const char *at, const char *end, const char *mark)
{
	size_t len = strlen(mark);
	return (size_t)(end - at) >= len && memcmp(at, mark, len) == 0;
}

// "<!…" and "<?…": passed over like text.
static enum tag_kind read_other(const char *at, const char *end, struct tag *tag)
{
	if (begins(at, end, "<!--"))
		tag->end = behind(at + 4, end, "-->");
	else if (begins(at, end, "<![CDATA["))
		tag->end = behind(at, end, "]]>");
	else if (begins(at, end, "<?"))
		tag->end = behind(at, end, "?>");
	else
		return bad(tag, "document types are not accepted");
	return tag->end ? TAG_TEXT
			: bad(tag, "a comment, CDATA section or instruction does not end");
}

// The '>' of a start tag; one in an attribute's value is none.
static const char *start_end(const char *at, const char *end)
{
	while (at < end && *at != '>' && *at != '<') {
		if (*at == '"' || *at == '\'') {
			at = memchr(at + 1, *at, (size_t)(end - at - 1));
			if (!at)
				return NULL;
		}
		at++;
	}
	return at < end && *at == '>' ? at : NULL;
}

static enum tag_kind read_start(const char *at, const char *end, struct tag *tag)
{
	const char *name_end = skip_name(at + 1, end), *close = start_end(name_end, end);
	if (name_end == at + 1 || !close)
		return bad(tag, "a start tag is not well-formed");
	bool empty = close > name_end && close[-1] == '/';
	tag->name = span_of(at + 1, name_end);
	tag->attributes = span_of(name_end, empty ? close - 1 : close);
	if (tag->attributes.len && !is_space(*tag->attributes.at))
		return bad(tag, "a start tag is not well-formed");
	tag->end = close + 1;
	return empty ? TAG_EMPTY : TAG_START;
}

static enum tag_kind read_end(const char *at, const char *end, struct tag *tag)
{
	const char *name_end = skip_name(at + 2, end), *close = skip_space(name_end, end);
	if (name_end == at + 2 || close == end || *close != '>')
		return bad(tag, "an end tag is not well-formed");
	tag->name = span_of(at + 2, name_end);
	tag->end = close + 1;
	return TAG_END;
}

static enum tag_kind read_tag(const char *at, const char *end, struct tag *tag)
{
	*tag = (struct tag){.begin = at < end ? memchr(at, '<', (size_t)(end - at)) : NULL};
	at = tag->begin;
	if (!at)
		return TAG_NONE;
	if (end - at < 2)
		return bad(tag, "the message ends within a tag");
	if (at[1] == '!' || at[1] == '?')
		return read_other(at, end, tag);
	return at[1] == '/' ? read_end(at, end, tag) : read_start(at, end, tag);
}

// --- text ---

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
		return;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
	buf_addc(out, (char)(lead[more] | c >> 6 * more));
	while (more--)
		buf_addc(out, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

static bool add_number(struct buf *out, span digits, unsigned base)
{
	uint32_t value = 0;
	for (size_t i = 0; i < digits.len; i++) {
		const char *all = "0123456789abcdef", c = (char)(digits.at[i] | 0x20);
		const char *p = memchr(all, c, base);
		if (!p || value > 0x110000)
			return false;
		value = value * base + (uint32_t)(p - all);
	}
	if (!value || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return false;
	add_utf8(out, value);
	return true;
}

static bool add_reference(struct buf *out, span name)
{
	static const struct {
		const char *name, *text;
	} known[] = {{"lt", "<"}, {"gt", ">"}, {"amp", "&"}, {"quot", "\""}, {"apos", "'"}};
	for (size_t i = 0; i < array_len(known); i++)
		if (is_text(name, known[i].name)) {
			buf_adds(out, known[i].text);
			return true;
		}
	if (name.len > 2 && name.at[0] == '#' && name.at[1] == 'x')
		return add_number(out, (span){name.at + 2, name.len - 2}, 16);
	return name.len > 1 && name.at[0] == '#' &&
	       add_number(out, (span){name.at + 1, name.len - 1}, 10);
}

// False: a reference to an entity that XML does not define by itself.
static bool add_text(struct buf *out, span text)
{
	for (const char *at = text.at, *end = end_of(text); at < end;) {
		const char *amp = memchr(at, '&', (size_t)(end - at)), *stop = amp ? amp : end;
		buf_add(out, at, (size_t)(stop - at));
		if (!amp)
			return true;
		const char *semicolon = memchr(amp, ';', (size_t)(end - amp));
		if (!semicolon || !add_reference(out, span_of(amp + 1, semicolon)))
			return false;
		at = semicolon + 1;
	}
	return true;
}

static char *trimmed(struct arena *arena, const struct buf *text)
{
	const char *from = skip_space(text->data, text->data + text->len),
		   *to = text->data + text->len;
	while (to > from && is_space(to[-1]))
		to--;
	return arena_strndup(arena, from, (size_t)(to - from));
}

static bool add_content_text(struct buf *out, span content)
{
	const char *at = content.at, *end = end_of(content);
	struct tag tag;
	for (;;) {
		enum tag_kind kind = read_tag(at, end, &tag);
		if (kind != TAG_TEXT && kind != TAG_NONE)
			return false;
		if (!add_text(out, span_of(at, kind == TAG_NONE ? end : tag.begin)))
			return false;
		if (kind == TAG_NONE)
			return true;
		if (begins(tag.begin, end, "<![CDATA["))
			buf_add(out, tag.begin + 9, (size_t)(tag.end - tag.begin - 12));
		at = tag.end;
	}
}

const char *netconf_xml_text(const struct netconf_xml *e)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	return add_content_text(&text, e->content) ? trimmed(e->arena, &text) : NULL;
}

// --- attributes and namespaces ---

struct attribute {
	span name, value; // as written
};

// From *at on; false behind the last, or when it is bad (then *bad_out).
static bool next_attribute(const char **at, const char *end, struct attribute *a, bool *bad_out)
{
	const char *name = skip_space(*at, end), *name_end = skip_name(name, end);
	*bad_out = name != end;
	const char *sign = skip_space(name_end, end);
	if (name_end == name || name == *at || sign == end || *sign != '=')
		return false;
	const char *quote = skip_space(sign + 1, end);
	if (quote == end || (*quote != '"' && *quote != '\''))
		return false;
	const char *close = memchr(quote + 1, *quote, (size_t)(end - quote - 1));
	if (!close)
		return false;
	*a = (struct attribute){span_of(name, name_end), span_of(quote + 1, close)};
	*bad_out = memchr(a->value.at, '<', a->value.len) != NULL;
	*at = close + 1;
	return !*bad_out;
}

// Length of the character at `at`, 0 when it is none that XML allows. Overlong forms and surrogates are none.
static size_t character(const unsigned char *at, size_t len)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	if (*at < 0x80)
		return *at >= 0x20 || is_space((char)*at);
	size_t more = *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : 1;
	uint32_t value = *at & (0x3fu >> more);
	if (*at < 0xc2 || *at > 0xf4 || len <= more)
		return 0;
	for (size_t i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (at[i] & 0x3fu);
	}
	bool ok = value >= least[more] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
	return ok ? more + 1 : 0;
}

static bool characters(span text)
{
	for (size_t at = 0, n; at < text.len; at += n) {
		n = character((const unsigned char *)text.at + at, text.len - at);
		if (!n)
			return false;
	}
	return true;
}

// NULL when it cannot be a value. What passes can be written into a reply as it stands.
static const char *value_of(struct arena *arena, span value)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	return characters(value) && add_text(&text, value)
		       ? arena_strndup(arena, text.data, text.len)
		       : NULL;
}

static bool declared_prefix(span name, span *prefix_out)
{
	if (is_text(name, "xmlns"))
		*prefix_out = (span){name.at, 0};
	else if (name.len > 6 && memcmp(name.at, "xmlns:", 6) == 0)
		*prefix_out = (span){name.at + 6, name.len - 6};
	else
		return false;
	return true;
}

// The element's own namespaces join the scope. False: an attribute is bad, stands twice, or there are too many.
static bool open_scope(struct netconf_xml *e)
{
	span seen[ATTRIBUTES_MOST];
	size_t n = 0;
	bool is_bad = false;
	const char *at = e->attributes.at;
	struct attribute a;
	e->scope = e->around;
	while (next_attribute(&at, end_of(e->attributes), &a, &is_bad)) {
		const char *value = value_of(e->arena, a.value);
		for (size_t i = 0; i < n; i++)
			if (equal(seen[i], a.name))
				return false;
		if (!value || n == ATTRIBUTES_MOST)
			return false;
		seen[n++] = a.name;
		struct netconf_xml_scope s = {.next = e->scope, .uri = value};
		if (declared_prefix(a.name, &s.prefix))
			e->scope = arena_memdup(e->arena, &s, sizeof(s));
	}
	return !is_bad;
}

static const char *uri_of(const struct netconf_xml_scope *scope, span prefix)
{
	for (; scope; scope = scope->next)
		if (equal(scope->prefix, prefix))
			return scope->uri;
	return prefix.len ? NULL : "";
}

const char *netconf_xml_namespace(const struct netconf_xml *e, const char *prefix)
{
	return uri_of(e->scope, (span){prefix, strlen(prefix)});
}

static bool open_name(struct netconf_xml *e)
{
	const char *colon = memchr(e->tag_name.at, ':', e->tag_name.len);
	span prefix = {e->tag_name.at, colon ? (size_t)(colon - e->tag_name.at) : 0};
	e->name = colon ? span_of(colon + 1, end_of(e->tag_name)) : e->tag_name;
	e->uri = uri_of(e->scope, prefix);
	return e->uri != NULL;
}

const char *netconf_xml_attribute(const struct netconf_xml *e, const char *name)
{
	const char *at = e->attributes.at;
	bool is_bad;
	struct attribute a;
	while (next_attribute(&at, end_of(e->attributes), &a, &is_bad))
		if (is_text(a.name, name))
			return value_of(e->arena, a.value);
	return NULL;
}

// --- elements ---

// Where an element ends whose tags are known to match: counting is enough. `at` is behind its start tag.
static span content_of(const char *at, const char *end, const char **behind_out)
{
	const char *from = at;
	struct tag tag;
	for (size_t depth = 1;;) {
		enum tag_kind kind = read_tag(at, end, &tag);
		assert(kind != TAG_BAD && kind != TAG_NONE);
		depth += kind == TAG_START;
		depth -= kind == TAG_END;
		at = tag.end;
		if (!depth)
			break;
	}
	*behind_out = at;
	return span_of(from, tag.begin);
}

static bool open_element(struct netconf_xml *e, enum tag_kind kind, const struct tag *tag,
			 const char *end)
{
	const char *behind_it = tag->end;
	e->tag_name = tag->name;
	e->attributes = tag->attributes;
	e->content = kind == TAG_START ? content_of(tag->end, end, &behind_it)
				       : span_of(tag->end, tag->end);
	e->outer = span_of(tag->begin, behind_it);
	return open_scope(e) && open_name(e);
}

static bool element_from(const struct netconf_xml *parent, const char *at, struct netconf_xml *out)
{
	const char *end = end_of(parent->content);
	struct tag tag;
	enum tag_kind kind;
	while ((kind = read_tag(at, end, &tag)) == TAG_TEXT)
		at = tag.end;
	struct netconf_xml e = {.arena = parent->arena, .around = parent->scope};
	if ((kind != TAG_START && kind != TAG_EMPTY) || !open_element(&e, kind, &tag, end))
		return false;
	*out = e;
	return true;
}

bool netconf_xml_first(const struct netconf_xml *parent, struct netconf_xml *child_out)
{
	return element_from(parent, parent->content.at, child_out);
}

bool netconf_xml_next(const struct netconf_xml *parent, struct netconf_xml *child)
{
	return element_from(parent, end_of(child->outer), child);
}

bool netconf_xml_child(const struct netconf_xml *parent, const char *uri, const char *name,
		       struct netconf_xml *child_out)
{
	struct netconf_xml c;
	for (bool more = netconf_xml_first(parent, &c); more; more = netconf_xml_next(parent, &c))
		if (netconf_xml_is(&c, uri, name)) {
			*child_out = c;
			return true;
		}
	return false;
}

bool netconf_xml_is(const struct netconf_xml *e, const char *uri, const char *name)
{
	return is_text(e->name, name) && strcmp(e->uri, uri) == 0;
}

// --- the message ---

static const char *match_end(span *open, size_t *depth, span name)
{
	if (!*depth || !equal(open[*depth - 1], name))
		return "an end tag does not match its start tag";
	(*depth)--;
	return NULL;
}

static bool all_space(const char *from, const char *to)
{
	return skip_space(from, to) == to;
}

// What stands between tags outside of the root: nothing but white space, comments and instructions.
static bool outside_ok(const char *at, const struct tag *tag, enum tag_kind kind, const char *end)
{
	if (!all_space(at, kind == TAG_NONE ? end : tag->begin))
		return false;
	return kind != TAG_TEXT || !begins(tag->begin, end, "<![CDATA[");
}

// NULL when every tag matches and there is one root.
static const char *check_tags(span message)
{
	span open[DEPTH_MOST];
	const char *at = message.at, *end = end_of(message), *fault = NULL;
	size_t depth = 0;
	struct tag tag;
	for (bool rooted = false; !fault; at = tag.end) {
		enum tag_kind kind = read_tag(at, end, &tag);
		if (kind == TAG_BAD)
			return tag.fault;
		if (!depth && !outside_ok(at, &tag, kind, end))
			return "there is text outside of the root element";
		if (kind == TAG_NONE)
			return depth || !rooted ? "the message ends within an element" : NULL;
		if (!depth && rooted && kind != TAG_TEXT)
			return "there is more than one root element";
		if (depth == DEPTH_MOST && kind == TAG_START)
			return "elements are nested too deeply";
		rooted |= kind == TAG_START || kind == TAG_EMPTY;
		if (kind == TAG_START)
			open[depth++] = tag.name;
		if (kind == TAG_END)
			fault = match_end(open, &depth, tag.name);
	}
	return fault;
}

static span without_byte_order_mark(span message)
{
	if (message.len >= 3 && memcmp(message.at, "\xef\xbb\xbf", 3) == 0)
		return (span){message.at + 3, message.len - 3};
	return message;
}

bool netconf_xml_parse(struct arena *arena, struct netconf_xml_span message,
		       struct netconf_xml *root_out, const char **fault_out)
{
	message = without_byte_order_mark(message);
	const char *fault =
		memchr(message.at, 0, message.len) ? "there is a NUL byte" : check_tags(message);
	struct netconf_xml document = {.arena = arena, .content = message};
	if (!fault && !element_from(&document, message.at, root_out))
		fault = "the root element's attributes or namespaces are bad";
	if (fault)
		*fault_out = fault;
	return !fault;
}

// --- handing on ---

static bool declared_in(const struct netconf_xml_scope *from, const struct netconf_xml_scope *until,
			span prefix)
{
	for (; from != until; from = from->next)
		if (equal(from->prefix, prefix))
			return true;
	return false;
}

void netconf_xml_add(const struct netconf_xml *e, struct buf *out)
{
	const char *name_end = end_of(e->tag_name);
	buf_add(out, e->outer.at, (size_t)(name_end - e->outer.at));
	for (const struct netconf_xml_scope *s = e->around; s; s = s->next) {
		if (declared_in(e->scope, s, s->prefix))
			continue;
		buf_adds(out, s->prefix.len ? " xmlns:" : " xmlns");
		buf_add(out, s->prefix.at, s->prefix.len);
		buf_adds(out, "=\"");
		buf_add_xml(out, s->uri);
		buf_addc(out, '"');
	}
	buf_add(out, name_end, (size_t)(end_of(e->outer) - name_end));
}

void netconf_xml_add_children(const struct netconf_xml *e, struct buf *out)
{
	struct netconf_xml c;
	for (bool more = netconf_xml_first(e, &c); more; more = netconf_xml_next(e, &c))
		netconf_xml_add(&c, out);
}
