import { Group, Select } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconGripVertical, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { Problem } from "../../../api/problem.ts";
import { useAgents } from "../../../api/staff.ts";
import type { ListLevel } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { lengthWords } from "../../../rules/words.ts";
import { announce } from "../../../ui/announce.tsx";
import { AddLine, IconAction } from "../../../ui/RowActions.tsx";
import { LengthField } from "./LengthField.tsx";
import { moved, neighbour, type Place, placeOf } from "./levels.ts";
import { saidWithin } from "./places.ts";
import classes from "./rules.module.css";

interface Props {
  levels: readonly ListLevel[];
  problem: Problem | undefined;
  onChange: (levels: ListLevel[]) => void;
}

/** Agents in the order they are offered contacts, level by level: dragged, or moved with the arrows. */
export function ListLevels({ levels, problem, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const agents = useAgents().data ?? [];
  const [dragged, setDragged] = useState<Place>();
  const number = (value: number) => formatNumber(value, language);
  const nameOf = (id: string) => agents.find((each) => each.agentId === id)?.displayName ?? id;
  const replace = (at: number, part: Partial<ListLevel>) =>
    onChange(levels.map((level, index) => (index === at ? { ...level, ...part } : level)));
  const move = (from: Place, to: Place | undefined) => {
    const agentId = levels[from.level]?.agentIds?.[from.index];
    if (!to || !agentId) return;
    const next = moved(levels, from, to);
    onChange(next);
    const place = placeOf(next, agentId);
    if (place) {
      const values = { level: number(place.level + 1), place: number(place.index + 1) };
      announce(t("rules.list.moved", { name: isolated(nameOf(agentId)), ...values }));
    }
  };
  const drop = (to: Place) => {
    if (dragged) move(dragged, to);
    setDragged(undefined);
  };
  const listed = new Set(levels.flatMap((level) => level.agentIds ?? []));
  const free = agents.filter((each) => !listed.has(each.agentId ?? ""));
  let passed = 0;
  return (
    <fieldset className={classes.part} data-testid="list-levels">
      <legend>{t("rules.list")}</legend>
      <p className={classes.lead}>{t("rules.list.lead")}</p>
      {levels.map((level, at) => {
        if (at > 0) passed += durationSeconds(levels[at - 1]?.wait);
        const values = { number: number(at + 1) };
        const from = at
          ? t("rules.list.after", { time: lengthWords(passed, t, language) })
          : t("rules.list.start");
        const said = saidWithin(problem, `rules.levels[${at}]`);
        const agentIds = level.agentIds ?? [];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a level is its number
          <div className={classes.card} key={at} data-testid={`level-${at}`}>
            <Group justify="space-between" wrap="nowrap">
              <h3>
                {t("rules.list.level", values)} <span className={classes.quiet}>{from}</span>
              </h3>
              {levels.length > 1 && (
                <IconAction
                  label={t("rules.list.removeLevel", values)}
                  icon={IconTrash}
                  onClick={() => onChange(levels.filter((_, index) => index !== at))}
                  testId={`level-${at}-remove`}
                />
              )}
            </Group>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is what the arrows do, too */}
            <div
              onDragOver={(event) => event.preventDefault()}
              onDrop={() => drop({ level: at, index: agentIds.length })}
            >
              {agentIds.length === 0 && <p className={classes.quiet}>{t("rules.list.nobody")}</p>}
              <ol className={classes.listed}>
                {agentIds.map((agentId, index) => (
                  <li
                    key={agentId}
                    draggable
                    onDragStart={() => setDragged({ level: at, index })}
                    onDragEnd={() => setDragged(undefined)}
                    onDragOver={(event) => event.preventDefault()}
                    onDrop={(event) => {
                      event.stopPropagation();
                      drop({ level: at, index });
                    }}
                    data-testid={`listed-${agentId}`}
                  >
                    <IconGripVertical size={16} aria-hidden className={classes.grip} />
                    <bdi>{nameOf(agentId)}</bdi>
                    <Arrows
                      name={nameOf(agentId)}
                      agentId={agentId}
                      up={neighbour(levels, { level: at, index }, -1)}
                      down={neighbour(levels, { level: at, index }, 1)}
                      onMove={(to) => move({ level: at, index }, to)}
                      onRemove={() => replace(at, { agentIds: agentIds.filter((each) => each !== agentId) })}
                    />
                  </li>
                ))}
              </ol>
            </div>
            <Select
              size="sm"
              searchable
              aria-label={t("rules.list.add", values)}
              placeholder={t("rules.list.add", values)}
              data={free.map((each) => ({ value: each.agentId ?? "", label: each.displayName ?? "" }))}
              value={null}
              onChange={(agentId) => agentId && replace(at, { agentIds: [...agentIds, agentId] })}
              data-testid={`level-${at}-add`}
            />
            {at + 1 < levels.length && (
              <LengthField
                label={t("rules.list.wait")}
                seconds={durationSeconds(level.wait)}
                onChange={(seconds) => replace(at, { wait: toDuration(seconds) })}
                testId={`level-${at}-wait`}
              />
            )}
            {said && <Said text={said} />}
          </div>
        );
      })}
      <AddLine
        label={t("rules.list.addLevel")}
        onClick={() => onChange([...levels, { agentIds: [], wait: "30s" }])}
        testId="level-add"
      />
    </fieldset>
  );
}

/** What the server has against it, at its place. */
export function Said({ text, testId = "said" }: { text: string; testId?: string }) {
  return (
    <p className={classes.said} data-testid={testId}>
      <bdi>{text}</bdi>
    </p>
  );
}

interface ArrowProps {
  name: string;
  agentId: string;
  up: Place | undefined;
  down: Place | undefined;
  onMove: (to: Place | undefined) => void;
  onRemove: () => void;
}

function Arrows({ name, agentId, up, down, onMove, onRemove }: ArrowProps) {
  const t = useText();
  const values = { name: isolated(name) };
  /** The button has gone elsewhere with its row: the focus follows, so that it can be pressed again. */
  const go = (to: Place | undefined, testId: string) => {
    onMove(to);
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(`[data-testid="${testId}"]:not(:disabled)`)?.focus(),
    );
  };
  return (
    <Group gap={0} wrap="nowrap" ms="auto">
      <IconAction
        label={t("rules.list.up", values)}
        icon={IconArrowUp}
        disabled={!up}
        onClick={() => go(up, `listed-${agentId}-up`)}
        testId={`listed-${agentId}-up`}
      />
      <IconAction
        label={t("rules.list.down", values)}
        icon={IconArrowDown}
        disabled={!down}
        onClick={() => go(down, `listed-${agentId}-down`)}
        testId={`listed-${agentId}-down`}
      />
      <IconAction label={t("rules.list.remove", values)} icon={IconTrash} onClick={onRemove} />
    </Group>
  );
}
