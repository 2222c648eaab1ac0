"""How the pictures of a video file are encoded, read from the file's own table of contents.

decord decodes but does not tell. MP4 and MOV are boxes within boxes (ISO/IEC 14496-12): four bytes
of size, four of type, then the content; the sample description `stsd` names the encoding.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

CODECS = {
    b"avc1": "H.264", b"avc3": "H.264", b"hvc1": "H.265", b"hev1": "H.265",
    b"mp4v": "MPEG-4 Part 2", b"av01": "AV1", b"vp08": "VP8", b"vp09": "VP9",
}  # fmt: skip
LARGEST_CONTENTS = 64_000_000
"""A larger table of contents is not read, in bytes."""


def codec_of(path: Path) -> str:
    """The encoding of an MP4's or MOV's first video track; empty where it cannot be told."""
    contents = _contents(path)
    for kind, track in _boxes(contents):
        if kind != b"trak":
            continue
        media = dict(_boxes(dict(_boxes(track)).get(b"mdia", b"")))
        if media.get(b"hdlr", b"")[8:12] == b"vide":
            table = dict(_boxes(dict(_boxes(media.get(b"minf", b""))).get(b"stbl", b"")))
            # Version and flags, number of entries, size of the first one, its type.
            return CODECS.get(table.get(b"stsd", b"")[12:16], "")
    return ""


def _contents(path: Path) -> bytes:
    """The box `moov`; nothing if the file has none."""
    end = path.stat().st_size
    with path.open("rb") as file:
        while (place := file.tell()) + 8 <= end:
            size, kind = struct.unpack(">I4s", file.read(8))
            if size == 1:  # a larger one follows
                size = int.from_bytes(file.read(8), "big")
            begin = file.tell()
            if not begin <= place + size <= end:
                break  # the last box, or no box at all
            if kind == b"moov":
                return file.read(place + size - begin) if size <= LARGEST_CONTENTS else b""
            file.seek(place + size)
    return b""


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        if size < 8:
            return
        yield kind, content[place + 8 : place + size]
        place += size
