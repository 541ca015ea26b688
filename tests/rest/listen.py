# SPDX-License-Identifier: Apache-2.0
"""Listens to the event streams of a controller: listen.py URL FOLDER-OF-KEYS WHAT. Fails when something is not heard."""

import datetime
import http.client
import json
import socket
import ssl
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ET

url, run, what = sys.argv[1:4]
port = int(url.rsplit(":", 1)[1])
NC = "{urn:ietf:params:xml:ns:netconf:notification:1.0}"
BWC = "{urn:bulwark:yang:controller}"


def connect(who, receive=None):
    tls = ssl.create_default_context(cafile=f"{run}/pki/ca.pem")
    tls.load_cert_chain(f"{run}/{who}/{who}.pem", f"{run}/{who}/{who}.key")
    c = http.client.HTTPSConnection("::1", port, context=tls, timeout=60)
    if receive:
        plain = socket.socket(socket.AF_INET6)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        plain.settimeout(60)
        plain.connect(("::1", port))
        c.sock = tls.wrap_socket(plain, server_hostname="::1")
    return c


class Stream:
    def __init__(self, who="alice", json_form=True, query="", receive=None):
        self.json_form = json_form
        self.connection = connect(who, receive)
        path = "/streams/NETCONF" + ("-JSON" if json_form else "") + query
        self.connection.request("GET", path, headers={"Accept": "text/event-stream"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.getheader("Content-Type") == "text/event-stream"

    def next(self):
        """The next message; None when the stream is over. Comments are passed over."""
        data = []
        for raw in iter(self.response.readline, b""):
            line = raw.decode().rstrip("\n")
            if line.startswith("data: "):
                data.append(line[6:])
            elif not line and data:
                return "\n".join(data)
            else:
                assert not line or line.startswith(":"), line
        return None

    def event(self):
        text = self.next()
        assert text, "the stream is over"
        if self.json_form:
            n = json.loads(text)["ietf-restconf:notification"]
            (name,) = [k for k in n if k != "eventTime"]
            return dict(n[name], action=name.removeprefix("bulwark-controller:"), time=n["eventTime"])
        n = ET.fromstring(text)
        assert n.tag == NC + "notification"
        when, body = n
        assert when.tag == NC + "eventTime" and body.tag.startswith(BWC)
        leaves = {leaf.tag.removeprefix(BWC): leaf.text for leaf in body}
        return dict(leaves, action=body.tag.removeprefix(BWC), time=when.text)

    def until(self, detail):
        """All events up to the one with this detail."""
        events = []
        while not events or events[-1].get("detail") != detail:
            events.append(self.event())
        return events


asker = {}


def act(who, path, body=None, method="POST"):
    c = asker.setdefault(who, connect(who))
    c.request(method, path, body, {"Content-Type": "application/yang-data+json"})
    r = c.getresponse()
    r.read()
    return r.status


def deny(name):
    """An event whose detail is this path: an NSF may not read."""
    path = "/restconf/data/" + name
    assert act("fw1", path, method="GET") == 403
    return path


def stamp(seconds=0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def hears():
    s = Stream()
    path = deny("one")
    e = s.until(path)[-1]
    assert e["action"] == "denied" and e["who"] == "fw1" and e["outcome"] == "failure", e
    datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00"))
    path = deny("two")
    assert s.event()["detail"] == path


def encodings():
    x, j = Stream(json_form=False), Stream()
    path = deny("both")
    a, b = x.until(path)[-1], j.until(path)[-1]
    assert a == b, (a, b)


def tenants():
    acme, everybody = Stream("bob"), Stream()
    deny("operators")
    groups = '{"ietf-i2nsf-cons-facing-interface:endpoint-groups":{"user-group":[{"name":"%s","ipv4-prefix":["10.0.0.0/8"]}]}}'
    status = act("bob", "/restconf/data/ietf-i2nsf-cons-facing-interface:endpoint-groups", groups % time.time_ns(), "PUT")
    assert status in (201, 204), status
    e = acme.event()
    assert e["action"] == "document" and e["tenant"] == "acme", e
    assert everybody.event()["tenant"] == "operator" or everybody.event()["tenant"] == "acme"


def replay():
    path = deny("past")
    s = Stream(query="?start-time=" + stamp(-3600))
    first = s.until(path)
    assert first[0]["action"] == "started", first[0]
    numbers = [int(e["id"]) for e in first]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "something is missing"
    new = deny("present")
    assert s.until(new)


def stop():
    path = deny("ended")
    s = Stream(query=f"?start-time={stamp(-3600)}&stop-time={stamp(1)}")
    s.until(path)
    while s.next():
        pass
    s = Stream(query=f"?start-time={stamp(-7200)}&stop-time={stamp(-7100)}")
    assert s.next() is None


def filtered():
    wanted = "/bulwark-controller:denied[contains(detail, 'wanted')]"
    s = Stream(query="?filter=" + urllib.parse.quote(wanted, safe=""))
    deny("other")
    path = deny("wanted")
    assert s.event()["detail"] == path


def crowd():
    for i in range(3000):
        deny(f"{'x' * 200}{i}")
    deaf = Stream(query="?start-time=" + stamp(-3600), receive=4096)
    begun = time.monotonic()
    all_of_them = [Stream() for _ in range(100)]
    slowest = 0
    for i in range(20):
        before = time.monotonic()
        path = deny(f"crowd-{i}")
        for s in all_of_them:
            s.until(path)
        slowest = max(slowest, time.monotonic() - before)
    print(f"a hundred have heard each event after {slowest * 1000:.0f} ms at most")
    time_limit = begun + 60
    while time.monotonic() < time_limit:
        if dropped():
            return
        time.sleep(0.2)
    raise SystemExit("who does not read is still connected")


def dropped():
    """Whether the kernel knows fewer connections than the listeners that read, and the asker's."""
    with open("/proc/net/tcp6") as table:
        established = [line for line in table if f":{port:04X} " in line.split()[1] + " " and line.split()[3] == "01"]
    return len(established) < 100 + len(asker) + 1


def forever():
    s = Stream()
    s.until(deny("forever"))
    print("heard", flush=True)
    while s.next():
        pass
    print("over")


globals()[what]()
