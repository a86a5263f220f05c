"""An objection to what was decided about a filing or a qualification: refused, or taken back."""

from collections.abc import Mapping
from dataclasses import dataclass

from policybot.domain.appeal import About, Appeal, Kind, State
from policybot.domain.errors import NotFound
from policybot.domain.filing import Filing
from policybot.domain.filing import State as Stands
from policybot.domain.qualification import Qualification
from policybot.domain.qualification import State as Held

_FILING = {
    About.REJECTED: "It is with other reviewers again, as you filed it; I tell you what they decide.",
    About.REVOKED: "The approval holds again, and your room is being shown as before.",
}
_QUALIFICATION = {
    About.REJECTED: "It is with other reviewers again, as you asked; I tell you what they decide.",
    About.REVOKED: "The qualification holds again, and the label of your room shows it.",
}
_DECIDED: Mapping[Stands | Held, About] = {
    Stands.REJECTED: About.REJECTED,
    Stands.REVOKED: About.REVOKED,
    Held.REJECTED: About.REJECTED,
    Held.REVOKED: About.REVOKED,
}


@dataclass(frozen=True, slots=True)
class Matter:
    """What is objected to: what was decided about a filing, or about one of its qualifications."""

    filing: Filing
    qualification: Qualification | None = None

    @property
    def kind(self) -> Kind:
        """Say what it is."""
        return Kind.QUALIFICATION if self.qualification else Kind.FILING

    @property
    def id(self) -> int:
        """Its ID among its kind."""
        return self.qualification.id if self.qualification else self.filing.id

    @property
    def number(self) -> str:
        """What it is called."""
        return self.qualification.number if self.qualification else self.filing.number

    @property
    def in_words(self) -> str:
        """Where it stands, as one says it."""
        return self.qualification.in_words if self.qualification else self.filing.in_words

    @property
    def reason(self) -> str:
        """Why it was decided so."""
        return self.qualification.reason if self.qualification else self.filing.reason

    @property
    def decided(self) -> About | None:
        """What was decided against it and holds, if anything was."""
        return _DECIDED.get(self.qualification.state if self.qualification else self.filing.state)

    @property
    def about(self) -> About:
        """Say what can be objected to.

        Raises:
            NotFound: nothing was decided against it.
        """
        if (about := self.decided) is None:
            message = f"{self.number} is {self.in_words}: there is nothing to appeal against."
            raise NotFound(message)
        return about


def answer(appeal: Appeal, outside: str | None) -> str:
    """Tell an applicant how their objection was decided."""
    body = f"\nYou can still turn to {outside}." if outside else ""
    then = _FILING if appeal.kind is Kind.FILING else _QUALIFICATION
    how = (
        f"succeeded. {then[appeal.about]}"
        if appeal.state is State.OVERTURNED
        else f"was decided by another person: {appeal.against} stands."
    )
    return f"Your {appeal.called} {how}\nReasons: {appeal.reasons}{body}"
