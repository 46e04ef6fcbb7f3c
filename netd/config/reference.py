"""Renders the packaged INI and the option reference from the options themselves, so that neither can be out of date.

``etc/netd.ini`` and ``docs/configuration.md`` are committed; :func:`stale_references` is for the test that fails when they lag
behind. The kinds are handed in: nothing here knows which there are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from netd.config.options import NETD, REQUIRED, NetdConfig, Option, SectionConfig, options_of, section_help, variable_name
from netd.config.tls import TLS, TlsConfig
from netd.operations import MAIN

__all__ = ["render_ini", "render_markdown", "stale_references", "write_reference"]

_INI = Path("etc", "netd.ini")
_MARKDOWN = Path("docs", "configuration.md")
_INI_WIDTH = 100

_INI_HEAD = """\
Each section runs a service. A second service of the same kind is written [kind:NAME].
An option that is commented out has the value shown. To change it, take the ; away and edit.
A section whose [name] is commented out does not run: take the ; before its [name] away to start it.
Values carry their units: 250ms, 10s, 5m, 1h, 2d; 512, 64KiB, 1MiB. A comment starts with ; or #.
"netd reload" (or SIGHUP) brings the new values of options marked "live" into force, starts added sections
and stops removed ones, while connections stay open. A new value of any other option waits for a restart.
"netd check" reports all mistakes. "netd config --origin" shows all options in force, with their places.
This file is generated; docs/configuration.md shows the same as tables."""

_MARKDOWN_HEAD = """\
# Configuration

*Generated from the options themselves: `make reference` writes this page and `etc/netd.ini`.*

netd reads one INI file. Each section runs a service. `[relay]` is the instance `main` of the kind `relay`; `[relay:lab2]` is
another one, named `lab2` (1 to 32 letters, digits, `_` and `-`).

```ini
[relay]
listen = loopback:5050   ; a comment after a value needs a space before its semicolon

[relay:lab2]
listen = loopback:5051
    unix:/run/netd/lab2.sock
```

Indented lines below an option continue its value. Lines that start with `;` or `#` are comments. There is no interpolation, and
`=` is the only delimiter. The file is UTF-8.

**Mistakes** are all reported at once, each as `file:line: [section] option: what is wrong`, before the daemon detaches; it
then exits with status 78. `netd check` reports the same, and other reasons for which the daemon would not start, such as an
address that the machine does not have. It does not look whether ports are free: a daemon that runs has them.

**Environment variables** override the file: `NETD_RELAY_LISTEN` is `listen` of `[relay]`, `NETD_RELAY_LAB2_LISTEN` that of
`[relay:lab2]` (a hyphen in a name becomes an underscore), `NETD_NAME` is `name` of `[netd]`. The section must be in the file.
Any other `NETD_…` is a mistake; an empty variable counts as not set. A relative path in a variable is relative to the current
directory, not to that of the file.
A daemon keeps the variables that it was started with: a reload does not see new ones.
`netd config --origin` shows each option that a daemon started with the file would have, and where it comes from.

**Changes** come into force by a reload: `netd reload`, SIGHUP (`kill -HUP`, `systemctl reload`), or the operation
`system.reload`. netd reads the file that it was started with (`netd status` names it), and first prepares everything that the
change needs: it opens new ports, runs the file of functions, checks certificates. Then all changes come into force in one step.
Connections stay open. If anything is wrong, nothing changes, and all mistakes are reported as at the start. The column "change"
tells what an option needs: `live` options follow a reload; the others keep their old value until netd is restarted, and the
reload names them. The service of an added section starts. The service of a removed section finishes its connections within
`stop_timeout`. `netd config --diff` tells what a reload would do.

**Secrets** are files: an option names the file, and nothing prints what is in it.

| format | what is written |
| --- | --- |
| duration | a number and its unit: `250ms`, `10s`, `5m`, `1h`, `2d`; at most `3650d` |
| size | bytes: `512`; or with a unit: `KiB`, `MiB`, `GiB` (powers of 1024), `kB`, `MB`, `GB` (powers of 1000) |
| yes or no | also `true` and `on`, `false` and `off` |
| endpoints | separated by white space: `loopback:5050`, reachable from this machine only (127.0.0.1, ::1 and 127.0.1.1, as far \
as the machine has them), or any of Twisted's server endpoints: `tcp:5050`, reachable from every machine, \
`tcp:5050:interface=192.168.1.2`, `tcp6:5050`, \
`ssl:5051:privateKey=key.pem:certKey=cert.pem`, `tls:/etc/netd/pem:5051`, `unix:/run/netd/relay.sock`, \
`systemd:domain=INET:name=relay`, `haproxy:tcp:5050`; a space inside one is written `\\ ` |
| path | relative to the directory of the INI file, as are paths in endpoints; `~` at its beginning is the home directory of the \
user who runs the daemon, and `credential:NAME` a credential that systemd hands over (`LoadCredential=`) |
| unlimited, off, auto | these words, where an option takes them; no number means "unlimited" |
"""


def render_ini(kinds: Mapping[str, type[SectionConfig]]) -> str:
    """Return the packaged INI: all options with help, unit and default, commented out.

    The header of a section is not commented out if its kind is packaged and has no required option.
    """
    head = [f"; {line}" for line in ("netd: every option, its unit and its default.", *_INI_HEAD.splitlines())]
    sections = [_ini_section(name, config_class) for name, config_class in _sections(kinds)]
    return "\n\n".join("\n".join(lines) for lines in (head, *sections)) + "\n"


def render_markdown(kinds: Mapping[str, type[SectionConfig]]) -> str:
    """Return the option reference, with a table for each kind."""
    sections = [_markdown_section(name, config_class) for name, config_class in _sections(kinds)]
    return "\n".join((_MARKDOWN_HEAD, *("\n".join(lines) + "\n" for lines in sections)))


def write_reference(root: Path, kinds: Mapping[str, type[SectionConfig]]) -> list[Path]:
    """Write both files below *root*, the checkout.

    :returns: the paths written.
    """
    rendered = _rendered(root, kinds)
    for path, text in rendered.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(rendered)


def stale_references(root: Path, kinds: Mapping[str, type[SectionConfig]]) -> list[Path]:
    """Return the files below *root* that are missing, or differ from the output of :func:`write_reference`."""
    rendered = _rendered(root, kinds)
    return [path for path, text in rendered.items() if not path.is_file() or path.read_bytes() != text.encode()]


def _rendered(root: Path, kinds: Mapping[str, type[SectionConfig]]) -> dict[Path, str]:
    return {root / _INI: render_ini(kinds), root / _MARKDOWN: render_markdown(kinds)}


def _sections(kinds: Mapping[str, type[SectionConfig]]) -> Iterator[tuple[str, type]]:
    yield NETD, NetdConfig
    yield TLS, TlsConfig
    yield from kinds.items()


def _is_live(config_class: type) -> bool:
    needs_nothing = all(option.default is not REQUIRED for option in options_of(config_class).values())
    return getattr(config_class, "packaged", True) and needs_nothing


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _INI_WIDTH, initial_indent="; ", subsequent_indent="; ", break_on_hyphens=False)


def _default(option: Option) -> str:
    return " ".join(option.default.split()) if isinstance(option.default, str) else ""


def _ini_section(name: str, config_class: type) -> list[str]:
    lines = [*_comment(section_help(config_class)), f"[{name}]" if _is_live(config_class) else f";[{name}]"]
    for option_name, option in options_of(config_class).items():
        required = " Required." if option.default is REQUIRED else ""
        format_and_reload = f"({option.parser.describes}; live)" if option.live else f"({option.parser.describes})"
        lines += ["", *_comment(f"{option.help}{required}"), *_comment(format_and_reload)]
        lines.append(f";{option_name} = {_default(option)}".rstrip())
    return lines


def _markdown_section(name: str, config_class: type) -> list[str]:
    switched_off = "" if _is_live(config_class) else " The packaged INI carries this section commented out."
    lines = [f"## [{name}]", "", f"{section_help(config_class)}{switched_off}".strip(), ""]
    lines += ["| option | format | default | environment | change | |", "| --- | --- | --- | --- | --- | --- |"]
    for option_name, option in options_of(config_class).items():
        default = f"`{_default(option)}`" if option.default is not REQUIRED else "*required*"
        variable = f"`{variable_name(name, MAIN, option_name)}`"
        change = "live" if option.live else "restart"
        cells = (f"`{option_name}`", option.parser.describes, default, variable, change, option.help)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return lines
