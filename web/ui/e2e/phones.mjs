// Phones and carriers that we did not write: baresip on the agent's desk, SIPp as a carrier.
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask, extension, until } from "./api.mjs";
import { ports } from "./ports.mjs";

const SCENARIOS = fileURLToPath(new URL("../../../tests/data/sipp/", import.meta.url));
/** Where the server takes SIP, `host:port`. */
export const SIP = process.env.TELEHUB_SIP ?? "127.0.0.1:5060";

/** Processes to be ended when the run ends, however it ends. */
const running = new Set();
function launch(command, args, folder) {
  const log = openSync(join(folder, "log"), "a");
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", log, log] });
  running.add(child);
  child.on("exit", () => running.delete(child));
  child.on("error", (error) => writeFileSync(join(folder, "log"), String(error), { flag: "a" }));
  return child;
}
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

const ended = (child) => (child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((done) => child.once("exit", done)));
async function stop(child) {
  child.kill("SIGTERM");
  const sure = setTimeout(() => child.kill("SIGKILL"), 2_000);
  await ended(child);
  clearTimeout(sure);
}

/** A sine that is easy to tell from the carriers' tones. */
function tone(hz, seconds) {
  const frames = 8000 * seconds;
  const wav = Buffer.alloc(44 + frames * 2);
  wav.write("RIFF", 0); wav.writeUInt32LE(36 + frames * 2, 4); wav.write("WAVEfmt ", 8); wav.writeUInt32LE(16, 16); wav.writeUInt16LE(1, 20); wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24); wav.writeUInt32LE(16_000, 28); wav.writeUInt16LE(2, 32); wav.writeUInt16LE(16, 34); wav.write("data", 36); wav.writeUInt32LE(frames * 2, 40);
  for (let n = 0; n < frames; n += 1) wav.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * hz * n) / 8000)), 44 + n * 2);
  return wav;
}

/** baresip, registered as an extension with the secret an administrator reads off the screen. */
export class Phone {
  /** Picks up by itself; else the story says when. */
  auto = true;
  events = [];

  static async register(number, { hz = 600 } = {}) {
    const folder = mkdtempSync(join(tmpdir(), "telehub-phone-"));
    const { username, secret, domain } = await ask("admin", "GET", `/extensions/${(await extension(number)).id}/secret`);
    const [sip, control, rtp] = [await ports(2), await ports(1), await ports(20)];
    writeFileSync(join(folder, "tone.wav"), tone(hz, 240));
    writeFileSync(join(folder, "contacts"), "");
    writeFileSync(join(folder, "accounts"), `<sip:${username}@${domain}>;auth_user=${username};auth_pass=${secret};regint=60;answermode=manual;audio_codecs=PCMA,PCMU;outbound="sip:${SIP};transport=udp"\n`);
    writeFileSync(
      join(folder, "config"),
      ["poll_method epoll", `sip_listen 127.0.0.1:${sip}`, "net_interface 127.0.0.1", "call_local_timeout 120", "call_max_calls 4", `audio_source aufile,${folder}/tone.wav`, "audio_player aubridge,x", "audio_alert aubridge,y",
        "audio_channels 1-1", "ausrc_srate 8000", "auplay_srate 8000", `rtp_ports ${rtp}-${rtp + 19}`, "rtcp_mux no", "jitter_buffer_delay 1-5", "module_path /usr/lib/baresip/modules", "module g711.so", "module aufile.so", "module aubridge.so",
        "module_tmp uuid.so", "module_tmp account.so", "module_app menu.so", "module_app ctrl_tcp.so", `ctrl_tcp_listen 127.0.0.1:${control}`, ""].join("\n"),
    );
    const phone = new Phone();
    phone.folder = folder;
    phone.child = launch("baresip", ["-f", folder, "-s"], folder);
    await phone.listen(control);
    await until(`a phone is registered as ${number}`, 20, async () => (await extension(number)).registered);
    return phone;
  }

  async listen(port) {
    this.control = await until("baresip listens", 10, () => new Promise((done) => { const socket = connect(port, "127.0.0.1", () => done(socket)); socket.once("error", () => done(null)); }));
    this.control.on("error", () => undefined);
    let text = Buffer.alloc(0);
    this.control.on("data", (bytes) => {
      text = Buffer.concat([text, bytes]);
      for (;;) {
        const colon = text.indexOf(58);
        const length = Number(text.subarray(0, colon));
        if (colon < 0 || text.length < colon + length + 2) return;
        this.take(JSON.parse(text.subarray(colon + 1, colon + 1 + length).toString()));
        text = text.subarray(colon + length + 2);
      }
    });
  }

  take(event) {
    this.events.push(event.type);
    if (event.type === "CALL_INCOMING" && this.auto) this.say("accept");
  }

  say(command, params = "") {
    const body = JSON.stringify({ command, params, token: "t" });
    this.control.write(`${Buffer.byteLength(body)}:${body},`);
  }

  /** Waits for an event that came after the story last looked. */
  async heard(kind, seconds = 20) {
    await until(`the phone says ${kind}\n${this.log()}`, seconds, () => this.events.includes(kind));
    this.events.splice(0, this.events.indexOf(kind) + 1);
  }

  log() {
    return readFileSync(join(this.folder, "log"), "utf8").split(/[\r\n]/).filter((line) => !line.includes("(bit/s)")).slice(-15).join("\n");
  }

  async close() {
    this.control?.destroy();
    await stop(this.child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A carrier on a port of its own that may call our numbers: a trunk with a DID that rings an extension. */
export class Carrier {
  static async open(did, number) {
    const carrier = new Carrier();
    carrier.did = did;
    carrier.port = await ports(2);
    carrier.trunk = await ask("admin", "POST", "/trunks", {
      name: `story-${carrier.port}`,
      preset: "other",
      priority: 90,
      settings: { hosts: [{ host: "127.0.0.1", port: carrier.port }], transport: "udp", auth: "ip", source_cidrs: [`127.0.0.1:${carrier.port}`], options_interval_s: 3600 },
    });
    carrier.number = await ask("admin", "POST", "/numbers", { number: did, trunk_id: carrier.trunk.id, destination: { type: "extension", id: (await extension(number)).id } });
    return carrier;
  }

  /** Rings the DID as `from`, stays `talkMs` after the answer, hangs up. */
  async call(from, talkMs = 120_000) {
    const folder = mkdtempSync(join(tmpdir(), "telehub-carrier-"));
    const args = [SIP, "-sf", join(SCENARIOS, "carrier_calls.xml"), "-i", "127.0.0.1", "-p", String(this.port), "-mi", "127.0.0.1", "-mp", String(await ports(4)), "-m", "1", "-t", "u1", "-timeout", "150", "-timeout_error", "-nostdin", "-trace_err"];
    const child = launch("sipp", [...args, "-s", this.did, "-key", "from", from, "-d", String(talkMs)], folder);
    return {
      stop: async () => {
        await stop(child);
        const errors = readdirSync(folder).filter((name) => name.endsWith("_errors.log")).map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
        rmSync(folder, { recursive: true, force: true });
        return errors;
      },
    };
  }

  /** Takes number and trunk away again, so that no later story calls out over it. */
  async close() {
    await ask("admin", "DELETE", `/numbers/${this.number.id}`);
    await ask("admin", "DELETE", `/trunks/${this.trunk.id}`);
  }
}
