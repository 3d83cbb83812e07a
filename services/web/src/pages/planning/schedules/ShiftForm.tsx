import { Checkbox, Group, Stack } from "@mantine/core";
import { useState } from "react";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { Note } from "../../../ui/Note.tsx";
import { AddLine, RemoveLine } from "../../../ui/RowActions.tsx";
import { changing, type Draft } from "./draft.ts";
import type { Bar } from "./shifts.ts";
import { atMinute, type Day, wallOf } from "./time.ts";
import { clockText, minuteIn, onQuarter } from "./words.ts";

interface Line {
  id: number;
  from: string;
  to: string;
  paid: boolean;
}

interface Props {
  bar: Bar | undefined;
  userId: string;
  day: Day;
  zone: string;
  title: string;
  draft: Draft;
  place: (bar: Bar) => Bar;
  onClose: () => void;
}

const QUARTER_STEP = 900;

/** A shift by its times, for fingers and for who knows them. */
export function ShiftForm({ bar, userId, day, zone, title, draft, place, onClose }: Props) {
  const t = useText();
  const clock = (at: number) => clockText(wallOf(at, zone).minute);
  const [from, setFrom] = useState(bar ? clock(bar.start) : "09:00");
  const [to, setTo] = useState(bar ? clock(bar.end) : "17:30");
  const [wrong, setWrong] = useState(false);
  const [lines, setLines] = useState<Line[]>(() =>
    (bar?.rests ?? []).map((each, id) => ({
      id,
      from: clock(each.start),
      to: clock(each.end),
      paid: each.paid,
    })),
  );
  const change = (line: Line, to: Partial<Line> | undefined) =>
    setLines((now) => now.flatMap((each) => (each !== line ? [each] : to ? [{ ...each, ...to }] : [])));
  const save = async () => {
    const made = read(userId, day, zone, from, to, lines);
    setWrong(made === undefined);
    if (!made) return false;
    await draft.run(changing(bar, place({ ...made, patternId: bar?.patternId ?? "" })));
    return true;
  };
  const time = (label: string, value: string, set: (value: string) => void, testId?: string) => (
    <TextField
      type="time"
      required
      step={QUARTER_STEP}
      label={label}
      value={value}
      onChange={({ currentTarget }) => set(currentTarget.value)}
      data-testid={testId}
    />
  );
  return (
    <FormModal title={title} onClose={onClose} onSave={save} testId="shift-form">
      <Group gap="sm" align="flex-end">
        {time(t("admin.hours.from"), from, setFrom, "shift-from")}
        {time(t("admin.hours.to"), to, setTo, "shift-to")}
      </Group>
      <Stack gap={6} role="group" aria-label={t("schedules.breaks")}>
        {lines.map((line) => (
          <Group key={line.id} gap="sm" align="flex-end">
            {time(t("schedules.breakFrom"), line.from, (value) => change(line, { from: value }))}
            {time(t("admin.hours.to"), line.to, (value) => change(line, { to: value }))}
            <Checkbox
              label={t("schedules.paid")}
              checked={line.paid}
              pb={8}
              onChange={({ currentTarget }) => change(line, { paid: currentTarget.checked })}
            />
            <RemoveLine onClick={() => change(line, undefined)} size="lg" />
          </Group>
        ))}
      </Stack>
      <AddLine
        label={t("schedules.breakAdd")}
        disabled={lines.length >= 6}
        onClick={() =>
          setLines((now) => [
            ...now,
            { id: Math.max(0, ...now.map(({ id }) => id + 1)), from: "12:00", to: "12:30", paid: false },
          ])
        }
      />
      {wrong && (
        <Note tone="bad" live>
          {t("problem.SHIFT_INVALID")}
        </Note>
      )}
    </FormModal>
  );
}

/** The shift that is written, times before its start being of the day after; undefined when it can't be one. */
function read(
  userId: string,
  day: Day,
  zone: string,
  from: string,
  to: string,
  lines: readonly Line[],
): Bar | undefined {
  const first = minuteIn(from);
  const last = minuteIn(to);
  if (first === undefined || last === undefined) return undefined;
  const at = (minute: number) => onQuarter(atMinute(day.day, minute + (minute < first ? 1440 : 0), zone));
  const start = at(first);
  const end = last === first ? start : at(last);
  const rests = lines
    .map((line) => ({ from: minuteIn(line.from), to: minuteIn(line.to), paid: line.paid }))
    .map((line) => ({ start: at(line.from ?? first), end: at(line.to ?? first), paid: line.paid }))
    .sort((a, b) => a.start - b.start);
  const edges = [start, ...rests.flatMap((each) => [each.start, each.end]), end];
  const fine =
    edges.every((each, place) => place === 0 || (edges[place - 1] ?? 0) <= each) &&
    rests.every((each) => each.start < each.end) &&
    end - start >= 3_600_000 &&
    end - start <= 16 * 3_600_000;
  return fine
    ? { userId, day: day.day, start, end, rests, work: [], patternId: "", locked: true }
    : undefined;
}
