"""The figures of 180 bills of Ask Sage on 18 models, September 2026, and its tokenizer as recorded."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import NamedTuple

from asksage_jupyter.rates import Cached
from asksage_jupyter.tokens import count

# A model with its rates before the factor of 1.3; then its bills: input (r read from a cache, w written to it
# for five minutes, h for an hour) > output = billed, and how often.
_RECORDED = """\
google-claude-45-haiku 0.055 0.275
4362 > 4 = 315, 4385 > 4 = 318, 11 w4355 > 4 = 394, 11 r4355 > 4 = 36 x2, 11 h4381 > 4 = 631
11 r4381 > 4 = 37, 11 h4383 > 4 = 632, 11 r4383 > 4 = 37, 4386 > 4 = 318 x2, 4400 > 4 = 318 x2
12 w4355 > 5 = 394, 12 r4381 > 5 = 37 x2, 1782 > 4 = 132, 11 w34683 > 4 = 3105, 11 r34683 > 4 = 253
5920 > 8 = 428, 7317 > 4 = 527, 8713 > 4 = 627, 10106 > 4 = 726, 11505 > 8 = 827, 12875 > 8 = 926
3 w5916 > 8 = 535, 3 r5916 w1397 > 4 = 173, 3 r7313 w1396 > 4 = 182, 3 r8709 w1393 > 4 = 192
3 r10102 w1399 > 4 = 203, 3 r11501 w1370 > 8 = 212, 4382 > 4 = 318, 27 > 526 = 192, 11 w4376 > 4 = 396
11 r4376 > 4 = 37, 11 h4343 > 4 = 626, 11 r4343 > 4 = 36, 4384 > 4 = 318 x2, 5764 > 8 = 418, 7161 > 4 = 515
8557 > 4 = 615, 9950 > 8 = 717, 11349 > 8 = 817, 12719 > 8 = 914, 3 w5758 > 8 = 520, 3 r5758 w1397 > 4 = 172
3 r7155 w1396 > 4 = 181, 3 r8551 w1393 > 8 = 193, 3 r9944 w1399 > 8 = 203, 3 r11343 w1370 > 8 = 211
820 > 4 = 63, 40 > 4 = 7, 5275 > 4 = 381, 14 > 4 = 4, 13 w5244 > 4 = 474, 13 r5244 > 4 = 42, 5257 > 4 = 380
13 h5212 > 4 = 751, 13 h5224 > 4 = 752, 10 w5222 h5254 > 4 = 1224, 10 r5254 w5222 > 4 = 510
google-claude-sonnet-5 0.165 0.825
5292 > 0 = 1137, 36 > 700 = 760, 14 w6299 > 0 = 1694, 61 r6299 > 0 = 150, 61 w6297 > 0 = 1703
61 r6297 > 0 = 150
google-claude-46-sonnet 0.165 0.825
4369 > 0 = 938, 11 w4360 > 0 = 1173, 28 r4360 > 0 = 101 x2
aws-bedrock-claude-45-sonnet-gov 0.55 1.634
4391 > 1 = 3144, 27 > 952 = 2043, 11 w4381 > 1 = 3928, 11 r4381 > 1 = 325 x2
gpt-5.4-nano 0.011 0.06875
4312 > 4 = 64, 26 > 838 = 77, 4342 > 4 = 64, 246 r4096 > 4 = 12, 246 r4096 > 19 = 13, 246 r4096 > 18 = 13
1756 > 4 = 28, 1751 > 4 = 28, 34211 > 4 = 492 x2, 163 r34048 > 4 = 54 x2, 899 > 37 = 17, 22 > 635 = 59
4322 > 4 = 64, 226 r4096 > 4 = 12 x2, 5185 > 4 = 77, 321 r4864 > 4 = 15, 5176 > 5 = 76, 312 r4864 > 5 = 15
gpt-4.1-nano 0.0055 0.022
4313 > 1 = 33, 27 > 825 = 26, 4294 > 1 = 33, 198 r4096 > 1 = 8 x3, 34273 > 1 = 247 x2
225 r34048 > 1 = 29 x2
gpt-5.6-luna 0.011 0.066
3 w4309 > 4 = 81, 26 > 855 = 76, 3 w4295 > 4 = 81 x3, 3 r4286 w9 > 4 = 11, 3 w4343 > 5 = 81
3 r4334 w9 > 5 = 11 x2, 3 w34208 > 4 = 615 x2, 3 r34208 > 4 = 52, 891 > 4 = 15, 22 > 581 = 52
3 w4324 > 4 = 81 x2, 3 r4324 > 4 = 10, 3 w4300 > 5 = 81, 3 r4300 > 5 = 10
gpt-6-luna 0.0055 0.033
3 w4303 > 4 = 42, 26 > 867 = 39
aws-bedrock-gpt-5-6-luna-gov 0.0132 0.0792
4302 > 5 = 76, 26 > 859 = 91, 4309 > 5 = 76 x3
gpt-5.6-luna-gov 0.014 0.0825
3 w4327 > 4 = 102, 26 > 858 = 94, 3 w4302 > 4 = 102, 3 r4293 w9 > 4 = 13 x2
google-gemini-3.1-flash-lite-gov 0.01375 0.0825
4366 > 1 = 81, 20 > 947 = 104, 4346 > 1 = 80 x3, 1746 > 1 = 34, 4374 > 1 = 81, 19 > 493 = 55
4358 > 1 = 80 x2, 5191 > 1 = 95 x3
google-gemini-2.5-flash 0.015 0.125
4346 > 1 = 88, 20 > 947 = 156, 4342 > 1 = 88 x3, 34622 > 1 = 678 x2, 5244 > 1 = 104 x3
google-claude-opus-5-5 0.22 1.1
4221 > 0 = 1208, 16 h6237 > 4 = 3581, 16 h6270 > 4 = 3599, 14 w6234 h6276 > 4 = 5832
14 r6276 w6234 > 4 = 2333
gpt-5.4 0.1375 0.825
3422 > 14 = 628
gpt-6-sol 0.1375 0.825
3 w2191 > 5 = 498, 3 r2191 > 5 = 49, 3 w2189 > 5 = 498, 3 r2189 > 5 = 49
google-gemini-3.7-flash 0.04125 0.20625
5277 > 1 = 285 x3
gpt-4.1 0.11 0.44
15710 > 103 = 2308
gpt-6-astra 0.55 2.75
21348 > 159 = 15834, 24363 > 730 = 20031, 24731 > 296 = 18743, 24934 > 45 = 17990
"""


class Recorded(NamedTuple):
    """One bill; all input is `input_tokens`, what was cached is told apart."""

    model: str
    prompt: float
    completion: float
    input_tokens: int
    output_tokens: int
    cached: Cached
    tokens: int

    @property
    def has_one_kind(self):
        return self.cached == Cached()


def bills():
    """All of them, one by one."""
    found = []
    for line in _RECORDED.splitlines():
        if ">" not in line:
            model, prompt, completion = line.split()
            continue
        for bill in line.split(", "):
            asked, answered, tokens, times = re.fullmatch(r"(.+) > (\d+) = (\d+)(?: x(\d+))?", bill).groups()
            plain, *kinds = asked.split()
            told = {kind[0]: int(kind[1:]) for kind in kinds}
            cached = Cached(told.get("r", 0), told.get("w", 0), told.get("h", 0))
            all_input = int(plain) + sum(told.values())
            rates = float(prompt), float(completion)
            found += [Recorded(model, *rates, all_input, int(answered), cached, int(tokens))] * int(
                times or 1
            )
    return found


class Tokenizer:
    """The free route as recorded: cl100k_base over the whole body, priced by the rule of the bills."""

    def __init__(self, prompt, completion, flat=0):
        self.prompt, self.completion, self.flat = Fraction(str(prompt)), Fraction(str(completion)), flat
        self.asked = 0

    def tokenize(self, content, model):
        self.asked += 1
        return self._counted(content, model, False, 0)

    def price(self, content, model, completion_estimate=0):
        self.asked += 1
        tokens = self._counted(content, model, True, completion_estimate)
        whole = math.ceil(tokens * self.prompt) + math.ceil(completion_estimate * self.completion)
        return self.flat or math.ceil(Fraction(13, 10) * whole)

    def _counted(self, content, model, convert, estimate):
        body = {"content": content, "model": model, "convert_to_asksage": convert}
        return count(str({**body, "completion_estimate": estimate, "app_name": "asksage"}))
