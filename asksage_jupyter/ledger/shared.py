"""The ledger as the owner of a team's pool writes it: who spends from it, and who may see what."""

from __future__ import annotations

from ..account import Account, Meter
from .moves import grants
from .stores import opening
from .stores.place import Place
from .view import LedgerView


class SharedLedger(LedgerView):
    """Pools, their members, and the logins of a database; every method that writes is one transaction."""

    _store: opening.AnyStore

    def join_pool(self, account: Account, meter: Meter, pool: Account, cap: int | None = None) -> bool:
        """Let a person spend from a pool, or change their cap within it.

        From then on each of their holds must fit both what is left of their cap and what is left of the
        pool; what they used this month before counts against the cap, not against the pool.

        Parameters
        ----------
        pool : Account
            As `Account.of_pool` makes it, of the same host.
        cap : int or None
            Ask Sage tokens a month; None where only the pool's own limit counts.

        Returns
        -------
        bool
            False when it was so already; then nothing was changed.

        Raises
        ------
        LedgerConflict
            They spend from another pool; nothing was written.
        BadInput, LedgerError
            Nothing was written.
        """
        from .moves import pools

        if cap is not None:
            cap = grants.checked(cap, "a cap")
        return self._store.write(
            lambda connection: pools.join(connection, account, meter, pool, cap, self._clock()), of=account
        )

    def grant_in_pool(self, account: Account, meter: Meter, pool: Account, tokens: int, *, ends: int) -> bool:
        """Let a member of a pool spend more than their cap, until an instant; the pool pays as for the cap.

        It is spent before the cap. What they leave of it was the pool's all the time.

        Parameters
        ----------
        ends : int
            Microseconds UTC, the first instant at which it cannot be spent: by it the grant is known.

        Returns
        -------
        bool
            False when it was given already; then nothing was changed.

        Raises
        ------
        BadInput
            They are no member of it with a cap; nothing was written.
        LedgerConflict
            Other tokens were given until then; nothing was written.
        LedgerError
            Nothing was written.
        """
        from .moves import pools

        tokens = grants.checked(tokens, "a grant", least=1)
        return self._store.write(
            lambda connection: pools.give(connection, account, meter, pool, tokens, ends, self._clock()),
            of=account,
        )

    def leave_pool(self, account: Account, meter: Meter, pool: Account) -> bool:
        """Let a member go; their calls stay, and what they hold is still settled from the pool.

        Returns
        -------
        bool
            False when they were no member; then nothing was changed.

        Raises
        ------
        LedgerError
            Nothing was written.
        """
        from .moves import pools

        return self._store.write(
            lambda connection: pools.leave(connection, account, meter, pool, self._clock()), of=account
        )

    def install_roles(self) -> bool:
        """Let the database itself enforce who sees what; again changes nothing. See `roles`.

        Returns
        -------
        bool
            False on SQLite, which knows no roles: whoever can write the file can do anything.

        Raises
        ------
        LedgerError
            The login may not make roles, or does not own the tables; nothing was changed.
        """
        from .stores.postgres import roles

        if self.path is None:
            self._store.write(roles.install)
        return self.path is None

    def let_in(self, account: Account, login: str) -> bool:
        """Let a login of the database act for an account; it is made without a password when it is new.

        Returns
        -------
        bool
            False when it may already, or where roles are not installed; then nothing was changed.

        Raises
        ------
        BadInput
            It cannot be a login's name; nothing was changed.
        LedgerConflict
            It acts for another account; nothing was changed.
        LedgerError
            Nothing was changed.
        """
        from .stores.postgres import roles

        return self.has_roles() and self._store.write(
            lambda connection: roles.let_in(connection, login, account)
        )

    def has_roles(self) -> bool:
        """Whether the database enforces who sees what."""
        from .stores.postgres import roles

        if self.path is not None:
            return False
        with self._store.reading() as connection:
            return roles.are_installed(connection)

    def is_owners(self) -> bool:
        """Whether all members are seen and changed here; else a member's login, for what is their own."""
        from .stores.postgres import roles

        if self.path is not None:
            return True
        with self._store.reading() as connection:
            return roles.is_owners(connection)

    def _opened(self, place: Place, timeout_s: float) -> opening.AnyStore:
        return opening.writer(place, timeout_s)
