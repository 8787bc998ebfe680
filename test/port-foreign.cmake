set(test_backends posix)
