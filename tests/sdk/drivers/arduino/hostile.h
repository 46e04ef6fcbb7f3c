// Bytes that no netd sends, and connections that end anywhere. The sanitizers of the compiler find what goes wrong in memory.
#pragma once
#include "Netd.h"

#include <random>
#include <string>

// A Client whose other side is written in the test.
class MemoryClient : public Client {
public:
  std::string said, heard;  // to netd; from netd
  size_t room = size_t(-1);  // bytes that can be written yet
  int dialled = 0;

  int connect(const char *, uint16_t) override {
    ++dialled;
    return isOpen = true;
  }
  int available() override { return int(heard.size()); }
  int read() override {
    uint8_t c;
    return read(&c, 1) ? c : -1;
  }
  int read(uint8_t *bytes, size_t size) override {
    size_t count = heard.copy(reinterpret_cast<char *>(bytes), size);
    heard.erase(0, count);
    return int(count);
  }
  size_t write(uint8_t c) override { return write(&c, 1); }
  size_t write(const uint8_t *bytes, size_t count) override {
    if (!isOpen) return 0;
    if (count > room) count = room;
    room -= count;
    said.append(reinterpret_cast<const char *>(bytes), count);
    return count;
  }
  void stop() override {
    isOpen = false;
    heard.clear();
  }
  uint8_t connected() override { return isOpen; }

  bool isOpen = false;
};

inline std::string framed(const std::string &text) {
  std::string header = std::to_string(text.size());
  return header + std::string(64 - header.size(), ' ') + text;
}

inline std::string pair(const std::string &envelope, const std::string &payload = "") { return framed(envelope) + framed(payload); }

const std::string WELCOME = pair("{\"status\":\"welcome\",\"name\":\"lamp\",\"ping\":15}");

inline const char *echo(char *payload, size_t length, Print &answer) {
  if (!strcmp(payload, "long")) answer.print("more than sixteen bytes");
  answer.write(reinterpret_cast<uint8_t *>(payload), length);
  return !strcmp(payload, "no") ? "\"no\"\n, \\ he said" : nullptr;
}

inline float ten() { return 10; }
inline float huge() { return 3.25e20f; }
inline float none() { return NAN; }

struct Lamp {
  MemoryClient client;
  netd::Device<16> device{client, "netd", "lamp", echo};

  Lamp() { device.pause = 0; }

  void hear(const std::string &bytes) {
    client.heard += bytes;
    while (client.available()) device.poll();
  }
};

static int faults = 0;

inline void expect(const char *what, const std::string &found, const std::string &expected) {
  if (found == expected) return;
  ++faults;
  printf("%s: '%s', expected: '%s'\n", what, found.c_str(), expected.c_str());
}

// What the lamp says to a message, wherever the message is cut.
inline void answers(const char *what, const std::string &message, const std::string &expected) {
  for (size_t cut = 0; cut <= message.size(); ++cut) {
    Lamp lamp;
    lamp.device.poll();
    lamp.hear(WELCOME);
    lamp.client.said.clear();
    lamp.hear(message.substr(0, cut));
    lamp.device.poll();
    lamp.hear(message.substr(cut));
    expect(what, lamp.client.said, expected);
    expect(what, lamp.device.isConnected() ? "here" : "away", "here");
  }
}

// The error of a lamp that hears something in place of a welcome.
inline void ends(const char *what, const std::string &bytes, const std::string &expected) {
  Lamp lamp;
  lamp.device.poll();
  lamp.client.heard = bytes;
  lamp.device.poll();
  expect(what, lamp.device.error(), expected);
  expect(what, lamp.client.isOpen ? "open" : "shut", "shut");
}

inline void devices() {
  const std::string failed = ",\"status\":\"failed\",\"error\":\"", done = ",\"status\":\"acknowledged\"}";
  answers("whole", pair("{\"id\": 7, \"from\": \"a\"}", "on"), pair("{\"id\":7" + done, "on"));
  answers("empty", pair("{\"id\":7}"), pair("{\"id\":7" + done));
  answers("as long as can be", pair("{\"id\":7}", "0123456789abcdef"), pair("{\"id\":7" + done, "0123456789abcdef"));
  answers("too long", pair("{\"id\":7}", "0123456789abcdefg"), pair("{\"id\":7" + failed + "more than 16 bytes\"}"));
  answers("a long answer", pair("{\"id\":7}", "long"), pair("{\"id\":7" + failed + "more than 16 bytes\"}"));
  answers("refused", pair("{\"id\":7}", "no"), pair("{\"id\":7" + failed + "\\\"no\\\", \\\\ he said\"}"));
  answers("two", pair("{\"id\":7}", "a") + pair("{\"status\":\"ping\"}") + pair("{\"id\":8}", "b"),
          pair("{\"id\":7" + done, "a") + pair("{\"id\":8" + done, "b"));
  answers("nested", pair("{\"new\":{\"id\":9,\"x\":[\"}\\\"{\"]},\"identity\":1,\"id\":7}", "on"), pair("{\"id\":7" + done, "on"));
  answers("no id", pair("{\"new\":\"id\",\"a\":\"\\\"id\\\":3\"}", "on"), "");
  ends("digits", "x", "this is no relay");
  ends("a blank", " ", "this is no relay");
  ends("too many digits", "12345678", "this is no relay");
  ends("digits apart", "1 2", "this is no relay");
  ends("HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "this is no relay");
  ends("not permitted", framed("|error: no \"x\" here|"), "error: no x here|");
  ends("refused", pair("{\"status\":\"error\",\"error\":\"a \\\"b\\\"\",\"denied\":true}"), "a \"b\"");
  ends("refused at length", pair("{\"error\":\"" + std::string(500, 'x') + "\",\"status\":\"error\"}"), std::string(79, 'x'));
}

inline void halves() {
  Lamp lamp;  // no pause: each poll connects
  const std::string message = WELCOME + pair("{\"id\":7}", "on");
  for (size_t cut = 0; cut < message.size(); ++cut) {
    lamp.device.poll();
    lamp.hear(message.substr(0, cut));
    lamp.client.stop();
    lamp.device.poll();
    expect("half a message", lamp.device.error(), "netd hung up");
  }
  lamp.device.poll();
  lamp.client.said.clear();
  lamp.hear(message);
  expect("after halves", lamp.client.said, pair("{\"id\":7,\"status\":\"acknowledged\"}", "on"));
}

inline void writes() {
  for (size_t room = 0; room < 140; ++room) {
    Lamp lamp;
    lamp.device.poll();
    lamp.hear(WELCOME);
    lamp.client.room = room;
    int dialled = lamp.client.dialled;
    bool isSaid = lamp.device.say("it rains", "rain");
    expect("say", isSaid ? "said" : lamp.client.isOpen ? "open" : "shut", "shut");
    expect("say again", lamp.device.say("it rains") ? "said" : "lost", "lost");
    expect("say does not connect", std::to_string(lamp.client.dialled), std::to_string(dialled));
    lamp.device.poll();
    expect("a poll finds out", lamp.device.error(), "netd hung up");
  }
  Lamp lamp;
  lamp.device.poll();
  lamp.hear(WELCOME);
  lamp.client.said.clear();
  const std::string text(1000, 'x');
  lamp.device.say(text.c_str(), "ra\"in");
  expect("long news", lamp.client.said, pair("{\"event\":\"ra\\\"in\"}", text));
}

inline void pauses() {
  Lamp lamp;
  lamp.device.pause = 1000000;
  lamp.device.poll();
  lamp.hear(pair("{\"status\":\"error\",\"error\":\"taken\",\"replaced\":true}"));
  for (int count = 0; count < 100; ++count) lamp.device.poll();
  expect("connects after a pause", std::to_string(lamp.client.dialled), "1");
}

inline void agents() {
  MemoryClient client, control;
  netd::Channel channels[] = {netd::Channel("a", ten, 0, "A \"b\"", "°C", 1), netd::Channel("b", huge, 1000), netd::Channel("c", none, 1)};
  netd::Agent agent(client, "netd", channels, "lamp", "netd_x");
  agent.pause = 0;
  agent.poll();
  expect("hello", client.said,
         "{\"channels\":{\"a\":{\"label\":\"A \\\"b\\\"\",\"unit\":\"°C\"},\"b\":{\"label\":\"\",\"unit\":\"\"},"
         "\"c\":{\"label\":\"\",\"unit\":\"\"}},\"name\":\"lamp\",\"token\":\"netd_x\"}\na 100e-1\nb 325000064e12\n");
  client.heard = "{\"error\":\"no\",\"denied\":true}\n";
  agent.poll();
  expect("refused", agent.error(), "no");
  expect("say when away", agent.say("a", 1) ? "said" : "lost", "lost");
  for (const char *word : {"x", "1234567890", "-1", "stop"}) {
    control.isOpen = true;
    control.heard = word;
    agent.poll(control);
    expect("no number", control.isOpen ? "open" : "shut", "shut");
  }
}

// Messages in which some bytes are others, and in any pieces.
inline void noise() {
  std::mt19937 chance(7);
  const std::string message = WELCOME + pair("{\"id\": 7, \"from\": \"('127.0.0.1', 1)\"}", "on") + pair("{\"status\":\"ping\"}");
  const std::string likely = "0129{}[]\":,\\| \n\0xi";
  MemoryClient data;
  netd::Channel channels[] = {netd::Channel("a", ten, 10)};
  netd::Agent agent(data, "netd", channels);
  agent.pause = 0;
  Lamp lamp;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = message;
    for (unsigned count = unsigned(chance() % 4); count; --count) {
      size_t place = chance() % 4 ? chance() % bytes.size() : chance() % 8 * 64 % bytes.size();
      bytes[place] = chance() % 2 ? likely[chance() % likely.size()] : char(chance());
    }
    size_t cut = chance() % bytes.size();
    lamp.device.poll();
    lamp.hear(bytes.substr(0, cut));
    lamp.hear(bytes.substr(cut));
    data.heard += bytes.substr(64, cut);
    agent.poll();
    if (chance() % 2) lamp.client.stop();
    lamp.client.said.clear();
    data.said.clear();
  }
}

inline int hostile() {
  devices();
  halves();
  writes();
  pauses();
  agents();
  noise();
  printf("%d faults\n", faults);
  return faults != 0;
}
