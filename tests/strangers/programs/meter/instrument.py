# Fake of our bench multimeter (the real one is on loan): SCPI on a TCP port
# exits 0 when it was asked for its identity and at least twice for volts and amps, as our logger does
import socket
import sys
import time
import math

srv = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
srv.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
srv.bind(("127.0.0.1", int(sys.argv[1])))
srv.listen(1)
srv.settimeout(float(sys.argv[2]) if len(sys.argv) > 2 else 1.9)
asked = {}

def answer(cmd):
    asked[cmd] = asked.get(cmd, 0) + 1
    n = sum(asked.values())
    if cmd == "*IDN?":
        return "HOMEMADE,DMM-2000,SN00417,1.02"
    if cmd == "MEAS:VOLT:DC?":
        return "%+.6E" % (12.0 + 0.01 * math.sin(n))
    if cmd == "MEAS:CURR:DC?":
        return "%+.6E" % (0.25 + 0.001 * n)
    if cmd == "SYST:REM":
        return None
    print("-113 undefined header", cmd)
    sys.exit(1)

def satisfied():
    return asked.get("*IDN?") and asked.get("MEAS:VOLT:DC?", 0) >= 2 and asked.get("MEAS:CURR:DC?", 0) >= 2

try:
    conn, addr = srv.accept()
    start = time.time()
    conn.settimeout(1.0)
    buffer = ""
    while time.time() - start < 1.9:
        data = conn.recv(256)
        if not data:
            break
        buffer += data.decode("ascii")
        while "\n" in buffer:
            cmd, buffer = buffer.split("\n", 1)
            reply = answer(cmd.strip())
            if reply is not None:
                conn.sendall((reply + "\n").encode("ascii"))
        if satisfied() and time.time() - start > 1.2:
            break
except socket.timeout:
    print("nobody asks me")
print(asked)
sys.exit(0 if satisfied() else 1)
