"""Files as people and attackers make them: photographs, scans, bombs."""

import hashlib
import io
import struct
import zlib
from functools import cache

from PIL import Image

_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
"""What fills passwords up (ISO 32000-1, 7.6.3.3)."""


def picture(kind: str = "JPEG", size: tuple[int, int] = (400, 300), **how: object) -> bytes:
    """Take a picture."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **how)
    return out.getvalue()


def photograph(size: tuple[int, int] = (4000, 3000)) -> bytes:
    """Take a photograph that is as hard to compress as real ones, with a place and a direction."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    out = io.BytesIO()
    Image.effect_noise(size, 30).convert("RGB").save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()


@cache
def bomb() -> bytes:
    """Make a small PNG of 400 megapixels; by hand, for to draw it takes 400 MB."""
    side = 20_000
    rows = zlib.compress(bytes(side * (1 + side // 8)))
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def moving() -> bytes:
    """Make a WebP that moves."""
    out = io.BytesIO()
    more = [Image.new("RGB", (60, 60), "red")]
    Image.new("RGB", (60, 60)).save(out, "WEBP", save_all=True, append_images=more)
    return out.getvalue()


def pdf(
    pages: int = 1, *, side: int = 400, stream: bytes = b"", filters: str = "", extra: str = ""
) -> bytes:
    """Write a PDF by hand; `stream` is a picture of 20,000 by 20,000 grey pixels on each page."""
    kids = " ".join(f"{n + 10} 0 R" for n in range(pages))
    content = b"q %d 0 0 %d 0 0 cm /I Do Q" % (side, side)
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        3: b"<< /Length %d >> stream\n%b\nendstream" % (len(content), content),
        4: b"<< /Type /XObject /Subtype /Image /Width 20000 /Height 20000 /BitsPerComponent 8"
        b" /ColorSpace /DeviceGray /Filter [%b] /Length %d >> stream\n%b\nendstream"
        % (filters.encode(), len(stream), stream),
    }
    for n in range(pages):
        objects[n + 10] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {side} {side}] /Contents 3 0 R"
            " /Resources << /XObject << /I 4 0 R >> >> >>"
        ).encode()
    body, offsets = b"%PDF-1.6\n", {}
    for n, text in objects.items():
        offsets[n] = len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (n, text)
    table = f"xref\n0 {max(objects) + 1}\n0000000000 65535 f \n"
    for n in range(1, max(objects) + 1):
        table += f"{offsets[n]:010} 00000 n \n" if n in offsets else "0000000000 65535 f \n"
    trailer = (
        f"trailer << /Size {max(objects) + 1} /Root 1 0 R {extra} >>\nstartxref\n{len(body)}\n%%EOF"
    )
    return body + table.encode() + trailer.encode()


def pdf_bomb() -> bytes:
    """Make a PDF of a few kilobytes that unpacks to 400 MB, packed twice."""
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(bytes(4_000_000)) for _ in range(100)) + packer.flush()
    return pdf(stream=zlib.compress(once, 9), filters="/FlateDecode /FlateDecode")


def locked_pdf(*, to_open: bool) -> bytes:
    """Make a PDF with a password: to open it, or only to print it (ISO 32000-1, algorithms 2 and 4)."""
    owner, permissions, file_id = b"o" * 32, -44, b"i" * 16
    key = hashlib.md5(  # noqa: S324 - as the standard has it
        _PAD + owner + permissions.to_bytes(4, "little", signed=True) + file_id
    ).digest()[:5]
    user = b"u" * 32 if to_open else _rc4(key, _PAD)
    lock = (
        f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}>"
        f" /P {permissions} >> /ID [<{file_id.hex()}> <{file_id.hex()}>]"
    )
    return pdf(extra=lock)


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j, i = list(range(256)), 0, 0
    for n in range(256):
        j = (j + box[n] + key[n % len(key)]) % 256
        box[n], box[j] = box[j], box[n]
    out, j = bytearray(), 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
