/** How it rings here: on or off, how loud, and where. */
import { Play } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { canChooseDevice, play, stop } from "@/features/sound/player";
import { KINDS, type Kind } from "@/features/sound/score";
import { setRingDevice, setVoice, soundSettings } from "@/features/sound/settings";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { CheckField, SelectField } from "@/ui/Field";

export default function SoundSettings({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  useEffect(() => () => KINDS.forEach(stop), []);
  return (
    <Dialog open onClose={onClose} title={t("sound.title")} note={t("sound.note")}>
      <div className="flex flex-col gap-6">
        {KINDS.map((kind) => (
          <VoiceFields key={kind} kind={kind} />
        ))}
        <RingDevice />
        <p className="text-sm text-ink-3">{t("sound.oneTab")}</p>
      </div>
    </Dialog>
  );
}

function VoiceFields({ kind }: { kind: Kind }) {
  const { t } = useTranslation();
  const id = useId();
  const { on, volume } = useStore(soundSettings).voices[kind];
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="sr-only">{t(`sound.kind.${kind}`)}</legend>
      <CheckField label={t(`sound.kind.${kind}`)} hint={t(`sound.kindHelp.${kind}`)} checked={on} onChange={(event) => setVoice(kind, { on: event.target.checked })} />
      <div className="flex flex-wrap items-center gap-3 pl-7">
        <label htmlFor={id} className="text-sm text-ink-2">
          {t("sound.volume")}
        </label>
        <input
          id={id}
          type="range"
          min={5}
          max={100}
          step={5}
          value={Math.round(volume * 100)}
          disabled={!on}
          aria-label={`${t("sound.volume")}: ${t(`sound.kind.${kind}`)}`}
          onChange={(event) => setVoice(kind, { volume: Number(event.target.value) / 100 })}
          className="h-9 w-40 accent-accent"
        />
        <Button size="sm" aria-label={`${t("sound.try")}: ${t(`sound.kind.${kind}`)}`} disabledReason={on ? null : t("sound.off")} onClick={() => void play(kind, false)}>
          <Play className="size-4" aria-hidden="true" />
          {t("sound.try")}
        </Button>
      </div>
    </fieldset>
  );
}

/** Loudspeakers by name: the browser tells the names once it may hear the microphone, which is let go at once. */
function RingDevice() {
  const { t } = useTranslation();
  const chosen = useStore(soundSettings).ringDevice;
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  const [refused, setRefused] = useState(false);
  const media = navigator.mediaDevices as MediaDevices | undefined;
  useEffect(() => {
    if (!canChooseDevice || !media) return undefined;
    const look = () => void media.enumerateDevices().then((all) => setDevices(all.filter((one) => one.kind === "audiooutput" && one.deviceId !== "" && one.deviceId !== "default")));
    look();
    media.addEventListener("devicechange", look);
    return () => media.removeEventListener("devicechange", look);
  }, [media, refused]);
  if (!canChooseDevice || !media) return <p className="text-sm text-ink-2">{t("sound.noChoice")}</p>;
  const ask = async () => {
    try {
      const heard = await media.getUserMedia({ audio: true });
      heard.getTracks().forEach((track) => track.stop());
      const all = await media.enumerateDevices();
      setDevices(all.filter((one) => one.kind === "audiooutput" && one.deviceId !== "" && one.deviceId !== "default"));
      setRefused(false);
    } catch {
      setRefused(true);
    }
  };
  const named = devices.filter((one) => one.label !== "");
  const gone = chosen !== "" && !devices.some((one) => one.deviceId === chosen);
  return (
    <div className="flex flex-col gap-2">
      <SelectField
        label={t("sound.device")}
        hint={refused ? t("sound.deviceRefused") : t("sound.deviceHelp")}
        empty={t("sound.deviceUsual")}
        options={[...(gone ? [{ value: chosen, label: t("sound.deviceGone") }] : []), ...named.map((one) => ({ value: one.deviceId, label: one.label }))]}
        value={chosen}
        onChange={(event) => setRingDevice(event.target.value)}
      />
      {named.length === 0 ? (
        <Button size="sm" className="self-start" onClick={() => void ask()}>
          {t("sound.deviceAsk")}
        </Button>
      ) : null}
    </div>
  );
}
