"""Python as it is on macOS: what only Linux has is taken away before any program begins."""

import os
import select
import selectors
import signal
import socket

MISSING = (
    (select, "epoll EPOLLIN EPOLLOUT EPOLLERR EPOLLHUP EPOLLET EPOLL_CLOEXEC"),
    (
        socket,
        "MSG_MORE MSG_CMSG_CLOEXEC MSG_CONFIRM MSG_ERRQUEUE MSG_NOSIGNAL SOCK_CLOEXEC SOCK_NONBLOCK SO_PEERCRED SO_INCOMING_CPU"
        " SO_BINDTODEVICE SO_DOMAIN SO_PROTOCOL SO_MARK TCP_KEEPIDLE TCP_USER_TIMEOUT TCP_DEFER_ACCEPT TCP_QUICKACK TCP_CORK"
        " TCP_INFO TCP_LINGER2 TCP_SYNCNT TCP_WINDOW_CLAMP TCP_CONGESTION AF_NETLINK AF_PACKET AF_VSOCK",
    ),
    (
        os,
        "pidfd_open memfd_create eventfd pipe2 sched_getaffinity sched_setaffinity getrandom posix_fadvise posix_fallocate splice"
        " O_PATH O_TMPFILE O_DIRECT O_NOATIME O_LARGEFILE getresuid setresuid getxattr setxattr accept4",
    ),
    (signal, "SIGRTMIN SIGRTMAX SIGPWR SIGPOLL SIGSTKFLT sigtimedwait sigwaitinfo"),
)

selectors.DefaultSelector = selectors.PollSelector  # chosen while there was epoll: socket imports it
for module, names in MISSING:
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
