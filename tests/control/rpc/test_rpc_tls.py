"""TLS in both directions: each side trusts the certificates that it was given, and no others."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from control.errors import ConfigError, LinkError
from control.rpc import Client, Notifier, Publisher, Server, Subscriber
from control.rpc.errors import ControllerDown, NotRpc
from control.rpc.tls import client_context, server_context

Pair = tuple[Path, Path]


@pytest.fixture(scope="session")
def make_pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """Make a self-signed certificate and its key, as files."""
    folder = tmp_path_factory.mktemp("certificates")

    def make(name: str) -> Pair:
        authority = trustme.CA(organization_name=name)  # its own certificate is signed by itself
        pair = folder / f"{name}.pem", folder / f"{name}.key"
        authority.cert_pem.write_to_path(pair[0])
        authority.private_key_pem.write_to_path(pair[1])
        return pair

    return make


@pytest.fixture(scope="session")
def own(make_pair: Callable[[str], Pair]) -> Pair:
    return make_pair("server")


@pytest.fixture(scope="session")
def other(make_pair: Callable[[str], Pair]) -> Pair:
    return make_pair("client")


@pytest.fixture
def of_server(own: Pair, other: Pair) -> ssl.SSLContext:
    return server_context(*own, other[0])


@pytest.fixture
def of_client(own: Pair, other: Pair) -> ssl.SSLContext:
    return client_context(*other, own[0])


class Echo:
    def echo(self, x: Any) -> Any:
        return x


def test_calls_go_through_tls(of_server: ssl.SSLContext, of_client: ssl.SSLContext) -> None:
    with (
        Server({"echo": Echo()}, ssl=of_server) as server,
        Client("127.0.0.1", server.port, ssl=of_client) as echo,
    ):
        assert echo.echo("x" * 1_000_000) == "x" * 1_000_000
        echo.terminate()
        assert server.wait(5.0)


def test_trees_go_through_tls(of_server: ssl.SSLContext, of_client: ssl.SSLContext) -> None:
    tree = Notifier({"a": 1})
    with (
        Publisher({"tree": tree}, ssl=of_server) as publisher,
        Subscriber("tree", "127.0.0.1", publisher.port, ssl=of_client) as copy,
    ):
        tree["b"] = 2
        assert copy.wait_until(lambda seen: seen["b"] == 2, 5.0)


def test_who_does_not_speak_tls_is_told(
    of_server: ssl.SSLContext, of_client: ssl.SSLContext, wire: Callable[..., Any]
) -> None:
    with Server({"echo": Echo()}, ssl=of_server) as server:
        with pytest.raises(NotRpc, match="Do both sides use TLS"):
            Client("127.0.0.1", server.port)
        with Client("127.0.0.1", server.port, ssl=of_client) as echo:
            assert echo.echo(1) == 1
    with Server({"echo": Echo()}) as plain, pytest.raises(ControllerDown, match="Do both sides use TLS"):
        Client("127.0.0.1", plain.port, ssl=of_client)


def test_strangers_are_refused_on_both_sides(
    own: Pair, other: Pair, of_server: ssl.SSLContext, of_client: ssl.SSLContext
) -> None:
    stranger = client_context(*own, own[0])
    mistrustful = client_context(*other, other[0])
    with Server({"echo": Echo()}, ssl=of_server) as server:
        with pytest.raises(
            LinkError, match="know each other's certificate"
        ):  # when it notices depends on TLS
            Client("127.0.0.1", server.port, ssl=stranger)
        with pytest.raises(ControllerDown, match=r"certificate verify failed.*\(tried to connect\)"):
            Client("127.0.0.1", server.port, ssl=mistrustful)
        with Client("127.0.0.1", server.port, ssl=of_client) as echo:
            assert echo.echo(1) == 1


def test_files_that_cannot_be_used_are_named(own: Pair, other: Pair, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"TLS cannot use .*missing.pem, .*server.key and .*client.pem: No such file"
    ):
        server_context(tmp_path / "missing.pem", own[1], other[0])
    with pytest.raises(ConfigError, match="TLS cannot use"):
        client_context(other[0], own[1], own[0])


def test_the_server_logs_whom_it_refuses(
    own: Pair, of_server: ssl.SSLContext, wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with Server({"echo": Echo()}, ssl=of_server) as server:
        with pytest.raises(LinkError):
            Client("127.0.0.1", server.port, ssl=client_context(*own, own[0]))
        plain = wire(server.port, b"ARTIQ pc_rpc\n")
        plain.heard.read()
    assert [record.getMessage().partition(": no TLS with it: ")[1] for record in caplog.records] == [
        ": no TLS with it: ",
        ": no TLS with it: ",
    ]
    assert f"hung up on 127.0.0.1:{plain.socket.getsockname()[1]}: no TLS with it: " in caplog.text


def test_who_does_not_finish_with_tls_is_sent_away(
    of_server: ssl.SSLContext,
    wire: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("control.rpc.listener.BANNER_SECONDS", 0.05)
    with Server({"echo": Echo()}, ssl=of_server) as server:
        assert wire(server.port).line() == b""
    assert "its greeting was not complete after 0.05 s" in caplog.text
