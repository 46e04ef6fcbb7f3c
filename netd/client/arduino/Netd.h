// netd for Arduino: a device of the relay, and an agent that streams measurements.
//
// It is one header for every board that has a Client of Arduino: WiFiClient, WiFiClientSecure, EthernetClient. It takes nothing from
// the heap. Make a netd::Device or a netd::Agent, and call its poll() again and again in loop().
//
// A poll returns at once, but for two cases: connecting takes as long as the board's Client does, up to some seconds, and writing
// waits while netd reads nothing. Only a poll connects, at most once in a pause that grows from 1 s to 15 s, and to twice of that
// by chance.
#pragma once

#include <Arduino.h>
#include <Client.h>
#include <math.h>

#define NETD_ONCE __attribute__((noinline))  // it is called in several places: a copy in each would cost flash

namespace netd {

// The members of a JSON object that matter to a client. They are found as its bytes come, so that an object may have any length.
class Envelope {
public:
  char id[21], status[2], replaced[2], denied[2], ping[5];

  // The member `error` goes to `error`, of `room` bytes.
  void begin(char *error, size_t room) {
    error_ = error;
    room_ = room;
    isQuoted_ = isEscaped_ = false;
    depth_ = 0;
    id[0] = status[0] = replaced[0] = denied[0] = ping[0] = 0;
    keepIn(key_, sizeof key_);
  }

  void take(char c) {
    if (isQuoted_ && (isEscaped_ || (c != '"' && c != '\\'))) {
      isEscaped_ = false;
      keep(c);
    } else if (isQuoted_) {
      isQuoted_ = isEscaped_ = c == '\\';
    } else if (c == '"') {
      isQuoted_ = true;
    } else if (c == '{' || c == '[') {
      if (depth_ < 255) ++depth_;
    } else if (c == '}' || c == ']') {
      if (depth_) --depth_;
    } else if (c == '|' && !depth_) {  // |error: ...|, for an address that may not connect
      status[0] = c;
      keepIn(error_, room_);
      depth_ = isQuoted_ = true;
    } else if (c == ',' && depth_ == 1) {
      keepIn(key_, sizeof key_);
    } else if (c == ':' && depth_ == 1) {
      choose();
    } else if (c != ' ') {
      keep(c);
    }
  }

private:
  void keepIn(char *place, size_t room) {
    at_ = place;
    left_ = room - 1;
    *at_ = 0;
  }

  void keep(char c) {
    if (depth_ != 1 || !left_) return;
    --left_;
    *at_++ = c;
    *at_ = 0;
  }

  void choose() {
    if (!strcmp_P(key_, PSTR("id"))) keepIn(id, sizeof id);
    else if (!strcmp_P(key_, PSTR("status"))) keepIn(status, sizeof status);
    else if (!strcmp_P(key_, PSTR("error"))) keepIn(error_, room_);
    else if (!strcmp_P(key_, PSTR("replaced"))) keepIn(replaced, sizeof replaced);
    else if (!strcmp_P(key_, PSTR("denied"))) keepIn(denied, sizeof denied);
    else if (!strcmp_P(key_, PSTR("ping"))) keepIn(ping, sizeof ping);
    else left_ = 0;
  }

  char key_[10], *error_, *at_;
  size_t room_, left_;
  uint8_t depth_;
  bool isQuoted_, isEscaped_;
};

// What is written to netd, in as few packets as can be: each write of a Client is one.
class Message : public Print {
public:
  static const uint8_t HEADER = 64;

  NETD_ONCE Message(Client &client) : client_(client) {}

  size_t write(uint8_t c) override {
    if (length_ == sizeof bytes_) send();
    bytes_[length_++] = c;
    return 1;
  }
  using Print::write;

  void header(size_t size) {
    uint16_t end = length_ + HEADER;
    print(static_cast<unsigned long>(size));
    while (length_ < end) write(' ');
  }

  // All that is written between these two is a frame. It must be the first, and not longer than the buffer.
  void beginFrame() { length_ = HEADER; }
  NETD_ONCE void endFrame() {
    uint16_t end = length_;
    length_ = 0;
    header(end - HEADER);
    length_ = end;
  }

  void frame(const void *payload, size_t size) {
    header(size);
    write(static_cast<const uint8_t *>(payload), size);
  }

  // The text of a string in JSON, at most 100 bytes of it, whole characters of UTF-8.
  void quote(const char *text) {
    for (uint8_t count = 0; *text && (count < 100 || (*text & 0xC0) == 0x80); ++text, ++count) {
      if (uint8_t(*text) < ' ') continue;
      if (*text == '"' || *text == '\\') write('\\');
      write(uint8_t(*text));
    }
  }

  // `,"key":"text"`, if there is a text.
  void member(const __FlashStringHelper *key, const char *text) {
    if (!text) return;
    print(key);
    quote(text);
    print('"');
  }

  // Returns whether all has been written.
  bool send() {
    if (isSent_ && length_) isSent_ = client_.write(bytes_, length_) == length_;
    length_ = 0;
    return isSent_;
  }

private:
  Client &client_;
  uint16_t length_ = 0;
  bool isSent_ = true;
  uint8_t bytes_[384];
};

// Where an answer is written. What is more than fits makes it too long.
class Answer : public Print {
public:
  Answer(uint8_t *bytes, size_t room) : bytes(bytes), room_(room) {}

  size_t write(uint8_t c) override {
    isTooLong = isTooLong || length == room_;
    if (isTooLong) return 0;
    bytes[length++] = c;
    return 1;
  }
  using Print::write;

  uint8_t *const bytes;
  size_t length = 0;
  bool isTooLong = false;

private:
  const size_t room_;
};

// What a device and an agent have in common: a connection to netd, which is opened again after a pause.
class Link {
public:
  // Milliseconds before the second attempt. All other pauses are multiples of it.
  unsigned long pause = 1000;

  // Whether netd has accepted it.
  bool isConnected() const { return isConnected_; }

  // Why the last connection ended; empty while the next one is open.
  const char *error() const { return error_; }

protected:
  NETD_ONCE Link(Client &client, const char *host, uint16_t port, const char *name, const char *token)
      : client_(client), host_(host), name_(name), token_(token), port_(port) {}

  bool dial() {
    if (millis() - failed_ < wait_) return false;
    error_[0] = 0;
    begin();
    isOpen_ = client_.connect(host_, port_);
    if (!isOpen_) lose(F("no connection"));
    heard_ = millis();
    return isOpen_;
  }

  // Reads what has come. Returns whether there is a connection still.
  bool read() {
    uint8_t bytes[32];
    for (uint8_t turn = 0; turn < 32; ++turn) {
      int count = client_.available();
      if (count > 0) count = client_.read(bytes, count < int(sizeof bytes) ? count : sizeof bytes);
      if (count <= 0) break;
      heard_ = millis();
      for (uint8_t at = 0; at < count; ++at) {
        if (!take(char(bytes[at]))) return false;
      }
    }
    return client_.connected() || lose(F("netd hung up"));
  }

  // Takes a byte from netd. Returns whether there is a connection still.
  virtual bool take(char c) = 0;

  void begin() { envelope_.begin(error_, sizeof error_); }

  // Ends the object of the first message with the name and the token.
  void introduce(Message &hello) {
    hello.member(F(",\"name\":\""), name_);
    hello.member(F(",\"token\":\""), token_);
    hello.print('}');
  }

  void welcome() {
    isConnected_ = true;
    rest_ = 1;
  }

  // Gives the connection up, for a reason that `error_` may have already. Always returns false.
  bool lose(const __FlashStringHelper *why = nullptr) {
    if (why) strncpy_P(error_, reinterpret_cast<const char *>(why), sizeof error_ - 1);
    client_.stop();
    isOpen_ = isConnected_ = false;
    if (envelope_.replaced[0] == 't') rest_ = 15;
    if (envelope_.denied[0] == 't') rest_ = 60;
    uint8_t most = rest_ < 15 ? rest_ : 15;
    failed_ = millis();
    wait_ = pause * (256U * rest_ + most * (uint8_t(micros() >> 2) | 1)) >> 8;
    rest_ = most < 8 ? 2 * most + !most : 15;
    begin();
    return false;
  }

  Client &client_;
  Envelope envelope_;
  unsigned long heard_;
  bool isOpen_ = false, isConnected_ = false;
  uint8_t rest_ = 1;  // the next pause, as a multiple of `pause`
  char error_[80] = "";

private:
  const char *host_, *name_, *token_;
  uint16_t port_;
  unsigned long failed_ = 0, wait_ = 0;
};

// What a device does, whatever the length of its payloads.
class AnyDevice : public Link {
public:
  // Gets a payload, which is followed by a 0 that its length does not count, and writes the answer. Returns nullptr, or why it
  // refuses: the sender reads that as the error.
  typedef const char *(*Receive)(char *payload, size_t length, Print &answer);

  // Does what there is to do now. Returns whether netd has accepted the device.
  bool poll() {
    if (isOpen_ || open()) {
      if (read() && silence_ && millis() - heard_ > silence_) lose(F("netd is silent"));
    }
    return isConnected_;
  }

  // Publishes news, which answer nothing. Returns whether there was a connection.
  bool say(const uint8_t *payload, size_t length, const char *event = nullptr) {
    if (!isConnected_) return false;
    Message news(client_);
    news.beginFrame();
    news.print('{');
    news.member(F("\"event\":\""), event);
    news.print('}');
    news.endFrame();
    news.frame(payload, length);
    return deliver(news);
  }
  bool say(const char *text, const char *event = nullptr) {
    return say(reinterpret_cast<const uint8_t *>(text), strlen(text), event);
  }

protected:
  AnyDevice(Client &client, const char *host, const char *name, Receive receive, const char *token, uint16_t port, uint16_t ping,
            char *payload, uint8_t *answer, size_t most)
      : Link(client, host, port, name, token), receive_(receive), ping_(ping), payload_(payload), answer_(answer), most_(most) {}

private:
  bool open() {
    if (!dial()) return false;
    isPayload_ = isTooLong_ = false;
    place_ = digits_ = 0;
    length_ = left_ = 0;
    silence_ = 3000UL * ping_;
    Message hello(client_);
    hello.beginFrame();
    hello.print(F("device {\"ping\":"));
    hello.print(static_cast<unsigned long>(ping_));
    introduce(hello);
    hello.endFrame();
    return deliver(hello);
  }

  // A part may have been written of what could not be: the next poll finds the connection closed.
  bool deliver(Message &message) {
    if (message.send()) return true;
    client_.stop();
    return false;
  }

  bool take(char c) override {
    if (place_ == Message::HEADER) {
      if (!isPayload_) envelope_.take(c);
      else if (length_ < most_) payload_[length_++] = c;
      else isTooLong_ = true;
      return --left_ || end();
    }
    if (c >= '0' && c <= '9' && place_ == digits_ && place_ < 7) {
      left_ = left_ * 10 + uint8_t(c - '0');
      ++digits_;
    } else if (c != ' ' || !place_) {
      return lose(F("this is no relay"));
    }
    return ++place_ < Message::HEADER || left_ || end();
  }

  // Takes the frame that is complete.
  bool end() {
    place_ = digits_ = 0;
    isPayload_ = !isPayload_;
    if (isPayload_) return envelope_.status[0] != '|' || lose();
    if (envelope_.id[0]) {
      payload_[length_] = 0;
      answer();
    } else if (envelope_.status[0] == 'w') {
      welcome();
      silence_ = 3000UL * uint16_t(atoi(envelope_.ping));
    } else if (envelope_.status[0] == 'e') {
      return lose();
    }
    begin();
    length_ = 0;
    isTooLong_ = false;
    return true;
  }

  void answer() {
    Answer answer(answer_, most_);
    const char *refusal = isTooLong_ ? nullptr : receive_(payload_, length_, answer);
    bool isTooLong = isTooLong_ || answer.isTooLong;
    Message message(client_);
    message.beginFrame();
    message.print(F("{\"id\":"));
    message.print(envelope_.id);
    message.print(F(",\"status\":\""));
    if (isTooLong) {
      message.print(F("failed\",\"error\":\"more than "));
      message.print(static_cast<unsigned long>(most_));
      message.print(F(" bytes"));
    } else if (refusal) {
      message.print(F("failed\",\"error\":\""));
      message.quote(refusal);
    } else {
      message.print(F("acknowledged"));
    }
    message.print(F("\"}"));
    message.endFrame();
    message.frame(answer_, refusal || isTooLong ? 0 : answer.length);
    deliver(message);
  }

  Receive receive_;
  uint16_t ping_;
  char *payload_;
  uint8_t *answer_;
  size_t most_;
  bool isPayload_, isTooLong_;  // these are set when a connection begins
  uint8_t place_, digits_;      // in the header of the frame
  size_t length_;
  uint32_t left_;
  unsigned long silence_;
};

// A device of a relay. Its longest payload, and its longest answer, have SIZE bytes; longer ones are refused.
//
// client: a connection of this device alone, such as a WiFiClient.
// token:  what `netd token add NAME --device` has printed.
// ping:   seconds between two signs of life that netd is asked for; 0: none. If three are missing, the device connects again.
template <size_t SIZE = 256> class Device : public AnyDevice {
public:
  Device(Client &client, const char *host, const char *name, Receive receive, const char *token = nullptr, uint16_t port = 5050,
         uint16_t ping = 15)
      : AnyDevice(client, host, name, receive, token, port, ping, payload_, answer_, SIZE) {}

private:
  char payload_[SIZE + 1];
  uint8_t answer_[SIZE];
};

// What an agent measures.
//
// read:   returns the value; NAN for no sample this time.
// every:  milliseconds between two samples.
// digits: those behind the point.
class Channel {
public:
  typedef float (*Read)();

  constexpr Channel(const char *name, Read read, unsigned long every, const char *label = "", const char *unit = "",
                    uint8_t digits = 2)
      : name(name), label(label), unit(unit), read(read), every(every ? every : 1), due(0), digits(digits) {}

  const char *name, *label, *unit;
  Read read;
  unsigned long every, due;
  uint8_t digits;
};

// An agent of telemetry sessions.
//
// client: the connection that samples are sent on.
// name:   what the agent is called in subjects. An agent without a name is called by its host.
// token:  what `netd token add NAME --agent` has printed.
class Agent : public Link {
public:
  template <uint8_t COUNT>
  Agent(Client &client, const char *host, Channel (&channels)[COUNT], const char *name = nullptr, const char *token = nullptr,
        uint16_t port = 10000)
      : Link(client, host, port, name, token), channels_(channels), count_(COUNT) {}

  // Connects to a netd with `accept_unsolicited = yes`, and sends the samples that are due. Returns whether it is connected.
  bool poll() {
    if (!isOpen_ && dial()) hail();
    if (isOpen_ && read()) sample();
    return isConnected_;
  }

  // The same for an agent that netd dials (`netd session start HOST`). `control` is that connection, as the server of the program
  // has accepted it, on port 10001.
  bool poll(Client &control) {
    bool wasOpen = isOpen_;
    hear(control);
    if (isOpen_ && read()) sample();
    if (wasOpen && !isOpen_) {
      control.stop();
      forget();
    }
    return isConnected_;
  }

  // Sends a sample now. Returns whether there is a connection.
  bool say(const char *name, float value, uint8_t digits = 2) {
    if (!isConnected_) return false;
    Message message(client_);
    line(message, name, value, digits);
    return message.send();
  }

private:
  // Reads the number of the session, which silence ends, and later the word `stop`.
  void hear(Client &control) {
    while (control.available() > 0) {
      char c = char(control.read());
      heardControl_ = millis();
      if (isOpen_) {
        stop_ = c == "stop"[stop_] ? stop_ + 1 : c == 's';
        if (stop_ == 4) {
          rest_ = 0;
          lose(F("netd said stop"));
          return;
        }
      } else if (c >= '0' && c <= '9' && digits_ < sizeof session_ - 1) {
        session_[digits_++] = c;
        session_[digits_] = 0;
      } else {
        control.stop();
        forget();
        return;
      }
    }
    if (!control.connected()) {
      if (isOpen_) lose(F("netd hung up"));
      forget();
    } else if (!isOpen_ && millis() - heardControl_ > (digits_ ? 50 : 10000)) {
      if (!digits_) control.stop();
      else if (dial()) hail();
    }
  }

  void forget() {
    digits_ = stop_ = 0;
    session_[0] = 0;
    heardControl_ = millis();
  }

  void hail() {
    Message hello(client_);
    hello.print('{');
    if (session_[0]) {
      hello.print(F("\"session\":"));
      hello.print(session_);
      hello.print(',');
    }
    hello.print(F("\"channels\":{"));
    for (uint8_t place = 0; place < count_; ++place) {
      Channel &channel = channels_[place];
      channel.due = millis();
      if (place) hello.print(',');
      hello.print('"');
      hello.quote(channel.name);
      hello.member(F("\":{\"label\":\""), channel.label);
      hello.member(F(",\"unit\":\""), channel.unit);
      hello.print('}');
    }
    hello.print('}');
    introduce(hello);
    hello.print('\n');
    if (hello.send()) welcome();
    else lose(F("netd hung up"));
  }

  // netd says nothing but why it refuses the agent, in one line.
  bool take(char c) override {
    if (c == '\n') return lose();
    envelope_.take(c);
    return true;
  }

  // Sends a line for each channel that is due. After a delay, no sample is made up for.
  void sample() {
    Message message(client_);
    for (uint8_t place = 0; place < count_; ++place) {
      Channel &channel = channels_[place];
      unsigned long now = millis(), late = now - channel.due;
      if (long(late) < 0) continue;
      channel.due = now + channel.every - late % channel.every;
      line(message, channel.name, channel.read(), channel.digits);
    }
    if (!message.send()) lose(F("netd reads nothing"));
  }

  void line(Message &message, const char *name, float value, uint8_t digits) {
    if (!isfinite(value)) return;
    message.print(name);
    message.print(' ');
    // A whole number and a power of ten: Print's own way with digits behind the point takes 600 bytes of flash.
    int exponent = 0;
    for (; digits && fabs(value) < 1e8; --digits, --exponent) value *= 10;
    for (; !(fabs(value) < 2e9); ++exponent) value *= 0.1f;  // what a long can hold
    message.print(long(lround(value)));
    if (exponent) {
      message.print('e');
      message.print(long(exponent));
    }
    message.print('\n');
  }

  Channel *channels_;
  uint8_t count_, digits_ = 0, stop_ = 0;
  char session_[10] = "";
  unsigned long heardControl_ = 0;
};

}  // namespace netd
