# SPDX-License-Identifier: MIT

"""The Python end of test-with-others.c: multiprocessing.shared_memory, and
examples/python/attach.py. The commands are in test-with-others.c."""

import pathlib
import sys
from multiprocessing import shared_memory

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "examples/python"))
from attach import attach  # noqa: E402


def answer(text):
    print(text, flush=True)


def main():
    shm = None
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split(" ", 3)
        if word == "open":
            kind, name, size = rest[0], rest[1].lstrip("/"), int(rest[2])
            try:
                if kind == "attach" and size == 0:
                    shm = attach(name)
                else:
                    shm = shared_memory.SharedMemory(
                        name=name, create=size > 0, size=size
                    )
                answer("ok")
            except FileNotFoundError:
                answer("none")
        elif word == "size":
            answer(shm.size)
        elif word == "write":
            offset, text = int(rest[0]), rest[1].encode()
            shm.buf[offset : offset + len(text)] = text
            answer("ok")
        elif word == "read":
            offset, size = int(rest[0]), int(rest[1])
            answer(bytes(shm.buf[offset : offset + size]).decode())
        elif word == "close":
            shm.close()
            answer("ok")
        elif word == "remove":
            shm.unlink()
            answer("ok")
        elif word == "quit":
            break


main()
