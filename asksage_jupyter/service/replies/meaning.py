"""What the service's words on a failure mean.

They differ by route, tenant and provider, and no list of them is published: they are read for what they
name, and shown as they came.
"""

from __future__ import annotations

import re
from enum import Enum, auto


class Meaning(Enum):
    """What a failure's words say."""

    BAD_KEY = auto()
    OUT_OF_TOKENS = auto()
    BUSY = auto()
    OTHER = auto()


# As texts: they are compiled at the first failure, which most kernels never see.
_CREDENTIAL = (
    r"(?:(?:access|auth\w*|api|bearer) (?:tokens?|keys?)|x access tokens?|x api key|jwt|token|signature"
    r"|session)"
)
_WRONG = r"(?:invalid|incorrect|missing|expired|revoked|malformed|not valid|no longer valid)"
# Only words that say nothing may stand between: a "token budget" that expired is no key.
_LINK = r"(?:\s(?:is|was|has|have|been|seems|to|be|an?|the|your|provided|given|or|and|already|header))*\s"
_BAD_KEY = (
    rf"\b{_CREDENTIAL}{_LINK}{_WRONG}\b"
    r"|\bauthentication (?:failed|error|required)\b"
    rf"|\b{_WRONG}(?:\sor\s{_WRONG})?{_LINK}{_CREDENTIAL}\b(?! (?:count|number|limit|window|budget|length))"
)
_RATE = (
    r"\brate limit|too many requests|\bper (?:second|min(?:ute)?|hour)\b|\ba (?:second|minute)\b"
    r"|\b(?:tpm|rpm|rps)\b|throttl|concurren|slow down"
)
_BUSY = r"overload|try again|too many|\bbusy\b|unavailable|capacity"
# Of one prompt or one file, not of a month.
_SIZE = (
    r"\bcontext\b|too (?:large|long|big)|\bnumber of (?:\w+ )?tokens\b|\b(?:window|length)\b"
    r"|\b(?:max(?:imum)?|input|output|prompt|completion|message|request|model|character|chunk|page|file size"
    r"|upload size|size)(?: \w+)? (?:limit|cap|quota)\b"
    r"|\b(?:of|for) (?:the|this) (?:model|request|prompt|message|file)\b"
)
_OTHER_THINGS = (
    r"\b(?:datasets?|files?|images?|users?|seats?|agents?|personas?|plugins?|chunks?|pages?|attachments?)\b"
)
_SPENT = r"(?:exceed\w*|reach\w*|hit|exhaust\w*|deplet\w*|used up|ran out|run out|over|expired|insufficient)"
_LIMIT = r"(?:quotas?|limits?|budgets?|allowances?|allotments?|allocations?|credits?|balance|pool)"
_OUT = (
    rf"\bquotas?\b|\b{_LIMIT}\b.{{0,40}}\b{_SPENT}\b|\b{_SPENT}\b.{{0,60}}\b{_LIMIT}\b"
    r"|\bout of (?:\w+ ){0,2}(?:tokens|credits)\b"
    r"|\b(?:no|not enough|insufficient|zero|0) (?:\w+ ){0,3}(?:tokens|credits)\b"
    r"|\b(?:used|spent|consumed|exhausted) (?:\w+ ){0,5}tokens\b"
    rf"|\btokens (?:\w+ ){{0,4}}{_SPENT}\b"
)
_MONTHLY = r"\b(?:monthly|this month|per month|a month|plan|subscription)\b"
_OF_OTHERS = r"\byour (?=(?:organi[sz]ation|org|team|company|agency|tenant|pool|plan|subscription)\b)"
_WHOSE = {
    "yours": r"\b(?:your|user|personal|individual)\b",
    "the pool's": r"\b(?:organi[sz]ation\w*|org|pool|team|company|agency|tenant)\b",
    "the plan's": r"\b(?:plan|subscription|license|tier)\b",
}


def meaning_of(words: str) -> Meaning:
    """What `words` say: of a key, of tokens used up, of a service that is busy, or of something else."""
    text = _flat(words)
    if _is_out(text):
        return Meaning.OUT_OF_TOKENS
    if re.search(_BAD_KEY, text):
        return Meaning.BAD_KEY
    return Meaning.BUSY if re.search(_RATE, text) or re.search(_BUSY, text) else Meaning.OTHER


def limit_named(words: str) -> str:
    """Whose limit `words` name, such as ``"yours or the plan's"``; empty where they name none."""
    text = re.sub(_OF_OTHERS, "the ", _flat(words))
    return " or ".join(whose for whose, sign in _WHOSE.items() if re.search(sign, text))


def _is_out(text: str) -> bool:
    if re.search(_RATE, text) or not re.search(_OUT, text):
        return False
    if "token" not in text and re.search(_OTHER_THINGS, text) and not re.search(_MONTHLY, text):
        return False
    return bool(re.search(_MONTHLY, text)) or not re.search(_SIZE, text)


def _flat(words: str) -> str:
    """In small letters, with what joins the words of a code as blanks."""
    return " ".join(re.sub(r"[_\-]+", " ", words).lower().split())
