"""The agreement in the configuration: what is missing in a language is told with its line."""

from pathlib import Path

import pytest

from policybot.config import ConfigRefused, load
from tests import files


@pytest.mark.parametrize(
    ("old", "new", "line_of", "message"),
    [
        (
            "    - id: rules\n",
            "    - id: extra\n      text: {en: I am kind.}\n    - id: rules\n",
            "      text: {en: I am kind.}",
            "agreement.commitments[0].text: is missing in «de»",
        ),
        (
            "    - id: rules\n",
            "    - id: extra\n      text: {en: I am kind., de: Nett., fr: Gentil.}\n    - id: rules\n",
            "  texts:",
            "agreement.texts: is missing in «fr», which the commitments have",
        ),
        (
            "default_language: en",
            "default_language: fr",
            "  default_language: fr",
            "agreement.default_language: there is no text in «fr»",
        ),
        (
            '  version: "1"\n  # From when it binds. A',
            "  version: de\n  # From when it binds. A",
            "  version: de",
            "agreement.version: «de» is a language of the text",
        ),
        (
            '  version: "1"\n  # From when it binds. A',
            '  version: "1 a"\n  # From when it binds. A',
            '  version: "1 a"',
            "agreement.version",
        ),
        (
            "notice_days: 14\n  # How many days before",
            "notice_days: 0\n  # How many days before",
            "  notice_days: 0",
            "agreement.notice_days",
        ),
        ("remind_days:", "remind_day:", "  remind_day:", "did you mean «remind_days»"),
        (
            "- id: moderation",
            "- id: rules",
            "    - id: rules",
            "agreement.commitments[1].id: «rules» is there twice",
        ),
        ("stricter: false", "stricter: rather", "  stricter: rather", "agreement.stricter"),
        ("    de: >", "    Deutsch: >", "    Deutsch: >", "agreement.texts"),
        ("front: voluntary", "front: anonymous", "      front: anonymous", "filing.categories[0].front"),
    ],
)
def test_a_mistake_in_the_agreement_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line_of: str, message: str
) -> None:
    path = files.write(tmp_path)
    text = path.read_text("utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    told = {str(problem.line): str(problem) for problem in caught.value.problems}
    lines = [str(n) for n, line in enumerate(text.splitlines(), 1) if line.startswith(line_of)]
    assert any(message in said for said in told.values()), told
    assert any(line in told and message in told[line] for line in lines), (told, lines)


def test_where_the_lines_of_a_paragraph_break_is_no_change_of_text(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    before = load(path).agreement
    text = path.read_text("utf-8")
    path.write_text(text.replace("under a name of", "under a\n      name of"), "utf-8")
    assert load(path).agreement.hash == before.hash


def test_every_language_of_the_sample_is_complete(tmp_path: Path) -> None:
    agreement = load(files.write(tmp_path)).agreement
    assert agreement.languages == ("en", "de")
    assert all(len(agreement.promises(language)) == 2 for language in agreement.languages)
