"""The child process that decodes what people upload: run for one file, confined, and thrown away.

It imports the standard library, Pillow and pypdfium2 and nothing of ours, and is started by its path.
In: one byte for the kind, one for how it is drawn, four for the length, the file. Out: one byte, 0 and
then the number of pictures and each of them with its length, or 1 and then one byte that says why not.
"""

import ctypes
import io
import os
import resource
import struct
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = ("image/jpeg", "image/png", "image/webp", "application/pdf", "image/gif")
"""What can be drawn, in the order of the bytes that stand for it."""
WHOLE, FIRST, BLURRED = range(3)
"""How: every picture of it, and none that moves; the first one; the first one blurred, and small."""
FAULTS = ("unreadable", "too-large", "animated", "encrypted", "pages")
"""What a file can be refused for, in the order of the bytes that stand for it."""

MEMORY = 512 * 2**20
CPU_SECONDS = 10
MAX_PIXELS = 25_000_000
MAX_PAGES = 5
_DPI = 150
_POINTS = 72
_QUALITY = 88
_LONGEST_INPUT = 64 * 2**20
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
_LEFT, _BLURRED_SIZE = 20, 240
"""Pixels along the longer side that are left of a blurred picture, and along which it is shown."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446  # the same on every architecture
_LANDLOCK_HANDLED = ((1, 0x1FFF), (4, 3), (6, 3))
"""By version: all that is done with files, with TCP, and to others (linux/landlock.h)."""
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38


class Unfit(Exception):  # noqa: N818 - an answer
    """A file that is not taken; its text is one of `FAULTS`."""


def confine() -> bool:
    """Give up what decoding does not need; say whether the network is out of reach as well.

    What cannot be given up on this platform is left: the limits and the empty environment hold
    everywhere, the rest on Linux, and the network where the kernel lets us have a namespace.
    """
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(limit, (value, value))
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # With the right for it the first is enough; without it a namespace of users gives the right.
    flags = (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    alone = any(libc.unshare(flag) == 0 for flag in flags)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return alone


def shut_files() -> bool:
    """Give up all files of this machine, those of our own user included (Linux, Landlock).

    What decoding needs is imported before; fonts of the system are not among it. Newer kernels also
    let us give up TCP, and signals to others. Says whether it is so.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return False
    handled = [what for since, what in _LANDLOCK_HANDLED if version >= since]
    rules = (ctypes.c_uint64 * len(handled))(*handled)
    ruleset = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    return bool(ruleset >= 0 and libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)


def get_ready() -> None:
    """Import all that decoding needs, while files can still be read."""
    import copy  # GIFs are read with it

    import PIL.GifImagePlugin
    import PIL.ImageOps
    import PIL.JpegImagePlugin
    import PIL.MpoImagePlugin
    import PIL.PngImagePlugin
    import PIL.WebPImagePlugin
    import pypdfium2.raw

    PIL.Image.preinit()
    del copy, pypdfium2


def pictures(kind: str, data: bytes, how: int = WHOLE) -> Iterator[bytes]:
    """Decode a file and draw each of its pictures anew.

    Raises:
        Unfit: it is not taken.
    """
    if kind == "application/pdf":
        yield from _pages(data)
        return
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(io.BytesIO(data), formats=[_FORMATS[kind]]) as image:
        # A JPEG may carry a preview or a second view beside it, as those of many telephones do.
        if how == WHOLE and kind != "image/jpeg" and getattr(image, "n_frames", 1) != 1:
            raise Unfit("animated")  # noqa: EM101 - a code
        _check_size(*image.size)
        yield _redrawn(image, blurred=how == BLURRED)


def _check_size(width: float, height: float) -> None:
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise Unfit("too-large")  # noqa: EM101 - a code


def _redrawn(image: "Image", *, blurred: bool = False) -> bytes:
    """Copy the pixels into a new picture: whatever else the file had with it stays behind."""
    from PIL import Image, ImageOps

    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        drawn = image.convert("RGBA")
        image = Image.new("RGB", drawn.size, "white")
        image.paste(drawn, mask=drawn.getchannel("A"))
    elif image.mode != "RGB":
        image = image.convert("RGB")
    bare = Image.frombytes("RGB", image.size, image.tobytes())
    if blurred:
        bare = _blurred(bare)
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _blurred(image: "Image") -> "Image":
    """Leave so few pixels that nobody recognises anything, and show them in soft transitions."""
    from PIL import Image

    image.thumbnail((_LEFT, _LEFT), Image.Resampling.BOX)
    scale = _BLURRED_SIZE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _pages(data: bytes) -> Iterator[bytes]:
    import pypdfium2
    import pypdfium2.raw

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise Unfit("encrypted" if locked else "unreadable") from None
    # A password for the owner alone lets everybody look, and is still an encrypted file.
    if pypdfium2.raw.FPDF_GetSecurityHandlerRevision(document) != -1:
        raise Unfit("encrypted")  # noqa: EM101 - a code
    if not 1 <= len(document) <= MAX_PAGES:
        raise Unfit("pages")  # noqa: EM101 - a code
    scale = _DPI / _POINTS
    for page in document:
        width, height = page.get_size()
        _check_size(width * scale, height * scale)
        drawn = page.render(scale=scale, may_draw_forms=False)
        yield _redrawn(drawn.to_pil())
        drawn.close()
        page.close()


def answer(kind: str, data: bytes, how: int = WHOLE) -> bytes:
    """Do the work, and write what came of it."""
    try:
        done = list(pictures(kind, data, how))
    except Unfit as unfit:
        return bytes([1, FAULTS.index(str(unfit))])
    except MemoryError:
        return bytes([1, FAULTS.index("too-large")])
    except Exception as error:  # noqa: BLE001 - a hostile file can fail in any way
        name = type(error).__name__
        fault = "too-large" if name.startswith("DecompressionBomb") else "unreadable"
        return bytes([1, FAULTS.index(fault)])
    framed = b"".join(struct.pack(">I", len(picture)) + picture for picture in done)
    return bytes([0, len(done)]) + framed


def main() -> None:
    """Read one file, answer, end."""
    confine()
    get_ready()
    shut_files()
    warnings.simplefilter("error")
    kind, how, length = struct.unpack(">BBI", sys.stdin.buffer.read(6))
    if length > _LONGEST_INPUT:
        return
    data = sys.stdin.buffer.read(length)
    if len(data) == length:
        sys.stdout.buffer.write(answer(KINDS[kind], data, how))
        sys.stdout.buffer.flush()
    # What is left of the libraries is not worth an orderly end.
    os._exit(0)


if __name__ == "__main__":
    main()
