import { IconGauge } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Meter } from "../../api/types.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { MeterForm } from "./MeterForm.tsx";
import classes from "./operator.module.css";

/** What is counted: the meters every installation has, and those that operators define for programs to feed. */
export default function Meters() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("meters");
  const [editing, setEditing] = useState<Meter>();
  const nameOf = (row: Meter) =>
    row.builtIn ? textOr("meter", row.meter ?? "") : row.names?.[language] || row.names?.en || row.meter;
  const nothing = <span className={classes.small}>–</span>;
  return (
    <>
      <ListPage<Meter>
        noun="meter"
        title={t("meters.title")}
        lead={t("meters.lead")}
        queryKey={["meters", "all"]}
        read={async () => ({ rows: (await ask(api.GET("/v1/meters"))).meters ?? [], next: "" })}
        icon={IconGauge}
        emptyTitle={t("meters.none")}
        emptyBody={t("meters.lead")}
        idOf={(row) => row.meter}
        nameOf={nameOf}
        add={{ label: t("meters.add"), onClick: () => setEditing({}) }}
        columns={[
          {
            head: t("common.name"),
            cell: (row) => (
              <>
                <bdi>{nameOf(row)}</bdi>{" "}
                {row.builtIn ? (
                  <Tag>{t("meters.builtIn")}</Tag>
                ) : (
                  row.archived && <Tag tone="warn">{t("meters.archived")}</Tag>
                )}
                <div className={`${classes.small} m-ltr`}>{row.meter}</div>
              </>
            ),
          },
          { head: t("meters.unit"), cell: (row) => <span className="m-ltr">{row.unit}</span> },
          {
            head: t("meters.aggregation"),
            cell: (row) => (
              <>
                {textOr("meters.aggregation", row.aggregation ?? "")}
                {row.uniqueProperty && <div className={`${classes.small} m-ltr`}>{row.uniqueProperty}</div>}
                {row.recurring && <div className={classes.small}>{t("meters.goesOn")}</div>}
              </>
            ),
          },
          {
            head: t("meters.groupBy"),
            cell: (row) =>
              row.groupBy?.length ? <span className="m-ltr">{row.groupBy.join(", ")}</span> : nothing,
          },
          {
            head: t("common.actions"),
            quiet: true,
            cell: (row) =>
              !row.builtIn && (
                <RowActions
                  name={nameOf(row) ?? ""}
                  testId={`meter-${row.meter}`}
                  onEdit={() => setEditing(row)}
                />
              ),
          },
        ]}
      />
      {editing && <MeterForm meter={editing} onClose={() => setEditing(undefined)} onDone={refresh} />}
    </>
  );
}
