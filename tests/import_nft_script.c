// SPDX-License-Identifier: Apache-2.0
// A rule is about one IP version and one protocol at most, since nft refuses what contradicts itself; its conditions are
// picked from those that such packets have. Values come from few anchors, so that conditions overlap.
#include "import_nft_script.h"
#include "base/buf.h"

#include <string.h>

struct making {
	struct test_random *random;
	struct arena *arena;
	struct script *script;
	int64_t now;
	unsigned version;   // of the rule being made: 0, 4 or 6
	const char *header; // "tcp", "udp", ..., "icmp", "icmpv6"; NULL
	bool ethertype;     // the rule asks for one
	unsigned chain;     // being filled; chains of higher numbers can be jumped to
};

#define CHAINS 4
#define PICK(m, array) ((array)[below((m), array_len(array))])

static uint32_t below(struct making *m, uint32_t n)
{
	return test_random_below(m->random, n);
}

static bool chance(struct making *m, unsigned percent)
{
	return test_random_chance(m->random, percent);
}

__attribute__((format(printf, 2, 3))) static void put(struct making *m, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(m->arena, fmt, ap);
	va_end(ap);
	vec_push(m->arena, &m->script->line, (struct script_line){.text = text});
}

// --- values ---

enum kind { IP4, IP6, PORT, BYTE, LENGTH, NAME, MAC, DSCP, ICMP, ICMP6, PROTO, KINDS };

static const char *value(struct making *m, enum kind kind)
{
	static const char *const four[] = {"1.2.3.4",      "10.1.0.0",       "10.1.0.255",
					   "125.0.0.0",    "128.0.0.1",      "192.0.2.0",
					   "198.51.100.7", "223.255.255.255"};
	static const char *const six[] = {"2000:db8::", "2000:db8::1", "2000::2",
					  "3000::ff",   "3000:db8::",  "2fff:ffff::1"};
	static const char *const ports[] = {"0",    "22",   "53",   "80",    "443",
					    "1023", "1024", "8080", "65534", "65535"};
	static const char *const names[] = {"\"nsf0\"", "\"nsf1\"", "\"eth0\"", "\"ns*\"",
					    "\"nsf0*\""};
	static const char *const macs[] = {"02:00:00:00:00:0a", "02:00:00:00:00:0b",
					   "02:00:00:00:00:77"};
	static const char *const dscps[] = {"cs1", "af11", "ef", "0", "63", "0x12"};
	static const char *const icmps[] = {"echo-request", "echo-reply", "3", "13",
					    "time-exceeded"};
	static const char *const icmp6s[] = {"echo-request", "echo-reply", "1", "200",
					     "nd-router-advert"};
	static const char *const protos[] = {"tcp",  "udp", "icmp", "ipv6-icmp",
					     "sctp", "99",  "esp"};
	switch (kind) {
	case IP4:
		return PICK(m, four);
	case IP6:
		return PICK(m, six);
	case PORT:
		return PICK(m, ports);
	case NAME:
		return PICK(m, names);
	case MAC:
		return PICK(m, macs);
	case DSCP:
		return PICK(m, dscps);
	case ICMP:
		return PICK(m, icmps);
	case ICMP6:
		return PICK(m, icmp6s);
	case PROTO:
		return PICK(m, protos);
	case BYTE:
		return arena_printf(m->arena, "%u", below(m, 256));
	case LENGTH:
	case KINDS:
		break;
	}
	return arena_printf(m->arena, "%u", 28 + below(m, 100));
}

static const char *range(struct making *m, enum kind kind)
{
	static const char *const four[] = {
		"1.2.3.0-1.2.3.9",        "10.0.0.0/8",           "10.1.0.0/24", "128.0.0.0/1",
		"192.0.2.0-198.51.100.7", "0.0.0.0-9.255.255.255"};
	static const char *const six[] = {"2000::/16", "2000:db8::/64", "3000::-3000::ffff",
					  "2000:db8::1-2000:db8::ffff"};
	static const char *const ports[] = {"0-22", "1024-65535", "50-60", "80-443"};
	static const char *const icmp[] = {"3-5", "8-13"};
	unsigned from = below(m, 200);
	switch ((int)kind) {
	case IP4:
		return PICK(m, four);
	case IP6:
		return PICK(m, six);
	case PORT:
		return PICK(m, ports);
	case ICMP:
		return PICK(m, icmp);
	case MAC:
		return "02:00:00:00:00:00-02:00:00:00:00:0a";
	case BYTE:
	case LENGTH:
		return arena_printf(m->arena, "%u-%u", from, from + 1 + below(m, 50));
	default:
		return value(m, kind);
	}
}

static const char *braces(struct making *m, enum kind kind, bool ranges)
{
	static const char *const names[] = {"{ \"nsf0\", \"e*\" }", "{ \"nsf0\", \"nsf1\" }",
					    "{ \"eth0\" }", "{ \"ns*\" }"};
	if (kind == NAME) // nft 1.0.6 lists patterns that overlap as ""-""
		return PICK(m, names);
	const char *list = value(m, kind);
	for (unsigned i = 0, n = below(m, 3); i < n; i++)
		list = arena_printf(m->arena, "%s, %s", list,
				    ranges && chance(m, 40) ? range(m, kind) : value(m, kind));
	return arena_printf(m->arena, "{ %s }", list);
}

// "!= 10.0.0.0/8", "{ ... }", "@s4": the right side of a comparison.
static const char *against(struct making *m, enum kind kind)
{
	static const char *const named[KINDS] = {
		[IP4] = "@s4", [IP6] = "@s6", [PORT] = "@sp", [NAME] = "@sn"};
	static const char *const orders[] = {"<", "<=", ">", ">="};
	bool ordered = kind == PORT || kind == BYTE || kind == LENGTH;
	bool ranges = kind != NAME && kind != DSCP && kind != PROTO && kind != ICMP6;
	const char *sign = chance(m, 25) ? "!= " : "";
	const char *right = value(m, kind);
	if (ordered && chance(m, 15))
		return arena_printf(m->arena, "%s %s", PICK(m, orders),
				    arena_printf(m->arena, "%u", 20 + below(m, 100)));
	if (chance(m, 30))
		right = braces(m, kind, ranges);
	else if (named[kind] && chance(m, 25))
		right = named[kind];
	else if (ranges && chance(m, 40))
		right = range(m, kind);
	return arena_printf(m->arena, "%s%s", sign, right);
}

// --- conditions ---

static bool ports_of(const struct making *m)
{
	return m->header && strncmp(m->header, "icmp", 4) != 0;
}

static const char *of_addresses(struct making *m)
{
	const char *side = below(m, 2) ? "saddr" : "daddr";
	if (m->version == 6)
		return arena_printf(m->arena, "ip6 %s %s", side, against(m, IP6));
	if (chance(m, 10))
		return arena_printf(m->arena, "ip %s & 255.0.255.0 %s 10.0.0.0", side,
				    below(m, 2) ? "==" : "!=");
	return arena_printf(m->arena, "ip %s %s", side, against(m, IP4));
}

static const char *of_icmp(struct making *m)
{
	bool six = !strcmp(m->header, "icmpv6");
	if (chance(m, 25))
		return arena_printf(m->arena, "%s code %s", m->header,
				    below(m, 2) ? "0" : "{ 1, 3 }");
	if (chance(m, 15))
		return arena_printf(m->arena, "%s type . %s code { echo-request . 0, 3 . 1 }",
				    m->header, m->header);
	return arena_printf(m->arena, "%s type %s", m->header, against(m, six ? ICMP6 : ICMP));
}

static const char *of_tcp(struct making *m)
{
	static const char *const flags[] = {"syn",
					    "syn,ack",
					    "! syn,rst",
					    "== syn",
					    "!= syn",
					    "syn / fin,syn,rst,ack",
					    "!= syn / syn,ack",
					    "& (fin | syn) == fin | syn",
					    "{ syn, ack, syn | ack }",
					    "!= { syn, ack }",
					    "& (syn | ack) != 0",
					    "& (syn | ack) == { syn, ack }"};
	if (chance(m, 60))
		return arena_printf(m->arena, "tcp flags %s", PICK(m, flags));
	if (chance(m, 50))
		return arena_printf(m->arena, "tcp dport & 0xff %s 22", below(m, 2) ? "==" : "!=");
	return below(m, 2) ? "tcp doff 5" : "tcp urgptr != 0";
}

static const char *of_ports(struct making *m)
{
	const char *side = below(m, 2) ? "sport" : "dport";
	if (chance(m, 20))
		return arena_printf(m->arena, "meta l4proto { tcp, udp } th %s %s", side,
				    against(m, PORT));
	return arena_printf(m->arena, "%s %s %s", m->header, side, against(m, PORT));
}

static const char *of_concat(struct making *m)
{
	const char *ip = m->version == 6 ? "ip6" : "ip", *sign = chance(m, 25) ? "!= " : "";
	enum kind kind = m->version == 6 ? IP6 : IP4;
	if (ports_of(m) && chance(m, 30))
		return arena_printf(m->arena, "%s sport . %s dport %s{ %s . %s, %s . %s }",
				    m->header, m->header, sign, value(m, PORT), range(m, PORT),
				    range(m, PORT), range(m, PORT));
	if (ports_of(m) && m->version == 4 && chance(m, 30))
		return arena_printf(m->arena, "ip saddr . %s dport %s@sc", m->header, sign);
	if (ports_of(m) && chance(m, 60))
		return arena_printf(m->arena, "%s saddr . %s dport %s{ %s . %s, %s . %s }", ip,
				    m->header, sign, range(m, kind), value(m, PORT), value(m, kind),
				    range(m, PORT));
	if (chance(m, 40))
		return arena_printf(m->arena,
				    "iifname . %s daddr %s{ \"nsf0\" . %s, \"nsf1\" . %s }", ip,
				    sign, range(m, kind), value(m, kind));
	return arena_printf(m->arena, "%s saddr . meta l4proto %s{ %s . tcp, %s . udp }", ip, sign,
			    range(m, kind), range(m, kind));
}

static const char *of_version(struct making *m)
{
	static const struct {
		const char *four, *six;
		enum kind kind;
	} fields[] = {{"ip dscp", "ip6 dscp", DSCP},
		      {"ip ttl", "ip6 hoplimit", BYTE},
		      {"ip length", "ip6 length", LENGTH},
		      {"ip ecn", "ip6 ecn", KINDS},
		      {"ip hdrlength", "ip6 flowlabel", KINDS},
		      {"ip id", "ip6 flowlabel", LENGTH}};
	unsigned i = below(m, array_len(fields));
	const char *name = m->version == 6 ? fields[i].six : fields[i].four;
	if (fields[i].kind == KINDS)
		return arena_printf(m->arena, "%s %s", name, i == 3 ? "{ ect0, ce }" : "5");
	if (m->version == 4 && chance(m, 15))
		return below(m, 2) ? "ip frag-off & 0x4000 != 0" : "ip frag-off & 0x1fff == 0";
	return arena_printf(m->arena, "%s %s", name, against(m, fields[i].kind));
}

static const char *of_states(struct making *m)
{
	static const char *const states[] = {"established,related",
					     "new",
					     "invalid",
					     "{ new, untracked }",
					     "!= new",
					     "!= { new, invalid }",
					     "! established,new",
					     "& (new | related) != 0"};
	return arena_printf(m->arena, "ct state %s", PICK(m, states));
}

static const char *of_clock(struct making *m)
{
	static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
					   "Friday", "Saturday", "Sunday"};
	if (chance(m, 50))
		return arena_printf(m->arena, "meta day %s{ \"%s\", \"%s\" }",
				    below(m, 2) ? "!= " : "", days[below(m, 3)],
				    days[3 + below(m, 4)]);
	int64_t day = 86400, from = (m->now + 300 + 3600 * (int64_t)below(m, 24)) % day;
	int64_t to = (from + 3600 * (int64_t)(1 + below(m, 22))) % day;
	return arena_printf(m->arena, "meta hour \"%02d:%02d:%02d\"-\"%02d:%02d:%02d\"",
			    (int)(from / 3600), (int)(from / 60 % 60), (int)(from % 60),
			    (int)(to / 3600), (int)(to / 60 % 60), (int)(to % 60));
}

static const char *of_frame(struct making *m)
{
	static const char *const words[] = {"meta nfproto ipv4", "meta nfproto ipv6",
					    "meta protocol ip",  "meta protocol != ip6",
					    "iif \"nsf0\"",      "oif != \"nsf0\"",
					    "meta length < 60",  "meta length 50-100"};
	const char *word = PICK(m, words);
	m->ethertype |= !strncmp(word, "meta protocol", strlen("meta protocol"));
	return word;
}

static const char *of_any(struct making *m)
{
	switch (below(m, 9)) {
	case 7:
	case 8:
		return arena_printf(m->arena, "meta length %s", against(m, LENGTH));
	case 0:
		return arena_printf(m->arena, "iifname %s", against(m, NAME));
	case 1:
		return arena_printf(m->arena, "oifname %s", against(m, NAME));
	case 2:
		return arena_printf(m->arena, "ether saddr %s", against(m, MAC));
	case 3:
		return of_clock(m);
	case 4:
		return of_frame(m);
	default:
		return of_states(m);
	}
}

// What the IR does not have, or not wholly.
static const char *of_others(struct making *m)
{
	static const char *const words[] = {"meta mark 0x7",
					    "ct mark != 3",
					    "limit rate 1000/second",
					    "ct direction original",
					    "meta pkttype host",
					    "ct original protocol 6",
					    "@nh,8,8 & 0xf0 == 0x10",
					    "numgen inc mod 2 0",
					    "meta l4proto 6-17",
					    "quota over 1 mbytes",
					    "th dport 22",
					    "th sport != 80",
					    "meta cpu < 2",
					    "fib saddr type unicast",
					    "ct status confirmed"};
	if (m->version == 6 && !m->header && chance(m, 60))
		return below(m, 2) ? "ip6 nexthdr { tcp, udp }" : "ip6 nexthdr != ipv6-icmp";
	if (m->version == 4 && chance(m, 20))
		return "ip saddr & 0.0.0.255 == 0.0.0.1";
	return PICK(m, words);
}

static const char *condition(struct making *m)
{
	unsigned n = below(m, 100);
	if (chance(m, 4))
		return of_others(m);
	if (m->version && n < 30)
		return of_addresses(m);
	if (m->header && n < 55)
		return !ports_of(m)                                 ? of_icmp(m)
		       : !strcmp(m->header, "tcp") && chance(m, 40) ? of_tcp(m)
								    : of_ports(m);
	if (m->version && n < 70)
		return of_concat(m);
	if (m->version && n < 80)
		return of_version(m);
	if (!m->header && n < 85)
		return arena_printf(m->arena, "meta l4proto %s", against(m, PROTO));
	return of_any(m);
}

// --- rules ---

static const char *target_chain(struct making *m)
{
	return arena_printf(m->arena, "c%u", m->chain + 1 + below(m, CHAINS - m->chain));
}

static const char *verdict(struct making *m)
{
	static const char *const rejects[] = {"reject", "reject with icmpx admin-prohibited",
					      "reject with icmpx port-unreachable"};
	unsigned n = below(m, 100);
	if (n >= 60 && n < 70 && m->ethertype) // nft 1.0.6 does not list it before a reject
		return "drop";
	if (n < 30 || (n >= 75 && m->chain == CHAINS))
		return n % 2 ? "accept" : "drop";
	if (n < 45)
		return "accept";
	if (n < 60)
		return "drop";
	if (n < 66)
		return m->header && !strcmp(m->header, "tcp") ? "reject with tcp reset"
							      : PICK(m, rejects);
	if (n < 70)
		return m->version == 4   ? "reject with icmp host-unreachable"
		       : m->version == 6 ? "reject with icmpv6 no-route"
					 : "reject";
	if (n < 75)
		return n % 2 ? "return" : "continue";
	return arena_printf(m->arena, "%s %s", n < 92 ? "jump" : "goto", target_chain(m));
}

static const char *simple_verdict(struct making *m)
{
	static const char *const words[] = {"accept", "drop", "continue", "return"};
	if (m->chain < CHAINS && chance(m, 40))
		return arena_printf(m->arena, "%s %s", below(m, 4) ? "jump" : "goto",
				    target_chain(m));
	return PICK(m, words);
}

static const char *verdict_map(struct making *m)
{
	const char *ip = m->version == 6 ? "ip6" : "ip";
	if (ports_of(m) && chance(m, 25) && m->chain == 0)
		return arena_printf(m->arena, "%s dport vmap @vp", m->header);
	if (m->version == 4 && chance(m, 40) && m->chain == 0)
		return "ip saddr vmap @va";
	if (ports_of(m) && chance(m, 40))
		return arena_printf(
			m->arena, "%s dport vmap { 0-79 : %s, 80 : %s, 1024-65535 : %s }",
			m->header, simple_verdict(m), simple_verdict(m), simple_verdict(m));
	if (ports_of(m) && m->version && chance(m, 50))
		return arena_printf(
			m->arena, "%s daddr . %s dport vmap { %s . 22 : %s, %s . 0-21 : %s }", ip,
			m->header, value(m, m->version == 6 ? IP6 : IP4), simple_verdict(m),
			range(m, m->version == 6 ? IP6 : IP4), simple_verdict(m));
	if (chance(m, 40))
		return arena_printf(m->arena, "ct state vmap { established : %s, new : %s }",
				    simple_verdict(m), simple_verdict(m));
	if (chance(m, 50))
		return arena_printf(m->arena, "iifname vmap { \"nsf0\" : %s, \"nsf1\" : %s }",
				    simple_verdict(m), simple_verdict(m));
	return arena_printf(m->arena, "meta l4proto vmap { tcp : %s, udp : %s, icmp : %s }",
			    simple_verdict(m), simple_verdict(m), simple_verdict(m));
}

static void choose_packets(struct making *m)
{
	static const char *const headers[] = {"tcp", "tcp", "tcp", "udp", "udp", "sctp", "udplite"};
	m->ethertype = false;
	m->version = (unsigned[]){0, 4, 4, 6}[below(m, 4)];
	m->header = chance(m, 60) ? PICK(m, headers) : NULL;
	if (m->version && chance(m, 12))
		m->header = m->version == 6 ? "icmpv6" : "icmp";
}

static void put_rule(struct making *m)
{
	static const char *const notes[] = {"counter ", "counter packets 3 bytes 4 ",
					    "meta mark set 0x7 ", "log prefix \"x \" level debug "};
	const char *text = "";
	choose_packets(m);
	for (unsigned i = 0, n = chance(m, 50) ? 1 : below(m, 4); i < n; i++)
		text = arena_printf(m->arena, "%s%s ", text, condition(m));
	if (chance(m, 25))
		text = arena_printf(m->arena, "%s%s", text, PICK(m, notes));
	put(m, "  %s%s%s", text, chance(m, 20) ? verdict_map(m) : verdict(m),
	    chance(m, 10) ? " comment \"a { b\"" : "");
	m->script->line.at[m->script->line.len - 1].rule = true;
}

// --- the table ---

static void put_sets(struct making *m)
{
	put(m, " set s4 { type ipv4_addr; flags interval; auto-merge; elements = { %s, %s, %s } }",
	    range(m, IP4), value(m, IP4), range(m, IP4));
	put(m, " set s6 { type ipv6_addr; flags interval; auto-merge; elements = { %s, %s } }",
	    range(m, IP6), value(m, IP6));
	put(m, " set sp { type inet_service; %s elements = { %s, %s } }",
	    below(m, 2) ? "counter;" : "", value(m, PORT), value(m, PORT));
	put(m,
	    " set sn { type ifname; flags interval; auto-merge; elements = { \"nsf0\", \"e*\" } }");
	put(m,
	    " set sc { type ipv4_addr . inet_service; flags interval; elements = { %s . %s, "
	    "203.0.113.0/24 . 0-65535 } }",
	    range(m, IP4), range(m, PORT));
}

static void put_maps(struct making *m)
{
	m->chain = 0;
	put(m,
	    " map vp { type inet_service : verdict; flags interval; elements = { 22 : %s, 50-60 "
	    ": %s, 1000-65535 : %s } }",
	    simple_verdict(m), simple_verdict(m), simple_verdict(m));
	put(m,
	    " map va { type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/8 : %s, "
	    "128.0.0.0/1 : %s%s } }",
	    simple_verdict(m), simple_verdict(m), below(m, 2) ? ", * : drop" : "");
}

void script_random(struct test_random *random, struct arena *arena, int64_t now, struct script *out)
{
	struct making m = {.random = random, .arena = arena, .now = now, .script = out};
	*out = (struct script){0};
	put(&m, "table inet t {");
	for (unsigned i = 1; i <= CHAINS; i++)
		put(&m, " chain c%u {\n }", i);
	put_sets(&m);
	put_maps(&m);
	for (m.chain = CHAINS; m.chain > 0; m.chain--) {
		put(&m, " chain c%u {", m.chain);
		for (unsigned i = 0, n = below(&m, 5); i < n; i++)
			put_rule(&m);
		put(&m, " }");
	}
	put(&m, " chain f {\n  type filter hook forward priority %s; policy %s;",
	    below(&m, 2) ? "filter" : "filter - 10", below(&m, 2) ? "accept" : "drop");
	for (unsigned i = 0, n = 2 + below(&m, 10); i < n; i++)
		put_rule(&m);
	put(&m, " }");
	put(&m, "}");
}

void script_print(const struct script *script, struct buf *out)
{
	for (size_t i = 0; i < script->line.len; i++)
		if (!script->line.at[i].left_out)
			buf_printf(out, "%s\n", script->line.at[i].text);
}
