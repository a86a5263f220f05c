"""Every command of the bot, in the order in which help lists them."""

from policybot.domain.permission import Permission
from policybot.matrix.commands import (
    agreement,
    appeals,
    cases,
    console,
    decisions,
    filings,
    languages,
    measures,
    members,
    names,
    privacy,
    qualifications,
    refusals,
    register,
    reviews,
    transfers,
    unfiled,
)
from policybot.matrix.commands.command import Command

COMMANDS: tuple[Command, ...] = (
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
        "Report a message by replying to it, or anything by a link to it; a room by its number, too.",
        Permission.REPORT_SEND,
        members.report,
    ),
    Command(
        "status NUMBER",
        "Where your report, your filing, your qualification or your document stands.",
        Permission.SELF_READ,
        members.status,
    ),
    Command(
        "appeal CASE TEXT…", "Object to a decision about you.", Permission.APPEAL_SEND, members.appeal
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
        "Take your filing back, or drop a draft.",
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
    Command(
        "queue [WHAT]",
        "What waits: filings, qualifications, cases, appeals, documents, or all.",
        Permission.QUEUE_READ,
        cases.queue,
    ),
    Command(
        "console [WHAT]",
        "A link to the pages on which you work on cases, in your direct room; «close» ends all of them.",
        Permission.CASE_CLAIM,
        console.console,
    ),
    Command(
        "care",
        "How many cases and blurred pictures you have looked at; for your eyes only.",
        Permission.CASE_CLAIM,
        console.care,
    ),
    Command(
        "show NUMBER",
        "A case, a filing or a qualification with all its facts; to you alone, a filing, a document or, "
        "if you moderate, a case by a link.",
        Permission.CASE_READ,
        cases.show,
    ),
    Command(
        "approve NUMBER", "Approve a filing or a document.", Permission.FILING_REVIEW, reviews.approve
    ),
    Command("ask NUMBER TEXT…", "Ask the applicant something.", Permission.FILING_REVIEW, reviews.ask),
    Command(
        "reject NUMBER TEXT…",
        "Reject a filing, a qualification or a document, with the reason; of a filing also by the "
        "number of a prepared one, and what fills its blanks.",
        Permission.FILING_REVIEW,
        reviews.reject,
        more=reviews.prepared,
    ),
    Command(
        "revoke NUMBER TEXT…",
        "Propose to take an approval or a qualification back. The owner reads the reason; everybody "
        "does if that of an approval begins with +public.",
        Permission.FILING_REVOKE,
        filings.revoke,
    ),
    Command(
        "grant NUMBER",
        "Grant a qualification to a room.",
        Permission.FILING_REVIEW,
        qualifications.grant,
    ),
    Command(
        "refusals [HOURS]",
        "What the gate has refused within a day, or so many hours: how often, to how many people.",
        Permission.CASE_READ,
        refusals.refusals,
    ),
    Command(
        "unfiled [WHAT]",
        "Public rooms that are not filed: a page of them by its number; or «unpublish», to take those "
        "out of the directory that wait for you.",
        Permission.UNFILED_HANDLE,
        unfiled.unfiled,
    ),
    Command(
        "republish ROOM",
        "Put a room back into the directory that was taken out because it is not filed.",
        Permission.UNFILED_HANDLE,
        unfiled.republish,
    ),
    Command(
        "drift [NUMBER]",
        "Where rooms differ from what was approved; with a number, one room, which is looked at anew.",
        Permission.QUEUE_READ,
        filings.drift,
    ),
    Command(
        "claim NUMBER",
        "Take a filing or a case for a while, so that nobody else does the same.",
        Permission.QUEUE_CLAIM,
        cases.claim,
    ),
    Command("release NUMBER", "Give a filing or a case back.", Permission.QUEUE_CLAIM, cases.release),
    Command(
        "check NUMBER POINTS…",
        "Tick points of a filing's checklist by their numbers, or «all».",
        Permission.FILING_REVIEW,
        reviews.check,
    ),
    Command(
        "uncheck NUMBER POINTS…",
        "Take ticks of a filing's checklist back.",
        Permission.FILING_REVIEW,
        reviews.uncheck,
    ),
    Command(
        "propose CASE RULE SEVERITY",
        "What the ladder proposes, and why.",
        Permission.CASE_DECIDE,
        decisions.propose,
    ),
    Command(
        "decide CASE RULE SEVERITY MEASURE FACTS…",
        "Decide a case. MEASURE is «proposed» or one like restrict:P3D; add +remove to remove the "
        "message, and factors such as +newcomer.",
        Permission.CASE_DECIDE,
        decisions.decide,
    ),
    Command(
        "cure CASE TIME TEXT…",
        "Give the owner of a room time to put something right: P7D, «usual», or «now» to end it.",
        Permission.CASE_DECIDE,
        measures.cure,
    ),
    Command(
        "hold WHAT RULE REASON…",
        "Put a room on hold at once, for 72 hours at most, by its case or by the room itself.",
        Permission.CASE_DECIDE,
        measures.hold,
    ),
    Command(
        "replace CASE RULE USER REASON…",
        "Propose that somebody else answers for a room; a second person confirms it, and they accept.",
        Permission.CASE_DECIDE,
        measures.replace,
    ),
    Command(
        "delete NUMBER",
        "Propose to delete a room that is closed for good; a second person confirms it.",
        Permission.CASE_DECIDE,
        measures.delete,
    ),
    Command(
        "unblock NUMBER REASON…",
        "Let people into a deleted room again; it brings nobody back.",
        Permission.SANCTION_LIFT,
        measures.unblock,
    ),
    Command(
        "dismiss CASE REASON…", "Close a case: no breach.", Permission.CASE_DECIDE, decisions.dismiss
    ),
    Command("lift CASE REASON…", "End a measure early.", Permission.SANCTION_LIFT, decisions.lift),
    Command(
        "history USER", "What was decided about an account.", Permission.CASE_READ, decisions.history
    ),
    Command(
        "same ACCOUNT OTHER CASE",
        "Whether two accounts belong to one person: yes or no, and both are told.",
        Permission.IDENTITY_COMPARE,
        privacy.same,
    ),
    Command(
        "matches ACCOUNT CASE NAME…",
        "Whether the person behind an account has this name: yes or no, and they are told.",
        Permission.IDENTITY_COMPARE,
        privacy.matches,
    ),
    Command(
        "reveal ACCOUNT CASE REASON [TEXT…]",
        "Ask to learn who is behind an account; another person has to agree, and they are told.",
        Permission.IDENTITY_REVEAL,
        privacy.reveal,
    ),
    Command(
        "retry NUMBER",
        "Try again what could not be carried out.",
        Permission.SANCTION_LIFT,
        decisions.retry,
    ),
    Command(
        "uphold CASE REASONS…", "Appeal: the decision stands.", Permission.APPEAL_DECIDE, appeals.uphold
    ),
    Command(
        "modify CASE MEASURE REASONS…",
        "Appeal: a milder measure.",
        Permission.APPEAL_DECIDE,
        appeals.modify,
    ),
    Command(
        "overturn CASE REASONS…",
        "Appeal: the decision is void.",
        Permission.APPEAL_DECIDE,
        appeals.overturn,
    ),
)
