import { Button } from "@mantine/core";
import { IconRoute } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Trunk } from "../../api/types.ts";
import { formatMoney, formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Note, Tag, type Tone } from "../../ui/Note.tsx";
import { TrunkForm } from "./TrunkForm.tsx";
import { TrunkTest } from "./TrunkTest.tsx";
import { wordsOf } from "./trunkText.ts";

const TONES: Record<string, Tone> = {
  HEALTH_STATE_UP: "good",
  HEALTH_STATE_DOWN: "bad",
  HEALTH_STATE_UNKNOWN: "neutral",
};
const LOOK_MS = 15_000;

export default function TrunksPage() {
  const t = useText();
  const refresh = useRefresh("trunks", "trunkHealth");
  const [editing, setEditing] = useState<Trunk>();
  const [testing, setTesting] = useState<Trunk>();
  const [shared, setShared] = useState(0);
  const remove = async (trunkId: string) => {
    await ask(api.DELETE("/v1/trunks/{trunkId}", { params: { path: { trunkId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Trunk>
        noun="trunk"
        title={t("nav.trunks")}
        lead={t("trunks.lead")}
        queryKey={["trunks"]}
        icon={IconRoute}
        emptyTitle={t("trunks.none")}
        emptyBody={t("trunks.noneBody")}
        note={
          shared > 0 && (
            <div style={{ marginBlockEnd: 16 }}>
              <Note testId="trunks-shared">{t("trunks.shared", { count: shared })}</Note>
            </div>
          )
        }
        add={{ label: t("trunks.add"), onClick: () => setEditing({ enabled: true }) }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/trunks", { params: { query: { pageToken } } }));
          setShared(answer.sharedTrunkCount ?? 0);
          return { rows: answer.trunks ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.trunkId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        remove={{ run: remove, body: t("trunks.deleteBody") }}
        columns={[
          {
            head: t("trunks.name"),
            cell: (row) => (
              <>
                <bdi>{row.displayName}</bdi> {!row.enabled && <Tag tone="warn">{t("trunks.disabled")}</Tag>}
              </>
            ),
          },
          {
            head: t("trunks.gateways"),
            cell: (row) =>
              (row.gateways ?? []).map((gateway) => (
                <div key={gateway.gatewayId}>
                  <span className="m-ltr">{addressOf(gateway.host, gateway.port)}</span>
                </div>
              )),
          },
          { head: t("trunks.state"), cell: (row) => <Health trunk={row} /> },
          {
            head: t("trunks.test.head"),
            quiet: true,
            cell: (row) => (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`${t("trunks.test.open")}: ${row.displayName ?? ""}`}
                onClick={() => setTesting(row)}
                data-testid={`trunk-${row.trunkId}-test`}
              >
                {t("trunks.test.open")}
              </Button>
            ),
          },
        ]}
      />
      {testing && <TrunkTest trunk={testing} onClose={() => setTesting(undefined)} />}
      {editing && <TrunkForm trunk={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
    </>
  );
}

/** Whether the carrier answers, and what goes through now. Looked at again and again while the page is open. */
function Health({ trunk }: { trunk: Trunk }) {
  const t = useText();
  const language = useLanguage();
  const { data } = useQuery({
    queryKey: ["trunkHealth", trunk.trunkId],
    queryFn: () =>
      ask(api.GET("/v1/trunks/{trunkId}/health", { params: { path: { trunkId: trunk.trunkId ?? "" } } })),
    refetchInterval: LOOK_MS,
  });
  if (!data) return <Tag>…</Tag>;
  const state = data.state ?? "HEALTH_STATE_UNKNOWN";
  const wrong = (data.gateways ?? []).filter((each) => each.problem);
  const hostOf = (id: string | undefined) =>
    trunk.gateways?.find((each) => each.gatewayId === id)?.host ?? "";
  const spent = data.spentToday;
  return (
    <div data-testid={`trunk-${trunk.trunkId}-health`} data-state={state}>
      <Tag tone={TONES[state] ?? "neutral"} dot>
        {textOr("trunks.state", state)}
      </Tag>
      <div style={{ color: "var(--m-muted)", fontSize: "0.85rem" }}>
        {t("trunks.now", { calls: data.concurrentCalls ?? 0 })}
        {spent?.amount && Number(spent.amount) > 0 && (
          <>
            {" · "}
            {t("trunks.spentToday", {
              amount: formatMoney(spent.amount, spent.currency ?? "", language),
            })}
          </>
        )}
      </div>
      {wrong.map((each) => (
        <div key={each.gatewayId} style={{ fontSize: "0.85rem" }}>
          <span className="m-ltr">{hostOf(each.gatewayId)}</span>:{" "}
          {wordsOf(textOr("trunks.problem", each.problem ?? ""), each.problem ?? "")}
          {each.status ? ` (${formatNumber(each.status, language)})` : ""}
        </div>
      ))}
      {data.passwordLost && <Tag tone="bad">{t("trunks.passwordLost")}</Tag>}
    </div>
  );
}

function addressOf(host = "", port = 0): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
