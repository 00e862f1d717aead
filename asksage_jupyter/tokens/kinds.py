"""What kind of file some bytes are: text, which is counted, or one that the service reads in its own way."""

from __future__ import annotations

import re
from pathlib import Path

from ..files import reading

_HEAD = 1 << 13  # bytes that are looked at
_PICTURES = (
    rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|II\*\x00|MM\x00\*|8BPS|\x00\x00\x01\x00|BM.{4}\x00{4}|RIFF.{4}WEBP"
    rb"|\x00\x00\x00\x0c(?:jP|JXL) |\xff\x0a|.{4}ftyp(?:hei|hev|mif|msf|avi)"
)
_SOUNDS = (
    rb"ID3[\x02-\x04]|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd]|OggS|fLaC|RIFF.{4}(?:WAVE|AVI )|FORM.{4}AIF|MThd"
    rb"|#!AMR|\x1aE\xdf\xa3|.{4}ftyp|.{4}moov|\x00\x00\x01\xba|FLV\x01|0&\xb2u"
)
_PDF = rb"\s{0,64}%PDF-"
_DOCUMENTS = (
    rb"\xd0\xcf\x11\xe0|\{\\rtf|PK\x03\x04.{26}mimetypeapplication/"
    rb"|PK\x03\x04.*?(?:\[Content_Types\]\.xml|word/|xl/|ppt/|_rels/)"
)
# The first that matches tells; the names of files only where none does.
_MAGIC = [
    (kind, re.compile(begins, re.DOTALL))
    for kind, begins in (("PDF", _PDF), ("picture", _PICTURES), ("sound", _SOUNDS), ("document", _DOCUMENTS))
]
_ENDINGS = {
    "picture": "jpg jpeg png gif bmp tif tiff webp heic heif avif ico jp2 jxl psd",
    "sound": "mp3 wav m4a aac ogg oga opus flac aiff amr wma mp4 m4v mov avi mkv webm mpg mpeg",
    "PDF": "pdf",
    "document": "doc docx ppt pptx xls xlsx odt odp ods rtf epub",
}
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")  # a text's, in UTF-16 and UTF-8


def kind_of(content: bytes, name: str = "") -> str:
    """The kind of a file: ``text``, ``PDF``, ``document``, ``picture``, ``sound`` or ``other``.

    Parameters
    ----------
    content : bytes
        The file, or its first 8 kB. A film counts as sound.
    name : str
        Its name, whose ending tells where the content begins like nothing that is known.
    """
    head = content[:_HEAD]
    if head.startswith(_MARKS):
        return "text"
    for kind, begins in _MAGIC:
        if begins.match(head):
            return kind
    ending = name.rpartition(".")[2].lower()
    for kind, endings in _ENDINGS.items():
        if ending in endings.split():
            return kind
    return "text" if _is_text(head) else "other"


def file_kind(path: Path) -> str:
    """`kind_of` the file at `path`.

    Raises
    ------
    BadInput
        It cannot be read.
    """
    with reading(path), path.open("rb") as file:
        return kind_of(file.read(_HEAD), path.name)


def _is_text(head: bytes) -> bool:
    """Whether it could be text in some encoding of bytes: next to no control characters, and no NUL."""
    control = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 or byte == 127 for byte in head)
    return b"\0" not in head and control * 50 <= len(head)
