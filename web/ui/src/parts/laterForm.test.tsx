import { render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { describe, expect, it } from "vitest";
import { laterForm } from "@/parts/laterForm";
import { notices } from "@/ui/toast";

describe("a window whose code comes later", () => {
  it("says that it did not come, closes, and asks again when opened again", async () => {
    let asked = 0;
    const form = laterForm<{ onClose: () => void }>(() => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error("offline")) : Promise.resolve(() => <p>The form</p>);
    });
    function Page() {
      const [open, setOpen] = useState(false);
      return (
        <>
          <button type="button" onClick={() => setOpen(true)}>
            {open ? "Opening" : "New"}
          </button>
          {open ? <form.Part onClose={() => setOpen(false)} /> : null}
        </>
      );
    }
    render(<Page />);
    screen.getByRole("button").click();
    await waitFor(() => expect(notices.get()).toHaveLength(1));
    expect(notices.get()[0]?.kind).toBe("failed");
    await screen.findByRole("button", { name: "New" });
    screen.getByRole("button").click();
    await screen.findByText("The form");
    expect(asked).toBe(2);
    expect(notices.get()).toHaveLength(1);
  });

  it("is fetched as the hand comes near, once", async () => {
    let asked = 0;
    const form = laterForm<{ onClose: () => void }>(() => {
      asked += 1;
      return Promise.resolve(() => <p>The form</p>);
    });
    form.near.onPointerEnter();
    form.near.onFocus();
    render(<form.Part onClose={() => undefined} />);
    await screen.findByText("The form");
    expect(asked).toBe(1);
  });
});
