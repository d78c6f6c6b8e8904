"""What can go wrong here: a start that cannot be made, and a request the exchange refuses.

The refusals carry their HTTP status and body, in the shapes the real exchange answers with. Nothing
here is shared with the client's own exception tree: a bug there cannot hide behind a twin here.

    LocalExchangeError
    ├── UnknownScenario      no scenario has this name
    ├── UnknownFault         no fault, or no market to put it on, has this name
    ├── BadFaultRule         a rule of a fault file or of the control address that cannot hold
    ├── RecordingError       a recording that cannot be replayed
    └── StateMismatch        the state folder belongs to another scenario, or to a live process
    Refusal                  a request answered with 4xx
"""

from typing import Any, Self

Body = dict[str, Any]


class LocalExchangeError(Exception):
    """The exchange cannot start; the message names the value and the way out."""


class UnknownScenario(LocalExchangeError):
    """No scenario has this name."""


class UnknownFault(LocalExchangeError):
    """No fault has this name, or no market to put it on."""


class BadFaultRule(LocalExchangeError):
    """A fault rule cannot hold; the message names the rule, the value and the way out."""


class RecordingError(LocalExchangeError):
    """A recording cannot be replayed; the message names the place and the value in it."""


class StateMismatch(LocalExchangeError):
    """The state folder was written under another scenario, or another process holds it."""


class Refusal(Exception):
    """A request is refused.

    Attributes:
        status: the HTTP status to answer with.
        body: the JSON body to answer with.
    """

    def __init__(self, status: int, body: Body) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body

    @classmethod
    def nested(cls, status: int, code: str, *, message: str = "", details: str = "") -> Self:
        """Build the shape most refusals have: `{"error": {code, message, details?}}`."""
        error = {"code": code, "message": message or code.lower().replace("_", " ")}
        if details:
            error["details"] = details
        return cls(status, {"error": error})

    @classmethod
    def flat(cls, status: int, code: str, *, details: str) -> Self:
        """Build the shape of a body that could not be decoded: `{code, message, details}`."""
        return cls(status, {"code": code, "message": code.replace("_", " "), "details": details})

    @classmethod
    def bare(cls, message: str) -> Self:
        """Build the shape of a query that failed validation: `{"msg": …}`, always 400."""
        return cls(400, {"msg": message})

    @classmethod
    def rate_limited(cls) -> Self:
        """Build the answer to an empty token bucket."""
        return cls(429, {"error": "too many requests"})
