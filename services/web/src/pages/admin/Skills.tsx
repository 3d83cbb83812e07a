import { ActionIcon, Button, Group, NumberInput, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconPlus, IconStars, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { useLocked } from "../../api/plan.ts";
import type { Skill, SkillLevel } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { FeatureLocked } from "../../ui/FeatureLocked.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { DateTime } from "../../ui/Time.tsx";

export function useSkills() {
  return useQuery({
    queryKey: ["skills"],
    queryFn: async (): Promise<Skill[]> =>
      (await ask(api.GET("/v1/skills", { params: { query: { pageSize: 200 } } }))).skills ?? [],
  });
}

export function SkillsTab() {
  const t = useText();
  const refresh = useRefresh("skills", "skillList");
  const locked = useLocked("skills");
  const [name, setName] = useState<string>();
  const [deleting, setDeleting] = useState<Skill>();
  const save = async () => {
    await ask(
      api.POST("/v1/skills", { body: { requestId: newRequestId(), skill: { displayName: name ?? "" } } }),
    );
    await refresh();
  };
  const remove = async (skillId: string) => {
    await ask(api.DELETE("/v1/skills/{skillId}", { params: { path: { skillId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Skill>
        title={t("admin.skills")}
        lead={t("admin.skills.lead")}
        queryKey={["skillList"]}
        icon={IconStars}
        emptyTitle={t("admin.skills.none")}
        emptyBody={t("admin.skills.noneBody")}
        note={locked && <FeatureLocked feature="skills" />}
        add={
          locked === false && {
            label: t("admin.skills.add"),
            onClick: () => setName(""),
            testId: "skill-add",
          }
        }
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/skills", { params: { query: { pageToken } } }));
          return { rows: answer.skills ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Tbody>
              {rows.map((skill) => (
                <Table.Tr key={skill.skillId}>
                  <Table.Td>
                    <bdi>{skill.displayName}</bdi>
                  </Table.Td>
                  <Table.Td>
                    <DateTime value={skill.createTime} />
                  </Table.Td>
                  <Table.Td>
                    <RowActions
                      name={skill.displayName ?? ""}
                      testId={`skill-${skill.skillId}`}
                      onDelete={() => setDeleting(skill)}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {name !== undefined && (
        <FormModal
          title={t("admin.skills.add")}
          onClose={() => setName(undefined)}
          onSave={save}
          testId="skill"
        >
          <TextInput
            label={t("common.name")}
            required
            data-autofocus
            maxLength={120}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="skill-name"
          />
        </FormModal>
      )}
      <Confirm
        opened={deleting !== undefined}
        title={t("admin.delete.title", { name: deleting?.displayName ?? "" })}
        body={t("admin.skills.deleteBody")}
        confirm={t("common.delete")}
        onClose={() => setDeleting(undefined)}
        onConfirm={() => remove(deleting?.skillId ?? "")}
      />
    </>
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
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("common.remove")}
            onClick={() => onChange(levels.filter((_, at) => at !== index))}
          >
            <IconTrash size={17} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {locked ? (
        <FeatureLocked feature="skills" />
      ) : (
        <div>
          <Button
            size="compact-sm"
            variant="subtle"
            disabled={!free || locked !== false}
            leftSection={<IconPlus size={15} aria-hidden />}
            onClick={() => free && onChange([...levels, { skillId: free.skillId ?? "", proficiency: 1 }])}
          >
            {skills.length === 0 ? t("admin.skills.none") : t("admin.skills.addLevel")}
          </Button>
        </div>
      )}
    </Stack>
  );
}
