"""Which files make the distribution; everything else about it is in ``pyproject.toml``.

Some of them lie where setuptools does not look by itself:

- ``twisted/plugins/netd_plugin.py`` must be installed *into* Twisted's package of plugins, or ``twistd`` does not find it.
  It ships as a package without an ``__init__.py``, so that not one file of Twisted is replaced when netd is installed, or
  removed when netd is.
- ``etc/`` is for the administrator who reads the checkout.  Installed, it is ``netd/etc/``, where the daemon finds the
  configuration that it runs with when it is given none.  So are the units in ``contrib/systemd``, which are ``netd/systemd/``,
  and what Prometheus and Grafana read.
"""

from setuptools import find_packages, setup

CONTRIBUTED = ("grafana", "prometheus", "systemd")

setup(
    packages=[*find_packages(include=["netd", "netd.*"]), "netd.etc", *(f"netd.{one}" for one in CONTRIBUTED), "twisted.plugins"],
    package_dir={"netd.etc": "etc"} | {f"netd.{one}": f"contrib/{one}" for one in CONTRIBUTED},
    package_data={
        "netd": ["py.typed"],
        "netd.etc": ["*"],
        "netd.client": ["arduino/*", "js/*"],
        "netd.gateway": ["static/**", "pages/*"],
        "netd.wire.recipes": ["*.ini", "*.transcript"],
    }
    | {f"netd.{one}": ["*"] for one in CONTRIBUTED},
    include_package_data=False,
    zip_safe=False,
)
