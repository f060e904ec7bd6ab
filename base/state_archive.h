// StateArchive: one visit() per device lists each field once and serves saving and loading alike.
//
// Format: a sequence of sections {u32 name length, name, u32 version, u64 payload length, payload}; fields are little
// endian and follow each other without tags. Loading checks every length, so hostile input fails with an Error.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

class StateArchive {
  public:
    /// An archive that collects state.
    static StateArchive saver() { return StateArchive(); }
    /// An archive that restores state from bytes written by a saver.
    static StateArchive loader(std::vector<u8> bytes) {
        StateArchive a;
        a.loading_ = true;
        a.data_ = std::move(bytes);
        return a;
    }

    bool loading() const { return loading_; }
    bool failed() const { return !failure_.empty(); }
    const std::string& failure() const { return failure_; }
    const std::vector<u8>& bytes() const { return data_; }

    /// Opens a section, calls body(version) and closes it. On loading `version` is what was saved.
    template <class Body>
    void section(std::string_view name, u32 version, Body&& body) {
        if (!begin(name, version)) return;
        body(version);
        end();
    }

    template <class T>
        requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
    void field(T& value) {
        raw(&value, sizeof value);
    }
    /// Any byte but 0 is true: a bool that holds another byte than 0 or 1 would be undefined behaviour.
    void field(bool& value) {
        u8 byte = value;
        field(byte);
        value = byte != 0;
    }
    template <class T, std::size_t N>
    void field(std::array<T, N>& values) {
        for (T& v : values) field(v);
    }
    template <class T, std::size_t N>
    void field(T (&values)[N]) {
        for (T& v : values) field(v);
    }
    /// A byte string whose length is part of the state; at most max_size bytes are accepted on loading.
    void field(std::vector<u8>& bytes, u64 max_size);
    template <class T>
        requires(std::is_arithmetic_v<T>)
    void field(std::deque<T>& values, u64 max_size) {
        u64 n = values.size();
        field(n);
        if (loading_) {
            if (n > max_size) return fail("a queue is longer than the device allows");
            values.resize(n);
        }
        for (T& v : values) field(v);
    }
    template <class... Fields>
        requires(sizeof...(Fields) > 1)
    void fields(Fields&... f) {
        (field(f), ...);
    }

    void raw(void* data, std::size_t size);
    void fail(std::string why) {
        if (failure_.empty()) failure_ = std::move(why);
    }

  private:
    bool begin(std::string_view name, u32& version);
    void end();

    bool loading_ = false;
    std::vector<u8> data_;
    std::size_t position_ = 0;
    std::vector<std::size_t> open_;  // saver: offset of the length field; loader: end of the payload
    std::string failure_;
};

}  // namespace twin86
