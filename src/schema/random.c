// SPDX-License-Identifier: Apache-2.0
// Random valid documents of test-net. Few values, so that equal ones meet.
#include "schema/random.h"

#define NET " xmlns=\"urn:test:net\""

unsigned random_below(struct random *r, unsigned n)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(r->state >> 33) % n;
}

static bool likely(struct random *r)
{
	return random_below(r, 3) > 0;
}

static const char *one_of(struct random *r, const char *const *words)
{
	unsigned n = 0;
	while (words[n])
		n++;
	return words[random_below(r, n)];
}

static void maybe(struct random *r, struct buf *out, const char *name, const char *const *words)
{
	if (likely(r))
		buf_printf(out, "<%s>%s</%s>", name, one_of(r, words), name);
}

static const char *const texts[] = {"a", "b b", "", "&lt;&amp;&quot;'\\/", "\xc3\xa9", "u0", NULL},
			 *const bools[] = {"true", "false", NULL},
			 *const numbers[] = {"1", "2", "10", "77", NULL},
			 *const verdicts[] = {"pass", "drop", NULL};

static void add_time(struct random *r, struct buf *out)
{
	static const char *const often[] = {"once", "weekly", "monthly", NULL}, *const lengths[] = {
											"5", "60",
											"61", NULL};
	const char *how = one_of(r, often);
	buf_printf(out, "<time><often>%s</often>", how);
	if (*how != 'o') {
		buf_adds(out, "<period>");
		if (*how == 'w')
			buf_printf(out, "<day>%u</day>", 1 + random_below(r, 7));
		maybe(r, out, "length", lengths);
		buf_adds(out, "</period>");
	}
	buf_adds(out, "</time>");
}

static void add_match(struct random *r, struct buf *out)
{
	switch (random_below(r, 4)) {
	case 0:
		buf_adds(out, "<address>192.0.2.1</address><prefix>192.0.2.0/24</prefix>"
			      "<prefix>2001:db8::/32</prefix>");
		break;
	case 1:
		buf_adds(out, "<host>example.com</host>");
		break;
	case 2:
		buf_adds(out, "<syn/>");
		break;
	default:
		break;
	}
}

static void add_rule(struct random *r, struct buf *out, unsigned n, bool numbered, unsigned users)
{
	static const char *const colours[] = {"red", "green", NULL},
				 *const limits[] = {"0.5", "1.50", "20.0", NULL},
				 *const kinds[] = {"tt:web", "tt:secure-web", "tt:mail", NULL};
	buf_printf(out, "<rule><name>r%u</name>", n);
	if (numbered)
		maybe(r, out, "priority", numbers);
	for (unsigned u = 0; u < users; u++)
		if (likely(r))
			buf_printf(out, "<source>u%u</source>", u);
	maybe(r, out, "colour", colours);
	if (likely(r))
		buf_printf(out, "<kind xmlns:tt=\"urn:test:types\">%s</kind>", one_of(r, kinds));
	for (unsigned p = random_below(r, 3); p; p--)
		buf_printf(out, "<port><low>%u</low><high>%u</high></port>", p * 10,
			   p * 10 + random_below(r, 5));
	if (likely(r))
		buf_printf(out, "<tag><serial>%u</serial><label>%s</label></tag>", n,
			   one_of(r, texts));
	if (likely(r))
		add_time(r, out);
	buf_printf(out, "<action><verdict>%s</verdict>", one_of(r, verdicts));
	maybe(r, out, "limit", limits);
	buf_adds(out, "</action>");
	add_match(r, out);
	buf_adds(out, "</rule>");
}

static void add_policy(struct random *r, struct buf *out, unsigned n, unsigned users)
{
	static const char *const usages[] = {"", "<usage>order</usage>", "<usage>number</usage>"};
	unsigned usage = random_below(r, 3);
	buf_printf(out, "<policy" NET "><name>p%u</name>%s", n, usages[usage]);
	for (unsigned i = 0, rules = random_below(r, 4); i < rules; i++)
		add_rule(r, out, i, usage == 2, users);
	buf_adds(out, "</policy>");
}

static void add_groups(struct random *r, struct buf *out, unsigned users)
{
	buf_adds(out, "<groups" NET ">");
	for (unsigned u = 0; u < users; u++) {
		buf_printf(out, "<user><name>u%u</name>", u);
		for (unsigned m = random_below(r, 3); m; m--)
			buf_printf(out, "<mail>m%u</mail>", m);
		buf_adds(out, "</user>");
	}
	for (unsigned d = random_below(r, 3); d; d--) {
		buf_printf(out, "<device><name>d%u</name>", d);
		if (users)
			buf_printf(out, "<owner>u%u</owner>", random_below(r, users));
		buf_adds(out, "</device>");
	}
	buf_adds(out, "</groups>");
}

static void add_settings(struct random *r, struct buf *out)
{
	static const char *const modes[] = {"safe", "fast", NULL},
				 *const bigs[] = {"-9000000000", "7", NULL},
				 *const sizes[] = {"16", "32", NULL};
	buf_adds(out, "<settings" NET ">");
	maybe(r, out, "mode", modes);
	maybe(r, out, "big", bigs);
	maybe(r, out, "on", bools);
	if (likely(r))
		buf_adds(out, "<server>b</server><server>a</server>");
	for (unsigned s = random_below(r, 3); s; s--)
		buf_printf(out, "<step><id>s%u</id><text>%s</text></step>", s, one_of(r, texts));
	if (likely(r))
		buf_adds(out, "<data>aGk=</data>");
	if (likely(r))
		buf_adds(out, "<where xmlns:tn=\"urn:test:net\">/tn:settings/tn:mode</where>");
	if (likely(r))
		buf_adds(out, likely(r) ? "<level>1</level><level>2</level>"
					: "<level>3</level><level>5</level>");
	if (likely(r))
		buf_adds(out, "<log><file>f</file></log>");
	if (likely(r))
		buf_printf(out, "<memory><size>%s</size></memory>", one_of(r, sizes));
	else
		buf_printf(out, "<path>x</path><sync>%s</sync>", one_of(r, bools));
	buf_adds(out, "</settings>");
}

static void add_state(struct random *r, struct buf *out)
{
	buf_printf(out, "<state" NET "><uptime>%u</uptime>", random_below(r, 100));
	for (unsigned e = random_below(r, 3); e; e--)
		buf_printf(out, "<event><text>%s</text></event>", one_of(r, texts));
	buf_adds(out, "</state>");
}

void random_document(struct random *r, struct buf *out)
{
	unsigned users = random_below(r, 3);
	for (unsigned p = 0, policies = random_below(r, 3); p < policies; p++)
		add_policy(r, out, p, users);
	// Always, as libyang puts containers that are not given before what is.
	add_groups(r, out, users);
	add_settings(r, out);
	add_state(r, out);
}
