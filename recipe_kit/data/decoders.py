"""Decoders: which frames of an opened video, in; their pixels, one by one, out."""

import contextlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.ahead import reads_alone
from recipe_kit.data.film import Film, damaged
from recipe_kit.errors import DataError, MissingPackageError

MARGIN = 256
"""Encoders work on blocks, so frames are a little larger inside than they are shown; and the
decoder of MPEG-4 needs some room of its own, more than the whole of a very small frame."""

SMALL = 100_000
"""Frames of fewer pixels are decoded by one thread."""

DECORD_FRAMES = 32
"""Frames that decord decodes at once."""

Frame = NDArray[np.uint8]
Decoder = Callable[[Film, Sequence[int]], Iterator[Frame]]
"""From a film and ascending frame numbers to each frame, uint8 [H, W, 3]."""


def by_av(film: Film, indices: Sequence[int]) -> Iterator[Frame]:
    """Decode with PyAV no more than is needed.

    Groups of pictures without a wanted frame are not decoded, nor frames that no other builds on.

    Raises:
        DataError: A wanted frame is damaged or missing.
    """
    everything = [True] * len(film.order)
    needed = _needed(film, indices) if film.timed else everything
    done = 0
    try:
        for frame in _frames(film, indices, needed):
            yield frame
            done += 1
    except DataError:
        # Not every picture that is announced as a beginning is one.
        if all(needed):
            raise
        yield from _frames(film, indices[done:], everything)


def by_decord(film: Film, indices: Sequence[int]) -> Iterator[Frame]:
    """Decode with decord; with PyAV what decord cannot, or counts otherwise.

    decord gives patched-up frames of a damaged file, without a word.

    Raises:
        DataError: A wanted frame is missing.
        MissingPackageError: decord is not installed.
    """
    try:
        import decord
    except ImportError as error:
        raise MissingPackageError("model.video.reader: decord needs decord",
                                  fix="pip install decord2") from error
    done = 0
    # It shows what an edit list cuts away.
    if film.timed and len(film.stamps) == len(film.order):
        # It refuses frames of some small widths (32, 48, 96, 144 pixels), and gives turned ones
        # with four channels.
        with contextlib.suppress(decord.DECORDError):
            reader = decord.VideoReader(str(film.path))
            while done < len(indices) and len(reader) == len(film.stamps):
                frames = reader.get_batch(indices[done : done + DECORD_FRAMES]).asnumpy()
                if frames.shape[-1] != 3:
                    break
                yield from frames
                done += len(frames)
    if done < len(indices):
        yield from by_av(film, indices[done:])


DECODERS: dict[str, Decoder] = {"pyav": by_av, "decord": by_decord}
"""By `model.video.reader`."""


def _frames(film: Film, indices: Sequence[int], needed: Sequence[bool]) -> Iterator[Frame]:
    import av
    from av.video.reformatter import VideoReformatter

    converter = VideoReformatter()  # one for all frames, which is much quicker than one for each
    wanted = [film.stamps[index] if film.timed else index for index in indices]
    done = 0
    try:
        for number, frame in enumerate(_decoded(film, set(wanted), needed)):
            if done == len(wanted):
                return
            if wanted[done] != (frame.pts if film.timed else number):
                continue
            if frame.is_corrupt:
                break
            yield _pixels(frame, converter)
            done += 1
    except av.error.FFmpegError as error:
        raise damaged(film.path, f"it is damaged {_place(film, indices[done])}") from error
    if done < len(wanted):
        raise damaged(film.path, f"it is damaged {_place(film, indices[done])}")


def _place(film: Film, index: int) -> str:
    return f"at frame {index + 1} of {len(film.stamps)}, or before"


def _decoded(film: Film, wanted: set[int], needed: Sequence[bool]) -> Iterator[Any]:
    context = film.stream.codec_context
    if not context.is_open:
        context.thread_type = "AUTO"
        # As many as there are cores, but one where passing frames on costs more than decoding, or
        # where the cores have other films to decode.
        large = context.width * context.height > SMALL
        context.thread_count = 0 if large and reads_alone() else 1
        # A damaged frame is an error, and not patched up from its neighbors; and one that is much
        # larger than the file announced fills no memory.
        most = (film.stream.width + MARGIN) * (film.stream.height + MARGIN)
        context.options = {"err_detect": "explode", "max_pixels": str(most)}
    context.flush_buffers()
    gap = False
    for packet, (stamp, _), use in zip(film.packets(), film.order, needed, strict=True):
        if use and gap:
            yield from context.decode(None)
            context.flush_buffers()
        if use:
            skip = film.timed and stamp not in wanted
            context.skip_frame = "NONREF" if skip else "DEFAULT"
            yield from context.decode(packet)
        gap = not use
    yield from context.decode(None)


def _needed(film: Film, indices: Sequence[int]) -> list[bool]:
    """Which packets are in a stretch from where decoding can begin to a wanted frame."""
    places = {stamp: place for place, (stamp, _) in enumerate(film.order)}
    starts = sorted((stamp, place) for place, (stamp, key) in enumerate(film.order) if key)
    needed = [False] * len(film.order)
    for index in indices:
        stamp = film.stamps[index]
        before = bisect_right(starts, (stamp, len(needed))) - 1
        begin = starts[before][1] if before >= 0 else 0
        end = places[stamp] + 1
        needed[begin:end] = [True] * (end - begin)
    return needed


def _pixels(frame: Any, converter: Any) -> Frame:
    pixels: Frame = converter.reformat(frame, format="rgb24").to_ndarray()
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
