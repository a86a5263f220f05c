"""Evidence: files of filings and appeals, as pictures in the vault, looked at on record, then forgotten.

What its sender called a file is kept with its pictures: a name can say as much as they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from policybot.config.evidence import EvidenceSection
from policybot.domain import evidence as rules
from policybot.domain.appeal import Appeal
from policybot.domain.errors import NotFound, NotPermitted
from policybot.domain.evidence import File
from policybot.domain.filing import Filing
from policybot.domain.identity import Assurance
from policybot.domain.permission import Permission, allowed
from policybot.domain.private import Private
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.store import audit, documents, evidence, filings, members, privacy
from policybot.store.database import Tx
from policybot.store.members import Span

_NAME = "name"
_UPLOAD = "evidence"
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Drawn:
    """A file that was sent and is taken: its pictures were drawn anew."""

    name: str
    size: int
    """Bytes of the file that was sent."""
    pictures: Sequence[bytes]
    """JPEG, one for each page."""


class Evidence:
    """The service for evidence."""

    def __init__(self, setting: Setting, people: Members) -> None:
        """Keep pictures with the members' service."""
        self._setting = setting
        self._members = people

    @property
    def section(self) -> EvidenceSection:
        """What the configuration says of files."""
        return self._setting.config.filing.evidence

    async def count_upload(self, tx: Tx, user_id: str) -> None:
        """Count an upload before anything of it is decoded.

        Raises:
            OutOfOrder: nobody verified sends it; accounts cost nothing, and files cost much.
            NotPermitted: it is one too many within the hour.
        """
        await self._members.may_publish(tx, user_id, Assurance.LOW)
        await self._count(tx, user_id)

    async def _count(self, tx: Tx, user_id: str) -> None:
        now, most = self._setting.now(), rules.UPLOADS_AN_HOUR
        if not await documents.count_upload(tx, user_id, now, what=_UPLOAD, most=most):
            message = f"Files can be sent {most} times in an hour. Please try again in an hour."
            raise NotPermitted(message)

    async def add(self, tx: Tx, filing: Filing, sent: Sequence[Drawn]) -> None:
        """Keep files with a filing.

        Raises:
            NotPermitted: they are more than one filing may have.
        """
        known = await evidence.of_filing(tx, filing.id)
        if len(known) + len(sent) > self.section.max_files:
            raise NotPermitted(self.too_many)
        number = f"F-{filing.id}"
        for drawn in sent:
            file = self._file(number, filing.applicant, drawn)
            await self._keep(tx, replace(file, filing_id=filing.id), drawn)

    def _file(self, number: str, user_id: str, drawn: Drawn) -> File:
        return File(
            id=0,
            number=number,
            user_id=user_id,
            vault_id=self._setting.token(),
            pictures=len(drawn.pictures),
            size=drawn.size,
            added_at=self._setting.now(),
        )

    async def _keep(self, tx: Tx, file: File, drawn: Drawn) -> None:
        called = {_NAME: Private(rules.called(drawn.name))}
        await self._members.enclose(tx, file.vault_id, called, drawn.pictures)
        file = replace(file, id=await evidence.add(tx, file))
        self._remember(tx, file.user_id, "evidence:add", file)

    @property
    def too_many(self) -> str:
        """Say how many files there may be."""
        return f"A filing can have {self.section.max_files} files. Please remove one first."

    async def files(self, tx: Tx, filing_id: int) -> list[File]:
        """List the files of a filing with their names; empty once they are forgotten."""
        return await self._named(tx, await evidence.of_filing(tx, filing_id))

    async def _named(self, tx: Tx, files: Sequence[File]) -> list[File]:
        found = []
        for file in files:
            paper = await self._members.paper(tx, file.vault_id)
            name = paper[_NAME].reveal() if _NAME in paper else ""
            found.append(replace(file, name=name))
        return found

    async def pictures(self, tx: Tx, by: str, filing_id: int, file_id: int) -> Sequence[bytes]:
        """Open the pictures of a file, as JPEG; that somebody looks is on record.

        Raises:
            NotFound: there is none, or it is not theirs to see.
        """
        file, filing = await self._of_filing(tx, filing_id, file_id), await filings.by_id(tx, filing_id)
        roles = await self._setting.roles(tx, by)
        reviews = allowed(roles, Permission.FILING_REVIEW)
        if file is None or filing is None or not (reviews or filing.applicant == by):
            message = "There is no such file that you can see."
            raise NotFound(message)
        self._remember(tx, by, "evidence:open", file)
        numbers = range(1, file.pictures + 1)
        found = [await self._members.picture(tx, file.vault_id, n) for n in numbers]
        return [picture for picture in found if picture is not None]

    @staticmethod
    async def _of_filing(tx: Tx, filing_id: int, file_id: int) -> File | None:
        files = await evidence.of_filing(tx, filing_id)
        return next((file for file in files if file.id == file_id), None)

    # Of appeals ----------------------------------------------------------------------------------

    async def count_for_appeal(self, tx: Tx, user_id: str, appeal: Appeal | None, files: int) -> None:
        """Count an upload for an appeal before anything of it is decoded.

        Whoever has a decision about them may show something, verified or not.

        Raises:
            NotPermitted: it is one too many within the hour, or more files than an appeal may have.
        """
        known = await evidence.of_appeal(tx, appeal.id) if appeal else []
        if len(known) + files > self.section.max_files:
            raise NotPermitted(self._too_many_for_appeal)
        await self._count(tx, user_id)

    async def add_to_appeal(self, tx: Tx, user_id: str, appeal: Appeal, sent: Sequence[Drawn]) -> None:
        """Keep files with an appeal.

        Raises:
            NotPermitted: they are more than one appeal may have.
        """
        if len(await evidence.of_appeal(tx, appeal.id)) + len(sent) > self.section.max_files:
            raise NotPermitted(self._too_many_for_appeal)
        for drawn in sent:
            file = self._file(appeal.number, user_id, drawn)
            await self._keep(tx, replace(file, appeal_id=appeal.id), drawn)

    @property
    def _too_many_for_appeal(self) -> str:
        return f"An appeal can have {self.section.max_files} files."

    async def of_appeal(self, tx: Tx, appeal: Appeal) -> list[File]:
        """List the files of an appeal with their names; empty once they are forgotten."""
        return await self._named(tx, await evidence.of_appeal(tx, appeal.id))

    async def picture(  # noqa: PLR0913 - which, and how
        self, tx: Tx, by: str, appeal: Appeal, file_id: int, n: int, *, clear: bool
    ) -> bytes:
        """Open a picture of an appeal, as JPEG, counted from 1; a clear look is on record.

        Whether somebody may see the appeal is for the caller to know.

        Raises:
            NotFound: there is none.
        """
        files = await evidence.of_appeal(tx, appeal.id)
        file = next((one for one in files if one.id == file_id), None)
        found = await self._members.picture(tx, file.vault_id, n) if file else None
        if file is None or found is None:
            message = "There is no such picture that you can see."
            raise NotFound(message)
        if clear:
            self._remember(tx, by, "evidence:open", file)
        return found

    # Being forgotten -----------------------------------------------------------------------------

    async def remove(self, tx: Tx, by: str, filing_id: int, file_id: int) -> None:
        """Forget one file of a filing; nothing happens if it is gone already.

        Raises:
            NotPermitted: a legal hold lies on it.
        """
        file = await self._of_filing(tx, filing_id, file_id)
        if file is None:
            return
        if await privacy.is_held(tx, file.user_id):
            message = "A legal hold lies on this file: it cannot be removed before that ends."
            raise NotPermitted(message)
        await self._forget(tx, by, file)

    async def forget_filing(self, tx: Tx, by: str, filing_id: int) -> None:
        """Forget all files of a filing."""
        for file in await evidence.of_filing(tx, filing_id):
            await self._forget(tx, by, file)

    async def sweep(self, tx: Tx) -> None:
        """Forget the files whose time after the decision is over."""
        before = self._setting.now() - timedelta(days=self.section.keep_days)
        for file in await evidence.decided_before(tx, before, _BATCH):
            await self._forget(tx, "system:clock", file)

    async def kept_within(self, tx: Tx, user_id: str, span: Span) -> list[File]:
        """List the files that somebody sent from an account while it was theirs.

        What nobody known sent is of whoever has the account now.
        """
        found = []
        for file in await evidence.of_account(tx, user_id):
            whose = await members.person_at(tx, user_id, file.added_at)
            if whose == span.person_id or (whose is None and span.until is None):
                found.append(file)
        return found

    async def forget_of(self, tx: Tx, user_id: str, span: Span) -> None:
        """Forget the files that somebody sent from an account while it was theirs."""
        for file in await self.kept_within(tx, user_id, span):
            await self._forget(tx, "system:privacy", file)

    async def shown(
        self, tx: Tx, spans: Mapping[str, Span]
    ) -> tuple[dict[str, list[dict[str, str]]], dict[str, bytes]]:
        """Give the files that somebody sent from their accounts, and the pictures, for themselves."""
        texts: dict[str, list[dict[str, str]]] = {}
        pictures: dict[str, bytes] = {}
        for account, span in spans.items():
            for file in await self.kept_within(tx, account, span):
                about = f"{file.number}-file-{file.id}"
                paper = await self._members.paper(tx, file.vault_id)
                texts[about] = [{name: value.reveal() for name, value in paper.items()}]
                for n in range(1, file.pictures + 1):
                    data = await self._members.picture(tx, file.vault_id, n)
                    if data is not None:
                        pictures[f"{about}-picture-{n}"] = data
        return texts, pictures

    async def _forget(self, tx: Tx, by: str, file: File) -> None:
        await self._members.forget_document(tx, file.vault_id, None)
        await evidence.remove(tx, file.id)
        self._remember(tx, by, "evidence:forget", file)

    def _remember(self, tx: Tx, actor: str, tag: str, file: File) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=file.number,
            file=file.id,
        )
