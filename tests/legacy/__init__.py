"""Programs as people wrote them before netd: standard library only, each with its author's habits on the wire.

They are run as processes, unmodified, against netd and against its clients; nothing here imports netd.
"""
