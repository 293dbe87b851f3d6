/** Dialling by hand: typed, pasted or pressed; one press calls, and what forbids it is said at the number. */
import { Delete, Phone, PhoneIncoming, PhoneOutgoing, X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { type Recent, useRecent } from "@/features/dial/api";
import { formatPhone, formatWhen } from "@/lib/format";
import { type ParsedPhone, parsePhone, tidy } from "@/lib/phone";
import { useSettled } from "@/lib/useSettled";
import { type Callee, newCallId, useCallObstacle, useRefusalText, useStartCall } from "@/parts/calls";
import { usePeople } from "@/parts/people";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "+", "0"] as const;

/** Numbers for help have no more digits. Whether one may be called in any state of the desk, the server says. */
const SHORT = /^\d{2,4}$/;

export default function DialPad({ start, onClose }: { start: string; onClose: () => void }) {
  const { t } = useTranslation();
  const box = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(start);
  const [empty, setEmpty] = useState(false);
  const parsed = useParsed(text);
  const me = useMe();
  const pad = useDialling(onClose, () => field.current?.focus());
  useReturningFocus(field);

  const type = (next: string) => {
    setText(next);
    setEmpty(false);
    pad.forget();
  };
  const people = usePeople(useSettled(text.trim(), 200));
  const known = text.trim().length >= 2 ? (people.data ?? []) : [];
  const whose = known.find((lead) => lead.phone === parsed?.e164);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = tidy(text);
    if (!/\d/.test(wanted)) {
      // A name: the people found are below.
      if (wanted !== "" && known.length > 0) stops(box.current)[1]?.focus();
      else setEmpty(true);
      return;
    }
    pad.call({ to: parsed?.e164 ?? wanted }, SHORT.test(wanted));
  };
  const error = empty ? t("dial.missing") : pad.refused;

  return (
    <section
      ref={box}
      role="dialog"
      aria-label={t("dial.title")}
      onKeyDown={(event) => walk(event, box.current, onClose)}
      className="absolute top-0 right-0 z-30 flex max-h-full w-full flex-col overflow-y-auto border-b border-l border-line bg-surface p-3 shadow-float sm:w-80 sm:rounded-bl-xl"
    >
      <div className="mb-2 flex items-center justify-between">
        <h2 className="font-semibold">{t("dial.title")}</h2>
        <Button look="quiet" size="icon-sm" hint={t("ui.close")} onClick={onClose}>
          <X className="size-4" aria-hidden="true" />
        </Button>
      </div>
      <form onSubmit={submit} noValidate>
        <TextField
          ref={field}
          data-stop=""
          type="tel"
          autoComplete="off"
          label={t("dial.number")}
          placeholder="+91"
          inputClassName="text-lg tracking-wide"
          value={text}
          error={error}
          hint={parsed ? t("form.understood", { number: parsed.shown }) : me?.dials_any_number === false ? t("dial.leadsOnly") : t("form.phoneHint")}
          onChange={(event) => type(event.target.value)}
        />
        <div className="mt-2 grid grid-cols-3 gap-1.5" role="group" aria-label={t("hud.keypad")}>
          {KEYS.map((key) => (
            <Button key={key} look="plain" className="text-lg" aria-label={t("hud.digit", { digit: key })} onPointerDown={stay} onClick={() => type(text + key)}>
              {key}
            </Button>
          ))}
          <Button look="plain" hint={t("dial.erase")} aria-label={t("dial.erase")} disabledReason={text === "" ? t("dial.missing") : null} onPointerDown={stay} onClick={() => type(text.slice(0, -1))}>
            <Delete className="size-5" aria-hidden="true" />
          </Button>
        </div>
        <Button look="good" size="lg" type="submit" className="mt-2 w-full" busy={pad.busy} disabledReason={SHORT.test(tidy(text)) ? null : pad.obstacle}>
          <Phone className="size-5" aria-hidden="true" />
          <span className="truncate">{whose ? t("call.callName", { name: whose.name }) : parsed ? t("call.callName", { name: parsed.shown }) : t("call.call")}</span>
        </Button>
        {pad.obstacle ? <p className="mt-1.5 text-sm text-ink-2">{pad.obstacle}</p> : null}
      </form>
      {text.trim() === "" ? <Recents userId={me?.id} pad={pad} /> : known.length > 0 ? <Known people={known} pad={pad} /> : null}
    </section>
  );
}

type Dialling = ReturnType<typeof useDialling>;

/** Places the call and keeps why it was refused. */
function useDialling(onStarted: () => void, onRefused: () => void) {
  const start = useStartCall({ quiet: true });
  const obstacle = useCallObstacle();
  const words = useRefusalText();
  const call = (callee: Callee, always = false) => {
    if (start.isPending || (obstacle && !always)) return;
    // Nobody is typing any more: the call may open its screen.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    start.mutate({ ...callee, callId: newCallId() }, { onSuccess: onStarted, onError: onRefused });
  };
  return { call, obstacle, busy: start.isPending, refused: start.error ? words(start.error) : null, forget: start.reset };
}

/** The number meant by what is typed so far. */
function useParsed(text: string): ParsedPhone | null {
  const [parsed, setParsed] = useState<{ text: string; found: ParsedPhone | null }>({ text: "", found: null });
  useEffect(() => {
    let current = true;
    void parsePhone(text).then((found) => (current ? setParsed({ text, found }) : undefined));
    return () => {
      current = false;
    };
  }, [text]);
  return parsed.text === text ? parsed.found : null;
}

/** Begins in the field; whoever had the keyboard before has it again after. */
function useReturningFocus(field: { current: HTMLInputElement | null }): void {
  useEffect(() => {
    const before = document.activeElement;
    field.current?.focus();
    return () => {
      if (document.activeElement === document.body && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [field]);
}

/** A pressed key leaves the cursor in the field, so that typing goes on. */
const stay = (event: PointerEvent) => event.preventDefault();

const stops = (box: HTMLElement | null): HTMLElement[] => [...(box?.querySelectorAll<HTMLElement>("[data-stop]") ?? [])];

/** Up and down go between the field and the people below it; Escape leaves. */
function walk(event: KeyboardEvent, box: HTMLElement | null, onClose: () => void): void {
  if (event.code === "Escape") {
    event.stopPropagation();
    onClose();
    return;
  }
  if (event.code !== "ArrowDown" && event.code !== "ArrowUp") return;
  const all = stops(box);
  const at = all.findIndex((one) => one === document.activeElement);
  // Not the page's arrows while the keyboard is in here, at the last person neither.
  event.preventDefault();
  if (at >= 0) all[at + (event.code === "ArrowDown" ? 1 : -1)]?.focus();
}

function Known({ people, pad }: { people: NonNullable<ReturnType<typeof usePeople>["data"]>; pad: Dialling }) {
  const { t } = useTranslation();
  return (
    <List title={t("dial.known")}>
      {people.map((lead) => (
        <Person key={lead.id} name={lead.name} below={formatPhone(lead.phone)} off={pad.obstacle} onCall={() => pad.call({ leadId: lead.id })}>
          <Phone className="size-4" aria-hidden="true" />
        </Person>
      ))}
    </List>
  );
}

function Recents({ userId, pad }: { userId: string | undefined; pad: Dialling }) {
  const { t } = useTranslation();
  const recent = useRecent(userId).data ?? [];
  if (recent.length === 0) return null;
  const callee = (one: Recent): Callee => (one.leadId ? { leadId: one.leadId } : { to: one.phone });
  return (
    <List title={t("dial.recent")}>
      {recent.map((one) => {
        const Icon = one.direction === "inbound" ? PhoneIncoming : PhoneOutgoing;
        const number = formatPhone(one.phone);
        return (
          <Person key={one.phone} name={one.name ?? number} below={one.name ? `${number} · ${formatWhen(one.at)}` : formatWhen(one.at)} off={pad.obstacle} onCall={() => pad.call(callee(one))}>
            <Icon className="size-4" aria-hidden="true" />
          </Person>
        );
      })}
    </List>
  );
}

function List({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <h3 className="mt-3 mb-1 text-sm font-semibold text-ink-2">{title}</h3>
      <ul aria-label={title} className="flex flex-col">
        {children}
      </ul>
    </>
  );
}

/** One press calls. */
function Person({ name, below, off, onCall, children }: { name: string; below: string; off: string | null; onCall: () => void; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <li>
      <Button data-stop="" look="quiet" className="w-full !justify-start gap-2.5 !px-2 py-1 text-left" disabledReason={off} onClick={onCall}>
        <span className="shrink-0 text-ink-3">{children}</span>
        <span className="min-w-0">
          <span className="block truncate font-medium text-ink">{name}</span>
          <span className="block truncate text-sm font-normal text-ink-2">{below}</span>
        </span>
        {/* What is read aloud begins with what is seen, and says what a press does. */}
        <span className="sr-only">{t("call.call")}</span>
      </Button>
    </li>
  );
}
