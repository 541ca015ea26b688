// SPDX-License-Identifier: Apache-2.0
// The texts of flow logs as records of fields: tables with a header, and JSON objects. Both are read as a stream; no more
// than one record is held. The JSON reader knows just what it needs: it walks through an object's members, takes what
// names a field, by its own name or with those of the objects around it ("source": {"ip": …} is "source.ip"), and passes
// over the rest.
#include "verify/flow_inner.h"
#include "base/diag.h"

#include <string.h>

#define DEPTH_MOST 16

static bool refuse(struct verify_flows *flows, const char *text, const char *hint)
{
	diag_add(flows->log.diags,
		 &(struct diag){.code = DIAG_SYNTAX,
				.file = flows->log.file,
				.line = flows->line,
				.hint = hint},
		 "%s", text);
	flows->ended = true;
	return false;
}

// --- tables ---

// Cuts the next field off *at, in place; NULL at the end of the line.
static char *cut_field(char **at, char divider)
{
	char *field = *at, *to, *from;
	if (!field)
		return NULL;
	if (divider == ' ') {
		field += strspn(field, " \t");
		*at = field + strcspn(field, " \t");
		*at = **at ? (*(*at)++ = '\0', *at) : NULL;
		return *field ? field : NULL;
	}
	field += strspn(field, " ");
	if (*field != '"') {
		char *end = strchr(field, divider);
		*at = end ? end + 1 : NULL;
		end = end ? end : field + strlen(field);
		while (end > field && end[-1] == ' ')
			end--;
		*end = '\0';
		return field;
	}
	for (to = from = ++field; *from && (*from != '"' || from[1] == '"'); from++) {
		from += *from == '"';
		*to++ = *from;
	}
	char *end = strchr(from, divider);
	*at = end ? end + 1 : NULL;
	*to = '\0';
	return field;
}

static char divider_of(const char *line)
{
	return strchr(line, ',') ? ',' : strchr(line, ';') ? ';' : strchr(line, '\t') ? '\t' : ' ';
}

static bool has_column(const struct verify_flows *flows, enum flow_field field)
{
	for (size_t i = 0; i < flows->columns; i++)
		if (flows->column[i] == (int)field)
			return true;
	return false;
}

// The first of several columns that mean the same counts.
static void read_header(struct verify_flows *flows, char *line)
{
	char *name;
	flows->divider = divider_of(line);
	flows->columns = 0;
	while (flows->columns < FLOW_COLUMNS_MOST && (name = cut_field(&line, flows->divider))) {
		int field = flow_field_find(name, strlen(name));
		if (field >= 0 && has_column(flows, (enum flow_field)field))
			field = -1;
		flows->column[flows->columns++] = (int8_t)field;
	}
}

// The columns of VPC flow logs that say nothing of themselves: version 2 and its 14 fields.
static bool is_default_vpc(const char *line)
{
	size_t blanks = 0;
	for (const char *at = line; *at; at++)
		blanks += *at == ' ';
	return !strncmp(line, "2 ", 2) && blanks == 13;
}

#define VPC_HEADER                                                                          \
	"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets " \
	"bytes start end action log-status"

// Takes the line for the header. *record_out: it is a record, too.
static bool begin_table(struct verify_flows *flows, char *line, bool *record_out)
{
	char vpc[] = VPC_HEADER;
	*record_out = is_default_vpc(line);
	read_header(flows, *record_out ? vpc : line);
	if (has_column(flows, FLOW_SRC) && has_column(flows, FLOW_DST))
		return true;
	return refuse(flows, "this is no flow log: its first line names no source and destination",
		      "give CSV with a header (src,dst,proto,sport,dport,…), a VPC flow log, or "
		      "JSON lines");
}

static bool take_row(struct verify_flows *flows, char *line)
{
	struct flow_record record = {.line = flows->line};
	char *field;
	size_t i = 0;
	for (; i < flows->columns && (field = cut_field(&line, flows->divider)); i++)
		if (flows->column[i] >= 0)
			record.value[flows->column[i]] = field;
	if (i * 2 < flows->columns && !record.value[FLOW_DST]) {
		flow_fault(flows, flows->line, "the record has %zu of %zu columns", i,
			   flows->columns);
		return true;
	}
	return flow_record_take(flows, &record);
}

// A line of a table, ends with NUL.
static bool take_line(struct verify_flows *flows, char *line, size_t len)
{
	bool record = true;
	if (len && line[len - 1] == '\r')
		line[--len] = '\0';
	if (strlen(line) != len) {
		flow_fault(flows, flows->line, "the line has a NUL byte");
		return true;
	}
	if (!strncmp(line, "#fields", 7) && !flows->columns)
		line += 7 + strspn(line + 7, " \t");
	if (!len || *line == '#')
		return true;
	// nfdump ends its tables so.
	if (!strcmp(line, "Summary")) {
		flows->ended = true;
		return false;
	}
	if (!flows->columns && !begin_table(flows, line, &record))
		return false;
	return !record || take_row(flows, line);
}

static bool feed_table(struct verify_flows *flows)
{
	size_t done = 0;
	struct buf *pending = &flows->pending;
	bool more = true;
	while (more && done < pending->len) {
		char *line = pending->data + done;
		char *end = memchr(line, '\n', pending->len - done);
		if (!end)
			break;
		*end = '\0';
		more = take_line(flows, line, (size_t)(end - line));
		flows->line++;
		done = (size_t)(end - pending->data) + 1;
	}
	buf_consume(pending, done);
	if (more && pending->len > VERIFY_RECORD_MOST)
		return refuse(flows, "a line is longer than a record can be",
			      "is it a flow log? lines are limited to 64 KiB");
	return more;
}

// --- JSON ---

struct json {
	char *at;
	struct flow_record *record;
	char path[64]; // names of the objects around, and of the member
};

static void skip_blanks(struct json *j)
{
	j->at += strspn(j->at, " \t\r\n");
}

// The string at the cursor, in place, without its escapes; NULL when it does not end.
static char *take_string(struct json *j)
{
	char *text = ++j->at, *to = text;
	while (*j->at && *j->at != '"') {
		if (*j->at == '\\' && j->at[1]) {
			j->at++;
			bool unicode = *j->at == 'u' && strlen(j->at) > 4;
			*to++ = unicode ? '?' : *j->at;
			j->at += unicode ? 5 : 1;
			continue;
		}
		*to++ = *j->at++;
	}
	if (!*j->at)
		return NULL;
	j->at++;
	*to = '\0';
	return text;
}

static void take_value(struct json *j, const char *value)
{
	const char *last = strrchr(j->path, '.');
	int field = flow_field_find(j->path, strlen(j->path));
	if (field < 0 && last && !strchr(last + 1, '.') && !strncmp(j->path, "flow.", 5))
		field = flow_field_find(last + 1, strlen(last + 1));
	if (field >= 0 && !j->record->value[field])
		j->record->value[field] = value;
}

static bool walk_value(struct json *j, unsigned depth);

static bool walk_member(struct json *j, unsigned depth)
{
	size_t outer = strlen(j->path);
	skip_blanks(j);
	char *name = *j->at == '"' ? take_string(j) : NULL;
	if (!name)
		return false;
	skip_blanks(j);
	if (*j->at++ != ':')
		return false;
	size_t len = strlen(name);
	// A name that does not fit is none that is looked for.
	if (outer + len + 2 < sizeof(j->path)) {
		if (outer)
			j->path[outer] = '.';
		memcpy(j->path + outer + (outer > 0), name, len + 1);
	} else {
		memcpy(j->path, "?", 2);
	}
	bool good = walk_value(j, depth);
	j->path[outer] = '\0';
	return good;
}

// Members or items up to the closing mark, the cursor behind it.
static bool walk_inside(struct json *j, unsigned depth, char close)
{
	j->at++;
	skip_blanks(j);
	if (*j->at == close) {
		j->at++;
		return true;
	}
	for (;;) {
		if (!(close == '}' ? walk_member(j, depth) : walk_value(j, depth)))
			return false;
		skip_blanks(j);
		char c = *j->at;
		if (c != ',' && c != close)
			return false;
		j->at++;
		if (c == close)
			return true;
	}
}

static bool walk_value(struct json *j, unsigned depth)
{
	skip_blanks(j);
	if (depth > DEPTH_MOST)
		return false;
	if (*j->at == '{')
		return walk_inside(j, depth + 1, '}');
	if (*j->at == '[')
		return walk_inside(j, depth + 1, ']');
	if (*j->at == '"') {
		char *text = take_string(j);
		if (text)
			take_value(j, text);
		return text != NULL;
	}
	size_t len = strcspn(j->at, ",}] \t\r\n");
	if (!len)
		return false;
	char *text = j->at;
	char mark = text[len];
	j->at += len;
	if (mark && strncmp(text, "null", 4) != 0) {
		// The value moves one byte to the left, over the mark before it, to make room for its NUL.
		memmove(text - 1, text, len);
		text[len - 1] = '\0';
		take_value(j, text - 1);
	}
	return true;
}

static bool take_object(struct verify_flows *flows)
{
	struct flow_record record = {.line = flows->begun};
	struct json json = {.at = flows->pending.data, .record = &record};
	if (flows->too_long || strlen(flows->pending.data) != flows->pending.len ||
	    !walk_value(&json, 0) || *json.at) {
		flow_fault(flows, flows->begun,
			   flows->too_long ? "the object is longer than 64 KiB"
					   : "this is not a JSON object");
		return true;
	}
	return flow_record_take(flows, &record);
}

// Between objects there are commas, brackets and blanks only.
static bool between_objects(struct verify_flows *flows, char c)
{
	if (c == '{') {
		flows->begun = flows->line;
		flows->depth = 1;
		flows->too_long = flows->in_string = flows->escaped = false;
		buf_clear(&flows->pending);
		buf_addc(&flows->pending, c);
		return true;
	}
	return strchr("[], \t\r\n", c) ? true
				       : refuse(flows,
						"between the objects of the log there is "
						"something else",
						"give one JSON object a flow, on lines or in one "
						"array");
}

static void within_object(struct verify_flows *flows, char c)
{
	if (flows->in_string) {
		flows->in_string = flows->escaped || c != '"';
		flows->escaped = !flows->escaped && c == '\\';
	} else if (c == '"') {
		flows->in_string = true;
	} else {
		flows->depth += (c == '{' || c == '[');
		flows->depth -= (c == '}' || c == ']');
	}
}

// The end of the run of bytes from `at` on that neither open nor close anything.
static size_t plain_run(const struct verify_flows *flows, const char *data, size_t at, size_t len)
{
	size_t end = at;
	if (flows->escaped)
		return at;
	for (; end < len; end++) {
		char c = data[end];
		if (c == '"' || c == '\n' || c == '\\')
			break;
		if (!flows->in_string && (c == '{' || c == '}' || c == '[' || c == ']'))
			break;
	}
	return end;
}

static bool feed_json(struct verify_flows *flows, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!flows->depth) {
			if (!between_objects(flows, data[i]))
				return false;
			flows->line += data[i] == '\n';
			continue;
		}
		size_t end = plain_run(flows, data, i, len);
		size_t take = end - i + (end < len);
		flows->too_long |= flows->pending.len + take > VERIFY_RECORD_MOST;
		if (!flows->too_long)
			buf_add(&flows->pending, data + i, take);
		if (end == len)
			break;
		i = end;
		within_object(flows, data[i]);
		flows->line += data[i] == '\n';
		if (!flows->depth && !take_object(flows))
			return false;
	}
	return true;
}

// --- both ---

static bool skip_mark(struct verify_flows *flows)
{
	if (!flows->marked && !memcmp(flows->pending.data, "\xef\xbb\xbf", 3))
		buf_consume(&flows->pending, 3);
	flows->marked = true;
	size_t blank = strspn(flows->pending.data, " \t\r\n");
	for (size_t i = 0; i < blank; i++)
		flows->line += flows->pending.data[i] == '\n';
	buf_consume(&flows->pending, blank);
	return flows->pending.len > 0;
}

bool flow_text_feed(struct verify_flows *flows, const char *data, size_t len)
{
	if (flows->form == FLOW_JSON)
		return feed_json(flows, data, len);
	buf_add(&flows->pending, data, len);
	if (flows->form == FLOW_TABLE)
		return feed_table(flows);
	// A mark of the byte order is three bytes.
	if ((!flows->marked && flows->pending.len < 3) || !skip_mark(flows))
		return true;
	char first = *flows->pending.data;
	flows->form = first == '{' || first == '[' ? FLOW_JSON : FLOW_TABLE;
	if (flows->form == FLOW_TABLE)
		return feed_table(flows);
	size_t held;
	char *begun = buf_take(&flows->pending, &held);
	bool more = feed_json(flows, begun, held);
	base_free(&begun);
	return more;
}

bool flow_text_end(struct verify_flows *flows)
{
	if (flows->form == FLOW_UNKNOWN && flow_text_feed(flows, "\n\n\n", 3) &&
	    flows->form == FLOW_UNKNOWN)
		return refuse(flows, "the flow log is empty",
			      "give CSV with a header, a VPC flow log, or JSON lines");
	if (flows->ended)
		return true;
	if (flows->form == FLOW_TABLE && flows->pending.len)
		return flow_text_feed(flows, "\n", 1) || flows->ended;
	if (flows->form == FLOW_JSON && flows->depth)
		flow_fault(flows, flows->begun, "the object does not end");
	return true;
}
