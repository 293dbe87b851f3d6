/** The row of saved views: fetched with its words after the list it stands above. */
import type { ComponentProps } from "react";
import { needWords } from "@/i18n";
import { later } from "@/lib/later";
import type { ViewsBar as Shape } from "@/parts/views/ViewsBar";

const bar = later<ComponentProps<typeof Shape>>(async () => {
  const [loaded] = await Promise.all([import("@/parts/views/ViewsBar"), needWords("own")]);
  return loaded.ViewsBar;
});

export const ViewsBar = bar.Part;
