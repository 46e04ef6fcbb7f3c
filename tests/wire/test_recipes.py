"""Recipes are whole: each serves its own example to the last reply, and `netd check` has nothing against it."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.recipes import recipes
from netd.wire.recording import Direction, Transport, read_recording
from netd.wire.tools.trial import try_section

EVENTS = Path(__file__).with_name("recipes")


class RecipeTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """The example of each recipe becomes exactly the samples, events and replies that it should, however it is cut."""
        for name, recipe in recipes().items():
            recording = read_recording(recipe.transcript)
            plan = read_section(recipe.section).plan(recording.is_dialled, recording.transport is Transport.UDP)
            trial = try_section(plan, recording)
            expected = (EVENTS / f"{name}.events").read_text(encoding="utf-8").splitlines()
            self.assertEqual(expected, [str(one) for one in trial.found.consequences()], name)
            self.assertEqual((), trial.faults, name)

    def test_nothing_is_left_over(self) -> None:
        """Each file of expectations belongs to a recipe."""
        self.assertEqual({f"{name}.events" for name in recipes()}, {path.name for path in EVENTS.iterdir()})

    def test_form(self) -> None:
        """Each recipe has its own name and a title, listens to this machine alone, and names no real address."""
        for name, recipe in recipes().items():
            first, second, *_ = recipe.section.split("\n")
            self.assertEqual((f"; {recipe.title}", f"[wire:{name}]"), (first, second))
            self.assertLess(len(recipe.title), 120, name)
            for listen in (line for line in recipe.section.split("\n") if line.startswith("listen")):
                self.assertTrue(listen.endswith(":interface=127.0.0.1"), name)
            for event in read_recording(recipe.transcript).events:
                if event.direction is Direction.OPENED:
                    self.assertRegex(event.data.decode(), r"127\.0\.0\.1:\d+|192\.0\.2\.\d+:\d+|/dev/tty\w+")
