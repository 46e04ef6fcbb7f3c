import socket, sys

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
s.listen(1)
while True:
    c, a = s.accept()
    data = c.recv(1024).decode()
    if data:
        d = dict(kv.split("=") for kv in data.strip().split(","))
        print(d)
        c.sendall(b"ACK\n")
    c.close()
