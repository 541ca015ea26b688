// SPDX-License-Identifier: Apache-2.0
// Random rules in the words of iptables. Values are few, so that rules overlap and packets hit their edges.
#include "import_iptables.h"

#include "base/buf.h"

#define CHAINS 4 // user chains c1 to c4; a chain jumps to later ones only

struct making {
	struct test_random *random;
	const struct iptables_kind *kind;
	struct buf *out;
};

static uint32_t below(struct making *m, uint32_t n)
{
	return test_random_below(m->random, n);
}

static bool chance(struct making *m, unsigned percent)
{
	return test_random_chance(m->random, percent);
}

#define ONE_OF(m, list) ((list)[below((m), array_len(list))])

static void add(struct making *m, const char *option, const char *value)
{
	buf_printf(m->out, " %s%s %s", chance(m, 25) ? "! " : "", option, value);
}

static void add_plain(struct making *m, const char *option, const char *value)
{
	buf_printf(m->out, " %s %s", option, value);
}

// --- network ---

// Masks with holes, too, but with few: more are opaque to the import.
static const char *address(struct making *m, bool source)
{
	static const char *const src4[] = {"0.0.0.0/1",   "10.0.0.0/8", "10.1.0.0/16",
					   "1.2.3.4",     "32.0.0.0/3", "32.0.0.0/255.128.0.0",
					   "128.0.0.0/1", "10.1.0.255", "34.0.0.0/7.0.0.0"};
	static const char *const dst4[] = {"128.0.0.0/1",        "192.0.2.0/24", "198.51.100.7",
					   "128.0.0.1",          "0.0.0.0/1",    "160.0.0.0/3",
					   "132.0.0.0/132.0.0.0"};
	static const char *const src6[] = {"2000::/4",  "2000:db8::/32", "2000:db8::1",
					   "2000::/64", "3000::/4",      "2000::/f00f:ffff::"};
	static const char *const dst6[] = {"3000::/4", "3000:db8::/32", "3000:db8::2",
					   "3000::2",  "2000::/4",      "3000::/ff0f:ffff::"};
	if (m->kind->v6)
		return source ? ONE_OF(m, src6) : ONE_OF(m, dst6);
	return source ? ONE_OF(m, src4) : ONE_OF(m, dst4);
}

static void add_addresses(struct making *m)
{
	if (chance(m, 40))
		add(m, "-s", address(m, true));
	if (chance(m, 40))
		add(m, "-d", address(m, false));
}

static void add_interfaces(struct making *m)
{
	static const char *const names[] = {"nsf0", "nsf1", "nsf+", "eth0", "nsf0+"};
	if (chance(m, 20))
		add(m, "-i", ONE_OF(m, names));
	if (chance(m, 20))
		add(m, "-o", ONE_OF(m, names));
}

static void add_ranges(struct making *m)
{
	static const char *const v4[] = {"10.0.0.0-10.1.0.0", "128.0.0.1-200.0.0.0",
					 "0.0.0.0-64.0.0.0"};
	static const char *const v6[] = {"2000::-2000:db8::1",
					 "3000::5-3000:db9::", "2000::-3000:ffff::"};
	buf_adds(m->out, " -m iprange");
	add(m, chance(m, 50) ? "--src-range" : "--dst-range",
	    m->kind->v6 ? ONE_OF(m, v6) : ONE_OF(m, v4));
}

static void add_header(struct making *m)
{
	static const char *const ttls[] = {"1", "2", "63", "64", "65", "127", "254"};
	static const char *const compare[][2] = {{"-eq", ""}, {"-lt", ""}, {"-gt", ""}};
	static const char *const dscp[] = {"0x00", "0x3f", "0x2e", "0x0a"};
	static const char *const tos[] = {"0x00/0x3f", "0x01/0x01", "0xb8/0xfc", "0xff/0xff",
					  "0x02/0x03"};
	static const char *const lengths[] = {"0:50", "40:60", "60:100", "52", "80:65535"};
	static const char *const ect[] = {"0", "1", "2", "3"};
	unsigned which = below(m, 3);
	switch (below(m, 5)) {
	case 0:
		buf_printf(m->out, " -m %s%s --%s%s %s", m->kind->v6 ? "hl" : "ttl",
			   !which && chance(m, 30) ? " !" : "", m->kind->v6 ? "hl" : "ttl",
			   compare[which][0], ONE_OF(m, ttls));
		return;
	case 1:
		buf_adds(m->out, " -m dscp");
		add(m, "--dscp", ONE_OF(m, dscp));
		return;
	case 2:
		buf_adds(m->out, " -m tos");
		add(m, "--tos", ONE_OF(m, tos));
		return;
	case 3:
		buf_adds(m->out, " -m length");
		add(m, "--length", ONE_OF(m, lengths));
		return;
	default:
		buf_adds(m->out, " -m ecn");
		add(m, "--ecn-ip-ect", ONE_OF(m, ect));
	}
}

static void add_mac(struct making *m)
{
	static const char *const macs[] = {"02:00:00:00:00:0a", "02:00:00:00:00:00",
					   "02:00:00:00:00:77"};
	buf_adds(m->out, " -m mac");
	add(m, "--mac-source", ONE_OF(m, macs));
}

static void add_states(struct making *m)
{
	static const char *const names[] = {"NEW", "ESTABLISHED", "RELATED", "INVALID",
					    "UNTRACKED"};
	bool old = chance(m, 40), any = false;
	buf_printf(m->out, " -m %s %s--%s ", old ? "state" : "conntrack", chance(m, 25) ? "! " : "",
		   old ? "state" : "ctstate");
	for (size_t i = 0; i < array_len(names); i++)
		if (chance(m, 45) || (i == 4 && !any)) {
			buf_printf(m->out, "%s%s", any ? "," : "", names[i]);
			any = true;
		}
}

// Windows begin and end hours from now.
static void add_time(struct making *m)
{
	unsigned hour = (unsigned)(m->kind->now / 3600 % 24);
	unsigned from = (hour + 2 + below(m, 20)) % 24, to = (hour + 2 + below(m, 20)) % 24;
	unsigned second = (unsigned)(m->kind->now % 86400);
	buf_adds(m->out, " -m time");
	if (chance(m, 70) || second < 600 || second > 85800)
		buf_printf(m->out, " --timestart %02u:30:00 --timestop %02u:40:00", from, to);
	else
		add(m, "--weekdays", chance(m, 50) ? "Mon,Wed,Fri,Sun" : "Tue,Thu,Sat");
}

// --- transport ---

static void add_port_list(struct making *m)
{
	static const char *const lists[] = {"22",    "53,80,443",     "0:1023", "22,1024:65535,80",
					    "65535", "1023:1024,8080"};
	static const char *const options[] = {"--sports", "--dports", "--dports", "--ports"};
	buf_adds(m->out, " -m multiport");
	add(m, ONE_OF(m, options), ONE_OF(m, lists));
}

static void add_port_match(struct making *m, const char *module)
{
	static const char *const ports[] = {"22", "53", "1024:65535", ":1023", "80:443", "0"};
	if (chance(m, 40)) {
		add_port_list(m);
		return;
	}
	buf_printf(m->out, " -m %s", module);
	bool source = chance(m, 40);
	if (source)
		add(m, "--sport", ONE_OF(m, ports));
	// iptables-nft 1.8.9 loads two negated ports as one test, that the pair is not these two.
	if (source && chance(m, 50))
		add_plain(m, "--dport", ONE_OF(m, ports));
	else if (!source)
		add(m, "--dport", ONE_OF(m, ports));
}

static void add_flags(struct making *m)
{
	static const char *const flags[] = {"SYN,ACK SYN",     "FIN,SYN,RST,ACK SYN", "ALL NONE",
					    "ALL FIN,PSH,URG", "SYN,RST SYN,RST",     "ACK ACK"};
	buf_adds(m->out, " -m tcp");
	add(m, "--tcp-flags", ONE_OF(m, flags));
}

static void add_icmp(struct making *m)
{
	static const char *const v4[] = {"8", "3", "3/1", "0", "any", "13/255"};
	static const char *const v6[] = {"128", "1", "1/3", "129", "135", "255"};
	buf_printf(m->out, " -m %s", m->kind->v6 ? "icmp6" : "icmp");
	if (m->kind->v6)
		add(m, "--icmpv6-type", ONE_OF(m, v6));
	else
		add(m, "--icmp-type", ONE_OF(m, v4));
}

// Returns whether a TCP reset may answer.
static bool add_transport(struct making *m)
{
	switch (below(m, 8)) {
	case 0:
	case 1:
		add_plain(m, "-p", "tcp");
		chance(m, 30) ? add_flags(m) : add_port_match(m, "tcp");
		return true;
	case 2:
	case 3:
		add_plain(m, "-p", "udp");
		add_port_match(m, "udp");
		return false;
	case 4:
		add_plain(m, "-p", m->kind->v6 ? "ipv6-icmp" : "icmp");
		if (chance(m, 80))
			add_icmp(m);
		return false;
	case 5:
		add_plain(m, "-p", chance(m, 50) ? "sctp" : "dccp");
		add_port_list(m);
		return false;
	case 6:
		add_plain(m, "-p", "udplite");
		add_port_list(m);
		return false;
	default:
		add(m, "-p", chance(m, 30) ? "esp" : chance(m, 50) ? "tcp" : "99");
		return false;
	}
}

// --- rules ---

static void add_other(struct making *m)
{
	switch (below(m, m->kind->tracked ? 7 : 5)) {
	case 0:
		add_ranges(m);
		return;
	case 1:
	case 2:
		add_header(m);
		return;
	case 3:
		add_mac(m);
		return;
	case 4:
		add_time(m);
		return;
	default:
		add_states(m);
	}
}

static void add_reject(struct making *m, bool tcp)
{
	static const char *const v4[] = {"icmp-port-unreachable", "icmp-net-unreachable",
					 "icmp-host-prohibited", "icmp-admin-prohibited"};
	static const char *const v6[] = {"icmp6-port-unreachable", "icmp6-no-route",
					 "icmp6-adm-prohibited"};
	buf_printf(m->out, " -j REJECT --reject-with %s",
		   tcp && chance(m, 60) ? "tcp-reset"
		   : m->kind->v6        ? ONE_OF(m, v6)
					: ONE_OF(m, v4));
}

static void add_target(struct making *m, unsigned chain, bool tcp)
{
	unsigned to = chain + 1 + below(m, CHAINS), what = below(m, 10);
	if (what < 3)
		buf_adds(m->out, " -j ACCEPT");
	else if (what < 4)
		buf_adds(m->out, " -j DROP");
	else if (what < 5)
		add_reject(m, tcp);
	else if (what < 7)
		buf_adds(m->out, " -j RETURN");
	else if (to <= CHAINS)
		buf_printf(m->out, " %s c%u", what < 9 ? "-j" : "-g", to);
	else
		buf_adds(m->out, chance(m, 50) ? " -j DROP" : " -j ACCEPT");
}

static void add_rule(struct making *m, unsigned chain)
{
	if (chain)
		buf_printf(m->out, "-A c%u", chain);
	else
		buf_adds(m->out, "-A FORWARD");
	add_addresses(m);
	add_interfaces(m);
	bool fragments = !m->kind->tracked && !m->kind->v6 && chance(m, 10);
	if (fragments)
		buf_adds(m->out, chance(m, 50) ? " -f" : " ! -f");
	bool tcp = !fragments && chance(m, 60) && add_transport(m);
	if (chance(m, 40))
		add_other(m);
	if (chance(m, 10))
		buf_adds(m->out, " -m comment --comment \"it's \\\"here\\\" -j\"");
	add_target(m, chain, tcp);
	buf_addc(m->out, '\n');
}

size_t iptables_random(struct test_random *random, const struct iptables_kind *kind,
		       struct buf *out)
{
	struct making m = {random, kind, out};
	size_t rules = 0;
	buf_printf(out, "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD %s [0:0]\n:OUTPUT ACCEPT [0:0]\n",
		   chance(&m, 50) ? "ACCEPT" : "DROP");
	for (unsigned c = 1; c <= CHAINS; c++)
		buf_printf(out, ":c%u - [0:0]\n", c);
	for (unsigned c = 0; c <= CHAINS; c++)
		for (unsigned n = below(&m, 6) + (c ? 0 : 3); n; n--) {
			add_rule(&m, c);
			rules++;
		}
	buf_adds(out, "COMMIT\n");
	return rules;
}
