// A program in TypeScript. It is not run: what its types say is checked, and what they should refuse is marked.

import { Netd, NetdError, NO_SUCH_TARGET, type BusEvent, type State } from "netd.js";

const netd = new Netd({ url: "ws://127.0.0.1:8080/ws", token: null, timeout: 5 }).open();

netd.addEventListener("state", ({ detail }) => {
  const state: State = detail;
  if (state.name === "reconnecting") console.log(state.reason, state.seconds);
});

async function main(): Promise<void> {
  const seen: string[] = [];
  const onEvent = (event: BusEvent): void => void seen.push(event.subject);
  const onGap = ({ from }: { from: number }): void => console.log(from);
  const subscription = netd.subscribe("session.>", { replay: 1, policy: "latest", onGap }, onEvent);
  for await (const event of netd.subscribe("relay.>")) seen.push(event.subject);
  subscription.close();
  const onDetached = (reason: string): void => console.log(reason);
  const { detach } = await netd.attach("panel", ({ from, text }) => `${from}: ${text ?? ""}`, { onDetached });
  const { say } = await netd.join("Maria", ({ text }) => console.log(text.length));
  await say("hello");
  await detach();
  try {
    await netd.call("relay.send", { target: "lamp" }, { timeout: 1 });
  } catch (error) {
    if (error instanceof NetdError && error.code === NO_SUCH_TARGET) console.log(error.message);
  }
  // @ts-expect-error: there is no such policy
  netd.subscribe("custom.>", { policy: "oldest" });
  // @ts-expect-error: a name is a text
  await netd.attach(5, () => "");
  // @ts-expect-error: nothing changes its state from outside
  netd.state = { name: "live" };
}

main().finally(() => netd.close());
