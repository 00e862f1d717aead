"""The key, asked for without echo, tried and kept; for whoever has a person to ask."""

from __future__ import annotations

import getpass
import warnings

from ...errors import BadInput, ConfigurationError
from ...service import Secret
from ...settings import AskSage
from ..kernel import current


def log_in() -> str:
    """Ask for the key, try it with the service and keep it; for the e-mail too, when it is not set.

    Returns
    -------
    str
        Whose key it is and where it is kept.

    Raises
    ------
    BadInput
        No key was given.
    BadKey
        The service does not accept it; key and e-mail are as before.
    ConfigurationError
        It is another person's than the e-mail says; all is as before. Or there is nobody to ask, or no way to
        ask without showing the key.
    """
    settings = AskSage.instance()
    email_before = settings.email
    try:
        if not settings.email:
            settings.email = input("Your e-mail at Ask Sage (empty: use the key alone): ").strip()
        return current().login(_asked())
    except BaseException as error:
        if settings.email != email_before:
            settings.email = email_before
        # A kernel that may not ask raises a kind of NotImplementedError.
        if isinstance(error, (NotImplementedError, EOFError, getpass.GetPassWarning)):
            raise ConfigurationError(
                "the key cannot be asked for here without showing it: set ASKSAGE_API_KEY (and "
                "ASKSAGE_EMAIL) before Jupyter is started"
            ) from None
        raise


def _asked() -> Secret:
    with warnings.catch_warnings():
        # getpass falls back to a visible prompt with this warning.
        warnings.simplefilter("error", getpass.GetPassWarning)
        key = Secret(getpass.getpass("Your Ask Sage API key (it is not shown): ").strip())
    if not key:
        raise BadInput("no key was given; nothing has changed")
    return key
