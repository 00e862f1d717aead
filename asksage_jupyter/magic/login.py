"""``%asksage login``: the key, asked for without echo."""

from __future__ import annotations

import getpass
import warnings

from IPython.core.error import StdinNotImplementedError

from ..errors import BadInput, ConfigurationError
from ..service import Secret
from ..session import current
from ..settings import AskSage
from . import show


def login(rest: str) -> None:
    """Ask for the key, try it with the service and keep it; for the e-mail too, when it is not set.

    Raises
    ------
    BadInput
        The key was typed behind the magic, or none was given.
    BadKey
        The service does not accept it; key and e-mail are as before.
    ConfigurationError
        It is another person's than the e-mail says; all is as before. Or there is nobody to ask, or no way to
        ask without showing the key.
    """
    if rest:
        raise BadInput(
            "a key is never an argument: it now stands in this cell and in IPython's history. Delete the "
            "cell, have the key replaced if others can see either, and run %asksage login alone."
        )
    settings = AskSage.instance()
    email_before = settings.email
    try:
        if not settings.email:
            settings.email = input("Your e-mail at Ask Sage (empty: use the key alone): ").strip()
        told = current().login(_asked())
    except BaseException as error:
        if settings.email != email_before:
            settings.email = email_before
        if isinstance(error, (StdinNotImplementedError, EOFError, getpass.GetPassWarning)):
            raise ConfigurationError(
                "the key cannot be asked for here without showing it: set ASKSAGE_API_KEY (and "
                "ASKSAGE_EMAIL) before Jupyter is started"
            ) from None
        raise
    show.tell(told)
    show.present(current().balance())


def _asked() -> Secret:
    with warnings.catch_warnings():
        # getpass falls back to a visible prompt with this warning.
        warnings.simplefilter("error", getpass.GetPassWarning)
        key = Secret(getpass.getpass("Your Ask Sage API key (it is not shown): ").strip())
    if not key:
        raise BadInput("no key was given; nothing has changed")
    return key
