"""The reflexes' detectors: personal data, secrets and prompt injections, found in microseconds.

>>> scan("Write to ada@example.org")[0].type
'email'
>>> redact("Write to ada@example.org")
'Write to <EMAIL_1>'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from . import _native
from ._errors import native

__all__ = ["Finding", "redact", "scan"]

Style = Literal["mask", "partial", "hash", "remove", "placeholder"]


@dataclass(frozen=True)
class Finding:
    """Something that must not go further. ``start`` and ``end`` count characters, as Python's slices do."""

    #: ``pii``, ``secret`` or ``injection``.
    kind: str
    #: Such as ``email`` or ``aws_access_key``.
    type: str
    start: int
    end: int
    #: How sure the detector is, 0 to 1.
    confidence: float
    #: ``low``, ``medium``, ``high`` or ``critical``.
    severity: str
    #: Why it was found, without the text found.
    explanation: str


def scan(text: str, *, origin: Literal["user", "external"] = "user") -> list[Finding]:
    """Everything that is found, in the text's order, without overlaps. Text from outside is judged more strictly."""
    return [Finding(**finding) for finding in json.loads(native(_native.scan, text, origin))]


def redact(text: str, *, style: Style = "placeholder", key: bytes | None = None) -> str:
    """``text`` without personal data and secrets.

    ``key`` (32 bytes) makes the hashes of style ``hash``: the same key gives the same hashes. A fresh one by default.
    """
    return native(_native.redact, text, style, key)
