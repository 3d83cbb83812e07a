import { Button } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { PortOrder } from "../../../api/types.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { isDraft, isStopped } from "./states.ts";

/** Which numbers come, and of each whether it can. */
export function OrderNumbers(props: { order: PortOrder; onChange: (order: PortOrder) => Promise<void> }) {
  const t = useText();
  const { order } = props;
  const [problem, setProblem] = useState<unknown>();
  const numbers = order.numbers ?? [];
  const stuck = numbers.filter((each) => each.portability === "PORTABILITY_NONE");
  const leaveOut = async () => {
    setProblem(undefined);
    try {
      const params = { path: { portOrderId: order.portOrderId ?? "" } };
      const body = { removedNumbers: stuck.map((each) => each.number ?? ""), version: order.version };
      await props.onChange(await ask(api.PATCH("/v1/portOrders/{portOrderId}", { params, body })));
    } catch (error) {
      setProblem(error);
    }
  };
  const removable = stuck.length > 0 && stuck.length < numbers.length && (isDraft(order) || isStopped(order));
  return (
    <div style={{ marginBlock: 16 }}>
      <ProblemNote problem={problem} />
      <Panel flush>
        <DataTable
          label={t("porting.numbers")}
          rows={numbers}
          keyOf={(row) => row.number ?? ""}
          columns={[
            {
              head: t("setUp.number.pick"),
              cell: (row) => <span className="m-ltr m-figures">{row.number}</span>,
            },
            {
              head: t("porting.canCome"),
              cell: (row) => (
                <Tag tone={row.portability === "PORTABILITY_NONE" ? "bad" : "neutral"}>
                  {textOr("portability", (row.portability ?? "").replace("PORTABILITY_", ""))}
                </Tag>
              ),
            },
            { head: t("porting.losingCarrier"), cell: (row) => <bdi>{row.losingCarrier || "–"}</bdi> },
            { head: t("porting.carrierSays"), cell: (row) => <bdi>{row.problem || "–"}</bdi> },
          ]}
        />
      </Panel>
      {removable && (
        <Button mt="sm" variant="default" onClick={() => void leaveOut()} data-testid="port-leave-out">
          {t("porting.leaveOut")}
        </Button>
      )}
    </div>
  );
}
