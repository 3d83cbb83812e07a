import { Select } from "@mantine/core";
import { useText } from "../../i18n/index.ts";

interface Props {
  /** "0": the mean; "1": the upper quantile. */
  value: string;
  onChange: (next: string) => void;
}

/** How much of a forecast's spread to be ready for. */
export function CautionSelect({ value, onChange }: Props) {
  const t = useText();
  return (
    <Select
      label={t("planning.caution")}
      allowDeselect={false}
      data={[
        { value: "0", label: t("planning.cautionMean") },
        { value: "1", label: t("planning.cautionHigh") },
      ]}
      value={value}
      onChange={(next) => next && onChange(next)}
    />
  );
}
