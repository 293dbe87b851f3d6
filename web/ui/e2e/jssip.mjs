// JsSIP, a SIP stack of other hands, as a phone over WebSocket (RFC 7118). Tells what happens in lines of JSON and ends
// after one call each way. Its media is plain RTP of this script's: browsers' media comes by another door.
//
//   node --experimental-websocket jssip.mjs WS-URL DOMAIN USER SECRET CALLEE
import { createSocket } from "node:dgram";
import { createRequire } from "node:module";

const [url, domain, user, password, callee] = process.argv.slice(2);
const tell = (what, more = {}) => process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
const require = createRequire(import.meta.url);

const rtp = createSocket("udp4");
await new Promise((bound) => rtp.bind(0, "127.0.0.1", bound));
let received = 0;
rtp.on("message", () => (received += 1));

/** A-law of one sample (ITU-T G.711). */
function aLaw(sample) {
  const sign = sample >= 0 ? 0xd5 : 0x55;
  let level = Math.min(sample >= 0 ? sample : -sample - 1, 32635) >> 3;
  let exponent = 0;
  while (level > (exponent === 0 ? 31 : 63)) {
    level >>= 1;
    exponent += 1;
  }
  const mantissa = exponent === 0 ? level >> 1 : (level >> 1) & 15;
  return (((exponent << 4) | mantissa) ^ sign) & 0xff;
}

/** Speaks a sine of 600 Hz to where the answer says. */
function speak(sdp) {
  const port = Number(/^m=audio (\d+)/m.exec(sdp)[1]);
  const host = /^c=IN IP4 (\S+)/m.exec(sdp)[1];
  let sent = 0;
  const timer = setInterval(() => {
    const packet = Buffer.alloc(12 + 160);
    packet[0] = 0x80;
    packet[1] = 8;
    packet.writeUInt16BE(sent & 0xffff, 2);
    packet.writeUInt32BE((sent * 160) >>> 0, 4);
    packet.writeUInt32BE(0x1234, 8);
    for (let i = 0; i < 160; i++) {
      packet[12 + i] = aLaw(Math.round(8000 * Math.sin((2 * Math.PI * 600 * (sent * 160 + i)) / 8000)));
    }
    sent += 1;
    rtp.send(packet, port, host);
  }, 20);
  return () => clearInterval(timer);
}

const ours = () =>
  `v=0\r\no=jssip 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${rtp.address().port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n`;

/** What JsSIP asks of a browser, with the session description above. */
class PlainConnection extends EventTarget {
  signalingState = "stable";
  iceGatheringState = "complete";
  iceConnectionState = "connected";
  connectionState = "connected";
  localDescription = null;
  remoteDescription = null;
  createOffer = async () => ({ type: "offer", sdp: ours() });
  createAnswer = async () => ({ type: "answer", sdp: ours() });
  setLocalDescription = async (description) => {
    this.localDescription = description;
  };
  setRemoteDescription = async (description) => {
    this.remoteDescription = description;
    this.stop = speak(description.sdp);
  };
  getSenders = () => [];
  getReceivers = () => [];
  addTrack() {}
  close() {
    this.stop?.();
  }
}
globalThis.window = globalThis;
globalThis.RTCPeerConnection = PlainConnection;
globalThis.RTCSessionDescription = class {
  constructor(description) {
    Object.assign(this, description);
  }
};

const JsSIP = require("jssip");
const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: `sip:${user}@${domain}`,
  password,
  register_expires: 120,
  session_timers: false,
});

const event = (target, name) => new Promise((happened) => target.once(name, happened));
const refused = (send) => new Promise((told) => send({ succeeded: () => told(200), failed: (e) => told(e.response?.status_code ?? 0) }));

ua.once("registrationFailed", (e) => {
  tell("not registered", { cause: e.cause });
  process.exit(1);
});
const registered = event(ua, "registered");
ua.start();
await registered;
tell("registered");
tell("options", { status: await refused((eventHandlers) => ua.sendOptions(`sip:${domain}`, "", { eventHandlers })) });
tell("message", { status: await refused((eventHandlers) => ua.sendMessage(`sip:${callee}@${domain}`, "hello", { eventHandlers })) });

const session = ua.call(`sip:${callee}@${domain}`, { mediaStream: null, mediaConstraints: { audio: false, video: false } });
session.once("failed", (e) => {
  tell("call failed", { cause: e.cause, status: e.message?.status_code });
  process.exit(1);
});
await event(session, "confirmed");
tell("answered");
await new Promise((later) => setTimeout(later, 2000));
const over = event(session, "ended");
session.terminate();
await over;
tell("hung up", { received });

// Now the other way: whoever calls is answered, and hangs up.
tell("waiting");
const { session: theirs } = await event(ua, "newRTCSession");
received = 0;
theirs.answer({ mediaStream: null, mediaConstraints: { audio: false, video: false } });
const ended = await event(theirs, "ended");
tell("was called", { by: theirs.remote_identity.uri.user, ended: ended.originator, received });
const gone = event(ua, "unregistered");
ua.unregister();
await gone;
tell("unregistered");
process.exit(0);
