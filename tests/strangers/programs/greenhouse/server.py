# server for the greenhouse, one thread per client
import socket, sys
from threading import Thread

def handle(conn, addr):
    print('Connected by', addr)
    while True:
        data = conn.recv(1024)
        if not data:
            break
        text = data.decode()
        if text.startswith('HELLO'):
            conn.send(text.encode())
        elif text == 'EXIT':
            break
        else:
            try:
                t, h = text.split(' ')
                print(addr[0], float(t[2:]), int(h[2:]))
                conn.send(b'OK')
            except ValueError:
                conn.send(b'ERR')
    conn.close()

sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(('', int(sys.argv[1]) if len(sys.argv) > 1 else 5555))
sock.listen(5)
print('waiting...')
while True:
    c, a = sock.accept()
    Thread(target=handle, args=(c, a), daemon=True).start()
