import { Button } from "@mantine/core";
import { IconArrowsHorizontal, IconClockEdit, IconLock, IconLockOpen, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { ScheduleViolation } from "../../../api/types.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import type { Draft } from "./draft.ts";
import classes from "./gantt.module.css";
import { ShiftForm } from "./ShiftForm.tsx";
import { type Bar, workedMinutes } from "./shifts.ts";
import type { Day } from "./time.ts";
import type { useEditing } from "./useEditing.ts";
import { barText, dayText, lengthText, ruleText } from "./words.ts";

interface Props {
  editing: ReturnType<typeof useEditing>;
  draft: Draft;
  place: (bar: Bar) => Bar;
  editable: boolean;
  nameOf: (userId: string) => string;
  broken: readonly ScheduleViolation[];
  /** Whose clocks the agent goes by. */
  zone: string;
  /** Whether these are others than the picture's. */
  elsewhere: boolean;
  week: readonly Day[];
}

/** The shift that is chosen in words, what is wrong with it, and what can be done with it. */
export function ShiftFacts({
  editing,
  draft,
  place,
  editable,
  nameOf,
  broken,
  zone,
  elsewhere,
  week,
}: Props) {
  const t = useText();
  const language = useLanguage();
  const [writing, setWriting] = useState(false);
  const { active, moving } = editing;
  if (!active) return null;
  const bar: Bar | undefined = moving?.bar ?? editing.bar;
  const wrong = moving ? (editing.wrong ?? []) : broken;
  const day = week.find((each) => each.day === active.day);
  return (
    <section aria-label={t("schedules.chosen")} data-testid="shift-facts">
      <div className={classes.facts}>
        <div>
          <p>
            <strong>
              <bdi>{nameOf(active.userId)}</bdi>
            </strong>{" "}
            · {dayText(moving?.bar.day ?? active.day, language)}
          </p>
          <p data-testid="shift-says">
            {bar
              ? `${barText(bar, zone, language, t)} · ${t("schedules.work", {
                  time: lengthText(workedMinutes(bar), language, t),
                })}`
              : t("schedules.free")}
          </p>
          {elsewhere && (
            <p className={classes.quiet} data-testid="shift-zone">
              {t("schedules.zone", { zone: `\u2066${zone}\u2069` })}
            </p>
          )}
          {wrong.length > 0 && (
            <ul className={classes.wrong} data-testid="shift-wrong">
              {wrong.map((each) => (
                <li key={`${each.day}${each.rule}`}>{ruleText(each, language, t)}</li>
              ))}
            </ul>
          )}
        </div>
        {editable && (
          <div className={classes.actions}>
            {moving ? (
              <>
                <Button size="xs" onClick={editing.keep} data-testid="shift-keep">
                  {t("schedules.keep")}
                </Button>
                <Button size="xs" variant="default" onClick={editing.drop}>
                  {t("common.cancel")}
                </Button>
              </>
            ) : (
              <>
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconArrowsHorizontal size={15} aria-hidden />}
                  onClick={() => {
                    editing.begin();
                    document.querySelector<HTMLElement>("[data-testid=gantt]")?.focus();
                  }}
                >
                  {t(bar ? "schedules.move" : "schedules.addShift")}
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconClockEdit size={15} aria-hidden />}
                  onClick={() => setWriting(true)}
                  data-testid="shift-edit"
                >
                  {t("schedules.times")}
                </Button>
                {editing.bar && (
                  <>
                    <Button
                      size="xs"
                      variant="default"
                      leftSection={
                        editing.bar.locked ? (
                          <IconLockOpen size={15} aria-hidden />
                        ) : (
                          <IconLock size={15} aria-hidden />
                        )
                      }
                      onClick={editing.lock}
                      data-testid="shift-lock"
                    >
                      {t(editing.bar.locked ? "schedules.unlock" : "schedules.lock")}
                    </Button>
                    <Button
                      size="xs"
                      variant="default"
                      leftSection={<IconTrash size={15} aria-hidden />}
                      onClick={editing.remove}
                      data-testid="shift-remove"
                    >
                      {t("common.remove")}
                    </Button>
                  </>
                )}
              </>
            )}
          </div>
        )}
      </div>
      {writing && day && (
        <ShiftForm
          bar={editing.bar}
          userId={active.userId}
          day={day}
          zone={zone}
          title={`${nameOf(active.userId)} · ${dayText(active.day, language)}`}
          draft={draft}
          place={place}
          onClose={() => setWriting(false)}
        />
      )}
    </section>
  );
}
