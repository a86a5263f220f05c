"""The page of all commands, made from the table."""

from policybot.domain.permission import GRANTS, Permission, Role
from policybot.matrix.commands.command import PREFIX
from policybot.matrix.commands.table import COMMANDS

_HEAD = f"""# Commands

Made from the table of commands by `policybot commands`; do not edit.

Write them in a direct chat with the bot, in a governed room, or, as staff, in the review room. What
you ask in a public room is answered to you alone. A word in capitals is an argument, one in brackets
may be left out, one that ends with `…` takes the rest of the message. In a chat, `{PREFIX} help` lists
the commands that are there for you, and `{PREFIX} help VERB` explains one.

Objects are what the bot itself prints: record numbers (`PB-2026-000123-7K`), filings before approval
(`F-12`), documents (`D-12`), cases (`C-17`), receipts (`R-23`); rooms by alias, ID or link; people by
user ID.
"""

_TITLES = {
    Role.EVERYBODY: "Everybody",
    Role.REVIEWER: "Reviewers",
    Role.MODERATOR: "Moderators",
    Role.APPEALS: "Reviewers of appeals",
    Role.PRIVACY: "Those who agree to reveals",
    Role.EXTERNAL: "Reviewers of appeals from outside",
}


def page() -> str:
    """Write the page, in Markdown."""
    parts = [_HEAD]
    for role in Role:
        rows = [command for command in COMMANDS if _belongs(command.needs, role)]
        lines = [f"| `{PREFIX} {c.usage}` | {c.help} | `{c.needs.value}` |" for c in rows]
        parts.append(
            "\n".join(
                [
                    f"\n## {_TITLES[role]}\n",
                    "| command | what it does | permission |",
                    "|---|---|---|",
                    *lines,
                ]
            )
        )
    return "\n".join(parts) + "\n"


def _belongs(needs: Permission, role: Role) -> bool:
    """List a command under everybody, or else under each role that may use it."""
    open_to_all = needs in GRANTS[Role.EVERYBODY]
    return open_to_all if role is Role.EVERYBODY else needs in GRANTS[role] and not open_to_all
