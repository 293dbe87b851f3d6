import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Eye, RotateCcw } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Extension, ExtensionSecret, PhoneDoor } from "@/api/types";
import { CopyText } from "@/parts/CopyText";
import { Button } from "@/ui/Button";
import { Badge, Skeleton } from "@/ui/bits";
import { Dialog } from "@/ui/Dialog";
import { toast } from "@/ui/toast";

/** What to type into the phone on the desk. Reading the password is written to the audit trail. */
export function PhoneSetup({ extension, onClose }: { extension: Extension; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [secret, setSecret] = useState<ExtensionSecret | null>(null);
  const [confirming, setConfirming] = useState(false);
  const path = { params: { path: { id: extension.id } } };
  const setup = useQuery({ queryKey: ["extensions", extension.id, "setup"], queryFn: () => unwrap(api.GET("/extensions/{id}/setup", path)) });
  const reveal = useMutation({ mutationFn: () => unwrap(api.GET("/extensions/{id}/secret", path)), onSuccess: setSecret });
  const rotate = useMutation({
    mutationFn: () => unwrap(api.POST("/extensions/{id}/secret/rotate", path)),
    onSuccess: (made) => {
      setSecret(made);
      setConfirming(false);
      void queries.invalidateQueries({ queryKey: ["extensions"] });
      toast("done", t("setup.rotated", { number: extension.number }), { detail: t("setup.rotatedHelp") });
    },
  });
  const domain = secret?.domain ?? setup.data?.domain ?? "";
  return (
    <Dialog open onClose={onClose} place="side" title={t("setup.title", { number: extension.number })} note={t("setup.note")}>
      <ol className="flex flex-col gap-5">
        <Step number={1} title={t("setup.connect")}>
          {setup.isPending ? <Skeleton className="h-16" /> : null}
          {setup.error ? <p className="text-alarm">{asProblem(setup.error).message}</p> : null}
          {placesOf(setup.data?.doors ?? []).map((place) => (
            <div key={`${place.host}-${place.port}`} className="flex flex-col gap-2">
              <CopyText label={t("setup.server")} text={place.host} />
              <CopyText label={t("setup.port")} text={String(place.port)} />
              <p>
                <span className="block text-sm text-ink-3">{t("setup.transport")}</span>
                {place.transports.map((one) => one.toUpperCase()).join(" / ")}
                {place.transports.length > 1 ? <span className="text-ink-2"> ({t("setup.either")})</span> : null}
              </p>
              {place.this_machine_only ? <p className="text-sm text-wait">{t("setup.thisMachineOnly")}</p> : null}
            </div>
          ))}
          {setup.data?.doors.length === 0 ? <p className="text-wait">{t("setup.noDoor")}</p> : null}
          <CopyText label={t("setup.domain")} text={domain} />
        </Step>
        <Step number={2} title={t("setup.account")}>
          <CopyText label={t("setup.username")} text={extension.number} />
          {secret ? (
            <CopyText label={t("setup.password")} text={secret.secret} />
          ) : (
            <div>
              <p className="text-sm text-ink-3">{t("setup.password")}</p>
              <Button busy={reveal.isPending} onClick={() => reveal.mutate()}>
                <Eye className="size-4" aria-hidden="true" />
                {t("setup.reveal")}
              </Button>
              <p className="mt-1 text-sm text-ink-3">{t("setup.audited")}</p>
            </div>
          )}
        </Step>
        <Step number={3} title={t("setup.audio")}>
          <p className="text-ink-2">{t("setup.audioHelp")}</p>
        </Step>
        <Step number={4} title={t("setup.check")}>
          <p>
            <Badge tone={extension.registered ? "good" : "wait"}>{extension.registered ? t("extensions.registered") : t("extensions.notRegistered")}</Badge>
          </p>
          <p className="text-ink-2">{t("setup.checkHelp")}</p>
        </Step>
      </ol>
      <div className="mt-6 border-t border-line pt-4">
        {confirming ? (
          <div role="alert" className="rounded-md bg-wait-soft p-3">
            <p className="mb-2 text-wait">{t("setup.rotateWarning")}</p>
            <div className="flex gap-2">
              <Button look="alarm" size="sm" busy={rotate.isPending} onClick={() => rotate.mutate()}>
                {t("setup.rotateNow")}
              </Button>
              <Button size="sm" onClick={() => setConfirming(false)}>
                {t("ui.cancel")}
              </Button>
            </div>
          </div>
        ) : (
          <Button look="quiet" size="sm" onClick={() => setConfirming(true)}>
            <RotateCcw className="size-4" aria-hidden="true" />
            {t("setup.rotate")}
          </Button>
        )}
      </div>
    </Dialog>
  );
}

/** Doors that differ by transport only are one place, told once. */
function placesOf(doors: readonly PhoneDoor[]): (PhoneDoor & { transports: string[] })[] {
  const places = new Map<string, PhoneDoor & { transports: string[] }>();
  for (const door of doors) {
    const place = places.get(`${door.host}:${door.port}`);
    if (place) place.transports.push(door.transport);
    else places.set(`${door.host}:${door.port}`, { ...door, transports: [door.transport] });
  }
  return [...places.values()];
}

function Step({ number, title, children }: { number: number; title: string; children: React.ReactNode }) {
  return (
    <li className="flex gap-3">
      <span className="flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-soft text-sm font-semibold text-accent" aria-hidden="true">
        {number}
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-2">
        <h3 className="font-semibold">{title}</h3>
        {children}
      </div>
    </li>
  );
}
