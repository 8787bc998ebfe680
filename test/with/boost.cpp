// SPDX-License-Identifier: MIT

// The Boost end of test-with-others.c: shared_memory_object and mapped_region,
// and mapped files. The commands are told there.

#include <cstring>
#include <iostream>
#include <memory>
#include <string>

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

namespace bip = boost::interprocess;

namespace {

std::string name;
std::unique_ptr<bip::mapped_region> region;

const char* open(const std::string& kind, std::size_t size) {
  try {
    if (kind == "file") {
      bip::file_mapping file(name.c_str(), bip::read_write);
      region.reset(new bip::mapped_region(file, bip::read_write));
    } else if (size > 0) {
      bip::shared_memory_object object(
          bip::create_only, name.c_str(), bip::read_write);
      object.truncate(static_cast<bip::offset_t>(size));
      region.reset(new bip::mapped_region(object, bip::read_write));
    } else {
      bip::shared_memory_object object(
          bip::open_only, name.c_str(), bip::read_write);
      region.reset(new bip::mapped_region(object, bip::read_write));
    }
    return "ok";
  } catch (const bip::interprocess_exception&) {
    return "none";
  }
}

}  // namespace

int main() {
  std::string word;

  while (std::cin >> word && word != "quit") {
    char* bytes = region ? static_cast<char*>(region->get_address()) : nullptr;
    std::string text;
    std::size_t offset = 0;
    std::size_t size = 0;

    if (word == "open") {
      std::cin >> text >> name >> size;
      std::cout << open(text, size);
    } else if (word == "size") {
      std::cout << region->get_size();
    } else if (word == "write") {
      std::cin >> offset >> text;
      std::memcpy(bytes + offset, text.data(), text.size());
      std::cout << "ok";
    } else if (word == "read") {
      std::cin >> offset >> size;
      std::cout << std::string(bytes + offset, size);
    } else if (word == "close") {
      region.reset();
      std::cout << "ok";
    } else if (word == "remove") {
      std::cout << (bip::shared_memory_object::remove(name.c_str()) ? "ok"
                                                                    : "none");
    }
    std::cout << std::endl;
  }
  return 0;
}
