#!/usr/bin/env python3
import socket, sys, threading

USERS = {"station3": "Zk81-q0aW-77", "station4": "aa41-88sm-Lp"}

def client(conn):
    f = conn.makefile("rwb", 0)
    def out(line):
        f.write(line.encode() + b"\r\n")
    out("220 weather collector ready")
    user = None
    while 1:
        line = f.readline()
        if line == b"": break
        words = line.decode("latin1").strip().split(" ")
        if words[0] == "LOGIN" and len(words) == 3:
            if USERS.get(words[1]) == words[2]:
                user = words[1]
                out("230 hello " + user)
            else:
                out("530 wrong token")
                break
        elif words[0] == "PUT" and user:
            try:
                print(user, words[1], float(words[2]))
                out("250 stored")
            except Exception:
                out("501 what")
        elif words[0] == "bye":
            out("221 see you " + str(user))
            break
        else:
            out("500 ?")
    conn.close()

s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", int(sys.argv[1])))
s.listen(10)
while True:
    conn, _ = s.accept()
    threading.Thread(target=client, args=(conn,), daemon=True).start()
