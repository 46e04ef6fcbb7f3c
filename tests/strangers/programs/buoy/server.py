import socket, struct, sys

def recvall(c, n):
    data = b""
    while len(data) < n:
        more = c.recv(n - len(data))
        if not more:
            return None
        data += more
    return data

srv = socket.socket()
srv.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
srv.bind(("", int(sys.argv[1])))
srv.listen(1)
while True:
    c, addr = srv.accept()
    while True:
        head = recvall(c, 2)
        if head is None:
            break
        n, = struct.unpack("<H", head)
        packet = recvall(c, n)
        if packet[0] == 1:
            print("hello from", packet[1:].rstrip(b"\0").decode())
            status = 0
        elif packet[0] == 2:
            kind, count, water, wave, mv = struct.unpack("<BIffH", packet)
            print(count, round(water, 2), round(wave, 2), mv / 1000.0)
            status = 0
        else:
            status = -22
        c.send(struct.pack("<Hi", 4, status))
    c.close()
