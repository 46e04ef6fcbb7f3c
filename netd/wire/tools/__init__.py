"""The programs behind ``netd learn`` and ``netd wire``: the command line starts them, as it starts ``netd check``.

What they find out is pure (:mod:`netd.wire.learn`, :mod:`netd.wire.replay`);
here are the sockets, the files and the words around it.
"""
