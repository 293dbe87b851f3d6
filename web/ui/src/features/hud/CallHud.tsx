/** The call screen: who it is, what to say and write, what to do. Three zones that never move. */
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { LiveCall } from "@/live/board";
import { ControlPanel } from "@/features/hud/ControlPanel";
import { CustomerPanel } from "@/features/hud/CustomerPanel";
import { OutcomePanel } from "@/features/hud/OutcomePanel";
import { EndedPanel, fetchPieces } from "@/features/hud/pieces";
import { TalkPanel } from "@/features/hud/TalkPanel";
import { saveNotes, useCallLead } from "@/features/hud/api";
import { phaseOf } from "@/live/board";
import { coverPage } from "@/lib/actions";
import { useSavedNotes } from "@/parts/notes";

export default function CallHud({ call: live }: { call: LiveCall }) {
  return <Screen key={live.call.id} live={live} />;
}

function Screen({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  const { id } = live.call;
  const person = useCallLead(live);
  const notes = useSavedNotes(id, live.call.notes, (text) => saveNotes(id, text));
  const over = phaseOf(live) === "over";
  const box = useRef<HTMLElement>(null);
  useEffect(() => coverPage(), []);
  useEffect(() => fetchPieces(), []);
  useEffect(() => {
    // On a phone the outcome moves to the top.
    if (over && box.current) box.current.scrollTop = 0;
  }, [over]);
  return (
    <section
      ref={box}
      aria-label={t("hud.screen")}
      className="absolute inset-0 z-20 grid grid-cols-1 gap-3 overflow-y-auto bg-page p-3 lg:grid-cols-[17rem_minmax(0,1fr)_23rem] lg:overflow-hidden"
    >
      <CustomerPanel live={live} lead={person.lead} history={person.history} pending={person.pending} />
      <TalkPanel live={live} lead={person.lead} notes={notes} />
      {/* Below each other on a phone: controls, person, words, outcome; the outcome first once the call is over. */}
      <div className="contents lg:order-3 lg:flex lg:min-h-0 lg:flex-col lg:gap-3 lg:overflow-hidden">
        {over ? <EndedPanel live={live} /> : <ControlPanel live={live} />}
        <OutcomePanel live={live} notes={notes.text} />
      </div>
    </section>
  );
}
