/** What one set for oneself: on the server, so that it goes along to the next computer; a copy here, so that it is there at once. */
import { useEffect } from "react";
import { chosenKeys } from "@/lib/actions";
import { readLocal, writeLocal } from "@/lib/storage";
import { api, unwrap } from "./client";

type Keys = Readonly<Record<string, string>>;

const copyOf = (user: string): string => `telehub.keys.${user}`;

function readCopy(user: string): Keys {
  try {
    const kept: unknown = JSON.parse(readLocal(copyOf(user)) ?? "{}");
    return typeof kept === "object" && kept !== null ? (kept as Keys) : {};
  } catch {
    return {};
  }
}

/** The keys somebody chose, in force while they are signed in. */
export function useKeptKeys(user: string | undefined): void {
  useEffect(() => {
    if (!user) return undefined;
    let gone = false;
    chosenKeys.set(readCopy(user));
    unwrap(api.GET("/me/preferences")).then(
      ({ keys = {} }) => {
        if (gone) return;
        writeLocal(copyOf(user), JSON.stringify(keys));
        chosenKeys.set(keys);
      },
      // The copy goes on; the next sign-in asks again.
      () => undefined,
    );
    return () => {
      gone = true;
      chosenKeys.set({});
    };
  }, [user]);
}

/** In force at once, kept on the server; what it does not take is taken back. */
export async function keepKeys(user: string, keys: Keys): Promise<void> {
  const before = chosenKeys.get();
  chosenKeys.set(keys);
  try {
    await unwrap(api.PUT("/me/preferences", { body: { keys } }));
    writeLocal(copyOf(user), JSON.stringify(keys));
  } catch (error) {
    chosenKeys.set(before);
    throw error;
  }
}
