"""What a report without an account costs its sender: a little work of the browser, good once."""

import hashlib
import re
from datetime import timedelta

LIFE = timedelta(hours=12)
"""How long a form is good: people write slowly, and come back."""
_ANSWER = re.compile(r"\d{1,16}", re.ASCII)
_DIGEST_BITS = 256


def worked(form: str, answer: str, bits: int) -> bool:
    """Say whether an answer shows the work: SHA-256 of `FORM:ANSWER` begins with so many zero bits."""
    if _ANSWER.fullmatch(answer) is None:
        return False
    digest = hashlib.sha256(f"{form}:{answer}".encode()).digest()
    return int.from_bytes(digest, "big") >> (_DIGEST_BITS - bits) == 0
