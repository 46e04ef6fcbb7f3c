// Plays an Uno with the sketch: its serial port is the terminal that is stdin and stdout.
#include <poll.h>

#include <Arduino.h>
#include <WiFi.h>
#undef Serial

// The port of an Uno: what has come is known without waiting for it.
class UsbSerial : public HardwareSerial {
public:
  int available() {
    pollfd port = {0, POLLIN, 0};
    return poll(&port, 1, 10) > 0;
  }
  int read() {
    char c;
    if (::read(0, &c, 1) == 1) return c;
    exit(0);
  }
  size_t write(uint8_t c) override { return ::write(1, &c, 1) == 1; }
};
static UsbSerial usb;
#define Serial usb

#include SKETCH

int main() {
  setup();
  while (true) loop();
}
