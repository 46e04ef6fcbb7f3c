"""Tests of ``netd.gateway.page``: the operations, for people."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.gateway.page import render_page

OPERATION = {
    "name": "relay.send",
    "role": "operator",
    "summary": "Send",
    "instances": ["lab2", "main"],
    "arguments": [
        {"name": "target", "required": True, "schema": {"type": "string"}},
        {
            "name": "wait",
            "required": False,
            "default": None,
            "schema": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]},
        },
        {"name": "mode", "required": False, "default": "<a>", "schema": {"enum": ["<a>", "b"]}},
        {"name": "any", "required": True, "schema": {}},
    ],
}


def words(page: bytes) -> str:
    """The text on *page*, which must be well formed."""
    text = page.decode().replace("<!doctype html>", "").replace('<meta charset="utf-8">', "")
    text = (
        text.replace('svg+xml">', 'svg+xml"/>')
        .replace('initial-scale=1">', 'initial-scale=1"/>')
        .replace('api.css">', 'api.css"/>')
    )
    return " ".join(" ".join(ElementTree.fromstring(text).itertext()).split())


class PageTests(SynchronousTestCase):
    def test_operation(self) -> None:
        """Each operation shows its arguments, defaults, limits and role."""
        shown = words(render_page([OPERATION]))
        self.assertIn("relay.send Send (instances: lab2, main)", shown)
        self.assertIn("target text", shown)
        self.assertIn("wait = null number or null", shown)
        self.assertIn('mode = "<a>" "<a>" or "b"', shown)
        self.assertIn("any any JSON or text operator", shown)

    def test_no_arguments(self) -> None:
        """An operation without arguments says so."""
        self.assertIn("none viewer", words(render_page([{**OPERATION, "arguments": [], "role": "viewer"}])))

    @given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Cs"))))
    def test_text_stays_text(self, text: str) -> None:
        """Nothing that a service says of itself becomes markup."""
        operation = {**OPERATION, "summary": text, "arguments": [{"name": text, "required": True, "schema": {"type": text}}]}
        self.assertIn(" ".join(text.split()), words(render_page([operation])))
