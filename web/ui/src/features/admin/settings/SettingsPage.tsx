import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import * as z from "zod/mini";
import { api, unwrap } from "@/api/client";
import type { Settings, SettingsChange } from "@/api/types";
import { useSettings } from "@/features/admin/api";
import { halfHours, showClock } from "@/lib/day";
import { countryNames, formatDuration } from "@/lib/format";
import { applyProblem } from "@/parts/forms";
import { ListState } from "@/parts/ListState";
import { WideningNotice } from "@/parts/Widening";
import { Button } from "@/ui/Button";
import { Card, PageHeader } from "@/ui/bits";
import { CheckField, SelectField, TextField } from "@/ui/Field";
import { toast } from "@/ui/toast";

const CONSENT = ["silent", "announce", "announce_opt_out", "opt_in"] as const;

/** The rules of the house: when may be called, what is recorded, who sees what. */
export function SettingsPage() {
  const { t } = useTranslation();
  const settings = useSettings();
  return (
    <>
      <PageHeader title={t("nav.settings")} note={t("settings.note")} />
      <ListState query={settings} count={settings.data ? 1 : 0} empty={{ title: "" }}>
        {settings.data ? <SettingsForm key={settings.dataUpdatedAt} settings={settings.data} /> : null}
      </ListState>
    </>
  );
}

/** The half hours of a day, and whatever time is set now. */
function hours(set: string | null | undefined): { value: string; label: string }[] {
  const all = halfHours(0, 24);
  const times = set && !all.includes(set) ? [...all, set].sort() : all;
  return times.map((value) => ({ value, label: value === "24:00" ? `${showClock(value)} (24:00)` : showClock(value) }));
}

function SettingsForm({ settings }: { settings: Settings }) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const seconds = z.int(t("form.number")).check(z.minimum(0, t("form.number")));
  const hour = z.string().check(z.trim(), z.regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, t("settings.hour")));
  const schema = z.object({
    name: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    window_start: hour,
    window_end: hour,
    daily_attempts: seconds,
    agent_ring_timeout_s: seconds,
    ring_timeout_s: seconds,
    max_duration_s: seconds,
    countries: z.string().check(z.trim(), z.toUpperCase(), z.regex(/^[A-Z]{2}([ ,]+[A-Z]{2})*$/, t("settings.countriesForm"))),
    premium: z.boolean(),
    satellite: z.boolean(),
    enabled: z.boolean(),
    internal: z.boolean(),
    consent: z.enum(CONSENT),
    retention_days: seconds,
    telecallers_see_all: z.boolean(),
    telecallers_take_unassigned: z.boolean(),
    manual_dialing: z.boolean(),
    edit_minutes: seconds,
  });
  type Body = z.infer<typeof schema>;
  const { calling, recording, desk, dispositions } = settings;
  const form = useForm<Body>({
    resolver: zodResolver(schema),
    defaultValues: {
      name: settings.name,
      window_start: calling.window_start ?? "09:00",
      window_end: calling.window_end ?? "21:00",
      daily_attempts: calling.daily_attempts ?? 0,
      agent_ring_timeout_s: calling.agent_ring_timeout_s ?? 20,
      ring_timeout_s: calling.ring_timeout_s ?? 45,
      max_duration_s: calling.max_duration_s ?? 7200,
      countries: (calling.countries ?? []).join(", "),
      premium: calling.premium ?? false,
      satellite: calling.satellite ?? false,
      enabled: recording.enabled ?? true,
      internal: recording.internal ?? true,
      consent: recording.consent ?? "announce",
      retention_days: recording.retention_days ?? 0,
      telecallers_see_all: desk.telecallers_see_all ?? false,
      telecallers_take_unassigned: desk.telecallers_take_unassigned ?? false,
      manual_dialing: desk.manual_dialing ?? false,
      edit_minutes: dispositions.edit_minutes ?? 15,
    },
  });
  const { errors, isDirty } = form.formState;
  const save = useMutation({
    meta: { quiet: true },
    mutationFn: (change: SettingsChange) => unwrap(api.PATCH("/settings", { body: change })),
    onSuccess: (saved, change) => {
      queries.setQueryData(["settings"], saved);
      const before: SettingsChange = { name: settings.name, calling, recording, desk, dispositions };
      toast("done", saved.widening ? t("settings.asked") : t("settings.saved"), change === before || saved.widening ? {} : { undoLabel: t("ui.undo"), undo: () => save.mutate(before) });
    },
    onError: (error) => applyProblem(error, form.setError, ["name", "window_start", "window_end", "daily_attempts", "agent_ring_timeout_s", "ring_timeout_s", "max_duration_s", "retention_days", "consent", "edit_minutes", "countries"]),
  });
  const submit = form.handleSubmit((body) =>
    save.mutate({
      name: body.name,
      calling: {
        ...calling,
        window_start: body.window_start,
        window_end: body.window_end,
        daily_attempts: body.daily_attempts,
        agent_ring_timeout_s: body.agent_ring_timeout_s,
        ring_timeout_s: body.ring_timeout_s,
        max_duration_s: body.max_duration_s,
        countries: body.countries.split(/[ ,]+/),
        premium: body.premium,
        satellite: body.satellite,
      },
      recording: { ...recording, enabled: body.enabled, internal: body.internal, consent: body.consent, retention_days: body.retention_days },
      desk: { ...desk, telecallers_see_all: body.telecallers_see_all, telecallers_take_unassigned: body.telecallers_take_unassigned, manual_dialing: body.manual_dialing },
      dispositions: { ...dispositions, edit_minutes: body.edit_minutes },
    }),
  );
  const number = (name: "daily_attempts" | "agent_ring_timeout_s" | "ring_timeout_s" | "max_duration_s" | "retention_days" | "edit_minutes", hint?: string) => (
    <TextField label={t(`settings.${name}`)} type="number" min={0} hint={hint} error={errors[name]?.message} {...form.register(name, { valueAsNumber: true })} />
  );
  const consent = form.watch("consent");
  const longest = form.watch("max_duration_s");
  return (
    <form noValidate className="flex max-w-3xl flex-col gap-4 px-4 pb-6 md:px-6" onSubmit={(event) => void submit(event)}>
      <Card title={t("settings.house")}>
        <TextField label={t("settings.name")} required error={errors.name?.message} {...form.register("name")} />
        <p className="mt-2 text-sm text-ink-3">{t("settings.fixed", { domain: settings.sip_domain, zone: settings.timezone })}</p>
      </Card>
      <Card title={t("settings.calling")}>
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField label={t("settings.window_start")} options={hours(calling.window_start)} error={errors.window_start?.message} {...form.register("window_start")} />
          <SelectField label={t("settings.window_end")} options={hours(calling.window_end)} error={errors.window_end?.message} {...form.register("window_end")} />
          <p className="-mt-2 text-sm text-ink-3 sm:col-span-2">{t("settings.windowHint")}</p>
          {number("daily_attempts", t("settings.zeroNoCap"))}
          {number("max_duration_s", longest > 0 ? t("settings.equals", { duration: formatDuration(longest) }) : undefined)}
          {number("agent_ring_timeout_s")}
          {number("ring_timeout_s")}
        </div>
      </Card>
      <Card title={t("settings.reach")}>
        <div className="flex flex-col gap-4">
          <TextField label={t("settings.countries")} hint={t("settings.countriesHint", { names: countryNames(calling.countries ?? [], i18n.language) })} error={errors.countries?.message} {...form.register("countries")} />
          <CheckField label={t("settings.premium")} {...form.register("premium")} />
          <CheckField label={t("settings.satellite")} {...form.register("satellite")} />
          <p className="text-sm text-ink-3">{t("settings.twoRoles")}</p>
          <WideningNotice />
        </div>
      </Card>
      <Card title={t("settings.recording")}>
        <div className="flex flex-col gap-4">
          <CheckField label={t("settings.recordingOn")} {...form.register("enabled")} />
          <CheckField label={t("settings.recordingInternal")} hint={t("settings.recordingInternalHint")} {...form.register("internal")} />
          <SelectField label={t("settings.consent")} hint={t(`consentHelp.${consent}`)} options={CONSENT.map((value) => ({ value, label: t(`consent.${value}`) }))} error={errors.consent?.message} {...form.register("consent")} />
          {number("retention_days")}
        </div>
      </Card>
      <Card title={t("settings.desk")}>
        <div className="flex flex-col gap-3">
          <CheckField label={t("settings.seeAll")} {...form.register("telecallers_see_all")} />
          <CheckField label={t("settings.takeUnassigned")} {...form.register("telecallers_take_unassigned")} />
          <CheckField label={t("settings.manual")} {...form.register("manual_dialing")} />
          {number("edit_minutes", t("settings.editHint"))}
        </div>
      </Card>
      {errors.root ? (
        <p role="alert" className="text-alarm">
          {errors.root.message}
        </p>
      ) : null}
      <div>
        <Button look="primary" type="submit" busy={save.isPending} disabledReason={isDirty ? null : t("settings.unchanged")}>
          {t("ui.save")}
        </Button>
      </div>
    </form>
  );
}
