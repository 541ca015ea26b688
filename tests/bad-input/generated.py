# SPDX-License-Identifier: Apache-2.0
"""Cases that are too large, too binary or too many to write down. Each is made from its name alone, always the same."""
import functools
import random

from templates import ACL, CFI, MONITORING, NFI, TEMPLATES, VALID

SYNTAX, LIMIT = ["syntax"], ["limit"]
MANY = 100_000
MEGABYTE = 1 << 20
TOO_LARGE = (256 << 20) + 1  # bytes of a document; SCHEMA_BYTES_MOST is the limit


def valid(template):
    return TEMPLATES[template].replace("%%", VALID[template]).encode()


def cut():
    """Documents that end too early; a cut between two roots would be a valid document, so cuts are within the first one."""
    for template, end, cuts in (("condition", b"</i2nsf-cfi-policy>", 20),
                                ("nfi-condition", b"</i2nsf-security-policy>", 12),
                                ("acl-matches", b"</acls>", 12), ("json-firewall", b"}", 20)):
        text = valid(template)
        last = text.rindex(end) if end == b"}" else text.index(end) + len(end) - 1
        for i in range(1, cuts + 1):
            yield f"cut-{template}-{i}", text[:last * i // cuts], SYNTAX


def bytes_of_no_text():
    wrong = {
        "continuation": b"\x80", "start-alone": b"\xc3", "overlong-slash": b"\xc0\xaf", "overlong-nul": b"\xc0\x80",
        "surrogate": b"\xed\xa0\x80", "beyond-unicode": b"\xf4\x90\x80\x80", "ff": b"\xff",
        "five-bytes": b"\xf8\x88\x80\x80\x80",
        "latin-1": b"caf\xe9", "nul": b"\0", "escape": b"\x1b[31m", "backspace": b"\x08",
    }
    for name, octets in wrong.items():
        yield f"xml-text-{name}", valid("policy").replace(b">en<", b">en" + octets + b"<"), SYNTAX
        yield f"json-text-{name}", valid("json-policy").replace(b'"en"', b'"en' + octets + b'"'), SYNTAX
    for name in ("latin-1", "nul", "ff"):
        yield f"xml-name-{name}", valid("policy").replace(b"<language>", b"<lang" + wrong[name] + b">"), SYNTAX
        yield f"xml-attribute-{name}", valid("policy").replace(b'xmlns:m="', b'xmlns:m="' + wrong[name]), SYNTAX
        yield f"json-name-{name}", valid("json-policy").replace(b'"language"', b'"lang' + wrong[name] + b'"'), SYNTAX
        yield f"begins-with-{name}", wrong[name] + valid("policy"), SYNTAX
        yield f"ends-with-{name}", valid("policy") + wrong[name], SYNTAX
    yield "only-nuls", bytes(1000), SYNTAX
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        for template in ("policy", "json-policy"):
            text = valid(template).decode()
            yield f"{encoding}-of-{template}", ("\ufeff" + text).encode(encoding), SYNTAX
            yield f"{encoding}-without-mark-of-{template}", text.encode(encoding), SYNTAX
    yield "mark-twice", b"\xef\xbb\xbf" * 2 + valid("policy"), SYNTAX
    yield "mark-in-the-middle", valid("policy").replace(b"?>", b"?>\xef\xbb\xbf"), SYNTAX


def other_formats():
    yield "gzip", bytes.fromhex("1f8b0800000000000003") + valid("policy")[::-1], SYNTAX
    yield "zip", b"PK\x03\x04\x14\0\0\0\x08\0" + valid("policy")[::-1], SYNTAX
    yield "elf", b"\x7fELF\x02\x01\x01" + bytes(64), SYNTAX
    yield "pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", SYNTAX
    yield "yaml", b"policy:\n  name: p\n  rules: []\n", SYNTAX
    yield "ipset", b"create hosts hash:ip\nadd hosts 192.0.2.1\n", SYNTAX
    for seed in range(8):
        yield f"noise-{seed}", random.Random(seed).randbytes(4000), SYNTAX
        damaged = bytearray(valid("condition" if seed % 2 else "json-firewall"))
        spot = damaged.index(b"staff" if not seed % 2 else b"<condition>")
        damaged[spot:spot + 6] = random.Random(seed).randbytes(6).replace(b"<", b"\xfe") + b"\xff"
        yield f"damage-{seed}", bytes(damaged), SYNTAX


def large():
    name = b"n" * MEGABYTE
    policy, groups = valid("policy"), valid("groups")
    yield "name-of-1-mb", policy.replace(b"<name>p<", b"<name>" + name + b"<"), LIMIT
    yield "group-name-of-1-mb", groups.replace(b"<name>a<", b"<name>" + name + b"<"), LIMIT
    yield "element-of-1-mb", policy.replace(b"<language>en</language>", b"<" + name + b"/>"), LIMIT
    yield "attribute-of-1-mb", policy.replace(b"<language>", b'<language a="' + name + b'">'), LIMIT
    yield "attribute-name-of-1-mb", policy.replace(b"<language>", b"<language " + name + b'="">'), LIMIT
    yield "namespace-of-1-mb", policy.replace(b'xmlns:m="', b'xmlns:m="' + name), LIMIT
    yield "json-string-of-1-mb", valid("json-policy").replace(b'"en"', b'"' + name + b'"'), LIMIT
    yield "json-name-of-1-mb", valid("json-policy").replace(b'"language"', b'"' + name + b'"'), LIMIT + SYNTAX
    yield "json-number-of-1-mb", valid("json-policy").replace(b'"en"', b"7" * MEGABYTE), LIMIT + ["value"]
    yield "number-of-1-mb", valid("numbered").replace(b">7<", b">" + b"7" * MEGABYTE + b"<"), LIMIT + ["value"]
    yield "white-space-of-1-mb", valid("numbered").replace(b">7<", b">" + b" " * MEGABYTE + b"<"), LIMIT + ["value"]
    yield "comment-of-4-mb-not-closed", policy.replace(b"<language>", b"<!--" + name * 4), SYNTAX
    yield "cdata-of-4-mb-not-closed", policy.replace(b"<language>", b"<language><![CDATA[" + name * 4), SYNTAX
    yield "attributes-100k", policy.replace(
        b"<language>", b"<language" + b"".join(b' a%d=""' % i for i in range(MANY)) + b">"), LIMIT
    yield "namespaces-100k", policy.replace(
        b"<language>", b"<language" + b"".join(b' xmlns:x%d="urn:%d"' % (i, i) for i in range(MANY)) + b">"), LIMIT
    yield "document-too-large", TOO_LARGE, LIMIT


def deep():
    policy, json = valid("policy"), valid("json-policy")
    for depth in (100, 1000, MANY, 1_000_000):
        yield f"elements-{depth}-deep", policy.replace(
            b"<language>en</language>", b"<rules>" * depth + b"</rules>" * depth), LIMIT + ["unknown-element", "missing"]
        yield f"elements-{depth}-deep-not-closed", b'<a xmlns="' + CFI.encode() + b'">' + b"<a>" * depth, LIMIT + SYNTAX
        yield f"arrays-{depth}-deep", json.replace(b'"en"', b"[" * depth + b"]" * depth), LIMIT + SYNTAX + ["value"]
        yield f"objects-{depth}-deep", json.replace(
            b'"en"', b'{"a":' * depth + b"1" + b"}" * depth), LIMIT + ["value", "unknown-element"]
        yield f"brackets-{depth}-open", b"[" * depth, LIMIT + SYNTAX
        yield f"braces-{depth}-open", b'{"a":' * depth, LIMIT + SYNTAX + ["unknown-namespace"]


def entities():
    laughs = b'<!ENTITY l0 "ha">' + b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 20))
    text = valid("policy").replace(b"?>\n", b"?>\n<!DOCTYPE p [" + laughs + b"]>\n").replace(b">en<", b">&l19;<")
    yield "billion-laughs", text, SYNTAX
    big = b'<!ENTITY big "' + b"a" * MEGABYTE + b'">'
    text = valid("policy").replace(b"?>\n", b"?>\n<!DOCTYPE p [" + big + b"]>\n")
    text = text.replace(b">en<", b">" + b"&big;" * 10000 + b"<")
    yield "one-large-entity-many-times", text, SYNTAX
    yield "references-100k", valid("policy").replace(b">en<", b">" + b"&#65;" * MANY + b"<"), LIMIT + ["value"]


def rules(n, change):
    """A policy of n rules, of which change() may make one wrong."""
    yield f'<i2nsf-cfi-policy xmlns="{CFI}" xmlns:m="{MONITORING}">\n<name>p</name>\n'.encode()
    for i in range(n):
        yield change(i, b"<rules><name>r%d</name><condition><firewall><source>staff</source>"
                        b"<transport-layer-protocol>m:tcp</transport-layer-protocol></firewall></condition>"
                        b"<action><primary-action><action>drop</action></primary-action></action></rules>\n" % i)
    yield (b'</i2nsf-cfi-policy>\n<endpoint-groups xmlns="' + CFI.encode() + b'"><user-group><name>staff</name>'
           b"<ipv4-prefix>192.0.2.0/24</ipv4-prefix></user-group></endpoint-groups>\n")


def rules_text(n, change):
    """Made when it is needed: it is large."""
    return functools.partial(b"".join, rules(n, change))


def many():
    def last(old, new):
        return lambda i, text: text.replace(old, new) if i == MANY - 1 else text

    def each(old, new):
        return lambda _, text: text.replace(old, new)

    yield "rules-100k-last-dangling", rules_text(MANY, last(b">staff<", b">nobody<")), ["reference"], MANY + 2
    yield "rules-100k-last-a-duplicate", rules_text(MANY, last(b"<name>r99999<", b"<name>r0<")), ["duplicate"], MANY + 2
    yield "rules-100k-last-unknown-action", rules_text(MANY, last(b">drop<", b">allow<")), ["value"], MANY + 2
    yield "rules-100k-last-not-closed", rules_text(MANY, last(b"</rules>", b"")), SYNTAX
    yield "rules-20k-all-wrong", rules_text(MANY // 5, each(b">drop<", b">allow<")), ["value"], 3
    yield "rules-20k-all-dangling", rules_text(MANY // 5, each(b">staff<", b">nobody<")), ["reference"]
    yield "rules-20k-of-one-name", rules_text(
        MANY // 5, lambda i, text: text.replace(b"<name>r%d<" % i, b"<name>r<")), ["duplicate"]
    yield "unknown-elements-100k", valid("policy").replace(b"<language>en</language>", b"<what/>\n" * MANY), ["unknown-element"]
    yield "nfi-rules-20k-last-wrong", (f'<i2nsf-security-policy xmlns="{NFI}"><name>p</name>\n'.encode() + b"".join(
        b"<rules><name>r%d</name></rules>\n" % i for i in range(MANY // 5)) +
        b"<rules><name>r</name><enable>maybe</enable></rules></i2nsf-security-policy>"), ["value"], MANY // 5 + 2
    entries = b"".join(b"<ace><name>e%d</name>\n<actions><forwarding>drop</forwarding></actions></ace>" % i for i in range(1001))
    lists = b"".join(b"<acl><name>%s</name><aces>%s</aces></acl>" % (name, entries) for name in (b"in", b"out"))
    applied = b"".join(b"<interface><interface-id>e%d</interface-id><%s><acl-sets><acl-set><name>%s</name></acl-set></acl-sets></%s>"
                       b"</interface>" % (i, way, name, way) for i, (way, name) in enumerate(((b"ingress", b"in"), (b"egress", b"out"))))
    whole = lists.replace(b">drop<", b">accept<") + b"<attachment-points>" + applied + b"</attachment-points>"
    yield "acl-entries-1m-in-both-directions", f'<acls xmlns="{ACL}">'.encode() + whole + b"</acls>", LIMIT
    yield "acl-entries-20k-last-wrong", (f'<acls xmlns="{ACL}"><acl><name>l</name><aces>\n'.encode() + b"".join(
        b"<ace><name>r%d</name><actions><forwarding>drop</forwarding></actions></ace>\n" % i for i in range(MANY // 5)) +
        b"<ace><name>r</name><actions><forwarding>pass</forwarding></actions></ace></aces></acl></acls>"), ["value"], MANY // 5 + 2
    yield "acl-lists-20k", (f'<acls xmlns="{ACL}">'.encode() + b"".join(
        b"<acl><name>l%d</name><type>ipv4-acl-type</type><aces><ace><name>e</name><matches><ipv4><ttl>1</ttl></ipv4></matches>"
        b"<actions><forwarding>drop</forwarding></actions></ace></aces></acl>" % i for i in range(MANY // 5)) + b"</acls>"), LIMIT
    yield "json-rules-20k-last-wrong", valid("json-policy").replace(
        b'"language": "en"', b'"rules": [' + b"".join(
            b'{"name": "r%d", "action": {"primary-action": {"action": "drop"}}},\n' % i for i in range(MANY // 5)) +
        b'{"name": "r", "action": {"primary-action": {"action": "allow"}}}]'), ["value"]
    yield "json-sources-20k-of-one-name", valid("json-firewall").replace(
        b'["staff"]', b"[" + b'"staff",' * (MANY // 5) + b'"staff"]'), ["duplicate"]


def cases():
    """(name, document or its maker or its size, codes, line or None)"""
    for family in (cut, bytes_of_no_text, other_formats, large, deep, entities, many):
        for name, document, codes, *line in family():
            yield name, document, codes, line[0] if line else None
