"""What is asked, what is answered, what it was billed, and what an account may spend."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Query:
    """A prompt and how it is to be answered; the defaults are the frugal ones, not the service's.

    Attributes
    ----------
    model : str
        The exact id; which model answered, `Answer.model` tells.
    system : str or None
        The system prompt; None keeps the default persona's, at about 780 model tokens a call.
    persona : int or None
        Id of a persona; None leaves it to the service.
    dataset : str
        Name of a dataset, ``"none"`` or ``"all"``; reference text is billed.
    live : int
        0, or 1 or 2 to search the web, at about 1,400 model tokens.
    temperature : float or None
        0 to 1; None leaves it to the service.
    reasoning : str or None
        ``low``, ``medium`` or ``high``.
    file : Path or None
        A file to send along.
    history : tuple of (str, str)
        Earlier questions and answers, oldest first; re-sent and billed again.
    """

    prompt: str = field(repr=False)
    model: str
    system: str | None = field(default=None, repr=False)
    persona: int | None = None
    dataset: str = "none"
    live: int = 0
    temperature: float | None = None
    reasoning: str | None = None
    file: Path | None = None
    history: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply. What the tenant does not tell is None.

    Attributes
    ----------
    text : str
        The reply, without leading blank lines.
    model : str or None
        The model that answered, which need not be the one asked.
    tokens : int or None
        Ask Sage tokens debited.
    input_tokens, output_tokens : int or None
        Model tokens.
    request_id : str or None
        The service's id of the call.
    references : str
        Where the answer was taken from; empty without a dataset or a web search.
    """

    text: str = field(repr=False)
    model: str | None = None
    tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    request_id: str | None = None
    references: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may spend a month, in Ask Sage tokens, and whose it is; None where that is not told.

    Attributes
    ----------
    inference, training : int or None
    email : str or None
        Of the person whose key it is.
    scopes : tuple of str
        What the key may be used for, in the service's words; empty where that is not told.
    """

    inference: int | None = None
    training: int | None = None
    email: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrganizationUser:
    """A user of the organisation, as its administrators see them.

    Attributes
    ----------
    email : str
        In lower case.
    limits : Limits
    """

    email: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class LogRow:
    """One call of the account, from whichever device. What the tenant does not tell is None.

    Attributes
    ----------
    id : int
        Grows with time.
    sent_at : int
        Microseconds UTC.
    tokens : int
        Ask Sage tokens: exactly what was billed.
    input_tokens, output_tokens : int or None
        Model tokens.
    prompt_length, response_length : int or None
        Characters.
    teach : bool
        Whether it was billed on the training meter.
    """

    id: int
    sent_at: int
    model: str | None
    tokens: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_length: int | None = None
    response_length: int | None = None
    teach: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """Content that the service took in. What the tenant does not tell is None.

    Attributes
    ----------
    tokens : int or None
        Ask Sage tokens debited; the routes seen so far tell none.
    request_id : str or None
        The service's id of the upload.
    said : str
        The service's own words, on one line.
    job : str or None
        The id of the job that goes on with it in the background; None where it is done.
    """

    tokens: int | None = None
    request_id: str | None = None
    said: str = field(default="", repr=False)
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors. What the tenant does not tell is None.

    Attributes
    ----------
    vectors : tuple of array of float
        In the order of the texts; float32, as models tell them.
    model : str or None
        The model that made them.
    tokens : int or None
        Ask Sage tokens debited.
    input_tokens : int or None
        Model tokens.
    """

    vectors: tuple[array[float], ...] = field(repr=False)
    model: str | None = None
    tokens: int | None = None
    input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class UploadJob:
    """An upload in the background. What the tenant does not tell is None.

    Attributes
    ----------
    state : str
        ``queued``, ``running``, ``succeeded``, ``partial``, ``failed``, or ``unknown``.
    taken_in, in_all : int or None
        Parts of the file that are in the dataset, and that it has.
    tokens : int or None
        Ask Sage tokens debited.
    told : str
        Why it failed, in the service's own words.
    """

    state: str
    taken_in: int | None = None
    in_all: int | None = None
    tokens: int | None = None
    told: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it comes to nothing more."""
        return self.state not in ("queued", "running")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for more tokens. What the tenant does not tell is None or empty.

    Attributes
    ----------
    tokens : int
        Ask Sage tokens asked for.
    meter : str
        ``"inference"`` or ``"training"``.
    state : str
        In the service's words: ``pending``, ``auto_approved``, ``approved``, ``denied``.
    before, after : int or None
        The account's limit, as the reply tells it.
    reason, asked_at, said : str
        What it was for, when it was asked for, and the service's own words on it.
    """

    tokens: int
    meter: str
    state: str = ""
    before: int | None = None
    after: int | None = None
    reason: str = field(default="", repr=False)
    asked_at: str = ""
    said: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether nobody has decided on it."""
        return self.state == "pending"

    @property
    def is_approved(self) -> bool:
        """Whether it was approved, by whomever."""
        return self.state.removeprefix("auto_") == "approved"
