"""What a query will cost: the tenant's models, their rates, and the query's parts."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ..errors import AskSageError, BadInput, BadKey, NotReached, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..account import Source
    from ..rates import Estimate, Rate, Rates
    from ..service import Answer, ModelInfo, Service


class Pricing:
    """Prices queries for one account.

    Parameters
    ----------
    service, models : callable
        Return the service, and the models it offers; called only when there is something to ask.
    rates : Rates
    asking : callable
        Does what asks the service, within one limit.
    """

    def __init__(
        self,
        service: Callable[[], Service],
        models: Callable[[], list[ModelInfo]],
        rates: Rates,
        asking: Callable[[Callable[[], Rate]], Rate] = lambda ask: ask(),
    ) -> None:
        self._service = service
        self._models = models
        self.rates = rates
        self._asking = asking

    def estimate(self, model: str, parts: Mapping[str, int]) -> Estimate:
        """Price an input made of `parts`, which `shares` counts.

        Raises
        ------
        BadInput
            The model is not offered.
        """
        return self.rates.estimate(self.rate(model), parts)

    def rate(self, model: str) -> Rate:
        """The model's rate: from today's cache, else asked of the service."""
        return self.rates.cached(model) or self._asking(lambda: self._asked(model))

    def _asked(self, model: str) -> Rate:
        """The model's rate as the service tells it now; an older one where it cannot be reached."""
        try:
            offered = self._offered(model)
        except NotReached:
            if older := self.rates.older(model):
                return older
            raise
        catalog = None
        if offered and offered.prompt_rate is not None and offered.completion_rate is not None:
            catalog = (offered.prompt_rate, offered.completion_rate)
        return self.rates.rate(model, self._service(), catalog)

    def bill(self, model: str, answer: Answer) -> tuple[int, Source] | None:
        """Price a reply whose debit the service did not tell; None where it told no model tokens either."""
        if answer.input_tokens is None or answer.output_tokens is None:
            return None
        try:
            rate = self.rate(model)
        except AskSageError:
            return None  # the reply is paid for: it must arrive, at its estimate if need be
        return self.rates.bill(rate, answer.input_tokens, answer.output_tokens), rate.source

    def learn(self, model: str, parts: Mapping[str, int], answer: Answer) -> None:
        """Refit the model's factors from what was billed, unless another model answered."""
        rate = self.rates.cached(model)
        if rate is not None and answer.model in (None, model):
            self.rates.learn(
                rate,
                parts,
                input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens,
                tokens=answer.tokens,
            )

    def _offered(self, model: str) -> ModelInfo | None:
        """The service's word on the model; unknown ones are refused, for it would answer with another."""
        try:
            models = self._models()
        except (BadKey, NotReached):
            raise
        except ServiceError:
            return None  # the tenant does not list its models: the reply's own word is checked later
        for offered in models:
            if offered.id == model:
                return offered
        ids = [offered.id for offered in models]
        near = difflib.get_close_matches(model, ids, n=3, cutoff=0.5) or ids[:3]
        raise BadInput(
            f"no model {model!r} here. Near it: {', '.join(near)}. %asksage models lists them all."
        )
