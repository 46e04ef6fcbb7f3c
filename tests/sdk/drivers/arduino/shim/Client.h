// The interface of Arduino's Client, as far as it is the same on all boards and Netd.h uses it.
#pragma once
#include <Arduino.h>

class Client : public Print {
public:
  virtual int connect(const char *host, uint16_t port) = 0;
  virtual int available() = 0;
  virtual int read() = 0;
  virtual int read(uint8_t *bytes, size_t size) = 0;
  virtual void stop() = 0;
  virtual uint8_t connected() = 0;
  using Print::write;
};
