import json
import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            try:
                msg = json.loads(line)
            except ValueError:
                self.reply({"status": "error", "reason": "bad json"})
                continue
            action = msg.get("action")
            if action == "register":
                self.reply({"status": "ok", "action": "register", "device": msg["device"]})
            elif action == "report":
                self.reply({"status": "ok", "action": "report"})
            elif action == "ping":
                self.reply({"status": "ok", "action": "pong", "n": msg["n"]})
            elif action == "goodbye":
                self.reply({"status": "ok", "action": "goodbye"})
                return
            else:
                self.reply({"status": "error", "reason": "unknown action"})

    def reply(self, obj):
        self.wfile.write(json.dumps(obj).encode() + b"\n")


if __name__ == "__main__":
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    socketserver.ThreadingTCPServer(("", int(sys.argv[1])), Handler).serve_forever()
