/** Takes or refuses the call that rings at this page. */
import { Phone, PhoneOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { accept, refuse, ringing } from "@/features/phone/phone";
import type { Action } from "@/lib/actions";
import { useStore } from "@/lib/store";
import { useActions } from "@/lib/useActions";
import { ActionButton, Button } from "@/ui/Button";

export default function Answer() {
  const { t } = useTranslation();
  const leg = useStore(ringing);
  const take: Action = { id: "phone.answer", label: t("phone.answer"), group: t("hud.group"), keys: ["KeyA"], layer: 1, run: () => (leg ? accept(leg) : undefined) };
  useActions(leg ? [take] : []);
  if (!leg) return null;
  return (
    <>
      <ActionButton action={take} look="good" size="sm">
        <Phone className="size-4" aria-hidden="true" />
        {t("phone.answer")}
      </ActionButton>
      <Button look="alarm" size="sm" onClick={() => refuse(leg)}>
        <PhoneOff className="size-4" aria-hidden="true" />
        {t("phone.refuse")}
      </Button>
    </>
  );
}
