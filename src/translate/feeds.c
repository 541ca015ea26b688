// SPDX-License-Identifier: Apache-2.0
// threat-feed: traffic from or to what a feed names. The one idea: indicators that are addresses,
// prefixes or ranges become exact sets, matched at either end of the flow; all others (names, URLs,
// hashes, mail addresses) stay one opaque condition, an alternative to the addresses. Feeds are read
// once; what is in them is taken as plain text, patterns of threat languages are not interpreted.
#include "translate/draft.h"

#include <ctype.h>
#include <string.h>

struct feed {
	const struct intent_feed *given;
	struct address_sets addresses;
	struct intent_texts others;
};

// --- what an indicator is ---

static bool add_prefix(const char *text, struct address_builder *to)
{
	const char *slash = strchr(text, '/');
	char address[64] = "";
	int family;
	u128 value;
	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return false;
	size_t digits = strspn(slash + 1, "0123456789");
	if (!digits || digits > 3 || slash[1 + digits])
		return false;
	unsigned length = 0;
	for (const char *p = slash + 1; *p; p++)
		length = length * 10 + (unsigned)(*p - '0');
	memcpy(address, text, (size_t)(slash - text));
	if (!ir_address_parse(address, &family, &value) || length > (family == 4 ? 32u : 128u))
		return false;
	address_add_prefix(family == 4 ? &to->v4 : &to->v6, value, length, family == 4 ? 32 : 128);
	return true;
}

static bool add_range(const char *text, struct address_builder *to)
{
	const char *dash = strchr(text, '-');
	char start[64] = "";
	int family, end_family;
	u128 lo, hi;
	if (!dash || (size_t)(dash - text) >= sizeof(start))
		return false;
	memcpy(start, text, (size_t)(dash - text));
	if (!ir_address_parse(start, &family, &lo) ||
	    !ir_address_parse(dash + 1, &end_family, &hi) || family != end_family || lo > hi)
		return false;
	algebra_builder_add(family == 4 ? &to->v4 : &to->v6, lo, hi);
	return true;
}

static bool add_address(const char *text, struct address_builder *to)
{
	int family;
	u128 value;
	if (!ir_address_parse(text, &family, &value))
		return false;
	algebra_builder_add(family == 4 ? &to->v4 : &to->v6, value, value);
	return true;
}

static bool is_hash(const char *text)
{
	size_t len = strlen(text); // hexadecimal MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512
	return strspn(text, "0123456789abcdefABCDEF") == len &&
	       (len == 32 || len == 40 || len == 56 || len == 64 || len == 96 || len == 128);
}

static size_t label_length(const char *at, const char *end)
{
	const char *p = at;
	for (; p < end && *p != '.'; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_*", *p) && (unsigned char)*p < 128)
			return 0;
	return (size_t)(p - at);
}

// At least two labels of letters, digits, hyphens (and what such names are abused for); the last
// begins with a letter. A port or a path may follow.
static bool is_domain(const char *text)
{
	const char *end = text + strcspn(text, "/?#:"), *last = text;
	size_t labels = 0, len = 0;
	for (const char *p = text; p < end; p += len + 1, labels++) {
		len = label_length(p, end);
		last = p;
		if (!len)
			return false;
	}
	return labels > 1 && (isalpha((unsigned char)*last) || (unsigned char)*last >= 128);
}

static bool is_mail(const char *text)
{
	const char *at = strrchr(text, '@');
	return at && at > text && is_domain(at + 1) && !strpbrk(text, " \t");
}

static bool is_url(const char *text)
{
	const char *colon = strstr(text, "://");
	return colon && colon > text && colon[3] && !strpbrk(text, " \t");
}

static bool is_known(const char *text)
{
	return is_hash(text) || is_mail(text) || is_url(text) || is_domain(text);
}

// --- reading the feeds ---

static void report_unknown(struct context *context, const struct intent_feed *given,
			   const char *path, const char *ioc)
{
	diag_add(context->diags,
		 &(struct diag){.severity = DIAG_WARNING,
				.code = DIAG_VALUE,
				.file = given->place.file,
				.line = given->place.line,
				.path = path,
				.hint = "give an address, a prefix, a range (start-end), a domain "
					"name, a URL, a hash or a mail address"},
		 "threat feed \"%.80s\": \"%.80s\" is no indicator that is known here", given->name,
		 ioc);
}

static struct feed *read_feed(struct context *context, const struct intent_feed *given)
{
	struct feed *feed = arena_new(context->arena, struct feed);
	struct address_builder all = address_builder(context);
	const char *path =
		translate_path(context->arena, "threat-prevention/threat-feed-list", given->name);
	feed->given = given;
	for (size_t i = 0; i < given->ioc.len; i++) {
		const char *ioc = given->ioc.at[i];
		if (add_address(ioc, &all) || add_prefix(ioc, &all) || add_range(ioc, &all))
			continue;
		vec_push(context->arena, &feed->others, ioc);
		if (!is_known(ioc))
			report_unknown(context, given, path, ioc);
	}
	feed->addresses = address_builder_take(&all);
	return feed;
}

void feeds_prepare(struct context *context)
{
	for (size_t i = 0; i < context->intent->feed.len; i++) {
		const struct intent_feed *given = &context->intent->feed.at[i];
		map_put(&context->feed, given->name, read_feed(context, given));
	}
}

// --- a rule's feeds ---

// All feeds of a rule as one: united once for all rules that name the same ones.
struct feeds {
	struct branches addresses;
	struct intent_texts others, all;
	const char *names;
};

static struct feeds *unite(struct context *context, const struct intent_texts *names)
{
	struct feeds *feeds = arena_new(context->arena, struct feeds);
	const struct address_sets **addresses =
		arena_array(context->arena, const struct address_sets *, names->len);
	for (size_t i = 0; i < names->len; i++) {
		const struct feed *feed = map_get(&context->feed, names->at[i]);
		addresses[i] = &feed->addresses;
		for (size_t k = 0; k < feed->others.len; k++)
			vec_push(context->arena, &feeds->others, feed->others.at[k]);
		for (size_t k = 0; k < feed->given->ioc.len; k++)
			vec_push(context->arena, &feeds->all, feed->given->ioc.at[k]);
	}
	struct address_sets sets = addresses_join(context, addresses, names->len);
	addresses_branches(context, &sets, SOURCE, &feeds->addresses);
	addresses_branches(context, &sets, DESTINATION, &feeds->addresses);
	feeds->names = texts_join(context->arena, names);
	return feeds;
}

static bool known_feeds(struct draft *draft, const struct intent_texts *names)
{
	for (size_t i = 0; i < names->len; i++) {
		if (map_get(&draft->context->feed, names->at[i]))
			continue;
		draft_error(draft, DIAG_REFERENCE, "condition/threat-feed/name",
			    "define the feed, or correct the name", "there is no feed \"%.80s\"",
			    names->at[i]);
		return false;
	}
	return true;
}

static const struct feeds *feeds_of(struct context *context, const struct intent_texts *names)
{
	const char *key = texts_key(context->arena, "feeds", names);
	struct feeds *feeds = map_get(&context->unions, key);
	if (!feeds) {
		feeds = unite(context, names);
		map_put(&context->unions, key, feeds);
	}
	return feeds;
}

void feeds_apply(struct draft *draft)
{
	static const char where[] = "condition/threat-feed/name";
	const struct intent_texts *names = &draft->rule->condition.feed;
	if (!names->len || !known_feeds(draft, names))
		return;
	const struct feeds *feeds = feeds_of(draft->context, names);
	struct branches branches = {0};
	if (!feeds->all.len) {
		draft_empty(draft, where, "fill the feed, or take the condition out",
			    "the threat feed %.80s is empty", feeds->names);
		return;
	}
	// One rate cannot be shared by two rules: then the addresses are indicators like the others.
	bool as_one = feeds->others.len && draft_has_rate(draft);
	if (!as_one)
		branches_append(draft->context->arena, &branches, &feeds->addresses);
	if (feeds->others.len) {
		const struct intent_texts *values = as_one ? &feeds->all : &feeds->others;
		struct ir_opaque opaque = {IR_OPAQUE_INDICATOR, feeds->names, values->at,
					   values->len, false};
		struct branch branch = {.opaque = draft_opaque(draft, &opaque)};
		branches_add(draft->context->arena, &branches, &branch);
	}
	draft_and(draft, &branches, where);
}
