// Drives netd.js: node_driver.mjs FOLDER ROLE…; see the README of tests/sdk.

const [folder, ...roles] = globalThis.Deno?.args ?? process.argv.slice(2);
const { Netd } = await import(`${folder}/netd.js`);

async function play([kind, host, port, name, ...rest]) {
  if (kind !== "device") throw new Error(`netd.js is no ${kind}`);
  const words = Object.fromEntries(rest.map((word) => word.split("=", 2)));
  const netd = new Netd({ url: `ws://${host}:${port}/ws`, token: words.token ?? null });
  netd.addEventListener("state", ({ detail: { name: state, reason } }) => {
    if (state === "reconnecting" && reason) console.log(`${name} lost ${reason}`);
    else if (state === "unauthorised") console.log(`${name} lost ${reason}`);
    else if (state === "live" && attached) console.log(`${name} welcome`);
  });
  netd.open();
  const receive = ({ text = "", base64 }) => {
    const [, word, more] = /^(\S*) ?(.*)$/s.exec(text);
    if (word === "fail") throw new Error(more);
    return text === "nothing" ? undefined : (base64 ?? text);
  };
  let attached = false;
  await netd.attach(name, receive, { onDetached: (reason) => console.log(`${name} lost ${reason}`) });
  attached = true;
  console.log(`${name} welcome`);
}

let role = [];
for (const word of [...roles, "+"]) {
  if (word !== "+") role.push(word);
  else {
    play(role);
    role = [];
  }
}
