import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { optionsOf } from "../../api/names.ts";
import { fieldProblem, type Problem } from "../../api/problem.ts";
import type { AnswerDetection, Prompt } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { mayEnter } from "../../session/roles.ts";
import { useSession } from "../../session/session.ts";

interface Props {
  value: AnswerDetection | undefined;
  problem: Problem | undefined;
  onChange: (value: AnswerDetection | undefined) => void;
}

/** What is to follow when a machine answers. Who may not read prompts can leave none. */
export function MachineFields({ value, problem, onChange }: Props) {
  const t = useText();
  const prompts = usePrompts();
  const action = value?.onMachine ?? "";
  const choose = (chosen: string | null) =>
    onChange(chosen ? { onMachine: chosen as AnswerDetection["onMachine"] } : undefined);
  return (
    <>
      <Select
        label={t("dial.machine")}
        data={[
          { value: "", label: t("dial.machineNothing") },
          { value: "MACHINE_ACTION_CONNECT", label: t("dial.machineConnect") },
          { value: "MACHINE_ACTION_HANG_UP", label: t("dial.machineHangUp") },
          ...(prompts.length > 0
            ? [{ value: "MACHINE_ACTION_LEAVE_MESSAGE", label: t("dial.machineLeave") }]
            : []),
        ]}
        allowDeselect={false}
        value={action}
        onChange={choose}
        data-testid="dial-machine"
      />
      {action === "MACHINE_ACTION_LEAVE_MESSAGE" && (
        <Select
          label={t("dial.message")}
          description={t("dial.messageHint")}
          required
          data={optionsOf(prompts, "promptId")}
          value={value?.messagePromptId || null}
          error={fieldProblem(problem, "messagePromptId")}
          onChange={(messagePromptId) => onChange({ ...value, messagePromptId: messagePromptId ?? "" })}
          data-testid="dial-message"
        />
      )}
    </>
  );
}

function usePrompts(): Prompt[] {
  const session = useSession();
  const may = session.status === "signedIn" && mayEnter(session.user.role, "watch");
  const { data } = useQuery({
    queryKey: ["prompts"],
    queryFn: async (): Promise<Prompt[]> =>
      (await ask(api.GET("/v1/prompts", { params: { query: { pageSize: 200 } } }))).prompts ?? [],
    enabled: may,
  });
  return data ?? [];
}
