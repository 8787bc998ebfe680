# SPDX-License-Identifier: MIT
set(test_backends posix)
set(test_timeout 120)
