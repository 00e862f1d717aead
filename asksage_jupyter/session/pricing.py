"""What a query will cost: the tenant's models, their rates, and the query's parts."""

from __future__ import annotations

from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING

from ..display.plain import shown
from ..errors import AskSageError, BadKey, NoSuchModel, NotReached, ServiceError
from .near import near

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..account import Source
    from ..rates import Estimate, Rate, Rates
    from ..service import Answer, ModelInfo, Service

AUTO = "auto"  # the service chooses the model


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
        NoSuchModel
        """
        return self.rates.estimate(self.rate(model), parts)

    def rate(self, model: str) -> Rate:
        """The model's rate, under its id if `model` is an alias; from today's cache, else the service's."""
        return self.rates.cached(model) or self._asking(lambda: self._asked(model))

    def _asked(self, model: str) -> Rate:
        """The model's rate as the service tells it now; an older one where it cannot be reached."""
        try:
            offered = self._offered(model)
        except NotReached:
            if older := self.rates.older(model):
                return older
            raise
        if offered is None:
            return self.rates.rate(model, self._service())
        return self.rates.rate(offered.id, self._service(), _catalog(offered))

    def bill(self, model: str, answer: Answer) -> tuple[int, Source] | None:
        """Price a reply whose debit the service did not tell; None where it told no model tokens either.

        It is billed as the model that answered, which need not be the one asked.
        """
        if answer.input_tokens is None or answer.output_tokens is None:
            return None
        for billed in dict.fromkeys((answer.model or model, model)):
            # The reply is paid for: it must arrive, at its estimate if need be.
            with suppress(AskSageError):
                rate = self.rate(billed)
                return self.rates.bill(rate, answer.input_tokens, answer.output_tokens), rate.source
        return None

    def learn(self, model: str, parts: Mapping[str, int], estimate: Estimate, answer: Answer) -> None:
        """Refit the model's factors from what was billed, unless another model answered."""
        rate = self.rates.cached(model)
        if rate is not None and answer.model in (None, model):
            self.rates.learn(
                rate,
                parts,
                input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens,
                tokens=answer.tokens,
                estimate=estimate,
            )

    def _offered(self, model: str) -> ModelInfo | None:
        """The service's word on the model; unknown ones are refused, in words that help."""
        try:
            models = self._models()
        except (BadKey, NotReached):
            raise
        except ServiceError:
            return None  # the tenant does not list its models: the reply's own word is checked later
        for offered in models:
            if offered.id == model:
                return offered
        for offered in models:
            if model in offered.aliases:
                return offered
        if model == AUTO:
            return _any_of(models)
        names = {name: offered.id for offered in models for name in (*offered.aliases, offered.id)}
        raise NoSuchModel(
            f"no model {shown(model)} here.{near(model, names)} %asksage models lists them all.", "model"
        )


def _catalog(model: ModelInfo) -> tuple[float, float] | None:
    """Both rates as listed; None where the service does not list both."""
    if model.prompt_rate is None or model.completion_rate is None:
        return None
    return model.prompt_rate, model.completion_rate


def _any_of(models: Sequence[ModelInfo]) -> ModelInfo:
    """The service's own choice, at the middle of the catalog's rates: which it will be is not known."""
    from ..service import ModelInfo

    rates = [each for each in map(_catalog, models) if each is not None]
    prompts, completions = zip(*rates, strict=True) if rates else ((), ())
    return ModelInfo(
        AUTO,
        AUTO,
        prompt_rate=median(prompts) if prompts else None,
        completion_rate=median(completions) if completions else None,
    )
