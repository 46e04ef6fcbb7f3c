"""The page against a daemon: a program for each action, with each credential, from each place; and then without it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from netd.secrets.token_file import remove_token
from netd.secrets.tokens import TOKENS
from tests.trust import page
from tests.trust.drivers import DRIVERS
from tests.trust.house import HERE, PEER_HOST, STRANGER, House, opened
from tests.trust.people import COLUMNS, CONSOLES, OTHER, OWN, SENDS, WORDS

PLACES = {"loopback": HERE, "peers": PEER_HOST, "elsewhere": STRANGER}

SPARE = "spare"
"""A name that no credential reserves."""

NAMED = {"relay.connect", "session.stream", "room.join", "wire.connect"}
"""Actions by which a program takes a name, which a credential can reserve."""

COMMANDS = {"viewer": "looked", "admin": "swept"}
"""The commands that declare a role."""


def names(row: page.ActionRow, column: str) -> Iterator[tuple[str, bool]]:
    """Names that a column tries an action for, and whether the page lets it."""
    cell = row.cells[column]
    if row.name == "command.run":
        yield (COMMANDS.get(row.role, OWN), cell == "yes" or (cell == "own" and not row.role))
        if cell == "own":
            yield OTHER, False
    elif row.name == "relay.send":
        yield SENDS, cell in ("yes", "sends")
        yield OTHER, cell == "yes"
    elif row.name in NAMED and cell == "own":
        yield House.name_of(column), True
        yield OTHER, False
    else:
        yield SPARE, cell == "yes"


def rows() -> list[tuple[page.ActionRow, str]]:
    """Rows and columns of the page."""
    return list(product(page.actions(), COLUMNS))


class HouseTestCase(SynchronousTestCase):
    """The tests of one daemon each."""

    def open(self, access: str) -> House:
        """A daemon, which ends with the test."""
        context = opened(access)
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def tried(self, house: House, row: page.ActionRow, column: str, host: str, is_admitted: bool) -> list[str]:
        """What is not as the page has it, where a column tries an action from *host*.

        :param is_admitted: whether the address admits it: then it has the rights of its address if it shows nothing.
        """
        token, wrong = house.tokens.get(column), []
        takes_tokens = "tokens" in house.access
        for name, may_do in names(row, column):
            visit = DRIVERS[row.name](house, host, token, name)
            expected = may_do and (is_admitted or row.name in CONSOLES or (token is not None and takes_tokens))
            if token is not None and not takes_tokens and row.name.startswith("command."):
                expected = False  # the member is an argument of the function there, and this one has none of that name
            if visit.is_done is not expected:
                wrong.append(f"{row} by {column} from {host} for {name} where access = {house.access}: {visit.is_done}")
            visit.leave()
        return wrong


class WireTests(HouseTestCase):
    def test_page(self) -> None:
        """Each cell of the page, from each place: a proof replaces the address, and without one the address decides."""
        house = self.open("loopback peers tokens")
        wrong = []
        for (row, column), (place, host) in product(rows(), PLACES.items()):
            if (column == "unknown") is (place == "elsewhere") or column not in ("unknown", "by address"):
                wrong += self.tried(house, row, column, host, place != "elsewhere")
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_words(self) -> None:
        """Whatever else it says: who is not let in by a word of `access` may do nothing."""
        wrong = []
        for access in ("loopback", "peers", "tokens", "peers tokens", "anyone"):
            house = self.open(access)
            for row, column, (place, host) in product(
                page.actions(), ("unknown", "by address", "operator", "device"), PLACES.items()
            ):
                is_admitted = access == "anyone" or place in access
                if column not in ("unknown", "by address") or (column == "by address") is is_admitted:
                    wrong += self.tried(house, row, column, host, is_admitted) if row.name != "relay.send" else []
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_reserved(self) -> None:
        """A name with a credential is nobody else's: not by an address, not by a role."""
        house = self.open("loopback peers tokens")
        for action, owner in (
            ("relay.connect", "device"),
            ("session.stream", "agent"),
            ("room.join", "bot"),
            ("wire.connect", "device"),
        ):
            name = house.name_of(owner)
            for column, host in (("by address", HERE), ("by address", PEER_HOST), ("operator", HERE), ("admin", STRANGER)):
                visit = DRIVERS[action](house, host, house.tokens.get(column), name)
                self.assertEqual((False, False), (visit.is_done, visit.is_open), f"{action} as {name} by {column} from {host}")

    def test_wrong_token(self) -> None:
        """A token that nobody made is not forgiven because of the address."""
        house = self.open("loopback peers tokens")
        for action, driver in DRIVERS.items():
            visit = driver(house, HERE, "netd_made-up", SENDS if action == "relay.send" else SPARE)
            self.assertFalse(visit.is_done, action)


class RevocationTests(HouseTestCase):
    def test_wires(self) -> None:
        """Within a second, what a credential has opened is closed, and opens no more; that of others goes on."""
        house = self.open("tokens")
        others = {action: DRIVERS[action](house, PEER_HOST, house.tokens["admin"], f"{SPARE}-0") for action in NAMED}
        for number, column in enumerate(WORDS):
            if column == "admin":
                continue
            token = house.tokens[column]
            wanted = [row for row in page.actions() if row.cells[column] != "no" and row.name != "relay.send" and not row.role]
            tries = [(row, f"{SPARE}-{number}" if row.cells[column] == "yes" else house.name_of(column)) for row in wanted]
            tries = [(row, OWN if row.name == "command.run" else name) for row, name in tries]
            visits = [(row, DRIVERS[row.name](house, STRANGER, token, name)) for row, name in tries]
            self.assertEqual([], [str(row) for row, visit in visits if not visit.is_done], column)
            house.revoke(column)
            self.assertEqual([], [str(row) for row, visit in visits if visit.is_open], column)
            again = [(row, DRIVERS[row.name](house, STRANGER, token, name)) for row, name in tries]
            self.assertEqual([], [str(row) for row, visit in again if visit.is_done], column)
        self.assertEqual([True] * len(NAMED), [visit.is_open for visit in others.values()])


class ConsoleTests(HouseTestCase):
    REFUSED = -32002
    ARGUMENTS = -32602

    def is_allowed(self, house: House, name: str, token: str | None) -> bool:
        """Whether the gateway came as far as the arguments of an operation."""
        told = house.call(name, token)
        code = told["error"]["code"] if told["status"] == 200 else self.REFUSED
        self.assertIn(code, (self.REFUSED, self.ARGUMENTS), told)
        return bool(code == self.ARGUMENTS)

    def test_operations(self) -> None:
        """Each operation for each column: users by their roles, programs and addresses nothing at all."""
        house = self.open("loopback peers tokens")
        ranks = ("nobody", "viewer", "operator", "admin")
        listed, wrong = page.operations(), []
        for operation, column in product(house.operations(), COLUMNS):
            row = listed[operation.name]
            expected = column in ranks and ranks.index(column) >= ranks.index(row.role)
            if column == "confined":
                expected = row.confined != "no"
            found = self.is_allowed(house, operation.name, house.tokens.get(column))
            wrong += [] if found is expected else [f"{operation.name} by {column}: {found}"]
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_revoked(self) -> None:
        """A token that is gone calls nothing more."""
        house = self.open("tokens")
        self.assertTrue(self.is_allowed(house, "system.status", house.tokens["viewer"]))
        house.revoke("viewer")
        self.assertFalse(self.is_allowed(house, "system.status", house.tokens["viewer"]))


class AddedCredentialTests(HouseTestCase):
    def test_holders(self) -> None:
        """Within a second after a name gets a credential, whoever has it without proof loses it, and its owner can have it."""
        house = self.open("loopback peers tokens")
        kinds = (("relay.connect", "device"), ("session.stream", "agent"), ("room.join", "bot"), ("wire.connect", "device"))
        for action, kind in kinds:
            driver = DRIVERS[action]
            holder, other = driver(house, PEER_HOST, None, "late"), driver(house, HERE, None, "free")
            self.assertEqual((True, True), (holder.is_done, other.is_done), action)
            token = house.add("late", kind)
            self.assertEqual((False, True), (holder.is_open, other.is_open), action)
            self.assertIn(b"belongs to the " + kind.encode(), holder.connection.heard())
            self.assertTrue(driver(house, STRANGER, token, "late").is_done, action)
            other.leave()
            remove_token(house.folder / "state" / TOKENS, "late")

    def test_unusable(self) -> None:
        """A file that cannot be trusted takes no name from anybody."""
        house = self.open("loopback peers tokens")
        holder = DRIVERS["relay.connect"](house, PEER_HOST, None, SPARE)
        (house.folder / "state" / TOKENS).chmod(0o644)
        house.clock.pump([0.25] * 4)
        self.assertTrue(holder.is_open)
