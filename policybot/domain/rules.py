"""One numbered rule of the operator's published rules."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from policybot.domain.ladder import Scope, Severity
from policybot.domain.prepared import Prepared


class Reach(StrEnum):
    """Whom a measure on an account reaches."""

    ACCOUNT = "account"
    PERSON = "person"
    """All accounts of the person behind it, also those linked while it runs."""


class Ground(StrEnum):
    """Why something is not allowed: the operator's terms, or a law that the rule names."""

    TERMS = "terms"
    LAW = "law"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its readers see it, and the severities that a breach of it can have."""

    id: str
    title: str
    text: str
    ground: Ground = Ground.TERMS
    legal_ref: str | None = None
    """The provision, when the ground is a law."""
    mildest: Severity = Severity.S0
    harshest: Severity = Severity.S4
    scope: Scope = Scope.MEMBER
    """The ledger a breach by a person is counted in: `member` (one room) or `account`."""
    reach: Reach = Reach.ACCOUNT
    translations: tuple[tuple[str, str, str], ...] = ()
    """The title and the text in other languages, each behind the language's code."""
    look_within: timedelta | None = None
    """Within which time somebody should look at a case in which it is named, if that is its own."""
    category: str | None = None
    """The operator's own word for the category in which its statements are published."""
    keyword: str | None = None
    """What tells more within that category; see `keyword`."""
    deceptive_bulk: bool = False
    """Whether it is about deceptive commercial content in bulk, of which the law asks no statements
    (Article 17(2) of Regulation (EU) 2022/2065)."""
    prepared: tuple[Prepared, ...] = ()
    """Texts that moderators can name instead of writing facts."""

    def in_language(self, language: str) -> tuple[str, str]:
        """Give the title and the text in a language, or as they were written."""
        for code, title, text in self.translations:
            if code == language:
                return title, text
        return self.title, self.text

    def covers(self, severity: Severity) -> bool:
        """Say whether a breach of this rule can have that severity."""
        return self.mildest <= severity <= self.harshest
