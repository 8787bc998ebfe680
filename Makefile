# SPDX-License-Identifier: MIT
#
# The front door. Each target is a line or two of shell; the work is in scripts/
# and CMakePresets.json, which CI calls too.
#
#   make            build library, tool and tests in build/
#   make demo       two processes pass a file through shared memory
#   make test       build and run the tests
#   make help       the rest
#
# `make demo`, `make test`, `make check` and `make test-windows` first install
# what is missing with the system's package manager. On a terminal they ask.

BUILD ?= build
JOBS  ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PREFIX ?= /usr/local

.PHONY: all configure demo test test-all test-windows storm storm-windows \
        check crash fuzz bench bench-record bench-plots docs format install \
        clean help deps
.DEFAULT_GOAL := all

all: configure
	@scripts/quiet.sh "build" cmake --build $(BUILD) --parallel $(JOBS)

configure:
	@scripts/quiet.sh "configure" scripts/configure.sh $(BUILD)

deps:
	@scripts/install-deps.sh test

# A name of the user's choice: make demo FILE=photo.jpg
demo:
	@scripts/install-deps.sh build
	@$(MAKE) --no-print-directory configure
	@scripts/quiet.sh "build" cmake --build $(BUILD) --parallel $(JOBS) --target uvshm_tool
	@$(BUILD)/tools/uvshm/uvshm demo $(FILE)

test: deps
	@scripts/test.sh $(BUILD)

test-all: deps
	@scripts/install-deps.sh matrix
	@scripts/test-matrix.sh

test-windows:
	@scripts/install-deps.sh windows
	@scripts/test-windows.sh

# Processes killed at random: 10,000, and 500 Windows programs.
storm: deps all
	@UVSHM_KILLS=$${UVSHM_KILLS:-10000} $(BUILD)/test/stress-kill
	@UVSHM_KILLS=$${UVSHM_KILLS:-10000} $(BUILD)/test/stress-queue
	@UVSHM_KILLS=$${UVSHM_KILLS:-10000} $(BUILD)/test/stress-topic
	@UVSHM_KILLS=$${UVSHM_KILLS:-10000} $(BUILD)/test/stress-locks

storm-windows:
	@scripts/install-deps.sh windows
	@UVSHM_KILLS=$${UVSHM_KILLS:-500} UVSHM_CTEST="-R stress-(kill|tokens|queue|topic|locks) -V" scripts/test-windows.sh

check:
	@scripts/install-deps.sh check
	@scripts/check.sh

crash:
	@scripts/install-deps.sh check
	@scripts/crash.sh

# For hours: make fuzz SECONDS=7200
fuzz:
	@scripts/install-deps.sh check
	@scripts/fuzz.sh $(or $(SECONDS),3600)

bench:
	@scripts/install-deps.sh bench
	@scripts/bench.sh $(BUILD)

# On a machine with nothing else to do: keep what it measures, draw what is kept.
bench-record:
	@scripts/install-deps.sh bench
	@scripts/bench-record.sh $(BUILD)

bench-plots:
	@scripts/install-deps.sh bench
	@scripts/bench-plots.sh

docs:
	@scripts/install-deps.sh docs
	@scripts/docs.sh $(BUILD)

format:
	@scripts/check-format.sh --fix

install:
	@scripts/install.sh $(BUILD) $(PREFIX)

clean:
	@rm -rf $(BUILD) build-*

help:
	@echo "make               build library, tool and tests in $(BUILD)/"
	@echo "make demo          two processes pass a file through shared memory; FILE=..."
	@echo "make test          build and run the tests"
	@echo "make test-all      the same with clang, sanitizers, -m32, musl, valgrind ..."
	@echo "make test-windows  the tests as Windows programs, under Wine"
	@echo "make storm         processes killed at random, 10,000 times"
	@echo "make storm-windows the same under Wine, 500 times"
	@echo "make check         format, layers, names, lint, examples: what review would say"
	@echo "make crash         deaths at every instruction and system call, and at random"
	@echo "make fuzz          damaged segments, for an hour; SECONDS=..."
	@echo "make bench         measure, and write $(BUILD)/bench.json"
	@echo "make bench-record  measure all, and keep it in bench/results/"
	@echo "make bench-plots   draw the newest of these for the documentation"
	@echo "make docs          the documentation as a site, in $(BUILD)/site"
	@echo "make format        run clang-format over the sources"
	@echo "make install       into PREFIX=$(PREFIX)"
	@echo "make clean         remove what was built"
