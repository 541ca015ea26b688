# SPDX-License-Identifier: Apache-2.0
"""The documents around the cases: each is valid with nothing, or something valid, in place of %%."""

ACL = "urn:ietf:params:xml:ns:yang:ietf-access-control-list"
CFI = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-monitoring-interface"
NFI = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface"

GROUPS = f"""<endpoint-groups xmlns="{CFI}">
  <user-group><name>staff</name><ipv4-prefix>192.0.2.0/24</ipv4-prefix></user-group>
  <device-group><name>servers</name><ipv6-prefix>2001:db8::/64</ipv6-prefix></device-group>
  <location-group>
    <country>SG</country><region>SG-01</region><city>Singapore</city><ipv4-prefix>198.51.100.0/24</ipv4-prefix>
  </location-group>
  <url-group><name>news</name><url>https://news.example/</url></url-group>
</endpoint-groups>
"""
ACTION = "<action><primary-action><action>drop</action></primary-action></action>"


def cfi(content):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<i2nsf-cfi-policy xmlns="{CFI}"\n    xmlns:m="{MONITORING}">\n'
            f"  <name>p</name>\n{content}\n</i2nsf-cfi-policy>\n{GROUPS}")


def rule(content):
    return cfi(f"<rules>\n<name>r</name>\n{content}\n</rules>")


def condition(content):
    return rule(f"<condition>\n{content}\n</condition>\n{ACTION}")


def nfi(content):
    return f'<i2nsf-security-policy xmlns="{NFI}">\n  <name>p</name>\n  <default-action>drop</default-action>\n{content}\n</i2nsf-security-policy>\n'


def nfi_rule(content):
    return nfi(f"<rules>\n<name>r</name>\n{content}\n</rules>")


def acls(content):
    return f'<acls xmlns="{ACL}">\n{content}\n</acls>\n'


def acl(content):
    return acls(f"<acl>\n<name>l</name>\n<type>mixed-eth-ipv4-ipv6-acl-type</type>\n<aces>\n{content}\n</aces>\n</acl>")


def acl_matches(content):
    return acl(f"<ace>\n<name>e</name>\n<matches>\n{content}\n</matches>\n"
               "<actions><forwarding>drop</forwarding></actions>\n</ace>")


def json_policy(content):
    return f"""{{
  "ietf-i2nsf-cons-facing-interface:endpoint-groups": {{
    "user-group": [{{"name": "staff", "ipv4-prefix": ["192.0.2.0/24"]}}]
  }},
  "ietf-i2nsf-cons-facing-interface:i2nsf-cfi-policy": [{{
    "name": "p",
{content}
  }}]
}}
"""


def json_condition(content):
    return json_policy(f'''"rules": [{{"name": "r", "action": {{"primary-action": {{"action": "drop"}}}},
"condition": {{
{content}
}}}}]''')


TEMPLATES = {
    "raw": "%%",
    "policy": cfi("%%"),
    "rule": rule("%%"),
    "numbered": cfi("<priority-usage>priority-by-number</priority-usage>\n"
                    f"<rules>\n<name>r</name>\n%%\n{ACTION}\n</rules>"),
    "event": rule(f"<event>\n%%\n</event>\n{ACTION}"),
    "action": rule("<action>\n%%\n</action>"),
    "condition": condition("%%"),
    "firewall": condition("<firewall>\n%%\n</firewall>"),
    "context": condition("<context>\n%%\n</context>"),
    "time": condition("<context>\n<time>\n%%\n</time>\n</context>"),
    "groups": f'<endpoint-groups xmlns="{CFI}"\n    xmlns:m="{MONITORING}">\n%%\n</endpoint-groups>\n',
    "threat": f'<threat-prevention xmlns="{CFI}">\n%%\n</threat-prevention>\n',
    "nfi": nfi("%%"),
    "nfi-rule": nfi_rule("%%"),
    "nfi-condition": nfi_rule("<condition>\n%%\n</condition>"),
    "acls": acls("%%"),
    "acl": acl("%%"),
    "acl-matches": acl_matches("%%"),
    "json-acls": '{\n  "ietf-access-control-list:acls": {\n%%\n  }\n}\n',
    "json-policy": json_policy("%%"),
    "json-condition": json_condition("%%"),
    "json-firewall": json_condition('"firewall": {\n%%\n}'),
    "json-nfi": '{\n  "ietf-i2nsf-nsf-facing-interface:i2nsf-security-policy": [{\n    "name": "p",\n%%\n  }]\n}\n',
}

# What stands in place of %% in the valid form of each template: the check that the template itself is not what is refused.
VALID = {
    "raw": cfi(""),
    "policy": "<language>en</language>",
    "rule": ACTION,
    "numbered": "<priority>7</priority>",
    "event": "<system-event>m:access-violation</system-event>",
    "action": "<primary-action><action>drop</action></primary-action>",
    "condition": "<url-category><url-name>news</url-name></url-category>",
    "firewall": "<source>staff</source>\n<destination>servers</destination>",
    "context": "<device-type><device>tablet</device></device-type>",
    "time": "<start-date-time>2090-01-01T00:00:00Z</start-date-time>",
    "groups": "<user-group><name>a</name><ipv4-prefix>192.0.2.0/24</ipv4-prefix></user-group>",
    "threat": "<threat-feed-list><name>f</name><ioc>192.0.2.1</ioc><format>stix</format></threat-feed-list>",
    "nfi": "<language>en</language>",
    "nfi-rule": "<enable>true</enable>",
    "nfi-condition": "<ipv4><protocol>6</protocol></ipv4>",
    "acls": "<acl><name>l</name></acl>",
    "acl": "<ace><name>e</name><actions><forwarding>accept</forwarding></actions></ace>",
    "acl-matches": "<ipv4><protocol>6</protocol></ipv4>",
    "json-acls": '"acl": [{"name": "l", "type": "eth-acl-type"}]',
    "json-policy": '"language": "en"',
    "json-condition": '"ddos": {"rate-limit": {"packet-rate-threshold": "1000"}}',
    "json-firewall": '"source": ["staff"]',
    "json-nfi": '"language": "en"',
}
