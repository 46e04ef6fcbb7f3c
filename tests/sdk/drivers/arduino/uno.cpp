// What netd adds to a sketch for an Uno: the difference between this file with WITH=1, 2 or 3, and with WITH=0, a sketch that sends
// what it measures through a Client in its own way.
#include <Arduino.h>
#include <Client.h>

struct Wire : Client {
  int connect(IPAddress, uint16_t) override { return PINB; }
  int connect(const char *, uint16_t) override { return PINB; }
  size_t write(uint8_t c) override { return PORTB = c; }
  size_t write(const uint8_t *bytes, size_t count) override { return PORTB = *bytes, count; }
  int available() override { return PINB; }
  int read() override { return PINB; }
  int read(uint8_t *bytes, size_t count) override { return *bytes = PINB, count; }
  int peek() override { return PINB; }
  void flush() override {}
  void stop() override {}
  uint8_t connected() override { return PINB; }
  operator bool() override { return PINB; }
};

Wire control, wire, data;

#if WITH
#include "Netd.h"
#endif

#if WITH == 1
static const char *receive(char *payload, size_t, Print &answer) {
  if (strcmp(payload, "on")) return "on, or nothing";
  PORTB = 1;
  answer.print(F("done"));
  return nullptr;
}
netd::Device<128> client(wire, "192.168.1.10", "uno", receive);
#elif WITH == 2
static float light() { return PINB; }
netd::Channel channels[] = {netd::Channel("light", light, 1000, "Light", "%")};
netd::Agent client(wire, "192.168.1.10", channels, "uno");
#elif WITH == 3
static const char *receive(char *payload, size_t, Print &answer) {
  if (strcmp(payload, "on")) return "on, or nothing";
  PORTB = 1;
  answer.print(F("done"));
  return nullptr;
}
static float light() { return PINB; }
netd::Device<128> device(wire, "192.168.1.10", "uno", receive);
netd::Channel channels[] = {netd::Channel("light", light, 1000, "Light", "%")};
netd::Agent agent(data, "192.168.1.10", channels, "uno");
#endif

void setup() {}

void loop() {
#if WITH == 1
  client.poll();
#elif WITH == 2
  client.poll(control);
#elif WITH == 3
  device.poll();
  agent.poll(control);
#else
  if (!wire.connected() && !control.connected() && !data.connected()) wire.connect("192.168.1.10", 5050);
  wire.write('x');
  wire.print(PINB * 0.5);
  PORTB = millis();
#endif
}
