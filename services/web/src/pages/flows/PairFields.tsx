import { Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { same } from "./canvas/history.ts";

interface Props {
  label: string;
  names: readonly [string, string];
  pairs: Record<string, string>;
  onChange: (pairs: Record<string, string>) => void;
}

const fromRows = (rows: [string, string][]) => Object.fromEntries(rows.filter(([key]) => key !== ""));

/** A map as rows of two texts. Rows are kept here while they are typed, since a map can't hold an empty key twice. */
export function PairFields({ label, names, pairs, onChange }: Props) {
  const t = useText();
  const [rows, setRows] = useState<[string, string][]>(Object.entries(pairs));
  // What was undone is not what these rows say.
  if (!same(fromRows(rows), pairs)) setRows(Object.entries(pairs));
  const update = (next: [string, string][]) => {
    setRows(next);
    onChange(fromRows(next));
  };
  const replace = (index: number, side: 0 | 1, text: string) =>
    update(
      rows.map((row, at) => {
        if (at !== index) return row;
        return side === 0 ? [text, row[1]] : [row[0], text];
      }),
    );
  return (
    <Stack gap={8} role="group" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no id, and both their texts are being typed
        <Group key={index} gap={8} wrap="nowrap">
          {([0, 1] as const).map((side) => (
            <TextInput
              key={side}
              dir="ltr"
              style={{ flex: 1 }}
              aria-label={names[side]}
              placeholder={names[side]}
              value={row[side]}
              onChange={(event) => replace(index, side, event.currentTarget.value)}
            />
          ))}
          <RemoveLine onClick={() => update(rows.filter((_, at) => at !== index))} />
        </Group>
      ))}
      <AddLine label={t("common.add")} onClick={() => update([...rows, ["", ""]])} />
    </Stack>
  );
}
