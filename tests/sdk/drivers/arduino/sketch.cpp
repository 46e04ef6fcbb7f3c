// Runs a sketch: what comes on its serial port is stdin, what it writes there is stdout. It ends when all has been read.
#include <Arduino.h>
#include <WiFi.h>

#include SKETCH

int main() {
  setup();
  while (!feof(stdin)) loop();
}
