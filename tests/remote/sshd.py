"""An SSH server inside the test process: real sockets, real SSH, no host."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.server import InteractiveQuery

from clusterctl.remote.keys import Credentials, load_credentials
from clusterctl.remote.target import Target

Talk = Callable[[paramiko.Channel, str], None]


def write_key(path: Path) -> paramiko.PKey:
    """Make an ed25519 key at `path`, as ssh-keygen would."""
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    path.write_bytes(raw)
    path.chmod(0o600)
    return paramiko.PKey.from_path(path)


def run_shell(channel: paramiko.Channel, _command: str) -> None:
    """Do what sshd does for `sh -s`: the script comes on stdin."""
    script = read_all(channel)
    done = subprocess.run(["/bin/sh", "-s"], input=script, capture_output=True, check=False)
    channel.sendall(done.stdout)
    channel.sendall_stderr(done.stderr)
    channel.send_exit_status(done.returncode)


def read_all(channel: paramiko.Channel) -> bytes:
    parts = []
    while part := channel.recv(65536):
        parts.append(part)
    return b"".join(parts)


class _Rules(paramiko.ServerInterface):
    def __init__(self, server: Sshd) -> None:
        self.server = server
        self.destinations: dict[int, tuple[str, int]] = {}

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.server.logins.append(username)
        good = key.asbytes() in self.server.accepted
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_auth_password(self, _username: str, password: str) -> int:
        self.server.passwords.append(password)
        good = "password" in self.server.methods and password == self.server.password
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_auth_interactive(self, _username: str, _submethods: str) -> int | InteractiveQuery:
        query = InteractiveQuery("", "")
        for question in self.server.questions:
            query.add_prompt(question, echo=False)
        return query

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self.server.passwords += responses
        return AUTH_SUCCESSFUL if responses == [self.server.password] else AUTH_FAILED

    def get_allowed_auths(self, _username: str) -> str:
        return self.server.methods

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return self.server.session_answer

    def check_channel_direct_tcpip_request(
        self, chanid: int, _origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        self.server.forwards.append(destination)
        if self.server.forward_answer == OPEN_SUCCEEDED:
            self.destinations[chanid] = destination
        return self.server.forward_answer

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        text = command.decode()
        self.server.commands.append(text)
        threading.Thread(target=self.server.speak, args=(channel, text), daemon=True).start()
        return True


def _forward(transport: paramiko.Transport, rules: _Rules) -> None:
    """Connect forwarded channels with where they go, as long as the connection lasts."""
    sessions = []  # paramiko closes a channel that nobody holds, and its command may be asked for much later
    while transport.is_active():
        channel = transport.accept(0.2)
        if channel is None:
            continue
        sessions.append(channel)
        if destination := rules.destinations.pop(channel.chanid, None):
            _join(channel, destination)


def _join(channel: paramiko.Channel, destination: tuple[str, int]) -> None:
    try:
        there = socket.create_connection(destination)
    except OSError:  # who listened there is gone by now
        channel.close()
        return
    for source, sink in ((channel, there), (there, channel)):
        threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket | paramiko.Channel, sink: socket.socket | paramiko.Channel) -> None:
    with suppress(OSError, EOFError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError, EOFError):  # the connection that it is a channel of has ended
        sink.close()


def _close_after_the_last_word(sock: socket.socket) -> None:
    """Close `sock` so that all we sent arrives: a close with input unread resets, and a reset overtakes (tcp(7))."""
    with sock, suppress(OSError):
        sock.settimeout(10)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass


class Sshd:
    """One server on a loopback port. `talk` is what a command does; `raw` takes a connection before SSH."""

    def __init__(self, folder: Path) -> None:
        self.host_key = write_key(folder / "host_key")
        self.user_key = write_key(folder / "id_ed25519")
        self.accepted = {self.user_key.asbytes()}
        self.logins: list[str] = []
        self.methods, self.password, self.passwords = "publickey", "", list[str]()
        self.questions = ["Password: "]
        self.first_word = True
        self.commands: list[str] = []
        self.session_answer = self.forward_answer = OPEN_SUCCEEDED
        self.forwards: list[tuple[str, int]] = []
        self.talk: Talk = run_shell
        self.raw: Callable[[socket.socket, int], bool] = lambda _sock, _number: False
        self.connections = self.logging_in = self.most_logging_in = 0
        self.folder = folder
        self._transports: list[paramiko.Transport] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._listener.getsockname()[1]
        self.known_hosts = folder / "known_hosts"
        self.know(self.host_key)
        threading.Thread(target=self._accept, daemon=True).start()

    def know(self, key: paramiko.PKey) -> None:
        """Let known_hosts say the server has `key`."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {key.get_name()} {key.get_base64()}\n")

    def credentials(self) -> Credentials:
        return load_credentials([str(self.folder / "id_ed25519")], [str(self.known_hosts)], allow_agent=False)

    def target(self, host: str = "web1") -> Target:
        return Target(host, "127.0.0.1", self.port, "ops")

    def speak(self, channel: paramiko.Channel, command: str) -> None:
        # The client says something (or EOF) once it has our reply to its request; sshd too replies first.
        while self.first_word and not (channel.recv_ready() or channel.eof_received or channel.closed):
            time.sleep(0.002)
        with suppress(OSError, EOFError):
            self.talk(channel, command)
            channel.close()

    def close(self) -> None:
        self._listener.close()
        for transport in self._transports:
            transport.sock.close()

    def hang_up(self) -> None:
        """Break all connections, as a host that dies."""
        for transport in self._transports:
            with suppress(OSError):  # that one is closed already
                transport.sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with self._lock:
            self.logging_in += 1
            self.most_logging_in = max(self.most_logging_in, self.logging_in)
        with suppress(OSError, EOFError, paramiko.SSHException):
            if self.raw(sock, number):
                _close_after_the_last_word(sock)
            else:
                transport = paramiko.Transport(sock)
                self._transports.append(transport)
                transport.add_server_key(self.host_key)
                rules = _Rules(self)
                transport.start_server(server=rules)
                while transport.is_active() and not transport.is_authenticated():
                    time.sleep(0.005)
                threading.Thread(target=_forward, args=(transport, rules), daemon=True).start()
        with self._lock:
            self.logging_in -= 1
