import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import type { Call, Trunk } from "@/api/types";
import { rowsOf, useExtensions } from "@/features/admin/api";
import { formatDuration } from "@/lib/format";
import { phaseOf } from "@/live/board";
import { useBoard } from "@/live/hooks";
import { PhoneField } from "@/parts/PhoneField";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField } from "@/ui/Field";

/** One real call over one carrier, its progress read from the floor. */
export function TestCall({ trunk, onClose }: { trunk: Trunk; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const extensions = rowsOf(useExtensions()).filter((one) => one.type === "user" && one.active);
  const [typed, setTyped] = useState("");
  const [to, setTo] = useState<string | null>(null);
  const [from, setFrom] = useState("");
  const ring = from || me?.extension?.number || extensions.find((one) => one.registered)?.number || "";
  const test = useMutation({
    meta: { quiet: true },
    mutationFn: () => unwrap(api.POST("/trunks/{id}/test-call", { params: { path: { id: trunk.id } }, body: { to: to ?? typed, from_extension: ring } })),
  });
  const live = useBoard((now) => (test.data ? now.calls[test.data.call_id] : undefined));
  const chosen = extensions.find((one) => one.number === ring);
  const obstacle = live ? t("testCall.running") : typed.trim() === "" ? t("testCall.numberMissing") : ring === "" ? t("testCall.noPhone") : chosen && !chosen.registered ? t("testCall.notRegistered", { number: ring }) : null;
  const problem = test.error ? asProblem(test.error) : null;
  // Once it is over it is no longer on the floor; how it ended stands in the list of calls.
  const callId = test.data?.call_id ?? "";
  const done = useQuery({
    queryKey: ["calls", callId],
    queryFn: () => unwrap(api.GET("/calls/{id}", { params: { path: { id: callId } } })),
    enabled: callId !== "" && !live,
    refetchInterval: (query) => (query.state.data?.ended_at ? false : 1_000),
    retry: false,
  }).data;
  const ended = done?.ended_at ? done : null;
  const progress = live ? t(`phase.${phaseOf(live)}`) : ended ? result(ended) : test.data ? t("testCall.sent") : null;
  function result(call: Call): string {
    const kind = call.hangup_cause?.kind ?? "";
    const why = i18n.exists(`cause.${kind}`) ? t(`cause.${kind}`) : kind;
    if (call.answered_at) return t("testCall.worked", { duration: formatDuration(call.duration_seconds) });
    return t("testCall.failed", { why: call.hangup_cause?.sip_status ? `${why} (${call.hangup_cause.sip_status})` : why });
  }
  const good = !problem && Boolean(ended?.answered_at);
  const bad = problem !== null || Boolean(ended && !ended.answered_at);
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("testCall.title", { name: trunk.name })}
      note={t("testCall.note")}
      footer={
        <>
          <Button onClick={onClose}>{t("ui.close")}</Button>
          <Button look="good" busy={test.isPending} disabledReason={obstacle} onClick={() => test.mutate()}>
            {t("testCall.start")}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <PhoneField label={t("testCall.to")} required value={typed} onChange={(event) => setTyped(event.target.value)} onParsed={setTo} />
        <SelectField
          label={t("testCall.from")}
          value={ring}
          empty={t("testCall.choose")}
          hint={chosen?.user_id && chosen.user_id !== me?.id ? t("testCall.theirs", { name: chosen.user_name ?? chosen.name }) : undefined}
          onChange={(event) => setFrom(event.target.value)}
          options={extensions.map((one) => ({ value: one.number, label: `${one.number} · ${one.name}${one.registered ? "" : ` (${t("extensions.notRegistered")})`}` }))}
        />
        <p role="status" className={bad ? "text-alarm" : good ? "text-good" : "text-ink-2"}>
          {problem ? (i18n.exists(`problem.${problem.type}`) ? t(`problem.${problem.type}`) : problem.message) : (progress ?? t("testCall.hint"))}
        </p>
      </div>
    </Dialog>
  );
}
