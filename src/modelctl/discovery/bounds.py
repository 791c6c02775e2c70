"""How much a listing may be: a server that sends without end, or packs much into little, is refused in time.

For the clients of both HTTP libraries: httpx2, and httpx behind replicate.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from modelctl.discovery.pages import bare_url
from modelctl.discovery.source import UnusableListing

MOST_BYTES = 128 * 2**20
"""Of all pages together, unpacked: a million models in OpenAI's words are 90 MB, the longest listing known is 2 MB."""
PART_BYTES = 2**20
GZIP = 31
"""zlib's `wbits` for gzip with its header."""


class Bounds:
    """Reads the answers of one try at a listing, and no more of them than `MOST_BYTES`.

    `stream_of`: the library's `ByteStream`, for what was read.
    """

    def __init__(self, stream_of: Callable[[bytes], Any]) -> None:
        self._stream_of = stream_of
        self._left = MOST_BYTES

    @property
    def hooks(self) -> dict[str, list[Callable[[Any], None]]]:
        """A client's event hooks that keep the bounds."""
        return {"request": [self.prepare], "response": [self.read]}

    def prepare(self, request: Any) -> None:
        """Ask for gzip alone: other codings, which a client may know as well, cannot be unpacked in parts here."""
        request.headers["accept-encoding"] = "gzip"

    def read(self, response: Any) -> None:
        """Read the whole answer. UnusableListing where it is too long, or packed in a way that was not asked for."""
        address = bare_url(response.request.url)
        coding = response.headers.pop("content-encoding", "identity").strip().lower()
        pieces = self._counted(response.stream, address)
        if coding in ("gzip", "x-gzip"):
            pieces = self._counted(_unpacked(pieces, address), address)
        elif coding not in ("", "identity"):
            raise UnusableListing(f"{address} answered in the coding {coding!r:.40}, which was not asked for")
        content = b"".join(pieces)
        response.stream.close()
        response.stream = self._stream_of(content)

    def _counted(self, pieces: Iterable[bytes], address: str) -> Iterator[bytes]:
        for piece in pieces:
            self._left -= len(piece)
            if self._left < 0:
                raise UnusableListing(
                    f"{address} sends more than {MOST_BYTES // 2**20} MB: no listing of models is so long"
                )
            yield piece


def _unpacked(pieces: Iterable[bytes], address: str) -> Iterator[bytes]:
    """What is packed in gzip, a part at a time: a bomb goes off in small portions."""
    unpacker = zlib.decompressobj(GZIP)
    try:
        for piece in pieces:
            while piece:
                yield unpacker.decompress(piece, PART_BYTES)
                piece = unpacker.unconsumed_tail
    except zlib.error:
        raise UnusableListing(f"{address} answered with broken gzip") from None
