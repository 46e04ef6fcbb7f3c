"""The page against the tables: each action and each operation has a row, and each cell is what the one rule says."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import AccessRules, AccessWord, Network
from netd.config.access import networks
from netd.kinds import find_kinds
from netd.principal import Action, Kind, Principal, Role, may
from tests.trust import page
from tests.trust.drivers import DRIVERS
from tests.trust.house import HERE, PEER_HOST, STRANGER, House, opened
from tests.trust.people import COLUMNS, OTHER, OWN, SENDS, WORDS, principals

CHECKOUT = Path(__file__).resolve().parent.parent.parent

SUBJECTS: Mapping[str, str | None] = {
    "relay.connect": "relay.main.presence.{}",
    "relay.list": "relay.main.presence.>",
    "relay.send": "relay.main.sent.{}",
    "session.stream": "session.main.{}.>",
    "feed.read": "feed.main.>",
    "command.list": "command.main.command-list",
    "command.run": "command.main.{}",
    "room.join": "room.main.>",
    "wire.connect": "wire.main.presence.{}",
    "gateway.visit": None,
    "gateway.metrics": None,
}
"""What each action is about, where the name stands for ``{}``; None where the subjects are asked about later."""


def subject_of(action: str, name: str) -> str | None:
    """What an action for a name is about."""
    subject = SUBJECTS[action]
    return None if subject is None else subject.format(name)


NO_ACTIONS = {"the operation", "any operation"}
"""Actions that only stand for an operation that is not known yet."""


def declared() -> Iterator[str]:
    """The name of every action that the source declares."""
    for path in (CHECKOUT / "netd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Action":
                yield from (name.value for name in node.args[:1] if isinstance(name, ast.Constant))


class MatrixTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        context = opened("loopback peers tokens")
        self.addCleanup(context.__exit__, None, None, None)
        self.house: House = context.__enter__()


class ActionTests(MatrixTestCase):
    def test_every_action_has_a_row(self) -> None:
        """What a service lets programs do stands on the page, with a program here that tries it; and nothing else does."""
        running = {(action.name, action.role) for action in self.house.actions()}
        defaults = {action.name: action.role for action in self.house.actions() if action.role is Role.OPERATOR}
        defaults |= {name: role for name, role in running if name not in defaults}
        rows = {(row.name, Role[row.role.upper()] if row.role else defaults[row.name]) for row in page.actions()}
        self.assertEqual(running, rows)
        self.assertEqual({name for name, _ in running}, set(DRIVERS))
        self.assertEqual(set(SUBJECTS), set(DRIVERS))

    def test_every_declared_action_is_running(self) -> None:
        """An action that the source declares is one of a service, or of the consoles."""
        known = {action.name for action in self.house.actions()} | set(page.operations()) | NO_ACTIONS
        self.assertEqual(set(), set(declared()) - known)

    def test_columns(self) -> None:
        """The page has a column for each kind of principal; a new kind needs one."""
        for row in page.actions():
            self.assertEqual(COLUMNS, tuple(row.cells), str(row))
        self.assertEqual({kind.value for kind in Kind} - {"user"}, set(COLUMNS) & {kind.value for kind in Kind})

    def test_cells(self) -> None:
        """Each cell: each proof, the own name, another one, and the device that may be sent to."""
        wrong, count = [], 0
        for row, column in product(page.actions(), COLUMNS):
            action = self._action(row)
            for principal, name in product(principals(column), (OWN, OTHER, SENDS)):
                expected = {"yes": True, "no": False, "own": name == OWN, "sends": name == SENDS}[row.cells[column]]
                found = may(principal, action, subject_of(row.name, name), name)
                wrong += [] if found is expected else [f"{row}, {column} by {principal.proof.value}, {name}: {found}"]
                count += 1
        self.assertEqual([], wrong)
        self.assertGreater(count, 1000)

    def test_no_subjects(self) -> None:
        """A user who is confined to other subjects may do nothing of it; confined to all, what one who is not may."""
        for row, role in product(page.actions(), (Role.VIEWER, Role.OPERATOR, Role.ADMIN)):
            [free, confined, all_of_it] = [
                may(self._user(role, subjects), self._action(row), subject_of(row.name, OWN), OWN)
                for subjects in (None, ("custom.>",), (">",))
            ]
            is_later = SUBJECTS[row.name] is None
            self.assertEqual((free and is_later, free), (confined, all_of_it), f"{row}, {role.name}")

    def _action(self, row: page.ActionRow) -> Action:
        """The running action of a row."""
        mine = [action for action in self.house.actions() if action.name == row.name]
        wanted = Role[row.role.upper()] if row.role else None
        default = Role.OPERATOR if len(mine) > 1 else mine[0].role
        [found] = [action for action in mine if action.role is (wanted or default)]
        return found

    @staticmethod
    def _user(role: Role, subjects: tuple[str, ...] | None) -> Principal:
        [first, *_] = principals("operator")
        return Principal("ada", role, subjects, first.proof, "ada line")


class OperationTests(MatrixTestCase):
    def test_every_operation_has_a_row(self) -> None:
        """The page lists all operations with their roles; no more, and no less."""
        listed = {(row.name, Role[row.role.upper()]) for row in page.operations().values()}
        running = {(operation.name, operation.role) for operation in self.house.operations()}
        self.assertEqual(set(), running ^ listed)

    def test_every_kind_is_there(self) -> None:
        """The daemon of these tests has a section of each kind, so that no operation is missed."""
        self.assertEqual(set(find_kinds()), {name.partition(":")[0] for name in self.house.services})

    def test_roles(self) -> None:
        """An operation is for users of its role or above, by whatever they have proved it; and for nobody else."""
        for operation, column in product(self.house.operations(), COLUMNS):
            for principal in principals(column):
                is_scraped = column == "metrics" and operation.name == "system.status"
                expected = principal.role >= operation.role or is_scraped
                self.assertEqual(expected, may(principal, operation.action), f"{operation.name}, {column}")
                self.assertTrue(principal.kind is Kind.USER or not principal.role)


PLACES = {"loopback": HERE, "peers": PEER_HOST, "elsewhere": STRANGER}


class AdmissionTests(SynchronousTestCase):
    PEERS: ClassVar[tuple[Network, ...]] = networks("10.0.0.0/8")

    def test_words(self) -> None:
        """Each set of words admits, by the address alone, from the places that it names."""
        sets = [frozenset(words) for words in self._sets()]
        for words, (place, host) in product(sets, PLACES.items()):
            found = AccessRules(words, self.PEERS).admit(host)
            expected = AccessWord.ANYONE in words or place in {word.value for word in words}
            self.assertEqual(expected, found is not None, f"{sorted(word.value for word in words)} from {place}")

    def test_words_of_the_page(self) -> None:
        """The page has a row for each word."""
        text = page.PAGE.read_text(encoding="utf-8")
        self.assertEqual([], [word.value for word in AccessWord if f"| `{word.value}` |" not in text])

    def test_words_of_the_file(self) -> None:
        """Each column but the first two has a credential."""
        self.assertEqual(set(COLUMNS), {"unknown", "by address", *WORDS})

    @staticmethod
    def _sets() -> Iterator[tuple[AccessWord, ...]]:
        three = (AccessWord.LOOPBACK, AccessWord.PEERS, AccessWord.TOKENS)
        for chosen in product((False, True), repeat=3):
            yield tuple(word for word, is_in in zip(three, chosen, strict=True) if is_in)
        yield (AccessWord.ANYONE,)
