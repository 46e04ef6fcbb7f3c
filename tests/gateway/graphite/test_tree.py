"""Tests of ``netd.gateway.graphite.tree``: wildcards, and the tree that the query editor walks down."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments
from netd.gateway.graphite.tree import Wildcards, find, read_paths

SUBJECTS = ("session.main.cellar.temp", "session.main.greenhouse.temp", "session.main.greenhouse.temp.raw", "custom.door")


class TreeTests(SynchronousTestCase):
    def test_wildcards(self) -> None:
        """Each wildcard stands for characters of one node."""
        for path, expected in (
            ("session.main.greenhouse.temp", SUBJECTS[1:2]),
            ("session.*.*.temp", SUBJECTS[:2]),
            ("*.*.*.*", SUBJECTS[:2]),
            ("session.main.g*.*", SUBJECTS[1:2]),
            ("session.main.*e*.t?mp", SUBJECTS[:2]),
            ("session.main.[a-d]*.temp", SUBJECTS[:1]),
            ("session.main.{cellar,greenhouse}.temp", SUBJECTS[:2]),
            ("{session.main.cellar,custom}.{temp,door}", (SUBJECTS[0], SUBJECTS[3])),
            ("session.main.{cell,green}*.temp{,.raw}", SUBJECTS[:3]),
            ("*", ()),
            ("session.main.Cellar.temp", ()),
            ("", ()),
        ):
            wildcards = Wildcards(path)
            found = tuple(subject for subject in SUBJECTS if wildcards.matches(subject.split(".")))
            self.assertEqual(found, expected, path)

    def test_braces_are_bounded(self) -> None:
        """A few braces cannot make a path into millions."""
        self.assertRaises(InvalidArguments, Wildcards, "{a,b}" * 20)
        self.assertRaises(InvalidArguments, Wildcards, "{" + "," * 300 + "}")

    def test_braces_of_a_request(self) -> None:
        """Neither can those of many targets together: without braces, any number of targets is fine."""
        many = [f"session.main.{{{','.join(f'h{target}_{host}' for host in range(60))}}}.*" for target in range(10)]
        self.assertRaises(InvalidArguments, read_paths, many)
        self.assertEqual(set(read_paths([many[0]] * 10)), {many[0]})
        self.assertEqual(len(read_paths(f"session.main.host.c{number}" for number in range(1000))), 1000)

    def test_stars_are_cheap(self) -> None:
        """Many stars against a long node do not try all ways to divide it."""
        self.assertFalse(Wildcards("*a" * 100 + "b").matches(["a" * 500]))

    def test_find(self) -> None:
        """The tree is walked down node by node; a subject with others below it is both."""
        self.assertEqual([one["text"] for one in find("*", SUBJECTS)], ["custom", "session"])
        self.assertEqual(
            find("session.main.greenhouse.*", SUBJECTS),
            [
                {"text": "temp", "id": "session.main.greenhouse.temp", "leaf": 0, "expandable": 1, "allowChildren": 1},
                {"text": "temp", "id": "session.main.greenhouse.temp", "leaf": 1, "expandable": 0, "allowChildren": 0},
            ],
        )
        self.assertEqual([one["id"] for one in find("session.main.*.te*", SUBJECTS[:2])], ["session.main.*.temp"])
        self.assertEqual(find("session.other.*", SUBJECTS), [])
        self.assertEqual([one["text"] for one in find("custom.door", SUBJECTS)], ["door"])
