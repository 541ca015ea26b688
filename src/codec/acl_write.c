// SPDX-License-Identifier: Apache-2.0
// The IR to an access control list. Two passes: the first finds how many entries each rule takes and what cannot be said,
// so that nothing is written that is not whole; the second prints.
#include "codec/acl_split.h"
#include "codec/nfi_naming.h"
#include "codec/nfi_put.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What the entries look at: it makes the type of the list.
enum { LOOKS_ETH = 1, LOOKS_IPV4 = 2, LOOKS_IPV6 = 4, LOOKS_ANY = 8 };

// --- what cannot be said ---

static bool check_action(const struct ir_rule *rule, struct diags *diags)
{
	const char *fault = NULL, *hint = "leave the rule out, or enforce it elsewhere";
	if (rule->flow) {
		fault = "it judges flows, an access control list judges each packet for itself";
		hint = "make packet rules of it, one for each direction";
	} else if (ir_rule_has_rate(rule)) {
		fault = "an access control list knows no rates";
	} else if (rule->verdict == IR_NONE) {
		fault = "an entry of an access control list decides; it cannot only log";
	} else if (rule->verdict > IR_REJECT) {
		fault = "an access control list accepts, drops or rejects";
	} else if (rule->log == IR_LOG_SESSION) {
		fault = "an access control list logs packets, not sessions";
		hint = "log the rule instead";
	}
	if (fault)
		nfi_refuse(rule, "action", hint, diags, "%s", fault);
	return !fault;
}

static unsigned looks(const struct acl_split *split)
{
	const struct ir_clause *clause = &split->clause;
	bool eth = ir_clause_set(clause, IR_ETHERTYPE) || ir_clause_set(clause, IR_SMAC) ||
		   ir_clause_set(clause, IR_DMAC);
	unsigned all = eth ? LOOKS_ETH : 0;
	for (size_t i = 0; i < split->transport.list.len; i++) {
		const struct nfi_transport *t = &split->transport.list.at[i];
		all |= t->family == 4                ? LOOKS_IPV4
		       : t->family == 6              ? LOOKS_IPV6
		       : !eth || t->box != NFI_BOXES ? LOOKS_ANY
						     : 0;
	}
	return all;
}

struct count {
	size_t parts; // of all clauses
	unsigned looks;
};

// False with errors.
static bool count_parts(const struct ir_rule *rule, struct diags *diags, struct count *out)
{
	struct arena arena cleanup(arena_fini);
	struct count count = {0};
	arena_init(&arena);
	if (!check_action(rule, diags))
		return false;
	for (size_t i = 0; i < rule->clauses && count.parts <= CODEC_ACL_PARTS_MOST; i++) {
		struct acl_split split = {.arena = &arena};
		if (!acl_split_init(&split, rule, &rule->clause[i], diags))
			return false;
		count.parts += split.parts;
		count.looks |= split.parts ? looks(&split) : 0;
	}
	if (count.parts > CODEC_ACL_PARTS_MOST) {
		nfi_refuse(rule, NULL, "use ranges of ports and prefixes rather than other sets",
			   diags, "as an access control list it would take more than %u entries",
			   CODEC_ACL_PARTS_MOST);
		return false;
	}
	*out = count;
	return true;
}

bool codec_acl_can(const struct ir_rule *rule, struct diags *diags)
{
	struct count count;
	return count_parts(rule, diags, &count);
}

// --- conditions ---

static void put_mac(struct xml_out *out, const char *leaf, const struct acl_piece *piece)
{
	char name[40];
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (!piece)
		return;
	ir_value_print(IR_SMAC, piece->a, &text);
	xml_leaf(out, leaf, text.data);
	if (piece->b == algebra_max(48))
		return;
	buf_clear(&text);
	ir_value_print(IR_SMAC, piece->b, &text);
	snprintf(name, sizeof(name), "%s-mask", leaf);
	xml_leaf(out, name, text.data);
}

static void put_frame(struct xml_out *out, const struct acl_split *split)
{
	const struct acl_piece *type = acl_split_piece(split, IR_ETHERTYPE);
	const struct acl_piece *source = acl_split_piece(split, IR_SMAC);
	const struct acl_piece *destination = acl_split_piece(split, IR_DMAC);
	if (!type && !source && !destination)
		return;
	xml_open(out, "eth");
	put_mac(out, "destination-mac-address", destination);
	put_mac(out, "source-mac-address", source);
	if (type)
		xml_number(out, "ethertype", (uint64_t)type->a);
	xml_close(out, "eth");
}

static void put_leaves(struct xml_out *out, const struct acl_split *split, enum nfi_box box)
{
	for (size_t i = 0; i < NFI_LEAVES; i++) {
		const struct acl_piece *piece =
			nfi_leaf[i].box == box ? acl_split_piece(split, nfi_leaf[i].dim) : NULL;
		if (piece && nfi_leaf[i].form == NFI_BITS)
			nfi_put_bits(out, &nfi_leaf[i], piece->a);
		else if (piece)
			xml_number(out, nfi_leaf[i].name, (uint64_t)piece->a);
	}
}

static void put_network(struct xml_out *out, const struct acl_split *split, enum ir_dim dim,
			const char *leaf)
{
	const struct acl_piece *piece = acl_split_piece(split, dim);
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	if (!piece)
		return;
	ir_value_print(dim, piece->a, &text);
	buf_printf(&text, "/%u", (unsigned)piece->b);
	xml_leaf(out, leaf, text.data);
}

// The container says the version only with something in it.
static void put_ip(struct xml_out *out, const struct acl_split *split)
{
	const struct nfi_transport *t = &split->transport.list.at[split->at];
	bool v4 = t->family == 4;
	if (!t->family)
		return;
	xml_open(out, v4 ? "ipv4" : "ipv6");
	size_t before = out->buf->len;
	put_leaves(out, split, v4 ? NFI_IPV4 : NFI_IPV6);
	if (t->protocol >= 0)
		xml_number(out, "protocol", (uint64_t)t->protocol);
	put_network(out, split, v4 ? IR_DST4 : IR_DST6,
		    v4 ? "destination-ipv4-network" : "destination-ipv6-network");
	put_network(out, split, v4 ? IR_SRC4 : IR_SRC6,
		    v4 ? "source-ipv4-network" : "source-ipv6-network");
	if (out->buf->len == before)
		xml_leaf(out, v4 ? "source-ipv4-network" : "source-ipv6-network",
			 v4 ? "0.0.0.0/0" : "::/0");
	xml_close(out, v4 ? "ipv4" : "ipv6");
}

static void put_ports(struct xml_out *out, const char *name, const struct acl_piece *piece)
{
	if (!piece)
		return;
	xml_open(out, name);
	const char *operator= piece->beyond ? "neq"
	: piece->a == piece->b              ? "eq"
	: piece->b == 65535                 ? "gte"
	: piece->a == 0                     ? "lte"
					    : NULL;
	if (operator) {
		xml_leaf(out, "operator", operator);
		xml_number(out, "port", (uint64_t)(!strcmp(operator, "lte") ? piece->b : piece->a));
	} else {
		xml_number(out, "lower-port", (uint64_t)piece->a);
		xml_number(out, "upper-port", (uint64_t)piece->b);
	}
	xml_close(out, name);
}

static void put_icmp(struct xml_out *out, const struct acl_split *split)
{
	const struct acl_piece *four = acl_split_piece(split, IR_ICMP4);
	const struct acl_piece *piece = four ? four : acl_split_piece(split, IR_ICMP6);
	if (!piece)
		return;
	xml_number(out, "type", (uint64_t)piece->a);
	if (piece->b < 256)
		xml_number(out, "code", (uint64_t)piece->b);
}

static void put_headers(struct xml_out *out, const struct acl_split *split)
{
	for (size_t i = 0; i < split->rule->opaques; i++)
		if (split->rule->opaque[i].kind == IR_OPAQUE_HEADER)
			xml_leaf(out, nfi_header_of(split->rule->opaque[i].value[0])->leaf,
				 acl_split_opaque(split, i));
}

static void put_layer4(struct xml_out *out, const struct acl_split *split)
{
	enum nfi_box box = split->transport.list.at[split->at].box;
	static const struct acl_piece every = {0, 65535, false};
	if (box == NFI_BOXES)
		return;
	xml_open(out, nfi_box_name[box]);
	size_t before = out->buf->len;
	put_leaves(out, split, box);
	if (box == NFI_ICMP)
		put_icmp(out, split);
	put_headers(out, split);
	put_ports(out, "source-port", acl_split_piece(split, IR_SPORT));
	put_ports(out, "destination-port", acl_split_piece(split, IR_DPORT));
	if (out->buf->len == before)
		put_ports(out, "source-port", &every);
	xml_close(out, nfi_box_name[box]);
}

static void put_interface(struct xml_out *out, const struct acl_split *split, enum ir_dim dim)
{
	const struct acl_piece *piece = acl_split_piece(split, dim);
	const char *leaf = acl_interface_leaf(dim);
	char name[17] = "";
	for (unsigned i = 0; piece && i < 16; i++)
		name[i] = (char)(piece->a >> (120 - 8 * i));
	if (piece)
		xml_leaf(out, leaf, name);
	for (size_t i = 0; i < split->rule->opaques; i++)
		if (split->rule->opaque[i].kind == IR_OPAQUE_FOREIGN &&
		    split->rule->opaque[i].value[0][0] == leaf[0])
			xml_leaf(out, leaf, acl_split_opaque(split, i));
}

static void put_matches(struct xml_out *out, const struct acl_split *split)
{
	size_t before = out->buf->len;
	xml_open(out, "matches");
	size_t opened = out->buf->len;
	put_frame(out, split);
	put_ip(out, split);
	put_layer4(out, split);
	put_interface(out, split, IR_OUT);
	put_interface(out, split, IR_IN);
	bool empty = out->buf->len == opened;
	xml_close(out, "matches");
	if (empty) {
		out->buf->len = before;
		out->buf->data[before] = '\0';
	}
}

// --- entries ---

static void put_actions(struct xml_out *out, enum ir_verdict verdict, enum ir_log log)
{
	xml_open(out, "actions");
	xml_leaf(out, "forwarding",
		 verdict == IR_PASS   ? "accept"
		 : verdict == IR_DROP ? "drop"
				      : "reject");
	if (log != IR_LOG_NONE)
		xml_leaf(out, "logging", "log-syslog");
	xml_close(out, "actions");
}

static void put_entry(struct xml_out *out, const struct acl_split *split, const char *name)
{
	xml_open(out, "ace");
	xml_leaf(out, "name", name);
	put_matches(out, split);
	put_actions(out, split->rule->verdict, split->rule->log);
	xml_close(out, "ace");
}

static void put_rule(struct xml_out *out, const struct ir_rule *rule, struct nfi_naming *naming)
{
	struct arena arena cleanup(arena_fini);
	struct diags none;
	arena_init(&arena);
	diags_init(&none, &arena);
	for (size_t i = 0; i < rule->clauses; i++) {
		struct acl_split split = {.arena = &arena};
		bool good = acl_split_init(&split, rule, &rule->clause[i], &none);
		assert(good);
		if (!split.parts)
			continue;
		nfi_naming_clause(naming, split.parts);
		do
			put_entry(out, &split, nfi_naming_next(naming));
		while (acl_split_next(&split));
	}
}

// --- names ---

static size_t characters(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

// The first characters.
static void cut(const char *text, size_t most, struct buf *out)
{
	size_t n = 0;
	for (; *text; text++) {
		n += (*text & 0xc0) != 0x80;
		if (n > most)
			break;
		buf_addc(out, *text);
	}
}

#define SUFFIX_MOST 20u // "#1000000:4096.4096", with room
#define POLICY_MOST 15u // characters of a policy's name, where the whole is too long
#define DIGEST_LEN 17u

// The beginnings of policy and rule, '~' and a digest of the whole: equal names stay equal, others stay different.
static void shorten(const char *policy, const char *rule, size_t most, struct buf *out)
{
	uint64_t digest = 14695981039346656037u;
	for (const char *p = policy; *p; p++)
		digest = (digest ^ (unsigned char)*p) * 1099511628211u;
	for (const char *p = rule; *p; p++)
		digest = (digest ^ (unsigned char)*p) * 1099511628211u;
	cut(policy, POLICY_MOST, out);
	buf_addc(out, '/');
	cut(rule, most - POLICY_MOST - 1 - DIGEST_LEN, out);
	buf_printf(out, "~%016" PRIx64, digest);
}

struct writer {
	const struct ir_ruleset *ruleset;
	struct arena arena;
	struct count *count; // a rule
	struct nfi_naming naming;
	size_t entries, shortened;
	unsigned looks;
};

// --- the list ---

static bool check_default(enum ir_verdict verdict, struct diags *diags)
{
	if (verdict <= IR_REJECT)
		return true;
	diag_error(diags, DIAG_UNSUPPORTED, NULL, "give pass, drop or reject as the default action",
		   "an access control list cannot end with the default action '%s'",
		   ir_verdict_name[verdict]);
	return false;
}

static void note_shortened(const struct writer *w, struct diags *diags)
{
	if (w->shortened)
		diag_add(diags,
			 &(struct diag){.severity = DIAG_NOTE,
					.code = DIAG_LIMIT,
					.hint = "give shorter names where they matter to people"},
			 "names of %zu rules are too long for an access control list and are "
			 "shortened",
			 w->shortened);
}

static bool prepare(struct writer *w, struct diags *diags)
{
	const struct ir_ruleset *ruleset = w->ruleset;
	bool good = check_default(ruleset->default_action, diags);
	w->count = arena_array(&w->arena, struct count, ruleset->rule.len);
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		good &= count_parts(&ruleset->rule.at[i], diags, &w->count[i]);
		nfi_naming_count(&w->naming, &ruleset->rule.at[i]);
		w->entries += w->count[i].parts;
		w->looks |= w->count[i].looks;
	}
	if (w->entries > IR_RULES_MOST) {
		diag_error(diags, DIAG_LIMIT, NULL, "split the policy",
			   "as an access control list it would take more than %u entries",
			   IR_RULES_MOST);
		return false;
	}
	return good;
}

static const char *type_of(unsigned looks)
{
	switch (looks) {
	case LOOKS_IPV4:
		return "ipv4-acl-type";
	case LOOKS_IPV6:
		return "ipv6-acl-type";
	case LOOKS_ETH:
		return "eth-acl-type";
	case LOOKS_ETH | LOOKS_IPV4:
		return "mixed-eth-ipv4-acl-type";
	case LOOKS_ETH | LOOKS_IPV6:
		return "mixed-eth-ipv6-acl-type";
	default:
		return "mixed-eth-ipv4-ipv6-acl-type";
	}
}

// The name of a rule's entries but for its suffix.
static void start_name(struct writer *w, size_t at)
{
	struct nfi_naming *naming = &w->naming;
	nfi_naming_start(naming, &w->ruleset->rule.at[at], w->count[at].parts > 1);
	bool suffix = naming->run || naming->numbered;
	size_t most = CODEC_ACL_NAME_MOST - (suffix ? SUFFIX_MOST : 0);
	if (characters(naming->name.data) > most) {
		char *whole = arena_strdup(&w->arena, naming->name.data);
		char *slash = strchr(whole, '/');
		*slash = '\0';
		buf_clear(&naming->name);
		shorten(whole, slash + 1, most, &naming->name);
		w->shortened++;
	}
	naming->len = naming->name.len;
}

static void put_entries(struct writer *w, struct xml_out *out)
{
	xml_open(out, "aces");
	for (size_t i = 0; i < w->ruleset->rule.len; i++) {
		start_name(w, i);
		put_rule(out, &w->ruleset->rule.at[i], &w->naming);
	}
	if (w->ruleset->default_action != IR_NONE) {
		xml_open(out, "ace");
		xml_leaf(out, "name", CODEC_ACL_DEFAULT);
		put_actions(out, w->ruleset->default_action, IR_LOG_NONE);
		xml_close(out, "ace");
	}
	xml_close(out, "aces");
}

static void put_list(struct writer *w, struct xml_out *out)
{
	unsigned any = w->ruleset->default_action != IR_NONE ? LOOKS_ANY : 0;
	xml_open_with(out, "acls", " xmlns=\"" CODEC_ACL_NAMESPACE "\"");
	xml_open(out, "acl");
	xml_leaf(out, "name", CODEC_ACL_LIST);
	xml_leaf(out, "type", type_of(w->looks | any));
	put_entries(w, out);
	xml_close(out, "acl");
	xml_close(out, "acls");
}

bool codec_acl_write(const struct ir_ruleset *ruleset, struct diags *diags, struct buf *out)
{
	struct writer w = {.ruleset = ruleset};
	arena_init(&w.arena);
	nfi_naming_init(&w.naming, &w.arena);
	bool good = prepare(&w, diags);
	if (good) {
		put_list(&w, &(struct xml_out){.buf = out});
		note_shortened(&w, diags);
	}
	nfi_naming_fini(&w.naming);
	arena_fini(&w.arena);
	return good;
}
