"""The ``netd`` command: talks to the running daemon through its control socket, and to any relay over its port.

It knows nothing of the services: what they offer it asks the daemon at call time.
"""
