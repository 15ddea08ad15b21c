"""What can go wrong: one tree of exceptions, by the codes that every face of OctoLLM shares."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from . import _native

T = TypeVar("T")


class OctoLLMError(Exception):
    """Something failed. ``code`` is stable; ``hint`` says what to do; ``details`` lists every broken rule.

    >>> error = InvalidInput("the request is invalid", details=[{"pointer": "/goal", "detail": "is too short"}])
    >>> error.code, str(error)
    ('invalid_input', 'the request is invalid; /goal: is too short')
    """

    code = "internal"
    #: Whether the same call may succeed later, where nobody says otherwise.
    _usually_temporary = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: list[dict[str, Any]] | None = None,
        temporary: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or []
        #: Whether the same call may succeed later.
        self.temporary = self._usually_temporary if temporary is None else temporary
        #: Seconds after which to come back, where somebody said so.
        self.retry_after = retry_after
        if temporary is None and retry_after is not None:
            self.temporary = True

    @property
    def summary(self) -> str:
        """What failed and where, without the hint."""
        places = [f"{detail.get('pointer') or 'the document'}: {detail.get('detail')}" for detail in self.details]
        return "; ".join([self.message, *places])

    def __str__(self) -> str:
        return f"{self.summary} (hint: {self.hint})" if self.hint else self.summary


class InvalidInput(OctoLLMError):
    """Fields of a request break a rule; ``details`` has all of them."""

    code = "invalid_input"


class NotFound(OctoLLMError):
    """There is no such task, arm, document or file."""

    code = "not_found"


class Conflict(OctoLLMError):
    """The state does not allow it."""

    code = "conflict"


class Unauthorized(OctoLLMError):
    """The caller may not do this."""

    code = "unauthorized"


class RefusedByReflex(OctoLLMError):
    """A reflex refused the text."""

    code = "refused_by_reflex"


class TooLarge(OctoLLMError):
    """Something is larger than its limit."""

    code = "too_large"


class RateLimited(OctoLLMError):
    """The caller sends too much; ``retry_after`` says when to come back."""

    code = "rate_limited"
    _usually_temporary = True


class DeadlineExceeded(OctoLLMError):
    """A deadline or a time limit passed."""

    code = "timeout"
    _usually_temporary = True


class Cancelled(OctoLLMError):
    """Somebody cancelled it."""

    code = "cancelled"


class BudgetExceeded(OctoLLMError):
    """The task's budget does not allow another call."""

    code = "budget_exceeded"


class ArmError(OctoLLMError):
    """An arm failed. Raise it in an arm to say whether another attempt is worth it.

    Other exceptions of an arm are permanent, but for ``ConnectionError`` and ``TimeoutError``.
    """

    code = "arm_failed"


class NotConfigured(OctoLLMError):
    """A setting is missing or wrong; the hint names it."""

    code = "not_configured"


class StorageError(OctoLLMError):
    """The store is missing, read-only, full, corrupt or from a newer version."""

    code = "storage"


class Unavailable(OctoLLMError):
    """A queue is full or another process cannot be reached."""

    code = "unavailable"
    _usually_temporary = True


for _kind in (OctoLLMError, *OctoLLMError.__subclasses__()):
    # As they are imported, and as a traceback should call them.
    _kind.__module__ = "octollm"

_BY_CODE: dict[str, type[OctoLLMError]] = {kind.code: kind for kind in OctoLLMError.__subclasses__()}


def from_document(text: str) -> OctoLLMError:
    """The exception for an error as the native half writes it."""
    error = json.loads(text)
    kind = _BY_CODE.get(error["code"], OctoLLMError)
    return kind(
        error["message"],
        hint=error["hint"],
        details=error["errors"],
        temporary=error["temporary"],
        retry_after=error["retry_after"],
    )


def native(function: Callable[..., T], *arguments: Any) -> T:
    """Calls the native half; its errors become ours."""
    try:
        return function(*arguments)
    except _native.NativeError as error:
        raise from_document(str(error)) from None
