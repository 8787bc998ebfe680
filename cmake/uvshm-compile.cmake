# SPDX-License-Identifier: MIT
#
# How our own C is compiled, the same for library, tool, tests and examples.

# uvshm_compile(<target>): the language, warnings and sanitizers of the house.
function(uvshm_compile target)
  # gnu11 rather than c11, because <uv.h> needs POSIX types; -Wpedantic and the
  # MSVC rules (scripts/msvc-check.sh) keep the extensions themselves out.
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11
    C_STANDARD_REQUIRED ON
    C_EXTENSIONS ON
    C_VISIBILITY_PRESET hidden)

  if(MSVC)
    # Not warned of: conditions that are constants of a backend (4127), padding
    # that _Alignas asks for (4324), addresses of libuv's functions (4232).
    target_compile_options(${target} PRIVATE
      /W4 /wd4127 /wd4324 /wd4232 /utf-8)
    target_compile_definitions(${target} PRIVATE _CRT_SECURE_NO_WARNINGS)
  else()
    target_compile_options(${target} PRIVATE
      -Wall -Wextra -Wpedantic -Wundef -Wconversion -Wshadow
      -Wstrict-prototypes -Wmissing-prototypes -Wvla)
  endif()
  if(UVSHM_WERROR)
    target_compile_options(${target} PRIVATE $<IF:$<C_COMPILER_ID:MSVC>,/WX,-Werror>)
  endif()

  if(WIN32)
    target_compile_definitions(${target} PRIVATE
      _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN UNICODE _UNICODE
      $<$<BOOL:${MINGW}>:__USE_MINGW_ANSI_STDIO=1>)
  endif()
  if(UVSHM_FORCE_INTERLOCKED)
    target_compile_definitions(${target} PRIVATE UVSHM__FORCE_INTERLOCKED)
  endif()

  if(UVSHM_SANITIZE)
    if(MSVC)
      target_compile_options(${target} PRIVATE /fsanitize=address)
    else()
      list(JOIN UVSHM_SANITIZE "," sanitizers)
      target_compile_options(${target} PRIVATE
        -fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
      target_link_options(${target} PRIVATE -fsanitize=${sanitizers})
    endif()
  endif()
  if(UVSHM_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PRIVATE --coverage)
  endif()
endfunction()
