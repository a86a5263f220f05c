"""What people upload: only pixels come through, whatever else was in the file."""

import asyncio
import io
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest
from PIL import Image

from policybot.identity import clean
from policybot.identity.document import ChildCleaner
from policybot.ports import Unfit
from tests import pictures


async def cleaned(data: bytes) -> list[Image.Image]:
    found = await ChildCleaner().clean(data)
    assert all(picture.startswith(b"\xff\xd8\xff") for picture in found)
    return [Image.open(io.BytesIO(picture)) for picture in found]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_comes_through_as_jpeg(kind: str) -> None:
    [image] = await cleaned(pictures.picture(kind))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (400, 300))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK"])
async def test_every_kind_of_colour_comes_through(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (50, 40)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    [image] = await cleaned(out.getvalue())
    assert image.size == (50, 40)


async def test_where_a_photograph_was_taken_is_gone_and_it_stands_upright() -> None:
    photograph = pictures.photograph((800, 600))
    assert Image.open(io.BytesIO(photograph)).getexif().get_ifd(0x8825)
    [image] = await cleaned(photograph)
    assert not image.getexif()
    assert "exif" not in image.info
    assert image.size == (600, 800)


async def test_what_was_appended_to_a_picture_is_gone() -> None:
    """A file that is a JPEG, a script and an archive at once."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("evil.sh", "rm -rf /")
    several = (
        pictures.picture(comment=b"<script>in</script>") + b"<script>out</script>" + archive.getvalue()
    )
    assert zipfile.is_zipfile(io.BytesIO(several))
    [picture] = await ChildCleaner().clean(several)
    assert b"script" not in picture
    assert not zipfile.is_zipfile(io.BytesIO(picture))


async def test_each_page_of_a_pdf_becomes_a_picture() -> None:
    found = await cleaned(pictures.pdf(pages=5))
    assert [image.size for image in found] == [(834, 834)] * 5


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JPEG, PNG, WebP or PDF"),
        (b"I am a text, and somebody called me photo.jpg", "no JPEG, PNG, WebP or PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG, PNG, WebP or PDF"),
        (b"GIF89a" + bytes(40), "no JPEG, PNG, WebP or PDF"),
        (pictures.picture()[:700], "cannot be read"),
        (pictures.picture("PNG")[:200], "cannot be read"),
        (b"%PDF-1.7\nnothing of the kind", "cannot be read"),
        (pictures.moving(), "moves"),
        (pictures.pdf(pages=6), "at most 5 pages"),
        (pictures.pdf(pages=200), "at most 5 pages"),
        (pictures.pdf(side=14_400), "too large"),
        (pictures.locked_pdf(to_open=True), "protected"),
        (pictures.locked_pdf(to_open=False), "protected"),
    ],
    ids=[
        *("empty", "text-named-jpg", "svg", "gif", "truncated-jpeg", "truncated-png", "broken-pdf"),
        *("moving-webp", "6-pages", "200-pages", "huge-page", "password-to-open", "password-to-print"),
    ],
)
async def test_what_is_not_taken_is_refused_with_a_sentence(data: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        await ChildCleaner().clean(data)


async def test_a_bomb_of_pixels_is_refused_fast() -> None:
    data = pictures.bomb()
    begun = time.perf_counter()
    with pytest.raises(Unfit, match="too large"):
        await ChildCleaner().clean(data)
    assert time.perf_counter() - begun < 3


async def test_a_bomb_in_a_pdf_takes_no_more_than_its_child_may() -> None:
    begun = time.perf_counter()
    try:
        found = await cleaned(pictures.pdf_bomb())
    except Unfit as unfit:
        assert "cannot be read" in str(unfit)  # noqa: PT017 - both are right
    else:
        assert [image.size for image in found] == [(834, 834)]
    assert time.perf_counter() - begun < 20


def confined(code: str) -> subprocess.CompletedProcess[bytes]:
    """Run something in a child that has given up what decoding does not need."""
    begin = f"import runpy; clean = runpy.run_path({clean.__file__!r}); alone = clean['confine']()\n"
    return subprocess.run([sys.executable, "-I", "-c", begin + code], capture_output=True, check=False)


def test_a_child_has_no_more_memory_than_its_limit() -> None:
    done = confined("try:\n bytearray(600 * 2**20)\nexcept MemoryError:\n print('held')")
    assert done.stdout == b"held\n", done.stderr
    assert confined("bytearray(100 * 2**20); print('fine')").stdout == b"fine\n"


def test_a_child_writes_no_file(tmp_path: Path) -> None:
    done = confined(f"import os; os.write(os.open({str(tmp_path) + '/file'!r}, 65), b'x')")
    assert b"File too large" in done.stderr


def test_a_child_reads_no_file_where_the_kernel_lets_it(tmp_path: Path) -> None:
    """What took a child over would otherwise read the keys of the vault: they are the same user's."""
    key = tmp_path / "vault.key"
    key.write_text("secret")
    done = confined(
        f"clean['get_ready'](); print(clean['shut_files']()); print(open({str(key)!r}).read())"
    )
    if done.stdout.startswith(b"True"):
        assert b"secret" not in done.stdout
        assert b"PermissionError" in done.stderr


def test_a_child_has_no_network_where_the_kernel_lets_it() -> None:
    done = confined(
        "import socket\nprint(alone)\ntry:\n"
        " socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError as error:\n print(error.errno)"
    )
    alone, errno = done.stdout.split()
    if alone == b"True":
        assert int(errno) == 101, "the network cannot be reached, not even this machine"


def test_a_child_cannot_gain_rights_or_be_looked_into() -> None:
    if sys.platform == "linux":
        done = confined("print(open('/proc/self/status').read())")
        assert b"NoNewPrivs:\t1" in done.stdout


def test_a_child_knows_nothing_of_ours() -> None:
    code = "import sys; print([m for m in sys.modules if m.startswith(('policybot', 'aiohttp', 'ssl'))])"
    assert confined(code).stdout == b"[]\n"


_others: set[int] = set()


@pytest.fixture(autouse=True)
def other_children() -> None:
    """Remember the children that are not of these tests: servers that others have started."""
    _others.update(child.pid for child in psutil.Process().children())


def children() -> list[psutil.Process]:
    """List the children that were started meanwhile."""
    return [child for child in psutil.Process().children() if child.pid not in _others]


def bars() -> Image.Image:
    """Draw something with detail: thin bars."""
    image = Image.new("RGB", (400, 300), "white")
    for x in range(0, 400, 8):
        image.paste("black", (x, 0, x + 4, 300))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
async def test_a_picture_of_a_case_is_blurred_and_small_or_clear(kind: str) -> None:
    out = io.BytesIO()
    bars().save(out, kind)
    cleaner = ChildCleaner()
    clear = Image.open(io.BytesIO(await cleaner.draw(out.getvalue(), blurred=False)))
    blurred = Image.open(io.BytesIO(await cleaner.draw(out.getvalue(), blurred=True)))
    assert (clear.format, clear.size) == ("JPEG", (400, 300))
    assert (blurred.format, blurred.size) == ("JPEG", (240, 180))

    def contrast(image: Image.Image) -> int:
        low, high = image.convert("L").crop((20, 20, 220, 160)).getextrema()
        return int(high) - int(low)  # type: ignore[arg-type]  # of one band: numbers

    assert contrast(clear) > 200, "one sees the bars"
    assert contrast(blurred) < 80, "one does not"


async def test_of_a_picture_that_moves_the_first_is_drawn() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(Unfit):
        await ChildCleaner().clean(out.getvalue())  # nobody shows who they are by one
    drawn = Image.open(io.BytesIO(await ChildCleaner().draw(out.getvalue(), blurred=False)))
    red, _, blue = drawn.convert("RGB").getpixel((20, 15))  # type: ignore[misc]  # of three bands
    assert red > 200 > blue


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (1, 1)])
async def test_narrow_pictures_are_blurred_too(size: tuple[int, int]) -> None:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PNG")
    drawn = Image.open(io.BytesIO(await ChildCleaner().draw(out.getvalue(), blurred=True)))
    assert max(drawn.size) == 240


@pytest.mark.parametrize("data", [b"", b"<html>", b"%PDF-1.4\n%", b"GIF89a" + b"\xff" * 40])
async def test_what_is_no_picture_is_not_drawn(data: bytes) -> None:
    with pytest.raises(Unfit):
        await ChildCleaner().draw(data, blurred=True)


async def test_a_child_that_hangs_is_killed() -> None:
    cleaner = ChildCleaner((sys.executable, "-c", "import time; time.sleep(600)"), seconds=0.5)
    with pytest.raises(Unfit, match="cannot be read"):
        await cleaner.clean(pictures.picture())
    assert not children()


@pytest.mark.parametrize(
    "child",
    [
        "import os; os.kill(os.getpid(), 9)",
        "import os, sys; sys.stdin.buffer.read(9); os.write(1, bytes([0, 1, 0])); os.abort()",
        "import os; os.write(1, bytes([0, 1, 255, 255, 255, 255]))",
        "import os; os.write(1, bytes([0, 200]))",
        "import os; os.write(1, bytes([1, 200]))",
        "import os; os.write(1, bytes([0, 1, 0, 0, 0, 4]) + b'<htm')",
        "",
    ],
)
async def test_a_child_that_dies_or_lies_is_not_believed(child: str) -> None:
    cleaner = ChildCleaner((sys.executable, "-c", child))
    with pytest.raises(Unfit, match="cannot be read"):
        await cleaner.clean(pictures.photograph((800, 600)))


async def born() -> psutil.Process:
    """Wait until there is a child."""
    for _ in range(5000):
        if found := children():
            return found[0]
        await asyncio.sleep(0.002)
    message = "no child was started"
    raise AssertionError(message)


async def test_a_child_that_is_killed_in_the_middle_fails_its_file_alone() -> None:
    cleaner = ChildCleaner()
    work = asyncio.create_task(cleaner.clean(pictures.photograph()))
    os.kill((await born()).pid, signal.SIGKILL)
    with pytest.raises(Unfit, match="cannot be read"):
        await work
    assert len(await cleaner.clean(pictures.picture())) == 1


async def test_two_children_work_at_once_and_no_more() -> None:
    cleaner, most = ChildCleaner(), 0
    work = [asyncio.create_task(cleaner.clean(pictures.picture())) for _ in range(5)]
    while not all(task.done() for task in work):
        most = max(most, len(children()))
        await asyncio.sleep(0.001)
    assert [len(await task) for task in work] == [1] * 5
    assert 1 <= most <= 2


async def test_a_request_that_is_given_up_leaves_no_child() -> None:
    work = asyncio.create_task(
        ChildCleaner((sys.executable, "-c", "import time; time.sleep(600)")).clean(pictures.picture())
    )
    await born()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not children()


def test_the_limits_are_those_that_are_promised() -> None:
    done = confined(
        "import resource\nprint([resource.getrlimit(getattr(resource, 'RLIMIT_' + n))[1] for n in "
        "('AS', 'CPU', 'CORE', 'FSIZE', 'NOFILE')])"
    )
    assert done.stdout == b"[536870912, 10, 0, 0, 16]\n"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] != 0, "and they are not ours"
