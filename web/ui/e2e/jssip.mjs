// JsSIP, a SIP stack of other hands, in Chromium, as a phone over WebSocket (RFC 7118) with the browser's own media. Tells
// what happens in lines of JSON and ends after one call each way. It speaks a tone and tells which tone it heard.
//
//   node jssip.mjs PAGE-URL WS-URL DOMAIN USER SECRET CALLEE SPOKEN-HZ HEARD-HZ
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { launch } from "./desk.mjs";
import { ears } from "./ears.mjs";

const [page_url, url, domain, user, password, callee, spoken, expected] = process.argv.slice(2);
const tell = (what, more = {}) => process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
const here = dirname(fileURLToPath(import.meta.url));

/** JsSIP as one script for a page. */
async function bundle() {
  const [{ output }] = await build({
    configFile: false,
    logLevel: "silent",
    root: here,
    build: { write: false, minify: false, lib: { entry: join(here, "..", "node_modules", "jssip", "lib", "JsSIP.js"), name: "JsSIP", formats: ["iife"] } },
  });
  return output[0].code;
}

/** In the page: JsSIP as a phone. */
function phone() {
  const event = (target, name) => new Promise((happened) => target.once(name, happened));
  window.phone = {
    start: async ({ url, domain, user, password }) => {
      const ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@${domain}`, password, register_expires: 120, session_timers: false });
      window.ua = ua;
      ua.on("newRTCSession", ({ session }) => {
        const hear = (connection) => connection.addEventListener("track", (e) => window.listen(e.streams[0] ?? new MediaStream([e.track])));
        if (session.connection) hear(session.connection);
        else session.on("peerconnection", (e) => hear(e.peerconnection));
      });
      const registered = new Promise((yes, no) => {
        ua.once("registered", yes);
        ua.once("registrationFailed", (e) => no(new Error(`not registered: ${e.cause}`)));
      });
      ua.start();
      await registered;
    },
    refused: (send) => new Promise((told) => send({ succeeded: () => told(200), failed: (e) => told(e.response?.status_code ?? 0) })),
    call: async (to) => {
      const session = window.ua.call(to, { mediaStream: window.microphone, pcConfig: { iceServers: [] } });
      window.session = session;
      await new Promise((yes, no) => {
        session.once("confirmed", yes);
        session.once("failed", (e) => no(new Error(`call failed: ${e.cause} ${e.message?.status_code ?? ""}`)));
      });
    },
    hangUp: async () => {
      const over = event(window.session, "ended");
      window.session.terminate();
      await over;
    },
    wait: () => {
      window.incoming = event(window.ua, "newRTCSession");
    },
    answer: async () => {
      const { session } = await window.incoming;
      window.heard = 0;
      const ended = event(session, "ended");
      session.answer({ mediaStream: window.microphone, pcConfig: { iceServers: [] } });
      const { originator } = await ended;
      return { by: session.remote_identity.uri.user, ended: originator, heard: window.heard };
    },
    leave: async () => {
      const gone = event(window.ua, "unregistered");
      window.ua.unregister();
      await gone;
    },
  };
}

const browser = await launch();
try {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  page.on("pageerror", (error) => tell("page error", { error: String(error) }));
  await page.goto(page_url);
  await page.addScriptTag({ content: await bundle() });
  await page.evaluate(ears, { spoken: Number(spoken), expected: Number(expected) });
  await page.evaluate(phone);
  await page.evaluate((account) => window.phone.start(account), { url, domain, user, password });
  tell("registered");
  tell("options", { status: await page.evaluate((to) => window.phone.refused((eventHandlers) => window.ua.sendOptions(to, "", { eventHandlers })), `sip:${domain}`) });
  tell("message", { status: await page.evaluate((to) => window.phone.refused((eventHandlers) => window.ua.sendMessage(to, "hello", { eventHandlers })), `sip:${callee}@${domain}`) });
  await page.evaluate((to) => window.phone.call(to), `sip:${callee}@${domain}`);
  tell("answered");
  await page.waitForTimeout(3000);
  await page.evaluate(() => window.phone.hangUp());
  tell("hung up", { heard: await page.evaluate(() => window.heard) });

  // Now the other way: whoever calls is answered, and hangs up.
  await page.evaluate(() => window.phone.wait());
  tell("waiting");
  tell("was called", await page.evaluate(() => window.phone.answer()));
  await page.evaluate(() => window.phone.leave());
  tell("unregistered");
} catch (error) {
  tell("failed", { error: String(error) });
} finally {
  await browser.close();
}
