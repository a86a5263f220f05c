"""The commands of the operator's people, in the order in which help lists them."""

from policybot.domain.permission import Permission
from policybot.matrix.commands import (
    appeals,
    cases,
    casework,
    console,
    decisions,
    filings,
    measures,
    media,
    policies,
    policy_lists,
    privacy,
    qualifications,
    queues,
    referrals,
    refusals,
    reports,
    reviews,
    unfiled,
)
from policybot.matrix.commands.command import Command

OF_STAFF: tuple[Command, ...] = (
    Command(
        "queue [WHAT…]",
        "What waits: filings, qualifications, cases, appeals, rechecks, documents, referrals; or all. "
        "Of cases also «queue cases mine», «overdue», a rule, a room, «after C-1» for what is behind.",
        Permission.QUEUE_READ,
        queues.queue,
    ),
    Command(
        "console [WHAT]",
        "A link to the pages for cases and appeals, in your direct room; «close» ends all of them.",
        Permission.CONSOLE_OPEN,
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
    Command(
        "ask NUMBER TEXT…",
        "Ask an applicant something, or whoever appeals; an appeal's time stands still meanwhile.",
        Permission.QUEUE_CLAIM,
        reviews.ask,
    ),
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
        "Take a filing, a case or an appeal for a while, so that nobody else does the same.",
        Permission.QUEUE_CLAIM,
        cases.claim,
    ),
    Command(
        "release NUMBER",
        "Give a filing, a case or an appeal back.",
        Permission.QUEUE_CLAIM,
        cases.release,
    ),
    Command(
        "case WHAT",
        "Open a case about an account, a room or another server, or find the one that waits.",
        Permission.CASE_DECIDE,
        casework.open_case,
    ),
    Command(
        "note CASE TEXT…",
        "Note something in a case, for your own people alone.",
        Permission.CASE_DECIDE,
        casework.note,
    ),
    Command(
        "merge CASE INTO REASON…",
        "Put a case into another one about the same account, or about its room: decided together.",
        Permission.CASE_DECIDE,
        casework.merge,
    ),
    Command(
        "split CASE REPORTS…",
        "Take the reports on something else out of a case, into one of their own.",
        Permission.CASE_DECIDE,
        casework.split,
    ),
    Command(
        "timeline WHAT [PAGE]",
        "What was reported and decided about an account or a room, or whomever a case is about.",
        Permission.CASE_READ,
        casework.timeline,
    ),
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
        "preview CASE RULE SEVERITY MEASURE FACTS…",
        "Show what «decide» would do, and exactly what everybody would read. Nothing is decided.",
        Permission.CASE_DECIDE,
        decisions.preview,
    ),
    Command(
        "decide CASE RULE SEVERITY MEASURE FACTS…",
        "Decide a case. MEASURE is «proposed» or one like restrict:P3D; add +remove to remove the "
        "message, and factors such as +newcomer. FACTS may be a prepared text: #NAME BLANK | BLANK. If "
        "the measure is not the proposed one or there are factors, say why: FACTS // WHY. What bars an "
        "account of another server can be told to other communities: close+publish.",
        Permission.CASE_DECIDE,
        decisions.decide,
        more=decisions.prepared,
    ),
    Command(
        "bulk CASES DECISION…",
        "Decide several cases alike, after a look at all: C-1,C-2,C-5-9 and the words of «decide» "
        "behind the case, or «dismiss REASON».",
        Permission.CASE_DECIDE,
        decisions.bulk,
    ),
    Command(
        "undo CODE REASON…",
        "Take back all that was decided at once under a code, and open the cases again.",
        Permission.CASE_DECIDE,
        decisions.undo,
    ),
    Command(
        "cure CASE TIME TEXT…",
        "Give the owner of a room time to put something right: P7D, «usual», or «now» to end it.",
        Permission.CASE_DECIDE,
        measures.cure,
    ),
    Command(
        "hold WHAT RULE REASON…",
        "Put a room or an account on hold at once, for 72 hours at most: by the case, or by naming it.",
        Permission.CASE_DECIDE,
        measures.hold,
    ),
    Command(
        "quarantine CASE REASON…",
        "Let nobody download the files of a case's message, until it is decided or given free.",
        Permission.CASE_DECIDE,
        media.quarantine,
    ),
    Command(
        "release-media CASE REASON…",
        "Let people download those files again.",
        Permission.CASE_DECIDE,
        media.release,
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
        "ladder [VERSION] [WHAT] [REASON…]",
        "The versions of the ladder: which is in force, what is next. Of one: what is stricter and what "
        "tests found; «shadow» tries it without effect, «test» holds it against what was decided, "
        "«propose» asks two others to put it in force, «withdraw REASON» gives it up.",
        Permission.POLICY_CHANGE,
        policies.ladder,
    ),
    Command(
        "history USER [PAGE]",
        "What was decided about an account, the newest first.",
        Permission.CASE_READ,
        decisions.history,
    ),
    Command(
        "lists",
        "Policy lists: our own, and those of others with how old what is known of them is.",
        Permission.CASE_READ,
        policy_lists.lists,
    ),
    Command(
        "listed WHO",
        "Which lists of others name an account, a room or a server, and what they say.",
        Permission.CASE_READ,
        policy_lists.listed,
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
        "refer CASE RECIPIENT BASIS WHAT…",
        "Propose to hand something of a case over to somebody outside: +rule +time +message … and why. "
        "The person is told at once, or later with delay:GROUND:P30D. To me alone.",
        Permission.REFERRAL_PROPOSE,
        referrals.refer,
        more=referrals.recipients,
    ),
    Command(
        "handover NUMBER [RECEIPT…]",
        "Get the document of an agreed referral, to hand it over; then note what its recipient answers.",
        Permission.REFERRAL_HAND_OVER,
        referrals.handover,
    ),
    Command(
        "postpone NUMBER GROUND TIME REASON…",
        "Propose that the person of a referral is told still later; another person has to agree.",
        Permission.REFERRAL_PROPOSE,
        referrals.postpone,
    ),
    Command(
        "retry NUMBER",
        "Try again what could not be carried out.",
        Permission.SANCTION_LIFT,
        decisions.retry,
    ),
    Command(
        "unfounded NUMBER REASON…",
        "Note that a report without a breach was manifestly unfounded; its author is told why.",
        Permission.CASE_DECIDE,
        reports.unfounded,
    ),
    Command(
        "caution NUMBER REASON…",
        "Warn, by such a report, whoever often makes unfounded ones.",
        Permission.CASE_DECIDE,
        reports.caution,
    ),
    Command(
        "pause NUMBER TIME REASON…",
        "Not take reports of whoever went on after a warning, for P30D at most; «end» for TIME ends it.",
        Permission.CASE_DECIDE,
        reports.pause,
    ),
    Command(
        "brief NUMBER",
        "What an appeal or an objection is about: what was decided and why, and what the person writes.",
        Permission.APPEAL_DECIDE,
        appeals.brief,
    ),
    Command(
        "weigh NUMBER VERDICT REASONS…",
        "Show what «uphold», «modify MEASURE» or «overturn» would do to an appeal, and exactly what "
        "everybody would read. Nothing is decided.",
        Permission.APPEAL_DECIDE,
        appeals.weigh,
    ),
    Command(
        "hasten NUMBER REASON…",
        "Put an appeal before others because it is urgent.",
        Permission.APPEAL_DECIDE,
        appeals.hasten,
    ),
    Command(
        "insist NUMBER REASON…",
        "What rests during an appeal cannot rest: a measure of S4, or a revocation. A second person "
        "confirms it; whoever appeals reads the reason.",
        Permission.APPEAL_INSIST,
        appeals.insist,
    ),
    Command(
        "admit NUMBER REASON…",
        "Let somebody appeal after the time for it, for good cause; they have 14 days.",
        Permission.APPEAL_ADMIT,
        appeals.admit,
    ),
    Command(
        "uphold NUMBER REASONS…",
        "Appeal, or an objection (R-…, REF-…): what was decided stands.",
        Permission.APPEAL_DECIDE,
        appeals.uphold,
    ),
    Command(
        "recheck CASE REASON…",
        "A later decision that would be another without one that is void: say what you found.",
        Permission.RECHECK_CLOSE,
        appeals.recheck,
    ),
    Command(
        "modify NUMBER MEASURE REASONS…",
        "Appeal: a milder measure. Objection (R-…): «founded», no breach but not unfounded either.",
        Permission.APPEAL_DECIDE,
        appeals.modify,
    ),
    Command(
        "overturn NUMBER REASONS…",
        "Appeal: the decision is void. Objection (R-…): the case is open again, or a warning or "
        "pause over; (REF-…): the recipient is told that it does not hold.",
        Permission.APPEAL_DECIDE,
        appeals.overturn,
    ),
)
