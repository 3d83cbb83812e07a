import { NumberInput, type NumberInputProps } from "@mantine/core";
import { useComplaint } from "../../../ui/Form.tsx";
import type { Typed } from "./plan.ts";

interface Props extends Omit<NumberInputProps, "onChange" | "value"> {
  value: Typed;
  onChange: (value: Typed) => void;
}

/** A number that has to be there, but where `required` is false. */
export function NumberField({ required = true, value, ...props }: Props) {
  // Zero is an answer too, so it is looked at as a text.
  const complaint = useComplaint({ required, value: String(value), error: props.error });
  return <NumberInput {...props} {...complaint} value={value} required={required} withAsterisk={false} />;
}
