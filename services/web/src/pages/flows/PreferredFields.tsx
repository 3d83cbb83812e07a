import { NumberInput, Select, TextInput } from "@mantine/core";
import { useText } from "../../i18n/index.ts";
import { type FieldsProps, Target } from "./StepFields.tsx";

/** Who should have a caller first, and where they go when nobody could take them or nobody answers. */
export function PreferredFields({ value, set, steps }: FieldsProps<"queue">) {
  const t = useText();
  return (
    <>
      <Select
        label={t("flowSteps.preferred")}
        data={[
          { value: "", label: t("flowSteps.preferred.anybody") },
          { value: "last_agent", label: t("flowSteps.preferred.last_agent") },
          { value: "account_owner", label: t("flowSteps.preferred.account_owner") },
          { value: "attribute", label: t("flowSteps.preferred.attribute") },
        ]}
        allowDeselect={false}
        value={value.preferred ?? ""}
        onChange={(preferred) =>
          set({
            preferred: preferred ?? "",
            ...(preferred === "attribute" ? {} : { preferredAttribute: "" }),
          })
        }
        data-testid="queue-preferred"
      />
      {value.preferred === "attribute" && (
        <TextInput
          label={t("flowSteps.preferredAttribute")}
          dir="ltr"
          value={value.preferredAttribute ?? ""}
          onChange={(event) => set({ preferredAttribute: event.currentTarget.value })}
        />
      )}
      <Target
        label={t("flowSteps.nobodyThere")}
        value={value.noMatch}
        steps={steps}
        nowhere={t("flows.waitsOn")}
        onChange={(noMatch) => set({ noMatch })}
      />
      <Target
        label={t("flowSteps.noAnswer")}
        value={value.noAnswer}
        steps={steps}
        nowhere={t("flows.waitsOn")}
        onChange={(noAnswer) => set({ noAnswer, ...(noAnswer ? {} : { mostOffers: 0 }) })}
      />
      {value.noAnswer && (
        <NumberInput
          label={t("flowSteps.mostOffers")}
          min={1}
          max={20}
          allowDecimal={false}
          value={value.mostOffers || 3}
          onChange={(mostOffers) => set({ mostOffers: Number(mostOffers) })}
        />
      )}
    </>
  );
}
