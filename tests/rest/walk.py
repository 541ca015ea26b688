# SPDX-License-Identifier: Apache-2.0
"""Walks all data resources of a controller: walk.py URL FOLDER-OF-KEYS YANG-FACTS FOLDER-OF-MODULES.

Operations are called and every resource is read in both encodings, which must say the same; every method is tried on every kind of node; what is
read can be put back and changes nothing."""

import json
import sys

from client import *

url, run, facts, folder = sys.argv[1:5]
client = Client(url, run, "alice")
models = Models(client, facts, folder)
CFI = "ietf-i2nsf-cons-facing-interface"
BWC = "bulwark-controller"
WRITABLE = {(CFI, None), (BWC, "sites"), (BWC, "nsfs"), ("ietf-netconf-acm", "nacm")}
seen_kinds = {}


def in_document(node):
    while node.parent.parent:
        node = node.parent
    return (node.module, None) in WRITABLE or (node.module, node.name) in WRITABLE


def allowed(node):
    if not node.config or not in_document(node):
        return {"GET", "HEAD", "OPTIONS"}
    some = {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}
    if node.kind in ("container", "list"):
        some.add("POST")
    if node.is_key():
        some.discard("DELETE")
    return some


def check_reading(path, node, value):
    answer = client.must(200, "GET", path)
    assert answer.headers["Content-Type"] == JSON
    (got,) = answer.json().values()
    got = got[0] if node.kind in ("list", "leaf-list") else got
    assert as_texts(node, got) == as_texts(node, value), (path, got, value)
    xml = client.must(200, "GET", path, accept=XML)
    assert xml.headers["Content-Type"] == XML
    assert from_xml(models, node, xml.body) == as_texts(node, value), (path, xml.body)
    if node.config and in_document(node):
        assert answer.headers["ETag"] and answer.headers["Last-Modified"]


def check_methods(path, node, value):
    """Once for each node of the models: what Allow says, and that the rest is refused."""
    head = client.must(200, "HEAD", path)
    assert not head.body and head.headers["Content-Type"] == JSON
    options = client.must(204, "OPTIONS", path)
    allow = {m.strip() for m in options.headers["Allow"].split(",")}
    assert allow == allowed(node), (path, allow)
    assert ("PATCH" in allow) == ("Accept-Patch" in options.headers)
    content = json.dumps(body(node, value))
    for method in {"POST", "PUT", "PATCH", "DELETE"} - allow:
        refused = client.must(405, method, path, None if method == "DELETE" else content)
        assert {m.strip() for m in refused.headers["Allow"].split(",")} == allow, path
        assert refused.tags() == ["operation-not-supported"]
    client.must(405, "TRACE", path)
    client.must(406, "GET", path, accept="text/html")
    client.must(400, "GET", path + "?colour=red")
    client.must(404, "GET", path + "/nothing")
    if "PUT" in allow:
        client.must(415, "PUT", path, content, kind="text/plain")
        client.must(400, "PUT", path, content[:-1])
        client.must(400, "PUT", path, "{}")
        client.must(400, "PATCH", path, '{"%s:nothing":1}' % node.module)
    if node.kind == "list":
        client.must(400, "GET", path.rpartition("=")[0] + "=" + ",".join(["x"] * (len(node.keys) + 1)))
    if node.kind in ("container", "leaf"):
        client.must(400, "GET", path + "=x")


def check_round_trip(path, node, value):
    """Put back as it was, in both encodings: nothing changes, and no revision is made."""
    if "PUT" not in allowed(node):
        return
    config = path + "?content=config"
    before = client.must(200, "GET", config)
    xml = client.must(200, "GET", config, accept=XML).body
    client.must(204, "PUT", path, before.body)
    client.must(204, "PUT", path, xml, kind=XML)
    client.must(204, "PATCH", path, before.body)
    after = client.must(200, "GET", config)
    assert after.body == before.body and after.headers["ETag"] == before.headers["ETag"], path
    client.must(304, "GET", config, If_None_Match=after.headers["ETag"])
    client.must(412, "PUT", path, before.body, If_None_Match="*")
    client.must(412, "PUT", path, before.body, If_Match='"0"')
    if not node.is_key():
        above = path.rpartition("/")[0]
        assert client.must(409, "POST", above, before.body).tags() == ["resource-denied"]


def leaves(value, path=""):
    """(path, text) of every leaf of a JSON value, names without their modules."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from leaves(inner, f"{path}/{member.rpartition(':')[2]}")
    elif isinstance(value, list) and value != [None]:
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, "" if value == [None] else str(value).lower() if isinstance(value, bool) else str(value)


def leaves_of_xml(element, path=""):
    path = f"{path}/{element.tag.rpartition('}')[2]}"
    if len(element):
        for child in element:
            yield from leaves_of_xml(child, path)
    else:
        yield path, element.text or ""


def check_operations():
    """Listed and called alike in both encodings."""
    listed = client.must(200, "GET", "/restconf/operations").json()
    (operations,) = listed.values()
    xml = client.must(200, "GET", "/restconf/operations", accept=XML).body
    assert sorted(leaves(listed)) == sorted(leaves_of_xml(ET.fromstring(xml)))
    for name, values in (("status", {}), ("plan", {}), ("query", {"packet": "src=10.0.0.1,dst=10.1.0.1,proto=tcp,dport=80"})):
        path = f"/restconf/operations/{BWC}:{name}"
        assert f"{BWC}:{name}" in operations
        text = "".join(f"<{k}>{v}</{k}>" for k, v in values.items())
        a = client.must(200, "POST", path, json.dumps({f"{BWC}:input": values}))
        b = client.must(200, "POST", path, f'<input xmlns="urn:bulwark:yang:controller">{text}</input>', kind=XML, accept=XML)
        assert sorted(x for x in leaves(a.json())) == sorted(x for x in leaves_of_xml(ET.fromstring(b.body)) if x[0] != "/output"), name
        client.must(400, "POST", path, json.dumps({f"{BWC}:input": {"colour": "red"}}))
        client.must(400, "POST", path, json.dumps({f"{BWC}:output": values}))
        client.must(405, "GET", path)
    client.must(404, "POST", f"/restconf/operations/{BWC}:nothing", "{}")


def main():
    check_operations()
    # Access control that nobody has configured has no revision, and so no date.
    nacm = f"{DATA}/ietf-netconf-acm:nacm"
    client.must(204, "PUT", nacm, client.must(200, "GET", nacm + "?content=config").body)
    whole = client.must(200, "GET", DATA).json()["ietf-restconf:data"]
    count = 0
    for member, value in whole.items():
        module, name = member.split(":")
        if module in models.unknown:
            client.must(200, "GET", f"{DATA}/{member}", accept=XML)
            continue
        for path, node, inner in instances(DATA, models.root.child[module, name], value):
            count += 1
            check_reading(path, node, inner)
            if seen_kinds.setdefault(node, 0) == 0:
                check_methods(path, node, inner)
            if seen_kinds[node] < 3:
                check_round_trip(path, node, inner)
            seen_kinds[node] += 1
    kinds = {node.kind for node in seen_kinds if node.config and in_document(node)}
    assert kinds == {"container", "list", "leaf", "leaf-list"}, kinds
    assert any(not node.config for node in seen_kinds)
    print(f"{count} resources of {len(seen_kinds)} kinds, {client.asked} requests")


main()
