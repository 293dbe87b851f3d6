import { render, screen } from "@testing-library/react";
import { useForm } from "react-hook-form";
import { describe, expect, it } from "vitest";
import { SelectField, TextField } from "./Field";

function Form({ trunks }: { trunks: readonly string[] }) {
  const form = useForm({ defaultValues: { trunk: "airtel" } });
  return <SelectField label="Trunk" empty="Choose" options={trunks.map((value) => ({ value, label: value }))} {...form.register("trunk")} />;
}

describe("fields", () => {
  it("shows the choice that the form holds once its options have come", () => {
    const { rerender } = render(<Form trunks={[]} />);
    rerender(<Form trunks={["tata", "airtel"]} />);
    expect((screen.getByLabelText("Trunk") as HTMLSelectElement).value).toBe("airtel");
  });

  it("says a broken rule once", () => {
    render(<TextField label="Number" hint="2 to 6 digits" error="2 to 6 digits" />);
    expect(screen.getAllByText("2 to 6 digits")).toHaveLength(1);
    expect(screen.getByLabelText("Number")).toHaveAccessibleDescription("2 to 6 digits");
  });
});
