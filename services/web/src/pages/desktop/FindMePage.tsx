import { Select, Stack } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { optionsOf, useUsers } from "../../api/names.ts";
import type { FindMe } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { mayEnter } from "../../session/roles.ts";
import { useSession } from "../../session/session.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { FindMeForm } from "./FindMeForm.tsx";

/** Where calls ring besides the desk: one's own, and for supervisors anybody's. */
export default function FindMePage() {
  const t = useText();
  const session = useSession();
  const queries = useQueryClient();
  const user = session.status === "signedIn" ? session.user : undefined;
  const supervises = mayEnter(user?.role, "watch");
  const users = useUsers(supervises).data ?? [];
  const own = user?.userId ?? "";
  const [chosen, setChosen] = useState("");
  const agentId = chosen && chosen !== own ? chosen : "";
  const queryKey = ["findMe", agentId];
  const { data, error, refetch } = useQuery({
    queryKey,
    queryFn: (): Promise<FindMe> =>
      agentId
        ? ask(api.GET("/v1/agents/{agentId}/find-me", { params: { path: { agentId } } }))
        : ask(api.GET("/v1/find-me")),
  });
  const save = async (findMe: FindMe) => {
    const body = { findMe: { ...findMe, agentId }, version: data?.version };
    const path = { "findMe.agentId": agentId };
    queries.setQueryData(
      queryKey,
      agentId
        ? await ask(api.PATCH("/v1/agents/{findMe.agentId}/find-me", { params: { path }, body }))
        : await ask(api.PATCH("/v1/find-me", { body })),
    );
  };
  const active = users.filter((each) => each.state !== "USER_STATE_DISABLED" && each.userId !== own);
  return (
    <>
      <PageHeader title={t("nav.findMe")} subtitle={t("findMe.lead")} />
      <Stack gap="lg" maw={760}>
        {supervises && (
          <Select
            label={t("findMe.whose")}
            data={[{ value: own, label: t("findMe.me") }, ...optionsOf(active, "userId")]}
            searchable
            allowDeselect={false}
            value={chosen || own}
            onChange={(value) => setChosen(value ?? "")}
            data-testid="find-me-whose"
          />
        )}
        {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
        {!data && !error && <Loading />}
        {data && (
          <Panel label={t("nav.findMe")}>
            <FindMeForm
              key={`${agentId} ${data.version}`}
              setting={data}
              agentId={agentId || own}
              mine={!agentId}
              onSave={save}
            />
          </Panel>
        )}
      </Stack>
    </>
  );
}
