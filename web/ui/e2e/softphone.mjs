// A page of a signed-in telecaller as her phone, by the messages of the live socket (`phone:*`) and the browser's own media.
// Takes every call; ends the second one by itself. Tells what happens in lines of JSON.
//
//   node softphone.mjs PAGE-URL TOKEN SPOKEN-HZ HEARD-HZ
import { launch } from "./desk.mjs";
import { ears } from "./ears.mjs";

const [page_url, token, spoken, expected] = process.argv.slice(2);
const tell = (what, more = {}) => process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);

/** In the page: the phone. */
function phone({ token }) {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/live`);
  const say = (type, data) => socket.send(JSON.stringify({ type, data }));
  const legs = new Map();
  window.legs = legs;
  socket.onopen = () => socket.send(JSON.stringify({ token }));
  const connect = (leg) => {
    const connection = new RTCPeerConnection();
    connection.addEventListener("track", (e) => window.listen(e.streams[0] ?? new MediaStream([e.track])));
    for (const track of window.microphone.getTracks()) connection.addTrack(track, window.microphone);
    legs.set(leg, connection);
    return connection;
  };
  const gathered = (connection) =>
    new Promise((done) => {
      const look = () => connection.iceGatheringState === "complete" && done();
      connection.addEventListener("icegatheringstatechange", look);
      look();
    });
  socket.onmessage = async ({ data: text }) => {
    const { type, data } = JSON.parse(text);
    if (type === "snapshot") {
      say("phone:ready");
      setInterval(() => say("phone:alive"), 2000);
    }
    if (type === "phone:state") window.tell("state", data);
    if (type === "phone:hangup") {
      legs.get(data.leg)?.close();
      legs.delete(data.leg);
      window.tell("over", { heard: window.heard });
    }
    if (type === "phone:offer") {
      if (!data.change) window.heard = 0;
      const connection = legs.get(data.leg) ?? connect(data.leg);
      await connection.setRemoteDescription({ type: "offer", sdp: data.sdp });
      await connection.setLocalDescription(await connection.createAnswer());
      await gathered(connection);
      say("phone:answer", { leg: data.leg, sdp: connection.localDescription.sdp });
      window.tell("taken", { from: data.from, asked: data.auto_answer, change: data.change });
      window.hangUp = () => say("phone:hangup", { leg: data.leg });
    }
  };
}

const browser = await launch();
const over = new Promise((done) => {
  browser.on("disconnected", done);
});
try {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  let taken = 0;
  await page.exposeFunction("tell", async (what, more) => {
    tell(what, more);
    if (what !== "taken") return;
    taken += 1;
    // The second call is the page's to end.
    if (taken === 2) setTimeout(() => void page.evaluate(() => window.hangUp()), 3000);
  });
  page.on("pageerror", (error) => tell("page error", { error: String(error) }));
  await page.goto(page_url);
  await page.evaluate(ears, { spoken: Number(spoken), expected: Number(expected) });
  await page.evaluate(phone, { token });
  // Until the story closes our input.
  process.stdin.on("end", () => void browser.close());
  process.stdin.resume();
  await over;
} catch (error) {
  tell("failed", { error: String(error) });
  await browser.close();
}
