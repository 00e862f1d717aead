"""An upload under way: each piece is held, sent, remembered and debited before the next."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...account import Bill, Meter, Source
from ...display.notices import warn
from ...errors import AskSageError, Interrupted, OutOfTokens, Refused, ReplyLost
from ...service.way.departure import departing
from ..asking.question import held_words
from ..asking.reply import stays_held
from ..asking.shortage import told_of
from ..holding.held import Held
from ..holding.shielded import Shielded
from ..stopwatch import Stopwatch
from .polling import over
from .trained import Training
from .underway import Register, UnderWay
from .uploaded import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...service import Trained, UploadJob
    from ..holding.shielded import Stoppable
    from ..session import Session
    from .sources import Piece
    from .trained import TrainingEstimate

_METERS = (Meter.TRAINING, Meter.INFERENCE)


class Upload:
    """One upload under way.

    Parameters
    ----------
    session : Session
    planned : TrainingEstimate
        What is to be sent.
    context : str
    under_way : list of (Piece, UnderWay)
        The pieces that an earlier run sent.
    """

    def __init__(
        self,
        session: Session,
        planned: TrainingEstimate,
        context: str,
        under_way: list[tuple[Piece, UnderWay]],
    ) -> None:
        self._session = session
        self._under_way = under_way
        self._register = Register(session.ledger.folder)
        self._taken_in = 0
        self._going_on = ""
        self._planned = planned
        self._context = context
        self._uploads = Uploads(session.ledger.folder, session.account)
        self._bills: dict[Meter, list[Bill]] = {meter: [] for meter in Meter}
        self._notes: list[str] = []
        self._holds: list[Held] = []  # of the piece under way
        self._made: list[Held] = []  # of all pieces
        self._piece: Piece | None = None  # the one under way; a stop may come before the first
        self._counting, self._uploading = Stopwatch(""), ""

    def run(self) -> Training:
        """Send all, and wait for what goes on at the service.

        Raises
        ------
        AskSageError, Interrupted
            With what was done before, and how to go on.
        """
        steps = [(piece, partial(self._resume, piece, upload)) for piece, upload in self._under_way]
        steps += [(piece, partial(self._send, piece)) for piece in self._planned.pieces]
        try:
            with self._counting:
                for at, (self._piece, step) in enumerate(steps, 1):
                    self._uploading = f"uploading {at:,} of {len(steps):,}: {self._piece.name}"
                    self._do(step)
            return self._report()
        except AskSageError as error:
            error.args = (f"{error}{self._still_held()} {self._so_far()}",)
            raise
        except KeyboardInterrupt:
            stopped = "stopped." if self._piece else "nothing was sent."
            raise Interrupted(self._report(), f"{stopped}{self._still_held()} {self._so_far()}") from None

    def _do(self, step: Callable[[Stoppable], None]) -> None:
        self._holds, self._going_on = [], ""
        work = Shielded(step)
        try:
            work.run()
        except OutOfTokens as error:
            raise told_of(self._session, error, self._holds[0].call) from None
        if work.is_stopped:
            raise KeyboardInterrupt  # too late for this piece, but not for those to come

    def _send(self, piece: Piece, stoppably: Stoppable) -> None:
        """One piece: held on each meter that pays for it, uploaded `stoppably`, remembered, settled."""
        meters = _METERS if piece.inference else _METERS[:1]
        with ExitStack() as stack:
            for meter in meters:
                held = self._held(piece, meter)
                self._holds.append(held)
                stack.enter_context(held)
            trained = self._trained(piece, stoppably)
            if trained.job is not None:
                self._follow(piece, self._noted(piece, trained.job), stoppably)
                return
            self._remember(piece)
            self._taken_in += 1
            self._settle(piece, trained.tokens, 1.0)

    def _tell(self, *more: str) -> None:
        """Let the line say which piece is waited for, what is held for it, and more."""
        held = [held_words(held.tokens) for held in self._holds[:1]]
        self._counting.words = " · ".join([self._uploading, *held, *more])

    def _trained(self, piece: Piece, stoppably: Stoppable) -> Trained:
        """What came of an upload; of a failure that tells its bill, that is debited where one meter pays."""
        self._tell()
        try:
            return stoppably(partial(self._uploaded, piece))
        except ReplyLost as lost:
            if lost.tokens and len(self._holds) == 1:
                self._settle(piece, lost.tokens, 1.0)
            raise

    def _noted(self, piece: Piece, job: str) -> UnderWay:
        """Keep the holds and note the job: whatever happens to this kernel, the next run finds it."""
        for held in self._holds:
            held.leave_open()
        ops, tokens = zip(*((held.call.op, held.tokens) for held in self._holds), strict=True)
        mark = self._uploads.mark(self._planned.dataset, self._context, piece.content)
        upload = UnderWay(mark, job, ops, tokens)
        self._surely(partial(self._register.begin, upload), f"{piece.name} goes on at Ask Sage")
        return upload

    def _resume(self, piece: Piece, upload: UnderWay, stoppably: Stoppable) -> None:
        """One piece that an earlier run sent."""
        settling = self._session.settling
        for op, tokens, meter in zip(upload.ops, upload.tokens, _METERS, strict=False):
            call = settling.call(f"train:{self._planned.dataset}", tokens, meter)
            self._holds.append(Held.resumed(settling, replace(call, op=op)))
        self._follow(piece, upload, stoppably)

    def _follow(self, piece: Piece, upload: UnderWay, stoppably: Stoppable) -> None:
        """Wait for a job's end `stoppably`; remembered and settled by what it took in."""
        self._going_on = f"{piece.name} goes on at Ask Sage (job {upload.job}), and the same again finds it; "
        job = stoppably(partial(over, self._session.service, upload.job, piece.name, self._tell))
        self._going_on = ""
        if job.state in ("succeeded", "untold"):
            self._remember(piece)
        self._surely(partial(self._register.end, upload.mark), f"{piece.name} is over at Ask Sage")
        if job.state == "unknown":
            raise ReplyLost(
                f"Ask Sage knows nothing any more of the upload of {piece.name} (job {upload.job}): "
                f"it may have been billed."
            )
        if job.state == "failed" and not job.tokens:
            for held in self._holds:
                held.void()
            why = f" ({job.told})" if job.told else ""
            raise Refused(f"{piece.name} was not taken in{why}. Nothing was billed.")
        self._settle(piece, job.tokens, _share(job))
        self._taken_in += job.state != "partial"
        if job.state == "partial":
            parts = f"{job.taken_in:,} of {job.in_all:,} parts" if job.taken_in and job.in_all else "a part"
            self._notes.append(f"{piece.name}: only {parts} taken in; the same again sends this file anew")
        elif job.state == "untold":
            self._notes.append(f"{piece.name}: this Ask Sage does not tell whether all of it was taken in")

    def _settle(self, piece: Piece, tokens: int | None, share: float | None) -> None:
        """Debit what is known; what is not stays held for the service's log."""
        for held in self._holds:
            bill = _bill(piece, held, tokens, share)
            if bill is None:
                held.await_bill()
                continue
            held.settle(bill)
            self._bills[held.call.meter].append(bill)
            if held.trouble:
                self._notes.append(f"{piece.name}: {held.trouble}")

    def _held(self, piece: Piece, meter: Meter) -> Held:
        settling = self._session.settling
        tokens = piece.training if meter is Meter.TRAINING else piece.inference
        held = Held(settling, settling.call(f"train:{self._planned.dataset}", tokens, meter))
        self._made.append(held)
        return held

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
        mark = self._uploads.mark(self._planned.dataset, self._context, piece.content)
        self._surely(partial(self._uploads.add, mark), f"{piece.name} is uploaded")

    def _surely(self, note: Callable[[], None], what: str) -> None:
        try:
            note()
        except OSError as error:
            warn(
                f"{what}, which could not be noted ({error.strerror}): another run uploads it again",
                stacklevel=2,
            )

    def _still_held(self) -> str:
        """What the ledger holds for the piece that was under way."""
        return "".join(f" {stays_held(held.tokens)}" for held in self._holds if held.tokens)

    def _so_far(self) -> str:
        """What was done before a piece stopped it, and how to go on."""
        done, whole = self._report(), len(self._planned.pieces) + len(self._under_way)
        before = f" before {self._piece.name}" if self._piece else ""
        return (
            f"{done.uploaded:,} of {whole:,} pieces were uploaded{before}, "
            f"for {done.tokens:,} training tokens; {self._going_on}the same again uploads the rest."
        )

    def _report(self) -> Training:
        training, inference = self._bills[Meter.TRAINING], self._bills[Meter.INFERENCE]
        return Training(
            dataset=self._planned.dataset,
            uploaded=self._taken_in,
            there=self._planned.there,
            tokens=sum(bill.tokens for bill in training),
            inference_tokens=sum(bill.tokens for bill in inference),
            sources=tuple(dict.fromkeys(bill.source for bill in training)),
            balance=self._session.balance_now(),
            notes=tuple(self._notes),
            held=sum(held.tokens for held in self._made if held.call.meter is Meter.TRAINING),
            is_demo=self._session.account.is_demo,
        )


def _bill(piece: Piece, held: Held, tokens: int | None, share: float | None) -> Bill | None:
    """What is debited on the call's meter: as told, else a text's price, else the recorded figure.

    Of a file that was taken in only in part, its share of that; None where the share is not told.
    """
    call, took_ms = held.call, held.took_ms
    if call.meter is Meter.TRAINING and tokens is not None:
        return Bill(tokens, Source.BILLED, duration_ms=took_ms)
    if piece.path is None:
        return Bill(call.estimate, Source.PRICED, duration_ms=took_ms)
    if share is not None:
        return Bill(math.ceil(call.estimate * share), Source.PRESUMED, duration_ms=took_ms)
    return None


def _share(job: UploadJob) -> float | None:
    """The part of a file that was taken in; None where it is not told."""
    if job.state == "succeeded":
        return 1.0
    if job.state != "partial" or job.taken_in is None or not job.in_all:
        return None
    return min(1.0, job.taken_in / job.in_all)
