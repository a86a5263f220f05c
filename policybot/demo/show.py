"""The demo as it is seen: the story step by step, then the stage is left to whoever watches."""

import asyncio
import shutil
import signal
import tempfile
import textwrap
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from policybot.demo.stage import BOT, PASSWORD, PEOPLE, Stage, stage
from policybot.demo.story import SETTING, STORY, WORD, Cast
from policybot.demo.synapse import DidNotStart

_WIDTH = 96


async def play(console: Console, *, once: bool) -> bool:
    """Play the story; say whether every step held. Nothing is left behind.

    With `once` it ends there; without, everything stays up until Ctrl-C.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    folder = Path(tempfile.mkdtemp(prefix="policybot-demo-"))
    telling = asyncio.create_task(_tell(console, folder, stop, once=once))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            console.print("Stopped. Nothing is left behind.")
            return True
        return telling.result()
    finally:
        stopping.cancel()
        shutil.rmtree(folder, ignore_errors=True)


async def _tell(console: Console, folder: Path, stop: asyncio.Event, *, once: bool) -> bool:
    begun = time.monotonic()
    try:
        with console.status("Setting the stage") as status:
            setting = stage(
                folder,
                lambda what: _progress(status, what),
                changes=SETTING,
                gate=("module",),
            )
            made = await setting.__aenter__()
    except DidNotStart as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return False
    try:
        console.print(f"The stage is set ({time.monotonic() - begun:.0f} s).\n")
        good = await _story(console, made)
        console.print(f"\n{time.monotonic() - begun:.0f} s in all.")
        if good and not once:
            _invite(console, made)
            await stop.wait()
        return good
    finally:
        await setting.__aexit__(None, None, None)


def _progress(status: Status, what: str) -> None:
    status.update(f"Setting the stage: {what}")


async def _story(console: Console, made: Stage) -> bool:
    cast = Cast(made, lambda who, where, text: _line(console, who, where, text))
    for number, step in enumerate(STORY, 1):
        console.print(f"\n[bold]{number}/{len(STORY)} {escape(step.title)}[/]", soft_wrap=True)
        try:
            await step.play(cast)
        except AssertionError as error:
            console.print(f"[red]✗ This did not hold: {escape(str(error))}[/]")
            console.print(escape(made.last_words()))
            return False
        console.print("[green]✓ and the homeserver shows it[/]")
    console.print(f"\n[green]All {len(STORY)} steps held.[/]")
    return True


def _line(console: Console, who: str, where: str, text: str) -> None:
    colour = "cyan" if who == BOT else "yellow"
    console.print(f"  [{colour}]{who}[/] [dim]in {escape(where)}[/]")
    for line in text.splitlines():
        for part in textwrap.wrap(line, _WIDTH, break_long_words=False) or [""]:
            console.print(f"    {escape(part)}", highlight=False, soft_wrap=True)


def _invite(console: Console, made: Stage) -> None:
    """Leave the stage to whoever watches."""
    console.print(
        f"\nEverything stays up. Homeserver: [bold]{made.synapse.address}[/]  "
        f"pages: {made.web}/about  health: {made.ops}/ready\n"
        f"Log in with any Matrix client; the password is always [bold]{PASSWORD}[/]:"
    )
    for name, role in PEOPLE.items():
        console.print(f"  @{name}:localhost – {role}", highlight=False)
    console.print(
        "\nSix things to try:\n"
        f"  1. as tom, open a chat with {made.bot} and write: !policy me\n"
        "  2. as lea, sign with !policy agree 1, make a public room, invite the bot, write\n"
        "     !policy file ROOM, and fill in the form to which the bot sends a link\n"
        "  3. as mira, in the review room: !policy queue\n"
        "  4. as anna, report a message by replying to it: !policy report R2 TEXT\n"
        f"  5. as lea, enter the room and write «{WORD}»: read why it is not accepted\n"
        f"  6. in another terminal: policybot audit verify -c {made.config}\n"
        "Ctrl-C ends it and leaves nothing behind.",
        highlight=False,
        soft_wrap=True,
    )
