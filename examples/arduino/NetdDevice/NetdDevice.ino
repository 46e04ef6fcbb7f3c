// A device of netd's relay: it switches its lamp, and tells when its button is pressed.
//
// Once:       netd client arduino --into ~/Arduino/libraries/Netd
// Then try:   netd send greenhouse on
//             netd tail 'relay.*.said.greenhouse'
#if defined(ESP8266)
#include <ESP8266WiFi.h>
#else
#include <WiFi.h>
#endif
#include <Netd.h>

const int LAMP = 2, BUTTON = 0;

const char *receive(char *payload, size_t, Print &answer) {
  bool isOn = !strcmp(payload, "on");
  if (!isOn && strcmp(payload, "off")) return "on or off";  // the sender reads this as the error
  digitalWrite(LAMP, isOn ? HIGH : LOW);
  answer.print(F("the lamp is "));
  answer.print(payload);
  return nullptr;
}

WiFiClient client;
netd::Device<256> device(client, "192.168.1.10", "greenhouse", receive);

void setup() {
  pinMode(LAMP, OUTPUT);
  pinMode(BUTTON, INPUT_PULLUP);
  WiFi.begin("lab", "the password");
}

void loop() {
  static bool wasPressed = false;
  bool isPressed = digitalRead(BUTTON) == LOW;
  if (isPressed && !wasPressed) device.say("pressed", "button");
  wasPressed = isPressed;
  device.poll();
  delay(10);
}
