// SPDX-License-Identifier: Apache-2.0
// Writing nft(8)'s language. Numbers rather than names, so that no name table decides the meaning, and
// raw payload where nft's words mean something else (`tcp flags` tests bits). nft infers the type of a
// flow's ports from `ct l3proto` and `ct protocol`, so both stand before them.
#include "backend/nft/text.h"
#include "base/buf.h"
#include "base/diag.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define SECOND 1000000000ull
#define SHOWN_MOST 800 // bytes of a rule in a message

static void put_ip4(u128 value, struct buf *out)
{
	struct in_addr address = {.s_addr = htonl((uint32_t)value)};
	char text[INET_ADDRSTRLEN];
	buf_adds(out, inet_ntop(AF_INET, &address, text, sizeof(text)));
}

static void put_ip6(u128 value, struct buf *out)
{
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];
	for (size_t i = 16; i-- > 0; value >>= 8)
		address.s6_addr[i] = (uint8_t)value;
	buf_adds(out, inet_ntop(AF_INET6, &address, text, sizeof(text)));
}

static void put_mac(u128 value, struct buf *out)
{
	for (int i = 5; i >= 0; i--)
		buf_printf(out, "%02x%s", (unsigned)(value >> (8 * i)) & 0xff, i ? ":" : "");
}

static void put_number(u128 value, struct buf *out)
{
	buf_printf(out, "%" PRIu64, (uint64_t)value);
}

// Up to the first zero byte; false when something else follows.
static bool put_name(u128 value, const char *end, struct buf *out)
{
	char name[17] = "";
	for (size_t i = 16; i-- > 0; value >>= 8)
		name[i] = (char)value;
	size_t len = strlen(name);
	bool good = len > 0 && len < 16;
	for (size_t i = 0; i < 16; i++) {
		if (i >= len && name[i])
			good = false;
		if (i < len && (name[i] < '!' || name[i] > '~' || strchr("\"\\*$", name[i])))
			good = false;
	}
	buf_printf(out, "\"%s%s\"", name, end);
	return good;
}

static bool put_value(enum nft_text_kind kind, u128 value, struct buf *out)
{
	switch (kind) {
	case TEXT_IP4:
		put_ip4(value, out);
		return true;
	case TEXT_IP6:
		put_ip6(value, out);
		return true;
	case TEXT_MAC:
		put_mac(value, out);
		return true;
	case TEXT_NAME:
		return put_name(value, "", out);
	case TEXT_VERSION:
		buf_adds(out, value == NFT_VERSION_4 ? "ipv4" : "ipv6");
		return value == NFT_VERSION_4 || value == NFT_VERSION_6;
	case TEXT_DIRECTION:
		buf_adds(out, value ? "reply" : "original");
		return true;
	case TEXT_NUMBER:
	case TEXT_STATE:
	case TEXT_KNOWN:
	case TEXT_TIME:
		break;
	}
	put_number(value, out);
	return true;
}

// All names that begin alike: "eth*".
static bool put_names(struct algebra_range r, struct buf *out)
{
	unsigned bits = 0;
	while (bits < 120 && !(r.lo >> bits & 0xff) && (r.hi >> bits & 0xff) == 0xff)
		bits += 8;
	bool good = bits && (r.lo >> bits) == (r.hi >> bits);
	return put_name(r.lo, "*", out) && good;
}

static bool put_range(enum nft_text_kind kind, struct algebra_range r, struct buf *out)
{
	if (r.lo == r.hi)
		return put_value(kind, r.lo, out);
	if (kind == TEXT_NAME)
		return put_names(r, out);
	bool good = put_value(kind, r.lo, out);
	buf_addc(out, '-');
	return put_value(kind, r.hi, out) && good;
}

static bool put_set(const struct nft_match *match, struct algebra_set set, struct buf *out)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	bool braces =
		     set.len != 1 || (match->field == F_FLOW_PROTO && set.at[0].lo != set.at[0].hi),
	     good = set.len > 0;
	buf_adds(out, braces ? "{ " : "");
	for (size_t i = 0; i < set.len; i++) {
		buf_adds(out, i ? ", " : "");
		good &= put_range(info->kind, set.at[i], out);
		if (info->kind == TEXT_NAME && set.len > 1 && set.at[i].lo != set.at[i].hi)
			good = false; // no patterns in sets
	}
	buf_adds(out, braces ? " }" : "");
	return good;
}

// The single gap of a set that has one, else false: "!= 7" says more than two ranges.
static bool gap(const struct nft_match *match, struct algebra_range *out)
{
	struct algebra_set set = match->set;
	u128 max = algebra_max(nft_field_info[match->field].bits);
	if (set.len != 2 || set.at[0].lo || set.at[1].hi != max)
		return false;
	*out = (struct algebra_range){set.at[0].hi + 1, set.at[1].lo - 1};
	return true;
}

static void put_states(struct algebra_set set, struct buf *out)
{
	static const char *const names[NFT_STATES] = {"new", "established", "related", "invalid",
						      "untracked"};
	const char *comma = "";
	for (unsigned s = 0; s < NFT_STATES; s++)
		if (algebra_set_has(set, s)) {
			buf_printf(out, "%s%s", comma, names[s]);
			comma = ",";
		}
}

// nft multiplies seconds to nanoseconds, so the end is said as the first second behind it.
static bool put_time(struct algebra_set set, struct buf *out)
{
	if (set.len != 1) {
		buf_printf(out, "meta time in %zu ranges", set.len);
		return false;
	}
	struct algebra_range r = set.at[0];
	buf_printf(out, "meta time >= %" PRIu64, (uint64_t)(r.lo / SECOND));
	if (r.hi != UINT64_MAX)
		buf_printf(out, " meta time < %" PRIu64, (uint64_t)(r.hi / SECOND) + 1);
	return true;
}

static bool put_match(const struct nft_match *match, struct buf *out)
{
	const struct nft_field_info *info = &nft_field_info[match->field];
	struct algebra_set set = match->set;
	struct algebra_range hole;
	if (info->kind == TEXT_TIME)
		return put_time(set, out);
	if (info->kind == TEXT_KNOWN) {
		buf_adds(out,
			 algebra_set_has(set, 1) ? "ct status confirmed" : "ct status ! confirmed");
		return set.len == 1 && set.at[0].lo == set.at[0].hi;
	}
	buf_printf(out, "%s ", info->text);
	if (info->kind == TEXT_STATE) {
		put_states(set, out);
		return set.len > 0;
	}
	if (set.len == 1 && !set.at[0].lo && set.at[0].hi == algebra_max(info->bits)) {
		buf_adds(out, ">= 0");
		return info->kind == TEXT_NUMBER;
	}
	if (gap(match, &hole)) {
		buf_adds(out, "!= ");
		return put_range(info->kind, hole, out) &&
		       (info->kind != TEXT_NAME || hole.lo == hole.hi);
	}
	return put_set(match, set, out);
}

static bool of_ports(enum nft_field field)
{
	return field >= F_FLOW_SPORT && field <= F_FLOW_ICMP6;
}

// What nft needs to know before it takes a flow's port.
static void put_version_hint(const struct nft_form *form, struct buf *out)
{
	bool ports = false, version = false, v4 = false, v6 = false;
	for (size_t i = 0; i < form->len; i++) {
		enum nft_field field = form->match[i].field;
		ports |= of_ports(field);
		version |= field == F_FLOW_VERSION;
		v4 |= field == F_FLOW_SRC4 || field == F_FLOW_DST4;
		v6 |= field == F_FLOW_SRC6 || field == F_FLOW_DST6;
	}
	if (ports && !version)
		buf_adds(out, v4   ? "ct l3proto ipv4 "
			      : v6 ? "ct l3proto ipv6 "
				   : "ct l3proto { ipv4, ipv6 } ");
}

static bool put_limit(const struct nft_limit *limit, struct buf *out)
{
	const char *what = limit->bytes ? " bytes" : "";
	buf_printf(out, "limit rate over %" PRIu64 "%s/", limit->rate, what);
	if (limit->unit == 1)
		buf_adds(out, "second");
	else
		buf_printf(out, "%" PRIu64 " seconds", limit->unit);
	buf_printf(out, " burst %" PRIu32 " %s ", limit->burst, limit->bytes ? "bytes" : "packets");
	return limit->unit == 1;
}

static void put_act(const struct nft_form *form, const char *prefix, struct buf *out)
{
	static const char *const words[] = {
		[ACT_CONTINUE] = "",
		[ACT_ACCEPT] = " accept",
		[ACT_DROP] = " drop",
		[ACT_RETURN] = " return",
		[ACT_JUMP] = " jump ",
		[ACT_GOTO] = " goto ",
		[ACT_RESET] = " reject with tcp reset",
		[ACT_UNREACHABLE] = " reject with icmpx port-unreachable",
	};
	buf_adds(out, words[form->act]);
	if (form->act == ACT_JUMP || form->act == ACT_GOTO)
		buf_printf(out, "%s%s", prefix, form->chain ? form->chain : "");
}

bool nft_text_rule(const struct nft_form *form, const char *prefix, struct buf *out)
{
	bool good = !form->strange;
	put_version_hint(form, out);
	for (size_t i = 0; i < form->len; i++) {
		good &= put_match(&form->match[i], out);
		buf_addc(out, ' ');
	}
	if (form->named_set)
		buf_printf(out, "ct protocol @%s update @%s { ct protocol timeout %" PRIu64 "ms } ",
			   form->named_set, form->named_set, form->refresh_ms);
	if (form->limited)
		good &= put_limit(&form->limit, out);
	buf_adds(out, "counter");
	if (form->log.prefix)
		buf_printf(out, " log prefix \"%s\"", form->log.prefix);
	if (form->log.prefix && form->log.to_group)
		buf_printf(out, " group %u", form->log.group);
	put_act(form, prefix, out);
	return good;
}

static void show(const struct nft_program *program, const struct nft_form *form, unsigned depth,
		 struct buf *out)
{
	bool complete = nft_text_rule(form, "", out);
	if (form->strange)
		buf_printf(out, " (%s)", form->strange);
	else if (!complete)
		buf_adds(out, " (not in nft's words)");
	const struct nft_chain *chain = form->chain ? nft_program_find(program, form->chain) : NULL;
	if (!chain || depth > 3 || !strcmp(form->chain, NFT_REJECT_CHAIN))
		return;
	buf_adds(out, " { ");
	for (size_t i = 0; i < chain->rule.len && out->len < SHOWN_MOST; i++) {
		buf_adds(out, i ? "; " : "");
		show(program, &chain->rule.at[i], depth + 1, out);
	}
	buf_adds(out, " }");
}

char *nft_text_shown(const struct nft_program *program, const struct nft_form *form,
		     struct arena *arena)
{
	struct buf buf;
	buf_init(&buf);
	show(program, form, 0, &buf);
	if (buf.len > SHOWN_MOST) {
		buf.len = SHOWN_MOST;
		buf.data[buf.len] = '\0';
		buf_adds(&buf, " ...");
	}
	char *text = arena_strndup(arena, buf.data, buf.len);
	buf_fini(&buf);
	return text;
}

// --- whole scripts ---

static void split_clause(struct arena *arena, const struct ir_clause *clause, struct ir_rule *rule)
{
	const struct algebra_set *time = ir_clause_set(clause, IR_TIME);
	for (size_t i = 0; i < (time ? time->len : 1); i++) {
		struct ir_clause one = ir_clause_copy(clause, arena);
		if (time &&
		    !ir_clause_narrow(&one, arena, IR_TIME,
				      algebra_set_one(arena, time->at[i].lo, time->at[i].hi)))
			continue;
		rule->clause[rule->clauses++] = one;
	}
}

static struct ir_rule split_rule(struct arena *arena, const struct ir_rule *rule)
{
	struct ir_rule out = *rule;
	size_t most = 0;
	for (size_t i = 0; i < rule->clauses; i++) {
		const struct algebra_set *time = ir_clause_set(&rule->clause[i], IR_TIME);
		most += time ? time->len : 1;
	}
	out.clause = arena_array(arena, struct ir_clause, most);
	out.clauses = 0;
	for (size_t i = 0; i < rule->clauses; i++)
		split_clause(arena, &rule->clause[i], &out);
	return out;
}

void nft_text_split(const struct ir_ruleset *lowered, struct arena *arena, struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = lowered->default_action};
	for (size_t i = 0; i < lowered->rule.len; i++)
		vec_push(arena, &out->rule, split_rule(arena, &lowered->rule.at[i]));
}

struct script {
	const struct ir_ruleset *ruleset;
	struct diags *diags;
	struct buf *out;
	bool good;
};

static void put_comment(const struct nft_tag *tag, struct buf *out)
{
	if (!tag->name || !*tag->name)
		return;
	buf_adds(out, " comment \"");
	const char *parts[] = {tag->policy ? tag->policy : "",
			       tag->policy && *tag->policy ? "/" : "", tag->name};
	size_t left = 120;
	for (size_t i = 0; i < array_len(parts); i++)
		for (const char *c = parts[i]; *c && left; c++, left--)
			buf_addc(out, (unsigned char)*c < ' ' || strchr("\"\\$", *c) ? '_' : *c);
	buf_addc(out, '"');
}

static void put_script_rule(struct script *s, const struct nft_form *form)
{
	buf_adds(s->out, "\t\t");
	bool good = nft_text_rule(form, "g1", s->out);
	put_comment(&form->tag, s->out);
	buf_addc(s->out, '\n');
	if (good)
		return;
	s->good = false;
	struct diag about = {
		.code = DIAG_UNSUPPORTED,
		.policy = form->tag.policy,
		.rule = form->tag.name,
		.hint = "give rates in whole bytes and interfaces by name, or apply it directly"};
	diag_add(s->diags, &about, "nft: the language of nft has no words for this rule");
}

bool backend_nft_print(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		       struct diags *diags, struct buf *out)
{
	struct script s = {.diags = diags, .out = out, .good = true};
	if (!backend_nft_check(lowered, diags))
		return false;
	const char *table = options && options->table ? options->table : "bulwark";
	struct arena arena;
	struct nft_program program;
	struct ir_ruleset split;
	arena_init(&arena);
	nft_program_init(&program, &arena);
	nft_text_split(lowered, &arena, &split);
	nft_compile(&split, options, &program);
	buf_printf(out,
		   "#!/usr/sbin/nft -f\n# Load with TZ=UTC: hours are meant in UTC.\ntable inet "
		   "%s\ndelete table inet %s\n"
		   "table inet %s {\n",
		   table, table, table);
	for (size_t i = program.chain.len; i-- > 0;) {
		buf_printf(out, "\tchain g1%s {\n", program.chain.at[i]->name);
		for (size_t k = 0; k < program.chain.at[i]->rule.len; k++)
			put_script_rule(&s, &program.chain.at[i]->rule.at[k]);
		buf_adds(out, "\t}\n");
	}
	buf_adds(out, "\tchain pinholes {\n\t}\n\tchain forward {\n"
		      "\t\ttype filter hook forward priority filter; policy drop;\n"
		      "\t\tcounter jump pinholes\n\t\tcounter goto g1\n\t}\n}\n");
	arena_fini(&arena);
	return s.good;
}
