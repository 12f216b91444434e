# Thin aliases. Without make (on Windows, say) use what they stand for: python bootstrap.py lab

PYTHON ?= $(shell command -v python3 || command -v python || command -v python3.11 || echo python3)

.PHONY: help lab test demo bench

help:
	@echo "make lab    open JupyterLab at the first lesson"
	@echo "make test   run every test"
	@echo "make demo   grade the sample class and show where its reports are"
	@echo "make bench  time graders, load generators, monitors, fleets and model servers side by side with their peers: over two hours"
	@echo "            on two cores that do nothing else; one of them with options: BENCH=\"overload.py --quick\", BENCH=load.py"
	@echo "Each sets up the course in .venv first, which takes a minute or two once."

lab demo:
	@"$(PYTHON)" bootstrap.py $@

test:
	@"$(PYTHON)" bootstrap.py
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/course sync --check
	.venv/bin/python -m pytest tests notebooks --nbval -n 3 --dist loadfile --no-loadscope-reorder

bench:
	@"$(PYTHON)" bootstrap.py
	$(if $(BENCH),,.venv/bin/python benchmarks/grading.py)
	$(if $(BENCH),,.venv/bin/python benchmarks/load.py)
	$(if $(BENCH),,.venv/bin/python benchmarks/overload.py)
	$(if $(BENCH),,.venv/bin/python benchmarks/drift.py)
	$(if $(BENCH),,.venv/bin/python benchmarks/optimize.py)
	$(if $(BENCH),,.venv/bin/python benchmarks/fleet.py)
	$(if $(BENCH),,.venv/bin/python benchmarks/scale.py)
	.venv/bin/python benchmarks/$(or $(BENCH),serving.py)
