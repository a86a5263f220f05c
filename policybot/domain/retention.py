"""How long what is kept stays: a rule for each kind of record, and why some tables need none."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Act(StrEnum):
    """What is done with a record whose time is over."""

    DELETE = "delete"
    """The row goes."""
    BLANK = "blank"
    """Names and texts go; that there was something, and what came of it, stays countable."""
    FORGET = "forget"
    """The person is forgotten as if they had asked for it; an ID that names nobody stays."""
    SHRED = "shred"
    """What an audit entry says goes; its place in the chain stays, and the chain still verifies."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of record, and how long it stays."""

    name: str
    """Also the key of the configuration."""
    tables: tuple[str, ...]
    what: str
    since: str
    """From when its time is counted."""
    days: int
    """How long it stays unless the operator says otherwise."""
    act: Act

    @property
    def span(self) -> timedelta:
        """How long it stays unless the operator says otherwise."""
        return timedelta(days=self.days)


RULES: tuple[Rule, ...] = (
    Rule("seen_events", ("seen_events",), "which events were handled", "it", 30, Act.DELETE),
    Rule("dead_events", ("dead_events",), "events that could not be handled", "it", 90, Act.DELETE),
    Rule("attempts", ("attempts",), "tries to verify an account", "their end", 14, Act.DELETE),
    Rule("approvals", ("approvals",), "confirmations that waited", "their end", 90, Act.DELETE),
    Rule(
        "evidence",
        ("copies", "context_lines"),
        "kept copies of messages, and what stood around them",
        "the copy, once nobody can appeal",
        365,
        Act.DELETE,
    ),
    Rule("reports", ("reports",), "who reported, and with which words", "the report", 365, Act.BLANK),
    Rule(
        "complaints",
        ("appeals", "appeal_words", "appeal_parties"),
        "who objected to an answer, and with which words",
        "the objection",
        365,
        Act.BLANK,
    ),
    Rule(
        "reporter_steps",
        ("reporter_steps",),
        "what was decided about reports that were manifestly unfounded",
        "it, or the end of its time",
        365,
        Act.DELETE,
    ),
    Rule(
        "decisions",
        (
            "cases",
            "case_subjects",
            "case_notes",
            "case_rules",
            "reports",
            "reporter_steps",
            "decisions",
            "statements",
            "batches",
            "batch_cases",
            "sanctions",
            "sanction_accounts",
            "removals",
            "rechecks",
            *("appeals", "appeal_parties", "appeal_words"),
            "cures",
            "replacements",
            "deletions",
            "quarantines",
        ),
        "cases with their notes, decisions, measures, appeals and rechecks",
        "the end of the last measure",
        730,
        Act.DELETE,
    ),
    Rule(
        "filings",
        (
            *("filings", "filing_states", "register", "filing_words"),
            *("reviews", "review_words", "review_ticks"),
            *("appeals", "appeal_words", "appeal_parties"),
        ),
        "who filed a room, and why",
        "the end of the filing",
        1095,
        Act.BLANK,
    ),
    Rule(
        "qualifications",
        ("qualifications",),
        "on which evidence a room was qualified, and who asked",
        "the end of the qualification",
        1095,
        Act.BLANK,
    ),
    Rule(
        "declarations",
        ("declarations",),
        "of which subject somebody said that a post is",
        "the declaration",
        365,
        Act.DELETE,
    ),
    Rule(
        "findings",
        ("findings",),
        "what rules found by machine, and in which messages",
        "the finding",
        365,
        Act.DELETE,
    ),
    Rule(
        "exposures",
        ("exposures",),
        "how many cases and pictures a moderator looked at in a day",
        "the day",
        30,
        Act.DELETE,
    ),
    Rule("newcomers", ("newcomers",), "who was seen to enter a room", "it", 30, Act.DELETE),
    Rule("refusals", ("refusals",), "how often the gate refused what to whom", "it", 30, Act.DELETE),
    Rule(
        "gate_modules",
        ("gate_modules",),
        "which processes of the homeserver asked at the gate",
        "the last time",
        7,
        Act.DELETE,
    ),
    Rule("notices", ("outbox",), "texts of messages that were sent", "sending", 90, Act.BLANK),
    Rule(
        "effects",
        ("outbox",),
        "changes to the homeserver that are done or failed",
        "the change",
        365,
        Act.DELETE,
    ),
    Rule(
        "persons",
        ("persons",),
        "what is known of persons who have no linked account",
        "the end of their last link",
        365,
        Act.FORGET,
    ),
    Rule("links", ("links",), "links that have ended", "their end", 730, Act.DELETE),
    Rule(
        "verifications",
        ("verifications",),
        "verifications that have ended",
        "their end",
        730,
        Act.DELETE,
    ),
    Rule(
        "acceptances",
        ("acceptances",),
        "signatures of accounts that are no longer linked",
        "the signature",
        1095,
        Act.DELETE,
    ),
    Rule(
        "languages",
        ("languages",),
        "the language that somebody chose who is not linked",
        "the choice",
        365,
        Act.DELETE,
    ),
    Rule(
        "documents",
        ("documents",),
        "which kind of document was shown, and what came of it",
        "the decision, once the pictures are deleted",
        1095,
        Act.DELETE,
    ),
    Rule("lookalikes", ("lookalikes",), "names that looked the same", "the finding", 365, Act.DELETE),
    Rule("reveals", ("reveals",), "requests to reveal a name", "the request", 1095, Act.DELETE),
    Rule(
        "looks",
        ("looks",),
        "who looked behind a pseudonym",
        "it, once the person was told",
        1095,
        Act.DELETE,
    ),
    Rule(
        "referrals",
        ("referrals",),
        "what was handed over to others",
        "it, once the person was told and no objection waits",
        1095,
        Act.DELETE,
    ),
    Rule("holds", ("holds",), "legal holds that have ended", "their end", 730, Act.DELETE),
    Rule("exports", ("exports",), "links to an export", "their end", 1, Act.DELETE),
    Rule("erasures", ("erasures",), "erasures that are done", "the erasure", 730, Act.DELETE),
    Rule(
        "unfiled",
        ("unfiled_rooms",),
        "public rooms that are not filed, with who made them",
        "the day when they were last seen in the directory",
        365,
        Act.DELETE,
    ),
    Rule(
        "list_hits",
        ("policy_list_hits",),
        "whom a policy list of others named in your rooms",
        "the day when the list took it back",
        365,
        Act.DELETE,
    ),
    Rule("audit_payloads", ("audit_payloads",), "what audit entries say", "the entry", 730, Act.SHRED),
)

EXCEPTIONS: dict[str, str] = {
    "counters": "numbers alone",
    "rooms": "the rooms as they are now; a direct room goes when either side leaves it",
    "former_rooms": "which room a filed room has become; names nobody",
    "review_members": "who is in the review room now",
    "roster": "the operator's list; an entry goes when its person leaves it or is erased",
    "vault_keys": "what is known of persons, and said in kept copies: goes with them, by their key",
    "vault_fields": "as vault_keys",
    "vault_index": "as vault_keys",
    "vault_hints": "as vault_keys",
    "referral_links": "links to the document of a referral, for fifteen minutes",
    "openings": "a reviewer's links to a document, for fifteen minutes",
    "desks": "a reviewer's links to the page of an application, for as long as it can be theirs",
    "case_watchers": "who has a case before them, for minutes",
    "consoles": "a moderator's links to their pages, and the pages in use, for twelve hours at most",
    "cards": "which message shows how an application stands",
    "uploads": "how often somebody uploaded, for an hour",
    "results": "what verification services posted, sealed in the vault, until its page has it",
    "webhooks": "the numbers of posts, for a day beyond the time in which they are taken",
    "front_names": "display names of linked accounts; each goes when its link ends",
    "account_tokens": "fingerprints of tokens, for a day",
    "agreements": "published texts",
    "announcements": "how far the telling of a new agreement or ladder has come",
    "standing_restrictions": "who may not write where; goes when they verify or sign",
    "standing_changes": "what other processes have to read again, for a day",
    "refusal_notices": "when somebody was told of a refusal, for two hours",
    "refusal_stops": "rules that refuse nothing, for an hour; names nobody",
    "filing_drafts": "forms that were not handed in, thirty days after their last change",
    "filing_links": "links to such forms, for minutes, renewed while somebody writes, a day at most",
    "evidence_files": "what is shown with a filing or an appeal: goes some days after the decision",
    "transfers": "who is asked to answer for a room, for a week",
    "policy_lists": "which lists of others are watched, and how old what is known of them is",
    "policy_list_rules": "what lists of others say; goes when they take it back or are watched no more",
    "policy_list_looks": "when governed rooms were compared with those lists; names nobody",
    "unfiled_scan": "how far the look at the directory has come",
    "press_places": "how far the lists of reports made with a client's button are read",
    "presses_seen": "the numbers of the newest of them, until newer ones are taken; names nobody",
    "appeal_admissions": "who may appeal after the time for it, for a fortnight",
    "appeal_links": "keys to appeals, hashed, with whom they were given to; each goes with its decision",
    "report_links": "keys to reports without an account, hashed; each goes with its report",
    "report_references": "what tools call their reports, hashed; each goes with its report",
    "report_forms": "forms that were sent, for as long as they were good; names nobody",
    "report_meters": "how many reports came within an hour; names nobody",
    "reports_relayed": "who reported what through the reverse proxy, for a quarter of an hour",
    "deputies": "who is asked to be, or is, the deputy of a room; goes with the filing's end",
    "vacancies": "rooms whose owner no longer answers for them; goes when somebody does",
    "labels": "which event is the label of a room",
    "drift": "where a room differs from its filing; goes a day after it is over",
    "watches": "which suspended accounts are looked at next; goes when the suspension is over",
    "policies": "published rules",
    "policy_terms": "which version of the ladder was in force when; names nobody",
    "backtests": "what changed ladders would have proposed, in numbers, with some cases",
    "shadow_proposals": "what ladders on trial would have proposed; each goes with its decision",
    "licence_reminders": "which of the operator's own licences were reminded of",
    "shards": "which process does what",
    "observed": "how it was before a measure; goes when the measure is taken back, or with its case",
    "figures": "how much happened on each day; counts alone",
    "figures_read": "how far the audit log is counted",
    "publications": "published figures",
    "statement_exports": "which statements were handed over; each goes with its decision",
    "audit": "the chain: account IDs and fingerprints, no texts; it only grows",
    "audit_head": "the last fingerprint",
    "audit_nodes": "fingerprints over many entries of the chain; names nobody",
    "checkpoints": "what was signed of the chain: its length and one fingerprint; it only grows",
    "checkpointing": "up to which checkpoint they were posted, and what is wrong with the chain",
}
"""Tables without a rule, and why."""
