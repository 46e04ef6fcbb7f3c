// An agent: netd dials it, and it streams what it measures.
//
// Once:       netd client arduino --into ~/Arduino/libraries/Netd
// Then try:   netd session start 192.168.1.77     (the address of this board)
#if defined(ESP8266)
#include <ESP8266WiFi.h>
#else
#include <WiFi.h>
#endif
#include <Netd.h>

float moisture() { return analogRead(A0) / 10.24; }
float uptime() { return millis() / 1000; }

netd::Channel channels[] = {netd::Channel("moisture", moisture, 1000, "Soil moisture", "%", 1),
                            netd::Channel("uptime", uptime, 10000, "Uptime", "s", 0)};
WiFiServer server(10001);  // netd dials this port
WiFiClient samples, control;
netd::Agent agent(samples, "192.168.1.10", channels, "greenhouse");

void setup() {
  WiFi.begin("lab", "the password");
  server.begin();
}

void loop() {
  if (!control.connected()) control = server.accept();  // older cores: server.available()
  agent.poll(control);
  delay(10);
}
