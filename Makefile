# The few commands people use. `./uvw` is uv, installed or not.
.PHONY: up test check format

up:      ## bring the whole hub up
	./uvw run hub up

test:    ## every test
	./uvw run pytest

check:   ## lint, types, import rule, lock files
	./uvw run ruff check
	./uvw run ruff format --check
	./uvw run mypy
	./uvw run lint-imports --no-cache
	./uvw lock --check

format:
	./uvw run ruff check --fix
	./uvw run ruff format
