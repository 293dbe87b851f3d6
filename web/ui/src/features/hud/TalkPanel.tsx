import { Check, CircleAlert, CloudUpload, HardDrive } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Lead } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { useObjections } from "@/features/hud/api";
import { cx } from "@/lib/cx";
import { useSettled } from "@/lib/useSettled";
import { NOTES_MAX, type SaveState, type useSavedNotes } from "@/parts/notes";
import { ScriptView } from "@/parts/ScriptView";
import { TextArea, TextField } from "@/ui/Field";
import { Tabs } from "@/ui/Tabs";

/** What to say above, what was said below. */
export function TalkPanel({ live, lead, notes }: { live: LiveCall; lead: Lead | null; notes: ReturnType<typeof useSavedNotes> }) {
  const { t } = useTranslation();
  const [tab, setTab] = useState<"script" | "objections">("script");
  return (
    <section aria-label={t("hud.talk")} className="order-3 flex flex-col rounded-lg border border-line bg-surface lg:order-2 lg:min-h-0 lg:overflow-hidden">
      <Tabs
        label={t("hud.talk")}
        value={tab}
        onChange={setTab}
        items={[
          { value: "script", label: t("hud.script") },
          { value: "objections", label: t("hud.objections") },
        ]}
        panelClassName="flex-1 p-4 lg:min-h-40 lg:overflow-y-auto"
      >
        {tab === "script" ? <ScriptView key={lead?.id ?? "none"} lead={lead} script={live.lead?.script ?? null} /> : <Objections />}
      </Tabs>
      <div className="border-t border-line p-3">
        <TextArea
          label={
            <span className="flex items-center justify-between gap-3">
              {t("hud.notes")}
              <SaveMark state={notes.state} count={notes.text.length} />
            </span>
          }
          rows={4}
          maxLength={NOTES_MAX}
          value={notes.text}
          placeholder={t("hud.notesPrompt")}
          onChange={(event) => notes.change(event.target.value)}
          onBlur={() => void notes.flush()}
        />
      </div>
    </section>
  );
}

function SaveMark({ state, count }: { state: SaveState; count: number }) {
  const { t } = useTranslation();
  const Icon = { idle: null, local: HardDrive, saving: CloudUpload, saved: Check, failed: CircleAlert }[state];
  return (
    <span className="flex items-center gap-3 font-normal text-ink-3">
      <span className={cx("inline-flex items-center gap-1", state === "failed" && "text-alarm")}>
        {Icon ? <Icon className="size-3.5" aria-hidden="true" /> : null}
        {state === "idle" ? null : t(`saving.${state}`)}
      </span>
      <span>
        {count}/{NOTES_MAX}
      </span>
    </span>
  );
}

function Objections() {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const found = useObjections(useSettled(text.trim(), 200));
  return (
    <div className="flex flex-col gap-3">
      <TextField label={t("hud.findObjection")} hideLabel placeholder={t("hud.findObjection")} value={text} onChange={(event) => setText(event.target.value)} />
      {found.data?.length === 0 ? <p className="text-ink-2">{t("hud.noObjection")}</p> : null}
      <dl className="flex flex-col gap-3">
        {found.data?.map((one) => (
          <div key={one.id} lang={one.language}>
            <dt className="font-semibold">“{one.objection}”</dt>
            <dd className="mt-0.5 whitespace-pre-line text-ink-2">{one.response}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
