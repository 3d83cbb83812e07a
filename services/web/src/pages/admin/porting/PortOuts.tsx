import { Button, Group, Text, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { fieldProblem } from "../../../api/problem.ts";
import type { PortOut } from "../../../api/types.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { useSession } from "../../../session/session.ts";
import { toast } from "../../../ui/announce.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { HINT_BELOW, PasswordField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Note, Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DateTime } from "../../../ui/Time.tsx";

/** Other carriers' requests for the company's numbers, and the PIN that says yes to them. */
export function PortOuts() {
  const t = useText();
  const session = useSession();
  const owner = session.status === "signedIn" && session.user.role === "ROLE_OWNER";
  const refresh = useRefresh("portOuts", "numbers");
  const [asking, setAsking] = useState<{ out: PortOut; agree: boolean }>();
  const [settingPin, setSettingPin] = useState(false);
  const outs = useQuery({ queryKey: ["portOuts"], queryFn: () => ask(api.GET("/v1/portOuts")) });
  const rows = outs.data?.portOuts ?? [];
  return (
    <Panel label={t("portOut.title")} style={{ marginTop: 24 }}>
      <Group justify="space-between" mb="sm">
        <h2 style={{ fontSize: "1.05rem", margin: 0 }}>{t("portOut.title")}</h2>
        {owner && (
          <Button size="xs" variant="default" onClick={() => setSettingPin(true)} data-testid="port-out-pin">
            {t(outs.data?.pinSet ? "portOut.newPin" : "portOut.setPin")}
          </Button>
        )}
      </Group>
      <ProblemNote problem={outs.error} onRetry={() => void outs.refetch()} />
      {outs.data && !outs.data.pinSet && <Note tone="warn">{t("portOut.noPin")}</Note>}
      {rows.length === 0 ? (
        <Text c="dimmed">{t("portOut.none")}</Text>
      ) : (
        <DataTable
          label={t("portOut.title")}
          rows={rows}
          keyOf={(row) => row.portOutId ?? ""}
          testId={(row) => `port-out-${row.portOutId}`}
          columns={[
            {
              head: t("porting.numbers"),
              cell: (row) => <span className="m-ltr m-figures">{(row.numbers ?? []).join(", ")}</span>,
            },
            { head: t("portOut.carrier"), cell: (row) => <bdi>{row.gainingCarrier}</bdi> },
            {
              head: t("porting.state"),
              cell: (row) => (
                <Tag tone={row.state === "PORT_OUT_STATE_REQUESTED" ? "warn" : "neutral"}>
                  {textOr("portOutState", (row.state ?? "").replace("PORT_OUT_STATE_", ""))}
                </Tag>
              ),
            },
            { head: t("portOut.until"), cell: (row) => <DateTime value={row.answerUntilTime} /> },
            {
              head: t("common.actions"),
              quiet: true,
              cell: (row) =>
                row.state === "PORT_OUT_STATE_REQUESTED" && (
                  <Group gap={6} wrap="nowrap">
                    <Button size="xs" onClick={() => setAsking({ out: row, agree: true })}>
                      {t("portOut.agree")}
                    </Button>
                    <Button size="xs" variant="default" onClick={() => setAsking({ out: row, agree: false })}>
                      {t("portOut.refuse")}
                    </Button>
                  </Group>
                ),
            },
          ]}
        />
      )}
      {asking && <Answer {...asking} onClose={() => setAsking(undefined)} onDone={refresh} />}
      {settingPin && <PinForm onClose={() => setSettingPin(false)} onDone={refresh} />}
    </Panel>
  );
}

function Answer(props: { out: PortOut; agree: boolean; onClose: () => void; onDone: () => Promise<void> }) {
  const t = useText();
  const [said, setSaid] = useState("");
  const params = { path: { portOutId: props.out.portOutId ?? "" } };
  const save = async () => {
    await ask(
      props.agree
        ? api.POST("/v1/portOuts/{portOutId}:confirm", { params, body: { pin: said } })
        : api.POST("/v1/portOuts/{portOutId}:refuse", { params, body: { reason: said } }),
    );
    await props.onDone();
  };
  return (
    <FormModal
      title={t(props.agree ? "portOut.agreeTitle" : "portOut.refuseTitle")}
      onClose={props.onClose}
      onSave={save}
      saveLabel={t(props.agree ? "portOut.agree" : "portOut.refuse")}
      saveColor={props.agree ? "red" : undefined}
      testId="port-out"
    >
      {(problem) => (
        <>
          <Text>{t(props.agree ? "portOut.agreeBody" : "portOut.refuseBody")}</Text>
          <Text className="m-ltr m-figures">{(props.out.numbers ?? []).join(", ")}</Text>
          {props.agree ? (
            <PasswordField
              label={t("portOut.pin")}
              required
              inputMode="numeric"
              autoComplete="off"
              value={said}
              onChange={(event) => setSaid(event.currentTarget.value)}
              data-testid="port-out-said"
            />
          ) : (
            <Textarea
              label={t("operator.reason")}
              required
              maxLength={500}
              value={said}
              error={fieldProblem(problem, "reason")}
              onChange={(event) => setSaid(event.currentTarget.value)}
              data-testid="port-out-said"
            />
          )}
        </>
      )}
    </FormModal>
  );
}

function PinForm(props: { onClose: () => void; onDone: () => Promise<void> }) {
  const t = useText();
  const [pin, setPin] = useState("");
  const save = async () => {
    await ask(api.POST("/v1/portOuts:setPin", { body: { pin } }));
    toast(t("portOut.pinSet"));
    await props.onDone();
  };
  return (
    <FormModal title={t("portOut.setPin")} onClose={props.onClose} onSave={save} testId="port-out-pin-form">
      {(problem) => (
        <PasswordField
          label={t("portOut.pin")}
          description={t("portOut.pinHint")}
          inputWrapperOrder={HINT_BELOW}
          required
          inputMode="numeric"
          autoComplete="new-password"
          value={pin}
          error={fieldProblem(problem, "pin") && t("portOut.pinHint")}
          onChange={(event) => setPin(event.currentTarget.value)}
          data-testid="port-out-new-pin"
        />
      )}
    </FormModal>
  );
}
