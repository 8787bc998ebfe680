# SPDX-License-Identifier: MIT
#
# What fault.c wraps. Both names where a call has one with 64.

set(test_wrap
    open open64 fcntl fcntl64 mmap mmap64 fallocate fallocate64 ftruncate
    ftruncate64 pwrite pwrite64 pread pread64 fstat fstat64 lstat lstat64
    fstatfs fstatfs64 readdir readdir64 fopen fopen64 opendir linkat link unlink
    mkdir madvise mprotect msync mlock memfd_create getentropy fchmod fchown
    shm_open shmget shmat shmctl malloc calloc realloc strdup strndup)
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(test_backends "")
endif()
