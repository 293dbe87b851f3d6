/** What a call needs only later, or only some calls need: fetched as soon as the call screen is drawn. */
import type { ComponentProps } from "react";
import type { CallbackPicker as CallbackPickerShape } from "@/parts/CallbackPicker";
import type { EndedPanel as EndedPanelShape } from "@/features/hud/EndedPanel";
import type { Stranger as StrangerShape } from "@/features/hud/Stranger";
import { later } from "@/lib/later";

const ended = later<ComponentProps<typeof EndedPanelShape>>(() => import("@/features/hud/EndedPanel").then((loaded) => loaded.EndedPanel));
const picker = later<ComponentProps<typeof CallbackPickerShape>>(() => import("@/parts/CallbackPicker").then((loaded) => loaded.CallbackPicker));
const stranger = later<ComponentProps<typeof StrangerShape>>(() => import("@/features/hud/Stranger").then((loaded) => loaded.Stranger));

export const EndedPanel = ended.Part;
export const CallbackPicker = picker.Part;
export const Stranger = stranger.Part;

export function fetchPieces(): void {
  for (const piece of [ended, picker, stranger]) void piece.fetch();
}
