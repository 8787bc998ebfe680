# SPDX-License-Identifier: MIT
set(test_backends posix)
