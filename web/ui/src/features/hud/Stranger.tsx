import { UserCheck, UserPlus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSayWho } from "@/features/hud/api";
import { farNumber } from "@/features/hud/CallDock";
import { formatPhone } from "@/lib/format";
import { useSettled } from "@/lib/useSettled";
import { type LiveCall, phaseOf } from "@/live/board";
import { usePeople } from "@/parts/people";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";

/** The number told nothing: write down who it is in two fields, or choose somebody known who calls from another phone. */
export function Stranger({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  const phone = farNumber(live);
  const say = useSayWho(live.call.id);
  const [name, setName] = useState("");
  const [organisation, setOrganisation] = useState("");
  const [error, setError] = useState<string | null>(null);
  // Until somebody picks up it is nobody's call.
  const early = phaseOf(live) === "incoming" ? t("hud.answerFirst") : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (early) return;
    if (name.trim() === "") setError(t("hud.nameMissing"));
    else say.mutate({ fresh: { name: name.trim(), phone, ...(organisation.trim() ? { organisation: organisation.trim() } : {}) } });
  };
  return (
    <div className="flex flex-col gap-3 p-3 lg:min-h-0 lg:overflow-y-auto">
      <div>
        <h2 className="text-lg font-semibold">{formatPhone(phone)}</h2>
        <p className="text-ink-2">{t("hud.unknown")}</p>
      </div>
      <form onSubmit={submit} className="flex flex-col gap-3" noValidate>
        <TextField
          label={t("lead.name")}
          required
          autoComplete="off"
          value={name}
          error={error}
          onChange={(event) => {
            setName(event.target.value);
            setError(null);
          }}
        />
        <TextField label={t("lead.organisation")} autoComplete="off" value={organisation} onChange={(event) => setOrganisation(event.target.value)} />
        <Button look="primary" type="submit" busy={say.isPending} disabledReason={early}>
          <UserPlus className="size-4" aria-hidden="true" />
          {t("hud.createLead")}
        </Button>
        {early ? <p className="text-sm text-ink-3">{early}</p> : null}
      </form>
      <Acquaintance busy={say.isPending} early={early} onChoose={(known) => say.mutate({ known })} />
    </div>
  );
}

function Acquaintance({ busy, early, onChoose }: { busy: boolean; early: string | null; onChoose: (leadId: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const people = usePeople(useSettled(text.trim(), 250));
  return (
    <div className="border-t border-line pt-3">
      <TextField label={t("hud.knownElse")} type="search" placeholder={t("leads.search")} autoComplete="off" value={text} onChange={(event) => setText(event.target.value)} />
      {people.data?.length === 0 ? <p className="mt-1.5 text-sm text-ink-2">{t("leads.empty")}</p> : null}
      <ul className="mt-1.5 flex flex-col gap-1">
        {people.data?.map((lead) => (
          <li key={lead.id} className="flex items-center justify-between gap-2 rounded-md border border-line py-1 pr-1 pl-2">
            <span className="min-w-0">
              <span className="block truncate font-medium">{lead.name}</span>
              <span className="block text-sm text-ink-2">{formatPhone(lead.phone)}</span>
            </span>
            <Button look="plain" size="sm" busy={busy} disabledReason={early} aria-label={t("hud.thisIs", { name: lead.name })} onClick={() => onChoose(lead.id)}>
              <UserCheck className="size-4" aria-hidden="true" />
              {t("hud.choose")}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
