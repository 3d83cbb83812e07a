import { ActionIcon, Button, Checkbox, Select, TextInput } from "@mantine/core";
import { IconArrowBackUp, IconArrowForwardUp, IconLock, IconLockOpen, IconSearch } from "@tabler/icons-react";
import { memo } from "react";
import { useNames } from "../../../api/names.ts";
import { useSkills } from "../../../api/staff.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { useStore } from "../../../store.ts";
import type { Draft } from "./draft.ts";
import classes from "./gantt.module.css";
import type { Day } from "./time.ts";
import type { People } from "./usePlanned.ts";
import { comma, dayText } from "./words.ts";

export interface Filter {
  /** A day alone; empty for the week. */
  day: string;
  text: string;
  skill: string;
  /** Number of a group of queues, as a text; empty for all. */
  group: string;
  /** A site's id, `OWN` for who goes by the company's clocks, empty for all. */
  site: string;
  wrong: boolean;
  byStart: boolean;
}

export const OWN = "company";
export const NO_FILTER: Filter = {
  day: "",
  text: "",
  skill: "",
  group: "",
  site: "",
  wrong: false,
  byStart: false,
};

interface Props {
  draft: Draft;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  week: readonly Day[];
  people: People;
  editable: boolean;
  shown: number;
  users: readonly string[];
}

/** What is shown, and steps back and forth. */
export const EditorTools = memo(function EditorTools({
  draft,
  filter,
  onFilter,
  week,
  people,
  editable,
  shown,
  users,
}: Props) {
  const t = useText();
  const language = useLanguage();
  const skills = useSkills().data ?? [];
  const names = useNames();
  const state = useStore(draft.store);
  const set = (change: Partial<Filter>) => onFilter({ ...filter, ...change });
  const groups = state.schedule.groups ?? [];
  const groupName = (at: number) =>
    [...new Set((groups[at]?.members ?? []).map((each) => names.queue(each.queueId)))].join(comma(language));
  const lockAll = (locked: boolean) => {
    const step = users.flatMap((userId) =>
      (state.bars.get(userId) ?? [])
        .filter((bar) => bar.locked !== locked && (!filter.day || bar.day === filter.day))
        .map((bar) => ({ userId, day: bar.day, before: bar, after: { ...bar, locked } })),
    );
    void draft.run(step);
  };
  return (
    <div className={classes.tools} data-testid="editor-tools">
      <Select
        className={classes.grow}
        size="xs"
        label={t("schedules.view")}
        allowDeselect={false}
        data={[
          { value: "", label: t("schedules.wholeWeek") },
          ...week.map(({ day }) => ({ value: day, label: dayText(day, language) })),
        ]}
        value={filter.day}
        onChange={(day) => set({ day: day ?? "" })}
        data-testid="editor-day"
      />
      <TextInput
        className={classes.grow}
        size="xs"
        label={t("schedules.agent")}
        leftSection={<IconSearch size={15} aria-hidden />}
        placeholder={t("schedules.find")}
        value={filter.text}
        onChange={({ currentTarget }) => set({ text: currentTarget.value })}
        data-testid="editor-find"
      />
      {skills.length > 0 && (
        <Select
          className={classes.grow}
          size="xs"
          label={t("schedules.skill")}
          clearable
          data={skills.map((each) => ({ value: each.skillId ?? "", label: each.displayName ?? "" }))}
          value={filter.skill || null}
          onChange={(skill) => set({ skill: skill ?? "" })}
          data-testid="editor-skill"
        />
      )}
      {groups.length > 1 && (
        <Select
          className={classes.grow}
          size="xs"
          label={t("schedules.group")}
          clearable
          placeholder={t("schedules.allGroups")}
          data={groups.map((_, at) => ({ value: String(at), label: groupName(at) }))}
          value={filter.group || null}
          onChange={(group) => set({ group: group ?? "" })}
          data-testid="editor-group"
        />
      )}
      {people.sites.length > 0 && (
        <Select
          className={classes.grow}
          size="xs"
          label={t("schedules.site")}
          clearable
          placeholder={t("schedules.allSites")}
          data={[
            { value: OWN, label: t("schedules.noSite") },
            ...people.sites.map((each) => ({ value: each.siteId ?? "", label: each.displayName ?? "" })),
          ]}
          value={filter.site || null}
          onChange={(site) => set({ site: site ?? "" })}
          data-testid="editor-site"
        />
      )}
      <Checkbox
        size="xs"
        label={t("schedules.onlyWrong")}
        checked={filter.wrong}
        pb={6}
        onChange={({ currentTarget }) => set({ wrong: currentTarget.checked })}
        data-testid="editor-wrong"
      />
      <Checkbox
        size="xs"
        label={t("schedules.byStart")}
        checked={filter.byStart}
        pb={6}
        onChange={({ currentTarget }) => set({ byStart: currentTarget.checked })}
      />
      <span className={classes.quiet} style={{ paddingBlockEnd: 5 }} data-testid="editor-shown">
        {t("schedules.shown", {
          shown: formatNumber(shown, language),
          all: formatNumber(people.planned.size, language),
        })}
      </span>
      {editable && (
        <div className={classes.actions} style={{ marginInlineStart: "auto" }}>
          <ActionIcon
            variant="default"
            size={30}
            className="m-flip"
            aria-label={t("schedules.undo")}
            disabled={state.undo.length === 0}
            onClick={() => void draft.undo()}
            data-testid="editor-undo"
          >
            <IconArrowBackUp size={18} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="default"
            size={30}
            className="m-flip"
            aria-label={t("schedules.redo")}
            disabled={state.redo.length === 0}
            onClick={() => void draft.redo()}
            data-testid="editor-redo"
          >
            <IconArrowForwardUp size={18} aria-hidden />
          </ActionIcon>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconLock size={15} aria-hidden />}
            onClick={() => lockAll(true)}
            data-testid="editor-lock-all"
          >
            {t("schedules.lockShown")}
          </Button>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconLockOpen size={15} aria-hidden />}
            onClick={() => lockAll(false)}
          >
            {t("schedules.unlockShown")}
          </Button>
        </div>
      )}
    </div>
  );
});
