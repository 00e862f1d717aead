"""What is written in a prompt cell: the words of its line, its options, the ``{name}``s of its text.

Needs neither IPython nor the network: the server behind the sidebar reads a cell as the kernel does.
"""

from .braces import expand, unfilled
from .cell import Cell, cell_of
from .cell_parser import cell_parser
from .options import CellOptions, parse_cell
from .parser import Option, Parser, option, split, words_at
from .training import TRAINING_CELL, UPLOAD_OPTIONS, read_training, training_parser

__all__ = [
    "TRAINING_CELL",
    "UPLOAD_OPTIONS",
    "Cell",
    "CellOptions",
    "Option",
    "Parser",
    "cell_of",
    "cell_parser",
    "expand",
    "option",
    "parse_cell",
    "read_training",
    "split",
    "training_parser",
    "unfilled",
    "words_at",
]
