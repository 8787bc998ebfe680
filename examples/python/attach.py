# SPDX-License-Identifier: MIT

"""Attach to shared memory that another program made, and leave it there.

Up to Python 3.12, SharedMemory(name) tells Python's resource tracker of every
object that it opens. The tracker unlinks them all when this process has ended,
however it ended: an object that a C program made, and others still use, loses
its name because somebody in Python had looked at it. From 3.13 on there is
track=False.

    from attach import attach
    shm = attach("frames")
    print(bytes(shm.buf[:5]))
    shm.close()
"""

import sys
from multiprocessing import resource_tracker, shared_memory


def attach(name):
    """The SharedMemory `name`, which must exist, untracked. Never unlinks it."""
    if sys.version_info >= (3, 13):
        return shared_memory.SharedMemory(name=name, track=False)
    shm = shared_memory.SharedMemory(name=name)
    # Registered a moment ago, under the name as the system has it.
    resource_tracker.unregister(shm._name, "shared_memory")
    return shm


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: attach.py NAME")
    memory = attach(sys.argv[1])
    print(memory.size, "bytes:", bytes(memory.buf[:16]))
    memory.close()
