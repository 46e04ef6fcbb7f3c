// What Netd.h needs of Arduino, on Linux.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

class __FlashStringHelper;
#define F(text) reinterpret_cast<const __FlashStringHelper *>(text)
#define PSTR(text) (text)
#define strcmp_P strcmp
#define strncpy_P strncpy

inline unsigned long micros() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<unsigned long>(now.tv_sec) * 1000000UL + static_cast<unsigned long>(now.tv_nsec) / 1000UL;
}
inline unsigned long millis() { return micros() / 1000; }

class Print {
public:
  virtual ~Print() {}
  virtual size_t write(uint8_t c) = 0;
  virtual size_t write(const uint8_t *bytes, size_t count) {
    size_t written = 0;
    while (written < count && write(bytes[written])) ++written;
    return written;
  }
  size_t print(const char *text) { return write(reinterpret_cast<const uint8_t *>(text), strlen(text)); }
  size_t print(const __FlashStringHelper *text) { return print(reinterpret_cast<const char *>(text)); }
  size_t print(char c) { return write(uint8_t(c)); }
  size_t print(long value) { return format("%ld", value); }
  size_t print(unsigned long value) { return format("%lu", value); }
  size_t print(double value, int digits = 2) { return format("%.*f", digits, value); }

private:
  template <typename... Values> size_t format(const char *how, Values... values) {
    char text[64];
    snprintf(text, sizeof text, how, values...);
    return print(text);
  }
};
