// What the sketches of examples/arduino need besides a Client, as an ESP32 and its board have it.
#pragma once
#include "../SocketClient.h"

#include <cmath>

enum { LOW, HIGH, OUTPUT, INPUT_PULLUP, A0, A1 };
inline void pinMode(int, int) {}
inline void digitalWrite(int, int) {}
inline int digitalRead(int) { return HIGH; }
inline int analogRead(int) { return 512; }
inline void delay(unsigned long) {}

typedef SocketClient WiFiClient;

class WiFiServer : public SocketServer {
public:
  explicit WiFiServer(uint16_t port) : port_(port) {}
  void begin() { SocketServer::begin(port_); }
  WiFiClient accept() { return WiFiClient(); }

private:
  const uint16_t port_;
};

class Radio {
public:
  void begin(const char *, const char *) {}
};
static Radio WiFi [[gnu::unused]];

class HardwareSerial : public Print {
public:
  void begin(unsigned long) {}
  int available() { return 1; }
  int read() { return getchar(); }
  size_t write(uint8_t c) override { return putchar(c) == c; }
  template <typename... Values> void println(Values... values) {
    print(values...);
    print("\r\n");
  }
};
static HardwareSerial Serial [[gnu::unused]];
