import socket
import sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, addr = s.recvfrom(1024)
    seq, node, temp, batt = data.decode().split(",")
    print(node, "%.1f C" % float(temp), "battery", batt)
    s.sendto(("ACK," + seq).encode(), addr)
