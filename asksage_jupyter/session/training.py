"""Upload to a dataset: priced, held and debited piece by piece, and only what is not there yet."""

from __future__ import annotations

import difflib
import re
import warnings
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from ..account import Bill, Meter, Source
from ..errors import AskSageError, BadInput, BadKey, Interrupted, OutOfTokens, ServiceError
from ..service.departure import departing
from .aside import Aside
from .reply import stays_held
from .shortage import afford, told_of
from .sources import Piece, pieces_of
from .trained import Training, TrainingEstimate
from .uploads import Uploads

if TYPE_CHECKING:
    from ..account import Call
    from ..service import Trained
    from .aside import Here
    from .held import Held
    from .session import Session


def train(
    session: Session, source: Any, dataset: str, *, context: str = "", estimate: bool = False
) -> Training | TrainingEstimate:
    """Do what `asksage_jupyter.train` says."""
    try:
        pieces = pieces_of(source)
        missing = _missing(session, pieces, _existing(session, dataset), context)
        if estimate:
            return missing
        session.settling.catch_up()
        session.make_contact()
        afford(session, Meter.TRAINING, missing.training)
        afford(session, Meter.INFERENCE, missing.inference)
        upload = _Upload(session, missing, context)
    except KeyboardInterrupt:
        raise Interrupted(Training(dataset), "nothing was sent.") from None
    return upload.run()


def _existing(session: Session, name: str) -> str:
    """The dataset's name in full; an unknown one is refused, for it may be a slip of the pen."""
    if not name.strip():
        raise BadInput("name the dataset; %asksage datasets lists them")
    try:
        there = session.service.datasets()
    except BadKey:
        raise
    except ServiceError:
        return name  # the tenant does not list them: the upload itself tells
    own = [each for each in there if re.fullmatch(rf"user_custom_[^_]+_{re.escape(name)}_content", each)]
    if name in there or len(own) == 1:
        return name if name in there else own[0]
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5) or there[:3]
    hint = f" Near it: {', '.join(near)}." if near else ""
    raise BadInput(f"no dataset {name!r} here.{hint} %asksage datasets --create {name} makes it.")


def _missing(session: Session, pieces: list[Piece], dataset: str, context: str) -> TrainingEstimate:
    uploads = Uploads(session.ledger.folder, session.account)
    by_mark = {uploads.mark(dataset, context, piece.content): piece for piece in pieces}
    done = uploads.done()
    missing = tuple(piece for mark, piece in by_mark.items() if mark not in done)
    return TrainingEstimate(dataset, missing, len(by_mark) - len(missing))


class _Upload:
    """One upload under way."""

    def __init__(self, session: Session, planned: TrainingEstimate, context: str) -> None:
        self._session = session
        self._planned = planned
        self._context = context
        self._uploads = Uploads(session.ledger.folder, session.account)
        self._bills: dict[Meter, list[Bill]] = {meter: [] for meter in Meter}
        self._notes: list[str] = []
        self._holds: list[Held] = []  # of the piece under way

    def run(self) -> Training:
        from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]

        pieces, name = self._planned.pieces, self._planned.dataset
        try:
            with tqdm(total=len(pieces), desc=name, unit="piece", disable=len(pieces) < 2) as bar:
                for self._piece in pieces:
                    self._upload(self._piece)
                    bar.update()
            return self._report()
        except AskSageError as error:
            error.args = (f"{error}{self._still_held()} {self._so_far()}",)
            raise
        except KeyboardInterrupt:
            raise Interrupted(self._report(), f"stopped.{self._still_held()} {self._so_far()}") from None

    def _upload(self, piece: Piece) -> None:
        self._holds = []
        aside = Aside(partial(self._send, piece))
        try:
            aside.run()
        except OutOfTokens as error:
            raise told_of(self._session, error, self._holds[0].call) from None
        if aside.is_stopped:
            raise KeyboardInterrupt  # too late for this piece, but not for those to come

    def _send(self, piece: Piece, here: Here) -> None:
        """One piece: held on each meter that pays for it, uploaded `here`, remembered, settled."""
        meters = (Meter.TRAINING, Meter.INFERENCE) if piece.inference else (Meter.TRAINING,)
        with ExitStack() as stack:
            for meter in meters:
                held = self._held(piece, meter)
                self._holds.append(held)
                stack.enter_context(held)
            trained = here(partial(self._uploaded, piece))
            self._remember(piece)
            for held in self._holds:
                bill = _bill(piece, held.call, trained, held.took_ms)
                held.settle(bill)
                self._bills[held.call.meter].append(bill)
                if held.trouble:
                    self._notes.append(f"{piece.name}: {held.trouble}")

    def _held(self, piece: Piece, meter: Meter) -> Held:
        settling = self._session.settling
        tokens = piece.training if meter is Meter.TRAINING else piece.inference
        return settling.held(settling.call(f"train:{self._planned.dataset}", tokens, meter))

    def _uploaded(self, piece: Piece) -> Trained:
        service, dataset = self._session.service, self._planned.dataset
        with departing(self._on_way):
            if piece.path is None:
                return service.train(piece.text, dataset, context=self._context)
            return service.train_file(piece.path, dataset)

    def _on_way(self, is_on_way: bool) -> None:
        for held in self._holds:
            held.sent(is_on_way)

    def _remember(self, piece: Piece) -> None:
        """Note that it is uploaded before it is debited: a crash in between uploads nothing twice."""
        try:
            self._uploads.add(self._uploads.mark(self._planned.dataset, self._context, piece.content))
        except OSError as error:
            warnings.warn(
                f"{piece.name} is uploaded, which could not be noted ({error.strerror}): another run "
                f"uploads it again",
                stacklevel=2,
            )

    def _still_held(self) -> str:
        """What the ledger holds for the piece that was under way."""
        return "".join(f" {stays_held(held.tokens)}" for held in self._holds if held.tokens)

    def _so_far(self) -> str:
        """What was done before a piece stopped it, and how to go on."""
        done = self._report()
        return (
            f"{done.uploaded:,} of {len(self._planned.pieces):,} pieces were uploaded before "
            f"{self._piece.name}, for {done.tokens:,} training tokens; the same again uploads the rest."
        )

    def _report(self) -> Training:
        training, inference = self._bills[Meter.TRAINING], self._bills[Meter.INFERENCE]
        return Training(
            dataset=self._planned.dataset,
            uploaded=len(training),
            there=self._planned.there,
            tokens=sum(bill.tokens for bill in training),
            inference_tokens=sum(bill.tokens for bill in inference),
            sources=tuple(dict.fromkeys(bill.source for bill in training)),
            balance=self._session.balance_now(),
            notes=tuple(self._notes),
            is_demo=self._session.account.is_demo,
        )


def _bill(piece: Piece, call: Call, trained: Trained, duration_ms: int) -> Bill:
    """What is debited on the call's meter: as told, else a text's price, else the recorded figure."""
    tokens, source = call.estimate, Source.PRICED if piece.path is None else Source.PRESUMED
    if call.meter is Meter.TRAINING and trained.tokens is not None:
        tokens, source = trained.tokens, Source.BILLED
    return Bill(tokens, source, duration_ms=duration_ms)
