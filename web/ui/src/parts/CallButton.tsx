import { Phone } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button, type ButtonSize } from "@/ui/Button";
import { type Callee, newCallId, useCallObstacle, useStartCall } from "@/parts/calls";

interface CallButtonProps {
  callee: Callee;
  /** Who, for the name of the button. */
  name: string;
  /** Why this person may not be called now. */
  blocked?: string | null;
  size?: ButtonSize;
  keys?: readonly string[];
  /** The action whose keys they are. */
  actionId?: string;
  /** The word beside the icon. */
  labelled?: boolean;
  /** One of many in a list: it does not shout. */
  quiet?: boolean;
  /** The word, where it is not "Call". */
  word?: string;
}

/** The one way to call somebody by a click; when it cannot, it says why. */
export function CallButton({ callee, name, blocked, size = "sm", keys, actionId, labelled = true, quiet = false, word }: CallButtonProps) {
  const { t } = useTranslation();
  const start = useStartCall();
  const obstacle = useCallObstacle();
  const callName = t("call.callName", { name });
  return (
    <Button
      look={quiet ? "good-quiet" : "good"}
      size={labelled ? size : "icon"}
      keys={keys}
      actionId={actionId}
      hint={callName}
      // What is read aloud begins with what is written on it (WCAG 2.5.3).
      aria-label={labelled && word ? `${word}: ${callName}` : callName}
      busy={start.isPending}
      disabledReason={blocked ?? obstacle}
      onClick={(event) => {
        event.stopPropagation();
        start.mutate({ ...callee, callId: newCallId() });
      }}
    >
      <Phone className="size-4" aria-hidden="true" />
      {labelled ? (word ?? t("call.call")) : null}
    </Button>
  );
}
