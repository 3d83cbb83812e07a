import { Select, TextInput } from "@mantine/core";
import { useText } from "../../i18n/index.ts";
import { PairFields } from "./PairFields.tsx";
import { type FieldsProps, Next, Target } from "./StepFields.tsx";

/** Whom to look for, what is kept of them, and where to go when nobody or too many are found. */
export function FindCustomerFields({ value, set, steps }: FieldsProps<"findCustomer">) {
  const t = useText();
  return (
    <>
      <Select
        label={t("flowSteps.lookBy")}
        data={[
          { value: "number", label: t("flowSteps.byNumber") },
          { value: "email", label: t("flowSteps.byEmail") },
          { value: "attribute", label: t("flowSteps.byAttribute") },
        ]}
        allowDeselect={false}
        value={value.by || null}
        onChange={(by) => set({ by: by ?? "", ...(by === "attribute" ? {} : { attribute: "" }) })}
      />
      {value.by === "attribute" && (
        <TextInput
          label={t("flowSteps.customerAttribute")}
          dir="auto"
          maxLength={64}
          value={value.attribute ?? ""}
          onChange={(event) => set({ attribute: event.currentTarget.value })}
        />
      )}
      <TextInput
        label={t("flowSteps.lookFor")}
        description={t("flows.placeholders")}
        dir="ltr"
        value={value.value ?? ""}
        onChange={(event) => set({ value: event.currentTarget.value })}
      />
      <PairFields
        label={t("flowSteps.kept")}
        names={[t("flows.attribute"), t("flowSteps.ofCustomer")]}
        pairs={value.extract ?? {}}
        onChange={(extract) => set({ extract })}
      />
      <Next value={value.next} steps={steps} set={set} />
      <Target
        label={t("flowSteps.notFound")}
        value={value.notFound}
        steps={steps}
        onChange={(notFound) => set({ notFound })}
      />
      <Target
        label={t("flowSteps.several")}
        value={value.several}
        steps={steps}
        onChange={(several) => set({ several })}
      />
      <Target
        label={t("flowSteps.notTold")}
        value={value.failed}
        steps={steps}
        onChange={(failed) => set({ failed })}
      />
    </>
  );
}
