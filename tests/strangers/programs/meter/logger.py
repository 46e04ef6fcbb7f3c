# logs the multimeter to the screen; stop with ctrl-c or after N rounds
import socket, sys, time
m = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
def query(q):
    m.send((q + "\n").encode())
    return m.recv(100).decode().strip()
m.send(b"SYST:REM\n")
print(query("*IDN?"))
for i in range(int(sys.argv[3]) if len(sys.argv) > 3 else 4):
    print(float(query("MEAS:VOLT:DC?")), "V", float(query("MEAS:CURR:DC?")), "A")
    time.sleep(0.2)
m.close()
