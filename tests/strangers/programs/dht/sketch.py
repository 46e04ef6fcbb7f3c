#!/usr/bin/env python3
"""Plays my Arduino (DHT22 tester + led) on a pseudo terminal:  sketch.py /tmp/ttyFAKE

It prints what the sketch prints:
    void loop() {
      if (Serial.available()) { char c = Serial.read(); if (c == 'H') ... if (c == 'L') ... }
      Serial.print("Humidity: "); Serial.print(h); Serial.print(" %\t");
      Serial.print("Temperature: "); Serial.print(t); Serial.println(" *C");
      delay(100);
    }
Ends well when someone has switched the led on and off again.
"""
import os, pty, select, sys, time, tty

path = sys.argv[1]
loops = int(sys.argv[2]) if len(sys.argv) > 2 else 20
master, slave = pty.openpty()
tty.setraw(master)
if os.path.islink(path):
    os.unlink(path)
os.symlink(os.ttyname(slave), path)

def println(text):
    os.write(master, (text + "\r\n").encode())

time.sleep(0.2)      # bootloader
println("DHT22 test!")
led = None
done = False
for i in range(loops):
    r, w, x = select.select([master], [], [], 0)
    if r:
        for c in os.read(master, 64).decode():
            if c == 'H':
                led = True
                println("LED on")
            elif c == 'L':
                if led:
                    done = True
                led = False
                println("LED off")
    h = 45.2 + (i % 4) * 0.3
    t = 21.4 + (i % 5) * 0.1
    if i == 7:
        println("Failed to read from DHT")
    else:
        println("Humidity: %.2f %%\tTemperature: %.2f *C" % (h, t))
    if done:
        break
    time.sleep(0.09)
time.sleep(0.1)
os.unlink(path)
sys.exit(0 if done else 1)
