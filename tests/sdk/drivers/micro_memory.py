"""Tells how many bytes 1,000 polls without news take on MicroPython: ``micro_memory.py FOLDER HOST PORT``, of a relay."""

import gc
import sys
import time

gc.collect()
before = gc.mem_alloc()
sys.path.insert(0, sys.argv[1])
import netd_micro  # noqa: E402 - it is measured

device = netd_micro.Device(sys.argv[2], int(sys.argv[3]), "meagre", lambda payload: payload)
while not device.poll():
    time.sleep(0.002)
gc.collect()
whole = gc.mem_alloc() - before
gc.disable()
before = gc.mem_alloc()
for _ in range(1000):
    device.poll()
print(gc.mem_alloc() - before, "bytes for polls,", whole, "bytes for the module and the device")
