/** What came of a call, put right afterwards: by who had it for a while, by who leads at any time. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import type { Call, DispositionRequest } from "@/api/types";
import { CallbackPicker } from "@/parts/CallbackPicker";
import { nameOf, useDispositions } from "@/parts/dispositions";
import { type Need, type OutcomeDraft, USUAL_HOURS, asksForTime, emptyOutcome, hoursOf, likelyTime, missing } from "@/parts/outcome";
import { SAVE_KEYS, submitForm, useSaveKey } from "@/parts/saveKey";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextArea } from "@/ui/Field";
import { toast } from "@/ui/toast";

const FORM = "change-outcome";
const NOTES_MAX = 500;

/** As the server takes it back: where there was an outcome, the one before. */
function requestOf(call: Call): DispositionRequest | null {
  const before = call.outcome;
  if (!before) return null;
  return { code: before.code, notes: before.notes, ...(before.sub_disposition ? { sub_disposition: before.sub_disposition } : {}), ...(before.callback_at ? { callback_at: before.callback_at } : {}) };
}

export function ChangeOutcome({ call, onClose }: { call: Call; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const tenant = useMe()?.tenant;
  const hours = tenant ? hoursOf(tenant) : USUAL_HOURS;
  const all = (useDispositions().data ?? []).filter((one) => one.active || one.code === call.disposition);
  const [draft, setDraft] = useState<OutcomeDraft>({ code: call.disposition ?? null, sub: call.outcome?.sub_disposition ?? null, callbackAt: call.outcome?.callback_at ?? null });
  const [notes, setNotes] = useState(call.outcome?.notes ?? call.notes ?? "");
  const [needs, setNeeds] = useState<Need[]>([]);
  const chosen = all.find((one) => one.code === draft.code);
  const save = useMutation({
    meta: { quiet: true },
    mutationFn: (body: DispositionRequest) => unwrap(api.PUT("/calls/{id}/disposition", { params: { path: { id: call.id } }, body })),
    onSuccess: (_saved, body) => {
      for (const queryKey of [["calls"], ["leads"], ["queue"]]) void queries.invalidateQueries({ queryKey });
      const before = requestOf(call);
      const one = all.find((candidate) => candidate.code === body.code);
      const undoes = before !== null && body !== before;
      toast("done", t("outcome.saved", { name: one ? nameOf(one, i18n.language) : body.code }), undoes ? { undoLabel: t("ui.undo"), undo: () => save.mutate(before) } : {});
      onClose();
    },
  });
  useSaveKey(submitForm(FORM));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const still = missing(chosen, draft, notes, Date.now());
    setNeeds(still);
    if (!chosen || still.length > 0 || save.isPending) return;
    save.mutate({ code: chosen.code, notes: notes.trim(), ...(draft.sub ? { sub_disposition: draft.sub } : {}), ...(draft.callbackAt && asksForTime(chosen) ? { callback_at: draft.callbackAt } : {}) });
  };
  const need = (one: Need): string | null => (needs.includes(one) ? t(`outcome.need.${one}`) : null);
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("outcomeChange.title")}
      note={t("outcomeChange.note")}
      footer={
        <>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button look="primary" type="submit" form={FORM} keys={SAVE_KEYS} actionId="form.save" busy={save.isPending}>
            {t("ui.save")}
          </Button>
        </>
      }
    >
      <form id={FORM} noValidate className="flex flex-col gap-4" onSubmit={submit}>
        <SelectField
          label={t("outcome.title")}
          required
          empty={t("outcome.choose")}
          error={need("code")}
          options={all.map((one) => ({ value: one.code, label: nameOf(one, i18n.language) }))}
          value={draft.code ?? ""}
          onChange={(event) => {
            const one = all.find((candidate) => candidate.code === event.target.value);
            setDraft({ ...emptyOutcome, code: one?.code ?? null, callbackAt: one ? likelyTime(one, new Date(), hours) : null });
          }}
        />
        {chosen && chosen.sub_dispositions.length > 0 ? (
          <SelectField
            label={t("outcome.reason")}
            required={chosen.required.includes("sub_disposition")}
            empty="–"
            error={need("sub_disposition")}
            options={chosen.sub_dispositions.map((sub) => ({ value: sub, label: t(`sub.${sub}`, { defaultValue: sub }) }))}
            value={draft.sub ?? ""}
            onChange={(event) => setDraft({ ...draft, sub: event.target.value || null })}
          />
        ) : null}
        {chosen && asksForTime(chosen) ? (
          <CallbackPicker value={draft.callbackAt} hours={hours} required={chosen.required.includes("callback_at")} error={need("callback_at")} onChange={(callbackAt) => setDraft({ ...draft, callbackAt })} />
        ) : null}
        <TextArea label={t("hud.notes")} rows={4} maxLength={NOTES_MAX} required={chosen?.required.includes("notes") ?? false} error={need("notes")} value={notes} onChange={(event) => setNotes(event.target.value)} />
        {save.error ? (
          <p role="alert" className="rounded-md bg-alarm-soft px-3 py-2 text-alarm">
            {asProblem(save.error).status === 409 ? t("outcomeChange.closed") : asProblem(save.error).message}
          </p>
        ) : null}
      </form>
    </Dialog>
  );
}
