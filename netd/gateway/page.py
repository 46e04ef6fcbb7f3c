"""The page of operations that ``/api`` shows in a browser. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from netd.codec.schemas import kind_of

__all__ = ["render_page"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Operations of netd</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/api.css">
</head>
<body>
<main>
<h1>Operations</h1>
<p>Call them with JSON-RPC 2.0: <code>POST /rpc</code>, or messages on the WebSocket <code>/ws</code>. Programs read this list as
JSON from this very address. <a href="./">Dashboard</a></p>
{services}
</main>
</body>
</html>
"""

_SERVICE = """<section>
<h2 id="{service}">{service}</h2>
<table>
<thead><tr><th scope="col">Operation</th><th scope="col">Arguments</th><th scope="col">Role</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</section>"""

_ROW = """<tr id="{name}">
<th scope="row"><code>{name}</code><p>{summary}</p></th>
<td>{arguments}</td>
<td>{role}</td>
</tr>"""


def render_page(operations: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the page about *operations*, the result of ``system.operations``. All text in it is escaped."""
    services: dict[str, list[str]] = {}
    for operation in operations:
        services.setdefault(operation["name"].partition(".")[0], []).append(_row(operation))
    sections = [_SERVICE.format(service=escape(name), rows="\n".join(rows)) for name, rows in services.items()]
    return _PAGE.format(services="\n".join(sections)).encode()


def _row(operation: Mapping[str, Any]) -> str:
    instances = operation["instances"]
    also = f" (instances: {', '.join(instances)})" if len(instances) > 1 else ""
    return _ROW.format(
        name=escape(operation["name"]),
        summary=escape(f"{operation['summary']}{also}"),
        arguments=f"<ul>{''.join(map(_argument, operation['arguments']))}</ul>" if operation["arguments"] else "none",
        role=escape(operation["role"]),
    )


def _argument(argument: Mapping[str, Any]) -> str:
    default = "" if argument["required"] else f" = {_json(argument['default'])}"
    return f"<li><code>{escape(argument['name'])}{default}</code> <small>{escape(kind_of(argument['schema']))}</small></li>"


def _json(value: object) -> str:
    return escape(json.dumps(value, ensure_ascii=False))
