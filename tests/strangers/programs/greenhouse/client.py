#!/usr/bin/env python3
# greenhouse logger v3 (works!!)
import socket
import sys
import time
import random

HOST = sys.argv[1] if len(sys.argv) > 1 else 'localhost'
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 5555

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.settimeout(1.0)
s.connect((HOST,PORT))
s.send('HELLO greenhouse'.encode())
answer = s.recv(1024).decode()
print('server said:', answer)
if answer != 'HELLO greenhouse':
    print('wrong server??')
    sys.exit(1)

for i in range(4):
    temp = round(20 + random.random()*5, 1)
    hum = random.randint(35, 60)
    msg = 'T:' + str(temp) + ' H:' + str(hum)
    s.send(msg.encode())
    ack = s.recv(1024).decode()
    print(msg, '->', ack)
    if ack != 'OK':
        sys.exit(1)
    time.sleep(0.1)

s.send('EXIT'.encode())
s.close()
