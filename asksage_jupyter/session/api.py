"""What a person calls from Python: each the session's own, of this kernel.

What it takes is imported when it is called: `%load_ext` needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from .kernel import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date
    from pathlib import Path

    from ..account import Balance
    from ..rates import Estimate
    from .asking.query import Options
    from .asking.reply import Reply
    from .asking.rerun import NotebookCost
    from .comparing.comparison import Comparison
    from .training.trained import Training, TrainingEstimate


def ask(
    prompt: str,
    *,
    model: str | None = None,
    otherwise: str | None = None,
    max_tokens: int | None = None,
    on_text: Callable[[str], None] | None = None,
    replay: bool | None = None,
    fresh: bool = False,
    **options: Unpack[Options],
) -> Reply:
    """Send a prompt to a model; hold its estimate first, debit what was billed.

    Parameters
    ----------
    prompt : str
    model : str, optional
        An exact model id; ``AskSage.model`` when absent.
    otherwise : str, optional
        Another one, that is asked instead where `model` is refused before it is sent: for want of tokens, or
        by `max_tokens`. The receipt tells.
    max_tokens : int, optional
        Refuse when the estimate is above this many Ask Sage tokens.
    on_text : callable, optional
        Called with the whole text so far while the reply arrives.
    replay : bool, optional
        Show the reply again, for 0 tokens, that the same call had before, and keep this one; as
        ``AskSage.replay`` says when absent. Never of a dataset or the web.
    fresh : bool
        Ask again, and pay again, what is kept.
    **options
        system, persona, dataset, live, temperature, reasoning, history, file: see `Options`.

    Returns
    -------
    Reply
        ``.text``, ``.tokens`` (debited), ``.source``, ``.balance`` and ``.receipt``.

    Raises
    ------
    NotEnoughTokens, OverLimit, BadInput, NoKey
        Nothing was sent.
    Refused
        Certainly not billed; the hold is voided.
    ReplyLost, Interrupted
        The hold stays open until the bill is known.
    """
    from . import given
    from .asking import prompt as asking
    from .asking.query import build_query, limit_of
    from .asking.replay import wanted

    session, limit = current(), limit_of(max_tokens)
    query = build_query(session, prompt, model, options)
    other = None if otherwise is None else given.text(otherwise, "otherwise")
    shown_again = wanted(session, query, replay, fresh=fresh)
    return asking.ask(session, query, otherwise=other, limit=limit, on_text=on_text, replay=shown_again)


def estimate(prompt: str, model: str | None = None, **options: Unpack[Options]) -> Estimate:
    """Price a prompt; nothing is sent to a model and nothing is debited.

    Parameters
    ----------
    prompt, model, **options
        As of `ask`.

    Returns
    -------
    Estimate
        ``.low``, ``.expected``, ``.high`` in Ask Sage tokens, and the ``.parts`` they are made of.
    """
    from .asking.prompt import price
    from .asking.query import build_query

    session = current()
    return price(session, build_query(session, prompt, model, options))


def compare(
    prompt: str, models: Iterable[str], *, max_tokens: int | None = None, **options: Unpack[Options]
) -> Comparison:
    """Send one prompt to several models at once; hold the estimates of all first, debit what each was billed.

    Parameters
    ----------
    prompt : str
    models : iterable of str
        Two or more exact model ids.
    max_tokens : int, optional
        Refuse when the estimates together are above this many Ask Sage tokens.
    **options
        As of `ask`, the same for all models.

    Returns
    -------
    Comparison
        Shows the replies side by side. ``.replies`` has each model's `Reply`, or the error of one that
        failed while others replied; ``.tokens``, ``.balance``, ``.receipt`` and ``.to_frame()``.

    Raises
    ------
    NotEnoughTokens, OverLimit
        All models together; nothing was sent to any.
    BadInput, NoKey
        Nothing was sent.
    Refused, ReplyLost
        As of `ask`, the first model's, where none replied.
    Interrupted
        Its ``.reply`` is the Comparison with what had arrived; the holds of what had not stay open.
    """
    from .asking.query import limit_of
    from .comparing.compare import compared, queries_for

    session, limit = current(), limit_of(max_tokens)
    return compared(session, queries_for(session, prompt, models, options), limit=limit, fails=True)


def choose_model() -> str:
    """Set ``AskSage.model`` to the cheapest model that your tenant lists, unless one is set; returns it.

    Raises
    ------
    BadInput
        The tenant tells no rates; the message names models to choose from.
    NoKey, BadKey, NotReached
        The service cannot be asked for its models.
    """
    from .asking.offering import cheapest, nameless

    session = current()
    if not session.settings.model:
        if (found := cheapest(session.models())) is None:
            raise nameless(session, None)
        session.settings.model = found
    return session.settings.model


def notebook_cost(path: str | None = None) -> NotebookCost:
    """What running a notebook again would cost, and whether the month allows it; nothing is sent.

    Parameters
    ----------
    path : str, optional
        This notebook when absent, where the front end tells which it is.

    Returns
    -------
    NotebookCost
        ``.low``, ``.expected``, ``.high`` in Ask Sage tokens, ``.last``, ``.is_affordable`` and ``.cells``.

    Raises
    ------
    BadInput
        Nobody tells which notebook this is.
    LedgerError
        The ledger cannot be read.
    """
    from .asking import rerun

    return rerun.notebook_cost(current(), path)


def balance() -> Balance:
    """What is left on both meters: ``.inference`` and ``.training``.

    Each has ``.granted``, ``.used``, ``.held``, ``.remaining``, ``.source`` and ``.as_of``. At first contact
    with an account the service is asked what it has; later the ledger answers.
    """
    return current().balance()


def set_plan(inference: int | None = None, training: int | None = None) -> Balance:
    """Tell the monthly allotments where the service does not, from this month on; returns the new balance."""
    return current().set_plan(inference, training)


def top_up(
    tokens: int, meter: str = "inference", *, receipt: str, expires: date | str | None = None
) -> Balance:
    """Tell of tokens that were bought besides the plan; returns the new balance.

    Parameters
    ----------
    tokens : int
        Ask Sage tokens.
    meter : str
        ``"inference"`` or ``"training"``.
    receipt : str
        Names the purchase; told again, it is not booked again. It is kept in the ledger as it is.
    expires : date or str, optional
        The last day on which they can be spent, like ``"2026-12-31"``, in the account's time zone; the
        month's last when absent, since unused tokens of a plan do not carry over either. The service does
        not say whether bought ones do.

    Raises
    ------
    LedgerConflict
        The receipt was told with other tokens; nothing was booked.
    BadInput
        A value that is not allowed; nothing was booked.
    """
    from .managing.plan import top_up as book

    return book(current(), tokens, meter, receipt, expires)


def train(
    source: str | Path | Iterable[str | Path],
    dataset: str,
    *,
    context: str = "",
    estimate: bool = False,
    again: bool = False,
) -> Training | TrainingEstimate:
    """Upload texts or files to a dataset; hold their estimate first, debit the training meter.

    Long texts are uploaded in pieces of at most about 3,000 model tokens, cut at sentences, of tables at
    rows. A piece that was uploaded to the dataset before is left out: after a stop, the same again uploads
    and debits only what is missing.

    Parameters
    ----------
    source : str, Path, or iterable of either
        A str is the text itself; a Path is a file. Strings of a list or of a DataFrame's column are rows.
    dataset : str
        A dataset of the account, by its full name or by the name it was created with.
    context : str
        Sent along with each text, where it comes from for example; it is not billed.
    estimate : bool
        Price it, upload nothing.
    again : bool
        Upload also what was uploaded before, to a dataset that was emptied at Ask Sage: which it is, no
        route tells.

    Returns
    -------
    Training or TrainingEstimate
        ``.tokens`` debited, ``.uploaded`` and ``.there``, ``.balance``, ``.receipt``; or, with `estimate`,
        ``.training`` and ``.inference`` tokens expected.

    Raises
    ------
    NotEnoughTokens, BadInput, NoKey
        Nothing was uploaded.
    Refused
        A piece was certainly not billed; those before it were uploaded and debited, as the message tells.
    ReplyLost, Interrupted
        The same, and the hold of the piece under way stays open until its bill is known.
    """
    from .training.train import train as upload

    return upload(current(), source, dataset, context=context, estimate=estimate, again=again)
