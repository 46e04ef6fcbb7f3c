"""Python as it is on Windows: modules and names that only Unix systems have are taken away before any program begins.

The standard library's own use of them is over by then: its modules are imported first. So are click and rich, which choose by
``sys.platform``, and that stays.
"""

import asyncio  # noqa: F401
import getpass  # noqa: F401
import os
import select
import signal
import socket
import subprocess  # noqa: F401
import sys
import tempfile  # noqa: F401

import click._termui_impl  # noqa: F401
import rich.console  # noqa: F401

MODULES = frozenset({"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog", "spwd", "readline", "curses"})

MISSING = (
    (select, "epoll poll kqueue"),
    (
        socket,
        "AF_UNIX MSG_DONTWAIT MSG_MORE MSG_NOSIGNAL MSG_WAITALL SO_REUSEPORT SO_PEERCRED SOCK_CLOEXEC SOCK_NONBLOCK"
        " TCP_DEFER_ACCEPT TCP_USER_TIMEOUT TCP_QUICKACK TCP_CORK TCP_INFO CMSG_LEN SCM_RIGHTS",
    ),
    (
        signal,
        "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGALRM SIGQUIT SIGWINCH SIGTSTP SIGCONT SIGCHLD SIGPIPE pthread_sigmask setitimer"
        " alarm pause sigwait",
    ),
    (
        os,
        "getuid geteuid getgid getegid getgroups setuid fork forkpty kill killpg setsid mkfifo chown fchown fchmod lchown uname"
        " chroot wait4 nice getloadavg sysconf ttyname openpty pread pwrite sched_getaffinity pipe2 statvfs"
        " O_DIRECTORY O_NOFOLLOW O_CLOEXEC O_NONBLOCK O_SYNC",
    ),
)


class Missing:
    """Finds none of the modules that Windows lacks."""

    def find_spec(self, name, path=None, target=None):
        """Refuse those; leave the others to whoever is asked next."""
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}, as on Windows", name=name)


def socketpair(family=None, kind=socket.SOCK_STREAM, proto=0):
    """Two connected sockets, over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        return one, listener.accept()[0]


socket.socketpair = socketpair
for name in MODULES:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
for module, names in MISSING:
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
