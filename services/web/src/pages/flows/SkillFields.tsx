import { NumberInput, Select, Stack, Text } from "@mantine/core";
import { useSkills } from "../../api/staff.ts";
import { useText } from "../../i18n/index.ts";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import classes from "./flows.module.css";

interface Props {
  /** The least proficiency by skill. */
  skills: Readonly<Record<string, number>>;
  onChange: (skills: Record<string, number>) => void;
}

/** Skills asked for beyond the queue's own, each with the least proficiency. */
export function SkillFields({ skills, onChange }: Props) {
  const t = useText();
  const known = useSkills();
  const all = known.data ?? [];
  const rows = Object.entries(skills);
  const names = all.map((skill) => ({ value: skill.skillId ?? "", label: skill.displayName ?? "" }));
  const free = names.filter(({ value }) => !(value in skills));
  // A skill that was deleted stays to be seen, and to be taken away.
  const optionsFor = (id: string) =>
    names.some(({ value }) => value === id) ? names : [...names, { value: id, label: id }];
  const replace = (from: string, to: string, proficiency: number) =>
    onChange(Object.fromEntries(rows.map(([id, level]) => (id === from ? [to, proficiency] : [id, level]))));
  return (
    <Stack gap={8} role="group" aria-label={t("flowSteps.skills")}>
      <Text size="sm" fw={500}>
        {t("flowSteps.skills")}
      </Text>
      {known.isSuccess && all.length === 0 && rows.length === 0 && (
        <Text size="xs" c="dimmed">
          {t("flowSteps.noSkills")}
        </Text>
      )}
      {rows.map(([id, proficiency]) => (
        <div key={id} className={classes.skill}>
          <Select
            label={t("flowSteps.skill")}
            allowDeselect={false}
            data={optionsFor(id).filter(({ value }) => value === id || !(value in skills))}
            value={id}
            onChange={(next) => next && replace(id, next, proficiency)}
          />
          <NumberInput
            label={t("flowSteps.atLeast")}
            min={1}
            max={5}
            allowDecimal={false}
            value={proficiency}
            onChange={(level) => replace(id, id, Number(level))}
          />
          <RemoveLine
            size="lg"
            onClick={() => onChange(Object.fromEntries(rows.filter(([other]) => other !== id)))}
          />
        </div>
      ))}
      <AddLine
        label={t("flowSteps.addSkill")}
        disabled={free.length === 0}
        onClick={() => free[0] && onChange({ ...skills, [free[0].value]: 1 })}
        testId="add-skill"
      />
    </Stack>
  );
}
