"""An objection to what was decided about a filing or a qualification: refused, or taken back."""

from collections.abc import Mapping
from dataclasses import dataclass

from policybot.domain.appeal import About, Appeal, Kind, State
from policybot.domain.errors import NotFound
from policybot.domain.filing import IN_FORCE, Filing
from policybot.domain.filing import State as Stands
from policybot.domain.qualification import Qualification
from policybot.domain.qualification import State as Held

_AGAIN = {
    Kind.FILING: "It is with other reviewers again, as you filed it; I tell you what they decide.",
    Kind.QUALIFICATION: "It is with other reviewers again, as you asked; I tell you what they decide.",
}
_HOLDS = {
    Kind.FILING: "The approval holds again, and your room is being shown as before.",
    Kind.QUALIFICATION: "The qualification holds again, and the label of your room shows it.",
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

    @property
    def shown(self) -> bool:
        """Whether everybody can see it: the room, or what its label says."""
        holds = self.qualification is None or self.qualification.state is Held.GRANTED
        return holds and self.filing.state in IN_FORCE


def meanwhile(matter: Matter) -> str:
    """Tell an applicant how something stands while its revocation rests."""
    if not matter.shown:
        return f"The revocation rests meanwhile, but the room is {matter.filing.in_words}. "
    return f"{'The label shows it' if matter.qualification else 'Your room is shown'} again meanwhile. "


def answer(appeal: Appeal, matter: Matter, outside: str | None) -> str:
    """Tell an applicant how their objection was decided, and how the matter stands then."""
    body = f"\nYou can still turn to {outside}." if outside else ""
    if appeal.state is not State.OVERTURNED:
        how = f"was decided by another person: {appeal.against} stands."
    elif appeal.about is About.REJECTED:
        how = f"succeeded. {_AGAIN[appeal.kind]}"
    elif matter.shown:
        how = f"succeeded. {_HOLDS[appeal.kind]}"
    else:
        how = f"succeeded. It holds again, but the room is not shown: it is {matter.filing.in_words}."
    return f"Your {appeal.called} {how}\nReasons: {appeal.reasons}{body}"
