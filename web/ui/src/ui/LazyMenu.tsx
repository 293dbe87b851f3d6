import { type ComponentType, type LazyExoticComponent, type ReactElement, Suspense, cloneElement, useState } from "react";

interface LazyMenuProps<P> {
  /** A button; it opens the menu, which is fetched when the hand comes near. */
  trigger: ReactElement<Record<string, unknown>>;
  menu: LazyExoticComponent<ComponentType<P & { trigger: ReactElement }>>;
  preload: () => unknown;
  props: P;
}

/** A menu that costs nothing until it is wanted. */
export function LazyMenu<P extends object>({ trigger, menu, preload, props }: LazyMenuProps<P>) {
  const [wanted, setWanted] = useState(false);
  const Impl = menu as unknown as ComponentType<object>;
  if (wanted) {
    return (
      <Suspense fallback={trigger}>
        <Impl {...props} trigger={trigger} />
      </Suspense>
    );
  }
  return cloneElement(trigger, {
    "aria-haspopup": "menu",
    "aria-expanded": false,
    onClick: () => setWanted(true),
    onPointerEnter: preload,
    onFocus: preload,
  });
}
