"""A server's configuration file (TOML), read with errors that name file, line and key."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engage_tui.errors import UsageError
from engage_tui.server.limits import Limits

Check = Callable[[Any], str]
"""Says what a value should be, or nothing if it is that."""


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value else "a text in quotes"


def _switch(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _number(low: int, high: int) -> Check:
    def check(value: Any) -> str:
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if right else f"a whole number from {low} to {high}"

    return check


def _one_of(*words: str) -> Check:
    return lambda value: "" if value in words else " or ".join(f'"{word}"' for word in words)


def _urls(value: Any) -> str:
    right = isinstance(value, list) and all(
        isinstance(each, str)
        and urlsplit(each).scheme in ("http", "https")
        and urlsplit(each).netloc
        for each in value
    )
    return "" if right else 'a list of addresses, like ["https://example.org/hook"]'


def _texts(value: Any) -> str:
    right = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "" if right else 'a list of texts, like ["203.0.113.7"]'


_PORT = _number(0, 65535)
_SECONDS = _number(0, 30 * 24 * 3600)
_AMOUNT = _number(1, 2**31)

_TOP: dict[str, tuple[str, Check]] = {
    "bind": ("bind", _text),
    "port": ("port", _PORT),
    "rtc_port": ("rtc_port", _PORT),
    "node_ips": ("node_ips", _texts),
    "v1": ("single_connection", _switch),
    "metrics": ("metrics", _switch),
    "cert": ("certificate", _text),
    "tls_key": ("certificate_key", _text),
    "log_format": ("log_format", _one_of("text", "json")),
}
_SECTIONS: dict[str, dict[str, tuple[str, Check]]] = {
    "limits": {field.name: (field.name, _AMOUNT) for field in fields(Limits)},
    "rooms": {
        "empty_timeout": ("empty_timeout", _SECONDS),
        "departure_timeout": ("departure_timeout", _SECONDS),
    },
    "webhooks": {"urls": ("webhook_urls", _urls), "key": ("webhook_key", _text)},
}


def read_config(path: Path) -> dict[str, Any]:
    """Read a file into fields of `ServerConfig`, and ``log_format``; what it does not say is absent.

    Raises:
        UsageError: It cannot be read, is no TOML, or has a key or a value that is none.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"Cannot read {path}: {why}.", "Name a TOML file.") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}, line {line[1]}" if line else str(path)
        raise UsageError(
            f"{where}: {re.sub(r' [(]at .*[)]$', '', str(error))}.", "The file is TOML."
        ) from error
    return _Reader(path, text).read(table)


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def read(self, table: Mapping[str, Any]) -> dict[str, Any]:
        known = {*_TOP, *_SECTIONS, "keys"}
        found: dict[str, Any] = {}
        for key, value in table.items():
            if key in _TOP:
                found |= self._value("", key, value, _TOP)
            elif key not in known:
                raise self._unknown("", key, known)
            elif not isinstance(value, dict):
                raise self._wrong("", key, f"a section [{key}]")
            elif key == "keys":
                found["keys"] = self._keys(value)
            else:
                section: dict[str, Any] = {}
                for name, each in value.items():
                    section |= self._value(key, name, each, _SECTIONS[key])
                found |= {"limits": Limits(**section)} if key == "limits" else section
        if "webhook_urls" in found:
            found["webhook_urls"] = tuple(found["webhook_urls"])
        signer = found.get("webhook_key")
        if signer is not None and signer not in found.get("keys", {}):
            raise self._wrong("webhooks", "key", "one of the names in [keys]")
        return found

    def _keys(self, value: Mapping[str, Any]) -> dict[str, str]:
        for key, secret in value.items():
            if wanted := _text(secret):
                raise self._wrong("keys", key, f"{wanted}, the secret")
        if not value:
            raise self._wrong("", "keys", 'at least one line NAME = "SECRET"')
        return dict(value)

    def _value(
        self, section: str, key: str, value: Any, known: Mapping[str, tuple[str, Check]]
    ) -> dict[str, Any]:
        if key not in known:
            raise self._unknown(section, key, known)
        name, check = known[key]
        if wanted := check(value):
            raise self._wrong(section, key, wanted)
        return {name: value}

    def _unknown(self, section: str, key: str, known: Any) -> UsageError:
        close = difflib.get_close_matches(key, known, 1)
        hint = f"Did you mean {close[0]!r}?" if close else f"It may be: {', '.join(sorted(known))}."
        return UsageError(f"{self._where(section, key)}: there is no such key.", hint)

    def _wrong(self, section: str, key: str, wanted: str) -> UsageError:
        return UsageError(
            f"{self._where(section, key)} is not as it should be.", f"It is {wanted}."
        )

    def _where(self, section: str, key: str) -> str:
        """File, line and key: the first line that names the key, or the section, in its section."""
        name = f"{section}.{key}" if section else key
        current = ""
        pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
        dotted = re.compile(rf"""\s*\[?\s*["']?{re.escape(name)}["']?\s*[\]=.]""")
        for number, line in enumerate(self._lines, 1):
            if heading := re.match(r"\s*\[+\s*([^\]\s]+)\s*\]", line):
                current = heading[1]
            if (current == section and pattern.match(line)) or dotted.match(line):
                return f"{self._path}, line {number}: {name!r}"
        return f"{self._path}: {name!r}"
