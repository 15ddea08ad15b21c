"""The reflexes: personal data, secrets and prompt injections, found in microseconds, in this process.

>>> scan("Write to ada@example.org")[0].type
'email'
>>> redact("Write to ada@example.org")
'Write to <EMAIL_1>'

What was replaced can come back, where a :class:`Vault` remembers it:

>>> vault = Vault()
>>> hidden = redact("Write to ada@example.org", vault=vault)
>>> restore(f"I wrote to {hidden.split()[-1]}.", vault)
'I wrote to ada@example.org.'

A :class:`Chain` has all of them under a policy, with reflexes of your own:

>>> def no_shouting(text, origin):
...     return text.lower() if text.isupper() else None
>>> Chain(before=[no_shouting]).screen("MAIL ADA@EXAMPLE.ORG").text
'mail <EMAIL_1>'
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Union, runtime_checkable

from . import _native
from ._errors import RateLimited, RefusedByReflex, native

__all__ = [
    "Answer",
    "Chain",
    "Finding",
    "Origin",
    "Reaction",
    "Reflex",
    "Refuse",
    "Screened",
    "Throttle",
    "Vault",
    "redact",
    "restore",
    "scan",
]

Style = Literal["mask", "partial", "hash", "remove", "placeholder"]
#: Who a text comes from. Whatever is not the user's own is judged more strictly.
Origin = Literal["user", "arm", "document", "tool"]


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


def _findings(text: str) -> list[Finding]:
    return [Finding(**finding) for finding in json.loads(text)]


def scan(text: str, *, origin: Literal["user", "external"] = "user", names: bool = False) -> list[Finding]:
    """Everything that is found, in the text's order, without overlaps. Text from outside is judged more strictly.

    With ``names`` persons and street addresses are looked for, too: by a model that errs, and takes longer.

    >>> [finding.type for finding in scan("Ask Maria Schneider, 12 Harbour Street, Boston", names=True)]
    ['person', 'address']
    """
    return _findings(native(_native.scan, text, origin, names))


class Vault:
    """Remembers what placeholders stand for, in this process only. The same value has the same one in all texts.

    >>> vault = Vault()
    >>> vault.redact("ada@example.org wrote to mary@example.org"), vault.redact("to ada@example.org")
    ('<EMAIL_1> wrote to <EMAIL_2>', 'to <EMAIL_1>')

    With ``names`` it hides persons and street addresses, too; see :func:`scan`.
    """

    def __init__(self, *, names: bool = False) -> None:
        self._names = names
        self._values: dict[str, str] = {}
        self._placeholders: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}

    @property
    def names(self) -> bool:
        """Whether it hides persons and street addresses, too."""
        return self._names

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Never what is in it.
        return f"<vault of {len(self)} values>"

    def redact(self, text: str) -> str:
        """``text`` with placeholders for personal data and secrets."""
        pieces: list[str] = []
        done = 0
        for finding in _findings(native(_native.private, text, self._names)):
            pieces += (
                text[done : finding.start],
                self._placeholder(finding.type, text[finding.start : finding.end], text),
            )
            done = finding.end
        return "".join((*pieces, text[done:]))

    def restore(self, text: str) -> str:
        """``text`` with what the placeholders of this vault stand for; what it does not know stays."""
        return _PLACEHOLDER.sub(lambda found: self._values.get(found[0], found[0]), text)

    def _placeholder(self, kind: str, value: str, text: str) -> str:
        known = self._placeholders.get((kind, value))
        if known is not None:
            return known
        while True:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            placeholder = f"<{kind.upper()}_{number}>"
            # One that somebody wrote himself must not turn into what it never stood for.
            if placeholder not in text:
                break
        self._placeholders[kind, value] = placeholder
        self._values[placeholder] = value
        return placeholder


_PLACEHOLDER = re.compile(r"<[A-Z0-9_]+_[0-9]+>")


def redact(
    text: str,
    *,
    style: Style = "placeholder",
    key: bytes | None = None,
    vault: Vault | None = None,
    names: bool = False,
) -> str:
    """``text`` without personal data and secrets, and with ``names`` without persons and street addresses.

    ``key`` (32 bytes) makes the hashes of style ``hash``: the same key gives the same hashes. A fresh one by default.
    With a ``vault`` the placeholders can be turned back; whether it hides names is said where it is made.
    """
    if vault is None:
        return native(_native.redact, text, style, key, names)
    if style != "placeholder":
        raise ValueError("only placeholders can be turned back: a vault has no other style")
    if names and not vault.names:
        raise ValueError("this vault does not look for names: make it as `Vault(names=True)`")
    return vault.redact(text)


def restore(text: str, vault: Vault) -> str:
    """``text`` with what the placeholders of the vault stand for."""
    return vault.restore(text)


@dataclass(frozen=True)
class Refuse:
    """A reaction: the text goes no further."""

    #: Why, as a stable word.
    code: str


@dataclass(frozen=True)
class Answer:
    """A reaction: this is the answer already."""

    value: Any


@dataclass(frozen=True)
class Throttle:
    """A reaction: not now."""

    #: Seconds after which to come back.
    retry_after: float


#: What a reflex answers: nothing where the text may pass, a text that takes its place, or a reaction.
Reaction = Union[None, str, Refuse, Answer, Throttle]


@runtime_checkable
class Reflex(Protocol):
    """A reflex of your own; a function of text and origin will do. It must be quick, and wait for nothing."""

    name: str

    def react(self, text: str, origin: Origin, /) -> Reaction:
        """Looks at a text and says what is to be done with it."""
        ...


AnyReflex = Union[Reflex, Callable[[str, Any], Reaction]]


@dataclass(frozen=True)
class Screened:
    """A text that has passed the reflexes, and what came of it."""

    #: The text as it goes on; one that is refused is as it was.
    text: str
    #: ``pass``, ``rewrite``, ``answer``, ``throttle`` or ``refuse``.
    verdict: str
    #: What was found, in the text as it was.
    findings: list[Finding] = field(default_factory=list)
    #: Why it is refused: ``pii``, ``secret``, ``injection``, or a reflex's own word.
    code: str | None = None
    #: The answer, where a reflex had it.
    answer: Any = None
    #: Seconds after which to come back, where a reflex wants it later.
    retry_after: float | None = None
    elapsed_us: int = 0

    def check(self) -> Screened:
        """Raises where the text goes no further; answers itself otherwise."""
        if self.verdict == "refuse":
            raise RefusedByReflex(f"the reflexes refuse this text: {self.code}")
        if self.verdict == "throttle":
            raise RateLimited("a reflex wants this later", retry_after=self.retry_after)
        return self


class Chain:
    """All reflexes in their order: yours that see a text ``before`` the detectors, the detectors, yours ``after`` them.

    ``policy`` is the section ``reflex`` of a configuration: ``{"policy": "strict"}``, ``{"pii": "flag"}``.

    >>> too_long = lambda text, origin: Refuse("too_long") if len(text) > 60 else None
    >>> chain = Chain({"pii": "flag"}, after=[too_long])
    >>> chain.screen("Mail ada@example.org").text
    'Mail ada@example.org'
    >>> chain.screen("An octopus has three hearts, blue blood and nine brains, more or less.").code
    'too_long'
    """

    def __init__(
        self,
        policy: Mapping[str, Any] | None = None,
        *,
        before: Iterable[AnyReflex] = (),
        after: Iterable[AnyReflex] = (),
    ) -> None:
        own = [_named(reflex) for reflex in before], [_named(reflex) for reflex in after]
        self._chain = native(_native.ReflexChain, json.dumps(dict(policy or {})), *own)

    @property
    def names(self) -> list[str]:
        """The reflexes' names, in their order."""
        return self._chain.names()

    def screen(self, text: str, *, origin: Origin = "user") -> Screened:
        """Has all reflexes look at a text. What one of yours raises is raised here."""
        screened, report = native(self._chain.screen, text, origin)
        told = json.loads(report)
        told.pop("actions")
        findings = [Finding(**finding) for finding in told.pop("findings")]
        return Screened(text=screened, findings=findings, **told)

    def __repr__(self) -> str:
        return f"<reflex chain: {', '.join(self.names)}>"


def _named(reflex: AnyReflex) -> tuple[str, Callable[[str, str], str | None]]:
    react: Callable[[str, Any], Reaction] = reflex.react if isinstance(reflex, Reflex) else reflex
    name = getattr(reflex, "name", None) or getattr(reflex, "__name__", "reflex")
    return str(name), lambda text, origin: _written(react(text, origin), text)


def _written(reaction: Reaction, text: str) -> str | None:
    if reaction is None or reaction == text:
        return None
    if isinstance(reaction, str):
        return json.dumps({"rewrite": reaction})
    if isinstance(reaction, Refuse):
        return json.dumps({"refuse": reaction.code})
    if isinstance(reaction, Answer):
        return json.dumps({"answer": reaction.value})
    if isinstance(reaction, Throttle):
        return json.dumps({"throttle": reaction.retry_after})
    raise TypeError(f"a reflex must answer None, a text or a reaction, not {type(reaction).__name__}")
