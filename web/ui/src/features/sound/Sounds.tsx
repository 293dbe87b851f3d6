/** Rings while a call is offered, beeps when one is connected; says so when the browser does not let it yet. */
import { VolumeX } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { audio, awaitPress, play, stop } from "@/features/sound/player";
import { connects, heardOf } from "@/features/sound/score";
import { soundSettings } from "@/features/sound/settings";
import { beTheOne } from "@/lib/oneTab";
import { useStore } from "@/lib/store";
import { board } from "@/live/socket";

export default function Sounds() {
  const { t } = useTranslation();
  const state = useStore(audio);
  const { voices } = useStore(soundSettings);
  const [mine, setMine] = useState(false);
  useEffect(() => awaitPress(), []);
  // A tab that may not sound does not keep those that may from it.
  useEffect(() => (state === "ready" ? beTheOne("telehub.sound", setMine) : undefined), [state]);
  useRing(mine && voices.ring.on);
  useBeep(mine && voices.connected.on);
  if (state !== "locked" || !Object.values(voices).some((voice) => voice.on)) return null;
  return (
    <span role="status" className="inline-flex min-h-9 items-center gap-1.5 rounded-full bg-wait-soft px-2.5 text-sm text-wait" data-tip={t("sound.lockedHelp")}>
      <VolumeX className="size-4 shrink-0" aria-hidden="true" />
      <span className="max-lg:sr-only">{t("sound.locked")}</span>
    </span>
  );
}

function useRing(on: boolean): void {
  const rings = useStore(board, (now) => heardOf(now).rings);
  const volume = useStore(soundSettings, (now) => now.voices.ring.volume);
  const device = useStore(soundSettings, (now) => now.ringDevice);
  useEffect(() => {
    if (!on || !rings) return undefined;
    void play("ring", true);
    return () => stop("ring");
  }, [on, rings, volume, device]);
}

function useBeep(on: boolean): void {
  const before = useRef(heardOf(board.get()));
  useEffect(
    () =>
      board.subscribe(() => {
        const now = heardOf(board.get());
        if (on && connects(before.current, now)) void play("connected", false);
        before.current = now;
      }),
    [on],
  );
}
