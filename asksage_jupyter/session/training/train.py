"""Upload to a dataset: priced, held and debited piece by piece, and only what is not there yet."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...account import Meter
from ...display.plain import shown, storable
from ...errors import BadInput, BadKey, Interrupted, NotReached, ServiceError
from .. import given
from ..asking.shortage import afford
from ..near import near
from .sources import Piece, pieces_of
from .trained import Training, TrainingEstimate
from .underway import Register, UnderWay
from .upload import Upload
from .uploaded import Uploads

if TYPE_CHECKING:
    from ..session import Session


def train(
    session: Session,
    source: Any,
    dataset: str,
    *,
    context: str = "",
    estimate: bool = False,
    again: bool = False,
) -> Training | TrainingEstimate:
    """Do what `asksage_jupyter.train` says."""
    try:
        dataset, context = given.text(dataset, "dataset"), given.text(context, "context")
        estimate, again = given.yes(estimate, "estimate"), given.yes(again, "again")
        pieces = pieces_of(source)
        dataset = _existing(session, dataset)
        missing, under_way = _planned(session, pieces, dataset, context, again=again)
        if estimate:
            return missing
        session.settling.debits.catch_up()
        session.prepared(lambda: None)  # whose key it is, too
        afford(session, Meter.TRAINING, missing.training)
        afford(session, Meter.INFERENCE, missing.inference)
        upload = Upload(session, missing, context, under_way)
    except KeyboardInterrupt:
        raise Interrupted(Training(dataset), "nothing was sent.") from None
    return upload.run()


def _existing(session: Session, name: str) -> str:
    """The dataset's name in full; an unknown one is refused, for it may be a slip of the pen."""
    if storable(name) != name:
        raise BadInput(f"{shown(name)} cannot be a dataset's name: write one of %asksage datasets")
    if not name.strip():
        raise BadInput("name the dataset; %asksage datasets lists them")
    try:
        there = session.asking(lambda service: service.datasets())
    except (BadKey, NotReached):
        raise
    except ServiceError:
        return name  # the tenant does not list them: the upload itself tells
    own = [each for each in there if re.fullmatch(rf"user_custom_[^_]+_{re.escape(name)}_content", each)]
    if name in there or len(own) == 1:
        return name if name in there else own[0]
    with suppress(OSError):
        Uploads(session.ledger.folder, session.account).forget(name)  # if it was there, it is gone
    named = name if len(name) <= 40 else "NAME"
    hint = near(name, dict(zip(there, there, strict=True)))
    raise BadInput(f"no dataset {shown(name)} here.{hint} %asksage datasets --create {named} makes it.")


def _planned(
    session: Session, pieces: list[Piece], dataset: str, context: str, *, again: bool
) -> tuple[TrainingEstimate, list[tuple[Piece, UnderWay]]]:
    """What is to be sent, and what an earlier run sent that goes on at the service."""
    uploads, going = Uploads(session.ledger.folder, session.account), Register(session.ledger.folder).all()
    by_mark = {uploads.mark(dataset, context, piece.content): piece for piece in pieces}
    done = set() if again else uploads.done()
    under_way = [(piece, going[mark]) for mark, piece in by_mark.items() if mark in going]
    missing = tuple(piece for mark, piece in by_mark.items() if mark not in done | going.keys())
    there = len(by_mark) - len(missing) - len(under_way)
    return TrainingEstimate(dataset, missing, there, len(under_way)), under_way
