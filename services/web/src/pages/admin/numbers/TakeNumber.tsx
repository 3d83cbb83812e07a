import { Button, Select, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { optionsOf, useBrands } from "../../../api/names.ts";
import { asProblem, type Problem } from "../../../api/problem.ts";
import type { PhoneNumber } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { SelectField } from "../../../ui/fields.tsx";
import { Note, Tag } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DateTime, Remaining } from "../../../ui/Time.tsx";
import { useFlows } from "../../flows/useFlow.ts";
import { carries, typeName } from "./kinds.ts";
import { EVERYTHING, type Looked, NumberFilters, queryOf } from "./NumberFilters.tsx";
import classes from "./numbers.module.css";

/** Looks for a free number, keeps the chosen one for a quarter of an hour, and takes it for a brand. */
export function TakeNumber(props: { onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const brands = useBrands().data ?? [];
  const flows = useFlows().data ?? [];
  const [looked, setLooked] = useState<Looked>(EVERYTHING);
  const settled = useSettled(looked);
  const free = useInfiniteQuery({
    queryKey: ["freeNumbers", settled],
    queryFn: ({ pageParam }) =>
      ask(
        api.GET("/v1/numbers:available", {
          params: { query: { ...queryOf(settled), pageSize: 50, pageToken: pageParam } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
    retry: false,
  });
  const numbers = free.data?.pages.flatMap((page) => page.numbers ?? []) ?? [];
  const [held, setHeld] = useState<PhoneNumber>();
  const [wanted, setWanted] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [wrong, setWrong] = useState(false);
  const [brandId, setBrandId] = useState("");
  const [flowId, setFlowId] = useState("");
  const [attempt, setAttempt] = useState({ id: newRequestId(), of: "" });
  const chosenBrand = brandId || brands[0]?.brandId || "";
  const chosenFlow = flowId || flows[0]?.flowId || "";
  const drop = async (number: PhoneNumber | undefined) => {
    if (number?.kept !== "NUMBER_KEPT_HOLD") return;
    const params = { path: { number: number.number ?? "" } };
    await ask(api.POST("/v1/numbers/{number}:drop", { params, body: {} })).catch(() => undefined);
  };
  const choose = async (number: string) => {
    setProblem(undefined);
    setWrong(false);
    setWanted(number);
    const before = held;
    try {
      setHeld(await ask(api.POST("/v1/numbers/{number}:hold", { params: { path: { number } }, body: {} })));
      if (before?.number !== number) await drop(before);
    } catch (error) {
      setProblem(asProblem(error));
      setWanted(before?.number ?? "");
      await free.refetch();
    }
  };
  const save = async () => {
    if (!held?.number || held.number !== wanted) {
      setWrong(true);
      return false;
    }
    const body = { number: held.number, brandId: chosenBrand, flowId: chosenFlow };
    const of = JSON.stringify(body);
    const requestId = attempt.of === of ? attempt.id : newRequestId();
    setAttempt({ id: requestId, of });
    await ask(api.POST("/v1/numbers", { body: { ...body, requestId } }));
    await props.onSaved();
    toast(t("numberSearch.taken", { number: held.number }));
    return true;
  };
  const close = () => {
    void drop(held);
    props.onClose();
  };
  return (
    <FormModal
      title={t("admin.numbers.add")}
      onClose={close}
      onSave={async () => {
        if (await save()) props.onClose();
        return false;
      }}
      saveLabel={t("numberSearch.take")}
      size="xl"
      testId="number"
    >
      <NumberFilters value={looked} onChange={setLooked} testId="number-search" />
      <ProblemNote problem={problem ?? (free.isError ? asProblem(free.error) : undefined)} />
      <fieldset className={classes.choices} aria-describedby={wrong ? "number-wrong" : undefined}>
        <legend>{t("setUp.number.pick")}</legend>
        <div className={classes.found} data-testid="number-found">
          {numbers.length === 0 && !free.isPending && (
            <Text p="md" c="dimmed">
              {t("numberSearch.none")}
            </Text>
          )}
          {numbers.map((each) => (
            <div key={each.number} className={classes.choice}>
              {/* Mantine's own radio would take a part of the shell's menus into a file of its own. */}
              <input
                type="radio"
                name="number"
                id={`number-${each.number}`}
                value={each.number ?? ""}
                checked={each.number === wanted}
                onChange={() => void choose(each.number ?? "")}
                data-testid={`number-found-${each.number}`}
              />
              <label htmlFor={`number-${each.number}`} className={classes.line}>
                <span className={`m-ltr m-figures ${classes.number}`}>{each.number}</span>
                <span className={classes.what}>
                  {typeName(each.type)} · {carries(each.capabilities, t)}
                </span>
                {each.test && <Tag>{t("admin.numbers.test")}</Tag>}
                {each.kept === "NUMBER_KEPT_QUARANTINE" && <Tag tone="info">{t("numberSearch.yours")}</Tag>}
              </label>
            </div>
          ))}
        </div>
        {wrong && (
          <p id="number-wrong" role="alert" className={classes.wrong}>
            {t("numberSearch.chooseOne")}
          </p>
        )}
      </fieldset>
      {free.hasNextPage && (
        <Button
          variant="default"
          size="xs"
          loading={free.isFetchingNextPage}
          onClick={() => void free.fetchNextPage()}
        >
          {t("common.loadMore")}
        </Button>
      )}
      {held?.kept === "NUMBER_KEPT_HOLD" && (
        <Note testId="number-held" live>
          {t("numberSearch.held")} <Remaining until={held.keptUntilTime} />
        </Note>
      )}
      <Stack gap="sm">
        <SelectField
          label={t("desktop.brand")}
          required
          data={optionsOf(brands, "brandId")}
          value={chosenBrand || null}
          onChange={(value) => setBrandId(value ?? "")}
        />
        <Select
          label={t("admin.numbers.flow")}
          data={optionsOf(flows, "flowId")}
          value={chosenFlow || null}
          onChange={(value) => setFlowId(value ?? "")}
        />
        {flows.length === 0 && (
          <Button component="a" href="/admin/flows" variant="subtle">
            {t("nav.flows")}
          </Button>
        )}
      </Stack>
    </FormModal>
  );
}

/** Numbers the company gave back: until their time has passed they are offered to nobody else. */
export function RestingNumbers(props: { numbers: readonly PhoneNumber[]; onTake: () => void }) {
  const t = useText();
  if (props.numbers.length === 0) return null;
  return (
    <div style={{ marginBlockEnd: 16 }}>
      <Note tone="info" title={t("numberSearch.resting")} testId="resting-numbers">
        {t("numberSearch.restingBody")}
        {props.numbers.map((each) => (
          <div key={each.number} className={classes.resting}>
            <span className="m-ltr m-figures">{each.number}</span>
            <span>
              {t("numberSearch.until")} <DateTime value={each.keptUntilTime} />
            </span>
          </div>
        ))}
        <Button size="xs" variant="default" mt="xs" onClick={props.onTake} data-testid="resting-take">
          {t("numberSearch.takeBack")}
        </Button>
      </Note>
    </div>
  );
}

/** A value once it hasn't changed for a moment: typing isn't asking. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    timer.current = setTimeout(() => setSettled(value), 300);
    return () => clearTimeout(timer.current);
  }, [value]);
  return settled;
}
