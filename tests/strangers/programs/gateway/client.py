"""LoRa gateway: forwards what the nodes say to the base station by UDP.

packet:  seq,node,temperature,battery      answer:  ACK,seq
"""
import socket, sys, time

NODES = {"cellar": (11.2, 3.61), "attic": (27.9, 3.58), "roof": (-3.4, 3.12)}


class Gateway:
    def __init__(self, host, port):
        self.addr = (host, port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(0.4)
        self.seq = 100
        self.lost = 0

    def send(self, node, temp, batt):
        self.seq += 1
        packet = "%d,%s,%.1f,%.2f" % (self.seq, node, temp, batt)
        for attempt in range(3):
            self.sock.sendto(packet.encode("utf8"), self.addr)
            try:
                data, addr = self.sock.recvfrom(128)
            except socket.timeout:
                print("retry", attempt, packet)
                continue
            if data.decode().strip() == "ACK,%d" % self.seq:
                return True
            print("strange answer", data)
        self.lost += 1
        return False


if __name__ == "__main__":
    gw = Gateway(sys.argv[1], int(sys.argv[2]))
    for round in range(2):
        for node, (t, b) in NODES.items():
            if not gw.send(node, t + round * 0.3, b - round * 0.01):
                print("base station is dead")
                sys.exit(1)
            time.sleep(0.05)
    print("sent", gw.seq - 100, "lost", gw.lost)
