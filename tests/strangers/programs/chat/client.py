# Chat client from the tutorial, with a bot mode so I can try it without a friend:
#   python client.py HOST PORT   -> ann and bob talk to each other
import socket
import threading
import sys
import time

host = sys.argv[1]
port = int(sys.argv[2])
heard = {}

def receive(client, nickname):
    heard[nickname] = ''
    while True:
        try:
            message = client.recv(1024).decode('ascii')
            if not message:
                break
            if message == 'NICK':
                client.send(nickname.encode('ascii'))
            else:
                heard[nickname] += message
                print('[%s] %s' % (nickname, message))
        except:
            print("An error occured!")
            client.close()
            break

def join(nickname):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((host, port))
    receive_thread = threading.Thread(target=receive, args=(client, nickname))
    receive_thread.daemon = True
    receive_thread.start()
    return client

ann = join('ann')
time.sleep(0.3)
bob = join('bob')
time.sleep(0.3)

def say(client, nickname, text):
    client.send('{}: {}'.format(nickname, text).encode('ascii'))
    time.sleep(0.2)

say(ann, 'ann', 'hi bob, how are you?')
say(bob, 'bob', 'fine! and you')
say(ann, 'ann', 'me too')
ann.close()
bob.close()

ok = True
for nick in ('ann', 'bob'):
    if 'Connected to server!' not in heard[nick]:
        print(nick, 'was never connected')
        ok = False
if 'bob: fine! and you' not in heard['ann'] or 'ann: me too' not in heard['bob']:
    print('they cannot hear each other')
    ok = False
sys.exit(0 if ok else 1)
