"""The doctor: each thing that can be wrong with a set-up, checked in order, with the mend."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path as File

import aiohttp
from mautrix.api import Path

from policybot.config import Config, permissions_too_open
from policybot.config.finding import Finding
from policybot.config.fresh import registration_problems
from policybot.domain.list_rule import TYPES
from policybot.domain.permission import Role
from policybot.domain.press import Kind as PressKind
from policybot.domain.rank import Control, control
from policybot.matrix.client import Client
from policybot.matrix.listing import Listing
from policybot.matrix.power import Power
from policybot.matrix.presses import Presses
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Later
from policybot.store import outbox, rooms
from policybot.store.database import Database, DatabaseAway
from policybot.store.rooms import Kind
from policybot.store.upgrades import upgrades

_OLDEST_SYNAPSE = (1, 150)


class Doctor:
    """Looks at one set-up, without changing anything."""

    def __init__(
        self,
        config: Config,
        config_file: File,
        registration_file: File,
        session: aiohttp.ClientSession,
        *,
        more: tuple[Finding, ...] = (),
    ) -> None:
        """Look at what these files say, and at the homeserver they name; tell `more` as well."""
        self._more = more
        self._config = config
        self._config_file = config_file
        self._registration_file = registration_file
        token = config.appservice.as_token.get_secret_value()
        self._client = Client(config.homeserver.address, token, session)
        self._synapse = Synapse(Client(config.homeserver.address, config.admin_token, session))
        self._bot = config.bot_user_id

    async def look(self) -> AsyncIterator[Finding]:
        """Check everything, one finding after another; a check that fails does not end the rest."""
        checks: tuple[tuple[str, Callable[[], Awaitable[Finding]]], ...] = (
            ("configuration", self._configuration),
            ("database", self._database),
            ("homeserver", self._homeserver),
            ("registration file", self._registration),
            ("registration", self._known),
            ("ping", self._ping),
            ("bot account", self._account),
            ("administrator", self._administrator),
            ("directory rules", self._directory),
            ("public rooms", self._public_rooms),
            ("report button", self._report_button),
            ("server notices", self._notices),
            ("review room", self._review_room),
            ("appeals", self._appeals),
            ("public list", self._public_list),
        )
        for what, check in checks:
            yield await self._safely(what, check)
        for finding in self._more:
            yield finding
        async for finding in self._governed_rooms():
            yield finding

    @staticmethod
    async def _safely(what: str, check: Callable[[], Awaitable[Finding]]) -> Finding:
        try:
            return await check()
        except Later as error:
            mend = "Is it running? Check homeserver.address in the configuration."
            return Finding(what, good=False, said=str(error), mend=mend)
        except Impossible as error:
            return Finding(what, good=False, said=str(error), mend="See the mend above.")

    async def _configuration(self) -> Finding:
        if permissions_too_open(self._config_file):
            return Finding(
                "configuration",
                good=False,
                said="others than its owner can read it, and it holds secrets",
                mend=f"chmod 600 {self._config_file}",
            )
        return Finding("configuration", good=True, said="every key is understood")

    async def _database(self) -> Finding:
        try:
            database = await Database.open(self._config.database_url, upgrade=False)
        except DatabaseAway as error:
            return Finding(
                "database",
                good=False,
                said=str(error),
                mend="Start `policybot run` once, or check `database` in the configuration.",
            )
        try:
            version, wanted = await database.version(), len(upgrades().upgrades)
            if version > wanted:
                return Finding(
                    "database",
                    good=False,
                    said=f"its schema is version {version}, newer than this policybot ({wanted})",
                    mend="Install the newer policybot again.",
                )
            if version == 0:
                return Finding("database", good=True, said="empty; `policybot run` will set it up")
            async with database.transaction(reading=True) as tx:
                dead = (await outbox.counts(tx))["dead"]
            if dead:
                return Finding(
                    "database",
                    good=False,
                    said=f"{dead} effects could not be carried out",
                    mend="Read the alarms in the review room, then: !policy retry NUMBER",
                )
            return Finding("database", good=True, said=f"schema version {version} of {wanted}")
        finally:
            await database.close()

    async def _homeserver(self) -> Finding:
        versions = (await self._client.get(Path.versions)).get("versions", [])
        try:
            version = await self._synapse.version()
        except Impossible:
            return Finding(
                "homeserver",
                good=False,
                said=f"reachable (Matrix {versions[-1] if versions else '?'}), but it is no Synapse",
                mend="Suspension, server notices and evidence of removed messages need Synapse.",
            )
        numbers = tuple(int(n) for n in version.split(".")[:2] if n.isdecimal())
        if numbers < _OLDEST_SYNAPSE:
            oldest = ".".join(map(str, _OLDEST_SYNAPSE))
            return Finding(
                "homeserver",
                good=False,
                said=f"Synapse {version}",
                mend=f"Please use Synapse {oldest} or newer.",
            )
        return Finding("homeserver", good=True, said=f"Synapse {version}")

    async def _registration(self) -> Finding:
        problems = registration_problems(self._registration_file, self._config)
        if problems:
            return Finding(
                "registration file",
                good=False,
                said="; ".join(problems),
                mend="Make it agree with the configuration, and restart the homeserver.",
            )
        return Finding("registration file", good=True, said="agrees with the configuration")

    async def _known(self) -> Finding:
        try:
            who = (await self._client.get(Path.v3.account.whoami))["user_id"]
        except Impossible as error:
            return Finding(
                "registration",
                good=False,
                said=f"the homeserver does not know our token ({error})",
                mend="Add registration.yaml to app_service_config_files in homeserver.yaml and "
                "restart the homeserver.",
            )
        if who != self._bot:
            return Finding(
                "registration",
                good=False,
                said=f"the homeserver takes us for {who}, and we are {self._bot}",
                mend="Check appservice.localpart and homeserver.server_name.",
            )
        return Finding("registration", good=True, said=f"known as {who}")

    async def _ping(self) -> Finding:
        path = Path.v1.appservice[self._config.appservice.id].ping
        try:
            answer = await self._client.post(path, {"transaction_id": "doctor"})
        except (Impossible, Later) as error:
            return Finding(
                "ping",
                good=False,
                said=f"the homeserver does not reach us ({error})",
                mend="Is `policybot run` running? Else check appservice.address and the firewall.",
            )
        return Finding("ping", good=True, said=f"{answer.get('duration_ms')} ms there and back")

    async def _account(self) -> Finding:
        try:
            await self._client.get(Path.v3.profile[self._bot])
        except Impossible:
            return Finding(
                "bot account",
                good=False,
                said=f"{self._bot} is not there yet",
                mend="`policybot run` makes it at its first start.",
            )
        return Finding("bot account", good=True, said=self._bot)

    async def _administrator(self) -> Finding:
        try:
            user = await self._synapse.user(self._bot)
        except Impossible:
            return Finding(
                "administrator",
                good=False,
                said=f"{self._bot} is not an administrator of the homeserver",
                mend="As an administrator, send PUT "
                f'/_synapse/admin/v1/users/{self._bot}/admin with {{"admin": true}}; or stop Synapse '
                f"and set admin to 1 for {self._bot} in its table users; or, under the "
                "Matrix Authentication Service, set homeserver.admin_token.",
            )
        if user.get("suspended") or user.get("deactivated"):
            return Finding(
                "administrator",
                good=False,
                said=f"{self._bot} is suspended or deactivated",
                mend="End that through the admin API: the bot cannot write meanwhile.",
            )
        return Finding("administrator", good=True, said="the admin API answers")

    async def _directory(self) -> Finding:
        """Ask the homeserver; publication rules cannot be read, so we look at a room of our own."""
        room_id = await self._review_id()
        if room_id is None:
            return Finding(
                "directory rules",
                good=False,
                said="not checked without a review room",
                mend="See the review room below.",
            )
        path = Path.v3.directory["list"].room[room_id]
        try:
            # What it is already: nothing changes, but the rules are asked.
            present = (await self._client.get(path)).get("visibility", "private")
            await self._client.put(path, {"visibility": present})
        except Impossible as error:
            return Finding(
                "directory rules",
                good=False,
                said=str(error),
                mend="Set room_list_publication_rules in homeserver.yaml as `policybot init` prints.",
            )
        return Finding("directory rules", good=True, said="the bot may change the directory")

    async def _public_rooms(self) -> Finding:
        if self._config.filing.unfiled is None:
            said = "filing.unfiled is not set: nobody looks for rooms that are not filed"
            return Finding("public rooms", good=True, said=said)
        try:
            page = await Listing(self._client, self._synapse).page(0, 1)
        except Impossible as error:
            mend = "Until then set filing.unfiled to null: rooms that are not filed cannot be found."
            return Finding("public rooms", good=False, said=str(error), mend=mend)
        said = f"the homeserver lists them: {page.total:,} in its directory"
        return Finding("public rooms", good=True, said=said)

    async def _report_button(self) -> Finding:
        presses = Presses(self._synapse)
        try:
            for kind in PressKind:
                await presses.page(kind, 0, 1, newest_first=True)
        except Impossible as error:
            mend = "Until then only `!policy report` brings reports here."
            return Finding("report button", good=False, said=str(error), mend=mend)
        said = "the homeserver shows what is reported with a client's button"
        return Finding("report button", good=True, said=said)

    async def _notices(self) -> Finding:
        """Send a server notice to the bot itself: it is the one account that nobody reads."""
        try:
            await self._synapse.server_notice(self._bot, "A check by policybot doctor.", "doctor")
        except Impossible:
            return Finding(
                "server notices",
                good=False,
                said="they do not work, so suspended people could not be reached",
                mend="Set server_notices with auto_join: true in homeserver.yaml.",
            )
        return Finding("server notices", good=True, said="they work")

    async def _review_id(self) -> str | None:
        wanted = self._config.review_room
        if not wanted.startswith("#"):
            return wanted
        try:
            return str((await self._client.get(Path.v3.directory.room[wanted]))["room_id"])
        except Impossible:
            return None

    async def _review_room(self) -> Finding:
        wanted, room_id = self._config.review_room, await self._review_id()
        mend = f"Make a private, unencrypted room {wanted} and invite {self._bot}."
        if room_id is None:
            return Finding("review room", good=False, said=f"there is no {wanted}", mend=mend)
        try:
            answer = await self._client.get(Path.v3.rooms[room_id].joined_members)
        except Impossible:
            return Finding("review room", good=False, said="the bot is not in it", mend=mend)
        present = set(answer.get("joined", {}))
        absent = sorted(set(self._config.staff) - present)
        if absent:
            return Finding(
                "review room",
                good=False,
                said=f"not there: {', '.join(absent)}",
                mend="Invite them: a role counts only in the room.",
            )
        return Finding("review room", good=True, said=f"{wanted}, with all of your people")

    async def _appeals(self) -> Finding:
        """Say whether every decision leaves somebody in the review room who could review it."""
        outside = self._config.appeals.external_reviewers
        if outside:
            said = f"what nobody inside can decide, {', '.join(outside)} decides"
            return Finding("appeals", good=True, said=said)
        room_id, present = await self._review_id(), set()
        if room_id is not None:
            answer = await self._client.get(Path.v3.rooms[room_id].joined_members)
            present = set(answer.get("joined", {}))
        there = {u: roles for u, roles in self._config.staff.items() if u in present}
        reviewers = {u for u, roles in there.items() if Role.APPEALS in roles}
        moderators = sorted(u for u, roles in there.items() if Role.MODERATOR in roles)
        alone = [u for u in moderators if reviewers <= {u}]
        if not reviewers or alone:
            whose = f" against a decision of {alone[0]}" if alone and reviewers else ""
            return Finding(
                "appeals",
                good=False,
                said=f"nobody in the review room could decide an appeal{whose}",
                mend="Invite somebody else with the role appeals, or name somebody outside in "
                "appeals.external_reviewers.",
            )
        return Finding("appeals", good=True, said="each decision leaves somebody who could review it")

    async def _public_list(self) -> Finding:
        """Look whether the bot may write in the list by which others are told."""
        room, what = self._config.policy_lists.publish, "public list"
        if room is None:
            said = "policy_lists.publish is not set: decisions are told to nobody else"
            return Finding(what, good=True, said=said)
        mend = f"Invite {self._bot} to {room}, and let it send {' and '.join(TYPES)} there."
        try:
            room_id = room
            if room.startswith("#"):
                room_id = str((await self._client.get(Path.v3.directory.room[room]))["room_id"])
            levels = await Power(self._client, self._bot).levels(room_id)
        except Impossible as error:
            return Finding(what, good=False, said=f"I cannot look into {room} ({error})", mend=mend)
        mine, needed = levels.of(self._bot), max(map(levels.needed_for_state, TYPES))
        if mine < needed:
            said = f"my power level in {room} is {mine:g}, and a rule needs {needed:g}"
            return Finding(what, good=False, said=said, mend=mend)
        return Finding(what, good=True, said=f"the bot may write in {room}")

    async def _governed_rooms(self) -> AsyncIterator[Finding]:
        try:
            database = await Database.open(self._config.database_url, upgrade=False)
        except DatabaseAway:
            return
        try:
            if await database.version() == 0:
                return
            async with database.transaction(reading=True) as tx:
                governed = await rooms.ids_of_kind(tx, Kind.GOVERNED)
        finally:
            await database.close()
        power = Power(self._client, self._bot)
        for room_id in governed:
            try:
                reach = control(await power.levels(room_id), self._bot)
            except (Later, Impossible) as error:
                mend = f"Invite {self._bot} to the room again."
                yield Finding(room_id, good=False, said=str(error), mend=mend)
                continue
            yield Finding(
                room_id,
                good=reach is not Control.NONE,
                said=f"control level {reach.value}",
                mend=f"Ask the owner to give {self._bot} power level 100.",
            )
