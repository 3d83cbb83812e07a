import { MultiSelect, NumberInput, Select, Switch } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { optionsOf, useQueues } from "../../api/names.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Agent, Role, SkillLevel, User } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { LanguageSelect, TextField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { CapacityFields } from "./CapacityFields.tsx";
import { SkillLevels } from "./Skills.tsx";

export const ROLES: readonly Role[] = ["ROLE_AGENT", "ROLE_SUPERVISOR", "ROLE_ADMIN", "ROLE_OWNER"];

/** A person's name, role and language (tenancy's), and as an agent their queues and skills (routing's). */
export function PersonForm({
  user,
  agent,
  onClose,
}: {
  user: User;
  agent: Agent | undefined;
  onClose: () => void;
}) {
  const t = useText();
  const refresh = useRefresh("users", "userList", "agents");
  const queues = useQueues().data ?? [];
  const [name, setName] = useState(user.displayName ?? "");
  const [role, setRole] = useState<Role>(user.role ?? "ROLE_AGENT");
  const [language, setLanguage] = useState(user.language ?? "en");
  const [active, setActive] = useState(user.state !== "USER_STATE_DISABLED");
  const [queueIds, setQueueIds] = useState(agent?.queueIds ?? []);
  const [skills, setSkills] = useState<SkillLevel[]>(agent?.skills ?? []);
  const [cost, setCost] = useState(agent?.cost ?? 0);
  const [capacities, setCapacities] = useState(agent?.capacities ?? []);
  const [autoAccept, setAutoAccept] = useState(agent?.autoAccept ?? false);
  const saveUser = () => {
    const userId = user.userId ?? "";
    const state = active ? ("USER_STATE_ACTIVE" as const) : ("USER_STATE_DISABLED" as const);
    const body = {
      user: { userId, displayName: name, role, language, state },
      updateMask: "displayName,role,language,state",
      version: user.version,
    };
    return ask(api.PATCH("/v1/users/{user.userId}", { params: { path: { "user.userId": userId } }, body }));
  };
  const saveAgent = () => {
    if (!agent?.agentId) return undefined;
    const body = {
      agent: { agentId: agent.agentId, queueIds, skills, cost, capacities, autoAccept },
      updateMask: "queueIds,skills,cost,capacities,autoAccept",
      version: "0", // an agent's version moves with every state change; these fields are only changed here
    };
    return ask(
      api.PATCH("/v1/agents/{agent.agentId}", { params: { path: { "agent.agentId": agent.agentId } }, body }),
    );
  };
  const save = async () => {
    await saveUser();
    await saveAgent();
    await refresh();
  };
  return (
    <FormModal title={user.displayName ?? ""} onClose={onClose} onSave={save} size="lg" testId="person">
      {(problem) => (
        <>
          <TextField
            label={t("common.name")}
            required
            data-autofocus
            maxLength={120}
            value={name}
            error={fieldProblem(problem, "displayName")}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Select
            label={t("admin.people.role")}
            data={ROLES.map((each) => ({ value: each, label: t(`role.${each}` as "role.ROLE_AGENT") }))}
            value={role}
            onChange={(value) => setRole((value ?? "ROLE_AGENT") as Role)}
          />
          <LanguageSelect value={language} onChange={setLanguage} />
          <Switch
            label={t("admin.people.active")}
            checked={active}
            onChange={(event) => setActive(event.currentTarget.checked)}
          />
          {agent && (
            <>
              <MultiSelect
                label={t("watch.queues")}
                description={t("admin.people.queuesHint")}
                data={optionsOf(queues, "queueId")}
                value={queueIds}
                onChange={setQueueIds}
              />
              <SkillLevels label={t("admin.skills")} levels={skills} onChange={setSkills} />
              <NumberInput
                label={t("admin.people.cost")}
                description={t("admin.people.costHint")}
                min={0}
                max={100}
                clampBehavior="strict"
                allowDecimal={false}
                value={cost}
                error={fieldProblem(problem, "cost")}
                onChange={(value) => setCost(Number(value))}
                data-testid="person-cost"
              />
              <Switch
                label={t("autoAccept")}
                description={t("autoAccept.agentHint")}
                checked={autoAccept}
                onChange={(event) => setAutoAccept(event.currentTarget.checked)}
                data-testid="person-auto-accept"
              />
              <CapacityFields capacities={capacities} onChange={setCapacities} />
            </>
          )}
        </>
      )}
    </FormModal>
  );
}
