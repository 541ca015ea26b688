// SPDX-License-Identifier: Apache-2.0
// Rules put together from words that meet often: few networks, few ports, chains that are jumped to.
#include "import_rules.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 3
#define RULES_MOST 8 // of a chain

static const char *const
	load4[] = {"iptables-restore", NULL},
	*const save4[] = {"iptables-save", NULL}, *const load6[] = {"ip6tables-restore", NULL},
	*const save6[] = {"ip6tables-save", NULL}, *const load_nft[] = {"nft", "-f", "-", NULL},
	*const save_nft[] = {"nft", "list", "ruleset", NULL};
const struct import_kind import_kinds[IMPORT_KINDS] = {
	{.name = "iptables-save", .load = load4, .save = save4, .families = 1},
	{.name = "ip6tables-save", .load = load6, .save = save6, .families = 2},
	{.name = "nft", .load = load_nft, .save = save_nft, .families = 3, .nft = true},
};

struct making {
	struct test_random *random;
	struct import_lines *out;
	bool six; // addresses of IPv6
};

#define ONE_OF(m, table) (table)[test_random_below((m)->random, array_len(table))]

static bool chance(struct making *m, unsigned percent)
{
	return test_random_chance(m->random, percent);
}

static void line(struct making *m, bool rule, const char *text)
{
	vec_push(m->out->arena, &m->out->list, (struct import_line){text, rule});
}

static const char *network(struct making *m)
{
	static const char *const four[] = {"32.1.0.0/16",     "32.1.2.0/24",       "32.1.2.3",
					   "198.51.100.0/24", "198.51.100.128/25", "128.0.0.0/1",
					   "32.1.2.0/31"};
	static const char *const six[] = {
		"2001:db8::/32",     "2001:db8:1::/48",   "2001:db8:1::5",         "3001:db8::/32",
		"3001:db8:0:1::/64", "2001:db8:1::4/126", "3001:db8:0:1:8000::/65"};
	return m->six ? ONE_OF(m, six) : ONE_OF(m, four);
}

static const char *const ports[] = {"22", "80", "443", "1000", "1023", "53"};

// --- iptables ---

static void put_ports(struct making *m, struct buf *b)
{
	static const char *const ranges[] = {"1000:1023", "80:", ":79", "22", "443", "53"};
	static const char *const lists[] = {"22,80,443", "1000:2000,53", "80,81"};
	if (chance(m, 15))
		buf_printf(b, " --sport %s", ONE_OF(m, ranges));
	if (chance(m, 30))
		buf_printf(b, " -m multiport %s--dports %s", chance(m, 25) ? "! " : "",
			   ONE_OF(m, lists));
	else if (chance(m, 60))
		buf_printf(b, " %s--dport %s", chance(m, 20) ? "! " : "", ONE_OF(m, ranges));
}

static void put_protocol(struct making *m, struct buf *b)
{
	static const char *const flags[] = {"--syn", "! --syn", "--tcp-flags SYN,ACK SYN",
					    "--tcp-flags FIN,SYN,RST,ACK SYN"};
	switch (test_random_below(m->random, 5)) {
	case 0:
	case 1:
		buf_adds(b, " -p tcp");
		if (chance(m, 15))
			buf_printf(b, " %s", ONE_OF(m, flags));
		put_ports(m, b);
		break;
	case 2:
		buf_adds(b, " -p udp");
		put_ports(m, b);
		break;
	case 3:
		buf_adds(b, m->six ? " -p ipv6-icmp" : " -p icmp");
		if (chance(m, 60))
			buf_adds(b, m->six ? " --icmpv6-type echo-request" : " --icmp-type 8");
		break;
	default:
		if (chance(m, 20))
			buf_adds(b, " ! -p tcp");
	}
}

static const char *iptables_rule(struct making *m, const char *chain, unsigned level)
{
	static const char *const targets[] = {"ACCEPT", "ACCEPT", "DROP",
					      "DROP",   "REJECT", "RETURN"};
	struct buf b;
	buf_init(&b);
	buf_printf(&b, "-A %s", chain);
	if (chance(m, 50))
		buf_printf(&b, "%s -s %s", chance(m, 15) ? " !" : "", network(m));
	if (chance(m, 50))
		buf_printf(&b, "%s -d %s", chance(m, 15) ? " !" : "", network(m));
	if (chance(m, 15))
		buf_printf(&b, "%s -i %s", chance(m, 30) ? " !" : "",
			   chance(m, 50) ? "nsf0" : "nsf+");
	put_protocol(m, &b);
	if (chance(m, 15))
		buf_printf(&b, " -m conntrack --ctstate %s",
			   chance(m, 60) ? "NEW" : "RELATED,ESTABLISHED");
	if (level < CHAINS && chance(m, 25))
		buf_printf(&b, " -%c C%u", chance(m, 75) ? 'j' : 'g', level);
	else
		buf_printf(&b, " -j %s", ONE_OF(m, targets));
	const char *text = arena_strdup(m->out->arena, b.data);
	buf_fini(&b);
	return text;
}

// Chain C<level> jumps to chains behind it only.
static void make_iptables(struct making *m)
{
	line(m, false, "*filter");
	line(m, false, chance(m, 50) ? ":FORWARD ACCEPT [0:0]" : ":FORWARD DROP [0:0]");
	for (unsigned c = 0; c < CHAINS; c++)
		line(m, false, arena_printf(m->out->arena, ":C%u - [0:0]", c));
	for (unsigned level = 0; level <= CHAINS; level++) {
		const char *chain =
			level ? arena_printf(m->out->arena, "C%u", level - 1) : "FORWARD";
		for (unsigned i = 0, n = 2 + test_random_below(m->random, RULES_MOST); i < n; i++)
			line(m, true, iptables_rule(m, chain, level));
	}
	line(m, false, "COMMIT");
}

// --- nft ---

static const char *nft_network(struct making *m)
{
	struct arena *a = m->out->arena;
	const char *version = m->six ? "ip6" : "ip", *not = chance(m, 15) ? "!= " : "";
	const char *end = chance(m, 50) ? "saddr" : "daddr";
	static const char *const others[] = {"iifname \"nsf0\"", "oifname != \"nsf1\"",
					     "iifname \"nsf*\"", "ct state new",
					     "ct state established,related"};
	switch (test_random_below(m->random, 5)) {
	case 0:
	case 1:
		return arena_printf(a, "%s %s %s%s", version, end, not, network(m));
	case 2:
		return arena_printf(a, "%s %s %s@net%c", version, end, not, m->six ? '6' : '4');
	case 3:
		return ONE_OF(m, others);
	default:
		return "";
	}
}

static const char *nft_transport(struct making *m)
{
	struct arena *a = m->out->arena;
	const char *not = chance(m, 15) ? "!= " : "";
	static const char *const others[] = {"meta l4proto { tcp, udp } th dport 1000-2000",
					     "tcp flags & (syn | ack) == syn",
					     "meta l4proto != tcp", "tcp dport != { 22, 80 }"};
	switch (test_random_below(m->random, 6)) {
	case 0:
		return arena_printf(a, "tcp dport { %s, %s, 2000-2100 }", ONE_OF(m, ports),
				    ONE_OF(m, ports));
	case 1:
		return arena_printf(a, "%s dport %s%s", chance(m, 50) ? "tcp" : "udp", not,
				    ONE_OF(m, ports));
	case 2:
		return arena_printf(a, "%s saddr . tcp dport { %s . 22, %s . %s }",
				    m->six ? "ip6" : "ip", m->six ? "2001:db8:1::5" : "32.1.2.3",
				    m->six ? "2001:db8:1::6" : "32.1.2.1", ONE_OF(m, ports));
	case 3:
		return m->six ? "icmpv6 type { echo-request, echo-reply }"
			      : "icmp type echo-request";
	case 4:
		return ONE_OF(m, others);
	default:
		return "";
	}
}

static const char *nft_rule(struct making *m, unsigned level)
{
	static const char *const targets[] = {"accept", "accept", "drop",
					      "drop",   "reject", "return"};
	struct arena *a = m->out->arena;
	m->six = chance(m, 40);
	const char *match = nft_network(m);
	if (level < CHAINS && chance(m, 15))
		return arena_printf(
			a, "    %s tcp dport vmap { 22 : accept, 80 : jump c%u, 443-500 : drop }",
			match, level);
	if (*match || chance(m, 90)) // a rule for all packets leaves nothing to the others
		match = arena_printf(a, "%s %s", match, nft_transport(m));
	if (level < CHAINS && chance(m, 25))
		return arena_printf(a, "    %s %s c%u", match, chance(m, 75) ? "jump" : "goto",
				    level);
	return arena_printf(a, "    %s %s", match, ONE_OF(m, targets));
}

static void make_nft(struct making *m)
{
	line(m, false, "table inet fw {");
	line(m, false,
	     "  set net4 { type ipv4_addr; flags interval; elements = { 32.1.2.0/24, 198.51.100.7, "
	     "198.51.100.100-198.51.100.200 } }");
	line(m, false,
	     "  set net6 { type ipv6_addr; flags interval; elements = { 2001:db8:1::/64, "
	     "3001:db8::7 } }");
	for (unsigned c = CHAINS + 1; c-- > 0;) { // a chain is there before it is jumped to
		line(m, false,
		     c ? arena_printf(m->out->arena, "  chain c%u {", c - 1)
		       : arena_printf(m->out->arena,
				      "  chain forward { type filter hook forward priority filter; "
				      "policy %s;",
				      chance(m, 50) ? "accept" : "drop"));
		for (unsigned i = 0, n = 2 + test_random_below(m->random, RULES_MOST); i < n; i++)
			line(m, true, nft_rule(m, c));
		line(m, false, "  }");
	}
	line(m, false, "}");
}

void import_rules_make(const struct import_kind *kind, struct test_random *random,
		       struct import_lines *out)
{
	struct making m = {.random = random, .out = out, .six = kind->families == 2};
	if (kind->nft)
		make_nft(&m);
	else
		make_iptables(&m);
}

// --- edits ---

static const char *replaced(struct arena *arena, const char *text, const char *what,
			    const char *with)
{
	const char *at = strstr(text, what);
	return !at ? text
		   : arena_printf(arena, "%.*s%s%s", (int)(at - text), text, with,
				  at + strlen(what));
}

// The other verdict; the line itself when it has none.
static const char *turned(struct arena *arena, const char *text)
{
	static const char *const verdicts[][2] = {{"-j ACCEPT", "-j DROP"},
						  {"-j DROP", "-j ACCEPT"},
						  {" accept", " drop"},
						  {" drop", " accept"}};
	for (size_t i = 0; i < array_len(verdicts); i++)
		if (strstr(text, verdicts[i][0]))
			return replaced(arena, text, verdicts[i][0], verdicts[i][1]);
	return text;
}

void import_rules_edit(const struct import_kind *kind, struct test_random *random,
		       const struct import_lines *in, struct import_lines *out)
{
	(void)kind;
	size_t rules = 0;
	for (size_t i = 0; i < in->list.len; i++)
		rules += in->list.at[i].rule;
	// Eight rules or so of a ruleset, however long it is: most decide hardly any packets.
	uint32_t one_in = (uint32_t)(rules / 8 + 1);
	for (size_t i = 0; i < in->list.len; i++) {
		struct import_line line = in->list.at[i];
		bool hit = line.rule && test_random_below(random, one_in) == 0;
		unsigned how = test_random_below(random, 3);
		if (hit && how == 0)
			continue;
		if (hit && how == 1)
			line.text = turned(out->arena, line.text);
		vec_push(out->arena, &out->list, line);
		if (hit && how == 2) // behind what decides otherwise it may still decide something
			vec_push(out->arena, &out->list,
				 (struct import_line){turned(out->arena, line.text), true});
	}
}

// --- real ones ---

static bool jumps_to_nothing(const char *line)
{
	// Targets that this router has no program for.
	return strstr(line, "-j ULOG") || strstr(line, "-j LOG") || strstr(line, "-m recent");
}

static const char *fitted(struct arena *arena, const char *line)
{
	static const char *const words[][2] = {{"-i lup", "-i nsf0"},      {"-o vocb", "-o nsf1"},
					       {"-A INPUT", "-A FORWARD"}, {":INPUT", ":FORWARD"},
					       {"-i eth0", "-i nsf0"},     {"-o eth0", "-o nsf1"},
					       {"-i eth1", "-i nsf0"},     {"-o eth1", "-o nsf1"}};
	for (size_t i = 0; i < array_len(words); i++)
		line = replaced(arena, line, words[i][0], words[i][1]);
	return line;
}

bool import_rules_read(const char *file, struct import_lines *out)
{
	char line[4096];
	bool filter = false, forward = false;
	FILE *f = fopen(file, "r");
	while (f && fgets(line, sizeof(line), f)) {
		size_t len = strcspn(line, "\r\n");
		while (len && line[len - 1] == ' ')
			len--;
		line[len] = '\0';
		filter = line[0] == '*' ? !strncmp(line, "*filter", 7) : filter;
		bool chain = line[0] == ':', fits = !strncmp(line, ":INPUT", 6);
		// One chain takes the place of two: the input rules come first, the forwarding ones behind.
		bool twice = chain && !strncmp(line, ":FORWARD", 8);
		if (!filter || line[0] == '#' || jumps_to_nothing(line) || twice)
			continue;
		forward |= fits;
		vec_push(out->arena, &out->list,
			 (struct import_line){fitted(out->arena, arena_strdup(out->arena, line)),
					      line[0] == '-'});
	}
	if (f)
		fclose(f);
	return forward;
}

char *import_rules_text(const struct import_kind *kind, const struct import_lines *lines)
{
	struct buf b;
	(void)kind;
	buf_init(&b);
	for (size_t i = 0; i < lines->list.len; i++)
		buf_printf(&b, "%s\n", lines->list.at[i].text);
	char *text = arena_strdup(lines->arena, b.data);
	buf_fini(&b);
	return text;
}
