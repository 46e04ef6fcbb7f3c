import socketserver, sys
STX, ETX, ACK, NAK = b'\x02', b'\x03', b'\x06', b'\x15'

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        buf = b''
        while True:
            part = self.request.recv(256)
            if not part: return
            buf += part
            while ETX in buf:
                frame, buf = buf.split(ETX, 1)
                frame = frame[frame.index(STX)+1:]
                body, chk = frame[:-2], frame[-2:]
                x = 0
                for b in body: x ^= b
                if '%02X' % x != chk.decode():
                    self.request.sendall(NAK)
                    continue
                print(body.decode())
                self.request.sendall(ACK)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

Server(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
