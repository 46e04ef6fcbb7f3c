// Measurements over USB, without a library: a line of text is enough. netd reads it with this section:
//
//     [wire:bench]
//     connect = serial:/dev/ttyACM0:115200
//     send = {text}
//     rules =
//         name I am {name}
//         sample T={temp °C};L={light %}
//         event lamp {state}
//
// Then try:   netd tail 'wire.bench.>'
const int LAMP = 13;

void setup() {
  pinMode(LAMP, OUTPUT);
  Serial.begin(115200);
  Serial.println(F("I am bench-1"));
}

void loop() {
  static unsigned long told = 0;
  if (millis() - told >= 1000) {
    told += 1000;
    Serial.print(F("T="));
    Serial.print(analogRead(A0) * 0.488, 1);  // an LM35: 10 mV a degree
    Serial.print(F(";L="));
    Serial.println(analogRead(A1) / 10.24, 1);
  }
  if (Serial.available()) {  // wire.send says 1 or 0
    int c = Serial.read();
    if (c != '0' && c != '1') return;
    digitalWrite(LAMP, c == '1');
    Serial.println(c == '1' ? F("lamp on") : F("lamp off"));
  }
}
