#!/usr/bin/python3 -W ignore
# SPDX-License-Identifier: Apache-2.0
"""Our NETCONF server and other people's clients: ncclient (its own framing, parsing and operations, over a TLS channel, as
this version only knows SSH), openssl s_client, and Python's ssl with base:1.0."""
import contextlib
import logging
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

import ncclient.transport.ssh
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.transport.ssh import SSHSession
from ncclient.xml_ import to_ele

BOX = 'xmlns="urn:test:box"'
BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
MONITORING = 'xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"'
DEADLINE = 15


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port, self.folder, ssh_port = self.process.stdout.readline().split()
        self.port, self.ssh_port = int(port), int(ssh_port)
        self.folder = self.folder.decode()

    def file(self, name):
        return f"{self.folder}/{name}"

    def notify(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(DEADLINE) == 0

    def context(self):
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        context.load_cert_chain(self.file("one.pem"), self.file("one.key"))
        return context

    def dial(self):
        raw = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        return self.context().wrap_socket(raw, server_hostname="127.0.0.1")


class Channel:
    """What SSHSession wants of an SSH channel. A thread moves decrypted bytes into a socket pair, because bytes that TLS
    has read already do not make its descriptor readable."""

    def __init__(self, tls):
        self.tls = tls
        self.near, far = socket.socketpair()
        threading.Thread(target=self.pump, args=(far,), daemon=True).start()

    def pump(self, far):
        with far:
            try:
                while data := self.tls.recv(16384):
                    far.sendall(data)
            except OSError:
                pass

    def fileno(self):
        return self.near.fileno()

    def recv(self, size):
        return self.near.recv(size)

    def send_ready(self):
        return True

    def send(self, data):
        return self.tls.send(data)

    def is_active(self):
        return True

    def close(self):
        # Only the end of the data ends the reader's loop; the descriptors go with the object.
        for end in (self.tls, self.near):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class TlsSession(SSHSession):
    def open(self, tls):
        tls.settimeout(None)
        self._channel = self._transport = Channel(tls)
        self._connected = True
        self._post_connect()
        self.parser = self._device_handler.get_xml_parser(self)


def connect():
    handler = manager.make_device_handler(None)
    session = TlsSession(handler)
    session.open(server.dial())
    return manager.Manager(session, handler, timeout=DEADLINE)


def label(text):
    return f'<config {BASE}><box {BOX}><label>{text}</label></box></config>'


def box(inside):
    return f'<config {BASE}><box {BOX}>{inside}</box></config>'


def shown(reply):
    found = re.search(r"<label[^>]*>(.*?)</label>", str(reply))
    return found.group(1) if found else None


class Ncclient(unittest.TestCase):
    transport = "netconf-tls"

    def setUp(self):
        self.a, self.b = self.connect(), self.connect()

    def connect(self):
        return connect()

    def tearDown(self):
        for m in (self.a, self.b):
            if m.connected:
                m.discard_changes()
                m.close_session()

    def running(self):
        return shown(self.b.get_config("running"))

    def refused(self, tag, call, *args, **named):
        with self.assertRaises(RPCError) as caught:
            call(*args, **named)
        self.assertEqual(caught.exception.tag, tag)
        self.assertTrue(caught.exception.message)
        return caught.exception

    def set(self, text):
        self.a.edit_config(target="candidate", config=label(text))

    # Shows: RFC 6241 8.1 capabilities and session-ids, as ncclient reads them
    def test_capabilities(self):
        for name in (":candidate", ":confirmed-commit:1.1", ":validate:1.1", ":rollback-on-error", ":startup"):
            self.assertIn(name, self.a.server_capabilities)
        self.assertTrue(any(c.startswith("urn:test:box?module=test-box") for c in self.a.server_capabilities))
        self.assertNotEqual(self.a.session_id, self.b.session_id)

    # Shows: RFC 6241 8.6 edit-config, validate and commit by ncclient
    def test_edit_validate_commit(self):
        with self.a.locked("candidate"):
            self.set("ncclient & co".replace("&", "&amp;"))
            self.a.validate("candidate")
            self.a.commit()
        self.assertEqual(self.running(), "ncclient &amp; co")
        self.set("forbidden")
        self.refused("operation-failed", self.a.validate, "candidate")
        self.refused("operation-failed", self.a.commit)
        self.a.discard_changes()

    # Shows: RFC 6241 6 subtree filters by ncclient
    def test_filters(self):
        self.set("seen")
        self.a.commit()
        reply = self.a.get(filter=("subtree", f"<uptime {BOX}/>"))
        self.assertIn(">77</", str(reply))
        self.assertIsNone(shown(reply))
        reply = self.a.get_config("running", filter=("subtree", f"<box {BOX}><label/></box>"))
        self.assertEqual(shown(reply), "seen")
        self.assertEqual(shown(self.a.get()), "seen")

    # Shows: RFC 6241 8.9 XPath filters of get and get-config by ncclient, and their errors
    def test_xpath(self):
        self.a.edit_config(target="candidate", config=box("<label>seen</label><item><name>x</name><size>9</size></item>"))
        self.a.commit()
        names = {"t": "urn:test:box"}
        reply = str(self.a.get_config("running", filter=("xpath", (names, "/t:box/t:item[t:size > 5]"))))
        self.assertIn("<name>x</name>", reply)
        self.assertIsNone(shown(reply))
        reply = self.a.get(filter=("xpath", (names, "/t:box/t:label[/t:uptime/t:seconds = 77]")))
        self.assertEqual(shown(reply), "seen")
        for bad in ("/t:box[", "count(/t:box)", "/u:box"):
            self.refused("invalid-value", self.a.get_config, "running", filter=("xpath", (names, bad)))

    # Shows: RFC 5717 2.4 partial-lock and partial-unlock by ncclient
    def test_partial_lock(self):
        def operation(name, inside):
            return to_ele(f'<{name} xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0" xmlns:t="urn:test:box">{inside}</{name}>')
        self.set("mine")
        self.a.commit()
        reply = str(self.a.dispatch(operation("partial-lock", "<select>/t:box/t:label</select>")))
        number = re.search(r"<lock-id[^>]*>(\d+)</lock-id>", reply).group(1)
        self.b.edit_config(target="candidate", config=label("theirs"))
        self.refused("in-use", self.b.commit)
        self.refused("lock-denied", self.b.lock, "running")
        self.refused("invalid-value", self.b.dispatch, operation("partial-unlock", f"<lock-id>{number}</lock-id>"))
        self.a.dispatch(operation("partial-unlock", f"<lock-id>{number}</lock-id>"))
        self.b.commit()
        self.assertEqual(self.running(), "theirs")

    # Shows: RFC 6241 7.5 lock and lock-denied by ncclient
    def test_locks(self):
        self.a.lock("candidate")
        error = self.refused("lock-denied", self.b.lock, "candidate")
        self.assertIn(self.a.session_id, error.info)
        self.refused("in-use", self.b.edit_config, target="candidate", config=label("x"))
        self.a.unlock("candidate")
        self.refused("operation-failed", self.a.unlock, "candidate")

    # Shows: RFC 6241 8.4 confirmed commit by ncclient: reverts, is confirmed, is cancelled
    def test_confirmed_commit_reverts(self):
        self.set("before")
        self.a.commit()
        self.set("tried")
        self.a.commit(confirmed=True, timeout="1")
        self.assertEqual(self.running(), "tried")
        end = time.monotonic() + DEADLINE
        while self.running() != "before":
            self.assertLess(time.monotonic(), end)

    def test_confirmed_commit_is_confirmed(self):
        self.set("kept")
        self.a.commit(confirmed=True, timeout="60", persist="p1")
        self.refused("invalid-value", self.b.commit)
        self.b.commit(persist_id="p1")
        self.assertEqual(self.running(), "kept")

    def test_cancel_commit(self):
        self.set("first")
        self.a.commit()
        self.set("second")
        self.a.commit(confirmed=True, persist="p2")
        self.assertEqual(self.running(), "second")
        self.b.cancel_commit(persist_id="p2")
        self.assertEqual(self.running(), "first")

    # Shows: RFC 6241 8.4.1 a follow-up keeps the first way back; without persist all ends with the session, by ncclient
    def test_confirmed_commit_ends_with_its_session(self):
        self.set("first")
        self.a.commit()
        for text in ("second", "third"):
            self.set(text)
            self.a.commit(confirmed=True, timeout="60")
        self.refused("lock-denied", self.b.lock, "running")
        self.refused("invalid-value", self.b.cancel_commit, persist_id="other")
        self.a.close_session()
        end = time.monotonic() + DEADLINE
        while self.running() != "first":
            self.assertLess(time.monotonic(), end)

    # Shows: RFC 8526 3.1 get-data and edit-data by ncclient
    def test_datastores(self):
        def operation(name, datastore, inside=""):
            return to_ele(f'<{name} xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" '
                          f'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
                          f"<datastore>ds:{datastore}</datastore>{inside}</{name}>")
        config = label("by name").replace(BASE, "")
        self.a.dispatch(operation("edit-data", "candidate", config))
        self.a.commit()
        self.assertIn("by name", str(self.a.dispatch(operation("get-data", "running"))))
        self.assertIn(">77</", str(self.a.dispatch(operation("get-data", "operational", "<max-depth>2</max-depth>"))))
        self.refused("invalid-value", self.a.dispatch, operation("edit-data", "operational", config))

    # Shows: RFC 8525 3 the YANG library as ncclient reads it: with the content-id of the hello
    def test_library(self):
        library = str(self.a.get(filter=("subtree", '<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>')))
        self.assertIn("<name>test-box</name>", library)
        said = next(c for c in self.a.server_capabilities if "capability:yang-library:1.1" in c)
        self.assertIn(f"<content-id>{said.rpartition('=')[2]}</content-id>", library)

    # Shows: RFC 6241 7.3 copy-config and delete-config by ncclient
    def test_copy_and_delete(self):
        self.refused("invalid-value", self.a.dispatch, to_ele(
            f"<copy-config {BASE}><target><candidate/></target><source><candidate/></source></copy-config>"))
        self.set("copied")
        self.a.commit()
        self.a.copy_config("running", "startup")
        self.assertEqual(shown(self.a.get_config("startup")), "copied")
        self.a.delete_config("startup")
        self.assertIsNone(shown(self.a.get_config("startup")))

    # Shows: RFC 6241 A errors as ncclient reads them
    def test_errors(self):
        error = self.refused("unknown-element", self.a.edit_config, target="candidate",
                             config=f'<config {BASE}><box {BOX}><frob/></box></config>')
        self.assertIn("frob", error.path)
        self.refused("unknown-element", self.a.edit_config, target="running", config=label("x"))
        self.refused("invalid-value", self.a.edit_config, target="candidate", config=box("<level>900</level>"))
        create = '<item nc:operation="create" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><name>one</name></item>'
        self.a.edit_config(target="candidate", config=box(create))
        self.refused("data-exists", self.a.edit_config, target="candidate", config=box(create))
        self.refused("data-missing", self.a.edit_config, target="candidate",
                     config=box(create.replace("create", "delete").replace("one", "two")))
        self.refused("bad-attribute", self.a.edit_config, target="candidate", config=box(create.replace("create", "x")))
        self.refused("unknown-namespace", self.a.edit_config, target="candidate",
                     config=f'<config {BASE}><box xmlns="urn:nobody"/></config>')
        self.refused("missing-element", self.a.dispatch, to_ele(f"<get-config {BASE}/>"))
        self.refused("operation-not-supported", self.a.dispatch, to_ele(f"<unhandled {BOX}/>"))

    def item(self, operation, name, inside=""):
        return box(f'<item nc:operation="{operation}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">'
                   f"<name>{name}</name>{inside}</item>")

    def edit(self, config, **options):
        self.a.edit_config(target="candidate", config=config, **options)

    # Shows: RFC 6241 7.2 each operation of edit-config, and its errors, by ncclient
    def test_edit_operations(self):
        candidate = lambda: str(self.a.get_config("candidate"))
        self.edit(self.item("create", "a", "<size>123</size>"))
        self.edit(self.item("merge", "a"))
        self.assertIn("<size>123</size>", candidate())
        self.edit(self.item("replace", "a"))
        self.assertNotIn("<size>123", candidate())
        self.edit(self.item("delete", "a"))
        self.assertNotIn("<name>a</name>", candidate())
        self.edit(self.item("remove", "a"))
        self.edit(self.item("create", "b"))
        self.refused("data-exists", self.edit, self.item("create", "b"))
        self.refused("data-missing", self.edit, self.item("delete", "a"))
        self.a.discard_changes()
        self.assertNotIn("<name>b</name>", candidate())

    # Shows: RFC 6241 7.2 default-operation, test-option and error-option by ncclient
    def test_edit_options(self):
        self.refused("data-missing", self.edit, box("<item><name>nowhere</name></item>"), default_operation="none")
        half = box("<level>900</level>").replace("</config>", f"<other {BOX}><text>half</text></other></config>")
        for option in ("stop-on-error", "rollback-on-error", "continue-on-error"):
            self.assertNotIn("half", str(self.a.get_config("candidate")))
            self.refused("invalid-value", self.edit, half, error_option=option)
        self.assertIn("half", str(self.a.get_config("candidate")))
        self.edit(label("forbidden"), test_option="set")
        self.refused("operation-failed", self.a.commit)
        self.set("kept")
        self.a.edit_config(target="candidate", config=box("<level>5</level>"), default_operation="replace")
        self.assertIsNone(shown(self.a.get_config("candidate")))
        self.a.edit_config(target="candidate", config=label("tried"), test_option="test-only")
        self.assertIsNone(shown(self.a.get_config("candidate")))
        self.refused("operation-failed", self.a.edit_config, target="candidate", config=label("forbidden"),
                     test_option="test-then-set", error_option="rollback-on-error")
        self.assertIsNone(shown(self.a.get_config("candidate")))

    # Shows: RFC 6243 4.5.1 with-defaults in each mode by ncclient; wd:default tags
    def test_with_defaults(self):
        self.a.edit_config(target="candidate", config=box("<page><number>1</number><seen>false</seen></page>"))
        self.a.commit()
        got = {mode: str(self.a.get_config("running", with_defaults=mode))
               for mode in ("explicit", "trim", "report-all", "report-all-tagged")}
        self.assertIn("<seen>false</seen>", got["explicit"])
        self.assertNotIn("<seen>", got["trim"])
        self.assertNotIn("level", got["trim"])
        self.assertIn("<level>3</level>", got["report-all"])
        self.assertRegex(got["report-all-tagged"], r'<level [^>]*default="true"[^>]*>3</level>')
        self.assertIn("<level>3</level>", str(self.a.get(with_defaults="report-all")))
        tagged = '<level d:default="true" xmlns:d="urn:ietf:params:xml:ns:netconf:default:1.0">{}</level>'
        self.a.edit_config(target="candidate", config=box("<level>3</level>"))
        self.a.edit_config(target="candidate", config=box(tagged.format(3)))
        self.assertNotIn("level", str(self.a.get_config("candidate")))
        self.refused("invalid-value", self.a.edit_config, target="candidate", config=box(tagged.format(4)))

    # Shows: RFC 6022 3.1 get-schema and its errors by ncclient
    def test_get_schema(self):
        self.assertIn("module test-box {", self.a.get_schema("test-box").data)
        self.assertIn("module test-box {", self.a.get_schema("test-box", version="2024-01-01", format="yang").data)
        self.refused("invalid-value", self.a.get_schema, "nobody")
        self.refused("invalid-value", self.a.get_schema, "test-box", version="1999-01-01")
        self.refused("invalid-value", self.a.get_schema, "test-box", format="yin")

    # Shows: RFC 6022 2.1 netconf-state by ncclient: sessions, locks, statistics
    def test_monitoring(self):
        with self.a.locked("running"):
            text = str(self.b.get(filter=("subtree", f'<netconf-state {MONITORING}/>')))
            self.assertIn(f"<locked-by-session>{self.a.session_id}</locked-by-session>", text)
        self.assertIn(f"<session-id>{self.b.session_id}</session-id>", text)
        self.assertIn("<username>admin</username>", text)
        self.assertIn(f"<transport>{self.transport}</transport>", text)
        self.assertRegex(text, r"<in-sessions>\d+</in-sessions>")

    # Shows: RFC 6241 7.9 kill-session by ncclient
    def test_kill_session(self):
        self.b.kill_session(self.a.session_id)
        end = time.monotonic() + DEADLINE
        while self.a.connected:
            self.assertLess(time.monotonic(), end)

    # The next notification that is not about a session: the other one may have begun just now.
    @staticmethod
    def event(session):
        while True:
            text = session.take_notification(timeout=DEADLINE).notification_xml
            if "<netconf-session-start" not in text:
                return text

    # Shows: RFC 5277 2.1.1 create-subscription and its errors by ncclient
    def test_notifications(self):
        self.a.create_subscription()
        server.notify()
        self.assertIn("<fell", self.event(self.a))
        self.refused("in-use", self.a.create_subscription)
        self.refused("bad-element", self.b.create_subscription, start_time="2999-01-01T00:00:00Z")
        self.refused("invalid-value", self.b.create_subscription, stream_name="WEATHER")

    # Shows: RFC 5277 3.3.1 replay with a stop time by ncclient
    def test_replay(self):
        server.notify()
        self.a.create_subscription()
        server.notify()
        self.assertIn("<fell", self.event(self.a))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        self.b.create_subscription(start_time="2024-01-01T00:00:00Z", stop_time=now)
        heard = []
        while not heard or "notificationComplete" not in heard[-1]:
            heard.append(self.b.take_notification(timeout=DEADLINE).notification_xml)
        self.assertTrue(any("<fell" in text for text in heard))
        self.assertEqual(sum("replayComplete" in text for text in heard), 1)

    def test_large_reply(self):
        items = "".join(f"<item><name>n{i}</name><size>{i % 200}</size></item>" for i in range(5000))
        self.a.edit_config(target="candidate", config=box(items), default_operation="replace")
        reply = str(self.a.get_config("candidate"))
        self.assertEqual(reply.count("<item>"), 5000)


# Shows: RFC 6242 3 every operation over SSH with ncclient
class NcclientOverSsh(Ncclient):
    transport = "netconf-ssh"

    def connect(self):
        return manager.connect(host="127.0.0.1", port=server.ssh_port, username="admin", key_filename=server.file("admin"),
                               hostkey_verify=False, look_for_keys=False, allow_agent=False, timeout=DEADLINE)


class Openssl(unittest.TestCase):
    HELLO = (f'<hello {BASE}><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>'
             '</capabilities></hello>]]>]]>')

    def s_client(self, text, *options):
        """What it shows and says. It ends with its input, so that stays open until the server has ended the session."""
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-quiet", "-verify_return_error",
                   "-CAfile", server.file("ca.pem"), *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              bufsize=0) as process:
            with contextlib.suppress(BrokenPipeError):  # it may have been refused already
                process.stdin.write(text.encode())
            return process.stdout.read().decode(), process.stderr.read().decode()

    def identity(self):
        return "-cert", server.file("one.pem"), "-key", server.file("one.key")

    # Shows: RFC 7589 3 messages over TLS as openssl s_client sends and sees them
    def test_a_session(self):
        text = (self.HELLO + f'<rpc {BASE} message-id="7"><get-config><source><running/></source></get-config></rpc>]]>]]>'
                f'<rpc {BASE} message-id="8"><close-session/></rpc>]]>]]>')
        out, _ = self.s_client(text, *self.identity())
        messages = out.split("]]>]]>")
        self.assertIn("<session-id>", messages[0])
        self.assertIn('message-id="7"><data>', messages[1])
        self.assertIn('message-id="8"><ok/>', messages[2])

    # Shows: RFC 7589 7 a client without a certificate is refused, seen by openssl s_client
    def test_without_a_certificate(self):
        out, err = self.s_client(self.HELLO)
        self.assertNotIn("hello", out)
        self.assertIn("certificate required", err)

    # Shows: RFC 7589 8 nothing older than TLS 1.3 is spoken, seen by openssl s_client
    def test_with_an_older_tls(self):
        out, err = self.s_client(self.HELLO, *self.identity(), "-tls1_2")
        self.assertNotIn("hello", out)
        self.assertIn("alert protocol version", err)


class Plain(unittest.TestCase):
    def test_base_1_0_byte_at_a_time(self):
        with server.dial() as tls:
            text = Openssl.HELLO + f'<rpc {BASE} message-id="1"><get/></rpc>]]>]]>'
            for byte in text.encode():
                tls.sendall(bytes([byte]))
            got = b""
            while got.count(b"]]>]]>") < 2:
                data = tls.recv(4096)
                self.assertTrue(data)
                got += data
            self.assertIn(b'message-id="1"><data>', got)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    ncclient.transport.ssh.TICK = 0.005  # how long it waits before it looks whether there is something to send
    server = Server(sys.argv.pop(1))
    result = unittest.main(exit=False, argv=["interop"]).result
    server.stop()
    sys.exit(not result.wasSuccessful())
