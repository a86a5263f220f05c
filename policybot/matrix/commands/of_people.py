"""The commands that everybody may use, in the order in which help lists them."""

from policybot.domain.permission import Permission
from policybot.matrix.commands import (
    agreement,
    appeals,
    decisions,
    figures,
    filings,
    languages,
    measures,
    members,
    names,
    privacy,
    qualifications,
    register,
    reports,
    transfers,
)
from policybot.matrix.commands.command import Command

OF_PEOPLE: tuple[Command, ...] = (
    Command("about", "Who runs this, and the rules.", Permission.ABOUT_READ, members.about),
    Command(
        "verify [CODE]",
        "Link your account to you, by a page; then send the code that stands on it.",
        Permission.IDENTITY_LINK,
        members.verify,
    ),
    Command(
        "agree [VERSION] [LANGUAGE]",
        "Read the agreement, in a language such as «de»; with its version, sign it.",
        Permission.AGREEMENT_SIGN,
        agreement.agree,
    ),
    Command(
        "language [CODE]",
        "In which language you read why something is not accepted; «default» for the usual one.",
        Permission.SELF_READ,
        languages.language,
    ),
    Command("me", "What is known and decided about you.", Permission.SELF_READ, members.me),
    Command(
        "name [FRONT] [YES]",
        "What others see of you; «name real» for your verified name, «name front» for the pseudonym.",
        Permission.SELF_READ,
        names.name,
    ),
    Command(
        "unlink", "End the link between your account and you.", Permission.IDENTITY_LINK, members.unlink
    ),
    Command(
        "export",
        "Get everything that is kept about you, by a link that works once.",
        Permission.DATA_EXPORT,
        privacy.export,
    ),
    Command(
        "erase [CANCEL]",
        "Have what is known of you forgotten; `erase cancel` takes that back while it waits.",
        Permission.DATA_ERASE,
        privacy.erase,
    ),
    Command(
        "report [SUBJECT] RULE TEXT…",
        "Report a message by replying to it, or anything by a link to it; a room by its number, too, "
        "and another server by its name.",
        Permission.REPORT_SEND,
        reports.report,
    ),
    Command(
        "status NUMBER",
        "Where your report, a decision about you, your appeal, your filing, your qualification or your "
        "document stands, or what was handed over about you (REF-…).",
        Permission.SELF_READ,
        members.status,
    ),
    Command(
        "appeal NUMBER TEXT…",
        "Object to a decision about you, your filing or your qualification; begin with +urgent if it "
        "cannot wait, and why.",
        Permission.APPEAL_SEND,
        appeals.appeal,
    ),
    Command(
        "add NUMBER TEXT…",
        "Add something to your appeal or objection while it waits, or answer what you were asked.",
        Permission.APPEAL_SEND,
        appeals.add,
    ),
    Command(
        "proof CASE",
        "Get a proof that the decision about you stands in the log that nobody can rewrite.",
        Permission.SELF_READ,
        members.proof,
    ),
    Command(
        "object NUMBER TEXT…",
        "Object to the answer to your report, to a warning or a pause because of it, or to what was "
        "handed over about you (REF-…).",
        Permission.APPEAL_SEND,
        reports.object_to,
    ),
    Command(
        "restore CASE",
        "Put your message back after a successful appeal.",
        Permission.APPEAL_SEND,
        members.restore,
    ),
    Command(
        "lookup WHAT",
        "The public record of a room, by its number or by the room; or whether an account is verified.",
        Permission.REGISTER_READ,
        names.lookup,
    ),
    Command(
        "register [QUERY…]",
        "The public rooms: the newest, or those with these words or this number.",
        Permission.REGISTER_READ,
        register.search,
    ),
    Command(
        "figures [PERIOD]",
        "What was reported, decided and appealed, in figures; PERIOD is as 2026, 2026-Q1 or all.",
        Permission.ABOUT_READ,
        figures.figures,
    ),
    Command(
        "file ROOM [CATEGORY] [PURPOSE…]",
        "Apply for a public room: with ROOM alone by a form, with the rest in one line; «new» for ROOM "
        "has one made; a number goes on with a draft, answers, or applies again.",
        Permission.FILING_SUBMIT,
        filings.file,
    ),
    Command(
        "adopt NUMBER [CANCEL]",
        "Let a new room take your room's place, in which the rules rank above everybody.",
        Permission.FILING_SUBMIT,
        filings.adopt,
    ),
    Command(
        "answer NUMBER TEXT…",
        "Answer the reviewer of your filing.",
        Permission.FILING_SUBMIT,
        filings.answer,
    ),
    Command(
        "withdraw NUMBER",
        "Take your filing, your appeal or your objection back, or drop a draft.",
        Permission.FILING_SUBMIT,
        filings.withdraw,
    ),
    Command("renew NUMBER", "Prolong your room's approval.", Permission.FILING_SUBMIT, filings.renew),
    Command(
        "qualify [NUMBER] [QUALIFICATION] [EVIDENCE…]",
        "Ask that your room may publish on a subject that needs it; alone, which subjects there are.",
        Permission.FILING_SUBMIT,
        qualifications.qualify,
    ),
    Command(
        "declare [SUBJECT] QUALIFICATION",
        "Say by replying to your own post, or by a link to it, which subject it is about.",
        Permission.FILING_SUBMIT,
        qualifications.declare,
    ),
    Command(
        "transfer NUMBER USER",
        "Ask somebody to answer for your room from now on.",
        Permission.FILING_SUBMIT,
        transfers.transfer,
    ),
    Command(
        "accept NUMBER",
        "Answer from now on for a room that somebody hands over to you, or moderators ask you to; or "
        "agree to be its deputy.",
        Permission.FILING_SUBMIT,
        transfers.accept,
    ),
    Command(
        "cured CASE [TEXT…]",
        "Say that you have put right in your room what you were asked to.",
        Permission.FILING_SUBMIT,
        measures.cured,
    ),
    Command(
        "decline NUMBER",
        "Not take a room over, or not be its deputy (any more).",
        Permission.FILING_SUBMIT,
        transfers.decline,
    ),
    Command(
        "deputy NUMBER USER",
        "Name who is asked to take your room over if you no longer answer for it; «none» ends that.",
        Permission.FILING_SUBMIT,
        transfers.deputy,
    ),
    Command(
        "confirm CODE", "Confirm what waits under a code.", Permission.ACT_CONFIRM, decisions.confirm
    ),
    Command(
        "deny CODE",
        "Refuse what waits under a code, or take it back.",
        Permission.ACT_CONFIRM,
        decisions.deny,
    ),
)
