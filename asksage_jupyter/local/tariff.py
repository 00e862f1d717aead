"""What the local service charges, in integers: rates of one model, training, and files it cannot read."""

from __future__ import annotations

from ..account import Meter

ALLOTMENT = 200_000

# Ask Sage tokens per model token, in ten-thousandths: the rates of claude-45-haiku, exact in integers.
_PROMPT, _COMPLETION, _CALL, _ONE = 715, 3_575, 30_000, 10_000
CATALOG_RATE = {"prompt": 0.055, "completion": 0.275}  # times the usual factor of 1.3 is the bill

# What recorded uploads to Ask Sage cost: training tokens, and the inference of hearing or seeing them.
_SAMPLES = {
    ("pdf",): (575, 0),
    ("doc", "docx", "pptx", "xlsx"): (571, 0),
    ("jpg", "jpeg", "png", "gif", "webp"): (566, 777),
    ("mp3", "m4a", "mp4", "ogg", "wav"): (431, 1_300),
}


def converted(input_tokens: int, output_tokens: int) -> int:
    """Model tokens in Ask Sage tokens, as the tokenizer route tells it: without what every call adds."""
    return round((_PROMPT * input_tokens + _COMPLETION * output_tokens) / _ONE)


def billed(input_tokens: int, output_tokens: int) -> int:
    """The debit of one query, in Ask Sage tokens: ``ceil(0.0715 in + 0.3575 out + 3)``."""
    return -(-(_PROMPT * input_tokens + _COMPLETION * output_tokens + _CALL) // _ONE)


def taught(count: int) -> int:
    """The training debit of content of `count` cl100k tokens: ``ceil(1.3 count)``."""
    return -(-13 * count // 10)


def sampled(name: str) -> dict[Meter, int] | None:
    """The debits of a file that is not read here, by its name's ending; None for an unknown one."""
    ending = name.rpartition(".")[2].lower()
    for endings, (training, inference) in _SAMPLES.items():
        if ending in endings:
            return {Meter.TRAINING: training} | ({Meter.INFERENCE: inference} if inference else {})
    return None
