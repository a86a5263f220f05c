"""Claims: what each source says of a person, apart from what the others say, while it is good."""

from collections.abc import Mapping

from policybot.domain import identity
from policybot.domain.identity import Claim, Record, Source, Verification
from policybot.domain.name import cleaned
from policybot.domain.private import Private
from policybot.services.setting import Setting
from policybot.store import members
from policybot.store.database import Tx
from policybot.store.vault import Vault


class Claims:
    """What sources say; a part of the members' service."""

    def __init__(self, setting: Setting, vault: Vault) -> None:
        """Keep it in the vault, in a group for each source and realm."""
        self._setting = setting
        self._vault = vault

    def kept(self, record: Record) -> dict[str, str]:
        """Keep of a record's claims those that the operator wants, and no others."""
        wanted = self._setting.config.identity.keep
        kept = {claim.value: value.reveal() for claim, value in record.claims.items() if claim in wanted}
        if Claim.NAME in wanted and Claim.NAME not in kept and record.display_name:
            kept[Claim.NAME.value] = record.display_name.reveal()
        return kept

    async def keep(self, tx: Tx, person_id: str, record: Record) -> None:
        """Keep what a source said of somebody, and by what it can be asked again."""
        said, again = _groups(record.source, record.realm)
        await self._vault.keep(tx, person_id, said, self.kept(record))
        if record.again is not None:
            await self._vault.keep(tx, person_id, again, {"again": record.again.reveal()})

    async def take_over(
        self, tx: Tx, candidate: str, person_id: str, source: Source, realm: str
    ) -> None:
        """Keep under a person what a source said of somebody under another ID."""
        for group in _groups(source, realm):
            if (found := await self._vault.open(tx, candidate, group)) is not None:
                kept = {name: value.reveal() for name, value in found.items()}
                await self._vault.keep(tx, person_id, group, kept)

    async def correct(
        self, tx: Tx, person_id: str, source: Source, realm: str, data: Mapping[str, str]
    ) -> None:
        """Keep what a source says of somebody now, if it vouches for them still."""
        said, _ = _groups(source, realm)
        if said in await self._vault.groups(tx, person_id):
            wanted = {claim.value for claim in self._setting.config.identity.keep}
            kept = {name: value for name, value in data.items() if name in wanted}
            await self._vault.keep(tx, person_id, said, kept)

    async def drop(self, tx: Tx, person_id: str, source: Source, realm: str) -> None:
        """Forget what a source said of somebody."""
        for group in _groups(source, realm):
            await self._vault.drop(tx, person_id, group)

    async def of(self, tx: Tx, person_id: str) -> Mapping[str, Private] | None:
        """Open what the best source that vouches for a person today says of them."""
        return next(iter((await self.all_of(tx, person_id)).values()), None)

    async def all_of(self, tx: Tx, person_id: str) -> Mapping[str, Mapping[str, Private]]:
        """Open what each source that vouches for a person today says of them, the best first."""
        found = {}
        for verification in await members.good_verifications(tx, person_id):
            group, _ = _groups(verification.source, verification.realm)
            if said := await self._vault.open(tx, person_id, group):
                found[f"{verification.source} {verification.realm}"] = said
        return found

    async def name_of(self, tx: Tx, person_id: str) -> Private | None:
        """Open a person's name as it is good today; None if none is kept."""
        return _name(await self.of(tx, person_id))

    async def name_by(self, tx: Tx, vault_id: str, source: Source, realm: str) -> Private | None:
        """Open a name as one source has it; None if none is kept."""
        group, _ = _groups(source, realm)
        return _name(await self._vault.open(tx, vault_id, group))

    async def again(self, tx: Tx, verification: Verification) -> Private | None:
        """Read by what the source of a verification can be asked whether it still holds."""
        _, group = _groups(verification.source, verification.realm)
        kept = await self._vault.open(tx, verification.person_id, group)
        return kept["again"] if kept else None


def _name(said: Mapping[str, Private] | None) -> Private | None:
    name = identity.full_name({c: said[c.value] for c in Claim if c.value in said}) if said else None
    return name if name and cleaned(name.reveal()) else None


def _groups(source: Source, realm: str) -> tuple[str, str]:
    """Name the vault's groups for what a source says, and for by what it can be asked again."""
    return f"claims {source.value} {realm}", f"again {source.value} {realm}"
