# SPDX-License-Identifier: Apache-2.0
"""A RESTCONF client that knows the models: what a resource's kind is, its path, and what its XML and JSON say alike.

The models come from the controller's yang-library and from yang-facts, which prints what a module defines."""

import http.client
import json
import ssl
import subprocess
import urllib.parse
import xml.etree.ElementTree as ET

JSON = "application/yang-data+json"
XML = "application/yang-data+xml"
RC = "urn:ietf:params:xml:ns:yang:ietf-restconf"
DATA = "/restconf/data"


# RFC 8040 section 7; 415 is not there.
TAGS = {
    400: {"malformed-message", "invalid-value", "missing-attribute", "bad-attribute", "unknown-attribute", "missing-element",
          "bad-element", "unknown-element", "unknown-namespace"},
    401: {"access-denied"}, 403: {"access-denied"}, 404: {"invalid-value"}, 405: {"operation-not-supported"},
    406: {"invalid-value"}, 409: {"in-use", "lock-denied", "resource-denied", "data-exists", "data-missing"},
    412: {"operation-failed"}, 413: {"too-big"}, 415: {"invalid-value"},
    500: {"rollback-failed", "operation-failed", "partial-operation"}, 501: {"operation-not-supported"},
}


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def tags(self):
        return [e["error-tag"] for e in self.json()["ietf-restconf:errors"]["error"]]


class Client:
    def __init__(self, url, run, who):
        host, port = url.removeprefix("https://").rsplit(":", 1)
        tls = ssl.create_default_context(cafile=f"{run}/pki/ca.pem")
        tls.load_cert_chain(f"{run}/{who}/{who}.pem", f"{run}/{who}/{who}.key")
        self.connection = http.client.HTTPSConnection(host.strip("[]"), int(port), context=tls, timeout=60)
        self.asked = 0

    def ask(self, method, path, body=None, kind=JSON, accept=JSON, **headers):
        send = {"Accept": accept, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            send["Content-Type"] = kind
        self.asked += 1
        self.connection.request(method, path, body, send)
        answer = Answer(self.connection.getresponse())
        if answer.status >= 400 and answer.body.startswith(b'{"ietf-restconf:errors"'):
            assert answer.tags()[0] in TAGS[answer.status], (method, path, answer.status, answer.tags())
        return answer

    def must(self, status, method, path, body=None, **more):
        answer = self.ask(method, path, body, **more)
        assert answer.status == status, f"{method} {path}: {answer.status}, not {status}: {answer.body[:2000]!r} after {body!r}"
        return answer


class Node:
    """A data node of a model."""

    def __init__(self, parent, module, name, kind, config, type_name, constraints):
        self.parent, self.module, self.name, self.kind, self.config = parent, module, name, kind, config
        self.type = type_name
        self.child = {}
        self.keys, self.ordered = [], False
        for item in constraints.split(" "):
            if item.startswith("key="):
                self.keys = item[4:].split(",")
            self.ordered = self.ordered or item == "ordered-by=user"

    def member(self):
        """The name as JSON has it below the parent."""
        return self.name if self.parent.module == self.module else f"{self.module}:{self.name}"

    def is_key(self):
        return self.parent.kind == "list" and self.name in self.parent.keys

    def find(self, member):
        module, _, name = member.rpartition(":")
        return self.child[module or self.module, name]


class Models:
    """All that the controller implements and yang-facts knows."""

    def __init__(self, client, facts, folder):
        self.root = Node(None, None, None, "root", True, "", "")
        self.namespace = {}
        library = client.must(200, "GET", DATA + "/ietf-yang-library:yang-library/module-set=all").json()
        modules = library["ietf-yang-library:module-set"][0]
        for module in modules["module"] + modules.get("import-only-module", []):
            self.namespace[module["namespace"]] = module["name"]
            for location in module["location"]:
                text = client.must(200, "GET", location[location.index("/yang/"):], accept="application/yang").body
                assert text.startswith(b"module %s {" % module["name"].encode())
        self.unknown = []
        for module in modules["module"]:
            told = subprocess.run([facts, "--dir", folder, module["name"]], capture_output=True, text=True)
            if told.returncode:
                self.unknown.append(module["name"])
            else:
                self.read(told.stdout)

    def read(self, text):
        at = {}
        for line in text.splitlines():
            if not line.startswith("/"):
                continue
            path, kind, config, _, resolved, constraints = line.split("\t")
            above, _, name = path.rpartition("/")
            module, _, name = name.rpartition(":")
            parent = at.get(above, self.root)
            if kind in ("rpc", "notification", "input", "output") or parent is None:
                at[path] = None
            elif kind in ("choice", "case"):
                at[path] = parent
            else:
                module = module or parent.module
                node = Node(parent, module, name, kind, config == "rw", resolved, constraints)
                at[path] = parent.child[module, name] = node


def encode(value):
    return urllib.parse.quote(value, safe="")


def text_of(node, value):
    """A value in JSON as its text; of an identity always with its module."""
    if value is True or value is False:
        return str(value).lower()
    if value == [None]:
        return ""
    text = str(value)
    if node.type.startswith("identityref") and ":" not in text:
        return f"{node.module}:{text}"
    return text


def entry_path(above, node, entry):
    keys = ",".join(encode(text_of(node.find(k), entry[k])) for k in node.keys)
    return f"{above}/{node.member()}={keys}"


def instances(path, node, value):
    """Every resource in a value: (path, node, its value; of a list's entry the object)."""
    if node.kind == "list":
        for entry in value:
            if node.keys:
                own = entry_path(path, node, entry)
                yield own, node, entry
                yield from below(own, node, entry)
    elif node.kind == "leaf-list":
        for v in value:
            yield f"{path}/{node.member()}={encode(text_of(node, v))}", node, v
    else:
        own = f"{path}/{node.member()}"
        yield own, node, value
        if node.kind == "container":
            yield from below(own, node, value)


def below(path, node, value):
    for member, inner in value.items():
        yield from instances(path, node.find(member), inner)


def body(node, value):
    """A resource as a document of its own."""
    if node.kind in ("list", "leaf-list"):
        value = [value]
    return {f"{node.module}:{node.name}": value}


# --- XML ---


def from_xml(models, node, text):
    """What an XML document says of a node, as JSON with every value as its text."""
    prefixes = {}
    element = None
    for event, thing in ET.iterparse(Bytes(text), ("start-ns", "start")):
        if event == "start-ns":
            prefixes[thing[0]] = thing[1]
        elif element is None:
            element = thing
    return node_from(models, node, element, prefixes)


class Bytes:
    def __init__(self, data):
        self.data = data

    def read(self, _=-1):
        data, self.data = self.data, b""
        return data


def node_from(models, node, element, prefixes):
    if node.kind in ("leaf", "leaf-list"):
        text = element.text or ""
        if node.type.startswith("identityref"):
            prefix, _, name = text.rpartition(":")
            return f"{models.namespace[prefixes[prefix]] if prefix else node.module}:{name}"
        return text
    out = {}
    for child in element:
        namespace, _, name = child.tag[1:].partition("}")
        inner = node.child[models.namespace[namespace], name]
        value = node_from(models, inner, child, prefixes)
        if inner.kind in ("list", "leaf-list"):
            out.setdefault(inner.member(), []).append(value)
        else:
            out[inner.member()] = value
    return out


def as_texts(node, value):
    """The same form of what JSON says."""
    if node.kind in ("leaf", "leaf-list"):
        return text_of(node, value)
    out = {}
    for member, inner_value in value.items():
        inner = node.find(member)
        if inner.kind in ("list", "leaf-list"):
            out[member] = [as_texts(inner, v) for v in inner_value]
        else:
            out[member] = as_texts(inner, inner_value)
    return out
