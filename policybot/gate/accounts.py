"""What counts of very many accounts, in little memory and without a long pause.

Each costs its name and a place in a table. The tables are many and small, so that none takes long to
grow or to sweep; nothing in them is of interest to the garbage collector.
"""

from collections.abc import Iterator

from policybot.domain.publishing import STRANGER, Account

_TABLES = 256
_ROUND = 0xFFFF


class Accounts:
    """Accounts by user ID, renewed in rounds: what did not come again in one can be swept away."""

    def __init__(self, bot: str = "") -> None:
        """Know nobody; the names of the bot's own homeserver are kept without its name."""
        self._ending = f":{bot.partition(':')[2]}" if bot else ""
        self._tables: tuple[dict[bytes, int], ...] = tuple({} for _ in range(_TABLES))
        self._kinds: list[Account] = []
        self._numbers: dict[Account, int] = {}
        self._marks: dict[Account, int] = {}
        """The number of each kind with that of the round, as one object for all accounts."""
        self._round = 0

    def __len__(self) -> int:
        """Count them."""
        return sum(map(len, self._tables))

    def get(self, user_id: str) -> Account:
        """Say what counts of an account."""
        key, table = self._place(user_id)
        mark = table.get(key)
        return STRANGER if mark is None else self._kinds[mark >> 16]

    def put(self, user_id: str, account: Account | None) -> None:
        """Take what counts of an account now; None for a stranger."""
        key, table = self._place(user_id)
        if account is None or account == STRANGER:
            table.pop(key, None)
        else:
            table[key] = self._mark(account)

    def begin(self) -> None:
        """Begin a round."""
        self._round = (self._round + 1) & _ROUND
        self._marks = {}

    def sweep(self) -> Iterator[None]:
        """Forget who did not come in this round, table by table."""
        for table in self._tables:
            for key in [key for key, mark in table.items() if mark & _ROUND != self._round]:
                del table[key]
            yield

    def _place(self, user_id: str) -> tuple[bytes, dict[bytes, int]]:
        name = user_id.removesuffix(self._ending) if self._ending else user_id
        key = name.encode("utf-8", "surrogatepass")
        # The lowest bits say where it stands within its table.
        return key, self._tables[(hash(key) >> 32) % _TABLES]

    def _mark(self, account: Account) -> int:
        mark = self._marks.get(account)
        if mark is None:
            number = self._numbers.setdefault(account, len(self._kinds))
            if number == len(self._kinds):
                self._kinds.append(account)
            mark = self._marks[account] = number << 16 | self._round
        return mark
