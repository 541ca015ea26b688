#!/usr/bin/python3 -W ignore
# SPDX-License-Identifier: Apache-2.0
"""Our NETCONF server over SSH and other people's clients: OpenSSH's ssh, ncclient (over paramiko), and paramiko alone where
a client shall misbehave. Argument: the test server of this folder."""
import contextlib
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

import paramiko
from ncclient import manager
from ncclient.operations import RPCError

BOX = 'xmlns="urn:test:box"'
BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
HELLO = f"<hello {BASE}><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>"
END = "]]>]]>"
DEADLINE = 15


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _, folder, port = self.process.stdout.readline().split()
        self.port = int(port)
        self.folder = folder.decode()
        self.key = f"{self.folder}/admin"
        self.known = f"{self.folder}/known"
        host = subprocess.run(["ssh-keygen", "-y", "-f", f"{self.folder}/host"], capture_output=True, check=True).stdout
        with open(self.known, "w", encoding="ascii") as known:
            known.write(f"[127.0.0.1]:{self.port} {host.decode()}")

    def stop(self):
        os.unlink(self.known)
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(DEADLINE) == 0

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))

    def ssh(self, *arguments, user="admin", key=None, options=(), text=""):
        command = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
                   "-o", f"UserKnownHostsFile={self.known}", "-o", "GlobalKnownHostsFile=none",
                   "-i", key or self.key, "-p", str(self.port), "-l", user]
        for option in options:
            command += ["-o", option]
        return subprocess.run(command + ["127.0.0.1", *arguments], input=text, capture_output=True, text=True,
                              timeout=DEADLINE, check=False)

    def transport(self, sock=None):
        transport = paramiko.Transport(sock or socket.create_connection(("127.0.0.1", self.port), DEADLINE))
        transport.start_client(timeout=DEADLINE)
        return transport

    def login(self, sock=None):
        transport = self.transport(sock)
        transport.auth_publickey("admin", paramiko.Ed25519Key.from_private_key_file(self.key))
        return transport

    def connect(self, **more):
        return manager.connect(host="127.0.0.1", port=self.port, username="admin", key_filename=self.key,
                               hostkey_verify=False, look_for_keys=False, allow_agent=False, timeout=DEADLINE, **more)


def rpc(number, operation):
    return f'<rpc {BASE} message-id="{number}">{operation}</rpc>{END}'


class OpenSSH(unittest.TestCase):
    # Shows: RFC 6242 3 OpenSSH's client reaches the subsystem netconf, and ends in order
    def test_session(self):
        text = HELLO + END + rpc(1, "<get-config><source><running/></source></get-config>") + rpc(2, "<close-session/>")
        result = server.ssh("-s", "netconf", text=text)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, '(?s)<hello .*message-id="1"><data.*message-id="2"><ok/>')

    def test_each_cipher_and_exchange(self):
        text = HELLO + END + rpc(1, "<close-session/>")
        for option in ("Ciphers=aes256-gcm@openssh.com", "Ciphers=aes128-gcm@openssh.com", "Ciphers=aes256-ctr",
                       "Ciphers=chacha20-poly1305@openssh.com", "KexAlgorithms=ecdh-sha2-nistp256",
                       "KexAlgorithms=ecdh-sha2-nistp384", "KexAlgorithms=curve25519-sha256", "RekeyLimit=1K"):
            result = server.ssh("-s", "netconf", text=text, options=[option])
            self.assertEqual((result.returncode, result.stderr), (0, ""), option)

    def test_environment_is_refused_in_silence(self):
        result = server.ssh("-s", "netconf", text=HELLO + END + rpc(1, "<close-session/>"),
                            options=["SendEnv=PATH", "SetEnv=A=b"])
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    # Shows: RFC 6242 7 a client gets neither a program, a shell, a terminal, another subsystem nor a forwarding
    def test_nothing_else(self):
        for arguments, said in ((("id",), "exec request failed"), (("-s", "sftp"), "subsystem request failed"),
                                ((), "shell request failed"), (("-tt",), "PTY allocation request failed")):
            result = server.ssh(*arguments)
            self.assertEqual(result.returncode, 255)
            self.assertIn(said, result.stderr)
            self.assertEqual(result.stdout, "")
        result = server.ssh("-N", "-R", "0:127.0.0.1:22", options=["ExitOnForwardFailure=yes"])
        self.assertIn("remote port forwarding failed", result.stderr)
        result = server.ssh("-W", "127.0.0.1:22")
        self.assertIn("administratively prohibited", result.stderr)

    def test_wrong_user_or_key(self):
        other = f"{server.folder}/other"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
        self.addCleanup(lambda: [os.unlink(other + end) for end in ("", ".pub")])
        for more in ({"user": "root"}, {"key": other}):
            result = server.ssh("-s", "netconf", **more)
            self.assertEqual(result.returncode, 255)
            self.assertIn("Permission denied (publickey).", result.stderr)

    def test_weak_algorithms(self):
        for option in ("KexAlgorithms=diffie-hellman-group14-sha256", "Ciphers=aes128-cbc", "HostKeyAlgorithms=ssh-rsa",
                       "Ciphers=aes256-ctr,MACs=hmac-sha1"):
            result = server.ssh("-s", "netconf", options=option.split(","))
            self.assertEqual(result.returncode, 255)
            self.assertRegex(result.stderr, "no matching|Connection closed", option)  # whoever is first to see it


class Ncclient(unittest.TestCase):
    # Shows: RFC 6242 4 ncclient over SSH: hello, get-config, edit-config, commit, an error, close-session
    def test_session(self):
        with server.connect() as m:
            self.assertIn("urn:ietf:params:netconf:base:1.1", list(m.server_capabilities))
            with m.locked("candidate"):
                m.edit_config(target="candidate", config=f"<config {BASE}><box {BOX}><label>by ncclient</label></box></config>")
                m.commit()
            self.assertIn("by ncclient", m.get_config("running").data_xml)
            with self.assertRaises(RPCError) as caught:
                m.edit_config(target="candidate", config=f"<config {BASE}><box {BOX}><nonsense/></box></config>")
            self.assertEqual(caught.exception.tag, "unknown-element")

    def test_large_replies(self):
        with server.connect() as m:
            pages = "".join(f"<page><number>{i}</number><text>{'x' * 50000}</text></page>" for i in range(40))
            m.edit_config(target="candidate", config=f"<config {BASE}><box {BOX}>{pages}</box></config>")
            self.assertGreater(len(m.get_config("candidate").data_xml), 2000000)
            m.discard_changes()


class Deaf:
    """A socket whose reading stops at a word, until it is let go: what comes after it stays in the kernel."""

    def __init__(self, sock):
        self.sock, self.deaf, self.gone = sock, threading.Event(), threading.Event()

    def recv(self, size):
        if not self.deaf.is_set():
            return self.sock.recv(size)
        self.gone.wait(DEADLINE)
        return b""

    def __getattr__(self, name):
        return getattr(self.sock, name)


class Misbehaviour(unittest.TestCase):
    # Shows: RFC 6242 2 passwords and keyboard-interactive are refused
    def test_passwords(self):
        transport = server.transport()
        self.addCleanup(transport.close)
        for attempt in (lambda: transport.auth_password("admin", "secret"),
                        lambda: transport.auth_interactive("admin", lambda *_: [])):
            with self.assertRaises(paramiko.BadAuthenticationType) as caught:
                attempt()
            self.assertEqual(caught.exception.allowed_types, ["publickey"])

    def test_success_that_a_client_claims(self):
        transport = server.transport()
        self.addCleanup(transport.close)
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_USERAUTH_SUCCESS)
        transport._send_message(message)
        with self.assertRaises((paramiko.SSHException, EOFError)):
            transport.open_session(timeout=DEADLINE)

    def test_channel_before_login(self):
        transport = server.transport()
        self.addCleanup(transport.close)
        with self.assertRaises((paramiko.SSHException, EOFError)):
            transport.open_session(timeout=DEADLINE)

    # A client that asks and asks, and takes no answer: the server stops reading it, and keeps nothing for it.
    def test_questions_without_listening(self):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", server.port))
        deaf = Deaf(raw)
        transport = server.login(deaf)
        self.addCleanup(transport.close)
        self.addCleanup(deaf.gone.set)
        transport.open_session().invoke_subsystem("netconf")
        before = server.memory()
        deaf.deaf.set()
        sender = threading.Thread(target=ask_without_end, args=(transport,), daemon=True)
        sender.start()
        sender.join(2)
        self.assertTrue(sender.is_alive(), "the server has taken every question")
        self.assertLess(server.memory() - before, 2048)
        with server.connect() as m:
            self.assertIn("<data", m.get_config("running").data_xml)


def ask_without_end(transport):
    message = paramiko.Message()
    message.add_byte(paramiko.common.cMSG_GLOBAL_REQUEST)
    message.add_string("keepalive@openssh.com")
    message.add_boolean(True)
    with contextlib.suppress(EOFError):
        while True:
            transport.packetizer.send_message(message)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    server = Server(sys.argv.pop(1))
    program = unittest.main(exit=False, verbosity=2)
    server.stop()
    sys.exit(not program.result.wasSuccessful())
