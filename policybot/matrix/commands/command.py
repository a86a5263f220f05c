"""What a command is: a usage that is also its grammar, a permission, and what it does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from policybot.domain import server
from policybot.domain.errors import Refused
from policybot.domain.number import looks_like_record
from policybot.domain.permission import Permission, Role
from policybot.domain.taking import View
from policybot.services.agreements import Agreements
from policybot.services.announcements import Announcements
from policybot.services.appeal_links import AppealLinks
from policybot.services.appeal_records import AppealRecords
from policybot.services.appeal_reviews import AppealReviews
from policybot.services.appeals import Appeals
from policybot.services.applications import Applications
from policybot.services.approvals import Approvals
from policybot.services.backtests import Backtests
from policybot.services.batches import Batches
from policybot.services.care import Care
from policybot.services.cases import Cases
from policybot.services.checkpoints import Checkpoints
from policybot.services.complaints import Complaints
from policybot.services.consoles import Consoles
from policybot.services.copies import Copies
from policybot.services.cures import Cures
from policybot.services.deadlines import Deadlines
from policybot.services.decisions import Decisions
from policybot.services.declarations import Declarations
from policybot.services.deletions import Deletions
from policybot.services.delisting import Delisting
from policybot.services.deputies import Deputies
from policybot.services.desks import Desks
from policybot.services.deviations import Deviations
from policybot.services.documents import Documents
from policybot.services.drafts import Drafts
from policybot.services.drift import Drift
from policybot.services.entries import Entries
from policybot.services.evidence import Evidence
from policybot.services.exports import Exports
from policybot.services.feed import Feed
from policybot.services.figures import Figures
from policybot.services.filing_appeals import FilingAppeals
from policybot.services.filings import Filings
from policybot.services.findings import Findings
from policybot.services.handouts import Handouts
from policybot.services.hearings import Hearings
from policybot.services.holds import Holds
from policybot.services.insistence import Insistence
from policybot.services.intake import Intake
from policybot.services.labels import Labels
from policybot.services.languages import Languages
from policybot.services.licences import Licences
from policybot.services.looks import Looks
from policybot.services.members import Members
from policybot.services.merges import Merges
from policybot.services.messages import Messages
from policybot.services.names import Names
from policybot.services.objections import Objections
from policybot.services.openings import Openings
from policybot.services.pasts import Pasts
from policybot.services.policies import Policies
from policybot.services.policy_lists import PolicyLists
from policybot.services.presses import Presses
from policybot.services.privacy import Privacy
from policybot.services.qualifications import Qualifications
from policybot.services.quarantines import Quarantines
from policybot.services.queues import Queues
from policybot.services.rechecks import Rechecks
from policybot.services.referrals import Referrals
from policybot.services.refusals import Refusals
from policybot.services.register import Register
from policybot.services.rehearsals import Rehearsals
from policybot.services.replacements import Replacements
from policybot.services.reporters import Reporters
from policybot.services.reports import Reports
from policybot.services.results import Results
from policybot.services.retention import Retention
from policybot.services.reveals import Reveals
from policybot.services.reviews import Reviews
from policybot.services.roster import Roster
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.services.sheets import Sheets
from policybot.services.staffing import Staffing
from policybot.services.statement_exports import StatementExports
from policybot.services.tellings import Tellings
from policybot.services.transfers import Transfers
from policybot.services.unfiled import Unfiled
from policybot.services.unwinding import Unwinding
from policybot.services.upgrades import Upgrades
from policybot.services.vacancies import Vacancies
from policybot.services.verifications import Verifications
from policybot.services.watches import Watches
from policybot.store.database import Tx
from policybot.store.rooms import Room

PREFIX = "!policy"


@dataclass(frozen=True, slots=True)
class Services:
    """The services that commands call."""

    setting: Setting
    members: Members
    names: Names
    verifications: Verifications
    results: Results
    documents: Documents
    evidence: Evidence
    drafts: Drafts
    openings: Openings
    roster: Roster
    agreements: Agreements
    languages: Languages
    announcements: Announcements
    messages: Messages
    findings: Findings
    feed: Feed
    refusals: Refusals
    filings: Filings
    reviews: Reviews
    deadlines: Deadlines
    desks: Desks
    applications: Applications
    transfers: Transfers
    deputies: Deputies
    vacancies: Vacancies
    qualifications: Qualifications
    declarations: Declarations
    labels: Labels
    cases: Cases
    queues: Queues
    merges: Merges
    pasts: Pasts
    checkpoints: Checkpoints
    copies: Copies
    quarantines: Quarantines
    consoles: Consoles
    entries: Entries
    sheets: Sheets
    care: Care
    reports: Reports
    rechecks: Rechecks
    reporters: Reporters
    complaints: Complaints
    policy_lists: PolicyLists
    presses: Presses
    intake: Intake
    decisions: Decisions
    batches: Batches
    sanctions: Sanctions
    holds: Holds
    cures: Cures
    replacements: Replacements
    deletions: Deletions
    appeals: Appeals
    appeal_records: AppealRecords
    appeal_reviews: AppealReviews
    hearings: Hearings
    filing_appeals: FilingAppeals
    insistence: Insistence
    rehearsals: Rehearsals
    unwinding: Unwinding
    appeal_links: AppealLinks
    policies: Policies
    backtests: Backtests
    tellings: Tellings
    approvals: Approvals
    privacy: Privacy
    exports: Exports
    looks: Looks
    reveals: Reveals
    referrals: Referrals
    handouts: Handouts
    objections: Objections
    retention: Retention
    register: Register
    licences: Licences
    staffing: Staffing
    figures: Figures
    statement_exports: StatementExports
    unfiled: Unfiled
    delisting: Delisting
    deviations: Deviations
    upgrades: Upgrades
    drift: Drift
    watches: Watches


@dataclass(frozen=True, slots=True)
class Asked:
    """One command, as somebody gave it."""

    tx: Tx
    sender: str
    roles: frozenset[Role]
    room: Room | None
    room_id: str
    event_id: str
    reply_to: str | None
    words: Mapping[str, str]
    """The arguments by their names in the usage; an optional one that is absent is empty."""
    aliases: Mapping[str, str]
    """Room IDs of the aliases that stand in the message."""
    views: Mapping[str, View]
    """The room that is to be filed, by its ID, if the bot is in it."""


Run = Callable[[Services, Asked], Awaitable[str]]

_OF_LINES = ("FACTS", "DECISION")
"""Arguments whose lines stay lines; all others are one, so that nobody writes a line of ours."""


class Misused(Refused):
    """A command that lacks an argument; the answer is its usage."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    In the usage, a word in capitals is an argument, one in brackets may be left out, and one that
    ends with `…` takes the rest of the message.
    """

    usage: str
    help: str
    needs: Permission
    run: Run
    more: Callable[[Services], str] | None = None
    """What the configuration adds to its help."""

    @property
    def verb(self) -> str:
        """The word after the prefix."""
        return self.usage.partition(" ")[0]

    def read(self, text: str) -> dict[str, str]:
        """Read the arguments.

        Raises:
            Misused: there are too few or too many.
        """
        words: dict[str, str] = {}
        rest = text.strip()
        for argument in self.usage.split()[1:]:
            optional = argument.startswith("[")
            name = argument.strip("[]…")
            if argument.rstrip("]").endswith("…"):
                value, rest = rest if name in _OF_LINES else " ".join(rest.split()), ""
            elif optional and not _is_subject(rest) and "SUBJECT" in name:
                value = ""
            else:
                value, _, rest = rest.partition(" ")
                rest = rest.strip()
            if not value and not optional:
                message = f"{name} is missing. Usage: {PREFIX} {self.usage}"
                raise Misused(message)
            words[name] = value
        if rest:
            message = f"That was more than I understand. Usage: {PREFIX} {self.usage}"
            raise Misused(message)
        return words


def _is_subject(text: str) -> bool:
    """Say whether a text begins with what can be reported: a link, a room, a user, a server."""
    word, named = text.partition(" ")[0], ("https://matrix.to/", "matrix:", "!", "#", "@")
    return text.startswith(named) or looks_like_record(word.upper()) or server.is_typed(word)
