"""The rates of a host's models, cached, asked for or of the catalog; and what they make of a count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from .. import month
from ..account import Source
from ..display.dates import day
from ..errors import AskSageError, BadKey, NotReached, Unavailable
from .estimate import Estimate, Part
from .files import RECORDED
from .fit import KEPT, Fit, Sample, Spread, fit
from .pricing import Pricer, Rate, ask, checked
from .rule import FACTOR, Cached
from .store import RatesFile

_DAY = 24 * 3600 * 1_000_000
_PAUSE = 10 * 60 * 1_000_000  # after the tokenizer route failed, before it is asked again
# Shares that are recorded model tokens, not counts of ours: a model's tokenizer does not stretch them.
_RECORDED = frozenset({"persona", "web search", "references"})
# Of 10 recorded models that are not billed by the catalog, 9 were at half of its rates to half as much again.
_UNVERIFIED = (0.5, 1.5)
_FEWEST = 20  # billed tokens from which a bill tells the catalog factor: the roundings blur smaller ones
_ROUNDINGS = 2.0  # Ask Sage tokens that they add, in the middle

_fitted = lru_cache(maxsize=16)(fit)  # asked for before a call, and again when its bill is there


class Rates:
    """Prices for one host.

    Parameters
    ----------
    folder : Path
        Where ``rates.json`` is kept; made when it is first written.
    host : str
        Rates of hosts are apart.
    clock : callable
        The present instant, in microseconds UTC.
    """

    def __init__(self, folder: Path, host: str, *, clock: Callable[[], int] = month.now) -> None:
        self._store = RatesFile(folder, host)
        self._clock = clock
        self._failed: dict[str, int] = {}
        self._catalog: dict[str, tuple[float, float]] = {}

    def cached(self, model: str) -> Rate | None:
        """The rate that `rate` would return without asking anybody; None if it would ask."""
        known = self._store.known(model).rate
        if known and 0 <= self._clock() - known.as_of < _DAY:
            return known
        if 0 <= self._clock() - self._failed.get(model, -_DAY) < _PAUSE:
            return known or self._from_catalog(model)
        return None

    def older(self, model: str) -> Rate | None:
        """The rate that was learned last, however long ago; None where none was."""
        return self._store.known(model).rate

    def at_hand(self, model: str) -> Rate | None:
        """The rate that a kernel would use, as far as it is kept here; None where one would have to ask."""
        return self.older(model) or self._from_catalog(model)

    def offered(self) -> tuple[str, ...]:
        """The models that the host offered last, and those that were priced; nobody is asked."""
        return self._store.offered() or tuple(sorted(self._store.models()))

    def costs(self, models: Iterable[str]) -> dict[str, str]:
        """What each of these models costs, in words, as far as it is kept here; else empty."""
        found = {model: self.at_hand(model) for model in models}
        return {model: "" if rate is None else rate.words for model, rate in found.items()}

    def offer(self, models: Sequence[str]) -> None:
        """Keep what the host offers now."""
        self._store.offer(models)

    def rate(
        self, model: str, pricer: Pricer | None = None, catalog: tuple[float, float] | None = None
    ) -> Rate:
        """The rate of `model`: of the last 24 hours, else asked of `pricer`, else older, else the catalog's.

        Parameters
        ----------
        pricer : Pricer, optional
            Is asked five free questions at once. When it fails, it is left alone for ten minutes.
        catalog : (float, float), optional
            Ask Sage tokens a model token of input and of output, as the service lists them. They are not what
            is billed: they are multiplied by what the model's bills have shown, 1.3 before there are any.

        Raises
        ------
        Unavailable
            None of these is at hand; the service's own, where it is busy or fails. Nothing was sent or kept.
        BadKey
            The pricer does not accept the key.
        """
        if catalog is not None:
            self._catalog[model] = catalog
        if found := self.cached(model):
            return found
        failure: Exception | None = None
        if pricer is not None:
            try:
                prompt, completion, flat = ask(pricer, model)
            except BadKey:
                raise  # whoever is not let in learns no price, and nothing is sent
            except (AskSageError, ValueError, TypeError) as error:
                failure = error
                self._failed[model] = self._clock()
            else:
                priced = Rate(model, prompt, completion, Source.PRICED, self._clock(), flat=flat)
                self._store.update(model, lambda known: replace(known, rate=priced))
                return priced
        # A price of days ago was true once; the catalog's may never have been.
        if catalog is not None:
            self._store.update(model, lambda known: replace(known, listed=catalog))
        if found := self.at_hand(model):
            return found
        if isinstance(failure, (NotReached, Unavailable)):
            raise failure
        raise Unavailable(
            f"the price of {model} is not known: the service neither priced nor listed it. Nothing was sent; "
            f"try again, or choose a model of %asksage models."
        ) from failure

    def estimate(self, rate: Rate, shares: Mapping[str, int]) -> Estimate:
        """The price of an input made of `shares`, with a reply of unknown length.

        Parameters
        ----------
        shares : mapping of str to int
            The input's parts by name: cl100k_base counts of texts; ``persona``, ``web search`` and
            ``references`` in model tokens; a file that is no text under its kind, as `first_guess` has it.
        """
        *_, file = counts = _divided(shares)
        believed = self._fit(rate.model)
        if file and file not in believed.files:
            believed = replace(believed, files=self._files())
        unverified = rate.source is Source.CATALOG and believed.factor is None
        below, above = _UNVERIFIED if unverified else (1.0, 1.0)
        inputs = [round(tokens) for tokens in believed.input(*counts)]
        low, expected, high = (
            self.bill(rate, *each) for each in zip(inputs, map(round, believed.reply), strict=True)
        )
        return Estimate(
            model=rate.model,
            low=min(expected, max(1, math.floor(low * below))),
            expected=expected,
            high=max(expected, math.ceil(high * above)),
            parts=_parts(rate, shares, believed, expected),
            input_tokens=max(1, inputs[1]),
            source=rate.source,
            basis=_basis(rate, believed),
            measured=believed.measured,
        )

    def bill(self, rate: Rate, input_tokens: int, output_tokens: int, cached: Cached | None = None) -> int:
        """Ask Sage tokens of a reply whose debit the service did not tell, from its model tokens."""
        return int(rate.bill(input_tokens, output_tokens, cached))

    def learn(
        self,
        rate: Rate,
        shares: Mapping[str, int],
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        tokens: int | None,
        estimate: Estimate | None = None,
    ) -> None:
        """Remember what a call was billed; the model's last 50 make its next estimates. Never fails.

        Parameters
        ----------
        shares : mapping of str to int
            The parts it was estimated from.
        input_tokens, output_tokens, tokens : int or None
            As billed, where the service told: model tokens, and Ask Sage tokens.
        estimate : Estimate, optional
            As it was before the call: tells the next ones how often the bill lies within.
        """
        factor = _factor(rate, input_tokens, output_tokens, tokens)
        counted, recorded, guessed, file = _divided(shares)
        inside = None
        if estimate is not None and tokens is not None:
            inside = estimate.low <= tokens <= estimate.high
        sample = Sample(counted, recorded, input_tokens, output_tokens, factor, guessed, file, inside)
        if (input_tokens, output_tokens, factor) != (None, None, None):
            self._store.note(
                rate.model, lambda known: replace(known, samples=(*known.samples, sample)[-KEPT:])
            )

    def flush(self) -> None:
        """Write at once what was learned and is kept back for a moment."""
        self._store.flush()

    def _fit(self, model: str) -> Fit:
        return _fitted(model, self._store.known(model).samples)

    def _files(self) -> dict[str, Spread]:
        """What files came to on the other models, the most of them by kind: their text is much the same."""
        found: dict[str, Spread] = {}
        for model in self._store.models():
            for file, size in self._fit(model).files.items():
                found[file] = max(size, found.get(file, size), key=lambda each: each.middle)
        return found

    def _from_catalog(self, model: str) -> Rate | None:
        listed = self._catalog.get(model) or self._store.known(model).listed
        try:
            prompt, completion, _ = checked(*(listed or ()))
        except (ValueError, TypeError):
            return None
        factor = self._fit(model).factor or FACTOR
        return Rate(model, prompt * factor, completion * factor, Source.CATALOG, self._clock(), factor)


def _divided(shares: Mapping[str, int]) -> tuple[int, int, int, str]:
    """What of the shares is our count, recorded model tokens, and a guess at a file; and that file's kind."""
    recorded = sum(tokens for name, tokens in shares.items() if name in _RECORDED)
    files = [name for name in shares if name in RECORDED]
    guessed = sum(shares[name] for name in files)
    return sum(shares.values()) - recorded - guessed, recorded, guessed, " ".join(files)


def _factor(
    rate: Rate, input_tokens: int | None, output_tokens: int | None, tokens: int | None
) -> float | None:
    """Bill over catalog, where both are known well enough."""
    if rate.source is not Source.CATALOG or input_tokens is None or output_tokens is None:
        return None
    product = rate.linear(input_tokens, output_tokens)
    if tokens is None or tokens < _FEWEST or product <= 0:
        return None
    return (tokens - _ROUNDINGS) / product * rate.factor


def _parts(rate: Rate, shares: Mapping[str, int], believed: Fit, expected: int) -> tuple[Part, ...]:
    """What `expected` is made of; what the roundings add is each call's."""
    inflation = dict.fromkeys(_RECORDED, 1.0) | {name: size.middle for name, size in believed.files.items()}
    inflation |= {name: 1.0 for name in RECORDED if name not in inflation}
    counts = {
        name: tokens * inflation.get(name, believed.inflation.middle) for name, tokens in shares.items()
    }
    parts = [Part(name, tokens * rate.prompt, tokens) for name, tokens in counts.items()]
    written = believed.reply.middle
    reply = written * rate.completion
    each_call = max(0.0, expected - reply - sum(part.tokens for part in parts))
    return (*parts, Part("each call", each_call), Part("reply", reply, written))


def _basis(rate: Rate, believed: Fit) -> str:
    if rate.source is Source.PRICED:
        rates = f"rates as the service priced them on {day(month.to_datetime(rate.as_of), year=True)}"
    elif believed.factor is None:
        rates = f"catalog rates x {rate.factor:.2f}, unverified"
    else:
        rates = f"catalog rates x {rate.factor:.2f}, as billed before"
    calls = f"as in {believed.replies} earlier call{'s' * (believed.replies > 1)}"
    return f"{rates}; the reply's length {calls if believed.replies else 'a guess'}"
