import { Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { IconStars } from "@tabler/icons-react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { useLocked } from "../../api/plan.ts";
import { useSkills } from "../../api/staff.ts";
import type { Skill, SkillLevel } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FeatureLocked } from "../../ui/FeatureLocked.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { AddLine, RemoveLine } from "../../ui/RowActions.tsx";
import { NamedList } from "./NamedList.tsx";

export function SkillsTab() {
  const t = useText();
  const refresh = useRefresh("skills", "skillList");
  const locked = useLocked("skills");
  const add = async (displayName: string) => {
    await ask(api.POST("/v1/skills", { body: { requestId: newRequestId(), skill: { displayName } } }));
    await refresh();
  };
  const remove = async (skillId: string) => {
    await ask(api.DELETE("/v1/skills/{skillId}", { params: { path: { skillId } } }));
    await refresh();
  };
  return (
    <NamedList<Skill>
      noun="skill"
      title={t("admin.skills")}
      lead={t("admin.skills.lead")}
      queryKey={["skillList"]}
      read={async (pageToken) => {
        const answer = await ask(api.GET("/v1/skills", { params: { query: { pageToken } } }));
        return { rows: answer.skills ?? [], next: answer.nextPageToken ?? "" };
      }}
      icon={IconStars}
      emptyTitle={t("admin.skills.none")}
      emptyBody={t("admin.skills.noneBody")}
      note={locked && <FeatureLocked feature="skills" />}
      addLabel={locked === false && t("admin.skills.add")}
      deleteBody={t("admin.skills.deleteBody")}
      idOf={(row) => row.skillId}
      onAdd={add}
      onDelete={remove}
    />
  );
}

interface LevelsProps {
  label: string;
  levels: readonly SkillLevel[];
  onChange: (levels: SkillLevel[]) => void;
}

/** Skills with proficiency 1 to 5: asked for by a queue, or held by an agent. Without the feature they can only go. */
export function SkillLevels({ label, levels, onChange }: LevelsProps) {
  const t = useText();
  const skills = useSkills().data ?? [];
  const locked = useLocked("skills");
  const taken = levels.map((level) => level.skillId);
  const free = skills.find((skill) => !taken.includes(skill.skillId ?? ""));
  const replace = (index: number, level: SkillLevel) =>
    onChange(levels.map((old, at) => (at === index ? level : old)));
  return (
    <Stack gap={6} role="group" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {levels.map((level, index) => (
        <Group key={level.skillId} gap={8} wrap="nowrap">
          <Select
            aria-label={label}
            style={{ flex: 1 }}
            disabled={locked !== false}
            data={skills.map((skill) => ({
              value: skill.skillId ?? "",
              label: skill.displayName ?? "",
              disabled: skill.skillId !== level.skillId && taken.includes(skill.skillId ?? ""),
            }))}
            value={level.skillId ?? null}
            onChange={(skillId) => replace(index, { skillId: skillId ?? "", proficiency: level.proficiency })}
          />
          <NumberInput
            aria-label={t("admin.skills.proficiency")}
            w={90}
            disabled={locked !== false}
            min={1}
            max={5}
            value={level.proficiency ?? 1}
            onChange={(value) => replace(index, { skillId: level.skillId, proficiency: Number(value) })}
          />
          <RemoveLine onClick={() => onChange(levels.filter((_, at) => at !== index))} />
        </Group>
      ))}
      {locked ? (
        <FeatureLocked feature="skills" />
      ) : (
        <AddLine
          label={skills.length === 0 ? t("admin.skills.none") : t("admin.skills.addLevel")}
          disabled={!free || locked !== false}
          onClick={() => free && onChange([...levels, { skillId: free.skillId ?? "", proficiency: 1 }])}
        />
      )}
    </Stack>
  );
}
