"""The configuration file: what it may say, and errors that name file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from engage_tui.errors import UsageError
from engage_tui.server.config import ServerConfig
from engage_tui.server.config_file import read_config
from engage_tui.server.limits import Allowance, Limits

WHOLE = """
bind = "0.0.0.0"
port = 443
rtc_port = 7882
v1 = false
metrics = false
cert = "c.pem"
tls_key = "k.pem"

[keys]
first = "a-secret"
second = "another"

[limits]
participants = 8
messages_per_second = 50

[rooms]
departure_timeout = 0

[webhooks]
urls = ["https://example.org/hook", "http://127.0.0.1:9/x"]
key = "second"
"""


def test_everything_that_may_be_said(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text(WHOLE)
    assert ServerConfig(**read_config(path)) == ServerConfig(
        bind="0.0.0.0",
        port=443,
        single_connection=False,
        metrics=False,
        certificate="c.pem",
        certificate_key="k.pem",
        keys={"first": "a-secret", "second": "another"},
        limits=Limits(participants=8, messages_per_second=50),
        departure_timeout=0,
        webhook_urls=("https://example.org/hook", "http://127.0.0.1:9/x"),
        webhook_key="second",
    )
    path.write_text('log_format = "json"\n')
    assert read_config(path) == {"log_format": "json"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("port = \n", 1, "Invalid value"),
        ("\nport = '7880'\n", 2, "'port'"),
        ("port = true", 1, "'port'"),
        ("port = 70000", 1, "65535"),
        ("prot = 7880", 1, "Did you mean 'port'?"),
        ("[limits]\n\nparticpants = 5", 3, "'limits.particpants'"),
        ("port = 1\n[limits]\nparticipants = 0", 3, "'limits.participants'"),
        ("limits.participants = -1", 1, "'limits.participants'"),
        ("[keys]\nmine = ''", 2, "'keys.mine'"),
        ("[keys]\n", 1, "'keys'"),
        ("keys = 3", 1, "[keys]"),
        ("\n[webhooks]\nurls = ['ftp://x']", 3, "'webhooks.urls'"),
        ("[keys]\na = 'b'\n[webhooks]\nkey = 'c'", 4, "'webhooks.key'"),
        ("[room]\n", 1, "Did you mean 'rooms'?"),
        ('log_format = "xml"', 1, '"json"'),
    ],
)
def test_errors_name_the_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "server.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert f"{path}, line {line}" in caught.value.message
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        read_config(tmp_path / "odd.toml")


def test_an_allowance_saves_up_one_second() -> None:
    allowance = Allowance(10, now=0.0)
    assert all(allowance.take(1, 0.0) for _ in range(10))
    assert not allowance.take(1, 0.0)
    assert allowance.take(1, 0.1)
    assert not allowance.take(11, 100.0)
    assert allowance.take(10, 100.0)
    assert allowance.owe(5, 100.0) == pytest.approx(0.5)
    assert allowance.owe(0, 101.0) == 0.0
