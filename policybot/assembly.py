"""The services, each made with those that it works with."""

from policybot.domain.appeal import Kind
from policybot.matrix.commands.command import Services
from policybot.services.agreements import Agreements
from policybot.services.announcements import Announcements
from policybot.services.appeal_links import AppealLinks
from policybot.services.appeal_records import AppealRecords
from policybot.services.appeal_reviews import AppealReviews
from policybot.services.appeals import Appeals
from policybot.services.applications import Applications
from policybot.services.approvals import Approvals
from policybot.services.automation import Automation
from policybot.services.backtests import Backtests
from policybot.services.batches import NOUN as BATCH
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
from policybot.services.delisting import NOUN as UNFILED
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
from policybot.services.insistence import NOUN as INSIST
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
from policybot.services.parties import Apart
from policybot.services.pasts import Pasts
from policybot.services.policies import NOUN as POLICY
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
from policybot.services.sealed import Sealed
from policybot.services.setting import Changed, Setting
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
from policybot.store.vault import Index, Vault


def _both(first: Changed, second: Changed) -> Changed:
    async def changed(tx: Tx, subject: str) -> None:
        await first(tx, subject)
        await second(tx, subject)

    return changed


def assemble(setting: Setting, vault: Vault, index: Index) -> Services:
    """Make the services, each with those that it works with."""
    people = Members(setting, vault, index)
    papers = Documents(setting, people)
    proofs = Evidence(setting, people)
    forms = Drafts(setting, proofs)
    tries = Verifications(setting, people, papers)
    signatures = Agreements(setting)
    fronts = Names(setting, people)
    listed = Register(setting, fronts)
    applied = Filings(setting, people, signatures, listed)
    named = Deputies(setting, applied)
    vacant = Vacancies(setting, applied, named)
    looked_at = Reviews(setting, applied)
    qualified = Qualifications(setting, applied, people, signatures)
    kept = Copies(setting, Sealed(vault))
    withheld = Quarantines(setting, kept)
    casework = Cases(setting, kept, withheld)
    reporting = Reporters(setting, casework)
    reported = Reports(setting, casework, reporting)
    casework.priorities.weigh = reporting.weights
    measures = Sanctions(setting, applied)
    resolutions = Decisions(setting, casework, measures, applied)
    paper = Handouts(setting, kept)
    referred = Referrals(setting, people, casework, paper)
    answering = Objections(setting, referred)
    held, again = Holds(setting, casework, measures), Rechecks(setting, casework, measures)
    undone = Unwinding(setting, casework, measures, again, kept, referred)
    apart = Apart(setting)
    records = AppealRecords(setting, apart)
    objections = Appeals(setting, records, apart, measures)
    reviewed = AppealReviews(setting, records, objections, apart, casework, measures, undone)
    about_filings = FilingAppeals(setting, records, applied, qualified, apart)
    complaints = Complaints(setting, records, casework, reporting, apart)
    heard = Hearings(
        setting,
        records,
        apart,
        {
            Kind.DECISION: reviewed,
            Kind.FILING: about_filings,
            Kind.QUALIFICATION: about_filings,
            Kind.REPORT: complaints,
        },
    )
    insisting = Insistence(setting, casework, measures, heard, reviewed, about_filings, apart)
    together = Batches(setting, casework, resolutions, held, undone)
    waiting, before = Queues(casework), Pasts(setting, casework)
    handovers = Transfers(setting, applied, people, signatures, named, vacant)
    replaced = Replacements(setting, applied, casework, measures, handovers)
    deleted = Deletions(setting, casework)
    privacy = Privacy(setting, vault, people, papers, forms)
    watch = Looks(setting)
    reveals = Reveals(setting, people, casework, privacy, watch)
    delisting = Delisting(setting)
    messages, versions = Messages(setting, signatures), Policies(setting)
    # Measures come first: they hold rooms before the clock moves on.
    setting.account_changed = _both(measures.reach.account_changed, messages.account_changed)
    setting.room_changed = _both(measures.reach.room_changed, messages.room_changed)
    found = Findings(setting, messages, casework, Automation(setting, measures), kept)
    deviations = Deviations(setting)
    upgrades = Upgrades(setting, listed, deviations)
    return Services(
        setting=setting,
        members=people,
        names=fronts,
        register=listed,
        verifications=tries,
        results=Results(setting, people, tries),
        documents=papers,
        evidence=proofs,
        drafts=forms,
        openings=Openings(setting, people, papers, watch),
        roster=Roster(setting, people),
        agreements=signatures,
        languages=Languages(setting),
        announcements=Announcements(setting, signatures),
        messages=messages,
        findings=found,
        feed=Feed(setting, messages, found),
        refusals=Refusals(setting, found),
        filings=applied,
        reviews=looked_at,
        deadlines=Deadlines(setting),
        desks=Desks(setting, looked_at, fronts, proofs),
        applications=Applications(setting, applied, looked_at, people, signatures, forms),
        transfers=handovers,
        deputies=named,
        vacancies=vacant,
        replacements=replaced,
        deletions=deleted,
        qualifications=qualified,
        declarations=Declarations(setting, qualified),
        labels=Labels(setting),
        cases=casework,
        queues=waiting,
        merges=Merges(setting, casework),
        pasts=before,
        checkpoints=Checkpoints(setting),
        intake=Intake(setting, reported, casework),
        reports=reported,
        rechecks=again,
        reporters=reporting,
        complaints=complaints,
        presses=Presses(setting, reported),
        policy_lists=PolicyLists(setting, casework, reported, messages),
        copies=kept,
        quarantines=withheld,
        consoles=Consoles(setting),
        entries=Entries(setting, casework, waiting),
        sheets=Sheets(setting, casework, resolutions, applied, fronts, before, withheld, reporting),
        care=Care(setting),
        decisions=resolutions,
        sanctions=measures,
        batches=together,
        holds=held,
        cures=Cures(setting, casework),
        appeals=objections,
        appeal_reviews=reviewed,
        appeal_records=records,
        hearings=heard,
        filing_appeals=about_filings,
        insistence=insisting,
        rehearsals=Rehearsals(setting, heard),
        unwinding=undone,
        appeal_links=AppealLinks(setting, objections, heard, proofs, undone),
        policies=versions,
        backtests=Backtests(setting, versions),
        tellings=Tellings(setting),
        approvals=Approvals(
            setting,
            resolutions,
            {
                "reveal": reveals,
                "referral": referred,
                "postponement": answering,
                "erase": privacy,
                "qualification": qualified,
                "review": looked_at,
                "replacement": replaced,
                "deletion": deleted,
                BATCH: together,
                POLICY: versions,
                UNFILED: delisting,
                INSIST: insisting,
            },
        ),
        privacy=privacy,
        exports=Exports(setting, privacy, kept),
        looks=watch,
        reveals=reveals,
        referrals=referred,
        handouts=paper,
        objections=answering,
        retention=Retention(setting, kept),
        licences=Licences(setting),
        staffing=Staffing(setting.config, setting.now),
        figures=Figures(setting),
        statement_exports=StatementExports(setting),
        unfiled=Unfiled(setting, delisting),
        delisting=delisting,
        deviations=deviations,
        upgrades=upgrades,
        watches=Watches(setting),
        drift=Drift(setting, deviations, upgrades),
    )
