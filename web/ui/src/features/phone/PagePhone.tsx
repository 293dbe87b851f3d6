/** The button that makes this browser the phone, and says whether it is. */
import { Headset } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { type PhoneState, isKept, phone, turnOff, turnOn } from "@/features/phone/phone";
import { cx } from "@/lib/cx";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { toast } from "@/ui/toast";

const LOOK: Record<PhoneState["kind"], string> = {
  off: "",
  elsewhere: "",
  asking: "!text-wait",
  joining: "!text-wait",
  ready: "!text-good",
  failed: "!text-alarm",
};

export default function PagePhone() {
  const { t } = useTranslation();
  const state = useStore(phone);
  const on = state.kind !== "off";
  useEffect(() => void (isKept() ? resume() : undefined), []);
  const said = state.kind === "failed" ? t(`phone.fault.${state.fault}`) : t(`phone.${state.kind}`);
  const failed = state.kind === "failed";
  // Who pressed has to read why nothing came of it, also where there is no pointer to rest on the button.
  useEffect(() => (failed ? toast("failed", said) : undefined), [failed, said]);
  const again = state.kind === "failed" && state.fault !== "refused";
  return (
    <>
      <Button look="quiet" size="icon" hint={said} aria-label={t("phone.use")} aria-pressed={on && !again} onClick={() => (on && !again ? turnOff() : turnOn())}>
        <Headset className={cx("size-5", LOOK[state.kind])} aria-hidden="true" />
      </Button>
      <span role="status" className="sr-only">
        {on ? said : ""}
      </span>
    </>
  );
}

/** After a reload, where the browser may hear the microphone without asking. */
async function resume(): Promise<void> {
  const permission = await navigator.permissions.query({ name: "microphone" as PermissionName }).catch(() => null);
  if (permission?.state === "granted") turnOn();
}
