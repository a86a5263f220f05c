"""Evidence: a file is what its content says, never its name."""

import pytest

from policybot.domain.evidence import called, fault


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lease.pdf", "application/pdf"),
        ("LEASE.PDF", "application/pdf"),
        ("me.jpeg", "image/jpeg"),
        ("scan", "image/png"),
        ("a.final", "application/pdf"),
        ("", "image/png"),
    ],
)
def test_a_file_that_is_what_it_says_is_taken(name: str, kind: str) -> None:
    assert fault(name, kind) == ""


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("lease.pdf", "image/png", "«lease.pdf» is really a PNG picture"),
        ("me.jpg", "application/pdf", "«me.jpg» is really a PDF document"),
        ("lease.pdf", "application/zip", "«lease.pdf» is a ZIP archive"),
        ("lease.pdf", "application/x-dosexec", "is a program for Windows"),
        ("page.pdf", "text/html", "is a web page"),
        ("me.png", "image/svg+xml", "is an SVG drawing"),
        ("x.pdf", "application/x-odd\u202e", "is something else (application/x-odd)"),
        ("x.pdf", "inode/x-empty", "is empty"),
    ],
)
def test_another_is_refused_by_what_it_really_is(name: str, kind: str, said: str) -> None:
    assert said in fault(name, kind)


def test_a_name_is_one_clean_line_without_folders() -> None:
    assert called("C:\\me\\lease\u202efdp.exe") == "leasefdp.exe"
    assert called("../../etc/passwd\n") == "passwd"
    assert called("\u202e\x00") == "file"
    assert len(called("x" * 60_000)) == 80
