// Drives Netd.h: `driver ROLE…`, see the README of tests/sdk; `driver hostile` feeds it bytes that no netd sends.
#include "SocketClient.h"

#include "Netd.h"
#include "hostile.h"

#include <memory>
#include <string>
#include <vector>

using std::string;
using std::vector;

const size_t MOST = 4096;

// One client, and what it tells.
class Role {
public:
  explicit Role(const string &name) : name(name) {}
  virtual ~Role() {}
  virtual void poll() = 0;

  void watch(netd::Link &link, const char *success) {
    if (error != link.error()) {
      error = link.error();
      if (!error.empty()) tell("lost " + error);
    }
    if (link.isConnected() && !wasConnected) tell(success);
    wasConnected = link.isConnected();
  }

  const string name;

private:
  void tell(const string &what) {
    printf("%s %s\n", name.c_str(), what.c_str());
    fflush(stdout);
  }

  string error;
  bool wasConnected = false;
};

netd::AnyDevice *called;  // a function of Arduino has no object

const char *receive(char *payload, size_t length, Print &answer) {
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(payload);
  if (!strncmp(payload, "fail ", 5)) return payload + 5;
  if (!strncmp(payload, "say ", 4)) called->say(bytes + 4, length - 4);
  else if (!strncmp(payload, "event ", 6)) called->say("", payload + 6);
  else if (!strcmp(payload, "nothing")) return nullptr;
  else return answer.write(bytes, length), nullptr;
  answer.print("said");
  return nullptr;
}

class DeviceRole : public Role {
public:
  DeviceRole(const vector<string> &words, const string &token, unsigned long pause)
      : Role(words[3]), host(words[1]), token(token),
        device(client, host.c_str(), name.c_str(), receive, token.empty() ? nullptr : this->token.c_str(), uint16_t(stoi(words[2]))) {
    device.pause = pause;
  }
  void poll() override {
    called = &device;
    device.poll();
    watch(device, "welcome");
  }

private:
  const string host, token;
  SocketClient client;
  netd::Device<MOST> device;
};

float counted = 0;
float count() { return ++counted; }
float temperature() { return 21.5; }

class AgentRole : public Role {
public:
  AgentRole(const vector<string> &words, const string &token)
      : Role(words[3]), token(token), agent(client, "127.0.0.1", channels, name.c_str(), token.empty() ? nullptr : this->token.c_str(),
                                            uint16_t(stoi(words[2]))) {
    server.begin(uint16_t(stoi(words[1])));
  }
  void poll() override {
    if (!control.connected()) server.accept(control);
    agent.poll(control);
    watch(agent, "streaming");
  }

private:
  const string token;
  SocketServer server;
  SocketClient client, control;
  netd::Channel channels[2] = {netd::Channel("count", count, 20, "Counter", "n", 0),
                               netd::Channel("temp-1", temperature, 20, "Temperature", "°C")};
  netd::Agent agent;
};

std::unique_ptr<Role> make(const vector<string> &words) {
  vector<string> plain;
  string token;
  unsigned long pause = 1000;
  for (const string &word : words) {
    if (word.rfind("token=", 0) == 0) token = word.substr(6);
    else if (word.rfind("pause=", 0) == 0) pause = stoul(word.substr(6));
    else plain.push_back(word);
  }
  if (plain[0] == "device") return std::make_unique<DeviceRole>(plain, token, pause);
  return std::make_unique<AgentRole>(plain, token);
}

int main(int count, char **words) {
  if (count > 1 && string(words[1]) == "hostile") return hostile();
  vector<std::unique_ptr<Role>> roles;
  vector<string> one;
  for (int place = 1; place <= count; ++place) {
    if (place < count && string(words[place]) != "+") {
      one.push_back(words[place]);
    } else {
      roles.push_back(make(one));
      one.clear();
    }
  }
  for (;;) {
    for (auto &role : roles) role->poll();
    usleep(2000);
  }
}
