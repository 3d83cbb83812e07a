import { Group, Input, NumberInput, Select } from "@mantine/core";
import { type ReactNode, useId, useState } from "react";
import { useText } from "../../../i18n/index.ts";

const UNITS = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 } as const;
type Unit = keyof typeof UNITS;

/** The largest unit that says a length without a fraction. */
export function unitOf(seconds: number): Unit {
  const fitting = (["days", "hours", "minutes"] as const).find(
    (unit) => seconds > 0 && seconds % UNITS[unit] === 0,
  );
  return fitting ?? "seconds";
}

interface Props {
  label: string;
  description?: string;
  seconds: number;
  onChange: (seconds: number) => void;
  units?: readonly Unit[];
  error?: ReactNode;
  testId?: string;
}

/** A length of time as a number and its unit. */
export function LengthField(props: Props) {
  const t = useText();
  const id = useId();
  const { label, seconds, units = ["seconds", "minutes", "hours"] } = props;
  const [unit, setUnit] = useState<Unit>(() => unitOf(seconds));
  return (
    <Input.Wrapper id={id} label={label} description={props.description} error={props.error}>
      <Group gap={6} wrap="nowrap">
        <NumberInput
          id={id}
          style={{ flex: 1, minWidth: 70 }}
          min={0}
          decimalScale={2}
          error={Boolean(props.error)}
          value={seconds / UNITS[unit]}
          onChange={(value) => props.onChange(Math.round(Number(value) * UNITS[unit]))}
          data-testid={props.testId}
        />
        <Select
          w={112}
          aria-label={t("rules.unitOf", { label })}
          data={units.map((each) => ({ value: each, label: t(`lengthUnit.${each}`) }))}
          value={unit}
          onChange={(next) => {
            const chosen = (next ?? "seconds") as Unit;
            props.onChange(Math.round((seconds / UNITS[unit]) * UNITS[chosen]));
            setUnit(chosen);
          }}
          data-testid={props.testId && `${props.testId}-unit`}
        />
      </Group>
    </Input.Wrapper>
  );
}
