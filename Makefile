# What a fresh checkout needs: `make demo` to see it work, `make test` to check it whole.
# Both set up everything they need, from Python 3.11 or newer, git and make.

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
# The sessions are to find the very Python that .venv was made from.
NOX = PATH="$$($(BIN)/python -c 'import sys; print(sys.base_prefix)')/bin:$$PATH" $(BIN)/nox
UV := $(BIN)/uv pip install --quiet --python .venv --constraint constraints.txt
NAME ?= flask_embedded
PORT ?= 0
export PORT
SESSIONS ?= lint types imports package docs lowest tests

# Behind a proxy that inspects TLS, the system's certificates are the ones that count.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif

.PHONY: demo example test bench chaos develop services clean

demo: .venv/ready  ## A made-up CSV goes through the whole path, against a simulated payer.
	@$(UV) '.[cli]' ./backends/sqlalchemy ./adapters/flask
	@$(BIN)/bulkclaims demo

# A whole host application until Ctrl-C: NAME=flask_embedded, django_embedded, flask_rq or django_celery; PORT=8000;
# BROKER=rabbitmq for django_celery.
example: .venv/ready $(if $(filter rabbitmq,$(BROKER)),services)
	@$(UV) '.[cli]' $(wildcard ./backends/* ./adapters/*) $(if $(filter %_embedded,$(NAME)),,--group examples)
	@test -d 'examples/$(NAME)' || { echo 'There is no example $(NAME); see the folder examples.' >&2; exit 1; }
	@cd examples && exec ../$(BIN)/python -m $(NAME)

test: .venv/ready services  ## Every gate, with the Python at hand; SESSIONS="lint tests" for some of them.
	@$(NOX) --force-python "$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
		--session $(SESSIONS)

bench: .venv/ready  ## The figures of every benchmark.
	@$(NOX) --session bench

chaos: .venv/ready services  ## Everything is killed that the tests can start, and only time is lost.
	@command -v faketime >/dev/null || scripts/apt-install faketime
	@$(NOX) --session chaos

develop: .venv/ready  ## All packages, editable, with every tool, in .venv.
	@$(UV) --editable '.[cli,jwt,testing,xlsx]' $(foreach member,$(wildcard backends/* adapters/*),--editable $(member)) \
		$(foreach name,lint types imports tests docs,--group $(name)) \
		$(foreach member,$(wildcard backends/* adapters/*),--group $(member)/pyproject.toml:tests)

services:  # The programs that no wheel holds; the tests start servers, each on a port and in a folder of its own.
	@PATH="$$PATH:/usr/sbin:/usr/lib/rabbitmq/bin"; \
	for program in mariadbd rabbitmq-server soffice curl jq; do command -v $$program >/dev/null || \
		exec scripts/apt-install mariadb-server rabbitmq-server libreoffice-calc-nogui curl jq; done

clean:
	rm -rf .venv .nox dist docs/_build .*_cache .coverage*

.venv/ready: constraints.txt
	@test -n '$(PYTHON)' || { echo 'bulkclaims needs Python 3.11 or newer, and none was found; name one with make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) cannot make virtual environments: Debian and Ubuntu keep that part in the package python3-venv.' >&2; \
		scripts/apt-install python3-venv; }
	$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt nox uv
	@touch $@
