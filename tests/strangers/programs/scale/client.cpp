// Kitchen scale with network:   <STX> S,12.50,kg <checksum 2 hex> <ETX>     base: <ACK> or <NAK>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

using namespace std;

const char STX = 0x02, ETX = 0x03, ACK = 0x06, NAK = 0x15;

class Scale {
public:
    int sock;
    Scale(string host, int port) {
        sock = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in addr{};
        addr.sin_family = AF_INET;
        addr.sin_port = htons(port);
        addr.sin_addr.s_addr = inet_addr(host.c_str());
        timeval t{1, 0};
        setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
        if (connect(sock, (sockaddr*)&addr, sizeof(addr)) < 0) {
            cout << "no connection" << endl;
            exit(1);
        }
    }
    bool sendFrame(string body) {
        unsigned char sum = 0;
        for (char c : body) sum ^= c;
        char hex[3];
        sprintf(hex, "%02X", sum);
        string frame = string(1, STX) + body + hex + string(1, ETX);
        send(sock, frame.data(), frame.size(), 0);
        char answer = 0;
        if (recv(sock, &answer, 1, 0) != 1) return false;
        cout << body << (answer == ACK ? " ok" : " NOT OK") << endl;
        return answer == ACK;
    }
};

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    Scale scale(argv[1], atoi(argv[2]));
    double weights[] = {0.0, 12.5, 12.48, 12.49, 3.07};
    for (double w : weights) {
        char body[40];
        sprintf(body, "%c,%07.2f,kg", w == 0.0 ? 'Z' : 'S', w);
        if (!scale.sendFrame(body)) return 1;
        usleep(80000);
    }
    close(scale.sock);
    return 0;
}
