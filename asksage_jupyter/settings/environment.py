"""Settings that follow the environment: ``%env`` changes them until somebody sets them."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from traitlets import All, observe
from traitlets.config import Configurable

if TYPE_CHECKING:
    from traitlets import Bunch
    from traitlets.config import Config


class FollowsEnvironment(Configurable):
    """Traits tagged with ``environment``: the variable that gives their default."""

    def __init__(self, **kwargs: Any) -> None:
        self._seen = self._environment()
        super().__init__(**kwargs)

    def update_config(self, config: Config) -> None:
        """Take up a configuration; where a value is refused, all stays as it was."""
        for name in self._seen:
            getattr(self, name)  # traitlets puts back what was read before, and nothing where it never was
        super().update_config(config)

    def follow_environment(self) -> None:
        """Take up what ``%env`` changed since a default was read; what was set here stays as it is."""
        before, self._seen = self._seen, (now := self._environment())
        for name in now:
            if now[name] != before[name] and name not in self.set_here:
                self._trait_values.pop(name, None)  # the default is read anew at the next look

    @property
    def set_here(self) -> set[str]:
        """The settings that a configuration or the person gave."""
        names: set[str] = self.__dict__.setdefault("_names_set_here", set())
        return names

    @observe(All)
    def _note_set_here(self, change: Bunch) -> None:
        self.set_here.add(change.name)

    @classmethod
    def _environment(cls) -> dict[str, str | None]:
        return {name: os.environ.get(variable) for name, variable in _variables(cls).items()}


@cache
def _variables(settings: type[FollowsEnvironment]) -> dict[str, str]:
    """The variable of each trait that has one: looked for once, and not at every cell."""
    tagged = settings.class_traits(environment=lambda variable: variable is not None)
    return {name: trait.metadata["environment"] for name, trait in tagged.items()}
