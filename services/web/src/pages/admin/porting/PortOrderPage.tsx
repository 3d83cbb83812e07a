import { Anchor, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { PortOrder } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DateForm } from "./DateForm.tsx";
import { DetailsForm } from "./DetailsForm.tsx";
import { Documents } from "./Documents.tsx";
import { Lanes } from "./Lanes.tsx";
import { OrderNumbers } from "./OrderNumbers.tsx";
import classes from "./porting.module.css";
import { Steps } from "./Steps.tsx";
import { isDraft, isOver, isStopped, nextStep, numbersInShort, type Step } from "./states.ts";
import { TimeLine } from "./TimeLine.tsx";

const ASKED_MS = 3_000;
const CALM_MS = 15_000;

/** An order: a form in steps until it is sent off, then how each channel stands, and what happened when. */
export function PortOrderPage({ portOrderId }: { portOrderId: string }) {
  const t = useText();
  const queries = useQueryClient();
  const key = ["portOrders", portOrderId];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: () => ask(api.GET("/v1/portOrders/{portOrderId}", { params: { path: { portOrderId } } })),
    refetchInterval: ({ state }) =>
      state.data && isOver(state.data)
        ? false
        : state.data && nextStep(state.data) === "check"
          ? ASKED_MS
          : CALM_MS,
  });
  const [cancelling, setCancelling] = useState(false);
  if (!data) return error ? <ProblemNote problem={error} onRetry={() => void refetch()} /> : <Loading />;
  const changed = async (order: PortOrder) => {
    queries.setQueryData(key, order);
    await queries.invalidateQueries({ queryKey: ["portEvents", portOrderId] });
  };
  const cancel = async () => {
    const params = { path: { portOrderId } };
    await changed(await ask(api.POST("/v1/portOrders/{portOrderId}:cancel", { params, body: {} })));
  };
  const cancellable = (data.lanes ?? []).some((lane) => lane.cancellable);
  return (
    <>
      <PageHeader
        title={t("porting.order", { numbers: `\u2066${numbersInShort(data)}\u2069` })}
        subtitle={
          <Anchor component={Link} href="/admin/numbers/porting">
            {t("porting.all")}
          </Anchor>
        }
        actions={
          cancellable && (
            <Button variant="default" onClick={() => setCancelling(true)} data-testid="port-cancel">
              {t("porting.cancel")}
            </Button>
          )
        }
      />
      <Notes order={data} />
      <Lanes order={data} />
      {isDraft(data) ? <Wizard order={data} onChange={changed} /> : <Known order={data} onChange={changed} />}
      <TimeLine portOrderId={portOrderId} version={data.version ?? 0} onChange={changed} />
      <Confirm
        opened={cancelling}
        title={t("porting.cancelTitle")}
        body={t("porting.cancelBody")}
        confirm={t("porting.cancel")}
        onClose={() => setCancelling(false)}
        onConfirm={cancel}
      />
    </>
  );
}

function Notes({ order }: { order: PortOrder }) {
  const t = useText();
  const stopped = (order.lanes ?? [])
    .filter((lane) => lane.state === "PORT_STATE_EXCEPTION")
    // What stops both channels is said once.
    .filter(({ exception }, at, all) => all.findIndex((each) => each.exception === exception) === at);
  return (
    <Stack gap="xs" mb="md">
      {order.carrierAway && (
        <Note tone="warn" live testId="port-carrier-away">
          {t("porting.carrierAway")}
        </Note>
      )}
      {order.cancelling && <Note live>{t("porting.cancelling")}</Note>}
      {stopped.map((lane) => (
        <Note
          key={lane.channel}
          tone="bad"
          title={textOr("portException", lane.exception ?? "OTHER")}
          testId={`port-exception-${lane.exception}`}
        >
          {textOr("portNext", lane.exception ?? "OTHER")}
          {lane.exceptionNote && (
            <div>
              {t("porting.carrierSays")} <q dir="auto">{lane.exceptionNote}</q>
            </div>
          )}
        </Note>
      ))}
    </Stack>
  );
}

interface Changing {
  order: PortOrder;
  onChange: (order: PortOrder) => Promise<void>;
}

/** Details, documents, day, review: each step is left for the next one when it is saved, and may be gone back to. */
function Wizard({ order, onChange }: Changing) {
  const t = useText();
  const due = nextStep(order);
  const [back, setBack] = useState<Step>();
  const step = due === "check" ? due : (back ?? due);
  const saved = async (changed: PortOrder) => {
    setBack(undefined);
    await onChange(changed);
  };
  return (
    <>
      <Steps current={step} />
      <Panel label={t(`porting.step.${step}`)} testId={`port-step-${step}`}>
        {step === "check" && (
          <Group>
            <Loader size="sm" aria-hidden />
            <Text role="status">{t("porting.checking")}</Text>
          </Group>
        )}
        {step === "details" && <DetailsForm order={order} onChange={saved} />}
        {step === "documents" && <Documents order={order} onChange={onChange} />}
        {step === "date" && <DateForm order={order} onChange={saved} />}
        {step === "review" && <Review order={order} onChange={onChange} onBack={setBack} />}
        {back && (
          <Button mt="md" variant="subtle" onClick={() => setBack(undefined)}>
            {t("porting.goOn")}
          </Button>
        )}
      </Panel>
      <OrderNumbers order={order} onChange={onChange} />
    </>
  );
}

function Review({ order, onChange, onBack }: Changing & { onBack: (step: Step) => void }) {
  const t = useText();
  return (
    <Stack>
      <Text>{t("porting.reviewLead")}</Text>
      <Facts order={order} />
      <Group>
        {(["details", "documents", "date"] as const).map((step) => (
          <Button key={step} size="xs" variant="default" onClick={() => onBack(step)}>
            {t("porting.change", { what: t(`porting.step.${step}`) })}
          </Button>
        ))}
      </Group>
      <Submit order={order} onChange={onChange} label={t("porting.submit")} />
    </Stack>
  );
}

/** After it was sent off; what stopped can be corrected and goes off again. */
function Known({ order, onChange }: Changing) {
  const t = useText();
  const [editing, setEditing] = useState(false);
  const stopped = isStopped(order);
  return (
    <>
      <Panel label={t("porting.step.details")}>
        <Stack>
          {editing ? (
            <DetailsForm
              order={order}
              onChange={async (changed) => {
                setEditing(false);
                await onChange(changed);
              }}
            />
          ) : (
            order.details && <Facts order={order} />
          )}
          {stopped && (
            <>
              {!editing && (
                <Group>
                  <Button variant="default" onClick={() => setEditing(true)} data-testid="port-correct">
                    {t("porting.correct")}
                  </Button>
                </Group>
              )}
              <DateForm order={order} onChange={onChange} />
              <Documents order={order} onChange={onChange} />
              <Submit order={order} onChange={onChange} label={t("porting.submitAgain")} />
            </>
          )}
        </Stack>
      </Panel>
      <OrderNumbers order={order} onChange={onChange} />
    </>
  );
}

function Submit({ order, onChange, label }: Changing & { label: string }) {
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [requestId, setRequestId] = useState(newRequestId);
  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const params = { path: { portOrderId: order.portOrderId ?? "" } };
      const body = { requestId, version: order.version };
      await onChange(await ask(api.POST("/v1/portOrders/{portOrderId}:submit", { params, body })));
    } catch (error) {
      setProblem(error);
    } finally {
      setRequestId(newRequestId());
      setBusy(false);
    }
  };
  return (
    <div>
      <ProblemNote problem={problem} />
      <Button loading={busy} onClick={() => void submit()} data-testid="port-submit">
        {label}
      </Button>
    </div>
  );
}

function Facts({ order }: { order: PortOrder }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const { details } = order;
  const place = details?.address;
  const said: readonly (readonly [string, string | undefined])[] = [
    [t("desktop.brand"), names.brand(order.brandId)],
    [t("porting.losingCarrier"), details?.losingCarrier],
    [t("porting.accountNumber"), details?.accountNumber],
    [t("porting.person"), details?.authorizedPerson],
    [
      t("porting.address"),
      place &&
        [place.street, place.unit, place.city, place.region, place.postalCode].filter(Boolean).join(", "),
    ],
    [t("porting.documents"), (order.documents ?? []).map((each) => each.fileName).join(", ")],
    [t("porting.date"), order.wantedDate && formatDate(order.wantedDate, language, "UTC")],
  ];
  return (
    <dl className={classes.facts}>
      {said.map(([term, value]) => (
        <div key={term} style={{ display: "contents" }}>
          <dt>{term}</dt>
          <dd>
            <bdi>{value || "–"}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}
