"""What a file is, by its content alone."""

import io

import pytest
from PIL import Image

from policybot.matching.media import look


def drawn(kind: str, *, frames: int = 1, loop: bool = False) -> bytes:
    out = io.BytesIO()
    pictures = [Image.new("RGB", (16, 16), (60 * n, 200, 10)) for n in range(frames)]
    more = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(out, kind, **more, **({"loop": 0} if loop else {}))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_a_moving_picture_is_told_from_a_still_one(kind: str) -> None:
    still, moving = look(drawn(kind)), look(drawn(kind, frames=3))
    assert still.kind.startswith("image/")
    assert (still.animated, moving.animated) == (False, True)


def test_a_film_moves_and_a_text_does_not() -> None:
    film = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(100)
    assert (look(film).kind, look(film).animated) == ("video/mp4", True)
    assert (look(b"Hello").kind, look(b"Hello").animated) == ("text/plain", False)


def test_the_size_is_that_of_the_whole_file() -> None:
    data = drawn("PNG")
    assert look(data).size == len(data)
    assert look(data, 5_000_000).size == 5_000_000


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"RIFF", b"\x89PNG\r\n\x1a\n", bytes(70_000)])
def test_what_is_no_whole_file_is_looked_at_without_fault(data: bytes) -> None:
    assert look(data).animated is False
