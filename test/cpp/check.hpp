/* SPDX-License-Identifier: MIT */

/* Cases in C++, with and without exceptions. cmocka ends a case by longjmp,
 * over destructors and through frames that catch, so these end the program
 * instead; CTest starts it anew for each case, by the same two variables as
 * cases.c. A case is
 *
 *   TEST(region_moves) {
 *     CHECK(region.size() == 4096);
 *   }
 *
 * and processes are those of harness.h. */

#ifndef UVSHM_TEST_CPP_CHECK_HPP_
#define UVSHM_TEST_CPP_CHECK_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <uv.h>

extern "C" {
#include "harness.h"
}

#define CHECK(condition)                                                       \
 do {                                                                          \
  if (!(condition)) check::failed(__FILE__, __LINE__, #condition);             \
 } while (0)

/* The statement throws a uvshm::exception with this code. */
#define CHECK_THROWS(code, statement)                                          \
 do {                                                                          \
  bool thrown_ = false;                                                        \
  try {                                                                        \
   statement;                                                                  \
  } catch (const uvshm::exception& e_) {                                       \
   thrown_ = e_.error() == uvshm::errc::code;                                  \
   if (!thrown_) std::printf("%s\n", e_.what());                               \
  }                                                                            \
  if (!thrown_) check::failed(__FILE__, __LINE__, #statement);                 \
 } while (0)

#define TEST(sentence)                                                         \
 static void sentence();                                                       \
 static check::entry sentence##_entry(#sentence, sentence);                    \
 static void sentence()

namespace check {

[[noreturn]] inline void failed(const char* file, int line, const char* what) {
  std::printf("%s:%d: FAILED: %s\n", file, line, what);
  std::fflush(stdout);
  std::_Exit(1);
}

/* A case of this program; they are run in the order in which they stand. */
struct entry {
  entry(const char* name_, void (*run_)()) : name(name_), run(run_) {
    *last() = this;
    last() = &next;
  }
  static entry*& first() {
    static entry* one = nullptr;
    return one;
  }
  static entry**& last() {
    static entry** one = &first();
    return one;
  }
  const char* name;
  void (*run)();
  entry* next = nullptr;
};

inline int run_cases() {
  const char* wanted = std::getenv("UVSHM_TEST_CASE");
  bool list = std::getenv("UVSHM_TEST_LIST") != nullptr;

  for (entry* one = entry::first(); one != nullptr; one = one->next) {
    if (list) {
      std::printf("case: %s\n", one->name);
    } else if (wanted == nullptr || std::strcmp(wanted, one->name) == 0) {
      std::printf("[ RUN      ] %s\n", one->name);
      std::fflush(stdout);
      one->run();
      if (test_leftovers() != 0) failed(__FILE__, __LINE__, "things were left");
      std::printf("[       OK ] %s\n", one->name);
      std::fflush(stdout);
    }
  }
  return 0;
}

/* A child in a role, killed unless it was joined. */
class child {
 public:
  template <class... Args>
  explicit child(const char* role, Args... args) {
    test_spawn(&process_, role, args..., nullptr);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    if (!gone_) kill();
  }
  void expect(const char* text) {
    char line[1024];
    test_expect_line(&process_, line, sizeof(line));
    if (std::strcmp(line, text) == 0) return;
    std::printf("said \"%s\" instead of \"%s\"\n", line, text);
    failed(__FILE__, __LINE__, "what the child says");
  }
  void tell(const char* text) {
    test_tell(&process_, text);
  }
  void kill() {
    gone_ = true;
    test_kill(&process_);
  }
  int join() {
    gone_ = true;
    return test_join(&process_);
  }

 private:
  struct test_process process_;
  bool gone_ = false;
};

/* A name that no other test or run uses. */
inline std::string fresh(const char* stem) {
  return test_name(stem);
}

} /* namespace check */

/* The roles that a child of this program may have, and the cases. */
#define CHECK_MAIN(...)                                                        \
 int main(int argc, char** argv) {                                             \
  static const struct test_role roles[] = {__VA_ARGS__, {nullptr, nullptr}};   \
  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);      \
  return check::run_cases();                                                   \
 }

#endif /* UVSHM_TEST_CPP_CHECK_HPP_ */
