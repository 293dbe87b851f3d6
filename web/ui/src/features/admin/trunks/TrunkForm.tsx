import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import * as z from "zod/mini";
import { api, unwrap } from "@/api/client";
import type { Trunk, TrunkPreset, TrunkPresetName, TrunkSettings } from "@/api/types";
import { FormDialog } from "@/features/admin/FormDialog";
import { applyProblem } from "@/parts/forms";
import { SelectField, TextField } from "@/ui/Field";
import { toast } from "@/ui/toast";

const PRESETS: readonly TrunkPresetName[] = ["exotel", "twilio", "other"];
const TRANSPORTS = ["udp", "tcp", "tls"] as const;
const AUTHS = ["ip", "digest", "register", "certificate"] as const;
const FORMATS = ["plus", "digits", "national_zero"] as const;
const CODECS = ["PCMA,PCMU", "PCMU,PCMA", "PCMA", "PCMU"] as const;

const schemaOf = (t: (key: string) => string) => {
  const cap = z.union([z.literal(""), z.string().check(z.regex(/^\d+$/, t("form.number")))]);
  return z.object({
    name: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    host: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    port: z.union([z.literal(""), z.string().check(z.regex(/^\d{1,5}$/, t("form.number")))]),
    transport: z.enum(TRANSPORTS),
    auth: z.enum(AUTHS),
    username: z.string().check(z.trim()),
    secret: z.string(),
    from_domain: z.string().check(z.trim()),
    source_cidrs: z.string(),
    certificate_names: z.string(),
    codecs: z.string(),
    number_format: z.enum(FORMATS),
    caller_id: z.string().check(z.trim()),
    channel_cap: cap,
    cps_cap: cap,
  });
};
type Body = z.infer<ReturnType<typeof schemaOf>>;

const oneOf = <T extends string>(values: readonly T[], value: string | undefined): T => values.find((one) => one === value) ?? (values[0] as T);

function toForm(name: string, settings: TrunkSettings | undefined): Body {
  const host = settings?.hosts?.[0];
  return {
    name,
    host: host?.host ?? "",
    port: host?.port ? String(host.port) : "",
    transport: oneOf(TRANSPORTS, settings?.transport),
    auth: oneOf(AUTHS, settings?.auth),
    username: settings?.username ?? "",
    secret: "",
    from_domain: settings?.from_domain ?? "",
    source_cidrs: (settings?.source_cidrs ?? []).join("\n"),
    certificate_names: (settings?.certificate_names ?? []).join(", "),
    codecs: oneOf(CODECS, settings?.codecs?.join(",")),
    number_format: oneOf(FORMATS, settings?.number_format),
    caller_id: settings?.caller_id ?? "",
    channel_cap: settings?.channel_cap ? String(settings.channel_cap) : "",
    cps_cap: settings?.cps_cap ? String(settings.cps_cap) : "",
  };
}

const listed = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** What the form does not show stays as it was. */
function toSettings(body: Body, before: TrunkSettings | undefined): TrunkSettings {
  const [first, ...others] = before?.hosts ?? [];
  return {
    ...before,
    hosts: [{ ...first, host: body.host, port: body.port ? Number(body.port) : null }, ...others],
    transport: body.transport,
    auth: body.auth,
    username: body.username || null,
    from_domain: body.from_domain || null,
    source_cidrs: listed(body.source_cidrs),
    certificate_names: listed(body.certificate_names),
    codecs: body.codecs.split(","),
    number_format: body.number_format,
    caller_id: body.caller_id || null,
    channel_cap: body.channel_cap ? Number(body.channel_cap) : null,
    cps_cap: body.cps_cap ? Number(body.cps_cap) : null,
  };
}

export function TrunkForm({ trunk, onClose }: { trunk: Trunk | null; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [preset, setPreset] = useState<TrunkPresetName>(trunk?.preset ?? "other");
  const presets = useQuery({
    queryKey: ["trunk-presets"],
    queryFn: async (): Promise<TrunkPreset[]> => {
      const answer = await unwrap(api.GET("/trunks/presets"));
      return Array.isArray(answer) ? answer : (answer as { items: TrunkPreset[] }).items;
    },
    enabled: trunk === null,
    staleTime: Infinity,
  });
  const base = trunk?.settings ?? presets.data?.find((one) => one.preset === preset)?.settings;
  const form = useForm<Body>({ resolver: zodResolver(schemaOf(t)), defaultValues: toForm(trunk?.name ?? "", trunk?.settings) });
  const { errors } = form.formState;
  const auth = form.watch("auth");

  const choose = (next: TrunkPresetName) => {
    setPreset(next);
    form.reset(toForm(form.getValues("name"), presets.data?.find((one) => one.preset === next)?.settings));
  };
  const save = useMutation({
    meta: { quiet: true },
    mutationFn: (body: Body) => {
      const given = { name: body.name, settings: toSettings(body, base), ...(body.secret ? { secret: body.secret } : {}) };
      return trunk ? unwrap(api.PATCH("/trunks/{id}", { params: { path: { id: trunk.id } }, body: given })) : unwrap(api.POST("/trunks", { body: { ...given, preset } }));
    },
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["trunks"] });
      toast("done", t("trunks.saved", { name: made.name }));
      onClose();
    },
    onError: (error) => applyProblem(error, form.setError, ["name", "host", "port", "username", "secret", "from_domain", "source_cidrs", "certificate_names", "caller_id", "channel_cap", "cps_cap"]),
  });
  const named = <T extends string>(values: readonly T[], key: string) => values.map((value) => ({ value, label: t(`${key}.${value}`) }));
  const wantsName = auth === "digest" || auth === "register";

  return (
    <FormDialog wide title={trunk ? trunk.name : t("trunks.new")} note={t("trunks.formNote")} busy={save.isPending} rootError={errors.root?.message} onClose={onClose} onSubmit={() => void form.handleSubmit((body) => save.mutate(body))()}>
      {trunk ? null : <SelectField label={t("trunks.preset")} hint={t(`trunks.presetHelp.${preset}`)} options={named(PRESETS, "trunkPreset")} value={preset} onChange={(event) => choose(oneOf(PRESETS, event.target.value))} />}
      <TextField label={t("trunks.name")} required error={errors.name?.message} {...form.register("name")} />
      <div className="grid grid-cols-[1fr_7rem] gap-3">
        <TextField label={t("trunks.host")} required error={errors.host?.message} {...form.register("host")} />
        <TextField label={t("trunks.port")} inputMode="numeric" placeholder="DNS" error={errors.port?.message} {...form.register("port")} />
      </div>
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label={t("trunks.transport")} options={TRANSPORTS.map((value) => ({ value, label: value.toUpperCase() }))} {...form.register("transport")} />
        <SelectField label={t("trunks.auth")} options={named(AUTHS, "trunkAuth")} {...form.register("auth")} />
      </div>
      {wantsName ? (
        <div className="grid gap-3 sm:grid-cols-2">
          <TextField label={t("trunks.username")} autoComplete="off" error={errors.username?.message} {...form.register("username")} />
          <TextField label={t("trunks.secret")} type="password" autoComplete="new-password" hint={trunk?.has_secret ? t("trunks.secretKept") : t("trunks.secretHint")} error={errors.secret?.message} {...form.register("secret")} />
        </div>
      ) : null}
      {auth === "certificate" ? (
        <TextField label={t("trunks.certificateNames")} hint={t("trunks.certificateNamesHint")} required error={errors.certificate_names?.message} {...form.register("certificate_names")} />
      ) : (
        <TextField label={t("trunks.sources")} hint={t("trunks.sourcesHint")} error={errors.source_cidrs?.message} {...form.register("source_cidrs")} />
      )}
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField label={t("trunks.fromDomain")} hint={t("trunks.fromDomainHint")} error={errors.from_domain?.message} {...form.register("from_domain")} />
        <TextField label={t("trunks.callerId")} error={errors.caller_id?.message} {...form.register("caller_id")} />
        <SelectField label={t("trunks.codecs")} options={CODECS.map((value) => ({ value, label: codecNames(value) }))} {...form.register("codecs")} />
        <SelectField label={t("trunks.format")} options={named(FORMATS, "numberFormat")} {...form.register("number_format")} />
        <TextField label={t("trunks.channels")} inputMode="numeric" placeholder={t("trunks.noCap")} error={errors.channel_cap?.message} {...form.register("channel_cap")} />
        <TextField label={t("trunks.cps")} inputMode="numeric" placeholder={t("trunks.noCap")} error={errors.cps_cap?.message} {...form.register("cps_cap")} />
      </div>
    </FormDialog>
  );
}

const codecNames = (list: string): string => list.replace("PCMA", "A-law").replace("PCMU", "µ-law").replace(",", ", ");
