// A Client of Arduino, and a server for one connection, over the sockets of Linux.
#pragma once
#include <Client.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

inline sockaddr_in address(const char *host, uint16_t port) {
  sockaddr_in found{};
  found.sin_family = AF_INET;
  found.sin_port = htons(port);
  inet_pton(AF_INET, host, &found.sin_addr);
  return found;
}

class SocketClient : public Client {
public:
  int connect(const char *host, uint16_t port) override {
    open(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in there = address(host, port);
    if (::connect(socket_, reinterpret_cast<sockaddr *>(&there), sizeof there)) stop();
    return socket_ >= 0;
  }
  void open(int one) {
    socket_ = one;
    int yes = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  int available() override {
    uint8_t bytes[256];
    ssize_t count = socket_ < 0 ? -1 : recv(socket_, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    isOver_ = count == 0;
    return count > 0 ? int(count) : 0;
  }
  int read() override {
    uint8_t c;
    return read(&c, 1) == 1 ? c : -1;
  }
  int read(uint8_t *bytes, size_t size) override { return int(recv(socket_, bytes, size, MSG_DONTWAIT)); }
  size_t write(uint8_t c) override { return write(&c, 1); }
  size_t write(const uint8_t *bytes, size_t count) override {
    size_t written = 0;
    while (socket_ >= 0 && written < count) {
      ssize_t now = send(socket_, bytes + written, count - written, MSG_NOSIGNAL);
      if (now <= 0) break;
      written += size_t(now);
    }
    return written;
  }
  void stop() override {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
  uint8_t connected() override { return socket_ >= 0 && (available() || !isOver_); }

private:
  int socket_ = -1;
  bool isOver_ = false;
};

class SocketServer {
public:
  void begin(uint16_t port) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int yes = 1;
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in here = address("0.0.0.0", port);
    if (bind(socket_, reinterpret_cast<sockaddr *>(&here), sizeof here) || listen(socket_, 1)) perror("listen"), exit(1);
  }
  void accept(SocketClient &client) {
    int one = ::accept(socket_, nullptr, nullptr);
    if (one < 0) return;
    client.stop();
    client.open(one);
  }

private:
  int socket_ = -1;
};
