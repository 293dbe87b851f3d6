import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { parsePhone } from "@/lib/phone";
import { TextField } from "@/ui/Field";

/** Takes a number as people write or paste it, and shows how it was understood. */
export function PhoneField({ onParsed, onChange, hint, ...rest }: ComponentProps<typeof TextField> & { onParsed: (e164: string | null) => void }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<string | null>(null);
  return (
    <TextField
      {...rest}
      type="tel"
      inputMode="tel"
      autoComplete="off"
      placeholder="+91"
      hint={shown ? t("form.understood", { number: shown }) : (hint ?? t("form.phoneHint"))}
      onChange={(event) => {
        onChange?.(event);
        void parsePhone(event.target.value).then((found) => {
          setShown(found?.shown ?? null);
          onParsed(found?.e164 ?? null);
        });
      }}
    />
  );
}
