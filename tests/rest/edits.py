# SPDX-License-Identifier: Apache-2.0
"""Random YANG Patches against a controller, with a model in memory that says what must come of them:
edits.py URL FOLDER-OF-KEYS [SEED]."""

import copy
import json
import random
import sys

from client import *

url, run = sys.argv[1:3]
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
print("seed", seed)
dice = random.Random(seed)
client = Client(url, run, "bob")
CFI = "ietf-i2nsf-cons-facing-interface"
TOP = f"{DATA}/{CFI}:threat-prevention"
NAMES = ["a", "b/c", "d,e", "f'g", 'h"i', "j k", "l%m", "ä", ""]
KEYS = ["AQ==", "Ag==", "Aw==", "BA==", "BQ=="]


class Refused(Exception):
    def __init__(self, status):
        super().__init__(status)
        self.status = status


class World:
    """payload-content entries: name -> description or None, and contents in their order: [key, depth or None]."""

    def __init__(self):
        self.payload = {}

    def entry(self, name):
        if name not in self.payload:
            raise Refused(404)
        return self.payload[name]

    def as_json(self):
        out = []
        for name, p in self.payload.items():
            entry = {"name": name}
            if p["description"] is not None:
                entry["description"] = p["description"]
            if p["contents"]:
                entry["contents"] = [content_json(c) for c in p["contents"]]
            out.append(entry)
        return out


def content_json(content):
    key, depth = content
    return {"content": key} if depth is None else {"content": key, "depth": depth}


def payload_json(name, p):
    w = World()
    w.payload[name] = p
    return w.as_json()[0]


def index(contents, key):
    for i, c in enumerate(contents):
        if c[0] == key:
            return i
    return -1


# --- one random edit: what is sent, and what it does to the world ---


def random_payload():
    keys = dice.sample(KEYS, dice.randrange(3))
    return {"description": dice.choice([None, "x", ""]),
            "contents": [[k, dice.choice([None, 1, 65535])] for k in keys]}


def edit_payload(world):
    name, p = dice.choice(NAMES), random_payload()
    operation = dice.choice(["create", "delete", "merge", "replace", "remove"])
    edit = {"operation": operation, "target": f"/payload-content={encode(name)}"}
    if operation in ("create", "merge", "replace"):
        edit["value"] = {f"{CFI}:payload-content": [payload_json(name, p)]}

    def apply():
        there = name in world.payload
        if operation == "create" and there:
            raise Refused(409)
        if operation == "delete" and not there:
            raise Refused(404)
        if operation in ("delete", "remove"):
            world.payload.pop(name, None)
        elif operation == "merge" and there:
            old = world.payload[name]
            if p["description"] is not None:
                old["description"] = p["description"]
            for key, depth in p["contents"]:
                i = index(old["contents"], key)
                if i < 0:
                    old["contents"].append([key, depth])
                elif depth is not None:
                    old["contents"][i][1] = depth
        else:
            world.payload[name] = p  # an entry that is there stays where it is
    return edit, apply


def edit_content(world):
    name, key, depth = dice.choice(NAMES), dice.choice(KEYS), dice.choice([None, 7])
    operation = dice.choice(["create", "delete", "insert", "merge", "move", "replace", "remove", "insert", "move"])
    above = f"/payload-content={encode(name)}/contents="
    edit = {"operation": operation, "target": above + encode(key)}
    where, point = "last", None
    if operation in ("insert", "move"):
        where = dice.choice(["first", "last", "before", "after"])
        edit["where"] = where
        if where in ("before", "after"):
            point = dice.choice([k for k in KEYS if k != key])
            edit["point"] = f"/{CFI}:threat-prevention" + above + encode(point)
    if operation in ("create", "insert", "merge", "replace"):
        edit["value"] = {f"{CFI}:contents": [content_json([key, depth])]}

    def apply():
        there = name in world.payload and index(world.payload[name]["contents"], key) >= 0
        if operation in ("create", "insert") and there:
            raise Refused(409)
        if operation in ("delete", "move") and not there:
            raise Refused(404)
        if operation == "remove" and not there:
            return
        contents = world.entry(name)["contents"]
        if point is not None and index(contents, point) < 0:
            raise Refused(400)
        at = index(contents, key)
        if operation in ("delete", "remove"):
            del contents[at]
        elif operation in ("merge", "replace") and there:
            if depth is not None or operation == "replace":
                contents[at][1] = depth
        else:
            new = contents.pop(at) if operation == "move" else [key, depth]
            place(contents, new, where, point)
    return edit, apply


def place(contents, new, where, point):
    at = {"first": 0, "last": len(contents)}.get(where)
    if at is None:
        at = index(contents, point) + (where == "after")
    contents.insert(at, new)


def edit_description(world):
    name, text = dice.choice(NAMES), dice.choice(["one", "zwei ü", "<&>\"'"])
    operation = dice.choice(["create", "delete", "merge", "replace", "remove"])
    edit = {"operation": operation, "target": f"/payload-content={encode(name)}/description"}
    if operation in ("create", "merge", "replace"):
        edit["value"] = {f"{CFI}:description": text}

    def apply():
        there = name in world.payload and world.payload[name]["description"] is not None
        if operation == "create" and there:
            raise Refused(409)
        if operation == "delete" and not there:
            raise Refused(404)
        if operation == "remove" and not there:
            return
        world.entry(name)["description"] = text if operation in ("create", "merge", "replace") else None
    return edit, apply


# --- patches ---


def one_patch(number, world):
    """Sends one; the world as it must be afterwards."""
    trial, edits, failed, status = copy.deepcopy(world), [], None, 200
    for i in range(dice.randrange(1, 5)):
        edit, apply = dice.choice([edit_payload, edit_content, edit_content, edit_description])(trial)
        edits.append({"edit-id": f"e{i}", **edit})
        if failed is None:
            try:
                apply()
            except Refused as e:
                failed, status = f"e{i}", e.status
    send(number, edits, failed, status)
    return world if failed else trial


def send(number, edits, failed, status):
    patch = {"ietf-yang-patch:yang-patch": {"patch-id": f"p{number}", "edit": edits}}
    answer = client.ask("PATCH", TOP, json.dumps(patch), kind="application/yang-patch+json")
    told = answer.json()["ietf-yang-patch:yang-patch-status"]
    assert answer.status == status, (answer.status, status, patch, told)
    assert told["patch-id"] == f"p{number}"
    if failed is None:
        assert told["ok"] == [None], told
    else:
        assert [e["edit-id"] for e in told["edit-status"]["edit"]] == [failed], (told, failed, patch)


def compare(world):
    answer = client.ask("GET", TOP)
    got = answer.json()[f"{CFI}:threat-prevention"].get("payload-content", []) if answer.status == 200 else []
    wanted = world.as_json()
    by_name = sorted(got, key=lambda e: e["name"])
    assert by_name == sorted(wanted, key=lambda e: e["name"]), (by_name, wanted)


def main():
    # The feed keeps the container there: what would be empty is no resource.
    feed = {"name": "f", "format": "stix"}
    client.must(201, "PUT", f"{TOP}/threat-feed-list=f", json.dumps({f"{CFI}:threat-feed-list": [feed]}))
    world, good = World(), 0
    for number in range(300):
        before = world
        world = one_patch(number, world)
        good += world is not before
        compare(world)
    assert good > 20, good
    print(f"{good} of 300 patches were made, the others refused as they must be")


main()
